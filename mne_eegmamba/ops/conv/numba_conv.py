"""The convolution on a CPU, in numba: custom operators that torch can trace."""

import torch
from torch import Tensor

from mne_eegmamba.ops.conv import reference
from mne_eegmamba.ops.cpu import conv_loops as loops
from mne_eegmamba.ops.cpu.memory import Addresses, empty, pad, parts, sum_parts, zeros
from mne_eegmamba.ops.cpu.simd import WIDTH
from mne_eegmamba.ops.cpu.support import ramp, refuse
from mne_eegmamba.ops.cpu.workers import run


def refusal(dtype=None):
    """Return None if this runs here (with that dtype), else the reason."""
    return refuse(dtype, _example)


def _example():
    x = ramp(2, 3, 16)
    ways = [(x[0, :2].t(), x[0, 0], False), (x[1, :2].t(), None, True)]
    got, want = conv(x, ways), reference.conv(x, ways)
    return torch.cat(got), torch.cat(want)


def conv(x, ways):
    """Run one or two directions; differentiable once in all tensors."""
    dtype, channels = x.dtype, x.shape[2]
    nothing = x.new_zeros(channels)
    weights = [pad(weight.float().t(), WIDTH) for weight, _, _ in ways]
    biases = [pad((nothing if b is None else b).float(), WIDTH) for _, b, _ in ways]
    found = _conv(pad(x.float(), WIDTH), weights, biases, [way[2] for way in ways])
    return [y[..., :channels].to(dtype) for y in found]


@torch.library.custom_op("mne_eegmamba::conv", mutates_args=())
def _conv(
    x: Tensor, weight: list[Tensor], bias: list[Tensor], reverse: list[bool]
) -> list[Tensor]:
    """Return one result per direction; weights are (kernel, channels)."""
    found = [empty(*x.shape) for _ in weight]
    with Addresses() as at:
        ways = [
            loops.Way(at.dense(w), at.dense(b), int(r), y.data_ptr(), 0, 0)
            for w, b, r, y in zip(weight, bias, reverse, found, strict=True)
        ]
        sizes = _sizes(x, weight, at)
        run(loops.forward, sizes, ways[0], ways[-1])
    return found


@_conv.register_fake
def _(x, weight, bias, reverse):
    return [x.new_empty(x.shape) for _ in weight]


@torch.library.custom_op("mne_eegmamba::conv_backward", mutates_args=())
def _conv_backward(
    gy: list[Tensor],
    x: Tensor,
    weight: list[Tensor],
    bias: list[Tensor],
    reverse: list[bool],
) -> list[Tensor]:
    """Return the gradient of x, then of every weight, then of every bias."""
    gx = empty(*x.shape)
    gweights, gbiases = [], []
    with Addresses() as at:
        sizes = _sizes(x, weight, at)
        ways = []
        for g, w, b, r in zip(gy, weight, bias, reverse, strict=True):
            gweights.append(zeros(sizes.batch_parts, *w.shape))
            gbiases.append(zeros(sizes.batch_parts, *b.shape))
            sums = gweights[-1].data_ptr(), gbiases[-1].data_ptr()
            ways.append(loops.Way(at.dense(w), at.dense(b), int(r), at.dense(g), *sums))
        run(loops.backward, sizes, ways[0], ways[-1], (gx.data_ptr(),))
    return [gx, *(sum_parts(g) for g in gweights), *(sum_parts(g) for g in gbiases)]


@_conv_backward.register_fake
def _(gy, x, weight, bias, reverse):
    return [t.new_empty(t.shape) for t in (x, *weight, *bias)]


def _setup_context(ctx, inputs, output):
    x, weight, bias, ctx.reverse = inputs
    ctx.save_for_backward(x, *weight, *bias)


def _backward(ctx, gy):
    x, *both = ctx.saved_tensors
    n = len(ctx.reverse)
    gx, *found = _conv_backward(gy, x, both[:n], both[n:], ctx.reverse)
    return gx, found[:n], found[n:], None


_conv.register_autograd(_backward, setup_context=_setup_context)
torch.library.register_autocast(_conv, "cpu", torch.float32)


def _sizes(x, weight, at):
    batch, length, channels = x.shape
    tiles = channels // WIDTH
    kernel = len(weight[0])
    return loops.Sizes(
        batch, length, tiles, kernel, *parts(batch, tiles), len(weight), *at.rows(x)
    )
