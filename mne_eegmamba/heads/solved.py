"""Heads that the estimators solve before training; gradients leave them alone."""

import torch
from torch import nn

from mne_eegmamba.heads.classifier import row_by_row


class SolvedHead(nn.Module):
    """One linear layer on ``features`` of the epochs, which a subclass defines."""

    def __init__(self, width, n_classes):
        super().__init__()
        self.register_buffer("weight", torch.zeros(n_classes, width))
        self.register_buffer("bias", torch.zeros(n_classes))
        self.register_buffer("mass", torch.zeros(()))

    def forward(self, x):
        """Map ``(batch, n_channels, n_times)`` to logits ``(batch, n_classes)``."""
        return row_by_row(self.features(x), self.weight, self.bias)

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
