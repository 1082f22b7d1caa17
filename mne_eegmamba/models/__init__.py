"""The torch network and its configuration; needs torch and numpy only."""

from mne_eegmamba.models.config import EEGMambaConfig
from mne_eegmamba.models.eegmamba import EEGMamba

__all__ = ["EEGMamba", "EEGMambaConfig"]
