"""TaskGroupKFold: groups stay together and every fold tests on every task."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.utils.metadata_routing import get_routing_for_object

from mne_eegmamba import TaskGroupKFold


def make_groups(sizes, seed, shared=False):
    """Return groups of tasks, of 1 to 5 epochs each, in any order."""
    rng = np.random.default_rng(seed)
    groups = [
        f"t{task}/s{group}" + ("" if shared else f" of {task}")
        for task, n_groups in enumerate(sizes)
        for group in range(n_groups)
        for _ in range(rng.integers(1, 6))
    ]
    return rng.permutation(groups)


@settings(deadline=None, max_examples=60)
@given(
    n_splits=st.integers(2, 4),
    sizes=st.lists(st.integers(4, 12), min_size=1, max_size=4),
    seed=st.integers(0, 99),
    shared=st.booleans(),
)
def test_folds(n_splits, sizes, seed, shared):
    groups = make_groups(sizes, seed, shared)
    people = np.array([group.split("/")[1] for group in groups])
    folds = list(TaskGroupKFold(n_splits).split(groups, groups=groups))
    assert len(folds) == n_splits
    tested = np.concatenate([test for _, test in folds])
    assert sorted(tested) == list(range(len(groups)))
    for train, test in folds:
        assert not np.intersect1d(people[train], people[test]).size
        assert len(train) + len(test) == len(groups)
        for task, n_groups in enumerate(sizes):
            mine = {g for g in groups[test] if g.startswith(f"t{task}/")}
            assert 1 <= len(mine) <= n_groups - n_splits + 1


@pytest.mark.parametrize("sizes", [[9], [9, 5]])
def test_tasks_of_other_people_have_the_folds_of_group_k_fold(sizes):
    groups = make_groups(sizes, 0)
    folds = list(TaskGroupKFold(3).split(groups, groups=groups))
    for task in range(len(sizes)):
        at = np.flatnonzero([group.startswith(f"t{task}/") for group in groups])
        theirs = GroupKFold(3).split(at, groups=groups[at])
        for mine, other in zip(folds, theirs, strict=True):
            for ours, rows in zip(mine, other, strict=True):
                np.testing.assert_array_equal(np.intersect1d(ours, at), at[rows])


def test_people_of_two_tasks_are_on_one_side_and_evenly_spread():
    groups = np.array([f"{t}/{g}" for t in "ab" for g in range(10) for _ in range(4)])
    for train, test in TaskGroupKFold(5).split(groups, groups=groups):
        tested = {task: {g[2:] for g in groups[test] if g[0] == task} for task in "ab"}
        assert tested["a"] == tested["b"]
        assert len(tested["a"]) == 2
        assert not tested["a"] & {g[2:] for g in groups[train]}


def test_shared_people_who_cannot_be_spread():
    # 1 and 2 must part for a, 2 and 3 for b, so that 1 and 3 cannot for c.
    groups = ["a/1", "a/2", "b/2", "b/3", "c/1", "c/3"]
    with pytest.raises(ValueError, match=r"2 folds, all of which test on \['.'\]"):
        list(TaskGroupKFold(2).split(groups, groups=groups))


def test_about_the_same_share_of_each_tasks_groups():
    groups = np.array([f"{t}/{g}" for t, n in (("a", 10), ("b", 20)) for g in range(n)])
    for _, test in TaskGroupKFold(5).split(groups, groups=groups):
        names = [g[0] for g in groups[test]]
        assert names.count("a") == 2
        assert names.count("b") == 4


def test_works_in_scikit_learn():
    groups = make_groups([6, 8], 0)
    X, y = np.zeros((len(groups), 1)), np.arange(len(groups)) % 2
    cv = TaskGroupKFold(3)
    assert cv.get_n_splits() == 3
    assert len(cross_val_score(DummyClassifier(), X, y, groups=groups, cv=cv)) == 3
    search = GridSearchCV(DummyClassifier(), {"strategy": ["prior", "uniform"]}, cv=cv)
    assert search.fit(X, y, groups=groups).n_splits_ == 3


def test_groups_are_routed_without_being_asked_for():
    routed = get_routing_for_object(TaskGroupKFold(3)).split.requests
    assert routed == get_routing_for_object(GroupKFold(3)).split.requests
    assert routed == {"groups": True}


def test_the_same_folds_each_time():
    groups, cv = make_groups([5, 7], 1), TaskGroupKFold(3)
    first, second = (list(cv.split(groups, groups=list(groups))) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (None, "'groups' parameter should not be None"),
        (
            ["a/1", "a/2", "a/3", "b/1", "b/2"],
            "Task 'b' has 2 groups, fewer than the 3",
        ),
        (["a/1", "a/2", "a/3", "b/1", "b/1"], "Task 'b' has 1 group and cannot"),
        (["a/1", "a/2", "a/3", "b", "b"], '"task/group" for every epoch. Got .*b'),
        ([1, 2, 3, 4, 5], 'vector of "task/group" texts'),
        (["a/1"] * 4, "inconsistent numbers of samples"),
    ],
)
def test_wrong_groups(groups, message):
    with pytest.raises(ValueError, match=message):
        list(TaskGroupKFold(3).split(np.zeros(5), groups=groups))


@pytest.mark.parametrize(("n_splits", "error"), [(1, ValueError), (2.0, TypeError)])
def test_wrong_number_of_folds(n_splits, error):
    with pytest.raises(error, match="`n_splits` parameter of TaskGroupKFold"):
        list(TaskGroupKFold(n_splits).split(["a/1", "a/2"], groups=["a/1", "a/2"]))
