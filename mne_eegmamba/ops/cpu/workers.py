"""Share a kernel's work items among threads: as many as torch uses, safe anywhere.

numba's own thread pools kill a forked child or abort when two Python threads meet. The
kernels release the GIL instead, and plain Python threads run them.
"""

import os
from concurrent.futures import ThreadPoolExecutor, wait

import torch

_pools = {}  # process id: pool, as threads do not survive a fork
_SHARES = 2  # per thread, so that a slow core holds up less


def run(kernel, n_items, *arguments):
    """Call ``kernel(first, last, *arguments)`` until all items are done.

    Parameters
    ----------
    kernel : callable
        Compiled function that releases the GIL; items must not depend on each other.
    n_items : int
        Number of work items.
    *arguments
        Passed on.
    """
    threads = min(torch.get_num_threads(), n_items)
    if threads <= 1:
        kernel(0, n_items, *arguments)
        return
    shares = min(n_items, _SHARES * threads)
    bounds = [i * n_items // shares for i in range(shares + 1)]
    todo = iter(list(zip(bounds, bounds[1:], strict=False)))

    def work():
        for first, last in todo:
            kernel(first, last, *arguments)

    others = [_pool().submit(work) for _ in range(threads - 1)]
    try:
        work()
    finally:
        wait(others)  # they use the caller's memory
    for other in others:
        other.result()


def _pool():
    pid = os.getpid()
    if pid not in _pools:
        _pools.clear()
        _pools[pid] = ThreadPoolExecutor(
            max_workers=max(2, os.cpu_count() or 2),
            thread_name_prefix="mne_eegmamba",
        )
    return _pools[pid]
