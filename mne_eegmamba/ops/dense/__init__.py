"""Matrix products: linear layers, convolutions over all channels, grouped layers."""

from mne_eegmamba.ops.dense.interface import conv1d, grouped_linear, linear

__all__ = ["conv1d", "grouped_linear", "linear"]
