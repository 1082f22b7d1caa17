"""Sleep stages in epochs of 30 s: classes, wake around sleep, the npz form."""

import zipfile
import zlib

import mne
import numpy as np

from mne_eegmamba.datasets.recordings import NoEpochs, epochs_from_windows, preprocess

STAGES = ("W", "N1", "N2", "N3", "REM")
EVENT_ID = {name: code for code, name in enumerate(STAGES, 1)}
DURATION = 30.0  # seconds of a scored epoch
WAKE, UNSCORED = 0, -1  # stages are 0 to 4 in the order of STAGES
VOLTS_PER_MICROVOLT = 1e-6


def check_wake(wake_minutes):
    """Refuse a margin that is no time."""
    if wake_minutes is not None and not wake_minutes >= 0:
        raise ValueError(
            "The `wake_minutes` parameter must be None or at least 0. Got "
            f"{wake_minutes!r}."
        )


def stage_epochs(raw, starts, stages, recording, wake_minutes, sfreq, l_freq, h_freq):
    """Filter a recording of one channel and cut its scored epochs.

    Parameters
    ----------
    raw : mne.io.BaseRaw
        The signal, one channel.
    starts : ndarray of float, shape (n_stages,)
        Where epochs begin, in seconds.
    stages : ndarray of int, shape (n_stages,)
        0 to 4 in the order of ``STAGES``, or -1 where nothing is scored.
    recording : Recording
        Where they are from.
    wake_minutes : float | None
        Minutes of wake to keep before and after sleep; None keeps all.
    sfreq, l_freq, h_freq : float
        As in `preprocess`.

    Returns
    -------
    epochs : mne.EpochsArray
        Epochs in volts.

    Raises
    ------
    ValueError
        If sleep is scored where there is no signal.
    NoEpochs
        If no sleep is scored.
    """
    check_wake(wake_minutes)
    length = raw.n_times / raw.info["sfreq"]
    if (starts[stages > WAKE] >= length).any():
        raise ValueError(
            f"sleep is scored up to {starts[stages > WAKE][-1] + DURATION:g} s, the "
            f"signal has {length:g} s"
        )
    inside = starts + DURATION <= length  # the last may be shorter
    keep = inside & (stages != UNSCORED) & near_sleep(starts, stages, wake_minutes)
    preprocess(raw, raw.ch_names, sfreq, l_freq, h_freq)
    codes = stages[keep] + 1  # as in EVENT_ID
    return epochs_from_windows(raw, starts[keep], codes, EVENT_ID, DURATION, recording)


def only_channel(raw, label, name):
    """Keep one channel of a recording under another name.

    Parameters
    ----------
    raw : mne.io.BaseRaw
        The recording; changed.
    label : str
        What the file calls the channel.
    name : str
        What it is to be called.

    Raises
    ------
    ValueError
        If it is not there.
    """
    if label not in raw.ch_names:
        raise ValueError(f"channel {label!r} is missing; it has {raw.ch_names}")
    raw.pick([label]).rename_channels({label: name})


def near_sleep(starts, stages, wake_minutes):
    """Say which epochs lie from so long before the first sleep to after the last.

    Parameters
    ----------
    starts, stages, wake_minutes : object
        As in `stage_epochs`.

    Returns
    -------
    near : ndarray of bool, shape (n_stages,)
        All, if ``wake_minutes`` is None.

    Raises
    ------
    NoEpochs
        If no sleep is scored.

    Examples
    --------
    >>> stages = np.array([0, 0, 0, 2, -1, 4, 0, 0])
    >>> near_sleep(30.0 * np.arange(8), stages, wake_minutes=0.5)
    array([False, False,  True,  True,  True,  True,  True, False])
    """
    if wake_minutes is None:
        return np.ones(len(starts), dtype=bool)
    asleep = starts[stages > WAKE]
    if not len(asleep):
        raise NoEpochs("no sleep is scored in it")
    margin = 60 * wake_minutes
    return (starts >= asleep[0] - margin) & (starts <= asleep[-1] + margin)


def open_npz(path, channel):
    """Read the derived form: one npz of epochs and stages per recording.

    Parameters
    ----------
    path : pathlib.Path
        File with ``x`` (n_epochs, n_times, 1) in microvolts, ``y`` (n_epochs,) from 0
        to 4, and perhaps ``fs`` in Hz.
    channel : str
        Name of the channel.

    Returns
    -------
    raw : mne.io.RawArray
        The epochs joined, in volts.
    starts : ndarray of float, shape (n_epochs,)
        Where they begin, in seconds.
    stages : ndarray of int, shape (n_epochs,)
        0 to 4.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it cannot be read or is not of this form.
    """
    x, y, fs = npz_arrays(path)
    if x.ndim != 3 or x.shape[2] != 1 or y.shape != x.shape[:1]:
        raise ValueError(
            f"{path.name} must hold x (n_epochs, n_times, 1) and y (n_epochs,). Got x "
            f"{x.shape} and y {y.shape}."
        )
    sfreq = x.shape[1] / DURATION
    if fs is not None and not np.isclose(fs, sfreq):
        raise ValueError(
            f"{path.name} states fs = {fs:g} Hz, its epochs of 30 s have {x.shape[1]} "
            f"samples, which is {sfreq:g} Hz"
        )
    if not np.isin(y, range(len(STAGES))).all():
        raise ValueError(f"{path.name} must have stages 0 to 4. Got {np.unique(y)}.")
    info = mne.create_info([channel], sfreq, "eeg", verbose="error")
    signal = x.reshape(1, -1).astype(float) * VOLTS_PER_MICROVOLT
    raw = mne.io.RawArray(signal, info, verbose="error")
    return raw, DURATION * np.arange(len(y)), y.astype(int)


def npz_arrays(path):
    """Return x, y and fs (None if absent) of an npz file."""
    try:
        # Opened here, since NumPy does not close what it cannot read.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            fs = float(np.ravel(file["fs"])[0]) if "fs" in file else None
            return file["x"], file["y"], fs
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ValueError(f"{path.name} is truncated or no npz ({error})") from error
    except KeyError as error:
        raise ValueError(f"{path.name} lacks an array ({error})") from error
