"""Fixtures that all tests share."""

import os

# scikit-learn's array API checks only run with this, set before scipy is imported.
os.environ.setdefault("SCIPY_ARRAY_API", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import numpy as np
import pytest
import torch

SFREQ = 160.0

# The networks are tiny: two threads would wait for each other, above all on a busy
# machine. Tests of threads set their own number.
torch.set_num_threads(1)


@pytest.fixture
def threads():
    """Give `torch.set_num_threads` and undo it."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def epochs():
    """48 simulated epochs of 6 subjects; a 10 Hz rhythm over one side names the hand.

    Shared by the whole session: never change it, copy it.
    """
    import mne  # here: a bare machine with a card runs tests too
    import pandas as pd

    rng = np.random.default_rng(0)
    n_epochs, names = 48, ["C3", "Cz", "C4", "Pz"]
    times = np.arange(int(2 * SFREQ)) / SFREQ
    side = np.arange(n_epochs) % 2  # 0 left hand, 1 right hand
    data = rng.standard_normal((n_epochs, len(names), len(times)))
    rhythm = 3 * np.sin(2 * np.pi * 10 * times)
    for epoch, hand in enumerate(side):
        data[epoch, 2 * hand] += rhythm
    events = np.column_stack([np.arange(n_epochs), np.zeros(n_epochs, int), side + 1])
    return mne.EpochsArray(
        data * 1e-5,
        mne.create_info(names, SFREQ, "eeg"),
        events=events,
        event_id={"left": 1, "right": 2},
        metadata=pd.DataFrame({"subject": np.repeat(np.arange(6), 8)}),
        verbose="error",
    )
