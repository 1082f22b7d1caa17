"""Simulated recordings in DEAP's layout."""

import struct

import numpy as np

from mne_eegmamba.datasets.simulate.rhythms import background, rhythm

N_TRIALS = 8  # the real set has 40
SFREQ = 128


def write(path, n_subjects, rng):
    """Write ``data_preprocessed_python/s01.dat`` and so on.

    Gamma is strong where valence is high, alpha where it is low. The second trial of
    every subject has a valence of exactly 4.5.
    """
    folder = path / "data_preprocessed_python"
    folder.mkdir(exist_ok=True)
    for subject in range(1, n_subjects + 1):
        ratings = _ratings(rng)
        data = np.stack([_trial(rng, valence) for valence in ratings[:, 0]])
        content = python2_pickle({"labels": ratings, "data": data})
        (folder / f"s{subject:02d}.dat").write_bytes(content)


def _ratings(rng):
    """Return ratings between 1 and 9; valence alternates around 4.5."""
    ratings = rng.uniform(1, 9, (N_TRIALS, 4))
    low, high = rng.uniform(1, 4.4, N_TRIALS), rng.uniform(4.6, 9, N_TRIALS)
    ratings[:, 0] = np.where(np.arange(N_TRIALS) % 2, high, low)
    ratings[1, 0] = 4.5
    return ratings


def _trial(rng, valence):
    """Return 40 channels of 63 s in microvolts."""
    data = background(rng, 40, 63 * SFREQ, microvolts=5.0).astype(float)
    frequency = 30.0 if valence >= 4.5 else 10.0
    for row in range(32):
        data[row] += rhythm(rng, frequency, data.shape[1], SFREQ, 10.0)
    return data


def python2_pickle(arrays):
    """Return a dict of float arrays as Python 2 pickled it: byte strings as text.

    Python 3 cannot write this, so the few codes of the pickle are put together here.
    """
    parts = [b"\x80\x02}"]
    for name, array in arrays.items():
        parts += [_short(name), *_array(np.ascontiguousarray(array, "<f8")), b"s"]
    return b"".join([*parts, b"."])


def _short(text):
    """Return the code of a short byte string."""
    return b"U" + bytes([len(text)]) + text.encode()


def _array(array):
    """Return the codes of an array."""
    raw = array.tobytes()
    shape = b"".join(b"J" + struct.pack("<i", size) for size in array.shape)
    minus_one = b"J" + struct.pack("<i", -1)
    dtype = b"cnumpy\ndtype\n" + _short("f8") + b"K\x00K\x01\x87R"
    dtype += b"(K\x03" + _short("<") + b"NNN" + 2 * minus_one + b"K\x00tb"
    return [
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85",
        _short("b") + b"\x87R(K\x01(" + shape + b"t" + dtype + b"\x89T",
        struct.pack("<i", len(raw)),
        raw,
        b"tb",
    ]
