"""
========================================================
SHU: what the spatial filters of motor imagery look like
========================================================

People imagined closing the left or the right hand, with 32 electrodes [1]_. The rhythm
over the sensorimotor cortex opposite to the hand becomes weaker. The network's first
layer makes new channels out of the electrodes, each a weighted sum: a spatial filter.
We look at the strongest of them, at 8-13 Hz.

**Data.** Real recordings, where MNE's configuration says in
``MNE_DATASETS_SHU_PATH`` where they are; else a **simulated** twin: noise with a rhythm
at C3 and C4, in the files of the real set. Scores on it mean nothing for EEG.

References
----------
.. [1] Ma, J. et al. (2022). A large EEG dataset for studying cross-session variability
       in motor imagery brain-computer interface. Scientific Data 9, 531.
.. [2] Haufe, S. et al. (2014). On the interpretation of weight vectors of linear models
       in multivariate neuroimaging. NeuroImage 87, 96-110.
"""

# License: BSD-3-Clause

import argparse

import matplotlib.pyplot as plt
import mne
import numpy as np
from sklearn.model_selection import LeaveOneGroupOut, cross_val_score

from mne_eegmamba import EEGMambaClassifier
from mne_eegmamba.datasets import locate, shu
from mne_eegmamba.viz import plot_spatial_filters

parser = argparse.ArgumentParser(allow_abbrev=False)
parser.add_argument("--max-epochs", type=int, default=6, help="passes over the data")
parser.add_argument("--subjects", type=int, default=4, help="people")
options, _ = parser.parse_known_args()

# %%
# Each person is tested by a network that was trained on the others
# -----------------------------------------------------------------
# Epochs of 4 s, 4-40 Hz: slower waves tell nothing of a hand here. For a page that is
# built in seconds the network is small, takes the mean over time and sees no blended
# epochs; for real data begin with the defaults.

place = locate("shu", n_subjects=options.subjects)
print(f"SHU, {place.note}")
people = sorted({recording.subject for recording in shu.find(place.path)})
epochs = shu.load(place.path, people[: options.subjects], l_freq=4.0, h_freq=40.0)
hand = epochs.events[:, 2]
groups = epochs.metadata["subject"]
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
scores = cross_val_score(
    clf,
    epochs,
    hand,
    groups=groups,
    cv=LeaveOneGroupOut(),
    scoring="balanced_accuracy",
)
for person, score in zip(np.unique(groups), scores, strict=True):
    print(f"{person}: balanced accuracy {score:.2f}, chance 0.50")

# %%
# Where the hands differ, and what the filters pick up
# ----------------------------------------------------
# First map: by how many standard deviations the logarithm of the power at 8-13 Hz is
# higher when the right hand is imagined. Weaker on the left of the head, and stronger
# on the right, is what physiology says.
#
# Other maps: the strongest filters of the first layer. Their weights also cancel noise,
# so they do not show where a signal comes from; patterns do, which are drawn where
# epochs are given [2]_. They should lie where the first map is strong. The sign of a
# pattern has no meaning.

clf.fit(epochs, hand)
rhythm = epochs.copy().filter(8.0, 13.0, verbose="error")
log_power = np.log(rhythm.get_data(copy=False).var(axis=2))  # (n_epochs, n_channels)
right = hand == epochs.event_id["right_hand"]
effect = log_power[right].mean(0) - log_power[~right].mean(0)
effect /= log_power.std(0)

new_names = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8"}
scalp = epochs.copy().pick([name for name in epochs.ch_names if name[0] != "A"])
rows = [epochs.ch_names.index(name) for name in scalp.ch_names]  # without the ear lobes
info = scalp.rename_channels(new_names).set_montage("easycap-M1").info
fig, axes = plt.subplots(1, 5, figsize=(10.5, 2.6), layout="constrained")
mne.viz.plot_topomap(effect[rows], info, axes=axes[0], show=False)
axes[0].set_title("Power\nright - left", fontsize="small")
plot_spatial_filters(clf, X=rhythm, n_filters=4, axes=axes[1:], show=False)
fig.suptitle(f"SHU, {place.note}", fontsize="medium")
plt.show()
