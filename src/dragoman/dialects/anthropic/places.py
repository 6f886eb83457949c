"""Where clients of Anthropic's Messages write things, for errors and losses that name them. It knows no codec."""

from __future__ import annotations

from dragoman.core.codec import Wire
from dragoman.core.places import Places, Turn, contents, each
from dragoman.dialects.anthropic.question import is_attribution


def turns(wire: Wire) -> list[Turn]:
    system = wire.get("system")
    leaves = contents(system, "system")
    if isinstance(system, list):
        leaves = [path for path, block in zip(leaves, system, strict=True) if not _unread(block)]
    found: list[Turn] = [("system", leaves)] if leaves else []
    return found + [
        (path, contents(message.get("content"), f"{path}.content")) for message, path in each(wire, "messages")
    ]


def _unread(block: object) -> bool:
    return isinstance(block, dict) and is_attribution(block.get("text"))


def tools(wire: Wire) -> list[str]:
    return [path for _, path in each(wire, "tools")]


PLACES = Places(
    "messages",
    turns,
    tools,
    {
        **{f"sampling.{name}": (name,) for name in ("max_tokens", "temperature", "top_p", "top_k")},
        "sampling.stop": ("stop_sequences",),
        "thinking.effort": ("output_config.effort",),
        "thinking.budget": ("thinking.budget_tokens",),
        "format": ("output_config.format", "output_format"),
        "format.schema": ("output_config.format.schema", "output_format.schema"),
        "tools": ("tools",),
        "tool.parameters": ("input_schema",),
        "tool.cache": ("cache_control",),
        "tool_choice.parallel": ("tool_choice.disable_parallel_tool_use",),
        "user": ("metadata.user_id",),
        "citations": ("messages",),
        ".cache": ("cache_control",),
        ".arguments": ("input",),
    },
)
