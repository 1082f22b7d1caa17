"""
=================================================
Cross-validation that keeps people apart, and why
=================================================

Twelve people, half of them patients; the diagnosis has **no** effect on their EEG. But
every person's brain answers a stimulus in its own way. If epochs of a person are on
both sides of a split, the network recognises the person, and with it the diagnosis: the
score is high and wrong. ``GroupKFold`` keeps people on one side, and
:class:`mne_eegmamba.TaskGroupKFold` does so for every task of a network for many tasks.

**Data.** Simulated here, as the truth has to be known. Scores mean nothing for EEG.
"""

# License: BSD-3-Clause

import argparse

import matplotlib.pyplot as plt
import mne
import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold, StratifiedKFold, cross_val_score

from mne_eegmamba import (
    EEGMambaClassifier,
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
# The true score is chance. Points are folds: with people kept apart they scatter, since
# a fold tests on four people only, however many epochs these have.

fig, ax = plt.subplots(figsize=(6, 3.4), layout="constrained")
for k, found in enumerate(scores.values()):
    ax.bar(k, found.mean(), 0.6, color=["tab:red", "tab:blue"][k], alpha=0.5)
    ax.plot([k] * len(found), found, "o", color="black")
ax.axhline(0.5, color="black", linestyle=":")
ax.text(0.5, 0.51, "chance", ha="center", va="bottom")
ax.set_xticks(range(len(scores)), list(scores))
ax.set(ylabel="Accuracy", ylim=(0, 1.05), xlim=(-0.5, 1.5))
ax.set_title(
    "Simulated data without any effect: chance is the truth",
    loc="left",
    fontsize="medium",
)
plt.show()
