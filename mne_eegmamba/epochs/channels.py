"""Channels, rate and length of new epochs against those of the training data."""

import numpy as np
from mne.utils import logger

from mne_eegmamba.epochs.check import Signals, epochs_list, signals_from_epochs
from mne_eegmamba.epochs.stored import Samples, StoredEpochs


def match_channels(signals, ch_names):
    """Bring channels into the order of the training data, by name.

    Parameters
    ----------
    signals : Signals
        New epochs.
    ch_names : tuple of str | None
        Names in the training data; None where it had none.

    Returns
    -------
    signals : Signals
        The same epochs, channels as in ``ch_names``.

    Raises
    ------
    ValueError
        If channels are missing, or others have been added.
    """
    if ch_names is None or signals.ch_names is None or signals.ch_names == ch_names:
        return signals
    missing = [name for name in ch_names if name not in signals.ch_names]
    extra = [name for name in signals.ch_names if name not in ch_names]
    if missing or extra:
        raise ValueError(
            f"X must have the channels seen in fit: {list(ch_names)}. "
            f"Missing: {missing}. Not seen in fit: {extra}. Rename them with "
            "epochs.rename_channels, or pick the channels seen in fit."
        )
    order = [signals.ch_names.index(name) for name in ch_names]
    on_disk = isinstance(signals.data, Samples)
    data = signals.data.reordered(order) if on_disk else signals.data[:, order]
    return Signals(data, ch_names, signals.sfreq)


def at_rate(X, sfreq, n_times):
    """Read Epochs, resampled to the training data's rate where they have another.

    Parameters
    ----------
    X : mne.BaseEpochs | list of mne.BaseEpochs
        New epochs; left as they are.
    sfreq : float | None
        Rate of the training data in Hz; None where it is not known.
    n_times : int | None
        Samples per epoch of the training data; None where any length is allowed.

    Returns
    -------
    signals : Signals
        Epochs at ``sfreq``.

    Raises
    ------
    ValueError
        If they have another rate and, once resampled, a length that is off by more
        than one sample of the lower rate. (MNE's epochs include both ends, so the same
        stretch of time has not quite the same length.)
    """
    parts = epochs_list(X)
    if isinstance(parts[0], StoredEpochs):
        return _stored_at_rate(parts, sfreq)
    rate = float(parts[0].info["sfreq"])
    if sfreq is None or rate == sfreq:
        return signals_from_epochs(X)
    signals_from_epochs(X)  # bad data is refused before any work is put into it
    times = round(len(parts[0].times) * sfreq / rate)
    if n_times is not None and abs(times - n_times) > max(1, sfreq / rate):
        raise ValueError(
            f"X has the sampling rate {rate} Hz, fit saw {sfreq} Hz with {n_times} "
            f"samples per epoch; resampled, the epochs of X would have {times}. Cut "
            "epochs as long as those of fit, or resample with epochs.resample."
        )
    logger.info(f"Resampling X from {rate} Hz to the {sfreq} Hz seen in fit.")
    resampled = [
        part.copy().load_data().resample(sfreq, verbose="error") for part in parts
    ]
    signals = signals_from_epochs(resampled)
    return signals if n_times is None else _as_long(signals, n_times)


def _as_long(signals, n_times):
    """Cut the end off, or hold the last sample."""
    data = signals.data[:, :, :n_times]
    missing = n_times - data.shape[2]
    data = np.pad(data, ((0, 0), (0, 0), (0, missing)), mode="edge")
    return Signals(data, signals.ch_names, signals.sfreq)


def _stored_at_rate(parts, sfreq):
    signals = signals_from_epochs(parts)
    if sfreq not in (None, signals.sfreq):
        raise ValueError(
            f"X has the sampling rate {signals.sfreq} Hz, fit saw {sfreq} Hz. Epochs "
            "on disk are not resampled; prepare them again with that rate."
        )
    return signals
