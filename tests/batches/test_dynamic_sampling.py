"""Dynamic sampling: every epoch once, tasks as likely as promised, state kept."""

import pickle
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2, chisquare

from mne_eegmamba.batches.dataset import MultiTaskDataset, TaskDataset
from mne_eegmamba.batches.dynamic_sampling import DynamicSampling
from mne_eegmamba.batches.in_order import InOrder

MODES = ["dynamic", "uniform", "sequential"]


@dataclass(frozen=True)
class Numbers:
    """Stand for a task: a batch is the task's name and its index."""

    task: str
    n: int
    cut = TaskDataset.cut

    def __len__(self):
        return self.n

    def batch(self, index):
        return self.task, index.tolist()


def tasks(sizes):
    return MultiTaskDataset(tuple(Numbers(f"t{i}", n) for i, n in enumerate(sizes)))


def sampler(sizes, batch_size=4, seed=0, mode="dynamic"):
    return DynamicSampling(tasks(sizes), batch_size, np.random.default_rng(seed), mode)


@settings(deadline=None, max_examples=50)
@given(
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=5),
    batch_size=st.integers(1, 20),
    mode=st.sampled_from(MODES),
    seed=st.integers(0, 99),
)
def test_every_epoch_once_in_nearly_equal_batches(sizes, batch_size, mode, seed):
    iterator = sampler(sizes, batch_size, seed, mode)
    for _ in range(2):
        batches = list(iterator)
        assert len(batches) == len(iterator)
        for i, n in enumerate(sizes):
            mine = [index for task, index in batches if task == f"t{i}"]
            assert sorted(sum(mine, [])) == list(range(n))
            lengths = {len(index) for index in mine}
            assert max(lengths) <= batch_size
            assert max(lengths) - min(lengths) <= 1
            assert len(mine) == -(-n // batch_size)


def first_tasks(mode, sizes, n_passes=3000):
    """Return how often each task came first."""
    generator = np.random.default_rng(1)
    firsts = []
    for _ in range(n_passes):
        task, _ = next(iter(DynamicSampling(tasks(sizes), 5, generator, mode)))
        firsts.append(int(task[1:]))
    return np.bincount(firsts, minlength=len(sizes))


@pytest.mark.parametrize(
    ("mode", "shares"), [("dynamic", [10, 20, 70]), ("uniform", [1, 1, 1])]
)
def test_first_task_has_its_probability(mode, shares):
    counts = first_tasks(mode, [10, 20, 70])
    expected = np.array(shares) / sum(shares) * counts.sum()
    assert chisquare(counts, expected).pvalue > 1e-3


@pytest.mark.parametrize("mode", ["dynamic", "uniform"])
def test_each_later_task_is_drawn_from_what_is_left(mode):
    counts = defaultdict(lambda: np.zeros(3, int))
    iterator = sampler([5, 10, 23], batch_size=5, seed=1, mode=mode)
    for _ in range(1000):
        left = [5, 10, 23]
        for task, index in iterator:
            which = int(task[1:])
            counts[tuple(left)][which] += 1
            left[which] -= len(index)
    statistic, freedom = 0.0, 0
    for left, drawn in counts.items():
        shares = np.array(left) if mode == "dynamic" else np.sign(left)
        some = shares > 0
        assert not drawn[~some].any()
        if some.sum() > 1 and drawn.sum() >= 100:
            expected = shares[some] / shares.sum() * drawn.sum()
            statistic += chisquare(drawn[some], expected).statistic
            freedom += some.sum() - 1
    assert freedom > 10
    assert chi2.sf(statistic, freedom) > 1e-3


def test_uniform_and_dynamic_differ():
    assert chisquare(first_tasks("dynamic", [10, 20, 70])).pvalue < 1e-6


def test_sequential_takes_one_task_after_the_other():
    names = [task for task, _ in sampler([9, 5, 3], mode="sequential")]
    assert names == ["t0"] * 3 + ["t1"] * 2 + ["t2"]


def test_generator_makes_it_reproducible():
    first, second, other = (sampler([13, 29], seed=seed) for seed in (1, 1, 2))
    passes = [list(first) for _ in range(3)]
    assert passes == [list(second) for _ in range(3)]
    assert passes[0] != list(other)
    assert passes[0] != passes[1]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("n_done", [0, 1, 5, 11, 12])
def test_restored_state_goes_on_identically(mode, n_done):
    iterator = sampler([13, 29], mode=mode)
    walk = iter(iterator)
    for _ in range(n_done):
        next(walk)
    state = pickle.loads(pickle.dumps(iterator.state_dict()))
    rest = list(walk)
    following = list(iterator)
    other = sampler([13, 29], seed=99, mode=mode)
    other.load_state_dict(state)
    assert list(other) == rest
    assert len(rest) == len(iterator) - n_done
    assert list(other) == following


def test_state_is_a_copy():
    iterator = sampler([13, 29])
    walk = iter(iterator)
    next(walk)
    state = iterator.state_dict()
    taken = list(state["taken"])
    list(walk)
    assert state["taken"] == taken


def test_global_random_state_is_left_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    list(sampler([13, 29]))
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


@settings(deadline=None, max_examples=30)
@given(
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=4),
    batch_size=st.integers(1, 20),
)
def test_in_order_is_in_order(sizes, batch_size):
    iterator = InOrder(tasks(sizes), batch_size)
    batches = list(iterator)
    assert len(batches) == len(iterator)
    assert [task for task, _ in batches] == sorted(task for task, _ in batches)
    for i, n in enumerate(sizes):
        mine = [index for task, index in batches if task == f"t{i}"]
        assert sum(mine, []) == list(range(n))


def test_length_of_a_data_set_is_its_epochs():
    assert len(tasks([3, 5])) == 8
    assert tasks([3, 5]).n_batches(4) == 3
