"""The scan's backward kernel; see ``layout.py``.

A program goes through the chunks of its segment against the order of its direction. Of
each it computes the states again, twice: once to put down every fourth, and then group
by group, so that the states of one group are in registers when its gradients are due.

The states put down are read in vectors of four channels, on purpose: Triton then gives
a thread four states of four channels, and a sum over channels, of which there are 32 a
step, needs a quarter of the exchanges between threads.
"""

from typing import NamedTuple

import triton
import triton.language as tl
from torch import Tensor

from mne_eegmamba.ops.gpu.functions import sigmoid
from mne_eegmamba.ops.gpu.layout import (
    Size,
    exists,
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
from mne_eegmamba.ops.gpu.scan_gate import cell, gate_gradient, store_gate_gradient

LN_2 = tl.constexpr(0.6931471805599453)


class Gradients(NamedTuple):
    """What backward writes for one direction."""

    u: Tensor  # (batch, length, channels)
    delta: Tensor  # (batch, length, channels)
    B: Tensor  # (blocks, batch, length, states), float32
    C: Tensor  # (blocks, batch, length, states), float32
    A: Tensor  # (batch * segments, states, channels), float32
    D: Tensor  # (batch * segments, channels), float32
    bias: Tensor  # (batch * segments, channels), float32


@triton.jit(do_not_specialize=list(Size._fields))
def scan_backward(
    first,
    second,
    first_gradients,
    second_gradients,
    gate,
    gy,
    gz,
    kept,
    carries,
    scratch,
    batch,
    length,
    channels,
    chunks,
    segments,
    steps,
    REVERSE: tl.constexpr,
    SOFTPLUS: tl.constexpr,
    STATES: tl.constexpr,
    ALIGN: tl.constexpr,
    STEPS: tl.constexpr,
    GROUP: tl.constexpr,
    WIDTH: tl.constexpr,
):
    """Go back through one segment of one epoch, 32 channels and one direction."""
    size = Size(batch, length, channels, chunks, segments, steps)
    # the first direction writes the gradient of the gate for both
    if tl.program_id(2) == 0:
        _go_back(
            first,
            first_gradients,
            gate,
            gy,
            gz,
            kept,
            carries,
            scratch,
            size,
            REVERSE,
            SOFTPLUS,
            STATES,
            ALIGN,
            STEPS,
            GROUP,
            WIDTH,
        )
    else:
        _go_back(
            second,
            second_gradients,
            gate,
            gy,
            None,
            kept,
            carries,
            scratch,
            size,
            True,
            SOFTPLUS,
            STATES,
            ALIGN,
            STEPS,
            GROUP,
            WIDTH,
        )


@triton.jit
def _go_back(
    way,
    gradients,
    gate,
    gy,
    gz,
    kept,
    carries,
    scratch,
    size,
    REVERSE: tl.constexpr,
    SOFTPLUS: tl.constexpr,
    STATES: tl.constexpr,
    ALIGN: tl.constexpr,
    STEPS: tl.constexpr,
    GROUP: tl.constexpr,
    WIDTH: tl.constexpr,
):
    b, d = place(size, WIDTH)
    segment = tl.program_id(1)
    row = tl.program_id(2) * size.batch + b
    A2 = load_state(way.A2, 0, d, size, STATES)
    D = per_channel(way.D, d, size)
    bias = per_channel(way.bias, d, size)
    carry = no_state(STATES, WIDTH)
    if carries is not None:
        carry = load_state(carries, row * size.segments + segment, d, size, STATES)
    gA = no_state(STATES, WIDTH)
    gD = tl.zeros((WIDTH,), tl.float32)
    gbias = tl.zeros((WIDTH,), tl.float32)
    N: tl.constexpr = triton.next_power_of_2(STATES)
    program = (row * size.segments + segment) * tl.cdiv(size.channels, WIDTH)
    program += tl.program_id(0) % tl.cdiv(size.channels, WIDTH)
    inner = tl.arange(0, N)[:, None] * WIDTH + tl.arange(0, WIDTH)[None, :]
    scratch += program * (STEPS // GROUP) * N * WIDTH + inner
    n_chunks = size.steps // STEPS
    for i in range(n_chunks):
        begin = segment * size.steps + when(i, 0, n_chunks, not REVERSE) * STEPS
        if begin < size.length:
            chunk = row * size.chunks + begin // STEPS
            h = load_state(kept, chunk, d, size, STATES)
            for group in range(STEPS // GROUP):
                tl.store(scratch + group * N * WIDTH, h)
                for k in tl.static_range(GROUP):
                    t = when(group * GROUP + k, begin, STEPS, REVERSE)
                    x, _, dt = _inputs(way, bias, b, t, d, size, SOFTPLUS)
                    h, _ = _advance(way, h, A2, x, dt, b, t, size, STATES, ALIGN)
            tl.debug_barrier()
            for back in range(STEPS // GROUP):
                group = STEPS // GROUP - 1 - back
                carry, gA, gD, gbias = _group_back(
                    way,
                    gradients,
                    gate,
                    gy,
                    gz,
                    tl.load(scratch + group * N * WIDTH),
                    group * GROUP,
                    begin,
                    (A2, D, bias),
                    (carry, gA, gD, gbias),
                    b,
                    d,
                    size,
                    REVERSE,
                    SOFTPLUS,
                    STATES,
                    ALIGN,
                    STEPS,
                    GROUP,
                    WIDTH,
                )
            tl.debug_barrier()
    part = b * size.segments + segment
    store_state(gradients.A, part, gA, d, size, STATES)
    tl.store(gradients.D + part * size.channels + d, gD, mask=d < size.channels)
    tl.store(gradients.bias + part * size.channels + d, gbias, mask=d < size.channels)


@triton.jit
def _inputs(way, bias, b, t, d, size, SOFTPLUS: tl.constexpr):
    x = signal(way.u, way.u_batch, way.u_time, b, t, d, size)
    raw = signal(way.delta, way.delta_batch, way.delta_time, b, t, d, size)
    return x, raw + bias, step_size(raw, bias, t, size, SOFTPLUS)


@triton.jit
def _advance(way, h, A2, x, dt, b, t, size, STATES: tl.constexpr, ALIGN: tl.constexpr):
    """Return the state after a step, and B of that step."""
    B = state_map(way.B, way.B_batch, way.B_time, b, t, size, STATES, ALIGN)
    h = tl.exp2(dt[None, :] * A2) * h + B[:, None] * (dt * x)[None, :]
    return h, B


@triton.jit
def _group_back(
    way,
    gradients,
    gate,
    gy,
    gz,
    h,
    offset,
    begin,
    constants,
    sums,
    b,
    d,
    size,
    REVERSE: tl.constexpr,
    SOFTPLUS: tl.constexpr,
    STATES: tl.constexpr,
    ALIGN: tl.constexpr,
    STEPS: tl.constexpr,
    GROUP: tl.constexpr,
    WIDTH: tl.constexpr,
):
    """Go forward and back through one group that is entered with the state ``h``."""
    A2, D, bias = constants
    carry, gA, gD, gbias = sums
    states, steps = (h,), ()
    for k in tl.static_range(GROUP):
        t = when(offset + k, begin, STEPS, REVERSE)
        x, raw, dt = _inputs(way, bias, b, t, d, size, SOFTPLUS)
        g = gate_gradient(gate, gy, b, t, d, size)
        h, _ = _advance(way, h, A2, x, dt, b, t, size, STATES, ALIGN)
        states = states + (h,)
        steps = steps + ((x, raw, dt, g),)
    for k in tl.static_range(GROUP):
        t = when(offset + GROUP - 1 - k, begin, STEPS, REVERSE)
        x, raw, dt, g = steps[GROUP - 1 - k]
        B = state_map(way.B, way.B_batch, way.B_time, b, t, size, STATES, ALIGN)
        C = state_map(way.C, way.C_batch, way.C_time, b, t, size, STATES, ALIGN)
        gh = carry + C[:, None] * g[None, :]
        carry = gh * tl.exp2(dt[None, :] * A2)
        rate = carry * states[GROUP - 1 - k]  # gradient of dt * A
        gA += rate * dt[None, :]
        gD += g * x
        into = tl.sum(gh * B[:, None], 0)  # gradient of dt * x
        graw = into * x + LN_2 * tl.sum(rate * A2, 0)
        if SOFTPLUS:
            graw *= sigmoid(raw)
        at, inside = cell(b, t, d, size)
        graw = tl.where(inside, graw, 0.0)
        gbias += graw
        tl.store(gradients.u + at, into * dt + g * D, mask=inside)
        tl.store(gradients.delta + at, graw, mask=inside)
        gB = tl.sum(gh * (dt * x)[None, :], 1)
        gC = tl.sum(states[GROUP - k] * g[None, :], 1)
        _store_maps(gradients, gB, gC, b, t, size, STATES, WIDTH)
        if gz is not None:
            store_gate_gradient(gate, gy, gz, b, t, d, size)
    return carry, gA, gD, gbias


@triton.jit
def _store_maps(
    gradients, gB, gC, b, t, size, STATES: tl.constexpr, WIDTH: tl.constexpr
):
    """Store the sums over this program's channels."""
    block = tl.program_id(0) % tl.cdiv(size.channels, WIDTH)
    n = tl.arange(0, triton.next_power_of_2(STATES))
    row = (block.to(tl.int64) * size.batch + b) * size.length + t
    inside = exists(t, n, size) & (n < STATES)
    tl.store(gradients.B + row * STATES + n, gB, mask=inside)
    tl.store(gradients.C + row * STATES + n, gC, mask=inside)
