import pytest

from mne_eegmamba.datasets import write_store
from tests.datasets.noise import make_recordings, read_noise


@pytest.fixture
def recordings(tmp_path):
    """Four recordings of two subjects, all of them readable."""
    return make_recordings(tmp_path)


@pytest.fixture
def write(tmp_path, recordings):
    """A function that writes the store ``tmp_path / "store"``."""

    def run(recordings=recordings, read=read_noise, parameters=None, **others):
        out = tmp_path / "store"
        return write_store(out, "noise", recordings, read, parameters or {}, **others)

    return run
