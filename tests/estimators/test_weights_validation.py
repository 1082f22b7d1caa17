"""Weights of epochs and classes, what is set apart, and when to stop."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    PredefinedSplit,
    StratifiedKFold,
)
from skorch.callbacks import Callback

from tests.estimators.agreement import assert_differ, assert_same


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
        assert_same(balanced, make(class_weight=explicit).fit(X, y), X)
        assert_differ(balanced, make().fit(X, y), X)

    def test_balanced_is_nothing_on_balanced_data(self, make, fitted, numbers):
        assert_same(make(class_weight="balanced").fit(*numbers), fitted, numbers[0])

    def test_class_weight_is_sample_weight(self, make, numbers):
        X, y = numbers
        factors = {0: 1.0, 1: 4.0, 2: 0.5}
        weight = np.array([factors[label] for label in y])
        assert_same(
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
        assert_same(
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
        assert_same(
            clone(clf).fit(X, y, sample_weight=weight),
            clone(clf).fit(X[rows], y[rows]),
            X,
        )

    def test_weight_zero_is_no_epoch(self, make, fitted, numbers):
        X, y = numbers
        weight = (np.arange(30) % 5 > 0).astype(float)
        kept = make().fit(X[weight > 0], y[weight > 0])
        assert_same(make().fit(X, y, sample_weight=weight), kept, X)
        assert_differ(kept, fitted, X)

    @pytest.mark.parametrize("weight", [0.5, 1, 2])
    def test_equal_weights_are_no_weights(self, make, fitted, numbers, weight):
        assert_same(
            make().fit(*numbers, sample_weight=np.full(30, weight)), fitted, numbers[0]
        )

    def test_weights_matter(self, make, fitted, numbers):
        weight = np.linspace(0.1, 3, 30)
        assert_differ(make().fit(*numbers, sample_weight=weight), fitted, numbers[0])

    def test_order_of_epochs_does_not_matter(self, make, fitted, numbers, rng):
        X, y = numbers
        order = rng.permutation(30)
        assert_same(make().fit(X[order], y[order]), fitted, X)

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
        assert_same(clf, again, X)
        assert_same(clf, make().fit(X[9:], y[9:]), X)
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

    def test_the_least_gain_counts_and_callbacks_hear_of_the_last_pass(
        self, make, numbers
    ):
        class Passes(Callback):
            def on_epoch_end(self, net, **kwargs):
                seen.append(len(net.history))

        seen = []
        tiny = {"lr": 1e-7, "dropout": 0.0, "mixup": 0.0, "schedule": "constant"}
        clf = make(
            validation=0.4,
            early_stopping=1,
            max_epochs=6,
            callbacks=[Passes()],
            **tiny,
        ).fit(*numbers)
        losses = clf.history_.valid_loss
        gains = -losses.diff() / losses
        assert gains.max() < 1e-4  # what skorch takes for none
        assert (gains.iloc[1:-1] > 0).all()
        assert seen == clf.history_.index.tolist()
        assert len(losses) == 6 or gains.iloc[-1] <= 0

    def test_epochs_without_weight_are_not_there(self, make, numbers):
        """They are in no share, and alone they give no loss to stop by."""
        X, y = numbers
        weight = np.where(np.arange(30) < 24, 1.0, 0.0)
        clf = make(validation=0.25, early_stopping=2)
        assert_same(
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
