"""MultiTaskEEGMamba: each kind of input, and its own kind of output."""

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline

from mne_eegmamba import (
    EEGMambaClassifier,
    TaskGroupKFold,
)
from tests.estimators.conftest import TINY
from tests.estimators.conftest import make_tasks as make


def test_dict_in_dict_out(fitted_tasks, arrays):
    X, _ = arrays
    proba, labels = fitted_tasks.predict_proba(X), fitted_tasks.predict(X)
    assert fitted_tasks.classes_.tolist() == ["a/0", "a/1", "b/x", "b/y", "b/z"]
    assert fitted_tasks.task_classes_["a"].tolist() == [0, 1]
    assert proba["a"].shape == (18, 2)
    assert proba["b"].shape == (18, 3)
    assert labels["a"].dtype == int
    scores, embedding = fitted_tasks.decision_function(X), fitted_tasks.transform(X)
    assert scores["a"].shape == (18,)
    assert embedding["b"].shape == (18, 16)
    for task in X:
        np.testing.assert_allclose(proba[task].sum(1), 1, rtol=1e-6)
        winners = fitted_tasks.task_classes_[task][proba[task].argmax(1)]
        np.testing.assert_array_equal(labels[task], winners)
    np.testing.assert_array_equal(scores["a"] > 0, labels["a"] == 1)


def test_some_tasks_may_be_left_out(fitted_tasks, arrays):
    X, _ = arrays
    part = fitted_tasks.predict_proba({"b": X["b"]})
    assert list(part) == ["b"]
    np.testing.assert_array_equal(part["b"], fitted_tasks.predict_proba(X)["b"])


def test_flat_holds_the_same_probabilities(fitted_tasks, arrays, flat):
    order = np.random.default_rng(0).permutation(36)
    view = flat[order]
    found, each = (
        fitted_tasks.predict_proba(view),
        fitted_tasks.predict_proba(arrays[0]),
    )
    whole = np.zeros((36, 5), np.float32)
    whole[:18, :2], whole[18:, 2:] = each["a"], each["b"]
    np.testing.assert_array_equal(found, whole[order])
    assert fitted_tasks.predict(view)[0].split("/")[0] == view.task[0]
    scores = fitted_tasks.decision_function(view)
    assert (scores[found == 0] == np.finfo(np.float32).min).all()
    assert fitted_tasks.transform(view).shape == (36, 16)


def test_flat_fit_is_the_dict_fit(arrays, flat):
    X, y = arrays
    texts = {task: labels.astype(str) for task, labels in y.items()}
    want = make().fit(X, texts).predict_proba(flat)
    for labels in (None, flat.y):
        np.testing.assert_array_equal(
            make().fit(flat, labels).predict_proba(flat), want
        )


def test_order_of_tasks_does_not_matter(fitted_tasks, arrays):
    X, y = arrays
    other = make().fit(dict(reversed(X.items())), y).predict_proba(X)
    for task, proba in fitted_tasks.predict_proba(X).items():
        np.testing.assert_array_equal(other[task], proba)


def test_epochs_name_their_labels(epochs):
    data = {"hand": epochs, "half": epochs.copy().pick(["C3", "C4"])}
    clf = make().fit(data)
    assert clf.classes_.tolist() == [
        *("half/left", "half/right", "hand/left", "hand/right")
    ]
    assert clf.tasks_["half"].ch_names == ("C3", "C4")
    assert clf.tasks_["hand"].sfreq == 160.0
    shuffled = epochs.copy().reorder_channels(["Pz", "C4", "Cz", "C3"])
    got = clf.predict_proba({"hand": shuffled})["hand"]
    np.testing.assert_array_equal(got, clf.predict_proba(data)["hand"])
    assert 0 <= clf.score(data) <= 1


def test_one_array_with_a_task_per_epoch(arrays):
    X = arrays[0]["b"]
    task, y = np.array(["p", "q"] * 9), np.arange(18) // 2 % 3 + 7
    clf = make().fit(X, y, task=task)
    assert clf.classes_.tolist() == [7, 8, 9]
    labels, proba = clf.predict(X, task=task), clf.predict_proba(X, task=task)
    np.testing.assert_array_equal(clf.classes_[proba.argmax(1)], labels)
    by_task = clf.predict_proba({"p": X[::2], "q": X[1::2]})
    np.testing.assert_array_equal(proba[::2], by_task["p"])
    np.testing.assert_array_equal(proba[1::2], by_task["q"])
    with pytest.raises(ValueError, match=r"X names no task.*\['p', 'q'\].*task="):
        clf.predict(X)
    assert clf.transform(X, task=task).shape == (18, 16)


def test_task_goes_through_metadata_routing(arrays):
    X, task, y = arrays[0]["b"], np.array(["p", "q"] * 9), np.arange(18) // 2 % 2
    with sklearn.config_context(enable_metadata_routing=True):
        clf = make().set_fit_request(task=True).set_score_request(task=True)
        found = cross_validate(clf, X, y, cv=3, params={"task": task})
    assert np.isfinite(found["test_score"]).all()


def test_one_plain_array_is_one_task(arrays):
    X, y = arrays[0]["b"], arrays[1]["b"]
    clf = make().fit(X, y)
    assert clf.predict(X).tolist() == clf.predict({"task": X})["task"].tolist()
    assert clf.classes_.tolist() == ["x", "y", "z"]
    assert clf.n_features_in_ == 3
    assert clf.score(X, y) == balanced_accuracy_score(y, clf.predict(X))


def test_score_is_the_mean_of_balanced_accuracies(fitted_tasks, arrays, flat):
    X, y = arrays
    labels = fitted_tasks.predict(X)
    want = np.mean([balanced_accuracy_score(y[t], labels[t]) for t in X])
    assert fitted_tasks.score(X, y) == pytest.approx(want)
    texts = make().fit(flat)
    found = texts.predict(flat)
    parts = [
        balanced_accuracy_score(flat.y[flat.task == t], found[flat.task == t])
        for t in flat.tasks
    ]
    assert (
        texts.score(flat) == texts.score(flat, flat.y) == pytest.approx(np.mean(parts))
    )


def test_scikit_learn_tools(flat):
    cv = TaskGroupKFold(3)
    options = {"groups": flat.groups, "cv": cv}
    alone = cross_val_score(make(), flat, flat.y, **options)
    spread = cross_val_score(make(), flat, flat.y, n_jobs=2, **options)
    np.testing.assert_array_equal(alone, spread)
    for scoring in ("accuracy", "roc_auc_ovr", "balanced_accuracy"):
        found = cross_val_score(make(), flat, flat.y, scoring=scoring, **options)
        assert np.isfinite(found).all()
    grid = {"multitaskeegmamba__n_experts": [2, 3]}
    search = GridSearchCV(make_pipeline(make()), grid, cv=cv)
    search.fit(flat, flat.y, groups=flat.groups)
    assert search.predict(flat).shape == (36,)


def test_same_seed_same_bits_and_global_state_untouched(fitted_tasks, arrays):
    import torch

    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    again = clone(fitted_tasks).fit(*arrays).predict_proba(arrays[0])
    other = make(random_state=1).fit(*arrays).predict_proba(arrays[0])
    for task, proba in fitted_tasks.predict_proba(arrays[0]).items():
        np.testing.assert_array_equal(again[task], proba)
        assert not np.array_equal(other[task], proba)
    assert torch.equal(before[0], torch.get_rng_state())
    np.testing.assert_array_equal(before[1], np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize(
    "options",
    [
        {"bidirectional": False},
        {"n_experts": 0},
        {"task_gate": False},
        {"universal_expert": False, "top_k": 1},
        {"task_gate": False, "universal_expert": False},
        {"moe_residual": False, "balance_statistics": "batch"},
        {"task_types": {"a": "same", "b": "same"}},
        {"tokenizer_norm": "batch", "pooling": "mean"},
    ],
)
def test_ablations_change_the_network(fitted_tasks, arrays, options):
    X, y = arrays
    clf = make(**options).fit(X, y)
    proba = clf.predict_proba(X)["a"]
    assert np.isfinite(proba).all()
    assert not np.array_equal(proba, fitted_tasks.predict_proba(X)["a"])


@pytest.mark.parametrize("sampling", ["dynamic", "uniform", "sequential"])
def test_sampling_reaches_the_iterator(arrays, sampling):
    net = make(sampling=sampling).fit(*arrays).net_
    assert net.get_iterator(None, training=True).sampling == sampling


def test_usage_of_experts(fitted_tasks, arrays):
    usage = fitted_tasks.expert_usage(arrays[0])
    assert usage.shape == (2, 3)
    assert usage.index.tolist() == ["a", "b"]
    np.testing.assert_allclose(usage.sum(axis=1), 1, rtol=1e-5)
    assert fitted_tasks.expert_usage(arrays[0], layer=0).equals(usage)
    with pytest.raises(ValueError, match="layer must be one of the 1 mixtures"):
        fitted_tasks.expert_usage(arrays[0], layer=1)
    with pytest.raises(ValueError, match="one of the 0 mixtures"):
        make(n_experts=0).fit(*arrays).expert_usage(arrays[0])


def test_history(arrays):
    clf = make(max_epochs=2, validation=0.3).fit(*arrays)
    assert {
        *("train_loss", "valid_loss", "balance_loss", "router_z_loss", "lr"),
        *("train_accuracy/a", "valid_accuracy/b", "seconds", "waiting"),
    } <= set(clf.history_)
    assert clf.history_.shape[0] == 2
    assert np.isfinite(clf.history_.to_numpy(dtype=float)).all()
    assert clf.history_["waiting"].between(0, 1).all()


def test_classifier_and_multitask_differ_in_experts_only(arrays):
    X, y = arrays[0]["a"], arrays[1]["a"]
    one = EEGMambaClassifier(**{**TINY, "max_epochs": 1}).fit(X, y)
    same = make(n_experts=0).fit(X, y)
    np.testing.assert_array_equal(one.predict_proba(X), same.predict_proba(X))
