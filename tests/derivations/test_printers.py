"""Programs and their printers: what may be printed, and that two languages compute the same to the last bit."""

import json
import shutil
import subprocess

import numpy as np
import pytest
import sympy as sp

from analytic.loss import kernels
from derivations.kernels import module
from derivations.printers import JavaScript, Python
from derivations.program import Assign, Branch, Call, Function, Module, Note, Return, evaluation

x, y = sp.symbols("x y")
LARGER = Function(
    "larger",
    ("x", "y"),
    "The larger one.",
    (Note("differ"), Assign("d", x - y), Branch("d", (Return((x,)),)), Return((y,))),
)
TWICE = Function(
    "twice", ("x",), "x^2 and x^3 / 6.", (Call(("_", "z"), "pairs", (x,)), Return((x**2, sp.Symbol("z") * x**3 / 6)))
)


def test_python_steps():
    assert Python().function(LARGER) == (
        '@register_jitable\ndef larger(x, y):\n    """The larger one."""\n'
        "    # differ\n    d = x - y\n    if d > 0:\n        return x\n    return y\n"
    )
    assert "    _, z = pairs(x)\n    return (\n        x*x, x*x*x*z/6,\n    )\n" in Python().function(TWICE)


def test_javascript_steps():
    assert JavaScript().function(LARGER) == (
        "/** The larger one. */\nexport function larger(x, y) {\n"
        "    // differ\n    const d = x - y;\n    if (d > 0) {\n        return x;\n    }\n    return y;\n}\n"
    )
    assert "    const [, z] = pairs(x);\n    return [\n        x*x, x*x*x*z/6,\n    ];\n" in JavaScript().function(
        TWICE
    )


def test_common_parts_are_computed_once_and_definitions_only_if_needed():
    u, v = sp.symbols("u v")
    definitions = [Assign("u", x + y), Assign("v", u / y), Assign("w", x)]
    steps = evaluation([sp.sqrt(2) * 0 + (v + x) ** 2, v + x], definitions)
    assert steps == (
        *definitions[:2],
        Assign("t0", v + x),
        Return((sp.Symbol("t0") ** 2, sp.Symbol("t0"))),
    )


@pytest.mark.parametrize(("value", "reason"), [(x + sp.Rational(1, 3), "fraction"), (x / y**2, "denominator")])
def test_what_would_print_wrongly_is_refused(value, reason):
    for printer in (Python(), JavaScript()):
        with pytest.raises(ValueError, match=reason):
            printer.function(Function("f", ("x", "y"), "", (Return((value,)),)))


def test_a_fraction_beside_something_is_brought_over_a_common_denominator():
    steps = evaluation([x / 6 - sp.Rational(1, 2)])
    assert "return (x - 3)/6" in Python().function(Function("f", ("x",), "", steps))


def test_polynomials_with_large_integers_stay_out_of_javascript():
    text = JavaScript().module(
        Module("Some.", (TWICE, Function("large", ("x",), "", (Return((x**9,)),), compiled=False)))
    )
    assert "twice" in text
    assert "large" not in text


def _points(count):
    """Arguments of the pair's functions; every third has a weight or a bias far down, or zero."""
    rng = np.random.default_rng(3)
    for k in range(count):
        theta = rng.normal(size=4)
        if k % 3 == 0:
            theta[rng.integers(4)] *= rng.choice([0.0, 1e-300, 1e-16, 1e-5])
        yield [*theta.tolist(), *rng.uniform(0.1, 2, 2).tolist(), *rng.dirichlet(np.ones(4)).tolist()]


RUN = """
import * as kernels from "./kernels.mjs";
import {readFileSync} from "node:fs";
const points = JSON.parse(readFileSync("points.json"));
const all = points.map((at) => [kernels.loss(...at), ...kernels.gradient(...at), ...kernels.hessian(...at)]);
console.log(JSON.stringify(all));
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="node runs the printed JavaScript and is not installed")
def test_javascript_computes_what_python_computes(tmp_path):
    """Bit for bit: the same operations in the same order."""
    points = list(_points(3000))
    (tmp_path / "kernels.mjs").write_text(JavaScript().module(module()), encoding="utf-8")
    (tmp_path / "points.json").write_text(json.dumps(points), encoding="utf-8")
    (tmp_path / "run.mjs").write_text(RUN, encoding="utf-8")
    done = subprocess.run(["node", "run.mjs"], cwd=tmp_path, capture_output=True, encoding="utf-8", check=False)
    assert not done.returncode, done.stderr
    expected = [[kernels.loss(*at), *kernels.gradient(*at), *kernels.hessian(*at)] for at in points]
    assert json.loads(done.stdout) == expected
