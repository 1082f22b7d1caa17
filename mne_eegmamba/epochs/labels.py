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
    """
    names = []
    for epochs in epochs_list(X):
        if isinstance(epochs, WindowEpochs):
            names.extend(window_labels(epochs))
            continue
        by_code = {code: name for name, code in epochs.event_id.items()}
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
    """
    tables = [epochs.metadata for epochs in epochs_list(X)]
    if any(table is None or column not in table for table in tables):
        return None
    return np.concatenate([table[column].to_numpy() for table in tables])
