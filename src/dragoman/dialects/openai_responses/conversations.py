"""Conversations as values: what one holds, how it grows, and how it and its items are told.

It knows neither where they are kept nor for whom. Items stay the bytes they were, so that a long one costs little.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from dragoman.core.codec import Context, Fields, Wire
from dragoman.core.errors import GatewayError, Kind, invalid
from dragoman.core.ir import Json
from dragoman.dialects.openai_responses import state
from dragoman.dialects.openai_responses.request import decode_one

AT_ONCE = 20  # items that may be added by one request of the API
PAIRS, NAME, VALUE = 16, 64, 512  # of metadata: how many, and their lengths


class Conversation(Struct, frozen=True):
    created_at: int
    metadata: dict[str, str]
    ids: list[str] = []
    items: list[Raw] = []


_conversation = msgspec.json.Decoder(Conversation)


def decode(value: bytes) -> Conversation:
    return _conversation.decode(value)


def encode(conversation: Conversation) -> bytes:
    return msgspec.json.encode(conversation)


# -- how it is told ------------------------------------------------------------------


def encode_conversation(id: str, conversation: Conversation) -> Wire:
    return {
        "id": id,
        "object": "conversation",
        "created_at": conversation.created_at,
        "metadata": conversation.metadata,
    }


def encode_deleted(id: str) -> Wire:
    return {"id": id, "object": "conversation.deleted", "deleted": True}


def encode_item(conversation: Conversation, id: str) -> Wire | None:
    if id not in conversation.ids:
        return None
    item: Wire = msgspec.json.decode(conversation.items[conversation.ids.index(id)])
    return item | {"id": id}


def encode_items(conversation: Conversation, *, order: str = "desc", after: str = "", limit: int = 20) -> Wire:
    """A page of its items, newest first unless asked otherwise."""
    listed = [item | {"id": id} for id, item in zip(conversation.ids, said(conversation), strict=True)]
    return state.paged(listed if order == "asc" else listed[::-1], after=after, limit=limit)


def encode_added(ids: list[str], items: list[Json]) -> Wire:
    listed = [item | {"id": id} for id, item in zip(ids, items, strict=True)]
    return state.paged(listed, after="", limit=AT_ONCE)


def said(conversation: Conversation) -> list[Json]:
    return [msgspec.json.decode(raw) for raw in conversation.items]


# -- how it grows ----------------------------------------------------------------------


def with_items(conversation: Conversation, items: list[Json], new_id: Callable[[str], str]) -> Conversation:
    """The conversation with more at its end; each item has an id there that no other has."""
    named = state.named(items, new_id, conversation.ids)
    raw = [Raw(msgspec.json.encode(item)) for item in items]
    return replace(conversation, ids=[*conversation.ids, *named], items=[*conversation.items, *raw])


def with_metadata(conversation: Conversation, metadata: dict[str, str]) -> Conversation:
    return replace(conversation, metadata=metadata)


def without_item(conversation: Conversation, id: str) -> Conversation:
    if id not in conversation.ids:
        return conversation
    at = conversation.ids.index(id)
    ids, items = list(conversation.ids), list(conversation.items)
    del ids[at], items[at]
    return replace(conversation, ids=ids, items=items)


# -- what a request says -----------------------------------------------------------------


def decode_metadata(wire: Wire, *, required: bool = False) -> dict[str, str]:
    """Raises GatewayError(INVALID_REQUEST) for what is none, or too much."""
    given = wire.get("metadata")
    if given is None and not required:
        return {}
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise invalid("metadata", "expected an object of strings")
    if len(given) > PAIRS or any(len(name) > NAME or len(value) > VALUE for name, value in given.items()):
        raise invalid("metadata", f"at most {PAIRS} names of {NAME} characters, with values of {VALUE}")
    return given


def decode_items(wire: Wire, *, required: bool = False) -> list[Json]:
    """The items a request brings. Raises GatewayError(INVALID_REQUEST) for what is no item."""
    given = wire.get("items")
    if given is None and not required:
        return []
    if not isinstance(given, list):
        raise invalid("items", "expected an array of items" if given is not None else "required")
    if len(given) > AT_ONCE:
        raise invalid("items", f"at most {AT_ONCE} are taken at once, got {len(given)}")
    for i, item in enumerate(given):
        checked(item, f"items[{i}]")
    return [state.spelled_out(item) for item in given]


def checked(item: Json, path: str) -> None:
    if not isinstance(item, dict):
        raise invalid(path, "expected an object")
    kind = item.get("type")
    if kind in ("item_reference", "compaction_trigger"):
        raise invalid(f"{path}.type", f"{kind} says nothing of its own that could be kept")
    if kind != "additional_tools":
        decode_one(Fields(item, path), Context())


def unknown(id: str) -> GatewayError:
    return GatewayError(Kind.NOT_FOUND, f"Conversation with id '{id[:100]}' not found.", code="conversation_not_found")


def unknown_item(id: str) -> GatewayError:
    return GatewayError(Kind.NOT_FOUND, f"Item with id '{id[:100]}' not found.", code="item_not_found")
