"""The scan by the CUDA kernel of the package `mamba_ssm`.

It knows one direction of time and no sum: directions go in as groups of channels, the
backward one flipped, and the gate is applied to the sum of what comes out.
"""

import torch
import torch.nn.functional as F
from mamba_ssm.ops.selective_scan_interface import selective_scan_fn


def refusal(dtype=None):
    """Return None if this runs here (with that dtype), else the reason."""
    if dtype not in (None, torch.float32, torch.bfloat16, torch.float16):
        return f"computes in float32, and the data is {dtype}"
    if not torch.cuda.is_available():
        return "needs a CUDA card, and torch sees none"
    return None


def scan(ways, z, delta_softplus):
    """Run one or two directions; differentiable once in all tensors."""
    dtype = ways[0][0].dtype
    reverse = [way[7] for way in ways]
    u, delta, A, B, C, D, bias = zip(*(way[:7] for way in ways), strict=True)
    u, delta = (torch.cat(_turn(x, reverse), -1).mT.to(dtype) for x in (u, delta))
    # (batch, directions, states, length)
    B, C = (torch.stack(_turn(x, reverse), 1).mT.to(dtype) for x in (B, C))
    D, bias = (_per_channel(x, A) for x in (D, bias))
    A = torch.cat(A).float()
    y = selective_scan_fn(
        *(x.contiguous() for x in (u, delta, A, B, C)),
        D,
        z=None,
        delta_bias=bias,
        delta_softplus=delta_softplus,
    )
    y = sum(_turn(y.mT.float().chunk(len(ways), -1), reverse))
    return (y if z is None else y * F.silu(z.float())).to(dtype)


def _turn(tensors, reverse):
    """Flip the time of those (batch, length, ...) that run backward."""
    return [x.flip(1) if r else x for x, r in zip(tensors, reverse, strict=True)]


def _per_channel(tensors, A):
    """Return one float32 tensor for all channels, zeros where there was none."""
    if all(x is None for x in tensors):
        return None
    filled = [
        a.new_zeros(len(a)) if x is None else x for x, a in zip(tensors, A, strict=True)
    ]
    return torch.cat(filled).float()
