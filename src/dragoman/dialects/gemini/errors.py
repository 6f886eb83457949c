"""Errors of the Gemini API, both directions, and what its finish reasons mean. It knows no request and no answer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import msgspec

from dragoman.core.codec import Wire
from dragoman.core.errors import GatewayError, Kind
from dragoman.core.ir import Json, Stop, StopReason
from dragoman.core.refusals import STATUSES, context_is_full, kind_of, retry_after

ERRORS: dict[Kind, tuple[int, str]] = {
    Kind.INVALID_REQUEST: (400, "INVALID_ARGUMENT"),
    Kind.CONTEXT_LENGTH: (400, "INVALID_ARGUMENT"),
    Kind.CONTENT_POLICY: (400, "INVALID_ARGUMENT"),
    Kind.AUTHENTICATION: (401, "UNAUTHENTICATED"),
    Kind.QUOTA: (429, "RESOURCE_EXHAUSTED"),
    Kind.PERMISSION: (403, "PERMISSION_DENIED"),
    Kind.NOT_FOUND: (404, "NOT_FOUND"),
    Kind.METHOD: (405, "UNIMPLEMENTED"),
    Kind.CONFLICT: (409, "ABORTED"),
    Kind.TOO_LARGE: (413, "INVALID_ARGUMENT"),
    Kind.MEDIA_TYPE: (415, "INVALID_ARGUMENT"),
    Kind.RATE_LIMIT: (429, "RESOURCE_EXHAUSTED"),
    Kind.INTERNAL: (500, "INTERNAL"),
    Kind.UPSTREAM: (502, "UNAVAILABLE"),
    Kind.OVERLOADED: (503, "UNAVAILABLE"),
    Kind.TIMEOUT: (504, "DEADLINE_EXCEEDED"),
}

WORDS: dict[str, Kind] = {
    "INVALID_ARGUMENT": Kind.INVALID_REQUEST,
    "FAILED_PRECONDITION": Kind.INVALID_REQUEST,
    "OUT_OF_RANGE": Kind.INVALID_REQUEST,
    "UNAUTHENTICATED": Kind.AUTHENTICATION,
    "PERMISSION_DENIED": Kind.PERMISSION,
    "NOT_FOUND": Kind.NOT_FOUND,
    "ALREADY_EXISTS": Kind.CONFLICT,
    "RESOURCE_EXHAUSTED": Kind.RATE_LIMIT,
    "DEADLINE_EXCEEDED": Kind.TIMEOUT,
    "UNAVAILABLE": Kind.OVERLOADED,
}
"""What google.rpc's words mean; the others (INTERNAL, UNKNOWN, ABORTED, ...) are the provider's own failures."""
BAD_KEY = re.compile(r"api key (not valid|expired|not found)|API_KEY_(INVALID|EXPIRED)", re.IGNORECASE)
SPENT = re.compile(
    r"PerDay|limit: 0\b|credits? (are|is) depleted|spending cap|billing (account|to be enabled)|enable billing"
)
"""A quota that waiting a minute does not mend. ("Check your plan and billing details" stands in every 429.)"""
RETRY_IN = re.compile(r"retry in ([\d.]+)(m?s)\b")


# -- why an answer ended -----------------------------------------------------

STOPS: dict[str, StopReason] = {
    "STOP": "stop",
    "FINISH_REASON_UNSPECIFIED": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
}
"""All others are "error": MALFORMED_FUNCTION_CALL, UNEXPECTED_TOOL_CALL, LANGUAGE, NO_IMAGE, OTHER, ..."""
RAW_STOPS: dict[StopReason, str] = {
    "stop": "STOP",
    "tool_calls": "STOP",
    "length": "MAX_TOKENS",
    "content_filter": "SAFETY",
    "error": "OTHER",
}
NUMBERS = (
    *("FINISH_REASON_UNSPECIFIED", "STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER", "BLOCKLIST"),
    *("PROHIBITED_CONTENT", "SPII", "MALFORMED_FUNCTION_CALL"),
)
"""With `$alt=json;enum-encoding=int` the reasons come as numbers (recorded: Vertex's own SDK over REST)."""


def stop_word(raw: Json) -> str | None:
    """A finish reason as a word; None where there is none yet."""
    if isinstance(raw, str):
        return raw or None
    if type(raw) is int:
        return NUMBERS[raw] if 0 <= raw < len(NUMBERS) else "OTHER"
    return None


def decode_stop(raw: str, calls: bool) -> Stop:
    """calls: whether the answer holds calls for the client, which Gemini ends with a plain STOP."""
    reason = STOPS.get(raw, "error")
    return Stop("tool_calls" if calls and reason == "stop" else reason, raw)


# -- errors ------------------------------------------------------------------


def encode_error(error: GatewayError) -> tuple[int, Wire]:
    status, word = ERRORS[error.kind]
    if error.status is not None and 400 <= error.status < 600 and error.kind is not Kind.CONTEXT_LENGTH:
        status = error.status
    if status == 500:
        word = ERRORS[Kind.INTERNAL][1]
    details: list[Wire] = []
    if error.param:
        violation = {"field": error.param, "description": error.message}
        details.append({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]})
    if error.retry_after is not None:  # Gemini CLI reads it here, not in the header
        delay = f"{max(error.retry_after, 0):g}s"
        details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay})
    wire: Wire = {"code": status, "message": error.message, "status": word}
    return status, {"error": wire | ({"details": details} if details else {})}


def decode_error(status: int, wire: Json, headers: Mapping[str, str]) -> GatewayError:
    """Whatever Google sent in place of an answer: an object, an array with one, an SSE event, HTML or nothing."""
    error = _error_in(wire)
    said, word, number = error.get("message"), error.get("status"), error.get("code")
    message = said if isinstance(said, str) and said else f"the provider answered with status {status}"
    if not 400 <= status < 600:
        status = number if type(number) is int and 400 <= number < 600 else 0
    details = [detail for detail in _list(error.get("details")) if isinstance(detail, dict)]
    kind = _kind(status, word if isinstance(word, str) else "", message, details)
    return GatewayError(
        kind,
        message,
        code="model_not_found" if kind is Kind.NOT_FOUND and "models/" in message else None,
        retry_after=_retry_after(headers, message, details),
        # 400 with API_KEY_INVALID is no 400 of the client's: the table's status tells it better
        status=status if status and (kind is not Kind.AUTHENTICATION or status in (401, 403)) else None,
    )


def _error_in(wire: Json) -> Wire:
    if isinstance(wire, bytes):
        wire = wire.decode("utf-8", "replace")
    if isinstance(wire, str):
        text = wire.strip().removeprefix("data:")
        try:
            wire = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            wire = {"error": {"message": " ".join(re.sub(r"<[^>]*>", " ", text).split())[:500]}}
    for one in wire if isinstance(wire, list) else (wire,):
        if isinstance(one, dict) and (error := one.get("error")):
            return error if isinstance(error, dict) else {"message": error}
    return wire if isinstance(wire, dict) and "message" in wire else {}


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _strings(value: Json, depth: int = 4) -> Iterator[str]:
    """All texts in some details."""
    if isinstance(value, str):
        yield value
    elif depth and isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner, depth - 1)


def _kind(status: int, word: str, message: str, details: list[Wire]) -> Kind:
    told = " ".join((message, *_strings(details)))
    kind = WORDS.get(word) or kind_of(status)
    if status == 413 or (word and word not in WORDS):  # Google says INVALID_ARGUMENT of a body that is too large
        kind = STATUSES.get(status, Kind.UPSTREAM)
    if kind in (Kind.INVALID_REQUEST, Kind.PERMISSION) and BAD_KEY.search(told):
        return Kind.AUTHENTICATION
    if kind in (Kind.INVALID_REQUEST, Kind.TOO_LARGE) and context_is_full(message):
        return Kind.CONTEXT_LENGTH
    if kind is Kind.RATE_LIMIT and SPENT.search(told):
        return Kind.QUOTA
    if word == "FAILED_PRECONDITION" and SPENT.search(told):
        return Kind.QUOTA
    if word == "FAILED_PRECONDITION" and "location" in message:  # "User location is not supported for the API use."
        return Kind.PERMISSION
    return kind


def _retry_after(headers: Mapping[str, str], message: str, details: list[Wire]) -> float | None:
    if (told := retry_after(headers)) is not None:
        return told
    for detail in details:
        delay = detail.get("retryDelay")
        if isinstance(delay, str) and delay.endswith("s") and (seconds := _seconds(delay[:-1])) is not None:
            return seconds
    if found := RETRY_IN.search(message):
        seconds = _seconds(found[1])
        return seconds / (1000 if found[2] == "ms" else 1) if seconds is not None else None
    return None


def _seconds(text: str) -> float | None:
    return float(text) if re.fullmatch(r"\s*\d{1,9}(\.\d*)?\s*", text) else None
