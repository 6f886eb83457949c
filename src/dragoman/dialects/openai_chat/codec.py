"""Chat Completions, both ways: the codec, whole answers as they are read, model lists, and edits in passing through.

It knows no other dialect. A server's quirks come in the profile.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from dragoman.core.codec import Context, Decoder, Encoder, Fields, Wire, clean, raw_members, rewrite
from dragoman.core.content import legal_name
from dragoman.core.errors import GatewayError, Kind
from dragoman.core.framing import Frame
from dragoman.core.ir import AnyPart, Base64, Extra, Json, Media, Request, Response, Text, ToolCall
from dragoman.core.media import Model
from dragoman.core.profile import Profile
from dragoman.core.schema_back import mended, mending
from dragoman.core.thoughts import untagged
from dragoman.dialects.openai_chat import answer, ends, question, request, stream
from dragoman.dialects.openai_chat.parts import DIALECT, Lenient, decode_answer, synthetic
from dragoman.dialects.openai_errors import decode_error
from dragoman.dialects.openai_logprobs import decode_tokens


class OpenAIChat:
    """The one codec of the dialect, without state."""

    dialect = DIALECT

    def decode_request(self, wire: Wire, ctx: Context) -> Request:
        return request.decode_request(wire, ctx)

    def encode_request(self, asked: Request, ctx: Context) -> Wire:
        return question.encode_request(asked, ctx)

    def decode_response(self, wire: Wire, ctx: Context) -> Response:
        return mended(decode_response(wire, ctx), ctx)

    def encode_response(self, response: Response, ctx: Context) -> Wire:
        return answer.encode_response(response, ctx)

    def decoder(self, ctx: Context) -> Decoder:
        return mending(stream.Decoder(ctx), ctx)

    def encoder(self, ctx: Context) -> Encoder:
        return answer.Encoder(ctx)

    def decode_error(self, status: int, wire: Json, headers: Mapping[str, str]) -> GatewayError:
        return decode_error(status, wire, headers)

    def encode_error(self, error: GatewayError, request_id: str) -> tuple[int, Wire]:
        return ends.encode_error(error)  # the request's id is told in a header

    def shows_reasoning(self, request: Request) -> bool:
        return True

    def path(self, model: str, stream: bool) -> str:
        return "/chat/completions"

    def edit_request(self, raw: bytes, model: str, stream: bool, profile: Profile) -> bytes:
        return edit_request(raw, model, stream, profile)

    def rename_response(self, raw: bytes, model: str) -> bytes:
        return rename(raw, model)

    def rename_frame(self, frame: Frame, model: str) -> Frame:
        if frame.data.strip() == stream.DONE.data:
            return Frame(stream.DONE.data, frame.event)
        renamed = rename(frame.data, model)
        return frame if renamed is frame.data else Frame(renamed, frame.event)

    def encode_model(self, model: Model) -> Wire:
        return encode_model(model)

    def encode_models(self, models: tuple[Model, ...]) -> Wire:
        return {"object": "list", "data": [encode_model(model) for model in models]}

    def decode_models(self, wire: Wire, provider: str) -> tuple[Model, ...]:
        return decode_models(wire, provider)


# -- a whole answer ----------------------------------------------------------------


def decode_response(wire: Json, ctx: Context) -> Response:
    if not isinstance(wire, dict) or wire.get("error") or wire.get("object") == "error":
        raise decode_error(0, wire, {})  # some answer with an error and status 200
    f = Lenient(wire)
    choices = f.take("choices", list) or []
    first = next((choice for choice in choices if isinstance(choice, dict)), None)
    if first is None:
        raise GatewayError(Kind.UPSTREAM, "the provider's answer holds no choice", code="upstream_error")
    f.any("object")
    usage = f.any("usage")
    if (created := f.take("created", int)) is not None:
        f.quiet("created", created)
    id, model = f.take("id", str) or "", f.take("model", str) or ""
    choice = Lenient(first)
    choice.any("index")
    message = choice.sub("message")  # Azure leaves it out where it filtered the answer
    message.any("role")
    parts = numbered((*decode_answer(message, ctx), *decode_sound(message, ctx)), id, ctx)
    if ctx.profile.think_tags:
        parts = untagged(parts)
    parts = decode_logprobs(choice, parts)
    called = any(isinstance(part, ToolCall) for part in parts)
    stop = ends.decode_stop(choice.any("finish_reason"), called, choice.take("stop_reason", str))
    extra = f.rest
    left: list[Extra] = [choice.rest, *(other for other in choices if other is not first)]
    if len(left) > 1 or left[0]:
        extra["choices"] = left
    return Response(
        origin=DIALECT, id=id, model=model, parts=parts, stop=stop, usage=ends.decode_usage(usage), extra=extra
    )


def decode_logprobs(choice: Fields, parts: tuple[AnyPart, ...]) -> tuple[AnyPart, ...]:
    """The parts, the first text with the probabilities of all; those of a refusal are left over."""
    raw = choice.peek("logprobs")
    first = next((i for i, part in enumerate(parts) if isinstance(part, Text)), None)
    tokens = decode_tokens(raw.get("content")) if isinstance(raw, dict) else ()
    if not tokens or first is None:
        return parts
    choice.quiet("logprobs", choice.any("logprobs"))
    if left := {name: value for name, value in raw.items() if name != "content"}:
        choice.rest["logprobs"] = left
    return (*parts[:first], replace(parts[first], logprobs=tokens), *parts[first + 1 :])


def text(value: Json) -> str:
    return value if isinstance(value, str) else ""


def numbered(parts: tuple[AnyPart, ...], id: str, ctx: Context) -> tuple[AnyPart, ...]:
    """The parts, calls without an id of their own with one made of the answer's id and their place."""
    done: list[AnyPart] = []
    seen: set[str] = set()
    calls = 0
    for part in parts:
        if isinstance(part, ToolCall):
            if not part.id or part.id in seen:
                id = id or ctx.new_id("")
                part = replace(part, id=synthetic(legal_name(id, 30), calls))
            seen.add(part.id)
            calls += 1
        done.append(part)
    return tuple(done)


def decode_sound(message: Fields, ctx: Context) -> tuple[Media, ...]:
    audio = message.peek("audio")
    data = audio.get("data") if isinstance(audio, dict) else None
    if not isinstance(data, str) or not data:
        return ()
    message.quiet("audio", message.any("audio"))
    if transcript := text(audio.get("transcript")):
        message.rest["audio"] = {"transcript": transcript}
    return (Media(media_type=stream.sound_type(ctx.request), source=Base64(data)),)


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
    """Any server's list: OpenAI's envelope, or the bare array of Together."""
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
                name=text(row.get("name") or row.get("display_name")) or None,
                description=text(row.get("description")) or None,
                created=created if type(created) is int and created > 0 else 0,
                context_window=first_count(more, CONTEXT),
                max_tokens=first_count(more, LIMIT),
            )
        )
    return tuple(found)


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
    if streamed and profile.stream_usage:
        options = members.get("stream_options")
        inner = decoded(options)
        if not isinstance(inner, dict):
            changes["stream_options"] = {"include_usage": True}
        elif inner.get("include_usage") is not True:
            changes["stream_options"] = msgspec.Raw(rewrite(bytes(options or b"{}"), include_usage=True))
    return rewrite(raw, **changes) if changes else raw


def decoded(raw: msgspec.Raw | None) -> Json:
    return None if raw is None else msgspec.json.decode(raw)


def rename(raw: bytes, model: str) -> bytes:
    """The same bytes with another model; untouched where they name none, or are no JSON object."""
    if b'"model"' not in raw:
        return raw
    try:
        members = raw_members(raw)
    except GatewayError:
        return raw
    return rewrite(raw, model=model) if "model" in members else raw
