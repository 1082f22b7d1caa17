"""Matrix products over groups of rows; see ``tile.py`` for the inner loop.

The rows of a group are equally far apart and may overlap, as the windows of a
convolution over a channels-last signal do. Groups are the epochs of a batch, all with
the same matrix; or, where ``ends`` says how long each is, every group has its own.
"""

from typing import NamedTuple

from numba import njit

from mne_eegmamba.ops.cpu.layout import FLOAT, scratch, start_of
from mne_eegmamba.ops.cpu.simd import BYTES, WIDTH, copy_float, load, store, zeros
from mne_eegmamba.ops.cpu.tile import FEW_ROWS, PANEL, ROWS, VECTORS, product
from mne_eegmamba.ops.cpu.words import read, take

PIECE = 8 * ROWS  # rows that a thread multiplies at once
CHUNK = 192  # rows that are packed at once for a sum over rows


class Rows(NamedTuple):
    """Groups of rows; addresses, strides in bytes."""

    x: int
    x_group: int
    x_row: int
    columns: int  # of x
    y: int
    y_group: int
    y_row: int
    groups: int
    rows: int  # of each group, at most
    ends: int  # where each group ends (groups,), or 0


class Product(NamedTuple):
    """For `multiply`, ``y = x @ matrix + bias``."""

    matrix: int  # (matrices, columns of x, out)
    bias: int  # (matrices, out), or 0
    out: int  # columns of y, a multiple of 16


class Gram(NamedTuple):
    """For `correlate`, ``y.T @ x`` in parts, to be added up."""

    sums: int  # (matrices, parts, out, columns of x up to a multiple of 16), zeros
    parts: int
    out: int  # columns of y


ROWS_WORDS, OTHERS = len(Rows._fields), len(Product._fields)


@njit(inline="always")
def _group(r, group):
    """Return where a group begins in x and y, its rows, and which matrix it is for."""
    if r.ends == 0:
        return r.x + group * r.x_group, r.y + group * r.y_group, r.rows, 0
    first = 0
    if group:
        (first,) = read(r.ends, group - 1, 1)
    (end,) = read(r.ends, group, 1)
    return r.x + first * r.x_row, r.y + first * r.y_row, end - first, group


@njit(inline="always")
def _pack(source, row, steps, vectors, to):
    """Copy some vectors of each row so that rows follow each other."""
    for k in range(steps):
        for j in range(vectors):
            store(to + (k * vectors + j) * BYTES, load(source + k * row + j * BYTES))


@njit(inline="always")
def _pack_part(source, row, steps, floats, to):
    """Copy fewer floats than a vector has of each row; zeros follow them."""
    for k in range(steps):
        store(to + k * BYTES, zeros())
        for j in range(floats):
            copy_float(source + k * row + j * FLOAT, to + k * BYTES + j * FLOAT)


@njit(inline="always")
def _tiles(
    height,
    vectors,
    x,
    x_row,
    x_step,
    packed,
    steps,
    first,
    first_row,
    y,
    y_row,
    row,
    rows,
):
    """Multiply tiles of some height while there are rows for them; return the next."""
    while row + height <= rows:
        product(
            height,
            vectors,
            x + row * x_row,
            x_row,
            x_step,
            packed,
            steps,
            first + row * first_row,
            first_row,
            y + row * y_row,
            y_row,
        )
        row += height
    return row


@njit(inline="always")
def _panel(vectors, x, x_row, x_step, packed, steps, first, first_row, y, y_row, rows):
    """Multiply all rows with one packed panel, tile by tile."""
    row = _tiles(
        ROWS,
        vectors,
        x,
        x_row,
        x_step,
        packed,
        steps,
        first,
        first_row,
        y,
        y_row,
        0,
        rows,
    )
    row = _tiles(
        FEW_ROWS,
        vectors,
        x,
        x_row,
        x_step,
        packed,
        steps,
        first,
        first_row,
        y,
        y_row,
        row,
        rows,
    )
    _tiles(
        1,
        vectors,
        x,
        x_row,
        x_step,
        packed,
        steps,
        first,
        first_row,
        y,
        y_row,
        row,
        rows,
    )


@njit(inline="always")
def _pack_matrix(p, which, columns, packed):
    """Pack one matrix: full panels, then the vectors that are left one by one."""
    line = p.out * FLOAT
    matrix = p.matrix + which * columns * line
    panels = p.out // PANEL
    for panel in range(panels):
        at = panel * VECTORS * BYTES
        _pack(matrix + at, line, columns, VECTORS, packed + at * columns)
    for vector in range(panels * VECTORS, p.out // WIDTH):
        at = vector * BYTES
        _pack(matrix + at, line, columns, 1, packed + at * columns)


@njit(inline="always")
def _multiply_rows(r, p, packed, first, x, y, rows):
    """Multiply some rows with the packed matrix."""
    panels = p.out // PANEL
    for panel in range(panels):
        at = panel * VECTORS * BYTES
        matrix, to, bias = packed + at * r.columns, y + at, first + at
        _panel(
            VECTORS, x, r.x_row, FLOAT, matrix, r.columns, bias, 0, to, r.y_row, rows
        )
    for vector in range(panels * VECTORS, p.out // WIDTH):
        at = vector * BYTES
        matrix, to, bias = packed + at * r.columns, y + at, first + at
        _panel(1, x, r.x_row, FLOAT, matrix, r.columns, bias, 0, to, r.y_row, rows)


def multiply(words):
    """Multiply rows with matrices; the words are a counter, `Rows` and `Product`."""
    r = Rows(*read(words, 1, ROWS_WORDS))
    p = Product(*read(words, 1 + ROWS_WORDS, OTHERS))
    vectors = p.out // WIDTH
    memory, packed = scratch(vectors * r.columns + vectors)
    nothing = packed + vectors * r.columns * BYTES
    for j in range(vectors):
        store(nothing + j * BYTES, zeros())
    present = -1
    pieces = (r.rows + PIECE - 1) // PIECE  # of the longest group
    item = take(words)
    while item < r.groups * pieces:
        x, y, rows, which = _group(r, item // pieces)
        done = item % pieces * PIECE
        if done < rows:
            if which != present:
                _pack_matrix(p, which, r.columns, packed)
                present = which
            first = p.bias + which * p.out * FLOAT if p.bias else nothing
            x, y, rows = x + done * r.x_row, y + done * r.y_row, min(PIECE, rows - done)
            _multiply_rows(r, p, packed, first, x, y, rows)
        item = take(words)
    memory[0] = 0  # alive until here


@njit(inline="always")
def _add_rows(r, p, sums, packed, x, y, rows):
    """Add the products of some rows to a part."""
    line = (r.columns + WIDTH - 1) // WIDTH * BYTES
    panels, vectors = r.columns // PANEL, r.columns // WIDTH
    for panel in range(panels):
        at = panel * VECTORS * BYTES
        _pack(x + at, r.x_row, rows, VECTORS, packed)
        to = sums + at
        _panel(VECTORS, y, FLOAT, r.y_row, packed, rows, to, line, to, line, p.out)
    for vector in range(panels * VECTORS, vectors):
        at = vector * BYTES
        _pack(x + at, r.x_row, rows, 1, packed)
        to = sums + at
        _panel(1, y, FLOAT, r.y_row, packed, rows, to, line, to, line, p.out)
    if r.columns % WIDTH:
        at = vectors * BYTES
        _pack_part(x + at, r.x_row, rows, r.columns % WIDTH, packed)
        to = sums + at
        _panel(1, y, FLOAT, r.y_row, packed, rows, to, line, to, line, p.out)


def correlate(words):
    """Sum products of rows; the words are a counter, `Rows` and `Gram`."""
    r = Rows(*read(words, 1, ROWS_WORDS))
    p = Gram(*read(words, 1 + ROWS_WORDS, OTHERS))
    memory, packed = scratch(VECTORS * CHUNK)
    size = p.out * ((r.columns + WIDTH - 1) // WIDTH) * BYTES
    matrices = r.groups if r.ends else 1
    item = take(words)
    while item < matrices * p.parts:
        which, part = item // p.parts, item % p.parts
        groups = 1 if r.ends else r.groups  # that add to this matrix
        _, _, rows, _ = _group(r, which)
        chunks = (rows + CHUNK - 1) // CHUNK
        for chunk in range(
            start_of(part, p.parts, groups * chunks),
            start_of(part + 1, p.parts, groups * chunks),
        ):
            x, y, rows, _ = _group(r, which + chunk // chunks)
            done = chunk % chunks * CHUNK
            x, y, rows = x + done * r.x_row, y + done * r.y_row, min(CHUNK, rows - done)
            _add_rows(r, p, p.sums + item * size, packed, x, y, rows)
        item = take(words)
    memory[0] = 0  # alive until here
