"""The composed convolution against the two convolutions, and the whole tokenizer."""

import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from mne_eegmamba.models import EEGMambaConfig
from mne_eegmamba.tokens.fused import compose
from mne_eegmamba.tokens.spatial import SpatialConv
from mne_eegmamba.tokens.tokenizer import Tokenizer
from tests.tolerances import assert_near


def normal(generator, *shape):
    made = torch.randn(*shape, generator=generator, dtype=torch.float64)
    return made.requires_grad_()


@settings(deadline=None, max_examples=60)
@given(
    n_channels=st.integers(1, 5),
    width=st.integers(1, 4),
    out=st.integers(1, 4),
    half=st.integers(0, 3),
    kernel=st.integers(1, 9),
    stride=st.integers(1, 8),
    extra=st.integers(0, 20),
    seed=st.integers(0, 99),
)
def test_composed_is_one_after_the_other(
    n_channels, width, out, half, kernel, stride, extra, seed
):
    generator = torch.Generator().manual_seed(seed)
    x = normal(generator, 2, n_channels, kernel + extra)
    parameters = [
        normal(generator, width, n_channels, 2 * half + 1),
        normal(generator, width),
        normal(generator, out, width, kernel),
        normal(generator, out),
    ]
    middle = F.conv1d(x, *parameters[:2], padding=half)
    want = F.conv1d(middle, *parameters[2:], stride=stride)
    weight, bias = compose(*parameters)
    assert weight.shape == (out, n_channels, 2 * half + kernel)
    got = F.conv1d(F.pad(x, (half, half)), weight, bias, stride)
    assert_near(got, want)
    ramp = torch.linspace(-1, 2, want.numel(), dtype=torch.float64).view(want.shape)
    both = [
        torch.autograd.grad((y * ramp).sum(), [x, *parameters]) for y in (got, want)
    ]
    for actual, expected in zip(*both, strict=True):
        assert_near(actual, expected)


def literal_path(x, path, stride, pool):
    """Write one path of Fig. 3 as torch calls; ``x`` is already spatially filtered."""
    x = F.gelu(F.conv1d(x, path.conv1.weight, path.conv1.bias, stride=stride))
    x = F.max_pool1d(x, pool, 2)
    x = F.gelu(F.conv1d(x, path.conv2.weight, path.conv2.bias))
    x = F.gelu(F.conv1d(x, path.conv3.weight, path.conv3.bias))
    return F.max_pool1d(x, pool, 2)


@settings(deadline=None, max_examples=15)
@given(
    n_channels=st.integers(1, 6), n_times=st.integers(289, 500), seed=st.integers(0, 99)
)
def test_tokenizer_is_the_literal_pipeline(n_channels, n_times, seed):
    config = EEGMambaConfig({"a": n_channels}, {"a": 2}, d_model=6, dropout=0.0)
    tokenizer = Tokenizer(config).double()
    spatial = SpatialConv(n_channels, 6).double()
    x = normal(torch.Generator().manual_seed(seed), 2, n_channels, n_times)
    assert [tuple(p.conv1.weight.shape) for p in tokenizer.children()] == [
        (6, 6, 15),
        (6, 6, 49),
    ]
    filtered = F.conv1d(x, spatial.weight, spatial.bias, padding=1)
    paths = [
        literal_path(filtered, tokenizer.small, stride=2, pool=7),
        literal_path(filtered, tokenizer.wide, stride=8, pool=3),
    ]
    want = torch.cat(paths, dim=-1).transpose(1, 2)
    got = tokenizer(x, spatial)
    assert_near(got, want)
    wanted = [x, *spatial.parameters(), *tokenizer.parameters()]
    ramp = torch.linspace(-1, 2, want.numel(), dtype=torch.float64).view(want.shape)
    both = [torch.autograd.grad((y * ramp).sum(), wanted) for y in (got, want)]
    for actual, expected in zip(*both, strict=True):
        assert_near(actual, expected)
