"""Training from a store on disk: speed against memory, and memory over its size.

Writes a simulated store of recordings of noise, 23 channels at 200 Hz in epochs of 4 s.
Then it times the passes of the estimator with its defaults over epochs picked from all
of the store, once from disk and once from memory, in turns; the files are dropped from
the page cache before. Last it measures the resident memory of a whole pass of a tiny
network over a tenth of the store and over all of it.
"""

import argparse
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import mne
import numpy as np

from benchmarks.timing import interleaved, peak_memory
from mne_eegmamba import EEGMambaClassifier
from mne_eegmamba.datasets import open_store, write_store
from mne_eegmamba.datasets.recordings import Recording, epochs_from_array

CHANNELS, SFREQ, DURATION = 23, 200.0, 4.0
N_TIMES = round(SFREQ * DURATION)
PER_RECORDING = 1000
CLASSES = {"rest": 1, "task": 2}
BYTES = 2 * CHANNELS * N_TIMES
TINY = {"d_model": 16, "n_layers": 1, "batch_size": 64}


def read(recording):
    """Make up a recording."""
    rng = np.random.default_rng(int(recording.name))
    shape = PER_RECORDING, CHANNELS, N_TIMES
    data = rng.standard_normal(shape, dtype=np.float32) * 2e-5
    info = mne.create_info(CHANNELS, SFREQ, "eeg", verbose="error")
    samples = np.arange(PER_RECORDING) * N_TIMES
    codes = rng.integers(1, 3, PER_RECORDING)
    return epochs_from_array(
        data.astype(float), info, samples, codes, CLASSES, recording
    )


def forget(folder):
    """Drop the files of a store from the page cache."""
    for path in folder.glob("*.npy"):
        file = os.open(path, os.O_RDONLY)
        os.fsync(file)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(file)


def seconds_of_pass(epochs):
    """Return the median seconds of a pass, data and network, and the share of data."""
    clf = EEGMambaClassifier(max_epochs=2, random_state=0, verbose="error")
    history = clf.fit(epochs).history_
    return history["seconds"].median(), history["waiting"].median()


def codecs():
    """Compare what a store keeps of an epoch with float16, in error and in time."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((16, CHANNELS, N_TIMES)) * 3e-5
    x[3, 2, 400] = 5e-3  # an artefact
    step = (np.abs(x).max(-1, keepdims=True) / np.iinfo(np.int16).max).astype("f4")
    whole, half = np.rint(x / step).astype(np.int16), (1e6 * x).astype(np.float16)
    readers = {
        "int16 with a step per epoch and channel": lambda: whole * step,
        "float16 of microvolts": lambda: half.astype(np.float32) * np.float32(1e-6),
    }
    seconds = interleaved(readers, 200)
    rows = []
    for name, reader in readers.items():
        error = 1e6 * np.sqrt(np.mean((reader() - x) ** 2))
        rows.append({"as": name, "error_uV": error, "ms": 1e3 * seconds[name]})
        print(
            "{as}: error {error_uV:.4f} uV rms, 16 epochs read in {ms:.3f} ms".format(
                **rows[-1]
            )
        )
    return rows


def speed(store, folder, n_epochs, repeats):
    """Compare passes from disk and from memory, in turns."""
    rows = np.random.default_rng(0).permutation(len(store))[:n_epochs]
    part = store[np.sort(rows)]
    memory = part.to_epochs()
    seconds_of_pass(memory[:64])  # compiles
    found = {"disk": [], "memory": []}
    for _ in range(repeats):
        forget(folder)
        found["disk"].append(seconds_of_pass(part))
        found["memory"].append(seconds_of_pass(memory))
    rows = []
    for name, times in found.items():
        seconds, waiting = (statistics.median(t) for t in zip(*times, strict=True))
        rows.append({"from": name, "s": seconds, "waiting": waiting})
        print(
            f"a pass over {n_epochs} epochs from {name:<7}{seconds:>7.2f} s, waiting "
            f"for data {waiting:.1%}",
            flush=True,
        )
    print(f"from disk at {rows[1]['s'] / rows[0]['s']:.1%} of the speed from memory")
    return rows


def memory(store, share):
    """Measure the resident memory of one pass over a part of the store."""
    epochs = store[: int(len(store) * share)]
    clf = EEGMambaClassifier(**TINY, max_epochs=1, random_state=0, verbose="error")
    start = time.perf_counter()
    peak = peak_memory(lambda: clf.fit(epochs))
    row = {
        "epochs": len(epochs),
        "GB": len(epochs) * BYTES / 1e9,
        "peak_MB": peak,
        "s": time.perf_counter() - start,
    }
    print(
        "a pass of a tiny network over {GB:5.1f} GB, {epochs} epochs: resident "
        "memory rises by {peak_MB:.0f} MB, {s:.0f} s".format(**row),
        flush=True,
    )
    return row


def main(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks store", description=__doc__
    )
    parser.add_argument("--gigabytes", type=float, default=10.0)
    parser.add_argument("--folder", type=Path, help="kept; else a temporary one")
    parser.add_argument("--epochs", type=int, default=1000, help="in a timed pass")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args(arguments)
    folder = options.folder or Path(tempfile.mkdtemp())
    try:
        return run(options, folder)
    finally:
        if options.folder is None:
            shutil.rmtree(folder)


def run(options, folder):
    n = max(2, round(options.gigabytes * 1e9 / BYTES / PER_RECORDING))
    recordings = [
        Recording(f"{i:05}", f"s{i % 20}", "1", Path(__file__)) for i in range(n)
    ]
    start = time.perf_counter()
    with mne.utils.use_log_level("error"):
        write_store(folder, "noise", recordings, read, {}, n_jobs=2)
    seconds = time.perf_counter() - start
    size = sum(file.stat().st_size for file in folder.iterdir()) / 1e9
    print(f"{size:.1f} GB written in {seconds:.0f} s, noise made up included")
    start = time.perf_counter()
    store = open_store(folder)
    print(f"opened in {time.perf_counter() - start:.2f} s")
    results = {
        "codecs": codecs(),
        "GB": size,
        "speed": speed(store, folder, options.epochs, options.repeats),
    }
    forget(folder)
    memory(store[:PER_RECORDING], 1)  # compiles
    results["memory"] = [memory(store, share) for share in (0.1, 1)]
    return results
