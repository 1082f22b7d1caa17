"""Products of groups of rows, each with a matrix of its own.

Which group a tile of rows belongs to is found on the card, from the counts: the launch
has as many tiles as there can be, one more per group than full tiles, and those beyond
the last do nothing. So the host never waits for the counts.
"""

import triton
import triton.language as tl

from mne_eegmamba.ops.gpu.support import INTERPRETED

ROWS, COLUMNS, INNER, WARPS = 64, 64, 32, 4  # of a tile
SIZES = ["n_rows"]
WIDEN = tl.constexpr(INTERPRETED)  # the interpreter multiplies the bits of bfloat16


@triton.jit
def _add_product(total, a, b):
    """Add a product in float32; of float32 numbers without rounding them before."""
    if WIDEN:
        a, b = a.to(tl.float32), b.to(tl.float32)
    return tl.dot(a, b, total, input_precision="ieee")


@triton.jit
def _find(counts, tile, n_rows, GROUPS: tl.constexpr, ROWS: tl.constexpr):
    """Return the group of a tile, its first row, and where its rows end."""
    group, row, end, start, before = 0, 0, 0, 0, 0
    for g in range(GROUPS):
        count = tl.load(counts + g).to(tl.int32)
        tiles = tl.cdiv(count, ROWS)
        mine = (tile >= before) & (tile < before + tiles)
        group = tl.where(mine, g, group)
        row = tl.where(mine, start + (tile - before) * ROWS, row)
        end = tl.where(mine, start + count, end)
        start += count
        before += tiles
    return group, row, tl.minimum(end, n_rows)


@triton.jit(do_not_specialize=SIZES)
def grouped_rows(
    x,
    weight,
    bias,
    y,
    counts,
    n_rows,
    d_in,
    d_out,
    weight_group,
    weight_out,
    weight_in,
    GROUPS: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
    INNER: tl.constexpr,
):
    """Multiply one tile of rows with its group's matrix."""
    group, row, end = _find(counts, tl.program_id(0), n_rows, GROUPS, ROWS)
    if row >= end:
        return
    r = row + tl.arange(0, ROWS)
    o = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    k = tl.arange(0, INNER)
    group = group.to(tl.int64)
    lines = x + r[:, None].to(tl.int64) * d_in
    weight += group * weight_group + o[None, :] * weight_out
    total = tl.zeros((ROWS, COLUMNS), tl.float32)
    for start in range(0, d_in, INNER):
        c = start + k
        inside = (r < end)[:, None] & (c < d_in)[None, :]
        a = tl.load(lines + c[None, :], mask=inside, other=0.0)
        inside = (c < d_in)[:, None] & (o < d_out)[None, :]
        w = tl.load(weight + c[:, None] * weight_in, mask=inside, other=0.0)
        total = _add_product(total, a, w)
    if bias is not None:
        b = tl.load(bias + group * d_out + o, mask=o < d_out, other=0.0)
        total += b.to(tl.float32)[None, :]
    inside = (r < end)[:, None] & (o < d_out)[None, :]
    at = r[:, None].to(tl.int64) * d_out + o[None, :]
    tl.store(y + at, total, mask=inside)


@triton.jit(do_not_specialize=[*SIZES, "splits"])
def grouped_weights(
    gy,
    x,
    weights,
    biases,
    counts,
    n_rows,
    d_in,
    d_out,
    splits,
    GROUPS: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
    INNER: tl.constexpr,
):
    """Sum gy.T @ x over one split of a group's rows; the first column gives gy too."""
    group = tl.program_id(1) // splits
    split = tl.program_id(1) % splits
    start, count = 0, 0
    for g in range(GROUPS):
        start += count * (g <= group)
        count = tl.where(g <= group, tl.load(counts + g).to(tl.int32), count)
    each = tl.cdiv(tl.cdiv(count, INNER), splits) * INNER
    end = tl.minimum(start + count, n_rows)
    end = tl.minimum(end, start + (split + 1) * each)
    columns = tl.cdiv(d_in, COLUMNS)
    o = (tl.program_id(0) // columns) * ROWS + tl.arange(0, ROWS)
    c = (tl.program_id(0) % columns) * COLUMNS + tl.arange(0, COLUMNS)
    k = tl.arange(0, INNER)
    total = tl.zeros((ROWS, COLUMNS), tl.float32)
    total_bias = tl.zeros((ROWS, INNER), tl.float32)
    for first in range(start + split * each, end, INNER):
        r = first + k
        inside = (o < d_out)[:, None] & (r < end)[None, :]
        at = r[None, :].to(tl.int64) * d_out + o[:, None]
        a = tl.load(gy + at, mask=inside, other=0.0)
        inside = (r < end)[:, None] & (c < d_in)[None, :]
        at = r[:, None].to(tl.int64) * d_in + c[None, :]
        total = _add_product(total, a, tl.load(x + at, mask=inside, other=0.0))
        total_bias += a.to(tl.float32)
    part = (split * GROUPS + group).to(tl.int64) * d_out
    inside = (o < d_out)[:, None] & (c < d_in)[None, :]
    tl.store(weights + (part + o[:, None]) * d_in + c[None, :], total, mask=inside)
    if tl.program_id(0) % columns == 0:
        tl.store(biases + part + o, tl.sum(total_bias, 1), mask=o < d_out)
