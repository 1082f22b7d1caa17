"""How many tokens there are, and what is the shortest signal."""

import copy

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from mne_eegmamba.models import EEGMambaConfig
from mne_eegmamba.tokens.spatial import PADDING, SpatialConv
from mne_eegmamba.tokens.tokenizer import (
    MIN_TIMES,
    Tokenizer,
    n_tokens,
    token_centers,
)


def config(tasks=("a",), **options):
    sizes = dict.fromkeys(tasks, 2)
    return EEGMambaConfig(n_channels=sizes, n_classes=sizes, d_model=8, **options)


def signals(offset=0.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(3, 2, 400, generator=generator) + offset


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
        assert tokenizer(torch.zeros(1, 2, n_times), "a", spatial).shape == (
            1,
            tokens,
            8,
        )


@settings(deadline=None, max_examples=30)
@given(n_times=st.integers(MIN_TIMES, 900))
def test_n_tokens_agrees_with_the_module(n_times):
    tokenizer, spatial = Tokenizer(config()).eval(), SpatialConv(2, 8)
    with torch.no_grad():
        tokens = tokenizer(torch.zeros(1, 2, n_times), "a", spatial)
    assert tokens.shape[1] == n_tokens(n_times)


def test_shortest_signal(small):
    tokenizer, spatial = small
    with torch.no_grad():
        wide = tokenizer.wide(torch.zeros(1, MIN_TIMES + 2 * PADDING, 2), "a", spatial)
        assert wide.shape[1] == 1
        with pytest.raises(ValueError, match="at least 3 samples, those of a window"):
            tokenizer(torch.zeros(1, 2, MIN_TIMES - 1), "a", spatial)


def test_small_path_comes_first(small):
    tokenizer, spatial = small
    x = signals()
    with torch.no_grad():
        tokens = tokenizer(x, "a", spatial)
        last = F.pad(x, (PADDING, PADDING)).transpose(1, 2)
        paths = [path(last, "a", spatial) for path in (tokenizer.small, tokenizer.wide)]
    assert torch.equal(tokens, torch.cat(paths, dim=1))


@pytest.mark.parametrize("norm", [None, "batch", "group"])
def test_where_the_norms_stand(norm):
    tokenizer, spatial = Tokenizer(config(tokenizer_norm=norm)), SpatialConv(2, 8)
    norms = [*tokenizer.small.norms, *tokenizer.wide.norms]
    seen = []
    for module in norms:
        module.register_forward_hook(lambda _, inputs, out: seen.append(out))
    tokenizer.train()(signals(), "a", spatial)
    assert len(norms) == len(seen) == 6
    if norm == "batch":
        means = torch.stack([out.mean((0, 1)) for out in seen])
        assert means.abs().max() < 1e-5
    if norm == "group":
        means = torch.stack([out.mean((1, 2)) for out in seen])
        # 8 channels in 8 groups: each channel of each epoch has mean 0
        assert means.abs().max() < 1e-5
    if norm is None:
        assert not any(True for module in norms for _ in module.parameters())


def test_batch_norms_of_tasks_do_not_mix():
    options = {"tokenizer_norm": "batch", "dropout": 0.0}
    tokenizer, spatial = Tokenizer(config(("a", "b"), **options)), SpatialConv(2, 8)
    alone = copy.deepcopy(tokenizer)
    for _ in range(3):
        tokenizer.train()(signals(), "a", spatial)
        tokenizer(10 * signals(5.0), "b", spatial)
        alone.train()(signals(), "a", spatial)
    with torch.no_grad():
        got = tokenizer.eval()(signals(seed=1), "a", spatial)
        assert torch.equal(got, alone.eval()(signals(seed=1), "a", spatial))
        assert not torch.equal(got, tokenizer(signals(seed=1), "b", spatial))
    for module in (*alone.small.norms, *alone.wide.norms):
        assert (module["task_a"].num_batches_tracked == 3).all()
        assert not module["task_b"].num_batches_tracked
        assert torch.equal(module["task_b"].running_mean, torch.zeros(8))
        assert torch.equal(module["task_b"].running_var, torch.ones(8))


def test_batch_norm_learns_from_its_own_task_only():
    tokenizer = Tokenizer(config(("a", "b"), tokenizer_norm="batch"))
    tokenizer(signals(), "b", SpatialConv(2, 8)).square().sum().backward()
    for module in (*tokenizer.small.norms, *tokenizer.wide.norms):
        assert all(p.grad.any() for p in module["task_b"].parameters())
        assert all(p.grad is None for p in module["task_a"].parameters())


@pytest.mark.parametrize("norm", [None, "group"])
def test_tasks_share_all_else(norm):
    tokenizer = Tokenizer(config(("a", "b"), tokenizer_norm=norm)).eval()
    spatial = SpatialConv(2, 8)
    first, second = (tokenizer(signals(), task, spatial) for task in "ab")
    assert torch.equal(first, second)


def test_dropout_only_in_training():
    tokenizer, spatial = Tokenizer(config(dropout=0.5)), SpatialConv(2, 8)
    x = signals()
    with torch.no_grad():
        assert not torch.equal(tokenizer(x, "a", spatial), tokenizer(x, "a", spatial))
        tokenizer.eval()
        assert torch.equal(tokenizer(x, "a", spatial), tokenizer(x, "a", spatial))


@pytest.mark.parametrize("n_times", [MIN_TIMES, 600])
def test_centers_are_the_middle_of_what_a_token_sees(n_times):
    """What a token sees is what its gradient reaches; at the ends it is cut off."""
    tokenizer, spatial = Tokenizer(config()).eval(), SpatialConv(2, 8)
    x = torch.randn(1, 2, n_times, requires_grad=True)
    tokens = tokenizer(x, "a", spatial)[0].sum(1)
    centers = [center for path in token_centers(n_times) for center in path]
    assert len(tokens) == len(centers) == n_tokens(n_times)
    for token, center in zip(tokens, centers, strict=True):
        (grad,) = torch.autograd.grad(token, x, retain_graph=True)
        seen = grad[0].abs().sum(0).nonzero()
        first, last = int(seen.min()), int(seen.max())
        if first > 0 and last < n_times - 1:
            assert (first + last) / 2 == center
        else:
            assert first < center < last
