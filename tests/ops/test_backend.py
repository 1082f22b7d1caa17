"""Which implementation runs, and what is said about the others."""

import logging
import sys
import types

import pytest
import torch

from mne_eegmamba.ops import backend, causal_conv1d, selective_scan, show_backends
from mne_eegmamba.ops.backend import Implementation, backend_names, choose

REASON = "needs a GPU; pip install nothing"


@pytest.fixture
def refusing(monkeypatch):
    """Put an implementation that refuses float32 tensors before all others."""
    module = types.ModuleType("refusing_implementation")
    module.scan = lambda *arguments: "ran"

    def refusal(x=None):
        return REASON if x is None or x.dtype == torch.float32 else None

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
    message = r"backend must be one of 'auto', 'torch', 'reference'. Got 'tpu'"
    with pytest.raises(ValueError, match=message):
        op(*arguments, backend="tpu")


@pytest.mark.parametrize("op", backend.IMPLEMENTATIONS)
def test_auto_takes_torch_and_says_so(op, caplog):
    x = torch.zeros(1)
    with caplog.at_level(logging.DEBUG, logger="mne_eegmamba"):
        assert choose(op, "auto", x) is choose(op, "torch", x)
    assert caplog.messages == [f"{op} runs on backend torch"]
    assert choose(op, "reference", x) is not choose(op, "torch", x)


def test_show_backends():
    lines = show_backends().splitlines()
    assert lines.count('  torch      chosen by "auto"') == 2
    assert lines.count("  reference  available") == 2
    assert lines[0] == "selective_scan"
    assert "causal_conv1d" in lines
    assert len(lines) == 6


def test_names():
    assert backend_names() == ["auto", "torch", "reference"]


@pytest.mark.usefixtures("refusing")
def test_auto_passes_over_a_refusing_one():
    x = torch.zeros(1)
    assert choose("selective_scan", "auto", x) is choose("selective_scan", "torch", x)
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


@pytest.mark.usefixtures("refusing")
def test_show_backends_gives_the_reason():
    lines = show_backends().splitlines()
    assert lines[1] == f"  fast       {REASON}"
    assert lines[2] == '  torch      chosen by "auto"'
    assert backend_names() == ["auto", "fast", "torch", "reference"]
