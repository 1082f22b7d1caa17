"""GELU, and pooling over time."""

from mne_eegmamba.ops.pool.interface import gelu_pool

__all__ = ["gelu_pool"]
