"""Which implementations exist here, which one runs, and why the others do not."""

import functools
import logging
import os
from dataclasses import dataclass
from importlib import import_module
from types import SimpleNamespace

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
        if device is not None and not self._takes(device):
            return f"is for {self.device}, and the data is on {device}"
        module, reason = _import(self.module)
        if reason is not None:
            return reason
        refuse = getattr(module, "refusal", None)
        return None if refuse is None else refuse(dtype)

    def _takes(self, device):
        # Triton's interpreter runs its kernels on the CPU, for tests
        interpreted = self.name == "triton" and os.environ.get("TRITON_INTERPRET")
        return self.device in (None, device) or interpreted == "1"


@functools.cache
def _import(name):
    """Return the module, or why it cannot be imported."""
    try:
        return import_module(name), None
    except ImportError as error:
        return None, f"cannot be imported ({error})"
    except Exception as error:  # compiled for another torch, card or driver
        return None, f"cannot be imported ({type(error).__name__}: {error})"


@functools.cache
def _say_once(op, name, reason):
    logger.warning("%s runs slower than it could: %s %s", op, name, reason)


_HERE = "mne_eegmamba.ops"

# For each operator the fastest first: "auto" takes the first that does not refuse.
# The reference is never chosen by "auto": it exists to be right, not fast.
# A name that an operator has no implementation of leaves the choice to "auto".
IMPLEMENTATIONS = {
    "selective_scan": (
        Implementation("numba", f"{_HERE}.scan.numba_scan", "scan", "cpu"),
        Implementation("triton", f"{_HERE}.scan.triton_scan", "scan", "cuda"),
        Implementation("mamba_ssm", f"{_HERE}.scan.mamba_ssm", "scan", "cuda"),
        Implementation("torch", f"{_HERE}.scan.torch_scan", "scan"),
        Implementation("reference", f"{_HERE}.scan.reference", "scan"),
    ),
    "causal_conv1d": (
        Implementation("numba", f"{_HERE}.conv.numba_conv", "conv", "cpu"),
        Implementation("triton", f"{_HERE}.conv.triton_conv", "conv", "cuda"),
        Implementation("mamba_ssm", f"{_HERE}.conv.mamba_ssm", "conv", "cuda"),
        Implementation("torch", f"{_HERE}.conv.torch_conv", "conv"),
        Implementation("reference", f"{_HERE}.conv.reference", "conv"),
    ),
    "gelu_pool": (
        Implementation("triton", f"{_HERE}.pool.triton_pool", "gelu_pool", "cuda"),
        Implementation("torch", f"{_HERE}.pool.torch_pool", "gelu_pool"),
        Implementation("reference", f"{_HERE}.pool.reference", "gelu_pool"),
    ),
    "conv1d": (
        Implementation("numba", f"{_HERE}.dense.numba_dense", "conv1d", "cpu"),
        Implementation("torch", f"{_HERE}.dense.torch_dense", "conv1d"),
        Implementation("reference", f"{_HERE}.dense.reference", "conv1d"),
    ),
    "linear": (
        Implementation("numba", f"{_HERE}.dense.numba_dense", "linear", "cpu"),
        Implementation("torch", f"{_HERE}.dense.torch_dense", "linear"),
        Implementation("reference", f"{_HERE}.dense.reference", "linear"),
    ),
    "grouped_linear": (
        Implementation("numba", f"{_HERE}.dense.numba_dense", "grouped_linear", "cpu"),
        Implementation(
            "triton", f"{_HERE}.dense.triton_dense", "grouped_linear", "cuda"
        ),
        Implementation("torch", f"{_HERE}.dense.torch_dense", "grouped_linear"),
        Implementation("reference", f"{_HERE}.dense.reference", "grouped_linear"),
    ),
}


_loaded = SimpleNamespace()  # torch.compile sees what is set while it traces
_chosen = {}  # (operator, backend, device, dtype): name


def backend_names():
    """Return the names that ``backend=`` takes.

    Returns
    -------
    names : list of str
        ``"auto"`` first.
    """
    names = {i.name: None for group in IMPLEMENTATIONS.values() for i in group}
    return ["auto", *names]


def can_run(backend, device):
    """Say whether all operators that a backend has run on a kind of device.

    Parameters
    ----------
    backend : str
        ``"auto"`` or the name of an implementation.
    device : str
        ``"cpu"`` or ``"cuda"``.

    Returns
    -------
    able : bool
        ``"auto"`` always is.
    """
    group = [i for found in IMPLEMENTATIONS.values() for i in found]
    named = [i for i in group if i.name == backend]
    return all(i.refusal(device, torch.float32) is None for i in named)


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
    return getattr(_loaded, _choose(op, backend, x.device.type, x.dtype))


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


def _choose(*kind):
    """Return under which name what runs is loaded, found once per kind of tensor."""
    if kind in _chosen:
        return _chosen[kind]
    found = _find(*kind)
    module = import_module(found.module)
    name = f"{kind[0]}_{found.name}"
    setattr(_loaded, name, getattr(module, found.function))
    if not torch.compiler.is_compiling():  # while it traces, kernels are not tried
        _chosen[kind] = name
    return name


def _find(op, backend, device, dtype):
    group = IMPLEMENTATIONS[op]
    elsewhere = backend in backend_names() and backend not in {i.name for i in group}
    if backend == "auto" or elsewhere:
        return _fastest(op, device, dtype)
    for candidate in group:
        if candidate.name == backend:
            reason = candidate.refusal(device, dtype)
            if reason is not None:
                raise RuntimeError(f"Backend {backend!r} cannot run {op}: {reason}")
            return candidate
    allowed = ", ".join(repr(name) for name in backend_names())
    raise ValueError(f"backend must be one of {allowed}. Got {backend!r}.")


def _fastest(op, device, dtype):
    """Return what "auto" takes, and say what would have been faster."""
    refused = {}
    for candidate in IMPLEMENTATIONS[op]:
        if candidate.device not in (None, device):
            continue
        reason = candidate.refusal(device, dtype)
        if reason is None:
            break
        if candidate.device == device:
            refused[candidate.name] = reason
    if refused and dtype == torch.float32:
        _say_once(op, *next(iter(refused.items())))
    logger.debug("%s runs on backend %s", op, candidate.name)
    return candidate


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
    ...
    """
    devices = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
    lines = []
    for op, group in IMPLEMENTATIONS.items():
        lines.append(op)
        left = list(devices)
        for candidate in group:
            reason = candidate.refusal()
            taken = [d for d in left if candidate.device in (None, d)]
            if reason is None and taken:
                left = [d for d in left if d not in taken]
                where = f" on {' and '.join(taken)}" if len(devices) > 1 else ""
                reason = f'chosen by "auto"{where}'
            lines.append(f"  {candidate.name:<10} {reason or 'available'}")
    return "\n".join(lines)
