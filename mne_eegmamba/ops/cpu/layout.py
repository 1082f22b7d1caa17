"""What the loops share: how a problem lies in memory and is cut.

Everything is float32 and channels last. One work item is one part of the batch times
one part of the tiles; a tile is the 16 channels of a vector. What an item adds up goes
to its own memory, so the result does not depend on the number of threads.

A direction is met in its own order: step 0 is the first sample, or the last one where
time is reversed. Forward keeps the state before every ``STEPS`` steps; backward
computes the others again, chunk by chunk, from the last to the first.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from mne_eegmamba.ops.cpu.simd import BYTES, WIDTH

STEPS = 32  # steps between two kept states
FLOAT = 4  # bytes


class Sizes(NamedTuple):
    """The problem, and into how many parts batch and tiles are cut."""

    batch: int
    length: int
    tiles: int
    states: int  # a multiple of 4
    batch_parts: int
    tile_parts: int
    ways: int  # 1 or 2 directions
    softplus: int


class Way(NamedTuple):
    """One direction of time: addresses, and strides in bytes."""

    u: int  # (batch, length, channels)
    u_batch: int
    u_time: int
    delta: int  # (batch, length, channels)
    delta_batch: int
    delta_time: int
    B: int  # (batch, length, states)
    B_batch: int
    B_time: int
    C: int  # (batch, length, states)
    C_batch: int
    C_time: int
    A2: int  # (states, channels): A * log2(e)
    D: int  # (channels,)
    bias: int  # (channels,)
    kept: int  # (batch, chunks, states, channels), or 0
    reverse: int


class Gate(NamedTuple):
    """Gate and result; ``z`` is 0 where there is none."""

    z: int  # (batch, length, channels)
    z_batch: int
    z_time: int
    y: int  # (batch, length, channels): sum of the directions
    out: int  # (batch, length, channels): the same after the gate


# words per structure; constants, as kernels need them
SIZES, WAY, GATE = (len(kind._fields) for kind in (Sizes, Way, Gate))


@njit(inline="always")
def start_of(part, parts, total):
    """Return where one part begins when ``total`` things are cut evenly."""
    return part * total // parts


@njit(inline="always")
def part_of(item, sizes):
    """Return which part of the batch a work item has, and which of the tiles."""
    return item // sizes.tile_parts, item % sizes.tile_parts


@njit(inline="always")
def batch_of(part, sizes):
    """Return the first epoch of a part, and where the next part begins."""
    parts, total = sizes.batch_parts, sizes.batch
    return start_of(part, parts, total), start_of(part + 1, parts, total)


@njit(inline="always")
def tiles_of(part, sizes):
    """Return the first tile of a part, and where the next part begins."""
    parts, total = sizes.tile_parts, sizes.tiles
    return start_of(part, parts, total), start_of(part + 1, parts, total)


@njit(inline="always")
def cell_offset(sizes, b, t, tile):
    """Return the offset of a vector in a contiguous (batch, length, channels)."""
    return ((b * sizes.length + t) * sizes.tiles + tile) * BYTES


@njit(inline="always")
def kept_state(sizes, way, b, chunk, n, tile):
    """Return the address of a state that forward keeps for backward."""
    chunks = (sizes.length + STEPS - 1) // STEPS
    row = (b * chunks + chunk) * sizes.states + n
    return way.kept + (row * sizes.tiles + tile) * BYTES


@njit(inline="always")
def scratch(vectors):
    """Return an array and the address of the first cache line in it."""
    memory = np.empty((vectors + 1) * WIDTH, np.float32)
    return memory, (memory.ctypes.data + BYTES - 1) // BYTES * BYTES
