"""Epochs that stay on disk, wherever Epochs may be."""

import numpy as np
import pytest
from sklearn.model_selection import GroupKFold, cross_val_score

from mne_eegmamba import MultiTaskEpochs, TaskGroupKFold
from mne_eegmamba.datasets import write_store
from mne_eegmamba.evaluation import evaluate
from tests.datasets.noise import make_recordings, read_noise
from tests.estimators.conftest import make_tasks


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stored")
    recordings = make_recordings(folder)
    return write_store(folder / "store", "noise", recordings, read_noise, {})


@pytest.fixture(scope="module")
def in_memory(stored):
    return stored.to_epochs()


@pytest.fixture(scope="module")
def from_store(make, stored):
    return make().fit(stored)


def test_fit_is_that_from_memory(make, from_store, stored, in_memory):
    other = make().fit(in_memory)
    found = from_store.predict_proba(stored)
    np.testing.assert_array_equal(found, other.predict_proba(in_memory))
    assert from_store.ch_names_in_ == other.ch_names_in_
    assert from_store.classes_.tolist() == ["rest", "task"]
    assert from_store.score(stored) == other.score(in_memory)


def test_prediction_of_a_view(from_store, stored, in_memory):
    rows = np.array([20, 3, 4])
    np.testing.assert_array_equal(
        from_store.predict_proba(stored[rows]),
        from_store.predict_proba(in_memory)[rows],
    )


def test_channels_are_matched_by_name(make, from_store, stored, in_memory):
    reordered = in_memory.copy().reorder_channels(["C4", "C3", "Cz"])
    other = make().fit(reordered)
    np.testing.assert_array_equal(
        other.predict_proba(stored), other.predict_proba(in_memory)
    )


def test_another_rate_is_refused(make, stored, in_memory):
    other = make().fit(in_memory.copy().resample(150.0, verbose="error"))
    with pytest.raises(ValueError, match="200.0 Hz, fit saw 150.0 Hz.*prepare them"):
        other.predict(stored)


def test_cross_validation_by_subject(make, stored, in_memory):
    scores = [
        cross_val_score(make(), X, y, groups=groups, cv=GroupKFold(2))
        for X, y, groups in (
            (stored, stored.y, stored.groups),
            (in_memory.get_data(), stored.y, stored.groups),
        )
    ]
    np.testing.assert_array_equal(*scores)


def test_validation_by_group_reads_the_subjects(make, stored):
    clf = make(validation=0.5).fit(stored)
    assert clf.history_["valid_loss"].notna().all()


def test_several_tasks_mix_disk_and_memory(stored, in_memory, epochs):
    def run(first):
        data = MultiTaskEpochs({"noise": first, "hand": epochs})
        clf = make_tasks().fit(data)
        return data, clf.predict_proba(data[::-3])

    (data, found), (_, other) = run(stored), run(in_memory)
    np.testing.assert_array_equal(found, other)
    assert data.grouped == ("noise", "hand")
    assert data["noise"].shape == stored.shape
    assert data[[1, 2]]["noise"].y.tolist() == ["task", "rest"]


def test_dict_with_a_store(stored, in_memory, epochs):
    both = [
        make_tasks().fit({"noise": X, "hand": epochs}).predict({"noise": X})["noise"]
        for X in (stored, in_memory)
    ]
    np.testing.assert_array_equal(*both)


def test_training_goes_on_from_disk(make, stored, in_memory):
    found = [
        make(max_epochs=1).fit(X).partial_fit(X).predict_proba(X)
        for X in (stored, in_memory)
    ]
    np.testing.assert_array_equal(*found)


def test_evaluate(make, stored):
    data = MultiTaskEpochs({"noise": stored})
    scores = evaluate(make(), data, cv=TaskGroupKFold(2), alone=True)
    assert scores.loc["noise", "n_epochs"].tolist() == [12.0, 12.0, 12.0, 0.0]
