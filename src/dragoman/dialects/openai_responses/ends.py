"""How an answer ends, as Responses spells it: why, at what cost, or with which error; both directions.

It knows nothing of content. The errors are those of all of OpenAI's APIs, read and told alike.
"""

from __future__ import annotations

from dragoman.core.codec import Context, Wire
from dragoman.core.content import uncounted
from dragoman.core.errors import GatewayError
from dragoman.core.ir import Json, Stop, StopReason, Usage
from dragoman.dialects.openai_errors import CODES, ERRORS

# -- why -----------------------------------------------------------------------

STOPS: dict[str, StopReason] = {
    "max_output_tokens": "length",
    "max_tokens": "length",
    "max_prompt_tokens": "length",
    "length": "length",
    "content_filter": "content_filter",
    "safety": "content_filter",
    "max_messages": "length",
    "max_tool_calls": "stop",
    "steered": "stop",
}
"""Reasons of an incomplete answer; any other is an error."""

FAILED = ("failed", "cancelled")
"""States of an answer that is none."""


def decode_stop(wire: Wire, called: bool) -> Stop:
    """Calls that wait for an answer are why the turn ended, for the API has no word for it."""
    details, status = wire.get("incomplete_details"), wire.get("status")
    reason = details.get("reason") if isinstance(details, dict) else None
    if status != "incomplete" and not isinstance(reason, str):
        return Stop("tool_calls" if called else "stop", status if isinstance(status, str) else None)
    word = reason if isinstance(reason, str) else "incomplete"
    return Stop(STOPS.get(word, "error"), word)


INCOMPLETE: dict[StopReason, Wire | None] = {
    "length": {"reason": "max_output_tokens"},
    "content_filter": {"reason": "content_filter"},
    "error": None,
}
"""What cut an answer short, by the neutral reason; the API has no word for a provider that gave up."""


def encode_stop(stop: Stop) -> Wire:
    if stop.reason in INCOMPLETE:
        return {"status": "incomplete", "incomplete_details": INCOMPLETE[stop.reason]}
    return {"status": "completed", "incomplete_details": None}


# -- at what cost -------------------------------------------------------------


def take_count(wire: Wire, name: str) -> int:
    """A count, taken; a zero is left to go home as it was."""
    value = wire.get(name)
    if type(value) is int and value > 0:
        del wire[name]
        return value
    return 0


def decode_usage(wire: Json) -> Usage:
    if not isinstance(wire, dict):
        return Usage()
    left = dict(wire)
    names = ("input_tokens_details", "output_tokens_details")
    prompt, answer = (dict(given) if isinstance(given := left.get(name), dict) else {} for name in names)
    input, output, total = (take_count(left, name) for name in ("input_tokens", "output_tokens", "total_tokens"))
    reasoning = take_count(answer, "reasoning_tokens")
    if (beyond := total - input - output) > 0:  # reasoning counted beside the answer, as xAI does in its chat API
        output, reasoning = output + beyond, reasoning or beyond
    hit = prompt.get("cached_tokens")
    read = take_count(prompt, "cached_tokens") if type(hit) is int and hit <= input else 0
    for name, details in zip(names, (prompt, answer), strict=True):
        if isinstance(left.get(name), dict):
            left[name] = details
    return Usage(
        input=input,
        output=output,
        reasoning=reasoning,
        cache_read=read,
        cache_write=take_count(prompt, "cache_write_tokens"),
        input_audio=take_count(prompt, "audio_tokens"),
        input_image=take_count(prompt, "image_tokens"),
        output_audio=take_count(answer, "audio_tokens"),
        output_image=take_count(answer, "image_tokens"),
        extra=left,
    )


def encode_usage(usage: Usage, ctx: Context) -> Wire:
    """Always with both details: clients fail to read it without (case 122)."""
    uncounted(usage, ctx, "cache_write_1h")
    prompt: Wire = {"cached_tokens": usage.cache_read}
    answer: Wire = {"reasoning_tokens": usage.reasoning}
    if usage.cache_write or not ctx.at_home:
        prompt["cache_write_tokens"] = usage.cache_write
    more = {
        "audio_tokens": (usage.input_audio, usage.output_audio),
        "image_tokens": (usage.input_image, usage.output_image),
    }
    for name, (asked, answered) in more.items():
        if asked:
            prompt[name] = asked
        if answered:
            answer[name] = answered
    wire: Wire = {
        "input_tokens": usage.input,
        "input_tokens_details": prompt,
        "output_tokens": usage.output,
        "output_tokens_details": answer,
        "total_tokens": usage.input + usage.output,
    }
    if ctx.at_home:
        return ctx.carry(wire, usage.extra, "usage")
    return ctx.carry(wire, {name: value for name, value in usage.extra.items() if counts(value)}, "usage")


def counts(value: Json) -> bool:
    """Whether a leftover count says anything: zeros do not."""
    if isinstance(value, dict):
        return any(inner not in (0, None, {}, []) for inner in value.values())
    return bool(value)


# -- with which error ------------------------------------------------------------


def encode_failure(error: GatewayError) -> Wire:
    """The error in an answer that failed."""
    return {"code": error.code or CODES.get(error.kind) or "server_error", "message": error.message}


def encode_event(error: GatewayError, number: int) -> Wire:
    """The error as an event: flat as the specification has it, and nested as OpenAI sends it, for SDKs raise only at
    the latter (reliability.md 2.4)."""
    said: Wire = {
        "type": ERRORS[error.kind][1],
        **encode_failure(error),
        "param": error.param,
    }
    flat = {name: said[name] for name in ("code", "message", "param")}
    return {"type": "error", "sequence_number": number, **flat, "error": said}
