"""Statistics of paired differences, over folds and over subjects."""

import numpy as np
from scipy.stats import t as student
from scipy.stats import wilcoxon


def corrected_t_test(differences, test_over_train, confidence=0.95):
    """Test the mean of differences over folds, whose training parts overlap.

    Parameters
    ----------
    differences : array-like, shape (n_folds,)
        Score of one candidate minus that of another, on the same folds.
    test_over_train : float
        Epochs for testing over epochs for training, by which the variance is corrected.
    confidence : float, default=0.95
        Of the interval.

    Returns
    -------
    mean, low, high, p : float
        Mean difference, its interval, and the two-sided p-value; NaN where there are
        fewer than two folds.

    References
    ----------
    Nadeau and Bengio, "Inference for the generalization error", Machine Learning 52,
    2003.

    Examples
    --------
    >>> from mne_eegmamba.evaluation.paired import corrected_t_test
    >>> mean, low, high, p = corrected_t_test([0.1, 0.2, 0.1, 0.0, 0.1], 0.25)
    >>> f"{mean:.2f} [{low:.2f}, {high:.2f}], p = {p:.3f}"
    '0.10 [-0.03, 0.23], p = 0.103'
    """
    differences = np.asarray(differences, dtype=float)
    n = len(differences)
    mean = float(differences.mean()) if n else np.nan
    if n < 2:
        return mean, np.nan, np.nan, np.nan
    error = np.sqrt((1 / n + test_over_train) * differences.var(ddof=1))
    reach = float(student.ppf((1 + confidence) / 2, n - 1) * error)
    if error == 0:
        return mean, mean, mean, float(mean == 0)
    p = float(2 * student.sf(abs(mean) / error, n - 1))
    return mean, mean - reach, mean + reach, p


def signed_rank_test(differences):
    """Test differences over subjects with Wilcoxon's signed-rank test.

    Parameters
    ----------
    differences : array-like, shape (n_subjects,)
        Score of one candidate minus that of another, for the same subjects.

    Returns
    -------
    p : float
        Two-sided; 1 where all differences are zero, NaN below two subjects.

    Examples
    --------
    >>> from mne_eegmamba.evaluation.paired import signed_rank_test
    >>> signed_rank_test([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    0.03125
    """
    # Ranks, and so ties, must not hang on the last bit of a mean.
    differences = np.asarray(differences, dtype=float).round(12)
    if len(differences) < 2:
        return np.nan
    return float(wilcoxon(differences).pvalue) if differences.any() else 1.0


def holm(p_values):
    """Correct p-values for their number (Holm's step-down method).

    Parameters
    ----------
    p_values : array-like, shape (n_tests,)
        NaN does not count as a test.

    Returns
    -------
    corrected : ndarray, shape (n_tests,)
        At most 1, in the same order.

    Examples
    --------
    >>> from mne_eegmamba.evaluation.paired import holm
    >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    p_values = np.asarray(p_values, dtype=float)
    corrected = np.full(p_values.shape, np.nan)
    tests = np.flatnonzero(~np.isnan(p_values))
    order = tests[np.argsort(p_values[tests], kind="stable")]
    factors = len(order) - np.arange(len(order))
    corrected[order] = np.minimum(np.maximum.accumulate(p_values[order] * factors), 1)
    return corrected
