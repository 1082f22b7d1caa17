"""Simulated twin of the Sleep Heart Health Study."""

from itertools import groupby

import numpy as np

from mne_eegmamba.datasets.simulate import check_subjects
from mne_eegmamba.datasets.simulate.edf import clock, write_edf
from mne_eegmamba.datasets.simulate.signals import noise, sleep

SFREQ = 125.0
WAKE = 64  # epochs before and after sleep: 32 min, of which 30 are kept
STAGES = "W" * WAKE + "1122334422RRRR" * 2 + "1" + "W" * WAKE
PARTICIPANTS = ("200010", "201023", "202983", "204051", "204783", "200077")
REJECTED = "200077"  # has movement, so that its file is refused
OTHER_EEG = ("EEG(sec)", "EEG(sec)", "EEG2", "EEG sec", "EEG(sec)", "EEG2")  # C3-A2
CONCEPTS = {
    "W": "Wake|0",
    **{str(k): f"Stage {k} sleep|{k}" for k in range(1, 5)},
    "R": "REM sleep|5",
    "M": "Movement|6",
    "?": "Unscored|9",
}


def write(path, n_subjects, rng):
    """Write one night for so many participants, with both kinds of stages.

    Parameters
    ----------
    path : pathlib.Path
        The data set's folder.
    n_subjects : int
        How many participants; the last of six has movement and is rejected.
    rng : numpy.random.Generator
        Source of chance.
    """
    check_subjects(n_subjects, len(PARTICIPANTS))
    root = path / "polysomnography"
    folders = {
        "edf": root / "edfs" / "shhs1",
        "profusion": root / "annotations-events-profusion" / "shhs1",
        "nsrr": root / "annotations-events-nsrr" / "shhs1",
    }
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    for subject, second in zip(PARTICIPANTS[:n_subjects], OTHER_EEG, strict=False):
        name = f"shhs1-{subject}"
        stages = STAGES.replace("2R", "MR") if subject == REJECTED else STAGES
        write_signal(folders["edf"] / f"{name}.edf", second, stages, rng)
        for kind, text in (("profusion", profusion), ("nsrr", nsrr)):
            (folders[kind] / f"{name}-{kind}.xml").write_text(text(stages))


def write_signal(path, second, stages, rng):
    """Write one EDF file; the second EEG channel comes first."""
    eeg = sleep(rng, SFREQ, stages)
    signals = [
        (second, SFREQ, noise(rng, 1, len(eeg))[0], "uV"),
        ("ECG", SFREQ, np.zeros(len(eeg)), "mV"),
        ("EEG", SFREQ, eeg, "uV"),
        ("SaO2", 1.0, np.full(30 * len(stages), 97.0), "%"),
    ]
    write_edf(path, clock("22.00.00"), signals)


def profusion(stages):
    """Return a -profusion.xml, one number per epoch."""
    codes = "".join(f"<SleepStage>{code(s)}</SleepStage>" for s in stages)
    return (
        '<?xml version="1.0" encoding="UTF-8"?><!-- simulated -->'
        "<CMPStudyConfig><EpochLength>30</EpochLength><StepChannels></StepChannels>"
        f"<ScoredEvents></ScoredEvents><SleepStages>{codes}</SleepStages>"
        "<Montage>simulated</Montage></CMPStudyConfig>"
    )


def nsrr(stages):
    """Return a -nsrr.xml, one event for equal stages in a row, among other events."""
    events = [event("Respiratory|Respiratory", "SpO2 artifact|SpO2 artifact", 7, 11.5)]
    at = 0
    for stage, group in groupby(stages):
        seconds = 30 * len(list(group))
        events.append(event("Stages|Stages", CONCEPTS[stage], at, seconds))
        at += seconds
    return (
        '<?xml version="1.0" encoding="UTF-8"?><!-- simulated --><PSGAnnotation>'
        "<EpochLength>30</EpochLength><ScoredEvents>"
        f"{''.join(events)}</ScoredEvents></PSGAnnotation>"
    )


def event(kind, concept, start, seconds):
    """Return one element of a -nsrr.xml."""
    return (
        f"<ScoredEvent><EventType>{kind}</EventType><EventConcept>{concept}"
        f"</EventConcept><Start>{start}</Start><Duration>{seconds:.1f}</Duration>"
        "</ScoredEvent>"
    )


def code(stage):
    """Return the number of a stage in both kinds of files."""
    return int(CONCEPTS[stage].rpartition("|")[2])
