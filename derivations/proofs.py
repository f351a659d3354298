"""Every statement of the derivation, with the function that decides it: the list that `python -m derivations` walks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from derivations import loss, unbiased, variance
from derivations.moments import AREAS, MOMENTS
from derivations.patterns import CORNERS, PATTERNS, occurring_patterns, refuted_patterns


def _nine() -> bool:
    subsets = 2 ** len(CORNERS)
    return occurring_patterns() == set(PATTERNS) and len(set(PATTERNS) | set(refuted_patterns())) == subsets


def _moments() -> bool:
    return all(loss.moments_agree(pattern, name) for pattern in PATTERNS for name in MOMENTS | AREAS)


def _homogeneous() -> bool:
    return all(loss.is_homogeneous(pattern, name) for pattern in PATTERNS for name in loss.DEGREES)


def _jumps() -> bool:
    return all(loss.hessian_jump(*border) == loss.expected_jump(border[2]) for border in loss.borders())


def _kink_of_both() -> bool:
    slopes = loss.one_sided_slopes()
    return slopes["ABEF"] != slopes[""] == 0


def _variance_example() -> bool:
    return bool(variance.second_moment_by_integration() == variance.second_moment_by_quadrature())


def statements() -> Iterator[tuple[str, Callable[[], bool]]]:
    """Pairs (statement, proof)."""
    yield "nine activation patterns occur, and no others", _nine
    yield "stable moments equal direct integration in every pattern", _moments
    yield "corner form of E[h+^2]", lambda: all(map(loss.corner_identity, PATTERNS))
    yield "gradient", lambda: all(map(loss.gradient_agrees, PATTERNS))
    yield "Hessian", lambda: all(map(loss.hessian_agrees, PATTERNS))
    yield "C1 across all borders", lambda: not any(any(loss.border_difference(*at)) for at in loss.borders())
    yield "jumps of the Hessian", _jumps
    yield "no gradient where W_i = 0 = b_i", _kink_of_both
    yield "homogeneity", _homogeneous
    yield "scaling law", lambda: not any(map(loss.euler_defect, PATTERNS))
    yield "quadrature for the variance", lambda: variance.triangle_is_exact() and variance.segment_is_exact()
    yield "second moment by direct integration", _variance_example
    yield "exactly one confused stationary point", unbiased.confused_is_unique
