"""What a query says: flags, whole numbers, pages of lists. It knows neither what is asked for nor of whom."""

from __future__ import annotations

from dragoman.core.errors import invalid
from dragoman.dialects import STATE
from dragoman.service.call import Call

PAGE = 100  # items of a list at most


def flag(call: Call, name: str) -> bool:
    value = call.query.get(name, "false").lower()
    if value not in ("true", "false"):
        raise invalid(name, "is one of true, false")
    return value == "true"


def whole(call: Call, name: str, least: int) -> int | None:
    value = call.query.get(name)
    if value is None:
        return None
    if not (value.isascii() and value.isdigit() and len(value) < 10) or int(value) < least:
        raise invalid(name, f"expected a whole number from {least} on")
    return int(value)


def included(call: Call) -> None:
    """`include` asks for more than is shown unasked. All that is kept is shown: the words only have to be known."""
    for name in ("include", "include[]"):
        if (word := call.query.get(name)) is not None and word not in STATE.INCLUDABLE:
            raise invalid("include", f"{word!r:.60} is not one of {', '.join(STATE.INCLUDABLE)}")


def ordered(call: Call) -> tuple[str, int]:
    """`order` and `limit` of a list."""
    order, limit = call.query.get("order", "desc"), whole(call, "limit", least=1)
    if order not in ("asc", "desc"):
        raise invalid("order", "is one of asc, desc")
    if limit is not None and limit > PAGE:
        raise invalid("limit", f"must be between 1 and {PAGE}")
    return order, limit or 20
