"""JSON bodies gone wrong in every way: each value in turn replaced, removed or wrapped. It knows no dialect."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from dragoman.core.errors import GatewayError, Kind

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 7, 1.5, -0.0, 1e308, 2**63, 10**30, "", "x", "\x00\ud7ff", [], {}, [None], [[]], [{}],
    [1], ["x"], {"": None}, {"type": None}, {"type": "text"}, [[[[{}]]]], {"a": {"b": [1, {"c": None}]}},
)  # fmt: skip


def places(wire: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The path of every value in a JSON value, itself included."""
    yield path
    inner = wire.items() if isinstance(wire, dict) else enumerate(wire) if isinstance(wire, list) else ()
    for name, value in inner:
        yield from places(value, (*path, name))


def mutations(wire: Any) -> Iterator[tuple[str, Any]]:
    """Every value in turn replaced by each of the odd ones, or removed; with words that say where and by what."""
    for path in places(wire):
        if not path:
            yield from ((f"body={odd!r:.40}", odd) for odd in ODD)
            continue
        for odd in ODD:
            changed = copy.deepcopy(wire)
            holder(changed, path)[path[-1]] = odd
            yield f"{path}={odd!r:.40}", changed
        changed = copy.deepcopy(wire)
        del holder(changed, path)[path[-1]]
        yield f"{path} removed", changed


def holder(wire: Any, path: tuple[str | int, ...]) -> Any:
    for step in path[:-1]:
        wire = wire[step]
    return wire


def only_refusals(read: Any, wire: Any, kind: Kind = Kind.INVALID_REQUEST) -> int:
    """`read` takes every mutation of the body, or refuses it with a GatewayError of the kind; returns how many it refused."""
    refused = 0
    for where, changed in mutations(wire):
        try:
            read(changed)
        except GatewayError as error:
            refused += 1
            if error.kind is not kind or not error.message:
                pytest.fail(f"{where}: {error.kind} {error.message}")
        except Exception as error:
            pytest.fail(f"{where}: {type(error).__name__}: {error}")
    return refused
