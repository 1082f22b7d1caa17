"""What compilers make of the Triton kernels for a card; no card is needed.

For each kernel of the operators at their usual sizes: registers and bytes of stack per
thread (what has no register is on the stack), bytes of shared memory; and, for each
innermost loop in the order of the code, its instructions, how many of them compute in
float32, call special functions (exp2, 1/x), exchange numbers between threads, access
global memory or the stack. A loop of ``scan_forward`` and ``conv_forward`` takes one
step of time in both directions, one of ``scan_ends`` one of one direction, one of
``scan_backward`` two of one direction, one of ``pool_forward`` and ``pool_backward`` a
window; ``scan_forward`` has a loop for each half of time, ``scan_ends`` and
``scan_backward`` have theirs for each direction. Needs torch, triton and numpy only.
"""

import argparse
import functools
import re
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.runtime import driver
from triton.runtime.jit import JITFunction

from mne_eegmamba.ops.conv import triton_conv
from mne_eegmamba.ops.dense import triton_dense
from mne_eegmamba.ops.pool import triton_pool
from mne_eegmamba.ops.scan import triton_scan
from mne_eegmamba.tokens.tokenizer import POOL_STRIDE, SMALL

LENGTH, WIDTH, STATES, RANK, TAPS = 73, 256, 16, 8, 4
MANY = 64  # epochs for which the scan does not cut time
KINDS = {
    "float32": ("FFMA", "FMUL", "FADD"),
    "special": ("MUFU",),
    "exchange": ("SHFL",),
    "global": ("LDG", "STG", "LDGSTS"),
    "stack": ("LDL", "STL"),
}
NAME = re.compile(r"(?:@!?U?P\w+ +)?([A-Z][A-Z0-9]*)")
JUMP = re.compile(r"\bBRA\b.*\b(0x[0-9a-f]+)$")
BYTES = 16  # of an instruction


class NoCard:
    """What Triton asks a driver when it compiles."""

    def __init__(self, capability):
        self.target = GPUTarget("cuda", capability, 32)

    def get_current_device(self):
        """Return the number of the card."""
        return 0

    def get_current_stream(self, device):
        """Return the stream."""
        return 0

    def get_current_target(self):
        """Return what is compiled for."""
        return self.target


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks compiled",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--capability", type=int, default=90, help="of the card: 90 is an H100 or H200"
    )
    parser.add_argument(
        "--precision",
        nargs="+",
        choices=("bfloat16", "float32"),
        default=["bfloat16", "float32"],
    )
    return parser.parse_args(arguments)


def scan(dtype, batch=MANY):
    signal = torch.ones(batch, LENGTH, WIDTH, dtype=dtype, requires_grad=True)
    projected = torch.ones(batch, LENGTH, RANK + 2 * STATES, dtype=dtype)
    _, B, C = projected.split([RANK, STATES, STATES], dim=-1)
    way = signal, signal, -torch.ones(WIDTH, STATES), B, C, None, None
    y = triton_scan.scan([(*way, False), (*way, True)], signal, True)
    y.sum().backward()


def conv(dtype):
    x = torch.ones(1, LENGTH, WIDTH, dtype=dtype, requires_grad=True)
    filters = torch.ones(WIDTH, TAPS), torch.ones(WIDTH)
    both = triton_conv.conv(x, [(*filters, False), (*filters, True)])
    torch.stack(both).sum().backward()


def pool(dtype, kind):
    x = torch.ones(1, LENGTH, WIDTH // 2, dtype=dtype, requires_grad=True)
    triton_pool.gelu_pool(x, SMALL["pool"], POOL_STRIDE, kind).sum().backward()


def grouped(dtype):
    rows = torch.ones(LENGTH, WIDTH, dtype=dtype, requires_grad=True)
    weight = torch.ones(2, WIDTH // 2, WIDTH, dtype=dtype, requires_grad=True)
    bias = torch.ones(2, WIDTH // 2, dtype=dtype)
    triton_dense.grouped_linear(rows, weight, bias, [LENGTH - 3, 3]).sum().backward()


CASES = {
    "many epochs": scan,
    "one epoch, time cut": functools.partial(scan, batch=1),
    "both directions": conv,
    "average": functools.partial(pool, kind="average"),
    "maximum": functools.partial(pool, kind="max"),
    "two experts": grouped,
}


def compiled(function, dtype, capability):
    """Return names and compiled kernels of what a function launches; nothing runs."""
    found = []
    run = JITFunction.run

    def compile_only(self, *arguments, grid, warmup, **options):
        kernel = run(self, *arguments, grid=grid, warmup=True, **options)
        found.append((self.fn.__name__, kernel))

    driver.set_active(NoCard(capability))
    JITFunction.run = compile_only
    try:
        function(dtype)
    finally:
        JITFunction.run = run
    return found


def describe(kernel):
    """Return what the compiler made of a kernel."""
    cubin = kernel.asm["cubin"]
    usage = re.search(r"REG:(\d+) STACK:(\d+)", cuobjdump(cubin, "-res-usage"))
    lines = re.findall(r"/\*[0-9a-f]{4,}\*/ +(.*?) *;", cuobjdump(cubin, "-sass"))
    return {
        "registers": int(usage[1]),
        "stack": int(usage[2]),
        "shared": kernel.metadata.shared,
        "loops": [count(lines[a:z]) for a, z in loops(lines)],
    }


def cuobjdump(cubin, what):
    """Return what the tool says, which comes with Triton."""
    tool = Path(triton.__file__).parent / "backends/nvidia/bin/cuobjdump"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        done = subprocess.run(
            [tool, what, file.name], capture_output=True, text=True, check=True
        )
    return done.stdout


def loops(lines):
    """Return where innermost loops begin and end."""
    found = []
    for at, line in enumerate(lines):
        jump = JUMP.search(line)
        begin = int(jump[1], 16) // BYTES if jump else at
        if begin < at:
            found.append((begin, at + 1))
    return [
        (a, z)
        for a, z in found
        if not any(a <= b and y <= z for b, y in found if (b, y) != (a, z))
    ]


def count(lines):
    """Return how many instructions there are, in all and of some kinds."""
    names = Counter(NAME.match(line)[1] for line in lines)
    kinds = {kind: sum(names[n] for n in some) for kind, some in KINDS.items()}
    return {"all": len(lines), **kinds}


def main(arguments):
    options = parse(arguments)
    versions = {"torch": torch.__version__, "triton": triton.__version__}
    print(f"Capability {options.capability / 10}; triton {triton.__version__}")
    print(f"{'registers':>56}   stack  shared")
    rows = []
    for precision in options.precision:
        dtype = getattr(torch, precision)
        for case, function in CASES.items():
            for name, kernel in compiled(function, dtype, options.capability):
                row = {"case": case, "kernel": name, "precision": precision}
                rows.append(row | describe(kernel))
                show(rows[-1])
    return {"capability": options.capability, "versions": versions, "kernels": rows}


def show(row):
    print(
        f"{row['kernel']:<16}{row['precision']:<10}{row['case']:<20}"
        f"{row['registers']:>10}"
        f"{row['stack']:>8}{row['shared']:>8}"
    )
    for loop in row["loops"]:
        kinds = ", ".join(f"{kind} {loop[kind]}" for kind in KINDS if loop[kind])
        print(f"    loop of {loop['all']:>4} instructions: {kinds}", flush=True)
