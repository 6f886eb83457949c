"""Requests as clients of Converse write them, to the neutral form.

It knows no answer. Every mistake is named by its path in the client's own body.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec.structs import replace

from dragoman.core.codec import QUIET, Context, Fields, Wire
from dragoman.core.content import EFFORTS
from dragoman.core.errors import invalid
from dragoman.core.ir import Format, Json, Message, Request, Role, Sampling, Thinking, Tool, ToolChoice
from dragoman.dialects.bedrock_converse.parts import BLOCKS, SYSTEM, decode_content
from dragoman.dialects.bedrock_converse.words import DIALECT, decode_cache, is_point

T = TypeVar("T")
ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system"}
KEPT: dict[str, type] = {
    "guardrailConfig": dict,
    "promptVariables": dict,
    "additionalModelResponseFieldPaths": list,
    "requestMetadata": dict,
    "performanceConfig": dict,
    "serviceTier": dict,
}
"""Known fields without a neutral name: their type is checked, and they go home as they are."""


def decode_request(wire: Wire, ctx: Context) -> Request:
    f = Fields(wire)
    messages = [*decode_system(f, ctx.model), *decode_messages(f, ctx.model)]
    for name, kind in KEPT.items():
        f.keep(name, kind)
    wishes, config, output = (maybe(f, name) for name in ("inferenceConfig", "toolConfig", "outputConfig"))
    more = nested(f, "additionalModelRequestFields")
    return Request(
        origin=DIALECT,
        model="",  # it is in the path
        messages=tuple(messages),
        sampling=decode_sampling(wishes, more),
        tools=decode_tools(config) if config else (),
        tool_choice=decode_choice(config) if config else ToolChoice(),
        format=decode_format(output) if output else None,
        thinking=decode_thinking(output, more),
        extra=f.rest,
    )


def maybe(f: Fields, name: str) -> Fields | None:
    """A nested object, if it is there with something in it; raises where it is anything but an object."""
    f.keep(name, dict)
    return f.maybe(name)


def spelled(f: Fields | None, name: str, kind: type[T]) -> T | None:
    """A field that is understood if it is of that type, and in any case goes home as it was written."""
    value = f.peek(name) if f else None
    if f is None or type(value) is not kind:
        return None
    f.quiet(name, f.any(name))
    return value


# -- messages ----------------------------------------------------------------


def decode_system(f: Fields, model: str) -> list[Message]:
    parts = decode_content(f.items("system"), model, SYSTEM)
    return [Message(role="system", parts=parts)] if parts else []


def decode_messages(f: Fields, model: str) -> list[Message]:
    if "messages" not in f and "promptVariables" not in f:
        raise invalid("messages", "must hold at least one message")
    return [decode_message(wire, path, model) for wire, path in f.items("messages")]


def decode_message(wire: Json, path: str, model: str) -> Message:
    f = Fields(wire, path)
    role = f.choice("role", ROLES)
    if role is None:
        raise invalid(f.at("role"), "required")
    if f.peek("content") is None:
        raise invalid(f.at("content"), "required")
    if role == "system":
        f.quiet("role", "system")  # it stood among the messages
    return Message(role=role, parts=decode_content(f.items("content"), model, BLOCKS), extra=f.rest)


# -- tools ------------------------------------------------------------------------


def decode_tools(config: Fields) -> tuple[Tool, ...]:
    """A cache point, which is an element of its own here, is a mark of the tool before it."""
    tools: list[Tool] = []
    for wire, path in config.items("tools"):
        if tools and is_point(wire) and tools[-1].cache is None and RAW not in tools[-1].extra:
            cache, left = decode_cache(wire, path)
            extra = tools[-1].extra | ({"cachePoint": left} if left else {})
            tools[-1] = replace(tools[-1], cache=cache, extra=extra)
        else:
            tools.append(decode_tool(wire, path))
    return tuple(tools)


RAW = QUIET + "raw"
"""In a tool's leftovers: the whole of one that is of no known kind."""


def decode_tool(wire: Json, path: str) -> Tool:
    f = Fields(wire, path)
    if wire.get("systemTool") is not None:
        name = f.sub("systemTool").need("name", str)
        return Tool(name=name, server=name, extra=f.rest)
    if wire.get("toolSpec") is None:
        kind = next(iter(wire), "tool")
        return Tool(name=kind, server=kind, extra={RAW: wire})
    g = f.sub("toolSpec")
    name = g.need("name", str)
    if not name:
        raise invalid(g.at("name"), "must not be empty")
    schema = maybe(g, "inputSchema")
    return Tool(
        name=name,
        description=g.take("description", str),
        parameters=schema.take("json", dict) if schema else None,
        strict=g.take("strict", bool),
        extra=f.rest,
    )


def decode_choice(config: Fields) -> ToolChoice:
    g = maybe(config, "toolChoice")
    if g is None:
        return ToolChoice()
    if g.peek("tool") is not None:
        t = g.sub("tool")
        name = t.need("name", str)
        t.quiet("name", name)
        return ToolChoice("tool", name)
    for word in ("any", "auto"):
        maybe(g, word)
    return ToolChoice("required") if g.peek("any") is not None else ToolChoice()


# -- settings ----------------------------------------------------------------------


def decode_sampling(f: Fields | None, more: Fields | None) -> Sampling:
    """more: additionalModelRequestFields, where each vendor has its own word for the rest."""
    inner = nested(more, "inferenceConfig")
    top_k = spelled(more, "top_k", int)
    if top_k is None:
        top_k = spelled(inner, "topK", int)
    if f is None:
        return Sampling(top_k=top_k)
    return Sampling(
        max_tokens=f.count("maxTokens"),
        temperature=f.between("temperature", 0, 1),
        top_p=f.between("topP", 0, 1),
        top_k=top_k,
        stop=f.strings("stopSequences"),
    )


def decode_format(output: Fields) -> Format | None:
    g = maybe(output, "textFormat")
    if g is None or g.keep("type", str) != "json_schema":
        return None
    h = g.sub("structure").sub("jsonSchema")
    text = h.need("schema", str)
    h.quiet("schema", text)
    spelled(g, "type", str)
    try:
        schema = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        raise invalid(h.at("schema"), "is not the JSON of a schema") from None
    if not isinstance(schema, dict):
        raise invalid(h.at("schema"), "is not the JSON of a schema")
    name, description = spelled(h, "name", str), spelled(h, "description", str)
    return Format(schema=schema, name=name or "response", description=description)


def decode_thinking(output: Fields | None, more: Fields | None) -> Thinking | None:
    """What is asked of Claude, of Nova or of OpenAI's models, each in its own words; nothing else is understood."""
    claude, nova, config = (nested(more, name) for name in ("thinking", "reasoningConfig", "output_config"))
    wishes = ((output, "effort"), (config, "effort"), (nova, "maxReasoningEffort"), (more, "reasoning_effort"))
    effort = None
    for f, name in wishes:
        if f and f.peek(name) in EFFORTS:
            said = spelled(f, name, str)
            effort = next(word for word in EFFORTS if word == said)
    kind = None
    for f in (claude, nova):
        if f and f.peek("type") in ("enabled", "adaptive", "disabled"):
            kind = spelled(f, "type", str)
    budget = spelled(claude, "budget_tokens", int)
    visible = None
    if claude and claude.peek("display") in ("summarized", "omitted"):
        visible = spelled(claude, "display", str) == "summarized"
    if kind == "disabled":
        return Thinking(effort="none")
    if kind is None:
        return Thinking(effort=effort) if effort else None
    return Thinking(effort=effort, budget=budget if budget and budget > 0 else None, visible=visible)


def nested(f: Fields | None, name: str) -> Fields | None:
    return f.maybe(name) if f and isinstance(f.peek(name), dict) else None
