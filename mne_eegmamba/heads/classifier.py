"""Pool the tokens and classify them (Eq. 12)."""

import torch
from torch import nn

from mne_eegmamba.utils.layers import BatchNorms, Dropout, LayerNorm


class Pooling(nn.Module):
    """One vector per epoch: class token or mean of the others, then the log power."""

    def __init__(self, config):
        super().__init__()
        self.kind = config.pooling
        norm = config.final_norm == "layer"
        self.norm = LayerNorm(config.d_model) if norm else nn.Identity()
        if config.log_power:
            self.power_norms = BatchNorms(config.n_channels, 2 * config.d_model)
            self.dropout = Dropout(config.dropout)

    def forward(self, class_token, tokens, power, task):
        """Return the embedding, shape (batch, d_embedding); ``power`` may be None."""
        if self.kind == "class_token":
            embedding = self.norm(class_token)
        else:
            embedding = self.norm(tokens).mean(1)
        if power is None:
            return embedding
        power = self.dropout(self.power_norms(power, task))
        return torch.cat([embedding, power], dim=1)


class Head(nn.Linear):
    """One linear layer; in float64 and row by row, it is the same in any batch."""

    def forward(self, embedding):
        """Map ``(batch, width)`` to logits ``(batch, n_classes)``."""
        if self.training:
            return super().forward(embedding)
        products = embedding.double().unsqueeze(1) * self.weight.double()
        logits = products.sum(-1) + self.bias.double()
        return logits.to(torch.promote_types(embedding.dtype, torch.float32))
