"""The benchmarks that need a card: they run without one, in small, and see errors."""

import contextlib
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmarks import (
    device,
    gpu,
    gpu_check,
    gpu_kernels,
    gpu_network,
    precision,
    replay,
)
from benchmarks.__main__ import BENCHMARKS
from benchmarks.eegnet import EEGNet
from mne_eegmamba.ops import backend, causal_conv1d, selective_scan
from mne_eegmamba.ops.scan import torch_scan

ROOT = Path(__file__).parents[1]
CPU = torch.device("cpu")
ABSENT = {  # on a bare machine with a card: it has torch, triton and numpy
    *("braindecode", "joblib", "lazy_loader", "matplotlib", "mne", "numba", "pandas"),
    *("safetensors", "scipy", "sklearn", "skorch"),
}
CODE = f"""
import runpy, sys
class Without:
    def __init__(self, finder):
        self.finder = finder
    def __getattr__(self, name):
        return getattr(self.finder, name)
    def find_spec(self, name, path=None, target=None):
        absent = name.split(".")[0] in {ABSENT}
        return None if absent else self.finder.find_spec(name, path, target)
sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
sys.argv = ["benchmarks", "gpu", "--smoke", "--out", sys.argv[1]]
runpy.run_module("benchmarks", run_name="__main__")
assert not {ABSENT} & set(sys.modules)
"""


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    """Run the benchmark in small where there is torch and numpy only."""
    path = tmp_path_factory.mktemp("gpu") / "results" / "gpu.json"
    command = [sys.executable, "-W", "error", "-c", CODE, str(path)]
    # Other tests run Triton's interpreter, which would take part here.
    environment = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    done = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads(path.read_text())["results"]


def test_gpu_runs_with_torch_and_numpy_only(smoke):
    printed, results = smoke
    assert results["left_out"] == []
    assert results["command"].startswith("python -m benchmarks gpu")
    assert {"torch", "triton", "CUDA"} <= set(results["versions"])
    assert "EEGNet" in printed
    assert "torch (ours)" in printed


def test_gpu_checks_before_it_times(smoke):
    printed, results = smoke
    assert printed.index("error ") < printed.index("A copy reaches")
    for row in results["check"]:
        assert row["error"] <= row["limit"]
    checked = {(row["what"].split()[0], row["precision"]) for row in results["check"]}
    kinds = ("selective_scan", "causal_conv1d", "gelu_pool", "network")
    assert checked == {(k, p) for k in kinds for p in ("float32", "bfloat16")}


def test_gpu_has_a_row_for_each_case(smoke):
    results = smoke[1]
    cases = {(r["part"], r["network"], r["precision"]) for r in results["network"]}
    assert len(cases) == len(results["network"]) == 2 * 2 * 2
    kernels = results["kernels"]
    assert len(kernels) == 3 * 2 * 2 * 2  # operators, precisions, sizes, parts
    for row in (*kernels, *results["network"]):
        assert row["ms"] > 0
    for row in kernels:
        want = row["GBps"] / results["copy_GBps"]
        assert row["of_a_copy"] == pytest.approx(want)


def test_gpu_without_a_card_says_so(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="needs an NVIDIA card.*--smoke"):
        gpu.main([])


class Graph:
    """A CUDA graph that has recorded how often a function was called."""

    def __init__(self, calls):
        self.calls = calls

    def replay(self):
        self.calls.append("replayed")


@pytest.fixture
def calls(monkeypatch):
    """Let a graph be recorded without a card; list what happens."""
    found = []

    @contextlib.contextmanager
    def recording(graph, pool, stream, mode):
        found.append("record")
        yield
        found.append("end")

    monkeypatch.setattr(torch.cuda, "Stream", object)
    monkeypatch.setattr(torch.cuda, "graph", recording)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda: Graph(found))
    return found


def test_a_graph_is_recorded_once_and_replayed(calls):
    run = replay.replayed(lambda: calls.append("run"))
    assert calls == []
    run()
    first = [*["run"] * 3, "record", "run", "end", "replayed"]
    assert calls == first
    run()
    assert calls == [*first, "replayed"]


@pytest.mark.usefixtures("calls")
def test_replayed_networks_have_rows_of_their_own():
    options = SimpleNamespace(batch=2, width=16, precision=["float32"], replay=True)
    meter = device.Meter(CPU, repeats=1, block=0.0)
    for run in (gpu_network.inference, gpu_network.training_step):
        rows = gpu_network.measure(meter, run, 2, 320, options)
        names = [row["network"] for row in rows]
        kinds = ["EEGMamba", "EEGMamba, replayed", "EEGNet", "EEGNet, replayed"]
        assert names == kinds
        assert all(row["ms"] > 0 for row in rows)
        with_ratio = [r["network"] for r in rows if "times_as_fast_as_EEGNet" in r]
        assert with_ratio == kinds[:2]
        gpu_network.show("a size", rows)


def test_replay_needs_a_card(capsys):
    with pytest.raises(SystemExit):
        gpu.main(["--smoke", "--replay"])
    assert "--replay needs a card" in capsys.readouterr().err


def test_their_packages_are_given_what_they_take(monkeypatch):
    def scan(u, delta, A, B, C, D, z, delta_bias, delta_softplus):
        signals = [x.transpose(1, 2) for x in (u, delta, B, C, z)]
        u, delta, B, C, z = signals  # theirs have channels before time
        given = (u, delta, A, B, C, D, z, delta_bias, delta_softplus)
        return selective_scan(*given).transpose(1, 2)

    def conv(x, weight, bias, activation):
        assert activation == "silu"
        return causal_conv1d(x.transpose(1, 2), weight, bias).transpose(1, 2)

    interface = SimpleNamespace(selective_scan_fn=scan)
    name = "mamba_ssm.ops.selective_scan_interface"
    monkeypatch.setitem(sys.modules, "mamba_ssm", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "mamba_ssm.ops", SimpleNamespace())
    monkeypatch.setitem(sys.modules, name, interface)
    package = SimpleNamespace(causal_conv1d_fn=conv)
    monkeypatch.setitem(sys.modules, "causal_conv1d", package)
    for operator, (name, _) in gpu_kernels.THEIRS.items():
        assert name in gpu_kernels.candidates(operator, CPU, "float32")
    package.causal_conv1d_fn = lambda *x, activation: 1.01 * conv(*x, activation)
    with pytest.raises(SystemExit, match="two causal_conv1d calls, flips and ours"):
        gpu_kernels.candidates("causal_conv1d", CPU, "float32")


def test_bytes_are_counted_once():
    class Still(device.Meter):
        def compare(self, functions):
            return {name: {"ms": 1.0} for name in functions}

    inputs = [torch.ones(3, 5, 8, requires_grad=True)]
    found = {"twice": lambda x: [2 * x]}
    forward, both = gpu_kernels.timed(Still(CPU), found, inputs, copy=1.0)
    n_bytes = 3 * 5 * 8 * 4
    assert forward["GBps"] == pytest.approx(2 * n_bytes / 1e6)
    assert both["GBps"] == pytest.approx(5 * n_bytes / 1e6)


@pytest.mark.parametrize("wrong", ["forward", "gradient", "nan"])
def test_a_wrong_implementation_ends_the_run(monkeypatch, wrong):
    plain = torch_scan.scan

    def broken(ways, z, softplus):
        y = plain(ways, z, softplus)
        if wrong == "gradient":
            return y + 0.01 * (z - z.detach())
        return y * (1.001 if wrong == "forward" else float("nan"))

    monkeypatch.setattr(torch_scan, "scan", broken)
    monkeypatch.setattr(backend, "_chosen", {})
    monkeypatch.setattr(backend, "_loaded", SimpleNamespace())
    message = r"selective_scan .* on backend 'torch' is wrong in float32.*Nothing is"
    with pytest.raises(SystemExit, match=message):
        gpu_check.check(CPU, ["float32"], [(2, 5, 16)])


class TestMeter:
    def test_what_does_not_fit_is_noted_and_the_rest_measured(self):
        calls = {"large": 0, "later": 0}

        def large():
            calls["large"] += 1
            raise torch.OutOfMemoryError("CUDA out of memory")

        def later():
            calls["later"] += 1
            if calls["later"] > 5:
                raise RuntimeError("no kernel for this\nlong text")

        meter = device.Meter(CPU, repeats=5, block=0)
        functions = {"large": large, "small": lambda: None, "later": later}
        found = meter.compare(functions)
        assert found["large"] == {"failed": "out of memory"}
        assert found["later"] == {"failed": "no kernel for this"}
        assert found["small"]["ms"] >= 0
        assert calls == {"large": 1, "later": 6}

    def test_our_own_mistakes_are_not_hidden(self):
        with pytest.raises(ZeroDivisionError):
            device.Meter(CPU).compare({"wrong": lambda: 1 / 0})

    def test_functions_take_turns(self):
        order = []
        functions = {name: (lambda name=name: order.append(name)) for name in "ab"}
        device.Meter(CPU, repeats=4, block=0).compare(functions)
        assert "".join(order) == "aaabbb" + 4 * "ab"


def test_what_comes_after_the_deadline_is_named(capsys):
    late, early = device.Deadline(-1), device.Deadline(10)
    assert late.passed("this")
    assert late.left_out == ["this"]
    assert "Left out for lack of time: this" in capsys.readouterr().out
    assert not early.passed("this")
    assert early.left_out == []


class TestEEGNet:
    @pytest.mark.parametrize("n_channels", [1, 20])
    @pytest.mark.parametrize("n_times", [319, 320, 2000])
    def test_parameters_by_hand(self, n_channels, n_times):
        network = EEGNet(n_channels, n_times, n_classes=3)
        convolutions = 8 * 64 + 16 * n_channels + 16 * 16 + 16 * 16
        norms = 2 * (8 + 16 + 16)
        n_left = network.head.in_features
        assert n_left in (16 * (n_times // 32), 16 * (n_times // 32 + 1))
        count = sum(p.numel() for p in network.parameters())
        assert count == convolutions + norms + 3 * n_left + 3
        assert network(torch.zeros(2, n_channels, n_times)).shape == (2, 3)

    @pytest.mark.skipif(
        importlib.util.find_spec("braindecode") is None, reason="no braindecode here"
    )
    @pytest.mark.parametrize("size", [(1, 2000), (3, 319), (22, 1000)])
    def test_is_braindecodes(self, size):
        code = f"""
import torch
from benchmarks.eegnet import EEGNet
from benchmarks.others import networks
theirs, ours = networks(*{size})[0]["EEGNet"].eval(), EEGNet(*{size}).eval()
for kind in ("parameters", "buffers"):
    pairs = zip(getattr(ours, kind)(), getattr(theirs, kind)(), strict=True)
    for one, other in pairs:
        with torch.no_grad():
            one.copy_(other.view_as(one))
x = torch.randn(4, *{size})
torch.testing.assert_close(ours(x), theirs(x))
"""
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


def test_summary_of_precisions():
    plain = np.array([[1.0, 0.5], [3.0, 0.9]])
    rows = precision.summary({"float32": plain, "bfloat16": plain + [[0, 0.1], [0, 0]]})
    first, second = rows
    assert (first["pass"], first["float32"], first["difference"]) == (1, 2.0, 0.0)
    assert first["spread"] == pytest.approx(np.sqrt(2))
    assert second["difference"] == pytest.approx(0.05)
    assert second["spread_of_differences"] == pytest.approx(0.1 / np.sqrt(2))
    lower = {**first, "difference": -0.25, "spread_of_differences": 0.1}
    found = precision.overall([first, second, lower])
    assert found.startswith("Of 3 passes bfloat16 is lower in 1, by at most 0.2500;")
    assert found.endswith("larger than its spread in 1.")


@pytest.mark.parametrize("name", BENCHMARKS)
def test_listed_benchmarks_are_there(name):
    spec = importlib.util.find_spec(f"benchmarks.{name}")
    assert "def main(arguments):" in Path(spec.origin).read_text()
