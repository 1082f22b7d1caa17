"""Simulated recordings in SHU's layout."""

import numpy as np
from scipy.io import savemat

from mne_eegmamba.datasets.about import split_names
from mne_eegmamba.datasets.simulate.rhythms import add_imagery, background

CH_NAMES = split_names(
    "Fp1 Fp2 Fz F3 F4 F7 F8 FC1 FC2 FC5 FC6 Cz C3 C4 T3 T4 A1 A2 CP1 CP2 CP5 CP6 Pz P3 "
    "P4 T5 T6 PO3 PO4 Oz O1 O2"
)
SFREQ = 250
N_TIMES = 1000
SESSIONS = {"ses-01": 20, "ses-04": 19}  # trials; the real set has five and up to 100
WEAK = {1: "C4", 2: "C3"}  # where the rhythm is weak: opposite to the hand


def write(path, n_subjects, rng):
    """Write ``mat/sub-001_ses-01_task_motorimagery_eeg.mat`` and so on.

    The same trials are in ``edf``, end to end, with their ``events``. Those of sub-001,
    ses-04 have no header.
    """
    for folder in ("mat", "edf", "events"):
        (path / folder).mkdir(exist_ok=True)
    for subject in range(1, n_subjects + 1):
        for session, n_trials in SESSIONS.items():
            _write_session(path, f"sub-{subject:03d}_{session}", n_trials, rng)


def _write_session(path, name, n_trials, rng):
    """Write one session in all forms."""
    labels = rng.permutation(np.arange(n_trials) % 2 + 1)
    data = np.stack([_trial(rng, label) for label in labels])
    savemat(
        path / "mat" / f"{name}_task_motorimagery_eeg.mat",
        {"data": data, "labels": labels[np.newaxis].astype(np.uint8)},
    )
    write_edf(path / "edf" / f"{name}_task_motorimagery_eeg.edf", data)
    header = name != "sub-001_ses-04"
    table = event_table(labels, header)
    (path / "events" / f"{name}_task_motorimagery_events.tsv").write_text(table)


def _trial(rng, label):
    """Return 32 channels of 4 s in microvolts, on an offset of their own."""
    signal = background(rng, len(CH_NAMES), N_TIMES, microvolts=5.0).astype(float)
    signal += rng.uniform(-20, 20, (len(CH_NAMES), 1))
    rows = {"C3": CH_NAMES.index("C3"), "C4": CH_NAMES.index("C4")}
    add_imagery(rng, signal, rows, WEAK[label], SFREQ)
    return signal


def write_edf(path, data):
    """Write trials end to end."""
    try:
        from edfio import Edf, EdfSignal
    except ImportError as error:
        raise ImportError(
            "Simulated EDF files are written with edfio: pip install edfio"
        ) from error
    signals = [
        EdfSignal(row, SFREQ, label=name, physical_dimension="uV")
        for name, row in zip(CH_NAMES, np.concatenate(data, axis=1), strict=True)
    ]
    Edf(signals).write(path)


def event_table(labels, header):
    """Return the events as text; samples count from 1, some cells are padded."""
    lines = ["onset\tduration\ttrial_type\tresponse_time\tsample\tvalue"][: int(header)]
    for trial, label in enumerate(labels):
        at, side = trial * N_TIMES + 1, {1: "left", 2: "right"}[label]
        lines.append(f"{at}\t{N_TIMES}\t{side} \tn/a\t{at}\t{label}")
    return "\n".join(lines) + "\n"
