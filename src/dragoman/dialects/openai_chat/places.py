"""Where clients of Chat Completions write things, for errors and losses that name them. It knows no codec."""

from __future__ import annotations

from dragoman.core.codec import Wire
from dragoman.core.places import Places, Turn, contents, each

REASONING = ("reasoning_content", "reasoning", "reasoning_details")


def turns(wire: Wire) -> list[Turn]:
    found: list[Turn] = []
    for message, path in each(wire, "messages"):
        if message.get("role") in ("tool", "function"):
            found.append((path, [path]))
            continue
        leaves = [f"{path}.{name}" for name in REASONING if message.get(name)][:1]
        leaves += contents(message.get("content"), f"{path}.content")
        leaves += [f"{path}.refusal"] if message.get("refusal") else []
        leaves += contents(message.get("tool_calls"), f"{path}.tool_calls")
        leaves += [f"{path}.function_call"] if message.get("function_call") else []
        found.append((path, leaves))
    return found


def tools(wire: Wire) -> list[str]:
    return [path for name in ("tools", "functions") for _, path in each(wire, name)]


PLACES = Places(
    "messages",
    turns,
    tools,
    {
        **{f"sampling.{name}": (name,) for name in ("temperature", "top_p", "top_k", "stop", "seed")},
        "sampling.presence_penalty": ("presence_penalty",),
        "sampling.frequency_penalty": ("frequency_penalty",),
        "sampling.max_tokens": ("max_completion_tokens", "max_tokens"),
        "thinking": ("reasoning_effort", "reasoning", "thinking"),
        "thinking.effort": ("reasoning_effort", "reasoning.effort"),
        "thinking.budget": ("reasoning.max_tokens", "thinking.budget_tokens"),
        "format": ("response_format",),
        "format.schema": ("response_format.json_schema.schema",),
        "format.strict": ("response_format.json_schema.strict",),
        "format.name": ("response_format.json_schema.name",),
        "format.description": ("response_format.json_schema.description",),
        "tools": ("tools", "functions"),
        "tool.parameters": ("function.parameters", "parameters"),
        "tool.strict": ("function.strict",),
        "tool.cache": ("cache_control",),
        "tool_choice": ("tool_choice", "function_call"),
        "tool_choice.allowed": ("tool_choice.allowed_tools",),
        "tool_choice.parallel": ("parallel_tool_calls",),
        "choices": ("n",),
        "speech": ("audio",),
        "speech.voices": ("audio.voice",),
        "speech.format": ("audio.format",),
        ".cache": ("cache_control",),
        ".arguments": ("function.arguments", "arguments"),
        ".reasoning": REASONING,
        ".citations": ("annotations",),
    },
)
