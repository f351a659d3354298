"""The integrals that are not polynomials: J_an = int_0^1 x^a max(k - tau x, 0)^n dx for tau > 0.

For n = 0 it is the integral of x^a over {tau x < k}. All are nondecreasing in k and nonincreasing in tau, so the range
over a box is that from one corner of the box to another. Where k < tau the integrand ends at x = k / tau, and
J = B(a, n) k^n (k / tau)^(a + 1) with B(a, n) = int_0^1 x^a (1 - x)^n dx; for k >= tau it is the binomial expansion of
(excess + tau (1 - x))^n with excess = k - tau. All terms are positive: nothing cancels.
"""

from __future__ import annotations

from fractions import Fraction
from functools import reduce
from math import comb
from operator import add, mul
from typing import Any

from analytic.proofs.duals import Dual, add_gradients, scale
from analytic.proofs.jets import Jet, products


def beta_function(a: int, n: int) -> Fraction:
    """int_0^1 x^a (1 - x)^n dx."""
    return Fraction(1, (a + n + 1) * comb(a + n, a))


def corner(a: int, n: int, tau: Any, k: Any) -> Any:
    """J_an in the arithmetic of tau and k."""
    if isinstance(tau, Jet):
        return _corner_jet(a, n, tau, k)
    if isinstance(tau, Dual):
        return _corner_dual(a, n, tau, k)
    if hasattr(tau, "join"):
        least, most = _corner_at(a, n, tau.upper, k.lower), _corner_at(a, n, tau.lower, k.upper)
        return least.positive().join(most)
    if k <= 0:
        return 0 * k
    return _cut(a, n, tau, k) if k < tau else _whole(a, n, tau, k - tau)


def _corner_at(a: int, n: int, tau: Any, k: Any) -> Any:
    """J_an for intervals of width zero."""
    value = (tau - k).select(_cut(a, n, tau, k), _whole(a, n, tau, (k - tau).positive()))
    return k.select(value, 0)


def _cut(a: int, n: int, tau: Any, k: Any) -> Any:
    value = (k / tau) ** (a + 1) * beta_function(a, n)
    return value * k**n if n else value


def _whole(a: int, n: int, tau: Any, excess: Any) -> Any:
    terms = []
    for j in range(n + 1):
        factors = [base**power for base, power in ((tau, j), (excess, n - j)) if power]
        terms.append(reduce(mul, factors, comb(n, j) * beta_function(a, j)))
    return reduce(add, terms)


def _corner_dual(a: int, n: int, tau: Dual, k: Dual) -> Dual:
    value, centre = corner(a, n, tau.value, k.value), corner(a, n, tau.centre, k.centre)
    if n:
        by_k, by_tau = _slopes(a, n, tau.value, k.value)
    else:
        by_k, by_tau = _end(a, tau.value, k.value), -_end(a + 1, tau.value, k.value)
    return tau.like(value, add_gradients(k.scaled(by_k), tau.scaled(by_tau)), centre)


def _corner_jet(a: int, n: int, tau: Jet, k: Jet) -> Jet:
    """J_an with its derivatives; the gradient of J_a0 jumps where k = tau, which makes two branches."""
    at, start = (tau.reach, k.reach), (tau.start, k.start)
    true = corner(a, n, tau.value, k.value), corner(a, n, tau.centre, k.centre)
    if n:
        branches = corner(a, n, *at), corner(a, n, *start)
        by, by_start, twice = _slopes(a, n, *at), _slopes(a, n, *start), _bends(a, n, *at)
    else:
        below = tau.reach - k.reach
        (reach, by, twice), (begin, by_start, _) = (_branches(a, below, *place) for place in (at, start))
        branches = reach, begin
    grad = add_gradients(scale(k.grad, by[0]), scale(tau.grad, by[1]))
    slope = add_gradients(scale(k.slope, by_start[0]), scale(tau.slope, by_start[1]))
    terms = [
        scale(k.hess, by[0]),
        scale(tau.hess, by[1]),
        scale(products(k.grad, k.grad), twice[0]),
        scale(add_gradients(products(k.grad, tau.grad), products(tau.grad, k.grad)), twice[1]),
        scale(products(tau.grad, tau.grad), twice[2]),
    ]
    return Jet(true, branches, (grad, slope), reduce(add_gradients, terms), tau.offset)


def _branches(a: int, below: Any, tau: Any, k: Any) -> tuple[Any, tuple[Any, Any], tuple[Any, Any, Any]]:
    """J_a0, its slopes and bends: of (k / tau)^(a + 1) / (a + 1) where `below` is positive, else of 1 / (a + 1)."""

    def cut(factor: int, m: int, excess: int) -> Any:
        return below.select(factor * _power(m, excess, tau, k), 0)

    value = below.select(_power(a + 1, 0, tau, k) * Fraction(1, a + 1), Fraction(1, a + 1))
    bends = cut(a, a - 1, 2), cut(-a - 1, a, 2), cut(a + 2, a + 1, 2)
    return value, (cut(1, a, 1), cut(-1, a + 1, 1)), bends


def _power(m: int, excess: int, tau: Any, k: Any) -> Any:
    """max(k, 0)^m / tau^(m + excess); for m = 0 the numerator is 1 where k > 0."""
    scaled = (k.positive() / tau) ** m if m else k.select(1, 0)
    return scaled / tau**excess if excess else scaled


def _slopes(a: int, n: int, tau: Any, k: Any) -> tuple[Any, Any]:
    """The derivatives of J_an, n > 0, by k and by tau."""
    return n * corner(a, n - 1, tau, k), -n * corner(a + 1, n - 1, tau, k)


def _bends(a: int, n: int, tau: Any, k: Any) -> tuple[Any, Any, Any]:
    """The second derivatives of J_an, n > 0: by k twice, by k and tau, by tau twice."""
    c = n * (n - 1)
    one, two, three = (c * corner(a + i, n - 2, tau, k) if c else _end(a + i, tau, k) for i in (0, 1, 2))
    return one, -two, three


def _end(a: int, tau: Any, k: Any) -> Any:
    """(k / tau)^a / tau where 0 < k < tau and 0 elsewhere: the derivative of J_a0 by k.

    It jumps at k = tau, where both one-sided values are included.
    """
    least = (k.lower / tau.upper) ** a / tau.upper if a else 1 / tau.upper
    least = (tau.lower - k.upper).select(k.lower.select(least, 0), 0)
    share = (tau.lower - k.upper).select(k.upper / tau.lower, 1)
    largest = share**a / tau.lower if a else 1 / tau.lower
    most = (k.lower - tau.upper).select(0, (-k.upper).select(0, largest))
    return least.positive().join(most)
