"""Model files of several tasks: what goes in comes out."""

import numpy as np
import pandas as pd
import pytest
from skorch.callbacks import Callback

from mne_eegmamba import EEGMambaClassifier, MultiTaskEEGMamba
from tests.estimators.conftest import make_tasks

METHODS = ["predict", "predict_proba", "decision_function", "transform"]


def assert_same(one, other):
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for task in one:
            np.testing.assert_array_equal(one[task], other[task])
            assert one[task].dtype == other[task].dtype
    else:
        np.testing.assert_array_equal(one, other)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize("form", ["dict", "flat", "task", "array"])
def test_round_trip(arrays, flat, path, form):
    one = arrays[0]["b"], arrays[1]["b"]
    data, task = {"dict": arrays, "flat": (flat, None)}.get(form, one), {}
    if form == "task":
        task = {"task": np.array(["p", "q"] * 9)}
    clf = make_tasks(validation=0.34).fit(*data, **task)
    clf.save(path)
    loaded = MultiTaskEEGMamba.load(path)
    for method in METHODS:
        assert_same(
            getattr(loaded, method)(data[0], **task),
            getattr(clf, method)(data[0], **task),
        )
    assert loaded.get_params() == clf.get_params()
    assert {name for name in vars(loaded)} == {name for name in vars(clf)}
    np.testing.assert_array_equal(loaded.classes_, clf.classes_)
    assert_same(loaded.task_classes_, clf.task_classes_)
    pd.testing.assert_frame_equal(loaded.history_, clf.history_, check_exact=True)
    pd.testing.assert_frame_equal(
        loaded.expert_usage(data[0], **task), clf.expert_usage(data[0], **task)
    )
    assert loaded.score(*data, **task) == clf.score(*data, **task)


def test_what_is_known_of_epochs(epochs, path):
    data = {"hand": epochs[:12], "half.2": epochs[12:24].pick(["C4", "Cz"])}
    clf = make_tasks().fit(data)
    clf.save(path)
    loaded = MultiTaskEEGMamba.load(path)
    for name, task in clf.tasks_.items():
        other = loaded.tasks_[name]
        assert (other.ch_names, other.sfreq) == (task.ch_names, task.sfreq)
        assert (other.n_channels, other.n_times) == (task.n_channels, task.n_times)
        np.testing.assert_array_equal(other.scaling.scale, task.scaling.scale)
    turned = data["half.2"].copy().reorder_channels(["Cz", "C4"])
    assert_same(
        loaded.predict_proba({"half.2": turned}), clf.predict_proba({"half.2": turned})
    )
    with pytest.raises(ValueError, match="Task 'hand': .*scale"):
        loaded.predict({"hand": data["hand"].get_data() * 1e6})


@pytest.mark.parametrize(
    "parameters",
    [
        {"class_weight": "balanced"},
        {"class_weight": {"a": "balanced", "b": None}},
        {"class_weight": {"a": {0: 1.0, 1: 2.0}, "b": {"x": 3.0, "y": 1.0, "z": 0.5}}},
        {"class_weight": {"a/0": 1, "a/1": 2.5, "b/x": 1, "b/y": 1, "b/z": 2}},
        {"task_types": {"a": "one", "b": "one"}},
        {"task_types": {}},
        {"n_experts": np.int64(2), "balance_weight": np.float64(0.5)},
        {"bidirectional": False, "pooling": "mean", "moe_residual": False},
        {"moe_residual": False, "balance_statistics": "batch"},
        {"n_experts": 0, "tokenizer_norm": "batch", "tokenizer_pool": "max"},
        {"task_gate": False, "universal_expert": False, "top_k": 3},
    ],
)
def test_parameters(arrays, path, parameters):
    clf = make_tasks(**parameters).fit(*arrays)
    clf.save(path)
    loaded = MultiTaskEEGMamba.load(path)
    assert loaded.get_params() == clf.get_params()
    assert_same(loaded.predict_proba(arrays[0]), clf.predict_proba(arrays[0]))
    again = loaded.fit(*arrays)
    assert_same(again.predict_proba(arrays[0]), clf.predict_proba(arrays[0]))


def test_what_cannot_be_saved_is_named(arrays, path):
    clf = make_tasks(callbacks=[Callback()]).fit(*arrays)
    with pytest.warns(UserWarning, match=r"\['callbacks'\]"):
        clf.save(path)
    assert MultiTaskEEGMamba.load(path).callbacks is None


def test_parameters_changed_after_fit(arrays, path):
    clf = make_tasks().fit(*arrays)
    expected = clf.predict_proba(arrays[0])
    clf.set_params(d_model=8, n_experts=5, task_types={"a": "b"}, bidirectional=False)
    clf.save(path)
    loaded = MultiTaskEEGMamba.load(path)
    assert loaded.n_experts == 5
    assert_same(loaded.predict_proba(arrays[0]), expected)


def test_life_goes_on_after_loading(fitted_tasks, arrays, new, path, tmp_path):
    fitted_tasks.save(path)
    loaded = MultiTaskEEGMamba.load(path)
    before = loaded.predict_proba(arrays[0])
    loaded.add_task("c", *new)
    assert_same(loaded.predict_proba(arrays[0]), before)
    loaded.save(tmp_path / "second")
    second = MultiTaskEEGMamba.load(tmp_path / "second")
    everything = {**arrays[0], "c": new[0]}
    assert_same(second.predict_proba(everything), loaded.predict_proba(everything))
    second.remove_task("a").partial_fit({"c": new[0]}, {"c": new[1]})
    assert second.history_.index.tolist() == [1, 2, 3]
    assert list(second.tasks_) == ["b", "c"]


def test_files_of_the_other_estimator(fitted, fitted_tasks, path):
    fitted.save(path)
    message = "holds a EEGMambaClassifier, not a MultiTaskEEGMamba; use EEGMambaClass"
    with pytest.raises(ValueError, match=message):
        MultiTaskEEGMamba.load(path)
    fitted_tasks.save(path)
    with pytest.raises(ValueError, match="use MultiTaskEEGMamba.load"):
        EEGMambaClassifier.load(path)


def test_damaged_file(fitted_tasks, path):
    fitted_tasks.save(path)
    content = path.read_bytes()
    path.write_bytes(content[:-3] + bytes([content[-3] ^ 1]) + content[-2:])
    with pytest.raises(ValueError, match="damaged"):
        MultiTaskEEGMamba.load(path)
