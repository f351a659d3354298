"""Writes `derivations/derivation.md` from the same SymPy objects as the code.

The prose stands in `prose.md` with lines `{{name}}`, each replaced by the formula or table of that name. What is shown
is therefore what was derived; only sentences are written by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import sympy as sp

from derivations import loss, unbiased
from derivations.moments import (
    AREAS,
    LINES,
    MOMENTS,
    a_corner,
    b_corner,
    e_corner,
    natural_coordinates,
    other,
    own,
    p00,
    p11,
    p_other,
    p_own,
    stable,
)
from derivations.patterns import PATTERNS, REGIONS, corner_value, refuted_patterns
from derivations.unbiased import discriminant, independent, p, quartic, r, sextic
from derivations.variance import quadratic_form, segment_gram, triangle_gram

PROSE = Path(__file__).with_name("prose.md")
NAMES = {
    own: "u_0",
    other: "v_0",
    p00: "p_{00}",
    p_own: r"p_{\mathrm{own}}",
    p_other: r"p_{\mathrm{other}}",
    p11: "p_{11}",
    loss.eps: r"\varepsilon",
}

#: Name of a moment -> what it is the expectation of.
SHOWN = {
    **{"hh": "h_+^2", "xh": "x h_+", "h": "h_+", "yh": "y h_+"},
    **{name: f"{value} 1" for name, value in {"x": "x", "xx": "x^2", "xy": "x y", "y": "y", "yy": "y^2"}.items()},
    "one": "1(h > 0)",
    **{name: rf"{sp.latex(value)} \delta(h)" for name, value in LINES.items()},
}


def latex(expression: sp.Expr) -> str:
    """In the notation of the prose."""
    return str(sp.latex(expression, symbol_names=NAMES))


def display(text: str) -> str:
    """One displayed formula."""
    return f"$$\n{text}\n$$"


def equation(left: str, right: sp.Expr) -> str:
    """A displayed equation."""
    return display(f"{left} = {latex(right)}")


def by_on_off(expression: sp.Expr) -> str:
    """LaTeX of an expression that is linear in the on/off probabilities, one term each."""
    text = ""
    for weight in (p11, p_own, p_other, p00):
        part = sp.factor(sp.diff(expression, weight))
        if part == 0:
            continue
        negative = part.as_coeff_Mul()[0] < 0
        size = -part if negative else part
        shown = rf"\left( {latex(size)} \right)" if size.is_Add else latex(size)
        text += f" {'-' if negative else '+'} {'' if size == 1 else shown} {NAMES[weight]}"
    return text.removeprefix(" + ").strip() or "0"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown."""
    head = list(head)
    lines = [head, ["---" for _ in head], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _name(pattern: str) -> str:
    return pattern or "none"


def _coordinates(pattern: str) -> str:
    hidden = {a_corner, b_corner, e_corner}
    shown = {s: value for s, value in natural_coordinates(pattern).items() if s not in hidden}
    return ", ".join(f"${NAMES.get(s, str(s))} = {latex(value)}$" for s, value in shown.items()) or "none"


def pattern_table() -> str:
    """The nine patterns, their regions and coordinates."""
    rows = ([_name(pattern), REGIONS[pattern], _coordinates(pattern)] for pattern in PATTERNS)
    return table(("corners on", "region of the square where $h > 0$", "natural coordinates"), rows)


def refuted_table() -> str:
    """The sets of corners that are no pattern, and why."""
    rows = ([_name(pattern), reason.replace(">=", "≥")] for pattern, reason in sorted(refuted_patterns().items()))
    return table(("corners on", "why it does not occur"), rows)


def formulas(names: Iterable[str]) -> str:
    """All named moments, pattern by pattern; those that are zero in one line."""
    names, parts = list(names), []
    for pattern in PATTERNS:
        values = {name: by_on_off(stable(pattern, name)) for name in names}
        parts.append(f"**Pattern {_name(pattern)}**")
        parts += [display(rf"E[{SHOWN[name]}] = {value}") for name, value in values.items() if value != "0"]
        zero = ", ".join(f"$E[{SHOWN[name]}]$" for name, value in values.items() if value == "0")
        if zero:
            parts.append("All of them are zero." if len(values) == zero.count("$E") else f"Zero: {zero}.")
    return "\n\n".join(parts)


def corner_form() -> str:
    """E[h_+^2] with both features on, as fourth powers at the corners."""
    top = " ".join(
        f"{'+' if sign > 0 else '-'} {name}_+^4" for name, sign in (("F", 1), ("A", -1), ("E", -1), ("B", 1))
    )
    return display(rf"E[h_+^2 \mid \text{{both on}}] = \frac{{{top.removeprefix('+ ')}}}{{12 \alpha \beta}}")


def jumps() -> str:
    """The jumps of the Hessian where h vanishes at a corner."""
    shown = []
    for corner in "BA":
        rows = (" & ".join(latex(value) for value in row) for row in loss.expected_jump(corner).tolist())
        matrix = r" \cr ".join(rows)
        left = rf"\Delta \nabla^2 L \big|_{{{latex(corner_value(corner))} = 0}}"
        shown.append(display(rf"{left} = \begin{{pmatrix}} {matrix} \end{{pmatrix}}"))
    return "\n\n".join(shown)


def slopes() -> str:
    """The one-sided slopes of the loss where W_i = 0 leaves a kink."""
    meaning = {
        "ABEF": r"b_1 > 0,\ b_1 + \beta_1 > 0",
        "AB": r"b_1 > 0 > b_1 + \beta_1",
        "EF": r"b_1 < 0 < b_1 + \beta_1",
        "": r"b_1 < 0,\ b_1 + \beta_1 < 0",
    }
    values = {pattern: by_on_off(value) for pattern, value in loss.one_sided_slopes().items()}
    lines = (
        display(rf"\frac{{dL}}{{d\varepsilon}} = {values[pattern]} \qquad {where}")
        for pattern, where in meaning.items()
    )
    return "\n\n".join(lines)


def coefficients(polynomial: sp.Poly) -> str:
    """Its coefficients, one line per power of t."""
    rows = reversed(list(enumerate(sp.factor(c) for c in reversed(polynomial.all_coeffs()))))
    return table(("power of $t$", "coefficient"), ([f"${power}$", f"${latex(value)}$"] for power, value in rows))


def factored(sector: str) -> str:
    """The discriminant in factors; one of high degree is named by its degrees."""
    constant, factors = discriminant(sector)
    shown = [latex(constant)]
    for factor, power in factors:
        degrees = [sp.degree(factor, symbol) for symbol in (p, r)]
        text = f"({latex(factor)})" if factor.is_Add else latex(factor)
        if sum(degrees) > 8:
            text = rf"\Phi_{{{degrees[0]},{degrees[1]}}}(p, r)"
        shown.append(text + (f"^{{{power}}}" if power > 1 else ""))
    return display(rf"\mathrm{{disc}} = {' '.join(shown)}")


def scales(sector: str) -> str:
    """The coefficients of the loss along a ray of a sector."""
    values = (sp.factor(independent(value)) for value in unbiased.amplitude_and_quartic(sector))
    return "\n\n".join(equation(name, value) for name, value in zip(("a(t)", "q(t)"), values, strict=True))


def tie() -> str:
    """Both losses at equal importances, and where they are equal."""
    return "\n\n".join(
        (
            equation(r"L_{\mathrm{confused}}", unbiased.symmetric_loss("confused")),
            equation(r"L_{\mathrm{antipodal}}", unbiased.symmetric_loss("antipodal")),
            display(f"{latex(unbiased.tie_polynomial())} = 0"),
            equation("p", sp.together(unbiased.tie_density())),
        )
    )


def _instability() -> sp.Expr:
    return unbiased.boundary_polynomials()["instability"]


def _instability_root() -> sp.Expr:
    return sp.factor(sp.solve(_instability(), r)[0])


#: Placeholder in the prose -> the text that takes its place.
INSERTS: dict[str, Callable[[], str]] = {
    "patterns": pattern_table,
    "refuted": refuted_table,
    "moments": lambda: formulas(MOMENTS),
    "curvature": lambda: formulas([*AREAS, *LINES]),
    "corner form": corner_form,
    "example": lambda: display(
        rf"E[h_+^2 \mid \text{{both on}}] = \frac{{(\alpha + \beta + b)^4}}{{12 \alpha \beta}}"
        rf" = {latex(sp.diff(stable('F', 'hh'), p11))}"
    ),
    "jumps": jumps,
    "slopes": slopes,
    "axis slopes": lambda: display(
        r" \qquad ".join(
            rf"\frac{{dL_2}}{{d\varepsilon}} = {latex(value)} \text{{ for }} W_2 = {sign}\varepsilon"
            for sign, value in zip(("", "-"), loss.slopes_without_bias().values(), strict=True)
        )
    ),
    "dedicated": lambda: display(
        rf"\frac{{\partial^2 L}}{{\partial b^2}} \to {by_on_off(loss.hessian_near_dedicated())}"
    ),
    "triangle": lambda: display(rf"\frac{{1}}{{T}} \int_T q^2 = {latex(quadratic_form(triangle_gram()))}"),
    "segment": lambda: display(rf"\frac{{1}}{{S}} \int_S q^2 = {latex(quadratic_form(segment_gram()))}"),
    "confused scales": lambda: scales("confused"),
    "antipodal scales": lambda: scales("antipodal"),
    "quartic": lambda: coefficients(quartic()),
    "sextic": lambda: coefficients(sextic()),
    "quartic discriminant": lambda: factored("confused"),
    "sextic discriminant": lambda: factored("antipodal"),
    "instability": lambda: display(f"{latex(_instability())} = 0") + "\n\n" + equation("r", _instability_root()),
    "tie": tie,
    "symmetric quotient": lambda: coefficients(unbiased.symmetric_quotient()),
}


def filled(prose: Path, inserts: dict[str, Callable[[], str]]) -> str:
    """The prose with its inserts; ValueError if it names one that does not exist."""
    lines = []
    for line in prose.read_text(encoding="utf-8").splitlines():
        if line.startswith("{{"):
            name = line.strip("{}")
            if name not in inserts:
                raise ValueError(f"{prose.name} names {name!r}, which is not one of {', '.join(inserts)}")
            line = inserts[name]()
        lines.append(line)
    return "\n".join(lines) + "\n"


def document() -> str:
    """The complete text of the document."""
    return filled(PROSE, INSERTS)
