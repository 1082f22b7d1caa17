"""Task-aware mixture of experts (Eq. 8-11): gate, experts, auxiliary losses."""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from mne_eegmamba.ops import grouped_linear, linear
from mne_eegmamba.utils.layers import LayerNorm, for_products

USAGE_MOMENTUM = 0.9  # of the running usage per task


class Auxiliary(NamedTuple):
    """The two auxiliary losses (Eq. 11), scalars."""

    balance: torch.Tensor
    router_z: torch.Tensor


class Experts(nn.Module):
    """Several two-layer networks of one shape; rows come sorted by expert (Fig. 10)."""

    def __init__(self, n_experts, d_model, backend="auto"):
        super().__init__()
        self.backend = backend
        d_hidden = 2 * d_model
        self.weight1 = nn.Parameter(torch.empty(n_experts, d_hidden, d_model))
        self.bias1 = nn.Parameter(torch.empty(n_experts, d_hidden))
        self.weight2 = nn.Parameter(torch.empty(n_experts, d_model, d_hidden))
        self.bias2 = nn.Parameter(torch.empty(n_experts, d_model))
        for weight, bias in ((self.weight1, self.bias1), (self.weight2, self.bias2)):
            bound = 1 / math.sqrt(weight.shape[-1])
            nn.init.uniform_(weight, -bound, bound)
            nn.init.uniform_(bias, -bound, bound)

    def forward(self, rows, counts):
        """Run each expert on its rows only.

        Parameters
        ----------
        rows : Tensor, shape (n_rows, d_model)
            Tokens, those of the first expert first.
        counts : sequence of int | Tensor of int64, shape (n_experts,)
            Rows of each expert.

        Returns
        -------
        out : Tensor, shape (n_rows, d_model)
            In the same order.
        """
        hidden = F.gelu(
            grouped_linear(rows, self.weight1, self.bias1, counts, self.backend)
        )
        return grouped_linear(hidden, self.weight2, self.bias2, counts, self.backend)


class Gate(nn.Module):
    """Choose experts for each token, knowing the task (Eq. 8, 9)."""

    def __init__(self, config):
        super().__init__()
        self.backend = config.backend
        d_task = config.d_model if config.task_gate else 0
        self.top_k = config.top_k
        self.logits = nn.Linear(config.d_model + d_task, config.n_experts)
        self.noise = nn.Linear(config.d_model + d_task, config.n_experts)

    def forward(self, tokens, task_token):
        """Weigh the experts.

        Parameters
        ----------
        tokens : Tensor, shape (n_rows, d_model)
            Tokens of one task.
        task_token : Tensor, shape (d_model,) | None
            What the gate knows of the task.

        Returns
        -------
        weights : Tensor, shape (n_rows, top_k)
            Positive, with sum 1.
        experts : Tensor of int, shape (n_rows, top_k)
            Whose weights they are.
        logits : Tensor, shape (n_rows, n_experts)
            Before noise and choice.
        """
        logits = self._linear(self.logits, tokens, task_token)
        noisy = logits
        if self.training:
            spread = F.softplus(self._linear(self.noise, tokens, task_token))
            noisy = logits + torch.randn_like(logits) * spread
        best, experts = noisy.topk(self.top_k, dim=-1)
        return best.softmax(-1), experts, logits

    def _linear(self, layer, tokens, task_token):
        """Apply a layer to ``concat(token, task)``; the task's part once per batch."""
        weight, bias = layer.weight, layer.bias
        if task_token is not None:
            weight, shared = weight.split([tokens.shape[-1], len(task_token)], dim=-1)
            bias = shared @ task_token + bias
        return linear(tokens, weight, bias, self.backend)


class _Take(torch.autograd.Function):
    """Take rows, each equally often; ``back`` says where those of each row went.

    torch's own gradient adds row after row to where they came from.
    """

    @staticmethod
    def forward(ctx, x, index, back):
        ctx.save_for_backward(back)
        ctx.n_rows = len(x)
        return x.index_select(0, index)

    @staticmethod
    def backward(ctx, g):
        (back,) = ctx.saved_tensors
        g = g.index_select(0, back).view(ctx.n_rows, -1, g.shape[1])
        return g.sum(1), None, None


class MoE(nn.Module):
    """Top-k experts per token and a universal expert for all (Eq. 10).

    Every token reaches its experts; only the chosen ones are computed.
    """

    def __init__(self, config):
        super().__init__()
        self.residual = config.moe_residual
        self.n_experts = config.n_experts
        self.running = config.balance_statistics == "running"
        self.norm = LayerNorm(config.d_model) if self.residual else nn.Identity()
        self.gate = Gate(config)
        self.experts = Experts(config.n_experts, config.d_model, config.backend)
        self.universal = None
        if config.universal_expert:
            self.universal = Experts(1, config.d_model, config.backend)
        self.usage = nn.Buffer(torch.zeros(len(config.n_channels), config.n_experts))

    def forward(self, tokens, task_token, task_index):
        """Mix experts.

        Parameters
        ----------
        tokens : Tensor, shape (batch, n_tokens, d_model)
            Tokens of one task.
        task_token : Tensor, shape (d_model,) | None
            What the gate knows of the task.
        task_index : int
            Which task it is, for the usage.

        Returns
        -------
        tokens : Tensor, shape (batch, n_tokens, d_model)
            New tokens.
        auxiliary : Auxiliary
            Losses of this layer.
        """
        rows = self.norm(tokens).flatten(0, 1)
        weights, experts, logits = self._choose(rows, task_token)
        rows = for_products(rows)
        out = self._dispatch(rows, weights, experts)
        if self.universal is not None:
            share = 1 - weights.amax(-1, keepdim=True)
            out = out + share.to(out.dtype) * self.universal(rows, [len(rows)])
        out = out.view_as(tokens)
        auxiliary = Auxiliary(
            self._balance(weights, experts, task_index),
            logits.logsumexp(-1).square().mean(),
        )
        return tokens + out if self.residual else out, auxiliary

    def weigh(self, tokens, task_token):
        """Return the weight of every expert for every token.

        Parameters
        ----------
        tokens : Tensor, shape (batch, n_tokens, d_model)
            Tokens of one task.
        task_token : Tensor, shape (d_model,) | None
            What the gate knows of the task.

        Returns
        -------
        weights : Tensor, shape (batch, n_tokens, n_experts)
            Zero for experts that were not chosen.
        """
        rows = self.norm(tokens).flatten(0, 1)
        weights, experts, _ = self._choose(rows, task_token)
        full = weights.new_zeros(len(rows), self.n_experts)
        full = full.scatter(1, experts, weights)
        return full.view(*tokens.shape[:2], self.n_experts)

    def _choose(self, rows, task_token):
        with torch.autocast(rows.device.type, enabled=False):
            rows = rows.float() if rows.dtype.itemsize < 4 else rows
            return self.gate(rows, task_token)

    def _dispatch(self, rows, weights, experts):
        """Sort tokens by expert, run each expert once, and put the results back."""
        k = experts.shape[1]
        chosen, order = experts.flatten().sort(stable=True)  # (n_rows * k,)
        # bincount and lists of numbers would wait for the GPU
        each = torch.arange(self.n_experts + 1, device=chosen.device)
        counts = torch.searchsorted(chosen, each).diff()
        back = torch.empty_like(order)
        back[order] = torch.arange(len(order), device=order.device)
        out = self.experts(_Take.apply(rows, order // k, back), counts)
        out = _Take.apply(out, back, order).view(len(rows), k, -1)
        return (weights.unsqueeze(-1).to(out.dtype) * out).sum(1)

    def _balance(self, weights, experts, task_index):
        """Return the coefficient of variation of the experts' shares."""
        share = self._shares(weights, experts)
        if self.running:
            others = self.usage.clone()
            known = others.sum(1) > 0
            if self.training:
                with torch.no_grad():  # no branch: a GPU is not waited for
                    kept = USAGE_MOMENTUM * known[task_index].to(share.dtype)
                    self.usage[task_index].lerp_(share, 1 - kept)
            others[task_index].zero_()  # a number put there would be waited for
            known[task_index].zero_()
            share = (share + others.sum(0)) / (1 + known.sum())
        return share.std(correction=0) / share.mean()

    def _shares(self, weights, experts):
        """Return the mean weight of each expert."""
        if weights.is_cuda:  # where adding by index has another order each time
            full = weights.new_zeros(len(weights), self.n_experts)
            return full.scatter(1, experts, weights).mean(0)
        full = weights.new_zeros(self.n_experts)
        return full.index_add(0, experts.flatten(), weights.flatten()) / len(weights)
