"""CPU kernels in numba: SIMD vectors, worker threads, and the loops that use them."""
