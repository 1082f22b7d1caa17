"""A fitted network on continuous recordings."""

from mne_eegmamba.utils import lazy as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__, submod_attrs={"annotate": ["annotate_raw"]}
)
