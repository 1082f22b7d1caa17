"""The operators on a CPU: ours against other implementations, forward and backward.

- scan: ours in numba, our torch fallback, a torch loop under autograd, ``mambapy``;
- conv: depthwise causal convolution with SiLU in both directions, against torch's
  channels-last ``conv2d``;
- products: linear layers, against torch's (MKL, which knows few processors of AMD) and
  oneDNN's, which torch has but does not use for them;
- block: a bidirectional Mamba block against a Transformer block of the same width
  (8 heads, 4 times wider inside, ``scaled_dot_product_attention``).

All candidates run in one process, in turns; the results of an operator are compared
before any is timed, those of blocks cannot be. The blocks have 134,912 (ours) and
198,272 parameters.
"""

import argparse
import os

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.timing import ALLOCATOR, interleaved
from mne_eegmamba.blocks.bimamba import BiMambaBlock
from mne_eegmamba.models import EEGMambaConfig
from mne_eegmamba.ops import bidirectional_conv1d, linear, selective_scan

SIZES = {"S1": (128, 150), "S2": (32, 1000), "S3": (8, 5000)}  # batch, length
WIDTH, CHANNELS, STATES, KERNEL = 128, 256, 16, 4
LOOPS_UP_TO = 1000  # autograd through a loop takes minutes beyond


def drawn(*shapes):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(s, generator=generator).requires_grad_() for s in shapes]


def scan_inputs(batch, length):
    signal, maps = (batch, length, CHANNELS), (batch, length, STATES)
    u, delta, B, C, A = drawn(signal, signal, maps, maps, (CHANNELS, STATES))
    with torch.no_grad():
        delta.sub_(3)
        A.copy_(-A.abs() * STATES / 3)
    return [u, delta, A, B, C]


def ours(backend):
    return lambda *x: selective_scan(*x, delta_softplus=True, backend=backend)


def mambapy(u, delta, A, B, C):
    from mambapy.pscan import pscan

    dt = F.softplus(delta).unsqueeze(-1)
    states = pscan(torch.exp(dt * A), dt * B.unsqueeze(2) * u.unsqueeze(-1))
    return (states @ C.unsqueeze(-1)).squeeze(-1)


def loop(u, delta, A, B, C):
    h, y = u.new_zeros(len(u), CHANNELS, STATES), []
    times = zip(*(x.unbind(1) for x in (u, F.softplus(delta), B, C)), strict=True)
    for x, dt, b, c in times:
        dt = dt.unsqueeze(-1)
        h = torch.exp(dt * A) * h + dt * b.unsqueeze(1) * x.unsqueeze(-1)
        y.append((h @ c.unsqueeze(-1)).squeeze(-1))
    return torch.stack(y, 1)


def scan_candidates(length):
    found = {
        "numba (ours)": ours("numba"),
        "torch (ours)": ours("torch"),
        "mambapy": mambapy,
    }
    return found | ({"torch loop": loop} if length <= LOOPS_UP_TO else {})


def conv_inputs(batch, length):
    filters = ((CHANNELS, KERNEL), (CHANNELS,))
    return drawn((batch, length, CHANNELS), *filters, *filters)


def our_conv(x, *filters):
    return bidirectional_conv1d(x, filters[:2], filters[2:])


def conv2d(x, weight, bias, weight_back, bias_back):
    image = x.transpose(1, 2).unsqueeze(2)  # channels last

    def one(weight, bias, pad):
        shape = CHANNELS, 1, 1, KERNEL
        y = F.conv2d(F.pad(image, pad), weight.view(shape), bias, groups=CHANNELS)
        return F.silu(y).squeeze(2).transpose(1, 2)

    back = one(weight_back.flip(1), bias_back, (0, KERNEL - 1))
    return [one(weight, bias, (KERNEL - 1, 0)), back]


class _OneDNN(torch.autograd.Function):
    """A linear layer by oneDNN, forward and for the input; MKL for the weight."""

    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")

    @staticmethod
    def backward(ctx, g):
        x, weight = ctx.saved_tensors
        turned = weight.t().contiguous()
        gx = torch.ops.mkldnn._linear_pointwise(g, turned, None, "none", [], "")
        rows = g.flatten(0, 1)
        return gx, rows.t() @ x.flatten(0, 1), rows.sum(0)


def onednn(x, weight, bias):
    return _OneDNN.apply(x, weight, bias)


def product_inputs(batch, length):
    return drawn((batch, length, WIDTH), (CHANNELS, WIDTH), (CHANNELS,))


class Transformer(nn.Module):
    """Pre-norm attention and a perceptron, as usual."""

    def __init__(self, heads=8):
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(2))
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.wide = nn.Linear(WIDTH, 4 * WIDTH)
        self.narrow = nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x):
        """Map ``(batch, length, WIDTH)`` to the same shape."""
        qkv = self.qkv(self.norms[0](x)).unflatten(-1, (3, self.heads, -1))
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        x = x + self.out(y)
        return x + self.narrow(F.gelu(self.wide(self.norms[1](x))))


def block_candidates():
    torch.manual_seed(0)
    config = EEGMambaConfig({"a": 1}, {"a": 2}, d_model=WIDTH)
    return {"BiMamba (ours)": BiMambaBlock(config), "Transformer": Transformer()}


def problems():
    """Yield operator, size, candidates by name, inputs, and whether all must agree."""
    for size, shape in SIZES.items():
        yield "scan", size, scan_candidates(shape[1]), scan_inputs(*shape), True
    for size, shape in SIZES.items():
        found = {"numba (ours)": our_conv, "conv2d": conv2d}
        yield "conv", size, found, conv_inputs(*shape), True
    for size, shape in SIZES.items():
        found = {
            f"{name} ({'ours' if name == 'numba' else 'torch'})": (
                lambda x, w, b, name=name: linear(x, w, b, backend=name)
            )
            for name in ("numba", "torch")
        }
        found |= {"oneDNN (torch)": onednn}
        yield "products", size, found, product_inputs(*shape), True
    for length in (1000, 5000):
        inputs = drawn((max(1, 8000 // length), length, WIDTH))
        yield "block", f"L {length}", block_candidates(), inputs, False


def forward(function, inputs):
    def run():
        with torch.no_grad():
            function(*inputs)

    return run


def both(function, inputs):
    parameters = list(function.parameters()) if isinstance(function, nn.Module) else []

    gradients = [torch.ones_like(y) for y in results(function, inputs)]

    def run():
        y = results(function, inputs)
        torch.autograd.grad(y, [*inputs, *parameters], gradients)

    return run


def results(function, inputs):
    y = function(*inputs)
    return y if isinstance(y, list) else [y]


def main(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks kernels",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--only", nargs="+", help="some of: scan conv products block")
    options = parser.parse_args(arguments)
    if "MALLOC_TRIM_THRESHOLD_" not in os.environ:
        print(f"Allocator not tuned; start with: env {ALLOCATOR} python -m benchmarks")
    print(f"{torch.get_num_threads()} threads, median of {options.repeats}")
    rows = []
    for operator, size, candidates, inputs, agree in problems():
        if options.only and operator not in options.only:
            continue
        if agree:
            compare(candidates, inputs)
        times = [
            interleaved(
                {name: make(f, inputs) for name, f in candidates.items()},
                options.repeats,
                limit=20,
            )
            for make in (forward, both)
        ]
        rows += table(operator, size, inputs, *times)
    return rows


def compare(candidates, inputs):
    first, *others = (results(function, inputs) for function in candidates.values())
    for other in others:
        torch.testing.assert_close(other, first, rtol=1e-3, atol=1e-3)


def table(operator, size, inputs, forward_seconds, both_seconds):
    """Print and return a row per candidate; ratios are to the first, ours."""
    rows = []
    ours, *_ = both_seconds
    elements = inputs[0].numel() * (STATES if operator == "scan" else 1)
    for name, seconds in both_seconds.items():
        rows.append(
            {
                "operator": operator,
                "size": size,
                "candidate": name,
                "forward_ms": 1e3 * forward_seconds[name],
                "both_ms": 1e3 * seconds,
                "forward_ns_per_element": 1e9 * forward_seconds[name] / elements,
                "both_ns_per_element": 1e9 * seconds / elements,
                "ours_is_forward": forward_seconds[name] / forward_seconds[ours],
                "ours_is_both": seconds / both_seconds[ours],
            }
        )
        row = rows[-1]
        print(
            f"{operator:<9}{size:<7}{name:<16}"
            f"{row['forward_ms']:>9.1f} ms forward {row['both_ms']:>9.1f} ms both, "
            f"{row['forward_ns_per_element']:.3f} and "
            f"{row['both_ns_per_element']:.3f} ns/element; "
            f"ours is {row['ours_is_forward']:.1f} x and {row['ours_is_both']:.1f} x",
            flush=True,
        )
    return rows
