"""SHU: imagery of the left and the right hand, 25 subjects on five days."""

import re
from functools import partial
from pathlib import Path

import mne
import numpy as np
import pandas as pd

from mne_eegmamba.datasets.about import About, name_folds, split_names
from mne_eegmamba.datasets.mat import read_mat
from mne_eegmamba.datasets.recordings import (
    NoEpochs,
    Recording,
    epochs_from_array,
    load_recordings,
    pick_subjects,
)

__all__ = ["ABOUT", "find", "load", "read"]

ABOUT = About(
    name="shu",
    title="SHU motor imagery",
    task="motor imagery",
    classes=("left_hand", "right_hand"),
    n_channels=32,
    duration=4.0,
    folds=name_folds("sub-{:03d}", (1, 5), (6, 10), (11, 15), (16, 20), (21, 25)),
    url="https://doi.org/10.6084/m9.figshare.19228725",
    licence="CC BY 4.0",
    how_to_get=(
        "Download mat_files.zip (or edf_files.zip and events.zip) from figshare and "
        "ask the authors for the password, as the README there says."
    ),
    citation=(
        "Ma, J. et al. (2022). A large EEG dataset for studying cross-session "
        "variability in motor imagery brain-computer interface. Scientific Data 9, 531."
    ),
    layout=(
        "mat/sub-001_ses-01_task_motorimagery_eeg.mat ..., or the same in edf/ with "
        "events/sub-001_ses-01_task_motorimagery_events.tsv"
    ),
)
EVENT_ID = {"left_hand": 1, "right_hand": 2}
SFREQ = 250.0
N_TIMES = 1000  # of a trial
CH_NAMES = split_names(
    "Fp1 Fp2 Fz F3 F4 F7 F8 FC1 FC2 FC5 FC6 Cz C3 C4 T3 T4 A1 A2 CP1 CP2 CP5 CP6 "
    "Pz P3 P4 T5 T6 PO3 PO4 Oz O1 O2"
)
COLUMNS = ["onset", "duration", "trial_type", "response_time", "sample", "value"]
_TRIAL_TYPES = {"left": 1, "right": 2}
_FILE = re.compile(
    r"(sub-\d{3})_(ses-\d{2})_task[_-]motorimagery_(eeg\.mat|eeg\.edf|events\.tsv)"
)


def find(path, subjects=None):
    """Find the recordings of SHU.

    Parameters
    ----------
    path : str | pathlib.Path
        The folder of the data set; folders inside it are searched. Of a session that is
        there in both forms the MAT file is taken; give the folder with the EDF files to
        read those.
    subjects : list of str | None, default=None
        Subjects to keep, such as ``["sub-001"]``; None keeps all on disk.

    Returns
    -------
    recordings : list of Recording
        One per subject and session, in the order of their names. A session of which
        only the events are there is one too, which cannot be read.

    Raises
    ------
    FileNotFoundError
        If there are no recordings.
    ValueError
        If a subject is not on disk.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from mne_eegmamba.datasets import shu
    >>> from mne_eegmamba.datasets.simulate import simulate
    >>> with TemporaryDirectory() as folder:
    ...     found = shu.find(simulate("shu", folder, n_subjects=1))
    >>> [recording.name for recording in found]
    ['sub-001_ses-01', 'sub-001_ses-04']
    """
    path = Path(path)
    files = {}
    # The events of the folder edf are beside it, in the folder events.
    for file in [*(path.parent / "events").glob("*.tsv"), *path.rglob("sub-*")]:
        if match := _FILE.fullmatch(file.name):
            files.setdefault(match.groups()[:2], {})[file.suffix] = file
    inside = [name for name, forms in files.items() if _lies_in(path, forms)]
    found = [_recording(*name, files[name]) for name in sorted(inside)]
    return pick_subjects(found, subjects, f"{path} has no {ABOUT.layout}")


def read(recording, *, sfreq=200.0, l_freq=None, h_freq=None):
    """Read one session of SHU: up to 100 trials of 4 s.

    Parameters
    ----------
    recording : Recording
        One of those that `find` gives.
    sfreq : float, default=200.0
        Rate of the epochs in Hz; the files have 250 Hz.
    l_freq, h_freq : float | None, default=None
        Band in Hz on top of the published one, see Notes.

    Returns
    -------
    epochs : mne.EpochsArray
        32 channels in volts. ``metadata`` has subject, session, recording, onset (in
        seconds, as if the trials lay end to end) and trial.

    Raises
    ------
    ValueError
        If a file is not whole, if signals and labels do not fit each other, or if a
        filter for the band is longer than a trial.

    Notes
    -----
    Only trials that were filtered to 0.5-40 Hz, cut and cleared of bad ones by the
    authors are published; the EDF files are the same trials end to end, with a jump
    every 4 s. The 0.1-50 Hz of the paper are for a continuous signal: here they would
    remove nothing, and a filter for 0.1 Hz is 33 s long. So nothing is filtered unless
    asked for; then each trial is filtered and resampled by itself, its ends continued
    by reflection, and an edge whose filter is longer than the trial is refused.

    In the events, ``onset`` and ``sample`` are samples that count from 1, whatever the
    JSON beside them says; the file of sub-001, ses-04 has no header.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from mne_eegmamba.datasets import shu
    >>> from mne_eegmamba.datasets.simulate import simulate
    >>> with TemporaryDirectory() as folder:
    ...     recordings = shu.find(simulate("shu", folder, n_subjects=1))
    ...     epochs = shu.read(recordings[0])
    >>> epochs.get_data().shape
    (20, 32, 800)
    """
    _check_band(l_freq, h_freq)
    reader = _read_edf if recording.signal.suffix == ".edf" else _read_mat
    trials, codes = reader(recording)
    if not len(trials):
        raise NoEpochs("it has no trials")
    data = _process(np.asarray(trials) * 1e-6, sfreq, l_freq, h_freq)
    epochs = epochs_from_array(
        data,
        mne.create_info(list(CH_NAMES), sfreq, "eeg", verbose="error"),
        np.arange(len(data)) * data.shape[2],
        codes,
        EVENT_ID,
        recording,
    )
    epochs.metadata["trial"] = np.arange(1, len(data) + 1)
    return epochs


def load(
    path, subjects=None, *, sfreq=200.0, l_freq=None, h_freq=None, on_error="raise"
):
    """Load SHU: imagery of the left and the right hand.

    Parameters
    ----------
    path : str | pathlib.Path
        The folder of the data set.
    subjects : list of str | None, default=None
        Subjects to load, such as ``["sub-001"]``; None loads all on disk.
    sfreq : float, default=200.0
        Rate of the epochs in Hz.
    l_freq, h_freq : float | None, default=None
        Band in Hz on top of the published 0.5-40 Hz; `read` says why there is none.
    on_error : "raise" | "warn", default="raise"
        Whether a file that cannot be read is an error, or is left out with a warning.

    Returns
    -------
    epochs : mne.EpochsArray
        Epochs of 4 s of 32 channels in volts, of the classes ``"left_hand"`` and
        ``"right_hand"``; `read` says more of them.

    Raises
    ------
    FileNotFoundError
        If there are no recordings.
    ValueError
        If a parameter is not allowed, or a recording cannot be read.

    References
    ----------
    .. [1] Ma, J. et al. (2022). A large EEG dataset for studying cross-session
           variability in motor imagery brain-computer interface. Scientific Data 9,
           531.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from mne_eegmamba.datasets import shu
    >>> from mne_eegmamba.datasets.simulate import simulate
    >>> with TemporaryDirectory() as folder:
    ...     epochs = shu.load(simulate("shu", folder), subjects=["sub-002"])
    >>> len(epochs["left_hand"]), len(epochs["right_hand"])
    (20, 19)
    """
    _check_band(l_freq, h_freq)
    reader = partial(read, sfreq=sfreq, l_freq=l_freq, h_freq=h_freq)
    return load_recordings(find(path, subjects), reader, on_error)


def _lies_in(path, forms):
    """Say whether a file of a session is in a folder, and not only beside it."""
    return any(path in file.parents for file in forms.values())


def _recording(subject, session, forms):
    """Return the recording of a session out of the files in its forms."""
    name = f"{subject}_{session}"
    events = forms.get(".tsv")
    if ".mat" in forms:
        return Recording(name, subject, session, forms[".mat"])
    if ".edf" in forms:
        return Recording(name, subject, session, forms[".edf"], events)
    missing = events.with_name(events.name.replace("_events.tsv", "_eeg.edf"))
    return Recording(name, subject, session, missing, events)


def _check_band(l_freq, h_freq):
    """Refuse a band whose filter is longer than a trial."""
    if l_freq is None and h_freq is None:
        return
    taps = mne.filter.create_filter(None, SFREQ, l_freq, h_freq, verbose="error")
    if len(taps) > N_TIMES:
        raise ValueError(
            f"SHU is published as trials of {N_TIMES / SFREQ:g} s, filtered to 0.5-40 "
            f"Hz. A filter for l_freq={l_freq}, h_freq={h_freq} is "
            f"{len(taps) / SFREQ:.3g} s long; use None, or a higher l_freq."
        )


def _process(data, sfreq, l_freq, h_freq):
    """Filter and resample (n_trials, n_channels, n_times), each row by itself."""
    if not (l_freq is None and h_freq is None):
        data = mne.filter.filter_data(data, SFREQ, l_freq, h_freq, verbose="error")
    if sfreq != SFREQ:
        data = mne.filter.resample(data, up=sfreq, down=SFREQ, verbose="error")
    return data


def _read_mat(recording):
    """Return trials (n_trials, 32, 1000) in microvolts and their codes."""
    variables = read_mat(recording.signal)
    if not {"data", "labels"} <= set(variables):
        raise ValueError(f"{recording.signal.name} must have data and labels")
    data, codes = variables["data"], variables["labels"].ravel()
    expected = (len(codes), len(CH_NAMES), N_TIMES)
    if data.shape != expected:
        raise ValueError(
            f"data must have the shape {expected}, with a trial for each of the "
            f"{len(codes)} labels. Got {data.shape}."
        )
    unknown = set(codes.tolist()) - set(EVENT_ID.values())
    if unknown:
        raise ValueError(f"labels must be 1 (left) or 2 (right). Got {unknown}.")
    return data, codes


def _read_edf(recording):
    """Return what `_read_mat` does, of an EDF file with its events."""
    if recording.labels is None:
        raise FileNotFoundError(
            f"{recording.name} has no {recording.name}_task_motorimagery_events.tsv "
            "beside it or in the folder events"
        )
    if not recording.signal.is_file():
        raise FileNotFoundError(
            f"{recording.signal.name} is missing, though its events "
            f"{recording.labels.name} are there"
        )
    first, codes = _read_events(recording.labels)
    raw = _open_edf(recording.signal)
    signal = raw.get_data(verbose="error") * 1e6
    if signal.shape[1] != len(first) * N_TIMES:
        raise ValueError(
            f"{recording.labels.name} has {len(first)} trials of {N_TIMES} samples, "
            f"but {recording.signal.name} has {signal.shape[1]} samples"
        )
    if first.min() < 0 or first.max() + N_TIMES > signal.shape[1]:
        raise ValueError(
            f"{recording.labels.name} has samples from {first.min() + 1} to "
            f"{first.max() + N_TIMES}; they count from 1 to {signal.shape[1]}"
        )
    return [signal[:, at : at + N_TIMES] for at in first], codes


def _open_edf(path):
    """Open an EDF file with the channels in our names and order."""
    try:
        raw = mne.io.read_raw_edf(path, preload=True, verbose="error")
    except Exception as error:  # a broken header can raise anything
        raise ValueError(f"{path.name} is not a whole EDF file: {error}") from error
    if raw.info["sfreq"] != SFREQ:
        raise ValueError(f"the rate must be {SFREQ} Hz. Got {raw.info['sfreq']}.")
    ours = {name.upper(): name for name in CH_NAMES}
    raw.rename_channels(lambda name: ours.get(name.strip().upper(), name))
    missing = set(CH_NAMES) - set(raw.ch_names)
    if missing:
        raise ValueError(f"channels {sorted(missing)} are missing in {raw.ch_names}")
    return raw.pick(list(CH_NAMES)).reorder_channels(list(CH_NAMES))


def _read_events(path):
    """Return the first sample, counted from 0, and the code of each trial."""
    table = pd.read_csv(path, sep="\t", header=None, dtype=str, encoding="utf-8-sig")
    if table.shape[1] != len(COLUMNS):
        raise ValueError(f"{path.name} must have {len(COLUMNS)} columns: {COLUMNS}")
    table = table.set_axis(COLUMNS, axis=1).apply(lambda column: column.str.strip())
    table = table[table["onset"] != "onset"]  # not every file has this header
    unknown = set(table["trial_type"]) - set(_TRIAL_TYPES)
    if unknown:
        raise ValueError(f"trial_type must be left or right. Got {unknown}.")
    first = table["sample"].astype(float).to_numpy().astype(int) - 1
    return first, table["trial_type"].map(_TRIAL_TYPES).to_numpy()
