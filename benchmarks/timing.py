"""Interleaved times, peak memory and growth, the same way for every benchmark."""

import ctypes
import gc
import math
import re
import statistics
import time
from pathlib import Path

import numpy as np

ALLOCATOR = "MALLOC_MMAP_THRESHOLD_=4000000000 MALLOC_TRIM_THRESHOLD_=8000000000"


def interleaved(functions, repeats, limit=60.0):
    """Return the median seconds of each function, called in turns after one warm-up.

    A function that has used up ``limit`` seconds is not called again.
    """
    for function in functions.values():
        function()
    times = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            if sum(times[name]) < limit:
                start = time.perf_counter()
                function()
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(found) for name, found in times.items()}


def peak_memory(function):
    """Return by how many MB the resident memory rises during a call (Linux)."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = _status("VmRSS")
    function()
    return (_status("VmHWM") - before) / 1024


def _status(name):
    text = Path("/proc/self/status").read_text()
    return int(re.search(rf"{name}:\s+(\d+) kB", text)[1])


def growth(lengths, values):
    """Return the exponent of the power law through values over lengths."""
    if len(lengths) < 2:
        return math.nan
    return float(np.polyfit(np.log(lengths), np.log(values), 1)[0])
