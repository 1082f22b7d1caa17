"""Two-path tokenizer: short and long kernels over the same signal (Fig. 3 and 7)."""

import torch
import torch.nn.functional as F
from torch import nn

from mne_eegmamba.tokens.fused import compose
from mne_eegmamba.tokens.spatial import PADDING
from mne_eegmamba.utils.layers import Conv1d, conv1d
from mne_eegmamba.utils.names import module_key

SMALL = {"kernel": 15, "stride": 2, "pool": 7}
WIDE = {"kernel": 49, "stride": 8, "pool": 3}
LATER_KERNEL = 7
POOL_STRIDE = 2
MIN_TIMES = 289  # the shortest input that leaves one token on the wide path


class TokenizerPath(nn.Module):
    """One path: three convolutions with GELU, two of them followed by a pool."""

    def __init__(self, config, kernel, stride, pool):
        super().__init__()
        d = config.d_model
        self.stride = stride
        kind = nn.AvgPool1d if config.tokenizer_pool == "average" else nn.MaxPool1d
        self.pool = kind(pool, POOL_STRIDE)
        self.conv1 = Conv1d(d, d, kernel, stride)
        self.conv2 = Conv1d(d, d, LATER_KERNEL)
        self.conv3 = Conv1d(d, d, LATER_KERNEL)
        self.norms = nn.ModuleList(_norm(config, d) for _ in range(3))
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x, task, spatial):
        """Make tokens.

        Parameters
        ----------
        x : Tensor, shape (batch, n_channels, n_times)
            Signal before the spatial convolution.
        task : str
            Its task.
        spatial : SpatialConv
            The spatial convolution; it is composed with the first one here.

        Returns
        -------
        tokens : Tensor, shape (batch, d_model, n_tokens)
            Tokens of this path.
        """
        weight, bias = compose(
            spatial.weight, spatial.bias, self.conv1.weight, self.conv1.bias
        )
        x = conv1d(F.pad(x, (PADDING, PADDING)), weight, bias, self.stride)
        x = F.gelu(self.norms[0](x, task))  # (batch, d_model, n_strided)
        x = self.dropout(self.pool(x))
        x = F.gelu(self.norms[1](self.conv2(x), task))
        x = F.gelu(self.norms[2](self.conv3(x), task))
        return self.pool(x)  # (batch, d_model, n_tokens)


class Tokenizer(nn.Module):
    """Small path, then wide path, concatenated in time (Eq. 6)."""

    def __init__(self, config):
        super().__init__()
        self.small = TokenizerPath(config, **SMALL)
        self.wide = TokenizerPath(config, **WIDE)

    def forward(self, x, task, spatial):
        """Map ``(batch, n_channels, n_times)`` to ``(batch, n_tokens, d_model)``."""
        tokens = [path(x, task, spatial) for path in (self.small, self.wide)]
        return torch.cat(tokens, dim=-1).transpose(1, 2)


def n_tokens(n_times):
    """Return how many tokens a signal gives, without the class token.

    Parameters
    ----------
    n_times : int
        Samples per epoch, at least ``MIN_TIMES``.

    Returns
    -------
    n_tokens : int
        Tokens of the small and the wide path together.
    """
    total = 0
    for path in (SMALL, WIDE):
        n = (n_times - path["kernel"]) // path["stride"] + 1
        n = (n - path["pool"]) // POOL_STRIDE + 1 - 2 * (LATER_KERNEL - 1)
        total += (n - path["pool"]) // POOL_STRIDE + 1
    return total


class BatchNorms(nn.ModuleDict):
    """One batch norm per task: statistics of one data set do not fit another."""

    def __init__(self, tasks, width):
        super().__init__({module_key(task): nn.BatchNorm1d(width) for task in tasks})

    def forward(self, x, task):
        """Normalise over batch and time."""
        return self[module_key(task)](x)


class GroupNorm(nn.GroupNorm):
    """Group norm, the same for all tasks."""

    def forward(self, x, task):
        """Normalise over time and groups of channels."""
        return super().forward(x)


class NoNorm(nn.Module):
    """Leave tokens as they are."""

    def forward(self, x, task):
        """Return ``x``."""
        return x


def _norm(config, width):
    if config.tokenizer_norm == "batch":
        return BatchNorms(config.n_channels, width)
    if config.tokenizer_norm == "group":
        return GroupNorm(8 if width % 8 == 0 else 1, width)
    return NoNorm()
