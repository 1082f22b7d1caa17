"""The convolution by `causal_conv1d`, the package that goes with `mamba_ssm`.

It knows one direction of time: directions go in as channels, the backward one flipped.
"""

import torch
from causal_conv1d import causal_conv1d_fn

KERNELS = 2, 3, 4


def refusal(dtype=None):
    """Return None if this runs here (with that dtype), else the reason."""
    if dtype not in (None, torch.float32, torch.bfloat16, torch.float16):
        return f"computes in float32, and the data is {dtype}"
    if not torch.cuda.is_available():
        return "needs a CUDA card, and torch sees none"
    return None


def conv(x, ways):
    """Run one or two directions; differentiable once in all tensors."""
    kernel = ways[0][0].shape[1]
    if kernel not in KERNELS:
        raise ValueError(
            "causal_conv1d knows kernels of 2, 3 and 4 samples. Got a weight of "
            f'{kernel}; use backend="auto".'
        )
    weight = torch.cat([way[0] for way in ways])
    biases = [w.new_zeros(len(w)) if b is None else b for w, b, _ in ways]
    signals = torch.cat([x.flip(1) if r else x for *_, r in ways], -1)
    y = causal_conv1d_fn(
        signals.mT.contiguous(),
        weight.contiguous(),
        torch.cat(biases).to(weight.dtype),
        activation="silu",
    )
    parts = y.mT.chunk(len(ways), -1)
    return [p.flip(1) if w[2] else p for p, w in zip(parts, ways, strict=True)]
