"""Messages of any dialect as turns Converse accepts: roles in turn, calls and results paired, parts as blocks.

It knows no settings of a request, only its messages. Every repair is reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from msgspec.structs import replace

from dragoman.core.codec import Context, Wire
from dragoman.core.content import GO_ON
from dragoman.core.errors import GatewayError, invalid
from dragoman.core.ir import (
    AnyPart,
    Base64,
    FileId,
    Media,
    Message,
    Opaque,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Url,
)
from dragoman.core.schema_back import earlier
from dragoman.dialects.bedrock_converse.parts import arguments, encode_thought, packed, unpacked
from dragoman.dialects.bedrock_converse.words import (
    CLAUDE,
    HEADS,
    KINDS,
    TEXTS,
    encode_cache,
    issuer_of,
    legal,
    legal_id,
)

NOTHING = "[no result recorded]"
EMPTY = "(empty)"
"""The text of a tool's result that has none: Converse refuses both an empty text and no content (cases.md 47)."""
OPENING = "Please answer."
"""The user turn of a conversation that has none: the API wants one, first."""
ATTACHED = "See the attached document."
"""A document may not come without a text."""


class Placed(NamedTuple):
    part: AnyPart
    path: str


@dataclass
class Turn:
    role: str
    path: str
    parts: list[Placed] = field(default_factory=list)

    def calls(self) -> list[ToolCall]:
        return [part for part, _ in self.parts if isinstance(part, ToolCall)]


# -- turns ---------------------------------------------------------------------


def foreign_turns(messages: tuple[Message, ...], ctx: Context) -> tuple[list[Placed], list[Turn]]:
    """The system prompt and the turns: alternating, a user first, each call with its result in the next turn."""
    system: list[Placed] = []
    turns: list[Turn] = []
    moved: list[Placed] = []  # what may not stand where it stood opens the next user turn
    for i, message in enumerate(messages):
        path, role = f"messages[{i}]", message.role
        parts = sendable_parts(message, moved, ctx, path)
        if role == "system" and not turns:
            system += parts
            continue
        if role == "system" and parts:
            ctx.lose(path, "a system message after the first turn is sent as the user's", "emulated")
            role = "user"
        if role == "user":
            parts = [*moved, *parts]
            moved.clear()
        if parts and turns and turns[-1].role == role:
            turns[-1].parts += parts
        elif parts:
            turns.append(Turn(role, path, parts))
    if moved:
        turns.append(Turn("user", f"messages[{len(messages)}]", moved))
    if not turns or turns[0].role == "assistant":
        ctx.lose("messages", "a first user turn is added", "emulated")
        turns.insert(0, Turn("user", "messages", [Placed(Text(text=OPENING), "messages")]))
    turns = list(paired(turns, ctx))
    trim_prefill(turns[-1])
    if turns[-1].role == "assistant" and not ctx.profile.prefill:
        ctx.lose(turns[-1].path, "this model begins its own answers: it is asked to go on from there", "emulated")
        turns.append(Turn("user", turns[-1].path, [Placed(Text(text=GO_ON), turns[-1].path)]))
    return system, turns


def sendable_parts(message: Message, moved: list[Placed], ctx: Context, path: str) -> list[Placed]:
    if message.name:
        ctx.lose(f"{path}.name", "messages have no names here")
    ctx.carry({}, message.extra, path)
    parts = []
    for j, part in enumerate(message.parts):
        at = f"{path}.parts[{j}]"
        if not sendable(part, ctx, at):
            continue
        if message.role != "user" and isinstance(part, Media | ToolResult):
            ctx.lose(at, "moved to the user's turn", "emulated")
            moved.append(Placed(part, at))
        else:
            parts.append(Placed(part, at))
    return parts


def sendable(part: AnyPart, ctx: Context, path: str) -> bool:
    """Whether a part goes into a question at all; what is left out is reported, but for an empty text."""
    match part:
        case Text(text=text) | Refusal(text=text) if not text.strip():
            if part.cache:
                ctx.lose(f"{path}.cache", "an empty text is not sent")
            return False
        case Reasoning():
            return owed(part, ctx, path)
        case ToolCall(server=True) | ToolResult(server=True):
            ctx.lose(path, "ran at another provider")
            return False
        case Opaque(kind=kind):
            ctx.lose(path, f"{kind} has no form here")
            return False
        case _:
            return True


def owed(part: Reasoning, ctx: Context, path: str) -> bool:
    """Whether thoughts go back: signed ones to who signed them; others where the profile says they are taken."""
    issuer = issuer_of(ctx.model)
    if part.signature and part.signature.issuer == issuer:
        return True
    if part.text and not part.redacted and issuer != CLAUDE and ctx.profile.send_reasoning not in ("none", "refused"):
        return True
    ctx.lose(path, "reasoning without a signature of this model's vendor is not taken back")
    return False


def trim_prefill(turn: Turn) -> None:
    """The beginning of an answer may not end in white space."""
    part, path = turn.parts[-1]
    if turn.role == "assistant" and isinstance(part, Text):
        turn.parts[-1] = Placed(replace(part, text=part.text.rstrip()), path)


def paired(turns: list[Turn], ctx: Context) -> Iterator[Turn]:
    """Results first in the turn that follows their calls, one for each call; calls last in their own turn."""
    waiting: list[str] = []
    for turn in turns:
        if turn.role == "user":
            turn.parts = answered(turn, waiting, ctx)
            waiting = []
        else:
            waiting = [call.id for call in turn.calls()]
            ahead = [isinstance(part, ToolCall) for part, _ in turn.parts]
            if ahead != sorted(ahead):  # a text after a call is refused (cases.md 62)
                turn.parts.sort(key=lambda placed: isinstance(placed.part, ToolCall))
        yield turn
    if waiting:
        last = Turn("user", turns[-1].path)
        last.parts = answered(last, waiting, ctx)
        yield last


def answered(turn: Turn, waiting: list[str], ctx: Context) -> list[Placed]:
    """The parts of a user turn that follows calls."""
    results: dict[str, Placed] = {}
    rest: list[Placed] = []
    owed = set(waiting)
    for part, path in turn.parts:
        if not isinstance(part, ToolResult):
            rest.append(Placed(part, path))
        elif part.call_id not in owed:
            ctx.lose(path, f"the result for {part.call_id!r:.80} follows no such call: sent as text", "emulated")
            rest += as_text(part, path)
        else:
            if part.call_id in results:
                ctx.lose(path, f"{part.call_id!r:.80} has more than one result: the last is sent", "emulated")
            results[part.call_id] = Placed(part, path)
    for id in waiting:
        if id not in results:
            ctx.lose(turn.path, f"no result for the call {id!r:.80}: an error is sent as one", "emulated")
            missing = ToolResult(call_id=id, content=(Text(text=NOTHING),), is_error=True)
            results[id] = Placed(missing, turn.path)
    return [*results.values(), *rest]


def as_text(result: ToolResult, path: str) -> list[Placed]:
    """A result without its call, as something the user says."""
    said = "\n".join(part.text for part in result.content if isinstance(part, Text))
    found = [Placed(Text(text=f"[tool result for {result.call_id}]: {said}", cache=result.cache), path)]
    return found + [Placed(part, path) for part in result.content if isinstance(part, Media)]


# -- parts -------------------------------------------------------------------------


@dataclass
class Writer:
    """Writes the blocks of one request; documents must be told apart by their names."""

    ctx: Context
    names: set[str] = field(default_factory=set)

    def system(self, parts: Iterable[Placed]) -> list[Wire]:
        return [block for placed in parts for block in self.blocks([], placed)]

    def turn(self, turn: Turn) -> Wire:
        content: list[Wire] = []
        for placed in turn.parts:
            content += self.blocks(content, placed)
        if any("document" in block for block in content) and not any("text" in block for block in content):
            self.ctx.lose(turn.path, "a document needs a text beside it: one is added", "emulated")
            content.append({"text": ATTACHED})
        return {"role": turn.role, "content": content}

    def blocks(self, before: list[Wire], placed: Placed) -> list[Wire]:
        """The block of a part and, where it is marked, a cache point: an element of its own (cases.md 55)."""
        ctx, (part, path) = self.ctx, placed
        wire = ctx.carry(self.block(part, path), part.extra, path)
        if not part.cache:
            return [wire]
        if not ctx.profile.cache_control:
            ctx.lose(f"{path}.cache", "this model caches by itself, or not at all")
            return [wire]
        point = encode_cache(part.cache)
        if "document" not in wire and "video" not in wire:
            return [wire, point]
        if not before:
            ctx.lose(f"{path}.cache", "a cache point may not follow a document or a film")
            return [wire]
        ctx.lose(f"{path}.cache", "a cache point may not follow a document or a film: it stands before it", "emulated")
        return [point, wire]

    def block(self, part: AnyPart, path: str) -> Wire:
        ctx = self.ctx
        if part.signature and not isinstance(part, Reasoning):
            ctx.lose(f"{path}.signature", f"only {part.signature.issuer} can read it")
        match part:
            case Text(text=text) | Refusal(text=text):
                if isinstance(part, Text) and part.citations:
                    ctx.lose(f"{path}.citations", "citations are not taken back here")
                return {"text": text}
            case Reasoning(signature=signature):
                signed = signature and signature.issuer == issuer_of(ctx.model)
                return {"reasoningContent": encode_thought(part if signed else replace(part, signature=None))}
            case Media():
                return self.media(part, path)
            case ToolCall():
                value = arguments(earlier(part, ctx))
                if not isinstance(value, dict):
                    ctx.lose(f"{path}.arguments", "no JSON object: sent as the text it is", "emulated")
                    value = {"arguments": part.arguments}
                call = {"toolUseId": legal_id(part.id, ctx), "name": legal(part.name, ctx), "input": value}
                return {"toolUse": call}
            case ToolResult():
                return {"toolResult": self.result(part, path)}
            case Opaque(kind=kind):
                raise refused(path, f"{kind} has no form here")

    def result(self, part: ToolResult, path: str) -> Wire:
        content = []
        for i, inner in enumerate(part.content):
            at = f"{path}.content[{i}]"
            if sendable(inner, self.ctx, at):
                content.append(self.ctx.carry(self.block(inner, at), inner.extra, at))
                if inner.cache:
                    self.ctx.lose(f"{at}.cache", "no cache point stands inside of a result")
        wire: Wire = {"toolUseId": legal_id(part.call_id, self.ctx), "content": content or [{"text": EMPTY}]}
        if part.is_error:
            wire["status"] = "error"
        return wire

    def media(self, part: Media, path: str) -> Wire:
        """Bytes, or a place in S3. What the model would miss without notice is refused."""
        kind, format = KINDS.get(part.media_type.split(";")[0].strip().lower(), ("", ""))
        source: Wire
        match part.source:
            case FileId(issuer, _):
                raise refused(path, f"a file stored at {issuer} cannot be read by this provider")
            case Url(url) if url.startswith("s3://"):
                source = {"s3Location": {"uri": url}}
            case Url(url):
                why = (
                    f"this provider fetches no {url.partition(':')[0]!r:.20} URL: send the data itself, or an s3:// URL"
                )
                raise refused(path, why)
            case Base64(data):
                guess = next((guess for head, guess in HEADS.items() if data.startswith(head)), None)
                if guess and part.media_type.startswith("image/"):
                    kind, format = "image", guess  # the API refuses an image that is not what it is said to be
                source = {"bytes": data}
                if not kind and part.media_type.startswith(TEXTS) and (text := unpacked(data)) is not None:
                    kind, format, source = "document", "txt", {"bytes": packed(text, path)}
        if not kind:
            raise refused(path, f"{part.media_type} is not taken by this provider")
        wire: Wire = {"format": format, "source": source}
        if kind == "document":
            wire["name"] = self.named(part.name or format)
        return {kind: wire}

    def named(self, name: str) -> str:
        """Letters, digits, single spaces, hyphens, brackets; no name twice."""
        plain = re.sub(r"\s+", " ", re.sub(r"[^A-Za-z0-9\s()\[\]-]", "-", name)).strip()[:190] or "document"
        found, n = plain, 1
        while found in self.names:
            n += 1
            found = f"{plain} {n}"
        self.names.add(found)
        return found


def refused(path: str, why: str) -> GatewayError:
    """A part without which the answer would be wrong; the path is that of most dialects' bodies."""
    return invalid(path.replace(".parts[", ".content["), why)
