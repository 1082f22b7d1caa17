"""Small data and a tiny estimator for all tests of the estimators."""

import numpy as np
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


@pytest.fixture(scope="session")
def numbers():
    """Whole numbers that int16, float32 and float64 hold alike, and labels 0, 1, 2."""
    rng = np.random.default_rng(1)
    y = np.arange(30) % 3
    X = rng.integers(-100, 100, (30, 3, 300)).astype(np.float64)
    X += 100 * np.sign(np.sin(np.arange(300) * (y[:, None] + 1) / 8))[:, None]
    X.setflags(write=False)
    y.setflags(write=False)
    return X, y


@pytest.fixture(scope="session")
def fitted(make, numbers):
    """Return an estimator fitted on ``numbers``; shared, never change it."""
    return make().fit(*numbers)


@pytest.fixture(scope="session")
def fitted_epochs(make, epochs):
    """Return an estimator fitted on ``epochs``; shared, never change it."""
    return make().fit(epochs)


def _digest(value):
    if isinstance(value, np.ndarray):
        return (value.dtype.str, value.shape, value.tobytes())
    return repr(value)


@pytest.fixture(scope="session")
def state():
    """Return a function that gives everything in an estimator, weights included."""

    def look(clf):
        found = {name: _digest(value) for name, value in vars(clf).items()}
        ids = {name: id(value) for name, value in vars(clf).items()}
        net = getattr(clf, "net_", None)
        if net is not None:
            weights = net.module_.state_dict().items()
            found["weights"] = {k: v.numpy().tobytes() for k, v in weights}
            found["passes"] = len(net.history)
            found["net_"] = None
        return found, ids

    return look
