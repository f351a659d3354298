"""Programs as text: one printer per language.

Expressions come out alike in every language, as sums, products and quotients of names and integers, so that the same
operations are done in the same order everywhere: two languages with IEEE double precision agree to the last bit.
"""

from __future__ import annotations

import textwrap
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator

import sympy as sp
from sympy.printing.precedence import PRECEDENCE
from sympy.printing.str import StrPrinter

from derivations.program import Assign, Branch, Call, Function, Module, Note, Return, Step

#: Higher powers stay powers; only polynomials that are not compiled have them.
_LONGEST_PRODUCT = 8


class _Arithmetic(StrPrinter):
    """Integer powers as products; fractions only as a division at the end of a product.

    A fraction by itself, 1/6, would be rounded before an exact number could take part, and a power in a denominator
    would be read as a product: both are refused.
    """

    def _print_Rational(self, expr: sp.Rational) -> str:
        raise ValueError(f"cannot print {expr}: a fraction must be a factor of something")

    def _print_Mul(self, expr: sp.Mul) -> str:
        if any(factor.is_Pow and factor.exp < -1 for factor in expr.args):
            raise ValueError(f"cannot print {expr}: a power in a denominator")
        return str(super()._print_Mul(expr))

    def _print_Pow(self, expr: sp.Pow, rational: bool = False) -> str:
        if expr.exp.is_Integer and 2 <= expr.exp <= _LONGEST_PRODUCT:
            factor = self.parenthesize(expr.base, PRECEDENCE["Pow"])
            return "*".join([factor] * int(expr.exp))
        return str(super()._print_Pow(expr, rational))


_arithmetic = _Arithmetic().doprint


class Printer(ABC):
    """The steps of a function, line by line; a language says how each kind of line looks."""

    #: What begins a comment, and what ends a branch.
    comment: str
    close: str | None

    def lines(self, steps: Iterable[Step]) -> Iterator[str]:
        """The lines of some steps."""
        for step in steps:
            match step:
                case Note(text):
                    yield f"{self.comment} {text}"
                case Assign(name, value):
                    yield self.assign(name, _arithmetic(value))
                case Call(names, function, arguments):
                    yield self.unpack(names, f"{function}({', '.join(map(_arithmetic, arguments))})")
                case Branch(positive, then):
                    yield self.branch(f"{positive} > 0")
                    yield from textwrap.indent("\n".join(self.lines(then)), "    ").split("\n")
                    if self.close:
                        yield self.close
                case Return(values):
                    yield self.give([_arithmetic(value) for value in values])

    def body(self, function: Function) -> str:
        """The indented lines of a function."""
        return textwrap.indent("\n".join(self.lines(function.steps)), "    ")

    @abstractmethod
    def assign(self, name: str, value: str) -> str: ...

    @abstractmethod
    def unpack(self, names: tuple[str, ...], call: str) -> str: ...

    @abstractmethod
    def branch(self, condition: str) -> str: ...

    @abstractmethod
    def give(self, values: list[str]) -> str: ...

    @abstractmethod
    def function(self, function: Function) -> str:
        """The text of a function."""

    @abstractmethod
    def module(self, module: Module) -> str:
        """The text of a file."""


class Python(Printer):
    """Python that Numba compiles where a compiled function calls it, and that runs on any numbers where it does not."""

    comment, close = "#", None

    def assign(self, name: str, value: str) -> str:
        return f"{name} = {value}"

    def unpack(self, names: tuple[str, ...], call: str) -> str:
        return f"{', '.join(names)} = {call}"

    def branch(self, condition: str) -> str:
        return f"if {condition}:"

    def give(self, values: list[str]) -> str:
        return f"return {values[0]}" if len(values) == 1 else f"return (\n    {', '.join(values)},\n)"

    def function(self, function: Function) -> str:
        head = f"def {function.name}({', '.join(function.arguments)}):"
        if function.compiled:
            head = f"@register_jitable\n{head}"
        return f'{head}\n    """{function.summary}"""\n{self.body(function)}\n'

    def module(self, module: Module) -> str:
        head = f'"""{module.text}"""\n\nfrom numba.extending import register_jitable\n'
        return "\n\n".join([head, *map(self.function, module.functions)])


class JavaScript(Printer):
    """A JavaScript module of the compiled functions; several results are an array."""

    comment, close = "//", "}"

    def assign(self, name: str, value: str) -> str:
        return f"const {name} = {value};"

    def unpack(self, names: tuple[str, ...], call: str) -> str:
        return f"const [{', '.join('' if name == '_' else name for name in names)}] = {call};"

    def branch(self, condition: str) -> str:
        return f"if ({condition}) {{"

    def give(self, values: list[str]) -> str:
        return f"return {values[0]};" if len(values) == 1 else f"return [\n    {', '.join(values)},\n];"

    def function(self, function: Function) -> str:
        head = f"export function {function.name}({', '.join(function.arguments)}) {{"
        return f"/** {function.summary} */\n{head}\n{self.body(function)}\n}}\n"

    def module(self, module: Module) -> str:
        compiled = [self.function(function) for function in module.functions if function.compiled]
        roots = ["const {sqrt} = Math;\n"] if any("sqrt(" in text for text in compiled) else []
        return "\n".join([f"/*\n{module.text}*/\n", *roots, *compiled])
