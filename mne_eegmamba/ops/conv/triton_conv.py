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
    second = filters[1] if len(ways) == 2 else None
    return list(_conv(x, filters[0], second, reverse).unbind())


# The directions are arguments of their own, as in `ops.scan.custom_op`.
@torch.library.custom_op("mne_eegmamba::triton_conv", mutates_args=())
def _conv(
    x: Tensor, filters: Tensor, filters_2: Tensor | None, reverse: list[bool]
) -> Tensor:
    """Return one result per direction; filters are taps, then bias."""
    x = rows(x)
    y = x.new_empty(len(reverse), *x.shape)
    filters = _given(filters, filters_2)
    launch(
        conv_forward,
        _programs(x),
        *(x, x, *x.stride()[:2], filters[0], filters[-1], y, *x.shape),
        **_options(filters, reverse),
    )
    return y


@_conv.register_fake
def _(x, filters, filters_2, reverse):
    return x.new_empty(len(reverse), *x.shape)


@torch.library.custom_op("mne_eegmamba::triton_conv_backward", mutates_args=())
def _conv_backward(
    gy: Tensor,
    x: Tensor,
    filters: Tensor,
    filters_2: Tensor | None,
    reverse: list[bool],
) -> list[Tensor]:
    """Return the gradient of x, then of every filter."""
    x, gy, filters = rows(x), gy.contiguous(), _given(filters, filters_2)
    programs = _programs(x)
    gx = x.new_empty(x.shape)
    shape = len(filters), len(x) * programs[1], *filters[0].shape
    sums = x.new_empty(shape, dtype=torch.float32)
    launch(
        conv_backward,
        programs,
        *(x, x, *x.stride()[:2], filters[0], filters[-1], gy[0], gy[-1], gx, sums),
        *(*x.shape, programs[1]),
        **_options(filters, reverse),
    )
    return [gx, *(g.sum(0).to(f.dtype) for g, f in zip(sums, filters, strict=True))]


@_conv_backward.register_fake
def _(gy, *arguments):
    return [t.new_empty(t.shape) for t in arguments[:3] if t is not None]


def _setup_context(ctx, inputs, output):
    *tensors, ctx.reverse = inputs
    ctx.save_for_backward(*tensors)


def _backward(ctx, gy):
    gx, *found = _conv_backward(gy, *ctx.saved_tensors, ctx.reverse)
    return gx, found[0], found[1] if len(found) == 2 else None, None


_conv.register_autograd(_backward, setup_context=_setup_context)


def _given(*filters):
    return [f.contiguous() for f in filters if f is not None]


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
