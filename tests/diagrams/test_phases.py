"""Phase diagrams and boundaries without bias."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor

import mpmath
import numpy as np
import pytest
import sympy as sp

from analytic import (
    PhaseDiagram,
    ToyModel,
    find_minima,
    find_stationary_points,
    phase_boundaries,
    phase_diagram,
)
from analytic.diagrams.phases import superposition
from analytic.loss import kernels

DENSITY = np.array([0.01, 0.1, 0.3, 0.55, 0.59, 0.8, 1.0])
IMPORTANCE = np.array([0.1, 0.4, 1.0, 3.0])


@pytest.fixture(scope="module")
def diagram() -> PhaseDiagram:
    return phase_diagram(density=DENSITY, importance=IMPORTANCE, bias="none")


def same(left: PhaseDiagram, right: PhaseDiagram) -> bool:
    return all(
        np.array_equal(a, b, equal_nan=name == "gap") if isinstance(a, np.ndarray) else a == b
        for (name, a), b in zip(left.__dict__.items(), right.__dict__.values(), strict=True)
    )


def test_every_pixel_equals_the_solver(diagram: PhaseDiagram) -> None:
    for i, p in enumerate(DENSITY):
        for j, r in enumerate(IMPORTANCE):
            minima = find_minima(ToyModel.from_density(p, r, "none")).minima
            assert diagram.n_minima[i, j] == len(minima)
            assert diagram.phase[i, j] == minima[0].phase
            np.testing.assert_allclose(diagram.W[i, j], minima[0].W, rtol=1e-10)


def test_files_give_back_what_was_saved(diagram: PhaseDiagram, tmp_path) -> None:
    for suffix in ("npz", "csv"):
        diagram.save(tmp_path / f"d.{suffix}")
        assert same(PhaseDiagram.load(tmp_path / f"d.{suffix}"), diagram)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d.csv", "d.npz"]
    with pytest.raises(ValueError, match=r"must end in \.npz or \.csv"):
        diagram.save(tmp_path / "d.txt")


def test_results_do_not_depend_on_the_executor(diagram: PhaseDiagram) -> None:
    seen: list[tuple[int, int]] = []
    with ProcessPoolExecutor(1) as executor:
        other = phase_diagram(
            density=DENSITY,
            importance=IMPORTANCE,
            bias="none",
            executor=executor,
            progress=lambda done, total: seen.append((done, total)),
        )
    assert same(other, diagram)
    assert seen[-1][0] == seen[-1][1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"density": [0.5, 0.4]}, "density must be a strictly increasing"),
        ({"density": [0.0, 0.4]}, r"density must lie in \(0, 1\]"),
        ({"importance": [-1.0, 1.0]}, "importance must lie in"),
        ({"bias": "all"}, "bias must be one of"),
    ],
)
def test_bad_grids(arguments: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        phase_diagram(**{"bias": "none", **arguments})


def test_superposition_measure() -> None:
    """(W2 / |W2| . W1)^2: zero for a dedicated feature, one for an antipodal pair of unit length."""
    norm, measure = superposition([[1.0, 0.0], [0.0, 1.0], [1.0, -1.0]])
    assert norm.tolist() == [0, 1, 1]
    assert measure.tolist() == [0, 0, 1]


def test_tie_at_equal_importance_in_closed_form() -> None:
    """Equal losses p/3 - p^2/4 and 2 p/3 - p (8 - 5 p)^2 / (24 (4 - 3 p)): 43 p^2 - 80 p + 32 = 0."""
    p = (40 - 4 * sp.sqrt(14)) / 43
    antipodal = sp.Rational(2, 3) * p - p * (8 - 5 * p) ** 2 / (24 * (4 - 3 * p))
    assert sp.simplify(antipodal - (p / 3 - p**2 / 4)) == 0
    point = phase_boundaries("none", points_per_curve=3).points[0]
    with mpmath.workdps(40):
        assert abs(point.density - mpmath.mpf(str(sp.N(p, 40)))) < mpmath.mpf(10) ** -30


def test_boundaries_change_the_landscape_where_they_say() -> None:
    """Just below and just above each curve: who wins, and how many stationary points there are."""
    for curve in phase_boundaries("none", points_per_curve=7).curves:
        for p, r in list(zip(curve.density, curve.importance, strict=True))[1:-1]:
            below, above = (
                find_stationary_points(ToyModel.from_density(p * (1 + shift), r, "none")) for shift in (-1e-6, 1e-6)
            )
            phases = below.minima[0].phase, above.minima[0].phase
            counts = len(below.minima) - len(above.minima), len(below.saddles) - len(above.saddles)
            expected = {
                "first-order": (("antipodal", "confused"), (0, 0)),
                "fold": (("confused", "confused"), (1, 1)),
                "instability": (phases, (0, -1)),
            }[curve.kind]
            assert (phases, counts) == expected, (curve.kind, p, r)


def test_polynomials_vanish_on_their_curves_and_points() -> None:
    boundaries = phase_boundaries("none", points_per_curve=6)
    for curve in boundaries.curves:
        if curve.polynomial is None:
            continue
        with mpmath.workdps(60):
            for p, r in zip(curve.density, curve.importance, strict=True):
                ratio = 1 / r if (curve.kind == "fold" and r > 1) or "W1 = 0" in curve.label else r
                terms = [c * mpmath.mpf(ratio) ** k for k, c in enumerate(curve.polynomial(mpmath.mpf(p)))]
                assert abs(sum(terms)) < 1e-9 * sum(map(abs, terms))
    end = next(point for point in boundaries.points if point.name == "fold ends at density 1")
    with mpmath.workdps(50):
        value = sum(c * end.importance**k for k, c in enumerate(kernels.fold_polynomial(1)))
        size = sum(abs(c) * end.importance**k for k, c in enumerate(kernels.fold_polynomial(1)))
        assert abs(value) < mpmath.mpf(10) ** -28 * size


def test_slope_of_the_tie_at_the_origin() -> None:
    points = {point.name: point for point in phase_boundaries("none", points_per_curve=3).points}
    with mpmath.workdps(40):
        closed = (2 + mpmath.sqrt(2)) / 8
        assert abs(points["origin: slope r/p of the tie"].importance - closed) < mpmath.mpf(10) ** -30


def test_progress_must_be_a_flag_or_a_function():
    with pytest.raises(TypeError, match=r"progress must be None, True, False or a function progress\(done, total\)"):
        phase_diagram(bias="none", progress="yes")


def test_files_of_something_else_get_a_sentence(diagram: PhaseDiagram, tmp_path) -> None:
    diagram.save(tmp_path / "d.npz")
    damaged, other = tmp_path / "damaged.npz", tmp_path / "other.npz"
    damaged.write_bytes((tmp_path / "d.npz").read_bytes()[:300])
    np.savez(other, loss=np.zeros(3))
    (tmp_path / "empty.csv").touch()
    (tmp_path / "words.csv").write_text("bias,density\nnone,0.5\n")
    (tmp_path / "short.csv").write_text("bias,density,importance,W1,W2,loss,phase,n_minima,gap\nnone,0.5,1\n")
    for name, words in (
        ("damaged.npz", "is no phase diagram, or it is damaged"),
        ("other.npz", "is no phase diagram: it has no array 'bias'"),
        ("empty.csv", "is empty"),
        ("words.csv", "is no phase diagram: it has no column 'importance'"),
        ("short.csv", "is no phase diagram: it has no complete rows"),
        ("none.csv", "does not exist"),
    ):
        with pytest.raises(ValueError, match=words):
            PhaseDiagram.load(tmp_path / name)


def test_what_a_notebook_shows(diagram: PhaseDiagram) -> None:
    assert "density 0.01 to 1 x 7" in repr(diagram)
    assert len(repr(diagram)) < 300
    assert diagram._repr_html_().startswith("<img")
    assert sum(diagram.shares().values()) == pytest.approx(1)
