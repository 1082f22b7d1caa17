"""A tiny estimator for all tests beside other packages."""

import pytest

from mne_eegmamba import EEGMambaClassifier

TINY = {
    "d_model": 16,
    "n_layers": 1,
    "max_epochs": 2,
    "batch_size": 16,
    "lr": 3e-3,
    "device": "cpu",
    "random_state": 0,
    "verbose": "error",
}


@pytest.fixture(scope="session")
def make():
    """Return a function that makes a tiny estimator; arguments replace parameters."""
    return lambda **parameters: EEGMambaClassifier(**{**TINY, **parameters})
