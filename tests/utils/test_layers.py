"""Convolution and norm against torch's, and their bits for any number of threads."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from mne_eegmamba.utils import layers
from mne_eegmamba.utils.layers import Conv1d, LayerNorm, conv1d
from tests.tolerances import assert_near


def normal(*shapes, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randn(s, generator=generator, dtype=torch.float64)
        .to(dtype)
        .requires_grad_()
        for s in shapes
    ]


@pytest.fixture
def threads():
    """Give `torch.set_num_threads` and undo it."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def weighted_sum(y):
    ramp = torch.linspace(-1, 2, y.numel(), dtype=torch.float64).view(y.shape)
    return (y * ramp.to(y.dtype)).sum()


@settings(deadline=None, max_examples=40)
@given(
    batch=st.integers(1, 4),
    inner=st.integers(1, 5),
    out=st.integers(1, 5),
    kernel=st.integers(1, 9),
    stride=st.integers(1, 8),
    extra=st.integers(0, 20),
    budget=st.sampled_from([1, 300, 2**22]),
    dtype=st.sampled_from([torch.float64, torch.float32]),
)
def test_conv1d_is_torchs(batch, inner, out, kernel, stride, extra, budget, dtype):
    tensors = normal(
        (batch, inner, kernel + extra), (out, inner, kernel), (out,), dtype=dtype
    )
    exact = [t.detach().double().requires_grad_() for t in tensors]
    want = F.conv1d(*exact, stride=stride)
    before = layers.UNFOLD_BUDGET
    layers.UNFOLD_BUDGET = budget
    try:
        got = conv1d(*tensors, stride)
        actual = torch.autograd.grad(weighted_sum(got), tensors)
    finally:
        layers.UNFOLD_BUDGET = before
    assert got.dtype == dtype
    assert_near(got, want)
    expected = torch.autograd.grad(weighted_sum(want), exact)
    for a, e in zip(actual, expected, strict=True):
        assert_near(a, e)


@pytest.mark.parametrize("stride", [1, 3])
def test_conv1d_gradcheck(stride):
    tensors = normal((2, 3, 12), (4, 3, 5), (4,))
    assert torch.autograd.gradcheck(lambda *t: conv1d(*t, stride), tensors)


def test_conv1d_gradient_of_a_few():
    x, weight, bias = normal((2, 3, 12), (4, 3, 5), (4,))
    for frozen in range(3):
        tensors = [t.detach().clone().requires_grad_() for t in (x, weight, bias)]
        tensors[frozen].requires_grad_(False)
        weighted_sum(conv1d(*tensors, 2)).backward()
        want = [t.detach().clone().requires_grad_() for t in (x, weight, bias)]
        weighted_sum(F.conv1d(*want, stride=2)).backward()
        assert tensors[frozen].grad is None
        for i in {0, 1, 2} - {frozen}:
            assert_near(tensors[i].grad, want[i].grad)


def test_conv1d_module_and_evaluation():
    module = Conv1d(3, 4, 5, 2)
    (x,) = normal((2, 3, 30), dtype=torch.float32)
    want = F.conv1d(x, module.weight, module.bias, stride=2)
    assert_near(module(x), want)
    with torch.inference_mode():
        assert_near(module(x), want)
    transposed = x.detach().transpose(0, 2).contiguous().transpose(0, 2)
    assert not transposed.is_contiguous()
    assert_near(module(transposed), want)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_layer_norm_is_torchs(dtype):
    tensors = normal((3, 7, 20), (20,), (20,), dtype=dtype)
    norm, theirs = LayerNorm(20).to(dtype), torch.nn.LayerNorm(20).double()
    for module in (norm, theirs):
        with torch.no_grad():
            module.weight.copy_(tensors[1])
            module.bias.copy_(tensors[2])
    x = tensors[0].detach().double().requires_grad_()
    got, want = norm(tensors[0]), theirs(x)
    assert_near(got, want)
    actual = torch.autograd.grad(
        weighted_sum(got), [tensors[0], norm.weight, norm.bias]
    )
    expected = torch.autograd.grad(weighted_sum(want), [x, theirs.weight, theirs.bias])
    for a, e in zip(actual, expected, strict=True):
        assert_near(a, e)


def test_layer_norm_gradcheck():
    norm = LayerNorm(6).double()
    x, weight, bias = normal((2, 4, 6), (6,), (6,))

    def function(x, weight, bias):
        parameters = {"weight": weight, "bias": bias}
        return torch.func.functional_call(norm, parameters, (x,))

    assert torch.autograd.gradcheck(function, (x, weight, bias))


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (Conv1d(32, 32, 15, 2), (32, 32, 600)),
        (Conv1d(6, 32, 51, 8), (32, 6, 600)),
        (Conv1d(64, 64, 7), (16, 64, 40)),
        (LayerNorm(128), (32, 105, 128)),
    ],
    ids=str,
)
def test_gradients_have_the_same_bits_for_any_threads(layer, shape, threads):
    (x,) = normal(shape, dtype=torch.float32)
    results = []
    for number in (1, 2):
        threads(number)
        y = layer(x)
        results.append(
            [y, *torch.autograd.grad(weighted_sum(y), [x, *layer.parameters()])]
        )
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


@pytest.mark.parametrize(
    ("layer", "shape"), [(Conv1d(4, 8, 5, 2), (3, 4, 40)), (LayerNorm(40), (3, 4, 40))]
)
def test_bfloat16_autocast(layer, shape):
    (x,) = normal(shape, dtype=torch.float32)
    want = layer(x)
    expected = torch.autograd.grad(weighted_sum(want), [x, *layer.parameters()])
    with torch.autocast("cpu", torch.bfloat16):
        got = layer(x)
        half = layer(x.bfloat16())
    assert torch.isfinite(half).all()
    torch.testing.assert_close(got.float(), want, rtol=0.02, atol=0.02)
    actual = torch.autograd.grad(weighted_sum(got.float()), [x, *layer.parameters()])
    for a, e in zip(actual, expected, strict=True):
        assert a.dtype == torch.float32
        size = float(e.abs().max())
        torch.testing.assert_close(a, e, rtol=0.02, atol=0.02 * size)
