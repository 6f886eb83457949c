"""Whether what Dragoman writes is what the vendors' SDKs read: each body and event against the SDK's own types.

It knows the SDKs' models and nothing of codecs; a model that would take anything is no judge, and is not here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from anthropic.types import Message, RawMessageStreamEvent
from google.genai.types import GenerateContentResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from dragoman.core.framing import Frame

WHOLE: dict[str, TypeAdapter[Any]] = {
    "openai.chat": TypeAdapter(ChatCompletion),
    "openai.responses": TypeAdapter(Response),
    "anthropic": TypeAdapter(Message),
    "gemini": TypeAdapter(GenerateContentResponse),
}
EVENT: dict[str, TypeAdapter[Any]] = {
    "openai.chat": TypeAdapter(ChatCompletionChunk),
    "openai.responses": TypeAdapter(ResponseStreamEvent),
    "anthropic": TypeAdapter(RawMessageStreamEvent),
    "gemini": TypeAdapter(GenerateContentResponse),
}
UNTYPED = frozenset({b"[DONE]", b'{"type":"ping"}', b'{"type": "ping"}'})
"""What ends or fills a stream and is no event to the SDKs."""


def parses(dialect: str, wire: Any) -> Any:
    """The SDK's own object for a whole answer. Raises pydantic's ValidationError where the SDK's type says otherwise."""
    return WHOLE[dialect].validate_python(wire) if dialect in WHOLE else None


def parse_events(dialect: str, frames: Iterable[Frame]) -> list[Any]:
    """The same for each event of a stream that ends well."""
    if dialect not in EVENT:
        return []
    return [EVENT[dialect].validate_python(json.loads(f.data)) for f in frames if f.data.strip() not in UNTYPED]
