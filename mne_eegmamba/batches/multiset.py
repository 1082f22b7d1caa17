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
    merged = {}
    for row, label, weight in zip(rows, labels, weights, strict=True):
        if weight > 0:
            # Equal numbers of any dtype; adding zero makes -0 the same as 0.
            content = np.ascontiguousarray(data[row], dtype="<f8") + 0.0
            digest = hashlib.blake2b(content, digest_size=16).digest()
            key = (digest, int(label))
            merged.setdefault(key, (row, []))[1].append(weight)
    keys = sorted(merged)
    return (
        np.array([merged[key][0] for key in keys], dtype=np.int64),
        np.array([key[1] for key in keys], dtype=np.int64),
        np.array([math.fsum(merged[key][1]) for key in keys]),
    )
