"""MultiTaskEpochs: one index over ragged tasks, and nothing is copied."""

import pickle
import tracemalloc

import mne
import numpy as np
import pytest
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples

from mne_eegmamba import MultiTaskEpochs


@pytest.fixture
def data(epochs):
    arrays = np.arange(6 * 2 * 5, dtype=float).reshape(6, 2, 5)
    return MultiTaskEpochs(
        {"hand": epochs, "b": arrays, "two": [epochs[:3], epochs[40:42]]},
        {"b": [0, 1, 0, 1, 0, 1]},
    )


def test_vectors(data, epochs):
    assert data.tasks == ("hand", "b", "two")
    assert data.shape == (len(data),) == (48 + 6 + 5,)
    assert data.task.tolist() == ["hand"] * 48 + ["b"] * 6 + ["two"] * 5
    assert data.y[:2].tolist() == ["hand/left", "hand/right"]
    assert data.y[48:54].tolist() == ["b/0", "b/1"] * 3
    assert data.groups[:9].tolist() == ["hand/0"] * 8 + ["hand/1"]
    assert data.groups[48] == "b/0"
    assert data.groups[-1] == "two/5"


def test_one_task_comes_back_as_it_was(data, epochs):
    part = data["hand"]
    assert isinstance(part, mne.BaseEpochs)
    np.testing.assert_array_equal(part.get_data(), epochs.get_data())
    assert data["b"].shape == (6, 2, 5)
    assert [len(piece) for piece in data["two"]] == [3, 2]
    with pytest.raises(KeyError, match=r"no task 'x', only \['hand', 'b', 'two'\]"):
        data["x"]


@pytest.mark.parametrize("order", [[3, 0, 4, 1, 2], [4, 3, 2], [1], [0, 0, 3, 0]])
def test_a_task_comes_in_the_order_of_the_view(data, epochs, order):
    joined = np.concatenate([epochs[:3].get_data(), epochs[40:42].get_data()])
    part = data[54 + np.array(order)]["two"]
    parts = part if isinstance(part, list) else [part]
    assert all(isinstance(piece, mne.BaseEpochs) for piece in parts)
    found = np.concatenate([piece.get_data() for piece in parts])
    np.testing.assert_array_equal(found, joined[order])
    hand = data[np.array(order) + 7]["hand"]
    np.testing.assert_array_equal(
        hand.get_data(), epochs.get_data()[np.array(order) + 7]
    )


def test_a_task_without_epochs_in_the_view(data):
    view = data[:3]
    assert view.tasks == data.tasks
    assert view["b"].shape == (0, 2, 5)
    assert len(view["two"]) == 0
    assert list(view.parts()) == ["hand"]


@pytest.mark.parametrize(
    "index",
    [
        [50, 1, 58, 1],
        np.arange(59) % 3 == 0,
        slice(40, 56, 2),
        slice(None, None, -1),
        np.array([], dtype=int),
    ],
)
def test_index_is_numpys(data, index):
    view = data[index]
    for name in ("task", "y", "groups"):
        np.testing.assert_array_equal(getattr(view, name), getattr(data, name)[index])
    assert len(view) == len(data.task[index])
    rows = np.arange(59)[index]
    mine = rows[(rows >= 48) & (rows < 54)] - 48
    np.testing.assert_array_equal(view["b"], data["b"][mine])
    again = view[::-1]
    np.testing.assert_array_equal(again.y, view.y[::-1])


def test_scikit_learn_indexes_it(data):
    assert _num_samples(data) == 59
    assert _safe_indexing(data, np.array([3, 50])).y.tolist() == [
        "hand/right",
        "b/0",
    ]
    mask = data.task == "b"
    for index in (mask, mask.tolist(), slice(48, 54), list(range(48, 54))):
        assert _safe_indexing(data, index).y.tolist() == ["b/0", "b/1"] * 3


def test_it_cannot_be_looped_over(data):
    with pytest.raises(TypeError, match="not iterable"):
        list(data)


def test_a_view_copies_no_samples():
    array = np.zeros((500, 25, 1000), dtype=np.float32)  # 50 MB
    tracemalloc.start()
    data = MultiTaskEpochs({"a": array}, {"a": np.arange(500) % 2})
    view = data[np.arange(0, 500, 2)][:200]
    _safe_indexing(data, np.arange(500) % 3 == 0)[::-1].parts()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1e6
    whole, rows, places = view.parts()["a"]
    assert np.shares_memory(whole, array)
    np.testing.assert_array_equal(rows, np.arange(0, 400, 2))
    np.testing.assert_array_equal(places, np.arange(200))


def test_a_view_holds_the_users_epochs(data, epochs):
    whole, rows, _ = data[5:9].parts()["hand"]
    assert whole[0] is epochs
    assert rows.tolist() == [5, 6, 7, 8]


def test_epochs_on_disk_are_loaded_once(epochs, tmp_path):
    path = tmp_path / "a-epo.fif"
    plain = epochs.copy()
    plain.metadata = None
    plain.save(path, verbose="error")
    lazy = mne.read_epochs(path, preload=False, verbose="error")
    data = MultiTaskEpochs({"a": lazy})
    assert not lazy.preload
    np.testing.assert_allclose(
        data[5:7]["a"].get_data(), epochs[5:7].get_data(), rtol=1e-6, atol=1e-12
    )


def test_epochs_that_mne_rejects_are_not_there(rng):
    samples = 1e-5 * rng.standard_normal((1, 2000))
    samples[0, 700] = 1e-2
    raw = mne.io.RawArray(samples, mne.create_info(1, 200.0, "eeg"), verbose="error")
    events = np.column_stack(
        [200 * np.arange(9) + 5, np.zeros(9, int), np.ones(9, int)]
    )
    lazy = mne.Epochs(
        *(raw, events, {"rest": 1}, 0, 0.5),
        baseline=None,
        reject={"eeg": 1e-3},
        preload=False,
        verbose="error",
    )
    assert MultiTaskEpochs({"a": lazy}).y.tolist() == ["a/rest"] * 8


def test_groups_from_a_dict_another_column_or_none(epochs):
    given = MultiTaskEpochs({"a": epochs}, groups={"a": np.arange(48) // 24})
    assert np.unique(given.groups).tolist() == ["a/0", "a/1"]
    assert given.grouped == given[:3].grouped == ("a",)
    for groups in ("session", None):
        none = MultiTaskEpochs({"a": epochs}, groups=groups)
        assert np.unique(none.groups).tolist() == ["a/0"]
        assert none.grouped == none[:3].grouped == ()


def test_numbers_of_people_are_the_same_as_floats():
    X, y = np.ones((4, 2, 300)), [0, 1, 0, 1]
    groups = {"a": [1, 2, 3, 4], "b": [1.0, 2.0, 3.0, 4.0], "c": [0.5, 1, 1, 1]}
    data = MultiTaskEpochs(dict.fromkeys("abc", X), dict.fromkeys("abc", y), groups)
    assert data.groups[:4].tolist() == ["a/1", "a/2", "a/3", "a/4"]
    assert data.groups[4:8].tolist() == ["b/1", "b/2", "b/3", "b/4"]
    assert data.groups[8:10].tolist() == ["c/0.5", "c/1.0"]


def test_pickle_and_repr(data):
    view = pickle.loads(pickle.dumps(data[::7]))
    np.testing.assert_array_equal(view.y, data[::7].y)
    assert repr(data) == "<MultiTaskEpochs | 59 epochs: hand 48, b 6, two 5>"


X = np.zeros((4, 1, 5))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((X,), TypeError, "epochs must be a dict.*Got ndarray"),
        (({},), ValueError, "at least one task"),
        (({"a/b": X},), ValueError, "without \"/\". Got 'a/b'"),
        (({3: X},), ValueError, "non-empty texts.*Got 3"),
        (({"a": X},), ValueError, "Task 'a' needs labels"),
        (({"a": X}, [0, 1, 0, 1]), TypeError, "y must be a dict.*Got list"),
        (({"a": X}, {"a": [0, 1]}), ValueError, "Task 'a': X and y must have the same"),
        (({"a": X}, {"a": [0, 1, 0, 1]}, {}), ValueError, "groups.*'a' is missing"),
        (({"a": X}, {"a": [0] * 4}, {"a": [0]}), ValueError, "Task 'a': X and groups"),
        (({"a": X}, {"a": [0] * 4}, [0] * 4), TypeError, "groups must be a dict"),
        (({"a": X}, {"b": [0] * 4}), ValueError, r"y has entries .*\['b'\]"),
        (
            ({"a": X}, {"a": [0] * 4}, {"a": [0] * 4, "b": [0]}),
            ValueError,
            r"groups has entries .*\['b'\]",
        ),
        (({"a": (X, [0] * 4)},), ValueError, "Task 'a': .*labels go into y"),
        (({"a": X}, {"a": [0, np.nan, 0, 1]}), ValueError, "'a': y, .*epoch 1; fill"),
        (({"a": "a-epo.fif"},), TypeError, "Task 'a': .*read_epochs"),
        (({"a": X}, {"a": [[0], [1], [0], [1]]}), ValueError, "Task 'a': y must have"),
    ],
)
def test_wrong_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        MultiTaskEpochs(*arguments)


@pytest.mark.parametrize("index", [3, [[1, 2]], [0.5], None])
def test_wrong_index(data, index):
    with pytest.raises(IndexError, match="take the name of a task, a slice"):
        data[index]
