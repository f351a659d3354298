"""Where one ReLU is on: the nine activation patterns of the unit square.

Output i reads h = alpha x + beta y + b, with x its own feature, y the other one, and alpha = W_i^2 >= 0. When both
features are on, (x, y) is uniform on the unit square, and h is affine there, so the set {h > 0} is decided by the
signs of h at the four corners:

    B = h(0, 0) = b        A = h(1, 0) = alpha + b
    E = h(0, 1) = beta + b        F = h(1, 1) = alpha + beta + b

The set of positive corners is the *activation pattern*. Because A - B = F - E = alpha >= 0, B on implies A on, and E on
implies F on; A + E = B + F excludes the rest. Nine patterns remain, and `occurring_patterns` proves it.

`strips` states the region {h > 0} of each as iterated integrals, with the limits that the definition gives: nothing but
the kink line solved for x or y. `Corner` is the triangle that the kink line cuts off, in *natural coordinates*,
quotients bounded by one inside the pattern; floating point evaluates those well. `moments.py` proves that both give the
same integrals.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import sympy as sp

alpha = sp.Symbol("alpha", nonnegative=True)
beta, b = sp.symbols("beta b", real=True)
x, y = sp.symbols("x y", real=True)
h = alpha * x + beta * y + b

#: Corner name -> (x, y). The order B, A, E, F is the one of the names above.
CORNERS = {"B": (0, 0), "A": (1, 0), "E": (0, 1), "F": (1, 1)}

#: The nine patterns, from all off to all on, and the region {h > 0} of each in words.
REGIONS = {
    "": "empty",
    "F": "triangle at (1, 1)",
    "A": "triangle at (1, 0)",
    "AF": "band along x = 1",
    "EF": "band along y = 1",
    "AB": "band along y = 0",
    "AEF": "all but a triangle at (0, 0)",
    "ABF": "all but a triangle at (0, 1)",
    "ABEF": "the whole square",
}
PATTERNS = tuple(REGIONS)


def corner_value(corner: str) -> sp.Expr:
    """h at a corner, in terms of alpha, beta and b."""
    cx, cy = CORNERS[corner]
    return alpha * cx + beta * cy + b


def occurring_patterns() -> set[str]:
    """The patterns that some (alpha >= 0, beta, b) realises, by deciding every sign vector exactly.

    With corner values (B, A, E, F) the only constraints are A - B >= 0 and F = A + E - B. A sign vector (positive
    or not positive) is realisable exactly if these linear inequalities have a solution; corner values in {-2, ..., 2}
    exhibit every solvable one, and the implications in the module docstring refute the others.
    """
    found = set()
    for base, rise, other in product(range(-2, 3), range(0, 5), range(-4, 5)):
        values = {"B": base, "A": base + rise, "E": base + other, "F": base + rise + other}
        found.add("".join(name for name in "ABEF" if values[name] > 0))
    return found


def refuted_patterns() -> dict[str, str]:
    """The seven other subsets of the corners, each with the linear relation that no such signs can satisfy."""
    reasons = {}
    for bits in product((False, True), repeat=4):
        on = dict(zip("ABEF", bits, strict=True))
        name = "".join(corner for corner in "ABEF" if on[corner])
        if on["B"] and not on["A"]:
            reasons[name] = "B > 0 >= A contradicts A - B = alpha >= 0"
        elif on["E"] and not on["F"]:
            reasons[name] = "E > 0 >= F contradicts F - E = alpha >= 0"
        elif on["A"] and on["E"] and not on["B"] and not on["F"]:
            reasons[name] = "A, E > 0 >= B, F contradicts A + E = B + F"
    return reasons


@dataclass(frozen=True)
class Corner:
    """A triangle that the kink line cuts off at one corner, counted with a sign.

    Its legs along x and y have the lengths u and v; h runs linearly from `value` at the corner to zero on the kink
    line. The point (s, r) of the standard triangle s, r >= 0, s + r <= 1 is mapped to (x0 + dx u s, y0 + dy v r).
    """

    corner: str
    sign: int

    def integrate(self, integrand: sp.Expr, value: sp.Symbol, u: sp.Symbol, v: sp.Symbol) -> sp.Expr:
        s, r = sp.symbols("s r", nonnegative=True)
        cx, cy = CORNERS[self.corner]
        at = {x: cx + (1 - 2 * cx) * u * s, y: cy + (1 - 2 * cy) * v * r}
        on_piece = integrand.subs(H, value * (1 - s - r)).subs(at, simultaneous=True)
        inner = sp.integrate(sp.expand(on_piece), (r, 0, 1 - s))
        return self.sign * u * v * sp.integrate(sp.expand(inner), (s, 0, 1))


#: Stands for h inside integrands, so that pieces may insert their own expression for it.
H = sp.Symbol("h", real=True)


def strips(pattern: str) -> list[tuple[tuple, tuple]]:
    """{h > 0} as iterated integrals: pairs (inner limits, outer limits), straight from the definition."""
    kink_x = -(beta * y + b) / alpha
    kink_y = -(alpha * x + b) / beta
    on_right = -(alpha + b) / beta  # where the kink line meets x = 1
    on_left = -b / beta  # where it meets x = 0
    full_x, full_y = (x, 0, 1), (y, 0, 1)
    return {
        "": [],
        "F": [((x, kink_x, 1), (y, on_right, 1))],
        "A": [((x, kink_x, 1), (y, 0, on_right))],
        "AF": [((x, kink_x, 1), full_y)],
        "EF": [((y, kink_y, 1), full_x)],
        "AB": [((y, 0, kink_y), full_x)],
        "AEF": [((x, kink_x, 1), (y, 0, on_left)), (full_x, (y, on_left, 1))],
        "ABF": [(full_x, (y, 0, on_left)), ((x, kink_x, 1), (y, on_left, 1))],
        "ABEF": [(full_x, full_y)],
    }[pattern]
