"""Neutral requests as Anthropic Messages bodies: as they were if they come from here, repaired and reported if not.

It knows no answer and no other dialect.
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from dragoman.core.choices import one_answer
from dragoman.core.codec import Context, Wire, clean, dumps
from dragoman.core.content import BUDGETS, budget_of, effort_of, legal_name, nearest
from dragoman.core.errors import invalid
from dragoman.core.ir import Json, Request, Thinking, Tool, ToolChoice
from dragoman.core.leaving import FILES, leave_request
from dragoman.core.schema import ANTHROPIC_OUTPUT, ANTHROPIC_STRICT, ANTHROPIC_TOOL, format_schema, tool_schema, unfit
from dragoman.core.schema_back import in_words
from dragoman.core.terms import lose_terms
from dragoman.core.tools import SEARCH as WEB_SEARCH
from dragoman.core.tools import does, leave_out
from dragoman.dialects.anthropic.turns import Turn, foreign_messages, opens_with_thinking, own_messages
from dragoman.dialects.anthropic.words import DIALECT, STANDARD, efforts_of, encode_cache, legal

DEFAULT_MAX_TOKENS = 4096
LEAST_BUDGET = 1024
BREAKPOINTS = 4
USER_ID = 512
EFFORTS = ("low", "medium", "high", "xhigh", "max")
SEARCH = {"type": "web_search_20250305", "name": "web_search"}
"""Other vendors' names of the web search, in small letters without dashes and dates."""
JSON_ONLY = "Answer with one valid JSON object and nothing else: no explanation, no code fence."
JSON_SCHEMA = "Answer with one valid JSON value that fits this JSON Schema, and nothing else: no code fence.\n"


def encode_request(request: Request, ctx: Context) -> Wire:
    ctx.going(request.origin, DIALECT)
    leave_request(request, ctx, FILES)
    return encode_own(request, ctx) if ctx.at_home else encode_foreign(request, ctx)


# -- at home -------------------------------------------------------------------


def encode_own(request: Request, ctx: Context) -> Wire:
    """The request as it was written, but for what the profile says this model cannot take."""
    system, messages = own_messages(request.messages, ctx)
    extra = dict(request.extra)
    thought = own_thinking(request, ctx, extra)
    config: Wire = {"effort": thought.effort} if thought.effort else {}
    schema = {"type": "json_schema", "schema": request.format.schema} if request.format else None
    legacy = request.format is not None and "output_format" in request.format.extra
    if schema and not legacy:
        config["format"] = schema
    sampling = own_sampling(request, ctx)
    wire: Wire = {
        "model": ctx.model or request.model or None,
        "messages": messages,
        "system": system,
        "max_tokens": thought.limit,
        "metadata": {"user_id": request.user} if request.user is not None else None,
        "stop_sequences": list(request.sampling.stop) or None,
        "stream": request.stream,
        **sampling,
        "tools": [own_tool(tool, ctx, f"tools[{i}]") for i, tool in enumerate(request.tools)] or None,
        "tool_choice": own_choice(request.tool_choice, extra),
        "thinking": thought.wire,
        "output_config": config or None,
        "output_format": schema if legacy else None,
    }
    return ctx.carry(clean(wire), extra, "")


def own_sampling(request: Request, ctx: Context) -> Wire:
    s = request.sampling
    wire = clean({"temperature": s.temperature, "top_p": s.top_p, "top_k": s.top_k})
    if ctx.profile.sampling:
        return wire
    for name, value in wire.items():
        if value != 1 or name == "top_k":  # 1 is what the model does anyway
            ctx.lose(f"sampling.{name}", "this model takes none")
    return {}


def own_tool(tool: Tool, ctx: Context, path: str) -> Wire:
    kind = tool.server or ("custom" if tool.extra.get("type") == [] else None)
    wire = clean(
        {
            "type": kind,
            "name": None if "name" in tool.extra else tool.name,
            "description": tool.description,
            "input_schema": tool.parameters,
            "strict": tool.strict,
            "cache_control": encode_cache(tool.cache) if tool.cache else None,
        }
    )
    return ctx.carry(wire, {name: value for name, value in tool.extra.items() if value != [] or name != "name"}, path)


def own_choice(choice: ToolChoice, extra: Wire) -> Wire | None:
    said = extra.get("tool_choice")
    if choice == ToolChoice() and (said is None or said == {}):
        return None
    return encode_choice(choice, explicit=True)


def own_thinking(request: Request, ctx: Context, extra: Wire) -> Thought:
    """What the client said, unless this model is told to think in another way."""
    t, limit, way = request.thinking, limited(request, ctx), ctx.profile.thinking
    leave_effort(extra, ctx)
    if t is None:
        return Thought(None, None, limit)
    mark = t.extra.get("type", ...)
    if t.effort == "none":
        return Thought({"type": "disabled"} if way != "none" else None, None, limit)
    said = "enabled" if t.budget is not None or mark == [] else "effort" if mark is ... else "adaptive"
    other = {"adaptive": said == "enabled", "level": said == "enabled", "budget": said == "adaptive", "none": True}
    if way and other[way]:
        extra.pop("thinking", None)
        return told(request, ctx)
    effort = known_effort(t.effort, ctx)
    if said == "effort":
        return Thought(None, effort, limit)
    if t.budget is not None and (t.budget < LEAST_BUDGET or limit < (request.sampling.max_tokens or 0)):
        return budgeted(request, t, ctx)
    wire = {"type": "auto" if mark == {} else said, "budget_tokens": t.budget, "display": display(t)}
    return Thought(clean(wire), effort, limit)


def leave_effort(extra: Wire, ctx: Context) -> None:
    """Takes an effort out that stands beside thinking that is off, where this model can be told none."""
    config = extra.get("output_config")
    if isinstance(config, dict) and "effort" in config and efforts_of(ctx.profile) == ():
        ctx.lose("output_config.effort", "this model is told none")
        extra["output_config"] = {name: value for name, value in config.items() if name != "effort"}


def known_effort(effort: str | None, ctx: Context) -> str | None:
    """The effort, or the nearest this model knows; None where it knows none."""
    known = efforts_of(ctx.profile)
    if effort and known == ():
        ctx.lose("thinking.effort", "this model is told none")
        return None
    level = nearest(effort, known or EFFORTS) if effort else None
    if level != effort:
        ctx.lose("thinking.effort", f"the nearest level is {level}", "clamped")
    return level


# -- from elsewhere ----------------------------------------------------------------


def encode_foreign(request: Request, ctx: Context) -> Wire:
    tools = [told for i, tool in enumerate(request.tools) if (told := encode_tool(tool, ctx, f"tools[{i}]"))]
    system, turns = foreign_messages(request.messages, ctx)
    tools, choice = choose_tools(request, tools, turns, ctx)
    thought = foreign_thinking(request, turns, choice, ctx)
    config: Wire = {"effort": thought.effort} if thought.effort else {}
    if schema := encode_format(request, system, ctx):
        config["format"] = schema
    user = request.user or request.terms.safety_identifier
    wire: Wire = {
        "model": ctx.model or request.model or None,
        "messages": [{"role": turn.role, "content": turn.blocks} for turn in turns],
        "system": system or None,
        "max_tokens": thought.limit,
        "metadata": {"user_id": user_id(user, ctx)} if user else None,
        "service_tier": STANDARD if request.terms.service_tier == "default" else None,
        "stop_sequences": stops(request, ctx) or None,
        "stream": request.stream or None,
        **encode_sampling(request, thought, ctx),
        "tools": tools or None,
        "tool_choice": choice if tools else None,
        "thinking": thought.wire,
        "output_config": config or None,
    }
    keep_breakpoints(wire, ctx)
    refuse_modalities(request, ctx)
    one_answer(request, ctx)
    served = ("service_tier",) if request.terms.service_tier == "default" else ()
    lose_terms(request, ctx, *served, *(("safety_identifier",) if not request.user else ()))
    if request.logprobs is not None:
        ctx.lose("logprobs", "Claude tells no probabilities")
    return ctx.carry(clean(wire), request.extra, "")


def user_id(user: str, ctx: Context) -> str:
    if len(user) <= USER_ID:
        return user
    ctx.lose("user", f"longer than {USER_ID} characters: shortened, the same way each time", "clamped")
    return legal_name(user, USER_ID)


def stops(request: Request, ctx: Context) -> list[str]:
    """White space alone is refused by the API."""
    found = [stop for stop in request.sampling.stop if stop.strip()]
    if len(found) < len(request.sampling.stop):
        ctx.lose("sampling.stop", "a stop sequence of white space is not taken")
    return found


def encode_sampling(request: Request, thought: Thought, ctx: Context) -> Wire:
    s, profile = request.sampling, ctx.profile
    if s.seed is not None:
        ctx.lose("sampling.seed", "no such setting")
    for name in ("presence_penalty", "frequency_penalty"):
        if getattr(s, name):
            ctx.lose(f"sampling.{name}", "no such setting")
    wire = clean({"temperature": s.temperature, "top_p": s.top_p, "top_k": s.top_k})
    why = None if profile.sampling else "this model takes none"
    if thought.on:
        why = why or "not with thinking"
    if why:
        for name, value in wire.items():
            if value != 1 or name == "top_k":  # 1 is what the model does anyway
                ctx.lose(f"sampling.{name}", why)
        return {}
    highest = min(1.0, profile.temperature_max if profile.temperature_max is not None else 1.0)
    if s.temperature is not None and s.temperature > highest:
        ctx.lose("sampling.temperature", f"the highest is {highest:g}", "clamped")
        wire["temperature"] = highest
    together = profile.top_p_beside_temperature
    if "temperature" in wire and not together and wire.pop("top_p", 1) != 1:
        ctx.lose("sampling.top_p", "not together with temperature")
    if s.top_k is not None and s.top_k < 1:
        del wire["top_k"]
    return wire


def refuse_modalities(request: Request, ctx: Context) -> None:
    asked = [name for name in request.modalities if name != "text"]
    if asked and "text" not in request.modalities:
        raise invalid("modalities", f"this provider answers in text only, not with {' or '.join(asked)}")
    for name, value in (("modalities", asked), ("speech", request.speech), ("picture", request.picture)):
        if value:
            ctx.lose(name, "this provider answers in text only")


def keep_breakpoints(wire: Wire, ctx: Context) -> None:
    """At most four cache marks: the last ones, which reach furthest."""
    blocks = [*(wire["tools"] or ()), *(wire["system"] or ())]
    for turn in wire["messages"]:
        blocks += turn["content"]
    marked = [block for block in blocks if "cache_control" in block]
    for block in marked[:-BREAKPOINTS]:
        del block["cache_control"]
        ctx.lose("cache", f"more than {BREAKPOINTS} cache marks: the last are kept", "clamped")


# -- tools ---------------------------------------------------------------------------


def choose_tools(
    request: Request, tools: list[Wire], turns: list[Turn], ctx: Context
) -> tuple[list[Wire], Wire | None]:
    """The tools that are told, and which of them is to be called."""
    choice = request.tool_choice
    if choice.allowed:
        allowed = {legal_name(name) for name in choice.allowed}
        tools = [tool for tool in tools if tool["name"] in allowed]
        ctx.lose("tool_choice.allowed", "only the allowed tools are sent", "emulated")
    if tools:
        chosen = replace(choice, name=legal(choice.name, ctx) if choice.name else None)
        return tools, encode_choice(chosen) if choice != ToolChoice() else None
    if choice.mode in ("required", "tool"):
        ctx.lose("tool_choice", "there are no tools")
    names = [call["name"] for turn in turns for call in turn.of("tool_use")]
    if not names:
        return [], None
    ctx.lose("tools", "the tools of earlier calls are named, and may not be called", "emulated")
    named = [{"name": name, "input_schema": {"type": "object", "properties": {}}} for name in dict.fromkeys(names)]
    return named, {"type": "none"}


def encode_tool(tool: Tool, ctx: Context, path: str) -> Wire | None:
    if tool.server is not None:
        if does(tool) != WEB_SEARCH:
            leave_out(tool, ctx, path)
            return None
        ctx.lose(path, f"sent as {SEARCH['type']}", "emulated")
        return ctx.carry(dict(SEARCH), tool.extra, path)
    at = f"{path}.parameters"
    strict = bool(tool.strict)
    if strict:
        held = ctx.profile.strict_tools
        why = unfit(tool.parameters, ANTHROPIC_STRICT, at) if held else "this model holds no tool to its schema"
        if why is not None:
            ctx.lose(f"{path}.strict", why)
            strict = False
    wire = clean(
        {
            "name": legal(tool.name, ctx),
            "description": tool.description,
            "input_schema": tool_schema(
                tool.name, tool.parameters, ANTHROPIC_STRICT if strict else ANTHROPIC_TOOL, ctx, at
            ),
            "strict": strict or None,
            "cache_control": encode_cache(tool.cache) if tool.cache else None,
        }
    )
    return ctx.carry(wire, tool.extra, path)


MODES = {"auto": "auto", "required": "any", "tool": "tool", "none": "none"}


def encode_choice(choice: ToolChoice, explicit: bool = False) -> Wire | None:
    """explicit: also where it says what holds anyway."""
    serial = None if choice.parallel is None or choice.mode == "none" else not choice.parallel
    if not explicit:
        serial = serial or None
        if choice.mode == "auto" and not serial:
            return None
    return clean({"type": MODES[choice.mode], "name": choice.name, "disable_parallel_tool_use": serial})


# -- format -----------------------------------------------------------------------------


def encode_format(request: Request, system: list[Wire], ctx: Context) -> Wire | None:
    """The format the API enforces; where it cannot, the wish is put to the model in words."""
    wished = request.format
    if wished is None:
        return None
    ctx.carry({}, wished.extra, "format")
    schema: Json = wished.schema
    if schema is None:
        ctx.lose("format", "asked for in the system prompt", "emulated")
        in_words(ctx)
        system.append({"type": "text", "text": JSON_ONLY})
        return None
    try:
        if wished.description and isinstance(schema, dict) and "description" not in schema:
            schema = schema | {"description": wished.description}
        why = unfit(schema, ANTHROPIC_OUTPUT, "format.schema") if ctx.profile.json_schema else "not held to a schema"
        if why is None:
            return {"type": "json_schema", "schema": format_schema(schema, ANTHROPIC_OUTPUT, ctx, "format.schema")}
        ctx.lose("format.schema", f"asked for in the system prompt: {why}", "emulated")
        in_words(ctx)
        system.append({"type": "text", "text": JSON_SCHEMA + dumps(schema)})
    except (RecursionError, UnicodeEncodeError):
        raise invalid("format.schema", "is nested too deeply, or holds half a character") from None
    return None


# -- thinking -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Thought:
    """How the model is told to think, and what that leaves of the limit."""

    wire: Wire | None
    effort: str | None
    limit: int | None

    @property
    def on(self) -> bool:
        return self.wire is not None and self.wire["type"] != "disabled"


def limited(request: Request, ctx: Context, more: int = 0) -> int:
    """max_tokens, which must be there: the client's, or the profile's and `more`; within what the model takes."""
    wish, profile = request.sampling.max_tokens, ctx.profile
    limit = wish if wish is not None else (profile.max_tokens or DEFAULT_MAX_TOKENS) + more
    if profile.max_tokens_limit is not None and limit > profile.max_tokens_limit:
        if wish is not None:
            ctx.lose("sampling.max_tokens", f"the limit is {profile.max_tokens_limit}", "clamped")
        return profile.max_tokens_limit
    return limit


def foreign_thinking(request: Request, turns: list[Turn], choice: Wire | None, ctx: Context) -> Thought:
    t = request.thinking
    if t is None:
        return Thought(None, None, limited(request, ctx))
    ctx.carry({}, t.extra, "thinking")
    if budget_of(t) == 0:
        return Thought({"type": "disabled"} if ctx.profile.thinking != "none" else None, None, limited(request, ctx))
    if choice and choice["type"] in ("any", "tool"):
        ctx.lose("thinking", "not with a tool that must be called")
        return Thought(None, None, limited(request, ctx))
    if turns[-1].role == "assistant":
        ctx.lose("thinking", "not where the answer is begun by the client")
        return Thought(None, None, limited(request, ctx))
    if ctx.profile.thinking in (None, "budget") and not opens_with_thinking(turns):
        ctx.lose("thinking", "the turn in progress has calls without signed reasoning")
        return Thought(None, None, limited(request, ctx))
    return told(request, ctx)


def told(request: Request, ctx: Context) -> Thought:
    """The wish in this model's way. What the API itself would refuse is never written."""
    t, profile = request.thinking or Thinking(), ctx.profile
    match profile.thinking:
        case "none":
            ctx.lose("thinking", "this model does not think")
            return Thought(None, None, limited(request, ctx))
        case "adaptive" | "level":
            if (t.budget or 0) > 0:
                ctx.lose("thinking.budget", "this model is told an effort, not a budget", "emulated")
            level = known_effort(effort_of(t), ctx)
            return Thought(clean({"type": "adaptive", "display": display(t)}), level, limited(request, ctx))
        case _:
            return budgeted(request, t, ctx)


def budgeted(request: Request, t: Thinking, ctx: Context) -> Thought:
    """A budget of 1,024 tokens or more and a limit above it (case 51).

    One the client named is kept, and the limit raised; one we made of an effort fits itself into the limit.
    """
    wish = budget_of(t)
    budget = max(LEAST_BUDGET, wish if wish is not None and wish > 0 else BUDGETS["medium"])
    if t.budget is not None and budget != t.budget > 0:
        ctx.lose("thinking.budget", f"the least is {LEAST_BUDGET}", "clamped")
    asked = request.sampling.max_tokens
    limit = limited(request, ctx, budget)
    if t.budget is None and asked is not None:
        budget = max(LEAST_BUDGET, min(budget, limit * 3 // 4))
    highest = ctx.profile.max_tokens_limit
    if budget >= limit and (highest is None or budget + limit <= highest):
        ctx.lose("sampling.max_tokens", "raised, to leave room for thinking", "emulated")
        limit += budget
    elif budget >= limit and highest is not None:
        ctx.lose("thinking.budget", f"the limit of the whole answer is {highest}", "clamped")
        limit, budget = highest, highest * 3 // 4
    if budget < LEAST_BUDGET:
        ctx.lose("thinking", f"the limit of {limit} tokens leaves no room for it")
        return Thought(None, None, limit)
    return Thought(clean({"type": "enabled", "budget_tokens": budget, "display": display(t)}), None, limit)


def display(t: Thinking) -> str | None:
    return None if t.visible is None else "summarized" if t.visible else "omitted"
