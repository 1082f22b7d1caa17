"""Layers of torch that are done otherwise here, and why."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

from mne_eegmamba.utils.names import module_key

STEPS = 2**16  # a dropout probability is rounded to so many steps


def run_again(module, *inputs, save_memory):
    """Run a module; with ``save_memory`` backward runs it again.

    Parameters
    ----------
    module : torch.nn.Module
        What to run; it must leave its buffers as they are.
    *inputs : object
        Its inputs.
    save_memory : bool
        Whether what it computes is not kept, in training.

    Returns
    -------
    outputs : object
        What it returns.
    """
    if save_memory and module.training and torch.is_grad_enabled():
        return checkpoint(module, *inputs, use_reentrant=False)
    return module(*inputs)


def for_products(x):
    """Return a tensor as autocast gives it to products: converted once for several.

    Parameters
    ----------
    x : Tensor
        What several linear layers or convolutions read.

    Returns
    -------
    x : Tensor
        On a GPU in autocast's dtype, if it is float32; else as it came. On a CPU some
        backends take float32 under autocast too.
    """
    kind = x.device.type
    if x.is_cpu or x.dtype != torch.float32 or not torch.is_autocast_enabled(kind):
        return x
    return x.to(torch.get_autocast_dtype(kind))


class BatchNorm(nn.BatchNorm1d):
    """Batch norm of rows that has the same bits with one thread and with two.

    torch splits the sums over rows over its threads; here, on a CPU, they are summed in
    order. A single row has no spread: it is normalised as in inference.
    """

    def forward(self, x):
        """Normalise ``(n_rows, width)``."""
        if not self.training or len(x) == 1:
            known = (self.running_mean, self.running_var, self.weight, self.bias)
            return F.batch_norm(x, *known, eps=self.eps)
        if not x.is_cpu:
            return super().forward(x)
        rows = x.to(self.weight.dtype)
        out, mean, var = _Standardise.apply(rows, self.weight, self.bias, self.eps)
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(var * (len(x) / (len(x) - 1)), self.momentum)
        return out.to(x.dtype)


class _Standardise(torch.autograd.Function):
    """Standardise columns, then scale and shift them."""

    @staticmethod
    def forward(ctx, x, weight, bias, eps):
        mean = x.mean(0)
        normed = x - mean
        var = normed.square().mean(0)
        factor = (var + eps).rsqrt()
        normed.mul_(factor)
        ctx.save_for_backward(normed, weight, factor)
        ctx.mark_non_differentiable(mean, var)
        return torch.addcmul(bias, normed, weight), mean, var

    @staticmethod
    def backward(ctx, grad, *_):
        normed, weight, factor = ctx.saved_tensors
        for_bias, for_weight = grad.sum(0), (grad * normed).sum(0)
        n = len(grad)
        for_x = torch.addcmul(grad - for_bias / n, normed, -for_weight / n)
        return for_x.mul_(weight * factor), for_weight, for_bias, None


class BatchNorms(nn.ModuleDict):
    """One batch norm per task: statistics of one data set do not fit another."""

    def __init__(self, tasks, width):
        super().__init__({module_key(task): BatchNorm(width) for task in tasks})

    def forward(self, x, task):
        """Normalise over all but the last dimension."""
        return self[module_key(task)](x.reshape(-1, x.shape[-1])).view(x.shape)


class LayerNorm(nn.LayerNorm):
    """LayerNorm whose gradients have the same bits with one thread and with two.

    torch splits the sums for weight and bias over a CPU's threads; applied apart, they
    are summed in order.
    """

    def forward(self, x):
        """Normalise the last dimension."""
        if not x.is_cpu:
            return super().forward(x)
        normed = F.layer_norm(x, self.normalized_shape, eps=self.eps)
        return normed * self.weight + self.bias


class Dropout(nn.Dropout):
    """Dropout that draws four numbers at once on a CPU, ten times as fast as torch's.

    The probability is rounded to 16 bits, and what is kept is scaled to match it.
    """

    def forward(self, x):
        """Set a random part of x to zero in training."""
        if not (self.training and x.is_cpu):
            return super().forward(x)
        dropped = round(self.p * STEPS)
        if dropped in (0, STEPS):
            return x if dropped == 0 else x * 0
        bits = torch.empty(-(-x.numel() // 4), dtype=torch.int64, device=x.device)
        bits = bits.random_(-(2**63), None).view(torch.int16)[: x.numel()]
        kept = (bits >= dropped - STEPS // 2).view(x.shape)
        return x * kept.to(x.dtype).mul_(STEPS / (STEPS - dropped))
