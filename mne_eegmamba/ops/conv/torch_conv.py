"""The convolution in plain torch: one shifted product per tap, channels last."""

import torch
import torch.nn.functional as F


def conv(x, ways):
    """Run one or two directions; differentiable, any device."""
    return [_one_way(x, *way) for way in ways]


def _one_way(x, weight, bias, reverse):
    length, kernel = x.shape[1], weight.shape[1]
    taps = weight.t()  # (kernel, channels)
    if reverse:
        taps = taps.flip(0)
        padded = F.pad(x, (0, 0, 0, kernel - 1))
    else:
        padded = F.pad(x, (0, 0, kernel - 1, 0))
    y = padded[:, :length] * taps[0]
    for k in range(1, kernel):
        y = torch.addcmul(y, padded[:, k : k + length], taps[k])
    return F.silu(y if bias is None else y + bias)
