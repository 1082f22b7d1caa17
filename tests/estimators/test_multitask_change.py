"""Tasks that come to a trained network, and tasks that leave it."""

import pickle

import numpy as np
import pytest
import torch

from mne_eegmamba import MultiTaskEEGMamba, MultiTaskEpochs
from tests.estimators.conftest import make_tasks


@pytest.fixture
def clf(arrays):
    return make_tasks().fit(*arrays)


def refuses(clf, state, call, match):
    before = state(clf)
    with pytest.raises((ValueError, TypeError), match=f"(?s){match}"):
        call()
    assert state(clf) == before


def weights_of(clf):
    return {k: v.clone() for k, v in clf.net_.module_.state_dict().items()}


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"tokenizer_norm": "batch", "pooling": "mean", "spectrum": True},
        {"tokenizer_norm": "group", "final_norm": None},
        {"n_experts": 0},
        {"task_gate": False, "universal_expert": False},
        {"balance_weight": 1.0, "weight_decay": 1.0, "clip_norm": None},
    ],
)
def test_a_frozen_backbone_keeps_every_bit(arrays, new, parameters):
    clf = make_tasks(**parameters).fit(*arrays)
    before, old = clf.predict_proba(arrays[0]), weights_of(clf)
    clf.set_params(max_epochs=2, lr=1e-2).add_task("c", *new)
    for name, proba in clf.predict_proba(arrays[0]).items():
        np.testing.assert_array_equal(proba, before[name])
    for key, value in clf.net_.module_.state_dict().items():
        if key in old and not key.endswith("usage"):
            assert torch.equal(value, old[key]), key
    assert clf.predict_proba({"c": new[0]})["c"].shape == (12, 3)


def test_without_freezing_the_backbone_moves(clf, new):
    old = weights_of(clf)
    clf.add_task("c", *new, freeze="none")
    moved = {
        k for k, v in weights_of(clf).items() if k in old and v.shape == old[k].shape
    }
    moved = {k for k in moved if not torch.equal(weights_of(clf)[k], old[k])}
    assert any(key.startswith("tokenizer") for key in moved)
    assert not any("task_a" in key or "task_b" in key for key in moved)


def test_history_and_accuracies_of_the_new_task(clf, new):
    first = clf.history_.copy()
    clf.set_params(max_epochs=3).add_task("c", *new)
    assert clf.history_.index.tolist() == [1, 2, 3, 4]
    assert clf.history_.train_loss.iloc[0] == first.train_loss.iloc[0]
    assert clf.history_["train_accuracy/c"].isna().tolist() == [True, *[False] * 3]


def test_same_seed_same_new_task(arrays, new):
    found = [
        make_tasks().fit(*arrays).add_task("c", *new).predict_proba({"c": new[0]})["c"]
        for _ in range(2)
    ]
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("freeze", ["backbone", "none"])
def test_a_new_task_is_learned(clf, freeze):
    rng = np.random.default_rng(2)
    y = np.arange(40) % 2
    X = rng.standard_normal((40, 2, 300)) + 2 * y[:, None, None]
    clf.set_params(max_epochs=15, lr=1e-2, mixup=0.0, dropout=0.0)
    clf.add_task("c", X, y, freeze=freeze)
    assert clf.score({"c": X}, {"c": y}) > 0.8


def test_epochs_as_a_new_task(clf, epochs):
    clf.add_task("hand", epochs[:16])
    assert clf.task_classes_["hand"].tolist() == ["left", "right"]
    assert clf.tasks_["hand"].ch_names == tuple(epochs.ch_names)
    turned = epochs[16:30].reorder_channels(["Pz", "C4", "C3", "Cz"])
    np.testing.assert_array_equal(
        clf.predict_proba({"hand": turned})["hand"],
        clf.predict_proba({"hand": epochs[16:30]})["hand"],
    )
    assert "hand/left" in clf.classes_
    assert 0 <= clf.score({"hand": epochs[16:30]}) <= 1


def test_classes_of_the_flat_form_grow(flat, new):
    clf = make_tasks().fit(flat)
    before = clf.predict_proba(flat)
    clf.add_task("ab", *new)
    assert clf.classes_.tolist() == [
        *("a/0", "a/1", "ab/p", "ab/q", "ab/r", "b/x", "b/y", "b/z")
    ]
    after = clf.predict_proba(flat)
    np.testing.assert_array_equal(after[:, [0, 1, 5, 6, 7]], before)
    assert not after[:, 2:5].any()
    more = MultiTaskEpochs({"ab": new[0]}, {"ab": new[1]})
    assert clf.predict_proba(more)[:, 2:5].all()
    assert set(clf.predict(more)) <= {"ab/p", "ab/q", "ab/r"}


def test_one_array_gets_a_second_task(arrays, new):
    X, y = arrays[0]["b"], arrays[1]["b"]
    clf = make_tasks().fit(X, y)
    before = clf.predict_proba(X)
    clf.add_task("other", *new)
    assert clf.classes_.tolist() == ["p", "q", "r", "x", "y", "z"]
    found = clf.predict_proba(X, task=["task"] * 18)
    np.testing.assert_array_equal(found[:, 3:], before)
    assert set(clf.predict(new[0], task=["other"] * 12)) <= {"p", "q", "r"}
    with pytest.raises(ValueError, match="X names no task"):
        clf.predict(X)
    clf.remove_task("task")
    assert set(clf.predict(new[0])) <= {"p", "q", "r"}


@pytest.mark.parametrize("dtype", [str, object])
def test_numbers_and_texts_as_labels_of_one_array(arrays, new, dtype):
    X = arrays[0]["b"]
    clf = make_tasks().fit(X, np.arange(18) % 2 + 9)
    before = clf.predict_proba(X)
    clf.add_task("c", new[0], new[1].astype(dtype))
    assert clf.classes_.tolist() == ["c/p", "c/q", "c/r", "task/10", "task/9"]
    found = clf.predict_proba(X, task=["task"] * 18)
    np.testing.assert_array_equal(found[:, [4, 3]], before)
    assert set(clf.predict(X, task=["task"] * 18)) <= {9, 10}


def test_validation_and_weights_for_a_new_task(clf, new):
    X, y = new
    clf.set_params(validation=0.25, class_weight={"c": {"p": 5.0}, "a": "balanced"})
    groups, weight = np.arange(12) // 3, np.linspace(0.5, 2, 12)
    clf.add_task("c", X, y, groups=groups, sample_weight=weight)
    assert np.isfinite(clf.history_["valid_accuracy/c"].iloc[-1])


def test_who_validated_a_new_task_is_not_trained_on_later(arrays, new, splits):
    settings = {"validation": 0.25, "warm_start": True, "random_state": None}
    clf = make_tasks(**settings).fit(*arrays).add_task("c", *new)
    clf.fit({**arrays[0], "c": new[0]}, {**arrays[1], "c": new[1]})
    each = {"a": [], "b": [], "c": []}
    for task, (_, _, valid) in zip("abcabc", splits, strict=True):
        each[task].append(valid.tolist())
    assert all(first == later for first, later in each.values())


def test_task_type_of_a_new_task(arrays, new):
    clf = make_tasks(task_types={"a": "same", "b": "same"}).fit(*arrays)
    clf.set_params(task_types={"a": "same", "b": "same", "c": "same"})
    clf.add_task("c", *new)
    assert len(clf.net_.module_.encoder.task_tokens) == 1
    clf.add_task("d", *new)
    assert len(clf.net_.module_.encoder.task_tokens) == 2


def test_training_goes_on_with_all_tasks(clf, arrays, new):
    clf.add_task("c", *new)
    old = weights_of(clf)
    everything = {**arrays[0], "c": new[0]}, {**arrays[1], "c": new[1]}
    clf.partial_fit(*everything)
    still = [k for k, v in weights_of(clf).items() if torch.equal(v, old[k])]
    # Noise of the gate and batches of one task may leave a weight where it was.
    assert not [key for key in still if key.startswith(("tokenizer", "heads"))]
    copy = pickle.loads(pickle.dumps(clf))
    for each in (copy, clf.set_params(warm_start=True)):
        each.set_params(warm_start=True).fit(*everything)
    for name, proba in clf.predict_proba(everything[0]).items():
        np.testing.assert_array_equal(copy.predict_proba(everything[0])[name], proba)


@pytest.mark.parametrize(
    ("spoil", "match"),
    [
        (lambda X, y: (X * np.nan, y), "Task 'c': .*NaN: epoch 0, channel 0"),
        (lambda X, y: (X, None), "Task 'c': .*requires y"),
        (lambda X, y: (X, y[:4]), "Task 'c': .*12 epochs and 4 entries"),
        (lambda X, y: (X, ["p"] * 12), r"Task 'c': .*1 class: \['p'\]"),
        (lambda X, y: (X[:0], y[:0]), "Task 'c': "),
        (lambda X, y: (X[0, 0], y), "Task 'c': "),
        (lambda X, y: (X, np.linspace(0, 1, 12)), "Task 'c': .*continuous"),
    ],
)
def test_bad_data_of_a_new_task(fitted_tasks, state, new, spoil, match):
    bad = spoil(*new)
    refuses(fitted_tasks, state, lambda: fitted_tasks.add_task("c", *bad), match)


@pytest.mark.parametrize("name", ["", "c/d", 5, None])
def test_names_of_new_tasks(fitted_tasks, state, new, name):
    match = "non-empty texts"
    refuses(fitted_tasks, state, lambda: fitted_tasks.add_task(name, *new), match)


def test_known_name_and_unknown_freezing(fitted_tasks, state, new):
    for name, freeze, match in [
        ("a", "backbone", "There is a task 'a' already.*partial_fit.*remove_task"),
        ("c", "head", "`freeze` parameter of add_task must be one of 'backbone'"),
        ("c", None, "`freeze` parameter of add_task"),
    ]:
        call = (name, *new)
        refuses(
            fitted_tasks,
            state,
            lambda c=call, f=freeze: fitted_tasks.add_task(*c, freeze=f),
            match,
        )


def test_bad_parameters_at_add_task(clf, state, new):
    clf.set_params(lr=-1)
    refuses(clf, state, lambda: clf.add_task("c", *new), "`lr` parameter")


def test_removing_is_never_having_been_there_for_the_others(clf, arrays):
    before = clf.predict_proba(arrays[0])["b"]
    usage = clf.expert_usage(arrays[0])
    clf.remove_task("a")
    np.testing.assert_array_equal(clf.predict_proba({"b": arrays[0]["b"]})["b"], before)
    np.testing.assert_array_equal(
        clf.expert_usage({"b": arrays[0]["b"]}).loc["b"], usage.loc["b"]
    )
    assert clf.classes_.tolist() == ["b/x", "b/y", "b/z"]
    assert not [key for key in weights_of(clf) if "task_a" in key]
    assert len(clf.history_) == 1
    np.testing.assert_array_equal(clf.predict_proba(arrays[0]["b"]), before)


def test_a_name_is_free_again(clf, arrays, new):
    X = arrays[0]["b"]
    before = clf.predict_proba({"b": X})["b"]
    clf.remove_task("a").add_task("a", *new)
    assert clf.task_classes_["a"].tolist() == ["p", "q", "r"]
    np.testing.assert_array_equal(clf.predict_proba({"b": X})["b"], before)


def test_usage_stays_with_its_task(clf, arrays, new):
    clf.add_task("c", *new)
    usage = clf.net_.module_.encoder.mixtures[0].usage.clone()
    assert (usage.sum(1) > 0).all()
    clf.remove_task("a")
    left = clf.net_.module_.encoder.mixtures[0].usage
    assert torch.equal(left, usage[1:])


def test_one_task_must_stay(clf, state, arrays):
    clf.remove_task("a")
    unknown = r"not in fit: \['a'\].*Known are \['b'\]"
    refuses(clf, state, lambda: clf.predict(arrays[0]), unknown)
    refuses(clf, state, lambda: clf.remove_task("b"), "'b' is the only task")
    refuses(clf, state, lambda: clf.remove_task("a"), "`name` parameter.*'b'")
    clf.partial_fit({"b": arrays[0]["b"]}, {"b": arrays[1]["b"]})
    assert len(clf.history_) == 2


@pytest.mark.parametrize("name", ["c", 5, None])
def test_unknown_tasks_cannot_leave(fitted_tasks, state, name):
    refuses(
        fitted_tasks,
        state,
        lambda: fitted_tasks.remove_task(name),
        "`name` parameter of remove_task must be one of 'a', 'b'",
    )


def test_tasks_that_share_an_array_may_be_replaced(arrays, new):
    X, task = arrays[0]["b"], np.array(["p", "q"] * 9)
    clf = make_tasks().fit(X, np.arange(18) // 2 % 2, task=task)
    clf.add_task("r", *new).remove_task("p").remove_task("q")
    assert isinstance(clf, MultiTaskEEGMamba)
    assert clf.predict({"r": new[0]})["r"].shape == (12,)


def test_short_epochs_of_a_new_task_are_told(fitted_tasks):
    X = np.random.default_rng(0).standard_normal((6, 2, 100))
    clf = pickle.loads(pickle.dumps(fitted_tasks))
    with pytest.warns(UserWarning, match="Epochs of task 'c' have 100 samples"):
        clf.add_task("c", X, [0, 1] * 3)
