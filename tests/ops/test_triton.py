"""The Triton kernels against the references in float64.

Without a card the kernels run in Triton's interpreter, which takes milliseconds for a
step of time: so sizes are small.
"""

import pytest
import torch
import torch.nn.functional as F
from torch._subclasses.fake_tensor import FakeTensorMode

from mne_eegmamba.ops import (
    bidirectional_conv1d,
    bidirectional_scan,
    causal_conv1d,
    gelu_pool,
    grouped_linear,
    selective_scan,
)
from mne_eegmamba.ops.conv import triton_conv
from mne_eegmamba.ops.dense import triton_dense
from mne_eegmamba.ops.gpu import layout, support
from mne_eegmamba.ops.pool import triton_pool
from mne_eegmamba.ops.scan import triton_scan

NAMES = ("u", "delta", "A", "B", "C", "D", "delta_bias")
HALF = torch.bfloat16
# bfloat16 has 8 bits: the result is rounded to half of 2**-8, and of two directions the
# first to come is rounded as well
LIMITS = {torch.float32: 1e-4, HALF: 1e-2}


@pytest.fixture(autouse=True)
def no_zeros_by_luck(monkeypatch):
    """Fill memory with NaN, so that what is not written, or read too far, is seen."""

    def fill(make):
        def made(*args, **kwargs):
            x = make(*args, **kwargs)
            return x.fill_(float("nan")) if x.is_floating_point() else x

        return made

    monkeypatch.setattr(torch.Tensor, "new_empty", fill(torch.Tensor.new_empty))
    monkeypatch.setattr(torch, "empty_like", fill(torch.empty_like))


@pytest.fixture
def segments(monkeypatch):
    """Cut time into segments, or do not, whatever the size."""

    def choose(many):
        monkeypatch.setattr(layout, "FEWEST_PROGRAMS", 512 if many else 0)

    return choose


@pytest.fixture
def short_chunks(monkeypatch):
    """Make chunks and parts of 8 steps, so that short signals have several."""
    for module in (layout, triton_scan, triton_conv, triton_pool):
        monkeypatch.setattr(module, "STEPS", 8)


def normal(shapes, card, dtype=torch.float32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    made = [torch.randn(s, generator=generator).to(card, dtype) for s in shapes]
    return [x.requires_grad_() for x in made]


def make_scan(card, batch=1, length=9, channels=3, states=2, dtype=torch.float32):
    """Return two ways and a gate; parameters are float32."""
    signal, maps = (batch, length, channels), (batch, length, states)
    found = []
    for seed in (length, length + 1):
        u, delta, B, C = normal([signal, signal, maps, maps], card, dtype, seed)
        A, D, bias = normal([(channels, states), (channels,), (channels,)], card)
        A = (-A.detach().abs() - 0.1).requires_grad_()
        found += [u, delta, A, B, C, D, bias]
    return [*found, *normal([signal], card, dtype)]


def scan_both(tensors, backend):
    ways = tuple(tensors[:7]), tuple(tensors[7:14])
    return bidirectional_scan(*ways, tensors[14], backend=backend)


def assert_close(actual, expected, dtype=None):
    """Compare relative to the largest number."""
    expected = expected.detach().double()
    atol = LIMITS[dtype or actual.dtype] * max(1.0, float(expected.abs().max()))
    torch.testing.assert_close(actual.detach().double(), expected, rtol=0, atol=atol)


def check(function, tensors):
    """Compare results and every gradient with the reference."""
    exact = [x.detach().double().requires_grad_() for x in tensors]
    want, got = function(exact, "reference"), function(tensors, "triton")
    assert got.dtype == tensors[0].dtype
    assert_close(got, want)
    ramp = torch.linspace(-1, 2, want.numel(), device=want.device).view(want.shape)
    ramp = ramp.to(got.dtype)
    expected = torch.autograd.grad((want * ramp.double()).sum(), exact)
    found = torch.autograd.grad((got * ramp).sum(), tensors)
    for actual, gradient, tensor in zip(found, expected, tensors, strict=True):
        assert actual.shape == gradient.shape
        assert actual.dtype == tensor.dtype
        assert_close(actual, gradient, got.dtype)
    return got, found


@pytest.mark.usefixtures("short_chunks")
@pytest.mark.parametrize(
    ("length", "batch", "many"),
    [(1, 3, False), (2, 1, False), (73, 1, False), (73, 1, True), (129, 1, True)],
)
def test_scan_lengths(card, segments, length, batch, many):
    segments(many)
    size = layout.size_of(torch.empty(batch, length, 3))
    assert (size.segments > 1) == many
    check(scan_both, make_scan(card, batch, length))


@pytest.mark.usefixtures("short_chunks")
@pytest.mark.parametrize("dtype", [torch.float32, HALF])
@pytest.mark.parametrize(
    ("channels", "states", "many"), [(1, 1, True), (3, 2, True), (40, 3, False)]
)
def test_scan_widths_and_dtypes(card, segments, channels, states, dtype, many):
    segments(many)
    check(scan_both, make_scan(card, 1, 11, channels, states, dtype))


@pytest.mark.usefixtures("short_chunks")
@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    ("absent", "softplus"), [((), True), (("D", "delta_bias"), False), (("D",), True)]
)
def test_scan_of_one_direction(card, segments, absent, reverse, softplus, many):
    segments(many)
    full = dict(zip(NAMES, make_scan(card, length=11)[:7], strict=True))
    kept = [name for name in NAMES if name not in absent]

    def function(tensors, backend):
        way = dict(zip(kept, tensors, strict=True))
        if not softplus:
            way["delta"] = way["delta"].abs()
        options = {"delta_softplus": softplus, "reverse": reverse}
        return selective_scan(**way, **options, backend=backend)

    check(function, [full[name] for name in kept])


@pytest.mark.usefixtures("short_chunks")
def test_scan_of_views(card):
    u, delta, A, *_, z = make_scan(card, 2, 7)
    (projected,) = normal([(2, 7, 9)], card)

    def function(tensors, backend):
        u, delta, A, projected, z = tensors
        _, B, C = projected.split([5, 2, 2], dim=-1)
        late = delta.transpose(0, 1).contiguous().transpose(0, 1)
        wide = torch.cat([z, z], -1).chunk(2, -1)[0]
        turned = u.transpose(1, 2).contiguous().transpose(1, 2)
        way = turned, late, A.t().contiguous().t(), B, C, None, None
        return bidirectional_scan(way, way, wide, backend=backend)

    check(function, [u, delta, A, projected, z])


@pytest.mark.usefixtures("short_chunks")
@pytest.mark.parametrize("many", [False, True])
def test_scan_without_gate(card, segments, many):
    segments(many)

    def function(tensors, backend):
        ways = tuple(tensors[:7]), tuple(tensors[7:14])
        return bidirectional_scan(*ways, backend=backend)

    check(function, make_scan(card, length=21)[:14])


@pytest.mark.usefixtures("short_chunks")
def test_offsets_in_a_segment_stay_small(card, segments, monkeypatch):
    segments(False)
    monkeypatch.setattr(layout, "MOST_STEPS", 16)
    monkeypatch.setattr(support, "FAR", 4)  # rows of B and C are 9 apart
    size = layout.size_of(torch.empty(1, 37, 3))
    assert (size.segments, size.steps) == (3, 16)
    tensors = make_scan(card, 1, 37)
    (projected,) = normal([(1, 37, 9)], card)
    tensors[3:5] = [x.detach() for x in projected.split([5, 2, 2], dim=-1)[1:]]
    check(scan_both, [x.detach().requires_grad_() for x in tensors])
    assert support.rows(tensors[3]).is_contiguous()
    assert support.rows(tensors[0]).data_ptr() == tensors[0].data_ptr()


@pytest.mark.usefixtures("short_chunks")
@pytest.mark.parametrize("many", [False, True])
def test_scan_gives_the_same_bits_twice_and_without_gradients(card, segments, many):
    segments(many)
    tensors = make_scan(card, 2, 9)
    runs = []
    for _ in range(2):
        y = scan_both(tensors, "triton")
        runs.append([y, *torch.autograd.grad((y * y).sum(), tensors)])
    assert all(map(torch.equal, *runs))
    with torch.no_grad():
        assert torch.equal(scan_both(tensors, "triton"), runs[0][0])


def test_small_and_huge_steps(card):
    tensors = make_scan(card, 1, 37)
    for way in (0, 7):
        for low, raw in ((0, -12.0), (1, -30.0), (2, 90.0)):
            tensors[way + 1].data[..., low] = raw
    check(scan_both, tensors)


def make_conv(card, batch=2, length=7, channels=5, kernel=4, dtype=torch.float32):
    x = normal([(batch, length, channels)], card, dtype, length)
    return x + normal([(channels, kernel), (channels,)] * 2, card, seed=kernel)


def conv_both(tensors, backend):
    x, *filters = tensors
    return torch.stack(bidirectional_conv1d(x, filters[:2], filters[2:], backend))


@pytest.mark.usefixtures("short_chunks")
@pytest.mark.parametrize("dtype", [torch.float32, HALF])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize(
    ("length", "channels", "kernel"),
    [(1, 5, 4), (2, 70, 4), (73, 5, 4), (129, 5, 3), (9, 1, 1)],
)
def test_conv(card, length, channels, kernel, batch, dtype):
    check(conv_both, make_conv(card, batch, length, channels, kernel, dtype))


@pytest.mark.parametrize("reverse", [False, True])
def test_conv_of_one_direction_and_views(card, reverse):
    x, weight, *_ = make_conv(card, length=33)

    def function(tensors, backend):
        x, weight = tensors
        wide = torch.cat([x, x], -1).chunk(2, -1)[1]
        one = causal_conv1d(wide, weight, None, reverse, backend)
        turned = x.transpose(1, 2).contiguous().transpose(1, 2)
        return one + causal_conv1d(turned, weight, None, reverse, backend)

    check(function, [x, weight])


def test_conv_gives_the_same_bits_twice(card):
    runs = []
    for _ in range(2):
        tensors = make_conv(card, 2, 40)
        y = conv_both(tensors, "triton")
        runs.append([y, *torch.autograd.grad((y * y).sum(), tensors)])
    assert all(map(torch.equal, *runs))


def pooled(size=7, stride=2, kind="average", view=lambda x: x):
    return lambda tensors, backend: gelu_pool(
        view(tensors[0]), size, stride, kind, backend
    )


@pytest.mark.usefixtures("short_chunks")
@pytest.mark.parametrize("kind", ["average", "max"])
@pytest.mark.parametrize("dtype", [torch.float32, HALF])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize(
    ("length", "channels", "size", "stride"),
    [(2, 5, 2, 1), (7, 5, 7, 2), (73, 130, 3, 2), (129, 5, 7, 2), (40, 1, 4, 3)],
)
def test_pool(card, length, channels, size, stride, batch, dtype, kind):
    tensors = normal([(batch, length, channels)], card, dtype, length)
    check(pooled(size, stride, kind), tensors)


@pytest.mark.parametrize("kind", ["average", "max"])
@pytest.mark.parametrize(
    "view",
    [
        lambda x: torch.cat([x, -x], -1).chunk(2, -1)[1],
        lambda x: x.transpose(1, 2).contiguous().transpose(1, 2),
    ],
)
def test_pool_of_views(card, view, kind):
    check(pooled(kind=kind, view=view), normal([(2, 33, 5)], card))


def test_gelu_of_small_and_large_numbers(card):
    x = torch.cat([torch.linspace(-12, 12, 801), torch.tensor([-1e15, 1e15])])
    x = x.view(1, -1, 1).to(card).requires_grad_()
    y = gelu_pool(x, 2, 1, "average", "triton") * 2 - F.gelu(x[:, 1:]).detach()
    exact = x.detach().double().requires_grad_()
    want = F.gelu(exact)[:, :-1]
    torch.testing.assert_close(y.double(), want, rtol=1e-6, atol=1e-6)
    (found,) = torch.autograd.grad(gelu_pool(x, 2, 1, "max", "triton").sum(), x)
    windows = torch.max(want, F.gelu(exact)[:, 1:])
    (expected,) = torch.autograd.grad(windows.sum(), exact)
    torch.testing.assert_close(found.double(), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", ["average", "max"])
def test_pool_hides_no_nan(card, kind):
    x = torch.ones(1, 20, 2, device=card)
    x[0, 9, 0] = float("nan")
    got, want = (gelu_pool(x, 7, 2, kind, backend) for backend in ("triton", "torch"))
    assert torch.equal(got.isnan(), want.isnan())
    assert got.isnan().any()


def test_pool_gives_the_greatest_of_equals_to_the_first(card):
    found = []
    for backend in ("triton", "torch", "reference"):
        x = torch.ones(1, 9, 1, device=card, requires_grad=True)
        y = gelu_pool(x, 3, 2, "max", backend)
        found += torch.autograd.grad(y.sum(), x)
    assert [round(float(g), 4) for g in found[0].flatten()[:4]] == [
        1.0833,
        0,
        1.0833,
        0,
    ]
    torch.testing.assert_close(found[0], found[1])
    torch.testing.assert_close(found[0], found[2])


@pytest.mark.usefixtures("short_chunks")
@pytest.mark.parametrize("kind", ["average", "max"])
def test_pool_gives_the_same_bits_twice(card, kind):
    runs = []
    for _ in range(2):
        tensors = normal([(2, 60, 5)], card)
        y = pooled(kind=kind)(tensors, "triton")
        runs.append([y, *torch.autograd.grad((y * y).sum(), tensors)])
    assert all(map(torch.equal, *runs))


def make_groups(card, counts, d_in=5, d_out=3, dtype=torch.float32):
    n = len(counts)
    shapes = [(sum(counts), d_in), (n, d_out, d_in), (n, d_out)]
    return normal(shapes, card, dtype, seed=n)


@pytest.mark.parametrize("dtype", [torch.float32, HALF])
@pytest.mark.parametrize(
    "counts", [[5], [3, 0, 5], [100, 600, 1], [0, 0, 0, 9], [64, 128], [1, 0, 0]]
)
@pytest.mark.parametrize(("d_in", "d_out"), [(5, 3), (64, 130)])
def test_groups(card, counts, d_in, d_out, dtype):
    check(
        lambda t, backend: grouped_linear(*t, counts, backend),
        make_groups(card, counts, d_in, d_out, dtype),
    )


def test_groups_without_bias_with_views(card):
    rows, weight, _ = make_groups(card, [4, 5])

    def function(tensors, backend):
        wide = torch.cat([tensors[0]] * 2, -1).chunk(2, -1)[1]
        slanted = tensors[1].transpose(1, 2).contiguous().transpose(1, 2)
        return grouped_linear(wide, slanted, None, [4, 5], backend)

    check(function, [rows, weight])


def test_counts_in_a_tensor(card):
    tensors = make_groups(card, [70, 0, 5])
    counts = torch.tensor([70, 0, 5], device=card)
    y = triton_dense.grouped_linear(*tensors, counts)
    assert torch.equal(y, triton_dense.grouped_linear(*tensors, [70, 0, 5]))
    for backend in ("torch", "reference", "triton"):
        assert_close(grouped_linear(*tensors, counts, backend), y)


def test_counts_in_a_tensor_are_not_waited_for():
    with FakeTensorMode():  # there are no numbers to wait for
        rows, weight = torch.empty(75, 5), torch.empty(3, 4, 5, requires_grad=True)
        counts = torch.empty(3, dtype=torch.int64)
        triton_dense.grouped_linear(rows, weight, None, counts).sum().backward()
    assert weight.grad.shape == weight.shape


def test_sums_over_many_rows_are_split_and_keep_their_bits(card, monkeypatch):
    monkeypatch.setattr(triton_dense, "SPLIT_ROWS", 16)
    runs = []
    for _ in range(2):
        tensors = make_groups(card, [100, 3, 97])
        runs.append(check(lambda t, b: grouped_linear(*t, [100, 3, 97], b), tensors)[1])
    assert all(map(torch.equal, *runs))


def test_groups_under_autocast(card):
    rows, weight, bias = make_groups(card, [4, 5])
    with torch.autocast(card, HALF):
        y = grouped_linear(rows, weight, bias, [4, 5], "triton")
    assert y.dtype == HALF
    assert_close(y, grouped_linear(rows, weight, bias, [4, 5], "reference"))
    y.float().sum().backward()
    assert weight.grad.dtype == torch.float32


@pytest.mark.usefixtures("short_chunks")
def test_scan_and_conv_under_autocast_read_what_comes(card):
    tensors, filters = make_scan(card, dtype=HALF), make_conv(card, dtype=HALF)
    want = scan_both(tensors, "triton"), conv_both(filters, "triton")
    with torch.autocast(card, HALF):
        got = scan_both(tensors, "triton"), conv_both(filters, "triton")
    assert all(map(torch.equal, got, want))


@pytest.mark.usefixtures("short_chunks")
def test_nothing_in_nothing_out(card):
    for shape in ((0, 4, 3), (2, 0, 3), (2, 4, 0)):
        tensors = make_scan(card, *shape) + make_conv(card, *shape)
        scanned = scan_both(tensors[:15], "triton")
        convolved = conv_both(tensors[15:], "triton")
        assert scanned.shape == shape
        assert convolved.shape == (2, *shape)
        found = torch.autograd.grad(scanned.sum() + convolved.sum(), tensors)
        assert not any(g.any() for g in found)
    for shape in ((0, 9, 3), (2, 9, 0)):
        (x,) = normal([shape], card)
        y = gelu_pool(x, 7, 2, "max", "triton")
        assert y.shape == (shape[0], 2, shape[2])
        assert torch.autograd.grad(y.sum(), x)[0].shape == shape
    tensors = make_groups(card, [0, 0])
    y = grouped_linear(*tensors, [0, 0], "triton")
    assert y.shape == (0, 3)
    assert not any(g.any() for g in torch.autograd.grad(y.sum(), tensors))


def test_float64_is_refused(card):
    tensors = [x.double() for x in make_scan(card)]
    with pytest.raises(RuntimeError, match="computes in float32, and the data is"):
        scan_both(tensors, "triton")


@pytest.mark.usefixtures("short_chunks")
@pytest.mark.parametrize("reverse", [[False, True], [True]])
def test_operators_pass_opcheck(card, reverse):
    tests = ("test_schema", "test_autograd_registration", "test_faketensor")
    both = len(reverse) == 2
    *tensors, z = make_scan(card, 1, 5)
    second = tensors[7:] if both else [None] * 7
    operands = (*tensors[:7], *second, z, reverse, True, True)
    torch.library.opcheck(triton_scan._scan, operands, test_utils=tests)
    x, weight, _, weight_2, _ = make_conv(card)
    taps = [w.t().detach().clone().requires_grad_() for w in (weight, weight_2)]
    operands = (x, taps[0], taps[1] if both else None, reverse)
    torch.library.opcheck(triton_conv._conv, operands, test_utils=tests)
    operands = (*normal([(2, 9, 3)], card), 7, 2, True)
    torch.library.opcheck(triton_pool._pool, operands, test_utils=tests)
    operands = (*make_groups(card, [4, 5]), torch.tensor([4, 5], device=card))
    torch.library.opcheck(triton_dense._grouped, operands, test_utils=tests)


@pytest.mark.usefixtures("short_chunks")
def test_compile_and_export(card):
    tensors = [x.detach() for x in make_scan(card, 1, 5)]
    filters = [x.detach() for x in make_conv(card, channels=3)[1:]]

    class Module(torch.nn.Module):
        def forward(self, x):
            y = bidirectional_conv1d(x, filters[:2], filters[2:], "triton")
            z = scan_both([y[0], *tensors[1:7], y[1], *tensors[8:]], "triton")
            weight = x[:, :2].mT.reshape(2, 1, 3)
            y = grouped_linear(z[0], weight, None, [2, 3], "triton")
            return gelu_pool(y.unsqueeze(0), 3, 2, "average", "triton")

    module = Module()
    want = module(tensors[0])
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    x = tensors[0].clone().requires_grad_()
    assert torch.equal(compiled(x), want)
    y = tensors[0].clone().requires_grad_()
    (found,) = torch.autograd.grad(compiled(x).sum(), x)
    (expected,) = torch.autograd.grad(module(y).sum(), y)
    assert_close(found, expected)
    exported = torch.export.export(module, (tensors[0],))
    assert torch.equal(exported.module()(tensors[0]), want)
    names = {str(node.target) for node in exported.graph.nodes}
    kinds = "scan", "conv", "grouped", "pool"
    assert {f"mne_eegmamba.triton_{kind}.default" for kind in kinds} <= names
