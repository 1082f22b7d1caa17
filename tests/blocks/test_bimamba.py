"""The bidirectional block against its definition (Algorithm 1)."""

import copy
import weakref

import pytest
import torch
import torch.nn.functional as F

from mne_eegmamba.blocks import bimamba
from mne_eegmamba.blocks.bimamba import BiMambaBlock, Direction
from mne_eegmamba.models import EEGMambaConfig
from mne_eegmamba.ops import (
    bidirectional_conv1d,
    bidirectional_scan,
    selective_scan,
)
from tests.tolerances import assert_near


def config(**options):
    usual = {"d_model": 20, "d_state": 4, "pooling": "mean"}
    return EEGMambaConfig({"a": 2}, {"a": 2}, **(usual | options))


def block_and_tokens(n_tokens=13, dtype=torch.float64, **options):
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        block = BiMambaBlock(config(**options)).to(dtype)
        with torch.no_grad():
            for parameter in block.norm.parameters():
                parameter.add_(0.3 * torch.randn_like(parameter))
        tokens = torch.randn(3, n_tokens, 20, dtype=dtype)
    return block, tokens.requires_grad_()


def one_direction(way, x):
    """Run a Mamba mixer forward in time, as mambapy does: convolution, SiLU, scan."""
    length, width = x.shape[1:]
    kernel = way.conv_weight.shape[1]
    u = F.conv1d(
        x.transpose(1, 2),
        way.conv_weight.unsqueeze(1),
        way.conv_bias,
        padding=kernel - 1,
        groups=width,
    )
    u = F.silu(u[..., :length].transpose(1, 2))
    rank, states = way.dt_proj.in_features, way.A_log.shape[1]
    projected = u @ way.x_proj.weight.t()
    step = projected[..., :rank]
    B = projected[..., rank : rank + states]
    C = projected[..., rank + states :]
    delta = F.softplus(way.dt_proj(step))
    A = -torch.exp(way.A_log)
    return selective_scan(u, delta, A, B, C, D=way.D, backend="reference")


def definition(block, tokens):
    """Write Algorithm 1 out; time is flipped by hand."""
    norm = block.norm
    mean = tokens.mean(-1, keepdim=True)
    variance = tokens.var(-1, correction=0, keepdim=True)
    normed = (tokens - mean) / torch.sqrt(variance + norm.eps)
    normed = normed * norm.weight + norm.bias
    x, z = normed @ block.in_x.weight.t(), normed @ block.in_z.weight.t()
    y = one_direction(block.forward_time, x)
    if block.backward_time is not None:
        y = y + one_direction(block.backward_time, x.flip(1)).flip(1)
    return (y * F.silu(z)) @ block.out.weight.t() + tokens


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("n_tokens", [1, 3, 40])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_block_is_algorithm_1(n_tokens, dtype, bidirectional):
    block, tokens = block_and_tokens(n_tokens, dtype, bidirectional=bidirectional)
    exact = copy.deepcopy(block).double()
    exact_tokens = tokens.detach().double().requires_grad_()
    got, want = block(tokens), definition(exact, exact_tokens)
    assert_near(got, want)
    ramp = torch.linspace(-1, 2, want.numel(), dtype=torch.float64).view(want.shape)
    actual = torch.autograd.grad(
        (got * ramp.to(dtype)).sum(), [tokens, *block.parameters()]
    )
    expected = torch.autograd.grad(
        (want * ramp).sum(), [exact_tokens, *exact.parameters()]
    )
    for a, e in zip(actual, expected, strict=True):
        assert_near(a, e)


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("backend", ["auto", "torch", "reference"])
def test_backends_agree(backend, bidirectional):
    block, tokens = block_and_tokens(backend=backend, bidirectional=bidirectional)
    assert_near(block(tokens), definition(block, tokens))


def test_equal_directions_commute_with_flipped_time():
    block, tokens = block_and_tokens()
    different = block(tokens.flip(1)) - block(tokens).flip(1)
    assert different.abs().max() > 1e-6
    block.backward_time.load_state_dict(block.forward_time.state_dict())
    assert_near(block(tokens.flip(1)), block(tokens).flip(1))


def test_every_token_sees_every_token():
    block, tokens = block_and_tokens()
    for at in (0, 6, 12):
        (gradient,) = torch.autograd.grad(block(tokens)[:, at].sum(), tokens)
        assert (gradient.abs().amax((0, 2)) > 0).all()


def test_forward_only_tokens_see_no_later_tokens():
    block, tokens = block_and_tokens(bidirectional=False)
    assert block.backward_time is None
    for at in (0, 6, 12):
        (gradient,) = torch.autograd.grad(block(tokens)[:, at].sum(), tokens)
        seen = gradient.abs().amax((0, 2)) > 0
        assert seen[: at + 1].all()
        assert not seen[at + 1 :].any()


@pytest.mark.parametrize("bidirectional", [True, False])
def test_epochs_do_not_see_each_other(bidirectional):
    block, tokens = block_and_tokens(bidirectional=bidirectional)
    (gradient,) = torch.autograd.grad(block(tokens)[1].sum(), tokens)
    assert not gradient[[0, 2]].any()
    assert gradient[1].any()


def test_residual():
    block, tokens = block_and_tokens()
    torch.nn.init.zeros_(block.out.weight)
    assert torch.equal(block(tokens), tokens)


@pytest.mark.parametrize("bidirectional", [True, False])
def test_all_parameters_get_gradients(bidirectional):
    block, tokens = block_and_tokens(bidirectional=bidirectional)
    block(tokens).square().sum().backward()
    for name, parameter in block.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.any(), name


@pytest.mark.parametrize("expand", [1, 2])
def test_initial_values(expand):
    chosen = config(d_model=128, d_state=16, expand=expand)
    way = Direction(chosen)
    assert way.A_log.dtype == way.D.dtype == torch.float32
    A = torch.arange(1, 17).double().expand(128 * expand, 16)
    assert_near(way.A_log.exp(), A)
    assert torch.equal(way.D, torch.ones(128 * expand))
    step = F.softplus(way.dt_proj.bias.double())
    assert step.min() >= 1e-3 * (1 - 1e-4)
    assert step.max() <= 1e-1 * (1 + 1e-4)
    # evenly spread in log scale: the median is near 1e-2
    assert 4e-3 < step.median() < 2.5e-2
    assert way.dt_proj.weight.shape == (128 * expand, 8)
    assert way.dt_proj.weight.abs().max() <= 8**-0.5
    assert way.conv_weight.abs().max() <= 0.5
    for linear in (way.x_proj, way.dt_proj):
        assert linear.weight.any()


def test_directions_have_their_own_parameters():
    block, _ = block_and_tokens()
    ways = block.forward_time, block.backward_time
    first, second = ({p.data_ptr() for p in way.parameters()} for way in ways)
    assert len(first) == len(second) == 7
    assert not first & second


def test_initial_steps_reach_both_ends():
    step = F.softplus(Direction(config(d_model=2048)).dt_proj.bias.double())
    assert step.min() < 1.05e-3
    assert step.max() > 0.095


def test_what_is_no_longer_needed_is_freed_before_the_scan(monkeypatch):
    (block, tokens), before = block_and_tokens(), []

    def convolve(x, *filters, **options):
        before.append(weakref.ref(x))
        return bidirectional_conv1d(x, *filters, **options)

    def scan(*ways, **options):
        assert [x() for x in before] == [None, None]
        before.clear()
        return bidirectional_scan(*ways, **options)

    block.norm.register_forward_hook(lambda *args: before.append(weakref.ref(args[2])))
    monkeypatch.setattr(bimamba, "bidirectional_conv1d", convolve)
    monkeypatch.setattr(bimamba, "bidirectional_scan", scan)
    with torch.inference_mode():
        block(tokens.detach())
    assert before == []
