"""A client's request in Responses, checked and read.

It knows nothing of providers. What has no neutral name is checked too, and kept for the trip home.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, get_args

from msgspec.structs import replace

from dragoman.core.codec import NAMES, QUIET, Context, Fields, Wire, name_of
from dragoman.core.errors import invalid
from dragoman.core.ir import (
    AnyPart,
    Effort,
    Extra,
    Format,
    Json,
    Media,
    Message,
    Opaque,
    Request,
    Role,
    Sampling,
    Text,
    Thinking,
    Tool,
    ToolChoice,
    ToolResult,
)
from dragoman.core.tools import free_text
from dragoman.dialects.openai_responses import compaction
from dragoman.dialects.openai_responses.items import UNTYPED, decode_item, decode_said
from dragoman.dialects.openai_responses.parts import DIALECT, decode_contents, hush
from dragoman.dialects.openai_terms import TERMS, decode_terms

# -- what has no neutral name is checked and kept -----------------------------

KEPT: dict[str, Any] = {
    "background": bool,
    "client_metadata": dict,
    "context_management": [{"type": str, "compact_threshold": int}],
    "conversation": (str, {"id": str}),
    "include": [str],
    "max_tool_calls": int,
    "metadata": {"*": str},
    "moderation": {"model": str},
    "previous_response_id": str,
    "prompt": {"id": str, "version": str, "variables": dict},
    "prompt_cache_key": str,
    "prompt_cache_options": {"mode": str},
    "prompt_cache_retention": str,
    "reasoning": {"effort": str, "summary": str, "generate_summary": str, "context": str},
    "safety_identifier": str,
    "service_tier": str,
    "store": bool,
    "stream_options": {"include_obfuscation": bool},
    "text": {"format": dict, "verbosity": str},
    "top_logprobs": int,
    "truncation": str,
}
"""Fields of the official schema (2026-08-21) and their types: a type, [of each element], {of each member}, (any of)."""

RANGES = {"top_logprobs": (0, 20), "max_tool_calls": (1, 2**31)}
DEFAULTS: dict[str, Json] = {
    "background": False,
    "service_tier": "auto",
    "truncation": "disabled",
    "top_logprobs": 0,
}
"""Wishes for what happens anyway: nothing is lost with them abroad."""
HINTS = ("store", "client_metadata")
"""Words to OpenAI's own store: no other provider has one, and no answer differs for that."""
INCLUDED = "reasoning.encrypted_content"
LOGPROBS = "message.output_text.logprobs"


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
    hush(f, *HINTS)
    if (asked := f.peek("include")) and all(name in (INCLUDED, LOGPROBS) for name in asked):
        hush(f, "include")


# -- items ------------------------------------------------------------------------

ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system", "developer": "system"}
RESULTS = {"function_call_output": "function_call_output", "custom_tool_call_output": "custom_tool_call_output"}
OURS = (
    "item_reference", "compaction", "compaction_summary", "compaction_trigger", "computer_call_output",
    "local_shell_call_output", "shell_call_output", "apply_patch_call_output", "mcp_approval_response",
)  # fmt: skip
"""Items the client's side says and no other provider can read; all others are the assistant's."""
ITEM = QUIET + "item"
"""Marks an opaque part that is an item of its own, not part of a message's content."""
PLACED = QUIET + "placed"
"""Items that are no message (additional tools), each with its place among the others."""


def decode_input(f: Fields, ctx: Context) -> tuple[list[Message], list[Tool], Extra]:
    """Messages, and the tools that stand among them (Codex); items an assistant made in a row are one message."""
    raw = f.peek("input")
    if isinstance(raw, str):
        f.any("input")
        mark: Extra = {QUIET + "input": None}
        return [Message(role="user", parts=(Text(text=raw),) if raw else (), extra=mark)], [], {}
    if raw is not None and not isinstance(raw, list):
        raise invalid("input", f"expected a string or an array of items, got {name_of(raw)}")
    if raw is None and not any(name in f for name in ("previous_response_id", "conversation", "prompt")):
        raise invalid("input", "required")
    messages: list[Message] = []
    tools: list[Tool] = []
    placed: list[Json] = []
    said: list[AnyPart] = []  # by the assistant, so far
    for i, (wire, path) in enumerate(f.items("input")):
        item = Fields(wire, path)
        if item.peek("type") == "additional_tools":
            placed.append([i, wire])
            tools += decode_additional(item)
            continue
        message = decode_one(item, ctx)
        if message.role == "assistant":
            said += message.parts
            continue
        if said:
            messages.append(Message(role="assistant", parts=tuple(said)))
            said = []
        messages.append(message)
    if said:
        messages.append(Message(role="assistant", parts=tuple(said)))
    return messages, tools, {PLACED: placed} if placed else {}


def decode_one(f: Fields, ctx: Context) -> Message:
    kind = f.keep("type", str)
    if kind is None and f.peek("role") is None:
        raise invalid(f.at("type"), "required")
    if kind in (None, "message"):
        return decode_message(f)
    if kind == "function_call_output" and f.peek("call_id") is None:
        return decode_uncalled(f)
    if kind in RESULTS:
        return Message(role="user", parts=(decode_result(f, kind),))
    if (summary := compaction.opened(f.rest, f.path)) is not None:
        return Message(role="user", parts=(Text(text=summary),))
    if kind in OURS:
        opaque = Opaque(kind=kind or "", raw=f.rest, extra={ITEM: None})
        return Message(role="user", parts=(opaque,))
    return Message(role="assistant", parts=decode_item(f, ctx))


def decode_message(f: Fields) -> Message:
    role = f.need("role", str)
    if role not in ROLES:
        raise invalid(f.at("role"), f"{role!r:.60} is not one of {', '.join(ROLES)}")
    if f.peek("content") is None:
        raise invalid(f.at("content"), "required")
    if not isinstance(f.peek("content"), str | list):
        raise invalid(f.at("content"), f"expected a string or an array of parts, got {name_of(f.peek('content'))}")
    if ROLES[role] == "assistant":
        return Message(role="assistant", parts=decode_said(f))
    marks: Extra = {} if f.take("type", str) is not None else {UNTYPED: None}
    if role == "developer":
        marks[QUIET + "role"] = role
    hush(f, "id", "status", "phase")
    parts = decode_contents(f, "content", "input_text")
    return Message(role=ROLES[role], parts=parts, extra=f.rest | marks)


def decode_result(f: Fields, kind: str) -> ToolResult:
    f.any("type")
    id = f.need("call_id", str) if kind != "function_call_output" else f.take("call_id", str) or ""
    if f.peek("output") is None:
        raise invalid(f.at("output"), "required")
    content = decode_contents(f, "output", "input_text")
    found = tuple(part for part in content if isinstance(part, Text | Media | Opaque))
    if len(found) < len(content):
        raise invalid(f.at("output"), "the result of a tool holds text and media")
    hush(f, "id", "status")
    if kind != "function_call_output":
        f.quiet("type", kind)
    return ToolResult(call_id=id, content=found, extra=f.rest)


UNCALLED = QUIET + "uncalled"
"""What a tool said unasked, as it came."""


def decode_uncalled(f: Fields) -> Message:
    """A result that answers no call: the API takes what a tool says unasked. Abroad the user tells of it."""
    raw, name = dict(f.rest), f.take("name", str)
    head = Text(text=f"[output of the tool {name}]:" if name else "[output of a tool]:")
    result = decode_result(f, "function_call_output")
    return Message(role="user", parts=(head, *result.content), extra=result.extra | {UNCALLED: raw})


# -- tools --------------------------------------------------------------------------

NAMESPACE = QUIET + "namespace"
"""The namespace a tool stands in."""
ADDED = QUIET + "added"
"""Marks a tool that stands in an item of the input, not in `tools`."""


def decode_tool(f: Fields) -> Tool:
    kind = f.need("type", str)
    match kind:
        case "function":
            return Tool(
                name=f.need("name", str),
                description=f.take("description", str),
                parameters=f.take("parameters", dict),
                strict=f.take("strict", bool),
                extra=f.rest,
            )
        case "custom":
            return decode_custom_tool(f)
        case _:
            return Tool(name=kind, server=kind, extra=f.rest)


def decode_custom_tool(f: Fields) -> Tool:
    """A tool that takes any text, or text of a grammar."""
    name, description = f.need("name", str), f.take("description", str)
    check(f.peek("format"), {"type": str, "syntax": str, "definition": str}, f.at("format"))
    format = f.peek("format") or {}
    if not format.get("definition") and "format" in f:
        hush(f, "format")
    if description is not None:
        f.quiet("description", description)
    f.quiet("type", "custom")
    tool = free_text(name, description, format.get("syntax"), format.get("definition"))
    return replace(tool, extra=f.rest)


def decode_tools(f: Fields, name: str) -> list[Tool]:
    """The tools of an array, those of namespaces among them, each knowing its namespace."""
    found: list[Tool] = []
    for wire, path in f.items(name):
        tool = Fields(wire, path)
        found += decode_namespace(tool) if tool.peek("type") == "namespace" else [decode_tool(tool)]
    return found


def decode_namespace(f: Fields) -> Iterator[Tool]:
    f.any("type")
    name = f.need("name", str)
    f.keep("description", str)
    inner = decode_tools(f, "tools")
    rest = f.rest
    for i, tool in enumerate(inner):
        own: Extra = {"namespace": rest} if rest and not i else {}
        yield replace(tool, extra=own | tool.extra | {NAMESPACE: name})


def decode_additional(f: Fields) -> list[Tool]:
    f.any("type")
    hush(f, "id", "role")
    found = decode_tools(f, "tools")
    rest = {name: value for name, value in f.rest.items() if name[:1] != QUIET}
    return [
        replace(tool, extra=({"item": rest} if rest and not i else {}) | tool.extra | {ADDED: None})
        for i, tool in enumerate(found)
    ]


def once(tools: list[Tool]) -> tuple[Tool, ...]:
    """Each name once: a tool that stands in no namespace wins over one that does (case 126)."""
    seen = {tool.name for tool in tools if NAMESPACE not in tool.extra and ADDED not in tool.extra}
    direct = {tool.name for tool in tools if NAMESPACE not in tool.extra}
    kept: list[Tool] = []
    for tool in tools:
        if NAMESPACE in tool.extra or ADDED in tool.extra:
            if tool.name in seen or (NAMESPACE in tool.extra and tool.name in direct):
                continue
            seen.add(tool.name)
        kept.append(tool)
    return tuple(kept)


# -- choice, format, thinking --------------------------------------------------------

MODES: dict[str, Literal["auto", "none", "required"]] = {"auto": "auto", "none": "none", "required": "required"}


def decode_choice(f: Fields) -> ToolChoice:
    parallel = f.take("parallel_tool_calls", bool)
    raw = f.peek("tool_choice")
    if raw is None:
        return ToolChoice(parallel=parallel)
    f.quiet("tool_choice", f.any("tool_choice"))
    if isinstance(raw, str):
        if raw not in MODES:
            raise invalid("tool_choice", f"{raw!r:.60} is not one of {', '.join(MODES)}, or an object")
        return ToolChoice(MODES[raw], parallel=parallel)
    choice = Fields(raw, "tool_choice")
    match choice.need("type", str):
        case "function" | "custom":
            return ToolChoice("tool", choice.need("name", str), parallel)
        case "allowed_tools":
            mode = choice.choice("mode", MODES) or "auto"
            names = tuple(allowed_name(Fields(tool, path)) for tool, path in choice.items("tools"))
            return ToolChoice(mode, None, parallel, names)
        case kind:
            return ToolChoice("tool", choice.keep("name", str) or kind, parallel)


def allowed_name(tool: Fields) -> str:
    """The name in {"type": "function", "name": ...}; a provider's own tool is called by its type."""
    kind = tool.need("type", str)
    return tool.need("name", str) if kind in ("function", "custom") else kind


def decode_format(text: Fields | None) -> Format | None:
    raw, inner = (text.peek("format"), text.maybe("format")) if text else (None, None)
    if text is None or inner is None:
        return None
    match inner.need("type", str):
        case "text":
            inner.quiet("type", "text")
            return None
        case "json_object":
            return Format()
        case "json_schema":
            schema = inner.take("schema", dict)
            if schema is None:
                text.quiet("format", raw)
            name, said = inner.need("name", str), inner.take("description", str)
            return Format(name=name, schema=schema, description=said, strict=inner.take("strict", bool))
        case kind:
            inner.rest["type"] = kind  # "grammar", "python": not of the API, but in its specification
            return None


EFFORTS: dict[str, Effort] = {effort: effort for effort in get_args(Effort)}


def decode_thinking(f: Fields) -> Thinking | None:
    raw, asked = f.peek("reasoning"), f.maybe("reasoning")
    if asked is None:
        return None
    f.quiet("reasoning", raw)
    summary = asked.any("summary") or asked.any("generate_summary")
    effort = asked.peek("effort")
    if effort is None or effort in EFFORTS:
        asked.any("effort")
    if effort is None and summary is None:
        return None
    return Thinking(effort=EFFORTS.get(effort or ""), visible=True if summary and summary != "none" else None)


def whole(f: Fields, name: str, least: int) -> int | None:
    """A whole number that JSON can carry on."""
    value = f.count(name, least)
    if value is not None and value >= 2**63:
        raise invalid(f.at(name), f"must be less than {2**63}")
    return value


def decode_logprobs(f: Fields) -> int | None:
    """How many alternatives are wanted for each token; their number alone asks for nothing."""
    check(f.peek("include"), KEPT["include"], "include")
    if LOGPROBS not in (f.peek("include") or ()):
        return None
    wanted = f.keep("top_logprobs", int)
    low, high = RANGES["top_logprobs"]
    if wanted and low <= wanted <= high:
        hush(f, "top_logprobs")
    return wanted or 0


def decode_request(wire: Wire, ctx: Context) -> Request:
    f = Fields(wire)
    model = f.take("model", str) or ""
    logprobs = decode_logprobs(f)
    check_kept(f)
    messages, added, placed = decode_input(f, ctx)
    if (told := f.take("instructions", str)) is not None:
        messages.insert(0, Message(role="system", parts=(Text(text=told),), extra={QUIET + "instructions": None}))
    text = f.maybe("text")
    terms = decode_terms(f, text.peek("verbosity") if text else None, *(name for name in TERMS if name != "store"))
    if text:
        hush(text, "verbosity")
    raw = f.peek("tools")
    tools = decode_tools(f, "tools")
    if any(NAMESPACE in tool.extra for tool in tools) or (raw and not tools):
        f.quiet("tools", raw)
    request = Request(
        origin=DIALECT,
        model=model,
        messages=tuple(messages),
        sampling=Sampling(
            max_tokens=whole(f, "max_output_tokens", 1),
            temperature=f.between("temperature", 0, 2),
            top_p=f.between("top_p", 0, 1),
            presence_penalty=f.between("presence_penalty", -2, 2),
            frequency_penalty=f.between("frequency_penalty", -2, 2),
        ),
        tools=once([*tools, *added]),
        tool_choice=decode_choice(f),
        format=decode_format(text),
        thinking=decode_thinking(f),
        logprobs=logprobs,
        stream=f.take("stream", bool),
        user=f.take("user", str),
        terms=terms,
    )
    return replace(request, extra=f.rest | placed)
