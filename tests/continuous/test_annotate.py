import mne
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from mne_eegmamba import EEGMambaClassifier, MultiTaskEEGMamba, annotate_raw
from mne_eegmamba.continuous import annotate

SFREQ, N_TIMES = 100.0, 300
NAMES = ["C3", "C4"]
TINY = {
    "d_model": 16,
    "n_layers": 1,
    "max_epochs": 1,
    "device": "cpu",
    "random_state": 0,
    "verbose": "error",
}


def make_raw(n_times, names=NAMES, seed=1):
    data = np.random.default_rng(seed).standard_normal((len(names), n_times)) * 1e-5
    info = mne.create_info(names, SFREQ, "eeg", verbose="error")
    return mne.io.RawArray(data, info, verbose="error")


def windows(raw, starts):
    data = raw.get_data(picks=NAMES)
    data = np.stack([data[:, at : at + N_TIMES] for at in starts])
    info = mne.create_info(NAMES, SFREQ, "eeg", verbose="error")
    return mne.EpochsArray(data, info, baseline=None, verbose="error")


@pytest.fixture(scope="module")
def labelled():
    rng = np.random.default_rng(0)
    codes = np.arange(12) % 3 + 1
    data = rng.standard_normal((12, 2, N_TIMES)) * 1e-5
    info = mne.create_info(NAMES, SFREQ, "eeg", verbose="error")
    events = np.column_stack([np.arange(12), np.zeros(12, int), codes])
    names = {"W": 1, "N1": 2, "N2": 3}
    return mne.EpochsArray(data, info, events, event_id=names, verbose="error")


@pytest.fixture(scope="module")
def clf(labelled):
    return EEGMambaClassifier(**TINY).fit(labelled)


def proba_of(annotations, classes):
    return np.array([[extra[str(c)] for c in classes] for extra in annotations.extras])


def test_windows_are_epochs(clf):
    raw = make_raw(5 * N_TIMES)
    found = annotate_raw(clf, raw)
    epochs = windows(raw, np.arange(5) * N_TIMES)
    np.testing.assert_allclose(found.onset, np.arange(5) * 3.0)
    np.testing.assert_allclose(found.duration, 3.0)
    assert found.description.tolist() == clf.predict(epochs).tolist()
    proba = proba_of(found, clf.classes_)
    np.testing.assert_allclose(proba, clf.predict_proba(epochs), rtol=1e-6)


def test_the_end_is_covered(clf):
    raw = make_raw(2 * N_TIMES + 70)
    found = annotate_raw(clf, raw)
    np.testing.assert_allclose(found.onset, [0, 3, 6])
    np.testing.assert_allclose(found.duration, [3, 3, 0.7])
    expected = clf.predict_proba(windows(raw, [0, 300, 370]))
    np.testing.assert_allclose(proba_of(found, clf.classes_), expected, rtol=1e-6)


@pytest.mark.parametrize("overlap", [0.5, 0.9, 0.4, 1 / 3])
@pytest.mark.parametrize("n_times", [300, 301, 900, 1033])
def test_overlap_is_the_mean_at_every_moment(clf, overlap, n_times):
    raw = make_raw(n_times)
    step = round(N_TIMES * (1 - overlap))
    starts = list(range(0, n_times - N_TIMES + 1, step))
    regular = clf.predict_proba(windows(raw, starts))
    last = clf.predict_proba(windows(raw, [n_times - N_TIMES]))
    found = annotate_raw(clf, raw, overlap=overlap)
    ends = found.onset + found.duration
    np.testing.assert_allclose(found.onset[1:], ends[:-1])
    assert (found.onset[0], ends[-1]) == (0, n_times / SFREQ)
    for middle, proba in zip(
        (found.onset + ends) / 2 * SFREQ, proba_of(found, clf.classes_), strict=True
    ):
        cover = [s <= middle < s + N_TIMES for s in starts]
        expected = regular[cover].mean(0) if any(cover) else last[0]
        np.testing.assert_allclose(proba, expected, rtol=1e-5)


def test_only_pieces_are_read(clf, tmp_path, monkeypatch):
    raw = make_raw(40 * N_TIMES)
    expected = annotate_raw(clf, raw)
    raw.save(tmp_path / "x_raw.fif", fmt="double", verbose="error")
    on_disk = mne.io.read_raw_fif(tmp_path / "x_raw.fif", verbose="error")
    monkeypatch.setattr(annotate, "SAMPLES_AT_ONCE", 4 * 2 * N_TIMES)
    sizes = []
    read = mne.io.BaseRaw.get_data

    def watched(self, *args, **kwargs):
        data = read(self, *args, **kwargs)
        sizes.append(data.shape[1])
        return data

    monkeypatch.setattr(mne.io.BaseRaw, "get_data", watched)
    found = annotate_raw(clf, on_disk)
    assert max(sizes) <= 4 * N_TIMES
    assert not on_disk.preload
    assert found.description.tolist() == expected.description.tolist()
    np.testing.assert_allclose(
        proba_of(found, clf.classes_), proba_of(expected, clf.classes_), rtol=1e-5
    )


def test_channels_by_name_and_others_aside(clf):
    raw = make_raw(2 * N_TIMES, ["C4", "ECG", "C3"])
    found = annotate_raw(clf, raw)
    expected = clf.predict_proba(windows(raw, [0, 300]))
    np.testing.assert_allclose(proba_of(found, clf.classes_), expected, rtol=1e-6)
    assert raw.ch_names == ["C4", "ECG", "C3"]


def test_another_rate_is_resampled(clf):
    raw = make_raw(4 * N_TIMES).resample(200.0, verbose="error")
    found = annotate_raw(clf, raw)
    np.testing.assert_allclose(found.onset, [0, 3, 6, 9])


def test_bad_stretches_are_left_out(clf):
    raw = make_raw(6 * N_TIMES)
    raw.set_annotations(
        mne.Annotations([3.5, 12.0, 17.9], [0.1, 2.9, 0], ["BAD_move", "bad", "fine"])
    )
    found = annotate_raw(clf, raw)
    np.testing.assert_allclose(found.onset, [0, 6, 9, 15])
    half = annotate_raw(clf, raw, overlap=0.5)
    assert not ((half.onset < 3.5) & (half.onset + half.duration > 3.5)).any()


@pytest.mark.parametrize("date", [None, 0])
def test_bad_stretches_of_a_recording_that_begins_later(clf, date):
    raw = make_raw(6 * N_TIMES)
    raw.set_meas_date(date)
    raw.set_annotations(mne.Annotations([3.5], [0.1], ["BAD"]))
    raw.crop(3.0)
    found = annotate_raw(clf, raw)
    np.testing.assert_allclose(found.onset, [3, 6, 9, 12])


@pytest.mark.parametrize("on_disk", [False, True])
def test_projections_see_all_channels(tmp_path, on_disk):
    names = [f"E{k}" for k in range(8)]
    raw = make_raw(6 * N_TIMES, names)
    raw._data += 5e-5 * np.sin(np.arange(raw.n_times) / 9)
    raw.set_eeg_reference("average", projection=True, verbose="error")
    events = np.c_[np.arange(6) * N_TIMES, np.zeros(6, int), [1, 2] * 3]
    epochs = mne.Epochs(
        raw, events, tmin=0, tmax=2.99, baseline=None, preload=True, verbose="error"
    ).pick(names[:2])
    clf = EEGMambaClassifier(**TINY).fit(epochs)
    if on_disk:
        raw.save(tmp_path / "x_raw.fif", fmt="double", verbose="error")
        raw = mne.io.read_raw_fif(tmp_path / "x_raw.fif", verbose="error")
    found = proba_of(annotate_raw(clf, raw), clf.classes_)
    np.testing.assert_allclose(found, clf.predict_proba(epochs), rtol=1e-5)
    assert not raw.proj


def test_windows_that_include_both_ends(labelled):
    odd = labelled.copy().resample(200.0, verbose="error").crop(tmax=2.0)
    assert len(odd.times) == 401
    clf = EEGMambaClassifier(**TINY).fit(odd)
    for sfreq in (50.0, 100.0, 250.0):
        raw = make_raw(900).resample(sfreq, verbose="error")
        assert len(annotate_raw(clf, raw)) == 5


def test_fits_the_recording(clf):
    raw = make_raw(3 * N_TIMES)
    raw.set_meas_date(100)
    raw.crop(3.0)
    raw.set_annotations(annotate_raw(clf, raw))
    events, _ = mne.events_from_annotations(raw, verbose="error")
    assert (events[:, 0] - raw.first_samp).tolist() == [0, 300]


def test_several_tasks(labelled):
    other = labelled.copy().pick(["C3"])
    clf = MultiTaskEEGMamba(**TINY, n_experts=3).fit({"both": labelled, "one": other})
    raw = make_raw(2 * N_TIMES)
    found = annotate_raw(clf, raw, task="one")
    epochs = windows(raw, [0, 300]).pick(["C3"])
    expected = clf.predict_proba({"one": epochs})["one"]
    proba = proba_of(found, clf.task_classes_["one"])
    np.testing.assert_allclose(proba, expected, rtol=1e-6)
    with pytest.raises(ValueError, match=r"one of \['both', 'one'\]. Got None"):
        annotate_raw(clf, raw)


@pytest.mark.parametrize("overlap", [1, 1.5, -0.1])
def test_overlap_out_of_range(clf, overlap):
    with pytest.raises(ValueError, match="at least 0 and less than 1"):
        annotate_raw(clf, make_raw(900), overlap=overlap)


def test_an_estimator_around_the_network(clf):
    with pytest.raises(TypeError, match=r"Got Pipeline; .* pipeline\[-1\]"):
        annotate_raw(make_pipeline(clf), make_raw(900))


def test_missing_channel(clf):
    with pytest.raises(ValueError, match=r"Missing: \['C4'\]"):
        annotate_raw(clf, make_raw(900, ["C3", "C5"]))


def test_bad_channel(clf):
    raw = make_raw(900)
    raw.info["bads"] = ["C4"]
    with pytest.raises(ValueError, match=r"marked bad: \['C4'\]"):
        annotate_raw(clf, raw)


def test_too_short(clf):
    with pytest.raises(ValueError, match="has 299 samples, a window has 300"):
        annotate_raw(clf, make_raw(299))


def test_network_that_was_fitted_on_arrays(labelled):
    y = labelled.events[:, 2]
    clf = EEGMambaClassifier(**TINY).fit(labelled.get_data(), y)
    with pytest.raises(ValueError, match="fitted on arrays knows neither"):
        annotate_raw(clf, make_raw(900))


def test_what_is_no_recording(clf):
    with pytest.raises(TypeError, match=r"raw must be .*Got EpochsArray; predict is"):
        annotate_raw(clf, windows(make_raw(900), [0, 300]))


def test_not_fitted():
    with pytest.raises(NotFittedError):
        annotate_raw(EEGMambaClassifier(), make_raw(900))
