"""The loss against scikit-learn's and torch's."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss

from mne_eegmamba.training.losses import weighted_cross_entropy
from tests.tolerances import assert_near


def make(n, n_classes, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(n, n_classes, generator=generator, dtype=torch.float64)
    labels = torch.randint(n_classes, (n,), generator=generator)
    weights = torch.rand(n, generator=generator, dtype=torch.float64) + 0.1
    return (3 * logits).to(dtype).requires_grad_(), labels, weights


@settings(deadline=None, max_examples=30)
@given(n=st.integers(1, 20), n_classes=st.integers(2, 5), seed=st.integers(0, 99))
def test_is_log_loss_of_scikit_learn(n, n_classes, seed):
    logits, labels, weights = make(n, n_classes, seed)
    got = weighted_cross_entropy(logits, labels, weights).item()
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
    got = weighted_cross_entropy(logits, labels, 0 * weights + 1, smoothing)
    want = F.cross_entropy(logits, labels, label_smoothing=smoothing)
    assert_near(got, want)
    assert_near(
        torch.autograd.grad(got, logits)[0], torch.autograd.grad(want, logits)[0]
    )


def test_smoothing_spreads_the_target():
    logits, labels, weights = make(12, 4)
    target = 0.8 * F.one_hot(labels, 4).double() + 0.2 / 4
    losses = -(target * logits.log_softmax(-1)).sum(-1)
    got = weighted_cross_entropy(logits, labels, weights, label_smoothing=0.2)
    assert_near(got, (losses * weights).mean())


def test_weight_two_is_given_twice():
    logits, labels, weights = make(3, 4)
    weights = torch.tensor([1.0, 2.0, 1.0], dtype=torch.float64)
    index = torch.tensor([0, 1, 1, 2])
    once = 3 * weighted_cross_entropy(logits, labels, weights)
    twice = 4 * weighted_cross_entropy(logits[index], labels[index], torch.ones(4))
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
    loss = weighted_cross_entropy(logits, labels, weights)
    assert loss.dtype == out
    exact = weighted_cross_entropy(logits.detach().double(), labels, weights)
    assert_near(loss, exact)
    loss.backward()
    assert logits.grad.dtype == dtype


def test_gradcheck():
    logits, labels, weights = make(5, 3)
    assert torch.autograd.gradcheck(
        lambda x: weighted_cross_entropy(x, labels, weights, 0.1), logits
    )
