"""How an answer ends, as Chat Completions spells it: why, at what cost, or with which error; both directions.

It knows nothing of content.
"""

from __future__ import annotations

from dragoman.core.codec import Context, Wire
from dragoman.core.content import uncounted
from dragoman.core.errors import GatewayError, Kind
from dragoman.core.ir import Json, Stop, StopReason, Usage
from dragoman.dialects.openai_errors import ERRORS
from dragoman.dialects.openai_errors import encode_error as encode_any_error

# -- why -----------------------------------------------------------------------

STOPS: dict[str, StopReason] = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "stop_sequence": "stop",
    "end_turn": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "safety": "content_filter",
    "sensitive": "content_filter",
    "refusal": "content_filter",
    "error": "error",
    "abort": "error",
    "network_error": "error",
    "insufficient_system_resource": "error",
}
"""Every word seen in `finish_reason`: OpenAI's, and those of Together, Mistral, Z.ai, DeepSeek, SGLang, OpenRouter."""


def decode_stop(raw: Json, called: bool, sequence: Json = None) -> Stop:
    """Calls that wait for an answer are why the turn ended, whatever the provider says (cases 11, 90)."""
    word = raw if isinstance(raw, str) and raw else None
    reason = STOPS.get(word or "stop", "stop")
    if reason in ("stop", "tool_calls"):
        reason = "tool_calls" if called else "stop"
    return Stop(reason, word, sequence if isinstance(sequence, str) else None)


def encode_stop(stop: Stop, ctx: Context) -> str:
    if ctx.at_home and stop.raw and STOPS.get(stop.raw, "stop") == stop.reason:
        return stop.raw
    return "stop" if stop.reason == "error" else stop.reason


PLAIN = {
    *("stop", "end_turn", "stop_sequence", "eos", "STOP", "completed", "tool_calls", "tool_use"),
    *("length", "max_tokens", "MAX_TOKENS", "max_output_tokens", "content_filter", "refusal", "SAFETY"),
}
"""Words of all providers that `finish_reason` says as well."""


def encode_end(stop: Stop, ctx: Context, legacy: bool) -> Wire:
    """Why an answer ended; where this dialect's words say less than the provider's, that one too, as OpenRouter has it
    (case 34)."""
    reason = encode_stop(stop, ctx)
    wire: Wire = {"finish_reason": "function_call" if legacy and reason == "tool_calls" else reason}
    if stop.reason == "error" and not ctx.at_home:
        ctx.lose("stop.reason", "no word here says that the model broke off")
    if stop.sequence is not None and not ctx.at_home:
        ctx.lose("stop.sequence", "which words ended the answer is not told here")
    if stop.raw and stop.raw not in PLAIN and not ctx.at_home:
        wire["native_finish_reason"] = stop.raw
    return wire


# -- at what cost -------------------------------------------------------------


def _count(wire: Wire, *names: str) -> int:
    """The first of the counts that is there; it is taken, but a zero is left to go home as it was."""
    for name in names:
        value = wire.get(name)
        if type(value) is int and value > 0:
            del wire[name]
            return value
    return 0


def tells(usage: Json) -> bool:
    """Whether this is usage at all: nulls, empty objects and zeros before or after the real one are not (case 21)."""
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    return isinstance(usage, dict) and any(usage.get(name) for name in names)


def decode_usage(wire: Json) -> Usage:
    """Counts in any provider's words; what has no neutral name is kept in `extra`."""
    if not isinstance(wire, dict):
        return Usage()
    left = dict(wire)
    given = left.get("prompt_tokens_details"), left.get("completion_tokens_details")
    prompt, completion = (dict(details) if isinstance(details, dict) else {} for details in given)
    input, output, total = (_count(left, name) for name in ("prompt_tokens", "completion_tokens", "total_tokens"))
    reasoning = _count(completion, "reasoning_tokens") or _count(left, "reasoning_tokens")
    heard = _count(prompt, "audio_tokens")
    beyond = total - input - output
    if beyond > 0:
        if beyond == heard:  # Mistral's Voxtral counts sound beside the prompt (2026-05 recording)
            input += beyond
        else:  # xAI counts reasoning beside the completion, Google's compatible server does not name it at all
            output += beyond
            reasoning = reasoning or beyond
    hit = prompt.get("cached_tokens")
    read = 0
    if type(hit) is not int or hit <= input:  # Azure's Grok says more was cached than was asked (2026-03 recording)
        read = _count(prompt, "cached_tokens") or _count(left, "prompt_cache_hit_tokens", "cached_tokens")
    for name, details in (("prompt_tokens_details", prompt), ("completion_tokens_details", completion)):
        if isinstance(left.get(name), dict):
            left[name] = details
    return Usage(
        input=input,
        output=output,
        reasoning=reasoning,
        input_audio=heard,
        cache_read=read,
        cache_write=_count(prompt, "cache_write_tokens") or _count(left, "cache_creation_input_tokens"),
        output_audio=_count(completion, "audio_tokens"),
        input_image=_count(prompt, "image_tokens"),
        output_image=_count(completion, "image_tokens"),
        extra=left,
    )


def encode_usage(usage: Usage, ctx: Context) -> Wire:
    """The three totals, and details only where there is something to tell (contract 000-2)."""
    uncounted(usage, ctx, "cache_write_1h")
    wire: Wire = {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
    }
    prompt = {
        "cached_tokens": usage.cache_read,
        "cache_write_tokens": usage.cache_write,
        "audio_tokens": usage.input_audio,
        "image_tokens": usage.input_image,
    }
    completion = {
        "reasoning_tokens": usage.reasoning,
        "audio_tokens": usage.output_audio,
        "image_tokens": usage.output_image,
    }
    for name, details in (("prompt_tokens_details", prompt), ("completion_tokens_details", completion)):
        if told := {word: count for word, count in details.items() if count}:
            wire[name] = told
    if ctx.at_home:
        return ctx.carry(wire, usage.extra, "usage")
    return ctx.carry(wire, {name: value for name, value in usage.extra.items() if counts(value)}, "usage")


def counts(value: Json) -> bool:
    """Whether a leftover count says anything: zeros do not."""
    if isinstance(value, dict):
        return any(inner not in (0, None, {}, []) for inner in value.values())
    return bool(value)


# -- with which error ------------------------------------------------------------


def encode_error(error: GatewayError) -> tuple[int, Wire]:
    status, wire = encode_any_error(error)
    if error.kind is Kind.AUTHENTICATION and wire["error"]["code"] == "invalid_api_key":
        return ERRORS[error.kind][0], {"error": {name: wire["error"][name] for name in ("message", "type", "code")}}
    return status, wire
