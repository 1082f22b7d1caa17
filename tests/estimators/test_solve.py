"""Solutions of the waveform heads: scikit-learn's, no surer than others bear out."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GroupKFold, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from mne_eegmamba import EEGMambaClassifier
from mne_eegmamba.estimators import _solve
from mne_eegmamba.estimators._solve import STRENGTHS, solve, whitening


def data(n=120, n_classes=2, signal=1.0, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % n_classes
    means = rng.standard_normal((n_classes, 6))
    features = 3 * (signal * means[labels] + rng.standard_normal((n, 6))) + 7
    return features, labels


def regression(strength):
    return make_pipeline(StandardScaler(), LogisticRegression(C=strength))


def guesses(solution, X):
    weight, bias = solution
    return softmax(X @ weight.T + bias, axis=1)


def people(n_features):
    """Give noise around a mean of each of 12 people, who have one class each."""
    rng = np.random.default_rng(0)
    groups = np.arange(120) // 10
    X = 5 * rng.standard_normal((12, n_features))[groups]
    return X + rng.standard_normal(X.shape), groups % 2, groups


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("grouped", [False, True])
def test_solution_is_the_best_regression(n_classes, grouped):
    X, y = data(n_classes=n_classes, signal=0.5)
    groups = np.arange(len(y)) // 10 if grouped else None
    cv = GroupKFold(5) if grouped else StratifiedKFold(5)
    losses = []
    for strength in STRENGTHS:  # standardised as a whole, as there
        model, normed = (
            LogisticRegression(C=strength),
            StandardScaler().fit_transform(X),
        )
        proba = cross_val_predict(
            model, normed, y, groups=groups, cv=cv, method="predict_proba"
        )
        losses.append(log_loss(y, proba))
    best = regression(STRENGTHS[np.argmin(losses)]).fit(X, y)
    got = solve(X, y, np.ones(len(y)), groups, n_classes)
    np.testing.assert_allclose(guesses(got, X), best.predict_proba(X), atol=1e-3)


def test_of_noise_it_says_next_to_nothing():
    X, y = data(signal=0)
    assert np.ptp(guesses(solve(X, y, np.ones(len(y)), None, 2), X)) < 0.2


def test_epochs_without_weight_are_not_there():
    X, y = data()
    weights = (np.arange(len(y)) % 3 > 0).astype(float)
    few = solve(X[weights > 0], y[weights > 0], weights[weights > 0], None, 2)
    got = solve(X, y, weights, None, 2)
    for mine, other in zip(got, few, strict=True):
        np.testing.assert_array_equal(mine, other)
    assert solve(X, y, (y == 1).astype(float), None, 2) is None


def test_what_parts_the_classes_is_said():
    X, y = data(signal=10)
    found = guesses(solve(X, y, np.ones(len(y)), None, 2), X)
    assert found[np.arange(len(y)), y].min() > 0.95


def test_of_what_tells_people_apart_it_says_next_to_nothing():
    X, y, groups = people(40)
    found = guesses(solve(X, y, np.ones(120), None, 2), X)
    assert found[np.arange(120), y].mean() > 0.7
    assert np.ptp(guesses(solve(X, y, np.ones(120), groups, 2), X)) < 0.2


def test_weights_count():
    X, y = data(signal=0.5)
    heavy = solve(X, y, np.where(y == 1, 5.0, 1.0), None, 2)
    even = solve(X, y, np.ones(len(y)), None, 2)
    shares = [guesses(solution, X)[:, 1].mean() for solution in (heavy, even)]
    assert shares[0] > 0.7 > 0.6 > shares[1]


@pytest.mark.parametrize("value", [0.0, 4.1])
def test_a_constant_feature_has_no_weight(value):
    X, y = data()
    X[:, 2] = np.float32(value) * (1 + 1e-7 * (np.arange(len(y)) % 2))
    weight, _ = solve(X, y, np.ones(len(y)), None, 2)
    assert not weight[:, 2].any()
    assert weight[:, 0].any()


@pytest.mark.parametrize(
    ("labels", "groups"),
    [
        ([0, 1], None),
        ([0, 0, 1, 1], ["p", "p", "q", "q"]),
        ([1, 1, 1, 1], None),
    ],
    ids=["one epoch each", "a class each", "one class"],
)
def test_where_nothing_can_be_held_out_there_is_no_solution(labels, groups):
    X = np.random.default_rng(0).standard_normal((len(labels), 6))
    groups = None if groups is None else np.array(groups)
    assert solve(X, np.array(labels), np.ones(len(labels)), groups, 2) is None


def test_one_epoch_of_a_class_spoils_nothing():
    X, y = data(signal=10)
    X, y = np.r_[X, X.max(0, keepdims=True) + 9], np.r_[y, 2]
    found = guesses(solve(X, y, np.ones(len(y)), None, 3), X)
    assert found[np.arange(120), y[:120]].min() > 0.9


def test_a_class_of_no_weight_is_next_to_impossible():
    X, y = data(n_classes=3)
    weights = (y != 1).astype(float)
    got = guesses(solve(X, y, weights, None, 3), X)
    two = solve(X[y != 1], y[y != 1] // 2, weights[y != 1], None, 2)
    assert got[:, 1].max() < 1 / (weights.sum() + 1)
    np.testing.assert_allclose(
        got[:, [0, 2]] / got[:, [0, 2]].sum(1, keepdims=True), guesses(two, X)
    )


def test_one_group_is_as_none():
    X, y = data()
    known, none = (
        solve(X, y, np.ones(len(y)), groups, 2) for groups in (np.zeros(len(y)), None)
    )
    for mine, other in zip(known, none, strict=True):
        np.testing.assert_array_equal(mine, other)


def test_same_bits_with_any_number_of_threads():
    rng = np.random.default_rng(0)  # so large that BLAS shares sums among threads
    y = np.arange(3000) % 3
    X = rng.standard_normal((3000, 192)) + 0.05 * y[:, None]
    found = []
    for n_threads in (1, 2):
        with threadpool_limits(n_threads):
            found.append(solve(X, y, np.ones(len(y)), None, 3))
    for mine, other in zip(*found, strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize(
    ("budget", "n_read", "mass"),  # for the means, the covariance and the contrast
    [(2 * 76 * 10, [23, 30, 10], 23), (2 * 2 * 28, [1, 28, 1], 0)],
)
def test_budget_limits_what_is_read(monkeypatch, budget, n_read, mass):
    seen = []
    plain = _solve.run

    def spy(function, module, batches, *rest):
        seen.append(len(batches.dataset))
        return plain(function, module, batches, *rest)

    monkeypatch.setattr(_solve, "run", spy)
    monkeypatch.setattr(_solve, "BUDGET", budget)
    X = np.random.default_rng(0).standard_normal((30, 2, 300))
    clf = EEGMambaClassifier(d_model=8, n_layers=1, max_epochs=1, verbose=False)
    head = clf.fit(X, np.arange(30) % 2).net_.module_.waveform_heads["task_task"]
    assert seen == n_read
    assert head.mass == mass


def test_whitened_channels_are_uncorrelated():
    rng = np.random.default_rng(0)
    x = np.cumsum(rng.standard_normal((5, 1000)), axis=0)
    cov = x @ x.T
    cov /= np.trace(cov) / 5
    mixing = whitening(cov)
    np.testing.assert_allclose(mixing, mixing.T, atol=1e-12)
    shrunk = 0.9 * cov + 0.1 * np.eye(5)
    np.testing.assert_allclose(mixing @ shrunk @ mixing, np.eye(5), atol=1e-10)
    np.testing.assert_allclose(whitening(np.eye(5)), np.eye(5), atol=1e-12)


def test_what_a_reference_took_away_is_not_blown_up():
    reference = np.eye(5) - 1 / 5
    mixing = whitening(reference * 5 / 4)
    assert np.linalg.norm(mixing, 2) <= 0.1**-0.5 + 1e-12
    assert np.isfinite(whitening(np.zeros((3, 3)))).all()
