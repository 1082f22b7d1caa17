"""Run a trained network over epochs, batch by batch."""

import numpy as np
import torch

from mne_eegmamba.training.precision import autocast
from mne_eegmamba.utils.forks import leave_threads


def run(function, module, iterator, device, precision):
    """Run a method of the network on each batch.

    Parameters
    ----------
    function : callable
        ``module.forward`` or ``module.embed``.
    module : torch.nn.Module
        The network.
    iterator : iterable
        Gives ``(Batch, targets)``.
    device : torch.device
        Where to run.
    precision : str
        As in `precision.autocast`.

    Returns
    -------
    out : ndarray of float32, shape (n_epochs, n_outputs)
        Results in the order of the batches; those of an epoch have the same bits in
        whatever batch it came.
    """
    leave_threads()
    module.eval()
    out = []
    with torch.inference_mode(), autocast(device, precision):
        for batch, _ in iterator:
            x = batch.x.to(device)
            # Matrix products of one row take other kernels, with other rounding.
            pair = x.expand(2, -1, -1) if len(x) == 1 else x
            out.append(function(pair, batch.task)[: len(x)].float().cpu().numpy())
    return np.concatenate(out)
