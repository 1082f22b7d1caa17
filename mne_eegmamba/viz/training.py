"""Learning curves of a fitted estimator."""

import numpy as np

_PARTS = {"train": "#0072B2", "valid": "#D55E00"}
_PANELS = {"loss": "Loss", "accuracy": "Accuracy"}


def plot_training(history, axes=None, show=True):
    """Plot loss and accuracy against the pass over the training data.

    Parameters
    ----------
    history : pandas.DataFrame
        One row per pass, the index is the number of the pass from 1; usually
        ``estimator.history_``. Must have the column ``train_loss``; ``valid_loss``,
        ``train_accuracy`` and ``valid_accuracy`` (between 0 and 1) are drawn, and
        the sum of ``seconds`` is named, where they are there.
    axes : matplotlib.axes.Axes | array-like of Axes | None, default=None
        Where to draw: the first axes gets the loss, the second one the accuracy.
        With one axes only the loss is drawn; None makes a new figure.
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
        _, axes = plt.subplots(
            1, len(panels), figsize=(4.5 * len(panels), 3.4), layout="constrained"
        )
    axes = np.atleast_1d(axes).ravel()
    if not 1 <= len(axes) <= len(panels):
        raise ValueError(
            "The `axes` parameter of plot_training must be 1 to "
            f"{len(panels)} axes for {panels}. Got {len(axes)}."
        )
    for ax, panel in zip(axes, panels, strict=False):
        _draw_panel(ax, history, panel)
    axes[0].set_title(_title(history), fontsize="medium", loc="left")
    fig = axes[0].figure
    if show and plt.get_backend().lower() != "agg":
        plt.show()
    return fig


def _panels(history):
    """Return which of loss and accuracy there is to draw."""
    if "train_loss" not in history.columns or len(history) == 0:
        raise ValueError(
            "The `history` parameter of plot_training must have at least one row and "
            f"the column 'train_loss'. Got {len(history)} rows and the columns "
            f"{list(history.columns)}; pass the `history_` of a fitted estimator."
        )
    return [panel for panel in _PANELS if _curves(history, panel)]


def _curves(history, panel):
    """Return {part: Series without NaN} of what history has for a panel."""
    columns = {part: f"{part}_{panel}" for part in _PARTS}
    curves = {
        part: history[column].dropna()
        for part, column in columns.items()
        if column in history.columns
    }
    return {part: curve for part, curve in curves.items() if len(curve)}


def _draw_panel(ax, history, panel):
    """Draw the curves of one panel, one colour per part of the data."""
    from matplotlib.ticker import MaxNLocator

    curves = _curves(history, panel)
    for part, curve in curves.items():
        ax.plot(
            curve.index,
            curve.to_numpy(),
            color=_PARTS[part],
            marker="o" if len(curve) <= 15 else None,
            markersize=4,
            linewidth=1.8,
            label={"train": "training", "valid": "validation"}[part],
        )
    if panel == "accuracy":
        ax.set_ylim(top=min(1.02, ax.get_ylim()[1]))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(xlabel="Pass over the training data", ylabel=_PANELS[panel])
    ax.grid(axis="y", alpha=0.3)
    ax.spines[["top", "right"]].set_visible(False)
    if len(curves) > 1:
        ax.legend(frameon=False)


def _title(history):
    """Say how long the training was."""
    passes = f"{len(history)} {'pass' if len(history) == 1 else 'passes'}"
    if "seconds" not in history.columns:
        return passes
    return f"{passes}, {history['seconds'].sum():.3g} s"
