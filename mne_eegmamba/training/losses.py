"""Loss of one batch."""

import torch.nn.functional as F


def weighted_cross_entropy(logits, labels, weights, label_smoothing=0.0):
    """Return the mean over the batch of weight times cross-entropy.

    Parameters
    ----------
    logits : Tensor, shape (batch, n_classes)
        Scores.
    labels : Tensor of int, shape (batch,)
        True classes.
    weights : Tensor, shape (batch,)
        Weights whose mean over the training data is 1.
    label_smoothing : float, default=0.0
        Share of the target spread evenly over the classes.

    Returns
    -------
    loss : Tensor, shape ()
        The loss; with all weights 1, torch's ``cross_entropy``.
    """
    losses = F.cross_entropy(
        logits.float() if logits.dtype.itemsize < 4 else logits,
        labels,
        reduction="none",
        label_smoothing=label_smoothing,
    )
    return (losses * weights.to(losses.dtype)).mean()
