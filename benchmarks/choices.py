"""What each choice is worth: one change of the defaults at a time.

Only training parts are looked at. Of ``--data``, folders as ``benchmarks accuracy``
reads them, five folds by subject are made; of the training parts of the first, third
and fifth, a quarter of the subjects is tested on. Each of these parts holds subjects on
whom another fold of ``benchmarks accuracy`` tests, so a choice by their mean has seen
some of those. Of ``--demo``, sets of ``load_demo``, the training part of the archive is
cut into three folds. ``--joint`` tries changes of the network for all sets at once,
beside one network per set.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold, StratifiedKFold

from benchmarks.accuracy import (
    N_FFT,
    add_without,
    chosen,
    lacking,
    one,
    read,
    rows,
    side_by_side,
)
from mne_eegmamba import (
    EEGMambaClassifier,
    EuclideanAlignment,
    MultiTaskEEGMamba,
    MultiTaskEpochs,
    load_demo,
)
from mne_eegmamba.evaluation import Jointly, comparison_table

CHANGES = {
    "defaults": {},
    "no spectrum": {"spectrum": False},
    "no waveform": {"waveform": False},
    "no contrast": {"contrast": False},
    "no shift": {"time_shift": 0.0},
    "shift 0.05": {"time_shift": 0.05},
    "no mixup": {"mixup": 0.0},
    "max pooling": {"tokenizer_pool": "max"},
    "batch norm in the tokenizer": {"tokenizer_norm": "batch"},
    "mean of the tokens": {"pooling": "mean"},
    "width 32": {"d_model": 32},
    "batches of 32": {"batch_size": 32},
    "lr 1e-3": {"lr": 1e-3},
    "width 128": {"d_model": 128},
}
JOINT_CHANGES = {
    "jointly": {},
    "jointly, no experts": {"n_experts": 0},
    "jointly, 4 experts": {"n_experts": 4},
    "jointly, no task gate": {"task_gate": False},
    "jointly, lr 1e-3": {"lr": 1e-3},
    "jointly, width 128": {"d_model": 128},
}


def main(arguments):
    options = parse(arguments)
    parts = [folder_part(folder, options.align) for folder in options.data or ()]
    parts += [demo_part(name) for name in options.demo or ()]
    data, cv = joined(parts)
    print(
        f"3 folds inside training parts, {options.max_epochs} passes, seeds "
        f"{options.seeds}, alignment of folders: {options.align}"
    )
    key = {
        "sets": list(data.tasks),
        "align": options.align,
        "max_epochs": options.max_epochs,
        "without": options.without,
    }
    scores = pd.concat(
        [
            one(name, candidate, data, cv, seed, key, options)
            for seed in options.seeds
            for name, candidate in candidates(options, seed).items()
        ],
        ignore_index=True,
    )
    table = comparison_table(scores, "accuracy")
    print(side_by_side(table))
    return {
        "options": key | {"seeds": options.seeds},
        "table": rows(table.reset_index()),
    }


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks choices", description=__doc__
    )
    parser.add_argument("--data", type=Path, nargs="+")
    parser.add_argument("--demo", nargs="+", help="names of load_demo's sets")
    parser.add_argument("--align", choices=N_FFT)
    add_without(parser)
    parser.add_argument("--joint", action="store_true")
    parser.add_argument(
        "--max-epochs", type=int, default=EEGMambaClassifier().max_epochs
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--jobs", type=int, default=2, help="fits at once")
    parser.add_argument("--candidates", nargs="+", help="all, where not given")
    parser.add_argument(
        "--keep", type=Path, help="folder of scores so far, to stop and go on"
    )
    options = parser.parse_args(arguments)
    if not options.data and not options.demo:
        parser.error("--data or --demo must name sets")
    return options


def folder_part(folder, align):
    """Return a folder's name, epochs and folds."""
    data = MultiTaskEpochs({folder.name: read(folder)})
    if align:
        data = EuclideanAlignment(n_fft=N_FFT[align]).fit_transform(data)
    y, groups, folds = data.y, data.groups, []
    for train, _ in list(GroupKFold(5).split(y, y, groups))[::2]:
        inner, test = next(GroupKFold(4).split(train, y[train], groups[train]))
        folds.append((train[inner], train[test]))
    return folder.name, data[folder.name], folds


def demo_part(name):
    """Return a demo set's name, training epochs and folds."""
    epochs = load_demo(name)[name]["split == 'train'"]
    y = epochs.events[:, 2]
    folds = StratifiedKFold(3, shuffle=True, random_state=0).split(y, y)
    return name, epochs, list(folds)


def joined(parts):
    """Return the epochs of all sets, and their folds: the first of each, and so on."""
    data = MultiTaskEpochs({name: epochs for name, epochs, _ in parts})
    starts = [np.flatnonzero(data.task == name)[0] for name, _, _ in parts]
    cv = []
    for fold in zip(*(folds for _, _, folds in parts), strict=True):
        moved = [
            (start + train, start + test)
            for start, (train, test) in zip(starts, fold, strict=True)
        ]
        cv.append(tuple(np.concatenate(side) for side in zip(*moved, strict=True)))
    return data, cv


def candidates(options, seed):
    """Return the changed networks, or those that were asked for."""
    shared = {"max_epochs": options.max_epochs, "random_state": seed}
    shared |= {"verbose": "error"} | lacking(options)
    alone = {"one network each": {}} if options.joint else CHANGES
    found = {k: EEGMambaClassifier(**{**shared, **v}) for k, v in alone.items()}
    for name, change in JOINT_CHANGES.items() if options.joint else ():
        found[name] = Jointly(MultiTaskEEGMamba(**{**shared, **change}))
    return chosen(found, options.candidates)
