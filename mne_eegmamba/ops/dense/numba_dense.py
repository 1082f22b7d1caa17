"""The products on a CPU, in numba: custom operators that torch can trace."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mne_eegmamba.ops.cpu.layout import FLOAT
from mne_eegmamba.ops.cpu.memory import Addresses, empty, pad, zeros
from mne_eegmamba.ops.cpu.product_loops import (
    Gram,
    Product,
    Rows,
    correlate,
    multiply,
)
from mne_eegmamba.ops.cpu.simd import WIDTH
from mne_eegmamba.ops.cpu.support import ramp, refuse
from mne_eegmamba.ops.cpu.workers import run
from mne_eegmamba.ops.dense import reference

PARTS = 8  # of a sum over rows, each with memory of its own
GROUPED_PARTS = 2  # of each group


def refusal(dtype=None):
    """Return None if this runs here (with that dtype), else the reason."""
    return refuse(dtype, _example)


def _example():
    x = ramp(2, 9, 3)
    weight, bias = ramp(4, 3, 3), ramp(4)
    return conv1d(x, weight, bias, 2), reference.conv1d(x, weight, bias, 2)


def conv1d(x, weight, bias, stride):
    """Convolve; differentiable once in all tensors."""
    y = _conv1d(x.float(), *_whole_vectors(weight, bias, 0), stride)
    return y[..., : len(weight)].to(x.dtype)


def linear(x, weight, bias):
    """Multiply rows, as windows of one sample."""
    rows = x.flatten(0, -2).unsqueeze(0) if x.ndim > 1 else x.view(1, 1, -1)
    y = conv1d(rows, weight.unsqueeze(1), bias, 1)
    return y.view(*x.shape[:-1], len(weight))


def grouped_linear(rows, weight, bias, counts):
    """Multiply each group with its own matrix; differentiable once in all tensors."""
    y = _grouped(rows.float(), *_whole_vectors(weight, bias, 1), list(counts))
    return y[:, : weight.shape[1]].to(rows.dtype)


def _whole_vectors(weight, bias, dim):
    """Return float32 tensors whose outputs, a dimension of weight, fill vectors."""
    bias = None if bias is None else pad(bias.float(), WIDTH)
    return pad(weight.float(), WIDTH, dim), bias


@torch.library.custom_op("mne_eegmamba::conv1d", mutates_args=())
def _conv1d(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int) -> Tensor:
    """Return products; outputs of weight fill vectors."""
    x = _whole_rows(x, weight.shape[1])
    y = empty(len(x), _n_results(x, weight, stride), len(weight))
    weight = weight.reshape(1, len(weight), -1)
    _multiply(_windows(x, y, stride, weight.shape[2]), weight, bias)
    return y


@_conv1d.register_fake
def _(x, weight, bias, stride):
    return x.new_empty(len(x), _n_results(x, weight, stride), len(weight))


def _n_results(x, weight, stride):
    return (x.shape[1] - weight.shape[1]) // stride + 1


def _whole_rows(x, kernel):
    """Return x with rows in one piece; those of a window must follow each other."""
    fits = x.stride(2) == 1 and (kernel == 1 or x.stride(1) == x.shape[2])
    return x if fits else x.contiguous()


@torch.library.custom_op("mne_eegmamba::conv1d_weight", mutates_args=())
def _conv1d_weight(gy: Tensor, x: Tensor, kernel: int, stride: int) -> Tensor:
    """Return the gradient of the weight."""
    x, gy = _whole_rows(x, kernel), gy.contiguous()
    rows = _windows(x, gy, stride, kernel * x.shape[2])
    return _correlate(rows, gy.shape[2]).view(gy.shape[2], kernel, -1)


@_conv1d_weight.register_fake
def _(gy, x, kernel, stride):
    return gy.new_empty(gy.shape[2], kernel, x.shape[2])


def _conv1d_context(ctx, inputs, output):
    x, weight, bias, ctx.stride = inputs
    ctx.biased = bias is not None
    ctx.save_for_backward(x, weight)


def _conv1d_backward(ctx, gy):
    x, weight = ctx.saved_tensors
    needs = ctx.needs_input_grad
    gx = _input_gradient(gy, x, weight, ctx.stride) if needs[0] else None
    gw = _conv1d_weight(gy, x, weight.shape[1], ctx.stride) if needs[1] else None
    gb = gy.sum((0, 1)) if ctx.biased and needs[2] else None
    return gx, gw, gb, None


def _input_gradient(gy, x, weight, stride):
    """Convolve the gradient with the filters turned round."""
    out, kernel, channels = weight.shape
    if stride > 1:
        shape = len(x), channels, x.shape[1]
        weight, gy = weight.transpose(1, 2), gy.transpose(1, 2)
        gx = torch.nn.grad.conv1d_input(shape, weight, gy, stride)
        return gx.transpose(1, 2)
    turned = weight.flip(1).permute(2, 1, 0)  # (channels, kernel, out)
    gy = F.pad(gy, (0, 0, kernel - 1, kernel - 1)) if kernel > 1 else gy
    return conv1d(gy, turned, None, 1)


_conv1d.register_autograd(_conv1d_backward, setup_context=_conv1d_context)
torch.library.register_autocast(_conv1d, "cpu", torch.float32)


@torch.library.custom_op("mne_eegmamba::grouped_linear", mutates_args=())
def _grouped(
    rows: Tensor, weight: Tensor, bias: Tensor | None, counts: list[int]
) -> Tensor:
    rows = rows.contiguous()
    y = empty(len(rows), weight.shape[1])
    _multiply(_groups(rows, y, counts), weight, bias, counts)
    return y


@_grouped.register_fake
def _(rows, weight, bias, counts):
    return rows.new_empty(len(rows), weight.shape[1])


@torch.library.custom_op("mne_eegmamba::grouped_weight", mutates_args=())
def _grouped_weight(gy: Tensor, rows: Tensor, counts: list[int]) -> Tensor:
    """Return the gradient of the weights."""
    gy, rows = gy.contiguous(), rows.contiguous()
    return _correlate(_groups(rows, gy, counts), gy.shape[1], counts)


@_grouped_weight.register_fake
def _(gy, rows, counts):
    return gy.new_empty(len(counts), gy.shape[1], rows.shape[1])


def _grouped_context(ctx, inputs, output):
    rows, weight, bias, ctx.counts = inputs
    ctx.save_for_backward(rows, weight)


def _grouped_backward(ctx, gy):
    rows, weight = ctx.saved_tensors
    needs = ctx.needs_input_grad
    gx = gw = gb = None
    if needs[0]:
        gx = grouped_linear(gy, weight.transpose(1, 2), None, ctx.counts)
    if needs[1]:
        gw = _grouped_weight(gy, rows, ctx.counts)
    if needs[2]:
        gb = torch.stack([part.sum(0) for part in gy.split(ctx.counts)])
    return gx, gw, gb, None


_grouped.register_autograd(_grouped_backward, setup_context=_grouped_context)
torch.library.register_autocast(_grouped, "cpu", torch.float32)


def _multiply(rows, weight, bias, counts=None):
    """Fill the y of `Rows` with products; weight is (matrices, out, columns)."""
    with Addresses() as at:
        matrix = at.dense(weight.transpose(1, 2))
        b = 0 if bias is None else at.dense(bias)
        ends, rows = _ragged(rows, counts)
        run(multiply, rows, Product(matrix, b, weight.shape[1]))


def _correlate(rows, out, counts=None):
    """Return the sums over rows, shape (matrices, out, columns)."""
    matrices = 1 if counts is None else len(counts)
    parts = PARTS if counts is None else GROUPED_PARTS
    sums = zeros(matrices, parts, out, rows.columns + -rows.columns % WIDTH)
    ends, rows = _ragged(rows, counts)
    run(correlate, rows, Gram(sums.data_ptr(), parts, out))
    total = torch.from_numpy(sums.numpy().sum(1))  # numpy keeps one order
    return total[..., : rows.columns].contiguous()


def _ragged(rows, counts):
    """Return where groups end, to be kept alive, and `Rows` that know it."""
    if counts is None:
        return None, rows
    ends = np.cumsum(counts, dtype=np.int64)
    return ends, rows._replace(ends=ends.ctypes.data)


def _windows(x, y, stride, columns):
    """Return `Rows` of a signal's windows and of what belongs to them."""
    (x_group, x_row, _), (y_group, y_row, _) = x.stride(), y.stride()
    x_row *= stride
    return Rows(
        *(x.data_ptr(), FLOAT * x_group, FLOAT * x_row, columns),
        *(y.data_ptr(), FLOAT * y_group, FLOAT * y_row, *y.shape[:2]),
        ends=0,
    )


def _groups(x, y, counts):
    """Return `Rows` of groups that follow each other."""
    columns, out = x.shape[1], y.shape[1]
    return Rows(
        *(x.data_ptr(), 0, FLOAT * columns, columns),
        *(y.data_ptr(), 0, FLOAT * out, len(counts), max(counts)),
        ends=0,
    )
