"""A request as a provider of Responses takes it.

It knows nothing of answers. What a provider takes is told by the profile, never by its name.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from dragoman.core.calls import in_turns
from dragoman.core.choices import one_answer
from dragoman.core.codec import QUIET, Context, Wire, clean, dumps
from dragoman.core.content import effort_of, legal_name, nearest
from dragoman.core.ir import Extra, Format, Json, Request, Sampling, Tool
from dragoman.core.leaving import FILES, leave_request
from dragoman.core.schema import OPENAI_LOOSE, OPENAI_STRICT, format_schema, tool_schema, unfit
from dragoman.core.schema_back import in_words
from dragoman.core.tools import CODE, SEARCH, does, leave_out, place
from dragoman.dialects.openai_responses.parts import DIALECT, spelled, without
from dragoman.dialects.openai_responses.request import ADDED, INCLUDED, LOGPROBS, PLACED
from dragoman.dialects.openai_responses.turns import Turns, own_input, tool_name
from dragoman.dialects.openai_terms import encode_terms, encode_verbosity

LEAST = 16
"""OpenAI refuses a smaller max_output_tokens."""


def encode_request(request: Request, ctx: Context) -> Wire:
    ctx.going(request.origin, DIALECT)
    leave_request(request, ctx, FILES)
    wire: Wire = {"model": ctx.model or request.model or None}
    settings = encode_settings(request, ctx)  # first, for earlier calls are spelled as their tools are
    if ctx.at_home:
        wire |= own_input(request.messages, request.extra.get(PLACED), ctx)
    else:
        turns = Turns(ctx)
        for i, message in in_turns(request.messages, ctx):
            turns.add(message, f"messages[{i}]")
        turns.close()
        turns.ask()
        wire |= {"instructions": "\n\n".join(turns.instructions) or None, "input": turns.items}
    wire |= settings | encode_format(request, ctx, wire.get("input"))
    if not ctx.at_home and (verbosity := encode_verbosity(request, ctx)):
        wire["text"] = wire.get("text", {}) | {"verbosity": verbosity}
    return written(wire, request, ctx)


def written(wire: Wire, request: Request, ctx: Context) -> Wire:
    """With the leftovers, but for wishes in the client's own words that this provider is not told."""
    refused = withheld(request, ctx)
    extra = {name: value for name, value in request.extra.items() if name.removeprefix(QUIET) not in refused}
    if ctx.at_home and ctx.profile.thinking == "none":
        extra = unreasoned(extra, ctx)
    return ctx.carry(clean(wire), without(extra, "placed"), "")


def unreasoned(extra: Extra, ctx: Context) -> Extra:
    """Without the wish for reasoning that this model has not got, and refuses to tell."""
    for name in ("include", QUIET + "include"):
        asked = extra.get(name)
        if isinstance(asked, list) and INCLUDED in asked:
            ctx.lose("include", "this model has no reasoning to tell")
            rest: list[Json] = [wish for wish in asked if wish != INCLUDED]
            others = {other: value for other, value in extra.items() if other != name}
            extra = others | {name: rest} if rest else others
    return extra


def withheld(request: Request, ctx: Context) -> set[str]:
    """Wishes this provider takes in no words."""
    p = ctx.profile
    refused: set[str] = set()
    if request.tool_choice.mode in ("required", "tool") and not p.tool_choice_required:
        refused.add("tool_choice")
    if request.thinking is not None and (p.thinking == "none" or not p.reasoning_effort):
        refused.add("reasoning")
    return refused


def encode_settings(request: Request, ctx: Context) -> Wire:
    """All of a request beside its input, and the form of its answer."""
    extra = request.extra
    wire = encode_sampling(request.sampling, ctx)
    wire |= encode_tools(request, ctx, extra)
    wire |= encode_thinking(request, ctx, extra)
    if not ctx.at_home:
        if request.stream:
            wire["stream"] = True
        wire |= {"store": False} | encode_terms(request, ctx)
        encode_logprobs(request, wire, ctx)
        ask_findings(request, wire)
        lose_media(request, ctx)
        one_answer(request, ctx)
    else:
        wire |= clean({"stream": request.stream})
    return wire | clean({"user": encode_user(request.user, ctx)})


def encode_logprobs(request: Request, wire: Wire, ctx: Context) -> None:
    if request.logprobs is None:
        return
    if not ctx.profile.logprobs:
        ctx.lose("logprobs", "this model tells no probabilities")
        return
    wire["include"] = [*wire.get("include", ()), LOGPROBS]
    if request.logprobs:
        wire["top_logprobs"] = request.logprobs


FINDINGS = {SEARCH: "web_search_call.action.sources", CODE: "code_interpreter_call.outputs"}


def ask_findings(request: Request, wire: Wire) -> None:
    """What OpenAI's own tools find is told only to those who ask, and other dialects always tell it."""
    asked = {FINDINGS[what]: None for tool in request.tools if (what := does(tool)) in FINDINGS}
    if asked:
        wire["include"] = [*wire.get("include", ()), *asked]


def lose_media(request: Request, ctx: Context) -> None:
    for name in request.modalities:
        if name != "text":
            ctx.lose("modalities", f"this model gives no {name}")
    wishes = {"format": request.format, "thinking": request.thinking}
    for name, node in (wishes | {"speech": request.speech, "picture": request.picture}).items():
        ctx.carry({}, node.extra if node else {}, name)
    for name, wish in {"speech": request.speech, "picture": request.picture}.items():
        if wish is not None:
            ctx.lose(name, "answers are text here")


def encode_user(user: str | None, ctx: Context) -> str | None:
    """OpenAI takes 64 characters; Claude Code's are longer (case 69)."""
    if user is None or len(user) <= 64 or ctx.at_home:
        return user
    ctx.lose("user", "longer than 64 characters", "clamped")
    return legal_name(user, 64)


# -- sampling --------------------------------------------------------------------


def encode_sampling(s: Sampling, ctx: Context) -> Wire:
    p = ctx.profile
    temperature, limit = s.temperature, s.max_tokens
    if temperature is not None and p.temperature_max is not None and temperature > p.temperature_max:
        ctx.lose("sampling.temperature", f"at most {p.temperature_max:g} here", "clamped")
        temperature = p.temperature_max
    if limit is not None and p.max_tokens_limit is not None and limit > p.max_tokens_limit:
        ctx.lose("sampling.max_tokens", f"at most {p.max_tokens_limit} here", "clamped")
        limit = p.max_tokens_limit
    if limit is not None and limit < LEAST and not ctx.at_home:
        ctx.lose("sampling.max_tokens", f"at least {LEAST} here", "clamped")
        limit = LEAST
    wire: Wire = {"temperature": temperature, "top_p": s.top_p, "max_output_tokens": limit}
    if not p.sampling:
        for name in ("temperature", "top_p"):
            if wire[name] is not None:
                ctx.lose(f"sampling.{name}", "this model takes no such setting")
                wire[name] = None
    others = {
        "top_k": s.top_k,
        "stop": s.stop or None,
        "seed": s.seed,
        "presence_penalty": s.presence_penalty,
        "frequency_penalty": s.frequency_penalty,
    }
    if ctx.at_home:
        return wire | {"presence_penalty": s.presence_penalty, "frequency_penalty": s.frequency_penalty}
    for name, value in others.items():
        if value is not None:
            ctx.lose(f"sampling.{name}", "not a setting of this API")
    return wire


# -- tools -----------------------------------------------------------------------


def encode_tools(request: Request, ctx: Context, extra: Extra) -> Wire:
    p, choice = ctx.profile, request.tool_choice
    own = ctx.at_home and not p.repair
    tools = [tool for tool in request.tools if not (ctx.at_home and ADDED in tool.extra)]
    wire: Wire = {}
    if not (ctx.at_home and spelled(extra, "tools")):
        wire["tools"] = [told for tool in tools if (told := encode_tool(tool, ctx))] or None
    if not request.tools and not ctx.at_home:
        return wire
    if choice.parallel is not None:
        if p.parallel_tool_calls or own:
            wire["parallel_tool_calls"] = choice.parallel
        elif not choice.parallel:
            ctx.lose("tool_choice.parallel", "this provider cannot be held to one call at a time")
    if choice.mode in ("required", "tool") and not p.tool_choice_required:
        ctx.lose("tool_choice", "this provider cannot be made to call a tool")
    elif not (ctx.at_home and spelled(extra, "tool_choice")):
        wire["tool_choice"] = encode_choice(request, ctx)
    return wire


def encode_choice(request: Request, ctx: Context) -> Json:
    choice = request.tool_choice
    if choice.allowed:
        tools = [{"type": "function", "name": tool_name(name, ctx)} for name in choice.allowed]
        mode = "required" if choice.mode == "required" else "auto"
        return {"type": "allowed_tools", "mode": mode, "tools": tools}
    if choice.mode == "tool":
        return {"type": "function", "name": tool_name(choice.name or "", ctx)}
    return None if choice.mode == "auto" else choice.mode


EQUALS: dict[str, Wire] = {
    SEARCH: {"type": "web_search"},
    CODE: {"type": "code_interpreter", "container": {"type": "auto"}},
}
"""OpenAI's own tools, by what they do."""


def encode_tool(tool: Tool, ctx: Context) -> Wire | None:
    path = place(tool, ctx, f"tools.{tool.name}")
    if tool.server is not None:
        if not ctx.at_home and (equal := EQUALS.get(does(tool) or "")):
            ctx.lose(path, f"sent as {equal['type']}", "emulated")
            return dict(equal)
        if not ctx.at_home:
            leave_out(tool, ctx, place(tool, ctx))
            return None
        return ctx.carry({"type": tool.server}, tool.extra, path)
    if ctx.at_home:
        return own_tool(tool, ctx, path)
    if tool.cache is not None:
        ctx.lose(f"{path}.cache", "this provider caches by itself")
    strict: bool | None = bool(tool.strict)  # the API's default is true, which not every schema bears
    if not ctx.profile.strict_tools:
        if tool.strict:
            ctx.lose(f"{path}.strict", "this provider does not hold calls to their schema")
        strict = None
    elif strict and (why := unfit(tool.parameters, OPENAI_STRICT)) is not None:
        ctx.lose(f"{path}.strict", why)
        strict = False
    target = OPENAI_STRICT if strict else OPENAI_LOOSE
    wire: Wire = {
        "type": "function",
        "name": tool_name(tool.name, ctx),
        "description": tool.description,
        "parameters": tool_schema(tool.name, tool.parameters, target, ctx, f"{path}.parameters"),
        "strict": strict,
    }
    return ctx.carry(clean(wire), tool.extra, path)


def own_tool(tool: Tool, ctx: Context, path: str) -> Wire:
    extra = without(tool.extra, "type", "added", "namespace")
    if spelled(tool.extra, "type"):
        return ctx.carry({"type": "custom", "name": tool.name}, extra, path)
    wire = {"name": tool.name, "description": tool.description, "parameters": tool.parameters, "strict": tool.strict}
    return ctx.carry({"type": "function"} | clean(wire), extra, path)


# -- thinking --------------------------------------------------------------------


def encode_thinking(request: Request, ctx: Context, extra: Extra) -> Wire:
    p, thinking = ctx.profile, request.thinking
    if thinking is None:
        return {}
    effort = effort_of(thinking)
    if p.thinking == "none" or not p.reasoning_effort:
        if effort != "none":
            ctx.lose("thinking", "this model does not think on demand")
        return {}
    known = nearest(effort, p.efforts) if effort is not None else None
    if known == effort and ctx.at_home and spelled(extra, "reasoning"):
        return {}
    if known != effort:
        ctx.lose("thinking.effort", f"{effort} is unknown here; {known} is the nearest", "clamped")
    if thinking.effort is None and thinking.budget is not None:
        ctx.lose("thinking.budget", "told as an effort", "emulated")
    shown = thinking.visible is not False and effort != "none"
    if ctx.at_home:
        own = extra.get(QUIET + "reasoning")
        return {"reasoning": (own if isinstance(own, dict) else {}) | {"effort": known}}
    wire: Wire = {"reasoning": clean({"effort": known, "summary": "auto" if shown else None})}
    return wire if effort == "none" else wire | {"include": [INCLUDED]}


# -- the form of the answer --------------------------------------------------------


def encode_format(request: Request, ctx: Context, input: Json = None) -> Wire:
    p, format = ctx.profile, request.format
    if format is None:
        return {}
    if ctx.at_home:
        text = request.extra.get("text")
        raw = isinstance(text, dict) and spelled(text, "format")
        return {} if raw else {"text": {"format": own_format(format)}}
    if format.schema is not None and p.json_schema:
        return {"text": {"format": foreign_format(format, ctx)}}
    if format.schema is not None or b"json" not in msgspec.json.encode(input).lower():
        ctx.lose("format", "the form of the answer is asked for in the prompt", "emulated")
        in_words(ctx)
        if isinstance(input, list):
            content = [{"type": "input_text", "text": wish(format)}]
            input.insert(0, {"type": "message", "role": "system", "content": content})
    return {"text": {"format": {"type": "json_object"}}}


def foreign_format(format: Format, ctx: Context) -> Wire:
    strict = format.strict
    if strict and (why := unfit(format.schema, OPENAI_STRICT)) is not None:
        ctx.lose("format.strict", why)
        strict = None
    schema = format_schema(format.schema, OPENAI_STRICT if strict else OPENAI_LOOSE, ctx, "format.schema")
    return own_format(replace(format, name=legal_name(format.name), schema=schema, strict=strict))


def own_format(format: Format) -> Wire:
    if format.schema is None:
        return {"type": "json_object"}
    return clean(
        {
            "type": "json_schema",
            "name": format.name,
            "description": format.description,
            "schema": format.schema,
            "strict": format.strict,
        }
    )


def wish(format: Format) -> str:
    if format.schema is None:
        return "Answer with a JSON object and nothing else."
    told = f"\n{format.description}" if format.description else ""
    return f"Answer with JSON that fits this JSON Schema, and with nothing else:{told}\n{dumps(format.schema)}"
