"""Functions of one number, accurate in float32 and without overflow."""

import triton
import triton.language as tl


@triton.jit
def sigmoid(x):
    """Return the logistic function."""
    e = tl.exp(-tl.abs(x))
    return tl.where(x >= 0, 1.0, e) / (1.0 + e)


@triton.jit
def softplus(x):
    """Return log(1 + exp(x)), relatively accurate for small steps too.

    The logarithm is the series of the inverse hyperbolic tangent, whose argument is at
    most 1/3; what is left out is below 2e-8 of the result.
    """
    e = tl.exp(-tl.abs(x))
    s = e / (2.0 + e)
    q = s * s
    series = 1 / 11 + q * (1 / 13)
    series = 1 / 9 + q * series
    series = 1 / 7 + q * series
    series = 1 / 5 + q * series
    series = 1 / 3 + q * series
    return tl.maximum(x, 0.0) + 2.0 * s * (1.0 + q * series)
