"""Model files: what goes in comes out, and nothing else is read."""

import json
import os
import pickle
import struct

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import StratifiedKFold
from skorch.callbacks import Callback

from mne_eegmamba import EEGMambaClassifier


class OtherClassifier(EEGMambaClassifier):
    pass


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.fixture
def saved(fitted, path):
    fitted.save(path)
    return path


def test_round_trip_of_arrays(fitted, numbers, saved):
    X, _ = numbers
    clf = EEGMambaClassifier.load(saved)
    for method in ("predict", "predict_proba", "decision_function", "transform"):
        np.testing.assert_array_equal(
            getattr(clf, method)(X), getattr(fitted, method)(X)
        )
    assert clf.get_params() == fitted.get_params()
    names = {name for name in vars(fitted) if name.endswith("_")}
    assert {name for name in vars(clf) if name.endswith("_")} == names
    assert clf.n_features_in_ == fitted.n_features_in_
    np.testing.assert_array_equal(
        EEGMambaClassifier.load(str(saved)).predict(X), fitted.predict(X)
    )


@pytest.mark.parametrize("parameters", [{}, {"validation": 0.25}])
def test_history_is_kept_exactly(make, numbers, path, parameters):
    clf = make(**parameters).fit(*numbers)
    clf.save(path)
    pd.testing.assert_frame_equal(
        EEGMambaClassifier.load(path).history_, clf.history_, check_exact=True
    )


def test_round_trip_of_epochs(fitted_epochs, epochs, path):
    fitted_epochs.save(path)
    clf = EEGMambaClassifier.load(path)
    assert clf.ch_names_in_ == fitted_epochs.ch_names_in_
    assert clf.sfreq_ == fitted_epochs.sfreq_
    shuffled = epochs.copy().reorder_channels(["Pz", "C3", "C4", "Cz"])
    np.testing.assert_array_equal(
        clf.predict_proba(shuffled), fitted_epochs.predict_proba(epochs)
    )
    with pytest.raises(ValueError, match="scale"):
        clf.predict(epochs.get_data(copy=True) * 1e6)


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["é", "bb", "a/c"]),
        np.array(["é", "bb", "a/c"], dtype=object),
        np.array([-7, 3, 1000]),
        np.array([1, 2, 3], dtype=np.int8),
        np.array([0.5, 2.0, 4.0]).round(),
        np.array([True, False, True]),
    ],
    ids=["str", "object", "int", "int8", "float", "bool"],
)
def test_labels(make, numbers, path, labels):
    X, y = numbers
    clf = make(max_epochs=1).fit(X, labels[y])
    clf.save(path)
    loaded = EEGMambaClassifier.load(path)
    assert loaded.classes_.dtype == clf.classes_.dtype
    np.testing.assert_array_equal(loaded.classes_, clf.classes_)
    np.testing.assert_array_equal(loaded.predict(X), clf.predict(X))


@pytest.mark.parametrize(
    ("labels", "weights"),
    [
        (np.array(["a", "b", "c"]), {"a": 1, "b": 2.5, "c": 0.5}),
        (np.array([2, 5, 9]), {2: 1.0, 5: 2.0, 9: 3.0}),
        (np.array([2, 5, 9]), {np.int64(2): 1.0, np.int64(5): 2.0, np.int64(9): 3.0}),
        (np.array([True, False, True]), {True: 2.0, False: 1.0}),
        (np.array([0, 1, 2]), "balanced"),
    ],
)
def test_class_weight(make, numbers, path, labels, weights):
    X, y = numbers
    clf = make(max_epochs=1, class_weight=weights).fit(X, labels[y])
    clf.save(path)
    loaded = EEGMambaClassifier.load(path)
    assert loaded.class_weight == weights
    if isinstance(weights, dict):
        assert type(loaded.class_weight) is dict
    again = loaded.fit(X, labels[y])
    np.testing.assert_array_equal(again.predict_proba(X), clf.predict_proba(X))


@pytest.mark.parametrize("scale", ["channel", "window", None])
def test_input_scale(make, numbers, path, scale):
    X, y = numbers
    clf = make(max_epochs=1, input_scale=scale).fit(X / 50, y)
    clf.save(path)
    np.testing.assert_array_equal(
        EEGMambaClassifier.load(path).predict_proba(X / 50), clf.predict_proba(X / 50)
    )


def test_two_dimensions_and_column_names(make, numbers, path):
    X, y = numbers
    table = pd.DataFrame(X[:, 0], columns=[f"t{i}" for i in range(300)])
    clf = make(max_epochs=1).fit(table, y)
    clf.save(path)
    loaded = EEGMambaClassifier.load(path)
    assert loaded.feature_names_in_.tolist() == clf.feature_names_in_.tolist()
    np.testing.assert_array_equal(loaded.predict_proba(table), clf.predict_proba(table))


def test_numpy_numbers_as_parameters(make, numbers, path):
    clf = make(max_epochs=np.int64(1), d_model=np.int64(8), lr=np.float64(1e-3))
    clf.fit(*numbers)
    clf.save(path)
    assert EEGMambaClassifier.load(path).get_params() == clf.get_params()


def test_what_cannot_be_saved_is_named(make, numbers, path):
    X, y = numbers
    clf = make(
        max_epochs=1, callbacks=[Callback()], random_state=np.random.RandomState(0)
    ).fit(X, y)
    with pytest.warns(UserWarning, match=r"\['callbacks', 'random_state'\]"):
        clf.save(path)
    loaded = EEGMambaClassifier.load(path)
    assert loaded.callbacks is None
    assert loaded.random_state is None
    np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))


def test_loaded_model_goes_on(fitted, numbers, saved):
    X, y = numbers
    loaded, other = (EEGMambaClassifier.load(saved) for _ in range(2))
    before = loaded.predict_proba(X)
    loaded.partial_fit(X, y)
    assert np.isfinite(loaded.predict_proba(X)).all()
    assert not np.array_equal(loaded.predict_proba(X), before)
    assert len(loaded.history_) == len(fitted.history_) + 1
    assert loaded.history_.index.tolist() == [1, 2, 3]
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(other)).predict_proba(X), before
    )
    refit = other.fit(X, y)
    np.testing.assert_array_equal(refit.predict_proba(X), fitted.predict_proba(X))


def test_saved_twice(fitted, numbers, saved, tmp_path):
    X, _ = numbers
    EEGMambaClassifier.load(saved).save(tmp_path / "second")
    np.testing.assert_array_equal(
        EEGMambaClassifier.load(tmp_path / "second").predict_proba(X),
        fitted.predict_proba(X),
    )


class Note(Callback):
    """Write a text and a number into the history."""

    def on_epoch_end(self, net, **kwargs):
        """Write."""
        net.history.record("mood", "good")
        net.history.record("pulse", 60.0)
        net.history.record("calm", True)


def test_training_goes_on_without_the_splitter_that_was_not_saved(
    make, numbers, tmp_path
):
    clf = make(validation=StratifiedKFold(3), early_stopping=2).fit(*numbers)
    with pytest.warns(UserWarning, match="validation"):
        clf.save(tmp_path / "a.eegmamba")
    loaded = EEGMambaClassifier.load(tmp_path / "a.eegmamba")
    passes = len(clf.history_)
    assert len(loaded.partial_fit(*numbers).history_) == passes + 1


def test_texts_in_the_history_are_named(make, numbers, path):
    clf = make(callbacks=[Note()]).fit(*numbers).set_params(callbacks=None)
    assert clf.history_["mood"].tolist() == ["good", "good"]
    with pytest.warns(UserWarning, match=r"columns \['mood'\] of history_"):
        clf.save(path)
    history = EEGMambaClassifier.load(path).history_
    assert history["pulse"].tolist() == [60.0, 60.0]
    assert history["calm"].tolist() == [1.0, 1.0]


def test_a_backend_that_is_not_here(make, numbers, path, monkeypatch):
    """As for a network of a GPU on a machine without one."""
    clf = make().fit(*numbers)
    clf.set_params(backend="mamba_ssm").save(path)
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    with pytest.warns(UserWarning, match="backend='mamba_ssm', which cannot run"):
        loaded = EEGMambaClassifier.load(path)
    assert loaded.backend == "auto"
    expected = clf.predict_proba(numbers[0])
    np.testing.assert_array_equal(loaded.predict_proba(numbers[0]), expected)


def test_parameters_changed_after_fit(make, numbers, path):
    X, y = numbers
    clf = make().fit(X, y)
    expected = clf.predict_proba(X)
    clf.set_params(d_model=8, n_layers=3, input_scale="window", pooling="mean")
    clf.save(path)
    loaded = EEGMambaClassifier.load(path)
    assert loaded.d_model == 8
    assert loaded.input_scale == "window"
    np.testing.assert_array_equal(loaded.predict_proba(X), expected)


def _truncated(content):
    return content[: len(content) // 2]


def _header_only(content):
    return content[:100]


def _flipped_weight(content):
    return content[:-5] + bytes([content[-5] ^ 1]) + content[-4:]


def _flipped_header(content):
    at = content.index(b"n_times") + 12
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def _longer(content):
    return content + b"0000"


def _empty(content):
    return b""


def _pickled(content):
    return pickle.dumps({"weights": [1, 2]})


def _text(content):
    return b"nothing of the kind\n" * 50


@pytest.mark.parametrize(
    "damage",
    [
        _truncated,
        _header_only,
        _flipped_weight,
        _flipped_header,
        _longer,
        _empty,
        _pickled,
        _text,
    ],
)
def test_damaged_files(saved, damage):
    saved.write_bytes(damage(saved.read_bytes()))
    with pytest.raises(ValueError, match="(?s)damaged|no safetensors") as caught:
        EEGMambaClassifier.load(saved)
    assert saved.name in str(caught.value)
    assert "save" in str(caught.value)


def test_no_byte_can_change_unseen(saved, rng):
    content = saved.read_bytes()
    for at in rng.integers(0, len(content), 20):
        saved.write_bytes(content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :])
        with pytest.raises(ValueError, match="damaged|holds|version|safetensors"):
            EEGMambaClassifier.load(saved)


def test_foreign_safetensors(path):
    from safetensors.numpy import save_file

    save_file({"weight": np.zeros(3)}, path)
    with pytest.raises(ValueError, match="holds no mne_eegmamba model"):
        EEGMambaClassifier.load(path)
    save_file({"w": np.zeros(3)}, path, metadata={"format": "pt"})
    with pytest.raises(ValueError, match="holds no mne_eegmamba model"):
        EEGMambaClassifier.load(path)
    save_file(
        {"w": np.zeros(3)}, path, metadata={"format": "mne_eegmamba", "version": "99"}
    )
    with pytest.raises(ValueError, match="version 99"):
        EEGMambaClassifier.load(path)


def test_missing_file_and_folder(tmp_path, fitted):
    with pytest.raises(FileNotFoundError, match="nothing.here"):
        EEGMambaClassifier.load(tmp_path / "nothing.here")
    with pytest.raises((FileNotFoundError, IsADirectoryError, ValueError)):
        EEGMambaClassifier.load(tmp_path)
    with pytest.raises(FileNotFoundError, match="no folder .*folder' to write 'm'"):
        fitted.save(tmp_path / "no" / "folder" / "m")


def test_another_class(saved):
    with pytest.raises(
        ValueError, match="holds a EEGMambaClassifier, not a OtherClassifier"
    ):
        OtherClassifier.load(saved)


def test_unfitted_is_not_saved(make, path):
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        make().save(path)
    assert not path.exists()


def test_file_is_safetensors_and_json(saved):
    content = saved.read_bytes()
    (size,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + size])
    metadata = header.pop("__metadata__")
    assert json.loads(metadata["content"])["estimator"] == "EEGMambaClassifier"
    assert {entry["dtype"] for entry in header.values()} <= {"F32", "F64", "I64"}
    ends = [entry["data_offsets"][1] for entry in header.values()]
    assert 8 + size + max(ends) == len(content)
    assert b"pickle" not in content


def test_load_never_unpickles(saved, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("unpickled")

    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    monkeypatch.setattr("torch.load", refuse)
    EEGMambaClassifier.load(saved)


def test_existing_file_is_replaced_at_once_or_not_at_all(
    make, numbers, saved, monkeypatch
):
    X, y = numbers
    old = saved.read_bytes()
    other = make(max_epochs=1, random_state=5).fit(X, y)

    def broken(path, content):
        with open(path, "wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.write_bytes", broken)
        with pytest.raises(OSError, match="disk full"):
            other.save(saved)
    assert saved.read_bytes() == old
    assert os.listdir(saved.parent) == [saved.name]
    other.save(saved)
    assert os.listdir(saved.parent) == [saved.name]
    np.testing.assert_array_equal(
        EEGMambaClassifier.load(saved).predict_proba(X), other.predict_proba(X)
    )


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_file_has_usual_permissions(saved):
    usual = saved.parent / "usual"
    usual.write_text("")
    assert saved.stat().st_mode == usual.stat().st_mode
