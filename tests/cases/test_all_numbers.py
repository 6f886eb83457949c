"""Every numbered failure of other gateways has a test that bears its number. It reads names only, never runs a test."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent
LAST = 136
MISSING: dict[int, str] = {}
"""Numbers without a test, each with its reason."""

NAME = re.compile(r"test_case_(\d{2,3}[a-z]?(?:_(?:to_|and_)?\d{2,3}[a-z]?)*)_[a-z]\w*")


def numbers(name: str) -> list[int]:
    """The cases a test is named after: `test_case_015_to_019_...`, `test_case_042_and_070_...`, `test_case_040b_...`."""
    found = NAME.fullmatch(name)
    assert found is not None, f"{name} begins like the test of a case, and names none"
    out: list[int] = []
    for to, digits in re.findall(r"(to_)?(\d{2,3})", found[1]):
        out += range(out[-1] + 1, int(digits) + 1) if to else [int(digits)]
    return out


def named(source: str) -> Iterator[str]:
    """The functions of a module that are the tests of cases; pytest finds those at its top and in its classes."""
    module = ast.parse(source)
    for node in (*module.body, *(inner for one in module.body if isinstance(one, ast.ClassDef) for inner in one.body)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_case_"):
            yield node.name


def test_every_number_has_a_test() -> None:
    found: dict[int, list[str]] = {}
    for file in sorted(TESTS.rglob("test_*.py")):
        for name in named(file.read_text()):
            for number in numbers(name):
                found.setdefault(number, []).append(f"{file.name}::{name}")
    assert set(found) <= set(range(1, LAST + 1)), "no such case"
    absent = set(range(1, LAST + 1)) - set(found)
    assert absent == set(MISSING), f"without a test: {sorted(absent)}; listed: {sorted(MISSING)}"
    assert all(MISSING.values()), "each has its reason"


@pytest.mark.parametrize(
    ("name", "cases"),
    [
        ("test_case_009_tool_id_arrives_late", [9]),
        ("test_case_015_to_019_the_end", [15, 16, 17, 18, 19]),
        ("test_case_042_and_070_ids", [42, 70]),
        ("test_case_001_002_004_no_empty_block", [1, 2, 4]),
        ("test_case_040b_a_result", [40]),
        ("test_case_73_betas", [73]),
        ("test_case_085_to_088_foreign", [85, 86, 87, 88]),
    ],
)
def test_names_are_read(name: str, cases: list[int]) -> None:
    assert numbers(name) == cases
    assert (
        list(named(f"async def {name}(): pass\nclass T:\n    def {name}(self): pass\ndef f():\n    def {name}(): pass"))
        == [name] * 2
    )


@pytest.mark.parametrize("name", ["test_case_000_4_an_answer", "test_case_9_late", "test_case_ids", "test_case_001"])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(AssertionError, match="names none"):
        numbers(name)
