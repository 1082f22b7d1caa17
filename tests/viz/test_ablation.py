"""plot_ablation draws means, spread and folds of each variant."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from mne_eegmamba.viz import plot_ablation


@pytest.fixture(autouse=True)
def _close_figures():
    """Leave no figure open."""
    yield
    plt.close("all")


def folds(**values):
    """Give a table as `evaluate` does: folds of each task, then mean and std."""
    rows = {
        (task, fold): {"accuracy": value, "auroc": value / 2, "majority_rate": 0.4}
        for task, scores in values.items()
        for fold, value in enumerate([*scores])
    }
    for task, scores in values.items():
        rows[task, "mean"] = {"accuracy": np.mean(scores)}
        rows[task, "std"] = {"accuracy": 99.0}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["task", "fold"])


@pytest.fixture
def scores():
    return {
        "alone": folds(sleep=[0.5, 0.7], imagery=[0.4, 0.4]),
        "together": folds(sleep=[0.6, 0.8], imagery=[0.5, 0.9]),
    }


def test_bars_whiskers_and_dots(scores):
    """A container per variant in the order of the tasks; summaries are left aside."""
    (ax,) = plot_ablation(scores, show=False).axes
    heights = [[bar.get_height() for bar in bars] for bars in ax.containers[1::2]]
    np.testing.assert_allclose(heights, [[0.6, 0.4], [0.7, 0.7]])
    whiskers = [
        bars.errorbar.lines[2][0].get_segments() for bars in ax.containers[1::2]
    ]
    spread = [[line[1, 1] - line[0, 1] for line in lines] for lines in whiskers]
    np.testing.assert_allclose(
        spread, 2 * np.array([[0.02**0.5, 0], [0.02**0.5, 0.08**0.5]]), atol=1e-12
    )
    dots = [
        c.get_offsets()[:, 1].tolist()
        for c in ax.collections
        if c.get_offsets().size > 2
    ]
    assert [0.6, 0.8] in dots
    assert [label.get_text() for label in ax.get_xticklabels()] == ["sleep", "imagery"]
    assert ax.get_ylabel() == "Accuracy"


def test_legend_names_variants_and_chance(scores):
    (ax,) = plot_ablation(scores, show=False).axes
    names = {text.get_text() for text in ax.get_legend().get_texts()}
    assert names == {"alone", "together", "most frequent class"}
    (ax,) = plot_ablation(scores, "auroc", show=False).axes
    assert {text.get_text() for text in ax.get_legend().get_texts()} == {
        *("alone", "together", "chance"),
    }


def test_one_table_is_the_same_as_a_dict(scores):
    """As with the table of `paper_experiment`."""
    (ax,) = plot_ablation(pd.concat(scores), show=False).axes
    (same,) = plot_ablation(scores, show=False).axes
    assert [bar.get_height() for bar in ax.patches] == [
        bar.get_height() for bar in same.patches
    ]


def test_a_variant_may_lack_a_task(scores):
    scores["alone"] = scores["alone"].loc[["sleep"]]
    (ax,) = plot_ablation(scores, show=False).axes
    assert len(ax.patches) == 3


def test_one_fold_has_no_spread():
    (ax,) = plot_ablation({"a": folds(sleep=[0.5])}, show=False).axes
    (whisker,) = ax.containers[1].errorbar.lines[2][0].get_segments()
    assert whisker[0, 1] == whisker[1, 1] == 0.5


def test_draws_on_given_axes(scores):
    fig, (left, right) = plt.subplots(1, 2)
    assert plot_ablation(scores, axes=right, show=False) is fig
    assert not left.patches
    assert len(right.patches) == 4
    assert plt.get_fignums() == [fig.number]


@pytest.mark.parametrize("wrong", [None, [], {}])
def test_refuses_what_is_no_table(wrong):
    with pytest.raises(TypeError, match="must be a table, or a dict from variants"):
        plot_ablation(wrong, show=False)


def test_refuses_other_levels(scores):
    with pytest.raises(ValueError, match=r"variant.*Got 2 levels, \['task', 'fold'\]"):
        plot_ablation(scores["alone"], show=False)


def test_refuses_unknown_measure(scores):
    with pytest.raises(ValueError, match=r"one of the columns.*Got 'kappa'"):
        plot_ablation(scores, "kappa", show=False)


def test_refuses_summaries_alone(scores):
    table = scores["alone"]
    only = table[table.index.get_level_values("fold").isin(["mean", "std"])]
    with pytest.raises(ValueError, match="no fold with 'accuracy'"):
        plot_ablation({"a": only}, show=False)
