"""SEED's reader on the simulated twin and on files with one thing wrong."""

import shutil

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from mne_eegmamba.datasets import seed
from mne_eegmamba.datasets.simulate import simulate
from mne_eegmamba.datasets.simulate.seed import LABELS, RHYTHMS

NAMES = {-1: "negative", 0: "neutral", 1: "positive"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return simulate("seed", tmp_path_factory.mktemp("seed"))


@pytest.fixture(scope="module")
def recordings(folder):
    return seed.find(folder)


@pytest.fixture(scope="module")
def epochs(recordings):
    return seed.read(recordings[0])


def lengths(recording):
    """Return the lengths of the films in samples, in the order they were shown."""
    films = loadmat(recording.signal)
    names = [name for name in films if "_eeg" in name]
    prefix = names[0].split("_")[0]
    return [films[f"{prefix}_eeg{k}"].shape[1] for k in range(1, 16)]


def write_session(folder, films, labels, name="1_20131027"):
    savemat(folder / "label.mat", {"label": np.array([labels])})
    content = {f"ab_eeg{number}": film for number, film in films.items()}
    savemat(folder / f"{name}.mat", content)
    return folder


def test_form_of_the_epochs(epochs):
    assert epochs.get_data().shape == (15, 62, 4000)
    assert epochs.info["sfreq"] == 200
    assert list(epochs.event_id) == ["negative", "neutral", "positive"]
    assert list(epochs.metadata)[:4] == ["subject", "session", "recording", "onset"]
    assert set(epochs.metadata["subject"]) == {"1"}
    assert set(epochs.metadata["session"]) == {"20131027"}
    assert set(epochs.metadata["recording"]) == {"1_20131027"}
    assert 5e-6 < epochs.get_data().std() < 50e-6


def test_channels_are_in_the_published_order(tmp_path):
    """Numbers from the authors' list; every row of the file holds its number."""
    film = np.ones((62, 400)) * np.arange(62)[:, np.newaxis]
    write_session(tmp_path, {1: film}, [1])
    epochs = seed.load(tmp_path, duration=2, l_freq=None, h_freq=None)
    numbers = dict(zip(epochs.ch_names, epochs.get_data()[0, :, 0] * 1e6, strict=True))
    assert len(numbers) == 62
    published = {"Fp1": 1, "Fpz": 2, "AF4": 5, "F8": 14, "FT8": 23, "C3": 26, "C4": 30}
    published |= {"TP8": 41, "P7": 42, "POz": 54, "CB1": 58, "O1": 59, "CB2": 62}
    for name, number in published.items():
        assert numbers[name] == pytest.approx(number - 1)


def test_labels_and_films_are_in_the_order_shown(epochs):
    """Sorted as text, film 10 would be the second; its rhythm tells."""
    names = {code: name for name, code in epochs.event_id.items()}
    found = [names[code] for code in epochs.events[:, 2]]
    assert found == [NAMES[label] for label in LABELS]
    assert epochs.metadata["film"].tolist() == list(range(1, 16))
    power = np.abs(np.fft.rfft(epochs.get_data().mean(axis=1)))
    peaks = np.argmax(power, axis=1) / 20
    np.testing.assert_allclose(peaks, [RHYTHMS[label] for label in LABELS], atol=0.1)


def test_films_differ_in_length(recordings):
    recording = recordings[1]
    n_times = lengths(recording)
    assert len(set(n_times)) > 5
    epochs = seed.read(recording, duration=2)
    per_film = epochs.metadata.groupby("film").size().tolist()
    assert per_film == [length // 400 for length in n_times]
    second = epochs.metadata.query("film == 2")["onset"].tolist()
    np.testing.assert_allclose(second[:2], [n_times[0] / 200, n_times[0] / 200 + 2])
    only_long = seed.read(recording, duration=22)
    expected = [film for film, n in enumerate(n_times, 1) if n >= 22 * 200]
    assert only_long.metadata["film"].tolist() == expected


def test_every_subject_has_its_own_prefix(recordings):
    other = next(recording for recording in recordings if recording.subject == "2")
    keys = {key.split("_")[0] for key in loadmat(other.signal) if "_eeg" in key}
    assert keys != {
        key.split("_")[0] for key in loadmat(recordings[0].signal) if "_eeg" in key
    }
    assert len(seed.read(other)) == 15


def test_films_are_filtered_by_themselves(tmp_path, rng):
    quiet, film = rng.standard_normal((2, 62, 4400))
    parts = []
    for loud in (0, 1e5):
        write_session(tmp_path, {1: quiet + loud, 2: film}, [0, 1])
        epochs = seed.load(tmp_path)
        parts.append(epochs[epochs.metadata["film"] == 2].get_data())
    np.testing.assert_array_equal(*parts)


def test_band_and_rate(tmp_path):
    times = np.arange(12000) / 200
    slow, fast = np.sin(2 * np.pi * 0.01 * times), np.sin(2 * np.pi * 70 * times)
    write_session(tmp_path, {1: np.zeros((62, 12000)) + 50 * (slow + fast)}, [1])
    kept = seed.load(tmp_path, l_freq=None, h_freq=None)
    gone = seed.load(tmp_path)[1].get_data()  # the middle of three
    assert np.abs(gone).max() < 0.1 * np.abs(kept.get_data()).max()
    assert seed.load(tmp_path, sfreq=100).get_data().shape == (3, 62, 2000)


def test_features_beside_the_signals_are_not_read(folder, tmp_path):
    features = tmp_path / "ExtractedFeatures"
    features.mkdir()
    savemat(features / "1_20131027.mat", {"de_LDS1": np.zeros((62, 10, 5))})
    savemat(features / "label.mat", {"label": [LABELS]})
    with pytest.raises(ValueError, match="signals are in the folder Preprocessed_EEG"):
        seed.load(features)
    shutil.copytree(folder / "Preprocessed_EEG", tmp_path / "Preprocessed_EEG")
    parents = {recording.signal.parent.name for recording in seed.find(tmp_path)}
    assert parents == {"Preprocessed_EEG"}


def test_subjects_are_in_the_order_of_numbers(tmp_path):
    for name in ("10_20131130", "2_20140404", "2_20140413", "1_20131027", "label"):
        (tmp_path / f"{name}.mat").touch()
    found = [recording.name for recording in seed.find(tmp_path)]
    assert found == ["1_20131027", "2_20140404", "2_20140413", "10_20131130"]
    assert len(seed.find(tmp_path, ["2"])) == 2
    with pytest.raises(ValueError, match=r"Got \['16'\]"):
        seed.find(tmp_path, ["16"])
    with pytest.raises(FileNotFoundError, match=r"Preprocessed_EEG.*label\.mat"):
        seed.load(tmp_path / "nowhere")


def test_missing_or_wrong_labels(tmp_path, rng):
    films = {1: rng.standard_normal((62, 4100)), 2: rng.standard_normal((62, 4100))}
    write_session(tmp_path, films, [0])
    with pytest.raises(ValueError, match=r"1_20131027.*1 labels for the 2 films"):
        seed.load(tmp_path)
    write_session(tmp_path, films, [0, 2])
    with pytest.raises(ValueError, match=r"out of \[-1, 0, 1\]. Got \{2\}"):
        seed.load(tmp_path)
    savemat(tmp_path / "label.mat", {"other": 1})
    with pytest.raises(ValueError, match="no variable label"):
        seed.load(tmp_path)
    (tmp_path / "label.mat").unlink()
    with pytest.raises(ValueError, match="label.mat is missing"):
        seed.load(tmp_path)


def test_missing_or_wrong_films(tmp_path, rng):
    films = {1: rng.standard_normal((62, 4100)), 3: rng.standard_normal((62, 4100))}
    write_session(tmp_path, films, [0, 1, 1])
    with pytest.raises(ValueError, match=r"films are missing: it has \[1, 3\]"):
        seed.load(tmp_path)
    write_session(tmp_path, {1: films[1].T}, [0])
    with pytest.raises(ValueError, match=r"film 1 .* Got \(4100, 62\)"):
        seed.load(tmp_path)


@pytest.mark.parametrize("size", [0, 100, 300_000])
def test_a_truncated_file_is_named(tmp_path, rng, size):
    films = {1: rng.standard_normal((62, 4100))}
    write_session(tmp_path, films, [0])
    write_session(tmp_path, films, [0], name="2_20140404")
    file = tmp_path / "1_20131027.mat"
    file.write_bytes(file.read_bytes()[:size])
    with pytest.raises(ValueError, match=r"Recording 1_20131027 cannot.*not a whole"):
        seed.load(tmp_path)
    with pytest.warns(RuntimeWarning, match="Recording 1_20131027 cannot be used"):
        epochs = seed.load(tmp_path, on_error="warn")
    assert set(epochs.metadata["recording"]) == {"2_20140404"}


def test_duration_must_be_positive(folder):
    with pytest.raises(ValueError, match="above 0 seconds. Got 0"):
        seed.load(folder, duration=0)


def test_films_shorter_than_an_epoch_are_no_error_but_said(folder):
    with pytest.raises(ValueError, match="2 recordings gave epochs.*no epochs under"):
        seed.load(folder, subjects=["1"], duration=60)


def test_folds_are_table_7():
    assert seed.ABOUT.folds[0] == ("1", "2", "3")
    assert sum(seed.ABOUT.folds, ()) == tuple(str(k) for k in range(1, 16))
