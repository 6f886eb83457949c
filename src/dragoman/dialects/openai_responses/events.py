"""An answer in Responses event by event: one id for all, numbers that count up, each item opened and ended once.

It knows nothing of how the answer came to be. Each item is built once: what its last event holds is what the whole
answer holds (case 120).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from dragoman.core.codec import QUIET, Context, Wire
from dragoman.core.errors import GatewayError
from dragoman.core.fold import Sequence, grow
from dragoman.core.framing import Frame
from dragoman.core.ir import (
    AnyPart,
    Citation,
    Event,
    Finish,
    Opaque,
    PartDelta,
    PartEnd,
    PartStart,
    Reasoning,
    Refusal,
    Run,
    Signature,
    Start,
    Stop,
    Text,
    Token,
    ToolCall,
)
from dragoman.core.leaving import leave_part
from dragoman.dialects.openai_logprobs import encode_tokens
from dragoman.dialects.openai_responses.answer import Items, head, tail
from dragoman.dialects.openai_responses.ends import encode_event, encode_failure
from dragoman.dialects.openai_responses.items import CUSTOM, MORE, content_of, encode_call, in_message, own
from dragoman.dialects.openai_responses.parts import DIALECT, encode_citation, spelled
from dragoman.dialects.openai_responses.runs import steps

_encode = msgspec.json.Encoder().encode
Tell = Callable[..., Frame]


class _Growing:
    """A part as it comes in."""

    def __init__(self, part: AnyPart, path: str) -> None:
        self.part, self.path = part, path
        self._texts: list[str] = []
        self._signature: Signature | None = None
        self.citations: list[Citation] = []
        self.logprobs: list[Token] = []

    def feed(self, delta: PartDelta) -> None:
        if delta.text:
            self._texts.append(delta.text)
        self._signature = delta.signature or self._signature
        self.citations += delta.citations
        self.logprobs += delta.logprobs

    def text(self) -> str:
        return "".join(self._texts)

    def whole(self) -> AnyPart:
        part = grow(self.part, self.text()) if self._texts else self.part
        if self._signature is not None:
            part = replace(part, signature=self._signature)
        if self.citations and isinstance(part, Text):
            part = replace(part, citations=tuple(self.citations))
        return part


class _Item(Protocol):
    """An item that is open: it tells of itself, and knows at last what it was."""

    def begin(self) -> Iterator[Frame]: ...
    def delta(self, delta: PartDelta) -> Iterator[Frame]: ...
    def end(self) -> Iterator[Frame]: ...
    def done(self, stop: Stop | None) -> Wire: ...


class _Message:
    """A message; its texts follow each other, each told of only when there is some of it."""

    def __init__(self, part: AnyPart, wire: Wire, tell: Tell, ctx: Context, items: Items) -> None:
        self._owner, self._wire, self._tell, self._ctx, self._items = part, wire, tell, ctx, items
        self._contents: list[Wire] = []
        self._growing: _Growing | None = None
        self._notes: list[Wire] = []
        self._untold: tuple[Token, ...] = ()
        self._opened = False
        self.path = ""

    def begin(self) -> Iterator[Frame]:
        yield from ()

    def add(self, part: AnyPart, path: str) -> None:
        self._growing, self._notes, self._untold = _Growing(part, path), [], ()
        self._opened, self.path = False, path

    def _kind(self) -> str:
        return "refusal" if self._growing and isinstance(self._growing.part, Refusal) else "output_text"

    def delta(self, delta: PartDelta) -> Iterator[Frame]:
        growing = self._growing
        if growing is None:
            return
        growing.feed(delta)
        kind, at = self._kind(), len(self._contents)
        length = len(growing.text())
        notes = [encode_citation(citation, length, self._ctx, growing.path) for citation in delta.citations]
        if None in notes:
            self._ctx.lose(f"{growing.path}.citations", "a citation without a URL has no form here")
        if not self._opened and (delta.text or any(notes)):
            self._opened = True
            empty = {"type": kind, "refusal": ""} if kind == "refusal" else text_content("", [])
            yield self._tell("response.content_part.added", content_index=at, part=empty)
        if delta.text and kind == "refusal":
            yield self._tell("response.refusal.delta", content_index=at, delta=delta.text)
        elif delta.text:
            tokens = encode_tokens((*self._untold, *delta.logprobs))
            self._untold = ()
            yield self._tell("response.output_text.delta", content_index=at, delta=delta.text, logprobs=tokens)
        else:
            self._untold += delta.logprobs  # of a part of a character
        for note in notes:
            if note is None:
                continue
            yield self._tell(
                "response.output_text.annotation.added",
                content_index=at,
                annotation_index=len(self._notes),
                annotation=note,
            )
            self._notes.append(note)

    def end(self) -> Iterator[Frame]:
        kind = self._kind()
        growing, self._growing = self._growing, None
        if growing is None:
            return
        part = growing.whole()
        told = content_of(replace(part, citations=()) if isinstance(part, Text) else part, self._ctx, growing.path)
        if not self._opened and isinstance(part, Text | Refusal):
            return
        at = len(self._contents)
        if isinstance(part, Text):
            tokens = encode_tokens(tuple(growing.logprobs))
            content = text_content(part.text, self._notes) | own_members(told) | {"logprobs": tokens}
            yield self._tell("response.output_text.done", content_index=at, logprobs=tokens, text=part.text)
        elif isinstance(part, Refusal):
            content = (told or {}) | {"type": kind, "refusal": part.text}
            yield self._tell("response.refusal.done", content_index=at, refusal=part.text)
        else:
            content = told or {}
            yield self._tell("response.content_part.added", content_index=at, part=content)
        yield self._tell("response.content_part.done", content_index=at, part=content)
        self._contents.append(content)

    def done(self, stop: Stop | None) -> Wire:
        done = self._items.done(self._wire, self._owner, stop, self.path)
        return done | {"content": self._contents}


def text_content(text: str, notes: list[Wire]) -> Wire:
    return {"type": "output_text", "annotations": notes, "logprobs": [], "text": text}


def own_members(told: Wire | None) -> Wire:
    """What a text says of itself beside its text."""
    return {name: value for name, value in (told or {}).items() if name not in ("type", "text", "annotations")}


class _Thought:
    """Reasoning: summed up in one part of a summary; or in its own words, at home, where it came so."""

    def __init__(self, part: Reasoning, wire: Wire, tell: Tell, ctx: Context, items: Items) -> None:
        self._growing, self._wire, self._tell, self._items = _Growing(part, ""), wire, tell, items
        summed = part.summary or (spelled(part.extra, "summary") and not spelled(part.extra, "content"))
        plain = ctx.at_home and not summed
        self._piece = QUIET + "summary" if ctx.at_home and summed and not part.summary else ""  # where it came so
        self._words = PLAIN if plain else SUMMED
        self._where = {"content_index" if plain else "summary_index": 0}
        self._kind = "reasoning_text" if plain else "summary_text"
        self._opened = False

    def begin(self) -> Iterator[Frame]:
        yield from ()

    def delta(self, delta: PartDelta) -> Iterator[Frame]:
        self._growing.feed(delta)
        if not delta.text:
            return
        if not self._opened:
            self._opened = True
            yield self._tell(self._words[0], **self._where, part={"type": self._kind, "text": ""})
        yield self._tell(self._words[1], **self._where, delta=delta.text)

    def end(self) -> Iterator[Frame]:
        if self._opened:
            text = self._growing.text()
            yield self._tell(self._words[2], **self._where, text=text)
            yield self._tell(self._words[3], **self._where, part={"type": self._kind, "text": text})

    def done(self, stop: Stop | None) -> Wire:
        part = self._growing.whole()
        pieces = ("summary", "content")  # it was told in one piece, whatever it came in
        extra = {name: value for name, value in part.extra.items() if name.removeprefix(QUIET) not in pieces}
        if self._piece and (text := self._growing.text()):
            extra[self._piece] = [{"type": self._kind, "text": text}]
        return self._items.done(self._wire, replace(part, extra=extra), stop, "")


SUMMED = (
    "response.reasoning_summary_part.added",
    "response.reasoning_summary_text.delta",
    "response.reasoning_summary_text.done",
    "response.reasoning_summary_part.done",
)
PLAIN = (
    "response.content_part.added",
    "response.reasoning_text.delta",
    "response.reasoning_text.done",
    "response.content_part.done",
)


class _Call:
    """A call. The input of a free-text tool is told when it is known whole, for abroad it comes in JSON."""

    def __init__(self, part: ToolCall, wire: Wire, tell: Tell, items: Items, path: str) -> None:
        self._growing, self._wire, self._tell, self._items = _Growing(part, path), wire, tell, items
        self._custom = wire["type"] == CUSTOM

    def begin(self) -> Iterator[Frame]:
        yield from ()

    def delta(self, delta: PartDelta) -> Iterator[Frame]:
        self._growing.feed(delta)
        if delta.text and not self._custom:
            yield self._tell("response.function_call_arguments.delta", delta=delta.text)

    def end(self) -> Iterator[Frame]:
        part = self._growing.whole()
        said = encode_call(part, self._wire["type"]) if isinstance(part, ToolCall) else {}
        if self._custom:
            if said["input"]:
                yield self._tell("response.custom_tool_call_input.delta", delta=said["input"])
            yield self._tell("response.custom_tool_call_input.done", input=said["input"])
            return
        if not self._growing.text():
            yield self._tell("response.function_call_arguments.delta", delta=said["arguments"])
        arguments, name = said["arguments"], said["name"]
        yield self._tell("response.function_call_arguments.done", arguments=arguments, name=name)

    def done(self, stop: Stop | None) -> Wire:
        return self._items.done(self._wire, self._growing.whole(), stop, self._growing.path)


class _Whole:
    """A picture, or an item of OpenAI's own on its way home: there is nothing to tell before it is done."""

    def __init__(self, part: AnyPart, wire: Wire, tell: Tell, items: Items, path: str) -> None:
        self._growing, self._wire, self._tell, self._items = _Growing(part, path), wire, tell, items
        self._picture = wire.get("type") == "image_generation_call"

    def begin(self) -> Iterator[Frame]:
        if self._picture:
            yield self._tell("response.image_generation_call.in_progress")

    def delta(self, delta: PartDelta) -> Iterator[Frame]:
        self._growing.feed(delta)
        yield from ()

    def end(self) -> Iterator[Frame]:
        if self._picture:
            yield self._tell("response.image_generation_call.completed")

    def done(self, stop: Stop | None) -> Wire:
        return self._items.done(self._wire, self._growing.whole(), stop, self._growing.path)


class _Ran:
    """What another provider's tool did, told as if it had been OpenAI's: all of it is known at once."""

    def __init__(self, part: Opaque, run: Run, wire: Wire, tell: Tell, items: Items, path: str) -> None:
        self._part, self._run, self._wire, self._tell, self._items, self._path = part, run, wire, tell, items, path

    def begin(self) -> Iterator[Frame]:
        for kind, members in steps(self._run):
            yield self._tell(kind, **members)

    def delta(self, delta: PartDelta) -> Iterator[Frame]:
        yield from ()

    def end(self) -> Iterator[Frame]:
        yield from ()

    def done(self, stop: Stop | None) -> Wire:
        return self._items.done(self._wire, self._part, stop, self._path)


class Encoder:
    """One part is told at a time. An item's end is held back until it is known whether it is the last (case 121)."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._sequence = Sequence()
        self._items = Items(ctx)
        self._number = -1
        self._begun: Wire = {}
        self._output: list[Wire] = []
        self._item: _Item | None = None
        self._wire: Wire = {}  # of the open item, as it was born
        self._silent = False  # the open part has no form here
        self._pending: tuple[AnyPart, str] | None = None  # a text of which nothing came yet

    def feed(self, event: Event) -> Iterator[Frame]:
        for each in self._sequence.feed(event):
            match each:
                case PartDelta():
                    yield from self._delta(each)
                case PartStart(index, part):
                    yield from self._part(part, f"parts[{index}]")
                case PartEnd():
                    yield from self._end()
                case Start():
                    yield from self._start(each)
                case Finish():
                    yield from self._finish(each)
                case _:
                    pass

    def ping(self) -> Frame | None:
        return None

    def follow(self, frame: Frame) -> None:
        """A failure counts on from the provider's own numbers, and is of the response that it began."""
        try:
            wire = msgspec.json.decode(frame.data)
        except (msgspec.DecodeError, RecursionError):
            return
        if isinstance(wire, dict):
            if type(number := wire.get("sequence_number")) is int:
                self._number = max(self._number, number)
            if isinstance(begun := wire.get("response"), dict):
                self._begun = begun
            if wire.get("type") == "response.output_item.done" and isinstance(item := wire.get("item"), dict):
                self._output.append(item)

    def fail(self, error: GatewayError) -> Iterator[Frame]:
        """Both in one answer: `response.failed` is for agents, the error for SDKs, which raise at it."""
        if self._begun:
            failed = {"status": "failed", "error": encode_failure(error), "output": self._output}
            yield self._tell("response.failed", response=self._begun | failed)
        self._number += 1
        yield Frame(_encode(encode_event(error, self._number)), "error")

    def _tell(self, kind: str, **members: Any) -> Frame:
        self._number += 1
        return Frame(_encode({"type": kind, "sequence_number": self._number, **members}), kind)

    def _of_item(self, kind: str, **members: Any) -> Frame:
        return self._tell(kind, item_id=self._wire.get("id"), output_index=len(self._output), **members)

    def _start(self, start: Start) -> Iterator[Frame]:
        self._ctx.going(start.origin, DIALECT)
        self._begun = head(start.id, start.model, start.extra, self._ctx)
        self._items.named(self._begun["id"])
        yield self._tell("response.created", response=self._begun)
        yield self._tell("response.in_progress", response=self._begun)

    # -- parts

    def _part(self, part: AnyPart, path: str) -> Iterator[Frame]:
        leave_part(part, self._ctx, path)
        kind = self._items.kind(part, path)
        self._silent, self._pending = kind is None, None
        if kind == "message":
            joins = isinstance(self._item, _Message) and (not self._ctx.at_home or MORE in part.extra)
            if joins and isinstance(self._item, _Message):
                self._item.add(part, path)
                return
            if not self._ctx.at_home:
                self._pending = (part, path)  # it may stay empty
                return
        if kind is not None:
            yield from self._open(part, kind, path)

    def _open(self, part: AnyPart, kind: str, path: str) -> Iterator[Frame]:
        yield from self._close(None)
        wire = self._items.born(part, kind)
        if self._ctx.at_home:
            said = {name: value for name, value in own(part).items() if name in KEPT}
            wire = self._ctx.carry(wire, said, path)
        self._wire = wire
        item: _Item
        match part:
            case Reasoning():
                item = _Thought(part, wire, self._of_item, self._ctx, self._items)
            case ToolCall():
                item = _Call(part, wire, self._of_item, self._items, path)
            case _ if in_message(part):
                item = message = _Message(part, wire, self._of_item, self._ctx, self._items)
                message.add(part, path)
            case Opaque(run=Run() as run) if not self._ctx.at_home:
                item = _Ran(part, run, wire, self._of_item, self._items, path)
            case _:
                item = _Whole(part, wire, self._of_item, self._items, path)
        self._item = item
        yield self._tell("response.output_item.added", output_index=len(self._output), item=wire)
        yield from item.begin()

    def _delta(self, delta: PartDelta) -> Iterator[Frame]:
        if self._pending is not None and (delta.text or any(citation.url for citation in delta.citations)):
            (part, path), self._pending = self._pending, None
            yield from self._open(part, "message", path)
        if self._item is not None and not self._silent and self._pending is None:
            yield from self._item.delta(delta)

    def _end(self) -> Iterator[Frame]:
        if self._item is not None and not self._silent and self._pending is None:
            yield from self._item.end()
        self._silent, self._pending = False, None

    # -- the end of an item, and of all

    def _close(self, stop: Stop | None) -> Iterator[Frame]:
        item, self._item = self._item, None
        if item is not None:
            done = item.done(stop)
            yield self._tell("response.output_item.done", output_index=len(self._output), item=done)
            self._output.append(done)

    def _finish(self, finish: Finish) -> Iterator[Frame]:
        yield from self._close(finish.stop)
        wire = tail(self._begun, self._output, finish, self._ctx)
        status = "incomplete" if wire.get("status") == "incomplete" else "completed"
        yield self._tell(f"response.{status}", response=wire | {"status": status})


KEPT = (QUIET + "phase", QUIET + "namespace")
"""What an item at home says of itself from its first event on."""
