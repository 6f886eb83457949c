"""Whole answers and errors of Converse, both ways.

It knows no stream and no request.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from dragoman.core.codec import Context, Wire
from dragoman.core.content import data_url
from dragoman.core.errors import GatewayError, Kind
from dragoman.core.eventstream import exception, kind_named, message_in
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
    Signature,
    Text,
    ToolCall,
    ToolResult,
    Url,
)
from dragoman.core.leaving import leave_parts
from dragoman.core.refusals import kind_of, retry_after
from dragoman.dialects.bedrock_converse.parts import BLOCKS, decode_block, encode_own, encode_thought, join, value_of
from dragoman.dialects.bedrock_converse.words import (
    CLAUDE,
    DIALECT,
    KINDS,
    decode_stop,
    decode_usage,
    encode_citation,
    encode_stop,
    encode_usage,
)

# -- decode ------------------------------------------------------------------

TAKEN = frozenset(("output", "stopReason", "usage"))


def decode_response(wire: Wire, ctx: Context) -> Response:
    if not isinstance(wire, dict):
        raise unreadable()
    output = wire.get("output")
    message = output.get("message") if isinstance(output, dict) else None
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(output, dict) or not isinstance(message, dict) or not isinstance(content, list):
        if message_in(wire) and output is None:
            raise decode_error(0, wire, {})
        raise unreadable()
    parts: list[AnyPart] = []
    for block in content:
        if (part := decode_answer(block, ctx)) is not None:
            join(parts, part)
    calls = any(isinstance(part, ToolCall) and not part.server for part in parts)
    fields = wire.get("additionalModelResponseFields")
    extra: Wire = {name: value for name, value in wire.items() if name not in TAKEN}
    beside = {name: value for name, value in message.items() if name not in ("role", "content")}
    rest = {name: value for name, value in output.items() if name != "message"} | (
        {"message": beside} if beside else {}
    )
    return Response(
        origin=DIALECT,
        id=ctx.new_id("msg_"),
        model=ctx.model,
        parts=tuple(parts),
        stop=decode_stop(wire.get("stopReason"), fields, calls),
        usage=decode_usage(wire.get("usage")),
        extra=extra | ({"output": rest} if rest else {}),
    )


def unreadable() -> GatewayError:
    return GatewayError(Kind.UPSTREAM, "the provider's answer is not a message", code="upstream_invalid_response")


def decode_answer(raw: Json, ctx: Context) -> AnyPart | None:
    """A block of an answer, in the client's own names. One that makes no sense is passed over."""
    try:
        part = decode_block(raw, "content", ctx.model, BLOCKS)
    except GatewayError:
        return None
    if isinstance(part, ToolCall) and ctx.renamed:
        return replace(part, id=ctx.original(part.id), name=ctx.original(part.name))
    return part


# -- encode ------------------------------------------------------------------


def encode_response(response: Response, ctx: Context) -> Wire:
    ctx.going(response.origin, DIALECT)
    leave_parts(response.parts, ctx)
    content: list[Wire] = []
    for i, part in enumerate(response.parts):
        content += encode_answer(part, ctx, f"parts[{i}]")
    wire: Wire = {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": encode_stop(response.stop, ctx.at_home),
        "usage": encode_usage(response.usage, ctx),
    }
    if response.stop.sequence is not None and not ctx.at_home:
        wire["additionalModelResponseFields"] = {"stop_sequence": response.stop.sequence}
    return ctx.carry(wire, response.extra, "")


def encode_answer(part: AnyPart, ctx: Context, path: str) -> list[Wire]:
    """The blocks a part of an answer becomes; none where there is nothing to show."""
    if ctx.at_home:
        return encode_own(part, ctx, path)
    part = readable(part, ctx, path)
    if isinstance(part, Text) and part.logprobs:
        ctx.lose(f"{path}.logprobs", "no probabilities are told")
    wire: Wire
    match part:
        case Text(text="", citations=()) | Refusal(text=""):
            return []
        case Text(citations=(_, *_)) as text:
            found = [encode_citation(citation, False) for citation in text.citations]
            wire = {"citationsContent": {"content": [{"text": text.text}], "citations": found}}
        case Text(text=said) | Refusal(text=said):
            wire = {"text": said}
        case Reasoning():
            if not part.text and not part.signature:
                return []
            wire = {"reasoningContent": encode_thought(part)}
        case Media():
            wire = shown(part, ctx, path)
        case ToolCall(server=False):
            value = value_of(part)
            value = value if isinstance(value, dict) else {"arguments": part.arguments}
            wire = {"toolUse": {"toolUseId": part.id, "name": part.name, "input": value}}
        case ToolCall() | ToolResult() | Opaque():
            ctx.lose(path, "has no form here")
            return []
    return [ctx.carry(wire, part.extra, path)]


def readable(part: AnyPart, ctx: Context, path: str) -> AnyPart:
    """The part without a signature that would not come back to who gave it; that is reported."""
    if part.signature is None or (isinstance(part, Reasoning) and ours(part.signature)):
        return part
    ctx.lose(f"{path}.signature", f"only {part.signature.issuer} can read it")
    return replace(part, signature=None)


def ours(signature: Signature) -> bool:
    """Whether a client of this dialect can hold a proof: what it sends back is read as its model's vendor's."""
    return signature.issuer == CLAUDE or signature.issuer.startswith("bedrock")


def shown(part: Media, ctx: Context, path: str) -> Wire:
    """Media in an answer: a block of their own where this API has one, else a link its clients can show."""
    kind, format = KINDS.get(part.media_type.split(";")[0].strip(), ("", ""))
    match part.source:
        case Base64(data) if kind in ("image", "audio"):
            return {kind: {"format": format, "source": {"bytes": data}}}
        case Base64(data):
            where = data_url(part.media_type, data)
        case Url(url=where) | FileId(id=where):
            pass
    ctx.lose(path, f"{part.media_type} is given as a link in markdown", "emulated")
    noun = part.media_type.partition("/")[0]
    return {"text": f"![Generated Image]({where})" if noun == "image" else f"[Generated {noun.capitalize()}]({where})"}


# -- errors ------------------------------------------------------------------

ERRORS: dict[Kind, tuple[int, str]] = {
    Kind.INVALID_REQUEST: (400, "ValidationException"),
    Kind.CONTEXT_LENGTH: (400, "ValidationException"),
    Kind.CONTENT_POLICY: (400, "ValidationException"),
    Kind.AUTHENTICATION: (403, "UnrecognizedClientException"),
    Kind.PERMISSION: (403, "AccessDeniedException"),
    Kind.NOT_FOUND: (404, "ResourceNotFoundException"),
    Kind.METHOD: (405, "UnknownOperationException"),
    Kind.CONFLICT: (409, "ConflictException"),
    Kind.TOO_LARGE: (413, "ValidationException"),
    Kind.MEDIA_TYPE: (415, "ValidationException"),
    Kind.QUOTA: (400, "ServiceQuotaExceededException"),
    Kind.RATE_LIMIT: (429, "ThrottlingException"),
    Kind.INTERNAL: (500, "InternalServerException"),
    Kind.UPSTREAM: (502, "ModelErrorException"),
    Kind.OVERLOADED: (503, "ServiceUnavailableException"),
    Kind.TIMEOUT: (408, "ModelTimeoutException"),
}
IN_STREAM = {
    "ValidationException": "validationException",
    "ThrottlingException": "throttlingException",
    "InternalServerException": "internalServerException",
    "ModelErrorException": "modelStreamErrorException",
    "ServiceUnavailableException": "serviceUnavailableException",
    "ModelTimeoutException": "serviceUnavailableException",
    "ServiceQuotaExceededException": "throttlingException",
}
"""The five exceptions a stream of Converse may hold; all others are told as the first."""


def decode_error(status: int, wire: Json, headers: Mapping[str, str]) -> GatewayError:
    """Its name is in a header, with a URL behind it, or in the body; its words in `message` or `Message`."""
    given = {name.lower(): value for name, value in headers.items()}
    words = [given.get("x-amzn-errortype", ""), *(wire.get(n) for n in ("__type", "code") if isinstance(wire, dict))]
    names = [word.partition(":")[0].rpartition("#")[2] for word in words if isinstance(word, str)]
    kind = next(filter(None, map(kind_named, names)), None) or kind_of(status)
    message = message_in(wire) or (wire.strip()[:500] if isinstance(wire, str) and "<" not in wire else None)
    message = message or (f"the provider answered with status {status}" if status else "the provider failed")
    error = exception(kind, message, status or None)
    error.retry_after = retry_after(headers)
    return error


def encode_error(error: GatewayError) -> tuple[int, Wire]:
    status, name = ERRORS[error.kind]
    if error.status is not None and 400 <= error.status < 600:
        status = error.status
    return status, {"__type": name, "message": error.message}
