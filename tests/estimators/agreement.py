"""Whether two estimators say the same."""

import numpy as np


def assert_same(one, other, X):
    """Compare probabilities, of each task where there are several, to the bit."""
    np.testing.assert_equal(one.predict_proba(X), other.predict_proba(X))


def assert_differ(one, other, X):
    """Look for a probability that is another."""
    one, other = (_parts(clf.predict_proba(X)) for clf in (one, other))
    assert one.keys() == other.keys()
    assert not all(np.array_equal(one[name], other[name]) for name in one)


def _parts(proba):
    return proba if isinstance(proba, dict) else {"all": proba}
