"""How providers say no, whatever their dialect: what a status means, how a full context is worded, when to come back.

It knows no dialect's error object.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from dragoman.core.errors import GatewayError, Kind

STATUSES: dict[int, Kind] = {
    400: Kind.INVALID_REQUEST,
    401: Kind.AUTHENTICATION,
    402: Kind.QUOTA,
    403: Kind.PERMISSION,
    404: Kind.NOT_FOUND,
    405: Kind.METHOD,
    408: Kind.TIMEOUT,
    409: Kind.CONFLICT,
    413: Kind.TOO_LARGE,
    415: Kind.MEDIA_TYPE,
    422: Kind.INVALID_REQUEST,
    429: Kind.RATE_LIMIT,
    503: Kind.OVERLOADED,
    504: Kind.TIMEOUT,
    524: Kind.TIMEOUT,
    529: Kind.OVERLOADED,
}
"""The statuses that tell something; of the others, 400 to 499 are the request's fault and the rest the provider's."""

_TOO_LONG = re.compile(
    r"maximum context length|context_length_exceeded|(prompt|input) is too long|too many tokens|too large for model"
    r"|length of all messages is too long|longer than the model.s (maximum )?context|reduce the length of the messages"
    r"|exceed(s|ed)? (the )?(model.s )?(maximum )?(context|configured) (limit|window|length)"
    r"|exceeds? the (available|model.s (maximum )?) ?context|token count.{0,60}exceeds"
    r"|exceeds the maximum number of tokens",
    re.IGNORECASE | re.DOTALL,
)


def kind_of(status: int) -> Kind:
    return STATUSES.get(status) or (Kind.INVALID_REQUEST if 400 <= status < 500 else Kind.UPSTREAM)


def context_is_full(message: str) -> bool:
    """Whether a provider's words mean that the context is full, where no code says it (cases.md 136)."""
    return _TOO_LONG.search(message) is not None


_FOREIGN = re.compile(
    r"Item with id 'rs_[^']*' not found|encrypted content .{0,80}could not be (verified|decrypted)", re.I
)


def thoughts_are_foreign(error: GatewayError) -> bool:
    """Whether a provider refuses a request for thoughts that another account issued, or that it has not kept."""
    return error.code == "invalid_encrypted_content" or _FOREIGN.search(error.message) is not None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, where a header says it in numbers; a date is not read: there is no clock here."""
    given = {name.lower(): value for name, value in headers.items()}
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        if re.fullmatch(r"\s*\d{1,9}(\.\d{0,9})?\s*", text := given.get(name, "")):
            return float(text) / unit
    return None
