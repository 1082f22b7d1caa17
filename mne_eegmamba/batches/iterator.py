"""Batches of one task in order or shuffled, as a skorch iterator."""

import numpy as np


class TaskIterator:
    """Go once through a `TaskDataset`, in batches of nearly equal size.

    Parameters
    ----------
    dataset : TaskDataset
        Epochs.
    batch_size : int
        Most epochs in a batch; no batch is left with a mere remainder.
    generator : numpy.random.Generator | None, default=None
        Shuffles each pass anew; None keeps the order.
    """

    def __init__(self, dataset, batch_size, generator=None):
        self.dataset = dataset
        self.batch_size = batch_size
        self.generator = generator

    def __len__(self):
        return -(-len(self.dataset) // self.batch_size)

    def __iter__(self):
        n = len(self.dataset)
        order = (
            np.arange(n) if self.generator is None else self.generator.permutation(n)
        )
        for index in np.array_split(order, len(self)):
            yield self.dataset.batch(index)
