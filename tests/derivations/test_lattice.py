"""The compiled conditional error of the lattice is what was derived."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy as sp

from analytic.loss import conditional
from derivations import lattice


@pytest.mark.parametrize("region", ["below", "between", "above"])
def test_compiled_conditional_error_is_the_derived_one(region: str) -> None:
    rng = np.random.default_rng(0)
    phi = sp.lambdify((lattice.c, lattice.alpha, lattice.p), lattice.conditional(region))
    by_c, by_alpha = (
        sp.lambdify((lattice.c, lattice.alpha, lattice.p), sp.diff(lattice.conditional(region), v))
        for v in (lattice.c, lattice.alpha)
    )
    for _ in range(50):
        alpha, p, u = rng.uniform(0.1, 2), rng.random(), rng.random()
        c = {"below": -alpha - u, "between": -alpha * u, "above": u}[region]
        assert math.isclose(conditional.error(c, alpha, p), phi(c, alpha, p), rel_tol=1e-12, abs_tol=1e-14)
        found = conditional.slopes(c, alpha, p)
        np.testing.assert_allclose(found, (by_c(c, alpha, p), by_alpha(c, alpha, p)), rtol=1e-10, atol=1e-13)
