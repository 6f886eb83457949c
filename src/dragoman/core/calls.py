"""Tool calls of one conversation, each with an id of its own. It knows only the interlingua."""

from __future__ import annotations

from collections import deque

from msgspec.structs import replace

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
    seen: set[str] = set()

    def own(part: AnyPart) -> AnyPart:
        match part:
            case ToolCall(id=id):
                new = id
                if id in seen:
                    new = next(name for n in range(1, len(ids) + 1) if (name := f"{id}_{n}") not in taken)
                seen.add(id)
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
