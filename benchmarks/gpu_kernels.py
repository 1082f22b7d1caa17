"""Operators on a card: time, GB/s, share of a copy."""

import functools
from importlib import import_module

import torch

from benchmarks.gpu_check import (
    DTYPES,
    LIMITS,
    OPERATORS,
    backends,
    evaluate,
    placed,
    worst,
)
from mne_eegmamba.tokens.tokenizer import n_tokens

SAMPLES = (800, 6000, 40000)  # 4 s, 30 s and the paper's longest at 200 Hz
WIDTH = 256  # channels inside a block of the default width
TRIAL = (2, 77, 64)  # where theirs and ours must agree


def bandwidth(meter, n_bytes):
    """Return the GB/s that a copy reaches, reading and writing counted."""
    x = torch.zeros(n_bytes, dtype=torch.uint8, device=meter.device)
    y = torch.empty_like(x)
    row = meter.compare({"copy": lambda: y.copy_(x)})["copy"]
    speed = 2 * n_bytes / row["ms"] / 1e6
    print(f"A copy reaches {speed:.0f} GB/s")
    return speed


def their_scan():
    """Return the package's scan, twice with flipped copies; channels first."""
    scan = import_module("mamba_ssm.ops.selective_scan_interface").selective_scan_fn

    def run(*inputs):
        z = inputs[14]

        def one(u, delta, A, B, C, D, bias, turn):
            signals = [turn(x.transpose(1, 2)) for x in (u, delta, B, C, z)]
            u, delta, B, C, gate = (x.contiguous() for x in signals)
            return turn(scan(u, delta, A, B, C, D, gate, bias, True))

        y = one(*inputs[:7], lambda x: x) + one(*inputs[7:14], lambda x: x.flip(-1))
        return [y.transpose(1, 2)]

    return run


def their_conv():
    """Return the package's convolution, twice with flipped copies."""
    conv = import_module("causal_conv1d").causal_conv1d_fn

    def run(x, *filters):
        x = x.transpose(1, 2)
        weights = [f.to(x.dtype) for f in filters]
        forward = conv(x, *weights[:2], activation="silu")
        back = conv(x.flip(-1), *weights[2:], activation="silu").flip(-1)
        return [forward.transpose(1, 2), back.transpose(1, 2)]

    return run


THEIRS = {
    "selective_scan": ("two mamba_ssm calls, flips", their_scan),
    "causal_conv1d": ("two causal_conv1d calls, flips", their_conv),
}


def candidates(operator, device, precision):
    """Return functions by name; theirs where it can be imported and agrees."""
    make, inputs_of = OPERATORS[operator]
    names = backends(operator, device, DTYPES[precision])
    found = {f"{name} (ours)": make(name) for name in names}
    if operator not in THEIRS:
        return found
    name, theirs = THEIRS[operator]
    try:
        found[name] = theirs()
        inputs = placed(inputs_of(*TRIAL), device, DTYPES[precision])
        gradients = [torch.ones_like(y).cpu() for y in make(names[0])(*inputs)]
        ours = evaluate(make(names[0]), inputs, gradients)
        error = worst(evaluate(found[name], inputs, gradients), ours)
    except Exception as error:  # a package built for another torch fails in many ways
        found.pop(name, None)
        print(f"  without {name}: {str(error).splitlines()[0][:90]}")
        return found
    if not error <= 2 * LIMITS[precision]:
        raise SystemExit(f"{name} and ours differ by {error:.1e}. Nothing is timed.")
    return found


def sizes(options):
    lengths = options.lengths if options.smoke else SAMPLES
    found = [(options.batch, 1 + n_tokens(length)) for length in lengths]
    return [*found, (1, found[-1][1])]


def kernels(meter, deadline, options, copy):
    """Print and return a row per operator, size, precision and candidate."""
    rows = []
    width = 2 * options.width
    for operator, (_, inputs_of) in OPERATORS.items():
        for precision in options.precision:
            found = candidates(operator, meter.device, precision)
            for batch, length in sizes(options):
                what = f"{operator} {precision} batch {batch} length {length}"
                if deadline.passed(what):
                    continue
                kind = {"device": meter.device, "dtype": torch.float32}
                inputs = inputs_of(batch, length, width, **kind)
                inputs = placed(inputs, meter.device, DTYPES[precision])
                print(what)
                rows += timed(meter, found, inputs, copy)
                for row in rows[-2 * len(found) :]:
                    row |= {"operator": operator, "precision": precision}
                    row |= {"batch": batch, "length": length}
    return rows


def timed(meter, found, inputs, copy):
    """Time forward alone, and forward with backward."""
    with torch.no_grad():
        first = next(iter(found.values()))
        outputs = [torch.empty_like(y) for y in first(*inputs)]
    once = sum(x.nbytes for x in (*inputs, *outputs))
    # backward reads the inputs and the outputs' gradients, and writes those of inputs
    moved = {"forward": once, "both": 2 * once + sum(x.nbytes for x in inputs)}
    rows = []
    for part, run in (("forward", forward), ("both", both)):
        functions = {
            name: functools.partial(run, function, inputs, outputs)
            for name, function in found.items()
        }
        for name, row in meter.compare(functions).items():
            row |= {"candidate": name, "part": part}
            if "ms" in row:
                row["GBps"] = moved[part] / row["ms"] / 1e6
                row["of_a_copy"] = row["GBps"] / copy
            rows.append(row)
            show(row)
    return rows


def forward(function, inputs, gradients):
    with torch.no_grad():
        function(*inputs)


def both(function, inputs, gradients):
    torch.autograd.grad(function(*inputs), inputs, gradients)


def show(row):
    text = row.get("failed") or (
        f"{row['ms']:>10.3f} ms{row['GBps']:>9.0f} GB/s{row['of_a_copy']:>7.0%} of a "
        f"copy{row.get('peak_MiB', 0):>9.0f} MiB"
    )
    print(f"  {row['candidate']:<32}{row['part']:<9}{text}", flush=True)
