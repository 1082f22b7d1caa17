"""The whole network: size, shapes, errors, and predictions alone or in a batch."""

import copy
import pickle

import pytest
import torch

from mne_eegmamba.blocks.bimamba import BiMambaBlock
from mne_eegmamba.models import EEGMamba, EEGMambaConfig
from mne_eegmamba.models.eegmamba import combine
from mne_eegmamba.utils.names import module_key
from tests.tolerances import assert_near


def build(n_channels=3, n_classes=4, **options):
    sizes = {"d_model": 16} | options
    config = EEGMambaConfig({"a": n_channels}, {"a": n_classes}, **sizes)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        return EEGMamba(config)


def build_tasks(tasks, **options):
    """Give a network over tasks of 2, 3, 4 ... channels and as many classes."""
    sizes = {task: 2 + i for i, task in enumerate(tasks)}
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        return EEGMamba(EEGMambaConfig(sizes, sizes, **{"d_model": 16} | options))


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


def n_parameters(network):
    return sum(p.numel() for p in network.parameters())


def test_single_task_network_of_the_paper():
    assert n_parameters(build(6, 2, d_model=128)) == 1_780_994


def test_multi_task_network_of_the_paper():
    tasks = list("abcdefgh")
    config = EEGMambaConfig(
        dict.fromkeys(tasks, 20),
        dict.fromkeys(tasks, 3),
        n_layers=8,
        n_experts=8,
    )
    d, n_experts = 128, 8
    expert = 2 * (d * 2 * d) + 2 * d + d
    gate = 2 * (2 * d * n_experts + n_experts)
    mixture = (n_experts + 1) * expert + gate + 2 * d
    task = (d * 20 * 3 + d) + (d * 3 + 3) + d  # convolution, head, token
    want = expected_size(20, 3, d, layers=8) + 8 * mixture
    want += 7 * task + d  # one convolution and head are counted already
    size = n_parameters(EEGMamba(config))
    assert size == want
    assert 7.3e6 < size < 7.6e6


@pytest.mark.parametrize(
    ("options", "fewer"),
    [
        ({"task_gate": False}, 2 * (2 * 16 * 4) + 2 * 16),
        ({"universal_expert": False}, 2 * (2 * 16 * 32 + 48)),
        ({"moe_residual": False}, 2 * 32),
        ({"top_k": 3}, 0),
    ],
    ids=str,
)
def test_parameters_of_ablations(options, fewer):
    whole, part = (build_tasks("ab", n_experts=4, **chosen) for chosen in ({}, options))
    assert n_parameters(whole) - n_parameters(part) == fewer


def test_forward_only_has_one_direction():
    both, one = (build(bidirectional=flag, pooling="mean") for flag in (True, False))
    backward = sum(
        p.numel() for name, p in both.named_parameters() if "backward_time" in name
    )
    assert backward > 0
    assert n_parameters(both) - n_parameters(one) == backward
    assert not any("backward_time" in name for name in one.state_dict())
    assert one(epochs(), "a").shape == (3, 4)


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
    head = network.heads[module_key("a")]
    embedding = network.embed(x, "a")
    assert_near(got, embedding @ head.weight.t() + head.bias)


def test_one_head_is_left_as_it_is():
    logits = torch.randn(1, 4, 3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(combine(logits, torch.tensor([True])), logits[0])


def test_heads_that_do_not_count():
    logits = torch.randn(3, 4, 2, generator=torch.Generator().manual_seed(0))
    got = combine(logits, torch.tensor([True, False, True]))
    assert_near(got, logits[[0, 2]].log_softmax(-1).mean(0))


def test_heads_that_are_not_solved_do_not_count():
    x = epochs()
    plain = build(dropout=0.0).eval()
    network = build(dropout=0.0, waveform=True, contrast=True).eval()
    network.load_state_dict(plain.state_dict(), strict=False)
    with torch.no_grad():
        assert_near(network(x, "a"), plain(x, "a").log_softmax(-1))
        network.waveform_heads["task_a"].mass += 1
        assert_near(network(x, "a").softmax(-1), (plain(x, "a") / 2).softmax(-1))


def test_two_heads_agree_on_the_mean_of_their_log_probabilities():
    network, x = build(spectrum=True, dropout=0.0).eval(), epochs()
    with torch.no_grad():
        network.spectrum_heads["task_a"].head.weight.normal_()
        tokens, spectrum = network.forward_with_losses(x, "a")[0].softmax(-1)
        got = network(x, "a").softmax(-1)
    assert not torch.allclose(tokens, spectrum, atol=0.1)
    product = (tokens * spectrum).sqrt()
    assert_near(got, product / product.sum(-1, keepdim=True))
    plain = build(dropout=0.0).eval()
    plain.load_state_dict(network.state_dict(), strict=False)
    assert_near(plain(x, "a").softmax(-1), tokens)


@pytest.mark.parametrize("solved", ["waveform", "contrast"])
@pytest.mark.parametrize("spectrum", [False, True])
def test_solved_heads_count_as_the_others(spectrum, solved):
    network = build(spectrum=spectrum, dropout=0.0, **{solved: True}).eval()
    x = epochs()
    head = network.get_submodule(f"{solved}_heads.task_a")
    with torch.no_grad():
        for values in head.buffers():
            values.normal_()
        head.mass.fill_(1)
        trained = network.forward_with_losses(x, "a")[0].softmax(-1)
        got = network(x, "a").softmax(-1)
    product = trained.prod(0) * head(x).softmax(-1)
    product = product ** (1 / (2 + spectrum))
    assert_near(got, product / product.sum(-1, keepdim=True))


def test_solved_heads_are_not_trained():
    network, x = build(spectrum=True, waveform=True, contrast=True), epochs()
    logits = network.forward_with_losses(x, "a")[0]
    assert len(logits) == 2
    names = [name for name, _ in network.named_parameters()]
    assert not [name for name in names if name.startswith(("waveform", "contrast"))]
    kept = [name.split(".")[0] for name in network.state_dict()]
    assert kept.count("waveform_heads") == 3
    assert kept.count("contrast_heads") == 4


@pytest.mark.parametrize("n_experts", [0, 4])
def test_each_task_has_its_own_channels_and_classes(n_experts):
    network = build_tasks("ab", n_experts=n_experts, spectrum=True)
    assert network(epochs(2, 2), "a").shape == (2, 2)
    assert network(epochs(2, 3), "b").shape == (2, 3)
    network(epochs(2, 2), "a").sum().backward()
    own = (network.spatial, network.heads, network.spectrum_heads)
    for part in (*own, network.encoder.task_tokens):
        for name, parameter in part.named_parameters():
            assert (parameter.grad is None) == name.startswith("task_b"), name


NAMES = ["train", "a.b", "sleep stage", "0", "forward", ".", "task_a", "a%2Eb", ""]


def test_any_task_name():
    network = build_tasks(NAMES, n_experts=3, tokenizer_norm="batch").eval()
    twin = build_tasks(NAMES, n_experts=3, tokenizer_norm="batch").eval()
    twin.load_state_dict(pickle.loads(pickle.dumps(network.state_dict())))
    for n, task in enumerate(NAMES, start=2):
        logits = network(epochs(2, n), task)
        assert logits.shape == (2, n)
        assert torch.equal(twin(epochs(2, n), task), logits)
    with pytest.raises(ValueError, match="task must be one of .*Got 'task_train'"):
        network(epochs(2, 2), "task_train")


def test_mean_pooling_is_the_mean_over_the_signal_tokens():
    network, x = build(pooling="mean", final_norm=None).eval(), epochs()
    tokens = network.tokenizer(x, "a", network.spatial[module_key("a")])
    _, others, _ = network.encoder(tokens, "a")
    assert_near(network.embed(x, "a"), others.mean(1))


ABLATIONS = [
    {},
    {"task_gate": False},
    {"universal_expert": False},
    {"moe_residual": False},
    {"bidirectional": False, "class_token": "middle"},
    {"tokenizer_pool": "max"},
    {"balance_statistics": "batch"},
]


@pytest.mark.parametrize("options", ABLATIONS, ids=str)
def test_experts_and_gates_are_learned(options):
    network = build_tasks("ab", n_experts=3, **options)
    losses = []
    for task, n in (("a", 2), ("b", 3)):
        logits, _, auxiliary = network.forward_with_losses(epochs(3, n), task)
        target = torch.arange(3) % n
        losses += [torch.nn.functional.cross_entropy(logits[0], target), *auxiliary]
    torch.stack(losses).sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.any(), name


def test_auxiliary_losses():
    network, x = build_tasks("ab", n_experts=3).eval(), epochs(3, 2)
    logits, verdict, auxiliary = network.forward_with_losses(x, "a")
    assert torch.equal(logits[0], network(x, "a"))
    assert torch.equal(logits[0], verdict)
    assert auxiliary.balance.shape == auxiliary.router_z.shape == ()
    assert auxiliary.balance > 0
    assert auxiliary.router_z > 0
    assert build().forward_with_losses(epochs(), "a")[2] is None


def test_expert_weights():
    network, x = build_tasks("ab", n_experts=5, top_k=3).eval(), epochs(3, 2)
    weights = [network.expert_weights(x, "a", layer) for layer in (0, 1, -1, -2)]
    tokens = network.tokenizer(x, "a", network.spatial[module_key("a")])
    n_tokens = tokens.shape[1]
    for part in weights:
        assert part.shape == (3, 1 + n_tokens, 5)
        assert ((part > 0).sum(-1) == 3).all()
        assert_near(part.sum(-1), torch.ones(3, 1 + n_tokens))
    assert torch.equal(weights[1], weights[2])
    assert torch.equal(weights[0], weights[3])
    assert not torch.equal(weights[0], weights[1])
    assert torch.equal(network.expert_weights(x, "a"), weights[2])


@pytest.mark.parametrize(("n_experts", "layer"), [(0, 0), (0, -1), (3, 2), (3, -3)])
def test_expert_weights_of_no_layer(n_experts, layer):
    network = build(n_experts=n_experts)
    n = 2 if n_experts else 0
    message = f"layer must be one of the {n} mixtures of experts .*Got {layer}"
    with pytest.raises(ValueError, match=message):
        network.expert_weights(epochs(), "a", layer)


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


@pytest.mark.parametrize(
    "options",
    [{}, {"pooling": "mean"}, {"spectrum": True, "waveform": True, "contrast": True}],
)
@pytest.mark.parametrize("d_model", [16, 128])
def test_epoch_gives_the_same_bits_in_any_batch(options, d_model):
    network = build(d_model=d_model, **options).eval()
    x = epochs(7, n_times=1000 if "spectrum" in options else 330)
    for head in network.spectrum_heads.values():
        torch.nn.init.normal_(head.head.weight)
    for head in network.waveform_heads.values():
        head.weight.normal_()
    for head in network.contrast_heads.values():
        head.weight.normal_()
        head.mixing.normal_()
    with torch.inference_mode():
        whole = network(x, "a")
        for size in range(2, 7):
            for start in range(8 - size):
                part = network(x[start : start + size], "a")
                assert torch.equal(part, whole[start : start + size]), size


@pytest.mark.parametrize("options", [{}, {"top_k": 4, "moe_residual": False}], ids=str)
@pytest.mark.parametrize("d_model", [16, 128])
def test_experts_give_the_same_bits_in_any_batch(options, d_model):
    network = build(d_model=d_model, n_experts=8, **options).eval()
    x = epochs(29)
    with torch.inference_mode():
        whole = network(x, "a")
        weights = network.expert_weights(x, "a")
        assert ((weights > 0).sum((0, 1)) > 0).sum() > 4  # experts that are in use
        for size in (2, 3, 7, 12, 29):
            for start in {0, (29 - size) // 2, 29 - size}:
                part = network(x[start : start + size], "a")
                assert torch.equal(part, whole[start : start + size]), size


@pytest.mark.parametrize("n_experts", [0, 8])
def test_order_of_epochs(n_experts):
    network, x = build(n_experts=n_experts).eval(), epochs(5)
    order = torch.tensor([3, 1, 4, 0, 2])
    with torch.inference_mode():
        assert torch.equal(network(x[order], "a"), network(x, "a")[order])


@pytest.mark.parametrize("n_experts", [0, 4])
def test_order_of_channels(n_experts):
    network, x = build(n_experts=n_experts), epochs()
    network.double().eval()
    x, order = x.double(), torch.tensor([2, 0, 1])
    want = network(x, "a")
    with torch.no_grad():
        weight = network.spatial[module_key("a")].weight
        weight.copy_(weight[:, order].clone())
    # logits are float64 here: the head keeps what is finer than float32
    assert_near(network(x[:, order], "a"), want)


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))]
)
@pytest.mark.parametrize("n_experts", [0, 4])
def test_copies(copied, n_experts):
    network, x = build(n_experts=n_experts).eval(), epochs()
    twin = copied(network)
    assert twin.config == network.config
    assert torch.equal(twin(x, "a"), network(x, "a"))
    with torch.no_grad():
        twin.encoder.class_token.add_(1)
    assert not torch.equal(twin(x, "a"), network(x, "a"))


@pytest.mark.parametrize("n_experts", [0, 4])
def test_state_dict(n_experts):
    network, other = (build(n_experts=n_experts) for _ in range(2))
    x = epochs()
    network(x, "a")
    network.eval()
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(0.1)
    assert not torch.equal(other.eval()(x, "a"), network(x, "a"))
    state = network.state_dict()
    names = {name for name in state if not name.endswith(".usage")}
    assert names == dict(network.named_parameters()).keys()
    assert len(state) - len(names) == (2 if n_experts else 0)
    other.load_state_dict(state)
    assert torch.equal(other(x, "a"), network(x, "a"))
    for name, tensor in other.state_dict().items():
        assert torch.equal(tensor, state[name]), name


@pytest.mark.parametrize("norm", [None, "batch"])
@pytest.mark.parametrize("n_experts", [0, 4])
def test_activation_checkpointing_changes_memory_only(n_experts, norm, monkeypatch):
    runs, found = [], []
    forward = BiMambaBlock.forward
    monkeypatch.setattr(
        BiMambaBlock, "forward", lambda *args: runs.append(1) or forward(*args)
    )
    for save_memory in (False, True):
        network = build(
            n_experts=n_experts,
            tokenizer_norm=norm,
            activation_checkpointing=save_memory,
        ).train()
        torch.manual_seed(3)
        runs.clear()
        logits = network(epochs(), "a")
        logits.square().sum().backward()
        gradients = [p.grad for p in network.parameters() if p.grad is not None]
        found.append([logits, *gradients, *network.buffers()])
        assert len(runs) == (4 if save_memory else 2)
    assert len(found[0]) == len(found[1])
    assert all(map(torch.equal, *found))
    runs.clear()
    with torch.no_grad():
        network.eval()(epochs(), "a")
    assert len(runs) == 2


def test_spatial_filters_do_what_the_first_layers_do():
    """A signal that is constant in time meets the sum over the taps of each output."""
    network = build_tasks(["a", "b"]).eval()
    channels = torch.tensor([1.0, -2.0, 0.5])  # task b
    filters = network.spatial_filters("b")
    assert filters.shape == (16 * (17 + 51), 3)
    assert not filters.requires_grad
    inner = network.spatial["task_b"](channels[None, :, None].expand(1, 3, 60))
    start = 0
    for path, taps in ((network.tokenizer.small, 17), (network.tokenizer.wide, 51)):
        rows = filters[start : start + 16 * taps].view(16, taps, 3)
        conv = path.conv1
        expected = conv(inner[:, :, 1:-1])[0, :, 0] - conv(0 * inner)[0, :, 0]
        bias = network.spatial["task_b"].bias
        expected = expected - conv.weight.sum(-1) @ bias
        assert_near((rows @ channels).sum(1), expected)
        start += 16 * taps
