"""Depthwise causal convolution with SiLU, forward or backward in time."""

from mne_eegmamba.ops.conv.interface import (
    bidirectional_conv1d,
    causal_conv1d,
)

__all__ = ["bidirectional_conv1d", "causal_conv1d"]
