"""What training on several tasks does with parameters, weights and repeated calls."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GroupKFold, GroupShuffleSplit
from skorch.callbacks import Callback

from mne_eegmamba import MultiTaskEEGMamba, MultiTaskEpochs, paper_parameters
from mne_eegmamba.batches.dynamic_sampling import DynamicSampling
from tests.estimators.agreement import assert_differ, assert_same
from tests.estimators.conftest import make_tasks


@pytest.fixture
def uneven(arrays):
    """Give labels of which one is rare in each task."""
    y = {"a": (np.arange(18) % 6 == 0).astype(int), "b": arrays[1]["b"].copy()}
    y["b"][3:9] = "x"
    return arrays[0], y


class TestParameters:
    def test_set_params_is_constructing(self, arrays):
        parameters = {"n_experts": 4, "d_model": 8, "sampling": "uniform"}
        changed = make_tasks().set_params(**parameters).fit(*arrays)
        assert_same(changed, make_tasks(**parameters).fit(*arrays), arrays[0])

    def test_fit_changes_no_parameter(self, uneven):
        clf = make_tasks(
            class_weight={"a": {0: 1.0, 1: 5.0}},
            task_types={"a": "t"},
            callbacks=[],
            validation=GroupKFold(3),
        )
        before = clf.get_params().copy()
        clf.fit(*uneven, groups={name: np.arange(18) // 3 for name in "ab"})
        for name, value in before.items():
            assert getattr(clf, name) is value

    def test_a_further_fit_forgets_the_first(self, fitted_tasks, arrays, new, epochs):
        clf = make_tasks().fit(*new)
        assert (clf.n_features_in_, clf.input_kind_) == (5, "array")
        clf.fit(*arrays)
        assert not hasattr(clf, "n_features_in_")
        assert list(clf.tasks_) == ["a", "b"]
        assert len(clf.history_) == 1
        assert_same(clf, fitted_tasks, arrays[0])
        clf.fit({"hand": epochs})
        assert list(clf.tasks_) == ["hand"]

    def test_paper_parameters_train(self, arrays):
        parameters = paper_parameters(multitask=True)
        assert (parameters["n_layers"], parameters["n_experts"]) == (8, 8)
        clf = MultiTaskEEGMamba(**parameters, verbose="error")
        assert clf.get_params().items() >= parameters.items()
        clf.set_params(max_epochs=1, d_model=16, batch_size=9)
        proba = clf.fit(*arrays).predict_proba(arrays[0])
        assert np.isfinite(proba["b"]).all()
        assert clf.expert_usage(arrays[0], layer=7).shape == (2, 8)


# For each parameter that the single-task classifier lacks, a value that must matter.
EFFECTS = {
    "bidirectional": False,
    "n_experts": 4,
    "top_k": 3,
    "universal_expert": False,
    "task_gate": False,
    "task_types": {"a": "same", "b": "same"},
    "moe_residual": False,
    "balance_statistics": "batch",
    "balance_weight": 1.0,
    "router_z_weight": 1.0,
    "sampling": "sequential",
}


def test_every_parameter_of_the_mixture_matters(make):
    shared = make().get_params().keys()
    assert EFFECTS.keys() == MultiTaskEEGMamba().get_params().keys() - shared


@pytest.mark.parametrize("name", EFFECTS)
def test_parameter_changes_the_result(arrays, name):
    base = make_tasks(max_epochs=2, batch_size=6)
    if name == "balance_statistics":
        base.set_params(balance_weight=1.0)
    if name == "bidirectional":  # see test_class_token_that_would_see_nothing
        base.set_params(pooling="mean")
    other = clone(base).set_params(**{name: EFFECTS[name]})
    assert other.get_params()[name] != base.get_params()[name]
    assert_differ(base.fit(*arrays), other.fit(*arrays), arrays[0])


@pytest.mark.parametrize(
    ("parameters", "columns"),
    [({}, True), ({"n_experts": 0}, False), ({"universal_expert": False}, True)],
)
def test_auxiliary_losses_are_recorded(arrays, parameters, columns):
    history = make_tasks(**parameters).fit(*arrays).history_
    for name in ("balance_loss", "router_z_loss"):
        assert (name in history) == columns
    assert history.notna().all(axis=None)


def test_columns_of_the_history(arrays):
    history = make_tasks(validation=0.34, max_epochs=2).fit(*arrays).history_
    assert history.columns.tolist() == [
        *("train_loss", "valid_loss", "train_accuracy", "valid_accuracy"),
        *("balance_loss", "router_z_loss", "train_accuracy/a", "train_accuracy/b"),
        *("valid_accuracy/a", "valid_accuracy/b", "lr", "seconds", "waiting"),
    ]
    assert history.index.tolist() == [1, 2]
    assert history.notna().all(axis=None)
    for part in ("train", "valid"):
        mean = (history[f"{part}_accuracy/a"] + history[f"{part}_accuracy/b"]) / 2
        np.testing.assert_allclose(history[f"{part}_accuracy"], mean)


@pytest.mark.parametrize(
    "parameters",
    [
        {"task_gate": False, "universal_expert": False},
        {"universal_expert": False, "top_k": 3},
        {"bidirectional": False, "pooling": "mean", "n_experts": 0},
        {"tokenizer_norm": "batch", "pooling": "mean", "spectrum": True},
        {"input_scale": "window", "class_token": "middle"},
    ],
)
def test_ablations_of_the_paper(fitted_tasks, arrays, parameters):
    clf = make_tasks(**parameters).fit(*arrays)
    assert all(np.isfinite(p).all() for p in clf.predict_proba(arrays[0]).values())
    assert_differ(clf, fitted_tasks, arrays[0])


def test_task_types_share_what_the_gate_knows(arrays):
    clf = make_tasks(task_types={"a": "same", "b": "same"}).fit(*arrays)
    assert len(clf.net_.module_.encoder.task_tokens) == 1
    assert len(make_tasks().fit(*arrays).net_.module_.encoder.task_tokens) == 2


@pytest.mark.parametrize("sampling", ["dynamic", "uniform", "sequential"])
def test_a_pass_uses_every_epoch_once(arrays, sampling):
    seen = []

    class Watch(Callback):
        def on_batch_end(self, net, batch, training, **kwargs):
            seen.append((batch[0].task, len(batch[0])))

    clf = make_tasks(sampling=sampling, callbacks=[Watch()], batch_size=6)
    clf.fit(*arrays)
    assert sorted(seen) == [("a", 6)] * 3 + [("b", 6)] * 3
    if sampling == "sequential":
        assert seen == sorted(seen)
    assert clf.net_.iterator_train is DynamicSampling
    assert clf.history_.waiting.between(0, 1).all()


class TestRandomness:
    def test_one_seed_one_result(self, fitted_tasks, arrays):
        generators = [np.random.RandomState(3) for _ in range(2)]
        one, other = (make_tasks(random_state=g).fit(*arrays) for g in generators)
        assert_same(one, other, arrays[0])
        assert_same(one, make_tasks(random_state=3).fit(*arrays), arrays[0])
        assert_differ(one, fitted_tasks, arrays[0])

    def test_no_seed_many_results(self, arrays):
        one, other = (make_tasks(random_state=None).fit(*arrays) for _ in range(2))
        assert_differ(one, other, arrays[0])

    def test_order_of_epochs_does_not_matter(self, fitted_tasks, arrays, rng):
        order = {name: rng.permutation(18) for name in arrays[0]}
        X, y = ({k: v[order[k]] for k, v in part.items()} for part in arrays)
        assert_same(make_tasks().fit(X, y), fitted_tasks, arrays[0])

    def test_global_state_is_neither_used_nor_touched(self, fitted_tasks, arrays, new):
        np.random.seed(7)  # noqa: NPY002
        torch.manual_seed(7)
        before = np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
        clf = make_tasks(validation=0.3).fit(*arrays)
        clf.partial_fit(*arrays).expert_usage(arrays[0])
        clf.add_task("c", *new).remove_task("a")
        after = np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
        assert before[0][2:] == after[0][2:]
        np.testing.assert_array_equal(before[0][1], after[0][1])
        assert torch.equal(before[1], after[1])
        assert_same(make_tasks().fit(*arrays), fitted_tasks, arrays[0])


class TestWeights:
    def test_balanced_counts_each_task_alone(self, uneven):
        X, y = uneven
        each = {}
        for name, labels in y.items():
            values, counts = np.unique(labels, return_counts=True)
            weights = len(labels) / (len(values) * counts)
            each[name] = dict(zip(values.tolist(), weights.tolist(), strict=True))
        balanced = make_tasks(class_weight="balanced").fit(X, y)
        flat = {f"{t}/{k}": w for t, part in each.items() for k, w in part.items()}
        assert_same(balanced, make_tasks(class_weight=each).fit(X, y), X)
        assert_same(balanced, make_tasks(class_weight=flat).fit(X, y), X)
        assert_differ(balanced, make_tasks().fit(X, y), X)

    def test_tasks_without_an_entry_have_no_weights(self, uneven):
        X, y = uneven
        want = make_tasks(class_weight={"a": {0: 1.0, 1: 9.0}, "b": None}).fit(X, y)
        for weights in ({"a": {1: 9.0}}, {"a/1": 9.0}, {"a/0": 1.0, "a/1": 9.0}):
            clf = make_tasks(class_weight=weights).fit(X, y)
            assert_same(clf, want, X)
        assert_differ(want, make_tasks().fit(X, y), X)

    def test_plain_dict_for_one_array(self, arrays):
        X, y = arrays[0]["b"], arrays[1]["b"]
        weights = {"x": 1.0, "y": 5.0, "z": 1.0}
        factors = np.array([weights[label] for label in y])
        by_class = make_tasks(class_weight=weights).fit(X, y)
        by_epoch = make_tasks().fit(X, y, sample_weight=factors)
        assert by_class.predict_proba(X).tolist() == by_epoch.predict_proba(X).tolist()

    def test_weight_two_is_twice_the_epoch(self, arrays):
        X, y = arrays
        weight = {"b": 1.0 + (np.arange(18) % 4 == 0)}
        rows = np.repeat(np.arange(18), weight["b"].astype(int))
        twice = make_tasks().fit({**X, "b": X["b"][rows]}, {**y, "b": y["b"][rows]})
        assert_same(make_tasks().fit(X, y, sample_weight=weight), twice, X)

    @pytest.mark.parametrize("form", ["dict", "flat"])
    def test_weight_zero_is_no_epoch(self, arrays, form):
        weight = {name: (np.arange(18) < 12).astype(float) for name in "ab"}
        data, vector = arrays, weight
        if form == "flat":
            data = (MultiTaskEpochs(*arrays), None)
            vector = np.concatenate([weight["a"], weight["b"]])
        some = ({k: v[:12] for k, v in part.items()} for part in arrays)
        clf = make_tasks().fit(*data, sample_weight=vector)
        assert_same(clf, make_tasks().fit(*some), arrays[0])

    def test_weights_are_relative_to_their_task(self, fitted_tasks, arrays):
        weight = {"a": np.full(18, 7.0), "b": np.full(18, 0.1)}
        clf = make_tasks().fit(*arrays, sample_weight=weight)
        assert_same(clf, fitted_tasks, arrays[0])


class TestValidation:
    def test_only_the_training_part_trains(self, arrays):
        X, y = arrays
        fold = np.arange(18) < 6
        split = [(np.flatnonzero(~fold), np.flatnonzero(fold))]
        clf = make_tasks(validation=split).fit(X, y)
        some = ({k: v[6:] for k, v in part.items()} for part in arrays)
        assert_same(clf, make_tasks().fit(*some), X)
        proba = clf.predict_proba(X)
        right, losses = {}, []
        for name, classes in clf.task_classes_.items():
            truth = np.searchsorted(classes, y[name][:6])
            losses.extend(-np.log(proba[name][np.arange(6), truth]))
            right[name] = np.mean(proba[name][:6].argmax(1) == truth)
        last = clf.history_.iloc[-1]
        assert last.valid_loss == pytest.approx(np.mean(losses), rel=1e-5)
        assert last.valid_accuracy == pytest.approx(np.mean(list(right.values())))
        for name, share in right.items():
            assert last[f"valid_accuracy/{name}"] == pytest.approx(share)

    @pytest.mark.parametrize("validation", [0.34, 3, GroupKFold(3)])
    @pytest.mark.parametrize("form", ["dict", "flat"])
    @pytest.mark.filterwarnings("ignore:The groups parameter is ignored:UserWarning")
    def test_no_group_is_on_both_sides(self, arrays, flat, validation, form):
        # Three folds by class take six epochs in a row, so they may keep these groups.
        groups, seen = {name: np.arange(18) // 6 for name in "ab"}, {}

        class Look(Callback):
            def on_train_begin(self, net, X=None, **kwargs):
                for side, data in (("train", X), ("valid", net.train_split(X)[1])):
                    for task in data.tasks:
                        own = groups[task.task][task.rows]
                        seen[task.task, side] = set(own.tolist())

        clf = make_tasks(validation=validation, callbacks=[Look()])
        if form == "dict":
            clf.fit(*arrays, groups=groups)
        else:
            clf.fit(flat, groups=np.concatenate([groups["a"], groups["b"]]))
        for name in "ab":
            assert seen[name, "valid"]
            assert not seen[name, "train"] & seen[name, "valid"]
            assert seen[name, "train"] | seen[name, "valid"] == set(groups[name])

    @pytest.mark.parametrize("form", ["dict", "flat"])
    def test_people_are_on_one_side_in_all_tasks(self, arrays, splits, form):
        groups = {"a": np.arange(18) // 2, "b": 3 + np.arange(18) // 2}
        clf = make_tasks(validation=0.3)
        if form == "dict":
            clf.fit(*arrays, groups=groups)
        else:
            clf.fit(MultiTaskEpochs(*arrays, groups))
        (_, *a), (_, *b) = splits
        for mine, other, name in ((a, b, "b"), (b, a, "a")):
            own = "b" if name == "a" else "a"
            trained = set(groups[own][mine[0]])
            assert not trained & set(groups[name][other[1]])
            assert 2 <= 9 - len(trained) <= 4  # three of nine are wanted
        several = {name: np.asarray(part).astype(str) for name, part in groups.items()}
        with pytest.raises(ValueError, match="in all tasks. It put .* use a share"):
            make_tasks(validation=GroupKFold(3)).fit(*arrays, groups=several)

    def test_people_of_one_task_are_split_as_if_it_were_alone(self, arrays, splits):
        groups = np.arange(18) // 2
        for own in (groups, groups + 100):  # shared by both tasks, and by none
            splits.clear()
            make_tasks(validation=0.3).fit(*arrays, groups={"a": groups, "b": own})
            (_, *a), (_, *b) = splits
            seed = np.random.RandomState(0).randint(2**31 - 1)
            draw = GroupShuffleSplit(1, test_size=0.3, random_state=seed)
            (want,) = draw.split(groups, groups=groups)
            for found in (a, b):
                for rows, wanted in zip(found, want, strict=True):
                    np.testing.assert_array_equal(rows, wanted)

    def test_early_stopping_brings_the_best_weights_back(self, arrays):
        X, y = arrays
        y = {**y, "a": np.arange(18) // 2 % 2}  # nothing to learn but by heart
        split = [(np.arange(8, 18), np.arange(8))]
        clf = make_tasks(
            validation=split,
            early_stopping=3,
            max_epochs=30,
            lr=1e-2,
            dropout=0.0,
            mixup=0.0,
            schedule="constant",
        ).fit(X, y)
        losses = clf.history_.valid_loss
        assert len(losses) == losses.idxmin() + 3 < 30
        proba = clf.predict_proba(X)
        found = []
        for name, classes in clf.task_classes_.items():
            truth = np.searchsorted(classes, y[name][:8])
            found.extend(-np.log(proba[name][np.arange(8), truth]))
        assert losses.min() == pytest.approx(np.mean(found), rel=1e-5)


class TestGoingOn:
    def test_warm_start_grows(self, arrays):
        clf = make_tasks(warm_start=True, max_epochs=2).fit(*arrays)
        first, module = clf.history_.copy(), clf.net_.module_
        clf.fit(*arrays)
        assert clf.net_.module_ is module
        assert clf.history_.index.tolist() == [1, 2, 3, 4]
        pd.testing.assert_frame_equal(clf.history_.iloc[:2], first)

    def test_partial_fit_leaves_other_heads(self, arrays):
        X, y = arrays
        clf = make_tasks().fit(X, y)
        before = {k: v.clone() for k, v in clf.net_.module_.state_dict().items()}
        clf.partial_fit({"b": X["b"]}, {"b": y["b"]})
        changed = {
            key
            for key, value in clf.net_.module_.state_dict().items()
            if not torch.equal(value, before[key])
        }
        assert any("task_b" in key for key in changed)
        assert not any("task_a" in key for key in changed)
        last = clf.history_.iloc[-1]
        assert np.isnan(last["train_accuracy/a"])
        assert last["train_accuracy/b"] == last["train_accuracy"]
        assert last.lr == pytest.approx(3e-3)

    def test_classes_to_come(self, arrays, flat):
        X, y = arrays
        two = y["b"] != "z"
        some = {"a": X["a"], "b": X["b"][two]}, {"a": y["a"], "b": y["b"][two]}
        clf = make_tasks().partial_fit(*some, classes={"b": ["z", "y", "x"]})
        assert clf.task_classes_["b"].tolist() == ["x", "y", "z"]
        assert clf.partial_fit(X, y).predict_proba(X)["b"].shape == (18, 3)
        view = flat[np.r_[0:18, 18 + np.flatnonzero(two)]]
        clf = make_tasks().partial_fit(view, classes=np.unique(flat.y))
        assert clf.classes_.tolist() == np.unique(flat.y).tolist()
        assert clf.partial_fit(flat, classes=np.unique(flat.y)).score(flat) >= 0

    def test_interrupt_keeps_what_was_learned(self, arrays):
        class Interrupt(Callback):
            def on_epoch_end(self, net, **kwargs):
                raise KeyboardInterrupt

        clf = make_tasks(max_epochs=50, callbacks=[Interrupt()])
        assert clf.fit(*arrays) is clf
        assert len(clf.history_) <= 1
        assert np.isfinite(clf.predict_proba(arrays[0])["a"]).all()
        clf.set_params(callbacks=None, max_epochs=1)
        passes = len(clf.history_)
        assert len(clf.partial_fit(*arrays).history_) == passes + 1


class Counter(Callback):
    def __init__(self):
        self.passes = 0

    def on_epoch_end(self, net, **kwargs):
        self.passes += 1


def test_callbacks_run_and_change_nothing(fitted_tasks, arrays):
    plain, named = Counter(), Counter()
    clf = make_tasks(callbacks=[plain, ("counter", named)]).fit(*arrays)
    assert plain.passes == named.passes == 1
    assert_same(clf, fitted_tasks, arrays[0])


@pytest.mark.parametrize("verbose", [True, "error"])
def test_progress(arrays, capfd, verbose):
    make_tasks(verbose=verbose, max_epochs=2).fit(*arrays)
    out, err = capfd.readouterr()
    assert out == ""
    assert ("Training passes" in err) == (verbose is True)
    assert ("2/2" in err) == (verbose is True)
