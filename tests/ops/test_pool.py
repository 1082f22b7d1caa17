"""GELU and pooling against torch's modules."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mne_eegmamba.ops import gelu_pool
from tests.tolerances import assert_near

KINDS = {"average": nn.AvgPool1d, "max": nn.MaxPool1d}


def signal(batch=2, length=30, channels=5, dtype=torch.float64):
    generator = torch.Generator().manual_seed(length)
    x = torch.randn(batch, length, channels, generator=generator, dtype=torch.float64)
    return x.to(dtype).requires_grad_()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("backend", ["torch", "reference"])
@pytest.mark.parametrize(
    ("length", "size", "stride"), [(7, 7, 2), (8, 7, 2), (129, 3, 2), (11, 4, 3)]
)
def test_equals_modules(length, size, stride, backend, kind, dtype):
    x = signal(length=length, dtype=dtype)
    exact = x.detach().double().requires_grad_()
    want = KINDS[kind](size, stride)(F.gelu(exact).mT).mT
    y = gelu_pool(x, size, stride, kind, backend)
    assert y.dtype == dtype
    assert_near(y, want)
    ramp = torch.linspace(-1, 2, want.numel(), dtype=torch.float64).view(want.shape)
    (found,) = torch.autograd.grad((y * ramp.to(dtype)).sum(), x)
    (expected,) = torch.autograd.grad((want * ramp).sum(), exact)
    assert_near(found, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_gradcheck(kind):
    x = signal(1, 9, 2)
    assert torch.autograd.gradcheck(
        lambda x: gelu_pool(x, 3, 2, kind, "reference"), [x]
    )


def test_default_is_the_average():
    x = signal()
    assert torch.equal(gelu_pool(x, 3, 2), gelu_pool(x, 3, 2, "average"))
    assert not torch.equal(gelu_pool(x, 3, 2), gelu_pool(x, 3, 2, "max"))


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((5, 3), (3, 2), r"x must have the shape \(batch, length, channels\)"),
        ((1, 9, 3), (2, 2), "less than size. Got stride 2 and size 2"),
        ((1, 9, 3), (2, 0), "stride must be at least 1"),
        ((1, 6, 3), (7, 2), "at least 7 samples, those of a window. Got 6"),
        ((1, 9, 3), (3, 2, "mean"), "kind must be 'average' or 'max'. Got 'mean'"),
        ((1, 9, 3), (3, 2, "max", "tpu"), "backend must be one of"),
    ],
)
def test_what_does_not_fit_is_refused(shape, options, message):
    with pytest.raises(ValueError, match=message):
        gelu_pool(torch.zeros(shape), *options)
