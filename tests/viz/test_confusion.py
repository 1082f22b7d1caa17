"""plot_confusion draws counts and shares worked out by hand."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from mne_eegmamba.viz import plot_confusion

# Rows true (left, rest, right), columns predicted: [[3, 0, 1], [0, 0, 0], [0, 2, 2]].
Y_TRUE = ["left"] * 4 + ["right"] * 4
Y_PRED = ["left", "left", "left", "right", "rest", "rest", "right", "right"]
COUNTS = np.array([[3, 0, 1], [0, 0, 0], [0, 2, 2]])


@pytest.fixture(autouse=True)
def _close_figures():
    """Leave no figure open."""
    yield
    plt.close("all")


@pytest.mark.parametrize(
    ("normalize", "expected"),
    [
        ("true", [[0.75, 0, 0.25], [0, 0, 0], [0, 0.5, 0.5]]),
        ("pred", [[1, 0, 1 / 3], [0, 0, 0], [0, 1, 2 / 3]]),
        ("all", COUNTS / 8),
        (None, COUNTS),
    ],
)
def test_shares_and_counts(normalize, expected):
    """Image and cell texts agree with the hand-made matrix."""
    fig = plot_confusion(Y_TRUE, Y_PRED, normalize=normalize, show=False)
    ax = fig.axes[0]
    np.testing.assert_allclose(ax.images[0].get_array(), expected)
    texts = [text.get_text() for text in ax.texts]
    assert [int(text.split("\n")[-1]) for text in texts] == COUNTS.ravel().tolist()
    if normalize == "true":
        assert texts[0] == "75 %\n3"


def test_rows_are_true_and_columns_predicted():
    """Classes are sorted and named on both axes, also one that is only predicted."""
    ax = plot_confusion(Y_TRUE, Y_PRED, show=False).axes[0]
    names = ["left", "rest", "right"]
    assert [label.get_text() for label in ax.get_xticklabels()] == names
    assert [label.get_text() for label in ax.get_yticklabels()] == names
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Predicted", "True")


def test_draws_on_given_axes():
    """The figure of the axes comes back and no other one is opened."""
    fig, (left, right) = plt.subplots(1, 2)
    assert plot_confusion([0, 1], [0, 1], axes=right, show=False) is fig
    assert not left.images
    assert len(right.images) == 1
    assert plt.get_fignums() == [fig.number]


def test_refuses_unknown_normalize():
    """The message lists what is allowed."""
    with pytest.raises(ValueError, match=r"'true', 'pred', 'all', None.*Got 'rows'"):
        plot_confusion(Y_TRUE, Y_PRED, normalize="rows", show=False)


@pytest.mark.parametrize(("y_true", "y_pred"), [([0, 1], [0]), ([], [])])
def test_refuses_labels_that_do_not_fit(y_true, y_pred):
    """The message shows both shapes."""
    with pytest.raises(ValueError, match=r"Got shapes \(\d,\) and \(\d,\)"):
        plot_confusion(y_true, y_pred, show=False)


def test_show_shows_once_on_an_interactive_backend(monkeypatch):
    """show=True calls pyplot once, show=False never."""
    calls = []
    monkeypatch.setattr(plt, "get_backend", lambda: "qtagg")
    monkeypatch.setattr(plt, "show", lambda: calls.append("shown"))
    plot_confusion([0, 1], [0, 1], show=False)
    assert calls == []
    plot_confusion([0, 1], [0, 1])
    assert calls == ["shown"]
