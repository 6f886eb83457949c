"""What of a request in Chat Completions cannot pass as its client wrote it to a server with these quirks.

It looks at messages only for reasoning, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dragoman.core.codec import Wire
from dragoman.core.profile import Profile
from dragoman.dialects.openai_chat.parts import FORMATS, REASONING

CARRIED = (*REASONING, "extra_content")
"""Where clients keep what a provider thought, and what another signed."""


def unfit(wire: Wire, profile: Profile) -> bool:
    """Whether earlier turns hold reasoning that this server refuses, or lack what it demands back (cases 77, 87)."""
    how = profile.send_reasoning
    if how == "none":
        return False
    messages = wire.get("messages")
    turns = [turn for turn in messages if isinstance(turn, dict)] if isinstance(messages, list) else []
    turns = [turn for turn in turns if turn.get("role") == "assistant"]
    if how == "refused":
        return any(holds(turn) or any(map(holds, calls(turn))) for turn in turns)
    if how == "field" and any(foreign(turn) or any(map(foreign, calls(turn))) for turn in turns):
        return True
    if how == "details" and any(format not in FORMATS.values() for turn in turns for format in formats(turn)):
        return True
    back = (profile.reasoning_field,) if how == "field" else REASONING
    return any(calls(turn) and all(turn.get(name) is None for name in back) for turn in turns)


def holds(wire: Wire) -> bool:
    return any(wire.get(name) is not None for name in CARRIED)


def foreign(wire: Wire) -> bool:
    """What another signed; this server signs nothing."""
    return wire.get("reasoning_details") is not None or wire.get("extra_content") is not None


def formats(turn: Wire) -> Iterator[str]:
    """How what is signed in a turn says that it was signed."""
    details = turn.get("reasoning_details")
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict) and (detail.get("signature") or detail.get("data")):
            yield str(detail.get("format"))


def calls(turn: Wire) -> list[dict[str, Any]]:
    found = turn.get("tool_calls")
    return [call for call in found if isinstance(call, dict)] if isinstance(found, list) else []
