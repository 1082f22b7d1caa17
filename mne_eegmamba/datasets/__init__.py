"""Public EEG data sets as ``mne.Epochs``."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submodules=["chbmit", "shhs", "siena", "simulate", "sleep_edf"],
    submod_attrs={"demo": ["load_demo"]},
)
