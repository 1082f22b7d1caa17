"""Matrix products against torch's own in float64; bits for any threads and rows."""

import ctypes
import mmap
import sys

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from mne_eegmamba.ops import conv1d, grouped_linear, linear
from mne_eegmamba.ops.dense import numba_dense, torch_dense
from tests.tolerances import assert_near

BACKENDS = ["numba", "torch", "reference"]


def normal(*shapes, dtype=torch.float32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randn(s, generator=generator, dtype=torch.float64)
        .to(dtype)
        .requires_grad_()
        for s in shapes
    ]


def weighted_sum(y):
    ramp = torch.linspace(-1, 2, y.numel(), dtype=torch.float64).view(y.shape)
    return (y * ramp.to(y.dtype)).sum()


def check(function, oracle, tensors):
    """Compare results and every gradient with an oracle in float64."""
    exact = [t.detach().double().requires_grad_() for t in tensors]
    want, got = oracle(*exact), function(*tensors)
    assert got.dtype == tensors[0].dtype
    assert got.shape == want.shape
    assert_near(got, want)
    expected = torch.autograd.grad(weighted_sum(want), exact)
    actual = torch.autograd.grad(weighted_sum(got), tensors)
    for a, e in zip(actual, expected, strict=True):
        assert a.shape == e.shape
        assert_near(a, e)


def torchs_conv1d(x, weight, bias=None, stride=1):
    y = F.conv1d(x.transpose(1, 2), weight.transpose(1, 2), bias, stride)
    return y.transpose(1, 2)


def torchs_groups(rows, weight, bias, counts):
    parts = zip(rows.split(counts), weight, bias, strict=True)
    return torch.cat([F.linear(*part) for part in parts])


@pytest.mark.parametrize("backend", BACKENDS)
@settings(deadline=None, max_examples=40)
@given(
    batch=st.integers(1, 4),
    channels=st.integers(1, 20),
    out=st.integers(1, 50),
    kernel=st.integers(1, 9),
    stride=st.integers(1, 8),
    extra=st.integers(0, 120),
    biased=st.booleans(),
)
def test_conv1d(backend, batch, channels, out, kernel, stride, extra, biased):
    shapes = [(batch, kernel + extra, channels), (out, kernel, channels), (out,)]
    check(
        lambda *t: conv1d(*t, stride=stride, backend=backend),
        lambda *t: torchs_conv1d(*t, stride=stride),
        normal(*shapes[: 2 + biased]),
    )


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("shape", "out", "kernel", "stride"),
    [
        ((2, 700, 128), 128, 7, 1),
        ((3, 600, 1), 128, 17, 2),
        ((3, 600, 6), 128, 51, 8),
        ((1, 193, 64), 40, 7, 1),
    ],
)
def test_conv1d_as_in_the_network(backend, shape, out, kernel, stride):
    check(
        lambda *t: conv1d(*t, stride=stride, backend=backend),
        lambda *t: torchs_conv1d(*t, stride=stride),
        normal(shape, (out, kernel, shape[2]), (out,)),
    )


@pytest.mark.parametrize("n_channels", [1, 20])
def test_conv1d_as_on_a_card_stays_channels_last(n_channels):
    tensors = normal((3, 90, n_channels), (16, 9, n_channels), (16,))

    def as_on_a_card(x, weight, bias):
        return torch_dense.convolve_images(x.mT, weight.mT, bias, stride=2)

    check(as_on_a_card, lambda *t: torchs_conv1d(*t, stride=2), tensors)
    assert as_on_a_card(*tensors).is_contiguous()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("rows", [1, 3, 11, 12, 13, 95, 97, 191, 193, 1000])
@pytest.mark.parametrize(("d_in", "d_out"), [(1, 1), (8, 256), (128, 40), (33, 65)])
def test_linear(backend, rows, d_in, d_out):
    check(
        lambda *t: linear(*t, backend=backend),
        F.linear,
        normal((rows, d_in), (d_out, d_in), (d_out,)),
    )


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "counts", [[5], [3, 0, 5], [100, 700, 1], [0, 0, 0, 9], [0, 1, 0], [300, 200, 250]]
)
@pytest.mark.parametrize(("d_in", "d_out"), [(5, 3), (64, 130)])
def test_grouped_linear(backend, counts, d_in, d_out):
    n = len(counts)
    check(
        lambda *t: grouped_linear(*t, counts, backend),
        lambda *t: torchs_groups(*t, counts),
        normal((sum(counts), d_in), (n, d_out, d_in), (n, d_out)),
    )


@pytest.mark.parametrize("backend", BACKENDS)
def test_counts_in_a_tensor(backend):
    tensors = normal((9, 5), (3, 4, 5), (3, 4))
    counts = torch.tensor([2, 0, 7])
    y = grouped_linear(*tensors, counts, backend)
    assert torch.equal(y, grouped_linear(*tensors, [2, 0, 7], backend))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("frozen", range(3))
def test_gradient_of_a_few(backend, frozen):
    tensors = normal((2, 12, 3), (4, 5, 3), (4,))
    tensors[frozen].requires_grad_(False)
    weighted_sum(conv1d(*tensors, backend=backend)).backward()
    want = [t.detach().double().requires_grad_() for t in tensors]
    weighted_sum(torchs_conv1d(*want)).backward()
    assert tensors[frozen].grad is None
    for i in {0, 1, 2} - {frozen}:
        assert_near(tensors[i].grad, want[i].grad)


@pytest.mark.parametrize("backend", ["torch", "reference"])
@pytest.mark.parametrize("stride", [1, 3])
def test_gradcheck(backend, stride):
    tensors = normal((2, 12, 3), (4, 5, 3), (4,), dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda *t: conv1d(*t, stride=stride, backend=backend), tensors
    )
    tensors = normal((7, 3), (2, 4, 3), (2, 4), dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda *t: grouped_linear(*t, [3, 4], backend), tensors
    )


@pytest.mark.parametrize("budget", [1, 300])
def test_torch_unfolds_piece_by_piece(budget, monkeypatch):
    monkeypatch.setattr(torch_dense, "UNFOLD_BUDGET", budget)
    tensors = normal((4, 40, 3), (5, 7, 3), (5,), dtype=torch.float64)
    check(lambda *t: conv1d(*t, backend="torch"), torchs_conv1d, tensors)


CALLS = {
    "stride": (
        lambda *t: lambda b: conv1d(*t, stride=2, backend=b),
        [(32, 600, 32), (32, 15, 32), (32,)],
    ),
    "conv1d": (
        lambda *t: lambda b: conv1d(*t, backend=b),
        [(16, 40, 64), (64, 7, 64), (64,)],
    ),
    "linear": (lambda *t: lambda b: linear(*t, b), [(3000, 64), (128, 64), (128,)]),
    "groups": (
        lambda *t: lambda b: grouped_linear(*t, [1000, 0, 2000], b),
        [(3000, 64), (3, 128, 64), (3, 128)],
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_same_bits_for_any_threads(name, threads):
    make, shapes = CALLS[name]
    tensors = normal(*shapes)
    results = []
    for number in (1, 2, 5):
        threads(number)
        y = make(*tensors)("numba")
        results.append([y, *torch.autograd.grad(weighted_sum(y), tensors)])
    for other in results[1:]:
        assert all(map(torch.equal, results[0], other))


def test_a_row_has_the_same_bits_among_any_others():
    x, weight, bias = normal((1000, 128), (256, 128), (256,))
    whole = linear(x, weight, bias, "numba")
    for n in (1, 2, 5, 13, 200):
        assert torch.equal(
            linear(x[7 : 7 + n], weight, bias, "numba"), whole[7 : 7 + n]
        )
    groups = grouped_linear(
        x, torch.stack([weight] * 3), torch.stack([bias] * 3), [1, 0, 999], "numba"
    )
    assert torch.equal(groups, whole)


def before_a_wall(x):
    """Return a copy that ends where memory may not be touched any more."""
    pages = -(-x.numel() * 4 // mmap.PAGESIZE)
    memory = mmap.mmap(-1, (pages + 1) * mmap.PAGESIZE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    wall = ctypes.c_void_p(start + pages * mmap.PAGESIZE)
    assert ctypes.CDLL(None).mprotect(wall, mmap.PAGESIZE, 0) == 0
    offset = pages * mmap.PAGESIZE - 4 * x.numel()
    found = torch.frombuffer(
        memory, dtype=torch.float32, count=x.numel(), offset=offset
    )
    return found.view(x.shape).copy_(x)


@pytest.mark.skipif(sys.platform != "linux", reason="needs mprotect")
@pytest.mark.parametrize(("channels", "out", "kernel"), [(5, 16, 7), (3, 48, 1)])
def test_nothing_is_read_beyond_the_end(channels, out, kernel):
    x, weight, bias = (
        before_a_wall(t.detach())
        for t in normal((3, 50, channels), (out, kernel, channels), (out,))
    )
    y = numba_dense._conv1d(x, weight, bias, 1)
    want = torchs_conv1d(x.double(), weight.double(), bias.double())
    assert_near(y, want)
    gw = numba_dense._conv1d_weight(before_a_wall(y), x, kernel, 1)
    exact = weight.double().requires_grad_()
    (want,) = torch.autograd.grad(torchs_conv1d(x.double(), exact), exact, y.double())
    assert_near(gw, want)


def test_any_number_of_rows():
    weight, bias = normal((4, 5, 3), (4,))
    y = conv1d(torch.ones(0, 9, 3), weight, bias, backend="numba")
    assert y.shape == (0, 5, 4)
    found = torch.autograd.grad(y.sum(), [weight, bias])
    assert not any(g.any() for g in found)
    rows = torch.ones(0, 3, requires_grad=True)
    matrices, biases = normal((2, 4, 3), (2, 4))
    y = grouped_linear(rows, matrices, biases, [0, 0], "numba")
    found = torch.autograd.grad(y.sum(), [rows, matrices, biases])
    assert y.shape == (0, 4)
    assert not any(g.any() for g in found)


@pytest.mark.parametrize("frozen", range(3))
def test_grouped_gradient_of_a_few(frozen):
    tensors = normal((9, 3), (2, 4, 3), (2, 4))
    tensors[frozen].requires_grad_(False)
    kept = [t for t in tensors if t.requires_grad]
    actual = torch.autograd.grad(
        weighted_sum(grouped_linear(*tensors, [4, 5], "numba")), kept
    )
    exact = [t.detach().double().requires_grad_() for t in tensors]
    expected = torch.autograd.grad(
        weighted_sum(torchs_groups(*exact, [4, 5])),
        [e for i, e in enumerate(exact) if i != frozen],
    )
    for a, e in zip(actual, expected, strict=True):
        assert_near(a, e)


@pytest.mark.parametrize("backend", BACKENDS)
def test_groups_without_bias(backend):
    check(
        lambda *t: grouped_linear(*t, None, [4, 5], backend),
        lambda x, w: torchs_groups(x, w, [None] * 2, [4, 5]),
        normal((9, 3), (2, 4, 3)),
    )


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "view",
    [
        lambda x: x.transpose(0, 1),
        lambda x: x[::2, 1:],
        lambda x: x[:1].expand(5, -1, -1),
    ],
)
def test_gradients_of_views(backend, view):
    check(
        lambda x, w: conv1d(view(x), w, backend=backend),
        lambda x, w: torchs_conv1d(view(x), w),
        normal((9, 20, 4), (6, 3, 4)),
    )
    check(
        lambda x, w: linear(view(x)[..., 1:3], w, backend=backend),
        lambda x, w: F.linear(view(x)[..., 1:3], w),
        normal((9, 20, 4), (6, 2)),
    )


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision(dtype):
    x, weight = normal((30, 64), (32, 64), dtype=dtype)
    y = linear(x, weight, backend="numba")
    gradients = torch.autograd.grad(y.float().sum(), [x, weight])
    exact = [t.detach().double().requires_grad_() for t in (x, weight)]
    want = F.linear(*exact)
    expected = torch.autograd.grad(want.sum(), exact)
    pairs = zip((y.detach(), *gradients), (want.detach(), *expected), strict=True)
    for a, e in pairs:
        assert a.dtype == dtype
        step = torch.finfo(dtype).eps
        size = float(e.abs().max())
        torch.testing.assert_close(a.double(), e, rtol=step, atol=step * size)


def test_autocast_leaves_the_choice_to_torch():
    x, weight = normal((9, 64), (32, 64))
    with torch.autocast("cpu", torch.bfloat16):
        assert linear(x, weight).dtype == torch.bfloat16
        exact = linear(x.bfloat16(), weight, backend="numba")
    want = F.linear(x.bfloat16().float(), weight)
    torch.testing.assert_close(exact, want.bfloat16(), rtol=2**-8, atol=1e-6)


def test_opcheck():
    tests = ("test_schema", "test_autograd_registration", "test_faketensor")
    operands = (*normal((2, 30, 3), (16, 4, 3), (16,)), 2)
    torch.library.opcheck(numba_dense._conv1d, operands, test_utils=tests)
    operands = (*normal((7, 3), (2, 16, 3), (2, 16)), [3, 4])
    torch.library.opcheck(numba_dense._grouped, operands, test_utils=tests)


def test_compile_and_export():
    x, weight, bias = (t.detach() for t in normal((2, 30, 3), (16, 4, 3), (16,)))

    class Module(torch.nn.Module):
        def forward(self, x):
            y = conv1d(x, weight, bias, 2)
            return linear(y, weight[:, 0, :1].expand(16, 16))

    module = Module()
    want = module(x)
    exported = torch.export.export(module, (x,)).module()
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    for function in (exported, compiled):
        torch.testing.assert_close(function(x), want)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (
            lambda: conv1d(torch.ones(2, 3), torch.ones(1, 1, 3)),
            "x must have the shape",
        ),
        (
            lambda: conv1d(torch.ones(2, 9, 3), torch.ones(4, 2, 5)),
            r"\(channels_out, kernel, 3\).*Got \(4, 2, 5\)",
        ),
        (
            lambda: conv1d(torch.ones(2, 5, 3), torch.ones(4, 7, 3)),
            "at least 7 samples.*Got 5",
        ),
        (
            lambda: conv1d(torch.ones(2, 9, 3), torch.ones(4, 2, 3), torch.ones(3)),
            r"bias must have the shape \(4,\).*Got \(3,\)",
        ),
        (lambda: linear(torch.ones(2, 5), torch.ones(4, 7)), r"\(d_out, 5\).*\(4, 7\)"),
        (
            lambda: grouped_linear(
                torch.ones(5, 3), torch.ones(2, 4, 6), torch.ones(2, 4), [2, 3]
            ),
            "rows must have the shape",
        ),
        (
            lambda: grouped_linear(
                torch.ones(5, 3), torch.ones(2, 4, 3), torch.ones(2, 4), [2, 2]
            ),
            r"2 numbers, none negative, with the sum 5. Got \[2, 2\]",
        ),
        (
            lambda: grouped_linear(
                torch.ones(9, 3), torch.ones(2, 4, 3), torch.ones(2, 4), [-1, 10]
            ),
            r"none negative, with the sum 9. Got \[-1, 10\]",
        ),
        (
            lambda: grouped_linear(
                torch.ones(9, 3), torch.ones(2, 4, 3), None, torch.tensor([4, 6])
            ),
            r"none negative, with the sum 9. Got \[4, 6\]",
        ),
        (
            lambda: grouped_linear(
                torch.ones(9, 3), torch.ones(2, 4, 3), None, torch.tensor([4.0, 5])
            ),
            r"an int64 tensor of shape \(2,\). Got shape \(2,\) and torch.float32",
        ),
        (
            lambda: grouped_linear(
                torch.ones(9, 3),
                torch.ones(2, 4, 3),
                None,
                torch.zeros(2, dtype=torch.int64, device="meta"),
            ),
            "one device. Got tensors on cpu and meta",
        ),
        (
            lambda: grouped_linear(torch.ones(0, 3), torch.ones(0, 4, 3), None, []),
            "counts must have 1 numbers",
        ),
        (
            lambda: conv1d(torch.ones(2, 9, 3), torch.ones(4, 2, 3), stride=0),
            "stride must be at least 1. Got 0",
        ),
        (
            lambda: linear(torch.ones(2, 5), torch.ones(4, 5, device="meta")),
            r"one device. Got tensors on cpu and meta; move them",
        ),
        (
            lambda: linear(torch.ones(2, 5), torch.ones(4, 5), backend="x"),
            "backend must",
        ),
    ],
)
def test_what_does_not_fit_is_refused(call, match):
    with pytest.raises(ValueError, match=match):
        call()


def test_numba_refuses_float64():
    x, weight = normal((3, 4), (5, 4), dtype=torch.float64)
    with pytest.raises(RuntimeError, match="computes in float32"):
        linear(x, weight, backend="numba")
