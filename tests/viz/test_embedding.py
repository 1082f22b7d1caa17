"""plot_embedding places epochs by t-SNE and names their labels."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from mne_eegmamba.viz import plot_embedding


@pytest.fixture(autouse=True)
def _close_figures():
    """Leave no figure open."""
    yield
    plt.close("all")


@pytest.fixture
def vectors(rng):
    """16 epochs in two groups far from each other: even and odd rows."""
    return rng.standard_normal((16, 6)) + 100 * (np.arange(16) % 2)[:, None]


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_groups_stay_apart(vectors):
    """The two far groups are far in the figure, each with its colour and name."""
    (ax,) = plot_embedding(vectors, ["left", "right"] * 8, show=False).axes
    assert legend(ax) == ["left", "right"]
    left, right = (points.get_offsets() for points in ax.collections)
    assert left.shape == right.shape == (8, 2)
    between = np.linalg.norm(left.mean(0) - right.mean(0))
    within = max(np.linalg.norm(p - p.mean(0), axis=1).max() for p in (left, right))
    assert between > within
    colors = [tuple(points.get_facecolor()[0]) for points in ax.collections]
    assert colors[0] != colors[1]
    assert ax.get_title(loc="left") == "16 epochs"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("t-SNE 1", "t-SNE 2")


def test_the_seed_decides(vectors):
    def places(seed):
        fig = plot_embedding(vectors, [0, 1] * 8, random_state=seed, show=False)
        return fig.axes[0].collections[0].get_offsets()

    np.testing.assert_array_equal(places(0), places(0))


def test_flat_labels_have_a_color_per_task_and_a_marker_per_label(vectors):
    labels = ["a/left", "a/right", "b/W", "b/N2"] * 4
    (ax,) = plot_embedding(vectors, labels, show=False).axes
    assert legend(ax) == sorted(set(labels))
    edges = [tuple(points.get_edgecolor()[0]) for points in ax.collections]
    assert edges[0] == edges[1] != edges[2] == edges[3]
    assert len({tuple(points.get_facecolor()[0]) for points in ax.collections}) == 4
    shapes = [len(points.get_paths()[0].vertices) for points in ax.collections]
    assert shapes[0] == shapes[2] != shapes[1] == shapes[3]


def test_a_dict_has_axes_per_task(vectors):
    labels = {"imagery": [0, 1] * 8, "sleep": ["W"] * 8}
    embedding = {"imagery": vectors, "sleep": vectors[:8]}
    fig = plot_embedding(embedding, labels, show=False)
    titles = [ax.get_title(loc="left") for ax in fig.axes]
    assert titles == ["imagery, 16 epochs", "sleep, 8 epochs"]
    assert [legend(ax) for ax in fig.axes] == [["0", "1"], ["W"]]


def test_five_tasks_leave_no_empty_axes(vectors):
    tasks = "abcde"
    fig = plot_embedding(
        dict.fromkeys(tasks, vectors[:5]), dict.fromkeys(tasks, [0] * 5), show=False
    )
    assert len(fig.axes) == 5


def test_draws_on_given_axes(vectors):
    fig, (left, right) = plt.subplots(1, 2)
    assert plot_embedding(vectors, [0, 1] * 8, axes=right, show=False) is fig
    assert not left.collections
    assert len(right.collections) == 2
    assert plt.get_fignums() == [fig.number]


@pytest.mark.parametrize(
    ("shape", "n_labels", "message"),
    [
        ((16,), 16, r"shape \(n_epochs, d_model\).*Got the shape \(16,\)"),
        ((3, 6), 3, r"at least 4 epochs.*Got the shape \(3, 6\)"),
        ((16, 1), 16, r"d_model of at least 2.*Got the shape \(16, 1\)"),
        ((16, 6), 15, r"`labels`.*shape \(16,\).*Got the shape \(15,\)"),
    ],
)
def test_refuses_shapes_that_do_not_fit(shape, n_labels, message):
    with pytest.raises(ValueError, match=message):
        plot_embedding(np.zeros(shape), [0] * n_labels, show=False)


def test_refuses_what_is_not_finite(vectors):
    vectors[0, 0] = np.nan
    with pytest.raises(ValueError, match="finite. Got 1 NaN"):
        plot_embedding(vectors, [0, 1] * 8, show=False)


def test_refuses_one_dict(vectors):
    with pytest.raises(TypeError, match="both be dicts.*Got ndarray and dict"):
        plot_embedding(vectors, {"a": [0, 1] * 8}, show=False)


def test_refuses_other_tasks(vectors):
    with pytest.raises(ValueError, match=r"same tasks.*Got \['a'\] and \['b'\]"):
        plot_embedding({"a": vectors}, {"b": [0, 1] * 8}, show=False)


def test_refuses_other_numbers_of_axes_and_neighbours(vectors):
    _, axes = plt.subplots(2)
    with pytest.raises(ValueError, match="must be 1 axes, for each task one. Got 2"):
        plot_embedding(vectors, [0, 1] * 8, axes=axes, show=False)
    with pytest.raises(ValueError, match=r"`perplexity`.*Got 0"):
        plot_embedding(vectors, [0, 1] * 8, perplexity=0, show=False)
