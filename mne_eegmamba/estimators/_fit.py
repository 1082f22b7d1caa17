"""The steps of a fit, as functions: read, split, build, train."""

import numpy as np
import torch

from mne_eegmamba.batches.dataset import MultiTaskDataset, TaskDataset
from mne_eegmamba.batches.multiset import as_multiset
from mne_eegmamba.epochs.scaling import learn_scaling
from mne_eegmamba.estimators._task import Task
from mne_eegmamba.models import EEGMamba, EEGMambaConfig
from mne_eegmamba.tokens.tokenizer import MIN_TIMES
from mne_eegmamba.training.net import build_net
from mne_eegmamba.training.seeding import local_seed

INFERENCE_BUDGET = 2**16  # samples of one channel in a batch at prediction
TASK = "task"  # the one task of data that name none
CONFIG = (
    "d_model",
    "n_layers",
    "d_state",
    "d_conv",
    "expand",
    "dropout",
    "tokenizer_pool",
    "tokenizer_norm",
    "class_token",
    "pooling",
    "spectrum",
    "waveform",
    "contrast",
    "final_norm",
    "bidirectional",
    "n_experts",
    "top_k",
    "universal_expert",
    "task_gate",
    "task_types",
    "moe_residual",
    "balance_statistics",
    "activation_checkpointing",
    "backend",
)


def class_factors(class_weight, data, rows):
    """Return the weight of each class.

    Parameters
    ----------
    class_weight : None | "balanced" | dict
        As in scikit-learn.
    data : TrainingData
        Labels and weights.
    rows : ndarray of int
        Training rows.

    Returns
    -------
    factors : ndarray, shape (n_classes,)
        Weights by class number.
    """
    if not isinstance(class_weight, str):
        factors = _listed_factors(class_weight or {}, data.classes.tolist())
        if not np.isfinite(factors).all() or (factors < 0).any() or not factors.any():
            raise ValueError(
                "class_weight must be finite, not negative, and not zero for all. Got "
                f"{class_weight!r}."
            )
        return factors
    mass = np.bincount(
        data.labels[rows], data.weights[rows], minlength=len(data.classes)
    )
    present = mass > 0
    factors = np.zeros(len(mass))
    factors[present] = mass.sum() / (present.sum() * mass[present])
    return factors


def _listed_factors(class_weight, classes):
    """Look classes up as scikit-learn does, which takes the text "1" for the number."""
    missing = [label for label in classes if label not in class_weight]
    if missing and not set(class_weight) <= set(classes):
        unknown = [label for label in class_weight if label not in classes]
        raise ValueError(
            f"class_weight has {unknown}, which are no classes, and lacks {missing}."
        )
    return np.array([float(class_weight.get(label, 1)) for label in classes])


def make_datasets(task, data, split, settings, scaling=None, least_classes=2):
    """Turn checked data into training and validation sets.

    Parameters
    ----------
    task : str
        Name of the task.
    data : TrainingData
        Checked.
    split : tuple of ndarray of int
        Rows for training and for validation.
    settings : dict
        The estimator's parameters.
    scaling : Scaling | None, default=None
        Of an earlier fit that goes on; None learns it from the training epochs.
    least_classes : int, default=2
        Classes that must be left for training.

    Returns
    -------
    train : TaskDataset
        Distinct epochs, weights of mean 1.
    valid : TaskDataset | None
        Validation epochs.
    """
    kept, valid = split
    if data.groups is not None:  # of equal epochs the first one's group is taken
        kept = kept[np.argsort(data.groups[kept], kind="stable")]
    factors = class_factors(settings["class_weight"], data, kept)
    signals = data.signals.data
    rows, labels, weights = as_multiset(
        signals, data.rows[kept], data.labels[kept], data.weights[kept]
    )
    if len(rows) == 0:
        raise ValueError("All sample weights are zero; at least one must be positive.")
    if len(np.unique(labels)) < least_classes:
        raise ValueError(
            "At least 2 classes must be left for training. Got 1 class: "
            f"{data.classes[labels[:1]].tolist()} (epochs without weight and those set "
            "apart for validation do not count)."
        )
    if scaling is None:
        scaling = learn_scaling(signals, settings["input_scale"], rows)
    weights = _normed(weights * factors[labels])
    groups = _groups_of(data, rows)
    train = TaskDataset(
        task, signals, rows, labels, weights, scaling, MIN_TIMES, groups
    )
    if not len(valid):
        return train, None
    labels = data.labels[valid]
    weights = _normed(data.weights[valid] * factors[labels])
    rows = data.rows[valid]
    return train, TaskDataset(task, signals, rows, labels, weights, scaling, MIN_TIMES)


def _groups_of(data, rows):
    if data.groups is None:
        return None
    order = np.argsort(data.rows, kind="stable")
    return data.groups[order[np.searchsorted(data.rows, rows, sorter=order)]]


def unlabelled(task, signals, rows, scaling):
    """Return a `MultiTaskDataset` of one task for prediction."""
    n = len(rows)
    labels, weights = np.zeros(n, dtype=int), np.ones(n)
    part = TaskDataset(task, signals.data, rows, labels, weights, scaling, MIN_TIMES)
    return MultiTaskDataset((part,))


def _normed(weights):
    total = weights.sum()
    return weights * (len(weights) / total) if total > 0 else weights


def build(settings, sizes, device, random_state, n_batches=1):
    """Build a net with fresh weights; torch's own random state is left as it was.

    Parameters
    ----------
    settings : dict
        The estimator's parameters.
    sizes : dict of {str: tuple of int}
        Channels and classes of each task.
    device : torch.device
        Where it will run.
    random_state : numpy.random.RandomState
        Source of the weights and of the order of epochs.
    n_batches : int, default=1
        Batches per pass, for the schedule.

    Returns
    -------
    net : EEGMambaNet
        Initialised.
    """
    seed, order = random_state.randint(2**31 - 1, size=2)
    config = EEGMambaConfig(
        n_channels={task: channels for task, (channels, _) in sizes.items()},
        n_classes={task: classes for task, (_, classes) in sizes.items()},
        **{name: settings[name] for name in CONFIG if name in settings},
    )
    with local_seed(int(seed), torch.device("cpu")):
        module = EEGMamba(config)
    rng = np.random.default_rng(int(order))
    return build_net(module, settings, device, rng, n_batches)


def remembered(data, scaling):
    """Return the `Task` that stays of training data.

    Parameters
    ----------
    data : TrainingData
        What `fit` was given.
    scaling : Scaling
        What it learned.

    Returns
    -------
    task : Task
        The task.
    """
    n_channels, n_times = data.signals.data.shape[1:]
    signals = data.signals
    return Task(
        data.classes, signals.ch_names, signals.sfreq, n_channels, n_times, scaling
    )


def inference_batch(shape, batch_size):
    """Return how many epochs go through the network together at prediction.

    Parameters
    ----------
    shape : tuple of int
        (n_epochs, n_channels, n_times).
    batch_size : int
        Batch size of the training, of which it is a multiple for short epochs.

    Returns
    -------
    size : int
        Epochs.
    """
    return max(batch_size, INFERENCE_BUDGET // max(shape[2], MIN_TIMES))
