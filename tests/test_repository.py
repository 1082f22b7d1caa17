"""What may and may not be in the repository."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DATA = {".edf", ".fif", ".gdf", ".mat", ".npz", ".npy", ".set", ".dat", ".ts", ".pt"}
# Written in pieces, so that this file does not match itself.
MACHINE = re.compile("/(?:wo" + "rk|r" + "oot|fa" + "rm|t" + "mp|ho" + "me)/")


def tracked():
    done = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        pytest.skip("not a git checkout")
    return [ROOT / line for line in done.stdout.splitlines() if (ROOT / line).exists()]


def test_no_recordings_are_committed():
    assert [path.name for path in tracked() if path.suffix in DATA] == []


def test_no_path_of_a_machine():
    found = [p.name for p in tracked() if MACHINE.search(p.read_text(errors="replace"))]
    assert found == []


def test_files_hold_one_idea():
    long = {
        path.name: n
        for path in (ROOT / "mne_eegmamba").rglob("*.py")
        if (n := len(path.read_text().splitlines())) > 400
    }
    # Mostly the docstrings and the spelled-out parameters of the public estimators.
    assert set(long) <= {"classifier.py", "multitask.py"}


def test_constraints_pin_what_the_project_names():
    pins = dict(
        line.lower().replace("_", "-").split("==")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line
    )
    project = (ROOT / "pyproject.toml").read_text()
    block = project.split("dependencies = [")[1].split("]")[0]
    named = re.findall(r'"([A-Za-z0-9_-]+)>=', block)
    assert len(named) >= 10
    assert {name.lower().replace("_", "-") for name in named} <= set(pins)
    assert pins["torch"] == "2.13.0"
