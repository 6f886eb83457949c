"""Whether a value fits a JSON Schema, as far as the keywords go that providers take. It makes no values.

A schema is a stranger's: nothing in it is trusted to be of the right type, to be finite or to end. Where a judgement
would take too long, or a keyword is not known, the value fits.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any, TypeAlias
from urllib.parse import unquote

from dragoman.core.ir import Json
from dragoman.providers.sandbox.patterns import Steps, matches

Schema: TypeAlias = dict[str, Any]

STEPS = 20_000
DEPTH = 48
FORMS = {
    "date": re.compile(r"\d{4}-\d\d-\d\d"),
    "time": re.compile(r"\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?", re.IGNORECASE),
    "date-time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.IGNORECASE),
    "email": re.compile(r"[^\s@]+@[^\s@]+"),
    "uuid": re.compile(r"[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}", re.IGNORECASE),
    "ipv4": re.compile(r"\d{1,3}(\.\d{1,3}){3}"),
    "ipv6": re.compile(r"[\da-f]*:[\da-f:.]*", re.IGNORECASE),
    "uri": re.compile(r"[a-z][a-z\d+.-]*:\S*", re.IGNORECASE),
}
"""The formats that are told apart where a value has to choose between them, roughly."""

NAMES = ("null", "boolean", "integer", "number", "string", "array", "object")


# -- reading a schema --------------------------------------------------------


def kinds(schema: Schema) -> tuple[str, ...]:
    """The types a schema names, in its order; () if it names none. Gemini writes them in capitals, and `nullable`."""
    said = schema.get("type")
    names = [name.lower() for name in (said if isinstance(said, list) else [said]) if isinstance(name, str)]
    known = [name for name in names if name in NAMES]
    if known and schema.get("nullable") is True:
        known.append("null")
    return tuple(dict.fromkeys(known))


def number(value: Json) -> Fraction | None:
    """A finite number, also where it is written as text, as Google writes int64."""
    if isinstance(value, str):
        short = value.strip()
        return Fraction(int(short)) if len(short) < 20 and short.lstrip("-").isdecimal() and short.isascii() else None
    if isinstance(value, float):
        return Fraction(repr(value)) if math.isfinite(value) else None
    return Fraction(value) if isinstance(value, int) and not isinstance(value, bool) else None


def count(schema: Schema, keyword: str) -> int | None:
    """A whole number of at least 0: of characters, items or properties."""
    found = number(schema.get(keyword))
    return int(found) if found is not None and found >= 0 else None


def bounds(schema: Schema) -> tuple[Fraction | None, bool, Fraction | None, bool]:
    """Lowest value, whether it is excluded; highest, likewise. Draft 4 excludes by true, later ones by a number."""
    low, high = number(schema.get("minimum")), number(schema.get("maximum"))
    under, over = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    open_low, open_high = under is True, over is True
    if (edge := number(under)) is not None and (low is None or edge >= low):
        low, open_low = edge, True
    if (edge := number(over)) is not None and (high is None or edge <= high):
        high, open_high = edge, True
    return low, open_low, high, open_high


def named(schema: Schema, keyword: str) -> dict[str, Json]:
    """A keyword that maps names to schemas."""
    found = schema.get(keyword)
    return found if isinstance(found, dict) else {}


def listed(schema: Schema, keyword: str) -> list[Json]:
    found = schema.get(keyword)
    return found if isinstance(found, list) else []


def prefix(schema: Schema) -> tuple[list[Json], Json]:
    """Schemas of the first items, and the schema of all others; before 2020 `items` was a list."""
    items = schema.get("items", True)
    if isinstance(items, list):
        return items, schema.get("additionalItems", True)
    return listed(schema, "prefixItems"), items


def resolve(reference: Json, root: Json) -> Json:
    """What a `$ref` into the same schema points at; True, which all fits, where it points at nothing."""
    if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
        return True
    at = root
    for step in reference[2:].split("/") if reference != "#" else ():
        name = unquote(step).replace("~1", "/").replace("~0", "~")
        if isinstance(at, dict) and name in at:
            at = at[name]
        elif isinstance(at, list) and name.isdecimal() and name.isascii() and len(name) < 6 and int(name) < len(at):
            at = at[int(name)]
        else:
            return True
    return at


def kind_of(value: Json) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def same(one: Json, other: Json) -> bool:
    """Equality of JSON: true is not 1, but 1.0 is."""
    if one is other:
        return True
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    return bool(one == other)


# -- judging -----------------------------------------------------------------


class Judge:
    """Judges values by schemas of one root, within a number of steps."""

    def __init__(self, root: Json) -> None:
        self.root, self.left, self.steps = root, STEPS, Steps()

    def fits(self, value: Json, schema: Json, depth: int = 0) -> bool:
        self.left -= 1
        if not isinstance(schema, dict) or self.left < 0 or depth > DEPTH:
            return schema is not False
        if "const" in schema and not same(value, schema["const"]):
            return False
        options = listed(schema, "enum")
        if options and not any(same(value, option) for option in options):
            return self.is_null(value, schema)
        return (
            self.typed(value, schema)
            and self.combined(value, schema, depth + 1)
            and JUDGES[kind_of(value)](self, value, schema, depth + 1)
        )

    def is_null(self, value: Json, schema: Schema) -> bool:
        return value is None and schema.get("nullable") is True

    def typed(self, value: Json, schema: Schema) -> bool:
        known, kind = kinds(schema), kind_of(value)
        if not known or kind in known or (kind == "integer" and "number" in known):
            return True
        return kind == "number" and "integer" in known and float(value).is_integer()

    def combined(self, value: Json, schema: Schema, depth: int) -> bool:
        def fits(other: Json) -> bool:
            return self.fits(value, other, depth)

        if "$ref" in schema and not fits(resolve(schema["$ref"], self.root)):
            return False
        if not all(map(fits, listed(schema, "allOf"))):
            return False
        if (options := listed(schema, "anyOf")) and not any(map(fits, options)):
            return self.is_null(value, schema)
        if (options := listed(schema, "oneOf")) and sum(map(fits, options)) != 1:
            return self.is_null(value, schema)
        if "not" in schema and self.left > 0 and fits(schema["not"]):
            return False
        if "if" in schema:
            return fits(schema.get("then" if fits(schema["if"]) else "else", True))
        return True

    def text(self, value: str, schema: Schema, depth: int) -> bool:
        low, high = count(schema, "minLength"), count(schema, "maxLength")
        if (low is not None and len(value) < low) or (high is not None and len(value) > high):
            return False
        form = FORMS.get(str(schema.get("format")).lower())
        if form is not None and not form.fullmatch(value):
            return False
        return self.matched(schema.get("pattern"), value) is not False

    def matched(self, pattern: Json, text: str) -> bool | None:
        self.left -= 1
        return matches(pattern, text, self.steps) if isinstance(pattern, str) and self.left > 0 else None

    def figure(self, value: float, schema: Schema, depth: int) -> bool:
        exact = number(value)
        if exact is None:
            return True
        low, open_low, high, open_high = bounds(schema)
        if low is not None and (exact < low or (open_low and exact == low)):
            return False
        if high is not None and (exact > high or (open_high and exact == high)):
            return False
        step = number(schema.get("multipleOf"))
        return not step or (exact / step).denominator == 1

    def items(self, value: list[Json], schema: Schema, depth: int) -> bool:
        low, high = count(schema, "minItems"), count(schema, "maxItems")
        if (low is not None and len(value) < low) or (high is not None and len(value) > high):
            return False
        if schema.get("uniqueItems") is True:
            self.left -= len(value) ** 2 // 8
            if self.left > 0 and any(same(one, value[k]) for n, one in enumerate(value) for k in range(n)):
                return False
        first, others = prefix(schema)
        if not all(self.fits(item, first[n] if n < len(first) else others, depth) for n, item in enumerate(value)):
            return False
        if "contains" not in schema:
            return True
        found = sum(self.fits(item, schema["contains"], depth) for item in value)
        least, most = count(schema, "minContains"), count(schema, "maxContains")
        return found >= (1 if least is None else least) and (most is None or found <= most)

    def members(self, value: dict[str, Json], schema: Schema, depth: int) -> bool:
        low, high = count(schema, "minProperties"), count(schema, "maxProperties")
        if (low is not None and len(value) < low) or (high is not None and len(value) > high):
            return False
        if any(isinstance(name, str) and name not in value for name in listed(schema, "required")):
            return False
        for name, needed in {**named(schema, "dependentRequired"), **named(schema, "dependencies")}.items():
            missing = [other for other in needed if other not in value] if isinstance(needed, list) else []
            if name in value and any(isinstance(other, str) for other in missing):
                return False
        for name, other in {**named(schema, "dependentSchemas"), **named(schema, "dependencies")}.items():
            if name in value and not isinstance(other, list) and not self.fits(value, other, depth):
                return False
        if "propertyNames" in schema and not all(self.fits(name, schema["propertyNames"], depth) for name in value):
            return False
        return all(self.member(name, item, schema, depth) for name, item in value.items())

    def member(self, name: str, value: Json, schema: Schema, depth: int) -> bool:
        schemas = [named(schema, "properties")[name]] if name in named(schema, "properties") else []
        unknown = False
        for pattern, other in named(schema, "patternProperties").items():
            found = self.matched(pattern, name)
            unknown = unknown or found is None
            if found:
                schemas.append(other)
        if not schemas and not unknown:
            schemas.append(schema.get("additionalProperties", True))
        return all(self.fits(value, other, depth) for other in schemas)

    def anything(self, value: Json, schema: Schema, depth: int) -> bool:
        return True


JUDGES: dict[str, Callable[[Judge, Any, Schema, int], bool]] = {
    "null": Judge.anything,
    "boolean": Judge.anything,
    "integer": Judge.figure,
    "number": Judge.figure,
    "string": Judge.text,
    "array": Judge.items,
    "object": Judge.members,
}
