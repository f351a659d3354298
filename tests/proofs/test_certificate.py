"""Certificates of completeness: what they prove, what they report, and that tampering is noticed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

from analytic import ToyModel, find_stationary_points
from analytic.models.bias import Bias
from analytic.proofs import Certificate, Reason, Roots, Searches, bisection, certify, verify_certificate
from analytic.proofs.closed_form import alike, always_on, dedicated_kind
from analytic.proofs.enclosures import Constants
from analytic.proofs.records import Place
from analytic.proofs.searches import LETTERS
from analytic.proofs.verify import leaf_boxes
from analytic.validation import InvalidInput

#: Exotic: two minima, one with W near (0.66, 1.23) and a small basin, and four saddles besides those in closed form.
EXOTIC = ToyModel.from_density(0.087, 0.115)
EQUAL = ToyModel.from_density(Fraction(3, 10), 1)
#: With a shared bias; exotic: a minimum with W near (0.901, 1.396), b near -1.007.
SHARED = {
    "exotic": ToyModel.from_density(0.13, 0.08, bias="shared"),
    "equal": ToyModel.from_density(Fraction(3, 10), 1, bias="shared"),
    "equally dense": ToyModel.from_density(0.9, 0.3, bias="shared"),
    "unequal": ToyModel.from_density((0.9, 0.3), 0.6, bias="shared"),
}
#: P00, P10, P01, P11 and importance: both correlated kinds, one of them with nothing off, and two of equal features.
CORRELATED = {
    "correlated": (0.55, 0.05, 0.1, 0.3, 0.6),
    "anticorrelated": (0.1, 0.5, 0.35, 0.05, 0.6),
    "never both off": (0.0, 0.3, 0.4, 0.3, 1.5),
    "equal, corner a minimum": (0.25, 0.0625, 0.0625, 0.625, 1.0),
    "equal, corner a saddle": (0.5, 0.15, 0.15, 0.2, 1.0),
    "both on everywhere": (0.02, 0.03, 0.15, 0.8, 0.5),
    "only together": (0.4, 0.0, 0.0, 0.6, 0.7),
    "the second never alone": (0.3, 0.3, 0.0, 0.4, 2.0),
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
    assert (kinds.count("minimum"), kinds.count("saddle")) == (2, 6)


def test_equal_features_are_proved(equal: Certificate) -> None:
    """Ties |W1| = |W2| and the corner W = (1, 1)/sqrt(2), b = 0 occur; points come in pairs under the exchange."""
    assert equal.complete
    weights = sorted(tuple(np.round(np.abs(middle(point)[0]), 6)) for point in equal.points)
    assert weights == sorted(pair[::-1] for pair in weights)
    kinds = [point.kind for point in equal.points]
    assert (kinds.count("minimum"), kinds.count("saddle")) == (3, 4)


@pytest.mark.parametrize("name", SHARED)
def test_one_bias_is_proved(name: str) -> None:
    """The list of the search is proved, kind by kind."""
    model = SHARED[name]
    certificate = certify(model, find_stationary_points(model))
    assert (certificate.complete, certificate.missing, certificate.unproved) == (True, (), ())


@pytest.mark.parametrize("bias", [Bias.SHARED, Bias.PER_FEATURE])
@pytest.mark.parametrize("patterns", CORRELATED.values(), ids=CORRELATED)
def test_correlated_features_are_proved(patterns: tuple[float, ...], bias: Bias) -> None:
    """The list of the search is proved, flat sets included, and the certificate is verified."""
    p00, p10, p01, p11, importance = patterns
    model = ToyModel.from_patterns(p00, p10, p01, p11, importance, bias)
    certificate = certify(model, find_stationary_points(model))
    assert (certificate.complete, certificate.missing, certificate.unproved) == (True, (), ())
    assert verify_certificate(certificate).complete


@pytest.mark.parametrize("bias", [Bias.SHARED, Bias.PER_FEATURE])
@pytest.mark.parametrize("exponent", [-2, -7, -11, -15])
@pytest.mark.parametrize("independent", [True, False])
def test_nearly_equal_features_are_proved(bias: Bias, exponent: int, independent: bool) -> None:
    """At W1 = W2, b = 0 of equal features, points have |b| down to the square of the relative difference."""
    more = 1 + Fraction(10) ** exponent
    if independent:
        model = ToyModel.from_density((Fraction(2, 5), Fraction(2, 5) * more), 2 - more, bias)
    else:
        alone, both = Fraction(1, 20), Fraction(3, 5)
        model = ToyModel.from_patterns(1 - both - alone - alone * more, alone, alone * more, both, more, bias)
    certificate = certify(model, find_stationary_points(model))
    assert (certificate.complete, certificate.missing, certificate.unproved) == (True, (), ())
    assert verify_certificate(certificate).complete


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
            expected = "minimum" if eigenvalues[0] > 0 else "saddle"
            assert point.kind == expected


@pytest.mark.parametrize("name", ["exotic", "equal", "shared"])
def test_saved_certificate_is_verified(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    certificate, path = request.getfixturevalue(name), tmp_path / "proof.json"
    certificate.save(path)
    assert Certificate.load(path) == certificate
    result = verify_certificate(path)
    assert (result.valid, result.complete, result.objections) == (True, True, ())
    assert [file.name for file in tmp_path.iterdir()] == ["proof.json"]


def searches(certificate: Certificate) -> Searches:
    """The proof of a model with bias."""
    assert isinstance(certificate.proof, Searches)
    return certificate.proof


def with_proof(certificate: Certificate, **changes: Any) -> Certificate:
    return replace(certificate, proof=replace(searches(certificate), **changes))


def with_zero(certificate: Certificate, **changes: Any) -> Certificate:
    first, *rest = searches(certificate).zeros
    return with_proof(certificate, zeros=(replace(first, **changes), *rest))


def with_code(certificate: Certificate, change: Callable[[str], str]) -> Certificate:
    """The largest tree with its code changed by a function."""
    trees = list(searches(certificate).trees)
    i = max(range(len(trees)), key=lambda j: len(trees[j].code))
    trees[i] = replace(trees[i], code=change(trees[i].code))
    return with_proof(certificate, trees=tuple(trees))


def all_excluded(code: str) -> str:
    return "".join("x" if letter in LETTERS else letter for letter in code)


TAMPERINGS = {
    "a box removed": lambda c: with_code(c, lambda code: code[:-1]),
    "a box added": lambda c: with_code(c, lambda code: code + "x"),
    "a box left out by merging": lambda c: with_code(c, lambda code: "x"),
    "a zero's box called excluded": lambda c: with_proof(
        c, trees=tuple(replace(t, code=all_excluded(t.code)) for t in c.proof.trees)
    ),
    "an excluded box called a zero's": lambda c: with_code(c, lambda code: code.replace("x", "A", 1)),
    "a search removed": lambda c: with_proof(c, trees=c.proof.trees[1:]),
    "a search doubled": lambda c: with_proof(c, trees=(*c.proof.trees, c.proof.trees[0])),
    "an unknown letter": lambda c: with_code(c, lambda code: code.replace("x", "!", 1)),
    "a box of uniqueness widened": lambda c: with_zero(
        c, unique=((1e-3, 1.5), (-1.0, 2.0), (-1.0, 2.0))[: len(c.proof.zeros[0].inner)]
    ),
    "an inner box beside its zero": lambda c: with_zero(
        c, inner=tuple((low, low + (high - low) / 8) for low, high in c.proof.zeros[0].unique)
    ),
    "a place changed": lambda c: with_zero(
        c, place=Place.OUTSIDE if c.proof.zeros[0].place is Place.INSIDE else Place.INSIDE
    ),
    "a point's loss changed": lambda c: replace(
        c, points=(replace(c.points[0], loss=tuple(x + 1e-9 for x in c.points[0].loss)), *c.points[1:])
    ),
    "a point invented": lambda c: replace(c, points=(*c.points, c.points[0])),
    "a sign flipped": lambda c: with_zero(c, sign=-c.proof.zeros[0].sign),
    "a kind changed": lambda c: with_zero(c, kind="saddle" if c.proof.zeros[0].kind == "minimum" else "minimum"),
    "a point removed": lambda c: replace(c, points=c.points[1:]),
    "a zero removed": lambda c: with_proof(c, zeros=c.proof.zeros[1:]),
    "another bias": lambda c: replace(
        c, model=ToyModel.from_density(0.13, 0.08, "per-feature" if c.model.bias == "shared" else "shared")
    ),
    "no bias": lambda c: replace(c, model=ToyModel.from_density(0.13, 0.08, "none")),
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
    for tree in searches(exotic).trees:
        leaves = leaf_boxes(tree.code, tree.case.dimension)
        assert leaves is not None
        volumes = [np.prod([high - low for low, high in box]) for group in leaves.values() for box in group]
        assert sum(Fraction(float(volume)) for volume in volumes) == 1


def test_time_limit_gives_an_honest_partial_result() -> None:
    certificate = certify(EXOTIC, time_limit=0.0)
    assert not certificate.complete
    assert {item.reason for item in certificate.unresolved} >= {Reason.TIME}
    result = verify_certificate(certificate)
    assert (result.valid, result.complete) == (True, False)


def test_what_is_left_is_summed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """One entry per search with the number of boxes and their hull, however many there are."""
    monkeypatch.setattr(bisection, "_MOST_BOXES", 300)
    certificate = certify(ToyModel.from_density(0.001, 1.0))
    crowded = [item for item in certificate.unresolved if item.reason is Reason.CROWDED]
    assert 0 < len(crowded) <= 12
    assert all(item.boxes > 300 and len(item.box or ()) in (2, 3) for item in crowded)
    left = sum(tree.code.count("?") for tree in searches(certificate).trees)
    assert sum(item.boxes for item in crowded) == left


def test_interrupt_gives_a_partial_result() -> None:
    def press_ctrl_c(done: float, total: float) -> None:
        if done > 0.2 * total:
            raise KeyboardInterrupt

    certificate = certify(EXOTIC, progress=press_ctrl_c)
    assert certificate.unresolved[0].reason is Reason.INTERRUPTED
    assert 0 < len(searches(certificate).trees) < 12
    assert verify_certificate(certificate).complete is False


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (ToyModel.from_patterns(0.5, 0.2, 0.3, 0.0, bias="shared"), "P11"),
        (ToyModel.from_patterns(0.5, 0.2, 0.3, 0.0), "P11"),
        (ToyModel.from_patterns(0.5, 0.0, 0.0, 0.5), "never on alone"),
        (ToyModel(sparsity=0.0), "never on alone"),
        (ToyModel.from_density((0.5, 0.0), bias="none"), "positive"),
        ("a model", "ToyModel"),
    ],
)
def test_models_outside_the_theory(model: object, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        certify(model)  # type: ignore[arg-type]


def test_words_of_files_do_not_change() -> None:
    """A certificate of version 1, as it was written: changing a sentence in an enum would make old files unreadable."""
    zero = {
        "case": "one bias, both partial (tau, k)",
        "swapped": False,
        "sign": 1,
        "unique": [[0.5, 1.0], [-0.25, 0.25]],
        "inner": [[0.9, 1.0], [-0.1, 0.1]],
        "kind": "undecided",
    }
    places = [
        "a stationary point of this case",
        "outside this case",
        "the point W1 = W2, b = 0 that is known in closed form",
        "possibly |W1| = |W2|, shared by both halves",
        "too close to the edge of the case",
    ]
    cases = [
        "both partial (tau, kappa, k)",
        "first partial, second on (tau, kappa)",
        "second partial, first on (tau, k)",
        "one bias, both partial (tau, k)",
    ]
    data = {
        "format": "analytic certificate of completeness",
        "version": 1,
        "model": {"importance": ["1", "1/2"], "patterns": ["9/16", "3/16", "3/16", "1/16"], "bias": "shared"},
        "zeros": [zero | {"place": place} for place in places],
        "trees": [{"case": case, "swapped": False, "sign": 1, "code": "?"} for case in cases],
        "points": [],
        "unresolved": [{"reason": "the time limit was reached", "where": "", "box": []}],
        "seconds": 1.5,
    }
    certificate = Certificate.from_dict(data)
    assert [item.place.value for item in searches(certificate).zeros] == places
    assert certificate.model == ToyModel.from_density(Fraction(1, 4), Fraction(1, 2), "shared")


DOMAIN = {
    "density 1": lambda bias: ToyModel.from_density(1, Fraction(1, 2), bias),
    "one density 1": lambda bias: ToyModel.from_density((1, Fraction(3, 10)), 2, bias),
    "the other density 1": lambda bias: ToyModel.from_density((Fraction(3, 10), 1), 2, bias),
    "nearly density 1": lambda bias: ToyModel.from_density(1 - Fraction(1, 10**6), Fraction(7, 10), bias),
    "density 1e-4": lambda bias: ToyModel.from_density(1e-4, 0.7, bias),
    "density 1e-4, equal": lambda bias: ToyModel.from_density(1e-4, 1, bias),
    "density 1e-3 and 1e-1": lambda bias: ToyModel.from_density((1e-3, 1e-1), 3, bias),
    "nearly equal importances": lambda bias: ToyModel.from_density(0.6, 1 + 1e-5, bias),
    "nearly equal densities": lambda bias: ToyModel.from_density((0.6, 0.6 + 1e-5), 1, bias),
}


@pytest.mark.parametrize("bias", [Bias.SHARED, Bias.PER_FEATURE])
@pytest.mark.parametrize("name", DOMAIN)
def test_the_ends_of_the_domain_are_proved(name: str, bias: Bias) -> None:
    """Complete, checked, and the list of the search kind by kind."""
    model = DOMAIN[name](bias)
    certificate = certify(model, find_stationary_points(model))
    assert certificate.complete
    assert certificate.differences == ()
    assert verify_certificate(certificate).complete


def test_at_density_1_the_sign_of_a_weight_does_not_matter() -> None:
    """x_j -> 1 - x_j in the other output: (W2, b) -> (-W2, b + W1 W2), so every point has a twin of the same loss."""
    model = ToyModel.from_density(1, 1, "shared")
    certificate = certify(model, find_stationary_points(model))
    assert (certificate.complete, certificate.differences) == (True, ())
    losses = [np.mean(point.loss) for point in certificate.minima]
    assert losses == [losses[0]] * 2
    (W, b), (V, c) = sorted(((m[0], m[1][0]) for m in map(middle, certificate.minima)), key=lambda m: m[0][1])
    assert np.allclose(np.abs(W), np.abs(V), rtol=1e-15)
    assert abs(b + W[0] * W[1] - c) < 1e-15


def test_searches_that_end_undecided_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Boxes that no test decides, down to the smallest width: a few halvings stand in for two points that meet."""
    monkeypatch.setattr(bisection, "HALVINGS", 3)
    certificate = certify(SHARED["exotic"])
    assert not certificate.complete
    assert {item.reason for item in certificate.unresolved} == {Reason.NARROW}
    result = verify_certificate(certificate)
    assert (result.valid, result.complete) == (True, False)


@pytest.mark.parametrize("limit", [np.nan, -1.0, "soon"])
def test_time_limits(limit: Any) -> None:
    with pytest.raises(InvalidInput, match="time_limit must be"):
        certify(EXOTIC, time_limit=limit)


def test_old_files_load(shared: Certificate, tmp_path: Path) -> None:
    """Version 1 listed unresolved boxes one by one, and no points without bias."""
    path, box = tmp_path / "old.json", [[0.0, 0.5], [0.0, 0.5]]
    entry = {"reason": Reason.TIME.value, "where": "somewhere", "box": box}
    path.write_text(json.dumps(shared.as_dict() | {"version": 1, "unresolved": [entry, entry]}))
    assert [item.boxes for item in Certificate.load(path).unresolved] == [1, 1]
    exact = certify(UNBIASED[1])
    old = {key: exact.as_dict()[key] for key in ("format", "model", "roots", "seconds")}
    path.write_text(json.dumps(old | {"version": 1}))
    assert Certificate.load(path) == exact
    assert verify_certificate(path).complete


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b"3",
        b'{"format": "something else"}',
        b'{"format": 3',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"format": "analytic certificate of completeness", "version": 2}',
        b'{"format": "analytic certificate of completeness", "version": [1]}',
        b'{"format": "analytic certificate of completeness", "version": 1, "model": 7}',
    ],
    ids=range(11),
)
def test_not_a_certificate(tmp_path: Path, content: bytes) -> None:
    """A sentence that names the file, never an error of Python or of the JSON reader."""
    path = tmp_path / "file.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"certificate|this is version \[1\]"):
        verify_certificate(path)


@pytest.mark.parametrize("damage", ["delete", "null", "number", "list", "text"])
def test_damaged_certificates(damage: str, shared: Certificate, tmp_path: Path) -> None:
    """Every entry of a file, replaced by something else, is refused with a sentence or rejected by the checker."""
    path = tmp_path / "file.json"
    values: dict[str, Any] = {"null": None, "number": 7, "list": [], "text": "nonsense"}
    for key in (whole := json.loads(json.dumps(shared.as_dict()))):
        data = {name: value for name, value in whole.items() if name != key}
        path.write_text(json.dumps(data if damage == "delete" else data | {key: values[damage]}))
        try:
            accepted = verify_certificate(path).valid
        except ValueError:
            continue
        assert not accepted or key in ("complete", "seconds", "unresolved")


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
    assert kind == ("saddle" if falls else "minimum")


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
    assert isinstance(certificate.proof, Roots)
    first, *rest = certificate.proof.arcs
    low, high = first[0]
    width = high - low
    forged = {
        "removed": ((), *rest),
        "moved": (((low + width, high + width),), *rest),
        "widened beyond the arc": (((low, high + 2),), *rest),
        "an arc removed": tuple(rest),
        "doubled": (((low, high), (low, high)), *rest),
    }
    for name, arcs in forged.items():
        assert not verify_certificate(replace(certificate, proof=replace(certificate.proof, arcs=arcs))).valid, name
    assert not verify_certificate(replace(certificate, points=certificate.points[1:])).valid
    assert not verify_certificate(replace(certificate, proof=Searches((), ()))).valid


@pytest.mark.slow
@pytest.mark.parametrize("bias", [Bias.PER_FEATURE, Bias.SHARED])
def test_random_models_are_proved(bias: Bias) -> None:
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


@pytest.mark.slow
@pytest.mark.parametrize("bias", [Bias.PER_FEATURE, Bias.SHARED])
def test_random_correlated_models_are_proved(bias: Bias) -> None:
    """All of 100 models with patterns uniform on the simplex are proved, and the finder lists the same."""
    rng = np.random.default_rng(2025)
    for _ in range(100):
        p00, p10, p01, p11 = rng.dirichlet(np.ones(4))
        model = ToyModel.from_patterns(p00, p10, p01, p11, 10 ** rng.uniform(-1, 1), bias)
        certificate = certify(model, find_stationary_points(model), time_limit=300)
        assert (certificate.complete, certificate.differences) == (True, ())
        assert verify_certificate(certificate).complete
