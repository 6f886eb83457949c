"""A client that believes to speak to another model of the same vendor: what this one would refuse is told in its own way.

Coding agents choose by a model's name what they send, and take a name of the operator's own for the newest model. It knows
the requests of agents as they were seen, and no service.
"""

import json
from typing import Any

import pytest

import laws
from dragoman.core.codec import Wire
from dragoman.core.profile import Profile
from dragoman.dialects import CODECS, passes
from dragoman.providers.catalog import profile_for

SYSTEM = {"role": "system", "content": "Available agent types for the Agent tool: claude"}
WISH = {"type": "text", "text": "Write it.", "cache_control": {"type": "ephemeral"}}
TOLD = {"type": "text", "text": SYSTEM["content"]}
CLAUDE_CODE: Wire = {  # as it asks a model of a name it does not know
    "model": "house",
    "system": [{"type": "text", "text": "You are a Claude agent.", "cache_control": {"type": "ephemeral"}}],
    "messages": [{"role": "user", "content": [WISH]}, SYSTEM],
    "max_tokens": 32000,
    "thinking": {"type": "adaptive"},
    "output_config": {"effort": "high"},
    "stream": True,
}
SONNET: Wire = (
    CLAUDE_CODE
    | {  # and one that it knows: Sonnet 4.5
        "messages": CLAUDE_CODE["messages"][:1],
        "thinking": {"type": "enabled", "budget_tokens": 31999},
        "output_config": {},
    }
)


def home(dialect: str, body: Wire, model: str, **more: Any) -> tuple[Wire | None, set[str]]:
    """What this model is sent of a request of its own dialect, and what was lost; None: the client's own bytes."""
    profile = profile_for("openai.chat" if dialect == "openai.responses" else dialect, model)
    if passes(dialect, body, profile):
        return None, set()
    codec = CODECS[dialect]
    request = codec.decode_request(json.loads(json.dumps(body)), laws.context())
    ctx = laws.context(profile=profile, model=model, **more)
    wire = codec.encode_request(request, ctx)
    return wire, {loss.path for loss in ctx.losses}


@pytest.mark.parametrize(
    "model", ["claude-sonnet-4-5", "claude-haiku-4-5-20251001", "claude-opus-4-1", "claude-sonnet-4-0"]
)
def test_claude_code_asks_older_claude_in_their_own_way(model: str) -> None:
    """Adaptive thinking came with 4.6, efforts with Opus 4.5, system messages among the others with Opus 4.8."""
    wire, lost = home("anthropic", CLAUDE_CODE, model)
    assert wire is not None
    assert wire["thinking"] == {"type": "enabled", "budget_tokens": 16384} and wire["max_tokens"] == 32000
    assert "output_config" not in wire
    assert wire["messages"] == [{"role": "user", "content": [WISH, TOLD]}]
    assert wire["system"] == CLAUDE_CODE["system"]
    assert lost == {"messages[2]"}, "an effort is a budget in other words"


@pytest.mark.parametrize("model", ["claude-opus-4-8", "claude-opus-5", "my-own"])
def test_claude_code_passes_to_those_who_understand_it(model: str) -> None:
    assert home("anthropic", CLAUDE_CODE, model) == (None, set())


def test_only_the_system_message_is_told_otherwise() -> None:
    for model in ("claude-opus-4-7", "claude-sonnet-4-6", "claude-sonnet-5"):
        wire, lost = home("anthropic", CLAUDE_CODE, model)
        assert wire == CLAUDE_CODE | {
            "model": model,
            "messages": [{"role": "user", "content": [WISH, TOLD]}],
        }
        assert lost == {"messages[2]"}
    empty = {"role": "system", "content": [], "output_config": {"effort": "low"}}
    wire, lost = home("anthropic", CLAUDE_CODE | {"messages": [*CLAUDE_CODE["messages"], empty]}, "claude-sonnet-5")
    assert wire is not None and lost == {"messages[2]", "messages[3]", "messages[3].output_config"}
    assert wire["messages"] == [{"role": "user", "content": [WISH, TOLD]}]
    spoken = [{"role": "user", "content": "Go."}, SYSTEM, {"role": "assistant", "content": "Gone."}, SYSTEM]
    wire, _ = home("anthropic", CLAUDE_CODE | {"messages": spoken}, "claude-sonnet-5")
    assert wire is not None and wire["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "Go."}, TOLD]},
        spoken[2],
        {"role": "user", "content": [TOLD]},
    ]


def test_a_budget_is_an_effort_where_a_budget_is_refused() -> None:
    for model in ("claude-opus-4-7", "claude-opus-4-8", "claude-sonnet-5"):
        wire, lost = home("anthropic", SONNET, model)
        assert wire is not None and wire["thinking"] == {"type": "adaptive"}
        assert wire["output_config"] == {"effort": "high"} and lost == {"thinking.budget"}
    for model in ("claude-sonnet-4-5", "claude-haiku-4-5", "claude-opus-4-6", "claude-sonnet-4-6", "my-own"):
        assert home("anthropic", SONNET, model) == (None, set()), "both ways are understood by 4.6"


@pytest.mark.parametrize(
    ("model", "effort", "told", "lost"),
    [
        ("claude-opus-4-6", "xhigh", "high", {"thinking.effort"}),  # recorded: "does not support effort level 'xhigh'"
        ("claude-opus-4-5", "max", "high", {"thinking.effort"}),
        ("claude-opus-4-5", "medium", "medium", set()),
        ("claude-sonnet-4-5", "medium", None, {"thinking.effort"}),
        ("my-own", "max", "max", set()),
        ("my-own", "utmost", "utmost", set()),
    ],
)
def test_an_effort_without_thinking(model: str, effort: str, told: str | None, lost: set[str]) -> None:
    body: Wire = {"model": "house", "max_tokens": 64, "messages": CLAUDE_CODE["messages"][:1]}
    wire, losses = home("anthropic", body | {"output_config": {"effort": effort}}, model)
    if wire is None:
        assert told == effort
    else:
        assert wire.get("output_config") == ({"effort": told} if told else None)
    assert losses == lost
    quiet = body | {"thinking": {"type": "disabled"}, "output_config": {"effort": "high"}}
    if model == "claude-sonnet-4-5":
        wire, losses = home("anthropic", quiet, model)
        assert wire is not None and not wire.get("output_config") and losses == {"output_config.effort"}


def test_a_model_that_does_not_think_is_not_told_to() -> None:
    for body in (CLAUDE_CODE, SONNET):
        wire, lost = home("anthropic", body, "claude-3-5-haiku-20241022")
        assert wire is not None and "thinking" not in wire and "effort" not in (wire.get("output_config") or {})
        assert "thinking" in lost
    assert passes("anthropic", {"thinking": 5, "output_config": [], "messages": 7}, Profile(thinking="none"))


GEMINI_CLI: Wire = {  # as it asks gemini-3.1-pro-preview
    "contents": [{"role": "user", "parts": [{"text": "Write it."}]}],
    "generationConfig": {
        "temperature": 1,
        "topP": 0.95,
        "topK": 64,
        "thinkingConfig": {"includeThoughts": True, "thinkingLevel": "HIGH"},
    },
}


def thoughts(body: Wire, **config: Any) -> Wire:
    return body | {"generationConfig": body["generationConfig"] | {"thinkingConfig": config}}


def test_gemini_cli_asks_gemini_2_5_for_a_budget_and_older_for_none() -> None:
    wire, lost = home("gemini", GEMINI_CLI, "gemini-2.5-flash")
    assert wire == thoughts(GEMINI_CLI, includeThoughts=True, thinkingBudget=16384) and lost == set()
    spelled = {"generation_config": {"thinking_config": {"include_thoughts": True, "thinking_level": "HIGH"}}}
    wire, lost = home("gemini", {"contents": GEMINI_CLI["contents"]} | spelled, "gemini-2.5-flash")
    assert wire is not None and "16384" in json.dumps(wire) and "HIGH" not in json.dumps(wire)
    wire, lost = home("gemini", GEMINI_CLI, "gemini-2.0-flash")
    assert wire is not None and "thinkingConfig" not in wire["generationConfig"] and lost == {"thinking"}
    budget = thoughts(GEMINI_CLI, includeThoughts=True, thinkingBudget=8192)
    for body, model in (
        (GEMINI_CLI, "gemini-3.1-pro-preview"),
        (budget, "gemini-2.5-pro"),
        (budget, "gemini-3-flash-preview"),
        (thoughts(GEMINI_CLI), "gemini-2.0-flash"),
    ):
        assert home("gemini", body, model) == (None, set()), "newer models understand budgets, too"
    for odd in (5, [], {"thinkingConfig": 5}, {"thinkingConfig": [1]}):
        assert passes("gemini", {"generationConfig": odd}, Profile(thinking="none"))


CODEX: Wire = {  # as it asks a model of a name it does not know
    "model": "house",
    "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Write it."}]}],
    "tools": [{"type": "function", "name": "exec_command", "parameters": {"type": "object"}, "strict": False}],
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "reasoning": {"summary": "auto"},
    "store": False,
    "stream": True,
    "include": ["reasoning.encrypted_content"],
    "prompt_cache_key": "k",
    "client_metadata": {"session_id": "s"},
}


def test_codex_asks_no_model_for_reasoning_that_has_none() -> None:
    for model in ("gpt-4.1", "gpt-4o-mini", "ft:gpt-4o-mini:own"):
        wire, lost = home("openai.responses", CODEX, model)
        left = {name: value for name, value in CODEX.items() if name not in ("reasoning", "include")}
        assert wire == left | {"model": model} and "include" in lost and lost & {"thinking", "reasoning"}
    more = CODEX | {"reasoning": None, "include": ["reasoning.encrypted_content", "file_search_call.results"]}
    wire, _ = home("openai.responses", more, "gpt-4.1")
    assert wire is not None and wire["include"] == ["file_search_call.results"]
    for model in ("gpt-5", "gpt-6.1-sol", "o3", "my-own"):
        assert home("openai.responses", CODEX, model) == (None, set())
    assert passes("openai.responses", {"include": 5, "reasoning": {}}, Profile(thinking="none"))
