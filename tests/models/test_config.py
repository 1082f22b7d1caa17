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
    assert (config.n_experts, config.top_k) == (0, 2)
    assert config.bidirectional
    assert config.universal_expert
    assert config.task_gate


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
    message = f"`{name}` parameter of the network must be an int in"
    with pytest.raises(ValueError, match=message):
        EEGMambaConfig(**TASKS, **{name: 0})
    for value in (2.0, "2", None, True):
        with pytest.raises(TypeError, match=message):
            EEGMambaConfig(**TASKS, **{name: value})


def test_dropout():
    message = r"`dropout` parameter of the network must be a number in \[0, 1\]"
    for value in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match=message):
            EEGMambaConfig(**TASKS, dropout=value)
    for value in (0, 1, 0.5):
        assert EEGMambaConfig(**TASKS, dropout=value).dropout == value


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("tokenizer_pool", "'average', 'max'"),
        ("balance_statistics", "'running', 'batch'"),
        ("tokenizer_norm", "None, 'batch', 'group'"),
        ("class_token", "'first', 'middle'"),
        ("pooling", "'class_token', 'mean'"),
        ("final_norm", "'layer', None"),
        ("backend", "'auto', 'numba', 'triton', 'mamba_ssm', 'torch', 'reference'"),
    ],
)
def test_options(name, allowed):
    message = f"`{name}` parameter of the network must be one of {allowed}. Got 'x'"
    with pytest.raises(ValueError, match=message):
        EEGMambaConfig(**TASKS, **{name: "x"})


@pytest.mark.parametrize(
    "name", ["bidirectional", "universal_expert", "task_gate", "moe_residual"]
)
def test_flags(name):
    message = f"`{name}` parameter of the network must be True or False. Got"
    for value in (1, 0, None, "True"):
        with pytest.raises(TypeError, match=message):
            EEGMambaConfig(**TASKS, **{name: value})
    for value in (True, False):
        config = EEGMambaConfig(**TASKS, pooling="mean", **{name: value})
        assert getattr(config, name) is value


def test_number_of_experts():
    message = r"`n_experts` parameter of the network must be an int in \[0, inf\)"
    with pytest.raises(ValueError, match=message):
        EEGMambaConfig(**TASKS, n_experts=-1)
    for value in (8.0, None, True):
        with pytest.raises(TypeError, match=message):
            EEGMambaConfig(**TASKS, n_experts=value)


@pytest.mark.parametrize("value", [0, 5, -1])
def test_top_k_is_at_most_the_number_of_experts(value):
    message = r"`top_k` parameter of the network must be an int in \[1, 4\]. Got"
    with pytest.raises(ValueError, match=message):
        EEGMambaConfig(**TASKS, n_experts=4, top_k=value)
    assert EEGMambaConfig(**TASKS, n_experts=4, top_k=4).top_k == 4


@pytest.mark.parametrize("universal", [True, False])
def test_a_gate_that_chooses_one_expert_could_not_learn(universal):
    message = "must be at least 2. Got 1: .*Use top_k=2, or n_experts=0"
    with pytest.raises(ValueError, match=message):
        EEGMambaConfig(**TASKS, n_experts=4, top_k=1, universal_expert=universal)


def test_without_experts_their_number_does_not_matter():
    assert EEGMambaConfig(**TASKS, n_experts=0, top_k=1).top_k == 1


def test_task_types():
    sizes = {"a": 2, "b": 2, "c": 2}
    message = r"`task_types` .* must name tasks out of \['a', 'b', 'c'\]. Got \['x'\]"
    with pytest.raises(ValueError, match=message):
        EEGMambaConfig(sizes, sizes, n_experts=4, task_types={"a": "s", "x": "s"})
    config = EEGMambaConfig(sizes, sizes, n_experts=4, task_types={"a": "s", "b": "s"})
    assert [config.task_type(task) for task in "abc"] == ["s", "s", "c"]
    assert EEGMambaConfig(sizes, sizes).task_type("b") == "b"


def test_frozen_and_copied_whole():
    config = EEGMambaConfig(**TASKS, d_model=24, n_experts=3, task_types={"a": "s"})
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.d_model = 3
    assert pickle.loads(pickle.dumps(config)) == config
    assert EEGMambaConfig(**dataclasses.asdict(config)) == config
    assert dataclasses.replace(config, d_model=25) != config


@pytest.mark.parametrize("options", [{"pooling": "mean"}, {"class_token": "middle"}])
def test_class_token_that_would_see_nothing(options):
    sizes = {"n_channels": {"a": 2}, "n_classes": {"a": 2}}
    with pytest.raises(
        ValueError, match='sees nothing of the signal. Use pooling="mean"'
    ):
        EEGMambaConfig(**sizes, bidirectional=False)
    assert not EEGMambaConfig(**sizes, bidirectional=False, **options).bidirectional
