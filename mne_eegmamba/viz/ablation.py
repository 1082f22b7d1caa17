"""Scores of variants of a network side by side (the paper's Figure 6)."""

import numpy as np
import pandas as pd

from mne_eegmamba.viz.style import colors_of, finish, legend_outside

_LEVELS = ("variant", "task", "fold")
_SUMMARY = ("mean", "std")  # rows that `evaluate` adds to the folds


def plot_ablation(scores, measure="accuracy", axes=None, show=True):
    """Plot the scores of several variants of a network on each task.

    A bar is the mean over the folds, its whisker one standard deviation to either side,
    each dot a fold. A dashed line is what always naming the most frequent class reaches
    (accuracy), or 0.5 (area under the ROC curve).

    Parameters
    ----------
    scores : dict of {str: pandas.DataFrame} | pandas.DataFrame
        Scores of each variant as `mne_eegmamba.evaluation.evaluate` gives them, a row
        per task and fold; or one table with the index levels variant, task and fold,
        such as that of `mne_eegmamba.experiments.paper_experiment`. Rows ``"mean"`` and
        ``"std"`` are left aside.
    measure : str, default="accuracy"
        Which column to draw, between 0 and 1.
    axes : matplotlib.axes.Axes | None, default=None
        Where to draw; None makes a new figure.
    show : bool, default=True
        Show the figure.

    Returns
    -------
    fig : matplotlib.figure.Figure
        The figure.

    Raises
    ------
    TypeError
        If ``scores`` is neither a dict nor a table.
    ValueError
        If it has no folds, other index levels, or no column ``measure``.

    References
    ----------
    Gui et al., arXiv 2407.20254, Figure 6.

    Examples
    --------
    >>> import pandas as pd
    >>> from mne_eegmamba.viz import plot_ablation
    >>> folds = pd.MultiIndex.from_product([["sleep"], [0, 1]], names=["task", "fold"])
    >>> with_moe = pd.DataFrame({"accuracy": [0.7, 0.8]}, index=folds)
    >>> without = pd.DataFrame({"accuracy": [0.6, 0.7]}, index=folds)
    >>> scores = {"experts": with_moe, "no experts": without}
    >>> fig = plot_ablation(scores, show=False)
    >>> [round(float(bar.get_height()), 2) for bar in fig.axes[0].patches]
    [0.75, 0.65]
    """
    import matplotlib.pyplot as plt

    table = _fold_table(scores, measure)
    variants, tasks = (
        list(dict.fromkeys(table.index.get_level_values(level))) for level in (0, 1)
    )
    if axes is None:
        width = 2.8 + len(tasks) * max(0.7, 0.32 * len(variants) + 0.2)
        _, axes = plt.subplots(figsize=(width, 3.6), layout="constrained")
    colors = colors_of(variants)
    for k, variant in enumerate(variants):
        at = np.arange(len(tasks)) + (k - (len(variants) - 1) / 2) * 0.8 / len(variants)
        folds = [_folds_of(table[measure], variant, task) for task in tasks]
        _draw_variant(axes, at, folds, 0.8 / len(variants), colors[variant], variant)
    _draw_chance(axes, table, measure, tasks)
    axes.set_xticks(range(len(tasks)), [str(task) for task in tasks])
    if sum(len(str(task)) for task in tasks) > 12 * len(tasks):
        plt.setp(
            axes.get_xticklabels(), rotation=30, ha="right", rotation_mode="anchor"
        )
    label = measure.replace("_", " ")
    axes.set(ylabel=label[0].upper() + label[1:], ylim=(0, 1.02))
    axes.tick_params(axis="x", length=0)
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    legend_outside(axes)
    return finish(axes.figure, show)


def _fold_table(scores, measure):
    """Return one table of variants, tasks and folds, without summaries."""
    if isinstance(scores, dict) and scores:
        scores = pd.concat(scores)
    if not isinstance(scores, pd.DataFrame):
        raise TypeError(
            "The `scores` parameter of plot_ablation must be a table, or a dict from "
            "variants to tables, as evaluation.evaluate gives them. Got "
            f"{scores if isinstance(scores, dict) else type(scores).__name__!r}."
        )
    if scores.index.nlevels != len(_LEVELS):
        raise ValueError(
            "The `scores` parameter of plot_ablation must have the index levels "
            f"{_LEVELS}, in a dict of variants the tables task and fold. Got "
            f"{scores.index.nlevels} levels, {list(scores.index.names)}."
        )
    if measure not in scores.columns:
        raise ValueError(
            "The `measure` parameter of plot_ablation must be one of the columns "
            f"{list(scores.columns)}. Got {measure!r}."
        )
    summary = scores.index.get_level_values(2).isin(_SUMMARY)
    table = scores[~summary & scores[measure].notna()]
    if table.empty:
        raise ValueError(
            f"The `scores` parameter of plot_ablation has no fold with {measure!r}; "
            "give it the rows of the folds, not only their mean."
        )
    return table


def _folds_of(values, variant, task):
    """Return the scores of one variant on one task; none where it was not run."""
    index = values.index
    chosen = (index.get_level_values(0) == variant) & (
        index.get_level_values(1) == task
    )
    return values[chosen].to_numpy(dtype=float)


def _draw_variant(ax, at, folds, width, color, name):
    """Draw the bars of one variant, with spread and folds."""
    here = [k for k, values in enumerate(folds) if len(values)]
    at, folds = at[here], [folds[k] for k in here]
    spread = [values.std(ddof=1) if len(values) > 1 else 0 for values in folds]
    ax.bar(
        at,
        [values.mean() for values in folds],
        0.92 * width,
        yerr=spread,
        color=color,
        alpha=0.75,
        label=str(name),
        error_kw={"elinewidth": 1.2, "capsize": 3},
    )
    for x, values in zip(at, folds, strict=True):
        beside = np.linspace(-0.2, 0.2, len(values)) if len(values) > 1 else [0]
        ax.scatter(
            x + width * np.asarray(beside),
            values,
            s=11,
            color="white",
            edgecolor="black",
            linewidth=0.7,
            zorder=3,
        )


def _draw_chance(ax, table, measure, tasks):
    """Draw what a guess reaches, where the table tells."""
    if measure == "auroc":
        ax.axhline(0.5, color="black", linestyle="--", linewidth=1.2, label="chance")
    elif measure == "accuracy" and "majority_rate" in table.columns:
        rates = table["majority_rate"].groupby(level=1).mean()
        at = np.arange(len(tasks))
        ax.hlines(
            rates.loc[tasks],
            at - 0.45,
            at + 0.45,
            color="black",
            linestyle="--",
            linewidth=1.2,
            label="most frequent class",
        )
