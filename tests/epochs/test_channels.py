"""New epochs are brought to the channels and the rate of the training data."""

import mne
import numpy as np
import pytest
from mne.utils import catch_logging, use_log_level

from mne_eegmamba.epochs.channels import at_rate, match_channels
from mne_eegmamba.epochs.check import Signals

NAMES = ("C3", "Cz", "C4", "Pz")


@pytest.fixture
def signals(rng):
    return Signals(rng.standard_normal((5, 4, 20)), NAMES, 160.0)


class TestMatchChannels:
    def test_same_order_is_left(self, signals):
        assert match_channels(signals, NAMES) is signals

    def test_any_order_is_undone(self, signals, rng):
        for _ in range(5):
            order = rng.permutation(4)
            names = tuple(NAMES[i] for i in order)
            shuffled = Signals(signals.data[:, order], names, 160.0)
            got = match_channels(shuffled, NAMES)
            np.testing.assert_array_equal(got.data, signals.data)
            assert got.ch_names == NAMES
            assert got.sfreq == 160.0

    def test_unknown_names_are_taken_as_they_are(self, signals):
        assert match_channels(signals, None) is signals
        bare = Signals(signals.data)
        assert match_channels(bare, NAMES) is bare

    @pytest.mark.parametrize(
        ("names", "missing", "extra"),
        [
            (("C3", "Cz", "C4"), ["Pz"], []),
            (("C3", "Cz", "C4", "Oz"), ["Pz"], ["Oz"]),
            (("C3", "Cz", "C4", "Pz", "Oz"), [], ["Oz"]),
            (("c3", "Cz", "C4", "Pz"), ["C3"], ["c3"]),
        ],
    )
    def test_others_are_refused(self, rng, names, missing, extra):
        new = Signals(rng.standard_normal((2, len(names), 20)), names, 160.0)
        with pytest.raises(ValueError, match="must have the channels") as caught:
            match_channels(new, NAMES)
        message = str(caught.value)
        assert f"Missing: {missing}." in message
        assert f"Not seen in fit: {extra}." in message
        assert str(list(NAMES)) in message
        assert "rename_channels" in message


class TestAtRate:
    @pytest.mark.parametrize("sfreq", [160.0, None])
    def test_known_rate_is_left(self, epochs, sfreq):
        with catch_logging(verbose=True) as log:
            got = at_rate(epochs, sfreq, 320)
            assert log.getvalue() == ""
        assert np.shares_memory(got.data, epochs.get_data(copy=False))

    @pytest.mark.parametrize("sfreq", [80.0, 200.0, 320.0])
    @pytest.mark.parametrize("as_list", [False, True])
    def test_another_rate_is_resampled(self, epochs, sfreq, as_list):
        few = epochs[:6]
        X = [few[i] for i in range(6)] if as_list else few
        before = few.get_data(copy=True)
        n_times = int(2 * sfreq)
        with catch_logging(verbose=True) as log:
            got = at_rate(X, sfreq, n_times)
            (line,) = log.getvalue().strip().splitlines()
        assert "from 160.0 Hz to the " + str(sfreq) in line
        expected = few.copy().resample(sfreq, verbose="error")
        np.testing.assert_allclose(got.data, expected.get_data(), atol=1e-12)
        assert got.sfreq == sfreq
        assert got.data.shape == (6, 4, n_times)
        np.testing.assert_array_equal(few.get_data(), before)
        assert few.info["sfreq"] == 160.0

    def test_a_rhythm_keeps_its_frequency(self, epochs):
        got = at_rate(epochs, 100.0, None)
        power = np.abs(np.fft.rfft(got.data[::2, 0])).mean(0)
        assert np.fft.rfftfreq(200, 1 / 100)[power.argmax()] == 10.0

    def test_the_log_level_is_kept_to(self, epochs):
        with use_log_level("error"), catch_logging() as log:
            at_rate(epochs[:2], 80.0, None)
            assert log.getvalue() == ""

    def test_another_length_too_is_refused(self, epochs):
        with pytest.raises(
            ValueError, match="160.0 Hz, fit saw 80.0 Hz with 150.* have 160.*resample"
        ):
            at_rate(epochs, 80.0, 150)
        assert at_rate(epochs[:2], 80.0, None).data.shape[-1] == 160

    @pytest.mark.parametrize("sfreq", [100.0, 400.0, 500.0, 512.0, 1000.0])
    def test_both_ends_at_another_rate(self, sfreq):
        """Epochs from 0 to 2 s have 401 samples at 200 Hz, and 2 * sfreq + 1 here."""
        times = np.arange(int(2 * sfreq) + 1) / sfreq
        wave = np.cos(2 * np.pi * 2 * times)
        info = mne.create_info(1, sfreq, "eeg")
        theirs = mne.EpochsArray(wave[None, None] * 1e-5, info, verbose="error")
        got = at_rate(theirs, 200.0, 401)
        assert got.data.shape == (1, 1, 401)
        inner = slice(20, 380)  # resampling rings at the ends
        expected = np.cos(2 * np.pi * 2 * np.arange(401) / 200)[inner]
        np.testing.assert_allclose(got.data[0, 0, inner] * 1e5, expected, atol=0.05)
        with pytest.raises(ValueError, match="with 408 samples"):
            at_rate(theirs, 200.0, 408)

    def test_bad_epochs_are_refused_before_the_work(self, epochs):
        mine = epochs.copy()
        mine._data[2, 1, 0] = np.nan
        with pytest.raises(ValueError, match=r"epoch 2, channel 1 \('Cz'\), sample 0"):
            at_rate(mine, 80.0, 160)
