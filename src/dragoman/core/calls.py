"""Tool calls of one conversation: each with an id of its own, and followed by its result. It knows no dialect."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import count

from msgspec.structs import replace

from dragoman.core.codec import Context
from dragoman.core.ir import AnyPart, Message, Request, ToolCall, ToolResult


def distinct(request: Request) -> Request:
    """The same request with ids that no two calls share: some local servers give every call the same.


    The first call keeps its id; results go to calls of their id in the order of both. Without a repeated id, the very
    same request.
    """
    ids = [part.id for message in request.messages for part in message.parts if isinstance(part, ToolCall)]
    if len(set(ids)) == len(ids):
        return request
    taken, waiting = set(ids), dict[str, deque[str]]()
    numbers: dict[str, Iterator[int]] = {}  # those that no call of the id bears yet

    def own(part: AnyPart) -> AnyPart:
        match part:
            case ToolCall(id=id):
                new = id
                if id in numbers:
                    new = next(name for n in numbers[id] if (name := f"{id}_{n}") not in taken)
                else:
                    numbers[id] = count(1)
                taken.add(new)
                waiting.setdefault(id, deque()).append(new)
                return replace(part, id=new)
            case ToolResult(call_id=id):
                queue = waiting.get(id)
                return replace(part, call_id=queue.popleft()) if queue else part
            case _:
                return part

    messages = tuple(mended(message, tuple(map(own, message.parts))) for message in request.messages)
    return replace(request, messages=messages)


def mended(message: Message, parts: tuple[AnyPart, ...]) -> Message:
    return message if parts == message.parts else replace(message, parts=parts)


Placed = tuple[int, Message]
"""A message, and where in the conversation it stood."""


def in_turns(messages: tuple[Message, ...], ctx: Context) -> Iterator[Placed]:
    """The messages in the order providers want: consecutive answers of one assistant as one, for calls made together
    stay together (case 81); the results of its calls at once after it, one for each (cases 39, 41)."""
    said: Placed | None = None
    heard: list[Placed] = []
    for i, message in enumerate(messages):
        if message.role != "assistant":
            heard.append((i, message))
            continue
        if said is not None and not heard and said[1].name == message.name:
            before = said[1]
            said = said[0], replace(before, parts=before.parts + message.parts, extra=before.extra | message.extra)
            ctx.moved[said[0]] = said[1].parts
            continue
        yield from _turn(said, heard, ctx)
        said, heard = (i, message), []
    yield from _turn(said, heard, ctx)


def _turn(said: Placed | None, heard: list[Placed], ctx: Context) -> Iterator[Placed]:
    """An answer and what came after it."""
    if said is None:
        yield from heard
        return
    yield said
    owed = {part.id for part in said[1].parts if isinstance(part, ToolCall) and not part.server}
    results: dict[str, ToolResult] = {}
    in_order, spoken = True, False
    for i, message in heard:
        speaks = False
        for j, part in enumerate(message.parts):
            if not isinstance(part, ToolResult) or part.server or part.call_id not in owed:
                speaks = True
                continue
            if part.call_id in results:
                ctx.lose(f"messages[{i}].parts[{j}]", f"stands for an earlier result of {part.call_id}", "emulated")
            in_order = in_order and not spoken and part.call_id not in results
            results[part.call_id] = part
        spoken = spoken or speaks
    if in_order:
        yield from heard
        return
    yield heard[0][0], Message(role="user", parts=tuple(results.values()))
    for i, message in heard:
        rest = tuple(part for part in message.parts if not (isinstance(part, ToolResult) and part.call_id in results))
        ctx.moved[i] = rest if i != heard[0][0] else None
        yield i, mended(message, rest)
