"""A JSON Schema written anew in the words that one target takes.

It knows targets as data, and no provider. What a target has no word for is said in the description, or left
out; either is reported. What is only spelled otherwise is not.
"""

from __future__ import annotations

import math
import re
from typing import Any

import msgspec

from dragoman.core.codec import dumps
from dragoman.core.errors import invalid
from dragoman.core.ir import Json
from dragoman.core.schema_read import (
    ABOUT,
    ANNOTATIONS,
    ARRAY,
    BOUND,
    MANY,
    NAMED,
    OBJECT,
    ONE,
    SILENT,
    TAKES,
    WRONG,
    References,
    Schema,
    among,
    choices,
    differ,
    fits_kind,
    free,
    inferred,
    kind_of,
    kinds,
    meet,
    read,
    reference,
    respelled,
    text_of,
)
from dragoman.core.schema_targets import Target
from dragoman.core.schema_words import SAID, Report, Spot, Words

NODES = 10_000
DEPTH = 48
NESTED = "More of the same kind, nested further."
CUT: Schema = {"type": "object", "description": NESTED}
REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
PLACES = frozenset(("$defs", "definitions", "$id", "id", "$anchor", "$dynamicAnchor", "$recursiveAnchor"))
BRANCHES = 512
SHAPES = 128
ANYTHING: Schema = {
    "type": ["string", "number", "boolean", "array", "null"],
    "items": {"type": ["string", "number", "boolean"]},
}


class TooLarge(Exception):
    """A schema that grows beyond NODES when its references are replaced."""


class Writer:
    """Writes one schema once. `report` tells what became of it."""

    def __init__(self, schema: Json, target: Target, path: str, turns: int = 3) -> None:
        self.raw, self.target, self.path = schema, target, path
        self.turns = turns  # how often what refers to itself is replaced on one path
        self.references = References(schema, path)
        self.report = Report()
        self.wrapped = False
        self.most = self.left = min(NODES, 1000 + 20 * self.references.size)
        self.looped = False
        self._whole = target.root == "any"  # whether the root stays what it was, so that "#" still means it
        self._taken: dict[str, int] = {}  # names, and the last number that was tried after each
        self._names: dict[int, str] = {}
        self._waiting: list[tuple[str, Json]] = []
        self._anything = ""

    # -- the root ----------------------------------------------------------------------

    def read(self, raw: Json, path: str) -> Schema:
        return read(raw, path, self.report.lose)

    def write(self) -> Json:
        words, at = Words(), Spot(self.path)
        if self.target.root == "any":
            out = self.schema(self.raw, at)
        else:
            node = self.root(words)
            writes = self._loose if self.target.keywords is None else self._shape
            out = writes(node, words, at)
        definitions: Schema = {}
        while self._waiting:
            name, raw = self._waiting.pop()
            definitions[name] = self.schema(raw, at / f"$defs.{name}")
        return {**out, "$defs": definitions} if definitions else out

    def root(self, words: Words) -> Schema:
        """The root as a plain object: a union of objects is one object, anything else is put in one, as `value`."""
        given = self.raw
        if given is None or free(given):
            return {"type": "object", "properties": {}}
        at = Spot(self.path)
        node = self.read(given, at.path)
        if any(word in node for word in (*REFERENCES, "allOf")):
            node, _ = self._settled(given, at, forced=True)
        else:
            self._whole = True
        if any(word in node for word in ("anyOf", "oneOf", "allOf", "enum", "const", "not")):
            self._whole = False
        for union in ("anyOf", "oneOf"):
            if union in node:
                node = self._one_object(node, union, words, at)
        said = kinds(node)
        names = set(inferred(node) if said is None else said)
        if self.wrapped or (names and names - {"null"} != {"object"}):
            self.wrapped, self._whole = True, False
            value = {name: one for name, one in given.items() if name not in SILENT} if type(given) is dict else given
            return {"type": "object", "properties": {"value": value}, "required": ["value"]}
        for word in ("enum", "const", "not", "allOf"):
            if word in node:
                self.report.say(word, node.pop(word), words, at)
        return {**node, "type": "object"}

    def _one_object(self, node: Schema, union: str, words: Words, at: Spot) -> Schema:
        """One object with the properties of all shapes; required is what all require. The shapes are told in words."""
        if len(node[union]) > SHAPES:
            self.wrapped = True
            return node
        read_members = []
        for n, raw in enumerate(node[union]):
            member, _ = self._settled(raw, at / f"{union}[{n}]", forced=True)
            if kinds(member) != ["null"] and member not in read_members:
                read_members.append(member)
        if not read_members or not all(map(_objects, [*read_members, {**node, union: None}])):
            self.wrapped = True
            return node
        out = {name: value for name, value in node.items() if name != union}
        if len(read_members) == 1:
            return meet(out, read_members[0])
        properties = dict(node.get("properties", {}))
        for name, value in [pair for member in read_members for pair in member.get("properties", {}).items()]:
            known = properties.get(name, value)
            if known is not value and known != value:
                options = known["anyOf"] if type(known) is dict and known.keys() == {"anyOf"} else [known]
                known = {"anyOf": options if value in options else [*options, value]}
            properties[name] = known
        shared = list(read_members[0].get("required", ()))
        for member in read_members[1:]:
            shared = [name for name in shared if name in member.get("required", ())]
        out["properties"] = properties
        if needed := list(dict.fromkeys((*node.get("required", ()), *shared))):
            out["required"] = needed
        if all(member.get("additionalProperties") is False for member in read_members):
            out["additionalProperties"] = False
        shapes = []
        for member in read_members:
            needs = member.get("required", [])
            shapes.append([*needs, *(f"{name}?" for name in member.get("properties", {}) if name not in needs)])
        which = "exactly one" if union == "oneOf" else "one"
        words.sentences.append(f"Give the fields of {which} of these shapes: {(text_of(shapes) or '')[:SAID]}")
        self.report.lose((at / union).path, "not taken at the root: its shapes are one object", "emulated")
        return out

    # -- one schema ---------------------------------------------------------------------

    def schema(self, raw: Json, at: Spot) -> Json:
        self.left -= 1
        if self.left < 0:
            raise TooLarge
        if at.depth > DEPTH and not _leaf(raw):
            self.report.lose(at.path, "nested too deeply: cut here")
            return dict(CUT) if self.target.keywords is None else self._plain(dict(CUT), Words(), at)
        if self.target.keywords is None:
            return raw if type(raw) is bool else self._loose(self.read(raw, at.path), Words(), at)
        node = self.read(raw, at.path)
        standing = self._standing(node)
        if standing is not None and "$ref" in standing:
            return standing
        if standing is None:
            node, at = self._settled(raw, at)
        return self._shape(standing or node, Words(), at)

    def _settled(self, raw: Json, at: Spot, forced: bool = False) -> tuple[Schema, Spot]:
        """A node with what it refers to, and all of its allOf, in it."""
        out: Schema = {}
        over: list[Json] = []
        seen: set[int] = set()
        ahead = [self.read(raw, at.path)]
        while ahead:
            part = ahead.pop(0)
            more: list[Schema] = []
            if (to := reference(part)) is not None:
                found = self.references.find(to)
                if found is WRONG:
                    self.report.lose(f"{at.path}.$ref", "points at nothing in this schema")
                elif id(found) not in seen:
                    seen.add(id(found))
                    if not forced and self.references.loops(found):
                        self.looped = True
                        at = at._replace(turns=at.turns + 1)
                        if at.turns > self.turns:
                            self.report.lose(f"{at.path}.$ref", "refers to itself: cut here", "emulated")
                            self.report.unhold(at, "it refers to itself")
                            return dict(CUT), at
                    more.append(self.read(found, at.path))
            for n, member in enumerate(part.get("allOf", ())):
                more.append(self.read(member, f"{at.path}.allOf[{n}]"))
            part = {name: value for name, value in part.items() if name not in REFERENCES and name != "allOf"}
            out = meet(out, part)
            over += out.pop("allOf", ())
            ahead = more + ahead
        if over:
            out["allOf"] = over
        return out, at

    def _standing(self, node: Schema) -> Schema | None:
        """A reference that may stand; with annotations beside it, in a union of one, for it may have no siblings."""
        beside = {name: value for name, value in node.items() if name in ANNOTATIONS}
        rest = [name for name in node if name not in ANNOTATIONS and name not in SILENT]
        if rest == ["allOf"] and len(node["allOf"]) == 1 and type(node["allOf"][0]) is dict:
            node = node["allOf"][0]  # as pydantic wrote a reference with a description
            rest = list(node)
        to = reference(node)
        if to is None or len(rest) > 1 or self.target.refs == "inline":
            return None
        found = self.references.find(to)
        if type(found) is not dict:
            return None
        loops = self.references.loops(found)
        if loops and self.target.refs == "acyclic":
            return None
        if not beside:
            return {"$ref": self._define(found, to)}
        return {**beside, "anyOf": [{"$ref": to}]} if loops else None

    def _define(self, found: Json, to: str) -> str:
        """The reference to a definition, which is written when all else is."""
        if id(found) not in self._names:
            if found is self.raw and self._whole:
                return "#"
            stem = "root" if found is self.raw else to.rpartition("/")[2].rpartition("#")[2] or "definition"
            stem = re.sub(r"[^A-Za-z0-9_.-]+", "_", stem.replace("~1", "_").replace("~0", "_"))[:60]
            name = stem
            while name in self._taken:
                self._taken[stem] += 1
                name = f"{stem}_{self._taken[stem]}"
            self._taken[name] = 1
            self._names[id(found)] = name
            self._waiting.append((name, found))
        return f"#/$defs/{self._names[id(found)]}"

    # -- targets that take all keywords -------------------------------------------------------

    def _loose(self, node: Schema, words: Words, at: Spot) -> Json:
        spelled = self._spelled(node.get("properties", {}))
        out: Schema = {}
        for name, value in node.items():
            if name in REFERENCES:
                found = self.references.find(value)
                if found is WRONG:
                    self.report.lose((at / name).path, "points at nothing in this schema")
                elif "$ref" not in out:
                    out["$ref"] = self._define(found, value)
            elif name in ("required", "propertyOrdering"):
                out[name] = [self._name(key, spelled) for key in value]
            elif name not in PLACES:
                out[name] = self._within(name, value, spelled, at)
        if "array" in (kinds(node) or ()) and "items" not in out and self.target.items == "any":
            out["items"] = {}
        if at.path == self.path and "properties" not in out:
            out["properties"] = {}
        if (said := words.after(node.get("description"))) is not None:
            out["description"] = said
        return out

    def _within(self, name: str, value: Json, spelled: dict[str, str], at: Spot) -> Json:
        if name in ONE:
            return self.schema(value, at.below(name))
        if name in MANY:
            return [self.schema(one, at.below(f"{name}[{n}]")) for n, one in enumerate(value)]
        if name in NAMED:
            return {
                spelled.get(key, key): self.schema(one, at.below(f"{name}.{key:.60}")) for key, one in value.items()
            }
        return value

    # -- unions ------------------------------------------------------------------------------------

    def _shape(self, node: Schema, words: Words, at: Spot) -> Json:
        node = dict(node)
        if "allOf" in node:
            self.report.say("allOf", node.pop("allOf"), words, at)
        if "oneOf" in node:
            members = node.pop("oneOf")
            if "anyOf" in node:
                self.report.say("oneOf", members, words, at)
            else:
                node["anyOf"] = members
                if not self._apart(members):
                    words.sentences.append("Only one of the alternatives may fit.")
                    self.report.lose((at / "oneOf").path, "in words", "emulated")
        writes = self._union if "anyOf" in node else self._plain
        return writes(node, words, at)

    def _union(self, node: Schema, words: Words, at: Spot) -> Json:
        """Alternatives, each with what stood beside them, for beside a union nothing may stand."""
        members = node.pop("anyOf")
        own = {name: value for name, value in node.items() if _bounds(name)}
        if own and len(members) * (len(own.get("properties", ())) + 1) > BRANCHES:
            self.report.say("anyOf", members, words, at)
            return self._plain(node, words, at)
        node = {name: value for name, value in node.items() if not _bounds(name)}
        written: dict[str, Json] = {}
        null = False
        for n, member in enumerate(members):
            found = self._member({"allOf": [own, member]} if own else member, at / f"anyOf[{n}]")
            if found is None:
                continue
            flat = found["anyOf"] if found.keys() <= {"anyOf", "nullable"} and "anyOf" in found else [found]
            null = null or (flat[0] is not found and found.get("nullable", False))
            for one in flat:
                if one.get("type") == self._null()["type"]:
                    null = True
                    words.sentences += [one["description"]] if "description" in one else []
                else:
                    written[text_of(one) or str(one)] = one
        out = next(iter(written.values())) if len(written) == 1 else {"anyOf": list(written.values())}
        if not written:
            if not null:
                self.report.say("anyOf", members, words, at)
            out = self._null() if null else self._plain({}, Words(), at)
        return self._dress(self._with_null(out) if null and written else out, node, words, at)

    def _member(self, raw: Json, at: Spot) -> Json:
        """One alternative as it is written; None where nothing can fit it."""
        node = self.read(raw, at.path)
        if self._standing(node) is None:
            node, _ = self._settled(raw, at)
            if node.get("not") == {} or choices(node) == []:
                return None
            if _only_null(node):
                return self._dress(self._null(), node, Words(), at)
        return self.schema(raw, at)

    def _null(self) -> Schema:
        return {"type": "NULL" if self.target.capitals else "null"}

    def _with_null(self, out: Schema) -> Schema:
        style, kind = self.target.null, out.get("type")
        names = kind if type(kind) is list else [kind]
        if not out or out == self._null() or "null" in names or self._null() in out.get("anyOf", ()):
            return out
        if style == "nullable":
            return {**out, "nullable": True}
        if style == "list" and "const" not in out and "object" not in names and "array" not in names:
            enum = {"enum": [*out["enum"], None]} if "enum" in out else {}
            if kind is not None:
                return {**out, "type": [*names, "null"], **enum}
            if enum:
                return {**out, **enum}
        if "anyOf" in out:
            return {**out, "anyOf": [*out["anyOf"], self._null()]}
        return {"anyOf": [out, self._null()]}

    def _apart(self, members: list[Json]) -> bool:
        """Whether no value can fit two of these schemas."""
        if len(members) > 16:
            return False
        report, self.report = self.report, Report()
        nodes = [self._settled(member, Spot(""), forced=True)[0] for member in members]
        self.report = report
        return all(differ(one, two) for n, one in enumerate(nodes) for two in nodes[:n])

    # -- what is no union ------------------------------------------------------------------------------

    def _plain(self, node: Schema, words: Words, at: Spot) -> Json:
        said, values = kinds(node), choices(node)
        if values is not None:
            values = self._fitting(values, said, at)
            if values is None:
                node = {name: value for name, value in node.items() if name not in ("enum", "const")}
        names = said if said is not None else inferred(node)
        null = "null" in names and (values is None or among(None, values))
        if values is not None:
            values = [value for value in values if value is not None] or (None if not null else [])
            if values:
                names = [kind for kind in names if any(fits_kind(value, [kind]) for value in values)]
        names = [kind for kind in names if kind != "null" and not (kind == "integer" and "number" in names)]
        if null and (not names or values == []):
            return self._dress(self._null(), self._rest(node, words, at), words, at)
        if len(names) > 1:
            scalars = "object" not in names and "array" not in names
            if not (self.target.type_lists and scalars and (values is None or self.target.enums in ("any", "scalars"))):
                return self._by_kind(node, names, values, null, words, at)
        if not names and not self.target.untyped:
            self.report.lose(at.path, "not anything may stand here: narrowed to scalars and lists of them", "clamped")
            self.report.unhold(at, "it allows anything")
            self._anything = self._anything or dumps(self.schema(ANYTHING, at))  # a schema may well hold many
            out = msgspec.json.decode(self._anything)
            return self._dress(out, self._rest(node, words, at), words, at)
        out = self._typed(node, names, values, words, at)
        return self._dress(self._with_null(out) if null else out, node, words, at)

    def _fitting(self, values: list[Json], names: list[str] | None, at: Spot) -> list[Json] | None:
        """The values that are of the types named."""
        found = [value for value in values if names is None or fits_kind(value, names)]
        if not found and {"integer", "number"} & set(names or ()):
            figures = [value for value in values if type(value) is str and re.fullmatch(r"-?[0-9]{1,15}", value)]
            if figures and len(figures) == len(values):  # Vertex has its numbers so
                self.report.lose(f"{at.path}.enum", "numbers written as texts are read as numbers", "emulated")
                return [int(value) for value in figures]
        if not found:
            self.report.lose(f"{at.path}.enum", "none of its values can be")
            return None
        return found

    def _rest(self, node: Schema, words: Words, at: Spot) -> Schema:
        """The annotations, where only those can be carried; the rest is said."""
        for name, value in node.items():
            if name not in ANNOTATIONS and name not in SILENT and name not in ("type", "enum", "const", *BOUND):
                self.report.say(name, value, words, at)
        return {name: value for name, value in node.items() if name in ANNOTATIONS}

    def _by_kind(self, node: Schema, names: list[str], values: list[Json] | None, null: bool, *rest: Any) -> Json:
        """A union of the types that are named."""
        words, at = rest
        members: list[Json] = []
        for kind in names:
            member = {name: value for name, value in node.items() if name in ABOUT[kind]}
            member["type"] = kind
            if values is not None:
                member["enum"] = [value for value in values if fits_kind(value, [kind])]
            members.append(member)
        if null:
            members.append({"type": "null"})
        kept = self._rest(node, words, at)
        return self._union({**kept, "anyOf": members}, words, at)

    def _typed(self, node: Schema, names: list[str], values: list[Json] | None, *rest: Any) -> Schema:
        """What is of one type, or of several scalar ones, or of none."""
        words, at = rest
        out: Schema = {}
        if names:
            spelled = [kind.upper() for kind in names] if self.target.capitals else names
            out["type"] = spelled[0] if len(spelled) == 1 else spelled
        if values:
            self._enumerate(node, values, out, words, at)
        if names in ([], ["object"]) and (names or node.keys() & OBJECT):
            self._members(node, out, words, at)
        if names in ([], ["array"]) and (names or node.keys() & ARRAY):
            self._elements(node, out, words, at)
        apart = OBJECT | ARRAY
        about = frozenset().union(*(ABOUT[kind] for kind in names)) if names else BOUND
        for name, value in self._whole_limits(node, names).items():
            if name in apart or name in ANNOTATIONS or name in SILENT or name in ("type", "enum", "const"):
                continue
            if name in BOUND and name not in about:
                continue  # it bounds values of other types
            if self._takes(name, value):
                out[name] = self.schema(value, at.below(name)) if name in ONE else value
            else:
                self.report.say(name, value, words, at)
        return out

    def _whole_limits(self, node: Schema, names: list[str]) -> Schema:
        """For whole numbers, more than 2 is at least 3."""
        if names != ["integer"]:
            return node
        out = dict(node)
        for edge, limit, step, either in (
            ("exclusiveMinimum", "minimum", 1, max),
            ("exclusiveMaximum", "maximum", -1, min),
        ):
            value = node.get(edge)
            if value is None or not self._takes(limit, value) or self._takes(edge, value):
                continue
            if abs(value) < 1 << 53:
                whole = (math.floor(value) if step > 0 else math.ceil(value)) + step
                out[limit] = either(whole, out.get(limit, whole))
                del out[edge]
        return out

    def _takes(self, name: str, value: Json) -> bool:
        target = self.target
        if target.keywords is None or name not in target.keywords:
            return False
        if name == "format":
            return target.formats is None or value in target.formats
        if name == "minItems":
            return target.min_items is None or value in target.min_items
        return name != "pattern" or target.lookaround or re.search(r"\(\?(?!:)|\\[1-9k]", value) is None

    def _enumerate(self, node: Schema, values: list[Json], out: Schema, words: Words, at: Spot) -> None:
        accepted = {
            "scalars": ("string", "number", "integer", "boolean"),
            "plain": ("string", "number", "integer"),
            "strings": ("string",),
        }.get(self.target.enums)
        if accepted is not None and not all(kind_of(value) in accepted for value in values):
            self.report.say("enum", values, words, at)
            return
        if self.target.enums == "strings" and "" in values:
            self.report.lose(f"{at.path}.enum", "an empty text is not taken among its values", "clamped")
            values = [value for value in values if value != ""]
        if "const" in node and self._takes("const", None):
            out["const"] = values[0]
        elif values:
            out["enum"] = values

    # -- objects ------------------------------------------------------------------------------------

    def _spelled(self, properties: Schema) -> dict[str, str]:
        """The names of properties as the target takes them."""
        return respelled(properties, self.target.names) if self.target.names is not None else {}

    def _name(self, name: str, spelled: dict[str, str]) -> str:
        return spelled.get(name) or (self._spelled({name: None}).get(name, name))

    def _members(self, node: Schema, out: Schema, words: Words, at: Spot) -> None:
        target = self.target
        properties: Schema = node.get("properties", {})
        required = node.get("required", [])
        if target.declared and any(name not in properties for name in required):
            self.report.lose((at / "required").path, "names properties that are not declared")
            required = [name for name in required if name in properties]
        order = [name for name in node.get("propertyOrdering", ()) if name in properties]
        properties = {name: properties[name] for name in dict.fromkeys((*order, *properties))}
        spelled = self._spelled(properties)
        written: Schema = {}
        for name, raw in properties.items():
            one = self.schema(raw, at.below(f"properties.{name:.60}"))
            if target.all_required and name not in required:
                one = self._with_null(one)
            written[spelled.get(name, name)] = one
        if order and self._takes("propertyOrdering", order):
            out["propertyOrdering"] = list(written)
        if written or (target.empty_properties and "object" in str(out.get("type")).lower()):
            out["properties"] = written
        if target.all_required and "properties" in out:
            out["required"] = list(written)
        elif required:
            out["required"] = [self._name(name, spelled) for name in required]
        self._others(node, out, words, at)
        self._as_they_are(OBJECT - MEMBERS, node, out, words, at)
        if "patternProperties" in node and target.closed:
            self.report.unhold(at, "its properties are not all named")

    def _as_they_are(self, names: frozenset[str], node: Schema, out: Schema, words: Words, at: Spot) -> None:
        """Keywords that hold no schema."""
        for name, value in node.items():
            if name in names:
                if self._takes(name, value):
                    out[name] = value
                else:
                    self.report.say(name, value, words, at)

    def _others(self, node: Schema, out: Schema, words: Words, at: Spot) -> None:
        """Properties that are not declared."""
        word = "additionalProperties" if "additionalProperties" in node else "unevaluatedProperties"
        others = node.get(word, True)
        if self.target.closed:
            out["additionalProperties"] = False
            if word in node and others is not False and not free(others):
                self.report.say(word, others, words, at)
                self.report.unhold(at, "its properties are not all named")
            elif free(others) and (word in node or "properties" not in node) and "patternProperties" not in node:
                self.report.lose((at / word).path, "every object is closed here")
                self.report.unhold(at, "its properties are not all named")
        elif word not in node:
            return
        elif self._takes("additionalProperties", others):
            plain = type(others) is bool or free(others)
            written = others is not False if plain else self.schema(others, at.below(word))
            out["additionalProperties"] = True if written == {} else written
        elif others is False:
            self.report.lose((at / word).path, "objects cannot be closed here")
        elif not free(others):
            self.report.say(word, others, words, at)

    # -- arrays ----------------------------------------------------------------------------------------

    def _elements(self, node: Schema, out: Schema, words: Words, at: Spot) -> None:
        first = node.get("prefixItems", [])
        others = node["items"] if "items" in node else node.get("unevaluatedItems")
        most = node.get("maxItems")
        if others is False:
            most = len(first) if most is None else min(most, len(first))
            others = {"anyOf": first} if first else {"type": "string"}
        if first:
            if self._takes("prefixItems", first):
                out["prefixItems"] = [self.schema(raw, at.below(f"prefixItems[{n}]")) for n, raw in enumerate(first)]
            else:
                self.report.say("prefixItems", first, words, at)
                others = {"anyOf": first if others is None or others == {"anyOf": first} else [*first, others]}
        if others is not None:
            out["items"] = self.schema(others, at.below("items"))
        elif self.target.items != "free" and out.get("type") is not None:
            self.report.lose((at / "items").path, "items of any kind are not taken: narrowed to texts", "clamped")
            self.report.unhold(at, "it allows any items")
            out["items"] = self.schema({"type": "string"}, at)
        if most is not None:
            node = {**node, "maxItems": most}
        self._as_they_are(ARRAY - ITEMS, node, out, words, at)

    # -- words ---------------------------------------------------------------------------------------------

    def _dress(self, out: Schema, node: Schema, words: Words, at: Spot) -> Schema:
        """With the annotations of its node; a reference, beside which nothing may stand, is put in a union of one."""
        extra: Schema = {}
        for name, value in node.items():
            if name == "description":
                continue
            if name not in ANNOTATIONS:
                if name not in TAKES and name != "const":
                    self.report.say(name, value, words, at)
            elif self._takes(name, value):
                extra[name] = value
            else:
                self.report.say(name, value, words, at)
        if said := words.after(node.get("description")):
            extra["description"] = said
        if not extra:
            return out
        if "$ref" in out:
            return {"anyOf": [out], **extra}
        inner = out.get("description")
        if inner and said and inner not in said:
            extra["description"] = f"{said}\n\n{inner}"
        return {**out, **extra}


ITEMS = frozenset(("items", "prefixItems", "unevaluatedItems"))
MEMBERS = frozenset(("properties", "required", "propertyOrdering", "additionalProperties", "unevaluatedProperties"))


def _leaf(raw: Json) -> bool:
    """Whether nothing is nested in a schema, or only what was cut before."""
    if type(raw) is not dict:
        return True
    members = raw.get("anyOf", [])
    if type(members) is list and not all(map(_leaf, members)):
        return False
    if raw.get("description") == NESTED and not raw.get("properties"):
        return True
    kind = raw.get("type")
    open_kinds = {"object", "array"} & {str(one).lower() for one in (kind if type(kind) is list else [kind])}
    return not open_kinds and not raw.keys() & (ONE | NAMED | MANY | {*REFERENCES}) - {"anyOf"}


def _bounds(name: str) -> bool:
    return (name in TAKES and name not in ANNOTATIONS and name not in SILENT) or name == "const"


def _only_null(node: Schema) -> bool:
    names, values = kinds(node), choices(node)
    if (names != ["null"] and values != [None]) or node.keys() & {"not", "if", "anyOf", "oneOf", "allOf"}:
        return False
    return (names is None or "null" in names) and (values is None or among(None, values))


def _objects(node: Schema) -> bool:
    """Whether only objects are meant."""
    names = kinds(node)
    if names is None:
        values = choices(node)
        return not (node.keys() & {"anyOf", "oneOf", "not"} - {n for n, v in node.items() if v is None}) and (
            set(inferred(node)) <= {"object"} if values is None else False
        )
    return set(names) - {"null"} == {"object"}


def write(schema: Json, target: Target, path: str) -> tuple[Json, Report, int]:
    """The schema for the target, what became of it, and by how many schemas it has grown."""
    for turns in (3, 1, 0):
        writer = Writer(schema, target, path, turns)
        try:
            out = writer.write()
            return out, writer.report, max(0, writer.most - writer.left - 2 * writer.references.size)
        except TooLarge:
            if not writer.looped:
                break
        except RecursionError:
            raise invalid(path, "is nested too deeply") from None
    raise invalid(path, f"grows beyond {writer.most} schemas when its references are replaced")
