"""Selective scan on the CPU: ours against the package ``mambapy``.

All candidates run in one process, interleaved; outputs are compared first. glibc
returns large blocks to the system each time, which changes every ranking, so set
``MALLOC_MMAP_THRESHOLD_=4000000000 MALLOC_TRIM_THRESHOLD_=8000000000`` for the run.
"""

import argparse
import functools
import statistics
import time

import torch

from mne_eegmamba.ops import selective_scan

SIZES = {"S1": (128, 150), "S2": (32, 1000)}
CHANNELS, STATES = 256, 16


def make_inputs(batch, length):
    generator = torch.Generator().manual_seed(0)

    def draw(*shape):
        return torch.randn(*shape, generator=generator)

    inputs = (
        draw(batch, length, CHANNELS),
        draw(batch, length, CHANNELS) - 3,
        -torch.rand(CHANNELS, STATES, generator=generator) * STATES,
        draw(batch, length, STATES),
        draw(batch, length, STATES),
    )
    return [x.requires_grad_() for x in inputs]


def ours(backend):
    return functools.partial(selective_scan, delta_softplus=True, backend=backend)


def mambapy(u, delta, A, B, C):
    from mambapy.pscan import pscan

    dt = torch.nn.functional.softplus(delta).unsqueeze(-1)
    states = pscan(torch.exp(dt * A), dt * B.unsqueeze(2) * u.unsqueeze(-1))
    return (states @ C.unsqueeze(-1)).squeeze(-1)


def seconds(function, inputs):
    start = time.perf_counter()
    y = function(*inputs)
    middle = time.perf_counter()
    torch.autograd.grad(y.sum(), inputs)
    end = time.perf_counter()
    return middle - start, end - start


def main(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks kernels", description=__doc__
    )
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args(arguments).repeats
    candidates = {
        "numba (ours)": ours("numba"),
        "torch (ours)": ours("torch"),
        "mambapy": mambapy,
    }
    rows = []
    for size, (batch, length) in SIZES.items():
        inputs = make_inputs(batch, length)
        want = mambapy(*inputs)
        for function in candidates.values():
            torch.testing.assert_close(function(*inputs), want, rtol=1e-3, atol=1e-3)
        times = {name: [] for name in candidates}
        for _ in range(repeats):
            for name, function in candidates.items():
                times[name].append(seconds(function, inputs))
        for name, pairs in times.items():
            forward, both = (statistics.median(t) for t in zip(*pairs, strict=True))
            rows.append({"size": size, "candidate": name, "forward_ms": forward * 1e3})
            rows[-1]["forward_backward_ms"] = both * 1e3
            elements = batch * length * CHANNELS * STATES
            rows[-1]["ns_per_element"] = both * 1e9 / elements
    print(
        f"{'size':<6}{'candidate':<16}{'forward ms':>12}{'fwd+bwd ms':>12}"
        f"{'ns/element':>12}"
    )
    for row in rows:
        print(
            f"{row['size']:<6}{row['candidate']:<16}"
            f"{row['forward_ms']:>12.1f}{row['forward_backward_ms']:>12.1f}{row['ns_per_element']:>12.2f}"
        )
    return rows
