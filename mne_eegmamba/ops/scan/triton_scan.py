"""The scan on a GPU, in Triton: custom operators that torch can trace and compile."""

import torch

from mne_eegmamba.ops.gpu.layout import (
    GROUP,
    STEPS,
    WIDTH,
    Gate,
    Way,
    alignment,
    size_of,
)
from mne_eegmamba.ops.gpu.scan_backward import Gradients, scan_backward
from mne_eegmamba.ops.gpu.scan_forward import scan_forward
from mne_eegmamba.ops.gpu.scan_segments import scan_carry, scan_ends
from mne_eegmamba.ops.gpu.support import launch, refuse, rows
from mne_eegmamba.ops.scan import custom_op
from mne_eegmamba.ops.scan.custom_op import Inputs, pack, unpack

LOG2_E = 1.4426950408889634


def refusal(dtype=None):
    """Return None if this runs here (with that dtype), else the reason."""
    return refuse(dtype)


def scan(ways, z, delta_softplus):
    """Run one or two directions; differentiable once in all tensors.

    Every tensor is read in its own dtype: under autocast nothing is converted. Two
    directions are a forward one and a backward one, which meet in the middle of time.
    """
    reverse = [way[7] for way in ways]
    assert len(ways) == 1 or reverse == [False, True]
    tensors = [_all_there(*way[:7]) for way in ways]
    every = [x for way in tensors for x in way] + [z]
    keep = torch.is_grad_enabled() and any(
        x is not None and x.requires_grad for x in every
    )
    y, *_ = _scan(
        *pack(tensors),
        z,
        reverse,
        delta_softplus,
        keep,
    )
    return y


def _all_there(u, delta, A, B, C, D, bias):
    D, bias = (A.new_zeros(len(A)) if x is None else x for x in (D, bias))
    return Inputs(u, delta, A, B, C, D, bias)


@torch.library.custom_op(
    "mne_eegmamba::triton_scan", mutates_args=(), schema=custom_op.SCAN
)
def _scan(*arguments):
    """Return the result and, for backward, the ungated sum and the kept states."""
    inputs, (z, reverse, softplus, keep) = unpack(arguments)
    u = inputs[0].u
    size = size_of(u)
    out = u.new_empty(u.shape)
    y = out if z is None or not keep else torch.empty_like(out)
    kept = _float(u, *(_kept_shape(inputs) if keep else (0,)))
    ways, gate = [_way(*way) for way in inputs], _gate(z, y, out)
    options = _options(ways, reverse, softplus)
    starts = None
    if size.segments > 1:
        starts = _enter_segments(ways, gate, False, size, options)
    launch(
        scan_forward,
        (size.columns, size.segments),
        *(out, ways[0], ways[-1], gate, kept, starts, *size),
        **options,
        WAYS=len(ways),
        KEEP=keep,
        STEPS=STEPS,
    )
    return out, y if keep and z is not None else out.new_empty(0), kept


@_scan.register_fake
def _(*arguments):
    ways, (z, _, _, keep) = unpack(arguments)
    out = ways[0].u.new_empty(ways[0].u.shape)
    pre = out.new_empty(out.shape if keep and z is not None else (0,))
    return out, pre, _float(out, *(_kept_shape(ways) if keep else (0,)))


@torch.library.custom_op(
    "mne_eegmamba::triton_scan_backward",
    mutates_args=(),
    schema=custom_op.SCAN_BACKWARD,
)
def _scan_backward(gy, *arguments):
    """Return the gradients: of every way's seven tensors in turn, then of the gate."""
    inputs, (z, y, kept, reverse, softplus) = unpack(arguments)
    size, states = size_of(inputs[0].u), inputs[0].A.shape[1]
    gy = gy.contiguous()
    gz = gy.new_empty(0) if z is None else z.new_empty(z.shape)
    ways, gate = [_way(*way) for way in inputs], _gate(z, y, gy)
    options = _options(ways, reverse, softplus)
    partial = [_partial_gradients(way, size, states) for way in ways]
    carries = None
    if size.segments > 1:
        carries = _enter_segments(ways, gate, True, size, options)
    programs = size.columns, size.segments, len(ways)
    padded = 1 << (states - 1).bit_length()
    launch(
        scan_backward,
        programs,
        *(gy, ways[0], ways[-1], partial[0], partial[-1], gate),
        *(None if z is None else gz, kept, carries),
        *(_float(gy, *programs, STEPS // GROUP, padded, WIDTH), *size),
        **options,
        STEPS=STEPS,
        GROUP=GROUP,
    )
    found = []
    for p, (_, _, *others) in zip(partial, inputs, strict=True):
        sums = p.A.sum(0).t(), p.B.sum(0), p.C.sum(0), p.D.sum(0), p.bias.sum(0)
        sums = [x.to(t.dtype).contiguous() for x, t in zip(sums, others, strict=True)]
        found += [p.u, p.delta, *sums]
    return [*found, gz]


@_scan_backward.register_fake
def _(gy, *arguments):
    ways, (z, *_) = unpack(arguments)
    found = [x.new_empty(x.shape) for way in ways for x in way]
    return [*found, gy.new_empty(0) if z is None else z.new_empty(z.shape)]


custom_op.register(_scan, _scan_backward)


def _enter_segments(ways, gate, gradient, size, options):
    """Return the states, or their gradients, that enter each segment."""
    u, states = ways[0].u, options["STATES"]
    shape = len(ways), size.batch, size.segments
    ends = _float(u, *shape, states, size.channels)
    decays = _float(u, *shape, size.channels)
    ends_options = options | {"GRADIENT": gradient}
    launch(
        scan_ends,
        (size.columns, size.segments, len(ways)),
        *(u, ways[0], ways[-1], gate, ends, decays, *size),
        **ends_options,
    )
    kinds = "REVERSE", "GRADIENT", "STATES", "WIDTH", "warps"
    launch(
        scan_carry,
        (size.columns, len(ways)),
        *(u, ways[0], ways[-1], ends, decays, *size),
        **{kind: ends_options[kind] for kind in kinds},
    )
    return ends


def _options(ways, reverse, softplus):
    return {
        "REVERSE": reverse[0],
        "SOFTPLUS": softplus,
        "STATES": ways[0].A2.shape[0],
        "ALIGN": alignment(ways),
        "WIDTH": WIDTH,
        "warps": 1,
    }


def _kept_shape(ways):
    batch, length, channels = ways[0].u.shape
    chunks = (length + STEPS - 1) // STEPS
    return len(ways), batch, chunks, ways[0].A.shape[1], channels


def _float(like, *shape):
    return like.new_empty(shape, dtype=torch.float32)


def _partial_gradients(way, size, states):
    parts = size.batch * size.segments
    blocks = size.columns // size.batch if size.batch else 1
    maps = blocks, size.batch, size.length, states
    return Gradients(
        way.u.new_empty(way.u.shape),
        way.delta.new_empty(way.delta.shape),
        *(_float(way.u, *maps) for _ in range(2)),
        _float(way.u, parts, states, size.channels),
        *(_float(way.u, parts, size.channels) for _ in range(2)),
    )


def _way(u, delta, A, B, C, D, bias):
    """Return a `Way`."""
    described = []
    for x in map(rows, (u, delta, B, C)):
        described += [x, *x.stride()[:2]]
    A2 = torch.mul(A.float().t(), LOG2_E, out=_float(A, A.shape[1], A.shape[0]))
    return Way(*described, A2, D.contiguous(), bias.contiguous())


def _gate(z, y, out):
    if z is None:
        return Gate(None, 0, 0, y, out)
    z = rows(z)
    return Gate(z, *z.stride()[:2], y, out)
