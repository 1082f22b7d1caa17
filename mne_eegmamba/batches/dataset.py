"""Epochs of the tasks as the network sees them; nothing is copied until a batch."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from mne_eegmamba.epochs.scaling import Scaling


@dataclass(frozen=True)
class Batch:
    """Epochs of one task, ready for the network: ``x`` (batch, n_channels, n_times).

    Of the samples, the first ``n_times`` are those of the epochs; zeros follow.
    """

    x: torch.Tensor
    task: str
    n_times: int

    def __len__(self):
        return len(self.x)


@dataclass(frozen=True)
class TaskDataset(torch.utils.data.Dataset):
    """Epochs of one task with labels and weights, by index.

    ``data`` has the shape (n_epochs, n_channels, n_times) in the user's unit and dtype;
    ``rows`` (n,) says which of its epochs belong here, ``labels`` (n,) are class
    numbers and ``weights`` (n,) positive. Epochs shorter than ``min_times`` are padded
    with zeros at the end, after scaling. ``groups`` (n,) says whose they are, if known.
    """

    task: str
    data: np.ndarray
    rows: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    scaling: Scaling
    min_times: int
    groups: np.ndarray | None = None

    def __len__(self):
        return len(self.rows)

    def first(self, n):
        """Return the first epochs.

        Parameters
        ----------
        n : int
            How many, at most.

        Returns
        -------
        dataset : TaskDataset
            With the same data.
        """
        groups = None if self.groups is None else self.groups[:n]
        return replace(
            self,
            rows=self.rows[:n],
            labels=self.labels[:n],
            weights=self.weights[:n],
            groups=groups,
        )

    def cut(self, order, batch_size):
        """Cut epochs into batches of nearly equal size; none is a mere remainder.

        Parameters
        ----------
        order : array-like of int
            Epochs, counted in ``rows``.
        batch_size : int
            Most epochs in a batch.

        Returns
        -------
        batches : list of ndarray
            Indices for `batch`.
        """
        return np.array_split(np.asarray(order), -(-len(order) // batch_size))

    def batch(self, index):
        """Return a batch.

        Parameters
        ----------
        index : ndarray of int, shape (batch,)
            Which epochs, counted in ``rows``.

        Returns
        -------
        inputs : Batch
            The epochs.
        targets : tuple of Tensor
            Class numbers and weights, each of shape (batch,).
        """
        x = self.scaling.apply(self.data[self.rows[index]])
        n_times = x.shape[-1]
        if n_times < self.min_times:
            x = np.pad(x, ((0, 0), (0, 0), (0, self.min_times - n_times)))
        labels = torch.from_numpy(self.labels[index])
        weights = torch.from_numpy(self.weights[index])
        return Batch(torch.from_numpy(x), self.task, n_times), (labels, weights)


@dataclass(frozen=True)
class MultiTaskDataset(torch.utils.data.Dataset):
    """Epochs of several tasks, none of them empty."""

    tasks: tuple

    def __len__(self):
        return sum(map(len, self.tasks))

    def n_batches(self, batch_size):
        """Return how many batches hold all epochs, each of one task.

        Parameters
        ----------
        batch_size : int
            Most epochs in a batch.

        Returns
        -------
        n_batches : int
            Batches.
        """
        return sum(-(-len(task) // batch_size) for task in self.tasks)
