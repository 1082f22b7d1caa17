"""Whether the numba kernels can run here."""

import functools

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
    return _failure(example)


@functools.cache
def _failure(example):
    """Try a kernel once per process; whatever a compiler raises is a reason."""
    try:
        got, want = example()
        if torch.allclose(got, want, rtol=1e-4, atol=1e-5):
            return None
        return "compiles, but gives wrong results on this processor"
    except Exception as error:
        return f"cannot be compiled here ({type(error).__name__}: {error})"
