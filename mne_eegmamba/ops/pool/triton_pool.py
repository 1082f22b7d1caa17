"""The pooling on a GPU, in Triton: custom operators that torch can trace."""

import torch
import triton
from torch import Tensor

from mne_eegmamba.ops.gpu.pool import STEPS, WARPS, WIDEST, pool_backward, pool_forward
from mne_eegmamba.ops.gpu.support import launch, refuse, rows


def refusal(dtype=None):
    """Return None if this runs here (with that dtype), else the reason."""
    return refuse(dtype)


def gelu_pool(x, size, stride, kind):
    """Pool in float32; differentiable once."""
    return _pool(x, size, stride, kind == "max")


@torch.library.custom_op("mne_eegmamba::triton_pool", mutates_args=())
def _pool(x: Tensor, size: int, stride: int, greatest: bool) -> Tensor:
    x = rows(x)
    y = _empty(x, size, stride)
    _launch(pool_forward, y.shape[1], x, y, size, stride, greatest)
    return y


@_pool.register_fake
def _empty(x, size, stride, greatest=None):
    batch, length, channels = x.shape
    return x.new_empty(batch, (length - size) // stride + 1, channels)


@torch.library.custom_op("mne_eegmamba::triton_pool_backward", mutates_args=())
def _pool_backward(
    gy: Tensor, x: Tensor, size: int, stride: int, greatest: bool
) -> Tensor:
    x, gy = rows(x), gy.contiguous()
    gx = x.new_empty(x.shape)
    groups = -(-x.shape[1] // stride)
    _launch(pool_backward, groups, x, gx, size, stride, greatest, gy)
    return gx


@_pool_backward.register_fake
def _(gy, x, *options):
    return x.new_empty(x.shape)


def _setup_context(ctx, inputs, output):
    x, *ctx.options = inputs
    ctx.save_for_backward(x)


def _backward(ctx, gy):
    gx = _pool_backward(gy, *ctx.saved_tensors, *ctx.options)
    return gx, None, None, None


_pool.register_autograd(_backward, setup_context=_setup_context)


def _launch(kernel, steps, x, out, size, stride, greatest, gy=None):
    """Run a kernel over so many steps of so many samples of each epoch."""
    batch, length, channels = x.shape
    width = min(WIDEST, triton.next_power_of_2(max(1, channels)))
    windows = (length - size) // stride + 1
    given = (x,) if gy is None else (x, gy)
    launch(
        kernel,
        (batch * -(-channels // width), -(-steps // STEPS)),
        *(x, *given, *x.stride()[:2], out, length, windows, channels),
        GREATEST=greatest,
        SIZE=size,
        STRIDE=stride,
        STEPS=STEPS,
        WIDTH=width,
        warps=WARPS,
    )
