"""What kernels are handed: addresses, and how the work is cut."""

import torch
import torch.nn.functional as F

BATCH_PARTS = 64
FEWEST_ITEMS = 64  # a smaller batch is cut over channels too


def parts(batch, tiles, fewest=FEWEST_ITEMS):
    """Cut batch and tiles by their numbers alone.

    What the parts add up then has the same order, and the same bits, with any number
    of threads.

    Parameters
    ----------
    batch : int
        Epochs.
    tiles : int
        Vectors of channels.
    fewest : int, default=64
        Work items to aim at.

    Returns
    -------
    batch_parts, tile_parts : int
        Their product is the number of work items.
    """
    batch_parts = max(1, min(batch, BATCH_PARTS))
    return batch_parts, min(tiles, -(-fewest // batch_parts))


def empty(*shape):
    """Return memory of float32 on the CPU, whatever torch's defaults are."""
    return torch.empty(shape, dtype=torch.float32, device="cpu")


def zeros(*shape):
    """Return zeros of float32 on the CPU, whatever torch's defaults are."""
    return torch.zeros(shape, dtype=torch.float32, device="cpu")


def pad(x, block, dim=-1):
    """Add zeros to a dimension until it is a multiple of ``block``."""
    short = -x.shape[dim] % block
    behind = x.ndim - 1 - dim % x.ndim
    return F.pad(x, (*[0, 0] * behind, 0, short)) if short else x


def sum_parts(x):
    """Sum the first dimension in numpy, which always keeps one order."""
    return x[0] if len(x) == 1 else torch.from_numpy(x.numpy().sum(0))


class Addresses:
    """Hand out addresses of tensors, and keep the tensors while they are in use."""

    def __enter__(self):
        self.alive = []
        return self

    def __exit__(self, *_):
        self.alive.clear()

    def rows(self, x):
        """Return address and strides in bytes; the last dimension is contiguous."""
        x = x if x.stride(-1) == 1 else x.contiguous()
        self.alive.append(x)
        return x.data_ptr(), 4 * x.stride(0), 4 * x.stride(1)

    def dense(self, x):
        """Return the address of a contiguous tensor."""
        x = x.contiguous()
        self.alive.append(x)
        return x.data_ptr()
