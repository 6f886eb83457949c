"""Items: what an assistant did, one after the other, in questions and answers alike; to parts and back.

It knows no whole request and no stream. A part remembers of its item what another dialect has no name for.
"""

from __future__ import annotations

from msgspec.structs import replace

from dragoman.core.codec import QUIET, Context, Fields, Wire, dumps
from dragoman.core.content import EXTENSIONS
from dragoman.core.ir import (
    AnyPart,
    Base64,
    Extra,
    Media,
    Opaque,
    Reasoning,
    Refusal,
    Request,
    Run,
    Text,
    ToolCall,
)
from dragoman.core.tools import call_input
from dragoman.dialects.openai_responses.parts import (
    UNSIGNED,
    decode_content,
    decode_seal,
    encode_content,
    encode_seal,
    hush,
    objects,
    spelled,
    without,
)
from dragoman.dialects.openai_responses.runs import KINDS, decode_run

MORE = QUIET + "more"
"""Marks a text that stands in the same message item as the text before it."""
STRING = QUIET + "string"
"""Marks a text that was the whole content of its message, without an array around it."""
FIRST = QUIET + "first"
"""Marks the first content part of a message item."""
EMPTY = QUIET + "empty"
"""Marks a text that stands for a message without any."""
UNTYPED = QUIET + "untyped"
"""Marks an item that said nothing of its type, which was plain without."""
CUSTOM = "custom_tool_call"
QUIETLY = ("id", "status", "phase", "role")
"""What an item says of itself and nobody abroad misses."""

# -- decode --------------------------------------------------------------------


def decode_item(f: Fields, ctx: Context) -> tuple[AnyPart, ...]:
    """The parts of one item of an assistant. An item that has no neutral form is one opaque part."""
    kind = f.peek("type")
    match kind:
        case "message":
            return decode_said(f)
        case "reasoning":
            return (decode_reasoning(f),)
        case "function_call":
            return (decode_call(f, ctx),)
        case "custom_tool_call":
            return (decode_custom(f, ctx),)
        case "image_generation_call" if isinstance(f.peek("result"), str) and f.peek("result"):
            return (decode_picture(f),)
        case _:
            kind = f.need("type", str)
            raw = {"type": kind, **f.rest}
            return (Opaque(kind=kind, raw=raw, run=decode_run(raw)),)


def decode_said(f: Fields) -> tuple[AnyPart, ...]:
    """The texts of a message. The first bears what the item says beside its content, for all of them."""
    content = f.peek("content")
    marks: Extra = {}
    if isinstance(content, str):
        f.any("content")
        found: tuple[AnyPart, ...] = (Text(text=content),)
        marks = {STRING: None}
    else:
        found = tuple(decode_content(part, "output_text") for part in objects(f, "content"))
    if not found:
        found, marks = (Text(text=""),), {EMPTY: None}
    if f.take("type", str) is None:
        marks[UNTYPED] = None
    hush(f, *QUIETLY)
    own: Extra = f.rest | marks | {FIRST: None}
    if "content" in own:  # empty: it goes home as it was
        own[QUIET + "content"] = own.pop("content")
    return tuple(replace(part, extra=held(part) | ({MORE: None} if i else own)) for i, part in enumerate(found))


def held(part: AnyPart) -> Extra:
    """The leftovers of a content part, at their place in the item."""
    return {"content": part.extra} if part.extra else {}


def decode_reasoning(f: Fields) -> Reasoning:
    """Its text is that of `content` where there is any, else that of the summary, whose parts are paragraphs."""
    f.any("type")
    seal = decode_seal(f.take("encrypted_content", str))
    raw = {name: f.peek(name) for name in ("content", "summary")}
    told = {name: [part.need("text", str) for part in objects(f, name)] for name in raw}
    texts = [text for text in told["content"] if text]
    summary = not texts and seal.summary
    if not texts:
        texts = [text for text in told["summary"] if text]
    for name, value in raw.items():
        if value:
            f.quiet(name, value)
    hush(f, "id", "status")
    return Reasoning(
        text="\n\n".join(texts), summary=summary, signature=seal.signature, redacted=seal.redacted, extra=f.rest
    )


def decode_call(f: Fields, ctx: Context) -> ToolCall:
    f.any("type")
    hush(f, "id", "status", "namespace")
    id, name, arguments = f.need("call_id", str), f.need("name", str), f.take("arguments", str)
    if arguments == "":
        f.quiet("arguments", "")
    return ToolCall(id=id, name=ctx.original(name), arguments=arguments or "", extra=f.rest)


def decode_custom(f: Fields, ctx: Context) -> ToolCall:
    """A call of a free-text tool: abroad a function with one string."""
    f.any("type")
    hush(f, "id", "status", "namespace")
    id, name, said = f.need("call_id", str), f.need("name", str), f.need("input", str)
    f.quiet("type", CUSTOM)
    return ToolCall(id=id, name=ctx.original(name), arguments=dumps({"input": said}), extra=f.rest)


def decode_picture(f: Fields) -> Media:
    data = f.need("result", str)
    f.any("type")
    format = f.keep("output_format", str) or "png"
    media_type = EXTENSIONS.get(format, f"image/{format}")
    hush(f, "id", "status", "action", "background", "output_format", "quality", "size", "revised_prompt")
    return Media(media_type=media_type, source=Base64(data), extra=f.rest)


# -- encode --------------------------------------------------------------------


class Spelling:
    """How calls are written for one client: which tools take free text, and which stand in a namespace."""

    def __init__(self, request: Request | None) -> None:
        tools = request.tools if request is not None else ()
        self.custom = {tool.name for tool in tools if spelled(tool.extra, "type")}
        named = {tool.name: tool.extra.get(QUIET + "namespace") for tool in tools}
        self.namespaces = {name: space for name, space in named.items() if isinstance(space, str)}


def kind_of(part: AnyPart, ctx: Context, spelling: Spelling) -> str | None:
    """The type of the item a part becomes; None for what has no form here."""
    match part:
        case Text() | Refusal():
            return "message"
        case Reasoning():
            return "reasoning"
        case ToolCall(server=False):
            custom = spelled(part.extra, "type") if ctx.at_home else part.name in spelling.custom
            return CUSTOM if custom else "function_call"
        case Media(source=Base64()) if part.media_type.startswith("image/"):
            return "image_generation_call"
        case Opaque(kind=kind) if ctx.at_home:
            return "message" if in_message(part) else kind
        case Opaque(run=Run(tool=tool)):
            return KINDS[tool]
        case _:
            return None


def in_message(part: AnyPart) -> bool:
    """Whether a part stood in a message's content; what has no neutral form may be that, or an item of its own."""
    return isinstance(part, Text | Refusal) or MORE in part.extra or FIRST in part.extra


def holds_nothing(part: AnyPart) -> bool:
    """Whether there is nothing of a text to tell: no word, and no citation with an address."""
    match part:
        case Text(text=text, citations=citations):
            return not text and not any(citation.url for citation in citations)
        case Refusal(text=text):
            return not text
        case _:
            return False


def content_of(part: AnyPart, ctx: Context, path: str) -> Wire | None:
    """The part in its message item, with the leftovers that were found in there."""
    inner = part.extra.get("content") if ctx.at_home else None
    if not ctx.at_home:
        ctx.carry({}, part.extra, path)
    return encode_content(replace(part, extra=inner if isinstance(inner, dict) else {}), "output_text", ctx, path)


def own(part: AnyPart) -> Extra:
    """What the item says beside what was read of it."""
    kept = without(part.extra, *MARKS)
    return {name: value for name, value in kept.items() if name != "content"} if in_message(part) else kept


MARKS = ("more", "string", "first", "empty", "untyped", "type")


def encode_call(call: ToolCall, kind: str) -> Wire:
    if kind == CUSTOM:
        return {"call_id": call.id, "name": call.name, "input": call_input(call.arguments)}
    return {"call_id": call.id, "name": call.name, "arguments": call.arguments or "{}"}


def encode_reasoning(part: Reasoning, ctx: Context) -> Wire:
    text = [part.text] if part.text else []
    if part.summary or not ctx.at_home or not text:
        wire: Wire = {"summary": [{"type": "summary_text", "text": each} for each in text]}
    else:
        wire = {"summary": [], "content": [{"type": "reasoning_text", "text": each} for each in text]}
    seal = encode_seal(part)
    if seal is None and not ctx.at_home:
        seal = UNSIGNED
    return wire | ({"encrypted_content": seal} if seal is not None else {})


def encode_own_reasoning(part: Reasoning) -> Wire:
    """At home in the very pieces it came in."""
    seal = encode_seal(part)
    wire: Wire = {} if seal is None else {"encrypted_content": seal}
    if not spelled(part.extra, "summary", "content") and "summary" not in part.extra and part.text:
        wire["summary"] = [{"type": "summary_text", "text": part.text}]
    return wire


def encode_picture(part: Media) -> Wire:
    format = part.media_type.partition("/")[2]
    data = part.source.data if isinstance(part.source, Base64) else ""
    return {"output_format": "png" if format == "*" else format, "result": data}
