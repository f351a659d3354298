"""From formulas to programs of `machine`: a formula is run once on symbols that record what is done to them.

The equations, their derivatives and the tests on boxes are written once, in the arithmetic of intervals. Evaluating
them on `Traced` intervals writes down the operations: the same ones twice only once, sums and products with exact 0 and
1 not at all, what no output needs not either. `Program` gives the rest registers and runs it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from analytic.proofs.intervals import Interval
from analytic.proofs.machine import Op, run

Pair = tuple[float, float]
#: Operation, operands and a number.
Line = tuple[int, int, int, int]


class Traced:
    """An interval that is known to a `Tape` by its place, with the arithmetic of `Interval`."""

    __array_ufunc__ = None
    __slots__ = ("place", "tape")

    def __init__(self, tape: Tape, place: int) -> None:
        self.tape, self.place = tape, place

    def _with(self, op: Op, other: Any = None, number: int = 0) -> Traced:
        return self.tape.record(op, self, self if other is None else self.tape.enter(other), number)

    def __add__(self, other: Any) -> Any:
        return self._with(Op.ADD, other) if enters(other) else NotImplemented

    def __sub__(self, other: Any) -> Any:
        return self._with(Op.SUBTRACT, other) if enters(other) else NotImplemented

    def __mul__(self, other: Any) -> Any:
        return self._with(Op.MULTIPLY, other) if enters(other) else NotImplemented

    def __truediv__(self, other: Any) -> Any:
        return self._with(Op.DIVIDE, other) if enters(other) else NotImplemented

    def __rsub__(self, other: Any) -> Traced:
        return self.tape.enter(other)._with(Op.SUBTRACT, self)

    def __rtruediv__(self, other: Any) -> Traced:
        return self.tape.enter(other)._with(Op.DIVIDE, self)

    def __pow__(self, exponent: int) -> Traced:
        if exponent == 1:
            return self
        if exponent % 2:
            return self * self ** (exponent - 1)
        return self._with(Op.POWER, number=exponent)

    __radd__ = __add__
    __rmul__ = __mul__

    def __neg__(self) -> Traced:
        return self._with(Op.NEGATE)

    def positive(self) -> Traced:
        """max(x, 0)."""
        return self._with(Op.POSITIVE)

    def step(self) -> Traced:
        """The derivative of `positive`."""
        return self._with(Op.STEP)

    def sqrt(self) -> Traced:
        """The square root."""
        return self._with(Op.ROOT)

    @property
    def middle(self) -> Traced:
        """A float inside, as an interval of width zero."""
        return self._with(Op.MIDDLE)

    def meet(self, other: Any) -> Traced:
        """The intersection of two enclosures of one number."""
        return self._with(Op.MEET, other)

    @property
    def lower(self) -> Traced:
        """The lower end, as an interval of width zero."""
        return self._with(Op.LOWER)

    @property
    def upper(self) -> Traced:
        """The upper end, as an interval of width zero."""
        return self._with(Op.UPPER)

    def join(self, other: Any) -> Traced:
        """From the lower end of this to the upper end of the other."""
        return self._with(Op.JOIN, other)

    def select(self, yes: Any, no: Any) -> Traced:
        """`yes` where this is positive, `no` where it is not, their hull where that is open."""
        return self.tape.record(Op.SELECT, self.tape.enter(yes), self.tape.enter(no), self.place)


def enters(other: Any) -> bool:
    """Whether something is a number or an interval; a function on a box takes over the operation itself."""
    return isinstance(other, (Traced, Interval, int, float, Fraction))


class Tape:
    """What was done, in order: lines (op, a, b, number) whose place is the length of what is before them."""

    def __init__(self) -> None:
        self.lines: list[Line | Pair | int] = []
        self.places: dict[Any, int] = {}

    def input(self, number: int) -> Traced:
        """The interval that is handed in as number `number`."""
        return self._place(number)

    def enter(self, value: Any) -> Traced:
        """A number, or a symbol as it is."""
        if isinstance(value, Traced):
            return value
        interval = Interval.of(value)
        return self._place((float(interval.lo), float(interval.hi)))

    def _place(self, line: Any) -> Traced:
        if line not in self.places:
            self.places[line] = len(self.lines)
            self.lines.append(line)
        return Traced(self, self.places[line])

    def record(self, op: Op, a: Traced, b: Traced, number: int) -> Traced:
        """The result of an operation, simplified where it is exact."""
        known = self.constant(a.place), self.constant(b.place)
        if op is Op.MULTIPLY:
            for value, other in zip(known, (b, a), strict=True):
                if value == (0.0, 0.0):
                    return self.enter(0)
                if value in ((1.0, 1.0), (-1.0, -1.0)):
                    return other if value == (1.0, 1.0) else -other
        if op in (Op.ADD, Op.SUBTRACT) and known[1] == (0.0, 0.0):
            return a
        if op in (Op.ADD, Op.SUBTRACT) and known[0] == (0.0, 0.0):
            return b if op is Op.ADD else -b
        if op in (Op.ADD, Op.MULTIPLY) and a.place > b.place:
            a, b = b, a
        return self._place((int(op), a.place, b.place, number))

    def constant(self, place: int) -> Any:
        """The ends, if there is a constant at a place."""
        line = self.lines[place]
        return line if isinstance(line, tuple) and len(line) == 2 else None

    def operands(self, place: int) -> set[int]:
        """The places from which a line takes something."""
        line = self.lines[place]
        if isinstance(line, int) or len(line) == 2:
            return set()
        op, a, b, number = line
        return {a, b, number} if op == Op.SELECT else {a, b}


@dataclass(frozen=True)
class Program:
    """A function of intervals as lines for the machine; `constants` are its own, after those handed in."""

    lines: npt.NDArray[np.int64]
    constants: npt.NDArray[np.float64]
    registers: int
    outputs: int

    @classmethod
    def of(cls, function: Callable[..., Sequence[Any]], fixed: int, given: int) -> Program:
        """Trace function(fixed intervals..., given intervals...) -> intervals."""
        tape = Tape()
        arguments = [tape.input(i) for i in range(fixed + given)]
        outputs = [tape.enter(x).place for x in function(arguments[:fixed], arguments[fixed:])]
        return _allocate(tape, fixed, given, outputs)

    def __call__(self, fixed: npt.NDArray[np.float64], given: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Enclosures (outputs, 2, n) for `fixed` (f, 2), the same for all, and `given` (d, 2, n)."""
        results = np.empty((self.outputs, 2, given.shape[2]))
        run(self.lines, self.registers, np.concatenate([fixed, self.constants]), given, results)
        return results


def _allocate(tape: Tape, fixed: int, given: int, outputs: list[int]) -> Program:
    """Give every needed line a register: constants and inputs keep theirs, the others lend them out again."""
    order = sorted(_needed(tape, outputs))
    constants = [place for place in order if tape.constant(place)]
    shift = len(constants)
    where = {place: fixed + i for i, place in enumerate(constants)}
    where |= {i: i if line < fixed else line + shift for i, line in enumerate(tape.lines) if isinstance(line, int)}
    kept = set(where) | set(outputs)
    last = {operand: place for place in order for operand in tape.operands(place)}
    free: list[int] = []
    top, lines = fixed + shift + given, []
    for place in (place for place in order if place not in where):
        op, a, b, number = tape.lines[place]  # type: ignore[misc]
        if not free:
            free.append(top)
            top += 1
        where[place] = free.pop()
        lines.append((op, where[place], where[a], where[b], where[number] if op == Op.SELECT else number))
        free += [where[x] for x in tape.operands(place) - kept if last[x] == place]
    lines += [(int(Op.MEET), top + i, where[place], where[place], 0) for i, place in enumerate(outputs)]
    values = np.array([tape.lines[place] for place in constants], dtype=np.float64).reshape(-1, 2)
    return Program(np.array(lines, dtype=np.int64), values, top + len(outputs), len(outputs))


def _needed(tape: Tape, outputs: list[int]) -> set[int]:
    """The places that the outputs depend on."""
    needed, stack = set(outputs), list(outputs)
    while stack:
        fresh = tape.operands(stack.pop()) - needed
        needed |= fresh
        stack += fresh
    return needed
