"""
========================================
DEAP: how pleasant was each music video?
========================================

People watched 40 music videos of one minute and rated how pleasant they felt, from 1 to
9 [1]_. From 60 s of four channels the network says whether a rating is high (4.5 or
more) or low. It is never trained on the person it is tested on: the ratings are that
person's own, and so is the EEG. What people of this field look at is each film: does
its mean probability follow its mean rating?

**Data.** Real recordings, where MNE's configuration says in
``MNE_DATASETS_DEAP_PATH`` where they are; else a **simulated** twin: noise with one
rhythm for high and one for low, in the files of the real set. Scores on it mean nothing
for EEG.

References
----------
.. [1] Koelstra, S. et al. (2012). DEAP: a database for emotion analysis using
       physiological signals. IEEE Transactions on Affective Computing 3, 18-31.
"""

# License: BSD-3-Clause

import argparse

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict

from mne_eegmamba import EEGMambaClassifier
from mne_eegmamba.datasets import deap, locate

parser = argparse.ArgumentParser(allow_abbrev=False)
parser.add_argument("--max-epochs", type=int, default=5, help="passes over the data")
parser.add_argument("--subjects", type=int, default=6, help="people")
options, _ = parser.parse_known_args()

# %%
# Data
# ----
# ``scale="valence"`` is pleasantness; arousal, dominance and liking are there as well.

place = locate("deap", n_subjects=options.subjects)
print(f"DEAP, {place.note}")
people = sorted({recording.subject for recording in deap.find(place.path)})
epochs = deap.load(place.path, people[: options.subjects], scale="valence")
table = epochs.metadata
is_high = epochs.events[:, 2] == epochs.event_id["high"]
print(f"{len(epochs)} trials of {len(epochs.times) / epochs.info['sfreq']:.0f} s")

# %%
# Probabilities for people that the network has not seen
# ------------------------------------------------------
# High ratings are more frequent than low ones, and by how much differs from person to
# person: compare each accuracy with that person's majority rate.

clf = EEGMambaClassifier(
    d_model=16,
    n_layers=1,
    pooling="mean",
    mixup=0,
    lr=5e-3,
    batch_size=8,
    max_epochs=options.max_epochs,
    random_state=0,
    verbose=False,
)
table["proba"] = cross_val_predict(
    clf,
    epochs,
    is_high,
    groups=table["subject"],
    cv=GroupKFold(3),
    method="predict_proba",
)[:, 1]
for person, rows in table.assign(high=is_high).groupby("subject"):
    accuracy = accuracy_score(rows["high"], rows["proba"] >= 0.5)
    majority = max(rows["high"].mean(), 1 - rows["high"].mean())
    print(f"{person}: accuracy {accuracy:.2f}, majority rate {majority:.2f}")
print(
    f"AUROC over all trials {roc_auc_score(is_high, table['proba']):.2f}, chance 0.50"
)

# %%
# Trial by trial, and film by film
# --------------------------------
# Left: every trial; right of the dotted line ratings are high. Right: the means of each
# film over people. In the simulated twin the rating itself has no effect within a
# class, so points form two levels.

films = table.groupby("trial")[["rating", "proba"]].mean()
r = np.corrcoef(films["rating"], films["proba"])[0, 1]
fig, axes = plt.subplots(1, 2, figsize=(9, 3.8), sharey=True, layout="constrained")
axes[0].plot(table["rating"], table["proba"], "o", color="black", alpha=0.5)
axes[0].axvline(4.5, color="gray", linestyle=":")
axes[0].set(xlabel="Rating of a person", ylabel="Probability of a high rating")
axes[1].plot(films["rating"], films["proba"], "o", color="white")
for film, rating, proba in films.itertuples():
    axes[1].text(rating, proba, film, ha="center", va="center")
axes[1].set(xlabel="Mean rating of a film (its number)", ylim=(-0.05, 1.05))
axes[0].set_title(f"DEAP, {place.note}", loc="left", fontsize="medium")
axes[1].set_title(f"correlation {r:.2f}", loc="left", fontsize="medium")
plt.show()
