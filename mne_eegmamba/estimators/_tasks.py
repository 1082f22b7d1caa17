"""The steps behind the multi-task estimator: any form of data in, the same out."""

from collections.abc import Mapping
from functools import reduce

import numpy as np
from mne.utils import use_log_level
from sklearn.utils.validation import check_is_fitted

from mne_eegmamba.estimators import _data, _fit
from mne_eegmamba.estimators._base import NetworkEstimator
from mne_eegmamba.estimators._forms import carried_labels, flat_labels, read_form
from mne_eegmamba.estimators._task import naming


class TasksEstimator(NetworkEstimator):
    """Read several tasks, train on them, and run the network on each."""

    def _read_training(
        self, X, y, task, sample_weight, groups, known=False, classes=None
    ):
        """Return the form of the data, and a `TrainingData` per task."""
        form = self._form(X, task) if known else read_form(X, task, _fit.TASK)
        if known:
            given = {name: self.tasks_[name].classes for name in form.parts}
        elif isinstance(classes, Mapping):
            given = {name: classes.get(name) for name in form.parts}
        else:
            given = dict.fromkeys(form.parts, classes)
        labels = self._labels(form, X, y)
        weights = form.split(sample_weight, "sample_weight")
        groups = X.groups if form.kind == "flat" and groups is None else groups
        groups = form.split(groups, "groups")
        several = len(form.parts) > 1 or form.kind != "array"
        data, read = {}, {}
        for name, part in form.parts.items():
            with self._about(name, several):
                whole = part.rows is not None  # read once, for all tasks in it
                if whole and id(part.X) not in read:
                    read[id(part.X)] = _data.read(type(self)(), part.X)
                data[name] = _data.read_training_data(
                    self,
                    read[id(part.X)] if whole else part.X,
                    labels[name],
                    weights[name],
                    groups[name],
                    given[name],
                    part.rows,
                )
        return form, data

    def _labels(self, form, X, y):
        """Return the labels of each task, None where only Epochs can tell."""
        if form.kind == "flat":
            labels = form.split(X.y if y is None else y, "y")
            return {name: flat_labels(part, name) for name, part in labels.items()}
        if y is None and form.kind == "array":
            part = next(iter(form.parts.values()))
            y, _ = carried_labels(part.X)
        labels = form.split(y, "y")
        return {
            name: carried_labels(form.parts[name].X)[0] if part is None else part
            for name, part in labels.items()
        }

    def _begin(self, form, data, settings, n_passes, least_classes=2):
        self._start(data, settings, n_passes, least_classes)
        self.input_kind_ = form.kind
        self._expose(_seen(data) if form.kind == "array" else {})
        return self

    def _expose(self, seen):
        """Set what scikit-learn and users look for, out of ``tasks_``."""
        vars(self).update({"input_kind_": "array"} | vars(self) | seen)
        self.task_classes_ = {name: task.classes for name, task in self.tasks_.items()}
        if self.input_kind_ == "array":
            self.classes_ = reduce(np.union1d, self.task_classes_.values())
        else:
            names = [flat(name, part) for name, part in self.task_classes_.items()]
            self.classes_ = np.sort(np.concatenate(names))

    def _columns(self):
        """Return where each task's classes are among ``classes_``."""
        plain = self.input_kind_ == "array"
        columns = {
            name: np.searchsorted(self.classes_, part if plain else flat(name, part))
            for name, part in self.task_classes_.items()
        }
        return columns | {None: len(self.classes_)}

    def _form(self, X, task):
        """Tell how new epochs came, and refuse unknown tasks."""
        form = read_form(X, task, next(iter(self.tasks_)))
        unnamed = form.kind == "array" and task is None
        if unnamed and len(self.tasks_) > 1:
            raise ValueError(
                f"X names no task, and this network knows {list(self.tasks_)}. Give "
                "task= with the task of each epoch, or a dict from task to epochs."
            )
        unknown = [name for name in form.parts if name not in self.tasks_]
        if unknown:
            raise ValueError(
                f"X has tasks that were not in fit: {unknown}. Known are "
                f"{list(self.tasks_)}; see add_task."
            )
        return form

    def _outputs(self, X, task, method):
        """Run the network on all tasks of X."""
        check_is_fitted(self)
        form = self._form(X, task)
        found = {}
        with use_log_level(self.verbose):
            for name, part in form.parts.items():
                with self._about(name, len(self.tasks_) > 1):
                    signals = self._read(part.X, name, part.rows)
                found[name] = self._run(signals, name, method, part.rows)
        return form, found

    def _about(self, task, several=True):
        return naming(task) if several else super()._about(task)

    def _class_weight_of(self, task):
        weights = self.class_weight
        if not isinstance(weights, Mapping):
            return weights
        per_task = all(
            value is None or isinstance(value, str | Mapping)
            for value in weights.values()
        )
        if per_task:
            return weights.get(task)
        start = f"{task}/"
        own = {
            label[len(start) :]: weight
            for label, weight in weights.items()
            if isinstance(label, str) and label.startswith(start)
        }
        return own or weights


def _seen(data):
    """Return what scikit-learn remembers of one array."""
    return next(iter(data.values())).seen


def flat(task, labels):
    """Return ``"task/label"`` of each label.

    Parameters
    ----------
    task : str
        The task.
    labels : ndarray
        Labels of any kind.

    Returns
    -------
    names : ndarray of str
        Flat labels.
    """
    return np.array([f"{task}/{label}" for label in labels])
