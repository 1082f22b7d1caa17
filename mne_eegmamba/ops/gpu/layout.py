"""What the scan's kernels share: how a problem lies in memory and is cut.

Everything is channels last. A program has 32 channels, one for each thread of its only
warp; a thread has all states of its channel in registers, so that sums over states cost
no exchange between threads. Time is cut into chunks of ``STEPS``, aligned in time for
both directions; forward keeps the state with which each direction enters each chunk.

Where batch and channels are too few programs, time is cut into segments of whole chunks
as well. What leaves a segment that is entered with zeros (``scan_ends``) tells, carried
from segment to segment (``scan_carry``), with what each is entered.

Steps outside of time have dt = 0: they neither change a state nor a gradient. What is
loaded for them, and for channels beyond the last, is what lies nearest: so no load has
a mask. Every loop loads for later steps first, and then computes the present one.

``python -m benchmarks compiled`` shows what becomes of all this, without a card.
"""

import math
from typing import NamedTuple

import triton
import triton.language as tl
from torch import Tensor

from mne_eegmamba.ops.gpu.functions import softplus

WIDTH = 32  # channels of a program: one warp
STEPS = 32  # steps between two kept states
GROUP = 2  # steps whose states backward has in registers
FEWEST_PROGRAMS = 512  # with fewer, time is cut as well: about 4 for each SM of an H100
PROGRAMS = 1024  # that the cuts aim at
MOST_STEPS = 2**14  # of a segment: offsets in it fit 32 bits, see `rows` in support.py


class Way(NamedTuple):
    """One direction of time: tensors, and strides in numbers."""

    u: Tensor  # (batch, length, channels)
    u_batch: int
    u_time: int
    delta: Tensor  # (batch, length, channels)
    delta_batch: int
    delta_time: int
    B: Tensor  # (batch, length, states)
    B_batch: int
    B_time: int
    C: Tensor  # (batch, length, states)
    C_batch: int
    C_time: int
    A2: Tensor  # (states, channels): A * log2(e), float32
    D: Tensor  # (channels,)
    bias: Tensor  # (channels,)


class Part(NamedTuple):
    """Where one direction's samples are in a segment; made by `part_of`."""

    u: Tensor  # pointers (channels of the program)
    u_time: int
    delta: Tensor  # pointers (channels of the program)
    delta_time: int
    B: Tensor  # pointers (states)
    B_time: int
    C: Tensor  # pointers (states)
    C_time: int
    start: int  # of the segment, in samples


class Gate(NamedTuple):
    """Gate and result."""

    z: Tensor | None  # (batch, length, channels)
    z_batch: int
    z_time: int
    y: Tensor  # (batch, length, channels): sum of the directions; may be ``out``
    out: Tensor  # (batch, length, channels): y after the gate; in backward its gradient


class Size(NamedTuple):
    """The problem, and how its time is cut."""

    batch: int
    length: int
    channels: int
    chunks: int
    segments: int
    steps: int  # of a segment

    @property
    def columns(self):
        """Programs before time is cut."""
        return self.batch * -(-self.channels // WIDTH)


def size_of(u):
    """Cut a problem into programs; the same on every card.

    Parameters
    ----------
    u : Tensor, shape (batch, length, channels)
        Input.

    Returns
    -------
    size : Size
        Problem.
    """
    whole = Size(*u.shape, chunks=-(-u.shape[1] // STEPS), segments=1, steps=0)
    each = whole.chunks
    if 0 < whole.columns < FEWEST_PROGRAMS:
        each = -(-each // (PROGRAMS // whole.columns))
    each = min(max(1, each), MOST_STEPS // STEPS)
    return whole._replace(segments=-(-whole.chunks // each), steps=each * STEPS)


def alignment(ways):
    """Return a power of two, at most 16, that divides every stride of B and C.

    Parameters
    ----------
    ways : list of Way
        Directions.

    Returns
    -------
    align : int
        Where rows of B and C begin; Triton itself only sees multiples of 16.
    """
    strides = [n for w in ways for n in (w.B_batch, w.B_time, w.C_batch, w.C_time)]
    return math.gcd(16, *strides)


@triton.jit
def place(size, WIDTH: tl.constexpr):
    """Return the epoch and the channels of a program."""
    blocks = tl.cdiv(size.channels, WIDTH)
    b = (tl.program_id(0) // blocks).to(tl.int64)
    return b, (tl.program_id(0) % blocks) * WIDTH + tl.arange(0, WIDTH)


@triton.jit
def when(step, steps, REVERSE: tl.constexpr):
    """Return the sample of a step, both counted from the start of a part of time."""
    if REVERSE:
        return steps - 1 - step
    return step


@triton.jit
def row(x, batch_stride, time_stride, b, t, d):
    """Return where the channels of one sample are."""
    return x + (b * batch_stride + t.to(tl.int64) * time_stride) + d


@triton.jit
def part_of(way, b, start, d, size, STATES: tl.constexpr, ALIGN: tl.constexpr):
    """Return where one direction's samples are in a segment that starts there.

    What lies beyond the channels is read from the last one instead, so that nothing
    needs a mask; the same goes for time, in `fetch`.
    """
    inside = tl.minimum(d, size.channels - 1)
    n = tl.arange(0, triton.next_power_of_2(STATES))
    t = start.to(tl.int64)
    B = tl.multiple_of(b * way.B_batch + t * way.B_time, ALIGN)
    C = tl.multiple_of(b * way.C_batch + t * way.C_time, ALIGN)
    return Part(
        row(way.u, way.u_batch, way.u_time, b, start, inside),
        way.u_time,
        row(way.delta, way.delta_batch, way.delta_time, b, start, inside),
        way.delta_time,
        way.B + B + n,
        way.B_time,
        way.C + C + n,
        way.C_time,
        start,
    )


@triton.jit
def near(k, start, size):
    """Return k, or what is closest to it of the samples that exist."""
    return tl.minimum(tl.maximum(k, -start), size.length - 1 - start)


@triton.jit
def exists(k, like, start, size):
    """Return whether there is such a sample, for each of the numbers in ``like``."""
    t = start + k + tl.zeros(like.shape, tl.int32)
    return (t >= 0) & (t < size.length)


@triton.jit
def signal(x, time_stride, k):
    """Load the channels of a sample."""
    return tl.load(x + k * time_stride).to(tl.float32)


@triton.jit
def state_map(x, time_stride, k, STATES: tl.constexpr, ALIGN: tl.constexpr):
    """Load B or C of a sample, the same for all channels."""
    x += tl.multiple_of(k * time_stride, ALIGN)
    N: tl.constexpr = triton.next_power_of_2(STATES)
    if N == STATES:
        return tl.load(x).to(tl.float32)
    return tl.load(x, mask=tl.arange(0, N) < STATES, other=0.0).to(tl.float32)


@triton.jit
def step_size(raw, bias, there, SOFTPLUS: tl.constexpr):
    """Return dt, 0 outside of time."""
    dt = raw + bias
    if SOFTPLUS:
        dt = softplus(dt)
    return tl.where(there, dt, 0.0)


@triton.jit
def fetch(part, k, size, STATES: tl.constexpr, ALIGN: tl.constexpr):
    """Load u, delta and B of one step."""
    k = near(k, part.start, size)
    x, raw = signal(part.u, part.u_time, k), signal(part.delta, part.delta_time, k)
    return x, raw, state_map(part.B, part.B_time, k, STATES, ALIGN)


@triton.jit
def fetch_out(part, k, size, STATES: tl.constexpr, ALIGN: tl.constexpr):
    """Load C of one step."""
    return state_map(part.C, part.C_time, near(k, part.start, size), STATES, ALIGN)


@triton.jit
def advance(h, x, dt, A2, B):
    """Return the state after a step."""
    return tl.exp2(dt[None, :] * A2) * h + B[:, None] * (dt * x)[None, :]


@triton.jit
def cells(row, d, size, STATES: tl.constexpr):
    """Return where a state lies in (rows, states, channels), and what of it exists."""
    n = tl.arange(0, triton.next_power_of_2(STATES))[:, None]
    # Triton is not to know what divides channels: it would read vectors, and then give
    # a thread several channels
    at = (row * STATES + n) * size.channels + d[None, :]
    return at, (n < STATES) & (d < size.channels)[None, :]


@triton.jit
def no_state(STATES: tl.constexpr, WIDTH: tl.constexpr):
    """Return zeros."""
    return tl.zeros((triton.next_power_of_2(STATES), WIDTH), tl.float32)


@triton.jit
def load_state(x, row, d, size, STATES: tl.constexpr):
    """Load a state of (rows, states, channels)."""
    at, inside = cells(row, d, size, STATES)
    return tl.load(x + at, mask=inside, other=0.0)


@triton.jit
def store_state(x, row, h, d, size, STATES: tl.constexpr):
    """Store a state in (rows, states, channels)."""
    at, inside = cells(row, d, size, STATES)
    tl.store(x + at, h, mask=inside)


@triton.jit
def per_channel(x, d, size):
    """Load one number per channel."""
    return tl.load(x + d, mask=d < size.channels, other=0.0).to(tl.float32)
