"""The scan's forward kernel; see ``layout.py``.

Two directions meet in the middle of a segment: until then each leaves its result where
the other will come by, after that each adds to what it finds and applies the gate.
"""

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
from mne_eegmamba.ops.gpu.scan_gate import emit, fetch_met, gate_of


@triton.jit(do_not_specialize=list(Size._fields))
def scan_forward(
    first,
    second,
    gate,
    kept,
    starts,
    batch,
    length,
    channels,
    chunks,
    segments,
    steps,
    REVERSE: tl.constexpr,
    WAYS: tl.constexpr,
    SOFTPLUS: tl.constexpr,
    KEEP: tl.constexpr,
    STATES: tl.constexpr,
    ALIGN: tl.constexpr,
    STEPS: tl.constexpr,
    WIDTH: tl.constexpr,
):
    """Scan one segment of one epoch and 32 channels in one or two directions."""
    size = Size(batch, length, channels, chunks, segments, steps)
    b, d = place(size, WIDTH)
    start = tl.program_id(1) * size.steps
    constants, h = _enter(first, starts, b, d, size, STATES, WIDTH)
    if WAYS == 2:
        constants_, h_ = _enter(second, starts, size.batch + b, d, size, STATES, WIDTH)
    part = part_of(first, b, start, d, size, STATES, ALIGN)
    part_ = part_of(second, b, start, d, size, STATES, ALIGN)
    rows = gate_of(gate, b, start, d, size)
    HALF: tl.constexpr = STEPS // 2  # of a chunk: where two directions may meet
    parts = size.steps // HALF // WAYS
    for met in tl.static_range(WAYS):
        # what the next two steps need is on its way while one is computed
        i = met * parts * HALF
        now = _fetch(part, gate, rows, size, i, REVERSE, met, WAYS, STATES, ALIGN)
        then = _fetch(part, gate, rows, size, i + 1, REVERSE, met, WAYS, STATES, ALIGN)
        if WAYS == 2:
            now_ = _fetch(part_, gate, rows, size, i, True, met, WAYS, STATES, ALIGN)
            then_ = _fetch(
                part_, gate, rows, size, i + 1, True, met, WAYS, STATES, ALIGN
            )
        for j in range(met * parts, (met + 1) * parts):
            if KEEP and j % 2 == 0:
                t = start + when(j * HALF, size.steps, REVERSE)
                _keep(kept, b, t, h, d, size, STATES, STEPS)
                if WAYS == 2:
                    t = start + when(j * HALF, size.steps, True)
                    _keep(kept, size.batch + b, t, h_, d, size, STATES, STEPS)
            for i in range(j * HALF, (j + 1) * HALF):
                later = _fetch(
                    part, gate, rows, size, i + 2, REVERSE, met, WAYS, STATES, ALIGN
                )
                if WAYS == 2:
                    later_ = _fetch(
                        part_, gate, rows, size, i + 2, True, met, WAYS, STATES, ALIGN
                    )
                    h_ = _step(
                        *(h_, now_, constants_, gate, rows, size, i, d),
                        *(True, met, WAYS, SOFTPLUS, KEEP),
                    )
                    now_, then_ = then_, later_
                h = _step(
                    *(h, now, constants, gate, rows, size, i, d),
                    *(REVERSE, met, WAYS, SOFTPLUS, KEEP),
                )
                now, then = then, later
        tl.debug_barrier()  # what the directions left for each other is in memory


@triton.jit
def _enter(way, starts, row, d, size, STATES: tl.constexpr, WIDTH: tl.constexpr):
    """Load the constants of a direction and the state before this segment."""
    h = no_state(STATES, WIDTH)
    if starts is not None:
        segment = row * size.segments + tl.program_id(1)
        h = load_state(starts, segment, d, size, STATES)
    A2 = load_state(way.A2, 0, d, size, STATES)
    return (A2, per_channel(way.D, d, size), per_channel(way.bias, d, size)), h


@triton.jit
def _fetch(
    part,
    gate,
    rows,
    size,
    i,
    BACK: tl.constexpr,
    MET: tl.constexpr,
    WAYS: tl.constexpr,
    STATES: tl.constexpr,
    ALIGN: tl.constexpr,
):
    """Load what one step needs."""
    k = when(i, size.steps, BACK)
    x, raw, B = fetch(part, k, size, STATES, ALIGN)
    C = fetch_out(part, k, size, STATES, ALIGN)
    other, z = fetch_met(gate, rows, k, size, MET, WAYS)
    return x, raw, B, C, other, z


@triton.jit
def _step(
    h,
    now,
    constants,
    gate,
    rows,
    size,
    i,
    d,
    BACK: tl.constexpr,
    MET: tl.constexpr,
    WAYS: tl.constexpr,
    SOFTPLUS: tl.constexpr,
    KEEP: tl.constexpr,
):
    """Store the result of a step, and return the state after it."""
    x, raw, B, C, other, z = now
    A2, D, bias = constants
    k = when(i, size.steps, BACK)
    there = exists(k, d, rows.start, size)
    dt = step_size(raw, bias, there, SOFTPLUS)
    h = advance(h, x, dt, A2, B)
    y = tl.sum(h * C[:, None], 0) + D * x
    inside = there & (d < size.channels)
    emit(gate, rows, y, other, z, k, inside, size, MET, WAYS, KEEP)
    return h


@triton.jit
def _keep(kept, row, t, h, d, size, STATES: tl.constexpr, STEPS: tl.constexpr):
    """Store the state before the chunk that begins or, going back, ends here."""
    chunk = t // STEPS
    if chunk < size.chunks:
        store_state(kept, row * size.chunks + chunk, h, d, size, STATES)
