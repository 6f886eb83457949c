"""Content blocks and neutral parts: decoding, and encoding where a part goes back home.

It does not know whether a block stands in a question or an answer, but for the two kinds only a question reads.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping

import msgspec

from dragoman.core.codec import Context, Fields, Wire, dumps, name_of
from dragoman.core.content import data_url, from_url
from dragoman.core.errors import invalid
from dragoman.core.ir import (
    AnyPart,
    Base64,
    Cache,
    FileId,
    Json,
    Media,
    Opaque,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Url,
)
from dragoman.dialects.anthropic.words import (
    ISSUER,
    decode_cache,
    decode_citations,
    encode_cache,
    encode_citation,
    seal,
)

Decode = Callable[[Fields, Wire, Cache | None], AnyPart]

DIRECT = {"type": "direct"}
"""The `caller` of every ordinary call: said by the API of its own accord, and missed by no other dialect."""


# -- decode ------------------------------------------------------------------


def decode_part(wire: Json, path: str, known: Mapping[str, Decode] | None = None) -> AnyPart:
    f = Fields(wire, path)
    kind = f.need("type", str)
    decode = (known or BLOCKS).get(kind)
    if decode is None:
        if not kind.endswith("_tool_use"):
            return Opaque(kind=kind, raw=wire)
        decode = decode_call
    return decode(f, wire, decode_cache(f) if "cache_control" in f else None)


def decode_text(f: Fields, wire: Wire, cache: Cache | None) -> Text:
    text = f.need("text", str)
    citations = decode_citations(f) if "citations" in f else ()
    return Text(text=text, citations=citations, cache=cache, extra=f.rest)


def decode_thinking(f: Fields, wire: Wire, cache: Cache | None) -> Reasoning:
    text, signature = f.take("thinking", str), f.take("signature", str)
    return Reasoning(text=text or "", signature=seal(signature), cache=cache, extra=f.rest)


def decode_redacted(f: Fields, wire: Wire, cache: Cache | None) -> Reasoning:
    return Reasoning(redacted=True, signature=seal(f.need("data", str)), cache=cache, extra=f.rest)


def decode_media(f: Fields, wire: Wire, cache: Cache | None) -> Media | Opaque:
    kind: str = wire["type"]
    source = f.sub("source")
    form = source.need("type", str)
    marks: Wire = {}
    where: Base64 | Url | FileId
    match form:
        case "base64":
            media_type, where = source.need("media_type", str), Base64(source.need("data", str))
            if media_type.startswith("text/"):
                marks["type"] = []  # in base64 although it is text
        case "url":
            url = source.need("url", str)
            media_type, where = from_url(url, "image/*" if kind == "image" else "application/pdf")
            if isinstance(where, Base64):
                marks["type"] = {}  # a data URL
                if data_url(media_type, where.data) != url:
                    return Opaque(kind=kind, raw=wire, cache=cache)
        case "file":
            media_type = "image/*" if kind == "image" else "application/*"
            where = FileId(ISSUER, source.need("file_id", str))
        case "text" if kind == "document":
            media_type = source.take("media_type", str) or "text/plain"
            where = Base64(packed(source.need("data", str), source.at("data")))
        case "content" if kind == "document":
            text = plain(source.peek("content"))  # left where it is: how the text was divided is known at home only
            if text is None:
                return Opaque(kind=kind, raw=wire, cache=cache)
            media_type, where = "text/plain", Base64(packed(text, source.at("content")))
        case _:
            return Opaque(kind=kind, raw=wire, cache=cache)
    if media_type.startswith("image/") != (kind == "image"):
        if marks:
            return Opaque(kind=kind, raw=wire, cache=cache)
        marks["type"] = None  # an image in a document block, or the reverse
    name = f.take("title", str) if kind == "document" else None
    return Media(media_type=media_type, source=where, name=name, cache=cache, extra=f.rest | marks)


def decode_call(f: Fields, wire: Wire, cache: Cache | None) -> ToolCall:
    kind: str = wire["type"]
    id, name, value = f.need("id", str), f.need("name", str), f.any("input")
    try:
        arguments = "" if value is None else dumps(value)
    except (RecursionError, ValueError):
        raise invalid(f.at("input"), "is nested too deeply, or holds half a character") from None
    marks: Wire = {} if kind in ("tool_use", "server_tool_use") else {"type": kind}
    if f.peek("caller") == DIRECT:
        f.any("caller")
        marks["caller"] = []
    return ToolCall(id=id, name=name, arguments=arguments, server=kind != "tool_use", cache=cache, extra=f.rest | marks)


def decode_result(f: Fields, wire: Wire, cache: Cache | None) -> ToolResult:
    call_id, content, wrong = f.need("tool_use_id", str), f.peek("content"), f.take("is_error", bool)
    marks: Wire = {} if wrong is not False else {"is_error": []}
    parts: tuple[Text | Media | Opaque, ...] = ()
    match content:
        case None:
            pass
        case str():
            f.any("content")
            parts, marks["content"] = (Text(text=content),), None
        case list():
            parts = tuple(decode_inner(block, path) for block, path in f.items("content"))
        case _:
            raise invalid(f.at("content"), f"expected a string or an array of blocks, got {name_of(content)}")
    return ToolResult(call_id=call_id, content=parts, is_error=bool(wrong), cache=cache, extra=f.rest | marks)


def decode_inner(wire: Json, path: str) -> Text | Media | Opaque:
    """A block of a tool result: what is neither text nor media stays whole, and so its nesting has an end."""
    f = Fields(wire, path)
    kind = f.need("type", str)
    if kind in ("text", "image", "document", "search_result"):
        part = decode_part(wire, path, ASKED)
        if isinstance(part, Text | Media | Opaque):
            return part
    return Opaque(kind=kind, raw=wire)


def decode_found(f: Fields, wire: Wire, cache: Cache | None) -> Text | Opaque:
    """A search result the client brings: its text is for every model, its form for ours."""
    title, source, text = wire.get("title"), wire.get("source"), plain(wire.get("content"))
    if text is None or not isinstance(title, str) or not isinstance(source, str):
        return Opaque(kind="search_result", raw=wire)
    return Text(text=f"{title}\n{source}\n\n{text}", cache=cache, extra={"search_result": wire})


def decode_compaction(f: Fields, wire: Wire, cache: Cache | None) -> Text | Opaque:
    """The summary that stands for the turns before it: without its text the conversation would begin nowhere."""
    text = wire.get("content")
    if not isinstance(text, str) or not text:
        return Opaque(kind="compaction", raw=wire)
    return Text(text=text, cache=cache, extra={"compaction": wire})


BLOCKS: dict[str, Decode] = {
    "text": decode_text,
    "thinking": decode_thinking,
    "redacted_thinking": decode_redacted,
    "image": decode_media,
    "document": decode_media,
    "tool_use": decode_call,
    "server_tool_use": decode_call,
    "tool_result": decode_result,
}
"""All other blocks stay whole (Opaque), but for kinds that end in _tool_use: those are calls."""
WHOLE = {"search_result": decode_found, "compaction": decode_compaction}
ASKED: dict[str, Decode] = BLOCKS | WHOLE
"""What a question may hold beside."""


def plain(content: Json) -> str | None:
    """The text of a string or of text blocks; None where there is anything else."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return None
    texts = [block.get("text") for block in content if isinstance(block, dict) and block.get("type") == "text"]
    found = [text for text in texts if isinstance(text, str)]
    return "\n\n".join(found) if len(found) == len(content) else None


def packed(text: str, path: str) -> str:
    try:
        return b64encode(text.encode()).decode()
    except UnicodeEncodeError:
        raise invalid(path, "holds half a character") from None


def unpacked(data: str) -> str | None:
    """The text in base64; None where it is none."""
    try:
        return b64decode(data, validate=True).decode()
    except ValueError:
        return None


# -- encode at home ------------------------------------------------------------


def encode_own(part: AnyPart, ctx: Context, path: str) -> Wire:
    """The block a part of our own dialect came from."""
    wire: Wire
    match part:
        case Text():
            if verbatim := next((part.extra[kind] for kind in WHOLE if kind in part.extra), None):
                return dict(verbatim)
            wire = {"type": "text", "text": part.text}
            if part.citations:
                wire["citations"] = [encode_citation(citation, True) for citation in part.citations]
        case Refusal():
            wire = {"type": "text", "text": part.text}
        case Reasoning():
            wire = encode_own_reasoning(part)
        case Media():
            wire = encode_own_media(part)
        case ToolCall():
            wire = encode_own_call(part)
        case ToolResult():
            wire = encode_own_result(part, ctx, path)
        case Opaque():
            return dict(part.raw) if isinstance(part.raw, dict) else {"type": part.kind}
    if part.cache:
        wire["cache_control"] = encode_cache(part.cache)
    return ctx.carry(wire, part.extra, path)


def encode_own_reasoning(part: Reasoning) -> Wire:
    value = part.signature.value if part.signature else ""
    if part.redacted:
        return {"type": "redacted_thinking", "data": value}
    return {"type": "thinking", "thinking": part.text, "signature": value}


def encode_own_call(part: ToolCall) -> Wire:
    kind = part.extra.get("type") or ("server_tool_use" if part.server else "tool_use")
    value = arguments(part.arguments)
    value = {"arguments": part.arguments} if value is None else value
    wire: Wire = {"type": kind, "id": part.id, "name": part.name, "input": value}
    if part.extra.get("caller") == []:
        wire["caller"] = dict(DIRECT)
    return wire


def encode_own_media(part: Media) -> Wire:
    form = part.extra.get("type", ...)
    image = part.media_type.startswith("image/") != (form is None)
    left = part.extra.get("source")
    source: Wire
    match part.source:
        case FileId(_, id):
            source = {"type": "file", "file_id": id}
        case Url(url):
            source = {"type": "url", "url": url}
        case Base64(data) if form == {}:
            source = {"type": "url", "url": data_url(part.media_type, data)}
        case Base64() if isinstance(left, dict) and "content" in left:
            source = {"type": "content"}  # and the rest is left over
        case Base64(data):
            text = unpacked(data) if part.media_type.startswith("text/") and form != [] else None
            kind, data = ("base64", data) if text is None else ("text", text)
            source = {"type": kind, "media_type": part.media_type, "data": data}
    wire: Wire = {"type": "image" if image else "document", "source": source}
    if part.name is not None:
        wire["title"] = part.name
    return wire


def encode_own_result(part: ToolResult, ctx: Context, path: str) -> Wire:
    wire: Wire = {"type": "tool_result", "tool_use_id": part.call_id}
    if part.content:
        blocks = [encode_own(inner, ctx, f"{path}.content[{i}]") for i, inner in enumerate(part.content)]
        wire["content"] = blocks[0]["text"] if as_string(part.content, part.extra) else blocks
    if part.is_error or part.extra.get("is_error") == []:
        wire["is_error"] = part.is_error
    return wire


def as_string(parts: tuple[AnyPart, ...], extra: Wire) -> bool:
    """Whether content was written as a string, and still can be."""
    return (
        "content" in extra and len(parts) == 1 and isinstance(parts[0], Text) and parts[0] == Text(text=parts[0].text)
    )


def arguments(text: str) -> Json:
    """The value of a call's arguments; None where they are no JSON: a model cut off in mid-call, and replayed."""
    try:
        return msgspec.json.decode(text or "{}")
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return None
