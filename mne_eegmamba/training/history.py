"""Losses and scores: from the device to the history, and to the table users see."""

import pandas as pd
import torch

RENAMED = {"dur": "seconds"}  # skorch's key: column of history_
FIRST = ("train_loss", "valid_loss", "train_accuracy", "valid_accuracy")
LAST = ("lr", "seconds", "waiting")


def fetch(scalars):
    """Copy scalars from their device, all at once: the host waits for each copy.

    Parameters
    ----------
    scalars : list of Tensor, shape ()
        Of one dtype.

    Returns
    -------
    values : list of float
        Their values.
    """
    return torch.stack(scalars).tolist() if scalars else []


def history_table(net, earlier=None):
    """Return the history of a net as a table.

    Parameters
    ----------
    net : EEGMambaNet
        A trained net.
    earlier : pandas.DataFrame | None, default=None
        Passes before those of this net.

    Returns
    -------
    history : pandas.DataFrame
        A row per pass, counted from 1.
    """
    rows = [_row(row) for row in net.history if "train_loss" in row]
    earlier = [] if earlier is None else earlier.to_dict("records")
    rows = [*earlier, *rows]
    table = pd.DataFrame(rows, index=pd.RangeIndex(1, len(rows) + 1, name="pass"))
    middle = sorted(set(table) - {*FIRST, *LAST})
    return table.reindex(columns=[n for n in (*FIRST, *middle, *LAST) if n in table])


def _row(row):
    """Keep the numbers of a pass, without skorch's notes on which was the best."""
    left_out = {"epoch", "batches", "train_batch_count", "valid_batch_count"}
    return {
        RENAMED.get(key, key): value
        for key, value in row.items()
        if key not in left_out and not key.endswith(("_best", "event_lr"))
    }
