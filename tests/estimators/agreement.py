"""Whether two estimators say the same."""

import numpy as np


def assert_same(one, other, X):
    """Compare probabilities, to the bit."""
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))


def assert_differ(one, other, X):
    """Look for a probability that is another."""
    assert not np.array_equal(one.predict_proba(X), other.predict_proba(X))
