"""The whole network: size, shapes, errors, and predictions alone or in a batch."""

import copy
import pickle

import pytest
import torch

from mne_eegmamba.models import EEGMamba, EEGMambaConfig
from tests.tolerances import assert_near


def build(n_channels=3, n_classes=4, **options):
    sizes = {"d_model": 16} | options
    config = EEGMambaConfig({"a": n_channels}, {"a": n_classes}, **sizes)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        return EEGMamba(config)


def epochs(n=3, n_channels=3, n_times=330):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(n, n_channels, n_times, generator=generator)


def expected_size(channels, classes, d, layers, states=16, taps=4, expand=2):
    """Count the parameters from the definitions of the paper."""
    spatial = d * channels * 3 + d
    tokenizer = sum(d * d * k + d + 2 * (d * d * 7 + d) for k in (15, 49))
    e, rank = expand * d, -(-d // 16)
    direction = e * taps + e  # convolution
    direction += e * (rank + 2 * states)  # step, B and C
    direction += rank * e + e  # step to channels
    direction += e * states + e  # A and D
    block = 2 * d + 2 * d * e + 2 * direction + e * d
    return spatial + tokenizer + layers * block + d + 2 * d + d * classes + classes


@pytest.mark.parametrize(
    ("channels", "classes", "d", "layers"),
    [(22, 4, 128, 2), (2, 5, 128, 8), (1, 2, 20, 1)],
)
def test_number_of_parameters(channels, classes, d, layers):
    network = build(channels, classes, d_model=d, n_layers=layers)
    size = sum(p.numel() for p in network.parameters())
    assert size == expected_size(channels, classes, d, layers)
    if (d, layers) == (128, 2):
        assert round(size / 1e6, 1) == 1.8


@pytest.mark.parametrize("pooling", ["class_token", "mean"])
@pytest.mark.parametrize("class_token", ["first", "middle"])
@pytest.mark.parametrize("final_norm", ["layer", None])
@pytest.mark.parametrize("tokenizer_norm", [None, "batch", "group"])
def test_shapes_and_gradients(pooling, class_token, final_norm, tokenizer_norm):
    network = build(
        pooling=pooling,
        class_token=class_token,
        final_norm=final_norm,
        tokenizer_norm=tokenizer_norm,
    )
    x = epochs()
    assert network.embed(x, "a").shape == (3, 16)
    logits = network(x, "a")
    assert logits.shape == (3, 4)
    torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1, 3])).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


def test_head_is_the_same_in_training_and_evaluation():
    network, x = build(dropout=0.0), epochs()
    trained = network.train()(x, "a")
    got = network.eval()(x, "a")
    assert got.dtype == torch.float32
    assert_near(got, trained)
    head = network.heads["a"]
    embedding = network.embed(x, "a")
    assert_near(got, embedding @ head.weight.t() + head.bias)


def test_each_task_has_its_own_channels_and_classes():
    config = EEGMambaConfig({"a": 2, "b": 5}, {"a": 2, "b": 3}, d_model=16)
    network = EEGMamba(config)
    assert network(epochs(2, 2), "a").shape == (2, 2)
    assert network(epochs(2, 5), "b").shape == (2, 3)
    network(epochs(2, 2), "a").sum().backward()
    assert all(p.grad is None for p in network.spatial["b"].parameters())
    assert all(p.grad is None for p in network.heads["b"].parameters())


def test_mean_pooling_is_the_mean_over_the_signal_tokens():
    network, x = build(pooling="mean", final_norm=None).eval(), epochs()
    _, tokens = network.encoder(network.tokenizer(x, network.spatial["a"]))
    assert_near(network.embed(x, "a"), tokens.mean(1))


@pytest.mark.parametrize(
    ("shape", "task", "message"),
    [
        ((2, 3, 330), "b", r"task must be one of \['a'\]. Got 'b'"),
        ((2, 4, 330), "a", r"must have the shape \(batch, 3, n_times\).*\(2, 4, 330\)"),
        ((3, 330), "a", r"task 'a' must have the shape .*Got \(3, 330\)"),
        ((2, 3, 288), "a", r"n_times of at least 289. Got \(2, 3, 288\)"),
    ],
)
def test_refused_input(shape, task, message):
    with pytest.raises(ValueError, match=message):
        build()(torch.zeros(shape), task)


@pytest.mark.parametrize("options", [{}, {"pooling": "mean"}])
@pytest.mark.parametrize("d_model", [16, 128])
def test_epoch_gives_the_same_bits_in_any_batch(options, d_model):
    network = build(d_model=d_model, **options).eval()
    x = epochs(7)
    with torch.inference_mode():
        whole = network(x, "a")
        for size in range(2, 7):
            for start in range(8 - size):
                part = network(x[start : start + size], "a")
                assert torch.equal(part, whole[start : start + size]), size


def test_order_of_epochs():
    network, x = build().eval(), epochs(5)
    order = torch.tensor([3, 1, 4, 0, 2])
    with torch.inference_mode():
        assert torch.equal(network(x[order], "a"), network(x, "a")[order])


def test_order_of_channels():
    network, x = build(), epochs()
    network.double().eval()
    x, order = x.double(), torch.tensor([2, 0, 1])
    want = network(x, "a")
    with torch.no_grad():
        weight = network.spatial["a"].weight
        weight.copy_(weight[:, order].clone())
    # logits are float64 here: the head keeps what is finer than float32
    assert_near(network(x[:, order], "a"), want)


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))]
)
def test_copies(copied):
    network, x = build().eval(), epochs()
    twin = copied(network)
    assert twin.config == network.config
    assert torch.equal(twin(x, "a"), network(x, "a"))
    with torch.no_grad():
        twin.encoder.class_token.add_(1)
    assert not torch.equal(twin(x, "a"), network(x, "a"))


def test_state_dict():
    network, other, x = build().eval(), build(), epochs()
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(0.1)
    assert not torch.equal(other.eval()(x, "a"), network(x, "a"))
    state = network.state_dict()
    assert state.keys() == dict(network.named_parameters()).keys()
    other.load_state_dict(state)
    assert torch.equal(other(x, "a"), network(x, "a"))
