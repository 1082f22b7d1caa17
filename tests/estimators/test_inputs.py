"""What X and y may be, and that they are left as they were."""

import warnings

import mne
import numpy as np
import pandas as pd
import pytest
from mne.utils import catch_logging

DTYPES = ["float32", "float64", "int16", ">f8"]


def _memmap(X, path, mode):
    np.save(path, X)
    return np.load(path, mmap_mode=mode)


def _lazy(epochs, path):
    epochs.save(path, fmt="double", verbose="error")
    with warnings.catch_warnings():
        # MNE 1.13 reads metadata in a way that pandas 3 warns about.
        warnings.simplefilter("ignore")
        return mne.read_epochs(path, preload=False, verbose="error")


@pytest.fixture
def on_disk(epochs, tmp_path):
    return _lazy(epochs, tmp_path / "hands-epo.fif")


def test_epochs_from_disk(make, fitted_epochs, epochs, on_disk):
    expected = fitted_epochs.predict_proba(epochs)
    assert not on_disk.preload
    np.testing.assert_allclose(
        fitted_epochs.predict_proba(on_disk), expected, atol=1e-6
    )
    clf = make().fit(on_disk)
    assert not on_disk.preload
    np.testing.assert_array_equal(clf.predict(epochs), clf.predict(on_disk))
    loaded = on_disk.copy().load_data()
    np.testing.assert_array_equal(clf.predict_proba(on_disk), clf.predict_proba(loaded))
    np.testing.assert_array_equal(
        make().fit(loaded).predict_proba(loaded), clf.predict_proba(on_disk)
    )


def test_list_of_one_epoch_epochs(make, fitted_epochs, epochs):
    parts = [epochs[i] for i in range(len(epochs))]
    expected = fitted_epochs.predict_proba(epochs)
    np.testing.assert_array_equal(fitted_epochs.predict_proba(parts), expected)
    np.testing.assert_array_equal(fitted_epochs.predict_proba(tuple(parts)), expected)
    np.testing.assert_array_equal(make().fit(parts).predict_proba(epochs), expected)


def test_epochs_and_their_array_give_the_same(make, fitted_epochs, epochs):
    X, y = epochs.get_data(copy=True), epochs.events[:, 2]
    clf = make().fit(X, y, groups=epochs.metadata["subject"])
    expected = fitted_epochs.predict_proba(epochs)
    np.testing.assert_array_equal(clf.predict_proba(X), expected)
    np.testing.assert_array_equal(clf.predict_proba(epochs), expected)
    np.testing.assert_array_equal(fitted_epochs.predict_proba(X), expected)
    assert clf.ch_names_in_ is None
    assert clf.sfreq_ is None


def test_what_is_learned_of_epochs(fitted_epochs, epochs):
    assert fitted_epochs.ch_names_in_ == tuple(epochs.ch_names)
    assert fitted_epochs.sfreq_ == epochs.info["sfreq"]
    assert fitted_epochs.n_channels_ == fitted_epochs.n_features_in_ == 4
    assert fitted_epochs.n_times_ == len(epochs.times)


def test_one_epoch_alone(fitted_epochs, epochs):
    together = fitted_epochs.predict_proba(epochs)
    for i in (0, 7):
        np.testing.assert_array_equal(
            fitted_epochs.predict_proba(epochs[i])[0], together[i]
        )


def test_metadata_is_not_needed(make, fitted_epochs, epochs):
    bare = epochs.copy()
    bare.metadata = None
    clf = make().fit(bare, groups=epochs.metadata["subject"])
    np.testing.assert_array_equal(
        clf.predict_proba(bare), fitted_epochs.predict_proba(epochs)
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes_at_predict(fitted, numbers, dtype):
    X, _ = numbers
    np.testing.assert_array_equal(
        fitted.predict_proba(X.astype(dtype)), fitted.predict_proba(X)
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes_at_fit(make, fitted, numbers, dtype):
    X, y = numbers
    np.testing.assert_array_equal(
        make().fit(X.astype(dtype), y).predict_proba(X), fitted.predict_proba(X)
    )


@pytest.mark.parametrize("kind", ["fortran", "strided", "list", "r", "c", "r+"])
def test_memory_layouts(make, fitted, numbers, kind, tmp_path):
    X, y = numbers
    if kind == "fortran":
        same = np.asfortranarray(X)
    elif kind == "strided":
        same = np.repeat(X, 2, axis=2)[:, :, ::2]
    elif kind == "list":
        same = X.tolist()
    else:
        same = _memmap(X, tmp_path / "X.npy", kind)
    expected = fitted.predict_proba(X)
    np.testing.assert_array_equal(fitted.predict_proba(same), expected)
    np.testing.assert_array_equal(make().fit(same, y).predict_proba(X), expected)
    np.testing.assert_array_equal(np.asarray(same), X)


def test_two_dimensions_are_one_channel(make, numbers):
    X, y = numbers
    flat, deep = X[:, 0], X[:, :1]
    two, three = make().fit(flat, y), make().fit(deep, y)
    np.testing.assert_array_equal(two.predict_proba(flat), three.predict_proba(deep))
    assert two.n_channels_ == three.n_channels_ == 1
    assert (two.n_features_in_, three.n_features_in_) == (300, 1)


def test_data_frame(make, numbers):
    X, y = numbers
    table = pd.DataFrame(X[:, 0], columns=[f"t{i}" for i in range(300)])
    clf = make().fit(table, pd.Series(y))
    assert clf.feature_names_in_.tolist() == table.columns.tolist()
    np.testing.assert_array_equal(
        clf.predict_proba(table), make().fit(X[:, 0], y).predict_proba(X[:, 0])
    )


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["rest", "hand", "foot"]),
        np.array(["rest", "hand", "foot"], dtype=object),
        np.array([-7, 3, 1000]),
        np.array([5, 9, 7], dtype=np.uint8),
        np.array([1.0, 2.0, 8.0]),
    ],
    ids=["str", "object", "gaps", "uint8", "float"],
)
def test_labels(make, fitted, numbers, labels):
    X, y = numbers
    clf = make().fit(X, labels[y])
    assert clf.classes_.tolist() == sorted(labels.tolist())
    assert clf.classes_.dtype == labels.dtype
    predicted = clf.predict(X)
    assert predicted.dtype == labels.dtype
    assert set(predicted.tolist()) <= set(labels.tolist())
    np.testing.assert_array_equal(
        predicted, clf.classes_[clf.predict_proba(X).argmax(1)]
    )
    if np.array_equal(np.argsort(labels), [0, 1, 2]):
        np.testing.assert_array_equal(clf.predict_proba(X), fitted.predict_proba(X))


def test_labels_of_bool_and_list(make, numbers):
    X, y = numbers
    clf = make().fit(X, y == 1)
    assert clf.classes_.dtype == bool
    assert clf.predict(X).dtype == bool
    as_list = make().fit(X, (y == 1).tolist())
    np.testing.assert_array_equal(clf.predict_proba(X), as_list.predict_proba(X))


def test_two_classes_have_one_score(make, fitted, numbers):
    X, y = numbers
    clf = make().fit(X, y == 1)
    scores, proba = clf.decision_function(X), clf.predict_proba(X)
    assert scores.shape == (30,)
    np.testing.assert_allclose(1 / (1 + np.exp(-scores)), proba[:, 1], rtol=1e-5)
    np.testing.assert_array_equal(clf.predict(X), scores > 0)
    assert fitted.decision_function(X).shape == (30, 3)
    assert fitted.transform(X).shape == (30, 16)


def test_event_names_are_the_labels(make, fitted_epochs, epochs):
    assert fitted_epochs.classes_.tolist() == ["left", "right"]
    names = np.array(["left", "right"])[epochs.events[:, 2] - 1]
    clf = make().fit(epochs, names)
    np.testing.assert_array_equal(
        clf.predict_proba(epochs), fitted_epochs.predict_proba(epochs)
    )
    assert fitted_epochs.score(epochs) == clf.score(epochs, names)
    assert fitted_epochs.score(epochs) == np.mean(clf.predict(epochs) == names)


def test_inputs_are_left_unchanged(make, epochs, numbers):
    mine = epochs.copy()
    clf = make(validation=0.25).fit(mine)
    clf.predict(mine)
    clf.transform(mine.copy().reorder_channels(["Pz", "C4", "Cz", "C3"]))
    np.testing.assert_array_equal(mine.get_data(), epochs.get_data())
    assert mine.ch_names == epochs.ch_names
    assert mine.info["sfreq"] == epochs.info["sfreq"]
    np.testing.assert_array_equal(mine.events, epochs.events)
    pd.testing.assert_frame_equal(mine.metadata, epochs.metadata)
    X, y = (part.copy() for part in numbers)
    weight, groups = np.linspace(0, 2, 30), np.arange(30) // 5
    copies = [part.copy() for part in (X, y, weight, groups)]
    clf = make(input_scale=None, validation=0.3)
    clf.fit(X / 100, y, sample_weight=weight, groups=groups).predict(X / 100)
    for part, copy in zip((X, y, weight, groups), copies, strict=True):
        np.testing.assert_array_equal(part, copy)


def test_channels_are_found_by_name(fitted_epochs, epochs):
    shuffled = epochs.copy().reorder_channels(["Pz", "C3", "C4", "Cz"])
    np.testing.assert_array_equal(
        fitted_epochs.predict_proba(shuffled), fitted_epochs.predict_proba(epochs)
    )
    assert shuffled.ch_names == ["Pz", "C3", "C4", "Cz"]


@pytest.mark.parametrize("as_list", [False, True])
def test_another_rate_is_resampled_with_one_message(
    make, fitted_epochs, epochs, as_list
):
    double = epochs.copy().resample(320.0, verbose="error")
    back = double.copy().resample(160.0, verbose="error")
    before = double.get_data(copy=True)
    X = [double[i] for i in range(len(double))] if as_list else double
    clf = make(verbose=True).fit(epochs)
    with catch_logging(verbose=True) as log:
        proba = clf.predict_proba(X)
        (line,) = log.getvalue().strip().splitlines()
    assert "Resampling X from 320.0 Hz to the 160.0 Hz" in line
    np.testing.assert_array_equal(proba, fitted_epochs.predict_proba(back))
    np.testing.assert_array_equal(double.get_data(), before)
    assert double.info["sfreq"] == 320.0


def test_another_rate_of_epochs_on_disk(fitted_epochs, epochs, tmp_path):
    double = epochs.copy().resample(320.0, verbose="error")
    lazy = _lazy(double, tmp_path / "fast-epo.fif")
    proba = fitted_epochs.predict_proba(lazy)
    assert not lazy.preload
    np.testing.assert_allclose(proba, fitted_epochs.predict_proba(double), atol=1e-6)


@pytest.mark.parametrize("two_d", [False, True])
def test_another_length(make, numbers, two_d):
    X, y = numbers
    X = X[:, 0] if two_d else X
    with pytest.raises(ValueError, match="fit saw 300|expecting 300"):
        make().fit(X, y).predict(X[..., :295])
    clf = make(variable_length=True).fit(X, y)
    assert clf.predict(X[..., :295]).shape == (30,)
    longer = np.concatenate([X, X], axis=-1)
    assert clf.predict_proba(longer).shape == (30, 3)


def test_another_length_of_epochs(make, fitted_epochs, epochs):
    short = epochs.copy().crop(tmax=1.9)
    with pytest.raises(ValueError, match="305 samples per epoch, fit saw 320"):
        fitted_epochs.predict(short)
    assert make(variable_length=True).fit(epochs).predict(short).shape == (48,)


def test_short_epochs_are_padded_with_a_warning(make, numbers):
    X, y = numbers
    with pytest.warns(UserWarning, match="Epochs have 200 samples.* needs 289"):
        clf = make().fit(X[:, :, :200], y)
    assert clf.n_times_ == 200
    assert clf.predict(X[:, :, :200]).shape == (30,)


@pytest.mark.parametrize("reason", ["amplitude", "annotation"])
def test_epochs_dropped_on_reading(make, rng, reason):
    data = 1e-5 * rng.standard_normal((3, 8000))
    data[:, 900] = 1e-2
    raw = mne.io.RawArray(data, mne.create_info(3, 200.0, "eeg"), verbose="error")
    events = np.column_stack(
        [390 * np.arange(20) + 5, np.zeros(20, int), np.arange(20)]
    )
    events[:, 2] = 1 + events[:, 2] % 2
    reject = {"eeg": 1e-3} if reason == "amplitude" else None
    if reason == "annotation":
        raw.set_annotations(mne.Annotations([4.4], [0.2], ["BAD"]))
    epochs = mne.Epochs(
        raw,
        events,
        {"left": 1, "right": 2},
        tmin=0,
        tmax=1.5,
        baseline=None,
        reject=reject,
        preload=False,
        verbose="error",
    )
    loaded = epochs.copy().load_data()
    assert len(loaded) == 19
    clf = make(max_epochs=1).fit(epochs)
    np.testing.assert_array_equal(clf.predict_proba(epochs), clf.predict_proba(loaded))
    again = make(max_epochs=1).fit(loaded)
    np.testing.assert_array_equal(
        again.predict_proba(loaded), clf.predict_proba(loaded)
    )


def test_one_channel_with_and_without_its_axis(make):
    X, y = np.random.default_rng(0).standard_normal((12, 1, 300)), [0, 1] * 6
    three, two = make(max_epochs=1).fit(X, y), make(max_epochs=1).fit(X[:, 0], y)
    expected = three.predict_proba(X)
    for clf in (three, two):
        np.testing.assert_array_equal(clf.predict_proba(X), expected)
        np.testing.assert_array_equal(clf.predict_proba(X[:, 0]), expected)
        with pytest.raises(ValueError, match="X has 299 samples per epoch, fit saw 3"):
            clf.predict(X[..., :-1])
        with pytest.raises(
            ValueError, match="X has 299 features, but .* expecting 300"
        ):
            clf.predict(X[:, 0, :-1])
