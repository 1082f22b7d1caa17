"""scikit-learn's own tools around the estimator."""

import pickle

import mne
import numpy as np
import pytest
import sklearn
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer


@pytest.fixture
def labels(epochs):
    return epochs.events[:, 2], epochs.metadata["subject"].to_numpy()


def test_cross_val_score_on_epochs_with_groups(make, epochs, labels):
    y, groups = labels
    clf = make(max_epochs=1)
    scores = cross_val_score(clf, epochs, y, groups=groups, cv=GroupKFold(5))
    assert scores.shape == (5,)
    assert np.isfinite(scores).all()
    assert not hasattr(clf, "net_")
    X = epochs.get_data(copy=True)
    np.testing.assert_array_equal(
        scores, cross_val_score(clf, X, y, groups=groups, cv=GroupKFold(5))
    )


def test_the_classes_are_learned(make, epochs, labels):
    y, groups = labels
    clf = make(max_epochs=12, dropout=0.0)
    scores = cross_val_score(clf, epochs, y, groups=groups, cv=GroupKFold(2))
    assert scores.min() > 0.9  # the rhythm stands 3 to 1 above the noise


def test_cross_validation_on_epochs_from_disk(make, epochs, labels, tmp_path):
    bare, (y, groups) = epochs.copy(), labels
    bare.metadata = None
    bare.save(tmp_path / "bare-epo.fif", fmt="double", verbose="error")
    lazy = mne.read_epochs(tmp_path / "bare-epo.fif", preload=False, verbose="error")
    kwargs = {"cv": GroupKFold(3), "groups": groups}
    clf = make(max_epochs=1)
    scores = cross_val_score(clf, lazy, y, **kwargs)
    assert not lazy.preload
    np.testing.assert_array_equal(
        scores, cross_val_score(clf, lazy.copy().load_data(), y, **kwargs)
    )


def test_several_scorers(make, numbers):
    found = cross_validate(
        make(max_epochs=1),
        *numbers,
        cv=3,
        scoring=["balanced_accuracy", "f1_macro", "roc_auc_ovr", "neg_log_loss"],
        error_score="raise",
    )
    assert all(np.isfinite(values).all() for values in found.values())


@pytest.mark.parametrize("on_epochs", [False, True])
def test_grid_search(make, epochs, labels, on_epochs):
    y, groups = labels
    X = epochs if on_epochs else epochs.get_data(copy=True)
    search = GridSearchCV(
        make(max_epochs=1),
        {"lr": [1e-3, 3e-3], "pooling": ["mean"]},
        cv=GroupKFold(2),
        error_score="raise",
    )
    search.fit(X, y, groups=groups)
    assert search.best_estimator_.pooling == "mean"
    assert search.predict(X).shape == (48,)
    assert len(search.cv_results_["params"]) == 2
    expected = clone(search.best_estimator_).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(search.predict_proba(X), expected)


def test_pipeline(make, fitted, numbers):
    X, y = numbers
    pipe = Pipeline([("same", FunctionTransformer()), ("clf", make())])
    pipe.fit(X, y)
    np.testing.assert_array_equal(pipe.predict_proba(X), fitted.predict_proba(X))
    pipe.set_params(clf__max_epochs=1).fit(X, y, clf__sample_weight=np.ones(30))
    assert len(pipe["clf"].history_) == 1
    assert pipe.score(X, y) == np.mean(pipe.predict(X) == y)


def test_pipeline_of_embeddings(make, epochs, labels):
    y, _ = labels
    pipe = make_pipeline(make(max_epochs=1), LogisticRegression())
    pipe.fit(epochs, y)
    assert pipe.predict(epochs).shape == (48,)
    names = pipe[:-1].get_feature_names_out()
    assert names.tolist() == [f"eegmambaclassifier{i}" for i in range(16)]


def test_clone_forgets_what_was_learned(fitted, numbers):
    copy = clone(fitted)
    assert not [name for name in vars(copy) if name.endswith("_")]
    assert copy.get_params() == fitted.get_params()
    np.testing.assert_array_equal(
        copy.fit(*numbers).predict_proba(numbers[0]), fitted.predict_proba(numbers[0])
    )


def test_clone_keeps_what_it_is_given(make):
    weights, splitter = {0: 1.0, 1: 2.0}, StratifiedKFold(3)
    copy = clone(make(class_weight=weights, validation=splitter, callbacks=[]))
    assert copy.class_weight == weights
    assert copy.validation.n_splits == 3
    assert copy.callbacks == []


@pytest.mark.parametrize(
    "parameters",
    [{}, {"tokenizer_pool": "max"}, {"validation": 0.3, "early_stopping": 2}],
)
def test_pickle(make, numbers, parameters):
    X, y = numbers
    clf = make(**parameters).fit(X, y)
    first = pickle.loads(pickle.dumps(clf))
    expected = clf.predict_proba(X)
    np.testing.assert_array_equal(first.predict_proba(X), expected)
    second = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(second.predict_proba(X), expected)
    assert second.get_params() == clf.get_params()
    np.testing.assert_array_equal(
        clone(second).fit(X, y).predict_proba(X), clf.fit(X, y).predict_proba(X)
    )


def test_a_pickle_holds_the_optimizer_once(make, numbers):
    sizes = [
        len(pickle.dumps(make(schedule=schedule).fit(*numbers)))
        for schedule in ("cosine", "constant")
    ]
    assert sizes[0] < 1.05 * sizes[1]


def test_pickle_goes_on_as_the_original(make, numbers):
    X, y = numbers
    clf = make().fit(X, y)
    copy = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(
        copy.partial_fit(X, y).predict_proba(X), clf.partial_fit(X, y).predict_proba(X)
    )


def test_pickle_holds_no_training_data(make, epochs):
    long = epochs.get_data(copy=True)
    clf = make(max_epochs=1, validation=0.25)
    sizes = [
        len(pickle.dumps(clone(clf).fit(X, epochs.events[:, 2])))
        for X in (long, np.tile(long, (1, 1, 4)))
    ]
    assert abs(sizes[1] - sizes[0]) < 2000


def test_pickle_of_an_unfitted_estimator(make, fitted, numbers):
    clf = pickle.loads(pickle.dumps(make())).fit(*numbers)
    np.testing.assert_array_equal(
        clf.predict_proba(numbers[0]), fitted.predict_proba(numbers[0])
    )


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_workers_give_the_same_bits(make, epochs, labels, dropout):
    y, groups = labels
    clf = make(max_epochs=1, dropout=dropout)
    kwargs = {"cv": GroupKFold(2), "groups": groups, "method": "predict_proba"}
    np.testing.assert_array_equal(
        cross_val_predict(clf, epochs, y, n_jobs=2, **kwargs),
        cross_val_predict(clf, epochs, y, n_jobs=1, **kwargs),
    )


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
@pytest.mark.parametrize("ensemble", [False, True])
def test_calibration(make, numbers, method, ensemble):
    X, y = numbers
    clf = CalibratedClassifierCV(make(max_epochs=1), method=method, ensemble=ensemble)
    proba = clf.set_params(cv=3).fit(X, y).predict_proba(X)
    assert proba.shape == (30, 3)
    np.testing.assert_allclose(proba.sum(1), 1)


def test_calibration_on_epochs(make, epochs, labels):
    clf = CalibratedClassifierCV(make(max_epochs=1), cv=2).fit(epochs, labels[0])
    assert clf.predict_proba(epochs).shape == (48, 2)


def test_metadata_routing(make, epochs, labels, monkeypatch):
    y, groups = labels
    weights = np.linspace(0.5, 1.5, 48)
    seen = []

    def spy(self, X, y=None, *, sample_weight=None, groups=None):
        seen.append((sample_weight, groups))
        return plain(self, X, y, sample_weight=sample_weight, groups=groups)

    clf = make(max_epochs=1, validation=0.4)
    plain = type(clf).fit
    with sklearn.config_context(enable_metadata_routing=True):
        clf = clf.set_fit_request(sample_weight=True, groups=True)
        clf = clf.set_score_request(sample_weight=True)
        monkeypatch.setattr(type(clf), "fit", spy)
        found = cross_validate(
            clf,
            epochs,
            y,
            cv=GroupKFold(2),
            params={"sample_weight": weights, "groups": groups},
            return_indices=True,
            error_score="raise",
        )
        search = GridSearchCV(
            clf, {"lr": [1e-3]}, cv=GroupKFold(2), error_score="raise"
        )
        search.fit(epochs, y, sample_weight=weights, groups=groups)
    assert len(seen) == 5
    folds = [*found["indices"]["train"]] * 2 + [np.arange(48)]
    for (weight, group), rows in zip(seen, folds, strict=True):
        np.testing.assert_array_equal(weight, weights[rows])
        np.testing.assert_array_equal(group, groups[rows])


def test_routing_of_partial_fit(make, numbers):
    X, y = numbers
    with sklearn.config_context(enable_metadata_routing=True):
        clf = make().set_partial_fit_request(sample_weight=True, classes=True)
        assert clf.partial_fit(X, y, sample_weight=np.ones(30)).score(X, y) >= 0


def test_tags(make):
    clf = make()
    tags = sklearn.utils.get_tags(clf)
    assert is_classifier(clf)
    assert tags.input_tags.three_d_array
    assert tags.input_tags.two_d_array
    assert not tags.input_tags.sparse
    assert not tags.input_tags.allow_nan
    assert tags.classifier_tags.multi_class
    assert not tags.non_deterministic
