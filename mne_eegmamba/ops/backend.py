"""Which implementations exist here, which one runs, and why the others do not."""

import functools
import logging
from dataclasses import dataclass
from importlib import import_module

import torch

logger = logging.getLogger("mne_eegmamba")


@dataclass(frozen=True)
class Implementation:
    """One implementation of an operator, imported when it is first used.

    ``module`` has the function ``function`` and, where the implementation cannot run
    everywhere, ``refusal(dtype)``: None if it takes that dtype here, else the reason.
    ``device`` is the only kind of device it is for, if there is one.
    """

    name: str
    module: str
    function: str
    device: str | None = None

    def refusal(self, device=None, dtype=None):
        """Return None if this runs here (on such a tensor), else the reason."""
        if device is not None and self.device not in (None, device):
            return f"is for {self.device}, and the data is on {device}"
        module, reason = _import(self.module)
        if reason is not None:
            return reason
        refuse = getattr(module, "refusal", None)
        return None if refuse is None else refuse(dtype)


@functools.cache
def _import(name):
    """Return the module, or why it cannot be imported."""
    try:
        return import_module(name), None
    except ImportError as error:
        return None, f"cannot be imported ({error})"


@functools.cache
def _say_once(op, name, reason):
    logger.warning("%s runs slower than it could: %s %s", op, name, reason)


_HERE = "mne_eegmamba.ops"

# For each operator the fastest first: "auto" takes the first that does not refuse.
# The reference is never chosen by "auto": it exists to be right, not fast.
IMPLEMENTATIONS = {
    "selective_scan": (
        Implementation("numba", f"{_HERE}.scan.numba_scan", "scan", "cpu"),
        Implementation("torch", f"{_HERE}.scan.torch_scan", "scan"),
        Implementation("reference", f"{_HERE}.scan.reference", "scan"),
    ),
    "causal_conv1d": (
        Implementation("numba", f"{_HERE}.conv.numba_conv", "conv", "cpu"),
        Implementation("torch", f"{_HERE}.conv.torch_conv", "conv"),
        Implementation("reference", f"{_HERE}.conv.reference", "conv"),
    ),
    **{
        name: (
            Implementation("numba", f"{_HERE}.dense.numba_dense", name, "cpu"),
            Implementation("torch", f"{_HERE}.dense.torch_dense", name),
            Implementation("reference", f"{_HERE}.dense.reference", name),
        )
        for name in ("conv1d", "grouped_linear")
    },
}


_loaded = {}  # (operator, name): function; torch.compile can follow a look-up


def _load(op, implementation):
    module = import_module(implementation.module)
    _loaded[op, implementation.name] = getattr(module, implementation.function)
    return implementation.name


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
    return _loaded[op, _choose(op, backend, x.device.type, x.dtype)]


def check_devices(*tensors):
    """Refuse tensors that do not lie together; a kernel would read anything there.

    Parameters
    ----------
    *tensors : Tensor | None
        What an operator works on.

    Raises
    ------
    ValueError
        If they are on several devices.
    """
    devices = {x.device for x in tensors if x is not None}
    if len(devices) > 1:
        raise ValueError(
            "All tensors must be on one device. Got tensors on "
            f"{' and '.join(sorted(map(str, devices)))}; move them with .to(device)."
        )


def _choose(op, backend, device, dtype):
    group = IMPLEMENTATIONS[op]
    if backend == "auto":
        for candidate in group:
            reason = candidate.refusal(device, dtype)
            if reason is None:
                logger.debug("%s runs on backend %s", op, candidate.name)
                return _load(op, candidate)
            if candidate.device == device and dtype == torch.float32:
                _say_once(op, candidate.name, reason)
    for candidate in group:
        if candidate.name == backend:
            reason = candidate.refusal(device, dtype)
            if reason is not None:
                raise RuntimeError(f"Backend {backend!r} cannot run {op}: {reason}")
            return _load(op, candidate)
    allowed = ", ".join(repr(name) for name in backend_names())
    raise ValueError(f"backend must be one of {allowed}. Got {backend!r}.")


# What torch.compiler.assume_constant_result does, which would import all of dynamo:
# a compiled network keeps the choice that was made when it was traced.
_choose._dynamo_marked_constant = True


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
      numba      chosen by "auto"
      torch      available
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
