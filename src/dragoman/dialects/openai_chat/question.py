"""A request as a provider of Chat Completions takes it.

It knows nothing of answers. What a provider takes is told by the profile, never by its name.
"""

from __future__ import annotations

import msgspec

from dragoman.core.bridge import openai_voice
from dragoman.core.calls import in_turns
from dragoman.core.codec import QUIET, Context, Wire, clean, dumps
from dragoman.core.content import effort_of, legal_name, nearest
from dragoman.core.ir import Extra, Format, Json, Request, Sampling, Speech, Tool
from dragoman.core.leaving import FILES, leave_request
from dragoman.core.schema import OPENAI_LOOSE, OPENAI_STRICT, format_schema, tool_schema, unfit
from dragoman.core.schema_back import in_words
from dragoman.core.tools import leave_out, place
from dragoman.dialects.openai_chat.parts import DIALECT, as_written, mark, spelled
from dragoman.dialects.openai_chat.turns import Turns, left, tool_name
from dragoman.dialects.openai_terms import encode_terms, encode_verbosity

BREAKPOINTS = 4


def encode_request(request: Request, ctx: Context) -> Wire:
    ctx.going(request.origin, DIALECT)
    leave_request(request, ctx, FILES)
    extra = dict(left(request.extra, ctx))
    tools = encode_tools(request, ctx, extra)  # first, for earlier calls are spelled as their tools are
    turns = Turns(ctx)
    for i, message in enumerate(request.messages) if ctx.at_home else in_turns(request.messages, ctx):
        turns.add(message, f"messages[{i}]")
    turns.close()
    wire: Wire = {"model": ctx.model or request.model or None, "messages": turns.wires}
    wire |= encode_sampling(request.sampling, ctx, extra)
    wire |= tools
    wire |= encode_thinking(request, ctx, extra)
    wire |= encode_format(request, ctx, turns.wires, extra)
    wire |= encode_modalities(request, ctx, extra)
    wire |= encode_stream(request, ctx, extra)
    wire |= encode_logprobs(request, ctx, extra)
    wire["user"] = encode_user(request.user, ctx)
    wire["n"] = request.choices if request.choices > 1 else None
    if not ctx.at_home:
        wire |= encode_terms(request, ctx) | {"verbosity": encode_verbosity(request, ctx)}
        wishes = {"format": request.format, "thinking": request.thinking, "speech": request.speech}
        for name, node in (wishes | {"picture": request.picture}).items():
            ctx.carry({}, node.extra if node else {}, name)
        keep_breakpoints(wire, ctx)
    return ctx.carry(clean(wire), extra, "")


def keep_breakpoints(wire: Wire, ctx: Context) -> None:
    """At most four cache marks, for that is what Anthropic takes behind those who understand them: the last ones."""
    contents = [message.get("content") for message in wire["messages"]]
    parts = [part for content in contents if isinstance(content, list) for part in content]
    marked = [one for one in (*(wire.get("tools") or ()), *parts, *wire["messages"]) if "cache_control" in one]
    for one in marked[:-BREAKPOINTS]:
        del one["cache_control"]
        ctx.lose("cache", f"more than {BREAKPOINTS} cache marks: the last are kept", "clamped")


def keeps(ctx: Context, extra: Extra, *names: str) -> bool:
    """Whether one of the fields goes home in the client's own words; else those words are taken back."""
    if as_written(ctx) and spelled(extra, *names):
        return True
    for name in names:
        extra.pop(QUIET + name, None)
    return False


def encode_user(user: str | None, ctx: Context) -> str | None:
    """OpenAI takes 64 characters; Claude Code's are longer (case 69)."""
    if user is None or len(user) <= 64 or ctx.at_home:
        return user
    ctx.lose("user", "longer than 64 characters", "clamped")
    return legal_name(user, 64)


# -- sampling --------------------------------------------------------------------


def encode_sampling(s: Sampling, ctx: Context, extra: Extra) -> Wire:
    p = ctx.profile
    temperature = s.temperature
    if temperature is not None and p.temperature_max is not None and temperature > p.temperature_max:
        ctx.lose("sampling.temperature", f"at most {p.temperature_max:g} here", "clamped")
        temperature = p.temperature_max
    wire: Wire = {
        "temperature": temperature,
        "top_p": s.top_p,
        "top_k": s.top_k,
        "seed": s.seed,
        "presence_penalty": s.presence_penalty,
        "frequency_penalty": s.frequency_penalty,
    }
    refused = {
        "temperature": not p.sampling,
        "top_p": not p.sampling,
        "top_k": not p.sampling or not (p.top_k or as_written(ctx)),
        "seed": not p.seed,
        "presence_penalty": not p.penalties,
        "frequency_penalty": not p.penalties,
    }
    for name in wire:
        if refused[name] and wire[name] is not None:
            ctx.lose(f"sampling.{name}", "this model takes no such setting")
            wire[name] = None
    if not keeps(ctx, extra, "stop"):
        wire["stop"] = encode_stops(s.stop, ctx)
    return wire | encode_limit(s.max_tokens, ctx, extra)


def encode_stops(stop: tuple[str, ...], ctx: Context) -> list[str] | None:
    """As many as are taken, always in an array (case 53)."""
    words, most = [word for word in stop if word or ctx.at_home], ctx.profile.stops
    if most is not None and len(words) > most:
        ctx.lose(f"sampling.stop[{most}]" if most else "sampling.stop", f"at most {most} are taken by this model")
        words = words[:most]
    return words or None


def encode_limit(limit: int | None, ctx: Context, extra: Extra) -> Wire:
    """The limit, under the name this server knows it by; at home under the client's own."""
    p = ctx.profile
    if limit is not None and p.max_tokens_limit is not None and limit > p.max_tokens_limit:
        ctx.lose("sampling.max_tokens", f"at most {p.max_tokens_limit} here", "clamped")
        limit = p.max_tokens_limit
    own = [name for name in ("max_completion_tokens", "max_tokens") if spelled(extra, name)]
    if keeps(ctx, extra, "max_completion_tokens", "max_tokens"):
        return {own[0]: limit}
    return {p.max_tokens_field: limit}


# -- tools -----------------------------------------------------------------------


def encode_tools(request: Request, ctx: Context, extra: Extra) -> Wire:
    p, choice = ctx.profile, request.tool_choice
    tools = request.tools
    if keeps(ctx, extra, "functions"):
        return {}  # with function_call, as they were before November 2023
    if choice.allowed and not as_written(ctx):
        ctx.lose("tool_choice.allowed", "the other tools are not sent", "emulated")
        tools = tuple(tool for tool in tools if tool.name in choice.allowed)
    extra.pop(QUIET + "function_call", None)
    wire: Wire = {"tools": [told for tool in tools if (told := encode_tool(tool, ctx))] or None}
    if not tools and not ctx.at_home:
        return wire
    if choice.parallel is not None:
        if p.parallel_tool_calls:
            wire["parallel_tool_calls"] = choice.parallel
        elif not choice.parallel:
            ctx.lose("tool_choice.parallel", "this provider cannot be held to one call at a time")
    forced = choice.mode in ("required", "tool") and not p.tool_choice_required
    if forced:
        ctx.lose("tool_choice", "this provider cannot be made to call a tool")
    if forced or ctx.renamed or not keeps(ctx, extra, "tool_choice"):
        extra.pop(QUIET + "tool_choice", None)
        wire["tool_choice"] = None if forced else encode_choice(request, ctx)
    return wire


def encode_choice(request: Request, ctx: Context) -> Json:
    choice = request.tool_choice
    if choice.allowed and as_written(ctx):
        tools = [{"type": "function", "function": {"name": tool_name(name, ctx)}} for name in choice.allowed]
        return {"type": "allowed_tools", "allowed_tools": {"mode": choice.mode, "tools": tools}}
    if choice.mode == "tool":
        return {"type": "function", "function": {"name": tool_name(choice.name or "", ctx)}}
    return None if choice.mode == "auto" else choice.mode


def encode_tool(tool: Tool, ctx: Context) -> Wire | None:
    path = place(tool, ctx, f"tools.{tool.name}")
    if tool.server is not None:
        if not ctx.at_home:
            leave_out(tool, ctx, place(tool, ctx))
            return None
        return ctx.carry({"type": tool.server}, tool.extra, path)
    if as_written(ctx) and spelled(tool.extra, "custom"):
        return ctx.carry({}, tool.extra, path)
    strict = tool.strict
    if strict is not None and not ctx.profile.strict_tools:
        if strict:
            ctx.lose(f"{path}.strict", "this provider does not hold calls to their schema")
        strict = None
    parameters = tool.parameters
    if not as_written(ctx):
        if strict and not ctx.at_home and (why := unfit(parameters, OPENAI_STRICT)) is not None:
            ctx.lose(f"{path}.strict", why)
            strict = None
        target = OPENAI_STRICT if strict and not ctx.at_home else OPENAI_LOOSE
        parameters = tool_schema(tool.name, parameters, target, ctx, f"{path}.parameters")
    function: Wire = {
        "name": tool_name(tool.name, ctx),
        "description": tool.description,
        "parameters": parameters,
        "strict": strict,
    }
    wire: Wire = {"type": "function", "function": clean(function)}
    return ctx.carry(wire | mark(tool.cache, ctx, path), left(tool.extra, ctx), path)


# -- thinking --------------------------------------------------------------------

SPELLINGS = ("reasoning_effort", "reasoning", "thinking")


def encode_thinking(request: Request, ctx: Context, extra: Extra) -> Wire:
    p, thinking = ctx.profile, request.thinking
    if thinking is None:
        return {}
    effort = effort_of(thinking)
    if p.thinking == "none" or not p.reasoning_effort:
        for name in SPELLINGS:
            extra.pop(QUIET + name, None)
        if effort not in (None, "none"):
            ctx.lose("thinking", "this model does not think on demand")
        return {}
    known = nearest(effort, p.efforts) if effort is not None else None
    if known == effort and keeps(ctx, extra, *SPELLINGS):
        return {}
    for name in SPELLINGS:
        extra.pop(QUIET + name, None)
    if known != effort:
        ctx.lose("thinking.effort", f"{effort} is unknown here; {known} is the nearest", "clamped")
    if thinking.effort is None and thinking.budget is not None:
        ctx.lose("thinking.budget", "told as an effort", "emulated")
    return {"reasoning_effort": known}


# -- the form of the answer --------------------------------------------------------


def encode_format(request: Request, ctx: Context, messages: list[Wire], extra: Extra) -> Wire:
    p, format = ctx.profile, request.format
    if format is None:
        return {}
    apart = request.tools and not p.json_and_tools  # a format, but not beside tools
    held = p.json_schema or format.schema is None
    if held and not apart and keeps(ctx, extra, "response_format"):
        return {}
    extra.pop(QUIET + "response_format", None)
    if held and not apart and format.schema is not None:
        return {"response_format": {"type": "json_schema", "json_schema": encode_schema(format, ctx)}}
    if not held or apart:
        extra.pop("response_format", None)
        ctx.lose("format", "the form of the answer is asked for in the prompt", "emulated")
        in_words(ctx)
        instruct(messages, wish(format))
    elif not ctx.at_home and b"json" not in msgspec.json.encode(messages).lower():
        ctx.lose("format", "OpenAI's JSON mode wants the word in the prompt", "emulated")
        instruct(messages, wish(format))
    return {} if apart else {"response_format": {"type": "json_object"}}


def encode_schema(format: Format, ctx: Context) -> Wire:
    name = format.name if ctx.at_home else legal_name(format.name)
    schema, strict = format.schema, format.strict
    if not ctx.at_home:
        if strict and (why := unfit(schema, OPENAI_STRICT)) is not None:
            ctx.lose("format.strict", why)
            strict = None
        schema = format_schema(schema, OPENAI_STRICT if strict else OPENAI_LOOSE, ctx, "format.schema")
    return clean({"name": name, "description": format.description, "schema": schema, "strict": strict})


def wish(format: Format) -> str:
    if format.schema is None:
        return "Answer with a JSON object and nothing else."
    told = f"\n{format.description}" if format.description else ""
    return f"Answer with JSON that fits this JSON Schema, and with nothing else:{told}\n{dumps(format.schema)}"


def instruct(messages: list[Wire], text: str) -> None:
    """Adds to the first system message, or makes one: many a server takes one only, and only in first place."""
    if not messages or messages[0].get("role") not in ("system", "developer"):
        messages.insert(0, {"role": "system", "content": text})
        return
    content = messages[0].get("content")
    if isinstance(content, list):
        added: Json = [*content, {"type": "text", "text": text}]
    else:
        added = f"{content}\n\n{text}" if content else text
    messages[0] = messages[0] | {"content": added}


def encode_modalities(request: Request, ctx: Context, extra: Extra) -> Wire:
    p, asked = ctx.profile, request.modalities
    if as_written(ctx):
        wire: Wire = {"modalities": list(asked) or None}
        return wire if keeps(ctx, extra, "audio") else wire | encode_speech(request, ctx, "audio" in asked)
    if not asked and "image" in p.modalities:
        asked = ("text", "image")  # such a model must be asked for it
    known = {"text", *p.modalities} if p.modalities else {"text", "audio"}
    for name in asked:
        if name not in known:
            ctx.lose("modalities", f"this model gives no {name}")
    given = [name for name in asked if name in known]
    spoken = "audio" in given
    if spoken and "text" not in given:
        given.insert(0, "text")  # OpenAI refuses sound alone
    if request.picture is not None:
        ctx.lose("picture", "the form of a picture cannot be told here")
    extra.pop(QUIET + "audio", None)
    wire = {"modalities": given if set(given) - {"text"} else None}
    return wire | encode_speech(request, ctx, spoken)


def encode_speech(request: Request, ctx: Context, spoken: bool) -> Wire:
    """OpenAI wants a voice and a format named; streamed sound is bare samples always."""
    if not spoken:
        return {}
    speech = request.speech or Speech()
    for i, voice in enumerate(speech.voices):
        if i or voice.speaker:
            ctx.lose(f"speech.voices[{i}]", "one voice speaks, and tells no speakers apart")
    if speech.language:
        ctx.lose("speech.language", "the language is told by the text")
    said = speech.voices[0].name if speech.voices else None
    name = openai_voice(said) if said else "alloy"
    if said and name != said:
        ctx.lose("speech.voices[0]", f"{name} is the nearest to {said}", "emulated")
    format = "pcm16" if speech.format in (None, "pcm") or request.stream else speech.format
    return {"audio": {"voice": name, "format": format}}


def encode_logprobs(request: Request, ctx: Context, extra: Extra) -> Wire:
    if request.logprobs is None:
        return {}
    if keeps(ctx, extra, "logprobs", "top_logprobs") and ctx.profile.logprobs:
        return {}
    for name in ("logprobs", "top_logprobs"):
        extra.pop(QUIET + name, None)
    if not ctx.profile.logprobs:
        ctx.lose("logprobs", "this model tells no probabilities")
        return {}
    return {"logprobs": True, "top_logprobs": request.logprobs or None}


def encode_stream(request: Request, ctx: Context, extra: Extra) -> Wire:
    """Usage is always asked for, so that it can be counted; the client sees it if it asked as well."""
    if not request.stream:
        said = request.stream_usage if ctx.at_home else None
        options = None if said is None else {"include_usage": said}
        return {"stream": request.stream if ctx.at_home else None, "stream_options": options}
    if ctx.profile.stream_usage:
        return {"stream": True, "stream_options": {"include_usage": True}}
    extra.pop("stream_options", None)
    return {"stream": True}
