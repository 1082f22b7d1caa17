"""Seeds that hold for a while only."""

import random
from contextlib import nullcontext

import numpy as np
import pytest
import torch

from mne_eegmamba.training.seeding import local_seed

CPU = torch.device("cpu")


def test_same_seed_same_numbers():
    drawn = []
    for seed in (3, 3, 4):
        with local_seed(seed, CPU):
            drawn.append(torch.randn(5))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    want = torch.randn(5, generator=torch.Generator().manual_seed(3))
    assert torch.equal(drawn[0], want)


def test_states_are_restored():
    before = torch.get_rng_state()
    numpy_before = np.random.get_state()[1].copy()  # noqa: NPY002
    python_before = random.getstate()
    with local_seed(3, CPU):
        torch.rand(100)
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002
    assert random.getstate() == python_before


def test_state_is_restored_after_an_error():
    before = torch.get_rng_state()
    with pytest.raises(RuntimeError, match="shape"), local_seed(3, CPU):
        torch.rand(100).view(7, 7)
    assert torch.equal(torch.get_rng_state(), before)


def test_nested():
    with local_seed(1, CPU):
        torch.rand(2)
        with local_seed(2, CPU):
            torch.rand(7)
        inner = torch.rand(3)
    with local_seed(1, CPU):
        torch.rand(2)
        assert torch.equal(torch.rand(3), inner)


@pytest.mark.parametrize(("name", "index"), [("cuda", 1), ("cuda:0", 0), ("cuda:2", 2)])
def test_card_without_a_number_is_the_current_one(monkeypatch, name, index):
    generators, forked = [torch.Generator() for _ in range(3)], []
    for generator in generators:
        generator.manual_seed(7)
    with torch.random.fork_rng(devices=[]):
        monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
        monkeypatch.setattr(torch.cuda, "default_generators", generators)
        fork = lambda devices: forked.append(devices) or nullcontext()  # noqa: E731
        monkeypatch.setattr(torch.random, "fork_rng", fork)
        with local_seed(3, torch.device(name)):
            seeds = [generator.initial_seed() for generator in generators]
    assert forked == [[index]]
    assert seeds == [3 if i == index else 7 for i in range(3)]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA card here")
def test_a_card_is_seeded_for_a_while():
    device = torch.device("cuda")
    before, drawn = torch.cuda.get_rng_state(), []
    for seed in (3, 3, 4):
        with local_seed(seed, device):
            drawn.append(torch.rand(5, device=device).cpu())
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    assert torch.equal(torch.cuda.get_rng_state(), before)
