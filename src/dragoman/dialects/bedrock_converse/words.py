"""The words of Bedrock's Converse and their neutral meaning: stop reasons, counts, formats of media, cache points,
citations, and who signed a thought. It knows no request and no answer as a whole.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode

from msgspec.structs import replace

from dragoman.core.codec import QUIET, Context, Fields, Wire
from dragoman.core.content import legal_name, uncounted
from dragoman.core.ir import Cache, Citation, Json, Signature, Stop, StopReason, Usage

DIALECT = "bedrock.converse"

# -- stop reasons ------------------------------------------------------------

STOPS: dict[str, StopReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "malformed_model_output": "error",
    "malformed_tool_use": "error",
}
RAW_STOPS: dict[StopReason, str] = {
    "stop": "end_turn",
    "tool_calls": "tool_use",
    "length": "max_tokens",
    "content_filter": "content_filtered",
    "error": "malformed_model_output",
}


def decode_stop(raw: Json, fields: Json, calls: bool) -> Stop:
    """fields: additionalModelResponseFields, which name the stop sequence where they were asked to.
    calls: whether the answer holds calls for the client, which some models end with a plain end_turn."""
    word = string(raw)
    reason = STOPS.get(word or "", "stop")
    if calls and reason == "stop" and word != "stop_sequence":
        reason = "tool_calls"
    return Stop(reason, word, sequence_in(fields) if word == "stop_sequence" else None)


def sequence_in(fields: Json) -> str | None:
    for holder in (fields, fields.get("delta") if isinstance(fields, dict) else None):
        if isinstance(holder, dict) and (found := string(holder.get("stop_sequence"))) is not None:
            return found
    return None


def encode_stop(stop: Stop, at_home: bool) -> str:
    if at_home and stop.raw:
        return stop.raw
    return "stop_sequence" if stop.sequence is not None and stop.reason == "stop" else RAW_STOPS[stop.reason]


# -- counts ------------------------------------------------------------------

COUNTS = ("inputTokens", "outputTokens", "totalTokens", "cacheReadInputTokens", "cacheWriteInputTokens")


def number(value: Json) -> int:
    return int(value) if type(value) in (int, float) and 0 <= value < 1e15 else 0


def decode_usage(wire: Json) -> Usage:
    """Here inputTokens leaves out what the cache served or took (recorded); in the neutral form it is all the input."""
    if not isinstance(wire, dict):
        return Usage()
    read, written = number(wire.get("cacheReadInputTokens")), number(wire.get("cacheWriteInputTokens"))
    usage = Usage(
        input=number(wire.get("inputTokens")) + read + written,
        output=number(wire.get("outputTokens")),
        cache_read=read,
        cache_write=written,
        cache_write_1h=min(hour_of(wire.get("cacheDetails")), written),
    )
    said = plain_usage(usage)
    extra = {name: value for name, value in wire.items() if name not in said or said[name] != value}
    return Usage(usage.input, usage.output, read, written, usage.cache_write_1h, extra=extra)


def hour_of(details: Json) -> int:
    found = [detail for detail in details if isinstance(detail, dict)] if isinstance(details, list) else []
    return sum(number(detail.get("inputTokens")) for detail in found if detail.get("ttl") == "1h")


def plain_usage(usage: Usage) -> Wire:
    read, written = usage.cache_read, usage.cache_write
    wire: Wire = {
        "inputTokens": max(0, usage.input - read - written),
        "outputTokens": usage.output,
        "totalTokens": usage.input + usage.output,
    }
    if read or written:
        wire |= {"cacheReadInputTokens": read, "cacheWriteInputTokens": written}
    return wire


def encode_usage(usage: Usage, ctx: Context) -> Wire:
    uncounted(usage, ctx, "reasoning", "input_audio", "output_audio", "input_image", "output_image")
    wire = plain_usage(usage)
    if ctx.at_home:
        return wire | usage.extra
    if hour := usage.cache_write_1h:
        kept = (("1h", hour), ("5m", usage.cache_write - hour))
        wire["cacheDetails"] = [{"ttl": ttl, "inputTokens": count} for ttl, count in kept if count]
    return wire


# -- cache points --------------------------------------------------------------


def is_point(wire: Json) -> bool:
    point = wire.get("cachePoint") if isinstance(wire, dict) else None
    return isinstance(point, dict) and point.get("type") == "default"


def decode_cache(wire: Wire, path: str) -> tuple[Cache, Wire]:
    """The mark a cache point is, and what is left of it."""
    f = Fields(wire, path)
    g = f.sub("cachePoint")
    g.any("type")
    match g.peek("ttl"):
        case "5m" | "1h" as ttl:
            g.any("ttl")
            return Cache(ttl="1h" if ttl == "1h" else "5m"), f.rest
        case _:
            return Cache(), f.rest


def encode_cache(cache: Cache, at_home: bool = False) -> Wire:
    """Five minutes is what holds anyway, and older models refuse to be told."""
    point: Wire = {"type": "default"}
    if cache.ttl == "1h" or (at_home and cache.ttl):
        point["ttl"] = cache.ttl
    return {"cachePoint": point}


# -- media -----------------------------------------------------------------------

FORMATS: dict[str, dict[str, str]] = {
    "image": {"png": "image/png", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"},
    "document": {
        "pdf": "application/pdf", "csv": "text/csv", "doc": "application/msword",
        "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xls": "application/vnd.ms-excel",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "html": "text/html", "txt": "text/plain", "md": "text/markdown",
    },
    "video": {
        "mp4": "video/mp4", "mov": "video/quicktime", "mkv": "video/x-matroska", "webm": "video/webm",
        "flv": "video/x-flv", "mpeg": "video/mpeg", "mpg": "video/mpg", "wmv": "video/x-ms-wmv",
        "three_gp": "video/3gpp",
    },
    "audio": {
        "mp3": "audio/mpeg", "wav": "audio/wav", "opus": "audio/opus", "aac": "audio/aac", "flac": "audio/flac",
        "ogg": "audio/ogg", "mp4": "audio/mp4", "webm": "audio/webm", "mkv": "audio/x-matroska", "m4a": "audio/m4a",
        "pcm": "audio/L16", "mka": "audio/mka", "x-aac": "audio/x-aac", "mpeg": "audio/x-mpeg", "mpga": "audio/mpga",
    },
}  # fmt: skip
KINDS = {media_type: (kind, format) for kind, formats in FORMATS.items() for format, media_type in formats.items()}
KINDS |= {
    "image/jpg": ("image", "jpeg"), "audio/mp3": ("audio", "mp3"), "audio/x-wav": ("audio", "wav"),
    "audio/wave": ("audio", "wav"), "audio/pcm": ("audio", "pcm"),
}  # fmt: skip
TEXTS = ("text/", "application/json", "application/xml", "application/x-yaml", "application/javascript")
HEADS = {"/9j/": "jpeg", "iVBOR": "png", "R0lG": "gif", "UklG": "webp"}
"""How an image begins in base64, whatever the client says it is."""


def media_type_of(kind: str, format: str) -> str:
    known = FORMATS[kind].get(format)
    return known or f"{'application' if kind == 'document' else kind}/{format}"


# -- signatures --------------------------------------------------------------------

VENDORS = (
    "ai21", "amazon", "cohere", "deepseek", "google", "meta", "minimax", "mistral", "moonshot", "moonshotai", "nvidia",
    "openai", "qwen", "stability", "twelvelabs", "writer", "zai",
)  # fmt: skip
CLAUDE = "anthropic"


def issuer_of(model: str) -> str:
    """Who signs what this model thinks: Anthropic's proofs are the same at every cloud. A model whose vendor its name
    does not tell (an application profile's ARN) is taken for the only one whose thoughts are signed."""
    steps = re.split(r"[./:]", model.lower())
    vendor = next((step for step in steps[:-1] if step in VENDORS), CLAUDE)
    return CLAUDE if CLAUDE in steps or vendor == CLAUDE else f"bedrock.{vendor}"


def seal(value: Json, model: str) -> Signature | None:
    return Signature(issuer_of(model), value) if isinstance(value, str) and value else None


def seal_redacted(blob: str, model: str) -> Signature:
    """Anthropic's redacted thoughts are text, which this API holds as bytes, and its JSON in base64."""
    sealed = Signature(issuer_of(model), blob)
    if sealed.issuer != CLAUDE:
        return sealed
    try:
        opened = Signature(CLAUDE, b64decode(blob, validate=True).decode("ascii"))
    except ValueError:
        opened = sealed
    return opened if opened.value and encode_redacted(opened) == blob else Signature("bedrock", blob)


def encode_redacted(signature: Signature) -> str:
    return b64encode(signature.value.encode()).decode() if signature.issuer == CLAUDE else signature.value


# -- citations ---------------------------------------------------------------------

BLOCK = QUIET + "block"
"""In a citation's leftovers: in which block of its own it stood."""


def decode_citation(wire: Wire) -> Citation:
    """The neutral half is for others; the whole goes home as it was."""
    pieces = wire.get("sourceContent")
    texts = [piece.get("text") for piece in pieces if isinstance(piece, dict)] if isinstance(pieces, list) else []
    location = wire.get("location")
    web = location.get("web") if isinstance(location, dict) else None
    url, source = string(web.get("url")) if isinstance(web, dict) else None, string(wire.get("source"))
    if url is None and source and source.startswith(("https://", "http://")):
        url = source
    title = string(wire.get("title")) or (string(web.get("domain")) if isinstance(web, dict) else None)
    cited = "".join(text for text in texts if isinstance(text, str))
    return Citation(cited_text=cited, url=url, title=title, extra=wire)


def apart(citations: tuple[Citation, ...], block: int) -> tuple[Citation, ...]:
    """Citations that stand in a block of their own, after the text they are of."""
    return tuple(replace(citation, extra=citation.extra | {BLOCK: block}) for citation in citations)


def encode_citation(citation: Citation, at_home: bool) -> Wire:
    if at_home and citation.extra:
        return {name: value for name, value in citation.extra.items() if name[:1] != QUIET}
    wire: Wire = {"title": citation.title} if citation.title else {}
    if citation.cited_text:
        wire["sourceContent"] = [{"text": citation.cited_text}]
    if citation.url:
        wire["location"] = {"web": {"url": citation.url}}
    return wire


# -- names and ids -------------------------------------------------------------------

ILLEGAL_ID = r"[^a-zA-Z0-9_.:-]"


def legal(name: str, ctx: Context) -> str:
    """A tool name as this API takes it (`[a-zA-Z0-9_-]{1,64}`); the client's own spelling is noted."""
    return noted(name, legal_name(name) or "tool", ctx)


def legal_id(id: str, ctx: Context) -> str:
    return noted(id, legal_name(id, illegal=ILLEGAL_ID) or "call", ctx)


def noted(name: str, spelled: str, ctx: Context) -> str:
    if name and spelled != name:
        ctx.renamed[spelled] = name
    return spelled


def string(value: Json) -> str | None:
    return value if isinstance(value, str) else None
