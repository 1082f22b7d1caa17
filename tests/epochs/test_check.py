"""Epochs, lists of them and arrays become one checked array."""

import mne
import numpy as np
import pytest

from mne_eegmamba.epochs import check
from mne_eegmamba.epochs.check import (
    check_finite,
    check_lengths,
    epochs_list,
    is_epochs,
    signals_from_array,
    signals_from_epochs,
)
from mne_eegmamba.epochs.labels import event_names, metadata_column


@pytest.mark.parametrize(
    ("make", "answer"),
    [
        (lambda e: e, True),
        (lambda e: [e[0], e[1]], True),
        (lambda e: (e[0],), True),
        (lambda e: [], False),
        (lambda e: [e, None], False),
        (lambda e: e.get_data(copy=True), False),
        (lambda e: e.average(), False),
        (lambda e: None, False),
    ],
)
def test_is_epochs(epochs, make, answer):
    assert is_epochs(make(epochs)) is answer


def test_epochs_list(epochs):
    assert epochs_list(epochs) == [epochs]
    parts = (epochs[0], epochs[1])
    assert epochs_list(parts) == list(parts)


def test_signals_of_epochs(epochs):
    signals = signals_from_epochs(epochs)
    np.testing.assert_array_equal(signals.data, epochs.get_data())
    assert np.shares_memory(signals.data, epochs.get_data(copy=False))
    assert signals.ch_names == ("C3", "Cz", "C4", "Pz")
    assert signals.sfreq == 160.0
    assert not signals.two_d


def test_signals_of_a_list(epochs):
    signals = signals_from_epochs([epochs[:5], epochs[5], epochs[6:]])
    np.testing.assert_array_equal(signals.data, epochs.get_data())
    one = signals_from_epochs([epochs[3]])
    np.testing.assert_array_equal(one.data, epochs[3].get_data())


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, bool])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_are_not_copied(dtype, order):
    x = np.ones((4, 3, 10), dtype=dtype, order=order)
    signals = signals_from_array(x)
    assert signals.data is x
    assert (signals.ch_names, signals.sfreq, signals.two_d) == (None, None, False)


def test_two_dimensions_are_one_channel():
    x = np.arange(20.0).reshape(4, 5)
    signals = signals_from_array(x)
    assert signals.data.shape == (4, 1, 5)
    assert signals.two_d
    assert np.shares_memory(signals.data, x)
    np.testing.assert_array_equal(signals.data[:, 0], x)


@pytest.mark.parametrize("shape", [(), (5,), (2, 3, 4, 5)])
def test_other_dimensions_are_refused(shape):
    with pytest.raises(
        ValueError,
        match=rf"\(n_epochs, n_channels, n_times\).* Got {len(shape)} dimensions",
    ):
        signals_from_array(np.ones(shape))


@pytest.mark.parametrize("shape", [(0, 3, 4), (3, 0, 4), (3, 4, 0), (0, 4), (4, 0)])
def test_empty_arrays_are_refused(shape):
    with pytest.raises(ValueError, match="must not be empty"):
        signals_from_array(np.ones(shape))


class TestFinite:
    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
    @pytest.mark.parametrize(
        ("value", "word"),
        [(np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "infinity")],
    )
    def test_the_first_is_named(self, dtype, value, word):
        x = np.zeros((6, 3, 8), dtype=dtype)
        x[4, 2, 1:3] = x[5, 0, 0] = value
        with pytest.raises(
            ValueError,
            match=rf"{word}: epoch 4, channel 2, sample 1 \(.* so far: 2\).*drop",
        ):
            check_finite(x, None)
        with pytest.raises(ValueError, match=r"channel 2 \('O2'\)"):
            check_finite(x, ("Cz", "O1", "O2"))

    @pytest.mark.parametrize("budget", [1, 24, 50, 10**6])
    def test_in_pieces(self, monkeypatch, budget):
        monkeypatch.setattr(check, "FINITE_BUDGET", budget)
        x = np.zeros((7, 3, 8))
        check_finite(x, None)
        x[5, 1, 7] = np.nan
        with pytest.raises(ValueError, match="epoch 5, channel 1, sample 7"):
            check_finite(x, None)

    @pytest.mark.parametrize("dtype", [np.int16, np.uint8, bool])
    def test_whole_numbers_are_finite(self, dtype):
        check_finite(np.ones((2, 2, 2), dtype=dtype), None)

    def test_huge_numbers_are_finite(self):
        check_finite(np.full((2, 2, 2), np.finfo(float).max), None)


class TestBadEpochs:
    def test_bad_channel(self, epochs):
        mine = epochs.copy()
        mine.info["bads"] = ["C4"]
        with pytest.raises(ValueError, match=r"marked bad: \['C4'\].*interpolate_bads"):
            signals_from_epochs([epochs, mine])

    def test_triggers(self, epochs):
        mine = epochs.copy().set_channel_types({"Pz": "stim"}, verbose="error")
        with pytest.raises(ValueError, match=r"trigger channels: \['Pz'\].*pick"):
            signals_from_epochs(mine)

    @pytest.mark.parametrize("kind", ["eog", "misc", "mag", "ecog"])
    def test_other_signals_are_allowed(self, epochs, kind):
        mine = epochs.copy().set_channel_types({"Pz": kind}, verbose="error")
        assert signals_from_epochs(mine).data.shape[1] == 4

    @pytest.mark.parametrize("word", ["BAD", "bad_blink", "Bad muscle"])
    def test_bad_annotations(self, epochs, word):
        mine = epochs.copy()
        # An epoch starts at each sample; from sample 330 on, only later ones overlap.
        start = 330.5 / epochs.info["sfreq"]
        mine.set_annotations(mne.Annotations([start], [0.1], [word]))
        with pytest.raises(ValueError, match=rf"Epoch \d+ .*'{word}'.*annotation"):
            signals_from_epochs(mine)
        assert len(signals_from_epochs(mine[:5]).data) == 5

    def test_what_mne_keeps_is_taken(self):
        """A mark of no length where an epoch begins, and one outside of reject_tmin."""
        parts = [
            mne.io.RawArray(np.ones((1, 600)), mne.create_info(1, 100.0, "eeg"))
            for _ in range(2)
        ]
        joined = mne.concatenate_raws(parts)
        assert "BAD boundary" in joined.annotations.description
        epochs = mne.make_fixed_length_epochs(joined, 3.0, preload=True)
        assert len(signals_from_epochs(epochs).data) == len(epochs) == 4
        joined.set_annotations(mne.Annotations([3.2], [0.5], ["BAD"]))
        events = mne.make_fixed_length_events(joined, duration=3.0)
        late = {"reject_tmin": 1.0, "reject_tmax": 2.5}
        ways = {"tmin": 0.0, "tmax": 2.99, "baseline": None, "preload": True}
        epochs = mne.Epochs(joined, events, **ways, **late)
        assert len(signals_from_epochs(epochs).data) == len(epochs) == 4
        epochs = mne.Epochs(joined, events, **ways, reject_by_annotation=False)
        with pytest.raises(ValueError, match="Epoch 1 .*'BAD'"):
            signals_from_epochs(epochs)

    def test_other_annotations_are_allowed(self, epochs):
        mine = epochs.copy().set_annotations(mne.Annotations([0], [1], ["rest"]))
        assert len(signals_from_epochs(mine).data) == 48

    def test_no_epochs(self, epochs):
        mine = epochs.copy().drop(range(48), verbose="error")
        with pytest.raises(ValueError, match="0 epochs.*drop_log"):
            signals_from_epochs(mine)

    def test_an_empty_part_of_a_list(self, epochs):
        mine = epochs.copy().drop(range(48), verbose="error")
        signals = signals_from_epochs([epochs, mine])
        np.testing.assert_array_equal(signals.data, epochs.get_data())

    def test_not_finite(self, epochs):
        mine = epochs.copy()
        mine._data[6, 3, 11] = np.nan
        with pytest.raises(ValueError, match=r"epoch 6, channel 3 \('Pz'\), sample 11"):
            signals_from_epochs(mine)
        with pytest.raises(ValueError, match="epoch 54, channel 3"):
            signals_from_epochs([epochs, mine])

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (lambda e: e.drop_channels(["Cz"]), "3 channels"),
            (lambda e: e.crop(tmax=1.0), "161 samples"),
            (lambda e: e.resample(80.0, verbose="error"), "80.0 Hz"),
            (lambda e: e.reorder_channels(["Pz", "C3", "Cz", "C4"]), "(order|Pz)"),
        ],
    )
    def test_parts_must_agree(self, epochs, change, words):
        with pytest.raises(ValueError, match=f"must share.*{words}"):
            signals_from_epochs([epochs, change(epochs.copy())])


def test_check_lengths():
    check_lengths(3, y=[1, 2, 3], groups=None)
    with pytest.raises(ValueError, match="3 epochs and 2 entries of groups"):
        check_lengths(3, y=[1, 2, 3], groups=[1, 2])


class TestLabels:
    def test_event_names(self, epochs):
        expected = np.array(["left", "right"])[epochs.events[:, 2] - 1]
        np.testing.assert_array_equal(event_names(epochs), expected)
        parts = [epochs[i] for i in range(48)]
        np.testing.assert_array_equal(event_names(parts), expected)

    def test_codes_may_differ_between_parts(self, epochs):
        other = epochs.copy()
        other.events[:, 2] += 10
        other.event_id = {"left": 11, "right": 12}
        names = event_names([epochs, other])
        np.testing.assert_array_equal(names[:48], names[48:])

    def test_metadata_column(self, epochs):
        values = metadata_column(epochs, "subject")
        np.testing.assert_array_equal(values, np.repeat(np.arange(6), 8))
        parts = [epochs[40:], epochs[:3]]
        np.testing.assert_array_equal(
            metadata_column(parts, "subject"), np.r_[values[40:], values[:3]]
        )

    def test_missing_metadata(self, epochs):
        bare = epochs.copy()
        bare.metadata = None
        assert metadata_column(bare, "subject") is None
        assert metadata_column([bare, bare], "subject") is None
        with pytest.raises(ValueError, match="1 of 2 Epochs of a list .*'subject'"):
            metadata_column([epochs, bare], "subject")
        assert metadata_column(epochs, "session") is None


def test_events_need_one_name_each():
    info = mne.create_info(1, 100.0, "eeg")
    events = np.c_[:4, [0] * 4, [1, 2, 1, 2]]
    epochs = mne.EpochsArray(np.ones((4, 1, 300)), info, events, verbose="error")
    epochs.event_id = {"left": 1}
    with pytest.raises(ValueError, match=r"Got {'left': 1}, and events \[2\]"):
        event_names(epochs)
    epochs.event_id = {"left": 1, "right": 2, "links": 1}
    with pytest.raises(ValueError, match="once, as the names are the labels"):
        event_names(epochs)


def test_epochs_of_a_list_begin_alike():
    info = mne.create_info(1, 100.0, "eeg")
    parts = [
        mne.EpochsArray(np.ones((2, 1, 300)), info, tmin=tmin, verbose="error")
        for tmin in (0.0, -1.0)
    ]
    with pytest.raises(ValueError, match="Got 0 s and -1 s; crop them alike"):
        signals_from_epochs(parts)
