"""Candidates on the same folds: the same scores as by hand, nobody left out."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.dummy import DummyClassifier
from sklearn.metrics import accuracy_score

from mne_eegmamba import MultiTaskEEGMamba, MultiTaskEpochs, TaskGroupKFold
from mne_eegmamba.evaluation import (
    CannotTake,
    Jointly,
    compare,
    comparison_table,
    evaluate,
    score_table,
)

TINY = {"d_model": 16, "n_layers": 1, "n_experts": 2, "max_epochs": 1}


class Nearest(ClassifierMixin, BaseEstimator):
    """Take the class whose mean is nearest; ``most`` channels are what it can take."""

    def __init__(self, most=9):
        self.most = most

    def fit(self, X, y):
        if X.shape[1] > self.most:
            raise CannotTake(f"takes {self.most} channel, these have {X.shape[1]}")
        self.classes_ = np.unique(y)
        means = X.mean((1, 2))
        self.means_ = np.array([means[y == c].mean() for c in self.classes_])
        return self

    def predict_proba(self, X):
        distance = np.abs(X.mean((1, 2))[:, None] - self.means_)
        return np.exp(-distance) / np.exp(-distance).sum(1, keepdims=True)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    y = {"a": np.tile(["x", "y"], 12), "b": np.tile(["p", "q", "r"], 8)}
    X = {
        "a": rng.standard_normal((24, 2, 300)) + 0.1 * (y["a"] == "x")[:, None, None],
        "b": rng.standard_normal((24, 1, 400)) + 0.1 * (y["b"] == "q")[:, None, None],
    }
    groups = {"a": np.arange(24) // 4, "b": np.arange(24) // 6}
    return MultiTaskEpochs(X, y, groups)


@pytest.fixture(scope="module")
def joint():
    return MultiTaskEEGMamba(**TINY, random_state=0, verbose=False)


@pytest.fixture(scope="module")
def scores(data, joint):
    candidates = {
        "nearest": Nearest(),
        "one channel": Nearest(1),
        "majority": DummyClassifier(),
        "joint": Jointly(joint),
        "absent": "has no package",
    }
    return compare(candidates, data, TaskGroupKFold(2))


def test_folds_are_those_of_evaluate(scores, data, joint):
    for name, estimator, alone in (
        ("nearest", Nearest(), True),
        ("joint", joint, False),
    ):
        table = evaluate(estimator, data, TaskGroupKFold(2), alone=alone)
        own = scores[(scores["candidate"] == name) & scores["subject"].isna()]
        assert len(own) == 4
        for _, row in own.iterrows():
            for measure in ("accuracy", "auroc", "macro_f1", "n_epochs"):
                assert row[measure] == table.loc[(row["task"], row["fold"]), measure]


def test_subjects_by_hand(scores, data):
    seen = []
    splits = TaskGroupKFold(2).split(data, data.y, data.groups)
    own = scores[(scores["candidate"] == "nearest") & (scores["task"] == "b")]
    for fold, (train, test) in enumerate(splits):
        train, test = (data[rows[data.task[rows] == "b"]] for rows in (train, test))
        model = Nearest().fit(train["b"], train.y)
        found = model.classes_[model.predict_proba(test["b"]).argmax(1)]
        for subject in np.unique(test.groups):
            rows = test.groups == subject
            seen.append((fold, str(subject)[2:]))
            (row,) = own[own["subject"] == str(subject)[2:]].to_dict("records")
            assert row["fold"] == fold
            assert row["accuracy"] == accuracy_score(test.y[rows], found[rows])
            assert row["n_epochs"] == 6
            assert row["n_train"] == 12
    assert len(seen) == 4


def test_rows_come_in_the_order_given(scores):
    order = scores[["task", "candidate", "fold"]].drop_duplicates()
    names = ["nearest", "one channel", "majority", "joint", "absent"]
    expected = [(t, n, f) for t in "ab" for n in names for f in (0, 1)]
    assert list(order.itertuples(index=False, name=None)) == expected
    assert set(scores.loc[scores["candidate"] == "joint", "trained"]) == {"jointly"}


def test_nobody_is_left_out_without_a_reason(scores):
    refused = scores[scores["reason"].notna()]
    reasons = refused.groupby(["task", "candidate"])["reason"].unique()
    assert {key: list(value) for key, value in reasons.items()} == {
        ("a", "one channel"): ["takes 1 channel, these have 2"],
        ("a", "absent"): ["has no package"],
        ("b", "absent"): ["has no package"],
    }
    assert refused["accuracy"].isna().all()
    taken = scores[(scores["candidate"] == "one channel") & (scores["task"] == "b")]
    assert taken["accuracy"].notna().all()


def test_a_joint_network_may_refuse_too(data):
    class Choosy(Nearest):
        def fit(self, X, y):
            raise CannotTake("not these")

    found = compare({"choosy": Jointly(Choosy())}, data, TaskGroupKFold(2))
    assert found["reason"].tolist() == ["not these"] * 4


def test_other_errors_are_errors(data):
    class Broken(Nearest):
        def fit(self, X, y):
            raise ValueError("a mistake")

    with pytest.raises(ValueError, match="a mistake"):
        compare({"broken": Broken()}, data, TaskGroupKFold(2))


def test_folds_are_looked_at_before_anything_is_trained(data):
    class Never(Nearest):
        def fit(self, X, y):
            raise AssertionError

    everything = np.arange(48)
    rare = everything[data.y == "b/q"]
    folds = [(everything, everything), (np.setdiff1d(everything, rare), everything)]
    message = r"Fold 1 tests on labels that its training part lacks: \['b/q'\], as"
    with pytest.raises(ValueError, match=message):
        compare({"never": Never()}, data, folds)
    with pytest.raises(ValueError, match=message):
        evaluate(Never(), data, folds, alone=True)


def test_chance_counts_the_classes_that_occur(data):
    rows = data.y != "b/q"
    folds = [(np.arange(48), np.flatnonzero(rows))]
    found = compare({"majority": DummyClassifier()}, data, folds)
    table = comparison_table(found, measure="balanced_accuracy")
    assert table.loc[("b", "majority"), "mean"] == 0.5
    assert table.loc[("b", "majority"), "chance"] == 0.5


def test_fits_at_once_give_the_same(data):
    candidates = {"nearest": Nearest(), "majority": DummyClassifier()}
    tables = [compare(candidates, data, TaskGroupKFold(2), n_jobs=n) for n in (1, 2)]
    first, second = (table.drop(columns="seconds") for table in tables)
    pd.testing.assert_frame_equal(first, second)


def test_estimators_are_left_as_they_are(data):
    given = Nearest()
    compare({"nearest": given}, data, TaskGroupKFold(2))
    assert vars(given) == vars(clone(given))


def test_without_groups_there_are_no_subjects(data):
    part = MultiTaskEpochs({"a": data["a"]}, {"a": data.y[data.task == "a"]})
    folds = [(np.arange(12), np.arange(12, 24))]
    found = compare({"nearest": Nearest(), "same": Nearest()}, part, folds)
    assert found["subject"].isna().all()
    table = comparison_table(found)
    assert table["subjects"].tolist() == [0, 0]
    assert table.loc[("a", "same"), "difference"] == 0
    unknown = ["std", "p_folds", "better", "p_subjects", "p_holm", "low"]
    assert table.loc[("a", "same"), unknown].isna().all()


@pytest.mark.parametrize(
    ("candidates", "message"),
    [
        ({}, "at least one"),
        ([Nearest()], "dict from names to classifiers"),
        ({"none": None}, "'none' must be a classifier.*Got None"),
        ({"joint": Jointly(3)}, "'joint' must be a classifier"),
    ],
)
def test_candidates_of_another_kind(data, candidates, message):
    with pytest.raises(TypeError, match=message):
        compare(candidates, data)


def test_data_of_another_kind():
    with pytest.raises(TypeError, match="compare needs MultiTaskEpochs.*Got dict"):
        compare({"nearest": Nearest()}, {})


def test_a_candidate_called_like_a_task(data):
    with pytest.raises(ValueError, match="must differ: {'a'}"):
        compare({"a": Nearest()}, data)


class TestTable:
    @pytest.fixture
    def made(self):
        """Give two candidates on two folds of three subjects each, by hand."""
        values = {"old": [0.5, 0.6, 0.4, 0.5, 0.7, 0.6]}
        values["new"] = [v + 1 + i for i, v in enumerate(values["old"])]
        rows = []
        for name, of_subjects in values.items():
            for fold in (0, 1):
                part = of_subjects[3 * fold : 3 * fold + 3]
                for subject, value in [
                    (None, np.mean(part)),
                    *enumerate(part, 3 * fold),
                ]:
                    rows.append(
                        {"task": "a", "candidate": name, "fold": fold}
                        | {"subject": None if subject is None else str(subject)}
                        | {"balanced_accuracy": value, "accuracy": value}
                        | {"auroc": value, "majority_rate": 0.4, "n_classes": 4}
                        | {"n_epochs": 10, "n_train": 40, "seconds": 1.5}
                        | {"reason": None}
                    )
        return pd.DataFrame(rows)

    def test_differences(self, made):
        row = comparison_table(made).loc[("a", "new")]
        assert row["mean"] == pytest.approx(np.mean([2.5, 5.6]))
        assert row["std"] == pytest.approx(3.1 / np.sqrt(2))
        assert row["difference"] == pytest.approx(3.5)
        # Two folds with differences 2 and 5: variance 4.5, one degree of freedom.
        error = np.sqrt((1 / 2 + 1 / 4) * 4.5)
        assert row["high"] - row["difference"] == pytest.approx(
            12.7062 * error, rel=1e-5
        )
        assert row["p_folds"] == pytest.approx(1 - 2 / np.pi * np.arctan(3.5 / error))
        assert (row["subjects"], row["better"]) == (6, 6)
        assert row["p_subjects"] == row["p_holm"] == pytest.approx(2 / 2**6)

    def test_chance(self, made):
        f1 = dict.fromkeys(("macro_f1", "weighted_f1"), made["accuracy"])
        for measure, chance in (
            ("balanced_accuracy", 0.25),
            ("accuracy", 0.4),
            ("auroc", 0.5),
            ("macro_f1", np.nan),
            ("weighted_f1", np.nan),
        ):
            table = comparison_table(made.assign(**f1), measure)
            assert table["chance"].tolist() == pytest.approx([chance] * 2, nan_ok=True)

    def test_another_reference_turns_the_sign(self, made):
        table = comparison_table(made, reference="new")
        assert table.loc[("a", "old"), "difference"] == pytest.approx(-3.5)
        assert table.loc[("a", "old"), "better"] == 0
        assert np.isnan(table.loc[("a", "new"), "difference"])

    def test_repeated_folds_count_a_subject_once(self, made):
        again = made.assign(fold=made["fold"] + 2)
        table = comparison_table(pd.concat([made, again]))
        assert table.loc[("a", "new"), ["folds", "subjects"]].tolist() == [4, 6]

    def test_unknown_names(self, made):
        with pytest.raises(ValueError, match="`measure` parameter.*Got 'loss'"):
            comparison_table(made, "loss")
        with pytest.raises(ValueError, match="'old', 'new'. Got 'none'"):
            comparison_table(made, reference="none")

    def test_refused_candidates_stay(self, scores):
        table = comparison_table(scores)
        assert len(table) == 10
        assert table.loc[("b", "absent"), "reason"] == "has no package"
        row = table.loc[("a", "one channel")]
        assert row["folds"] == 0
        assert row[["mean", "chance", "difference", "p_holm"]].isna().all()

    def test_all_absent(self, data):
        found = compare({"absent": "has no package"}, data, TaskGroupKFold(2))
        assert comparison_table(found)["mean"].isna().all()


def test_scores_are_those_of_score_table(scores):
    measures = set(score_table(["a", "b"], [[1, 0], [0, 1]], ["a", "b"]))
    assert measures <= set(scores.columns)
