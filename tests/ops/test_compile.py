"""The Triton kernels compile for a card, which the interpreter cannot tell."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

KERNELS = {
    *("scan_ends", "scan_carry", "scan_forward", "scan_backward"),
    *("conv_forward", "conv_backward", "grouped_rows", "grouped_weights"),
}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_kernels_compile(dtype, tmp_path):
    environment = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("compile_kernels.py")), dtype],
        capture_output=True,
        text=True,
        check=False,
        env=environment | {"TRITON_CACHE_DIR": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert {name for name, *_ in lines} == KERNELS
    assert all(int(size) > 0 for _, size, _ in lines)
    # a thread has all states of its channel: their sums need no other thread
    exchanges = {name: int(count) for name, _, count in lines}
    assert exchanges["scan_forward"] == exchanges["scan_ends"] == 0
