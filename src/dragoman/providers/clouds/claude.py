"""Anthropic's own requests at somebody else's: what a cloud takes of their body and of `anthropic-beta`.

Bytes in, bytes out. It knows no cloud: what differs between them is handed in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from dragoman.core.codec import Loss, raw_members, rewrite
from dragoman.core.errors import GatewayError, Kind, invalid
from dragoman.core.ir import Json

FIELDS = frozenset(
    (
        *("max_tokens", "messages", "metadata", "model", "output_config", "stop_sequences", "stream", "system"),
        *("temperature", "thinking", "tool_choice", "tools", "top_k", "top_p"),
    )
)
"""What every cloud takes of a request; it refuses the rest: "Extra inputs are not permitted" (cases.md 72)."""
WITH_BETA = {"context_management": "context-management-", "defer_loading": "tool-search-tool-"}
"""What is taken beside a beta of that name."""
MISSED = ("mcp_servers", "container")  # without these the answer would be another, not a poorer one
OF_TOOLS = ("allowed_callers", "defer_loading", "eager_input_streaming", "input_examples")
"""What of a tool the clouds do not take. It says when a tool is shown and streamed, not what it does."""
WHY = "not taken by this cloud"


class Enclosed(NamedTuple):
    body: bytes
    betas: tuple[str, ...]
    losses: tuple[Loss, ...]


def enclosed(body: bytes, betas: str, taken: Mapping[str, str], **changes: Json) -> Enclosed:
    """The body with `changes` and without what is not taken, and the betas that are.

    betas: the header's value. taken: each beta that the cloud knows and what it calls it there.
    Raises GatewayError(INVALID_REQUEST) for what cannot be left out.
    """
    losses: list[Loss] = []
    kept: dict[str, None] = {}
    for beta in filter(None, map(str.strip, betas.split(","))):
        if beta in taken:
            kept[taken[beta]] = None
        else:
            losses.append(Loss(f"anthropic-beta.{beta}", WHY))
    members = {name: bytes(raw) for name, raw in raw_members(body).items()}
    for name in MISSED:
        if members.get(name, b"null") not in (b"null", b"[]"):
            raise invalid(name, WHY)
    for name in members:
        if name not in FIELDS and name not in changes and not beside(name, kept):
            losses.append(Loss(name, WHY))
            changes[name] = None
    if "tools" in members and any(b'"%b"' % name.encode() in members["tools"] for name in OF_TOOLS):
        left_out = [name for name in OF_TOOLS if not beside(name, kept)]
        changes["tools"] = without(decoded(members["tools"]), left_out, losses)
    for name in ("system", "messages", "tools"):
        if name in members and b'"scope"' in members[name]:
            changes[name] = unscoped(changes.get(name) or decoded(members[name]), name, losses)
    return Enclosed(rewrite(body, **changes), tuple(kept), tuple(losses))


def beside(name: str, betas: Mapping[str, None]) -> bool:
    return name in WITH_BETA and any(beta.startswith(WITH_BETA[name]) for beta in betas)


def decoded(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise GatewayError(Kind.INVALID_REQUEST, "the body is not JSON, or nested too deeply") from None


def without(tools: Json, names: list[str], losses: list[Loss]) -> Json:
    """The tools without those members."""
    if not isinstance(tools, list):
        return tools
    for i, tool in enumerate(tools):
        for name in names:
            if isinstance(tool, dict) and name in tool:
                del tool[name]
                losses.append(Loss(f"tools[{i}].{name}", WHY))
    return tools


def unscoped(value: Json, path: str, losses: list[Loss]) -> Json:
    """The same, with cache marks that do not say for whom they are."""
    for mark, at in marks(value, path, 8):
        if "scope" in mark:
            del mark["scope"]
            losses.append(Loss(f"{at}.scope", WHY))
    return value


def marks(value: Json, path: str, depth: int) -> Iterator[tuple[dict[str, Json], str]]:
    """The cache marks in a value, as deep as blocks are nested."""
    if depth == 0:
        return
    if isinstance(value, list):
        for i, inner in enumerate(value):
            yield from marks(inner, f"{path}[{i}]", depth - 1)
    elif isinstance(value, dict):
        if isinstance(mark := value.get("cache_control"), dict):
            yield mark, f"{path}.cache_control"
        if "content" in value:
            yield from marks(value["content"], f"{path}.content", depth - 1)


def streams(body: bytes) -> bool:
    return bytes(raw_members(body).get("stream", b"")) == b"true"
