"""Operators of the network: selective scan and causal convolution."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "backend": ["show_backends"],
        "conv": ["bidirectional_conv1d", "causal_conv1d"],
        "scan": ["bidirectional_scan", "selective_scan"],
    },
)
