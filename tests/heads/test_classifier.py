"""The head sums in float64, so that its result does not depend on the batch."""

import pytest
import torch

from mne_eegmamba.heads.classifier import Head, Pooling
from mne_eegmamba.models import EEGMambaConfig


def build(n=50):
    generator = torch.Generator().manual_seed(0)
    head = Head(128, 5)
    with torch.no_grad():
        head.weight.copy_(torch.randn(5, 128, generator=generator))
    return head, torch.randn(n, 128, generator=generator)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_evaluation_rounds_once(dtype):
    head, embedding = build()
    embedding = embedding.to(dtype)
    got = head.eval()(embedding)
    want = embedding.double() @ head.weight.double().t() + head.bias.double()
    assert got.dtype == torch.float32
    # one rounding to float32 and nothing else, even where terms cancel
    torch.testing.assert_close(got.double(), want, rtol=2**-24, atol=1e-12)


def test_alone_and_in_a_batch():
    head, embedding = build()
    whole = head.eval()(embedding)
    assert all(
        torch.equal(head(embedding[i : i + size]), whole[i : i + size])
        for size in (1, 2, 7)
        for i in range(50 - size)
    )


def test_training_is_the_linear_layer():
    head, embedding = build()
    want = torch.nn.functional.linear(embedding, head.weight, head.bias)
    assert torch.equal(head.train()(embedding), want)


@pytest.mark.parametrize(("pooling", "kept"), [("class_token", 0), ("mean", 1)])
def test_pooling_takes_its_part(pooling, kept):
    config = EEGMambaConfig({"a": 1}, {"a": 2}, d_model=6, pooling=pooling)
    pool = Pooling(config)
    generator = torch.Generator().manual_seed(0)
    parts = [torch.randn(3, 6, generator=generator) for _ in range(2)]
    inputs = (parts[0], parts[1].unsqueeze(1))
    want = torch.nn.functional.layer_norm(parts[kept], (6,))
    torch.testing.assert_close(pool(*inputs), want)
