"""Scores on subjects that were not trained on, each data set alone and jointly.

Folds are grouped by subject; a folder holds one ``.npz`` per subject with ``X``
(n_epochs, n_channels, n_times) and ``y``. With several folders one network is trained
on all of them as well, on the same folds and with the same number of passes.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from mne_eegmamba import (
    EEGMambaClassifier,
    MultiTaskEEGMamba,
    MultiTaskEpochs,
    TaskGroupKFold,
)
from mne_eegmamba.evaluation import evaluate

COLUMNS = ["accuracy", "balanced_accuracy", "auroc", "macro_f1", "weighted_f1"]


def read(folder):
    files = sorted(folder.glob("*.npz"))
    if not files:
        raise SystemExit(f"{folder} holds no .npz files, one per subject.")
    parts = [np.load(file) for file in files]
    X = np.concatenate([part["X"] for part in parts])
    y = np.concatenate([part["y"] for part in parts])
    groups = np.repeat(np.arange(len(parts)), [len(part["y"]) for part in parts])
    return X, y, groups


def main(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks subjects", description=__doc__
    )
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--folds", type=int, default=5, help="0: leave one subject out")
    parser.add_argument("--max-epochs", type=int, default=40)
    parser.add_argument("--d-model", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2, help="folds at once")
    options = parser.parse_args(arguments)
    sets = {folder.name: read(folder) for folder in options.data}
    X, y, groups = ({name: part[i] for name, part in sets.items()} for i in range(3))
    data = MultiTaskEpochs(X, y, groups)
    fewest = min(len(np.unique(part)) for part in groups.values())
    cv = TaskGroupKFold(options.folds or fewest)
    settings = {
        "max_epochs": options.max_epochs,
        "d_model": options.d_model,
        "random_state": options.seed,
        "verbose": False,
    }
    tables = {
        "alone": evaluate(
            EEGMambaClassifier(**settings), data, cv, alone=True, n_jobs=options.jobs
        )
    }
    if len(sets) > 1:
        joint = MultiTaskEEGMamba(**settings)
        tables["jointly"] = evaluate(joint, data, cv, n_jobs=options.jobs)
    table = pd.concat(tables, names=["trained"])
    summary = table.loc[table.index.isin(["mean", "std"], level="fold"), COLUMNS]
    print(f"{options}\n{cv.n_splits} folds, grouped by subject")
    for name, (_, labels, subjects) in sets.items():
        rate = np.unique(labels, return_counts=True)[1].max() / len(labels)
        print(
            f"{name}: {len(labels)} epochs of {len(np.unique(subjects))} subjects, "
            f"chance {1 / len(np.unique(labels)):.3f}, majority {rate:.3f}"
        )
    print(summary.to_string(float_format=lambda value: f"{value:.3f}"))
    return table.reset_index().to_dict("records")
