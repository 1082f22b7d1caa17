"""MultiTaskEEGMamba: going on, new tasks, files, weights, and what is refused."""

import pickle

import numpy as np
import pytest
from skorch.callbacks import Callback

from mne_eegmamba import EEGMambaClassifier, MultiTaskEEGMamba, MultiTaskEpochs
from tests.estimators.conftest import make_tasks as make


@pytest.fixture
def fitted(arrays):
    return make().fit(*arrays)


def same(one, other):
    return all(np.array_equal(one[task], other[task]) for task in one)


def test_new_task_on_a_frozen_backbone(fitted, arrays, new):
    before = fitted.predict_proba(arrays[0])
    assert fitted.add_task("c", *new) is fitted
    assert same(before, fitted.predict_proba(arrays[0]))
    assert fitted.classes_.tolist() == [
        *("a/0", "a/1", "b/x", "b/y", "b/z", "c/p", "c/q", "c/r")
    ]
    assert set(fitted.predict({"c": new[0]})["c"]) <= {"p", "q", "r"}
    assert len(fitted.history_) == 2
    assert fitted.expert_usage({"c": new[0]}).shape == (1, 3)
    everything = {**arrays[0], "c": new[0]}
    assert same(before, fitted.predict_proba(everything))


def test_frozen_training_changes_only_what_is_new(fitted, new):
    before = {k: v.clone() for k, v in fitted.net_.module_.state_dict().items()}
    fitted.set_params(max_epochs=3).add_task("c", *new)
    after = fitted.net_.module_.state_dict()
    for key, value in before.items():
        kept = after[key][: len(value)] if key.endswith("usage") else after[key]
        assert np.array_equal(kept, value), key
    added = set(after) - set(before)
    assert {key.split(".")[0] for key in added} == {"spatial", "encoder", "heads"}
    assert all(p.requires_grad for p in fitted.net_.module_.parameters())


def test_new_task_learns(fitted):
    rng = np.random.default_rng(2)
    y = np.arange(40) % 2
    X = rng.standard_normal((40, 2, 300)) + 2 * y[:, None, None]
    fitted.set_params(max_epochs=15, lr=1e-2, mixup=0.0, dropout=0.0)
    fitted.add_task("c", X, y)
    assert fitted.score({"c": X}, {"c": y}) > 0.8


def test_without_freezing_all_may_change(fitted, arrays, new):
    before = fitted.predict_proba(arrays[0])
    fitted.add_task("c", *new, freeze="none")
    assert not same(before, fitted.predict_proba(arrays[0]))


def test_removed_task_leaves_the_others(fitted, arrays, new):
    before = fitted.predict_proba(arrays[0])
    fitted.add_task("c", *new).remove_task("a")
    assert fitted.classes_.tolist() == ["b/x", "b/y", "b/z", "c/p", "c/q", "c/r"]
    after = fitted.predict_proba({"b": arrays[0]["b"]})
    assert np.array_equal(after["b"], before["b"])
    with pytest.raises(ValueError, match="tasks that were not in fit: \\['a'\\]"):
        fitted.predict(arrays[0])
    fitted.remove_task("c")
    with pytest.raises(ValueError, match="'b' is the only task"):
        fitted.remove_task("b")
    with pytest.raises(ValueError, match="`name` parameter of remove_task.*'b'"):
        fitted.remove_task("a")
    fitted.partial_fit({"b": arrays[0]["b"]}, {"b": arrays[1]["b"]})
    assert len(fitted.history_) == 3


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("a", {}, "There is a task 'a' already"),
        ("c/d", {}, 'without "/"'),
        ("c", {"freeze": "head"}, "`freeze` parameter of add_task must be one of"),
    ],
)
def test_wrong_new_task(fitted, arrays, new, state, name, options, message):
    before = state(fitted)
    with pytest.raises(ValueError, match=message):
        fitted.add_task(name, *new, **options)
    assert state(fitted) == before


def test_bad_data_of_a_new_task_change_nothing(fitted, new, state):
    before = state(fitted)
    bad = new[0].copy()
    bad[3, 1, 7] = np.nan
    with pytest.raises(
        ValueError, match="Task 'c': X contains NaN: epoch 3, channel 1"
    ):
        fitted.add_task("c", bad, new[1])
    assert state(fitted) == before


def test_files(fitted, arrays, new, tmp_path):
    path = tmp_path / "model.safetensors"
    fitted.add_task("c", *new)
    fitted.save(path)
    loaded = MultiTaskEEGMamba.load(path)
    assert same(fitted.predict_proba(arrays[0]), loaded.predict_proba(arrays[0]))
    assert loaded.get_params() == fitted.get_params()
    assert loaded.classes_.tolist() == fitted.classes_.tolist()
    assert loaded.input_kind_ == "dict"
    assert loaded.history_.equals(fitted.history_)
    assert list(loaded.tasks_) == list(fitted.tasks_)
    loaded.remove_task("a").add_task("d", *new)
    assert loaded.predict({"d": new[0]})["d"].shape == (12,)
    message = "holds a MultiTaskEEGMamba, not a EEGMambaClassifier"
    with pytest.raises(ValueError, match=message):
        EEGMambaClassifier.load(path)


def test_pickle(fitted, arrays):
    copy = pickle.loads(pickle.dumps(fitted))
    assert same(fitted.predict_proba(arrays[0]), copy.predict_proba(arrays[0]))


def test_partial_fit_on_some_tasks(arrays):
    X, y = arrays
    first = {"a": X["a"][:9], "b": X["b"][:2]}
    labels = {"a": y["a"][:9], "b": y["b"][:2]}
    clf = make().partial_fit(first, labels, classes={"b": ["x", "y", "z"]})
    before = clf.predict_proba(X)
    clf.partial_fit({"a": X["a"]}, {"a": y["a"]})
    assert len(clf.history_) == 2
    assert not same(before, clf.predict_proba(X))
    with pytest.raises(ValueError, match="not in fit: \\['c'\\].*see add_task"):
        clf.partial_fit({"c": X["a"]}, {"c": y["a"]})


def test_warm_start_goes_on(arrays):
    clf = make(warm_start=True).fit(*arrays).fit(*arrays)
    assert len(clf.history_) == 2
    other = {"a": arrays[1]["a"] + 5, "b": arrays[1]["b"]}
    with pytest.raises(ValueError, match="Task 'a': y has classes that are not among"):
        clf.fit(arrays[0], other)


def test_class_weights(arrays):
    X, y = arrays
    uneven = {"a": (np.arange(18) > 12).astype(int), "b": y["b"]}
    plain = make().fit(X, uneven).predict_proba(X)
    balanced = make(class_weight="balanced").fit(X, uneven).predict_proba(X)
    assert not same(plain, balanced)
    per_task = make(class_weight={"a": "balanced"}).fit(X, uneven).predict_proba(X)
    assert same(per_task, balanced)  # b is even already
    texts = {task: labels.astype(str) for task, labels in uneven.items()}
    weights = {"a/0": 18 / 26, "a/1": 18 / 10, "b/x": 1.0, "b/y": 1.0, "b/z": 1.0}
    flat = make(class_weight=weights).fit(X, texts).predict_proba(X)
    for task in X:
        np.testing.assert_allclose(flat[task], balanced[task], rtol=1e-4)


def test_sample_weights(arrays):
    X, y = arrays
    weights = {task: np.where(np.arange(18) < 12, 1.0, 0.0) for task in X}
    some = make().fit(X, y, sample_weight=weights).predict_proba(X)
    part = make().fit(
        {task: x[:12] for task, x in X.items()},
        {task: labels[:12] for task, labels in y.items()},
    )
    assert same(some, part.predict_proba(X))
    flat = MultiTaskEpochs(X, {t: labels.astype(str) for t, labels in y.items()})
    vector = np.concatenate([weights[task] for task in flat.tasks])
    assert same(some, make().fit(flat, sample_weight=vector).predict_proba(X))


def test_validation_keeps_groups_of_each_task_apart(arrays):
    X, y = arrays
    groups = {task: np.arange(18) // 3 for task in X}
    seen = {}

    class Look(Callback):
        def on_train_begin(self, net, X=None, **kwargs):
            for part, data in (("train", X), ("valid", net.train_split(X)[1])):
                for task in data.tasks:
                    seen[part, task.task] = set(groups[task.task][task.rows])

    clf = make(validation=0.34, early_stopping=5, callbacks=[Look()])
    clf.fit(X, y, groups=groups)
    for task in X:
        assert seen["valid", task]
        assert not seen["train", task] & seen["valid", task]
    assert "valid_accuracy/a" in clf.history_


def spoil(X, y, what):
    X, y = dict(X), dict(y)
    if what == "nan":
        X["b"] = X["b"].copy()
        X["b"][2, 1, 5] = np.nan
    elif what == "one class":
        y["b"] = np.array(["x"] * 18)
    elif what == "length":
        y["b"] = y["b"][:5]
    elif what == "no labels":
        del y["b"]
    elif what == "unknown":
        y["c"] = y["b"]
    elif what == "vector":
        y = np.zeros(36)
    elif what == "slash":
        X["b/c"] = X["b"]
    elif what == "empty":
        X = {}
    return X, y


@pytest.mark.parametrize(
    ("what", "error", "message"),
    [
        ("nan", ValueError, "Task 'b': X contains NaN: epoch 2, channel 1"),
        (
            "one class",
            ValueError,
            "Task 'b': MultiTaskEEGMamba needs at least 2 classes",
        ),
        ("length", ValueError, "Task 'b': X and y must have the same length"),
        ("no labels", ValueError, "Task 'b': MultiTaskEEGMamba requires y"),
        ("unknown", ValueError, "y has entries for tasks that X lacks: \\['c'\\]"),
        ("vector", TypeError, "y must be a dict from names of tasks, as X is"),
        ("slash", ValueError, "without \"/\". Got 'b/c'"),
        ("empty", ValueError, "at least one task"),
    ],
)
def test_bad_data_change_nothing(fitted, arrays, state, what, error, message):
    before = state(fitted)
    with pytest.raises(error, match=message):
        fitted.fit(*spoil(*arrays, what))
    assert state(fitted) == before


def test_bad_data_at_predict(fitted, arrays):
    X, _ = arrays
    cases = {
        "Task 'b': X has 2 channels, but MultiTaskEEGMamba": X["b"][:, :2],
        "Task 'b': X has 250 samples per epoch, fit saw 300": X["b"][..., :250],
        "Task 'b': X has another scale than in fit": X["b"] * 1e6,
        "Task 'b': X contains infinity": np.full_like(X["b"], np.inf),
    }
    for message, bad in cases.items():
        with pytest.raises(ValueError, match=message):
            fitted.predict({"a": X["a"], "b": bad})
    with pytest.raises(TypeError, match="task is for one array or Epochs"):
        fitted.predict(X, task=["a"] * 18)
    with pytest.raises(ValueError, match="X and task must have the same length"):
        fitted.predict(X["a"], task=["a"] * 3)


def test_variable_length(arrays):
    X, y = arrays
    clf = make(variable_length=True).fit(X, y)
    assert clf.predict({"b": X["b"][..., :290]})["b"].shape == (18,)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"top_k": 1}, ValueError, "`top_k` parameter.*at least 2 with universal_exp"),
        ({"top_k": 4}, ValueError, "`top_k` parameter"),
        ({"n_experts": -1}, ValueError, "`n_experts` parameter of MultiTaskEEGMamba"),
        ({"sampling": "random"}, ValueError, "`sampling` parameter of MultiTaskEEGM"),
        ({"balance_weight": -1.0}, ValueError, "`balance_weight` parameter"),
        ({"task_gate": 1}, TypeError, "`task_gate` parameter"),
        ({"task_types": ["a"]}, TypeError, "`task_types` parameter.*dict"),
        ({"task_types": {"c": "x"}}, ValueError, "`task_types`.*Got \\['c'\\] as well"),
        ({"mixup": -1}, ValueError, "`mixup` parameter of MultiTaskEEGMamba"),
    ],
)
def test_wrong_parameters(arrays, options, error, message):
    clf = make(**options)
    with pytest.raises(error, match=message):
        clf.fit(*arrays)
    assert not hasattr(clf, "net_")


def test_wrong_labels_of_a_flat_form(fitted, arrays):
    X, y = arrays
    flat = MultiTaskEpochs(X, y)
    with pytest.raises(ValueError, match="y must be \"task/label\".*Got 'b/x'"):
        make().fit(flat, np.roll(flat.y, 18))
    with pytest.raises(TypeError, match="y must be a vector"):
        make().fit(X["a"], {"task": y["a"]})
