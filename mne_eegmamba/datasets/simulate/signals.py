"""Signals with a known difference between classes, in microvolts."""

import numpy as np

NOISE = 15.0  # microvolts
STAGE_RHYTHMS = {  # stage: frequencies in Hz and amplitudes in microvolts
    "W": ((10.0, 30.0),),
    "1": ((5.0, 25.0),),
    "2": ((13.0, 30.0), (4.0, 15.0)),
    "3": ((1.0, 90.0),),
    "4": ((0.8, 110.0),),
    "R": ((7.0, 15.0), (20.0, 15.0)),
}


def noise(rng, n_channels, n_times):
    """Return white noise, partly common to all channels.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    n_channels, n_times : int
        Shape of the result.

    Returns
    -------
    x : ndarray, shape (n_channels, n_times)
        Microvolts.
    """
    own = rng.standard_normal((n_channels, n_times))
    return NOISE * (own + rng.standard_normal(n_times)) / np.sqrt(2)


def add_seizures(x, sfreq, seizures, amplitude=120.0):
    """Add spikes and waves of 3 Hz to all channels during seizures.

    Parameters
    ----------
    x : ndarray, shape (n_channels, n_times)
        Background in microvolts; changed.
    sfreq : float
        Rate in Hz.
    seizures : list of tuple of float
        Begin and end in seconds.
    amplitude : float
        Microvolts of the wave.
    """
    for begin, end in seizures:
        part = slice(round(begin * sfreq), round(end * sfreq))
        phase = 3 * (np.arange(part.stop - part.start) / sfreq)
        spike = np.exp(-(((phase % 1 - 0.2) / 0.05) ** 2))
        x[:, part] += amplitude * (np.sin(2 * np.pi * phase) + spike)


def sleep(rng, sfreq, stages):
    """Return one channel of sleep, 30 s per stage.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    sfreq : float
        Rate in Hz.
    stages : str
        One of ``STAGE_RHYTHMS`` per epoch; others are noise alone.

    Returns
    -------
    x : ndarray, shape (n_times,)
        Microvolts.
    """
    n_times = round(30 * sfreq)
    times = np.arange(n_times) / sfreq
    x = noise(rng, 1, n_times * len(stages))[0]
    for epoch, stage in zip(x.reshape(len(stages), n_times), stages, strict=True):
        for hertz, amplitude in STAGE_RHYTHMS.get(stage, ()):
            shift = rng.uniform(0, 2 * np.pi)
            epoch += amplitude * np.sin(2 * np.pi * hertz * times + shift)
    return x
