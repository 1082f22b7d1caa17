"""Recordings that come in pieces: films, runs between breaks, trials."""

from dataclasses import dataclass

import mne
import numpy as np

from mne_eegmamba.datasets.recordings import NoEpochs, epochs_from_windows, preprocess


@dataclass(frozen=True)
class Piece:
    """A stretch of signal without a break, and the epochs in it.

    ``starts`` are seconds from the first sample of ``raw``, which is ``begins``
    seconds after the first of the recording; ``codes`` are values of ``event_id``.
    """

    raw: mne.io.BaseRaw
    number: int  # of the film, run or trial, from 1
    begins: float
    starts: np.ndarray
    codes: np.ndarray


def make_raw(microvolts, ch_names, sfreq):
    """Return a signal in microvolts as `mne.io.RawArray` in volts.

    Parameters
    ----------
    microvolts : ndarray, shape (n_channels, n_times)
        Signal in microvolts.
    ch_names : list of str
        Names of its channels.
    sfreq : float
        Rate in Hz.

    Returns
    -------
    raw : mne.io.RawArray
        Signal in volts.
    """
    info = mne.create_info(list(ch_names), sfreq, "eeg", verbose="error")
    return mne.io.RawArray(np.asarray(microvolts) * 1e-6, info, verbose="error")


def epochs_from_pieces(
    pieces, recording, *, kind, event_id, duration, sfreq, l_freq, h_freq
):
    """Filter every piece by itself, then cut it.

    A filter that ran over a break would smear its jump, or its missing samples, into
    the signal on both sides.

    Parameters
    ----------
    pieces : iterable of Piece
        The parts of the recording; those without epochs are not filtered.
    recording : Recording
        Where they are from.
    kind : str
        What a piece is; the column of ``metadata`` with its number.
    event_id, duration, sfreq, l_freq, h_freq : object
        As in `epochs_from_windows` and `preprocess`.

    Returns
    -------
    epochs : mne.EpochsArray
        Epochs in volts; ``onset`` counts from the beginning of the recording.

    Raises
    ------
    NoEpochs
        If no piece has an epoch.
    """
    parts = []
    for piece in pieces:
        if not len(piece.starts):
            continue
        ch_names = list(piece.raw.ch_names)
        raw = preprocess(piece.raw, ch_names, sfreq, l_freq, h_freq)
        part = epochs_from_windows(
            raw, piece.starts, piece.codes, event_id, duration, recording
        )
        part.metadata["onset"] += piece.begins
        part.metadata[kind] = piece.number
        parts.append(part)
    if not parts:
        raise NoEpochs("it has no epochs under these rules")
    epochs = mne.concatenate_epochs(parts, add_offset=True, verbose="error")
    # Joined, the classes come in the order in which they happened to occur.
    epochs.event_id = {
        name: code for name, code in event_id.items() if name in epochs.event_id
    }
    return epochs
