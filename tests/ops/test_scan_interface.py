"""Two directions, dtypes and refused shapes of the scan."""

import pytest
import torch
import torch.nn.functional as F

from mne_eegmamba.ops import bidirectional_scan, selective_scan
from tests.tolerances import assert_near

BACKENDS = ["reference", "torch"]


def make(dtype=torch.float64, seed=0, batch=2, length=20, channels=6, states=4):
    generator = torch.Generator().manual_seed(seed)
    shapes = {
        "u": (batch, length, channels),
        "delta": (batch, length, channels),
        "A": (channels, states),
        "B": (batch, length, states),
        "C": (batch, length, states),
        "D": (channels,),
        "delta_bias": (channels,),
    }
    made = {
        name: torch.randn(shape, generator=generator, dtype=torch.float64)
        for name, shape in shapes.items()
    }
    made["A"] = -made["A"].exp()
    return {name: tensor.to(dtype) for name, tensor in made.items()}


@pytest.mark.parametrize("softplus", [False, True])
@pytest.mark.parametrize("gate", [False, True])
@pytest.mark.parametrize("backend", BACKENDS)
def test_bidirectional_is_the_gated_sum(backend, gate, softplus):
    ways = make(seed=1), make(seed=2)
    if not softplus:
        for way in ways:
            way["delta"], way["delta_bias"] = way["delta"].abs(), None
    z = make(seed=3)["u"] if gate else None
    options = {"delta_softplus": softplus, "backend": backend}
    y = bidirectional_scan(*(tuple(way.values()) for way in ways), z=z, **options)
    want = selective_scan(**ways[0], **options)
    want = want + selective_scan(**ways[1], reverse=True, **options)
    assert_near(y, want if z is None else want * F.silu(z))


@pytest.mark.parametrize("backend", BACKENDS)
def test_bidirectional_sees_both_sides(backend):
    way = make()
    moved = dict(way, u=way["u"].clone())
    moved["u"][:, 10] += 1
    y = bidirectional_scan(tuple(way.values()), tuple(way.values()), backend=backend)
    z = bidirectional_scan(
        tuple(moved.values()), tuple(moved.values()), backend=backend
    )
    changed = (y - z).abs().amax((0, 2)) > 0
    assert changed.all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_causality(backend):
    way = make()
    moved = dict(way, u=way["u"].clone())
    moved["u"][:, 10] += 1
    for reverse in (False, True):
        options = {"delta_softplus": True, "reverse": reverse, "backend": backend}
        changed = selective_scan(**way, **options) != selective_scan(**moved, **options)
        reached = changed.any(-1).any(0)
        want = torch.arange(20) <= 10 if reverse else torch.arange(20) >= 10
        assert torch.equal(reached, want)


@pytest.mark.parametrize("gate", [False, True])
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_output_has_the_dtype_of_u(backend, dtype, gate):
    way = make(torch.float32)
    way["u"] = way["u"].to(dtype)
    z = make(seed=3)["u"].to(dtype) if gate else None
    y = selective_scan(**way, z=z, delta_softplus=True, backend=backend)
    assert y.dtype == dtype


def test_bfloat16_input_is_scanned_in_float32():
    way = {name: tensor.bfloat16() for name, tensor in make().items()}
    exact = {name: tensor.double() for name, tensor in way.items()}
    want = selective_scan(**exact, delta_softplus=True, backend="reference")
    got = selective_scan(**way, delta_softplus=True, backend="torch")
    # only the result was rounded, to eight bits
    torch.testing.assert_close(got.double(), want, rtol=2**-8, atol=1e-5)


def test_autocast_leaves_the_scan_in_float32():
    way = make(torch.float32)
    want = selective_scan(**way, delta_softplus=True, backend="torch")
    with torch.autocast("cpu", torch.bfloat16):
        got = selective_scan(**way, delta_softplus=True, backend="torch")
    assert got.dtype == torch.float32
    assert_near(got, want)


WRONG = {
    "u": ((2, 20), r"u must have the shape \(batch, length, channels\)"),
    "A": ((6,), r"A must have the shape \(channels, states\)"),
    "delta": ((2, 19, 6), r"delta must have the shape \(2, 20, 6\).*Got \(2, 19, 6\)"),
    "B": ((2, 20, 5), r"B must have the shape \(2, 20, 4\)"),
    "C": ((1, 20, 4), r"C must have the shape \(2, 20, 4\)"),
    "D": ((1,), r"D must have the shape \(6,\)"),
    "z": ((2, 20, 1), r"z must have the shape \(2, 20, 6\)"),
    "delta_bias": ((5,), r"delta_bias must have the shape \(6,\)"),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("backend", ["auto", *BACKENDS])
def test_wrong_shapes_are_refused(name, backend):
    shape, message = WRONG[name]
    way = make() | {name: torch.zeros(shape, dtype=torch.float64)}
    with pytest.raises(ValueError, match=message):
        selective_scan(**way, backend=backend)
    z = way.pop("z", None)
    with pytest.raises(ValueError, match=message):
        bidirectional_scan(
            tuple(make().values()), tuple(way.values()), z=z, backend=backend
        )


def test_channels_of_a_must_match():
    with pytest.raises(ValueError, match=r"A must have the shape \(6, 4\)"):
        selective_scan(**(make() | {"A": torch.zeros(5, 4)}))
