"""What the scan's kernels share: how a problem lies in memory and is cut.

Everything is channels last. A program has 32 channels, one for each thread of its only
warp; a thread has all states of its channel in registers, so that sums over states cost
no exchange between threads. Time is cut into chunks of ``STEPS``, aligned in time for
both directions; forward keeps the state with which each direction enters each chunk.

Where batch and channels are too few programs, time is cut into segments of whole chunks
as well. What leaves a segment that is entered with zeros (``scan_ends``) tells, carried
from segment to segment (``scan_carry``), with what each is entered.

Steps outside of time have dt = 0: they neither change a state nor a gradient.
"""

import math
from typing import NamedTuple

import triton
import triton.language as tl
from torch import Tensor

from mne_eegmamba.ops.gpu.functions import softplus

WIDTH = 32  # channels of a program: one warp
STEPS = 32  # steps between two kept states
GROUP = 4  # steps whose states backward has in registers
FEWEST_PROGRAMS = 512  # with fewer, time is cut as well: about 4 for each SM of an H100
PROGRAMS = 1024  # that the cuts aim at


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


class Gate(NamedTuple):
    """Gate and result."""

    z: Tensor | None  # (batch, length, channels)
    z_batch: int
    z_time: int
    y: Tensor  # (batch, length, channels): sum of the directions; may be ``out``
    out: Tensor  # (batch, length, channels): the same after the gate


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
    each = max(1, each)
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
def when(step, start, steps, REVERSE: tl.constexpr):
    """Return the time of a step of a part that begins at ``start``."""
    if REVERSE:
        return start + steps - 1 - step
    return start + step


@triton.jit
def exists(t, like, size):
    """Return whether there is such a sample, for each of the numbers in ``like``."""
    t += tl.zeros(like.shape, tl.int32)
    return (t >= 0) & (t < size.length)


@triton.jit
def signal(x, batch_stride, time_stride, b, t, d, size):
    """Load the channels of one sample; zeros outside of time."""
    row = x + b * batch_stride + t.to(tl.int64) * time_stride
    inside = exists(t, d, size) & (d < size.channels)
    return tl.load(row + d, mask=inside, other=0.0).to(tl.float32)


@triton.jit
def state_map(
    x, batch_stride, time_stride, b, t, size, STATES: tl.constexpr, ALIGN: tl.constexpr
):
    """Load B or C of one sample, the same for all channels."""
    n = tl.arange(0, triton.next_power_of_2(STATES))
    offset = tl.multiple_of(b * batch_stride + t.to(tl.int64) * time_stride, ALIGN)
    inside = exists(t, n, size) & (n < STATES)
    return tl.load(x + offset + n, mask=inside, other=0.0).to(tl.float32)


@triton.jit
def step_size(raw, bias, t, size, SOFTPLUS: tl.constexpr):
    """Return dt, 0 outside of time."""
    dt = raw + bias
    if SOFTPLUS:
        dt = softplus(dt)
    return tl.where(exists(t, dt, size), dt, 0.0)


@triton.jit
def cells(row, d, size, STATES: tl.constexpr):
    """Return where a state lies in (rows, states, channels), and what of it exists."""
    n = tl.arange(0, triton.next_power_of_2(STATES))[:, None]
    at = (row * STATES + n) * size.channels + d[None, :]
    # without this hint Triton reads vectors, and gives a thread four channels
    at = tl.max_contiguous(at, [1, 1])
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
