"""Noise and rhythms that simulated recordings are made of."""

import numpy as np


def background(rng, n_channels, n_times, microvolts=10.0):
    """Return white noise of a size in microvolts, (n_channels, n_times)."""
    noise = rng.standard_normal((n_channels, n_times), dtype=np.float32)
    return noise * np.float32(microvolts)


def rhythm(rng, frequency, n_times, sfreq, microvolts):
    """Return a sine of any phase; ``microvolts`` is its peak."""
    phase = rng.uniform(0, 2 * np.pi)
    return microvolts * np.sin(
        2 * np.pi * frequency * np.arange(n_times) / sfreq + phase
    )


def add_imagery(rng, signal, rows, side, sfreq):
    """Add 10 Hz over the central channels, weak where the hand is imagined.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the phases.
    signal : ndarray, shape (n_channels, n_times)
        Signal in microvolts; changed.
    rows : dict of {str: int}
        Row of each central channel.
    side : str | None
        The channel where the rhythm is weak; None for nowhere.
    sfreq : float
        Rate in Hz.
    """
    for channel, row in rows.items():
        size = 2.0 if channel == side else 20.0
        signal[row] += rhythm(rng, 10.0, signal.shape[1], sfreq, size)
