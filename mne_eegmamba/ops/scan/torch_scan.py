"""The scan in plain torch, for every device: chunks of time, backward by hand.

States live only inside a chunk; forward keeps one state per chunk, and backward
computes the others again, in buffers that all chunks share. Inside, time comes first
and channels last, ``(time, batch, states, channels)``, so that each step is one
contiguous operation. Backward in time means walking the same arrays the other way.
"""

import torch
import torch.nn.functional as F

CHUNK = 16  # steps whose states exist at once
STATE_BUDGET = 2**16  # numbers in one state; larger batches go through in pieces


def scan(ways, z, delta_softplus):
    """Run one or two directions; differentiable once in all tensors."""
    y = sum(_one_way(*way, delta_softplus) for way in ways)
    return y if z is None else (y * F.silu(z)).to(y.dtype)


def _one_way(u, delta, A, B, C, D, delta_bias, reverse, delta_softplus):
    dtype = u.dtype
    work = torch.promote_types(dtype, torch.float32)
    u, delta, A, B, C = (x.to(work) for x in (u, delta, A, B, C))
    if delta_bias is not None:
        delta = delta + delta_bias.to(work)
    if delta_softplus:
        delta = F.softplus(delta)
    with torch.autocast(u.device.type, enabled=False):  # states stay in `work`
        y = _Scan.apply(u, delta, A, B, C, reverse)
    if D is not None:
        y = y + D.to(work) * u
    return y.to(dtype)


class _Scan(torch.autograd.Function):
    """``h = exp(dt A) h + dt u B``, ``y = C h``, with the step dt already positive."""

    @staticmethod
    def forward(ctx, u, dt, A, B, C, reverse):
        keep = any(ctx.needs_input_grad)
        At = A.t().contiguous()  # (states, channels)
        u, dt, B, C = (_time_first(x) for x in (u, dt, B, C))
        y = torch.empty_like(u)
        work = _Workspace(u, At, n_buffers=2)
        saved = []
        for rows in work.pieces:
            h = u.new_zeros(u[0, rows].shape[0], *At.shape)
            for times in work.chunks(reverse):
                if keep:
                    saved.append(h)
                part = [x[times, rows] for x in (u, dt, B)]
                states, _ = _states(work, h, *part, At, reverse)
                y[times, rows] = _over_states(C[times, rows], states)
                h = states[0 if reverse else -1].clone()
        ctx.save_for_backward(u, dt, At, B, C)
        ctx.saved, ctx.reverse = saved, reverse
        return _batch_first(y)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gy):
        u, dt, At, B, C = ctx.saved_tensors
        gy = _time_first(gy)
        grads = [torch.empty_like(x) for x in (u, dt, B, C)]
        gA = torch.zeros_like(At)
        work = _Workspace(u, At, n_buffers=3)
        saved = iter(_per_piece(ctx.saved, len(work.pieces)))
        for rows in work.pieces:
            carry = None
            for times, h0 in zip(
                reversed(work.chunks(ctx.reverse)), reversed(next(saved)), strict=True
            ):
                part = [x[times, rows] for x in (u, dt, B, C, gy)]
                *found, gA_part, carry = _chunk_backward(
                    work, h0, carry, At, *part, ctx.reverse
                )
                for grad, value in zip(grads, found, strict=True):
                    grad[times, rows] = value
                gA += gA_part
        gu, gdt, gB, gC = (_batch_first(grad) for grad in grads)
        return gu, gdt, gA.t(), gB, gC, None


class _Workspace:
    """How the scan is cut, and the memory that its pieces share."""

    def __init__(self, u, At, n_buffers):
        self.length, batch = u.shape[:2]
        size = max(1, min(batch, STATE_BUDGET // At.numel()))
        self.pieces = [slice(start, start + size) for start in range(0, batch, size)]
        numbers = min(CHUNK, self.length) * size * At.numel()
        self.buffers = [u.new_empty(numbers) for _ in range(n_buffers)]

    def chunks(self, reverse):
        """Return chunks of time in the order in which the scan meets them."""
        starts = range(0, self.length, CHUNK)
        found = [slice(s, min(self.length, s + CHUNK)) for s in starts]
        return found[::-1] if reverse else found

    def buffer(self, which, *shape):
        """Return shared memory; what it held is lost."""
        return self.buffers[which][: torch.Size(shape).numel()].view(shape)


def _states(work, h, u, dt, B, At, reverse):
    """Return the states of a chunk, in order of time, and the decays to them."""
    shape = (*dt.shape[:2], *At.shape)  # (time, batch, states, channels)
    decay = torch.mul(dt.unsqueeze(-2), At, out=work.buffer(0, *shape)).exp_()
    states = work.buffer(1, *shape)
    torch.mul(B.unsqueeze(-1), (dt * u).unsqueeze(-2), out=states)
    for s, a in _walk(reverse, states, decay):
        h = s.addcmul_(a, h)
    return states, decay


def _chunk_backward(work, h0, carry, At, u, dt, B, C, gy, reverse):
    """Return the gradients of u, dt, B, C, of A, and of the state before the chunk."""
    states, decay = _states(work, h0, u, dt, B, At, reverse)
    g = work.buffer(2, *states.shape)  # the gradient of each state
    torch.mul(C.unsqueeze(-1), gy.unsqueeze(-2), out=g)
    for gt, a in _walk(not reverse, g, decay):
        if carry is not None:
            gt.add_(carry)
        carry = gt * a
    gC = torch.matmul(states, gy.unsqueeze(-1)).squeeze(-1)
    gB = torch.matmul(g, (dt * u).unsqueeze(-1)).squeeze(-1)
    into = _over_states(B, g)  # gradient of dt * u
    w = decay.mul_(g)  # gradient of dt * A: g * decay * state before
    first, later, before = (
        (-1, w[:-1], states[1:]) if reverse else (0, w[1:], states[:-1])
    )
    w[first].mul_(h0)
    later.mul_(before)
    gA = torch.mul(w, dt.unsqueeze(-2), out=g).sum((0, 1))
    gdt = w.mul_(At).sum(-2).addcmul_(into, u)
    return into.mul_(dt), gdt, gB, gC, gA, carry


def _walk(reverse, *arrays):
    """Go through time, forward or back, in several arrays at once."""
    steps = [array.unbind(0) for array in arrays]
    return zip(*(s[::-1] if reverse else s for s in steps), strict=True)


def _over_states(weights, states):
    """Sum states with weights (time, batch, states)."""
    return torch.matmul(weights.unsqueeze(-2), states).squeeze(-2)


def _per_piece(saved, n_pieces):
    each = len(saved) // n_pieces
    return [saved[i * each : (i + 1) * each] for i in range(n_pieces)]


def _time_first(x):
    return x.transpose(0, 1).contiguous()


def _batch_first(x):
    return x.transpose(0, 1).contiguous()
