"""Backends against each other on a card, in sizes of the network."""

import pytest
import torch
import torch.nn.functional as F

from mne_eegmamba.ops import (
    bidirectional_conv1d,
    bidirectional_scan,
    conv1d,
    gelu_pool,
    grouped_linear,
)
from mne_eegmamba.ops.backend import IMPLEMENTATIONS

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA card"),
]
# sums over 1e5 rows in another order; bfloat16 keeps 8 bits of each of many terms
LIMITS = {torch.float32: 1e-4, torch.bfloat16: 2e-2}


def normal(shapes, dtype):
    generator = torch.Generator("cuda").manual_seed(0)
    made = [torch.randn(s, generator=generator, device="cuda") for s in shapes]
    return [x.to(dtype).requires_grad_() for x in made]


def available(op, backend):
    found = {i.name: i for i in IMPLEMENTATIONS[op]}[backend]
    reason = found.refusal("cuda", torch.float32)
    if reason is not None:
        pytest.skip(f"{backend} {reason}")


def compare(function, tensors, backend):
    """Compare results and gradients with torch's backend in float64."""
    exact = [x.detach().double().requires_grad_() for x in tensors]
    got, want = function(tensors, backend), function(exact, "torch")
    found = torch.autograd.grad(got.float().square().mean(), tensors)
    expected = torch.autograd.grad(want.square().mean(), exact)
    for a, e in zip((got, *found), (want, *expected), strict=True):
        size = float(e.detach().abs().max())
        atol = LIMITS[got.dtype] * size
        torch.testing.assert_close(a.detach().double(), e.detach(), rtol=0, atol=atol)


@pytest.mark.parametrize("backend", ["triton", "mamba_ssm"])
@pytest.mark.parametrize("dtype", LIMITS)
@pytest.mark.parametrize(("batch", "length"), [(1, 6230), (8, 918), (128, 74)])
def test_scan(backend, dtype, batch, length):
    available("selective_scan", backend)
    signal, maps = (batch, length, 256), (batch, length, 16)
    shapes = [signal, signal, maps, maps] * 2 + [signal]

    def function(tensors, backend):
        work = torch.promote_types(tensors[0].dtype, torch.float32)
        A = -torch.arange(1, 17, device="cuda", dtype=work).repeat(256, 1)
        ones = torch.ones(256, device="cuda", dtype=work)
        ways = [
            (u, delta, A, B, C, ones, ones - 4)
            for u, delta, B, C in (tensors[:4], tensors[4:8])
        ]
        return bidirectional_scan(*ways, tensors[8], backend=backend)

    compare(function, normal(shapes, dtype), backend)


@pytest.mark.parametrize("backend", ["triton", "mamba_ssm"])
@pytest.mark.parametrize("dtype", LIMITS)
@pytest.mark.parametrize(("batch", "length"), [(1, 6230), (128, 74)])
def test_conv(backend, dtype, batch, length):
    available("causal_conv1d", backend)
    shapes = [(batch, length, 256), (256, 4), (256,), (256, 4), (256,)]

    def function(tensors, backend):
        x, *filters = tensors
        both = bidirectional_conv1d(x, filters[:2], filters[2:], backend)
        return torch.stack(both)

    compare(function, normal(shapes, dtype), backend)


@pytest.mark.parametrize("dtype", LIMITS)
@pytest.mark.parametrize(
    ("channels", "kernel", "stride"), [(1, 39, 2), (20, 73, 8), (128, 7, 1)]
)
def test_conv1d(channels, kernel, stride, dtype, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    shapes = [(8, 2000, channels), (128, kernel, channels), (128,)]

    def function(tensors, backend):
        x, weight, bias = tensors
        if x.dtype == torch.float64:
            return F.conv1d(x.mT, weight.mT, bias, stride).mT
        y = conv1d(x, weight, bias, stride, backend)
        assert y.is_contiguous()
        return y

    compare(function, normal(shapes, dtype), "torch")


@pytest.mark.parametrize("kind", ["average", "max"])
@pytest.mark.parametrize("dtype", LIMITS)
@pytest.mark.parametrize(
    ("batch", "length", "size"), [(1, 39993, 7), (128, 293, 7), (128, 70, 3)]
)
def test_pool(batch, length, size, dtype, kind):
    available("gelu_pool", "triton")

    def function(tensors, backend):
        return gelu_pool(*tensors, size, 2, kind, backend)

    compare(function, normal([(batch, length, 128)], dtype), "triton")


@pytest.mark.parametrize("dtype", LIMITS)
def test_grouped_linear(dtype):
    available("grouped_linear", "triton")
    counts = [9000, 0, 1, 20000, 5000, 63, 64, 30000]
    shapes = [(sum(counts), 128), (8, 256, 128), (8, 256)]
    on_card = torch.tensor(counts, device="cuda")

    def function(tensors, backend):
        return grouped_linear(*tensors, on_card, backend)

    compare(function, normal(shapes, dtype), "triton")
