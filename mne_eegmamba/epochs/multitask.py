"""MultiTaskEpochs: epochs of several tasks behind one index."""

from contextlib import contextmanager

import numpy as np

from mne_eegmamba.epochs.check import (
    check_lengths,
    epochs_list,
    is_epochs,
    loaded,
    refuse_misfits,
    refuse_unknown,
)
from mne_eegmamba.epochs.labels import event_names, metadata_column
from mne_eegmamba.utils.validation import check_rows


class MultiTaskEpochs:
    """Hold epochs of tasks that differ in channels, length, rate and classes.

    scikit-learn can index it, so that `cross_val_score` and `GridSearchCV` take it with
    the flat labels ``y`` and groups ``groups``.

    Parameters
    ----------
    epochs : dict of {str: mne.Epochs | StoredEpochs | list of mne.Epochs | ndarray}
        Epochs of each task: Epochs in volts, in memory or on disk, braindecode's
        windows, or an array of shape (n_epochs, n_channels, n_times) in any unit. Names
        of tasks hold no "/".
    y : dict of {str: array-like} | None, default=None
        Labels of each task; for Epochs that are missing here, the names of the events.
    groups : str | dict of {str: array-like} | None, default="subject"
        A column of the metadata of Epochs, or groups of each task. Without either,
        each task is one group.

    Attributes
    ----------
    tasks : tuple of str
        Names of the tasks.
    task : ndarray of str, shape (n_epochs,)
        Task of each epoch.
    y : ndarray of str, shape (n_epochs,)
        ``"task/label"`` of each epoch.
    groups : ndarray of str, shape (n_epochs,)
        ``"task/group"`` of each epoch.
    grouped : tuple of str
        Names of the tasks whose groups are known.
    shape : tuple of int
        ``(n_epochs,)``.

    Raises
    ------
    TypeError, ValueError
        If tasks are missing or wrongly named, or vectors do not fit.

    Notes
    -----
    Indexing with an int array, a mask or a slice gives a view; no samples are copied.
    Epochs that are not preloaded are loaded once, when the object is made.

    Examples
    --------
    >>> import numpy as np
    >>> from mne_eegmamba import MultiTaskEpochs
    >>> X = {"sleep": np.zeros((4, 1, 600)), "imagery": np.zeros((6, 22, 800))}
    >>> y = {"sleep": ["W", "W", "N2", "N2"], "imagery": ["left", "right"] * 3}
    >>> data = MultiTaskEpochs(X, y)
    >>> data
    <MultiTaskEpochs | 10 epochs: sleep 4, imagery 6>
    >>> data[::4].y
    array(['sleep/W', 'imagery/left', 'imagery/left'], dtype='<U13')
    """

    def __init__(self, epochs, y=None, groups="subject"):
        check_tasks(epochs, "epochs")
        self._parts = {name: _opened(name, part) for name, part in epochs.items()}
        self.tasks = tuple(self._parts)
        sizes = {name: count(part) for name, part in self._parts.items()}
        y, groups = _labels(self._parts, y), _groups(self._parts, groups)
        self.grouped = tuple(name for name in sizes if groups[name] is not None)
        self.task = np.repeat(np.array(self.tasks), list(sizes.values()))
        self.y = np.concatenate([_flat(k, n, y=y[k]) for k, n in sizes.items()])
        self.groups = np.concatenate(
            [_flat(k, n, groups=_whole(groups[k])) for k, n in sizes.items()]
        )
        self._rows = np.concatenate([np.arange(n) for n in sizes.values()])

    __iter__ = None  # else a loop would take the first IndexError for the end

    def __len__(self):
        return len(self._rows)

    @property
    def shape(self):
        """``(n_epochs,)``, as scikit-learn wants to know."""
        return (len(self),)

    def __getitem__(self, index):
        if isinstance(index, str):
            return self._of_task(index)
        index = check_rows(index, "MultiTaskEpochs", "the name of a task, ")
        view = object.__new__(type(self))
        for name in ("_parts", "tasks", "grouped"):
            setattr(view, name, getattr(self, name))
        for name in ("task", "y", "groups", "_rows"):
            setattr(view, name, getattr(self, name)[index])
        return view

    def _of_task(self, name):
        """Return one task's epochs, as they were given."""
        if name not in self._parts:
            raise KeyError(f"There is no task {name!r}, only {list(self.tasks)}.")
        rows = self._rows[self.task == name]
        part = self._parts[name]
        if isinstance(part, np.ndarray):
            return part[rows]
        starts = np.cumsum([0, *(len(epochs) for epochs in part)])
        which = np.searchsorted(starts, rows, side="right") - 1
        runs = np.split(np.arange(len(rows)), np.flatnonzero(np.diff(which)) + 1)
        pieces = []
        for run in runs:  # neighbours out of the same Epochs
            at = which[run[0]] if len(run) else 0
            pieces.append(part[at][rows[run] - starts[at]])
        return pieces[0] if len(pieces) == 1 else pieces

    def parts(self):
        """Return where the epochs of each task are; nothing is copied.

        Returns
        -------
        parts : dict of {str: tuple}
            For each task that has epochs here: all of its epochs, the rows of them
            that are here, and their places here.
        """
        places = {name: np.flatnonzero(self.task == name) for name in self.tasks}
        return {
            name: (self._parts[name], self._rows[at], at)
            for name, at in places.items()
            if len(at)
        }

    def __repr__(self):
        sizes = [f"{name} {np.sum(self.task == name)}" for name in self.tasks]
        return f"<MultiTaskEpochs | {len(self)} epochs: {', '.join(sizes)}>"


def check_tasks(epochs, name):
    """Refuse what is no dict of tasks.

    Parameters
    ----------
    epochs : object
        What came.
    name : str
        What it is called, for messages.

    Raises
    ------
    TypeError, ValueError
        If it is no dict, has no tasks, or a name is no text or holds a "/".
    """
    if not isinstance(epochs, dict):
        raise TypeError(
            f"{name} must be a dict from names of tasks to their epochs. Got "
            f"{type(epochs).__name__}."
        )
    if not epochs:
        raise ValueError(f"{name} must hold at least one task. Got an empty dict.")
    for task in epochs:
        check_task_name(task)


def check_task_name(task):
    """Refuse what cannot name a task.

    Parameters
    ----------
    task : object
        What came.

    Raises
    ------
    ValueError
        If it is no text, or empty, or holds a "/", which parts task and label.
    """
    if not isinstance(task, str) or not task or "/" in task:
        raise ValueError(
            f'Names of tasks must be non-empty texts without "/". Got {task!r}.'
        )


@contextmanager
def naming(task):
    """Say in errors about data which task they are about.

    Parameters
    ----------
    task : str
        Its name.
    """
    try:
        yield
    except (TypeError, ValueError) as error:
        raise type(error)(f"Task {task!r}: {error}") from error


def _opened(task, part):
    """Return the epochs of a task in memory, or as an array."""
    if is_epochs(part):
        return loaded(part)
    with naming(task):
        refuse_misfits(part)
        return np.asarray(part)


def count(part):
    """Return how many epochs there are.

    Parameters
    ----------
    part : list of mne.BaseEpochs | ndarray
        Epochs of one task.

    Returns
    -------
    n : int
        Epochs.
    """
    if isinstance(part, np.ndarray):
        return len(part) if part.ndim else 0
    return sum(len(epochs) for epochs in epochs_list(part))


def _labels(parts, y):
    """Return the labels of each task."""
    y = _by_task(parts, "y", y, "the names of the events")
    found = {}
    for name, part in parts.items():
        if name not in y and isinstance(part, np.ndarray):
            raise ValueError(
                f"Task {name!r} needs labels: y has none for it, and only Epochs carry "
                "labels themselves."
            )
        found[name] = np.asarray(y[name]) if name in y else event_names(part)
    return found


def _groups(parts, groups):
    """Return the groups of each task, None where they are not known."""
    if groups is None or isinstance(groups, str):
        return {
            name: None
            if groups is None or isinstance(part, np.ndarray)
            else metadata_column(part, groups)
            for name, part in parts.items()
        }
    groups = _by_task(parts, "groups", groups, "none")
    missing = [name for name in parts if name not in groups]
    if missing:
        raise ValueError(f"groups must name all tasks; {missing[0]!r} is missing.")
    return {name: np.asarray(groups[name]) for name in parts}


def _by_task(parts, name, values, otherwise):
    """Return a dict of values per task, and refuse anything else."""
    if values is not None and not isinstance(values, dict):
        raise TypeError(
            f"{name} must be a dict from names of tasks, or None for {otherwise}. Got "
            f"{type(values).__name__}."
        )
    unknown = [task for task in values or {} if task not in parts]
    if unknown:
        raise ValueError(f"{name} has entries for tasks that are not there: {unknown}.")
    return values or {}


def _flat(task, n, **values):
    """Return ``"task/value"`` of each of a task's epochs."""
    with naming(task):
        check_lengths(n, **values)
        refuse_unknown(**values)
    (found,) = values.values()
    found = np.zeros(n, dtype=int) if found is None else found
    return np.array([f"{task}/{value}" for value in found], dtype=str)


def _whole(groups):
    """Return numbers that pandas made floats of, for a gap, as they were."""
    if groups is None or groups.dtype.kind != "f":
        return groups
    return groups.astype(int) if (groups == np.round(groups)).all() else groups
