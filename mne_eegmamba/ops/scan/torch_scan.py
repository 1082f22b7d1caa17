"""The scan in plain torch, for every device: chunks of time, backward by hand.

States live only inside a chunk; forward keeps one state per chunk, and backward
computes the others again. Inside, time comes first and channels last,
``(time, batch, states, channels)``, so that each step is one contiguous operation.
"""

import torch
import torch.nn.functional as F

CHUNK = 16  # steps whose states exist at once
STATE_BUDGET = 2**16  # numbers in one state; larger batches go through in pieces


def scan(u, delta, A, B, C, D, delta_bias, delta_softplus, reverse):
    """Run `selective_scan` without its gate; differentiable once in all tensors."""
    dtype = u.dtype
    work = torch.promote_types(dtype, torch.float32)
    u, delta, A, B, C = (x.to(work) for x in (u, delta, A, B, C))
    if delta_bias is not None:
        delta = delta + delta_bias.to(work)
    if delta_softplus:
        delta = F.softplus(delta)
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
        y = torch.empty_like(u)
        checkpoints = []
        for rows in _pieces(u, At):
            h = u.new_zeros(len(range(*rows.indices(len(u)))), *At.shape)
            saved = []
            for times in _chunks(u.shape[1], reverse):
                if keep:
                    saved.append(h)
                part = [_chunk(x, rows, times, reverse) for x in (u, dt, B, C)]
                states, _ = _states(h, *part[:3], At)
                h = states[-1].clone()
                out = torch.matmul(part[3].unsqueeze(-2), states).squeeze(-2)
                y[rows, times] = _unchunk(out, reverse)
            checkpoints.append(saved)
        ctx.save_for_backward(u, dt, A, B, C)
        ctx.checkpoints, ctx.reverse = checkpoints, reverse
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gy):
        u, dt, A, B, C = ctx.saved_tensors
        reverse = ctx.reverse
        At = A.t().contiguous()
        gu, gdt, gB, gC = (torch.empty_like(x) for x in (u, dt, B, C))
        gA = torch.zeros_like(At)
        for rows, saved in zip(_pieces(u, At), ctx.checkpoints, strict=True):
            carry = torch.zeros_like(saved[0])
            chunks = list(_chunks(u.shape[1], reverse))
            for times, h0 in zip(reversed(chunks), reversed(saved), strict=True):
                part = [_chunk(x, rows, times, reverse) for x in (u, dt, B, C, gy)]
                grads, gA_part, carry = _chunk_backward(h0, carry, At, *part)
                for out, grad in zip((gu, gdt, gB, gC), grads, strict=True):
                    out[rows, times] = _unchunk(grad, reverse)
                gA += gA_part
        return gu, gdt, gA.t(), gB, gC, None


def _states(h0, u, dt, B, At):
    """Return the states of a chunk and the decays that led to them."""
    decay = torch.exp_(dt.unsqueeze(-2) * At)  # (time, batch, states, channels)
    states = B.unsqueeze(-1) * (dt * u).unsqueeze(-2)
    h = h0
    for a, s in zip(decay.unbind(0), states.unbind(0), strict=True):
        h = s.addcmul_(a, h)
    return states, decay


def _chunk_backward(h0, carry, At, u, dt, B, C, gy):
    """Return the gradients of a chunk, of A, and of the state before the chunk."""
    states, decay = _states(h0, u, dt, B, At)
    g = C.unsqueeze(-1) * gy.unsqueeze(-2)  # becomes the gradient of each state
    for gt, a in zip(reversed(g.unbind(0)), reversed(decay.unbind(0)), strict=True):
        carry = gt.add_(carry).mul(a)
    gC = torch.matmul(states, gy.unsqueeze(-1)).squeeze(-1)
    gB = torch.matmul(g, (dt * u).unsqueeze(-1)).squeeze(-1)
    into = torch.matmul(B.unsqueeze(-2), g).squeeze(-2)  # gradient of dt * u
    w = decay.mul_(g)  # gradient of dt * A: g * decay * previous state
    w[0].mul_(h0)
    w[1:].mul_(states[:-1])
    gA = torch.mul(w, dt.unsqueeze(-2), out=g).sum((0, 1))
    gdt = w.mul_(At).sum(-2).addcmul_(into, u)
    return (into.mul_(dt), gdt, gB, gC), gA, carry


def _pieces(u, At):
    """Cut the batch so that one state stays small enough for the cache."""
    size = max(1, STATE_BUDGET // At.numel())
    return [slice(start, start + size) for start in range(0, len(u), size)]


def _chunks(length, reverse):
    """Cut time into chunks, in the order in which the scan meets them."""
    starts = range(0, length, CHUNK)
    if reverse:
        return [slice(max(0, length - s - CHUNK), length - s) for s in starts]
    return [slice(s, min(length, s + CHUNK)) for s in starts]


def _chunk(x, rows, times, reverse):
    """Take a chunk, time first, in the order of the scan."""
    part = x[rows, times].transpose(0, 1)  # (time, batch, ...)
    return part.flip(0) if reverse else part.contiguous()


def _unchunk(part, reverse):
    return (part.flip(0) if reverse else part).transpose(0, 1)
