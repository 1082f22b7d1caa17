"""The network: tokens, blocks, head."""

import torch
from torch import nn

from mne_eegmamba.blocks.encoder import Encoder
from mne_eegmamba.heads.classifier import Head, Pooling
from mne_eegmamba.heads.contrast import ContrastHead
from mne_eegmamba.heads.spectrum import SpectrumHead
from mne_eegmamba.heads.waveform import WaveformHead
from mne_eegmamba.tokens.spatial import SpatialConv
from mne_eegmamba.tokens.tokenizer import MIN_TIMES, Tokenizer
from mne_eegmamba.utils.names import module_key


class EEGMamba(nn.Module):
    """Bidirectional Mamba network for EEG classification.

    Parameters
    ----------
    config : EEGMambaConfig
        Shape of the network.

    Raises
    ------
    ValueError
        In ``forward``, if a task is unknown or the epochs have the wrong shape.

    References
    ----------
    Gui et al., "EEGMamba: Bidirectional State Space Model with Mixture of Experts for
    EEG Multi-task Classification", arXiv 2407.20254, Fig. 3, Eq. 5-12, Appendix B.

    Examples
    --------
    >>> import torch
    >>> from mne_eegmamba.models import EEGMamba, EEGMambaConfig
    >>> config = EEGMambaConfig(n_channels={"scp": 6}, n_classes={"scp": 2})
    >>> EEGMamba(config)(torch.zeros(3, 6, 400), "scp").shape
    torch.Size([3, 2])
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.spatial = nn.ModuleDict(
            {
                module_key(task): SpatialConv(n, config.d_model)
                for task, n in config.n_channels.items()
            }
        )
        self.tokenizer = Tokenizer(config)
        self.encoder = Encoder(config)
        self.pooling = Pooling(config)
        self.heads = nn.ModuleDict(
            {
                module_key(task): Head(config.d_model, n)
                for task, n in config.n_classes.items()
            }
        )
        self.spectrum_heads = nn.ModuleDict(
            {
                module_key(task): SpectrumHead(
                    n, config.n_classes[task], config.dropout
                )
                for task, n in config.n_channels.items()
                if config.spectrum
            }
        )
        self.waveform_heads = nn.ModuleDict(
            {
                module_key(task): WaveformHead(n, config.n_classes[task])
                for task, n in config.n_channels.items()
                if config.waveform
            }
        )
        self.contrast_heads = nn.ModuleDict(
            {
                module_key(task): ContrastHead(n, config.n_classes[task])
                for task, n in config.n_channels.items()
                if config.contrast
            }
        )

    def forward(self, x, task):
        """Classify epochs of one task.

        Parameters
        ----------
        x : Tensor, shape (batch, n_channels, n_times)
            Epochs, scaled to about unit variance.
        task : str
            Their task.

        Returns
        -------
        logits : Tensor, shape (batch, n_classes)
            One row per epoch.
        """
        return self.forward_with_losses(x, task)[1]

    def forward_with_losses(self, x, task):
        """Classify by each head that is trained, and by all; add the other losses.

        Parameters
        ----------
        x : Tensor, shape (batch, n_channels, n_times)
            Epochs, scaled to about unit variance.
        task : str
            Their task.

        Returns
        -------
        logits : Tensor, shape (n_heads, batch, n_classes)
            One row per epoch and head: that of the tokens and, with ``spectrum``, that
            of the spectrum. Each has a loss of its own.
        verdict : Tensor, shape (batch, n_classes)
            What they say together, with the heads of ``waveform`` and ``contrast``
            that are solved.
        auxiliary : Auxiliary | None
            Balance and router loss (Eq. 11), means over the layers; None without
            experts.
        """
        self._check(x, task)
        key = module_key(task)
        # First what sees no tokens: its buffers are gone before those of the tokens.
        others = [self.spectrum_heads[key](x)] if self.config.spectrum else []
        heads = [
            heads[key]
            for heads in (self.waveform_heads, self.contrast_heads)
            if key in heads
        ]
        solved = [head(x) for head in heads]
        embedding, auxiliary = self._embed(x, task)
        logits = torch.stack([self.heads[key](embedding), *others])
        counts = torch.stack(
            [logits.new_ones(()) for _ in logits] + [head.mass for head in heads]
        )
        verdict = combine(torch.stack([*logits, *solved]), counts > 0)
        return logits, verdict, auxiliary

    def embed(self, x, task):
        """Return what the head of the tokens sees.

        Parameters
        ----------
        x : Tensor, shape (batch, n_channels, n_times)
            Epochs, scaled to about unit variance.
        task : str
            Their task.

        Returns
        -------
        embedding : Tensor, shape (batch, d_model)
            One row per epoch.
        """
        self._check(x, task)
        return self._embed(x, task)[0]

    def _embed(self, x, task):
        *encoded, auxiliary = self.encoder(self._tokens(x, task), task)
        return self.pooling(*encoded), auxiliary

    def expert_weights(self, x, task, layer=-1):
        """Return how much each expert counts, per token.

        Parameters
        ----------
        x : Tensor, shape (batch, n_channels, n_times)
            Epochs, scaled to about unit variance.
        task : str
            Their task.
        layer : int, default=-1
            Which block's mixture; -1 is the last.

        Returns
        -------
        weights : Tensor, shape (batch, 1 + n_tokens, n_experts)
            With sum 1 per token; zero for experts that were not chosen.
        """
        layers = range(len(self.encoder.mixtures))
        if not -len(layers) <= layer < len(layers):
            raise ValueError(
                f"layer must be one of the {len(layers)} mixtures of experts of this "
                f"network. Got {layer}."
            )
        self._check(x, task)
        tokens = self._tokens(x, task)
        return self.encoder.expert_weights(tokens, task, layers[layer])

    def spatial_filters(self, task):
        """Return how the first layer weighs the channels of a task.

        Parameters
        ----------
        task : str
            A task.

        Returns
        -------
        filters : Tensor, shape (n_filters, n_channels)
            Weights of the spatial convolution composed with the first convolution of
            each path of the tokenizer: one row per output and tap, for channels scaled
            as the network gets them. No gradient.
        """
        with torch.no_grad():
            return self.tokenizer.first_weights(self.spatial[module_key(task)])

    def _tokens(self, x, task):
        return self.tokenizer(x, task, self.spatial[module_key(task)])

    def _check(self, x, task):
        channels = self.config.n_channels
        if task not in channels:
            raise ValueError(f"task must be one of {sorted(channels)}. Got {task!r}.")
        if x.ndim != 3 or x.shape[1] != channels[task] or x.shape[2] < MIN_TIMES:
            raise ValueError(
                f"x of task {task!r} must have the shape (batch, {channels[task]}, "
                f"n_times) with n_times of at least {MIN_TIMES}. Got {tuple(x.shape)}."
            )


def combine(logits, counts):
    """Return the verdict of several heads: the mean of their log probabilities.

    Parameters
    ----------
    logits : Tensor, shape (n_heads, batch, n_classes)
        What each head says.
    counts : Tensor of bool, shape (n_heads,)
        Which of them count, one at least.

    Returns
    -------
    logits : Tensor, shape (batch, n_classes)
        Those of a single head as they are.
    """
    if len(logits) == 1:
        return logits[0]
    counts = counts.to(logits.dtype)
    return (logits.log_softmax(-1) * counts[:, None, None]).sum(0) / counts.sum()
