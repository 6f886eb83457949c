"""Thoughts told as text: `<think>` tags at an answer's beginning, and words that stand where a thought was lost.

It knows the tags, and no dialect.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec.structs import replace

from dragoman.core.ir import AnyPart, Message, Reasoning, Request, Text

Piece: TypeAlias = tuple[Literal["thought", "text"], str]

OPEN, CLOSE = "<think>", "</think>"
LONGEST = 1024  # characters of white space that may stand before a tag: more of it is what the model says
PLACEHOLDERS = frozenset({"[reasoning unavailable]"})
"""What other gateways write where they had to send a thought and had none: told again, it would pass for one."""


class Tags:
    """Takes an answer's text as it comes and tells what of it is thought; only its beginning may be.

    `over`: whatever follows is text.
    """

    def __init__(self) -> None:
        self.over = False
        self._inside = False
        self._waiting = ""  # may be a tag, or the white space around one
        self._fresh = False  # nothing has been told since the last tag

    def feed(self, text: str) -> list[Piece]:
        out: list[Piece] = []
        self._waiting += text
        if not self._inside and not self.over:
            self._begin(out)
        if self._inside:
            self._think(out)
        if self.over and self._waiting:
            rest = self._waiting.lstrip() if self._fresh else self._waiting
            self._waiting = ""
            if rest:
                self._fresh = False
                out.append(("text", rest))
        return out

    @property
    def passed(self) -> bool:
        """Whether text need not be fed any more: it is what it is."""
        return self.over and not self._fresh

    def close(self) -> list[Piece]:
        """What waited to the end in vain."""
        rest, self._waiting = self._waiting, ""
        return [("thought" if self._inside else "text", rest)] if rest else []

    def _begin(self, out: list[Piece]) -> None:
        head = self._waiting.lstrip()
        if head.startswith(OPEN):
            self._inside = self._fresh = True
            self._waiting = head[len(OPEN) :]
        elif not OPEN.startswith(head) or len(self._waiting) > LONGEST:
            self.over = True

    def _think(self, out: list[Piece]) -> None:
        if self._fresh:
            self._waiting = self._waiting.lstrip()
        thought, tag, rest = self._waiting.partition(CLOSE)
        if tag:
            self._inside, self.over, self._waiting = False, True, rest
        else:
            kept = next((n for n in range(len(CLOSE) - 1, 0, -1) if thought.endswith(CLOSE[:n])), 0)
            thought, self._waiting = thought[: len(thought) - kept], thought[len(thought) - kept :]
        if thought:
            out.append(("thought", thought))
        self._fresh = bool(tag) or (self._fresh and not thought)


def untagged(parts: tuple[AnyPart, ...]) -> tuple[AnyPart, ...]:
    """The parts of a whole answer, its first text without the thought it begins with."""
    first = next((i for i, part in enumerate(parts) if isinstance(part, Text)), None)
    if first is None or not isinstance(part := parts[first], Text):
        return parts
    tags = Tags()
    told = [*tags.feed(part.text), *tags.close()]
    thought, text = ("".join(piece for kind, piece in told if kind == wanted) for wanted in ("thought", "text"))
    if text == part.text:
        return parts
    found: tuple[AnyPart, ...] = (Reasoning(text=thought),) if thought else ()
    if text:
        found = (*found, replace(part, text=text))
    return (*parts[:first], *found, *parts[first + 1 :])


def real(request: Request) -> Request:
    """The request without thoughts that only say there are none. Without such, the very same request."""
    messages = tuple(_real(message) for message in request.messages)
    return request if messages == request.messages else replace(request, messages=messages)


def _real(message: Message) -> Message:
    if not any(_is_placeholder(part) for part in message.parts):
        return message
    return replace(message, parts=tuple(part for part in message.parts if not _is_placeholder(part)))


def _is_placeholder(part: AnyPart) -> bool:
    return isinstance(part, Reasoning) and part.signature is None and part.text.strip() in PLACEHOLDERS


def forgotten(request: Request) -> Request:
    """The request without any earlier thought."""
    messages = (
        replace(message, parts=tuple(part for part in message.parts if not isinstance(part, Reasoning)))
        for message in request.messages
    )
    return replace(request, messages=tuple(message for message in messages if message.parts))
