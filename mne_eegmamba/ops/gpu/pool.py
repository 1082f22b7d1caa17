"""GELU and pooling over time in one walk.

A program walks through a part of time, window by window, with the samples in registers
that the next window has as well: so each is read, and its GELU computed, once. Backward
computes the windows again, so that nothing but the input is kept; what is summed for a
sample is complete when the last window that has it is over.
"""

import triton
import triton.language as tl

from mne_eegmamba.ops.gpu.functions import normal
from mne_eegmamba.ops.gpu.walk import load, place

STEPS, WIDEST, WARPS = 64, 128, 1  # windows, most channels and warps of a program
SIZES = ["length", "windows"]


@triton.jit(do_not_specialize=SIZES)
def pool_forward(
    x,
    x_batch,
    x_time,
    y,
    length,
    windows,
    channels,
    GREATEST: tl.constexpr,
    SIZE: tl.constexpr,
    STRIDE: tl.constexpr,
    STEPS: tl.constexpr,
    WIDTH: tl.constexpr,
):
    """Pool a part of one epoch and some channels."""
    b, begin, d = place(channels, STEPS, WIDTH)
    x += b * x_batch
    y += b * windows * channels
    kept = ()
    for k in tl.static_range(SIZE - STRIDE):
        value, _ = _gelu(load(x, x_time, begin * STRIDE + k, d, length, channels))
        kept += (value,)
    for i in range(STEPS):
        t = begin + i
        window = kept
        for k in tl.static_range(SIZE - STRIDE, SIZE):
            value, _ = _gelu(load(x, x_time, t * STRIDE + k, d, length, channels))
            window += (value,)
        kept = window[STRIDE:]
        best = window[0]
        for k in tl.static_range(1, SIZE):
            if GREATEST:
                best = tl.where(_exceeds(window[k], best), window[k], best)
            else:
                best += window[k]
        inside = (t < windows) & (d < channels)
        at = t.to(tl.int64) * channels + d
        tl.store(y + at, best if GREATEST else best * (1.0 / SIZE), mask=inside)


@triton.jit(do_not_specialize=SIZES)
def pool_backward(
    x,
    gy,
    x_batch,
    x_time,
    gx,
    length,
    windows,
    channels,
    GREATEST: tl.constexpr,
    SIZE: tl.constexpr,
    STRIDE: tl.constexpr,
    STEPS: tl.constexpr,
    WIDTH: tl.constexpr,
):
    """Write the gradient of a part of x, as many samples a step as windows move on."""
    KEPT: tl.constexpr = SIZE - STRIDE
    EARLIER: tl.constexpr = (KEPT + STRIDE - 1) // STRIDE  # windows with samples of it
    b, begin, d = place(channels, STEPS, WIDTH)
    x += b * x_batch
    gx += b * length * channels
    gy += b * windows * channels
    first = begin - EARLIER
    values, slopes, sums = (), (), ()
    for k in tl.static_range(KEPT):
        value, slope = _gelu(load(x, x_time, first * STRIDE + k, d, length, channels))
        values, slopes = values + (value,), slopes + (slope,)
        sums += (tl.zeros(d.shape, tl.float32),)
    for i in range(STEPS + EARLIER):
        t = first + i
        for k in tl.static_range(KEPT, SIZE):
            value, slope = _gelu(load(x, x_time, t * STRIDE + k, d, length, channels))
            values, slopes = values + (value,), slopes + (slope,)
            sums += (tl.zeros(d.shape, tl.float32),)
        g = load(gy, channels, t, d, windows, channels)
        sums = _share(sums, values, g, GREATEST)
        for k in tl.static_range(STRIDE):
            at = t * STRIDE + k
            inside = (i >= EARLIER) & (at < length) & (d < channels)
            at = at.to(tl.int64) * channels + d
            tl.store(gx + at, sums[k] * slopes[k], mask=inside)
        values, slopes, sums = values[STRIDE:], slopes[STRIDE:], sums[STRIDE:]


@triton.jit
def _share(sums, values, g, GREATEST: tl.constexpr):
    """Add a window's gradient: to its greatest sample, or a part to each."""
    SIZE: tl.constexpr = len(values)
    best, chosen = values[0], tl.zeros(g.shape, tl.int32)
    for k in tl.static_range(1, SIZE):
        if GREATEST:
            better = _exceeds(values[k], best)
            best = tl.where(better, values[k], best)
            chosen = tl.where(better, k, chosen)
    found = ()
    for k in tl.static_range(SIZE):
        if GREATEST:
            found += (sums[k] + tl.where(chosen == k, g, 0.0),)
        else:
            found += (sums[k] + g * (1.0 / SIZE),)
    return found


@triton.jit
def _exceeds(value, best):
    """Say where a value is greater; NaN is, as in torch."""
    return (value > best) | (value != value)


@triton.jit
def _gelu(x):
    """Return GELU and its derivative."""
    below, density = normal(x)
    return x * below, below + x * density
