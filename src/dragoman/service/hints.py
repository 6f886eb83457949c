"""When a provider may be asked again, as its headers tell: Retry-After in every spelling, and what of a rate remains.

Pure: the clock is handed in. It knows no dialect.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MOST = 24 * 3600.0  # seconds: what asks for more is believed so far
_NUMBER = re.compile(r"\d{1,15}(\.\d{0,9})?")
_SPANS = re.compile(r"(?:\d+(?:\.\d+)?(?:h|ms|m|s))+")  # OpenAI's "6m0s", "20ms"
_SPAN = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s)")
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
WHAT = ("requests", "tokens", "input-tokens", "output-tokens")
FAMILIES = (
    ("x-ratelimit-remaining-{}", "x-ratelimit-reset-{}"),
    ("anthropic-ratelimit-{}-remaining", "anthropic-ratelimit-{}-reset"),
)
PAIRS = (
    *((remaining.format(what), reset.format(what)) for remaining, reset in FAMILIES for what in WHAT),
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
)
"""Header names: what remains, and when there is more."""


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds to wait: `retry-after-ms`, or `retry-after` as a number or a date; None where nothing sensible is said.

    headers: names in lower case. now: Unix time.
    """
    milliseconds = headers.get("retry-after-ms", "").strip()
    if _NUMBER.fullmatch(milliseconds):
        return min(MOST, float(milliseconds) / 1000)
    return _when(headers.get("retry-after", "").strip(), now, epoch=False)


def spent(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds until a rate of which nothing remains is free again; None where something remains of all."""
    waits = [
        wait
        for remaining, reset in PAIRS
        if headers.get(remaining, "").strip() == "0"
        and (wait := _when(headers.get(reset, "").strip(), now)) is not None
    ]
    return max(waits, default=None)


def _when(text: str, now: float, *, epoch: bool = True) -> float | None:
    """Seconds from now, whatever the spelling. epoch: whether a number may be a moment, in seconds or milliseconds."""
    if _NUMBER.fullmatch(text):
        value = float(text)
        if epoch and value > 1e12:
            value = value / 1000 - now
        elif epoch and value > 1e9:
            value -= now
        return min(MOST, max(0.0, value))
    if _SPANS.fullmatch(text):
        return min(MOST, sum(float(number) * _UNITS[unit] for number, unit in _SPAN.findall(text)))
    moment = _moment(text)
    return None if moment is None else min(MOST, max(0.0, moment - now))


def _moment(text: str) -> float | None:
    """Unix time of an HTTP date or of RFC 3339."""
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            found = read(text)
        except (ValueError, TypeError, OverflowError):
            continue
        if found.tzinfo is None:
            found = found.replace(tzinfo=UTC)
        return found.timestamp()
    return None
