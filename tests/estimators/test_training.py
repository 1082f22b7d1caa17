"""Random numbers, the history, callbacks and the progress bar."""

import numpy as np
import pytest
import torch
from skorch.callbacks import BatchScoring, Callback, EpochScoring

from mne_eegmamba.utils.interrupts import ending_everything, ends_everything
from tests.estimators.agreement import assert_differ, assert_same


class TestRandomness:
    def test_one_seed_one_result(self, make, fitted, numbers):
        assert_same(make().fit(*numbers), fitted, numbers[0])
        generators = [np.random.RandomState(3) for _ in range(2)]
        one, other = (make(random_state=g).fit(*numbers) for g in generators)
        assert_same(one, other, numbers[0])
        drawn = {g.get_state()[2] for g in generators}
        assert len(drawn) == 1
        assert_same(make(random_state=3).fit(*numbers), one, numbers[0])

    def test_no_seed_many_results(self, make, numbers):
        one, other = (make(random_state=None).fit(*numbers) for _ in range(2))
        assert_differ(one, other, numbers[0])

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
        assert_same(make().fit(X, y), fitted, X)

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
        assert_same(first, second, X)
        with pytest.raises(TypeError, match="`activation_checkpointing` parameter of"):
            make(activation_checkpointing="yes").fit(X, y)

    def test_cuda_graphs(self, make, numbers):
        X, y = numbers
        clf = make(cuda_graphs=True).fit(X, y)
        assert clf.net_.cuda_graphs
        assert_same(clf, make().fit(X, y), X)  # there is nothing to record on a CPU
        clf.set_params(activation_checkpointing=True)
        with pytest.raises(ValueError, match="cannot be True together with"):
            clf.fit(X, y)

    def test_variable_length(self, make, numbers):
        X, y = numbers
        clf = make(variable_length=True).fit(X, y)
        assert_same(clf, make().fit(X, y), X)
        assert clf.predict(X[:, :, :295]).shape == (30,)


def test_diverged_training_says_so(make, numbers):
    with pytest.warns(UserWarning, match="Training diverged.*lr; it was 1e\\+06"):
        make(lr=1e6, clip_norm=None).fit(*numbers)


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
        assert_same(make(callbacks=[Counter()]).fit(*numbers), fitted, numbers[0])

    @pytest.mark.parametrize("after", [1, 4])
    @pytest.mark.parametrize("parameters", [{}, {"validation": 0.3}])
    def test_an_interrupt_keeps_what_was_learned(
        self, make, numbers, after, parameters
    ):
        X, y = numbers
        clf = make(max_epochs=50, callbacks=[Interrupt(after)], **parameters)
        said = f"interrupted after {after // 3} of 50 passes; the network keeps"
        with pytest.warns(UserWarning, match=said):
            assert clf.fit(X, y) is clf
        assert len(clf.history_) == after // 3
        assert np.isfinite(clf.predict_proba(X)).all()
        clf.set_params(callbacks=None)
        clf.partial_fit(X, y)
        assert len(clf.history_) == after // 3 + 1
        assert len(clf.fit(X, y).history_) == 50 or parameters

    def test_an_interrupt_may_end_what_is_around_the_fit(self, make, numbers):
        clf = make(max_epochs=50, callbacks=[Interrupt(4)])
        with ending_everything(), pytest.raises(KeyboardInterrupt):
            clf.fit(*numbers)
        assert not hasattr(clf, "net_")
        assert not ends_everything()

    @pytest.mark.parametrize("kind", [EpochScoring, BatchScoring])
    def test_scores_of_the_net_are_refused(self, make, numbers, kind):
        with pytest.raises(TypeError, match=f"Got .*{kind.__name__}.*valid_accuracy"):
            make(callbacks=[kind("accuracy")], validation=0.3).fit(*numbers)

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
            assert err.index("Solving heads") < err.index("Training passes")
            assert "2/2" in err
        else:
            assert err == ""

    def test_no_bar_for_heads_that_are_not_there(self, make, numbers, capfd):
        make(verbose=True, waveform=False, contrast=False).fit(*numbers)
        assert "Solving heads" not in capfd.readouterr().err

    def test_log_level_of_mne_is_the_default(self, make, numbers, capfd):
        from mne.utils import use_log_level

        with use_log_level("error"):
            make(verbose=None).fit(*numbers)
        assert capfd.readouterr().err == ""
        with use_log_level("info"):
            make(verbose=None).fit(*numbers)
        assert "Training passes" in capfd.readouterr().err
