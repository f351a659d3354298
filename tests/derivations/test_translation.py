"""Compiled loops in JavaScript: what the subset means, what it refuses, and that the committed script is current."""

import ast
import shutil
import subprocess
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from derivations.__main__ import SCRIPTS
from derivations.page import recurrence_script
from derivations.translation import Untranslatable, bare, function, statement, translated


def lines(text):
    return "\n".join(line for node in ast.parse(text).body for line in statement(node))


def compiled(plain: Any) -> Any:
    """A function as the compiler holds it: what is translated is its Python text."""
    return SimpleNamespace(py_func=plain, __name__=plain.__name__)


def sums(values, first):
    """Sums and squares of what is left from `first` on, backwards."""
    total, squares = 0.0, np.zeros((2, len(values)))
    for k in range(len(values) - 1, first - 1, -1):
        if values[k] < 0 or k // 2 == 7:
            continue
        total += where_positive(values[k] - 2, values[k], -values[k])  # type: ignore[name-defined]  # noqa: F821
        squares[1, k], total = values[k] ** 2, total - 1
    return total, squares


def test_expressions_keep_their_order():
    for text, wanted in [
        ("a - (b - c) * 2", "a - ((b - c) * 2)"),
        ("(a + b) / (c + d)", "(a + b) / (c + d)"),
        ("x if a and not b else y[i, 2 * j]", "(a && !b) ? x : y[i][2 * j]"),
        ("W[: len(D)]", "part_of(W, 0, D.length)"),
        ("where_positive(c, spread(1.0), load(A, s))", "c > 0 ? 1.0 : A[s]"),
    ]:
        assert bare(ast.parse(text, mode="eval").body) == wanted


def test_several_names_at_once():
    assert lines("a, b = b, a") == "[a, b] = [b, a];"
    assert lines("a, b = x, y") == "a = x;\nb = y;"
    assert lines("a[:], b = 0, c") == "a.fill(0);\nb = c;"
    assert lines("v, m = (p, q) if g else (r, s)") == "v = g ? p : r;\nm = g ? q : s;"


@pytest.mark.parametrize(
    "text", ["a = b @ c", "a = [1]", "while a: b = 1", "a = x.T", "for i in a: b = 1", "a < b < c"]
)
def test_what_the_subset_does_not_have_is_refused(text):
    with pytest.raises(Untranslatable):
        lines(text)


@pytest.mark.skipif(shutil.which("node") is None, reason="node runs the function and is not installed")
def test_a_translated_function_computes_the_same():
    text = translated("Sums.\n", [compiled(sums)], set())
    call = text + "console.log(JSON.stringify(sums([9, 1, -4, 5], 1).map((each) => Array.from(each[1] ?? [each]))));"
    done = subprocess.run(["node", "-e", call], capture_output=True, encoding="utf-8", check=False)
    assert done.stdout.strip() == "[[2],[0,1,0,25]]", done.stderr


def test_exported_and_documented():
    text = function(compiled(sums), exported=True)
    assert text.startswith("/**\n * Sums and squares of what is left from `first` on, backwards.\n */\nexport function")


def test_the_committed_script_is_the_translation_of_the_code():
    assert (SCRIPTS / "recurrence.js").read_text(encoding="utf-8") == recurrence_script()
