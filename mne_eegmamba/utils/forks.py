"""What a forked child may do: its parent's threads did not come along."""

import logging
import os

logger = logging.getLogger("mne_eegmamba")
_PROCESS = os.getpid()  # the package imports this file first of all


def forked():
    """Return whether this process was forked after the package was imported.

    Returns
    -------
    forked : bool
        True in a child.
    """
    return os.getpid() != _PROCESS


def leave_threads():
    """Let torch use one thread in a forked child, where it would wait forever."""
    import torch

    if forked() and torch.get_num_threads() > 1:
        logger.info("One thread is used: a forked process has none of its parent's")
        torch.set_num_threads(1)
