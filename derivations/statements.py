"""The register: every statement of the derivation with its proof. `python -m derivations` and a test walk it.

A proof is a function that returns whether the statement was decided to be true, symbolically and for all values that
the assumptions allow. "Used by" names the file that relies on the statement.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from derivations import completeness, dedicated, features, lattice, loss, pair, plane, unbiased, variance
from derivations.moments import AREAS, MOMENTS
from derivations.patterns import CORNERS, PATTERNS, occurring_patterns, refuted_patterns


@dataclass(frozen=True)
class Statement:
    """A statement, what it assumes, who relies on it, and its proof; `mark` is its name in completeness.md."""

    name: str
    assumes: str
    used_by: str
    proof: Callable[[], bool]
    mark: str = ""


def _nine() -> bool:
    subsets = 2 ** len(CORNERS)
    return occurring_patterns() == set(PATTERNS) and len(set(PATTERNS) | set(refuted_patterns())) == subsets


def _moments() -> bool:
    return all(loss.moments_agree(pattern, name) for pattern in PATTERNS for name in MOMENTS | AREAS)


def _homogeneous() -> bool:
    return all(loss.is_homogeneous(pattern, name) for pattern in PATTERNS for name in loss.DEGREES)


def _smooth() -> bool:
    return not any(any(loss.border_difference(*at)) for at in loss.borders())


def _jumps() -> bool:
    return all(loss.hessian_jump(*border) == loss.expected_jump(border[2]) for border in loss.borders())


def _kink_of_both() -> bool:
    slopes = loss.one_sided_slopes()
    return slopes["ABEF"] != slopes[""] == 0


def _kink_without_bias() -> bool:
    towards, away = loss.slopes_without_bias().values()
    first = loss.axis_slope_of_first()
    return towards + away != 0 and first["AEF"] == first["AF"]


def _direction() -> bool:
    return loss.kappa in loss.hessian_near_dedicated().free_symbols


def _variance_example() -> bool:
    return bool(variance.second_moment_by_integration() == variance.second_moment_by_quadrature())


_KERNELS = "analytic/loss/kernels.py"
_ON_OFF = "any on/off probabilities"
_INDEPENDENT = "independent features, 0 < p < 1"
_PAGE = "derivations/completeness.md"
_PLANE = f"{_INDEPENDENT} or 1, equal densities, b = 0"

STATEMENTS = (
    Statement("nine activation patterns occur, and no others", "alpha >= 0", _KERNELS, _nine),
    Statement("stable moments equal direct integration in every pattern", _ON_OFF, _KERNELS, _moments),
    Statement(
        "corner form of E[h+^2]",
        "both features on",
        "derivations/derivation.md",
        lambda: all(map(loss.corner_identity, PATTERNS)),
    ),
    Statement("gradient", _ON_OFF, _KERNELS, lambda: all(map(loss.gradient_agrees, PATTERNS))),
    Statement("Hessian", _ON_OFF, _KERNELS, lambda: all(map(loss.hessian_agrees, PATTERNS))),
    Statement("chain rule for the pair", _ON_OFF, _KERNELS, pair.chain_rule),
    Statement("C1 across all borders", _ON_OFF, "analytic/loss/pair.py", _smooth),
    Statement("jumps of the Hessian", _ON_OFF, "analytic/loss/pair.py", _jumps),
    Statement("no gradient where W_i = 0 = b_i", _ON_OFF, "analytic/loss/pair.py", _kink_of_both),
    Statement(
        "without bias, kinks on the axes", f"{_ON_OFF}, b = 0", "analytic/landscape/unbiased.py", _kink_without_bias
    ),
    Statement(
        "where beta = 0 = b_i the Hessian depends on the direction", _ON_OFF, "analytic/landscape/kinds.py", _direction
    ),
    Statement("homogeneity", _ON_OFF, "derivations/unbiased.py", _homogeneous),
    Statement("scaling law", _ON_OFF, "derivations/derivation.md", lambda: not any(map(loss.euler_defect, PATTERNS))),
    Statement(
        "quadrature for the variance",
        "q quadratic",
        "analytic/loss/variance.py",
        lambda: variance.triangle_is_exact() and variance.segment_is_exact(),
    ),
    Statement(
        "second moment by direct integration",
        "W = (1, -1/2), 0 < b < 1/4",
        "analytic/loss/variance.py",
        _variance_example,
    ),
    Statement(
        "exactly one confused stationary point",
        f"{_INDEPENDENT}, b = 0",
        "analytic/landscape/unbiased.py",
        unbiased.confused_is_unique,
    ),
    Statement(
        "equal losses at the tie", f"{_INDEPENDENT}, b = 0, r = 1", "derivations/derivation.md", unbiased.tie_is_equal
    ),
    Statement(
        "exactly one antipodal stationary point below (8 - 4 sqrt 2)/3",
        f"{_INDEPENDENT}, b = 0, r = 1",
        "derivations/derivation.md",
        unbiased.antipodal_is_unique_at_equal_importance,
    ),
    Statement(
        "dedicated solution: the loss grows quadratically",
        _INDEPENDENT,
        "analytic/landscape/kinds.py",
        dedicated.no_first_order,
    ),
    Statement(
        "dedicated solution: the steepest direction lies in the pattern",
        _INDEPENDENT,
        "analytic/landscape/kinds.py",
        dedicated.root_is_inside,
    ),
    Statement(
        "dedicated solution: instability towards confused",
        f"{_INDEPENDENT}, equal densities",
        "analytic/diagrams/dedicated.py",
        dedicated.confused_line_is_rational,
    ),
    Statement(
        "dedicated solution: stationary with a shared bias",
        f"{_INDEPENDENT}, equal densities",
        "analytic/diagrams/dedicated.py",
        dedicated.shared_point_is_stationary,
    ),
    Statement(
        "dedicated solution: instability with a shared bias",
        f"{_INDEPENDENT}, equal densities",
        "analytic/diagrams/dedicated.py",
        dedicated.shared_line,
    ),
    Statement("error on rows", _INDEPENDENT, _PAGE, completeness.psi_on_rows, "S1"),
    Statement("identity of Lemma 2", _INDEPENDENT, _PAGE, completeness.weight_on_rows, "S2"),
    Statement("constant of Lemma 4", "alpha > 0", _PAGE, completeness.turning_point_is_low, "S3"),
    Statement(
        "both outputs on everywhere, shared bias",
        _INDEPENDENT,
        "analytic/proofs/affine.py",
        completeness.shared_loss_where_both_are_on,
        "S4",
    ),
    Statement("rays on the axis", _INDEPENDENT, "analytic/proofs/affine.py", completeness.rays_on_the_axis, "S5"),
    Statement(
        "corner of equal features is a minimum", _INDEPENDENT, _PAGE, completeness.corner_of_equal_features, "S6"
    ),
    Statement("corner of Lemma 5", _INDEPENDENT, "analytic/proofs/boxes.py", completeness.corner_of_lemma_5, "S7"),
    Statement(
        "rays of equal densities",
        f"{_INDEPENDENT}, equal densities",
        "analytic/proofs/regions/closed.py",
        completeness.ray_of_equal_densities,
        "S8",
    ),
    Statement("error times input on rows", "any patterns", _PAGE, completeness.bound_on_error_products, "S9"),
    Statement("rows of a low output", "any patterns", _PAGE, completeness.low_rows, "S10"),
    Statement(
        "both outputs on everywhere",
        "any patterns",
        "analytic/proofs/affine.py",
        completeness.correlated_loss_where_both_are_on,
        "S11",
    ),
    Statement(
        "corner of equal correlated features",
        "any patterns",
        "analytic/proofs/closed_form.py",
        completeness.corner_of_equal_correlated_features,
        "S12",
    ),
    *(Statement(name, _PLANE, "analytic/proofs/regions/unbiased.py", proof, mark) for mark, name, proof in plane.FACTS),
    *(Statement(*fact) for fact in features.FACTS),
    *(Statement(*fact) for fact in lattice.FACTS),
)
