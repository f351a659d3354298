"""The expected loss as a SymPy expression, with its symbols and activation patterns."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sympy as sp

from analytic.loss import kernels
from analytic.models.bias import Bias, BiasLike
from analytic.validation import InvalidValue

#: A point (own weight, other weight, own bias) inside every pattern, and on those that remain where b = 0.
_POINTS: tuple[tuple[float, float, float], ...] = (
    *((1, 1, -3), (1, 1, -1.5), (1, -1, -0.5), (1, -0.5, -0.25)),
    *((1, 2, -1.5), (1, -2, 0.5), (1, 1, -0.5), (1, -1, 0.5), (1, 1, 1)),
)
_POINTS_WITHOUT_BIAS = ((0, 1, 0), (1, -1, 0), (1, -0.5, 0), (1, 1, 0))


class _Placed:
    """An expression and its value at a point: computes with both, and compares at the point.

    The generated formulas, run on these, give the expression of the activation pattern in which the point lies.
    """

    def __init__(self, expression: sp.Expr | int, value: float) -> None:
        self.expression, self.value = sp.sympify(expression), value

    def __gt__(self, other: int) -> bool:
        return self.value > other

    def __neg__(self) -> _Placed:
        return _Placed(-self.expression, -self.value)

    def __add__(self, other: _Placed | int) -> _Placed:
        return _apply(operator.add, self, other)

    def __sub__(self, other: _Placed | int) -> _Placed:
        return _apply(operator.sub, self, other)

    def __mul__(self, other: _Placed | int) -> _Placed:
        return _apply(operator.mul, self, other)

    def __truediv__(self, other: _Placed | int) -> _Placed:
        return _apply(operator.truediv, self, other)

    def __radd__(self, other: int) -> _Placed:
        return _apply(operator.add, other, self)

    def __rsub__(self, other: int) -> _Placed:
        return _apply(operator.sub, other, self)

    def __rmul__(self, other: int) -> _Placed:
        return _apply(operator.mul, other, self)


def _apply(operation: Callable[[Any, Any], Any], left: _Placed | int, right: _Placed | int) -> _Placed:
    """An operation on numbers, on both parts."""
    first, second = (side if isinstance(side, _Placed) else _Placed(side, side) for side in (left, right))
    return _Placed(operation(first.expression, second.expression), operation(first.value, second.value))


@dataclass(frozen=True)
class Piece:
    """One output's share of the loss inside one activation pattern.

    `pattern` names the positive corners among B = b, A = alpha + b, E = beta + b, F = alpha + beta + b.
    """

    pattern: str
    condition: sp.Basic
    expression: sp.Expr


@dataclass(frozen=True)
class SymbolicLoss:
    """The expected loss, exactly.

    Attributes
    ----------
    bias : the bias convention
    symbols : dict from name to SymPy symbol: W1, W2, the biases, I1, I2 and the sparsities S1, S2
    outputs : for each of the two outputs its nine pieces, which exclude each other and cover everything
    """

    bias: Bias
    symbols: dict[str, sp.Symbol]
    outputs: tuple[tuple[Piece, ...], tuple[Piece, ...]]

    @property
    def expression(self) -> sp.Expr:
        """The loss as one expression: a sum of two piecewise functions."""
        return sum(sp.Piecewise(*((piece.expression, piece.condition) for piece in output)) for output in self.outputs)

    def piece(self, pattern1: str, pattern2: str) -> sp.Expr:
        """The loss where output 1 has the first and output 2 the second activation pattern, for example "AEF"."""
        chosen = []
        for output, pattern in zip(self.outputs, (pattern1, pattern2), strict=True):
            expressions = {piece.pattern: piece.expression for piece in output}
            if pattern not in expressions:
                raise InvalidValue(f"pattern must be one of {', '.join(map(repr, expressions))}, got {pattern!r}")
            chosen.append(expressions[pattern])
        return sum(chosen)

    def latex(self) -> str:
        """The loss in LaTeX, one cases environment per output."""
        terms = []
        for output in self.outputs:
            rows = (rf"{sp.latex(piece.expression)} & \text{{if }} {sp.latex(piece.condition)}" for piece in output)
            terms.append(r"\begin{cases}" + r" \\ ".join(rows) + r"\end{cases}")
        return "L = " + " + ".join(terms)


def _corners(own: Any, other: Any, b: Any) -> dict[str, Any]:
    """h at the corners of the square, for weights and bias in any arithmetic."""
    alpha, beta = own * own, own * other
    return {"A": alpha + b, "B": b, "E": beta + b, "F": alpha + beta + b}


def _piece(output: int, at: tuple[Any, Any, Any], point: dict[str, _Placed]) -> Piece:
    """The share of one output, 1 or 2, around a point; `at` is that output's own weight, other weight and bias."""
    corners = _corners(*at).items()
    conditions = (h.expression > 0 if h > 0 else h.expression <= 0 for _, h in corners)
    alone = point | {f"I{3 - output}": _Placed(0, 0)}
    pattern = "".join(name for name, h in corners if h > 0)
    return Piece(pattern, sp.And(*conditions), sp.factor(kernels.loss(**alone).expression))


def _pieces(output: int, expressions: dict[str, sp.Expr]) -> tuple[Piece, ...]:
    """The pieces of one output, 1 or 2: its share of the loss in every pattern."""
    names = ("W1", "W2", "b1") if output == 1 else ("W2", "W1", "b2")
    pieces = []
    for values in _POINTS if expressions["b1"] != 0 else _POINTS_WITHOUT_BIAS:
        place = dict(zip(names, values, strict=True))
        point = {name: _Placed(expression, place.get(name, 1)) for name, expression in expressions.items()}
        own, other, b = (point[name] for name in names)
        pieces.append(_piece(output, (own, other, b), point))
    return tuple(pieces)


def symbolic_loss(bias: BiasLike = "per-feature") -> SymbolicLoss:
    """The expected loss as a function of W1, W2, the bias, importances I1, I2 and sparsities S1, S2.

    Examples
    --------
    >>> loss = symbolic_loss("none")
    >>> s = loss.symbols
    >>> both_on = {s["S1"]: 0, s["S2"]: 0, s["I1"]: 1, s["I2"]: 1}
    >>> loss.piece("AEF", "AEF").subs(both_on).subs({s["W1"]: 1, s["W2"]: 1})
    2/3
    """
    convention = Bias.of(bias)
    W1, W2 = sp.symbols("W1 W2", real=True)
    I1, I2 = sp.symbols("I1 I2", positive=True)
    S1, S2 = sp.symbols("S1 S2", nonnegative=True)
    biases = [sp.Symbol(name, real=True) for name in convention.names()]
    b1, b2 = {0: (sp.Integer(0),) * 2, 1: biases * 2, 2: biases}[len(biases)]
    symbols = {str(symbol): symbol for symbol in (W1, W2, *biases, I1, I2, S1, S2)}
    on_off = {"p00": S1 * S2, "p10": (1 - S1) * S2, "p01": S1 * (1 - S2), "p11": (1 - S1) * (1 - S2)}
    expressions = {"W1": W1, "W2": W2, "b1": b1, "b2": b2, "I1": I1, "I2": I2, **on_off}
    return SymbolicLoss(convention, symbols, (_pieces(1, expressions), _pieces(2, expressions)))
