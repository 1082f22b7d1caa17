"""Folds that keep people apart and test every task."""

import numpy as np
from sklearn.model_selection import BaseCrossValidator, GroupKFold, check_cv
from sklearn.utils.validation import check_consistent_length

from mne_eegmamba.utils.validation import check_number


class TaskGroupKFold(BaseCrossValidator):
    """Cut every task into folds by group, as `GroupKFold` does for one task.

    Each fold tests on about ``1 / n_splits`` of every task's groups, and no group is on
    both sides, in whatever task: groups of the same name are the same people. Where
    tasks share no name, each has the folds that `GroupKFold` makes of it.

    Parameters
    ----------
    n_splits : int, default=5
        Folds, at least 2.

    Raises
    ------
    ValueError
        In ``split``, if groups are not ``"task/group"``, a task has fewer groups than
        there are folds, or tasks share groups in such a way that a fold lacks a task.

    See Also
    --------
    MultiTaskEpochs : Gives such groups.

    Examples
    --------
    >>> import numpy as np
    >>> from mne_eegmamba import TaskGroupKFold
    >>> groups = np.array(["a/1", "a/2", "a/2", "b/1", "b/2"])
    >>> for train, test in TaskGroupKFold(2).split(groups, groups=groups):
    ...     print(groups[train], groups[test])
    ['a/1' 'b/1'] ['a/2' 'a/2' 'b/2']
    ['a/2' 'a/2' 'b/2'] ['a/1' 'b/1']
    """

    # scikit-learn's metadata routing hands groups to the splitter without being asked.
    __metadata_request__split = {"groups": True}

    def __init__(self, n_splits=5):
        self.n_splits = n_splits

    def get_n_splits(self, X=None, y=None, groups=None):
        """Return the number of folds.

        Parameters
        ----------
        X, y, groups : object
            Not used.

        Returns
        -------
        n_splits : int
            Folds.
        """
        return self.n_splits

    def split(self, X, y=None, groups=None):
        """Give training and test indices of each fold.

        Parameters
        ----------
        X : MultiTaskEpochs | array-like
            Anything with a length.
        y : object
            Not used.
        groups : array-like of str, shape (n_epochs,)
            ``"task/group"`` of each epoch.

        Yields
        ------
        train, test : ndarray of int
            Indices.

        Raises
        ------
        ValueError
            As the class says.
        """
        check_number("n_splits", self.n_splits, type(self).__name__, 2, integer=True)
        places = _by_task(groups)
        check_consistent_length(X, groups)
        groups = np.asarray(groups)
        for task, at in places.items():
            n_groups = len(np.unique(groups[at]))
            if n_groups < self.n_splits:
                raise ValueError(
                    f"Task {task!r} has {n_groups} groups, fewer than the "
                    f"{self.n_splits} folds; every fold must test on every task. Use "
                    f"n_splits={n_groups} or fewer."
                    if n_groups > 1
                    else f"Task {task!r} has 1 group and cannot be split by groups. "
                    "Leave it out, or give it groups (recordings, subjects)."
                )
        folds = self._apart(groups, places)
        everything = np.arange(len(groups))
        for fold in range(self.n_splits):
            yield everything[folds != fold], everything[folds == fold]

    def _apart(self, groups, places):
        """Return the fold of each epoch."""
        names = split_groups(groups)[1]
        own = [np.unique(names[at]) for at in places.values()]
        if len(np.unique(np.concatenate(own))) < sum(map(len, own)):
            return self._together(names, places)
        folds = np.empty(len(groups), dtype=int)
        for at in places.values():
            split = GroupKFold(self.n_splits).split(at, groups=groups[at])
            for fold, (_, test) in enumerate(split):
                folds[at[test]] = fold
        return folds

    def _together(self, names, places):
        """Return the fold of each epoch, where tasks have groups of the same name.

        Groups of tasks with few groups go first, then large ones: into a fold that
        lacks one of their tasks, and has the least of the others.
        """
        people, person = np.unique(names, return_inverse=True)
        shares = np.zeros((len(people), len(places)))  # of the epochs of each task
        for number, at in enumerate(places.values()):
            shares[:, number] = np.bincount(person[at], minlength=len(people)) / len(at)
        load = np.zeros((self.n_splits, len(places)))
        fold_of = np.empty(len(people), dtype=int)
        rare = (shares > 0) / (shares > 0).sum(0)
        for one in np.lexsort((-shares.max(1), -rare.max(1))):
            missing, there = (load == 0) @ rare[one], load @ shares[one]
            fold_of[one] = np.lexsort((there, -missing))[0]
            load[fold_of[one]] += shares[one]
        empty = [
            task for task, any_ in zip(places, load.all(0), strict=True) if not any_
        ]
        if empty:
            raise ValueError(
                f"The tasks share groups in such a way that {self.n_splits} folds, all "
                f"of which test on {empty}, were not found. Use fewer folds."
            )
        return fold_of[person]

    def _iter_test_indices(self, X=None, y=None, groups=None):
        for _, test in self.split(X, y, groups):
            yield test


def folds_of(data, cv):
    """Return the folds of a cross-validation, none of which tests on unknown labels.

    Parameters
    ----------
    data : MultiTaskEpochs
        Epochs with labels and groups.
    cv : splitter | iterable of (train, test) | None
        Folds over all epochs; None takes ``TaskGroupKFold(5)``.

    Returns
    -------
    folds : list of tuple of ndarray of int
        Training and test indices.

    Raises
    ------
    ValueError
        If a label is tested on that is not trained on.
    """
    cv = TaskGroupKFold() if cv is None else check_cv(cv)
    folds = list(cv.split(data, data.y, data.groups))
    for number, (train, test) in enumerate(folds):
        unknown = np.setdiff1d(data.y[test], data.y[train])
        if len(unknown):
            raise ValueError(
                f"Fold {number} tests on labels that its training part lacks: "
                f'{unknown.tolist()}, as "task/label". Use other folds, or leave the '
                "epochs of rare labels out."
            )
    return folds


def split_groups(groups):
    """Cut ``"task/group"`` in two.

    Parameters
    ----------
    groups : array-like of str, shape (n_epochs,)
        Of `MultiTaskEpochs`.

    Returns
    -------
    tasks, names : ndarray of str, shape (n_epochs,)
        What stands before and after the first "/".

    Raises
    ------
    ValueError
        If they are anything else.
    """
    if groups is None:
        raise ValueError(
            "The 'groups' parameter should not be None. Give data.groups of "
            "MultiTaskEpochs."
        )
    groups = np.asarray(groups)
    if groups.ndim != 1 or groups.dtype.kind not in "UO":
        raise ValueError(
            'groups must be a vector of "task/group" texts. Got the shape '
            f"{groups.shape} and dtype {groups.dtype}."
        )
    wrong = [group for group in groups if "/" not in str(group)]
    if wrong:
        raise ValueError(
            f'groups must be "task/group" for every epoch. Got {wrong[0]!r}; use '
            "data.groups of MultiTaskEpochs, or GroupKFold for a single task."
        )
    parts = np.array([str(group).split("/", 1) for group in groups]).reshape(-1, 2)
    return parts[:, 0], parts[:, 1]


def _by_task(groups):
    tasks, _ = split_groups(groups)
    return {str(task): np.flatnonzero(tasks == task) for task in np.unique(tasks)}
