"""Anthropic's own requests at somebody else's: what a cloud takes of their body and of `anthropic-beta`.

Bytes in, bytes out. It knows no cloud: what differs between them is handed in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from dragoman.core.codec import Loss, raw_members, rewrite
from dragoman.core.ir import Json

FIELDS = frozenset(
    (
        "anthropic_beta",
        "anthropic_version",
        "max_tokens",
        "messages",
        "metadata",
        "model",
        "output_config",
        "stop_sequences",
        "stream",
        "system",
        "temperature",
        "thinking",
        "tool_choice",
        "tools",
        "top_k",
        "top_p",
    )
)
"""What every cloud takes of a request; it refuses the rest: "Extra inputs are not permitted" (cases.md 72)."""


TRUE = msgspec.Raw(b"true")


class Enclosed(NamedTuple):
    body: bytes
    betas: tuple[str, ...]
    losses: tuple[Loss, ...]


def enclosed(body: bytes, betas: str, taken: Mapping[str, str], **changes: Json) -> Enclosed:
    """The body with `changes` and without what is not taken, and the betas that are.

    betas: the header's value. taken: each beta that the cloud knows and what it calls it there.
    """
    losses = []
    for name in raw_members(body):
        if name not in FIELDS and name not in changes:
            losses.append(Loss(name, "not taken by this cloud"))
            changes[name] = None
    kept: dict[str, None] = {}
    for beta in filter(None, map(str.strip, betas.split(","))):
        if beta in taken:
            kept[taken[beta]] = None
        else:
            losses.append(Loss(f"anthropic-beta.{beta}", "not taken by this cloud"))
    return Enclosed(rewrite(body, **changes), tuple(kept), tuple(losses))


def streams(body: bytes) -> bool:
    return raw_members(body).get("stream") == TRUE
