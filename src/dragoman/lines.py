"""On which line of a TOML text each key stands, so that an error can point at it.

It reads only texts that tomllib has read already, and does not know what the keys mean.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]

_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_STRINGS = (
    re.compile(r'"""(?:\\.|[^\\])*?"{3,5}', re.S),
    re.compile(r"'''.*?'{3,5}", re.S),
    re.compile(r'"(?:\\.|[^"\\\n])*"'),
    re.compile(r"'[^'\n]*'"),
)
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_PLAIN = re.compile(r"[^,\]}#\n]*")  # numbers, booleans, dates


def places(text: str) -> dict[Path, int]:
    """Path -> line, for every key, table and array element."""
    return _Scanner(text).run()


def place(found: dict[Path, int], path: Path) -> int | None:
    """The line of a path, or of the nearest thing around it that stands in the text."""
    while path:
        if path in found:
            return found[path]
        path = path[:-1]
    return None


def dotted(path: Path) -> str:
    """A path as TOML would write it: models."gpt-4o".targets[0]"""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += ("." if text else "") + (step if _BARE.fullmatch(step) else '"' + step.replace('"', '\\"') + '"')
    return text


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.breaks = [i for i, char in enumerate(text) if char == "\n"]
        self.found: dict[Path, int] = {}
        self.arrays: dict[Path, int] = {}  # [[tables]]: how many there were so far

    def run(self) -> dict[Path, int]:
        table: Path = ()
        while self._skip() < len(self.text):
            if self._peek("[["):
                table = self._header(2)
            elif self._peek("["):
                table = self._header(1)
            else:
                self._pair(table)
        return self.found

    def _skip(self) -> int:
        self.at = _SPACE.match(self.text, self.at).end()  # type: ignore[union-attr]
        return self.at

    def _peek(self, text: str) -> bool:
        return self.text.startswith(text, self.at)

    def _note(self, path: Path, at: int) -> None:
        self.found.setdefault(path, bisect_right(self.breaks, at - 1) + 1)

    def _header(self, brackets: int) -> Path:
        at = self.at
        self.at += brackets
        *outer, last = self._key()
        path: Path = ()
        for step in outer:
            path = self._entered((*path, step))
        path = (*path, last)
        if brackets == 2:
            self._note(path, at)
            self.arrays[path] = self.arrays.get(path, -1) + 1
        path = self._entered(path)
        self._note(path, at)
        self.at = self.text.index("]" * brackets, self.at) + brackets
        return path

    def _entered(self, path: Path) -> Path:
        """What is written under an array of tables belongs to the last of them."""
        return (*path, self.arrays[path]) if path in self.arrays else path

    def _key(self) -> list[str]:
        steps = []
        while True:
            self._skip()
            if self._peek('"') or self._peek("'"):
                steps.append(tomllib.loads(f"key = {self._string()}")["key"])
            else:
                match = _BARE.match(self.text, self.at)
                assert match, "tomllib has read this text"
                steps.append(match[0])
                self.at = match.end()
            self._skip()
            if not self._peek("."):
                return steps
            self.at += 1

    def _pair(self, table: Path) -> None:
        self._skip()
        at = self.at
        path = table
        for step in self._key():
            path = (*path, step)
            self._note(path, at)
        self.at = self.text.index("=", self.at) + 1
        self._value(path)

    def _string(self) -> str:
        for pattern in _STRINGS:
            if match := pattern.match(self.text, self.at):
                self.at = match.end()
                return match[0]
        raise AssertionError("tomllib has read this text")

    def _value(self, path: Path) -> None:
        self._skip()
        if self._peek("["):
            self._items(path, "]")
        elif self._peek("{"):
            self._items(path, "}")
        elif self._peek('"') or self._peek("'"):
            self._string()
        else:
            self.at = _PLAIN.match(self.text, self.at).end()  # type: ignore[union-attr]

    def _items(self, path: Path, end: str) -> None:
        """An array's elements or an inline table's pairs."""
        self.at += 1
        count = 0
        while self._skip() < len(self.text) and not self._peek(end):
            if end == "]":
                self._note((*path, count), self.at)
                self._value((*path, count))
            else:
                self._pair(path)
            count += 1
            self._skip()
            if self._peek(","):
                self.at += 1
        self.at += 1
