"""One network for all labelled EEG: bidirectional Mamba for MNE and scikit-learn."""

from mne_eegmamba.utils import forks as _forks  # noqa: F401  notes the process
from mne_eegmamba.utils import lazy as _lazy

__version__ = "0.1.0.dev0"

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submodules=["datasets", "evaluation", "experiments", "models", "ops", "viz"],
    submod_attrs={
        "continuous": ["annotate_raw"],
        "datasets": ["load_demo"],
        "epochs.multitask": ["MultiTaskEpochs"],
        "estimators": [
            "EEGMambaClassifier",
            "EuclideanAlignment",
            "MultiTaskEEGMamba",
            "paper_parameters",
        ],
        "evaluation": ["TaskGroupKFold"],
    },
)
