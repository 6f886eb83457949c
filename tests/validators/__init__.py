"""State machines that read a stream of a front dialect as strictly as its strictest client does.

`checked` is for streams of our own: a fault fails the test. They import nothing of the gateway.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from .anthropic import Anthropic
from .base import Fault, Validator
from .chat import Chat
from .converse import Converse
from .gemini import Gemini
from .responses import Responses
from .simple import Simple

VALIDATORS: dict[str, type[Validator]] = {
    one.dialect: one for one in (Chat, Responses, Anthropic, Gemini, Converse, Simple)
}

__all__ = ["VALIDATORS", "Fault", "Validator", "checked", "checked_array", "dialect_of_path", "faults"]


def faults(dialect: str, events: Iterable[tuple[str, str | bytes]], whole: bool = True) -> list[Fault]:
    """What is wrong with a stream, given as (name, data) of each event; `whole`: it has to have ended."""
    validator = VALIDATORS[dialect]()
    for name, data in events:
        validator.feed(data, name)
    if whole:
        validator.close()
    return validator.faults


def checked(dialect: str, events: Iterable[tuple[str, str | bytes]], whole: bool = True) -> None:
    found = faults(dialect, events, whole)
    assert not found, f"a stream of {dialect} breaks its rules:\n" + "\n".join(map(str, found[:5]))


def checked_array(body: bytes) -> None:
    """A stream of Gemini's as a JSON array."""
    validator = Gemini()
    validator.feed_array(body)
    validator.close()
    assert not validator.faults, "a stream of gemini breaks its rules:\n" + "\n".join(map(str, validator.faults[:5]))


PATHS = (
    ("/chat/completions", "openai.chat"),
    ("/api/v1/chat", "openai.chat"),
    ("/agents/chat", "openai.chat"),
    ("/responses", "openai.responses"),
    ("/messages", "anthropic"),
    (":streamGenerateContent", "gemini"),
    ("/api/generate", "simple"),
)


def dialect_of_path(path: str) -> str | None:
    """The dialect of a chat operation's path, query and all; None for paths of other operations."""
    bare = path.partition("?")[0]
    if re.search(r"/responses/[^/]+$", bare):  # a kept one, told again
        return "openai.responses"
    return next((dialect for end, dialect in PATHS if bare.endswith(end)), None)
