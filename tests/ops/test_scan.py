"""The scan reference against closed forms, torch against the reference."""

import numpy as np
import pytest
import torch
from scipy.signal import lfilter

from mne_eegmamba.ops import selective_scan
from mne_eegmamba.ops.scan import torch_scan
from tests.tolerances import assert_near

NAMES = ("u", "delta", "A", "B", "C", "D", "z", "delta_bias")
BACKENDS = ["reference", "torch"]


def make(batch=2, length=7, channels=3, states=4, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    arguments = {
        "u": normal(batch, length, channels),
        "delta": normal(batch, length, channels),
        "A": -normal(channels, states).abs() - 0.1,
        "B": normal(batch, length, states),
        "C": normal(batch, length, states),
        "D": normal(channels),
        "z": normal(batch, length, channels),
        "delta_bias": normal(channels) - 1,
    }
    return {k: v.to(dtype).requires_grad_() for k, v in arguments.items()}


def positive(arguments):
    """Drop what the closed forms do without; steps are positive as they are."""
    a = {k: v.detach() for k, v in arguments.items()}
    return a["u"], a["delta"].abs() + 0.01, a["A"], a["B"], a["C"]


def gradients(y, arguments, seed=5):
    weight = torch.randn(
        y.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )
    wanted = list(arguments.values())
    return torch.autograd.grad((y * weight.to(y.dtype)).sum(), wanted)


def check_against_reference(arguments, **options):
    """Compare outputs and every gradient; the reference always runs in float64."""
    exact = {k: v.detach().double().requires_grad_() for k, v in arguments.items()}
    want = selective_scan(**exact, backend="reference", **options)
    got = selective_scan(**arguments, backend="torch", **options)
    assert_near(got, want)
    pairs = zip(NAMES, gradients(got, arguments), gradients(want, exact), strict=True)
    for name, actual, expected in pairs:
        assert actual.shape == arguments[name].shape
        assert_near(actual, expected)


@pytest.mark.parametrize("backend", BACKENDS)
def test_ramp_without_decay(backend):
    one = torch.ones(1, 40, 1, dtype=torch.float64)
    zero = torch.zeros(1, 1, dtype=torch.float64)
    y = selective_scan(one, 0.5 * one, zero, one, one, backend=backend)
    assert_near(y.flatten(), 0.5 * torch.arange(1, 41, dtype=torch.float64))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("backend", BACKENDS)
def test_length_one(backend, reverse):
    u, dt, A, B, C = positive(make(length=1))
    y = selective_scan(u, dt, A, B, C, reverse=reverse, backend=backend)
    assert_near(y, dt * u * (B * C).sum(-1, keepdim=True))


@pytest.mark.parametrize("backend", BACKENDS)
def test_geometric_series(backend):
    one = torch.ones(1, 50, 1, dtype=torch.float64)
    A, dt = torch.tensor([[-0.7]], dtype=torch.float64), 0.3
    y = selective_scan(one, dt * one, A, one, one, backend=backend)
    a = np.exp(-0.7 * dt)
    series = dt * (1 - a ** np.arange(1, 51)) / (1 - a)
    assert_near(y.flatten(), torch.from_numpy(series))


@pytest.mark.parametrize("backend", BACKENDS)
def test_constant_step_is_a_bank_of_filters(backend):
    u, _, A, B, C = positive(make(length=60))
    steps = torch.tensor([0.1, 0.5, 1.5], dtype=torch.float64)
    y = selective_scan(u, steps.expand_as(u), A, B, C, backend=backend)
    want = np.zeros(u.shape)
    for b in range(2):
        for d, step in enumerate(steps.numpy()):
            for n in range(4):
                drive = step * B[b, :, n].numpy() * u[b, :, d].numpy()
                pole = np.exp(step * A[d, n].item())
                state = lfilter([1.0], [1.0, -pole], drive)
                want[b, :, d] += C[b, :, n].numpy() * state
    assert_near(y, torch.from_numpy(want))


@pytest.mark.parametrize("backend", BACKENDS)
def test_reverse_is_flipped_time(backend):
    u, dt, A, B, C = positive(make(length=37))
    y = selective_scan(u, dt, A, B, C, reverse=True, backend=backend)
    flipped = selective_scan(
        u.flip(1), dt.flip(1), A, B.flip(1), C.flip(1), backend=backend
    )
    assert_near(y, flipped.flip(1))
    assert not torch.allclose(y, selective_scan(u, dt, A, B, C, backend=backend))


@pytest.mark.parametrize("backend", BACKENDS)
def test_skip_gate_bias_and_softplus(backend):
    a = make()
    u, dt, A, B, C = positive(a)
    D, z, bias = (a[name].detach() for name in ("D", "z", "delta_bias"))
    plain = selective_scan(u, dt, A, B, C, backend=backend)
    skip = selective_scan(u, dt, A, B, C, D=D, backend=backend)
    assert_near(skip, plain + D * u)
    gated = selective_scan(u, dt, A, B, C, z=z, backend=backend)
    assert_near(gated, plain * z * torch.sigmoid(z))
    step = torch.log1p(torch.exp(dt + bias))
    soft = selective_scan(
        u, dt, A, B, C, delta_bias=bias, delta_softplus=True, backend=backend
    )
    assert_near(soft, selective_scan(u, step, A, B, C, backend=backend))
    shifted = selective_scan(u, dt, A, B, C, delta_bias=bias.abs(), backend=backend)
    want = selective_scan(u, dt + bias.abs(), A, B, C, backend=backend)
    assert_near(shifted, want)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("backend", BACKENDS)
def test_gradcheck(backend, reverse, monkeypatch):
    monkeypatch.setattr(torch_scan, "CHUNK", 2)
    monkeypatch.setattr(torch_scan, "STATE_BUDGET", 6)

    def function(*tensors):
        arguments = dict(zip(NAMES, tensors, strict=True))
        return selective_scan(
            **arguments, delta_softplus=True, reverse=reverse, backend=backend
        )

    arguments = make(batch=2, length=5, channels=2, states=3)
    assert torch.autograd.gradcheck(function, tuple(arguments.values()))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("length", [1, 2, 15, 16, 17, 73, 129])
def test_torch_equals_reference(length, batch, reverse, dtype):
    arguments = make(batch, length, channels=5, dtype=dtype, seed=length)
    check_against_reference(arguments, delta_softplus=True, reverse=reverse)


@pytest.mark.parametrize("budget", [1, 12, 25, 10**6])
@pytest.mark.parametrize("chunk", [1, 3, 64])
def test_pieces_and_chunks_change_nothing(monkeypatch, budget, chunk):
    monkeypatch.setattr(torch_scan, "CHUNK", chunk)
    monkeypatch.setattr(torch_scan, "STATE_BUDGET", budget)
    for reverse in (False, True):
        arguments = make(batch=5, length=11)
        check_against_reference(arguments, delta_softplus=True, reverse=reverse)


@pytest.mark.parametrize("length", [1, 40])
def test_views_of_larger_tensors(length):
    arguments = make(batch=2, length=length)
    both = torch.cat([arguments["B"], arguments["C"]], dim=-1).detach()
    wide = torch.cat([arguments["u"], arguments["z"]], dim=-1).detach()
    B, C = both.split(4, dim=-1)
    u, z = wide.chunk(2, dim=-1)
    late = arguments["delta"].detach().transpose(1, 2).contiguous().transpose(1, 2)
    A = arguments["A"].detach().t().contiguous().t()
    views = arguments | {"B": B, "C": C, "u": u, "z": z, "delta": late, "A": A}
    for view in views.values():
        view.requires_grad_()
    assert length == 1 or not any(views[name].is_contiguous() for name in "uzBC")
    check_against_reference(views, delta_softplus=True)


def test_backward_twice_and_inputs_untouched():
    arguments = make(batch=1, length=20)
    before = {k: v.detach().clone() for k, v in arguments.items()}
    y = selective_scan(**arguments, delta_softplus=True, backend="torch")
    first = torch.autograd.grad(y.sum(), list(arguments.values()), retain_graph=True)
    second = torch.autograd.grad(y.sum(), list(arguments.values()))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert all(torch.equal(arguments[k], before[k]) for k in before)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_huge_steps_forget_everything(backend, dtype):
    u, dt, A, B, C = (x.to(dtype).requires_grad_() for x in positive(make(length=50)))
    steps = (dt + 1).detach() * 1e4
    y = selective_scan(u, steps, A, B, C, backend=backend)
    assert_near(y, steps * u * (B * C).sum(-1, keepdim=True))
    grads = torch.autograd.grad(y.sum(), [u, A, B, C])
    assert all(torch.isfinite(g).all() for g in grads)
    assert not grads[1].any()


@pytest.mark.parametrize("backend", BACKENDS)
def test_long_decay_does_not_overflow(backend):
    # exp(-cumsum(dt A)) would be exp(2000) here
    one = torch.ones(1, 200, 1)
    A = torch.tensor([[-1.0]])
    y = selective_scan(one, 10 * one, A, one, one, backend=backend)
    a = np.exp(-10.0)
    want = 10 * (1 - a ** np.arange(1, 201)) / (1 - a)
    assert_near(y.flatten(), torch.from_numpy(want))
