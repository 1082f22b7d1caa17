"""Selective scan (Mamba-1) in one and in two directions."""

from mne_eegmamba.ops.scan.interface import (
    bidirectional_scan,
    selective_scan,
)

__all__ = ["bidirectional_scan", "selective_scan"]
