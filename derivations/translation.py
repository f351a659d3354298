"""Compiled Python loops as JavaScript: the recurrence in the browser is the recurrence of the package.

`translated` reads the source of functions that Numba compiles and writes the same statements in JavaScript, in the same
order. Eight lanes become one: `load(a, i)` is a[i], `spread(x)` is x, `where_positive(c, x, y)` is c > 0 ? x : y. What
is left is IEEE arithmetic in double precision, which gives the same bits in both languages.

The subset: functions of numbers and arrays, assignments (also of several names at once), `for` over `range`, `if`,
`continue`, `return`, arithmetic, comparisons, indices and slices. Anything else is refused by name.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import Any

#: What stands in for NumPy: arrays of several dimensions are arrays of rows.
PRELUDE = """\
const WIDTH = 1;

/** An array of zeros of any shape; its rows are Float64Arrays. */
function zeros(first, ...others) {
    if (others.length === 0) return new Float64Array(first);
    return Array.from({length: first}, () => zeros(...others));
}

/** The lengths of an array along its dimensions. */
function shape_of(array) {
    return typeof array === "number" ? [] : [array.length, ...(array.length ? shape_of(array[0]) : [])];
}

/** A part of an array, with the same memory if it holds numbers. */
function part_of(array, start, end) {
    return ArrayBuffer.isView(array) ? array.subarray(start, end) : array.slice(start, end);
}

/** The largest number of an array of rows. */
function largest(rows) {
    return Math.max(...rows.map((row) => Math.max(...row)));
}
"""

_OPERATORS: dict[type[ast.AST], str] = {
    **{ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Mod: "%", ast.Pow: "**"},
    **{ast.LShift: "<<", ast.RShift: ">>", ast.BitAnd: "&", ast.BitOr: "|"},
    **{ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="},
    **{ast.And: "&&", ast.Or: "||", ast.Not: "!", ast.USub: "-"},
}
_LANES = {
    "load": "{0}[{1}]",
    "store": "{0}[{1}] = {2}",
    "spread": "{0}",
    "where_positive": "({0} > 0 ? {1} : {2})",
    "any_positive": "({0} > 0)",
    "float": "{0}",
    "len": "{0}.length",
}


class Untranslatable(Exception):
    """Something that the subset does not have."""


def _refuse(node: ast.AST) -> Any:
    raise Untranslatable(f"{type(node).__name__} is not translated: {ast.unparse(node) or ast.dump(node)}")


def _sign(operator: ast.AST) -> str:
    return _OPERATORS.get(type(operator)) or str(_refuse(operator))


def expression(node: ast.expr) -> str:
    """One expression, with brackets around everything that has an operator."""
    match node:
        case ast.Name(name):
            return name
        case ast.Constant(bool() as value):
            return str(value).lower()
        case ast.Constant(int() | float() as value):
            return repr(value)
        case ast.BinOp(left, ast.FloorDiv(), right):
            return f"Math.floor({expression(left)} / {expression(right)})"
        case ast.BinOp(left, operator, right):
            return f"({expression(left)} {_sign(operator)} {expression(right)})"
        case ast.UnaryOp(operator, operand):
            return f"{_sign(operator)}{expression(operand)}"
        case ast.BoolOp(operator, values):
            return "(" + f" {_sign(operator)} ".join(map(expression, values)) + ")"
        case ast.Compare(left, [operator], [right]):
            return f"({expression(left)} {_sign(operator)} {expression(right)})"
        case ast.IfExp(test, body, orelse):
            return f"({expression(test)} ? {expression(body)} : {expression(orelse)})"
        case ast.Tuple(elements):
            return f"[{', '.join(map(expression, elements))}]"
        case ast.Attribute(value, "shape"):
            return f"shape_of({expression(value)})"
        case ast.Subscript(value, index):
            return _subscript(expression(value), index)
        case ast.Call():
            return _call(node)
    return str(_refuse(node))


def bare(node: ast.expr) -> str:
    """One expression without brackets around the whole of it."""
    text = expression(node)
    depth = 0
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0 and place < len(text) - 1:
            return text
    return text[1:-1] if text[0] == "(" else text


def _subscript(array: str, index: ast.expr) -> str:
    for place in index.elts if isinstance(index, ast.Tuple) else [index]:
        if isinstance(place, ast.Slice):
            ends = (bare(place.lower) if place.lower else "0", bare(place.upper) if place.upper else "")
            array = f"part_of({', '.join(filter(None, (array, *ends)))})"
        else:
            array += f"[{bare(place)}]"
    return array


def _call(node: ast.Call) -> str:
    match node.func:
        case ast.Name(name) if name in _LANES:
            return _LANES[name].format(*map(bare if name in ("load", "store") else expression, node.args))
        case ast.Name(name):
            return f"{name}({', '.join(map(bare, node.args))})"
        case ast.Attribute(ast.Name("np"), "zeros" | "empty"):
            return f"zeros({_lengths(node.args[0])})"
        case ast.Attribute(array, "max"):
            return f"largest({expression(array)})"
    return str(_refuse(node))


def _lengths(shape: ast.expr) -> str:
    """The shape of a new array as arguments."""
    match shape:
        case ast.Tuple(lengths):
            return ", ".join(map(bare, lengths))
        case ast.IfExp():
            return f"...{bare(shape)}"
    return bare(shape)


def _assignments(target: ast.expr, value: ast.expr) -> Iterator[str]:
    """name = value; several names one after the other, where none of them is needed for a later value."""
    match target, value:
        case ast.Tuple(names), ast.Tuple(values) if not _entangled(names, values):
            for name, part in zip(names, values, strict=True):
                yield from _assignments(name, part)
        case ast.Tuple(), ast.IfExp(test, ast.Tuple(some), ast.Tuple(others)):
            choices: list[ast.expr] = [ast.IfExp(test, one, other) for one, other in zip(some, others, strict=True)]
            yield from _assignments(target, ast.Tuple(choices))
        case ast.Subscript(array, ast.Slice(None, None, None)), _:
            yield f"{expression(array)}.fill({bare(value)});"
        case _:
            yield f"{expression(target)} = {bare(value)};"


def _entangled(targets: Sequence[ast.expr], values: Sequence[ast.expr]) -> bool:
    """Whether a name that is assigned is read by another of the values."""
    assigned = [_root(target) for target in targets]
    return any(name in _names(value) for k, name in enumerate(assigned) for value in values[k + 1 :])


def _root(target: ast.expr) -> str:
    while isinstance(target, ast.Subscript):
        target = target.value
    return target.id if isinstance(target, ast.Name) else str(_refuse(target))


def _names(*nodes: ast.AST) -> set[str]:
    return {node.id for tree in nodes for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _block(statements: Sequence[ast.stmt]) -> str:
    return textwrap.indent("\n".join(line for each in statements for line in statement(each)), "    ")


def statement(node: ast.stmt) -> Iterator[str]:
    """The lines of one statement."""
    match node:
        case ast.Assign([target], value):
            yield from _assignments(target, value)
        case ast.AugAssign(target, operator, value):
            yield f"{expression(target)} {_sign(operator)}= {bare(value)};"
        case ast.Expr(value):
            yield f"{expression(value)};"
        case ast.For(ast.Name(name), ast.Call(ast.Name("range"), limits), body, []):
            yield f"for ({_counter(name, limits)}) {{\n{_block(body)}\n}}"
        case ast.If(test, body, orelse):
            otherwise = f" else {{\n{_block(orelse)}\n}}" if orelse else ""
            yield f"if ({bare(test)}) {{\n{_block(body)}\n}}{otherwise}"
        case ast.Continue():
            yield "continue;"
        case ast.Return(None):
            yield "return;"
        case ast.Return(value) if value:
            yield f"return {bare(value)};"
        case _:
            _refuse(node)


def _counter(name: str, limits: Sequence[ast.expr]) -> str:
    """What stands in the brackets of a loop over a range."""
    start, end = map(expression, limits[:2]) if limits[1:] else ("0", expression(limits[0]))
    match limits[2:]:
        case []:
            return f"let {name} = {start}; {name} < {end}; {name}++"
        case [ast.UnaryOp(ast.USub(), ast.Constant(1))]:
            return f"let {name} = {start}; {name} > {end}; {name}--"
    return str(_refuse(limits[2]))


def _locals(function: ast.FunctionDef) -> list[str]:
    """Names that the function assigns and that are neither arguments nor counters of loops, in order."""
    arguments = {argument.arg for argument in function.args.args}
    counters = {node.target.id for node in ast.walk(function) if isinstance(node, ast.For)}  # type: ignore[attr-defined]
    stored = [n for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    stored.sort(key=lambda name: (name.lineno, name.col_offset))
    return [name for name in dict.fromkeys(n.id for n in stored) if name not in arguments | counters]


def function(source: Callable[..., Any], exported: bool) -> str:
    """One compiled function (its Numba dispatcher) in JavaScript."""
    text = textwrap.dedent(inspect.getsource(source.py_func))  # type: ignore[attr-defined]
    node = ast.parse(text).body[0]
    assert isinstance(node, ast.FunctionDef)
    summary = ast.get_docstring(node) or ""
    body = node.body[1:] if summary else node.body
    head = f"{'export ' if exported else ''}function {node.name}({', '.join(a.arg for a in node.args.args)}) {{"
    names = _locals(node)
    declared = textwrap.fill(f"let {', '.join(names)};", 110, initial_indent="    ", subsequent_indent="        ")
    lines = ["/**", *(f" * {line}".rstrip() for line in summary.split("\n")), " */", head]
    return "\n".join([*lines, *([declared] if names else []), _block(body), "}", ""])


def translated(text: str, functions: Sequence[Callable[..., Any]], exported: set[str], constants: str = "") -> str:
    """A JavaScript module of compiled functions under a text that explains it; `exported` names the public ones."""
    parts = [function(each, each.__name__ in exported) for each in functions]
    return "\n".join([f"/*\n{text}*/\n", PRELUDE, *([constants] if constants else []), *parts])
