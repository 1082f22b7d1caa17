"""Every example runs as a script."""

import os
import re
import runpy
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from benchmarks.others import lend_torchaudio
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
SIMULATED = "simulated data: scores mean nothing for EEG"
DATA_SETS = {  # how many subjects make it quick, and what it must print
    "plot_siena.py": (2, ["balanced accuracy", "chance 0.50", "tested on PN06"]),
    "plot_chbmit.py": (2, ["AUROC", "seizures found", "false alarms an hour"]),
    "plot_sleep_edf.py": (2, ["majority rate", "Cohen's kappa", "SC401"]),
    "plot_shhs.py": (2, ["kappa", "N3", "201023"]),
    "plot_deap.py": (3, ["s03: accuracy", "majority rate", "AUROC"]),
    "plot_seed.py": (2, ["windows correct", "of 15 films", "chance 33 %"]),
    "plot_shu.py": (2, ["sub-002: balanced accuracy", "chance 0.50"]),
    "plot_bci_iv_2a.py": (2, ["A02: accuracy", "chance: accuracy 0.25, kappa 0"]),
    "plot_grid_search.py": (3, ["best: {'lr'", "the search has not seen"]),
    "plot_out_of_core.py": (3, ["a batch of 16", "waiting for data", "majority"]),
}
REAL = {  # the demo data
    "plot_getting_started.py": ["accuracy", "majority_rate", "predictions: True"],
    "plot_add_task.py": ["scp: the same predictions as before: True", "majority"],
}
OTHERS = {
    "plot_group_cross_validation.py": ["people kept apart", "chance 0.50", "std"],
    "plot_moabb.py": ["pip install moabb|scores mean nothing for EEG"],
}
BRAINDECODE = "plot_braindecode.py"


def test_every_example_is_tested():
    tested = {*WANTED, *DATA_SETS, *REAL, *OTHERS, BRAINDECODE}
    assert {path.name for path in EXAMPLES} == tested


def test_the_gallery_has_every_example():
    order = (ROOT / "doc" / "conf.py").read_text()
    names = [path.stem.removeprefix("plot_") for path in EXAMPLES]
    assert [name for name in names if f'"{name}"' not in order] == []


@pytest.fixture
def demo_data():
    try:
        load_demo("scp")
    except FileNotFoundError as error:
        pytest.skip(str(error))


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Give a function that runs an example for one pass and returns what it prints."""
    for key in [name for name in os.environ if name.startswith("MNE_DATASETS_")]:
        monkeypatch.delenv(key)
    monkeypatch.setenv("_MNE_FAKE_HOME_DIR", str(tmp_path))  # no configuration
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plt, "show", lambda: None)

    def run_example(name, *options):
        path = str(ROOT / "examples" / name)
        monkeypatch.setattr(sys, "argv", [path, "--max-epochs", "1", *options])
        runpy.run_path(path, run_name="__main__")
        for number in plt.get_fignums():  # draws, which can fail as well
            plt.figure(number).savefig(tmp_path / f"{number}.png")
        return capsys.readouterr().out

    yield run_example
    plt.close("all")


def texts():
    """Return what is written on the figures that are open."""
    figures = [plt.figure(number) for number in plt.get_fignums()]
    return {t.get_text() for figure in figures for t in figure.findobj(plt.Text)}


@pytest.mark.parametrize("name", WANTED)
@pytest.mark.usefixtures("demo_data")
def test_script(name, tmp_path):
    options, wanted = WANTED[name]
    path = ROOT / "examples" / name
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


@pytest.mark.parametrize("name", DATA_SETS)
def test_data_set(name, run):
    subjects, wanted = DATA_SETS[name]
    printed = run(name, "--subjects", str(subjects))
    assert [text for text in [SIMULATED, *wanted] if text not in printed] == []
    assert any(SIMULATED in text for text in texts())


@pytest.mark.parametrize("name", REAL)
@pytest.mark.usefixtures("demo_data")
def test_real_data(name, run):
    printed = run(name)
    assert [text for text in REAL[name] if text not in printed] == []
    assert plt.get_fignums()


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.filterwarnings("default")  # MOABB's packages have some
def test_other(name, run):
    printed = run(name)
    assert [text for text in OTHERS[name] if not re.search(text, printed)] == []


@pytest.mark.skipif(find_spec("braindecode") is None, reason="needs the extra bench")
@pytest.mark.filterwarnings("default")  # braindecode has some
def test_braindecode(run, monkeypatch):
    monkeypatch.setattr(sys, "meta_path", sys.meta_path.copy())
    lend_torchaudio()
    printed = run(BRAINDECODE, "--subjects", "2")
    for name in ("band power, linear", "EEGMamba", "ShallowFBCSPNet"):
        assert re.search(rf"{name} +[01]\.\d\d \(chance 0\.50\)", printed)
    assert any(SIMULATED in text for text in texts())


def test_without_braindecode(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "braindecode", None)
    printed = run(BRAINDECODE, "--subjects", "2")
    assert "ShallowFBCSPNet is left out" in printed
    assert re.search(r"EEGMamba +[01]\.", printed)
