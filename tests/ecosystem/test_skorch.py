"""skorch's callbacks, handed over as they are."""

import json

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Checkpoint, EarlyStopping, EpochScoring, LRScheduler

from mne_eegmamba import MultiTaskEEGMamba


@pytest.fixture(scope="module")
def noise():
    """Give epochs without anything to learn, so that validation gets worse."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((40, 2, 300)), np.arange(40) % 2


def quiet(text):
    """Take what a callback would print."""


def weights(clf):
    return {k: v.clone() for k, v in clf.net_.module_.state_dict().items()}


def assert_same(first, second):
    assert first.keys() == second.keys()
    for name in first:
        torch.testing.assert_close(first[name], second[name], rtol=0, atol=0)


def test_early_stopping_ends_training(make, noise):
    stop = EarlyStopping(monitor="valid_loss", patience=2, load_best=True, sink=quiet)
    clf = make(max_epochs=60, validation=0.4, callbacks=[stop]).fit(*noise)
    losses = clf.history_["valid_loss"].to_numpy()
    assert len(losses) < 60
    assert len(losses) == losses.argmin() + 3
    ours = make(max_epochs=60, validation=0.4, early_stopping=2).fit(*noise)
    np.testing.assert_array_equal(
        clf.predict_proba(noise[0]), ours.predict_proba(noise[0])
    )


def test_early_stopping_on_accuracy(make, noise):
    stop = EarlyStopping(
        "valid_accuracy", patience=1, lower_is_better=False, sink=quiet
    )
    clf = make(max_epochs=60, validation=0.4, callbacks=[stop]).fit(*noise)
    assert len(clf.history_) < 60


def test_checkpoint_of_the_best_pass(make, noise, tmp_path):
    best = Checkpoint(dirname=str(tmp_path), load_best=True)
    clf = make(max_epochs=6, validation=0.4, callbacks=[best]).fit(*noise)
    losses = clf.history_["valid_loss"].to_numpy()
    at = losses.argmin()
    assert clf.net_.history[:, "event_cp"][at]
    assert not any(clf.net_.history[:, "event_cp"][at + 1 :])
    saved = torch.load(tmp_path / "params.pt", weights_only=True)
    assert_same(weights(clf), saved)
    passes = json.loads((tmp_path / "history.json").read_text())
    assert len(passes) == at + 1
    assert passes[-1]["valid_loss"] == losses[at]
    assert (tmp_path / "optimizer.pt").exists()


def test_checkpoint_of_each_pass_without_validation(make, noise, tmp_path):
    each = Checkpoint(
        monitor=None,
        dirname=str(tmp_path),
        f_params="{last_epoch[epoch]}.pt",
        f_optimizer=None,
        f_history=None,
    )
    clf = make(max_epochs=3, callbacks=[each]).fit(*noise)
    assert {path.name for path in tmp_path.glob("?.pt")} == {"1.pt", "2.pt", "3.pt"}
    saved = [torch.load(tmp_path / f"{i}.pt", weights_only=True) for i in (1, 3)]
    assert_same(weights(clf), saved[1])
    assert any((saved[0][k] != saved[1][k]).any() for k in saved[0])


def test_schedule(make, noise):
    steps = LRScheduler("StepLR", step_size=1, gamma=0.1)
    clf = make(max_epochs=3, lr=1e-2, schedule="constant", callbacks=[steps]).fit(
        *noise
    )
    assert clf.history_["lr"].tolist() == pytest.approx([1e-2, 1e-3, 1e-4])


def test_schedule_that_waits_for_a_plateau(make, noise):
    slower = LRScheduler("ReduceLROnPlateau", monitor="valid_loss", patience=0)
    clf = make(
        max_epochs=8,
        lr=2e-2,
        schedule="constant",
        validation=0.4,
        callbacks=[slower],
    ).fit(*noise)
    rates, losses = (clf.history_[k].to_numpy() for k in ("lr", "valid_loss"))
    worse = losses[1:-1] >= np.minimum.accumulate(losses)[:-2] * (1 - 1e-4)
    assert worse.any()
    np.testing.assert_array_equal(rates[2:] < rates[1:-1], worse)


def test_named_callbacks_and_scores_of_ones_own(make, noise):
    seen = []

    def count(net, X, y):
        seen.append(len(net.history))
        return len(seen)

    score = EpochScoring(count, name="mine", use_caching=False)
    clf = make(max_epochs=2, validation=0.4, callbacks=[("count", score)]).fit(*noise)
    assert seen == [1, 2]
    assert clf.net_.history[:, "mine"] == [1, 2]
    assert "count" in dict(clf.net_.callbacks_)


def test_a_name_of_ours_is_refused(make, noise):
    stop = ("early_stopping", EarlyStopping(sink=quiet))
    clf = make(validation=0.4, early_stopping=2, callbacks=[stop])
    with pytest.raises(ValueError, match="duplicate user-set callback name"):
        clf.fit(*noise)


def test_clones_and_searches_do_not_share_them(make, noise):
    stop = EarlyStopping(patience=2, sink=quiet)
    clf = make(max_epochs=30, validation=0.4, callbacks=[stop])
    first, second = clone(clf).fit(*noise), clone(clf).fit(*noise)
    assert first.history_["train_loss"].equals(second.history_["train_loss"])
    assert stop.dynamic_threshold_ is None
    search = GridSearchCV(clf, {"lr": [1e-3, 3e-3]}, cv=2, error_score="raise")
    assert search.fit(*noise).best_estimator_.callbacks[0] is not stop


def test_several_tasks(noise, tmp_path):
    X, y = noise
    best = Checkpoint(dirname=str(tmp_path), load_best=True)
    stop = EarlyStopping(patience=2, sink=quiet)
    clf = MultiTaskEEGMamba(
        d_model=16,
        n_layers=1,
        n_experts=2,
        max_epochs=20,
        lr=3e-3,
        validation=0.4,
        callbacks=[best, stop],
        random_state=0,
        verbose="error",
    ).fit({"a": X, "b": X[:, :1]}, {"a": y, "b": y})
    assert len(clf.history_) < 20
    saved = torch.load(tmp_path / "params.pt", weights_only=True)
    assert_same(weights(clf), saved)
