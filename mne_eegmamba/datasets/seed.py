"""SEED: emotion while watching films, 15 subjects in three sessions each."""

import re
from functools import partial
from pathlib import Path

import numpy as np

from mne_eegmamba.datasets.about import About, name_folds, split_names
from mne_eegmamba.datasets.mat import read_mat
from mne_eegmamba.datasets.pieces import Piece, epochs_from_pieces, make_raw
from mne_eegmamba.datasets.recordings import Recording, load_recordings, pick_subjects

__all__ = ["ABOUT", "find", "load", "read"]

ABOUT = About(
    name="seed",
    title="SEED",
    task="emotion",
    classes=("negative", "neutral", "positive"),
    n_channels=62,
    duration=20.0,
    folds=name_folds("{}", (1, 3), (4, 6), (7, 9), (10, 12), (13, 15)),
    url="https://bcmi.sjtu.edu.cn/~seed/",
    licence="Licence agreement: research only, not to be passed on",
    how_to_get=(
        "Apply with the licence agreement on the page of the data set (BCMI, Shanghai "
        "Jiao Tong University); then download the folder Preprocessed_EEG."
    ),
    citation=(
        "Zheng, W.-L., Lu, B.-L. (2015). Investigating critical frequency bands and "
        "channels for EEG-based emotion recognition with deep neural networks. IEEE "
        "Transactions on Autonomous Mental Development 7, 162-175."
    ),
    layout="Preprocessed_EEG/1_20131027.mat ... (subject_date) and label.mat",
)
EVENT_ID = {"negative": 1, "neutral": 2, "positive": 3}
CODES = {-1: 1, 0: 2, 1: 3}  # label in label.mat -> event
SFREQ = 200.0
CH_NAMES = split_names(
    "Fp1 Fpz Fp2 AF3 AF4 F7 F5 F3 F1 Fz F2 F4 F6 F8 FT7 FC5 FC3 FC1 FCz FC2 FC4 "
    "FC6 FT8 T7 C5 C3 C1 Cz C2 C4 C6 T8 TP7 CP5 CP3 CP1 CPz CP2 CP4 CP6 TP8 P7 P5 "
    "P3 P1 Pz P2 P4 P6 P8 PO7 PO5 PO3 POz PO4 PO6 PO8 CB1 O1 Oz O2 CB2"
)
_FILE = re.compile(r"(\d{1,2})_(\d{8})\.mat")
_FILM = re.compile(r"_eeg(\d+)$")


def find(path, subjects=None):
    """Find the recordings of SEED.

    Parameters
    ----------
    path : str | pathlib.Path
        The folder ``Preprocessed_EEG``, or the one that it is in. ``ExtractedFeatures``
        beside it has files of the same names, which are not signals and not read.
    subjects : list of str | None, default=None
        Subjects to keep, such as ``["1", "15"]``; None keeps all on disk.

    Returns
    -------
    recordings : list of Recording
        One per subject and session, in the order of subjects and dates. The session is
        the date as in the file name.

    Raises
    ------
    FileNotFoundError
        If there are no recordings.
    ValueError
        If a subject is not on disk.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from mne_eegmamba.datasets import seed
    >>> from mne_eegmamba.datasets.simulate import simulate
    >>> with TemporaryDirectory() as folder:
    ...     found = seed.find(simulate("seed", folder, n_subjects=1))
    >>> [(recording.subject, recording.session) for recording in found]
    [('1', '20131027'), ('1', '20131103')]
    """
    path = Path(path)
    inner = path / "Preprocessed_EEG"
    folder = inner if inner.is_dir() else path
    found = [
        Recording(
            name=file.stem,
            subject=match[1],
            session=match[2],
            signal=file,
            labels=folder / "label.mat",
        )
        for file in folder.glob("*.mat")
        if (match := _FILE.fullmatch(file.name))
    ]
    found.sort(key=lambda recording: (int(recording.subject), recording.session))
    return pick_subjects(found, subjects, f"{path} has no {ABOUT.layout}")


def read(recording, *, duration=20.0, sfreq=200.0, l_freq=0.1, h_freq=50.0):
    """Read one session of SEED: 15 films, cut into windows one after the other.

    Parameters
    ----------
    recording : Recording
        One of those that `find` gives.
    duration : float, default=20.0
        Seconds of an epoch. The paper says 20 s; its number of samples fits 2 s. What
        is left at the end of a film is not used, so a film shorter than this gives
        none.
    sfreq : float, default=200.0
        Rate of the epochs in Hz; the files have 200 Hz.
    l_freq, h_freq : float | None, default=0.1, 50.0
        Band in Hz. The files were filtered to 0-75 Hz and cut to films by the authors
        of the data set; the band is applied to each film by itself, before cutting.

    Returns
    -------
    epochs : mne.EpochsArray
        62 channels in volts, in the order of the authors' list. ``metadata`` has
        subject, session, recording, onset (in seconds, as if the films lay end to end)
        and film. Epochs of one film are alike: keep them together when splitting.

    Raises
    ------
    ValueError
        If a file is not whole, has no films, or as many labels as it has films are not
        given.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from mne_eegmamba.datasets import seed
    >>> from mne_eegmamba.datasets.simulate import simulate
    >>> with TemporaryDirectory() as folder:
    ...     recordings = seed.find(simulate("seed", folder, n_subjects=1))
    ...     epochs = seed.read(recordings[0])
    >>> epochs.get_data().shape, epochs.metadata["film"].nunique()
    ((15, 62, 4000), 15)
    """
    _check_duration(duration)
    codes = _read_codes(recording.labels)
    films = _read_films(recording.signal)
    if len(codes) != len(films):
        raise ValueError(
            f"{recording.labels.name} has {len(codes)} labels for the {len(films)} "
            f"films of {recording.signal.name}"
        )
    return epochs_from_pieces(
        _pieces(films, codes, duration),
        recording,
        kind="film",
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
    duration=20.0,
    sfreq=200.0,
    l_freq=0.1,
    h_freq=50.0,
    on_error="raise",
):
    """Load SEED: negative, neutral and positive films.

    Parameters
    ----------
    path : str | pathlib.Path
        The folder ``Preprocessed_EEG``, or the one that it is in.
    subjects : list of str | None, default=None
        Subjects to load, such as ``["1", "15"]``; None loads all on disk.
    duration : float, default=20.0
        Seconds of an epoch; the paper's number of samples fits 2 s.
    sfreq : float, default=200.0
        Rate of the epochs in Hz.
    l_freq, h_freq : float | None, default=0.1, 50.0
        Band in Hz, applied to each film before cutting.
    on_error : "raise" | "warn", default="raise"
        Whether a file that cannot be read is an error, or is left out with a warning.

    Returns
    -------
    epochs : mne.EpochsArray
        62 channels in volts, of the classes ``"negative"``, ``"neutral"`` and
        ``"positive"``; `read` says more of them.

    Raises
    ------
    FileNotFoundError
        If there are no recordings.
    ValueError
        If a parameter is not allowed, or a recording cannot be read.

    References
    ----------
    .. [1] Zheng, W.-L., Lu, B.-L. (2015). Investigating critical frequency bands and
           channels for EEG-based emotion recognition with deep neural networks. IEEE
           Transactions on Autonomous Mental Development 7, 162-175.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from mne_eegmamba.datasets import seed
    >>> from mne_eegmamba.datasets.simulate import simulate
    >>> with TemporaryDirectory() as folder:
    ...     epochs = seed.load(simulate("seed", folder, n_subjects=1), duration=2)
    >>> epochs.get_data().shape[1:], list(epochs.event_id)
    ((62, 400), ['negative', 'neutral', 'positive'])
    """
    _check_duration(duration)
    reader = partial(read, duration=duration, sfreq=sfreq, l_freq=l_freq, h_freq=h_freq)
    return load_recordings(find(path, subjects), reader, on_error)


def _check_duration(duration):
    """Refuse an epoch without length."""
    if not duration > 0:
        raise ValueError(f"The `duration` must be above 0 seconds. Got {duration!r}.")


def _read_codes(path):
    """Return the events of the films, in the order they were shown."""
    if not path.is_file():
        raise FileNotFoundError(f"{path.name} is missing in {path.parent}")
    variables = read_mat(path)
    if "label" not in variables:
        raise ValueError(f"{path.name} has no variable label")
    labels = variables["label"].ravel()
    unknown = set(labels.tolist()) - set(CODES)
    if unknown:
        raise ValueError(
            f"labels in {path.name} must be out of {sorted(CODES)}. Got {unknown}."
        )
    return [CODES[int(label)] for label in labels]


def _read_films(path):
    """Return the films in microvolts; their names end in a number, which orders them.

    What is before ``_eeg`` differs from subject to subject.
    """
    variables = read_mat(path)
    films = {
        int(match[1]): variables[name]
        for name in variables
        if (match := _FILM.search(name))
    }
    if not films:
        raise ValueError(
            f"{path.name} has no variables such as djc_eeg1; the signals are in the "
            "folder Preprocessed_EEG"
        )
    for number, film in films.items():
        if film.ndim != 2 or len(film) != len(CH_NAMES):
            raise ValueError(
                f"film {number} must have the shape (62, n_times). Got {film.shape}."
            )
    if sorted(films) != list(range(1, len(films) + 1)):
        raise ValueError(f"films are missing: it has {sorted(films)}")
    return [films[number] for number in sorted(films)]


def _pieces(films, codes, duration):
    """Yield each film with its windows."""
    begins = 0.0
    for number, (film, code) in enumerate(zip(films, codes, strict=True), 1):
        length = film.shape[1] / SFREQ
        n_windows = int(length / duration)
        yield Piece(
            make_raw(film, CH_NAMES, SFREQ),
            number=number,
            begins=begins,
            starts=np.arange(n_windows) * duration,
            codes=np.full(n_windows, code),
        )
        begins += length
