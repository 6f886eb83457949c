"""Where clients of Converse write things, for errors and losses that name them. It knows no codec."""

from __future__ import annotations

from dragoman.core.codec import Wire
from dragoman.core.places import Places, Turn, each


def turns(wire: Wire) -> list[Turn]:
    """A cache point is no part of its own: it is a mark of the block before it."""
    system = leaves(wire, "system", "system")
    found: list[Turn] = [("system", system)] if system else []
    return found + [(path, leaves(message, "content", f"{path}.content")) for message, path in each(wire, "messages")]


def leaves(wire: Wire, name: str, at: str) -> list[str]:
    blocks = wire.get(name)
    found = list(enumerate(blocks)) if isinstance(blocks, list) else []
    return [f"{at}[{n}]" for n, block in found if n == 0 or not (isinstance(block, dict) and "cachePoint" in block)]


def tools(wire: Wire) -> list[str]:
    config = wire.get("toolConfig")
    return leaves(config, "tools", "toolConfig.tools") if isinstance(config, dict) else []


CONFIG, MORE = "inferenceConfig.", "additionalModelRequestFields."
PLACES = Places(
    "messages",
    turns,
    tools,
    {
        "sampling.max_tokens": (CONFIG + "maxTokens",),
        "sampling.temperature": (CONFIG + "temperature",),
        "sampling.top_p": (CONFIG + "topP",),
        "sampling.top_k": (MORE + "top_k", MORE + "inferenceConfig.topK"),
        "sampling.stop": (CONFIG + "stopSequences",),
        "thinking": (MORE + "thinking", MORE + "reasoningConfig", MORE + "reasoning_effort", "outputConfig.effort"),
        "thinking.effort": (MORE + "output_config.effort", MORE + "reasoning_effort", "outputConfig.effort"),
        "thinking.budget": (MORE + "thinking.budget_tokens",),
        "format": ("outputConfig.textFormat",),
        "format.schema": ("outputConfig.textFormat.structure.jsonSchema.schema",),
        "tools": ("toolConfig.tools",),
        "tool.parameters": ("toolSpec.inputSchema.json",),
        "tool.strict": ("toolSpec.strict",),
        "tool_choice": ("toolConfig.toolChoice",),
        ".arguments": ("toolUse.input",),
        ".citations": ("citationsContent.citations",),
    },
)
