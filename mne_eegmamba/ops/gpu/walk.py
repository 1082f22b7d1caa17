"""Walks through a part of time with some channels side by side."""

import triton
import triton.language as tl


@triton.jit
def place(channels, STEPS: tl.constexpr, WIDTH: tl.constexpr):
    """Return the epoch, the first step and the channels of a program."""
    blocks = tl.cdiv(channels, WIDTH)
    b = (tl.program_id(0) // blocks).to(tl.int64)
    d = (tl.program_id(0) % blocks) * WIDTH + tl.arange(0, WIDTH)
    return b, tl.program_id(1) * STEPS, d


@triton.jit
def load(x, time_stride, t, d, length, channels):
    """Load the channels of a sample; zeros outside of time."""
    inside = (t >= 0) & (t < length) & (d < channels)
    at = t.to(tl.int64) * time_stride + d
    return tl.load(x + at, mask=inside, other=0.0).to(tl.float32)
