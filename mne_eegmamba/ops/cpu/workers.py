"""Run a kernel on torch's own threads, as many as torch uses; safe anywhere.

numba's thread pools kill a forked child or abort when two Python threads meet. Threads
of our own would compete with torch's, which spin for a while after each operator. So
kernels run on torch's OpenMP team, or in Python threads where that is out of reach.
"""

import ctypes
import functools
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from numba import cfunc, types

from mne_eegmamba.utils.forks import forked


def run(kernel, *structures):
    """Run a kernel until all its work items are done.

    Parameters
    ----------
    kernel : function
        Takes the address of int64 words: first a counter from which each thread takes
        its next item, see ``words.take``, then ``structures``. It is compiled when it
        first runs.
    *structures : tuple of int
        What the kernel works on.
    """
    words = np.array([0, *chain(*structures)], dtype=np.int64)
    compiled, address = _compile(kernel), words.ctypes.data
    threads = torch.get_num_threads()
    if threads == 1 or forked():
        compiled.ctypes(address)
        return
    team = _team()
    if team is None:
        run_in_threads(compiled.ctypes, address, threads)
    else:
        team(compiled.address, address, threads, 0)


def run_in_threads(function, argument, threads):
    """Call a function once in each of several Python threads.

    Parameters
    ----------
    function : callable
        Releases the GIL.
    argument : object
        What it gets.
    threads : int
        How many, this one included.
    """
    others = [_pool(threads).submit(function, argument) for _ in range(threads - 1)]
    try:
        function(argument)
    finally:
        wait(others)  # they use the caller's memory
    for other in others:
        other.result()


@functools.cache
def _compile(kernel):
    return cfunc(types.void(types.int64), cache=True)(kernel)


@functools.cache
def _team():
    """Return OpenMP's function that runs a C function in all threads, or None."""
    library = Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"
    try:
        parallel = ctypes.CDLL(str(library)).GOMP_parallel
    except (OSError, AttributeError):
        return None
    parallel.argtypes = [
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.c_uint,
        ctypes.c_uint,
    ]
    parallel.restype = None
    return parallel


@functools.cache
def _pool(threads):
    return ThreadPoolExecutor(threads, thread_name_prefix="mne_eegmamba")
