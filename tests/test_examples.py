"""Every example runs as a script."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mne_eegmamba import load_demo

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("plot_*.py"))


WANTED = {  # options that make it quick, and what it must print
    "plot_five_tasks.py": (
        ["--d-model", "16"],
        ["joint acc", "single acc", "majority", "winner", "0.887", "eyes", "Seed 0"],
    ),
    "plot_slow_cortical_potentials.py": (
        [],
        ["Accuracy", "Majority rate", "AUROC", "Logistic regression     0.891"],
    ),
}


def test_every_example_is_tested():
    assert {path.name for path in EXAMPLES} == set(WANTED)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.name)
def test_example(path, tmp_path):
    options, wanted = WANTED[path.name]
    try:
        load_demo("scp")
    except FileNotFoundError as error:
        pytest.skip(str(error))
    figure = tmp_path / "figure.png"
    done = subprocess.run(
        [sys.executable, path, "--max-epochs", "1", "--figure", figure, *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "MPLBACKEND": "Agg", "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert [text for text in wanted if text not in done.stdout] == []
    assert str(figure) in done.stdout
    assert figure.read_bytes().startswith(b"\x89PNG")
