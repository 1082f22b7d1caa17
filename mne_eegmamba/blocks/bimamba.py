"""Bidirectional Mamba block (Algorithm 1): parameters and their initialisation."""

import math

import torch
from torch import nn

from mne_eegmamba.ops import (
    bidirectional_conv1d,
    bidirectional_scan,
    causal_conv1d,
    linear,
    selective_scan,
)
from mne_eegmamba.utils.layers import LayerNorm, for_products

DT_MIN, DT_MAX, DT_FLOOR = 1e-3, 1e-1, 1e-4


class Direction(nn.Module):
    """What one direction of time owns: convolution, projections, A and D."""

    def __init__(self, config):
        super().__init__()
        self.backend = config.backend
        width, states, rank = config.d_inner, config.d_state, config.dt_rank
        bound = 1 / math.sqrt(config.d_conv)
        self.conv_weight = nn.Parameter(
            torch.empty(width, config.d_conv).uniform_(-bound, bound)
        )
        self.conv_bias = nn.Parameter(torch.empty(width).uniform_(-bound, bound))
        self.sizes = (rank, states, states)
        self.x_proj = nn.Linear(width, sum(self.sizes), bias=False)
        self.dt_proj = nn.Linear(rank, width)
        self._init_step(rank)
        self.A_log = nn.Parameter(
            torch.arange(1.0, states + 1).log().repeat(width, 1)  # S4D-real
        )
        self.D = nn.Parameter(torch.ones(width))

    def _init_step(self, rank):
        """Spread the initial steps evenly, in log scale, over the usual range."""
        nn.init.uniform_(self.dt_proj.weight, -(rank**-0.5), rank**-0.5)
        low, high = math.log(DT_MIN), math.log(DT_MAX)
        bias = self.dt_proj.bias
        dt = torch.empty_like(bias).uniform_(low, high).exp().clamp(min=DT_FLOOR)
        with torch.no_grad():
            bias.copy_(dt + torch.log(-torch.expm1(-dt)))  # inverse softplus

    def scan_arguments(self, u):
        """Return what `bidirectional_scan` takes for this direction.

        Parameters
        ----------
        u : Tensor, shape (batch, n_tokens, d_inner)
            Tokens after this direction's convolution.

        Returns
        -------
        arguments : tuple of Tensor
            ``(u, delta, A, B, C, D, delta_bias)``.
        """
        projected = linear(u, self.x_proj.weight, backend=self.backend)
        rank, B, C = projected.split(self.sizes, dim=-1)
        # (batch, n_tokens, d_inner); the scan adds the bias
        delta = linear(rank, self.dt_proj.weight, backend=self.backend)
        A = -torch.exp(self.A_log)
        return u, delta, A, B, C, self.D, self.dt_proj.bias


class BiMambaBlock(nn.Module):
    """LayerNorm, one or two directions under one gate, residual."""

    def __init__(self, config):
        super().__init__()
        self.backend = config.backend
        self.norm = LayerNorm(config.d_model)
        self.in_x = nn.Linear(config.d_model, config.d_inner, bias=False)
        self.in_z = nn.Linear(config.d_model, config.d_inner, bias=False)
        self.forward_time = Direction(config)
        self.backward_time = Direction(config) if config.bidirectional else None
        self.out = nn.Linear(config.d_inner, config.d_model, bias=False)

    def forward(self, tokens):
        """Map ``(batch, n_tokens, d_model)`` to the same shape."""
        # in steps that free what they no longer need, for inference on long signals
        signals, z = self._convolve(tokens)
        y = self._scan(signals, z)  # (batch, n_tokens, d_inner)
        return tokens + linear(y, self.out.weight, backend=self.backend)

    def _convolve(self, tokens):
        """Return a signal per direction and the gate, (batch, n_tokens, d_inner)."""
        normed = for_products(self.norm(tokens))
        z = linear(normed, self.in_z.weight, backend=self.backend)
        x = linear(normed, self.in_x.weight, backend=self.backend)
        ways = [way for way in (self.forward_time, self.backward_time) if way]
        filters = [(way.conv_weight, way.conv_bias) for way in ways]
        if len(ways) == 2:
            return bidirectional_conv1d(x, *filters, backend=self.backend), z
        return [causal_conv1d(x, *filters[0], backend=self.backend)], z

    def _scan(self, signals, z):
        if len(signals) == 2:
            ways = zip((self.forward_time, self.backward_time), signals, strict=True)
            arguments = [way.scan_arguments(u) for way, u in ways]
            return bidirectional_scan(*arguments, z=z, backend=self.backend)
        *inputs, delta_bias = self.forward_time.scan_arguments(*signals)
        return selective_scan(
            *inputs,
            z=z,
            delta_bias=delta_bias,
            delta_softplus=True,
            backend=self.backend,
        )
