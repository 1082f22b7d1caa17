"""Spatial-adaptive convolution: any montage to the network's width (Eq. 5, Fig. 3)."""

from torch import nn

KERNEL = 3
PADDING = 1


class SpatialConv(nn.Conv1d):
    """Map ``(batch, n_channels, n_times)`` to ``(batch, d_model, n_times)``."""

    def __init__(self, n_channels, d_model):
        super().__init__(n_channels, d_model, KERNEL, padding=PADDING)
