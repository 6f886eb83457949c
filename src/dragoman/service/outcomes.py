"""What a failed attempt means: whether to ask again, with which key or where else, and whose fault it was.

One table (reliability.md 2.2) over the errors of all providers. Pure; it knows no dialect, no clock and no health.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from dragoman.core.errors import GatewayError, Kind

Blame: TypeAlias = Literal["", "target", "key", "denied", "exhausted", "cooling"]
"""Nobody; the target's health; the key for all models; the key for this model; its credit; its rate for this model."""


class Outcome(Struct, frozen=True, kw_only=True):
    again: int = 0  # how often the same key of the same target may be asked again
    waits: bool = True  # back-off before that
    key: bool = False  # whether another key of the target may do better
    target: bool = False  # whether another target may
    first: bool = False  # whether another target comes before asking the same again
    blame: Blame = ""


FINAL = Outcome()

OUTCOMES: dict[str, Outcome] = {
    "unreachable": Outcome(again=1, waits=False, target=True, blame="target"),  # nothing was sent
    "broken": Outcome(target=True, blame="target"),  # sent, and no answer: it may have been billed
    "timeout": Outcome(target=True, blame="target"),
    "request": FINAL,  # the request's own fault is everybody's
    "no_model": Outcome(target=True),
    "key_refused": Outcome(key=True, target=True, blame="key"),
    "denied": Outcome(key=True, target=True, blame="denied"),
    "exhausted": Outcome(key=True, target=True, blame="exhausted"),
    "limited": Outcome(key=True, target=True, blame="cooling"),
    "early": Outcome(again=1, target=True, blame="target"),
    "conflict": Outcome(again=1, target=True),
    "failed": Outcome(again=1, target=True, blame="target"),
    "overloaded": Outcome(again=4, target=True, first=True, blame="target"),
    "garbled": Outcome(again=1, target=True, blame="target"),
    "redirect": FINAL,
    "ours": FINAL,
}
"""Name -> what follows. `overloaded` is bounded by what one request and one target may be asked in all."""

CODES: dict[str, str] = {
    "upstream_unreachable": "unreachable",
    "upstream_closed": "broken",
    "upstream_timeout": "timeout",
    "upstream_invalid_response": "garbled",
    "upstream_truncated": "garbled",
    "upstream_redirect": "redirect",
    "credentials_missing": "ours",
    "credentials_refused": "key_refused",
    "insufficient_quota": "exhausted",
    "model_not_found": "no_model",
    "no_media": "garbled",
}
"""What our own codes, and the few of providers that say more than the kind, mean."""

STATUSES: dict[int, str] = {
    401: "key_refused",
    402: "exhausted",
    403: "denied",
    404: "no_model",
    408: "early",
    409: "conflict",
    425: "early",
    429: "limited",
    529: "overloaded",
}

KINDS: dict[Kind, str] = {
    Kind.AUTHENTICATION: "key_refused",
    Kind.PERMISSION: "denied",
    Kind.QUOTA: "exhausted",
    Kind.RATE_LIMIT: "limited",
    Kind.NOT_FOUND: "no_model",
    Kind.OVERLOADED: "overloaded",
    Kind.TIMEOUT: "timeout",
    Kind.UPSTREAM: "failed",
    Kind.INTERNAL: "ours",
    Kind.CONFLICT: "conflict",
}
"""Where an error has no status: it came in a stream, or with status 200."""


def named(error: GatewayError) -> str:
    """The row of the table an attempt's error falls into."""
    if error.code in CODES:
        return CODES[error.code]
    if error.kind in (Kind.QUOTA, Kind.RATE_LIMIT):  # 403 and 429 are both said of spent credit
        return KINDS[error.kind]
    if error.status in STATUSES:
        return STATUSES[error.status]
    if error.status is not None and error.status >= 500 and error.status != 501:
        return "failed"
    return KINDS.get(error.kind, "request") if error.status is None else "request"


def outcome(error: GatewayError) -> Outcome:
    return OUTCOMES[named(error)]
