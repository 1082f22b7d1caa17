"""Public EEG data sets as ``mne.Epochs``."""

from mne_eegmamba.utils import lazy as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submodules=[
        *("bci_iv_2a", "chbmit", "deap", "seed", "shhs", "shu", "siena", "sleep_edf"),
        "simulate",
    ],
    submod_attrs={
        "demo": ["load_demo"],
        "places": ["locate"],
        "preparation": ["prepare"],
        "recordings": ["Recording"],
        "store": ["StoredEpochs", "open_store", "store_report", "write_store"],
    },
)
