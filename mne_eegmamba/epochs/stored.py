"""StoredEpochs: epochs that stay on disk until a batch needs them."""

from functools import cached_property

import mne
import numpy as np
import pandas as pd

from mne_eegmamba.epochs.shards import COLUMNS, read_rows
from mne_eegmamba.utils.validation import check_rows


class Samples:
    """Samples of a store as an array that is read piece by piece, in volts.

    Indexing with an int, a slice or a vector of ints gives an ndarray of float32.
    """

    dtype = np.dtype(np.float32)
    ndim = 3

    def __init__(self, shards, rows, channels):
        self._shards = shards
        self._starts = np.cumsum([0, *(shard.shape[0] for shard in shards)])
        self._rows = rows
        self._channels = channels

    @property
    def shape(self):
        """``(n_epochs, n_channels, n_times)``."""
        return len(self._rows), len(self._channels), self._shards[0].shape[2]

    def __len__(self):
        return len(self._rows)

    def __getitem__(self, index):
        rows = self._rows[index]
        return self._read(rows) if np.ndim(rows) else self._read(rows[None])[0]

    def reordered(self, order):
        """Return the same samples with channels in another order.

        Parameters
        ----------
        order : sequence of int
            Which channel comes where.

        Returns
        -------
        samples : Samples
            Nothing is read.
        """
        return Samples(self._shards, self._rows, self._channels[np.asarray(order)])

    def _read(self, rows):
        n_channels, n_times = self._shards[0].shape[1:]
        out = np.empty((len(rows), n_channels, n_times), np.float32)
        which = np.searchsorted(self._starts, rows, side="right") - 1
        for number in np.unique(which):
            here = np.flatnonzero(which == number)
            found = np.empty((len(here), n_channels, n_times), np.float32)
            shard = self._shards[number]
            read_rows(shard, rows[here] - self._starts[number], found)
            out[here] = found
        in_order = np.array_equal(self._channels, np.arange(n_channels))
        return out if in_order else out[:, self._channels]


class StoredEpochs:
    """Epochs of one data set that stay on disk; `datasets.open_store` makes them.

    The estimators, `MultiTaskEpochs` and scikit-learn take them as they take Epochs.

    Parameters
    ----------
    shards : list of Shard
        The recordings.
    rows : ndarray of int | None, default=None
        Which of their epochs; None means all.

    Attributes
    ----------
    shape : tuple of int
        ``(n_epochs, n_channels, n_times)``.
    y : ndarray of str, shape (n_epochs,)
        Class of each epoch.
    groups : ndarray of str, shape (n_epochs,)
        Subject of each epoch.
    metadata : pandas.DataFrame
        Subject, session, recording and onset (s) of each epoch.
    ch_names : list of str
        Channels.
    sfreq : float
        Sampling rate in Hz.
    event_id, events : dict, ndarray of int, shape (n_epochs, 3)
        As in `mne.Epochs`.

    Notes
    -----
    Indexing with a vector of ints, a mask or a slice gives a view; nothing is read.

    Examples
    --------
    >>> import tempfile
    >>> from mne_eegmamba.datasets import prepare
    >>> from mne_eegmamba.datasets.simulate import simulate
    >>> folder = tempfile.mkdtemp()
    >>> epochs = prepare("deap", simulate("deap", f"{folder}/files"), f"{folder}/store")
    >>> epochs[epochs.groups == "s02"][:2].get_data().shape
    (2, 4, 12000)
    """

    preload = True  # nothing has to be loaded before it is used

    def __init__(self, shards, rows=None):
        self._shards = shards
        n = sum(shard.shape[0] for shard in shards)
        self._rows = np.arange(n) if rows is None else rows

    __iter__ = None  # else a loop would take the first IndexError for the end

    def __len__(self):
        return len(self._rows)

    def __getitem__(self, index):
        index = check_rows(index, "StoredEpochs")
        return StoredEpochs(self._shards, self._rows[index])

    @property
    def shape(self):
        """``(n_epochs, n_channels, n_times)``."""
        return self.samples.shape

    @cached_property
    def samples(self):
        """The samples as an array that is read piece by piece, in volts."""
        channels = np.arange(self._shards[0].shape[1])
        return Samples(self._shards, self._rows, channels)

    @cached_property
    def y(self):
        """Class of each epoch."""
        return np.concatenate([shard.label for shard in self._shards])[self._rows]

    @cached_property
    def metadata(self):
        """Subject, session, recording and onset of each epoch."""
        columns = {
            name: np.concatenate([shard.columns[name] for shard in self._shards])
            for name in COLUMNS
        }
        table = pd.DataFrame(columns).iloc[self._rows]
        return table.reset_index(drop=True)

    @property
    def groups(self):
        """Subject of each epoch."""
        return self.metadata["subject"].to_numpy()

    @property
    def ch_names(self):
        """Channels."""
        return list(self._shards[0].ch_names)

    @property
    def sfreq(self):
        """Sampling rate in Hz."""
        return self._shards[0].sfreq

    @property
    def event_id(self):
        """Code of each class, counted from 1."""
        classes = sorted({str(name) for shard in self._shards for name in shard.label})
        return {name: code for code, name in enumerate(classes, 1)}

    @property
    def events(self):
        """Events as in `mne.Epochs`; the first column counts epochs."""
        event_id = self.event_id
        codes = [event_id[name] for name in self.y]
        return np.column_stack([np.arange(len(codes)), np.zeros_like(codes), codes])

    def get_data(self):
        """Read all samples.

        Returns
        -------
        data : ndarray of float32, shape (n_epochs, n_channels, n_times)
            Volts.
        """
        return self.samples[:]

    def to_epochs(self):
        """Read everything into memory.

        Returns
        -------
        epochs : mne.EpochsArray
            The same epochs.
        """
        present = set(self.y)
        return mne.EpochsArray(
            self.get_data().astype(np.float64),
            mne.create_info(self.ch_names, self.sfreq, "eeg", verbose="error"),
            events=self.events,
            event_id={k: code for k, code in self.event_id.items() if k in present},
            baseline=None,
            metadata=self.metadata,
            verbose="error",
        )

    def __repr__(self):
        n, channels, times = self.shape
        classes, counts = np.unique(self.y, return_counts=True)
        each = ", ".join(f"{k} {m}" for k, m in zip(classes, counts, strict=True))
        return (
            f"<StoredEpochs | {n} epochs, {channels} channels, "
            f"{times / self.sfreq:g} s at {self.sfreq:g} Hz: {each}>"
        )
