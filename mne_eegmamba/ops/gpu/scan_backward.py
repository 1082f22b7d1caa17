"""The scan's backward kernel; see ``layout.py``.

A program goes through the chunks of its segment against the order of its direction. Of
each it computes the states again, twice: once to put down every second, and then group
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
    advance,
    exists,
    fetch,
    fetch_out,
    load_state,
    no_state,
    part_of,
    per_channel,
    place,
    row,
    step_size,
    store_state,
    when,
)
from mne_eegmamba.ops.gpu.scan_gate import fetch_gate, gate_of, ungated

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


class Targets(NamedTuple):
    """Where gradients go in a segment; made by `_targets`."""

    u: Tensor  # pointers (channels of the program)
    delta: Tensor  # pointers (channels of the program)
    B: Tensor  # pointers (states)
    C: Tensor  # pointers (states)
    z: Tensor  # pointers (channels of the program), where this program writes it


@triton.jit(do_not_specialize=list(Size._fields))
def scan_backward(
    first,
    second,
    first_gradients,
    second_gradients,
    gate,
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
            gz,
            kept,
            carries,
            scratch,
            size,
            gz is not None,
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
            gz,
            kept,
            carries,
            scratch,
            size,
            False,
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
    gz,
    kept,
    carries,
    scratch,
    size,
    GATED: tl.constexpr,
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
    line = tl.program_id(2) * size.batch + b
    A2 = load_state(way.A2, 0, d, size, STATES)
    D = per_channel(way.D, d, size)
    bias = per_channel(way.bias, d, size)
    carry = no_state(STATES, WIDTH)
    if carries is not None:
        carry = load_state(carries, line * size.segments + segment, d, size, STATES)
    gA = no_state(STATES, WIDTH)
    gD = tl.zeros((WIDTH,), tl.float32)
    gbias = tl.zeros((WIDTH,), tl.float32)
    N: tl.constexpr = triton.next_power_of_2(STATES)
    program = (line * size.segments + segment) * tl.cdiv(size.channels, WIDTH)
    program += tl.program_id(0) % tl.cdiv(size.channels, WIDTH)
    inner = tl.arange(0, N)[:, None] * WIDTH + tl.arange(0, WIDTH)[None, :]
    scratch += program * (STEPS // GROUP) * N * WIDTH + inner
    start = segment * size.steps
    part = part_of(way, b, start, d, size, STATES, ALIGN)
    rows = gate_of(gate, b, start, d, size)
    targets = _targets(gradients, gz, b, start, d, size, GATED, STATES, WIDTH)
    n_chunks = size.steps // STEPS
    for i in range(n_chunks):
        begin = when(i, n_chunks, not REVERSE) * STEPS
        chunk = (start + begin) // STEPS
        if chunk < size.chunks:
            h = load_state(kept, line * size.chunks + chunk, d, size, STATES)
            _put_down(
                h,
                scratch,
                part,
                begin,
                A2,
                bias,
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
            offset = STEPS - GROUP
            now = _fetch_group(
                *(part, gate, rows, begin, offset, size),
                *(GATED, REVERSE, STATES, ALIGN, STEPS, GROUP),
            )
            for _back in range(STEPS // GROUP):
                h = tl.load(scratch + offset // GROUP * N * WIDTH)
                soon = _fetch_group(
                    *(part, gate, rows, begin, offset - GROUP, size),
                    *(GATED, REVERSE, STATES, ALIGN, STEPS, GROUP),
                )
                carry, gA, gD, gbias = _group_back(
                    now,
                    gate,
                    targets,
                    h,
                    start,
                    begin,
                    offset,
                    (A2, D, bias),
                    (carry, gA, gD, gbias),
                    d,
                    size,
                    GATED,
                    REVERSE,
                    SOFTPLUS,
                    STATES,
                    STEPS,
                    GROUP,
                )
                now = soon
                offset -= GROUP
            tl.debug_barrier()
    part = b * size.segments + segment
    store_state(gradients.A, part, gA, d, size, STATES)
    tl.store(gradients.D + part * size.channels + d, gD, mask=d < size.channels)
    tl.store(gradients.bias + part * size.channels + d, gbias, mask=d < size.channels)


@triton.jit
def _targets(
    gradients,
    gz,
    b,
    start,
    d,
    size,
    GATED: tl.constexpr,
    STATES: tl.constexpr,
    WIDTH: tl.constexpr,
):
    """Return where gradients go in a segment; of the maps, those of this program."""
    whole = size.length.to(tl.int64) * size.channels
    u = row(gradients.u, whole, size.channels, b, start, d)
    delta = row(gradients.delta, whole, size.channels, b, start, d)
    block = tl.program_id(0) % tl.cdiv(size.channels, WIDTH)
    at = (block.to(tl.int64) * size.batch + b) * size.length + start
    n = tl.arange(0, triton.next_power_of_2(STATES))
    B, C = gradients.B + at * STATES + n, gradients.C + at * STATES + n
    z = u
    if GATED:
        z = row(gz, whole, size.channels, b, start, d)
    return Targets(u, delta, B, C, z)


@triton.jit
def _put_down(
    h,
    scratch,
    part,
    begin,
    A2,
    bias,
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
    """Put down the state before each group of a chunk that is entered with ``h``."""
    N: tl.constexpr = triton.next_power_of_2(STATES)
    tl.store(scratch, h)
    now = _fetch_inputs(part, begin, 0, size, REVERSE, STATES, ALIGN, STEPS, GROUP)
    for group in range(1, STEPS // GROUP):
        offset = group * GROUP
        soon = _fetch_inputs(
            part, begin, offset, size, REVERSE, STATES, ALIGN, STEPS, GROUP
        )
        for j in tl.static_range(GROUP):
            x, raw, B = now[j]
            k = begin + when(offset - GROUP + j, STEPS, REVERSE)
            there = exists(k, d, part.start, size)
            h = advance(h, x, step_size(raw, bias, there, SOFTPLUS), A2, B)
        tl.store(scratch + group * N * WIDTH, h)
        now = soon


@triton.jit
def _fetch_inputs(
    part,
    begin,
    offset,
    size,
    REVERSE: tl.constexpr,
    STATES: tl.constexpr,
    ALIGN: tl.constexpr,
    STEPS: tl.constexpr,
    GROUP: tl.constexpr,
):
    """Load what the states of a group need."""
    found = ()
    for j in tl.static_range(GROUP):
        k = begin + when(offset + j, STEPS, REVERSE)
        found = found + (fetch(part, k, size, STATES, ALIGN),)
    return found


@triton.jit
def _fetch_group(
    part,
    gate,
    rows,
    begin,
    offset,
    size,
    GATED: tl.constexpr,
    REVERSE: tl.constexpr,
    STATES: tl.constexpr,
    ALIGN: tl.constexpr,
    STEPS: tl.constexpr,
    GROUP: tl.constexpr,
):
    """Load what the gradients of a group need."""
    found = ()
    for j in tl.static_range(GROUP):
        k = begin + when(offset + j, STEPS, REVERSE)
        x, raw, B = fetch(part, k, size, STATES, ALIGN)
        C = fetch_out(part, k, size, STATES, ALIGN)
        g, z, y = fetch_gate(gate, rows, k, size, GATED)
        found = found + ((x, raw, B, C, g, z, y),)
    return found


@triton.jit
def _group_back(
    now,
    gate,
    targets,
    h,
    start,
    begin,
    offset,
    known,
    sums,
    d,
    size,
    GATED: tl.constexpr,
    REVERSE: tl.constexpr,
    SOFTPLUS: tl.constexpr,
    STATES: tl.constexpr,
    STEPS: tl.constexpr,
    GROUP: tl.constexpr,
):
    """Go forward and back through one group that is entered with the state ``h``."""
    A2, D, bias = known
    carry, gA, gD, gbias = sums
    states, steps = (h,), ()
    for j in tl.static_range(GROUP):
        k = begin + when(offset + j, STEPS, REVERSE)
        x, raw, B, C, g, z, y = now[j]
        there = exists(k, d, start, size)
        inside = there & (d < size.channels)
        dt = step_size(raw, bias, there, SOFTPLUS)
        g = ungated(gate, (g, z, y), targets.z, k, inside, size, GATED)
        h = advance(h, x, dt, A2, B)
        states = states + (h,)
        steps = steps + ((x, raw + bias, B, C, dt, g, inside),)
    for j in tl.static_range(GROUP):
        k = begin + when(offset + GROUP - 1 - j, STEPS, REVERSE)
        x, raw, B, C, dt, g, inside = steps[GROUP - 1 - j]
        gh = carry + C[:, None] * g[None, :]
        carry = gh * tl.exp2(dt[None, :] * A2)
        rate = carry * states[GROUP - 1 - j]  # gradient of dt * A
        gA += rate * dt[None, :]
        gD += g * x
        into = tl.sum(gh * B[:, None], 0)  # gradient of dt * x
        graw = into * x + LN_2 * tl.sum(rate * A2, 0)
        if SOFTPLUS:
            graw *= sigmoid(raw)
        graw = tl.where(inside, graw, 0.0)
        gbias += graw
        at = k * size.channels
        tl.store(targets.u + at, into * dt + g * D, mask=inside)
        tl.store(targets.delta + at, graw, mask=inside)
        gB = tl.sum(gh * (dt * x)[None, :], 1)
        gC = tl.sum(states[GROUP - j] * g[None, :], 1)
        n = tl.arange(0, triton.next_power_of_2(STATES))
        inside_map = exists(k, n, start, size) & (n < STATES)
        tl.store(targets.B + k * STATES, gB, mask=inside_map)
        tl.store(targets.C + k * STATES, gC, mask=inside_map)
    return carry, gA, gD, gbias
