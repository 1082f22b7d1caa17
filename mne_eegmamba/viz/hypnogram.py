"""Stages of sleep, or states of any recording, over time."""

from dataclasses import dataclass

import numpy as np

from mne_eegmamba.utils.validation import check_number
from mne_eegmamba.viz.style import colors_of, finish, legend_outside, take_axes

_OWNER = "plot_hypnogram"
# From the top of a hypnogram to its bottom; each line are names of the same stage.
_SLEEP = (("W", "Wake"), ("REM", "R"), ("N1",), ("N2",), ("N3",), ("N4",))
_UNITS = ((7200, 3600, "h"), (180, 60, "min"), (0, 1, "s"))


@dataclass(frozen=True)
class _Track:
    """Stretches of a recording: ``begin`` and ``end`` in seconds, ``names``."""

    begin: np.ndarray
    end: np.ndarray
    names: np.ndarray

    def at(self, moments):
        """Return the name at each moment, "" where there is none."""
        k = np.searchsorted(self.begin, moments, side="right") - 1
        inside = (k >= 0) & (moments < self.end[k])
        return np.where(inside, self.names[k], "")


def plot_hypnogram(
    stages,
    probabilities=None,
    true=None,
    duration=30.0,
    order=None,
    axes=None,
    show=True,
):
    """Plot the stage of each moment of a recording, as a step curve.

    Parameters
    ----------
    stages : array-like of str, shape (n_epochs,) | mne.Annotations
        Stage of each epoch, one after the other, usually predicted; or annotations,
        such as those of `mne_eegmamba.annotate_raw`. Gaps between them stay empty.
    probabilities : pandas.DataFrame, shape (n_epochs, n_classes) | None, default=None
        Probability of each stage, drawn as a stack; its columns are their names, as in
        ``DataFrame(clf.predict_proba(X), columns=clf.classes_)``. None takes those that
        annotations carry.
    true : array-like of str, shape (n_epochs,) | mne.Annotations | None, default=None
        Stages that an expert scored, drawn above the others; epochs where the two
        differ are marked below the curves.
    duration : float, default=30.0
        Length of an epoch in seconds, for arrays; annotations have their own.
    order : sequence of str | None, default=None
        Stages from top to bottom; None puts W, REM, N1, N2, N3 first and others after
        them in the order of the alphabet.
    axes : matplotlib.axes.Axes | array-like of Axes | None, default=None
        Where to draw, from top to bottom: one axes for the true stages where they are
        given, one for ``stages``, one for probabilities where there are any; None makes
        a new figure.
    show : bool, default=True
        Show the figure.

    Returns
    -------
    fig : matplotlib.figure.Figure
        The figure.

    Raises
    ------
    TypeError
        If ``probabilities`` are no table.
    ValueError
        If there are no epochs, lengths differ, or ``order`` lacks a stage.

    Examples
    --------
    >>> from mne_eegmamba.viz import plot_hypnogram
    >>> fig = plot_hypnogram(["W", "N1", "N2", "REM"], show=False)
    >>> [label.get_text() for label in fig.axes[0].get_yticklabels()]
    ['W', 'REM', 'N1', 'N2']
    """
    import matplotlib.pyplot as plt

    check_number("duration", duration, _OWNER, 0, low_open=True)
    track = _track(stages, duration, "stages")
    scored = None if true is None else _track(true, duration, "true")
    if scored is not None and not hasattr(true, "onset"):
        _check_length("true", len(scored.names), len(track.names))
    table = _probabilities(stages, probabilities, len(track.names))
    levels = _levels(track, scored, table, order)
    n_axes = 1 + (scored is not None) + (table is not None)
    if axes is None:
        _, axes = plt.subplots(
            *(n_axes, 1),
            figsize=(9, 0.6 + 1.7 * n_axes),
            sharex=True,
            layout="constrained",
        )
    what = "true stages, stages and probabilities, as far as they are given"
    axes = list(take_axes(axes, _OWNER, [n_axes], what))
    scale, unit = _unit(track.end.max())
    _decorate(axes, track, scale, unit)
    if table is not None:
        _draw_probabilities(axes[-1], track, table, levels, scale)
    if scored is None:
        _draw_stages(axes[0], track, levels, scale)
    else:
        _draw_comparison(axes, track, scored, levels, scale)
    return finish(axes[0].figure, show)


def _track(stages, duration, name):
    """Return stretches out of labels per epoch or annotations."""
    if hasattr(stages, "onset"):
        begin = np.asarray(stages.onset, dtype=float)
        end = begin + np.asarray(stages.duration, dtype=float)
        labels = np.asarray(stages.description)
    else:
        labels = np.asarray(stages)
        begin = np.arange(labels.size) * float(duration)
        end = begin + duration
    if labels.ndim != 1 or not labels.size:
        raise ValueError(
            f"The `{name}` parameter of {_OWNER} must have the shape (n_epochs,) with "
            f"at least one epoch, or be annotations. Got the shape {labels.shape}."
        )
    return _Track(begin, end, np.array([str(label) for label in labels]))


def _check_length(name, n, n_epochs):
    if n != n_epochs:
        raise ValueError(
            f"The `{name}` parameter of {_OWNER} must have {n_epochs} epochs, as "
            f"`stages`. Got {n}."
        )


def _probabilities(stages, table, n_epochs):
    """Return the table of probabilities, or None where there is none."""
    import pandas as pd

    if table is None:
        extras = [dict(extra or {}) for extra in getattr(stages, "extras", [])]
        if not extras or not extras[0] or any(set(e) != set(extras[0]) for e in extras):
            return None
        table = pd.DataFrame(extras)
    if not isinstance(table, pd.DataFrame):
        raise TypeError(
            f"The `probabilities` parameter of {_OWNER} must be a pandas.DataFrame "
            "whose columns are the stages, such as DataFrame(clf.predict_proba(X), "
            f"columns=clf.classes_). Got {type(table).__name__}."
        )
    _check_length("probabilities", len(table), n_epochs)
    return table.rename(columns=str)


def _levels(track, scored, table, order):
    """Return the stages from top to bottom."""
    tracks = [track] if scored is None else [track, scored]
    there = {name for each in tracks for name in each.names.tolist()}
    there |= set(() if table is None else table.columns)
    if order is None:
        known = [name for same in _SLEEP for name in same if name in there]
        return known + sorted(there - set(known))
    order = [str(name) for name in order]
    missing = sorted(there - set(order))
    if missing:
        raise ValueError(
            f"The `order` parameter of {_OWNER} must name all stages. Got {order}, "
            f"without {missing}."
        )
    return order


def _unit(seconds):
    """Return seconds per unit and the unit for a recording of some length."""
    return next((size, unit) for least, size, unit in _UNITS if seconds >= least)


def _steps(track, levels, scale):
    """Return the points of a step curve, with NaN where the recording has gaps."""
    heights = np.array([levels.index(name) for name in track.names], dtype=float)
    x = np.column_stack([track.begin, track.end]).ravel() / scale
    y = np.repeat(heights, 2)
    gaps = 2 * (1 + np.flatnonzero(_has_gap(track)))
    return np.insert(x, gaps, np.nan), np.insert(y, gaps, np.nan)


def _has_gap(track):
    """Say after which stretches but the last there is a gap."""
    return track.begin[1:] - track.end[:-1] > 1e-3


def _decorate(axes, track, scale, unit):
    """Give all axes the same time, named below the last one."""
    for ax in axes:
        ax.set_xlim(track.begin.min() / scale, track.end.max() / scale)
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelbottom=ax is axes[-1])
    axes[-1].set_xlabel(f"Time, {unit}")


def _draw_comparison(axes, track, scored, levels, scale):
    """Draw the true stages above the others, and how much of them agrees."""
    _draw_stages(axes[0], scored, levels, scale, "black", "True")
    _draw_stages(axes[1], track, levels, scale, label="Predicted")
    agreement = _mark_differences(axes[1], track, scored, levels, scale)
    axes[0].set_title(agreement, fontsize="medium", loc="left")


def _draw_stages(ax, track, levels, scale, color="#0072B2", label="Stage"):
    """Draw a step curve, REM thicker."""
    ax.plot(*_steps(track, levels, scale), color=color, linewidth=1.4)
    _draw_rem(ax, track, levels, scale)
    ax.set_yticks(range(len(levels)), levels)
    ax.set(ylim=(len(levels) - 0.5, -0.5), ylabel=label)
    ax.grid(axis="y", alpha=0.3)


def _draw_rem(ax, track, levels, scale):
    """Thicken REM, as sleep laboratories do."""
    rem = np.isin(track.names, _SLEEP[1])
    if rem.any():
        height = [levels.index(name) for name in track.names[rem]]
        ends = (track.begin[rem] / scale, track.end[rem] / scale)
        ax.hlines(height, *ends, color="#D55E00", linewidth=4)


def _mark_differences(ax, track, scored, levels, scale):
    """Mark below the curve where it differs; return how much agrees, as a text."""
    expert = scored.at((track.begin + track.end) / 2)
    known = expert != ""
    wrong = known & (expert != track.names)
    widths = (track.end - track.begin)[wrong] / scale
    bars = list(zip(track.begin[wrong] / scale, widths, strict=True))
    ax.broken_barh(bars, (len(levels) - 0.3, 0.6), color="#D55E00", linewidth=0)
    ax.set_yticks(range(len(levels) + 1), [*levels, "differs"])
    ax.set_ylim(len(levels) + 0.5, -0.5)
    if not known.any():
        return "No epoch has a true stage"
    share = 1 - wrong.sum() / known.sum()
    return f"{100 * share:.0f} % of {known.sum()} epochs agree"


def _draw_probabilities(ax, track, table, levels, scale):
    """Draw the stack of probabilities, the lowest stage below, empty in gaps."""
    table = table[[name for name in reversed(levels) if name in table.columns]]
    values = table.to_numpy(dtype=float)  # (n_epochs, n_classes)
    gaps = 1 + np.flatnonzero(_has_gap(track))
    x = np.insert(track.begin, gaps, track.end[gaps - 1])
    x = np.append(x, track.end[-1]) / scale
    stack = np.insert(values, gaps, 0.0, axis=0)
    stack = np.vstack([stack, values[-1:]])
    colors = colors_of(table.columns[::-1])
    ax.stackplot(
        x,
        stack.T,
        step="post",
        labels=list(table.columns),
        colors=[colors[name] for name in table.columns],
        linewidth=0,
    )
    ax.set(ylim=(0, 1), ylabel="Probability")
    legend_outside(ax, reverse=True)  # as they are stacked
