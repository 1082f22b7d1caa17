"""Pool the tokens and classify them (Eq. 12)."""

import torch
from torch import nn

from mne_eegmamba.utils.layers import LayerNorm


class Pooling(nn.Module):
    """One vector per epoch: the class token or the mean of the others."""

    def __init__(self, config):
        super().__init__()
        self.kind = config.pooling
        norm = config.final_norm == "layer"
        self.norm = LayerNorm(config.d_model) if norm else nn.Identity()

    def forward(self, class_token, tokens):
        """Return the embedding, shape (batch, d_model)."""
        if self.kind == "class_token":
            return self.norm(class_token)
        return self.norm(tokens).mean(1)


class Head(nn.Linear):
    """One linear layer; in float64 and row by row, it is the same in any batch."""

    def forward(self, embedding):
        """Map ``(batch, width)`` to logits ``(batch, n_classes)``."""
        if self.training:
            return super().forward(embedding)
        return row_by_row(embedding, self.weight, self.bias)


def row_by_row(embedding, weight, bias):
    """Apply a linear layer in float64, with the same bits in any batch.

    Parameters
    ----------
    embedding : Tensor, shape (batch, width)
        Rows.
    weight, bias : Tensor, shapes (n_classes, width) and (n_classes,)
        The layer.

    Returns
    -------
    logits : Tensor, shape (batch, n_classes)
        In float32 or better.
    """
    products = embedding.double().unsqueeze(1) * weight.double()
    logits = products.sum(-1) + bias.double()
    return logits.to(torch.promote_types(embedding.dtype, torch.float32))
