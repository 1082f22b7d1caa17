"""Training losses with float32 and with bfloat16, over seeds, on the demo data.

Each seed trains twice: same first weights, same order of epochs, and on a CPU the same
dropout. The difference of the means is to be read beside the spread over the seeds.
"""

import argparse

import numpy as np
import torch
from joblib import Parallel, delayed

from mne_eegmamba import EEGMambaClassifier, load_demo

PRECISIONS = ("float32", "bfloat16")


def train(epochs, precision, seed, options):
    if options.device == "cpu":
        torch.set_num_threads(1)
    clf = EEGMambaClassifier(
        precision=precision,
        max_epochs=options.passes,
        device=options.device,
        random_state=seed,
        verbose="error",
    )
    return clf.fit(epochs).history_["train_loss"].tolist()


def main(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks precision", description=__doc__
    )
    parser.add_argument("--task", default="scp")
    parser.add_argument("--passes", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--jobs", type=int, default=2, help="trainings at once")
    best = "cuda" if torch.cuda.is_available() else "cpu"
    parser.add_argument("--device", default=best)
    options = parser.parse_args(arguments)
    if options.seeds < 2:
        parser.error("--seeds must be at least 2, to have a spread.")
    epochs = load_demo(options.task)[options.task]["split == 'train'"]
    runs = [(p, seed) for seed in range(options.seeds) for p in PRECISIONS]
    found = Parallel(options.jobs)(
        delayed(train)(epochs, *run, options) for run in runs
    )
    by_run = dict(zip(runs, found, strict=True))
    losses = {
        precision: np.array([by_run[precision, seed] for seed in range(options.seeds)])
        for precision in PRECISIONS
    }
    print(f"{options.task} on {options.device}, {options.seeds} seeds, training loss")
    rows = summary(losses)
    for row in rows:
        if row["pass"] in (1, 2, 5) or row["pass"] % 10 == 0:
            show(row)
    worst = max(rows, key=lambda row: abs(row["difference"]) / row["spread"])
    print(f"Largest difference, in spreads, in pass {worst['pass']}:")
    show(worst)
    print(overall(rows))
    every = {name: values.tolist() for name, values in losses.items()}
    return {"options": vars(options), "passes": rows, "losses": every}


def summary(losses):
    """Return a row per pass: means, their difference, spread over seeds (float32)."""
    rows = []
    plain, half = (losses[precision] for precision in PRECISIONS)
    for number in range(plain.shape[1]):
        change = half[:, number] - plain[:, number]
        rows.append(
            {
                "pass": number + 1,
                "float32": plain[:, number].mean(),
                "bfloat16": half[:, number].mean(),
                "difference": change.mean(),
                "spread": plain[:, number].std(ddof=1),
                "spread_of_differences": change.std(ddof=1),
            }
        )
    return rows


def overall(rows):
    """Return a sentence on how often, and by how much, bfloat16 is the lower one."""
    changes = [row["difference"] for row in rows]
    lower = sum(change < 0 for change in changes)
    clear = sum(abs(row["difference"]) > row["spread_of_differences"] for row in rows)
    return (
        f"Of {len(rows)} passes bfloat16 is lower in {lower}, by at most "
        f"{max(0.0, -min(changes)):.4f}; the difference is larger than its spread in "
        f"{clear}."
    )


def show(row):
    print(
        f"pass {row['pass']:>3}  float32 {row['float32']:.4f}  "
        f"bfloat16 {row['bfloat16']:.4f}  difference {row['difference']:+.4f} "
        f"(spread {row['spread_of_differences']:.4f})  "
        f"spread over seeds {row['spread']:.4f}",
        flush=True,
    )
