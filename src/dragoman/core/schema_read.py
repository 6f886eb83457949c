"""JSON Schema as strangers write it, read one node at a time into the plain words of draft 2020-12.

It knows no provider. Nothing in a schema is trusted to be of the right type, to be finite or to end: what is not what
its keyword takes is reported and treated as absent. What is read is never changed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias
from urllib.parse import unquote

from dragoman.core.codec import dumps
from dragoman.core.errors import invalid
from dragoman.core.ir import Json

Schema: TypeAlias = dict[str, Any]
Report: TypeAlias = Callable[[str, str, str], None]
"""path, reason, what: as Context.lose."""

DEEPEST = 200
MOST = 20_000

TYPES = ("string", "number", "integer", "boolean", "array", "object", "null")
OBJECT = frozenset(
    ("properties", "required", "additionalProperties", "patternProperties", "propertyNames", "minProperties",
     "maxProperties", "dependentRequired", "dependentSchemas", "propertyOrdering", "unevaluatedProperties")
)  # fmt: skip
ARRAY = frozenset(
    ("items", "prefixItems", "contains", "minContains", "maxContains", "minItems", "maxItems", "uniqueItems",
     "unevaluatedItems")
)  # fmt: skip
STRING = frozenset(("pattern", "minLength", "maxLength", "contentEncoding", "contentMediaType", "contentSchema"))
NUMBER = frozenset(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"))
ABOUT: dict[str, frozenset[str]] = {
    "object": OBJECT,
    "array": ARRAY,
    "string": STRING | {"format"},
    "number": NUMBER | {"format"},
    "integer": NUMBER | {"format"},
    "boolean": frozenset(),
    "null": frozenset(),
}
"""Which keywords say anything about values of a type; of others they say nothing."""
BOUND = OBJECT | ARRAY | STRING | NUMBER | {"format"}
ANNOTATIONS = frozenset(
    ("title", "description", "default", "examples", "example", "deprecated", "readOnly", "writeOnly")
)  # fmt: skip
"""What tells of a value without bounding it."""
SILENT = frozenset(
    ("$schema", "$id", "id", "$anchor", "$dynamicAnchor", "$recursiveAnchor", "$vocabulary", "$comment", "$defs",
     "definitions")
)  # fmt: skip
"""What asks nothing of a value; definitions are found through what refers to them."""

FLAGS = frozenset(("uniqueItems", "deprecated", "readOnly", "writeOnly"))

ONE = frozenset(
    ("not", "if", "then", "else", "contains", "additionalProperties", "propertyNames", "unevaluatedProperties",
     "unevaluatedItems", "contentSchema", "items")
)  # fmt: skip
MANY = frozenset(("anyOf", "oneOf", "allOf", "prefixItems"))
NAMED = frozenset(("properties", "patternProperties", "dependentSchemas"))


# -- what each keyword takes ---------------------------------------------------


class Nothing:
    """Two values that JSON has not."""


WRONG: Final = Nothing()
ABSENT: Final = Nothing()


def _is(*kinds: type) -> Callable[[Json], Json]:
    return lambda value: value if type(value) in kinds else WRONG


def _count(value: Json) -> Json:
    """Also as text, as Google writes int64, and as 3.0."""
    if type(value) is str and value.isdecimal() and value.isascii() and len(value) < 19:
        return int(value)
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and value >= 0 else WRONG


def _figure(value: Json) -> Json:
    return value if type(value) is int or (type(value) is float and math.isfinite(value)) else WRONG


def _step(value: Json) -> Json:
    return value if _figure(value) is not WRONG and value > 0 else WRONG


def _edge(value: Json) -> Json:
    """A number; a flag in draft 4."""
    return value if type(value) is bool else _figure(value)


def _names(value: Json) -> Json:
    """A list of names; in draft 3 a flag of the property itself, which its parent reads."""
    if type(value) is bool:
        return ABSENT
    return value if type(value) is list and all(type(one) is str for one in value) else WRONG


def _some(value: Json) -> Json:
    return value if type(value) is list and value else WRONG


def _needs(value: Json) -> Json:
    fine = type(value) is dict and all(_names(one) is one for one in value.values())
    return value if fine else WRONG


def _type(value: Json) -> Json:
    names = value if type(value) is list else [value]
    small = [name.lower() for name in names if type(name) is str]
    if "any" in small or small == ["type_unspecified"]:
        return ABSENT
    known = list(dict.fromkeys(name for name in small if name in TYPES))
    if len(small) < len(names) or any(name not in TYPES for name in small) or not known:
        return WRONG
    return known[0] if len(known) == 1 else known


TAKES: dict[str, Callable[[Json], Json]] = {
    "type": _type,
    "enum": _some,
    "required": _names,
    "propertyOrdering": _names,
    "dependentRequired": _needs,
    "multipleOf": _step,
    "items": _is(dict, bool, list),
    "dependencies": _is(dict),
    "examples": lambda value: value,
    **dict.fromkeys(("minimum", "maximum"), _figure),
    **dict.fromkeys(("exclusiveMinimum", "exclusiveMaximum"), _edge),
    **dict.fromkeys(("title", "description", "pattern", "format", "$ref", "$dynamicRef", "$recursiveRef"), _is(str)),
    **dict.fromkeys(("contentEncoding", "contentMediaType"), _is(str)),
    **dict.fromkeys(("uniqueItems", "nullable", "deprecated", "readOnly", "writeOnly"), _is(bool)),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), _count),
    **dict.fromkeys(("minContains", "maxContains"), _count),
    **dict.fromkeys(ONE - {"items"}, _is(dict, bool)),
    "additionalItems": _is(dict, bool),
    **dict.fromkeys(MANY, _some),
    **dict.fromkeys(NAMED | {"$defs", "definitions"}, _is(dict)),
}


def read(raw: Json, path: str, report: Report) -> Schema:
    """One node in plain words, what is below it as it was. true is {}, and false is {"not": {}}."""
    if raw is True or raw is False:
        return {} if raw else {"not": {}}
    if type(raw) is not dict:
        report(path, "is not a schema", "dropped")
        return {}
    node: Schema = {}
    for name, value in raw.items():
        takes = TAKES.get(name)
        if takes is None:
            if value is not None or name in ("const", "default", "example"):
                node[name] = value
        elif value is not None:
            found = takes(value)
            if found is WRONG:
                found = _saved(name, value)
                report(f"{path}.{name}", "is not what this keyword takes", "dropped")
            if found is not ABSENT:
                node[name] = found
    _respell(node)
    return node


def _saved(name: str, value: Json) -> Json:
    """What is right in a list that holds something wrong."""
    if name == "type" and type(value) is list:
        return _type([one for one in value if type(one) is str and one.lower() in TYPES] or "any")
    if name in ("required", "propertyOrdering") and type(value) is list:
        return [one for one in value if type(one) is str]
    return ABSENT


def _respell(node: Schema) -> None:
    """The words of older drafts and of OpenAPI in those of today."""
    for edge, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if type(node.get(edge)) is bool and node.pop(edge) and limit in node:
            node[edge] = node.pop(limit)
    if type(node.get("items")) is list:
        first = node.pop("items")
        if first and "prefixItems" not in node:
            node["prefixItems"] = first
            if "additionalItems" in node:
                node["items"] = node["additionalItems"]
    for name, needs in node.pop("dependencies", {}).items():
        word = "dependentRequired" if _names(needs) is needs else "dependentSchemas"
        node[word] = {**node.get(word, {}), name: needs}
    if "if" not in node or not node.keys() & {"then", "else"}:
        _without(node, "if", "then", "else")
    if "contains" not in node:
        _without(node, "minContains", "maxContains")
    _without(node, "additionalItems")
    members = node.get("properties", {})
    told = [name for name, one in members.items() if type(one) is dict and one.get("required") is True]
    if told or "required" in node:
        node["required"] = list(dict.fromkeys((*node.get("required", ()), *told)))
    if node.pop("nullable", False):
        _with_null(node)


def _without(node: Schema, *names: str) -> None:
    for name in names:
        node.pop(name, None)


def _with_null(node: Schema) -> None:
    """OpenAPI's nullable: null fits, whatever else is said."""
    bounds = [name for name in node if name not in ANNOTATIONS and name not in SILENT]
    if any(name not in BOUND and (name in TAKES or name == "const") for name in bounds if name not in ("type", "enum")):
        node["anyOf"] = [{name: node.pop(name) for name in bounds}, {"type": "null"}]
        return
    names = kinds(node)
    if names and "null" not in names:
        node["type"] = [*names, "null"]
    if None not in node.get("enum", [None]):
        node["enum"] = [*node["enum"], None]


def kinds(node: Schema) -> list[str] | None:
    """The types a read node names; None if it names none."""
    said = node.get("type")
    return [said] if type(said) is str else said


def kind_of(value: Json) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "integer" if value.is_integer() else "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def same(one: Json, other: Json) -> bool:
    """Equality of JSON: true is not 1, but 1.0 is."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if type(one) is list and type(other) is list:
        return len(one) == len(other) and all(map(same, one, other))
    if type(one) is dict and type(other) is dict:
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    return bool(one == other)


def among(value: Json, values: Iterable[Json]) -> bool:
    return any(same(value, one) for one in values)


def choices(node: Schema) -> list[Json] | None:
    """The values a read node allows by name: of enum and const; None if it allows all."""
    values = node.get("enum")
    if "const" in node:
        return [node["const"]] if values is None or among(node["const"], values) else []
    return None if values is None else list(values)


def fits_kind(value: Json, names: list[str]) -> bool:
    kind = kind_of(value)
    return kind in names or (kind == "integer" and "number" in names)


def inferred(node: Schema) -> list[str]:
    """The types a node without a type speaks of."""
    if (values := choices(node)) is not None:
        found = list(dict.fromkeys(map(kind_of, values)))
        return [kind for kind in found if kind != "integer" or "number" not in found]
    return [kind for kind in ("object", "array", "string", "number") if node.keys() & (ABOUT[kind] - {"format"})]


def respelled(properties: Schema, pattern: str) -> dict[str, str]:
    """Names of properties that do not match a pattern, as they are spelled instead."""
    taken = {name for name in properties if re.fullmatch(pattern, name)}
    out: dict[str, str] = {}
    for name in properties:
        if name not in taken and name not in out:
            stem = re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:56] or "_"
            spelled, n = stem, 2
            while spelled in taken:
                spelled, n = f"{stem}_{n}", n + 1
            taken.add(spelled)
            out[name] = spelled
    return out


# -- apart ---------------------------------------------------------------------------


def differ(one: Schema, two: Schema) -> bool:
    """Whether no value can fit both of two read nodes."""
    first, second = kinds(one), kinds(two)
    if first and second and not _share(first, second):
        return True
    if _distinct(choices(one), choices(two)):
        return True
    if first != ["object"] and second != ["object"]:
        return False
    for name in one.get("required", ()):
        if name in two.get("required", ()):
            mine, yours = (read(node.get("properties", {}).get(name, True), "", unheard) for node in (one, two))
            if _distinct(choices(mine), choices(yours)):
                return True
    return _shut_out(one, two) or _shut_out(two, one)


def _distinct(one: list[Json] | None, two: list[Json] | None) -> bool:
    return one is not None and two is not None and not any(among(value, two) for value in one)


def _shut_out(one: Schema, two: Schema) -> bool:
    """Whether what the one requires the other forbids."""
    if kinds(two) not in (["object"], None) or kinds(one) != ["object"] or "patternProperties" in two:
        return False
    if two.get("additionalProperties") is not False:
        return False
    return any(name not in two.get("properties", {}) for name in one.get("required", ()))


def unheard(path: str, reason: str, what: str) -> None:
    """For a second reading: what is wrong was said at the first."""


# -- references --------------------------------------------------------------------


class References:
    """What a schema's references point at, within that schema."""

    def __init__(self, root: Json, path: str) -> None:
        self.root = root
        self.anchors: dict[str, Json] = {}
        self._found: dict[str, Json] = {}
        self._loops: dict[int, bool] = {}
        self.size = 0
        self._survey(path)

    def _survey(self, path: str) -> None:
        """Refuses what has no end, before anything recurses; notes anchors on the way."""
        ahead: list[tuple[Json, int]] = [(self.root, 0)]
        seen = 0
        while ahead:
            value, depth = ahead.pop()
            if type(value) is dict:
                for word in ("$id", "id", "$anchor", "$dynamicAnchor"):
                    if type(name := value.get(word)) is str:
                        self.anchors.setdefault(name.lstrip("#"), value)
                below: Iterable[Json] = value.values()
            elif type(value) is list:
                below = value
            else:
                continue
            seen += 1
            if depth > DEEPEST:
                raise invalid(path, f"is nested more than {DEEPEST} deep")
            if seen > MOST:
                raise invalid(path, f"is too large a schema: more than {MOST} objects and lists")
            self.size = seen
            ahead += [(one, depth + 1) for one in below if type(one) is dict or type(one) is list]

    def find(self, reference: str) -> Json:
        """The schema referred to, or WRONG."""
        if reference not in self._found:
            found = self._search(reference)
            self._found[reference] = found if type(found) in (dict, bool) else WRONG
        return self._found[reference]

    def _search(self, reference: str) -> Json:
        base, _, pointer = reference.partition("#")
        at = self.root
        if base:
            names = self.root if type(self.root) is dict else {}
            defined = [names.get(place) for place in ("$defs", "definitions")]
            at = next((one[base] for one in defined if type(one) is dict and base in one), WRONG)
            at = self.anchors.get(base, at)
        if not pointer:
            return at
        if not pointer.startswith("/"):
            return self.anchors.get(pointer, WRONG)
        for step in pointer[1:].split("/"):
            name = unquote(step).replace("~1", "/").replace("~0", "~")
            if type(at) is dict and (name in at or step in at):
                at = at[name] if name in at else at[step]
            elif type(at) is list and name.isdecimal() and name.isascii() and len(name) < 6 and int(name) < len(at):
                at = at[int(name)]
            else:
                return WRONG
        return at

    def loops(self, schema: Json) -> bool:
        """Whether a schema refers to itself, directly or by others."""
        if id(schema) not in self._loops:
            self._sort(schema)
        return self._loops[id(schema)]

    def _sort(self, first: Json) -> None:
        """Finds the loops among all that is referred to from here (Tarjan's strong components, without recursion)."""
        low: dict[int, int] = {}
        stack: list[int] = []
        open_: set[int] = set()
        trail: list[tuple[int, Iterable[Json]]] = []

        def enter(schema: Json) -> None:
            at = id(schema)
            low[at] = order[at] = len(order)
            stack.append(at)
            open_.add(at)
            used = self._used(schema)
            self._loops[at] = any(one is schema for one in used)
            trail.append((at, iter(used)))

        order: dict[int, int] = {}
        enter(first)
        while trail:
            at, ahead = trail[-1]
            for used in ahead:
                if id(used) not in order and id(used) not in self._loops:
                    enter(used)
                    break
                if id(used) in open_:
                    low[at] = min(low[at], order[id(used)])
            else:
                trail.pop()
                if trail:
                    low[trail[-1][0]] = min(low[trail[-1][0]], low[at])
                if low[at] == order[at]:
                    members = stack[stack.index(at) :] if stack[-1] != at else [at]
                    del stack[-len(members) :]
                    open_.difference_update(members)
                    if len(members) > 1:
                        self._loops.update(dict.fromkeys(members, True))

    def _used(self, schema: Json) -> list[Json]:
        """All that is referred to from within."""
        found, ahead = [], [schema]
        while ahead:
            value = ahead.pop()
            if type(value) is dict:
                used = self.find(to) if (to := reference(value)) is not None else WRONG
                if used is not WRONG:
                    found.append(used)
                ahead += value.values()
            elif type(value) is list:
                ahead += value
        return found


def reference(node: Schema) -> str | None:
    for word in ("$ref", "$dynamicRef", "$recursiveRef"):
        if type(to := node.get(word)) is str:
            return to
    return None


# -- both at once ---------------------------------------------------------------------

LARGER = frozenset(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"))
SMALLER = frozenset(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"))
CONTAINS = frozenset(("contains", "minContains", "maxContains"))
CONDITION = frozenset(("if", "then", "else"))
TUPLE = frozenset(("prefixItems", "items"))


def meet(one: Schema, other: Schema) -> Schema:
    """A read node that both read nodes allow. What of the other cannot be said beside the one is left in its allOf."""
    if not one or not other:
        return dict(one or other)
    out = dict(one)
    rest: Schema = {}
    _meet_members(out, one, other, rest)
    apart = _groups(one, other)
    for name, value in other.items():
        if name in ("properties", "additionalProperties", "unevaluatedProperties"):
            continue
        if name in apart:
            rest[name] = value
        elif name not in one:
            out[name] = value
        elif out.get("not") != {} and not same(one[name], value):
            found = _both(name, one[name], value)
            if found is not WRONG:
                out[name] = found
            elif name in ("type", "enum", "const"):
                out["not"] = {}  # nothing is both
            else:
                rest[name] = value
    if rest:
        out["allOf"] = [*out.get("allOf", ()), rest]
    return out


def _groups(one: Schema, other: Schema) -> frozenset[str]:
    """Keywords that only mean something together, and that the nodes do not share."""
    apart: frozenset[str] = frozenset()
    for group in (CONTAINS, CONDITION, TUPLE):
        mine, yours = ({name: node[name] for name in group if name in node} for node in (one, other))
        if mine and yours and not same(mine, yours) and (group is not TUPLE or "prefixItems" in {**mine, **yours}):
            apart |= group
    return apart


def _both(name: str, one: Json, other: Json) -> Json:
    """A keyword's value that says what both say, or WRONG."""
    if (join := JOINS.get(name)) is not None:
        return join(one, other)
    if name == "multipleOf" and type(one) is int and type(other) is int:
        return math.lcm(one, other)
    return WRONG if name in BOUND or name in MANY or name in CONDITION or name == "const" else one


def _share(first: list[str], second: list[str]) -> list[str]:
    """The types in both lists; a whole number is a number."""
    shared = [kind for kind in first if kind in second or (kind == "integer" and "number" in second)]
    return shared + [kind for kind in second if kind == "integer" and "number" in first and kind not in shared]


def _type_of_both(one: Json, other: Json) -> Json:
    first = [one] if type(one) is str else one
    second = [other] if type(other) is str else other
    shared = _share(first, second)
    if not shared:
        return WRONG
    return shared[0] if len(shared) == 1 else shared


def _product(one: list[Json], other: list[Json]) -> Json:
    if len(one) * len(other) > 16:
        return WRONG
    return [{"allOf": [first, second]} for first in one for second in other]


def _all_of(one: Json, other: Json) -> Json:
    return {"allOf": [one, other]}


def _by_name(one: Schema, other: Schema) -> Json:
    return one | {name: _all_of(one[name], value) if name in one else value for name, value in other.items()}


JOINS: dict[str, Callable[[Any, Any], Json]] = {
    **dict.fromkeys(LARGER, max),
    **dict.fromkeys(SMALLER, min),
    **dict.fromkeys(FLAGS, lambda one, other: one or other),
    **dict.fromkeys(("required", "propertyOrdering"), lambda one, other: list(dict.fromkeys((*one, *other)))),
    **dict.fromkeys(("items", "propertyNames"), _all_of),
    **dict.fromkeys(("patternProperties", "dependentSchemas"), _by_name),
    "type": _type_of_both,
    "enum": lambda one, other: [value for value in one if among(value, other)] or WRONG,
    "description": lambda one, other: one if other in one else f"{one}\n\n{other}",
    "anyOf": _product,
    "allOf": lambda one, other: [*one, *other],
    "not": lambda one, other: {"anyOf": [one, other]},
    "dependentRequired": lambda one, other: one | {name: [*one.get(name, ()), *to] for name, to in other.items()},
}


def _meet_members(out: Schema, one: Schema, other: Schema, rest: Schema) -> None:
    """Properties of both. What only one of them closes is closed with the names of both, and `rest` says so."""
    known, added = one.get("properties", {}), other.get("properties", {})
    if known or added:
        out["properties"] = known | {
            name: {"allOf": [known[name], value]} if name in known else value for name, value in added.items()
        }
    for word in ("additionalProperties", "unevaluatedProperties"):
        mine, yours = one.get(word, True), other.get(word, True)
        if word in one or word in other:
            out[word] = mine if free(yours) else yours if free(mine) else _narrower(mine, yours)
        if (not free(mine) and added.keys() - known.keys()) or (not free(yours) and known.keys() - added.keys()):
            rest[word] = mine if free(yours) else yours


def _narrower(one: Json, other: Json) -> Json:
    if one is False or other is False:
        return False
    return one if same(one, other) else {"allOf": [one, other]}


def free(schema: Json) -> bool:
    """Whether a schema allows everything."""
    return schema is True or schema == {}


def text_of(value: Json) -> str | None:
    """JSON text for a reader, or None where there is none to write."""
    try:
        return dumps(value)
    except (RecursionError, UnicodeEncodeError, OverflowError, TypeError, ValueError):
        return None
