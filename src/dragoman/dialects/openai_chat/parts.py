"""What a chat is made of, as Chat Completions spells it: content parts, calls, reasoning, citations, counts.

It knows no whole request, answer or stream. The same functions read a client's request and a provider's answer:
with `Fields`, which names what is wrong, or with `Lenient`, which leaves it where it is.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from typing import Literal

from msgspec.structs import replace

from dragoman.core.audio import is_pcm, pcm_to_wav, rate_of
from dragoman.core.codec import QUIET, Context, Fields, T, Wire, clean, dumps, name_of
from dragoman.core.content import AUDIO_TYPES, EXTENSIONS, data_url, from_url
from dragoman.core.errors import invalid
from dragoman.core.ir import (
    AnyPart,
    Base64,
    Cache,
    Citation,
    Extra,
    FileId,
    Json,
    Media,
    Opaque,
    Reasoning,
    Refusal,
    Signature,
    Text,
    ToolCall,
    Url,
)
from dragoman.core.tools import call_input

DIALECT = "openai.chat"
ISSUER = "openai"
GOOGLE = "google"


class Lenient(Fields):
    """Reads a provider's answer: what is not of the type expected stays in `rest`, and nothing is missed."""

    __slots__ = ()

    def take(self, name: str, kind: type[T]) -> T | None:
        value = self._rest.get(name)
        fits = type(value) is kind or (kind is float and type(value) is int)
        return super().take(name, kind) if fits else None

    def keep(self, name: str, kind: type[T]) -> T | None:
        value = self._rest.get(name)
        return value if type(value) is kind else None

    def need(self, name: str, kind: type[T]) -> T:
        value = self.take(name, kind)
        return kind() if value is None else value

    def sub(self, name: str) -> Fields:
        if not isinstance(self._rest.get(name), dict):
            return Lenient({}, self.at(name))
        inner = Lenient(self._rest.pop(name), self.at(name))
        self._inner = [*(self._inner or ()), (name, inner)]
        return inner

    def maybe(self, name: str) -> Fields | None:
        value = self._rest.get(name)
        return self.sub(name) if isinstance(value, dict) and value else None


def objects(f: Fields, name: str) -> list[Fields]:
    """The objects in an array, each to be read as its holder is read."""
    read = type(f)
    return [read(value, path) for value, path in f.items(name) if read is Fields or isinstance(value, dict)]


def as_written(ctx: Context) -> bool:
    """Whether the client's own spelling is kept: at home, unless this provider needs it mended."""
    return ctx.at_home and not ctx.profile.repair


def spelled(extra: Extra, *names: str) -> bool:
    """Whether one of the fields waits among the leftovers in the words of the origin."""
    return bool(extra) and any(QUIET + name in extra for name in names)


# -- content: decode -------------------------------------------------------------


def decode_content(f: Fields) -> tuple[AnyPart, ...]:
    """The parts of `content`: of a string, an array of parts, or nothing."""
    content = f.peek("content")
    if isinstance(content, str):
        f.any("content")
        if content:
            return (Text(text=content),)
        f.quiet("content", content)
        return ()
    if not isinstance(content, list):
        if content is not None and type(f) is Fields:
            raise invalid(f.at("content"), f"expected a string or an array of parts, got {name_of(content)}")
        return ()
    parts = tuple(decode_part(part) for part in objects(f, "content"))
    if len(parts) == 1 and isinstance(parts[0], Text) and len(content) == 1 and content[0].keys() == {"type", "text"}:
        f.quiet("content", content)  # an array of one plain text would come home as a string
    return parts


def decode_part(f: Fields) -> AnyPart:
    kind = f.need("type", str)
    match kind:
        case "text":
            return Text(text=f.need("text", str), cache=decode_cache(f), extra=f.rest)
        case "refusal":
            text = f.need("refusal", str)
            f.quiet("type", kind)
            f.quiet("refusal", text)
            return Refusal(text=text, extra=f.rest)
        case "thinking":
            return decode_thinking_part(f)
        case "image_url" | "video_url" | "document_url":
            return decode_url_part(f, kind)
        case "input_audio":
            audio = f.sub("input_audio")
            data, format = audio.need("data", str), audio.need("format", str)
            audio.quiet("format", format)
            media_type = AUDIO_TYPES.get(format, f"audio/{format}")
            return Media(media_type=media_type, source=Base64(data), cache=decode_cache(f), extra=f.rest)
        case "file":
            return decode_file(f)
        case _:
            return Opaque(kind=kind, raw={"type": kind, **f.rest})


def decode_thinking_part(f: Fields) -> Reasoning:
    """Mistral's: a string, or an array of text parts."""
    thinking = f.any("thinking")
    if not isinstance(thinking, str | list) and type(f) is Fields:
        raise invalid(f.at("thinking"), f"expected an array of parts, got {name_of(thinking)}")
    spelling = {"type": "thinking", "thinking": thinking, "closed": f.any("closed")}
    for name, value in clean(spelling).items():
        f.quiet(name, value)
    return Reasoning(text=thinking_text(thinking), extra=f.rest)


def thinking_text(thinking: Json) -> str:
    if isinstance(thinking, str):
        return thinking
    parts = thinking if isinstance(thinking, list) else ()
    return "".join(text for part in parts if isinstance(part, dict) and isinstance(text := part.get("text"), str))


URL_PARTS = {"image_url": "image/*", "video_url": "video/*", "document_url": "application/pdf"}


def decode_url_part(f: Fields, kind: str) -> Media:
    """An image, a film (OpenRouter, Qwen) or a document (Mistral, who puts no object around the URL)."""
    name = None
    if isinstance(f.peek(kind), str) or kind == "document_url":
        url = f.need(kind, str)
        f.quiet(kind, url)
        if kind == "document_url" and (name := f.take("document_name", str)):
            f.quiet("document_name", name)
    else:
        wrapped = f.sub(kind)
        url = wrapped.need("url", str)
        if wrapped.keep("detail", str) == "auto":
            wrapped.quiet("detail", wrapped.any("detail"))
        if kind != "image_url":
            wrapped.quiet("url", url)
    if kind != "image_url":
        f.quiet("type", kind)
    media_type, source = from_url(url, URL_PARTS[kind])
    return Media(media_type=media_type, source=source, name=name, cache=decode_cache(f), extra=f.rest)


def decode_file(f: Fields) -> Media:
    file = f.sub("file")
    name = file.take("filename", str)
    if id := file.take("file_id", str):
        file.keep("file_data", str)
        return Media(
            media_type="application/*", source=FileId(ISSUER, id), name=name, cache=decode_cache(f), extra=f.rest
        )
    data = file.take("file_data", str)
    if data is None:
        if type(f) is Fields:
            raise invalid(f.at("file"), "needs file_data or file_id")
        data = ""
    kind = EXTENSIONS.get((name or "").rpartition(".")[2].lower(), "application/pdf")
    media_type, source = from_url(data, kind)
    if isinstance(source, Url) and not data.startswith(("http://", "https://", "gs://")):
        source = Base64(data)  # without the head of a data URL
        file.quiet("file_data", data)
    return Media(media_type=media_type, source=source, name=name, cache=decode_cache(f), extra=f.rest)


TTLS: dict[str, Literal["5m", "1h"]] = {"5m": "5m", "1h": "1h"}


def decode_cache(f: Fields) -> Cache | None:
    """A cache mark in Anthropic's spelling, as aggregators take it."""
    mark = f.maybe("cache_control")
    if mark is None or mark.keep("type", str) != "ephemeral":
        return None
    mark.any("type")
    ttl = TTLS.get(mark.keep("ttl", str) or "")
    if ttl:
        mark.any("ttl")
    return Cache(ttl=ttl)


# -- content: encode -------------------------------------------------------------


def encode_part(part: AnyPart, ctx: Context, path: str) -> Wire | None:
    """A part of a question, of a system message or of a tool result; None where it cannot be said here."""
    if as_written(ctx) and spelled(part.extra, "type"):
        return ctx.carry({}, part.extra, path)
    match part:
        case Text(text=text):
            if not text and not ctx.at_home:
                return None  # servers refuse an empty text (case 47)
            if part.citations and not ctx.at_home:
                ctx.lose(f"{path}.citations", "sources of earlier answers are not told again here")
            wire: Wire = {"type": "text", "text": text}
        case Refusal(text=text):
            wire = {"type": "refusal", "refusal": text} if ctx.at_home else {"type": "text", "text": text}
        case Media():
            wire = encode_media(part, ctx, path)
        case Opaque(raw=raw) if ctx.at_home and isinstance(raw, dict):
            return dict(raw)
        case Opaque(kind=kind):
            raise invalid(path, f"a part of type {kind!r:.60} has no equal in this provider's dialect")
        case _:
            ctx.lose(path, f"a {type(part).__name__.lower()} has no form here")
            return None
    lose_signature(part, ctx, path)
    return ctx.carry(wire | mark(part.cache, ctx, path), part.extra, path)


def lose_signature(part: AnyPart, ctx: Context, path: str) -> None:
    if part.signature is not None and not as_written(ctx):
        ctx.lose(f"{path}.signature", f"only {part.signature.issuer} can read it")


def encode_media(part: Media, ctx: Context, path: str) -> Wire:
    kind, source = part.media_type, part.source
    match source:
        case FileId() if kind.startswith("image/") and not as_written(ctx):
            raise invalid(path, "images are taken by URL or as data here, not by a file's id")
        case FileId(issuer, id) if issuer == ISSUER:
            return {"type": "file", "file": clean({"file_id": id, "filename": part.name})}
        case FileId(issuer):
            raise invalid(path, f"a file in the store of {issuer} cannot be read by this provider")
        case Base64(data) if kind.startswith("audio/"):
            return encode_sound(part, data, ctx)
        case Base64(data):
            url = data_url(kind, data)
        case _:
            url = source.url
    if kind.startswith("image/"):
        if as_written(ctx) and spelled(part.extra, "image_url"):
            return {"type": "image_url"}  # Mistral's: no object around the URL
        return {"type": "image_url", "image_url": {"url": url}}
    if kind.startswith("video/"):
        return {"type": "video_url", "video_url": {"url": url}}  # OpenRouter's, Qwen's and vLLM's
    return encode_file(part, url, ctx, path)


def encode_file(part: Media, url: str, ctx: Context, path: str) -> Wire:
    kind, source = part.media_type, part.source
    if not isinstance(source, Base64):
        if ctx.at_home:
            return {"type": "file", "file": clean({"file_data": url, "filename": part.name})}
        raise invalid(path, f"{kind} by URL is not taken by this provider; send the data itself")
    if kind.startswith("text/") and (text := plain_text(source.data)) is not None and not ctx.at_home:
        ctx.lose(path, "a text document is sent as text", "emulated")
        return {"type": "text", "text": f"{part.name}:\n{text}" if part.name else text}
    if as_written(ctx):
        file = {"filename": part.name, "file_data": None if spelled(part.extra.get("file") or {}, "file_data") else url}
        return {"type": "file", "file": clean(file)}
    return {"type": "file", "file": {"filename": part.name or file_name(kind), "file_data": url}}


def plain_text(data: str) -> str | None:
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, ValueError):
        return None


def file_name(media_type: str) -> str:
    """A name for a file that has none: OpenAI tells its kind by the ending."""
    return "file." + next((ending for ending, known in EXTENSIONS.items() if known == media_type), "pdf")


SOUNDS = {media_type: name for name, media_type in AUDIO_TYPES.items()}


def encode_sound(part: Media, data: str, ctx: Context) -> Wire:
    """OpenAI takes WAV and MP3 only, so bare samples get a header."""
    if as_written(ctx) and spelled(part.extra.get("input_audio") or {}, "format"):
        return {"type": "input_audio", "input_audio": {"data": data}}
    if is_pcm(part.media_type):
        data, format = to_wav(data, part.media_type), "wav"
    else:
        plain = part.media_type.partition(";")[0]
        format = {"audio/x-wav": "wav", "audio/mp3": "mp3"}.get(plain) or SOUNDS.get(plain) or plain.partition("/")[2]
    return {"type": "input_audio", "input_audio": {"data": data, "format": format}}


def to_wav(data: str, media_type: str) -> str:
    try:
        raw = base64.b64decode(data)
    except (binascii.Error, ValueError):
        return data
    return base64.b64encode(pcm_to_wav(raw, rate_of(media_type))).decode()


def mark(cache: Cache | None, ctx: Context, path: str) -> Wire:
    if cache is None:
        return {}
    if not ctx.profile.cache_control and not as_written(ctx):
        ctx.lose(f"{path}.cache", "this provider caches by itself")
        return {}
    return {"cache_control": clean({"type": "ephemeral", "ttl": cache.ttl})}


def plain(parts: list[Wire]) -> Json:
    """A lone text is a string, as everyone writes it."""
    if len(parts) == 1 and parts[0].keys() == {"type", "text"} and parts[0]["type"] == "text":
        return parts[0]["text"]
    return parts


# -- reasoning: the one thing every compatible server spells its own way ------------


REASONING = ("reasoning_content", "reasoning", "reasoning_details")
FORMATS = {
    "anthropic": "anthropic-claude-v1",
    "google": "google-gemini-v1",
    "openrouter": "openai-responses-v1",
    "openrouter/xai": "xai-responses-v1",
}
"""OpenRouter's names of who signed a reasoning detail. What models of OpenAI and xAI sealed for it, only its accounts
can open; to a client, what others signed is named by the issuer."""


def decode_reasoning(f: Fields) -> tuple[Reasoning, ...]:
    """All that a message says of its reasoning; how it said it is kept for the trip home."""
    text = ""
    for name in REASONING[:2]:
        value = f.take(name, str)
        if value is not None:
            f.quiet(name, value)
            text = text or value
    raw = f.peek("reasoning_details")
    details = objects(f, "reasoning_details")
    if not details:
        return (Reasoning(text=text),) if text else ()
    f.quiet("reasoning_details", raw)
    parts: list[Reasoning] = []
    for detail in details:
        add_detail(parts, decode_detail(detail))
    if text and not any(part.text for part in parts):
        parts.insert(0, Reasoning(text=text))
    return tuple(parts)


def decode_detail(f: Fields) -> Reasoning:
    """One entry of OpenRouter's reasoning_details."""
    kind = f.take("type", str)
    text = f.take("text", str) or f.take("summary", str) or ""
    value = f.take("signature", str) or f.take("data", str)
    format = f.take("format", str) or "unknown"
    issuer = next((name for name, known in FORMATS.items() if known == format), format)
    return Reasoning(
        text=text,
        summary=kind == "reasoning.summary",
        signature=Signature(issuer, value, f.take("id", str)) if value else None,
        redacted=kind == "reasoning.encrypted" and issuer == "anthropic",
    )


def add_detail(parts: list[Reasoning], part: Reasoning) -> None:
    """Puts a detail in its place: a lone signature belongs to the reasoning before it, if that bears none."""
    if not part.text and not part.signature:
        return
    if not part.text and not part.redacted and parts and parts[-1].signature is None:
        parts[-1] = replace(parts[-1], signature=part.signature)
    else:
        parts.append(part)


def encode_free(call: ToolCall, id: str) -> Wire:
    """A call of a tool that takes free text."""
    return {"id": id, "type": "custom", "custom": {"name": call.name, "input": call_input(call.arguments)}}


def encode_details(parts: Iterable[Reasoning], first: int = 0) -> list[Wire]:
    """The parts as OpenRouter's reasoning_details. Each entry has its own index: by it openai-python joins deltas."""
    details, parts = list[Wire](), tuple(parts)
    signed_by = next((part.signature.issuer for part in parts if part.signature), "unknown")
    for part in parts:
        issuer = part.signature.issuer if part.signature else signed_by
        value, ref = (part.signature.value, part.signature.ref) if part.signature else (None, None)
        format = FORMATS.get(issuer, issuer)
        if part.text and part.summary:
            details.append({"type": "reasoning.summary", "summary": part.text, "format": format})
        elif part.text or (value and issuer == "anthropic" and not part.redacted):  # withheld, but signed (case 35)
            signed = value if issuer == "anthropic" else None
            details.append(clean({"type": "reasoning.text", "text": part.text, "signature": signed, "format": format}))
            value = None if signed else value
        if value:
            details.append(clean({"type": "reasoning.encrypted", "data": value, "format": format, "id": ref}))
    return [detail | {"index": index} for index, detail in enumerate(details, first)]


# -- an assistant's message, in a request or in an answer ----------------------------


def decode_answer(f: Fields, ctx: Context) -> tuple[AnyPart, ...]:
    """All parts of an assistant's message: what it thought, said, refused and called."""
    content = f.peek("content")
    parts = decode_citations(f, decode_pictures(f, content, decode_content(f)))
    parts = (*decode_reasoning(f), *parts)
    refusal = f.take("refusal", str)
    if refusal is not None:
        f.quiet("refusal", refusal)
        parts = (*parts, Refusal(text=refusal)) if refusal else parts
    parts += decode_calls(f, ctx)
    raw, seal = f.peek("extra_content"), decode_seal(f)
    if seal is not None:
        f.quiet("extra_content", raw)
        parts = sealed(parts, seal)
    return parts


def sealed(parts: tuple[AnyPart, ...], seal: Signature) -> tuple[AnyPart, ...]:
    """A signature of the whole message, on the part Google would sign: the first call, else the last text."""
    calls = [i for i, part in enumerate(parts) if isinstance(part, ToolCall)]
    texts = [i for i, part in enumerate(parts) if isinstance(part, Text)]
    if not calls and not texts:
        return (*parts, Text(text="", signature=seal))
    at = calls[0] if calls else texts[-1]
    return (*parts[:at], replace(parts[at], signature=parts[at].signature or seal), *parts[at + 1 :])


# -- calls ---------------------------------------------------------------------------


def decode_calls(f: Fields, ctx: Context) -> tuple[ToolCall, ...]:
    """The calls of a message; ids that are missing are left "", for whoever knows the whole to give."""
    calls = [call for each in objects(f, "tool_calls") if (call := decode_call(each, ctx))]
    legacy = f.peek("function_call")
    inner = f.maybe("function_call")
    if inner is not None:
        name, arguments = inner.need("name", str), inner.take("arguments", str) or ""
        f.quiet("function_call", legacy)
        if name:
            calls.append(ToolCall(id="", name=ctx.original(name), arguments=arguments, extra=FROM_FUNCTION_CALL))
    return tuple(calls)


FROM_FUNCTION_CALL: Extra = {QUIET + "function_call": None}
"""Marks a call that was spelled `function_call`, as before November 2023."""


def decode_call(f: Fields, ctx: Context) -> ToolCall | None:
    strict = type(f) is Fields
    kind, id = f.take("type", str), f.take("id", str) or ""
    if not id and f.peek("id") is None:
        f.quiet("id", id)
    if "index" in f:
        f.quiet("index", f.any("index"))
    if kind == "custom":
        raw, custom = f.peek("custom"), f.sub("custom")
        name, arguments = custom.need("name", str), dumps({"input": custom.need("input", str)})
        f.quiet("type", "custom")
        f.quiet("custom", raw)
        return ToolCall(id=id, name=ctx.original(name), arguments=arguments, extra=f.rest)
    if kind not in (None, "function") and strict:
        raise invalid(f.at("type"), f"{kind!r:.60} is not one of function, custom")
    function = f.sub("function")
    name = function.need("name", str)
    said = function.peek("arguments")
    if isinstance(said, dict) and not strict:
        function.any("arguments")
        arguments = arguments_of(said)
    else:
        arguments = function.take("arguments", str) or ""
        if arguments in NOTHING and said is not None:
            function.quiet("arguments", said)
            arguments = ""
    if not (name or id or arguments) and not strict:
        return None
    return ToolCall(id=id, name=ctx.original(name), arguments=arguments, signature=decode_seal(f), extra=f.rest)


def arguments_of(wire: Wire) -> str:
    """Arguments that came as an object and not as its text; "" where they are nested beyond reason."""
    try:
        return dumps(wire)
    except RecursionError:
        return ""


NOTHING = ("", "null")
"""Arguments of a call that takes none; Groq's Llama writes null (2026)."""


def decode_seal(f: Fields) -> Signature | None:
    """Google's signature, where its own compatible server puts it."""
    if (outer := f.maybe("extra_content")) and (inner := outer.maybe(GOOGLE)):
        value = inner.take("thought_signature", str)
        return Signature(GOOGLE, value) if value else None
    return None


def encode_seal(signature: Signature | None) -> Wire:
    if signature is None or signature.issuer != GOOGLE:
        return {}
    return {"extra_content": {"google": {"thought_signature": signature.value}}}


def encode_call(call: ToolCall, id: str, name: str) -> Wire:
    function = {"name": name, "arguments": call.arguments or "{}"}
    return {"id": id, "type": "function", "function": function} | encode_seal(call.signature)


def synthetic(base: str, n: int) -> str:
    """An id for a call that has none: short, plain, and the same whenever the same is read (case 10)."""
    return f"call_{base}_{n}"


# -- citations -------------------------------------------------------------------------


def decode_citations(f: Fields, parts: tuple[AnyPart, ...]) -> tuple[AnyPart, ...]:
    """The parts, the first text with what `annotations` say of it. Those of other kinds are left over."""
    first = next((i for i, part in enumerate(parts) if isinstance(part, Text)), None)
    raw = f.keep("annotations", list)
    if not raw or first is None:
        return parts
    notes = [(note, note.peek("type") == "url_citation") for note in objects(f, "annotations")]
    f.quiet("annotations", raw)
    if others := [note.rest for note, known in notes if not known]:
        f.rest["annotations"] = others
    cited = tuple(decode_citation(note) for note, known in notes if known)
    text = replace(parts[first], citations=cited)
    return (*parts[:first], text, *parts[first + 1 :])


def decode_citation(f: Fields) -> Citation:
    f.any("type")
    cited = f.sub("url_citation")
    return Citation(
        url=cited.take("url", str),
        title=cited.take("title", str),
        start=cited.take("start_index", int),
        end=cited.take("end_index", int),
        extra=f.rest,
    )


def encode_citation(citation: Citation, offset: int, length: int) -> Wire:
    """A citation of a text of that length which begins `offset` characters into the whole content."""
    start = citation.start or 0
    end = citation.end if citation.end is not None else length
    return {
        "type": "url_citation",
        "url_citation": {
            "url": citation.url,
            "title": citation.title or "",
            "start_index": offset + start,
            "end_index": offset + end,
        },
    }


# -- pictures in an answer ---------------------------------------------------------------

PICTURE = "![Generated Image](%s)"
"""What people see of a picture in an answer (contract 001-2); programs read `images`."""
PICTURES = re.compile(r"!\[Generated Image\]\((data:image/[^)\s]+|https?://[^)\s]+)\)")


def picture_url(part: Media) -> str | None:
    """The URL of a picture; None for media of other kinds, and for what only its store can read."""
    if not part.media_type.startswith("image/"):
        return None
    match part.source:
        case Base64(data):
            return data_url(part.media_type, data)
        case Url(url):
            return url
        case _:
            return None


def decode_pictures(f: Fields, content: Json, parts: tuple[AnyPart, ...]) -> tuple[AnyPart, ...]:
    """The parts of an answer, with its pictures: those in `images`, and those in the text as markdown of ours.

    A client that replays an answer sends both, or only the text.
    """
    cut = [split(part) for part in parts]
    shown = [piece for pieces in cut for piece in pieces]
    if any(pieces[0] is not part for pieces, part in zip(cut, parts, strict=True)):
        f.quiet("content", content)
    seen = {picture_url(part) for part in shown if isinstance(part, Media)}
    raw = f.peek("images")
    for image in objects(f, "images"):
        url = image.sub("image_url").need("url", str)
        if url and url not in seen:
            media_type, source = from_url(url, "image/*")
            shown.append(Media(media_type=media_type, source=source))
    if raw:
        f.quiet("images", raw)
    return tuple(shown)


def split(part: AnyPart) -> list[AnyPart]:
    """A text cut at the pictures in it."""
    if not isinstance(part, Text) or PICTURES.search(part.text) is None:
        return [part]
    pieces: list[AnyPart] = []
    for i, piece in enumerate(PICTURES.split(part.text)):  # text and URL by turns
        if i % 2:
            media_type, source = from_url(piece, "image/*")
            pieces.append(Media(media_type=media_type, source=source))
        elif piece:
            pieces.append(Text(text=piece))
    return pieces
