"""Stationarity with bias, in coordinates in which the whole search is a unit cube.

Theory and proofs: derivations/completeness.md. With W2 = s tau W1, s = +1 or -1 and 0 < tau <= 1 (the other half
follows by exchanging the features), sigma = W1^2, and

    b1 = -s sigma tau kappa        h1 = sigma g1,        g1 = x1 + s tau (x2 - kappa)
    b2 = -s sigma tau k            h2 = sigma tau g2,    g2 = tau x2 + s (x1 - k)

every stationary point with both outputs live has each output either on everywhere ("on") or on with its own feature
off for some but not all values of the other one ("partial"), which is 0 <= kappa <= 1 and 0 <= k <= 1. Three systems
of equations remain, one per `Case`; each is divided by the power of tau that makes it regular at tau = 0.

A shared bias is kappa = k. Both outputs are on or both partial, so one system in (tau, k) remains.

The functions use plain arithmetic with `positive` and `corner`, so they give exact values for `Fraction`, enclosures
for `Interval`, and enclosures of value and generalised Jacobian for `Dual`. Beyond an activation border b_i = 0 they
remain true (`positive` switches), so a box may contain such a border.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from analytic.proofs.corners import corner
from analytic.proofs.duals import positive, tight

if TYPE_CHECKING:
    from analytic.models.toy import ToyModel


class Case(str, Enum):
    """Which outputs are partial; its coordinates follow in brackets."""

    BOTH = "both partial (tau, kappa, k)"
    FIRST = "first partial, second on (tau, kappa)"
    SECOND = "second partial, first on (tau, k)"
    SHARED = "one bias, both partial (tau, k)"

    @property
    def dimension(self) -> int:
        """Number of coordinates, and of equations."""
        return 3 if self is Case.BOTH else 2


@dataclass(frozen=True)
class Constants:
    """The numbers of one model as seen from the feature with the larger weight, `Fraction` or `Interval`.

    p00, q1, q2, p11: neither, only the first, only the second, both features on; v: variances. The covariance is the
    integer 0 for independent features, for which some equations have a factor tau less. `share`: the probability that
    the second feature is on if the first one is.
    """

    I1: Any
    I2: Any
    p1: Any
    p2: Any
    p00: Any
    q1: Any
    q2: Any
    p11: Any
    v1: Any
    v2: Any
    covariance: Any = 0
    share: Any = None

    def __post_init__(self) -> None:
        if self.share is None:
            object.__setattr__(self, "share", self.p2)

    @property
    def independent(self) -> bool:
        """Whether the features are on independently of each other."""
        return isinstance(self.covariance, int)

    @property
    def numbers(self) -> tuple[Any, ...]:
        """The constants, without those that follow for independent features."""
        return tuple(vars(self).values())[: 10 if self.independent else None]

    @classmethod
    def exact(cls, model: ToyModel, swapped: bool) -> Constants:
        """As fractions; `swapped` exchanges the features."""
        order = (1, 0) if swapped else (0, 1)
        I1, I2 = (model.exact_importance[i] for i in order)
        p1, p2 = (model.exact_density[i] for i in order)
        p00, *only, p11 = model.exact_patterns
        v1, v2 = (p / 3 - p * p / 4 for p in (p1, p2))
        q1, q2 = (only[i] for i in order)
        independent = cls(I1, I2, p1, p2, p00, q1, q2, p11, v1, v2)
        if model.independent:
            return independent
        return replace(independent, covariance=(p11 - p1 * p2) / 4, share=p11 / p1)


HALF, THIRD = Fraction(1, 2), Fraction(1, 3)


def first_output(c: Constants, sign: int, tau: Any, kappa: Any) -> tuple[Any, ...]:
    """H, XH, YH = E[g+], E[x g+], E[y g+] of the first output, and (H - X)/tau, (XH - XX)/tau, (YH - XY)/tau.

    X, XX, XY = E[x 1], E[x^2 1], E[x y 1]. Valid for tau kappa <= 1, kappa <= 1 if sign > 0, and for
    tau (1 - kappa) <= 1, kappa >= 0 if sign < 0.
    """
    q, r, p00, p11 = c.q1, c.q2, c.p00, c.p11
    u = tau * kappa
    if sign > 0:
        K = positive(kappa)
        L, K2, K3, K4 = K - kappa, K**2, K**3, K**4
        T2, T3 = tau**2, tau**3
        edge, slope = HALF - kappa + K2 * HALF, THIRD - kappa * HALF + K3 * (HALF * THIRD)
        return (
            (q * ((1 - u) ** 2 - (tau * L) ** 2) + tau * r * ((1 - kappa) ** 2 - L**2)) * HALF
            + tau * (p00 * L)
            + p11 * (HALF + tau * HALF - u + T2 * K3 * (HALF * THIRD)),
            q * (THIRD - u * HALF + T3 * K3 * (HALF * THIRD)) + p11 * (THIRD + tau / 4 - u * HALF + T3 * K4 / 24),
            r * tau * slope + p11 * (HALF * HALF + tau * THIRD - u * HALF + T2 * K4 / 24),
            q * (tau * K2 - kappa) + r * edge + p00 * L + p11 * (HALF - kappa + tau * K3 * THIRD),
            (q * (T2 * K3 - kappa) + p11 * (HALF - kappa + T2 * K4 / 4)) * HALF,
            r * slope + p11 * (THIRD - kappa * HALF + tau * K4 / 12),
        )
    M = positive(1 - kappa)
    M2, M3, M4 = M**2, M**3, M**4
    T2, T3 = tau**2, tau**3
    edge, slope = kappa - HALF + M2 * HALF, kappa * HALF - THIRD + M2 * HALF - M3 * (HALF * THIRD)
    off = M3 * (HALF * THIRD) - M4 / 24
    return (
        p00 * u + q * (HALF + u) + r * tau * edge + p11 * (HALF - tau * HALF + u + T2 * M3 * (HALF * THIRD)),
        q * (THIRD + u * HALF) + p11 * (THIRD + u * HALF - tau / 4 + T3 * M4 / 24),
        r * tau * slope + p11 * (HALF * HALF + u * HALF - tau * THIRD + T2 * off),
        (p00 + q) * kappa + r * edge + p11 * (kappa - HALF + tau * M3 * THIRD),
        q * kappa * HALF + p11 * (kappa * HALF - HALF * HALF + T2 * M4 / 8),
        r * slope + p11 * (kappa * HALF - THIRD + tau * off * 2),
    )


def second_output(c: Constants, sign: int, tau: Any, k: Any) -> tuple[Any, ...]:
    """H, XH, YH, X, XX, XY of the second output; x is its own feature. Valid for k <= 1 if sign > 0, else k >= 0."""
    q, r, p00, p11 = c.q2, c.q1, c.p00, c.p11
    edge = k if sign > 0 else 1 - k
    J01, J02, J03 = (corner(0, n, tau, edge) for n in (1, 2, 3))
    J11, J12, J21 = corner(1, 1, tau, edge), corner(1, 2, tau, edge), corner(2, 1, tau, edge)
    E = positive(edge)
    if sign > 0:
        J10, J20 = corner(1, 0, tau, edge), corner(2, 0, tau, edge)
        return (
            q * (tau * HALF - k + J01)
            + r * (HALF - k + E**2 * HALF)
            + p00 * (E - k)
            + p11 * (tau * HALF + HALF - k + J02 * HALF),
            q * (tau * THIRD - k * HALF + J11) + p11 * (tau * THIRD + HALF * HALF - k * HALF + J12 * HALF),
            r * (THIRD - k * HALF + E**3 * (HALF * THIRD)) + p11 * (tau / 4 + THIRD - k * HALF + J03 * (HALF * THIRD)),
            q * (HALF - J10) + p11 * (HALF - J11),
            q * (THIRD - J20) + p11 * (THIRD - J21),
            p11 * (HALF * HALF - J12 * HALF),
        )
    return (
        p00 * k + q * (tau * HALF + k) + r * (k - HALF + E**2 * HALF) + p11 * (tau * HALF - HALF + k + J02 * HALF),
        q * (tau * THIRD + k * HALF) + p11 * (tau * THIRD - HALF * HALF + k * HALF + J12 * HALF),
        r * (k * HALF - THIRD + E**2 * HALF - E**3 * (HALF * THIRD))
        + p11 * (tau / 4 - THIRD + k * HALF + J02 * HALF - J03 * (HALF * THIRD)),
        q * HALF + p11 * (HALF - J11),
        q * THIRD + p11 * (THIRD - J21),
        p11 * (HALF * HALF - J11 + J12 * HALF),
    )


def stationarity(case: Case, c: Constants, sign: int, *at: Any) -> tuple[Any, ...]:
    """The equations of a case; their common zeros with 0 < tau are its stationary points."""
    return _SYSTEMS[case](c, sign, *at)


def _both_partial(c: Constants, sign: int, tau: Any, kappa: Any, k: Any) -> tuple[Any, ...]:
    m, (_, xh, yh, _, da, db) = slope_of_sigma(c, sign, tau, kappa)
    h2, xh2, yh2, x2, xx2, xy2 = (tight(value) for value in second_output(c, sign, tau, k))
    w = tight(tau * (1 + tau * m))
    a1, b1 = m * xh + da, m * yh + db
    a2, b2 = w * xh2 - xx2, w * yh2 - xy2
    return (
        w * h2 - x2,
        c.I1 * (2 * a1 + sign * tau * b1) + sign * (c.I2 * b2),
        c.I1 * a1 - tau * c.I2 * a2,
    )


def _first_partial(c: Constants, sign: int, tau: Any, kappa: Any) -> tuple[Any, ...]:
    m, (_, xh, yh, _, da, db) = slope_of_sigma(c, sign, tau, kappa)
    sigma = 1 + tau * m
    deficit = c.v2 * (1 - sigma * tau**2)
    cross = sign * c.I1 * (m * yh + db) + c.I2 * (sigma * c.v1 - 2 * deficit)
    ratio = c.I1 * (m * xh + da) + tau * c.I2 * deficit
    if c.independent:
        return cross, ratio
    weight = sign * c.I2 * c.covariance
    return tau * cross + weight * (3 * sigma * tau**2 - 1), ratio - weight * (sigma * tau**2)


def _second_partial(c: Constants, sign: int, tau: Any, k: Any) -> tuple[Any, ...]:
    h2, xh2, yh2, x2, xx2, xy2 = (tight(value) for value in second_output(c, sign, tau, k))
    w = tight(x2 / h2)
    a2, b2 = w * xh2 - xx2, w * yh2 - xy2
    cross = c.I1 * c.v2 * w + sign * (c.I2 * b2) + 2 * tau * (c.I2 * a2)
    ratio = c.I1 * c.v1 * (w - tau) - tau**3 * (c.I2 * a2)
    if c.independent:
        return cross, ratio
    weight = sign * c.I1 * c.covariance
    return tau * cross + weight * (w - tau), ratio + weight * (tau * w)


def _one_bias(c: Constants, sign: int, tau: Any, k: Any) -> tuple[Any, ...]:
    excess, (_, xh, yh, _, da, db), (_, xh2, yh2, _, xx2, xy2) = shared_scale(c, sign, tau, k)
    w = tight(tau * (1 + excess))
    a1, b1 = excess * xh + tau * da, excess * yh + tau * db
    a2, b2 = w * xh2 - xx2, w * yh2 - xy2
    return (
        c.I1 * a1 - tau**2 * (c.I2 * a2),
        c.I1 * b1 + c.I2 * b2 + 2 * sign * tau * (c.I2 * a2),
    )


_SYSTEMS: dict[Case, Callable[..., tuple[Any, ...]]] = {
    Case.BOTH: _both_partial,
    Case.FIRST: _first_partial,
    Case.SECOND: _second_partial,
    Case.SHARED: _one_bias,
}


def shared_scale(c: Constants, sign: int, tau: Any, k: Any) -> tuple[Any, tuple[Any, ...], tuple[Any, ...]]:
    """sigma - 1, solved from the stationarity in a shared bias, and the functions of both outputs."""
    first = tuple(tight(value) for value in first_output(c, sign, tau, k))
    second = tuple(tight(value) for value in second_output(c, sign, tau, k))
    rise = c.I1 * (tau * first[3]) + c.I2 * (tau * second[0] - second[3])
    return tight(-(rise / (c.I1 * first[0] + c.I2 * (tau * second[0])))), first, second


def slope_of_sigma(c: Constants, sign: int, tau: Any, kappa: Any) -> tuple[Any, tuple[Any, ...]]:
    """m with sigma = 1 + tau m, solved from the stationarity in b1, and the functions of the first output."""
    output = tuple(tight(value) for value in first_output(c, sign, tau, kappa))
    return tight(-(output[3] / output[0])), output
