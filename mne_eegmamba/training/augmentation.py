"""Changes of the training epochs that leave their labels true, batch by batch."""

import torch

from mne_eegmamba.batches.prefetch import send


def shift_in_time(x, share, n_times):
    """Shift each epoch by a random number of samples; its ends are held.

    Parameters
    ----------
    x : Tensor, shape (batch, n_channels, n_samples)
        Epochs of one task.
    share : float
        Largest shift, as a share of ``n_times``; torch's random numbers of the CPU are
        used, on every device. 0 shifts nothing.
    n_times : int
        Samples of an epoch; zeros that follow stay where they are.

    Returns
    -------
    x : Tensor, shape (batch, n_channels, n_samples)
        Shifted epochs.
    """
    most = int(share * n_times)
    if most == 0:
        return x
    by = send(torch.randint(-most, most + 1, (len(x), 1)), x.device)
    at = torch.arange(x.shape[2], device=x.device)
    at = torch.where(at < n_times, (at + by).clamp(0, n_times - 1), at)
    return x.gather(2, at.unsqueeze(1).expand_as(x))


def blend(x, targets, concentration):
    """Blend each epoch with another of the batch (mixup), and their targets.

    Parameters
    ----------
    x : Tensor, shape (batch, n_channels, n_times)
        Epochs of one task.
    targets : Tensor, shape (batch, n_classes)
        Their targets.
    concentration : float
        The share is drawn from Beta(concentration, concentration); torch's random
        numbers of the CPU are used, on every device. 0 blends nothing.

    Returns
    -------
    x : Tensor, shape (batch, n_channels, n_times)
        Blended epochs; the greater share is that of the epoch in this place. Unlike in
        the reference, they are scaled so that epochs that are not correlated keep
        their power, which the network reads.
    targets : Tensor, shape (batch, n_classes)
        Blended alike.

    References
    ----------
    Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018.
    """
    if concentration == 0:
        return x, targets
    n = len(x)
    beta = torch.distributions.Beta(concentration, concentration, validate_args=False)
    share = beta.sample((n,))
    share = send(torch.maximum(share, 1 - share), x.device)
    other = send(torch.randperm(n), x.device)
    mine = share.to(x.dtype).view(n, 1, 1)
    power = torch.hypot(mine, 1 - mine)
    alone = (other == torch.arange(n, device=x.device)).view(n, 1, 1)
    x = (mine * x + (1 - mine) * x[other]) / torch.where(alone, 1, power)
    mine = share.to(targets.dtype).view(n, 1)
    return x, mine * targets + (1 - mine) * targets[other]
