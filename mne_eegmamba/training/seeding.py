"""What torch has one of for all code: its seed, default dtype and default device."""

import contextlib

import torch


@contextlib.contextmanager
def usual_defaults():
    """Make float32 and the CPU torch's defaults inside the context."""
    dtype, cpu = torch.get_default_dtype(), torch.device("cpu")
    torch.set_default_dtype(torch.float32)
    usual = (
        torch.get_default_device() == cpu
    )  # else each of torch's functions is slower
    try:
        with contextlib.nullcontext() if usual else cpu:
            yield
    finally:
        torch.set_default_dtype(dtype)


@contextlib.contextmanager
def local_seed(seed, device):
    """Seed torch inside the context, with usual defaults, and restore it afterwards.

    Parameters
    ----------
    seed : int
        Seed of the CPU and of ``device``.
    device : torch.device
        Where the work runs.
    """
    cuda = device.type == "cuda"
    index = (
        torch.cuda.current_device() if cuda and device.index is None else device.index
    )
    with usual_defaults(), torch.random.fork_rng(devices=[index] if cuda else []):
        torch.default_generator.manual_seed(seed)
        if cuda:
            torch.cuda.default_generators[index].manual_seed(seed)
        yield
