"""What each place of each API takes for a schema, as data.

It knows neither schemas nor requests: which field of a wire takes which target, the dialects say.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace


class Target(Struct, frozen=True, kw_only=True):
    """What one place of one API takes for a schema."""

    name: str
    keywords: frozenset[str] | None = None
    """The keywords it takes. None: all of JSON Schema, so that little more is done than to put the schema right."""
    root: Literal["object", "any"] = "object"
    """Whether the root must be a plain object; another one is wrapped in an object's `value`."""
    capitals: bool = False
    """Types are written in capitals."""
    null: Literal["list", "union", "nullable"] = "list"
    """How null is allowed: type ["string", "null"], anyOf with {"type": "null"}, or nullable: true."""
    type_lists: bool = True
    """Whether a type may be a list of several scalar types."""
    untyped: bool = True
    """Whether a schema may do without a type."""
    refs: Literal["keep", "acyclic", "inline"] = "keep"
    """Which references to definitions may stand; others are replaced by what they refer to."""
    closed: bool = False
    """Every object must say additionalProperties: false."""
    all_required: bool = False
    """Every property must be required; what was optional becomes nullable, and its nulls are dropped from values."""
    declared: bool = False
    """Only declared properties may be required."""
    empty_properties: bool = True
    """Whether an object without properties says so: properties: {}."""
    items: Literal["free", "any", "string"] = "free"
    """What an array without items gets: nothing, {}, or text."""
    enums: Literal["any", "scalars", "plain", "strings"] = "any"
    """Which values an enum may name: any, scalars and null, texts and numbers, or texts that are not empty."""
    formats: frozenset[str] | None = None
    """The formats it takes. None: all."""
    min_items: frozenset[int] | None = None
    """The values of minItems it takes. None: all."""
    lookaround: bool = True
    """Whether a pattern may look around."""
    names: str | None = None
    """A pattern that names of properties must match; others are respelled, and spelled back in values."""
    depth: int = 0
    """How deep objects may be nested where values are enforced; 0: no limit known. The same for those that follow."""
    properties: int = 0
    choices: int = 0
    optional: int = 0
    unions: int = 0


_COMMON = frozenset(("type", "enum", "title", "description", "properties", "required", "items", "anyOf"))

GEMINI_PARAMETERS = Target(
    name="gemini.json_schema",
    keywords=_COMMON
    | {
        "$ref", "$defs", "format", "prefixItems", "minItems", "maxItems", "minimum", "maximum", "minLength",
        "maxLength", "pattern", "additionalProperties", "propertyOrdering", "default",
    },
    type_lists=False,
    refs="acyclic",
    declared=True,
    enums="plain",
)  # fmt: skip
"""parametersJsonSchema: the list in the discovery document of July 2026, and what recordings show taken beside it
(pattern, minLength, maxLength, default). Cycles are said to be unrolled in optional properties only: they are cut."""
GEMINI_RESPONSE = replace(GEMINI_PARAMETERS, name="gemini.response", root="any")
"""responseJsonSchema."""

_OPENAPI = _COMMON | {
    "format", "nullable", "pattern", "minLength", "maxLength", "minItems", "maxItems", "minProperties",
    "maxProperties", "minimum", "maximum", "propertyOrdering", "default",
}  # fmt: skip
GEMINI_OPENAPI = Target(
    name="gemini.openapi",
    keywords=_OPENAPI,
    capitals=True,
    null="nullable",
    type_lists=False,
    untyped=False,
    refs="inline",
    declared=True,
    empty_properties=False,
    items="string",
    enums="strings",
    formats=frozenset(("enum", "date-time", "float", "double", "int32", "int64")),
)
"""parameters of AI Studio: an OpenAPI 3.0 subset; an unknown field is a 400."""
GEMINI_OPENAPI_RESPONSE = replace(GEMINI_OPENAPI, name="gemini.openapi.response", root="any")
"""responseSchema."""
VERTEX_OPENAPI = replace(
    GEMINI_OPENAPI,
    name="vertex.openapi",
    keywords=_OPENAPI | {"additionalProperties"},
    formats=frozenset(
        ("enum", "email", "byte", "date", "date-time", "time", "duration", "password", "float", "double", "int32",
         "int64")
    ),
)  # fmt: skip
"""The same of Vertex AI, which also closes objects."""
VERTEX_OPENAPI_RESPONSE = replace(VERTEX_OPENAPI, name="vertex.openapi.response", root="any")

OPENAI_LOOSE = Target(name="openai", items="any")
"""A function's parameters, or a response format's schema, that is not strict."""
OPENAI_STRICT = Target(
    name="openai.strict",
    keywords=_COMMON
    | {
        "$ref", "$defs", "const", "format", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
        "multipleOf", "minItems", "maxItems", "prefixItems", "additionalProperties", "default",
    },
    untyped=False,
    closed=True,
    all_required=True,
    declared=True,
    items="string",
    enums="scalars",
    formats=frozenset(
        ("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid", "int32", "int64",
         "float", "double")
    ),
    lookaround=False,
    depth=10,
    properties=5000,
    choices=1000,
)  # fmt: skip
"""strict: true. prefixItems, default and int64 are recorded as taken (gpt-5-nano, gpt-4o)."""

NAMES = "[A-Za-z0-9_.-]{1,64}"
ANTHROPIC_TOOL = Target(name="anthropic", names=NAMES)
"""A tool's input_schema: any JSON Schema whose root is a plain object and whose properties have plain names."""
ANTHROPIC_OUTPUT = Target(
    name="anthropic.output",
    keywords=_COMMON | {"$ref", "$defs", "const", "format", "minItems", "additionalProperties", "default"},
    root="any",
    null="union",
    type_lists=False,
    refs="acyclic",
    closed=True,
    declared=True,
    enums="scalars",
    formats=frozenset(
        ("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid")
    ),
    min_items=frozenset((0, 1)),
    names=NAMES,
    optional=24,
    unions=16,
)  # fmt: skip
"""output_config.format: what the API compiles to a grammar. It compiles no cycle (recorded 400)."""
ANTHROPIC_STRICT = replace(ANTHROPIC_OUTPUT, name="anthropic.strict", root="object")
"""A tool's input_schema under strict: true."""
