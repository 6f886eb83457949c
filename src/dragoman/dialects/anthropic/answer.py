"""Whole answers and errors of Anthropic Messages, both ways.

It knows no stream and no request.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from dragoman.core.codec import Context, Wire
from dragoman.core.content import data_url
from dragoman.core.errors import GatewayError, Kind
from dragoman.core.ir import (
    AnyPart,
    Base64,
    FileId,
    Json,
    Media,
    Opaque,
    Reasoning,
    Refusal,
    Response,
    Stop,
    Text,
    ToolCall,
    ToolResult,
    Url,
)
from dragoman.core.leaving import leave_parts
from dragoman.core.refusals import STATUSES, context_is_full, kind_of, retry_after
from dragoman.core.tools import shown
from dragoman.dialects.anthropic.parts import arguments, decode_part, encode_own
from dragoman.dialects.anthropic.runs import OURS, Runs, encode_run
from dragoman.dialects.anthropic.words import (
    DIALECT,
    ISSUER,
    decode_stop,
    decode_usage,
    encode_citation,
    encode_stop,
    encode_usage,
    lose_stretches,
    string,
)

# -- decode ------------------------------------------------------------------

TAKEN = frozenset(("type", "role", "id", "model", "content", "stop_reason", "stop_sequence", "usage"))


def decode_response(wire: Wire, ctx: Context) -> Response:
    if not isinstance(wire, dict):
        raise unreadable()
    content = wire.get("content")
    if wire.get("type") == "error" or ("error" in wire and content is None):
        raise decode_error(0, wire, {})
    if not isinstance(content, list):
        raise unreadable()
    runs = Runs()
    parts = tuple(runs.told(part) for raw in content if (part := decode_answer(raw, ctx)))
    calls = any(isinstance(part, ToolCall) and not part.server for part in parts)
    return Response(
        origin=DIALECT,
        id=string(wire.get("id")) or ctx.new_id("msg_"),
        model=string(wire.get("model")) or ctx.model,
        parts=parts,
        stop=decode_stop(wire.get("stop_reason"), wire.get("stop_sequence"), calls),
        usage=decode_usage(wire.get("usage")),
        extra={name: value for name, value in wire.items() if name not in TAKEN},
    )


def unreadable() -> GatewayError:
    return GatewayError(Kind.UPSTREAM, "the provider's answer is not a message", code="upstream_invalid_response")


ESSENTIAL = {
    "text": ("text",),
    "thinking": ("thinking",),
    "redacted_thinking": ("data",),
    "tool_use": ("id", "name", "input"),
}
"""What is read of a block that is otherwise not as it should be."""


def decode_answer(raw: Json, ctx: Context) -> AnyPart | None:
    """A block of an answer. One that makes no sense is passed over."""
    if not isinstance(raw, dict) or not isinstance(raw.get("type"), str):
        return None
    if raw["type"] == "tool_use":  # relays leave out either (cases 10, 11)
        id, name = string(raw.get("id")), string(raw.get("name"))
        raw = raw | {"id": id or ctx.new_id("toolu_"), "name": name or "tool_0"}
    try:
        part = decode_part(raw, "content")
    except GatewayError:
        essential = ESSENTIAL.get(raw["type"], ())
        try:
            part = decode_part({"type": raw["type"]} | {name: raw.get(name) for name in essential}, "content")
        except GatewayError:
            return None
    match part:
        case ToolCall(id=id, name=name) if ctx.renamed:
            return ToolCall(
                id=ctx.original(id),
                name=ctx.original(name),
                arguments=part.arguments,
                server=part.server,
                cache=part.cache,
                extra=part.extra,
            )
        case _:
            return part


# -- encode ------------------------------------------------------------------


def encode_response(response: Response, ctx: Context) -> Wire:
    ctx.going(response.origin, DIALECT)
    leave_parts(response.parts, ctx)
    lose_stop(response.stop, ctx)
    content = [block for i, part in enumerate(response.parts) for block in encode_blocks(part, ctx, f"parts[{i}]")]
    wire: Wire = {
        "id": response.id if ctx.at_home and response.id else ctx.new_id("msg_"),
        "type": "message",
        "role": "assistant",
        "model": ctx.model or response.model,
        "content": content,
        "stop_reason": encode_stop(response.stop, ctx.at_home),
        "stop_sequence": response.stop.sequence,
        "usage": encode_usage(response.usage, ctx),
    }
    return ctx.carry(wire, response.extra, "")


def lose_stop(stop: Stop, ctx: Context) -> None:
    if stop.reason == "error" and not ctx.at_home:
        ctx.lose("stop.reason", "no word here says that the model broke off")


def encode_blocks(part: AnyPart, ctx: Context, path: str) -> list[Wire]:
    """The blocks a part of an answer becomes: two for what another provider's own tool did."""
    if isinstance(part, ToolCall | ToolResult | Opaque) and not (ctx.at_home or is_call(part)):
        return encode_shown(part, ctx, path)
    block = encode_answer(part, ctx, path)
    return [block] if block else []


def is_call(part: AnyPart) -> bool:
    return isinstance(part, ToolCall) and not part.server


def encode_shown(part: AnyPart, ctx: Context, path: str) -> list[Wire]:
    """A call and its result; nothing, and that reported, where one of them is not told."""
    if isinstance(part, Opaque) and part.run and part.run.tool == "code_execution" and part.run.output is None:
        ctx.lose(path, "what the code wrote is not told")
        return []
    run = shown(part, ctx, path)
    if run is None:
        return []
    unsigned(part, ctx, path)
    return list(encode_run(run, ctx.new_id(OURS)))


def encode_answer(part: AnyPart, ctx: Context, path: str) -> Wire | None:
    """The block a part of an answer becomes; None where there is nothing to show. Never an empty text (case 26)."""
    if isinstance(part, Text | Refusal) and not part.text:
        return None
    if ctx.at_home and not foreign(part):
        return encode_own(part, ctx, path)
    unsigned(part, ctx, path)
    if isinstance(part, Text) and part.logprobs:
        ctx.lose(f"{path}.logprobs", "probabilities have no form here")
    wire: Wire
    match part:
        case Text(text=text) | Refusal(text=text):
            wire = {"type": "text", "text": text}
            if isinstance(part, Text) and (found := citations(part, ctx, path)):
                wire["citations"] = found
        case Reasoning():
            mine = part.signature.value if part.signature and part.signature.issuer == ISSUER else ""
            if part.redacted:
                return {"type": "redacted_thinking", "data": mine} if mine else None
            if not part.text and not mine:
                return None
            wire = {"type": "thinking", "thinking": part.text, "signature": mine}
        case Media():
            ctx.lose(path, f"{part.media_type} is given as a link in markdown", "emulated")
            wire = {"type": "text", "text": markdown(part)}
        case ToolCall(server=False):
            value = arguments(part.arguments)
            value = value if isinstance(value, dict) else {"arguments": part.arguments}
            wire = {"type": "tool_use", "id": part.id, "name": part.name, "input": value}
        case ToolCall() | ToolResult() | Opaque():
            return None
    return ctx.carry(wire, part.extra, path)


def foreign(part: AnyPart) -> bool:
    """Whether a thought was signed by another: then it is shown without the signature, also by a provider of this
    dialect that is not its vendor."""
    return isinstance(part, Reasoning) and part.signature is not None and part.signature.issuer != ISSUER


def unsigned(part: AnyPart, ctx: Context, path: str) -> None:
    """Reports a signature that this dialect has no place for, or that only another provider can read."""
    if part.signature and (part.signature.issuer != ISSUER or not isinstance(part, Reasoning)):
        ctx.lose(f"{path}.signature", f"only {part.signature.issuer} can read it")


def citations(part: Text, ctx: Context, path: str) -> list[Wire]:
    found = [encode_citation(citation, False) for citation in part.citations]
    if None in found:
        ctx.lose(f"{path}.citations", "a source without a URL has no form here")
    lose_stretches(part.citations, len(part.text), ctx, path)
    return [citation for citation in found if citation]


def markdown(part: Media) -> str:
    """Media in an answer: this API has none, so they come as its clients can show them (contract 001-2)."""
    match part.source:
        case Base64(data):
            where = data_url(part.media_type, data)
        case Url(url):
            where = url
        case FileId(_, id):
            where = id
    kind, _, _ = part.media_type.partition("/")
    return f"![Generated Image]({where})" if kind == "image" else f"[Generated {kind.capitalize()}]({where})"


# -- errors ------------------------------------------------------------------

ERRORS: dict[Kind, tuple[int, str]] = {
    Kind.INVALID_REQUEST: (400, "invalid_request_error"),
    Kind.CONTEXT_LENGTH: (400, "invalid_request_error"),
    Kind.CONTENT_POLICY: (400, "invalid_request_error"),
    Kind.AUTHENTICATION: (401, "authentication_error"),
    Kind.PERMISSION: (403, "permission_error"),
    Kind.NOT_FOUND: (404, "not_found_error"),
    Kind.METHOD: (405, "invalid_request_error"),
    Kind.CONFLICT: (409, "invalid_request_error"),
    Kind.TOO_LARGE: (413, "request_too_large"),
    Kind.MEDIA_TYPE: (415, "invalid_request_error"),
    Kind.QUOTA: (429, "rate_limit_error"),
    Kind.RATE_LIMIT: (429, "rate_limit_error"),
    Kind.INTERNAL: (500, "api_error"),
    Kind.UPSTREAM: (502, "api_error"),
    Kind.OVERLOADED: (529, "overloaded_error"),
    Kind.TIMEOUT: (504, "timeout_error"),
}
KINDS: dict[str, Kind] = {
    "authentication_error": Kind.AUTHENTICATION,
    "billing_error": Kind.QUOTA,
    "insufficient_quota": Kind.QUOTA,
    "permission_error": Kind.PERMISSION,
    "not_found_error": Kind.NOT_FOUND,
    "request_too_large": Kind.TOO_LARGE,
    "rate_limit_error": Kind.RATE_LIMIT,
    "rate_limit_exceeded": Kind.RATE_LIMIT,
    "context_length_exceeded": Kind.CONTEXT_LENGTH,
    "timeout_error": Kind.TIMEOUT,
    "overloaded_error": Kind.OVERLOADED,
}
"""Types that say more than the status does."""
WIDE: dict[str, Kind] = {"invalid_request_error": Kind.INVALID_REQUEST, "api_error": Kind.UPSTREAM}
"""Types that say less."""
TELLING = {status: kind for status, kind in STATUSES.items() if kind is not Kind.INVALID_REQUEST}
"""The statuses that tell more than a type that says little."""
PHRASES: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (Kind.QUOTA, re.compile(r"credit balance is too low", re.I)),
    (Kind.CONTENT_POLICY, re.compile(r"content filtering policy", re.I)),
)
"""What an invalid_request_error may mean besides."""


def decode_error(status: int, wire: Json, headers: Mapping[str, str]) -> GatewayError:
    """status: 0 where the error came inside a 200."""
    if isinstance(wire, list) and wire:
        wire = wire[0]
    error = wire.get("error", wire) if isinstance(wire, dict) else wire
    message = kind = code = param = None
    if isinstance(error, dict):
        message = string(error.get("message")) or string(error.get("detail"))
        words = [word for word in (error.get("type"), error.get("code")) if isinstance(word, str)]
        kind = next((KINDS[word] for word in words if word in KINDS), None)
        kind = kind or TELLING.get(status) or next((WIDE[word] for word in words if word in WIDE), None)
        code, param = string(error.get("code")), string(error.get("param"))
        if isinstance(details := error.get("details"), dict):
            code = string(details.get("error_code")) or code
    elif isinstance(error, str) and "<" not in error:
        message = error.strip()[:500]
    kind = kind or kind_of(status)
    message = message or (f"the provider answered with status {status}" if status else "the provider failed")
    if kind in (Kind.INVALID_REQUEST, Kind.TOO_LARGE):
        kind = next((other for other, phrase in PHRASES if phrase.search(message)), kind)
        kind = Kind.CONTEXT_LENGTH if context_is_full(message) else kind
    wait = retry_after(headers)
    return GatewayError(kind, message, param=param, code=code, status=status or None, retry_after=wait)


def encode_error(error: GatewayError, request_id: str) -> tuple[int, Wire]:
    status, word = ERRORS[error.kind]
    if error.status is not None and 400 <= error.status < 600 and error.kind is not Kind.CONTEXT_LENGTH:
        status = error.status
    if error.kind is Kind.QUOTA and status == 402:
        word = "billing_error"
    body: Wire = {"type": word, "message": told(error)}
    if error.code == "thread_unsupported_request":  # then its SDKs send the whole conversation (clients.md 1.5)
        body["details"] = {"error_code": error.code, "unsupported": [error.param or "thread"]}
    return status, {"type": "error", "error": body, "request_id": request_id}


def told(error: GatewayError) -> str:
    """Claude Code shortens a conversation when it reads `prompt is too long: N tokens > M maximum` (case 136)."""
    if error.kind is not Kind.CONTEXT_LENGTH or "prompt is too long" in error.message.lower():
        return error.message
    numbers = set(numbers_of(error.message))
    if len(numbers) == 2:
        return f"prompt is too long: {max(numbers)} tokens > {min(numbers)} maximum ({error.message})"
    return f"prompt is too long: {error.message}"


def numbers_of(text: str) -> Iterator[int]:
    """The numbers of four digits and more."""
    for digits in re.findall(r"(?<![\w.])\d[\d,]{3,11}(?![\w])", text):
        yield int(digits.replace(",", ""))
