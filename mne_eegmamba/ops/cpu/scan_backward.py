"""The scan's backward loop; see ``layout.py``."""

from typing import NamedTuple

import numpy as np
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
    store_sum,
    zeros,
)
from mne_eegmamba.ops.cpu.words import read, take

LN_2 = np.float32(np.log(2.0))


class WayGradients(NamedTuple):
    """Addresses of what backward writes for one direction."""

    u: int  # (batch, length, channels)
    delta: int  # (batch, length, channels)
    B: int  # (tile_parts, batch, length, states)
    C: int  # (tile_parts, batch, length, states)
    A: int  # (batch_parts, states, channels), zeros before
    D: int  # (batch_parts, channels), zeros before
    bias: int  # (batch_parts, channels), zeros before


class GateGradients(NamedTuple):
    """Addresses around the gate in backward."""

    out: int  # (batch, length, channels): gradient of the result
    z: int  # (batch, length, channels), written


WAY_GRADIENTS, GATE_GRADIENTS = len(WayGradients._fields), len(GateGradients._fields)


class _Scratch(NamedTuple):
    """Addresses of one thread's memory for a chunk of one tile."""

    h: int  # (STEPS + 1, states): the kept state, then the state after each step
    decay: int  # (STEPS, states)
    x: int  # (STEPS,), as the following
    dt: int
    dx: int
    slope: int  # derivative of the softplus
    gy: int
    into: int  # sum of gh * B: gradient of dt * x
    rate: int  # sum of gh * decay * h * A2: gradient of dt through the decay
    gB: int  # (STEPS, states), summed over tiles
    gC: int  # (STEPS, states), summed over tiles
    carry: int  # (tiles, states): gradient that reaches the chunk before


@njit(inline="always")
def _gate_gradient(sizes, gate, grads, b, t, tile, write_z):
    """Return the gradient of the ungated sum; write that of the gate."""
    here = cell_offset(sizes, b, t, tile)
    gy = load(grads.out + here)
    if gate.z:
        z = load(gate.z + b * gate.z_batch + t * gate.z_time + tile * BYTES)
        slope = sigmoid(z)
        silu = z * slope
        if write_z:
            store(
                grads.z + here, gy * load(gate.y + here) * (slope + silu - silu * slope)
            )
        gy = gy * silu
    return gy


@njit(inline="always")
def _recompute(sizes, way, gate, grads, b, chunk, steps, tile, write_z, s):
    """Fill the scratch with inputs, decays and states of one chunk of one tile."""
    column = tile * BYTES
    bias = load(way.bias + column)
    for n in range(sizes.states):
        store(s.h + n * BYTES, load(kept_state(sizes, way, b, chunk, n, tile)))
    for i in range(steps):
        step = chunk * STEPS + i
        t = sizes.length - 1 - step if way.reverse else step
        x = load(way.u + b * way.u_batch + t * way.u_time + column)
        dt = load(way.delta + b * way.delta_batch + t * way.delta_time + column) + bias
        if sizes.softplus:
            store(s.slope + i * BYTES, sigmoid(dt))
            dt = softplus(dt)
        store(s.x + i * BYTES, x)
        store(s.dt + i * BYTES, dt)
        store(s.dx + i * BYTES, dt * x)
        store(s.gy + i * BYTES, _gate_gradient(sizes, gate, grads, b, t, tile, write_z))
        store(s.into + i * BYTES, zeros())
        store(s.rate + i * BYTES, zeros())
        dx = dt * x
        B = way.B + b * way.B_batch + t * way.B_time
        row = i * sizes.states
        for n in range(sizes.states):
            decay = exp2(dt * load(way.A2 + n * sizes.tiles * BYTES + column))
            before = load(s.h + (row + n) * BYTES)
            state = fma(decay, before, dx * spread(B + n * FLOAT))
            store(s.decay + (row + n) * BYTES, decay)
            store(s.h + (row + sizes.states + n) * BYTES, state)


@njit(inline="always")
def _state_back(s, cell, after, carry, gA, A2, B, C, dt, dx, gy, into, rate):
    """Take one step back with one state; return what goes on."""
    gh = fma(gy, C, carry)
    store(s.gC + cell, fma(gy, after, load(s.gC + cell)))
    store(s.gB + cell, fma(gh, dx, load(s.gB + cell)))
    into = fma(gh, B, into)
    carry = gh * load(s.decay + cell)
    before = load(s.h + cell)
    w = carry * before
    return before, carry, fma(w, dt, gA), into, fma(w, A2, rate)


@njit(inline="always")
def _states_back(sizes, way, ways, b, part, chunk, steps, tile, s):
    """Carry the gradient of every state back through one chunk of one tile."""
    column = tile * BYTES
    line = sizes.tiles * BYTES
    A = way.A2 + column
    gA = ways.A + part * sizes.states * line + column
    carry = s.carry + tile * sizes.states * BYTES
    end = steps * sizes.states * BYTES
    for n in range(0, sizes.states, 4):
        m = n * BYTES
        A0, A1 = load(A + n * line), load(A + (n + 1) * line)
        A2, A3 = load(A + (n + 2) * line), load(A + (n + 3) * line)
        g0, g1 = load(gA + n * line), load(gA + (n + 1) * line)
        g2, g3 = load(gA + (n + 2) * line), load(gA + (n + 3) * line)
        c0, c1 = load(carry + m), load(carry + m + BYTES)
        c2, c3 = load(carry + m + 2 * BYTES), load(carry + m + 3 * BYTES)
        last = s.h + end + m
        h0, h1 = load(last), load(last + BYTES)
        h2, h3 = load(last + 2 * BYTES), load(last + 3 * BYTES)
        for back in range(steps):
            i = steps - 1 - back
            step = chunk * STEPS + i
            t = sizes.length - 1 - step if way.reverse else step
            B = way.B + b * way.B_batch + t * way.B_time + n * FLOAT
            C = way.C + b * way.C_batch + t * way.C_time + n * FLOAT
            cell = i * sizes.states * BYTES + m
            row = i * BYTES
            dt, dx, gy = load(s.dt + row), load(s.dx + row), load(s.gy + row)
            to, by = load(s.into + row), load(s.rate + row)
            h0, c0, g0, to, by = _state_back(
                s, cell, h0, c0, g0, A0, spread(B), spread(C), dt, dx, gy, to, by
            )
            B, C, cell = B + FLOAT, C + FLOAT, cell + BYTES
            h1, c1, g1, to, by = _state_back(
                s, cell, h1, c1, g1, A1, spread(B), spread(C), dt, dx, gy, to, by
            )
            B, C, cell = B + FLOAT, C + FLOAT, cell + BYTES
            h2, c2, g2, to, by = _state_back(
                s, cell, h2, c2, g2, A2, spread(B), spread(C), dt, dx, gy, to, by
            )
            B, C, cell = B + FLOAT, C + FLOAT, cell + BYTES
            h3, c3, g3, to, by = _state_back(
                s, cell, h3, c3, g3, A3, spread(B), spread(C), dt, dx, gy, to, by
            )
            store(s.into + row, to)
            store(s.rate + row, by)
        store(carry + m, c0)
        store(carry + m + BYTES, c1)
        store(carry + m + 2 * BYTES, c2)
        store(carry + m + 3 * BYTES, c3)
        store(gA + n * line, g0)
        store(gA + (n + 1) * line, g1)
        store(gA + (n + 2) * line, g2)
        store(gA + (n + 3) * line, g3)


@njit(inline="always")
def _inputs_back(sizes, way, ways, b, part, chunk, steps, tile, ln2, s):
    """Write the gradients of u and delta, add those of D and bias."""
    column = tile * BYTES
    skip = load(way.D + column)
    sums = part * sizes.tiles * BYTES + column
    gD, gbias = load(ways.D + sums), load(ways.bias + sums)
    for i in range(steps):
        step = chunk * STEPS + i
        t = sizes.length - 1 - step if way.reverse else step
        row = i * BYTES
        here = cell_offset(sizes, b, t, tile)
        x, gy, into = load(s.x + row), load(s.gy + row), load(s.into + row)
        store(ways.u + here, fma(into, load(s.dt + row), gy * skip))
        gD = fma(gy, x, gD)
        gdt = fma(into, x, load(s.rate + row) * spread(ln2))
        if sizes.softplus:
            gdt = gdt * load(s.slope + row)
        store(ways.delta + here, gdt)
        gbias = gbias + gdt
    store(ways.D + sums, gD)
    store(ways.bias + sums, gbias)


@njit(inline="always")
def _way_back(sizes, way, gate, ways, grads, b, part, tile_part, write_z, ln2, s):
    """Go back through one direction of one epoch, for one part of the tiles."""
    low, high = tiles_of(tile_part, sizes)
    for i in range(low * sizes.states, high * sizes.states):
        store(s.carry + i * BYTES, zeros())
    chunks = (sizes.length + STEPS - 1) // STEPS
    for back in range(chunks):
        chunk = chunks - 1 - back
        steps = min(STEPS, sizes.length - chunk * STEPS)
        for i in range(steps * sizes.states):
            store(s.gB + i * BYTES, zeros())
            store(s.gC + i * BYTES, zeros())
        for tile in range(low, high):
            _recompute(sizes, way, gate, grads, b, chunk, steps, tile, write_z, s)
            _states_back(sizes, way, ways, b, part, chunk, steps, tile, s)
            _inputs_back(sizes, way, ways, b, part, chunk, steps, tile, ln2, s)
        for i in range(steps):
            step = chunk * STEPS + i
            t = sizes.length - 1 - step if way.reverse else step
            row = (tile_part * sizes.batch + b) * sizes.length + t
            for n in range(sizes.states):
                cell = (i * sizes.states + n) * BYTES
                here = (row * sizes.states + n) * FLOAT
                store_sum(ways.B + here, load(s.gB + cell))
                store_sum(ways.C + here, load(s.gC + cell))


def backward(words):
    """Write all gradients; the words are a counter and what is read here."""
    sizes = Sizes(*read(words, 1, SIZES))
    at = 1 + SIZES
    way, other = Way(*read(words, at, WAY)), Way(*read(words, at + WAY, WAY))
    at += 2 * WAY
    gate = Gate(*read(words, at, GATE))
    at += GATE
    ways = WayGradients(*read(words, at, WAY_GRADIENTS))
    others = WayGradients(*read(words, at + WAY_GRADIENTS, WAY_GRADIENTS))
    at += 2 * WAY_GRADIENTS
    grads = GateGradients(*read(words, at, GATE_GRADIENTS))
    cells = STEPS * sizes.states
    tiles = sizes.tiles * sizes.states
    memory, base = scratch(4 * cells + sizes.states + 7 * STEPS + tiles)
    constant = np.full(1, LN_2, np.float32)
    decay = base + (cells + sizes.states) * BYTES
    x = decay + cells * BYTES
    row = STEPS * BYTES
    gB = x + 7 * row
    s = _Scratch(
        base,
        decay,
        x,
        x + row,
        x + 2 * row,
        x + 3 * row,
        x + 4 * row,
        x + 5 * row,
        x + 6 * row,
        gB,
        gB + cells * BYTES,
        gB + 2 * cells * BYTES,
    )
    ln2 = constant.ctypes.data
    item = take(words)
    while item < sizes.batch_parts * sizes.tile_parts:
        part, tile_part = part_of(item, sizes)
        for b in range(*batch_of(part, sizes)):
            _way_back(sizes, way, gate, ways, grads, b, part, tile_part, True, ln2, s)
            if sizes.ways == 2:
                _way_back(
                    sizes, other, gate, others, grads, b, part, tile_part, False, ln2, s
                )
        item = take(words)
    memory[0] = constant[0]  # both alive until here
