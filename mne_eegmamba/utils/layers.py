"""Layers whose gradients on a CPU have the same bits with one thread and with two.

torch splits some sums over its threads, so that a fit alone and the same fit inside a
joblib worker, which has fewer, would differ in the last bit and then drift apart. With
three threads or more the matrix library itself may still round in another way.
"""

import torch
import torch.nn.functional as F
from torch import nn

UNFOLD_BUDGET = 2**22  # numbers in one unfolded piece of the input


class LayerNorm(nn.LayerNorm):
    """LayerNorm whose weight and bias are applied apart, which sums them in order."""

    def forward(self, x):
        """Normalise the last dimension."""
        normed = F.layer_norm(x, self.normalized_shape, eps=self.eps)
        return normed * self.weight + self.bias


class Conv1d(nn.Conv1d):
    """Convolution without padding; see `conv1d`."""

    def forward(self, x):
        """Map ``(batch, channels_in, n_times)`` to ``(batch, channels_out, ...)``."""
        return conv1d(x, self.weight, self.bias, self.stride[0])


def conv1d(x, weight, bias, stride=1):
    """Convolve in time.

    Parameters
    ----------
    x : Tensor, shape (batch, channels_in, n_times)
        Signal.
    weight : Tensor, shape (channels_out, channels_in, kernel)
        Filters.
    bias : Tensor, shape (channels_out,)
        Added to the result.
    stride : int, default=1
        Samples between two results.

    Returns
    -------
    y : Tensor, shape (batch, channels_out, (n_times - kernel) // stride + 1)
        What `torch.nn.functional.conv1d` gives.
    """
    if x.is_cpu and torch.is_grad_enabled() and weight.requires_grad:
        return _Conv1d.apply(x, weight, stride) + bias.unsqueeze(-1)
    return F.conv1d(x, weight, bias, stride)


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
