"""The gate around both directions of the scan, and its gradient; see ``layout.py``."""

from typing import NamedTuple

import triton
import triton.language as tl
from torch import Tensor

from mne_eegmamba.ops.gpu.functions import sigmoid
from mne_eegmamba.ops.gpu.layout import near, row, signal


class Rows(NamedTuple):
    """Where gate and result are, from one sample on; made by `gate_of`."""

    z: Tensor  # pointers (channels of the program), as the others; if there is a gate
    y: Tensor
    out: Tensor


@triton.jit
def gate_of(gate, b, begin, d, size):
    """Return where gate and result are, from ``begin`` on."""
    inside = tl.minimum(d, size.channels - 1)
    whole = size.length.to(tl.int64) * size.channels
    y = row(gate.y, whole, size.channels, b, begin, inside)
    out = row(gate.out, whole, size.channels, b, begin, inside)
    z = y
    if gate.z is not None:
        z = row(gate.z, gate.z_batch, gate.z_time, b, begin, inside)
    return Rows(z, y, out)


@triton.jit
def await_other(gate, rows, k, begin, size, FIRST: tl.constexpr, LAST: tl.constexpr):
    """Load what a result is to meet: that of the other direction, and the gate."""
    k = near(k, begin, size)
    other, z = 0.0, 0.0
    if not FIRST:
        other = signal(rows.y, size.channels, k)
    if LAST and gate.z is not None:
        z = signal(rows.z, gate.z_time, k)
    return other, z


@triton.jit
def emit(
    gate,
    rows,
    y,
    met,
    k,
    inside,
    size,
    FIRST: tl.constexpr,
    LAST: tl.constexpr,
    KEEP: tl.constexpr,
):
    """Store one sample: alone, or on top of what the other direction left there."""
    other, z = met
    at = k * size.channels
    if not FIRST:
        y += other
    if not LAST:
        tl.store(rows.y + at, y, mask=inside)
    else:
        if gate.z is not None:
            if KEEP:
                tl.store(rows.y + at, y, mask=inside)
            y *= z * sigmoid(z)
        tl.store(rows.out + at, y, mask=inside)


@triton.jit
def fetch_gate(gate, rows, k, begin, size, GATED: tl.constexpr):
    """Load the gradient of the gated sum, the gate, and what `ungated` writes with."""
    k = near(k, begin, size)
    g, z, y = signal(rows.out, size.channels, k), 0.0, 0.0
    if gate.z is not None:
        z = signal(rows.z, gate.z_time, k)
        if GATED:
            y = signal(rows.y, size.channels, k)
    return g, z, y


@triton.jit
def ungated(gate, found, gz, k, inside, size, GATED: tl.constexpr):
    """Return the gradient of the ungated sum at one sample, 0 where there is none.

    If this program is the one to do so, write that of the gate itself.
    """
    g, z, y = found
    g = tl.where(inside, g, 0.0)
    if gate.z is not None:
        s = sigmoid(z)
        if GATED:
            g_z = g * y * s * (1.0 + z * (1.0 - s))
            tl.store(gz + k * size.channels, g_z, mask=inside)
        g *= z * s
    return g
