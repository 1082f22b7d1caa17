"""Read what `fit` and `predict` are given; bad data stops here."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.sparse import issparse  # one kind of sparse array is a dict
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, column_or_1d, validate_data

from mne_eegmamba.epochs.check import (
    Signals,
    check_lengths,
    is_epochs,
    loaded,
    refuse_misfits,
    refuse_unknown,
    signals_from_array,
    signals_from_epochs,
)
from mne_eegmamba.epochs.labels import event_names, metadata_column
from mne_eegmamba.epochs.multitask import MultiTaskEpochs
from mne_eegmamba.epochs.windows import is_items, item_labels, stack_items


@dataclass(frozen=True)
class TrainingData:
    """What `fit` was given for one task, checked.

    ``rows`` are the epochs of ``signals`` that belong to the task; ``labels`` (class
    numbers), ``weights`` and ``groups`` have one entry for each of them.
    """

    signals: Signals
    rows: np.ndarray
    classes: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    groups: np.ndarray | None
    seen: dict  # n_features_in_ and feature_names_in_, where scikit-learn wants them

    def only(self, chosen):
        """Return some of the epochs, by their numbers."""
        groups = None if self.groups is None else self.groups[chosen]
        return replace(
            self,
            rows=self.rows[chosen],
            labels=self.labels[chosen],
            weights=self.weights[chosen],
            groups=groups,
        )


def read_array(estimator, X, reset):
    """Check anything that is not Epochs with scikit-learn's rules, and ours.

    Parameters
    ----------
    estimator : estimator
        Named in messages; with ``reset`` it learns ``n_features_in_``.
    X : array-like
        Epochs.
    reset : bool
        True in fit.

    Returns
    -------
    signals : Signals
        The epochs.
    """
    if is_items(X):
        X = stack_items(X)
    refuse_misfits(X)
    array = validate_data(
        estimator,
        X,
        reset=reset,
        dtype="numeric",
        allow_nd=True,
        ensure_all_finite=False,
    )
    return signals_from_array(array)


def read(estimator, X, reset=True):
    """Read what holds epochs.

    Parameters
    ----------
    estimator : estimator
        As in `read_array`.
    X : mne.Epochs | list of mne.Epochs | array-like
        Epochs.
    reset : bool, default=True
        True in fit.

    Returns
    -------
    signals : Signals
        The epochs.
    """
    if isinstance(X, dict | MultiTaskEpochs) and not issparse(X):
        raise TypeError(
            f"{type(estimator).__name__} takes epochs of one task. Got a "
            f"{type(X).__name__} of several; use MultiTaskEEGMamba, or X['task'] for "
            "one of them."
        )
    if not is_epochs(X):
        return read_array(estimator, X, reset)
    signals = signals_from_epochs(X)
    if reset:
        estimator.n_features_in_ = signals.data.shape[1]
    return signals


def read_training_data(estimator, X, y, sample_weight, groups, classes=None, rows=None):
    """Check everything that `fit` was given for one task, before anything is changed.

    Parameters
    ----------
    estimator : estimator
        Whose fit it is; left as it is.
    X : Signals | mne.Epochs | BaseConcatDataset | list of these | array-like
        Epochs, as `fit` got them or already read.
    y, sample_weight, groups : object
        As `fit` got them.
    classes : array-like | None, default=None
        All classes, where later calls may bring more than these data hold.
    rows : ndarray of int | None, default=None
        Epochs of X that belong to the task; None takes all. The other vectors have an
        entry for each of these.

    Returns
    -------
    data : TrainingData
        The same, checked.
    """
    probe = type(estimator)()
    owner = type(estimator).__name__
    if is_epochs(X):
        X = loaded(X)
        y = event_names(X) if y is None else y
        groups = metadata_column(X, "subject") if groups is None else groups
    elif y is None and is_items(X):
        y = item_labels(X)
    signals = X if isinstance(X, Signals) else read(probe, X)
    if y is None:
        raise ValueError(
            f"{owner} requires y to be passed, but the target y is None; only Epochs "
            "carry labels themselves."
        )
    rows = np.arange(len(signals.data)) if rows is None else rows
    y = column_or_1d(y, warn=True)
    groups = None if groups is None else np.asarray(groups)
    check_lengths(len(rows), y=y, groups=groups)
    refuse_unknown(groups=groups)
    groups = None if groups is None else of_one_kind(groups)
    if pd.isna(y).any() or (y.dtype.kind == "f" and np.isinf(y).any()):
        raise ValueError("y contains NaN, None or infinity; every epoch needs a label.")
    check_classification_targets(y)
    weights = _check_sample_weight(
        sample_weight, rows, dtype=np.float64, ensure_non_negative=True
    )
    classes = np.unique(y if classes is None else classes)
    unknown = np.setdiff1d(y, classes)
    if len(unknown):
        raise ValueError(
            f"y has classes that are not among {classes.tolist()}: {unknown.tolist()}."
        )
    if len(classes) < 2:
        raise ValueError(
            f"{owner} needs at least 2 classes. Got 1 class: {classes.tolist()}."
        )
    labels = np.searchsorted(classes, y)
    seen = {name: value for name, value in vars(probe).items() if name.endswith("_")}
    return TrainingData(signals, rows, classes, labels, weights, groups, seen)


def of_one_kind(groups):
    """Return groups as texts or numbers, refusing a mixture, which has no order.

    Parameters
    ----------
    groups : ndarray, shape (n_epochs,)
        Of any dtype.

    Returns
    -------
    groups : ndarray, shape (n_epochs,)
        The same.

    Raises
    ------
    TypeError
        If some are texts and others are not.
    """
    if groups.dtype != object:
        return groups
    texts = [isinstance(group, str) for group in groups]
    if any(texts) and not all(texts):
        raise TypeError(
            "groups must be all texts or all numbers. Got both, such as "
            f"{groups[texts.index(True)]!r} and {groups[texts.index(False)]!r}; make "
            "texts of all of them."
        )
    return np.array(groups.tolist())
