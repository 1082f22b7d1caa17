"""Which epochs are set apart for validation; people are on one side in all tasks."""

import itertools

import numpy as np
from sklearn.model_selection import (
    GroupShuffleSplit,
    StratifiedShuffleSplit,
    check_cv,
)

DRAWS = 100  # of people that tasks share, for a share near the wanted one in each task


def split_tasks(data, validation, seed, about):
    """Set validation epochs of all tasks apart.

    Parameters
    ----------
    data : dict of {str: TrainingData}
        All epochs of each task.
    validation : None | float | int | splitter
        A share of the epochs (of the groups, where there are groups), or the first
        fold of a scikit-learn splitter. Groups of the same name are the same people.
    seed : int | None
        For shares.
    about : callable
        Takes the name of a task, returns the context in which errors are about it.

    Returns
    -------
    splits : dict of {str: tuple of ndarray of int}
        Rows for training and for validation, of each task; there are none of the
        latter without validation.

    Raises
    ------
    ValueError
        If a splitter puts a group on both sides, or a share is wanted of one group.
    """
    by_share = isinstance(validation, float)
    people = _draw_shared(data, validation, seed) if by_share else {}
    splits = {}
    for name, part in data.items():
        with about(name):
            splits[name] = split_task(part, validation, seed, people.get(name))
    _check_apart(data, splits)
    return splits


def split_task(data, validation, seed, people=None):
    """Set validation epochs of one task apart.

    Parameters
    ----------
    data : TrainingData
        All epochs.
    validation, seed : object
        As in `split_tasks`.
    people : ndarray | None, default=None
        Which groups it shall be, where that is known.

    Returns
    -------
    train, valid : ndarray of int
        Rows.

    Raises
    ------
    ValueError
        As in `split_tasks`.
    """
    rows = np.arange(len(data.labels))
    if validation is None:
        return rows, rows[:0]
    weighty = data.weights > 0  # the others are as good as not there
    if isinstance(validation, float) and weighty.any():
        rows = rows[weighty]
    if isinstance(validation, float):
        _check_several_groups(data.groups, validation)
        kind = StratifiedShuffleSplit if data.groups is None else GroupShuffleSplit
        splitter = kind(n_splits=1, test_size=validation, random_state=seed)
    else:
        splitter = check_cv(validation, data.labels, classifier=True)
    part = data.only(rows)
    if people is None:
        none = np.arange(0)
        found = splitter.split(rows, part.labels, part.groups)
        train, valid = next(found, (none, none))
    else:
        chosen = np.isin(part.groups.astype(people.dtype), people)
        train, valid = np.flatnonzero(~chosen), np.flatnonzero(chosen)
    train, valid = rows[train], rows[valid]
    if not len(train) or not len(valid) or len(np.intersect1d(train, valid)):
        raise ValueError(
            "validation must split the epochs into two parts that share none. Got "
            f"{len(train)} for training and {len(valid)} for validation, "
            f"{len(np.intersect1d(train, valid))} in both."
        )
    if not weighty[valid].any():
        raise ValueError(
            "validation sets apart epochs whose sample weights are all zero, so that "
            "there would be no validation loss. Choose others."
        )
    valid = valid[weighty[valid]]
    if data.groups is not None:
        both = _common(data.groups[train], data.groups[valid])
        if len(both):
            raise ValueError(
                "validation must keep each group on one side. It put "
                f"{both[:5].tolist()} into training and validation; use a splitter "
                "that respects groups, such as GroupKFold."
            )
    return train, valid


def _check_several_groups(groups, validation):
    if groups is not None and len(np.unique(groups)) < 2:
        raise ValueError(
            f"validation={validation} sets groups apart, so there must be at least 2. "
            f"All epochs are of the group {str(groups[0])!r}. Pass groups=, such as "
            "runs, or groups=np.arange(n_epochs) to set single epochs apart."
        )


def _draw_shared(data, share, seed):
    """Return, for tasks that share people, who is set apart: the same in all of them.

    Of many draws it is the one whose shares are nearest to the wanted one.
    """
    own = {
        name: np.unique(part.groups[part.weights > 0])
        for name, part in data.items()
        if part.groups is not None
    }
    sharing = {
        name
        for pair in itertools.combinations(own, 2)
        if len(_common(*(own[name] for name in pair)))
        for name in pair
    }
    own = {name: own[name] for name in own if name in sharing}
    everyone = np.unique(np.concatenate([*own.values()])) if own else []
    if len(everyone) < 2:
        return {}
    splitter = GroupShuffleSplit(DRAWS, test_size=share, random_state=seed)
    draws = [everyone[at] for _, at in splitter.split(everyone, groups=everyone)]
    best = min(draws, key=lambda chosen: _distance(chosen, own.values(), share))
    return dict.fromkeys(own, best)


def _distance(chosen, tasks, share):
    """Return how many tasks lie on one side, and the most groups that one is off."""
    found = [(len(_common(people, chosen)), len(people)) for people in tasks]
    one_sided = sum(n in (0, size) for n, size in found)
    return one_sided, max(abs(n - np.ceil(share * size)) / size for n, size in found)


def _common(one, other):
    """Return what two sets of groups share; a number is what it is as a text."""
    kind = np.result_type(one, other)
    return np.intersect1d(one.astype(kind), other.astype(kind))


def _check_apart(data, splits):
    """Refuse people who are trained on in one task and validated on in another."""
    grouped = [name for name, part in data.items() if part.groups is not None]
    for one, other in itertools.permutations(grouped, 2):
        trained = data[one].groups[splits[one][0]]
        both = _common(trained, data[other].groups[splits[other][1]])
        if len(both):
            raise ValueError(
                "validation must keep groups of one name on one side in all tasks. It "
                f"put {both[:5].tolist()} into training of {one!r} and validation of "
                f"{other!r}; use a share, such as validation=0.2."
            )
