"""Every example runs as a script."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mne_eegmamba import load_demo

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("plot_*.py"))


def test_there_are_examples():
    assert EXAMPLES


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.name)
def test_example(path, tmp_path):
    try:
        load_demo("scp")
    except FileNotFoundError as error:
        pytest.skip(str(error))
    figure = tmp_path / "figure.png"
    done = subprocess.run(
        [sys.executable, path, "--max-epochs", "1", "--figure", figure],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "MPLBACKEND": "Agg", "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert "Accuracy" in done.stdout
    assert "Majority rate" in done.stdout
    assert str(figure) in done.stdout
    assert figure.read_bytes().startswith(b"\x89PNG")
