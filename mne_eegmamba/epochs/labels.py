"""Labels and groups that Epochs carry themselves."""

import numpy as np

from mne_eegmamba.epochs.check import epochs_list
from mne_eegmamba.epochs.windows import WindowEpochs, window_labels


def event_names(X):
    """Return the event name of each epoch, or the label of each window.

    Parameters
    ----------
    X : mne.BaseEpochs | list of mne.BaseEpochs
        Epochs whose ``event_id`` names every event.

    Returns
    -------
    names : ndarray of str, shape (n_epochs,)
        Names, in the order of the epochs; labels of windows as they are.

    Raises
    ------
    ValueError
        If an event has no name or two.
    """
    names = []
    for epochs in epochs_list(X):
        if isinstance(epochs, WindowEpochs):
            names.extend(window_labels(epochs))
            continue
        by_code = {code: name for name, code in epochs.event_id.items()}
        unnamed = np.setdiff1d(epochs.events[:, 2], list(by_code))
        if len(unnamed) or len(by_code) < len(epochs.event_id):
            raise ValueError(
                "event_id must name each event once, as the names are the labels. Got "
                f"{epochs.event_id}"
                + (f", and events {unnamed.tolist()}." if len(unnamed) else ".")
            )
        names.extend(by_code[code] for code in epochs.events[:, 2])
    return np.array(names)


def metadata_column(X, column):
    """Return a column of the metadata, or None where it is missing.

    Parameters
    ----------
    X : mne.BaseEpochs | list of mne.BaseEpochs
        Epochs.
    column : str
        Name of the column.

    Returns
    -------
    values : ndarray, shape (n_epochs,) | None
        Values, in the order of the epochs.

    Raises
    ------
    ValueError
        If some parts of a list have the column, and others do not.
    """
    tables = [epochs.metadata for epochs in epochs_list(X)]
    there = [table is not None and column in table for table in tables]
    if not any(there):
        return None
    if not all(there):
        raise ValueError(
            f"{sum(there)} of {len(there)} Epochs of a list have the column {column!r} "
            "in their metadata, which tells groups apart. Give it to all, or to none."
        )
    return np.concatenate([table[column].to_numpy() for table in tables])
