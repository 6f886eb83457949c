"""JSON Schema as each provider takes it: one call writes a schema for one target, and tells what became of it.

It knows no wire format: which of its fields takes which target, the dialects say. The way back is in schema_back.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeAlias

import msgspec

from dragoman.core.codec import Context
from dragoman.core.errors import invalid
from dragoman.core.ir import Json
from dragoman.core.schema_back import Respelled, mender
from dragoman.core.schema_read import kinds
from dragoman.core.schema_targets import (
    ANTHROPIC_OUTPUT,
    ANTHROPIC_STRICT,
    ANTHROPIC_TOOL,
    GEMINI_OPENAPI,
    GEMINI_OPENAPI_RESPONSE,
    GEMINI_PARAMETERS,
    GEMINI_RESPONSE,
    OPENAI_LOOSE,
    OPENAI_STRICT,
    VERTEX_OPENAPI,
    VERTEX_OPENAPI_RESPONSE,
    Target,
)
from dragoman.core.schema_write import write

__all__ = [
    "ANTHROPIC_OUTPUT",
    "ANTHROPIC_STRICT",
    "ANTHROPIC_TOOL",
    "GEMINI_OPENAPI",
    "GEMINI_OPENAPI_RESPONSE",
    "GEMINI_PARAMETERS",
    "GEMINI_RESPONSE",
    "OPENAI_LOOSE",
    "OPENAI_STRICT",
    "VERTEX_OPENAPI",
    "VERTEX_OPENAPI_RESPONSE",
    "Target",
    "format_schema",
    "normalise",
    "tool_schema",
    "unfit",
]

MOST_LOSSES = 64
GROWTH = 20_000
"""By how much the schemas of one request may grow: a definition of a hundred bytes can stand for thousands."""
Written: TypeAlias = tuple[Any, tuple[tuple[str, str, str], ...], str | None, tuple[int, bool | None]]
"""The schema, its losses, why it cannot be enforced, by how much it grew; and whether its values are wrapped, or None
where they look as the client asked."""


def normalise(schema: Json, target: Target, ctx: Context, path: str) -> Json:
    """The schema in the target's words, a new value; what was lost or put into words is reported below the path."""
    return _normalised(schema, target, ctx, path)[0]


def tool_schema(name: str, schema: Json, target: Target, ctx: Context, path: str) -> Json:
    """The same of the client's tool of that name, whose calls are restored by `schema_back.Mending`."""
    out, wrapped = _normalised(schema, target, ctx, path)
    if wrapped is not None:
        ctx.respelled[name] = Respelled(schema, target, wrapped)
    return out


def format_schema(schema: Json, target: Target, ctx: Context, path: str) -> Json:
    """The same of the form the client's answer is to have."""
    return tool_schema("", schema, target, ctx, path)


def _normalised(schema: Json, target: Target, ctx: Context, path: str) -> tuple[Json, bool | None]:
    out, losses, _, (grown, wrapped) = _written(schema, target, path)
    ctx.grown += grown
    if ctx.grown > GROWTH:
        raise invalid(path, f"and the schemas before it grow by more than {GROWTH} when references are replaced")
    for loss in losses[:MOST_LOSSES]:
        ctx.lose(*loss)
    if len(losses) > MOST_LOSSES:
        ctx.lose(path, f"and {len(losses) - MOST_LOSSES} more")
    return out, wrapped


def unfit(schema: Json, target: Target, path: str = "schema") -> str | None:
    """Why the target cannot be held to this schema without forbidding what it allows, or None where it can.

    Who is told so does better to ask without strict, or in words.
    """
    return _written(schema, target, path)[2]


def _written(schema: Json, target: Target, path: str) -> Written:
    try:
        raw = msgspec.json.encode(schema)
    except UnicodeEncodeError:
        raise invalid(path, "holds half a character") from None
    except (OverflowError, TypeError, ValueError, RecursionError):
        return _write(schema, target, path)
    if len(raw) > 65_536:
        return _write(schema, target, path)
    text, losses, why, grown = _remembered(raw, target, path)
    return msgspec.json.decode(text), losses, why, grown


@lru_cache(maxsize=512)
def _remembered(raw: bytes, target: Target, path: str) -> Written:
    """Agents send the same tools with every turn. The first of what is returned is JSON."""
    out, losses, why, grown = _write(msgspec.json.decode(raw), target, path)
    return msgspec.json.encode(out), losses, why, grown


def _write(schema: Json, target: Target, path: str) -> Written:
    out, report, grown = write(schema, target, path)
    back = mender(schema, target)
    wrapped = None if back is None else back.wrapped
    return out, tuple(report.losses), report.unheld or _beyond(out, target), (grown, wrapped)


def _beyond(schema: Json, target: Target) -> str | None:
    """Which of the target's limits a written schema exceeds."""
    if not (target.depth or target.optional):
        return None
    found: dict[str, int] = dict.fromkeys(("depth", "properties", "choices", "optional", "unions"), 0)
    ahead: list[tuple[Any, int]] = [(schema, 0)]
    while ahead:
        node, depth = ahead.pop()
        if type(node) is not dict:
            continue
        members = node.get("properties", {})
        depth += "properties" in node
        found["depth"] = max(found["depth"], depth)
        found["properties"] += len(members)
        found["optional"] += len(members) - len(node.get("required", ()))
        found["choices"] += len(node.get("enum", ()))
        found["unions"] += "anyOf" in node or len(kinds(node) or ()) > 1
        below = [*members.values(), *node.get("$defs", {}).values(), *node.get("anyOf", ())]
        ahead += [(one, depth) for one in (*below, *node.get("prefixItems", ()), node.get("items"))]
    for name, count in found.items():
        limit = getattr(target, name)
        if limit and count > limit:
            return f"{name}: {count} are more than {limit}"
    return None
