"""Cases 97 to 100: the JSON Schemas of tools, from every client to every provider."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests import laws
from tests.cases.inside import BACKS, FRONTS, MODELS

from clients import CHAT, CONTENTS, MESSAGES, RESPONSES, Chat
from dragoman.core.profile import Profile
from dragoman.dialects import CODECS

TARGETS: dict[str, tuple[str, Profile]] = {
    "chat": ("openai.chat", Profile()),
    "messages": ("anthropic", Profile()),
    "responses": ("openai.responses", Profile()),
    "studio": ("gemini", Profile()),
    "older gemini": ("gemini", Profile(json_schemas="none")),
    "vertex": ("gemini", Profile(json_schemas="none", openapi_schemas="vertex")),
}
PAIRS = pytest.mark.parametrize(
    ("front", "target"),
    [
        pytest.param(front, name, id=f"{front.name}-{name}")
        for front in FRONTS
        for name, (dialect, _) in TARGETS.items()
        if front.name != dialect  # at home a schema is what its client wrote
    ],
)
OPENAPI = {
    "type", "format", "title", "description", "nullable", "enum", "items", "properties", "required", "anyOf",
    "minItems", "maxItems", "minProperties", "maxProperties", "minLength", "maxLength", "pattern", "minimum", "maximum",
    "example", "default", "propertyOrdering", "additionalProperties",
}  # fmt: skip
"""All that Google's own kind of schema knows (its Schema message in the API's reference); the last one on Vertex."""


def asked(front: Chat, schema: Any) -> dict[str, Any]:
    body = front.body("Go", "m")
    match front.name:
        case "openai.chat":
            return body | {"tools": [{"type": "function", "function": {"name": "f", "parameters": schema}}]}
        case "anthropic":
            return body | {"tools": [{"name": "f", "input_schema": schema}]}
        case "gemini":
            return body | {"tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": schema}]}]}
    return body | {"tools": [{"type": "function", "name": "f", "parameters": schema}]}


def schema_in(dialect: str, wire: Any) -> Any:
    tool = wire["tools"][0]
    match dialect:
        case "openai.chat":
            return tool["function"].get("parameters")
        case "anthropic":
            return tool["input_schema"]
        case "gemini":
            one = tool["functionDeclarations"][0]
            return one.get("parameters", one.get("parametersJsonSchema"))
    return tool["parameters"]


def sent(front: Chat, target: str, schema: Any) -> Any:
    """The schema as the target is sent it; the client's own is not touched by it."""
    dialect, profile = TARGETS[target]
    body = asked(front, schema)
    before = copy.deepcopy(body)
    request = CODECS[front.name].decode_request(body, laws.context())
    wire = CODECS[dialect].encode_request(request, laws.context(profile=profile, request=request, model="m"))
    assert body == before, "the input was changed"
    again = CODECS[dialect].encode_request(request, laws.context(profile=profile, request=request, model="m"))
    assert json.dumps(again) == json.dumps(wire), "nor is a second time another"
    return schema_in(dialect, json.loads(json.dumps(wire)))


def schemas(schema: Any) -> Iterator[dict[str, Any]]:
    """Every schema in a schema, in schema position."""
    if not isinstance(schema, dict):
        return
    yield schema
    for name in ("items", "additionalProperties", "not"):
        yield from schemas(schema.get(name))
    for name in ("anyOf", "oneOf", "allOf"):
        for inner in schema.get(name) or ():
            yield from schemas(inner)
    for name in ("properties", "$defs"):
        for inner in (schema.get(name) or {}).values():
            yield from schemas(inner)


EVERYTHING: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://a.example/s", "type": "object",
    "properties": {
        "map": {"type": "object", "additionalProperties": {"type": "string"}},
        "any": {"type": "object", "additionalProperties": True},
        "count": {"type": "integer", "default": 3, "exclusiveMinimum": 0, "examples": [1]},
        "kind": {"const": "circle"},
        "shape": {"oneOf": [{"type": "string", "format": "uri"}, {"type": "integer"}]},
        "both": {"allOf": [{"type": "object", "properties": {"a": {"type": "string"}}}, {"required": ["a"]}]},
        "never": {"type": "string", "not": {"enum": ["x"]}},
        "names": {"type": "object", "patternProperties": {"^x": {"type": "string"}}, "propertyNames": {"pattern": "^x"}},
        "list": {"type": "array", "items": {"type": "string"}, "contains": {"const": "x"}, "minContains": 1, "uniqueItems": True},
        "chosen": {"type": "string", "if": {"const": "a"}, "then": {"minLength": 1}, "else": {"minLength": 2}},
        "old": {"type": "string", "deprecated": True, "x-foo": 1, "encrypted": True},
    },
    "required": ["count"], "unevaluatedProperties": False,
}  # fmt: skip


@PAIRS
def test_case_097_only_what_the_target_takes(front: Chat, target: str) -> None:
    found = sent(front, target, EVERYTHING)
    assert set(found["properties"]) == set(EVERYTHING["properties"]), "no property is lost"
    assert found["required"] == ["count"]
    if target in ("older gemini", "vertex"):
        for schema in schemas(found):
            assert set(schema) <= OPENAPI, set(schema) - OPENAPI
            assert all(isinstance(value, str) for value in schema.get("enum") or ())
        assert "circle" in json.dumps(found["properties"]["kind"])


NAMES = ["title", "default", "format", "properties", "items", "type", "required", "$ref", "encrypted", "anyOf", "enum",
         "additionalProperties", "propertyNames", "description", "const", "if", "nullable"]  # fmt: skip


@PAIRS
def test_case_098_properties_may_be_called_anything(front: Chat, target: str) -> None:
    inner = {
        "type": "object",
        "properties": {"properties": {"type": "object", "properties": {"type": {"type": "string"}}}},
    }
    schema = {
        "type": "object",
        "properties": {name: {"type": "string"} for name in NAMES} | {"deep": inner},
        "required": NAMES,
    }
    found = sent(front, target, schema)
    names = {name.replace("$", "_") if target == "messages" else name for name in NAMES}  # Claude's keys have no $
    assert set(found["properties"]) == {*names, "deep"}
    assert set(found["required"]) == names
    assert all(str(found["properties"][name]["type"]).lower() == "string" for name in names)
    deepest = found["properties"]["deep"]["properties"]["properties"]["properties"]["type"]
    assert str(deepest["type"]).lower() == "string"


TREE: dict[str, Any] = {
    "type": "object", "$defs": {
        "Node": {"type": "object", "properties": {"v": {"type": "string"}, "kids": {"type": "array", "items": {"$ref": "#/$defs/Node"}}}},
        "A/B": {"type": "string", "description": "odd name"}},
    "properties": {"root": {"$ref": "#/$defs/Node"}, "odd": {"$ref": "#/$defs/A~1B"}},
}  # fmt: skip


@PAIRS
def test_case_099_references_and_cycles(front: Chat, target: str) -> None:
    """They stand where the target knows them, and are written out to some depth where it does not."""
    found = sent(front, target, TREE)
    text = json.dumps(found)
    assert len(text) < 100_000
    assert "odd name" in text
    for schema in schemas(found):
        if "$ref" in schema and isinstance(schema["$ref"], str):
            step: Any = found
            for name in schema["$ref"].removeprefix("#/").split("/"):
                step = step[name.replace("~1", "/").replace("~0", "~")]
            assert step, "a reference leads somewhere"
    if target in ("older gemini", "vertex"):
        assert "$ref" not in text and "$defs" not in text
        assert found["properties"]["root"]["properties"]["kids"]["items"]["properties"]["v"]["type"] == "STRING"


KINDS: dict[str, Any] = {
    "nullable": {"type": ["string", "null"]},
    "null in anyOf": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    "numbers in enum": {"enum": [1, 2]},
    "null in enum": {"enum": [None, "a"]},
    "an array without items": {"type": "array"},
    "nothing": {},
    "an object without properties": {"type": "object", "properties": {}},
    "true": True,
    "required names nobody": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a", "zz"]},
    "required is true": {"type": "string", "required": True},
    "upper case": {"type": "STRING"},
    "null": None,
}


@pytest.mark.parametrize("kind", KINDS)
@PAIRS
def test_case_100_odd_properties_are_taken(front: Chat, target: str, kind: str) -> None:
    schema = {"type": "object", "properties": {"p": KINDS[kind], "q": {"type": "string"}}, "required": ["q"]}
    found = sent(front, target, schema)
    assert "q" in found["properties"]
    for inner in schemas(found):
        types = inner.get("type")
        if target in ("older gemini", "vertex"):
            assert types is None or (isinstance(types, str) and types.isupper())
            assert not isinstance(inner.get("required"), bool)
            assert set(inner.get("required") or ()) <= set(inner.get("properties") or ())
            if types == "ARRAY":
                assert inner["items"]
        elif types is not None and kind == "upper case" and front is not CONTENTS:
            assert types == types.lower() if isinstance(types, str) else True
    assert len({front.name for front in (CHAT, MESSAGES, CONTENTS, RESPONSES)}) == len(BACKS) == len(MODELS)


@PAIRS
def test_case_100_what_was_written_once_is_written_so_again(front: Chat, target: str) -> None:
    """A schema that came from here, sent by the next client, is what it is."""
    dialect, profile = TARGETS[target]
    for schema in (EVERYTHING, TREE, {"type": "object", "properties": dict(list(KINDS.items())[:8])}):
        once = sent(front, target, schema)
        if dialect == "gemini" and profile.json_schemas == "none":
            home = {
                "contents": [{"parts": [{"text": "Go"}]}],
                "tools": [{"functionDeclarations": [{"name": "f", "parameters": once}]}],
            }
            request = CODECS[dialect].decode_request(home, laws.context())
        else:
            owner = next(one for one in FRONTS if one.name == dialect)
            request = CODECS[dialect].decode_request(asked(owner, once), laws.context())
        wire = CODECS[dialect].encode_request(request, laws.context(profile=profile, request=request, model="m"))
        assert schema_in(dialect, json.loads(json.dumps(wire))) == once
