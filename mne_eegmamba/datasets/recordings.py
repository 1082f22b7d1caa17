"""From recordings on disk to Epochs: what all data sets do the same way."""

import logging
from dataclasses import dataclass
from pathlib import Path

import mne
import numpy as np
import pandas as pd

logger = logging.getLogger("mne_eegmamba")

UNREADABLE = (OSError, ValueError, RuntimeError, KeyError, EOFError)


class NoEpochs(Exception):
    """A recording has no epochs under the rules: no error, but to be reported."""


@dataclass(frozen=True)
class Recording:
    """One recording of a data set, not yet read.

    Parameters
    ----------
    name : str
        Unique in its data set.
    subject, session : str
        Whose it is, and which of theirs.
    signal : Path
        The file with the signal.
    labels : Path | None, default=None
        The file with the labels, where that is another.

    Examples
    --------
    >>> from pathlib import Path
    >>> from mne_eegmamba.datasets import Recording
    >>> Recording("night-07", "07", "1", Path("night-07.edf")).subject
    '07'
    """

    name: str
    subject: str
    session: str
    signal: Path
    labels: Path | None = None


def load_recordings(recordings, read, on_error):
    """Read recordings one after the other and join their epochs.

    Parameters
    ----------
    recordings : list of Recording
        What to read.
    read : callable
        Makes `mne.EpochsArray` of one recording.
    on_error : "raise" | "warn"
        Whether a recording that cannot be read ends it all, or is left out with a
        warning that names it.

    Returns
    -------
    epochs : mne.EpochsArray
        All epochs; ``metadata`` says which recording each is from.

    Raises
    ------
    ValueError
        If a recording cannot be read (``on_error="raise"``), or none can.
    """
    check_on_error(on_error)
    parts, left_out = [], {}
    for recording in recordings:
        part, error = attempt(recording, read)
        if error is None:
            parts.append(part)
        else:
            left_out[recording.name] = settle(recording, error, on_error)
    logger.info(
        "%d recordings used, %d left out%s",
        len(parts),
        len(left_out),
        "".join(f"\n  {name}: {reason}" for name, reason in left_out.items()),
    )
    if not parts:
        raise ValueError(
            f"None of {len(recordings)} recordings gave epochs: "
            + "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
        )
    return mne.concatenate_epochs(parts, add_offset=True, verbose="error")


def check_on_error(on_error):
    """Refuse what is not "raise" or "warn"."""
    if on_error not in ("raise", "warn"):
        raise ValueError(
            f'The `on_error` parameter must be "raise" or "warn". Got {on_error!r}.'
        )


def attempt(recording, read):
    """Read one recording.

    Parameters
    ----------
    recording : Recording
        What to read.
    read : callable
        As in `load_recordings`.

    Returns
    -------
    epochs : mne.EpochsArray | None
        None if it cannot be read or has no epochs.
    error : Exception | None
        Why not.
    """
    try:
        return read(recording), None
    except (NoEpochs, *UNREADABLE) as error:
        return None, error


def settle(recording, error, on_error):
    """Raise or warn that a recording cannot be used.

    Parameters
    ----------
    recording : Recording
        The recording.
    error : Exception
        From `attempt`; `NoEpochs` is neither raised nor warned of.
    on_error : "raise" | "warn"
        As in `load_recordings`.

    Returns
    -------
    reason : str
        Why it cannot be used.
    """
    reason = str(error) or type(error).__name__
    if isinstance(error, NoEpochs):
        return reason
    text = f"Recording {recording.name} cannot be used: {reason}"
    if on_error == "raise":
        raise ValueError(
            f'{text} (on_error="warn" goes on without it; the file is '
            f"{recording.signal})"
        ) from error
    mne.utils.warn(text)
    return reason


def pick_subjects(recordings, subjects, where):
    """Keep the recordings of some subjects.

    Parameters
    ----------
    recordings : list of Recording
        What was found.
    subjects : list of str | None
        Which to keep; None keeps all.
    where : str
        What was searched, for messages.

    Returns
    -------
    recordings : list of Recording
        At least one.

    Raises
    ------
    FileNotFoundError
        If nothing was found.
    ValueError
        If a subject is not there.
    """
    if not recordings:
        raise FileNotFoundError(f"No recordings found: {where}")
    if subjects is None:
        return recordings
    known = {recording.subject for recording in recordings}
    wanted = [subjects] if isinstance(subjects, str) else [str(s) for s in subjects]
    unknown = [subject for subject in wanted if subject not in known]
    if unknown or not wanted:
        raise ValueError(
            f"subjects must be out of {sorted(known)}, which are on disk. Got "
            f"{subjects!r}."
        )
    return [recording for recording in recordings if recording.subject in set(wanted)]


def preprocess(raw, ch_names, sfreq, l_freq, h_freq):
    """Pick channels, filter the continuous signal and bring it to a rate.

    Parameters
    ----------
    raw : mne.io.BaseRaw
        Recording; changed.
    ch_names : list of str
        Channels to keep, in this order.
    sfreq : float
        Rate of the result in Hz.
    l_freq, h_freq : float | None
        Band in Hz; None leaves that side as it is, and so does a high edge that the
        recording's rate cannot hold.

    Returns
    -------
    raw : mne.io.BaseRaw
        The same, filtered and resampled.

    Raises
    ------
    ValueError
        If a channel is missing, or the band is none.
    """
    missing = [name for name in ch_names if name not in raw.ch_names]
    if missing:
        raise ValueError(f"channels {missing} are missing; it has {raw.ch_names}")
    if l_freq is not None and h_freq is not None and l_freq >= h_freq:
        raise ValueError(f"l_freq must be below h_freq. Got {l_freq} and {h_freq} Hz.")
    raw.pick(ch_names).load_data(verbose="error").reorder_channels(ch_names)
    if h_freq is not None and h_freq >= raw.info["sfreq"] / 2:
        h_freq = None
    if l_freq is not None or h_freq is not None:
        width = high_edge_width(raw.info["sfreq"], h_freq)
        raw.filter(
            l_freq, h_freq, picks="all", h_trans_bandwidth=width, verbose="error"
        )
    if raw.info["sfreq"] != sfreq:
        raw.resample(sfreq, verbose="error")
    return raw


def high_edge_width(sfreq, h_freq):
    """Return Hz from pass to stop band: narrow enough for 60 Hz to be stopped at 50."""
    return "auto" if h_freq is None else min(5.0, sfreq / 2 - h_freq)


def epochs_from_windows(raw, starts, codes, event_id, duration, recording):
    """Cut windows out of a continuous signal.

    Parameters
    ----------
    raw : mne.io.BaseRaw
        Signal after `preprocess`, from time 0.
    starts : array-like of float, shape (n_epochs,)
        Where windows begin, in seconds.
    codes : array-like of int, shape (n_epochs,)
        Values of ``event_id``.
    event_id : dict of {str: int}
        Codes of the classes; those that do not occur are left away, as MNE demands.
    duration : float
        Seconds of a window.
    recording : Recording
        Where they are from.

    Returns
    -------
    epochs : mne.EpochsArray
        Epochs in volts; ``metadata`` has subject, session, recording and onset in
        seconds.

    Raises
    ------
    NoEpochs
        If there are no windows.
    ValueError
        If a window does not lie in the signal.
    """
    sfreq = raw.info["sfreq"]
    n_times = round(duration * sfreq)
    first = np.round(np.asarray(starts, dtype=float) * sfreq).astype(int)
    if not len(first):
        raise NoEpochs("it has no epochs under these rules")
    if first.min() < 0 or first.max() + n_times > raw.n_times:
        raise ValueError(
            f"windows from {first.min() / sfreq} to {(first.max() + n_times) / sfreq} "
            f"s do not lie in the signal, which has {raw.n_times / sfreq} s"
        )
    signal = raw.get_data(verbose="error")
    data = np.empty((len(first), len(signal), n_times))
    for window, at in zip(data, first, strict=True):
        window[:] = signal[:, at : at + n_times]
    return epochs_from_array(data, raw.info, first, codes, event_id, recording)


def epochs_from_array(data, info, samples, codes, event_id, recording):
    """Make Epochs of windows.

    Parameters
    ----------
    data : ndarray, shape (n_epochs, n_channels, n_times)
        Windows in volts.
    info : mne.Info
        Channels and rate.
    samples : ndarray of int, shape (n_epochs,)
        Where each begins in its recording.
    codes, event_id, recording : object
        As in `epochs_from_windows`.

    Returns
    -------
    epochs : mne.EpochsArray
        Epochs in volts; ``metadata`` has subject, session, recording and onset in
        seconds.
    """
    codes = np.asarray(codes, dtype=int)
    events = np.column_stack([samples, np.zeros_like(codes), codes])
    metadata = pd.DataFrame(
        {
            "subject": recording.subject,
            "session": recording.session,
            "recording": recording.name,
            "onset": np.asarray(samples) / info["sfreq"],
        },
        index=range(len(codes)),
    )
    return mne.EpochsArray(
        data,
        mne.create_info(info["ch_names"], info["sfreq"], "eeg", verbose="error"),
        events=events.astype(int).reshape(-1, 3),
        event_id={name: code for name, code in event_id.items() if code in codes},
        baseline=None,
        metadata=metadata,
        verbose="error",
    )
