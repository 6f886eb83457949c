"""Where clients of Responses write things, for errors and losses that name them. It knows no codec."""

from __future__ import annotations

from dragoman.core.codec import Wire
from dragoman.core.places import Places, Turn, contents, each


def turns(wire: Wire) -> list[Turn]:
    """One for each item: what an assistant made in a row is one message of the neutral form."""
    found: list[Turn] = [("instructions", ["instructions"])] if isinstance(wire.get("instructions"), str) else []
    if isinstance(wire.get("input"), str):
        return [*found, ("input", contents(wire["input"], "input"))]
    for item, path in each(wire, "input"):
        kind = item.get("type")
        if kind == "additional_tools":
            continue
        content = contents(item.get("content"), f"{path}.content")
        found.append((path, content if kind in (None, "message") else [path]))
    return found


def tools(wire: Wire) -> list[str]:
    """Those of the request, then those that stand in its input (Codex)."""
    found = [path for _, path in each(wire, "tools")]
    for item, path in each(wire, "input"):
        if item.get("type") == "additional_tools":
            found += contents(item.get("tools"), f"{path}.tools")
    return found


PLACES = Places(
    "input",
    turns,
    tools,
    {
        "sampling.max_tokens": ("max_output_tokens",),
        **{f"sampling.{name}": (name,) for name in ("temperature", "top_p", "presence_penalty", "frequency_penalty")},
        "thinking": ("reasoning",),
        "thinking.effort": ("reasoning.effort",),
        "thinking.visible": ("reasoning.summary",),
        "format": ("text.format",),
        "tools": ("tools", "input"),
        "tool_choice.allowed": ("tool_choice.tools",),
        "tool_choice.parallel": ("parallel_tool_calls",),
        "logprobs": ("top_logprobs", "include"),
        "verbosity": ("text.verbosity",),
        ".citations": ("annotations",),
    },
)
