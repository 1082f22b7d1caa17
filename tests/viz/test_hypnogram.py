"""plot_hypnogram draws stages as steps over time."""

import matplotlib.pyplot as plt
import mne
import numpy as np
import pandas as pd
import pytest

from mne_eegmamba import annotate_raw
from mne_eegmamba.viz import plot_hypnogram

STAGES = ["W", "N1", "REM", "REM"]
TRUE = ["W", "N2", "REM", "W"]


@pytest.fixture(autouse=True)
def _close_figures():
    """Leave no figure open."""
    yield
    plt.close("all")


def labels(ax):
    return [text.get_text() for text in ax.get_yticklabels()]


def test_steps():
    """Each epoch from its begin to its end; levels from top to bottom."""
    (ax,) = plot_hypnogram(STAGES, show=False).axes
    assert labels(ax) == ["W", "REM", "N1"]
    (line,) = ax.lines
    assert line.get_xdata().tolist() == [0, 30, 30, 60, 60, 90, 90, 120]
    assert line.get_ydata().tolist() == [0, 0, 2, 2, 1, 1, 1, 1]
    low, high = ax.get_ylim()
    assert low > high  # the first level is on top
    assert ax.get_xlabel() == "Time, s"


@pytest.mark.parametrize(
    ("duration", "unit", "end"), [(1, "s", 4), (60, "min", 4), (3600, "h", 4)]
)
def test_unit_of_time(duration, unit, end):
    (ax,) = plot_hypnogram(STAGES, duration=duration, show=False).axes
    assert ax.get_xlabel() == f"Time, {unit}"
    assert ax.get_xlim() == (0, end)


def test_other_states_are_in_the_order_of_the_alphabet():
    (ax,) = plot_hypnogram(["open", "shut", "blink"], show=False).axes
    assert labels(ax) == ["blink", "open", "shut"]
    order = ["shut", "open", "blink", "none"]
    (ax,) = plot_hypnogram(["open", "shut", "blink"], order=order, show=False).axes
    assert labels(ax) == order


def test_rem_is_thicker():
    (ax,) = plot_hypnogram(STAGES, show=False).axes
    (rem,) = ax.collections
    assert [part[:, 0].tolist() for part in rem.get_segments()] == [[60, 90], [90, 120]]
    (ax,) = plot_hypnogram(["W", "N1"], show=False).axes
    assert not ax.collections


def test_true_stages_and_differences():
    """Two curves on the same levels; the second and the fourth epoch are marked."""
    fig = plot_hypnogram(STAGES, true=TRUE, show=False)
    true, predicted = fig.axes
    assert (true.get_ylabel(), predicted.get_ylabel()) == ("True", "Predicted")
    assert labels(true) == ["W", "REM", "N1", "N2"]
    assert labels(predicted) == ["W", "REM", "N1", "N2", "differs"]
    assert true.lines[0].get_ydata()[::2].tolist() == [0, 3, 1, 0]
    marked = [path.vertices[:, 0] for path in predicted.collections[-1].get_paths()]
    assert [(x.min(), x.max()) for x in marked] == [(30, 60), (90, 120)]
    assert true.get_title(loc="left") == "50 % of 4 epochs agree"


def test_probabilities_are_stacked():
    table = pd.DataFrame({"N1": [0.1, 0.6], "W": [0.9, 0.4]})
    fig = plot_hypnogram(["W", "N1"], table, show=False)
    stages, stack = fig.axes
    assert labels(stages) == ["W", "N1"]
    lower, upper = (area.get_paths()[0].vertices for area in stack.collections)
    assert {0.1, 0.6} <= set(lower[:, 1].round(9))  # N1, the lower stage, is below
    assert upper[:, 1].max() == 1
    names = [text.get_text() for text in stack.get_legend().get_texts()]
    assert names == ["W", "N1"]  # from top to bottom
    assert stack.get_ylabel() == "Probability"


def test_annotations_with_a_gap_and_probabilities():
    """Nothing is drawn where there is no annotation."""
    extras = [{"a": 0.8, "b": 0.2}, {"a": 0.3, "b": 0.7}]
    found = mne.Annotations([0, 10], [5, 5], ["a", "b"], extras=extras)
    curve, stack = plot_hypnogram(found, show=False).axes
    x, y = curve.lines[0].get_data()
    np.testing.assert_array_equal(x, [0, 5, np.nan, 10, 15])
    np.testing.assert_array_equal(y, [0, 0, np.nan, 1, 1])
    (below,) = stack.collections[0].get_paths()  # b, with a above it
    drawn = [below.contains_point(at) for at in ((2, 0.1), (7, 0.1), (12, 0.6))]
    assert drawn == [True, False, True]


def test_takes_what_annotate_raw_gives(network, tasks, rng):
    """Windows of 3 s over 12 s, with the probabilities of both classes."""
    info = tasks["imagery"].info
    raw = mne.io.RawArray(rng.standard_normal((5, 2400)) * 1e-5, info, verbose="error")
    found = annotate_raw(network, raw, "imagery")
    curve, stack = plot_hypnogram(found, order=["x", "y"], show=False).axes
    assert curve.lines[0].get_xdata()[::2].tolist() == [0, 3, 6, 9]
    assert curve.lines[0].get_ydata()[::2].tolist() == [
        ["x", "y"].index(name) for name in found.description
    ]
    assert len(stack.collections) == 2


def test_true_annotations_need_not_cover_everything():
    """Only epochs with a true stage are compared."""
    true = mne.Annotations([0, 60], [30, 30], ["W", "REM"])
    fig = plot_hypnogram(STAGES, true=true, show=False)
    assert fig.axes[0].get_title(loc="left") == "100 % of 2 epochs agree"
    later = mne.Annotations([1000], [30], ["W"])
    fig = plot_hypnogram(STAGES, true=later, show=False)
    assert fig.axes[0].get_title(loc="left") == "No epoch has a true stage"


def test_draws_on_given_axes():
    fig, axes = plt.subplots(3)
    assert plot_hypnogram(STAGES, true=TRUE, axes=axes[:2], show=False) is fig
    assert [len(ax.lines) for ax in axes] == [1, 1, 0]
    assert plt.get_fignums() == [fig.number]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"stages": []}, r"at least one epoch.*shape \(0,\)"),
        ({"stages": [["W"]]}, r"shape \(1, 1\)"),
        ({"true": ["W"]}, "`true`.*must have 4 epochs.*Got 1"),
        ({"probabilities": pd.DataFrame({"W": [1]})}, "must have 4 epochs.*Got 1"),
        ({"order": ["W", "N1"]}, r"must name all stages.*without \['REM'\]"),
        ({"duration": 0}, r"`duration`.*\(0, inf\).*Got 0"),
        ({"axes": [None, None]}, "must be 1 axes.*Got 2"),
    ],
)
def test_refuses_what_does_not_fit(arguments, message):
    with pytest.raises(ValueError, match=message):
        plot_hypnogram(**{"stages": STAGES, "show": False, **arguments})


def test_refuses_probabilities_without_names():
    with pytest.raises(TypeError, match="must be a pandas.DataFrame.*Got ndarray"):
        plot_hypnogram(STAGES, np.ones((4, 3)) / 3, show=False)
