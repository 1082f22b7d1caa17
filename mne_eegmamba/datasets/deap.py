"""DEAP: emotion while watching music videos, 32 subjects."""

import pickle
from functools import partial
from pathlib import Path

import numpy as np

from mne_eegmamba.datasets.about import About, name_folds
from mne_eegmamba.datasets.pieces import Piece, epochs_from_pieces, make_raw
from mne_eegmamba.datasets.recordings import Recording, load_recordings, pick_subjects

__all__ = ["ABOUT", "find", "load", "read"]

ABOUT = About(
    name="deap",
    title="DEAP",
    task="emotion",
    classes=("low", "high"),
    n_channels=4,
    duration=60.0,
    folds=name_folds("s{:02d}", (1, 6), (7, 12), (13, 18), (19, 25), (26, 32)),
    url="https://www.eecs.qmul.ac.uk/mmv/datasets/deap/",
    licence="End user licence agreement: research only, not to be passed on",
    how_to_get=(
        "Sign the end user licence agreement on the page of the data set and ask its "
        "authors for access; then download data_preprocessed_python.zip."
    ),
    citation=(
        "Koelstra, S. et al. (2012). DEAP: a database for emotion analysis using "
        "physiological signals. IEEE Transactions on Affective Computing 3, 18-31."
    ),
    layout="data_preprocessed_python/s01.dat ... s32.dat",
)
EVENT_ID = {"low": 1, "high": 2}
SCALES = ("valence", "arousal", "dominance", "liking")
SFREQ = 128.0
BASELINE = 3.0  # seconds before the film
N_TIMES = 8064  # of a trial: baseline and one minute
N_CHANNELS = 40
ROWS = {"Fp1": 0, "Fp2": 16, "F3": 2, "C4": 24}  # the paper's channels, in its order


def find(path, subjects=None):
    """Find the recordings of DEAP.

    Parameters
    ----------
    path : str | pathlib.Path
        The folder ``data_preprocessed_python``, or the one that it is in.
    subjects : list of str | None, default=None
        Subjects to keep, such as ``["s01", "s32"]``; None keeps all on disk.

    Returns
    -------
    recordings : list of Recording
        One per subject, in the order of their names.

    Raises
    ------
    FileNotFoundError
        If there are no recordings.
    ValueError
        If a subject is not on disk.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from mne_eegmamba.datasets import deap
    >>> from mne_eegmamba.datasets.simulate import simulate
    >>> with TemporaryDirectory() as folder:
    ...     [recording.name for recording in deap.find(simulate("deap", folder))]
    ['s01', 's02']
    """
    path = Path(path)
    files = [
        *path.glob("s[0-9][0-9].dat"),
        *(path / "data_preprocessed_python").glob("s[0-9][0-9].dat"),
    ]
    found = [
        Recording(name=file.stem, subject=file.stem, session="1", signal=file)
        for file in sorted(files)
    ]
    return pick_subjects(found, subjects, f"{path} has no {ABOUT.layout}")


def read(
    recording, *, scale="valence", threshold=4.5, sfreq=200.0, l_freq=0.1, h_freq=50.0
):
    """Read one subject of DEAP: 40 trials, one epoch of 60 s each.

    Parameters
    ----------
    recording : Recording
        One of those that `find` gives.
    scale : "valence" | "arousal" | "dominance" | "liking", default="valence"
        Which of the subject's own ratings (1 to 9) is the label. The paper does not
        say which it took.
    threshold : float, default=4.5
        Ratings of this value or more are ``"high"``, those below ``"low"``. The paper
        does not say what a rating of exactly 4.5 is.
    sfreq : float, default=200.0
        Rate of the epochs in Hz; the files have 128 Hz.
    l_freq, h_freq : float | None, default=0.1, 50.0
        Band in Hz, see Notes.

    Returns
    -------
    epochs : mne.EpochsArray
        Channels Fp1, Fp2, F3, C4 in volts. ``metadata`` has subject, session,
        recording, onset (in seconds, as if the trials lay end to end), trial and
        rating.

    Raises
    ------
    ValueError
        If the file is not a whole pickle of DEAP's arrays, if it holds anything but
        numpy arrays, or if ``scale`` is not one of the four.

    Notes
    -----
    The public files were filtered to 4-45 Hz and cut to trials of 63 s by the authors
    of the data set. The band of the paper is wider and changes little; it is applied
    to each trial of 63 s, before the 3 s of baseline are cut off.

    The files are pickles, which could run any code. They are read with an unpickler
    that refuses everything except numpy arrays and plain containers.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from mne_eegmamba.datasets import deap
    >>> from mne_eegmamba.datasets.simulate import simulate
    >>> with TemporaryDirectory() as folder:
    ...     recordings = deap.find(simulate("deap", folder, n_subjects=1))
    ...     epochs = deap.read(recordings[0], scale="arousal")
    >>> epochs.get_data().shape
    (8, 4, 12000)
    """
    _check_scale(scale)
    data, ratings = _read_arrays(recording.signal)
    rating = ratings[:, SCALES.index(scale)]
    codes = np.where(rating >= threshold, EVENT_ID["high"], EVENT_ID["low"])
    pieces = (
        Piece(
            make_raw(trial[list(ROWS.values())], ROWS, SFREQ),
            number=number,
            begins=(number - 1) * N_TIMES / SFREQ,
            starts=np.array([BASELINE]),
            codes=np.array([code]),
        )
        for number, (trial, code) in enumerate(zip(data, codes, strict=True), 1)
    )
    epochs = epochs_from_pieces(
        pieces,
        recording,
        kind="trial",
        event_id=EVENT_ID,
        duration=N_TIMES / SFREQ - BASELINE,
        sfreq=sfreq,
        l_freq=l_freq,
        h_freq=h_freq,
    )
    epochs.metadata["rating"] = rating
    return epochs


def load(
    path,
    subjects=None,
    *,
    scale="valence",
    threshold=4.5,
    sfreq=200.0,
    l_freq=0.1,
    h_freq=50.0,
    on_error="raise",
):
    """Load DEAP: high against low ratings of music videos.

    Parameters
    ----------
    path : str | pathlib.Path
        The folder ``data_preprocessed_python``, or the one that it is in.
    subjects : list of str | None, default=None
        Subjects to load, such as ``["s01", "s32"]``; None loads all on disk.
    scale : "valence" | "arousal" | "dominance" | "liking", default="valence"
        Which of the subject's own ratings (1 to 9) is the label.
    threshold : float, default=4.5
        Ratings of this value or more are ``"high"``, those below ``"low"``.
    sfreq : float, default=200.0
        Rate of the epochs in Hz.
    l_freq, h_freq : float | None, default=0.1, 50.0
        Band in Hz, applied to each trial before its baseline is cut off.
    on_error : "raise" | "warn", default="raise"
        Whether a file that cannot be read is an error, or is left out with a warning.

    Returns
    -------
    epochs : mne.EpochsArray
        Epochs of 60 s of the channels Fp1, Fp2, F3, C4 in volts, of the classes
        ``"low"`` and ``"high"``; `read` says more of them.

    Raises
    ------
    FileNotFoundError
        If there are no recordings.
    ValueError
        If a parameter is not allowed, or a recording cannot be read.

    References
    ----------
    .. [1] Koelstra, S. et al. (2012). DEAP: a database for emotion analysis using
           physiological signals. IEEE Transactions on Affective Computing 3, 18-31.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from mne_eegmamba.datasets import deap
    >>> from mne_eegmamba.datasets.simulate import simulate
    >>> with TemporaryDirectory() as folder:
    ...     epochs = deap.load(simulate("deap", folder), subjects=["s02"])
    >>> epochs.ch_names, len(epochs["high"]), len(epochs["low"])
    (['Fp1', 'Fp2', 'F3', 'C4'], 4, 4)
    """
    _check_scale(scale)
    reader = partial(
        read,
        scale=scale,
        threshold=threshold,
        sfreq=sfreq,
        l_freq=l_freq,
        h_freq=h_freq,
    )
    return load_recordings(find(path, subjects), reader, on_error)


def _check_scale(scale):
    """Refuse what is not a scale."""
    if scale not in SCALES:
        raise ValueError(f"The `scale` of DEAP must be one of {SCALES}. Got {scale!r}.")


def _read_arrays(path):
    """Return trials (n_trials, 40, 8064) in microvolts and ratings (n_trials, 4)."""
    with path.open("rb") as file:
        try:
            content = _ArrayUnpickler(file, encoding="latin1").load()
        except Exception as error:  # a broken pickle can raise anything
            raise ValueError(
                f"{path.name} is not a whole pickle of arrays: {error}"
            ) from error
    if not isinstance(content, dict) or not {"data", "labels"} <= set(content):
        raise ValueError(f"{path.name} must hold a dict with data and labels")
    data, ratings = np.asarray(content["data"]), np.asarray(content["labels"])
    n_trials = len(data) if data.ndim else 0
    expected = (n_trials, N_CHANNELS, N_TIMES), (n_trials, len(SCALES))
    if (data.shape, ratings.shape) != expected:
        raise ValueError(
            f"data and labels must have the shapes (n_trials, {N_CHANNELS}, {N_TIMES}) "
            f"and (n_trials, {len(SCALES)}). Got {data.shape} and {ratings.shape}."
        )
    return data, ratings


class _ArrayUnpickler(pickle.Unpickler):
    """Builds numpy arrays and refuses all other names, so that no code can run."""

    def find_class(self, module, name):
        """Give the few things an array is made of."""
        if name == "_reconstruct" and module in (
            "numpy.core.multiarray",  # what numpy 1 wrote
            "numpy._core.multiarray",
        ):
            return np.empty(0).__reduce__()[0]
        if (module, name) == ("numpy", "ndarray"):
            return np.ndarray
        if (module, name) == ("numpy", "dtype"):
            return np.dtype
        raise pickle.UnpicklingError(
            f"it asks for {module}.{name}, but only numpy arrays are read"
        )
