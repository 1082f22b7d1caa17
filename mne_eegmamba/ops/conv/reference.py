"""The convolution as it is defined: one plain loop over time. Right, not fast."""

import torch


def conv(x, ways):
    """Run one or two directions; all dtypes, gradients by autograd."""
    return [_one_way(x, *way) for way in ways]


def _one_way(x, weight, bias, reverse):
    length, kernel = x.shape[1], weight.shape[1]
    y = []
    for t in range(length):
        total = torch.zeros_like(x[:, t]) if bias is None else bias.expand_as(x[:, t])
        for back in range(kernel):
            source = t + back if reverse else t - back
            if 0 <= source < length:
                total = total + weight[:, kernel - 1 - back] * x[:, source]
        y.append(total * torch.sigmoid(total))
    return torch.stack(y, dim=1)
