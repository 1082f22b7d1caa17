"""One pass over a task: every epoch once, in batches of nearly equal size."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mne_eegmamba.batches.iterator import TaskIterator


class Indices:
    """Stand for a data set: a batch is its index."""

    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n

    def batch(self, index):
        return index.tolist()


def one_pass(iterator):
    return [number for batch in iterator for number in batch]


@settings(deadline=None)
@given(
    n=st.integers(1, 300),
    batch_size=st.integers(1, 64),
    seed=st.none() | st.integers(0, 99),
)
def test_every_epoch_once_in_equal_batches(n, batch_size, seed):
    generator = None if seed is None else np.random.default_rng(seed)
    iterator = TaskIterator(Indices(n), batch_size, generator)
    for _ in range(2):
        batches = list(iterator)
        assert sorted(number for batch in batches for number in batch) == [*range(n)]
        sizes = {len(batch) for batch in batches}
        assert max(sizes) <= batch_size
        assert max(sizes) - min(sizes) <= 1
        # as few batches as the size allows
        assert len(batches) == len(iterator)
        assert (len(batches) - 1) * batch_size < n <= len(batches) * batch_size


def test_order_without_a_generator():
    assert one_pass(TaskIterator(Indices(11), 4)) == list(range(11))


def test_generator_makes_it_reproducible():
    first, second, other = (
        TaskIterator(Indices(50), 8, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    passes = [one_pass(first) for _ in range(3)]
    assert passes == [one_pass(second) for _ in range(3)]
    assert passes[0] != one_pass(other)
    assert passes[0] != passes[1]
    assert passes[0] != list(range(50))


def test_global_random_state_is_left_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    one_pass(TaskIterator(Indices(50), 8, np.random.default_rng(0)))
    after = np.random.get_state()[1]  # noqa: NPY002
    np.testing.assert_array_equal(before, after)
