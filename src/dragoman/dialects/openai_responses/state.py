"""What the Responses API remembers between requests, as values: a kept response, and a request that follows one.

It knows neither where they are kept nor for whom.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Container, Mapping

import msgspec
from msgspec import Struct

from dragoman.core.codec import Wire, raw_members, rewrite
from dragoman.core.errors import GatewayError, invalid
from dragoman.core.framing import Frame
from dragoman.core.ir import Json
from dragoman.dialects.openai_responses.compaction import COMPACTED, TRIGGER, kind_of, opened
from dragoman.dialects.openai_responses.compaction import asks as asks
from dragoman.dialects.openai_responses.compaction import compacted as compacted
from dragoman.dialects.openai_responses.compaction import compaction as compaction
from dragoman.dialects.openai_responses.compaction import wish as wish
from dragoman.dialects.openai_responses.parts import SEAL
from dragoman.dialects.openai_responses.replay import replayed as replayed

INCLUDABLE = (
    "code_interpreter_call.outputs",
    "computer_call_output.output.image_url",
    "file_search_call.results",
    "message.input_image.image_url",
    "message.output_text.logprobs",
    "reasoning.encrypted_content",
    "web_search_call.action.sources",
    "web_search_call.results",
)
"""What a list or a response may be asked to hold beside what it always holds."""
ENDS = frozenset({"response.completed", "response.incomplete"})


class Kept(Struct, frozen=True):
    """A response, the whole input that led to it, and who served it."""

    provider: str
    native: bool  # the provider keeps it too, under the same id
    input: list[Json]
    response: Wire
    ids: list[str] = []  # of the input's items, as they are listed


def follows(wire: Wire) -> str | None:
    """The id of the response a request goes on from."""
    id = wire.get("previous_response_id")
    return id if isinstance(id, str) and id else None


def conversation_of(wire: Wire) -> str | None:
    """The id of the conversation a request is part of. Raises GatewayError(INVALID_REQUEST) for what is none."""
    given = wire.get("conversation")
    id = given.get("id") if isinstance(given, dict) else given
    if given is not None and not (isinstance(id, str) and id):
        raise invalid("conversation", "expected an id, or an object with an id")
    if id and follows(wire):
        message = "Mutually exclusive parameters: 'conversation' and 'previous_response_id'. Provide only one of them."
        raise invalid("", message, code="mutually_exclusive_parameters")
    return id


def repeated(wire: Wire) -> Wire:
    """What an answer repeats of what its request goes on from, whoever was told."""
    if (talk := conversation_of(wire)) is not None:
        return {"conversation": {"id": talk}}
    return {"previous_response_id": id} if (id := follows(wire)) is not None else {}


def items(wire: Wire) -> list[Json]:
    """The input as items: a bare text is one message of the user."""
    given = wire.get("input")
    if isinstance(given, str):
        given = [{"role": "user", "content": given}]
    return [spelled_out(item) for item in given] if isinstance(given, list) else []


def exchanged(wire: Wire, response: Wire) -> list[Json]:
    """What a request and its answer added to what was said."""
    output = response.get("output")
    return [item for item in (*items(wire), *(output if isinstance(output, list) else ())) if isinstance(item, dict)]


def spelled_out(item: Json) -> Json:
    """An easy message as a whole one: with its type, and its text as a part."""
    if not isinstance(item, dict) or item.get("type", "message") != "message":
        return item
    content, kind = item.get("content"), "output_text" if item.get("role") == "assistant" else "input_text"
    if isinstance(content, str):
        part: Wire = {"type": kind, "text": content}
        content = [part | {"annotations": []} if kind == "output_text" else part]
    return {"type": "message", **item, "content": content, "status": item.get("status", "completed")}


def joined(wire: Wire, before: Kept, *, home: bool) -> Wire:
    """The request with all that came before in its own input, as if the client had sent it whole.

    Instructions are not inherited: OpenAI takes those of the new request only. `home`: it goes to who made `before`.
    """
    output = before.response.get("output")
    said = [item for item in output if not only_kept_elsewhere(item)] if isinstance(output, list) else []
    whole = [*settled([*before.input, *said], home=home), *items(wire)]
    return {name: value for name, value in wire.items() if name != "previous_response_id"} | {"input": whole}


def in_conversation(wire: Wire, before: list[Json]) -> Wire:
    """The request with all that was said in its conversation in its own input."""
    said = settled([item for item in before if not only_kept_elsewhere(item)], home=False)
    kept = {name: value for name, value in wire.items() if name != "conversation"}
    return kept | {"input": [*said, *items(wire)]}


def settled(whole: list[Json], *, home: bool) -> list[Json]:
    """What was said so far without what a compaction stands for. One that only its maker can read is left out instead,
    where another is asked: what it stands for is here."""
    for i in range(len(whole) - 1, 0, -1):
        if kind_of(whole[i]) in COMPACTED and kind_of(whole[i - 1]) == TRIGGER:
            if home or opened(whole[i]) is not None:
                return whole[i:]
            return [*settled(whole[: i - 1], home=home), *whole[i + 1 :]]
    return whole


def only_kept_elsewhere(item: Json) -> bool:
    """Whether an item is a thought that its provider keeps to itself: without its seal nobody takes it back."""
    return isinstance(item, dict) and item.get("type") == "reasoning" and not item.get("encrypted_content")


def following(frame: Frame, repeats: Wire) -> Frame:
    """An event whose response says what it goes on from, where the provider was not told."""
    if b'"response"' not in frame.data:
        return frame
    try:
        members = raw_members(frame.data)
        inner = rewrite(bytes(members["response"]), **repeats)
    except (GatewayError, KeyError):
        return frame
    return Frame(msgspec.json.encode(members | {"response": msgspec.Raw(inner)}), frame.event)


def wants_keeping(wire: Wire) -> bool:
    return wire.get("store") is not False


def kept(wire: Wire, response: Wire, provider: str, *, native: bool, new_id: Callable[[str], str]) -> Kept:
    """What is kept of an exchange; each item of the input gets an id to be listed by, which no provider is told."""
    given = items(wire)
    return Kept(provider, native, given, response, named(given, new_id))


PREFIXES: dict[str, str] = {
    "function_call": "fc_",
    "function_call_output": "fc_",
    "custom_tool_call": "ctc_",
    "custom_tool_call_output": "ctc_",
    "reasoning": "rs_",
    "compaction": "cmp_",
    "image_generation_call": "ig_",
}
"""How the ids of items begin, for OpenAI refuses others where a client sends them along."""


def named(given: list[Json], new_id: Callable[[str], str], taken: Collection[str] = ()) -> list[str]:
    """An id for each item: its own where it has one that no other has."""
    seen = set(taken)
    ids: list[str] = []
    for item in given:
        own = id_of(item)
        kind = kind_of(item)
        prefix = PREFIXES.get(kind, "msg_") if isinstance(kind, str) else "msg_"
        ids.append(own if own and own not in seen else new_id(prefix))
        seen.add(ids[-1])
    return ids


def id_of(item: Json) -> str | None:
    id = item.get("id") if isinstance(item, dict) else None
    return id if isinstance(id, str) and id else None


REFERENCE = "item_reference"


def refers(item: Json) -> bool:
    """Whether an item only names another. OpenAI's schema lets it do so without a type."""
    if not isinstance(item, dict) or (kind := item.get("type")) not in (None, REFERENCE):
        return False
    return kind == REFERENCE or ("id" in item and not ("role" in item and "content" in item))


class Said(Struct, frozen=True):
    """An item of a kept response, and who made it."""

    provider: str
    native: bool  # the provider keeps it too, under the same id
    item: Wire


def said(response: Kept) -> dict[str, Said]:
    """The items of a kept response, by their ids."""
    output = response.response.get("output")
    found = {id: item for item in (output if isinstance(output, list) else ()) if (id := id_of(item)) is not None}
    return {id: Said(response.provider, response.native, item) for id, item in found.items()}


def references(wire: Wire) -> list[str]:
    """The ids of items that a request names in their place."""
    given = wire.get("input")
    named = [id_of(item) for item in given if refers(item)] if isinstance(given, list) else []
    return [id for id in named if id is not None]


def resolved(wire: Wire, known: Mapping[str, Said]) -> Wire:
    """The request with the items themselves where they are known; thoughts that their provider keeps to itself go."""
    found: list[Json] = []
    for item in wire["input"]:
        meant = known.get(id_of(item) or "") if refers(item) else None
        if meant is None:
            found.append(item)
        elif not only_kept_elsewhere(meant.item):
            found.append(meant.item)
    return wire | {"input": found}


def foreign_to(wire: Wire, known: Container[str] = ()) -> str | None:
    """The path of what only OpenAI itself can look up, and without which an answer would be wrong. `known`: the ids of
    items that it is known to have."""
    if wire.get("prompt"):
        return "prompt"
    given = wire.get("input")
    for i, item in enumerate(given if isinstance(given, list) else ()):
        if refers(item) and id_of(item) not in known:
            return f"input[{i}]"
    return None


def closed_to(wire: Wire) -> str | None:
    """The path of a compaction that only its maker can open: without it the whole conversation would be missing."""
    given = wire.get("input")
    for i, item in enumerate(given if isinstance(given, list) else ()):
        if kind_of(item) in COMPACTED and opened(item, f"input[{i}]") is None:
            return f"input[{i}]"
    return None


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


def encode_items(before: Kept, *, order: str = "desc", after: str = "", limit: int = 20) -> Wire:
    """GET /v1/responses/{id}/input_items: a page of them, newest first unless asked otherwise."""
    pairs = zip(before.ids, before.input, strict=False)
    listed = [{**item, "id": id} for id, item in pairs if isinstance(item, dict)]
    if order != "asc":
        listed.reverse()
    return paged(listed, after=after, limit=limit)


def paged(listed: list[Wire], *, after: str, limit: int) -> Wire:
    """A page of a list of items. Raises GatewayError(INVALID_REQUEST) for an id to begin after that is not in it."""
    ids = [item["id"] for item in listed]
    if after and after not in ids:
        raise invalid("after", f"there is no item with id '{after[:100]}'")
    start = ids.index(after) + 1 if after else 0
    page = listed[start : start + limit]
    return {
        "object": "list",
        "data": page,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
        "has_more": start + limit < len(listed),
    }


_SEALS = re.compile(rb'("encrypted_content"\s*:\s*")(?!%b|")' % SEAL.encode())


def sealed(body: bytes, issuer: str) -> bytes:
    """Passthrough: the same answer or event, what is encrypted in it in the name of who alone can read it."""
    return _SEALS.sub(rb"\g<1>%b%b:" % (SEAL.encode(), issuer.encode()), body)
