"""MOABB's evaluation across subjects, on its simulated data set."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

CODE = """
import sys
import numpy as np
import mne, moabb
from moabb.datasets.fake import FakeDataset
from moabb.evaluations import CrossSubjectEvaluation
from moabb.paradigms import LeftRightImagery
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from mne_eegmamba import EEGMambaClassifier

moabb.set_log_level("error")
clf = EEGMambaClassifier(
    d_model=16, n_layers=1, max_epochs=1, device="cpu", random_state=0, verbose="error"
)
dataset = FakeDataset(
    ["left_hand", "right_hand"], n_subjects=3, n_sessions=1, n_runs=1, n_events=12,
    duration=60, seed=0,
)
found = []
for return_epochs in (False, True):
    evaluation = CrossSubjectEvaluation(
        paradigm=LeftRightImagery(), datasets=[dataset], overwrite=True,
        hdf5_path=sys.argv[1], suffix=str(return_epochs), return_epochs=return_epochs,
    )
    table = evaluation.process({"EEGMamba": make_pipeline(FunctionTransformer(), clf)})
    table = table.sort_values("subject")
    assert sorted(table["subject"].astype(str)) == ["1", "2", "3"], table
    assert table["score"].between(0, 1).all(), table
    assert (table["samples"] == 24).all(), table
    found.append(table["score"].to_numpy())
print("epochs and arrays:", found)
"""


@pytest.mark.skipif(find_spec("moabb") is None, reason="needs the extra ecosystem")
def test_cross_subject_evaluation(tmp_path):
    # In a process of its own: its import changes filters of warnings.
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "epochs and arrays:" in done.stdout
