"""The convolution's two loops over a range of work items; layout as for the scan."""

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
def _backward_tile(sizes, way, gx, b, part, tile, add, g):
    """Write the gradient of x, or add to it; ``g`` holds that before the SiLU."""
    column = tile * BYTES
    line = sizes.tiles * BYTES
    sign = -1 if way.reverse else 1
    gbias = load(way.gbias + part * line + column)
    for t in range(sizes.length):
        total = _filter(sizes, way, b, t, tile)
        slope = sigmoid(total)
        silu = total * slope
        slope = slope + silu - silu * slope
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
                _backward_tile(sizes, way, gx, b, part, tile, False, g)
                if sizes.ways == 2:
                    _backward_tile(sizes, other, gx, b, part, tile, True, g)
        item = take(words)
    memory[0] = 0  # alive until here
