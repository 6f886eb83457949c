"""The app API, /api/generate: a system prompt and messages in, text out (contract 2.4, 2.7); both directions.

It knows no other dialect, and of an answer only what a page can show: text, images as markdown, thinking if asked for.

Beside the published fields the body may name `model` and `provider` (002-2), and `showThinking`: with it, thoughts
come as `{"thinking": "..."}` events of the stream, or as `data.thinking` of a whole answer; without it they never do.
A message's `content` may also be an array of `{"type": "text"}` and `{"type": "image_url"}` parts. `provider` is for
whoever routes the request and goes no further; `id` and `timestamp` are the client's own bookkeeping: they are
accepted, and no loss where they are of no use.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from dragoman.core.choices import one_answer
from dragoman.core.codec import QUIET, Context, Fields, Wire, clean, dumps, name_of, raw_members, rewrite
from dragoman.core.content import data_url, effort_of, from_url
from dragoman.core.errors import GatewayError, Kind, invalid
from dragoman.core.fold import Sequence, unfold
from dragoman.core.framing import Frame
from dragoman.core.ir import (
    AnyPart,
    Base64,
    Event,
    Finish,
    Json,
    Media,
    Message,
    PartDelta,
    PartEnd,
    PartStart,
    Reasoning,
    Refusal,
    Request,
    Response,
    Role,
    Sampling,
    Start,
    Stop,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Url,
)
from dragoman.core.leaving import leave_part, leave_request
from dragoman.core.media import Model
from dragoman.core.profile import Profile
from dragoman.core.refusals import context_is_full, kind_of, retry_after
from dragoman.core.terms import lose_terms

DIALECT = "simple"
ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system"}
ERRORS: dict[Kind, tuple[int, str]] = {
    Kind.INVALID_REQUEST: (400, "invalid request"),
    Kind.CONTEXT_LENGTH: (400, "the conversation is too long"),
    Kind.CONTENT_POLICY: (400, "the content was refused"),
    Kind.AUTHENTICATION: (401, "missing or invalid API key"),
    Kind.PERMISSION: (403, "not allowed"),
    Kind.NOT_FOUND: (404, "not found"),
    Kind.METHOD: (405, "method not allowed"),
    Kind.CONFLICT: (409, "conflict"),
    Kind.TOO_LARGE: (413, "the request is too large"),
    Kind.MEDIA_TYPE: (415, "unsupported media type"),
    Kind.RATE_LIMIT: (429, "rate limit exceeded"),
    Kind.QUOTA: (429, "quota exhausted"),
    Kind.INTERNAL: (500, "internal error"),
    Kind.UPSTREAM: (502, "upstream error"),
    Kind.OVERLOADED: (503, "overloaded"),
    Kind.TIMEOUT: (504, "timeout"),
}
"""Each kind's status, and the words for an error that brings none. This dialect has no words for programs."""
PREFIX = re.compile(r"Provider returned (\d{3}): ")
PIECE = 4000  # characters of one event: its client parses each network chunk by itself (002-6)


# -- requests: decode ------------------------------------------------------------


def decode_message(wire: Json, path: str) -> Message:
    f = Fields(wire, path)
    for name in ("id", "timestamp"):
        if name in f:
            f.quiet(name, f.any(name))
    role = f.choice("role", ROLES)
    if role is None:
        raise invalid(f.at("role"), "required")
    content = f.any("content")
    match content:
        case str():
            parts: tuple[AnyPart, ...] = (Text(text=content),) if content else ()
        case list():
            parts = tuple(decode_part(part, f"{f.at('content')}[{i}]") for i, part in enumerate(content))
            f.quiet("content", [])
        case None:
            raise invalid(f.at("content"), "required")
        case _:
            raise invalid(f.at("content"), f"expected a string or an array of parts, got {name_of(content)}")
    return Message(role=role, parts=parts, extra=f.rest)


def decode_part(wire: Json, path: str) -> AnyPart:
    f = Fields(wire, path)
    match f.need("type", str):
        case "text":
            return Text(text=f.need("text", str), extra=f.rest)
        case "image_url":
            if isinstance(f.peek("image_url"), str):
                url = f.need("image_url", str)
            else:
                url = f.sub("image_url").need("url", str)
            media_type, source = from_url(url, "image/*")
            return Media(media_type=media_type, source=source, extra=f.rest)
        case other:
            raise invalid(f.at("type"), f"{other!r:.60} is not one of text, image_url")


def decode_thinking(f: Fields) -> Thinking | None:
    enabled, shown = f.take("thinkingEnabled", bool), f.take("showThinking", bool)
    if enabled is None:  # to ask for thoughts is to ask for thinking
        if shown is False:
            f.quiet("showThinking", False)
        return Thinking(visible=True) if shown else None
    return Thinking(effort="medium" if enabled else "none", visible=shown)


# -- requests: encode ------------------------------------------------------------


def system_and_turns(request: Request, ctx: Context) -> tuple[list[str], list[tuple[int, Message]]]:
    """The texts of the leading system messages, and the other messages with their places.

    At home the first of them is the system prompt, if there was one, and the others stay where they are.
    """
    texts: list[str] = []
    turns = list(enumerate(request.messages))
    most = len(turns) if not ctx.at_home else 0 if QUIET + "systemPrompt" in request.extra else 1
    while turns and len(request.messages) - len(turns) < most and (message := turns[0][1]).role == "system":
        path = f"messages[{turns[0][0]}]"
        ctx.carry({}, message.extra, path)
        if message.name:
            ctx.lose(f"{path}.name", "no place for it in the app API")
        for j, part in enumerate(message.parts):
            if isinstance(part, Text):
                note_part(part, ctx, f"{path}.parts[{j}]")
                ctx.carry({}, part.extra, f"{path}.parts[{j}]")
                texts.append(part.text)
            else:
                ctx.lose(f"{path}.parts[{j}]", "a system prompt is text here")
        turns.pop(0)
    return texts, turns


def note_part(part: AnyPart, ctx: Context, path: str) -> None:
    """Reports what any part may carry and this dialect has no place for."""
    for name in ("cache", "signature", "citations", "logprobs"):
        if getattr(part, name, None):
            ctx.lose(f"{path}.{name}", "no place for it in the app API")


def encode_part(part: AnyPart, ctx: Context, path: str, calls: dict[str, str]) -> Wire | None:
    note_part(part, ctx, path)
    match part:
        case Text(text=text) | Refusal(text=text):
            wire: Wire = {"type": "text", "text": text}
        case Media(media_type=kind, source=Base64(data)) if kind.startswith("image/"):
            wire = {"type": "image_url", "image_url": {"url": data_url(kind, data)}}
        case Media(media_type=kind, source=Url(url)) if kind.startswith("image/"):
            wire = {"type": "image_url", "image_url": {"url": url}}
        case Media(media_type=kind):
            raise invalid(path, f"the app API takes text and images, not {kind} or stored files")
        case ToolCall(id=id, name=name, arguments=arguments):
            calls[id] = name
            ctx.lose(path, "a tool call is told as text", "emulated")
            wire = {"type": "text", "text": f"[Called {name} with {arguments or '{}'}]"}
        case ToolResult():
            return encode_result(part, ctx, path, calls)
        case _:
            ctx.lose(path, f"{type(part).__name__.lower()} has no form in the app API")
            return None
    return ctx.carry(wire, part.extra, path)


def encode_result(part: ToolResult, ctx: Context, path: str, calls: dict[str, str]) -> Wire:
    text = "\n".join(piece.text for piece in part.content if isinstance(piece, Text))
    for j, piece in enumerate(part.content):
        if not isinstance(piece, Text):
            ctx.lose(f"{path}.content[{j}]", "a tool result is told as text")
    ctx.lose(path, "a tool result is told as text", "emulated")
    word = "Error" if part.is_error else "Result"
    return {"type": "text", "text": f"[{word} of {calls.get(part.call_id, part.call_id)}: {text}]"}


def encode_content(message: Message, ctx: Context, path: str, calls: dict[str, str]) -> str | list[Wire]:
    """A string wherever that says it all."""
    found = [encode_part(part, ctx, f"{path}.parts[{j}]", calls) for j, part in enumerate(message.parts)]
    wires = [wire for wire in found if wire is not None]
    array = ctx.at_home and QUIET + "content" in message.extra
    if array or any(wire.keys() != {"type", "text"} for wire in wires):
        return wires
    return "\n".join(wire["text"] for wire in wires)


def encode_tools(request: Request, ctx: Context) -> None:
    """Tools cannot be offered: an error where one must be called, else a loss."""
    if not request.tools:
        return
    if request.tool_choice.mode in ("required", "tool"):
        raise invalid("tool_choice", "a tool must be called, and the app API has none")
    ctx.lose("tools", "the app API has no tools")


def encode_sampling(sampling: Sampling, ctx: Context) -> Wire:
    for name in ("top_p", "top_k", "stop", "seed", "presence_penalty", "frequency_penalty"):
        if getattr(sampling, name) not in (None, ()):
            ctx.lose(f"sampling.{name}", "no place for it in the app API")
    temperature = sampling.temperature
    if temperature is not None and temperature > 2:
        ctx.lose("sampling.temperature", "at most 2 here", "clamped")
        temperature = 2.0
    return {"temperature": temperature, "maxTokens": sampling.max_tokens}


def iso(now: int) -> str:
    """Unix seconds as ISO 8601, reckoned by the calendar of 400 years: a codec has no clock and no time zone."""
    days, second = divmod(now, 86400)
    era, day = divmod(days + 719468, 146097)  # from 1 March of the year 0
    year = (day - day // 1460 + day // 36524 - day // 146096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153  # from March
    y, m, d = year + 400 * era + (month >= 10), month + 3 - 12 * (month >= 10), day - (153 * month + 2) // 5 + 1
    return f"{y:04}-{m:02}-{d:02}T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.000Z"


def encode_thinking(thinking: Thinking | None, ctx: Context) -> Wire:
    if thinking is None:
        return {}
    ctx.carry({}, thinking.extra, "thinking")
    effort = effort_of(thinking)
    if effort not in (None, "none", "medium") or thinking.budget:
        ctx.lose("thinking.effort", "thinking is only on or off here", "clamped")
    adaptive = effort is None and thinking.visible and thinking.budget is None
    return {"thinkingEnabled": None if adaptive else effort != "none", "showThinking": thinking.visible}


def encode_format(request: Request, ctx: Context) -> tuple[str, ...]:
    """What must be added to the system prompt, for an answer in the shape that was asked for."""
    if request.format is None:
        return ()
    ctx.lose("format", "asked for in the system prompt", "emulated")
    schema = "" if request.format.schema is None else f" that fits this JSON Schema: {dumps(request.format.schema)}"
    return (f"Answer with one JSON value and nothing else{schema}",)


# -- responses: encode -------------------------------------------------------------

Shown = tuple[Literal["content", "thinking"], str]


@dataclass
class Page:
    """Events to the pieces of text a page shows, in order; one for each answer."""

    ctx: Context
    thoughts: bool
    _parts: dict[int, AnyPart] = field(default_factory=dict)
    _images: dict[int, list[str]] = field(default_factory=dict)
    _order: Sequence = field(default_factory=Sequence)  # thoughts may interleave with text, texts not with each other
    _last: type[AnyPart] | None = None

    def feed(self, event: Event) -> Iterator[Shown]:
        match event:
            case PartStart(index, part):
                leave_part(part, self.ctx, f"parts[{index}]")
                self._parts[index] = part
                yield from self._part(event, part)
            case PartDelta(index) | PartEnd(index):
                yield from self._part(event, self._parts[index])
            case Finish(stop=stop):
                for ordered in self._order.feed(event):
                    yield from self._show(ordered)
                if stop.sequence is not None:
                    self.ctx.lose("stop.sequence", "which words ended the answer is not told here")
                if stop.reason != "stop":
                    self.ctx.lose("stop", f"the app API cannot say that the answer ended by {stop.reason}")
            case _:
                pass

    def _part(self, event: PartStart | PartDelta | PartEnd, part: AnyPart) -> Iterator[Shown]:
        path = f"parts[{event.index}]"
        if isinstance(event, PartStart):
            note_part(part, self.ctx, path)
        elif isinstance(event, PartDelta):
            for name in ("citations", "logprobs"):
                if getattr(event, name):
                    self.ctx.lose(f"{path}.{name}", "no place for it in the app API")
            if event.signature and not isinstance(part, Reasoning):
                self.ctx.lose(f"{path}.signature", "no place for it in the app API")
        match part:
            case Reasoning():
                if self.thoughts and isinstance(event, PartDelta) and event.text:
                    yield "thinking", event.text
            case Text() | Refusal() | Media():
                for ordered in self._order.feed(event):
                    yield from self._show(ordered)
            case _:
                self.ctx.lose(path, f"{type(part).__name__.lower()} has no form in the app API")

    def _show(self, event: Event) -> Iterator[Shown]:
        if not isinstance(event, PartStart | PartDelta | PartEnd):
            return
        part = self._parts[event.index]
        if isinstance(part, Media):
            if isinstance(event, PartDelta):
                self._images.setdefault(event.index, []).append(event.text)
            elif isinstance(event, PartEnd):
                yield from self._image(event.index, part)
        elif isinstance(event, PartDelta) and event.text:
            gap = "\n\n" if self._last is Media else ""
            self._last = Text
            yield "content", gap + event.text

    def _image(self, index: int, part: Media) -> Iterator[Shown]:
        kind, grown = part.media_type, "".join(self._images.pop(index, ()))
        match part.source:
            case Url(url) if kind.startswith("image/"):
                pass
            case Base64(data) if kind.startswith("image/"):
                url = data_url("image/png" if kind == "image/*" else kind, data + grown)
            case _:
                self.ctx.lose(f"parts[{index}]", f"the app API shows text and images, not {kind} or stored files")
                return
        gap = "\n\n" if self._last else ""
        self._last = Media
        yield "content", f"{gap}![Generated Image]({url})"


class Encoder:
    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._page = Page(ctx, shows_thoughts(ctx))

    def feed(self, event: Event) -> Iterator[Frame]:
        if isinstance(event, Start):
            self._ctx.going(event.origin, DIALECT)
        for name, text in self._page.feed(event):
            for at in range(0, len(text), PIECE):
                yield Frame(msgspec.json.encode({name: text[at : at + PIECE]}))
        if isinstance(event, Start | Finish) and not self._ctx.at_home:
            self._ctx.carry({}, event.extra, "")
        if isinstance(event, Finish):
            yield Frame(b"[DONE]")

    def follow(self, frame: Frame) -> None:
        """Its error frame needs no more than the error."""

    def fail(self, error: GatewayError) -> Iterator[Frame]:
        """What fails in mid-stream is the provider; where it named no status, its kind of error has one."""
        status = error.status or ERRORS[error.kind][0]
        yield Frame(msgspec.json.encode({"error": said(error, status)}), "error")

    def ping(self) -> Frame | None:
        return None


def shows_thoughts(ctx: Context) -> bool:
    return bool(ctx.request and ctx.request.thinking and ctx.request.thinking.visible)


# -- responses: decode -------------------------------------------------------------


class Decoder:
    """One part of thoughts and one of text are open at most, and both grow until the end."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._open: dict[str, int] = {}
        self._started = self._done = False

    def feed(self, frame: Frame) -> Iterator[Event]:
        if self._done:
            return
        if not self._started:
            self._started = True
            yield Start(origin=DIALECT, id=self._ctx.new_id("gen-"), model=self._ctx.model)
        if frame.data.strip() == b"[DONE]":
            self._done = True
            yield from (PartEnd(index) for index in self._open.values())
            yield Finish(stop=Stop(reason="stop"))
            return
        try:
            wire = msgspec.json.decode(frame.data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise GatewayError(Kind.UPSTREAM, "the provider's stream holds an event that is not JSON") from None
        if not isinstance(wire, dict):
            return
        if frame.event == "error" or wire.get("error"):
            raise decode_error(None, wire, {})
        for name in ("thinking", "content"):
            text = wire.get(name)
            if isinstance(text, str) and text:
                yield from self._grow(name, text)

    def _grow(self, name: str, text: str) -> Iterator[Event]:
        if name not in self._open:
            self._open[name] = len(self._open)
            yield PartStart(self._open[name], Text(text="") if name == "content" else Reasoning())
        yield PartDelta(self._open[name], text)

    def close(self) -> Iterator[Event]:
        if not self._done:
            message = "the provider's stream ended before its [DONE]"
            raise GatewayError(Kind.UPSTREAM, message, code="upstream_truncated")
        yield from ()


# -- errors --------------------------------------------------------------------------


def said(error: GatewayError, status: int | None) -> str:
    """`Provider returned 429: rate limit exceeded` where a provider said so (002-5), else the message alone."""
    message = error.message or ERRORS[error.kind][1]
    return message if status is None else f"Provider returned {status}: {message}"


def decode_error(status: int | None, wire: Json, headers: Mapping[str, str]) -> GatewayError:
    """Whatever a server of the app API, or something before it, sent in place of an answer."""
    message = message_in(wire)
    if told := PREFIX.match(message):
        status, message = status if status and status >= 400 else int(told[1]), message[told.end() :]
    kind = kind_of(status or 0)
    if kind in (Kind.INVALID_REQUEST, Kind.TOO_LARGE) and context_is_full(message):
        kind = Kind.CONTEXT_LENGTH
    sane = status if status and 400 <= status < 600 else None
    return GatewayError(kind, message or ERRORS[kind][1], status=sane, retry_after=retry_after(headers))


def message_in(wire: Json) -> str:
    """The error's words: `error` or `message`, a string or an object that holds one; bare text; or a list of these."""
    for _ in range(4):
        match wire:
            case str():
                return wire.strip()[:2000]
            case {"error": str() | dict() | list() as inner} | {"message": str() as inner} | [inner, *_]:
                wire = inner
            case _:
                break
    return ""


# -- the codec -----------------------------------------------------------------------


class Simple:
    dialect = DIALECT

    def decode_request(self, wire: Wire, ctx: Context) -> Request:
        f = Fields(wire)
        system = f.need("systemPrompt", str)
        turns = [decode_message(value, path) for value, path in f.items("messages")]
        if not turns:
            raise invalid("messages", "expected at least one message")
        f.take("provider", str)
        if not system:
            f.quiet("systemPrompt", "")
        first = (Message(role="system", parts=(Text(text=system),)),) if system else ()
        sampling = Sampling(temperature=f.between("temperature", 0, 2), max_tokens=f.count("maxTokens"))
        return Request(
            origin=DIALECT,
            model=f.take("model", str) or "",
            messages=(*first, *turns),
            sampling=sampling,
            thinking=decode_thinking(f),
            stream=f.take("stream", bool),
            extra=f.rest,
        )

    def encode_request(self, request: Request, ctx: Context) -> Wire:
        ctx.going(request.origin, DIALECT)
        leave_request(request, ctx)
        encode_tools(request, ctx)
        if request.modalities and "text" not in request.modalities:
            raise invalid("modalities", f"the app API answers with text, not {', '.join(request.modalities)}")
        for name in request.modalities:
            if name not in ("text", "image"):
                ctx.lose("modalities", f"no {name} in the app API")
        for name in ("speech", "picture", "user"):
            if getattr(request, name) is not None:
                ctx.lose(name, "no place for it in the app API")
        one_answer(request, ctx)
        lose_terms(request, ctx)
        if request.logprobs is not None:
            ctx.lose("logprobs", "no probabilities in the app API")
        texts, turns = system_and_turns(request, ctx)
        texts += encode_format(request, ctx)
        calls: dict[str, str] = {}
        time = iso(ctx.now())
        messages = []
        for i, message in turns:
            path = f"messages[{i}]"
            if message.name:
                ctx.lose(f"{path}.name", "no place for it in the app API")
            content = encode_content(message, ctx, path, calls)
            wire: Wire = {"role": message.role, "content": content}
            mine = {} if ctx.at_home else {"id": ctx.new_id("msg_"), "timestamp": time}
            messages.append(ctx.carry(wire | mine, message.extra, path))
        if not messages:
            raise invalid("messages", "the app API needs a message beside the system prompt")
        body = {"model": ctx.model or request.model or None, "systemPrompt": "\n\n".join(texts), "messages": messages}
        settings = encode_sampling(request.sampling, ctx) | encode_thinking(request.thinking, ctx)
        return ctx.carry(clean(body | {"stream": request.stream} | settings), request.extra, "")

    def decode_response(self, wire: Wire, ctx: Context) -> Response:
        if not isinstance(wire, dict):
            raise GatewayError(Kind.UPSTREAM, "the provider's answer is not a JSON object")
        data = wire.get("data")
        if wire.get("ok") is False or not isinstance(data, dict):
            raise decode_error(None, wire, {})
        parts: list[AnyPart] = []
        if isinstance(thoughts := data.get("thinking"), str) and thoughts:
            parts.append(Reasoning(text=thoughts))
        if not isinstance(content := data.get("content"), str):
            raise GatewayError(Kind.UPSTREAM, "the provider's answer has no content")
        if content:
            parts.append(Text(text=content))
        rest = {name: value for name, value in data.items() if name not in ("content", "thinking")}
        extra = {name: value for name, value in wire.items() if name not in ("ok", "data")}
        extra |= {"data": rest} if rest else {}
        return Response(origin=DIALECT, id=ctx.new_id("gen-"), model=ctx.model, parts=tuple(parts), extra=extra)

    def encode_response(self, response: Response, ctx: Context) -> Wire:
        ctx.going(response.origin, DIALECT)
        page = Page(ctx, shows_thoughts(ctx))
        shown = [piece for event in unfold(response) for piece in page.feed(event)]
        data = {"content": "".join(text for name, text in shown if name == "content")}
        if thoughts := "".join(text for name, text in shown if name == "thinking"):
            data["thinking"] = thoughts
        return ctx.carry({"ok": True, "data": data}, response.extra, "")

    def decoder(self, ctx: Context) -> Decoder:
        return Decoder(ctx)

    def encoder(self, ctx: Context) -> Encoder:
        return Encoder(ctx)

    def decode_error(self, status: int, wire: Json, headers: Mapping[str, str]) -> GatewayError:
        return decode_error(status, wire, headers)

    def encode_error(self, error: GatewayError, request_id: str) -> tuple[int, Wire]:
        status = error.status if error.status and 400 <= error.status < 600 else ERRORS[error.kind][0]
        return status, {"ok": False, "error": said(error, error.status)}

    def shows_reasoning(self, request: Request) -> bool:
        return True

    def path(self, model: str, stream: bool) -> str:
        return "/api/generate"

    def edit_request(self, raw: bytes, model: str, stream: bool, profile: Profile) -> bytes:
        said_stream = raw_members(raw).get("stream")
        same = (said_stream is not None and bytes(said_stream) == b"true") == stream
        return rewrite(raw, model=model, provider=None, **({} if same else {"stream": stream}))

    def rename_response(self, raw: bytes, model: str) -> bytes:
        return raw  # this dialect's answers name no model

    def rename_frame(self, frame: Frame, model: str) -> Frame:
        return frame

    def encode_model(self, model: Model) -> Wire:
        return {"ok": True, "data": model_line(model)}

    def encode_models(self, models: tuple[Model, ...]) -> Wire:
        return {"ok": True, "data": [model_line(model) for model in models]}

    def decode_models(self, wire: Wire, provider: str) -> tuple[Model, ...]:
        found = wire.get("data") if isinstance(wire, dict) else None
        if not isinstance(found, list):
            raise GatewayError(Kind.UPSTREAM, "the provider's list of models is not understood")
        lines = [line for line in found if isinstance(line, dict) and isinstance(line.get("id"), str) and line["id"]]
        names = [line.get("name") for line in lines]
        return tuple(
            Model(id=line["id"], provider=provider, name=name if isinstance(name, str) else None)
            for line, name in zip(lines, names, strict=True)
        )


def model_line(model: Model) -> Wire:
    return {"id": model.id, "name": model.name or model.id}
