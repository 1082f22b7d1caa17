"""The README's code runs, and its commands exist."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


@pytest.fixture
def demo_data():
    from mne_eegmamba import load_demo

    try:
        return load_demo("scp")
    except FileNotFoundError as error:
        pytest.skip(str(error))


@pytest.mark.filterwarnings("ignore:Epochs .*have .* samples, the network needs")
@pytest.mark.usefixtures("demo_data")
@pytest.mark.parametrize("number", [0, 1])
def test_quick_starts_run(number, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = BLOCKS[number]
    assert len([line for line in code.splitlines() if line.strip()]) <= 7
    quick, n = re.subn(
        r"(Mamba\w*)\(random", r"\1(max_epochs=1, d_model=16, random", code
    )
    assert n == 1
    exec(compile(quick, "README.md", "exec"), {})
    accuracy = float(capsys.readouterr().out.split()[-1])
    assert 0 < accuracy <= 1


def test_first_example_has_many_tasks():
    assert "MultiTaskEEGMamba" in BLOCKS[0]


def test_other_blocks_compile():
    for block in BLOCKS:
        compile(block, "README.md", "exec")


@pytest.mark.parametrize("target", re.findall(r"make ([a-z-]+)", README))
def test_commands_are_targets(target):
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE)


def test_ci_calls_the_test_command():
    assert "make test" in README
    script = (ROOT / ".ci" / "run").read_text().splitlines()
    assert "make test" in script
    assert "make lint" in script


def test_make_help_lists_every_documented_target():
    listed = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for target in ("demo", "test", "lint"):
        assert f"make {target}" in listed
