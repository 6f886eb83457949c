"""One error, whatever went wrong and whoever said so.

It knows no dialect: each codec has its own table of these kinds.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    INVALID_REQUEST = "invalid_request"
    CONTEXT_LENGTH = "context_length"
    CONTENT_POLICY = "content_policy"
    AUTHENTICATION = "authentication"
    QUOTA = "quota"
    PERMISSION = "permission"
    NOT_FOUND = "not_found"
    METHOD = "method_not_allowed"
    CONFLICT = "conflict"
    TOO_LARGE = "too_large"
    MEDIA_TYPE = "unsupported_media_type"
    RATE_LIMIT = "rate_limit"
    INTERNAL = "internal"
    UPSTREAM = "upstream"
    OVERLOADED = "overloaded"
    TIMEOUT = "timeout"


class GatewayError(Exception):
    """What a client is told.

    param: path of the offending field in the caller's own body (`messages[2].content[0].type`).
    code: a short word for programs, where the kind's own word is too wide ("model_not_found").
    retry_after: seconds. status: the provider's own HTTP status, where one was given.
    """

    def __init__(
        self,
        kind: Kind,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.kind, self.message = kind, message
        self.param, self.code = param or None, code
        self.retry_after, self.status = retry_after, status
        self.spent = False
        """Whether the gateway has tried what may be tried: who asks it again at once gains nothing."""
        self.said: tuple[str, dict[str, Any]] | None = None
        """The provider's own words: its dialect and its error body, which goes as it is to a client of that dialect."""
        self.event: tuple[str, bytes] | None = None
        """The same where they came in a stream: the event's name and data."""

    def rename(self, path: str) -> None:
        """The same error at a path by another name."""
        if self.message.startswith(f"{self.param}: "):
            self.message = path + self.message[len(self.param or "") :]
            self.args = (self.message,)
        self.param = path

    def again(self, retry_after: float | None) -> GatewayError:
        """The same, to be told once more: another exception, which holds on to nothing of where this one was raised."""
        same = GatewayError(
            self.kind, self.message, param=self.param, code=self.code, retry_after=retry_after, status=self.status
        )
        same.said, same.event = self.said, self.event
        return same


def invalid(path: str, why: str, *, code: str | None = None) -> GatewayError:
    """The client's own mistake, at a path of its own body."""
    return GatewayError(Kind.INVALID_REQUEST, f"{path}: {why}" if path else why, param=path, code=code)
