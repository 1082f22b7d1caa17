"""Batches of a task: right epochs, scaled, padded, and nothing copied before."""

import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mne_eegmamba.batches.dataset import Batch, MultiTaskDataset, TaskDataset
from mne_eegmamba.epochs.scaling import Scaling, learn_scaling


def build(data, rows=None, min_times=1, kind="channel"):
    rows = np.arange(len(data)) if rows is None else np.asarray(rows)
    return TaskDataset(
        task="a",
        data=data,
        rows=rows,
        labels=np.arange(len(rows)) % 3,
        weights=np.linspace(1, 2, len(rows)),
        scaling=learn_scaling(data, kind),
        min_times=min_times,
    )


def signals(n=9, n_channels=2, n_times=30):
    rng = np.random.default_rng(0)
    return 1e-5 * rng.standard_normal((n, n_channels, n_times)) + 3e-5


def test_rows_labels_and_weights_belong_together():
    data = signals()
    dataset = build(data, rows=[8, 2, 5, 3], kind=None)
    index = np.array([3, 0])
    inputs, (labels, weights) = dataset.batch(index)
    assert isinstance(inputs, Batch)
    assert (inputs.task, len(inputs), len(dataset)) == ("a", 2, 4)
    np.testing.assert_array_equal(inputs.x.numpy(), data[[3, 8]].astype(np.float32))
    assert labels.tolist() == [0, 0]
    assert labels.dtype == torch.int64
    assert weights.tolist() == [2.0, 1.0]


def test_channels_are_scaled():
    data = signals()
    inputs, _ = build(data).batch(np.arange(9))
    x = inputs.x.numpy()
    assert x.dtype == np.float32
    low, middle, high = np.percentile(x, [25, 50, 75], axis=(0, 2))
    np.testing.assert_allclose(middle, 0, atol=1e-6)
    # quartiles of the normal distribution: 1.349 between them
    np.testing.assert_allclose(high - low, 1.3489795, rtol=1e-5)


def test_windows_are_scaled():
    inputs, _ = build(signals(), kind="window").batch(np.array([4]))
    np.testing.assert_allclose(inputs.x.mean(-1).numpy(), 0, atol=1e-6)
    np.testing.assert_allclose(inputs.x.std(-1, correction=0).numpy(), 1, rtol=1e-5)


@pytest.mark.parametrize(("min_times", "length"), [(29, 30), (30, 30), (47, 47)])
def test_zeros_at_the_end_after_scaling(min_times, length):
    data = signals()
    inputs, _ = build(data, min_times=min_times).batch(np.array([1, 7]))
    assert inputs.n_times == 30
    plain, _ = build(data).batch(np.array([1, 7]))
    assert inputs.x.shape == (2, 2, length)
    assert torch.equal(inputs.x[..., :30], plain.x)
    assert not inputs.x[..., 30:].any()


def test_nothing_is_copied_before_a_batch(tmp_path):
    data = signals().astype(np.float32)
    np.save(tmp_path / "epochs.npy", data)
    mapped = np.load(tmp_path / "epochs.npy", mmap_mode="r")
    dataset = build(mapped, kind=None)
    assert dataset.data is mapped
    inputs, _ = dataset.batch(np.array([2, 3]))
    assert not np.shares_memory(inputs.x.numpy(), mapped)
    inputs.x.zero_()
    np.testing.assert_array_equal(mapped, data)


class Watched:
    """An array that remembers what was asked of it."""

    def __init__(self, array):
        self.array, self.asked = array, []

    def __getitem__(self, key):
        self.asked.append(key)
        return self.array[key]


def test_only_the_asked_epochs_are_read():
    data = signals()
    watched = Watched(data)
    one = np.ones(2)
    scaling = Scaling("channel", 0 * one, one, one)
    rows = np.array([7, 4, 1])
    dataset = TaskDataset("a", watched, rows, rows, rows, scaling, 1)
    dataset.batch(np.array([2, 0]))
    assert [key.tolist() for key in watched.asked] == [[1, 7]]


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int16])
@pytest.mark.parametrize("order", ["C", "F"])
def test_dtypes_and_orders(dtype, order):
    data = np.asarray(1e7 * signals(), dtype=dtype, order=order)
    inputs, _ = build(data, kind=None).batch(np.array([5, 0]))
    np.testing.assert_array_equal(inputs.x.numpy(), data[[5, 0]].astype(np.float32))


def test_data_is_left_alone():
    data = signals()
    before = data.copy()
    for kind in ("channel", "window", None):
        inputs, _ = build(data, kind=kind).batch(np.arange(9))
        inputs.x.zero_()
    np.testing.assert_array_equal(data, before)


def test_pickle():
    dataset = build(signals())
    twin = pickle.loads(pickle.dumps(dataset))
    index = np.array([3, 1])
    assert torch.equal(twin.batch(index)[0].x, dataset.batch(index)[0].x)


@settings(deadline=None, max_examples=50)
@given(n=st.integers(1, 300), batch_size=st.integers(1, 64), seed=st.integers(0, 99))
def test_cut_into_nearly_equal_batches(n, batch_size, seed):
    order = np.random.default_rng(seed).permutation(n)
    batches = build(signals(1)).cut(order, batch_size)
    np.testing.assert_array_equal(np.concatenate(batches), order)
    sizes = [len(batch) for batch in batches]
    assert max(sizes) <= batch_size
    assert max(sizes) - min(sizes) <= 1
    # as few batches as the size allows
    assert (len(batches) - 1) * batch_size < n


def test_several_tasks():
    parts = tuple(build(signals(n)) for n in (9, 1, 4))
    dataset = MultiTaskDataset(parts)
    assert len(dataset) == 14
    wanted = {1: 14, 2: 5 + 1 + 2, 4: 3 + 1 + 1, 9: 3}
    assert {size: dataset.n_batches(size) for size in wanted} == wanted
    for size in wanted:
        cuts = [part.cut(range(len(part)), size) for part in parts]
        assert dataset.n_batches(size) == sum(map(len, cuts))


def test_several_tasks_are_pickled_with_their_epochs():
    dataset = MultiTaskDataset((build(signals()), build(signals(4))))
    twin = pickle.loads(pickle.dumps(dataset))
    index = np.array([3, 1])
    for mine, theirs in zip(dataset.tasks, twin.tasks, strict=True):
        assert torch.equal(mine.batch(index)[0].x, theirs.batch(index)[0].x)
