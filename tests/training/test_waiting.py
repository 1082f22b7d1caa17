"""The host queues the work of a pass for a GPU; nothing in a step waits for it."""

import contextlib

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from mne_eegmamba.batches.dataset import MultiTaskDataset, TaskDataset
from mne_eegmamba.batches.in_order import InOrder
from mne_eegmamba.blocks import moe
from mne_eegmamba.epochs.scaling import learn_scaling
from mne_eegmamba.models import EEGMamba, EEGMambaConfig
from mne_eegmamba.ops import linear
from mne_eegmamba.training import callbacks
from mne_eegmamba.training import net as net_file
from mne_eegmamba.training.history import history_table
from mne_eegmamba.training.inference import run
from mne_eegmamba.training.net import build_net, train
from mne_eegmamba.training.seeding import local_seed

CPU = torch.device("cpu")
aten = torch.ops.aten
RNG = np.random.default_rng
N, BATCH = 22, 4  # six batches, of sizes 4 and 3

SETTINGS = {
    "lr": 1e-3,
    "weight_decay": 0.01,
    "decay_all": False,
    "batch_size": BATCH,
    "label_smoothing": 0.1,
    "mixup": 1.0,
    "time_shift": 0.02,
    "clip_norm": 1.0,
    "precision": "float32",
    "cuda_graphs": False,
    "schedule": "cosine",
    "warmup": 0.1,
    "max_epochs": 2,
    "early_stopping": 2,
}


class Values(TorchDispatchMode):
    """Count operators whose result the host must know, however they are called."""

    LOOKS = {aten._local_scalar_dense.default, aten.nonzero.default, aten.equal.default}

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        masks = func is aten.index.Tensor and any(
            index is not None and index.dtype == torch.bool for index in args[1]
        )
        self.count += masks or func in self.LOOKS
        return func(*args, **(kwargs or {}))


class Copies(TorchFunctionMode):
    """Count calls that copy to or from the host; on a CPU they are no operators."""

    NAMES = {"cpu", "item", "numpy", "tolist", "__array__"}

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        places = [x for x in (*args[1:], *kwargs.values()) if isinstance(x, str)]
        puts = name == "__setitem__" and not isinstance(args[2], torch.Tensor)
        self.count += puts or name in self.NAMES or (name == "to" and "cpu" in places)
        return func(*args, **kwargs)


class Watch(Callback):
    """Note at the end of each batch how often the host has waited so far."""

    def __init__(self, modes):
        self.modes = modes
        self.counts = {True: [], False: []}

    def on_batch_end(self, net, training, **kwargs):
        self.counts[training].append(sum(mode.count for mode in self.modes))


class Item(Callback):
    """Look at each loss, as a callback of a user may."""

    def on_batch_end(self, net, loss, **kwargs):
        loss.item()


def module(**options):
    config = EEGMambaConfig({"a": 2}, {"a": 3}, d_model=8, **options)
    with local_seed(0, CPU):
        return EEGMamba(config)


def dataset():
    rng = RNG(0)
    data, rows = rng.standard_normal((N, 2, 300)), np.arange(N)
    scaling = learn_scaling(data, "channel")
    part = TaskDataset("a", data, rows, rows % 3, np.ones(N), scaling, 300)
    return MultiTaskDataset((part,))


def watched(callbacks=(), network=None, **changed):
    """Return how often each step of two passes waited, in training and validation."""
    modes = Values(), Copies()
    watch = Watch(modes)
    settings = SETTINGS | changed | {"callbacks": [*callbacks, watch]}
    network = module(backend="torch") if network is None else network
    net = build_net(network, settings, CPU, RNG(0), 6)
    with local_seed(0, CPU), modes[0], modes[1]:
        train(net, dataset(), dataset(), 2)
    assert np.isfinite(history_table(net).to_numpy(dtype=float)).all()
    counts = {part: np.reshape(found, (2, 6)) for part, found in watch.counts.items()}
    return {part: np.diff(found, axis=1) for part, found in counts.items()}


@pytest.mark.parametrize(
    "changed",
    [{}, {"precision": "bfloat16"}, {"mixup": 0.0, "clip_norm": None}],
    ids=str,
)
def test_no_step_waits(changed):
    for waits in watched(**changed).values():
        assert (waits == 0).all()


def test_experts_do_not_wait(monkeypatch):
    def first(rows, weight, bias, counts, backend):  # a CPU's kernels read the counts
        return linear(rows, weight[0], bias[0], backend)

    monkeypatch.setattr(moe, "grouped_linear", first)
    network = module(backend="torch", n_experts=4)
    for waits in watched(network=network).values():
        assert (waits == 0).all()


def test_a_step_that_waits_is_seen():
    # .item() is seen as a call and as an operator
    for waits in watched([Item()]).values():
        assert (waits == 2).all()


def test_losses_are_numbers_after_the_pass():
    settings = SETTINGS | {"callbacks": None}
    net = build_net(module(), settings, CPU, RNG(0), 6)
    with local_seed(0, CPU):
        train(net, dataset(), dataset(), 2)
    table = history_table(net)
    for part in ("train", "valid"):
        rows = [row for row in net.history[0]["batches"] if f"{part}_loss" in row]
        losses = [row[f"{part}_loss"] for row in rows]
        assert [type(loss) for loss in losses] == [float] * 6
        sizes = [row[f"{part}_batch_size"] for row in rows]
        want = np.average(losses, weights=sizes)
        assert table.loc[1, f"{part}_loss"] == pytest.approx(want)


def test_a_pass_needs_no_values(monkeypatch):
    """Train where tensors have no values: looking at one, or leaving one, raises."""
    meta = torch.device("meta")
    fetched = []

    class AdamW(torch.optim.AdamW):
        def __init__(self, *args, fused, **kwargs):  # torch has none for this device
            super().__init__(*args, **kwargs)

    def fetch(scalars):
        assert {x.device for x in scalars} == {meta}
        fetched.append(len(scalars))
        return [0.5] * len(scalars)

    monkeypatch.setattr(torch.optim, "AdamW", AdamW)
    monkeypatch.setattr(torch, "autocast", lambda *a, **k: contextlib.nullcontext())
    monkeypatch.setattr(torch, "is_autocast_enabled", lambda *a: False)
    for file in (callbacks, net_file):
        monkeypatch.setattr(file, "fetch", fetch)
    settings = SETTINGS | {"callbacks": None}
    net = build_net(module(backend="torch"), settings, meta, RNG(0), 6)
    with local_seed(0, CPU):
        train(net, dataset(), dataset(), 2)
    # each pass fetches losses and accuracies, in training and in validation
    assert fetched == [6] * 8
    assert history_table(net)["train_loss"].tolist() == [0.5, 0.5]


@pytest.mark.parametrize("batch_size", [4, 22])
def test_prediction_waits_once(batch_size):
    modes = Values(), Copies()
    network = module(backend="torch")
    with modes[0], modes[1]:
        iterator = InOrder(dataset(), batch_size)
        run(network.forward, network, iterator, CPU, "float32")
    assert modes[0].count == 0
    assert modes[1].count == 2  # .cpu() and .numpy(), whatever the number of batches


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA card here")
@pytest.mark.filterwarnings("ignore:Synchronization debug mode")  # is a prototype
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("n_experts", [0, 4])
def test_no_step_waits_on_a_card(precision, n_experts):
    class Strict(Callback):
        """Let torch refuse to wait, from the second batch of a pass to its last."""

        def on_batch_begin(self, net, training, **kwargs):
            torch.cuda.set_sync_debug_mode("error" if training else "default")

        def on_batch_end(self, net, training, **kwargs):
            self.seen = getattr(self, "seen", 0) + 1
            if self.seen % 6 == 0:
                torch.cuda.set_sync_debug_mode("default")

    settings = SETTINGS | {"precision": precision, "early_stopping": None}
    watch = Strict()
    settings["callbacks"] = [watch]
    device = torch.device("cuda", 0)
    net = build_net(module(n_experts=n_experts), settings, device, RNG(0), 6)
    try:
        with local_seed(0, device):
            train(net, dataset(), None, 2)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert watch.seen == 12
    assert len(history_table(net)) == 2
