"""plot_training draws what the history holds."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from mne_eegmamba.viz import plot_training


@pytest.fixture(autouse=True)
def _close_figures():
    """Leave no figure open."""
    yield
    plt.close("all")


@pytest.fixture
def history():
    """Three passes, the first without a validation score."""
    return pd.DataFrame(
        {
            "train_loss": [0.7, 0.5, 0.4],
            "valid_loss": [np.nan, 0.6, 0.55],
            "valid_accuracy": [np.nan, 0.6, 0.8],
            "lr": [1e-4, 2e-4, 1e-4],
            "seconds": [2.0, 1.0, 1.5],
        },
        index=[1, 2, 3],
    )


def _points(line):
    """Return the points of a line as (x, y) pairs."""
    return list(zip(line.get_xdata(), line.get_ydata(), strict=True))


def test_draws_loss_and_accuracy(history):
    """One panel each, passes on x, NaN left out, parts named."""
    fig = plot_training(history, show=False)
    loss, accuracy = fig.axes
    assert [_points(line) for line in loss.lines] == [
        [(1, 0.7), (2, 0.5), (3, 0.4)],
        [(2, 0.6), (3, 0.55)],
    ]
    assert [text.get_text() for text in loss.get_legend().get_texts()] == [
        "training",
        "validation",
    ]
    assert [_points(line) for line in accuracy.lines] == [[(2, 0.6), (3, 0.8)]]
    assert (loss.get_ylabel(), accuracy.get_ylabel()) == ("Loss", "Accuracy")
    assert loss.get_title(loc="left") == "3 passes, 4.5 s"


def test_training_loss_alone_is_enough(history):
    """No accuracy panel, no legend for a single curve."""
    fig = plot_training(history[["train_loss"]].iloc[:1], show=False)
    assert len(fig.axes) == 1
    assert fig.axes[0].get_legend() is None
    assert fig.axes[0].get_title(loc="left") == "1 pass"


def test_empty_validation_columns_draw_nothing(history):
    """A column of NaN only, as without a validation part, is not a curve."""
    history = history.assign(valid_loss=np.nan, valid_accuracy=np.nan)
    (loss,) = plot_training(history, show=False).axes
    assert len(loss.lines) == 1


def test_draws_on_given_axes(history):
    """The figure of the axes comes back; one axes gets the loss."""
    fig, axes = plt.subplots(2)
    assert plot_training(history, axes=axes[1], show=False) is fig
    assert (axes[0].get_ylabel(), axes[1].get_ylabel()) == ("", "Loss")
    assert plt.get_fignums() == [fig.number]


def test_refuses_more_axes_than_panels(history):
    """The message says how many and what for."""
    _, axes = plt.subplots(3)
    with pytest.raises(ValueError, match=r"1 to 2 axes for \['loss', 'accuracy'\]"):
        plot_training(history, axes=axes, show=False)


@pytest.mark.parametrize("rows", [slice(None), slice(0)])
def test_refuses_history_without_loss(history, rows):
    """No column or no rows: the message names the columns that came."""
    wrong = history.iloc[rows]
    if len(wrong):
        wrong = wrong.drop(columns="train_loss")
    with pytest.raises(ValueError, match=r"'train_loss'.*'valid_accuracy'"):
        plot_training(wrong, show=False)


@pytest.fixture
def with_tasks(history):
    """The same passes of two tasks, one of them without validation."""
    return history.assign(
        **{
            "train_accuracy/sleep": [0.5, 0.6, 0.7],
            "valid_accuracy/sleep": [np.nan, 0.5, 0.6],
            "train_accuracy/imagery": [0.5, 0.5, 0.8],
        }
    )


def test_draws_the_accuracy_of_each_task(with_tasks):
    """A colour per task, dashes for validation, which the legend names once."""
    fig = plot_training(with_tasks, show=False)
    ax = fig.axes[2]
    *curves, _ = ax.lines
    assert [_points(line) for line in curves] == [
        [(1, 0.5), (2, 0.6), (3, 0.7)],
        [(2, 0.5), (3, 0.6)],
        [(1, 0.5), (2, 0.5), (3, 0.8)],
    ]
    assert [line.get_linestyle() for line in curves] == ["-", "--", "-"]
    colors = [line.get_color() for line in curves]
    assert colors[0] == colors[1] != colors[2]
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["sleep", "imagery", "validation"]
    assert ax.get_ylabel() == "Accuracy per task"


def test_tasks_without_validation(with_tasks):
    """No entry for dashes that are not there."""
    fig = plot_training(with_tasks.drop(columns="valid_accuracy/sleep"), show=False)
    names = [text.get_text() for text in fig.axes[2].get_legend().get_texts()]
    assert names == ["sleep", "imagery"]


def test_show_shows_once_on_an_interactive_backend(history, monkeypatch):
    """show=True calls pyplot once, show=False never."""
    calls = []
    monkeypatch.setattr(plt, "get_backend", lambda: "qtagg")
    monkeypatch.setattr(plt, "show", lambda: calls.append("shown"))
    plot_training(history, show=False)
    assert calls == []
    plot_training(history)
    assert calls == ["shown"]


@pytest.mark.parametrize("n_passes", [1, 2, 7])
def test_ticks_are_whole_passes(n_passes):
    losses = pd.DataFrame(
        {"train_loss": np.linspace(0.7, 0.4, n_passes)}, index=range(1, n_passes + 1)
    )
    ax = plot_training(losses, show=False).axes[0]
    assert [tick for tick in ax.get_xticks() if tick % 1] == []
