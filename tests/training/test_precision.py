"""Names of devices, and which precision runs where."""

import contextlib

import pytest
import torch

from mne_eegmamba.models import EEGMamba, EEGMambaConfig
from mne_eegmamba.training.precision import autocast, choose_device

CPU = torch.device("cpu")


def test_auto_takes_a_gpu_where_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == CPU
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto") == torch.device("cuda")


@pytest.mark.parametrize("name", ["cpu", CPU])
def test_named_device(name):
    assert choose_device(name) == CPU


@pytest.mark.parametrize("name", ["tpu9", "cuda:99", "", 3.5, "mps:7"])
def test_device_that_is_not_there(name):
    message = 'The `device` parameter must be "auto" or a device that torch finds here'
    with pytest.raises(ValueError, match=message) as caught:
        choose_device(name)
    assert f"Got {name!r}: " in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("precision", "dtype"),
    [
        ("auto", torch.float32),
        ("float32", torch.float32),
        ("bfloat16", torch.bfloat16),
    ],
)
def test_products_on_a_cpu(precision, dtype):
    x = torch.ones(2, 2)
    with autocast(CPU, precision):
        assert (x @ x).dtype == dtype
    assert (x @ x).dtype == torch.float32


def test_auto_is_bfloat16_on_cuda(monkeypatch):
    asked = []

    def record(*args, **kwargs):
        asked.append((args, kwargs))
        return contextlib.nullcontext()

    monkeypatch.setattr(torch, "autocast", record)
    device = torch.device("cuda", 1)
    for precision in ("auto", "bfloat16", "float32"):
        with autocast(device, precision):
            pass
    assert asked == [(("cuda",), {"dtype": torch.bfloat16})] * 2


def test_network_in_bfloat16_stays_near_float32():
    config = EEGMambaConfig({"a": 3}, {"a": 4}, d_model=16, dropout=0.0)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        network = EEGMamba(config)
    x = torch.randn(3, 3, 400, generator=torch.Generator().manual_seed(0))
    want = network(x, "a")
    expected = torch.autograd.grad(want.sum(), network.parameters())
    with autocast(CPU, "bfloat16"):
        got = network(x, "a")
        evaluated = network.eval()(x, "a")
    actual = torch.autograd.grad(got.float().sum(), network.parameters())
    assert evaluated.dtype == torch.float32
    # bfloat16 has eight bits: 0.4 % per product, some products in a row
    torch.testing.assert_close(got.float(), want, rtol=0, atol=0.05)
    torch.testing.assert_close(evaluated, want, rtol=0, atol=0.05)
    for a, e in zip(actual, expected, strict=True):
        assert a.dtype == torch.float32
        assert (a - e).norm() <= 0.1 * e.norm() + 1e-3
