"""A streamed answer in Chat Completions, of every server that speaks it: chunks to events.

It knows nothing of requests. This is the hot path: a chunk of text is one dictionary read and one event.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn

import msgspec

from dragoman.core.audio import PCM_TYPE
from dragoman.core.codec import QUIET, Context, Wire, asks_nothing, dumps
from dragoman.core.content import AUDIO_TYPES, from_url, legal_name
from dragoman.core.errors import GatewayError, Kind
from dragoman.core.fold import weighed
from dragoman.core.framing import Frame
from dragoman.core.halves import Halves
from dragoman.core.ir import (
    AnyPart,
    Base64,
    Citation,
    Event,
    Extra,
    Finish,
    Json,
    Media,
    PartDelta,
    PartEnd,
    PartStart,
    Reasoning,
    Refusal,
    Request,
    Signature,
    Start,
    Stop,
    Text,
    ToolCall,
)
from dragoman.core.thoughts import Piece, Tags
from dragoman.dialects.openai_chat.ends import (
    decode_stop,
    decode_usage,
    tells,
)
from dragoman.dialects.openai_chat.parts import (
    DIALECT,
    GOOGLE,
    PICTURE,
    Lenient,
    arguments_of,
    decode_citation,
    decode_detail,
    synthetic,
    thinking_text,
)
from dragoman.dialects.openai_errors import decode_error
from dragoman.dialects.openai_logprobs import decode_tokens

DONE = Frame(b"[DONE]")
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode

KNOWN = {"id", "object", "created", "model", "choices", "usage", "error", "obfuscation", "p"}
"""Members of a chunk that are read or made anew; the last two are padding (OpenAI's and Mistral's)."""
KNOWN_CHOICE = {"index", "delta", "message", "finish_reason", "logprobs"}


def sound_type(request: Request | None) -> str:
    """What the sound in an answer is: the answer does not say, so what was asked for."""
    asked = request.speech.format if request is not None and request.speech is not None else None
    if asked is None or (request is not None and request.stream and request.origin != DIALECT):
        return PCM_TYPE
    return AUDIO_TYPES.get(asked, f"audio/{asked}")


@dataclass(slots=True)
class _Call:
    """A call as it comes in: it is opened when its id and its name are both known (case 9)."""

    index: int  # of the part
    id: str = ""
    name: str = ""
    open: bool = False
    custom: bool = False
    arguments: list[str] = field(default_factory=list)
    seal: Signature | None = None

    def whole(self) -> bool:
        """Whether the arguments so far are complete JSON."""
        text = "".join(self.arguments)
        try:
            return bool(text.strip()) and _decode(text) is not None
        except (msgspec.DecodeError, RecursionError):
            return False


class _Sound:
    """Joins pieces of base64 that were each encoded alone, with their own padding."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: str) -> str:
        if not self._rest and data[-1:] != "=" and len(data) % 4 == 0:
            return data
        try:
            raw = self._rest + base64.b64decode(data)
        except (binascii.Error, ValueError):
            return ""
        whole = len(raw) // 3 * 3
        self._rest = raw[whole:]
        return base64.b64encode(raw[:whole]).decode()

    def close(self) -> str:
        return base64.b64encode(self._rest).decode()


class Decoder:
    """Chunks carry bare deltas: which part is open is for us to remember."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._started = False
        self._done = False
        self._next = 0  # index of the next part
        self._kind = ""  # of the open part that is no call: "text", "reasoning", "refusal", "audio"
        self._open = 0  # its index
        self._thought: list[str] = []  # what the open reasoning said so far
        self._signed = False  # whether it has its signature
        self._calls: list[_Call] = []
        self._slots: dict[int | str, _Call] = {}  # the provider's index (or id) -> the call it means now
        self._seal: Signature | None = None  # Google's, of the message, until there is a part to bear it
        self._sound = _Sound()
        self._transcript: list[str] = []
        self._halves = Halves()
        self._tags = Tags() if ctx.profile.think_tags else None
        self._id, self._model = "", ""
        self._first: Extra = {}  # leftovers: of the chunks up to the first that has a choice,
        self._last: Extra = {}  # of the last ones,
        self._choice: Extra = {}  # and of the choice
        self._reason: Json = None
        self._sequence: Json = None
        self._usage: Json = None

    # -- chunks

    def feed(self, frame: Frame) -> Iterator[Event]:
        if self._done:
            return iter(())  # whatever comes after [DONE] (case 18)
        out: list[Event] = []
        data = frame.data
        try:
            wire = _decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            wire = self._not_json(data, out)
            if wire is None:
                return iter(out)
        if type(wire) is not dict or frame.event == "error" or wire.get("error"):
            self._odd(wire, frame)
            return iter(out)
        choices = wire.get("choices")
        if type(choices) is list and choices:
            if not self._started:
                self._start(wire, out)
            for choice in choices:
                if type(choice) is dict:
                    if choice.get("index"):
                        self._ctx.lose("choices[1]", "only the first choice has a neutral form")
                    else:
                        self._read(choice, wire, out)
        else:
            self._aside(wire)
        if usage := wire.get("usage"):
            self._count(usage)
            self._leave(wire)
        return iter(out)

    def close(self) -> Iterator[Event]:
        out: list[Event] = []
        if not self._done:
            if not self._reason:
                self._truncated()
            self._finish(out)
        return iter(out)

    def _not_json(self, data: bytes, out: list[Event]) -> Json:
        """The end, nothing at all, or a chunk with half a character."""
        text = data.strip()
        if text == b"[DONE]":
            if not self._started:
                self._truncated()
            self._finish(out)
        elif text:
            try:
                return self._halves.read(data)
            except ValueError:
                message = "the provider's stream holds something that is not JSON"
                raise GatewayError(Kind.UPSTREAM, message, code="upstream_invalid_response") from None
        return None

    def _odd(self, wire: Json, frame: Frame) -> None:
        """Errors in the stream (cases 37, 79); anything else of no use is passed over."""
        first = wire[0] if type(wire) is list and wire else wire
        if frame.event == "error" or (type(first) is dict and first.get("error")):
            raise decode_error(0, wire, {})

    def _aside(self, wire: Wire) -> None:
        """A chunk without choices: Azure's prelude (case 20), usage at the end, or an error without its envelope."""
        if "choices" not in wire and (wire.get("object") == "error" or "message" in wire or "detail" in wire):
            raise decode_error(0, wire, {})
        if self._started:
            self._leave(wire)
            return
        self._name(wire)
        self._first |= leftovers(wire, KNOWN)

    def _name(self, wire: Wire) -> None:
        """Id and model are those of the first chunk that has them (case 20)."""
        id, model = wire.get("id"), wire.get("model")
        if not self._id and type(id) is str:
            self._id = id
        if not self._model and type(model) is str:
            self._model = model

    def _start(self, wire: Wire, out: list[Event]) -> None:
        self._started = True
        self._name(wire)
        self._first |= leftovers(wire, KNOWN)
        if type(created := wire.get("created")) is int:
            self._first[QUIET + "created"] = created
        out.append(Start(origin=DIALECT, id=self._id, model=self._model, extra=dict(self._first)))

    def _count(self, usage: Json) -> None:
        """The last usage that tells something (cases 19, 21)."""
        if tells(usage) or not tells(self._usage):
            self._usage = usage

    def _leave(self, wire: Wire) -> None:
        """What the last chunks say beside the answer."""
        groq = wire.get("x_groq")
        if not wire.get("usage") and type(groq) is dict and groq.get("usage"):
            self._count(groq["usage"])
        for name, value in leftovers(wire, KNOWN).items():
            if self._first.get(name) != value:
                self._last[name] = value

    def _read(self, choice: Wire, wire: Wire, out: list[Event]) -> None:
        delta = choice.get("delta")
        if type(delta) is not dict:
            delta = choice.get("message") if "delta" not in choice else None
        if type(delta) is dict:
            content = delta.get("content")
            if type(content) is str and len(delta) == 1:
                if content:
                    self._say(content, out)
            else:
                self._delta(delta, out)
        if choice.get("finish_reason") is not None or choice.get("error"):
            self._end(choice, wire)
        if logprobs := choice.get("logprobs"):
            self._weigh(logprobs, out)

    def _weigh(self, logprobs: Json, out: list[Event]) -> None:
        """The probabilities of the tokens in this chunk, if they are those of a text."""
        if type(logprobs) is not dict:
            return
        tokens = decode_tokens(logprobs.get("content"))
        if tokens and self._kind == "text":
            weighed(out, self._open, tokens)
        elif any(logprobs.values()):
            self._ctx.lose("choices[0].logprobs", "those of text alone are carried")

    def _end(self, choice: Wire, wire: Wire) -> None:
        """The deltas of a chunk come before its finish_reason (case 14); the last one wins (case 19)."""
        if type(error := choice.get("error")) is dict and error:
            raise decode_error(0, {"error": error}, {})
        self._reason = choice["finish_reason"] or self._reason
        self._sequence = choice.get("stop_reason")
        self._choice |= leftovers(choice, KNOWN_CHOICE)
        self._leave(wire)

    # -- deltas

    def _delta(self, delta: Wire, out: list[Event]) -> None:
        content = delta.get("content")
        if (thought := delta.get("reasoning_content") or delta.get("reasoning")) and type(thought) is str:
            self._think(thought, out)
        if details := delta.get("reasoning_details"):
            self._details(details, bool(thought), out)
        if images := delta.get("images"):
            content = self._pictures(images, content, out)
        if content:
            if type(content) is str:
                self._say(content, out)
            else:
                self._pieces(content, out)
        for name, value in delta.items():
            if value and name in RARE:
                RARE[name](self, value, out)

    def _refuse(self, refusal: Json, out: list[Event]) -> None:
        if type(refusal) is str:
            self._grow("refusal", refusal, out)

    def _tools(self, calls: Json, out: list[Event]) -> None:
        for call in calls if type(calls) is list else ():
            if type(call) is dict:
                self._call(call, out)

    def _function(self, function: Json, out: list[Event]) -> None:
        """A call as it was spelled before November 2023; Snowflake sends an empty one in every answer."""
        if type(function) is dict and any(function.values()):
            self._call({"index": "function_call", "id": self._made(len(self._calls)), "function": function}, out)

    def _say(self, text: str, out: list[Event]) -> None:
        if self._tags is None:
            self._grow("text", text, out)
            return
        self._tell(self._tags.feed(text), out)
        if self._tags.passed:
            self._tags = None

    def _tell(self, pieces: list[Piece], out: list[Event]) -> None:
        for kind, piece in pieces:
            if kind == "thought":
                self._think(piece, out)
            else:
                self._grow("text", piece, out)

    def _grow(self, kind: str, text: str, out: list[Event]) -> None:
        if self._kind != kind:
            self._begin(kind, out)
        out.append(PartDelta(self._open, text))

    def _begin(self, kind: str, out: list[Event]) -> None:
        """Text, reasoning and the like take turns; calls run beside them."""
        self._stop(out)
        part: AnyPart
        match kind:
            case "text":
                part = Text(text="")
            case "reasoning":
                part = Reasoning()
                self._thought, self._signed = [], False
            case "refusal":
                part = Refusal(text="")
            case _:
                part = Media(media_type=sound_type(self._ctx.request), source=Base64(""))
        self._born(part, kind, out)

    def _born(self, part: AnyPart, kind: str, out: list[Event]) -> None:
        self._kind, self._open = kind, self._next
        self._next += 1
        out.append(PartStart(self._open, part))
        if kind == "text" and self._seal is not None:
            out.append(PartDelta(self._open, signature=self._seal))
            self._seal = None

    def _stop(self, out: list[Event]) -> None:
        if self._kind == "audio" and (rest := self._sound.close()):
            out.append(PartDelta(self._open, rest))
        if self._kind:
            out.append(PartEnd(self._open))
            self._kind = ""

    def _think(self, text: str, out: list[Event]) -> None:
        if self._kind == "reasoning" and self._signed:
            self._stop(out)  # what comes after a signature is another block (case 35)
        self._grow("reasoning", text, out)
        self._thought.append(text)

    def _details(self, details: Json, told: bool, out: list[Event]) -> None:
        """Reasoning in OpenRouter's spelling: text, unless it was told beside it already; and who signed it."""
        wires = details if type(details) is list else ()
        found = [decode_detail(Lenient(wire)) for wire in wires if type(wire) is dict]
        signed = any(detail.signature is not None for detail in found)
        for detail in found:
            if detail.redacted:
                self._stop(out)
                self._born(Reasoning(redacted=True), "reasoning", out)
                self._thought, self._signed = [], True
                out.append(PartDelta(self._open, signature=detail.signature))
                continue
            if detail.text and not told and not (signed and self._repeats(detail.text)):
                if detail.summary and self._kind != "reasoning":
                    self._stop(out)
                    self._thought, self._signed = [], False
                    self._born(Reasoning(summary=True), "reasoning", out)
                self._think(detail.text, out)
            if detail.signature is not None:
                if self._kind != "reasoning" or self._signed:
                    self._begin("reasoning", out)
                self._signed = True
                out.append(PartDelta(self._open, signature=detail.signature))

    def _repeats(self, text: str) -> bool:
        """Whether a detail that is signed only says again what was streamed, as our own encoder tells it; an unsigned
        thought may stand before it."""
        return self._kind == "reasoning" and "".join(self._thought).endswith(text)

    def _pieces(self, content: Json, out: list[Event]) -> None:
        """Mistral's content: an array of texts and thoughts."""
        for piece in content if type(content) is list else ():
            if type(piece) is not dict:
                continue
            if piece.get("type") == "thinking" and (thought := thinking_text(piece.get("thinking"))):
                self._think(thought, out)
            elif (text := piece.get("text")) and type(text) is str:
                self._grow("text", text, out)

    def _pictures(self, images: Json, content: Json, out: list[Event]) -> Json:
        """Pictures come whole; what is left of the content without their markdown is returned."""
        for image in images if type(images) is list else ():
            inner = image.get("image_url") if type(image) is dict else None
            url = inner.get("url") if type(inner) is dict else None
            if type(url) is not str or not url:
                continue
            if type(content) is str:
                content = content.replace(PICTURE % url, "")
            media_type, source = from_url(url, "image/*")
            self._stop(out)
            out.append(PartStart(self._next, Media(media_type=media_type, source=source)))
            out.append(PartEnd(self._next))
            self._next += 1
        return content

    def _hear(self, audio: Json, out: list[Event]) -> None:
        if type(audio) is not dict:
            return
        if type(transcript := audio.get("transcript")) is str:
            self._transcript.append(transcript)
        if type(data := audio.get("data")) is str and data and (whole := self._sound.feed(data)):
            self._grow("audio", whole, out)

    def _cite(self, notes: Json, out: list[Event]) -> None:
        found: list[Citation] = []
        for note in notes if type(notes) is list else ():
            if type(note) is dict and note.get("type") == "url_citation":
                found.append(decode_citation(Lenient(note)))
            elif note:
                self._ctx.lose("choices[0].message.annotations", "only citations of URLs are carried in streams")
        if found:
            if self._kind != "text":
                self._begin("text", out)
            out.append(PartDelta(self._open, citations=tuple(found)))

    def _sealed(self, sealed: Json, out: list[Event]) -> None:
        google = sealed.get(GOOGLE) if type(sealed) is dict else None
        value = google.get("thought_signature") if type(google) is dict else None
        if type(value) is not str or not value:
            return
        if self._kind == "text":
            out.append(PartDelta(self._open, signature=Signature(GOOGLE, value)))
        else:
            self._seal = Signature(GOOGLE, value)

    # -- calls

    def _call(self, wire: Wire, out: list[Event]) -> None:
        custom = wire.get("custom") if type(wire.get("custom")) is dict else None
        function: Wire = custom or (said if type(said := wire.get("function")) is dict else {})
        id, name, arguments = wire.get("id"), function.get("name"), function.get("arguments")
        id = str(id) if type(id) is int else id if type(id) is str else ""
        name = name if type(name) is str else ""
        if type(arguments) is dict:
            arguments = arguments_of(arguments)
        if custom and type(input := custom.get("input")) is str:
            arguments = dumps(input)[1:-1]
        arguments = arguments if type(arguments) is str and arguments != "null" else ""
        seal = wire.get("extra_content")
        if not (id or name or arguments or seal):
            return
        self._stop(out)
        call = self._slot(wire.get("index"), id, name, arguments)
        if custom and not call.custom:
            call.custom, arguments = True, '{"input":"' + arguments
        call.name = call.name or name
        if not call.id and id:
            call.id = self._made(self._calls.index(call)) if any(other.id == id for other in self._calls) else id
        if seal and type(seal) is dict and type(google := seal.get(GOOGLE)) is dict:
            value = google.get("thought_signature")
            call.seal = Signature(GOOGLE, value) if type(value) is str and value else call.seal
        if arguments:
            call.arguments.append(arguments)
        if call.open:
            if arguments or call.seal is not None:
                out.append(PartDelta(call.index, arguments, call.seal))
                call.seal = None
        elif call.id and call.name:
            self._open_call(call, out)

    def _slot(self, index: Json, id: str, name: str, arguments: str) -> _Call:
        """Which call a delta belongs to. A new id on a used index is a new call (case 13); so are arguments with a
        name and no id after a call that is complete, from servers that number and name nothing. More of a call that is
        not complete may come under another index (SGLang counts the tools of the request first, then the calls)."""
        key: int | str = index if type(index) in (int, str) else id or "-"
        call = self._slots.get(key)
        if call is None and not name and self._calls and (key == "-" or not (id or self._calls[-1].whole())):
            return self._slots.setdefault(key, self._calls[-1]) if key != "-" else self._calls[-1]
        if call is not None and name:
            renewed = call.id and id and id != call.id
            if renewed or (not id and arguments.strip() and call.whole()):
                call = None
        if call is None:
            call = _Call(self._next)
            self._next += 1
            self._calls.append(call)
            self._slots[key] = call
        return call

    def _open_call(self, call: _Call, out: list[Event]) -> None:
        call.open = True
        extra: Extra = {QUIET + "type": "custom"} if call.custom else {}
        out.append(PartStart(call.index, ToolCall(id=call.id, name=self._ctx.original(call.name), extra=extra)))
        seal, self._seal = call.seal or self._seal, None
        call.seal = None
        if (text := "".join(call.arguments)) or seal:
            out.append(PartDelta(call.index, text, seal))

    def _made(self, n: int) -> str:
        """An id for a call without one: deterministic where the answer has an id (case 10)."""
        if not self._id:
            self._id = self._ctx.new_id("")
        return synthetic(legal_name(self._id, 30), n)

    # -- the end

    def _finish(self, out: list[Event]) -> None:
        self._done = True
        if self._tags is not None:
            self._tell(self._tags.close(), out)
        self._stop(out)
        if self._seal is not None and not any(not call.open for call in self._calls):
            self._begin("text", out)
            self._stop(out)
        for n, call in enumerate(self._calls):
            if not call.open:  # its id or its name never came (cases 10, 11)
                call.id = call.id or self._made(n)
                call.name = call.name or f"tool_{n}"
                self._open_call(call, out)
            if call.custom:
                out.append(PartDelta(call.index, '"}'))
            out.append(PartEnd(call.index))
        called = any(self._reason or not call.arguments or call.whole() or call.custom for call in self._calls)
        stop: Stop = decode_stop(self._reason, called, self._sequence)
        out.append(Finish(stop=stop, usage=decode_usage(self._usage), extra=self._extra()))

    def _extra(self) -> Extra:
        choice = dict(self._choice)
        if transcript := "".join(self._transcript):
            choice["message"] = {"audio": {"transcript": transcript}}
        return self._last | ({"choices": [choice]} if choice else {})

    def _truncated(self) -> NoReturn:
        raise GatewayError(
            Kind.UPSTREAM, "the provider's stream ended before the answer was complete", code="upstream_truncated"
        )


def leftovers(wire: Wire, known: set[str]) -> Extra:
    return {name: value for name, value in wire.items() if name not in known and not asks_nothing(name, value)}


RARE = {
    "refusal": Decoder._refuse,
    "audio": Decoder._hear,
    "annotations": Decoder._cite,
    "tool_calls": Decoder._tools,
    "function_call": Decoder._function,
    "extra_content": Decoder._sealed,
}
"""What reads the members of a delta beside text and reasoning."""
