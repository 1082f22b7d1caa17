"""
============================================
CHB-MIT: seizures found against false alarms
============================================

Scalp EEG of children with intractable seizures, 23 bipolar channels [1]_. A detector is
of use in a clinic if it finds the seizures of a patient it has not seen, and rarely
cries wolf. So the unit is the seizure, not the epoch: how many have an alarm, and how
many false alarms an hour does that cost?

**Data.** Real recordings, where MNE's configuration says in
``MNE_DATASETS_CHBMIT_PATH`` where they are; else a **simulated** twin: noise with
spikes and waves, in the files of the real set. Scores on it mean nothing for EEG.

References
----------
.. [1] Shoeb, A. H. (2009). Application of machine learning to epileptic seizure onset
       detection and treatment. PhD thesis, MIT.
"""

# License: BSD-3-Clause

import argparse

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict

from mne_eegmamba import EEGMambaClassifier
from mne_eegmamba.datasets import chbmit, locate

parser = argparse.ArgumentParser(allow_abbrev=False)
parser.add_argument("--max-epochs", type=int, default=3, help="passes over the data")
parser.add_argument("--subjects", type=int, default=4, help="patients")
options, _ = parser.parse_known_args()

# %%
# Data
# ----
# Epochs of 4 s. Case 21 is patient chb01 again, one and a half years later: the
# metadata call both chb01, so that she is never on both sides of a split. Of the real
# 980 h only recordings with a seizure are read.

place = locate("chbmit", n_subjects=options.subjects)
print(f"CHB-MIT, {place.note}")
patients = sorted({recording.subject for recording in chbmit.find(place.path)})
epochs = chbmit.load(
    place.path,
    patients[: options.subjects],
    only_with_seizures=not place.simulated,
    on_error="warn",
)
table = epochs.metadata
is_seizure = epochs.events[:, 2] == epochs.event_id["seizure"]
print(
    table.assign(seizure=is_seizure)
    .groupby("subject")["seizure"]
    .agg(epochs="size", seizure="sum")
)

# %%
# Each patient is tested by a network that was trained on the others
# ------------------------------------------------------------------

clf = EEGMambaClassifier(
    d_model=32,
    lr=2e-3,
    max_epochs=options.max_epochs,
    class_weight="balanced",
    random_state=0,
    verbose=False,
)
proba = cross_val_predict(
    clf,
    epochs,
    is_seizure,
    groups=table["subject"],
    cv=LeaveOneGroupOut(),
    method="predict_proba",
)[:, 1]
print(f"AUROC over epochs {roc_auc_score(is_seizure, proba):.2f}, chance 0.50")

# %%
# From epochs to seizures
# -----------------------
# Seizure epochs in a row of one recording are one seizure. It is found if any of them
# is at or above the threshold. Each alarm outside of seizures is a false one.

new_recording = (table["recording"] != table["recording"].shift()).to_numpy()
begins = is_seizure & (new_recording | ~np.r_[False, is_seizure[:-1]])
number = np.cumsum(begins)[is_seizure]  # which seizure each of its epochs belongs to
highest = np.array([proba[is_seizure][number == k].max() for k in np.unique(number)])
hours = (~is_seizure).sum() * 4 / 3600  # of background

thresholds = np.r_[np.unique(proba)[::-1], 0]
found = [(highest >= threshold).mean() for threshold in thresholds]
false = [(proba[~is_seizure] >= threshold).sum() / hours for threshold in thresholds]
half = (highest >= 0.5).mean(), (proba[~is_seizure] >= 0.5).sum() / hours
print(f"{len(highest)} seizures, {hours:.2f} h of background; at a threshold of 0.5:")
print(f"{half[0]:.0%} of seizures found, {half[1]:.1f} false alarms an hour")

# %%
# Left: the probability along the recordings; the strips below are what experts call a
# seizure. Right: every threshold is a point of the curve; the further up and left, the
# better. Up to one alarm an hour the axis is linear.

fig, (ax, curve) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
names = list(dict.fromkeys(table["recording"]))[:12]
for row, name in enumerate(names):
    at = (table["recording"] == name).to_numpy()
    minutes = table["onset"][at].to_numpy() / 60
    ax.bar(minutes, 0.75 * proba[at], 4 / 60, row, align="edge", color="black")
    marked = -0.15 * is_seizure[at]
    ax.bar(minutes, marked, 4 / 60, row, align="edge", color="tab:red")
    ax.axhline(row, color="gray", linewidth=0.5)
ax.set_yticks(np.arange(len(names)) + 0.4, names)
ax.set(xlabel="Time (min)", ylim=(-0.3, len(names)))
ax.set_title("Probability of a seizure", fontsize="medium")
curve.step(false, np.multiply(100, found), where="post", color="black")
curve.plot(half[1], 100 * half[0], "o", color="tab:red", label="threshold 0.5")
curve.set_xscale("symlog", linthresh=1)
curve.set(xlabel="False alarms per hour", ylabel="Seizures found (%)", ylim=(-3, 103))
curve.legend(frameon=False, loc="lower right")
fig.suptitle(f"CHB-MIT, {place.note}", fontsize="medium")
plt.show()
