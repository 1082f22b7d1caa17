"""A GPU that runs out of memory: one clear error, and nothing learned is lost."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mne_eegmamba import EEGMambaClassifier
from mne_eegmamba.models import EEGMamba
from mne_eegmamba.training.memory import memory_error

CPU = torch.device("cpu")


class Full:
    """Let the network run out of memory after so many calls, and count calls."""

    def __init__(self, monkeypatch, after):
        self.left = after
        self.plain = EEGMamba.forward_with_losses
        monkeypatch.setattr(EEGMamba, "forward_with_losses", self.wrapped())

    def wrapped(self):
        def forward(module, x, task):
            self.left -= 1
            if self.left < 0:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 7")
            return self.plain(module, x, task)

        return forward


@pytest.fixture
def full(monkeypatch):
    """Return a function that lets memory suffice for so many batches."""
    return lambda after: Full(monkeypatch, after)


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    return rng.standard_normal((24, 2, 300)), np.arange(24) % 2


def make(**parameters):
    tiny = {"d_model": 8, "n_layers": 1, "max_epochs": 3, "batch_size": 6}
    fixed = {"device": "cpu", "random_state": 0, "verbose": "error"}
    return EEGMambaClassifier(**tiny, **fixed).set_params(**parameters)


def weights(clf):
    state = clf.net_.module_.state_dict()
    return {name: tensor.clone() for name, tensor in state.items()}


def test_fit_names_what_to_try(full, data):
    full(after=2)
    message = (
        r"too little free memory for training with batch_size=6. Try batch_size=3, "
        "or activation_checkpointing=True, which keeps less.$"
    )
    with pytest.raises(MemoryError, match=message) as caught:
        make().fit(*data)
    # a chained error would keep the tensors of the failed step alive
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_what_does_not_help_is_not_named(full, data):
    full(after=0)
    with pytest.raises(MemoryError, match="batch_size=6. Try batch_size=3.$"):
        make(activation_checkpointing=True).fit(*data)
    with pytest.raises(MemoryError, match="batch_size=1. Try shorter epochs, or act"):
        make(batch_size=1).fit(*data)


def test_a_first_fit_leaves_the_estimator_unfitted(full, data):
    full(after=1)
    clf = make()
    with pytest.raises(MemoryError):
        clf.fit(*data)
    assert not hasattr(clf, "net_")


def test_a_second_fit_leaves_the_first(full, data):
    clf = make().fit(*data)
    before = clf.predict_proba(data[0])
    memory = full(after=5)
    with pytest.raises(MemoryError):
        clf.fit(*data)
    memory.left = 1000
    np.testing.assert_array_equal(clf.predict_proba(data[0]), before)


def test_training_further_keeps_what_was_learned(full, data):
    X, y = data
    clf = make(warm_start=True).fit(X, y)
    before = weights(clf)
    memory = full(after=10)  # two passes of four batches, and two more
    with pytest.raises(MemoryError):
        clf.fit(X, y)
    assert len(clf.history_) == 5
    assert clf.history_.notna().all(axis=None)
    after = weights(clf)
    assert not all(torch.equal(before[name], after[name]) for name in before)
    assert not clf.net_.module_.training
    assert all(p.grad is None for p in clf.net_.module_.parameters())
    memory.left = 1000
    assert np.isfinite(clf.predict_proba(X)).all()
    assert len(clf.set_params(batch_size=3).partial_fit(X, y).history_) == 6


def test_net_can_be_pickled_after_an_error(full, data):
    import pickle

    clf = make(warm_start=True, verbose=True).fit(*data)
    memory = full(after=5)
    with pytest.raises(MemoryError):
        clf.fit(*data)
    memory.left = 1000
    copy = pickle.loads(pickle.dumps(clf))
    want = clf.predict_proba(data[0])
    np.testing.assert_array_equal(copy.predict_proba(data[0]), want)


def test_prediction_names_what_to_try(full, data):
    clf = make().fit(*data)
    full(after=0)
    few = 2**16 // 300  # epochs that go together whatever the batch size
    ways_out = {
        6: "Try to free",
        few + 1: rf"Try set_params\(batch_size={few}\), or to free",
        1000: r"Try set_params\(batch_size=500\), or to free",
    }
    for size, way_out in ways_out.items():
        message = (
            f"memory for {max(size, few)} epochs at prediction. {way_out} memory that "
            "others hold on it.$"
        )
        with pytest.raises(MemoryError, match=message) as caught:
            clf.set_params(batch_size=size).predict(data[0])
        assert caught.value.__context__ is None


def test_other_errors_stay_as_they_are(monkeypatch, data):
    def broken(module, x, task):
        raise RuntimeError("CUDA error: an illegal memory access")

    monkeypatch.setattr(EEGMamba, "forward_with_losses", broken)
    with pytest.raises(RuntimeError, match="illegal memory access"):
        make().fit(*data)


def test_the_card_is_named(monkeypatch):
    card = SimpleNamespace(name="NVIDIA X1", total_memory=24 * 2**30)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: card)
    error = memory_error("this", torch.device("cuda", 1), ["that"])
    start = "The NVIDIA X1 'cuda:1' with 24 GiB has too little free memory for this."
    assert str(error) == f"{start} Try that."
    assert str(memory_error("this", CPU, ["that"])).startswith("The device 'cpu' has ")
