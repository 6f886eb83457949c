"""Values that fit a JSON Schema, plausible by the names of their properties. It knows no request and no wire format.

A schema is a stranger's: it may be of any shape, refer to itself or ask for what cannot be. There is always a value, in
bounded time; where the schema can be satisfied at all and by the usual means, the value fits.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import islice

from dragoman.core.ir import Json
from dragoman.providers.sandbox.hints import Hints, hints
from dragoman.providers.sandbox.patterns import example
from dragoman.providers.sandbox.plausible import FORMATS, figure_for, formatted, text_for
from dragoman.providers.sandbox.schema_fit import (
    DEPTH,
    Judge,
    Schema,
    bounds,
    count,
    kinds,
    listed,
    named,
    number,
    prefix,
    resolve,
)

VALUES = 2_000  # made before the rest is left bare
READINGS = 32  # of one schema, before the best so far must do
CHOICES = 10_000  # looked into, in all schemas together
GROUPS = 64  # schemas that one schema combines
SHALLOW = 3  # levels with optional properties and roomy choices; below it, the shortest way out of a recursion
LONGEST = 4_096  # characters of a text
MOST = 100  # items of a list

COMBINING = ("$ref", "allOf", "anyOf", "oneOf", "if", "then", "else", "$defs", "definitions")
BARE: dict[str, Json] = {
    "null": None,
    "boolean": False,
    "integer": 0,
    "number": 0,
    "string": "",
    "array": [],
    "object": {},
}
GUESSES = {
    "object": ("properties", "required", "additionalProperties", "patternProperties", "minProperties"),
    "array": ("items", "prefixItems", "minItems", "maxItems", "contains"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}


def fitting(schema: Json, text: str = "") -> Json:
    """A value that fits the schema, with words of the text where they fit too."""
    maker = _Maker(schema, hints(text))
    try:
        return maker.make(schema)
    except RecursionError:  # hundreds of schemas inside one another at one place
        return maker.bare(schema)


# -- two schemas as one ------------------------------------------------------


def merged(one: Schema, other: Schema) -> Schema:
    """One schema that asks for what both ask; where that needs thought, the judge will say no and another is tried."""
    out = {**one, **other}
    for keyword in one.keys() & other.keys():
        a, b = one[keyword], other[keyword]
        out[keyword] = MERGES[keyword](a, b) if keyword in MERGES else b
    return out


def _both(a: Json, b: Json) -> Json:
    if a is True or a == b:
        return b
    return a if b is True else {"allOf": [a, b]}


def _properties(a: Json, b: Json) -> Json:
    a, b = a if isinstance(a, dict) else {}, b if isinstance(b, dict) else {}
    return {name: _both(a.get(name, True), b.get(name, True)) for name in [*a, *(n for n in b if n not in a)]}


def _union(a: Json, b: Json) -> Json:
    a, b = a if isinstance(a, list) else [], b if isinstance(b, list) else []
    return [*a, *(item for item in b if item not in a)]


def _common(a: Json, b: Json) -> Json:
    a, b = a if isinstance(a, list) else [], b if isinstance(b, list) else []
    return [item for item in a if item in b]


def _types(a: Json, b: Json) -> Json:
    ours, theirs = kinds({"type": a}), kinds({"type": b})
    wide = {*theirs, *(("integer",) if "number" in theirs else ())}
    narrow = {*ours, *(("integer",) if "number" in ours else ())}
    return [name for name in ours if name in wide] or [name for name in theirs if name in narrow] or a


def _higher(a: Json, b: Json) -> Json:
    x, y = number(a), number(b)
    return b if x is None or (y is not None and y > x) else a


def _lower(a: Json, b: Json) -> Json:
    x, y = number(a), number(b)
    return b if x is None or (y is not None and y < x) else a


def _multiple(a: Json, b: Json) -> Json:
    return math.lcm(a, b) if isinstance(a, int) and isinstance(b, int) else a


MERGES = {
    "properties": _properties,
    "patternProperties": _properties,
    "dependentSchemas": _properties,
    "required": _union,
    "enum": _common,
    "type": _types,
    "items": _both,
    "additionalProperties": _both,
    "propertyNames": _both,
    "contains": _both,
    "multipleOf": _multiple,
    "not": lambda a, b: {"anyOf": [a, b]},
    "nullable": lambda a, b: a is True and b is True,
    "uniqueItems": lambda a, b: a is True or b is True,
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"), _higher),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"), _lower),
}


# -- making ------------------------------------------------------------------


class _Maker:
    """Makes the values of one schema. `turn` tells the items of a list apart."""

    def __init__(self, root: Json, given: Hints) -> None:
        self.root, self.given, self.left, self.choices = root, given, VALUES, CHOICES
        self.judge = Judge(root)

    def make(self, schema: Json, name: str = "", depth: int = 0, turn: int = 0) -> Json:
        self.left -= 1
        if not isinstance(schema, dict):
            return None if schema is False else text_for(name, self.given, turn)
        if self.left < 0 or depth > DEPTH:
            return self.bare(schema)
        first: list[Json] = []
        for reading in islice(self.readings(schema, depth, 0), READINGS):
            for value in self.candidates(reading, name, depth, turn):
                if self.judge.fits(value, schema, depth):
                    return value
                first = first or [value]
                if self.left < 0:
                    return first[0]
        return first[0] if first else self.bare(schema)

    def bare(self, schema: Json) -> Json:
        """The smallest value of the right type."""
        if not isinstance(schema, dict):
            return None
        if "const" in schema:
            return schema["const"]
        if options := listed(schema, "enum"):
            return options[0]
        known = kinds(schema)
        return BARE["null" if "null" in known else known[0] if known else guess(schema)]

    # -- one schema, read in all its ways ----

    def readings(self, schema: Json, depth: int, level: int) -> Iterator[Schema]:
        """The schema without references, combinations and lists of types: one reading for each choice they leave."""
        if not isinstance(schema, dict):
            if schema is not False:
                yield {}
            return
        own = {keyword: value for keyword, value in schema.items() if keyword not in COMBINING}
        groups: list[list[Json]] = [[resolve(schema["$ref"], self.root)]] if "$ref" in schema else []
        groups += [[each] for each in listed(schema, "allOf")]
        groups += [self.ordered(options, depth) for key in ("anyOf", "oneOf") if (options := listed(schema, key))]
        if "if" in schema:
            met = {"allOf": [schema["if"], schema.get("then", True)]}
            groups.append([met, schema.get("else", True)])
        self.choices -= 1
        if level > DEPTH // 2 or self.choices < 0:
            groups = []
        yield from self.chosen(own, groups[:GROUPS], depth, level)

    def chosen(self, flat: Schema, groups: list[list[Json]], depth: int, level: int) -> Iterator[Schema]:
        if not groups:
            yield flat
            return
        for option in groups[0]:
            for reading in self.readings(option, depth, level + 1):
                yield from self.chosen(merged(flat, reading), groups[1:], depth, level)

    def ordered(self, options: list[Json], depth: int) -> list[Json]:
        """Something before nothing; deep down, what ends a recursion before what goes on with it."""
        if depth < SHALLOW:
            return sorted(options, key=lambda option: isinstance(option, dict) and kinds(option) == ("null",))
        return sorted(options, key=_size)

    # -- values for one reading ----

    def candidates(self, flat: Schema, name: str, depth: int, turn: int) -> Iterator[Json]:
        if "const" in flat:
            yield flat["const"]
            return
        if options := listed(flat, "enum"):
            yield from self.enumerated(options, turn)
        for kind in self.types(flat, depth):
            match kind:
                case "object":
                    yield from self.objects(flat, depth, turn)
                case "array":
                    yield from self.arrays(flat, name, depth)
                case "string":
                    yield from self.texts(flat, name, turn)
                case "integer" | "number":
                    yield from self.figures(flat, name, kind, turn)
                case "boolean":
                    yield from (bool(turn % 2), not turn % 2)
                case _:
                    yield None

    def types(self, flat: Schema, depth: int) -> Iterable[str]:
        known = kinds(flat)
        if not known:
            first = guess(flat)
            return (
                first,
                *(kind for kind in ("string", "integer", "object", "array", "boolean", "null") if kind != first),
            )
        if depth >= SHALLOW:
            return sorted(known, key=lambda kind: kind in ("object", "array"))
        return sorted(known, key=lambda kind: kind == "null")

    def enumerated(self, options: list[Json], turn: int) -> Iterator[Json]:
        """The options, first those the person wrote of; later items of a list begin elsewhere."""
        meant = [option for option in options if isinstance(option, str) and self.given.place(option) >= 0]
        rest = [option for option in options if option is not None and option not in meant]
        ordered = [*meant, *rest, *([None] if None in options else [])]
        start = turn % len(ordered) if ordered else 0
        yield from (ordered[start:] + ordered[:start])[:MOST]

    def texts(self, flat: Schema, name: str, turn: int) -> Iterator[str]:
        least, most = min(count(flat, "minLength") or 0, LONGEST), count(flat, "maxLength")
        pattern, steps = flat.get("pattern"), self.judge.steps
        said = formatted(str(flat.get("format")), turn)
        plain = [said] if said else [*self.shown(flat, str, name, turn), text_for(name, self.given, turn)]
        yield from (lengthened(text, least, most) for text in plain)
        if isinstance(pattern, str):
            for text in ("sandbox", "Sandbox", "SANDBOX", "1", *FORMATS.values()):
                if (
                    not turn
                    and least <= len(text)
                    and (most is None or len(text) <= most)
                    and self.judge.matched(pattern, text)
                ):
                    yield text
            for more in range(3):
                if (made := example(pattern, steps, max(least, 8 * bool(turn) + turn + more), most)) is not None:
                    yield made
            if (made := example(pattern, steps, least, most)) is not None:
                yield made
        yield from (lengthened(f"sandbox {turn + more}", least, most) for more in range(1, 3))

    def shown(self, flat: Schema, kind: type | tuple[type, ...], name: str, turn: int) -> list[Json]:
        """What the schema itself gives as an example, or as its default, unless the person wrote something better."""
        if turn or (self.given.names and text_for(name, self.given) in self.given.names):
            return []
        examples = flat.get("examples")
        found = [flat.get("example"), *(examples[:3] if isinstance(examples, list) else ()), flat.get("default")]
        return [value for value in found if isinstance(value, kind) and not isinstance(value, bool) and value != ""]

    def figures(self, flat: Schema, name: str, kind: str, turn: int) -> Iterator[float]:
        low, open_low, high, open_high = bounds(flat)
        step = number(flat.get("multipleOf"))
        step = step if step and step > 0 else None
        if kind == "integer":
            step = (
                Fraction(1) if step is None else Fraction(math.lcm(step.numerator, step.denominator), step.denominator)
            )
        wished = [Fraction(repr(n)) + turn for n in self.given.numbers]
        wished += [n for n in map(number, self.shown(flat, (int, float), name, turn)) if n is not None]
        wished += [figure_for(name) + turn, Fraction(1 + turn), Fraction(0)]
        if low is not None:
            wished += [on_grid(low, step) + (step or Fraction(1)) * (turn + more) for more in range(2)]
        if high is not None:
            wished += [-on_grid(-high, step) - (step or Fraction(1)) * (turn + more) for more in range(2)]
        if low is not None and high is not None:
            wished.append((low + high) / 2)
        for wish in wished:
            if step and (wish / step).denominator != 1:
                continue
            if low is not None and (wish < low or (open_low and wish == low)):
                continue
            if high is None or wish < high or (not open_high and wish == high):
                yield plain_number(wish)
        yield 0

    def arrays(self, flat: Schema, name: str, depth: int) -> Iterator[list[Json]]:
        first, others = prefix(flat)
        least, most = min(count(flat, "minItems") or 0, MOST), count(flat, "maxItems")
        length = max(least, len(first) or 1) if depth < SHALLOW else least
        wanted = flat.get("contains")
        if wanted is not None:
            length = max(length, count(flat, "minContains") or 1)
        if others is False:
            length = min(length, len(first))
        if most is not None:
            length = min(length, most)
        singular = f"{name[:-3]}y" if name.endswith("ies") else re.sub(r"(?<=[^s])s$", "", name)
        for size in dict.fromkeys((length, least)):
            made: list[Json] = []
            for turn in range(size):
                schema = first[turn] if turn < len(first) else others
                if wanted is not None and turn >= len(first) and turn - len(first) < (count(flat, "minContains") or 1):
                    schema = {"allOf": [schema, wanted]}
                made.append(self.make(schema, singular, depth + 1, turn))
            yield made

    def objects(self, flat: Schema, depth: int, turn: int) -> Iterator[dict[str, Json]]:
        properties = named(flat, "properties")
        required = [name for name in listed(flat, "required") if isinstance(name, str)]
        optional = [name for name in properties if name not in required and properties[name] is not False]
        roomy = max(0, SHALLOW - 1 - depth) if len(properties) < 50 else 0
        least, most = min(count(flat, "minProperties") or 0, MOST), count(flat, "maxProperties")
        for extra in dict.fromkeys((roomy, 0, max(0, least - len(required)), len(optional))):
            if most is not None and len(required) + extra > most:
                extra = max(0, most - len(required))
            names = self.with_dependents(flat, {*required, *optional[:extra]})
            ordered = [name for name in properties if name in names]
            ordered += [name for name in [*required, *sorted(names)] if name not in ordered]
            made = {name: self.make(self.member(flat, name), name, depth + 1, turn) for name in dict.fromkeys(ordered)}
            for more in range(2 * least):
                if len(made) >= least:
                    break
                name = self.new_name(flat, more)
                made[name] = self.make(self.member(flat, name), name, depth + 1, turn)
            yield made

    def with_dependents(self, flat: Schema, names: set[str]) -> set[str]:
        """The names and all they ask for in turn."""
        wants = {**named(flat, "dependencies"), **named(flat, "dependentRequired")}
        waiting = list(names)
        while waiting:
            needed = wants.get(waiting.pop())
            new = [n for n in needed if isinstance(n, str) and n not in names] if isinstance(needed, list) else []
            names.update(new)
            waiting += new
        return names

    def member(self, flat: Schema, name: str) -> Json:
        """The schema of one property, whoever says it."""
        found = [named(flat, "properties")[name]] if name in named(flat, "properties") else []
        found += [
            other for pattern, other in named(flat, "patternProperties").items() if self.judge.matched(pattern, name)
        ]
        if not found:
            return flat.get("additionalProperties", True)
        return found[0] if len(found) == 1 else {"allOf": found}

    def new_name(self, flat: Schema, turn: int) -> str:
        if "propertyNames" in flat:
            return str(self.make({"allOf": [flat["propertyNames"], {"type": "string"}]}, "", SHALLOW, turn))
        for pattern in named(flat, "patternProperties"):
            if (name := example(pattern, self.judge.steps, turn)) is not None:
                return name
        return f"sandbox_{turn + 1}"


def guess(schema: Schema) -> str:
    """The type a schema means that does not say it."""
    for kind, keywords in GUESSES.items():
        if any(keyword in schema for keyword in keywords):
            return kind
    return "string"


def _size(option: Json) -> int:
    if not isinstance(option, dict):
        return 0
    known = kinds(option)
    if "$ref" in option:
        return 3
    return 2 if "object" in known or "properties" in option else 1 if "array" in known else 0


def lengthened(text: str, least: int, most: int | None) -> str:
    """The text, not longer and not shorter than that."""
    if len(text) < least:
        text = (text + " sandbox" * (1 + least // 8))[: max(least, len(text))]
        text = text[:-1] + "x" if text.endswith(" ") else text
    return text if most is None else text[:most]


def on_grid(least: Fraction, step: Fraction | None) -> Fraction:
    """The first multiple of the step that is not below."""
    return least if step is None else math.ceil(least / step) * step


def plain_number(exact: Fraction) -> float:
    """As JSON would have it: whole numbers whole."""
    try:
        return exact.numerator if exact.denominator == 1 else exact.numerator / exact.denominator
    except OverflowError:
        return int(exact)
