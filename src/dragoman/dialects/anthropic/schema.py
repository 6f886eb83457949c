"""JSON Schema as this API takes it: for a tool's input, and for answers it holds to a schema.

It knows no request. What cannot be enforced is said in a description instead, and the caller reports it.
"""

from __future__ import annotations

from dragoman.core.codec import Wire, dumps
from dragoman.core.ir import Json

DEPTH = 64
FORMATS = frozenset(
    ("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid")
)  # fmt: skip
PLAIN = frozenset(("$ref", "type", "enum", "const", "description", "title"))
"""Keywords that are taken as they are."""
SCHEMAS = frozenset(("properties", "$defs", "definitions"))
"""Keywords that hold schemas by name."""
UNSAID = frozenset(("additionalProperties", "$schema", "$id"))
"""Keywords that are left out without a word."""
UNIONS = {"anyOf": "anyOf", "oneOf": "anyOf", "allOf": "allOf"}


def tool_input(schema: Json) -> tuple[Wire, str | None]:
    """The schema of a tool's input, which must be a plain object at its root; and what was done to it, if anything."""
    if not isinstance(schema, dict) or not schema:
        return {"type": "object", "properties": {}}, None
    found, why = schema, None
    if isinstance(found.get("type"), str) and found["type"].isupper():
        found, why = lowered(found), "types in capitals are written small here"
    if "$ref" in found and "type" not in found:
        found, why = resolved(found), "the root reference is resolved"
    union = next((name for name in UNIONS if isinstance(found.get(name), list)), None)
    kind = found.get("type")
    if union and (kind in (None, "object") or kind == ["object", "null"]):
        return merged(found, union), f"{union} is not taken at the root: its members are one object"
    if kind is None or kind == "object" or (isinstance(kind, list) and "object" in kind):
        properties = found.get("properties")
        whole = {"type": "object", "properties": properties if isinstance(properties, dict) else {}}
        return found | whole, why
    return (
        {"type": "object", "properties": {"value": found}, "required": ["value"]},
        "an input that is no object is put in one, as `value`",
    )


def lowered(schema: Json, depth: int = 0) -> Json:
    """The schema with its types in small letters, as Gemini's clients do not write them."""
    if isinstance(schema, list) and depth < DEPTH:
        return [lowered(one, depth + 1) for one in schema]
    if not isinstance(schema, dict) or depth >= DEPTH:
        return schema
    out: Wire = {}
    for name, value in schema.items():
        if name == "type" and isinstance(value, str):
            out[name] = value.lower()
        elif name in SCHEMAS and isinstance(value, dict):
            out[name] = {key: lowered(one, depth + 1) for key, one in value.items()}
        elif name in ("items", "additionalProperties", *UNIONS):
            out[name] = lowered(value, depth + 1)
        else:
            out[name] = value
    return out


def resolved(schema: Wire) -> Wire:
    """A root that is a local reference, with what it refers to in its place; the definitions stay."""
    at: Json = schema
    reference = schema.get("$ref")
    for step in reference.removeprefix("#/").split("/") if isinstance(reference, str) else ():
        step = step.replace("~1", "/").replace("~0", "~")
        at = at.get(step) if isinstance(at, dict) else None
    rest = {name: value for name, value in schema.items() if name != "$ref"}
    return at | rest if isinstance(at, dict) and at is not schema else {"type": "object"} | rest


def merged(schema: Wire, union: str) -> Wire:
    """One object with the properties of all members: each member's for oneOf and anyOf, required where all require."""
    members = [member for member in schema[union] if isinstance(member, dict)]
    members = [resolved(schema | member) if "$ref" in member else member for member in members]
    members = [member for member in members if member.get("type") != "null"]
    properties: Wire = {}
    required: list[str] | None = None
    for member in [schema, *members]:
        for name, value in members_of(member, "properties").items():
            known = properties.get(name)
            properties[name] = value if known in (None, value) else either(known, value)
    for member in members:
        names = names_of(member)
        if required is None:
            required = names
        elif union == "allOf":
            required += [name for name in names if name not in required]
        else:
            required = [name for name in required if name in names]
    own = names_of(schema)
    out = {name: value for name, value in schema.items() if name not in UNIONS}
    out |= {"type": "object", "properties": properties}
    if needed := own + [name for name in required or () if name not in own]:
        out["required"] = needed
    if union != "allOf":
        shapes = [list(members_of(member, "properties")) for member in members]
        note = f"Give the fields of exactly one of these shapes: {dumps(shapes)}"
        out["description"] = f"{out['description']}\n\n{note}" if isinstance(out.get("description"), str) else note
    return out


def members_of(schema: Wire, name: str) -> Wire:
    value = schema.get(name)
    return value if isinstance(value, dict) else {}


def names_of(schema: Wire) -> list[str]:
    value = schema.get("required")
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else []


def either(one: Json, other: Json) -> Json:
    known = one["anyOf"] if isinstance(one, dict) and set(one) == {"anyOf"} else [one]
    return {"anyOf": known if other in known else [*known, other]}


# -- what answers and strict tools can be held to -----------------------------------


def enforceable(schema: Json, depth: int = 0) -> Json:
    """The schema in the subset the API enforces: objects closed, limits in words."""
    if not isinstance(schema, dict) or depth > DEPTH:
        return {} if schema is True or isinstance(schema, dict) else schema
    out: Wire = {}
    left: Wire = {}
    for name, value in schema.items():
        if name in PLAIN or (name == "required" and isinstance(value, list)):
            out[name] = value
        elif name in SCHEMAS and isinstance(value, dict):
            out[name] = {key: enforceable(one, depth + 1) for key, one in value.items()}
        elif name in UNIONS and isinstance(value, list):
            out[UNIONS[name]] = [enforceable(one, depth + 1) for one in value]
        elif name == "items":
            out[name] = enforceable(value, depth + 1)
        elif enforced(name, value):
            out[name] = value
        elif name not in UNSAID or (value and isinstance(value, dict)):
            left[name] = value
    kind = schema.get("type")
    if kind == "object" or (isinstance(kind, list) and "object" in kind) or "properties" in out:
        out["additionalProperties"] = False
    if left:
        note = "{" + ", ".join(f"{name}: {dumps(value)}" for name, value in left.items()) + "}"
        said = out.get("description")
        out["description"] = f"{said}\n\n{note}" if isinstance(said, str) and said else note
    return out


def enforced(name: str, value: Json) -> bool:
    if name == "format":
        return isinstance(value, str) and value in FORMATS
    return name == "minItems" and value in (0, 1)


def recursive(schema: Wire) -> bool:
    """Whether a definition refers to itself, directly or by others; the API compiles no such schema (recorded 400)."""
    uses: dict[str, set[str]] = {}
    for place in ("$defs", "definitions"):
        for name, value in members_of(schema, place).items():
            uses[f"#/{place}/{name}"] = references(value)
    uses["#"] = references({name: value for name, value in schema.items() if name not in ("$defs", "definitions")})
    for name in uses:
        seen: set[str] = set()
        ahead = list(uses[name])
        while ahead:
            used = ahead.pop()
            if used == name:
                return True
            if used not in seen:
                seen.add(used)
                ahead += uses.get(used, ())
    return False


def references(schema: Json, depth: int = 0) -> set[str]:
    if depth > DEPTH or not isinstance(schema, dict | list):
        return set()
    values = schema.values() if isinstance(schema, dict) else schema
    found = set().union(*(references(value, depth + 1) for value in values))
    if isinstance(schema, dict) and isinstance(schema.get("$ref"), str):
        found.add(schema["$ref"])
    return found
