"""Confusion matrix of predictions."""

import numpy as np

from mne_eegmamba.viz.style import finish

_COLORBAR = {
    "true": "Share of the true class",
    "pred": "Share of the predicted class",
    "all": "Share of all epochs",
    None: "Epochs",
}


def plot_confusion(y_true, y_pred, axes=None, normalize="true", show=True):
    """Plot how often each true class was predicted as each class.

    Parameters
    ----------
    y_true : array-like, shape (n_epochs,)
        True labels; they are the rows.
    y_pred : array-like, shape (n_epochs,)
        Predicted labels; they are the columns.
    axes : matplotlib.axes.Axes | None, default=None
        Where to draw; None makes a new figure.
    normalize : {"true", "pred", "all"} | None, default="true"
        What 100 % is: the row, the column or all epochs. The count is written under
        each percentage; None shows counts only.
    show : bool, default=True
        Show the figure.

    Returns
    -------
    fig : matplotlib.figure.Figure
        The figure.

    Raises
    ------
    ValueError
        If ``normalize`` is unknown, the labels are empty or differ in number.

    Examples
    --------
    >>> from mne_eegmamba.viz import plot_confusion
    >>> fig = plot_confusion(["a", "a", "b"], ["a", "b", "b"], show=False)
    >>> fig.axes[0].texts[0].get_text().splitlines()
    ['50 %', '1']
    """
    import matplotlib.pyplot as plt
    from sklearn.metrics import confusion_matrix

    y_true, y_pred = _check_labels(y_true, y_pred, normalize)
    classes = np.union1d(y_true, y_pred)
    counts = confusion_matrix(y_true, y_pred, labels=classes)  # (n_classes, n_classes)
    if axes is None:
        side = 2.4 + 0.7 * len(classes)
        _, axes = plt.subplots(figsize=(side + 0.8, side), layout="constrained")
    _draw_matrix(axes, counts, classes, normalize)
    return finish(axes.figure, show)


def _check_labels(y_true, y_pred, normalize):
    """Return the labels as arrays, or say what does not fit."""
    if normalize not in _COLORBAR:
        raise ValueError(
            "The `normalize` parameter of plot_confusion must be one of "
            f"{list(_COLORBAR)}. Got {normalize!r}."
        )
    y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
    if y_true.ndim != 1 or y_true.shape != y_pred.shape or y_true.size == 0:
        raise ValueError(
            "The `y_true` and `y_pred` parameters of plot_confusion must have the same "
            "shape (n_epochs,) with at least one epoch. Got shapes "
            f"{y_true.shape} and {y_pred.shape}."
        )
    return y_true, y_pred


def _shares(counts, normalize):
    """Divide counts by their row, column or total; empty ones give 0."""
    axis = {"true": 1, "pred": 0, "all": None}[normalize]
    total = counts.sum(axis=axis, keepdims=True)
    return counts / np.maximum(total, 1)


def _cell_text(count, share):
    """Return the count, under its share in percent where there is one."""
    return f"{count}" if share is None else f"{100 * share:.0f} %\n{count}"


def _draw_matrix(ax, counts, classes, normalize):
    """Draw the matrix with percentages and counts in its cells."""
    values = counts if normalize is None else _shares(counts, normalize)
    top = values.max() if normalize in (None, "all") else 1.0
    image = ax.imshow(values, cmap="Blues", vmin=0, vmax=top)
    for (row, column), value in np.ndenumerate(values):
        ax.text(
            column,
            row,
            _cell_text(counts[row, column], None if normalize is None else value),
            ha="center",
            va="center",
            color="white" if value > 0.6 * top else "black",
        )
    ticks = np.arange(len(classes))
    ax.set_xticks(ticks, classes)
    ax.set_yticks(ticks, classes)
    if len(classes) > 6:
        ax.tick_params(axis="x", rotation=45)
    ax.set(xlabel="Predicted", ylabel="True")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    colorbar = ax.figure.colorbar(image, ax=ax, label=_COLORBAR[normalize], shrink=0.8)
    colorbar.outline.set_visible(False)
