"""The composed convolution against the two convolutions, and the whole tokenizer."""

import functools

import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
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


def literal_path(x, path, norm, stride, pool, window):
    """Write one path of Fig. 3 as torch calls; ``x`` is already spatially filtered."""
    x = F.conv1d(x, path.conv1.weight, path.conv1.bias, stride=stride)
    x = pool(F.gelu(norm(x)), window, 2)
    x = F.gelu(norm(F.conv1d(x, path.conv2.weight, path.conv2.bias)))
    x = F.gelu(norm(F.conv1d(x, path.conv3.weight, path.conv3.bias)))
    return pool(x, window, 2)


POOLS = {"average": F.avg_pool1d, "max": F.max_pool1d}
NORMS = {
    None: lambda x: x,
    "batch": lambda x: F.batch_norm(x, None, None, training=True),
    "group": lambda x: F.group_norm(x, 1),
}


@settings(deadline=None, max_examples=20)
@given(
    n_channels=st.integers(1, 6),
    n_times=st.integers(289, 500),
    pool=st.sampled_from(sorted(POOLS)),
    norm=st.sampled_from([None, None, "batch", "group"]),
    seed=st.integers(0, 99),
)
@example(n_channels=3, n_times=300, pool="average", norm=None, seed=0)
@example(n_channels=3, n_times=300, pool="max", norm=None, seed=0)
@example(n_channels=3, n_times=300, pool="max", norm="batch", seed=0)
@example(n_channels=3, n_times=300, pool="average", norm="group", seed=0)
def test_tokenizer_is_the_literal_pipeline(n_channels, n_times, pool, norm, seed):
    config = EEGMambaConfig(
        {"a": n_channels},
        {"a": 2},
        d_model=6,
        dropout=0.0,
        tokenizer_pool=pool,
        tokenizer_norm=norm,
    )
    tokenizer = Tokenizer(config).double()
    spatial = SpatialConv(n_channels, 6).double()
    x = normal(torch.Generator().manual_seed(seed), 2, n_channels, n_times)
    assert [tuple(p.conv1.weight.shape) for p in (tokenizer.small, tokenizer.wide)] == [
        (6, 6, 15),
        (6, 6, 49),
    ]
    filtered = F.conv1d(x, spatial.weight, spatial.bias, padding=1)
    literal = functools.partial(
        literal_path, filtered, norm=NORMS[norm], pool=POOLS[pool]
    )
    paths = [
        literal(tokenizer.small, stride=2, window=7),
        literal(tokenizer.wide, stride=8, window=3),
    ]
    want = torch.cat(paths, dim=-1).transpose(1, 2)
    got = tokenizer(x, "a", spatial)
    assert_near(got, want)
    convolutions = [m for m in tokenizer.modules() if isinstance(m, torch.nn.Conv1d)]
    assert len(convolutions) == 6
    wanted = [x, *spatial.parameters()]
    wanted += [p for module in convolutions for p in module.parameters()]
    ramp = torch.linspace(-1, 2, want.numel(), dtype=torch.float64).view(want.shape)
    both = [torch.autograd.grad((y * ramp).sum(), wanted) for y in (got, want)]
    for actual, expected in zip(*both, strict=True):
        assert_near(actual, expected)
