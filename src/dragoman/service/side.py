"""The innermost room for the small operations: embeddings, images, speech, token counts.

It knows codecs only as such and providers only as data.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Iterable
from typing import Any, TypeVar

from msgspec.structs import replace

from dragoman.core import bridge
from dragoman.core.codec import Context, MediaCodec, rewrite
from dragoman.core.errors import GatewayError, Kind, invalid
from dragoman.core.ir import Request, Response
from dragoman.core.media import (
    Binary,
    CountResponse,
    EmbedRequest,
    EmbedResponse,
    ImageRequest,
    ImageResponse,
    Operation,
    SpeechRequest,
    SpeechResponse,
)
from dragoman.core.tokens import estimate
from dragoman.dialects import CODECS, MEDIA, asked_in, names_its_model, passes
from dragoman.providers.catalog import Deployment
from dragoman.providers.upstream import Incoming
from dragoman.service import conversation
from dragoman.service.call import Call, Reply
from dragoman.service.gateway import Gateway, dumps, error_in, json_body
from dragoman.service.router import Attempt
from dragoman.service.wire import ask, lost_header, returned, strict

T = TypeVar("T")
AT_ONCE = 16  # calls that embed one request's texts, where a provider takes few at once

WORDS: dict[Operation, str] = {
    "chat": "chat",
    "count": "token counts",
    "embed": "embeddings",
    "image": "images",
    "speech": "speech",
}


def unserved(deployment: Deployment, operation: Operation) -> GatewayError:
    name = f"{deployment.provider.name}/{deployment.model}"
    message = f"{name} does not serve {WORDS[operation]}"
    return GatewayError(Kind.INVALID_REQUEST, message, param="model", code="unsupported_operation")


async def operate(gateway: Gateway, call: Call) -> Reply:
    """Answers one small operation in the caller's dialect."""
    raw = await call.read()
    wire = json_body(raw)
    front = asked_in(call.dialect, call.route.codec or call.route.operation or "", wire)
    operation = front.operation
    if call.dialect == conversation.STATEFUL:
        _, whole = await conversation.gone_on(gateway, call, wire, native=None)
        wire, raw = whole, raw if whole is wire else dumps(whole)
    asking = Context(now=gateway.now, new_id=gateway.new_id)
    request = front.decode_request(wire, asking)
    model = call.params.get("model") or request.model
    if not model:
        raise invalid("model", "required")
    call.model = model
    request = replace(request, model=model)
    found = gateway.models.find(model, call.provider)

    async def attempt(step: Attempt) -> Reply:
        deployment = step.deployment
        same = MEDIA.get((spoken(call, deployment, operation), call.route.codec or operation)) is front
        fit = operation != "count" or passes(front.dialect, wire, deployment.profile)
        same = same and fit and names_its_model(wire)
        if same and "model" in wire and operation in straight(deployment, operation):
            return await passed(gateway, call, step, front, rewrite(raw, model=deployment.model))
        if same and deployment.model == model and operation in straight(deployment, operation):
            return await passed(gateway, call, step, front, raw)
        ctx = Context(deployment.profile, deployment.model, gateway.now, gateway.new_id)
        answer = await asked(gateway, call, step, operation, request, ctx)
        telling = Context(model=model, now=gateway.now, new_id=gateway.new_id, request=request)
        encoded = front.encode_response(answer, telling)
        headers = lost_header(ctx, telling)
        if isinstance(answer, EmbedResponse) and len(answer.vectors) != len(request.inputs):
            message = f"{len(request.inputs)} texts were sent, and {len(answer.vectors)} vectors came back"
            raise GatewayError(Kind.UPSTREAM, message, code="upstream_invalid_response")
        if isinstance(answer, CountResponse) and answer.estimated:
            headers["x-dragoman-token-count"] = "estimate"
        if isinstance(encoded, Binary):
            return Reply(body=encoded.data, media_type=encoded.media_type, headers=headers)
        return Reply(body=dumps(encoded), headers=headers)

    return await gateway.attempts(call, found, attempt)


def spoken(call: Call, deployment: Deployment, operation: Operation) -> str:
    """The dialect a deployment is asked in: only the counting of tokens has one of its own in Responses."""
    dialect = deployment.dialect(operation)
    if operation != "count" or dialect != deployment.dialect():  # a cloud may count in a dialect of its own
        return dialect
    return deployment.spoken(call.dialect)


def straight(deployment: Deployment, operation: Operation) -> tuple[Operation, ...]:
    """What is asked of the provider as it stands: what it says it serves, and what nothing else could serve."""
    operations = deployment.operations
    bridged = operation in ("image", "speech") and "chat" in operations and deployment.profile.modalities
    return operations if bridged or operation in operations else (*operations, operation)


async def passed(gateway: Gateway, call: Call, step: Attempt, codec: MediaCodec, body: bytes) -> Reply:
    """The same operation of the same dialect at both ends: raw bytes both ways, sound as it comes."""
    deployment = step.deployment
    path = codec.path(None, deployment.model)
    incoming = await ask(gateway, call, step, path, body, dialect=codec.dialect)
    headers = returned(incoming)
    media_type = incoming.headers.get("content-type", "application/json")
    if codec.operation == "speech":
        return Reply(body=sound(incoming), media_type=media_type, headers=headers)
    try:
        answer = await incoming.read()
    finally:
        await incoming.close()
    front = CODECS[call.dialect]
    if said := error_in(answer):  # with status 200, as some relays tell it
        raise front.decode_error(0, {"error": said}, {})
    return Reply(body=front.rename_response(answer, call.model), headers=headers)


async def sound(incoming: Incoming) -> AsyncGenerator[bytes, None]:
    """A binary answer as it comes; where it breaks off the connection is cut, so that nobody takes it for whole."""
    try:
        async for chunk in incoming.chunks():
            yield chunk
    finally:
        await asyncio.shield(incoming.close())


async def asked(gateway: Gateway, call: Call, step: Attempt, operation: Operation, request: Any, ctx: Context) -> Any:
    """One neutral request to one deployment: straight, through the bridge, estimated, or from the sandbox."""
    deployment = step.deployment
    dialect = spoken(call, deployment, operation)
    if operation == "speech" and (dialect == "sandbox" or operation not in straight(deployment, operation)):
        compressed(request, ctx)
        strict(call, ctx)
    if dialect == "sandbox":
        return await asyncio.to_thread(sandboxed, gateway, operation, request, deployment.model)
    if operation not in straight(deployment, operation):
        return await bridged(gateway, call, step, request, ctx)
    codec = MEDIA.get((dialect, operation))
    if operation == "count":
        return await counted(gateway, call, step, codec, request, ctx)
    if codec is None:
        raise unserved(deployment, operation)
    if operation == "image":
        return await drawn(gateway, call, step, codec, request, ctx)
    if operation == "embed":
        return await embedded(gateway, call, step, codec, request, ctx)
    return await sent(gateway, call, step, codec, request, ctx)


def compressed(request: SpeechRequest, ctx: Context) -> None:
    """Reports, before anything is sent, a format that nobody on this way can make."""
    if request.format not in (None, "pcm", "wav"):
        ctx.lose("response_format", f"WAV in place of {request.format}: sound is not compressed here", "emulated")


async def sent(gateway: Gateway, call: Call, step: Attempt, codec: MediaCodec, request: Any, ctx: Context) -> Any:
    wire = codec.encode_request(request, ctx)
    strict(call, ctx)
    path = codec.path(request, step.deployment.model)
    incoming = await ask(gateway, call, step, path, dumps(wire), dialect=codec.dialect)
    try:
        data = await incoming.read()
    finally:
        await incoming.close()
    if codec.operation == "speech":
        media_type = incoming.headers.get("content-type", "application/octet-stream")
        return codec.decode_response(Binary(media_type, data), ctx)
    return codec.decode_response(json_body(data, answer=True), ctx)


async def drawn(
    gateway: Gateway, call: Call, step: Attempt, codec: MediaCodec, request: ImageRequest, ctx: Context
) -> ImageResponse:
    """As many calls as the wished number of images takes, at once."""
    most = step.deployment.profile.images_per_call or request.count
    wishes = bridge.split_images(request, most)
    answers = await together(sent(gateway, call, step, codec, wish, ctx) for wish in wishes)
    return bridge.join_images(answers)


async def embedded(
    gateway: Gateway, call: Call, step: Attempt, codec: MediaCodec, request: EmbedRequest, ctx: Context
) -> EmbedResponse:
    """As many calls as the texts take, some at once."""
    most = step.deployment.profile.texts_per_call
    if most is None or (most > 1 and len(request.inputs) <= most):
        answer: EmbedResponse = await sent(gateway, call, step, codec, request, ctx)
        return answer
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(piece: EmbedRequest) -> EmbedResponse:
        async with turns:
            part: EmbedResponse = await sent(gateway, call, step, codec, piece, ctx)
            return part

    return bridge.join_embeddings(await together(one(piece) for piece in bridge.split_embeddings(request, most)))


async def counted(
    gateway: Gateway, call: Call, step: Attempt, codec: MediaCodec | None, request: Request, ctx: Context
) -> CountResponse:
    """The provider's own count where it has a counter; else our estimate, labelled as such."""
    if codec is not None:
        try:
            answer: CountResponse = await sent(gateway, call, step, codec, request, ctx)
        except GatewayError as error:
            if error.kind is not Kind.NOT_FOUND:
                raise
        else:
            return answer
    return CountResponse(tokens=estimate(replace(request, model=step.deployment.model)), estimated=True)


async def together(calls: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """All answers, in order; when one call fails, the others are ended."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


def sandboxed(gateway: Gateway, operation: Operation, request: Any, model: str) -> Any:
    sandbox = gateway.sandbox
    match operation:
        case "embed":
            return sandbox.embed(request, model)
        case "image":
            return sandbox.draw(request, model)
        case "speech":
            return sandbox.speak(request, model)
        case _:
            return sandbox.count(request, model)


# -- one operation served by another ---------------------------------------------


async def bridged(
    gateway: Gateway, call: Call, step: Attempt, request: EmbedRequest | ImageRequest | SpeechRequest, ctx: Context
) -> ImageResponse | SpeechResponse:
    """An image or a speech from a model that chats: 001-5 behind gemini-*-image, /v1/audio/speech behind *-tts."""
    match request:
        case ImageRequest():
            chats = bridge.image_to_chats(request, ctx)
            answers = await together(chatted(gateway, call, step, chat, ctx) for chat in chats)
            return bridge.chats_to_image(answers, request)
        case SpeechRequest():
            chat = bridge.speech_to_chat_request(request, ctx)
            return bridge.chat_to_speech_response(await chatted(gateway, call, step, chat, ctx), request, ctx)
        case _:
            raise unserved(step.deployment, "embed")


async def chatted(gateway: Gateway, call: Call, step: Attempt, request: Request, ctx: Context) -> Response:
    """One whole chat answer from a deployment."""
    deployment = step.deployment
    back = CODECS[deployment.dialect()]
    body = dumps(back.encode_request(request, ctx))
    strict(call, ctx)
    incoming = await ask(gateway, call, step, back.path(deployment.model, False), body)
    try:
        return back.decode_response(json_body(await incoming.read(), answer=True), ctx)
    finally:
        await incoming.close()
