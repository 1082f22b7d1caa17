"""Simulated recordings in the three layouts of BCI competition IV 2a."""

import numpy as np
from scipy.io import savemat

from mne_eegmamba.datasets.simulate.gdf import MISSING, write_gdf
from mne_eegmamba.datasets.simulate.rhythms import add_imagery, background

SFREQ = 250
ROWS = {"C3": 7, "Cz": 9, "C4": 11}
WEAK = {1: "C4", 2: "C3", 3: "Cz", 4: None}  # where the rhythm is weak for each class
CLASSES = ["left hand", "right hand", "feet", "tongue"]
N_RUNS = 2  # the real set has six
N_TRIALS = 8  # of a run; the real set has 48
TRIAL = 7 * SFREQ
STEP = 0.05  # microvolts
N_MISSING = 100  # samples between runs
# Most channels of the real files have no name of their own.
GDF_NAMES = [
    {0: "EEG-Fz", 7: "EEG-C3", 9: "EEG-Cz", 11: "EEG-C4", 19: "EEG-Pz"}.get(row, "EEG")
    for row in range(22)
] + ["EOG-left", "EOG-central", "EOG-right"]


def write(path, n_subjects, rng):
    """Write the same sessions in the folders ``gdf``, ``bnci`` and ``npz``.

    The rhythm over the central channels is weak opposite to the imagined movement. The
    fifth trial of every session is rejected.
    """
    for folder in ("gdf", "bnci", "npz"):
        (path / folder).mkdir(exist_ok=True)
    for subject in range(1, n_subjects + 1):
        for session in "TE":
            name = f"A{subject:02d}{session}"
            # A04T has one run for the eyes, all other sessions have three.
            eyes = [
                _eyes_run(rng, seconds)
                for seconds in ((7,) if name == "A04T" else (7, 6, 5))
            ]
            labels = rng.permuted(np.tile(np.arange(8) % 4 + 1, (N_RUNS, 1)), axis=1)
            runs = [_run(rng, of_run) for of_run in labels]
            _write_bnci(path / "bnci" / f"{name}.mat", eyes, runs, labels)
            _write_events_forms(path, name, eyes, runs, labels)


def _eyes_run(rng, seconds):
    """Return 25 channels of a run without trials, in steps of the converter."""
    return _counts(background(rng, 25, seconds * SFREQ))


def _run(rng, labels):
    """Return 25 channels of a run, in steps of the converter."""
    signal = background(rng, 25, len(labels) * TRIAL + 2 * SFREQ, microvolts=5.0)
    for trial, label in enumerate(labels):
        first = (trial * TRIAL) + 2 * SFREQ
        part = signal[:, first : first + 4 * SFREQ]
        add_imagery(rng, part, ROWS, WEAK[label], SFREQ)
    return _counts(signal)


def _counts(microvolts):
    """Return the signal as the converter gives it."""
    return np.round(microvolts / STEP).astype(np.int16)


def _write_bnci(path, eyes, runs, labels):
    """Write a cell of structs; runs for the eyes have no labels."""
    empty = np.zeros((0, 0))
    structs = [_struct(run, empty, empty, empty) for run in eyes]
    for number, (run, of_run) in enumerate(zip(runs, labels, strict=True)):
        trial = np.arange(N_TRIALS)[:, np.newaxis] * TRIAL + 1.0
        artifacts = np.zeros((N_TRIALS, 1))
        artifacts[4] = number == 0
        structs.append(_struct(run, trial, of_run[:, np.newaxis], artifacts))
    cell = np.empty((1, len(structs)), dtype=object)
    cell[0] = structs
    savemat(path, {"data": cell})


def _struct(run, trial, y, artifacts):
    """Return a run as BNCI has it."""
    return {
        "X": run.T * STEP,
        "trial": trial,
        "y": y,
        "fs": SFREQ,
        "classes": np.array(CLASSES, dtype=object),
        "artifacts": artifacts,
        "gender": "male",
        "age": 22,
    }


def _write_events_forms(path, name, eyes, runs, labels):
    """Write the GDF and the npz file of a session, and labels where cues have none."""
    gap = np.full((25, N_MISSING), MISSING, np.int16)
    # Records of one second: the last gap fills up the last of them.
    n_times = sum(run.shape[1] + N_MISSING for run in [*eyes, *runs])
    tail = np.full((25, -n_times % SFREQ), MISSING, np.int16)
    parts = [part for run in [*eyes, *runs] for part in (run, gap)]
    counts = np.concatenate([*parts, tail], axis=1)
    events = _events(eyes, runs, labels, known=name.endswith("T"))
    write_gdf(path / "gdf" / f"{name}.gdf", counts, GDF_NAMES, SFREQ, STEP, events)
    _write_npz(path / "npz" / f"{name}.npz", counts, events)
    if name.endswith("E"):
        for form in ("gdf", "npz"):
            truth = {"classlabel": labels.reshape(-1, 1).astype(np.uint8)}
            savemat(path / form / f"{name}.mat", truth)


def _events(eyes, runs, labels, known):
    """Return sample, type and duration of all events, in the order of time."""
    events, at = [], 0
    for kind, run in zip((276, 277, 1072), eyes, strict=False):
        events.append((at, kind, run.shape[1]))
        at += run.shape[1] + N_MISSING
    for number, (run, of_run) in enumerate(zip(runs, labels, strict=True)):
        events.append((at, 32766, 0))
        for trial, label in enumerate(of_run):
            start = at + trial * TRIAL
            events.append((start, 768, 6 * SFREQ))
            if number == 0 and trial == 4:
                events.append((start, 1023, 6 * SFREQ))
            events.append((start + 2 * SFREQ, 768 + label if known else 783, 312))
        at += run.shape[1] + N_MISSING
    return events


def _write_npz(path, counts, events):
    """Write the session as arrays; missing samples are NaN, positions count from 1."""
    signal = np.where(counts == MISSING, np.nan, counts * STEP)
    table = np.array(events)
    is_trial = table[:, 1] == 768
    rejected = np.isin(table[:, 0], table[table[:, 1] == 1023, 0])
    np.savez(
        path,
        s=signal.T.astype(np.float32),
        epos=table[:, [0]] + 1,
        etyp=table[:, [1]],
        edur=table[:, [2]],
        artifacts=rejected[is_trial, np.newaxis].astype(np.uint8),
    )
