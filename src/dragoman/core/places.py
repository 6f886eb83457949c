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
NUMBERED = re.compile(r"tools\[(\d+)\](?=\.|$)")
STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")


class Guide:
    """Leads from the neutral paths of one request to its caller's.

    `asked` is what was decoded from the wire; `sent` the same as it was encoded, with what was recalled, in `ctx`.
    """

    def __init__(self, places: Places, wire: Wire, asked: Request, sent: Request, ctx: Context) -> None:
        self.places, self.wire, self.asked, self.sent, self.ctx = places, wire, asked, sent, ctx
        self._pairs: dict[int, dict[int, int]] = {}  # of each message: which part of the caller's each of its parts was

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
        more = {n for part in self.ctx.moved.get(number) or () for n in self._homes.get(id(part), ())}
        return list(dict.fromkeys([number, *sorted(more)]))

    @cached_property
    def _homes(self) -> dict[int, list[int]]:
        """The messages each part stands in, by the part's identity."""
        found: dict[int, list[int]] = {}
        for n, message in enumerate(self.sent.messages):
            for part in message.parts:
                found.setdefault(id(part), []).append(n)
        return found

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
        for at in self._homes.get(id(parts[part]), ())[:1]:
            if at not in self._pairs:
                self._pairs[at] = _counterparts(self.sent.messages[at].parts, self.asked.messages[at].parts)
            found = self._pairs[at].get(id(parts[part]))
            return None if found is None else (at, found)
        return None

    # -- tools and settings ----------------------------------------------------------------

    def _tool(self, path: str) -> str:
        if (found := NUMBERED.match(path)) is not None and int(found[1]) < len(self.sent.tools):
            return self._of_tool(int(found[1]), path[found.end() :])
        steps = path.split(".")
        named = ((".".join(steps[1:end]), end) for end in range(2, len(steps) + 1))  # a name may hold dots
        numbers = [(self._tool_numbers[name], end) for name, end in named if name in self._tool_numbers]
        if not numbers:
            return self._setting(path)
        number, end = min(numbers)
        return self._of_tool(number, ".".join(["", *steps[end:]]))

    def _of_tool(self, number: int, rest: str) -> str:
        name, _, further = rest.removeprefix(".").partition(".")
        paths = self._tool_paths
        base = paths[number] if len(paths) == len(self.sent.tools) else self._first([*self.places.names["tools"]], "")
        if not name:
            return self._spelled(base)
        known = self.places.names.get(f"tool.{name}", (name,))
        return self._first([f"{base}.{word}" for word in known], f".{further}" if further else "")

    @cached_property
    def _tool_paths(self) -> list[str]:
        return self.places.tools(self.wire)

    @cached_property
    def _tool_numbers(self) -> dict[str, int]:
        return {tool.name: number for number, tool in reversed([*enumerate(self.sent.tools)])}

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


def _counterparts(sent: tuple[AnyPart, ...], asked: tuple[AnyPart, ...]) -> dict[int, int]:
    """Which of the parts that were asked became each of these, by identity: of the same kind, and as many before it."""
    found: dict[int, int] = {}
    for kind in {type(one) for one in sent}:
        same = [id(one) for one in sent if type(one) is kind]
        mine = [n for n, one in enumerate(asked) if type(one) is kind]
        if len(same) == len(mine):
            found |= zip(reversed(same), reversed(mine), strict=True)  # of one that stands twice, the first
    return found


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
