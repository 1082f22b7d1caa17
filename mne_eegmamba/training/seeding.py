"""Random numbers of torch, seeded for a while."""

import contextlib

import torch


@contextlib.contextmanager
def local_seed(seed, device):
    """Seed torch inside the context and restore its state afterwards.

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
    with torch.random.fork_rng(devices=[index] if cuda else []):
        torch.default_generator.manual_seed(seed)
        if cuda:
            torch.cuda.default_generators[index].manual_seed(seed)
        yield
