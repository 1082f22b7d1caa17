"""
===================================
Sleep-EDF: the hypnogram of a night
===================================

Nights of healthy people, scored by hand in epochs of 30 s [1]_, from the single channel
Fpz-Cz. The network stages the night of a person that it was not trained on. A sleep
laboratory looks at two things: the hypnogram, beside the expert's, and which stages are
taken for which.

**Data.** Real recordings, where MNE's configuration says in
``MNE_DATASETS_SLEEP_EDF_PATH`` where they are
(:func:`mne_eegmamba.datasets.sleep_edf.fetch` gets them); else a **simulated** twin:
noise with a rhythm for each stage, in the files of the real set. Scores on it mean
nothing for EEG.

References
----------
.. [1] Kemp, B. et al. (2000). Analysis of a sleep-dependent neuronal feedback loop: the
       slow-wave microcontinuity of the EEG. IEEE Trans. Biomed. Eng. 47(9), 1185-1194.
"""

# License: BSD-3-Clause

import argparse

import matplotlib.pyplot as plt
import mne
import numpy as np
from sklearn.metrics import cohen_kappa_score

from mne_eegmamba import EEGMambaClassifier
from mne_eegmamba.datasets import locate, sleep_edf
from mne_eegmamba.evaluation import score_table
from mne_eegmamba.viz import plot_confusion, plot_hypnogram

parser = argparse.ArgumentParser(allow_abbrev=False)
parser.add_argument("--max-epochs", type=int, default=4, help="passes over the data")
parser.add_argument("--subjects", type=int, default=3, help="people")
options, _ = parser.parse_known_args()

# %%
# Data
# ----
# One night each. Of the wake before and after sleep 5 min are kept here; papers keep
# 30 min, which makes the accuracy higher, as wake is easy.

place = locate("sleep_edf", n_subjects=options.subjects)
print(f"Sleep-EDF, {place.note}")
people = sorted({recording.subject for recording in sleep_edf.find(place.path)})
people = people[: options.subjects]
epochs = sleep_edf.load(place.path, people, wake_minutes=5)["session == '1'"]
held_out = (epochs.metadata["subject"] == people[-1]).to_numpy()
night = epochs[held_out]

# %%
# Train on some people, stage another
# -----------------------------------
# There are few N1 epochs in a night; balanced weights keep them from being ignored. For
# a page that is built in seconds the network is small, looks at the mean of all moments
# and sees no blended epochs; for real nights begin with the defaults.

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
proba = clf.predict_proba(night)
y_pred = clf.classes_[proba.argmax(1)]
scores = score_table(y_true, proba, clf.classes_)
print(f"Trained on {people[:-1]}, tested on {people[-1]}, {len(night)} epochs:")
print(f"accuracy {scores['accuracy']:.2f}, majority rate {scores['majority_rate']:.2f}")
print(f"macro F1 {scores['macro_f1']:.2f}")
print(f"Cohen's kappa {cohen_kappa_score(y_true, y_pred):.2f}, chance 0")

# %%
# Hypnogram and confusion
# -----------------------
# Left: the night as the expert and as the network see it, wake on top and deep sleep at
# the bottom; marks below say where they differ. Gaps are epochs that nobody could
# score. Right: in each row the epochs of one of the expert's stages.

onset = night.metadata["onset"].to_numpy()
onset = onset - onset[0]
expert, network = (mne.Annotations(onset, 30, names) for names in (y_true, y_pred))
fig = plt.figure(figsize=(11, 4.4), layout="constrained")
left, right = fig.subfigures(1, 2, width_ratios=[1.6, 1])
plot_hypnogram(network, true=expert, axes=left.subplots(2, sharex=True), show=False)
plot_confusion(y_true, y_pred, axes=right.subplots(), show=False)
fig.suptitle(f"{people[-1]}, {place.note}", fontsize="medium")
plt.show()
