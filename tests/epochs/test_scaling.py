"""The scale of signals against scipy's and numpy's own statistics."""

import numpy as np
import pytest
import scipy.stats

from mne_eegmamba.epochs import scaling
from mne_eegmamba.epochs.scaling import Scaling, learn_scaling


@pytest.fixture
def data(rng):
    """Channels of unlike size, offset and tail."""
    x = rng.standard_normal((7, 4, 53)) * np.array([1.0, 1e-6, 300.0, 5.0])[:, None]
    x[:, 1] += 3e-6
    x[:, 3] = 5 * rng.standard_t(2, (7, 53)) - 40
    return x


def _flat(data):
    return np.moveaxis(data, 1, 0).reshape(data.shape[1], -1)


@pytest.mark.parametrize("kind", ["channel", "window", None])
def test_learned_statistics(data, kind):
    flat = _flat(data)
    learned = learn_scaling(data, kind)
    assert learned.kind == kind
    np.testing.assert_allclose(learned.center, np.median(flat, axis=1))
    np.testing.assert_allclose(
        learned.scale, scipy.stats.iqr(flat, axis=1, scale="normal")
    )
    np.testing.assert_allclose(learned.magnitude, np.median(np.abs(flat), axis=1))


def test_scale_of_normal_noise_is_its_standard_deviation(rng):
    x = 2.5 * rng.standard_normal((200, 1, 500)) + 7
    learned = learn_scaling(x, "channel")
    np.testing.assert_allclose(learned.scale, 2.5, rtol=0.01)
    np.testing.assert_allclose(learned.center, 7, rtol=0.01)


def test_channel_scaling(data):
    flat = _flat(data)
    center = np.median(flat, axis=1)[:, None]
    scale = scipy.stats.iqr(flat, axis=1, scale="normal")[:, None]
    got = learn_scaling(data, "channel").apply(data)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, (data - center) / scale, rtol=1e-5, atol=1e-6)


def test_window_scaling(data):
    got = learn_scaling(data, "window").apply(data)
    assert got.dtype == np.float32
    np.testing.assert_allclose(
        got, scipy.stats.zscore(data, axis=-1), rtol=1e-4, atol=1e-5
    )


def test_no_scaling(data):
    got = learn_scaling(data, None).apply(data)
    np.testing.assert_array_equal(got, data.astype(np.float32))


@pytest.mark.parametrize("kind", ["channel", "window", None])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "uint8", ">f8"])
def test_what_comes_out_is_new_and_float32(rng, kind, dtype):
    x = rng.integers(0, 200, (5, 2, 40)).astype(dtype)
    before = x.copy()
    learned = learn_scaling(x, kind)
    got = learned.apply(x)
    assert got.dtype == np.float32
    assert got.dtype.isnative
    assert not np.shares_memory(got, x)
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(got, learned.apply(x.astype(np.float64)))
    same = learn_scaling(x.astype(np.float64), kind)
    np.testing.assert_array_equal(same.scale, learned.scale)
    np.testing.assert_array_equal(same.magnitude, learned.magnitude)


def test_volts_are_not_rounded_away(rng):
    # Offsets of amplifiers dwarf EEG: float32 alone would lose the signal.
    signal = rng.standard_normal((20, 1, 100))
    x = 1e-6 * signal + 0.3
    got = learn_scaling(x, "channel").apply(x)
    np.testing.assert_allclose(np.corrcoef(got.ravel(), signal.ravel())[0, 1], 1)


@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e6])
def test_units_do_not_matter(data, factor):
    np.testing.assert_allclose(
        learn_scaling(data * factor, "channel").apply(data * factor),
        learn_scaling(data, "channel").apply(data),
        rtol=1e-5,
        atol=1e-6,
    )


def test_window_scaling_forgets_offset_and_size(data, rng):
    size, offset = rng.uniform(0.5, 2, (7, 4, 1)), rng.standard_normal((7, 4, 1))
    learned = learn_scaling(data, "window")
    np.testing.assert_allclose(
        learned.apply(data * size + offset * np.abs(data).mean((0, 2))[:, None]),
        learned.apply(data),
        rtol=1e-3,
        atol=1e-4,
    )


@pytest.mark.parametrize("kind", ["channel", "window"])
@pytest.mark.parametrize("value", [4.0, 0.3, -4e-4, 1 / 3])  # and their roundings
def test_constant_channels(kind, value):
    x = np.full((3, 2, 50), value)
    learned = learn_scaling(x, kind)
    np.testing.assert_array_equal(learned.scale, 1)
    np.testing.assert_allclose(learned.apply(x), 0, atol=1e-15)
    in_a_file = x.astype(np.float32)
    np.testing.assert_allclose(learned.apply(in_a_file), 0, atol=abs(value) * 1e-7)


def test_a_small_signal_on_a_large_offset_is_one(rng):
    x = 0.3 + 1e-7 * rng.standard_normal((3, 2, 500))  # volts of a DC amplifier
    np.testing.assert_allclose(learn_scaling(x, "channel").scale, 1e-7, rtol=0.1)


def test_channel_whose_quartiles_coincide():
    x = np.zeros((2, 1, 100))
    x[0, 0, :10] = 5.0
    np.testing.assert_allclose(learn_scaling(x, "channel").scale, x.std())


def test_many_epochs_are_thinned(rng, monkeypatch):
    x = rng.standard_normal((64, 2, 100))
    monkeypatch.setattr(scaling, "SAMPLE_BUDGET", 1600)
    learned = learn_scaling(x, "channel")
    part = _flat(x[::8])
    np.testing.assert_allclose(
        learned.scale, scipy.stats.iqr(part, axis=1, scale="normal")
    )


def test_thinning_stays_within_the_budget(rng, monkeypatch):
    monkeypatch.setattr(scaling, "SAMPLE_BUDGET", 1000)
    for n_epochs in (9, 10, 11, 19, 101):
        data = np.zeros((2 * n_epochs, 1, 100))
        data[1::2] = 1
        parts = [
            scaling._thinned(data[::2], None),
            scaling._thinned(data, np.arange(0, 2 * n_epochs, 2)),
        ]
        for part in parts:
            assert 1 <= len(part) <= 10
            assert n_epochs > 10 or len(part) == n_epochs
            assert not part.any()


class TestCheck:
    @pytest.mark.parametrize("factor", [1e3, 1e-3, 1e6, 1e-6, -1e3])
    def test_refuses(self, data, factor):
        learned = learn_scaling(data, "channel")
        with pytest.raises(
            ValueError, match="(?s)another scale.*factor of 1000.*units"
        ):
            learned.check(data * factor)

    @pytest.mark.parametrize("factor", [900.0, 1 / 900, 1.0, -1.0])
    def test_accepts(self, data, factor):
        learn_scaling(data, "channel").check(data * factor)

    def test_names_both_scales(self):
        x = np.tile([2.0, -2.0], (4, 1, 30))
        with pytest.raises(ValueError, match="sample is 2e[+]06, in fit it was 2"):
            learn_scaling(x, None).check(x * 1e6)

    def test_few_samples_are_not_judged(self, data):
        learn_scaling(data, "channel").check(data[:1, :, :7] * 1e6)

    def test_a_single_loud_channel_is_no_other_unit(self, data):
        loud = data.copy()
        loud[:, 2] *= 1e4
        learn_scaling(data, "channel").check(loud)

    def test_a_channel_in_another_unit_is_named(self, data):
        mixed = data.copy()
        mixed[:, 2] *= 1e6
        with pytest.raises(ValueError, match="^A channel of X has another scale"):
            learn_scaling(data, "channel").check(mixed)

    def test_electrodes_that_were_off_are_no_other_unit(self, data):
        learned = learn_scaling(data, "channel")
        learned.check(data * 1e-12)  # what a filter leaves of a constant
        off = data.copy()
        off[:, :2] *= 1e-12
        learned.check(off)
        with pytest.raises(ValueError, match="^X has another scale"):
            learned.check(off * 1e6)

    def test_flat_channels_are_passed_over(self, data):
        flat = data.copy()
        flat[:, 0] = 0
        learned = learn_scaling(flat, "channel")
        learned.check(data)
        learned.check(np.zeros_like(data))
        with pytest.raises(ValueError, match="another scale"):
            learned.check(flat * 1e6)
        learn_scaling(np.zeros_like(data), "channel").check(data)

    def test_whole_numbers_at_their_limits(self):
        x = np.full((2, 1, 40), -32768, dtype=np.int16)
        learned = learn_scaling(x, None)
        np.testing.assert_array_equal(learned.magnitude, 32768)
        learned.check(x)


def test_scaling_is_frozen():
    one = Scaling(None, np.zeros(1), np.ones(1), np.ones(1))
    with pytest.raises(AttributeError):
        one.kind = "window"


def test_rows_are_those_that_count(rng):
    data = rng.standard_normal((20, 2, 100))
    data[10:] *= 1e6  # another unit
    rows = np.arange(10)
    some = learn_scaling(data, "channel", rows)
    alone = learn_scaling(data[:10], "channel")
    np.testing.assert_array_equal(some.scale, alone.scale)
    np.testing.assert_array_equal(some.magnitude, alone.magnitude)
    some.check(data, rows)
    with pytest.raises(ValueError, match="another scale than in fit"):
        some.check(data, rows + 10)
