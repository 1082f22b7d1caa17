"""Candidates on the same folds, with their scores per fold and per subject."""

import time
from dataclasses import dataclass

import numpy as np
import pandas as pd
from joblib import Parallel, delayed, effective_n_jobs

from mne_eegmamba.epochs.multitask import MultiTaskEpochs
from mne_eegmamba.evaluation.cross_validation import (
    for_fold,
    predict_alone,
    predict_together,
)
from mne_eegmamba.evaluation.folds import folds_of
from mne_eegmamba.evaluation.metrics import score_table

COLUMNS = [
    *("task", "candidate", "fold", "subject", "trained"),
    *("accuracy", "balanced_accuracy", "auroc", "macro_f1", "weighted_f1"),
    *("majority_rate", "n_epochs", "n_classes", "n_train", "seconds", "reason"),
]


class CannotTake(ValueError):
    """Raise it in ``fit`` for data that a network is not made for.

    `compare` reports it as the reason for a missing score; any other error ends it.

    Examples
    --------
    >>> from mne_eegmamba.evaluation import CannotTake
    >>> raise CannotTake("takes one channel, these have 8")
    Traceback (most recent call last):
    mne_eegmamba.evaluation.comparison.CannotTake: takes one channel, these have 8
    """


@dataclass(frozen=True)
class Jointly:
    """Mark a candidate of `compare` that is trained on all tasks at once.

    Parameters
    ----------
    estimator : estimator
        It takes `MultiTaskEpochs`, as `MultiTaskEEGMamba` does.

    Examples
    --------
    >>> from mne_eegmamba import MultiTaskEEGMamba
    >>> from mne_eegmamba.evaluation import Jointly
    >>> candidate = Jointly(MultiTaskEEGMamba(max_epochs=5))
    """

    estimator: object


def compare(candidates, data, cv=None, n_jobs=None):
    """Train and score candidates on the same folds of the same tasks.

    Parameters
    ----------
    candidates : dict of {str: estimator | Jointly | str}
        By name: a classifier with ``predict_proba``, of which a clone is trained on
        each task alone; the same within `Jointly`, trained on all tasks at once; or a
        text, the reason why a candidate that belongs here is missing.
    data : MultiTaskEpochs
        Epochs with labels and groups. What a task's epochs were given as, Epochs or
        arrays, is what a candidate that is trained alone gets.
    cv : splitter | iterable of (train, test) | None, default=None
        Folds over all epochs; None takes ``TaskGroupKFold(5)``.
    n_jobs : int | None, default=None
        Fits at once, as in joblib and as `evaluate` says.

    Returns
    -------
    scores : pandas.DataFrame
        A row per task, candidate and fold, where ``subject`` is missing, and a row per
        subject of each fold, where a task has groups. Further columns: ``trained``
        (``"alone"`` or ``"jointly"``), those of `score_table`, ``n_classes`` (those
        that occur), ``n_train`` (epochs of the task), ``seconds`` of the fit and the
        predictions (of a joint network: on all tasks), and ``reason``, why there are no
        scores.

    Raises
    ------
    TypeError, ValueError
        If candidates or data are of another kind, or a fold tests on a label that it
        does not train on.

    See Also
    --------
    comparison_table : Means, differences, intervals and p-values of these scores.

    Notes
    -----
    Everything that a candidate learns, scaling included, has to be learned in its
    ``fit``, which sees the training part only. A candidate that raises `CannotTake` is
    kept in the table without scores.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.dummy import DummyClassifier
    >>> from mne_eegmamba import MultiTaskEpochs, TaskGroupKFold
    >>> from mne_eegmamba.evaluation import compare
    >>> X = {"a": np.random.default_rng(0).standard_normal((8, 2, 300))}
    >>> groups = {"a": [1, 1, 2, 2, 3, 3, 4, 4]}
    >>> data = MultiTaskEpochs(X, {"a": ["x", "y"] * 4}, groups)
    >>> candidates = {"majority": DummyClassifier(), "another": "has no package"}
    >>> scores = compare(candidates, data, cv=TaskGroupKFold(2))
    >>> scores[scores["subject"].isna()][["candidate", "fold", "accuracy", "reason"]]
      candidate  fold  accuracy          reason
    0  majority     0       0.5             NaN
    3  majority     1       0.5             NaN
    6   another     0       NaN  has no package
    7   another     1       NaN  has no package
    """
    _check(candidates, data)
    folds = folds_of(data, cv)
    jobs = [
        (name, candidate, fold, task)
        for name, candidate in candidates.items()
        for fold in range(len(folds))
        for task in ((None,) if isinstance(candidate, Jointly) else data.tasks)
    ]
    at_once = effective_n_jobs(n_jobs) > 1
    found = Parallel(n_jobs)(
        delayed(_run)(candidate, task, data, *folds[fold], i if at_once else None)
        for i, (_, candidate, fold, task) in enumerate(jobs)
    )
    rows = [
        {"task": row.pop("task"), "candidate": name, "fold": fold, **row}
        for (name, _, fold, _), part in zip(jobs, found, strict=True)
        for row in part
    ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    places = {name: i for i, name in enumerate([*data.tasks, *candidates])}
    columns = ["task", "candidate", "fold"]
    table = table.sort_values(
        columns, key=lambda c: c.map(places) if c.name != "fold" else c, kind="stable"
    )
    return table.reset_index(drop=True)


def _check(candidates, data):
    """Refuse what cannot be compared."""
    if not isinstance(data, MultiTaskEpochs):
        raise TypeError(
            "compare needs MultiTaskEpochs, which hold labels and groups; make them "
            f"with MultiTaskEpochs({{'task': epochs}}). Got {type(data).__name__}."
        )
    if not isinstance(candidates, dict) or not candidates:
        raise TypeError(
            "candidates must be a dict from names to classifiers, with at least one. "
            f"Got {candidates!r}."
        )
    for name, candidate in candidates.items():
        inner = candidate.estimator if isinstance(candidate, Jointly) else candidate
        able = hasattr(inner, "fit") and hasattr(inner, "predict_proba")
        if not isinstance(candidate, str) and not able:
            raise TypeError(
                f"Candidate {name!r} must be a classifier with fit and predict_proba, "
                "such a one in Jointly, or a text with the reason why it is missing. "
                f"Got {candidate!r}."
            )
    shared = set(candidates) & set(data.tasks)
    if shared:
        raise ValueError(f"Names of tasks and candidates must differ: {shared}.")


def _run(candidate, task, data, train, test, number):
    """Return the rows of one fit: those of its fold and of the fold's subjects."""
    joint = isinstance(candidate, Jointly)
    tasks = data.tasks if joint else (task,)
    trained = "jointly" if joint else "alone"
    rows = [{"task": name, "subject": None, "trained": trained} for name in tasks]
    if isinstance(candidate, str):
        return [{**row, "trained": None, "reason": candidate} for row in rows]
    train, test = (
        data[part if joint else part[data.task[part] == task]] for part in (train, test)
    )
    estimator = for_fold(candidate.estimator if joint else candidate, number)
    start = time.perf_counter()
    try:
        found = (predict_together if joint else predict_alone)(estimator, train, test)
    except CannotTake as error:
        return [{**row, "reason": str(error)} for row in rows]
    seconds = time.perf_counter() - start
    return [
        {**row, **scores, "seconds": seconds, "reason": None}
        for row in rows
        if row["task"] in found
        for scores in _scores(row["task"], found[row["task"]], train, test)
    ]


def _scores(task, found, train, test):
    """Give the scores of a task in a fold, then those of each subject in it."""
    y_true, proba, classes = found
    n_train = int(np.sum(train.task == task))

    def scores(rows):
        found = score_table(y_true[rows], proba[rows], classes)
        return {**found, "n_classes": len(np.unique(y_true[rows])), "n_train": n_train}

    yield scores(slice(None))
    if task not in test.grouped:
        return
    subjects = test.groups[test.task == task]
    for subject in np.unique(subjects):
        name = str(subject).split("/", 1)[1]
        yield {"subject": name, **scores(subjects == subject)}
