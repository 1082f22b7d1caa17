"""Depthwise causal convolution with SiLU, forward or backward in time."""

from mne_eegmamba.ops.conv.interface import causal_conv1d

__all__ = ["causal_conv1d"]
