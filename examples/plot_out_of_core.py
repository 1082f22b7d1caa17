"""
======================================
Train on more data than fits in memory
======================================

:func:`mne_eegmamba.datasets.prepare` reads, filters and cuts a data set once, into a
folder on disk. What it returns is used wherever epochs are, but a sample is read only
when a batch needs it. So a laptop trains on all of CHB-MIT, and a second training
starts at once.

**Data.** Seizures of CHB-MIT: real recordings, where MNE's configuration says in
``MNE_DATASETS_CHBMIT_PATH`` where they are; else a **simulated** twin, noise with
spikes and waves. Scores on it mean nothing for EEG.
"""

# License: BSD-3-Clause

import argparse
import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
import mne
import numpy as np
from sklearn.model_selection import GroupShuffleSplit

from mne_eegmamba import EEGMambaClassifier
from mne_eegmamba.datasets import chbmit, locate, open_store, prepare
from mne_eegmamba.viz import plot_training

parser = argparse.ArgumentParser(allow_abbrev=False)
parser.add_argument("--max-epochs", type=int, default=5, help="passes over the data")
parser.add_argument("--subjects", type=int, default=4, help="patients")
parser.add_argument("--store", default=None, help="folder to keep what was prepared")
options, _ = parser.parse_known_args()

# %%
# Prepare once
# ------------
# One recording is in memory at a time. If the work is interrupted, it goes on where it
# ended; on a second call nothing is done again.

place = locate("chbmit", n_subjects=options.subjects)
print(f"CHB-MIT, {place.note}")
patients = sorted({recording.subject for recording in chbmit.find(place.path)})
temporary = tempfile.TemporaryDirectory()
store = Path(options.store or temporary.name)
for attempt in ("first", "second"):
    start = time.perf_counter()
    with mne.use_log_level("warning"):  # no progress bar on this page
        prepare(
            "chbmit",
            place.path,
            store,
            patients[: options.subjects],
            on_error="warn",
        )
    print(f"{attempt} call: {time.perf_counter() - start:.2f} s")
print(sorted(path.name for path in store.iterdir())[:4], "...")

# %%
# Open it
# -------
# Nothing but labels is read here. Indexing gives a view, still on disk.

epochs = open_store(store)
print(epochs)
print(f"all samples: {np.prod(epochs.shape) * 4 / 1e6:.0f} MB")
print(f"a batch of 16: {epochs[:16].get_data().nbytes / 1e6:.1f} MB")

# %%
# Train and test on different patients
# ------------------------------------
# ``groups`` are the patients; ``y`` are the names of the classes. The next batches are
# read while the network computes; the history's column ``waiting`` says which share of
# the time it had to wait for the disk all the same.

split = GroupShuffleSplit(1, test_size=1, random_state=0)
((train, test),) = split.split(epochs, epochs.y, epochs.groups)
clf = EEGMambaClassifier(
    d_model=32,
    lr=2e-3,
    max_epochs=options.max_epochs,
    class_weight="balanced",
    validation=0.2,
    random_state=0,
    verbose=False,
)
clf.fit(epochs[train])
score = clf.score(epochs[test], epochs.y[test])
majority = np.unique(epochs.y[test], return_counts=True)[1].max() / len(test)
print(f"tested on {np.unique(epochs.groups[test])}: accuracy {score:.2f}, ", end="")
print(f"majority rate {majority:.2f}")
print(f"waiting for data: {clf.history_['waiting'].mean():.1%} of the time")

# %%
# Training, with a fifth of the training patients kept for validation. Loss in training
# is that of blended epochs, with dropout, and so may be the higher one.

fig = plot_training(clf.history_, show=False)
fig.suptitle(f"CHB-MIT, {place.note}", fontsize="medium")
plt.show()
temporary.cleanup()
