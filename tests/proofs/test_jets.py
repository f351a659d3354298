"""Second derivatives on boxes: gradients, averages of gradients and ranges hold what they should, across kinks too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from analytic.models.bias import Bias
from analytic.proofs.boxes import continued, equations
from analytic.proofs.corners import corner
from analytic.proofs.duals import Dual
from analytic.proofs.enclosures import Case, Constants
from analytic.proofs.intervals import Interval
from analytic.proofs.jets import Jet
from analytic.proofs.regions.family import families

Box = np.ndarray[Any, np.dtype[np.float64]]
CASES = [(case, sign) for case in Case for sign in (1, -1)]


def gradient(case: Case, sign: int, c: Constants, points: Box) -> tuple[Box, Box]:
    """Values (rows, n) and gradients (rows, d, n) at points (n, d), from intervals of width zero."""
    rows = equations(case, sign, c, [Interval(x) for x in points.T])
    slopes = [[np.broadcast_to(Interval.of(0 if g is None else g).mid, len(points)) for g in r.grad] for r in rows]
    return np.array([row.value.mid for row in rows]), np.array(slopes)


@pytest.mark.parametrize(("case", "sign"), CASES)
def test_equations(case: Case, sign: int) -> None:
    """A third of the boxes lie across k = tau, a third across the edge b_i = 0."""
    rng = np.random.default_rng(1)
    bias = Bias.SHARED if case is Case.SHARED else Bias.PER_FEATURE
    problem = next(x for x in families(((0.3, 0.31), (0.5, 0.52)), bias) if (x.case, x.sign) == (case, sign))
    c, d, n = problem.middle.constants, case.dimension, 300
    middle, radius = rng.uniform(0.15, 0.85, (n, d)), 10.0 ** rng.uniform(-4, -1.5, n)
    middle[::3, -1] = middle[::3, 0] if sign > 0 else 1 - middle[::3, 0]
    middle[1::3, -1] = rng.integers(0, 2, n // 3)
    box = np.stack([middle - radius[:, None], middle + radius[:, None] * rng.uniform(0.5, 1, (n, d))], -1)
    sides = [Interval(box[:, i, 0], box[:, i, 1]) for i in range(d)]
    rows = [row.tight() for row in continued(case, sign, c, Jet.variables(*sides))]
    centre = np.stack([side.mid for side in sides], -1)
    at_centre = gradient(case, sign, c, centre)[0]
    for _ in range(20):
        y = rng.uniform(box[..., 0], box[..., 1])
        value, slopes = gradient(case, sign, c, y)
        for i, row in enumerate(rows):
            inside(row.value, value[i])
            change = Interval(np.zeros(n))
            for j in range(d):
                inside(row.grad[j], slopes[i, j])
                change = change + Interval.of(row.chord[j] or 0) * Interval(y[:, j] - centre[:, j])
            inside(change, value[i] - at_centre[i])


def inside(enclosure: Any, x: Box) -> None:
    bounds = Interval.of(0 if enclosure is None else enclosure)
    assert (bounds.lo - 1e-13 <= x).all()
    assert (x <= bounds.hi + 1e-13).all()


@pytest.mark.parametrize("n", range(4))
@pytest.mark.parametrize("a", range(1, 3))
def test_corner_has_the_derivatives_of_its_formula(a: int, n: int) -> None:
    """Slope and Hessian of J_an by central differences, on both sides of k = tau."""
    step = 1e-4
    for tau, k in ((0.7, 0.3), (0.4, 0.8), (0.9, 0.5)):

        def value(x: float, y: float) -> float:
            return float(corner(a, n, Interval(x), Interval(y)).mid)

        jet = corner(a, n, *Jet.variables(Interval(tau), Interval(k)))
        by_tau = (value(tau + step, k) - value(tau - step, k)) / (2 * step)
        by_k = (value(tau, k + step) - value(tau, k - step)) / (2 * step)
        assert [float(Interval.of(g).mid) for g in jet.slope] == pytest.approx([by_tau, by_k], abs=1e-6)
        second = [
            (value(tau + step, k) - 2 * value(tau, k) + value(tau - step, k)) / step**2,
            sum(s * t * value(tau + s * step, k + t * step) for s in (1, -1) for t in (1, -1)) / (4 * step**2),
            (value(tau, k + step) - 2 * value(tau, k) + value(tau, k - step)) / step**2,
        ]
        assert [float(Interval.of(h).mid) for h in jet.hess] == pytest.approx(second, abs=1e-5)


def test_sharper_than_dual() -> None:
    """A product with a variable four times: the gradient's range is that of its change."""
    box = Interval(0.5, 0.51)

    def formula(x: Any) -> Any:
        return x * (1 - x) * x - x**2 / (1 + x)

    dual, jet = formula(Dual.variables(box)[0]), formula(Jet.variables(box)[0]).tight()
    assert float(jet.grad[0].hi - jet.grad[0].lo) < 0.6 * float(dual.grad[0].hi - dual.grad[0].lo)
