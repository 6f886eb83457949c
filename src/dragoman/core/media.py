"""The small operations beside chat, as neutral values: embeddings, images, speech, token counts, models.

Values only: no wire format, no provider.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from dragoman.core.ir import AnyPart, Base64, Extra, Node, Url, Usage, Voice

Operation: TypeAlias = Literal["chat", "count", "embed", "image", "speech"]


class EmbedRequest(Node, frozen=True):
    origin: str
    model: str
    inputs: tuple[tuple[AnyPart, ...] | tuple[int, ...], ...]  # each one text (or parts, or token ids) -> one vector
    dimensions: int | None = None
    encoding: Literal["float", "base64"] | None = None  # what the client wants back; None: the dialect's default
    task: str | None = None  # Gemini's taskType
    user: str | None = None
    batch: bool = True  # Gemini asks for one (:embedContent) or for many (:batchEmbedContents)


class EmbedResponse(Node, frozen=True):
    origin: str
    model: str
    vectors: tuple[tuple[float, ...], ...]  # in the order of the inputs
    usage: Usage = Usage()


class ImageRequest(Node, frozen=True):
    origin: str
    model: str
    prompt: str
    count: int = 1
    size: str | None = None  # "1024x1024"
    aspect: str | None = None  # "16:9"
    quality: str | None = None
    media_type: str | None = None  # "image/png"
    by_url: bool | None = None  # dall-e's response_format: "url" or "b64_json"; None: not said
    user: str | None = None


class Image(Node, frozen=True):
    media_type: str
    source: Base64 | Url
    revised_prompt: str | None = None


class ImageResponse(Node, frozen=True):
    origin: str
    model: str
    images: tuple[Image, ...]
    created: int | None = None
    usage: Usage = Usage()


class SpeechRequest(Node, frozen=True):
    origin: str
    model: str
    text: str
    voices: tuple[Voice, ...] = ()
    format: str | None = None  # "pcm", "wav", "mp3", ...; None: the dialect's default
    speed: float | None = None
    instructions: str | None = None


class SpeechResponse(Struct, frozen=True):
    origin: str
    model: str
    media_type: str  # "audio/L16;codec=pcm;rate=24000", "audio/wav", "audio/mpeg"
    data: bytes
    usage: Usage = Usage()


class CountResponse(Struct, frozen=True):
    """Answer to a chat Request sent to be counted."""

    tokens: int
    estimated: bool = False
    extra: Extra = {}


class Model(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of a model list."""

    id: str  # as a client may ask for it
    provider: str
    name: str | None = None  # for people: "Claude Sonnet 4.5"
    description: str | None = None
    created: int = 0  # unix seconds; 0: unknown
    context_window: int | None = None  # tokens in
    max_tokens: int | None = None  # tokens out
    operations: tuple[Operation, ...] = ("chat",)


class Binary(Struct, frozen=True):
    """A body that is not JSON."""

    media_type: str
    data: bytes
