"""Where the class token stands, and what comes out of the stack."""

import pytest
import torch

from mne_eegmamba.blocks.encoder import Encoder
from mne_eegmamba.models import EEGMambaConfig
from tests.tolerances import assert_near


def build(**options):
    encoder = Encoder(EEGMambaConfig({"a": 2}, {"a": 2}, d_model=12, **options))
    tokens = torch.randn(
        3, 9, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    return encoder.double(), tokens


def make_identity(encoder):
    for block in encoder.blocks:
        torch.nn.init.zeros_(block.out.weight)


@pytest.mark.parametrize("class_token", ["first", "middle"])
@pytest.mark.parametrize("n_tokens", [1, 2, 9])
def test_tokens_keep_their_order(class_token, n_tokens):
    encoder, tokens = build(class_token=class_token)
    tokens = tokens[:, :n_tokens]
    make_identity(encoder)
    out, others = encoder(tokens)
    assert torch.equal(out, encoder.class_token.expand(3, 12))
    assert torch.equal(others, tokens)


@pytest.mark.parametrize(("class_token", "at"), [("first", 0), ("middle", 4)])
def test_where_the_class_token_stands(class_token, at):
    encoder, tokens = build(class_token=class_token, n_layers=1)
    seen = []
    encoder.blocks[0].register_forward_hook(lambda _, args, out: seen.append(args[0]))
    encoder(tokens)
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
    out, others = encoder(tokens)
    assert_near(out, x[:, 0])
    assert_near(others, x[:, 1:])


def test_class_token_reads_all_tokens_and_is_learned():
    encoder, tokens = build()
    out, _ = encoder(tokens.requires_grad_())
    out.square().sum().backward()
    assert (tokens.grad.abs().amax((0, 2)) > 0).all()
    assert encoder.class_token.grad.any()
