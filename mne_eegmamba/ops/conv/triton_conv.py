"""The convolution on a GPU, in Triton: custom operators that torch can trace."""

import torch
from torch import Tensor

from mne_eegmamba.ops.gpu.conv import (
    STEPS,
    WARPS,
    WIDTH,
    conv_backward,
    conv_forward,
)
from mne_eegmamba.ops.gpu.support import launch, refuse, rows


def refusal(dtype=None):
    """Return None if this runs here (with that dtype), else the reason."""
    return refuse(dtype)


def conv(x, ways):
    """Run one or two directions; differentiable once in all tensors.

    Every tensor is read in its own dtype: under autocast nothing is converted.
    """
    reverse = [way[2] for way in ways]
    assert len(ways) == 1 or reverse == [False, True]
    filters = []
    for weight, bias, _ in ways:
        bias = weight.new_zeros(len(weight)) if bias is None else bias
        filters.append(torch.cat([weight.t(), bias.to(weight.dtype).unsqueeze(0)]))
    return list(_conv(x, filters, reverse).unbind())


@torch.library.custom_op("mne_eegmamba::triton_conv", mutates_args=())
def _conv(x: Tensor, filters: list[Tensor], reverse: list[bool]) -> Tensor:
    """Return one result per direction; filters are taps, then bias."""
    x = rows(x)
    y = x.new_empty(len(filters), *x.shape)
    filters = [f.contiguous() for f in filters]
    launch(
        conv_forward,
        _programs(x),
        *(x, x, *x.stride()[:2], filters[0], filters[-1], y, *x.shape),
        **_options(filters, reverse),
    )
    return y


@_conv.register_fake
def _(x, filters, reverse):
    return x.new_empty(len(filters), *x.shape)


@torch.library.custom_op("mne_eegmamba::triton_conv_backward", mutates_args=())
def _conv_backward(
    gy: Tensor, x: Tensor, filters: list[Tensor], reverse: list[bool]
) -> list[Tensor]:
    """Return the gradient of x, then of every filter."""
    x, gy = rows(x), gy.contiguous()
    programs = _programs(x)
    gx = x.new_empty(x.shape)
    shape = len(filters), len(x) * programs[1], *filters[0].shape
    sums = x.new_empty(shape, dtype=torch.float32)
    filters = [f.contiguous() for f in filters]
    launch(
        conv_backward,
        programs,
        *(x, x, *x.stride()[:2], filters[0], filters[-1], gy[0], gy[-1], gx, sums),
        *(*x.shape, programs[1]),
        **_options(filters, reverse),
    )
    return [gx, *(g.sum(0).to(f.dtype) for g, f in zip(sums, filters, strict=True))]


@_conv_backward.register_fake
def _(gy, x, filters, reverse):
    return [t.new_empty(t.shape) for t in (x, *filters)]


def _setup_context(ctx, inputs, output):
    x, filters, ctx.reverse = inputs
    ctx.save_for_backward(x, *filters)


def _backward(ctx, gy):
    x, *filters = ctx.saved_tensors
    gx, *found = _conv_backward(gy, x, filters, ctx.reverse)
    return gx, found, None


_conv.register_autograd(_backward, setup_context=_setup_context)


def _programs(x):
    batch, length, channels = x.shape
    return batch * -(-channels // WIDTH), -(-length // STEPS)


def _options(filters, reverse):
    return {
        "REVERSE": reverse[0],
        "WAYS": len(reverse),
        "KERNEL": len(filters[0]) - 1,
        "STEPS": STEPS,
        "WIDTH": WIDTH,
        "warps": WARPS,
    }
