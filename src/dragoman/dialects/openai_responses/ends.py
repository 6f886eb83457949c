"""How an answer ends, as Responses spells it: why, at what cost, or with which error; both directions.

It knows nothing of content. The errors are those of all of OpenAI's APIs, read and told alike.
"""

from __future__ import annotations

from collections.abc import Mapping

from dragoman.core.codec import Context, Wire
from dragoman.core.errors import GatewayError, Kind
from dragoman.core.ir import Json, Stop, StopReason, Usage
from dragoman.core.refusals import context_is_full, kind_of, retry_after

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
    "vector_store_timeout": Kind.TIMEOUT,
    "invalid_prompt": Kind.INVALID_REQUEST,
    "invalid_image": Kind.INVALID_REQUEST,
    "image_content_policy_violation": Kind.CONTENT_POLICY,
    "cyber_policy": Kind.CONTENT_POLICY,
    "bio_policy": Kind.CONTENT_POLICY,
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
    if kind is None and not status and "invalid_request_error" in names(error):
        kind = Kind.INVALID_REQUEST  # in a stream, where no status tells
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
    if error.kind is not Kind.CONTEXT_LENGTH and error.status is not None and 400 <= error.status <= 599:
        status = error.status  # a full context is always 400: clients look for it there (case 136)
    return status, {"error": said | {"param": error.param, "code": code}}


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
