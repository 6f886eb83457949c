"""Neutral requests as Converse bodies: as they were if they come from here, repaired and reported if not.

It knows no answer and no other dialect; how each vendor's models are told to think is data here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain

from dragoman.core.calls import distinct
from dragoman.core.choices import one_answer
from dragoman.core.codec import Context, Wire, clean, dumps
from dragoman.core.content import BUDGETS, budget_of, effort_of, legal_name, nearest
from dragoman.core.errors import invalid
from dragoman.core.ir import Json, Message, Reasoning, Request, Thinking, Tool, ToolCall, ToolResult
from dragoman.core.leaving import FILES, leave_request
from dragoman.core.schema import ANTHROPIC_OUTPUT, ANTHROPIC_STRICT, ANTHROPIC_TOOL, format_schema, tool_schema, unfit
from dragoman.core.schema_back import in_words
from dragoman.core.terms import lose_terms
from dragoman.core.tools import CODE, SEARCH, does, leave_out
from dragoman.dialects.bedrock_converse.parts import encode_own as own_blocks
from dragoman.dialects.bedrock_converse.parts import within
from dragoman.dialects.bedrock_converse.question import RAW
from dragoman.dialects.bedrock_converse.turns import Turn, Writer, foreign_turns
from dragoman.dialects.bedrock_converse.words import DIALECT, encode_cache, issuer_of, legal

LEAST_BUDGET = 1024
BREAKPOINTS = 4
EFFORTS = {"anthropic": ("low", "medium", "high", "xhigh", "max")}
ELSEWHERE = ("low", "medium", "high")
"""The efforts Nova and OpenAI's open models know."""
SYSTEM_TOOLS = {SEARCH: "nova_grounding", CODE: "nova_code_interpreter"}
"""Amazon's own models have these."""
JSON_ONLY = "Answer with one valid JSON object and nothing else: no explanation, no code fence."
JSON_SCHEMA = "Answer with one valid JSON value that fits this JSON Schema, and nothing else: no code fence.\n"


def encode_request(request: Request, ctx: Context) -> Wire:
    ctx.going(request.origin, DIALECT)
    leave_request(request, ctx, FILES)
    return encode_own(request, ctx) if ctx.at_home else encode_foreign(distinct(request), ctx)


# -- at home -------------------------------------------------------------------


def encode_own(request: Request, ctx: Context) -> Wire:
    """The request as it was written."""
    system: list[Wire] = []
    messages: list[Wire] = []
    for i, message in enumerate(request.messages):
        path = f"messages[{i}]"
        content = own_content(message, ctx, path)
        if message.role == "system" and not message.extra and not messages:
            system += content
            continue
        wire: Wire = {"role": message.role, "content": content} if content else {"role": message.role}
        messages.append(ctx.carry(wire, message.extra, path))
    s = request.sampling
    wishes = clean({"maxTokens": s.max_tokens, "temperature": s.temperature, "topP": s.top_p})
    if s.stop:
        wishes["stopSequences"] = list(s.stop)
    tools = [block for i, tool in enumerate(request.tools) for block in own_tool(tool, ctx, f"tools[{i}]")]
    wire = clean(
        {
            "messages": messages or None,
            "system": system or None,
            "inferenceConfig": wishes or None,
            "toolConfig": {"tools": tools} if tools else None,
        }
    )
    return ctx.carry(wire, request.extra, "")


def own_content(message: Message, ctx: Context, path: str) -> list[Wire]:
    """Thoughts that another vendor's model signed meanwhile stay behind."""
    blocks: list[Wire] = []
    for j, part in enumerate(message.parts):
        at = f"{path}.parts[{j}]"
        issuers = (issuer_of(ctx.model), "bedrock")
        if isinstance(part, Reasoning) and part.signature and ctx.model and part.signature.issuer not in issuers:
            ctx.lose(at, f"only {part.signature.issuer} can read its signature")
            continue
        blocks += own_blocks(part, ctx, at)
    return blocks


def own_tool(tool: Tool, ctx: Context, path: str) -> list[Wire]:
    if RAW in tool.extra:
        return [dict(tool.extra[RAW])]
    extra = {name: value for name, value in tool.extra.items() if name != "cachePoint"}
    if tool.server is not None:
        wire: Wire = {"systemTool": {"name": tool.name}}
    else:
        spec = clean({"name": tool.name, "description": tool.description, "strict": tool.strict})
        if tool.parameters is not None:
            spec["inputSchema"] = {"json": tool.parameters}
        wire = {"toolSpec": spec}
    blocks = [ctx.carry(wire, extra, path)]
    if tool.cache:
        blocks.append(ctx.carry(encode_cache(tool.cache, True), within(tool.extra, "cachePoint"), path))
    return blocks


# -- from elsewhere ----------------------------------------------------------------


@dataclass
class Asked:
    """The settings of a body in the making."""

    wishes: Wire = field(default_factory=dict)  # inferenceConfig
    more: Wire = field(default_factory=dict)  # additionalModelRequestFields
    thinks: bool = False


def encode_foreign(request: Request, ctx: Context) -> Wire:
    tools = [block for i, tool in enumerate(request.tools) for block in encode_tool(tool, ctx, f"tools[{i}]")]
    placed, turns = foreign_turns(request.messages, ctx)
    writer = Writer(ctx)
    system = writer.system(placed)
    messages = [writer.turn(turn) for turn in turns]
    tools, choice = choose_tools(request, tools, turns, ctx)
    asked = Asked()
    if request.sampling.max_tokens is not None:
        asked.wishes["maxTokens"] = limited(request.sampling.max_tokens, ctx)
    think(request, turns, choice, asked, ctx)
    encode_sampling(request, asked, ctx)
    format = encode_format(request, system, ctx)
    refuse_modalities(request, ctx)
    one_answer(request, ctx)
    lose_terms(request, ctx)
    if request.logprobs is not None:
        ctx.lose("logprobs", "no probabilities are told")
    if request.user:
        ctx.lose("user", "no such setting")
    wire: Wire = {
        "messages": messages,
        "system": system or None,
        "inferenceConfig": asked.wishes or None,
        "toolConfig": clean({"tools": tools, "toolChoice": choice}) if tools else None,
        "outputConfig": {"textFormat": format} if format else None,
        "additionalModelRequestFields": asked.more or None,
        "additionalModelResponseFieldPaths": PATHS if told_sequences(asked, ctx) else None,
    }
    keep_breakpoints(wire, ctx)
    return ctx.carry(clean(wire), request.extra, "")


PATHS = ["/stop_sequence", "/delta/stop_sequence"]
"""Where Claude says which stop sequence was met: in a whole answer and in a stream."""


def told_sequences(asked: Asked, ctx: Context) -> bool:
    return "stopSequences" in asked.wishes and ctx.profile.model_fields == "anthropic"


def limited(limit: int, ctx: Context) -> int:
    highest = ctx.profile.max_tokens_limit
    if highest is not None and limit > highest:
        ctx.lose("sampling.max_tokens", f"the limit is {highest}", "clamped")
        return highest
    return max(1, limit)


def encode_sampling(request: Request, asked: Asked, ctx: Context) -> None:
    s, profile = request.sampling, ctx.profile
    if s.seed is not None:
        ctx.lose("sampling.seed", "no such setting")
    for name in ("presence_penalty", "frequency_penalty"):
        if getattr(s, name):
            ctx.lose(f"sampling.{name}", "no such setting")
    if stop := [sequence for sequence in s.stop if sequence.strip()]:
        asked.wishes["stopSequences"] = stop
    if len(stop) < len(s.stop):
        ctx.lose("sampling.stop", "a stop sequence of white space is not taken")
    wishes = clean({"temperature": s.temperature, "top_p": s.top_p, "top_k": s.top_k})
    thinks = asked.thinks and profile.model_fields == "anthropic"
    if thinks or not profile.sampling:
        for name, value in wishes.items():
            if value != 1 or name == "top_k":  # 1 is what the model does anyway
                ctx.lose(f"sampling.{name}", "not with thinking" if profile.sampling else "this model takes none")
        return
    highest = min(1.0, profile.temperature_max if profile.temperature_max is not None else 1.0)
    if s.temperature is not None and s.temperature > highest:
        ctx.lose("sampling.temperature", f"the highest is {highest:g}", "clamped")
        wishes["temperature"] = highest
    if "temperature" in wishes and not profile.top_p_beside_temperature and wishes.pop("top_p", 1) != 1:
        ctx.lose("sampling.top_p", "not together with temperature")
    if wishes.pop("top_k", 0) > 0:
        encode_top_k(s.top_k, asked, ctx)
    asked.wishes |= {{"top_p": "topP"}.get(name, name): value for name, value in wishes.items()}


def encode_top_k(top_k: int | None, asked: Asked, ctx: Context) -> None:
    match ctx.profile.model_fields:
        case "anthropic":
            asked.more["top_k"] = top_k
        case "nova":
            asked.more["inferenceConfig"] = {"topK": top_k}
        case _:
            ctx.lose("sampling.top_k", "no such setting")


def refuse_modalities(request: Request, ctx: Context) -> None:
    asked = [name for name in request.modalities if name != "text"]
    if asked and "text" not in request.modalities:
        raise invalid("modalities", f"this provider answers in text only, not with {' or '.join(asked)}")
    for name, value in (("modalities", asked), ("speech", request.speech), ("picture", request.picture)):
        if value:
            ctx.lose(name, "this provider answers in text only")


def keep_breakpoints(wire: Wire, ctx: Context) -> None:
    """At most four cache points: the last ones, which reach furthest."""
    lists = [(wire["toolConfig"] or {}).get("tools", []), wire["system"] or []]
    lists += [message["content"] for message in wire["messages"]]
    over = sum("cachePoint" in block for block in chain.from_iterable(lists)) - BREAKPOINTS
    for blocks in lists:
        for block in [block for block in blocks if "cachePoint" in block][: max(0, over)]:
            del blocks[next(i for i, one in enumerate(blocks) if one is block)]
            over -= 1
            ctx.lose("cache", f"more than {BREAKPOINTS} cache marks: the last are kept", "clamped")


# -- tools ---------------------------------------------------------------------------


def encode_tool(tool: Tool, ctx: Context, path: str) -> list[Wire]:
    if tool.server is not None:
        own = SYSTEM_TOOLS.get(does(tool) or "") if ctx.profile.model_fields == "nova" else None
        if own is None:
            leave_out(tool, ctx, path)
            return []
        ctx.lose(path, f"sent as {own}", "emulated")
        return [ctx.carry({"systemTool": {"name": own}}, tool.extra, path)]
    at = f"{path}.parameters"
    strict = bool(tool.strict)
    if strict:
        held = ctx.profile.strict_tools
        why = unfit(tool.parameters, ANTHROPIC_STRICT, at) if held else "this model holds no tool to its schema"
        if why is not None:
            ctx.lose(f"{path}.strict", why)
            strict = False
    target = ANTHROPIC_STRICT if strict else ANTHROPIC_TOOL
    spec = {
        "name": legal(tool.name, ctx),
        "description": tool.description or None,
        "inputSchema": {"json": tool_schema(tool.name, tool.parameters, target, ctx, at)},
        "strict": strict or None,
    }
    blocks = [ctx.carry({"toolSpec": clean(spec)}, tool.extra, path)]
    if tool.cache and ctx.profile.cache_control and ctx.profile.cache_tools:
        blocks.append(encode_cache(tool.cache))
    elif tool.cache:
        ctx.lose(f"{path}.cache", "this model takes no cache point among its tools")
    return blocks


def choose_tools(
    request: Request, tools: list[Wire], turns: list[Turn], ctx: Context
) -> tuple[list[Wire], Wire | None]:
    """The tools that are told, and which of them is to be called. They must be there where calls are (cases.md 40)."""
    choice = request.tool_choice
    if choice.allowed:
        allowed = {legal_name(name) for name in choice.allowed}
        tools = [tool for tool in tools if tool.get("toolSpec", {}).get("name") in allowed]
        ctx.lose("tool_choice.allowed", "only the allowed tools are sent", "emulated")
    names = [call.name for turn in turns for call in turn.calls()]
    history = bool(names) or any(isinstance(part, ToolResult) for turn in turns for part, _ in turn.parts)
    if choice.mode == "none" and tools:
        if not history:
            ctx.lose("tool_choice", "no tools are sent, for none may be called", "emulated")
            return [], None
        ctx.lose("tool_choice", "where calls have been made, none can be forbidden here")
    if choice.mode in ("required", "tool") and not tools:
        ctx.lose("tool_choice", "there are no tools")
    if tools:
        return tools, encode_choice(request, ctx)
    if not names:
        return [], None
    ctx.lose("tools", "the tools of earlier calls are named", "emulated")
    schema = {"json": {"type": "object", "properties": {}}}
    return [{"toolSpec": {"name": legal(name, ctx), "inputSchema": schema}} for name in dict.fromkeys(names)], None


def encode_choice(request: Request, ctx: Context) -> Wire | None:
    choice = request.tool_choice
    if choice.parallel is False:
        ctx.lose("tool_choice.parallel", "parallel calls cannot be forbidden here")
    if choice.mode in ("required", "tool") and not ctx.profile.tool_choice_required:
        ctx.lose("tool_choice", "this model cannot be made to call a tool")
        return None
    match choice.mode:
        case "required":
            return {"any": {}}
        case "tool":
            return {"tool": {"name": legal(choice.name or "", ctx)}}
        case _:
            return None


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
        system.append({"text": JSON_ONLY})
        return None
    try:
        why = unfit(schema, ANTHROPIC_OUTPUT, "format.schema") if ctx.profile.json_schema else "not held to a schema"
        if why is None:
            text = dumps(format_schema(schema, ANTHROPIC_OUTPUT, ctx, "format.schema"))
            held = clean({"schema": text, "name": legal_name(wished.name), "description": wished.description or None})
            return {"type": "json_schema", "structure": {"jsonSchema": held}}
        ctx.lose("format.schema", f"asked for in the system prompt: {why}", "emulated")
        in_words(ctx)
        system.append({"text": JSON_SCHEMA + dumps(schema)})
    except (RecursionError, UnicodeEncodeError):
        raise invalid("format.schema", "is nested too deeply, or holds half a character") from None
    return None


# -- thinking -----------------------------------------------------------------------------


def think(request: Request, turns: list[Turn], choice: Wire | None, asked: Asked, ctx: Context) -> None:
    """The wish to think, in the words of this model's vendor. What the API itself would refuse is never written."""
    t, way = request.thinking, ctx.profile.model_fields
    if t is None:
        return
    ctx.carry({}, t.extra, "thinking")
    if budget_of(t) == 0:
        if way == "nova":
            asked.more["reasoningConfig"] = {"type": "disabled"}
        elif way == "openai":
            ctx.lose("thinking", "this model always thinks")
        return
    if way is None or ctx.profile.thinking == "none":
        ctx.lose("thinking", "this model does not think, or cannot be told to")
    elif way != "anthropic":
        effort = leveled(effort_of(t) or "medium", ELSEWHERE, ctx)
        if (t.budget or 0) > 0:
            ctx.lose("thinking.budget", "this model is told an effort, not a budget", "emulated")
        if way == "nova":
            asked.more["reasoningConfig"] = {"type": "enabled", "maxReasoningEffort": effort}
        else:
            asked.more["reasoning_effort"] = effort
        asked.thinks = True
    elif why := forbidden(turns, choice, ctx):
        ctx.lose("thinking", why)
    else:
        think_as_claude(t, asked, ctx)


def forbidden(turns: list[Turn], choice: Wire | None, ctx: Context) -> str | None:
    """Why Claude may not think now."""
    if choice:
        return "not with a tool that must be called"
    if turns[-1].role == "assistant":
        return "not where the answer is begun by the client"
    if ctx.profile.thinking in (None, "budget") and not opens_with_thinking(turns):
        return "the turn in progress has calls without signed reasoning"
    return None


def opens_with_thinking(turns: list[Turn]) -> bool:
    """Whether the turn in progress, if calls have been made in it, began with signed thoughts (cases.md 35)."""
    first: Turn | None = None
    for turn in turns:
        if turn.role == "assistant":
            first = first or turn
        elif not any(isinstance(part, ToolResult) for part, _ in turn.parts):
            first = None
    if first is None or not any(isinstance(part, ToolCall) for part, _ in first.parts):
        return True
    return isinstance(first.parts[0].part, Reasoning)


def leveled(effort: str, efforts: tuple[str, ...], ctx: Context) -> str:
    level = nearest(effort, ctx.profile.efforts or efforts)
    if level != effort:
        ctx.lose("thinking.effort", f"the nearest level is {level}", "clamped")
    return level


def think_as_claude(t: Thinking, asked: Asked, ctx: Context) -> None:
    if ctx.profile.thinking in ("adaptive", "level"):
        if (t.budget or 0) > 0:
            ctx.lose("thinking.budget", "this model is told an effort, not a budget", "emulated")
        display = None if t.visible is None else "summarized" if t.visible else "omitted"
        asked.more["thinking"] = clean({"type": "adaptive", "display": display})
        if effort := effort_of(t):
            asked.more["output_config"] = {"effort": leveled(effort, EFFORTS["anthropic"], ctx)}
        asked.thinks = True
        return
    wish = budget_of(t)
    budget = max(LEAST_BUDGET, wish if wish is not None and wish > 0 else BUDGETS["medium"])
    limit: int | None = asked.wishes.get("maxTokens")
    highest = ctx.profile.max_tokens_limit
    if limit is None and highest is not None and budget >= highest:
        limit = highest
    if limit is not None and t.budget is None:
        budget = max(LEAST_BUDGET, min(budget, limit * 3 // 4))
    if limit is not None and budget >= limit:
        limit, budget = roomier(limit, budget, ctx)
        asked.wishes["maxTokens"] = limit
    if budget < LEAST_BUDGET:
        ctx.lose("thinking", f"the limit of {limit} tokens leaves no room for it")
        return
    asked.more["thinking"] = {"type": "enabled", "budget_tokens": budget}
    asked.thinks = True


def roomier(limit: int, budget: int, ctx: Context) -> tuple[int, int]:
    """A limit above the budget (cases.md 51): the budget is kept, and the limit raised as far as the model allows."""
    highest = ctx.profile.max_tokens_limit
    if highest is None or budget + limit <= highest:
        ctx.lose("sampling.max_tokens", "raised, to leave room for thinking", "emulated")
        return limit + budget, budget
    ctx.lose("thinking.budget", f"the limit of the whole answer is {highest}", "clamped")
    return highest, highest * 3 // 4
