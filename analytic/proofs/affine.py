"""Stationary points at which both outputs are on everywhere: there the loss is a polynomial.

On the ray W = rho (1, s v) with the best biases it is c + a rho^2 + q rho^4, q > 0. Where a < 0 its minimum over rho
changes with v as N = 2 a' q - a q' has its sign, so the points are roots of N at which a < 0 and min h > 0; N from - to
+ is a minimum. Signs at roots are decided exactly. derivations/completeness.md, sections 9 (a shared bias) and 11
(correlated features); independent features with a bias each have `closed_form.always_on`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from analytic.landscape.records import Kind
from analytic.models.bias import Bias
from analytic.proofs.closed_form import alike, corner_kind, enclose
from analytic.proofs.enclosures import Constants
from analytic.proofs.intervals import Interval
from analytic.proofs.records import Bracket, Pair, ProvedPoint
from analytic.proofs.sturm import (
    Polynomial,
    add,
    evaluate,
    isolate,
    sign_after,
    sign_at,
    sign_at_root,
    stationary_polynomial,
    sturm_chain,
    times,
)

if TYPE_CHECKING:
    from analytic.models.toy import ToyModel

_ZERO: Pair = (0.0, 0.0)


@dataclass(frozen=True)
class AffineLoss:
    """The loss where both outputs are affine, on W = rho (1, s v): exact constants, the larger weight first."""

    c: Constants
    sign: int
    bias: Bias = Bias.SHARED

    @property
    def coupling(self) -> Fraction:
        """I1 I2 / (I1 + I2), the price of a shared bias for two means; a bias each costs nothing."""
        return self.c.I1 * self.c.I2 / (self.c.I1 + self.c.I2) if self.bias is Bias.SHARED else Fraction(0)

    def misfit(self) -> Polynomial:
        """Q(v): the difference of the two mean errors before b is chosen is rho^2 Q(v) - (p1 - p2) / 2."""
        c, s = self.c, self.sign
        return [c.p1 / 2, s * (c.p2 - c.p1) / 2, -c.p2 / 2]

    def linear(self) -> Polynomial:
        """a."""
        c = self.c
        own = [-2 * c.I1 * c.v1, -2 * self.sign * (c.I1 + c.I2) * c.covariance, -2 * c.I2 * c.v2]
        return add(own, self.misfit(), self.coupling * (c.p2 - c.p1))

    def square(self) -> Polynomial:
        """q: (I1 + I2 v^2) Var(x1 + s v x2), and the misfit."""
        c = self.c
        variance = [c.v1, 2 * self.sign * c.covariance, c.v2]
        return add(times([c.I1, Fraction(0), c.I2], variance), times(self.misfit(), self.misfit()), self.coupling)

    def biases(self, sigma: Any, v: Any) -> tuple[Any, Any]:
        """The best b1, b2 at sigma = rho^2, in the arithmetic of the arguments."""
        c, beta = self.c, self.sign * sigma * v
        first = (sigma - 1) * (c.p1 / 2) + beta * (c.p2 / 2)
        second = (sigma * v**2 - 1) * (c.p2 / 2) + beta * (c.p1 / 2)
        if self.bias is Bias.PER_FEATURE:
            return -first, -second
        b = -((c.I1 * first + c.I2 * second) * (1 / (c.I1 + c.I2)))
        return b, b

    def margins(self) -> list[Polynomial]:
        """What has the signs of the least h1 and h2 at the best rho: min h times 4 q, times I1 + I2 if b is shared."""
        c, s, a, q = self.c, self.sign, self.linear(), self.square()
        twice = add(q, q)
        # beta = s sigma v with sigma = -a / 2q; min h is b for s > 0, b + beta for s < 0
        cross = times(a, [Fraction(0), Fraction(s)])
        parts = [
            add(times(add(twice, times(a, square)), [own]), cross, other - (2 if s < 0 else 0))
            for square, own, other in (([Fraction(1)], c.p1, c.p2), ([0, 0, Fraction(1)], c.p2, c.p1))
        ]
        if self.bias is Bias.PER_FEATURE:
            return parts
        return [add(times(parts[0], [c.I1]), parts[1], c.I2)]

    @property
    def offset(self) -> Fraction:
        """c, the loss at W = 0 with the best biases."""
        c = self.c
        return c.I1 * c.v1 + c.I2 * c.v2 + self.coupling * ((c.p1 - c.p2) / 2) ** 2


def affine_points(model: ToyModel) -> tuple[list[ProvedPoint], bool]:
    """W = 0, the points above, and for equal features W1 = W2, b = 0; and whether all that could be decided.

    With a bias per feature for correlated features only.
    """
    points, decided = [_origin(AffineLoss(Constants.exact(model, False), 1, Bias.of(model.bias)))], True
    for swapped in (False, True):
        both = [AffineLoss(Constants.exact(model, swapped), sign, Bias.of(model.bias)) for sign in (1, -1)]
        equations = [stationary_polynomial(affine.linear(), affine.square()) for affine in both]
        if not all(equations):
            return points, False
        for affine, N, bracket, kind in _critical_rays(both, equations, swapped):
            point, known = _point(affine, N, bracket, swapped, kind)
            points += [point] if point else []
            decided &= known
    return points, decided


def _origin(affine: AffineLoss) -> ProvedPoint:
    first, second = map(enclose, affine.biases(Fraction(0), Fraction(0)))
    return ProvedPoint((_ZERO, _ZERO), (first, second), enclose(affine.offset), "saddle", False)


def _critical_rays(
    both: list[AffineLoss], equations: list[list[int]], swapped: bool
) -> Iterator[tuple[AffineLoss, list[int], Bracket, Kind]]:
    """Roots of N with 0 <= v <= 1, v = 0 and v = 1 once only, and the kinds that follow."""
    zero, one = Fraction(0), Fraction(1)
    if sign_at(equations[0], zero) == 0:
        minimum = all(sign_after(N, zero) > 0 for N in equations)
        yield both[0], equations[0], (zero, zero), "minimum" if minimum else "saddle"
    for affine, N in zip(both, equations, strict=True):
        for low, high in isolate(sturm_chain(N)):
            at_one = high == 1 and sign_at(N, one) == 0
            if not (at_one and swapped):
                kind: Kind = "minimum" if sign_at(N, low) < 0 < sign_after(N, high) else "saddle"
                yield affine, N, (one, one) if at_one else (low, high), kind


def _point(
    affine: AffineLoss, N: list[int], bracket: Bracket, swapped: bool, kind: Kind
) -> tuple[ProvedPoint | None, bool]:
    """The point on a critical ray if both outputs are on there, and whether that is decided."""
    low, high = bracket
    falls = -sign_at_root(affine.linear(), N, bracket)
    margins = [sign_at_root(margin, N, bracket) for margin in affine.margins()]
    if falls <= 0 or min(margins) < 0:
        return None, True
    on_edge = min(margins) == 0
    if on_edge and not (low == high and alike(affine.c)):
        return None, False
    v = low if low == high else Interval.between(low, high)
    a, q = evaluate(affine.linear(), v), evaluate(affine.square(), v)
    sigma = -a / (2 * q)
    root = Interval.of(sigma).sqrt()
    W = [enclose(root), _ZERO if high == 0 else enclose(affine.sign * v * root)]
    b = [enclose(x) for x in affine.biases(sigma, v)]
    loss = enclose(affine.offset - a**2 / (4 * q))
    if on_edge:
        kind = corner_kind(affine.c, affine.bias)
    (W1, W2), (b1, b2) = (pair[::-1] if swapped else pair for pair in (W, b))
    return ProvedPoint((W1, W2), (b1, b2), loss, kind, on_edge), True
