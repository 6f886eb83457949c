"""The registry of dialects: the only name under which the service knows them.

`CODECS` holds the chat codec of each dialect, `MEDIA` the codecs of the small operations by (dialect, operation).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple, cast

from dragoman.core.codec import Codec, MediaCodec, Wire
from dragoman.core.ir import Json
from dragoman.core.issuers import Issued
from dragoman.core.places import Places
from dragoman.core.profile import Profile
from dragoman.dialects.anthropic import Anthropic, AnthropicCount
from dragoman.dialects.anthropic import places as anthropic_places
from dragoman.dialects.anthropic.passing import unfit as unfit_messages
from dragoman.dialects.bedrock_converse import BedrockConverse, BedrockCount
from dragoman.dialects.bedrock_converse import places as bedrock_places
from dragoman.dialects.gemini import Gemini, GeminiCount
from dragoman.dialects.gemini import places as gemini_places
from dragoman.dialects.gemini.passing import unfit as unfit_contents
from dragoman.dialects.media_gemini import GeminiEmbed, GeminiImage, names_its_model
from dragoman.dialects.media_openai import OpenAIEmbed, OpenAIImage, OpenAISpeech
from dragoman.dialects.media_vertex import VertexEmbed, embeds
from dragoman.dialects.openai_chat import OpenAIChat
from dragoman.dialects.openai_chat import places as chat_places
from dragoman.dialects.openai_chat.passing import unfit as unfit_chat
from dragoman.dialects.openai_responses import OpenAIResponses
from dragoman.dialects.openai_responses import conversations as TALKS
from dragoman.dialects.openai_responses import places as responses_places
from dragoman.dialects.openai_responses import state as STATE
from dragoman.dialects.openai_responses.count import OpenAIResponsesCount
from dragoman.dialects.openai_responses.passing import unfit as unfit_responses
from dragoman.dialects.simple import Simple
from dragoman.dialects.simple_places import PLACES as SIMPLE_PLACES

DIALECTS = (OpenAIChat(), OpenAIResponses(), Anthropic(), Gemini(), BedrockConverse(), Simple())
CODECS: dict[str, Codec] = {codec.dialect: codec for codec in DIALECTS}

MEDIA: dict[tuple[str, str], MediaCodec] = {
    ("openai.chat", "embed"): OpenAIEmbed(),
    ("openai.chat", "image"): OpenAIImage(),
    ("openai.chat", "speech"): OpenAISpeech(),
    ("gemini", "embed"): GeminiEmbed(batch=True),
    ("gemini", "embed.one"): GeminiEmbed(batch=False),
    ("gemini", "image"): GeminiImage(),
    ("vertex", "embed"): VertexEmbed(),
    ("vertex.content", "embed"): GeminiEmbed(batch=False, dialect="vertex.content"),
    ("gemini", "count"): GeminiCount(),
    ("anthropic", "count"): AnthropicCount(),
    ("bedrock.converse", "count"): BedrockCount(),
    ("openai.responses", "count"): OpenAIResponsesCount(),
}

PLACES: dict[str, Places] = {
    "openai.chat": chat_places.PLACES,
    "openai.responses": responses_places.PLACES,
    "anthropic": anthropic_places.PLACES,
    "gemini": gemini_places.PLACES,
    "bedrock.converse": bedrock_places.PLACES,
    "simple": SIMPLE_PLACES,
}
"""Where the clients of each dialect write things."""

__all__ = [
    "CODECS",
    "FLAGS",
    "FLAGS_IN_BODY",
    "FORWARDED",
    "FORWARDED_QUERY",
    "MEDIA",
    "PLACES",
    "RETURNED",
    "RETURNED_PREFIXES",
    "SEVERAL",
    "STATE",
    "TALKS",
    "asked_in",
    "back",
    "names_its_model",
    "passes",
]
"""STATE: what the one dialect that remembers between requests remembers. TALKS: its conversations."""


VENDORS = {"openai.responses": "openai", "anthropic": "anthropic", "gemini": "google"}
"""In whose name a codec reads what is signed, where nobody says who did."""


def back(dialect: str, profile: Profile) -> Codec:
    """The codec of a dialect as it is spoken with a provider with these quirks."""
    codec, vendor = CODECS[dialect], VENDORS.get(dialect)
    if profile.issuer is None or vendor is None or profile.issuer == vendor:
        return codec
    return cast("Codec", Issued(codec, vendor, profile.issuer))


class Several(NamedTuple):
    """How a dialect speaks of several answers to one request."""

    wish: str  # where a request asks for them
    spellings: tuple[tuple[str, ...], ...]  # the same, each as it may be written
    place: str  # the member of an answer that holds them
    id: str  # how the id of an answer begins

    def may_ask(self, wire: Wire) -> bool:
        """Whether a body says how many, so that it has to be read for it."""
        for *around, name in self.spellings:
            at: Any = wire
            for step in around:
                at = at.get(step) if isinstance(at, dict) else None
            if isinstance(at, dict) and name in at:
                return True
        return False


CONFIGS, COUNTS = ("generationConfig", "generation_config"), ("candidateCount", "candidate_count")
SEVERAL = {
    "openai.chat": Several("n", (("n",),), "choices", "chatcmpl-"),
    "gemini": Several("generationConfig.candidateCount", tuple(product(CONFIGS, COUNTS)), "candidates", ""),
}

LIMITS: dict[str, tuple[tuple[str, ...], ...]] = {
    "openai.chat": (("max_completion_tokens",), ("max_tokens",)),
    "openai.responses": (("max_output_tokens",),),
    "anthropic": (("max_tokens",),),
    "gemini": (("generationConfig", "maxOutputTokens"), ("generation_config", "max_output_tokens")),
}


UNFIT = {
    "openai.chat": unfit_chat,
    "openai.responses": unfit_responses,
    "anthropic": unfit_messages,
    "gemini": unfit_contents,
}


def passes(dialect: str, wire: Wire, profile: Profile) -> bool:
    """Whether a request may pass as its client wrote it to a backend of its own dialect with these quirks."""
    unfit = UNFIT.get(dialect)
    if profile.repair or (unfit is not None and unfit(wire, profile)):
        return False
    most = profile.max_tokens_limit  # the client's limit is made for the model it believes to speak to (case 75)
    return most is None or all(limit <= most for limit in limits(dialect, wire))


def limits(dialect: str, wire: Wire) -> Iterator[int]:
    """How many tokens a request asks for at most, wherever its dialect says it."""
    for path in LIMITS.get(dialect, ()):
        value: Json = wire
        for step in path:
            value = value.get(step) if isinstance(value, dict) else None
        if type(value) is int:
            yield value


MEDIA["vertex.content", "embed.one"] = MEDIA["gemini", "embed.one"]


def asked_in(dialect: str, name: str, wire: Wire) -> MediaCodec:
    """Who reads a small operation. Google has two that are called `:predict`; what they hold tells them apart."""
    return MEDIA["vertex", "embed"] if (dialect, name) == ("gemini", "image") and embeds(wire) else MEDIA[dialect, name]


FORWARDED: dict[str, tuple[str, ...]] = {
    "anthropic": ("anthropic-version", "anthropic-beta"),
    "openai.chat": ("openai-beta",),
    "openai.responses": ("openai-beta",),
}
"""Request headers that belong to a dialect: they go on to a provider of the same dialect, no others do."""

FLAGS = {"anthropic": "anthropic-beta", "openai.chat": "openai-beta", "openai.responses": "openai-beta"}
"""Of those the header that lists flags: the settings' own are sent beside the client's."""

FLAGS_IN_BODY = {"anthropic": "anthropic_beta"}
"""Where clients of Amazon's paths write the same; nobody else takes it there."""

FORWARDED_QUERY: dict[str, tuple[str, ...]] = {"anthropic": ("beta",)}

RETURNED = ("retry-after", "retry-after-ms", "x-should-retry", "openai-processing-ms")
RETURNED_PREFIXES = ("x-ratelimit-", "anthropic-ratelimit-")
"""Headers of a provider's answer that a client of the same dialect reads."""
