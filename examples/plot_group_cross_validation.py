"""
=================================================
Cross-validation that keeps people apart, and why
=================================================

Twelve people, half of them patients; the diagnosis has **no** effect on their EEG. But
every person's brain answers a stimulus in its own way. If epochs of a person are on
both sides of a split, the network recognises the person, and with it the diagnosis: the
score is high and wrong. ``GroupKFold`` keeps people on one side, and
:class:`mne_eegmamba.TaskGroupKFold` does so for every task of a network for many tasks.
Where there is an effect, :class:`mne_eegmamba.EuclideanAlignment` makes new people like
those who are known.

**Data.** Simulated here, as the truth has to be known. Scores mean nothing for EEG.
"""

# License: BSD-3-Clause

import argparse

import matplotlib.pyplot as plt
import mne
import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline

from mne_eegmamba import (
    EEGMambaClassifier,
    EuclideanAlignment,
    MultiTaskEEGMamba,
    MultiTaskEpochs,
    TaskGroupKFold,
)
from mne_eegmamba.evaluation import evaluate

parser = argparse.ArgumentParser(allow_abbrev=False)
parser.add_argument("--max-epochs", type=int, default=8, help="passes over the data")
options, _ = parser.parse_known_args()
rng = np.random.default_rng(0)

# %%
# People who differ, a diagnosis that does not matter
# ---------------------------------------------------
# 16 epochs of 2 s from each person, four channels in volts: the response of that
# person, slower than 10 Hz and drawn by lot, and noise. It has nothing to do with who
# is a patient.


def simulate(n_people, ch_names, classes):
    """Return epochs of people whose class has nothing to do with their EEG."""
    person = np.repeat(np.arange(n_people), 16)
    label = (np.arange(n_people) // 3 % 2)[person]
    responses = rng.standard_normal((n_people, len(ch_names), 400))
    responses = mne.filter.filter_data(responses, 200.0, None, 10.0, verbose="error")
    noise = rng.standard_normal((len(person), len(ch_names), 400))
    return mne.EpochsArray(
        1e-5 * (2 * responses[person] + noise),
        mne.create_info(list(ch_names), 200.0, "eeg", verbose="error"),
        events=np.c_[np.arange(len(person)), np.zeros_like(person), label + 1],
        event_id={name: code for code, name in enumerate(classes, 1)},
        metadata=pd.DataFrame({"subject": person}),
        verbose="error",
    )


epochs = simulate(12, ["Fz", "Cz", "Pz", "Oz"], ["control", "patient"])

# %%
# One task
# --------

clf = EEGMambaClassifier(
    d_model=16,
    n_layers=1,
    mixup=0,
    lr=5e-3,
    batch_size=8,
    max_epochs=options.max_epochs,
    random_state=0,
    verbose=False,
)
X, y, people = epochs.get_data(), epochs.events[:, 2], epochs.metadata["subject"]
at_random = StratifiedKFold(3, shuffle=True, random_state=0)
scores = {
    "epochs at random": cross_val_score(clf, X, y, cv=at_random),
    "people kept apart": cross_val_score(clf, X, y, groups=people, cv=GroupKFold(3)),
}
for name, found in scores.items():
    print(f"{name}: accuracy {found.mean():.2f}, chance 0.50")

# %%
# Many tasks
# ----------
# Every fold tests on a third of the people of every task. ``evaluate`` gives a table of
# all scores per task and fold; groups come from the column ``subject``.

other = simulate(6, ["C3", "C4"], ["left-handed", "right-handed"])
data = MultiTaskEpochs({"diagnosis": epochs, "handedness": other})
multi = MultiTaskEEGMamba(
    d_model=16, n_layers=1, lr=4e-3, max_epochs=2, random_state=0, verbose=False
)
table = evaluate(multi, data, cv=TaskGroupKFold(3))
print(table[["accuracy", "balanced_accuracy", "auroc", "n_epochs"]].round(2))

# %%
# New people made alike
# ---------------------
# Now there is an effect: a rhythm of 10 Hz on the left or on the right. But each
# person's electrodes have gains of their own and pick up some of their neighbours.
# ``EuclideanAlignment`` whitens each person by the mean covariance of their epochs,
# without labels, in training and in testing alike. (Had it been used above, it would
# have made patients and controls alike as well: not where people *are* the classes.)

person, side = np.repeat(np.arange(12), 16), np.arange(192) % 2
sources = rng.standard_normal((192, 4, 400))
phases = rng.uniform(0, 2 * np.pi, (192, 1))
sources[np.arange(192), side] += np.sin(2 * np.pi * 10 * np.arange(400) / 200 + phases)
gains = np.exp(rng.standard_normal((12, 4, 1)))
mixing = gains * (np.eye(4) + 0.2 * rng.standard_normal((12, 4, 4)))
sides = mne.EpochsArray(
    1e-5 * mixing[person] @ sources,
    mne.create_info(["F3", "F4", "P3", "P4"], 200.0, "eeg", verbose="error"),
    events=np.c_[np.arange(192), np.zeros(192, int), side + 1],
    metadata=pd.DataFrame({"subject": person}),
    verbose="error",
)
for name, model in {
    "as recorded": clf,
    "aligned": make_pipeline(EuclideanAlignment(), clf),
}.items():
    scores[name] = cross_val_score(model, sides, side, groups=person, cv=GroupKFold(3))
    print(f"{name}: accuracy {scores[name].mean():.2f}, chance 0.50")

# %%
# Without an effect the true score is chance. Points are folds: with people kept apart
# they scatter, since a fold tests on four people only, however many epochs these have.

fig, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True, layout="constrained")
titles = "No effect: chance is the truth", "An effect, and people who differ"
names = np.array(list(scores)).reshape(2, 2)
for ax, title, pair in zip(axes, titles, names, strict=True):
    for k, name in enumerate(pair):
        found = scores[name]
        ax.bar(k, found.mean(), 0.6, color=["tab:red", "tab:blue"][k], alpha=0.5)
        ax.plot([k] * len(found), found, "o", color="black")
    ax.axhline(0.5, color="black", linestyle=":")
    ax.text(0.5, 0.51, "chance", ha="center", va="bottom")
    ax.set_xticks(range(2), pair)
    ax.set(ylim=(0, 1.05), xlim=(-0.5, 1.5))
    ax.set_title(f"Simulated. {title}", loc="left", fontsize="medium")
axes[0].set_ylabel("Accuracy")
plt.show()
