"""A head for each task that is solved, not trained: it sees the slow waves."""

import torch
import torch.nn.functional as F
from torch import nn

from mne_eegmamba.heads.classifier import row_by_row

N_WINDOWS = 32  # in an epoch; none that reaches the network has fewer samples


class WaveformHead(nn.Module):
    """Classify the means of the channels over equal windows, by one linear layer.

    Training by gradients leaves it as it is; the estimators solve it.
    """

    def __init__(self, n_channels, n_classes):
        super().__init__()
        width = n_channels * N_WINDOWS
        self.register_buffer("weight", torch.zeros(n_classes, width))
        self.register_buffer("bias", torch.zeros(n_classes))
        self.register_buffer("mass", torch.zeros(()))

    def forward(self, x):
        """Map ``(batch, n_channels, n_times)`` to logits ``(batch, n_classes)``."""
        return row_by_row(self.means(x), self.weight, self.bias)

    def learn(self, weight, bias, mass):
        """Take a solution over; with an earlier one, the mean of both.

        Parameters
        ----------
        weight, bias : ndarray, shapes (n_classes, n_features) and (n_classes,)
            The solution.
        mass : float
            Weight of the epochs that it comes from; earlier ones keep theirs.
        """
        share = float(mass / (self.mass + mass))
        for known, new in ((self.weight, weight), (self.bias, bias)):
            known.lerp_(torch.as_tensor(new, dtype=known.dtype).to(known.device), share)
        self.mass += mass

    @staticmethod
    def means(x):
        """Return the means of each channel over equal windows.

        Parameters
        ----------
        x : Tensor, shape (batch, n_channels, n_times)
            Epochs.

        Returns
        -------
        means : Tensor, shape (batch, n_channels * N_WINDOWS)
            In float32 or better.
        """
        x = x.to(torch.promote_types(x.dtype, torch.float32))
        return F.adaptive_avg_pool1d(x, N_WINDOWS).flatten(1)
