"""What of a request cannot pass as its client wrote it to a model of this dialect.

It changes nothing.
"""

from __future__ import annotations

from dragoman.core.codec import Wire
from dragoman.core.ir import Json
from dragoman.core.profile import Profile


def unfit(wire: Wire, profile: Profile) -> bool:
    """Whether this model would refuse how it is told to think: by a level, known since Gemini 3, or at all. Gemini CLI
    tells by the name of the model it believes to speak to. A budget is understood by all that think."""
    config = either(either(wire, "generationConfig", "generation_config"), "thinkingConfig", "thinking_config")
    if not isinstance(config, dict) or not config:
        return False
    told = either(config, "thinkingLevel", "thinking_level") is not None
    return profile.thinking == "none" or (profile.thinking == "budget" and told)


def either(wire: Json, name: str, spelled: str) -> Json:
    """A member by its name or by its other spelling."""
    if not isinstance(wire, dict):
        return None
    return wire.get(name) if wire.get(name) is not None else wire.get(spelled)
