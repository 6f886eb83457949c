"""What the Responses API remembers between requests, as values: a kept response, and a request that follows one.

It knows neither where they are kept nor for whom.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec import Struct

from dragoman.core.codec import Wire
from dragoman.core.framing import Frame
from dragoman.core.ir import Json

ENDS = frozenset({"response.completed", "response.incomplete"})


class Kept(Struct, frozen=True):
    """A response, the whole input that led to it, and who served it."""

    provider: str
    native: bool  # the provider keeps it too, under the same id
    input: list[Json]
    response: Wire


def follows(wire: Wire) -> str | None:
    """The id of the response a request goes on from."""
    id = wire.get("previous_response_id")
    return id if isinstance(id, str) and id else None


def items(wire: Wire) -> list[Json]:
    """The input as items: a bare text is one message of the user."""
    given = wire.get("input")
    if isinstance(given, str):
        return [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": given}]}]
    return list(given) if isinstance(given, list) else []


def joined(wire: Wire, before: Kept) -> Wire:
    """The request with all that came before in its own input, as if the client had sent it whole.

    Instructions are not inherited: OpenAI takes those of the new request only.
    """
    output = before.response.get("output")
    whole = [*before.input, *(output if isinstance(output, list) else []), *items(wire)]
    return {name: value for name, value in wire.items() if name != "previous_response_id"} | {"input": whole}


def wants_keeping(wire: Wire) -> bool:
    return wire.get("store") is not False


def kept(wire: Wire, response: Wire, provider: str, *, native: bool) -> Kept:
    return Kept(provider, native, items(wire), response)


def finished(frame: Frame) -> Wire | None:
    """The whole response that the last event of a stream carries."""
    if frame.event not in ENDS and b'"response.' not in frame.data[:80]:
        return None
    try:
        event = msgspec.json.decode(frame.data)
    except (msgspec.DecodeError, RecursionError):
        return None
    if not isinstance(event, dict) or event.get("type") not in ENDS:
        return None
    response = event.get("response")
    return response if isinstance(response, dict) else None


def encode_items(before: Kept, new_id: Callable[[str], str]) -> Wire:
    """GET /v1/responses/{id}/input_items: newest first, each with an id."""
    named = [
        item if "id" in item else {"id": new_id("msg_"), **item} for item in before.input if isinstance(item, dict)
    ][::-1]
    ids = [item["id"] for item in named]
    return {
        "object": "list",
        "data": named,
        "first_id": ids[0] if ids else None,
        "last_id": ids[-1] if ids else None,
        "has_more": False,
    }
