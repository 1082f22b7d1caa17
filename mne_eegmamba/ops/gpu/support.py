"""Whether the Triton kernels can run here, and how they are launched."""

import math
import os

import torch
import triton

DTYPES = (torch.float32, torch.bfloat16, torch.float16)
OLDEST = (3, 3)  # the first whose kernels take tuples
FAR = 2**16  # numbers from sample to sample; times MOST_STEPS half of 2**31
INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"  # on a CPU, for tests


def refuse(dtype):
    """Say why Triton kernels cannot run.

    Parameters
    ----------
    dtype : torch.dtype | None
        Of the tensor they shall run on, where there is one already.

    Returns
    -------
    reason : str | None
        None if they run.
    """
    if dtype is not None and dtype not in DTYPES:
        return f"computes in float32, and the data is {dtype}"
    version = tuple(int(part) for part in triton.__version__.split(".")[:2])
    if version < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        return f"needs triton {oldest} or newer, and {triton.__version__} is installed"
    if INTERPRETED:
        return None
    if not torch.cuda.is_available():
        return "needs a CUDA card, and torch sees none"
    return None


def launch(kernel, grid, like, *arguments, warps, **constants):
    """Run a kernel on the device of a tensor.

    Parameters
    ----------
    kernel : triton.JITFunction
        What runs.
    grid : tuple of int
        Programs along each axis; without any nothing runs.
    like : Tensor
        Whose device it is.
    *arguments : object
        What the kernel takes.
    warps : int
        Warps of a program.
    **constants : int | bool
        Its compile-time constants.
    """
    if math.prod(grid) == 0:
        return
    with torch.cuda.device_of(like):
        # fused multiply-add: named, as Triton is about to change its default
        kernel[grid](*arguments, num_warps=warps, enable_fp_fusion=True, **constants)


def rows(x):
    """Return a signal whose channels lie in one piece, and its samples near another.

    Parameters
    ----------
    x : Tensor, shape (batch, length, channels)
        Any.

    Returns
    -------
    x : Tensor, shape (batch, length, channels)
        The same, or a copy.
    """
    whole = x.stride(-1) == 1 or x.shape[-1] == 1
    return x if whole and x.stride(-2) < FAR else x.contiguous()
