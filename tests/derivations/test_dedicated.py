"""The condition under which the dedicated solution is a minimum: derivation, code, and the loss itself."""

import numpy as np
import pytest
import sympy as sp

from analytic.landscape.find import find_stationary_points
from analytic.landscape.kinds import dedicated_form
from analytic.models.toy import ToyModel
from derivations import dedicated as derived

SIDES = {"confused": 1, "antipodal": -1}
DENSITIES = [sp.Rational(1, 1000), sp.Rational(1, 10), sp.Rational(1, 2), sp.Rational(9, 10), sp.Rational(999, 1000)]


def instability(side, p):
    """The importance at which `dedicated_form`, which is linear in the importances, vanishes."""
    own, other = (dedicated_form(p, p, *pair, SIDES[side], sp.sqrt) for pair in ((1, 0), (0, 1)))
    return -own / other


@pytest.mark.parametrize("side", SIDES)
def test_the_code_uses_the_derived_form(side):
    line = derived.instability(side)
    for p in DENSITIES:
        assert abs(sp.N(line.subs(derived.p, p) - instability(side, p), 40)) < 1e-35


def test_both_lines_end_at_equal_importance_at_density_one():
    assert [sp.limit(derived.instability(side), derived.p, 1, "-") for side in SIDES] == [1, 1]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("p", [1e-3, 0.1, 0.5, 0.9])
def test_the_kind_changes_on_the_first_line(p, side):
    line = float(instability(side, sp.Float(p, 30)))
    for factor in (1 - 1e-9, 1 + 1e-9):
        model = ToyModel.from_density(p, line * factor)
        point = next(z for z in find_stationary_points(model) if z.phase == "dedicated-1")
        stable = line * factor < min(float(instability(s, sp.Float(p, 30))) for s in SIDES)
        assert point.kind == ("minimum" if stable else "saddle")
        assert point.on_kink
        assert point.eigenvalues is None


@pytest.mark.parametrize("p", [0.05, 0.5, 0.95])
@pytest.mark.parametrize("side", SIDES)
def test_the_loss_falls_off_the_point_just_above_the_line(p, side):
    """Above the line some nearby point on that side is lower, below it none is: tried on the best direction."""
    line = float(instability(side, sp.Float(p, 30)))
    steps = 1e-3 * SIDES[side]
    for factor, falls in ((0.99, False), (1.01, True)):
        model = ToyModel.from_density(p, line * factor)
        d = np.linspace(-1, 1, 401)[:, None] * abs(steps)
        u = np.linspace(-1, 1, 401)[None, :] * abs(steps)
        W = np.stack(np.broadcast_arrays(1 + u + 0 * d, steps), axis=-1)
        b = np.stack(np.broadcast_arrays(d + 0 * u, p / 2 - steps * p / 2), axis=-1)
        assert (model.loss(W, b).min() < model.loss([1, 0], [0, p / 2])) == falls
