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
    index = device.index if device.index is not None else 0
    with torch.random.fork_rng(devices=[index] if cuda else []):
        torch.default_generator.manual_seed(seed)
        if cuda:
            torch.cuda.default_generators[index].manual_seed(seed)
        yield
