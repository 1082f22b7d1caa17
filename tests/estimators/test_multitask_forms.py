"""Corners of the ways in which several tasks may be handed over."""

import warnings

import mne
import numpy as np
import pandas as pd
import pytest
from mne.utils import catch_logging
from scipy.special import softmax
from sklearn.metrics import balanced_accuracy_score

from mne_eegmamba import MultiTaskEpochs
from mne_eegmamba.estimators import _split
from tests.estimators.conftest import make_tasks

METHODS = ["predict", "predict_proba", "decision_function", "transform"]


def assert_same(one, other):
    """Compare arrays, or dicts of them, to the bit."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for task in one:
            np.testing.assert_array_equal(one[task], other[task])
    else:
        np.testing.assert_array_equal(one, other)


@pytest.fixture(scope="module")
def one_array(arrays):
    """Give one array, labels, and the task of each epoch, in mixed order."""
    X = arrays[0]["b"]
    task = np.array(["p", "q", "q"] * 6)
    y = np.where(task == "p", np.arange(18) // 3 % 2, np.arange(18) // 3 % 3)
    return X, y, task


@pytest.fixture(scope="module")
def hands(epochs):
    """Give two tasks of Epochs that differ in channels, length, rate and names."""
    eyes = epochs[20:36].pick(["Pz", "Cz"]).crop(tmax=1.9)
    eyes.event_id = {"open": 1, "closed": 2}
    return {"hands": epochs[:20], "eyes": eyes}


@pytest.fixture(scope="module")
def fitted_hands(hands):
    return make_tasks().fit(hands)


@pytest.fixture
def splits(monkeypatch):
    """Collect the groups that the validation split gets."""
    seen = []
    plain = _split.split_task

    def spy(data, *others):
        seen.append(data.groups)
        return plain(data, *others)

    monkeypatch.setattr(_split, "split_task", spy)
    return seen


def test_what_is_learned_of_a_dict(fitted_tasks, arrays):
    assert fitted_tasks.classes_.tolist() == ["a/0", "a/1", "b/x", "b/y", "b/z"]
    assert fitted_tasks.task_classes_["a"].tolist() == [0, 1]
    assert fitted_tasks.input_kind_ == "dict"
    for name, part in arrays[0].items():
        known = fitted_tasks.tasks_[name]
        assert (known.n_channels, known.n_times) == part.shape[1:]
        assert known.ch_names is known.sfreq is None


def test_dict_in_dict_out(fitted_tasks, arrays):
    X, _ = arrays
    proba, labels = fitted_tasks.predict_proba(X), fitted_tasks.predict(X)
    scores, embedding = fitted_tasks.decision_function(X), fitted_tasks.transform(X)
    assert [list(found) for found in (proba, labels, scores, embedding)] == [
        list(X)
    ] * 4
    assert {name: part.shape for name, part in proba.items()} == {
        "a": (18, 2),
        "b": (18, 3),
    }
    assert (scores["a"].shape, scores["b"].shape) == ((18,), (18, 3))
    for name in X:
        assert embedding[name].shape == (18, 16)
        np.testing.assert_allclose(proba[name].sum(1), 1, rtol=1e-6)
        winners = fitted_tasks.task_classes_[name][proba[name].argmax(1)]
        assert_same(labels[name], winners)
        assert labels[name].dtype == arrays[1][name].dtype
    assert_same(scores["a"] > 0, labels["a"] == 1)


def test_flat_probabilities_are_zero_outside_the_own_task(fitted_tasks, arrays, flat):
    order = np.random.default_rng(0).permutation(36)
    found = fitted_tasks.predict_proba(flat[order])
    each = fitted_tasks.predict_proba(arrays[0])
    whole = np.zeros((36, 5), np.float32)
    whole[:18, :2], whole[18:, 2:] = each["a"], each["b"]
    assert_same(found, whole[order])
    scores = fitted_tasks.decision_function(flat[order])
    assert (scores[found == 0] == np.finfo(np.float32).min).all()


def test_flat_labels_may_be_given(arrays, flat):
    X, y = arrays
    texts = {name: labels.astype(str) for name, labels in y.items()}
    groups = {name: np.arange(18) // 3 for name in X}
    want = make_tasks().fit(X, texts, groups=groups)
    for labels in (None, flat.y, flat.y.tolist()):
        clf = make_tasks().fit(flat, labels)
        assert clf.input_kind_ == "flat"
        assert_same(clf.predict_proba(X), want.predict_proba(X))


def test_order_of_tasks_does_not_matter(fitted_tasks, arrays):
    X, y = arrays
    backwards = dict(reversed(X.items()))
    expected = fitted_tasks.predict_proba(X)
    assert_same(make_tasks().fit(backwards, y).predict_proba(X), expected)
    flat = MultiTaskEpochs(backwards, y)
    assert_same(make_tasks().fit(flat).predict_proba(X), expected)


def test_one_plain_array_is_one_task(arrays):
    X, y = arrays[0]["b"], arrays[1]["b"]
    clf = make_tasks().fit(X, y)
    assert list(clf.tasks_) == ["task"]
    assert clf.classes_.tolist() == ["x", "y", "z"]
    assert clf.n_features_in_ == 3
    assert_same(clf.predict(X), clf.predict({"task": X})["task"])
    assert clf.score(X, y) == balanced_accuracy_score(y, clf.predict(X))


@pytest.mark.parametrize("name", ["a", "b"])
def test_one_task_without_experts_is_the_classifier(make, arrays, name):
    X, y = arrays[0][name], arrays[1][name]
    one = make(max_epochs=2).fit(X, y)
    other = make_tasks(max_epochs=2, n_experts=0).fit(X, y)
    for method in METHODS:
        assert_same(getattr(one, method)(X), getattr(other, method)(X))


def test_score_is_the_mean_of_balanced_accuracies(fitted_tasks, arrays):
    X, y = arrays
    labels = fitted_tasks.predict(X)
    each = [balanced_accuracy_score(y[name], labels[name]) for name in X]
    assert fitted_tasks.score(X, y) == pytest.approx(np.mean(each))
    alone = fitted_tasks.score({"b": X["b"]}, {"b": y["b"]})
    assert alone == pytest.approx(each[1])


def test_another_length(arrays):
    X, y = arrays
    clf = make_tasks(variable_length=True).fit(X, y)
    longer = np.concatenate([X["b"], X["b"]], axis=-1)
    for part in (X["b"][..., :290], longer):
        assert clf.predict({"b": part})["b"].shape == (18,)


@pytest.mark.parametrize("method", METHODS)
def test_dict_flat_and_array_agree(fitted_tasks, arrays, flat, method):
    X, _ = arrays
    run = getattr(fitted_tasks, method)
    by_task, all_in_one = run(X), run(flat)
    for name, part in X.items():
        one = run(part, task=[name] * 18)
        assert_same(run({name: part})[name], by_task[name])
        if method == "predict":
            assert_same(one, by_task[name])
            texts = np.char.add(f"{name}/", by_task[name].astype(str))
            assert_same(all_in_one[flat.task == name], texts)
        else:
            assert_same(one, all_in_one[flat.task == name])


def test_scores_are_before_the_softmax(fitted_tasks, flat):
    scores = fitted_tasks.decision_function(flat)
    np.testing.assert_allclose(
        softmax(scores.astype(float), axis=1),
        fitted_tasks.predict_proba(flat),
        rtol=1e-5,
    )


@pytest.mark.parametrize("method", METHODS)
def test_array_with_tasks_is_the_dict(one_array, method):
    X, y, task = one_array
    clf = make_tasks().fit(X, y, task=task)
    rows = {name: task == name for name in "pq"}
    by_task = {name: X[at] for name, at in rows.items()}
    same = make_tasks().fit(by_task, {name: y[at] for name, at in rows.items()})
    assert clf.task_classes_["p"].tolist() == [0, 1]
    assert clf.classes_.tolist() == [0, 1, 2]
    found = getattr(clf, method)(by_task)
    assert_same(found, getattr(same, method)(by_task))
    together = getattr(clf, method)(X, task=pd.Series(task))
    for name, at in rows.items():
        part = together[at]
        if method in ("predict_proba", "decision_function") and name == "p":
            other = 0 if method == "predict_proba" else np.finfo("f4").min
            assert (part[:, 2] == other).all()
            part = part[:, :2]
            part = part if method == "predict_proba" else part[:, 1] - part[:, 0]
        assert_same(part, found[name])


def test_scores_of_an_array_with_tasks(one_array):
    X, y, task = one_array
    clf = make_tasks().fit(X, y, task=task)
    predicted = clf.predict(X, task=task)
    each = [balanced_accuracy_score(y[task == n], predicted[task == n]) for n in "pq"]
    assert clf.score(X, y, task=task) == pytest.approx(np.mean(each))


def test_fit_transform_knows_the_tasks(one_array, arrays):
    X, y, task = one_array
    clf = make_tasks()
    assert_same(clf.fit_transform(X, y, task=task), clf.transform(X, task=task))
    assert_same(clf.fit_transform(*arrays), clf.transform(arrays[0]))
    assert clf.get_feature_names_out()[-1] == "multitaskeegmamba15"


def test_two_dimensions_are_one_channel(arrays):
    X, y = arrays
    thin = {"a": X["a"][:, 0], "b": X["b"][:, 0]}
    deep = {name: part[:, None] for name, part in thin.items()}
    clf = make_tasks().fit(thin, y)
    assert_same(clf.predict_proba(deep), make_tasks().fit(deep, y).predict_proba(thin))


@pytest.mark.parametrize(
    "labels", [np.array(["no", "yes"], dtype=object), np.array([False, True])]
)
def test_labels_of_any_kind_stand_side_by_side(arrays, labels):
    X, y = arrays
    clf = make_tasks().fit(X, {"a": labels[y["a"]], "b": y["a"] - 3})
    assert clf.classes_.tolist() == [f"a/{x}" for x in labels] + ["b/-2", "b/-3"]
    predicted = clf.predict(X)
    assert predicted["a"].dtype == labels.dtype
    assert predicted["b"].dtype == int
    proba = clf.predict_proba(MultiTaskEpochs(X, {"a": labels[y["a"]], "b": y["b"]}))
    # Columns of b: -2 stands before -3 as text, after it as a number.
    assert_same(proba[18:, [3, 2]], clf.predict_proba(X)["b"])


def test_flat_labels_are_those_of_a_dict_fit(fitted_tasks, arrays, flat):
    assert fitted_tasks.score(flat) == fitted_tasks.score(*arrays)
    assert fitted_tasks.score(flat[20:]) == fitted_tasks.score(
        {"b": arrays[0]["b"][2:]}, {"b": arrays[1]["b"][2:]}
    )
    one = make_tasks().fit(*arrays).partial_fit(MultiTaskEpochs(*arrays))
    other = make_tasks().fit(*arrays).partial_fit(*arrays)
    assert_same(one.predict_proba(flat), other.predict_proba(flat))


def test_views_train_like_their_own_arrays(arrays):
    X, y = arrays
    rows = np.r_[30:20:-1, 0:9]
    part = make_tasks().fit(MultiTaskEpochs(*arrays)[rows])
    texts = {"a": y["a"][:9].astype(str), "b": y["b"][3:13]}
    own = make_tasks().fit({"a": X["a"][:9], "b": X["b"][3:13]}, texts)
    assert_same(part.predict_proba(X), own.predict_proba(X))


def test_epochs_in_a_dict_and_behind_one_index(fitted_hands, hands):
    data = MultiTaskEpochs(hands)
    clf = make_tasks().fit(data)
    assert clf.classes_.tolist() == [
        *("eyes/closed", "eyes/open", "hands/left", "hands/right")
    ]
    assert_same(clf.predict_proba(hands), fitted_hands.predict_proba(hands))
    assert fitted_hands.score(hands) == fitted_hands.score(data)
    lists = {name: [part[:7], part[7:]] for name, part in hands.items()}
    assert_same(make_tasks().fit(lists).predict_proba(data), clf.predict_proba(data))
    assert fitted_hands.score(lists) == fitted_hands.score(data)


def test_epochs_are_read_like_the_classifiers(fitted_hands, hands):
    expected = fitted_hands.predict_proba(hands)
    mixed = hands["hands"].copy().reorder_channels(["Pz", "C3", "C4", "Cz"])
    assert_same(
        fitted_hands.predict_proba({"hands": mixed})["hands"], expected["hands"]
    )
    eyes = hands["eyes"].copy().resample(320.0, verbose="error")
    with catch_logging(verbose=True) as log:
        fitted_hands.set_params(verbose=True).predict({"eyes": eyes})
        fitted_hands.set_params(verbose="error")
    assert "Resampling X from 320.0 Hz to the 160.0 Hz" in log.getvalue()


def test_epochs_from_disk(fitted_hands, hands, tmp_path):
    bare = hands["hands"].copy()
    bare.metadata = None
    bare.save(tmp_path / "hands-epo.fif", fmt="double", verbose="error")
    lazy = mne.read_epochs(tmp_path / "hands-epo.fif", preload=False, verbose="error")
    groups = {name: part.metadata["subject"] for name, part in hands.items()}
    clf = make_tasks().fit({**hands, "hands": lazy}, groups=groups)
    assert not lazy.preload
    for name, proba in fitted_hands.predict_proba(hands).items():
        np.testing.assert_allclose(clf.predict_proba(hands)[name], proba, atol=1e-5)


def test_epochs_with_a_task_each(epochs, splits):
    task = np.where(epochs.metadata["subject"] % 2, "one", "two")
    clf = make_tasks(validation=0.4).fit(epochs, task=task)
    assert clf.tasks_["one"].ch_names == tuple(epochs.ch_names)
    assert clf.classes_.tolist() == ["left", "right"]
    subjects = epochs.metadata["subject"].to_numpy()
    for groups, name in zip(splits, ("one", "two"), strict=True):
        assert_same(groups, subjects[task == name])
    parts = {name: epochs[task == name] for name in ("one", "two")}
    same = make_tasks(validation=0.4).fit(parts)
    assert_same(clf.predict_proba(parts), same.predict_proba(parts))
    assert clf.score(epochs, task=task) == same.score(parts)


def test_one_task_for_all_epochs(fitted_hands, hands):
    want = fitted_hands.predict_proba({"eyes": hands["eyes"]})["eyes"]
    found = fitted_hands.predict_proba(hands["eyes"], task="eyes")
    assert_same(found[:, found.any(0)], want)
    labels = fitted_hands.predict({"eyes": hands["eyes"]})["eyes"]
    assert_same(fitted_hands.predict(hands["eyes"], task="eyes"), labels)


def test_groups_come_with_epochs_and_the_index(epochs, hands, splits):
    clf = make_tasks(validation=0.5)
    subjects = {k: v.metadata["subject"].to_numpy() for k, v in hands.items()}
    clf.fit(hands)
    for groups, name in zip(splits, ("eyes", "hands"), strict=True):
        assert_same(groups, subjects[name])
    splits.clear()
    clf.fit(MultiTaskEpochs(hands)[::-1])
    for groups, name in zip(splits, ("eyes", "hands"), strict=True):
        assert_same(groups, subjects[name][::-1].astype(str))


def test_without_groups_the_index_trains_like_the_dict(arrays, splits):
    X, y = arrays
    clf = make_tasks(validation=0.25)
    flat = MultiTaskEpochs(X, y)
    by_index = clf.fit(flat).predict_proba(flat)
    assert splits == [None, None]
    texts = {name: labels.astype(str) for name, labels in y.items()}
    assert_same(by_index, clf.fit(X, texts).predict_proba(flat))


def test_inputs_are_left_unchanged(arrays, hands):
    X, y = dict(arrays[0]), dict(arrays[1])
    weight = {name: np.linspace(0, 1, 18) for name in X}
    copies = {name: part.copy() for name, part in weight.items()}
    make_tasks(input_scale=None).fit(X, y, sample_weight=weight).predict(X)
    assert list(X) == list(y) == ["a", "b"]
    assert all(X[name] is arrays[0][name] for name in X)
    assert_same(weight, copies)
    data = {name: part.copy() for name, part in hands.items()}
    make_tasks().fit(data).predict(data)
    for name, part in hands.items():
        assert_same(data[name].get_data(), part.get_data())
        assert data[name].ch_names == part.ch_names


def test_short_epochs_name_their_task(arrays):
    X, y = arrays
    with pytest.warns(UserWarning, match="needs 289"):
        clf = make_tasks().fit({"a": X["a"][..., :200], "b": X["b"]}, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert clf.predict({"a": X["a"][..., :200]})["a"].shape == (18,)


def test_a_prediction_depends_on_its_epoch_only(fitted_tasks, flat, rng):
    expected = fitted_tasks.predict_proba(flat)
    order = rng.permutation(36)
    assert_same(fitted_tasks.predict_proba(flat[order]), expected[order])
    for rows in ([3], [30], [35, 0, 35], np.arange(0, 36, 5)):
        assert_same(fitted_tasks.predict_proba(flat[rows]), expected[rows])
    many = np.tile(np.arange(36), 9)
    assert_same(fitted_tasks.predict_proba(flat[many]), expected[many])


def test_epochs_that_mne_drops_when_it_reads_them():
    rng = np.random.default_rng(0)
    data = rng.standard_normal((2, 3000)) * 1e-5
    data[0, 700:750] = 1e-3
    raw = mne.io.RawArray(data, mne.create_info(2, 100.0, "eeg"), verbose="error")
    events = np.c_[np.arange(10) * 300, np.zeros(10, int), [1, 2] * 5]
    ways = {"tmin": 0, "tmax": 2.99, "baseline": None, "verbose": "error"}

    def made(preload):
        reject = {"eeg": 5e-4}
        return mne.Epochs(raw, events, preload=preload, reject=reject, **ways)

    clf = make_tasks().fit({"a": made(False)})
    whole = {"a": made(True)}
    assert len(whole["a"]) == 9
    expected = make_tasks().fit(whole).predict_proba(whole)["a"]
    np.testing.assert_array_equal(clf.predict_proba({"a": made(False)})["a"], expected)
    assert clf.score({"a": made(False)}) == clf.score(whole)
