"""The table of cross-validated scores against scikit-learn's own."""

import numpy as np
import pytest
import torch
from joblib import parallel_config
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import accuracy_score, balanced_accuracy_score
from sklearn.pipeline import make_pipeline
from skorch.callbacks import Callback

from mne_eegmamba import (
    EEGMambaClassifier,
    MultiTaskEEGMamba,
    MultiTaskEpochs,
    TaskGroupKFold,
)
from mne_eegmamba.evaluation import evaluate


class Nearest(ClassifierMixin, BaseEstimator):
    """Take the class whose mean epoch mean is nearest; learns the data's offsets."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        means = np.array([x.mean() for x in X])
        self.means_ = np.array([means[y == c].mean() for c in self.classes_])
        return self

    def predict_proba(self, X):
        distance = np.abs(np.array([x.mean() for x in X])[:, None] - self.means_)
        return np.exp(-distance) / np.exp(-distance).sum(1, keepdims=True)


class Placed(Nearest):
    """Note on which device each fit was to run."""

    taken = []

    def __init__(self, device="auto", other="auto"):
        self.device = device
        self.other = other

    def fit(self, X, y):
        self.taken.append(self.device)
        assert self.other == "auto"
        return super().fit(X, y)


@pytest.fixture
def placed(monkeypatch):
    """Return a function that evaluates and says which devices the folds had."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)

    def devices(estimator, data, n_jobs=2):
        Placed.taken = []
        with parallel_config("threading"):  # so that fits are noted here
            evaluate(estimator, data, TaskGroupKFold(4), True, n_jobs)
        return sorted(Placed.taken)

    return devices


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    y = {"a": np.tile(["x", "y"], 12), "b": np.tile(["p", "q", "r"], 8)}
    X = {
        "a": rng.standard_normal((24, 2, 300)) + 0.05 * (y["a"] == "x")[:, None, None],
        "b": rng.standard_normal((24, 1, 400)) + 0.05 * (y["b"] == "q")[:, None, None],
    }
    groups = {"a": np.arange(24) // 4, "b": np.arange(24) // 6}
    return MultiTaskEpochs(X, y, groups)


def test_alone_equals_a_loop_by_hand(data):
    cv = TaskGroupKFold(2)
    table = evaluate(Nearest(), data, cv=cv, alone=True)
    for fold, (train, test) in enumerate(cv.split(data, data.y, data.groups)):
        for task in ("a", "b"):
            inside, outside = data[train], data[test]
            model = Nearest().fit(inside[task], inside.y[inside.task == task])
            truth = outside.y[outside.task == task]
            found = model.classes_[model.predict_proba(outside[task]).argmax(1)]
            row = table.loc[(task, fold)]
            assert row["accuracy"] == accuracy_score(truth, found)
            assert row["balanced_accuracy"] == balanced_accuracy_score(truth, found)
            assert row["n_epochs"] == len(truth)


def test_together_scores_each_task_on_its_own_classes(data):
    clf = MultiTaskEEGMamba(
        d_model=16, n_layers=1, n_experts=2, max_epochs=1, random_state=0, verbose=False
    )
    cv = TaskGroupKFold(2)
    table = evaluate(clf, data, cv=cv)
    train, test = next(cv.split(data, data.y, data.groups))
    clf.fit(data[train])
    found = clf.predict(data[test])
    for task, rate in (("a", 1 / 2), ("b", 1 / 3)):
        rows = data.task[test] == task
        accuracy = accuracy_score(data.y[test][rows], found[rows])
        assert table.loc[(task, 0), "accuracy"] == accuracy
        assert table.loc[(task, 0), "majority_rate"] == pytest.approx(rate)


def test_summary_rows(data):
    table = evaluate(Nearest(), data, cv=TaskGroupKFold(3), alone=True)
    assert table.index.tolist() == [
        (task, fold) for task in ("a", "b") for fold in (0, 1, 2, "mean", "std")
    ]
    folds = table.loc["b", "accuracy"].iloc[:3].to_numpy(dtype=float)
    assert table.loc[("b", "mean"), "accuracy"] == pytest.approx(folds.mean())
    assert table.loc[("b", "std"), "accuracy"] == pytest.approx(folds.std(ddof=1))


def test_folds_may_be_given_and_run_at_once(data):
    folds = list(TaskGroupKFold(2).split(data, data.y, data.groups))
    table = evaluate(Nearest(), data, cv=TaskGroupKFold(2), alone=True)
    other = evaluate(Nearest(), data, cv=folds, alone=True, n_jobs=2)
    assert other.equals(table)


def test_default_folds_need_five_groups_per_task(data):
    with pytest.raises(ValueError, match="Task 'b' has 4 groups, fewer than the 5"):
        evaluate(Nearest(), data, alone=True)


def test_other_data_are_refused():
    with pytest.raises(TypeError, match="evaluate needs MultiTaskEpochs.*Got ndarray"):
        evaluate(Nearest(), np.zeros((4, 1, 300)))


@pytest.mark.parametrize("alone", [False, True])
def test_an_interrupt_of_a_fit_ends_it(data, alone):
    class Stop(Callback):
        def on_batch_end(self, net, **kwargs):
            raise KeyboardInterrupt

    tiny = {"d_model": 8, "n_layers": 1, "max_epochs": 2, "callbacks": [Stop()]}
    kind = EEGMambaClassifier if alone else MultiTaskEEGMamba
    with pytest.raises(KeyboardInterrupt):
        evaluate(kind(**tiny), data, TaskGroupKFold(2), alone=alone)


def test_folds_take_turns_on_several_cards(data, placed):
    alone = placed(Placed(), data)
    assert alone == ["cuda:0"] * 4 + ["cuda:1"] * 4  # two tasks in each fold
    inside = placed(make_pipeline(Placed()), data)
    assert inside == alone


def test_a_named_device_and_single_folds_stay_where_they_are(data, placed):
    assert placed(Placed("cuda:1"), data) == ["cuda:1"] * 8
    assert placed(Placed(), data, n_jobs=1) == ["auto"] * 8
    given = Placed()
    placed(given, data)
    assert given.device == "auto"


@pytest.mark.parametrize("n_cards", [0, 1])
def test_without_several_cards_nothing_is_set(data, placed, monkeypatch, n_cards):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: n_cards)
    assert placed(Placed(), data) == ["auto"] * 8


class Grouped(Nearest):
    """Note the groups that each fit was given."""

    seen = []

    def fit(self, X, y, groups=None):
        self.seen.append(groups)
        return super().fit(X, y)


def test_an_estimator_that_is_trained_alone_gets_the_groups(monkeypatch):
    monkeypatch.setattr(Grouped, "seen", [])
    X, y = np.random.default_rng(0).standard_normal((12, 1, 300)), [0, 1] * 6
    groups = np.repeat(np.arange(6), 2)
    data = MultiTaskEpochs({"a": X}, {"a": y}, {"a": groups})
    evaluate(Grouped(), data, cv=TaskGroupKFold(3), alone=True)
    assert [len(np.unique(part)) for part in Grouped.seen] == [4, 4, 4]
    folds = [(np.arange(8), np.arange(8, 12))]
    evaluate(Grouped(), MultiTaskEpochs({"a": X}, {"a": y}), cv=folds, alone=True)
    assert Grouped.seen[3] is None
