"""A small program: what a formula becomes before a printer writes it down in some language.

A `Function` is a list of steps that end in a `Return`: assignments, calls of earlier functions of the same module, and
branches on the sign of one variable. Values are SymPy expressions in the names that stand before them. Temporaries are
what `sympy.cse` finds. That is all that the formulas of this package need, and all that `printers` can print.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import sympy as sp


@dataclass(frozen=True)
class Note:
    """A comment on the steps that follow."""

    text: str


@dataclass(frozen=True)
class Assign:
    """name = value."""

    name: str
    value: sp.Expr


@dataclass(frozen=True)
class Call:
    """names = function(arguments); a result named "_" is not used."""

    names: tuple[str, ...]
    function: str
    arguments: tuple[sp.Expr, ...]


@dataclass(frozen=True)
class Branch:
    """`then` where the variable is positive, which returns; what follows the branch is for where it is not."""

    positive: str
    then: tuple[Step, ...]


@dataclass(frozen=True)
class Return:
    """One number, or several."""

    values: tuple[sp.Expr, ...]


Step = Note | Assign | Call | Branch | Return


@dataclass(frozen=True)
class Function:
    """A function of numbers; `summary` is its documentation.

    One that is not `compiled` has integers beyond 2^53 and high powers: it is for languages with large integers.
    """

    name: str
    arguments: tuple[str, ...]
    summary: str
    steps: tuple[Step, ...]
    compiled: bool = True


@dataclass(frozen=True)
class Module:
    """Functions under a text that explains them; each calls only earlier ones."""

    text: str
    functions: tuple[Function, ...]


def over(total: sp.Expr, divisor: int) -> sp.Expr:
    """total / divisor as one division; SymPy would divide every term of a sum."""
    return sp.Mul(sp.Rational(1, divisor), total, evaluate=False)


def names(expressions: Iterable[sp.Expr]) -> set[str]:
    """The names that occur in expressions."""
    return {str(symbol) for expression in expressions for symbol in expression.free_symbols}


def names_used(steps: Iterable[Step]) -> set[str]:
    """The names that occur in the values of straight steps."""
    found: set[str] = set()
    for step in steps:
        match step:
            case Assign(_, value):
                found |= names([value])
            case Call(_, _, values) | Return(values):
                found |= names(values)
    return found


def temporaries() -> Iterator[sp.Symbol]:
    """Names for what `evaluation` computes once; share one iterator among the branches of a function."""
    return sp.numbered_symbols("t")


def _without_bare_fractions(value: sp.Expr) -> sp.Expr:
    """u/6 - 1/2 as (u - 3)/6: a fraction by itself would be a rounded number in every language."""
    return value.replace(
        lambda part: part.is_Add and any(term.is_Rational and not term.is_Integer for term in part.args), sp.together
    )


def evaluation(
    results: Sequence[sp.Expr], definitions: Sequence[Assign] = (), fresh: Iterator[sp.Symbol] | None = None
) -> tuple[Step, ...]:
    """Steps that return the results, with common parts computed once.

    `definitions` says how to compute names that the results may use; those that are not needed are left out.
    """
    shared, values = sp.cse(results, symbols=fresh or temporaries(), order="canonical")
    wanted = names([*values, *(value for _, value in shared)])
    used: list[Step] = []
    for definition in reversed(definitions):
        if definition.name in wanted:
            used.insert(0, definition)
            wanted |= names([definition.value])
    steps = (Assign(str(name), _without_bare_fractions(value)) for name, value in shared)
    return (*used, *steps, Return(tuple(map(_without_bare_fractions, values))))
