"""How the defaults were chosen: cross-validation inside a training part.

Each row differs from the one before in what it names. Only the training part of a
`load_demo` set is used, cut into three stratified folds, one seed per fold.
"""

import argparse

import numpy as np
import torch
from joblib import Parallel, delayed
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mne_eegmamba import EEGMambaClassifier, load_demo
from mne_eegmamba.evaluation import score_table

STEPS = {
    "before": {
        "tokenizer_pool": "max",
        "mixup": 0.0,
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
}


def score(parameters, epochs, labels, fold, train, test):
    torch.set_num_threads(1)
    clf = EEGMambaClassifier(**parameters, random_state=fold, verbose="error")
    proba = clf.fit(epochs[train], labels[train]).predict_proba(epochs[test])
    scores = score_table(labels[test], proba, clf.classes_)
    loss = log_loss(labels[test], proba, labels=clf.classes_)
    return scores["accuracy"], scores["auroc"], loss


def main(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks choices", description=__doc__
    )
    parser.add_argument("--task", default="scp")
    parser.add_argument("--jobs", type=int, default=2, help="folds at once")
    options = parser.parse_args(arguments)
    epochs = load_demo(options.task)[options.task]["split == 'train'"]
    labels = epochs.events[:, 2]
    folds = StratifiedKFold(3, shuffle=True, random_state=0).split(labels, labels)
    folds = list(folds)
    print(f"{options.task}: {len(labels)} training epochs, 3 folds, seeds 0 to 2")
    print(f"{'step':<20}{'accuracy':>10}{'AUROC':>10}{'log loss':>10}")
    parameters, rows = {}, []
    for step, change in STEPS.items():
        parameters |= change
        found = Parallel(options.jobs)(
            delayed(score)(dict(parameters), epochs, labels, fold, *parts)
            for fold, parts in enumerate(folds)
        )
        accuracy, auroc, loss = np.mean(found, axis=0)
        print(f"{step:<20}{accuracy:>10.3f}{auroc:>10.3f}{loss:>10.3f}", flush=True)
        rows.append({"step": step, "accuracy": accuracy, "auroc": auroc})
        rows[-1]["log_loss"] = loss
    accuracy, auroc, loss = rival(epochs, labels, folds)
    step = "logistic regression"
    print(f"{step:<20}{accuracy:>10.3f}{auroc:>10.3f}{loss:>10.3f}", flush=True)
    rows.append({"step": step, "accuracy": accuracy, "auroc": auroc, "log_loss": loss})
    return rows


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
