"""
==============================
SEED: the emotion of each film
==============================

People watched 15 film clips, chosen to be negative, neutral or positive [1]_, with 62
electrodes. The clips are cut into windows of 4 s. Windows of one film are alike, so
what counts is the film: a person watches it once, and one vote of all its windows says
which emotion it was.

**Data.** Real recordings, where MNE's configuration says in ``MNE_DATASETS_SEED_PATH``
where they are; else a **simulated** twin: noise with a rhythm for each emotion, in the
files of the real set. Scores on it mean nothing for EEG.

References
----------
.. [1] Zheng, W.-L., Lu, B.-L. (2015). Investigating critical frequency bands and
       channels for EEG-based emotion recognition with deep neural networks. IEEE
       Transactions on Autonomous Mental Development 7, 162-175.
"""

# License: BSD-3-Clause

import argparse

import matplotlib.pyplot as plt
import mne
import numpy as np
import pandas as pd

from mne_eegmamba import EEGMambaClassifier
from mne_eegmamba.datasets import locate, seed

parser = argparse.ArgumentParser(allow_abbrev=False)
parser.add_argument("--max-epochs", type=int, default=4, help="passes over the data")
parser.add_argument("--subjects", type=int, default=4, help="people")
options, _ = parser.parse_known_args()

# %%
# Data
# ----
# The first session of each person. All people watch the same films: the network is
# tested on new people, but on films that it knows.

place = locate("seed", n_subjects=options.subjects)
print(f"SEED, {place.note}")
first = {}
for recording in seed.find(place.path):
    first.setdefault(recording.subject, recording)
people = list(first)[: options.subjects]
epochs = mne.concatenate_epochs(
    [seed.read(first[person], duration=4.0) for person in people], verbose="error"
)
held_out = (epochs.metadata["subject"] == people[-1]).to_numpy()
test = epochs[held_out]

# %%
# Train on some people, test on another
# -------------------------------------
# Chance is one in three, for windows and for films.

clf = EEGMambaClassifier(
    d_model=32,
    lr=2e-3,
    max_epochs=options.max_epochs,
    random_state=0,
    verbose=False,
)
clf.fit(epochs[~held_out])

names = {code: name for name, code in epochs.event_id.items()}
y_true = np.array([names[code] for code in test.events[:, 2]])
proba = pd.DataFrame(clf.predict_proba(test), columns=clf.classes_)
film = test.metadata["film"].to_numpy()
of_film = proba.groupby(film).mean()
truth = pd.Series(y_true).groupby(film).first()
windows = (proba.idxmax(axis=1).to_numpy() == y_true).mean()
films = (of_film.idxmax(axis=1) == truth).mean()
print(f"Trained on {people[:-1]}, tested on {people[-1]}:")
print(f"{windows:.0%} of {len(test)} windows correct, chance 33 %")
print(f"{films:.0%} of {len(truth)} films correct, chance 33 %")

# %%
# Film by film
# ------------
# Each bar is a film, with its number and, below, its true emotion; the colours are the
# mean probabilities over its windows. Where the true emotion's colour is the
# largest, the film is recognised.

order = ["negative", "neutral", "positive"]
colors = ["tab:blue", "lightgray", "tab:orange"]
shown = truth.sort_values(kind="stable").index
fig, ax = plt.subplots(figsize=(9, 3.6), layout="constrained")
bottom = np.zeros(len(shown))
for emotion, color in zip(order, colors, strict=True):
    part = of_film.loc[shown, emotion].to_numpy()
    ax.bar(range(len(shown)), part, 0.85, bottom, color=color, label=emotion)
    bottom += part
ax.set_xticks(range(len(shown)), [f"{k}" for k in shown])
for emotion in order:
    at = np.flatnonzero(truth[shown] == emotion)
    ax.text(at.mean(), -0.11, emotion, ha="center", va="top")
    ax.axvline(at[-1] + 0.5, color="black", linewidth=0.8)
ax.set(ylabel="Mean probability", ylim=(0, 1), xlim=(-0.6, len(shown) - 0.4))
ax.set_title(f"Person {people[-1]}, {place.note}", loc="left", fontsize="medium")
ax.legend(title="Network", loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
plt.show()
