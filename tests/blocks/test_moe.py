"""The mixture of experts against every expert computed for every token (Eq. 8-11)."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch._subclasses.fake_tensor import FakeTensorMode

from mne_eegmamba.blocks.moe import USAGE_MOMENTUM, Experts, Gate, MoE
from mne_eegmamba.models import EEGMambaConfig
from tests.tolerances import assert_near

D = 12
ABLATIONS = [
    {},
    {"top_k": 3},
    {"top_k": 5},
    {"task_gate": False},
    {"universal_expert": False},
    {"universal_expert": False, "top_k": 4},
    {"moe_residual": False},
    {"moe_residual": False, "task_gate": False, "universal_expert": False},
]


def config(n_tasks=1, **options):
    tasks = dict.fromkeys("abcd"[:n_tasks], 2)
    sizes = {"d_model": D, "n_experts": 5} | options
    return EEGMambaConfig(tasks, tasks, **sizes)


def mixture(n_tasks=1, batch=3, n_tokens=7, **options):
    """Give a mixture in evaluation, tokens and a task token, in float64."""
    chosen = config(n_tasks, **options)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        moe = MoE(chosen).double().eval()
        with torch.no_grad():
            for parameter in moe.norm.parameters():
                parameter.add_(0.3 * torch.randn_like(parameter))
        tokens = torch.randn(batch, n_tokens, D).double().requires_grad_()
        task = torch.randn(D).double().requires_grad_()
    return moe, tokens, task if chosen.task_gate else None


def expert(experts, which, x):
    """Write Fig. 10 out: linear, GELU, linear."""
    hidden = x @ experts.weight1[which].t() + experts.bias1[which]
    hidden = 0.5 * hidden * (1 + torch.erf(hidden / 2**0.5))
    return hidden @ experts.weight2[which].t() + experts.bias2[which]


def gate_logits(layer, x, task):
    if task is not None:
        x = torch.cat([x, task.expand_as(x)], dim=-1)
    return x @ layer.weight.t() + layer.bias


def dense(moe, tokens, task, residual=True, noise=0.0):
    """Compute every expert for every token, and weigh; give logits and weights too."""
    x = tokens
    if residual:
        x = F.layer_norm(x, (D,), moe.norm.weight, moe.norm.bias)
    logits = gate_logits(moe.gate.logits, x, task)
    noisy = logits + noise * F.softplus(gate_logits(moe.gate.noise, x, task))
    k, n_experts = moe.gate.top_k, noisy.shape[-1]
    least = noisy.sort(-1, descending=True).values[..., k - 1 : k]
    weights = noisy.masked_fill(noisy < least, -torch.inf).softmax(-1)
    outs = torch.stack([expert(moe.experts, i, x) for i in range(n_experts)], -1)
    out = (outs * weights.unsqueeze(-2)).sum(-1)
    if moe.universal is not None:
        share = 1 - weights.max(-1, keepdim=True).values
        out = out + share * expert(moe.universal, 0, x)
    return tokens + out if residual else out, logits, weights


def gradients(out, moe, *inputs):
    ramp = torch.linspace(-1, 2, out.numel(), dtype=torch.float64).view(out.shape)
    wanted = [t for t in (*inputs, *moe.parameters()) if t is not None]
    return torch.autograd.grad(
        (out * ramp).sum(), wanted, retain_graph=True, materialize_grads=True
    )


def assert_same_gradients(actual, expected):
    for a, e in zip(actual, expected, strict=True):
        assert_near(a, e)


def silence(moe):
    """Take the gate's noise away."""
    with torch.no_grad():
        moe.gate.noise.weight.zero_()
        moe.gate.noise.bias.fill_(-1e4)


def prefer(moe, *experts):
    """Make all tokens choose these experts."""
    with torch.no_grad():
        moe.gate.logits.bias[list(experts)] += 1e3


@pytest.mark.parametrize("options", ABLATIONS, ids=str)
@pytest.mark.parametrize("n_tokens", [1, 7, 50])
def test_is_the_dense_mixture(options, n_tokens):
    moe, tokens, task = mixture(n_tokens=n_tokens, **options)
    residual = options.get("moe_residual", True)
    got, auxiliary = moe(tokens, task, 0)
    want, logits, weights = dense(moe, tokens, task, residual)
    assert_near(got, want)
    assert_near(moe.weigh(tokens, task), weights)
    assert_near(auxiliary.router_z, torch.logsumexp(logits, -1).square().mean())
    actual, expected = (gradients(out, moe, tokens, task) for out in (got, want))
    assert_same_gradients(actual, expected)


def test_dispatch_waits_for_no_number():
    moe, *_ = mixture()
    with FakeTensorMode(allow_non_fake_inputs=True):  # there are no numbers to wait for
        rows = torch.empty(21, D).requires_grad_()
        weights, experts = torch.empty(21, 2), torch.empty(21, 2, dtype=torch.int64)
        moe.experts.forward = lambda rows, counts: rows * counts.sum()
        moe._dispatch(rows, weights, experts).sum().backward()
    assert rows.grad.shape == rows.shape


@pytest.mark.parametrize("statistics", ["running", "batch"])
def test_balance_waits_for_no_number(statistics):
    moe, *_ = mixture(3, balance_statistics=statistics)
    moe.train()
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        moe.usage = mode.from_tensor(moe.usage)
        weights = torch.rand(21, 2, dtype=torch.float64).requires_grad_()
        experts = torch.zeros(21, 2, dtype=torch.int64)
        moe._balance(weights, experts, 1).backward()
    assert weights.grad.shape == weights.shape


def test_noise_is_that_of_equation_8():
    moe, tokens, task = mixture(n_tokens=9)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(5)
        got, auxiliary = moe.train()(tokens, task, 0)
        torch.default_generator.manual_seed(5)
        noise = torch.randn(3 * 9, 5, dtype=torch.float64).view(3, 9, 5)
    want, logits, _ = dense(moe, tokens, task, noise=noise)
    assert_near(got, want)
    # the router loss is on the logits before the noise
    assert_near(auxiliary.router_z, torch.logsumexp(logits, -1).square().mean())
    actual, expected = (gradients(out, moe, tokens, task) for out in (got, want))
    assert_same_gradients(actual, expected)
    got.square().sum().backward()
    assert moe.gate.noise.weight.grad.any()


def test_noise_in_training_only():
    moe, tokens, task = mixture()
    with torch.random.fork_rng(devices=[]):
        results = {}
        for training in (True, False):
            moe.train(training)
            for seed in (1, 2):
                torch.default_generator.manual_seed(seed)
                results[training, seed] = moe(tokens, task, 0)[0]
        before = torch.get_rng_state()
        moe(tokens, task, 0)
        moe.weigh(tokens, task)
        assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(results[False, 1], results[False, 2])
    assert not torch.equal(results[True, 1], results[True, 2])
    assert not torch.equal(results[True, 1], results[False, 1])


@pytest.mark.parametrize("training", [True, False])
def test_only_chosen_experts_are_computed(training):
    moe, tokens, task = mixture()
    silence(moe)
    with torch.no_grad():
        for parameter in moe.experts.parameters():
            parameter[3] = torch.nan
        moe.gate.logits.bias[3] = -1e3
    out, _ = moe.train(training)(tokens, task, 0)
    assert torch.isfinite(out).all()
    out.square().sum().backward()
    assert torch.isfinite(tokens.grad).all()
    for parameter in (*moe.experts.parameters(), *moe.gate.logits.parameters()):
        assert torch.isfinite(parameter.grad).all()
    assert all(not p.grad[3].any() for p in moe.experts.parameters())
    with torch.no_grad():
        moe.gate.logits.bias[3] = 1e3
    assert torch.isnan(moe(tokens, task, 0)[0]).all()


def test_no_token_is_dropped_when_all_choose_the_same_experts():
    moe, tokens, task = mixture(batch=11, n_tokens=40)
    prefer(moe, 1, 4)
    weights = moe.weigh(tokens, task)
    assert (weights[..., [1, 4]] > 0).all()
    assert not weights[..., [0, 2, 3]].any()
    out = moe(tokens, task, 0)[0]
    assert_near(out, dense(moe, tokens, task)[0])
    assert ((out - tokens).abs().amax(-1) > 0).all()


@pytest.mark.parametrize("top_k", [2, 3, 5])
def test_weights_of_a_token(top_k):
    moe, tokens, task = mixture(top_k=top_k)
    weights = moe.weigh(tokens, task)
    assert weights.shape == (3, 7, 5)
    assert ((weights > 0).sum(-1) == top_k).all()
    assert_near(weights.sum(-1), torch.ones(3, 7))


def test_tokens_do_not_see_each_other():
    moe, tokens, task = mixture()
    whole = moe(tokens, task, 0)[0]
    alone = [moe(tokens[i : i + 1, j : j + 1], task, 0)[0] for i, j in [(0, 0), (2, 5)]]
    assert_near(alone[0][0, 0], whole[0, 0])
    assert_near(alone[1][0, 0], whole[2, 5])
    (gradient,) = torch.autograd.grad(whole[1, 2].sum(), tokens)
    assert gradient[1, 2].any()
    assert int(gradient.abs().amax(-1).count_nonzero()) == 1


def test_gate_sees_token_and_task():
    _, tokens, task = mixture()
    gate = Gate(config()).double().eval()
    rows = tokens.flatten(0, 1)
    weights, experts, logits = gate(rows, task)
    want = gate.logits(torch.cat([rows, task.expand(len(rows), -1)], dim=-1))
    assert_near(logits, want)
    best = want.topk(2)
    assert torch.equal(experts, best.indices)
    assert_near(weights, best.values.softmax(-1))


def test_task_token_decides_with_the_tokens():
    moe, tokens, task = mixture()
    first, second = (moe.weigh(tokens, t) for t in (task, -task))
    assert (first - second).abs().max() > 0.01
    (gradient,) = torch.autograd.grad(moe(tokens, task, 0)[0].square().sum(), task)
    assert gradient.any()


def test_gate_without_the_task():
    moe, _, task = mixture(task_gate=False)
    assert task is None
    assert moe.gate.logits.in_features == moe.gate.noise.in_features == D


def test_universal_expert_gets_what_the_strongest_leaves():
    moe, tokens, task = mixture(moe_residual=False)
    with torch.no_grad():
        for parameter in moe.experts.parameters():
            parameter.zero_()
    out, _ = moe(tokens, task, 0)
    share = 1 - moe.weigh(tokens, task).amax(-1, keepdim=True)
    assert (share > 0).all()
    assert (share <= 0.5).all()
    assert_near(out, share * expert(moe.universal, 0, tokens))
    moe, tokens, task = mixture(universal_expert=False)
    assert moe.universal is None


def test_experts_initially_are_like_torchs_linear_layers():
    experts = Experts(8, 64)
    shapes = {name: tuple(p.shape) for name, p in experts.named_parameters()}
    assert shapes == {
        "weight1": (8, 128, 64),
        "bias1": (8, 128),
        "weight2": (8, 64, 128),
        "bias2": (8, 64),
    }
    for inputs, names in [(64, ("weight1", "bias1")), (128, ("weight2", "bias2"))]:
        for name in names:
            parameter = getattr(experts, name)
            assert 0.95 * inputs**-0.5 < parameter.abs().max() <= inputs**-0.5
    assert not torch.equal(experts.weight1[0], experts.weight1[1])


@pytest.mark.parametrize("options", ABLATIONS, ids=str)
def test_balance_of_the_batch(options):
    moe, tokens, task = mixture(balance_statistics="batch", **options)
    for training in (False, True):
        silence(moe)
        balance = moe.train(training)(tokens, task, 0)[1].balance
        weights = dense(moe, tokens, task, options.get("moe_residual", True))[2]
        summed = weights.detach().sum((0, 1)).numpy()
        np.testing.assert_allclose(balance.item(), np.std(summed) / np.mean(summed))
    assert not moe.usage.any()


def test_balance_gradient():
    moe, tokens, task = mixture(balance_statistics="batch")
    got = moe(tokens, task, 0)[1].balance
    summed = dense(moe, tokens, task)[2].sum((0, 1))
    want = (summed - summed.mean()).square().mean().sqrt() / summed.mean()
    wanted = [tokens, task, moe.gate.logits.weight, moe.gate.logits.bias]
    both = [torch.autograd.grad(y, wanted) for y in (got, want)]
    for actual, expected in zip(*both, strict=True):
        assert_near(actual, expected)
        assert actual.any()


def specialised(n_tasks=2, **options):
    """Give a mixture whose task number t uses experts 2t and 2t + 1 alike."""
    moe, tokens, _ = mixture(n_tasks, n_experts=2 * n_tasks, **options)
    silence(moe)
    task_tokens = torch.eye(n_tasks, D, dtype=torch.float64)
    with torch.no_grad():
        moe.gate.logits.weight.zero_()
        moe.gate.logits.bias.zero_()
        for task in range(n_tasks):
            moe.gate.logits.weight[2 * task : 2 * task + 2, D + task] = 9.0
    return moe, tokens, task_tokens


def balances(moe, tokens, task_tokens, tasks):
    return [moe(tokens, task_tokens[t], t)[1].balance.item() for t in tasks]


def test_task_with_its_own_experts_is_not_punished():
    moe, tokens, task_tokens = specialised(balance_statistics="running")
    first, *later = balances(moe.train(), tokens, task_tokens, [0, 1, 0, 0, 1])
    assert first == pytest.approx(1)  # nothing is known of the other task yet
    np.testing.assert_allclose(later, 0, atol=1e-6)


def test_task_with_its_own_experts_is_punished_by_the_batchs_balance():
    moe, tokens, task_tokens = specialised(balance_statistics="batch")
    got = balances(moe.train(), tokens, task_tokens, [0, 1, 0, 0, 1])
    np.testing.assert_allclose(got, 1)


def test_running_balance_weighs_all_known_tasks_alike():
    moe, tokens, task_tokens = specialised(3, balance_statistics="running")
    got = balances(moe.train(), tokens, task_tokens, [2, 0, 2, 1, 1])
    # experts in use, out of 6, always evenly: 2, 4, 4, 6, 6
    want = [2**0.5, 0.5**0.5, 0.5**0.5, 0, 0]
    np.testing.assert_allclose(got, want, atol=1e-6)


def test_running_balance_ignores_how_large_batches_are():
    moe, tokens, task_tokens = specialised(balance_statistics="running")
    moe.train()
    balances(moe, tokens[:1, :1], task_tokens, [0])
    (got,) = balances(moe, tokens, task_tokens, [1])
    assert got == pytest.approx(0, abs=1e-6)


def test_gradient_at_perfect_balance_is_finite():
    moe, tokens, task_tokens = specialised(balance_statistics="running")
    balances(moe.train(), tokens, task_tokens, [0])
    moe(tokens, task_tokens[1], 1)[1].balance.backward()
    gate = moe.gate.logits
    assert torch.isfinite(gate.weight.grad).all()
    assert torch.isfinite(gate.bias.grad).all()


def test_usage_is_a_running_mean_per_task():
    moe, tokens, task = mixture(3)
    silence(moe)
    moe.train()
    shares = []
    for scale in (1.0, -2.0, 0.3):
        x = (scale * tokens).detach()
        shares.append(moe.weigh(x, task).mean((0, 1)).detach())
        moe(x, task, 1)
    keep = USAGE_MOMENTUM
    want = keep * (keep * shares[0] + (1 - keep) * shares[1]) + (1 - keep) * shares[2]
    assert_near(moe.usage[1], want)
    assert not moe.usage[[0, 2]].any()
    assert not moe.usage.requires_grad


def test_usage_changes_in_training_only():
    moe, tokens, task = mixture(2)
    for call in (moe.weigh, lambda *args: moe(*args, 0)):
        call(tokens, task)
        assert not moe.usage.any()
    moe.train().weigh(tokens, task)
    assert not moe.usage.any()
    moe(tokens, task, 0)
    assert_near(moe.usage.sum(1), torch.tensor([1.0, 0.0]))
    before = moe.usage.clone()
    moe.eval()(-tokens, task, 0)
    assert torch.equal(moe.usage, before)


def test_evaluation_judges_the_batch_with_the_other_tasks():
    moe, tokens, task_tokens = specialised(balance_statistics="running")
    balances(moe.train(), tokens, task_tokens, [0, 1])
    got = balances(moe.eval(), tokens, task_tokens, [0, 1])
    np.testing.assert_allclose(got, 0, atol=1e-6)


def test_usage_is_saved_and_no_parameter():
    moe, tokens, task = mixture(2)
    moe.train()(tokens, task, 1)
    other = mixture(2)[0]
    other.load_state_dict(moe.state_dict())
    assert torch.equal(other.usage, moe.usage)
    assert moe.usage[1].any()
    assert "usage" not in dict(moe.named_parameters())


@pytest.mark.parametrize("moe_residual", [True, False])
def test_gate_is_exact_in_bfloat16(moe_residual):
    moe, tokens, task = mixture(moe_residual=moe_residual)
    exact = copy.deepcopy(moe)
    moe.float()
    tokens, task = tokens.detach().float(), task.detach().float()
    with torch.autocast("cpu", torch.bfloat16):
        out, auxiliary = moe(tokens, task, 0)
        weights = moe.weigh(tokens, task)
        half = moe.weigh(tokens.bfloat16(), task)
    want, judged = exact(tokens.double(), task.double(), 0)
    assert weights.dtype == half.dtype == torch.float32
    assert auxiliary.balance.dtype == auxiliary.router_z.dtype == torch.float32
    assert_near(weights, exact.weigh(tokens.double(), task.double()))
    assert_near(auxiliary.router_z, judged.router_z)
    # bfloat16 has eight bits: 0.4 % per product
    torch.testing.assert_close(out.double(), want, rtol=0.02, atol=0.02)


@pytest.mark.parametrize("n_rows", [1, 2, 63, 64, 65, 300])
def test_expert_gives_the_same_bits_for_any_number_of_rows(n_rows):
    experts = Experts(1, 128).eval()
    rows = torch.randn(300, 128, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        whole = experts(rows, [300])
        assert torch.equal(experts(rows[:n_rows], [n_rows]), whole[:n_rows])
