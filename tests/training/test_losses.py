"""The loss against scikit-learn's and torch's; blended epochs and targets."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest
from sklearn.metrics import log_loss

from mne_eegmamba.training.losses import blend, cross_entropy, soft_targets
from tests.tolerances import assert_near


def make(n, n_classes, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(n, n_classes, generator=generator, dtype=torch.float64)
    labels = torch.randint(n_classes, (n,), generator=generator)
    weights = torch.rand(n, generator=generator, dtype=torch.float64) + 0.1
    return (3 * logits).to(dtype).requires_grad_(), labels, weights


def weighted(logits, labels, weights, smoothing=0.0):
    targets = soft_targets(labels, weights, logits.shape[1], smoothing)
    return cross_entropy(logits, targets)


@settings(deadline=None, max_examples=30)
@given(n=st.integers(1, 20), n_classes=st.integers(2, 5), seed=st.integers(0, 99))
def test_is_log_loss_of_scikit_learn(n, n_classes, seed):
    logits, labels, weights = make(n, n_classes, seed)
    got = weighted(logits, labels, weights).item()
    probabilities = logits.detach().softmax(-1).numpy()
    probabilities /= probabilities.sum(-1, keepdims=True)
    want = log_loss(
        labels.numpy(),
        probabilities,
        sample_weight=weights.numpy(),
        labels=np.arange(n_classes),
    )
    # theirs divides by the sum of the weights, ours by the size of the batch
    assert got == pytest.approx(want * weights.mean().item(), rel=1e-10)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_equal_weights_give_torchs_cross_entropy(smoothing):
    logits, labels, weights = make(12, 4)
    got = weighted(logits, labels, 0 * weights + 1, smoothing)
    want = F.cross_entropy(logits, labels, label_smoothing=smoothing)
    assert_near(got, want)
    assert_near(
        torch.autograd.grad(got, logits)[0], torch.autograd.grad(want, logits)[0]
    )


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_soft_targets_are_smoothed_labels(smoothing):
    logits, labels, weights = make(12, 4)
    targets = soft_targets(labels, weights, 4, smoothing)
    assert targets.dtype == torch.float64
    losses = F.cross_entropy(
        logits, labels, label_smoothing=smoothing, reduction="none"
    )
    assert_near(cross_entropy(logits, targets), (weights * losses).mean())


def test_class_weights_are_torchs():
    logits, labels, _ = make(12, 4)
    by_class = torch.tensor([0.5, 2.0, 1.0, 3.0], dtype=torch.float64)
    weights = by_class[labels]
    got = weighted(logits, labels, weights)
    # theirs divides by the sum of the weights, ours by the size of the batch
    want = F.cross_entropy(logits, labels, weight=by_class) * weights.mean()
    assert_near(got, want)


def test_blended_targets_are_torchs_probabilities():
    logits, labels, weights = make(12, 4)
    targets = soft_targets(labels, 0 * weights + 1, 4)
    _, targets = blend(torch.zeros(12, 1, 1), targets, 0.4)
    assert_near(cross_entropy(logits, targets), F.cross_entropy(logits, targets))


def test_targets_have_the_weights_as_sums():
    _, labels, weights = make(12, 4)
    for smoothing in (0.0, 0.3):
        targets = soft_targets(labels, weights, 4, smoothing)
        assert_near(targets.sum(1), weights)
        assert torch.equal(targets.argmax(1), labels)


def test_weight_two_is_given_twice():
    logits, labels, weights = make(3, 4)
    weights = torch.tensor([1.0, 2.0, 1.0], dtype=torch.float64)
    index = torch.tensor([0, 1, 1, 2])
    once = 3 * weighted(logits, labels, weights)
    twice = 4 * weighted(logits[index], labels[index], torch.ones(4))
    assert_near(twice, once)


@pytest.mark.parametrize(
    ("dtype", "out"),
    [
        (torch.bfloat16, torch.float32),
        (torch.float16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_dtypes(dtype, out):
    logits, labels, weights = make(12, 4, dtype=dtype)
    loss = weighted(logits, labels, weights)
    assert loss.dtype == out
    assert_near(loss, weighted(logits.detach().double(), labels, weights))
    loss.backward()
    assert logits.grad.dtype == dtype


def test_gradcheck():
    logits, labels, weights = make(5, 3)
    assert torch.autograd.gradcheck(lambda x: weighted(x, labels, weights, 0.1), logits)


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


@pytest.mark.parametrize("n_classes", [1, 2, 7])
def test_sure_targets_are_torchs_one_hot(n_classes):
    labels = torch.arange(9) % n_classes
    targets = soft_targets(labels, torch.ones(9), n_classes)
    assert torch.equal(targets, F.one_hot(labels, n_classes).double())


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
