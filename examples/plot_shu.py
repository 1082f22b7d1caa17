"""
========================================================
SHU: what the spatial filters of motor imagery look like
========================================================

People imagined closing the left or the right hand, with 32 electrodes [1]_. The rhythm
over the sensorimotor cortex opposite to the hand becomes weaker. The network's first
layer makes new channels out of the electrodes, each a weighted sum: a spatial filter.
We look at those whose rhythm of 8-13 Hz tells the hands apart best.

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
# Filters, and what they pick up
# ------------------------------
# A filter has a weight per electrode and tap of its short kernel; at 10 Hz the three
# taps act as their sum. Weights are per unit of the learned scale: divided by it, they
# are per volt. A filter's weights also cancel noise, so they do not show where a signal
# comes from; its pattern does, the covariance of the electrodes with the filter's
# output [2]_.

clf.fit(epochs, hand)
(conv,) = clf.net_.module_.spatial.values()
weights = conv.weight.detach().cpu().numpy().sum(-1)  # (n_filters, n_channels)
weights = weights / clf.scaling_.scale

alpha = epochs.copy().filter(8.0, 13.0, verbose="error").get_data(copy=False)
covs = np.einsum("ijt,ikt->ijk", alpha, alpha) / alpha.shape[2]  # one per epoch
log_power = np.log(np.einsum("fj,ijk,fk->if", weights, covs, weights))
right = hand == epochs.event_id["right_hand"]
effect = log_power[right].mean(0) - log_power[~right].mean(0)
effect /= log_power.std(0)  # in standard deviations
chosen = np.argsort(effect)[[0, 1, -2, -1]]
patterns = weights @ covs.mean(0)  # (n_filters, n_channels)

# %%
# Weaker on the left of the head for the right hand, and the other way round, is what
# physiology says. The sign of a pattern has no meaning: each is turned so that its
# largest value is positive. Titles say by how many standard deviations the logarithm of
# the power is higher when the right hand is imagined.

new_names = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8"}
scalp = epochs.copy().pick([name for name in epochs.ch_names if name[0] != "A"])
rows = [epochs.ch_names.index(name) for name in scalp.ch_names]  # without the ear lobes
info = scalp.rename_channels(new_names).set_montage("easycap-M1").info
fig, axes = plt.subplots(1, 4, figsize=(9.5, 3), layout="constrained")
for ax, k in zip(axes, chosen, strict=True):
    pattern = patterns[k][rows]
    pattern = pattern * np.sign(pattern[np.abs(pattern).argmax()])
    mne.viz.plot_topomap(pattern, info, axes=ax, show=False, sensors=True)
    ax.set_title(f"filter {k}\nright - left {effect[k]:+.1f}", fontsize="medium")
fig.suptitle(f"SHU, {place.note}", fontsize="medium")
plt.show()
