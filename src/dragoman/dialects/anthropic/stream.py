"""Streams of Anthropic Messages: the provider's frames to events, events to a client's frames.

It knows nothing of other dialects' streams; only the order the API keeps: one block open at a time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

from dragoman.core.codec import Context, Wire
from dragoman.core.errors import GatewayError, Kind
from dragoman.core.fold import Sequence, grow, unfold
from dragoman.core.framing import Frame
from dragoman.core.halves import Halves, whole
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
    Ping,
    Reasoning,
    Refusal,
    Signature,
    Start,
    Text,
    ToolCall,
    ToolResult,
)
from dragoman.core.leaving import leave_citations, leave_part
from dragoman.dialects.anthropic.answer import (
    ERRORS,
    decode_answer,
    decode_error,
    decode_response,
    encode_answer,
    encode_shown,
    lose_stop,
    told,
    unsigned,
)
from dragoman.dialects.anthropic.parts import encode_own
from dragoman.dialects.anthropic.runs import Runs
from dragoman.dialects.anthropic.words import (
    DIALECT,
    ISSUER,
    decode_citation,
    decode_stop,
    decode_usage,
    encode_citation,
    encode_stop,
    encode_usage,
    lose_stretches,
    number,
    seal,
    string,
)

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.encode

# -- decode ------------------------------------------------------------------

TEXTS = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
"""Deltas that make a part grow, and the field that holds the growth."""
GROWS = {"text_delta": Text, "thinking_delta": Reasoning, "input_json_delta": ToolCall}
TAKEN = frozenset(("type", "role", "id", "model", "content", "stop_reason", "stop_sequence", "usage"))
ENDING = frozenset(("type", "delta", "usage", "stop_reason", "stop_sequence"))


class _Block:
    """A block that is open: the part it becomes, and what is kept until its end."""

    __slots__ = ("born", "index", "kind", "raw", "run", "said")

    def __init__(self, index: int, kind: type, born: str = "", raw: Wire | None = None) -> None:
        self.index, self.kind = index, kind
        self.run: ToolCall | None = None  # a call of the provider's own tool, whose arguments are kept
        self.said: list[str] = []
        self.born = born  # arguments that came whole at the start; deltas, if any come, replace them
        self.raw = raw  # of a block that stays whole


class Decoder:
    """message_start (content_block_start content_block_delta* content_block_stop)* message_delta message_stop

    Blocks are numbered anew: a fallback on the server's side begins a second message in the same stream.
    """

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._open: dict[int, _Block] = {}
        self._count = 0
        self._started = self._done = self._calls = False
        self._usage: Wire = {}
        self._stop: tuple[Json, Json] = (None, None)
        self._extra: Wire = {}
        self._halves = Halves()
        self._runs = Runs()

    def feed(self, frame: Frame) -> Iterator[Event]:
        if self._done:
            return iter(())
        try:
            wire = _decode(frame.data)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            wire = self._mended(frame.data)
        if type(wire) is not dict:
            return iter(())
        kind = wire.get("type")
        if kind == "content_block_delta":
            return self._delta(wire)
        if kind == "ping":
            return iter((Ping(),))
        if kind == "error" or (frame.event == "error" and "error" in wire) or (kind is None and "error" in wire):
            raise decode_error(0, wire, {})
        feed = FEEDS.get(kind) if isinstance(kind, str) else None
        return iter(feed(self, wire)) if feed else iter(())

    def close(self) -> Iterator[Event]:
        if not self._done:
            raise GatewayError(
                Kind.UPSTREAM, "the provider's stream ended before its answer did", code="upstream_truncated"
            )
        return iter(())

    def _mended(self, data: bytes) -> Json:
        """A frame with half a character in it (two deltas share an emoji), or one that is not JSON at all."""
        if data.strip() == b"[DONE]":
            return None
        try:
            return self._halves.read(data)
        except ValueError:
            message = "an event of the provider's stream is not JSON"
            raise GatewayError(Kind.UPSTREAM, message, code="upstream_invalid_response") from None

    # -- one method per kind of event --

    def _message_start(self, wire: Wire) -> list[Event]:
        message = wire.get("message")
        message = message if isinstance(message, dict) else {}
        self._count_usage(message.get("usage"))
        if self._started:
            return self._end_all()
        self._started = True
        start = Start(
            origin=DIALECT,
            id=string(message.get("id")) or self._ctx.new_id("msg_"),
            model=string(message.get("model")) or self._ctx.model,
            usage=decode_usage(self._usage),
            extra={name: value for name, value in message.items() if name not in TAKEN},
        )
        return [start]

    def _message(self, wire: Wire) -> list[Event]:
        """A whole answer as one event (Vertex's rawPredict, asked for a stream)."""
        if self._started:
            return []
        self._done = True
        return list(unfold(decode_response(wire, self._ctx)))

    def _begin(self) -> list[Event]:
        """Some servers forget to begin."""
        return [] if self._started else self._message_start({})

    def _block_start(self, wire: Wire) -> list[Event]:
        out = self._begin()
        at, raw = number(wire.get("index")), wire.get("content_block")
        if at in self._open:
            out += self._end(at)
        part = decode_answer(raw, self._ctx)
        if part is None or not isinstance(raw, dict):
            return out
        index, self._count = self._count, self._count + 1
        if isinstance(part, Opaque | Media | ToolResult):
            self._open[at] = _Block(index, type(part), raw=dict(raw))
            return out
        self._calls = self._calls or (isinstance(part, ToolCall) and not part.server)
        block = self._open[at] = _Block(index, type(part))
        first = PartDelta(index)
        match part:
            case Text(text=text):
                first = PartDelta(index, text, None, part.citations)
                part = replace(part, text="", citations=())
            case Reasoning(text=text):
                first = PartDelta(index, text, part.signature)
                part = replace(part, text="", signature=None)
            case ToolCall():
                block.born = part.arguments
                part = replace(part, arguments="")
                block.run = part if part.server else None
            case _:
                pass
        out.append(PartStart(index, part))
        if first.text or first.signature or first.citations:
            out.append(first)
        return out

    def _delta(self, wire: Wire) -> Iterator[Event]:
        at, delta = wire.get("index"), wire.get("delta")
        if type(delta) is not dict or type(at) is not int:
            return iter(())
        block, what = self._open.get(at), delta.get("type")
        if type(what) is not str:
            return iter(())
        name = TEXTS.get(what)
        if block is None:
            return iter(self._unopened(at, what, delta))
        if block.raw is not None:
            accumulate(block.raw, delta)
        elif name is not None:
            text = delta.get(name)
            if text and type(text) is str and block.kind is GROWS[what]:
                block.born = ""
                if block.run is not None:
                    block.said.append(text)
                return iter((PartDelta(block.index, text),))
        elif what == "signature_delta":
            if signature := seal(delta.get("signature")):
                return iter((PartDelta(block.index, signature=signature),))
        elif what == "citations_delta" and isinstance(citation := delta.get("citation"), dict):
            return iter((PartDelta(block.index, citations=(decode_citation(citation),)),))
        return iter(())

    def _unopened(self, at: int, what: str, delta: Wire) -> list[Event]:
        """A delta of a block that never began: begun here, if it is plain what it is."""
        kind = {"text_delta": "text", "thinking_delta": "thinking"}.get(what)
        if kind is None or not string(delta.get(kind)):
            return []
        return self._block_start({"index": at, "content_block": {"type": kind, kind: delta[kind]}})

    def _block_stop(self, wire: Wire) -> list[Event]:
        at = number(wire.get("index"))
        return self._end(at) if at in self._open else []

    def _end(self, at: int) -> list[Event]:
        block = self._open.pop(at)
        if block.raw is not None:
            part = decode_answer(block.raw, self._ctx)
            return [PartStart(block.index, self._runs.told(part)), PartEnd(block.index)] if part else []
        if block.run is not None:
            self._runs.told(replace(block.run, arguments="".join(block.said) or block.born))
        if block.born and block.born != "{}":
            return [PartDelta(block.index, block.born), PartEnd(block.index)]
        return [PartEnd(block.index)]

    def _end_all(self) -> list[Event]:
        return [event for at in list(self._open) for event in self._end(at)]

    def _message_delta(self, wire: Wire) -> list[Event]:
        delta = wire.get("delta")
        delta = delta if isinstance(delta, dict) else {}
        if delta.get("stop_reason") is not None:
            self._stop = delta.get("stop_reason"), delta.get("stop_sequence")
        self._count_usage(wire.get("usage"))
        self._extra |= {name: value for name, value in (delta | wire).items() if name not in ENDING}
        return self._begin()

    def _message_stop(self, wire: Wire) -> list[Event]:
        out = self._begin() + self._end_all()
        self._done = True
        stop = decode_stop(*self._stop, self._calls)
        return [*out, Finish(stop=stop, usage=decode_usage(self._usage), extra=self._extra)]

    def _count_usage(self, usage: Json) -> None:
        """The last word counts, and is never added to the first (cases 31 to 33)."""
        if not isinstance(usage, dict):
            return
        news = {name: value for name, value in usage.items() if value is not None or name not in self._usage}
        inputs = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
        if not any(number(news.get(name)) for name in inputs):  # a server that counts the answer only, at the end
            news = {name: value for name, value in news.items() if name not in self._usage or name not in inputs}
        self._usage |= news


FEEDS = {
    "message": Decoder._message,
    "message_start": Decoder._message_start,
    "content_block_start": Decoder._block_start,
    "content_block_stop": Decoder._block_stop,
    "message_delta": Decoder._message_delta,
    "message_stop": Decoder._message_stop,
}


def accumulate(raw: Wire, delta: Wire) -> None:
    """A delta of a block we do not know: strings grow, all else is set. So came compaction_delta."""
    for name, value in delta.items():
        if name == "type":
            continue
        known = raw.get(name)
        raw[name] = known + value if isinstance(known, str) and isinstance(value, str) else value


# -- encode ------------------------------------------------------------------

STOP_EXTRA = ("container", "stop_details")
"""Leftovers of a message that a stream has in message_delta.delta; the others stand beside it."""


class Encoder:
    """Events to message_start, content blocks without a gap in their numbers, message_delta, message_stop.

    A block is opened by its first content: none but a call's is ever empty.
    """

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._sequence = Sequence()
        self._current: int | None = None  # index of the part whose turn it is
        self._part: AnyPart | None = None
        self._opened = False  # whether its block is
        self._count = 0  # blocks so far
        self._head = b""  # a delta of the open block, up to its text
        self._cited: tuple[Citation, ...] = ()  # before there was a text
        self._done = False

    def feed(self, event: Event) -> Iterator[Frame]:
        if self._done:
            return iter(())
        if type(event) is PartDelta and event.index == self._current:
            return iter(self._delta(event))
        return iter([frame for one in self._sequence.feed(event) for frame in self._one(one)])

    def follow(self, frame: Frame) -> None:
        """Its error frame needs no more than the error."""

    def fail(self, error: GatewayError) -> Iterator[Frame]:
        if self._done:
            return iter(())
        self._done = True
        body = {"type": ERRORS[error.kind][1], "message": told(error)}
        return iter((frame("error", error=body),))

    def ping(self) -> Frame:
        return PING

    def _one(self, event: Event) -> list[Frame]:
        match event:
            case Start():
                return self._start(event)
            case PartStart(index, part):
                return self._begin(index, part)
            case PartDelta():
                return self._delta(event)
            case PartEnd():
                return self._end()
            case Finish():
                return self._finish(event)
            case _:
                return [PING]

    def _start(self, event: Start) -> list[Frame]:
        ctx = self._ctx
        ctx.going(event.origin, DIALECT)
        message: Wire = {
            "id": event.id if ctx.at_home and event.id else ctx.new_id("msg_"),
            "type": "message",
            "role": "assistant",
            "model": ctx.model or event.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": encode_usage(event.usage, ctx),
        }
        return [frame("message_start", message=ctx.carry(message, event.extra, ""))]

    def _finish(self, event: Finish) -> list[Frame]:
        self._done = True
        ctx = self._ctx
        delta: Wire = {"stop_reason": encode_stop(event.stop, ctx.at_home), "stop_sequence": event.stop.sequence}
        lose_stop(event.stop, ctx)
        inner = {name: value for name, value in event.extra.items() if name in STOP_EXTRA}
        outer = {name: value for name, value in event.extra.items() if name not in STOP_EXTRA}
        delta = ctx.carry(delta, inner, "")
        beside = ctx.carry({"usage": encode_usage(event.usage, ctx)}, outer, "")
        return [frame("message_delta", **{"delta": delta} | beside), frame("message_stop")]

    # -- blocks --

    def _begin(self, index: int, part: AnyPart) -> list[Frame]:
        self._current, self._part, self._opened, self._cited = index, part, False, ()
        leave_part(part, self._ctx, self._path)
        if isinstance(part, ToolCall) and (not part.server or self._ctx.at_home):
            return self._open(encode_own(replace(part, arguments=""), self._ctx, self._path), "input_json_delta")
        return []

    @property
    def _path(self) -> str:
        return f"parts[{self._current}]"

    def _open(self, block: Wire, delta: str = "") -> list[Frame]:
        index, self._count = self._count, self._count + 1
        self._opened = True
        if delta:
            head = '{"type":"content_block_delta","index":%d,"delta":{"type":"%s","%s":'
            self._head = (head % (index, delta, TEXTS[delta])).encode()
        return [frame("content_block_start", index=index, content_block=block)]

    def _open_lazily(self) -> list[Frame]:
        """Opens the block of a part that has content now."""
        ctx, part = self._ctx, self._part
        if isinstance(part, Reasoning):
            block: Wire = {"type": "thinking", "thinking": "", "signature": ""}
            return self._open(ctx.carry(block, part.extra, self._path), "thinking_delta")
        extra = part.extra if part else {}
        return self._open(ctx.carry({"type": "text", "text": ""}, extra, self._path), "text_delta")

    def _delta(self, event: PartDelta) -> list[Frame]:
        part = self._part
        if event.signature is not None or event.citations or event.logprobs:
            return self._rich(event)
        if not event.text:
            return []
        if not self._opened:
            if not isinstance(part, Text | Reasoning | Refusal):
                return self._hold(event)
            return [*self._open_lazily(), *self._cite(self._cited), self._grown(event.text)]
        return [self._grown(event.text)]

    def _grown(self, text: str) -> Frame:
        try:
            return Frame(b"%b%b}}" % (self._head, _encode(text)), "content_block_delta")
        except UnicodeEncodeError:
            return Frame(b"%b%b}}" % (self._head, _encode(whole(text))), "content_block_delta")

    def _hold(self, event: PartDelta) -> list[Frame]:
        """Media grow until they can be shown whole; what a server's own call holds is not shown."""
        if isinstance(self._part, Media):
            self._part = grow(self._part, event.text)
        return []

    def _rich(self, event: PartDelta) -> list[Frame]:
        """A delta with more than text: a signature, citations."""
        out = self._delta(PartDelta(event.index, event.text)) if event.text else []
        part, signature = self._part, event.signature
        if part is None:
            return out
        if event.logprobs:
            self._ctx.lose(f"{self._path}.logprobs", "probabilities have no form here")
        if signature and isinstance(part, Reasoning) and signature.issuer == ISSUER:
            out += self._sign(part, signature)
        elif signature:
            unsigned(replace(part, signature=signature), self._ctx, self._path)
        leave_citations(event.citations, self._ctx, self._path)
        if event.citations and isinstance(part, Text):
            if self._opened:
                out += self._cite(event.citations)
            else:
                self._cited += event.citations
        return out

    def _sign(self, part: Reasoning, signature: Signature) -> list[Frame]:
        if part.redacted:
            block = encode_own(replace(part, signature=signature), self._ctx, self._path)
            return [] if self._opened else self._open(block)
        out = [] if self._opened else self._open_lazily()
        delta = {"type": "signature_delta", "signature": signature.value}
        return [*out, frame("content_block_delta", index=self._count - 1, delta=delta)]

    def _cite(self, citations: tuple[Citation, ...]) -> list[Frame]:
        out = []
        lose_stretches(citations, None, self._ctx, self._path)
        for citation in citations:
            wire = encode_citation(citation, self._ctx.at_home)
            if wire is None:
                self._ctx.lose(f"{self._path}.citations", "a source without a URL has no form here")
                continue
            delta = {"type": "citations_delta", "citation": wire}
            out.append(frame("content_block_delta", index=self._count - 1, delta=delta))
        return out

    def _end(self) -> list[Frame]:
        out = [] if self._opened else self._whole()
        if self._opened:
            out.append(frame("content_block_stop", index=self._count - 1))
        self._current, self._part, self._opened = None, None, False
        return out

    def _whole(self) -> list[Frame]:
        """The block of a part that is known only now, at its end; none if it has no content."""
        part = self._part
        if isinstance(part, Media):
            block = encode_answer(part, self._ctx, self._path)
            return self._said(block["text"]) if block and block["type"] == "text" else self._open(block or {})
        if isinstance(part, Opaque) and self._ctx.at_home:
            return self._opaque(part)
        if isinstance(part, ToolResult) and self._ctx.at_home:
            return self._open(encode_own(part, self._ctx, self._path))
        if isinstance(part, Opaque | ToolResult | ToolCall):
            return self._shown(encode_shown(part, self._ctx, self._path))
        return []

    def _shown(self, blocks: list[Wire]) -> list[Frame]:
        """A call of another provider's own tool and its result, which is left open."""
        if not blocks:
            return []
        call, result = blocks
        out = [*self._open(call | {"input": {}}, "input_json_delta"), self._grown(encoded(call["input"]).decode())]
        return [*out, frame("content_block_stop", index=self._count - 1), *self._open(result)]

    def _said(self, text: str) -> list[Frame]:
        return [*self._open({"type": "text", "text": ""}, "text_delta"), self._grown(text)]

    def _opaque(self, part: Opaque) -> list[Frame]:
        block = encode_own(part, self._ctx, self._path)
        if part.kind != "compaction":
            return self._open(block)
        grown = {name: block[name] for name in ("content", "encrypted_content") if block.get(name) is not None}
        out = self._open(block | dict.fromkeys(grown))
        delta = {"type": "compaction_delta"} | grown
        return [*out, frame("content_block_delta", index=self._count - 1, delta=delta)] if grown else out


PING = Frame(b'{"type": "ping"}', "ping")


def frame(kind: str, **fields: Json) -> Frame:
    return Frame(encoded({"type": kind, **fields}), kind)


def encoded(wire: Wire) -> bytes:
    try:
        return _encode(wire)
    except UnicodeEncodeError:
        return whole(json.dumps(wire, ensure_ascii=False)).encode()
    except RecursionError:
        raise GatewayError(
            Kind.UPSTREAM, "the provider's answer is nested too deeply", code="upstream_invalid_response"
        ) from None
