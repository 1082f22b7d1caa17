"""Figures of training and of predictions."""

from mne_eegmamba.utils import lazy as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "confusion": ["plot_confusion"],
        "experts": ["plot_expert_usage"],
        "training": ["plot_training"],
    },
)
