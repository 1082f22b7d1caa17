"""A head for each task that is solved: it sees the slow waves."""

import torch
import torch.nn.functional as F

from mne_eegmamba.heads.solved import SolvedHead

N_WINDOWS = 32  # in an epoch; none that reaches the network has fewer samples


class WaveformHead(SolvedHead):
    """Classify the means of the channels over equal windows, linearly."""

    def __init__(self, n_channels, n_classes):
        super().__init__(n_channels * N_WINDOWS, n_classes)

    def features(self, x):
        """Return the means of each channel over equal windows.

        Parameters
        ----------
        x : Tensor, shape (batch, n_channels, n_times)
            Epochs.

        Returns
        -------
        features : Tensor, shape (batch, n_channels * N_WINDOWS)
            In float32 or better.
        """
        x = x.to(torch.promote_types(x.dtype, torch.float32))
        return F.adaptive_avg_pool1d(x, N_WINDOWS).flatten(1)
