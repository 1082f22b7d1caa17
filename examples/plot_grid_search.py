"""
================================================
Choose parameters on people, not on their epochs
================================================

The estimators are scikit-learn's in every respect, so
``GridSearchCV`` finds their parameters. Two things are
special to EEG. The folds inside the search keep people apart, or the search would
choose what fits these people. And the score of the best parameters is no estimate of
what they reach: that comes from people that the search has not seen.

**Data.** Motor imagery of SHU: real recordings, where MNE's configuration says in
``MNE_DATASETS_SHU_PATH`` where they are; else a **simulated** twin, noise with a rhythm
at C3 and C4. Scores on it mean nothing for EEG.
"""

# License: BSD-3-Clause

import argparse

import matplotlib.pyplot as plt
from sklearn.model_selection import GridSearchCV, GroupKFold

from mne_eegmamba import EEGMambaClassifier
from mne_eegmamba.datasets import locate, shu

parser = argparse.ArgumentParser(allow_abbrev=False)
parser.add_argument("--max-epochs", type=int, default=4, help="passes over the data")
parser.add_argument("--subjects", type=int, default=4, help="people")
options, _ = parser.parse_known_args()

# %%
# People for the search, and one for the test
# -------------------------------------------

place = locate("shu", n_subjects=options.subjects)
print(f"SHU, {place.note}")
people = sorted({recording.subject for recording in shu.find(place.path)})
people = people[: options.subjects]
epochs = shu.load(place.path, people, l_freq=4.0, h_freq=40.0)
X, y = epochs.get_data(), epochs.events[:, 2]  # volts; codes of the classes
groups = epochs.metadata["subject"].to_numpy()
is_test = groups == people[-1]

# %%
# The search
# ----------
# ``groups`` go to the splitter: each fold leaves out one person. Epochs would do as
# well, but scikit-learn takes them apart one by one, and cuts an array at once. With
# ``n_jobs`` the folds run in parallel; predictions are the same.

clf = EEGMambaClassifier(
    d_model=16,
    n_layers=1,
    mixup=0,
    batch_size=8,
    max_epochs=options.max_epochs,
    random_state=0,
    verbose=False,
)
search = GridSearchCV(
    clf,
    {"lr": [5e-4, 2e-3, 8e-3], "pooling": ["class_token", "mean"]},
    scoring="balanced_accuracy",
    cv=GroupKFold(options.subjects - 1),
)
search.fit(X[~is_test], y[~is_test], groups=groups[~is_test])
print("best:", search.best_params_)
print(f"score of the best in the search {search.best_score_:.2f}, chance 0.50")
score = search.score(X[is_test], y[is_test])
print(f"its score for {people[-1]}, whom the search has not seen: {score:.2f}")

# %%
# All that was tried
# ------------------
# Mean over the folds and, behind it, the standard deviation over people: differences
# smaller than that are chance.

table = search.cv_results_
fig, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
for k, pooling in enumerate(("class_token", "mean")):
    at = table["param_pooling"] == pooling
    ax.errorbar(
        table["param_lr"][at].astype(float) * 1.04**k,
        table["mean_test_score"][at],
        table["std_test_score"][at],
        marker="os"[k],
        capsize=3,
        label=f"pooling={pooling!r}",
    )
ax.axhline(0.5, color="gray", linestyle=":", label="chance")
ax.set(xscale="log", xlabel="lr", ylabel="Balanced accuracy", ylim=(0, 1.05))
ax.set_xticks([5e-4, 2e-3, 8e-3], ["0.0005", "0.002", "0.008"])
ax.minorticks_off()
ax.set_title(f"SHU, {place.note}", loc="left", fontsize="medium")
ax.legend(frameon=False, loc="lower right")
plt.show()
