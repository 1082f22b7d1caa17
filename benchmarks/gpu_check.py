"""Is all right that the benchmark ``gpu`` times? Against float64, gradients too."""

import dataclasses

import torch

from mne_eegmamba.models import EEGMamba, EEGMambaConfig
from mne_eegmamba.ops import bidirectional_conv1d, bidirectional_scan, gelu_pool
from mne_eegmamba.ops.backend import IMPLEMENTATIONS
from mne_eegmamba.tokens.tokenizer import POOL_STRIDE, SMALL

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
# Largest error over largest value. An operator in bfloat16 rounds its results to eight
# bits and sums in float32; a network in bfloat16 has some such operators in a row.
LIMITS = {"float32": 1e-4, "bfloat16": 1e-2}
NETWORK_LIMITS = {"float32": 1e-3, "bfloat16": 1e-1}
SIZES = [(3, 77, 256), (1, 1, 64), (2, 700, 64)]  # batch, length, channels; some odd
STATES, KERNEL = 16, 4


def drawn(*shapes, seed=0, device="cpu", dtype=torch.float64):
    generator = torch.Generator(device).manual_seed(seed)
    kind = {"device": device, "dtype": dtype, "generator": generator}
    return [torch.randn(shape, **kind) for shape in shapes]


def scan_inputs(batch, length, channels, **kind):
    """Return the inputs of a bidirectional scan: seven of each way, and the gate."""
    signal, maps = (batch, length, channels), (batch, length, STATES)
    way = (signal, signal, (channels, STATES), maps, maps, (channels,), (channels,))
    inputs = drawn(*way, *way, signal, **kind)
    for delta in (inputs[1], inputs[8]):
        delta.sub_(3)
    for i in (2, 9):
        inputs[i] = -inputs[i].abs() * STATES / 3
    return inputs


def scan(backend):
    def run(*inputs):
        return [bidirectional_scan(inputs[:7], inputs[7:14], inputs[14], True, backend)]

    return run


def conv_inputs(batch, length, channels, **kind):
    filters = ((channels, KERNEL), (channels,))
    return drawn((batch, length, channels), *filters, *filters, **kind)


def conv(backend):
    def run(x, *filters):
        return list(bidirectional_conv1d(x, filters[:2], filters[2:], backend=backend))

    return run


def pool_inputs(batch, length, channels, **kind):
    return drawn((batch, length + SMALL["pool"], channels), **kind)


def pool(backend):
    def run(x):
        return [gelu_pool(x, SMALL["pool"], POOL_STRIDE, backend=backend)]

    return run


OPERATORS = {
    "selective_scan": (scan, scan_inputs),
    "causal_conv1d": (conv, conv_inputs),
    "gelu_pool": (pool, pool_inputs),
}


def backends(operator, device, dtype):
    """Return the names of the implementations that run there, fastest first."""
    return [
        candidate.name
        for candidate in IMPLEMENTATIONS[operator]
        if candidate.name != "reference"
        and candidate.refusal(device.type, dtype) is None
    ]


def placed(inputs, device, dtype):
    """Return inputs on a device; signals in a dtype, parameters in float32 or more."""
    wide = dtype if dtype.itemsize > 4 else torch.float32
    return [
        x.to(device, dtype if x.ndim == 3 else wide).requires_grad_() for x in inputs
    ]


def evaluate(function, inputs, gradients):
    """Return outputs and the gradients of inputs, in float64 on the CPU."""
    outputs = function(*inputs)
    pairs = zip(gradients, outputs, strict=True)
    given = [g.to(y.device, y.dtype) for g, y in pairs]
    found = [*outputs, *torch.autograd.grad(outputs, inputs, given)]
    return [x.detach().double().cpu() for x in found]


def worst(found, wanted):
    """Return the largest error, each relative to the largest value of its tensor."""
    errors = []
    for one, other in zip(found, wanted, strict=True):
        size = max(float(other.abs().max()), 1e-6)
        error = float((one - other).abs().max()) / size
        errors.append(error if one.isfinite().all() else float("inf"))
    return max(errors)


def check(device, precisions, sizes=SIZES):
    """Print and return the errors; end the run at the first that is too large."""
    rows = []
    for precision in precisions:
        for operator, (make, inputs_of) in OPERATORS.items():
            for backend in backends(operator, device, DTYPES[precision]):
                for size in sizes:
                    inputs = placed(inputs_of(*size), device, DTYPES[precision])
                    error = operator_error(make, backend, inputs)
                    row = f"{operator} {size}", backend, precision, error
                    rows.append(judged(*row, LIMITS[precision]))
        for n_experts in (0, 4):
            name = f"network with {n_experts} experts"
            error = network_error(n_experts, device, precision)
            limit = NETWORK_LIMITS[precision]
            rows.append(judged(name, "auto", precision, error, limit))
    return rows


def judged(what, backend, precision, error, limit):
    print(f"{what:<32}{backend:<11}{precision:<10}error {error:.1e} of {limit:.0e}")
    if not error <= limit:
        raise SystemExit(
            f"{what} on backend {backend!r} is wrong in {precision}: the error is "
            f"{error:.1e} of the largest value, {limit:.0e} is allowed. Nothing is "
            "timed."
        )
    names = ("what", "backend", "precision", "error", "limit")
    return dict(zip(names, (what, backend, precision, error, limit), strict=True))


def operator_error(make, backend, inputs):
    exact = [x.detach().double().cpu().requires_grad_() for x in inputs]
    shapes = [y.shape for y in make("reference")(*exact)]
    gradients = drawn(*shapes, seed=1)
    if inputs[0].dtype == torch.bfloat16:  # so that both sides start from the same
        gradients = [g.bfloat16().double() for g in gradients]
    wanted = evaluate(make("reference"), exact, gradients)
    return worst(evaluate(make(backend), inputs, gradients), wanted)


def network_error(n_experts, device, precision):
    """Compare logits and all gradients of a small network, without dropout."""
    # Rounding may choose another expert; in bfloat16 all of them are taken.
    top_k = 2 if precision == "float32" else max(n_experts, 2)
    config = EEGMambaConfig(
        {"a": 3}, {"a": 4}, d_model=32, n_experts=n_experts, top_k=top_k, dropout=0.0
    )
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        ours = EEGMamba(config)
        exact = EEGMamba(dataclasses.replace(config, backend="reference")).double()
    exact.load_state_dict(ours.state_dict())
    ours.to(device)
    (x,) = drawn((2, 3, 400))
    tf32 = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        found = logits_and_gradients(ours, x.float().to(device), precision)
    finally:
        torch.backends.cudnn.allow_tf32 = tf32
    wanted = logits_and_gradients(exact, x.float().double(), "float32")
    return worst(found, wanted)


def logits_and_gradients(module, x, precision):
    """Return logits, and the gradients of all parameters as one vector."""
    module.eval()  # no noise in the gates
    half = precision == "bfloat16"
    with torch.autocast(x.device.type, torch.bfloat16, enabled=half):
        logits = module(x, "a")
    parameters = [p for name, p in module.named_parameters() if "noise" not in name]
    grads = torch.autograd.grad(logits.float().square().sum(), parameters)
    vector = torch.cat([g.flatten() for g in grads])
    return [logits.detach().double().cpu(), vector.double().cpu()]
