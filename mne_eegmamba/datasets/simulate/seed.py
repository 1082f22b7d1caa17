"""Simulated recordings in SEED's layout."""

import numpy as np
from scipy.io import savemat

from mne_eegmamba.datasets.simulate.rhythms import background, rhythm

LABELS = [1, 0, -1, -1, 0, 1, -1, 0, 1, 1, 0, -1, 0, 1, -1]
DATES = {1: ("20131027", "20131103")}  # the real set has three sessions of everyone
PREFIXES = ("djc", "jl", "jj")  # initials, another for every subject
SFREQ = 200
RHYTHMS = {-1: 6.0, 0: 10.0, 1: 30.0}  # Hz of each label


def write(path, n_subjects, rng):
    """Write ``Preprocessed_EEG/1_20131027.mat`` and so on, and ``label.mat``.

    Each class has a rhythm of its own, see ``RHYTHMS``.
    """
    folder = path / "Preprocessed_EEG"
    folder.mkdir(exist_ok=True)
    savemat(folder / "label.mat", {"label": np.array([LABELS])})
    (folder / "readme.txt").write_text("Simulated recordings, no real data.\n")
    for subject in range(1, n_subjects + 1):
        prefix = PREFIXES[subject % len(PREFIXES)]
        for date in DATES.get(subject, ("20140404",)):
            films = {
                f"{prefix}_eeg{number}": _film(rng, label)
                for number, label in enumerate(LABELS, 1)
            }
            # As in the real files, the names do not come in the order of the films.
            savemat(
                folder / f"{subject}_{date}.mat",
                {name: films[name] for name in sorted(films)},
            )


def _film(rng, label):
    """Return 62 channels in microvolts; films are between 20 and 24 s."""
    n_times = int(rng.integers(20 * SFREQ, 24 * SFREQ))
    signal = background(rng, 62, n_times)
    signal += rhythm(rng, RHYTHMS[label], n_times, SFREQ, 15.0).astype(np.float32)
    return signal
