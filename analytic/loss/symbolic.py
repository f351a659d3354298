"""The expected loss as a SymPy expression, with its symbols and activation patterns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy as sp

from analytic.loss import kernels
from analytic.models.bias import Bias, BiasLike

#: Corner name -> how often it contains alpha and beta.
_CORNERS = {"A": (1, 0), "B": (0, 0), "E": (0, 1), "F": (1, 1)}
_PATTERNS = ("", "F", "A", "AF", "EF", "AB", "AEF", "ABF", "ABEF")
#: With b = 0 no corner value but E and F can have the other sign than A = W_i^2 >= B = 0 has.
_PATTERNS_WITHOUT_BIAS = ("", "A", "AF", "AEF")


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
            found = [piece.expression for piece in output if piece.pattern == pattern]
            if not found:
                raise ValueError(f"pattern must be one of {', '.join(map(repr, _PATTERNS))}, got {pattern!r}")
            chosen += found
        return sum(chosen)

    def latex(self) -> str:
        """The loss in LaTeX, one cases environment per output."""
        terms = []
        for output in self.outputs:
            rows = (rf"{sp.latex(piece.expression)} & \text{{if }} {sp.latex(piece.condition)}" for piece in output)
            terms.append(r"\begin{cases}" + r" \\ ".join(rows) + r"\end{cases}")
        return "L = " + " + ".join(terms)


def _condition(pattern: str, alpha: sp.Expr, beta: sp.Expr, b: sp.Expr) -> sp.Basic:
    values = {name: i * alpha + j * beta + b for name, (i, j) in _CORNERS.items()}
    return sp.And(*(value > 0 if name in pattern else value <= 0 for name, value in values.items()))


def _pieces(own: sp.Expr, other: sp.Expr, b: sp.Expr, importance: sp.Expr, p: Any) -> tuple[Piece, ...]:
    """The nine pieces of one output; p holds P00, P(own only), P(other only), P11."""
    alpha, beta = own**2, own * other
    pieces = []
    for pattern in _PATTERNS if b != 0 else _PATTERNS_WITHOUT_BIAS:
        hh, xh, *_ = getattr(kernels, f"moments_{pattern or 'none'}")(alpha, beta, b, *p)
        expression = importance * (sp.Rational(1, 3) * (p[1] + p[3]) - 2 * xh + hh)
        pieces.append(Piece(pattern, _condition(pattern, alpha, beta, b), sp.factor(expression)))
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
    p00, p10, p01, p11 = S1 * S2, (1 - S1) * S2, S1 * (1 - S2), (1 - S1) * (1 - S2)
    symbols = {str(symbol): symbol for symbol in (W1, W2, *biases, I1, I2, S1, S2)}
    first = _pieces(W1, W2, b1, I1, (p00, p10, p01, p11))
    second = _pieces(W2, W1, b2, I2, (p00, p01, p10, p11))
    return SymbolicLoss(convention, symbols, (first, second))
