"""Which device and which precision."""

import contextlib

import torch


def choose_device(device):
    """Return the device that a name stands for.

    Parameters
    ----------
    device : str
        ``"auto"`` for a GPU where there is one, else any name that torch knows.

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
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError, TypeError) as error:
        raise ValueError(
            'The `device` parameter must be "auto" or a device that torch finds here, '
            f'such as "cpu" or "cuda". Got {device!r}: {str(error).splitlines()[0]}'
        ) from None
    return chosen


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
