"""How tasks use the experts (the paper's Figure 5)."""

from mne_eegmamba.viz.style import finish


def plot_expert_usage(usage, axes=None, show=True):
    """Plot the share of each expert in each task.

    Parameters
    ----------
    usage : pandas.DataFrame, shape (n_tasks, n_experts)
        From `MultiTaskEEGMamba.expert_usage`: rows are tasks and have the sum 1.
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
    ValueError
        If ``usage`` is empty or has negative or missing shares.

    References
    ----------
    Gui et al., arXiv 2407.20254, Figure 5.

    Examples
    --------
    >>> import pandas as pd
    >>> from mne_eegmamba.viz import plot_expert_usage
    >>> usage = pd.DataFrame([[0.7, 0.3], [0.2, 0.8]], index=["sleep", "imagery"])
    >>> fig = plot_expert_usage(usage, show=False)
    >>> [text.get_text() for text in fig.axes[0].texts]
    ['70', '30', '20', '80']
    """
    import matplotlib.pyplot as plt

    shares = usage.to_numpy(dtype=float)
    if shares.size == 0 or not (shares >= 0).all():
        raise ValueError(
            "usage must be a table of shares, tasks by experts, as expert_usage gives "
            f"it. Got the shape {shares.shape} with a least value of "
            f"{shares.min() if shares.size else 'nothing'}."
        )
    n_tasks, n_experts = shares.shape
    if axes is None:
        size = (2.6 + 0.5 * n_experts, 1.5 + 0.42 * n_tasks)
        _, axes = plt.subplots(figsize=size, layout="constrained")
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=shares.max(), aspect="auto")
    for row in range(n_tasks):
        for column in range(n_experts):
            dark = shares[row, column] > 0.6 * shares.max()
            axes.text(
                column,
                row,
                f"{100 * shares[row, column]:.0f}",
                ha="center",
                va="center",
                color="white" if dark else "black",
                fontsize="small",
            )
    axes.set_xticks(range(n_experts), [str(name) for name in usage.columns])
    axes.set_yticks(range(n_tasks), [str(name) for name in usage.index])
    axes.set(xlabel="Expert", title="Mean weight of each expert, %")
    axes.title.set_fontsize("medium")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return finish(axes.figure, show)
