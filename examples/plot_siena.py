"""
=============================================
Siena: the probability of a seizure over time
=============================================

Scalp EEG of adults with focal epilepsy, 29 channels [1]_. The network is trained on
epochs of 4 s of some patients, and then reads a whole recording of a patient that it
has never seen. What an epileptologist looks at is the probability of a seizure along
that recording, beside the seizures that experts marked.

**Data.** Real recordings, where MNE's configuration says in
``MNE_DATASETS_SIENA_PATH`` where they are; else a **simulated** twin: noise with spikes
and waves, in the files of the real set. Scores on it mean nothing for EEG.

References
----------
.. [1] Detti, P. et al. (2020). EEG synchronization analysis for seizure prediction: a
       study on data of noninvasive recordings. Processes 8(7), 846.
"""

# License: BSD-3-Clause

import argparse

import matplotlib.pyplot as plt
import mne
import numpy as np

from mne_eegmamba import EEGMambaClassifier, annotate_raw
from mne_eegmamba.datasets import locate, siena
from mne_eegmamba.evaluation import score_table

parser = argparse.ArgumentParser(allow_abbrev=False)
parser.add_argument("--max-epochs", type=int, default=6, help="passes over the data")
parser.add_argument("--subjects", type=int, default=4, help="patients")
options, _ = parser.parse_known_args()

# %%
# Train on some patients
# ----------------------
# An epoch is a seizure if half of it lies in one. Nearly all of a real recording is
# background: ``class_weight="balanced"`` makes a seizure count as much as all of it.

place = locate("siena", n_subjects=options.subjects)
print(f"Siena, {place.note}")
recordings = siena.find(place.path)
patients = sorted({recording.subject for recording in recordings})[: options.subjects]
epochs = siena.load(place.path, patients)
held_out = (epochs.metadata["subject"] == patients[-1]).to_numpy()

clf = EEGMambaClassifier(
    d_model=32,
    lr=2e-3,
    max_epochs=options.max_epochs,
    class_weight="balanced",
    random_state=0,
    verbose=False,
)
clf.fit(epochs[~held_out])

# %%
# Test on another one
# -------------------
# Accuracy says little where seizures are rare. Chance is 0.5 for these two.

test = epochs[held_out]
names = {code: name for name, code in test.event_id.items()}
y_true = np.array([names[code] for code in test.events[:, 2]])
scores = score_table(y_true, clf.predict_proba(test), clf.classes_)
print(f"Trained on {patients[:-1]}, tested on {patients[-1]}:")
print(f"balanced accuracy {scores['balanced_accuracy']:.2f}, chance 0.50")
print(f"AUROC {scores['auroc']:.2f}, chance 0.50")

# %%
# Along a recording
# -----------------
# The continuous recording needs the channels, the band and the rate of the training
# epochs. Windows overlap by half, and each moment gets the mean of the two that cover
# it. The recording is read piece by piece, so it may be a day long.

marked = test["seizure"].metadata
name = marked["recording"].iloc[0]
recording = next(found for found in recordings if found.name == name)
raw = mne.io.read_raw_edf(recording.signal, verbose="error")
wanted = {f"eeg {channel}".lower(): channel for channel in clf.ch_names_in_}
raw.rename_channels(lambda label: wanted.get(label.lower(), label))
raw.pick(list(clf.ch_names_in_)).load_data(verbose="error")
raw.filter(0.1, 50.0, h_trans_bandwidth=5.0, verbose="error")
raw.resample(clf.sfreq_, verbose="error")
found = annotate_raw(clf, raw, overlap=0.5)
proba = [extras["seizure"] for extras in found.extras]

# %%
# Shaded: epochs that experts call a seizure. ``raw.copy().set_annotations(found)``
# shows the same in MNE's browser.

fig, ax = plt.subplots(figsize=(9, 3), layout="constrained")
for onset in marked.loc[marked["recording"] == name, "onset"]:
    ax.axvspan(onset, onset + 4, color="tab:red", alpha=0.2, linewidth=0)
edges = [*found.onset, found.onset[-1] + found.duration[-1]]
ax.stairs(proba, edges, baseline=None, color="black")
ax.axhline(0.5, color="gray", linestyle=":")
ax.set(xlabel="Time (s)", ylabel="Probability of a seizure", ylim=(-0.02, 1.02))
ax.set(xlim=(0, raw.times[-1]))
ax.set_title(f"{name}, {place.note}", loc="left", fontsize="medium")
plt.show()
