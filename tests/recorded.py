"""Which dialect each recording is read in, and which recordings nobody reads, each with its reason.

It names dialects and operations; what must hold of a recording, the tests say.
"""

from __future__ import annotations

import json
from fnmatch import fnmatch
from typing import NamedTuple

from tests.traffic import Exchange

CHAT: tuple[tuple[str, str], ...] = (
    ("*.chat", "openai.chat"),
    ("*.openai_chat", "openai.chat"),
    ("*.groq_chat", "openai.chat"),
    ("*.responses", "openai.responses"),
    ("*.openai_responses", "openai.responses"),
    ("*.messages", "anthropic"),
    ("*.anthropic_messages", "anthropic"),
    ("vertex.anthropic*", "anthropic"),
    ("bedrock.invoke*", "anthropic"),
    ("*bedrock*converse*", "bedrock.converse"),
    ("gemini.generate", "gemini"),
    ("gemini.stream", "gemini"),
    ("vertex.generate", "gemini"),
    ("vertex.stream", "gemini"),
    ("*.vertex_generate", "gemini"),
)
"""API (a glob) -> the dialect of its chats."""

OPERATIONS: tuple[tuple[str, str, str], ...] = (
    ("anthropic.count_tokens", "anthropic", "count"),
    ("openai.input_tokens", "openai.responses", "count"),
    ("*.count_tokens", "gemini", "count"),
    ("gemini.batch_embed", "gemini", "embed"),
    ("gemini.embed", "gemini", "embed.one"),
    ("*.embeddings", "openai.chat", "embed"),
    ("*.images", "openai.chat", "image"),
    ("*.speech", "openai.chat", "speech"),
    ("vertex.predict", "gemini", "image"),
    ("vertex.embed", "gemini", "embed"),
    ("anthropic.models", "anthropic", "models"),
    ("gemini.models", "gemini", "models"),
    ("*.models", "openai.chat", "models"),
)
"""API (a glob) -> the dialect and the small operation."""

UNREAD: dict[str, str] = {
    "*.completions": "text completion is older than chat: no route of the gateway takes it",
    "*.moderations": "moderation is no generation: no route of the gateway takes it",
    "*.transcription": "speech to text is not an operation of the gateway; sound is heard in a chat",
    "*.interactions": "Google's Interactions API: Gemini is asked in generateContent, which serves the same models",
    "openai.compact": "a compaction is no chat: test_compaction holds its recording to its own laws",
    "cohere.*": "Cohere is asked in its OpenAI-compatible API",
    "ollama.native_*": "Ollama is asked in its OpenAI-compatible API",
    "ollama.embeddings": "Ollama's oldest embeddings: it is asked in its OpenAI-compatible API",
}
"""API (a glob) -> why nobody reads its recordings."""

FOREIGN: dict[str, str] = {
    "bedrock.invoke/parallel-tools/": "Nova's own body: these models are asked through Converse",
    "bedrock.invoke/text/": "Titan's own body: these models are asked through Converse",
    "bedrock.invoke/max-tokens/": "the body of a model of one's own at SageMaker",
    "bedrock.invoke_stream/text/": "Titan's own events: these models are asked through Converse",
}
"""Single recordings (by the beginning of their name) that are not in the dialect of their API."""

PREDICTED = ("vertex.predict/image-out/embedding_", "vertex.predict/image-out/TestGoogle.test_vertex_query")
"""Embeddings through predict, which draws in the other recordings of it."""


class Reading(NamedTuple):
    dialect: str
    operation: str  # "chat", or one of the small ones


def reading(case: Exchange) -> Reading | None:
    """What reads this recording; None where nobody does."""
    if case.id.startswith(tuple(FOREIGN)) or any(fnmatch(case.api, pattern) for pattern in UNREAD):
        return None
    if case.id.startswith(PREDICTED):
        return Reading("vertex", "embed")
    for pattern, dialect in CHAT:
        if fnmatch(case.api, pattern):
            return Reading(dialect, "chat")
    for pattern, dialect, operation in OPERATIONS:
        if fnmatch(case.api, pattern):
            return Reading(dialect, operation)
    return None


def dialect_of(case: Exchange) -> str | None:
    """The dialect of a recorded chat; None for all else."""
    found = reading(case)
    return found.dialect if found and found.operation == "chat" else None


def stream_of(case: Exchange) -> bytes | None:
    """A recorded chat's stream as server-sent events, also where Amazon wrapped them in frames of its own."""
    if case.sse is not None:
        return case.sse
    wrapped = case.record["response"].get("events") or ()
    wires = [event.get("payload_decoded") or event.get("payload") for event in wrapped]
    if not wires:
        return None
    names = [event["headers"][":event-type"] for event in wrapped]
    named = [(name if name != "chunk" else wire["type"], wire) for name, wire in zip(names, wires, strict=True)]
    return b"".join(b"event: %b\ndata: %b\n\n" % (name.encode(), json.dumps(wire).encode()) for name, wire in named)
