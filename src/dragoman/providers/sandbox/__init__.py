"""The built-in provider: answers every kind of request by itself, offline, the same way each time, and says so.

It works on neutral values alone; which dialect a client speaks makes no difference.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator

from dragoman.core.audio import RATE
from dragoman.core.errors import invalid
from dragoman.core.ir import AnyPart, Base64, Event, Media, Request, Start, Text, Usage
from dragoman.core.media import (
    CountResponse,
    EmbedRequest,
    EmbedResponse,
    Image,
    ImageRequest,
    ImageResponse,
    SpeechRequest,
    SpeechResponse,
)
from dragoman.core.tokens import estimate, estimate_text
from dragoman.providers.sandbox import vectors
from dragoman.providers.sandbox.answer import broken, limited, streamed
from dragoman.providers.sandbox.asked import digest
from dragoman.providers.sandbox.compose import NAME, PIXELS, SOUND_TOKENS, lines, voiced
from dragoman.providers.sandbox.faults import CUT, SLOW, refuse
from dragoman.providers.sandbox.picture import dimensions, png

MOST_IMAGES = 10


class Sandbox:
    """Answers in the place of a provider. It holds nothing: no state, no clock, no chance."""

    def answer(self, request: Request, model: str) -> Iterator[tuple[float, Event]]:
        """(seconds to wait before it, event): a whole stream by the grammar of core/ir.py."""
        refuse(model)
        start = Start(
            origin=NAME, id=f"{NAME}-{digest(request, model)}", model=model, usage=Usage(input=estimate(request))
        )
        events = streamed(limited(lines(request, model), request.sampling), start, slow=model == SLOW)
        return broken(events) if model == CUT else events

    def count(self, request: Request, model: str) -> CountResponse:
        refuse(model)
        return CountResponse(tokens=estimate(request), estimated=True)

    def embed(self, request: EmbedRequest, model: str) -> EmbedResponse:
        """Unit vectors, near one another for texts that share words."""
        refuse(model)
        dimensions = vectors.DIMENSIONS if request.dimensions is None else request.dimensions
        if not 1 <= dimensions <= vectors.MOST:
            raise invalid("dimensions", f"the sandbox makes 1 to {vectors.MOST}")
        found = tuple(vectors.embedded(features(each), dimensions) for each in request.inputs)
        return EmbedResponse(NAME, model, found, Usage(input=sum(map(weight, request.inputs))))

    def draw(self, request: ImageRequest, model: str) -> ImageResponse:
        """Pictures from the words of the prompt, PNG whatever was asked for."""
        refuse(model)
        if not 1 <= request.count <= MOST_IMAGES:
            raise invalid("n", f"the sandbox draws 1 to {MOST_IMAGES} images")
        width, height = dimensions(request.size, request.aspect)
        images = tuple(
            Image("image/png", Base64(base64.b64encode(png(request.prompt, turn, width, height)).decode("ascii")))
            for turn in range(request.count)
        )
        tokens = request.count * (width * height // PIXELS + 1)
        usage = Usage(input=estimate_text(request.prompt), output=tokens, output_image=tokens)
        return ImageResponse(NAME, model, images, usage=usage)

    def speak(self, request: SpeechRequest, model: str) -> SpeechResponse:
        """A murmur as long as the text; PCM, or a WAV file where any other format was asked for."""
        refuse(model)
        media_type, data = voiced(request.text, request.voices, request.format, request.speed)
        tokens = len(data) * SOUND_TOKENS // (2 * RATE) + 1
        usage = Usage(input=estimate_text(request.text), output=tokens, output_audio=tokens)
        return SpeechResponse(NAME, model, media_type, data, usage)


def features(given: tuple[AnyPart, ...] | tuple[int, ...]) -> Iterator[tuple[str, float]]:
    """What makes the vector of one input."""
    ids = tuple(part for part in given if isinstance(part, int))
    texts = [part.text for part in given if isinstance(part, Text)]
    if texts or not given:
        yield from vectors.of_text("\n".join(texts))
    if ids:
        yield from vectors.of_tokens(ids)
    for part in given:
        if isinstance(part, Media):
            source = part.source
            yield from vectors.of_data(source.data if isinstance(source, Base64) else str(source))


def weight(given: tuple[AnyPart, ...] | tuple[int, ...]) -> int:
    """Tokens of one input."""
    return sum(estimate_text(part.text) if isinstance(part, Text) else 1 for part in given)
