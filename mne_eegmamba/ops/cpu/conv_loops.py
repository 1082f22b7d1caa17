"""The convolution's two loops; layout as for the scan."""

from typing import NamedTuple

from numba import njit

from mne_eegmamba.ops.cpu.layout import (
    batch_of,
    cell_offset,
    part_of,
    scratch,
    tiles_of,
)
from mne_eegmamba.ops.cpu.simd import (
    BYTES,
    fma,
    load,
    sigmoid,
    store,
    zeros,
)
from mne_eegmamba.ops.cpu.words import read, take


class Sizes(NamedTuple):
    """The problem, and into how many parts batch and tiles are cut."""

    batch: int
    length: int
    tiles: int
    kernel: int
    batch_parts: int
    tile_parts: int
    ways: int  # 1 or 2 directions
    x: int  # address of (batch, length, channels)
    x_batch: int  # strides in bytes
    x_time: int


class Way(NamedTuple):
    """Addresses of one direction."""

    weight: int  # (kernel, channels)
    bias: int  # (channels,)
    reverse: int
    y: int  # (batch, length, channels): written forward, its gradient in backward
    gweight: int  # (batch_parts, kernel, channels), zeros before
    gbias: int  # (batch_parts, channels), zeros before


SIZES, WAY = len(Sizes._fields), len(Way._fields)


@njit(inline="always")
def _first_tap(sizes, t, reverse):
    """Return the first tap that meets a sample; earlier ones meet the zeros."""
    ahead = sizes.length - 1 - t if reverse else t
    return max(0, sizes.kernel - 1 - ahead)


@njit(inline="always")
def _filter(sizes, way, b, t, tile):
    """Return the convolution at one time, before the SiLU."""
    column = tile * BYTES
    total = load(way.bias + column)
    sign = -1 if way.reverse else 1
    for k in range(_first_tap(sizes, t, way.reverse), sizes.kernel):
        source = t - sign * (sizes.kernel - 1 - k)
        x = load(sizes.x + b * sizes.x_batch + source * sizes.x_time + column)
        total = fma(load(way.weight + k * sizes.tiles * BYTES + column), x, total)
    return total


@njit(inline="always")
def _forward_tile(sizes, way, b, tile):
    for t in range(sizes.length):
        total = _filter(sizes, way, b, t, tile)
        store(way.y + cell_offset(sizes, b, t, tile), total * sigmoid(total))


@njit(inline="always")
def _slope(total):
    """Return the derivative of the SiLU."""
    slope = sigmoid(total)
    silu = total * slope
    return slope + silu - silu * slope


@njit(inline="always")
def _backward_tile(sizes, way, gx, b, part, tile, add, g):
    """Write the gradient of x, or add to it; ``g`` holds that before the SiLU."""
    column = tile * BYTES
    line = sizes.tiles * BYTES
    sign = -1 if way.reverse else 1
    gbias = load(way.gbias + part * line + column)
    for t in range(sizes.length):
        slope = _slope(_filter(sizes, way, b, t, tile))
        gt = load(way.y + cell_offset(sizes, b, t, tile)) * slope
        store(g + t * BYTES, gt)
        gbias = gbias + gt
    store(way.gbias + part * line + column, gbias)
    for k in range(sizes.kernel):
        distance = sizes.kernel - 1 - k
        at = way.gweight + (part * sizes.kernel + k) * line + column
        gweight = load(at)
        start = 0 if way.reverse else distance
        stop = sizes.length - distance if way.reverse else sizes.length
        for t in range(start, stop):
            source = t - sign * distance
            x = load(sizes.x + b * sizes.x_batch + source * sizes.x_time + column)
            gweight = fma(load(g + t * BYTES), x, gweight)
        store(at, gweight)
    for source in range(sizes.length):
        here = gx + cell_offset(sizes, b, source, tile)
        total = load(here) if add else zeros()
        for k in range(sizes.kernel):
            t = source + sign * (sizes.kernel - 1 - k)
            if 0 <= t < sizes.length:
                weight = load(way.weight + k * line + column)
                total = fma(weight, load(g + t * BYTES), total)
        store(here, total)


@njit(inline="always")
def _time(sizes, way, step):
    return sizes.length - 1 - step if way.reverse else step


@njit(inline="always")
def _input(sizes, way, b, step, tile):
    t = _time(sizes, way, step)
    return load(sizes.x + b * sizes.x_batch + t * sizes.x_time + tile * BYTES)


@njit(inline="always")
def _four_weights(sizes, way, tile):
    at, line = way.weight + tile * BYTES, sizes.tiles * BYTES
    return load(at), load(at + line), load(at + 2 * line), load(at + 3 * line)


@njit(inline="always")
def _four_taps(w0, w1, w2, w3, x0, x1, x2, x3, total):
    return fma(w3, x3, fma(w2, x2, fma(w1, x1, fma(w0, x0, total))))


@njit(inline="always")
def _forward_four(sizes, way, b, tile):
    """Do the same for the usual kernel: a window of four samples in registers."""
    w0, w1, w2, w3 = _four_weights(sizes, way, tile)
    bias = load(way.bias + tile * BYTES)
    x0, x1, x2 = zeros(), zeros(), zeros()
    for step in range(sizes.length):
        x3 = _input(sizes, way, b, step, tile)
        total = _four_taps(w0, w1, w2, w3, x0, x1, x2, x3, bias)
        t = _time(sizes, way, step)
        store(way.y + cell_offset(sizes, b, t, tile), total * sigmoid(total))
        x0, x1, x2 = x1, x2, x3


@njit(inline="always")
def _add_gradient(sizes, way, gx, b, step, tile, add, total):
    if step >= 0:
        here = gx + cell_offset(sizes, b, _time(sizes, way, step), tile)
        store(here, load(here) + total if add else total)


@njit(inline="always")
def _backward_four(sizes, way, gx, b, part, tile, add):
    """Do the same for the usual kernel in one walk; x three steps back is finished."""
    column, line = tile * BYTES, sizes.tiles * BYTES
    w0, w1, w2, w3 = _four_weights(sizes, way, tile)
    bias = load(way.bias + column)
    to = way.gweight + part * 4 * line + column
    s0, s1, s2, s3 = load(to), load(to + line), load(to + 2 * line), load(to + 3 * line)
    gbias = load(way.gbias + part * line + column)
    x0, x1, x2 = zeros(), zeros(), zeros()
    g0, g1, g2 = zeros(), zeros(), zeros()
    for step in range(sizes.length):
        x3 = _input(sizes, way, b, step, tile)
        t = _time(sizes, way, step)
        slope = _slope(_four_taps(w0, w1, w2, w3, x0, x1, x2, x3, bias))
        g3 = load(way.y + cell_offset(sizes, b, t, tile)) * slope
        gbias = gbias + g3
        s0, s1 = fma(g3, x0, s0), fma(g3, x1, s1)
        s2, s3 = fma(g3, x2, s2), fma(g3, x3, s3)
        total = _four_taps(w0, w1, w2, w3, g3, g2, g1, g0, zeros())
        _add_gradient(sizes, way, gx, b, step - 3, tile, add, total)
        x0, x1, x2 = x1, x2, x3
        g0, g1, g2 = g1, g2, g3
    for step in range(sizes.length, sizes.length + 3):
        total = _four_taps(w0, w1, w2, w3, zeros(), g2, g1, g0, zeros())
        _add_gradient(sizes, way, gx, b, step - 3, tile, add, total)
        g0, g1, g2 = g1, g2, zeros()
    store(to, s0)
    store(to + line, s1)
    store(to + 2 * line, s2)
    store(to + 3 * line, s3)
    store(way.gbias + part * line + column, gbias)


@njit(inline="always")
def _problem(words):
    return (
        Sizes(*read(words, 1, SIZES)),
        Way(*read(words, 1 + SIZES, WAY)),
        Way(*read(words, 1 + SIZES + WAY, WAY)),
    )


def forward(words):
    """Convolve; the words are a counter, `Sizes` and two `Way`."""
    sizes, way, other = _problem(words)
    item = take(words)
    while item < sizes.batch_parts * sizes.tile_parts:
        part, tile_part = part_of(item, sizes)
        for b in range(*batch_of(part, sizes)):
            for tile in range(*tiles_of(tile_part, sizes)):
                if sizes.kernel == 4:
                    _forward_four(sizes, way, b, tile)
                    if sizes.ways == 2:
                        _forward_four(sizes, other, b, tile)
                else:
                    _forward_tile(sizes, way, b, tile)
                    if sizes.ways == 2:
                        _forward_tile(sizes, other, b, tile)
        item = take(words)


def backward(words):
    """Write all gradients; further there is the address of that of x."""
    sizes, way, other = _problem(words)
    (gx,) = read(words, 1 + SIZES + 2 * WAY, 1)
    memory, g = scratch(sizes.length)
    item = take(words)
    while item < sizes.batch_parts * sizes.tile_parts:
        part, tile_part = part_of(item, sizes)
        for b in range(*batch_of(part, sizes)):
            for tile in range(*tiles_of(tile_part, sizes)):
                if sizes.kernel == 4:
                    _backward_four(sizes, way, gx, b, part, tile, False)
                    if sizes.ways == 2:
                        _backward_four(sizes, other, gx, b, part, tile, True)
                else:
                    _backward_tile(sizes, way, gx, b, part, tile, False, g)
                    if sizes.ways == 2:
                        _backward_tile(sizes, other, gx, b, part, tile, True, g)
        item = take(words)
    memory[0] = 0  # alive until here
