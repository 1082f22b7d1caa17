"""Wake around sleep, stages beyond the signal, the npz form."""

import mne
import numpy as np
import pytest

from mne_eegmamba.datasets.recordings import NoEpochs, Recording
from mne_eegmamba.datasets.sleep import (
    EVENT_ID,
    near_sleep,
    only_channel,
    open_npz,
    stage_epochs,
)

SLEEP = np.array([0] * 5 + [1, 2, 0, -1, 4] + [0] * 5)
STARTS = 30.0 * np.arange(len(SLEEP))
BAND = {"sfreq": 100.0, "l_freq": None, "h_freq": None}


def raw_of(seconds, sfreq=100.0):
    info = mne.create_info(["A", "B"], sfreq, "eeg")
    return mne.io.RawArray(np.zeros((2, round(seconds * sfreq))), info, verbose="error")


def epochs_of(raw, stages=SLEEP, wake_minutes=None):
    recording = Recording("night", "s", "1", "night.edf")
    starts = 30.0 * np.arange(len(stages))
    return stage_epochs(raw, starts, stages, recording, wake_minutes, **BAND)


@pytest.mark.parametrize(
    ("minutes", "first", "last"), [(0, 5, 9), (0.5, 4, 10), (1, 3, 11), (99, 0, 14)]
)
def test_wake_around_sleep(minutes, first, last):
    kept = np.flatnonzero(near_sleep(STARTS, SLEEP, minutes))
    assert (kept[0], kept[-1]) == (first, last)
    assert len(kept) == last - first + 1  # wake inside sleep stays


def test_all_wake():
    assert near_sleep(STARTS, SLEEP, None).all()
    with pytest.raises(NoEpochs, match="no sleep is scored"):
        near_sleep(STARTS, np.zeros(len(STARTS)), 30)


def test_what_is_not_scored_is_left_out():
    epochs = epochs_of(raw_of(450))
    assert len(epochs) == 14
    assert 240.0 not in epochs.metadata["onset"].tolist()
    assert epochs.event_id == {k: v for k, v in EVENT_ID.items() if k != "N3"}


def test_wake_after_the_signal_and_a_shorter_last_epoch():
    epochs = epochs_of(raw_of(310))  # sleep ends at 300 s
    assert epochs.metadata["onset"].max() == 270.0
    epochs = epochs_of(raw_of(290))  # the last epoch of sleep has 20 s
    assert epochs.metadata["onset"].max() == 210.0


def test_sleep_after_the_signal():
    with pytest.raises(ValueError, match="scored up to 300 s, the signal has 260 s"):
        epochs_of(raw_of(260))


@pytest.mark.parametrize("minutes", [-1, float("nan")])
def test_wake_minutes_are_checked(minutes):
    with pytest.raises(ValueError, match="`wake_minutes` parameter must be None or at"):
        epochs_of(raw_of(450), wake_minutes=minutes)


def test_only_channel():
    raw = raw_of(1)
    only_channel(raw, "B", "C4-A1")
    assert raw.ch_names == ["C4-A1"]
    with pytest.raises(ValueError, match="channel 'EEG' is missing; it has"):
        only_channel(raw, "EEG", "C4-A1")


def write_npz(path, **changes):
    x = np.arange(4 * 3000, dtype=np.float32).reshape(4, 3000, 1)
    arrays = {"x": x, "y": np.array([0, 1, 2, 4], np.int32), "fs": 100} | changes
    np.savez(path, **{name: a for name, a in arrays.items() if a is not None})


@pytest.mark.parametrize("fs", [100, 100.0, np.array([100]), None])
def test_npz_is_joined_in_volts(tmp_path, fs):
    write_npz(tmp_path / "a.npz", fs=fs)
    raw, starts, stages = open_npz(tmp_path / "a.npz", "Fpz-Cz")
    np.testing.assert_allclose(raw.get_data()[0], 1e-6 * np.arange(12000))
    assert raw.info["sfreq"] == 100
    assert starts.tolist() == [0, 30, 60, 90]
    assert stages.tolist() == [0, 1, 2, 4]


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"fs": 125}, "a.npz states fs = 125 Hz.* 3000 samples, which is 100 Hz"),
        ({"y": None}, "a.npz lacks an array"),
        ({"y": np.arange(3)}, "must hold x .*Got x .4, 3000, 1. and y .3"),
        ({"x": np.zeros((4, 3000))}, "must hold x"),
        ({"y": np.array([0, 1, 2, 5])}, "must have stages 0 to 4. Got .0 1 2 5"),
        ({"x": np.array([{}])}, "Object arrays cannot be loaded"),
    ],
)
def test_npz_of_another_form(tmp_path, changes, match):
    write_npz(tmp_path / "a.npz", **changes)
    with pytest.raises(ValueError, match=match):
        open_npz(tmp_path / "a.npz", "Fpz-Cz")


@pytest.mark.parametrize("size", [0, 10, 20000, 48000])
def test_truncated_npz(tmp_path, size):
    write_npz(tmp_path / "a.npz")
    data = (tmp_path / "a.npz").read_bytes()
    assert size < len(data)
    (tmp_path / "a.npz").write_bytes(data[:size])
    with pytest.raises(ValueError, match="a.npz is truncated or no npz"):
        open_npz(tmp_path / "a.npz", "Fpz-Cz")
