"""The one door: Epochs, windows, a list of these or an array become one array."""

from dataclasses import dataclass
from os import PathLike

import mne
import numpy as np
import pandas as pd

from mne_eegmamba.epochs.stored import Samples, StoredEpochs
from mne_eegmamba.epochs.windows import epochs_of_windows, is_windows

FINITE_BUDGET = 2**22  # samples looked at together
TAKEN = "X must be Epochs or one array of the shape (n_epochs, n_channels, n_times)"
MISFITS = (
    (
        mne.io.BaseRaw,
        "a continuous recording. Cut it into epochs first, for example with mne.Epochs "
        "or mne.make_fixed_length_epochs; annotate_raw predicts along a recording.",
    ),
    (mne.Evoked, "an average over epochs. Give the epochs themselves."),
    (
        mne.time_frequency.Spectrum | mne.time_frequency.EpochsSpectrum,
        "a spectrum. Give the epochs that it is of.",
    ),
    (
        str | PathLike,
        "a path. Read the file first, for example with mne.read_epochs.",
    ),
)


@dataclass(frozen=True)
class Signals:
    """Epochs as an array, with what is known about them.

    ``data`` has the shape (n_epochs, n_channels, n_times), in any real dtype, and is a
    view of the user's memory where that is possible, or stays on disk. ``ch_names`` and
    ``sfreq`` are None for plain arrays; ``two_d`` says that each row was read as one
    channel.
    """

    data: np.ndarray | Samples
    ch_names: tuple | None = None
    sfreq: float | None = None
    two_d: bool = False


def is_epochs(X):
    """Say whether X is `mne.Epochs`, on disk or not, or a non-empty list of them.

    Parameters
    ----------
    X : object
        Anything.

    Returns
    -------
    answer : bool
        True for Epochs of any kind, `StoredEpochs`, braindecode's windows, and for
        lists or tuples of nothing but these.
    """
    if _is_one(X):
        return True
    several = isinstance(X, list | tuple) and len(X) > 0
    return several and all(_is_one(part) for part in X)


def _is_one(X):
    return isinstance(X, mne.BaseEpochs | StoredEpochs) or is_windows(X)


def epochs_list(X):
    """Return Epochs or a list of them as a list.

    Parameters
    ----------
    X : mne.BaseEpochs | StoredEpochs | list of these
        What `is_epochs` accepts.

    Returns
    -------
    parts : list
        At least one.
    """
    return list(X) if isinstance(X, list | tuple) else [X]


def loaded(X):
    """Return Epochs with their samples in memory; those of a store stay on disk.

    Parameters
    ----------
    X : mne.BaseEpochs | StoredEpochs | BaseConcatDataset | list of these
        Epochs, preloaded or not, or windows; left as they are.

    Returns
    -------
    parts : list
        The same where they are in memory, else loaded copies, from which MNE has
        dropped the epochs that it rejects; windows become Epochs.
    """
    parts = []
    for part in epochs_list(X):
        if is_windows(part):
            parts += epochs_of_windows(part)
        else:
            parts.append(part if part.preload else part.copy().load_data())
    return parts


def signals_from_epochs(X):
    """Read Epochs.

    Parameters
    ----------
    X : mne.BaseEpochs | StoredEpochs | list of mne.BaseEpochs
        Preloaded or not; the parts of a list share channels, rate and length.

    Returns
    -------
    signals : Signals
        Data in volts, shape (n_epochs, n_channels, n_times).

    Raises
    ------
    ValueError
        If there are no epochs, channels are marked bad or carry triggers, an epoch
        overlaps a bad annotation, parts differ, or samples are not finite.
    """
    parts = loaded(X)
    if any(isinstance(part, StoredEpochs) for part in parts):
        return _signals_from_store(parts)
    for part in parts:
        _refuse_bad(part)
    first = parts[0]
    names, sfreq = tuple(first.ch_names), float(first.info["sfreq"])
    for part in parts[1:]:
        mine = (tuple(part.ch_names), float(part.info["sfreq"]), len(part.times))
        if mine != (names, sfreq, len(first.times)):
            raise ValueError(
                "All Epochs of a list must share channels, sampling rate and length. "
                f"Got {len(names)} channels {list(names[:8])} at {sfreq} Hz with "
                f"{len(first.times)} samples, and {len(mine[0])} channels "
                f"{list(mine[0][:8])} at {mine[1]} Hz with {mine[2]} samples; equalise "
                "them, for example with mne.channels.equalize_channels."
            )
        if abs(part.times[0] - first.times[0]) * sfreq > 0.5:
            raise ValueError(
                "All Epochs of a list must begin at the same time of their events. Got "
                f"{first.times[0]:g} s and {part.times[0]:g} s; crop them alike."
            )
    _refuse_none(parts)
    data = [part.get_data(copy=False) for part in parts if len(part)]
    data = data[0] if len(data) == 1 else np.concatenate(data)
    check_finite(data, names)
    return Signals(data, names, sfreq)


def _signals_from_store(parts):
    if len(parts) > 1:
        raise ValueError(
            f"X is a list of {len(parts)} Epochs of which some stay on disk. Only one "
            "store at a time is allowed; prepare all into one, or give MultiTaskEpochs."
        )
    (epochs,) = parts
    _refuse_none(parts)
    return Signals(epochs.samples, tuple(epochs.ch_names), epochs.sfreq)


def _refuse_none(parts):
    if sum(len(part) for part in parts) == 0:
        raise ValueError(
            "X holds 0 epochs (n_samples = 0), at least 1 is needed. If all were "
            "dropped, see epochs.drop_log for the reasons."
        )


def refuse_misfits(X):
    """Refuse what is easily taken for epochs.

    Parameters
    ----------
    X : object
        What was handed over and is no Epochs.

    Raises
    ------
    TypeError
        If it is a recording, an average, a spectrum or a path, or a list with one of
        these or with Epochs.
    ValueError
        If it is a list or tuple of arrays of different shapes, such as ``(X, y)``, or
        samples are masked.
    """
    several = isinstance(X, list | tuple)
    parts = X if several else [X]
    for kind, advice in MISFITS:
        if any(isinstance(part, kind) for part in parts):
            where = "in a list " if several else ""
            raise TypeError(f"{TAKEN}. Got {where}{advice}")
    if any(map(_is_one, parts)):
        raise TypeError(f"{TAKEN}. Got a list of Epochs and something else.")
    shapes = [_shape(part) for part in parts] if several else []
    other = next((shape for shape in shapes if shape != shapes[0]), None)
    if other is not None:
        raise ValueError(
            f"{TAKEN}, all epochs equally long. Got a {type(X).__name__} of "
            f"{len(parts)} arrays with shapes such as {shapes[0]} and {other}; labels "
            "go into y."
        )
    if any(map(np.ma.is_masked, parts)):
        raise ValueError(
            "X has masked samples. Only arrays without are allowed; drop these epochs "
            "or fill the samples before."
        )


def _shape(part):
    if hasattr(part, "shape"):
        return part.shape
    try:
        return np.shape(part)
    except ValueError:  # ragged itself
        return (len(part),)


def signals_from_array(array):
    """Read an array that holds real numbers.

    Parameters
    ----------
    array : ndarray, shape (n_epochs, n_channels, n_times) or (n_epochs, n_times)
        Epochs in any unit; two dimensions are read as one channel.

    Returns
    -------
    signals : Signals
        Data, shape (n_epochs, n_channels, n_times); nothing is copied.

    Raises
    ------
    ValueError
        If the dimensions are others, one is empty, or samples are not finite.
    TypeError
        If it holds something else, such as dates.
    """
    if array.ndim not in (2, 3):
        raise ValueError(
            "X must have the shape (n_epochs, n_channels, n_times), or (n_epochs, "
            f"n_times) for one channel. Got {array.ndim} dimensions: {array.shape}."
        )
    if 0 in array.shape:
        raise ValueError(f"X must not be empty. Got the shape {array.shape}.")
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"X must hold real numbers. Got an array of dtype {array.dtype}."
        )
    two_d = array.ndim == 2
    data = array[:, None, :] if two_d else array
    check_finite(data, None)
    return Signals(data, two_d=two_d)


def check_finite(data, ch_names):
    """Refuse samples that are not finite, naming the first.

    Parameters
    ----------
    data : ndarray, shape (n_epochs, n_channels, n_times)
        Samples.
    ch_names : tuple of str | None
        Names for the message.

    Raises
    ------
    ValueError
        If a sample is NaN or infinite.
    """
    if data.dtype.kind != "f":
        return
    size = max(1, FINITE_BUDGET // data[0].size)
    for start in range(0, len(data), size):
        wrong = ~np.isfinite(data[start : start + size])
        if wrong.any():
            n_epochs = int(wrong.any((1, 2)).sum())
            epoch, channel, sample = np.argwhere(wrong)[0]
            epoch += start
            kind = "NaN" if np.isnan(data[epoch, channel, sample]) else "infinity"
            name = f" ({ch_names[channel]!r})" if ch_names else ""
            raise ValueError(
                f"X contains {kind}: epoch {epoch}, channel {channel}{name}, sample "
                f"{sample} (epochs like it so far: {n_epochs}). Only finite samples "
                "are allowed; drop these epochs or repair them before."
            )


def check_lengths(n_epochs, **others):
    """Refuse vectors whose length is not the number of epochs.

    Parameters
    ----------
    n_epochs : int
        Epochs in X.
    **others : ndarray | None
        Vectors by name.

    Raises
    ------
    ValueError
        If one has another length.
    """
    for name, values in others.items():
        if values is None:
            continue
        if np.ndim(values) != 1:
            raise ValueError(
                f"{name} must have one dimension, with one entry per epoch. Got the "
                f"shape {np.shape(values)}."
            )
        if len(values) != n_epochs:
            raise ValueError(
                f"X and {name} must have the same length, one entry per epoch. Got "
                f"{n_epochs} epochs and {len(values)} entries of {name} "
                "(inconsistent numbers of samples)."
            )


def refuse_unknown(**values):
    """Refuse vectors with missing entries.

    Parameters
    ----------
    **values : ndarray | None
        Vectors by name.

    Raises
    ------
    ValueError
        If one has an entry that is None, NaN or NA.
    """
    for name, entries in values.items():
        missing = [] if entries is None else np.flatnonzero(pd.isna(entries))
        if len(missing):
            raise ValueError(
                f"{name}, given or carried by Epochs, must be known for every epoch. "
                f"Missing for {len(missing)}, such as epoch {missing[0]}; fill in what "
                "is missing, or drop these epochs."
            )


def _refuse_bad(epochs):
    if epochs.info["bads"]:
        raise ValueError(
            f"X has channels marked bad: {epochs.info['bads']}. Only good channels are "
            "allowed; call epochs.interpolate_bads() or epochs.drop_channels(...), or "
            "clear epochs.info['bads']."
        )
    kinds = dict(zip(epochs.ch_names, epochs.get_channel_types(), strict=True))
    triggers = [name for name, kind in kinds.items() if kind == "stim"]
    if triggers:
        raise ValueError(
            f"X has trigger channels: {triggers}. Only signals are allowed; pick them "
            "first, for example with epochs.pick('eeg')."
        )
    _refuse_marked(epochs)


def _refuse_marked(epochs):
    """Refuse what MNE would have rejected by annotation: a mark at an edge is none."""
    times, sample = epochs.times, 1 / epochs.info["sfreq"]
    begin = times[0] if epochs.reject_tmin is None else epochs.reject_tmin
    end = times[-1] if epochs.reject_tmax is None else epochs.reject_tmax
    begin, end = begin + 1e-3 * sample, end + (1 - 1e-3) * sample
    for i, annotations in enumerate(epochs.get_annotations_per_epoch()):
        for onset, duration, text, *_ in annotations:
            marked = text.lower().startswith("bad")
            if marked and onset < end and onset + duration > begin:
                raise ValueError(
                    f"Epoch {i} of X overlaps the annotation {text!r}. Epochs marked "
                    "bad are not allowed; make the Epochs with "
                    "reject_by_annotation=True, or remove the annotation."
                )
