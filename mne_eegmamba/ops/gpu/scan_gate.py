"""The gate around both directions of the scan, and its gradient; see ``layout.py``."""

from typing import NamedTuple

import triton
import triton.language as tl
from torch import Tensor

from mne_eegmamba.ops.gpu.functions import sigmoid
from mne_eegmamba.ops.gpu.layout import near, row, signal


class Rows(NamedTuple):
    """Where gate and result are in a segment; made by `gate_of`."""

    z: Tensor  # pointers (channels of the program), as the others; if there is a gate
    y: Tensor
    out: Tensor
    start: int  # of the segment, in samples


@triton.jit
def gate_of(gate, b, start, d, size):
    """Return where gate and result are in a segment that starts there."""
    inside = tl.minimum(d, size.channels - 1)
    whole = size.length.to(tl.int64) * size.channels
    y = row(gate.y, whole, size.channels, b, start, inside)
    out = row(gate.out, whole, size.channels, b, start, inside)
    z = y
    if gate.z is not None:
        z = row(gate.z, gate.z_batch, gate.z_time, b, start, inside)
    return Rows(z, y, out, start)


@triton.jit
def fetch_met(gate, rows, k, size, MET: tl.constexpr, WAYS: tl.constexpr):
    """Load what a result meets, if it is time: the other direction's, and the gate."""
    k = near(k, rows.start, size)
    other, z = 0.0, 0.0
    if MET > 0:
        other = signal(rows.y, size.channels, k)
    if MET == WAYS - 1 and gate.z is not None:
        z = signal(rows.z, gate.z_time, k)
    return other, z


@triton.jit
def emit(
    gate,
    rows,
    y,
    other,
    z,
    k,
    inside,
    size,
    MET: tl.constexpr,
    WAYS: tl.constexpr,
    KEEP: tl.constexpr,
):
    """Store one sample, with what the other direction left there if it was there."""
    at = k * size.channels
    if MET > 0:
        y += other
    if MET < WAYS - 1:
        tl.store(rows.y + at, y, mask=inside)
    else:
        if gate.z is not None:
            if KEEP:
                tl.store(rows.y + at, y, mask=inside)
            y *= z * sigmoid(z)
        tl.store(rows.out + at, y, mask=inside)


@triton.jit
def fetch_gate(gate, rows, k, size, GATED: tl.constexpr):
    """Load the gradient of the gated sum, the gate, and what `ungated` writes with."""
    k = near(k, rows.start, size)
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
