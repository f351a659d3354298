"""The derivation: every statement proved again, and the generated code compared with exact rational integration.

The second route here shares nothing with derivations/: it cuts the square at the kink line and integrates polynomials
by a seven-point Newton-Cotes rule, exact for them, in Fraction arithmetic.
"""

import re
from fractions import Fraction as Q
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import pytest
import sympy as sp

from analytic.loss import kernels
from derivations import __main__ as command
from derivations import loss, unbiased
from derivations.document import document
from derivations.moments import AREAS, LINES, MOMENTS
from derivations.patterns import PATTERNS
from derivations.proofs import statements

STATEMENTS = dict(statements())
#: The proofs that take more than about three seconds; quick twins of them follow below.
SLOW = {
    "stable moments equal direct integration in every pattern",
    "gradient",
    "Hessian",
    "C1 across all borders",
    "jumps of the Hessian",
    "homogeneity",
    "scaling law",
}
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


def run(source, name, pattern):
    """The named function of a source text, at the pattern's rational point."""
    space = {"register_jitable": lambda function: function}
    # Constants become fractions, so that a bare 1/6 in the text is exact too.
    exec(re.sub(r"(?<![\w.])(\d+)(?![\w.])", r"Q(\1)", source), space | {"Q": Q}, scope := {})
    space.update(scope)
    return scope[name](*POINTS[pattern], *ON_OFF)


def source_of(name):
    text = Path(kernels.__file__).read_text(encoding="utf-8")
    return re.search(rf"def {name}\(.*?(?=\n\n\n)", text, re.DOTALL).group()


@pytest.mark.parametrize(
    "statement", [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in STATEMENTS]
)
def test_statement_is_proved(statement):
    assert STATEMENTS[statement]()


def test_points_lie_in_their_patterns():
    for pattern, (alpha, beta, b) in POINTS.items():
        values = {"A": alpha + b, "B": b, "E": beta + b, "F": alpha + beta + b}
        assert "".join(corner for corner in "ABEF" if values[corner] > 0) == pattern


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("kind", ["moments", "curvature"])
def test_generated_code_equals_exact_integration(kind, pattern):
    name = f"{kind}_{pattern or 'none'}"
    assert run(source_of(name), name, pattern) == exact(kind, pattern)
    assert getattr(kernels, kind)(*POINTS[pattern], *ON_OFF) == pytest.approx(
        tuple(map(float, exact(kind, pattern))), rel=1e-12, abs=1e-15
    )


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("kind", ["moments", "curvature"])
def test_every_perturbed_coefficient_is_caught(kind, pattern):
    name = f"{kind}_{pattern or 'none'}"
    source, expected = source_of(name), exact(kind, pattern)
    places = [found.span() for found in re.finditer(r"(?<![\w.])\d+(?![\w.])", source)]
    assert places
    for start, end in places:
        wrong = source[:start] + str(int(source[start:end]) + 1) + source[end:]
        assert run(wrong, name, pattern) != expected, f"{name}: {source[start - 10 : end + 10]!r} not noticed"


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
    monkeypatch.setattr(command, "statements", lambda: iter(()))
    monkeypatch.setattr(command, "kernels", lambda: "new = 1\n")
    monkeypatch.setattr(command, "document", lambda: "text\n")
    assert command.main(["--check"]) == 1
    assert "kernels.py differs" in capsys.readouterr().err
    cache = tmp_path / "__pycache__"
    cache.mkdir()
    (cache / "loss.point_loss.nbi").touch()
    assert command.main([]) == 0
    assert not list(cache.iterdir())
    assert command.main(["--check"]) == 0
