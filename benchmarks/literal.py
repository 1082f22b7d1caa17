"""EEGMamba as it is drawn: no shortcut, the scan of the package ``mambapy``.

It takes the parameters of a network of ours, so that both must give the same logits.
"""

import torch
import torch.nn.functional as F
from torch import nn

from mne_eegmamba.utils.names import module_key


class Literal(nn.Module):
    """Spatial convolution at full rate, flipped copies, all experts for all tokens."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x, task):
        """Map ``(batch, n_channels, n_times)`` to logits."""
        network = self.network
        x = network.spatial[module_key(task)](x)  # (batch, d_model, n_times)
        paths = (network.tokenizer.small, network.tokenizer.wide)
        tokens = torch.cat([self._path(x, path) for path in paths], dim=-1)
        x = torch.cat(
            [
                network.encoder.class_token.expand(len(x), 1, -1),
                tokens.transpose(1, 2),
            ],
            dim=1,
        )
        for layer, block in enumerate(network.encoder.blocks):
            x = self._block(x, block)
            if network.encoder.mixtures:
                x = self._mixture(x, network.encoder.mixtures[layer], task)
        embedding = network.pooling(x[:, 0], x[:, 1:], None, task)
        return network.heads[module_key(task)](embedding)

    def _path(self, x, path):
        pool = path.pool.pool
        kind = F.avg_pool1d if isinstance(pool, nn.AvgPool2d) else F.max_pool1d
        size, stride = pool.kernel_size[1], pool.stride[1]
        x = F.gelu(path.conv1(x))
        x = F.dropout(kind(x, size, stride), path.dropout.p, self.training)
        x = F.gelu(path.conv3(F.gelu(path.conv2(x))))
        return kind(x, size, stride)

    def _block(self, tokens, block):
        normed = block.norm(tokens)
        x, z = block.in_x(normed), block.in_z(normed)
        y = self._direction(x, block.forward_time)
        y = y + self._direction(x.flip(1), block.backward_time).flip(1)
        return tokens + block.out(y * F.silu(z))

    def _direction(self, x, way):
        from mambapy.pscan import pscan

        channels, kernel = way.conv_weight.shape
        weight = way.conv_weight.unsqueeze(1)
        u = F.conv1d(
            x.transpose(1, 2),
            weight,
            way.conv_bias,
            padding=kernel - 1,
            groups=channels,
        )[..., : x.shape[1]]
        u = F.silu(u).transpose(1, 2)
        rank, B, C = way.x_proj(u).split(way.sizes, dim=-1)
        dt = F.softplus(way.dt_proj(rank)).unsqueeze(-1)
        decay = torch.exp(dt * -torch.exp(way.A_log))
        states = pscan(decay, dt * B.unsqueeze(2) * u.unsqueeze(-1))
        return (states @ C.unsqueeze(-1)).squeeze(-1) + way.D * u

    def _mixture(self, tokens, mixture, task):
        rows = mixture.norm(tokens).flatten(0, 1)
        token, _ = self.network.encoder._task(task)
        weights, experts = self._gate(rows, mixture.gate, token)
        full = weights.new_zeros(len(rows), mixture.n_experts)
        full = full.scatter(1, experts, weights)
        out = sum(
            full[:, [i]] * self._expert(rows, mixture.experts, i)
            for i in range(mixture.n_experts)
        )
        share = 1 - weights.amax(-1, keepdim=True)
        out = out + share * self._expert(rows, mixture.universal, 0)
        return tokens + out.view_as(tokens)

    def _gate(self, rows, gate, token):
        if token is not None:
            rows = torch.cat([rows, token.expand(len(rows), -1)], dim=1)
        logits = gate.logits(rows)
        if self.training:
            spread = F.softplus(gate.noise(rows))
            logits = logits + torch.randn_like(logits) * spread
        best, experts = logits.topk(gate.top_k, dim=-1)
        return best.softmax(-1), experts

    def _expert(self, x, experts, i):
        hidden = F.gelu(F.linear(x, experts.weight1[i], experts.bias1[i]))
        return F.linear(hidden, experts.weight2[i], experts.bias2[i])
