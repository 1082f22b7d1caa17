"""What figures that look inside a network ask of it and of its data."""

from mne_eegmamba.epochs.multitask import MultiTaskEpochs
from mne_eegmamba.utils.validation import check_option


def choose_task(clf, task, owner):
    """Return the task to draw.

    Parameters
    ----------
    clf : EEGMambaClassifier | MultiTaskEEGMamba
        Fitted.
    task : str | None
        What the user asked for; None is enough where there is only one.
    owner : str
        Name of the function, for messages.

    Returns
    -------
    task : str
        A task that the network knows.

    Raises
    ------
    ValueError
        If the network does not know the task, or several and none is named.
    """
    if task is None and len(clf.tasks_) == 1:
        task = next(iter(clf.tasks_))
    return check_option("task", task, tuple(clf.tasks_), owner)


def epochs_of_task(X, task, owner):
    """Return the epochs of one task, out of several where there are several.

    Parameters
    ----------
    X : mne.Epochs | list of mne.Epochs | ndarray | dict | MultiTaskEpochs
        What came.
    task : str
        The task.
    owner : str
        Name of the function, for messages.

    Returns
    -------
    X : mne.Epochs | list of mne.Epochs | ndarray
        Epochs of the task.

    Raises
    ------
    ValueError
        If there are tasks, but not this one.
    """
    if not isinstance(X, dict | MultiTaskEpochs):
        return X
    there = list(X) if isinstance(X, dict) else list(X.tasks)
    if task not in there:
        raise ValueError(
            f"The `X` parameter of {owner} must have epochs of the task {task!r}. Got "
            f"those of {there}."
        )
    return X[task]
