"""scikit-learn estimators."""

from mne_eegmamba.estimators.alignment import EuclideanAlignment
from mne_eegmamba.estimators.classifier import EEGMambaClassifier
from mne_eegmamba.estimators.multitask import MultiTaskEEGMamba
from mne_eegmamba.estimators.paper import paper_parameters

__all__ = [
    "EEGMambaClassifier",
    "EuclideanAlignment",
    "MultiTaskEEGMamba",
    "paper_parameters",
]
