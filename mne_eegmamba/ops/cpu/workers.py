"""Run a kernel on torch's own threads, as many as torch uses; safe anywhere.

numba's thread pools kill a forked child or abort when two Python threads meet. Threads
of our own would compete with torch's, which spin for a while after each operator. So
kernels run on torch's OpenMP team, or in Python threads where that is out of reach.
"""

import ctypes
import functools
import hashlib
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import chain
from pathlib import Path
from types import FunctionType

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
    _start(_compile(kernel), words.ctypes.data)
    if words[0] == 0:  # an error in a kernel goes no further than its thread
        raise MemoryError(f"The kernel {kernel.__name__} got no memory to work in.")


def _start(compiled, address):
    threads = torch.get_num_threads()
    if threads == 1 or forked():
        compiled.ctypes(address)
    elif (team := _team()) is not None:
        team(compiled.address, address, threads, 0)
    else:
        run_in_threads(compiled.ctypes, address, threads)


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
    others = []
    try:
        for _ in range(threads - 1):
            others.append(_pool(threads).submit(function, argument))
        function(argument)
    finally:
        wait(others)  # they use the caller's memory
    for other in others:
        other.result()


@functools.cache
def _compile(kernel):
    """Compile a kernel, or take it from the disk where no file here has changed.

    numba looks at the date of the kernel's own file only, so its name says the rest.
    """
    named = FunctionType(kernel.__code__, kernel.__globals__, kernel.__name__)
    named.__qualname__ = f"{kernel.__qualname__}_{_digest()}"
    return cfunc(types.void(types.int64), cache=True)(named)


@functools.cache
def _digest():
    files = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()[:12]


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
