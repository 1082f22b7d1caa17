"""What the heads see, in two dimensions (the paper's Figure 9)."""

import numpy as np

from mne_eegmamba.utils.validation import check_number
from mne_eegmamba.viz.style import MARKERS, colors_of, finish, legend_outside, take_axes

_OWNER = "plot_embedding"
_LEAST = 4  # epochs that t-SNE can place


def plot_embedding(
    embedding, labels, perplexity=30.0, random_state=0, axes=None, show=True
):
    """Plot epochs in two dimensions, placed by t-SNE, with a colour per label.

    Neighbours in the figure are neighbours in the embedding; distances between groups,
    their sizes and the directions of the axes mean nothing.

    Parameters
    ----------
    embedding : ndarray, shape (n_epochs, d_model) | dict of {str: ndarray}
        From ``clf.transform(X)``; of a dict each task gets axes of its own.
    labels : array-like, shape (n_epochs,) | dict of {str: array-like}
        Label of each epoch; a dict for a dict. Where all are ``"task/label"``, as in
        ``MultiTaskEpochs.y``, tasks have colours and the labels within them shades
        and markers.
    perplexity : float, default=30.0
        About how many neighbours each epoch has; a third of the epochs where they are
        fewer than three times as many.
    random_state : int, default=0
        Seed of t-SNE.
    axes : matplotlib.axes.Axes | array-like of Axes | None, default=None
        Where to draw, one for each task of a dict; None makes a new figure.
    show : bool, default=True
        Show the figure.

    Returns
    -------
    fig : matplotlib.figure.Figure
        The figure.

    Raises
    ------
    TypeError
        If only one of ``embedding`` and ``labels`` is a dict.
    ValueError
        If shapes or tasks do not fit, there are fewer than 4 epochs, or numbers are not
        finite.

    Notes
    -----
    With tens of thousands of epochs t-SNE takes minutes; pick some of them before.

    References
    ----------
    Gui et al., arXiv 2407.20254, Figure 9.

    Examples
    --------
    >>> import numpy as np
    >>> from mne_eegmamba.viz import plot_embedding
    >>> embedding = np.random.default_rng(0).standard_normal((12, 16))
    >>> fig = plot_embedding(embedding, ["left", "right"] * 6, show=False)
    >>> [text.get_text() for text in fig.axes[0].get_legend().get_texts()]
    ['left', 'right']
    """
    import matplotlib.pyplot as plt

    parts = _parts(embedding, labels)
    check_number("perplexity", perplexity, _OWNER, 0, low_open=True)
    if axes is None:
        n_rows = -(-len(parts) // 3)
        n_columns = -(-len(parts) // n_rows)
        fig, grid = plt.subplots(
            *(n_rows, n_columns),
            figsize=(4.6 * n_columns, 3.4 * n_rows),
            squeeze=False,
            layout="constrained",
        )
        axes, empty = np.split(grid.ravel(), [len(parts)])
        for ax in empty:
            fig.delaxes(ax)
    axes = take_axes(axes, _OWNER, [len(parts)], "each task one")
    for ax, (task, (vectors, names)) in zip(axes, parts.items(), strict=True):
        _draw_points(ax, _place(vectors, perplexity, random_state), names)
        title = (
            f"{len(names)} epochs" if task is None else f"{task}, {len(names)} epochs"
        )
        ax.set_title(title, fontsize="medium", loc="left")
    return finish(axes[0].figure, show)


def _parts(embedding, labels):
    """Return {task: (vectors, names)}; the task of a plain array is None."""
    if not isinstance(embedding, dict) and not isinstance(labels, dict):
        return {None: _check_part(embedding, labels)}
    if not isinstance(embedding, dict) or not isinstance(labels, dict):
        raise TypeError(
            f"The `embedding` and `labels` parameters of {_OWNER} must both be dicts "
            f"from tasks, or neither. Got {type(embedding).__name__} and "
            f"{type(labels).__name__}."
        )
    if set(embedding) != set(labels) or not embedding:
        raise ValueError(
            f"The `embedding` and `labels` parameters of {_OWNER} must have the same "
            f"tasks, at least one. Got {list(embedding)} and {list(labels)}."
        )
    return {task: _check_part(embedding[task], labels[task]) for task in embedding}


def _check_part(vectors, labels):
    """Return vectors and names of labels, or say what does not fit."""
    vectors, labels = np.asarray(vectors, dtype=float), np.asarray(labels)
    if vectors.ndim != 2 or len(vectors) < _LEAST or vectors.shape[1] < 2:
        raise ValueError(
            f"The `embedding` parameter of {_OWNER} must have the shape (n_epochs, "
            f"d_model) with at least {_LEAST} epochs and d_model of at least 2, as "
            f"transform gives it. Got the shape {vectors.shape}."
        )
    if labels.shape != (len(vectors),):
        raise ValueError(
            f"The `labels` parameter of {_OWNER} must have the shape "
            f"({len(vectors)},), one label per row of `embedding`. Got the "
            f"shape {labels.shape}."
        )
    if not np.isfinite(vectors).all():
        raise ValueError(
            f"The `embedding` parameter of {_OWNER} must be finite. Got "
            f"{(~np.isfinite(vectors)).sum()} NaN or infinite numbers; look for a "
            "training that diverged."
        )
    return vectors, labels


def _place(vectors, perplexity, random_state):
    """Return the place of each epoch, shape (n_epochs, 2)."""
    from sklearn.manifold import TSNE

    perplexity = max(1.0, min(perplexity, (len(vectors) - 1) / 3))
    tsne = TSNE(perplexity=perplexity, init="pca", random_state=random_state)
    return tsne.fit_transform(vectors)


def _looks(labels):
    """Return {label: (edge, face, marker)}: by label, or by task and label in it."""
    classes = list(np.unique(labels))
    parts = [str(label).split("/", 1) for label in classes]
    if any(len(part) < 2 for part in parts):
        colors = colors_of(classes)
        return {label: (colors[label], colors[label], "o") for label in classes}
    tasks = [task for task, _ in parts]
    looks, colors = {}, colors_of(dict.fromkeys(tasks))
    for k, (label, task) in enumerate(zip(classes, tasks, strict=True)):
        n_before = tasks[:k].count(task)
        face = _lighter(colors[task], n_before / tasks.count(task))
        looks[label] = (colors[task], face, MARKERS[n_before % len(MARKERS)])
    return looks


def _lighter(color, share):
    """Blend a colour with white."""
    from matplotlib.colors import to_rgb

    return tuple(1 - (1 - share) * (1 - np.array(to_rgb(color))))


def _draw_points(ax, places, labels):
    """Draw the epochs of one panel."""
    size = float(np.clip(4000 / len(places), 8, 28))
    for label, (edge, face, marker) in _looks(labels).items():
        ax.scatter(
            *places[labels == label].T,
            s=size,
            color=[face],
            edgecolor=[edge],
            linewidth=0.7,
            marker=marker,
            alpha=0.85,
            label=str(label),
        )
    ax.set(xticks=[], yticks=[], xlabel="t-SNE 1", ylabel="t-SNE 2")
    ax.spines[["top", "right"]].set_visible(False)
    legend = legend_outside(ax)
    for handle in legend.legend_handles:
        handle.set_sizes([30])
