"""Paired statistics against closed forms and scipy's plain tests."""

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from mne_eegmamba.evaluation.paired import corrected_t_test, holm, signed_rank_test


def test_without_correction_it_is_the_usual_t_test(rng):
    differences = rng.normal(0.3, 1, 7)
    mean, low, high, p = corrected_t_test(differences, 0, confidence=0.9)
    expected = ttest_1samp(differences, 0)
    interval = expected.confidence_interval(0.9)
    assert mean == pytest.approx(differences.mean())
    assert p == pytest.approx(expected.pvalue)
    assert (low, high) == pytest.approx((interval.low, interval.high))


def test_correction_by_hand():
    # Variance 2 of three folds: t = 2 / sqrt((1/3 + 1/2) * 1).
    differences = [1.0, 2.0, 3.0]
    _, low, high, p = corrected_t_test(differences, 0.5)
    error = np.sqrt(5 / 6)
    assert (high - low) / 2 == pytest.approx(4.302653 * error, rel=1e-6)
    # Two degrees of freedom have a closed form.
    t = 2 / error
    assert p == pytest.approx(1 - t / np.sqrt(2 + t**2))


@pytest.mark.parametrize("ratio", [0.1, 0.25, 1.0])
def test_correction_makes_it_more_careful(ratio, rng):
    differences = rng.normal(0.3, 1, 5)
    plain, corrected = (corrected_t_test(differences, r) for r in (0, ratio))
    assert corrected[0] == plain[0]
    assert corrected[3] > plain[3]
    assert corrected[2] - corrected[1] > plain[2] - plain[1]


def test_sign_and_constant_differences():
    up, down = (corrected_t_test(sign * np.array([1, 2, 4.0]), 0.2) for sign in (1, -1))
    assert down[:3] == pytest.approx((-up[0], -up[2], -up[1]))
    assert down[3] == up[3]
    assert corrected_t_test([0, 0, 0], 0.2) == (0, 0, 0, 1)
    assert corrected_t_test([1, 1], 0.2) == (1, 1, 1, 0)


def test_too_few():
    assert corrected_t_test([0.5], 0.2)[0] == 0.5
    assert np.isnan(corrected_t_test([0.5], 0.2)[1:]).all()
    assert np.isnan(corrected_t_test([], 0.2)).all()
    assert np.isnan(signed_rank_test([0.5]))


def test_signed_ranks_by_counting():
    # All of one sign: one of the 2 ** n assignments on each side.
    assert signed_rank_test([0.1, 0.2, 0.3, 0.4, 0.5]) == pytest.approx(2 / 2**5)
    assert signed_rank_test([-0.1, -0.2, -0.3, -0.4]) == pytest.approx(2 / 2**4)
    assert signed_rank_test([0, 0, 0]) == 1
    assert signed_rank_test([0.1, -0.1, 0.1, -0.1]) == 1


def test_signed_ranks_take_ties_and_zeros_of_real_scores():
    differences = np.array([0.1, 0.3, 0.1 + 1e-16, 0.0, -0.1, 0.2, 0.0, 0.4])
    p = signed_rank_test(differences)
    assert 0 < p < 1
    assert p == signed_rank_test(-differences)


def test_holm():
    assert holm([0.04, 0.01, 0.03, 0.5]) == pytest.approx([0.09, 0.04, 0.09, 0.5])
    assert holm([0.9, 0.8]) == pytest.approx([1, 1])
    found = holm([0.01, np.nan, 0.02])
    assert np.isnan(found[1])
    assert found[[0, 2]] == pytest.approx([0.02, 0.02])
