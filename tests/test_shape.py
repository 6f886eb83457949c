"""No file, function or signature of the gateway outgrows its reader. It knows the text of the source, not what it does."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src"

FILE, FUNCTION, PARAMETERS = 700, 60, 6

# "src/dragoman/x.py" or "src/dragoman/x.py::Class.function": why it may be larger. An entry no longer needed fails.
ALLOWED: dict[str, str] = {}


def functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Every function with its dotted name, nested ones too."""
    for node in ast.iter_child_nodes(tree):
        name = prefix
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{prefix}.{node.name}" if prefix else node.name
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield name, node
        yield from functions(node, name)


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How many things a caller has to know; self and cls are not the caller's."""
    args = function.args
    named = [*args.posonlyargs, *args.args]
    if named and named[0].arg in ("self", "cls"):
        named = named[1:]
    return len(named) + len(args.kwonlyargs) + (args.vararg is not None) + (args.kwarg is not None)


def offences(path: str, text: str) -> dict[str, str]:
    """What is wrong with one file: where -> what."""
    tree = ast.parse(text)
    found = {}
    if (lines := len(text.splitlines())) > FILE:
        found[path] = f"{lines} lines, at most {FILE}"
    if "." not in (ast.get_docstring(tree) or ""):
        found[path] = "begins with no sentence that says what it is"
    for name, function in functions(tree):
        where = f"{path}::{name}"
        length = (function.end_lineno or function.lineno) - function.lineno + 1
        if length > FUNCTION:
            found[where] = f"{length} lines, at most {FUNCTION}"
        if (count := parameters(function)) > PARAMETERS:
            found[where] = f"{count} parameters, at most {PARAMETERS}"
    return found


def test_the_source_keeps_its_shape() -> None:
    found: dict[str, str] = {}
    for file in sorted(SOURCE.rglob("*.py")):
        found |= offences(file.relative_to(ROOT).as_posix(), file.read_text())
    assert {where: what for where, what in found.items() if where not in ALLOWED} == {}
    assert [where for where in ALLOWED if where not in found] == [], "allowed, but no longer needed"


def test_every_exception_has_a_reason() -> None:
    assert [where for where, reason in ALLOWED.items() if len(reason.split()) < 4] == []


HEAD = '"""A file."""\n'


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("x = 1\n", "a.py", "no sentence"),
        ('"""No full stop"""\n', "a.py", "no sentence"),
        (HEAD + "x = 1\n" * FILE, "a.py", f"{FILE + 1} lines"),
        (
            HEAD + "class C:\n    async def f(self):\n" + "        x = 1\n" * FUNCTION,
            "a.py::C.f",
            f"{FUNCTION + 1} lines",
        ),
        (HEAD + "def f(a, b, c, d, e, *, f, g): ...\n", "a.py::f", "7 parameters"),
        (HEAD + "def f():\n    def g(a, b, c, d, e, *f, **g): ...\n", "a.py::f.g", "7 parameters"),
    ],
)
def test_the_measure_sees(text: str, where: str, what: str) -> None:
    [(found, said)] = offences("a.py", text).items()
    assert found == where
    assert what in said


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "x = 1\n" * (FILE - 1),
        HEAD + "class C:\n    def f(self, a, b, c, d, e, *, f): ...\n",
        HEAD + "def f():\n" + "    x = 1\n" * (FUNCTION - 1),
    ],
)
def test_the_measure_allows_what_just_fits(text: str) -> None:
    assert offences("a.py", text) == {}
