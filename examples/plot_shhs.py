"""
========================================
SHHS: how sure the network is of a stage
========================================

Polysomnography at home of people in the Sleep Heart Health Study [1]_, from the single
channel C4-A1. Stages shade into each other, and experts disagree about one epoch in
five. So it is worth looking at the probability of every stage over the night, the
hypnodensity, and at the agreement stage by stage.

**Data.** Real recordings, where MNE's configuration says in
``MNE_DATASETS_SHHS_PATH`` where they are; else a **simulated** twin: noise with a
rhythm for each stage, in the files of the real set. Scores on it mean nothing for EEG.

References
----------
.. [1] Quan, S. F. et al. (1997). The Sleep Heart Health Study: design, rationale, and
       methods. Sleep 20(12), 1077-1085.
"""

# License: BSD-3-Clause

import argparse

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import cohen_kappa_score, recall_score

from mne_eegmamba import EEGMambaClassifier
from mne_eegmamba.datasets import locate, shhs

parser = argparse.ArgumentParser(allow_abbrev=False)
parser.add_argument("--max-epochs", type=int, default=2, help="passes over the data")
parser.add_argument("--subjects", type=int, default=5, help="participants")
options, _ = parser.parse_known_args()

# %%
# Data
# ----
# One night per participant. Nights with unscored epochs are left out, as in the paper.

place = locate("shhs", n_subjects=options.subjects)
print(f"SHHS, {place.note}")
people = sorted({recording.subject for recording in shhs.find(place.path)})
people = people[: options.subjects]
epochs = shhs.load(place.path, people, wake_minutes=5)
held_out = (epochs.metadata["subject"] == people[-1]).to_numpy()
night = epochs[held_out]

# %%
# Train on some nights, stage another
# -----------------------------------
# For each stage: how many of the expert's epochs are found (chance is about 0.2), and
# kappa of that stage against the rest, which is 0 for chance.

clf = EEGMambaClassifier(
    d_model=16,
    n_layers=1,
    pooling="mean",
    mixup=0,
    lr=5e-3,
    batch_size=8,
    max_epochs=options.max_epochs,
    class_weight="balanced",
    random_state=0,
    verbose=False,
)
clf.fit(epochs[~held_out])
names = {code: name for name, code in epochs.event_id.items()}
y_true = np.array([names[code] for code in night.events[:, 2]])
proba = pd.DataFrame(clf.predict_proba(night), columns=clf.classes_)
y_pred = proba.idxmax(axis=1).to_numpy()

order = ["N3", "N2", "N1", "REM", "W"]
agreement = pd.DataFrame(
    {
        "epochs": [(y_true == stage).sum() for stage in order],
        "found": recall_score(
            y_true, y_pred, labels=order, average=None, zero_division=0
        ),
        "kappa": [cohen_kappa_score(y_true == k, y_pred == k) for k in order],
    },
    index=order,
)
print(f"Trained on {people[:-1]}, tested on {people[-1]}:")
print(agreement.round(2))
print(f"all stages: kappa {cohen_kappa_score(y_true, y_pred):.2f}, chance 0")

# %%
# Hypnodensity
# ------------
# Each column is an epoch of 30 s; the height of a colour is the probability of that
# stage. Clear stages fill the column, doubtful ones share it. Below is what the expert
# scored, in the same colours.

colors = ["#08306b", "#4292c6", "#c6dbef", "#e6550d", "#fdd0a2"]
hours = np.arange(len(night) + 1) * 30 / 3600  # of epochs, gaps left out
fig, (ax, expert) = plt.subplots(
    2, 1, figsize=(9, 4.2), sharex=True, height_ratios=[5, 1], layout="constrained"
)
bottom = np.zeros(len(night))
for stage, color in zip(order, colors, strict=True):
    p = proba.get(stage, bottom * 0).to_numpy()
    ax.stairs(bottom + p, hours, baseline=bottom, fill=True, color=color, label=stage)
    here = (y_true == stage).astype(float)
    expert.stairs(here, hours, fill=True, color=color)
    bottom = bottom + p
ax.set(ylabel="Probability", ylim=(0, 1), xlim=(0, hours[-1]))
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, reverse=True)
ax.set_title(f"{people[-1]}, {place.note}", loc="left", fontsize="medium")
expert.set(xlabel="Time (h)", yticks=[], ylim=(0, 1), ylabel="Expert")
plt.show()
