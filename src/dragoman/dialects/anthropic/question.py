"""Requests as clients of Anthropic Messages write them, to the neutral form.

It knows no answer. Every mistake is named by its path in the client's own body.
"""

from __future__ import annotations

from dragoman.core.codec import Fields, Wire, name_of
from dragoman.core.content import EFFORTS
from dragoman.core.errors import invalid
from dragoman.core.ir import (
    AnyPart,
    Effort,
    Format,
    Json,
    Message,
    Request,
    Role,
    Sampling,
    Terms,
    Text,
    Thinking,
    Tool,
    ToolChoice,
)
from dragoman.dialects.anthropic.parts import ASKED, decode_part
from dragoman.dialects.anthropic.words import ATTRIBUTION, DIALECT, STANDARD, decode_cache

ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system"}
KEPT: dict[str, type] = {
    "anthropic_beta": list,
    "anthropic_version": str,
    "betas": list,
    "cache_control": dict,
    "context_management": dict,
    "diagnostics": dict,
    "inference_geo": str,
    "mcp_servers": list,
    "service_tier": str,
    "speed": str,
    "thread": dict,
}
"""Known fields without a neutral name: their type is checked, and they go home as they are."""


def decode_request(wire: Wire, *, limited: bool = True) -> Request:
    """limited: whether max_tokens must be there; only counting does without."""
    f = Fields(wire)
    model = f.take("model", str)
    if model is None and "anthropic_version" not in f:  # Google's and Amazon's bodies, whose model is in the path
        raise invalid("model", "required")
    if model == "":
        raise invalid("model", "must not be empty")
    max_tokens = f.count("max_tokens", 0)  # 0 fills the prompt cache and answers nothing (the API's own words)
    if limited and max_tokens is None:
        raise invalid("max_tokens", "required")
    messages = [*decode_system(f), *decode_messages(f)]
    for name, kind in KEPT.items():
        f.keep(name, kind)
    if not isinstance(f.peek("container"), str | dict | None):
        raise invalid("container", f"expected a string or an object, got {name_of(f.peek('container'))}")
    sampling = Sampling(
        max_tokens=max_tokens,
        temperature=f.between("temperature", 0, 1),
        top_p=f.between("top_p", 0, 1),
        top_k=f.count("top_k", 0),
        stop=f.strings("stop_sequences"),
    )
    choice, chosen = decode_choice(f)
    config, metadata = maybe(f, "output_config"), maybe(f, "metadata")
    thinking, format = decode_thinking(f, config), decode_format(f, config)
    return Request(
        origin=DIALECT,
        model=model or "",
        messages=tuple(messages),
        sampling=sampling,
        tools=tuple(decode_tool(tool, path) for tool, path in f.items("tools")),
        tool_choice=choice,
        format=format,
        thinking=thinking,
        stream=f.take("stream", bool),
        user=metadata.take("user_id", str) if metadata else None,
        terms=decode_terms(f),
        extra=f.rest | chosen if "tool_choice" not in f.rest else f.rest,
    )


def decode_terms(f: Fields) -> Terms:
    """`standard_only` is what others call the default; `auto` is what happens anyway."""
    tier = f.peek("service_tier")
    if tier in ("auto", STANDARD):
        f.quiet("service_tier", f.any("service_tier"))
    return Terms(service_tier="default" if tier == STANDARD else None)


# -- messages -----------------------------------------------------------------


def decode_system(f: Fields) -> list[Message]:
    """The system prompt, without Claude Code's attribution: that goes home only, to where it stood."""
    content = f.peek("system")
    match content:
        case None | []:
            return []
        case str():
            line, rest = attribution(content)
            if line and not rest:
                return []
            f.any("system")
            extra: Wire = {"content": None} | ({ATTRIBUTION: line} if line else {})
            return [Message(role="system", parts=(Text(text=rest),), extra=extra)]
        case list():
            attributed = [isinstance(block, dict) and is_attribution(block.get("text")) for block in content]
            if all(attributed):
                return []
            f.any("system")
            pairs = list(zip(content, attributed, strict=True))
            parts = [decode_part(block, f"system[{i}]", ASKED) for i, (block, ours) in enumerate(pairs) if not ours]
            taken = [[i, block] for i, (block, ours) in enumerate(pairs) if ours]
            return [Message(role="system", parts=tuple(parts), extra={ATTRIBUTION: taken} if taken else {})]
        case _:
            raise invalid("system", f"expected a string or an array of blocks, got {name_of(content)}")


def is_attribution(text: Json) -> bool:
    return isinstance(text, str) and text.startswith(ATTRIBUTION) and "\n" not in text.strip()


def attribution(text: str) -> tuple[str, str]:
    """The first line, if it is Claude Code's attribution, and the rest."""
    if not text.startswith(ATTRIBUTION):
        return "", text
    line, end, rest = text.partition("\n")
    return line + end, rest


def decode_messages(f: Fields) -> list[Message]:
    wires = f.need("messages", list)
    if not wires:
        raise invalid("messages", "must hold at least one message")
    return [decode_message(wire, f"messages[{i}]") for i, wire in enumerate(wires)]


def decode_message(wire: Json, path: str) -> Message:
    f = Fields(wire, path)
    role = f.choice("role", ROLES)
    if role is None:
        raise invalid(f.at("role"), "required")
    marks: Wire = {"role": None} if role == "system" else {}  # it stood among the messages
    content = f.any("content")
    match content:
        case str():
            parts: tuple[AnyPart, ...] = (Text(text=content),)
            marks["content"] = None
        case list():
            at = f.at("content")
            parts = tuple([decode_part(block, f"{at}[{i}]", ASKED) for i, block in enumerate(content)])
        case None:
            raise invalid(f.at("content"), "required")
        case _:
            raise invalid(f.at("content"), f"expected a string or an array of blocks, got {name_of(content)}")
    return Message(role=role, parts=parts, extra=f.rest | marks)


# -- tools ------------------------------------------------------------------------


def decode_tool(wire: Json, path: str) -> Tool:
    f = Fields(wire, path)
    kind = f.take("type", str)
    server = None if kind in (None, "custom") else kind
    marks: Wire = {"type": []} if kind == "custom" else {}
    cache = decode_cache(f)
    if server is not None:
        name = f.take("name", str)
        if name is None:  # an mcp_toolset has none
            name = server
            if "name" not in f.rest:
                marks["name"] = []
        return Tool(name=name, server=server, cache=cache, extra=f.rest | marks)
    name = f.need("name", str)
    if not name:
        raise invalid(f.at("name"), "must not be empty")
    return Tool(
        name=name,
        description=f.take("description", str),
        parameters=f.take("input_schema", dict),
        strict=f.take("strict", bool),
        cache=cache,
        extra=f.rest | marks,
    )


MODES: dict[str, str] = {"auto": "auto", "any": "required", "tool": "tool", "none": "none"}


def decode_choice(f: Fields) -> tuple[ToolChoice, Wire]:
    """The choice, and the mark of one that was said although it is the default."""
    g = maybe(f, "tool_choice")
    if g is None:
        return ToolChoice(), {}
    kind = g.need("type", str)
    if kind not in MODES:
        raise invalid(g.at("type"), f"{kind!r:.60} is not one of {', '.join(MODES)}")
    name = g.need("name", str) if kind == "tool" else None
    serial = None if kind == "none" else g.take("disable_parallel_tool_use", bool)
    parallel = None if serial is None else not serial
    match kind:
        case "any":
            return ToolChoice("required", None, parallel), {}
        case "tool":
            return ToolChoice("tool", name, parallel), {}
        case "none":
            return ToolChoice("none"), {}
        case _:
            return ToolChoice("auto", None, parallel), {"tool_choice": []}


# -- thinking, format ------------------------------------------------------------------


def maybe(f: Fields, name: str) -> Fields | None:
    """A nested object, if it is there with something in it; raises where it is anything but an object."""
    f.keep(name, dict)
    return f.maybe(name)


def decode_thinking(f: Fields, config: Fields | None) -> Thinking | None:
    """What `thinking` and `output_config.effort` say together; the mark "type" tells how it was said."""
    g = maybe(f, "thinking")
    if g is None:
        effort = decode_effort(config)
        return Thinking(effort=effort) if effort else None
    kind = g.need("type", str)
    budget: int | None = None
    marks: Wire = {}
    match kind:
        case "disabled":
            return Thinking(effort="none")
        case "enabled":
            budget = g.count("budget_tokens")
            if budget is None:  # an error at the API itself; servers beside it know no budget
                marks["type"] = []
        case "adaptive":
            marks["type"] = None
        case "auto":
            marks["type"] = {}
        case _:
            raise invalid(g.at("type"), f"{kind!r:.60} is not one of enabled, adaptive, disabled")
    visible = {"summarized": True, "omitted": False}.get(g.keep("display", str) or "")
    if visible is not None:
        g.any("display")
    return Thinking(effort=decode_effort(config), budget=budget, visible=visible, extra=marks)


def decode_effort(config: Fields | None) -> Effort | None:
    """Takes output_config.effort; a level that is not known stays where it is."""
    word = config.keep("effort", str) if config else None
    for effort in EFFORTS:
        if config and word == effort:
            config.any("effort")
            return effort
    return None


def decode_format(f: Fields, config: Fields | None) -> Format | None:
    g = maybe(config, "format") if config else None
    marks: Wire = {}
    if g is None:
        g, marks = maybe(f, "output_format"), {"output_format": None}  # the name it had in its beta
    if g is None:
        return None
    if g.keep("type", str) is None:
        raise invalid(g.at("type"), "required")
    if g.peek("type") != "json_schema":
        return None
    g.any("type")
    return Format(schema=g.need("schema", dict), strict=True, extra=marks)  # it is always enforced
