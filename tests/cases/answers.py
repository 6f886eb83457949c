"""What the provider of each dialect says for one and the same turn of a model, whole or streamed.

The wires are those of the scripted upstream, which writes them as the vendors document them.
"""

from __future__ import annotations

import json
from typing import Any

from tests.cases.inside import MODELS, Says, sse, whole

from upstream import anthropic, gemini, openai, responses
from upstream.model import Turn

ASKED: dict[str, Any] = {
    "reasoning": {"summary": "auto"},
    "include": ["reasoning.encrypted_content"],
}
"""What a Responses provider must be asked for to tell its thoughts."""


def said(back: str, turn: Turn) -> Any:
    """The whole answer."""
    body = {"model": MODELS[back], **ASKED}
    match back:
        case "chat":
            return openai.completion(body, turn)
        case "messages":
            return anthropic.message(body, turn)
        case "responses":
            return responses.told(body, turn)
    return gemini.chunk(MODELS[back], gemini.parts(turn), turn, "r1", last=True)


def frames(back: str, turn: Turn) -> list[bytes]:
    """The same answer as a stream, one event each."""
    body = {"model": MODELS[back], **ASKED}
    match back:
        case "chat":
            wires: list[Any] = openai.chunks(body, turn, with_usage=True)
            return [b"data: %b\n\n" % dumped(wire) for wire in wires] + [b"data: [DONE]\n\n"]
        case "messages":
            return anthropic.frames(anthropic.message(body, turn))
        case "responses":
            return [responses.frame(event) for event in responses.events(responses.told(body, turn))]
    return [b"data: %b\r\n\r\n" % dumped(wire) for wire in gemini.chunks(MODELS[back], turn)]


def answer(back: str, turn: Turn, stream: bool) -> Says:
    return sse(*frames(back, turn)) if stream else whole(said(back, turn))


def dumped(wire: Any) -> bytes:
    return json.dumps(wire, ensure_ascii=False).encode()
