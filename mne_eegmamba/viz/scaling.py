"""Time and memory against the length of an epoch (the paper's Figure 4)."""

import pandas as pd

from mne_eegmamba.viz.style import MARKERS, colors_of, finish, legend_outside, take_axes

_COLUMNS = ("channels", "length", "candidate", "ms", "peak_MB")
_MEASURES = {"ms": "Time of a batch, ms", "peak_MB": "Peak memory, MB"}


def plot_scaling(rows, axes=None, show=True):
    """Plot how time and memory of networks grow with the length of an epoch.

    Both axes are logarithmic: a straight line of slope one is linear growth, of slope
    two quadratic growth.

    Parameters
    ----------
    rows : list of dict | pandas.DataFrame
        A row per network, number of channels and length: ``channels``, ``length`` in
        samples, ``candidate`` (name of the network), ``ms`` (time of a batch in
        milliseconds) and ``peak_MB`` (megabytes of memory). They are the ``results`` in
        the JSON files of ``python -m benchmarks model`` and ``train``.
    axes : array-like of matplotlib.axes.Axes | None, default=None
        Where to draw: time for each number of channels, then memory for each; None
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
        If there are no rows, columns are missing, values are not positive, or axes do
        not fit.

    References
    ----------
    Gui et al., arXiv 2407.20254, Figure 4, Tables 9 and 10.

    Examples
    --------
    >>> from mne_eegmamba.viz import plot_scaling
    >>> rows = [
    ...     {"channels": 1, "length": 2000, "candidate": "a", "ms": 40, "peak_MB": 60},
    ...     {"channels": 1, "length": 4000, "candidate": "a", "ms": 80, "peak_MB": 120},
    ... ]
    >>> fig = plot_scaling(rows, show=False)
    >>> [ax.get_ylabel() for ax in fig.axes]
    ['Time of a batch, ms', 'Peak memory, MB']
    """
    import matplotlib.pyplot as plt

    table = _check_rows(rows)
    channels = sorted(table["channels"].unique())
    if axes is None:
        _, axes = plt.subplots(
            *(2, len(channels)),
            figsize=(2 + 3.4 * len(channels), 5.4),
            sharex=True,
            sharey="row",
            layout="constrained",
        )
    what = f"time and memory with {' and '.join(map(str, channels))} channels"
    axes = take_axes(axes, "plot_scaling", [2 * len(channels)], what)
    axes = axes.reshape(2, len(channels))
    for row, (measure, label) in zip(axes, _MEASURES.items(), strict=True):
        for ax, n in zip(row, channels, strict=True):
            _draw_panel(ax, table, n, measure)
        row[0].set_ylabel(label)
    for top, bottom, n in zip(*axes, channels, strict=True):
        top.set_title(f"{n} channel{'' if n == 1 else 's'}", fontsize="medium")
        bottom.set_xlabel("Length of an epoch, samples")
    legend_outside(axes[0, -1], "Network")
    return finish(axes[0, 0].figure, show)


def _check_rows(rows):
    """Return the rows as a table, or say what is missing."""
    is_table = isinstance(rows, pd.DataFrame | list | tuple)
    table = pd.DataFrame(rows) if is_table else pd.DataFrame()
    missing = [name for name in _COLUMNS if name not in table.columns]
    if missing:
        keys = f" with the keys {list(rows)}" if isinstance(rows, dict) else ""
        raise ValueError(
            "The `rows` parameter of plot_scaling must be a table or a list of dicts "
            f"with {list(_COLUMNS)}, as in the 'results' of a benchmark's JSON file. "
            f"{missing} are missing. Got {type(rows).__name__}{keys}."
        )
    for name in ("length", *_MEASURES):
        if not (table[name] > 0).all():
            raise ValueError(
                f"The `rows` parameter of plot_scaling must have positive {name}, for "
                f"logarithmic axes. Got {table[name].min()}."
            )
    return table


def _styles(table):
    """Return colour and marker of each network."""
    names = list(dict.fromkeys(table["candidate"]))
    colors = colors_of(names)
    return {n: (colors[n], MARKERS[k % len(MARKERS)]) for k, n in enumerate(names)}


def _draw_panel(ax, table, n_channels, measure):
    """Draw one measure of all networks for one number of channels."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    for k, (name, (color, marker)) in enumerate(_styles(table).items()):
        rows = table[(table["channels"] == n_channels) & (table["candidate"] == name)]
        rows = rows.sort_values("length")
        ax.plot(
            rows["length"].to_numpy(),
            rows[measure].to_numpy(),
            color=color,
            marker=marker,
            markersize=5,
            linewidth=2.4 if k == 0 else 1.4,
            label=name,
        )
    ax.set(xscale="log", yscale="log")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if axis is ax.xaxis else (1,)))
        axis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.set_minor_formatter(NullFormatter())
    ax.grid(which="major", alpha=0.3)
    ax.spines[["top", "right"]].set_visible(False)
