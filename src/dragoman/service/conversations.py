"""Conversations that are kept here, whichever provider answers in them: per caller, bounded, for a while.

What one holds and how it is told, the dialect's own module knows; here it is bytes under an id, changed in one step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from dragoman.core.codec import Wire
from dragoman.core.errors import GatewayError, Kind, invalid
from dragoman.core.ir import Json
from dragoman.dialects import TALKS
from dragoman.service.call import Call, Reply
from dragoman.service.gateway import Gateway, dumps, json_body
from dragoman.service.query import included, ordered
from dragoman.store.store import Shelf, StoreError

SHELF = Shelf("conversation", lifetime=90 * 24 * 3600, most=5_000)  # from its last change on
LARGEST = 32 << 20  # bytes of one conversation; the exchange that grows past them is its last


async def find(gateway: Gateway, call: Call, id: str, *, growing: bool = False) -> TALKS.Conversation:
    """Raises GatewayError: NOT_FOUND, and INVALID_REQUEST for one that is too large already where it is to grow."""
    try:
        value = await gateway.store.get(SHELF, call.owner, id)
    except StoreError as error:
        unreadable(error)
    if value is None:
        raise TALKS.unknown(id)
    if growing and len(value) > LARGEST:
        message = f"it holds more than {LARGEST} bytes; begin a new one, or delete items"
        raise invalid("conversation", message, code="conversation_too_large")
    return TALKS.decode(value)


def unreadable(error: StoreError) -> NoReturn:
    raise GatewayError(Kind.INTERNAL, "conversations cannot be read or kept now") from error


async def changed(
    gateway: Gateway, call: Call, id: str, change: Callable[[TALKS.Conversation], TALKS.Conversation]
) -> TALKS.Conversation | None:
    """The conversation after a change that nobody else's comes between; None where there is none (any more)."""

    def step(value: bytes | None) -> bytes | None:
        return None if value is None else TALKS.encode(change(TALKS.decode(value)))

    try:
        value = await gateway.store.update(SHELF, call.owner, id, step)
    except StoreError as error:
        unreadable(error)
    return None if value is None else TALKS.decode(value)


async def append(gateway: Gateway, call: Call, id: str, items: list[Json]) -> None:
    """What an exchange added. A conversation that was deleted meanwhile stays so."""
    await changed(gateway, call, id, lambda before: TALKS.with_items(before, items, gateway.new_id))


# -- endpoints ---------------------------------------------------------------------


async def body_of(call: Call) -> Wire:
    raw = await call.read()
    return json_body(raw) if raw else {}


async def create(gateway: Gateway, call: Call) -> Reply:
    wire = await body_of(call)
    empty = TALKS.Conversation(gateway.now(), TALKS.decode_metadata(wire))
    conversation = TALKS.with_items(empty, TALKS.decode_items(wire), gateway.new_id)
    id = gateway.new_id("conv_")
    try:
        await gateway.store.put(SHELF, call.owner, id, TALKS.encode(conversation))
    except StoreError as error:
        unreadable(error)
    return Reply(body=dumps(TALKS.encode_conversation(id, conversation)))


async def read(gateway: Gateway, call: Call) -> Reply:
    id = call.params["id"]
    return Reply(body=dumps(TALKS.encode_conversation(id, await find(gateway, call, id))))


async def update(gateway: Gateway, call: Call) -> Reply:
    id, metadata = call.params["id"], TALKS.decode_metadata(await body_of(call), required=True)
    conversation = await changed(gateway, call, id, lambda before: TALKS.with_metadata(before, metadata))
    if conversation is None:
        raise TALKS.unknown(id)
    return Reply(body=dumps(TALKS.encode_conversation(id, conversation)))


async def delete(gateway: Gateway, call: Call) -> Reply:
    id = call.params["id"]
    try:
        deleted = await gateway.store.delete(SHELF, call.owner, id)
    except StoreError as error:
        unreadable(error)
    if not deleted:
        raise TALKS.unknown(id)
    return Reply(body=dumps(TALKS.encode_deleted(id)))


async def read_items(gateway: Gateway, call: Call) -> Reply:
    included(call)
    order, limit = ordered(call)
    conversation = await find(gateway, call, call.params["id"])
    after = call.query.get("after", "")
    return Reply(body=dumps(TALKS.encode_items(conversation, order=order, after=after, limit=limit)))


async def add_items(gateway: Gateway, call: Call) -> Reply:
    included(call)
    id, items = call.params["id"], TALKS.decode_items(await body_of(call), required=True)
    await find(gateway, call, id, growing=True)
    conversation = await changed(gateway, call, id, lambda before: TALKS.with_items(before, items, gateway.new_id))
    if conversation is None:
        raise TALKS.unknown(id)
    return Reply(body=dumps(TALKS.encode_added(conversation.ids[len(conversation.ids) - len(items) :], items)))


async def read_item(gateway: Gateway, call: Call) -> Reply:
    included(call)
    item = TALKS.encode_item(await find(gateway, call, call.params["id"]), call.params["item"])
    if item is None:
        raise TALKS.unknown_item(call.params["item"])
    return Reply(body=dumps(item))


async def delete_item(gateway: Gateway, call: Call) -> Reply:
    id, item = call.params["id"], call.params["item"]
    if item not in (await find(gateway, call, id)).ids:
        raise TALKS.unknown_item(item)
    conversation = await changed(gateway, call, id, lambda before: TALKS.without_item(before, item))
    if conversation is None:
        raise TALKS.unknown(id)
    return Reply(body=dumps(TALKS.encode_conversation(id, conversation)))
