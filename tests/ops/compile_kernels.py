"""Compile the Triton kernels for an H100, which needs no card; print what came out.

Run by ``test_compile.py`` in a process of its own, as kernels cannot be compiled where
Triton interprets them. The operators run on the CPU; instead of a launch they compile.
"""

import sys

import torch
from triton.backends.compiler import GPUTarget
from triton.runtime import driver
from triton.runtime.jit import JITFunction

from mne_eegmamba.ops.conv import triton_conv
from mne_eegmamba.ops.dense import triton_dense
from mne_eegmamba.ops.scan import triton_scan

BATCH, LENGTH, CHANNELS, RANK = 1, 73, 256, 8


class NoCard:
    """What Triton asks a driver when it compiles."""

    def get_current_device(self):
        return 0

    def get_current_stream(self, device):
        return 0

    def get_current_target(self):
        return GPUTarget("cuda", 90, 32)


run = JITFunction.run


def compile_only(self, *arguments, grid, warmup, **options):
    kernel = run(self, *arguments, grid=grid, warmup=True, **options)
    ptx = kernel.asm["ptx"]
    print(self.fn.__name__, len(kernel.asm["cubin"]), ptx.count("shfl.sync"))


def scan(dtype):
    states = 16 if dtype == torch.float32 else 4  # few are quicker to compile
    signal = torch.ones(BATCH, LENGTH, CHANNELS, dtype=dtype, requires_grad=True)
    projected = torch.ones(BATCH, LENGTH, RANK + 2 * states, dtype=dtype)
    _, B, C = projected.split([RANK, states, states], dim=-1)
    way = signal, signal, -torch.ones(CHANNELS, states), B, C, None, None
    y = triton_scan.scan([(*way, False), (*way, True)], signal, True)
    y.sum().backward()


def conv(dtype):
    x = torch.ones(BATCH, LENGTH, CHANNELS, dtype=dtype, requires_grad=True)
    filters = torch.ones(CHANNELS, 4), torch.ones(CHANNELS)
    torch.cat(
        triton_conv.conv(x, [(*filters, False), (*filters, True)])
    ).sum().backward()


def grouped(dtype):
    rows = torch.ones(LENGTH, CHANNELS, dtype=dtype, requires_grad=True)
    weight = torch.ones(2, 64, CHANNELS, dtype=dtype, requires_grad=True)
    bias = torch.ones(2, 64, dtype=dtype)
    triton_dense.grouped_linear(rows, weight, bias, [70, 3]).sum().backward()


if __name__ == "__main__":
    driver.set_active(NoCard())
    JITFunction.run = compile_only
    for operator in (scan, conv, grouped):
        operator(getattr(torch, sys.argv[1]))
