"""The stack of blocks and the class token that runs through it (Eq. 7)."""

import torch
from torch import nn

from mne_eegmamba.blocks.bimamba import BiMambaBlock


class Encoder(nn.Module):
    """Add the class token and run all blocks."""

    def __init__(self, config):
        super().__init__()
        self.middle = config.class_token == "middle"
        self.class_token = nn.Parameter(torch.empty(config.d_model).normal_(std=0.02))
        self.blocks = nn.ModuleList(
            BiMambaBlock(config) for _ in range(config.n_layers)
        )

    def forward(self, tokens):
        """Run the stack.

        Parameters
        ----------
        tokens : Tensor, shape (batch, n_tokens, d_model)
            Tokens of the signal.

        Returns
        -------
        class_token : Tensor, shape (batch, d_model)
            The class token after the last block.
        tokens : Tensor, shape (batch, n_tokens, d_model)
            The other tokens after the last block.
        """
        at = tokens.shape[1] // 2 if self.middle else 0
        first = self.class_token.expand(len(tokens), 1, -1)
        x = torch.cat([tokens[:, :at], first, tokens[:, at:]], dim=1)
        for block in self.blocks:
            x = block(x)  # (batch, 1 + n_tokens, d_model)
        return x[:, at], torch.cat([x[:, :at], x[:, at + 1 :]], dim=1)
