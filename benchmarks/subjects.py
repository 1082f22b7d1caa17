"""Accuracy on subjects that were not trained on.

Folds are grouped by subject; the folder holds one ``.npz`` per subject with ``X``
(n_epochs, n_channels, n_times) and ``y``. Set ``--data`` to the folder of a set.
"""

import argparse
from pathlib import Path

import numpy as np
from sklearn.model_selection import GroupKFold, LeaveOneGroupOut, cross_val_predict

from mne_eegmamba import EEGMambaClassifier
from mne_eegmamba.evaluation import score_table


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
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--folds", type=int, default=5, help="0: leave one subject out")
    parser.add_argument("--max-epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    X, y, groups = read(options.data)
    clf = EEGMambaClassifier(
        max_epochs=options.max_epochs, random_state=options.seed, verbose=False
    )
    cv = GroupKFold(options.folds) if options.folds else LeaveOneGroupOut()
    proba = cross_val_predict(
        clf, X, y, groups=groups, cv=cv, method="predict_proba", n_jobs=2
    )
    scores = score_table(y, proba, np.unique(y))
    scores |= {
        "data": options.data.name,
        "subjects": len(np.unique(groups)),
        "folds": cv.get_n_splits(X, y, groups),
        "passes": options.max_epochs,
        "seed": options.seed,
        "chance": 1 / len(np.unique(y)),
    }
    for name, value in scores.items():
        print(f"{name:<20}{value if not isinstance(value, float) else f'{value:.3f}'}")
    return scores
