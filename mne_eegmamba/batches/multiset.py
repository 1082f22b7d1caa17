"""Training data as a weighted multiset: equal epochs merged, in an order of its own.

So a fit does not depend on the order in which epochs came, and an epoch of weight two
is the same as the epoch given twice.
"""

import hashlib
import math

import numpy as np


def as_multiset(data, rows, labels, weights):
    """Merge equal epochs of equal label, drop those without weight, and sort.

    Parameters
    ----------
    data : ndarray, shape (n_epochs, n_channels, n_times)
        All epochs.
    rows : ndarray of int, shape (n,)
        Which epochs to take.
    labels : ndarray of int, shape (n,)
        Their class numbers.
    weights : ndarray of float, shape (n,)
        Their weights, none negative.

    Returns
    -------
    rows, labels, weights : ndarray
        The same for the distinct epochs; weights of equal ones are added.
    """
    used = np.flatnonzero(weights > 0)
    rows, labels, weights = rows[used], labels[used], weights[used]
    digests = np.array([_digest(data[row]) for row in rows]).reshape(-1, 2)
    # By content, then label; equal ones stay in the order in which they came.
    order = np.lexsort((labels, digests[:, 1], digests[:, 0]))
    keys = np.column_stack([digests, labels.astype(np.uint64)])[order]
    first = np.flatnonzero(np.r_[True, (keys[1:] != keys[:-1]).any(1)][: len(keys)])
    groups = np.split(weights[order], first[1:])
    return (
        rows[order][first].astype(np.int64),
        labels[order][first].astype(np.int64),
        np.array([math.fsum(group) for group in groups if len(group)]),
    )


def _digest(epoch):
    """Return two numbers that stand for an epoch's samples, whatever their dtype."""
    content = np.ascontiguousarray(epoch, dtype="<f8") + 0.0  # -0 becomes 0
    found = hashlib.blake2b(content, digest_size=16).digest()
    return np.frombuffer(found, dtype=">u8").astype(np.uint64)
