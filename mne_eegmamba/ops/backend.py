"""Which implementations exist here, which one runs, and why the others do not."""

import logging
from dataclasses import dataclass
from importlib import import_module

logger = logging.getLogger("mne_eegmamba")


@dataclass(frozen=True)
class Implementation:
    """One implementation of an operator, imported when it is first used.

    ``module`` has the function ``function`` and, where the implementation cannot run
    everywhere, ``refusal(x)``: None if it takes a tensor like ``x``, else the reason.
    """

    name: str
    module: str
    function: str

    def load(self):
        """Return the function that does the work."""
        return getattr(import_module(self.module), self.function)

    def refusal(self, x=None):
        """Return None if this runs here (on ``x``, where given), else the reason."""
        refuse = getattr(import_module(self.module), "refusal", None)
        return None if refuse is None else refuse(x)


_HERE = "mne_eegmamba.ops"

# For each operator the fastest first: "auto" takes the first that does not refuse.
# The reference is never chosen by "auto": it exists to be right, not fast.
IMPLEMENTATIONS = {
    "selective_scan": (
        Implementation("torch", f"{_HERE}.scan.torch_scan", "scan"),
        Implementation("reference", f"{_HERE}.scan.reference", "scan"),
    ),
    "causal_conv1d": (
        Implementation("torch", f"{_HERE}.conv.torch_conv", "conv"),
        Implementation("reference", f"{_HERE}.conv.reference", "conv"),
    ),
}


def backend_names():
    """Return the names that ``backend=`` takes.

    Returns
    -------
    names : list of str
        ``"auto"`` first.
    """
    names = {i.name: None for group in IMPLEMENTATIONS.values() for i in group}
    return ["auto", *names]


def choose(op, backend, x):
    """Return the function that runs an operator on a tensor.

    Parameters
    ----------
    op : str
        Name of the operator, a key of ``IMPLEMENTATIONS``.
    backend : str
        ``"auto"`` or the name of an implementation.
    x : Tensor
        The tensor it shall run on.

    Returns
    -------
    function : callable
        The implementation.

    Raises
    ------
    ValueError
        If there is no implementation of that name.
    RuntimeError
        If the named implementation cannot run here; never replaced by another.
    """
    group = IMPLEMENTATIONS[op]
    if backend == "auto":
        for candidate in group:
            if candidate.refusal(x) is None:
                logger.debug("%s runs on backend %s", op, candidate.name)
                return candidate.load()
    for candidate in group:
        if candidate.name == backend:
            reason = candidate.refusal(x)
            if reason is not None:
                raise RuntimeError(f"Backend {backend!r} cannot run {op}: {reason}")
            return candidate.load()
    allowed = ", ".join(repr(name) for name in backend_names())
    raise ValueError(f"backend must be one of {allowed}. Got {backend!r}.")


def show_backends():
    """Say which implementation of each operator runs here, and why others do not.

    Returns
    -------
    text : str
        One line per operator and implementation.

    Examples
    --------
    >>> from mne_eegmamba.ops import show_backends
    >>> print(show_backends())  # doctest: +ELLIPSIS
    selective_scan
      torch      chosen by "auto"
    ...
    """
    lines = []
    for op, group in IMPLEMENTATIONS.items():
        lines.append(op)
        chosen = False
        for candidate in group:
            reason = candidate.refusal()
            if reason is None and not chosen:
                reason, chosen = 'chosen by "auto"', True
            lines.append(f"  {candidate.name:<10} {reason or 'available'}")
    return "\n".join(lines)
