"""What the readers of seizures and sleep do in the same way."""

import inspect
import shutil
from pathlib import Path

import numpy as np
import pytest

from mne_eegmamba.datasets import chbmit, shhs, siena, sleep_edf
from mne_eegmamba.datasets.simulate import chbmit as chbmit_twin
from mne_eegmamba.datasets.simulate import siena as siena_twin
from mne_eegmamba.datasets.simulate import simulate
from mne_eegmamba.datasets.simulate.edf import clock, write_edf

READERS = {m.ABOUT.name: m for m in (chbmit, shhs, siena, sleep_edf)}
SHORT = {"chbmit": {}, "siena": {}, "shhs": {"wake_minutes": 1}}
SHORT["sleep_edf"] = {"wake_minutes": 1}
N_CHANNELS = {"chbmit": 23, "shhs": 1, "siena": 29, "sleep_edf": 1}


@pytest.fixture(scope="module", params=READERS)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def reader(name):
    return READERS[name]


@pytest.fixture(scope="module")
def twin(name, tmp_path_factory):
    """Recordings that are only read."""
    return simulate(name, tmp_path_factory.mktemp(name), 2)


@pytest.fixture(scope="module")
def epochs(name, reader, twin):
    return reader.load(twin, **SHORT[name])


@pytest.fixture
def copy(twin, tmp_path):
    """Recordings to be spoilt."""
    return Path(shutil.copytree(twin, tmp_path / "copy"))


def test_facts_of_the_paper(name, reader):
    about = reader.ABOUT
    assert about.n_channels == N_CHANNELS[name]
    assert about.duration == (4 if about.task == "seizure" else 30)
    assert about.task in ("seizure", "sleep")
    assert len(about.folds) == (0 if name == "shhs" else 5)
    assert about.url.startswith("https://")


def test_subjects_of_the_folds_are_those_of_the_metadata(name, reader, twin):
    found = {recording.subject for recording in reader.find(twin)}
    folds = reader.ABOUT.folds or shhs.paper_folds(sorted(found))
    members = [subject for fold in folds for subject in fold]
    outside = {"siena": {"PN10"}, "chbmit": {"chb24"}}
    assert found - outside.get(name, set()) <= set(members)


def test_subjects_are_picked(reader, twin):
    first, *_, last = sorted({r.subject for r in reader.find(twin)})
    assert {r.subject for r in reader.find(twin, [last])} == {last}
    assert {r.subject for r in reader.find(twin, last)} == {last}
    assert len(reader.find(twin, [first, last])) == len(reader.find(twin))
    with pytest.raises(ValueError, match="subjects must be out of .* Got .'nobody'"):
        reader.find(twin, ["nobody"])


@pytest.mark.parametrize("sub", [".", "not/there"])
def test_a_wrong_path_says_what_should_be_there(reader, tmp_path, sub):
    with pytest.raises(FileNotFoundError, match="No recordings found: .* should hold"):
        reader.find(tmp_path / sub)
    with pytest.raises(FileNotFoundError) as error:
        reader.load(tmp_path / sub)
    assert reader.ABOUT.layout in str(error.value)


def test_truncated_recordings_are_named(name, reader, copy):
    [broken, *_] = recordings = reader.find(copy)
    broken.signal.write_bytes(broken.signal.read_bytes()[:-7777])
    match = f"{broken.name} cannot be used: {broken.signal.name} is truncated"
    with pytest.raises(ValueError, match=match.replace("+", r"\+")):
        reader.load(copy, **SHORT[name])
    with pytest.warns(RuntimeWarning, match=match):
        epochs = reader.load(copy, on_error="warn", **SHORT[name])
    kept = {recording.name for recording in recordings} - {broken.name}
    assert set(epochs.metadata["recording"]) == kept


def test_unreadable_recordings_are_named(name, reader, copy):
    [broken, *_] = reader.find(copy)
    broken.signal.write_bytes(b"<html>Please log in</html>")
    with pytest.raises(ValueError, match=f"{broken.name} cannot be used.*EDF header"):
        reader.load(copy, **SHORT[name])


def test_on_error_is_checked(reader, twin):
    with pytest.raises(ValueError, match="`on_error` parameter must be"):
        reader.load(twin, on_error="ignore")


def test_volts_rate_and_metadata(name, reader, epochs):
    assert list(epochs.metadata) == ["subject", "session", "recording", "onset"]
    assert epochs.info["sfreq"] == 200
    assert len(epochs.ch_names) == N_CHANNELS[name]
    assert set(epochs.get_channel_types()) == {"eeg"}
    assert 5e-6 < np.median(epochs.get_data().std(axis=2)) < 200e-6
    assert set(epochs.event_id) == set(reader.ABOUT.classes)


def test_read_is_load_of_one(name, reader, twin, epochs):
    first = reader.find(twin)[0]
    one = reader.read(first, **SHORT[name])
    same = epochs[f"recording == '{first.name}'"]
    np.testing.assert_array_equal(one.get_data(), same.get_data())
    assert one.metadata.to_dict("list") == same.metadata.to_dict("list")


def test_load_has_the_keywords_of_read(reader):
    """So that nobody forgets one, or its default, in a place."""
    read = inspect.signature(reader.read).parameters
    load = inspect.signature(reader.load).parameters
    assert {k: p.default for k, p in read.items() if k != "recording"}.items() <= {
        k: p.default for k, p in load.items()
    }.items()


def test_rate_and_band_reach_the_signal(name, reader, twin):
    first = reader.find(twin)[0]
    slow = reader.read(first, sfreq=100.0, l_freq=None, h_freq=20.0, **SHORT[name])
    assert slow.info["sfreq"] == 100
    data = slow.get_data()
    power = np.abs(np.fft.rfft(data)) ** 2
    hertz = np.fft.rfftfreq(data.shape[2], 1 / 100)
    assert power[..., hertz > 26].mean() < 1e-2 * power[..., hertz < 20].mean()


SINE, HUM, DRIFT = 50.0, 200.0, 500.0  # microvolts


def hummed(sfreq, seconds):
    """10 Hz to keep; 60 Hz and an offset to lose."""
    times = np.arange(round(seconds * sfreq)) / sfreq
    hum = HUM * np.sin(2 * np.pi * 60 * times) if sfreq > 120 else 0
    return SINE * np.sin(2 * np.pi * 10 * times) + hum + DRIFT


def seizure_set(name, tmp_path):
    """Write 200 s of one recording, without a seizure in it."""
    case, file, labels = {
        "siena": ("PN03", "PN03-1", [f"EEG {c}" for c in siena.CHANNELS]),
        "chbmit": ("chb05", "chb05_01", chbmit_twin.LABELS),
    }[name]
    sfreq = {"siena": siena_twin.SFREQ, "chbmit": chbmit_twin.SFREQ}[name]
    (tmp_path / case).mkdir()
    x = hummed(sfreq, 200)
    signals = [(label, sfreq, x, "uV") for label in labels]
    write_edf(tmp_path / case / f"{file}.edf", clock("10.00.00"), signals)
    listing = "Seizures-list-PN03.txt" if name == "siena" else "chb05-summary.txt"
    (tmp_path / case / listing).write_text(
        f"File name: {file}.edf\nNumber of Seizures in File: 0\n"
    )


def sleep_set(name, tmp_path, monkeypatch):
    """Write a twin whose EEG is not noise."""
    twin = __import__(f"mne_eegmamba.datasets.simulate.{name}", fromlist=["sleep"])
    monkeypatch.setattr(twin, "sleep", lambda rng, sfreq, s: hummed(sfreq, 30 * len(s)))
    simulate(name, tmp_path, 1)


def test_the_continuous_signal_is_filtered(name, reader, tmp_path, monkeypatch):
    """Nothing is left of 60 Hz and offset, and epochs join without a seam."""
    if reader.ABOUT.task == "seizure":
        seizure_set(name, tmp_path)
    else:
        sleep_set(name, tmp_path, monkeypatch)
    epochs = reader.load(tmp_path, **SHORT[name])
    n_edge = 15 if reader.ABOUT.task == "seizure" else 2  # a long filter's own edge
    data = epochs.get_data()[n_edge:-n_edge, 0]
    times = epochs.metadata["onset"].to_numpy()[n_edge:-n_edge, None] + epochs.times
    # MNE's resampling may shift by less than a sample, the same for all epochs.
    shift = np.angle((data * np.exp(-20j * np.pi * times)).mean()) + np.pi / 2
    assert abs(shift) < 2 * np.pi * 10 / 200
    expected = SINE * 1e-6 * np.sin(20 * np.pi * times + shift)
    np.testing.assert_allclose(data, expected, atol=0.05 * SINE * 1e-6)
