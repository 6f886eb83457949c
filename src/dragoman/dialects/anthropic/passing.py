"""What of a request cannot pass as its client wrote it to a provider of this dialect.

It changes nothing.
"""

from __future__ import annotations

from dragoman.core.codec import Wire
from dragoman.core.profile import Profile
from dragoman.dialects.anthropic.words import ISSUER


def unfit(wire: Wire, profile: Profile) -> bool:
    """Whether earlier turns hold thoughts that nobody signed: so clients keep those of other providers (case 87). Where
    this one is not the dialect's vendor, whose a signature is can be told only where answers do not pass either."""
    if profile.issuer not in (None, ISSUER):
        return True
    messages = wire.get("messages")
    return any(
        isinstance(block, dict) and block.get("type") == "thinking" and not block.get("signature")
        for turn in (messages if isinstance(messages, list) else ())
        if isinstance(turn, dict) and isinstance(turn.get("content"), list)
        for block in turn["content"]
    )
