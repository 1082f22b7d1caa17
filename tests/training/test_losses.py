"""The loss against scikit-learn's and torch's; blended epochs and targets."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss

from mne_eegmamba.training.augmentation import blend
from mne_eegmamba.training.losses import cross_entropy, soft_targets
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


@pytest.mark.parametrize("n_classes", [1, 2, 7])
def test_sure_targets_are_torchs_one_hot(n_classes):
    labels = torch.arange(9) % n_classes
    targets = soft_targets(labels, torch.ones(9), n_classes)
    assert torch.equal(targets, F.one_hot(labels, n_classes).double())
