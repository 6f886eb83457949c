"""What of a request cannot pass as its client wrote it to a provider of this dialect.

It changes nothing.
"""

from __future__ import annotations

from dragoman.core.codec import Wire
from dragoman.core.profile import Profile
from dragoman.dialects.anthropic.runs import foreign
from dragoman.dialects.anthropic.words import ISSUER, efforts_of


def unfit(wire: Wire, profile: Profile) -> bool:
    """Whether the codec writes the request anew: it tells this model to think as another does, has a system message
    where this one takes none, thoughts that nobody signed, or searches that it never made: so clients keep those of
    other providers (cases 76, 87). Where the provider is not the dialect's vendor, whose a signature is can be told
    only where answers do not pass either."""
    if profile.issuer not in (None, ISSUER) or thinks_otherwise(wire, profile):
        return True
    messages = wire.get("messages")
    turns = [turn for turn in messages if isinstance(turn, dict)] if isinstance(messages, list) else []
    if not profile.system_turns and any(turn.get("role") == "system" for turn in turns):
        return True
    return any(
        (isinstance(block, dict) and block.get("type") == "thinking" and not block.get("signature")) or foreign(block)
        for turn in turns
        if isinstance(turn.get("content"), list)
        for block in turn["content"]
    )


def thinks_otherwise(wire: Wire, profile: Profile) -> bool:
    """Whether this model would refuse how it is told to think. Claude Code tells a model whose name it does not know
    what the newest ones understand."""
    thinking, config = wire.get("thinking"), wire.get("output_config")
    kind = thinking.get("type") if isinstance(thinking, dict) else None
    effort = config.get("effort") if isinstance(config, dict) else None
    known = efforts_of(profile)
    if isinstance(effort, str) and known is not None and effort not in known:
        return True
    match profile.thinking:
        case "budget":
            return kind == "adaptive"
        case "adaptive":
            return kind == "enabled" and not profile.sampling  # both are refused since Claude 4.7
        case "none":
            return kind in ("adaptive", "enabled")
    return False
