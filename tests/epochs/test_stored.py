import pickle

import mne
import numpy as np
import pytest

from mne_eegmamba.datasets import write_store
from mne_eegmamba.epochs.check import is_epochs, signals_from_epochs
from tests.datasets.noise import make_recordings, read_noise


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stored")
    recordings = make_recordings(folder)
    return write_store(folder / "store", "noise", recordings, read_noise, {})


INDICES = [
    slice(None),
    slice(5, 20, 3),
    slice(None, None, -1),
    np.array([23, 0, 7, 7, 6]),
    np.arange(24) % 5 == 0,
    [],
]


@pytest.mark.parametrize("index", INDICES, ids=range(len(INDICES)))
def test_indexing_is_that_of_arrays(stored, index):
    index = np.array(index, dtype=int) if isinstance(index, list) else index
    view = stored[index]
    np.testing.assert_array_equal(view.get_data(), stored.get_data()[index])
    np.testing.assert_array_equal(view.y, stored.y[index])
    np.testing.assert_array_equal(view.groups, stored.groups[index])
    np.testing.assert_array_equal(view.samples[:], stored.samples[index])
    assert view.shape == view.get_data().shape
    if len(view):
        np.testing.assert_array_equal(view[-1:].get_data()[0], view.samples[-1])


def test_view_of_a_view(stored):
    view = stored[np.arange(20, 4, -2)][2:5]
    np.testing.assert_array_equal(view.get_data(), stored.get_data()[[16, 14, 12]])


@pytest.mark.parametrize("index", [3, "rest", np.zeros((2, 2), int), [0.5]])
def test_other_indices_are_refused(stored, index):
    with pytest.raises(IndexError, match="take a slice or a vector of ints or bools"):
        stored[index]


def test_beyond_the_end(stored):
    with pytest.raises(IndexError):
        stored[[24]]


def test_no_loop(stored):
    with pytest.raises(TypeError):
        iter(stored)


def test_channels_in_another_order(stored):
    found = stored.samples.reordered([2, 0, 1])
    np.testing.assert_array_equal(found[3:5], stored.get_data()[3:5][:, [2, 0, 1]])
    again = found.reordered([1, 2, 0])
    np.testing.assert_array_equal(again[:], stored.get_data())


def test_goes_through_pickle(stored):
    copy = pickle.loads(pickle.dumps(stored[3:9]))
    np.testing.assert_array_equal(copy.get_data(), stored[3:9].get_data())


def test_to_epochs(stored):
    part = stored[[1, 3, 8]]
    epochs = part.to_epochs()
    assert isinstance(epochs, mne.EpochsArray)
    np.testing.assert_array_equal(epochs.get_data(), part.get_data())
    assert list(epochs.event_id) == ["rest", "task"]
    assert epochs.events[:, 2].tolist() == [2, 2, 1]
    assert epochs.metadata.equals(part.metadata)
    assert (epochs.ch_names, epochs.info["sfreq"]) == (part.ch_names, part.sfreq)


def test_one_class_alone(stored):
    epochs = stored[stored.y == "task"].to_epochs()
    assert epochs.event_id == {"task": 2}


def test_repr(stored):
    text = "<StoredEpochs | 24 epochs, 3 channels, 2 s at 200 Hz: rest 12, task 12>"
    assert repr(stored) == text


def test_signals_are_not_read(stored):
    signals = signals_from_epochs([stored])
    assert signals.data.shape == stored.shape
    assert not isinstance(signals.data, np.ndarray)
    assert is_epochs(stored)


def test_list_with_a_store_is_refused(stored):
    with pytest.raises(ValueError, match="Only one store at a time"):
        signals_from_epochs([stored, stored.to_epochs()])


def test_no_epochs(stored):
    with pytest.raises(ValueError, match="X holds 0 epochs"):
        signals_from_epochs(stored[:0])


def test_file_that_shrinks_while_it_is_open(tmp_path):
    recordings = make_recordings(tmp_path)
    stored = write_store(tmp_path / "store", "noise", recordings, read_noise, {})
    file = tmp_path / "store" / "rec.3.npy"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(OSError, match="ended too early"):
        stored.get_data()
