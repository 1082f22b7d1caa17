"""CHB-MIT Scalp EEG: seizures of 23 children and young adults."""

from functools import partial as bind
from pathlib import Path

import mne

from mne_eegmamba.datasets.about import About
from mne_eegmamba.datasets.chbmit_labels import (
    FILE_LINE,
    parse_seizure_file,
    parse_summary,
)
from mne_eegmamba.datasets.edf import open_edf
from mne_eegmamba.datasets.recordings import (
    Recording,
    epochs_from_windows,
    load_recordings,
    pick_subjects,
    preprocess,
)
from mne_eegmamba.datasets.seizures import EVENT_ID, check_windows, label_windows

__all__ = ["ABOUT", "find", "load", "read"]

# T8-P8 is in the files twice, as 15th and 23rd signal; MNE numbers doubled names.
NAMES = (
    "FP1-F7 F7-T7 T7-P7 P7-O1 FP1-F3 F3-C3 C3-P3 P3-O1 FP2-F4 F4-C4 C4-P4 P4-O2 "
    "FP2-F8 F8-T8 T8-P8-0 P8-O2 FZ-CZ CZ-PZ P7-T7 T7-FT9 FT9-FT10 FT10-T8 T8-P8-1"
)
CHANNELS = tuple(NAMES.split())

ABOUT = About(
    name="chbmit",
    title="CHB-MIT Scalp EEG Database",
    task="seizure",
    classes=tuple(EVENT_ID),
    n_channels=len(CHANNELS),
    duration=4.0,
    # The paper has the cases 1-23. Its case 21 is chb01 again, and here in one fold
    # with it; case 24 was added later and is in no fold.
    folds=(
        tuple(f"chb{n:02d}" for n in range(1, 6)),
        tuple(f"chb{n:02d}" for n in range(6, 11)),
        tuple(f"chb{n:02d}" for n in range(11, 16)),
        tuple(f"chb{n:02d}" for n in range(16, 20)),
        ("chb20", "chb22", "chb23"),
    ),
    url="https://physionet.org/content/chbmit/1.0.0/",
    licence="ODC-By 1.0",
    how_to_get="Free download from PhysioNet, 43 GB.",
    citation=(
        "Shoeb, A. H. (2009). Application of machine learning to epileptic seizure "
        "onset detection and treatment. PhD thesis, MIT. doi:10.13026/C2K01R"
    ),
    layout="folders chb01 ... chb24, each with chbNN_MM.edf and chbNN-summary.txt",
)

SAME_PATIENT = {"chb21": "chb01"}  # recorded again, one and a half years later


def find(path, subjects=None):
    """List the recordings on disk, without reading signals.

    Parameters
    ----------
    path : str | pathlib.Path
        Folder with the cases' folders ``chb01`` ... ``chb24``.
    subjects : list of str | None, default=None
        Patients such as ``"chb01"``, who is also case 21; None takes all that are
        there.

    Returns
    -------
    recordings : list of Recording
        By name; ``session`` is the case. Those that a summary or ``RECORDS`` names are
        in it even if their file is missing, for `read` to report.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If a patient is not there.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from mne_eegmamba.datasets import chbmit
    >>> from mne_eegmamba.datasets.simulate import simulate
    >>> with TemporaryDirectory() as folder:
    ...     recordings = chbmit.find(simulate("chbmit", folder, n_subjects=1))
    >>> [(recording.name, recording.subject) for recording in recordings]
    [('chb01_01', 'chb01'), ('chb01_03', 'chb01'), ('chb21_01', 'chb01')]
    """
    recordings = []
    for folder in sorted(p for p in Path(path).glob("chb[0-9][0-9]") if p.is_dir()):
        case = folder.name
        names = {file.stem for file in folder.glob("chb*.edf")}
        recordings += [
            Recording(
                name=name,
                subject=SAME_PATIENT.get(case, case),
                session=case,
                signal=folder / f"{name}.edf",
                labels=folder / f"{case}-summary.txt",
            )
            for name in sorted(names | listed_names(folder))
        ]
    return pick_subjects(recordings, subjects, f"{path} should hold {ABOUT.layout}")


def read(
    recording,
    *,
    duration=4.0,
    step=None,
    overlap=0.5,
    partial="drop",
    sfreq=200.0,
    l_freq=0.1,
    h_freq=50.0,
):
    """Read the epochs of one recording.

    Parameters
    ----------
    recording : Recording
        One of `find`.
    duration, step, overlap, partial, sfreq, l_freq, h_freq : object
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
        If a file is truncated, has other channels or does not say what is needed.
    NoEpochs
        If the recording is shorter than a window.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from mne_eegmamba.datasets import chbmit
    >>> from mne_eegmamba.datasets.simulate import simulate
    >>> with TemporaryDirectory() as folder:
    ...     first = chbmit.find(simulate("chbmit", folder, n_subjects=1))[0]
    ...     epochs = chbmit.read(first)
    >>> epochs.get_data().shape
    (20, 23, 800)
    """
    raw = open_edf(recording.signal)
    seizures = seizures_of(recording)
    if seizures is None:
        mne.utils.warn(
            f"{recording.labels.name} does not name {recording.name}, and there is no "
            f"{recording.signal.name}.seizures: it is taken as background"
        )
    number_doubled_channel(raw)
    preprocess(raw, list(CHANNELS), sfreq, l_freq, h_freq)
    starts, codes = label_windows(
        raw.n_times, sfreq, seizures or [], duration, step, overlap, partial
    )
    return epochs_from_windows(raw, starts, codes, EVENT_ID, duration, recording)


def load(
    path,
    subjects=None,
    *,
    only_with_seizures=False,
    duration=4.0,
    step=None,
    overlap=0.5,
    partial="drop",
    sfreq=200.0,
    l_freq=0.1,
    h_freq=50.0,
    on_error="raise",
):
    """Load seizures and background of the CHB-MIT Scalp EEG Database [1]_.

    Parameters
    ----------
    path : str | pathlib.Path
        Folder with the cases' folders ``chb01`` ... ``chb24``.
    subjects : list of str | None, default=None
        Patients such as ``"chb01"``, who is also case 21; None takes all that are
        there.
    only_with_seizures : bool, default=False
        Whether to leave out recordings without a seizure. All have 980 h; the paper
        uses a part of that and does not say which.
    duration : float, default=4.0
        Seconds of an epoch.
    step : float | None, default=None
        Seconds from one epoch to the next; None is ``duration``, without overlap.
    overlap : float, default=0.5
        Share of an epoch that must lie in a seizure for it to be called one.
    partial : "drop" | "background", default="drop"
        What becomes of epochs that a seizure touches, but by less than ``overlap``.
    sfreq : float, default=200.0
        Rate of the epochs in Hz.
    l_freq, h_freq : float | None, default=0.1, 50.0
        Band in Hz, applied to the continuous signal; None leaves a side as it is.
    on_error : "raise" | "warn", default="raise"
        What to do about a recording that is missing, truncated, not readable or of
        other channels: raise, or go on without it and warn. Both name it.

    Returns
    -------
    epochs : mne.EpochsArray
        Epochs in volts of 23 channels, "background" or "seizure"; ``metadata`` has
        subject, session (the case), recording and onset in seconds.

    Raises
    ------
    FileNotFoundError
        If there are no recordings.
    ValueError
        If a parameter is not allowed, or a recording cannot be used.

    Notes
    -----
    Case 21 is patient chb01 again, so ``subject`` is chb01 for both. A recording
    that its summary does not list has the seizures of its ``.edf.seizures`` file; if
    that is absent as well, it is all background, with a warning. Some recordings,
    chb12_27 among them, have another montage; they cannot be used, which
    ``on_error="warn"`` reports.

    References
    ----------
    .. [1] Shoeb, A. H. (2009). Application of machine learning to epileptic seizure
           onset detection and treatment. PhD thesis, MIT.
           https://physionet.org/content/chbmit/1.0.0/

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from mne_eegmamba.datasets import chbmit
    >>> from mne_eegmamba.datasets.simulate import simulate
    >>> with TemporaryDirectory() as folder:
    ...     epochs = chbmit.load(simulate("chbmit", folder, n_subjects=1))
    >>> {name: len(epochs[name]) for name in epochs.event_id}
    {'background': 40, 'seizure': 20}
    """
    check_windows(duration, duration if step is None else step, overlap, partial)
    recordings = find(path, subjects)
    if only_with_seizures:
        recordings = [r for r in recordings if may_have_seizures(r)]
        if not recordings:
            raise ValueError(
                f"No recording of subjects {subjects!r} has a seizure; "
                "only_with_seizures=False takes all."
            )
    read_one = bind(
        read,
        duration=duration,
        step=step,
        overlap=overlap,
        partial=partial,
        sfreq=sfreq,
        l_freq=l_freq,
        h_freq=h_freq,
    )
    return load_recordings(recordings, read_one, on_error)


def seizures_of(recording):
    """Return seizures in seconds, of the summary or binary file; None if in neither."""
    if not recording.labels.is_file():
        raise FileNotFoundError(f"the file {recording.labels.name} is missing")
    listed = parse_summary(read_text(recording.labels))
    if recording.name in listed:
        return listed[recording.name]
    binary = recording.signal.with_name(f"{recording.signal.name}.seizures")
    if binary.is_file():
        return parse_seizure_file(binary.read_bytes())
    return None


def may_have_seizures(recording):
    """Say whether a recording has seizures, or cannot be used, as `read` will say."""
    try:
        return bool(seizures_of(recording))
    except (OSError, ValueError):
        return True


def listed_names(folder):
    """Return the recordings that ought to be in a case's folder."""
    records = folder.parent / "RECORDS"
    if records.is_file():
        lines = [Path(line.strip()) for line in read_text(records).splitlines()]
        return {p.stem for p in lines if p.parent.name == folder.name}
    summary = folder / f"{folder.name}-summary.txt"
    if not summary.is_file():
        return set()
    found = map(FILE_LINE.match, read_text(summary).splitlines())
    return {line[1].removesuffix(".edf") for line in found if line}


def number_doubled_channel(raw):
    """Give a recording with one T8-P8 the second, which is a copy in all others."""
    if "T8-P8" in raw.ch_names:
        others = [name for name in CHANNELS if name in raw.ch_names]
        raw.pick([*others, "T8-P8"]).load_data(verbose="error")
        twin = raw.copy().pick(["T8-P8"]).rename_channels({"T8-P8": "T8-P8-1"})
        raw.rename_channels({"T8-P8": "T8-P8-0"})
        raw.add_channels([twin], force_update_info=True)


def read_text(path):
    """Read a text file that may hold stray bytes."""
    return path.read_text(encoding="utf-8", errors="replace")
