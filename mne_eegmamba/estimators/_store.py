"""Fitted estimators as files."""

import json
from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from mne_eegmamba.epochs.scaling import Scaling
from mne_eegmamba.estimators import _fit
from mne_eegmamba.estimators._task import Task
from mne_eegmamba.ops.backend import can_run
from mne_eegmamba.training import checkpoint
from mne_eegmamba.training.precision import choose_device
from mne_eegmamba.utils.notices import warn_user

SCALING = ("center", "scale", "magnitude")
SEEN = ("n_features_in_", "feature_names_in_", "input_kind_", "_split_seed")


def save(estimator, path):
    """Write a fitted estimator; what JSON cannot hold is named in a warning."""
    parameters, left_out = {}, []
    for name, value in estimator.get_params(deep=False).items():
        try:
            parameters[name] = json.loads(json.dumps(_plain(value)))
        except TypeError:
            left_out.append(name)
    if left_out:
        warn_user(
            f"The parameters {left_out} cannot be written to a model file; after load "
            "they have their defaults."
        )
    history = estimator.history_.select_dtypes(["number", "bool"])
    texts = [name for name in estimator.history_ if name not in history]
    if texts:
        warn_user(f"The columns {texts} of history_ hold no numbers and are left out.")
    config = estimator.net_.module_.config
    content = {
        "estimator": type(estimator).__name__,
        "parameters": parameters,
        "tasks": [_pack_task(name, task) for name, task in estimator.tasks_.items()],
        "config": {name: _plain(getattr(config, name)) for name in _fit.CONFIG},
        "seen": _pack_seen(estimator),
        "history": _pack_table(history),
    }
    arrays = {
        f"scaling.{number}.{name}": getattr(task.scaling, name)
        for number, task in enumerate(estimator.tasks_.values())
        for name in SCALING
    }
    checkpoint.write(path, arrays | checkpoint.pack_net(estimator.net_), content)


def load(cls, path):
    """Read a fitted estimator of class ``cls``."""
    arrays, content = checkpoint.read(path)
    if content["estimator"] != cls.__name__:
        raise ValueError(
            f"{str(path)!r} holds a {content['estimator']}, not a {cls.__name__}; use "
            f"{content['estimator']}.load."
        )
    return _unpack(cls, arrays, content)


def load_any(classes, path):
    """Read a fitted estimator of whichever of some classes it is."""
    arrays, content = checkpoint.read(path)
    by_name = {cls.__name__: cls for cls in classes}
    return _unpack(by_name[content["estimator"]], arrays, content)


def _unpack(cls, arrays, content):
    given = content["parameters"].items()
    estimator = cls(**{name: _unpack_plain(value) for name, value in given})
    estimator.tasks_ = dict(
        _unpack_task(number, packed, arrays)
        for number, packed in enumerate(content["tasks"])
    )
    estimator.net_ = _net(estimator, content["config"], arrays)
    estimator.history_ = _table(content["history"])
    estimator._expose(_unpack_seen(content["seen"]))
    return estimator


def _pack_task(name, task):
    return {
        "name": name,
        "classes": _pack_labels(task.classes),
        "ch_names": task.ch_names,
        "sfreq": task.sfreq,
        "n_channels": int(task.n_channels),
        "n_times": int(task.n_times),
        "input_scale": task.scaling.kind,
    }


def _unpack_task(number, packed, arrays):
    kept = {name: arrays.pop(f"scaling.{number}.{name}") for name in SCALING}
    names = packed["ch_names"]
    task = Task(
        _unpack_labels(packed["classes"]),
        None if names is None else tuple(names),
        packed["sfreq"],
        packed["n_channels"],
        packed["n_times"],
        Scaling(packed["input_scale"], **kept),
    )
    return packed["name"], task


def _pack_seen(estimator):
    """Return what scikit-learn remembers of the training data."""
    seen = {name: getattr(estimator, name) for name in SEEN if hasattr(estimator, name)}
    return {k: v.tolist() if hasattr(v, "tolist") else v for k, v in seen.items()}


def _unpack_seen(seen):
    columns = "feature_names_in_"
    if columns in seen:
        seen[columns] = np.array(seen[columns], dtype=object)
    return seen


def _net(estimator, config, arrays):
    device = _device(estimator)
    _settle_backend(estimator, device)
    settings = {
        **estimator.get_params(deep=False),
        **{name: _unpack_plain(value) for name, value in config.items()},
        "backend": estimator.backend,
        "schedule": "constant",
        "validation": None,
        "early_stopping": None,
    }
    sizes = {
        name: (task.n_channels, len(task.classes))
        for name, task in estimator.tasks_.items()
    }
    net = _fit.build(settings, sizes, device, check_random_state(0))
    return checkpoint.unpack_net(net, arrays)


def _device(estimator):
    """Return the device of the file, or the best one here where that is missing."""
    try:
        return choose_device(estimator.device)
    except ValueError:
        device = choose_device("auto")
        warn_user(
            f"The model was saved with device={estimator.device!r}, which is not here; "
            f"it is loaded on {str(device)!r}, with device='auto'."
        )
        estimator.device = "auto"
        return device


def _settle_backend(estimator, device):
    """Take the best implementations here where those of the file cannot run."""
    if not can_run(estimator.backend, device.type):
        warn_user(
            f"The model was saved with backend={estimator.backend!r}, which cannot run "
            f"on {str(device)!r}; it is loaded with backend='auto'."
        )
        estimator.backend = "auto"


def _plain(value):
    """Turn numpy numbers into Python's, and dicts into lists: JSON's keys are texts."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        labels = _pack_labels(np.array(list(value)))
        return {"labels": labels, "values": [_plain(v) for v in value.values()]}
    return value


def _unpack_plain(value):
    if not isinstance(value, dict):
        return value
    labels = _unpack_labels(value["labels"]).tolist()
    return dict(zip(labels, map(_unpack_plain, value["values"]), strict=True))


def _pack_labels(labels):
    kind = "object" if labels.dtype.kind == "O" else labels.dtype.str
    return {"dtype": kind, "values": labels.tolist()}


def _unpack_labels(packed):
    return np.array(packed["values"], dtype=packed["dtype"])


def _pack_table(table):
    return {"columns": list(table), "data": table.to_numpy(dtype=float).tolist()}


def _table(history):
    table = pd.DataFrame(**history)
    table.index = pd.RangeIndex(1, len(table) + 1, name="pass")
    return table
