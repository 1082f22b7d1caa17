"""Names of devices, and which precision runs where."""

import contextlib
import multiprocessing
import os
import time
from types import SimpleNamespace

import pytest
import torch
from joblib import Parallel, delayed

from mne_eegmamba.models import EEGMamba, EEGMambaConfig
from mne_eegmamba.training.precision import autocast, card_for, choose_device, on_card

CPU = torch.device("cpu")


@pytest.fixture
def cards(monkeypatch):
    """Return a function that puts so many GPUs into the machine."""

    def put(n):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: n > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: n)

    return put


@pytest.fixture
def worker(monkeypatch):
    """Return a function that makes this process a worker of that name."""

    def become(name):
        process = SimpleNamespace(name=name)
        monkeypatch.setattr(multiprocessing, "parent_process", SimpleNamespace)
        monkeypatch.setattr(multiprocessing, "current_process", lambda: process)

    return become


@pytest.mark.parametrize(("n", "device"), [(0, "cpu"), (1, "cuda"), (3, "cuda")])
def test_auto_takes_a_gpu_where_there_is_one(cards, n, device):
    cards(n)
    assert choose_device("auto") == torch.device(device)


@pytest.mark.parametrize("n", [2, 3])
def test_workers_take_turns_on_several_gpus(cards, worker, n):
    cards(n)
    taken = []
    for number in range(1, 2 * n + 1):  # as multiprocessing counts
        worker(f"LokyProcess-{number}")
        taken.append(choose_device("auto").index)
    assert taken == [*range(n), *range(n)]
    assert choose_device("cpu") == CPU


@pytest.mark.parametrize(
    ("n", "name"), [(1, "LokyProcess-2"), (3, "a worker"), (0, "Process-2")]
)
def test_workers_without_a_choice(cards, worker, n, name):
    cards(n)
    worker(name)
    assert choose_device("auto") == torch.device("cuda" if n else "cpu")


def _place(_):
    """Say which card of very many a worker of joblib takes."""
    torch.cuda.is_available, torch.cuda.device_count = lambda: True, lambda: 1000
    time.sleep(0.2)
    return os.getpid(), choose_device("auto").index


def test_workers_of_joblib_have_their_numbers():
    code = Parallel(2)(delayed(_place)(i) for i in range(8))
    owners = dict(code)
    assert len(owners) == len(set(owners.values())) == 2
    assert all(owners[process] == card for process, card in code)
    assert os.getpid() not in owners


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_cards_for_jobs(cards, n):
    cards(n)
    found = [card_for(number) for number in range(2 * n)]
    if n < 2:
        assert set(found) <= {None}
    else:
        assert found == [f"cuda:{i}" for i in [*range(n), *range(n)]]


def test_current_card(monkeypatch):
    entered = []
    monkeypatch.setattr(
        torch.cuda, "device", lambda x: entered.append(x) or contextlib.nullcontext()
    )
    for device in (CPU, torch.device("cuda", 1)):
        with on_card(device):
            pass
    assert entered == [torch.device("cuda", 1)]


@pytest.mark.parametrize("name", ["cpu", CPU])
def test_named_device(name):
    assert choose_device(name) == CPU


@pytest.mark.parametrize("name", ["tpu9", "cuda:99", "", 3.5, "mps:7", "hpu"])
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
