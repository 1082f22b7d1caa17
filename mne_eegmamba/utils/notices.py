"""Messages that users should see once."""

import warnings


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
        warnings.warn(
            f"Epochs {whose}have {n_times} samples, the network needs {shortest}; "
            "zeros are added at their end. Longer epochs or a higher sampling rate "
            "avoid this.",
            UserWarning,
            stacklevel=4,
        )
