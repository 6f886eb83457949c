"""Streams of Converse: the provider's frames to events, events to a client's frames.

It knows nothing of how frames become bytes. A frame's event is the event's name; an exception's ends in "Exception".
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

from dragoman.core.codec import Context, Wire
from dragoman.core.errors import GatewayError, Kind
from dragoman.core.eventstream import exception, kind_named, message_in
from dragoman.core.fold import Sequence, grow
from dragoman.core.framing import Frame
from dragoman.core.ir import (
    AnyPart,
    Citation,
    Event,
    Finish,
    Json,
    Media,
    Opaque,
    PartDelta,
    PartEnd,
    PartStart,
    Reasoning,
    Refusal,
    Signature,
    Start,
    Text,
    ToolCall,
    ToolResult,
    Usage,
)
from dragoman.core.leaving import leave_citations, leave_part
from dragoman.dialects.bedrock_converse.answer import ERRORS, IN_STREAM, decode_answer, ours, shown
from dragoman.dialects.bedrock_converse.parts import encode_plain, within
from dragoman.dialects.bedrock_converse.words import (
    BLOCK,
    DIALECT,
    apart,
    decode_citation,
    decode_stop,
    decode_usage,
    encode_citation,
    encode_redacted,
    encode_stop,
    encode_usage,
    number,
    seal,
    seal_redacted,
    string,
)

_decode = msgspec.json.Decoder().decode

# -- decode ------------------------------------------------------------------

METADATA = frozenset(("usage", "p"))
"""`p` is padding of a random length, so that the size of an event tells nothing of its content."""


LAZY = frozenset(("text", "reasoningContent", "citation"))
"""Deltas of blocks that need no start of their own."""


class _Block:
    """A block that is open: its part's index and kind, or what is kept until its end."""

    __slots__ = ("index", "kind", "raw")

    def __init__(self, index: int, kind: type, raw: Wire | None = None) -> None:
        self.index, self.kind = index, kind
        self.raw = raw  # of a block that stays whole


class Decoder:
    """messageStart (contentBlockStart? contentBlockDelta* contentBlockStop)* messageStop metadata

    The end of a text is told only when the next block begins: that may hold no more than citations of it.
    """

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._open: dict[int, _Block] = {}
        self._count = 0
        self._text: int | None = None  # the text whose block has ended, and whose end is not told yet
        self._held: dict[int, tuple[Citation, ...]] = {}  # of blocks that have no text yet, and may never have one
        self._citing = 0  # blocks that only cite, since the text
        self._started = self._stopped = self._done = self._calls = False
        self._reason: Json = None
        self._extra: Wire = {}

    def feed(self, frame: Frame) -> Iterator[Event]:
        if self._done:
            return iter(())
        wire = read(frame.data)
        if frame.event.endswith("Exception"):
            message = message_in(wire) or "the provider failed in the middle of its answer"
            raise exception(kind_named(frame.event) or Kind.UPSTREAM, message)
        feed = FEEDS.get(frame.event)
        return iter(feed(self, wire)) if feed and type(wire) is dict else iter(())

    def close(self) -> Iterator[Event]:
        if self._done:
            return iter(())
        if not self._stopped:
            raise GatewayError(
                Kind.UPSTREAM, "the provider's stream ended before its answer did", code="upstream_truncated"
            )
        return iter(self._finish(Usage()))

    # -- one method per kind of event --

    def _message_start(self, wire: Wire) -> list[Event]:
        if self._started:
            return []
        self._started = True
        extra = {name: value for name, value in wire.items() if name not in ("role", "p")}
        return [Start(origin=DIALECT, id=self._ctx.new_id("msg_"), model=self._ctx.model, extra=extra)]

    def _begin(self) -> list[Event]:
        return [] if self._started else self._message_start({})

    def _end_text(self) -> list[Event]:
        index, self._text, self._citing = self._text, None, 0
        return [] if index is None else [PartEnd(index)]

    def _block_start(self, wire: Wire) -> list[Event]:
        out = self._begin() + self._end_text()
        at, start = number(wire.get("contentBlockIndex")), wire.get("start")
        if at in self._open:
            out += self._end(at)
        if type(start) is not dict or not start:
            return out
        if type(start.get("toolUse")) is not dict:
            self._open[at] = _Block(self._next(), Opaque, raw=json.loads(json.dumps(start)))
            return out
        call = {"toolUseId": self._ctx.new_id("tooluse_"), "input": {}} | start["toolUse"]
        part = decode_answer(start | {"toolUse": call}, self._ctx)
        if isinstance(part, ToolCall):
            self._calls = self._calls or not part.server
            out += self._born(at, replace(part, arguments=""))
        return out

    def _next(self) -> int:
        self._count += 1
        return self._count - 1

    def _born(self, at: int, part: AnyPart) -> list[Event]:
        block = self._open[at] = _Block(self._next(), type(part))
        return [PartStart(block.index, part)]

    def _delta(self, wire: Wire) -> list[Event]:
        delta = wire.get("delta")
        if type(delta) is not dict:
            return []
        at = number(wire.get("contentBlockIndex"))
        block = self._open.get(at)
        if block is not None and block.raw is not None:
            if LAZY.isdisjoint(delta):
                accumulate(block.raw, delta)
                return []
            block = None  # a start that says no more than what its deltas say, as some servers write it
            del self._open[at]
        if type(text := delta.get("text")) is str:
            return self._grow(at, Text(text=""), text)
        if type(call := delta.get("toolUse")) is dict and block is not None and block.kind is ToolCall:
            said = call.get("input")
            return [PartDelta(block.index, said)] if type(said) is str and said else []
        if type(thought := delta.get("reasoningContent")) is dict:
            return self._think(at, thought)
        if type(citation := delta.get("citation")) is dict:
            return self._cite(at, citation)
        return []

    def _grow(self, at: int, born: Text | Reasoning, text: str, signature: Signature | None = None) -> list[Event]:
        out: list[Event] = []
        if at not in self._open:
            out = self._begin() + self._end_text() + self._born(at, born)
            if citations := self._held.pop(at, ()):
                out.append(PartDelta(self._open[at].index, citations=citations))
        block = self._open[at]
        if (text or signature) and block.kind is type(born):
            out.append(PartDelta(block.index, text, signature))
        return out

    def _think(self, at: int, thought: Wire) -> list[Event]:
        if (blob := string(thought.get("redactedContent"))) is not None:
            return self._grow(at, Reasoning(redacted=True), "", seal_redacted(blob, self._ctx.model))
        text, signature = string(thought.get("text")), seal(thought.get("signature"), self._ctx.model)
        return self._grow(at, Reasoning(), text or "", signature)

    def _cite(self, at: int, wire: Wire) -> list[Event]:
        """Citations may come before the text of their block, or in a block without one, after the text they are of."""
        found = (decode_citation(wire),)
        if at not in self._open:
            self._held[at] = self._held.get(at, ()) + found
            return []
        block = self._open[at]
        return [PartDelta(block.index, citations=found)] if block.kind is Text else []

    def _block_stop(self, wire: Wire) -> list[Event]:
        at = number(wire.get("contentBlockIndex"))
        return self._end(at) if at in self._open else self._cited(at)

    def _cited(self, at: int) -> list[Event]:
        """The end of a block that has only cited."""
        found = self._held.pop(at, ())
        if not found:
            return []
        if self._text is not None:
            self._citing += 1
            return [PartDelta(self._text, citations=apart(found, self._citing))]
        out = self._begin() + self._born(at, Text(text=""))
        return [*out, PartDelta(self._open[at].index, citations=found), *self._end(at)]

    def _end(self, at: int) -> list[Event]:
        block = self._open.pop(at)
        if block.raw is not None:
            part = decode_answer(block.raw, self._ctx)
            return [PartStart(block.index, part), PartEnd(block.index)] if part else []
        if block.kind is Text:
            out = self._end_text()
            self._text = block.index
            return out
        return [PartEnd(block.index)]

    def _message_stop(self, wire: Wire) -> list[Event]:
        self._stopped = True
        self._reason = wire.get("stopReason")
        self._extra |= {name: value for name, value in wire.items() if name not in ("stopReason", "p")}
        out = self._begin()
        for at in [*self._open, *self._held]:
            out += self._end(at) if at in self._open else self._cited(at)
        return out + self._end_text()

    def _metadata(self, wire: Wire) -> list[Event]:
        """The last event. What comes of an answer after it is none of ours."""
        if not self._stopped:
            return []
        self._extra |= {name: value for name, value in wire.items() if name not in METADATA}
        return self._finish(decode_usage(wire.get("usage")))

    def _finish(self, usage: Usage) -> list[Event]:
        self._done = True
        stop = decode_stop(self._reason, self._extra.get("additionalModelResponseFields"), self._calls)
        return [Finish(stop=stop, usage=usage, extra=self._extra)]


FEEDS = {
    "messageStart": Decoder._message_start,
    "contentBlockStart": Decoder._block_start,
    "contentBlockDelta": Decoder._delta,
    "contentBlockStop": Decoder._block_stop,
    "messageStop": Decoder._message_stop,
    "metadata": Decoder._metadata,
}


def read(data: bytes) -> Json:
    try:
        return _decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        pass
    try:  # half a character, which only the standard library's reader takes
        return _decode(whole(json.dumps(json.loads(data), ensure_ascii=False)))
    except (ValueError, RecursionError):
        raise GatewayError(
            Kind.UPSTREAM, "an event of the provider's stream is not JSON", code="upstream_invalid_response"
        ) from None


def whole(text: str) -> bytes:
    """The text with its surrogates joined, or replaced where one is alone."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def accumulate(raw: Wire, delta: Wire) -> None:
    """A delta of a block that stays whole: a result's pieces are its content, an image's bytes follow each other."""
    for name, value in delta.items():
        mine = raw.get(name)
        if isinstance(value, list) and isinstance(mine, dict):
            known = mine.get("content")
            mine["content"] = [*(known if isinstance(known, list) else ()), *value]
        elif isinstance(value, dict) and isinstance(mine, dict):
            accumulate(mine, value)
        elif isinstance(value, str) and isinstance(mine, str):
            raw[name] = mine + value
        else:
            raw[name] = value


# -- encode ------------------------------------------------------------------


class Encoder:
    """Events to messageStart, blocks without a gap in their numbers, messageStop, metadata.

    A block's number is given to it by its first content; only calls and whole blocks have a start of their own.
    """

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._sequence = Sequence()
        self._part: AnyPart | None = None
        self._at = ""
        self._opened = False
        self._citing: Json = None  # which of the blocks that only cite is open
        self._count = 0
        self._done = False

    def feed(self, event: Event) -> Iterator[Frame]:
        if self._done:
            return iter(())
        return iter([frame for one in self._sequence.feed(event) for frame in self._one(one)])

    def follow(self, frame: Frame) -> None:
        """Its error frame needs no more than the error."""

    def fail(self, error: GatewayError) -> Iterator[Frame]:
        if self._done:
            return iter(())
        self._done = True
        name = IN_STREAM.get(ERRORS[error.kind][1], "validationException")
        return iter((frame(name, message=error.message),))

    def ping(self) -> None:
        return None

    def _one(self, event: Event) -> list[Frame]:
        match event:
            case Start():
                self._ctx.going(event.origin, DIALECT)
                return [frame("messageStart", **self._ctx.carry({"role": "assistant"}, event.extra, ""))]
            case PartStart(index, part):
                self._part, self._at, self._opened, self._citing = part, f"parts[{index}]", False, None
                leave_part(part, self._ctx, self._at)
                return self._called(part) if isinstance(part, ToolCall) else []
            case PartDelta():
                return self._grown(event)
            case PartEnd():
                return self._end()
            case Finish():
                return self._finish(event)
            case _:
                return []

    def _called(self, part: ToolCall) -> list[Frame]:
        if part.server and not self._ctx.at_home:
            return []
        start: Wire = {"toolUse": {"toolUseId": part.id, "name": part.name}}
        return self._open(self._ctx.carry(start, part.extra, self._at))

    def _open(self, start: Wire | None = None) -> list[Frame]:
        self._opened, self._count = True, self._count + 1
        return [frame("contentBlockStart", start=start, contentBlockIndex=self._count - 1)] if start else []

    def _delta(self, **delta: Json) -> list[Frame]:
        out = [] if self._opened else self._open()
        return [*out, frame("contentBlockDelta", contentBlockIndex=self._count - 1, delta=delta)]

    def _stop(self) -> list[Frame]:
        self._opened = False
        return [frame("contentBlockStop", contentBlockIndex=self._count - 1)]

    def _grown(self, event: PartDelta) -> list[Frame]:
        part, text = self._part, event.text
        out: list[Frame] = []
        match part:
            case Text() | Refusal() if text:
                out += self._delta(text=text)
            case Reasoning() if text:
                out += self._delta(reasoningContent={"text": text})
            case ToolCall() if text and self._opened:
                out += self._delta(toolUse={"input": text})
            case Media():
                self._part = grow(part, text)
            case _:
                pass
        if event.signature:
            out += self._signed(event.signature)
        leave_citations(event.citations, self._ctx, self._at)
        if event.logprobs:
            self._ctx.lose(f"{self._at}.logprobs", "no probabilities are told")
        for citation in event.citations:
            out += self._cited(citation)
        return out

    def _signed(self, signature: Signature) -> list[Frame]:
        part = self._part
        if not isinstance(part, Reasoning) or not ours(signature):
            self._ctx.lose(f"{self._at}.signature", f"only {signature.issuer} can read it")
            return []
        if part.redacted:
            return self._delta(reasoningContent={"redactedContent": encode_redacted(signature)})
        return self._delta(reasoningContent={"signature": signature.value})

    def _cited(self, citation: Citation) -> list[Frame]:
        wire = encode_citation(citation, self._ctx.at_home)
        block = citation.extra.get(BLOCK) if self._ctx.at_home else None  # one of its own, after the text's
        out = self._stop() if self._opened and block != self._citing else []
        self._citing = block
        return [*out, *self._delta(citation=wire)]

    def _end(self) -> list[Frame]:
        part, self._part = self._part, None
        out = [] if self._opened or part is None else self._whole(part)
        return [*out, *self._stop()] if self._opened else out

    def _whole(self, part: AnyPart) -> list[Frame]:
        """The block of a part that is known only now, at its end; none if it has no content."""
        ctx = self._ctx
        match part:
            case Media():
                block = shown(part, ctx, self._at)
                if "text" in block:
                    return self._delta(text=block["text"])
                if "image" in block:
                    start = self._open({"image": {"format": block["image"]["format"]}})
                    return [*start, *self._delta(image={"source": block["image"]["source"]})]
                ctx.lose(self._at, f"{part.media_type} has no form in a stream")
            case ToolResult() if ctx.at_home:
                wire = within(ctx.carry(encode_plain(part, ctx, self._at), part.extra, self._at), "toolResult")
                content = wire.pop("content", [])
                return [*self._open({"toolResult": wire}), *self._delta(toolResult=content)]
            case ToolCall() | ToolResult() | Opaque():
                ctx.lose(self._at, "has no form here")
            case _:
                pass
        return []

    def _finish(self, event: Finish) -> list[Frame]:
        self._done = True
        ctx, stop = self._ctx, event.stop
        end: Wire = {"stopReason": encode_stop(stop, ctx.at_home)}
        extra = dict(event.extra)
        if ctx.at_home and "additionalModelResponseFields" in extra:
            end["additionalModelResponseFields"] = extra.pop("additionalModelResponseFields")
        elif stop.sequence is not None:
            end["additionalModelResponseFields"] = {"delta": {"stop_sequence": stop.sequence}}
        count = ctx.carry({"usage": encode_usage(event.usage, ctx)}, extra, "")
        return [frame("messageStop", **end), frame("metadata", **count)]


def frame(kind: str, **fields: Json) -> Frame:
    try:
        return Frame(msgspec.json.encode(fields), kind)
    except UnicodeEncodeError:
        return Frame(whole(json.dumps(fields, ensure_ascii=False)), kind)
    except RecursionError:
        raise GatewayError(
            Kind.UPSTREAM, "the provider's answer is nested too deeply", code="upstream_invalid_response"
        ) from None
