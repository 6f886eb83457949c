"""A schema for every target, whatever was written: nothing is eaten, what is lost is told, and values find their way back."""

import copy
import json
import re
import time
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

import laws
from dragoman.core.codec import Context, Loss
from dragoman.core.errors import GatewayError, Kind
from dragoman.core.fold import fold, unfold
from dragoman.core.ir import Event, Reasoning, Response, Text, ToolCall
from dragoman.core.schema import (
    ANTHROPIC_OUTPUT,
    ANTHROPIC_STRICT,
    ANTHROPIC_TOOL,
    GEMINI_OPENAPI,
    GEMINI_OPENAPI_RESPONSE,
    GEMINI_PARAMETERS,
    GEMINI_RESPONSE,
    OPENAI_LOOSE,
    OPENAI_STRICT,
    VERTEX_OPENAPI,
    VERTEX_OPENAPI_RESPONSE,
    Target,
    format_schema,
    normalise,
    tool_schema,
    unfit,
)
from dragoman.core.schema_back import Mending, earlier, mended, mender, restore
from dragoman.core.schema_read import References
from sandboxing import valid
from traffic import cases

TARGETS = [
    GEMINI_PARAMETERS, GEMINI_RESPONSE, GEMINI_OPENAPI, GEMINI_OPENAPI_RESPONSE, VERTEX_OPENAPI,
    VERTEX_OPENAPI_RESPONSE, OPENAI_LOOSE, OPENAI_STRICT, ANTHROPIC_TOOL, ANTHROPIC_OUTPUT, ANTHROPIC_STRICT,
]  # fmt: skip
SUBSETS = [target for target in TARGETS if target.keywords is not None]
each = pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
each_subset = pytest.mark.parametrize("target", SUBSETS, ids=lambda target: target.name)
PATH = "tools[0].parameters"


def written(schema: Any, target: Target) -> tuple[Any, list[Loss]]:
    """The schema for the target and its losses; the laws that hold for all schemas are held here."""
    before = copy.deepcopy(schema)
    ctx, again = Context(), Context()
    out = normalise(schema, target, ctx, PATH)
    assert schema == before, "the input was changed"
    twice = normalise(out, target, again, PATH)
    assert json.dumps(twice, sort_keys=True) == json.dumps(out, sort_keys=True), "the second time it is another"
    assert again.losses == [], "the second time something is lost"
    if target.keywords is not None:
        for node in nodes(out):
            assert node.keys() <= target.keywords | {"$defs"}
    assert all(loss.path.startswith(PATH) and loss.reason for loss in ctx.losses)
    return out, ctx.losses


def quiet(schema: Any, target: Target) -> Any:
    out, losses = written(schema, target)
    assert losses == []
    return out


def lost(schema: Any, target: Target) -> dict[str, str]:
    return {loss.path.removeprefix(PATH).lstrip("."): loss.what for loss in written(schema, target)[1]}


def nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """Every place of a written schema where keywords stand."""
    if isinstance(schema, dict):
        yield schema
        for name, value in schema.items():
            if name in ("properties", "$defs", "patternProperties", "dependentSchemas"):
                for one in value.values():
                    yield from nodes(one)
            elif name in ("anyOf", "oneOf", "allOf", "prefixItems"):
                for one in value:
                    yield from nodes(one)
            elif name in ("items", "not", "additionalProperties", "contains", "if", "then", "else", "propertyNames"):
                yield from nodes(value)


def a(schema: Any, **more: Any) -> dict[str, Any]:
    """An object whose one property, which is required, has the schema."""
    return {"type": "object", "properties": {"a": schema}, "required": ["a"], **more}


def one(schema: Any, target: Target) -> Any:
    """How the schema of a property is written."""
    return written(a(schema), target)[0]["properties"]["a"]


# -- the cases of the catalogue ------------------------------------------------

CASE_97 = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "https://example.com/tool",
    "type": "object",
    "additionalProperties": True,
    "properties": {
        "map": {"type": "object", "additionalProperties": {"type": "string"}},
        "limit": {"type": "integer", "default": 10, "exclusiveMinimum": 0},
        "mode": {"const": "fast"},
        "id": {"oneOf": [{"type": "string"}, {"type": "integer"}]},
        "both": {"allOf": [{"type": "string", "minLength": 2}, {"maxLength": 5}]},
        "no": {"type": "string", "not": {"enum": ["x"]}},
        "pattern": {"type": "object", "patternProperties": {"^x-": {"type": "string"}}, "propertyNames": {"maxLength": 9}},
        "shut": {"type": "object", "properties": {"p": {"type": "string"}}, "unevaluatedProperties": False},
        "url": {"type": "string", "format": "uri", "examples": ["https://example.com"]},
        "list": {"type": "array", "items": {"type": "string"}, "contains": {"const": "a"}, "minContains": 2, "uniqueItems": True},
        "old": {"type": "string", "deprecated": True, "x-foo": 1, "encrypted": True},
        "either": {"type": "object", "properties": {"q": {"type": "string"}}, "if": {"required": ["q"]}, "then": {"minProperties": 2}, "else": {}},
    },
    "required": ["mode"],
}  # fmt: skip


@each_subset
def test_case_097_keywords_that_are_not_taken_are_said_or_reported(target: Target) -> None:
    out, losses = written(CASE_97, target)
    paths = {loss.path.removeprefix(PATH + ".properties."): loss.what for loss in losses}
    assert list(out["properties"]) == list(CASE_97["properties"])
    assert paths["no.not"] == paths["list.contains"] == paths["list.minContains"] == "emulated"
    assert paths["pattern.patternProperties"] == paths["pattern.propertyNames"] == "emulated"
    assert paths["either.if"] == paths["url.examples"] == paths["old.deprecated"] == "emulated"
    assert paths["old.x-foo"] == paths["old.encrypted"] == "dropped"
    assert not [path for path in paths if "$schema" in path or "$id" in path]
    text = json.dumps(out)
    assert "{uniqueItems: true}" in text or "uniqueItems: true" in text
    assert "^x-" in text and "https://example.com/tool" not in text
    mode = out["properties"]["mode"]
    assert mode.get("const", mode.get("enum")) in ("fast", ["fast"]) and mode["type"] in ("string", "STRING")
    assert [member["type"].lower() for member in out["properties"]["id"].get("anyOf", ())] in (
        ["string", "integer"], ["string", "integer", "null"],
    )  # fmt: skip
    assert "id.oneOf" not in paths, "no value is a text and a number: nothing is lost"


def test_case_097_what_a_target_has_a_word_for_is_no_loss() -> None:
    assert one({"const": "fast"}, GEMINI_PARAMETERS) == {"type": "string", "enum": ["fast"]}
    assert one({"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 2.5}, GEMINI_OPENAPI) == {
        "type": "INTEGER", "minimum": 1, "maximum": 2,
    }  # fmt: skip
    assert lost(a({"type": "number", "exclusiveMinimum": 0}), GEMINI_OPENAPI) == {
        "properties.a.exclusiveMinimum": "emulated"
    }
    assert one({"allOf": [{"type": "string", "minLength": 2}, {"minLength": 3, "maxLength": 5}]}, GEMINI_OPENAPI) == {
        "type": "STRING", "minLength": 3, "maxLength": 5,
    }  # fmt: skip
    assert quiet(a({"type": "object", "additionalProperties": {"type": "string"}}), GEMINI_PARAMETERS)
    assert lost(a({"type": "object", "additionalProperties": {"type": "string"}}), GEMINI_OPENAPI) == {
        "properties.a.additionalProperties": "emulated"
    }
    assert quiet(a({"type": "string"}, additionalProperties=False), VERTEX_OPENAPI)["additionalProperties"] is False
    assert lost(a({"type": "string"}, additionalProperties=False), GEMINI_OPENAPI) == {
        "additionalProperties": "dropped"
    }
    said = one({"type": "string", "description": "A code.", "pattern": "^x", "minLength": 2}, ANTHROPIC_OUTPUT)
    assert said == {"type": "string", "description": 'A code.\n\n{pattern: "^x", minLength: 2}'}


def test_case_097_a_one_of_whose_shapes_overlap_is_said() -> None:
    union = {"oneOf": [{"type": "integer"}, {"type": "number"}]}
    assert lost(a(union), GEMINI_PARAMETERS) == {"properties.a.oneOf": "emulated"}
    assert "Only one" in one(union, GEMINI_PARAMETERS)["description"]
    kinds = [
        {"type": "object", "properties": {"k": {"const": k}, "x": {"type": "string"}}, "required": ["k"]} for k in "ab"
    ]
    assert len(quiet(a({"oneOf": kinds}), GEMINI_PARAMETERS)["properties"]["a"]["anyOf"]) == 2


KEYWORDS = [
    "title", "default", "format", "properties", "items", "type", "required", "$ref", "encrypted", "enum", "anyOf",
    "allOf", "oneOf", "const", "nullable", "description", "additionalProperties", "$defs", "definitions", "not", "x-a",
    "propertyNames", "patternProperties", "$schema", "$id", "$anchor", "examples", "minLength", "pattern", "if",
    "value",
]  # fmt: skip


@each
def test_case_098_properties_named_like_keywords_survive(target: Target) -> None:
    schema = {
        "type": "object",
        "properties": {name: {"type": "string"} for name in KEYWORDS},
        "required": KEYWORDS,
        "additionalProperties": False,
    }
    for nested in (schema, a(schema), a({"type": "array", "items": schema}), a({"anyOf": [schema, {"type": "null"}]})):
        out, losses = written(nested, target)
        found = next(node for node in nodes(out) if len(node.get("properties", ())) > 5)
        names = [name.replace("$", "_") if target.names else name for name in KEYWORDS]
        assert list(found["properties"]) == found["required"] == names
        assert {json.dumps(value).lower() for value in found["properties"].values()} == {'{"type": "string"}'}
        assert {loss.path.rpartition(".")[2] for loss in losses} <= {"additionalProperties"}


@each
def test_case_098_a_property_called_properties_with_keywords_below(target: Target) -> None:
    notion = a(
        {
            "type": "object",
            "properties": {
                "properties": {
                    "type": "object",
                    "properties": {"propertyNames": {"type": "string"}, "type": {"type": "integer"}},
                    "required": ["type"],
                    "additionalProperties": False,
                }
            },
            "required": ["properties"],
            "additionalProperties": False,
        }
    )
    inner = written(notion, target)[0]["properties"]["a"]["properties"]["properties"]
    assert list(inner["properties"]) == ["propertyNames", "type"] and "type" in inner["required"]


TREE = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}},
    "required": ["name"],
}
RECURSIVE = {
    "type": "object",
    "properties": {"tree": {"$ref": "#/$defs/Tree"}},
    "required": ["tree"],
    "$defs": {"Tree": TREE},
}


@each
def test_case_099_cycles_stand_or_are_cut(target: Target) -> None:
    out, losses = written(RECURSIVE, target)
    kept = target.refs == "keep"
    assert ("$ref" in json.dumps(out)) is kept
    assert any(loss.reason.startswith("refers to itself") for loss in losses) is not kept
    if not kept:
        cut = next(node for node in nodes(out) if "nested further" in node.get("description", ""))
        assert cut["type"].lower() == "object" and not cut.get("properties")
        assert unfit(RECURSIVE, target) is not None or not target.closed
    else:
        assert set(out["$defs"]) == {"Tree"}
        assert unfit(RECURSIVE, target) is None


def test_case_099_references_are_found_however_they_are_spelled() -> None:
    text = {"type": "string", "minLength": 1}
    for ref, schema in {
        "#/$defs/A~1B": {"$defs": {"A/B": text}},
        "#/$defs/A~0B": {"$defs": {"A~B": text}},
        "#/$defs/A%25B": {"$defs": {"A%B": text}},
        "#/$defs/A%20B": {"$defs": {"A B": text}},
        "#/definitions/A": {"definitions": {"A": text}},
        "#/properties/b": {"properties": {"b": text}},
        "#/$defs/A/anyOf/1": {"$defs": {"A": {"anyOf": [{}, text]}}},
        "#there": {"$defs": {"A": {"$anchor": "there", **text}}},
        "https://example.com/s#/$defs/A": {"$id": "https://example.com/s", "$defs": {"A": text}},
        "A": {"$defs": {"A": text}},
    }.items():
        whole = {"type": "object", **schema, "properties": {"a": {"$ref": ref}, **schema.get("properties", {})}}
        out = quiet(whole, GEMINI_OPENAPI)
        assert out["properties"]["a"] == {"type": "STRING", "minLength": 1}, ref
        [kept] = quiet(whole, ANTHROPIC_TOOL)["$defs"].values()
        assert kept.items() >= text.items(), ref


@each
def test_case_099_a_reference_to_nothing_is_a_loss(target: Target) -> None:
    for ref in ("#/$defs/Gone", "other.json", "#nowhere", "#/$defs/A/0", "#/%zz", ""):
        schema = {"type": "object", "properties": {"a": {"$ref": ref, "type": "string"}}, "$defs": {"A": {}}}
        if ref:
            assert lost(schema, target)["properties.a.$ref"] == "dropped"
        else:
            written(schema, target)


def test_case_099_siblings_of_a_reference_are_kept() -> None:
    pet = {"type": "object", "properties": {"n": {"type": "string"}}, "required": ["n"], "description": "A pet."}
    schema = a({"$ref": "#/$defs/Pet", "description": "The one to feed."}, **{"$defs": {"Pet": pet}})
    for target in (GEMINI_PARAMETERS, OPENAI_STRICT):
        found = quiet(schema, target)["properties"]["a"]
        assert found["description"] == "The one to feed.\n\nA pet." and "n" in found["properties"]
    older = a({"allOf": [{"$ref": "#/$defs/Pet"}], "description": "The one to feed."}, **{"$defs": {"Pet": pet}})
    assert quiet(older, GEMINI_PARAMETERS) == quiet(schema, GEMINI_PARAMETERS)
    loop = {**RECURSIVE, "properties": {"tree": {"$ref": "#/$defs/Tree", "title": "T"}}}
    assert quiet(loop, OPENAI_STRICT)["properties"]["tree"] == {
        "anyOf": [{"$ref": "#/$defs/Tree"}], "title": "T",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("schema", "gemini", "openapi", "strict", "output"),
    [
        (
            {"type": ["string", "null"]},
            {"type": ["string", "null"]},
            {"type": "STRING", "nullable": True},
            {"type": ["string", "null"]},
            {"anyOf": [{"type": "string"}, {"type": "null"}]},
        ),
        (
            {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            {"type": ["integer", "null"]},
            {"type": "INTEGER", "nullable": True},
            {"type": ["integer", "null"]},
            {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        ),
        (
            {"type": "STRING", "nullable": True},
            {"type": ["string", "null"]},
            {"type": "STRING", "nullable": True},
            {"type": ["string", "null"]},
            {"anyOf": [{"type": "string"}, {"type": "null"}]},
        ),
        (
            {"enum": [None, "a"]},
            {"type": ["string", "null"], "enum": ["a", None]},
            {"type": "STRING", "enum": ["a"], "nullable": True},
            {"type": ["string", "null"], "enum": ["a", None]},
            {"anyOf": [{"type": "string", "enum": ["a"]}, {"type": "null"}]},
        ),
        (
            {"enum": [1, 2]},
            {"type": "integer", "enum": [1, 2]},
            {"type": "INTEGER", "description": "{enum: [1,2]}"},
            {"type": "integer", "enum": [1, 2]},
            {"type": "integer", "enum": [1, 2]},
        ),
        (
            {"type": "array"},
            {"type": "array"},
            {"type": "ARRAY", "items": {"type": "STRING"}},
            {"type": "array", "items": {"type": "string"}},
            {"type": "array"},
        ),
        (
            {"type": "object", "properties": {}, "additionalProperties": False},
            {"type": "object", "properties": {}, "additionalProperties": False},
            {"type": "OBJECT"},
            {"type": "object", "properties": {}, "required": [], "additionalProperties": False},
            {"type": "object", "properties": {}, "additionalProperties": False},
        ),
        (
            {"type": ["string", "integer"]},
            {"anyOf": [{"type": "string"}, {"type": "integer"}]},
            {"anyOf": [{"type": "STRING"}, {"type": "INTEGER"}]},
            {"type": ["string", "integer"]},
            {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        ),
        (
            {"items": [{"type": "string"}, {"type": "integer"}], "additionalItems": False, "minItems": 2},
            {
                "type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "minItems": 2, "maxItems": 2,
                "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
            },
            {
                "type": "ARRAY", "items": {"anyOf": [{"type": "STRING"}, {"type": "INTEGER"}]}, "minItems": 2,
                "maxItems": 2, "description": '{prefixItems: [{"type":"string"},{"type":"integer"}]}',
            },
            {
                "type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "minItems": 2, "maxItems": 2,
                "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
            },
            {
                "type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
                "description": '{prefixItems: [{"type":"string"},{"type":"integer"}], minItems: 2, maxItems: 2}',
            },
        ),
    ],
)  # fmt: skip
def test_case_100_types(schema: Any, gemini: Any, openapi: Any, strict: Any, output: Any) -> None:
    assert one(schema, GEMINI_PARAMETERS) == gemini
    assert one(schema, GEMINI_OPENAPI) == openapi
    assert one(schema, OPENAI_STRICT) == strict
    assert one(schema, ANTHROPIC_OUTPUT) == output


@each
def test_case_100_odd_properties(target: Target) -> None:
    schema = {
        "type": "OBJECT",
        "properties": {
            "any": {},
            "true": True,
            "must": {"type": "STRING", "required": True},
            "bad": {"type": 7},
            "none": None,
        },
        "required": ["any", "absent"],
    }
    out, losses = written(schema, target)
    assert list(out["properties"]) == ["any", "true", "must", "bad", "none"]
    assert "must" in out["required"] and ("absent" in out["required"]) is (not target.declared)
    what = {loss.path.removeprefix(PATH + "."): loss.what for loss in losses}
    assert what["properties.bad.type"] == "dropped" and what["properties.none"] in ("dropped", "clamped")
    assert Loss(f"{PATH}.properties.none", "is not a schema", "dropped") in losses
    assert (what.get("required") == "dropped") is target.declared
    for node in nodes(out):
        kind = node.get("type", "string")
        assert all(
            name.isupper() is target.capitals for name in ([kind] if isinstance(kind, str) else kind)
        ) or not node.get("type")
    if not target.untyped:
        assert what["properties.any"] == "clamped" and unfit(schema, target) is not None
        assert all(node.keys() & {"type", "anyOf", "$ref"} for node in nodes(out))


@each
def test_case_043_a_tool_without_parameters(target: Target) -> None:
    if target.root == "object":
        for schema in (None, {}, True):
            out = quiet(schema, target) if not target.closed else written(schema, target)[0]
            assert out["type"].lower() == "object"
            assert out.get("properties", {}) == {}
    assert normalise(None, ANTHROPIC_TOOL, Context(), PATH) == {"type": "object", "properties": {}}
    assert normalise({}, OPENAI_LOOSE, Context(), PATH) == {"type": "object", "properties": {}}
    assert normalise(None, OPENAI_STRICT, Context(), PATH) == {
        "type": "object", "properties": {}, "required": [], "additionalProperties": False,
    }  # fmt: skip
    assert normalise(None, GEMINI_OPENAPI, Context(), PATH) == {"type": "OBJECT"}


SHAPES = {
    "anyOf": [
        {"type": "object", "properties": {"kind": {"const": "cat"}, "lives": {"type": "integer"}}, "required": ["kind", "lives"]},
        {"type": "object", "properties": {"kind": {"const": "dog"}, "tricks": {"type": "string"}}, "required": ["kind"]},
    ]
}  # fmt: skip


@pytest.mark.parametrize(
    "target", [target for target in TARGETS if target.root == "object"], ids=lambda target: target.name
)
def test_case_044_the_root_is_a_plain_object(target: Target) -> None:
    out, losses = written(SHAPES, target)
    assert out["type"].lower() == "object" and not out.keys() & {"anyOf", "oneOf", "allOf", "enum", "not", "$ref"}
    assert list(out["properties"]) == ["kind", "lives", "tricks"]
    assert "kind" in out["required"]
    assert '[["kind","lives"],["kind","tricks?"]]' in out["description"]
    assert Loss(f"{PATH}.anyOf", "not taken at the root: its shapes are one object", "emulated") in losses
    whole = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}}
    out, losses = written({**whole, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}, target)
    assert list(out["properties"]) == ["a", "b"] and '[["a"],["b"]]' in out["description"] and losses
    out, _ = written({"allOf": [whole, {"properties": {"c": {"type": "integer"}}, "required": ["c"]}]}, target)
    assert list(out["properties"]) == ["a", "b", "c"] and "c" in out["required"]
    out, _ = written({"$ref": "#/$defs/T", "$defs": {"T": whole}}, target)
    assert list(out["properties"]) == ["a", "b"]


@pytest.mark.parametrize(
    "target", [target for target in TARGETS if target.root == "object"], ids=lambda target: target.name
)
@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"type": "string"}},
        {"type": "string", "enum": ["a", "b"]},
        {"type": ["string", "null"]},
        {"anyOf": [{"type": "string"}, {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}]},
        {"enum": ["a"]},
        {"$ref": "#/$defs/L", "$defs": {"L": {"type": "array", "items": {"type": "integer"}}}},
        {"type": "array", "items": {"$ref": "#"}},
    ],
)  # fmt: skip
def test_case_044_another_root_is_wrapped_and_values_come_back(schema: Any, target: Target) -> None:
    out, _ = written(schema, target)
    assert out["type"].lower() == "object" and list(out["properties"]) == out["required"] == ["value"]
    value = ["x", {"value": 1}, 12345678901234567890, None]
    assert restore({"value": value}, schema, target) == value
    ctx = Context()
    tool_schema("f", schema, target, ctx, PATH)
    assert earlier(ToolCall(id="1", name="f", arguments="[1]"), ctx) == '{"value":[1]}'
    assert (
        earlier(ToolCall(id="1", name="f"), ctx) == ""
        and earlier(ToolCall(id="1", name="g", arguments="1"), ctx) == "1"
    )
    text = mender(schema, target)
    assert text is not None and text.whole(' {"value" : [1, "}\\"" ]}').strip() == '[1, "}\\"" ]'


def test_case_056_a_format_keeps_its_root_where_it_may() -> None:
    array = {"type": "array", "items": {"type": "string"}}
    assert quiet(array, ANTHROPIC_OUTPUT) == quiet(array, GEMINI_RESPONSE) == array
    assert mender(array, ANTHROPIC_OUTPUT) is mender(array, GEMINI_RESPONSE) is None
    out = quiet(SHAPES, ANTHROPIC_OUTPUT)
    assert len(out["anyOf"]) == 2 and all(shape["additionalProperties"] is False for shape in out["anyOf"])


def test_case_101_large_numbers_pass() -> None:
    large = 12345678901234567890
    schema = a({"type": "integer", "maximum": large, "minimum": -(2**63), "description": "<a&b>"})
    for target in (OPENAI_LOOSE, ANTHROPIC_TOOL, GEMINI_PARAMETERS, OPENAI_STRICT):
        assert quiet(schema, target)["properties"]["a"]["maximum"] == large
    optional = {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "string"}, "s": {"type": "string"}},
    }
    assert restore({"a": large, "b": None, "s": "<a&b>"}, optional, OPENAI_STRICT) == {"a": large, "s": "<a&b>"}
    text = mender(optional, OPENAI_STRICT)
    assert text is not None
    assert (
        text.whole('{"a":123456789012345678901234,"b":null,"s":"<a&b>\\u003c"}')
        == '{"a":123456789012345678901234,"s":"<a&b>\\u003c"}'
    )


# -- what strict modes demand ------------------------------------------------------


def test_openai_strict_requires_all_and_nulls_are_dropped_from_values() -> None:
    schema = {
        "type": "object",
        "properties": {
            "q": {"type": "string"},
            "n": {"type": "integer"},
            "maybe": {"type": ["string", "null"]},
            "deep": {"type": "object", "properties": {"x": {"type": "string"}, "y": {"$ref": "#/$defs/Y"}}, "required": ["x"]},
            "list": {"type": "array", "items": {"type": "object", "properties": {"z": {"type": "number"}}}},
        },
        "required": ["q"],
        "$defs": {"Y": {"type": "object", "properties": {"w": {"enum": ["a"]}}}},
    }  # fmt: skip
    out = quiet(schema, OPENAI_STRICT)
    for node in nodes(out):
        if "properties" in node:
            assert node["required"] == list(node["properties"]) and node["additionalProperties"] is False
    assert unfit(schema, OPENAI_STRICT) is None
    value = {"q": "x", "n": None, "maybe": None, "deep": {"x": "", "y": {"w": None}}, "list": [{"z": None}, {"z": 1}]}
    back = {"q": "x", "maybe": None, "deep": {"x": "", "y": {}}, "list": [{}, {"z": 1}]}
    assert valid(value, out) and valid(back, schema)
    assert restore(value, schema, OPENAI_STRICT) == back
    assert restore({**value, "deep": None, "list": None}, schema, OPENAI_STRICT) == {"q": "x", "maybe": None}


def test_nulls_are_dropped_by_the_shape_that_is_meant() -> None:
    schema = a({"anyOf": [
        {"type": "object", "properties": {"k": {"const": 1}, "x": {"type": "string"}}, "required": ["k"]},
        {"type": "object", "properties": {"k": {"const": 2}, "x": {"type": "null"}}, "required": ["k", "x"]},
    ]})  # fmt: skip
    assert restore({"a": {"k": 1, "x": None}}, schema, OPENAI_STRICT) == {"a": {"k": 1}}
    assert restore({"a": {"k": 2, "x": None}}, schema, OPENAI_STRICT) == {"a": {"k": 2, "x": None}}
    assert restore({"kind": "dog", "lives": None, "tricks": None}, SHAPES, OPENAI_STRICT) == {"kind": "dog"}


@pytest.mark.parametrize(
    ("schema", "strict", "anthropic"),
    [
        (a({"type": "string"}), True, True),
        (a({"type": "object", "additionalProperties": {"type": "string"}}), False, False),
        (a({"type": "object"}), False, False),
        (a({"type": "string"}, additionalProperties=True), False, False),
        (a({}), False, True),
        (a({"type": "object", "patternProperties": {"^x": {}}}), False, False),
        (RECURSIVE, True, False),
        ({"type": "object", "properties": {f"p{n}": {"type": "string"} for n in range(25)}}, True, False),
        ({"type": "object", "properties": {f"p{n}": {"type": "string"} for n in range(5001)}}, False, False),
        (a({"type": "string", "enum": [str(n) for n in range(1001)]}), False, True),
    ],
)
def test_what_cannot_be_enforced_is_told_before(schema: Any, strict: bool, anthropic: bool) -> None:
    assert (unfit(schema, OPENAI_STRICT) is None) is strict
    assert (unfit(schema, ANTHROPIC_STRICT) is None) is (unfit(schema, ANTHROPIC_OUTPUT) is None) is anthropic
    assert unfit(schema, ANTHROPIC_TOOL) is unfit(schema, OPENAI_LOOSE) is None


def test_deep_objects_are_not_enforced_by_openai() -> None:
    schema: Any = {"type": "string"}
    for _ in range(11):
        schema = a(schema)
    assert unfit(schema, OPENAI_STRICT) == "depth: 11 are more than 10"
    assert unfit(schema["properties"]["a"], OPENAI_STRICT) is None


def test_names_that_a_target_cannot_spell_come_back() -> None:
    schema = {
        "type": "object",
        "properties": {"$filter": {"type": "string"}, "a b": {"type": "object", "properties": {"ß": {"type": "integer"}}}, "a_b": {}},
        "required": ["$filter", "a b"],
    }  # fmt: skip
    out = quiet(schema, ANTHROPIC_TOOL)
    assert list(out["properties"]) == ["_filter", "a_b_2", "a_b"] and out["required"] == ["_filter", "a_b_2"]
    assert all(re.fullmatch("[A-Za-z0-9_.-]{1,64}", name) for node in nodes(out) for name in node.get("properties", ()))
    value = {"_filter": "x", "a_b_2": {"_": 1}, "a_b": 2}
    assert restore(value, schema, ANTHROPIC_TOOL) == {"$filter": "x", "a b": {"ß": 1}, "a_b": 2}
    text = mender(schema, ANTHROPIC_TOOL)
    assert text is not None and json.loads(text.whole(json.dumps(value))) == restore(value, schema, ANTHROPIC_TOOL)
    assert mender(a({"type": "string"}), ANTHROPIC_TOOL) is None


# -- hostile input -----------------------------------------------------------------


@each
@pytest.mark.parametrize(
    "value", [None, True, 0, -1, 1.5, "", "x", [], [1], ["x"], {}, {"x": 1}, [{}], [[]], {"type": 1}]
)
def test_no_keyword_trips_over_a_wrong_type(target: Target, value: Any) -> None:
    for name in [*KEYWORDS, "exclusiveMinimum", "minItems", "prefixItems", "dependencies", "enum", "propertyOrdering",
                 "multipleOf", "contains", "then", "$dynamicRef", "uniqueItems", "unevaluatedItems", "additionalItems"]:  # fmt: skip
        for schema in (
            {name: value},
            {"type": "object", name: value},
            a({name: value}),
            a({"type": "array", name: value}),
        ):
            written(schema, target)
    for schema in (value, a(value), {"type": "object", "properties": value}, {"$defs": value}, {"anyOf": value}):
        written(schema, target)


@each
def test_depth_is_cut_or_refused(target: Target) -> None:
    for wrapping in (
        a,
        lambda inner: {"type": "array", "items": inner},
        lambda inner: {"type": ["object", "null"], "properties": {"p": inner}},
    ):
        schema: Any = {"type": "string"}
        for _ in range(60):
            schema = wrapping(schema)
        _, losses = written(schema, target)
        assert [loss.reason for loss in losses if "too deeply" in loss.reason]
    for deep in (
        a,
        lambda inner: {"allOf": [inner]},
        lambda inner: {"anyOf": [inner, {"type": "null"}]},
        lambda inner: {"not": inner},
    ):
        schema = {"type": "string"}
        for _ in range(900):
            schema = deep(schema)
        with pytest.raises(GatewayError, match="nested more than 200 deep") as caught:
            normalise(schema, target, Context(), PATH)
        assert caught.value.kind is Kind.INVALID_REQUEST and caught.value.param == PATH


@each
def test_growth_is_bounded(target: Target) -> None:
    """Definitions that double each other, and a chain of a thousand."""
    laughs = {
        f"D{n}": a({"$ref": f"#/$defs/D{n + 1}"}, additionalProperties={"$ref": f"#/$defs/D{n + 1}"}) for n in range(40)
    }
    laughs["D40"] = {"type": "string"}
    both = [
        {
            f"D{n}": {"type": "object", "properties": {k: {"$ref": f"#/$defs/D{n + 1}"} for k in "ab"}}
            for n in range(40)
        },
        laughs,
    ]
    chain = {f"D{n}": {"anyOf": [{"$ref": f"#/$defs/D{n + 1}"}, {"type": "null"}]} for n in range(1000)}
    webs = {
        f"D{n}": {"type": "object", "properties": {f"p{k}": {"$ref": f"#/$defs/D{k}"} for k in range(12)}}
        for n in range(12)
    }
    long = {f"D{n}": {"properties": {"p": {"$ref": f"#/$defs/D{n + 1}"}}} for n in range(4000)}
    ring = {f"D{n}": {"properties": {"p": {"$ref": f"#/$defs/D{(n + 1) % 4000}"}}} for n in range(4000)}
    for definitions in (*both, chain, webs, long, ring):
        schema = a({"$ref": "#/$defs/D0"}, **{"$defs": definitions})
        start = time.perf_counter()
        grows = definitions in (both[0], chain) or (
            definitions is laughs and target is not GEMINI_OPENAPI and target is not GEMINI_OPENAPI_RESPONSE
        )
        if target.refs == "inline" and grows:
            with pytest.raises(GatewayError, match=r"grows beyond|nested too deeply") as caught:
                normalise(schema, target, Context(), PATH)
            assert caught.value.kind is Kind.INVALID_REQUEST and caught.value.param == PATH
        else:
            assert len(json.dumps(normalise(schema, target, Context(), PATH))) < 3_000_000
        assert time.perf_counter() - start < 5


@each
def test_many_losses_are_summed_up(target: Target) -> None:
    ctx = Context()
    schema = {"type": "object", "properties": {f"p{n}": {"type": "x"} for n in range(1500)}}
    start = time.perf_counter()
    normalise(schema, target, ctx, PATH)
    assert time.perf_counter() - start < 5
    assert len(ctx.losses) == 65 and re.fullmatch(r"and \d+ more", ctx.losses[-1].reason)


def test_the_schemas_of_a_request_grow_within_bounds_together() -> None:
    webs = {
        f"D{n}": {"type": "object", "properties": {f"p{k}": {"$ref": f"#/$defs/D{k}"} for k in range(8)}}
        for n in range(8)
    }
    ctx = Context()

    def tool(n: int) -> None:
        schema = a({"$ref": "#/$defs/D0"}, **{"$defs": {**webs, "Z": {"title": str(n)}}})
        normalise(schema, GEMINI_OPENAPI, ctx, f"tools[{n}]")

    with pytest.raises(GatewayError, match="the schemas before it grow") as caught:
        list(map(tool, range(1000)))
    assert caught.value.kind is Kind.INVALID_REQUEST
    ctx = Context()
    for n in range(500):  # an agent with a great many plain tools
        normalise(CODE, GEMINI_OPENAPI, ctx, f"tools[{n}]")
    assert ctx.grown == 0


def test_a_schema_of_ten_thousand_objects_is_refused_where_it_cannot_be_read() -> None:
    with pytest.raises(GatewayError, match="too large a schema"):
        normalise({"enum": [{} for _ in range(30_000)]}, ANTHROPIC_TOOL, Context(), PATH)


def test_half_a_character_is_refused_and_a_number_beyond_64_bits_is_not() -> None:
    with pytest.raises(GatewayError, match="half a character"):
        normalise(a({"const": "\ud800"}), OPENAI_LOOSE, Context(), PATH)
    schema = a({"type": "integer", "maximum": 10**30})
    assert normalise(schema, OPENAI_STRICT, Context(), PATH)["properties"]["a"]["maximum"] == 10**30


def test_what_is_returned_is_the_callers_own() -> None:
    schema = a({"type": "string", "enum": ["x"]})
    first = normalise(schema, GEMINI_PARAMETERS, Context(), PATH)
    first["properties"]["a"]["enum"].append("spoiled")
    assert normalise(schema, GEMINI_PARAMETERS, Context(), PATH)["properties"]["a"]["enum"] == ["x"]


# -- what clients send ---------------------------------------------------------------

FIELDS = ("parameters", "input_schema", "inputSchema", "parametersJsonSchema", "parameters_json_schema", "responseSchema",
          "responseJsonSchema", "response_schema", "response_json_schema", "schema", "json", "responseJsonSchema")  # fmt: skip


def schemas_in(body: Any) -> Iterator[Any]:
    if isinstance(body, dict):
        for name, value in body.items():
            if name in FIELDS and isinstance(value, dict) and value.keys() & {"type", "properties", "anyOf", "$ref"}:
                yield value
            else:
                yield from schemas_in(value)
    elif isinstance(body, list):
        for value in body:
            yield from schemas_in(value)


@cache
def recorded() -> dict[str, Any]:
    return {json.dumps(schema): schema for case in cases() for schema in schemas_in(case.request)}


def names_in(schema: Any) -> list[str]:
    """The names of all properties, where keywords stand."""
    if isinstance(schema, dict) and isinstance(schema.get("$defs"), dict):
        schema = {**schema, "properties": {**schema.get("properties", {}), **schema["$defs"]}}
    return [name for node in nodes(schema) for name in node.get("properties", ())]


@each
def test_every_recorded_schema(traffic: Any, target: Target) -> None:
    assert len(recorded()) > 80
    for schema in recorded().values():
        if str(schema.get("type", "object")).lower() not in TYPES:
            continue  # it only looks like a schema
        out, losses = written(schema, target)
        names = set(names_in(out))
        assert all(name in names or "value" in names for name in schema.get("properties", ()))
        if target in (ANTHROPIC_TOOL, OPENAI_LOOSE):
            assert losses == []
        if target is GEMINI_PARAMETERS:
            assert {loss.path.rpartition(".")[2] for loss in losses} <= {
                "oneOf", "$ref", "strict", "required"
            }, (schema, losses)  # fmt: skip


@pytest.mark.parametrize(
    ("target", "api", "names"),
    [
        (GEMINI_PARAMETERS, "gemini.", ("parametersJsonSchema",)),
        (GEMINI_RESPONSE, "gemini.", ("responseJsonSchema",)),
        (ANTHROPIC_TOOL, "anthropic.", ("input_schema",)),
        (OPENAI_LOOSE, "openai.", ("parameters",)),
    ],
    ids=lambda value: value.name if isinstance(value, Target) else "",
)
def test_what_its_own_clients_send_a_target_passes_as_it_is(
    traffic: Any, target: Target, api: str, names: tuple[str, ...]
) -> None:
    """A recording whose schema the provider took is written with the same meaning, and nothing is lost."""
    found = 0
    for case in cases():
        if case.api.startswith(api) and case.status == 200:
            for schema in sent(case.request, names):
                out, losses = written(schema, target)
                # Cat or Dog, told apart by a property that need not be there: one value may be both
                assert [loss for loss in losses if not loss.path.endswith(".oneOf")] == [], case.file
                drop = ("$schema", "$id") if target.keywords is not None else ()
                if (
                    "$ref" not in json.dumps(schema)
                    and "oneOf" not in json.dumps(schema)
                    and "anyOf" not in json.dumps(schema)
                ):
                    assert out == {"properties": {}, **{k: v for k, v in schema.items() if k not in drop}}, case.file
                found += 1
    assert found


def sent(body: Any, names: tuple[str, ...]) -> Iterator[Any]:
    if isinstance(body, dict):
        for name, value in body.items():
            if name in names and isinstance(value, dict):
                yield value
            else:
                yield from sent(value, names)
    elif isinstance(body, list):
        for value in body:
            yield from sent(value, names)


CODE = {  # what Claude Code, pydantic, zod and google-genai are known to write (clients.md 6)
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "timeout": {"type": "integer", "exclusiveMinimum": 0, "maximum": 9007199254740991},
        "name": {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[a-z]+$", "title": "Name"},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
        "url": {"type": "string", "format": "uri"},
        "mode": {"anyOf": [{"type": "string", "const": "a"}, {"type": "string", "const": "b"}]},
        "meta": {"type": "object", "propertyNames": {"type": "string"}, "additionalProperties": {}},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None, "title": "Note"},
        "unit": {"type": "STRING", "nullable": True, "enum": ["c", "f"]},
        "level": {"enum": ["low", None]},
        "order": {"type": "OBJECT", "properties": {"x": {"type": "STRING"}, "y": {"type": "STRING"}}, "propertyOrdering": ["y", "x"]},
    },
    "required": ["timeout"],
    "additionalProperties": False,
}  # fmt: skip


@each
def test_the_inventory_of_clients(target: Target) -> None:
    out, losses = written(CODE, target)
    assert list(out["properties"]) == list(CODE["properties"])
    if target.keywords is None:
        assert losses == [] and out["properties"]["unit"] == {"type": ["string", "null"], "enum": ["c", "f", None]}
        assert out["properties"]["timeout"] == CODE["properties"]["timeout"]
    elif "propertyOrdering" not in target.keywords:
        order = next(node for node in nodes(out) if set(node.get("properties", ())) == {"x", "y"})
        assert list(order["properties"]) == ["y", "x"]
    mode = json.dumps(out["properties"]["mode"])
    assert '"a"' in mode and '"b"' in mode


# -- any schema, any value ---------------------------------------------------------------

NAMES = ["a", "b", "type", "properties", "required", "items", "title", "enum", "$ref", "format"]
name = st.sampled_from(NAMES)
scalar = st.sampled_from([None, True, False, 0, 1, 2, -1, 1.5, 3.0, "", "a", "b", "12"])
value = st.recursive(scalar, lambda v: st.lists(v, max_size=3) | st.dictionaries(name, v, max_size=4), max_leaves=6)
TYPES = ["string", "number", "integer", "boolean", "array", "object", "null"]


def keywords(sub: Any) -> Any:
    some = st.lists(sub, min_size=1, max_size=3)
    takes = {
        "type": st.sampled_from(TYPES) | st.lists(st.sampled_from(TYPES), min_size=1, max_size=3, unique=True),
        "enum": st.lists(scalar, min_size=1, max_size=3), "const": scalar,
        "minimum": st.sampled_from([0, 1, 1.5]), "maximum": st.sampled_from([1, 2, 2.5]),
        "exclusiveMinimum": st.sampled_from([0, 1.5]), "exclusiveMaximum": st.sampled_from([2, 1.5]),
        "multipleOf": st.sampled_from([1, 2, 0.5]), "minLength": st.sampled_from([0, 1]),
        "maxLength": st.sampled_from([1, 3]), "pattern": st.sampled_from(["a", "^b"]),
        "minItems": st.sampled_from([0, 1, 2]), "maxItems": st.sampled_from([1, 3]), "uniqueItems": st.booleans(),
        "properties": st.dictionaries(name, sub, max_size=3), "required": st.lists(name, max_size=2, unique=True),
        "additionalProperties": sub | st.booleans(), "items": sub, "prefixItems": some, "anyOf": some, "oneOf": some,
        "allOf": some, "contains": sub, "title": st.just("T"), "description": st.just("D"), "default": scalar,
        "examples": st.just([1]), "patternProperties": st.dictionaries(st.sampled_from(["^a", "t"]), sub, max_size=1),
        "propertyNames": sub, "minProperties": st.sampled_from([0, 1]), "maxProperties": st.sampled_from([1, 2]),
        "dependentRequired": st.dictionaries(name, st.lists(name, max_size=1), max_size=1),
        "not": sub, "if": sub, "then": sub, "else": sub, "$ref": st.sampled_from(["#/$defs/A", "#/$defs/B~1C", "#"]),
    }  # fmt: skip
    often = ["type", "properties", "required", "items", "anyOf", "enum"]
    chosen = st.lists(st.sampled_from(often * 4 + list(takes)), max_size=4, unique=True)
    return chosen.flatmap(lambda names: st.fixed_dictionaries({name: takes[name] for name in names}))


schema = st.recursive(st.booleans() | st.just({}) | keywords(st.just({"type": "string"})), keywords, max_leaves=6)
rooted = st.builds(
    lambda root, first, second: {**(root if isinstance(root, dict) else {}), "$defs": {"A": first, "B/C": second}},
    schema, schema, schema,
)  # fmt: skip
odd = value | st.sampled_from(
    ["type", {"$ref": "#"}, {"$ref": "#/properties/a"}, [{"$ref": "#"}], {"type": "STRING", "nullable": True}, ["a", "b"],
     {"a": {"required": True, "type": "any"}}, [{"type": "integer"}, {"type": "null"}]]
)  # fmt: skip
ALL = [*KEYWORDS, "exclusiveMinimum", "minimum", "prefixItems", "dependencies", "additionalItems", "propertyOrdering",
       "unevaluatedProperties", "uniqueItems", "deprecated", "contains", "minContains", "x-foo", "then"]  # fmt: skip
hostile = st.recursive(
    odd,
    lambda v: st.dictionaries(
        st.sampled_from(ALL), v | st.lists(v, max_size=2) | st.dictionaries(name, v, max_size=2), max_size=4
    ),
    max_leaves=10,
)
thorough = settings(deadline=None, max_examples=200, suppress_health_check=list(HealthCheck))


@thorough
@example({"type": "number", "const": "12"})
@example({"anyOf": [{}, {"enum": [True]}], "enum": [None]})
@example({"properties": {}, "minimum": 0})
@example({"const": None, "enum": [True], "properties": {}})
@given(schema | rooted | hostile)
def test_laws_of_any_schema(given_schema: Any) -> None:
    for target in TARGETS:
        out, _ = written(given_schema, target)
        if target.root == "object":
            assert out["type"] == ("OBJECT" if target.capitals else "object")
        for node in nodes(out):
            if target.closed and "properties" in node:
                assert node["additionalProperties"] is False
            if target.all_required and "properties" in node:
                assert node["required"] == list(node["properties"])
            if not target.untyped:
                assert node.keys() & {"type", "anyOf", "$ref"}


@thorough
@given(schema)
def test_names_of_properties_are_kept_exactly(given_schema: Any) -> None:
    wrapped = a(given_schema, title="T")
    names = {name for node in plain_objects(wrapped) for name in node["properties"]}
    for target in TARGETS:
        if target.names is None:
            assert names <= {name for node in nodes(written(wrapped, target)[0]) for name in node.get("properties", ())}


def plain_objects(schema: Any) -> Iterator[dict[str, Any]]:
    """Objects in objects, with nothing beside."""
    plain = isinstance(schema, dict) and schema.keys() <= {"type", "properties", "required", "title"}
    if plain and schema.get("type") == "object" and "properties" in schema:
        yield schema
        for below in schema["properties"].values():
            yield from plain_objects(below)


def fits(value: Any, schema: Any) -> bool | None:
    """None: the schema refers to itself without end."""
    try:
        return valid(value, schema)
    except RecursionError:
        return None


@thorough
@given(schema | rooted, st.lists(value, min_size=15, max_size=15), st.integers(1, 5))
def test_what_is_not_lost_holds(given_schema: Any, values: list[Any], step: int) -> None:
    """A value that fits the written schema fits, once restored, the schema the client wrote, if no loss was told."""
    for target in TARGETS:
        out, losses = written(given_schema, target)
        for found in [*values, *({"value": value} for value in values)] if not losses else []:
            if (target.names and "$ref" in json.dumps(found)) or not fits(found, out):
                continue
            back = restore(found, given_schema, target)
            assert fits(back, given_schema) is not False
            text, mending = json.dumps(found), mender(given_schema, target)
            if mending is None:
                assert back == found
            else:
                said = "".join(mending.feed(text[n : n + step]) for n in range(0, len(text), step)) + mending.close()
                assert json.loads(said) == back


# -- values that stream ------------------------------------------------------------------


OPTIONAL = {
    "type": "object",
    "properties": {"a": {"type": "string"}, "b": {"type": "integer"}, "c": {"type": "object", "properties": {"d": {"type": "null"}}}},
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ('{"a":null,"b":null,"c":null}', "{}"),
        ('{"a":"x","b":null}', '{"a":"x"}'),
        ('{"a":null,"b":1}', '{"b":1}'),
        ('{ "a" : null , "b" : 1 }', '{ "b" : 1 }'),
        ('{"a":"null","b":2}', '{"a":"null","b":2}'),
        ('{"c":{"d":null},"a":null}', '{"c":{"d":null}}'),
        ('{"a":"x\\"\\\\","b":null', '{"a":"x\\"\\\\"'),
        ('{"a":"x","b"', '{"a":"x","b"'),
        ('{"a":"x","b":nul', '{"a":"x","b":nul'),
        ("not json {", "not json {"),
        ('{"a":}', '{"a":}'),
        ('{"a":"x"} trailing', '{"a":"x"} trailing'),
        ("", ""),
        ("null", "null"),
        ("[1,null]", "[1,null]"),
        ('{"z":null,"a":null}', '{"z":null}'),
    ],
)
def test_mending_at_any_cut(text: str, mended: str) -> None:
    for step in (1, 2, 3, 5, 100):
        mending = mender(OPTIONAL, OPENAI_STRICT)
        assert mending is not None
        said = "".join(mending.feed(text[n : n + step]) for n in range(0, len(text), step)) + mending.close()
        assert said == mended, step


@settings(deadline=None, max_examples=300)
@given(
    st.text(alphabet='{}[]:," \\nultrefasb1-', max_size=40),
    st.integers(1, 4),
    st.sampled_from([OPTIONAL, {"type": "array"}, SHAPES]),
)
def test_mending_takes_any_text(text: str, step: int, wanted: Any) -> None:
    for target in (OPENAI_STRICT, ANTHROPIC_TOOL):
        mending = mender(wanted, target)
        whole = mender(wanted, target)
        if mending is not None and whole is not None:
            said = "".join(mending.feed(text[n : n + step]) for n in range(0, len(text), step)) + mending.close()
            assert said == whole.whole(text)


def test_text_is_said_as_it_comes() -> None:
    mending = mender(OPTIONAL, OPENAI_STRICT)
    assert mending is not None
    assert mending.feed('{"a":"Hel') == '{"a":"Hel'
    assert mending.feed("lo") == "lo"
    wrapped = mender({"type": "array", "items": {"type": "string"}}, OPENAI_LOOSE)
    assert wrapped is not None
    assert wrapped.feed('{"value":["Hel') == '["Hel'


class Said:
    """A decoder that says what it was given, each text in small pieces."""

    def __init__(self, response: Response) -> None:
        self.events = list(unfold(response))

    def feed(self, frame: Any) -> Iterator[Event]:
        for event in self.events[:-1]:
            text = getattr(event, "text", "")
            for n in range(0, len(text), 2) if text else ():
                yield replace(event, text=text[n : n + 2])
            if not text:
                yield event

    def close(self) -> Iterator[Event]:
        yield self.events[-1]


def test_calls_and_answers_come_back_in_the_clients_own_terms() -> None:
    ctx = Context()
    array = {"type": "array", "items": {"type": "integer"}}
    tool_schema("list", array, OPENAI_LOOSE, ctx, "tools[0].parameters")
    tool_schema(
        "odd",
        {"type": "object", "properties": {"$top": {"type": "integer"}}},
        ANTHROPIC_TOOL,
        ctx,
        "tools[1].parameters",
    )
    tool_schema("plain", a({"type": "string"}), OPENAI_LOOSE, ctx, "tools[2].parameters")
    format_schema(OPTIONAL, OPENAI_STRICT, ctx, "format.schema")
    assert set(ctx.respelled) == {"list", "odd", ""}
    response = Response(origin="openai.chat", id="1", model="m", parts=(
        Reasoning(text='{"a":null}'),
        Text(text='{"a":null,"b":12}'),
        ToolCall(id="1", name="list", arguments='{"value":[1,2]}'),
        ToolCall(id="2", name="odd", arguments='{"_top":5}'),
        ToolCall(id="3", name="plain", arguments='{"a":null}'),
        ToolCall(id="4", name="list", arguments=""),
        ToolCall(id="5", name="list", arguments='{"value":7'),
    ))  # fmt: skip
    whole = mended(response, ctx)
    said = ['{"a":null}', '{"b":12}', "[1,2]", '{"$top":5}', '{"a":null}', "", "7"]
    assert [getattr(part, "text", None) or getattr(part, "arguments", "") for part in whole.parts] == said
    mending = Mending(Said(response), ctx)
    events = [*mending.feed(None), *mending.close()]
    laws.grammar(events)
    assert fold(events).parts == whole.parts
    assert earlier(ToolCall(id="1", name="list", arguments="[1]"), ctx) == '{"value":[1]}'
    assert earlier(ToolCall(id="1", name="plain", arguments="[1]"), ctx) == "[1]"
    assert mended(response, Context()) == response


# -- nothing in silence ----------------------------------------------------------------------

PLANTED = "a-planted-text"
PLANTS = {
    "title": PLANTED, "description": PLANTED, "default": PLANTED, "examples": [PLANTED], "example": PLANTED,
    "const": PLANTED, "enum": [PLANTED, "other"], "pattern": PLANTED, "format": PLANTED, "x-foo": PLANTED,
    "unknown": {"deep": [PLANTED]}, "contentEncoding": PLANTED, "not": {"const": PLANTED}, "allOf": [{"pattern": PLANTED}],
    "anyOf": [{"pattern": PLANTED}, {"minLength": 99}], "oneOf": [{"pattern": PLANTED}, {"minLength": 99}],
    "type": PLANTED, "minLength": PLANTED, "$ref": f"#/{PLANTED}",
}  # fmt: skip
PLACES = {
    "a property": a,
    "an item": lambda one: a({"type": "array", "items": one}),
    "an alternative": lambda one: a({"anyOf": [one, {"type": "integer"}]}),
    "nullable": lambda one: a({"anyOf": [one, {"type": "null"}]}),
    "all of one": lambda one: a({"allOf": [one]}),
    "a definition": lambda one: a({"$ref": "#/$defs/D"}, **{"$defs": {"D": one}}),
    "a definition with a sibling": lambda one: a({"$ref": "#/$defs/D", "deprecated": True}, **{"$defs": {"D": one}}),
    "a name": lambda one: a({"type": "object", "properties": {"x": one}, "additionalProperties": one}),
}


@each
@pytest.mark.parametrize("place", PLACES)
def test_a_planted_value_is_found_again_or_told(target: Target, place: str) -> None:
    for keyword, plant in PLANTS.items():
        out, losses = written(PLACES[place]({"type": "string", keyword: plant}), target)
        told = [loss for loss in losses if f".{keyword}" in loss.path or PLANTED in loss.path]
        if PLANTED not in json.dumps(out):
            assert told and all(loss.what in ("dropped", "clamped") for loss in told), keyword


@settings(deadline=None, max_examples=300)
@given(st.lists(st.lists(st.integers(0, 7), max_size=3), min_size=8, max_size=8))
def test_loops_are_found(edges: list[list[int]]) -> None:
    schema = {"$defs": {str(n): {"anyOf": [{"$ref": f"#/$defs/{to}"} for to in tos]} for n, tos in enumerate(edges)}}
    reach = [set(tos) for tos in edges]
    for _ in edges:
        for found in reach:
            found |= set().union(*(reach[to] for to in found))
    references = References(schema, "")
    assert [references.loops(schema["$defs"][str(n)]) for n in range(8)] == [n in reach[n] for n in range(8)]
