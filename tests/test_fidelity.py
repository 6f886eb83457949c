"""docs/fidelity.md says what the codecs do today, and no feature is lost without a word."""

from __future__ import annotations

import pytest
from tests import fidelity

from dragoman.core.codec import Context
from dragoman.core.ir import Request
from dragoman.dialects import CODECS
from dragoman.dialects.gemini import Gemini

TABLES = [(kind, here, cell) for kind, here, cells in fidelity.tables() for cell in cells]


def test_the_document_is_what_the_trials_say() -> None:
    assert fidelity.DOCUMENT.read_text() == fidelity.document(), "run make fidelity"


@pytest.mark.parametrize("kind", ["request", "answer"])
def test_nothing_is_lost_without_a_word(kind: str) -> None:
    silent = [(here, *cell) for of, here, cell in TABLES if of == kind and cell.word == fidelity.SILENT]
    assert silent == []


@pytest.mark.parametrize("here", fidelity.NAMES)
def test_what_a_chat_is_made_of_arrives_everywhere(here: str) -> None:
    """The trials themselves are tried: were they blind, even these would not be found."""
    found = {(cell.feature, cell.there): cell.word for _, of, cell in TABLES if of == here}
    basics = ("text", "system prompt", "earlier turns", "tools", "earlier calls", "tool result", "tool call")
    assert {found[name, there] for name in basics for there in fidelity.NAMES if there != here} == {"yes"}


class Forgetful(Gemini):
    """A codec that drops the temperature and says nothing."""

    def encode_request(self, request: Request, ctx: Context) -> dict[str, object]:
        wire = super().encode_request(request, ctx)
        wire.get("generationConfig", {}).pop("temperature", None)
        return wire


def test_a_silent_loss_is_seen() -> None:
    feature = next(f for f in fidelity.REQUESTS if f.name == "temperature")
    chat = CODECS["openai.chat"]
    assert fidelity.request_cell(feature, chat, Gemini()) == fidelity.CARRIED
    assert fidelity.request_cell(feature, chat, Forgetful()) == fidelity.SILENT
