"""The models of the sandbox that misbehave on purpose, so that a client can meet every error without waiting for it.

`error-<status>` fails; what `slow` and `cut` do is seen in a stream, and done where streams are made.
"""

from __future__ import annotations

import re

from dragoman.core.errors import GatewayError, Kind

SLOW = "slow"
CUT = "cut"

FAULTS: dict[int, tuple[Kind, str]] = {
    400: (Kind.INVALID_REQUEST, "invalid request"),
    401: (Kind.AUTHENTICATION, "invalid API key"),
    402: (Kind.QUOTA, "quota exhausted"),
    403: (Kind.PERMISSION, "permission denied"),
    404: (Kind.NOT_FOUND, "model not found"),
    405: (Kind.METHOD, "method not allowed"),
    408: (Kind.TIMEOUT, "request timed out"),
    409: (Kind.CONFLICT, "conflict"),
    413: (Kind.TOO_LARGE, "request too large"),
    415: (Kind.MEDIA_TYPE, "unsupported media type"),
    429: (Kind.RATE_LIMIT, "rate limit exceeded"),
    500: (Kind.UPSTREAM, "internal server error"),
    503: (Kind.OVERLOADED, "service unavailable"),
    504: (Kind.TIMEOUT, "upstream timed out"),
    529: (Kind.OVERLOADED, "overloaded"),
}
AGAIN = frozenset({429, 503, 529})
"""Statuses that come with a time to wait."""


def refuse(model: str) -> None:
    """Raises what the model's name asks for, if it asks for an error."""
    found = re.fullmatch(r"error-([45]\d\d)", model)
    if not found:
        return
    status = int(found[1])
    other = (Kind.INVALID_REQUEST, "request refused") if status < 500 else (Kind.UPSTREAM, "server error")
    kind, words = FAULTS.get(status, other)
    message = f"{words} (the sandbox was asked for a {status})"
    raise GatewayError(kind, message, status=status, retry_after=1 if status in AGAIN else None)


def cut_short() -> GatewayError:
    message = "the stream ended before the answer did (the sandbox was asked for it)"
    return GatewayError(Kind.UPSTREAM, message, code="upstream_truncated")
