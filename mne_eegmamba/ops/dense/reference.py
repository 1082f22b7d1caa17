"""The products as they are defined, one tap or one group at a time."""

import torch


def conv1d(x, weight, bias, stride):
    """Sum over taps; all dtypes, gradients by autograd."""
    kernel = weight.shape[1]
    n = (x.shape[1] - kernel) // stride + 1
    y = 0 if bias is None else bias
    for k in range(kernel):
        taken = x[:, k : k + (n - 1) * stride + 1 : stride]
        y = y + torch.einsum("btc,oc->bto", taken, weight[:, k])
    return y


def linear(x, weight, bias):
    """Multiply rows; all dtypes, gradients by autograd."""
    y = x @ weight.t()
    return y if bias is None else y + bias


def grouped_linear(rows, weight, bias, counts):
    """Multiply each group with its own matrix."""
    parts = rows.split(torch.as_tensor(counts).tolist())
    bias = rows.new_zeros(weight.shape[:2]) if bias is None else bias
    return torch.cat(
        [x @ w.t() + b for x, w, b in zip(parts, weight, bias, strict=True)]
    )
