"""Two-path tokenizer: short and long kernels over the same signal (Fig. 3 and 7)."""

import torch
import torch.nn.functional as F
from torch import nn

from mne_eegmamba.ops import conv1d, gelu_pool
from mne_eegmamba.tokens.fused import compose
from mne_eegmamba.tokens.spatial import PADDING
from mne_eegmamba.utils.layers import BatchNorms, Dropout, for_products, run_again

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
        self.backend = config.backend
        self.stride = stride
        self.pool = {"size": pool, "stride": POOL_STRIDE, "kind": config.tokenizer_pool}
        self.conv1 = nn.Conv1d(d, d, kernel, stride)
        self.conv2 = nn.Conv1d(d, d, LATER_KERNEL)
        self.conv3 = nn.Conv1d(d, d, LATER_KERNEL)
        self.norms = nn.ModuleList(_norm(config, d) for _ in range(3))
        self.dropout = Dropout(config.dropout)

    def forward(self, x, task, spatial):
        """Make tokens.

        Parameters
        ----------
        x : Tensor, shape (batch, n_times, n_channels)
            Signal before the spatial convolution, padded for it.
        task : str
            Its task.
        spatial : SpatialConv
            The spatial convolution; it is composed with the first one here.

        Returns
        -------
        tokens : Tensor, shape (batch, n_tokens, d_model)
            Tokens of this path.
        """
        weight, bias = self.first_convolution(spatial)
        x = self._convolve(x, weight, bias, self.stride)
        x = self.dropout(self._pool(self.norms[0](x, task)))
        x = self._convolve(x, self.conv2.weight, self.conv2.bias)
        x = F.gelu(self.norms[1](x, task))
        x = self._convolve(x, self.conv3.weight, self.conv3.bias)
        return self._pool(self.norms[2](x, task))  # (batch, n_tokens, d_model)

    def first_convolution(self, spatial):
        """Return weight and bias of the spatial and the first convolution in one.

        Parameters
        ----------
        spatial : SpatialConv
            A task's spatial convolution.

        Returns
        -------
        weight, bias : Tensor
            As from `compose`.
        """
        conv = self.conv1
        return compose(
            spatial.weight, spatial.bias, conv.weight, conv.bias, self.backend
        )

    def _convolve(self, x, weight, bias, stride=1):
        return conv1d(x, weight.transpose(1, 2), bias, stride, self.backend)

    def _pool(self, x):
        return gelu_pool(x, **self.pool, backend=self.backend)


class Tokenizer(nn.Module):
    """Small path, then wide path, concatenated in time (Eq. 6)."""

    def __init__(self, config):
        super().__init__()
        # a batch norm that runs twice would count each batch twice
        counts = config.tokenizer_norm == "batch"
        self.save_memory = config.activation_checkpointing and not counts
        self.small = TokenizerPath(config, **SMALL)
        self.wide = TokenizerPath(config, **WIDE)

    def forward(self, x, task, spatial):
        """Map ``(batch, n_channels, n_times)`` to ``(batch, n_tokens, d_model)``."""
        # channels last from here on: one copy does both
        x = F.pad(for_products(x).transpose(1, 2), (0, 0, PADDING, PADDING))
        tokens = [
            run_again(path, x, task, spatial, save_memory=self.save_memory)
            for path in (self.small, self.wide)
        ]
        return torch.cat(tokens, dim=1)

    def first_weights(self, spatial):
        """Return a row of channel weights per output and tap of what comes first.

        Parameters
        ----------
        spatial : SpatialConv
            A task's spatial convolution.

        Returns
        -------
        weights : Tensor, shape (n_rows, n_channels)
            Rows of the small path, then of the wide one.
        """
        paths = (self.small, self.wide)
        weights = [path.first_convolution(spatial)[0] for path in paths]
        return torch.cat([weight.transpose(1, 2).flatten(0, 1) for weight in weights])


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
    return sum(_path_tokens(path, n_times) for path in (SMALL, WIDE))


def _path_tokens(path, n_times):
    n = (n_times - path["kernel"]) // path["stride"] + 1
    n = (n - path["pool"]) // POOL_STRIDE + 1 - 2 * (LATER_KERNEL - 1)
    return (n - path["pool"]) // POOL_STRIDE + 1


def token_centers(n_times):
    """Return the middle of what each token sees of the signal.

    Parameters
    ----------
    n_times : int
        Samples per epoch, at least ``MIN_TIMES``.

    Returns
    -------
    small, wide : list of float
        Samples since the first one, for each token of the small and of the wide path.
    """
    return tuple(_path_centers(path, n_times) for path in (SMALL, WIDE))


def _path_centers(path, n_times):
    first, step = 0.0, 1
    for kernel, stride in (
        (path["kernel"], path["stride"]),
        (path["pool"], POOL_STRIDE),
        (LATER_KERNEL, 1),
        (LATER_KERNEL, 1),
        (path["pool"], POOL_STRIDE),
    ):
        first += step * (kernel - 1) / 2
        step *= stride
    return [first + step * k for k in range(_path_tokens(path, n_times))]


class GroupNorm(nn.GroupNorm):
    """Group norm, the same for all tasks."""

    def forward(self, x, task):
        """Normalise over time and groups of channels."""
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


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
