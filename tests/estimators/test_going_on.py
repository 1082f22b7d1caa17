"""Further calls: warm start, `partial_fit`, and what an error leaves."""

import pickle

import numpy as np
import pandas as pd
import pytest
from skorch.callbacks import Callback

from mne_eegmamba import EEGMambaClassifier
from tests.estimators.agreement import assert_differ, assert_same


class Breaks(Callback):
    """Fail in the second pass that it sees."""

    def on_epoch_end(self, net, **kwargs):
        """Divide by what is left."""
        self.left_ = getattr(self, "left_", 2) - 1
        1 / self.left_  # noqa: B018


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
        [
            {"d_model": 8},
            {"spectrum": False},
            {"waveform": False},
            {"contrast": False},
            {"dropout": 0.1},
            {"input_scale": None},
        ],
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
        assert_same(clf, fitted, numbers[0])

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
        assert_differ(
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
