"""Which implementation runs, and what is said about the others."""

import logging
import subprocess
import sys
import types

import pytest
import torch

from mne_eegmamba.ops import backend, causal_conv1d, selective_scan, show_backends
from mne_eegmamba.ops.backend import Implementation, backend_names, choose
from mne_eegmamba.ops.cpu.support import refuse

REASON = "needs a GPU; pip install nothing"


@pytest.fixture(autouse=True)
def nothing_chosen_yet(monkeypatch):
    """Forget what earlier tests chose."""
    monkeypatch.setattr(backend, "_chosen", {})


@pytest.fixture
def refusing(monkeypatch):
    """Put an implementation that refuses float32 tensors before all others."""
    module = types.ModuleType("refusing_implementation")
    module.scan = lambda *arguments: "ran"

    def refusal(dtype=None):
        return REASON if dtype in (None, torch.float32) else None

    module.refusal = refusal
    monkeypatch.setitem(sys.modules, module.__name__, module)
    extra = Implementation("fast", module.__name__, "scan")
    groups = dict(backend.IMPLEMENTATIONS)
    groups["selective_scan"] = (extra, *groups["selective_scan"])
    monkeypatch.setattr(backend, "IMPLEMENTATIONS", groups)


@pytest.mark.parametrize("op", [causal_conv1d, selective_scan])
def test_unknown_backend(op):
    one = torch.ones(1, 3, 1)
    arguments = {
        causal_conv1d: (one, torch.ones(1, 2)),
        selective_scan: (one, one, torch.zeros(1, 1), one, one),
    }[op]
    names = "'auto', 'numba', 'triton', 'mamba_ssm', 'torch', 'reference'"
    message = f"backend must be one of {names}. Got 'tpu'"
    with pytest.raises(ValueError, match=message):
        op(*arguments, backend="tpu")


@pytest.mark.parametrize("op", backend.IMPLEMENTATIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_auto_takes_the_fastest_and_says_so(op, dtype, caplog):
    single = dtype == torch.float32 and op != "gelu_pool"
    name = "numba" if single else "torch"
    x = torch.zeros(1, dtype=dtype)
    with caplog.at_level(logging.DEBUG, logger="mne_eegmamba"):
        assert choose(op, "auto", x) is choose(op, name, x)
        choose(op, "auto", x)  # is told once
    assert caplog.messages == [f"{op} runs on backend {name}"]
    assert choose(op, "reference", x) is not choose(op, name, x)


def test_a_choice_made_while_tracing_is_made_again(monkeypatch):
    x, calls = torch.zeros(1), []
    find = backend._find
    monkeypatch.setattr(backend, "_find", lambda *k: calls.append(k) or find(*k))
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    choose("linear", "auto", x)
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: False)
    for _ in range(3):
        choose("linear", "auto", x)
    assert calls == 2 * [("linear", "auto", "cpu", torch.float32)]


@pytest.fixture
def no_card(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.mark.usefixtures("no_card")
def test_show_backends():
    lines = show_backends().splitlines()
    assert lines.count('  numba      chosen by "auto"') == 5
    assert lines.count("  torch      available") == 5
    assert lines.count("  reference  available") == 6
    assert lines[0] == "selective_scan"
    assert "causal_conv1d" in lines
    assert sum(line.startswith("  triton ") for line in lines) == 4
    assert sum(line.startswith("  mamba_ssm ") for line in lines) == 2
    assert len(lines) == 29


def test_show_backends_names_devices_where_there_are_two(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    lines = show_backends().splitlines()
    assert lines.count('  numba      chosen by "auto" on cpu') == 5
    assert lines.count('  triton     chosen by "auto" on cuda') == 4
    assert lines.count('  torch      chosen by "auto" on cuda') == 2


NAMES = ["auto", "numba", "triton", "mamba_ssm", "torch", "reference"]


def test_names():
    assert backend_names() == NAMES


@pytest.mark.parametrize(
    ("op", "name"),
    [
        ("conv1d", "triton"),
        ("linear", "triton"),
        ("conv1d", "mamba_ssm"),
        ("grouped_linear", "mamba_ssm"),
    ],
)
def test_a_name_that_an_operator_lacks_leaves_the_choice(op, name):
    x = torch.zeros(1)
    assert choose(op, name, x) is choose(op, "auto", x)


def test_on_a_gpu_triton_comes_first(monkeypatch, caplog):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    want = {op: "triton" for op in backend.IMPLEMENTATIONS} | dict.fromkeys(
        ["conv1d", "linear"], "torch"
    )
    with caplog.at_level(logging.DEBUG, logger="mne_eegmamba"):
        for op, name in want.items():
            assert backend._fastest(op, "cuda", torch.float32).name == name
            assert backend._fastest(op, "cuda", torch.float64).name == "torch"
    assert not [m for m in caplog.messages if "slower" in m and "triton" not in m]


@pytest.mark.usefixtures("refusing")
def test_auto_passes_over_a_refusing_one():
    x = torch.zeros(1)
    assert choose("selective_scan", "auto", x) is choose("selective_scan", "numba", x)
    assert choose("selective_scan", "auto", x.double())() == "ran"
    assert choose("selective_scan", "fast", x.double())() == "ran"


@pytest.mark.usefixtures("refusing")
def test_named_one_that_refuses_raises():
    message = f"Backend 'fast' cannot run selective_scan: {REASON}"
    with pytest.raises(RuntimeError, match=message):
        choose("selective_scan", "fast", torch.zeros(1))
    one = torch.ones(1, 3, 1)
    with pytest.raises(RuntimeError, match=REASON):
        selective_scan(one, one, torch.zeros(1, 1), one, one, backend="fast")


@pytest.mark.usefixtures("refusing", "no_card")
def test_show_backends_gives_the_reason():
    lines = show_backends().splitlines()
    assert lines[1] == f"  fast       {REASON}"
    assert lines[2] == '  numba      chosen by "auto"'
    assert backend_names() == ["auto", "fast", *NAMES[1:]]


BROKEN = """
import logging, sys
sys.modules["numba"] = None
import torch
torch.cuda.is_available = lambda: False
from mne_eegmamba.ops import causal_conv1d, selective_scan, show_backends
logging.basicConfig(format="%(message)s")
one = torch.ones(1, 3, 1)
for _ in range(2):
    causal_conv1d(one, torch.ones(1, 2))
    y = selective_scan(one, one, torch.zeros(1, 1), one, one)
assert y.flatten().tolist() == [1, 2, 3]
print(show_backends())
"""


def test_without_numba_torch_takes_over_with_one_message():
    run = subprocess.run(
        [sys.executable, "-c", BROKEN], capture_output=True, text=True, check=True
    )
    messages = run.stderr.splitlines()
    assert len(messages) == 2
    assert all("runs slower than it could: numba cannot be im" in m for m in messages)
    lines = run.stdout.splitlines()
    assert lines[1].startswith("  numba      cannot be imported (")
    assert lines[4] == '  torch      chosen by "auto"'


def test_a_kernel_that_fails_or_errs_is_a_reason():
    x = torch.float32

    def fails():
        raise OSError("no compiler")

    assert refuse(x, fails) == "cannot be compiled here (OSError: no compiler)"
    reason = refuse(x, lambda: (torch.zeros(2), torch.ones(2)))
    assert reason == "compiles, but gives wrong results on this processor"
    assert refuse(x, lambda: (torch.ones(2), torch.ones(2))) is None
    assert "float64" in refuse(torch.float64, fails)
