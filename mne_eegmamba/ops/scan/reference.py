"""The scan as it is defined: one plain loop over time. Right, not fast."""

import torch


def scan(ways, z, delta_softplus):
    """Run one or two directions; all dtypes, gradients by autograd."""
    y = sum(_one_way(*way, delta_softplus) for way in ways)
    return y if z is None else y * z * torch.sigmoid(z)


def _one_way(u, delta, A, B, C, D, delta_bias, reverse, delta_softplus):
    if delta_bias is not None:
        delta = delta + delta_bias
    if delta_softplus:
        delta = torch.nn.functional.softplus(delta)
    batch, length, channels = u.shape
    h = u.new_zeros(batch, channels, A.shape[1])
    y = [None] * length
    for t in reversed(range(length)) if reverse else range(length):
        step = delta[:, t, :, None]  # (batch, channels, 1)
        drive = step * B[:, t, None, :] * u[:, t, :, None]
        h = torch.exp(step * A) * h + drive  # (batch, channels, states)
        y[t] = (h * C[:, t, None, :]).sum(-1)  # (batch, channels)
        if D is not None:
            y[t] = y[t] + D * u[:, t]
    return torch.stack(y, dim=1).to(u.dtype)
