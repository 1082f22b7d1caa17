"""The numba kernels against the references; threads, forks and torch.compile."""

import multiprocessing
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import torch
from joblib import Parallel, delayed
from numba import njit

from mne_eegmamba.ops import bidirectional_conv1d, bidirectional_scan, selective_scan
from mne_eegmamba.ops.conv import numba_conv
from mne_eegmamba.ops.cpu import simd, workers
from mne_eegmamba.ops.cpu.memory import parts
from mne_eegmamba.ops.cpu.words import read, take
from mne_eegmamba.ops.scan import numba_scan
from tests.tolerances import assert_near

NAMES = ("u", "delta", "A", "B", "C", "D", "delta_bias")


def make_scan(batch=2, length=7, channels=16, states=4, seed=0):
    """Return two ways and a gate."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=generator)

    def way():
        signal, maps = (batch, length, channels), (batch, length, states)
        rate = -normal(channels, states).abs() - 0.1
        steps = normal(*signal), rate, normal(*maps), normal(*maps)
        return (normal(*signal), *steps, normal(channels), normal(channels) - 1)

    tensors = [*way(), *way(), normal(batch, length, channels)]
    return [x.requires_grad_() for x in tensors]


def scan_both(tensors, backend, softplus=True):
    return bidirectional_scan(
        tuple(tensors[:7]), tuple(tensors[7:14]), tensors[14], softplus, backend
    )


def make_conv(batch=2, length=7, channels=16, kernel=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    filters = ((channels, kernel), (channels,))
    shapes = ((batch, length, channels), *filters, *filters)
    return [torch.randn(s, generator=generator).requires_grad_() for s in shapes]


def conv_both(tensors, backend):
    x, *filters = tensors
    return torch.stack(
        bidirectional_conv1d(x, filters[:2], filters[2:], backend=backend)
    )


def check_against_reference(function, tensors):
    """Compare outputs and every gradient with the reference in float64."""
    exact = [x.detach().double().requires_grad_() for x in tensors]
    want = function(exact, "reference")
    got = function(tensors, "numba")
    assert got.dtype == torch.float32
    assert_near(got, want)
    ramp = torch.linspace(-1, 2, want.numel(), dtype=torch.float64).view(want.shape)
    found = torch.autograd.grad((got * ramp.float()).sum(), tensors)
    expected = torch.autograd.grad((want * ramp).sum(), exact)
    for actual, gradient in zip(found, expected, strict=True):
        assert actual.shape == gradient.shape
        assert_near(actual, gradient)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("length", [1, 2, 31, 32, 33, 73, 129])
def test_scan_lengths(length, batch):
    check_against_reference(scan_both, make_scan(batch, length, seed=length))


@pytest.mark.parametrize("states", [1, 4, 5, 16])
@pytest.mark.parametrize("channels", [1, 5, 16, 40, 256])
def test_scan_widths(channels, states):
    check_against_reference(scan_both, make_scan(2, 35, channels, states))


@pytest.mark.parametrize("softplus", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("absent", [(), ("D",), ("delta_bias",), ("D", "delta_bias")])
def test_scan_of_one_direction(absent, reverse, softplus):
    full = dict(zip(NAMES, make_scan(length=40)[:7], strict=True))
    kept = [name for name in NAMES if name not in absent]

    def function(tensors, backend):
        way = dict(zip(kept, tensors, strict=True))
        if not softplus:
            way["delta"] = way["delta"].abs()
        return selective_scan(
            **way, delta_softplus=softplus, reverse=reverse, backend=backend
        )

    check_against_reference(function, [full[name] for name in kept])


@pytest.mark.parametrize("batch", [1, 3, 70])
@pytest.mark.parametrize(
    ("length", "kernel"), [(1, 4), (2, 4), (4, 4), (33, 3), (9, 1)]
)
@pytest.mark.parametrize("channels", [5, 48])
def test_conv_sizes(channels, length, kernel, batch):
    check_against_reference(conv_both, make_conv(batch, length, channels, kernel))


def test_views_of_larger_tensors():
    tensors = make_scan(length=40, channels=32)
    views = [x.detach() for x in tensors]
    maps = torch.cat([views[3], views[4]], -1).split(4, -1)
    wide = torch.cat([views[0], views[14]], -1).chunk(2, -1)
    views[3], views[4], views[0], views[14] = *maps, *wide
    views[1] = views[1].transpose(1, 2).contiguous().transpose(1, 2)
    views[2] = views[2].t().contiguous().t()
    views = [x.requires_grad_() for x in views]
    assert not any(views[i].is_contiguous() for i in (0, 1, 2, 3, 4, 14))
    check_against_reference(scan_both, views)
    x = torch.randn(2, 9, 64).chunk(2, -1)[1].requires_grad_()
    check_against_reference(conv_both, [x, *make_conv(channels=32)[1:]])


def test_inputs_stay_and_backward_repeats():
    tensors = make_scan(length=40)
    before = [x.detach().clone() for x in tensors]
    y = scan_both(tensors, "numba")
    first = torch.autograd.grad(y.sum(), tensors, retain_graph=True)
    second = torch.autograd.grad(y.sum(), tensors)
    assert all(map(torch.equal, first, second))
    assert all(map(torch.equal, tensors, before))


def test_same_bits_with_and_without_gradient():
    tensors = make_scan(length=40)
    with torch.inference_mode():
        plain = scan_both(tensors, "numba")
    assert torch.equal(plain, scan_both(tensors, "numba").detach())


@pytest.mark.parametrize("position", range(15))
def test_nan_reaches_the_result(position):
    tensors = [x.detach() for x in make_scan(length=9)]
    tensors[position].view(-1)[-1] = torch.nan
    assert scan_both(tensors, "numba").isnan().any()


def test_steps_beyond_float_range():
    one = torch.ones(1, 200, 16)
    rate = -torch.ones(16, 4)
    maps = one[..., :4] / 4
    y = selective_scan(one, 1e4 * one, rate, maps, maps, backend="numba")
    assert_near(y, 1e4 * one / 4)
    y = selective_scan(one, 10 * one, rate, maps, maps, backend="numba")
    a = np.exp(-10.0)
    want = 10 / 4 * (1 - a ** np.arange(1, 201)) / (1 - a)
    assert_near(y[0, :, 3], torch.from_numpy(want))


def test_many_small_steps_do_not_drift():
    generator = torch.Generator().manual_seed(0)
    steps = 1e-5 * (1 + torch.rand(1, 10_000, 1, generator=generator))
    maps = torch.zeros(1, 10_000, 4)
    maps[:, 0] = 1  # one drive at the start, which then decays
    one = torch.ones(1, 10_000, 16)
    y = selective_scan(
        one,
        steps.expand_as(one).contiguous(),
        -torch.ones(16, 4),
        maps,
        torch.ones_like(maps),
        backend="numba",
    )
    exact = 4 * steps[0, 0] * torch.exp(-steps[0, 1:].double().sum())
    # a decay rounds by 3e-8, at random: 1e4 of them add up to some 3e-6
    assert abs(y[0, -1, 0] / exact - 1) < 2e-5


@njit
def _apply(kind, x, y):
    for i in range(0, len(x), simd.WIDTH):
        value = simd.load(x.ctypes.data + 4 * i)
        if kind == 0:
            value = simd.exp2(value)
        elif kind == 1:
            value = simd.sigmoid(value)
        else:
            value = simd.softplus(value)
        simd.store(y.ctypes.data + 4 * i, value)


@pytest.mark.parametrize(
    ("kind", "exact", "low", "high"),
    [
        (0, np.exp2, -125, 125),
        (1, lambda x: 1 / (1 + np.exp(-x)), -80, 80),
        (2, lambda x: np.logaddexp(0, x), -80, 80),
    ],
)
def test_accuracy_of_functions(kind, exact, low, high):
    x = np.concatenate([np.linspace(low, high, 2**16), np.linspace(-1, 1, 2**16)])
    x = x.astype(np.float32)
    y = np.empty_like(x)
    _apply(kind, x, y)
    want = exact(x.astype(np.float64))
    # the argument of the exponential is itself rounded to 24 bits
    allowed = 4e-7 + np.abs(x) * (0 if kind == 0 else 2.0**-23)
    assert (np.abs(y / want - 1) <= allowed).all()


@pytest.mark.parametrize("batch", [1, 2, 5, 70])
def test_bits_do_not_depend_on_threads(batch):
    results = []
    before = torch.get_num_threads()
    for threads in (1, 2, 5):
        torch.set_num_threads(threads)
        try:
            found = []
            for make, function in ((make_scan, scan_both), (make_conv, conv_both)):
                tensors = make(batch, 50, channels=64)
                y = function(tensors, "numba")
                found += [y, *torch.autograd.grad((y * y).sum(), tensors)]
            results.append(found)
        finally:
            torch.set_num_threads(before)
    for other in results[1:]:
        assert all(map(torch.equal, results[0], other))


def _mark_items(words):
    """Raise the mark of each item by one."""
    n_items, marks = read(words, 1, 2)
    item = take(words)
    while item < n_items:
        take(marks + 8 * item)
        item = take(words)


@pytest.mark.parametrize("team", [True, False])
def test_workers_do_every_item_once(team, monkeypatch, threads):
    threads(3)
    if not team:
        monkeypatch.setattr(workers, "_team", lambda: None)
    for n_items in (1, 2, 3, 7, 64, 10_000):
        marks = np.zeros(n_items + 1, dtype=np.int64)
        workers.run(_mark_items, (n_items, marks.ctypes.data))
        assert marks.tolist() == [1] * n_items + [0]


@pytest.mark.skipif(
    sys.platform != "linux", reason="other systems have no GOMP_parallel"
)
def test_workers_join_the_team_of_torch():
    assert workers._team() is not None


def _fail(words):
    np.empty(2**62)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_kernel_that_fails_is_an_error():
    with pytest.raises(MemoryError, match="_fail got no memory"):
        workers.run(_fail, (1,))


def test_threads_end_before_an_error_leaves():
    caller, late = threading.get_ident(), []

    def function(argument):
        if threading.get_ident() == caller:
            raise ValueError("mine")
        time.sleep(0.1)
        late.append(argument)

    with pytest.raises(ValueError, match="mine"):
        workers.run_in_threads(function, "address", 3)
    assert late == ["address"] * 2


def test_threads_pass_errors_on():
    caller = threading.get_ident()

    def function(argument):
        if threading.get_ident() != caller:
            raise ValueError("theirs")

    with pytest.raises(ValueError, match="theirs"):
        workers.run_in_threads(function, "address", 2)


@pytest.mark.parametrize("batch", [0, 1, 63, 1000])
@pytest.mark.parametrize("tiles", [1, 3, 100])
def test_parts_are_at_least_one_and_never_empty(batch, tiles):
    batch_parts, tile_parts = parts(batch, tiles)
    assert 1 <= batch_parts <= max(1, batch)
    assert 1 <= tile_parts <= tiles


def _predict():
    torch.set_num_threads(2)
    tensors = [x.detach() for x in make_scan(4, 50, channels=64)]
    return scan_both(tensors, "numba").numpy()


def _predict_into(queue):
    queue.put(_predict())


@pytest.mark.usefixtures("threads")
def test_forked_child_predicts():
    want = _predict()  # workers have run here before the fork
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_predict_into, args=(queue,))
    child.start()
    got = queue.get(timeout=60)
    child.join(timeout=60)
    assert child.exitcode == 0
    np.testing.assert_array_equal(got, want)


@pytest.mark.usefixtures("threads")
def test_two_python_threads_at_once():
    want = _predict()
    found = []
    both = [
        threading.Thread(target=lambda: found.extend(_predict() for _ in range(20)))
        for _ in range(2)
    ]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join(timeout=120)
    assert len(found) == 40
    assert all(np.array_equal(got, want) for got in found)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_joblib(backend):
    found = Parallel(2, backend=backend)(delayed(_predict)() for _ in range(3))
    assert all(np.array_equal(got, _predict()) for got in found)


FIRST_CALLS = """
import torch
from mne_eegmamba.ops import bidirectional_conv1d, conv1d, selective_scan, show_backends
x, w = torch.ones(2, 9, 16), torch.ones(16, 4, 16)
way = torch.ones(16, 4), torch.ones(16)
def call(x):
    u = bidirectional_conv1d(conv1d(x, w, backend="numba"), way, way, "numba")[0]
    B = u[..., :4]
    return selective_scan(u, u, -torch.ones(16, 4), B, B, backend="numba")
"""
WAYS_OF_CALLING = {
    "autocast": "with torch.autocast('cpu', torch.bfloat16): y = call(x)",
    "export": """
class Module(torch.nn.Module):
    def forward(self, x):
        return call(x)
graph = torch.export.export(Module(), (x,)).graph
assert not [n for n in graph.nodes if "linspace" in str(n) or "allclose" in str(n)]
""",
    "default dtype": "torch.set_default_dtype(torch.float64); y = call(x)",
}


@pytest.mark.parametrize("way", WAYS_OF_CALLING)
def test_first_call_in_any_mode(way):
    end = """
torch.set_default_dtype(torch.float32)
assert show_backends().count("numba      chosen") == 5
assert torch.isfinite(call(x)).all()
"""
    code = FIRST_CALLS + WAYS_OF_CALLING[way] + end
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("default", [torch.float64, torch.float16])
def test_default_dtype_of_torch_changes_nothing(default):
    tensors, (x, *filters) = make_scan(length=40), make_conv()
    want = [scan_both(tensors, "numba"), conv_both([x, *filters], "numba")]
    want += torch.autograd.grad(want[0].sum(), tensors)
    torch.set_default_dtype(default)
    try:
        got = [scan_both(tensors, "numba"), conv_both([x, *filters], "numba")]
        got += torch.autograd.grad(got[0].sum(), tensors)
    finally:
        torch.set_default_dtype(torch.float32)
    assert all(map(torch.equal, got, want))


@pytest.mark.parametrize("reverse", [[False, True], [True]])
def test_operators_pass_opcheck(reverse):
    tests = ("test_schema", "test_autograd_registration", "test_faketensor")
    both = len(reverse) == 2
    *tensors, z = make_scan(2, 5)
    second = tensors[7:] if both else [None] * 7
    operands = (*tensors[:7], *second, z, reverse, True, True)
    torch.library.opcheck(numba_scan._scan, operands, test_utils=tests)
    x, w, b, w2, b2 = make_conv()
    filters = [w.t().contiguous(), w2.t().contiguous()]
    filters = [f.detach().requires_grad_() for f in filters]
    second = (filters[1], b2) if both else (None, None)
    operands = (x, filters[0], b, *second, reverse)
    torch.library.opcheck(numba_conv._conv, operands, test_utils=tests)


def test_compile_and_export():
    tensors = [x.detach() for x in make_scan(2, 9)]
    filters = [x.detach() for x in make_conv()[1:]]

    class Module(torch.nn.Module):
        def forward(self, x):
            y = bidirectional_conv1d(x, filters[:2], filters[2:])
            return scan_both([y[0], *tensors[1:7], y[1], *tensors[8:]], "auto")

    module = Module()
    want = module(tensors[0])
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    x = tensors[0].clone().requires_grad_()
    y = compiled(x)
    assert torch.equal(y, want)
    grad = torch.autograd.grad(y.sum(), x)[0]
    x2 = tensors[0].clone().requires_grad_()
    assert_near(grad, torch.autograd.grad(module(x2).sum(), x2)[0])
    exported = torch.export.export(module, (tensors[0],))
    assert torch.equal(exported.module()(tensors[0]), want)
    names = {str(node.target) for node in exported.graph.nodes}
    assert {"mne_eegmamba.scan.default", "mne_eegmamba.conv.default"} <= names


def test_autocast_computes_in_float32():
    tensors = [x.detach() for x in make_scan()]
    with torch.autocast("cpu", torch.bfloat16):
        got = scan_both(tensors, "auto")
    assert got.dtype == torch.float32
    assert torch.equal(got, scan_both(tensors, "numba"))
    operands = [x.detach().bfloat16() for x in make_conv()]
    with torch.autocast("cpu", torch.bfloat16):
        found = numba_conv._conv(
            operands[0], operands[1].t(), operands[2], None, None, [False]
        )
    assert found[0].dtype == torch.float32
