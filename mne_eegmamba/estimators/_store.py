"""Fitted estimators as files."""

import json
import warnings

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from mne_eegmamba.epochs.scaling import Scaling
from mne_eegmamba.estimators import _fit
from mne_eegmamba.training import checkpoint
from mne_eegmamba.training.net import pack_net, unpack_net
from mne_eegmamba.training.precision import choose_device

SCALING = ("center", "scale", "magnitude")


def save(estimator, path):
    """Write a fitted estimator; what JSON cannot hold is named in a warning."""
    parameters, left_out = {}, []
    for name, value in estimator.get_params(deep=False).items():
        try:
            parameters[name] = json.loads(json.dumps(_plain(value)))
        except TypeError:
            left_out.append(name)
    if left_out:
        warnings.warn(
            f"The parameters {left_out} cannot be written to a model file; after load "
            "they have their defaults.",
            UserWarning,
            stacklevel=3,
        )
    scaling, config = estimator.scaling_, estimator.net_.module_.config
    arrays = {f"scaling.{name}": getattr(scaling, name) for name in SCALING}
    arrays |= pack_net(estimator.net_)
    content = {
        "estimator": type(estimator).__name__,
        "parameters": parameters,
        "classes": _pack_labels(estimator.classes_),
        "config": {name: getattr(config, name) for name in _fit.CONFIG},
        "input_scale": scaling.kind,
        "ch_names": estimator.ch_names_in_,
        "sfreq": estimator.sfreq_,
        "n_channels": int(estimator.n_channels_),
        "n_times": int(estimator.n_times_),
        "n_features_in": int(estimator.n_features_in_),
        "feature_names_in": _names(estimator),
        "history": _pack_table(estimator.history_),
    }
    checkpoint.write(path, arrays, content)


def load(cls, path):
    """Read a fitted estimator of class ``cls``."""
    arrays, content = checkpoint.read(path)
    if content["estimator"] != cls.__name__:
        raise ValueError(
            f"{str(path)!r} holds a {content['estimator']}, not a {cls.__name__}; use "
            f"{content['estimator']}.load."
        )
    estimator = cls(**_parameters(content["parameters"]))
    kept = {name: arrays.pop(f"scaling.{name}") for name in SCALING}
    estimator.classes_ = _unpack_labels(content["classes"])
    estimator.scaling_ = Scaling(content["input_scale"], **kept)
    names = content["ch_names"]
    estimator.ch_names_in_ = None if names is None else tuple(names)
    estimator.sfreq_ = content["sfreq"]
    estimator.n_channels_ = content["n_channels"]
    estimator.n_times_ = content["n_times"]
    estimator.n_features_in_ = content["n_features_in"]
    if content["feature_names_in"] is not None:
        estimator.feature_names_in_ = np.array(
            content["feature_names_in"], dtype=object
        )
    estimator.net_ = _net(estimator, content["config"], arrays)
    estimator.history_ = _table(content["history"])
    return estimator


def _net(estimator, config, arrays):
    settings = {
        **estimator.get_params(deep=False),
        **config,
        "schedule": "constant",
        "validation": None,
        "early_stopping": None,
    }
    net = _fit.build(
        settings,
        estimator.n_channels_,
        len(estimator.classes_),
        _device(estimator),
        check_random_state(0),
    )
    return unpack_net(net, arrays)


def _device(estimator):
    """Return the device of the file, or the best one here where that is missing."""
    try:
        return choose_device(estimator.device)
    except ValueError:
        device = choose_device("auto")
        warnings.warn(
            f"The model was saved with device={estimator.device!r}, which is not here; "
            f"it is loaded on {str(device)!r}, with device='auto'.",
            UserWarning,
            stacklevel=5,
        )
        estimator.device = "auto"
        return device


def _parameters(parameters):
    weights = parameters.get("class_weight")
    if isinstance(weights, dict):
        labels = _unpack_labels(weights["labels"]).tolist()
        parameters["class_weight"] = dict(zip(labels, weights["values"], strict=True))
    return parameters


def _plain(value):
    """Turn numpy numbers into Python's, and a class_weight dict into lists."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        labels = _pack_labels(np.array(list(value)))
        return {"labels": labels, "values": [float(v) for v in value.values()]}
    return value


def _pack_labels(labels):
    kind = "object" if labels.dtype.kind == "O" else labels.dtype.str
    return {"dtype": kind, "values": labels.tolist()}


def _unpack_labels(packed):
    return np.array(packed["values"], dtype=packed["dtype"])


def _names(estimator):
    names = getattr(estimator, "feature_names_in_", None)
    return None if names is None else names.tolist()


def _pack_table(table):
    return {"columns": list(table), "data": table.to_numpy(dtype=float).tolist()}


def _table(history):
    table = pd.DataFrame(**history)
    table.index = pd.RangeIndex(1, len(table) + 1, name="pass")
    return table
