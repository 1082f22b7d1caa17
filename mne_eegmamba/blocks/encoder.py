"""The stack of blocks and the class token that runs through it (Eq. 7)."""

import torch
from torch import nn

from mne_eegmamba.blocks.bimamba import BiMambaBlock
from mne_eegmamba.blocks.moe import Auxiliary, MoE
from mne_eegmamba.utils.layers import run_again
from mne_eegmamba.utils.names import module_key


class Encoder(nn.Module):
    """Add the class token and run all blocks, each with its mixture of experts."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.save_memory = config.activation_checkpointing
        self.class_token = nn.Parameter(torch.empty(config.d_model).normal_(std=0.02))
        self.blocks = nn.ModuleList(
            BiMambaBlock(config) for _ in range(config.n_layers)
        )
        mixed = config.n_experts > 0
        self.mixtures = nn.ModuleList(
            MoE(config) for _ in range(config.n_layers if mixed else 0)
        )
        aware = mixed and config.task_gate
        types = sorted({config.task_type(task) for task in config.n_channels})
        self.task_tokens = nn.ParameterDict(
            {
                module_key(kind): torch.empty(config.d_model).normal_(std=0.02)
                for kind in (types if aware else [])
            }
        )

    def forward(self, tokens, task):
        """Run the stack.

        Parameters
        ----------
        tokens : Tensor, shape (batch, n_tokens, d_model)
            Tokens of the signal.
        task : str
            Their task.

        Returns
        -------
        class_token : Tensor, shape (batch, d_model)
            The class token after the last block.
        tokens : Tensor, shape (batch, n_tokens, d_model)
            The other tokens after the last block.
        auxiliary : Auxiliary | None
            Mean over the layers; None without experts.
        """
        x, at = self._with_class_token(tokens)
        losses = []
        for layer in range(len(self.blocks)):
            # (batch, 1 + n_tokens, d_model)
            x = run_again(self.blocks[layer], x, save_memory=self.save_memory)
            if self.mixtures:
                x, loss = self.mixtures[layer](x, *self._task(task))
                losses.append(loss)
        others = x[:, 1:] if at == 0 else torch.cat([x[:, :at], x[:, at + 1 :]], dim=1)
        return x[:, at], others, _mean(losses) if losses else None

    def expert_weights(self, tokens, task, layer):
        """Return the experts' weights in one layer.

        Parameters
        ----------
        tokens : Tensor, shape (batch, n_tokens, d_model)
            Tokens of the signal.
        task : str
            Their task.
        layer : int
            Which block's mixture, from 0.

        Returns
        -------
        weights : Tensor, shape (batch, 1 + n_tokens, n_experts)
            Zero for experts that were not chosen.
        """
        x, _ = self._with_class_token(tokens)
        token, index = self._task(task)
        for before in range(layer):
            x, _ = self.mixtures[before](self.blocks[before](x), token, index)
        return self.mixtures[layer].weigh(self.blocks[layer](x), token)

    def _with_class_token(self, tokens):
        middle = self.config.class_token == "middle"
        at = tokens.shape[1] // 2 if middle else 0
        token = self.class_token.expand(len(tokens), 1, -1)
        parts = [tokens[:, :at], token, tokens[:, at:]]
        with torch.autocast(tokens.device.type, enabled=False):  # would copy first
            return torch.cat(parts, dim=1), at

    def _task(self, task):
        """Return what the gates know of a task, and its place among the tasks."""
        index = list(self.config.n_channels).index(task)
        if not self.task_tokens:
            return None, index
        return self.task_tokens[module_key(self.config.task_type(task))], index


def _mean(losses):
    return Auxiliary(*(torch.stack(kind).mean() for kind in zip(*losses, strict=True)))
