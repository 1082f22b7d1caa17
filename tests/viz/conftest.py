"""A tiny fitted network of two tasks, for the figures that look inside one."""

import mne
import numpy as np
import pytest

from mne_eegmamba import MultiTaskEEGMamba

CHANNELS = {"imagery": ["C3", "Cz", "C4", "Pz", "Oz"], "sleep": ["Fz", "Cz", "Pz"]}
LENGTHS = {"imagery": (200.0, 600), "sleep": (100.0, 250)}  # Hz, samples


def make_epochs(task, n_epochs=8):
    """Return epochs of noise in volts, with the labels "x" and "y" in turns."""
    rng = np.random.default_rng(0)
    sfreq, n_times = LENGTHS[task]
    names = CHANNELS[task]
    return mne.EpochsArray(
        rng.standard_normal((n_epochs, len(names), n_times)) * 1e-5,
        mne.create_info(names, sfreq, "eeg"),
        events=np.c_[:n_epochs, [0] * n_epochs, np.arange(n_epochs) % 2 + 1],
        event_id={"x": 1, "y": 2},
        verbose="error",
    )


@pytest.fixture(scope="session")
def tasks():
    """Give epochs of two tasks; never change them."""
    return {task: make_epochs(task) for task in CHANNELS}


@pytest.fixture(scope="session")
def network(tasks):
    """Give a network fitted on ``tasks``; never change it."""
    clf = MultiTaskEEGMamba(
        **{"d_model": 16, "n_layers": 2, "n_experts": 4, "max_epochs": 1},
        **{"device": "cpu", "backend": "torch", "random_state": 0, "verbose": "error"},
    )
    with pytest.warns(UserWarning, match="'sleep' have 250 samples"):
        return clf.fit(tasks)
