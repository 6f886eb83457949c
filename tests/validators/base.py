"""What the validators of all dialects share: a stream is fed event by event, and every broken rule is noted by its name.

It knows no dialect.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class Fault:
    """A rule that a stream broke, and how."""

    rule: str
    why: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.why}"


class Validator:
    """One stream of one dialect. `end` tells how it ended so far: "" (not yet), "whole" or "error"."""

    dialect: ClassVar[str]
    RULES: ClassVar[dict[str, str]]
    """Name of each rule -> what it demands."""
    ECHOES: ClassVar[frozenset[str]] = frozenset()
    """Rules about what a provider says of itself: an answer on its way home says it as it came, right or wrong."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.end = ""
        self.count = 0  # events so far
        self.first = 0  # number of the first answer, where one of several is told by itself

    def feed(self, data: str | bytes, name: str = "") -> None:
        text = data.decode() if isinstance(data, bytes) else data
        if self.end and not self._may_follow(text, name):
            self.fault("last", f"{name} {text[:200]} after the end")
        self._event(text, name)
        self.count += 1

    def close(self) -> None:
        """The stream is over: it has to have ended, in one of the ways its dialect has."""
        if not self.end:
            self.fault("ended", f"no terminal event in {self.count} events")

    def _may_follow(self, text: str, name: str) -> bool:
        return False

    def _event(self, text: str, name: str) -> None:
        raise NotImplementedError

    # -- what rules are made of

    def fault(self, rule: str, why: str) -> None:
        assert rule in self.RULES, f"no such rule: {rule}"
        self.faults.append(Fault(rule, why))

    def demand(self, rule: str, fact: Any, why: object = "") -> bool:
        if not fact:
            self.fault(rule, str(why)[:300])
        return bool(fact)

    def object(self, text: str) -> dict[str, Any]:
        """The event's data, which has to be a JSON object; an empty one if it is not."""
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        self.demand("json", isinstance(found, dict), text)
        return found if isinstance(found, dict) else {}

    def constant(self, rule: str, known: dict[str, Any], wire: dict[str, Any], *names: str) -> None:
        """Members that say the same in every event."""
        for name in names:
            if name in known or name in wire:
                value = known.setdefault(name, wire.get(name))
                self.demand(rule, wire.get(name) == value, f"{name} was {value!r} and is {wire.get(name)!r}")


def is_text(value: Any) -> bool:
    """A string with something in it."""
    return isinstance(value, str) and bool(value)


def is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def is_object_text(text: str) -> bool:
    """Whether a call's arguments are a JSON object."""
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False
