"""Whole experiments that can be stopped and go on."""

from mne_eegmamba.utils import lazy as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "candidates": ["eegmamba_candidates"],
        "paper": ["paper_experiment", "paper_tables", "published_scores"],
    },
)
