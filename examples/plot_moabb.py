"""
=============================
EEGMamba in a MOABB benchmark
=============================

MOABB [1]_ runs pipelines over many public data sets of brain-computer interfaces with
one protocol. Here the protocol is across people: train on all but one, test on the one.
Our classifier goes in as it is, beside the field's baseline, common spatial patterns
and linear discriminant analysis.

**Data.** MOABB's fake data set, which is **simulated** and needs no download: noise
without any difference between left and right, so every score should be chance. For real
ones, put ``BNCI2014_001()`` or others in its place; they are downloaded.

Needs ``pip install moabb``; without it this example says so and ends.

References
----------
.. [1] Jayaram, V., Barachant, A. (2018). MOABB: trustworthy algorithm benchmarking for
       BCIs. Journal of Neural Engineering 15, 066011.
"""

# License: BSD-3-Clause

import argparse
import tempfile
from importlib.util import find_spec

import matplotlib.pyplot as plt
import mne
from mne.decoding import CSP
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline

from mne_eegmamba import EEGMambaClassifier

parser = argparse.ArgumentParser(allow_abbrev=False)
parser.add_argument("--max-epochs", type=int, default=3, help="passes over the data")
options, _ = parser.parse_known_args()

# %%
# Pipelines
# ---------
# MOABB hands over arrays in microvolts. Ours needs no band-pass of its own; MOABB's
# paradigm for motor imagery filters to 8-32 Hz for everybody.

pipelines = {
    "CSP + LDA": make_pipeline(
        CSP(n_components=2, reg="ledoit_wolf"), LinearDiscriminantAnalysis()
    ),
    "EEGMamba": EEGMambaClassifier(
        d_model=16,
        n_layers=1,
        lr=2e-3,
        max_epochs=options.max_epochs,
        random_state=0,
        verbose=False,
    ),
}

# %%
# The benchmark
# -------------
# Results are kept on disk, so that a second run computes what is new only; here the
# folder is a temporary one. Chance is 0.5, as the score is the area under the ROC
# curve.


def benchmark(folder):
    """Return MOABB's table of results, a row per pipeline and person."""
    from moabb.datasets.fake import FakeDataset
    from moabb.evaluations import CrossSubjectEvaluation
    from moabb.paradigms import LeftRightImagery

    evaluation = CrossSubjectEvaluation(
        paradigm=LeftRightImagery(resample=128.0),
        datasets=[
            FakeDataset(["left_hand", "right_hand"], n_sessions=1, n_subjects=4, seed=0)
        ],
        hdf5_path=folder,
        overwrite=True,
    )
    return evaluation.process(pipelines)


results = None
if find_spec("moabb"):
    with tempfile.TemporaryDirectory() as folder, mne.use_log_level("warning"):
        results = benchmark(folder)
    print("Fake data: scores mean nothing for EEG, chance is 0.50")
    print(results.groupby("pipeline")["score"].agg(["mean", "std", "count"]).round(2))
else:
    print("MOABB is not installed, so there is nothing to show: pip install moabb")

# %%
# Points are people.

if results is not None:
    fig, ax = plt.subplots(figsize=(6, 2.4), layout="constrained")
    for name, rows in results.groupby("pipeline"):
        ax.plot(rows["score"], [name] * len(rows), "o", color="black", alpha=0.6)
    ax.axvline(0.5, color="gray", linestyle=":", label="chance")
    ax.set(xlabel="AUROC of one person", xlim=(0, 1), ylim=(-0.6, 1.6))
    ax.set_title(
        "Fake data: scores mean nothing for EEG", loc="left", fontsize="medium"
    )
    ax.legend(frameon=False)
    plt.show()
