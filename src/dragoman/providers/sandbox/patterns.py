"""Regular expressions of strangers: whether a text matches one, and a text that does. It knows no schema.

A pattern comes with a request, so it is never given to `re`, whose backtracking a hostile pattern keeps busy for hours:
a match here walks sets of positions, within a number of steps. What is not understood (look-around, back references)
is said to be unknown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import TypeAlias

TOP = 0x10FFFF
LONGEST = 4_096  # characters of an example
NESTING = 24

Ranges: TypeAlias = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class One:
    """A character out of some ranges of code points."""

    ranges: Ranges


@dataclass(frozen=True, slots=True)
class Edge:
    """A place: `^`, `$`, `b` or `B`."""

    kind: str


@dataclass(frozen=True, slots=True)
class Chain:
    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Either:
    options: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    node: Node
    least: int
    most: int | None


Node: TypeAlias = One | Edge | Chain | Either | Repeat


class Unknown(Exception):
    """A pattern, or a match, that is beyond this module."""


@dataclass
class Steps:
    """How much may still be done, for all patterns of one schema: a sane match on a short text takes some hundreds."""

    left: int = 200_000

    def take(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise Unknown


DIGIT: Ranges = ((48, 57),)
WORD: Ranges = ((97, 122), (65, 90), (48, 57), (95, 95))
SPACE: Ranges = ((32, 32), (9, 13), (160, 160), (0x2028, 0x2029), (0xFEFF, 0xFEFF))
LETTER: Ranges = ((97, 122), (65, 90), (0xC0, 0xD6), (0xD8, 0xF6), (0xF8, 0x2FF), (0x370, 0x1FFF), (0x2E80, 0xD7FF))
CLASSES = {"d": DIGIT, "w": WORD, "s": SPACE}
PROPERTIES = {"L": LETTER, "Letter": LETTER, "Lu": ((65, 90),), "Ll": ((97, 122),), "N": DIGIT, "Nd": DIGIT}
CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "0": "\0"}


def complement(ranges: Ranges) -> Ranges:
    out, at = [], 0
    for low, high in sorted(ranges):
        if low > at:
            out.append((at, low - 1))
        at = max(at, high + 1)
    return (*out, (at, TOP)) if at <= TOP else tuple(out)


ANY = complement(((10, 10), (13, 13)))


# -- reading ---------------------------------------------------------------


class _Reader:
    """Reads one pattern, left to right."""

    def __init__(self, pattern: str) -> None:
        self.pattern, self.at, self.depth = pattern, 0, 0

    def peek(self, what: str) -> bool:
        return self.pattern.startswith(what, self.at)

    def skip(self, what: str) -> bool:
        found = self.peek(what)
        self.at += len(what) * found
        return found

    def next(self) -> str:
        if self.at >= len(self.pattern):
            raise Unknown
        self.at += 1
        return self.pattern[self.at - 1]

    def either(self) -> Node:
        self.depth += 1
        if self.depth > NESTING:
            raise Unknown
        options = [self.chain()]
        while self.skip("|"):
            options.append(self.chain())
        self.depth -= 1
        return options[0] if len(options) == 1 else Either(tuple(options))

    def chain(self) -> Node:
        nodes: list[Node] = []
        while self.at < len(self.pattern) and not self.peek("|") and not self.peek(")"):
            nodes.append(self.repeat(self.atom()))
        return Chain(tuple(nodes))

    def repeat(self, node: Node) -> Node:
        least: int
        most: int | None
        if self.skip("*"):
            least, most = 0, None
        elif self.skip("+"):
            least, most = 1, None
        elif self.skip("?"):
            least, most = 0, 1
        elif (counts := self.counts()) is not None:
            least, most = counts
        else:
            return node
        self.skip("?")  # lazy: the same texts match
        if any(self.peek(sign) for sign in "*+?") or (most is not None and most < least):
            raise Unknown
        return Repeat(node, least, most)

    def counts(self) -> tuple[int, int | None] | None:
        """`{2}`, `{2,}`, `{2,5}`; None where the brace stands for itself."""
        end = self.pattern.find("}", self.at)
        if not self.peek("{") or end < 0:
            return None
        low, comma, high = self.pattern[self.at + 1 : end].partition(",")
        if not (low.isdecimal() and low.isascii() and len(low) < 7):
            return None
        if high and not (high.isdecimal() and high.isascii() and len(high) < 7):
            return None
        self.at = end + 1
        return int(low), int(high) if high else None if comma else int(low)

    def atom(self) -> Node:
        sign = self.next()
        if sign == "(":
            return self.group()
        if sign == "[":
            return self.bracket()
        if sign == "\\":
            if self.peek("b") or self.peek("B"):
                return Edge(self.next())
            return One(self.escape())
        if sign in "^$":
            return Edge(sign)
        if sign in "*+?":
            raise Unknown
        return One(ANY if sign == "." else ((ord(sign), ord(sign)),))

    def group(self) -> Node:
        if self.skip("?"):
            if self.skip("P<") or (self.peek("<") and not self.peek("<=") and not self.peek("<!")):
                self.at = self.pattern.find(">", self.at) + 1 or len(self.pattern)
            elif not self.skip(":"):
                raise Unknown  # look-around, flags, conditions
        node = self.either()
        if not self.skip(")"):
            raise Unknown
        return node

    def escape(self) -> Ranges:
        sign = self.next()
        if sign.lower() in CLASSES:
            ranges = CLASSES[sign.lower()]
            return ranges if sign.islower() else complement(ranges)
        if sign in "pP":
            end = self.pattern.find("}", self.at)
            ranges = PROPERTIES.get(self.pattern[self.at + 1 : end], ()) if self.peek("{") and end > 0 else ()
            if not ranges:
                raise Unknown
            self.at = end + 1
            return ranges if sign == "p" else complement(ranges)
        if sign in "ux":
            digits = self.pattern[self.at : self.at + (4 if sign == "u" else 2)]
            if not digits or any(digit not in "0123456789abcdefABCDEF" for digit in digits):
                raise Unknown
            self.at += len(digits)
            return ((int(digits, 16), int(digits, 16)),)
        sign = CONTROLS.get(sign, sign)
        if sign.isalnum():
            raise Unknown  # a back reference, or an escape of another language
        return ((ord(sign), ord(sign)),)

    def bracket(self) -> Node:
        negated = self.skip("^")
        ranges: list[tuple[int, int]] = []
        while not self.skip("]"):
            low = self.member()
            if len(low) == 1 and low[0][0] == low[0][1] and self.peek("-") and not self.peek("-]"):
                self.at += 1
                high = self.member()
                if len(high) != 1 or high[0][1] < low[0][0]:
                    raise Unknown
                low = ((low[0][0], high[0][1]),)
            ranges.extend(low)
        return One(complement(tuple(ranges)) if negated else tuple(ranges))

    def member(self) -> Ranges:
        sign = self.next()
        if sign == "\\":
            return ((8, 8),) if self.skip("b") else self.escape()
        return ((ord(sign), ord(sign)),)


@lru_cache(maxsize=256)
def parsed(pattern: str) -> Node | None:
    """The pattern as a tree; None if it is not understood."""
    reader = _Reader(pattern)
    try:
        node = reader.either()
    except Unknown:
        return None
    return node if reader.at == len(pattern) else None


# -- matching --------------------------------------------------------------


class _Walk:
    """Walks one text: from a set of positions, where can a node end?"""

    def __init__(self, text: str, steps: Steps) -> None:
        self.text, self.steps = text, steps

    def ends(self, node: Node, starts: frozenset[int]) -> frozenset[int]:
        self.steps.take(1 + len(starts))
        if not starts:
            return starts
        match node:
            case One(ranges):
                return frozenset(at + 1 for at in starts if at < len(self.text) and within(self.text[at], ranges))
            case Chain(nodes):
                for part in nodes:
                    starts = self.ends(part, starts)
                return starts
            case Either(options):
                return frozenset().union(*(self.ends(option, starts) for option in options))
            case Repeat():
                return self.repeated(node, starts)
            case Edge(kind):
                return frozenset(at for at in starts if self.holds(kind, at))

    def repeated(self, node: Repeat, starts: frozenset[int]) -> frozenset[int]:
        found = starts if node.least == 0 else frozenset[int]()
        count = 0
        while node.most is None or count < node.most:
            ends = self.ends(node.node, starts)
            count += 1
            if count >= node.least:
                if ends <= found:
                    break
                found |= ends
            elif ends == starts:  # it stands still: all further rounds end here too
                return ends
            starts = ends
            if not starts:
                break
        return found

    def holds(self, kind: str, at: int) -> bool:
        if kind == "^":
            return at == 0
        if kind == "$":
            return at == len(self.text)
        before = at > 0 and within(self.text[at - 1], WORD)
        after = at < len(self.text) and within(self.text[at], WORD)
        return (before != after) == (kind == "b")


def within(char: str, ranges: Ranges) -> bool:
    code = ord(char)
    return any(low <= code <= high for low, high in ranges)


def matches(pattern: str, text: str, steps: Steps) -> bool | None:
    """Whether the pattern is found in the text, as JSON Schema means it; None: unknown."""
    try:
        steps.take(len(pattern) // 8)
        node = parsed(pattern)
        if node is None or len(text) > LONGEST:
            return None
        return bool(_Walk(text, steps).ends(node, frozenset(range(len(text) + 1))))
    except Unknown:
        return None


# -- writing ---------------------------------------------------------------


class _Writer:
    """Writes one text that a pattern allows; `growth` is how often a thing is repeated beyond its least."""

    def __init__(self, growth: int, steps: Steps) -> None:
        self.growth, self.steps, self.letters, self.digits = growth, steps, 0, 0

    def write(self, node: Node) -> Iterator[str]:
        self.steps.take(1)
        match node:
            case One(ranges):
                yield self.choose(ranges)
            case Chain(nodes):
                for part in nodes:
                    yield from self.write(part)
            case Either(options):
                yield from self.write(options[0])
            case Repeat(inner, least, most):
                count = least + self.growth if most is None else min(most, least + self.growth)
                for _ in range(count):
                    yield from self.write(inner)
            case Edge():
                pass

    def choose(self, ranges: Ranges) -> str:
        """The letters spell the word sandbox and the digits count, where the ranges let them."""
        letter = "sandbox"[self.letters % 7]
        for char in (letter, letter.upper(), "a", "A", str(1 + self.digits % 9)):
            if within(char, ranges):
                self.letters, self.digits = self.letters + char.isalpha(), self.digits + char.isdigit()
                return char
        for low, high in ranges:
            if high > 32 and not 0xD800 <= max(low, 33) <= 0xDFFF:
                return chr(max(low, 33))
        if not ranges or 0xD800 <= ranges[0][0] <= 0xDFFF:
            raise Unknown
        return chr(ranges[0][0])


def example(pattern: str, steps: Steps, least: int = 0, most: int | None = None) -> str | None:
    """A text of that length which the pattern is found in; None if none came to mind."""
    node = parsed(pattern)
    if node is None:
        return None
    for growth in (0, 1, 2, 3, 5, 8, 16, 32, 64, least):
        try:
            text = "".join(islice(_Writer(growth, steps).write(node), LONGEST))
        except Unknown:
            return None
        for longer in (text, text.ljust(least, "x"), text.rjust(least, "x")):  # it need not match the whole
            if len(longer) >= least and (most is None or len(longer) <= most) and matches(pattern, longer, steps):
                return longer
    return None
