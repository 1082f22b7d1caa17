"""
======================================
A braindecode network in the same loop
======================================

Both libraries speak scikit-learn, so one loop trains and scores a network of
braindecode [1]_ and ours on the same folds of people: ShallowFBCSPNet, made for motor
imagery, and EEGMamba. A linear classifier on the band power is the third: a network
that does not beat it has learned nothing that is hard.

**Data.** Motor imagery of SHU: real recordings, where MNE's configuration says in
``MNE_DATASETS_SHU_PATH`` where they are; else a **simulated** twin, noise with a rhythm
at C3 and C4. Scores on it mean nothing for EEG.

Needs ``pip install braindecode``, with a torchaudio made for the torch that is
installed; without them the loop has two entries.

References
----------
.. [1] Schirrmeister, R. T. et al. (2017). Deep learning with convolutional neural
       networks for EEG decoding and visualization. Human Brain Mapping 38, 5391-5420.
"""

# License: BSD-3-Clause

import argparse
import time

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from mne_eegmamba import EEGMambaClassifier
from mne_eegmamba.datasets import locate, shu

parser = argparse.ArgumentParser(allow_abbrev=False)
parser.add_argument("--max-epochs", type=int, default=10, help="passes over the data")
parser.add_argument("--subjects", type=int, default=4, help="people")
options, _ = parser.parse_known_args()

# %%
# Data
# ----
# Arrays in microvolts, which braindecode's networks expect; ours learns the scale of
# whatever it gets.

place = locate("shu", n_subjects=options.subjects)
print(f"SHU, {place.note}")
people = sorted({recording.subject for recording in shu.find(place.path)})
epochs = shu.load(place.path, people[: options.subjects], l_freq=4.0, h_freq=40.0)
X = epochs.get_data(units="uV").astype(np.float32)
y = (epochs.events[:, 2] == epochs.event_id["right_hand"]).astype(int)
groups = epochs.metadata["subject"]

# %%
# Three classifiers
# -----------------


def band_power(X):
    """Return the logarithm of the power at 8-13 Hz of each channel."""
    power = np.abs(np.fft.rfft(X)) ** 2
    hertz = np.fft.rfftfreq(X.shape[2], 1 / epochs.info["sfreq"])
    return np.log(power[:, :, (hertz >= 8) & (hertz <= 13)].mean(-1))


classifiers = {
    "band power, linear": make_pipeline(
        FunctionTransformer(band_power),
        StandardScaler(),
        LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
    ),
    "EEGMamba": EEGMambaClassifier(
        d_model=32,
        n_layers=1,
        pooling="mean",
        mixup=0,
        lr=3e-3,
        batch_size=8,
        max_epochs=options.max_epochs,
        random_state=0,
        verbose=False,
    ),
}
try:
    from braindecode import EEGClassifier
except (ImportError, OSError) as error:  # OSError: its torchaudio is for another torch
    print(f"ShallowFBCSPNet is left out, as braindecode cannot be imported: {error}")
else:
    torch.manual_seed(0)  # braindecode takes torch's own random numbers
    classifiers["ShallowFBCSPNet"] = EEGClassifier(
        "ShallowFBCSPNet",
        optimizer=torch.optim.AdamW,
        lr=2e-3,
        batch_size=16,
        max_epochs=options.max_epochs,
        train_split=None,
        classes=[0, 1],
        verbose=0,
    )

# %%
# One loop
# --------
# Each fold tests on people that are not in training; all classifiers get the same folds
# and, if they are networks, the same number of passes. That is no fair contest, as
# nobody's parameters were chosen with care.

cv = GroupKFold(2)
scores = {}
for name, clf in classifiers.items():
    start = time.perf_counter()
    scores[name] = cross_val_score(
        clf, X, y, groups=groups, cv=cv, scoring="balanced_accuracy"
    )
    seconds = time.perf_counter() - start
    print(f"{name:<20} {scores[name].mean():.2f} (chance 0.50), {seconds:.1f} s")

# %%

fig, ax = plt.subplots(figsize=(6.5, 2.6), layout="constrained")
for k, found in enumerate(scores.values()):
    ax.barh(k, found.mean(), 0.6, color="tab:blue", alpha=0.5)
    ax.plot(found, [k] * len(found), "o", color="black")
ax.axvline(0.5, color="black", linestyle=":")
ax.set_yticks(range(len(scores)), list(scores))
ax.set(xlabel="Balanced accuracy; points are folds, dotted: chance", xlim=(0, 1.05))
ax.set_title(f"SHU, {place.note}", loc="left", fontsize="medium")
plt.show()
