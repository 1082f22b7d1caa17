"""EDF files are read whole or not at all."""

import numpy as np
import pytest

from mne_eegmamba.datasets.edf import check_complete, open_edf
from mne_eegmamba.datasets.simulate.edf import clock, write_edf


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "night.edf"
    signals = [("EEG A", 100.0, np.full(1000, 50.0), "uV"), ("T", 1.0, np.ones(10), "")]
    write_edf(path, clock("22.00.00"), signals)
    return path


def test_volts(path):
    np.testing.assert_allclose(open_edf(path).get_data(["EEG A"]), 50e-6, rtol=1e-3)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="the file night.edf is missing"):
        open_edf(tmp_path / "night.edf")


@pytest.mark.parametrize("missing", [1, 150, 1000])
def test_truncated(path, missing):
    path.write_bytes(path.read_bytes()[:-missing])
    with pytest.raises(ValueError, match="night.edf is truncated.* states 10 records"):
        open_edf(path)


@pytest.mark.parametrize("size", [0, 100, 300])
def test_not_even_a_header(path, size):
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ValueError, match="night.edf has no readable EDF header"):
        open_edf(path)


def test_a_recording_in_progress_states_no_size(path):
    data = path.read_bytes()
    path.write_bytes(data[:236] + b"-1      " + data[244:-300])
    check_complete(path)
