"""Which expert each token goes to, over time (the paper's Figures 11 and 12)."""

import itertools

import numpy as np

from mne_eegmamba.tokens.tokenizer import MIN_TIMES, n_tokens, token_centers
from mne_eegmamba.utils.validation import check_number
from mne_eegmamba.viz.network import choose_task, epochs_of_task
from mne_eegmamba.viz.style import finish, take_axes

_OWNER = "plot_expert_weights"
_PATHS = ("small", "wide")
_PANELS = ("class", *_PATHS)


def plot_expert_weights(clf, X, task=None, layer=-1, epoch=None, axes=None, show=True):
    """Plot the weight of each expert for each token, over the time of an epoch.

    The tokens of the tokenizer's two paths have maps of their own, as both run over the
    same time: the small path with short kernels, the wide path with long ones. A token
    stands at the middle of what it sees of the signal. The class token stands alone.

    Parameters
    ----------
    clf : MultiTaskEEGMamba
        Fitted, with experts.
    X : mne.Epochs | list of mne.Epochs | ndarray | dict | MultiTaskEpochs
        Epochs of one task as in ``clf.predict``; of several, only those of ``task`` are
        looked at.
    task : str | None, default=None
        Which task, for a network that knows several.
    layer : int, default=-1
        Which block's mixture of experts; -1 is the last.
    epoch : int | None, default=None
        Which epoch; None draws the mean over all.
    axes : array-like of matplotlib.axes.Axes | None, default=None
        Where to draw: three axes for the class token, the small and the wide path; None
        makes a new figure.
    show : bool, default=True
        Show the figure.

    Returns
    -------
    fig : matplotlib.figure.Figure
        The figure.

    Raises
    ------
    TypeError
        If ``clf`` is no `MultiTaskEEGMamba`.
    ValueError
        If the network has no experts, or there is no such task, layer or epoch,
        or ``X`` has none of the task.

    Notes
    -----
    Epochs shorter than the network's least length are padded; a dotted line is where
    such an epoch ends.

    References
    ----------
    Gui et al., arXiv 2407.20254, Figures 11 and 12.

    Examples
    --------
    >>> import numpy as np
    >>> from mne_eegmamba import MultiTaskEEGMamba
    >>> from mne_eegmamba.viz import plot_expert_weights
    >>> X = {"a": np.random.default_rng(0).standard_normal((8, 2, 400))}
    >>> clf = MultiTaskEEGMamba(
    ...     d_model=16, n_layers=1, n_experts=4, max_epochs=1, verbose=False
    ... ).fit(X, {"a": [0, 1] * 4})
    >>> fig = plot_expert_weights(clf, X, show=False)
    >>> fig.axes[1].get_xlabel(), fig.axes[2].get_xlabel()
    ('', 'Time, samples')
    """
    import matplotlib.pyplot as plt

    task = _check_network(clf, task)
    X = epochs_of_task(X, task, _OWNER)
    weights = clf.expert_weights({task: X}, layer=layer)[task]
    weights, title = _choose(weights, epoch, task)  # (1 + n_tokens, n_experts)
    if axes is None:
        fig = plt.figure(
            figsize=(8.5, 1.8 + 0.34 * weights.shape[1]), layout="constrained"
        )
        grid = fig.subplot_mosaic(
            [[_PANELS[0], _PANELS[1]], [_PANELS[0], _PANELS[2]]], width_ratios=[1, 16]
        )
        axes = [grid[name] for name in _PANELS]
    axes = take_axes(axes, _OWNER, [3], "the class token, the small and the wide path")
    top = weights.max()
    _draw_class_token(axes[0], weights[0], top)
    image = _draw_paths(axes[1:], weights[1:], clf.tasks_[task], top)
    axes[1].set_title(title, fontsize="medium", loc="left")
    fig = axes[0].figure
    colorbar = fig.colorbar(image, ax=axes[1:], label="Weight", aspect=30, pad=0.02)
    colorbar.outline.set_visible(False)
    return finish(fig, show)


def _check_network(clf, task):
    """Return the task, or say why the network cannot be drawn."""
    if not hasattr(clf, "expert_weights") or not hasattr(clf, "tasks_"):
        raise TypeError(
            f"The `clf` parameter of {_OWNER} must be a fitted MultiTaskEEGMamba, "
            f"which has experts. Got {type(clf).__name__}, "
            f"{'not fitted' if hasattr(clf, 'expert_weights') else 'which has none'}."
        )
    if not clf.net_.module_.config.n_experts:
        raise ValueError(
            f"The `clf` parameter of {_OWNER} has n_experts=0, so there are no "
            "weights; fit one with experts."
        )
    return choose_task(clf, task, _OWNER)


def _choose(weights, epoch, task):
    """Return the weights of one epoch or their mean, and a title that says which."""
    if epoch is None:
        what = f"mean over {len(weights)} epochs"
        return weights.mean(0), f"{task}, {what}"
    last = len(weights) - 1
    check_number("epoch", epoch, _OWNER, -len(weights), last, integer=True)
    return weights[epoch], f"{task}, epoch {range(len(weights))[epoch]}"


def _draw_class_token(ax, weights, top):
    """Draw the experts of the class token as a column."""
    _draw_map(ax, weights[:, None], (-0.5, 0.5), top)
    ax.set_xticks([0], ["class\ntoken"])
    ax.set_ylabel("Expert")


def _draw_paths(axes, weights, known, top):
    """Draw the map of each path; return one image for the colour bar."""
    padded = max(known.n_times, MIN_TIMES)
    n_times = padded if n_tokens(padded) == len(weights) else _length(len(weights))
    unit, rate = ("samples", 1.0) if known.sfreq is None else ("s", known.sfreq)
    centers = [np.array(path) / rate for path in token_centers(n_times)]
    parts = np.split(weights, [len(centers[0])])
    for ax, path, part, at in zip(axes, _PATHS, parts, centers, strict=True):
        half = (at[1] - at[0]) / 2 if len(at) > 1 else at[0]
        image = _draw_map(ax, part.T, (at[0] - half, at[-1] + half), top)
        ax.set(xlim=(0, n_times / rate), facecolor="0.93")
        ax.set_ylabel(f"{path[0].upper()}{path[1:]} path\n({len(at)} tokens)")
        if n_times == padded > known.n_times:
            ax.axvline(known.n_times / rate, color="black", linestyle=":")
    axes[0].tick_params(labelbottom=False)
    axes[1].set_xlabel(f"Time, {unit}")
    return image


def _length(n):
    """Return the shortest length that gives a number of tokens: `n_tokens` backwards.

    Equal numbers have equal parts in both paths, as neither shrinks with length.
    """
    return next(k for k in itertools.count(MIN_TIMES) if n_tokens(k) >= n)


def _draw_map(ax, weights, ends, top):
    """Draw weights, shape (n_experts, n_tokens), between two moments."""
    n_experts = len(weights)
    image = ax.imshow(
        weights,
        cmap="Blues",
        vmin=0,
        vmax=top,
        aspect="auto",
        interpolation="nearest",
        extent=(*ends, n_experts - 0.5, -0.5),
    )
    ax.set_yticks(range(0, n_experts, 1 if n_experts <= 8 else 2))
    ax.tick_params(axis="y", length=0)
    ax.spines[:].set_visible(False)
    return image
