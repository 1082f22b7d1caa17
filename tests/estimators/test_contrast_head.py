"""What the mixtures for the head of the contrast are solved on, and when."""

import numpy as np
import pytest

from mne_eegmamba import EEGMambaClassifier, MultiTaskEpochs
from mne_eegmamba.estimators import _solve
from mne_eegmamba.utils.names import module_key
from tests.estimators.conftest import make_tasks


def mixing_of(estimator, task="task"):
    return estimator.net_.module_.contrast_heads[module_key(task)].mixing.numpy()


@pytest.fixture(scope="module")
def noise():
    """Epochs of white noise whose channels are correlated."""
    rng = np.random.default_rng(3)
    X = np.cumsum(rng.standard_normal((60, 3, 900)), axis=1)
    return X, np.arange(60) % 2


def test_they_whiten_the_training_epochs(make, noise):
    X, y = noise
    mixing = mixing_of(make(max_epochs=1).fit(X[:40], y[:40])).astype(float)
    scaled = X[40:] / X[:40].std((0, 2), keepdims=True)
    cov = np.mean([np.cov(epoch) for epoch in scaled], axis=0)
    cov /= np.trace(cov) / 3
    shrunk = 0.9 * cov + 0.1 * np.eye(3)
    np.testing.assert_allclose(mixing @ shrunk @ mixing, np.eye(3), atol=0.05)
    np.testing.assert_allclose(mixing, mixing.T, atol=1e-6)


def test_weights_count(make, noise):
    X, y = noise
    weight = np.ones(60)
    weight[:6] = 1000
    X = X.copy()
    X[:6, 1] = np.random.default_rng(0).standard_normal((6, 900))
    plain, weighted, alone = (
        mixing_of(
            make(max_epochs=1, input_scale=None).fit(X[:n], y[:n], sample_weight=given)
        )
        for n, given in ((60, None), (60, weight), (6, None))
    )
    assert np.abs(plain - alone).max() > 0.1
    np.testing.assert_allclose(weighted, alone, atol=0.01)


def test_no_seed_changes_them(make, noise):
    first, second = (
        mixing_of(make(max_epochs=1, random_state=seed).fit(*noise)) for seed in (0, 1)
    )
    np.testing.assert_array_equal(first, second)


def test_they_do_not_see_validation_epochs(make, noise, splits):
    X, y = noise
    clf = make(max_epochs=1, validation=0.4).fit(X, y)
    _, train, _ = splits[0]
    alone = make(max_epochs=1).fit(X[train], y[train])
    np.testing.assert_allclose(mixing_of(clf), mixing_of(alone), rtol=1e-4, atol=1e-6)


def test_jointly_they_are_the_same_as_alone(make, noise):
    X, y = noise
    parts = {"a": X, "b": X[:, :1]}
    joint = make_tasks().fit(MultiTaskEpochs(parts, dict.fromkeys(parts, y)))
    for task, part in parts.items():
        alone = make(max_epochs=1).fit(part, y)
        np.testing.assert_array_equal(mixing_of(joint, task), mixing_of(alone))


def test_only_a_further_fit_makes_them_anew(make, noise):
    X, y = noise
    settings = {"max_epochs": 1, "input_scale": None}
    clf = make(warm_start=True, **settings).fit(X[:40], y[:40])
    mixing = mixing_of(clf).copy()
    assert mixing.any()
    np.testing.assert_array_equal(mixing_of(clf.partial_fit(X[40:], y[40:])), mixing)
    fresh = mixing_of(make(**settings).fit(X[40:], y[40:]))
    assert not np.array_equal(mixing, fresh)
    np.testing.assert_array_equal(mixing_of(clf.fit(X[40:], y[40:])), fresh)
    clf.fit(X[:2], y[:2])  # none can be held out
    np.testing.assert_array_equal(mixing_of(clf), fresh)


def test_an_interrupt_leaves_them(make, noise, monkeypatch):
    X, y = noise
    clf = make(warm_start=True, max_epochs=1).fit(X[:40], y[:40])
    before = {k: v.clone() for k, v in clf.net_.module_.state_dict().items()}
    solve, calls = _solve.solve, []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 2:  # the waveform head is solved, mixtures are anew
            raise KeyboardInterrupt
        return solve(*arguments)

    monkeypatch.setattr(_solve, "solve", interrupted)
    with pytest.raises(KeyboardInterrupt):
        clf.fit(X[40:], y[40:])
    for name, value in clf.net_.module_.state_dict().items():
        np.testing.assert_array_equal(value, before[name], name)


def test_a_new_task_has_its_own(noise):
    X, y = noise
    clf = make_tasks().fit({"a": X}, {"a": y})
    before = mixing_of(clf, "a").copy()
    clf.add_task("b", X[:, :2], y)
    np.testing.assert_array_equal(mixing_of(clf, "a"), before)
    assert mixing_of(clf, "b").shape == (2, 2)
    assert mixing_of(clf, "b").any()


def test_they_are_saved(make, noise, tmp_path):
    clf = make(max_epochs=1).fit(*noise)
    clf.save(tmp_path / "clf")
    again = EEGMambaClassifier.load(tmp_path / "clf")
    np.testing.assert_array_equal(mixing_of(clf), mixing_of(again))


def test_without_the_head_there_are_none(make, noise):
    module = make(max_epochs=1, contrast=False).fit(*noise).net_.module_
    assert not module.contrast_heads
    assert not any("mixing" in name for name in module.state_dict())
