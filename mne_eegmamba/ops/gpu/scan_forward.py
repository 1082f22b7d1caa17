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
from mne_eegmamba.ops.gpu.scan_gate import await_other, emit, gate_of


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
    known, h = _enter(first, starts, b, d, size, STATES, WIDTH)
    if WAYS == 2:
        known_, h_ = _enter(second, starts, size.batch + b, d, size, STATES, WIDTH)
    HALF: tl.constexpr = STEPS // 2  # so that parts meet in the middle of a segment
    parts = size.steps // HALF
    for meeting in tl.static_range(WAYS):
        enter = meeting * (parts // WAYS)
        begin = start + when(enter, parts, REVERSE) * HALF
        k = when(0, HALF, REVERSE)
        part = part_of(first, b, begin, d, size, STATES, ALIGN)
        rows = gate_of(gate, b, begin, d, size)
        now = _fetch(first, part, k, size, STATES, ALIGN)
        met = await_other(gate, rows, k, begin, size, meeting == 0, meeting == WAYS - 1)
        if WAYS == 2:
            begin_ = start + when(enter, parts, True) * HALF
            part_ = part_of(second, b, begin_, d, size, STATES, ALIGN)
            rows_ = gate_of(gate, b, begin_, d, size)
            now_ = _fetch(second, part_, HALF - 1, size, STATES, ALIGN)
            met_ = await_other(
                gate, rows_, HALF - 1, begin_, size, meeting == 0, meeting == WAYS - 1
            )
        for i in range(enter, enter + parts // WAYS):
            begin = start + when(i, parts, REVERSE) * HALF
            part = part_of(first, b, begin, d, size, STATES, ALIGN)
            rows = gate_of(gate, b, begin, d, size)
            if KEEP and i % 2 == 0:
                _keep(kept, b, begin, h, d, size, STATES, STEPS)
            if WAYS == 2:
                begin_ = start + when(i, parts, True) * HALF
                part_ = part_of(second, b, begin_, d, size, STATES, ALIGN)
                rows_ = gate_of(gate, b, begin_, d, size)
                if KEEP and i % 2 == 0:
                    _keep(kept, size.batch + b, begin_, h_, d, size, STATES, STEPS)
            for j in range(HALF):
                # what the next step needs is on its way while this one is computed
                k = when(j + 1, HALF, REVERSE)
                soon = _fetch(first, part, k, size, STATES, ALIGN)
                meets = await_other(
                    gate, rows, k, begin, size, meeting == 0, meeting == WAYS - 1
                )
                if WAYS == 2:
                    k_ = when(j + 1, HALF, True)
                    soon_ = _fetch(second, part_, k_, size, STATES, ALIGN)
                    meets_ = await_other(
                        gate, rows_, k_, begin_, size, meeting == 0, meeting == WAYS - 1
                    )
                    k_ = when(j, HALF, True)
                    there = exists(k_, d, begin_, size)
                    h_, y = _step(h_, now_, known_, there, SOFTPLUS)
                    inside = there & (d < size.channels)
                    emit(
                        gate,
                        rows_,
                        y,
                        met_,
                        k_,
                        inside,
                        size,
                        meeting == 0,
                        meeting == WAYS - 1,
                        KEEP,
                    )
                    now_, met_ = soon_, meets_
                k = when(j, HALF, REVERSE)
                there = exists(k, d, begin, size)
                h, y = _step(h, now, known, there, SOFTPLUS)
                inside = there & (d < size.channels)
                emit(
                    gate,
                    rows,
                    y,
                    met,
                    k,
                    inside,
                    size,
                    meeting == 0,
                    meeting == WAYS - 1,
                    KEEP,
                )
                now, met = soon, meets
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
def _fetch(way, part, k, size, STATES: tl.constexpr, ALIGN: tl.constexpr):
    """Load what one step needs."""
    x, raw, B = fetch(way, part, k, size, STATES, ALIGN)
    return x, raw, B, fetch_out(way, part, k, size, STATES, ALIGN)


@triton.jit
def _step(h, now, known, there, SOFTPLUS: tl.constexpr):
    """Return state and result after a step."""
    x, raw, B, C = now
    A2, D, bias = known
    dt = step_size(raw, bias, there, SOFTPLUS)
    h = advance(h, x, dt, A2, B)
    return h, tl.sum(h * C[:, None], 0) + D * x


@triton.jit
def _keep(kept, row, begin, h, d, size, STATES: tl.constexpr, STEPS: tl.constexpr):
    """Store the state before a chunk."""
    chunk = begin // STEPS
    if chunk < size.chunks:
        store_state(kept, row * size.chunks + chunk, h, d, size, STATES)
