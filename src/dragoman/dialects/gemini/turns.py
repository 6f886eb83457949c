"""Turns of a Gemini conversation, both directions: who speaks, which result is of which call, in what order.

It knows nothing of the request beside its messages.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from msgspec.structs import replace

from dragoman.core.codec import QUIET, Context, Fields, Wire
from dragoman.core.content import GO_ON
from dragoman.core.errors import invalid
from dragoman.core.ir import AnyPart, Extra, Message, Request, Text, ToolCall, ToolResult
from dragoman.dialects.gemini.parts import (
    ISSUER,
    UNSIGNED,
    decode_part,
    encode_part,
    nested,
    ours,
    tool_name,
)

ROLES: dict[str, Literal["user", "assistant"]] = {"user": "user", "model": "assistant", "function": "user"}
NO_TEXT = "."  # the shortest user turn the API takes


# -- decode ------------------------------------------------------------------


@dataclass
class Calls:
    """Pairs results with calls: by id, and where one of the two has none, by name and order (case 91)."""

    waiting: dict[int, str] = field(default_factory=dict)  # the ids of calls without a result, by their numbers
    known: dict[tuple[str, str], deque[int]] = field(default_factory=dict)  # the same numbers by id, and by name
    number: int = 0

    def call(self, part: ToolCall, made: str) -> ToolCall:
        part = part if part.id else replace(part, id=made)
        self.number += 1
        self.waiting[self.number] = part.id
        for key in (("id", part.id), ("name", part.name)):
            self.known.setdefault(key, deque()).append(self.number)
        return part

    def first(self, kind: str, said: str) -> str | None:
        """The id of the first call of this id or name that waits, which then waits no more."""
        numbers = self.known.get((kind, said), deque())
        while numbers:
            if (id := self.waiting.pop(numbers.popleft(), None)) is not None:
                return id
        return None

    def result(self, part: ToolResult, made: str) -> ToolResult:
        name = nested(part.extra, "functionResponse").get(QUIET + "name")
        id = self.first("id", part.call_id)
        if id is None and isinstance(name, str):
            id = self.first("name", name)
        if id is None:
            return part if part.call_id else replace(part, call_id=made)
        if id == part.call_id:
            return part
        extra = part.extra
        if part.call_id:  # an id that no call has; at home it stays (Gemini CLI counts tokens with such ids)
            inner = nested(extra, "functionResponse") | {QUIET + "id": part.call_id}
            extra = extra | {"functionResponse": inner}
        return replace(part, call_id=id, extra=extra)


def decode_system(f: Fields) -> tuple[Message, ...]:
    system = f.peek("systemInstruction")
    if system is None:
        return ()
    g = Fields(f.any("systemInstruction"), f.at("systemInstruction"))
    parts = tuple(decode_part(part, at) for part, at in g.items("parts"))
    if (role := g.take("role", str)) is not None:  # any: it is not read
        g.quiet("role", role)
    return (Message(role="system", parts=parts, extra=g.rest),)


def decode_contents(f: Fields) -> tuple[Message, ...]:
    contents = f.need("contents", list)
    if not contents:
        raise invalid(f.at("contents"), "must not be empty")
    calls = Calls()
    return tuple(_decode_turn(Fields(wire, f"{f.at('contents')}[{i}]"), i, calls) for i, wire in enumerate(contents))


def _decode_turn(f: Fields, turn: int, calls: Calls) -> Message:
    said = f.take("role", str)
    role = ROLES.get(said or "user")
    if role is None:
        raise invalid(f.at("role"), f"{said!r:.40} is not one of user, model, function")
    if said not in ("user", "model"):
        f.any("role")
        f.quiet("role", said)
    parts: list[AnyPart] = []
    for n, (wire, path) in enumerate(f.items("parts")):
        part = decode_part(wire, path)
        if isinstance(part, ToolCall):
            part = calls.call(part, f"call_{turn}_{n}")
        elif isinstance(part, ToolResult):
            part = calls.result(part, f"call_{turn}_{n}")
        parts.append(part)
    return Message(role=role, parts=tuple(run_by_google(parts) if role == "assistant" else parts), extra=f.rest)


def run_by_google(parts: list[AnyPart]) -> list[AnyPart]:
    """A result in the model's own turn is of a call that Google has run (recorded: server-side MCP)."""
    run = {part.call_id for part in parts if isinstance(part, ToolResult)}
    if not run:
        return parts
    return [
        replace(part, server=True)
        if isinstance(part, ToolResult) or (isinstance(part, ToolCall) and part.id in run)
        else part
        for part in parts
    ]


# -- encode ------------------------------------------------------------------


@dataclass
class Turn:
    role: str
    parts: list[tuple[str, AnyPart]] = field(default_factory=list)  # with their paths
    extra: Extra = field(default_factory=dict)
    path: str = ""


def encode_messages(request: Request, ctx: Context) -> tuple[Wire | None, list[Wire]]:
    """systemInstruction and contents. At home the turns stay as they are; from abroad they come in Google's order."""
    system, turns = _turns(request, ctx)
    if not ctx.at_home:
        _in_order(turns, ctx)
    names = {
        part.id: tool_name(part.name, ctx) for turn in turns for _, part in turn.parts if isinstance(part, ToolCall)
    }
    contents = [wire for turn in turns if (wire := _encode_turn(turn, ctx, names))]
    if not ctx.at_home:
        _from_the_user(contents, ctx)
        if contents[-1]["role"] == "model" and not ctx.profile.prefill:
            contents.append({"role": "user", "parts": [{"text": GO_ON}]})
            ctx.lose(turns[-1].path, "this model begins its own answers: it is asked to go on from there", "emulated")
    if system is None:
        return None, contents
    parts = [wire for path, part in system.parts for wire in encode_part(part, ctx, path, names)]
    instruction = ctx.carry({"parts": parts} if parts else {}, system.extra, system.path)
    return instruction or None, contents


def _turns(request: Request, ctx: Context) -> tuple[Turn | None, list[Turn]]:
    system: Turn | None = None
    turns: list[Turn] = []
    for i, message in enumerate(request.messages):
        at = f"messages[{i}]"
        parts = [(f"{at}.parts[{j}]", part) for j, part in enumerate(message.parts)]
        if message.name is not None:
            ctx.lose(f"{at}.name", "Gemini knows no names of speakers")
        if message.role == "system" and not turns:
            system = system or Turn("system", extra=message.extra, path=at)
            system.parts += parts
            if system.path != at:
                ctx.carry({}, message.extra, at)
            continue
        if message.role == "system":
            ctx.lose(at, "Gemini has one system instruction, before all else; a later one is a user's turn", "emulated")
        role = "model" if message.role == "assistant" else "user"
        if turns and turns[-1].role == role and not ctx.at_home:
            turns[-1].parts += parts
            ctx.carry({}, message.extra, at)
        else:
            turns.append(Turn(role, parts, message.extra, at))
    return system, turns


def _encode_turn(turn: Turn, ctx: Context, names: dict[str, str]) -> Wire | None:
    parts = [wire for path, part in turn.parts for wire in encode_part(part, ctx, path, names)]
    if turn.role == "model":
        _stand_in_for_signatures(turn, parts, ctx)
    if not parts and not ctx.at_home:  # the API refuses a content without parts
        return None
    wire = ours({"role": turn.role, "parts": parts or None}, turn.extra, ctx)
    return ctx.carry(wire, turn.extra, turn.path)


def _stand_in_for_signatures(turn: Turn, parts: list[Wire], ctx: Context) -> None:
    """Models that think by level refuse a turn whose first call is not signed; the others need not be (case 86)."""
    if ctx.at_home or ctx.profile.thinking != "level":
        return
    calls = [wire for wire in parts if "functionCall" in wire]
    if calls and not any("thoughtSignature" in wire for wire in parts):
        calls[0]["thoughtSignature"] = UNSIGNED[0]
        path = next(path for path, part in turn.parts if isinstance(part, ToolCall) and not part.server)
        ctx.lose(f"{path}.signature", f"{ISSUER}'s signature of this call is not known", "emulated")


def _from_the_user(contents: list[Wire], ctx: Context) -> None:
    """The first turn must be a user's (case 102), and there must be one."""
    if not contents or contents[0]["role"] != "user":
        contents.insert(0, {"role": "user", "parts": [{"text": NO_TEXT}]})
        ctx.lose("messages", "Gemini wants a user's turn first; an empty one stands there", "emulated")


def _in_order(turns: list[Turn], ctx: Context) -> None:
    """The turn after one with calls begins with their results, one for each and in that order (cases 40, 41, 91)."""
    owed: dict[str, str] = {}  # the last model turn's calls: id and name
    for turn in turns:
        if turn.role == "model":
            owed = {part.id: part.name for _, part in turn.parts if isinstance(part, ToolCall) and not part.server}
            continue
        given: dict[str, tuple[str, ToolResult]] = {}
        others: list[tuple[str, AnyPart]] = []
        for path, part in turn.parts:
            if not isinstance(part, ToolResult) or part.server:
                others.append((path, part))
            elif part.call_id in owed:
                if part.call_id in given:
                    ctx.lose(given[part.call_id][0], "a later result of the same call stands")
                given[part.call_id] = (path, part)
            else:
                others += _as_text(path, part, ctx)
        results = [given.get(id) or _no_result(turn, id, name, ctx) for id, name in owed.items()]
        turn.parts = [*results, *others]
        owed = {}


def _as_text(path: str, part: ToolResult, ctx: Context) -> list[tuple[str, AnyPart]]:
    """A result whose call is not in the turn before, where the API would refuse it."""
    ctx.lose(path, f"there is no call {part.call_id} in the turn before; its result is told as text", "emulated")
    head = Text(text=f"[tool result for {part.call_id}]:")
    return [(path, head), *((f"{path}.content[{i}]", inner) for i, inner in enumerate(part.content))]


def _no_result(turn: Turn, id: str, name: str, ctx: Context) -> tuple[str, ToolResult]:
    ctx.lose(turn.path, f"no result of the call {id} to {name}", "emulated")
    text = Text(text="no result recorded")
    return turn.path, ToolResult(call_id=id, content=(text,), is_error=True)
