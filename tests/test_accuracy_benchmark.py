"""The comparison as a command, and braindecode's networks in it."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier

from benchmarks import accuracy as benchmark
from benchmarks import choices
from benchmarks.baselines import USUAL, BraindecodeClassifier
from mne_eegmamba import MultiTaskEpochs, TaskGroupKFold
from mne_eegmamba.evaluation import CannotTake, comparison_table
from mne_eegmamba.experiments.candidates import ABLATIONS

ROOT = Path(__file__).parents[1]
NAMES = ["Fp1", "F3", "C3", "O1"]
REGRESSIONS = ("log band power, LR", "log spectrum, LR")


def run(*arguments):
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four subjects with a rhythm that tells two classes apart."""
    folder = tmp_path_factory.mktemp("rhythm")
    times = np.arange(400) / 200
    for number in range(4):
        rng = np.random.default_rng(number)
        y = np.arange(8) % 2
        X = rng.standard_normal((8, 4, 400))
        X += 2 * y[:, None, None] * np.sin(2 * np.pi * 10 * times)
        np.savez(folder / f"s{number}.npz", X=X, y=y, sfreq=200.0, ch_names=NAMES)
    return folder


@pytest.fixture(scope="module")
def quick(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "accuracy.json"
    command = ("-W", "ignore", "-m", "benchmarks", "--out", str(out), "accuracy")
    printed = run(
        *command, "--data", str(folder), "--quick", "--align", "spectrum", "--jobs", "1"
    )
    return printed, json.loads(out.read_text())["results"]


def test_every_candidate_is_in_the_table(quick):
    printed, results = quick
    rows = {row["candidate"]: row for row in results["tables"]["balanced_accuracy"]}
    ours = {"EEGMamba, single-task", "EEGMamba, multi-task", *ABLATIONS}
    others = {"EEGMamba, as drawn", "HCANN", *REGRESSIONS}
    assert set(rows) == ours | set(USUAL) | others
    for name, row in rows.items():
        assert name in printed
        assert (row["mean"] is None) == (row["reason"] is not None)
    assert all(rows[name]["mean"] is not None for name in ours)
    assert "no public package" in rows["HCANN"]["reason"]
    assert rows["EEGMamba, single-task"]["subjects"] == 4


@pytest.mark.parametrize("name", REGRESSIONS)
def test_a_regression_finds_a_rhythm(quick, name):
    results = quick[1]["tables"]["balanced_accuracy"]
    found = {row["candidate"]: row["mean"] for row in results}
    assert found[name] > 0.9


def test_what_is_needed_to_read_it_is_said(quick):
    printed, results = quick
    assert "2 folds, grouped by subject, alignment: spectrum" in printed
    assert "32 epochs of 4 groups, chance 0.500, majority 0.500" in printed
    assert "1 passes, width 16, batches of 16, seeds [0]" in printed
    assert {row["fold"] for row in results["scores"]} == {0, 1}


@pytest.mark.skipif(find_spec("braindecode") is None, reason="needs braindecode")
def test_braindecodes_networks(quick):
    results = quick[1]["tables"]["balanced_accuracy"]
    reasons = {row["candidate"]: row["reason"] for row in results}
    assert "takes 1 channel and 30 s" in reasons["AttnSleep"]
    assert {name for name in USUAL if reasons[name] is None} == set(USUAL) - {
        "AttnSleep"
    }


@pytest.mark.skipif(find_spec("braindecode") is None, reason="needs braindecode")
def test_a_network_learns_and_is_repeatable():
    code = """
import numpy as np
from benchmarks.baselines import BraindecodeClassifier
rng = np.random.default_rng(0)
y = np.array(["off", "on"] * 16)
X = rng.standard_normal((32, 2, 256))
X += 2 * (y == "on")[:, None, None] * np.sin(np.arange(256) / 3)
X[:, 1] *= 1e-6
# Its running statistics move by 1 % a step, so that it needs a few hundred.
clf = BraindecodeClassifier("EEGNet", 80, batch_size=4).fit(X[:16], y[:16])
proba = clf.predict_proba(X)
assert np.allclose(proba.sum(1), 1)
assert (clf.predict(X[16:]) == y[16:]).mean() > 0.8, proba
again = BraindecodeClassifier("EEGNet", 80, batch_size=4).fit(X[:16], y[:16])
assert np.array_equal(again.predict_proba(X), proba)
assert np.allclose(again.mean_, X[:16].mean((0, 2), keepdims=True))
"""
    run("-W", "ignore", "-c", code)


def test_goes_on_where_it_stopped(tmp_path, monkeypatch):
    X = np.random.default_rng(0).standard_normal((8, 1, 300))
    data = MultiTaskEpochs({"a": X}, {"a": [0, 1] * 4}, {"a": np.arange(8) // 2})
    options = benchmark.parse(["--data", "folder", "--keep", str(tmp_path)])
    given = ("a name, with a comma", DummyClassifier(), data, TaskGroupKFold(2), 1)
    first = benchmark.one(*given, {"max_epochs": 5}, options)
    monkeypatch.setattr(benchmark, "compare", None)
    again = benchmark.one(*given, {"max_epochs": 5}, options)
    pd.testing.assert_frame_equal(
        comparison_table(again), comparison_table(first), check_dtype=False
    )
    with pytest.raises(SystemExit, match="scores made with other options"):
        benchmark.one(*given, {"max_epochs": 6}, options)


def test_without_a_rate_or_names_it_is_refused():
    X, y = np.zeros((4, 1, 300)), [0, 1, 0, 1]
    with pytest.raises(CannotTake, match="needs 200 Hz; the rate of these"):
        BraindecodeClassifier("BIOT").fit(X, y)


def test_without_braindecode_its_networks_have_a_reason(monkeypatch):
    from benchmarks import baselines

    def missing():
        raise ImportError("No module named 'braindecode'")

    monkeypatch.setattr(baselines, "import_models", missing)
    found = baselines.braindecode_candidates(1)
    assert set(found) == {*USUAL, "HCANN"}
    assert all(isinstance(reason, str) for reason in found.values())
    assert "extra `bench`" in found["EEGNet"]


def test_several_tasks_are_printed_side_by_side():
    scores = {"a": {"ours": 0.5, "theirs": 1.0}, "b": {"theirs": 0.25, "ours": 0.75}}
    table = pd.DataFrame(
        [(task, name, x) for task, part in scores.items() for name, x in part.items()],
        columns=["task", "candidate", "mean"],
    )
    table.loc[2, "mean"] = None  # one that could not take a task
    text = benchmark.side_by_side(table.set_index(["task", "candidate"]))
    assert [line.split() for line in text.splitlines()] == [
        ["a", "b", "mean"],
        ["ours", "0.500", "0.750", "0.625"],
        ["theirs", "1.000", "-", "-"],
    ]


@pytest.mark.parametrize("module", [benchmark, choices])
def test_heads_may_be_left_out(module):
    options = module.parse(["--demo", "eyes", "--without", "waveform"])
    single = next(iter(module.candidates(options, 0).values()))
    assert not single.waveform
    assert single.spectrum
    assert options.without == ["waveform"]
    plain = module.candidates(module.parse(["--demo", "eyes"]), 0)
    assert next(iter(plain.values())).waveform
