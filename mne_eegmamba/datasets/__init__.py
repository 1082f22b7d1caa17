"""Public EEG data sets as ``mne.Epochs``."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submodules=["bci_iv_2a", "deap", "seed", "shu", "simulate"],
    submod_attrs={"demo": ["load_demo"]},
)
