"""Responses, both ways: the codec, model lists, and edits in passing through.

It knows no other dialect. A server's quirks come in the profile.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from dragoman.core.codec import Context, Decoder, Encoder, Wire, clean, raw_members, rewrite
from dragoman.core.errors import GatewayError, invalid
from dragoman.core.framing import Frame
from dragoman.core.ir import Json, Request, Response
from dragoman.core.media import Model
from dragoman.core.profile import Profile
from dragoman.core.schema_back import mended, mending
from dragoman.dialects.openai_errors import decode_error, encode_error
from dragoman.dialects.openai_responses import answer, compaction, events, question, request, stream, whole
from dragoman.dialects.openai_responses.parts import DIALECT, ISSUER, SEAL, decode_seal


class OpenAIResponses:
    """The one codec of the dialect, without state."""

    dialect = DIALECT

    def decode_request(self, wire: Wire, ctx: Context) -> Request:
        return request.decode_request(wire, ctx)

    def encode_request(self, asked: Request, ctx: Context) -> Wire:
        return question.encode_request(asked, ctx)

    def decode_response(self, wire: Wire, ctx: Context) -> Response:
        return mended(whole.decode_response(wire, ctx), ctx)

    def encode_response(self, response: Response, ctx: Context) -> Wire:
        return answer.encode_response(response, ctx)

    def decoder(self, ctx: Context) -> Decoder:
        return mending(stream.Decoder(ctx), ctx)

    def encoder(self, ctx: Context) -> Encoder:
        return events.Encoder(ctx)

    def decode_error(self, status: int, wire: Json, headers: Mapping[str, str]) -> GatewayError:
        return decode_error(status, wire, headers)

    def encode_error(self, error: GatewayError, request_id: str) -> tuple[int, Wire]:
        return encode_error(error)  # the request's id is told in a header

    def shows_reasoning(self, request: Request) -> bool:
        return True

    def path(self, model: str, stream: bool) -> str:
        return "/responses"

    def edit_request(self, raw: bytes, model: str, stream: bool, profile: Profile) -> bytes:
        return edit_request(raw, model, stream, profile)

    def rename_response(self, raw: bytes, model: str) -> bytes:
        return rename(raw, model)

    def rename_frame(self, frame: Frame, model: str) -> Frame:
        renamed = rename_event(frame.data, model)
        return frame if renamed is frame.data else Frame(renamed, frame.event)

    def encode_model(self, model: Model) -> Wire:
        return encode_model(model)

    def encode_models(self, models: tuple[Model, ...]) -> Wire:
        return {"object": "list", "data": [encode_model(model) for model in models]}

    def decode_models(self, wire: Wire, provider: str) -> tuple[Model, ...]:
        return decode_models(wire, provider)


# -- models --------------------------------------------------------------------------


def encode_model(model: Model) -> Wire:
    """OpenAI's four members, and what AIStudioToAPI adds (contract 001-15)."""
    return {"id": model.id, "object": "model", "created": model.created, "owned_by": model.provider} | clean(
        {
            "name": model.name,
            "description": model.description,
            "context_window": model.context_window,
            "max_tokens": model.max_tokens,
        }
    )


CONTEXT = ("context_window", "context_length", "max_model_len", "max_context_length", "max_input_tokens")
LIMIT = ("max_tokens", "max_completion_tokens", "max_output_tokens", "max_output_length")


def decode_models(wire: Json, provider: str) -> tuple[Model, ...]:
    """Any server's list: OpenAI's envelope, or a bare array."""
    rows = wire.get("data", wire.get("models")) if isinstance(wire, dict) else wire
    found: list[Model] = []
    for row in rows if isinstance(rows, list) else ():
        if not isinstance(row, dict) or not isinstance(id := row.get("id", row.get("name")), str) or not id:
            continue
        top = row.get("top_provider")
        more = {**row, **top} if isinstance(top, dict) else row  # OpenRouter
        created = row.get("created")
        found.append(
            Model(
                id=id,
                provider=provider,
                name=text(row.get("name") or row.get("display_name")),
                description=text(row.get("description")),
                created=created if type(created) is int and created > 0 else 0,
                context_window=first_count(more, CONTEXT),
                max_tokens=first_count(more, LIMIT),
            )
        )
    return tuple(found)


def text(value: Json) -> str | None:
    return value if isinstance(value, str) and value else None


def first_count(row: Wire, names: tuple[str, ...]) -> int | None:
    return next((value for name in names if type(value := row.get(name)) is int and value > 0), None)


# -- passing through --------------------------------------------------------------------


def edit_request(raw: bytes, model: str, streamed: bool, profile: Profile) -> bytes:
    members = raw_members(raw)
    changes: dict[str, Json] = {}
    if decoded(members.get("model")) != model:
        changes["model"] = model
    if (decoded(members.get("stream")) is True) != streamed:
        changes["stream"] = streamed
    issuer = profile.issuer or ISSUER
    sealed = SEAL.encode() in raw or (issuer != ISSUER and b"encrypted_content" in raw)
    if sealed and (kept := unsealed(members.get("input"), issuer)) is not None:
        changes["input"] = kept
    return rewrite(raw, **changes) if changes else raw


def unsealed(raw: msgspec.Raw | None, issuer: str) -> list[Json] | None:
    """The input without thoughts that another signed, which the issuer would refuse, with its own as it knows them, and
    with what was summed up here in plain words; None where there are none of these."""
    items = decoded(raw)
    if not isinstance(items, list):
        return None
    told = [compaction.opened(item, f"input[{i}]") for i, item in enumerate(items)]
    kept: list[Json] = []
    for i, (item, text) in enumerate(zip(items, told, strict=True)):
        seal = item.get("encrypted_content") if isinstance(item, dict) else None
        if text is not None:
            kept.append(compaction.message(text))
        elif not isinstance(seal, str):
            kept.append(item)
        elif (signature := decode_seal(seal).signature) is not None and signature.issuer == issuer:
            kept.append(item | {"encrypted_content": signature.value})
        elif compaction.kind_of(item) in compaction.COMPACTED:
            raise invalid(f"input[{i}]", "only who compacted this can open it, and another is asked")
    return kept if kept != items else None


def decoded(raw: msgspec.Raw | None) -> Json:
    return None if raw is None else msgspec.json.decode(raw)


def rename(raw: bytes, model: str) -> bytes:
    """The same bytes with another model; untouched where they name none, or are no JSON object."""
    if b'"model"' not in raw:
        return raw
    try:
        members = raw_members(raw)
        return rewrite(raw, model=model) if "model" in members else raw
    except GatewayError:
        return raw


def rename_event(raw: bytes, model: str) -> bytes:
    """The same event; those of the whole answer name the model, within it."""
    if b'"response"' not in raw or b'"model"' not in raw:
        return raw
    try:
        response = raw_members(raw).get("response")
        if response is None:
            return raw
        old = bytes(response)
        new = rename(old, model)
        return raw if new is old else rewrite(raw, response=msgspec.Raw(new))
    except GatewayError:
        return raw
