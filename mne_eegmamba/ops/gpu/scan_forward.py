"""The scan's forward kernel; see ``layout.py``.

Two directions meet in the middle of a segment: until then each leaves its result where
the other will come by, after that each adds to what it finds and applies the gate.
"""

import triton
import triton.language as tl

from mne_eegmamba.ops.gpu.layout import (
    Size,
    load_state,
    no_state,
    per_channel,
    place,
    signal,
    state_map,
    step_size,
    store_state,
    when,
)
from mne_eegmamba.ops.gpu.scan_gate import emit


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
    begin = tl.program_id(1) * size.steps
    A2, D, bias, h = _enter(first, starts, b, d, size, STATES, WIDTH)
    t = when(0, begin, size.steps, REVERSE)
    x, raw, B, C = _fetch(first, b, t, d, size, STATES, ALIGN)
    if WAYS == 2:
        A2_, D_, bias_, h_ = _enter(
            second, starts, size.batch + b, d, size, STATES, WIDTH
        )
        t_ = when(0, begin, size.steps, True)
        x_, raw_, B_, C_ = _fetch(second, b, t_, d, size, STATES, ALIGN)
    half = size.steps // WAYS
    for part in tl.static_range(WAYS):
        for i in range(part * half, (part + 1) * half):
            # what the next step needs is on its way while this one is computed
            t = when(i + 1, begin, size.steps, REVERSE)
            x1, raw1, B1, C1 = _fetch(first, b, t, d, size, STATES, ALIGN)
            t = when(i, begin, size.steps, REVERSE)
            if WAYS == 2:
                t_ = when(i + 1, begin, size.steps, True)
                x1_, raw1_, B1_, C1_ = _fetch(second, b, t_, d, size, STATES, ALIGN)
                t_ = when(i, begin, size.steps, True)
            if KEEP:
                _keep(kept, b, t, i, h, d, size, STATES, STEPS)
            dt = step_size(raw, bias, t, size, SOFTPLUS)
            h = tl.exp2(dt[None, :] * A2) * h + B[:, None] * (dt * x)[None, :]
            y = tl.sum(h * C[:, None], 0) + D * x
            x, raw, B, C = x1, raw1, B1, C1
            if WAYS == 2:
                if KEEP:
                    _keep(kept, size.batch + b, t_, i, h_, d, size, STATES, STEPS)
                dt_ = step_size(raw_, bias_, t_, size, SOFTPLUS)
                h_ = tl.exp2(dt_[None, :] * A2_) * h_
                h_ += B_[:, None] * (dt_ * x_)[None, :]
                y_ = tl.sum(h_ * C_[:, None], 0) + D_ * x_
                x_, raw_, B_, C_ = x1_, raw1_, B1_, C1_
                emit(gate, y_, b, t_, d, size, part == 0, part == 1, KEEP)
            emit(gate, y, b, t, d, size, part == 0, part == WAYS - 1, KEEP)
        tl.debug_barrier()  # what the directions left for each other is in memory


@triton.jit
def _enter(way, starts, row, d, size, STATES: tl.constexpr, WIDTH: tl.constexpr):
    """Load the constants of a direction and the state before this segment."""
    h = no_state(STATES, WIDTH)
    if starts is not None:
        segment = row * size.segments + tl.program_id(1)
        h = load_state(starts, segment, d, size, STATES)
    A2 = load_state(way.A2, 0, d, size, STATES)
    return A2, per_channel(way.D, d, size), per_channel(way.bias, d, size), h


@triton.jit
def _fetch(way, b, t, d, size, STATES: tl.constexpr, ALIGN: tl.constexpr):
    """Load what one step needs."""
    x = signal(way.u, way.u_batch, way.u_time, b, t, d, size)
    raw = signal(way.delta, way.delta_batch, way.delta_time, b, t, d, size)
    B = state_map(way.B, way.B_batch, way.B_time, b, t, size, STATES, ALIGN)
    C = state_map(way.C, way.C_batch, way.C_time, b, t, size, STATES, ALIGN)
    return x, raw, B, C


@triton.jit
def _keep(kept, row, t, i, h, d, size, STATES: tl.constexpr, STEPS: tl.constexpr):
    """Store the state before each chunk."""
    chunk = t // STEPS
    if (i % STEPS == 0) & (chunk < size.chunks):
        store_state(kept, row * size.chunks + chunk, h, d, size, STATES)
