"""Small data and a tiny estimator for all tests of the estimators."""

import numpy as np
import pytest

from mne_eegmamba import EEGMambaClassifier, MultiTaskEEGMamba, MultiTaskEpochs
from mne_eegmamba.estimators import _split

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


FEW = {**TINY, "n_experts": 3, "max_epochs": 1}


def make_tasks(**parameters):
    """Return a tiny multi-task estimator; arguments replace parameters."""
    return MultiTaskEEGMamba(**{**FEW, **parameters})


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


@pytest.fixture
def splits(monkeypatch):
    """Collect what `split_task` gives: (data, training rows, other rows)."""
    seen = []
    plain = _split.split_task

    def spy(data, *others):
        train, valid = plain(data, *others)
        seen.append((data, train, valid))
        return train, valid

    monkeypatch.setattr(_split, "split_task", spy)
    return seen


@pytest.fixture(scope="session")
def fitted(make, numbers):
    """Return an estimator fitted on ``numbers``; shared, never change it."""
    return make().fit(*numbers)


@pytest.fixture(scope="session")
def fitted_epochs(make, epochs):
    """Return an estimator fitted on ``epochs``; shared, never change it."""
    return make().fit(epochs)


@pytest.fixture(scope="session")
def arrays():
    """Give two tasks that differ in channels, length and classes: X and y."""
    rng = np.random.default_rng(0)
    y = {"a": np.arange(18) % 2, "b": np.array(["x", "y", "z"] * 6)}
    X = {"a": rng.standard_normal((18, 1, 320)), "b": rng.standard_normal((18, 3, 300))}
    X["a"] += 2 * y["a"][:, None, None]
    X["b"] += 2 * (y["b"] == "y")[:, None, None]
    for values in (*X.values(), *y.values()):
        values.setflags(write=False)
    return X, y


@pytest.fixture(scope="session")
def new():
    """Give a third task with a montage, length and classes of its own."""
    rng = np.random.default_rng(1)
    return rng.standard_normal((12, 5, 400)), np.array(["p", "q", "r"] * 4)


@pytest.fixture(scope="session")
def flat(arrays):
    """Give ``arrays`` with 6 groups per task behind one index."""
    return MultiTaskEpochs(*arrays, {task: np.arange(18) // 3 for task in arrays[0]})


@pytest.fixture(scope="session")
def fitted_tasks(arrays):
    """Return an estimator fitted on ``arrays``; shared, never change it."""
    return make_tasks().fit(*arrays)


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
