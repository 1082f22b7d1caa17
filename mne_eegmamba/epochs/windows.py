"""Windows of braindecode, known by what they offer: braindecode is never imported.

A `BaseConcatDataset` has ``datasets``, one per recording, and ``get_metadata()``; its
items are ``(x, y, ind)``. scikit-learn makes lists of such items when it indexes it.
"""

import mne
import numpy as np

TARGET = "target"  # column of the metadata in which windows have their labels


class WindowEpochs(mne.EpochsArray):
    """Windows of one recording as Epochs; their metadata have the labels."""


def is_windows(X):
    """Say whether X is a set of windows as braindecode makes them.

    Parameters
    ----------
    X : object
        Anything.

    Returns
    -------
    answer : bool
        True for what has ``get_metadata`` and ``datasets``, each with the MNE object
        out of which its windows were cut.
    """
    parts = getattr(X, "datasets", None)
    if not isinstance(parts, list) or not callable(getattr(X, "get_metadata", None)):
        return False
    return len(parts) > 0 and all(_source(part) is not None for part in parts)


def epochs_of_windows(X):
    """Read windows into memory.

    Parameters
    ----------
    X : BaseConcatDataset
        What `is_windows` accepts; transforms that it has are applied.

    Returns
    -------
    parts : list of WindowEpochs
        One per recording that has windows, in the unit of the windows.

    Raises
    ------
    ValueError
        If a window has other channels than its recording.
    """
    metadata = X.get_metadata().reset_index(drop=True)
    stops = np.cumsum([len(part) for part in X.datasets])
    found = []
    for part, stop in zip(X.datasets, stops, strict=True):
        rows = range(stop - len(part), stop)
        if len(rows):
            items = [X[row] for row in rows]
            found.append(_as_epochs(items, _source(part).info, metadata.iloc[rows]))
    return found


def is_items(X):
    """Say whether X is a list of what a set of windows gives for single indices.

    Parameters
    ----------
    X : object
        Anything.

    Returns
    -------
    answer : bool
        True for a list or tuple of ``(x, y, ...)`` with x of two dimensions.
    """
    several = isinstance(X, list | tuple) and len(X) > 0
    return several and all(
        isinstance(item, list | tuple)
        and 2 <= len(item) <= 4
        and getattr(item[0], "ndim", None) == 2
        for item in X
    )


def item_labels(X):
    """Return the labels of items.

    Parameters
    ----------
    X : list of tuple
        What `is_items` accepts.

    Returns
    -------
    labels : ndarray, shape (n_epochs,)
        The second entry of each item.

    Raises
    ------
    ValueError
        If a label is no single value.
    """
    labels = [item[1] for item in X]
    if any(np.ndim(label) for label in labels):
        raise _no_labels()
    return np.array(labels)


def stack_items(X):
    """Return the signals of items.

    Parameters
    ----------
    X : list of tuple
        What `is_items` accepts.

    Returns
    -------
    data : ndarray, shape (n_epochs, n_channels, n_times)
        The first entry of each item.

    Raises
    ------
    ValueError
        If windows differ in channels or length.
    """
    data = [np.asarray(item[0]) for item in X]
    shapes = {x.shape for x in data}
    if len(shapes) > 1:
        raise ValueError(
            "All windows must have the same shape (n_channels, n_times). Got "
            f"{sorted(shapes)}."
        )
    return np.stack(data)


def window_labels(epochs):
    """Return the labels of windows.

    Parameters
    ----------
    epochs : WindowEpochs
        From `epochs_of_windows`, or a part of it.

    Returns
    -------
    labels : ndarray, shape (n_epochs,)
        As the windows had them.

    Raises
    ------
    ValueError
        If they have none, or more than one value each.
    """
    if TARGET not in epochs.metadata:
        raise _no_labels()
    return epochs.metadata[TARGET].to_numpy()


def _source(part):
    """Return the Raw or Epochs that windows were cut from, None without."""
    for name in ("raw", "windows"):
        found = getattr(part, name, None)
        if hasattr(found, "info") and hasattr(found, "ch_names"):
            return found
    return None


def _as_epochs(items, info, metadata):
    data = stack_items(items)
    names = info["ch_names"]
    if data.shape[1] != len(names):  # channels that hold targets are not in the windows
        kinds = info.get_channel_types()
        names = [n for n, kind in zip(names, kinds, strict=True) if kind != "misc"]
    if data.shape[1] != len(names):
        raise ValueError(
            f"Windows have {data.shape[1]} channels, their recording has "
            f"{len(names)}: {list(names[:8])}. Pick channels before cutting windows, "
            "or give the windows as an array."
        )
    info = mne.pick_info(info, [info["ch_names"].index(name) for name in names])
    metadata = metadata.drop(columns=TARGET, errors="ignore").reset_index(drop=True)
    if not any(np.ndim(item[1]) for item in items):
        metadata = metadata.assign(**{TARGET: item_labels(items)})
    return WindowEpochs(data, info, metadata=metadata, proj=False, verbose="error")


def _no_labels():
    return ValueError(
        "y must be given: the windows have more than one target value each, or none."
    )
