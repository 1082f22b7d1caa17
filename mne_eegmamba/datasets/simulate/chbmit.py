"""Simulated twin of the CHB-MIT Scalp EEG Database."""

import struct

import numpy as np

from mne_eegmamba.datasets.simulate import check_subjects
from mne_eegmamba.datasets.simulate.edf import clock, write_edf
from mne_eegmamba.datasets.simulate.signals import add_seizures, noise

SFREQ = 256.0
SECONDS = 80
MONTAGE = (
    "FP1-F7 F7-T7 T7-P7 P7-O1 FP1-F3 F3-C3 C3-P3 P3-O1 FP2-F4 F4-C4 C4-P4 P4-O2 "
    "FP2-F8 F8-T8 T8-P8 P8-O2 FZ-CZ CZ-PZ P7-T7 T7-FT9 FT9-FT10 FT10-T8 T8-P8"
)
LABELS = MONTAGE.split()
WITH_DUMMIES = [
    *(*LABELS[:4], "-", *LABELS[4:8], "-", *LABELS[8:12], ".", *LABELS[12:16], "-"),
    *(*LABELS[16:], "ECG", "VNS"),
]

# Recording: true seizures in seconds, and labels of the signals.
PATIENTS = {
    "chb01": {
        "chb01_01": ([], LABELS),
        "chb01_03": ([(20, 60)], LABELS),
        "chb21_01": ([(32, 72)], LABELS),  # the same patient, later
    },
    "chb09": {
        "chb09_01": ([(12, 52)], LABELS),
        "chb09_02": ([(8, 28), (48, 68)], WITH_DUMMIES),
    },
    "chb24": {"chb24_01": ([(20, 40), (50, 70)], LABELS), "chb24_02": ([], LABELS)},
    "chb02": {"chb02_16": ([], LABELS), "chb02_16+": ([(24, 64)], LABELS)},
    "chb17": {"chb17a_03": ([(28, 68)], LABELS[:-1])},  # T8-P8 once
    "chb05": {"chb05_06": ([(4, 44)], LABELS)},
}
NUMBERED = {"chb09", "chb24"}  # cases with "Seizure 1 Start Time"
NO_TIMES = "chb24"
BINARY_ONLY = "chb24_01"  # not in the summary


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
    check_subjects(n_subjects, len(PATIENTS))
    written = []
    for recordings in list(PATIENTS.values())[:n_subjects]:
        for case in sorted({name[:5] for name in recordings}):
            of_case = {name: r for name, r in recordings.items() if name[:5] == case}
            (path / case).mkdir(exist_ok=True)
            (path / case / f"{case}-summary.txt").write_text(summary(case, of_case))
            for name, (seizures, labels) in of_case.items():
                write_recording(path / case / f"{name}.edf", seizures, labels, rng)
                written.append(f"{case}/{name}.edf\n")
    (path / "RECORDS").write_text("".join(written))
    (path / "SUBJECT-INFO").write_text("Case\tGender\tAge (years)\n")


def write_recording(path, seizures, labels, rng):
    """Write one EDF file, and the binary one that goes with seizures."""
    names = list(dict.fromkeys(labels))
    x = noise(rng, len(names), int(SECONDS * SFREQ))
    add_seizures(x, SFREQ, seizures)
    rows = dict(zip(names, x, strict=True))  # T8-P8 is the same signal twice
    signals = [(label, SFREQ, rows[label], "uV") for label in labels]
    write_edf(path, clock("17.20.05"), signals)
    if seizures:
        path.with_name(f"{path.name}.seizures").write_bytes(binary(seizures))


def summary(case, recordings):
    """Return the text of a summary, "(simulated)" in its first line."""
    lines = [f"Data Sampling Rate: 256 Hz (simulated)\n{'*' * 25}\n"]
    before = None
    for name, (seizures, labels) in recordings.items():
        if name == BINARY_ONLY:
            continue
        if labels != before:
            lines.append(f"Channels {'in EDF Files' if before is None else 'changed'}:")
            lines += [f"Channel {k}: {label}" for k, label in enumerate(labels, 1)]
            lines.append("")
        before = labels
        lines.append(f"File Name: {name}.edf")
        if case != NO_TIMES:
            lines += ["File Start Time: 4:37:53", "File End Time: 4:39:13"]
        lines.append(f"Number of Seizures in File: {len(seizures)}")
        for k, (begin, end) in enumerate(seizures, 1):
            number = f" {k}" if case in NUMBERED else ""
            lines.append(f"Seizure{number} Start Time: {begin} seconds")
            lines.append(f"Seizure{number} End Time: {end} seconds")
        lines.append("")
    return "\n".join(lines)


def binary(seizures):
    """Return the bytes of a .edf.seizures file: words of WFDB annotations."""
    text = b"## time resolution: 256"
    data = struct.pack("<HH", 22 << 10, 63 << 10 | len(text)) + text + b"\0"
    before = 0
    for code, second in [c for b, e in seizures for c in ((32, b), (33, e))]:
        ticks = int(second * SFREQ)
        high, low = divmod(ticks - before, 1 << 16)
        data += struct.pack("<HHHH", 59 << 10, high, low, code << 10)
        before = ticks
    return data + np.uint16(0).tobytes()
