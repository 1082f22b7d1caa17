"""BCI competition IV, set 2a: imagery of four movements, 9 subjects on two days."""

import re
from functools import partial
from pathlib import Path

import mne
import numpy as np

from mne_eegmamba.datasets.about import About, name_folds
from mne_eegmamba.datasets.bci_iv_2a_forms import CH_NAMES, read_runs
from mne_eegmamba.datasets.mat import mat_variables
from mne_eegmamba.datasets.pieces import Piece, epochs_from_pieces, make_raw
from mne_eegmamba.datasets.recordings import Recording, load_recordings, pick_subjects

__all__ = ["ABOUT", "fetch", "find", "load", "read"]

ABOUT = About(
    name="bci_iv_2a",
    title="BCI competition IV 2a",
    task="motor imagery",
    classes=("left_hand", "right_hand", "feet", "tongue"),
    n_channels=22,
    duration=3.0,
    folds=name_folds("A{:02d}", (1, 2), (3, 4), (5, 6), (7, 8), (9, 9)),
    url="https://www.bbci.de/competition/iv/",
    licence="CC BY-ND 4.0",
    how_to_get=(
        "Call fetch(), which downloads the MAT files of BNCI Horizon 2020 through "
        "MOABB; or download the GDF files and the true labels from the page of the "
        "competition."
    ),
    citation=(
        "Tangermann, M. et al. (2012). Review of the BCI competition IV. Frontiers in "
        "Neuroscience 6, 55."
    ),
    layout=(
        "A01T.gdf, A01E.gdf and A01E.mat with classlabel, or A01T.mat, A01E.mat of "
        "BNCI, or A01T.npz, A01E.npz and A01E.mat"
    ),
)
EVENT_ID = {"left_hand": 1, "right_hand": 2, "feet": 3, "tongue": 4}
_FILE = re.compile(r"(A0[1-9][TE])\.(gdf|npz|mat)")
_FORMS = ("gdf", "npz", "mat")  # which is read where there are several


def find(path, subjects=None):
    """Find the recordings of BCI competition IV 2a.

    Parameters
    ----------
    path : str | pathlib.Path
        The folder of the data set; folders inside it are searched. Of a session that is
        there in several forms the GDF file is taken, or else the npz file.
    subjects : list of str | None, default=None
        Subjects to keep, such as ``["A01", "A09"]``; None keeps all on disk.

    Returns
    -------
    recordings : list of Recording
        One per subject and session (``"T"`` training, ``"E"`` evaluation), in the order
        of their names. A session of which only the labels are there is one too, which
        cannot be read.

    Raises
    ------
    FileNotFoundError
        If there are no recordings.
    ValueError
        If a subject is not on disk.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from mne_eegmamba.datasets import bci_iv_2a
    >>> from mne_eegmamba.datasets.simulate import simulate
    >>> with TemporaryDirectory() as folder:
    ...     found = bci_iv_2a.find(simulate("bci_iv_2a", folder, n_subjects=1))
    >>> [(recording.name, recording.signal.suffix) for recording in found]
    [('A01E', '.gdf'), ('A01T', '.gdf')]
    """
    signals, labels = {}, {}
    for file in sorted(Path(path).rglob("A0*")):
        match = _FILE.fullmatch(file.name)
        if not match:
            continue
        name, form = match.groups()
        if form == "mat" and "classlabel" in mat_variables(file):
            labels[name] = file
        else:
            signals.setdefault(name, {}).setdefault(form, file)
    found = [
        _recording(name, signals.get(name, {}), labels.get(name))
        for name in sorted({*signals, *labels})
    ]
    return pick_subjects(found, subjects, f"{path} has no {ABOUT.layout}")


def read(
    recording,
    *,
    tmin=3.0,
    duration=3.0,
    rejected="drop",
    sfreq=200.0,
    l_freq=0.1,
    h_freq=50.0,
):
    """Read one session of BCI competition IV 2a: up to 288 trials.

    Parameters
    ----------
    recording : Recording
        One of those that `find` gives.
    tmin : float, default=3.0
        Beginning of an epoch in seconds after the start of its trial. The cue comes at
        2 s and goes at 3.25 s; the schedule of the competition calls 3 s to 6 s motor
        imagery. The paper says 3 s long, not where.
    duration : float, default=3.0
        Seconds of an epoch.
    rejected : "drop" | "keep", default="drop"
        What becomes of trials in which the experts saw artifacts.
    sfreq : float, default=200.0
        Rate of the epochs in Hz; the files have 250 Hz.
    l_freq, h_freq : float | None, default=0.1, 50.0
        Band in Hz. The amplifier passed 0.5-100 Hz without 50 Hz. The band is applied
        to each run by itself: between runs samples are missing.

    Returns
    -------
    epochs : mne.EpochsArray
        22 channels in volts. ``metadata`` has subject, session, recording, onset (of
        the epoch, in seconds from the beginning of the file) and run (from 1, those
        without trials counted).

    Raises
    ------
    ValueError
        If a file is not whole, if the labels of an evaluation session are missing or do
        not fit, or if a parameter is not allowed.

    Warns
    -----
    RuntimeWarning
        If epochs run into missing samples or over the end of a run; they are left out.

    Notes
    -----
    The evaluation sessions of the GDF and npz files have cues of the type 783, unknown;
    their classes are the ``classlabel`` of a MAT file of the same name. In the MAT
    files of BNCI the runs for the eyes have no labels and are passed over; most
    sessions have three, A04T has one.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from mne_eegmamba.datasets import bci_iv_2a
    >>> from mne_eegmamba.datasets.simulate import simulate
    >>> with TemporaryDirectory() as folder:
    ...     recordings = bci_iv_2a.find(simulate("bci_iv_2a", folder, n_subjects=1))
    ...     epochs = bci_iv_2a.read(recordings[0], rejected="keep")
    >>> epochs.get_data().shape
    (16, 22, 600)
    """
    _check_rules(tmin, duration, rejected)
    return epochs_from_pieces(
        _pieces(recording, tmin, duration, rejected == "keep"),
        recording,
        kind="run",
        event_id=EVENT_ID,
        duration=duration,
        sfreq=sfreq,
        l_freq=l_freq,
        h_freq=h_freq,
    )


def load(
    path,
    subjects=None,
    *,
    tmin=3.0,
    duration=3.0,
    rejected="drop",
    sfreq=200.0,
    l_freq=0.1,
    h_freq=50.0,
    on_error="raise",
):
    """Load BCI competition IV 2a: imagery of left hand, right hand, feet and tongue.

    Parameters
    ----------
    path : str | pathlib.Path
        The folder of the data set, or what `fetch` gives.
    subjects : list of str | None, default=None
        Subjects to load, such as ``["A01", "A09"]``; None loads all on disk.
    tmin : float, default=3.0
        Beginning of an epoch in seconds after the start of its trial; the cue comes at
        2 s.
    duration : float, default=3.0
        Seconds of an epoch.
    rejected : "drop" | "keep", default="drop"
        What becomes of trials in which the experts saw artifacts.
    sfreq : float, default=200.0
        Rate of the epochs in Hz.
    l_freq, h_freq : float | None, default=0.1, 50.0
        Band in Hz, applied to each run before cutting.
    on_error : "raise" | "warn", default="raise"
        Whether a file that cannot be read is an error, or is left out with a warning.

    Returns
    -------
    epochs : mne.EpochsArray
        22 channels in volts, of four classes; `read` says more of them.

    Raises
    ------
    FileNotFoundError
        If there are no recordings.
    ValueError
        If a parameter is not allowed, or a recording cannot be read.

    References
    ----------
    .. [1] Tangermann, M. et al. (2012). Review of the BCI competition IV. Frontiers in
           Neuroscience 6, 55.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from mne_eegmamba.datasets import bci_iv_2a
    >>> from mne_eegmamba.datasets.simulate import simulate
    >>> with TemporaryDirectory() as folder:
    ...     epochs = bci_iv_2a.load(simulate("bci_iv_2a", folder, n_subjects=1))
    >>> len(epochs), list(epochs.event_id)
    (30, ['left_hand', 'right_hand', 'feet', 'tongue'])
    """
    _check_rules(tmin, duration, rejected)
    reader = partial(
        read,
        tmin=tmin,
        duration=duration,
        rejected=rejected,
        sfreq=sfreq,
        l_freq=l_freq,
        h_freq=h_freq,
    )
    return load_recordings(find(path, subjects), reader, on_error)


def fetch(subjects=None, path=None):
    """Download BCI competition IV 2a through MOABB.

    Parameters
    ----------
    subjects : list of str | None, default=None
        Subjects to download, such as ``["A01", "A09"]``; None downloads all nine.
    path : str | pathlib.Path | None, default=None
        Where to; None leaves it to MOABB, which takes the folder of the MNE data sets.
        What is there already is not downloaded again.

    Returns
    -------
    path : pathlib.Path
        The folder of the files, for `find` and `load`.

    Raises
    ------
    ImportError
        If MOABB is not installed.
    ValueError
        If a subject is not one of the nine.

    Examples
    --------
    >>> from mne_eegmamba.datasets import bci_iv_2a
    >>> epochs = bci_iv_2a.load(bci_iv_2a.fetch(["A01"]))  # doctest: +SKIP
    """
    known = [subject for fold in ABOUT.folds for subject in fold]
    wanted = known if subjects is None else list(subjects)
    if not wanted or not set(wanted) <= set(known):
        raise ValueError(f"subjects must be out of {known}. Got {subjects!r}.")
    try:
        from moabb.datasets import BNCI2014_001
    except ImportError as error:
        raise ImportError(
            "BCI competition IV 2a is fetched through MOABB, which is not installed: "
            f"pip install moabb. Or get it by hand: {ABOUT.url}"
        ) from error
    place = None if path is None else str(path)
    files = [
        file
        for subject in wanted
        for file in BNCI2014_001().data_path(int(subject[1:]), path=place)
    ]
    return Path(files[0]).parent


def _recording(name, signals, labels):
    """Return the recording of a session out of its files."""
    missing = labels and labels.with_name(f"{name}.gdf")
    signal = next((signals[form] for form in _FORMS if form in signals), missing)
    return Recording(name, name[:3], name[3], signal, labels)


def _check_rules(tmin, duration, rejected):
    """Refuse rules for epochs that cannot be."""
    if rejected not in ("drop", "keep"):
        raise ValueError(f'`rejected` must be "drop" or "keep". Got {rejected!r}.')
    if not (tmin >= 0 and duration > 0):
        raise ValueError(
            "`tmin` must be 0 s or more after the start of a trial and `duration` "
            f"above 0 s. Got {tmin!r} and {duration!r}."
        )


def _pieces(recording, tmin, duration, keep):
    """Yield the stretches of each run that have no missing samples."""
    begins, n_lost = 0.0, 0
    for number, run in enumerate(read_runs(recording), 1):
        use = np.ones(len(run.starts), bool) if keep else ~run.rejected
        starts, codes = run.starts[use] + tmin, run.codes[use]
        n_lost += len(starts)
        for first, stop in whole_stretches(run.missing):
            low, high = first / run.sfreq, stop / run.sfreq
            inside = (starts >= low) & (starts + duration <= high)
            n_lost -= inside.sum()
            yield Piece(
                make_raw(run.microvolts[:, first:stop], CH_NAMES, run.sfreq),
                number=number,
                begins=begins + low,
                starts=starts[inside] - low,
                codes=codes[inside],
            )
        begins += len(run.missing) / run.sfreq
    if n_lost:
        mne.utils.warn(
            f"{recording.name}: {n_lost} epochs run into missing samples or over the "
            "end of a run and are left out"
        )


def whole_stretches(missing):
    """Return first and past-the-end samples of the stretches where nothing is missing.

    Parameters
    ----------
    missing : ndarray of bool, shape (n_times,)
        Which samples are missing.

    Returns
    -------
    stretches : ndarray of int, shape (n_stretches, 2)
        First sample, and the one after the last.
    """
    present = np.concatenate([[False], ~missing, [False]])
    return np.flatnonzero(present[1:] != present[:-1]).reshape(-1, 2)
