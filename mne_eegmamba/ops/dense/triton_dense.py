"""Products of groups on a GPU, in Triton: custom operators that torch can trace."""

import torch
import torch.nn.functional as F
from torch import Tensor

from mne_eegmamba.ops.gpu.grouped import (
    COLUMNS,
    INNER,
    ROWS,
    WARPS,
    grouped_rows,
    grouped_weights,
)
from mne_eegmamba.ops.gpu.support import launch, refuse

SPLIT_ROWS, MOST_SPLITS = 512, 16  # of a group's rows in a sum over rows


def refusal(dtype=None):
    """Return None if this runs here (with that dtype), else the reason."""
    return refuse(dtype)


def grouped_linear(rows, weight, bias, counts):
    """Multiply each group with its own matrix; differentiable once in all tensors.

    Under autocast in its dtype, else in that of the rows; sums are float32.
    """
    if len(weight) == 1:
        return F.linear(rows, weight[0], None if bias is None else bias[0])
    kind = rows.device.type
    dtype = rows.dtype
    if torch.is_autocast_enabled(kind):
        dtype = torch.get_autocast_dtype(kind)
    if not isinstance(counts, Tensor):
        counts = torch.tensor(counts, device=rows.device)
    bias = None if bias is None else bias.to(dtype)
    return _grouped(rows.to(dtype), weight.to(dtype), bias, counts)


@torch.library.custom_op("mne_eegmamba::triton_grouped", mutates_args=())
def _grouped(
    rows: Tensor, weight: Tensor, bias: Tensor | None, counts: Tensor
) -> Tensor:
    rows = rows.contiguous()
    y = rows.new_empty(len(rows), weight.shape[1])
    bias = None if bias is None else bias.contiguous()
    tiles = -(-len(rows) // ROWS) + len(weight) if len(rows) else 0
    launch(
        grouped_rows,
        (tiles, -(-weight.shape[1] // COLUMNS)),
        *(rows, rows, weight, bias, y, counts),
        *(*rows.shape, weight.shape[1], weight.stride(0), *weight.stride()[1:]),
        GROUPS=len(weight),
        ROWS=ROWS,
        COLUMNS=COLUMNS,
        INNER=INNER,
        warps=WARPS,
    )
    return y


@_grouped.register_fake
def _(rows, weight, bias, counts):
    return rows.new_empty(len(rows), weight.shape[1])


@torch.library.custom_op("mne_eegmamba::triton_grouped_weight", mutates_args=())
def _grouped_weight(gy: Tensor, rows: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gradients of the weights and of the biases."""
    gy, rows = gy.contiguous(), rows.contiguous()
    groups, d_out, d_in = len(counts), gy.shape[1], rows.shape[1]
    splits = min(MOST_SPLITS, max(1, len(rows) // (groups * SPLIT_ROWS)))
    weights = gy.new_empty(splits, groups, d_out, d_in, dtype=torch.float32)
    biases = gy.new_empty(splits, groups, d_out, dtype=torch.float32)
    launch(
        grouped_weights,
        (-(-d_out // ROWS) * -(-d_in // COLUMNS), groups * splits),
        *(gy, gy, rows, weights, biases, counts, *rows.shape, d_out, splits),
        GROUPS=groups,
        ROWS=ROWS,
        COLUMNS=COLUMNS,
        INNER=INNER,
        warps=WARPS,
    )
    return weights.sum(0).to(gy.dtype), biases.sum(0).to(gy.dtype)


@_grouped_weight.register_fake
def _(gy, rows, counts):
    shape = len(counts), gy.shape[1]
    return gy.new_empty(*shape, rows.shape[1]), gy.new_empty(shape)


def _setup_context(ctx, inputs, output):
    rows, weight, _, counts = inputs
    ctx.save_for_backward(rows, weight, counts)


def _backward(ctx, gy):
    rows, weight, counts = ctx.saved_tensors
    needs = ctx.needs_input_grad
    gx = gw = gb = None
    if needs[0]:
        gx = _grouped(gy, weight.transpose(1, 2), None, counts)
    if needs[1] or needs[2]:
        gw, gb = _grouped_weight(gy, rows, counts)
    return gx, gw if needs[1] else None, gb if needs[2] else None, None


_grouped.register_autograd(_backward, setup_context=_setup_context)
