"""EEGMamba, its ablations and the paper's baselines on the same folds.

A folder of ``--data`` holds one ``.npz`` per subject with ``X`` (n_epochs, n_channels,
n_times; in microvolts, or in steps of ``lsb_uv`` microvolts), ``y``, ``sfreq`` and
``ch_names``; folds are grouped by subject. ``--demo``
takes the sets of ``load_demo`` instead, with the archive's split as the only fold. All
candidates make the same number of passes with the same batch size, once per seed.
``--align`` gives all of them epochs that `EuclideanAlignment` has aligned by subject,
without labels: ``space`` by covariance, ``spectrum`` by covariance and spectrum.
"""

import argparse
import json
import time
from pathlib import Path

import mne
import numpy as np
import pandas as pd

from benchmarks.baselines import band_power, braindecode_candidates, spectrum
from mne_eegmamba import (
    EEGMambaClassifier,
    EuclideanAlignment,
    MultiTaskEpochs,
    TaskGroupKFold,
    load_demo,
    paper_parameters,
)
from mne_eegmamba.evaluation import compare, comparison_table
from mne_eegmamba.experiments import eegmamba_candidates

N_FFT = {"space": None, "spectrum": 256}
SHOWN = [
    *("mean", "std", "chance", "difference", "low", "high", "p_folds"),
    *("better", "subjects", "p_subjects", "p_holm", "seconds"),
]


def read(folder, n_subjects=None):
    """Return the Epochs of a folder; their metadata name the subject."""
    files = sorted(folder.glob("*.npz"))[:n_subjects]
    if not files:
        raise SystemExit(f"{folder} holds no .npz files, one per subject.")
    parts = []
    for file in files:
        with np.load(file) as content:
            names, rate = content["ch_names"].tolist(), float(content["sfreq"])
            volts = content["X"] * (1e-6 * float(content.get("lsb_uv", 1)))
            classes = {str(k): k + 1 for k in range(int(content["y"].max()) + 1)}
            codes = content["y"].astype(int) + 1
            events = np.column_stack([np.arange(len(codes)), 0 * codes, codes])
            parts.append(
                mne.EpochsArray(
                    volts,
                    mne.create_info(names, rate, "eeg", verbose="error"),
                    events=events,
                    event_id={k: v for k, v in classes.items() if v in codes},
                    metadata=pd.DataFrame({"subject": [file.stem] * len(codes)}),
                    verbose="error",
                )
            )
    return parts


def main(arguments):
    options = parse(arguments)
    if options.demo:
        data = MultiTaskEpochs(load_demo(options.demo), groups=None)
        split = MultiTaskEpochs(load_demo(options.demo), groups="split").groups
        is_test = np.char.endswith(split, "/test")
        cv = [(np.flatnonzero(~is_test), np.flatnonzero(is_test))]
        print("1 fold: the archive's split, no subjects")
    else:
        found = {f.name: read(f, options.subjects) for f in options.data}
        data = MultiTaskEpochs(found)
        cv = TaskGroupKFold(options.folds)
        print(f"{options.folds} folds, grouped by subject, alignment: {options.align}")
    passes = f"{options.max_epochs} passes, width {options.d_model}"
    print(f"{passes}, batches of 16, seeds {options.seeds}")
    for task in data.tasks:
        here = data.task == task
        _, counts = np.unique(data.y[here], return_counts=True)
        print(
            f"{task}: {here.sum()} epochs of {len(np.unique(data.groups[here]))} "
            f"groups, chance {1 / len(counts):.3f}, "
            f"majority {counts.max() / here.sum():.3f}"
        )
    if options.align:
        data = EuclideanAlignment(n_fft=N_FFT[options.align]).fit_transform(data)
    parts = [
        one(name, candidate, data, cv, seed, settings(options), options)
        for seed in options.seeds
        for name, candidate in candidates(options, seed).items()
    ]
    scores = pd.concat(parts, ignore_index=True)
    show(scores, data.tasks, options.measures)
    return {
        "options": settings(options),
        "scores": rows(scores),
        "tables": {
            m: rows(comparison_table(scores, m).reset_index()) for m in options.measures
        },
    }


def settings(options):
    """Return what the scores depend on, as JSON knows it."""
    names = ("demo", "folds", "max_epochs", "d_model", "subjects", "align", "without")
    found = {name: getattr(options, name) for name in names}
    return found | {"data": [folder.name for folder in options.data or ()]}


def one(name, candidate, data, cv, seed, key, options):
    """Return the scores of one candidate, from the folder of an earlier run if there.

    Scores made with another ``key`` are not mixed in. Each seed has folds of its own.
    """
    key = key | {"seed": seed}
    file = None
    if options.keep and not isinstance(candidate, str):
        label = f"{name}-{seed}".replace(", ", "-").replace(" ", "-")
        file = options.keep / f"{label}.json"
        if file.is_file():
            content = json.loads(file.read_text())
            if content["key"] != key:
                raise SystemExit(f"{file} has scores made with other options.")
            return pd.DataFrame(content["scores"], columns=content["columns"])
    start = time.perf_counter()
    scores = compare({name: candidate}, data, cv, options.jobs)
    scores["fold"] += seed * scores["fold"].nunique()
    spent = time.perf_counter() - start
    print(f"{name}, seed {seed}: {spent:.0f} s", flush=True)
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        content = {"key": key, "columns": list(scores), "scores": rows(scores)}
        file.write_text(json.dumps(content))
    return scores


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks accuracy", description=__doc__
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", type=Path, nargs="+")
    source.add_argument("--demo", nargs="+", help="names of load_demo's sets")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--max-epochs", type=int, default=40)
    parser.add_argument("--d-model", type=int, default=64, help="width of EEGMamba")
    parser.add_argument("--align", choices=N_FFT)
    add_without(parser)
    parser.add_argument("--subjects", type=int, help="only the first of each folder")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--jobs", type=int, default=2, help="fits at once")
    parser.add_argument("--candidates", nargs="+", help="all, where not given")
    parser.add_argument(
        "--keep", type=Path, help="folder of scores so far, to stop and go on"
    )
    parser.add_argument("--measures", nargs="+", default=["balanced_accuracy", "auroc"])
    parser.add_argument(
        "--quick", action="store_true", help="one pass of tiny networks: a smoke test"
    )
    options = parser.parse_args(arguments)
    if options.quick:
        options.max_epochs, options.d_model, options.folds = 1, 16, 2
        options.seeds = options.seeds[:1]
    return options


def add_without(parser):
    """Let heads be left out; `lacking` reads it."""
    parser.add_argument(
        "--without",
        choices=("spectrum", "waveform", "contrast"),
        nargs="+",
        default=[],
        help="heads that EEGMamba lacks",
    )


def lacking(options):
    """Return the parameters of EEGMamba that leave heads out."""
    return dict.fromkeys(options.without, False)


def candidates(options, seed):
    """Return all candidates, or those that were asked for."""
    shared = {"d_model": options.d_model, "max_epochs": options.max_epochs}
    shared |= {"random_state": seed, "batch_size": 16, "verbose": "error"}
    shared |= lacking(options)
    found = eegmamba_candidates(shared)
    literal = paper_parameters() | shared | {"lr": EEGMambaClassifier().lr}
    found["EEGMamba, as drawn"] = EEGMambaClassifier(**literal)
    found |= braindecode_candidates(options.max_epochs, 16, seed)
    found["log band power, LR"] = band_power()
    found["log spectrum, LR"] = spectrum()
    return chosen(found, options.candidates)


def chosen(found, names):
    """Return the candidates of these names; all for None."""
    unknown = set(names or ()) - set(found)
    if unknown:
        raise SystemExit(f"--candidates takes some of {list(found)}, not {unknown}.")
    return {name: found[name] for name in names or found}


def show(scores, tasks, measures):
    """Print a table per task and measure, and what has no scores."""
    for measure in measures:
        table = comparison_table(scores, measure)
        for task in tasks:
            part = table.loc[task]
            text = part.loc[part["reason"].isna(), SHOWN].to_string(
                float_format=lambda value: f"{value:.3f}", na_rep="-"
            )
            print(f"\n{task}: {measure}; differences to {part.index[0]}\n{text}")
        if len(tasks) > 1:
            print(f"\n{measure}\n{side_by_side(table)}")
    print()
    for (task, name), reason in table["reason"].dropna().items():
        print(f"{task}, {name}: {reason}")


def side_by_side(table):
    """Return a row per candidate as text: each task, and the mean where none lacks."""
    wide = table["mean"].unstack("task").astype(float)
    order = [table.index.unique(level) for level in ("candidate", "task")]
    wide = wide.loc[*order].rename_axis(index=None, columns=None)
    wide["mean"] = wide.mean(axis=1, skipna=False)
    return wide.to_string(float_format="{:.3f}".format, na_rep="-")


def rows(table):
    """Return the rows of a table as JSON knows them; NaN is null."""
    table = table.astype(object)
    return table.where(table.notna(), None).to_dict("records")
