"""The steps behind the multi-task estimator: any form of data in, the same out."""

from contextlib import nullcontext
from functools import reduce

import numpy as np
from sklearn.utils.validation import check_is_fitted

from mne_eegmamba.epochs.check import is_epochs
from mne_eegmamba.epochs.multitask import naming
from mne_eegmamba.estimators import _data, _fit
from mne_eegmamba.estimators._base import NetworkEstimator
from mne_eegmamba.estimators._class_weight import check_named_tasks, weight_of_task
from mne_eegmamba.estimators._forms import carried_labels, flat_labels, read_form


class TasksEstimator(NetworkEstimator):
    """Read several tasks, train on them, and run the network on each."""

    def _read_training(
        self, X, y, task, sample_weight, groups, known=False, classes=None
    ):
        """Return the form of the data, and a `TrainingData` per task."""
        form = self._form(X, task) if known else read_form(X, task, _fit.TASK)
        given = form.split_classes(classes)
        if known:
            given = self._known_classes(given)
        labels = self._labels(form, X, y, given)
        weights = form.split(sample_weight, "sample_weight")
        groups = form.split_groups(groups, X)
        holders, data = self._holders(form), {}
        for name, part in form.parts.items():
            with self._about(name):
                data[name] = _data.read_training_data(
                    self,
                    holders[name],
                    labels[name],
                    weights[name],
                    groups[name],
                    given[name],
                    part.rows,
                )
        return form, data

    def _holders(self, form):
        """Return what holds each task's epochs; what the tasks share is read once."""
        found = {}
        for name, part in form.parts.items():
            if part.rows is None:  # will be read together with its labels
                found[name] = part.X
            elif form.kind == "array" and found:
                found[name] = next(iter(found.values()))
            else:
                with self._about(name if form.kind == "flat" else _fit.TASK):
                    found[name] = _data.read(type(self)(), part.X)
        return found

    def _known_classes(self, given):
        """Return the classes of `fit`, and refuse others."""
        known = {name: self.tasks_[name].classes for name in given}
        for name, classes in given.items():
            texts = [] if classes is None else sorted({str(c) for c in classes})
            if texts and texts != sorted(map(str, known[name])):
                raise ValueError(
                    f"Task {name!r}: classes must be those of the first call, "
                    f"{known[name].tolist()}. Got {texts}."
                )
        return known

    def _labels(self, form, X, y, classes):
        """Return the labels of each task, None where only Epochs can tell."""
        if form.kind == "flat":
            labels = form.split(X.y if y is None else y, "y")
            return {
                name: flat_labels(part, name, classes[name])
                for name, part in labels.items()
            }
        if y is None and form.kind == "array":
            part = next(iter(form.parts.values()))
            y, _ = carried_labels(part.X)
        labels = form.split(y, "y")
        return {
            name: carried_labels(form.parts[name].X)[0] if part is None else part
            for name, part in labels.items()
        }

    def _begin(self, form, data, settings, n_passes, least_classes=2):
        check_named_tasks(self.class_weight, _classes(data))
        first = next(iter(data.values()))
        seen = first.seen if form.kind == "array" else {}
        seen = {**seen, "input_kind_": form.kind}
        return self._start(data, settings, n_passes, seen, least_classes)

    def _check_continues(self, data, settings):
        """Refuse weights of unknown tasks as well."""
        check_named_tasks(self.class_weight, _classes(self.tasks_))
        super()._check_continues(data, settings)

    def _expose(self, seen):
        """Set what scikit-learn and users look for, out of ``tasks_``."""
        vars(self).update(seen)
        self.task_classes_ = {name: task.classes for name, task in self.tasks_.items()}
        if self._has_plain_classes():
            self.classes_ = reduce(np.union1d, self.task_classes_.values())
        else:
            names = [flat(name, part) for name, part in self.task_classes_.items()]
            self.classes_ = np.sort(np.concatenate(names))

    def _has_plain_classes(self):
        """Say whether ``classes_`` holds labels as they are; texts and numbers differ.

        One array has labels of one kind, but a task that is added may have others.
        """
        kinds = [labels.dtype.kind for labels in self.task_classes_.values()]
        one_kind = len({"number" if kind in "biuf" else kind for kind in kinds}) == 1
        return self.input_kind_ == "array" and one_kind

    def _join_classes(self, form, found, fill):
        """Return columns in the order of ``classes_``, ``fill`` for other tasks."""
        plain = self._has_plain_classes()
        columns = {
            name: np.searchsorted(self.classes_, part if plain else flat(name, part))
            for name, part in self.task_classes_.items()
        }
        return form.join_classes(found, columns, len(self.classes_), fill)

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
        holders, found = self._read_once(form), {}
        with self._log_level():
            for name, part in form.parts.items():
                with self._about(name):
                    signals = self._read(holders[name], name, part.rows)
                found[name] = self._run(signals, name, method, part.rows)
        return form, found

    def _read_once(self, form):
        """Return what holds each task's epochs; an array that tasks share is read."""
        holders = {name: part.X for name, part in form.parts.items()}
        first = next(iter(holders.values()))
        if form.kind != "array" or len(holders) == 1 or is_epochs(first):
            return holders
        return dict.fromkeys(holders, _data.read_array(type(self)(), first, True))

    def _about(self, task):
        return nullcontext() if task == _fit.TASK else naming(task)

    def _class_weight_of(self, task, classes):
        return weight_of_task(self.class_weight, task, classes)


def _classes(parts):
    return {name: part.classes for name, part in parts.items()}


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
