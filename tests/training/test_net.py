"""What a pass does and records, against the same numbers worked out by hand."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F

from mne_eegmamba.batches.dataset import MultiTaskDataset, TaskDataset
from mne_eegmamba.batches.dynamic_sampling import DynamicSampling
from mne_eegmamba.epochs.scaling import learn_scaling
from mne_eegmamba.models import EEGMamba, EEGMambaConfig
from mne_eegmamba.training.history import history_table
from mne_eegmamba.training.net import build_net, renew_net, train
from mne_eegmamba.training.seeding import local_seed
from tests.tolerances import assert_near

CPU = torch.device("cpu")
CHANNELS, CLASSES = {"a": 2, "b": 3}, {"a": 3, "b": 2}


def network(**options):
    config = EEGMambaConfig(CHANNELS, CLASSES, d_model=8, dropout=0.0, **options)
    with local_seed(0, CPU):
        module = EEGMamba(config)
    for mixture in module.encoder.mixtures:
        with torch.no_grad():  # no noise, so that a pass can be worked out
            mixture.gate.noise.weight.zero_()
            mixture.gate.noise.bias.fill_(-1e4)
    return module


def dataset(n_a=7, n_b=4, seed=0):
    rng = np.random.default_rng(seed)
    parts = []
    for task, n in (("a", n_a), ("b", n_b)):
        data = rng.standard_normal((n, CHANNELS[task], 300))
        labels = rng.integers(CLASSES[task], size=n)
        weights = np.linspace(0.5, 1.5, n)
        scaling = learn_scaling(data, "channel")
        parts.append(
            TaskDataset(task, data, np.arange(n), labels, weights, scaling, 300)
        )
    return MultiTaskDataset(tuple(parts))


def settings(**changed):
    plain = {
        "lr": 0.0,
        "weight_decay": 0.0,
        "decay_all": False,
        "batch_size": 100,
        "label_smoothing": 0.0,
        "mixup": 0.0,
        "time_shift": 0.0,
        "clip_norm": None,
        "precision": "float32",
        "cuda_graphs": False,
        "schedule": "constant",
        "warmup": 0.0,
        "max_epochs": 1,
        "early_stopping": None,
        "callbacks": None,
    }
    return plain | changed


def run(module, data, valid=None, n_passes=1, **changed):
    """Train, with learning rate 0 unless told otherwise, and return the net."""
    chosen = settings(max_epochs=n_passes, **changed)
    rng = np.random.default_rng(0)
    net = build_net(module, chosen, CPU, rng, data.n_batches(chosen["batch_size"]))
    with local_seed(0, CPU):
        train(net, data, valid, n_passes)
    return net


def by_hand(module, data, smoothing=0.0):
    """Return the loss and whether the network was right, per task and epoch."""
    losses, right = {}, {}
    for part in data.tasks:
        inputs, (labels, weights) = part.batch(np.arange(len(part)))
        with torch.no_grad():
            logits = module(inputs.x, part.task)
        loss = F.cross_entropy(
            logits, labels, reduction="none", label_smoothing=smoothing
        )
        losses[part.task] = (loss * weights).numpy()
        right[part.task] = (logits.argmax(-1) == labels).numpy()
    return losses, right


@pytest.mark.parametrize("batch_size", [3, 100])
def test_losses_and_accuracies_of_a_pass(batch_size):
    module, data, valid = network(), dataset(), dataset(5, 6, seed=1)
    net = run(module, data, valid, batch_size=batch_size, label_smoothing=0.1)
    row = history_table(net).loc[1]
    for part, given, smoothing in (("train", data, 0.1), ("valid", valid, 0.0)):
        losses, right = by_hand(module, given, smoothing)
        together = [np.concatenate([*kind.values()]) for kind in (losses, right)]
        assert row[f"{part}_loss"] == pytest.approx(together[0].mean(), rel=1e-5)
        assert row[f"{part}_accuracy"] == pytest.approx(together[1].mean())
        for task in "ab":
            got = row[f"{part}_accuracy/{task}"]
            assert got == pytest.approx(right[task].mean())


@pytest.mark.parametrize(("balance", "router_z"), [(0, 0), (0.3, 0), (0, 0.2), (1, 1)])
def test_auxiliary_losses_count_in_training_only(balance, router_z):
    module = network(n_experts=4, balance_statistics="batch")
    data = dataset()
    net = run(module, data, data, balance_weight=balance, router_z_weight=router_z)
    row = history_table(net).loc[1]
    loss = np.concatenate([*by_hand(module, data)[0].values()]).mean()
    assert row["valid_loss"] == pytest.approx(loss, rel=1e-5)
    extra = balance * row["balance_loss"] + router_z * row["router_z_loss"]
    assert row["train_loss"] == pytest.approx(loss + extra, rel=1e-5)
    wanted = []
    for part in data.tasks:
        inputs, _ = part.batch(np.arange(len(part)))
        with torch.no_grad():
            wanted.append(module.forward_with_losses(inputs.x, part.task)[2])
    for name, kind in zip(
        ("balance_loss", "router_z_loss"), zip(*wanted, strict=True), strict=True
    ):
        mean = np.average([float(loss) for loss in kind], weights=[7, 4])
        assert row[name] == pytest.approx(mean, rel=1e-4)


def test_auxiliary_losses_are_learned_from():
    trained = {}
    for weight in (0.0, 10.0):
        module = network(n_experts=4, balance_statistics="batch")
        run(module, dataset(), lr=1e-3, n_passes=10, router_z_weight=weight)
        inputs, _ = dataset().tasks[0].batch(np.arange(7))
        with torch.no_grad():
            losses = module.forward_with_losses(inputs.x, "a")[2]
        trained[weight] = float(losses.router_z)
    assert trained[10.0] < 0.9 * trained[0.0]


def test_mixup_blends_in_training_only():
    module, data = network(), dataset()
    plain, mixed = (
        history_table(run(module, data, data, mixup=mixup)).loc[1]
        for mixup in (0.0, 1.0)
    )
    assert mixed["valid_loss"] == plain["valid_loss"]
    assert mixed["train_loss"] != plain["train_loss"]
    again = history_table(run(module, data, data, mixup=1.0)).loc[1]
    assert again["train_loss"] == mixed["train_loss"]


def test_mixup_repeats_with_torchs_seed():
    twins = [network(n_experts=4) for _ in range(2)]
    for module in twins:
        run(module, dataset(), n_passes=2, batch_size=3, lr=1e-2, mixup=0.4)
    first, second = (module.state_dict() for module in twins)
    assert all(torch.equal(first[name], second[name]) for name in first)
    before = network(n_experts=4).state_dict()
    assert not all(torch.equal(first[name], before[name]) for name in first)


def test_usage_of_experts_follows_training():
    module = network(n_experts=4)
    run(module, dataset())
    for mixture in module.encoder.mixtures:
        torch.testing.assert_close(mixture.usage.sum(1), torch.ones(2))
    assert not module.training


def test_columns():
    net = run(network(n_experts=4), dataset(), dataset(), n_passes=3)
    table = history_table(net)
    first = ["train_loss", "valid_loss", "train_accuracy", "valid_accuracy"]
    middle = [
        "balance_loss",
        "router_z_loss",
        *(f"{part}_accuracy/{task}" for part in ("train", "valid") for task in "ab"),
    ]
    assert list(table) == [*first, *sorted(middle), "lr", "seconds", "waiting"]
    assert table.index.tolist() == [1, 2, 3]
    assert table.index.name == "pass"
    assert (table["lr"] == 0).all()
    assert table["waiting"].between(0, 1).all()
    assert table.notna().all(axis=None)


def test_single_task_has_no_columns_per_task():
    config = EEGMambaConfig({"a": 2}, {"a": 3}, d_model=8)
    part = MultiTaskDataset(dataset().tasks[:1])
    table = history_table(run(EEGMamba(config), part))
    assert list(table) == ["train_loss", "train_accuracy", "lr", "seconds", "waiting"]


def test_history_goes_on_after_earlier_passes():
    net = run(network(), dataset(), n_passes=2)
    earlier = pd.DataFrame({"train_loss": [9.0, 8.0], "balance_loss": [1.0, 2.0]})
    table = history_table(net, earlier)
    assert table.index.tolist() == [1, 2, 3, 4]
    alone = history_table(net)
    assert table["train_loss"].tolist() == [9.0, 8.0, *alone["train_loss"]]
    assert table["balance_loss"].tolist()[:2] == [1.0, 2.0]
    assert table["balance_loss"].isna().tolist() == [False, False, True, True]
    assert list(earlier) == ["train_loss", "balance_loss"]


@pytest.mark.parametrize("spectrum", [False, True])
def test_net_trains_as_adamw_does(spectrum):
    # Where a gradient is near AdamW's eps, a step depends on its last bits: small steps
    # and a strong decay keep that below the tolerance, and a missing decay above it.
    chosen = {"lr": 1e-3, "weight_decay": 1.0, "clip_norm": 0.5}
    module = network(n_experts=3, spectrum=spectrum)
    twin = copy.deepcopy(module).train()
    part = MultiTaskDataset(dataset().tasks[:1])
    run(module, part, n_passes=3, balance_weight=0.1, **chosen)
    names = dict(twin.named_parameters())
    stacked = ("A_log", "bias1", "bias2")  # vectors of several states or experts
    plain = [p for n, p in names.items() if p.ndim < 2 or n.endswith(stacked)]
    decayed = [p for p in names.values() if not any(p is q for q in plain)]
    optimizer = torch.optim.AdamW(
        [{"params": decayed}, {"params": plain, "weight_decay": 0.0}],
        lr=1e-3,
        weight_decay=1.0,
    )
    iterator = DynamicSampling(part, 100, np.random.default_rng(0))
    for _ in range(3):
        ((inputs, (labels, weights)),) = iterator
        logits, _, auxiliary = twin.forward_with_losses(inputs.x, "a")
        losses = [F.cross_entropy(part, labels, reduction="none") for part in logits]
        loss = (torch.stack(losses) * weights).mean() + 0.1 * auxiliary.balance
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(twin.parameters(), 0.5)
        optimizer.step()
    for name, parameter in module.named_parameters():
        assert_near(parameter, names[name])


def test_renewed_net_goes_on_with_the_moments():
    net = run(network(), dataset(), lr=1e-3)
    new = renew_net(net, settings(lr=5e-4), 2)
    assert new.module_ is net.module_
    assert new.optimizer_.param_groups[0]["lr"] == 5e-4
    state = new.optimizer_.state[new.module_.encoder.class_token]
    assert state["exp_avg"].any()
    assert len(new.history) == 0
