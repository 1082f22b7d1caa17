"""Training steps as CUDA graphs, recorded by a stand-in that a CPU can replay."""

import contextlib
import pickle
import threading

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from mne_eegmamba import EEGMambaClassifier, MultiTaskEEGMamba
from mne_eegmamba.blocks import moe
from mne_eegmamba.training import net as net_file
from mne_eegmamba.training.graphs import BEFORE, can_record

SMALL = {"d_model": 8, "n_layers": 1, "batch_size": 4}
SMALL |= {"device": "cpu", "random_state": 0}


def tensors(tree):
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor)]


class Graph:
    """Operators with their tensors; replayed, they leave results in the same places."""

    def __init__(self):
        self.operators = []
        self.replays = 0

    @torch.no_grad()
    def replay(self):
        self.replays += 1
        for function, inputs, named, places in self.operators:
            results = tensors(function(*inputs, **named))
            for place, result in zip(tensors(places), results, strict=True):
                if place.data_ptr() != result.data_ptr():
                    place.copy_(result)


class Recorder(TorchDispatchMode):
    """Keep operators in a graph; afterwards all is as if nothing had run."""

    def __init__(self, graph, pool, stream, mode):
        super().__init__()
        assert (pool, stream, mode) == ("pool", "stream of cpu", "thread_local")
        self.graph = graph
        self.made = {}  # memory by address
        self.before = []

    def __enter__(self):
        self.random = torch.get_rng_state()
        return super().__enter__()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        inputs = tensors((args, kwargs))
        assert function is not torch.ops.aten._local_scalar_dense.default
        if function._schema.is_mutable:
            old = [x for x in inputs if x.data_ptr() not in self.made]
            self.before += [(x, x.clone()) for x in old]
        places = function(*args, **kwargs)
        self.graph.operators.append((function, args, kwargs, places))
        there = {x.untyped_storage().data_ptr() for x in inputs} - self.made.keys()
        for x in tensors(places):
            memory = x.untyped_storage()
            if memory.data_ptr() not in there:
                self.made[memory.data_ptr()] = memory
        return places

    def __exit__(self, *error):
        super().__exit__(*error)
        for memory in self.made.values():
            memory.fill_(255)  # NaN
        for tensor, value in reversed(self.before):
            tensor.copy_(value)
        torch.set_rng_state(self.random)


@pytest.fixture
def graphs(monkeypatch):
    """Let steps be recorded without a card; list the recordings."""
    found = []

    def graph():
        found.append(Graph())
        return found[-1]

    monkeypatch.setattr(torch.cuda, "CUDAGraph", graph)
    monkeypatch.setattr(torch.cuda, "graph", Recorder)
    monkeypatch.setattr(torch.cuda, "Stream", lambda device: f"stream of {device}")
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: "pool")
    monkeypatch.setattr(net_file, "can_record", lambda device: True)
    return found


def grouped(rows, weight, bias, counts, backend):
    """Multiply as cards do, where the host does not read the counts."""
    ends = torch.as_tensor(counts).cumsum(0)
    which = torch.searchsorted(ends, torch.arange(len(rows)), right=True)
    return (weight[which] @ rows.unsqueeze(-1)).squeeze(-1) + bias[which]


@pytest.fixture
def tasks():
    rng = np.random.default_rng(0)
    X = {"a": rng.standard_normal((22, 2, 300)), "b": rng.standard_normal((12, 3, 320))}
    return X, {"a": np.arange(22) % 2, "b": np.arange(12) % 3}


@pytest.fixture
def task(tasks):
    return [of_tasks["a"] for of_tasks in tasks]


def same(one, other):
    """Compare what two fits learned, to the bit."""
    first, second = (clf.net_.module_.state_dict() for clf in (one, other))
    assert first.keys() == second.keys()
    for name, value in first.items():
        torch.testing.assert_close(second[name], value, rtol=0, atol=0, msg=name)
    columns = [c for c in one.history_ if c not in ("seconds", "waiting")]
    assert one.history_[columns].equals(other.history_[columns])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"precision": "bfloat16", "backend": "torch"},
        {"tokenizer_norm": "batch", "mixup": 0.0, "time_shift": 0.0},
        {"validation": 0.25, "early_stopping": 1, "clip_norm": None},
    ],
    ids=str,
)
def test_replayed_steps_are_the_same_steps(options, tasks, graphs, monkeypatch):
    monkeypatch.setattr(moe, "grouped_linear", grouped)
    options = SMALL | {"n_experts": 3, "max_epochs": 4} | options
    plain = MultiTaskEEGMamba(**options).fit(*tasks)
    assert not graphs
    replayed = MultiTaskEEGMamba(**options, cuda_graphs=True).fit(*tasks)
    assert len(graphs) > 1  # of two tasks
    assert all(graph.replays > 0 for graph in graphs)
    same(plain, replayed)


def test_each_size_of_batch_is_recorded_once(task, graphs):
    options = SMALL | {"max_epochs": 5, "cuda_graphs": True}
    EEGMambaClassifier(**options).fit(*task)
    # four batches of 4 and two of 3 in each pass
    assert [graph.replays for graph in graphs] == [4 * 5 - BEFORE, 2 * 5 - BEFORE]


class Freeze(Callback):
    def on_epoch_begin(self, net, **kwargs):
        frozen = len(net.history) > 2
        net.module_.tokenizer.requires_grad_(not frozen)


class Move(Callback):
    def on_epoch_begin(self, net, **kwargs):
        for parameter in net.module_.parameters():
            parameter.data = parameter.data.clone()


@pytest.mark.parametrize("callback", [Freeze, Move])
def test_other_parameters_are_recorded_anew(callback, task, graphs):
    options = SMALL | {"max_epochs": 4, "callbacks": [callback()]}
    plain = EEGMambaClassifier(**options).fit(*task)
    replayed = EEGMambaClassifier(**options, cuda_graphs=True).fit(*task)
    assert graphs
    same(plain, replayed)


def test_results_are_kept_by_who_has_them(task, graphs):
    class Keep(Callback):
        def __init__(self):
            self.losses, self.copies = [], []

        def on_batch_end(self, net, loss, **kwargs):
            self.losses.append(loss)
            self.copies.append(loss.item())

    keep = Keep()
    options = SMALL | {"max_epochs": 2, "callbacks": [keep], "cuda_graphs": True}
    EEGMambaClassifier(**options).fit(*task)
    assert graphs
    assert [loss.item() for loss in keep.losses] == keep.copies


def test_a_fit_leaves_no_recording_behind(task, graphs):
    options = SMALL | {"max_epochs": 2, "cuda_graphs": True}
    clf = EEGMambaClassifier(**options).fit(*task)
    assert graphs
    assert clf.net_._replays is None
    same(clf, pickle.loads(pickle.dumps(clf)))
    clf.set_params(warm_start=True, max_epochs=1).fit(*task)
    assert len(clf.history_) == 3


def test_a_step_that_cannot_be_recorded_says_so(task, graphs, monkeypatch):
    @contextlib.contextmanager
    def refuse(*args):
        raise RuntimeError("operation not permitted when stream is capturing")
        yield

    monkeypatch.setattr(torch.cuda, "graph", refuse)
    clf = EEGMambaClassifier(**SMALL, max_epochs=2, cuda_graphs=True)
    with pytest.raises(RuntimeError, match="4 epochs cannot be.*capturing.*=False"):
        clf.fit(*task)
    assert not hasattr(clf, "net_")


def test_too_little_memory_for_a_recording(task, graphs, monkeypatch):
    @contextlib.contextmanager
    def full(*args):
        raise torch.OutOfMemoryError
        yield

    monkeypatch.setattr(torch.cuda, "graph", full)
    clf = EEGMambaClassifier(**SMALL, max_epochs=2, cuda_graphs=True)
    with pytest.raises(MemoryError, match="batch_size=2"):
        clf.fit(*task)


def test_only_cards_record_and_only_the_main_thread():
    card, cpu = torch.device("cuda"), torch.device("cpu")
    assert can_record(card)
    assert not can_record(cpu)
    found = []
    thread = threading.Thread(target=lambda: found.append(can_record(card)))
    thread.start()
    thread.join()
    assert found == [False]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA card here")
def test_graphs_on_a_card(tasks):
    torch.backends.cudnn.deterministic, before = (
        True,
        torch.backends.cudnn.deterministic,
    )
    try:
        options = SMALL | {"n_experts": 3, "max_epochs": 4, "device": "cuda"}
        plain = MultiTaskEEGMamba(**options).fit(*tasks)
        replayed = MultiTaskEEGMamba(**options, cuda_graphs=True).fit(*tasks)
    finally:
        torch.backends.cudnn.deterministic = before
    same(plain, replayed)
