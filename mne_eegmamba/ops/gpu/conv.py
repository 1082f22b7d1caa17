"""The depthwise causal convolution with SiLU: both directions in one launch.

A program walks through a part of time with the last samples in registers, as many as
there are taps: so each is read once. At a step the forward direction is at the latest
of these samples, and the reversed one, which looks ahead, at the earliest. Backward
computes the sums before the SiLU again, so that nothing is kept.
"""

import triton
import triton.language as tl

from mne_eegmamba.ops.gpu.functions import sigmoid
from mne_eegmamba.ops.gpu.walk import load, place

STEPS, WIDTH, WARPS = 64, 64, 1  # samples, channels and warps of a program
SIZES = ["batch", "length"]


@triton.jit(do_not_specialize=SIZES)
def conv_forward(
    x,
    x_batch,
    x_time,
    first,
    second,
    y,
    batch,
    length,
    channels,
    REVERSE: tl.constexpr,
    WAYS: tl.constexpr,
    KERNEL: tl.constexpr,
    STEPS: tl.constexpr,
    WIDTH: tl.constexpr,
):
    """Convolve a part of one epoch and some channels in one or two directions."""
    b, begin, d = place(channels, STEPS, WIDTH)
    x += b * x_batch
    y += b * length * channels
    taps = _taps(first, d, channels, KERNEL)
    if WAYS == 2:
        taps_ = _taps(second, d, channels, KERNEL)
        y_ = y + batch.to(tl.int64) * length * channels
    recent = _before(x, x_time, begin, d, length, channels, KERNEL)
    for i in range(STEPS + KERNEL - 1):
        t = begin + i
        early = t - (KERNEL - 1)
        recent = recent[1:] + (load(x, x_time, t, d, length, channels),)
        own, own_early = t < begin + STEPS, early >= begin
        at, mine = (early, own_early) if REVERSE else (t, own)
        result = _silu(_sum(recent, taps, REVERSE))
        _store(y, at, result, d, length, channels, mine)
        if WAYS == 2:
            result = _silu(_sum(recent, taps_, True))
            _store(y_, early, result, d, length, channels, own_early)


@triton.jit(do_not_specialize=[*SIZES, "parts"])
def conv_backward(
    x,
    x_batch,
    x_time,
    first,
    second,
    first_gy,
    second_gy,
    gx,
    sums,
    batch,
    length,
    channels,
    parts,
    REVERSE: tl.constexpr,
    WAYS: tl.constexpr,
    KERNEL: tl.constexpr,
    STEPS: tl.constexpr,
    WIDTH: tl.constexpr,
):
    """Write the gradient of a part of x, and this part's share of the others."""
    b, begin, d = place(channels, STEPS, WIDTH)
    x += b * x_batch
    whole = b * length * channels
    gx += whole
    first_gy += whole
    second_gy += whole
    recent = _before(x, x_time, begin, d, length, channels, KERNEL)
    taps = _taps(first, d, channels, KERNEL)
    past, total = _nothing(KERNEL, WIDTH), _nothing(KERNEL + 1, WIDTH)
    if WAYS == 2:
        taps_ = _taps(second, d, channels, KERNEL)
        past_, total_ = _nothing(KERNEL, WIDTH), _nothing(KERNEL + 1, WIDTH)
    for i in range(STEPS + KERNEL - 1):
        t = begin + i
        early = t - (KERNEL - 1)
        own, own_early = t < begin + STEPS, early >= begin
        recent = recent[1:] + (load(x, x_time, t, d, length, channels),)
        at, mine = (early, own_early) if REVERSE else (t, own)
        gy = load(first_gy, channels, at, d, length, channels)
        past, total, g = _back(recent, past, total, taps, gy, mine, REVERSE)
        if WAYS == 2:
            gy = load(second_gy, channels, early, d, length, channels)
            past_, total_, g_ = _back(recent, past_, total_, taps_, gy, own_early, True)
            g += g_
        _store(gx, early, g, d, length, channels, own_early)
    part = b * parts + tl.program_id(1)
    _store_sums(sums, part, total, d, channels, KERNEL)
    if WAYS == 2:
        _store_sums(sums, batch * parts + part, total_, d, channels, KERNEL)


@triton.jit
def _store(y, t, value, d, length, channels, own):
    """Store the channels of a sample, if it is this program's."""
    inside = own & (t < length) & (d < channels)
    tl.store(y + t.to(tl.int64) * channels + d, value, mask=inside)


@triton.jit
def _before(x, x_time, begin, d, length, channels, KERNEL: tl.constexpr):
    """Load the samples before the first, one more to be dropped in front."""
    found = (tl.zeros(d.shape, tl.float32),)
    for k in tl.static_range(1, KERNEL):
        t = begin - KERNEL + k
        found = found + (load(x, x_time, t, d, length, channels),)
    return found


@triton.jit
def _nothing(n: tl.constexpr, WIDTH: tl.constexpr):
    """Return n times zeros."""
    found = ()
    for _ in tl.static_range(n):
        found = found + (tl.zeros((WIDTH,), tl.float32),)
    return found


@triton.jit
def _taps(way, d, channels, KERNEL: tl.constexpr):
    """Load the taps, then the bias."""
    found = ()
    for k in tl.static_range(KERNEL + 1):
        w = tl.load(way + k * channels + d, mask=d < channels, other=0.0)
        found = found + (w.to(tl.float32),)
    return found


@triton.jit
def _sum(recent, taps, REVERSE: tl.constexpr):
    """Return the convolution before the SiLU, at the latest or earliest sample."""
    KERNEL: tl.constexpr = len(recent)
    total = taps[KERNEL]
    for k in tl.static_range(KERNEL):
        total += taps[k] * recent[KERNEL - 1 - k if REVERSE else k]
    return total


@triton.jit
def _silu(s):
    return s * sigmoid(s)


@triton.jit
def _back(recent, past, total, taps, gy, own, REVERSE: tl.constexpr):
    """Go one step: return the gradients of sums, the totals, the gradient of x.

    The sums' gradients are those of as many samples as there are taps, the new one
    last. The gradient of x is that of the earliest sample.
    """
    KERNEL: tl.constexpr = len(recent)
    s = _sum(recent, taps, REVERSE)
    p = sigmoid(s)
    gs = gy * p * (1.0 + s * (1.0 - p))
    past = past[1:] + (gs,)
    gs = tl.where(own, gs, 0.0)
    found = ()
    g = tl.zeros(gs.shape, tl.float32)
    for k in tl.static_range(KERNEL):
        found = found + (total[k] + gs * recent[KERNEL - 1 - k if REVERSE else k],)
        g += taps[k] * past[k if REVERSE else KERNEL - 1 - k]
    return past, found + (total[KERNEL] + gs,), g


@triton.jit
def _store_sums(sums, part, total, d, channels, KERNEL: tl.constexpr):
    """Store the gradients of taps and bias."""
    for k in tl.static_range(KERNEL + 1):
        at = (part * (KERNEL + 1) + k) * channels + d
        tl.store(sums + at, total[k], mask=d < channels)
