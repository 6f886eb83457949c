"""The words of Anthropic Messages and their neutral meaning: stop reasons, counts, cache marks, citations, dates.

It knows no request and no answer as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from dragoman.core.codec import Context, Fields, Wire, name_of
from dragoman.core.content import legal_name, uncounted
from dragoman.core.errors import invalid
from dragoman.core.ir import Cache, Citation, Json, Signature, Stop, StopReason, Usage
from dragoman.core.profile import Profile

DIALECT = "anthropic"
ISSUER = "anthropic"
STANDARD = "standard_only"  # the service tier that all others call the default
ATTRIBUTION = "x-anthropic-billing-header"
"""Claude Code's first system line. It differs from call to call, and would spoil every other vendor's prefix cache."""

# Marks. A null, [] or {} in a node's `extra`, under the name of a field that was taken, says in which of two forms the
# field was written: where the neutral form holds both for one (content as a string or as blocks, an explicit default).
# It asks for nothing, so no other dialect reports it lost, and merging it changes nothing.

# -- thinking ----------------------------------------------------------------


def efforts_of(profile: Profile) -> tuple[str, ...] | None:
    """The efforts this model can be asked for; None: whatever the client says. A model that is told a budget takes none
    but those that the catalogue has (Opus 4.5)."""
    if profile.efforts or profile.thinking in ("budget", "none"):
        return profile.efforts
    return None


# -- stop reasons ------------------------------------------------------------

STOPS: dict[str, StopReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
    "sensitive": "content_filter",  # MiniMax and others of the compatible servers
    "pause_turn": "stop",
    "compaction": "stop",
    "model_context_window_exceeded": "length",
}
RAW_STOPS: dict[StopReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "error": "end_turn",
}


def decode_stop(raw: Json, sequence: Json, calls: bool) -> Stop:
    """calls: whether the answer holds calls for the client, which some compatible servers end with a plain end_turn; a
    client told of calls that are not there would wait for them (case 11)."""
    word = raw if isinstance(raw, str) else None
    reason = STOPS.get(word or "", "stop")
    if word in (None, "end_turn", "tool_use"):
        reason = "tool_calls" if calls else "stop"
    return Stop(reason, word, sequence if isinstance(sequence, str) else None)


def encode_stop(stop: Stop, at_home: bool) -> str:
    if at_home and stop.raw:
        return stop.raw
    return "stop_sequence" if stop.sequence is not None and stop.reason == "stop" else RAW_STOPS[stop.reason]


# -- counts ------------------------------------------------------------------

COUNTS = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")


def number(value: Json) -> int:
    return int(value) if type(value) in (int, float) and 0 <= value < 1e15 else 0


def decode_usage(wire: Json) -> Usage:
    """Here input_tokens leaves out what the cache served or took; in the neutral form it is all of the input."""
    if not isinstance(wire, dict):
        return Usage()
    read, written = number(wire.get("cache_read_input_tokens")), number(wire.get("cache_creation_input_tokens"))
    kept, details = wire.get("cache_creation"), wire.get("output_tokens_details")
    hour = number(kept.get("ephemeral_1h_input_tokens")) if isinstance(kept, dict) else 0
    if isinstance(kept, dict) and "cache_creation_input_tokens" not in wire:
        written = hour + number(kept.get("ephemeral_5m_input_tokens"))
    return Usage(
        input=number(wire.get("input_tokens")) + read + written,
        output=number(wire.get("output_tokens")),
        cache_read=read,
        cache_write=written,
        cache_write_1h=min(hour, written),
        reasoning=number(details.get("thinking_tokens")) if isinstance(details, dict) else 0,
        extra={name: value for name, value in wire.items() if name not in COUNTS or value is None},
    )


def encode_usage(usage: Usage, ctx: Context) -> Wire:
    uncounted(usage, ctx, "input_audio", "output_audio", "input_image", "output_image")
    wire: Wire = {
        "input_tokens": max(0, usage.input - usage.cache_read - usage.cache_write),
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
        "output_tokens": usage.output,
    }
    if ctx.at_home:
        return wire | {name: value for name, value in usage.extra.items() if not wire.get(name)}
    if usage.cache_write:
        hour = usage.cache_write_1h
        short = usage.cache_write - hour
        wire["cache_creation"] = {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": hour}
    if usage.reasoning:
        wire["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    return wire


# -- cache marks ---------------------------------------------------------------


def decode_cache(f: Fields) -> Cache | None:
    """Takes `cache_control`; one of an unknown kind stays where it is, for the trip home."""
    wire = f.keep("cache_control", dict)
    if not wire:
        return None
    g = Fields(wire, f.at("cache_control"))
    if g.need("type", str) != "ephemeral":
        return None
    g.keep("ttl", str)
    g = f.sub("cache_control")
    g.any("type")
    match g.peek("ttl"):
        case "5m" | "1h" as ttl:
            g.any("ttl")
            return Cache(ttl="1h" if ttl == "1h" else "5m")
        case _:
            return Cache()


def encode_cache(cache: Cache) -> Wire:
    return {"type": "ephemeral", "ttl": cache.ttl} if cache.ttl else {"type": "ephemeral"}


# -- signatures, citations -------------------------------------------------------


def seal(value: Json) -> Signature | None:
    return Signature(ISSUER, value) if isinstance(value, str) and value else None


def string(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def decode_citation(wire: Wire) -> Citation:
    """The neutral half is for others; the whole goes home as it was."""
    return Citation(
        cited_text=string(wire.get("cited_text")) or "",
        url=string(wire.get("url")),
        title=string(wire.get("title")) or string(wire.get("document_title")),
        extra=wire,
    )


def decode_citations(f: Fields) -> tuple[Citation, ...]:
    found = []
    for value, path in f.items("citations"):
        if not isinstance(value, dict):
            raise invalid(path, f"expected an object, got {name_of(value)}")
        found.append(decode_citation(value))
    return tuple(found)


def encode_citation(citation: Citation, at_home: bool) -> Wire | None:
    """For an answer. A source without a URL has no form here, if it is not our own."""
    if at_home and citation.extra:
        return dict(citation.extra)
    if not citation.url:
        return None
    return {
        "type": "web_search_result_location",
        "cited_text": citation.cited_text,
        "url": citation.url,
        "title": citation.title,
        "encrypted_index": "",
    }


def lose_stretches(citations: Iterable[Citation], length: int | None, ctx: Context, path: str) -> None:
    """Reports citations of a part of a text of that length: here a text is cited as a whole."""
    if not ctx.at_home and any(c.url and (c.start or (c.end is not None and c.end != length)) for c in citations):
        ctx.lose(f"{path}.citations", "the whole text is cited", "emulated")


# -- names and ids ------------------------------------------------------------------


def legal(name: str, ctx: Context) -> str:
    """A tool name or call id as this API takes it (`^[a-zA-Z0-9_-]{1,64}$`); the client's own spelling is noted."""
    spelled = legal_name(name) or "tool"
    if name and spelled != name:
        ctx.renamed[spelled] = name
    return spelled


# -- dates ---------------------------------------------------------------------------

DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d):(\d\d))?")


def date(seconds: int) -> str:
    """Unix seconds as RFC 3339; by hand, for the core reads no clock and its modules no `datetime`."""
    days, rest = divmod(max(0, seconds), 86400)
    era, day = divmod(days + 719468, 146097)  # eras of 400 years, each beginning on a 1 March
    year = (day - day // 1460 + day // 36524 - day // 146096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    day -= (153 * month + 2) // 5 - 1
    month = month + 3 if month < 10 else month - 9
    year += era * 400 + (month <= 2)
    return f"{year:04}-{month:02}-{day:02}T{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}Z"


def seconds(text: Json) -> int:
    """The unix seconds of an RFC 3339 date in UTC; 0 for anything else."""
    found = DATE.match(text) if isinstance(text, str) else None
    if not found:
        return 0
    year, month, day, hour, minute, second = (int(digits or 0) for digits in found.groups())
    year -= month <= 2
    days = (
        365 * year + year // 4 - year // 100 + year // 400 + (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day
    )
    return max(0, (days - 719469) * 86400 + hour * 3600 + minute * 60 + second)
