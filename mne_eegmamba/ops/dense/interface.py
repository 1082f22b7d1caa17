"""The public products: check the arguments and pick a backend."""

import torch

from mne_eegmamba.ops.backend import check_devices, choose


def conv1d(x, weight, bias=None, stride=1, backend="auto"):
    r"""Convolve all channels of a signal, without padding.

    .. math:: y_{t,o} = b_o + \sum_{k,c} w_{o,k,c}\, x_{st+k,c}

    Parameters
    ----------
    x : Tensor, shape (batch, length, channels)
        Signal.
    weight : Tensor, shape (channels_out, kernel, channels)
        Filters.
    bias : Tensor, shape (channels_out,) | None, default=None
        Added to the result.
    stride : int, default=1
        Samples between two results (s).
    backend : str, default="auto"
        ``"auto"``, or one that `show_backends` lists.

    Returns
    -------
    y : Tensor, shape (batch, (length - kernel) // stride + 1, channels_out)
        Output.

    Raises
    ------
    ValueError
        If shapes do not fit together, or the backend does not exist.
    RuntimeError
        If the named backend cannot run here.

    Examples
    --------
    >>> import torch
    >>> from mne_eegmamba.ops import conv1d
    >>> conv1d(torch.ones(2, 9, 3), torch.ones(5, 4, 3), stride=2).shape
    torch.Size([2, 3, 5])
    """
    if x.ndim != 3:
        raise ValueError(
            f"x must have the shape (batch, length, channels). Got {tuple(x.shape)}."
        )
    if weight.ndim != 3 or weight.shape[2] != x.shape[2] or weight.shape[1] < 1:
        raise ValueError(
            f"weight must have the shape (channels_out, kernel, {x.shape[2]}) to go "
            f"with x. Got {tuple(weight.shape)}."
        )
    if stride < 1:
        raise ValueError(f"stride must be at least 1. Got {stride}.")
    if x.shape[1] < weight.shape[1]:
        raise ValueError(
            f"x must have at least {weight.shape[1]} samples, the size of the kernel. "
            f"Got {x.shape[1]}."
        )
    _check_bias(bias, weight.shape[:1])
    return _choose("conv1d", backend, x, weight, bias)(x, weight, bias, stride)


def linear(x, weight, bias=None, backend="auto"):
    """Multiply rows with a matrix.

    Parameters
    ----------
    x : Tensor, shape (..., d_in)
        Rows.
    weight : Tensor, shape (d_out, d_in)
        Matrix.
    bias : Tensor, shape (d_out,) | None, default=None
        Added to the result.
    backend : str, default="auto"
        As in `conv1d`.

    Returns
    -------
    y : Tensor, shape (..., d_out)
        ``x @ weight.T + bias``.

    Raises
    ------
    ValueError
        If shapes do not fit together, or the backend does not exist.
    RuntimeError
        If the named backend cannot run here.

    Examples
    --------
    >>> import torch
    >>> from mne_eegmamba.ops import linear
    >>> linear(torch.ones(2, 9, 3), torch.ones(5, 3)).shape
    torch.Size([2, 9, 5])
    """
    if weight.ndim != 2 or x.shape[-1] != weight.shape[1]:
        raise ValueError(
            f"weight must have the shape (d_out, {x.shape[-1]}) to go with x. Got "
            f"{tuple(weight.shape)}."
        )
    _check_bias(bias, weight.shape[:1])
    return _choose("linear", backend, x, weight, bias)(x, weight, bias)


def grouped_linear(rows, weight, bias, counts, backend="auto"):
    """Multiply each group of rows with a matrix of its own.

    Parameters
    ----------
    rows : Tensor, shape (n_rows, d_in)
        Rows, those of the first group first.
    weight : Tensor, shape (n_groups, d_out, d_in)
        Matrices.
    bias : Tensor, shape (n_groups, d_out) | None
        Added to the results.
    counts : sequence of int | Tensor of int64, shape (n_groups,)
        Rows of each group, of at least one group. Those in a tensor on a GPU are not
        checked, as that would wait for the GPU.
    backend : str, default="auto"
        As in `conv1d`.

    Returns
    -------
    y : Tensor, shape (n_rows, d_out)
        In the same order.

    Raises
    ------
    ValueError
        If shapes do not fit together, or the backend does not exist.
    RuntimeError
        If the named backend cannot run here.

    Examples
    --------
    >>> import torch
    >>> from mne_eegmamba.ops import grouped_linear
    >>> weight, bias = torch.ones(2, 5, 3), torch.zeros(2, 5)
    >>> grouped_linear(torch.ones(9, 3), weight, bias, [4, 5]).shape
    torch.Size([9, 5])
    """
    if weight.ndim != 3 or rows.ndim != 2 or weight.shape[2] != rows.shape[1]:
        raise ValueError(
            "rows must have the shape (n_rows, d_in), and weight the shape (n_groups, "
            f"d_out, d_in). Got {tuple(rows.shape)} and {tuple(weight.shape)}."
        )
    counts = _check_counts(counts, len(weight), rows)
    _check_bias(bias, weight.shape[:2])
    run = _choose("grouped_linear", backend, rows, weight, bias)
    return run(rows, weight, bias, counts)


def _choose(op, backend, x, *others):
    """Pick a backend; under autocast on a CPU torch decides the precision."""
    check_devices(x, *others)
    half = x.is_cpu and torch.is_autocast_enabled("cpu")
    return choose(op, "torch" if half and backend == "auto" else backend, x)


def _check_counts(counts, n_groups, rows):
    """Return counts as they came if they are on a GPU, else as a checked list."""
    if isinstance(counts, torch.Tensor):
        if counts.shape != (n_groups,) or counts.dtype != torch.int64:
            raise ValueError(
                f"counts must be a sequence or an int64 tensor of shape ({n_groups},). "
                f"Got shape {tuple(counts.shape)} and {counts.dtype}."
            )
        check_devices(rows, counts)
        if not counts.is_cpu:
            return counts
        counts = counts.tolist()
    fits = len(counts) == n_groups > 0 and sum(counts) == len(rows)
    if not fits or min(counts) < 0:
        raise ValueError(
            f"counts must have {max(1, n_groups)} numbers, none negative, with the "
            f"sum {len(rows)}. Got {list(counts)}."
        )
    return counts


def _check_bias(bias, shape):
    if bias is not None and bias.shape != shape:
        raise ValueError(
            f"bias must have the shape {tuple(shape)} to go with weight. Got "
            f"{tuple(bias.shape)}."
        )
