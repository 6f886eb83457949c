"""Where the clients of each dialect write things: the tables of all of them. It knows no codec."""

from __future__ import annotations

from dragoman.core.codec import Wire
from dragoman.core.places import Places, Turn, contents, each
from dragoman.dialects.anthropic import places as anthropic
from dragoman.dialects.bedrock_converse import places as bedrock_converse
from dragoman.dialects.gemini import places as gemini
from dragoman.dialects.openai_chat import places as openai_chat
from dragoman.dialects.openai_responses import places as openai_responses


def turns(wire: Wire) -> list[Turn]:
    """Of the app API."""
    system: list[Turn] = [("systemPrompt", ["systemPrompt"])] if wire.get("systemPrompt") else []
    talk = each(wire, "messages")
    return system + [(path, contents(message.get("content"), f"{path}.content")) for message, path in talk]


SIMPLE = Places(
    "messages",
    turns,
    lambda wire: [],
    {
        "sampling.max_tokens": ("maxTokens",),
        "sampling.temperature": ("temperature",),
        "thinking": ("thinkingEnabled", "showThinking"),
        "tools": ("messages",),
    },
)

PLACES: dict[str, Places] = {
    "openai.chat": openai_chat.PLACES,
    "openai.responses": openai_responses.PLACES,
    "anthropic": anthropic.PLACES,
    "gemini": gemini.PLACES,
    "bedrock.converse": bedrock_converse.PLACES,
    "simple": SIMPLE,
}
