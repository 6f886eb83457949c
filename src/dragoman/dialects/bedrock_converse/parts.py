"""Content blocks and neutral parts: decoding, and encoding where a part goes back home.

It does not know whether a block stands in a question, a tool's result or an answer.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

import msgspec
from msgspec.structs import replace

from dragoman.core.codec import QUIET, Context, Fields, Wire, dumps, name_of
from dragoman.core.errors import invalid
from dragoman.core.ir import (
    AnyPart,
    Base64,
    Citation,
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
from dragoman.dialects.bedrock_converse.words import (
    BLOCK,
    KINDS,
    apart,
    decode_cache,
    decode_citation,
    encode_cache,
    encode_citation,
    encode_redacted,
    is_point,
    media_type_of,
    seal,
    seal_redacted,
)

Decode: TypeAlias = Callable[[Fields, Wire, str], AnyPart]
"""Fields of the block, the block, and the model whose thoughts it may hold."""

# -- decode ------------------------------------------------------------------


def decode_content(found: Iterable[tuple[Json, str]], model: str, known: Mapping[str, Decode]) -> tuple[AnyPart, ...]:
    """The parts of a message; a cache point, which is an element of its own here, is a mark of the part before it."""
    parts: list[AnyPart] = []
    for wire, path in found:
        if parts and is_point(wire) and parts[-1].cache is None and not isinstance(parts[-1], Opaque):
            cache, left = decode_cache(wire, path)
            extra = parts[-1].extra | ({"cachePoint": left} if left else {})
            parts[-1] = replace(parts[-1], cache=cache, extra=extra)
        else:
            join(parts, decode_block(wire, path, model, known))
    return tuple(parts)


def join(parts: list[AnyPart], part: AnyPart) -> None:
    """Adds a part; citations without a text of their own are of the text before them (recorded: nova_grounding)."""
    last = parts[-1] if parts else None
    if isinstance(last, Text) and not last.cache and part == Text(text="", citations=cited(part), extra=ALONE):
        parts[-1] = replace(last, citations=last.citations + apart(cited(part), len(last.citations)))
    else:
        parts.append(part)


def cited(part: AnyPart) -> tuple[Citation, ...]:
    return part.citations if isinstance(part, Text) else ()


def decode_block(wire: Json, path: str, model: str, known: Mapping[str, Decode]) -> AnyPart:
    f = Fields(wire, path)
    for kind, decode in known.items():
        if wire.get(kind) is not None:
            return decode(f, wire, model)
    return Opaque(kind=next(iter(wire), "block"), raw=wire)


def decode_text(f: Fields, wire: Wire, model: str) -> Text:
    return Text(text=f.need("text", str), extra=f.rest)


def decode_reasoning(f: Fields, wire: Wire, model: str) -> Reasoning | Opaque:
    g = f.sub("reasoningContent")
    if g.peek("redactedContent") is not None:
        blob = g.need("redactedContent", str)
        return Reasoning(redacted=True, signature=seal_redacted(blob, model), extra=f.rest)
    if g.peek("reasoningText") is None:
        return Opaque(kind="reasoningContent", raw=wire)
    h = g.sub("reasoningText")
    text, signature = h.take("text", str), h.take("signature", str)
    if text is None:
        h.quiet("text", None)
    if signature == "":
        h.quiet("signature", "")
    return Reasoning(text=text or "", signature=seal(signature, model), extra=f.rest)


def media(kind: str) -> Decode:
    def decode(f: Fields, wire: Wire, model: str) -> Media | Opaque:
        g = f.sub(kind)
        if g.peek("source") is None:  # an image that failed has an error in its place
            return Opaque(kind=kind, raw=wire)
        format = g.take("format", str) or ("txt" if kind == "document" else "")
        media_type = media_type_of(kind, format)
        if KINDS.get(media_type) != (kind, format) or "format" not in wire[kind]:
            g.quiet("format", wire[kind].get("format"))
        source = decode_source(g.sub("source"))
        if source is None:
            return Opaque(kind=kind, raw=wire)
        name = g.take("name", str) if kind == "document" else None
        return Media(media_type=media_type, source=source, name=name, extra=f.rest)

    return decode


def decode_source(g: Fields) -> Base64 | Url | None:
    """None for a source of an unknown kind. How bytes were spelled that are no base64 is left over."""
    if (blob := g.peek("bytes")) is not None:
        if isinstance(blob, str):
            return Base64(g.need("bytes", str))
        data = unbuffered(blob)
        if data is None:
            raise invalid(g.at("bytes"), f"expected a string in base64, got {name_of(blob)}")
        g.quiet("bytes", g.any("bytes"))
        return Base64(b64encode(data).decode())
    if g.peek("s3Location") is not None:
        return Url(g.sub("s3Location").need("uri", str))
    if g.peek("text") is not None:
        text = g.need("text", str)
        g.quiet("text", text)
        return Base64(packed(text, g.at("text")))
    texts = plain(g.peek("content"))
    if texts is None:
        return None
    g.quiet("content", g.any("content"))
    return Base64(packed(texts, g.at("content")))


def unbuffered(blob: Json) -> bytes | None:
    """The bytes of a buffer written as JSON: {"type": "Buffer", "data": [...]}, {"0": 66, ...} or [66, ...]."""
    numbers = blob
    if isinstance(blob, dict):
        numbers = blob.get("data") if blob.get("type") == "Buffer" else list(blob.values())
    if not isinstance(numbers, list) or not numbers or not all(type(n) is int and 0 <= n < 256 for n in numbers):
        return None
    return bytes(numbers)


def decode_call(f: Fields, wire: Wire, model: str) -> ToolCall:
    g = f.sub("toolUse")
    id, name, kind = g.need("toolUseId", str), g.need("name", str), g.take("type", str)
    value = g.peek("input")
    if value is None:
        g.quiet("input", None)  # and nothing is written there
    else:
        g.any("input")
    try:
        arguments = "" if value is None else dumps(value)
    except (RecursionError, ValueError):
        raise invalid(g.at("input"), "is nested too deeply, or holds half a character") from None
    if kind is not None:
        g.quiet("type", kind)
    return ToolCall(id=id, name=name, arguments=arguments, server=kind == "server_tool_use", extra=f.rest)


def decode_result(f: Fields, wire: Wire, model: str) -> ToolResult:
    """One that ran at the provider says of what type it is (recorded: nova_code_interpreter_result)."""
    g = f.sub("toolResult")
    call_id, content = g.need("toolUseId", str), g.items("content")
    status, kind = g.take("status", str), g.take("type", str)
    for name, said in (("status", status), ("type", kind)):
        if said is not None:
            g.quiet(name, said)
    parts = tuple(decode_inner(inner, path) for inner, path in content)
    return ToolResult(call_id=call_id, content=parts, is_error=status == "error", server=kind is not None, extra=f.rest)


def decode_inner(wire: Json, path: str) -> Text | Media | Opaque:
    part = decode_block(wire, path, "", INNER)
    return part if isinstance(part, Text | Media | Opaque) else Opaque(kind=next(iter(wire)), raw=wire)


def decode_json(f: Fields, wire: Wire, model: str) -> Text:
    value = f.any("json")
    try:
        text = dumps(value)
    except (RecursionError, ValueError):
        raise invalid(f.at("json"), "is nested too deeply, or holds half a character") from None
    f.quiet("json", value)
    return Text(text=text, extra=f.rest)


ALONE: Wire = {"citationsContent": {}}
"""The leftovers of citations that have no text."""


def decode_cited(f: Fields, wire: Wire, model: str) -> Text | Opaque:
    """A text with its citations; how it was divided is known at home only."""
    g = f.sub("citationsContent")
    texts = g.peek("content")
    text = "" if texts is None else plain(texts, "")
    if text is None:
        return Opaque(kind="citationsContent", raw=wire)
    found = []
    for value, path in g.items("citations"):
        if not isinstance(value, dict):
            raise invalid(path, f"expected an object, got {name_of(value)}")
        found.append(decode_citation(value))
    if texts is not None:
        g.quiet("content", g.any("content"))
    return Text(text=text, citations=tuple(found), extra=ALONE | f.rest)


def decode_found(f: Fields, wire: Wire, model: str) -> Text | Opaque:
    """A search result the client brings: its text is for every model, its form for ours."""
    g = Fields(wire["searchResult"], f.at("searchResult"))
    title, source, text = g.take("title", str), g.take("source", str), plain(g.peek("content"))
    if text is None or title is None or source is None:
        return Opaque(kind="searchResult", raw=wire)
    return Text(text=f"{title}\n{source}\n\n{text}", extra={"searchResult": wire})


def decode_guarded(f: Fields, wire: Wire, model: str) -> Text | Media | Opaque:
    """Content that a guardrail is to look at: for the model it is content like any other."""
    g = f.sub("guardContent")
    if g.peek("text") is not None:
        text = g.sub("text").need("text", str)
        return Text(text=text, extra={"guardContent": {"text": {}}} | f.rest)
    if g.peek("image") is not None:
        part = media("image")(g, wire["guardContent"], model)
        if isinstance(part, Media):
            return replace(part, extra={"guardContent": {"image": {}}} | f.rest)
    return Opaque(kind="guardContent", raw=wire)


MEDIA: dict[str, Decode] = {kind: media(kind) for kind in ("image", "document", "video", "audio")}
INNER: dict[str, Decode] = MEDIA | {"text": decode_text, "json": decode_json, "searchResult": decode_found}
"""What a tool's result may hold."""
SYSTEM: dict[str, Decode] = {"text": decode_text, "guardContent": decode_guarded}
BLOCKS: dict[str, Decode] = MEDIA | {
    "text": decode_text,
    "toolUse": decode_call,
    "toolResult": decode_result,
    "reasoningContent": decode_reasoning,
    "citationsContent": decode_cited,
    "searchResult": decode_found,
    "guardContent": decode_guarded,
}
"""All other blocks stay whole (Opaque)."""


def plain(content: Json, between: str = "\n\n") -> str | None:
    """The text of blocks that are nothing else; None where there is anything else."""
    if not isinstance(content, list):
        return None
    texts = [block.get("text") for block in content if isinstance(block, dict)]
    found = [text for text in texts if isinstance(text, str)]
    return between.join(found) if len(found) == len(content) else None


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


def encode_own(part: AnyPart, ctx: Context, path: str) -> list[Wire]:
    """The blocks a part of our own dialect came from: one, and a cache point if there was one."""
    match part:
        case Opaque():
            return [dict(part.raw) if isinstance(part.raw, dict) else {"text": ""}]
        case Text(extra={"searchResult": dict() as found}):
            blocks = [dict(found)]
        case Text() if part.citations:
            blocks = encode_cited(part, ctx, path)
        case _:
            extra = {name: value for name, value in part.extra.items() if name != "cachePoint"}
            blocks = [ctx.carry(encode_plain(part, ctx, path), extra, path)]
    if part.cache:
        blocks.append(ctx.carry(encode_cache(part.cache, True), within(part.extra, "cachePoint"), path))
    return blocks


def encode_plain(part: AnyPart, ctx: Context, path: str) -> Wire:
    match part:
        case Text(text=text):
            if "guardContent" in part.extra:
                return {"guardContent": {"text": {"text": text}}}
            if "citationsContent" in part.extra:
                return {"citationsContent": {}}
            return {} if QUIET + "json" in part.extra else {"text": text}
        case Refusal(text=text):
            return {"text": text}
        case Reasoning():
            return {"reasoningContent": encode_own_thought(part)}
        case Media():
            kind, block = encode_own_media(part)
            return {"guardContent": {kind: block}} if "guardContent" in part.extra else {kind: block}
        case ToolCall():
            return {"toolUse": encode_own_call(part)}
        case ToolResult():
            inner = [encode_own(one, ctx, f"{path}.content[{i}]") for i, one in enumerate(part.content)]
            wire: Wire = {"toolUseId": part.call_id}
            if inner:
                wire["content"] = [block for blocks in inner for block in blocks]
            if part.is_error:
                wire["status"] = "error"
            return {"toolResult": wire}
        case Opaque():
            return dict(part.raw)


def encode_own_call(part: ToolCall) -> Wire:
    wire: Wire = {"toolUseId": part.id, "name": part.name}
    said = QUIET + "input" not in within(part.extra, "toolUse") or part.arguments
    return wire | {"input": value_of(part)} if said else wire


def encode_own_thought(part: Reasoning) -> Wire:
    wire = encode_thought(part)
    if QUIET + "text" in within(within(part.extra, "reasoningContent"), "reasoningText") and not part.text:
        wire["reasoningText"].pop("text")
    return wire


def encode_thought(part: Reasoning) -> Wire:
    if part.redacted:
        return {"redactedContent": encode_redacted(part.signature)} if part.signature else {}
    wire: Wire = {"text": part.text}
    if part.signature:
        wire["signature"] = part.signature.value
    return {"reasoningText": wire}


def encode_own_media(part: Media) -> tuple[str, Wire]:
    kind, format = KINDS.get(part.media_type) or (part.media_type.partition("/")[0], "")
    kind = kind if kind in MEDIA else "document"
    marks = within(within(part.extra, "guardContent") or part.extra, kind)
    wire: Wire = {} if QUIET + "format" in marks else {"format": format}
    if part.name is not None:
        wire["name"] = part.name
    spelled = any(name[:1] == QUIET for name in within(marks, "source"))
    match part.source:
        case Base64(data):
            wire["source"] = {} if spelled else {"bytes": data}
        case Url(url=uri) | FileId(id=uri):
            wire["source"] = {"s3Location": {"uri": uri}}
    return kind, wire


def within(extra: Wire, name: str) -> Wire:
    found = extra.get(name)
    return found if isinstance(found, dict) else {}


def encode_cited(part: Text, ctx: Context, path: str) -> list[Wire]:
    """The text with the citations that stood in its block, then those that stood in blocks of their own."""
    own = [encode_citation(one, ctx.at_home) for one in part.citations if BLOCK not in one.extra]
    extra = {name: value for name, value in part.extra.items() if name != "cachePoint"}
    if own or "citationsContent" in extra:
        body: Wire = {"citations": own} if own else {}
        if part.text and QUIET + "content" not in within(extra, "citationsContent"):
            body["content"] = [{"text": part.text}]
        blocks = [ctx.carry({"citationsContent": body}, extra, path)]
    else:
        blocks = [ctx.carry({"text": part.text}, extra, path)]
    alone: dict[Json, list[Wire]] = {}
    for one in part.citations:
        if BLOCK in one.extra:
            alone.setdefault(one.extra[BLOCK], []).append(encode_citation(one, ctx.at_home))
    return blocks + [{"citationsContent": {"citations": found}} for found in alone.values()]


def value_of(call: ToolCall) -> Json:
    """A call's arguments as a value; what is no JSON stays the text it is."""
    value = arguments(call.arguments)
    return {"arguments": call.arguments} if value is None else value


def arguments(text: str) -> Json:
    """None where they are no JSON: a model cut off in mid-call, and replayed."""
    try:
        return msgspec.json.decode(text or "{}")
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return None
