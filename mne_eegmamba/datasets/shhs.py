"""Sleep Heart Health Study: nights at home, sleep stages by hand."""

from functools import partial as bind
from pathlib import Path

import numpy as np

from mne_eegmamba.datasets.about import About
from mne_eegmamba.datasets.edf import open_edf
from mne_eegmamba.datasets.recordings import (
    NoEpochs,
    Recording,
    load_recordings,
    pick_subjects,
)
from mne_eegmamba.datasets.shhs_labels import parse_nsrr, parse_profusion
from mne_eegmamba.datasets.sleep import (
    DURATION,
    STAGES,
    UNSCORED,
    check_wake,
    only_channel,
    open_npz,
    stage_epochs,
)

__all__ = ["ABOUT", "find", "load", "paper_folds", "read"]

CHANNEL = "C4-A1"
LABEL = "EEG"  # "EEG(sec)", "EEG2" and "EEG sec" are C3-A2

ABOUT = About(
    name="shhs",
    title="Sleep Heart Health Study, first visit",
    task="sleep",
    classes=STAGES,
    n_channels=1,
    duration=DURATION,
    folds=(),  # ranges of identifiers: paper_folds
    url="https://sleepdata.org/datasets/shhs",
    licence="NSRR Data Access and Use Agreement",
    how_to_get="On request from the National Sleep Research Resource, sleepdata.org.",
    citation=(
        "Quan, S. F. et al. (1997). The Sleep Heart Health Study: design, rationale, "
        "and methods. Sleep 20(12), 1077-1085. Zhang, G.-Q. et al. (2018). The "
        "National Sleep Research Resource. J. Am. Med. Inform. Assoc. 25, 1351-1358."
    ),
    layout=(
        "polysomnography/edfs/shhs1/shhs1-2xxxxx.edf with polysomnography/annotations-"
        "events-{profusion,nsrr}/shhs1/shhs1-2xxxxx-{profusion,nsrr}.xml, or "
        "shhs1-2xxxxx.npz"
    ),
)

LAST_OF_FOLD = (1021, 2956, 4047, 4781)  # the paper's ranges, without the leading 20
CLASS_OF_STAGE = {0: 0, 1: 1, 2: 2, 3: 3, 4: 3, 5: 4}  # R&K to the five classes


def find(path, subjects=None):
    """List the recordings of the first visit on disk, without reading signals.

    Parameters
    ----------
    path : str | pathlib.Path
        Folder that holds ``polysomnography``, that folder, or one of npz files. Where
        there are EDF files, npz files are not looked at.
    subjects : list of str | None, default=None
        Participants such as ``"200001"``; None takes all that are there. The paper
        has 329 with fewer than 5 apnoeas an hour; which ones is for the user to say,
        from the study's tables.

    Returns
    -------
    recordings : list of Recording
        By name. A signal without annotations is in it, for `read` to report.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If a participant is not there.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from mne_eegmamba.datasets import shhs
    >>> from mne_eegmamba.datasets.simulate import simulate
    >>> with TemporaryDirectory() as folder:
    ...     recordings = shhs.find(simulate("shhs", folder))
    >>> [recording.subject for recording in recordings]
    ['200010', '201023']
    """
    path = Path(path)
    root = path / "polysomnography" if (path / "polysomnography").is_dir() else path
    signals = sorted((root / "edfs" / "shhs1").glob("shhs1-*.edf"))
    recordings = [
        Recording(
            name=file.stem,
            subject=file.stem.removeprefix("shhs1-"),
            session="shhs1",
            signal=file,
            labels=annotations_of(file.stem, root),
        )
        for file in signals or sorted(path.glob("shhs1-*.npz"))
    ]
    return pick_subjects(recordings, subjects, f"{path} should hold {ABOUT.layout}")


def annotations_of(name, root):
    """Return the file of stages, the Profusion one if there are both, or None."""
    files = [
        root / f"annotations-events-{kind}" / "shhs1" / f"{name}-{kind}.xml"
        for kind in ("profusion", "nsrr")
    ]
    return next((file for file in files if file.is_file()), None)


def read(
    recording,
    *,
    wake_minutes=30.0,
    unscored="reject",
    sfreq=200.0,
    l_freq=0.1,
    h_freq=50.0,
):
    """Read the epochs of one night.

    Parameters
    ----------
    recording : Recording
        One of `find`.
    wake_minutes, unscored, sfreq, l_freq, h_freq : object
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
        If no sleep is scored in it, or it is rejected.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from mne_eegmamba.datasets import shhs
    >>> from mne_eegmamba.datasets.simulate import simulate
    >>> with TemporaryDirectory() as folder:
    ...     first = shhs.find(simulate("shhs", folder, n_subjects=1))[0]
    ...     epochs = shhs.read(first)
    >>> epochs.get_data().shape
    (149, 1, 6000)
    """
    check_unscored(unscored)
    if recording.signal.suffix == ".npz":
        raw, starts, stages = open_npz(recording.signal, CHANNEL)
    else:
        raw = open_edf(recording.signal)
        starts, stages = read_stages(recording, unscored)
        only_channel(raw, LABEL, CHANNEL)
    return stage_epochs(
        raw, starts, stages, recording, wake_minutes, sfreq, l_freq, h_freq
    )


def load(
    path,
    subjects=None,
    *,
    wake_minutes=30.0,
    unscored="reject",
    sfreq=200.0,
    l_freq=0.1,
    h_freq=50.0,
    on_error="raise",
):
    """Load sleep stages of the Sleep Heart Health Study [1]_ [2]_, first visit.

    Parameters
    ----------
    path : str | pathlib.Path
        Folder that holds ``polysomnography``, that folder, or one of npz files. Where
        there are EDF files, npz files are not looked at.
    subjects : list of str | None, default=None
        Participants such as ``"200001"``; None takes all that are there. The paper
        has 329 with fewer than 5 apnoeas an hour; which ones is for the user to say,
        from the study's tables.
    wake_minutes : float | None, default=30.0
        Minutes of wake to keep before the first and after the last sleep of a night;
        None keeps all.
    unscored : "reject" | "drop", default="reject"
        Whether movement and unscored epochs reject the whole recording, which the log
        then says, or are left out. An npz file has none.
    sfreq : float, default=200.0
        Rate of the epochs in Hz.
    l_freq, h_freq : float | None, default=0.1, 50.0
        Band in Hz, applied to the continuous signal; None leaves a side as it is.
    on_error : "raise" | "warn", default="raise"
        What to do about a recording that is missing, truncated or not readable:
        raise, or go on without it and warn. Both name it.

    Returns
    -------
    epochs : mne.EpochsArray
        Epochs of 30 s in volts of C4-A1, "W", "N1", "N2", "N3" or "REM"; ``metadata``
        has subject, session, recording and onset in seconds.

    Raises
    ------
    FileNotFoundError
        If there are no recordings.
    ValueError
        If a parameter is not allowed, or a recording cannot be used.

    Notes
    -----
    The stages of Rechtschaffen and Kales become five: 3 and 4 are N3. In the npz form
    (``x`` in microvolts, ``y``, ``fs``) the epochs are joined before the filter; where
    some were left out, the filter sees a step.

    References
    ----------
    .. [1] Quan, S. F. et al. (1997). The Sleep Heart Health Study: design, rationale,
           and methods. Sleep 20(12), 1077-1085. https://sleepdata.org/datasets/shhs
    .. [2] Zhang, G.-Q. et al. (2018). The National Sleep Research Resource. J. Am.
           Med. Inform. Assoc. 25, 1351-1358.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from mne_eegmamba.datasets import shhs
    >>> from mne_eegmamba.datasets.simulate import simulate
    >>> with TemporaryDirectory() as folder:
    ...     path = simulate("shhs", folder, n_subjects=1)
    ...     epochs = shhs.load(path, wake_minutes=5)
    >>> {name: len(epochs[name]) for name in epochs.event_id}
    {'W': 20, 'N1': 5, 'N2': 8, 'N3': 8, 'REM': 8}
    """
    check_wake(wake_minutes)
    check_unscored(unscored)
    read_one = bind(
        read,
        wake_minutes=wake_minutes,
        unscored=unscored,
        sfreq=sfreq,
        l_freq=l_freq,
        h_freq=h_freq,
    )
    return load_recordings(find(path, subjects), read_one, on_error)


def paper_folds(subjects):
    """Sort participants into the paper's five folds, which are ranges of identifiers.

    Parameters
    ----------
    subjects : list of str
        Participants as in ``metadata``.

    Returns
    -------
    folds : tuple of tuple of str
        Five groups; a participant between two of the paper's ranges is in the later.

    Raises
    ------
    ValueError
        If an identifier is not one of the study.

    Examples
    --------
    >>> from mne_eegmamba.datasets import shhs
    >>> shhs.paper_folds(["200010", "201023", "202956", "205789"])
    (('200010',), ('201023', '202956'), (), (), ('205789',))
    """
    wrong = [s for s in subjects if not (s.isdigit() and 200000 < int(s) < 206442)]
    if wrong:
        raise ValueError(f'subjects must be like "200001". Got {wrong}.')
    numbers = [int(subject) - 200000 for subject in subjects]
    fold = np.searchsorted(LAST_OF_FOLD, numbers)
    return tuple(
        tuple(s for s, at in zip(subjects, fold, strict=True) if at == k)
        for k in range(len(LAST_OF_FOLD) + 1)
    )


def check_unscored(unscored):
    """Refuse what is not "reject" or "drop"."""
    if unscored not in ("reject", "drop"):
        raise ValueError(
            f'The `unscored` parameter must be "reject" or "drop". Got {unscored!r}.'
        )


def read_stages(recording, unscored):
    """Return where scored epochs begin, in seconds, and their classes from 0 to 4."""
    if recording.labels is None:
        raise FileNotFoundError(f"there is no {recording.name}-profusion.xml or -nsrr")
    is_nsrr = recording.labels.stem.endswith("-nsrr")
    parse = parse_nsrr if is_nsrr else parse_profusion
    try:
        scored = parse(recording.labels.read_bytes())
    except (TypeError, ValueError) as error:
        raise ValueError(f"{recording.labels.name}: {error}") from error
    if not scored:
        raise ValueError(f"{recording.labels.name} has no stages")
    rejected = sum(stage not in CLASS_OF_STAGE for _, stage in scored)
    if rejected and unscored == "reject":
        raise NoEpochs(
            f'{rejected} epochs are movement or unscored; unscored="drop" would leave '
            "out these only"
        )
    starts, stages = zip(*scored, strict=True)
    classes = [CLASS_OF_STAGE.get(stage, UNSCORED) for stage in stages]
    return np.array(starts), np.array(classes)
