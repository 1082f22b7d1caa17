"""States and gradients from segment to segment of time; see ``layout.py``."""

import triton
import triton.language as tl

from mne_eegmamba.ops.gpu.layout import (
    Size,
    advance,
    exists,
    fetch,
    fetch_out,
    load_state,
    no_state,
    part_of,
    per_channel,
    place,
    step_size,
    store_state,
    when,
)
from mne_eegmamba.ops.gpu.scan_gate import fetch_gate, gate_of, ungated


@triton.jit(do_not_specialize=list(Size._fields))
def scan_ends(
    first,
    second,
    gate,
    ends,
    decays,
    batch,
    length,
    channels,
    chunks,
    segments,
    steps,
    REVERSE: tl.constexpr,
    GRADIENT: tl.constexpr,
    SOFTPLUS: tl.constexpr,
    STATES: tl.constexpr,
    ALIGN: tl.constexpr,
    WIDTH: tl.constexpr,
):
    """Write what leaves each segment that is entered with zeros, and its sum of dt.

    That is a state, or, going back, the gradient of one.
    """
    size = Size(batch, length, channels, chunks, segments, steps)
    b, d = place(size, WIDTH)
    if tl.program_id(2) == 0:
        back: tl.constexpr = REVERSE != GRADIENT
        h, total = _end(
            first, gate, b, d, size, back, GRADIENT, SOFTPLUS, STATES, ALIGN, WIDTH
        )
    else:
        h, total = _end(
            second,
            gate,
            b,
            d,
            size,
            not GRADIENT,
            GRADIENT,
            SOFTPLUS,
            STATES,
            ALIGN,
            WIDTH,
        )
    row = (tl.program_id(2) * size.batch + b) * size.segments + tl.program_id(1)
    store_state(ends, row, h, d, size, STATES)
    tl.store(decays + row * size.channels + d, total, mask=d < size.channels)


@triton.jit
def _end(
    way,
    gate,
    b,
    d,
    size,
    BACK: tl.constexpr,
    GRADIENT: tl.constexpr,
    SOFTPLUS: tl.constexpr,
    STATES: tl.constexpr,
    ALIGN: tl.constexpr,
    WIDTH: tl.constexpr,
):
    A2 = load_state(way.A2, 0, d, size, STATES)
    bias = per_channel(way.bias, d, size)
    h = no_state(STATES, WIDTH)
    total = tl.zeros((WIDTH,), tl.float32)
    start = tl.program_id(1) * size.steps
    part = part_of(way, b, start, d, size, STATES, ALIGN)
    rows = gate_of(gate, b, start, d, size)
    k = when(0, size.steps, BACK)
    now = _fetch(part, gate, rows, k, size, GRADIENT, STATES, ALIGN)
    for i in range(size.steps):
        k = when(i + 1, size.steps, BACK)
        soon = _fetch(part, gate, rows, k, size, GRADIENT, STATES, ALIGN)
        raw, value, z, entry = now
        k = when(i, size.steps, BACK)
        there = exists(k, d, start, size)
        dt = step_size(raw, bias, there, SOFTPLUS)
        if GRADIENT:
            inside = there & (d < size.channels)
            g = ungated(gate, (value, z, 0.0), value, k, inside, size, False)
            h = tl.exp2(dt[None, :] * A2) * (h + entry[:, None] * g[None, :])
        else:
            h = advance(h, value, dt, A2, entry)
        total += dt
        now = soon
    return h, total


@triton.jit
def _fetch(
    part,
    gate,
    rows,
    k,
    size,
    GRADIENT: tl.constexpr,
    STATES: tl.constexpr,
    ALIGN: tl.constexpr,
):
    """Load delta, what comes in (u, or a gradient and the gate), and B or C."""
    value, raw, entry = fetch(part, k, size, STATES, ALIGN)
    z = 0.0
    if GRADIENT:
        value, z, _ = fetch_gate(gate, rows, k, size, False)
        entry = fetch_out(part, k, size, STATES, ALIGN)
    return raw, value, z, entry


@triton.jit(do_not_specialize=list(Size._fields))
def scan_carry(
    first,
    second,
    ends,
    decays,
    batch,
    length,
    channels,
    chunks,
    segments,
    steps,
    REVERSE: tl.constexpr,
    GRADIENT: tl.constexpr,
    STATES: tl.constexpr,
    WIDTH: tl.constexpr,
):
    """Replace what leaves each segment by what enters it."""
    size = Size(batch, length, channels, chunks, segments, steps)
    b, d = place(size, WIDTH)
    if tl.program_id(1) == 0:
        A2 = load_state(first.A2, 0, d, size, STATES)
        back = REVERSE != GRADIENT
    else:
        A2 = load_state(second.A2, 0, d, size, STATES)
        back = not GRADIENT
    h = no_state(STATES, WIDTH)
    for i in range(size.segments):
        segment = tl.where(back, size.segments - 1 - i, i)
        row = (tl.program_id(1) * size.batch + b) * size.segments + segment
        end = load_state(ends, row, d, size, STATES)
        total = per_channel(decays + row * size.channels, d, size)
        store_state(ends, row, h, d, size, STATES)
        h = end + tl.exp2(total[None, :] * A2) * h
