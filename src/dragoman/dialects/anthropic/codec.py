"""Anthropic Messages, and the counting of its tokens: one codec, at the front and at the back.

It knows the core and the rooms of its own dialect.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from dragoman.core import codec
from dragoman.core.codec import Context, Wire, raw_members
from dragoman.core.errors import GatewayError, Kind
from dragoman.core.framing import Frame
from dragoman.core.ir import Json, Request, Response
from dragoman.core.media import Binary, CountResponse, Model, Operation
from dragoman.core.profile import Profile
from dragoman.core.schema_back import mended, mending
from dragoman.dialects.anthropic import answer, question, request
from dragoman.dialects.anthropic.stream import Decoder, Encoder
from dragoman.dialects.anthropic.words import DIALECT, date, number, seconds, string


class Anthropic:
    """POST /v1/messages"""

    dialect = DIALECT

    def decode_request(self, wire: Wire, ctx: Context) -> Request:
        return question.decode_request(wire)

    def encode_request(self, value: Request, ctx: Context) -> Wire:
        return request.encode_request(value, ctx)

    def decode_response(self, wire: Wire, ctx: Context) -> Response:
        return mended(answer.decode_response(wire, ctx), ctx)

    def encode_response(self, response: Response, ctx: Context) -> Wire:
        return answer.encode_response(response, ctx)

    def decoder(self, ctx: Context) -> codec.Decoder:
        return mending(Decoder(ctx), ctx)

    def encoder(self, ctx: Context) -> Encoder:
        return Encoder(ctx)

    def decode_error(self, status: int, wire: Json, headers: Mapping[str, str]) -> GatewayError:
        return answer.decode_error(status, wire, headers)

    def encode_error(self, error: GatewayError, request_id: str) -> tuple[int, Wire]:
        return answer.encode_error(error, request_id)

    def shows_reasoning(self, request: Request) -> bool:
        """Only where `thinking` is on: else its clients read `content[0].text` (all SDKs, 2026-11)."""
        thinking = request.thinking
        return (
            thinking is not None
            and thinking.effort != "none"
            and (thinking.budget is not None or "type" in thinking.extra)
        )

    def path(self, model: str, stream: bool) -> str:
        return "/v1/messages"

    def edit_request(self, raw: bytes, model: str, stream: bool, profile: Profile) -> bytes:
        """Beside the model and the wish for a stream, thoughts are taken out that no signature vouches for: they come
        from a turn that another vendor's model answered, and the API refuses the whole conversation for them."""
        members = raw_members(raw)
        members["model"] = encoded(model)
        if stream != (members.get("stream") == TRUE):
            members["stream"] = TRUE if stream else FALSE
        if "messages" in members and UNSIGNED.search(raw):
            members["messages"] = without_unsigned(members["messages"])
        return msgspec.json.encode(members)

    def rename_response(self, raw: bytes, model: str) -> bytes:
        return renamed(raw, model)

    def rename_frame(self, frame: Frame, model: str) -> Frame:
        if b"message_start" not in frame.data:
            return frame
        try:
            members = raw_members(frame.data)
        except GatewayError:
            return frame
        if members.get("type") != MESSAGE_START or "message" not in members:
            return frame
        members["message"] = msgspec.Raw(renamed(bytes(members["message"]), model))
        return Frame(msgspec.json.encode(members), frame.event)

    # -- models --

    def encode_model(self, model: Model) -> Wire:
        wire: Wire = {
            "type": "model",
            "id": model.id,
            "display_name": model.name or model.id,
            "created_at": date(model.created),
        }
        if model.context_window is not None:
            wire["max_input_tokens"] = model.context_window
        if model.max_tokens is not None:
            wire["max_tokens"] = model.max_tokens
        return wire

    def encode_models(self, models: tuple[Model, ...]) -> Wire:
        data = [self.encode_model(model) for model in models]
        first, last = (models[0].id, models[-1].id) if models else (None, None)
        return {"data": data, "has_more": False, "first_id": first, "last_id": last}

    def decode_models(self, wire: Wire, provider: str) -> tuple[Model, ...]:
        data = wire.get("data") if isinstance(wire, dict) else None
        if not isinstance(data, list):
            raise GatewayError(
                Kind.UPSTREAM, "the provider's list of models cannot be read", code="upstream_invalid_response"
            )
        found = [entry for entry in data if isinstance(entry, dict) and string(entry.get("id"))]
        return tuple(
            Model(
                id=entry["id"],
                provider=provider,
                name=string(entry.get("display_name")),
                created=seconds(entry.get("created_at")),
                context_window=number(entry.get("max_input_tokens")) or None,
                max_tokens=number(entry.get("max_tokens")) or None,
            )
            for entry in found
        )


class AnthropicCount:
    """POST /v1/messages/count_tokens: a Messages body without the wishes that cost nothing to count."""

    dialect = DIALECT
    operation: Operation = "count"

    def decode_request(self, wire: Wire, ctx: Context) -> Request:
        return question.decode_request(wire, limited=False)

    def encode_request(self, value: Request, ctx: Context) -> Wire:
        wire = request.encode_request(value, ctx)
        return {name: member for name, member in wire.items() if name not in UNCOUNTED}

    def decode_response(self, wire: Wire | Binary, ctx: Context) -> CountResponse:
        tokens = wire.get("input_tokens") if isinstance(wire, dict) else None
        if not isinstance(wire, dict) or type(tokens) is not int:
            raise answer.unreadable()
        return CountResponse(tokens, extra={name: value for name, value in wire.items() if name != "input_tokens"})

    def encode_response(self, response: CountResponse, ctx: Context) -> Wire:
        wire: Wire = {"input_tokens": response.tokens}
        if "context_management" in response.extra:
            wire["context_management"] = response.extra["context_management"]
        return wire

    def path(self, value: Request, model: str) -> str:
        return "/v1/messages/count_tokens"


UNCOUNTED = frozenset(
    ("max_tokens", "metadata", "service_tier", "stop_sequences", "stream", "temperature", "top_k", "top_p")
)
"""What count_tokens does not take; none of it changes a count."""

# -- raw JSON ------------------------------------------------------------------

TRUE, FALSE, MESSAGE_START = msgspec.Raw(b"true"), msgspec.Raw(b"false"), msgspec.Raw(b'"message_start"')
UNSIGNED = re.compile(rb'"signature"\s*:\s*""')


def encoded(value: Json) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def renamed(raw: bytes, model: str) -> bytes:
    """A message with its model named otherwise; anything else as it is."""
    try:
        members = raw_members(raw)
    except GatewayError:
        return raw
    if "model" not in members:
        return raw
    members["model"] = encoded(model)
    return msgspec.json.encode(members)


def without_unsigned(raw: msgspec.Raw) -> msgspec.Raw:
    """The messages without thoughts whose signature is empty, and without turns that held nothing else."""
    try:
        messages = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return raw
    if not isinstance(messages, list):
        return raw
    kept = []
    for message in messages:
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, list):
            left = [block for block in content if not is_unsigned(block)]
            if content and not left:
                continue
            message = message | {"content": left}
        kept.append(message)
    return encoded(kept)


def is_unsigned(block: Json) -> bool:
    return isinstance(block, dict) and block.get("type") == "thinking" and block.get("signature") == ""
