"""Whether the numba kernels can run here."""

import functools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

DTYPES = (torch.float32, torch.bfloat16, torch.float16)


def refuse(dtype, example):
    """Say why a kernel cannot run.

    Parameters
    ----------
    dtype : torch.dtype | None
        Of the tensor it shall run on, where there is one already.
    example : callable
        Runs the kernel on little data and returns the result beside the true one.

    Returns
    -------
    reason : str | None
        None if it runs.
    """
    if dtype is not None and dtype not in DTYPES:
        return f"computes in float32, and the data is {dtype}"
    if torch.compiler.is_compiling():
        return None  # while torch exports a network nothing can be tried
    return _failure(example)


@functools.cache
def _failure(example):
    """Try a kernel once per process, in a thread of its own.

    There neither autocast nor tracing is on, whatever the caller is in.
    """
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(_try, example).result()


def _try(example):
    """Return why an example fails; whatever a compiler raises is a reason."""
    try:
        got, want = example()
        if torch.allclose(got, want, rtol=1e-4, atol=1e-5):
            return None
        return "compiles, but gives wrong results on this processor"
    except Exception as error:
        return f"cannot be compiled here ({type(error).__name__}: {error})"


def ramp(*shape):
    """Return numbers for an example.

    Parameters
    ----------
    *shape : int
        How many.

    Returns
    -------
    x : Tensor
        From -1 to 1, on the CPU, whatever torch's defaults are.
    """
    values = np.linspace(-1, 1, int(np.prod(shape)), dtype=np.float32)
    return torch.from_numpy(values).view(shape)
