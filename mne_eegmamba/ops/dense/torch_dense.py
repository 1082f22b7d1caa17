"""The products in plain torch, with the same bits for one thread and for two.

torch splits the sum of a convolution's weight gradient over its threads, so that a fit
alone and the same fit in a joblib worker, which has fewer, would differ in the last bit
and then drift apart. And it multiplies few rows in another order than many.
"""

import torch
import torch.nn.functional as F

UNFOLD_BUDGET = 2**22  # numbers in one unfolded piece of the input
FEWEST_ROWS = 64


def conv1d(x, weight, bias, stride):
    """Convolve; a kernel of one sample is a linear layer."""
    if weight.shape[1] == 1 and stride == 1:
        return linear(x, weight.squeeze(1), bias)
    x, weight = x.transpose(1, 2), weight.transpose(1, 2)
    if not x.is_cpu:
        return convolve_images(x, weight, bias, stride)
    if torch.is_grad_enabled() and weight.requires_grad:
        y = _Conv1d.apply(x, weight, stride).transpose(1, 2)
        return y if bias is None else y + bias
    return F.conv1d(x, weight, bias, stride).transpose(1, 2)


def linear(x, weight, bias):
    """Multiply rows."""
    return F.linear(x, weight, bias)


def convolve_images(x, weight, bias, stride):
    """Convolve images of one row, which stay channels last; signals would be copied."""
    y = F.conv2d(x.unsqueeze(2), weight.unsqueeze(2), bias, (1, stride))
    return y.squeeze(2).transpose(1, 2)


def grouped_linear(rows, weight, bias, counts):
    """Multiply each group with its matrix; without gradients few rows are padded."""
    parts = []
    bias = [None] * len(weight) if bias is None else bias
    for part, w, b in zip(rows.split(_listed(counts)), weight, bias, strict=True):
        n = len(part)
        if n < FEWEST_ROWS and not torch.is_grad_enabled():
            part = F.pad(part, (0, 0, 0, FEWEST_ROWS - n))
        parts.append(F.linear(part, w, b)[:n])
    return torch.cat(parts)


def _listed(counts):
    """Return a list; a tensor's numbers are waited for."""
    return counts.tolist() if isinstance(counts, torch.Tensor) else list(counts)


class _Conv1d(torch.autograd.Function):
    """Convolution whose weight gradient is one matrix product per piece of batch."""

    @staticmethod
    @torch.amp.custom_fwd(device_type="cpu", cast_inputs=torch.float32)
    def forward(ctx, x, weight, stride):
        ctx.save_for_backward(x, weight)
        ctx.stride = stride
        return F.conv1d(x, weight, stride=stride)

    @staticmethod
    @torch.amp.custom_bwd(device_type="cpu")
    def backward(ctx, gy):
        x, weight = ctx.saved_tensors
        gx = gw = None
        if ctx.needs_input_grad[0]:
            gx = torch.nn.grad.conv1d_input(x.shape, weight, gy, ctx.stride)
        if ctx.needs_input_grad[1]:
            gw = _weight_gradient(x, gy, weight.shape, ctx.stride)
        return gx, gw, None


def _weight_gradient(x, gy, shape, stride):
    out, inner, kernel = shape
    windows = x.unfold(-1, kernel, stride)  # (batch, inner, steps, kernel)
    gw = gy.new_zeros(out, inner * kernel)
    size = max(1, UNFOLD_BUDGET // (inner * kernel * gy.shape[-1]))
    for part, grad in zip(windows.split(size), gy.split(size), strict=True):
        rows = part.transpose(1, 2).reshape(-1, inner * kernel)
        gw.addmm_(grad.transpose(0, 1).reshape(out, -1), rows)
    return gw.view(shape)
