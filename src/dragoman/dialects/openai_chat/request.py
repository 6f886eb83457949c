"""A client's request in Chat Completions, checked and read.

It knows nothing of providers. What has no neutral name is checked too, and kept for the trip home.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

from msgspec.structs import replace

from dragoman.core.codec import NAMES, Context, Fields, Wire, name_of
from dragoman.core.errors import invalid
from dragoman.core.ir import (
    AnyPart,
    Cache,
    Effort,
    Format,
    Json,
    Media,
    Message,
    Opaque,
    Request,
    Sampling,
    Speech,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Voice,
)
from dragoman.core.tools import free_text
from dragoman.dialects.openai_chat.parts import DIALECT, decode_answer, decode_cache, decode_content, synthetic
from dragoman.dialects.openai_terms import TERMS, decode_terms

# -- what has no neutral name is checked and kept -----------------------------

_LOCATION = {"country": str, "region": str, "city": str, "timezone": str}
_FUNCTION = {"name": str}

KEPT: dict[str, Any] = {
    "metadata": {"*": str},
    "logit_bias": {"*": float},
    "store": bool,
    "service_tier": str,
    "logprobs": bool,
    "top_logprobs": int,
    "prediction": {"type": str, "content": (str, [{"type": str, "text": str}])},
    "web_search_options": {"user_location": {"type": str, "approximate": _LOCATION}, "search_context_size": str},
    "moderation": {"model": str},
    "verbosity": str,
    "prompt_cache_key": str,
    "prompt_cache_retention": str,
    "prompt_cache_options": {"mode": str},
    "safety_identifier": str,
    "stream_options": {"include_usage": bool, "include_obfuscation": bool},
    "functions": [{"name": str, "description": str, "parameters": dict}],
    "function_call": (str, _FUNCTION),
}
"""Fields of the official schema (2026-08-21) and their types: a type, [of each element], {of each member}, (any of)."""

RANGES = {"top_logprobs": (0, 20)}
MOST_CHOICES = 128
DEFAULTS: dict[str, Json] = {"logprobs": False, "store": False, "service_tier": "auto"}
"""Wishes for what happens anyway: nothing is lost with them abroad."""


def check(value: Json, shape: Any, path: str) -> None:
    """Raises where a value, if it is there, has not the shape."""
    if value is None:
        return
    if isinstance(shape, tuple):
        shape = next((one for one in shape if type(value) is kind_of(one)), shape[0])
    require(value, kind_of(shape), path)
    if isinstance(shape, dict):
        for name, inner in value.items():
            if expected := shape.get(name, shape.get("*")):
                check(inner, expected, f"{path}.{name}")
    elif isinstance(shape, list):
        for i, inner in enumerate(value):
            require(inner, kind_of(shape[0]), f"{path}[{i}]")
            check(inner, shape[0], f"{path}[{i}]")


def require(value: Json, kind: type, path: str) -> None:
    if type(value) is not kind and not (kind is float and type(value) is int):
        raise invalid(path, f"expected {NAMES[kind]}, got {name_of(value)}")


def kind_of(shape: Any) -> type:
    return shape if isinstance(shape, type) else type(shape)


def check_kept(f: Fields) -> None:
    for name, shape in KEPT.items():
        check(f.peek(name), shape, name)
    for name, (low, high) in RANGES.items():
        value = f.peek(name)
        if value is not None and not low <= value <= high:
            raise invalid(name, f"must be between {low} and {high}, got {value}")
    for name, default in DEFAULTS.items():
        if f.peek(name) == default and type(f.peek(name)) is type(default):
            f.quiet(name, f.any(name))


# -- messages -------------------------------------------------------------------

ROLES = ("system", "developer", "user", "assistant", "tool", "function")


def decode_message(wire: Json, path: str, ctx: Context) -> Message:
    f = Fields(wire, path)
    role = f.need("role", str)
    if role not in ROLES:
        raise invalid(f.at("role"), f"{role!r:.60} is not one of {', '.join(ROLES)}")
    name = f.take("name", str)
    parts: tuple[AnyPart, ...]
    if role in ("tool", "function"):
        cache = marked(f)
        result = replace(decode_result(f, role), cache=cache)
        return Message(role="user", parts=(result,), name=name)
    if role == "assistant":
        check(f.peek("audio"), {"id": str}, f.at("audio"))
        parts = decode_answer(f, ctx)
    else:
        if f.peek("content") is None:
            raise invalid(f.at("content"), "required")
        parts = decode_content(f)
    if parts and parts[-1].cache is None and (cache := marked(f)) is not None:  # a part's own mark outdoes it (case 55)
        parts = (*parts[:-1], replace(parts[-1], cache=cache))
    if role == "assistant":
        return Message(role="assistant", parts=parts, name=name, extra=f.rest)
    if role == "user":
        return Message(role="user", parts=parts, name=name, extra=f.rest)
    if role == "developer":
        f.quiet("role", role)
    return Message(role="system", parts=parts, name=name, extra=f.rest)


def marked(f: Fields) -> Cache | None:
    """The cache mark of a whole message, which goes home where it was."""
    raw = f.peek("cache_control")
    if (cache := decode_cache(f)) is not None:
        f.quiet("cache_control", raw)
    return cache


def decode_result(f: Fields, role: str) -> ToolResult:
    content = decode_content(f)
    found = tuple(part for part in content if isinstance(part, Text | Media | Opaque))
    if len(found) < len(content):
        raise invalid(f.at("content"), "the result of a tool holds text and media")
    if role == "function":
        f.quiet("role", role)
        return ToolResult(call_id=f.take("tool_call_id", str) or "", content=found, extra=f.rest)
    id = f.need("tool_call_id", str)
    if not id:
        f.quiet("tool_call_id", id)
    return ToolResult(call_id=id, content=found, extra=f.rest)


def paired(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Gives calls without an id one made of their place, and pairs results to them by name and order."""
    if not any(nameless(part) for message in messages for part in message.parts):
        return messages
    waiting: list[ToolCall] = []
    done: list[Message] = []
    for turn, message in enumerate(messages):
        parts: list[AnyPart] = []
        for part in message.parts:
            match part:
                case ToolCall():
                    if not part.id:
                        part = replace(part, id=synthetic(str(turn), len(parts)))
                    waiting.append(part)
                case ToolResult(call_id=""):
                    named = (call for call in waiting if message.name in (None, call.name))
                    call = next(named, None) or next(iter(waiting), None)
                    if call is not None:
                        waiting.remove(call)
                        part = replace(part, call_id=call.id)
                case ToolResult(call_id=id):
                    waiting = [call for call in waiting if call.id != id]
                case _:
                    pass
            parts.append(part)
        done.append(replace(message, parts=tuple(parts)))
    return tuple(done)


def nameless(part: AnyPart) -> bool:
    return (isinstance(part, ToolCall) and not part.id) or (isinstance(part, ToolResult) and not part.call_id)


# -- tools, format, thinking --------------------------------------------------------


def decode_tool(wire: Json, path: str) -> Tool:
    f = Fields(wire, path)
    kind = f.need("type", str)
    if kind == "custom":
        return decode_custom_tool(f)
    if kind != "function":
        return Tool(name=kind, server=kind, extra=f.rest)
    function, cache = f.sub("function"), decode_cache(f)
    return Tool(
        name=function.need("name", str),
        description=function.take("description", str),
        parameters=function.take("parameters", dict),
        strict=function.take("strict", bool),
        cache=cache,
        extra=f.rest,
    )


def decode_custom_tool(f: Fields) -> Tool:
    """A tool that takes any text, or text of a grammar."""
    raw = f.any("custom")
    custom = Fields(raw, f.at("custom"))
    format = custom.maybe("format")
    grammar = format.maybe("grammar") if format else None
    syntax, definition = (grammar.take(name, str) if grammar else None for name in ("syntax", "definition"))
    tool = free_text(custom.need("name", str), custom.take("description", str), syntax, definition)
    f.quiet("type", "custom")
    f.quiet("custom", raw)
    return replace(tool, extra=f.rest)


def decode_tools(f: Fields) -> tuple[Tool, ...]:
    tools = tuple(decode_tool(wire, path) for wire, path in f.items("tools"))
    legacy = f.peek("functions")
    if not legacy or tools:
        return tools
    f.quiet("functions", f.any("functions"))  # the form before November 2023: checked by its shape above
    found: list[Tool] = []
    for i, wire in enumerate(legacy):
        function = Fields(wire, f"functions[{i}]")
        name, said = function.need("name", str), function.take("description", str)
        found.append(Tool(name=name, description=said, parameters=function.take("parameters", dict)))
    return tuple(found)


MODES: dict[str, Literal["auto", "none", "required"]] = {
    "auto": "auto",
    "none": "none",
    "required": "required",
    "any": "required",  # Mistral's
}


def decode_choice(f: Fields) -> ToolChoice:
    parallel = f.take("parallel_tool_calls", bool)
    member = "tool_choice" if f.peek("tool_choice") is not None else "function_call"
    raw = f.any(member)
    if raw is None:
        return ToolChoice(parallel=parallel)
    f.quiet(member, raw)
    if isinstance(raw, str):
        if raw not in MODES:
            raise invalid(member, f"{raw!r:.60} is not one of {', '.join(MODES)}, or an object")
        return ToolChoice(MODES[raw], parallel=parallel)
    choice = Fields(raw, member)
    if member == "function_call":
        return ToolChoice("tool", choice.need("name", str), parallel)
    match choice.need("type", str):
        case "function" | "custom" as kind:
            return ToolChoice("tool", choice.sub(kind).need("name", str), parallel)
        case "allowed_tools":
            allowed = choice.sub("allowed_tools")
            mode = allowed.choice("mode", MODES) or "auto"
            names = tuple(allowed_name(Fields(tool, path)) for tool, path in allowed.items("tools"))
            return ToolChoice(mode, None, parallel, names)
        case kind:
            raise invalid("tool_choice.type", f"{kind!r:.60} is not one of function, custom, allowed_tools")


def allowed_name(tool: Fields) -> str:
    """The name in {"type": "function", "function": {"name": ...}}; a provider's own tool is called by its type."""
    kind = tool.need("type", str)
    if kind not in ("function", "custom"):
        return kind
    return tool.sub(kind).need("name", str)


def decode_format(f: Fields) -> Format | None:
    raw, outer = f.peek("response_format"), f.maybe("response_format")
    if outer is None:
        return None
    match outer.need("type", str):
        case "text":
            outer.quiet("type", "text")
            return None
        case "json_object":
            schema = outer.take("schema", dict)  # llama.cpp's and Together's way to give one
            if schema is not None:
                f.quiet("response_format", raw)
            return Format(schema=schema)
        case "json_schema":
            inner = outer.sub("json_schema")
            schema = inner.take("schema", dict)
            if schema is None:
                f.quiet("response_format", raw)
            name, said = inner.need("name", str), inner.take("description", str)
            return Format(name=name, schema=schema, description=said, strict=inner.take("strict", bool))
        case kind:
            outer.rest["type"] = kind  # a server's own: "regex", "grammar"
            return None


EFFORTS: dict[str, Effort] = {effort: effort for effort in get_args(Effort)}


def decode_thinking(f: Fields) -> Thinking | None:
    """OpenAI's `reasoning_effort`; OpenRouter's `reasoning`; `thinking`, as DeepSeek, Moonshot and Z.ai spell it."""
    effort = f.keep("reasoning_effort", str)
    if effort in EFFORTS:
        f.quiet("reasoning_effort", f.any("reasoning_effort"))
        return Thinking(effort=EFFORTS[effort])
    raw = f.peek("reasoning")
    check(raw, {"effort": str, "max_tokens": int, "enabled": bool, "exclude": bool}, "reasoning")
    if asked := f.maybe("reasoning"):
        f.quiet("reasoning", raw)
        off, hidden = asked.any("enabled") is False, asked.any("exclude")
        level = EFFORTS.get(asked.any("effort") or "", "none" if off else None)
        return Thinking(effort=level, budget=asked.any("max_tokens"), visible=None if hidden is None else not hidden)
    raw = f.peek("thinking")
    if isinstance(raw, dict) and isinstance(raw.get("type"), str) and raw["type"] in THINKING:
        budget = raw.get("budget_tokens")
        f.quiet("thinking", f.any("thinking"))
        return Thinking(effort=THINKING[raw["type"]], budget=budget if type(budget) is int else None)
    return None


THINKING: dict[Json, Effort | None] = {"enabled": None, "adaptive": None, "auto": None, "disabled": "none"}


def decode_speech(f: Fields) -> Speech | None:
    check(f.peek("audio"), {"voice": (str, {"id": str}), "format": str}, "audio")
    raw, audio = f.peek("audio"), f.maybe("audio")
    if audio is None:
        return None
    f.quiet("audio", raw)
    voice, format = audio.any("voice"), audio.any("format")
    name = voice.get("id") if isinstance(voice, dict) else voice
    return Speech(voices=(Voice(name),) if name else (), format="pcm" if format == "pcm16" else format)


def decode_stop_words(f: Fields) -> tuple[str, ...]:
    stop = f.peek("stop")
    if isinstance(stop, str):
        f.quiet("stop", f.any("stop"))
        return (stop,) if stop else ()
    if stop is not None and not isinstance(stop, list):
        raise invalid("stop", f"expected a string or an array of strings, got {name_of(stop)}")
    return f.strings("stop")


def whole(f: Fields, name: str, least: int) -> int | None:
    """A whole number that JSON can carry on."""
    value = f.count(name, least)
    if value is not None and value >= 2**63:
        raise invalid(f.at(name), f"must be less than {2**63}")
    return value


def decode_sampling(f: Fields) -> Sampling:
    limits = {name: whole(f, name, 1) for name in ("max_completion_tokens", "max_tokens")}
    for name, limit in limits.items():
        if limit is not None:
            f.quiet(name, limit)
    return Sampling(
        max_tokens=limits["max_completion_tokens"] or limits["max_tokens"],
        temperature=f.between("temperature", 0, 2),
        top_p=f.between("top_p", 0, 1),
        top_k=whole(f, "top_k", -1),
        stop=decode_stop_words(f),
        seed=whole(f, "seed", -(2**63)),
        presence_penalty=f.between("presence_penalty", -2, 2),
        frequency_penalty=f.between("frequency_penalty", -2, 2),
    )


def decode_choices(f: Fields) -> int:
    choices = f.take("n", int)
    if choices is None:
        return 1
    if not 1 <= choices <= MOST_CHOICES:
        raise invalid("n", f"must be between 1 and {MOST_CHOICES}, got {choices}")
    if choices == 1:
        f.quiet("n", 1)
    return choices


def verbosity(f: Fields) -> str | None:
    said = f.keep("verbosity", str)
    if said is not None:
        f.quiet("verbosity", f.any("verbosity"))
    return said


def decode_logprobs(f: Fields) -> int | None:
    """How many alternatives are wanted for each token; their number alone asks for nothing."""
    if f.peek("logprobs") is not True:
        return None
    f.quiet("logprobs", f.any("logprobs"))
    wanted = f.any("top_logprobs")
    f.quiet("top_logprobs", wanted)
    return wanted or 0


def decode_request(wire: Wire, ctx: Context) -> Request:
    f = Fields(wire)
    model = f.take("model", str) or ""
    check_kept(f)
    given = f.items("messages")
    if not given:
        raise invalid("messages", "expected an array with at least one message")
    messages = paired(tuple(decode_message(message, path, ctx) for message, path in given))
    options = f.maybe("stream_options")
    request = Request(
        origin=DIALECT,
        model=model,
        messages=messages,
        sampling=decode_sampling(f),
        tools=decode_tools(f),
        tool_choice=decode_choice(f),
        format=decode_format(f),
        thinking=decode_thinking(f),
        modalities=tuple(name.lower() for name in f.strings("modalities")),
        choices=decode_choices(f),
        logprobs=decode_logprobs(f),
        speech=decode_speech(f),
        stream=f.take("stream", bool),
        stream_usage=options.take("include_usage", bool) if options else None,
        user=f.take("user", str),
        terms=decode_terms(f, verbosity(f), *TERMS),
    )
    return replace(request, extra=f.rest)
