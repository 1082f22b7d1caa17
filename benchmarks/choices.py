"""How parameters were chosen: cross-validation inside training parts.

Each row differs from the one before in what it names. Without ``--data`` only the
training part of a `load_demo` set is used, cut into three stratified folds, one seed
per fold. With ``--data``, folders as ``benchmarks accuracy`` reads them, what serves
rhythms is tried: of five folds by subject the first, third and fifth, and of each the
training part alone, a quarter of whose subjects are tested on.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from joblib import Parallel, delayed
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GroupKFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.accuracy import N_FFT, read
from mne_eegmamba import (
    EEGMambaClassifier,
    EuclideanAlignment,
    MultiTaskEpochs,
    load_demo,
)
from mne_eegmamba.evaluation import score_table

STEPS = {
    "before": {
        "d_model": 128,
        "tokenizer_pool": "max",
        "mixup": 0.0,
        "time_shift": 0.0,
        "spectrum": False,
        "lr": 1e-3,
        "batch_size": 32,
        "max_epochs": 20,
    },
    "average pooling": {"tokenizer_pool": "average"},
    "batches of 16": {"batch_size": 16},
    "mixup 0.4": {"mixup": 0.4},
    "lr 5e-4, mixup 1": {"mixup": 1.0, "lr": 5e-4},
    "40 passes": {"max_epochs": 40},
    "max pooling again": {"tokenizer_pool": "max"},
    "width 64": {"tokenizer_pool": "average", "d_model": 64},
    "time shift": {"time_shift": 0.02},
    "spectrum: defaults": {"spectrum": True},
}


def score(parameters, epochs, labels, fold, train, test):
    torch.set_num_threads(1)
    clf = EEGMambaClassifier(**parameters, random_state=fold, verbose="error")
    proba = clf.fit(epochs[train], labels[train]).predict_proba(epochs[test])
    scores = score_table(labels[test], proba, clf.classes_)
    loss = log_loss(labels[test], proba, labels=clf.classes_)
    return scores["accuracy"], scores["auroc"], loss


RHYTHM_STEPS = {
    "aligned in space": {
        "align": "space",
        "time_shift": 0.0,
        "spectrum": False,
        "max_epochs": 30,
    },
    "spectra aligned": {"align": "spectrum"},
    "time shift": {"time_shift": 0.02},
    "spectrum": {"spectrum": True},
    "mean of tokens": {"pooling": "mean"},
    "batch norm": {"tokenizer_norm": "batch"},
}


def main(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks choices", description=__doc__
    )
    parser.add_argument("--task", default="scp")
    parser.add_argument("--data", type=Path, nargs="+")
    parser.add_argument("--jobs", type=int, default=2, help="folds at once")
    options = parser.parse_args(arguments)
    if options.data:
        found = {folder.name: read(folder) for folder in options.data}
        data = MultiTaskEpochs(found)
        return [row for task in found for row in rhythms(data, task, options.jobs)]
    return waves(options.task, options.jobs)


def waves(task, jobs):
    """Try the steps on one set, then a rival."""
    epochs = load_demo(task)[task]["split == 'train'"]
    labels = epochs.events[:, 2]
    folds = StratifiedKFold(3, shuffle=True, random_state=0).split(labels, labels)
    folds = list(folds)
    print(f"{task}: {len(labels)} training epochs, 3 folds, seeds 0 to 2")
    print(HEADER)
    parameters, rows = {}, []
    for step, change in STEPS.items():
        parameters |= change
        rows.append(run(step, parameters, epochs, labels, folds, jobs))
    return [*rows, shown("logistic regression", *rival(epochs, labels, folds))]


def rhythms(data, task, jobs):
    """Try what serves rhythms on one set."""
    data = data[data.task == task]
    labels, groups = data.y, data.groups
    folds = []
    for train, _ in list(GroupKFold(5).split(labels, labels, groups))[::2]:
        inner, test = next(GroupKFold(4).split(train, labels[train], groups[train]))
        folds.append((train[inner], train[test]))
    print(f"{task}: 3 of 5 folds by subject, inside their training parts; seeds 0 to 2")
    print(HEADER)
    parameters, rows = {}, []
    for step, change in RHYTHM_STEPS.items():
        parameters |= change
        own = dict(parameters)
        alignment = EuclideanAlignment(n_fft=N_FFT[own.pop("align")])
        epochs = alignment.fit_transform(data)[task]
        rows.append({"task": task, **run(step, own, epochs, labels, folds, jobs)})
    return rows


def run(step, parameters, epochs, labels, folds, jobs):
    """Cross-validate one choice, print its row and return it."""
    found = Parallel(jobs)(
        delayed(score)(dict(parameters), epochs, labels, fold, *parts)
        for fold, parts in enumerate(folds)
    )
    return shown(step, *np.mean(found, axis=0))


HEADER = f"{'step':<20}{'accuracy':>10}{'AUROC':>10}{'log loss':>10}"


def shown(step, accuracy, auroc, loss):
    """Print a row and return it."""
    print(f"{step:<20}{accuracy:>10.3f}{auroc:>10.3f}{loss:>10.3f}", flush=True)
    return {"step": step, "accuracy": accuracy, "auroc": auroc, "log_loss": loss}


def rival(epochs, labels, folds):
    """Score a logistic regression on 28 means per channel, on the same folds."""
    data = epochs.get_data(copy=False)
    n = len(data)
    data = data[:, :, : data.shape[2] // 28 * 28].reshape(n, data.shape[1], 28, -1)
    rows = data.mean(-1).reshape(n, -1)
    found = []
    for train, test in folds:
        regression = LogisticRegression(C=0.1, max_iter=2000)
        model = make_pipeline(StandardScaler(), regression)
        proba = model.fit(rows[train], labels[train]).predict_proba(rows[test])
        scores = score_table(labels[test], proba, model.classes_)
        loss = log_loss(labels[test], proba, labels=model.classes_)
        found.append((scores["accuracy"], scores["auroc"], loss))
    return np.mean(found, axis=0)
