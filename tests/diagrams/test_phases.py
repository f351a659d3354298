"""Phase diagrams and boundaries without bias."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

from analytic import (
    PhaseDiagram,
    ToyModel,
    find_minima,
    phase_diagram,
)
from analytic.polytopes.dimensionality import superposition

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
    seen: list[tuple[float, float]] = []
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
    norm, measure = superposition([[[1.0, 0.0]], [[0.0, 1.0]], [[1.0, -1.0]]])
    assert norm.tolist() == [0, 1, 1]
    assert measure.tolist() == [0, 0, 1]


def test_progress_must_be_a_flag_or_a_function():
    with pytest.raises(TypeError, match=r"progress must be None, True, False or a function progress\(done, total\)"):
        phase_diagram(bias="none", progress="yes")  # type: ignore[arg-type]


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
