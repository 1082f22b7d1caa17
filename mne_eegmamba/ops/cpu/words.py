"""What a kernel does with the int64 words it is handed."""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_WORD = ir.IntType(64)
_SIZE = 8  # bytes


def _pointer(builder, address):
    return builder.inttoptr(address, _WORD.as_pointer())


@intrinsic
def take(typingctx, address):
    """Return the counter at an address and raise it by one, safely in all threads."""

    def build(context, builder, signature, args):
        one = ir.Constant(_WORD, 1)
        return builder.atomic_rmw("add", _pointer(builder, *args), one, "monotonic")

    return types.int64(types.int64), build


@intrinsic(prefer_literal=True)
def read(typingctx, address, first, count):
    """Return a tuple of ``count`` words, a constant, from the word ``first`` on."""
    length = count.literal_value
    found = types.UniTuple(types.int64, length)

    def build(context, builder, signature, args):
        size = ir.Constant(_WORD, _SIZE)
        start = builder.add(args[0], builder.mul(args[1], size))
        values = [
            builder.load(
                _pointer(builder, builder.add(start, ir.Constant(_WORD, _SIZE * i)))
            )
            for i in range(length)
        ]
        return context.make_tuple(builder, found, values)

    return found(types.int64, types.int64, count), build
