"""Siena Scalp EEG: seizures of 14 patients."""

from functools import partial as bind
from pathlib import Path

from mne_eegmamba.datasets.about import About
from mne_eegmamba.datasets.edf import open_edf
from mne_eegmamba.datasets.recordings import (
    Recording,
    epochs_from_windows,
    load_recordings,
    pick_subjects,
    preprocess,
)
from mne_eegmamba.datasets.seizures import EVENT_ID, check_windows, label_windows
from mne_eegmamba.datasets.siena_labels import (
    FILE_LINE,
    parse_seizure_list,
    recording_name,
)

__all__ = ["ABOUT", "find", "load", "read"]

NAMES = (
    "Fp1 F3 C3 P3 O1 F7 T3 T5 Fc1 Fc5 Cp1 Cp5 F9 Fz Cz Pz "
    "Fp2 F4 C4 P4 O2 F8 T4 T6 Fc2 Fc6 Cp2 Cp6 F10"
)
CHANNELS = tuple(NAMES.split())

ABOUT = About(
    name="siena",
    title="Siena Scalp EEG Database",
    task="seizure",
    classes=tuple(EVENT_ID),
    n_channels=len(CHANNELS),
    duration=4.0,
    # The paper's PN10 is left out; its "15" is nobody, there is no PN15.
    folds=(
        ("PN00", "PN01", "PN03"),
        ("PN05", "PN06", "PN07"),
        ("PN09", "PN11", "PN12"),
        ("PN13", "PN14"),
        ("PN16", "PN17"),
    ),
    url="https://physionet.org/content/siena-scalp-eeg/1.0.0/",
    licence="CC BY 4.0",
    how_to_get="Free download from PhysioNet, 20 GB.",
    citation=(
        "Detti, P., Vatti, G., Zabalo Manrique de Lara, G. (2020). EEG synchronization "
        "analysis for seizure prediction: a study on data of noninvasive recordings. "
        "Processes 8(7), 846. doi:10.13026/5d4a-j060"
    ),
    layout="folders PN00 ... PN17, each with PNxx-N.edf and Seizures-list-PNxx.txt",
)

DAY = 24 * 3600


def find(path, subjects=None):
    """List the recordings on disk, without reading signals.

    Parameters
    ----------
    path : str | pathlib.Path
        Folder with the patients' folders ``PN00`` ... ``PN17``.
    subjects : list of str | None, default=None
        Patients such as ``"PN00"``; None takes all that are there. The paper leaves
        out PN10, where ten of the channels were not connected.

    Returns
    -------
    recordings : list of Recording
        By name. Those that a list of seizures names are in it even if their file is
        missing, for `read` to report.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If a patient is not there.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from mne_eegmamba.datasets import siena
    >>> from mne_eegmamba.datasets.simulate import simulate
    >>> with TemporaryDirectory() as folder:
    ...     recordings = siena.find(simulate("siena", folder, n_subjects=1))
    >>> [recording.name for recording in recordings]
    ['PN00-1', 'PN00-3']
    """
    recordings = []
    for folder in sorted(p for p in Path(path).glob("PN[0-9][0-9]") if p.is_dir()):
        listing = folder / f"Seizures-list-{folder.name}.txt"
        names = {file.stem for file in folder.glob("PN*.edf")}
        if listing.is_file():
            found = map(FILE_LINE.match, read_text(listing).splitlines())
            names |= {recording_name(line[1]) for line in found if line}
        recordings += [
            Recording(
                name=name,
                subject=folder.name,
                session=name.partition("-")[2],
                signal=folder / f"{name}.edf",
                labels=listing,
            )
            for name in sorted(names)
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
        If a file is truncated or does not say what is needed.
    NoEpochs
        If the recording is shorter than a window.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from mne_eegmamba.datasets import siena
    >>> from mne_eegmamba.datasets.simulate import simulate
    >>> with TemporaryDirectory() as folder:
    ...     first = siena.find(simulate("siena", folder, n_subjects=1))[0]
    ...     epochs = siena.read(first, overlap=1.0)
    >>> epochs.get_data().shape
    (25, 29, 800)
    """
    raw = open_edf(recording.signal)
    seizures = seizures_of(recording, raw.info["meas_date"])
    raw.rename_channels(paper_names(raw.ch_names))
    preprocess(raw, list(CHANNELS), sfreq, l_freq, h_freq)
    starts, codes = label_windows(
        raw.n_times, sfreq, seizures, duration, step, overlap, partial
    )
    return epochs_from_windows(raw, starts, codes, EVENT_ID, duration, recording)


def load(
    path,
    subjects=None,
    *,
    duration=4.0,
    step=None,
    overlap=0.5,
    partial="drop",
    sfreq=200.0,
    l_freq=0.1,
    h_freq=50.0,
    on_error="raise",
):
    """Load seizures and background of the Siena Scalp EEG Database [1]_.

    Parameters
    ----------
    path : str | pathlib.Path
        Folder with the patients' folders ``PN00`` ... ``PN17``.
    subjects : list of str | None, default=None
        Patients such as ``"PN00"``; None takes all that are there. The paper leaves
        out PN10, where ten of the channels were not connected.
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
        What to do about a recording that is missing, truncated or not readable:
        raise, or go on without it and warn. Both name it.

    Returns
    -------
    epochs : mne.EpochsArray
        Epochs in volts of 29 channels, "background" or "seizure"; ``metadata`` has
        subject, session, recording and onset in seconds.

    Raises
    ------
    FileNotFoundError
        If there are no recordings.
    ValueError
        If a parameter is not allowed, or a recording cannot be used.

    Notes
    -----
    The lists of seizures state clock times. They are taken relative to the start in
    the EDF header, since registration times in the lists are partly wrong. Where a
    list has two onsets or two ends, the last stands: the electric onset, as in
    CHB-MIT, and the earlier end.

    References
    ----------
    .. [1] Detti, P., Vatti, G., Zabalo Manrique de Lara, G. (2020). EEG
           synchronization analysis for seizure prediction: a study on data of
           noninvasive recordings. Processes 8(7), 846.
           https://physionet.org/content/siena-scalp-eeg/1.0.0/

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from mne_eegmamba.datasets import siena
    >>> from mne_eegmamba.datasets.simulate import simulate
    >>> with TemporaryDirectory() as folder:
    ...     epochs = siena.load(simulate("siena", folder, n_subjects=1))
    >>> {name: len(epochs[name]) for name in epochs.event_id}
    {'background': 25, 'seizure': 25}
    """
    check_windows(duration, duration if step is None else step, overlap, partial)
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
    return load_recordings(find(path, subjects), read_one, on_error)


def seizures_of(recording, start):
    """Return seizures in seconds from the start that the EDF header states."""
    if start is None:
        raise ValueError("its EDF header has no readable start")
    if not recording.labels.is_file():
        raise FileNotFoundError(f"the file {recording.labels.name} is missing")
    listed = parse_seizure_list(read_text(recording.labels))
    if recording.name not in listed:
        raise ValueError(
            f"{recording.labels.name} does not name it; it names {sorted(listed)}"
        )
    zero = 3600 * start.hour + 60 * start.minute + start.second
    seizures = []
    for begin, end in listed[recording.name]:
        onset = (begin - zero) % DAY  # a recording may go past midnight
        seizures.append((onset, onset + (end - begin) % DAY))
    return seizures


def paper_names(ch_names):
    """Map the file's labels, such as "EEG FP1", to the paper's names."""
    wanted = {f"eeg {name}".lower(): name for name in CHANNELS}
    return {name: wanted[name.lower()] for name in ch_names if name.lower() in wanted}


def read_text(path):
    """Read a text file that may hold stray bytes."""
    return path.read_text(encoding="utf-8", errors="replace")
