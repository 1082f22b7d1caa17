"""How many times faster than real time a night of sleep is annotated.

One channel at 200 Hz in epochs of 30 s, the default network, eight hours of noise;
seconds of `annotate_raw` and the rise of the resident memory.
"""

import argparse
import statistics
import time

import mne
import numpy as np

from benchmarks.timing import peak_memory
from mne_eegmamba import EEGMambaClassifier, annotate_raw

EPOCH = 30.0


def make(n_times, sfreq):
    info = mne.create_info(["EEG Fpz-Cz"], sfreq, "eeg", verbose="error")
    rng = np.random.default_rng(0)
    return mne.io.RawArray(
        rng.standard_normal((1, n_times)) * 2e-5, info, verbose="error"
    )


def main(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks annotate", description=__doc__
    )
    parser.add_argument("--hours", type=float, default=8.0)
    parser.add_argument("--sfreq", type=float, default=200.0)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args(arguments)
    size = round(EPOCH * options.sfreq)
    train = make(16 * size, options.sfreq).get_data().reshape(16, 1, size)
    info = mne.create_info(["EEG Fpz-Cz"], options.sfreq, "eeg", verbose="error")
    events = np.column_stack([np.arange(16), np.zeros(16, int), np.arange(16) % 5 + 1])
    names = {"W": 1, "N1": 2, "N2": 3, "N3": 4, "REM": 5}
    epochs = mne.EpochsArray(train, info, events, event_id=names, verbose="error")
    clf = EEGMambaClassifier(max_epochs=1, random_state=0, verbose="error").fit(epochs)
    raw = make(round(options.hours * 3600 * options.sfreq), options.sfreq)
    times, found = [], None
    for _ in range(options.repeats):
        start = time.perf_counter()
        found = annotate_raw(clf, raw)
        times.append(time.perf_counter() - start)
    seconds = statistics.median(times)
    row = {
        "hours": options.hours,
        "annotations": len(found),
        "s": seconds,
        "times_real_time": options.hours * 3600 / seconds,
        "peak_MB": peak_memory(lambda: annotate_raw(clf, raw)),
    }
    print(
        "{hours:g} hours, {annotations} annotations, {s:.1f} s: {times_real_time:.0f} "
        "times real time, resident memory rises by {peak_MB:.0f} MB".format(**row)
    )
    return [row]
