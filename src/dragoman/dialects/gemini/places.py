"""Where clients of Gemini's generateContent write things, for errors and losses that name them. It knows no codec."""

from __future__ import annotations

from dragoman.core.codec import Wire
from dragoman.core.places import Places, Turn, contents, each, resolved

FUNCTIONS = "functionDeclarations"


def turns(wire: Wire) -> list[Turn]:
    found: list[Turn] = []
    if (path := resolved(wire, "systemInstruction")) is not None and wire[path] is not None:
        system = wire[path]
        parts = system.get("parts") if isinstance(system, dict) else None
        found.append((path, [f"{path}.parts"] if isinstance(parts, dict) else contents(parts, f"{path}.parts")))
    for content, at in each(wire, "contents"):
        found.append((at, contents(content.get("parts"), f"{at}.parts")))
    return found


def tools(wire: Wire) -> list[str]:
    """Functions first, then Google's own tools, of each tool object."""
    found: list[str] = []
    for tool, path in each(wire, "tools"):
        declared = resolved(tool, FUNCTIONS)
        if declared is not None:
            found += contents(tool[declared], f"{path}.{declared}")
        found += [f"{path}.{name}" for name, value in tool.items() if name != declared and value is not None]
    return found


CONFIG = "generationConfig."
PLACES = Places(
    "contents",
    turns,
    tools,
    {
        "sampling.max_tokens": (CONFIG + "maxOutputTokens",),
        "sampling.temperature": (CONFIG + "temperature",),
        "sampling.top_p": (CONFIG + "topP",),
        "sampling.top_k": (CONFIG + "topK",),
        "sampling.stop": (CONFIG + "stopSequences",),
        "sampling.seed": (CONFIG + "seed",),
        "sampling.presence_penalty": (CONFIG + "presencePenalty",),
        "sampling.frequency_penalty": (CONFIG + "frequencyPenalty",),
        "thinking": (CONFIG + "thinkingConfig",),
        "thinking.effort": (CONFIG + "thinkingConfig.thinkingLevel", CONFIG + "thinkingConfig.thinkingBudget"),
        "thinking.budget": (CONFIG + "thinkingConfig.thinkingBudget",),
        "thinking.visible": (CONFIG + "thinkingConfig.includeThoughts",),
        "format": (CONFIG + "responseMimeType",),
        "format.schema": (CONFIG + "responseJsonSchema", CONFIG + "responseSchema"),
        "tools": ("tools",),
        "tool.parameters": ("parametersJsonSchema", "parameters"),
        "tool_choice": ("toolConfig.functionCallingConfig",),
        "tool_choice.allowed": ("toolConfig.functionCallingConfig.allowedFunctionNames",),
        "choices": (CONFIG + "candidateCount",),
        "modalities": (CONFIG + "responseModalities",),
        "logprobs": (CONFIG + "responseLogprobs",),
        "speech": (CONFIG + "speechConfig",),
        "picture": (CONFIG + "imageConfig",),
        "service_tier": ("serviceTier",),
        ".arguments": ("functionCall.args",),
        ".signature": ("thoughtSignature",),
    },
)
