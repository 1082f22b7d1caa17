"""Seeds that hold for a while only."""

import random

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
