"""What stands around the parts of a Gemini answer, both directions: counts, citations, the candidate and its end.

It knows no request and no stream.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from dragoman.core.codec import QUIET, Context, Wire, clean, merge
from dragoman.core.content import uncounted
from dragoman.core.ir import (
    AnyPart,
    Citation,
    Extra,
    Finish,
    Json,
    Opaque,
    Reasoning,
    Refusal,
    Response,
    Stop,
    Text,
    Token,
    ToolCall,
    Usage,
)
from dragoman.core.leaving import leave_citations, leave_parts
from dragoman.dialects.gemini.errors import RAW_STOPS
from dragoman.dialects.gemini.grounding import Grounding, as_one
from dragoman.dialects.gemini.parts import DIALECT, NO_ARGUMENTS, encode_part

# -- counts ------------------------------------------------------------------

COUNTS = frozenset({"promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "cachedContentTokenCount"})


def number(value: Json) -> int:
    return int(value) if type(value) in (int, float) and 0 <= value < 1e15 else 0


def decode_usage(wire: Wire) -> Usage:
    """Thoughts are part of the output here, and what tools put into the prompt is part of the input."""
    thoughts, tools = number(wire.get("thoughtsTokenCount")), number(wire.get("toolUsePromptTokenCount"))
    given, written = number(wire.get("promptTokenCount")), number(wire.get("candidatesTokenCount"))
    extra = {name: value for name, value in wire.items() if name not in COUNTS}
    if extra.get("totalTokenCount") == given + written + thoughts + tools:
        del extra["totalTokenCount"]
    return Usage(
        input=given + tools,
        output=written + thoughts,
        cache_read=number(wire.get("cachedContentTokenCount")),
        reasoning=thoughts,
        input_audio=_of_kind(wire.get("promptTokensDetails"), "AUDIO"),
        input_image=_of_kind(wire.get("promptTokensDetails"), "IMAGE"),
        output_audio=_of_kind(wire.get("candidatesTokensDetails"), "AUDIO"),
        output_image=_of_kind(wire.get("candidatesTokensDetails"), "IMAGE"),
        extra=extra,
    )


def _of_kind(details: Json, kind: str) -> int:
    if not isinstance(details, list):
        return 0
    return sum(
        number(one.get("tokenCount")) for one in details if isinstance(one, dict) and one.get("modality") == kind
    )


def encode_usage(usage: Usage, ctx: Context) -> Wire:
    uncounted(usage, ctx, "cache_write", "cache_write_1h")
    extra = usage.extra if ctx.at_home else {}
    tools = number(extra.get("toolUsePromptTokenCount"))
    thoughts = min(usage.reasoning, usage.output)  # some relays count them beside the output
    wire: Wire = {
        "promptTokenCount": usage.input - tools,
        "candidatesTokenCount": usage.output - thoughts,
        "totalTokenCount": usage.input + usage.output,
    }
    if thoughts:
        wire["thoughtsTokenCount"] = thoughts
    if usage.cache_read:
        wire["cachedContentTokenCount"] = usage.cache_read
    if ctx.at_home:
        if "totalTokenCount" in extra:
            wire["totalTokenCount"] = extra["totalTokenCount"]
        return merge(wire, extra)
    for name, sound, image, whole in (
        ("promptTokensDetails", usage.input_audio, usage.input_image, usage.input),
        ("candidatesTokensDetails", usage.output_audio, usage.output_image, usage.output - thoughts),
    ):
        if sound or image:
            kinds = (("TEXT", whole - sound - image), ("AUDIO", sound), ("IMAGE", image))
            wire[name] = [{"modality": kind, "tokenCount": count} for kind, count in kinds if count > 0]
    return wire


# -- citations ---------------------------------------------------------------


def leave_sources(citations: Iterable[Citation], ctx: Context, path: str) -> None:
    """Reports what is not told of them: a page is cited by its address."""
    leave_citations(citations, ctx, path, quoted=False)
    if not ctx.at_home and any(not citation.url for citation in citations):
        ctx.lose(f"{path}.citations", "a source without a URL has no form here")


# -- probabilities -----------------------------------------------------------


def decode_logprobs(wire: Json) -> tuple[Token, ...]:
    """The tokens of an answer, each with what else was likely in its place. What makes no sense is passed over."""
    if not isinstance(wire, dict):
        return ()
    chosen, top = _tokens(wire.get("chosenCandidates")), wire.get("topCandidates")
    top = top if isinstance(top, list) else []
    others = [_tokens(one.get("candidates")) if isinstance(one, dict) else () for one in top]
    return tuple(replace(token, top=others[i]) if i < len(others) else token for i, token in enumerate(chosen))


def _tokens(wires: Json) -> tuple[Token, ...]:
    found: list[Token] = []
    for wire in wires if isinstance(wires, list) else ():
        if not isinstance(wire, dict):
            continue
        text, logprob, id = wire.get("token"), wire.get("logProbability", 0.0), wire.get("tokenId")
        if isinstance(text, str) and isinstance(logprob, int | float):
            found.append(Token(text, float(logprob), id=id if type(id) is int else None))
    return tuple(found)


def encode_logprobs(tokens: Iterable[Token]) -> Wire:
    tokens = tuple(tokens)
    wire: Wire = {"chosenCandidates": [_encode_token(token) for token in tokens]}
    if any(token.top for token in tokens):
        wire["topCandidates"] = [{"candidates": [_encode_token(other) for other in token.top]} for token in tokens]
    return wire


def _encode_token(token: Token) -> Wire:
    return clean({"token": token.text, "logProbability": token.logprob, "tokenId": token.id})


# -- the whole ---------------------------------------------------------------


def candidate(parts: list[Wire], ctx: Context, stop: str | None = None) -> Wire:
    wire: Wire = {"content": {"parts": parts, "role": "model"}}
    if stop is not None:
        wire["finishReason"] = stop
    wire["index"] = ctx.choice
    return wire


def stop_of(stop: Stop, ctx: Context, broken: bool) -> str:
    """broken: a call's arguments were no JSON object, so that the call could not be passed on."""
    if ctx.at_home and stop.raw:
        return stop.raw
    if stop.sequence is not None and not ctx.at_home:
        ctx.lose("stop.sequence", "which words ended the answer is not told here")
    if broken and stop.reason in ("stop", "tool_calls"):
        return "MALFORMED_FUNCTION_CALL"
    return RAW_STOPS[stop.reason]


def with_extra(wire: Wire, extra: Extra, ctx: Context) -> Wire:
    """At home, what nobody took of the candidate and of the object around it."""
    if not (ctx.at_home and extra):
        return ctx.carry(wire, extra, "")
    left = extra.get("candidates")
    mine = wire.get("candidates")
    if isinstance(left, list) and left and isinstance(left[0], dict) and isinstance(mine, list):
        wire["candidates"] = [merge(dict(mine[0]), left[0]), *left[1:]]
    return ctx.carry(wire, {name: value for name, value in extra.items() if name != "candidates"}, "")


def blocked(answer: Response | Finish, ctx: Context) -> bool:
    """Whether the prompt was refused, so that there was no candidate."""
    feedback = answer.extra.get("promptFeedback") if ctx.at_home else None
    if not isinstance(feedback, dict) or not any(name.startswith("blockReason") for name in feedback):
        return False
    return answer.stop == Stop("content_filter", feedback.get("blockReason"))


def is_object(text: str) -> bool:
    if text in NO_ARGUMENTS:
        return True
    try:
        return isinstance(msgspec.json.decode(text), dict)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return False


def encode_answer_part(part: AnyPart, ctx: Context, path: str, names: dict[str, str]) -> list[Wire] | None:
    """A part of an answer; None for a call that cannot be passed on, as a model may write any text for arguments."""
    if isinstance(part, Reasoning) and ctx.request and ctx.request.thinking and ctx.request.thinking.visible is False:
        return []  # includeThoughts: false
    if isinstance(part, ToolCall):
        if not is_object(part.arguments):
            ctx.lose(path, "the model wrote arguments that are no JSON object")
            return None
        names[part.id] = part.name
    return encode_part(part, ctx, path, names, answer=True)


WEIGHED = QUIET + "logprobsResult"
"""Marks probabilities with more to them than is read that wait among the leftovers in Google's own words."""


def nested_candidate(extra: Extra) -> Extra:
    left = extra.get("candidates")
    return left[0] if isinstance(left, list) and left and isinstance(left[0], dict) else {}


def encode_response(response: Response, ctx: Context) -> Wire:
    ctx.going(response.origin, DIALECT)
    leave_parts(response.parts, ctx)
    parts: list[Wire] = []
    names: dict[str, str] = {}
    grounding = Grounding()
    tokens: list[Token] = []
    broken = False
    for i, part in enumerate(response.parts):
        wires = encode_answer_part(part, ctx, f"parts[{i}]", names)
        broken = broken or wires is None
        parts += wires or ()
        if isinstance(part, Opaque) and part.run and part.run.tool == "web_search":
            grounding.search(part.run)
        if isinstance(part, Text | Refusal):
            grounding.begin(i)
            grounding.write(i, part.text)
        if isinstance(part, Text):
            grounding.cite(i, part.citations)
            leave_sources(part.citations, ctx, f"parts[{i}]")
            tokens += part.logprobs
        if wires and (part.signature or not isinstance(part, Text | Refusal)):
            grounding.interrupt()
    wire: Wire = {}
    if parts or not blocked(response, ctx):
        told = None if ctx.at_home else grounding.wire()
        parts = as_one(parts) if told else parts
        wire["candidates"] = [candidate(parts, ctx, stop_of(response.stop, ctx, broken))]
        if told:
            wire["candidates"][0]["groundingMetadata"] = told
        if tokens and not (ctx.at_home and WEIGHED in nested_candidate(response.extra)):
            wire["candidates"][0]["logprobsResult"] = encode_logprobs(tokens)
    wire["usageMetadata"] = encode_usage(response.usage, ctx)
    if model := ctx.model or response.model:
        wire["modelVersion"] = model
    if response_id := ctx.answer_id or (response.id if ctx.at_home else ctx.new_id("")):
        wire["responseId"] = response_id
    return with_extra(wire, response.extra, ctx)
