"""Simulated twins: deterministic, labelled as simulated, learnable."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mne_eegmamba.datasets import chbmit, shhs, siena, sleep_edf
from mne_eegmamba.datasets.simulate import simulate

READERS = {m.ABOUT.name: m for m in (chbmit, shhs, siena, sleep_edf)}
BANDS = ((0.3, 2.5), (2.5, 6), (6, 8.5), (8.5, 11.5), (11.5, 15), (15, 30))


@pytest.fixture(scope="module", params=READERS)
def name(request):
    return request.param


def contents(folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder): path.read_bytes() for path in files}


def band_power(epochs):
    """Return log power per band."""
    data = epochs.get_data()
    power = np.abs(np.fft.rfft(data)) ** 2
    hertz = np.fft.rfftfreq(data.shape[2], 1 / epochs.info["sfreq"])
    parts = [power[..., (hertz >= a) & (hertz < b)].mean(axis=(1, 2)) for a, b in BANDS]
    return np.log(np.column_stack(parts))


def test_a_classifier_learns_the_classes_from_another_subject(name, tmp_path):
    reader = READERS[name]
    epochs = reader.load(simulate(name, tmp_path, 2))
    assert set(epochs.event_id) == set(reader.ABOUT.classes)
    first = (
        epochs.metadata["subject"] == epochs.metadata["subject"].iloc[0]
    ).to_numpy()
    assert 0 < first.sum() < len(first)
    x, y = band_power(epochs), epochs.events[:, 2]
    model = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis())
    assert model.fit(x[first], y[first]).score(x[~first], y[~first]) > 0.95


def test_the_seed_decides(name, tmp_path):
    a, b, c = (
        contents(simulate(name, tmp_path / key, 1, seed))
        for key, seed in (("a", 3), ("b", 3), ("c", 4))
    )
    assert a == b
    assert a.keys() == c.keys()
    assert a != c


def test_simulated_is_said_everywhere(name, tmp_path):
    path = simulate(name, tmp_path / "new" / "folder", 1)
    assert "simulated" in (path / "SIMULATED.txt").read_text()
    recordings = list(path.rglob("*.edf"))
    assert recordings
    for file in recordings:
        assert b"Simulated" in file.read_bytes()[:88]


@pytest.mark.parametrize("n_subjects", [0, 99])
def test_numbers_of_subjects(name, tmp_path, n_subjects):
    with pytest.raises(ValueError, match=rf"must be in \[1, \d+\]. Got {n_subjects}"):
        simulate(name, tmp_path, n_subjects)


@pytest.mark.parametrize("wrong", ["edf", "signals", "Siena", ""])
def test_unknown_names(tmp_path, wrong):
    with pytest.raises(ValueError, match=f"`name` parameter must be .* Got '{wrong}'"):
        simulate(wrong, tmp_path)


def test_edfio_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "edfio", None)
    with pytest.raises(ImportError, match="need the package edfio. Install it with"):
        simulate("siena", tmp_path)


def test_readers_do_not_need_edfio():
    code = (
        "import sys; sys.modules['edfio'] = None\n"
        "from mne_eegmamba.datasets import chbmit, shhs, siena, simulate, sleep_edf\n"
        "sleep_edf.load\n"
        "print([name for name in ('torch', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
