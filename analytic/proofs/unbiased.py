"""Without bias: all stationary points, by counting roots of rational polynomials with Sturm's theorem.

On the ray W = rho (1, s v), s = +1 or -1, 0 < v <= 1, L is c - a rho^2 + q rho^4, where a and q are polynomials in
v of degree at most five: they integrate polynomials over {x1 + s v x2 > 0} or its complement, and for s < 0 the line
x1 = v x2 leaves the square through the side x2 = 1 because v <= 1; the highest power is
v^2 int int (v x2 - x1)_+^2 = v^5/12. They are found by exact interpolation. With the best rho the loss is
c - a^2 / (4 q), its derivative by v has the sign of -N with N = 2 a' q - a q', and a, q > 0. So the stationary points
off the axes are the roots of N, and N from + to - is a minimum.

A certificate lists intervals with rational ends. The checker computes N again and counts: one root in each interval,
and no more in (0, 1]. This route shares with `stationary.unbiased` the moments, and neither its algebra nor
python-flint.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from analytic.loss import kernels
from analytic.proofs.certificate import FORMAT, VERSION, model_data, model_from_data, read_json, write_json
from analytic.proofs.closed_form import Kind, ProvedPoint, enclose
from analytic.proofs.intervals import Interval
from analytic.proofs.sturm import (
    Bracket,
    Polynomial,
    count_roots,
    evaluate,
    interpolate,
    isolate,
    sign_after,
    sign_at,
    sign_before,
    stationary_polynomial,
    sturm_chain,
)

if TYPE_CHECKING:
    from analytic.models.toy import ToyModel

_DEGREE = 5
#: a and q for every (swapped, sign).
Rays = dict[tuple[bool, int], tuple[Polynomial, Polynomial]]
_ARCS = tuple((swapped, sign) for swapped in (False, True) for sign in (1, -1))


@dataclass(frozen=True)
class UnbiasedCertificate:
    """Half-open intervals (low, high] with one root v = |W2/W1| each, per arc, and the points that follow.

    `roots` maps (swapped, sign) of `_ARCS`, in this order; `swapped` means v = |W1/W2|. v = 1 is listed in both.
    """

    model: ToyModel
    roots: tuple[tuple[Bracket, ...], ...]
    points: tuple[ProvedPoint, ...]
    missing: tuple[ProvedPoint, ...] = ()
    unproved: tuple[Any, ...] = ()
    seconds: float = field(default=0.0, compare=False)

    @property
    def complete(self) -> bool:
        """Always true: the count of roots has no undecided outcome."""
        return True

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON data."""
        roots = [[[str(low), str(high)] for low, high in arc] for arc in self.roots]
        return {
            "format": FORMAT,
            "version": VERSION,
            "model": model_data(self.model),
            "roots": roots,
            "seconds": self.seconds,
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write JSON to a temporary name in the same folder, then rename."""
        write_json(path, self.as_dict())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> UnbiasedCertificate:
        """Read what `save` wrote; a ValueError if the file is something else. Loading proves nothing: verify it."""
        return read_json(path, cls.from_dict)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> UnbiasedCertificate:
        """The inverse of `as_dict`; the points are computed from the intervals."""
        model = model_from_data(data["model"])
        roots = tuple(tuple((Fraction(low), Fraction(high)) for low, high in arc) for arc in data["roots"])
        return cls(model, roots, points_from(model, all_rays(model), roots), seconds=float(data["seconds"]))


# --- the loss on rays ----------------------------------------------------------------------------------------------


def ray(model: ToyModel, swapped: bool, sign: int) -> tuple[Polynomial, Polynomial]:
    """a and q on W = rho (1, sign v), from exact values at six points."""
    order = (1, 0) if swapped else (0, 1)
    first, second = (model.exact_importance[i] for i in order)
    p00, *only, p11 = model.exact_patterns
    q1, q2 = (only[i] for i in order)
    nodes = [Fraction(i + 1, _DEGREE + 1) for i in range(_DEGREE + 1)]
    linear, square = [], []
    for v in nodes:
        hh1, xh1, *_ = kernels.moments(Fraction(1), sign * v, Fraction(0), p00, q1, q2, p11)
        hh2, xh2, *_ = kernels.moments(v * v, sign * v, Fraction(0), p00, q2, q1, p11)
        linear.append(2 * (first * xh1 + second * xh2))
        square.append(first * hh1 + second * hh2)
    return interpolate(nodes, linear), interpolate(nodes, square)


def equation(linear: Polynomial, square: Polynomial) -> list[int]:
    """A positive multiple of N = 2 a' q - a q' without its factors v."""
    N = stationary_polynomial(linear, square)
    return N[next((i for i, x in enumerate(N) if x != 0), 0) :]


def all_rays(model: ToyModel) -> Rays:
    """a and q for every arc."""
    return {arc: ray(model, *arc) for arc in _ARCS}


def certify_unbiased(model: ToyModel) -> UnbiasedCertificate:
    """All stationary points of a model without bias, with densities in (0, 1]."""
    start = time.monotonic()
    rays = all_rays(model)
    roots = tuple(isolate(sturm_chain(equation(*rays[arc]))) for arc in _ARCS)
    return UnbiasedCertificate(model, roots, points_from(model, rays, roots), seconds=time.monotonic() - start)


def objections_to(certificate: UnbiasedCertificate) -> list[str]:
    """What is wrong with the intervals: disjoint, one root in each, and together all roots in (0, 1]."""
    if len(certificate.roots) != len(_ARCS):
        return [f"{len(certificate.roots)} arcs instead of {len(_ARCS)}"]
    faults, rays = [], all_rays(certificate.model)
    for arc, brackets in zip(_ARCS, certificate.roots, strict=True):
        chain, name = sturm_chain(equation(*rays[arc])), f"arc swapped {arc[0]}, sign {arc[1]}"
        if any(b[0] < a[1] for a, b in pairwise(brackets)):
            faults.append(f"{name}: intervals overlap or are not in order")
        if not all(0 <= low < high <= 1 and count_roots(chain, low, high) == 1 for low, high in brackets):
            faults.append(f"{name}: an interval without exactly one root")
        if count_roots(chain, Fraction(0), Fraction(1)) != len(brackets):
            faults.append(f"{name}: a root is missing")
    if certificate.points != points_from(certificate.model, rays, certificate.roots):
        faults.append("the list of points does not follow from the roots")
    return faults


# --- points --------------------------------------------------------------------------------------------------------


def points_from(model: ToyModel, rays: Rays, roots: tuple[tuple[Bracket, ...], ...]) -> tuple[ProvedPoint, ...]:
    """The points that follow from isolated roots, and W = 0 and the axes, by loss."""
    points = _closed_form(model)
    for (swapped, sign), brackets in zip(_ARCS, roots, strict=True):
        N = equation(*rays[swapped, sign])
        for low, high in brackets:
            at_one = high == 1 and sign_at(N, high) == 0
            if at_one and swapped:
                continue
            after = -sign_before(equation(*rays[True, sign]), high) if at_one else sign_after(N, high)
            kind = Kind.MINIMUM if sign_at(N, low) > 0 > after else Kind.SADDLE
            bracket = (high, high) if at_one else (low, high)
            points.append(_point(model, swapped, sign, bracket, rays[swapped, sign], kind))
    return tuple(sorted(points, key=lambda point: point.loss))


def _point(
    model: ToyModel, swapped: bool, sign: int, bracket: Bracket, on_ray: tuple[Polynomial, Polynomial], kind: Kind
) -> ProvedPoint:
    v = Interval.between(*bracket)
    a, q = (evaluate(p, v) for p in on_ray)
    large = (a / (2 * q)).sqrt()
    W = [large, sign * v * large]
    first, second = (enclose(x) for x in (W[::-1] if swapped else W))
    loss = _silent_loss(model) - a**2 / (4 * q)
    zero = (0.0, 0.0)
    return ProvedPoint((first, second), (zero, zero), enclose(loss), kind, False)


def _silent_loss(model: ToyModel) -> Fraction:
    return sum((r * p / 3 for r, p in zip(model.exact_importance, model.exact_density, strict=True)), Fraction(0))


def _closed_form(model: ToyModel) -> list[ProvedPoint]:
    """W = 0, a maximum, and the axes, where the loss falls linearly on one side: saddles on a kink."""
    zero, one = (0.0, 0.0), (1.0, 1.0)
    parts = [enclose(r * p / 3) for r, p in zip(model.exact_importance, model.exact_density, strict=True)]
    none = (zero, zero)
    return [
        ProvedPoint(none, none, enclose(_silent_loss(model)), Kind.MAXIMUM, True),
        ProvedPoint((one, zero), none, parts[1], Kind.SADDLE, True),
        ProvedPoint((zero, one), none, parts[0], Kind.SADDLE, True),
    ]
