"""Windows of a long recording, labelled by the seizures in it."""

import numpy as np

EVENT_ID = {"background": 1, "seizure": 2}
CLOCK_SLACK = 1.0  # seconds; lists round to whole ones
TINY = 1e-9  # shares are ratios of floats


def check_windows(duration, step, overlap, partial):
    """Refuse rules that name no windows.

    Parameters
    ----------
    duration, step, overlap, partial : object
        As in `label_windows`.

    Raises
    ------
    ValueError
        If one of them is not allowed.
    """
    for name, value in (("duration", duration), ("step", step)):
        if not value > 0:
            raise ValueError(
                f"The `{name}` parameter must be above 0 seconds. Got {value!r}."
            )
    if not 0 < overlap <= 1:
        raise ValueError(
            "The `overlap` parameter must be a share of a window in (0, 1]. Got "
            f"{overlap!r}."
        )
    if partial not in ("drop", "background"):
        raise ValueError(
            f'The `partial` parameter must be "drop" or "background". Got {partial!r}.'
        )


def label_windows(n_times, sfreq, seizures, duration, step, overlap, partial):
    """Say where windows begin and which are in a seizure.

    Parameters
    ----------
    n_times : int
        Samples of the recording.
    sfreq : float
        Its rate in Hz.
    seizures : list of tuple of float
        Begin and end of seizures, in seconds from the recording's start.
    duration : float
        Seconds of a window.
    step : float | None
        Seconds from one window to the next; None is ``duration``, without overlap.
    overlap : float
        Share of a window, above 0 and up to 1, that must be in seizures for it to be
        one.
    partial : "drop" | "background"
        What becomes of windows that a seizure touches, but by less.

    Returns
    -------
    starts : ndarray of float, shape (n_windows,)
        Begin of windows in seconds.
    codes : ndarray of int, shape (n_windows,)
        Values of ``EVENT_ID``.

    Raises
    ------
    ValueError
        If a rule is not allowed, or a seizure does not lie in the recording.

    Examples
    --------
    >>> starts, codes = label_windows(20, 1.0, [(5, 11)], 4, None, 0.5, "drop")
    >>> starts
    array([ 0.,  4.,  8., 12., 16.])
    >>> codes
    array([1, 2, 2, 1, 1])
    """
    step = duration if step is None else step
    check_windows(duration, step, overlap, partial)
    check_inside(seizures, n_times / sfreq)
    starts = np.arange(0, max(n_times / sfreq, 0), step)
    fits = np.round(starts * sfreq) + round(duration * sfreq) <= n_times
    starts = starts[fits]
    share = seizure_seconds(starts, duration, seizures) / duration
    seizure = share >= overlap - TINY
    codes = np.where(seizure, EVENT_ID["seizure"], EVENT_ID["background"])
    keep = seizure | (share < TINY) | (partial == "background")
    return starts[keep], codes[keep]


def check_inside(seizures, length):
    """Refuse seizures that do not lie in a recording of so many seconds."""
    for begin, end in seizures:
        if not 0 <= begin < end <= length + CLOCK_SLACK:
            raise ValueError(
                f"a seizure from {begin:g} to {end:g} s does not lie in the recording, "
                f"which has {length:g} s; is the file complete, and its list right?"
            )


def seizure_seconds(starts, duration, seizures):
    """Return the seconds of each window that lie in one or more seizures."""
    seconds = np.zeros(len(starts))
    for begin, end in merged(seizures):
        inside = np.minimum(starts + duration, end) - np.maximum(starts, begin)
        seconds += np.maximum(inside, 0)
    return seconds


def merged(seizures):
    """Join seizures that touch, so that no second counts twice."""
    joined = []
    for begin, end in sorted(seizures):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined
