"""The register of statements: every one proved, every proof registered, every mark of completeness.md among them."""

import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest
import sympy as sp

from derivations import features, plane, statements
from derivations.signs import bernstein, is_positive, is_positive_inside, is_positive_on_box, sign_inside
from derivations.statements import STATEMENTS

ROOT = Path(statements.__file__).parent.parent
#: The proofs that need the direct integrals of every pattern; quick twins of them stand in test_derivations.
SLOW = {
    "stable moments equal direct integration in every pattern",
    "gradient",
    "Hessian",
    "C1 across all borders",
    "jumps of the Hessian",
    "homogeneity",
    "scaling law",
}
MODULES = (
    "completeness",
    "dedicated",
    "features",
    "lattice",
    "loss",
    "pair",
    "plane",
    "polytopes",
    "recurrence",
    "unbiased",
    "variance",
)
#: Functions that decide something about an expression and are no proof by themselves.
TOOLS = {"lattice._zero", "loss.vanishes"}


@pytest.mark.parametrize(
    "statement",
    [pytest.param(each, id=each.name, marks=[pytest.mark.slow] if each.name in SLOW else []) for each in STATEMENTS],
)
def test_statement_is_proved(statement):
    assert statement.proof() is True


def test_names_are_different_and_slow_ones_exist():
    names = [each.name for each in STATEMENTS]
    assert len(set(names)) == len(names)
    assert set(names) >= SLOW


def test_every_statement_is_used_by_a_file_that_exists():
    assert [each.used_by for each in STATEMENTS if not (ROOT / each.used_by).is_file()] == []


def test_marks_of_the_page_are_those_of_the_register():
    text = (ROOT / "derivations" / "completeness.md").read_text(encoding="utf-8")
    proof = text[text.index("## 1.") :]
    assert re.findall(r"\((S\d*)\)", proof) == [each.mark for each in STATEMENTS if each.mark]


def test_every_proof_is_called_by_the_register():
    """A function that returns whether something is true is a proof, and a proof that nothing runs proves nothing."""
    text = inspect.getsource(statements) + inspect.getsource(features) + inspect.getsource(plane)
    registered = {f"{each.proof.__module__.removeprefix('derivations.')}.{each.proof.__name__}" for each in STATEMENTS}
    proofs = {
        f"{name}.{function.__name__}"
        for name in MODULES
        for function in vars(import_module(f"derivations.{name}")).values()
        if inspect.isfunction(function)
        and function.__module__ == f"derivations.{name}"
        and function.__annotations__.get("return") == "bool"
    }
    assert len(proofs) > 20
    assert {proof for proof in proofs - TOOLS - registered if not re.search(rf"\b{proof}\b", text)} == set()


def test_positive_for_all_densities_or_undecided():
    p, r = sp.symbols("p r", positive=True)
    assert is_positive(2 + 2 * p - 3 * p**2, p)
    assert is_positive((1 - p) * r / (4 - 3 * p + r), p)
    assert not is_positive(1 - 2 * p, p)
    assert not is_positive(p - 1, p)
    assert not is_positive(sp.Integer(0))


def test_signs_on_intervals_and_boxes():
    x, y = sp.symbols("x y")
    assert bernstein(1 - 2 * x + 3 * x**2, x) == [1, 0, 2]
    assert (sign_inside(x - 1, x, 0, 1), sign_inside(x * (2 - x), x, 0, 2), sign_inside(2 * x - 1, x, 0, 1)) == (
        -1,
        1,
        0,
    )
    bowl = (x - sp.Rational(1, 3)) ** 2 + (y - sp.Rational(1, 2)) ** 2
    box = {x: (0, 1), y: (0, 1)}
    assert is_positive_on_box(bowl + sp.Rational(1, 50), box)
    assert not is_positive_on_box(bowl - sp.Rational(1, 50), box)
    assert is_positive_inside(x * y * (1 - y), x, y)
    assert not is_positive_inside(x * (1 - x) * y, x, y)
    assert not is_positive_inside(x - y, x, y)
