"""The Triton kernels compile for a card, which the interpreter cannot tell."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KERNELS = {
    *("scan_ends", "scan_carry", "scan_forward", "scan_backward"),
    *("conv_forward", "conv_backward", "pool_forward", "pool_backward"),
    *("grouped_rows", "grouped_weights"),
}

# those that sum over nothing that lies with other threads
WALKS = {"scan_forward", "scan_ends", "conv_forward", "pool_forward", "pool_backward"}


@pytest.fixture(scope="module", params=["float32", "bfloat16"])
def kernels(request, tmp_path_factory):
    """Compile in a process of its own: where Triton interprets, it cannot compile."""
    folder = tmp_path_factory.mktemp("compiled")
    environment = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    command = ["compiled", "--precision", request.param, "--out", folder / "found.json"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env=environment | {"TRITON_CACHE_DIR": str(folder)},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads((folder / "found.json").read_text())
    return found["results"]["kernels"]


def test_kernels_compile(kernels):
    assert {row["kernel"] for row in kernels} == KERNELS
    for row in kernels:
        assert len(row["loops"]) >= 1
        assert all(loop["all"] > loop["global"] > 0 for loop in row["loops"])


def test_states_and_sums_over_them_stay_with_a_thread(kernels):
    for row in kernels:
        walks = row["kernel"] in WALKS
        for loop in row["loops"]:
            assert loop["stack"] == 0  # all numbers of a loop have registers
            assert loop["exchange"] == 0 or not walks


def test_matrix_products_read_vectors(kernels):
    """Of a tile with 64 rows or columns of 32 numbers each thread has 16."""
    for row in kernels:
        if row["kernel"].startswith("grouped"):
            assert all(loop["global"] <= 8 for loop in row["loops"])
