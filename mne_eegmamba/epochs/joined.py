"""Several Epochs as one, with other samples."""

import mne
import numpy as np
import pandas as pd

from mne_eegmamba.epochs.labels import event_names
from mne_eegmamba.epochs.windows import WindowEpochs


def joined(parts, data):
    """Return Epochs that hold other samples.

    Parameters
    ----------
    parts : list of mne.BaseEpochs
        With the same channels, rate and length.
    data : ndarray, shape (n_epochs, n_channels, n_times)
        The samples, of all parts in their order.

    Returns
    -------
    epochs : mne.EpochsArray
        With the events and metadata of the parts, and the names of their events; where
        parts use another number for the same event, all are numbered anew.
    """
    windows = all(isinstance(part, WindowEpochs) for part in parts)
    events, event_id = _events(parts)
    return (WindowEpochs if windows else mne.EpochsArray)(
        data,
        parts[0].info,
        events=events,
        tmin=parts[0].tmin,
        event_id=event_id,
        metadata=_metadata(parts),
        baseline=None,
        proj=False,
        verbose="error",
    )


def _events(parts):
    """Return events at increasing samples, and what their numbers mean."""
    events, start = [], 0
    for part in parts:
        moved = part.events.copy()
        if events:
            moved[:, 0] += start - moved[:, 0].min(initial=0)
        start = moved[:, 0].max(initial=start) + len(part.times)
        events.append(moved)
    events, event_id = np.concatenate(events), {}
    for part in parts:
        event_id |= part.event_id
    same = all(event_id.items() >= part.event_id.items() for part in parts)
    if not same or len(set(event_id.values())) < len(event_id):
        names, numbers = np.unique(event_names(parts), return_inverse=True)
        event_id = {str(name): number for number, name in enumerate(names, 1)}
        events[:, 2] = numbers + 1
    return events, event_id


def _metadata(parts):
    tables = [part.metadata for part in parts]
    if all(table is None for table in tables):
        return None
    tables = [
        pd.DataFrame(index=range(len(part))) if table is None else table
        for part, table in zip(parts, tables, strict=True)
    ]
    return pd.concat(tables, ignore_index=len(tables) > 1)
