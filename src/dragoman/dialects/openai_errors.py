"""The error object that all of OpenAI's APIs share, both directions; and what its kin put in its place.

It knows neither requests nor answers. It is no dialect: the two that have this object read and write it here.
"""

from __future__ import annotations

from collections.abc import Mapping

from dragoman.core.codec import Wire
from dragoman.core.errors import GatewayError, Kind
from dragoman.core.ir import Json
from dragoman.core.refusals import STATUSES, context_is_full, kind_of, retry_after

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
WIDE = frozenset({"server_error", "internal_server_error", "upstream_error"})
"""Those that tell less than a status with a meaning of its own, such as 503 or 529."""

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
    said_more = names(error) if status not in STATUSES else [name for name in names(error) if name not in WIDE]
    kind = next((KINDS[name] for name in said_more if name in KINDS), None)
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
