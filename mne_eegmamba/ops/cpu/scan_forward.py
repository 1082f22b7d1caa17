"""The scan's forward loop; see ``layout.py``."""

from numba import njit

from mne_eegmamba.ops.cpu.layout import (
    FLOAT,
    GATE,
    SIZES,
    STEPS,
    WAY,
    Gate,
    Sizes,
    Way,
    batch_of,
    cell_offset,
    kept_state,
    part_of,
    scratch,
    tiles_of,
)
from mne_eegmamba.ops.cpu.simd import (
    BYTES,
    exp2,
    fma,
    load,
    sigmoid,
    softplus,
    spread,
    store,
    zeros,
)
from mne_eegmamba.ops.cpu.words import read, take


@njit(inline="always")
def _state(sizes, way, h, n, column, dt, dx, B, C, y):
    """Take one step with one state; return what it adds to the result."""
    decay = exp2(dt * load(way.A2 + n * sizes.tiles * BYTES + column))
    state = fma(decay, load(h + n * BYTES), dx * spread(B + n * FLOAT))
    store(h + n * BYTES, state)
    return fma(state, spread(C + n * FLOAT), y)


@njit(inline="always")
def _forward_tile(sizes, way, gate, b, tile, h, start, finish):
    """Scan one direction of one tile; start a sum or add to it, finish it or not."""
    column = tile * BYTES
    skip = load(way.D + column)
    bias = load(way.bias + column)
    for n in range(sizes.states):
        store(h + n * BYTES, zeros())
    for step in range(sizes.length):
        t = sizes.length - 1 - step if way.reverse else step
        if way.kept and step % STEPS == 0:
            for n in range(sizes.states):
                store(
                    kept_state(sizes, way, b, step // STEPS, n, tile),
                    load(h + n * BYTES),
                )
        x = load(way.u + b * way.u_batch + t * way.u_time + column)
        dt = load(way.delta + b * way.delta_batch + t * way.delta_time + column) + bias
        if sizes.softplus:
            dt = softplus(dt)
        dx = dt * x
        here = cell_offset(sizes, b, t, tile)
        even = skip * x if start else fma(skip, x, load(gate.y + here))
        odd = zeros()
        B = way.B + b * way.B_batch + t * way.B_time
        C = way.C + b * way.C_batch + t * way.C_time
        for n in range(0, sizes.states, 2):
            even = _state(sizes, way, h, n, column, dt, dx, B, C, even)
            odd = _state(sizes, way, h, n + 1, column, dt, dx, B, C, odd)
        y = even + odd
        store(gate.y + here, y)
        if finish and gate.z:
            z = load(gate.z + b * gate.z_batch + t * gate.z_time + column)
            store(gate.out + here, y * z * sigmoid(z))


def forward(words):
    """Scan; the words are a counter, `Sizes`, two `Way`, `Gate`."""
    sizes = Sizes(*read(words, 1, SIZES))
    way = Way(*read(words, 1 + SIZES, WAY))
    other = Way(*read(words, 1 + SIZES + WAY, WAY))
    gate = Gate(*read(words, 1 + SIZES + 2 * WAY, GATE))
    memory, h = scratch(sizes.states)
    item = take(words)
    while item < sizes.batch_parts * sizes.tile_parts:
        part, tile_part = part_of(item, sizes)
        for b in range(*batch_of(part, sizes)):
            for tile in range(*tiles_of(tile_part, sizes)):
                _forward_tile(sizes, way, gate, b, tile, h, True, sizes.ways == 1)
                if sizes.ways == 2:
                    _forward_tile(sizes, other, gate, b, tile, h, False, True)
        item = take(words)
    memory[0] = 0  # alive until here
