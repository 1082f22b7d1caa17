"""Loss of one batch."""

import torch


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
    """Return the mean over the batch, and over the heads, of the cross-entropy.

    Parameters
    ----------
    logits : Tensor, shape (..., batch, n_classes)
        Scores, perhaps of several heads.
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
