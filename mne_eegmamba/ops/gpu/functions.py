"""Functions of one number, accurate in float32 and without overflow."""

import triton
import triton.language as tl

LOG2_E = tl.constexpr(1.4426950408889634)


@triton.jit
def sigmoid(x):
    """Return the logistic function."""
    e = tl.exp2(tl.abs(x) * -LOG2_E)
    return tl.where(x >= 0, 1.0, e) / (1.0 + e)


@triton.jit
def softplus(x):
    """Return log(1 + exp(x)), relatively accurate for small steps too.

    The logarithm is e times the polynomial that differs least from log(1 + e) / e for e
    between 0 and 1, relative to it: by 3e-8 at most.
    """
    e = tl.exp2(tl.abs(x) * -LOG2_E)
    p = -0.029505226761102676 + e * 0.005232691299170256
    p = 0.07822593301534653 + e * p
    p = -0.13663244247436523 + e * p
    p = 0.19106006622314453 + e * p
    p = -0.2484298199415207 + e * p
    p = 0.3331909775733948 + e * p
    p = -0.4999949336051941 + e * p
    p = 0.9999999403953552 + e * p
    return tl.maximum(x, 0.0) + e * p
