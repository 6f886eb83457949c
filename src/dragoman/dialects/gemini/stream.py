"""Gemini's streamed answers, both directions. Each chunk is a little response; the stream ends when the bytes end.

It knows no request. The chunk is the hot path here: no Fields, and early ways out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec.structs import replace

from dragoman.core.codec import QUIET, Context, Wire, dumps, without_first
from dragoman.core.errors import GatewayError, Kind
from dragoman.core.fold import grow, weighed, whole
from dragoman.core.framing import Frame
from dragoman.core.halves import Halves
from dragoman.core.ir import (
    AnyPart,
    Event,
    Extra,
    Finish,
    Json,
    Opaque,
    PartDelta,
    PartEnd,
    PartStart,
    Reasoning,
    Refusal,
    Signature,
    Start,
    Stop,
    Text,
    Token,
    ToolCall,
    ToolResult,
)
from dragoman.core.leaving import leave_part
from dragoman.dialects.gemini.answer import (
    WEIGHED,
    blocked,
    candidate,
    decode_logprobs,
    decode_usage,
    encode_answer_part,
    encode_logprobs,
    encode_usage,
    leave_sources,
    stop_of,
    with_extra,
)
from dragoman.dialects.gemini.errors import STOPS, decode_error, decode_stop, encode_error, stop_word
from dragoman.dialects.gemini.grounding import Grounding, decode_citations, decode_ran, decode_search
from dragoman.dialects.gemini.parts import DIALECT, ISSUER, answer_part, nested

KNOWN = frozenset({"candidates", "usageMetadata", "modelVersion", "responseId", "promptFeedback"})
KNOWN_OF_CANDIDATE = frozenset({"content", "finishReason", "index", "logprobsResult"})

_json = msgspec.json.Decoder()
_text = msgspec.json.Encoder().encode


# -- back --------------------------------------------------------------------


class Decoder:
    """Texts of one kind in a row are one part, growing; everything else comes whole.

    Older models say finishReason in every chunk (recorded), so the last one counts, and nothing ends before the bytes.
    """

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._halves = Halves()
        self._started = self._seen = self._done = False
        self._index = -1
        self._open: type[Text] | type[Reasoning] | None = None
        self._sealed = False  # the open part has its signature: what comes next is another part
        self._left: Extra = {}  # what the open part carries beside
        self._said: list[str] = []  # the open text so far, for citations count in it
        self._id = ""
        self._held: list[ToolCall | ToolResult] = []
        self._code = ""
        self._calls = 0
        self._client_calls = False
        self._growing: _PartialCall | None = None
        self._stop: str | None = None
        self._usage: Wire = {}
        self._feedback: Wire | None = None
        self._candidate: Wire = {}
        self._others: list[Json] = []
        self._extra: Extra = {}

    def feed(self, frame: Frame) -> Iterator[Event]:
        if self._done:
            return
        try:
            wire = _json.decode(frame.data)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            if frame.data.strip() in (b"", b"[DONE]"):  # not Google's, but some relay's
                return
            try:
                wire = self._halves.read(frame.data)
            except ValueError:
                message = "an event of the provider's stream is not JSON"
                raise GatewayError(Kind.UPSTREAM, message, code="upstream_invalid_response") from None
        yield from self.read(wire)

    def read(self, wire: Json) -> Iterator[Event]:
        """One chunk, or several in an array."""
        if type(wire) is not dict:
            for one in wire if type(wire) is list else ():
                yield from self.read(one) if type(one) is dict else ()
            return
        if "error" in wire:
            error = wire["error"]
            code = error.get("code") if type(error) is dict else None
            raise decode_error(code if type(code) is int else 0, wire, {})
        if not self._started:
            yield self._start(wire)
        self._note(wire)
        candidates = wire.get("candidates")
        for one in candidates if type(candidates) is list else ():
            if type(one) is not dict:
                continue
            if one.get("index"):
                self._others.append(one)
            else:
                self._seen = True
                yield from self._read_candidate(one)

    def _note(self, wire: Wire) -> None:
        """What is not content."""
        if (usage := wire.get("usageMetadata")) and type(usage) is dict:
            self._usage.update(usage)  # the last word of each count stands (case 106)
        for name in wire:
            if name not in KNOWN:
                self._extra[name] = wire[name]
        if (feedback := wire.get("promptFeedback")) and type(feedback) is dict:
            self._feedback = feedback

    def _start(self, wire: Wire) -> Start:
        self._started = True
        id, model = wire.get("responseId"), wire.get("modelVersion")
        self._id = id if isinstance(id, str) else ""
        return Start(origin=DIALECT, id=self._id, model=model if isinstance(model, str) else "")

    def _read_candidate(self, wire: Wire) -> Iterator[Event]:
        content = wire.get("content")
        parts = content.get("parts") if type(content) is dict else None
        events = self._parts(parts if type(parts) is list else [])
        yield from self._weighed(list(events), wire) if "logprobsResult" in wire else events
        if (word := stop_word(wire.get("finishReason"))) is not None:
            self._stop = word
        if len(wire) > 1:
            for name in wire:
                if name not in KNOWN_OF_CANDIDATE:
                    self._candidate[name] = wire[name]

    def _parts(self, parts: list[Json]) -> Iterator[Event]:
        for part in parts:
            if type(part) is not dict:
                continue
            text = part.get("text")
            if type(text) is str and (len(part) == 1 or self._is_plain(part)):
                yield from self._grow(part, text)
            else:
                yield from self._whole(part)

    def _weighed(self, events: list[Event], wire: Wire) -> list[Event]:
        """The events of a chunk with the probabilities of its tokens, if they are those of a text."""
        told = wire["logprobsResult"]
        if self._open is Text and (tokens := decode_logprobs(told)):
            weighed(events, self._index, tokens)
            if encode_logprobs(tokens) != told:
                self._candidate[WEIGHED] = told
        else:
            self._candidate["logprobsResult"] = told
        return events

    # -- texts, which grow

    def _is_plain(self, part: Wire) -> bool:
        """Whether a text holds nothing beside what grows with it."""
        return all(name in ("text", "thought", "thoughtSignature") for name in part)

    def _grow(self, part: Wire, text: str) -> Iterator[Event]:
        given = part.get("thoughtSignature")
        if type(given) is not str:
            given = None
        if not text and not given:  # keep-alives, and the last chunk (case 103)
            return
        kind = Reasoning if part.get("thought") is True else Text
        if self._open is None or self._sealed or (text and kind is not self._open):
            yield from self._begin(kind)
        if given:  # on an empty text: it is of the part before (case 88)
            self._sealed = True
            yield PartDelta(self._index, text, Signature(ISSUER, given))
        else:
            yield PartDelta(self._index, text)
        self._said.append(text)

    def _begin(self, kind: type[Text] | type[Reasoning], part: AnyPart | None = None) -> Iterator[Event]:
        yield from self._end()
        self._index += 1
        self._open = kind
        self._said = []
        self._left = part.extra if part else {}
        yield PartStart(self._index, part or kind(text=""))

    def _shut(self) -> Iterator[Event]:
        if self._open is not None:
            self._open, self._sealed = None, False
            yield PartEnd(self._index)

    def _end(self) -> Iterator[Event]:
        """Before something new: closes the text that is open, and lets out what waited."""
        yield from self._shut()
        if self._held:
            yield from self._release()

    # -- all else, which is known at once

    def _whole(self, wire: Wire) -> Iterator[Event]:
        call = wire.get("functionCall")
        if type(call) is dict and (self._growing is not None or call.keys() & {"willContinue", "partialArgs"}):
            yield from self._shut()
            self._grow_call(wire, call)
            return
        part = answer_part(wire, "candidates[0].content.parts")
        match part:
            case Text() | Reasoning():  # with fields this codec does not know
                if type(part) is not self._open or self._sealed or part.extra != self._left:
                    yield from self._begin(type(part), replace(part, text="", signature=None))
                if part.text or part.signature:
                    self._sealed = part.signature is not None
                    self._said.append(part.text)
                    yield PartDelta(self._index, part.text, part.signature)
            case ToolCall():
                yield from self._shut()
                self._hold_call(part)
            case ToolResult():
                yield from self._shut()
                self._hold_result(part)
            case Opaque(raw=raw) if not raw:
                pass
            case _:
                yield from self._end()
                self._index += 1
                yield from whole(self._index, self._ran(part))

    def _ran(self, part: AnyPart) -> AnyPart:
        """A result of code with the code, which comes in the part before it."""
        match part:
            case Opaque(kind="executableCode", raw={"executableCode": {"code": str(code)}}):
                self._code = code
            case Opaque(kind="codeExecutionResult", raw={"codeExecutionResult": result}):
                part, self._code = replace(part, run=decode_ran(result, self._code)), ""
        return part

    # -- calls, which wait for what follows: a result beside them tells that Google has run them (server-side MCP)

    def _hold_call(self, part: ToolCall) -> None:
        self._calls += 1
        self._held.append(replace(part, id=part.id or self._call_id(), name=self._ctx.original(part.name)))

    def _hold_result(self, part: ToolResult) -> None:
        name = nested(part.extra, "functionResponse").get(QUIET + "name")
        id = part.call_id
        for i, held in enumerate(self._held):
            if isinstance(held, ToolCall) and not held.server and (held.id == id or (not id and held.name == name)):
                id = held.id
                self._held[i] = replace(held, server=True)
                break
        self._held.append(replace(part, call_id=id or self._call_id(), server=True))

    def _release(self) -> Iterator[Event]:
        held, self._held = self._held, []
        for part in held:
            self._client_calls = self._client_calls or (isinstance(part, ToolCall) and not part.server)
            self._index += 1
            yield from whole(self._index, part)

    def _call_id(self) -> str:
        """Short, clean, and of this answer alone (cases 10, 85)."""
        self._id = self._id or self._ctx.new_id("")
        return f"call_{re.sub(r'[^A-Za-z0-9_-]', '', self._id)[:28]}_{self._calls}"

    def _grow_call(self, wire: Wire, call: Wire) -> None:
        if self._growing is not None and call.get("name"):  # the next one begins, and the last was not ended
            self._grown()
        if self._growing is None:
            self._growing = _PartialCall(wire)
        elif given := wire.get("thoughtSignature"):
            self._growing.wire.setdefault("thoughtSignature", given)
        self._growing.add(call)
        if call.get("willContinue") is not True:
            self._grown()

    def _grown(self) -> None:
        if self._growing is not None:
            part = answer_part(self._growing.whole(), "candidates[0].content.parts")
            self._growing = None
            if isinstance(part, ToolCall):
                self._hold_call(part)

    # -- the end

    @property
    def answered(self) -> bool:
        """Whether there was a candidate at all, or word of why there is none."""
        return self._seen or self._feedback is not None

    def close(self) -> Iterator[Event]:
        if self._done:
            return
        self._done = True
        refused = self._feedback is not None and any(name.startswith("blockReason") for name in self._feedback)
        if not self._started or (self._stop is None and not refused):
            raise GatewayError(Kind.UPSTREAM, "the provider's answer ended too soon", code="upstream_truncated")
        self._grown()
        if self._open is Text and (citations := decode_citations(self._candidate, "".join(self._said))):
            yield PartDelta(self._index, citations=citations)
        yield from self._end()
        stop = self._stop_now(refused)
        if search := decode_search(self._candidate):
            yield from whole(self._index + 1, search)
        yield Finish(stop=stop, usage=decode_usage(self._usage), extra=self._left_over())

    def _stop_now(self, refused: bool) -> Stop:
        if self._stop is None and refused and self._feedback is not None:
            reason = self._feedback.get("blockReason")
            return Stop("content_filter", reason if isinstance(reason, str) else None)
        word = self._stop or "STOP"
        if self._index < 0 and word not in STOPS:  # nothing came, and why: another try may do better (case 94)
            told = self._candidate.get("finishMessage")
            message = f"the model's answer is empty: {word}" + (f": {told}" if isinstance(told, str) else "")
            raise GatewayError(Kind.UPSTREAM, message, code=word.lower())
        return decode_stop(word, self._client_calls)

    def _left_over(self) -> Extra:
        extra = self._extra
        if self._feedback is not None:
            extra["promptFeedback"] = self._feedback
        if self._candidate or self._others:
            extra["candidates"] = [self._candidate, *self._others]
        return extra


class _PartialCall:
    """A call whose arguments come in pieces, each under its JSON path (Vertex, streamFunctionCallArguments)."""

    def __init__(self, wire: Wire) -> None:
        self.wire = dict(wire)
        self._call: Wire = {}
        self._args: dict[str, Any] = {}
        self._texts: dict[str, list[str]] = {}  # by path, as far as they have come

    def add(self, call: Wire) -> None:
        for name, value in call.items():
            if name not in ("willContinue", "partialArgs", "args"):
                self._call.setdefault(name, value)
        if isinstance(args := call.get("args"), dict):
            self._args.update(args)
        pieces = call.get("partialArgs")
        for piece in pieces if isinstance(pieces, list) else ():
            path = piece.get("jsonPath") if isinstance(piece, dict) else None
            if isinstance(path, str):
                self._put(path, piece)

    def _put(self, path: str, piece: Wire) -> None:
        value: Json
        if isinstance(text := piece.get("stringValue"), str):
            self._texts.setdefault(path, []).append(text)
            value = "".join(self._texts[path])
        elif "numberValue" in piece:
            number = piece["numberValue"]
            value = int(number) if isinstance(number, float) and number.is_integer() else number
        elif "boolValue" in piece:
            value = piece["boolValue"]
        elif "nullValue" in piece:
            value = None
        else:
            return
        if steps := [index or quoted or name for name, quoted, index in STEP.findall(path)]:
            put(self._args, steps, value)

    def whole(self) -> Wire:
        return self.wire | {"functionCall": self._call | {"args": self._args}}


STEP = re.compile(r"""\.?([^.\[\]'"$]+)|\[['"](.*?)['"]\]|\[(\d{1,6})\]""")


def put(root: dict[str, Any], steps: list[str], value: Json) -> None:
    """Sets what a JSON path names, and makes what is missing on the way. A step into something else is let be."""
    at: Any = root
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        inner: Any = value if following is None else [] if following.isdecimal() else {}
        if isinstance(at, dict):
            if following is None or not isinstance(at.get(step), dict | list):
                at[step] = inner
            at = at[step]
        elif isinstance(at, list) and step.isdecimal() and int(step) <= len(at):
            if int(step) == len(at):
                at.append(inner)
            elif following is None or not isinstance(at[int(step)], dict | list):
                at[int(step)] = inner
            at = at[int(step)]
        else:
            return


# -- front -------------------------------------------------------------------


class Encoder:
    """Texts go out as they come, calls and media whole. The last chunk says why it ended and what it took."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._open: dict[int, AnyPart] = {}
        self._heads: dict[int, bytes] = {}  # of the parts that are texts without leftovers: what stands before the text
        self._waiting: dict[int, list[str]] = {}
        self._names: dict[str, str] = {}
        self._grounding = Grounding()
        self._any = self._broken = self._ended = False
        self._meta: Wire = {}
        self._tail = b""

    def feed(self, event: Event) -> Iterator[Frame]:
        match event:
            case PartDelta():
                yield from self._delta(event)
            case PartStart(index, part):
                yield from self._begin(index, part)
            case PartEnd(index):
                part = self._open.pop(index)
                if self._heads.pop(index, None) is None:
                    texts = self._waiting.pop(index)
                    yield from self._say(grow(part, "".join(texts)) if texts else part, index)
            case Start():
                self._begin_answer(event)
            case Finish():
                yield self._finish(event)
            case _:
                pass

    def _delta(self, delta: PartDelta) -> Iterator[Frame]:
        index, text, signature = delta.index, delta.text, delta.signature
        head = self._heads.get(index)
        if text:
            self._grounding.write(index, text)
        if delta.citations:
            self._grounding.cite(index, delta.citations)
            leave_sources(delta.citations, self._ctx, f"parts[{index}]")
        if signature is not None:
            self._grounding.interrupt()
        if delta.logprobs:
            yield self._weighed(text, delta.logprobs)
            text = ""
        if head is None:
            self._wait(index, text, signature)
        elif signature is not None:
            yield from self._say(replace(self._open[index], text=text, signature=signature), index)
        elif text:
            self._any = True
            yield Frame(head + _text(text) + self._tail)

    def _begin_answer(self, start: Start) -> None:
        ctx = self._ctx
        ctx.going(start.origin, DIALECT)
        if model := ctx.model or start.model:
            self._meta["modelVersion"] = model
        if id := ctx.answer_id or (start.id if ctx.at_home else ctx.new_id("")):
            self._meta["responseId"] = id
        self._tail = b'}],"role":"model"},"index":%d}]' % ctx.choice + (
            b"," + _text(self._meta)[1:] if self._meta else b"}"
        )

    def _begin(self, index: int, part: AnyPart) -> Iterator[Frame]:
        leave_part(part, self._ctx, f"parts[{index}]")
        self._open[index] = part
        asked = self._ctx.request
        hidden = asked and asked.thinking and asked.thinking.visible is False and isinstance(part, Reasoning)
        if isinstance(part, Text | Refusal):
            self._grounding.begin(index)
        elif isinstance(part, Opaque) and part.run and part.run.tool == "web_search":
            self._grounding.search(part.run)
        elif not hidden:
            self._grounding.interrupt()
        if isinstance(part, Text | Refusal | Reasoning) and not hidden and not (part.extra and self._ctx.at_home):
            thought = b'"thought":true,' if isinstance(part, Reasoning) else b""
            self._heads[index] = b'{"candidates":[{"content":{"parts":[{' + thought + b'"text":'
            if part.text or part.signature:
                yield from self._say(part, index)
        else:
            self._waiting[index] = []

    def _weighed(self, text: str, tokens: tuple[Token, ...]) -> Frame:
        """A piece of text with the probabilities of its tokens."""
        self._any = True
        wire = candidate([{"text": text}], self._ctx) | {"logprobsResult": encode_logprobs(tokens)}
        return self._send({"candidates": [wire]})

    def _wait(self, index: int, text: str, signature: Signature | None) -> None:
        if text:
            self._waiting[index].append(text)
        if signature is not None:
            self._open[index] = replace(self._open[index], signature=signature)

    def _say(self, part: AnyPart, index: int) -> Iterator[Frame]:
        wires = encode_answer_part(part, self._ctx, f"parts[{index}]", self._names)
        self._broken = self._broken or wires is None
        if wires:
            self._any = True
            yield self._send({"candidates": [candidate(wires, self._ctx)]})

    def _finish(self, event: Finish) -> Frame:
        ctx = self._ctx
        self._ended = True
        wire: Wire = {}
        if self._any or not blocked(event, ctx):
            # an empty text, for google-genai takes a chunk without parts for a failed turn and forgets it
            last = candidate([{"text": ""}], ctx, stop_of(event.stop, ctx, self._broken))
            if not ctx.at_home and (grounding := self._grounding.wire()):
                last["groundingMetadata"] = grounding
            wire["candidates"] = [last]
        wire["usageMetadata"] = encode_usage(event.usage, ctx)
        return self._send(with_extra(wire, without_first(event.extra, "candidates", "logprobsResult"), ctx))

    def _send(self, wire: Wire) -> Frame:
        return Frame(dumps(wire | self._meta).encode())

    def follow(self, frame: Frame) -> None:
        """Its error frame needs no more than the error."""

    def fail(self, error: GatewayError) -> Iterator[Frame]:
        if not self._ended:
            self._ended = True
            yield Frame(dumps(encode_error(error)[1]).encode())

    def ping(self) -> Frame | None:
        return None
