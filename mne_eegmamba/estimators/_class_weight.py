"""``class_weight`` of several tasks: one for all, one per task, or one flat dict."""

from collections.abc import Mapping


def check_named_tasks(class_weight, classes):
    """Refuse weights for tasks and labels that are not there.

    Parameters
    ----------
    class_weight : None | "balanced" | dict
        The parameter.
    classes : dict of {str: ndarray}
        Labels of each task.

    Raises
    ------
    ValueError
        If a dict with one entry per task names another, or one from ``"task/label"``
        another label.
    """
    if _per_task(class_weight):
        known, unknown = sorted(classes), set(class_weight) - set(classes)
    elif _flat(class_weight, classes):
        known = [f"{k}/{label}" for k in sorted(classes) for label in classes[k]]
        unknown = set(class_weight) - set(known)
    else:
        return
    if unknown:
        raise ValueError(
            "class_weight has entries for tasks or labels that X lacks: "
            f"{sorted(unknown)}. There are {known}."
        )


def weight_of_task(class_weight, task, classes):
    """Return the weights of one task's classes.

    Parameters
    ----------
    class_weight : None | "balanced" | dict
        The parameter: as in scikit-learn, or with one of these per task, or from
        ``"task/label"`` to weights.
    task : str
        The task.
    classes : ndarray
        Its labels.

    Returns
    -------
    class_weight : None | "balanced" | dict
        As in scikit-learn.

    Raises
    ------
    ValueError
        If it is another text than "balanced".
    """
    if _per_task(class_weight):
        own = class_weight.get(task)
        if isinstance(own, str) and own != "balanced":
            raise ValueError(
                f"class_weight must be None, 'balanced' or a dict. Got {own!r}."
            )
        return own
    if not isinstance(class_weight, Mapping):
        return class_weight
    if not _flat(class_weight, {task: classes}):
        return class_weight
    flat = {f"{task}/{label}": label for label in classes.tolist()}
    return {flat[key]: class_weight[key] for key in class_weight if key in flat}


def _per_task(class_weight):
    return isinstance(class_weight, Mapping) and all(
        value is None or isinstance(value, str | Mapping)
        for value in class_weight.values()
    )


def _flat(class_weight, classes):
    """Say whether it is a dict from ``"task/label"``, and not from labels with "/"."""
    return (
        isinstance(class_weight, Mapping)
        and all(isinstance(key, str) and "/" in key for key in class_weight)
        and not any(set(class_weight) & set(own.tolist()) for own in classes.values())
    )
