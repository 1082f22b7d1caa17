"""What autocast converts on a GPU: each signal once, whoever reads it."""

from collections import Counter

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from mne_eegmamba.blocks.bimamba import BiMambaBlock
from mne_eegmamba.blocks.encoder import Encoder
from mne_eegmamba.blocks.moe import MoE
from mne_eegmamba.models import EEGMamba, EEGMambaConfig
from mne_eegmamba.tokens.spatial import PADDING, SpatialConv
from mne_eegmamba.tokens.tokenizer import Tokenizer
from mne_eegmamba.utils.layers import for_products

BATCH, TOKENS, WIDTH = 3, 11, 20
CONFIG = EEGMambaConfig(
    {"a": 2}, {"a": 2}, d_model=WIDTH, d_state=4, n_experts=4, backend="torch"
)


class Conversions(TorchDispatchMode):
    """Count what is converted, by dtype and shape."""

    def __init__(self):
        super().__init__()
        self.count = Counter()

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        made = function(*arguments, **(options or {}))
        if function is torch.ops.aten._to_copy.default:
            self.count[made.dtype, tuple(made.shape)] += 1
        return made


@pytest.fixture
def elsewhere(monkeypatch):
    """Let tensors say that they are not on a CPU."""
    monkeypatch.setattr(torch.Tensor, "is_cpu", property(lambda self: False))


def conversions(function, *arguments):
    with Conversions() as found, torch.autocast("cpu", torch.bfloat16):
        function(*arguments)
    return found.count


def tokens(dtype=torch.float32):
    return torch.randn(BATCH, TOKENS, WIDTH, dtype=dtype, requires_grad=True)


@pytest.mark.usefixtures("elsewhere")
def test_for_products_converts_float32_under_autocast():
    x = torch.linspace(-1, 1, 7, requires_grad=True)
    assert for_products(x) is x
    with torch.autocast("cpu", torch.bfloat16):
        half = for_products(x)
        assert for_products(half) is half
        double = x.double()
        assert for_products(double) is double
    assert torch.equal(half, x.bfloat16())
    (g,) = torch.autograd.grad(half.sum(), x)
    assert torch.equal(g, torch.ones_like(x))


@pytest.mark.usefixtures("elsewhere")
def test_a_block_converts_its_tokens_once():
    found = conversions(BiMambaBlock(CONFIG), tokens())
    assert found[torch.bfloat16, (BATCH, TOKENS, WIDTH)] == 1


@pytest.mark.usefixtures("elsewhere")
def test_a_mixture_converts_rows_before_it_takes_them():
    mixture, seen = MoE(CONFIG), []
    for experts in (mixture.experts, mixture.universal):
        experts.register_forward_pre_hook(lambda _, given: seen.append(given[0].dtype))
    found = conversions(mixture, tokens(), torch.zeros(WIDTH), 0)
    assert seen == [torch.bfloat16, torch.bfloat16]
    assert found[torch.bfloat16, (BATCH * TOKENS, WIDTH)] == 1


@pytest.mark.usefixtures("elsewhere")
def test_the_tokenizer_converts_epochs_once():
    n_times, spatial = 307, SpatialConv(2, WIDTH)
    x = torch.randn(BATCH, 2, n_times)
    found = conversions(Tokenizer(CONFIG), x, "a", spatial)
    lengths = {n_times, n_times + 2 * PADDING}
    signals = [shape for _, shape in found.elements() if lengths & set(shape)]
    assert signals == [x.shape]


def test_joined_tokens_are_not_converted_apart():
    found = conversions(Encoder(CONFIG)._with_class_token, tokens(torch.bfloat16))
    assert not found


def test_on_a_cpu_inputs_are_left_to_the_backend():
    x = torch.randn(BATCH, 2, 300)
    with torch.autocast("cpu", torch.bfloat16):
        assert for_products(x) is x


@pytest.mark.parametrize("backend", ["auto", "torch", "reference"])
def test_float64_stays_float64_under_autocast(backend):
    config = EEGMambaConfig({"a": 2}, {"a": 2}, d_model=WIDTH, backend=backend)
    network = EEGMamba(config).double().eval()
    x = torch.randn(BATCH, 2, 300, dtype=torch.float64)
    want = network(x, "a")
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(network(x, "a"), want)
