"""The public pooling: check the arguments and pick a backend."""

from mne_eegmamba.ops.backend import choose

KINDS = ("average", "max")


def gelu_pool(x, size, stride, kind="average", backend="auto"):
    r"""Apply GELU and pool over time, each channel for itself.

    .. math:: y_t = \frac{1}{K} \sum_{k<K} \mathrm{GELU}(x_{st+k})
        \quad\text{or}\quad \max_{k<K} \mathrm{GELU}(x_{st+k})

    Parameters
    ----------
    x : Tensor, shape (batch, length, channels)
        Signal.
    size : int
        Samples in a window (K).
    stride : int
        Samples between two windows (s), fewer than in a window: they overlap.
    kind : "average" | "max", default="average"
        What is taken of a window.
    backend : str, default="auto"
        ``"auto"``, or one that `show_backends` lists.

    Returns
    -------
    y : Tensor, shape (batch, (length - size) // stride + 1, channels)
        Output; samples after the last whole window are in none.

    Raises
    ------
    ValueError
        If sizes do not fit together, or the backend does not exist.
    RuntimeError
        If the named backend cannot run here.

    References
    ----------
    Gui et al., arXiv 2407.20254, Fig. 3 and 7.

    Examples
    --------
    >>> import torch
    >>> from mne_eegmamba.ops import gelu_pool
    >>> gelu_pool(torch.ones(2, 9, 3), size=3, stride=2).shape
    torch.Size([2, 4, 3])
    """
    if x.ndim != 3:
        raise ValueError(
            f"x must have the shape (batch, length, channels). Got {tuple(x.shape)}."
        )
    if not 1 <= stride < size:
        raise ValueError(
            "stride must be at least 1 and less than size. Got "
            f"stride {stride} and size {size}."
        )
    if x.shape[1] < size:
        raise ValueError(
            f"x must have at least {size} samples, those of a window. Got {x.shape[1]}."
        )
    if kind not in KINDS:
        raise ValueError(f"kind must be 'average' or 'max'. Got {kind!r}.")
    return choose("gelu_pool", backend, x)(x, size, stride, kind)
