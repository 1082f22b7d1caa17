"""Windows as braindecode makes them, read without braindecode."""

import numpy as np
import pytest
import torch
from sklearn.model_selection import GroupKFold, cross_val_score

from mne_eegmamba import (
    EEGMambaClassifier,
    MultiTaskEEGMamba,
    MultiTaskEpochs,
    TaskGroupKFold,
)
from mne_eegmamba.epochs.check import is_epochs, loaded, signals_from_epochs
from mne_eegmamba.epochs.labels import event_names, metadata_column
from mne_eegmamba.epochs.windows import is_items, is_windows
from tests.windows import Windows, make_windows

TINY = {
    **{"d_model": 16, "n_layers": 1, "max_epochs": 2, "lr": 3e-3, "device": "cpu"},
    **{"random_state": 0, "verbose": "error"},
}


@pytest.fixture(scope="module")
def windows():
    return make_windows()


@pytest.fixture(scope="module")
def array(windows):
    """Give the same as an array, and its labels."""
    items = [windows[i] for i in range(len(windows))]
    return np.stack([x for x, _, _ in items]), np.array([y for _, y, _ in items])


SUBJECTS = np.repeat(["s0", "s1", "s2"], 8)


@pytest.fixture(scope="module")
def fitted(windows):
    """Return an estimator fitted on ``windows``; shared, never change it."""
    return EEGMambaClassifier(**TINY).fit(windows)


def test_reading(windows, array):
    signals = signals_from_epochs(windows)
    np.testing.assert_array_equal(signals.data, array[0])
    assert signals.ch_names == ("C3", "Cz", "C4")
    assert signals.sfreq == 100.0
    parts = loaded(windows)
    np.testing.assert_array_equal(event_names(parts), array[1])
    assert metadata_column(parts, "subject").tolist() == SUBJECTS.tolist()


def test_fit_takes_labels_from_the_windows(fitted, windows, array):
    X, y = array
    assert fitted.classes_.tolist() == [3, 7]
    assert fitted.ch_names_in_ == ("C3", "Cz", "C4")
    other = EEGMambaClassifier(**TINY).fit(X, y, groups=SUBJECTS)
    np.testing.assert_array_equal(fitted.predict_proba(windows), other.predict_proba(X))
    assert fitted.score(windows) == fitted.score(windows, y)


def test_labels_given_come_first(windows):
    y = np.tile(["left", "right"], 12)
    assert (
        EEGMambaClassifier(**TINY).fit(windows, y).classes_.tolist() == y[:2].tolist()
    )


def test_subjects_are_kept_apart_in_validation(windows):
    clf = EEGMambaClassifier(**{**TINY, "validation": GroupKFold(3), "max_epochs": 1})
    assert "valid_loss" in clf.fit(windows).history_  # without groups GroupKFold fails


def test_scikit_learn_indexes_windows(windows, array):
    X, y = array
    groups = np.repeat([0, 1, 2], 8)
    clf, cv = EEGMambaClassifier(**TINY), GroupKFold(3)
    scores = cross_val_score(clf, windows, y, groups=groups, cv=cv)
    np.testing.assert_array_equal(
        scores, cross_val_score(clf, X, y, groups=groups, cv=cv)
    )


def test_items_carry_labels(windows, array, fitted):
    items = [windows[i] for i in range(len(windows))]
    clf = EEGMambaClassifier(**TINY).fit(items, groups=SUBJECTS)
    np.testing.assert_array_equal(
        clf.predict_proba(items), fitted.predict_proba(windows)
    )
    assert clf.score(items) == clf.score(array[0], array[1])
    assert fitted.predict(items[:3]).tolist() == fitted.predict(windows)[:3].tolist()
    tensors = [(torch.as_tensor(x), y) for x, y, _ in items]
    np.testing.assert_array_equal(clf.predict(tensors), clf.predict(items))


def test_several_tasks(windows, array):
    X, y = array
    settings = {**TINY, "n_experts": 2}
    other = make_windows(n_recordings=2, names=("Oz",))
    clf = MultiTaskEEGMamba(**settings).fit({"a": windows, "b": other})
    assert clf.task_classes_["a"].tolist() == [3, 7]
    assert clf.tasks_["b"].ch_names == ("Oz",)
    assert clf.predict({"a": windows})["a"].shape == (24,)
    assert clf.score({"a": windows, "b": other}) >= 0
    one = MultiTaskEEGMamba(**settings).fit(windows)
    same = MultiTaskEEGMamba(**settings).fit(X, y, groups=SUBJECTS)
    np.testing.assert_array_equal(one.predict_proba(windows), same.predict_proba(X))
    np.testing.assert_array_equal(one.predict([windows[0]]), one.predict(X[:1]))


def test_multitask_epochs(windows):
    data = MultiTaskEpochs({"a": windows, "b": make_windows(names=("Oz",))})
    assert np.unique(data.y).tolist() == ["a/3", "a/7", "b/3", "b/7"]
    assert np.unique(data.groups).size == 6
    train, test = next(TaskGroupKFold(3).split(data, groups=data.groups))
    clf = MultiTaskEEGMamba(**{**TINY, "n_experts": 2}).fit(data[train])
    assert clf.predict(data[test]).shape == (16,)


def test_transforms_are_applied():
    plain, changed = make_windows(), make_windows()
    for part in changed.datasets:
        part.transform = lambda x: 2 * x
    np.testing.assert_array_equal(
        signals_from_epochs(changed).data, 2 * signals_from_epochs(plain).data
    )


def test_channels_are_matched_by_name(fitted, windows):
    turned = make_windows()
    for part in turned.datasets:
        part.raw.reorder_channels(["C4", "Cz", "C3"])
    assert not np.array_equal(turned[0][0], windows[0][0])
    np.testing.assert_array_equal(
        fitted.predict_proba(turned), fitted.predict_proba(windows)
    )


def test_recordings_that_differ(windows):
    mixed = make_windows()
    mixed.datasets[1] = make_windows(names=("C3", "Cz", "Oz")).datasets[1]
    with pytest.raises(ValueError, match="must share channels, sampling rate"):
        EEGMambaClassifier(**TINY).fit(mixed)


def test_channels_that_hold_targets():
    windows = make_windows()
    for part in windows.datasets:
        part.raw.set_channel_types({"C4": "misc"}, on_unit_change="ignore")
        part.transform = lambda x: x[:2]
    assert signals_from_epochs(windows).ch_names == ("C3", "Cz")
    for part in windows.datasets:
        part.transform = lambda x: x[:1]
    with pytest.raises(ValueError, match=r"1 channels, their recording has 2: \['C3'"):
        signals_from_epochs(windows)


class ManyTargets(Windows):
    def __getitem__(self, index):
        x, _, ind = super().__getitem__(index)
        return x, np.zeros(3), ind


def test_more_than_one_target(windows):
    many = ManyTargets(windows.datasets)
    for X in (many, [many[i] for i in range(8)]):
        with pytest.raises(ValueError, match="y must be given: the windows have more"):
            EEGMambaClassifier(**TINY).fit(X)
    EEGMambaClassifier(**TINY).fit(many, np.arange(24) % 2)


def test_windows_of_other_shapes(windows):
    items = [windows[0], (windows[1][0][:, :290], 3, None)]
    with pytest.raises(ValueError, match=r"same shape.*\(3, 290\), \(3, 300\)"):
        EEGMambaClassifier(**TINY).fit(items)


@pytest.mark.parametrize(
    "X",
    [
        None,
        [],
        {},
        "text",
        np.zeros((2, 3)),
        [np.zeros((2, 3))],
        [[0.0, 1.0]],
        [(1, 2)],
    ],
)
def test_other_things_are_not_windows(X):
    assert not is_windows(X)
    assert not is_items(X)
    assert not is_epochs(X)
