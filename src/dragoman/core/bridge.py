"""One operation served by another: images and speech by models that chat, chats by models that draw or speak.

Pure functions between neutral values; what cannot cross is reported in the Context. It knows no wire format.

    a chat for a model that draws     chat_to_image: ImageRequest           image_to_chat: Response
    images from a model that chats    image_to_chats: a Request for each    chats_to_image: ImageResponse
    a chat for a model that speaks    chat_to_speech: SpeechRequests        speech_to_chat: Response
    speech from a model that chats    speech_to_chat_request: Request       chat_to_speech_response: SpeechResponse

An answer that crossed has the origin "bridge": no dialect takes it for its own, so each makes its own ids.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

from msgspec.structs import replace

from dragoman.core.audio import PCM_TYPE, RATE, WAV_TYPE, is_pcm, pcm_to_wav, rate_of, wav_to_pcm
from dragoman.core.codec import Context
from dragoman.core.content import AUDIO_TYPES, effort_of
from dragoman.core.errors import GatewayError, Kind, invalid
from dragoman.core.images import CHAT_ASPECTS, image_type, nearest_shape
from dragoman.core.ir import (
    AnyPart,
    Base64,
    Media,
    Message,
    Picture,
    Refusal,
    Request,
    Response,
    Speech,
    Text,
    Usage,
    Voice,
)
from dragoman.core.media import (
    EmbedRequest,
    EmbedResponse,
    Image,
    ImageRequest,
    ImageResponse,
    SpeechRequest,
    SpeechResponse,
)

BRIDGE = "bridge"
LONGEST_SPEECH = 4096  # characters that OpenAI speaks in one call
COMPRESSED = ("mp3", "opus", "aac", "flac")


# -- what a chat says ------------------------------------------------------------


def text_of(parts: Iterable[AnyPart]) -> str:
    return "\n".join(part.text for part in parts if isinstance(part, Text | Refusal) and part.text)


def only_prompt(request: Request, ctx: Context, does: str) -> tuple[str, str]:
    """The system text and the last user's text of a chat: all that a model takes which does not converse.

    Earlier turns are reported lost; what else the last turn holds raises, for without it the answer would be wrong.
    """
    last = max((i for i, message in enumerate(request.messages) if message.role == "user"), default=-1)
    prompt = ""
    for i, message in enumerate(request.messages):
        if i == last:
            for j, part in enumerate(message.parts):
                if not isinstance(part, Text):
                    raise invalid(f"messages[{i}].parts[{j}]", f"a model that only {does} takes text alone")
            prompt = text_of(message.parts).strip()
        elif message.role != "system":
            ctx.lose(f"messages[{i}]", f"a model that only {does} takes one prompt: the last user message")
    if not prompt:
        raise invalid("messages", f"the last user message has no text, and this model only {does}")
    system = "\n\n".join(text_of(message.parts) for message in request.messages if message.role == "system")
    return system.strip(), prompt


def lose_wishes(request: Request, ctx: Context, does: str) -> None:
    """Reports what only a model that converses could do; raises where a tool must be called."""
    ctx.going(request.origin, BRIDGE)
    if request.tools and request.tool_choice.mode in ("required", "tool"):
        raise invalid("tool_choice", f"a tool must be called, and this model only {does}")
    wishes: dict[str, Any] = {"tools": request.tools, "format": request.format}
    if request.thinking is not None and effort_of(request.thinking) != "none":
        wishes["thinking"] = request.thinking
    wishes |= {f"sampling.{name}": getattr(request.sampling, name) for name in request.sampling.__struct_fields__}
    for path, wish in wishes.items():
        if wish not in (None, ()):
            ctx.lose(path, f"this model only {does}")
    ctx.carry({}, request.extra, "")


def refused(responses: Sequence[Response], wanted: str) -> GatewayError:
    """A chat model that was asked for an image or a sound and gave none."""
    filtered = any(response.stop.reason == "content_filter" for response in responses)
    kind = Kind.CONTENT_POLICY if filtered else Kind.UPSTREAM
    if said := " ".join(text for response in responses if (text := text_of(response.parts)))[:500]:
        return GatewayError(kind, f"the model answered with text instead of {wanted}: {said}", code="no_media")
    why = "its filter stopped it" if filtered else "the answer is empty"
    return GatewayError(kind, f"the model answered without {wanted}: {why}", code="no_media")


def total(usages: Iterable[Usage]) -> Usage:
    """Counts added up; what providers counted beside is left out."""
    found = list(usages)
    names = (name for name in Usage.__struct_fields__ if name != "extra")
    sums: dict[str, Any] = {name: sum(getattr(usage, name) for usage in found) for name in names}
    return Usage(**sums)


# -- images ------------------------------------------------------------------------


def chat_to_image(request: Request, ctx: Context) -> ImageRequest:
    """A chat for a model that only draws: the last user message is the prompt, after the system text."""
    lose_wishes(request, ctx, "draws")
    system, prompt = only_prompt(request, ctx, "draws")
    if system:
        ctx.lose("messages", "the system text stands before the prompt", "emulated")
    picture = request.picture or Picture()
    ctx.carry({}, picture.extra, "picture")
    return ImageRequest(
        origin=BRIDGE,
        model=request.model,
        prompt=f"{system}\n\n{prompt}" if system else prompt,
        size=picture.size,
        aspect=picture.aspect,
        user=request.user,
    )


def image_to_chat(response: ImageResponse) -> Response:
    """The images as the parts of an assistant's answer."""
    parts = tuple(
        Media(
            media_type=image.media_type,
            source=image.source,
            extra={"revised_prompt": image.revised_prompt} if image.revised_prompt else {},
        )
        for image in response.images
    )
    return Response(origin=BRIDGE, id="", model=response.model, parts=parts, usage=response.usage)


def image_to_chats(request: ImageRequest, ctx: Context) -> tuple[Request, ...]:
    """As many chats as images are wanted: a chat gives one. All are the same, and may be sent at once."""
    ctx.going(request.origin, BRIDGE)
    for name in ("quality", "media_type"):
        if getattr(request, name) is not None:
            ctx.lose(name, "a chat model chooses for itself")
    ctx.carry({}, request.extra, "")
    size = None if request.size == "auto" else request.size
    aspect = request.aspect or nearest_shape(size, CHAT_ASPECTS)
    chat = Request(
        origin=BRIDGE,
        model=request.model,
        messages=(Message(role="user", parts=(Text(text=request.prompt),)),),
        modalities=("text", "image"),
        picture=Picture(size=size, aspect=aspect) if size or aspect else None,
        user=request.user,
    )
    if request.count > 1:
        ctx.lose("count", f"{request.count} calls, one for each image", "emulated")
    return (chat,) * request.count


def chats_to_image(responses: Sequence[Response], request: ImageRequest) -> ImageResponse:
    """The images of all answers. Raises GatewayError(UPSTREAM) with the model's words where there are none.

    A model that drew more than it was asked for is cut short; one that drew less has given what it has.
    """
    images = tuple(drawn for response in responses for part in response.parts if (drawn := drawn_in(part)))
    if not images:
        raise refused(responses, "an image")
    usage = total(response.usage for response in responses)
    model = responses[0].model
    return ImageResponse(origin=BRIDGE, model=model, images=images[: request.count], usage=usage)


def drawn_in(part: AnyPart) -> Image | None:
    if not isinstance(part, Media) or not part.media_type.startswith("image/"):
        return None
    match part.source:
        case Base64(data) as source:
            exact = image_type(data) if part.media_type == "image/*" else part.media_type
            return Image(media_type=exact, source=source)
        case source if not hasattr(source, "issuer"):
            return Image(media_type=part.media_type, source=source)
        case _:
            return None


def split_images(request: ImageRequest, most: int) -> tuple[ImageRequest, ...]:
    """The same wish in calls of at most so many images each."""
    counts = [most] * (request.count // most) + ([request.count % most] if request.count % most else [])
    return tuple(replace(request, count=count) for count in counts)


def join_images(responses: Sequence[ImageResponse]) -> ImageResponse:
    """The answers to those calls as one."""
    images = tuple(image for response in responses for image in response.images)
    return replace(responses[0], images=images, usage=total(response.usage for response in responses))


# -- embeddings ----------------------------------------------------------------------


def split_embeddings(request: EmbedRequest, most: int) -> tuple[EmbedRequest, ...]:
    """The same wish in calls of at most so many texts each."""
    pieces = (request.inputs[at : at + most] for at in range(0, len(request.inputs), most))
    return tuple(replace(request, inputs=piece, batch=most > 1 and request.batch) for piece in pieces)


def join_embeddings(responses: Sequence[EmbedResponse]) -> EmbedResponse:
    """The answers to those calls as one."""
    vectors = tuple(vector for response in responses for vector in response.vectors)
    return replace(responses[0], vectors=vectors, usage=total(response.usage for response in responses))


# -- speech: a chat for a model that only speaks -----------------------------------


def chat_to_speech(request: Request, ctx: Context) -> tuple[SpeechRequest, ...]:
    """One SpeechRequest for each stretch that one voice speaks; their sounds are joined by `speech_to_chat`.

    A script of two speakers is cut at its "Joe: " lines; what stands before the first of them is a direction.
    """
    lose_wishes(request, ctx, "speaks")
    system, text = only_prompt(request, ctx, "speaks")
    speech = request.speech or Speech()
    ctx.carry({}, speech.extra, "speech")
    if speech.language:
        ctx.lose("speech.language", "the language is that of the text")
    whole = SpeechRequest(
        origin=BRIDGE,
        model=request.model,
        text=text,
        voices=distinct(speech.voices),
        format="pcm",
        instructions=system or None,
    )
    if any(voice.speaker for voice in speech.voices):
        ctx.lose("speech.voices", "each speaker's lines are spoken by themselves and joined", "emulated")
    found = turns(whole)
    if len(found) == 1 and speech.format in COMPRESSED:  # only PCM can be joined
        return (replace(found[0], format=speech.format),)
    return found


def distinct(voices: tuple[Voice, ...]) -> tuple[Voice, ...]:
    """OpenAI's voices nearest to those asked for, no two speakers with the same."""
    chosen: list[Voice] = []
    for voice in voices:
        name = openai_voice(voice.name) if voice.name else None
        taken = {other.name for other in chosen}
        if name in taken and name in OPENAI_VOICES:
            sex = OPENAI_VOICES[name][1]
            free = [other for other in EVERYWHERE if other not in taken]
            name = next((other for other in free if OPENAI_VOICES[other][1] == sex), next(iter(free), name))
        chosen.append(Voice(name=name, speaker=voice.speaker))
    return tuple(chosen)


def turns(request: SpeechRequest) -> tuple[SpeechRequest, ...]:
    """The request cut into stretches of one voice each, none longer than one call takes."""
    speakers = {voice.speaker: voice for voice in request.voices if voice.speaker}
    instructions = request.instructions
    stretches: list[tuple[tuple[Voice, ...], str]] = []
    if speakers:
        direction, spoken = lines_by_speaker(request.text, speakers)
        stretches = [((speakers[speaker],), text) for speaker, text in spoken]
        if stretches and direction:
            instructions = "\n".join(filter(None, (instructions, direction)))
    if not stretches:
        stretches = [(request.voices[:1], request.text)]
    return tuple(
        replace(request, text=piece, voices=tuple(replace(v, speaker=None) for v in voices), instructions=instructions)
        for voices, text in stretches
        for piece in pieces(text)
    )


def lines_by_speaker(text: str, speakers: Iterable[str]) -> tuple[str, list[tuple[str, str]]]:
    """What stands before the first speaker's line, and then who says what; a line without a name goes on."""
    names = "|".join(re.escape(name) for name in sorted(speakers, key=len, reverse=True))
    starts = re.compile(rf"^[ \t]*[*_]*({names})[*_]*[ \t]*:[*_]*[ \t]*", re.MULTILINE)
    found = list(starts.finditer(text))
    if not found:
        return "", []
    ends = [match.start() for match in found[1:]] + [len(text)]
    said = [(match[1], text[match.end() : end].strip()) for match, end in zip(found, ends, strict=True)]
    return text[: found[0].start()].strip(), [(speaker, words) for speaker, words in said if words]


def pieces(text: str, limit: int = LONGEST_SPEECH) -> Iterator[str]:
    """A text in stretches no longer than the limit, cut after a line, a sentence or a word."""
    while len(text) > limit:
        head = text[:limit]
        ends = (re.search(rf"(?s).*{end}", head) for end in (r"\n", r"[.!?。！？]\s?", r"\s"))
        cut = next((match.end() for match in ends if match and match.end() > limit // 4), limit)
        if piece := text[:cut].strip():
            yield piece
        text = text[cut:]
    if text.strip():
        yield text.strip()


def speech_to_chat(responses: Sequence[SpeechResponse]) -> Response:
    """The sounds, joined, as the one part of an assistant's answer: bare PCM wherever that can be had (001-10)."""
    spoken = join_speech(responses)
    sound = base64.b64encode(spoken.data).decode()
    part = Media(media_type=spoken.media_type, source=Base64(sound))
    return Response(origin=BRIDGE, id="", model=spoken.model, parts=(part,), usage=spoken.usage)


def join_speech(responses: Sequence[SpeechResponse]) -> SpeechResponse:
    """Several sounds one after the other. Raises GatewayError(UPSTREAM) for kinds that cannot be joined."""
    plain = [sound_as(response, "pcm", None) for response in responses]
    kinds = {response.media_type for response in plain}
    if len(kinds) > 1 or (len(plain) > 1 and not is_pcm(plain[0].media_type)):
        raise GatewayError(Kind.UPSTREAM, f"the provider's sounds cannot be joined: {', '.join(sorted(kinds))}")
    data = b"".join(response.data for response in plain)
    return replace(plain[0], data=data, usage=total(response.usage for response in plain))


# -- speech: from a model that chats -----------------------------------------------


def speech_to_chat_request(request: SpeechRequest, ctx: Context) -> Request:
    """A chat that asks for the text to be spoken; directions stand before it, as such models take them."""
    ctx.going(request.origin, BRIDGE)
    if request.speed not in (None, 1.0):
        ctx.lose("speed", "a chat model keeps its own pace")
    ctx.carry({}, request.extra, "")
    text = request.text
    if directions := (request.instructions or "").strip().rstrip(".:"):
        ctx.lose("instructions", "they stand before the text", "emulated")
        text = f"{directions}:\n{text}"
    voices = tuple(replace(voice, name=gemini_voice(voice.name) if voice.name else None) for voice in request.voices)
    return Request(
        origin=BRIDGE,
        model=request.model,
        messages=(Message(role="user", parts=(Text(text=text),)),),
        modalities=("audio",),
        speech=Speech(voices=voices, format="pcm"),
    )


def chat_to_speech_response(response: Response, request: SpeechRequest, ctx: Context) -> SpeechResponse:
    """The sound of a chat's answer, in the format asked for where that can be had.

    Raises GatewayError(UPSTREAM) with the model's words where it answered with text.
    """
    sounds = [
        SpeechResponse(origin=BRIDGE, model=response.model, media_type=part.media_type, data=bytes_of(part.source.data))
        for part in response.parts
        if isinstance(part, Media) and part.media_type.startswith("audio/") and isinstance(part.source, Base64)
    ]
    if not any(sound.data for sound in sounds):
        raise refused((response,), "a sound")
    spoken = replace(join_speech(sounds), usage=response.usage)
    return sound_as(spoken, request.format or "mp3", ctx)


def bytes_of(data: str) -> bytes:
    try:
        return base64.b64decode(data)
    except (binascii.Error, ValueError):
        raise GatewayError(Kind.UPSTREAM, "the sound in the provider's answer is not base64") from None


def sound_as(response: SpeechResponse, format: str, ctx: Context | None) -> SpeechResponse:
    """The sound in the format asked for, as far as a header makes it so: PCM and WAV into each other.

    Nothing is compressed here: who asks for mp3 of a sound that is bare PCM gets WAV, and the report of it.
    """
    kind, data = response.media_type, response.data
    if format == "pcm" and kind == WAV_TYPE:
        samples, rate = wav_to_pcm(data)
        media_type = PCM_TYPE if rate == RATE else f"audio/L16;codec=pcm;rate={rate}"
        return replace(response, media_type=media_type, data=samples)
    if is_pcm(kind) and format != "pcm":
        response = replace(response, media_type=WAV_TYPE, data=pcm_to_wav(data, rate_of(kind)))
    given = response.media_type
    if ctx is not None and given != AUDIO_TYPES.get(format) and not (format == "pcm" and is_pcm(given)):
        ctx.lose("response_format", f"{given} in place of {format}: sound is not compressed here", "emulated")
    return response


# -- voices ------------------------------------------------------------------------

EVERYWHERE = ("alloy", "ash", "coral", "echo", "fable", "onyx", "nova", "sage", "shimmer")
"""OpenAI's voices that each of its speech models has; the others are those of the newest alone."""

GEMINI_VOICES: dict[str, str] = {
    "Zephyr": "nova", "Puck": "echo", "Charon": "onyx", "Kore": "coral", "Fenrir": "ash", "Leda": "shimmer",
    "Orus": "onyx", "Aoede": "nova", "Callirrhoe": "alloy", "Autonoe": "nova", "Enceladus": "fable",
    "Iapetus": "echo", "Umbriel": "ash", "Algieba": "fable", "Despina": "sage", "Erinome": "alloy",
    "Algenib": "onyx", "Rasalgethi": "echo", "Laomedeia": "coral", "Achernar": "shimmer", "Alnilam": "onyx",
    "Schedar": "ash", "Gacrux": "sage", "Pulcherrima": "coral", "Achird": "echo", "Zubenelgenubi": "ash",
    "Vindemiatrix": "shimmer", "Sadachbia": "fable", "Sadaltager": "fable", "Sulafat": "sage",
}  # fmt: skip
"""Gemini's prebuilt voices, each with the nearest of OpenAI's, by sex and by the character the vendors describe."""

OPENAI_VOICES: dict[str, tuple[str, str]] = {
    "alloy": ("Callirrhoe", "f"), "ash": ("Fenrir", "m"), "ballad": ("Algieba", "m"), "coral": ("Kore", "f"),
    "echo": ("Puck", "m"), "fable": ("Sadachbia", "m"), "onyx": ("Charon", "m"), "nova": ("Aoede", "f"),
    "sage": ("Sulafat", "f"), "shimmer": ("Leda", "f"), "verse": ("Iapetus", "m"), "marin": ("Zephyr", "f"),
    "cedar": ("Orus", "m"),
}  # fmt: skip
"""OpenAI's voices, each with the nearest of Gemini's, and whether it sounds female or male."""

_GEMINI_NAMES = {name.lower(): name for name in GEMINI_VOICES}


def openai_voice(name: str) -> str:
    """OpenAI's voice nearest to one of Gemini's; any other name as it is."""
    return GEMINI_VOICES.get(_GEMINI_NAMES.get(name.lower(), ""), name)


def gemini_voice(name: str) -> str:
    """Gemini's voice nearest to one of OpenAI's; any other name as it is."""
    found = OPENAI_VOICES.get(name.lower())
    return found[0] if found else name


# -- embeddings --------------------------------------------------------------------


def texts_only(request: EmbedRequest) -> tuple[tuple[AnyPart, ...], ...]:
    """The inputs, for a provider that takes no token ids. Raises GatewayError(INVALID_REQUEST) where one is such."""
    for i, item in enumerate(request.inputs):
        if item and isinstance(item[0], int):
            path = f"input[{i}]" if request.batch and len(request.inputs) > 1 else "input"
            raise invalid(path, "token ids cannot be embedded by this provider; send the text")
    return cast("tuple[tuple[AnyPart, ...], ...]", request.inputs)
