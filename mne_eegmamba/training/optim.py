"""Optimiser groups, learning-rate schedule and gradient clipping."""

import math
from dataclasses import dataclass

import torch

MATRICES_NOT_DECAYED = ("A_log", "bias1", "bias2")  # biases of several experts


def decay_exemptions(module):
    """Return the names of the parameters that are not decayed.

    Parameters
    ----------
    module : torch.nn.Module
        The network.

    Returns
    -------
    names : list of str
        ``A_log``, biases, norms, ``D``, the class token and the task tokens.
    """
    return [
        name
        for name, parameter in module.named_parameters()
        if parameter.ndim < 2 or name.rpartition(".")[2] in MATRICES_NOT_DECAYED
    ]


def merge_groups(groups):
    """Merge parameter groups that have the same options.

    Parameters
    ----------
    groups : list of dict
        As an optimiser takes them: ``params`` and options.

    Returns
    -------
    merged : list of dict
        One group for each set of options, in the order of their first appearance.
    """
    merged = {}
    for group in groups:
        options = {name: value for name, value in group.items() if name != "params"}
        key = repr(sorted(options.items()))
        merged.setdefault(key, {"params": [], **options})["params"] += group["params"]
    return list(merged.values())


@dataclass(frozen=True)
class CosineFactor:
    """Learning-rate factor of each step: a linear rise, then a cosine fall.

    ``n_steps`` is the number of steps in all, ``warmup`` the share of them in which the
    rate rises.
    """

    n_steps: int
    warmup: float

    def __call__(self, step):
        """Return the factor of a step, counted from 0, in [0, 1]."""
        rise = max(1, round(self.warmup * self.n_steps))
        if step < rise:
            return (step + 1) / rise
        done = min(1.0, (step - rise) / max(1, self.n_steps - rise))
        return 0.5 * (1 + math.cos(math.pi * done))


def clip_gradients(parameters, max_norm):
    """Scale all gradients so that their common norm is at most ``max_norm``.

    As `torch.nn.utils.clip_grad_norm_`, which runs on a GPU; on a CPU summed row by
    row, which has the same bits for any number of threads.

    Parameters
    ----------
    parameters : iterable of torch.nn.Parameter
        Parameters; those without a gradient are passed over.
    max_norm : float
        Largest allowed norm.

    Returns
    -------
    norm : Tensor, shape ()
        The norm before.
    """
    owners = [p for p in parameters if p.grad is not None]
    if not owners:
        return torch.zeros(())
    if owners[0].is_cuda:
        return torch.nn.utils.clip_grad_norm_(owners, max_norm)
    grads = [p.grad for p in owners]
    rows = [g.reshape(len(g), -1).square().sum(-1).sum() for g in grads]
    norm = torch.stack(rows).sum().sqrt()
    factor = (max_norm / (norm + 1e-6)).clamp(max=1.0)
    for grad in grads:
        grad.mul_(factor)
    return norm
