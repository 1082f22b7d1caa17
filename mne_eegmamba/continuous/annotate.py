"""Annotate a continuous recording, window by window, in bounded memory."""

import mne
import numpy as np
from sklearn.utils.validation import check_is_fitted

SAMPLES_AT_ONCE = 2**22  # of all channels, that a piece of the recording may have


def annotate_raw(clf, raw, task=None, overlap=0.0):
    """Say what a network finds in each moment of a recording.

    The recording is cut into windows as long as the epochs of `fit`. Where windows
    overlap, the probabilities of a moment are the mean over the windows that cover it.

    Parameters
    ----------
    clf : EEGMambaClassifier | MultiTaskEEGMamba
        Fitted on Epochs.
    raw : mne.io.BaseRaw
        Recording, in volts, filtered like the training data; it need not be loaded.
        Channels that `fit` did not see are left aside, and its projectors are applied,
        as `mne.Epochs` does unless told otherwise.
    task : str | None, default=None
        Which task, for a network that knows several.
    overlap : float, default=0.0
        Share of a window that the next one covers too, at least 0 and less than 1.

    Returns
    -------
    annotations : mne.Annotations
        In the order of time: one per window, or per step between overlapping windows.
        ``description`` is the most likely class, ``extras`` holds the probability of
        each class. The end of the recording is covered by a window that ends there.
        What an annotation whose description begins with "bad" touches is left out.

    Raises
    ------
    TypeError
        If ``clf`` is another estimator, or ``raw`` no recording.
    sklearn.exceptions.NotFittedError
        If ``clf`` is not fitted.
    ValueError
        If the network was not fitted on Epochs, the task is not known, channels are
        missing, or the recording is shorter than a window.

    Examples
    --------
    >>> import mne
    >>> import numpy as np
    >>> from mne_eegmamba import EEGMambaClassifier, annotate_raw
    >>> rng = np.random.default_rng(0)
    >>> info = mne.create_info(["Fpz-Cz"], 100.0, "eeg")
    >>> epochs = mne.EpochsArray(
    ...     rng.standard_normal((8, 1, 300)) * 1e-5, info, verbose=False,
    ...     events=np.c_[:8, [0] * 8, [1, 2] * 4], event_id={"W": 1, "N2": 2},
    ... )
    >>> clf = EEGMambaClassifier(d_model=16, max_epochs=1, verbose=False).fit(epochs)
    >>> signal = rng.standard_normal((1, 1000)) * 1e-5
    >>> raw = mne.io.RawArray(signal, info, verbose=False)
    >>> annotations = annotate_raw(clf, raw)
    >>> [round(float(onset), 1) for onset in annotations.onset]
    [0.0, 3.0, 6.0, 9.0]
    """
    check_is_fitted(clf)
    if not isinstance(raw, mne.io.BaseRaw):
        raise TypeError(
            "raw must be a continuous recording, mne.io.Raw. Got "
            f"{type(raw).__name__}; predict is for Epochs and arrays."
        )
    if not hasattr(clf, "tasks_"):
        raise TypeError(
            "clf must be an EEGMambaClassifier or a MultiTaskEEGMamba. Got "
            f"{type(clf).__name__}; give the fitted network that is in it, such as "
            "search.best_estimator_ or pipeline[-1], and a recording prepared as its "
            "training data were."
        )
    name, known = _task(clf, task)
    if not 0 <= overlap < 1:
        raise ValueError(f"overlap must be at least 0 and less than 1. Got {overlap}.")
    if known.ch_names is None:
        raise ValueError(
            "annotate_raw needs a network that was fitted on Epochs: one fitted on "
            "arrays knows neither channels nor rate."
        )
    picks = _picks(raw, known.ch_names)
    if raw.info["projs"]:  # they need all channels
        raw = raw.copy().apply_proj(verbose="error")
    size = round(known.n_times / known.sfreq * raw.info["sfreq"])
    step = max(1, round(size * (1 - overlap)))
    starts = _window_starts(raw.n_times, size, step)
    clean = _is_clean(raw, starts, size)
    proba = np.full((len(starts), len(known.classes)), np.nan)
    at_once = max(1, SAMPLES_AT_ONCE // (len(known.ch_names) * size))
    for some in np.array_split(starts, -(-len(starts) // at_once)):
        rows = np.searchsorted(starts, some)
        rows = rows[clean[rows]]
        if len(rows):
            windows = _windows(raw, picks, starts[rows], size)
            proba[rows] = _predict(clf, name, windows)
    edges = _moments(size, step, raw.n_times)
    found = _mean(starts, size, step, edges, proba)
    return _annotations(edges, found, known.classes, raw.info["sfreq"])


def _task(clf, task):
    """Return the name of the task and what the network remembers of it."""
    if task is None and len(clf.tasks_) == 1:
        task = next(iter(clf.tasks_))
    if task not in clf.tasks_:
        raise ValueError(f"task must be one of {list(clf.tasks_)}. Got {task!r}.")
    return task, clf.tasks_[task]


def _picks(raw, ch_names):
    """Return where the channels are."""
    missing = [name for name in ch_names if name not in raw.ch_names]
    if missing:
        raise ValueError(
            f"The recording must have the channels seen in fit: {list(ch_names)}. "
            f"Missing: {missing}. Rename them with raw.rename_channels."
        )
    bads = [name for name in raw.info["bads"] if name in ch_names]
    if bads:
        raise ValueError(
            f"The recording has channels marked bad: {bads}. Call "
            "raw.interpolate_bads(), or clear raw.info['bads']."
        )
    return [raw.ch_names.index(name) for name in ch_names]


def _window_starts(n_times, size, step):
    """Return the first sample of each window; the last one ends with the recording."""
    if n_times < size:
        raise ValueError(
            f"The recording has {n_times} samples, a window has {size}. Use a longer "
            "recording."
        )
    starts = np.arange(0, n_times - size + 1, step)
    last = n_times - size
    return starts if starts[-1] == last else np.append(starts, last)


def _is_clean(raw, starts, size):
    """Say which windows touch no annotation that begins with "bad"."""
    clean = np.ones(len(starts), dtype=bool)
    sfreq = raw.info["sfreq"]
    for found in raw.annotations:
        if found["description"].lower().startswith("bad"):
            onset = found["onset"] - raw.first_time
            first, end = onset * sfreq, (onset + found["duration"]) * sfreq
            clean &= (starts + size <= first) | (starts >= max(end, first + 1))
    return clean


def _windows(raw, picks, starts, size):
    """Return some windows as Epochs; only their piece of the recording is read."""
    begin = starts[0]
    signal = raw.get_data(picks, begin, starts[-1] + size, verbose="error")
    windows = np.stack([signal[:, at : at + size] for at in starts - begin])
    info = mne.pick_info(raw.info, picks)
    return mne.EpochsArray(windows, info, baseline=None, proj=False, verbose="error")


def _predict(clf, task, epochs):
    """Return the probabilities of Epochs."""
    if not hasattr(clf, "task_classes_"):
        return clf.predict_proba(epochs)
    return clf.predict_proba({task: epochs})[task]


def _moments(size, step, n_times):
    """Return where stretches begin and end: one per step, and one for the rest."""
    covered = (n_times - size) // step * step + size  # by windows one step apart
    edges = np.append(np.arange(0, covered, step), covered)
    return np.unique(np.append(edges, n_times))


def _mean(starts, size, step, edges, proba):
    """Return the mean over the windows that cover the middle of each stretch."""
    middle = (edges[:-1] + edges[1:]) / 2
    first = np.searchsorted(starts + size, middle, side="right")
    last = np.searchsorted(starts, middle, side="right")
    if starts[-1] % step:  # the window at the end is for what no other covers
        last = np.where(
            first < len(starts) - 1, np.minimum(last, len(starts) - 1), last
        )
    found = np.full((len(middle), proba.shape[1]), np.nan)
    for k, (begin, end) in enumerate(zip(first, last, strict=True)):
        rows = proba[begin:end]
        rows = rows[np.isfinite(rows[:, 0])]
        if len(rows):
            found[k] = rows.mean(0)
    return found


def _annotations(edges, proba, classes, sfreq):
    known = np.isfinite(proba[:, 0])
    return mne.Annotations(
        edges[:-1][known] / sfreq,
        np.diff(edges)[known] / sfreq,
        [str(label) for label in classes[proba[known].argmax(1)]],
        extras=[
            {str(label): float(p) for label, p in zip(classes, row, strict=True)}
            for row in proba[known]
        ],
    )
