"""Cross-validated scores of every task in one table."""

import numpy as np
import pandas as pd
from joblib import Parallel, delayed, effective_n_jobs
from sklearn.base import clone
from sklearn.utils.validation import has_fit_parameter

from mne_eegmamba.epochs.multitask import MultiTaskEpochs
from mne_eegmamba.evaluation.folds import folds_of
from mne_eegmamba.evaluation.metrics import score_table
from mne_eegmamba.training.precision import card_for
from mne_eegmamba.utils.interrupts import ending_everything


def evaluate(estimator, data, cv=None, alone=False, n_jobs=None):
    """Cross-validate on several tasks and score each of them.

    Parameters
    ----------
    estimator : estimator
        Not fitted; it is cloned for each fold.
    data : MultiTaskEpochs
        Epochs with labels and groups.
    cv : splitter | iterable of (train, test) | None, default=None
        Folds over all epochs; None takes ``TaskGroupKFold(5)``.
    alone : bool, default=False
        Whether a new estimator is trained on each task alone, such as
        `EEGMambaClassifier`, or one on all tasks, such as `MultiTaskEEGMamba`. The
        folds are the same, so that the tables compare.
    n_jobs : int | None, default=None
        Folds at once, as in joblib, best in processes: threads share torch's random
        numbers, so that scores differ from one run to the next. With several GPUs the
        folds take turns on them, where the estimator's ``device`` is ``"auto"``.

    Returns
    -------
    scores : pandas.DataFrame
        A row per task and fold, and per task the rows ``"mean"`` and ``"std"`` (over
        folds, with n - 1); the columns are those of `score_table`.

    Raises
    ------
    TypeError
        If data are not `MultiTaskEpochs`.
    ValueError
        If a fold tests on a label that it does not train on.

    Examples
    --------
    >>> import numpy as np
    >>> from mne_eegmamba import EEGMambaClassifier, MultiTaskEpochs, TaskGroupKFold
    >>> from mne_eegmamba.evaluation import evaluate
    >>> X = {"a": np.random.default_rng(0).standard_normal((8, 2, 300))}
    >>> groups = {"a": [1, 1, 2, 2, 3, 3, 4, 4]}
    >>> data = MultiTaskEpochs(X, {"a": [0, 1] * 4}, groups)
    >>> clf = EEGMambaClassifier(d_model=16, max_epochs=1, verbose=False)
    >>> scores = evaluate(clf, data, cv=TaskGroupKFold(2), alone=True)
    >>> scores.loc["a", "n_epochs"].tolist()
    [4.0, 4.0, 4.0, 0.0]
    """
    if not isinstance(data, MultiTaskEpochs):
        raise TypeError(
            "evaluate needs MultiTaskEpochs, which hold labels and groups; make them "
            f"with MultiTaskEpochs({{'task': epochs}}). Got {type(data).__name__}."
        )
    folds = folds_of(data, cv)
    score = score_alone if alone else score_together
    at_once = effective_n_jobs(n_jobs) > 1
    found = Parallel(n_jobs)(
        delayed(score)(
            for_fold(estimator, fold if at_once else None), data[train], data[test]
        )
        for fold, (train, test) in enumerate(folds)
    )
    rows = {
        (task, fold): scores
        for fold, tasks in enumerate(found)
        for task, scores in tasks.items()
    }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis(["task", "fold"])
    return _with_summary(table)


def for_fold(estimator, number):
    """Return a clone, on a GPU of its own where there are several.

    Parameters
    ----------
    estimator : estimator
        Left as it is.
    number : int | None
        Number of the fit, where several run at once.

    Returns
    -------
    estimator : estimator
        Not fitted.
    """
    estimator = clone(estimator)
    card = None if number is None else card_for(number)
    if card is None:
        return estimator
    free = [
        name
        for name, value in estimator.get_params().items()
        if name.split("__")[-1] == "device" and str(value) == "auto"
    ]
    return estimator.set_params(**dict.fromkeys(free, card))


@ending_everything()
def predict_together(estimator, train, test):
    """Train one estimator on all tasks and predict each.

    Parameters
    ----------
    estimator : estimator
        Is fitted.
    train, test : MultiTaskEpochs
        The two sides of a fold.

    Returns
    -------
    found : dict of {str: tuple}
        By task what `score_table` takes: true labels, probabilities, classes.
    """
    estimator.fit(train, train.y)
    proba = estimator.predict_proba(test)
    owners = np.array([str(name).split("/", 1)[0] for name in estimator.classes_])
    found = {}
    for task in np.unique(test.task):
        rows, columns = test.task == task, owners == task
        classes = estimator.classes_[columns]
        found[str(task)] = test.y[rows], proba[np.ix_(rows, columns)], classes
    return found


@ending_everything()
def predict_alone(estimator, train, test):
    """Train a copy of an estimator on each task alone and predict that task.

    Parameters
    ----------
    estimator : estimator
        Is cloned for each task.
    train, test : MultiTaskEpochs
        The two sides of a fold.

    Returns
    -------
    found : dict of {str: tuple}
        By task what `score_table` takes: true labels, probabilities, classes.
    """
    found = {}
    for task in np.unique(test.task):
        one, rows = clone(estimator), train.task == task
        knows = task in train.grouped and has_fit_parameter(one, "groups")
        groups = {"groups": train.groups[rows]} if knows else {}
        one.fit(train[str(task)], train.y[rows], **groups)
        proba = one.predict_proba(test[str(task)])
        found[str(task)] = test.y[test.task == task], proba, one.classes_
    return found


def score_together(estimator, train, test):
    """Train one estimator on all tasks and score each.

    Parameters
    ----------
    estimator : estimator
        Is fitted.
    train, test : MultiTaskEpochs
        The two sides of a fold.

    Returns
    -------
    scores : dict of {str: dict}
        From `score_table`, by task.
    """
    found = predict_together(estimator, train, test)
    return {task: score_table(*part) for task, part in found.items()}


def score_alone(estimator, train, test):
    """Train a copy of an estimator on each task alone and score it.

    Parameters
    ----------
    estimator : estimator
        Is cloned for each task.
    train, test : MultiTaskEpochs
        The two sides of a fold.

    Returns
    -------
    scores : dict of {str: dict}
        From `score_table`, by task.
    """
    found = predict_alone(estimator, train, test)
    return {task: score_table(*part) for task, part in found.items()}


def _with_summary(table):
    """Add mean and standard deviation over the folds of each task."""
    parts = []
    for task, scores in table.groupby(level="task", sort=False):
        summary = scores.agg(["mean", "std"])
        summary.index = pd.MultiIndex.from_product([[task], summary.index])
        parts += [scores, summary]
    return pd.concat(parts).rename_axis(table.index.names)
