"""The adapters to `mamba_ssm` and `causal_conv1d`, whose kernels are written out here.

The packages need a CUDA compiler; what stands in for them follows their documentation,
in their layout: time last, groups of channels.
"""

import importlib
import sys
import types

import pytest
import torch
import torch.nn.functional as F

from mne_eegmamba.ops import backend
from mne_eegmamba.ops.conv import reference as conv_reference
from mne_eegmamba.ops.scan import reference as scan_reference
from tests.tolerances import assert_near

HERE = "mne_eegmamba.ops"


def selective_scan_fn(
    u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False
):
    """u, delta (batch, dim, length); B, C (batch, groups, states, length)."""
    assert {x.dtype for x in (delta, B, C)} == {u.dtype}
    assert {x.dtype for x in (A, D, delta_bias) if x is not None} == {torch.float32}
    assert B.ndim == C.ndim == 4
    assert z is None
    each = u.shape[1] // B.shape[1]
    dt = delta.float()
    if delta_bias is not None:
        dt = dt + delta_bias[:, None]
    if delta_softplus:
        dt = F.softplus(dt)
    h, y = torch.zeros(len(u), *A.shape), []
    for t in range(u.shape[2]):
        b, c = (x[..., t].float().repeat_interleave(each, 1) for x in (B, C))
        step = dt[..., t, None]
        h = torch.exp(step * A) * h + step * b * u[..., t, None].float()
        y.append((h * c).sum(-1))
    y = torch.stack(y, -1)
    y = y if D is None else y + D[:, None] * u.float()
    return y.to(u.dtype)


def causal_conv1d_fn(x, weight, bias=None, activation=None):
    """x (batch, dim, length), weight (dim, width), bias (dim,)."""
    assert 2 <= weight.shape[1] <= 4
    assert activation == "silu"
    assert bias.dtype == weight.dtype
    x = F.pad(x.float(), (weight.shape[1] - 1, 0))
    y = F.conv1d(x, weight.unsqueeze(1), bias, groups=len(weight))
    return F.silu(y)


@pytest.fixture
def installed(monkeypatch):
    """Import an adapter as if the packages were there."""
    fake = {
        "mamba_ssm": {},
        "mamba_ssm.ops": {},
        "mamba_ssm.ops.selective_scan_interface": {
            "selective_scan_fn": selective_scan_fn
        },
        "causal_conv1d": {"causal_conv1d_fn": causal_conv1d_fn},
    }
    for name, content in fake.items():
        module = types.ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    found = []
    for name in (f"{HERE}.scan.mamba_ssm", f"{HERE}.conv.mamba_ssm"):
        monkeypatch.delitem(sys.modules, name, raising=False)
        found.append(importlib.import_module(name))
        monkeypatch.delitem(sys.modules, name)
    return found


def normal(*shapes, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(s, generator=generator).requires_grad_() for s in shapes]


def compare(function, oracle, tensors):
    exact = [x.detach().double().requires_grad_() for x in tensors]
    got, want = function(*tensors), oracle(*exact)
    assert_near(got, want)
    ramp = torch.linspace(-1, 2, want.numel()).view(want.shape)
    found = torch.autograd.grad((got * ramp).sum(), tensors)
    expected = torch.autograd.grad((want * ramp.double()).sum(), exact)
    for actual, gradient in zip(found, expected, strict=True):
        assert_near(actual, gradient)


SIGNAL, MAPS, ROWS = (2, 9, 6), (2, 9, 4), (6,)
WAY = SIGNAL, SIGNAL, (6, 4), MAPS, MAPS, ROWS, ROWS


@pytest.mark.parametrize("directions", [(False,), (True,), (False, True)])
@pytest.mark.parametrize("gated", [False, True])
def test_scan(installed, directions, gated):
    def run(scan):
        def function(*tensors):
            ways = [
                (t[0], t[1], -t[2].abs(), *t[3:], reverse)
                for i, reverse in enumerate(directions)
                for t in [tensors[7 * i : 7 * i + 7]]
            ]
            return scan(ways, tensors[-1] if gated else None, True)

        return function

    shapes = [*WAY * len(directions), *([SIGNAL] if gated else [])]
    compare(run(installed[0].scan), run(scan_reference.scan), normal(*shapes))


def test_scan_without_skip_and_with_one(installed):
    u, delta, A, B, C, D, bias = (x.detach() for x in normal(*WAY))
    A, delta = -A.abs(), delta.abs()
    for ways in (
        [(u, delta, A, B, C, None, None, True)],
        [(u, delta, A, B, C, D, None, False), (u, delta, A, B, C, None, bias, True)],
    ):
        want = scan_reference.scan(ways, None, False)
        assert_near(installed[0].scan(ways, None, False), want)


def test_scan_keeps_the_dtype(installed):
    u, delta, A, B, C, D, bias = (x.detach() for x in normal(*WAY))
    way = u.bfloat16(), delta, -A.abs(), B, C, D, bias, False
    y = installed[0].scan([way], u.bfloat16(), True)
    assert y.dtype == torch.bfloat16


@pytest.mark.parametrize("kernel", [2, 4])
@pytest.mark.parametrize("directions", [(False,), (True,), (False, True)])
def test_conv(installed, directions, kernel):
    def run(conv):
        def function(x, *filters):
            ways = [(*filters[2 * i : 2 * i + 2], r) for i, r in enumerate(directions)]
            return torch.stack(conv(x, ways))

        return function

    shapes = [SIGNAL, *[(6, kernel), ROWS] * len(directions)]
    compare(run(installed[1].conv), run(conv_reference.conv), normal(*shapes))
    x, weight = (x.detach() for x in normal(SIGNAL, (6, kernel)))
    want = conv_reference.conv(x, [(weight, None, False)])[0]
    assert_near(installed[1].conv(x, [(weight, None, False)])[0], want)


def test_other_kernels_are_refused(installed):
    x, weight = normal(SIGNAL, (6, 5))
    with pytest.raises(ValueError, match=r"kernels of 2, 3 and 4 samples. Got a weig"):
        installed[1].conv(x, [(weight, None, False)])


def test_refusals(installed, monkeypatch):
    for module in installed:
        assert "the data is torch.float64" in module.refusal(torch.float64)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        assert module.refusal() == "needs a CUDA card, and torch sees none"
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        assert module.refusal(torch.bfloat16) is None


class Broken:
    """What finds a package whose compiled part does not load."""

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("mamba_ssm", "causal_conv1d"):
            raise OSError("selective_scan_cuda.so: undefined symbol")


def test_a_broken_package_is_a_reason(monkeypatch):
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    for op, folder in (("selective_scan", "scan"), ("causal_conv1d", "conv")):
        monkeypatch.delitem(sys.modules, f"{HERE}.{folder}.mamba_ssm", raising=False)
        found = {i.name: i for i in backend.IMPLEMENTATIONS[op]}["mamba_ssm"]
        backend._import.cache_clear()
        reason = found.refusal("cuda", torch.float32)
        backend._import.cache_clear()
        assert reason.startswith("cannot be imported (OSError: selective_scan_cuda.so")
    message = "Backend 'mamba_ssm' cannot run selective_scan: is for cuda, and the data"
    with pytest.raises(RuntimeError, match=message):
        backend.choose("selective_scan", "mamba_ssm", torch.zeros(1))
