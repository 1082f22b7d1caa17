"""The ways in which users hand over several tasks, and the same way back."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import _num_samples, column_or_1d

from mne_eegmamba.epochs.check import Signals, check_lengths, is_epochs, loaded
from mne_eegmamba.epochs.labels import event_names, metadata_column
from mne_eegmamba.epochs.multitask import (
    MultiTaskEpochs,
    check_task_name,
    check_tasks,
)
from mne_eegmamba.epochs.windows import is_items, item_labels


@dataclass(frozen=True)
class Part:
    """The epochs of one task: all that were handed over together, and which of them.

    ``rows`` None means all; ``places`` are where the results belong in a flat answer.
    """

    X: object
    rows: np.ndarray | None = None
    places: np.ndarray | None = None


@dataclass(frozen=True)
class Form:
    """Epochs by task, and how they came.

    ``kind`` is "dict", "flat" (`MultiTaskEpochs`) or "array" (one array or Epochs, with
    or without a task per epoch); ``n`` is the number of epochs of a flat form.
    """

    kind: str
    parts: dict
    n: int | None = None

    def split(self, values, name):
        """Cut what has an entry per epoch into one vector per task.

        Parameters
        ----------
        values : object
            A dict for a dict, else a vector; None gives None for each task.
        name : str
            What it is called, for messages.

        Returns
        -------
        values : dict
            One entry per task.
        """
        if values is None:
            return dict.fromkeys(self.parts)
        if self.kind == "dict":
            if not isinstance(values, dict):
                raise TypeError(
                    f"{name} must be a dict from names of tasks, as X is. Got "
                    f"{type(values).__name__}."
                )
            unknown = set(values) - set(self.parts)
            if unknown:
                raise ValueError(
                    f"{name} has entries for tasks that X lacks: {sorted(unknown)}."
                )
            return {task: values.get(task) for task in self.parts}
        if isinstance(values, dict):
            raise TypeError(f"{name} must be a vector, as X is no dict. Got a dict.")
        if len(self.parts) == 1 and self.kind == "array":
            return dict.fromkeys(self.parts, values)
        values = np.asarray(values)
        check_lengths(self.n, **{name: values})
        return {task: values[part.places] for task, part in self.parts.items()}

    def split_classes(self, classes):
        """Cut all classes that there will be into those of each task.

        Parameters
        ----------
        classes : dict | array-like | None
            A dict for a dict; ``"task/label"`` for `MultiTaskEpochs`; else the classes
            of every task, or a dict.

        Returns
        -------
        classes : dict
            An entry per task, None where nothing is said.
        """
        if classes is None or self.kind == "dict":
            return self.split(classes, "classes")
        if isinstance(classes, Mapping):
            return {task: classes.get(task) for task in self.parts}
        if self.kind == "array":
            return dict.fromkeys(self.parts, classes)
        return {
            task: [
                text[len(task) + 1 :]
                for text in map(str, classes)
                if text.startswith(f"{task}/")
            ]
            for task in self.parts
        }

    def split_groups(self, groups, X):
        """Cut groups into those of each task; where none are given, X may know them.

        Parameters
        ----------
        groups : dict | array-like | None
            As `fit` got them.
        X : object
            As `fit` got it.

        Returns
        -------
        groups : dict
            An entry per task, None where nothing is known. Those of `MultiTaskEpochs`
            are without the task, since groups of one name are the same people.
        """
        if groups is None and self.kind == "array":
            _, groups = carried_labels(next(iter(self.parts.values())).X)
        if self.kind != "flat":
            return self.split(groups, "groups")
        known = self.parts if groups is not None else X.grouped
        groups = self.split(X.groups if groups is None else groups, "groups")
        return {
            task: [str(group).removeprefix(f"{task}/") for group in groups[task]]
            if task in known
            else None
            for task in groups
        }

    def join(self, found):
        """Bring results of the tasks into the form in which the epochs came.

        Parameters
        ----------
        found : dict of {str: ndarray}
            Results of each task, one entry or row per epoch.

        Returns
        -------
        results : dict of ndarray | ndarray
            As the epochs came.
        """
        if self.kind == "dict":
            return found
        first, *others = found.values()
        dtype = first.dtype
        if any(other.dtype.kind != dtype.kind for other in others):
            dtype = object  # labels of different kinds must not become texts
        elif others:
            dtype = np.result_type(first, *others)
        out = np.empty((self.n, *first.shape[1:]), dtype)
        for task, part in self.parts.items():
            out[part.places] = found[task]
        return out

    def join_classes(self, found, columns, width, fill):
        """Bring one column per class of each task into the form the epochs came in.

        Parameters
        ----------
        found : dict of {str: ndarray, shape (n_epochs, n_classes)}
            Results of each task.
        columns : dict of {str: ndarray of int}
            For a flat answer: into which columns the results of a task go.
        width : int
            How many columns a flat answer has.
        fill : float
            What stands in those of other tasks.

        Returns
        -------
        results : dict of ndarray | ndarray, shape (n_epochs, width)
            As the epochs came.
        """
        if self.kind == "dict":
            return found
        out = np.full((self.n, width), fill, next(iter(found.values())).dtype)
        for task, part in self.parts.items():
            out[np.ix_(part.places, columns[task])] = found[task]
        return out


def read_form(X, task, default):
    """Tell how epochs came.

    Parameters
    ----------
    X : dict | MultiTaskEpochs | mne.Epochs | list of mne.Epochs | array-like
        Epochs of one or several tasks.
    task : array-like of str | str | None
        Task of each epoch or of all, for one array or Epochs.
    default : str
        The task of epochs that name none.

    Returns
    -------
    form : Form
        By task, in alphabetical order.
    """
    if isinstance(X, dict | MultiTaskEpochs) and task is not None:
        raise TypeError(
            "task is for one array or Epochs; a dict and MultiTaskEpochs name the "
            "tasks themselves."
        )
    if isinstance(X, dict) and not issparse(X):  # scipy has a sparse array of this kind
        check_tasks(X, "X")
        return Form("dict", {name: Part(_opened(X[name])) for name in sorted(X)})
    if isinstance(X, MultiTaskEpochs):
        if not len(X):
            raise ValueError("X holds 0 epochs, at least 1 is needed.")
        parts = {name: Part(*part) for name, part in sorted(X.parts().items())}
        return Form("flat", parts, len(X))
    X = loaded(X) if is_epochs(X) else X
    if task is None:
        n = _count(X)
        part = Part(X, None, None if n is None else np.arange(n))
        return Form("array", {default: part}, n)
    n = _count(X)
    task = column_or_1d([task] * (n or 1) if isinstance(task, str) else task)
    check_lengths(n, task=task)
    for name in np.unique(task):
        check_task_name(str(name) if isinstance(name, np.str_) else name)
    places = {str(name): np.flatnonzero(task == name) for name in np.unique(task)}
    return Form("array", {k: Part(X, at, at) for k, at in places.items()}, n)


def _opened(X):
    """Return Epochs as MNE leaves them once they are read; arrays as they are."""
    return loaded(X) if is_epochs(X) else X


def _count(X):
    """Return the number of epochs, None for what will be refused when it is read."""
    if is_epochs(X):
        return sum(map(len, X))
    try:
        return _num_samples(X)
    except TypeError:
        return None


def flat_labels(X, task, classes=None):
    """Return a task's labels out of the flat ones of `MultiTaskEpochs`.

    Parameters
    ----------
    X : ndarray of str
        ``"task/label"`` of each epoch of the task.
    task : str
        The task.
    classes : array-like | None, default=None
        Its labels, where they are known.

    Returns
    -------
    labels : ndarray
        What follows the first "/", as one of ``classes`` where it is one as text.
    """
    X = np.asarray(X)
    wrong = [label for label in X if not str(label).startswith(f"{task}/")]
    if wrong:
        raise ValueError(
            'y must be "task/label" for each epoch of MultiTaskEpochs. Got '
            f"{str(wrong[0])!r} for an epoch of the task {task!r}. Where scikit-learn "
            "makes numbers of labels, as cross_val_predict does for probabilities, "
            "leave y out: MultiTaskEpochs carries them."
        )
    texts = [str(label)[len(task) + 1 :] for label in X]
    known = {} if classes is None else {str(label): label for label in classes}
    return np.array([known.get(text, text) for text in texts])


def check_label_kind(labels, classes):
    """Refuse names for the truth where numbers were learned, and the other way round.

    Parameters
    ----------
    labels : array-like
        The truth.
    classes : ndarray
        What was learned.

    Raises
    ------
    ValueError
        If some are texts and the others numbers.
    """
    labels = np.asarray(labels)
    if not labels.size:
        return
    first, known = labels.ravel().tolist()[0], classes.tolist()[0]
    if isinstance(first, str) != isinstance(known, str):
        raise ValueError(
            f"y, or the names of the events of X, has labels such as {first!r}; in fit "
            f"they were such as {known!r}. Pass y with labels of that kind."
        )


def carried_labels(X):
    """Return the labels and groups that Epochs carry, or None for arrays."""
    if is_items(X):
        return item_labels(X), None
    if isinstance(X, Signals) or not is_epochs(X):
        return None, None
    return event_names(X), metadata_column(X, "subject")
