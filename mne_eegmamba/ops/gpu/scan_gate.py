"""The gate around both directions of the scan, and its gradient; see ``layout.py``."""

import triton
import triton.language as tl

from mne_eegmamba.ops.gpu.functions import sigmoid
from mne_eegmamba.ops.gpu.layout import exists, signal


@triton.jit
def cell(b, t, d, size):
    """Return where a sample lies in (batch, length, channels), and if it exists."""
    at = (b * size.length + t) * size.channels + d
    return at, exists(t, d, size) & (d < size.channels)


@triton.jit
def emit(
    gate,
    y,
    b,
    t,
    d,
    size,
    FIRST: tl.constexpr,
    LAST: tl.constexpr,
    KEEP: tl.constexpr,
):
    """Store one sample: alone, or on top of what the other direction left there."""
    at, inside = cell(b, t, d, size)
    if not FIRST:
        y += tl.load(gate.y + at, mask=inside, other=0.0).to(tl.float32)
    if LAST:
        if gate.z is not None:
            if KEEP:
                tl.store(gate.y + at, y, mask=inside)
            z = signal(gate.z, gate.z_batch, gate.z_time, b, t, d, size)
            y *= z * sigmoid(z)
        tl.store(gate.out + at, y, mask=inside)
    else:
        tl.store(gate.y + at, y, mask=inside)


@triton.jit
def gate_gradient(gate, gy, b, t, d, size):
    """Return the gradient of the ungated sum at one sample."""
    g = signal(gy, size.length * size.channels, size.channels, b, t, d, size)
    if gate.z is not None:
        z = signal(gate.z, gate.z_batch, gate.z_time, b, t, d, size)
        g *= z * sigmoid(z)
    return g


@triton.jit
def store_gate_gradient(gate, gy, gz, b, t, d, size):
    """Write the gradient of the gate itself at one sample."""
    whole = size.length * size.channels
    g = signal(gy, whole, size.channels, b, t, d, size)
    y = signal(gate.y, whole, size.channels, b, t, d, size)
    z = signal(gate.z, gate.z_batch, gate.z_time, b, t, d, size)
    s = sigmoid(z)
    at, inside = cell(b, t, d, size)
    tl.store(gz + at, g * y * s * (1.0 + z * (1.0 - s)), mask=inside)
