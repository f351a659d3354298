"""Loss, gradient and Hessian of the pair, from those of one output by the chain rule.

    L(W1, W2, b1, b2) = sum_i I_i l(alpha_i, beta, b_i; on/off),    alpha_i = W_i^2,  beta = W_1 W_2

where the second output sees the features exchanged. `loss` proves that l = E[x^2] - 2 E[x h+] + E[h+^2] has the
derivatives 2 (E[h+ u] - E[x u 1]) and 2 (E[u u^T 1] - E[x u u^T delta(h)]), u = (x, y, 1). Here they are symbols, and
SymPy differentiates the arguments of l.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import sympy as sp

from derivations.loss import DELTA, GRADIENT, INDICATOR
from derivations.program import over

W1, W2, b1, b2 = THETA = sp.symbols("W1 W2 b1 b2", real=True)
I1, I2 = IMPORTANCE = sp.symbols("I1 I2", positive=True)
p00, p10, p01, p11 = ON_OFF = sp.symbols("p00 p10 p01 p11", nonnegative=True)

#: (alpha, beta, b) of each output, and its on/off probabilities in the order p00, p_own, p_other, p11.
ARGUMENTS = ((W1**2, W1 * W2, b1), (W2**2, W1 * W2, b2))
SEEN = ((p00, p10, p01, p11), (p00, p01, p10, p11))
_NAMES = ("alpha", "beta", "b")


def moment(name: str, output: int) -> sp.Symbol:
    """The symbol of a moment of output 1 or 2."""
    return sp.Symbol(f"{name}{output}", real=True)


def first(i: int, output: int) -> sp.Symbol:
    """Half of the derivative of l by its argument i."""
    return sp.Symbol(f"by_{_NAMES[i]}{output}", real=True)


def second(i: int, j: int, output: int) -> sp.Symbol:
    """Half of the second derivative of l by its arguments i and j."""
    low, high = sorted((i, j))
    return sp.Symbol(f"by_{_NAMES[low]}_{_NAMES[high]}{output}", real=True)


def first_in_moments(output: int) -> Iterator[tuple[sp.Symbol, sp.Expr]]:
    """Every `first` with what it is in moments."""
    for i, (plus, minus) in enumerate(GRADIENT):
        yield first(i, output), moment(plus, output) - moment(minus, output)


def second_in_moments(output: int) -> Iterator[tuple[sp.Symbol, sp.Expr]]:
    """Every `second` with what it is in moments."""
    for i in range(3):
        for j in range(i, 3):
            yield second(i, j, output), moment(INDICATOR[i][j], output) - moment(DELTA[i][j], output)


def in_moments() -> Iterator[tuple[sp.Symbol, sp.Expr]]:
    """E[x^2] and E[x^2] - 2 E[x h+] of both outputs: what to compute before the loss.

    Where the loss is small its three terms cancel; the difference of the first two is then exact, so it comes first.
    """
    for output, (_, own, _, both) in enumerate(SEEN, start=1):
        yield moment("square", output), over(own + both, 3)
        yield moment("linear", output), moment("square", output) - 2 * moment("xh", output)


def loss() -> sp.Expr:
    """L in the moments of both outputs."""
    return sp.Add(*(importance * (moment("linear", i) + moment("hh", i)) for i, importance in enumerate(IMPORTANCE, 1)))


@cache
def gradient() -> sp.Matrix:
    """Derivatives of L by (W1, W2, b1, b2) in `first`."""
    total = sp.zeros(4, 1)
    for output, (importance, arguments) in enumerate(zip(IMPORTANCE, ARGUMENTS, strict=True), start=1):
        inner = sp.Matrix([first(i, output) for i in range(3)])
        total += 2 * importance * sp.Matrix(arguments).jacobian(THETA).T * inner
    return total.applyfunc(_collected)


@cache
def hessian() -> sp.Matrix:
    """Second derivatives of L by (W1, W2, b1, b2) in `first` and `second`."""
    total = sp.zeros(4, 4)
    for output, (importance, arguments) in enumerate(zip(IMPORTANCE, ARGUMENTS, strict=True), start=1):
        jacobian = sp.Matrix(arguments).jacobian(THETA)
        inner = sp.Matrix(3, 3, lambda i, j, output=output: second(i, j, output))
        curved = sum((first(i, output) * sp.hessian(a, THETA) for i, a in enumerate(arguments)), sp.zeros(4, 4))
        total += 2 * importance * (jacobian.T * inner * jacobian + curved)
    return total.applyfunc(_collected)


def _collected(entry: sp.Expr) -> sp.Expr:
    """One product per importance; a common factor 2 in front, so that nothing is rounded twice."""
    parts = [importance * sp.factor_terms(sp.expand(entry).coeff(importance) / 2) for importance in IMPORTANCE]
    return sp.Mul(2, sp.Add(*parts), evaluate=False) if all(parts) else 2 * sp.Add(*parts)


def chain_rule() -> bool:
    """Whether `gradient` and `hessian` are derivatives of sum_i I_i l_i, l_i any function.

    Two derivatives at a point see no more of a function than a quadratic polynomial; its coefficients are symbols.
    """
    total, values = sp.Integer(0), {}
    for output, (importance, arguments) in enumerate(zip(IMPORTANCE, ARGUMENTS, strict=True), start=1):
        inner = sp.symbols(f"z0:3_{output}")
        monomials = [1, *inner, *(inner[i] * inner[j] for i in range(3) for j in range(i, 3))]
        general = sum(k * z for k, z in zip(sp.symbols(f"k0:10_{output}"), monomials, strict=True))
        at = dict(zip(inner, arguments, strict=True))
        total += importance * general.subs(at)
        for i in range(3):
            values[first(i, output)] = sp.diff(general, inner[i]).subs(at) / 2
            for j in range(3):
                values[second(i, j, output)] = sp.diff(general, inner[i], inner[j]) / 2
    by_theta = sp.Matrix([total]).jacobian(THETA).T
    differences = [*(gradient().subs(values) - by_theta), *(hessian().subs(values) - sp.hessian(total, THETA))]
    return not any(map(sp.expand, differences))
