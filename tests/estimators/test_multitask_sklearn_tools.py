"""scikit-learn's own tools around the multi-task estimator."""

import pickle

import numpy as np
import pytest
import sklearn
from sklearn.base import clone, is_classifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    get_scorer,
    recall_score,
    roc_auc_score,
)
from sklearn.model_selection import (
    GridSearchCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from mne_eegmamba import MultiTaskEEGMamba, TaskGroupKFold
from tests.estimators.conftest import make_tasks


@pytest.fixture(scope="module")
def fitted_flat(flat):
    return make_tasks().fit(flat)


@pytest.fixture(scope="module")
def one_array(arrays):
    task = np.array(["p", "q"] * 9)
    return arrays[0]["b"], np.arange(18) // 2 % 3, task


def test_scorers_on_the_flat_form(fitted_flat, flat):
    predicted, proba = fitted_flat.predict(flat), fitted_flat.predict_proba(flat)
    for name, expected in {
        "accuracy": accuracy_score(flat.y, predicted),
        "balanced_accuracy": balanced_accuracy_score(flat.y, predicted),
        "roc_auc_ovr": roc_auc_score(
            flat.y, proba, multi_class="ovr", labels=fitted_flat.classes_
        ),
    }.items():
        assert get_scorer(name)(fitted_flat, flat, flat.y) == expected
    assert get_scorer("accuracy")(fitted_flat, flat, flat.y) == np.mean(
        predicted == flat.y
    )


@pytest.mark.parametrize("form", ["dict", "flat"])
def test_score_takes_weights(fitted_tasks, fitted_flat, arrays, flat, form):
    weight = np.linspace(0, 2, 36)
    clf, X, y, weights = fitted_flat, flat, None, weight
    if form == "dict":
        (X, y), clf = arrays, fitted_tasks
        weights = {"a": weight[:18], "b": weight[18:]}
    labels = clf.predict(flat)
    truth = flat.y
    each = [
        balanced_accuracy_score(
            truth[flat.task == t],
            labels[flat.task == t],
            sample_weight=weight[flat.task == t],
        )
        for t in flat.tasks
    ]
    assert clf.score(X, y, sample_weight=weights) == pytest.approx(np.mean(each))


def test_score_leaves_classes_of_no_weight_out(fitted_tasks, arrays):
    X, y = arrays
    weights = {task: (part != part[0]).astype(float) for task, part in y.items()}
    kept = {task: weight > 0 for task, weight in weights.items()}
    few = (
        {k: X[k][at] for k, at in kept.items()},
        {k: y[k][at] for k, at in kept.items()},
    )
    want = fitted_tasks.score(*few)
    assert fitted_tasks.score(X, y, sample_weight=weights) == pytest.approx(want)


def test_score_of_some_classes_only(fitted_flat, flat):
    view = flat[flat.y != "b/z"]
    found = fitted_flat.predict(view)
    each = [
        recall_score(view.y[mine], found[mine], labels=labels, average="macro")
        for mine, labels in (
            (view.task == "a", ["a/0", "a/1"]),
            (view.task == "b", ["b/x", "b/y"]),
        )
    ]
    assert fitted_flat.score(view) == pytest.approx(np.mean(each))


def test_the_classes_are_learned(flat):
    clf = make_tasks(max_epochs=12, dropout=0.0, mixup=0.0, n_experts=2, spectrum=False)
    scores = cross_val_score(
        clf, flat, flat.y, groups=flat.groups, cv=TaskGroupKFold(2)
    )
    # Classes of a differ in offset; of b, only y does: 1/2 to 1, and 1/3 to 2/3.
    assert scores.min() > 0.75


def test_several_scorers(flat):
    found = cross_validate(
        make_tasks(),
        flat,
        flat.y,
        groups=flat.groups,
        cv=TaskGroupKFold(3),
        scoring=["accuracy", "balanced_accuracy", "roc_auc_ovr", "f1_macro"],
        error_score="raise",
    )
    assert all(np.isfinite(values).all() for values in found.values())


def test_workers_give_the_same_bits(flat):
    kwargs = {"groups": flat.groups, "cv": TaskGroupKFold(2), "method": "predict_proba"}
    # Without y: for probabilities, scikit-learn would turn y into numbers.
    one, two = (
        cross_val_predict(make_tasks(), flat, n_jobs=n, **kwargs) for n in (1, 2)
    )
    assert one.shape == (36, 5)
    np.testing.assert_array_equal(one, two)


def test_grid_search_refits_on_everything(flat):
    grid = {"lr": [1e-3, 3e-3], "pooling": ["mean"], "n_experts": [2]}
    search = GridSearchCV(
        make_tasks(), grid, cv=TaskGroupKFold(2), error_score="raise"
    ).fit(flat, flat.y, groups=flat.groups)
    best = search.best_estimator_
    assert (best.pooling, best.n_experts) == ("mean", 2)
    assert search.classes_.tolist() == best.classes_.tolist()
    np.testing.assert_array_equal(
        search.predict_proba(flat), clone(best).fit(flat).predict_proba(flat)
    )
    assert search.score(flat, flat.y) == best.score(flat)


def test_pipeline(fitted_flat, flat):
    pipe = Pipeline([("same", FunctionTransformer()), ("clf", make_tasks())])
    pipe.fit(flat, flat.y)
    np.testing.assert_array_equal(
        pipe.predict_proba(flat), fitted_flat.predict_proba(flat)
    )
    pipe.set_params(clf__max_epochs=2).fit(flat, flat.y, clf__groups=flat.groups)
    assert len(pipe["clf"].history_) == 2
    assert pipe.score(flat, flat.y) == pipe["clf"].score(flat)


def test_pipeline_of_embeddings(flat):
    pipe = make_pipeline(make_tasks(), LogisticRegression()).fit(flat, flat.y)
    assert set(pipe.predict(flat)) <= set(flat.y)
    assert pipe[:-1].get_feature_names_out()[3] == "multitaskeegmamba3"


def test_pipeline_of_embeddings_routes_the_task(one_array):
    X, y, task = one_array
    with sklearn.config_context(enable_metadata_routing=True):
        clf = make_tasks().set_fit_request(task=True).set_transform_request(task=True)
        pipe = make_pipeline(clf, LogisticRegression()).fit(X, y, task=task)
        assert pipe.predict(X, task=task).shape == (18,)


def test_clone_forgets_what_was_learned(fitted_tasks, arrays):
    copy = clone(fitted_tasks)
    assert not [name for name in vars(copy) if name.endswith("_")]
    assert copy.get_params() == fitted_tasks.get_params()


@pytest.mark.parametrize("form", ["dict", "flat", "array"])
def test_pickle_goes_on_as_the_original(arrays, flat, one_array, form):
    data, task = {"dict": arrays, "flat": (flat, None)}.get(form, one_array[:2]), {}
    if form == "array":
        task = {"task": one_array[2]}
    clf = make_tasks().fit(*data, **task)
    copy = pickle.loads(pickle.dumps(clf))
    for each in (copy, clf):
        each.partial_fit(*data, **task)
    one, other = (each.predict_proba(data[0], **task) for each in (copy, clf))
    for name in one if form == "dict" else [slice(None)]:
        np.testing.assert_array_equal(one[name], other[name])


def test_pickle_holds_no_training_data(arrays):
    X, y = arrays
    sizes = [
        len(pickle.dumps(make_tasks(validation=0.25).fit(data, y)))
        for data in (X, {name: np.tile(part, 4) for name, part in X.items()})
    ]
    assert abs(sizes[1] - sizes[0]) < 2000


def test_task_is_routed_fold_by_fold(one_array, monkeypatch):
    X, y, task = one_array
    seen = []
    plain = MultiTaskEEGMamba.fit

    def spy(self, X, y=None, *, task=None, sample_weight=None, groups=None):
        seen.append(task)
        return plain(self, X, y, task=task)

    with sklearn.config_context(enable_metadata_routing=True):
        clf = make_tasks().set_fit_request(task=True).set_score_request(task=True)
        monkeypatch.setattr(MultiTaskEEGMamba, "fit", spy)
        found = cross_validate(
            clf,
            X,
            y,
            cv=3,
            params={"task": task},
            return_indices=True,
            return_estimator=True,
            error_score="raise",
        )
    for given, train, test, fitted, score in zip(
        seen,
        found["indices"]["train"],
        found["indices"]["test"],
        found["estimator"],
        found["test_score"],
        strict=True,
    ):
        np.testing.assert_array_equal(given, task[train])
        assert score == fitted.score(X[test], y[test], task=task[test])


def test_groups_are_routed_to_the_folds(flat):
    plain = cross_val_score(
        make_tasks(), flat, flat.y, groups=flat.groups, cv=TaskGroupKFold(3)
    )
    with sklearn.config_context(enable_metadata_routing=True):
        routed = cross_val_score(
            make_tasks().set_fit_request(groups=True),
            flat,
            flat.y,
            cv=TaskGroupKFold(3),
            params={"groups": flat.groups},
            error_score="raise",
        )
    np.testing.assert_array_equal(plain, routed)


def test_tags():
    tags = sklearn.utils.get_tags(make_tasks())
    assert is_classifier(make_tasks())
    assert tags.input_tags.three_d_array
    assert tags.input_tags.two_d_array
    assert tags.classifier_tags.multi_class
    assert not tags.non_deterministic
