"""Schema and gradient of a scan that is a custom operator, the same on every device.

The tensors of the directions are arguments of their own: torch looks for tensors within
lists at every call, which takes longer than a scan of a few epochs.
"""

from typing import NamedTuple

from torch import Tensor


class Inputs(NamedTuple):
    """Tensors of one direction, as `mne_eegmamba.ops.selective_scan` takes them."""

    u: Tensor
    delta: Tensor
    A: Tensor
    B: Tensor
    C: Tensor
    D: Tensor
    bias: Tensor


EACH = len(Inputs._fields)
WAYS = ", ".join(
    [f"Tensor {name}" for name in Inputs._fields]
    + [f"Tensor? {name}_2" for name in Inputs._fields]
)
SCAN = (
    f"({WAYS}, Tensor? z, bool[] reverse, bool softplus, bool keep)"
    " -> (Tensor, Tensor, Tensor)"
)
SCAN_BACKWARD = (
    f"(Tensor gy, {WAYS}, Tensor? z, Tensor y, Tensor kept, bool[] reverse,"
    " bool softplus) -> Tensor[]"
)


def pack(ways):
    """Return the operators' arguments for the directions.

    Parameters
    ----------
    ways : list of Inputs
        One or two directions.

    Returns
    -------
    arguments : list of Tensor | None
        Fourteen.
    """
    return [*ways[0], *(ways[1] if len(ways) == 2 else [None] * EACH)]


def unpack(arguments):
    """Return the directions, and the arguments that follow theirs.

    Parameters
    ----------
    arguments : sequence
        What an operator got, from the first ``u`` on.

    Returns
    -------
    ways : list of Inputs
        As `pack` took them.
    others : sequence
        The rest.
    """
    ways = [Inputs(*arguments[:EACH])]
    if arguments[EACH] is not None:
        ways.append(Inputs(*arguments[EACH : 2 * EACH]))
    return ways, arguments[2 * EACH :]


def register(scan, scan_backward):
    """Let torch differentiate a scan with the operator that goes back through it.

    Parameters
    ----------
    scan : torch.library.CustomOpDef
        Of the schema ``SCAN``; returns the result, and the ungated sum and the states
        that backward needs.
    scan_backward : callable
        Of the schema ``SCAN_BACKWARD``; returns the gradients of every direction's
        seven tensors, then of the gate.
    """

    def setup_context(ctx, inputs, output):
        *tensors, z, ctx.reverse, ctx.softplus, _ = inputs
        _, y, kept = output
        ctx.set_materialize_grads(False)  # of what is kept for backward: large zeros
        ctx.save_for_backward(*tensors, z, y, kept)

    def backward(ctx, gy, _, __):
        saved = ctx.saved_tensors
        *found, gz = scan_backward(gy, *saved, ctx.reverse, ctx.softplus)
        found += [None] * (2 * EACH - len(found))
        return *found, None if saved[2 * EACH] is None else gz, None, None, None

    scan.register_autograd(backward, setup_context=setup_context)
