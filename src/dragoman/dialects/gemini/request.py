"""Gemini's generateContent request, both directions: generationConfig, tools, toolConfig around the conversation.

It knows no answer, and neither model nor stream: those are in the URL.
"""

from __future__ import annotations

from typing import Literal

from dragoman.core.bridge import gemini_voice
from dragoman.core.codec import QUIET, Context, Fields, Wire, clean, dumps, name_of
from dragoman.core.content import BUDGETS, EFFORTS, budget_of, effort_of, nearest
from dragoman.core.errors import invalid
from dragoman.core.images import CHAT_ASPECTS, nearest_shape, pair
from dragoman.core.ir import (
    Effort,
    Extra,
    Format,
    Json,
    Picture,
    Request,
    Sampling,
    Speech,
    Terms,
    Thinking,
    Tool,
    ToolChoice,
    Voice,
)
from dragoman.core.leaving import leave_request
from dragoman.core.schema import (
    GEMINI_OPENAPI,
    GEMINI_OPENAPI_RESPONSE,
    GEMINI_PARAMETERS,
    GEMINI_RESPONSE,
    VERTEX_OPENAPI,
    VERTEX_OPENAPI_RESPONSE,
    Target,
    format_schema,
    tool_schema,
)
from dragoman.core.schema_back import in_words
from dragoman.core.terms import lose_terms
from dragoman.core.tools import CODE, SEARCH, does, leave_out
from dragoman.dialects.gemini.parts import DIALECT, nested, ours, tool_name
from dragoman.dialects.gemini.shape import plain_schema, tidy
from dragoman.dialects.gemini.turns import decode_contents, decode_system, encode_messages

JSON = "application/json"
MODES: dict[str, Literal["auto", "none", "required"]] = {
    "AUTO": "auto",
    "NONE": "none",
    "ANY": "required",
    "VALIDATED": "auto",
    "MODE_UNSPECIFIED": "auto",
}
LEVELS: dict[str, Effort | None] = {effort.upper(): effort for effort in EFFORTS if effort != "none"} | {
    "THINKING_LEVEL_UNSPECIFIED": None
}
KNOWN_LEVELS = ("minimal", "low", "medium", "high")
SIZES = {"512": 512, "1K": 1024, "2K": 2048, "4K": 4096}
MOST_STOPS, MOST_SPEAKERS = 5, 2
KNOWN_TOOLS = frozenset(
    {"googleSearch", "googleSearchRetrieval", "codeExecution", "urlContext", "fileSearch", "computerUse"}
)
CHECKED = {  # known, but with no neutral name: checked and carried
    "responseLogprobs": bool,
    "logprobs": int,
    "mediaResolution": str,
    "audioTimestamp": bool,
    "enableAffectiveDialog": bool,
    "enableEnhancedCivicAnswers": bool,
}


TIERS = {"standard": "default", "flex": "flex", "priority": "priority"}
"""Google's words for how a request is served, and OpenAI's."""

# -- decode ------------------------------------------------------------------


def decode_request(wire: Wire) -> Request:
    try:
        return read_request(Fields(tidy(wire, "request")))
    except RecursionError:
        raise invalid("contents", "nested too deeply") from None


def read_request(f: Fields) -> Request:
    """A request whose names are tidy."""
    model = f.take("model", str) or ""
    f.keep("cachedContent", str)
    f.vital("cachedContent")
    tier = TIERS.get(f.keep("serviceTier", str) or "")
    if tier is not None:
        f.quiet("serviceTier", f.any("serviceTier"))
    f.keep("labels", dict)
    for i, setting in enumerate(f.keep("safetySettings", list) or ()):
        g = Fields(setting, f"{f.at('safetySettings')}[{i}]")
        g.keep("category", str), g.keep("threshold", str)
    messages = (*decode_system(f), *decode_contents(f))
    tools = tuple(tool for i, (one, at) in enumerate(f.items("tools")) for tool in _decode_tools(one, at, i))
    choice = _decode_choice(f)
    g = f.maybe("generationConfig") or Fields({}, f.at("generationConfig"))
    return Request(
        origin=DIALECT,
        model=model.removeprefix("models/"),
        messages=messages,
        stream=f.take("stream", bool),
        sampling=_decode_sampling(g),
        tools=tools,
        tool_choice=choice,
        format=_decode_format(g),
        thinking=_decode_thinking(g),
        modalities=_decode_modalities(g),
        speech=_decode_speech(g),
        picture=_decode_picture(g),
        choices=_decode_choices(g),
        logprobs=_decode_logprobs(g),
        terms=Terms(service_tier=tier),
        extra=f.rest,
    )


def whole(f: Fields, name: str, least: int | None = None) -> int | None:
    """An integer, also where it is written 40.0 (recorded: pydantic-ai and Vertex, whose topK is a number)."""
    value = f.peek(name)
    if type(value) is float and value.is_integer():
        f.any(name)
        value = int(value)
        if least is not None and value < least:
            raise invalid(f.at(name), f"must be at least {least}, got {value}")
        return value
    return f.take(name, int) if least is None else f.count(name, least)


def _decode_sampling(g: Fields) -> Sampling:
    for name, kind in CHECKED.items():
        g.keep(name, kind)
    return Sampling(
        max_tokens=whole(g, "maxOutputTokens", 1),
        temperature=g.between("temperature", 0, 2),
        top_p=g.between("topP", 0, 1),
        top_k=whole(g, "topK"),
        stop=g.strings("stopSequences"),
        seed=whole(g, "seed"),
        presence_penalty=g.take("presencePenalty", float),
        frequency_penalty=g.take("frequencyPenalty", float),
    )


def _decode_logprobs(g: Fields) -> int | None:
    """How many alternatives are wanted for each token; their number alone asks for nothing."""
    if g.peek("responseLogprobs") is not True:
        return None
    g.quiet("responseLogprobs", g.any("responseLogprobs"))
    wanted = whole(g, "logprobs", 0)
    g.quiet("logprobs", wanted)
    return wanted or 0


def _decode_choices(g: Fields) -> int:
    choices = whole(g, "candidateCount", 1)
    if choices == 1:
        g.quiet("candidateCount", 1)
    return choices or 1


def _decode_format(g: Fields) -> Format | None:
    media_type = g.keep("responseMimeType", str)
    schemas = [name for name in ("responseJsonSchema", "responseSchema") if name in g]
    if len(schemas) > 1:
        raise invalid(g.at(schemas[1]), f"cannot be combined with {schemas[0]}")
    if media_type not in (None, "", JSON) or not (media_type or schemas):
        if media_type == "text/plain" and not schemas:
            g.any("responseMimeType")
            g.quiet("responseMimeType", media_type)
        return None
    g.any("responseMimeType")
    if not media_type:
        g.quiet("responseMimeType", None)
    if not schemas:
        return Format()
    return Format(schema=_decode_schema(g, schemas[0], "responseJsonSchema"), strict=True)  # it is always enforced


def _decode_schema(f: Fields, name: str, usual: str) -> Json:
    """A schema as JSON Schema; left over as it was where that is another text or stands in another place."""
    given = f.take(name, dict)
    plain = plain_schema(given)
    if name != usual or plain != given:
        f.quiet(name, given)
    return plain


def _decode_thinking(g: Fields) -> Thinking | None:
    f = g.maybe("thinkingConfig")
    if f is None:
        return None
    level, budget = f.take("thinkingLevel", str), whole(f, "thinkingBudget")
    effort: Effort | None = None
    if level is not None:
        if level not in LEVELS:
            raise invalid(f.at("thinkingLevel"), f"{level!r:.40} is not one of {', '.join(LEVELS)}")
        effort = LEVELS[level]
        if effort is None:
            f.quiet("thinkingLevel", level)
    if budget is not None and budget < -1:
        raise invalid(f.at("thinkingBudget"), f"must be at least -1, got {budget}")
    if budget == -1:  # as the model likes
        f.quiet("thinkingBudget", -1)
        budget = None
    if budget == 0 and effort is None:
        effort = "none"
    return Thinking(effort=effort, budget=budget, visible=f.take("includeThoughts", bool))


def _decode_modalities(g: Fields) -> tuple[str, ...]:
    return tuple(word.lower() for word in g.strings("responseModalities"))


def _decode_voice(f: Fields) -> str | None:
    """The name of a prebuilt voice; other kinds of voices are left over."""
    voice = f.maybe("voiceConfig")
    prebuilt = voice.maybe("prebuiltVoiceConfig") if voice else None
    return prebuilt.take("voiceName", str) if prebuilt else None


def _decode_speech(g: Fields) -> Speech | None:
    f = g.maybe("speechConfig")
    if f is None:
        return None
    language = f.take("languageCode", str)
    several = f.peek("multiSpeakerVoiceConfig")
    if several is None:
        name = _decode_voice(f)
        return Speech(voices=(Voice(name),) if name else (), language=language)
    if f.peek("voiceConfig") is not None:
        raise invalid(f.at("multiSpeakerVoiceConfig"), "cannot be combined with voiceConfig")
    speakers = Fields(several, f.at("multiSpeakerVoiceConfig"))
    place = speakers.at("speakerVoiceConfigs")
    voices: list[Voice] = []
    for one, at in speakers.items("speakerVoiceConfigs"):
        h = Fields(one, at)
        speaker = h.need("speaker", str)
        voices.append(Voice(_decode_voice(h), speaker))
    if not 1 <= len(voices) <= MOST_SPEAKERS:
        raise invalid(place, f"expected one or two speakers, got {len(voices)}")
    f.any("multiSpeakerVoiceConfig")
    f.quiet("multiSpeakerVoiceConfig", several)
    return Speech(voices=tuple(voices), language=language)


def _decode_picture(g: Fields) -> Picture | None:
    f = g.maybe("imageConfig")
    if f is None:
        return None
    aspect, size = f.take("aspectRatio", str), f.keep("imageSize", str)
    side = SIZES.get((size or "").upper())
    if side is None or aspect not in (None, "1:1"):  # an edge of another shape has no name abroad
        return Picture(aspect=aspect)
    f.any("imageSize")
    f.quiet("imageSize", size)
    return Picture(size=f"{side}x{side}", aspect=aspect)


def _decode_tools(wire: Json, path: str, place: int) -> list[Tool]:
    """The functions and Google's own tools of one tool object. `place` remembers which object it was."""
    f = Fields(wire, path)
    tools: list[Tool] = []
    for one, at in f.items("functionDeclarations"):
        g = Fields(one, at)
        name = g.need("name", str)
        if not name:
            raise invalid(g.at("name"), "must not be empty")
        schemas = [name for name in ("parameters", "parametersJsonSchema") if name in g]
        if len(schemas) > 1:
            raise invalid(g.at("parametersJsonSchema"), "cannot be combined with parameters")
        description = g.take("description", str)
        parameters = _decode_schema(g, schemas[0], "parametersJsonSchema") if schemas else None
        g.quiet("place", place)
        tools.append(Tool(name=name, description=description, parameters=parameters, extra=g.rest))
    for name, value in f.rest.items():
        if name in KNOWN_TOOLS and not isinstance(value, dict):
            raise invalid(f.at(name), f"expected an object, got {name_of(value)}")
        if name != "functionDeclarations":
            tools.append(Tool(name=name, server=name, extra={name: value, QUIET + "place": place}))
    return tools


def _decode_choice(f: Fields) -> ToolChoice:
    config = f.maybe("toolConfig")
    g = config.maybe("functionCallingConfig") if config else None
    if g is None:
        return ToolChoice()
    said, allowed = g.keep("mode", str) or "AUTO", g.strings("allowedFunctionNames")
    mode = MODES.get(said)
    if mode is None:
        raise invalid(g.at("mode"), f"{said!r:.40} is not one of {', '.join(MODES)}")
    if said != "VALIDATED":  # which asks for more than other dialects can
        found = g.any("mode")
        if mode == "auto":
            g.quiet("mode", found)
    if mode == "required" and len(allowed) == 1:
        return ToolChoice("tool", allowed[0])
    return ToolChoice(mode, allowed=allowed)


# -- encode ------------------------------------------------------------------


def encode_request(request: Request, ctx: Context) -> Wire:
    ctx.going(request.origin, DIALECT)
    leave_request(request, ctx)
    try:
        return _encode(request, ctx)
    except RecursionError:
        raise invalid("messages", "nested too deeply") from None


def _encode(request: Request, ctx: Context) -> Wire:
    if request.user is not None:
        ctx.lose("user", "Gemini keeps no record of a client's users")
    told = {name: word for word, name in TIERS.items()}.get(request.terms.service_tier or "")
    lose_terms(request, ctx, *(("service_tier",) if told else ()))
    config = nested(request.extra, "generationConfig")
    format = request.format
    instruction = None
    if format is not None and request.tools and not ctx.profile.json_and_tools and not ctx.at_home:
        instruction, format = _json_by_word(format, ctx), None
    tools = _encode_tools(request.tools, ctx) or None  # first, for earlier calls are spelled as their tools are
    system, contents = encode_messages(request, ctx)
    if instruction:
        system = {"parts": []} if system is None else system
        system["parts"] = [*system.get("parts", ()), {"text": instruction}]
    wire: Wire = {
        "systemInstruction": system,
        "contents": contents,
        "tools": tools,
        "toolConfig": _encode_choice(request, ctx),
        "generationConfig": _encode_config(request, format, config, ctx),
        "serviceTier": None if ctx.at_home else told,
    }
    return ctx.carry(ours(wire, request.extra, ctx), request.extra, "")


def _encode_config(request: Request, format: Format | None, extra: Extra, ctx: Context) -> Wire | None:
    wire = _encode_sampling(request.sampling, ctx)
    if format is not None:
        wire["responseMimeType"] = JSON
        if not ctx.at_home and format.schema is not None:
            name, target = _schema_place(ctx, "responseJsonSchema", "responseSchema")
            wire[name] = format_schema(format.schema, target, ctx, "format.schema")
        elif QUIET + "responseSchema" not in extra:
            wire["responseJsonSchema"] = format.schema
        ctx.carry({}, format.extra, "format")
        if format.description:
            ctx.lose("format.description", "Gemini has no place for it")
    wire["thinkingConfig"] = _encode_thinking(request.thinking, nested(extra, "thinkingConfig"), ctx)
    wire["responseModalities"] = _modalities(request, ctx)
    wire["speechConfig"] = _encode_speech(request.speech, nested(extra, "speechConfig"), ctx)
    if request.logprobs is not None and not ctx.profile.logprobs:
        ctx.lose("logprobs", "this model tells no probabilities")
    elif request.logprobs is not None and not ctx.at_home:
        wire |= {"responseLogprobs": True, "logprobs": request.logprobs or None}
    wire["candidateCount"] = request.choices if request.choices > 1 else None
    wire["imageConfig"] = _encode_picture(request.picture, nested(extra, "imageConfig"), ctx)
    return ours(wire, extra, ctx) or None


def _encode_sampling(s: Sampling, ctx: Context) -> Wire:
    profile = ctx.profile
    limit, temperature, stop, seed = s.max_tokens, s.temperature, s.stop, s.seed
    if limit is not None and profile.max_tokens_limit is not None and limit > profile.max_tokens_limit:
        ctx.lose("sampling.max_tokens", f"this model writes at most {profile.max_tokens_limit}", "clamped")
        limit = profile.max_tokens_limit
    if temperature is not None and profile.temperature_max is not None and temperature > profile.temperature_max:
        ctx.lose("sampling.temperature", f"at most {profile.temperature_max:g} here", "clamped")
        temperature = profile.temperature_max
    if not ctx.at_home:
        stop = tuple(word for word in stop if word)
    if len(stop) > MOST_STOPS and not ctx.at_home:
        ctx.lose(f"sampling.stop[{MOST_STOPS}]", f"Gemini takes {MOST_STOPS} stop sequences")
        stop = stop[:MOST_STOPS]
    if seed is not None and not -(1 << 31) <= seed < 1 << 31:
        ctx.lose("sampling.seed", "Gemini's seeds have 32 bits")
        seed = None
    wire: Wire = {
        "maxOutputTokens": limit,
        "temperature": temperature,
        "topP": s.top_p,
        "topK": s.top_k,
        "seed": seed,
        "stopSequences": list(stop) or None,
        "presencePenalty": s.presence_penalty,
        "frequencyPenalty": s.frequency_penalty,
    }
    for taken, name, neutral in (
        (profile.sampling, "temperature", "temperature"),
        (profile.sampling, "topP", "top_p"),
        (profile.sampling, "topK", "top_k"),
        (profile.seed, "seed", "seed"),
        (profile.penalties, "presencePenalty", "presence_penalty"),
        (profile.penalties, "frequencyPenalty", "frequency_penalty"),
    ):
        if not taken and wire[name] is not None:
            ctx.lose(f"sampling.{neutral}", "this model refuses it")
            wire[name] = None
    return wire


def _encode_thinking(thinking: Thinking | None, extra: Extra, ctx: Context) -> Wire | None:
    if thinking is None:
        return None
    ctx.carry({}, thinking.extra, "thinking")
    off = effort_of(thinking) == "none"
    if ctx.profile.thinking == "none":
        if not off:
            ctx.lose("thinking", "this model does not think")
        return None
    wire = _how_much(thinking, ctx)
    shown = thinking.visible
    if not ctx.at_home:
        shown = None if off else shown is not False
    wire["includeThoughts"] = shown
    return ours(wire, extra, ctx) or None


def _how_much(thinking: Thinking, ctx: Context) -> Wire:
    """thinkingBudget or thinkingLevel, whichever this model reads; where that is not known, as the client said it."""
    way = ctx.profile.thinking
    if way not in ("budget", "level"):
        if ctx.at_home:
            level = thinking.effort.upper() if thinking.effort not in (None, "none") else None
            return {"thinkingBudget": thinking.budget, "thinkingLevel": level}
        said = thinking.budget is not None or thinking.effort == "none"
        way = "budget" if said else "level"
    if way == "budget":
        budget = _within(thinking, ctx)
        return {"thinkingBudget": -1 if budget is None and not ctx.at_home else budget}
    effort = effort_of(thinking)
    if effort is None:
        return {}
    level = nearest(effort, ctx.profile.efforts or KNOWN_LEVELS)
    if level != effort:
        ctx.lose("thinking.effort", f"the nearest level is {level}", "clamped")
    return {"thinkingLevel": level.upper()}


def _within(thinking: Thinking, ctx: Context) -> int | None:
    """The budget wished for; the nearest one where the model cannot stop thinking, or cannot think so much."""
    budget, known = budget_of(thinking), [BUDGETS[effort] for effort in ctx.profile.efforts if effort in BUDGETS]
    if budget is None or thinking.budget or not known:
        return budget
    nearer = min(max(budget, min(known)), max(known))
    if nearer != budget:
        ctx.lose("thinking.effort", f"this model thinks {min(known)} to {max(known)} tokens", "clamped")
    return nearer


def _modalities(request: Request, ctx: Context) -> list[str] | None:
    asked, able = request.modalities, ctx.profile.modalities
    if ctx.at_home:
        return [word.upper() for word in asked] or None
    if unknown := [word for word in asked if word not in ("text", "image", "audio", "video")]:
        ctx.lose("modalities", f"Gemini answers with no {', '.join(unknown)}")
        asked = tuple(word for word in asked if word not in unknown)
    if able == ("audio",):  # a model that speaks and does nothing else
        asked = able
    elif not asked and able:
        asked = ("text", *(word for word in able if word != "audio"))
    return [word.upper() for word in asked] if asked not in ((), ("text",)) else None


def prebuilt(name: str | None, ctx: Context) -> Wire | None:
    """A voice by its name here; one of another vendor's becomes the nearest."""
    if not name:
        return None
    known = name if ctx.at_home else gemini_voice(name)
    if known != name:
        ctx.lose("speech.voices", f"{known} is the nearest to {name}", "emulated")
    return {"prebuiltVoiceConfig": {"voiceName": known}}


def _encode_speech(speech: Speech | None, extra: Extra, ctx: Context) -> Wire | None:
    if speech is None:
        return None
    ctx.carry({}, speech.extra, "speech")
    if speech.format is not None and not speech.format.startswith("pcm"):
        ctx.lose("speech.format", "Gemini speaks in bare PCM")
    voices = [(v.speaker, prebuilt(v.name, ctx)) for v in speech.voices]
    wire: Wire = {"languageCode": speech.language}
    speakers = [clean({"speaker": who, "voiceConfig": voice}) for who, voice in voices if who is not None]
    if len(speakers) > MOST_SPEAKERS:
        raise invalid("speech.voices", f"Gemini speaks with at most two voices, not {len(speakers)}")
    if speakers:
        wire["multiSpeakerVoiceConfig"] = {"speakerVoiceConfigs": speakers}
    elif voices:
        wire["voiceConfig"] = voices[0][1]
    return ours(wire, extra, ctx) or None


def _encode_picture(picture: Picture | None, extra: Extra, ctx: Context) -> Wire | None:
    if picture is None:
        return None
    ctx.carry({}, picture.extra, "picture")
    aspect, size = picture.aspect, None
    if shape := pair(picture.size):
        if max(shape) >= 1800:  # smaller ones are the default, and not every model can be told a size
            size = "4K" if max(shape) >= 3500 else "2K"
        if aspect is None and not ctx.at_home:
            aspect = nearest_shape(picture.size, CHAT_ASPECTS)
    elif picture.size and not ctx.at_home:
        ctx.lose("picture.size", f"{picture.size!r:.40} is no size")
    return ours({"aspectRatio": aspect, "imageSize": size}, extra, ctx) or None


EQUALS = {SEARCH: "googleSearch", CODE: "codeExecution"}
"""Google's own tools, by what they do."""


def _encode_tools(tools: tuple[Tool, ...], ctx: Context) -> list[Wire]:
    objects: dict[Json, Wire] = {}
    for i, tool in enumerate(tools):
        at = f"tools[{i}]"
        place = tool.extra.get(QUIET + "place") if ctx.at_home else None
        if tool.server is not None:
            if not ctx.at_home:
                functions = any(other.server is None for other in tools)  # beside which Google takes none of its own
                if (equal := EQUALS.get(does(tool) or "")) and not functions:
                    ctx.lose(at, f"sent as {equal}", "emulated")
                    objects[equal] = {equal: {}}
                else:
                    leave_out(tool, ctx, at)
                continue
            where = objects.setdefault(("server", i) if place is None else place, {})
            where[tool.server] = tool.extra.get(tool.server, {})
            continue
        where = objects.setdefault(place, {})
        where.setdefault("functionDeclarations", []).append(_encode_function(tool, ctx, at))
    return list(objects.values())


def _encode_function(tool: Tool, ctx: Context, path: str) -> Wire:
    if tool.cache is not None:
        ctx.lose(f"{path}.cache", "Gemini caches by itself")
    if tool.strict:
        ctx.lose(f"{path}.strict", "Gemini cannot be held to one tool's schema")
    place, parameters = "parametersJsonSchema", tool.parameters
    if not ctx.at_home and parameters is not None:
        place, target = _schema_place(ctx, "parametersJsonSchema", "parameters")
        parameters = _some(tool_schema(tool.name, parameters, target, ctx, f"{path}.parameters"), ctx, path)
    elif QUIET + "parameters" in tool.extra:
        parameters = None
    extra = {name: value for name, value in tool.extra.items() if name != QUIET + "place"}
    wire = {
        "name": tool_name(tool.name, ctx),
        "description": tool.description,
        place: parameters,
    }
    return ctx.carry(ours(wire, extra, ctx), extra, path)


SCHEMAS: dict[tuple[str, str], Target] = {
    ("responseJsonSchema", ""): GEMINI_RESPONSE,
    ("parametersJsonSchema", ""): GEMINI_PARAMETERS,
    ("responseSchema", "studio"): GEMINI_OPENAPI_RESPONSE,
    ("parameters", "studio"): GEMINI_OPENAPI,
    ("responseSchema", "vertex"): VERTEX_OPENAPI_RESPONSE,
    ("parameters", "vertex"): VERTEX_OPENAPI,
}
"""What each of Google's fields for a schema takes."""


def _schema_place(ctx: Context, modern: str, older: str) -> tuple[str, Target]:
    """The field that takes a schema from elsewhere at this model, and what it takes."""
    profile = ctx.profile
    known = profile.json_schemas == "all" or (profile.json_schemas == "tools" and older == "parameters")
    return (modern, SCHEMAS[modern, ""]) if known else (older, SCHEMAS[older, profile.openapi_schemas])


def _some(schema: Wire, ctx: Context, path: str) -> Wire | None:
    """The schema, where it names a parameter: of a function that takes none Google wants no schema at all."""
    if schema.get("properties") or schema.get("additionalProperties"):
        return schema
    if told := schema.keys() - {"type", "properties", "additionalProperties", "required"}:
        ctx.lose(f"{path}.parameters", f"of a function without parameters no {' or '.join(sorted(told))} is taken")
    return None


def _encode_choice(request: Request, ctx: Context) -> Wire | None:
    choice = request.tool_choice
    if choice.parallel is False:
        ctx.lose("tool_choice.parallel", "Gemini calls as many tools as it likes")
    if not request.tools and not ctx.at_home:
        return None
    names = (choice.name,) if choice.mode == "tool" and choice.name else choice.allowed
    mode = {"none": "NONE", "required": "ANY", "tool": "ANY"}.get(choice.mode)
    if mode is None and names:
        mode = "VALIDATED"  # the only one beside ANY that takes names
    wire: Wire = {"mode": mode, "allowedFunctionNames": [tool_name(name, ctx) for name in names] or None}
    calling = nested(nested(request.extra, "toolConfig"), "functionCallingConfig")
    wire = ours(wire, calling, ctx)
    return {"functionCallingConfig": wire} if wire else None


def _json_by_word(format: Format, ctx: Context) -> str:
    """The wish for JSON as an instruction, for models that take tools or a format, not both (case 112)."""
    ctx.lose("format", "this model takes no format beside tools; it is asked for in words", "emulated")
    in_words(ctx)
    wish = "When you answer with text, answer with JSON only, without any words or code fences around it."
    if format.schema is None:
        return wish
    return f"{wish} It must fit this JSON Schema: {dumps(format.schema)}"
