"""``torch.compile`` gets the whole network in one graph, nothing is left to Python."""

import types

import pytest
import torch

from mne_eegmamba.models import EEGMamba, EEGMambaConfig
from mne_eegmamba.ops import backend

TASK = "sleep v1.5"  # no name for a module of torch


@pytest.fixture
def nothing_ran_before(monkeypatch):
    monkeypatch.setattr(backend, "_chosen", {})
    monkeypatch.setattr(backend, "_loaded", types.SimpleNamespace())
    torch.compiler.reset()


@pytest.mark.usefixtures("nothing_ran_before")
@pytest.mark.parametrize("training", [False, True])
def test_is_one_graph(training):
    torch.manual_seed(0)
    # a CPU's dropout draws its numbers where no graph sees it
    config = EEGMambaConfig({TASK: 3}, {TASK: 2}, d_model=8, n_layers=1, dropout=0.0)
    network = EEGMamba(config).train(training)
    compiled = torch.compile(network, fullgraph=True, backend="eager")
    x = torch.randn(3, 3, 400)
    torch.testing.assert_close(compiled(x, TASK), network(x, TASK), rtol=0, atol=0)
