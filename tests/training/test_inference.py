"""Predictions batch by batch: the same bits, whatever the batches."""

import numpy as np
import pytest
import torch

from mne_eegmamba.batches.dataset import MultiTaskDataset, TaskDataset
from mne_eegmamba.batches.in_order import InOrder
from mne_eegmamba.epochs.scaling import learn_scaling
from mne_eegmamba.models import EEGMamba, EEGMambaConfig
from mne_eegmamba.training.inference import run

CPU = torch.device("cpu")
N = 7


@pytest.fixture(scope="module", params=[(16, 0), (128, 0), (128, 8)], ids=str)
def network(request):
    """Give a narrow and a full network, and one with experts, in training mode."""
    width, n_experts = request.param
    config = EEGMambaConfig({"a": 3}, {"a": 4}, d_model=width, n_experts=n_experts)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        return EEGMamba(config)


def dataset(rows):
    data = np.random.default_rng(0).standard_normal((N, 3, 300))
    rows = np.asarray(rows)
    scaling = learn_scaling(data, "channel")
    part = TaskDataset("a", data, rows, 0 * rows, 1.0 + 0 * rows, scaling, 330)
    return MultiTaskDataset((part,))


def predict(network, rows=range(N), batch_size=N, precision="float32", embed=False):
    function = network.embed if embed else network.forward
    iterator = InOrder(dataset(list(rows)), batch_size)
    return run(function, network, iterator, CPU, precision)


@pytest.mark.parametrize("embed", [False, True])
def test_any_batch_size_and_alone(network, embed):
    whole = predict(network, embed=embed)
    assert whole.dtype == np.float32
    assert whole.shape == (N, network.config.d_model if embed else 4)
    for size in range(1, N):
        part = predict(network, batch_size=size, embed=embed)
        np.testing.assert_array_equal(part, whole)
    for row in range(N):
        alone = predict(network, rows=[row], embed=embed)
        np.testing.assert_array_equal(alone, whole[[row]])


def test_any_order(network):
    rows = [5, 0, 6, 2]
    np.testing.assert_array_equal(predict(network, rows), predict(network)[rows])


def test_is_the_network_in_evaluation(network):
    got = predict(network.train(), batch_size=3)
    assert not network.training
    inputs, _ = dataset(range(N)).tasks[0].batch(np.arange(N))
    with torch.no_grad():
        want = network(inputs.x, "a").numpy()
    np.testing.assert_array_equal(got, want)


def test_bfloat16(network):
    half = predict(network, precision="bfloat16")
    assert half.dtype == np.float32
    exact = predict(network)
    assert not np.array_equal(half, exact)
    np.testing.assert_allclose(half, exact, rtol=0, atol=0.05)


def test_leaves_no_gradients_and_no_random_numbers_behind(network):
    before = torch.get_rng_state()
    predict(network)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.is_grad_enabled()
    assert all(p.grad is None for p in network.parameters())


def test_memory_holds_one_batch(network):
    sizes = []
    handle = network.register_forward_pre_hook(lambda _, x: sizes.append(len(x[0])))
    run(network, network, InOrder(dataset(range(N)), 3), CPU, "float32")
    handle.remove()
    assert sizes == [3, 2, 2]
