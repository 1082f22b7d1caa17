"""``class_weight`` of several tasks: one for all, one per task, or one flat dict."""

from collections.abc import Mapping


def check_named_tasks(class_weight, tasks):
    """Refuse weights for tasks that are not there.

    Parameters
    ----------
    class_weight : None | "balanced" | dict
        The parameter.
    tasks : collection of str
        Names of the tasks.

    Raises
    ------
    ValueError
        If a dict with one entry per task names another.
    """
    unknown = set(class_weight) - set(tasks) if _per_task(class_weight) else set()
    if unknown:
        raise ValueError(
            f"class_weight has entries for tasks that X lacks: {sorted(unknown)}. "
            f"There are {sorted(tasks)}."
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
    flat = {f"{task}/{label}": label for label in classes.tolist()}
    own = {flat[key]: class_weight[key] for key in class_weight if key in flat}
    if own or set(class_weight) & set(classes.tolist()):
        return own or class_weight
    others = all(isinstance(key, str) and "/" in key for key in class_weight)
    return None if others else class_weight


def _per_task(class_weight):
    return isinstance(class_weight, Mapping) and all(
        value is None or isinstance(value, str | Mapping)
        for value in class_weight.values()
    )
