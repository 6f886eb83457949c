"""OpenAI's embeddings, images and speech, both directions; so speak xAI, Mistral, OpenRouter and llama.cpp.

It knows no other dialect, and nothing of edits, variations, transcriptions or streamed images.
"""

from __future__ import annotations

import base64
import binascii
import math
import struct
from typing import Any, TypeVar

import msgspec

from dragoman.core import bridge
from dragoman.core.audio import PCM_TYPE, is_pcm, rate_of, sound_type
from dragoman.core.codec import Context, Fields, Wire, clean, name_of
from dragoman.core.content import data_url, from_url
from dragoman.core.errors import GatewayError, Kind, invalid
from dragoman.core.images import image_type, nearest_shape, pair, same_shape
from dragoman.core.ir import AnyPart, Base64, Json, Text, Url, Usage, Voice
from dragoman.core.media import (
    Binary,
    EmbedRequest,
    EmbedResponse,
    Image,
    ImageRequest,
    ImageResponse,
    Operation,
    SpeechRequest,
    SpeechResponse,
)

DIALECT = "openai.chat"
T = TypeVar("T")

MOST_IMAGES = 10
LONGEST_SPEECH = 4096  # characters
FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")
IMAGE_TYPES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
DEFAULT_VOICE = "alloy"


def asked(ctx: Context, kind: type[T]) -> T | None:
    """The client's own request, where the context brings it."""
    request: object = ctx.request
    return request if isinstance(request, kind) else None


def odd(what: str) -> GatewayError:
    """A provider's answer that makes no sense here."""
    return GatewayError(Kind.UPSTREAM, what, code="upstream_invalid_response")


def answer_object(wire: Json) -> Wire:
    if not isinstance(wire, dict):
        raise odd(f"the provider's answer is {name_of(wire)}, not an object")
    return wire


def whole(value: Json) -> int:
    """A provider's count of something; 0 where it is none."""
    return int(value) if isinstance(value, int | float) and 0 <= value < 1 << 53 else 0


def inner(wire: Wire, name: str) -> Wire:
    value = wire.get(name)
    return value if isinstance(value, dict) else {}


# -- embeddings ----------------------------------------------------------------


def decode_input(value: Json) -> tuple[tuple[AnyPart, ...] | tuple[int, ...], ...]:
    """A string, several strings, one text's token ids, or several texts' token ids."""
    match value:
        case None:
            raise invalid("input", "required")
        case str():
            return ((Text(text=value),),)
        case []:
            raise invalid("input", "must not be empty")
        case [first, *_] if type(first) is int:
            return (token_ids(value, "input"),)
        case list() if len(value) > MOST_INPUTS:
            raise invalid("input", f"at most {MOST_INPUTS} texts are taken, got {len(value)}")
        case list():
            return tuple(decode_item(item, f"input[{i}]") for i, item in enumerate(value))
        case _:
            raise invalid("input", f"expected a string or an array, got {name_of(value)}")


MOST_INPUTS = 2048  # OpenAI's own limit


def decode_item(item: Json, path: str) -> tuple[AnyPart, ...] | tuple[int, ...]:
    if isinstance(item, str):
        return (Text(text=item),)
    if isinstance(item, list):
        if not item:
            raise invalid(path, "must not be empty")
        return token_ids(item, path)
    raise invalid(path, f"expected a string or an array of token ids, got {name_of(item)}")


def token_ids(values: list[Json], path: str) -> tuple[int, ...]:
    for i, value in enumerate(values):
        if type(value) is not int:
            raise invalid(f"{path}[{i}]", f"expected a token id, got {name_of(value)}")
    return tuple(values)


def encode_item(parts: tuple[AnyPart, ...] | tuple[int, ...], ctx: Context, path: str) -> str | list[int]:
    if parts and isinstance(parts[0], int):
        return [value for value in parts if isinstance(value, int)]
    texts = []
    for j, part in enumerate(parts):
        if not isinstance(part, Text):
            raise invalid(f"{path}[{j}]", "this provider embeds text only")
        ctx.carry({}, part.extra, f"{path}[{j}]")
        texts.append(part.text)
    return "\n".join(texts)


def unpack(data: str) -> tuple[float, ...]:
    """Base64 of little-endian 32-bit floats, as OpenAI packs a vector."""
    try:
        raw = base64.b64decode(data, validate=True)
        vector = struct.unpack(f"<{len(raw) // 4}f", raw)
    except (binascii.Error, ValueError, struct.error):
        raise odd("an embedding of the provider's answer is not base64 of 32-bit floats") from None
    if not all(map(math.isfinite, vector)):
        raise odd("an embedding of the provider's answer holds a value that is no number")
    return vector


def pack(vector: tuple[float, ...]) -> str:
    try:
        return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    except OverflowError:
        raise odd("an embedding of the provider's answer does not fit 32-bit floats") from None


def decode_vector(item: Json) -> tuple[float, ...]:
    value = item.get("embedding") if isinstance(item, dict) else None
    if isinstance(value, str):
        return unpack(value)
    if isinstance(value, list) and value and all(type(x) is float or type(x) is int for x in value):
        return tuple(map(float, value))
    raise odd("the provider's answer holds an item without an embedding")


def hush(f: Fields, names: tuple[str, ...]) -> None:
    """What an answer says of itself, and no client of another dialect misses."""
    for name in names:
        if name in f:
            f.quiet(name, f.any(name))


class OpenAIEmbed:
    dialect = DIALECT
    operation: Operation = "embed"

    def decode_request(self, wire: Wire, ctx: Context) -> EmbedRequest:
        f = Fields(wire)
        given = f.any("input")
        return EmbedRequest(
            origin=DIALECT,
            inputs=decode_input(given),
            batch=isinstance(given, list) and type(given[0]) is not int,
            model=f.take("model", str) or "",
            dimensions=f.count("dimensions"),
            encoding=f.choice("encoding_format", {"float": "float", "base64": "base64"}),
            user=f.take("user", str),
            extra=f.rest,
        )

    def encode_request(self, request: EmbedRequest, ctx: Context) -> Wire:
        ctx.going(request.origin, DIALECT)
        items = [encode_item(parts, ctx, f"inputs[{i}]") for i, parts in enumerate(request.inputs)]
        if request.task:
            ctx.lose("task", "this provider embeds for one purpose")
        wire = clean(
            {
                "model": ctx.model or request.model or None,
                "input": items if request.batch or len(items) != 1 else items[0],
                "dimensions": request.dimensions,
                "encoding_format": request.encoding,
                "user": request.user,
            }
        )
        return ctx.carry(wire, request.extra, "")

    def decode_response(self, wire: Wire | Binary, ctx: Context) -> EmbedResponse:
        f = Fields(answer_object(wire))
        data = f.any("data")
        if not isinstance(data, list) or not data:
            raise odd("the provider's answer holds no embeddings")
        placed = {place: it for it in data if isinstance(it, dict) and type(place := it.get("index")) is int}
        if placed.keys() == set(range(len(data))):
            data = [placed[i] for i in range(len(data))]
        usage, model, _ = f.any("usage"), f.any("model"), f.any("object")
        hush(f, ("id", "provider"))
        return EmbedResponse(
            origin=DIALECT,
            model=model if isinstance(model, str) else ctx.model,
            vectors=tuple(decode_vector(item) for item in data),
            usage=Usage(input=whole(usage.get("prompt_tokens"))) if isinstance(usage, dict) else Usage(),
            extra=f.rest,
        )

    def encode_response(self, response: EmbedResponse, ctx: Context) -> Wire:
        ctx.going(response.origin, DIALECT)
        request = asked(ctx, EmbedRequest)
        packed = request is not None and request.encoding == "base64"
        tokens = response.usage.input
        wire: Wire = {
            "object": "list",
            "data": [
                {"object": "embedding", "index": i, "embedding": pack(vector) if packed else list(vector)}
                for i, vector in enumerate(response.vectors)
            ],
            "model": ctx.model or response.model,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }
        return ctx.carry(wire, response.extra, "")

    def path(self, request: Any, model: str) -> str:
        return "/embeddings"


# -- images --------------------------------------------------------------------


def encode_shape(request: ImageRequest, ctx: Context) -> Wire:
    """The picture's shape in the words this server has for it; what it cannot draw takes the nearest, reported."""
    if ctx.at_home:
        return {"size": request.size, "aspect_ratio": request.aspect}
    name, wish = ("aspect", request.aspect) if request.aspect else ("size", request.size)
    if wish is None or wish == "auto":
        return {}
    if ctx.profile.image_shape == "aspect_ratio":
        width, height = pair(wish) or (0, 0)
        shared = math.gcd(width, height)
        if not shared:
            ctx.lose(name, f"{wish!r:.40} is no shape")
            return {}
        if name == "size":
            ctx.lose("size", "only the aspect ratio can be asked for", "clamped")
        return {"aspect_ratio": f"{width // shared}:{height // shared}"}
    offered = ctx.profile.image_sizes
    size = nearest_shape(wish, offered) if offered else request.size
    if size is None:
        ctx.lose(name, f"{wish!r:.40} is no shape this model draws")
    elif not same_shape(wish, size) or (name == "size" and wish != size):
        ctx.lose(name, f"the nearest this model draws is {size}", "clamped")
    return {"size": size}


def encode_by_url(request: ImageRequest, ctx: Context) -> str | None:
    """A server that takes the wish answers with URLs unless told otherwise, and a URL cannot go to every client."""
    words = {None: None, True: "url", False: "b64_json"}
    if ctx.at_home:
        return words[request.by_url]
    return words[bool(request.by_url)] if ctx.profile.image_response_format else None


def decode_image(item: Json, output_format: Json) -> Image | None:
    """One image of an answer; None where the item holds none."""
    if not isinstance(item, dict):
        return None
    data, url, said, revised = (item.get(name) for name in ("b64_json", "url", "mime_type", "revised_prompt"))
    default = IMAGE_TYPES.get(output_format, "image/png") if isinstance(output_format, str) else "image/png"
    default = said if isinstance(said, str) and said.startswith("image/") else default
    source: Base64 | Url
    if isinstance(data, str) and data and not data.startswith("data:"):
        media_type, source = image_type(data, default), Base64(data)
    elif isinstance(found := data or url, str) and found:  # some servers give a whole data URL for the base64
        media_type, source = from_url(found, default)
    else:
        return None
    return Image(media_type=media_type, source=source, revised_prompt=revised if isinstance(revised, str) else None)


def encode_image(image: Image, by_url: bool, ctx: Context, path: str) -> Wire:
    wire: Wire = {"revised_prompt": image.revised_prompt} if image.revised_prompt else {}
    match image.source:
        case Base64(data) if by_url:
            ctx.lose(f"{path}.source", "given as a data URL: no server keeps it", "emulated")
            wire["url"] = data_url(image.media_type, data)
        case Base64(data):
            wire["b64_json"] = data
        case Url(url):
            wire["url"] = url
    return ctx.carry(wire, image.extra, path)


def decode_image_usage(wire: Json) -> Usage:
    if not isinstance(wire, dict):
        return Usage()
    return Usage(
        input=whole(wire.get("input_tokens")),
        output=whole(wire.get("output_tokens")),
        input_image=whole(inner(wire, "input_tokens_details").get("image_tokens")),
        output_image=whole(inner(wire, "output_tokens_details").get("image_tokens")),
    )


def encode_image_usage(usage: Usage) -> Wire | None:
    if not (usage.input or usage.output):
        return None
    texts = {"image_tokens": usage.input_image, "text_tokens": usage.input - usage.input_image}
    drawn = {"image_tokens": usage.output_image, "text_tokens": usage.output - usage.output_image}
    return {
        "input_tokens": usage.input,
        "input_tokens_details": texts,
        "output_tokens": usage.output,
        "output_tokens_details": drawn,
        "total_tokens": usage.input + usage.output,
    }


class OpenAIImage:
    dialect = DIALECT
    operation: Operation = "image"

    def decode_request(self, wire: Wire, ctx: Context) -> ImageRequest:
        f = Fields(wire)
        prompt = f.need("prompt", str)
        if not prompt:
            raise invalid("prompt", "must not be empty")
        if f.keep("stream", bool):
            raise invalid("stream", "images are not streamed here")
        count = f.count("n")
        if count is not None and count > MOST_IMAGES:
            raise invalid("n", f"must be at most {MOST_IMAGES}, got {count}")
        if count == 1:
            f.quiet("n", 1)
        return ImageRequest(
            origin=DIALECT,
            prompt=prompt,
            count=1 if count is None else count,
            model=f.take("model", str) or "",
            size=f.take("size", str),
            aspect=f.take("aspect_ratio", str),
            quality=f.take("quality", str),
            media_type=f.choice("output_format", IMAGE_TYPES),
            by_url=f.choice("response_format", {"url": True, "b64_json": False}),
            user=f.take("user", str),
            extra=f.rest,
        )

    def encode_request(self, request: ImageRequest, ctx: Context) -> Wire:
        ctx.going(request.origin, DIALECT)
        most = ctx.profile.images_per_call or MOST_IMAGES
        if request.count > most:
            raise invalid("count", f"this model draws at most {most} in one call, got {request.count}")
        output = {media_type: name for name, media_type in IMAGE_TYPES.items()}.get(request.media_type or "")
        if request.media_type and not output:
            ctx.lose("media_type", f"{request.media_type} is not drawn here")
        wire = clean(
            {
                "model": ctx.model or request.model or None,
                "prompt": request.prompt,
                "n": request.count if request.count > 1 else None,
                "quality": request.quality,
                "output_format": output,
                "response_format": encode_by_url(request, ctx),
                "user": request.user,
                **encode_shape(request, ctx),
            }
        )
        return ctx.carry(wire, request.extra, "")

    def decode_response(self, wire: Wire | Binary, ctx: Context) -> ImageResponse:
        f = Fields(answer_object(wire))
        data, usage, created = f.any("data"), f.any("usage"), f.any("created")
        found = [decode_image(item, f.peek("output_format")) for item in data] if isinstance(data, list) else []
        images = tuple(image for image in found if image is not None)
        if not images:
            raise odd("the provider's answer holds no image")
        hush(f, ("background", "output_format", "quality", "size"))
        return ImageResponse(
            origin=DIALECT,
            model=ctx.model,
            images=images,
            created=created if type(created) is int and created > 0 else None,
            usage=decode_image_usage(usage),
            extra=f.rest,
        )

    def encode_response(self, response: ImageResponse, ctx: Context) -> Wire:
        ctx.going(response.origin, DIALECT)
        request = asked(ctx, ImageRequest)
        by_url = request is not None and bool(request.by_url)
        kinds = {image.media_type for image in response.images}
        names = [name for name, media_type in IMAGE_TYPES.items() if kinds == {media_type}]
        if request is not None and request.media_type and names != [request.media_type.rpartition("/")[2]]:
            ctx.lose("media_type", f"drawn as {', '.join(sorted(kinds))}", "clamped")
        wire = clean(
            {
                "created": ctx.now() if response.created is None else response.created,
                "data": [encode_image(im, by_url, ctx, f"images[{i}]") for i, im in enumerate(response.images)],
                "output_format": names[0] if names else None,
                "usage": encode_image_usage(response.usage),
            }
        )
        return ctx.carry(wire, response.extra, "")

    def path(self, request: Any, model: str) -> str:
        return "/images/generations"


# -- speech --------------------------------------------------------------------


def decode_voice(f: Fields) -> tuple[Voice, ...]:
    """A voice's name; a voice of the client's own making ({"id": ...}) stays in the leftovers and goes home only."""
    value = f.peek("voice")
    if isinstance(value, dict):
        Fields(value, "voice").need("id", str)
        return ()
    return (Voice(name=f.need("voice", str)),)


def sound_in(wire: Json) -> bytes:
    """The sound in a JSON answer: Mistral's {"audio_data": base64} (recorded August 2026)."""
    data = wire.get("audio_data") if isinstance(wire, dict) else None
    if not isinstance(data, str) or not data:
        raise odd("the provider's answer holds no sound")
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise odd("the sound in the provider's answer is not base64") from None


def sound_kind(media_type: str, data: bytes) -> str:
    """What the sound is: by its first bytes rather than by its label, which some servers never change."""
    head = media_type.partition(";")[0].strip().lower()
    if is_pcm(head):
        rate = rate_of(media_type)
        return PCM_TYPE if f"rate={rate}" in PCM_TYPE else f"audio/L16;codec=pcm;rate={rate}"
    if found := sound_type(data):
        return found
    if head.startswith("audio/"):
        return head
    if head in ("application/octet-stream", "binary/octet-stream", ""):
        return PCM_TYPE  # the only kind without a signature
    raise odd(f"the provider answered with {head} instead of sound")


class OpenAISpeech:
    dialect = DIALECT
    operation: Operation = "speech"

    def decode_request(self, wire: Wire, ctx: Context) -> SpeechRequest:
        f = Fields(wire)
        text = f.need("input", str)
        if not 0 < len(text) <= LONGEST_SPEECH:
            raise invalid("input", f"must be 1 to {LONGEST_SPEECH} characters, got {len(text)}")
        if form := f.choice("stream_format", {"audio": "audio", "sse": "sse"}):
            if form == "sse":
                raise invalid("stream_format", "speech is served as plain audio only, not as events")
            f.quiet("stream_format", form)
        return SpeechRequest(
            origin=DIALECT,
            text=text,
            voices=decode_voice(f),
            model=f.take("model", str) or "",
            format=f.choice("response_format", {name: name for name in FORMATS}),
            speed=f.between("speed", 0.25, 4),
            instructions=f.take("instructions", str),
            extra=f.rest,
        )

    def encode_request(self, request: SpeechRequest, ctx: Context) -> Wire:
        ctx.going(request.origin, DIALECT)
        own = ctx.at_home and isinstance(request.extra.get("voice"), dict)
        for i in range(1, len(request.voices)):
            ctx.lose(f"voices[{i}]", "one voice speaks it all")
        voice = next((voice.name for voice in request.voices if voice.name), DEFAULT_VOICE)
        if request.format and request.format not in FORMATS:
            ctx.lose("format", f"{request.format} is not spoken here")
        wire = clean(
            {
                "model": ctx.model or request.model or None,
                "input": request.text,
                "voice": None if own else voice,
                "response_format": request.format if request.format in FORMATS else None,
                "speed": request.speed,
                "instructions": request.instructions,
            }
        )
        return ctx.carry(wire, request.extra, "")

    def decode_response(self, wire: Wire | Binary, ctx: Context) -> SpeechResponse:
        media_type = "application/octet-stream"
        if not isinstance(wire, Binary):
            data = sound_in(wire)
        elif "json" in wire.media_type.partition(";")[0]:
            try:
                data = sound_in(msgspec.json.decode(wire.data))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                raise odd("the provider's answer is neither sound nor JSON") from None
        else:
            media_type, data = wire.media_type, wire.data
        if not data:
            raise odd("the provider's answer holds no sound")
        return SpeechResponse(origin=DIALECT, model=ctx.model, media_type=sound_kind(media_type, data), data=data)

    def encode_response(self, response: SpeechResponse, ctx: Context) -> Binary:
        request = asked(ctx, SpeechRequest)
        wish = (request.format if request else None) or "mp3"
        spoken = bridge.sound_as(response, wish, ctx)
        return Binary("audio/pcm" if is_pcm(spoken.media_type) else spoken.media_type, spoken.data)

    def path(self, request: Any, model: str) -> str:
        return "/audio/speech"
