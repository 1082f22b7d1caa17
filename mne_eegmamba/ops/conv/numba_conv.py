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
    weights = [pad(weight.float().t(), WIDTH) for weight, _, _ in ways]
    biases = [x.new_zeros(channels) if b is None else b for _, b, _ in ways]
    biases = [pad(b.float(), WIDTH) for b in biases]
    both = [*zip(weights, biases, strict=True), (None, None)][:2]
    reverse = [way[2] for way in ways]
    found = _conv(pad(x.float(), WIDTH), *both[0], *both[1], reverse)
    return [y[..., :channels].to(dtype) for y in found[: len(ways)]]


# The directions are arguments of their own, as in `ops.scan.custom_op`.
@torch.library.custom_op("mne_eegmamba::conv", mutates_args=())
def _conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    weight_2: Tensor | None,
    bias_2: Tensor | None,
    reverse: list[bool],
) -> tuple[Tensor, Tensor]:
    """Return one result per direction; a weight is (kernel, channels)."""
    filters = [(weight, bias), (weight_2, bias_2)][: len(reverse)]
    found = [empty(*x.shape) for _ in filters]
    with Addresses() as at:
        ways = [
            loops.Way(at.dense(w), at.dense(b), int(r), y.data_ptr(), 0, 0)
            for (w, b), r, y in zip(filters, reverse, found, strict=True)
        ]
        sizes = _sizes(x, weight, len(ways), at)
        run(loops.forward, sizes, ways[0], ways[-1])
    return found[0], found[1] if len(found) == 2 else x.new_empty(0)


@_conv.register_fake
def _(x, weight, bias, weight_2, bias_2, reverse):
    second = x.shape if len(reverse) == 2 else (0,)
    return x.new_empty(x.shape), x.new_empty(second)


@torch.library.custom_op("mne_eegmamba::conv_backward", mutates_args=())
def _conv_backward(
    gy: list[Tensor],
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    weight_2: Tensor | None,
    bias_2: Tensor | None,
    reverse: list[bool],
) -> list[Tensor]:
    """Return the gradient of x, then of every direction's weight and bias."""
    gx = empty(*x.shape)
    filters = [(weight, bias), (weight_2, bias_2)][: len(reverse)]
    sums = []
    with Addresses() as at:
        sizes = _sizes(x, weight, len(filters), at)
        ways = []
        for g, (w, b), r in zip(gy, filters, reverse, strict=True):
            sums += [zeros(sizes.batch_parts, *t.shape) for t in (w, b)]
            into = [t.data_ptr() for t in sums[-2:]]
            ways.append(loops.Way(at.dense(w), at.dense(b), int(r), at.dense(g), *into))
        run(loops.backward, sizes, ways[0], ways[-1], (gx.data_ptr(),))
    return [gx, *(sum_parts(t) for t in sums)]


@_conv_backward.register_fake
def _(gy, *arguments):
    return [t.new_empty(t.shape) for t in arguments[:5] if t is not None]


def _setup_context(ctx, inputs, output):
    *tensors, ctx.reverse = inputs
    ctx.save_for_backward(*tensors)


def _backward(ctx, *gy):
    given = list(gy[: len(ctx.reverse)])
    found = _conv_backward(given, *ctx.saved_tensors, ctx.reverse)
    return *found, *([None] * (6 - len(found)))


_conv.register_autograd(_backward, setup_context=_setup_context)
torch.library.register_autocast(_conv, "cpu", torch.float32)


def _sizes(x, weight, ways, at):
    batch, length, channels = x.shape
    tiles = channels // WIDTH
    return loops.Sizes(
        batch, length, tiles, len(weight), *parts(batch, tiles), ways, *at.rows(x)
    )
