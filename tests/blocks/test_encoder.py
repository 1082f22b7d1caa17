"""Where the class token stands, what each layer gets, and what comes out."""

import pytest
import torch

from mne_eegmamba.blocks.encoder import Encoder
from mne_eegmamba.models import EEGMambaConfig
from tests.tolerances import assert_near


def build(tasks=("a",), **options):
    sizes = dict.fromkeys(tasks, 2)
    config = EEGMambaConfig(sizes, sizes, d_model=12, **options)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        encoder = Encoder(config).double().eval()
        tokens = torch.randn(3, 9, 12, dtype=torch.float64)
    return encoder, tokens


def make_identity(encoder):
    for block in encoder.blocks:
        torch.nn.init.zeros_(block.out.weight)


@pytest.mark.parametrize("class_token", ["first", "middle"])
@pytest.mark.parametrize("n_tokens", [1, 2, 9])
def test_tokens_keep_their_order(class_token, n_tokens):
    encoder, tokens = build(class_token=class_token)
    tokens = tokens[:, :n_tokens]
    make_identity(encoder)
    out, others, auxiliary = encoder(tokens, "a")
    assert torch.equal(out, encoder.class_token.expand(3, 12))
    assert torch.equal(others, tokens)
    assert auxiliary is None


@pytest.mark.parametrize(("class_token", "at"), [("first", 0), ("middle", 4)])
def test_where_the_class_token_stands(class_token, at):
    encoder, tokens = build(class_token=class_token, n_layers=1)
    seen = []
    encoder.blocks[0].register_forward_hook(lambda _, args, out: seen.append(args[0]))
    encoder(tokens, "a")
    assert seen[0].shape == (3, 10, 12)
    assert torch.equal(seen[0][:, at], encoder.class_token.expand(3, 12))
    rest = torch.cat([seen[0][:, :at], seen[0][:, at + 1 :]], dim=1)
    assert torch.equal(rest, tokens)


@pytest.mark.parametrize("n_layers", [1, 3])
def test_blocks_run_one_after_the_other(n_layers):
    encoder, tokens = build(n_layers=n_layers)
    assert len(encoder.blocks) == n_layers
    x = torch.cat([encoder.class_token.expand(3, 1, 12), tokens], dim=1)
    for block in encoder.blocks:
        x = block(x)
    out, others, _ = encoder(tokens, "a")
    assert_near(out, x[:, 0])
    assert_near(others, x[:, 1:])


@pytest.mark.parametrize("n_experts", [0, 4])
def test_class_token_reads_all_tokens_and_is_learned(n_experts):
    encoder, tokens = build(n_experts=n_experts)
    out, _, _ = encoder(tokens.requires_grad_(), "a")
    out.square().sum().backward()
    assert (tokens.grad.abs().amax((0, 2)) > 0).all()
    assert encoder.class_token.grad.any()


def test_no_experts_leave_the_mixtures_out():
    encoder, _ = build(n_experts=0)
    assert not encoder.mixtures
    assert not encoder.task_tokens
    names = dict(encoder.named_parameters())
    assert all(name.startswith(("class_token", "blocks.")) for name in names)


def test_a_mixture_follows_every_block():
    encoder, tokens = build(("a", "b"), n_layers=3, n_experts=4)
    assert len(encoder.mixtures) == 3
    x = torch.cat([encoder.class_token.expand(3, 1, 12), tokens], dim=1)
    losses = []
    for block, mixture in zip(encoder.blocks, encoder.mixtures, strict=True):
        x, loss = mixture(block(x), encoder.task_tokens["task_b"], 1)
        losses.append(torch.stack(loss))
    out, others, auxiliary = encoder(tokens, "b")
    assert_near(out, x[:, 0])
    assert_near(others, x[:, 1:])
    assert_near(torch.stack(auxiliary), torch.stack(losses).mean(0))


@pytest.mark.parametrize("class_token", ["first", "middle"])
@pytest.mark.parametrize("layer", [0, 1, 2])
def test_expert_weights_are_those_of_the_forward_pass(class_token, layer):
    encoder, tokens = build(
        ("a", "b"), n_layers=3, n_experts=4, top_k=3, class_token=class_token
    )
    seen = []
    gate = encoder.mixtures[layer].gate
    gate.register_forward_hook(lambda _, args, out: seen.append(out[:2]))
    encoder(tokens, "b")
    weights, experts = seen[0]
    want = torch.zeros(30, 4, dtype=torch.float64)
    for row in range(30):
        for weight, expert in zip(weights[row], experts[row], strict=True):
            want[row, expert] = weight
    got = encoder.expert_weights(tokens, "b", layer)
    assert_near(got, want.view(3, 10, 4))


def test_usage_is_counted_for_the_right_task():
    encoder, tokens = build(("b", "a", "c"), n_experts=4)
    encoder.train()(tokens, "a")
    for mixture in encoder.mixtures:
        assert (mixture.usage.sum(1) > 0).tolist() == [False, True, False]


def test_tasks_differ_in_their_tokens_only():
    encoder, tokens = build(("a", "b"), n_experts=4)
    assert encoder.task_tokens.keys() == {"task_a", "task_b"}
    first = encoder.expert_weights(tokens, "a", 0)
    assert not torch.equal(first, encoder.expert_weights(tokens, "b", 0))
    with torch.no_grad():
        encoder.task_tokens["task_b"].copy_(encoder.task_tokens["task_a"])
    assert torch.equal(first, encoder.expert_weights(tokens, "b", 0))
    assert torch.equal(encoder(tokens, "a")[0], encoder(tokens, "b")[0])


def test_tasks_of_one_type_share_a_token():
    types = {"a": "sleep", "c": "sleep"}
    encoder, tokens = build(("a", "b", "c"), n_experts=4, task_types=types)
    assert encoder.task_tokens.keys() == {"task_b", "task_sleep"}
    out = {task: encoder(tokens, task)[0] for task in "abc"}
    assert torch.equal(out["a"], out["c"])
    assert not torch.equal(out["a"], out["b"])
    out["c"].sum().backward()
    assert encoder.task_tokens["task_sleep"].grad.any()
    assert encoder.task_tokens["task_b"].grad is None


def test_gate_without_the_task_needs_no_task_tokens():
    encoder, tokens = build(("a", "b"), n_experts=4, task_gate=False)
    assert not encoder.task_tokens
    assert torch.equal(encoder(tokens, "a")[0], encoder(tokens, "b")[0])
