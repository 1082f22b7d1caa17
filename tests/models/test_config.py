"""What the configuration refuses, and what follows from it."""

import dataclasses
import pickle

import pytest

from mne_eegmamba.models import EEGMambaConfig

TASKS = {"n_channels": {"a": 2}, "n_classes": {"a": 3}}


def test_defaults_are_those_of_the_paper():
    config = EEGMambaConfig(**TASKS)
    assert (config.d_model, config.n_layers, config.d_state) == (128, 2, 16)
    assert (config.d_conv, config.expand, config.dropout) == (4, 2, 0.5)
    assert (config.d_inner, config.dt_rank) == (256, 8)
    assert (config.class_token, config.pooling) == ("first", "class_token")
    assert (config.tokenizer_norm, config.final_norm) == (None, "layer")


@pytest.mark.parametrize(("width", "rank"), [(1, 1), (16, 1), (17, 2), (100, 7)])
def test_derived_values(width, rank):
    config = EEGMambaConfig(**TASKS, d_model=width, expand=3)
    assert (config.dt_rank, config.d_inner) == (rank, 3 * width)


@pytest.mark.parametrize(
    ("channels", "classes"),
    [({}, {}), ({"a": 1}, {"b": 2}), ({"a": 1, "b": 1}, {"a": 2})],
)
def test_tasks_must_agree(channels, classes):
    with pytest.raises(ValueError, match="must name the same tasks, at least one"):
        EEGMambaConfig(n_channels=channels, n_classes=classes)


@pytest.mark.parametrize("name", ["d_model", "n_layers", "d_state", "d_conv", "expand"])
def test_sizes(name):
    message = f"`{name}` parameter of EEGMambaConfig must be an int in"
    with pytest.raises(ValueError, match=message):
        EEGMambaConfig(**TASKS, **{name: 0})
    for value in (2.0, "2", None, True):
        with pytest.raises(TypeError, match=message):
            EEGMambaConfig(**TASKS, **{name: value})


@pytest.mark.parametrize("name", ["dropout", "block_dropout", "head_dropout"])
def test_dropouts(name):
    message = rf"`{name}` parameter of EEGMambaConfig must be a number in \[0, 1\]"
    for value in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match=message):
            EEGMambaConfig(**TASKS, **{name: value})
    for value in (0, 1, 0.5):
        assert getattr(EEGMambaConfig(**TASKS, **{name: value}), name) == value


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("tokenizer_norm", "None, 'batch', 'group'"),
        ("class_token", "'first', 'middle'"),
        ("pooling", "'class_token', 'mean'"),
        ("final_norm", "'layer', None"),
        ("backend", "'auto', 'numba', 'torch', 'reference'"),
    ],
)
def test_options(name, allowed):
    message = f"`{name}` parameter of EEGMambaConfig must be one of {allowed}. Got 'x'"
    with pytest.raises(ValueError, match=message):
        EEGMambaConfig(**TASKS, **{name: "x"})


def test_frozen_and_copied_whole():
    config = EEGMambaConfig(**TASKS, d_model=24)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.d_model = 3
    assert pickle.loads(pickle.dumps(config)) == config
    assert EEGMambaConfig(**dataclasses.asdict(config)) == config
    assert dataclasses.replace(config, d_model=25) != config
