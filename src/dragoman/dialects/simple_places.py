"""Where clients of the app API write things, for errors and losses that name them. It knows no codec."""

from __future__ import annotations

from dragoman.core.codec import Wire
from dragoman.core.places import Places, Turn, contents, each


def turns(wire: Wire) -> list[Turn]:
    system: list[Turn] = [("systemPrompt", ["systemPrompt"])] if wire.get("systemPrompt") else []
    talk = each(wire, "messages")
    return system + [(path, contents(message.get("content"), f"{path}.content")) for message, path in talk]


PLACES = Places(
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
