"""DEAP's reader on the simulated twin and on files with one thing wrong."""

import os
import pickle

import numpy as np
import pytest

from mne_eegmamba.datasets import deap
from mne_eegmamba.datasets.simulate import simulate
from mne_eegmamba.datasets.simulate.deap import python2_pickle

# The order in the data set's description.
PUBLISHED = (
    "Fp1 AF3 F3 F7 FC5 FC1 C3 T7 CP5 CP1 P3 P7 PO3 O1 Oz Pz Fp2 AF4 Fz F4 F8 FC6 FC2 "
    "Cz C4 T8 CP6 CP2 P4 P8 PO4 O2"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return simulate("deap", tmp_path_factory.mktemp("deap"))


@pytest.fixture(scope="module")
def loaded(folder):
    return deap.load(folder)


def write_subject(folder, data, ratings, name="s01"):
    folder.mkdir(exist_ok=True)
    content = python2_pickle({"data": data, "labels": ratings})
    (folder / f"{name}.dat").write_bytes(content)
    return folder


def test_form_of_the_epochs(loaded):
    assert loaded.get_data().shape == (16, 4, 12000)
    assert loaded.info["sfreq"] == 200
    assert loaded.ch_names == ["Fp1", "Fp2", "F3", "C4"]
    assert loaded.event_id == {"low": 1, "high": 2}
    assert list(loaded.event_id) == list(deap.ABOUT.classes)
    assert list(loaded.metadata)[:4] == ["subject", "session", "recording", "onset"]
    assert loaded.metadata["subject"].tolist() == ["s01"] * 8 + ["s02"] * 8
    assert loaded.metadata["onset"].tolist()[:3] == [3, 66, 129]


def test_volts(loaded):
    assert 5e-6 < loaded.get_data().std() < 50e-6


def test_labels_are_the_simulated_ones(loaded):
    """Valence alternates; the second trial has exactly 4.5, which is high."""
    assert loaded.events[:, 2].tolist() == [1, 2] * 8
    assert loaded.metadata["rating"].iloc[1] == 4.5


def test_scale_and_threshold(folder):
    everything = deap.load(folder, ["s01"], scale="liking", threshold=1.0)
    assert everything.event_id == {"high": 2}
    liking = deap.load(folder, ["s01"], scale="liking", threshold=5.0)
    expected = liking.metadata["rating"] >= 5.0
    assert (liking.events[:, 2] == 2).tolist() == expected.tolist()
    valence = deap.load(folder, ["s01"]).metadata["rating"]
    assert (valence.to_numpy() != liking.metadata["rating"].to_numpy()).all()


def test_baseline_is_cut_off(tmp_path, rng):
    """The last 60 s of each trial are left, without a sample more or less."""
    data = rng.standard_normal((2, 40, 8064))
    write_subject(tmp_path, data, np.full((2, 4), 5.0))
    epochs = deap.load(tmp_path, sfreq=128, l_freq=None, h_freq=None)
    expected = data[:, [0, 16, 2, 24], 3 * 128 :] * 1e-6
    np.testing.assert_allclose(epochs.get_data(), expected)


def test_channels_are_the_paper_s(tmp_path):
    """Every row holds its number; the published names say which is which."""
    data = np.zeros((1, 40, 8064)) + np.arange(40)[:, np.newaxis]
    write_subject(tmp_path, data, np.full((1, 4), 5.0))
    epochs = deap.load(tmp_path, sfreq=128, l_freq=None, h_freq=None)
    rows = [PUBLISHED.split().index(name) for name in epochs.ch_names]
    expected = np.array(rows)[:, np.newaxis] * 1e-6 * np.ones(60 * 128)
    np.testing.assert_allclose(epochs.get_data()[0], expected)


def test_band_and_rate(tmp_path):
    times = np.arange(8064) / 128
    slow, fast = np.sin(2 * np.pi * 0.01 * times), np.sin(2 * np.pi * 63 * times)
    data = np.zeros((1, 40, 8064)) + 50 * (slow + fast)
    write_subject(tmp_path, data, np.full((1, 4), 5.0))
    kept = deap.load(tmp_path, l_freq=None, h_freq=None, sfreq=100)
    assert kept.get_data().shape[2] == 6000
    gone = deap.load(tmp_path).get_data()[:, :, 2000:-2000]
    assert np.abs(gone).max() < 0.1 * np.abs(kept.get_data()).max()


def test_reads_what_python_3_wrote(tmp_path, rng):
    data, ratings = rng.standard_normal((2, 40, 8064)), np.full((2, 4), 5.0)
    content = pickle.dumps({"data": data, "labels": ratings}, protocol=4)
    (tmp_path / "s01.dat").write_bytes(content)
    again = deap.load(tmp_path)
    write_subject(tmp_path, data, ratings)
    np.testing.assert_array_equal(again.get_data(), deap.load(tmp_path).get_data())


class Attack:
    """Calls a function when it is unpickled."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("how", ["os.system", "eval", "open", "numpy"])
def test_a_pickle_cannot_run_code(tmp_path, how, nested):
    mark = tmp_path / "ran"
    attack = {
        "os.system": Attack(os.system, f"touch {mark}"),
        "eval": Attack(eval, f"open({str(mark)!r}, 'w')"),
        "open": Attack(open, str(mark), "w"),
        "numpy": Attack(np.save, str(mark), 1),
    }[how]
    content = {"data": [attack], "labels": 0} if nested else attack
    (tmp_path / "s01.dat").write_bytes(pickle.dumps(content, protocol=2))
    with pytest.raises(ValueError, match=r"s01.*only numpy arrays are read"):
        deap.load(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["s01.dat"]


@pytest.mark.parametrize("size", [0, 100, 200_000])
def test_a_truncated_file_is_named(folder, tmp_path, size):
    inner = folder / "data_preprocessed_python"
    (tmp_path / "s01.dat").write_bytes((inner / "s01.dat").read_bytes()[:size])
    (tmp_path / "s02.dat").write_bytes((inner / "s02.dat").read_bytes())
    with pytest.raises(ValueError, match="Recording s01 cannot be used: s01.dat is"):
        deap.load(tmp_path)
    with pytest.warns(RuntimeWarning, match="Recording s01 cannot be used"):
        epochs = deap.load(tmp_path, on_error="warn")
    assert set(epochs.metadata["subject"]) == {"s02"}


def test_other_contents_are_refused(tmp_path):
    (tmp_path / "s01.dat").write_bytes(pickle.dumps([1, 2], protocol=2))
    with pytest.raises(ValueError, match="a dict with data and labels"):
        deap.load(tmp_path)
    write_subject(tmp_path, np.zeros((2, 32, 8064)), np.zeros((2, 4)))
    with pytest.raises(ValueError, match=r"Got \(2, 32, 8064\) and \(2, 4\)"):
        deap.load(tmp_path)
    write_subject(tmp_path, np.zeros((2, 40, 8064)), np.zeros((3, 4)))
    with pytest.raises(ValueError, match=r"and \(3, 4\)"):
        deap.load(tmp_path)


def test_finds_either_folder_and_subjects(folder):
    outer, inner = deap.find(folder), deap.find(folder / "data_preprocessed_python")
    assert outer == inner
    assert [recording.name for recording in deap.find(folder, ["s02"])] == ["s02"]
    with pytest.raises(ValueError, match=r"\['s01', 's02'\].*Got \['s33'\]"):
        deap.find(folder, ["s33"])
    with pytest.raises(FileNotFoundError, match=r"nowhere.*s01\.dat \.\.\. s32\.dat"):
        deap.load(folder / "nowhere")


def test_unknown_scale(folder):
    with pytest.raises(ValueError, match=r"valence.*liking.*Got 'joy'"):
        deap.load(folder, scale="joy")
    with pytest.raises(ValueError, match=r"valence.*liking.*Got 'joy'"):
        deap.read(deap.find(folder)[0], scale="joy")


def test_folds_are_table_7():
    folds = deap.ABOUT.folds
    assert [(fold[0], fold[-1]) for fold in folds] == [
        ("s01", "s06"),
        ("s07", "s12"),
        ("s13", "s18"),
        ("s19", "s25"),
        ("s26", "s32"),
    ]
    assert len({subject for fold in folds for subject in fold}) == 32
