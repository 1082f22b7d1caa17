"""GPU kernels in Triton, and what launches them."""
