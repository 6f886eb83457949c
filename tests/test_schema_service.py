"""Schemas from end to end: what a client asks for in any dialect, a provider of any other is sent in words it takes, and
the values come back as the client asked for them, whole and in streams."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from clients import CHAT, CONTENTS, MESSAGES, RESPONSES, Chat, Said, front_id
from gateway import Answer, Gateway, over
from sandboxing import valid

FRONTS = (CHAT, MESSAGES, CONTENTS, RESPONSES)
RELAYS = ("over_openai", "over_anthropic", "over_gemini", "over_responses")
HOMES = {"over_openai": CHAT, "over_anthropic": MESSAGES, "over_gemini": CONTENTS, "over_responses": RESPONSES}
streams = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
abroad = pytest.mark.parametrize(
    ("front", "over"),
    [(front, over) for front in FRONTS for over in RELAYS if HOMES[over] is not front],
    ids=lambda value: value if isinstance(value, str) else front_id(value),
)

NASTY: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "type": {"type": "string", "enum": ["folder", "file"]},
        "enum": {"type": "array", "items": {"type": "string"}},
        "default": {"type": "integer", "default": 3, "exclusiveMinimum": 0},
        "properties": {"type": "object", "additionalProperties": {"type": "boolean"}},
        "tree": {"$ref": "#/$defs/Node"},
        "slashed": {"$ref": "#/$defs/A~1B"},
        "pair": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "minItems": 2, "maxItems": 2},
        "either": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "maybe": {"type": ["integer", "null"]},
        "fixed": {"const": "x"},
        "many": {"type": "string", "enum": [f"v{n}" for n in range(80)]},
        "when": {"type": "string", "format": "idn-email"},
        "$filter": {"type": "string", "minLength": 1},
    },
    "required": ["type", "tree", "$filter"],
    "$defs": {
        "Node": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
            },
            "required": ["name"],
        },
        "A/B": {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]},
    },
}  # fmt: skip
UNION = {
    "anyOf": [
        {"type": "object", "properties": {"by": {"const": "id"}, "id": {"type": "integer"}}, "required": ["by", "id"]},
        {"type": "object", "properties": {"by": {"const": "name"}, "name": {"type": "string"}}, "required": ["by"]},
    ]
}
LIST = {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}}


# -- how each client says it ---------------------------------------------------------------------------


def tool(front: Chat, name: str, schema: Any, strict: bool | None = None) -> dict[str, Any]:
    """The members of a body that give the model one tool."""
    more = {} if strict is None else {"strict": strict}
    match front.name:
        case "openai.chat":
            return {"tools": [{"type": "function", "function": {"name": name, "parameters": schema, **more}}]}
        case "anthropic":
            return {"tools": [{"name": name, "input_schema": schema, **more}]}
        case "openai.responses":
            return {"tools": [{"type": "function", "name": name, "parameters": schema, **more}]}
    return {"tools": [{"functionDeclarations": [{"name": name, "parametersJsonSchema": schema}]}]}


def answer_form(front: Chat, schema: Any, strict: bool | None = None) -> dict[str, Any]:
    """The members of a body that ask for an answer of a form."""
    more = {} if strict is None else {"strict": strict}
    match front.name:
        case "openai.chat":
            form = {"name": "answer", "schema": schema, **more}
            return {"response_format": {"type": "json_schema", "json_schema": form}}
        case "anthropic":
            return {"output_config": {"format": {"type": "json_schema", "schema": schema}}}
        case "openai.responses":
            return {"text": {"format": {"type": "json_schema", "name": "answer", "schema": schema, **more}}}
    return {"generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": schema}}


def sent(gateway: Gateway) -> tuple[Any, Any]:
    """The schema of the first tool, and of the answer's form, as the provider got them."""
    assert gateway.upstream is not None
    body = gateway.upstream.last.json
    config, form = body.get("generationConfig", {}), body.get("response_format", {}).get("json_schema", {})
    told = (body.get("tools") or [{}])[0]
    told = told.get("function") or (told.get("functionDeclarations") or [told])[0]
    words = ("parameters", "input_schema", "parametersJsonSchema")
    forms = [form, body.get("text", {}).get("format", {}), body.get("output_config", {}).get("format", {})]
    found = next((one["schema"] for one in forms if "schema" in one), None)
    found = found or config.get("responseJsonSchema") or config.get("responseSchema")
    return next((told[word] for word in words if word in told), None), found


def ask(gateway: Gateway, front: Chat, stream: bool, model: str = "m", **more: Any) -> tuple[Said, Answer]:
    body = front.body("Hi", model, stream) | more
    answer = gateway.post(front.path(model, stream), body, front.headers)
    assert answer.status == 200, answer
    return front.read(answer), answer


# -- what each provider takes, written down a second time ------------------------------------------------

GOOGLES = {
    "$ref", "$defs", "type", "format", "title", "description", "enum", "items", "prefixItems", "minItems", "maxItems",
    "minimum", "maximum", "anyOf", "properties", "additionalProperties", "required", "propertyOrdering",
    "minLength", "maxLength", "pattern", "default",
}  # fmt: skip
OPENAPI = {
    "type", "format", "title", "description", "nullable", "enum", "items", "minItems", "maxItems", "minProperties",
    "maxProperties", "minLength", "maxLength", "pattern", "minimum", "maximum", "anyOf", "properties", "required",
    "propertyOrdering", "default",
}  # fmt: skip


def places(schema: Any) -> Iterator[dict[str, Any]]:
    """Every place of a schema where keywords stand, not names of properties."""
    if not isinstance(schema, dict):
        return
    yield schema
    for word in ("properties", "$defs", "definitions"):
        for inner in schema.get(word, {}).values():
            yield from places(inner)
    for word in ("anyOf", "oneOf", "allOf", "prefixItems"):
        for inner in schema.get(word, ()):
            yield from places(inner)
    for word in ("items", "additionalProperties", "not"):
        yield from places(schema.get(word))


def legal(over: str, schema: Any, older: bool = False) -> None:
    """The schema of a tool, as this provider takes it."""
    assert str(schema["type"]).lower() == "object"
    for place in places(schema):
        if "$ref" in place:
            assert place["$ref"].removeprefix("#/$defs/") in schema["$defs"], place
        if over == "over_gemini":
            assert place.keys() <= (OPENAPI if older else GOOGLES), place
            assert set(place.get("required", ())) <= set(place.get("properties", ()))
            assert not isinstance(place.get("type"), list) or "null" in place["type"]
        if over == "over_anthropic":
            assert all(re.fullmatch("[a-zA-Z0-9_.-]{1,64}", name) for name in place.get("properties", ()))
    if over != "over_gemini":
        assert "properties" in schema and not schema.keys() & {"anyOf", "oneOf", "allOf", "enum", "not"}
    else:
        assert "refers to itself" not in str(schema) and not schema.keys() & {"anyOf", "oneOf", "allOf"}


TOOL = re.compile(r"tools\[0\](?:\.functionDeclarations\[0\])?(?:\.function)?\.")
FORMS = ("response_format.json_schema", "response_format", "output_config.format", "text.format")
WORDS = {"input_schema": "parameters", "parametersJsonSchema": "parameters"}


def told(answer: Answer) -> dict[str, str]:
    """What became of the schemas: the path below the tool or the format, which the caller's own words lead to."""
    out = {}
    for path, what in re.findall(r"(\S+) \((\w+)", answer.headers.get("x-dragoman-lost", "")):
        path = path.replace("generationConfig.responseJsonSchema", "format.schema")
        path = path.replace("generationConfig.responseMimeType", "format")
        for form in FORMS:
            path = re.sub(rf"^{re.escape(form)}(?![^.])", "format", path)
        if (begin := TOOL.match(path)) is not None:
            name, dot, rest = path[begin.end() :].partition(".")
            out[WORDS.get(name, name) + dot + rest] = what
        elif path.startswith("format"):
            out[path] = what
    return out


# -- tools -----------------------------------------------------------------------------------------------


@streams
@abroad
def test_a_nasty_schema_is_taken_and_its_values_fit(
    request: pytest.FixtureRequest, front: Chat, over: str, stream: bool
) -> None:
    """Cases 97 to 100 from end to end: a cycle, names like keywords, a map, a tuple, nulls, eighty choices."""
    gateway: Gateway = request.getfixturevalue(over)
    said, answer = ask(gateway, front, stream, **tool(front, "find", NASTY))
    schema, _ = sent(gateway)
    legal(over, schema)
    [(name, arguments)] = said.calls
    assert name == "find" and valid(arguments, NASTY), arguments
    assert list(arguments) == list(NASTY["properties"])
    if over == "over_gemini":
        lost = told(answer)
        assert [path for path in lost if "tree" in path and path.endswith(".$ref")], lost
    else:
        assert told(answer) == {}, "nothing of it had to go"
    assert json.dumps(schema).count('"v79"') == 1


@streams
@abroad
def test_case_044_shapes_at_the_root_are_one_object(
    request: pytest.FixtureRequest, front: Chat, over: str, stream: bool
) -> None:
    gateway: Gateway = request.getfixturevalue(over)
    said, answer = ask(gateway, front, stream, **tool(front, "find", UNION))
    written, _ = sent(gateway)
    legal(over, written)
    assert list(written["properties"]) == ["by", "id", "name"] and written["required"] == ["by"]
    assert '[["by","id"],["by","name?"]]' in written["description"]
    assert told(answer) == {"parameters.anyOf": "emulated"}
    assert said.calls[0][1].keys() == {"by", "id", "name"}


@pytest.mark.parametrize("over", ["over_anthropic", "over_gemini", "over_responses"])
def test_case_044_a_list_at_the_root_comes_back_as_one(request: pytest.FixtureRequest, over: str) -> None:
    """Chat Completions alone can hold arguments that are no object; earlier ones go out as they are asked for now."""
    gateway: Gateway = request.getfixturevalue(over)
    tools = tool(CHAT, "find", LIST)
    said, answer = ask(gateway, CHAT, False, **tools)
    written, _ = sent(gateway)
    legal(over, written)
    assert list(written["properties"]) == written["required"] == ["value"] and told(answer) == {}
    assert said.calls == [("find", [{"n": 7}])]
    call = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '[{"n":7}]'}}
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [call]}]
    turns.append({"role": "tool", "tool_call_id": "c1", "content": "found"})
    again, answer = ask(gateway, CHAT, False, **tools, messages=turns)
    assert again.text == "The tool says: found" and told(answer) == {}
    assert gateway.upstream is not None
    assert '{"value":[{"n":7}]}' in gateway.upstream.last.raw.decode().replace("\\", "")


@streams
@abroad
@pytest.mark.parametrize("schema", [None, {}, {"type": "object"}], ids=["none", "empty", "object"])
def test_case_043_a_tool_without_parameters_is_called_without(
    request: pytest.FixtureRequest, front: Chat, over: str, stream: bool, schema: Any
) -> None:
    if front is MESSAGES and not schema:
        schema = {"type": "object", "properties": {}}  # its clients cannot say nothing
    gateway: Gateway = request.getfixturevalue(over)
    said, answer = ask(gateway, front, stream, **tool(front, "now", schema))
    written, _ = sent(gateway)
    assert written == (None if over == "over_gemini" else {"type": "object", "properties": {}})
    assert said.calls == [("now", {"ok": True})] and told(answer) == {}


# -- the form of answers -----------------------------------------------------------------------------------

FORM: dict[str, Any] = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "description": "A title"},
        "format": {"enum": ["long", "short"]},
        "parts": {"type": "array", "items": {"$ref": "#/$defs/Part"}, "minItems": 1, "maxItems": 3},
        "score": {"type": ["number", "null"], "minimum": 2},
    },
    "required": ["title", "parts"],
    "additionalProperties": False,
    "$defs": {
        "Part": {
            "type": "object",
            "properties": {"type": {"const": "part"}, "n": {"type": "integer"}},
            "required": ["type", "n"],
            "additionalProperties": False,
        }
    },
}


@abroad
@pytest.mark.parametrize("schema", [FORM, LIST], ids=["object", "list"])
@pytest.mark.parametrize("beside", [False, True], ids=["alone", "tools"])
def test_case_056_an_answer_has_its_form_and_nothing_else(
    request: pytest.FixtureRequest, front: Chat, over: str, schema: Any, beside: bool
) -> None:
    """No call of a made-up tool, no wrapper, no fence; the same text whole and in pieces; with and without tools."""
    gateway: Gateway = request.getfixturevalue(over)
    more = answer_form(front, schema)
    if beside:
        more |= tool(front, "find", NASTY) | choose_none(front)
    texts = []
    for stream in (False, True):
        said, _ = ask(gateway, front, stream, **more)
        assert said.calls == [] and said.stop == front.stops["stop"]
        assert valid(json.loads(said.text), schema), said.text
        texts.append(said.text)
        _, form = sent(gateway)
        assert form is not None, "it is held to its form by the provider itself"
    assert texts[0] == texts[1]


def choose_none(front: Chat) -> dict[str, Any]:
    """The members of a body that keep the model from calling a tool."""
    if front is CONTENTS:
        return {"toolConfig": {"functionCallingConfig": {"mode": "NONE"}}}
    return {"tool_choice": {"type": "none"} if front is MESSAGES else "none"}


EMULATED = {
    ("over_openai", False): "gpt-4",
    ("over_responses", False): "gpt-4",
    ("over_gemini", True): "gemini-2.5-flash",
}
"""Models that cannot be held to a schema: alone, or beside tools."""


@pytest.mark.parametrize(
    ("front", "over", "beside", "model"),
    [(front, *place, model) for place, model in EMULATED.items() for front in FRONTS if HOMES[place[0]] is not front],
    ids=lambda value: front_id(value) if isinstance(value, Chat) else str(value),
)
def test_case_056_what_cannot_be_enforced_looks_the_same(
    request: pytest.FixtureRequest, front: Chat, over: str, beside: bool, model: str
) -> None:
    gateway: Gateway = request.getfixturevalue(over)
    more = answer_form(front, FORM)
    if beside:
        more |= tool(front, "find", NASTY) | choose_none(front)
    texts = []
    for stream in (False, True):
        said, answer = ask(gateway, front, stream, model, **more)
        assert sent(gateway)[1] is None and told(answer)["format"] == "emulated"
        assert valid(json.loads(said.text), FORM) and said.calls == []
        texts.append(said.text)
    assert texts[0] == texts[1]


@streams
@pytest.mark.parametrize("front", [CHAT, MESSAGES, RESPONSES], ids=front_id)
def test_an_older_gemini_takes_the_form_of_an_answer_in_googles_own_words(
    over_gemini: Gateway, front: Chat, stream: bool
) -> None:
    said, answer = ask(over_gemini, front, stream, "gemini-2.0-flash", **answer_form(front, FORM))
    assert over_gemini.upstream is not None
    schema = over_gemini.upstream.last.json["generationConfig"]["responseSchema"]
    assert schema["type"] == "OBJECT" and all(place.keys() <= OPENAPI for place in places(schema))
    assert valid(json.loads(said.text), FORM)
    assert told(answer) == {"format.schema.additionalProperties": "dropped"} | {
        path: what for path, what in told(answer).items() if "Part" in path or "parts" in path
    }


STRICT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "q": {"type": "string", "minLength": 1},
        "limit": {"type": "integer"},
        "filters": {"type": "object", "properties": {"type": {"type": "string"}}, "additionalProperties": False},
    },
    "required": ["q"],
    "additionalProperties": False,
}


@streams
@pytest.mark.parametrize(
    ("front", "over"), [(RESPONSES, "over_openai"), (CHAT, "over_responses"), (CHAT, "over_anthropic"),
                        (MESSAGES, "over_openai"), (MESSAGES, "over_responses"), (RESPONSES, "over_anthropic")],
    ids=lambda value: value if isinstance(value, str) else front_id(value),
)  # fmt: skip
def test_strict_tools_stay_strict_where_their_schema_allows(
    request: pytest.FixtureRequest, front: Chat, over: str, stream: bool
) -> None:
    gateway: Gateway = request.getfixturevalue(over)
    said, answer = ask(gateway, front, stream, **tool(front, "find", STRICT, strict=True))
    assert gateway.upstream is not None
    [told_tool] = gateway.upstream.last.json["tools"]
    assert told_tool.get("function", told_tool)["strict"] is True
    assert valid(said.calls[0][1], STRICT)
    assert told(answer) == ({"parameters.properties.q.minLength": "emulated"})
    open_map = {"type": "object", "properties": {"labels": {"type": "object", "additionalProperties": True}}}
    said, answer = ask(gateway, front, stream, **tool(front, "find", open_map, strict=True))
    [told_tool] = gateway.upstream.last.json["tools"]
    assert not told_tool.get("function", told_tool).get("strict")
    assert told(answer) == {"strict": "dropped"}
    assert said.calls == [("find", {"labels": {"ok": True}})]


# -- names and types -----------------------------------------------------------------------------------------

KEYWORDS = [
    "title", "default", "format", "properties", "items", "type", "required", "$ref", "encrypted", "enum", "anyOf",
    "const", "nullable", "description", "additionalProperties", "$defs", "not", "propertyNames", "$schema", "$id",
]  # fmt: skip
NAMED: dict[str, Any] = {
    "type": "object",
    "properties": {
        "properties": {"type": "object", "properties": {name: {"type": "string"} for name in KEYWORDS}, "required": ["$ref"]},
        "value": {"type": "array", "items": {"type": "object", "properties": {"type": {"const": "$ref"}}}},
    },
    "required": ["properties", "value"],
}  # fmt: skip
TYPES: dict[str, Any] = {
    "type": "OBJECT",
    "properties": {
        "listed": {"type": ["string", "null"]},
        "union": {"anyOf": [{"type": "INTEGER"}, {"type": "null"}]},
        "numbers": {"enum": [1, 2]},
        "nulls": {"enum": [None, "a"]},
        "bare": {"type": "array"},
        "any": {},
        "anything": True,
        "none": {"type": "object", "properties": {}},
        "must": {"type": "STRING", "required": True},
    },
    "required": ["absent", "numbers"],
}


@streams
@abroad
def test_case_098_properties_named_like_keywords_come_back(
    request: pytest.FixtureRequest, front: Chat, over: str, stream: bool
) -> None:
    gateway: Gateway = request.getfixturevalue(over)
    said, answer = ask(gateway, front, stream, **tool(front, "find", NAMED))
    legal(over, sent(gateway)[0])
    [(_, arguments)] = said.calls
    assert list(arguments["properties"]) == KEYWORDS and arguments["value"] == [{"type": "$ref"}]
    assert told(answer) == {}


@streams
@abroad
def test_case_100_types_in_every_spelling_are_taken(
    request: pytest.FixtureRequest, front: Chat, over: str, stream: bool
) -> None:
    gateway: Gateway = request.getfixturevalue(over)
    said, answer = ask(gateway, front, stream, **tool(front, "find", TYPES))
    schema, _ = sent(gateway)
    legal(over, schema)
    [(_, arguments)] = said.calls
    assert list(arguments) == list(TYPES["properties"]) and arguments["numbers"] == 1
    assert "must" in schema["required"] and "numbers" in schema["required"]
    assert ("absent" in schema["required"]) is (over != "over_gemini") is not ("parameters.required" in told(answer))
    kinds = [place["type"] for place in places(schema) if "type" in place]
    assert not any(name.isupper() for kind in kinds for name in ([kind] if isinstance(kind, str) else kind))


def test_o32_the_bytes_do_not_depend_on_the_process(over_gemini: Gateway) -> None:
    """Two replicas ask alike, whatever the seed of their sets and dictionaries."""
    upstream = over_gemini.upstream
    assert upstream is not None
    seen = set()
    for seed in ("1", "2", "3"):
        with Gateway(over(upstream), upstream=upstream, env={"PYTHONHASHSEED": seed}) as gateway:
            for front in (CHAT, MESSAGES, RESPONSES):
                ask(gateway, front, False, **tool(front, "find", NASTY), **answer_form(front, FORM))
                seen.add((front.name, upstream.last.raw))
    assert len(seen) == 3
