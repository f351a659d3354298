"""The generated code and document: compared with exact rational integration, and with what is committed.

The second route here shares nothing with derivations/: it cuts the square at the kink line and integrates polynomials
by a seven-point Newton-Cotes rule, exact for them, in Fraction arithmetic.
"""

import re
from fractions import Fraction as Q
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sympy as sp

from analytic.loss import kernels
from derivations import __main__ as command
from derivations import loss, pair, unbiased
from derivations.document import document
from derivations.moments import AREAS, LINES, MOMENTS
from derivations.patterns import PATTERNS

#: A rational point (alpha, beta, b) inside every pattern.
POINTS = {
    "": (Q(1, 2), Q(1, 3), Q(-7, 5)),
    "F": (Q(1, 2), Q(1, 3), Q(-3, 5)),
    "A": (Q(3, 4), Q(-2, 3), Q(-1, 4)),
    "AF": (Q(3, 4), Q(-1, 5), Q(-1, 4)),
    "EF": (Q(1, 5), Q(3, 4), Q(-1, 3)),
    "AB": (Q(1, 5), Q(-5, 4), Q(1, 3)),
    "AEF": (Q(2, 3), Q(3, 4), Q(-1, 7)),
    "ABF": (Q(5, 4), Q(-2, 3), Q(1, 3)),
    "ABEF": (Q(2, 3), Q(-1, 4), Q(1, 3)),
}
ON_OFF = (Q(1, 10), Q(2, 10), Q(3, 10), Q(4, 10))
NODES = [Q(i, 6) for i in range(7)]
#: Weights of the seven-point Newton-Cotes rule, exact to degree seven.
WEIGHTS = [Q(w, 840) for w in (41, 216, 27, 272, 27, 216, 41)]


def integral(f, cuts):
    """A piecewise polynomial of degree at most seven, integrated between neighbouring cuts, exactly."""
    return sum(
        (end - start) * sum(w * f(start + (end - start) * n) for w, n in zip(WEIGHTS, NODES, strict=True))
        for start, end in pairwise(cuts)
    )


def cuts(*kinks):
    return sorted({Q(0), Q(1), *(kink for kink in kinks if 0 < kink < 1)})


def expectation(pattern, f):
    """E[f(x, y, h) 1(h > 0)] in exact arithmetic, by slicing along x and cutting at the kink line."""
    alpha, beta, b = POINTS[pattern]

    def on(x, y):
        return alpha * x + beta * y + b

    def along_x(y):
        zero = -(beta * y + b) / alpha
        start = min(max(zero, Q(0)), Q(1))
        return integral(lambda x: f(x, y, on(x, y)), [start, Q(1)]) if start < 1 else Q(0)

    def at_y(y):
        return f(Q(0), y, on(0, y))

    def other_edge():
        edges = cuts(-b / beta)
        return sum(integral(at_y, [s, e]) for s, e in pairwise(edges) if on(0, (s + e) / 2) > 0)

    p00, own, other, both = ON_OFF
    square = integral(along_x, cuts(-b / beta, -(alpha + b) / beta))
    off = f(Q(0), Q(0), b) if b > 0 else Q(0)
    return both * square + own * along_x(Q(0)) + other * other_edge() + p00 * off


def line_expectation(pattern, f):
    """E[f(x, y) delta(h)], f(0, y) = 0, in exact arithmetic: the kink line solved for x, density 1/alpha."""
    alpha, beta, b = POINTS[pattern]

    def at(y):
        x = -(beta * y + b) / alpha
        return f(x, y) / alpha if 0 <= x <= 1 else Q(0)

    total = Q(0)
    for start, end in pairwise(cuts(-b / beta, -(alpha + b) / beta)):
        if 0 < -(beta * (start + end) / 2 + b) / alpha < 1:
            total += integral(at, [start, end])
    return ON_OFF[3] * total + ON_OFF[1] * at(Q(0))


INTEGRANDS = {
    "hh": lambda x, y, h: h * h,
    "xh": lambda x, y, h: x * h,
    "h": lambda x, y, h: h,
    "yh": lambda x, y, h: y * h,
    "x": lambda x, y, h: x,
    "xx": lambda x, y, h: x * x,
    "xy": lambda x, y, h: x * y,
    "one": lambda x, y, h: Q(1),
    "y": lambda x, y, h: y,
    "yy": lambda x, y, h: y * y,
}
ON_LINE = {
    "dx": lambda x, y: x,
    "dxx": lambda x, y: x * x,
    "dxy": lambda x, y: x * y,
    "dxxx": lambda x, y: x**3,
    "dxxy": lambda x, y: x * x * y,
    "dxyy": lambda x, y: x * y * y,
}


def exact(kind, pattern):
    names = MOMENTS if kind == "moments" else [*AREAS, *LINES]
    return tuple(
        line_expectation(pattern, ON_LINE[name]) if name in LINES else expectation(pattern, INTEGRANDS[name])
        for name in names
    )


def source_of(name):
    """The text of a generated function, without its comments."""
    text = Path(kernels.__file__).read_text(encoding="utf-8")
    found = re.search(rf"def {name}\(.*?(?=\n\n\n)", text, re.DOTALL)
    assert found is not None
    return re.sub(r"(?m)^ *#.*\n", "", found.group())


def function_of(source, name):
    """The function that a text defines, with every integer in it a fraction."""
    scope: dict[str, Any] = {}
    exec(re.sub(r"(?<![\w.])(\d+)(?![\w.])", r"Q(\1)", source), {"Q": Q}, scope)
    return scope[name]


def test_points_lie_in_their_patterns():
    for pattern, (alpha, beta, b) in POINTS.items():
        values = {"A": alpha + b, "B": b, "E": beta + b, "F": alpha + beta + b}
        assert "".join(corner for corner in "ABEF" if values[corner] > 0) == pattern


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("kind", ["moments", "curvature"])
def test_generated_code_equals_exact_integration(kind, pattern):
    assert getattr(kernels, kind)(*POINTS[pattern], *ON_OFF) == exact(kind, pattern)


@pytest.mark.parametrize("kind", ["moments", "curvature"])
def test_every_perturbed_number_is_caught(kind):
    """Coefficients and comparisons alike: a number that could be another one would be noticed in some pattern."""
    source = source_of(kind)
    expected = {pattern: exact(kind, pattern) for pattern in PATTERNS}
    places = [found.span() for found in re.finditer(r"(?<![\w.])\d+(?![\w.])", source)]
    assert len(places) > 100
    for start, end in places:
        wrong = function_of(source[:start] + str(int(source[start:end]) + 1) + source[end:], kind)
        assert any(wrong(*POINTS[pattern], *ON_OFF) != expected[pattern] for pattern in PATTERNS), (
            f"{kind}: {source[start - 10 : end + 10]!r} not noticed"
        )


#: Weights and biases in nine pairs of patterns, and on/off probabilities that are not independent.
THETA = [
    *(
        (Q(1, 2), Q(2, 3), Q(-1, 7), Q(1, 5)),
        (Q(2, 3), Q(-3, 4), Q(1, 3), Q(-1, 4)),
        (Q(-1, 3), Q(1, 5), Q(1, 9), Q(-1)),
    ),
    *((Q(1), Q(1, 2), Q(-6, 5), Q(-1, 2)), (Q(1), Q(-1, 3), Q(-1, 4), Q(1, 5)), (Q(-2), Q(1, 4), Q(3), Q(-1, 30))),
    *((Q(1, 3), Q(3), Q(-1, 2), Q(-3)), (Q(0), Q(1), Q(1, 3), Q(-1, 2)), (Q(1), Q(1), Q(1, 10), Q(-2))),
]
IMPORTANCE = (Q(3, 4), Q(5, 3))


def pattern_of(alpha, beta, b):
    return "".join(c for c, h in (("A", alpha + b), ("B", b), ("E", beta + b), ("F", alpha + beta + b)) if h > 0)


@pytest.mark.parametrize("theta", THETA)
def test_generated_derivatives_are_those_of_the_loss_from_the_definition(theta):
    """SymPy differentiates the directly integrated loss by (W1, W2, b1, b2); the generated code agrees exactly."""
    at = dict(zip(pair.THETA, map(sp.Rational, theta), strict=True))
    total = sp.Integer(0)
    for importance, arguments, (p00, own, other, p11) in zip(IMPORTANCE, pair.ARGUMENTS, pair.SEEN, strict=True):
        pattern = pattern_of(*(argument.subs(at) for argument in arguments))
        formula = loss.pattern_loss(pattern).subs(dict(zip(loss.ON_OFF, (p00, own, other, p11), strict=True)))
        total += sp.Rational(importance) * formula.subs(dict(zip(loss.PARAMETERS, arguments, strict=True)))
    total = sp.cancel(total.subs(dict(zip(pair.ON_OFF, map(sp.Rational, ON_OFF), strict=True))))
    gradient = [sp.diff(total, symbol) for symbol in pair.THETA]
    entries = [(i, j) for i in range(4) for j in range(i, 4) if (i, j) != (2, 3)]
    at_theta = (*theta, *IMPORTANCE, *ON_OFF)
    value, *first = kernels.gradient(*at_theta)
    assert value == kernels.loss(*at_theta) == Q(str(total.subs(at)))
    assert first == [Q(str(entry.subs(at))) for entry in gradient]
    second = [Q(str(sp.diff(gradient[i], pair.THETA[j]).subs(at))) for i, j in entries]
    assert list(kernels.hessian(*at_theta)) == second
    assert sp.diff(gradient[2], pair.THETA[3]) == 0


def test_twelve_borders():
    assert len(list(loss.borders())) == 12


def test_c1_and_jump_on_one_border_of_each_corner():
    for border in (("AF", "ABF", "B"), ("", "A", "A"), ("F", "EF", "E"), ("A", "AF", "F")):
        assert not any(loss.border_difference(*border))
        assert loss.hessian_jump(*border) == loss.expected_jump(border[2])


def test_gradient_hessian_and_scaling_in_one_pattern():
    assert loss.gradient_agrees("F")
    assert loss.hessian_agrees("F")
    assert loss.is_homogeneous("F", "hh")
    assert loss.euler_defect("F") == 0


def test_proofs_can_fail():
    assert not loss.vanishes(loss.pattern_loss("F") - loss.pattern_loss(""))


def test_known_values_without_bias():
    p = unbiased.p
    assert sp.simplify(unbiased.symmetric_loss("confused") - (p / 3 - p**2 / 4)) == 0
    assert sp.simplify(unbiased.tie_density() - (40 - 4 * sp.sqrt(14)) / 43) == 0
    signs = [c.subs(p, sp.Rational(58, 100)) > 0 for c in unbiased.symmetric_quotient().all_coeffs()]
    assert signs == [False] * 4 + [True] * 2


def test_document_is_the_committed_one_and_its_formulas_are_closed():
    text = document()
    assert text == command.DOCUMENT.read_text(encoding="utf-8"), "run python -m derivations"
    blocks = text.split("$$")
    assert len(blocks) % 2 == 1
    for formula in blocks[1::2]:
        assert formula.count("{") == formula.count("}")
        assert formula.count(r"\left") == formula.count(r"\right")
        assert "$" not in formula
    for paragraph in re.sub(r"\$\$.*?\$\$", "", text, flags=re.DOTALL).split("\n\n"):
        assert paragraph.count("$") % 2 == 0, paragraph


@pytest.mark.slow
def test_check_reproduces_the_committed_files():
    assert command.main(["--check"]) == 0


@pytest.mark.skipif(find_spec("ruff") is None, reason="ruff formats the generated code and is not installed")
def test_check_names_the_file_that_differs(monkeypatch, tmp_path, capsys):
    (tmp_path / "kernels.py").write_text("old\n", encoding="utf-8")
    monkeypatch.setattr(command, "ROOT", tmp_path)
    monkeypatch.setattr(command, "KERNELS", tmp_path / "kernels.py")
    monkeypatch.setattr(command, "DOCUMENT", tmp_path / "derivation.md")
    monkeypatch.setattr(command, "STATEMENTS", ())
    monkeypatch.setattr(command, "generated", lambda: "new = 1\n")
    monkeypatch.setattr(command, "document", lambda: "text\n")
    assert command.main(["--check"]) == 1
    assert "kernels.py differs" in capsys.readouterr().err
    cache = tmp_path / "__pycache__"
    cache.mkdir()
    (cache / "loss.point_loss.nbi").touch()
    assert command.main([]) == 0
    assert not list(cache.iterdir())
    assert command.main(["--check"]) == 0
