"""The head of the waveform within the estimators: what it is solved on, and when."""

import numpy as np
import pytest
import torch

from mne_eegmamba import MultiTaskEpochs
from mne_eegmamba.utils.names import module_key
from tests.estimators.conftest import make_tasks


def head_of(estimator, task="task"):
    return estimator.net_.module_.waveform_heads[module_key(task)]


def same(first, second):
    return torch.equal(first.weight, second.weight) and torch.equal(
        first.bias, second.bias
    )


@pytest.fixture(scope="module")
def waves():
    """Epochs of two classes whose slow waves differ, of ten people with offsets."""
    rng = np.random.default_rng(3)
    y, groups = np.arange(60) % 2, np.arange(60) // 6
    X = rng.standard_normal((60, 2, 320)) + rng.standard_normal((10, 2, 1))[groups]
    X += 0.3 * np.where(y == 1, 1, -1)[:, None, None] * np.linspace(-1, 1, 320)
    return X, y, groups


def test_it_finds_slow_waves(make, waves):
    X, y, _ = waves
    clf = make(max_epochs=1).fit(X[:40], y[:40])
    assert clf.score(X[40:], y[40:]) > 0.9
    plain = make(max_epochs=1, waveform=False).fit(X[:40], y[:40])
    assert plain.score(X[40:], y[40:]) < 0.8
    assert not plain.net_.module_.waveform_heads


def test_it_knows_the_groups(make):
    rng = np.random.default_rng(0)
    groups = np.arange(160) // 4
    y = groups % 2  # each person has one class, and a wave of their own
    X = rng.standard_normal((160, 3, 320))
    X += rng.standard_normal((40, 3, 32)).repeat(10, axis=2)[groups]
    said = [
        float(head_of(make(max_epochs=1).fit(X, y, groups=who)).weight.abs().max())
        for who in (None, groups, np.zeros(160))
    ]
    assert said[1] < 0.5 * said[0]
    assert said[2] == said[0]


def test_equal_epochs_of_different_groups(make, waves, rng):
    X, y, groups = waves
    X = np.r_[X, np.zeros((20, 2, 320))]
    y, groups = np.r_[y, [0, 1] * 10], np.r_[groups, np.arange(20) // 2]
    order = rng.permutation(len(X))
    first, second = (
        head_of(make(max_epochs=1).fit(X[rows], y[rows], groups=groups[rows]))
        for rows in (np.arange(len(X)), order)
    )
    assert same(first, second)


def test_no_seed_changes_it(make, waves):
    X, y, groups = waves
    first, second = (
        make(max_epochs=1, random_state=seed).fit(X, y, groups=groups)
        for seed in (0, 1)
    )
    assert same(head_of(first), head_of(second))


def test_it_is_not_solved_on_validation_epochs(make, waves, splits):
    X, y, _ = waves
    clf = make(max_epochs=1, validation=0.4).fit(X, y)
    _, train, _ = splits[0]
    assert head_of(clf).mass == len(train) == 36
    alone = make(max_epochs=1).fit(X[train], y[train])
    np.testing.assert_allclose(head_of(clf).weight, head_of(alone).weight, rtol=1e-5)


def test_jointly_it_is_the_same_as_alone(make, waves):
    X, y, groups = waves
    data = MultiTaskEpochs(
        {"a": X, "b": X[:, :1]}, {"a": y, "b": y}, {"a": groups, "b": groups}
    )
    joint = make_tasks().fit(data)
    for task, part in (("a", X), ("b", X[:, :1])):
        alone = make(max_epochs=1).fit(part, y, groups=groups)
        assert same(head_of(joint, task), head_of(alone))


def test_warm_start_solves_it_anew(make, waves):
    X, y, _ = waves
    settings = {"max_epochs": 1, "input_scale": None}
    clf = make(warm_start=True, **settings).fit(X, y)
    weight = head_of(clf).weight.clone()
    clf.fit(X, y)
    assert torch.equal(head_of(clf).weight, weight)
    clf.fit(X[:20], 1 - y[:20])  # waves of the other polarity
    fresh = make(**settings).fit(X[:20], 1 - y[:20])
    assert same(head_of(clf), head_of(fresh))
    clf.fit(X[:2], y[:2])  # none can be held out
    assert same(head_of(clf), head_of(fresh))
    assert head_of(clf).mass == 20


def test_partial_fit_averages(make, waves):
    X, y, _ = waves
    clf = make(max_epochs=1).partial_fit(X[:40], y[:40], classes=[0, 1])
    first = head_of(clf).weight.clone()
    clf.partial_fit(X[40:], y[40:])
    assert not torch.equal(head_of(clf).weight, first)
    one_class = head_of(clf).weight.clone()
    clf.partial_fit(X[y == 1], y[y == 1])
    assert torch.equal(head_of(clf).weight, one_class)
    assert head_of(clf).mass == 60


def test_a_new_task_has_its_own(waves):
    X, y, _ = waves
    clf = make_tasks().fit({"a": X}, {"a": y})
    before = head_of(clf, "a").weight.clone()
    clf.add_task("b", X[:, :1], y)
    assert torch.equal(head_of(clf, "a").weight, before)
    assert head_of(clf, "b").weight.any()
    kept = head_of(clf, "b").weight.clone()
    assert torch.equal(head_of(clf.remove_task("a"), "b").weight, kept)


def test_it_is_saved(make, waves, tmp_path):
    X, y, _ = waves
    clf = make(max_epochs=1).fit(X, y)
    clf.save(tmp_path / "clf")
    again = type(clf).load(tmp_path / "clf")
    assert same(head_of(clf), head_of(again))
    assert head_of(again).mass == 60
