"""Learning curves of a fitted estimator."""

import numpy as np

from mne_eegmamba.viz.style import colors_of, finish, legend_outside

_PARTS = {"train": "training", "valid": "validation"}
_PANELS = {"loss": "Loss", "accuracy": "Accuracy", "tasks": "Accuracy per task"}


def plot_training(history, axes=None, show=True):
    """Plot loss and accuracy against the pass over the training data.

    Parameters
    ----------
    history : pandas.DataFrame
        One row per pass, the index is the number of the pass from 1; usually
        ``estimator.history_``. Must have the column ``train_loss``; ``valid_loss``,
        ``train_accuracy`` and ``valid_accuracy`` (between 0 and 1) are drawn, and
        the sum of ``seconds`` is named, where they are there. So are
        ``train_accuracy/task`` and ``valid_accuracy/task`` of several tasks.
    axes : matplotlib.axes.Axes | array-like of Axes | None, default=None
        Where to draw: the first axes gets the loss, the second one the accuracy, the
        third one the accuracy per task. With one axes only the loss is drawn; None
        makes a new figure.
    show : bool, default=True
        Show the figure.

    Returns
    -------
    fig : matplotlib.figure.Figure
        The figure.

    Raises
    ------
    ValueError
        If ``history`` has no rows or no column ``train_loss``, or if there are more
        axes than there is to draw.

    Examples
    --------
    >>> import pandas as pd
    >>> from mne_eegmamba.viz import plot_training
    >>> history = pd.DataFrame({"train_loss": [0.7, 0.5, 0.4]}, index=[1, 2, 3])
    >>> fig = plot_training(history, show=False)
    >>> fig.axes[0].get_ylabel()
    'Loss'
    """
    import matplotlib.pyplot as plt

    panels = _panels(history)
    if axes is None:
        widths = [5.2 if panel == "tasks" else 4.2 for panel in panels]
        _, axes = plt.subplots(
            *(1, len(panels)),
            figsize=(sum(widths), 3.4),
            width_ratios=widths,
            layout="constrained",
        )
    axes = np.atleast_1d(axes).ravel()
    if not 1 <= len(axes) <= len(panels):
        raise ValueError(
            "The `axes` parameter of plot_training must be 1 to "
            f"{len(panels)} axes for {panels}. Got {len(axes)}."
        )
    for ax, panel in zip(axes, panels, strict=False):
        if panel == "tasks":
            _draw_tasks(ax, history)
        else:
            _draw_panel(ax, history, panel)
        _decorate(ax, panel)
    axes[0].set_title(_title(history), fontsize="medium", loc="left")
    return finish(axes[0].figure, show)


def _panels(history):
    """Return which of loss, accuracy and accuracy per task there is to draw."""
    if "train_loss" not in history.columns or len(history) == 0:
        raise ValueError(
            "The `history` parameter of plot_training must have at least one row and "
            f"the column 'train_loss'. Got {len(history)} rows and the columns "
            f"{list(history.columns)}; pass the `history_` of a fitted estimator."
        )
    panels = [panel for panel in ("loss", "accuracy") if _curves(history, panel)]
    return [*panels, "tasks"] if _tasks(history) else panels


def _tasks(history):
    """Return the tasks that have an accuracy of their own."""
    names = [name.split("_accuracy/", 1) for name in map(str, history.columns)]
    found = [name[1] for name in names if len(name) == 2 and name[0] in _PARTS]
    return list(dict.fromkeys(found))


def _curves(history, measure):
    """Return {part: Series without NaN} of what history has of a measure."""
    columns = {part: f"{part}_{measure}" for part in _PARTS}
    curves = {
        part: history[column].dropna()
        for part, column in columns.items()
        if column in history.columns
    }
    return {part: curve for part, curve in curves.items() if len(curve)}


def _draw_curve(ax, curve, color, label, part="train"):
    """Draw a curve; short ones with a marker at each pass."""
    ax.plot(
        curve.index,
        curve.to_numpy(),
        color=color,
        linestyle="--" if part == "valid" else "-",
        marker="o" if len(curve) <= 15 else None,
        markersize=4,
        linewidth=1.8,
        label=label,
    )


def _draw_panel(ax, history, panel):
    """Draw one measure, one colour per part of the data."""
    curves, colors = _curves(history, panel), colors_of(_PARTS)
    for part, curve in curves.items():
        _draw_curve(ax, curve, colors[part], _PARTS[part])
    if len(curves) > 1:
        ax.legend(frameon=False)


def _draw_tasks(ax, history):
    """Draw the accuracy of each task, one colour per task."""
    for task, color in colors_of(_tasks(history)).items():
        curves = _curves(history, f"accuracy/{task}")
        for part, curve in curves.items():
            _draw_curve(ax, curve, color, None if part == "valid" else task, part)
    if any(str(name).startswith("valid_accuracy/") for name in history.columns):
        ax.plot([], [], color="black", linestyle="--", label=_PARTS["valid"])
    legend_outside(ax)


def _decorate(ax, panel):
    """Name the axes."""
    from matplotlib.ticker import MaxNLocator

    if panel != "loss":
        ax.set_ylim(top=min(1.02, ax.get_ylim()[1]))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.set(xlabel="Pass over the training data", ylabel=_PANELS[panel])
    ax.grid(axis="y", alpha=0.3)
    ax.spines[["top", "right"]].set_visible(False)


def _title(history):
    """Say how long the training was."""
    passes = f"{len(history)} {'pass' if len(history) == 1 else 'passes'}"
    if "seconds" not in history.columns:
        return passes
    return f"{passes}, {history['seconds'].sum():.3g} s"
