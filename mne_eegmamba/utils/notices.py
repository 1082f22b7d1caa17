"""Messages that users should see, at their own line."""

import inspect
import os
import warnings
from pathlib import Path

PACKAGE = str(Path(__file__).parents[1]) + os.sep


def warn_user(message):
    """Warn at the first line outside this package that led here.

    Parameters
    ----------
    message : str
        What to say.
    """
    level, frame = 1, inspect.currentframe()
    while frame is not None and frame.f_code.co_filename.startswith(PACKAGE):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, UserWarning, stacklevel=level)


def warn_padding(n_times, shortest, task=None):
    """Warn when epochs are shorter than the network's shortest input.

    Parameters
    ----------
    n_times : int
        Samples per epoch.
    shortest : int
        Samples that the network needs.
    task : str | None, default=None
        Whose epochs they are, where there are several tasks.
    """
    if n_times < shortest:
        whose = f"of task {task!r} " if task else ""
        warn_user(
            f"Epochs {whose}have {n_times} samples, the network needs {shortest}; "
            "zeros are added at their end. Longer epochs or a higher sampling rate "
            "avoid this."
        )
