import os
import re
import subprocess
import sys
from importlib.metadata import entry_points

import mne
import numpy as np
import pandas as pd
import pytest

from mne_eegmamba import EEGMambaClassifier, MultiTaskEEGMamba
from mne_eegmamba.cli import arguments
from mne_eegmamba.cli.main import COMMANDS, main
from mne_eegmamba.datasets import write_store
from mne_eegmamba.training.callbacks import Recorder
from tests.datasets.noise import make_recordings, read_noise

TINY = [
    *("--set", "d_model=16", "n_layers=1", "max_epochs=1", "lr=1e-3", "device=cpu"),
    *("random_state=0", "verbose=False"),
]


@pytest.fixture(scope="module")
def files(tmp_path_factory, epochs):
    """A folder with a store, and an epochs file."""
    folder = tmp_path_factory.mktemp("files")
    recordings = make_recordings(folder)
    recordings[3].signal.write_text("empty")
    write_store(folder / "store", "noise", recordings, read_noise, {})
    epochs.save(folder / "hand-epo.fif", verbose="error")
    return folder


@pytest.fixture(scope="module")
def model(files):
    path = files / "both.eegmamba"
    data = [f"noise={files / 'store'}", f"hand={files / 'hand-epo.fif'}"]
    assert main(["fit", str(path), "--data", *data, *TINY]) == 0
    return path


def test_is_installed_as_a_command():
    (command,) = entry_points(group="console_scripts", name="mne-eegmamba")
    assert command.load() is main


@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_help_shows_examples(command, capsys):
    with pytest.raises(SystemExit) as end:
        main(["--help"] if command is None else [command, "--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert f"\n  mne-eegmamba {command or 'demo'}" in text.split("examples:")[1]
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize("wrong", [[], ["nonsense"], ["fit"], ["info"], ["--what"]])
def test_wrong_command_line(wrong, capsys):
    with pytest.raises(SystemExit) as end:
        main(wrong)
    assert end.value.code == 2
    assert "usage: mne-eegmamba" in capsys.readouterr().err


def test_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "mne_eegmamba", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("0.")


def test_fit_several_tasks(model, files, epochs):
    clf = MultiTaskEEGMamba.load(model)
    assert list(clf.tasks_) == ["hand", "noise"]
    settings = {"d_model": 16, "n_layers": 1, "max_epochs": 1, "lr": 1e-3}
    other = MultiTaskEEGMamba(**settings, device="cpu", random_state=0, verbose=False)
    store = arguments.read_epochs(files / "store")
    saved = mne.read_epochs(files / "hand-epo.fif", verbose="error")
    other.fit({"noise": store, "hand": saved})
    np.testing.assert_array_equal(
        clf.predict_proba({"hand": epochs})["hand"],
        other.predict_proba({"hand": epochs})["hand"],
    )


def test_predict_several_tasks(model, files, capsys):
    out = files / "out.csv"
    data = [f"hand={files / 'hand-epo.fif'}", f"noise={files / 'store'}"]
    assert main(["predict", str(model), "--data", *data, "--out", str(out)]) == 0
    assert "66 epochs written to" in capsys.readouterr().out
    table = pd.read_csv(out)
    assert table["task"].value_counts().to_dict() == {"hand": 48, "noise": 18}
    clf = MultiTaskEEGMamba.load(model)
    saved = mne.read_epochs(files / "hand-epo.fif", verbose="error")
    hand = table[table["task"] == "hand"]
    proba = clf.predict_proba({"hand": saved})["hand"]
    np.testing.assert_allclose(hand[["p(left)", "p(right)"]], proba, rtol=1e-6)
    assert hand["predicted"].tolist() == clf.predict({"hand": saved})["hand"].tolist()


def test_fit_and_predict_one_task(files, capsys):
    path, data = str(files / "one.eegmamba"), str(files / "store")
    assert main(["fit", path, "--data", data, *TINY]) == 0
    clf = EEGMambaClassifier.load(path)
    capsys.readouterr()
    assert main(["predict", path, "--data", data]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["epoch", "predicted", "p(rest)", "p(task)"]
    found = [line.split()[1] for line in lines[1:]]
    assert found == clf.predict(arguments.read_epochs(data)).tolist()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("hand-epo.fif", r"tasks \['hand', 'noise'\]; give TASK=PATH .* a path alone"),
        ("foot=hand-epo.fif", "with one of them. Got foot=PATH"),
    ],
)
def test_predict_needs_to_know_which_task(model, files, capsys, data, message):
    task, _, path = data.rpartition("=")
    data = f"{task}={files / path}" if task else str(files / path)
    assert main(["predict", str(model), "--data", data]) == 1
    assert re.search(message, capsys.readouterr().err)


def test_predict_with_a_name_for_a_task_that_has_none(files, tmp_path, capsys):
    path = str(tmp_path / "one.eegmamba")
    data = str(files / "hand-epo.fif")
    tiny = ["d_model=8", "n_layers=1", "max_epochs=1"]
    assert main(["fit", path, "--data", data, "--set", *tiny]) == 0
    assert main(["predict", path, "--data", f"hand={data}"]) == 1
    assert "Got hand=PATH; give the path alone" in capsys.readouterr().err


def test_an_interrupt_while_training_ends_the_command(files, tmp_path, monkeypatch):
    class Stop:
        def on_batch_end(self, net, **kwargs):
            raise KeyboardInterrupt

    monkeypatch.setattr(Recorder, "on_batch_end", Stop.on_batch_end)
    path = tmp_path / "one.eegmamba"
    data = str(files / "hand-epo.fif")
    tiny = ["d_model=8", "n_layers=1", "max_epochs=1"]
    assert main(["fit", str(path), "--data", data, "--set", *tiny]) == 130
    assert not path.exists()


def test_fit_looks_for_the_folder_before_it_trains(files, capsys):
    path = files / "nowhere" / "model.eegmamba"
    assert main(["fit", str(path), "--data", str(files / "store")]) == 1
    assert "nowhere is no folder" in capsys.readouterr().err


def test_info(model, files, capsys):
    assert main(["info", str(files / "store")]) == 0
    text = capsys.readouterr().out
    assert "18 epochs, 3 channels, 2 s at 200 Hz: rest 9, task 9" in text
    assert "nothing was scored" in text
    assert main(["info", str(model)]) == 0
    text = capsys.readouterr().out
    assert "hand: 4 channels, 320 samples at 160 Hz, classes left, right" in text
    assert "noise: 3 channels, 400 samples at 200 Hz, classes rest, task" in text
    assert main(["info", str(files / "hand-epo.fif")]) == 0
    assert "48 events" in capsys.readouterr().out


def test_evaluate(files, capsys):
    out = files / "scores.csv"
    data = f"noise={files / 'store'}"
    tiny = [part for part in TINY if "device" not in part]
    command = ["evaluate", "--data", data, "--folds", "2", "--out", str(out)]
    assert main([*command, *tiny]) == 0
    assert "balanced_accuracy" in capsys.readouterr().out
    table = pd.read_csv(out)
    assert table["fold"].tolist() == ["0", "1", "mean", "std"]
    assert sorted(table["n_epochs"][:2]) == [6, 12]


def test_demo(capsys):
    assert main(["demo", "--tasks", "blink", *TINY]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].split()[0] == "blink"
    assert "majority_rate" in lines[-2]


def test_sys_info(capsys):
    assert main(["sys-info"]) == 0
    text = capsys.readouterr().out
    assert f"mne             {mne.__version__}" in text
    assert 'numba      chosen by "auto"' in text


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["info", "nowhere"], "There is no model file 'nowhere'"),
        (["predict", "{model}", "--data", "x-epo.fif"], "x-epo.fif does not exist"),
        (["predict", "{model}", "--data", "a=x", "x"], "takes NAME=VALUE. Got ['x']"),
        (["predict", "{model}", "--data", "a=.", "a=."], "names ['a'] more than once"),
        (["predict", "{model}", "--data", "."], "is no store: store.json is missing"),
        (
            ["fit", "m", "--data", "{store}", "--set", "width=3"],
            "Invalid parameter 'width' for estimator EEGMambaClassifier",
        ),
        (
            ["evaluate", "--data", "{store}", "--alone", "--set", "n_experts=3"],
            "Invalid parameter 'n_experts' for estimator EEGMambaClassifier",
        ),
        (["evaluate", "--data", "{store}", "--protocol", "paper"], "needs --out"),
        (
            ["evaluate", "--data", "{store}", "--protocol", "paper", "--out", "o"],
            "has no folder called like a data set: siena",
        ),
    ],
)
def test_errors_are_one_message(command, message, files, model, capsys):
    command = [part.format(model=model, store=files / "store") for part in command]
    assert main(command) == 1
    text = capsys.readouterr().err
    assert text.startswith("error: ")
    assert message in text
    assert "Traceback" not in text


def test_traceback_where_asked(capsys):
    with pytest.raises(FileNotFoundError):
        main(["info", "nowhere", "--traceback"])


def test_interrupt(monkeypatch, files, capsys):
    def stop(self, *args):
        raise KeyboardInterrupt

    monkeypatch.setattr(EEGMambaClassifier, "fit", stop)
    assert main(["fit", os.devnull, "--data", str(files / "store")]) == 130
    assert "Interrupted" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("1e-3", 1e-3), ("None", None), ("auto", "auto"), ("[1, 2]", [1, 2])],
)
def test_values(text, value):
    assert arguments.read_parameters([f"name={text}"]) == {"name": value}
