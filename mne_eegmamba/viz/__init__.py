"""Figures of training, of networks and of predictions."""

from mne_eegmamba.utils import lazy as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "ablation": ["plot_ablation"],
        "confusion": ["plot_confusion"],
        "embedding": ["plot_embedding"],
        "expert_weights": ["plot_expert_weights"],
        "experts": ["plot_expert_usage"],
        "hypnogram": ["plot_hypnogram"],
        "scaling": ["plot_scaling"],
        "spatial": ["plot_spatial_filters"],
        "training": ["plot_training"],
    },
)
