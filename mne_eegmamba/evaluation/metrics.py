"""One table of scores for a classifier's probabilities."""

import numpy as np
from sklearn.metrics import accuracy_score, f1_score, recall_score, roc_auc_score


def score_table(y_true, proba, classes):
    """Score predicted probabilities with the measures EEG papers report.

    Parameters
    ----------
    y_true : array-like, shape (n_epochs,)
        True labels, each one of ``classes``.
    proba : array-like, shape (n_epochs, n_classes)
        Predicted probabilities, without a unit; column ``k`` belongs to
        ``classes[k]``. The predicted label is the column with the largest value.
    classes : array-like, shape (n_classes,)
        At least two different labels, usually ``estimator.classes_``.

    Returns
    -------
    scores : dict
        All between 0 and 1, except ``n_epochs``:

        ``accuracy``
            Share of correct predictions.
        ``balanced_accuracy``
            Mean recall over the classes that occur in ``y_true``.
        ``auroc``
            Area under the ROC curve of the second class, or with more than two
            classes the mean of the one-vs-rest areas; NaN when a class does not
            occur in ``y_true`` or no other one does.
        ``macro_f1``, ``weighted_f1``
            Mean F1 score over the classes in ``y_true`` or among the predictions,
            plain and weighted by how often the class occurs in ``y_true``.
        ``majority_rate``
            Share of the most frequent class in ``y_true``: the accuracy of always
            naming that class.
        ``n_epochs``
            Number of epochs scored, an int.

    Raises
    ------
    ValueError
        If shapes do not fit, ``proba`` is not finite, or ``y_true`` has a label that
        is not in ``classes``.

    Examples
    --------
    >>> from mne_eegmamba.evaluation import score_table
    >>> proba = [[0.9, 0.1], [0.6, 0.4], [0.3, 0.7], [0.8, 0.2]]
    >>> scores = score_table(["a", "a", "b", "b"], proba, ["a", "b"])
    >>> scores["accuracy"], scores["auroc"], scores["majority_rate"]
    (0.75, 0.75, 0.5)
    """
    y_true, proba, classes = _check_scored(y_true, proba, classes)
    y_pred = classes[proba.argmax(axis=1)]  # (n_epochs,)
    present, counts = np.unique(y_true, return_counts=True)
    return {
        "accuracy": float(accuracy_score(y_true, y_pred)),
        # Same value as balanced_accuracy_score, which warns when a class is predicted
        # that y_true lacks.
        "balanced_accuracy": float(
            recall_score(
                y_true, y_pred, labels=present, average="macro", zero_division=0
            )
        ),
        "auroc": _auroc(y_true, proba, classes),
        "macro_f1": float(f1_score(y_true, y_pred, average="macro", zero_division=0)),
        "weighted_f1": float(
            f1_score(y_true, y_pred, average="weighted", zero_division=0)
        ),
        "majority_rate": float(counts.max() / counts.sum()),
        "n_epochs": len(y_true),
    }


def _auroc(y_true, proba, classes):
    """Return the area under the ROC curve, NaN where it is not defined."""
    is_class = y_true[:, None] == classes  # (n_epochs, n_classes)
    if not is_class.any(axis=0).all():
        return float("nan")
    if len(classes) == 2:
        return float(roc_auc_score(is_class[:, 1], proba[:, 1]))
    # Indicator columns are one-vs-rest by construction and, unlike multi_class="ovr",
    # do not refuse float32 rows that sum to one only roughly.
    return float(roc_auc_score(is_class, proba, average="macro"))


def _check_scored(y_true, proba, classes):
    """Return the three inputs as arrays, or say which one does not fit."""
    y_true, proba, classes = map(np.asarray, (y_true, proba, classes))
    if classes.ndim != 1 or len(np.unique(classes)) != classes.size or len(classes) < 2:
        raise ValueError(
            "The `classes` parameter of score_table must be a list of at least two "
            f"different labels. Got {classes.tolist()}."
        )
    expected = f"(n_epochs, n_classes) = ({y_true.size}, {classes.size})"
    if y_true.ndim != 1 or y_true.size == 0:
        raise ValueError(
            "The `y_true` parameter of score_table must have shape (n_epochs,) with "
            f"at least one epoch. Got shape {y_true.shape}."
        )
    if proba.shape != (y_true.size, classes.size):
        raise ValueError(
            f"The `proba` parameter of score_table must have shape {expected}, one row "
            f"per label in `y_true` and one column per class. Got shape {proba.shape}."
        )
    if not np.isfinite(proba).all():
        raise ValueError(
            "The `proba` parameter of score_table must be finite. Got "
            f"{(~np.isfinite(proba)).sum()} NaN or infinite values; look for NaN in "
            "the epochs or for a training that diverged."
        )
    unknown = np.setdiff1d(y_true, classes)
    if unknown.size:
        raise ValueError(
            "The `y_true` parameter of score_table must hold labels out of `classes`, "
            f"{classes.tolist()}. Got {unknown.tolist()} as well; drop these epochs "
            "or name their class."
        )
    return y_true, proba, classes
