"""Remembers what a client's dialect cannot carry from one turn to the next: signatures, and reasoning itself.

They are kept per caller, bounded and for a day, under the ids of the tool calls they belong to, and under the turn:
what was said and called, after what the user had said; never inside ids. It knows no dialect: an encoder sends back
only what its provider issued.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec.structs import replace

from dragoman.core.ir import AnyPart, Message, Reasoning, Request, Response, Text, ToolCall, ToolResult
from dragoman.store.store import Shelf, Store, StoreError

log = logging.getLogger("dragoman")

SHELF = Shelf("recall", lifetime=24 * 3600, most=20_000)
LARGEST = 1 << 20  # bytes of one answer's reasoning; more is not kept
LOOKS = 17  # for one turn of the conversation: each of its calls leads to the same

_decoder = msgspec.json.Decoder(tuple[AnyPart, ...])


class Heard:
    """What the user has said so far: the part of a turn's key that one conversation does not share with another."""

    def __init__(self, messages: Iterable[Message] = ()) -> None:
        self._hash = hashlib.sha256()
        for message in messages:
            self.feed(message)

    def feed(self, message: Message) -> None:
        if message.role == "user":
            for text in words(message.parts):
                self._hash.update(encoded(text))

    def then(self, told: Iterable[str]) -> str:
        key = self._hash.copy()
        for text in told:
            key.update(b"\0" + encoded(text))
        return key.hexdigest()


def encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass") + b"\0"


def marked(parts: tuple[AnyPart, ...], heard: Heard) -> list[str]:
    """The keys under which an answer is known again: the turn, and each of its calls, where it came back otherwise.

    The turn is first: the same words in another conversation are another turn, but some servers give the calls of
    every conversation the same ids (Kimi: `functions.get_weather:0`).
    """
    calls = [part for part in parts if isinstance(part, ToolCall) and not part.server]
    told = [said(parts), *(text for call in calls for text in (call.name, sorted_json(call.arguments)))]
    keys = ["turn " + heard.then(told)] if any(told) else []
    return keys + [f"call {call.id}" for call in calls if call.id]


def words(parts: Iterable[AnyPart]) -> Iterator[str]:
    """What a user's turn says, and the tools' results in it."""
    for part in parts:
        match part:
            case Text(text=text):
                yield text.strip()
            case ToolResult(content=content):
                yield from words(content)


def sorted_json(text: str) -> str:
    """Arguments as every client gives them back, whatever the order and the spaces."""
    try:
        return msgspec.json.encode(msgspec.json.decode(text or "{}"), order="sorted").decode()
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return text


def said(parts: tuple[AnyPart, ...]) -> str:
    return "".join(part.text for part in parts if isinstance(part, Text)).strip()


async def remember(store: Store, owner: str, response: Response, request: Request) -> None:
    """Keeps an answer's reasoning and signatures, if it has any. A store that fails loses them, and not the answer."""
    parts = response.parts
    reasons = any(isinstance(part, Reasoning) or part.signature for part in parts)
    if not reasons or not (keys := marked(parts, Heard(request.messages))):
        return
    value = msgspec.json.encode(tuple(bare(part) for part in parts if isinstance(part, Reasoning | Text | ToolCall)))
    if len(value) > LARGEST:
        return
    try:
        await asyncio.gather(*(store.put(SHELF, owner, key, value) for key in keys))
    except StoreError as error:
        log.warning("reasoning was not kept: %s", error)


def bare(part: Reasoning | Text | ToolCall) -> AnyPart:
    """What is owed back of a part: all of a thought, of a call its signature; the client brings the rest."""
    match part:
        case Reasoning():
            return part
        case ToolCall():
            return ToolCall(id=part.id, name=part.name, signature=part.signature)
        case Text():
            return Text(text=part.text if part.signature else "", signature=part.signature)


async def recalled(store: Store, owner: str, request: Request) -> Request:
    """The request with the reasoning and the signatures its client could not bring back."""
    wanting: dict[int, list[str]] = {}
    heard = Heard()
    for i, message in enumerate(request.messages):
        if wants(message):
            wanting[i] = marked(message.parts, heard)
        heard.feed(message)
    if not wanting:
        return request
    try:
        found = await asyncio.gather(*(_found(store, owner, keys) for keys in wanting.values()))
    except StoreError as error:
        log.warning("reasoning was not recalled: %s", error)
        return request
    messages = list(request.messages)
    for i, was in zip(wanting, found, strict=True):
        if was:
            messages[i] = replace(messages[i], parts=restored(messages[i].parts, was))
    return replace(request, messages=tuple(messages))


def wants(message: Message) -> bool:
    """Whether a turn of the assistant came without a single signature."""
    return message.role == "assistant" and not any(part.signature for part in message.parts)


async def _found(store: Store, owner: str, keys: list[str]) -> tuple[AnyPart, ...]:
    for key in keys[:LOOKS]:
        if (value := await store.get(SHELF, owner, key)) is not None:
            return _decoder.decode(value)
    return ()


def restored(parts: tuple[AnyPart, ...], was: tuple[AnyPart, ...]) -> tuple[AnyPart, ...]:
    """The client's parts with the kept thoughts where they stood, and the signatures on the parts they belong to."""
    rest: list[AnyPart] = [part for part in parts if not isinstance(part, Reasoning)]
    out: list[AnyPart] = []
    for kept in was:
        match kept:
            case Reasoning():
                out.append(kept)
            case ToolCall():
                calls = [p for p in rest if isinstance(p, ToolCall)]
                same = [p for p in calls if p.id == kept.id] or [p for p in calls if p.name == kept.name]
                _move(rest, out, same, kept)
            case Text() if kept.signature:
                _move(rest, out, [p for p in rest if isinstance(p, Text) and p.text == kept.text], kept)
            case Text():
                _move(rest, out, [p for p in rest if isinstance(p, Text)], kept)
            case _:
                pass
    return (*out, *rest)


def _move(rest: list[AnyPart], out: list[AnyPart], mine: Sequence[AnyPart], kept: AnyPart) -> None:
    """Takes the client's own part, if it brought one back, and signs it."""
    for part in mine[:1]:
        rest.remove(part)
        out.append(replace(part, signature=kept.signature) if kept.signature else part)
