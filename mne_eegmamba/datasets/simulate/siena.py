"""Simulated twin of the Siena Scalp EEG Database, with its published errors."""

import numpy as np

from mne_eegmamba.datasets.siena import CHANNELS
from mne_eegmamba.datasets.simulate import check_subjects
from mne_eegmamba.datasets.simulate.edf import clock, write_edf
from mne_eegmamba.datasets.simulate.signals import add_seizures, noise

SFREQ = 512.0
SECONDS = 100
OTHERS = ("EKG EKG", "SPO2", "HR", "1", "2", "MK")

# Recording: start in the EDF header, and true seizures in seconds from there.
RECORDINGS = {
    "PN00-1": ("19.39.33", [(20, 60)]),
    "PN00-3": ("18.28.05", [(24, 84)]),
    "PN06-1": ("23.59.10", [(30, 74)]),
    "PN06-2": ("23.59.40", [(24, 60)]),
    "PN10-2": ("11.40.00", [(13, 43)]),
    "PN10-4.5.6": ("16.49.00", [(25, 45), (60, 80)]),
    "PN12-1.2": ("16.12.40", [(16, 36), (52, 84)]),
    "PN14-3": ("19.17.45", [(30, 70)]),
    "PN01-1": ("21.50.30", [(32, 64)]),
    "PN05-3": ("06.01.13", [(30, 70)]),
    "PN11-1": ("11.27.12", [(40, 80)]),
}

# The lists as people wrote them: the channel "1" is O1, clocks are mixed.
LISTS = {
    "PN00": """
Channel 5: 1
Seizure n 1
File name: PN00-1.edf
Registration start time: 19.39.33
Registration end time:  19.41.13
Seizure start time: 19.39.53
Seizure end time: 19.40.33

Seizure n 3
File name: PN00-3.edf
Registration start time: 18.28.05
Registration end time: 18.29.45
Seizure start time: 18.28.29
Seizure end time: 19.29.29
""",
    "PN06": """
Seizure n 1
File name: PNO6-1.edf
Registration start time:23.59.10
Registration end time: 00.00.50
Seizure start time: 23.59.40
Seizure end time:00.00.24

Seizure n 2
File name: PNO6-2.edf
Registration start time: 23.59.40
Registration end time: 00.01.20
Seizure start time: 00.00.04
Seizure end time: 00.00.40
""",
    "PN10": """
Seizure n 2
File name: PN10-2.edf
Registration start time: 11.40.00
Seizure start time: 11.40.13
Seizure end time: 11.41.04 opure 11.40.43

Seizure n 4
File name: PN10-4.5.6.edf
Registration start time: 16.49.00
Seizure start time: 1 6.49.25
Seizure end time: 16.49.45

Seizure n 5
File name: PN10-4.5.6.edf
Seizure start time: 16.49.55 (CLINICAL ONSET); 16.50.00 (ELECTRIC ONSET)
Seizure end time: 16.50.20
""",
    "PN12": """
Seizure n 1
File name: PN12-1.2.edf
Registration start time: 16:12.40
Registration end time: 16.14.20
Seizure start time: 16:12.56
Seizure end time: 16:13.16

Seizure n 2
Seizure start time: 16.13.32
Seizure end time: 16.14.04
""",
    "PN14": """
Seizure n 3
File name: PN14-3.edf
Registration start time: 16.17.45
Registration end time: 19.19.25
Seizure start time: 19.18.15
Seizure end time: 19.18.55
""",
    "PN01": """
File name: PN01.edf
Registration start time: 21.50.30
Registration end time: 21.52.10

Seizure n 1
Start time: 21:51:02
End time: 21:51:34
""",
    "PN05": """
Seizure n 3
File name: PN05-3.edf
Registration start time: 06.01.23
Registration end time: 06.02.53
Seizure start time: 06.01.43
Seizure end time: 06.02.23
""",
    "PN11": """
Seizure n 1
File name: PN11-.edf
Registration start time: 11.27.12
Registration end time: 11.28.52
Seizure start time: 11.27.52
Seizure end time: 11.28.32
""",
}


def write(path, n_subjects, rng):
    """Write the folders of so many patients.

    Parameters
    ----------
    path : pathlib.Path
        The data set's folder.
    n_subjects : int
        How many patients.
    rng : numpy.random.Generator
        Source of chance.
    """
    check_subjects(n_subjects, len(LISTS))
    subjects = list(LISTS)[:n_subjects]
    for subject in subjects:
        folder = path / subject
        folder.mkdir(exist_ok=True)
        (folder / f"Seizures-list-{subject}.txt").write_text(
            f"{subject} (simulated)\n\nData Sampling Rate: 512 Hz\n{LISTS[subject]}"
        )
        for name, (start, seizures) in RECORDINGS.items():
            if name.startswith(subject):
                write_recording(folder / f"{name}.edf", start, seizures, rng)
    rows = "".join(f"{subject},40,Male,29\n" for subject in subjects)
    (path / "subject_info.csv").write_text(
        f" patient_id, age_years, gender, eeg_channel\n{rows}"
    )


def write_recording(path, start, seizures, rng):
    """Write one EDF file with the signals that are no EEG, too."""
    n_times = int(SECONDS * SFREQ)
    x = noise(rng, len(CHANNELS), n_times)
    add_seizures(x, SFREQ, seizures)
    labels = [*(f"EEG {name}" for name in CHANNELS), *OTHERS]
    rows = [*x, *np.zeros((len(OTHERS), n_times))]
    signals = [
        (label, SFREQ, row, "uV") for label, row in zip(labels, rows, strict=True)
    ]
    write_edf(path, clock(start), signals)
