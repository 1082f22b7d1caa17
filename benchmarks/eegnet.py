"""EEGNet-8,2 in plain torch, for machines without braindecode.

As Lawhern et al., "EEGNet: a compact convolutional neural network for EEG-based
brain-computer interfaces", J. Neural Eng. 2018, Table 2, without the limits on the
norms of its weights, which cost next to nothing.
"""

from torch import nn

F1, DEPTH = 8, 2  # temporal filters, spatial filters for each of them
KERNEL, LATER_KERNEL = 64, 16
POOL, LATER_POOL = 4, 8
DROPOUT = 0.25
NORM = {"eps": 1e-3, "momentum": 0.01}


class EEGNet(nn.Module):
    """Temporal, spatial and separable convolutions, and a linear layer."""

    def __init__(self, n_channels, n_times, n_classes=2):
        super().__init__()
        width = F1 * DEPTH
        self.temporal = nn.Sequential(
            nn.Conv2d(1, F1, (1, KERNEL), padding=(0, KERNEL // 2), bias=False),
            nn.BatchNorm2d(F1, **NORM),
        )
        self.spatial = nn.Sequential(
            nn.Conv2d(F1, width, (n_channels, 1), groups=F1, bias=False),
            *self._end(width, POOL),
        )
        padding = (0, LATER_KERNEL // 2)
        self.separable = nn.Sequential(
            nn.Conv2d(
                width,
                width,
                (1, LATER_KERNEL),
                padding=padding,
                groups=width,
                bias=False,
            ),
            nn.Conv2d(width, width, 1, bias=False),
            *self._end(width, LATER_POOL),
        )
        # kernels of even size give one sample more
        n_left = ((n_times + 1) // POOL + 1) // LATER_POOL
        self.head = nn.Linear(width * n_left, n_classes)

    @staticmethod
    def _end(width, pool):
        return (
            nn.BatchNorm2d(width, **NORM),
            nn.ELU(),
            nn.AvgPool2d((1, pool)),
            nn.Dropout(DROPOUT),
        )

    def forward(self, x):
        """Map ``(batch, n_channels, n_times)`` to logits."""
        x = self.spatial(self.temporal(x.unsqueeze(1)))  # (batch, width, 1, n_pooled)
        return self.head(self.separable(x).flatten(1))
