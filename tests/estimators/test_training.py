"""What training does with weights, validation, seeds and repeated calls."""

import inspect
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    PredefinedSplit,
    StratifiedKFold,
)
from skorch.callbacks import Callback

from mne_eegmamba import EEGMambaClassifier, paper_parameters
from mne_eegmamba.estimators import _fit


@pytest.fixture
def splits(monkeypatch):
    """Collect what `split_validation` gives: (data, training rows, other rows)."""
    seen = []
    plain = _fit.split_validation

    def spy(data, validation, seed):
        train, valid = plain(data, validation, seed)
        seen.append((data, train, valid))
        return train, valid

    monkeypatch.setattr(_fit, "split_validation", spy)
    return seen


class Breaks(Callback):
    """Fail in the second pass that it sees."""

    def on_epoch_end(self, net, **kwargs):
        """Divide by what is left."""
        self.left_ = getattr(self, "left_", 2) - 1
        1 / self.left_  # noqa: B018


def _same(one, other, X):
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))


def _differ(one, other, X):
    assert not np.array_equal(one.predict_proba(X), other.predict_proba(X))


class TestWeights:
    def test_balanced_is_the_dict_of_the_same_weights(self, make, numbers):
        X, y = numbers
        y = np.array(["a", "b", "c"])[np.minimum(y, np.arange(30) % 5 // 2)]
        names, counts = np.unique(y, return_counts=True)
        assert len(set(counts)) > 1
        explicit = {
            str(name): 30 / (len(names) * n)
            for name, n in zip(names, counts, strict=True)
        }
        balanced = make(class_weight="balanced").fit(X, y)
        _same(balanced, make(class_weight=explicit).fit(X, y), X)
        _differ(balanced, make().fit(X, y), X)

    def test_balanced_is_nothing_on_balanced_data(self, make, fitted, numbers):
        _same(make(class_weight="balanced").fit(*numbers), fitted, numbers[0])

    def test_class_weight_is_sample_weight(self, make, numbers):
        X, y = numbers
        factors = {0: 1.0, 1: 4.0, 2: 0.5}
        weight = np.array([factors[label] for label in y])
        _same(
            make(class_weight=factors).fit(X, y),
            make().fit(X, y, sample_weight=weight),
            X,
        )

    def test_class_weight_pulls_predictions(self, make, numbers):
        X, y = numbers
        more = {"max_epochs": 5, "dropout": 0.0}
        low, high = (
            make(class_weight={0: w, 1: 1.0, 2: 1.0}, **more).fit(X, y)
            for w in (0.1, 10.0)
        )
        assert (high.predict_proba(X)[:, 0] > low.predict_proba(X)[:, 0]).all()

    def test_balanced_counts_sample_weights(self, make, numbers):
        X, y = numbers
        weight = np.where(y == 0, 2.0, 1.0)
        _same(
            make(class_weight="balanced").fit(X, y, sample_weight=weight),
            make(class_weight="balanced").fit(X, y),
            X,
        )

    @pytest.mark.parametrize("class_weight", [None, "balanced"])
    def test_weight_two_is_twice_the_epoch(self, make, numbers, class_weight):
        X, y = numbers
        weight = 1.0 + (np.arange(30) % 4 == 0) + 2 * (np.arange(30) == 7)
        rows = np.repeat(np.arange(30), weight.astype(int))
        clf = make(class_weight=class_weight)
        _same(
            clone(clf).fit(X, y, sample_weight=weight),
            clone(clf).fit(X[rows], y[rows]),
            X,
        )

    def test_weight_zero_is_no_epoch(self, make, fitted, numbers):
        X, y = numbers
        weight = (np.arange(30) % 5 > 0).astype(float)
        kept = make().fit(X[weight > 0], y[weight > 0])
        _same(make().fit(X, y, sample_weight=weight), kept, X)
        _differ(kept, fitted, X)

    @pytest.mark.parametrize("weight", [0.5, 1, 2])
    def test_equal_weights_are_no_weights(self, make, fitted, numbers, weight):
        _same(
            make().fit(*numbers, sample_weight=np.full(30, weight)), fitted, numbers[0]
        )

    def test_weights_matter(self, make, fitted, numbers):
        weight = np.linspace(0.1, 3, 30)
        _differ(make().fit(*numbers, sample_weight=weight), fitted, numbers[0])

    def test_order_of_epochs_does_not_matter(self, make, fitted, numbers, rng):
        X, y = numbers
        order = rng.permutation(30)
        _same(make().fit(X[order], y[order]), fitted, X)

    def test_equal_epochs_may_have_different_labels(self, make, numbers):
        X, y = numbers
        clf = make().fit(np.concatenate([X, X]), np.concatenate([y, (y + 1) % 3]))
        assert np.isfinite(clf.predict_proba(X)).all()


class TestValidation:
    def test_a_share_of_epochs(self, make, numbers, splits):
        X, y = numbers
        make(validation=0.2).fit(X, y)
        ((_, train, valid),) = splits
        assert (len(train), len(valid)) == (24, 6)
        assert np.array_equal(np.sort(np.r_[train, valid]), np.arange(30))
        assert np.bincount(y[valid]).tolist() == [2, 2, 2]

    @pytest.mark.parametrize(
        "validation", [0.3, 3, GroupKFold(3), GroupShuffleSplit(1)]
    )
    @pytest.mark.filterwarnings("ignore:The groups parameter is ignored:UserWarning")
    def test_no_group_is_on_both_sides(self, make, numbers, splits, validation):
        X, y = numbers
        groups = np.array([f"sub-{i:02d}" for i in np.arange(30) // 5])
        clf = make(validation=validation, max_epochs=1)
        clf.fit(X, y, groups=groups)
        ((_, train, valid),) = splits
        assert len(valid) > 0
        assert not set(groups[train]) & set(groups[valid])
        assert "valid_loss" in clf.history_

    @pytest.mark.parametrize(
        "splitter", [KFold(5, shuffle=True, random_state=0), StratifiedKFold(4)]
    )
    @pytest.mark.filterwarnings("ignore:The groups parameter is ignored:UserWarning")
    def test_splitters_that_break_groups_are_refused(self, make, numbers, splitter):
        with pytest.raises(ValueError, match="each group on one side.*GroupKFold"):
            make(validation=splitter).fit(*numbers, groups=np.arange(30) // 10)

    def test_subject_of_the_metadata_is_the_group(self, make, epochs, splits):
        for validation in (0.3, GroupKFold(3)):
            make(validation=validation, max_epochs=1).fit(epochs)
        subjects = epochs.metadata["subject"].to_numpy()
        for data, train, valid in splits:
            np.testing.assert_array_equal(data.groups, subjects)
            assert not set(subjects[train]) & set(subjects[valid])

    def test_groups_go_before_the_metadata(self, make, epochs, splits):
        groups = np.arange(48) // 4
        make(validation=0.25, max_epochs=1).fit(epochs, groups=groups)
        ((data, train, valid),) = splits
        np.testing.assert_array_equal(data.groups, groups)
        assert not set(groups[train]) & set(groups[valid])

    def test_list_of_epochs_keeps_its_subjects(self, make, epochs, splits):
        parts = [epochs[i] for i in range(48)]
        make(validation=0.25, max_epochs=1).fit(parts)
        np.testing.assert_array_equal(splits[0][0].groups, epochs.metadata["subject"])

    def test_only_the_training_part_trains(self, make, numbers):
        X, y = numbers
        fold = np.where(np.arange(30) < 9, 0, -1)
        clf = make(validation=PredefinedSplit(fold)).fit(X, y)
        other = X.copy()
        other[:9] = X[:9][:, ::-1] * 3
        again = make(validation=PredefinedSplit(fold)).fit(other, y)
        _same(clf, again, X)
        _same(clf, make().fit(X[9:], y[9:]), X)
        assert (clf.history_.valid_loss != again.history_.valid_loss).all()

    def test_valid_columns_are_the_loss_and_accuracy(self, make, numbers):
        X, y = numbers
        fold = np.where(np.arange(30) < 9, 0, -1)
        clf = make(validation=PredefinedSplit(fold)).fit(X, y)
        proba = clf.predict_proba(X[:9])
        loss = -np.log(proba[np.arange(9), y[:9]]).mean()
        last = clf.history_.iloc[-1]
        np.testing.assert_allclose(last.valid_loss, loss, rtol=1e-5)
        right = (proba.argmax(1) == y[:9]).mean()
        np.testing.assert_allclose(last.valid_accuracy, right)


class TestEarlyStopping:
    def test_the_best_weights_come_back(self, make, numbers):
        X, y = numbers
        y = (y * 7 + np.arange(30) // 3) % 3  # nothing to learn but by heart
        fold = np.where(np.arange(30) < 12, 0, -1)
        clf = make(
            validation=PredefinedSplit(fold),
            early_stopping=3,
            max_epochs=30,
            lr=1e-2,
            dropout=0.0,
            schedule="constant",
        ).fit(X, y)
        losses = clf.history_.valid_loss
        assert len(losses) == losses.idxmin() + 3 < 30
        proba = clf.predict_proba(X[:12])
        loss = -np.log(proba[np.arange(12), y[:12]]).mean()
        np.testing.assert_allclose(loss, losses.min(), rtol=1e-5)
        assert losses.iloc[-1] > losses.min()

    def test_epochs_without_weight_are_not_there(self, make, numbers):
        """They are in no share, and alone they give no loss to stop by."""
        X, y = numbers
        weight = np.where(np.arange(30) < 24, 1.0, 0.0)
        clf = make(validation=0.25, early_stopping=2)
        _same(
            clone(clf).fit(X, y, sample_weight=weight),
            clone(clf).fit(X[:24], y[:24]),
            X,
        )
        clf.set_params(validation=PredefinedSplit(np.where(weight > 0, -1, 0)))
        with pytest.raises(ValueError, match="weights are all zero.*validation loss"):
            clf.fit(X, y, sample_weight=weight)

    def test_a_share_of_one_group_is_refused(self, make, numbers):
        X, y = numbers
        with pytest.raises(ValueError, match="at least 2. All .* group 'me'. Pass gro"):
            make(validation=0.2).fit(X, y, groups=["me"] * 30)

    def test_a_last_pass_that_is_best_is_kept(self, make, numbers):
        clf = make(validation=0.3, early_stopping=5, max_epochs=3).fit(*numbers)
        assert len(clf.history_) <= 3

    @pytest.mark.parametrize("again", ["fit", "partial_fit"])
    def test_training_goes_on_afterwards(self, make, numbers, again):
        X, y = numbers
        clf = make(validation=0.3, early_stopping=2, max_epochs=3, warm_start=True)
        passes = len(clf.fit(X, y).history_)
        getattr(clf, again)(X, y)
        assert len(clf.history_) > passes
        assert np.isfinite(clf.predict_proba(X)).all()


class TestGoingOn:
    def test_warm_start_grows(self, make, numbers):
        X, y = numbers
        clf = make(warm_start=True, max_epochs=4, dropout=0.0).fit(X, y)
        first, net = clf.history_.copy(), clf.net_
        clf.fit(X, y)
        assert clf.net_.module_ is net.module_
        assert clf.history_.index.tolist() == list(range(1, 9))
        pd.testing.assert_frame_equal(clf.history_.iloc[:4], first)
        assert clf.history_.train_loss.iloc[4] < first.train_loss.iloc[0]
        assert clf.history_.train_loss.iloc[-1] < first.train_loss.iloc[-1]

    def test_warm_start_follows_the_schedule_anew(self, make, numbers):
        clf = make(warm_start=True, max_epochs=3).fit(*numbers)
        lr = clf.fit(*numbers).history_.lr
        np.testing.assert_allclose(lr.iloc[3:], lr.iloc[:3])

    def test_warm_start_takes_the_present_passes(self, make, numbers):
        clf = make(warm_start=True).fit(*numbers).set_params(max_epochs=5)
        lr = clf.fit(*numbers).history_.lr
        assert len(lr) == 7
        assert (lr.iloc[2:-1] > 0).all()

    def test_warm_start_takes_the_present_learning_rate(self, make, numbers):
        clf = make(warm_start=True, schedule="constant").fit(*numbers)
        clf.set_params(lr=1e-4).fit(*numbers)
        np.testing.assert_allclose(clf.history_.lr, [3e-3, 3e-3, 1e-4, 1e-4])

    @pytest.mark.parametrize("state", [None, 0, "instance"])
    def test_who_was_validated_on_is_never_trained_on(
        self, make, numbers, splits, tmp_path, state
    ):
        state = np.random.RandomState(3) if state == "instance" else state
        clf = make(warm_start=True, max_epochs=1, validation=0.3, random_state=state)
        clf.fit(*numbers).fit(*numbers)
        if state in (None, 0):  # another cannot be written
            clf.save(tmp_path / "clf")
            EEGMambaClassifier.load(tmp_path / "clf").fit(*numbers)
        _, _, first = splits[0]
        for _, train, valid in splits[1:]:
            assert np.array_equal(valid, first)
            assert not set(train) & set(first)

    @pytest.mark.parametrize(
        "changed",
        [{"d_model": 8}, {"spectrum": False}, {"dropout": 0.1}, {"input_scale": None}],
    )
    def test_another_network_is_refused(self, make, numbers, changed):
        clf = make(warm_start=True).fit(*numbers)
        before = clf.predict_proba(numbers[0])
        clf.set_params(**changed)
        ((name, value),) = changed.items()
        message = f"the first fit, which has {name}=.*, now {value!r}.*warm_start=False"
        for again in (clf.fit, clf.partial_fit):
            with pytest.raises(ValueError, match=message):
                again(*numbers)
        np.testing.assert_array_equal(clf.predict_proba(numbers[0]), before)
        assert len(clf.set_params(warm_start=False).fit(*numbers).history_) == 2

    def test_after_an_error_the_net_holds_no_data(self, make, numbers):
        clf = make(warm_start=True, validation=0.3, verbose="info").fit(*numbers)
        clf.set_params(callbacks=[("breaks", Breaks())])
        with pytest.raises(ZeroDivisionError):
            clf.fit(*numbers)
        assert clf.net_.train_split is None
        assert not clf.net_.module_.training
        X = numbers[0]
        again = pickle.loads(pickle.dumps(clf.set_params(callbacks=None)))
        np.testing.assert_array_equal(again.predict_proba(X), clf.predict_proba(X))

    def test_without_warm_start_all_is_forgotten(self, make, fitted, numbers):
        clf = make().fit(*numbers)
        clf.fit(*numbers)
        assert len(clf.history_) == 2
        _same(clf, fitted, numbers[0])

    def test_partial_fit(self, make, numbers):
        X, y = numbers
        clf = make(dropout=0.0, lr=1e-2)
        for _ in range(8):
            assert clf.partial_fit(X, y) is clf
        loss = clf.history_.train_loss
        assert len(loss) == 8
        assert loss.iloc[-1] < loss.iloc[0]
        np.testing.assert_allclose(clf.history_.lr, 1e-2)

    def test_partial_fit_is_constant_after_a_fit(self, make, numbers):
        clf = make(max_epochs=3).fit(*numbers).partial_fit(*numbers)
        assert clf.history_.lr.iloc[-1] == pytest.approx(3e-3)

    def test_partial_fit_with_classes_to_come(self, make, numbers):
        X, y = numbers
        two = y < 2
        clf = make().partial_fit(X[two], y[two], classes=[0, 1, 2])
        assert clf.classes_.tolist() == [0, 1, 2]
        assert clf.predict_proba(X).shape == (30, 3)
        clf.partial_fit(X, y)
        clf.partial_fit(X[two], y[two])
        assert len(clf.history_) == 3

    def test_later_data_may_hold_one_class(self, make, numbers):
        X, y = numbers
        clf = make().partial_fit(X, y)
        before = clf.predict_proba(X)
        clf.partial_fit(X[y == 1], y[y == 1])
        assert clf.predict_proba(X)[:, 1].mean() > before[:, 1].mean()

    def test_first_data_may_hold_one_class_if_classes_are_given(self, make, numbers):
        X, y = numbers
        clf = make().partial_fit(X[y == 1], y[y == 1], classes=[0, 1, 2])
        assert clf.predict_proba(X).shape == (30, 3)

    def test_partial_fit_takes_weights(self, make, numbers):
        X, y = numbers
        weight = np.linspace(0.1, 3, 30)
        _differ(
            make().partial_fit(X, y, sample_weight=weight),
            make().partial_fit(X, y),
            X,
        )

    def test_partial_fit_keeps_the_scaling(self, make, numbers):
        X, y = numbers
        clf = make().partial_fit(X, y)
        scaling = clf.scaling_
        assert clf.partial_fit(X * 3, y).scaling_ is scaling

    @pytest.mark.parametrize("labels", [[0, 1, 3], [0, 1, 0]])
    def test_warm_start_needs_the_same_classes(self, make, numbers, labels):
        X, y = numbers
        clf = make(warm_start=True).fit(X, y)
        with pytest.raises(ValueError, match=r"only with the classes \[0, 1, 2\]"):
            clf.fit(X, np.array(labels)[y])


class TestParameters:
    def test_set_params_is_constructing(self, make, numbers):
        X, y = numbers
        parameters = {"d_model": 8, "dropout": 0.1, "pooling": "mean", "lr": 1e-2}
        changed = make().set_params(**parameters)
        _same(changed.fit(X, y), make(**parameters).fit(X, y), X)

    def test_refit_on_other_sizes(self, make, numbers, epochs):
        X, y = numbers
        clf = make().fit(epochs)
        copy = clone(clf)
        for one in (clf, copy):
            one.fit(X, y)
            assert one.classes_.tolist() == [0, 1, 2]
            assert one.ch_names_in_ is None
            assert (one.n_channels_, one.n_features_in_, one.n_times_) == (3, 3, 300)
        _same(clf, copy, X)
        clf.fit(pd.DataFrame(X[:, 0]).rename(columns=str), y)
        assert hasattr(clf, "feature_names_in_")
        clf.fit(X, y)
        assert not hasattr(clf, "feature_names_in_")

    def test_fit_changes_no_parameter(self, make, numbers):
        given = make(class_weight={0: 1, 1: 2, 2: 3}, callbacks=[], validation=KFold(3))
        before = given.get_params().copy()
        given.fit(*numbers)
        for name, value in before.items():
            assert getattr(given, name) is value

    def test_every_parameter_is_stored_as_it_came(self):
        names = list(inspect.signature(EEGMambaClassifier).parameters)
        values = {name: object() for name in names}
        clf = EEGMambaClassifier(**values)
        assert vars(clf) == values
        assert list(clf.get_params()) == sorted(names)

    def test_parameters_are_keyword_only(self):
        with pytest.raises(TypeError, match="positional"):
            EEGMambaClassifier(16)

    def test_paper_parameters_train(self, numbers):
        X, y = numbers
        parameters = paper_parameters()
        assert parameters.keys() <= EEGMambaClassifier().get_params().keys()
        clf = EEGMambaClassifier(**parameters, verbose="error")
        assert clf.set_params(max_epochs=1).fit(X, y).predict(X).shape == (30,)
        assert paper_parameters() is not parameters
        assert (parameters["lr"], parameters["batch_size"]) == (2e-4, 128)


# For each parameter a value that must change the predictions.
EFFECTS = {
    "d_model": 8,
    "n_layers": 2,
    "d_state": 4,
    "d_conv": 2,
    "expand": 1,
    "dropout": 0.0,
    "tokenizer_pool": "max",
    "tokenizer_norm": "group",
    "class_token": "middle",
    "pooling": "mean",
    "spectrum": False,
    "final_norm": None,
    "input_scale": "window",
    "max_epochs": 3,
    "batch_size": 8,
    "lr": 1e-3,
    "weight_decay": 10.0,
    "decay_all": True,
    "schedule": "constant",
    "warmup": 0.5,
    "clip_norm": None,
    "label_smoothing": 0.3,
    "mixup": 0.0,
    "time_shift": 0.1,
    "class_weight": {0: 1.0, 1: 5.0, 2: 1.0},
    "validation": 0.3,
    "precision": "bfloat16",
    "random_state": 1,
}
# The others, with the test that shows what they do.
ELSEWHERE = {
    "early_stopping": "TestEarlyStopping.test_the_best_weights_come_back",
    "warm_start": "TestGoingOn.test_warm_start_grows",
    "callbacks": "TestCallbacks.test_callbacks_run",
    "verbose": "TestProgress.test_bar",
    "backend": "TestRandomness.test_backends_agree",
    "activation_checkpointing": "TestRandomness.test_activation_checkpointing",
    "device": "TestRandomness.test_device",
    "variable_length": "TestRandomness.test_variable_length",
}


def test_every_parameter_has_a_test():
    names = inspect.signature(EEGMambaClassifier).parameters.keys()
    assert EFFECTS.keys() | ELSEWHERE.keys() == names
    assert not EFFECTS.keys() & ELSEWHERE.keys()
    for place in ELSEWHERE.values():
        group, name = place.split(".")
        assert callable(getattr(globals()[group], name))


@pytest.mark.parametrize("name", EFFECTS)
def test_parameter_changes_the_result(make, numbers, name):
    X, y = numbers
    steps = {"weight_decay": 1.0, "clip_norm": 0.01, "batch_size": 16}
    base = make(**{key: steps[key] for key in steps if key in (name, "batch_size")})
    if name == "decay_all":
        base.set_params(weight_decay=1.0)
    other = clone(base).set_params(**{name: EFFECTS[name]})
    assert other.get_params()[name] != base.get_params()[name]
    # Channels of unlike size, so that every kind of scaling differs.
    X = X / 100 * np.array([1.0, 2.0, 3.0])[:, None]
    _differ(base.fit(X, y), other.fit(X, y), X)


@pytest.mark.parametrize("scale", ["channel", "window", None])
@pytest.mark.parametrize("norm", [None, "batch", "group"])
def test_scales_and_norms_train(make, numbers, scale, norm):
    X, y = numbers
    clf = make(input_scale=scale, tokenizer_norm=norm).fit(X / 50, y)
    assert np.isfinite(clf.predict_proba(X / 50)).all()


class TestRandomness:
    def test_one_seed_one_result(self, make, fitted, numbers):
        _same(make().fit(*numbers), fitted, numbers[0])
        generators = [np.random.RandomState(3) for _ in range(2)]
        one, other = (make(random_state=g).fit(*numbers) for g in generators)
        _same(one, other, numbers[0])
        drawn = {g.get_state()[2] for g in generators}
        assert len(drawn) == 1
        _same(make(random_state=3).fit(*numbers), one, numbers[0])

    def test_no_seed_many_results(self, make, numbers):
        one, other = (make(random_state=None).fit(*numbers) for _ in range(2))
        _differ(one, other, numbers[0])

    def test_global_state_is_neither_used_nor_touched(self, make, fitted, numbers):
        X, y = numbers
        np.random.seed(7)  # noqa: NPY002
        torch.manual_seed(7)
        before = np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
        clf = make(validation=0.3).fit(X, y)
        clf.predict(X)
        clf.partial_fit(X, y)
        after = np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
        assert before[0][2:] == after[0][2:]
        np.testing.assert_array_equal(before[0][1], after[0][1])
        assert torch.equal(before[1], after[1])
        _same(make().fit(X, y), fitted, X)

    def test_settings_of_torch_are_left(self, make, numbers):
        def look():
            return (
                torch.get_num_threads(),
                torch.get_default_dtype(),
                torch.is_grad_enabled(),
                torch.are_deterministic_algorithms_enabled(),
                torch.get_float32_matmul_precision(),
            )

        before = look()
        make().fit(*numbers).predict(numbers[0])
        assert look() == before

    def test_threads_do_not_matter(self, make, numbers):
        X, y = numbers
        threads, found = torch.get_num_threads(), []
        try:
            for n_threads in (1, 2):
                torch.set_num_threads(n_threads)
                found.append(make().fit(X, y).predict_proba(X))
        finally:
            torch.set_num_threads(threads)
        np.testing.assert_array_equal(*found)

    def test_a_prediction_depends_on_its_epoch_only(self, fitted, numbers, rng):
        X, _ = numbers
        expected = fitted.predict_proba(X)
        order = rng.permutation(30)
        np.testing.assert_array_equal(fitted.predict_proba(X[order]), expected[order])
        for size in (1, 2, 7):
            np.testing.assert_array_equal(
                fitted.predict_proba(X[:size]), expected[:size]
            )
        many = np.tile(X, (11, 1, 1))
        np.testing.assert_array_equal(
            fitted.predict_proba(many), np.tile(expected, (11, 1))
        )

    def test_backends_agree(self, make, numbers):
        X, y = numbers
        few = {"max_epochs": 1, "dropout": 0.0}
        one = make(**few, backend="torch").fit(X, y)
        other = make(**few, backend="reference").fit(X, y)
        assert one.net_.module_.config.backend == "torch"
        np.testing.assert_allclose(
            one.predict_proba(X), other.predict_proba(X), atol=1e-4
        )

    def test_device(self, make, numbers):
        clf = make(device="cpu", max_epochs=1).fit(*numbers)
        places = {p.device.type for p in clf.net_.module_.parameters()}
        assert places == {"cpu"}

    def test_activation_checkpointing(self, make, numbers):
        X, y = numbers
        parameters = {"dropout": 0.5, "mixup": 1.0, "max_epochs": 2}
        first, second = (
            make(activation_checkpointing=save, **parameters).fit(X, y)
            for save in (False, True)
        )
        assert second.net_.module_.config.activation_checkpointing
        _same(first, second, X)
        with pytest.raises(TypeError, match="`activation_checkpointing` parameter of"):
            make(activation_checkpointing="yes").fit(X, y)

    def test_variable_length(self, make, numbers):
        X, y = numbers
        clf = make(variable_length=True).fit(X, y)
        _same(clf, make().fit(X, y), X)
        assert clf.predict(X[:, :, :295]).shape == (30,)


class TestHistory:
    def test_a_row_per_pass(self, make, numbers):
        history = make(max_epochs=3).fit(*numbers).history_
        assert history.columns.tolist() == [
            "train_loss",
            "train_accuracy",
            "lr",
            "seconds",
            "waiting",
        ]
        assert history.index.tolist() == [1, 2, 3]
        assert history.index.name == "pass"
        assert history.notna().all(axis=None)
        assert (history.seconds > 0).all()
        assert history.waiting.between(0, 1).all()
        assert history.train_accuracy.between(0, 1).all()

    def test_columns_with_validation(self, make, numbers):
        history = make(validation=0.3).fit(*numbers).history_
        assert history.columns.tolist() == [
            "train_loss",
            "valid_loss",
            "train_accuracy",
            "valid_accuracy",
            "lr",
            "seconds",
            "waiting",
        ]
        assert history.notna().all(axis=None)

    def test_loss_falls(self, make, numbers):
        history = make(max_epochs=10, dropout=0.0, mixup=0.0).fit(*numbers).history_
        assert history.train_loss.iloc[-1] < 0.5 * history.train_loss.iloc[0]
        assert history.train_accuracy.iloc[-1] > 0.9

    def test_learning_rates(self, make, numbers):
        lr = make(max_epochs=6, warmup=0.5).fit(*numbers).history_.lr
        assert lr.idxmax() in (3, 4)
        assert lr.max() <= 3e-3
        assert lr.iloc[-1] < 1e-4
        constant = make(schedule="constant").fit(*numbers).history_.lr
        np.testing.assert_allclose(constant, 3e-3)


class Counter(Callback):
    def __init__(self):
        self.passes = 0

    def on_epoch_end(self, net, **kwargs):
        self.passes += 1


class Interrupt(Callback):
    def __init__(self, after):
        self.after = after

    def on_batch_end(self, net, training, **kwargs):
        self.after -= 1
        if self.after == 0:
            raise KeyboardInterrupt


class TestCallbacks:
    def test_callbacks_run(self, make, numbers):
        plain, named = Counter(), Counter()
        make(max_epochs=3, callbacks=[plain, ("counter", named)]).fit(*numbers)
        assert plain.passes == named.passes == 3

    def test_callbacks_do_not_change_the_result(self, make, fitted, numbers):
        _same(make(callbacks=[Counter()]).fit(*numbers), fitted, numbers[0])

    @pytest.mark.parametrize("after", [1, 4])
    @pytest.mark.parametrize("parameters", [{}, {"validation": 0.3}])
    def test_an_interrupt_keeps_what_was_learned(
        self, make, numbers, after, parameters
    ):
        X, y = numbers
        clf = make(max_epochs=50, callbacks=[Interrupt(after)], **parameters)
        assert clf.fit(X, y) is clf
        assert len(clf.history_) == after // 3
        assert np.isfinite(clf.predict_proba(X)).all()
        clf.set_params(callbacks=None)
        clf.partial_fit(X, y)
        assert len(clf.history_) == after // 3 + 1
        assert len(clf.fit(X, y).history_) == 50 or parameters

    def test_a_failing_callback_leaves_the_estimator(self, make, numbers, state):
        class Broken(Callback):
            def on_epoch_end(self, net, **kwargs):
                raise RuntimeError("broken")

        clf = make(max_epochs=1).fit(*numbers)
        clf.set_params(callbacks=[Broken()])
        before = state(clf)
        with pytest.raises(RuntimeError, match="broken"):
            clf.fit(*numbers)
        assert state(clf) == before


class TestProgress:
    @pytest.mark.parametrize("verbose", [True, "info", False, "error", "warning"])
    def test_bar(self, make, numbers, capfd, verbose):
        clf = make(verbose=verbose).fit(*numbers)
        clf.predict(numbers[0])
        out, err = capfd.readouterr()
        assert out == ""
        if verbose in (True, "info"):
            assert "Training passes" in err
            assert "2/2" in err
        else:
            assert err == ""

    def test_log_level_of_mne_is_the_default(self, make, numbers, capfd):
        from mne.utils import use_log_level

        with use_log_level("error"):
            make(verbose=None).fit(*numbers)
        assert capfd.readouterr().err == ""
        with use_log_level("info"):
            make(verbose=None).fit(*numbers)
        assert "Training passes" in capfd.readouterr().err
