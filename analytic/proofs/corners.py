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

from analytic.proofs.duals import Dual, add_gradients


def beta_function(a: int, n: int) -> Fraction:
    """int_0^1 x^a (1 - x)^n dx."""
    return Fraction(1, (a + n + 1) * comb(a + n, a))


def corner(a: int, n: int, tau: Any, k: Any) -> Any:
    """J_an in the arithmetic of tau and k."""
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
        by_k, by_tau = n * corner(a, n - 1, tau.value, k.value), -n * corner(a + 1, n - 1, tau.value, k.value)
    else:
        by_k, by_tau = _end(a, tau.value, k.value), -_end(a + 1, tau.value, k.value)
    return tau.like(value, add_gradients(k.scaled(by_k), tau.scaled(by_tau)), centre)


def _end(a: int, tau: Any, k: Any) -> Any:
    """(k / tau)^a / tau where 0 < k < tau and 0 elsewhere: the derivative of J_a0 by k; a >= 1.

    It jumps at k = tau, where both one-sided values are included.
    """
    least = (k.lower / tau.upper) ** a / tau.upper
    least = (tau.lower - k.upper).select(k.lower.select(least, 0), 0)
    share = (tau.lower - k.upper).select(k.upper / tau.lower, 1)
    most = (k.lower - tau.upper).select(0, (-k.upper).select(0, share**a / tau.lower))
    return least.positive().join(most)
