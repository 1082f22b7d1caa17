"""score_table against values worked out by hand."""

import math

import numpy as np
import pytest

from mne_eegmamba.evaluation import score_table


def _one_hot(predicted, classes):
    """Probabilities that are certain of the predicted labels."""
    return (np.asarray(predicted)[:, None] == np.asarray(classes)).astype(float)


def test_two_classes_by_hand():
    """Five epochs, three of class a; one of each class is wrong."""
    y_true = ["a", "a", "a", "b", "b"]
    proba_b = np.array([0.1, 0.3, 0.6, 0.4, 0.9])
    scores = score_table(y_true, np.column_stack([1 - proba_b, proba_b]), ["a", "b"])
    assert scores == pytest.approx(
        {
            "accuracy": 3 / 5,
            "balanced_accuracy": (2 / 3 + 1 / 2) / 2,
            # Pairs (b above a): 0.4 beats 0.1 and 0.3, 0.9 beats all three.
            "auroc": 5 / 6,
            "macro_f1": (2 / 3 + 1 / 2) / 2,
            "weighted_f1": (3 * 2 / 3 + 2 * 1 / 2) / 5,
            "majority_rate": 3 / 5,
            "n_epochs": 5,
        }
    )


def test_three_classes_by_hand():
    """The area is the plain mean of three one-vs-rest areas."""
    y_true = np.array([0, 0, 1, 2])
    proba = np.array(
        [[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.3, 0.4, 0.3], [0.1, 0.1, 0.8]]
    )
    scores = score_table(y_true, proba, [0, 1, 2])
    # Class 0: 0.6 beats both, 0.2 beats one of two. Class 1: 0.4 beats 0.3 and 0.1.
    assert scores["auroc"] == pytest.approx((3 / 4 + 2 / 3 + 1) / 3)
    assert scores["accuracy"] == pytest.approx(3 / 4)
    assert scores["balanced_accuracy"] == pytest.approx((1 / 2 + 1 + 1) / 3)
    assert scores["macro_f1"] == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)


def test_always_the_majority_class():
    """Accuracy reaches the majority rate, the other scores show that it is empty."""
    y_true = ["rest"] * 8 + ["seizure"] * 2
    proba = np.tile([0.8, 0.2], (10, 1))
    scores = score_table(y_true, proba, ["rest", "seizure"])
    assert scores["accuracy"] == scores["majority_rate"] == pytest.approx(0.8)
    assert scores["balanced_accuracy"] == pytest.approx(0.5)
    assert scores["auroc"] == pytest.approx(0.5)
    assert scores["macro_f1"] == pytest.approx(8 / 9 / 2)


def test_column_order_is_that_of_classes():
    """Permuting classes and columns together changes nothing."""
    rng = np.random.default_rng(0)
    y_true = rng.choice(["a", "b", "c"], 40)
    proba = rng.dirichlet(np.ones(3), 40)
    order = [2, 0, 1]
    expected = score_table(y_true, proba, np.array(["a", "b", "c"]))
    permuted = score_table(y_true, proba[:, order], np.array(["a", "b", "c"])[order])
    assert permuted == pytest.approx(expected)


def test_classes_absent_from_the_truth():
    """No warning, no area; recall is averaged over the classes that occur."""
    classes = ["a", "b", "c"]
    scores = score_table(["a", "a", "b"], _one_hot(["a", "c", "b"], classes), classes)
    assert math.isnan(scores["auroc"])
    assert scores["balanced_accuracy"] == pytest.approx((1 / 2 + 1) / 2)
    one_class = score_table(["a", "a"], _one_hot(["a", "b"], ["a", "b"]), ["a", "b"])
    assert math.isnan(one_class["auroc"])


def test_float32_rows_that_sum_to_one_roughly():
    """Probabilities as a network gives them are accepted with three classes."""
    proba = np.eye(3, dtype=np.float32) * np.float32(1.001)
    assert score_table([0, 1, 2], proba, [0, 1, 2])["auroc"] == 1.0


@pytest.mark.parametrize(
    ("y_true", "proba", "classes", "message"),
    [
        ([0, 1], np.ones((2, 3)), [0, 1], r"\(2, 2\).*Got shape \(2, 3\)"),
        ([0, 1], np.ones(2), [0, 1], r"Got shape \(2,\)"),
        ([], np.ones((0, 2)), [0, 1], "at least one epoch"),
        ([0, 5], np.ones((2, 2)), [0, 1], r"Got \[5\]"),
        ([0, 1], np.full((2, 2), np.nan), [0, 1], "Got 4 NaN"),
        ([0, 0], np.ones((2, 1)), [0], "at least two different"),
        ([0, 0], np.ones((2, 2)), [0, 0], "at least two different"),
    ],
)
def test_refuses_what_does_not_fit(y_true, proba, classes, message):
    """Each error says what came."""
    with pytest.raises(ValueError, match=message):
        score_table(y_true, proba, classes)
