"""Shifted epochs; blended epochs and targets."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.stats import kstest

from mne_eegmamba.training.augmentation import blend, shift_in_time
from tests.tolerances import assert_near


def test_shift_moves_whole_epochs_and_holds_their_ends():
    x = torch.arange(200.0).repeat(500, 2, 1) + 1000 * torch.arange(2.0)[:, None]
    got = shift_in_time(x, 0.02, 200)
    by = got[:, 0, 100] - 100
    assert sorted(set(by.tolist())) == list(range(-4, 5))
    expected = (torch.arange(200) + by[:, None]).clamp(0, 199)
    assert torch.equal(got[:, 0], expected)
    assert torch.equal(got[:, 1], expected + 1000)


@pytest.mark.parametrize("share", [0, 0.02])
def test_nothing_is_shifted_by_less_than_a_sample(share):
    x = torch.randn(3, 2, 40)
    assert shift_in_time(x, share, 40) is x


def test_padding_stays_behind_the_epoch():
    x = torch.arange(1.0, 51.0).repeat(100, 1, 1)
    padded = F.pad(x, (0, 239))
    moved = []
    for given in (x, padded):
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(0)
            moved.append(shift_in_time(given, 0.1, 50))
    assert torch.equal(moved[1], F.pad(moved[0], (0, 239)))
    assert (moved[0] != x).any()


def test_gradient_goes_through_a_shift():
    x = torch.randn(3, 2, 100, requires_grad=True)
    shift_in_time(x, 0.1, 100).sum().backward()
    assert_near(x.grad.sum(-1), torch.full((3, 2), 100.0))


def blended(n, concentration, seed=0):
    """Blend epochs that are unit vectors, so that the shares can be read off."""
    x = torch.eye(n).unsqueeze(1)
    targets = torch.eye(n, dtype=torch.float64)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        x, targets = blend(x, targets, concentration)
    return x / x.sum(-1, keepdim=True), targets


def test_blend_is_a_convex_combination_of_two():
    x, targets = blended(50, 1.0)
    shares = x[:, 0]
    assert torch.all(shares >= 0)
    assert_near(shares.sum(1), torch.ones(50))
    assert ((shares > 0).sum(1) <= 2).all()
    assert (shares.diagonal() >= 0.5).all()
    assert (shares.diagonal() < 1).any()
    assert_near(targets, shares.double(), dtype=torch.float32)


def test_each_epoch_is_the_other_of_one():
    x, _ = blended(50, 1.0)
    others = x[:, 0].clone().fill_diagonal_(0)
    assert ((others > 0).sum(0) <= 1).all()


def test_shares_have_the_folded_beta_distribution():
    x, _ = blended(2000, 0.4)
    own = x[:, 0].diagonal()
    own = own[own < 1].numpy()  # an epoch that met itself is whole
    generator = np.random.default_rng(0)
    beta = generator.beta(0.4, 0.4, 20_000)
    assert kstest(own, np.maximum(beta, 1 - beta)).pvalue > 1e-3


@pytest.mark.parametrize("concentration", [1e-3, 0.4, 1.0, 50.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_blended_epochs_and_targets_fit_together(concentration, dtype):
    generator = torch.Generator().manual_seed(0)
    classes = torch.randint(3, (40,), generator=generator)
    signals = torch.randn(3, 2, 5, generator=generator, dtype=dtype)
    targets = F.one_hot(classes, 3).double()
    before = signals[classes].clone()
    x, blended_targets = blend(before, targets, concentration)
    assert x.dtype == dtype
    assert blended_targets.dtype == torch.float64
    # epochs of a class are all alike here, so the targets tell what x is like:
    want = torch.einsum("nk,kct->nct", blended_targets, signals.double()).flatten(1)
    alike = F.cosine_similarity(x.double().flatten(1), want)
    assert_near(alike, torch.ones(40), dtype=torch.float32)
    assert_near(blended_targets.sum(1), torch.ones(40), dtype=torch.float32)
    assert (blended_targets[torch.arange(40), classes] >= 0.5).all()
    assert torch.equal(before, signals[classes])


def test_blend_of_a_single_epoch():
    x, targets = torch.randn(1, 2, 5), torch.tensor([[0.2, 0.8]])
    got = blend(x, targets, 1.0)
    assert_near(got[0], x)
    assert_near(got[1], targets)


def test_blended_noise_keeps_its_power():
    noise = torch.randn(200, 2, 5000, generator=torch.Generator().manual_seed(0))
    x, _ = blend(noise, torch.zeros(200, 2), 1.0)
    power = x.square().mean((1, 2))
    assert (power - 1).abs().max() < 0.1  # of 10,000 samples


def test_no_concentration_blends_nothing():
    x, targets = torch.randn(3, 2, 5), torch.rand(3, 2)
    assert blend(x, targets, 0) == (x, targets)


def test_blend_repeats_with_torchs_seed():
    first, second, other = (blended(20, 1.0, seed)[0] for seed in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_every_device_gets_the_same_draws():
    states = []
    for device in ("cpu", "meta"):
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(0)
            x = torch.zeros(5, 2, 300, device=device)
            out, _ = blend(x, torch.zeros(5, 3, device=device), 0.4)
            states.append(torch.get_rng_state())
        assert out.device.type == device
    assert torch.equal(*states)
