"""Where in the caller's own body stands what the neutral form calls `messages[2].parts[0]` or `sampling.max_tokens`.

It knows neither dialects nor services: where clients of a dialect write things, each dialect says in its `Places`. What
cannot be told for certain is told of the whole that holds it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import NamedTuple, TypeAlias

from dragoman.core.codec import Context, Wire
from dragoman.core.ir import AnyPart, Json, Request

Turn: TypeAlias = tuple[str, list[str]]
"""The path of a message, or of an item that is part of one, and the paths of what is decoded from it, in order."""


class Places(NamedTuple):
    """Where a dialect's clients write things."""

    conversation: str
    """The member that holds the messages."""
    turns: Callable[[Wire], list[Turn]]
    tools: Callable[[Wire], list[str]]
    names: Mapping[str, tuple[str, ...]]
    """Neutral names in the dialect's own words, the usual first: of settings by their path, of what parts (".cache")
    and tools ("tool.strict") have, relative to those."""


MESSAGE = re.compile(r"messages\[(\d+)\](?:\.(?:parts|content)\[(\d+)\])?((?:\.content\[\d+\])?)(.*)", re.S)
STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")


class Guide:
    """Leads from the neutral paths of one request to its caller's.

    `asked` is what was decoded from the wire; `sent` the same as it was encoded, with what was recalled, in `ctx`.
    """

    def __init__(self, places: Places, wire: Wire, asked: Request, sent: Request, ctx: Context) -> None:
        self.places, self.wire, self.asked, self.sent, self.ctx = places, wire, asked, sent, ctx

    def path(self, path: str) -> str:
        if (found := MESSAGE.fullmatch(path)) is not None:
            number, part, inner, rest = found.groups()
            return self._message(int(number), None if part is None else int(part), inner, rest)
        if path.startswith(("tools[", "tools.")):
            return self._tool(path)
        if path == "messages":
            return self._spelled(self.places.conversation)
        return self._setting(path)

    # -- messages ------------------------------------------------------------------------

    def _message(self, number: int, part: int | None, inner: str, rest: str) -> str:
        joined = self._joined(number)
        if part is not None and (at := self._asked_for(number, part)) is not None:
            number, part = at
            _, leaves = self._turn(number)
            if len(leaves) == len(self.asked.messages[number].parts):
                leaf = leaves[part]
                around = leaf.rpartition(".")[0]
                return self._below([resolved(self.wire, leaf + inner) or leaf, leaf, *filter(None, [around])], rest)
        return self._below([self._turn(each)[0] for each in joined], rest)

    def _turn(self, number: int) -> Turn:
        return self._turns[number] if number < len(self._turns) else (self.places.conversation, [])

    def _joined(self, number: int) -> list[int]:
        """The messages that were encoded under this number, as one."""
        parts = {id(part) for part in self.ctx.moved.get(number) or ()}
        more = [n for n, one in enumerate(self.sent.messages) if any(id(part) in parts for part in one.parts)]
        return list(dict.fromkeys([number, *more]))

    def _below(self, bases: list[str], rest: str) -> str:
        """What a part or a message has, by the caller's name for it; it may have stood around the part."""
        name, _, further = rest.removeprefix(".").partition(".")
        if not name:
            return self._spelled(bases[0])
        known = self.places.names.get(f".{name}", (name,))
        return self._first([f"{base}.{word}" for base in bases for word in known], f".{further}" if further else "")

    @cached_property
    def _turns(self) -> list[Turn]:
        """One for each message of the request: several items may be one message."""
        turns, messages = self.places.turns(self.wire), self.asked.messages
        if len(turns) == len(messages):
            return turns
        out: list[Turn] = []
        ahead = iter(turns)
        for message in messages:
            base, leaves = "", list[str]()
            for path, more in ahead:
                base, leaves = base or path, leaves + more
                if len(leaves) >= len(message.parts):
                    break
            if not base or len(leaves) != len(message.parts):
                return out  # from here on nothing is certain
            out.append((base, leaves))
        return out

    def _asked_for(self, number: int, part: int) -> tuple[int, int] | None:
        """The message and the part the caller sent, for the one that was encoded under these numbers."""
        parts = self.ctx.moved.get(number, self.sent.messages[number].parts if number < len(self.sent.messages) else ())
        if parts is None or part >= len(parts) or len(self.sent.messages) != len(self.asked.messages):
            return None
        for at, message in enumerate(self.sent.messages):
            if any(one is parts[part] for one in message.parts):
                found = _counterpart(parts[part], message.parts, self.asked.messages[at].parts)
                return None if found is None else (at, found)
        return None

    # -- tools and settings ----------------------------------------------------------------

    def _tool(self, path: str) -> str:
        for number, tool in enumerate(self.sent.tools):
            for begin in (f"tools[{number}]", f"tools.{tool.name}"):
                if path == begin or path.startswith(f"{begin}."):
                    name, _, further = path[len(begin) :].removeprefix(".").partition(".")
                    base = self._tool_at(number)
                    if not name:
                        return self._spelled(base)
                    known = self.places.names.get(f"tool.{name}", (name,))
                    return self._first([f"{base}.{word}" for word in known], f".{further}" if further else "")
        return self._setting(path)

    def _tool_at(self, number: int) -> str:
        paths = self.places.tools(self.wire)
        return (
            paths[number] if len(paths) == len(self.sent.tools) else self._first(list(self.places.names["tools"]), "")
        )

    def _setting(self, path: str) -> str:
        """By the longest beginning that has a name in the dialect."""
        begin = path
        while begin:
            if (known := self.places.names.get(begin)) is not None:
                return self._first(list(known), path[len(begin) :])
            begin = begin.rpartition(".")[0] if "[" not in begin.rpartition(".")[2] else begin.rpartition("[")[0]
        return self._spelled(path)

    def _first(self, paths: list[str], rest: str) -> str:
        """The first of the paths that the caller's body has."""
        for whole in (f"{path}{rest}" for path in paths):
            if (found := resolved(self.wire, whole)) is not None:
                return found
        for path in paths:
            if (found := resolved(self.wire, path)) is not None:
                return found + rest
        return self._spelled(paths[0]) + rest

    def _spelled(self, path: str) -> str:
        return resolved(self.wire, path) or path


def _counterpart(part: AnyPart, sent: tuple[AnyPart, ...], asked: tuple[AnyPart, ...]) -> int | None:
    """Which of the parts that were asked became this one: of the same kind, and as many before it."""
    same = [one for one in sent if type(one) is type(part)]
    mine = [n for n, one in enumerate(asked) if type(one) is type(part)]
    if len(same) != len(mine):
        return None
    return mine[next(n for n, one in enumerate(same) if one is part)]


def resolved(wire: Json, path: str) -> str | None:
    """The path as the body spells it (`system_instruction`, say), or None where it has no such place."""
    at, out, end = wire, "", 0
    for step in STEP.finditer(path):
        name, number = step.groups()
        if step.start() != end:
            return None
        end = step.end()
        if number is not None:
            if not isinstance(at, list) or int(number) >= len(at):
                return None
            at, out = at[int(number)], f"{out}[{number}]"
            continue
        if not isinstance(at, dict):
            return None
        own = name if name in at else re.sub("[A-Z]", lambda letter: "_" + letter[0].lower(), name)
        if own not in at:
            return None
        at, out = at[own], f"{out}.{own}" if out else own
    return out if end == len(path) else None


def contents(value: Json, path: str) -> list[str]:
    """The parts of a text or of a list of parts."""
    if isinstance(value, list):
        return [f"{path}[{n}]" for n in range(len(value))]
    return [path] if value else []


def each(wire: Wire, name: str) -> Iterator[tuple[Wire, str]]:
    """The objects of a list, each with its path."""
    found = wire.get(name)
    for n, one in enumerate(found if isinstance(found, list) else ()):
        if isinstance(one, dict):
            yield one, f"{name}[{n}]"
