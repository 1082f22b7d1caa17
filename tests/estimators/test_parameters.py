"""Each parameter reaches the network or its training."""

import importlib
import inspect
from operator import attrgetter

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import KFold

from mne_eegmamba import EEGMambaClassifier, MultiTaskEEGMamba, paper_parameters
from tests.estimators.agreement import assert_differ, assert_same

ESTIMATORS = [EEGMambaClassifier, MultiTaskEEGMamba]


class TestParameters:
    def test_set_params_is_constructing(self, make, numbers):
        X, y = numbers
        parameters = {"d_model": 8, "dropout": 0.1, "pooling": "mean", "lr": 1e-2}
        changed = make().set_params(**parameters)
        assert_same(changed.fit(X, y), make(**parameters).fit(X, y), X)

    def test_refit_on_other_sizes(self, make, numbers, epochs):
        X, y = numbers
        clf = make().fit(epochs)
        copy = clone(clf)
        for one in (clf, copy):
            one.fit(X, y)
            assert one.classes_.tolist() == [0, 1, 2]
            assert one.ch_names_in_ is None
            assert (one.n_channels_, one.n_features_in_, one.n_times_) == (3, 3, 300)
        assert_same(clf, copy, X)
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

    @pytest.mark.parametrize("kind", ESTIMATORS)
    def test_every_parameter_is_stored_as_it_came(self, kind):
        names = list(inspect.signature(kind).parameters)
        values = {name: object() for name in names}
        clf = kind(**values)
        assert vars(clf) == values
        assert list(clf.get_params()) == sorted(names)

    @pytest.mark.parametrize("kind", ESTIMATORS)
    def test_parameters_are_keyword_only(self, kind):
        with pytest.raises(TypeError, match="positional"):
            kind(16)

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
    "waveform": False,
    "contrast": False,
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
    "early_stopping": (
        "test_weights_validation",
        "TestEarlyStopping.test_the_best_weights_come_back",
    ),
    "warm_start": ("test_going_on", "TestGoingOn.test_warm_start_grows"),
    "callbacks": ("test_training", "TestCallbacks.test_callbacks_run"),
    "verbose": ("test_training", "TestProgress.test_bar"),
    "backend": ("test_training", "TestRandomness.test_backends_agree"),
    "activation_checkpointing": (
        "test_training",
        "TestRandomness.test_activation_checkpointing",
    ),
    "cuda_graphs": ("test_training", "TestRandomness.test_cuda_graphs"),
    "device": ("test_training", "TestRandomness.test_device"),
    "variable_length": ("test_training", "TestRandomness.test_variable_length"),
}


def test_every_parameter_has_a_test():
    names = inspect.signature(EEGMambaClassifier).parameters.keys()
    assert EFFECTS.keys() | ELSEWHERE.keys() == names
    assert not EFFECTS.keys() & ELSEWHERE.keys()
    for module, test in ELSEWHERE.values():
        module = importlib.import_module(f"tests.estimators.{module}")
        assert callable(attrgetter(test)(module))


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
    assert_differ(base.fit(X, y), other.fit(X, y), X)


@pytest.mark.parametrize("scale", ["channel", "window", None])
@pytest.mark.parametrize("norm", [None, "batch", "group"])
def test_scales_and_norms_train(make, numbers, scale, norm):
    X, y = numbers
    clf = make(input_scale=scale, tokenizer_norm=norm).fit(X / 50, y)
    assert np.isfinite(clf.predict_proba(X / 50)).all()
