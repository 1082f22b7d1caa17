"""The scan on a CPU, in numba: custom operators that torch can trace and compile."""

import torch

from mne_eegmamba.ops.cpu.layout import STEPS, Gate, Sizes, Way
from mne_eegmamba.ops.cpu.memory import (
    FEWEST_ITEMS,
    Addresses,
    empty,
    pad,
    parts,
    sum_parts,
    zeros,
)
from mne_eegmamba.ops.cpu.scan_backward import GateGradients, WayGradients, backward
from mne_eegmamba.ops.cpu.scan_forward import forward
from mne_eegmamba.ops.cpu.simd import WIDTH
from mne_eegmamba.ops.cpu.support import ramp, refuse
from mne_eegmamba.ops.cpu.workers import run
from mne_eegmamba.ops.scan import custom_op, reference
from mne_eegmamba.ops.scan.custom_op import Inputs, pack, unpack

LOG2_E = 1.4426950408889634
BACKWARD_ITEMS = 8  # every cut over channels costs one more copy of gB and gC
STATE_BLOCK = 4


def refusal(dtype=None):
    """Return None if this runs here (with that dtype), else the reason."""
    return refuse(dtype, _example)


def _example():
    u = ramp(2, 3, 16)
    B = u[..., :4]
    way = (u, u, ramp(16, 4) - 2, B, B, None, None, True)
    return scan([way], u, True), reference.scan([way], u, True)


def scan(ways, z, delta_softplus):
    """Run one or two directions; differentiable once in all tensors."""
    dtype = ways[0][0].dtype
    channels = len(ways[0][2])
    tensors = [_full_blocks(*way[:7]) for way in ways]
    if z is not None:
        z = pad(z.float(), WIDTH)
    every = [x for way in tensors for x in way] + [z]
    keep = torch.is_grad_enabled() and any(
        x is not None and x.requires_grad for x in every
    )
    y, *_ = _scan(
        *pack(tensors),
        z,
        [way[7] for way in ways],
        delta_softplus,
        keep,
    )
    return y[..., :channels].to(dtype)


def _full_blocks(u, delta, A, B, C, D, bias):
    """Return float32 tensors whose channels and states fill whole vectors."""
    u, delta, A, B, C = (x.float() for x in (u, delta, A, B, C))
    D, bias = (u.new_zeros(len(A)) if x is None else x.float() for x in (D, bias))
    u, delta, D, bias = (pad(x, WIDTH) for x in (u, delta, D, bias))
    B, C = (pad(x, STATE_BLOCK) for x in (B, C))
    A = pad(pad(A, STATE_BLOCK), WIDTH, 0)
    return Inputs(u, delta, A, B, C, D, bias)


@torch.library.custom_op("mne_eegmamba::scan", mutates_args=(), schema=custom_op.SCAN)
def _scan(*arguments):
    """Return the result and, for backward, the ungated sum and the kept states."""
    ways, (z, reverse, softplus, keep) = unpack(arguments)
    y = empty(*ways[0].u.shape)
    out = y if z is None else torch.empty_like(y) if keep else y
    kept = empty(*(_kept_shape(ways) if keep else (0,)))
    sizes = _sizes(ways, softplus)
    with Addresses() as at:
        found = _ways(at, ways, kept, reverse)
        run(forward, sizes, found[0], found[-1], _gate(at, z, y, out))
    return out, y if keep and z is not None else y.new_empty(0), kept


@_scan.register_fake
def _(*arguments):
    ways, (z, _, _, keep) = unpack(arguments)
    out = ways[0].u.new_empty(ways[0].u.shape)
    pre = out.new_empty(out.shape if keep and z is not None else (0,))
    return out, pre, out.new_empty(_kept_shape(ways) if keep else (0,))


@torch.library.custom_op(
    "mne_eegmamba::scan_backward",
    mutates_args=(),
    schema=custom_op.SCAN_BACKWARD,
)
def _scan_backward(gy, *arguments):
    """Return the gradients: of every way's seven tensors in turn, then of the gate."""
    ways, (z, y, kept, reverse, softplus) = unpack(arguments)
    sizes = _sizes(ways, softplus, BACKWARD_ITEMS)
    gy = gy.contiguous()
    partial = [_partial_gradients(sizes) for _ in ways]
    gz = torch.empty_like(gy) if z is not None else gy.new_empty(0)
    with Addresses() as at:
        ways = _ways(at, ways, kept, reverse)
        grads = [WayGradients(*(x.data_ptr() for x in p)) for p in partial]
        run(
            backward,
            sizes,
            ways[0],
            ways[-1],
            _gate(at, z, y, y),
            grads[0],
            grads[-1],
            GateGradients(gy.data_ptr(), gz.data_ptr()),
        )
    found = []
    for gu, gdelta, gB, gC, gA, gD, gbias in partial:
        gB, gC, gA, gD, gbias = (sum_parts(x) for x in (gB, gC, gA, gD, gbias))
        found += [gu, gdelta, gA.t().contiguous(), gB, gC, gD, gbias]
    return [*found, gz]


@_scan_backward.register_fake
def _(gy, *arguments):
    ways, (z, *_) = unpack(arguments)
    found = [x.new_empty(x.shape) for way in ways for x in way]
    return [*found, gy.new_empty(gy.shape if z is not None else (0,))]


custom_op.register(_scan, _scan_backward)
torch.library.register_autocast(_scan, "cpu", torch.float32)


def _kept_shape(ways):
    batch, length, channels = ways[0].u.shape
    chunks = (length + STEPS - 1) // STEPS
    return len(ways), batch, chunks, ways[0].A.shape[1], channels


def _sizes(ways, softplus, items=FEWEST_ITEMS):
    batch, length, channels = ways[0].u.shape
    tiles = channels // WIDTH
    return Sizes(
        batch,
        length,
        tiles,
        ways[0].A.shape[1],
        *parts(batch, tiles, items),
        len(ways),
        int(softplus),
    )


def _partial_gradients(sizes):
    """Return memory for `WayGradients`."""
    batch, length, states = sizes.batch, sizes.length, sizes.states
    channels = sizes.tiles * WIDTH
    signal = (batch, length, channels)
    maps = (sizes.tile_parts, batch, length, states)
    parts = sizes.batch_parts
    written = [empty(*shape) for shape in (signal, signal, maps, maps)]
    sums = ((parts, states, channels), (parts, channels), (parts, channels))
    return [*written, *(zeros(*shape) for shape in sums)]


def _ways(at, ways, kept, reverse):
    """Return a `Way` per direction."""
    return [
        Way(
            *(number for x in (u, delta, B, C) for number in at.rows(x)),
            at.dense((A * LOG2_E).t()),
            at.dense(D),
            at.dense(bias),
            kept[i].data_ptr() if kept.numel() else 0,
            int(reverse[i]),
        )
        for i, (u, delta, A, B, C, D, bias) in enumerate(ways)
    ]


def _gate(at, z, y, out):
    """Return a `Gate`."""
    z = (0, 0, 0) if z is None else at.rows(z)
    return Gate(*z, y.data_ptr(), out.data_ptr())
