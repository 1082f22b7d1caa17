"""
===========================================================
BCI competition IV 2a: four movements, and which electrodes
===========================================================

Nine people imagined moving the left hand, the right hand, the feet or the tongue, with
22 electrodes [1]_. We score each person with a network that was trained on the others,
by Cohen's kappa as in the competition, and ask which electrodes it needs: silence one,
and see how much probability the true class loses.

**Data.** Real recordings, where MNE's configuration says in
``MNE_DATASETS_BCI_IV_2A_PATH`` where they are
(:func:`mne_eegmamba.datasets.bci_iv_2a.fetch` gets them); else a **simulated** twin:
noise with a rhythm at C3, Cz and C4, in the files of the real set. Scores on it mean
nothing for EEG.

References
----------
.. [1] Tangermann, M. et al. (2012). Review of the BCI competition IV. Frontiers in
       Neuroscience 6, 55.
"""

# License: BSD-3-Clause

import argparse

import matplotlib.pyplot as plt
import mne
import numpy as np
from sklearn.base import clone
from sklearn.metrics import accuracy_score, cohen_kappa_score
from sklearn.model_selection import LeaveOneGroupOut

from mne_eegmamba import EEGMambaClassifier
from mne_eegmamba.datasets import bci_iv_2a, locate
from mne_eegmamba.viz import plot_confusion

parser = argparse.ArgumentParser(allow_abbrev=False)
parser.add_argument("--max-epochs", type=int, default=8, help="passes over the data")
parser.add_argument("--subjects", type=int, default=4, help="people")
options, _ = parser.parse_known_args()

# %%
# Data
# ----
# Epochs of 3 s from 1 s after the cue, both sessions; trials that experts rejected are
# left out. Labels here are the names of the classes.

place = locate("bci_iv_2a", n_subjects=options.subjects)
print(f"BCI competition IV 2a, {place.note}")
people = sorted({recording.subject for recording in bci_iv_2a.find(place.path)})
epochs = bci_iv_2a.load(place.path, people[: options.subjects])
names = {code: name for name, code in epochs.event_id.items()}
y = np.array([names[code] for code in epochs.events[:, 2]])
X = epochs.get_data(copy=False)
groups = epochs.metadata["subject"].to_numpy()

# %%
# Leave one person out
# --------------------
# To silence an electrode is to hold it at its median in the training data, which the
# network has learned as its centre.

clf = EEGMambaClassifier(
    d_model=32,
    n_layers=1,
    pooling="mean",
    mixup=0,
    lr=3e-3,
    batch_size=8,
    max_epochs=options.max_epochs,
    random_state=0,
    verbose=False,
)
y_pred, lost = np.empty_like(y), np.empty(X.shape[:2])
for train, test in LeaveOneGroupOut().split(X, y, groups):
    one = clone(clf).fit(X[train], y[train])
    proba = one.predict_proba(X[test])
    y_pred[test] = one.classes_[proba.argmax(1)]
    truth = np.arange(len(test)), np.searchsorted(one.classes_, y[test])
    for channel, center in enumerate(one.scaling_.center):
        silent = X[test].copy()
        silent[:, channel] = center
        lost[test, channel] = proba[truth] - one.predict_proba(silent)[truth]
    accuracy = accuracy_score(y[test], y_pred[test])
    kappa = cohen_kappa_score(y[test], y_pred[test])
    print(f"{groups[test][0]}: accuracy {accuracy:.2f}, kappa {kappa:.2f}")
print(f"all: kappa {cohen_kappa_score(y, y_pred):.2f}; chance: accuracy 0.25, kappa 0")

# %%
# Left: which movements are taken for which. Right: the mean probability that the true
# class loses without each electrode. For hands and feet it should be the electrodes
# over the sensorimotor cortex (C3, Cz, C4).

info = epochs.copy().set_montage("easycap-M1").info
fig, axes = plt.subplots(
    1, 2, figsize=(10, 4.2), width_ratios=[1.3, 1], layout="constrained"
)
plot_confusion(y, y_pred, axes=axes[0], show=False)
axes[0].tick_params(axis="x", rotation=30)
loss = lost.mean(0)
limit = np.abs(loss).max()
image, _ = mne.viz.plot_topomap(
    loss,
    info,
    axes=axes[1],
    vlim=(-limit, limit),
    cmap="RdBu_r",
    names=epochs.ch_names,
    extrapolate="local",
    show=False,
)
fig.colorbar(image, ax=axes[1], shrink=0.7, label="Probability lost without it")
fig.suptitle(f"BCI competition IV 2a, {place.note}", fontsize="medium")
plt.show()
