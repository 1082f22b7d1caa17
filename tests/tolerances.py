"""How far results may lie apart, by dtype, and why."""

import torch

# Both sides of a comparison sum the same few hundred to few thousand terms in another
# order. Each addition rounds by eps = 2**-53 (float64) or 2**-24 (float32); with errors
# that add up like a random walk over 1e3 terms, some 50 eps are usual. A factor of
# about 100 on top covers chains of such sums (gradients of gradients' inputs).
#   float64: 50 * 1.1e-16 * 100 = 6e-13, rounded to 1e-12
#   float32: 50 * 6.0e-8 * 10 = 3e-5; chains are short where we compare in float32
# ``atol`` is relative to the largest expected value, see `assert_near`: terms that
# cancel leave errors of the size of the terms, not of their sum.
TOLERANCE = {
    torch.float64: {"rtol": 1e-11, "atol": 1e-12},
    torch.float32: {"rtol": 1e-4, "atol": 1e-5},
}


def assert_near(actual, expected, dtype=None):
    """Compare in float64 with the tolerance of ``dtype``, that of ``actual``."""
    limits = TOLERANCE[dtype or actual.dtype]
    expected = expected.detach().double()
    size = max(1.0, float(expected.abs().max())) if expected.numel() else 1.0
    torch.testing.assert_close(
        actual.detach().double(),
        expected,
        rtol=limits["rtol"],
        atol=limits["atol"] * size,
    )
