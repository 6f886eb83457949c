"""Keeps responses for who made them: to be read again, to be deleted, to be gone on from. Per caller, bounded, a month.

What a kept response is, the dialect's own state module knows; here it is bytes under an id.
"""

from __future__ import annotations

import asyncio

import msgspec

from dragoman.core.codec import Wire
from dragoman.core.errors import GatewayError, Kind, invalid
from dragoman.dialects import STATE, TALKS
from dragoman.service import conversations
from dragoman.service.call import Call
from dragoman.service.gateway import Gateway
from dragoman.store.store import Shelf, StoreError

STATEFUL = "openai.responses"  # the dialect whose requests may go on from one another
LOCAL = "local"  # the one caller of a gateway without keys
SHELF = Shelf("response", lifetime=30 * 24 * 3600, most=5_000)
ITEMS = Shelf("response item", lifetime=30 * 24 * 3600, most=20_000)  # of kept responses, to be named by their ids
LARGEST = 32 << 20  # bytes of one kept response with its input
HELD = 8  # responses of one socket
AT_ONCE = 256  # items that are looked for at once: others are served meanwhile

_decoder = msgspec.json.Decoder(STATE.Kept)
_item = msgspec.json.Decoder(STATE.Said)


class Memory(dict[str, STATE.Kept]):
    """The last responses of one socket, which holds its conversation even where nothing is to be stored."""

    def hold(self, id: str, kept: STATE.Kept) -> None:
        self[id] = kept
        while len(self) > HELD:
            del self[next(iter(self))]


async def keep(gateway: Gateway, call: Call, asked: Wire, kept: STATE.Kept) -> None:
    """Raises GatewayError where it cannot be kept: the client was promised that it would be."""
    id = kept.response.get("id")
    if not isinstance(id, str):
        return
    if (talk := STATE.conversation_of(asked)) is not None:
        await conversations.append(gateway, call, talk, STATE.exchanged(asked, kept.response))
    if call.memory is not None:
        call.memory.hold(id, kept)
    if STATE.wants_keeping(asked):
        await store(gateway, call.owner, id, kept)


async def store(gateway: Gateway, owner: str, id: str, kept: STATE.Kept) -> None:
    value = msgspec.json.encode(kept)
    if len(value) > LARGEST:
        return
    try:
        await gateway.store.put(SHELF, owner, id, value)
        said = {item: msgspec.json.encode(one) for item, one in STATE.said(kept).items()}
        await asyncio.gather(*(gateway.store.put(ITEMS, owner, item, one) for item, one in said.items()))
    except StoreError as error:
        raise GatewayError(Kind.INTERNAL, "the response could not be kept") from error


async def forget(gateway: Gateway, owner: str, id: str, kept: STATE.Kept) -> None:
    await gateway.store.delete(SHELF, owner, id)
    await asyncio.gather(*(gateway.store.delete(ITEMS, owner, item) for item in STATE.said(kept)))


def keeps(call: Call, wire: Wire) -> bool:
    if call.dialect != STATEFUL:
        return False
    return call.memory is not None or STATE.wants_keeping(wire) or STATE.conversation_of(wire) is not None


async def find(gateway: Gateway, call: Call, id: str) -> STATE.Kept | None:
    if call.memory is not None and id in call.memory:
        held: STATE.Kept = call.memory[id]
        return held
    try:
        value = await gateway.store.get(SHELF, call.owner, id)
    except StoreError as error:
        raise GatewayError(Kind.INTERNAL, "kept responses cannot be read now") from error
    return _decoder.decode(value) if value is not None else None


def checked(wire: Wire) -> None:
    """Raises GatewayError(INVALID_REQUEST) for what a request may not ask of a gateway that answers at once."""
    if wire.get("previous_response_id") == "":
        raise invalid("previous_response_id", "must not be empty")
    if wire.get("background") is True:
        message = "responses are not made in the background here; ask without it, and stream"
        raise invalid("background", message, code="background_not_supported")


async def gone_on(gateway: Gateway, call: Call, wire: Wire, *, native: str | None) -> tuple[Wire, Wire]:
    """The request to send, and the same with all that it goes on from in it, for who goes on from the next.

    `native`: the provider that keeps responses itself, if one is asked; its own are left to it.

    Raises GatewayError(INVALID_REQUEST) for an id nobody here knows: never silent amnesia (cases.md 127).
    """
    checked(wire)
    wire, told = await referenced(gateway, call, wire, native)
    if (talk := STATE.conversation_of(wire)) is not None:
        said = TALKS.said(await conversations.find(gateway, call, talk, growing=True))
        whole = STATE.in_conversation(told, said)
        return whole, whole
    if (id := STATE.follows(wire)) is None:
        return wire, told
    before = await find(gateway, call, id)
    if before is None:
        if native is not None and call.owner == LOCAL:
            return wire, told  # made before the gateway was between, perhaps; with one user it is nobody else's
        message = f"Previous response with id '{id[:100]}' not found."
        raise GatewayError(
            Kind.INVALID_REQUEST, message, param="previous_response_id", code="previous_response_not_found"
        )
    home = before.provider == native
    whole = STATE.joined(told, before, home=home)
    return (wire if before.native and home and of_one_account(gateway, before.provider) else whole), whole


def own_path(path: str, whole: Wire, asked: Wire) -> str:
    """A path of a request with all that it goes on from, in the body that only names that."""
    said, mine = whole.get("input"), asked.get("input")
    if whole is asked or not path.startswith("input[") or not isinstance(said, list):
        return path
    number, _, rest = path.removeprefix("input[").partition("]")
    before = len(said) - (len(mine) if isinstance(mine, list) else 1 if mine else 0)
    if int(number) < before:
        return "previous_response_id" if asked.get("previous_response_id") else "conversation"
    return f"input[{int(number) - before}]{rest}" if isinstance(mine, list) else "input"


async def referenced(gateway: Gateway, call: Call, wire: Wire, native: str | None) -> tuple[Wire, Wire]:
    """The request with the items it names in their place, but for those that `native` has; and with all of them.

    Raises GatewayError(INVALID_REQUEST) for what is known neither here nor there.
    """
    known = await meant(gateway, call, STATE.references(wire))
    there = {id for id, one in known.items() if one.native and one.provider == native}
    if native is None or not of_one_account(gateway, native):
        there = set()
    sent = STATE.resolved(wire, {id: one for id, one in known.items() if id not in there}) if known else wire
    path = STATE.foreign_to(sent, there)
    if native is None and (only := path or STATE.closed_to(sent)):
        raise invalid(only, "only OpenAI itself can look this up, and this model is served by another")
    if path is not None and path != "prompt" and call.owner != LOCAL:
        raise invalid(path, "cannot be told to be this key's own: all keys share the provider's account")
    return sent, STATE.resolved(wire, known) if there else sent


async def meant(gateway: Gateway, call: Call, ids: list[str]) -> dict[str, STATE.Said]:
    """The items of this caller's kept responses that have these ids."""
    known: dict[str, STATE.Said] = {}
    named = set(ids)
    for held in call.memory.values() if call.memory is not None and ids else ():
        known |= {id: one for id, one in STATE.said(held).items() if id in named}
    wanted = [*(named - known.keys())]
    found: list[STATE.Said] = []
    try:
        for some in (wanted[n : n + AT_ONCE] for n in range(0, len(wanted), AT_ONCE)):
            values = await asyncio.gather(*(gateway.store.get(ITEMS, call.owner, id) for id in some))
            found += [_item.decode(value) for value in values if value is not None]
    except StoreError as error:
        raise GatewayError(Kind.INTERNAL, "kept responses cannot be read now") from error
    return known | {one.item["id"]: one for one in found}


def of_one_account(gateway: Gateway, provider: str) -> bool:
    """Whether a provider has one key: of several, each may be of an account of its own, with its own responses."""
    return all(len(one.keys) < 2 for one in gateway.providers if one.name == provider)
