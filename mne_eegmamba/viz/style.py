"""What all figures share: colours, where to draw, whether to show."""

import numpy as np

# Okabe and Ito's colours: told apart with any colour vision. Their yellow is left out,
# which is hard to see on white.
COLORS = (
    *("#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9"),
    *("#000000", "#999999"),
)
MARKERS = "osD^vP*X"


def colors_of(names):
    """Return a colour for each name.

    Parameters
    ----------
    names : sequence of str
        Names, each once.

    Returns
    -------
    colors : dict
        A colour by name; shades of one scale where there are more than eight.
    """
    names = list(names)
    if len(names) <= len(COLORS):
        return dict(zip(names, COLORS, strict=False))
    import matplotlib as mpl

    shades = mpl.colormaps["viridis"](np.linspace(0, 0.95, len(names)))
    return dict(zip(names, map(tuple, shades.tolist()), strict=True))


def take_axes(axes, owner, allowed, what):
    """Return the user's axes as a flat array, or say how many there must be.

    Parameters
    ----------
    axes : matplotlib.axes.Axes | array-like of Axes
        What came.
    owner : str
        Name of the function, for messages.
    allowed : sequence of int
        Numbers of axes that can be drawn on.
    what : str
        What they are for, for messages.

    Returns
    -------
    axes : ndarray of Axes, shape (n_axes,)
        The same.

    Raises
    ------
    ValueError
        If there are too many or too few.
    """
    axes = np.atleast_1d(axes).ravel()
    if len(axes) not in allowed:
        raise ValueError(
            f"The `axes` parameter of {owner} must be "
            f"{' or '.join(map(str, allowed))} axes, for {what}. Got {len(axes)}."
        )
    return axes


def legend_outside(ax, title=None, reverse=False):
    """Put the legend to the right of the axes, where it hides no data.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Axes with labelled artists.
    title : str | None, default=None
        What the entries are.
    reverse : bool, default=False
        Whether the last entry stands on top.

    Returns
    -------
    legend : matplotlib.legend.Legend
        The legend.
    """
    return ax.legend(
        title=title,
        alignment="left",
        reverse=reverse,
        frameon=False,
        loc="upper left",
        bbox_to_anchor=(1.01, 1.02),
        borderaxespad=0.0,
        fontsize="small",
        title_fontsize="small",
    )


def finish(fig, show):
    """Show a figure where it can be shown.

    Parameters
    ----------
    fig : matplotlib.figure.Figure
        A complete figure.
    show : bool
        Whether to show it.

    Returns
    -------
    fig : matplotlib.figure.Figure
        The same.
    """
    import matplotlib.pyplot as plt

    if show and plt.get_backend().lower() != "agg":
        plt.show()
    return fig


def close(fig):
    """Take a figure out of pyplot's memory.

    Parameters
    ----------
    fig : matplotlib.figure.Figure
        No longer needed.
    """
    import matplotlib.pyplot as plt

    plt.close(fig)
