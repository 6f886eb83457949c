"""The registry of dialects: the only name under which the service knows them.

`CODECS` holds the chat codec of each dialect, `MEDIA` the codecs of the small operations by (dialect, operation).
"""

from __future__ import annotations

from dragoman.core.codec import Codec, MediaCodec
from dragoman.dialects.anthropic import Anthropic, AnthropicCount
from dragoman.dialects.gemini import Gemini, GeminiCount
from dragoman.dialects.media_gemini import GeminiEmbed, GeminiImage
from dragoman.dialects.media_openai import OpenAIEmbed, OpenAIImage, OpenAISpeech
from dragoman.dialects.openai_chat import OpenAIChat
from dragoman.dialects.openai_responses import OpenAIResponses
from dragoman.dialects.openai_responses import state as STATE
from dragoman.dialects.openai_responses.count import OpenAIResponsesCount
from dragoman.dialects.simple import Simple

DIALECTS = (OpenAIChat(), OpenAIResponses(), Anthropic(), Gemini(), Simple())
CODECS: dict[str, Codec] = {codec.dialect: codec for codec in DIALECTS}

MEDIA: dict[tuple[str, str], MediaCodec] = {
    ("openai.chat", "embed"): OpenAIEmbed(),
    ("openai.chat", "image"): OpenAIImage(),
    ("openai.chat", "speech"): OpenAISpeech(),
    ("gemini", "embed"): GeminiEmbed(batch=True),
    ("gemini", "embed.one"): GeminiEmbed(batch=False),
    ("gemini", "image"): GeminiImage(),
    ("gemini", "count"): GeminiCount(),
    ("anthropic", "count"): AnthropicCount(),
    ("openai.responses", "count"): OpenAIResponsesCount(),
}

__all__ = ["CODECS", "FORWARDED", "FORWARDED_QUERY", "MEDIA", "RETURNED", "RETURNED_PREFIXES", "STATE"]
"""STATE: what the one dialect that remembers between requests remembers."""

FORWARDED: dict[str, tuple[str, ...]] = {
    "anthropic": ("anthropic-version", "anthropic-beta"),
    "openai.chat": ("openai-beta",),
    "openai.responses": ("openai-beta",),
}
"""Request headers that belong to a dialect: they go on to a provider of the same dialect, no others do."""

FORWARDED_QUERY: dict[str, tuple[str, ...]] = {"anthropic": ("beta",)}

RETURNED = ("retry-after", "retry-after-ms", "x-should-retry", "openai-processing-ms")
RETURNED_PREFIXES = ("x-ratelimit-", "anthropic-ratelimit-")
"""Headers of a provider's answer that a client of the same dialect reads."""
