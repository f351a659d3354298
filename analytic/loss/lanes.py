"""Eight numbers at once: a type for compiled functions that is one vector of the processor.

What is computed for one output is computed for eight, of one model or of several, by the same instructions. Numba's
own vectorisation of an inner loop over eight numbers has to prove that no two arrays overlap, at every entry of the
loop, and takes four times as long as the arithmetic. Each lane is plain IEEE arithmetic without contraction, so a
result does not depend on its neighbours, on their number, or on how wide the registers of the machine are.

Inside compiled functions: `load(array, i)` and `store(array, i, v)` move the elements 8 i to 8 i + 7 of a flat array,
`spread(x)` repeats a number, `+ - * /` act lane by lane, and `where_positive(c, x, y)` takes x where c > 0, else y.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

WIDTH = 8
_VECTOR = ir.VectorType(ir.DoubleType(), WIDTH)


class _Lanes(types.Type):
    def __init__(self) -> None:
        super().__init__(name="Lanes")


_lanes = _Lanes()


@register_model(_Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, _VECTOR)


def _register(operation, instruction: str) -> None:
    """Makes `operation` act on lanes by one LLVM instruction."""

    class OnLanes(ConcreteTemplate):
        cases = (signature(_lanes, _lanes, _lanes),)

    def lower(context, builder, sig, args):
        return getattr(builder, instruction)(*args)

    infer_global(operation)(OnLanes)
    lower_builtin(operation, _lanes, _lanes)(lower)


for _operations, _instruction in (
    ((operator.add, operator.iadd), "fadd"),
    ((operator.sub, operator.isub), "fsub"),
    ((operator.mul, operator.imul), "fmul"),
    ((operator.truediv, operator.itruediv), "fdiv"),
):
    for _operation in _operations:
        _register(_operation, _instruction)


def _inside_compiled_code(function: Callable) -> Any:
    """`intrinsic`, whose own signature has the typing context as an argument that callers do not pass."""
    return intrinsic(function)


def _address(context, builder, array_type, array, index):
    first = context.make_array(array_type)(context, builder, array).data
    start = builder.mul(index, ir.Constant(index.type, WIDTH))
    return builder.bitcast(builder.gep(first, [start]), _VECTOR.as_pointer())


@_inside_compiled_code
def load(typing_context, array, index):
    """Elements 8 index, ..., 8 index + 7 of a flat float64 array."""

    def generate(context, builder, sig, args):
        value = builder.load(_address(context, builder, sig.args[0], *args))
        value.align = 8
        return value

    return _lanes(array, types.intp), generate


@_inside_compiled_code
def store(typing_context, array, index, value):
    """Writes the elements 8 index, ..., 8 index + 7 of a flat float64 array."""

    def generate(context, builder, sig, args):
        builder.store(args[2], _address(context, builder, sig.args[0], *args[:2])).align = 8
        return context.get_dummy_value()

    return types.none(array, types.intp, _lanes), generate


@_inside_compiled_code
def spread(typing_context, number):
    """The same number in every lane."""

    def generate(context, builder, sig, args):
        value = ir.Constant(_VECTOR, ir.Undefined)
        for lane in range(WIDTH):
            value = builder.insert_element(value, args[0], cgutils.int32_t(lane))
        return value

    return _lanes(types.float64), generate


def _positive(builder, value):
    return builder.fcmp_ordered(">", value, ir.Constant(_VECTOR, [0.0] * WIDTH))


@_inside_compiled_code
def where_positive(typing_context, condition, then, otherwise):
    """`then` in the lanes where condition > 0, elsewhere (also where it is NaN) `otherwise`."""

    def generate(context, builder, sig, args):
        return builder.select(_positive(builder, args[0]), args[1], args[2])

    return _lanes(_lanes, _lanes, _lanes), generate


@_inside_compiled_code
def any_positive(typing_context, value):
    """Whether a lane is positive."""

    def generate(context, builder, sig, args):
        bits = builder.bitcast(_positive(builder, args[0]), ir.IntType(WIDTH))
        return builder.icmp_unsigned("!=", bits, ir.Constant(bits.type, 0))

    return types.boolean(_lanes), generate
