"""Loss of one batch, and the blending of epochs that goes with it."""

import torch

from mne_eegmamba.batches.prefetch import send


def soft_targets(labels, weights, n_classes, label_smoothing=0.0):
    """Return weighted class probabilities.

    Parameters
    ----------
    labels : Tensor of int, shape (batch,)
        True classes.
    weights : Tensor, shape (batch,)
        Weights whose mean over the training data is 1.
    n_classes : int
        Classes.
    label_smoothing : float, default=0.0
        Share of the target spread evenly over the classes.

    Returns
    -------
    targets : Tensor of float64, shape (batch, n_classes)
        Rows have the weights as sums.
    """
    # torch's one_hot looks at the labels, for which the host would wait.
    classes = torch.arange(n_classes, device=labels.device)
    sure = (labels.unsqueeze(-1) == classes).double()
    even = label_smoothing / n_classes
    return ((1 - label_smoothing) * sure + even) * weights.double().unsqueeze(-1)


def cross_entropy(logits, targets):
    """Return the mean over the batch of the cross-entropy.

    Parameters
    ----------
    logits : Tensor, shape (batch, n_classes)
        Scores.
    targets : Tensor, shape (batch, n_classes)
        From `soft_targets`, perhaps blended.

    Returns
    -------
    loss : Tensor, shape ()
        The loss; with all weights 1, torch's ``cross_entropy``.
    """
    logits = logits.float() if logits.dtype.itemsize < 4 else logits
    losses = -(targets.to(logits.dtype) * logits.log_softmax(-1)).sum(-1)
    return losses.mean()


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
