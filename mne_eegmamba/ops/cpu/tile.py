"""The inner loop of all matrix products: a small tile of the result in registers.

A tile has a few rows and one or two vectors of columns; per step of the sum it loads
the vectors once and one number per row. Each element is summed in the order of the
steps, so its bits do not depend on how a matrix is cut into tiles.
"""

import llvmlite.binding
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from mne_eegmamba.ops.cpu.simd import (
    BYTES,
    WIDTH,
    load_vector,
    multiply_add,
    spread_float,
    store_vector,
)

# As many as there are registers for: 32 of 512 bits, or 16 of 256.
_HOST = llvmlite.binding.get_host_cpu_features().flatten()
_WIDE = "+avx512f" in (config.CPU_FEATURES or _HOST)
ROWS, VECTORS = (12, 2) if _WIDE else (6, 1)
FEW_ROWS = 4
PANEL = VECTORS * WIDTH  # columns of a tile

_WORD = ir.IntType(64)


def _number(value):
    return ir.Constant(_WORD, value)


@intrinsic(prefer_literal=True)
def product(
    typingctx, rows, vectors, a, a_row, a_step, b, steps, first, first_row, c, c_row
):
    """Write ``c[i, :] = first[i, :] + sum over k of a[i, k] * b[k, :]`` for one tile.

    ``rows`` and ``vectors`` are constants; the others are addresses and strides in
    bytes. ``b`` is packed: its rows follow each other.
    """
    n_rows, n_vectors = rows.literal_value, vectors.literal_value

    def build(context, builder, signature, args):
        _, _, a, a_row, a_step, b, steps, first, first_row, c, c_row = args

        def cells(start, row):
            for i in range(n_rows):
                line = builder.add(start, builder.mul(row, _number(i)))
                for j in range(n_vectors):
                    yield builder.add(line, _number(j * BYTES))

        sums = [
            cgutils.alloca_once_value(builder, load_vector(builder, address))
            for address in cells(first, first_row)
        ]
        lines = [builder.add(a, builder.mul(a_row, _number(i))) for i in range(n_rows)]
        with cgutils.for_range(builder, steps) as loop:
            column = builder.mul(loop.index, a_step)
            line = builder.add(b, builder.mul(loop.index, _number(n_vectors * BYTES)))
            factors = [
                load_vector(builder, builder.add(line, _number(j * BYTES)))
                for j in range(n_vectors)
            ]
            for i in range(n_rows):
                x = spread_float(builder, builder.add(lines[i], column))
                for j in range(n_vectors):
                    total = sums[i * n_vectors + j]
                    value = multiply_add(builder, x, factors[j], builder.load(total))
                    builder.store(value, total)
        for address, total in zip(cells(c, c_row), sums, strict=True):
            store_vector(builder, address, builder.load(total))
        return context.get_dummy_value()

    words = [types.int64] * 9
    return types.void(rows, vectors, *words), build
