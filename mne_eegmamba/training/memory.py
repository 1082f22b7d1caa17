"""What to say when a GPU's memory does not suffice."""

import torch


def memory_error(doing, device, ways_out):
    """Return the error for a GPU that ran out of memory.

    It is to be raised outside of the ``except`` block: chained to torch's error it
    would keep alive what lies in the GPU's memory.

    Parameters
    ----------
    doing : str
        What did not fit, with its batch size.
    device : torch.device
        Where.
    ways_out : sequence of str
        What to try.

    Returns
    -------
    error : MemoryError
        To be raised.
    """
    return MemoryError(
        f"{_card(device)} has too little free memory for {doing}. Try "
        f"{', or '.join(ways_out)}."
    )


def _card(device):
    if device.type != "cuda" or not torch.cuda.is_available():
        return f"The device {str(device)!r}"
    card = torch.cuda.get_device_properties(device)
    return f"The {card.name} {str(device)!r} with {card.total_memory / 2**30:.0f} GiB"
