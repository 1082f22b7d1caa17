"""The network: tokens, blocks, head."""

from torch import nn

from mne_eegmamba.blocks.encoder import Encoder
from mne_eegmamba.heads.classifier import Head, Pooling
from mne_eegmamba.tokens.spatial import SpatialConv
from mne_eegmamba.tokens.tokenizer import MIN_TIMES, Tokenizer


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
    EEG Multi-task Classification", arXiv 2407.20254, Fig. 3 and Appendix B.

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
                task: SpatialConv(n, config.d_model)
                for task, n in _items(config, "n_channels")
            }
        )
        self.tokenizer = Tokenizer(config)
        self.encoder = Encoder(config)
        self.pooling = Pooling(config)
        self.heads = nn.ModuleDict(
            {task: Head(config.d_model, n) for task, n in _items(config, "n_classes")}
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
        embedding = self.embed(x, task)
        return self.heads[task](embedding)

    def embed(self, x, task):
        """Return what the heads see.

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
        tokens = self.tokenizer(x, self.spatial[task])  # (batch, n_tokens, d_model)
        return self.pooling(*self.encoder(tokens))

    def _check(self, x, task):
        channels = self.config.n_channels
        if task not in channels:
            raise ValueError(f"task must be one of {sorted(channels)}. Got {task!r}.")
        if x.ndim != 3 or x.shape[1] != channels[task] or x.shape[2] < MIN_TIMES:
            raise ValueError(
                f"x of task {task!r} must have the shape (batch, {channels[task]}, "
                f"n_times) with n_times of at least {MIN_TIMES}. Got {tuple(x.shape)}."
            )


def _items(config, field):
    return getattr(config, field).items()
