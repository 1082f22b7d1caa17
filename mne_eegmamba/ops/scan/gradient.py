"""The gradient of a scan that is a custom operator, the same on every device."""


def register(scan, scan_backward):
    """Let torch differentiate a scan with the operator that goes back through it.

    Parameters
    ----------
    scan : torch.library.CustomOpDef
        Takes seven lists of tensors with an entry per direction, the gate, ``reverse``,
        ``softplus`` and ``keep``; returns the result, and the ungated sum and the
        states that backward needs.
    scan_backward : callable
        Returns the gradients of every direction's seven tensors, then of the gate.
    """

    def setup_context(ctx, inputs, output):
        *groups, z, reverse, softplus, _ = inputs
        _, y, kept = output
        ctx.set_materialize_grads(False)  # of what is kept for backward: large zeros
        ctx.gated, ctx.reverse, ctx.softplus = z is not None, reverse, softplus
        ctx.save_for_backward(*(x for g in groups for x in g), z, y, kept)

    def backward(ctx, gy, _, __):
        *flat, z, y, kept = ctx.saved_tensors
        ways = len(ctx.reverse)
        groups = [flat[i : i + ways] for i in range(0, len(flat), ways)]
        *found, gz = scan_backward(gy, *groups, z, y, kept, ctx.reverse, ctx.softplus)
        each = [[found[7 * way + i] for way in range(ways)] for i in range(7)]
        return (*each, gz if ctx.gated else None, None, None, None)

    scan.register_autograd(backward, setup_context=setup_context)
