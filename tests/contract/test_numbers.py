"""Every number of the contract has a test or a reason to wait. It reads the names of the tests, not what they do."""

import re
from pathlib import Path

import pytest

from contract.later import LATER, NUMBERS, PARTLY
from traffic import ROOT

DOCUMENT = ROOT.parent / "shared" / "contract.md"


def named_after() -> set[str]:
    """The numbers that tests are named after: `test_000_1_chat` is of 000-1."""
    names = [
        name
        for file in Path(__file__).parent.glob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", file.read_text(), re.M)
    ]
    return {
        f"{match[1].upper()}-{match[2]}" for name in names if (match := re.match(r"test_(00\d|s)_(\d+)(?:_|$)", name))
    }


def test_the_list_of_numbers_is_the_document() -> None:
    if not DOCUMENT.is_file():
        pytest.skip(f"the contract is not at {DOCUMENT}")
    written = re.findall(r"^- \*\*((?:00\d|S)-\d+)\*\*", DOCUMENT.read_text(), re.M)
    assert sorted(written) == sorted(NUMBERS)


def test_every_number_has_a_test_or_a_reason() -> None:
    assert sorted(set(NUMBERS) - named_after() - set(LATER)) == []


def test_no_reason_outlives_its_test() -> None:
    assert sorted(set(LATER) & named_after()) == []
    assert sorted(set(LATER) - set(NUMBERS)) == []
    assert sorted(set(PARTLY) - named_after()) == []


def test_every_reason_is_one() -> None:
    assert [number for number, reason in (LATER | PARTLY).items() if len(reason.split()) < 5] == []
