"""Where a data set lies: as configured, or a twin that is called one."""

import subprocess
import sys
from pathlib import Path

import pytest

from mne_eegmamba.datasets import deap, locate
from mne_eegmamba.datasets.simulate import simulate

KEY = "MNE_DATASETS_DEAP_PATH"


@pytest.fixture(autouse=True)
def _no_configuration(tmp_path, monkeypatch):
    """Leave the configuration of whoever runs the tests alone."""
    monkeypatch.setenv("_MNE_FAKE_HOME_DIR", str(tmp_path))
    monkeypatch.delenv(KEY, raising=False)


def test_the_configured_folder_is_taken_as_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv(KEY, str(tmp_path))
    path, simulated = locate("deap")
    assert (path, simulated) == (tmp_path, False)
    assert locate("deap").note == "real recordings"
    assert list(tmp_path.iterdir()) == []


def test_a_configured_twin_is_still_called_simulated(tmp_path, monkeypatch):
    monkeypatch.setenv(KEY, str(simulate("deap", tmp_path / "twin", 1)))
    assert locate("deap").simulated


def test_without_configuration_a_twin_is_written_once():
    place = locate("deap", n_subjects=2)
    assert place.simulated
    assert "mean nothing for EEG" in place.note
    assert [found.subject for found in deap.find(place.path)] == ["s01", "s02"]
    assert locate("deap", n_subjects=2).path == place.path


def test_the_twin_is_removed_when_python_ends():
    code = "from mne_eegmamba.datasets import locate; print(locate('deap', 1).path)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert "simulated_deap" in done.stdout
    assert not Path(done.stdout.strip()).exists()


def test_a_folder_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setenv(KEY, str(tmp_path / "away"))
    with pytest.raises(FileNotFoundError, match=rf"{KEY}=.*away, which is no folder"):
        locate("deap")


def test_unknown_data_sets():
    with pytest.raises(ValueError, match="must be one of .*'siena'.* Got 'tuh'"):
        locate("tuh")
