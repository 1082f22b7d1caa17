"""Solve the heads that no gradient trains, before the others are trained."""

import warnings

import numpy as np
import torch
from mne.utils import ProgressBar
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, StratifiedKFold
from threadpoolctl import threadpool_limits

from mne_eegmamba.batches.dataset import MultiTaskDataset
from mne_eegmamba.batches.in_order import InOrder
from mne_eegmamba.estimators.alignment import inverse_root
from mne_eegmamba.heads.contrast import covariance
from mne_eegmamba.training.inference import run
from mne_eegmamba.utils.names import module_key

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # scikit-learn's C
N_FOLDS = 5
BUDGET = 2**24  # numbers that something is solved on
SHRINKAGE = 0.1  # of a covariance, towards equal and uncorrelated channels
ROUNDING = 1e-6  # relative spread of a mean in float32 that does not change
BATCH = 64  # epochs read at once


def solve_heads(module, dataset, device, precision, anew=True):
    """Solve the heads of the tasks that are trained on.

    Parameters
    ----------
    module : EEGMamba
        The network, whose heads learn; without such heads nothing happens.
    dataset : MultiTaskDataset
        Training data. Where its epochs are too many, the first ones are taken, which
        are any: a multiset is sorted by digests.
    device : torch.device
        Where the network is.
    precision : str
        As in `precision.autocast`.
    anew : bool, default=True
        Whether solutions take the place of earlier ones, or are averaged with them.
    """

    def read(function, part, width):
        part = part.first(max(1, BUDGET // width))
        batches = InOrder(MultiTaskDataset((part,)), BATCH)
        found = run(lambda x, task: function(x), module, batches, device, precision)
        return found, part

    if not (module.config.waveform or module.config.contrast):
        return
    heads = torch.nn.ModuleList([module.waveform_heads, module.contrast_heads])
    before = {name: value.clone() for name, value in heads.state_dict().items()}
    try:
        for part in ProgressBar(dataset.tasks, mesg="Solving heads"):
            key = module_key(part.task)
            if module.config.waveform:
                _solve_head(module.waveform_heads[key], part, read, anew)
            if module.config.contrast:
                _solve_contrast(module.contrast_heads[key], part, read, anew)
    except BaseException:  # one that goes on shall stay as it was
        heads.load_state_dict(before)
        raise


def _solve_head(head, part, read, anew):
    """Solve, and say whether there was a solution."""
    n_classes, width = head.weight.shape
    features, part = read(head.features, part, width)
    solution = solve(features, part.labels, part.weights, part.groups, n_classes)
    if solution is None:
        return False
    if anew:
        head.mass.zero_()
    head.learn(*solution, part.weights.sum())
    return True


def _solve_contrast(head, part, read, anew):
    before = head.mixing.clone()
    if anew or not before.any():  # else earlier weights belong to it
        _decorrelate(head, part, read)
    if not _solve_head(head, part, read, anew):
        head.mixing.copy_(before)


def _decorrelate(head, part, read):
    found, part = read(covariance, part, head.mixing.numel())
    mixing = whitening(np.average(found, axis=0, weights=part.weights))
    head.mixing.copy_(torch.from_numpy(mixing))


def whitening(covariance):
    """Return the mixtures of channels that are uncorrelated, the nearest to them.

    Parameters
    ----------
    covariance : ndarray, shape (n_channels, n_channels)
        Of the channels, with a mean of 1 on the diagonal.

    Returns
    -------
    mixing : ndarray, shape (n_channels, n_channels)
        Inverse square root of the covariance, shrunk towards that of equal channels:
        directions with next to no power are not blown up.
    """
    shrunk = (1 - SHRINKAGE) * covariance + SHRINKAGE * np.eye(len(covariance))
    return inverse_root(shrunk)


def solve(features, labels, weights, groups, n_classes):
    """Fit a logistic regression whose penalty is the best one on held-out epochs.

    Parameters
    ----------
    features : ndarray, shape (n_epochs, n_features)
        What it sees.
    labels : ndarray of int, shape (n_epochs,)
        Class numbers.
    weights : ndarray, shape (n_epochs,)
        Weights.
    groups : ndarray, shape (n_epochs,) | None
        Subjects, say, which are held out as a whole; None holds out single epochs.
    n_classes : int
        Classes.

    Returns
    -------
    weight, bias : ndarray, shapes (n_classes, n_features) and (n_classes,)
        The solution; near zero, where the features say nothing of other epochs. None
        instead of both, where classes have no epochs, or none can be held out so that
        all classes are left. A class of no weight is as likely as one epoch among all.
    """
    if len(np.unique(labels)) < n_classes:
        return None
    used = np.flatnonzero(weights > 0)
    features, weights = features[used], weights[used]
    groups = None if groups is None else groups[used]
    present, labels = np.unique(labels[used], return_inverse=True)
    features = features.astype(float)
    center = np.average(features, axis=0, weights=weights)
    spread = np.sqrt(np.average((features - center) ** 2, axis=0, weights=weights))
    spread[spread <= ROUNDING * np.hypot(center, spread)] = np.inf  # it is constant
    normed = (features - center) / spread
    folds = [
        (train, test)
        for train, test in _folds(labels, groups)
        if len(np.unique(labels[train])) == len(present)
    ]
    if len(present) < 2 or not folds:
        return None
    with threadpool_limits(1):  # more threads sum in another order
        strength = _best_strength(normed, labels, weights, folds)
        weight, bias = _layer(normed, labels, weights, strength)
    solution = np.zeros((n_classes, len(center)))
    solution[present] = weight / spread
    shifts = np.full(n_classes, -np.log1p(weights.sum()))
    shifts[present] = bias - solution[present] @ center
    return solution, shifts


def _folds(labels, groups):
    """Return up to five folds: by group, or else with the classes' shares in each."""
    if groups is not None and len(np.unique(groups)) > 1:
        n_folds = min(N_FOLDS, len(np.unique(groups)))
        return GroupKFold(n_folds).split(labels, labels, groups)
    n_folds = min(N_FOLDS, np.bincount(labels).max())
    if n_folds < 2:
        return []
    with warnings.catch_warnings():  # a class may have fewer epochs than folds
        warnings.simplefilter("ignore", UserWarning)
        return list(StratifiedKFold(n_folds).split(labels, labels))


def _best_strength(features, labels, weights, folds):
    """Return the strength with the least log loss on held-out epochs."""
    losses = np.zeros(len(STRENGTHS))
    for train, test in folds:
        known = features[train], labels[train], weights[train]
        for number, strength in enumerate(STRENGTHS):
            weight, bias = _layer(*known, strength)
            scores = log_softmax(features[test] @ weight.T + bias, axis=1)
            losses[number] -= weights[test] @ scores[np.arange(len(test)), labels[test]]
    return STRENGTHS[int(np.argmin(losses))]


def _layer(features, labels, weights, strength):
    """Return weight and bias of a regression, with a row for each class."""
    model = LogisticRegression(C=strength, max_iter=1000)
    model.fit(features, labels, weights)
    weight, bias = model.coef_, model.intercept_
    if len(weight) == 1:  # of two classes scikit-learn scores the second
        weight, bias = (np.concatenate([-part, part]) / 2 for part in (weight, bias))
    return weight, bias
