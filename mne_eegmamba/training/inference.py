"""Run a trained network over epochs, batch by batch."""

import torch

from mne_eegmamba.batches.prefetch import prefetch
from mne_eegmamba.training.memory import memory_error
from mne_eegmamba.training.precision import autocast, on_card
from mne_eegmamba.training.seeding import usual_defaults
from mne_eegmamba.utils.forks import leave_threads


def run(function, module, iterator, device, precision, least=None):
    """Run a method of the network on each batch.

    Parameters
    ----------
    function : callable
        ``module.forward`` or ``module.embed``.
    module : torch.nn.Module
        The network.
    iterator : InOrder
        Gives ``(Batch, targets)``.
    device : torch.device
        Where to run.
    precision : str
        As in `precision.autocast`.
    least : int | None, default=None
        Epochs of a batch below which a smaller ``batch_size`` changes nothing; None if
        it never does.

    Returns
    -------
    out : ndarray of float32, shape (n_epochs, n_outputs)
        Results in the order of the batches; those of an epoch have the same bits in
        whatever batch it came.

    Raises
    ------
    MemoryError
        If a GPU's memory does not suffice for a batch.
    """
    leave_threads()
    module.eval()
    try:
        with (
            usual_defaults(),
            on_card(device),
            torch.inference_mode(),
            autocast(device, precision),
        ):
            # One copy at the end: each would wait for the GPU.
            return torch.cat(list(_pieces(function, iterator, device))).cpu().numpy()
    except torch.OutOfMemoryError:
        size = iterator.batch_size
    ways_out = ["to free memory that others hold on it"]
    if least is not None and size > least:
        ways_out.insert(0, f"set_params(batch_size={max(least, size // 2)})")
    raise memory_error(f"{size} epochs at prediction", device, ways_out)


def _pieces(function, iterator, device):
    for batch, _ in prefetch(iterator, device):
        n = len(batch)
        # Matrix products of one row take other kernels, with other rounding.
        x = batch.x.expand(2, -1, -1) if n == 1 else batch.x
        yield function(x, batch.task)[:n].float()
