"""Operators of the network: selective scan, convolutions, matrix products."""

from mne_eegmamba.utils import lazy as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "backend": ["show_backends"],
        "conv": ["bidirectional_conv1d", "causal_conv1d"],
        "dense": ["conv1d", "grouped_linear", "linear"],
        "pool": ["gelu_pool"],
        "scan": ["bidirectional_scan", "selective_scan"],
    },
)
