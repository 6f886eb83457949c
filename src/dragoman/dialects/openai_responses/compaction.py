"""Compaction where a provider has none: what asks for it, the wish for a summary, and the item that is sealed in.

The summary stands in the item itself, so that it is understood after a restart, by any replica and for any provider.
It knows neither who sums up nor where an answer goes.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable

from dragoman.core.codec import Wire
from dragoman.core.errors import GatewayError, Kind, invalid
from dragoman.core.ir import Json
from dragoman.dialects.openai_responses.parts import SEAL

TRIGGER = "compaction_trigger"
COMPACTED = ("compaction", "compaction_summary")
SEALED = SEAL + "compaction:"
WISH = (
    "Sum up this conversation. Your summary will stand in its place: whoever goes on from here has your words and "
    "nothing else of it. Leave out nothing that is needed: what the user wants and how they want it, what was decided "
    "and why, what was done and what came of it, names, paths, identifiers, figures and errors as they were, what is "
    "still open, and what was to be done next. Do not answer the conversation, call no tools: give the summary alone."
)
TOLD = "The conversation up to here was summed up. This summary stands in its place:\n\n"
ABOUT_THE_ANSWER = ("conversation", "max_output_tokens", "metadata", "stream_options")
"""What a request says of its answer, and a summary is none."""


def asks(wire: Wire) -> bool:
    """Whether a request is one for compaction."""
    given = wire.get("input")
    return isinstance(given, list) and any(kind_of(item) == TRIGGER for item in given)


def kind_of(item: Json) -> Json:
    return item.get("type") if isinstance(item, dict) else None


# -- the seal ----------------------------------------------------------------------


def sealed(summary: str, id: str) -> Wire:
    seal = SEALED + base64.urlsafe_b64encode(summary.encode("utf-8", "surrogatepass")).decode()
    return {"id": id, "type": "compaction", "encrypted_content": seal}


def opened(item: Json, path: str = "") -> str | None:
    """What an item that was sealed here tells the model; None for any other. Raises GatewayError for a broken seal."""
    if kind_of(item) not in COMPACTED:
        return None
    seal = item.get("encrypted_content")
    if not isinstance(seal, str) or not seal.startswith(SEALED):
        return None
    try:
        text = base64.b64decode(seal[len(SEALED) :], b"-_", validate=True).decode("utf-8", "surrogatepass")
    except (binascii.Error, ValueError):
        raise invalid(f"{path}.encrypted_content" if path else "", "the seal of this summary is broken") from None
    return TOLD + text


def message(text: str) -> Wire:
    """A summary as any provider takes it."""
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


# -- summing up ----------------------------------------------------------------------


def wish(wire: Wire) -> Wire:
    """The same request, asking for a summary; tools and instructions stay for the caches' sake."""
    given = wire.get("input")
    given = [{"role": "user", "content": given}] if isinstance(given, str) else given
    said = [item for item in given if kind_of(item) != TRIGGER] if isinstance(given, list) else []
    asked = {name: value for name, value in wire.items() if name not in ABOUT_THE_ANSWER}
    if isinstance(text := wire.get("text"), dict):
        asked["text"] = {name: value for name, value in text.items() if name != "format"}
    if wire.get("tools") or any(kind_of(item) == "additional_tools" for item in said):
        asked["tool_choice"] = "none"
    else:
        asked.pop("tool_choice", None)
    return asked | {"input": [*said, {"role": "user", "content": WISH}], "stream": False, "store": False}


def compacted(answer: Wire, new_id: Callable[[str], str]) -> Wire:
    """The item that holds the summary in an answer, and what that cost. Raises GatewayError where it holds none."""
    output = answer.get("output")
    messages = [item for item in output if kind_of(item) == "message"] if isinstance(output, list) else []
    contents = [part for item in messages if isinstance(item.get("content"), list) for part in item["content"]]
    texts = [part.get("text") for part in contents if kind_of(part) == "output_text"]
    summary = "\n\n".join(text for text in texts if isinstance(text, str) and text.strip())
    if answer.get("status") != "completed" or not summary:
        message = "the model was asked to sum up the conversation, and gave no whole summary"
        raise GatewayError(Kind.UPSTREAM, message, code="compaction_failed", status=502)
    return {"output": [sealed(summary, new_id("cmp_"))], "usage": answer.get("usage")}


def compaction(whole: list[Json], ids: list[str], told: Wire, id: str, now: int) -> Wire:
    """The answer of /v1/responses/compact: what the user said, and the item that stands for all else."""
    said = [
        {"id": own, "type": "message", "status": "completed", "content": item.get("content"), "role": "user"}
        for own, item in zip(ids, whole, strict=True)
        if kind_of(item) == "message" and item.get("role") == "user"
    ]
    return {"id": id, "object": "response.compaction", "created_at": now} | told | {"output": said + told["output"]}
