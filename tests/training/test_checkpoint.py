"""Model files: what comes back, what is refused, and what a failing write leaves."""

import json
import os
import pickle
import shutil

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from mne_eegmamba.training import checkpoint

CONTENT = {
    "name": "Müller",
    "rates": [1e-5, 2, None, True],
    "nested": {"b": {}, "a": 1},
}


def arrays():
    rng = np.random.default_rng(0)
    return {
        "weight": rng.standard_normal((3, 4)).astype(np.float32),
        "labels": np.arange(5),
        "flags": np.array([True, False]),
        "scalar": np.array(2.5),
        "empty": np.zeros((0, 3), np.float32),
    }


@pytest.fixture
def path(tmp_path):
    """Give a file with a model in it."""
    checkpoint.write(tmp_path / "model.safetensors", arrays(), CONTENT)
    return tmp_path / "model.safetensors"


def assert_whole(path):
    got, content = checkpoint.read(path)
    assert content == CONTENT
    assert got.keys() == arrays().keys()
    for name, array in arrays().items():
        assert got[name].dtype == array.dtype
        assert got[name].shape == array.shape
        np.testing.assert_array_equal(got[name], array)


def test_round_trip(path):
    assert_whole(path)
    assert_whole(str(path))
    assert [p.name for p in path.parent.iterdir()] == ["model.safetensors"]


@pytest.mark.parametrize("view", [np.transpose, lambda x: x[::2, 1:], np.flip])
def test_views_come_back_as_they_are(tmp_path, view):
    array = view(np.arange(20.0).reshape(4, 5))
    checkpoint.write(tmp_path / "m", {"a": array}, {})
    np.testing.assert_array_equal(checkpoint.read(tmp_path / "m")[0]["a"], array)


def test_no_arrays_no_content(tmp_path):
    checkpoint.write(tmp_path / "m", {}, {})
    assert checkpoint.read(tmp_path / "m") == ({}, {})


def test_write_leaves_its_arguments_alone(tmp_path):
    given_arrays, content = arrays(), json.loads(json.dumps(CONTENT))
    checkpoint.write(tmp_path / "m", given_arrays, content)
    assert content == CONTENT
    for name, array in arrays().items():
        np.testing.assert_array_equal(given_arrays[name], array)


def test_content_that_json_turns_into_strings_and_lists(tmp_path):
    checkpoint.write(tmp_path / "m", {}, {"classes": {2: "a", 10: "b"}, "pair": (1, 2)})
    _, content = checkpoint.read(tmp_path / "m")
    assert content == {"classes": {"2": "a", "10": "b"}, "pair": [1, 2]}


def test_same_bytes_from_the_same_model(path, tmp_path):
    checkpoint.write(tmp_path / "again", dict(reversed(arrays().items())), CONTENT)
    assert (tmp_path / "again").stat().st_size == path.stat().st_size


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no model file .*absent"):
        checkpoint.read(tmp_path / "absent")
    with pytest.raises(FileNotFoundError, match="There is no model file"):
        checkpoint.read(tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.7, 0.95, 0.999])
def test_truncated(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match="is damaged or no safetensors file"):
        checkpoint.read(path)


@settings(
    deadline=None,
    max_examples=200,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_flipped_bit(path, where, bit):
    assert_whole(path)
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[int(where * len(whole))] ^= 1 << bit
    damaged = path.with_name("damaged")
    damaged.write_bytes(flipped)
    try:
        got, content = checkpoint.read(damaged)
    except ValueError as error:
        message = str(error)
        assert "'save' of" in message.replace("`", "'") or "reads version" in message
    else:  # such as 1e-05 that became 1E-05: the same model
        assert content == CONTENT
        assert all(np.array_equal(got[k], v) for k, v in arrays().items())


@pytest.mark.parametrize("name", ["weight", "labels"])
def test_flipped_bit_in_an_array(path, name):
    raw = arrays()[name].tobytes()
    content = bytearray(path.read_bytes())
    content[content.index(raw) + len(raw) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"is damaged \(checksum differs\)"):
        checkpoint.read(path)


def test_changed_content(path):
    content = path.read_bytes()
    assert content.count(rb"M\\u00fcller") == 1
    path.write_bytes(content.replace(rb"M\\u00fcller", rb"M\\u00fcllex"))
    with pytest.raises(ValueError, match=r"is damaged \(checksum differs\)"):
        checkpoint.read(path)


@pytest.mark.parametrize("metadata", [None, {}, {"format": "pt"}])
def test_foreign_safetensors(tmp_path, metadata):
    save_file({"a": np.zeros(2)}, tmp_path / "m", metadata=metadata)
    with pytest.raises(ValueError, match="holds no mne_eegmamba model; a file that"):
        checkpoint.read(tmp_path / "m")


def test_incomplete_header(tmp_path):
    header = {"format": checkpoint.FORMAT, "version": str(checkpoint.VERSION)}
    for extra in ({}, {"content": "{"}, {"content": "{}"}):
        save_file({"a": np.zeros(2)}, tmp_path / "m", metadata=header | extra)
        with pytest.raises(ValueError, match="checksum differs"):
            checkpoint.read(tmp_path / "m")


class Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_pickle_is_refused_and_never_loaded(tmp_path):
    (tmp_path / "m").write_bytes(pickle.dumps(Bomb(str(tmp_path / "exploded"))))
    with pytest.raises(ValueError, match="is damaged or no safetensors file"):
        checkpoint.read(tmp_path / "m")
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("version", [0, 2, 11])
def test_other_version(path, monkeypatch, version):
    monkeypatch.setattr(checkpoint, "VERSION", version)
    checkpoint.write(path, arrays(), CONTENT)
    monkeypatch.undo()
    message = f"has version {version} of the file format, this library reads version 1"
    with pytest.raises(ValueError, match=message):
        checkpoint.read(path)


def fail(*_, **__):
    raise OSError("no space left")


@pytest.mark.parametrize("step", ["save", "replace"])
def test_failing_write_leaves_the_old_file(path, monkeypatch, step):
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint if step == "save" else os, step, fail)
        with pytest.raises(OSError, match="no space left"):
            checkpoint.write(path, {"a": np.ones(2)}, {})
    assert [p.name for p in path.parent.iterdir()] == ["model.safetensors"]
    assert_whole(path)


def test_what_cannot_be_written_leaves_the_old_file(path):
    with pytest.raises(TypeError, match="JSON"):
        checkpoint.write(path, {}, {"a": object()})
    with pytest.raises(Exception, match=r"."):
        checkpoint.write(path, {"a": np.array(["text"])}, {})
    assert [p.name for p in path.parent.iterdir()] == ["model.safetensors"]
    assert_whole(path)


def test_write_replaces_and_leaves_nothing_beside(path):
    copy = path.with_name("copy")
    shutil.copy(path, copy)
    checkpoint.write(path, {"a": np.ones(2)}, {})
    assert checkpoint.read(path)[0].keys() == {"a"}
    assert_whole(copy)
    assert {p.name for p in path.parent.iterdir()} == {"model.safetensors", "copy"}


@pytest.mark.skipif(os.name != "posix", reason="file modes are those of POSIX")
def test_mode_is_that_of_any_new_file(path):
    other = path.with_name("other")
    other.write_bytes(b"")
    assert path.stat().st_mode == other.stat().st_mode
