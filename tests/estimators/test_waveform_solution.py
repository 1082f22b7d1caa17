"""Solutions of the waveform heads: scikit-learn's, and as sure as others bear out."""

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
from mne_eegmamba.estimators import _waveform
from mne_eegmamba.estimators._waveform import STRENGTHS, solve


def data(n=120, n_classes=2, signal=1.0, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % n_classes
    means = rng.standard_normal((n_classes, 6))
    features = 3 * (signal * means[labels] + rng.standard_normal((n, 6))) + 7
    return features, labels


def regression(strength):
    return make_pipeline(StandardScaler(), LogisticRegression(C=strength))


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
    found = softmax(X @ got.weight.T + got.bias, axis=1)
    np.testing.assert_allclose(found, best.predict_proba(X), atol=1e-3)
    assert got.trust == pytest.approx(1 - min(losses) / np.log(n_classes), abs=1e-3)
    assert 0.1 < got.trust < 0.9


def test_noise_is_not_trusted():
    X, y = data(signal=0)
    got = solve(X, y, np.ones(len(y)), None, 2)
    assert got.trust < 0.05
    assert np.ptp(softmax(X @ got.weight.T + got.bias, axis=1)) < 0.2


def test_epochs_without_weight_are_not_there():
    X, y = data()
    weights = (np.arange(len(y)) % 3 > 0).astype(float)
    few = solve(X[weights > 0], y[weights > 0], weights[weights > 0], None, 2)
    got = solve(X, y, weights, None, 2)
    np.testing.assert_array_equal(got.weight, few.weight)
    assert got.trust == few.trust
    assert solve(X, y, (y == 1).astype(float), None, 2) is None


def test_what_parts_the_classes_is_trusted():
    X, y = data(signal=10)
    assert solve(X, y, np.ones(len(y)), None, 2).trust > 0.95


def test_what_tells_people_apart_is_not_trusted_on_others():
    rng = np.random.default_rng(0)
    groups = np.arange(120) // 10
    y = groups % 2  # each person has one class, and a mean of their own
    X = 5 * rng.standard_normal((12, 40))[groups] + rng.standard_normal((120, 40))
    assert solve(X, y, np.ones(120), None, 2).trust > 0.3
    assert solve(X, y, np.ones(120), groups, 2).trust < 0.1


def test_weights_count():
    X, y = data(signal=0.5)
    heavy = solve(X, y, np.where(y == 1, 5.0, 1.0), None, 2)
    even = solve(X, y, np.ones(len(y)), None, 2)
    shares = [
        softmax(X @ s.weight.T + s.bias, axis=1)[:, 1].mean() for s in (heavy, even)
    ]
    assert shares[0] > 0.7 > 0.6 > shares[1]


@pytest.mark.parametrize("value", [0.0, 4.1])
def test_a_constant_feature_has_no_weight(value):
    X, y = data()
    X[:, 2] = np.float32(value) * (1 + 1e-7 * (np.arange(len(y)) % 2))
    got = solve(X, y, np.ones(len(y)), None, 2)
    assert not got.weight[:, 2].any()
    assert got.weight[:, 0].any()


@pytest.mark.parametrize(
    ("labels", "groups"),
    [
        ([0, 1, 1, 1], None),
        ([0, 0, 1, 1], ["p", "p", "q", "q"]),
        ([1, 1, 1, 1], None),
    ],
    ids=["one epoch", "a class each", "one class"],
)
def test_where_nothing_can_be_held_out_there_is_no_solution(labels, groups):
    X = np.random.default_rng(0).standard_normal((4, 6))
    groups = None if groups is None else np.array(groups)
    assert solve(X, np.array(labels), np.ones(4), groups, 2) is None


def test_people_of_one_class_alone_prove_nothing():
    X, y = data(signal=0)
    groups = np.r_[np.zeros(60), np.ones(60)]  # the second has one class
    y[60:] = 0
    assert solve(X, y, np.ones(120), groups, 2).trust < 0.05


def test_one_group_is_as_none():
    X, y = data()
    known, none = (
        solve(X, y, np.ones(len(y)), groups, 2) for groups in (np.zeros(len(y)), None)
    )
    np.testing.assert_array_equal(known.weight, none.weight)
    assert known.trust == none.trust


def test_same_bits_with_any_number_of_threads():
    X, y = data(n=2000, signal=0.1)
    found = []
    for n_threads in (1, 2):
        with threadpool_limits(n_threads):
            found.append(solve(X, y, np.ones(len(y)), None, 2))
    np.testing.assert_array_equal(found[0].weight, found[1].weight)
    assert found[0].trust == found[1].trust


def test_budget_limits_what_is_read(monkeypatch):
    seen = []
    plain = _waveform.run

    def spy(function, module, batches, *rest):
        seen.append(len(batches.dataset))
        return plain(function, module, batches, *rest)

    monkeypatch.setattr(_waveform, "run", spy)
    monkeypatch.setattr(_waveform, "BUDGET", 2 * 32 * 20)
    X = np.random.default_rng(0).standard_normal((30, 2, 300))
    clf = EEGMambaClassifier(d_model=8, n_layers=1, max_epochs=1, verbose=False)
    head = clf.fit(X, np.arange(30) % 2).net_.module_.waveform_heads["task_task"]
    assert seen == [20]
    assert head.mass == 20
