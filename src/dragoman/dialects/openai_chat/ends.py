"""How an answer ends, as Chat Completions spells it: why, at what cost, or with which error; both directions.

It knows nothing of content.
"""

from __future__ import annotations

from collections.abc import Mapping

from dragoman.core.codec import Context, Wire
from dragoman.core.errors import GatewayError, Kind
from dragoman.core.ir import Json, Stop, StopReason, Usage
from dragoman.core.refusals import context_is_full, kind_of, retry_after

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
    """Calls that wait for an answer are why the turn ended, whatever the provider says (case 90)."""
    word = raw if isinstance(raw, str) and raw else None
    reason = STOPS.get(word or "stop", "stop")
    if called and reason == "stop":
        reason = "tool_calls"
    return Stop(reason, word, sequence if isinstance(sequence, str) else None)


def encode_stop(stop: Stop, ctx: Context) -> str:
    if ctx.at_home and stop.raw and STOPS.get(stop.raw, "stop") == stop.reason:
        return stop.raw
    return "stop" if stop.reason == "error" else stop.reason


# -- at what cost -------------------------------------------------------------


def _count(wire: Wire, *names: str) -> int:
    """The first of the counts that is there; it is taken, but a zero is left to go home as it was."""
    for name in names:
        value = wire.get(name)
        if type(value) is int and value > 0:
            del wire[name]
            return value
    return 0


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

ERRORS: dict[Kind, tuple[int, str]] = {
    Kind.INVALID_REQUEST: (400, "invalid_request_error"),
    Kind.CONTEXT_LENGTH: (400, "invalid_request_error"),
    Kind.CONTENT_POLICY: (400, "invalid_request_error"),
    Kind.AUTHENTICATION: (401, "invalid_request_error"),
    Kind.PERMISSION: (403, "permission_error"),
    Kind.NOT_FOUND: (404, "invalid_request_error"),
    Kind.METHOD: (405, "invalid_request_error"),
    Kind.CONFLICT: (409, "conflict_error"),
    Kind.TOO_LARGE: (413, "invalid_request_error"),
    Kind.MEDIA_TYPE: (415, "invalid_request_error"),
    Kind.RATE_LIMIT: (429, "rate_limit_error"),
    Kind.QUOTA: (429, "insufficient_quota"),
    Kind.INTERNAL: (500, "server_error"),
    Kind.UPSTREAM: (502, "server_error"),
    Kind.OVERLOADED: (503, "server_error"),
    Kind.TIMEOUT: (504, "server_error"),
}
"""Each kind's status and type. OpenAI's own types are few; what tells them apart is the code."""

CODES: dict[Kind, str] = {
    Kind.CONTEXT_LENGTH: "context_length_exceeded",
    Kind.CONTENT_POLICY: "content_policy_violation",
    Kind.AUTHENTICATION: "invalid_api_key",
    Kind.METHOD: "method_not_allowed",
    Kind.TOO_LARGE: "request_too_large",
    Kind.RATE_LIMIT: "rate_limit_exceeded",
    Kind.QUOTA: "insufficient_quota",
    Kind.INTERNAL: "internal_error",
    Kind.UPSTREAM: "upstream_error",
    Kind.OVERLOADED: "overloaded_error",
    Kind.TIMEOUT: "upstream_timeout",
}
"""The code of an error that brings none of its own."""

KINDS: dict[str, Kind] = {
    "context_length_exceeded": Kind.CONTEXT_LENGTH,
    "string_above_max_length": Kind.CONTEXT_LENGTH,
    "too_many_prompt_tokens": Kind.CONTEXT_LENGTH,  # Perplexity, 2026
    "exceed_context_size_error": Kind.CONTEXT_LENGTH,  # llama.cpp
    "content_filter": Kind.CONTENT_POLICY,
    "content_policy_violation": Kind.CONTENT_POLICY,
    "invalid_api_key": Kind.AUTHENTICATION,
    "authentication_error": Kind.AUTHENTICATION,
    "invalid_authentication_error": Kind.AUTHENTICATION,
    "insufficient_quota": Kind.QUOTA,
    "billing_hard_limit_reached": Kind.QUOTA,
    "billing_not_active": Kind.QUOTA,
    "exceeded_current_quota_error": Kind.QUOTA,  # Moonshot
    "permission_error": Kind.PERMISSION,
    "permission_denied": Kind.PERMISSION,
    "model_not_found": Kind.NOT_FOUND,
    "not_found_error": Kind.NOT_FOUND,
    "request_too_large": Kind.TOO_LARGE,
    "rate_limit_exceeded": Kind.RATE_LIMIT,
    "rate_limit_error": Kind.RATE_LIMIT,
    "ratelimitreached": Kind.RATE_LIMIT,  # Azure
    "rate_limit_reached_error": Kind.RATE_LIMIT,  # Moonshot
    "resource_exhausted": Kind.RATE_LIMIT,  # Google's compatible server
    "engine_overloaded_error": Kind.OVERLOADED,
    "overloaded_error": Kind.OVERLOADED,
    "server_is_overloaded": Kind.OVERLOADED,
    "slow_down": Kind.OVERLOADED,
    "tool_use_failed": Kind.UPSTREAM,  # Groq: the model wrote a call that is none; another try may do better
    "timeout_error": Kind.TIMEOUT,
    "upstream_timeout": Kind.TIMEOUT,
    "server_error": Kind.UPSTREAM,
    "internal_server_error": Kind.UPSTREAM,
    "upstream_error": Kind.UPSTREAM,
}
"""Codes and types (in small letters) that tell more than the status."""

LONGEST = 2000  # characters of a provider's message that are passed on


def decode_error(status: int, wire: Json, headers: Mapping[str, str]) -> GatewayError:
    """Any failure as one error: OpenAI's envelope, Mistral's and vLLM's bare one, FastAPI's `detail`, HTML, nothing."""
    body = wire[0] if isinstance(wire, list) and wire else wire  # Google's compatible server sends an array
    body = body if isinstance(body, dict) else {"message": body}
    error = body.get("error", body)
    if not isinstance(error, dict):
        error = {**body, "message": error}
    code, message = word(error.get("code")), told(error, status)
    if not 400 <= status <= 599:
        said = next((value for name in ("code", "status_code", "status") if type(value := error.get(name)) is int), 0)
        status = said if 400 <= said <= 599 else 0
    kind = next((KINDS[name] for name in names(error) if name in KINDS), None)
    if kind is None:
        kind = kind_of(status)
    if kind in (Kind.INVALID_REQUEST, Kind.TOO_LARGE, Kind.UPSTREAM) and context_is_full(message):
        kind = Kind.CONTEXT_LENGTH
    return GatewayError(
        kind,
        message,
        param=word(error.get("param")),
        code=code,
        retry_after=retry_after(headers),
        status=status or None,
    )


def names(error: Wire) -> list[str]:
    return [name.lower() for each in ("code", "type", "status") if (name := word(error.get(each)))]


def word(value: Json) -> str | None:
    """A string that says something; codes that are numbers only repeat the status."""
    return value if isinstance(value, str) and value and not value.isdigit() else None


def told(error: Wire, status: int) -> str:
    """What the provider says to people; never a page of HTML, and no dump of its insides."""
    found = next((error[name] for name in ("message", "detail", "error_message", "msg") if error.get(name)), None)
    if isinstance(found, dict):
        found = found.get("message") or found.get("msg") or found.get("detail")
    if isinstance(found, list):  # FastAPI
        found = "; ".join(f"{place(line)}{line['msg']}" for line in found if isinstance(line, dict) and "msg" in line)
    message = found.strip() if isinstance(found, str) else ""
    if not message or message[:1] == "<":
        return f"the provider answered with status {status}" if status else "the provider reported an error"
    details = error.get("metadata")  # OpenRouter: "Provider returned error", and in here what that one said
    if isinstance(details, dict) and isinstance(raw := details.get("raw"), str) and raw not in message:
        message = f"{message}: {raw}"
    return message[:LONGEST]


def place(line: Wire) -> str:
    where = line.get("loc")
    return ".".join(str(step) for step in where) + ": " if isinstance(where, list) and where else ""


def encode_error(error: GatewayError) -> tuple[int, Wire]:
    status, type_ = ERRORS[error.kind]
    code = error.code or CODES.get(error.kind)
    said: Wire = {"message": error.message, "type": type_}
    if error.kind is Kind.AUTHENTICATION and code == "invalid_api_key":
        return status, {"error": said | {"code": code}}  # no other member (contract 003-1)
    if error.kind is not Kind.CONTEXT_LENGTH and error.status is not None and 400 <= error.status <= 599:
        status = error.status  # a full context is always 400: clients look for it there (case 136)
    return status, {"error": said | {"param": error.param, "code": code}}
