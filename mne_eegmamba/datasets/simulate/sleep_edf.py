"""Simulated twin of Sleep-EDF, sleep-cassette."""

from itertools import groupby

import numpy as np

from mne_eegmamba.datasets.simulate import check_subjects
from mne_eegmamba.datasets.simulate.edf import clock, write_edf
from mne_eegmamba.datasets.simulate.signals import noise, sleep

SFREQ = 100.0
WAKE = 70  # epochs before and after sleep: 35 min, of which 30 are kept
CYCLE = "1122334422RR??22334411MRRR"
STAGES = "W" * WAKE + CYCLE + "W" * 3 + CYCLE[::-1] + "W" * WAKE
AFTER_SIGNAL = 40  # epochs that the hypnogram has more than the signal, unscored
NAMES = {"?": "Sleep stage ?", "M": "Movement time"}
SLOW = ("Resp oro-nasal", "EMG submental", "Temp rectal", "Event marker")  # 1 Hz
SCORERS = "CHJP"


def write(path, n_subjects, rng):
    """Write two nights for so many persons; person 13 has one.

    Parameters
    ----------
    path : pathlib.Path
        The data set's folder.
    n_subjects : int
        How many persons.
    rng : numpy.random.Generator
        Source of chance.
    """
    check_subjects(n_subjects, 20)
    for person in range(n_subjects):
        for night in (1, 2)[: 1 if person == 13 else 2]:
            name = f"SC4{person:02d}{night}E"
            scorer = SCORERS[(person + night) % len(SCORERS)]
            write_signal(path / f"{name}0-PSG.edf", rng)
            write_edf(
                path / f"{name}{scorer}-Hypnogram.edf",
                clock("16.13.00", night),
                annotations=hypnogram(STAGES + "?" * AFTER_SIGNAL),
            )


def write_signal(path, rng):
    """Write one EDF file with signals of two rates."""
    n_seconds = 30 * len(STAGES)
    eeg = sleep(rng, SFREQ, STAGES)
    other = noise(rng, 2, len(eeg))
    signals = [
        ("EEG Fpz-Cz", SFREQ, eeg, "uV"),
        ("EEG Pz-Oz", SFREQ, other[0], "uV"),
        ("EOG horizontal", SFREQ, other[1], "uV"),
        *((label, 1.0, np.zeros(n_seconds), "uV") for label in SLOW),
    ]
    write_edf(path, clock("16.13.00"), signals, record=30.0)


def hypnogram(stages):
    """Return annotations of equal stages in a row: begin, seconds and text."""
    annotations, at = [], 0
    for stage, group in groupby(stages):
        seconds = 30 * len(list(group))
        annotations.append((at, seconds, NAMES.get(stage, f"Sleep stage {stage}")))
        at += seconds
    return annotations
