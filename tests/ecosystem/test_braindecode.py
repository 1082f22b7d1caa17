"""Windows that braindecode itself has cut."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

CODE = """
import mne
import numpy as np
import sklearn
from sklearn.model_selection import cross_val_score
from benchmarks.others import import_models

import_models()  # lends an empty torchaudio where none loads
from braindecode.datasets import BaseConcatDataset, RawDataset
from braindecode.preprocessing import (
    create_fixed_length_windows, create_windows_from_events
)
from mne_eegmamba import EEGMambaClassifier

def recording(subject):
    rng = np.random.default_rng(subject)
    info = mne.create_info(["C3", "C4"], 100.0, "eeg", verbose="error")
    raw = mne.io.RawArray(1e-5 * rng.standard_normal((2, 6000)), info, verbose="error")
    names = ["left", "right"] * 8
    raw.set_annotations(mne.Annotations(3.2 * np.arange(16), 3.0, names))
    return RawDataset(raw, {"subject": f"s{subject}"})

sklearn.set_config(enable_metadata_routing=True)
records = BaseConcatDataset([recording(1), recording(2)])
mapping = {"left": 0, "right": 1}
clf = EEGMambaClassifier(
    d_model=16, n_layers=1, max_epochs=1, device="cpu", random_state=0, verbose="error"
).set_fit_request(groups=True)
for use_mne_epochs in (False, True):
    windows = create_windows_from_events(
        records, mapping=mapping, use_mne_epochs=use_mne_epochs, preload=True
    )
    X = np.stack([windows[i][0] for i in range(len(windows))])
    y = windows.get_metadata()["target"].to_numpy()
    who = windows.get_metadata()["subject"].to_numpy()  # windows bring it along
    assert y.tolist() == [0, 1] * 16
    ours = clf.fit(windows)
    assert ours.classes_.tolist() == [0, 1]
    assert ours.ch_names_in_ == ("C3", "C4") and ours.sfreq_ == 100.0
    found = ours.predict_proba(windows)
    items = [windows[i] for i in range(len(windows))]
    assert np.array_equal(found, ours.predict_proba(items))
    assert np.array_equal(found, clf.fit(X, y, groups=who).predict_proba(X))
    parts = windows.split("subject")
    assert clf.fit(parts["s1"]).score(parts["s2"]) >= 0
    known = {"cv": 2, "params": {"groups": who}}
    scores = [cross_val_score(clf, data, y, **known) for data in (windows, X)]
    assert np.array_equal(*scores), scores
print("done")
"""


@pytest.mark.skipif(
    find_spec("braindecode") is None, reason="needs the extra bench (braindecode)"
)
def test_windows_of_braindecode():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("done\n")
