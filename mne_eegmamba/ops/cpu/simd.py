"""A vector of 16 floats for numba kernels, and the arithmetic that they need.

Auto-vectorised loops leave half of the speed behind, so the kernels say what they mean:
``h = fma(a, h, b)`` on values of type ``Vector`` is one instruction where the processor
has 512-bit registers, two with 256 bits and four with 128. Addresses are plain integers
in bytes.
"""

import operator

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model

WIDTH = 16  # lanes
BYTES = 4 * WIDTH

_FLOAT, _INT = ir.FloatType(), ir.IntType(32)
_FLOATS, _INTS = ir.VectorType(_FLOAT, WIDTH), ir.VectorType(_INT, WIDTH)


class _VectorType(types.Type):
    def __init__(self):
        super().__init__(name=f"Vector{WIDTH}")


VECTOR = _VectorType()


@register_model(_VectorType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager, fe_type):
        super().__init__(manager, fe_type, _FLOATS)


def _constant(value, kind=_FLOATS):
    return ir.Constant(kind, [value] * WIDTH)


def _call(builder, name, *values, result=_FLOATS):
    """Call an LLVM intrinsic."""
    kind = ir.FunctionType(result, [v.type for v in values])
    return builder.call(
        cgutils.get_or_insert_function(builder.module, kind, name), values
    )


def _suffix(name):
    return f"llvm.{name}.v{WIDTH}f32"


def multiply_add(builder, a, b, c):
    """Return ``a * b + c``, rounded once."""
    return _call(builder, _suffix("fma"), a, b, c)


def _unary(build):
    """Make a numba intrinsic from ``build(builder, x) -> LLVM value``."""

    @intrinsic
    def function(typingctx, x):
        return VECTOR(VECTOR), lambda ctx, b, sig, args: build(b, *args)

    return function


def _binary(symbol, method):
    """Let an operator work on two vectors."""

    @intrinsic
    def function(typingctx, x, y):
        def build(context, builder, signature, args):
            return getattr(builder, method)(*args)

        return VECTOR(VECTOR, VECTOR), build

    @overload(symbol, inline="always")
    def _(x, y):
        both = x == VECTOR and y == VECTOR
        return (lambda x, y: function(x, y)) if both else None


_binary(operator.add, "fadd")
_binary(operator.sub, "fsub")
_binary(operator.mul, "fmul")
_binary(operator.truediv, "fdiv")


def load_vector(builder, address):
    """Read 16 floats."""
    pointer = builder.inttoptr(address, _FLOATS.as_pointer())
    return builder.load(pointer, align=4)


def store_vector(builder, address, x):
    """Write 16 floats."""
    builder.store(x, builder.inttoptr(address, _FLOATS.as_pointer()), align=4)


def spread_float(builder, address):
    """Read one float into all lanes."""
    value = builder.load(builder.inttoptr(address, _FLOAT.as_pointer()), align=4)
    nothing = ir.Constant(_FLOATS, ir.Undefined)
    one = builder.insert_element(nothing, value, ir.Constant(_INT, 0))
    return builder.shuffle_vector(one, nothing, _constant(0, _INTS))


@intrinsic
def load(typingctx, address):
    """Read 16 floats."""

    def build(context, builder, signature, args):
        return load_vector(builder, *args)

    return VECTOR(types.int64), build


@intrinsic
def store(typingctx, address, x):
    """Write 16 floats."""

    def build(context, builder, signature, args):
        store_vector(builder, *args)
        return context.get_dummy_value()

    return types.void(types.int64, VECTOR), build


@intrinsic
def copy_float(typingctx, source, to):
    """Copy one float."""

    def build(context, builder, signature, args):
        source, to = (builder.inttoptr(x, _FLOAT.as_pointer()) for x in args)
        builder.store(builder.load(source, align=4), to, align=4)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), build


@intrinsic
def spread(typingctx, address):
    """Read one float into all lanes."""

    def build(context, builder, signature, args):
        return spread_float(builder, *args)

    return VECTOR(types.int64), build


@intrinsic
def zeros(typingctx):
    """Return a vector of zeros."""
    return VECTOR(), lambda *_: _constant(0.0)


@intrinsic
def fma(typingctx, a, b, c):
    """Return ``a * b + c``, rounded once."""

    def build(context, builder, signature, args):
        return multiply_add(builder, *args)

    return VECTOR(VECTOR, VECTOR, VECTOR), build


@intrinsic
def store_sum(typingctx, address, x):
    """Write the sum of the lanes as one float."""

    def build(context, builder, signature, args):
        value = args[1]
        width = WIDTH
        while width > 1:  # halves onto each other: always the same order
            width //= 2
            low = ir.Constant(ir.VectorType(_INT, width), list(range(width)))
            high = ir.Constant(
                ir.VectorType(_INT, width), list(range(width, 2 * width))
            )
            low = builder.shuffle_vector(value, value, low)
            value = builder.fadd(low, builder.shuffle_vector(value, value, high))
        total = builder.extract_element(value, ir.Constant(_INT, 0))
        builder.store(total, builder.inttoptr(args[0], _FLOAT.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.void(types.int64, VECTOR), build


# 2**r on [-1/2, 1/2]: least largest relative error (1e-7) with the constant exactly 1,
# so that many small steps do not drift.
_EXP2 = (
    0.0013264727252699296,
    0.009671512785826567,
    0.055507337444713895,
    0.2402224208311105,
    0.6931469775976774,
    1.0,
)
_ROUND = 1.5 * 2.0**23  # added, it leaves the nearest integer in the lowest bits
_LOWEST, _HIGHEST = -127.0, 127.49  # 2**-127 gives exactly zero


def _limit(builder, sign, x, bound):
    """Replace what lies beyond a bound by it; NaN stays NaN."""
    beyond = builder.fcmp_ordered(sign, x, _constant(bound))
    return builder.select(beyond, _constant(bound), x)


def _exp2(builder, t):
    t = _limit(builder, "<", t, _LOWEST)
    t = _limit(builder, ">", t, _HIGHEST)
    shifted = builder.fadd(t, _constant(_ROUND))
    r = builder.fsub(t, builder.fsub(shifted, _constant(_ROUND)))
    p = _constant(_EXP2[0])
    for coefficient in _EXP2[1:]:
        p = multiply_add(builder, p, r, _constant(coefficient))
    exponent = builder.shl(builder.bitcast(shifted, _INTS), _constant(23, _INTS))
    return builder.bitcast(builder.add(builder.bitcast(p, _INTS), exponent), _FLOATS)


_LOG2_E = 1.4426950408889634


def _sigmoid(builder, x):
    e = _exp2(builder, builder.fmul(x, _constant(-_LOG2_E)))
    return builder.fdiv(_constant(1.0), builder.fadd(_constant(1.0), e))


def _softplus(builder, x):
    """max(x, 0) + log1p(exp(-|x|)), with log1p(s) = 2 atanh(s / (2 + s))."""
    absolute = _call(builder, _suffix("fabs"), x)
    s = _exp2(builder, builder.fmul(absolute, _constant(-_LOG2_E)))
    q = builder.fdiv(s, builder.fadd(s, _constant(2.0)))  # at most 1/3
    square = builder.fmul(q, q)
    p = _constant(2.0 / 15)
    for odd in (13, 11, 9, 7, 5, 3, 1):
        p = multiply_add(builder, p, square, _constant(2.0 / odd))
    return multiply_add(builder, p, q, _limit(builder, "<", x, 0.0))


exp2 = _unary(_exp2)
sigmoid = _unary(_sigmoid)
softplus = _unary(_softplus)
