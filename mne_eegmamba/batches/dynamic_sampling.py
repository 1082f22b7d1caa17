"""The paper's dynamic sampling, as a skorch iterator (Appendix E.4)."""

import numpy as np


class DynamicSampling:
    """Draw a task, then a batch of it, until every epoch was used once.

    Parameters
    ----------
    dataset : MultiTaskDataset
        Epochs.
    batch_size : int
        Most epochs in a batch; the batches of a task have nearly equal sizes.
    generator : numpy.random.Generator
        Draws the order of the epochs and the tasks.
    sampling : "dynamic" | "uniform" | "sequential", default="dynamic"
        The next task has a probability proportional to its epochs not yet used in
        this pass; or all tasks that have some left are equally likely; or tasks come
        one after the other.

    Notes
    -----
    Each ``iter`` is one pass. `state_dict` may be taken between any two batches; after
    `load_state_dict` the next ``iter`` goes on from there, batch for batch.
    """

    def __init__(self, dataset, batch_size, generator, sampling="dynamic"):
        self.dataset = dataset
        self.batch_size = batch_size
        self.generator = generator
        self.sampling = sampling
        self._orders = None  # of the pass under way: epochs of each task, shuffled
        self._taken = None  # batches used of each task

    def __len__(self):
        return self.dataset.n_batches(self.batch_size)

    def __iter__(self):
        tasks = self.dataset.tasks
        if self._orders is None:
            self._orders = [self.generator.permutation(len(task)) for task in tasks]
            self._taken = [0] * len(tasks)
        batches = [
            task.cut(order, self.batch_size)
            for task, order in zip(tasks, self._orders, strict=True)
        ]
        while (which := self._draw(batches)) is not None:
            index = batches[which][self._taken[which]]
            self._taken[which] += 1
            yield tasks[which].batch(index)
        self._orders = self._taken = None

    def _draw(self, batches):
        """Return the next task's number, or None when the pass is over."""
        left = np.array(
            [
                sum(map(len, parts[taken:]))
                for parts, taken in zip(batches, self._taken, strict=True)
            ]
        )
        open_tasks = np.flatnonzero(left)
        if len(open_tasks) < 2:
            return int(open_tasks[0]) if len(open_tasks) else None
        if self.sampling == "sequential":
            return int(open_tasks[0])
        weights = left if self.sampling == "dynamic" else (left > 0)
        return int(self.generator.choice(len(left), p=weights / weights.sum()))

    def state_dict(self):
        """Return where the pass stands, as arrays and plain Python."""
        under_way = self._orders is not None
        return {
            "generator": self.generator.bit_generator.state,
            "orders": [order.copy() for order in self._orders] if under_way else None,
            "taken": list(self._taken) if under_way else None,
        }

    def load_state_dict(self, state):
        """Go on from where `state_dict` was taken."""
        self.generator.bit_generator.state = state["generator"]
        self._orders = state["orders"]
        self._taken = None if state["taken"] is None else list(state["taken"])
