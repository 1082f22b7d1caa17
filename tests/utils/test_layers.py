"""Norm and dropout against torch's; the same bits for any number of threads."""

import pytest
import torch

from mne_eegmamba.utils.layers import BatchNorm, Dropout, LayerNorm
from tests.tolerances import assert_near


def normal(*shapes, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randn(s, generator=generator, dtype=torch.float64)
        .to(dtype)
        .requires_grad_()
        for s in shapes
    ]


def weighted_sum(y):
    ramp = torch.linspace(-1, 2, y.numel(), dtype=torch.float64).view(y.shape)
    return (y * ramp.to(y.dtype)).sum()


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


def test_gradients_have_the_same_bits_for_any_threads(threads):
    layer = LayerNorm(128)
    (x,) = normal((32, 105, 128), dtype=torch.float32)
    results = []
    for number in (1, 2):
        threads(number)
        y = layer(x)
        results.append(
            [y, *torch.autograd.grad(weighted_sum(y), [x, *layer.parameters()])]
        )
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_bfloat16_autocast():
    layer = LayerNorm(40)
    (x,) = normal((3, 4, 40), dtype=torch.float32)
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


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_dropout_drops_its_share_and_keeps_the_mean(p, dtype):
    torch.manual_seed(0)
    x = torch.ones(101, 997, dtype=dtype, requires_grad=True)
    y = Dropout(p)(x)
    n, dropped = x.numel(), (y == 0).sum().item()
    assert abs(dropped / n - p) < 5 * (p * (1 - p) / n) ** 0.5
    (scale,) = y[y != 0].unique().tolist()
    assert scale == pytest.approx(1 / (1 - p), rel=2e-4)
    (gradient,) = torch.autograd.grad(y.sum(), x)
    assert torch.equal(gradient, y)


def test_dropout_is_unbiased_to_its_last_step():
    rare = Dropout(1.4 / 2**16)
    torch.manual_seed(0)
    y = rare(torch.ones(2**20))
    assert y.max().item() == pytest.approx(2**16 / (2**16 - 1), rel=1e-6)


def test_dropout_cells_are_independent():
    torch.manual_seed(0)
    y = (Dropout(0.5)(torch.ones(4000, 64)) > 0).float()
    correlation = torch.corrcoef(y.t()) - torch.eye(64)
    assert correlation.abs().max() < 5 / 4000**0.5


def test_dropout_at_its_ends_and_in_evaluation():
    x = torch.randn(7, 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(Dropout(0.0)(x), x)
    assert not Dropout(1.0)(x).any()
    assert torch.equal(Dropout(0.5).eval()(x), x)


def test_dropout_repeats_with_torchs_seed_for_any_threads(threads):
    found = []
    for number in (1, 2):
        threads(number)
        torch.manual_seed(3)
        found.append(Dropout(0.3)(torch.ones(999, 33)))
    assert torch.equal(*found)


class TestBatchNorm:
    def pair(self, width=5):
        ours, plain = BatchNorm(width).double(), torch.nn.BatchNorm1d(width).double()
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for parameter in ours.parameters():
                parameter.copy_(torch.randn(width, generator=generator))
        plain.load_state_dict(ours.state_dict())
        return ours, plain, generator

    @pytest.mark.parametrize("n", [2, 3, 129])
    def test_is_torchs(self, n):
        ours, plain, generator = self.pair()
        for _ in range(3):
            x = 2 + 3 * torch.randn(n, 5, generator=generator, dtype=torch.float64)
            ramp = torch.linspace(-1, 2, 5 * n, dtype=torch.float64).view(n, 5)
            found = []
            for norm in (ours, plain):
                leaf = x.clone().requires_grad_()
                out = norm(leaf)
                wanted = (leaf, norm.weight, norm.bias)
                found.append([out, *torch.autograd.grad((out * ramp).sum(), wanted)])
            for one, other in zip(*found, strict=True):
                assert_near(one, other)
        for key, value in plain.state_dict().items():
            assert_near(ours.state_dict()[key].double(), value.double())
        assert_near(ours.eval()(x), plain.eval()(x))

    def test_gradients_by_differences(self):
        x = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
        norm = BatchNorm(3).double()
        assert torch.autograd.gradcheck(norm, x)

    def test_half_precision_is_computed_in_float32(self):
        norm, x = BatchNorm(5), torch.randn(50, 5)
        half = norm(x.bfloat16())
        assert half.dtype == torch.bfloat16
        assert torch.equal(half, norm(x.bfloat16().float()).bfloat16())

    def test_bits_do_not_depend_on_threads(self):
        x, grad = torch.randn(20_000, 64), torch.randn(20_000, 64)
        threads, found = torch.get_num_threads(), []
        try:
            for n_threads in (1, 2):
                torch.set_num_threads(n_threads)
                norm, leaf = BatchNorm(64), x.clone().requires_grad_()
                norm(leaf).backward(grad)
                found.append((leaf.grad, norm.weight.grad, norm.running_var))
        finally:
            torch.set_num_threads(threads)
        for one, other in zip(*found, strict=True):
            assert torch.equal(one, other)
