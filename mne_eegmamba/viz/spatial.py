"""What the first layer looks for over the scalp."""

import mne
import numpy as np

from mne_eegmamba.epochs.channels import match_channels
from mne_eegmamba.epochs.check import (
    Signals,
    is_epochs,
    loaded,
    signals_from_array,
    signals_from_epochs,
)
from mne_eegmamba.utils.validation import check_number
from mne_eegmamba.viz.network import choose_task, epochs_of_task
from mne_eegmamba.viz.style import finish, take_axes

_OWNER = "plot_spatial_filters"
_MONTAGES = ("colin27_1005", "standard_1005")  # the same; the second before MNE 1.13
_LEAST = 3  # channels that span a map
_BUDGET = 2**24  # samples of all channels that patterns are computed from


def plot_spatial_filters(
    clf, info=None, task=None, n_filters=6, X=None, axes=None, show=True
):
    """Plot the spatial filters of the first layer, or their patterns, as scalp maps.

    The spatial convolution and the first convolutions of the tokenizer are linear and
    follow each other, so only their composition has a meaning: one row of channel
    weights for each of their outputs and taps. The filters drawn are the directions in
    which these rows are the largest (right singular vectors); each title tells the
    share of the squared weights along it. Their sign is arbitrary; the largest weight
    is made positive.

    Parameters
    ----------
    clf : EEGMambaClassifier | MultiTaskEEGMamba
        Fitted.
    info : mne.Info | None, default=None
        Where the channels are; other channels in it are left aside. None looks their
        names up in MNE's standard montage of the 10-05 system.
    task : str | None, default=None
        Which task, for a network that knows several.
    n_filters : int, default=6
        How many, at most as many as channels.
    X : mne.Epochs | list of mne.Epochs | ndarray | dict | MultiTaskEpochs | None
        Epochs, as in ``clf.predict``. With them patterns are drawn instead of filters:
        how each channel varies with the filter's output, per standard deviation of the
        output, in microvolts for Epochs. Filters also cancel noise, and only patterns
        tell where a signal comes from [2]_.
    axes : array-like of matplotlib.axes.Axes | None, default=None
        Where to draw, one for each filter; None makes a new figure.
    show : bool, default=True
        Show the figure.

    Returns
    -------
    fig : matplotlib.figure.Figure
        The figure.

    Raises
    ------
    ValueError
        If there is no such task, there are fewer than 3 channels, channels are not in
        ``info`` or have no position, or ``X`` does not fit.

    References
    ----------
    .. [1] Gui et al., arXiv 2407.20254, Equation 5, Figure 3.
    .. [2] Haufe et al. (2014). On the interpretation of weight vectors of linear models
           in multivariate neuroimaging. NeuroImage 87, 96-110.

    Examples
    --------
    >>> import mne
    >>> import numpy as np
    >>> from mne_eegmamba import EEGMambaClassifier
    >>> from mne_eegmamba.viz import plot_spatial_filters
    >>> info = mne.create_info(["C3", "Cz", "C4", "Pz"], 100.0, "eeg")
    >>> epochs = mne.EpochsArray(
    ...     np.random.default_rng(0).standard_normal((8, 4, 300)) * 1e-5, info,
    ...     events=np.c_[:8, [0] * 8, [1, 2] * 4], verbose=False,
    ... )
    >>> clf = EEGMambaClassifier(d_model=16, max_epochs=1, verbose=False).fit(epochs)
    >>> fig = plot_spatial_filters(clf, n_filters=2, show=False)
    >>> len(fig.axes)  # two maps and a colour bar
    3
    """
    import matplotlib.pyplot as plt

    task, known = _check_task(clf, task)
    placed = _placed(known, info)
    check_number("n_filters", n_filters, _OWNER, 1, integer=True)
    # (n_filters, n_channels)
    maps, shares = _filters(clf.net_.module_, task, n_filters)
    label = "Weight"
    if X is not None:
        signals = _read(X, task, known)
        maps, label = _patterns(maps, signals, known)
    if axes is None:
        n_rows = -(-len(maps) // 6)
        n_columns = -(-len(maps) // n_rows)
        size = (1.7 * n_columns + 1, 1.95 * n_rows)
        fig, grid = plt.subplots(
            *(n_rows, n_columns), figsize=size, squeeze=False, layout="constrained"
        )
        axes, empty = np.split(grid.ravel(), [len(maps)])
        for ax in empty:
            fig.delaxes(ax)
    axes = take_axes(axes, _OWNER, [len(maps)], "each filter one")
    _draw_maps(axes, maps, shares, placed, label)
    return finish(axes[0].figure, show)


def _check_task(clf, task):
    """Return the name of the task and what the network remembers of it."""
    if not hasattr(clf, "tasks_"):
        raise ValueError(
            f"The `clf` parameter of {_OWNER} must be fitted. Got {type(clf).__name__} "
            "without a network; call fit first."
        )
    task = choose_task(clf, task, _OWNER)
    known = clf.tasks_[task]
    if known.n_channels < _LEAST:
        raise ValueError(
            f"{_OWNER} needs at least {_LEAST} channels to draw a map. Got "
            f"{known.n_channels} in task {task!r}."
        )
    return task, known


def _placed(known, info):
    """Return measurement info of the network's channels, with their positions."""
    if info is None and known.ch_names is None:
        raise ValueError(
            f"{_OWNER} needs `info` for a network that was fitted on arrays, which "
            f"have no names: an mne.Info of its {known.n_channels} channels, in order."
        )
    if info is None:
        info = mne.create_info(list(known.ch_names), 1.0, "eeg")
    names = info.ch_names if known.ch_names is None else list(known.ch_names)
    missing = [name for name in names if name not in info.ch_names]
    if missing or len(names) != known.n_channels:
        raise ValueError(
            f"The `info` parameter of {_OWNER} must have the {known.n_channels} "
            f"channels of fit. Got {len(info.ch_names)}, without {missing}."
        )
    picks = [info.ch_names.index(name) for name in names]
    info = mne.pick_info(info, picks, copy=True)
    return info if _has_places(info) else _in_montage(info)


def _has_places(info):
    """Say whether all channels have a position."""
    places = np.array([ch["loc"][:3] for ch in info["chs"]])
    return bool(np.isfinite(places).all() and places.any(axis=1).all())


def _in_montage(info):
    """Return info with the positions that a standard montage has for the names."""
    there = mne.channels.get_builtin_montages()
    name = next(name for name in _MONTAGES if name in there)
    montage = mne.channels.make_standard_montage(name)
    known = {name.lower() for name in montage.ch_names}
    missing = [name for name in info.ch_names if name.lower() not in known]
    if missing:
        raise ValueError(
            f"{_OWNER} needs a position for each channel, and the montage {name!r} "
            f"has none for {missing}. Pass `info` with a montage (info.set_montage), "
            "or rename the channels before fit."
        )
    plain = mne.create_info(info.ch_names, 1.0, "eeg")
    return plain.set_montage(montage, match_case=False)


def _filters(module, task, n_filters):
    """Return the main directions of the first layer's weights, and their shares."""
    weights = module.spatial_filters(task).numpy(force=True)  # (n_rows, n_channels)
    _, sizes, directions = np.linalg.svd(weights.astype(float), full_matrices=False)
    largest = np.abs(directions).argmax(axis=1)[:, None]
    directions *= np.sign(np.take_along_axis(directions, largest, axis=1))
    shares = sizes**2 / (sizes**2).sum()
    return directions[:n_filters], shares[:n_filters]


def _read(X, task, known):
    """Return epochs of the task with the network's channels."""
    X = epochs_of_task(X, task, _OWNER)
    if is_epochs(X):
        signals = match_channels(signals_from_epochs(loaded(X)), known.ch_names)
    else:
        signals = signals_from_array(np.asarray(X))
    n_channels = signals.data.shape[1]
    if n_channels != known.n_channels:
        raise ValueError(
            f"The `X` parameter of {_OWNER} must have the {known.n_channels} "
            f"channels of fit. Got {n_channels}."
        )
    step = -(-signals.data.shape[0] * signals.data[0].size // _BUDGET)
    return Signals(signals.data[::step], signals.ch_names)


def _patterns(filters, signals, known):
    """Return the channels' covariance with the filters' outputs of unit variance."""
    x = signals.data[:]
    scaled = known.scaling.apply(x).astype(float)  # (n_epochs, n_channels, n_times)
    outputs = np.einsum("fc,nct->fnt", filters, scaled).reshape(len(filters), -1)
    outputs -= outputs.mean(1, keepdims=True)
    x = np.moveaxis(x, 1, 0).reshape(len(x[0]), -1).astype(float)
    x = x - x.mean(1, keepdims=True)
    spread = outputs.std(1)
    patterns = outputs @ x.T / x.shape[1] / np.where(spread > 0, spread, 1)[:, None]
    if signals.ch_names is None:
        return patterns, "Pattern, unit of X"
    return 1e6 * patterns, "Pattern, µV"


def _draw_maps(axes, maps, shares, info, label):
    """Draw a map per filter, all in the same colours."""
    top = np.abs(maps).max()
    for k, (ax, values, share) in enumerate(zip(axes, maps, shares, strict=True), 1):
        image, _ = mne.viz.plot_topomap(
            values, info, axes=ax, show=False, cmap="RdBu_r", vlim=(-top, top)
        )
        ax.set_title(f"Filter {k}\n{100 * share:.0f} % of weights", fontsize="small")
    colorbar = axes[0].figure.colorbar(
        image, ax=list(axes), label=label, shrink=0.8, aspect=14
    )
    colorbar.outline.set_visible(False)
