"""Training data as a multiset: order and repetition do not matter, weight does."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mne_eegmamba.batches.multiset import as_multiset


def signals(n, seed=0, n_channels=2, n_times=10):
    return np.random.default_rng(seed).standard_normal((n, n_channels, n_times))


def contents(data, rows, labels, weights):
    """Give what a fit sees: the epochs themselves, not where they stood."""
    return [
        (data[row].tobytes(), label, weight)
        for row, label, weight in zip(rows, labels, weights, strict=True)
    ]


def test_distinct_epochs_stay():
    data, labels, weights = signals(6), np.arange(6) % 2, np.linspace(0.5, 1, 6)
    rows, kept_labels, kept_weights = as_multiset(data, np.arange(6), labels, weights)
    assert sorted(rows) == list(range(6))
    np.testing.assert_array_equal(kept_labels, labels[rows])
    np.testing.assert_array_equal(kept_weights, weights[rows])
    assert (rows.dtype, kept_labels.dtype) == (np.int64, np.int64)
    assert kept_weights.dtype == np.float64


@settings(deadline=None, max_examples=40)
@given(
    copies=st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 4)),
        min_size=1,
        max_size=25,
    ),
    seed=st.integers(0, 99),
)
def test_weights_add_up_in_any_order(copies, seed):
    base = signals(4)
    which, labels, weights = (np.array(column) for column in zip(*copies, strict=True))
    data = base[which]
    total = {}
    for epoch, label, weight in copies:
        if weight:
            total[epoch, label] = total.get((epoch, label), 0) + weight
    want = {(base[e].tobytes(), k, w) for (e, k), w in total.items()}
    got = contents(data, *as_multiset(data, np.arange(len(data)), labels, weights))
    assert len(got) == len(set(got)) == len(want)
    assert set(got) == want
    order = np.random.default_rng(seed).permutation(len(data))
    moved = data[order]
    args = (np.arange(len(data)), labels[order], weights[order])
    assert contents(moved, *as_multiset(moved, *args)) == got
    # the same epochs named by rows into the old array
    assert contents(data, *as_multiset(data, order, labels[order], weights[order])) == (
        got
    )


def test_fractional_weights_add_up_in_any_order():
    data = np.repeat(signals(1), 3, axis=0)
    weights = np.array([0.1, 0.2, 0.3])
    rows, labels = np.arange(3), np.zeros(3, int)
    _, _, forward = as_multiset(data, rows, labels, weights)
    _, _, backward = as_multiset(data, rows, labels, weights[::-1])
    np.testing.assert_allclose(forward, 0.6)
    assert forward.tobytes() == backward.tobytes()


def test_weight_two_is_given_twice():
    data = signals(3)
    labels = np.array([0, 1, 0])
    weighted = as_multiset(data, np.arange(3), labels, np.array([1.0, 2.0, 1.0]))
    rows = np.array([0, 1, 1, 2])
    repeated = as_multiset(data, rows, labels[rows], np.ones(4))
    assert contents(data, *weighted) == contents(data, *repeated)


def test_without_weight_is_without_epoch():
    data = signals(3)
    labels = np.array([0, 1, 0])
    dropped = as_multiset(data, np.arange(3), labels, np.array([1.0, 0.0, 1.0]))
    absent = as_multiset(data, np.array([0, 2]), labels[[0, 2]], np.ones(2))
    assert contents(data, *dropped) == contents(data, *absent)


def test_same_epoch_with_two_labels_stays_two():
    data = np.repeat(signals(1), 2, axis=0)
    rows, labels, weights = as_multiset(
        data, np.arange(2), np.array([1, 0]), np.ones(2)
    )
    assert rows.tolist() == [1, 0]
    assert labels.tolist() == [0, 1]
    assert weights.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("order", ["C", "F"])
def test_layout_does_not_matter(order):
    data = signals(5)
    other = np.asarray(data, order=order)
    args = (np.arange(5), np.zeros(5, int), np.ones(5))
    assert contents(data, *as_multiset(data, *args)) == (
        contents(data, *as_multiset(other, *args))
    )


def test_nothing_left():
    rows, labels, weights = as_multiset(
        signals(2), np.arange(2), np.zeros(2, int), np.zeros(2)
    )
    assert len(rows) == len(labels) == len(weights) == 0


def test_memory_map_is_read_epoch_by_epoch(tmp_path):
    data = signals(50, n_channels=4, n_times=2500).astype(np.float32)  # 2 MB
    np.save(tmp_path / "epochs.npy", data)
    mapped = np.load(tmp_path / "epochs.npy", mmap_mode="r")
    args = (np.arange(50), np.zeros(50, int), np.ones(50))
    tracemalloc.start()
    rows, _, _ = as_multiset(mapped, *args)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sorted(rows) == list(range(50))
    assert peak < data.nbytes / 5
