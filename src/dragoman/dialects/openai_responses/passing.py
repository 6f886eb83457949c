"""What of a request cannot pass as its client wrote it to a model of this dialect.

It changes nothing.
"""

from __future__ import annotations

from dragoman.core.codec import Wire
from dragoman.core.profile import Profile
from dragoman.dialects.openai_responses.request import INCLUDED


def unfit(wire: Wire, profile: Profile) -> bool:
    """Whether a model that does not reason is asked to, or for its reasoning, and would refuse: so Codex asks a model
    whose name it does not know."""
    asked = wire.get("include")
    return profile.thinking == "none" and (
        bool(wire.get("reasoning")) or (isinstance(asked, list) and INCLUDED in asked)
    )
