import mne
import numpy as np
import pytest
import scipy.linalg
import scipy.signal
import sklearn
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from mne_eegmamba import EuclideanAlignment, MultiTaskEpochs
from mne_eegmamba.datasets import write_store
from mne_eegmamba.epochs.labels import event_names
from tests.datasets.noise import make_recordings, read_noise
from tests.windows import make_windows


def depends_on_the_batch(estimator):
    why = "a subject is aligned by all of its epochs that are given"
    return {"check_methods_subset_invariance": why}


@parametrize_with_checks(
    [EuclideanAlignment()], expected_failed_checks=depends_on_the_batch
)
def test_estimator_checks(estimator, check):
    check(estimator)


@pytest.fixture
def X(rng):
    mixing = rng.standard_normal((2, 5, 5))
    data = mixing[[0] * 7 + [1] * 9] @ rng.standard_normal((16, 5, 80))
    return data[rng.permutation(16)]


@pytest.fixture
def groups(rng):
    return np.array(list("abaabbabbbaabbab"))


def mean_covariance(X):
    return np.mean([x @ x.T / x.shape[1] for x in X], axis=0)


def test_each_group_is_whitened(X, groups):
    aligned = EuclideanAlignment().fit_transform(X, groups=groups)
    for name in "ab":
        here = groups == name
        np.testing.assert_allclose(mean_covariance(aligned[here]), np.eye(5), atol=1e-9)
        root = scipy.linalg.sqrtm(mean_covariance(X[here]))
        expected = np.linalg.solve(root, X[here])
        np.testing.assert_allclose(aligned[here], expected, rtol=1e-6, atol=1e-9)


def test_without_groups_all_is_one_subject(X):
    aligned = EuclideanAlignment().transform(X)
    np.testing.assert_allclose(mean_covariance(aligned), np.eye(5), atol=1e-9)


def test_mixing_of_a_subject_does_not_matter(X, groups, rng):
    rotation, _ = np.linalg.qr(rng.standard_normal((5, 5)))
    other = np.where((groups == "a")[:, None, None], 1e-6 * X, X)
    first, second = (
        EuclideanAlignment().transform(part, groups) for part in (X, other)
    )
    np.testing.assert_allclose(first, second, rtol=1e-6, atol=1e-9)
    turned = EuclideanAlignment().transform(rotation @ X)
    plain = EuclideanAlignment().transform(X)
    np.testing.assert_allclose(turned, rotation @ plain, rtol=1e-6, atol=1e-9)


def test_online_sees_the_past_only(X, groups):
    online = EuclideanAlignment(online=True)
    aligned = online.fit_transform(X, groups=groups)
    for i in range(len(X)):
        past = np.flatnonzero(groups[: i + 1] == groups[i])
        reference = mean_covariance(X[past])
        expected = np.linalg.solve(scipy.linalg.sqrtm(reference), X[i])
        np.testing.assert_allclose(aligned[i], expected, rtol=1e-5, atol=1e-8)
    changed = X.copy()
    changed[9:] *= 3
    np.testing.assert_array_equal(online.transform(changed, groups)[:9], aligned[:9])


def test_average_reference_stays_empty(X):
    X = X - X.mean(1, keepdims=True)
    aligned = EuclideanAlignment().transform(X)
    np.testing.assert_allclose(aligned.sum(1), 0, atol=1e-8)
    values = np.linalg.eigvalsh(mean_covariance(aligned))
    np.testing.assert_allclose(values, [0, 1, 1, 1, 1], atol=1e-8)


def test_two_dimensions_are_one_channel(rng):
    X = rng.standard_normal((6, 50)) * 7
    aligned = EuclideanAlignment().transform(X)
    np.testing.assert_allclose(aligned, X / np.sqrt((X**2).mean()))


def test_epochs_know_their_subjects(epochs):
    aligned = EuclideanAlignment().fit_transform(epochs)
    subjects = epochs.metadata["subject"].to_numpy()
    expected = EuclideanAlignment().transform(epochs.get_data(), subjects)
    assert isinstance(aligned, mne.EpochsArray)
    np.testing.assert_array_equal(aligned.get_data(), expected)
    assert aligned.event_id == epochs.event_id
    assert aligned.ch_names == epochs.ch_names
    np.testing.assert_array_equal(aligned.events[:, 2], epochs.events[:, 2])
    assert aligned.metadata["subject"].tolist() == subjects.tolist()
    pieces = [epochs[i] for i in range(len(epochs))]  # as scikit-learn indexes them
    again = EuclideanAlignment().transform(pieces)
    np.testing.assert_array_equal(again.get_data(), expected)


def test_tasks_keep_their_order(epochs, rng):
    other = rng.standard_normal((10, 2, 300))
    y, groups = {"b": [0, 1] * 5}, {"b": [1] * 4 + [2] * 6}
    groups["a"] = epochs.metadata["subject"].to_numpy()
    data = MultiTaskEpochs({"a": epochs, "b": other}, y, groups)
    rows = rng.permutation(len(data))
    found = EuclideanAlignment().transform(data[rows])
    np.testing.assert_array_equal(found.task, data[rows].task)
    np.testing.assert_array_equal(found.y, data[rows].y)
    np.testing.assert_array_equal(found.groups, data[rows].groups)
    here = rows[data.task[rows] == "b"] - len(epochs)
    whole = EuclideanAlignment().transform(other, groups["b"])
    np.testing.assert_allclose(found["b"], whole[here], rtol=1e-9, atol=1e-12)
    in_order = EuclideanAlignment().transform(epochs).get_data()
    here = rows[data.task[rows] == "a"]
    np.testing.assert_allclose(found["a"].get_data(), in_order[here], rtol=1e-9)


def test_dict(X, groups):
    found = EuclideanAlignment().fit_transform(
        {"x": X, "y": X[:4]}, groups={"x": groups}
    )
    expected = EuclideanAlignment().transform(X, groups)
    np.testing.assert_array_equal(found["x"], expected)
    np.testing.assert_array_equal(found["y"], EuclideanAlignment().transform(X[:4]))


def test_groups_of_two_kinds_are_refused(X):
    groups = np.array(["s1", 2] * (len(X) // 2), object)
    with pytest.raises(TypeError, match="all texts or all numbers"):
        EuclideanAlignment().fit_transform(X, groups=groups)


def test_tasks_may_follow_an_array(X, groups):
    alignment = EuclideanAlignment().fit(X)
    found = alignment.fit_transform({"a": X[:, :2]}, groups={"a": groups})
    want = EuclideanAlignment().fit_transform(X[:, :2], groups=groups)
    np.testing.assert_array_equal(found["a"], want)


def test_pipeline_by_subject(make, epochs):
    pipeline = make_pipeline(EuclideanAlignment(), make(max_epochs=1))
    scores = cross_val_score(
        pipeline,
        epochs,
        epochs.events[:, 2],
        groups=epochs.metadata["subject"],
        cv=GroupKFold(2),
    )
    assert np.isfinite(scores).all()


def test_groups_are_routed(make, X, groups):
    with sklearn.config_context(enable_metadata_routing=True):
        alignment = EuclideanAlignment()
        alignment.set_fit_request(groups=True).set_transform_request(groups=True)
        clf = make(max_epochs=1).set_fit_request(groups=False)
        pipeline = make_pipeline(alignment, clf)
        long = np.tile(X, (1, 1, 4))
        pipeline.fit(long, np.arange(16) % 2, groups=groups)
        found = pipeline.predict_proba(long, groups=groups)
        inner = alignment.transform(long, groups)
    np.testing.assert_array_equal(found, pipeline[-1].predict_proba(inner))


def test_zeros_cannot_be_aligned(X, groups):
    X[groups == "b"] = 0
    with pytest.raises(ValueError, match="All epochs of the group 'b' are zero"):
        EuclideanAlignment().transform(X, groups)


def test_groups_of_another_length(X):
    with pytest.raises(ValueError, match="X and groups must have the same length"):
        EuclideanAlignment().transform(X, [1, 2])


def test_epochs_on_disk(tmp_path):
    recordings = make_recordings(tmp_path)
    stored = write_store(tmp_path / "store", "noise", recordings, read_noise, {})
    with pytest.raises(TypeError, match="needs epochs in memory.*to_epochs"):
        EuclideanAlignment().transform(stored)


class TestSpectra:
    @pytest.fixture
    def coloured(self, rng):
        """Two subjects with the same epochs, the second through an amplifier."""
        noise = rng.standard_normal((40, 2, 512))
        slow = scipy.signal.lfilter([1], [1, -0.5], noise)
        return np.concatenate([noise, slow]), np.repeat(["a", "b"], 40)

    def spectrum(self, X):
        return scipy.signal.welch(X, nperseg=64)[1].mean(0)[:, 1:-1]

    def test_mean_spectrum_is_flat(self, coloured):
        X, groups = coloured
        before = self.spectrum(X[40:])
        assert (before.max(1) / before.min(1)).min() > 5
        for aligned in np.split(EuclideanAlignment(64).transform(X, groups), 2):
            after = self.spectrum(aligned)
            assert (after.max(1) / after.min(1)).max() < 1.3
            np.testing.assert_allclose(mean_covariance(aligned), np.eye(2), atol=1e-9)

    def test_an_amplifier_of_a_subject_does_not_matter(self, coloured):
        X, groups = coloured
        for n_fft, low, high in ((None, 0.5, 0.95), (64, 0.98, 1)):
            one, other = np.split(EuclideanAlignment(n_fft).transform(X, groups), 2)
            magnitudes = [np.abs(np.fft.rfft(x)).ravel() for x in (one, other)]
            assert low < np.corrcoef(*magnitudes)[0, 1] < high

    def test_one_window_by_hand(self, rng):
        X = np.cumsum(rng.standard_normal((3, 1, 64)), axis=-1)
        power = scipy.signal.welch(X, nperseg=64)[1].mean(0)
        power[:, 0] = power[:, 1]
        gains = (power + 0.01 * power.max()) ** -0.5
        expected = np.fft.irfft(np.fft.rfft(X) * gains)
        expected /= np.sqrt((expected**2).mean())
        for n_fft in (64, 1000):
            found = EuclideanAlignment(n_fft).transform(X)
            np.testing.assert_allclose(found, expected, rtol=1e-9)

    def test_what_lies_far_below_is_not_raised(self, rng):
        b, a = scipy.signal.butter(8, 0.3)
        X = scipy.signal.lfilter(b, a, rng.standard_normal((40, 1, 512)))
        power = self.spectrum(EuclideanAlignment(64).transform(X))[0]
        assert power[25:].max() < 1e-3 * power[:10].mean()

    @pytest.mark.parametrize("n_fft", [8, 63, 64])
    @pytest.mark.parametrize("n_times", [64, 127, 300])
    def test_sizes(self, rng, n_fft, n_times):
        X = rng.standard_normal((5, 3, n_times))
        aligned = EuclideanAlignment(n_fft).transform(X)
        np.testing.assert_allclose(mean_covariance(aligned), np.eye(3), atol=1e-9)

    def test_online_sees_the_past_only(self, coloured):
        X, groups = coloured
        online = EuclideanAlignment(64, online=True)
        aligned = online.transform(X, groups)
        changed = X.copy()
        changed[60:] *= 3
        found = online.transform(changed, groups)
        np.testing.assert_array_equal(found[:60], aligned[:60])
        first = EuclideanAlignment(64).transform(X[:1])  # its past is itself
        np.testing.assert_allclose(aligned[:1], first, rtol=1e-9)

    def test_an_empty_channel_stays_empty(self, rng):
        X = rng.standard_normal((5, 3, 300))
        X[:, 1] = 0
        aligned = EuclideanAlignment(64).transform(X)
        np.testing.assert_allclose(aligned[:, 1], 0, atol=1e-12)
        np.testing.assert_allclose(
            mean_covariance(aligned), np.diag([1, 0, 1]), atol=1e-9
        )

    @pytest.mark.parametrize("n_fft", [7, 64.0, "auto"])
    def test_bad_lengths(self, X, n_fft):
        with pytest.raises((TypeError, ValueError), match=r"`n_fft` parameter.*Got"):
            EuclideanAlignment(n_fft).transform(X)


def test_groups_of_several_tasks_may_be_given(X, groups):
    data = MultiTaskEpochs({"a": X, "b": X[:, :2]}, dict.fromkeys("ab", [0, 1] * 8))
    given = np.concatenate([groups, groups])
    aligned = EuclideanAlignment().fit_transform(data, groups=given)
    for name, part in (("a", X), ("b", X[:, :2])):
        alone = EuclideanAlignment().fit_transform(part, groups=groups)
        np.testing.assert_allclose(aligned[name], alone, atol=1e-12)
    with pytest.raises(ValueError, match="same length.*32 epochs and 16 entries"):
        EuclideanAlignment().transform(data, groups=groups)


def test_what_is_known_of_groups_stays(X, groups):
    y = dict.fromkeys("ab", [0, 1] * 8)
    known = MultiTaskEpochs({"a": X, "b": X}, y, dict.fromkeys("ab", groups))
    unknown = MultiTaskEpochs({"a": X, "b": X}, y)
    assert EuclideanAlignment().fit_transform(known).grouped == ("a", "b")
    assert EuclideanAlignment().fit_transform(unknown).grouped == ()


def test_groups_of_a_task_that_is_not_there(X, groups):
    with pytest.raises(ValueError, match=r"groups has entries .*lacks: \['A'\]"):
        EuclideanAlignment().fit_transform({"a": X}, groups={"A": groups})


def test_unknown_groups(X, groups):
    groups = groups.astype(object)
    groups[3] = None
    with pytest.raises(ValueError, match="groups, .*Missing for 1, such as epoch 3"):
        EuclideanAlignment().transform(X, groups)


@pytest.mark.parametrize("online", [False, True])
def test_other_units_are_refused_and_not_erased(X, groups, online):
    X[:, 1] = 37 + 0.1 * X[:, 1]  # a temperature beside volts
    X[:, [0, 2, 3, 4]] *= 1e-5
    with pytest.raises(ValueError, match=r"channels \[0, 2, 3, 4\].*'a' .*erase"):
        EuclideanAlignment(online=online).transform(X, groups)
    X[:, 1] *= 1e-3
    spread = EuclideanAlignment(online=online).transform(X, groups).std((0, 2))
    assert (spread > 0.1).sum() == 4  # the temperature is next to constant


class TestLists:
    @pytest.fixture
    def parts(self, epochs):
        """Two recordings, the second with other numbers for the same events."""
        first, second = epochs[:20], epochs[20:]
        second.events[:, 2] = 30 - second.events[:, 2]
        second.event_id = {k: 30 - v for k, v in second.event_id.items()}
        return first, second

    def test_event_numbers_of_recordings_may_differ(self, epochs, parts):
        aligned = EuclideanAlignment().fit_transform(list(parts))
        whole = EuclideanAlignment().fit_transform(epochs)
        np.testing.assert_array_equal(aligned.get_data(), whole.get_data())
        np.testing.assert_array_equal(event_names(aligned), event_names(epochs))
        assert (np.diff(aligned.events[:, 0]) > 0).all()
        assert aligned.metadata["subject"].tolist() == list(epochs.metadata["subject"])

    def test_one_number_for_two_events(self, epochs):
        first, second = epochs[:20], epochs[20:]
        second.event_id = {f"other {k}": v for k, v in second.event_id.items()}
        aligned = EuclideanAlignment().fit_transform([first, second])
        expected = event_names([first, second])
        np.testing.assert_array_equal(event_names(aligned), expected)

    def test_metadata_of_some(self, epochs):
        first, second = epochs[:20], epochs[20:]
        first.metadata = first.metadata.assign(run=1)
        aligned = EuclideanAlignment().fit_transform([first, second])
        assert aligned.metadata["run"].isna().tolist() == [False] * 20 + [True] * 28
        second.metadata = None
        with pytest.raises(
            ValueError, match="1 of 2 Epochs of a list have .*'subject'"
        ):
            EuclideanAlignment().fit_transform([first, second])
        first.metadata = first.metadata[["run"]]
        aligned = EuclideanAlignment().fit_transform([first, second])
        assert aligned.metadata["run"].isna().tolist() == [False] * 20 + [True] * 28

    def test_windows_keep_their_labels(self):
        windows = make_windows()
        aligned = EuclideanAlignment().fit_transform(windows)
        truth = windows.get_metadata()["target"].to_numpy()
        np.testing.assert_array_equal(event_names([aligned]), truth)


def test_groups_of_a_dict_are_a_dict(X, groups):
    with pytest.raises(TypeError, match="dict from tasks to the groups.*Got ndarray"):
        EuclideanAlignment().fit_transform({"a": X}, groups=groups)
