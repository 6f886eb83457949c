"""An answer in Chat Completions as a client reads it: whole, or in chunks.

It knows nothing of how the answer came to be. The shapes are those of the seeds: no member they do not show, unless
it carries something (contract 000-2, 000-3).
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

from dragoman.core.audio import is_pcm
from dragoman.core.codec import QUIET, Context, Wire, clean, merge, without_first
from dragoman.core.content import AUDIO_TYPES, legal_name
from dragoman.core.errors import GatewayError
from dragoman.core.framing import Frame
from dragoman.core.ir import (
    AnyPart,
    Base64,
    Event,
    Extra,
    Finish,
    Media,
    PartDelta,
    PartEnd,
    PartStart,
    Reasoning,
    Refusal,
    Request,
    Response,
    Signature,
    Start,
    Text,
    Token,
    ToolCall,
)
from dragoman.core.leaving import leave_citations, leave_part, leave_parts
from dragoman.dialects.openai_chat.ends import encode_end, encode_error, encode_usage
from dragoman.dialects.openai_chat.parts import (
    DIALECT,
    FROM_FUNCTION_CALL,
    PICTURE,
    REASONING,
    encode_call,
    encode_citation,
    encode_details,
    encode_free,
    encode_seal,
    picture_url,
    spelled,
    synthetic,
    to_wav,
)
from dragoman.dialects.openai_logprobs import encode_tokens

DONE = Frame(b"[DONE]")
EXPIRES = 3600  # seconds a sound in an answer says it can be referred to; nobody can, but clients want the field
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def is_legacy(request: Request | None) -> bool:
    """Whether a client speaks of `functions` and waits for a `function_call`, as before November 2023."""
    return request is not None and spelled(request.extra, "functions")


def takes_text(request: Request | None) -> set[str]:
    """The tools of a client that take free text."""
    return {tool.name for tool in request.tools if spelled(tool.extra, "custom")} if request is not None else set()


def merge_choices(wire: Wire, extra: Extra, ctx: Context) -> None:
    """Leftovers of the choices, which are an array: put back at home, reported lost abroad."""
    left = extra.get("choices")
    if not isinstance(left, list):
        return
    for i, choice in enumerate(left):
        if not isinstance(choice, dict):
            continue
        if ctx.at_home:
            choices = wire["choices"]
            choices[i:] = [merge(dict(choices[i]), choice)] if i < len(choices) else [choice]
        else:
            message = choice.get("message")
            own = {name: value for name, value in choice.items() if name != "message"} if i == 0 else {}
            ctx.carry({}, own, f"choices[{i}]")
            if i:
                ctx.lose(f"choices[{i}]", "only one choice has a neutral form")
            elif isinstance(message, dict):
                ctx.carry({}, message, f"choices[{i}].message")


# -- whole -----------------------------------------------------------------------


def encode_response(response: Response, ctx: Context) -> Wire:
    ctx.going(response.origin, DIALECT)
    leave_parts(response.parts, ctx)
    left = first_choice(response.extra) if ctx.at_home else {}
    message = _Message(ctx, said if isinstance(said := left.get("message"), dict) else {})
    for i, part in enumerate(response.parts):
        message.add(part, f"parts[{i}]")
    told = message.told()
    ended = encode_end(response.stop, ctx, is_legacy(ctx.request))
    choice: Wire = {"index": ctx.choice, "message": told} | ended
    tokens = [token for part in response.parts if isinstance(part, Text) for token in part.logprobs]
    if tokens and not spelled(left, "logprobs"):
        choice["logprobs"] = encode_logprobs(tuple(tokens))
    if ctx.at_home and response.stop.sequence is not None:
        choice["stop_reason"] = response.stop.sequence  # vLLM's
    top = {name: value for name, value in response.extra.items() if name != "choices"}
    created = top.pop(QUIET + "created", None)
    wire: Wire = {
        "id": ctx.answer_id or (response.id if ctx.at_home else "") or ctx.new_id("chatcmpl-"),
        "object": "chat.completion",
        "created": created if ctx.at_home and type(created) is int else ctx.now(),
        "model": ctx.model or response.model,
        "choices": [choice],
        "usage": encode_usage(response.usage, ctx),
    }
    wire = ctx.carry(wire, top, "")
    merge_choices(wire, response.extra, ctx)
    return wire


def encode_logprobs(tokens: tuple[Token, ...]) -> Wire:
    return {"content": encode_tokens(tokens), "refusal": None}


def first_choice(extra: Extra) -> Extra:
    choices = extra.get("choices")
    return choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}


class _Message:
    """The one message of an answer, part by part. What waits among the leftovers as it was spelled is not told anew."""

    def __init__(self, ctx: Context, left: Extra) -> None:
        self._ctx, self._left = ctx, left
        self._legacy = is_legacy(ctx.request)
        self._free = takes_text(ctx.request)
        self._content: list[str] = []
        self._chars = 0
        self._notes: list[Wire] = []
        self._refusal: list[str] = []
        self._reasoning: list[Reasoning] = []
        self._calls: list[Wire] = []
        self._images: list[Wire] = []
        self._rest: Wire = {}

    def add(self, part: AnyPart, path: str) -> None:
        match part:
            case Text():
                self._text(part, path)
            case Refusal(text=text):
                self._refusal.append(text)
            case Reasoning():
                self._reasoning.append(part)
            case ToolCall(server=False):
                if part.extra != FROM_FUNCTION_CALL or not self._ctx.at_home:
                    self._call(part, path)
            case Media():
                self._media(part, path)
            case _:
                if not self._ctx.at_home:
                    kind = type(part).__name__.lower()
                    self._ctx.lose(path, f"a {kind} of the provider's own has no form here")

    def _text(self, part: Text, path: str) -> None:
        self._content.append(part.text)
        notes = [encode_citation(c, self._chars, len(part.text)) for c in part.citations if c.url]
        if len(notes) < len(part.citations):
            self._ctx.lose(f"{path}.citations", "a citation without a URL has no form here")
        leave_citations(part.citations, self._ctx, path, quoted=False)
        self._notes += notes
        self._chars += len(part.text)
        if part.signature is not None:
            if seal := encode_seal(part.signature):
                self._rest |= seal
            else:
                self._ctx.lose(f"{path}.signature", "a text carries no signature here")

    def _call(self, part: ToolCall, path: str) -> None:
        if part.signature is not None:
            if spelled(self._left, "extra_content"):
                part = replace(part, signature=None)  # it goes home where it was: on the message
            elif not encode_seal(part.signature):
                self._ctx.lose(f"{path}.signature", "a call carries no such signature here")
        if self._ctx.at_home and spelled(part.extra, "type"):
            self._calls.append(self._ctx.carry({"id": part.id}, part.extra, path))
            return
        base = self._ctx.new_id("") if not part.id else ""
        id = part.id or synthetic(legal_name(base, 30), len(self._calls))
        wire = encode_free(part, id) if part.name in self._free else encode_call(part, id, part.name)
        self._calls.append(self._ctx.carry(wire, part.extra, path))

    def _media(self, part: Media, path: str) -> None:
        if url := picture_url(part):
            if not spelled(self._left, "images"):
                self._images.append({"type": "image_url", "image_url": {"url": url}, "index": len(self._images)})
                self._content.append(PICTURE % url)
                self._chars += len(self._content[-1])
        elif part.media_type.startswith("audio/") and isinstance(part.source, Base64):
            if not spelled(self._left, "audio"):
                self._rest["audio"] = self._sound(part.source.data, part.media_type, path)
        else:
            self._ctx.lose(path, f"{part.media_type} in an answer has no form here")

    def _sound(self, data: str, media_type: str, path: str) -> Wire:
        ctx = self._ctx
        speech = ctx.request.speech if ctx.request is not None else None
        wanted = speech.format if speech is not None else None
        if wanted == "wav" and is_pcm(media_type):
            data = to_wav(data, media_type)
        elif wanted and AUDIO_TYPES.get(wanted, "").partition(";")[0] != media_type.partition(";")[0]:
            ctx.lose(path, f"{media_type} came where {wanted} was asked for")
        return {"id": ctx.new_id("audio_"), "data": data, "transcript": "", "expires_at": ctx.now() + EXPIRES}

    def told(self) -> Wire:
        left, calls = self._left, self._calls
        content: str | None = "".join(self._content)
        if spelled(left, "content") or (not content and (calls or "audio" in self._rest or "content" in left)):
            content = None
        wire: Wire = {"role": "assistant", "content": content}
        if not spelled(left, *REASONING):
            text = "".join(part.text for part in self._reasoning)
            signed = any(part.signature for part in self._reasoning)
            wire["reasoning_content"] = text or None
            wire["reasoning_details"] = encode_details(self._reasoning) if signed else None
        wire["refusal"] = "".join(self._refusal) or None
        wire["annotations"] = None if spelled(left, "annotations") else self._notes or None
        wire["images"] = self._images or None
        if calls and self._legacy:
            wire["function_call"] = calls[0].get("function")
        else:
            wire["tool_calls"] = calls or None
        return {"role": wire.pop("role"), "content": wire.pop("content")} | clean(wire) | self._rest


# -- in chunks ---------------------------------------------------------------------


class Encoder:
    """One id, one head for all chunks; the role in the first and in no other (case 29)."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._legacy = is_legacy(ctx.request)
        self._free = takes_text(ctx.request)
        self._wire: Wire = {}
        self._head = b""
        self._parts: dict[int, AnyPart] = {}
        self._texts: dict[int, list[str]] = {}  # of parts that must be known whole: signed reasoning, pictures
        self._calls: dict[int, int] = {}  # part -> which call it is, from 0 (case 27), in the order they are told
        self._waiting: set[int] = set()  # calls not opened yet: a signature is owed in the first chunk of a call
        self._empty: set[int] = set()  # calls without arguments so far
        self._chars = 0  # of content
        self._began: dict[int, int] = {}  # text part -> characters of content before it
        self._details = 0
        self._notes = 0
        self._images = 0
        self._audio = False

    def feed(self, event: Event) -> Iterator[Frame]:
        match event:
            case PartDelta(index=index, text=text):
                part = self._parts.get(index)
                if type(part) is Text and text and event.signature is None and not (event.citations or event.logprobs):
                    self._chars += len(text)
                    return iter((self._chunk(b'{"content":%b}' % _encode(text)),))
                return self._delta(event, part)
            case PartStart(index, part):
                return self._part(index, part)
            case PartEnd(index):
                return self._end(index)
            case Start():
                return self._start(event)
            case Finish():
                return self._finish(event)
            case _:
                return iter(())

    def follow(self, frame: Frame) -> None:
        """Its error frame needs no more than the error."""

    def fail(self, error: GatewayError) -> Iterator[Frame]:
        # No [DONE] after it: AIClient-2-API, the seed's own server, sends none (contract 2.7, case 37), though
        # reliability.md 2.4 would; openai-python, openai-node and the AI SDK raise at the error in both cases.
        yield Frame(_encode(encode_error(error)[1]))

    def ping(self) -> Frame | None:
        return None

    def _chunk(self, delta: bytes, finish: bytes = b"null") -> Frame:
        return Frame(b'%b%b,"finish_reason":%b}]}' % (self._head, delta, finish))

    def _told(self, delta: Wire) -> Frame:
        return self._chunk(_encode(delta))

    def _start(self, start: Start) -> Iterator[Frame]:
        ctx = self._ctx
        ctx.going(start.origin, DIALECT)
        home = ctx.at_home
        extra = {name: value for name, value in start.extra.items() if name != "choices"}
        created = extra.pop(QUIET + "created", None)
        wire: Wire = {
            "id": ctx.answer_id or (start.id if home else "") or ctx.new_id("chatcmpl-"),
            "object": "chat.completion.chunk",
            "created": created if home and type(created) is int else ctx.now(),
            "model": ctx.model or start.model,
        }
        self._wire = ctx.carry(wire, extra, "")
        self._head = _encode(self._wire)[:-1] + b',"choices":[{"index":%d,"delta":' % ctx.choice
        yield self._chunk(b'{"role":"assistant","content":""}')

    def _part(self, index: int, part: AnyPart) -> Iterator[Frame]:
        leave_part(part, self._ctx, f"parts[{index}]")
        match part:
            case ToolCall(server=False):
                self._waiting.add(index)
                self._empty.add(index)
            case Text():
                self._began[index] = self._chars
            case Reasoning():
                self._texts[index] = []
            case Media(source=Base64(data)):
                self._texts[index] = []
                if data and part.media_type.startswith("audio/"):
                    self._parts[index] = part
                    return self._delta(PartDelta(index, data), part)
            case Media() | Refusal():
                pass
            case _:
                kind = type(part).__name__.lower()
                self._ctx.lose(f"parts[{index}]", f"a {kind} of the provider's own has no form here")
                return iter(())
        self._parts[index] = part
        return iter(())

    def _delta(self, delta: PartDelta, part: AnyPart | None) -> Iterator[Frame]:
        match part:
            case Text():
                yield from self._text(delta)
            case Reasoning():
                yield from self._reasoning(delta, part)
            case ToolCall():
                yield from self._arguments(delta, part)
            case Refusal():
                if delta.text:
                    yield self._told({"refusal": delta.text})
            case Media(media_type=kind):
                if kind.startswith("audio/") and delta.text:
                    first = {} if self._audio else {"id": self._ctx.new_id("audio_")}  # openai-python adds strings up
                    self._audio = True
                    yield self._told({"audio": first | {"data": delta.text}})
                else:
                    self._texts[delta.index].append(delta.text)
            case _:
                pass

    def _text(self, delta: PartDelta) -> Iterator[Frame]:
        self._chars += len(delta.text)
        if delta.logprobs:
            logprobs = _encode(encode_logprobs(delta.logprobs))
            yield self._chunk(b'%b,"logprobs":%b' % (_encode({"content": delta.text}), logprobs))
        elif delta.text:
            yield self._told({"content": delta.text})
        if delta.signature is not None:
            if seal := encode_seal(delta.signature):
                yield self._told(seal)
            else:
                self._ctx.lose(f"parts[{delta.index}].signature", "a text carries no signature here")
        leave_citations(delta.citations, self._ctx, f"parts[{delta.index}]", quoted=False)
        began = self._began[delta.index]
        cited = [citation for citation in delta.citations if citation.url]
        if len(cited) < len(delta.citations):
            self._ctx.lose(f"parts[{delta.index}].citations", "a citation without a URL has no form here")
        if cited:  # with an index, by which openai-python joins deltas
            length, first = self._chars - began, self._notes
            notes = [{"index": first + i} | encode_citation(c, began, length) for i, c in enumerate(cited)]
            self._notes += len(notes)
            yield self._told({"annotations": notes})

    def _reasoning(self, delta: PartDelta, part: Reasoning) -> Iterator[Frame]:
        if delta.text:
            self._texts[delta.index].append(delta.text)
            yield self._chunk(b'{"reasoning_content":%b}' % _encode(delta.text))
        if delta.signature is not None:
            whole = replace(part, text="".join(self._texts[delta.index]), signature=delta.signature)
            details = encode_details([whole], self._details)
            self._details += len(details)
            yield self._told({"reasoning_details": details})

    def _arguments(self, delta: PartDelta, part: ToolCall) -> Iterator[Frame]:
        index = delta.index
        if self._is_free(part):
            self._texts.setdefault(index, []).append(delta.text)
            return
        if index in self._waiting:
            yield self._open(index, part, delta.signature)
        elif delta.signature is not None and (seal := encode_seal(delta.signature)):
            yield self._told({"tool_calls": [{"index": self._calls[index]} | seal]})
        if delta.text:
            self._empty.discard(index)
            yield self._grown(index, delta.text)

    def _grown(self, index: int, text: str) -> Frame:
        if self._legacy:
            return self._told({"function_call": {"arguments": text}})
        return self._chunk(
            b'{"tool_calls":[{"index":%d,"function":{"arguments":%b}}]}' % (self._calls[index], _encode(text))
        )

    def _open(self, index: int, part: ToolCall, signature: Signature | None) -> Frame:
        self._waiting.discard(index)
        if self._legacy:
            return self._told({"function_call": {"name": part.name, "arguments": ""}})
        if signature is not None and not encode_seal(signature):
            self._ctx.lose(f"parts[{index}].signature", "a call carries no such signature here")
        n = self._calls[index] = len(self._calls)
        call: Wire = {
            "index": n,
            "id": part.id or synthetic(legal_name(self._wire["id"], 30), n),
            "type": "function",
            "function": {"name": part.name, "arguments": ""},
        }
        return self._told({"tool_calls": [call | encode_seal(signature)]})

    def _end(self, index: int) -> Iterator[Frame]:
        part = self._parts.get(index)
        match part:
            case ToolCall() if self._is_free(part):
                yield self._custom(index, part)
            case ToolCall():
                if index in self._waiting:
                    yield self._open(index, part, None)
                if index in self._empty:
                    yield self._grown(index, "{}")  # "" is no JSON (case 28)
            case Media():
                yield from self._picture(index, part)
            case _:
                pass
        self._texts.pop(index, None)

    def _is_free(self, part: ToolCall) -> bool:
        """Whether a call is of a tool that takes free text: the client's own, or at home as the provider has it."""
        return part.name in self._free or (self._ctx.at_home and spelled(part.extra, "type"))

    def _custom(self, index: int, part: ToolCall) -> Frame:
        n = self._calls[index] = len(self._calls)
        whole = replace(part, arguments="".join(self._texts.get(index, ())))
        id = part.id or synthetic(legal_name(self._wire["id"], 30), n)
        return self._told({"tool_calls": [{"index": n} | encode_free(whole, id)]})

    def _picture(self, index: int, part: Media) -> Iterator[Frame]:
        """For people as markdown, for programs in `images`, both in one chunk (contract 001-2)."""
        if part.media_type.startswith("audio/") and self._audio:
            yield self._told({"audio": {"expires_at": self._ctx.now() + EXPIRES}})
            return
        if isinstance(part.source, Base64):
            part = replace(part, source=Base64(part.source.data + "".join(self._texts.get(index, ()))))
        url = picture_url(part)
        if url is None:
            self._ctx.lose(f"parts[{index}]", f"{part.media_type} in an answer has no form here")
            return
        markdown = PICTURE % url
        self._chars += len(markdown)
        image = {"type": "image_url", "image_url": {"url": url}, "index": self._images}
        self._images += 1
        yield self._told({"content": markdown, "images": [image]})

    def _finish(self, finish: Finish) -> Iterator[Frame]:
        ctx = self._ctx
        ended = encode_end(finish.stop, ctx, self._legacy)
        top = {name: value for name, value in finish.extra.items() if name != "choices"}
        chunk = self._wire | {"choices": [{"index": ctx.choice, "delta": {}} | ended]}
        chunk = ctx.carry(chunk, top, "")
        merge_choices(chunk, without_first(finish.extra, "choices", "logprobs"), ctx)
        yield Frame(_encode(chunk))
        if not ctx.last:
            return
        if ctx.request is None or ctx.request.stream_usage:
            yield Frame(_encode(self._wire | {"choices": [], "usage": encode_usage(finish.usage, ctx)}))
        yield DONE
