"""Certificates of completeness: what they prove, what they report, and that tampering is noticed."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.optimize import minimize

from analytic import ToyModel, find_stationary_points
from analytic.proofs import Certificate, Kind, Reason, certify, prover, verify_certificate
from analytic.proofs.certificate import LETTERS
from analytic.proofs.closed_form import alike, always_on, dedicated_kind
from analytic.proofs.enclosures import Constants
from analytic.proofs.verify import leaf_boxes

#: Exotic: two minima, one with W near (0.66, 1.23) and a small basin, and four saddles besides those in closed form.
EXOTIC = ToyModel.from_density(0.087, 0.115)
EQUAL = ToyModel.from_density(Fraction(3, 10), 1)
#: With one bias; exotic: a minimum with W near (0.901, 1.396), b near -1.007.
SHARED = {
    "exotic": ToyModel.from_density(0.13, 0.08, bias="shared"),
    "equal": ToyModel.from_density(Fraction(3, 10), 1, bias="shared"),
    "equally dense": ToyModel.from_density(0.9, 0.3, bias="shared"),
    "unequal": ToyModel.from_density((0.9, 0.3), 0.6, bias="shared"),
}


@pytest.fixture(scope="module")
def exotic() -> Certificate:
    return certify(EXOTIC)


@pytest.fixture(scope="module")
def equal() -> Certificate:
    return certify(EQUAL)


@pytest.fixture(scope="module")
def shared() -> Certificate:
    return certify(SHARED["exotic"])


def middle(point: object) -> tuple[np.ndarray, np.ndarray]:
    return np.mean(point.W, axis=1), np.mean(point.b, axis=1)  # type: ignore[attr-defined]


def test_exotic_model_is_proved(exotic: Certificate) -> None:
    assert exotic.complete
    kinds = [point.kind for point in exotic.points]
    assert (kinds.count(Kind.MINIMUM), kinds.count(Kind.SADDLE)) == (2, 6)


def test_equal_features_are_proved(equal: Certificate) -> None:
    """Ties |W1| = |W2| and the corner W = (1, 1)/sqrt(2), b = 0 occur; points come in pairs under the exchange."""
    assert equal.complete
    weights = sorted(tuple(np.round(np.abs(middle(point)[0]), 6)) for point in equal.points)
    assert weights == sorted(pair[::-1] for pair in weights)
    kinds = [point.kind for point in equal.points]
    assert (kinds.count(Kind.MINIMUM), kinds.count(Kind.SADDLE)) == (3, 4)


@pytest.mark.parametrize("name", SHARED)
def test_one_bias_is_proved(name: str) -> None:
    """The list of the search is proved, kind by kind."""
    model = SHARED[name]
    certificate = certify(model, find_stationary_points(model))
    assert (certificate.complete, certificate.missing, certificate.unproved) == (True, (), ())


def test_exotic_minimum_of_one_bias(shared: Certificate) -> None:
    found = [p for p in shared.minima if np.allclose(np.abs(middle(p)[0]), (0.901, 1.396), atol=1e-3)]
    assert len(found) == 1
    assert np.allclose(middle(found[0])[1], -1.007, atol=1e-3)


@pytest.mark.parametrize("name", ["exotic", "equal", "shared"])
def test_points_agree_with_the_compiled_loss(name: str, request: pytest.FixtureRequest) -> None:
    """Gradient, loss and Hessian come from formulas that the proof does not use."""
    certificate = request.getfixturevalue(name)
    for point in certificate.points:
        W, b = middle(point)
        b = b[0] if name == "shared" else b
        assert np.abs(certificate.model.gradient(W, b)).max() < 1e-9
        assert abs(certificate.model.loss(W, b) - np.mean(point.loss)) < 1e-9
        assert point.loss[1] - point.loss[0] < 1e-9
        if not point.on_kink:
            eigenvalues = np.linalg.eigvalsh(certificate.model.hessian(W, b))
            expected = Kind.MINIMUM if eigenvalues[0] > 0 else Kind.SADDLE
            assert point.kind is expected


@pytest.mark.parametrize("name", ["exotic", "equal", "shared"])
def test_saved_certificate_is_verified(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    certificate, path = request.getfixturevalue(name), tmp_path / "proof.json"
    certificate.save(path)
    assert Certificate.load(path) == certificate
    result = verify_certificate(path)
    assert (result.valid, result.complete, result.objections) == (True, True, ())
    assert [file.name for file in tmp_path.iterdir()] == ["proof.json"]


def test_landscape_agrees(exotic: Certificate) -> None:
    missing, unproved = prover.compare(exotic.points, find_stationary_points(EXOTIC))
    assert (missing, unproved) == ((), ())


def test_removed_minimum_is_reported(exotic: Certificate) -> None:
    """The planted error: a landscape without one true minimum, and one with a point that does not exist."""
    landscape = find_stationary_points(EXOTIC)
    lists = {name: list(getattr(landscape, name)) for name in ("minima", "saddles", "maxima")}
    lost = lists["minima"].pop()
    missing, unproved = prover.compare(exotic.points, SimpleNamespace(**lists))
    assert len(missing) == 1
    assert unproved == ()
    assert np.allclose(np.abs(middle(missing[0])[0]), np.abs(np.asarray(lost.W, dtype=float)), atol=1e-6)
    invented = SimpleNamespace(W=np.array([0.5, 0.5]), b=np.array([0.1, 0.1]))
    lists["minima"] += [lost, invented]
    assert prover.compare(exotic.points, SimpleNamespace(**lists)) == ((), (invented,))


def test_wrong_kind_is_reported(exotic: Certificate) -> None:
    landscape = find_stationary_points(EXOTIC)
    wrong = SimpleNamespace(minima=(*landscape.minima, landscape.saddles[0]), saddles=landscape.saddles[1:], maxima=())
    missing, unproved = prover.compare(exotic.points, wrong)
    assert (len(missing), len(unproved)) == (1, 1)


def with_zero(certificate: Certificate, **changes: object) -> Certificate:
    return replace(certificate, zeros=(replace(certificate.zeros[0], **changes), *certificate.zeros[1:]))


def with_code(certificate: Certificate, change: object) -> Certificate:
    """The largest tree with its code changed by a function."""
    i = max(range(len(certificate.trees)), key=lambda j: len(certificate.trees[j].code))
    tree = certificate.trees[i]
    changed = replace(tree, code=change(tree.code))  # type: ignore[operator]
    return replace(certificate, trees=(*certificate.trees[:i], changed, *certificate.trees[i + 1 :]))


TAMPERINGS = {
    "a box removed": lambda c: with_code(c, lambda code: code[:-1]),
    "a box added": lambda c: with_code(c, lambda code: code + "x"),
    "a box left out by merging": lambda c: with_code(c, lambda code: "x"),
    "a zero's box called excluded": lambda c: replace(
        c, trees=tuple(replace(t, code="".join("x" if s in LETTERS else s for s in t.code)) for t in c.trees)
    ),
    "an excluded box called a zero's": lambda c: with_code(c, lambda code: code.replace("x", "A", 1)),
    "a search removed": lambda c: replace(c, trees=c.trees[1:]),
    "a search doubled": lambda c: replace(c, trees=(*c.trees, c.trees[0])),
    "an unknown letter": lambda c: with_code(c, lambda code: code.replace("x", "!", 1)),
    "a box of uniqueness widened": lambda c: with_zero(
        c, unique=((1e-3, 1.5), (-1.0, 2.0), (-1.0, 2.0))[: len(c.zeros[0].inner)]
    ),
    "a sign flipped": lambda c: with_zero(c, sign=-c.zeros[0].sign),
    "a kind changed": lambda c: with_zero(c, kind=Kind.MINIMUM if c.zeros[0].kind is not Kind.MINIMUM else Kind.SADDLE),
    "a point removed": lambda c: replace(c, points=c.points[1:]),
    "a zero removed": lambda c: replace(c, zeros=c.zeros[1:]),
    "another bias": lambda c: replace(
        c, model=ToyModel.from_density(0.13, 0.08, "per-feature" if c.model.bias == "shared" else "shared")
    ),
    "another density": lambda c: replace(c, model=ToyModel.from_density(0.5, 0.115, c.model.bias)),
    "another importance": lambda c: replace(c, model=ToyModel.from_density(0.087, 0.9, c.model.bias)),
}


@pytest.mark.parametrize("proof", ["exotic", "shared"])
@pytest.mark.parametrize("name", TAMPERINGS)
def test_tampering_is_rejected(proof: str, name: str, request: pytest.FixtureRequest) -> None:
    result = verify_certificate(TAMPERINGS[name](request.getfixturevalue(proof)))
    assert not result.valid
    assert not result.complete
    assert result.objections


def test_hidden_open_box_is_noticed(exotic: Certificate) -> None:
    opened = with_code(exotic, lambda code: code.replace("x", "?", 1))
    assert "called complete" in verify_certificate(opened).objections[0]


def test_leaves_cover_the_cube(exotic: Certificate) -> None:
    """Volumes of dyadic boxes add up to exactly one."""
    for tree in exotic.trees:
        leaves = leaf_boxes(tree.code, tree.case.dimension)
        assert leaves is not None
        volumes = [np.prod([high - low for low, high in box]) for group in leaves.values() for box in group]
        assert sum(map(Fraction, volumes)) == 1


def test_time_limit_gives_an_honest_partial_result() -> None:
    certificate = certify(EXOTIC, time_limit=0.0)
    assert not certificate.complete
    assert {item.reason for item in certificate.unresolved} >= {Reason.TIME}
    result = verify_certificate(certificate)
    assert (result.valid, result.complete) == (True, False)


def test_interrupt_gives_a_partial_result() -> None:
    def press_ctrl_c(fraction: float) -> None:
        if fraction > 0.2:
            raise KeyboardInterrupt

    certificate = certify(EXOTIC, progress=press_ctrl_c)
    assert certificate.unresolved[0].reason is Reason.INTERRUPTED
    assert 0 < len(certificate.trees) < 12
    assert verify_certificate(certificate).complete is False


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (ToyModel.from_patterns(0.5, 0.1, 0.1, 0.3, bias="shared"), "independent"),
        (ToyModel.from_patterns(0.5, 0.1, 0.1, 0.3), "independent"),
        (ToyModel(sparsity=0.0), "strictly between 0 and 1"),
    ],
)
def test_models_outside_the_theory(model: ToyModel, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        certify(model)


@pytest.mark.parametrize("text", ["", "[]", '{"format": "something else"}', '{"format": 3', "null"])
def test_not_a_certificate(tmp_path: Path, text: str) -> None:
    path = tmp_path / "file.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="not a valid certificate"):
        verify_certificate(path)


def test_future_version_is_refused(exotic: Certificate, tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_text(json.dumps(exotic.as_dict() | {"version": 99}))
    with pytest.raises(ValueError, match="99"):
        Certificate.load(path)


def test_always_on_at_equal_densities() -> None:
    """None inside the region; on its edge the corner if the importances are equal too."""
    for density in (Fraction(1, 10), Fraction(1, 2), Fraction(9, 10)):
        for importance in (1, Fraction(1, 3), 7):
            c = Constants.exact(ToyModel.from_density(density, importance), False)
            assert always_on(c) == []
            assert alike(c) is (importance == 1)


@pytest.mark.parametrize(
    ("density", "importance", "signs"),
    [
        ((Fraction(3, 20), Fraction(4, 5)), Fraction(1, 50), (1, -1)),
        ((Fraction(73, 100), Fraction(11, 50)), Fraction(179, 50), (1,)),
    ],
)
def test_always_on_saddles(density: tuple[Fraction, ...], importance: Fraction, signs: tuple[int, ...]) -> None:
    """A sparse and a dense feature: saddles with h > 0 everywhere, confused or antipodal, and the list has them."""
    model = ToyModel.from_density(density, (1, importance))
    points = always_on(Constants.exact(model, False)) or []
    assert tuple(np.sign(np.prod(middle(point)[0])) for point in points) == signs
    for point in points:
        W, b = middle(point)
        assert b.min() + min(0, W[0] * W[1]) > 0.001
        assert np.abs(model.gradient(W, b)).max() < 1e-14
        assert abs(model.loss(W, b) - np.mean(point.loss)) < 1e-15
        eigenvalues = np.linalg.eigvalsh(model.hessian(W, b))
        assert eigenvalues[0] < 0 < eigenvalues[1]
    certificate = certify(model, find_stationary_points(model))
    assert (certificate.complete, certificate.missing, certificate.unproved) == (True, (), ())


@pytest.mark.parametrize(("density", "importance"), [(0.62, 0.34), (0.78, 0.92), (0.3, 0.5), (0.75, 0.3), (0.9, 0.2)])
def test_dedicated_kind_against_descent(density: float, importance: float) -> None:
    """Best responses to W2 = +-0.01 of the other three parameters lower the loss exactly at a saddle."""
    model = ToyModel.from_density(density, importance)
    kind = dedicated_kind(Constants.exact(model, False))
    best = []
    for W2 in (0.01, -0.01):
        result = minimize(
            lambda x, W2=W2: (model.loss([x[0], W2], x[1:]), model.gradient([x[0], W2], x[1:])[[0, 2, 3]]),
            [1.0, 0.0, density / 2],
            jac=True,
            method="BFGS",
            options={"gtol": 1e-12},
        )
        best.append(result.fun)
    falls = min(best) < model.loss([1.0, 0.0], [0.0, density / 2])
    assert kind is (Kind.SADDLE if falls else Kind.MINIMUM)


UNBIASED = [
    ToyModel.from_density(Fraction(1, 2), 1, bias="none"),
    ToyModel.from_density(0.3, 0.4, bias="none"),
    ToyModel.from_density(1, 1, bias="none"),
    ToyModel.from_density((0.3, 0.6), 2.0, bias="none"),
    ToyModel.from_patterns(0.5, 0.1, 0.1, 0.3, bias="none"),
    ToyModel.from_patterns(Fraction(1, 8), Fraction(3, 8), Fraction(3, 8), Fraction(1, 8), bias="none"),
]


@pytest.mark.parametrize("model", UNBIASED, ids=repr)
def test_unbiased_agrees_with_the_algebraic_solver(model: ToyModel, tmp_path: Path) -> None:
    """Sturm's count and the certified roots of the solver are two routes to complete lists, so they are equal."""
    certificate = certify(model, find_stationary_points(model))
    assert (certificate.complete, certificate.missing, certificate.unproved) == (True, (), ())
    certificate.save(tmp_path / "proof.json")
    result = verify_certificate(tmp_path / "proof.json")
    assert (result.valid, result.complete, result.objections) == (True, True, ())


def test_unbiased_tampering_is_rejected() -> None:
    certificate = certify(UNBIASED[1])
    first, *rest = certificate.roots
    low, high = first[0]
    width = high - low
    forged = {
        "removed": ((), *rest),
        "moved": (((low + width, high + width),), *rest),
        "widened beyond the arc": (((low, high + 2),), *rest),
        "an arc removed": tuple(rest),
        "doubled": (((low, high), (low, high)), *rest),
    }
    for name, roots in forged.items():
        assert not verify_certificate(replace(certificate, roots=roots)).valid, name


@pytest.mark.slow
@pytest.mark.parametrize("bias", ["per-feature", "shared"])
def test_random_models_are_proved(bias: str) -> None:
    """At least 95 % of 200 models are proved complete, each certificate checks, and the finder lists the same."""
    rng = np.random.default_rng(2024)
    complete = 0
    for _ in range(200):
        model = ToyModel.from_density(rng.uniform(0.05, 0.95), rng.uniform(0.1, 1.0), bias)
        certificate = certify(model, find_stationary_points(model), time_limit=300)
        complete += certificate.complete
        assert verify_certificate(certificate).valid
        assert certificate.missing == ()
        assert not (certificate.complete and certificate.unproved)
    assert complete >= 190
