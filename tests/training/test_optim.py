"""Clipping against torch's, the learning-rate factor, and what is not decayed."""

import copy
import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mne_eegmamba.models import EEGMamba, EEGMambaConfig
from mne_eegmamba.training.optim import (
    CosineFactor,
    clip_gradients,
    decay_exemptions,
    merge_groups,
)
from tests.tolerances import assert_near

SHAPES = [(3, 4, 5), (7,), (1, 1), (20, 2)]


def parameters(scale, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    made = []
    for shape in SHAPES:
        parameter = torch.nn.Parameter(torch.zeros(shape, dtype=dtype))
        parameter.grad = scale * torch.randn(shape, generator=generator, dtype=dtype)
        made.append(parameter)
    return [*made, torch.nn.Parameter(torch.zeros(3))]  # one without a gradient


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("scale", [0.0, 1e-3, 1.0, 1e6])
@pytest.mark.parametrize("max_norm", [0.5, 1.0, 30.0])
def test_clip_is_torchs(scale, max_norm, dtype):
    ours, theirs = (parameters(scale, dtype=dtype) for _ in range(2))
    norm = clip_gradients(ours, max_norm)
    want = torch.nn.utils.clip_grad_norm_(theirs, max_norm)
    assert norm.shape == ()
    assert_near(norm, want)
    for a, b in zip(ours[:-1], theirs[:-1], strict=True):
        assert_near(a.grad, b.grad)
    assert ours[-1].grad is None


def test_clip_bounds_the_norm_and_keeps_the_direction():
    clipped, before = parameters(10.0), parameters(10.0)
    clip_gradients(iter(clipped), 1.0)
    flat, old = (
        torch.cat([p.grad.flatten() for p in x[:-1]]) for x in (clipped, before)
    )
    assert flat.norm() <= 1.0
    assert flat.norm() > 0.999
    assert_near(flat / flat.norm(), old / old.norm())


def test_small_gradients_keep_their_bits():
    clipped, before = parameters(1e-3), parameters(1e-3)
    clip_gradients(clipped, 1.0)
    pairs = zip(clipped[:-1], before[:-1], strict=True)
    assert all(torch.equal(a.grad, b.grad) for a, b in pairs)


def test_clip_of_views():
    parameter = torch.nn.Parameter(torch.zeros(4, 6))
    parameter.grad = torch.ones(6, 4).t()
    norm = clip_gradients([parameter], 1.0)
    assert norm.item() == pytest.approx(24**0.5)
    assert parameter.grad.norm().item() == pytest.approx(1.0, rel=1e-5)


@settings(deadline=None)
@given(n_steps=st.integers(1, 400), warmup=st.floats(0, 1))
def test_factor_rises_then_falls(n_steps, warmup):
    factor = CosineFactor(n_steps, warmup)
    values = [factor(step) for step in range(n_steps)]
    assert all(0 <= v <= 1 for v in values)
    assert values[0] > 0
    assert max(values) == 1.0
    peak = values.index(1.0)
    assert abs(peak + 1 - max(1, warmup * n_steps)) <= 0.5 + 1e-9
    rise, fall = values[: peak + 1], values[peak:]
    # a straight line through zero at step -1
    for step, value in enumerate(rise):
        assert value == pytest.approx((step + 1) / (peak + 1))
    assert fall == sorted(fall, reverse=True)
    if peak + 1 < n_steps:
        for late in (n_steps, n_steps + 1, 10 * n_steps):
            assert factor(late) == pytest.approx(0, abs=1e-12)


def test_factor_is_half_in_the_middle_of_the_fall():
    factor = CosineFactor(110, 10 / 110)
    assert factor(9) == factor(10) == 1.0
    assert factor(60) == pytest.approx(0.5)
    assert factor(35) + factor(85) == pytest.approx(1.0)
    assert pickle.loads(pickle.dumps(factor)) == factor
    assert copy.deepcopy(factor)(60) == factor(60)


def test_decay_exemptions():
    config = EEGMambaConfig({"a": 2}, {"a": 3}, d_model=16, tokenizer_norm="batch")
    network = EEGMamba(config)
    exempt = set(decay_exemptions(network))
    shapes = {name: p.shape for name, p in network.named_parameters()}
    assert exempt <= shapes.keys()
    decayed = shapes.keys() - exempt
    endings = {name.rsplit(".", 1)[-1] for name in decayed}
    assert endings == {"weight", "conv_weight"}
    assert not any("norm" in name for name in decayed)
    for ending in ("A_log", "D", "class_token", "bias", "conv_bias"):
        matching = {name for name in shapes if name.rsplit(".", 1)[-1] == ending}
        assert matching
        assert matching <= exempt


def test_decay_exemptions_of_experts():
    sizes = {"a": 2, "b": 3}
    network = EEGMamba(EEGMambaConfig(sizes, sizes, d_model=16, n_experts=3))
    exempt = set(decay_exemptions(network))
    names = dict(network.named_parameters())
    assert {f"encoder.task_tokens.task_{task}" for task in "ab"} <= exempt
    experts = {name for name in names if ".experts." in name or ".universal." in name}
    assert len(experts) == 2 * 2 * 4
    biases = {name for name in experts if name.endswith(("bias1", "bias2"))}
    assert experts & exempt == biases
    gates = {name for name in names if ".gate." in name}
    assert gates & exempt == {name for name in gates if name.endswith("bias")}
    norms = {name for name in names if "norm" in name}
    assert norms <= exempt


def test_groups_of_the_same_options_are_one():
    a, b, c, d = (torch.nn.Parameter(torch.zeros(1)) for _ in range(4))
    groups = [
        {"params": [a], "weight_decay": 0.0},
        {"params": [b], "weight_decay": 0.0},
        {"params": [c], "lr": 1.0, "weight_decay": 0.0},
        {"params": [d]},
    ]
    merged = merge_groups(groups)
    assert [len(group["params"]) for group in merged] == [2, 1, 1]
    assert merged[0]["params"][1] is b
    assert merged[1] == {"params": [c], "lr": 1.0, "weight_decay": 0.0}
    assert merged[2] == {"params": [d]}
    assert len(groups[0]["params"]) == 1
