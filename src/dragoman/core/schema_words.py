"""What is told of a schema that is written anew: to the gateway as losses, to the model in descriptions.

It knows no target.
"""

from __future__ import annotations

from typing import NamedTuple

from dragoman.core.ir import Json
from dragoman.core.schema_read import ANNOTATIONS, FLAGS, SILENT, TAKES, text_of

SAID = 800
"""The longest constraint, as JSON, that is put into words."""


class Spot(NamedTuple):
    """Where a writer is: the path, how deep, and how often it has replaced what refers to itself on the way."""

    path: str
    depth: int = 0
    turns: int = 0

    def __truediv__(self, word: str) -> Spot:
        """A keyword of the node."""
        return self._replace(path=f"{self.path}.{word}"[:300])

    def below(self, word: str) -> Spot:
        """A schema below the node."""
        return self._replace(path=f"{self.path}.{word}"[:300], depth=self.depth + 1)


class Words:
    """What one description will say beside what the client wrote."""

    def __init__(self) -> None:
        self.constraints: dict[str, str] = {}
        self.sentences: list[str] = []

    def after(self, said: str | None) -> str | None:
        """The description with them."""
        told = ", ".join(f"{name}: {text}" for name, text in self.constraints.items())
        parts = [said or "", *self.sentences, f"{{{told}}}" if told else ""]
        return "\n\n".join(part for part in parts if part) or said


class Report:
    """What became of a schema."""

    def __init__(self) -> None:
        self.losses: dict[tuple[str, str, str], None] = {}
        self.unheld: str | None = None

    def lose(self, path: str, reason: str, what: str = "dropped") -> None:
        self.losses[path, reason, what] = None

    def unhold(self, at: Spot, reason: str) -> None:
        """The target cannot be held to this schema without forbidding what it allows."""
        self.unheld = self.unheld or f"{at.path}: {reason}"

    def say(self, name: str, value: Json, words: Words, at: Spot) -> None:
        """A keyword that the target does not take: in words, if it bounds or tells of the value."""
        if name in SILENT or (value is False and name in FLAGS):
            return
        known = name in TAKES or name in ANNOTATIONS or name == "const"
        text = text_of(value) if known else None
        if text is None or len(text) > SAID:
            self.lose((at / name).path, "cannot be said here" if known else "is no keyword here")
        else:
            words.constraints[name] = text
            self.lose((at / name).path, "in words", "emulated")
