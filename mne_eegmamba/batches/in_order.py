"""Batches in the order of the data, for validation and prediction."""


class InOrder:
    """Go once through all tasks, one after the other.

    Parameters
    ----------
    dataset : MultiTaskDataset
        Epochs.
    batch_size : int
        Most epochs in a batch; the batches of a task have nearly equal sizes.
    """

    def __init__(self, dataset, batch_size):
        self.dataset = dataset
        self.batch_size = batch_size

    def __len__(self):
        return self.dataset.n_batches(self.batch_size)

    def __iter__(self):
        for task in self.dataset.tasks:
            for index in task.cut(range(len(task)), self.batch_size):
                yield task.batch(index)
