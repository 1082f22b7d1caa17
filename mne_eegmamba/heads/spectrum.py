"""A second head for each task: it sees how strong each rhythm is in each channel."""

import math

import torch
from torch import nn

from mne_eegmamba.heads.classifier import Head
from mne_eegmamba.utils.layers import BatchNorm, Dropout

N_FFT = 256  # samples; no epoch that reaches the network is shorter
HIGHEST = 0.3  # cycles per sample: 60 Hz at 200 Hz
N_BINS = int(HIGHEST * N_FFT)
LEAST_POWER = 1e-6  # of about unit power
SIZE = 32  # norm of what the linear layer sees: Adam's steps do not know how wide it is


class SpectrumHead(nn.Module):
    """Classify the log spectra of the channels: norm, dropout, one linear layer.

    It shares nothing with the rest of the network: what Mamba learns of a waveform
    and what a linear model learns of the rhythms fail on different epochs.
    """

    def __init__(self, n_channels, n_classes, dropout):
        super().__init__()
        width = n_channels * N_BINS
        self.norm = BatchNorm(width)
        self.dropout = Dropout(dropout)
        self.head = Head(width, n_classes)
        self.factor = SIZE / math.sqrt(width)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, x):
        """Map ``(batch, n_channels, n_times)`` to logits ``(batch, n_classes)``."""
        seen = self.norm(log_power(short_waves(x)).flatten(1))
        return self.head(self.factor * self.dropout(seen))


def short_waves(x):
    """Return the Fourier coefficients of overlapping windows of each channel.

    Parameters
    ----------
    x : Tensor, shape (batch, n_channels, n_times)
        Epochs of about unit variance, at least ``N_FFT`` samples long.

    Returns
    -------
    waves : Tensor, shape (batch, n_channels, n_windows, N_BINS, 2)
        Real and imaginary parts from 1/256 to 76/256 cycles per sample, of Hann windows
        of 256 samples that overlap by half, each without its mean; in float32 or
        better. White noise of unit variance has squares of 1/2 on average.
    """
    x = x.to(torch.promote_types(x.dtype, torch.float32)).contiguous()
    window = torch.hann_window(N_FFT, dtype=x.dtype, device=x.device)
    parts = x.unfold(2, N_FFT, N_FFT // 2)
    parts = (parts - parts.mean(-1, keepdim=True)) * window
    waves = torch.view_as_real(torch.fft.rfft(parts)[..., 1 : 1 + N_BINS])
    return waves / window.square().sum().sqrt()


def log_power(waves):
    """Return the logarithm of the power spectrum (Welch's method).

    Parameters
    ----------
    waves : Tensor, shape (batch, n_channels, n_windows, N_BINS, 2)
        As `short_waves` returns them.

    Returns
    -------
    spectrum : Tensor, shape (batch, n_channels, N_BINS)
        Means over the windows.
    """
    return (waves.square().sum(-1).mean(2) + LEAST_POWER).log()
