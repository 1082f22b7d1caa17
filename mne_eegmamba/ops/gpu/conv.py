"""The depthwise causal convolution with SiLU: both directions in one launch.

A program has a tile of samples times channels. Taps are read sample by sample, which
the cache serves; backward computes the sums before the SiLU again where a sample's
gradient needs them, so that nothing is kept.
"""

import triton
import triton.language as tl

from mne_eegmamba.ops.gpu.functions import sigmoid

SAMPLES, WIDTH, WARPS = 32, 64, 8  # of a program
SIZES = ["batch", "length", "channels"]


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
    SAMPLES: tl.constexpr,
    WIDTH: tl.constexpr,
):
    """Convolve one tile in one or two directions."""
    b, t, d = _place(channels, SAMPLES, WIDTH)
    x += b * x_batch
    at, inside = _tile(t, d, length, channels)
    s = _sum(x, x_time, first, t, d, length, channels, REVERSE, KERNEL)
    tl.store(y + b * length * channels + at, s * sigmoid(s), mask=inside)
    if WAYS == 2:
        s = _sum(x, x_time, second, t, d, length, channels, True, KERNEL)
        b += batch
        tl.store(y + b * length * channels + at, s * sigmoid(s), mask=inside)


@triton.jit(do_not_specialize=[*SIZES, "tiles"])
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
    tiles,
    REVERSE: tl.constexpr,
    WAYS: tl.constexpr,
    KERNEL: tl.constexpr,
    SAMPLES: tl.constexpr,
    WIDTH: tl.constexpr,
):
    """Write the gradient of one tile of x, and this tile's part of the others."""
    b, t, d = _place(channels, SAMPLES, WIDTH)
    x += b * x_batch
    at, inside = _tile(t, d, length, channels)
    whole = b * length * channels
    part = b * tiles + tl.program_id(1)
    g = tl.zeros((SAMPLES, WIDTH), tl.float32)
    g = _way_back(
        g,
        x,
        x_time,
        first,
        first_gy + whole,
        sums + part * (KERNEL + 1) * channels,
        t,
        d,
        length,
        channels,
        REVERSE,
        KERNEL,
    )
    if WAYS == 2:
        part += batch * tiles
        g = _way_back(
            g,
            x,
            x_time,
            second,
            second_gy + whole,
            sums + part * (KERNEL + 1) * channels,
            t,
            d,
            length,
            channels,
            True,
            KERNEL,
        )
    tl.store(gx + whole + at, g, mask=inside)


@triton.jit
def _place(channels, SAMPLES: tl.constexpr, WIDTH: tl.constexpr):
    """Return the epoch, the samples and the channels of a program."""
    blocks = tl.cdiv(channels, WIDTH)
    b = (tl.program_id(0) // blocks).to(tl.int64)
    t = tl.program_id(1) * SAMPLES + tl.arange(0, SAMPLES)
    return b, t, (tl.program_id(0) % blocks) * WIDTH + tl.arange(0, WIDTH)


@triton.jit
def _tile(t, d, length, channels):
    """Return where a tile lies in (length, channels), and what of it exists."""
    at = t[:, None].to(tl.int64) * channels + d[None, :]
    return at, ((t >= 0) & (t < length))[:, None] & (d < channels)[None, :]


@triton.jit
def _shift(k, REVERSE: tl.constexpr, KERNEL: tl.constexpr):
    """Return how much later the sample is that a tap meets."""
    if REVERSE:
        return KERNEL - 1 - k
    return k - (KERNEL - 1)


@triton.jit
def _load(x, x_time, t, d, length, channels):
    _, inside = _tile(t, d, length, channels)
    at = t[:, None].to(tl.int64) * x_time + d[None, :]
    return tl.load(x + at, mask=inside, other=0.0).to(tl.float32)


@triton.jit
def _per_channel(w, d, channels):
    return tl.load(w + d, mask=d < channels, other=0.0).to(tl.float32)


@triton.jit
def _sum(
    x, x_time, way, t, d, length, channels, REVERSE: tl.constexpr, KERNEL: tl.constexpr
):
    """Return the convolution before the SiLU; ``way`` is taps, then bias."""
    zeros = tl.zeros((t.shape[0], d.shape[0]), tl.float32)
    total = zeros + _per_channel(way + KERNEL * channels, d, channels)[None, :]
    for k in tl.static_range(KERNEL):
        w = _per_channel(way + k * channels, d, channels)
        later = t + _shift(k, REVERSE, KERNEL)
        total += w[None, :] * _load(x, x_time, later, d, length, channels)
    return total


@triton.jit
def _way_back(
    g,
    x,
    x_time,
    way,
    gy,
    sums,
    t,
    d,
    length,
    channels,
    REVERSE: tl.constexpr,
    KERNEL: tl.constexpr,
):
    """Add one direction to the gradient of x; write the parts of taps and bias."""
    for k in tl.static_range(KERNEL):
        # the output that this tap of a sample went to
        at = t - _shift(k, REVERSE, KERNEL)
        s = _sum(x, x_time, way, at, d, length, channels, REVERSE, KERNEL)
        p = sigmoid(s)
        gs = _load(gy, channels, at, d, length, channels) * p * (1.0 + s * (1.0 - p))
        w = _per_channel(way + k * channels, d, channels)
        g += w[None, :] * gs
        if k == KERNEL - 1:  # the last tap meets the present sample
            for j in tl.static_range(KERNEL):
                later = t + _shift(j, REVERSE, KERNEL)
                met = gs * _load(x, x_time, later, d, length, channels)
                tl.store(sums + j * channels + d, tl.sum(met, 0), mask=d < channels)
            bias = sums + KERNEL * channels + d
            tl.store(bias, tl.sum(gs, 0), mask=d < channels)
    return g
