"""Sleep-EDF: nights of healthy people, sleep stages by hand."""

from functools import partial as bind
from pathlib import Path

import mne
import numpy as np

from mne_eegmamba.datasets.about import About
from mne_eegmamba.datasets.edf import check_complete, open_edf
from mne_eegmamba.datasets.recordings import Recording, load_recordings, pick_subjects
from mne_eegmamba.datasets.sleep import (
    DURATION,
    STAGES,
    UNSCORED,
    check_wake,
    only_channel,
    open_npz,
    stage_epochs,
)

__all__ = ["ABOUT", "fetch", "find", "load", "read"]

CHANNEL = "Fpz-Cz"
SUBJECTS = tuple(f"SC4{n:02d}" for n in range(20))

ABOUT = About(
    name="sleep_edf",
    title="Sleep-EDF-20, of the Sleep-EDF Database Expanded, sleep-cassette",
    task="sleep",
    classes=STAGES,
    n_channels=1,
    duration=DURATION,
    folds=tuple(SUBJECTS[k : k + 4] for k in range(0, 20, 4)),
    url="https://physionet.org/content/sleep-edfx/1.0.0/",
    licence="ODC-By 1.0",
    how_to_get="Free download from PhysioNet: mne_eegmamba.datasets.sleep_edf.fetch().",
    citation=(
        "Kemp, B., Zwinderman, A. H., Tuk, B., Kamphuisen, H. A. C., Oberye, J. J. L. "
        "(2000). Analysis of a sleep-dependent neuronal feedback loop: the slow-wave "
        "microcontinuity of the EEG. IEEE Trans. Biomed. Eng. 47(9), 1185-1194."
    ),
    layout=(
        "SC4ssNE0-PSG.edf and SC4ssNEx-Hypnogram.edf, or SC4ssNE0.npz, itself or in "
        "sleep-cassette, physionet-sleep-data, fpzcz or data_edf_20_npz/fpzcz"
    ),
)

FOLDERS = (
    *(".", "sleep-cassette", "physionet-sleep-data"),
    *("fpzcz", "data_edf_20_npz/fpzcz"),
)
SCORES = {  # R&K to the five classes; stage 4 is N3
    "Sleep stage W": 0,
    "Sleep stage 1": 1,
    "Sleep stage 2": 2,
    "Sleep stage 3": 3,
    "Sleep stage 4": 3,
    "Sleep stage R": 4,
    "Sleep stage ?": UNSCORED,
    "Movement time": UNSCORED,
}


def fetch(subjects=SUBJECTS, path=None):
    """Download recordings from PhysioNet with MNE, those that are not there yet.

    Parameters
    ----------
    subjects : list of str, default=SUBJECTS
        Persons from ``"SC400"`` to ``"SC482"``; by default the 20 of Sleep-EDF-20,
        which take 2 GB.
    path : str | pathlib.Path | None, default=None
        Where to put them; None is where MNE keeps data sets.

    Returns
    -------
    folder : pathlib.Path
        Folder for `find` and `load`.

    Raises
    ------
    ValueError
        If there is no such person.

    Examples
    --------
    >>> from mne_eegmamba.datasets import sleep_edf
    >>> folder = sleep_edf.fetch(["SC400"])  # doctest: +SKIP
    >>> epochs = sleep_edf.load(folder)  # doctest: +SKIP
    """
    files = {
        subject: mne.datasets.sleep_physionet.age.fetch_data(
            [person_number(subject)],
            path=path,
            on_missing="ignore",  # some have one night only
            verbose="error",
        )
        for subject in subjects
    }
    none = [subject for subject, pairs in files.items() if not pairs]
    if none or not files:
        raise ValueError(
            f'subjects must be among "SC400" to "SC482" and published. Got {none}.'
        )
    return Path(next(iter(files.values()))[0][0]).parent


def person_number(subject):
    """Return 7 of "SC407"."""
    if not (subject.startswith("SC4") and len(subject) == 5 and subject[3:].isdigit()):
        raise ValueError(f'subjects must be like "SC400". Got {subject!r}.')
    return int(subject[3:])


def find(path, subjects=None):
    """List the recordings on disk, without reading signals.

    Parameters
    ----------
    path : str | pathlib.Path
        Folder with the files, or one above it; see ``ABOUT.layout``. Where there are
        EDF files, npz files are not looked at.
    subjects : list of str | None, default=None
        Persons such as ``"SC400"``; None takes all that are there, which may be more
        than the 20 of ``ABOUT.folds``.

    Returns
    -------
    recordings : list of Recording
        By name; ``session`` is the night. A signal without hypnogram and a hypnogram
        without signal are in it, for `read` to report.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If a person is not there, or two hypnograms belong to one signal.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from mne_eegmamba.datasets import sleep_edf
    >>> from mne_eegmamba.datasets.simulate import simulate
    >>> with TemporaryDirectory() as folder:
    ...     recordings = sleep_edf.find(simulate("sleep_edf", folder, n_subjects=1))
    >>> [(recording.name, recording.session) for recording in recordings]
    [('SC4001E0', '1'), ('SC4002E0', '2')]
    """
    recordings = []
    for folder in (Path(path) / name for name in FOLDERS):
        recordings = edf_recordings(folder) or npz_recordings(folder)
        if recordings:
            break
    return pick_subjects(recordings, subjects, f"{path} should hold {ABOUT.layout}")


def edf_recordings(folder):
    """Pair signals and hypnograms, whose names share the first seven characters."""
    signals = {file.name[:7]: file for file in folder.glob("SC4*-PSG.edf")}
    hypnograms = {}
    for file in sorted(folder.glob("SC4*-Hypnogram.edf")):
        other = hypnograms.setdefault(file.name[:7], file)
        if other != file:
            raise ValueError(
                f"{other.name} and {file.name} belong to one signal; keep one of them"
            )
    return [
        recording_of(signals.get(key, folder / f"{key}0-PSG.edf"), hypnograms.get(key))
        for key in sorted({*signals, *hypnograms})
    ]


def npz_recordings(folder):
    """List the files of the derived form."""
    return [recording_of(file, None) for file in sorted(folder.glob("SC4*.npz"))]


def recording_of(signal, hypnogram):
    """Make a Recording out of names such as SC4001E0-PSG.edf: person 00, night 1."""
    name = signal.stem.removesuffix("-PSG")
    return Recording(name, name[:5], name[5], signal, hypnogram)


def read(recording, *, wake_minutes=30.0, sfreq=200.0, l_freq=0.1, h_freq=50.0):
    """Read the epochs of one night.

    Parameters
    ----------
    recording : Recording
        One of `find`.
    wake_minutes, sfreq, l_freq, h_freq : object
        As in `load`.

    Returns
    -------
    epochs : mne.EpochsArray
        As from `load`.

    Raises
    ------
    OSError
        If a file is missing.
    ValueError
        If a file is truncated or not of the expected form.
    NoEpochs
        If no sleep is scored in it.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from mne_eegmamba.datasets import sleep_edf
    >>> from mne_eegmamba.datasets.simulate import simulate
    >>> with TemporaryDirectory() as folder:
    ...     first = sleep_edf.find(simulate("sleep_edf", folder, n_subjects=1))[0]
    ...     epochs = sleep_edf.read(first)
    >>> epochs.get_data().shape
    (169, 1, 6000)
    """
    if recording.signal.suffix == ".npz":
        raw, starts, stages = open_npz(recording.signal, CHANNEL)
    else:
        raw = open_edf(recording.signal)
        starts, stages = read_hypnogram(recording)
        only_channel(raw, f"EEG {CHANNEL}", CHANNEL)
    return stage_epochs(
        raw, starts, stages, recording, wake_minutes, sfreq, l_freq, h_freq
    )


def load(
    path,
    subjects=None,
    *,
    wake_minutes=30.0,
    sfreq=200.0,
    l_freq=0.1,
    h_freq=50.0,
    on_error="raise",
):
    """Load sleep stages of the Sleep-EDF Database Expanded [1]_, sleep-cassette.

    Parameters
    ----------
    path : str | pathlib.Path
        Folder with the files, or one above it; see ``ABOUT.layout``. Where there are
        EDF files, npz files are not looked at.
    subjects : list of str | None, default=None
        Persons such as ``"SC400"``; None takes all that are there, which may be more
        than the 20 of ``ABOUT.folds``.
    wake_minutes : float | None, default=30.0
        Minutes of wake to keep before the first and after the last sleep of a night;
        None keeps all.
    sfreq : float, default=200.0
        Rate of the epochs in Hz.
    l_freq, h_freq : float | None, default=0.1, 50.0
        Band in Hz, applied to the continuous signal; None leaves a side as it is, and
        so does a high edge that 100 Hz cannot hold.
    on_error : "raise" | "warn", default="raise"
        What to do about a recording that is missing, truncated or not readable:
        raise, or go on without it and warn. Both name it.

    Returns
    -------
    epochs : mne.EpochsArray
        Epochs of 30 s in volts of Fpz-Cz, "W", "N1", "N2", "N3" or "REM";
        ``metadata`` has subject, session (the night), recording and onset in seconds.

    Raises
    ------
    FileNotFoundError
        If there are no recordings.
    ValueError
        If a parameter is not allowed, or a recording cannot be used.

    Notes
    -----
    The stages of Rechtschaffen and Kales become five: 3 and 4 are N3; movement and
    what is not scored is left out. In the npz form (``x`` in microvolts, ``y``,
    ``fs``) the epochs are joined before the filter; where some were left out, the
    filter sees a step.

    References
    ----------
    .. [1] Kemp, B., Zwinderman, A. H., Tuk, B., Kamphuisen, H. A. C., Oberye, J. J. L.
           (2000). Analysis of a sleep-dependent neuronal feedback loop. IEEE Trans.
           Biomed. Eng. 47(9), 1185-1194.
           https://physionet.org/content/sleep-edfx/1.0.0/

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from mne_eegmamba.datasets import sleep_edf
    >>> from mne_eegmamba.datasets.simulate import simulate
    >>> with TemporaryDirectory() as folder:
    ...     path = simulate("sleep_edf", folder, n_subjects=1)
    ...     epochs = sleep_edf.load(path, wake_minutes=5)
    >>> {name: len(epochs[name]) for name in epochs.event_id}
    {'W': 46, 'N1': 16, 'N2': 24, 'N3': 32, 'REM': 20}
    """
    check_wake(wake_minutes)
    read_one = bind(
        read, wake_minutes=wake_minutes, sfreq=sfreq, l_freq=l_freq, h_freq=h_freq
    )
    return load_recordings(find(path, subjects), read_one, on_error)


def read_hypnogram(recording):
    """Return where scored epochs begin, in seconds, and their stages from 0 to 4."""
    if recording.labels is None:
        raise FileNotFoundError(f"no {recording.name[:7]}x-Hypnogram.edf is beside it")
    check_complete(recording.labels)
    scored = mne.read_annotations(recording.labels)
    if not len(scored):
        raise ValueError(f"{recording.labels.name} has no stages")
    starts, stages = [], []
    for begin, seconds, text in zip(
        scored.onset, scored.duration, scored.description, strict=True
    ):
        if text not in SCORES or begin % DURATION or seconds % DURATION:
            raise ValueError(
                f"{recording.labels.name} has {str(text)!r} from {begin:g} s for "
                f"{seconds:g} s; whole epochs of 30 s and {list(SCORES)} are expected"
            )
        n_epochs = int(seconds // DURATION)
        starts.append(begin + DURATION * np.arange(n_epochs))
        stages.append(np.full(n_epochs, SCORES[text]))
    return np.concatenate(starts), np.concatenate(stages)
