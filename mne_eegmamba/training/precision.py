"""Which device and which precision."""

import contextlib
import multiprocessing
import re

import torch


def choose_device(device):
    """Return the device that a name stands for.

    Parameters
    ----------
    device : str
        ``"auto"`` for a GPU where there is one, else any name that torch knows. Of
        several GPUs the worker processes of joblib take turns.

    Returns
    -------
    device : torch.device
        The device.

    Raises
    ------
    ValueError
        If torch does not know the name or finds no such device here.
    """
    if device == "auto":
        return _best_device()
    try:
        chosen = torch.device(device)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError, ImportError, TypeError) as error:
        raise ValueError(
            'The `device` parameter must be "auto" or a device that torch finds here, '
            f'such as "cpu" or "cuda". Got {device!r}: {str(error).splitlines()[0]}'
        ) from None
    return chosen


def _best_device():
    if not torch.cuda.is_available():
        return torch.device("cpu")
    worker = _worker_number()
    return torch.device("cuda" if worker is None else card_for(worker) or "cuda")


def _worker_number():
    """Return which worker this process is; None if it is none.

    multiprocessing, and so joblib, numbers the processes that a process starts; the
    number ends their names.
    """
    if multiprocessing.parent_process() is None:
        return None
    number = re.search(r"\d+$", multiprocessing.current_process().name)
    return None if number is None else int(number[0]) - 1


def card_for(number):
    """Return the GPU of one of several jobs that run at once: they take turns.

    Parameters
    ----------
    number : int
        Which job, counted from 0.

    Returns
    -------
    device : str | None
        The name of its GPU; None where there are fewer than two.
    """
    n_cards = torch.cuda.device_count()
    return f"cuda:{number % n_cards}" if n_cards > 1 else None


def device_of(module):
    """Return the device on which a network lies.

    Parameters
    ----------
    module : torch.nn.Module
        The network.

    Returns
    -------
    device : torch.device
        That of its first parameter.
    """
    return next(module.parameters()).device


def on_card(device):
    """Return the context in which a GPU is the current one.

    Kernels and pinned memory go by the current device, not by that of a tensor.

    Parameters
    ----------
    device : torch.device
        Where the work runs.

    Returns
    -------
    context : context manager
        To be entered around training and prediction.
    """
    cuda = device.type == "cuda"
    return torch.cuda.device(device) if cuda else contextlib.nullcontext()


def autocast(device, precision):
    """Return the context in which the network runs.

    Parameters
    ----------
    device : torch.device
        Where it runs.
    precision : "auto" | "float32" | "bfloat16"
        "auto" is bfloat16 on CUDA, float32 elsewhere. With bfloat16, scan state,
        head and loss stay in float32 or better.

    Returns
    -------
    context : context manager
        To be entered around the network.
    """
    half = precision == "bfloat16" or (precision == "auto" and device.type == "cuda")
    if not half:
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)
