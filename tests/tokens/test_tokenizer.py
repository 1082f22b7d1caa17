"""How many tokens there are, and what is the shortest signal."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mne_eegmamba.models import EEGMambaConfig
from mne_eegmamba.tokens.spatial import SpatialConv
from mne_eegmamba.tokens.tokenizer import MIN_TIMES, Tokenizer, n_tokens


def config(**options):
    return EEGMambaConfig(n_channels={"a": 2}, n_classes={"a": 2}, d_model=8, **options)


@pytest.fixture(scope="module")
def small():
    """Give a narrow tokenizer and a spatial convolution of two channels."""
    return Tokenizer(config()).eval(), SpatialConv(2, 8)


@pytest.mark.parametrize(
    ("seconds", "tokens"), [(3, 73), (4, 104), (30, 917), (60, 1854)]
)
def test_tokens_of_the_paper_at_200_hz(small, seconds, tokens):
    tokenizer, spatial = small
    n_times = 200 * seconds
    assert n_tokens(n_times) == tokens
    with torch.no_grad():
        assert tokenizer(torch.zeros(1, 2, n_times), spatial).shape == (1, tokens, 8)


@settings(deadline=None, max_examples=30)
@given(n_times=st.integers(MIN_TIMES, 900))
def test_n_tokens_agrees_with_the_module(n_times):
    tokenizer, spatial = Tokenizer(config()).eval(), SpatialConv(2, 8)
    with torch.no_grad():
        tokens = tokenizer(torch.zeros(1, 2, n_times), spatial)
    assert tokens.shape[1] == n_tokens(n_times)


def test_shortest_signal(small):
    tokenizer, spatial = small
    with torch.no_grad():
        wide = tokenizer.wide(torch.zeros(1, 2, MIN_TIMES), spatial)
        assert wide.shape[-1] == 1
        with pytest.raises(RuntimeError, match=r"[Ss]ize|too small"):
            tokenizer(torch.zeros(1, 2, MIN_TIMES - 1), spatial)


def test_small_path_comes_first(small):
    tokenizer, spatial = small
    x = torch.randn(2, 2, 400, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        tokens = tokenizer(x, spatial)
        paths = [path(x, spatial) for path in (tokenizer.small, tokenizer.wide)]
    assert torch.equal(tokens, torch.cat([p.transpose(1, 2) for p in paths], dim=1))


@pytest.mark.parametrize(
    ("norm", "kind"),
    [
        (None, torch.nn.Identity),
        ("batch", torch.nn.BatchNorm1d),
        ("group", torch.nn.GroupNorm),
    ],
)
def test_norms(norm, kind):
    tokenizer, spatial = Tokenizer(config(tokenizer_norm=norm)), SpatialConv(2, 8)
    x = torch.randn(3, 2, 400, generator=torch.Generator().manual_seed(0))
    norms = [*tokenizer.small.norms, *tokenizer.wide.norms]
    assert len(norms) == 6
    assert all(isinstance(n, kind) for n in norms)
    seen = []
    for module in norms:
        module.register_forward_hook(lambda _, inputs, out: seen.append(out))
    tokenizer.train()(x, spatial)
    assert len(seen) == 6
    if norm == "batch":
        means = torch.stack([out.mean((0, 2)) for out in seen])
        assert means.abs().max() < 1e-5
    if norm == "group":
        widths = torch.stack([out.std((0, 2), correction=0) for out in seen])
        assert (widths > 0.1).all()


def test_dropout_only_in_training():
    tokenizer, spatial = Tokenizer(config(dropout=0.5)), SpatialConv(2, 8)
    x = torch.randn(2, 2, 400, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert not torch.equal(tokenizer(x, spatial), tokenizer(x, spatial))
        tokenizer.eval()
        assert torch.equal(tokenizer(x, spatial), tokenizer(x, spatial))
