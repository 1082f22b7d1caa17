"""Check the estimator's parameters, all at once, when `fit` starts."""

from collections.abc import Mapping
from numbers import Integral

import numpy as np

from mne_eegmamba.ops.backend import backend_names
from mne_eegmamba.training.callbacks import check_callbacks
from mne_eegmamba.utils.validation import check_flag, check_number, check_option

INTEGERS = ("d_model", "n_layers", "d_state", "d_conv", "expand", "max_epochs")
FLAGS = (
    *("decay_all", "variable_length", "warm_start", "activation_checkpointing"),
    *("spectrum", "waveform", "contrast", "cuda_graphs"),
)
OPTIONS = {
    "tokenizer_pool": ("average", "max"),
    "tokenizer_norm": (None, "batch", "group"),
    "class_token": ("first", "middle"),
    "pooling": ("class_token", "mean"),
    "final_norm": ("layer", None),
    "input_scale": ("channel", "window", None),
    "schedule": ("cosine", "constant"),
    "precision": ("auto", "float32", "bfloat16"),
}


MIXTURE_OPTIONS = {
    "balance_statistics": ("running", "batch"),
    "sampling": ("dynamic", "uniform", "sequential"),
}


def check_settings(estimator, **fixed):
    """Return the estimator's parameters, checked.

    Parameters
    ----------
    estimator : estimator
        Left as it is.
    **fixed : object
        Parameters that are others than the estimator's.

    Returns
    -------
    settings : dict
        Its parameters.

    Raises
    ------
    TypeError, ValueError
        If one is not allowed, saying which, what is allowed and what came.
    """
    settings = {**estimator.get_params(deep=False), **fixed}
    if isinstance(settings["validation"], np.floating):
        settings["validation"] = float(settings["validation"])
    owner = type(estimator).__name__
    for name in (*INTEGERS, "batch_size"):
        check_number(name, settings[name], owner, 1, integer=True)
    for name in ("dropout", "warmup", "label_smoothing", "time_shift"):
        check_number(name, settings[name], owner, 0, 1)
    check_number("lr", settings["lr"], owner, 0, low_open=True)
    for name in ("weight_decay", "mixup"):
        check_number(name, settings[name], owner, 0)
    if settings["clip_norm"] is not None:
        check_number("clip_norm", settings["clip_norm"], owner, 0, low_open=True)
    _check_precision(settings["precision"], owner)
    for name, allowed in OPTIONS.items():
        check_option(name, settings[name], allowed, owner)
    check_option("backend", settings["backend"], backend_names(), owner)
    if "n_experts" in settings:
        _check_mixture(settings, owner)
    for name in FLAGS:
        check_flag(name, settings[name], owner)
    _check_graphs(settings, owner)
    _check_class_weight(settings["class_weight"], owner)
    _check_validation(settings["validation"], settings["early_stopping"], owner)
    check_callbacks(settings["callbacks"], owner)
    return settings


def _check_precision(precision, owner):
    if isinstance(precision, str) and precision in ("float16", "half"):
        raise ValueError(
            f"The `precision` parameter of {owner} cannot be {precision!r}: float16 "
            "ends at 65504, which states and gradients may pass, and a scaler of the "
            'loss would have the GPU wait in each step. Use "bfloat16", which has the '
            'range of float32, or "float32".'
        )


def _check_graphs(settings, owner):
    if settings["cuda_graphs"] and settings["activation_checkpointing"]:
        raise ValueError(
            f"The `cuda_graphs` parameter of {owner} cannot be True together with "
            "activation_checkpointing=True, which asks the GPU for its random numbers "
            "in each step. Set one of the two to False."
        )


def _check_mixture(settings, owner):
    check_number("n_experts", settings["n_experts"], owner, 0, integer=True)
    check_number("top_k", settings["top_k"], owner, 1, integer=True)
    for name in ("balance_weight", "router_z_weight"):
        check_number(name, settings[name], owner, 0)
    for name in ("bidirectional", "universal_expert", "task_gate", "moe_residual"):
        check_flag(name, settings[name], owner)
    for name, allowed in MIXTURE_OPTIONS.items():
        check_option(name, settings[name], allowed, owner)
    types = settings["task_types"]
    if types is not None and not isinstance(types, Mapping):
        raise TypeError(
            f"The `task_types` parameter of {owner} must be None or a dict from tasks "
            f"to types. Got {types!r}."
        )


def _check_class_weight(class_weight, owner):
    if class_weight is not None and not isinstance(class_weight, Mapping):
        check_option("class_weight", class_weight, (None, "balanced"), owner)


def _check_validation(validation, patience, owner):
    if isinstance(validation, float):
        check_number("validation", validation, owner, 0, 0.9, low_open=True)
    elif isinstance(validation, Integral):
        check_number("validation", validation, owner, 2, integer=True)
    if patience is None:
        return
    check_number("early_stopping", patience, owner, 1, integer=True)
    if validation is None:
        raise ValueError(
            f"The `early_stopping` parameter of {owner} needs validation data. Got "
            "validation=None; set, for example, validation=0.2."
        )
