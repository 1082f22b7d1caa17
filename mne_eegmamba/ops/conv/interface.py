"""The public convolution: check the arguments and pick a backend."""

from mne_eegmamba.ops.backend import check_devices, choose


def causal_conv1d(x, weight, bias=None, reverse=False, backend="auto"):
    r"""Convolve each channel with its own causal filter and apply SiLU.

    .. math:: y_t = \mathrm{SiLU}\Big(b + \sum_{k<K} w_k\, x_{t-K+1+k}\Big)

    Parameters
    ----------
    x : Tensor, shape (batch, length, channels)
        Input; samples before the first count as zero.
    weight : Tensor, shape (channels, kernel)
        Filters; the last tap meets the present sample.
    bias : Tensor, shape (channels,) | None, default=None
        Added before the SiLU.
    reverse : bool, default=False
        Whether time runs from the last sample to the first, so that each output
        depends on the present and the following samples.
    backend : str, default="auto"
        ``"auto"``, or one that `show_backends` lists.

    Returns
    -------
    y : Tensor, shape (batch, length, channels)
        Output.

    Raises
    ------
    ValueError
        If shapes do not fit together, or the backend does not exist.
    RuntimeError
        If the named backend cannot run here.

    References
    ----------
    Gui et al., arXiv 2407.20254, Algorithm 1.

    Examples
    --------
    >>> import torch
    >>> from mne_eegmamba.ops import causal_conv1d
    >>> causal_conv1d(torch.ones(2, 5, 3), torch.ones(3, 4)).shape
    torch.Size([2, 5, 3])
    """
    _check_shapes(x, weight, bias)
    check_devices(x, weight, bias)
    return choose("causal_conv1d", backend, x)(x, [(weight, bias, reverse)])[0]


def bidirectional_conv1d(x, forward, backward, backend="auto"):
    """Convolve forward and backward in time, each with its own filters.

    Parameters
    ----------
    x : Tensor, shape (batch, length, channels)
        Input of both.
    forward, backward : tuple of Tensor
        ``(weight, bias)`` of each direction, as in `causal_conv1d`.
    backend : str, default="auto"
        As in `causal_conv1d`.

    Returns
    -------
    y_forward, y_backward : Tensor, shape (batch, length, channels)
        ``causal_conv1d(x, *forward)`` and, with ``reverse=True``, that of
        ``backward``.

    Raises
    ------
    ValueError
        If shapes do not fit together, or the backend does not exist.
    RuntimeError
        If the named backend cannot run here.

    References
    ----------
    Gui et al., arXiv 2407.20254, Algorithm 1.

    Examples
    --------
    >>> import torch
    >>> from mne_eegmamba.ops import bidirectional_conv1d
    >>> weights = (torch.ones(3, 4), torch.zeros(3))
    >>> y, y_back = bidirectional_conv1d(torch.ones(2, 5, 3), weights, weights)
    >>> torch.equal(y, y_back.flip(1))
    True
    """
    _check_shapes(x, *forward)
    _check_shapes(x, *backward)
    check_devices(x, *forward, *backward)
    ways = [(*forward, False), (*backward, True)]
    return choose("causal_conv1d", backend, x)(x, ways)


def _check_shapes(x, weight, bias):
    if x.ndim != 3:
        raise ValueError(
            f"x must have the shape (batch, length, channels). Got {tuple(x.shape)}."
        )
    if weight.ndim != 2 or weight.shape[0] != x.shape[2]:
        raise ValueError(
            f"weight must have the shape (channels, kernel) with {x.shape[2]} channels "
            f"to go with x. Got {tuple(weight.shape)}."
        )
    if bias is not None and tuple(bias.shape) != (x.shape[2],):
        raise ValueError(
            f"bias must have the shape ({x.shape[2]},) to go with x. "
            f"Got {tuple(bias.shape)}."
        )
