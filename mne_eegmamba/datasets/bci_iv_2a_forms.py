"""The three forms in which BCI competition IV 2a is found on disk."""

from dataclasses import dataclass

import mne
import numpy as np

from mne_eegmamba.datasets.about import split_names
from mne_eegmamba.datasets.mat import read_mat

CH_NAMES = split_names(
    "Fz FC3 FC1 FCz FC2 FC4 C5 C3 C1 Cz C2 C4 C6 CP3 CP1 CPz CP2 CP4 P1 Pz P2 POz"
)
SFREQ = 250.0
N_CHANNELS = 25  # the last three are of the eyes
TRIAL, UNKNOWN, REJECTED, NEW_RUN = 768, 783, 1023, 32766
CUES = {769: 1, 770: 2, 771: 3, 772: 4}


@dataclass(frozen=True)
class Run:
    """A run as it was recorded.

    ``microvolts`` is (22, n_times), ``missing`` (n_times,) says where samples are
    missing; ``starts`` of trials are in seconds, ``codes`` are 1 to 4 and ``rejected``
    says which trials the experts rejected.
    """

    microvolts: np.ndarray
    missing: np.ndarray
    sfreq: float
    starts: np.ndarray
    codes: np.ndarray
    rejected: np.ndarray


def read_runs(recording):
    """Read the runs of a session, in whichever form.

    Parameters
    ----------
    recording : Recording
        The session.

    Returns
    -------
    runs : list of Run
        All runs, those without trials too.

    Raises
    ------
    FileNotFoundError
        If the file with the signals is missing.
    ValueError
        If a file is not whole or not of that form.
    """
    path = recording.signal
    if not path.is_file():
        raise FileNotFoundError(
            f"{recording.name} has labels, but no file {recording.name}.gdf, .npz or "
            ".mat with signals"
        )
    if path.suffix == ".mat":
        return _read_bnci(path)
    reader = _read_gdf if path.suffix == ".gdf" else _read_npz
    signal, kinds, at, flags = reader(path)
    if signal.shape[0] != N_CHANNELS:
        raise ValueError(f"it must have {N_CHANNELS} channels. Got {signal.shape[0]}.")
    return _split_runs(signal[: len(CH_NAMES)], kinds, at, flags, recording)


def _read_bnci(path):
    """Read the MAT file of BNCI: a struct for each run, some without labels."""
    variables = read_mat(path)
    if "data" not in variables:
        raise ValueError(f"{path.name} has neither data nor classlabel")
    return [_bnci_run(cell) for cell in variables["data"].ravel()]


def _bnci_run(cell):
    """Return one run; scipy keeps each struct of a cell in an array of its own."""
    struct = cell.item() if isinstance(cell, np.ndarray) else cell
    signal = struct.X.T
    if signal.shape[0] != N_CHANNELS:
        raise ValueError(f"X must have {N_CHANNELS} columns. Got {signal.shape[0]}.")
    codes, artifacts = struct.y.ravel().astype(int), struct.artifacts.ravel()
    if len(codes):
        first = struct.trial.ravel().astype(int) - 1
    else:  # a run for the eyes
        first, artifacts = np.zeros(0, int), np.zeros(0)
    if not len(first) == len(codes) == len(artifacts):
        raise ValueError(
            "trial, y and artifacts must be equally long. Got "
            f"{len(first)}, {len(codes)} and {len(artifacts)}."
        )
    if not set(codes.tolist()) <= set(CUES.values()):
        raise ValueError(f"y must be 1 to 4. Got {sorted(set(codes.tolist()))}.")
    sfreq = float(np.ravel(struct.fs)[0])
    return Run(
        signal[: len(CH_NAMES)],
        np.isnan(signal[: len(CH_NAMES)]).any(axis=0),
        sfreq,
        first / sfreq,
        codes,
        artifacts.astype(bool),
    )


def _read_gdf(path):
    """Return signal in microvolts, types and samples of events, and no flags."""
    try:
        raw = mne.io.read_raw_gdf(path, preload=True, verbose="error")
    except Exception as error:  # a broken header can raise anything
        raise ValueError(f"{path.name} is not a whole GDF file: {error}") from error
    sfreq = raw.info["sfreq"]
    if sfreq != SFREQ:
        raise ValueError(f"the rate must be {SFREQ} Hz. Got {sfreq}.")
    kinds = np.array([int(kind) for kind in raw.annotations.description], int)
    at = np.round(raw.annotations.onset * sfreq).astype(int)
    return raw.get_data(verbose="error") * 1e6, kinds, at, None


def _read_npz(path):
    """Return signal in microvolts, types and samples of events, flags of trials."""
    try:
        with path.open("rb") as file, np.load(file) as arrays:
            content = {name: arrays[name] for name in arrays}
    except Exception as error:  # zip and numpy raise what they stumble over
        raise ValueError(f"{path.name} is not a whole npz file: {error}") from error
    missing = {"s", "etyp", "epos"} - set(content)
    if missing:
        raise ValueError(f"{path.name} lacks {sorted(missing)}")
    # Positions count from 1, as in the GDF files that these were made from.
    at = content["epos"].ravel().astype(int) - 1
    return content["s"].T, content["etyp"].ravel(), at, content.get("artifacts")


def _split_runs(signal, kinds, at, flags, recording):
    """Split a session where a run begins, and give each run its trials."""
    order = np.argsort(at, kind="stable")
    kinds, at = kinds[order], at[order]
    starts = at[kinds == TRIAL]
    if not len(starts):
        raise ValueError(
            f"{recording.signal.name} has no trials (events of type {TRIAL}); it may "
            "be cut off, since the events are at its end"
        )
    codes = _codes(kinds, at, starts, recording)
    rejected = np.zeros(len(starts), bool)
    rejected[np.searchsorted(starts, at[kinds == REJECTED], side="right") - 1] = True
    if flags is not None and np.size(flags) == len(starts):
        rejected |= np.ravel(flags).astype(bool)
    missing = missing_samples(signal)
    edges = np.unique([0, *at[kinds == NEW_RUN], signal.shape[1]])
    return [
        Run(
            signal[:, low:high],
            missing[low:high],
            SFREQ,
            (starts[here] - low) / SFREQ,
            codes[here],
            rejected[here],
        )
        for low, high in zip(edges[:-1], edges[1:], strict=True)
        for here in [(starts >= low) & (starts < high)]
    ]


def missing_samples(signal):
    """Say where samples are missing between runs.

    They are NaN, or, in a GDF file as MNE reads it, the least number of every channel.

    Parameters
    ----------
    signal : ndarray, shape (n_channels, n_times)
        Signal.

    Returns
    -------
    missing : ndarray of bool, shape (n_times,)
        Where samples are missing.
    """
    least = np.nanmin(signal, axis=1, keepdims=True)
    return np.isnan(signal).any(axis=0) | (signal == least).all(axis=0)


def _codes(kinds, at, starts, recording):
    """Return the class of each trial: that of its cue, or of the file with labels."""
    stops = np.append(starts[1:], np.iinfo(int).max)
    cues = [
        kinds[(at >= start) & (at < stop) & np.isin(kinds, [*CUES, UNKNOWN])]
        for start, stop in zip(starts, stops, strict=True)
    ]
    if not all(len(cue) == 1 for cue in cues):
        n_odd = sum(len(cue) != 1 for cue in cues)
        raise ValueError(f"{n_odd} of {len(starts)} trials do not have one cue")
    cues = np.concatenate(cues)
    if UNKNOWN not in cues:
        return np.array([CUES[cue] for cue in cues])
    return _read_labels(recording, len(starts))


def _read_labels(recording, n_trials):
    """Read the classes of an evaluation session."""
    if recording.labels is None:
        raise FileNotFoundError(
            f"the cues of {recording.name} are of the type {UNKNOWN}, unknown: put "
            f"{recording.name}.mat with classlabel (the true labels on the page of the "
            "competition) beside it"
        )
    labels = read_mat(recording.labels)["classlabel"].ravel()
    if len(labels) != n_trials:
        raise ValueError(
            f"{recording.labels.name} has {len(labels)} labels for {n_trials} trials"
        )
    if not set(labels.tolist()) <= set(CUES.values()):
        raise ValueError(f"classlabel must be 1 to 4. Got {set(labels.tolist())}.")
    return labels.astype(int)
