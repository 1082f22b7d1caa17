"""The causal convolution against torch's grouped convolution."""

import pytest
import torch
import torch.nn.functional as F

from mne_eegmamba.ops import causal_conv1d
from tests.tolerances import assert_near

BACKENDS = ["reference", "torch"]


def make(batch, length, channels, kernel, dtype=torch.float64):
    generator = torch.Generator().manual_seed(length)
    shapes = ((batch, length, channels), (channels, kernel), (channels,))
    return [
        torch.randn(s, generator=generator, dtype=torch.float64)
        .to(dtype)
        .requires_grad_()
        for s in shapes
    ]


def definition(x, weight, bias, reverse):
    """Apply torch's own grouped convolution, on flipped time where reverse."""
    x = x.transpose(1, 2)
    x = x.flip(-1) if reverse else x
    x = F.pad(x, (weight.shape[1] - 1, 0))
    y = F.silu(F.conv1d(x, weight.unsqueeze(1), bias, groups=len(weight)))
    return (y.flip(-1) if reverse else y).transpose(1, 2)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("with_bias", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    ("length", "kernel"), [(1, 4), (3, 4), (4, 4), (17, 4), (9, 1)]
)
@pytest.mark.parametrize("backend", BACKENDS)
def test_equals_grouped_convolution(backend, length, kernel, reverse, with_bias, dtype):
    tensors = make(3, length, 5, kernel, dtype)[: 3 if with_bias else 2]
    exact = [t.detach().double().requires_grad_() for t in tensors]
    bias, exact_bias = (tensors[2], exact[2]) if with_bias else (None, None)
    y = causal_conv1d(*tensors[:2], bias, reverse, backend=backend)
    want = definition(*exact[:2], exact_bias, reverse)
    assert y.dtype == dtype
    assert_near(y, want)
    ramp = torch.linspace(-1, 2, want.numel(), dtype=torch.float64).view(want.shape)
    got = torch.autograd.grad((y * ramp.to(dtype)).sum(), tensors)
    expected = torch.autograd.grad((want * ramp).sum(), exact)
    for actual, gradient in zip(got, expected, strict=True):
        assert_near(actual, gradient)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("backend", BACKENDS)
def test_gradcheck(backend, reverse):
    def function(x, weight, bias):
        return causal_conv1d(x, weight, bias, reverse, backend=backend)

    assert torch.autograd.gradcheck(function, make(2, 5, 3, 4))


@pytest.mark.parametrize("backend", BACKENDS)
def test_views_of_larger_tensors(backend):
    x, weight, bias = (t.detach() for t in make(2, 11, 4, 3))
    part = torch.cat([x, -x], dim=-1).chunk(2, dim=-1)[0]
    late = x.transpose(1, 2).contiguous().transpose(1, 2)
    slanted = weight.t().contiguous().t()
    want = definition(x, weight, bias, False)
    for view in (part, late):
        assert not view.is_contiguous()
        assert_near(causal_conv1d(view, slanted, bias, backend=backend), want)


@pytest.mark.parametrize("backend", BACKENDS)
def test_last_tap_meets_the_present(backend):
    x = torch.zeros(1, 6, 1)
    x[0, 2] = 1
    weight = torch.tensor([[1.0, 2.0, 3.0]])
    for reverse, taps in ((False, [0, 0, 3, 2, 1, 0]), (True, [1, 2, 3, 0, 0, 0])):
        y = causal_conv1d(x, weight, reverse=reverse, backend=backend)
        assert_near(y.flatten(), F.silu(torch.tensor(taps, dtype=torch.float64)))


@pytest.mark.parametrize(
    ("x", "weight", "bias", "message"),
    [
        ((5, 3), (3, 4), (3,), r"x must have the shape \(batch, length, channels\)"),
        ((2, 5, 3), (4, 4), (3,), r"weight must have the shape.*3 channels.*\(4, 4\)"),
        ((2, 5, 3), (3, 1, 4), (3,), r"weight must have the shape"),
        ((2, 5, 3), (3, 4), (1,), r"bias must have the shape \(3,\).*Got \(1,\)"),
    ],
)
def test_wrong_shapes_are_refused(x, weight, bias, message):
    with pytest.raises(ValueError, match=message):
        causal_conv1d(torch.zeros(x), torch.zeros(weight), torch.zeros(bias))
