"""plot_scaling draws a benchmark's rows."""

import json
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from mne_eegmamba.viz import plot_scaling

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
ROWS = [
    {"channels": n, "length": length, "candidate": name, "ms": ms, "peak_MB": 2 * ms}
    for n in (20, 1)
    for name, values in {"ours": [40, 10], "theirs": [300, 20]}.items()
    for length, ms in zip((4000, 2000), values, strict=True)
]


@pytest.fixture(autouse=True)
def _close_figures():
    """Leave no figure open."""
    yield
    plt.close("all")


def test_lines_are_the_rows_in_the_order_of_length():
    fig = plot_scaling(ROWS, show=False)
    assert len(fig.axes) == 4
    for ax, factor in zip(fig.axes, (1, 1, 2, 2), strict=True):
        assert [line.get_xdata().tolist() for line in ax.lines] == [[2000, 4000]] * 2
        assert [line.get_ydata().tolist() for line in ax.lines] == [
            [10 * factor, 40 * factor],
            [20 * factor, 300 * factor],
        ]
        assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")


def test_says_what_is_drawn():
    axes = plot_scaling(ROWS, show=False).axes
    assert [ax.get_title() for ax in axes] == ["1 channel", "20 channels", "", ""]
    assert axes[0].get_ylabel() == "Time of a batch, ms"
    assert axes[2].get_ylabel() == "Peak memory, MB"
    assert axes[3].get_xlabel() == "Length of an epoch, samples"
    names = [text.get_text() for text in axes[1].get_legend().get_texts()]
    assert names == ["ours", "theirs"]


@pytest.mark.parametrize("name", ["cpu_model.json", "cpu_train.json"])
def test_takes_the_results_of_the_benchmarks(name):
    rows = json.loads((RESULTS / name).read_text())["results"]
    fig = plot_scaling(rows, show=False)
    names = [text.get_text() for text in fig.axes[1].get_legend().get_texts()]
    assert "EEGMamba (ours)" in names
    points = sum(len(line.get_xdata()) for ax in fig.axes for line in ax.lines)
    assert points == 2 * len(rows)


def test_draws_on_given_axes():
    fig, axes = plt.subplots(2)
    rows = pd.DataFrame(ROWS).query("channels == 1")
    assert plot_scaling(rows, axes=axes, show=False) is fig
    assert [len(ax.lines) for ax in axes] == [2, 2]
    assert plt.get_fignums() == [fig.number]


def test_refuses_another_number_of_axes():
    _, axes = plt.subplots(3)
    with pytest.raises(ValueError, match=r"must be 4 axes.*1 and 20 channels\. Got 3"):
        plot_scaling(ROWS, axes=axes, show=False)


@pytest.mark.parametrize("wrong", [[], None, [{"length": 1}], {"results": ROWS}])
def test_refuses_missing_columns(wrong):
    with pytest.raises(ValueError, match=r"'candidate', 'ms', 'peak_MB'\] are missing"):
        plot_scaling(wrong, show=False)


def test_refuses_what_has_no_logarithm():
    rows = [*ROWS, {**ROWS[0], "ms": 0}]
    with pytest.raises(ValueError, match="positive ms, for logarithmic axes. Got 0"):
        plot_scaling(rows, show=False)
