"""Cases 55 to 58: marks of the cache, answers in JSON, settings that not every provider has."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

import laws
from cases.histories import history
from cases.inside import BACKS as HOUSES
from cases.inside import FRONTS as CLIENTS
from cases.inside import House, Says
from cases.inside import whole as said
from cases.wires import (
    ANTHROPIC,
    CHAT,
    FRONTS,
    GEMINI,
    RESPONSES,
    answer,
    asks,
    lost,
    streamed,
    translated,
    whole,
)
from clients import CHAT as OPENAI
from clients import CONTENTS, MESSAGES, Chat, front_id
from clients import RESPONSES as ITEMS
from dragoman.core.ir import Response, Text
from dragoman.core.profile import Profile
from dragoman.core.translate import Pipe
from dragoman.dialects import CODECS

each_client = pytest.mark.parametrize("front", CLIENTS, ids=front_id)
streaming = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
USER = ("user", "Hi")


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


# -- 55: marks of the cache ------------------------------------------------------------------

MARK = {"cache_control": {"type": "ephemeral"}}
HOUR = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
MARKED: dict[str, Any] = {
    "model": "m", "max_tokens": 9,
    "system": [text("S1") | HOUR, text("S2")],
    "tools": [{"name": "f", "input_schema": {"type": "object"}} | MARK],
    "messages": [
        {"role": "user", "content": [text("a") | MARK, text("b")]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": [text("r")]} | MARK]},
    ],
}  # fmt: skip


def test_case_055_anthropics_own_marks_are_untouched() -> None:
    laws.request_comes_home(CODECS[ANTHROPIC], MARKED)
    inner = copy.deepcopy(MARKED)  # marks inside a result, and on a tool that is loaded later
    inner["messages"][2]["content"][0]["content"][0] |= MARK
    inner["tools"][0] = {"name": "f", "input_schema": {"type": "object"}, "defer_loading": True}
    laws.request_comes_home(CODECS[ANTHROPIC], inner)
    edited = CODECS[ANTHROPIC].edit_request(json.dumps(MARKED, indent=1).encode(), "m", False, Profile())
    for name in ("system", "tools", "messages"):  # byte for byte
        assert json.dumps(MARKED[name], indent=1).replace("\n", "\n ").encode() in edited


def test_case_055_on_bedrock_each_is_an_element_of_its_own() -> None:
    wire, ctx = translated(ANTHROPIC, "bedrock.converse", MARKED, cache_control=True)
    point = {"cachePoint": {"type": "default"}}
    assert wire["system"][0]["text"] == "S1" and wire["system"][1]["cachePoint"]["type"] == "default"
    assert wire["toolConfig"]["tools"][-1] == point
    first, _, last = wire["messages"]
    assert first["content"] == [{"text": "a"}, point, {"text": "b"}]
    assert [name for block in last["content"] for name in block] == ["toolResult", "cachePoint"]
    assert not {what for path, what in lost(ctx) if "cache" in path}


@pytest.mark.parametrize("back", [CHAT, RESPONSES, GEMINI])
def test_case_055_nobody_else_is_told_of_them(back: str) -> None:
    wire, _ = asks(ANTHROPIC, back, MARKED)
    assert "cache_control" not in json.dumps(wire)
    plain = json.loads(json.dumps(MARKED).replace(', "cache_control": {"type": "ephemeral"}', "").replace(
        ', "cache_control": {"type": "ephemeral", "ttl": "1h"}', ""))  # fmt: skip
    assert asks(ANTHROPIC, back, plain)[0] == wire, "the prefix does not depend on the marks"


def marked_chat(part: dict[str, Any], message: dict[str, Any]) -> dict[str, Any]:
    return {"model": "m", "messages": [
        {"role": "system", "content": "S"} | message, {"role": "user", "content": [text("a") | part, text("b")]},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "t", "content": "r"} | message,
    ], "tools": [{"type": "function", "function": {"name": "f"}} | part]}  # fmt: skip


def test_case_055_openais_clients_may_mark_parts_and_messages() -> None:
    wire, ctx = asks(CHAT, ANTHROPIC, marked_chat(HOUR, MARK))
    assert wire["system"] == [text("S") | MARK]
    assert wire["messages"][0]["content"] == [text("a") | HOUR, text("b")]
    assert wire["messages"][2]["content"][0]["cache_control"] == MARK["cache_control"]
    assert wire["tools"][0]["cache_control"] == HOUR["cache_control"]
    assert lost(ctx) == set()
    for back in (RESPONSES, GEMINI):
        assert "cache" not in json.dumps(asks(CHAT, back, marked_chat(MARK, MARK))[0])
    kept, _ = translated(ANTHROPIC, CHAT, MARKED, cache_control=True)
    assert json.dumps(kept).count('"cache_control"') == 4


def test_case_055_a_parts_own_mark_outdoes_its_messages() -> None:
    given = {"model": "m", "messages": [{"role": "user", "content": [text("a"), text("b") | HOUR]} | MARK]}
    wire, _ = asks(CHAT, ANTHROPIC, given)
    assert wire["messages"][0]["content"] == [text("a"), text("b") | HOUR]


def test_case_055_at_most_four_and_the_last_are_kept() -> None:
    """The last marks are those a conversation has grown by: they make the next turn cheap."""
    turns = [{"role": ("user", "assistant")[n % 2], "content": [text(str(n)) | MARK]} for n in range(7)]
    wire, ctx = asks(CHAT, ANTHROPIC, {"model": "m", "messages": turns})
    marked = [block["text"] for turn in wire["messages"] for block in turn["content"] if "cache_control" in block]
    assert marked == ["3", "4", "5", "6"]
    assert ("cache", "clamped") in lost(ctx)


# -- 56: answers in JSON -------------------------------------------------------------------------

CLOSED = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}
LIST = {"type": "array", "items": {"type": "integer"}}


def formatted(front: str, schema: dict[str, Any], tools: bool = False) -> dict[str, Any]:
    given = history(front, USER, tools=("f",) if tools else ())
    match front:
        case "openai.chat":
            form = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": True}}
            return given | {"response_format": form}
        case "openai.responses":
            return given | {"text": {"format": {"type": "json_schema", "name": "n", "schema": schema, "strict": True}}}
        case "anthropic":
            return given | {"output_config": {"format": {"type": "json_schema", "schema": schema}}}
    return given | {"generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": schema}}


ABROAD = [(front, back) for front in FRONTS for back in FRONTS if front != back]


def told(front: str, back: str, asked: dict[str, Any], response: Response, **profile: Any) -> list[Any]:
    """The whole answer and the stream that a client gets who asked so, both by way of one question."""
    _, ctx = translated(front, back, asked, **profile)
    request = CODECS[front].decode_request(asked, laws.context())
    home = CODECS[back].decode_response(whole(back, response), ctx)
    found = CODECS[front].encode_response(home, laws.context(request=request))
    _, ctx = translated(front, back, asked, **profile)
    pipe = Pipe(CODECS[back].decoder(ctx), CODECS[front].encoder(laws.context(request=request)))
    data = streamed(back, response)
    frames = [frame for i in range(len(data)) for frame in pipe.feed(data[i : i + 1])] + list(pipe.close())
    return [
        CODECS[front].decode_response(json.loads(json.dumps(found)), laws.context()),
        laws.reread(CODECS[front], frames),
    ]


@pytest.mark.parametrize(("front", "back"), ABROAD)
@pytest.mark.parametrize("tools", [False, True], ids=["alone", "with tools"])
def test_case_056_json_is_the_text_of_the_answer(front: str, back: str, tools: bool) -> None:
    asked = formatted(front, CLOSED, tools)
    wire, _ = translated(front, back, asked, json_and_tools=back != GEMINI)
    assert json.dumps(wire.get("tools") or []).count('"name"') == tools, "no tool is made up"
    for found in told(front, back, asked, answer(Text(text='{"a":'), Text(text="1}"))):
        assert laws.gist(found) | {"usage": 0} == {
            "text": '{"a":1}',
            "reasoning": "",
            "calls": [],
            "stop": "stop",
            "usage": 0,
        }


@pytest.mark.parametrize(("front", "back"), ABROAD)
@pytest.mark.parametrize("words", [False, True], ids=["held", "in words"])
def test_case_056_json_is_told_as_it_comes(front: str, back: str, words: bool) -> None:
    asked = formatted(front, CLOSED)
    _, ctx = translated(front, back, asked, json_schema=not words)
    request = CODECS[front].decode_request(asked, laws.context())
    pipe = Pipe(CODECS[back].decoder(ctx), CODECS[front].encoder(laws.context(request=request)))
    begun, _, rest = streamed(back, answer(Text(text='{"a":[1,2,3,4,5,6,'), Text(text="7]}"))).partition(b"7]")
    first = b"".join(frame.data for frame in pipe.feed(begun.rpartition(b"\n\n")[0] + b"\n\n"))
    assert b"1,2,3" in first, "it waits for nothing"
    last = b"".join(frame.data for frame in [*pipe.feed(begun.rpartition(b"\n\n")[2] + b"7]" + rest), *pipe.close()])
    assert b"7]}" in last


@pytest.mark.parametrize(("front", "back"), ABROAD)
def test_case_056_the_schema_is_held_where_it_can_be(front: str, back: str) -> None:
    wire, ctx = translated(front, back, formatted(front, CLOSED))
    native = {
        CHAT: lambda: wire["response_format"]["json_schema"]["schema"],
        RESPONSES: lambda: wire["text"]["format"]["schema"],
        ANTHROPIC: lambda: wire["output_config"]["format"]["schema"],
        GEMINI: lambda: wire["generationConfig"]["responseJsonSchema"],
    }
    assert native[back]()["properties"]["a"]["type"] == "integer"
    assert "emulated" not in {what for path, what in lost(ctx) if path == "format"}


@pytest.mark.parametrize(("front", "back"), [pair for pair in ABROAD if pair[1] != GEMINI and pair[0] != ANTHROPIC])
def test_case_056_no_wrapper_is_seen(front: str, back: str) -> None:
    """A list is asked for inside an object where the API takes objects alone (Anthropic's own does); the client gets
    the list."""
    asked = formatted(front, LIST)
    wire, _ = translated(front, back, asked)
    raw = json.dumps(wire)
    wrapped = '"value"' in raw
    text = '{"value":[1,2]}' if wrapped else "[1,2]"
    for found in told(front, back, asked, answer(Text(text=text))):
        assert json.loads(laws.gist(found)["text"]) == [1, 2]


@pytest.mark.parametrize(("front", "back"), ABROAD)
def test_case_056_where_no_schema_can_be_held_it_is_asked_for(front: str, back: str) -> None:
    """In words; and the fence that models put around what they were asked for in words is taken off."""
    asked = formatted(front, CLOSED)
    profile: dict[str, Any] = {"json_schemas": "none"} if back == GEMINI else {"json_schema": False}
    wire, ctx = translated(front, back, asked, **profile)
    if back != GEMINI:  # which has a form of its own for schemas
        assert "integer" in json.dumps(wire)
        assert {("format", "emulated"), ("format.schema", "emulated")} & lost(ctx)
        fenced = answer(Text(text='```json\n{"a":1}\n```'))
        for found in told(front, back, asked, fenced, **profile):
            assert json.loads(laws.gist(found)["text"]) == {"a": 1}


# -- 57: settings without an equal -------------------------------------------------------------------

PLAIN = answer(Text(text="x"))
DIALECTS = {"chat": CHAT, "messages": ANTHROPIC, "contents": GEMINI, "responses": RESPONSES}
ASKED: dict[str, tuple[Chat, dict[str, Any], dict[str, set[str]]]] = {  # a client's wishes, and who cannot have which
    "openai": (OPENAI, {"seed": 7, "presence_penalty": 0.5, "logit_bias": {"5": 1}, "x_new": [1]}, {
        "messages": {"seed", "presence_penalty", "logit_bias", "x_new"}, "contents": {"logit_bias", "x_new"},
        "responses": {"seed", "presence_penalty", "logit_bias", "x_new"},
    }),
    "anthropic": (MESSAGES, {"top_k": 5, "context_management": {"edits": []}, "x_new": [1]}, {
        "chat": {"top_k", "x_new"}, "contents": {"x_new"}, "responses": {"top_k", "x_new"},
    }),
    "gemini": (CONTENTS, {"generationConfig": {"topK": 5, "seed": 7, "mediaResolution": "MEDIA_RESOLUTION_LOW"}, "xNew": [1]}, {
        "chat": {"generationConfig.topK", "xNew"}, "messages": {"generationConfig.seed", "xNew"},
        "responses": {"generationConfig.topK", "generationConfig.seed", "xNew"},
    }),
    "items": (ITEMS, {"truncation": "auto", "max_tool_calls": 3, "x_new": [1]}, {
        "chat": {"max_tool_calls", "x_new"}, "messages": {"max_tool_calls", "x_new"}, "contents": {"max_tool_calls", "x_new"},
    }),
}  # fmt: skip


def plain(paths: str) -> str:
    """Letters alone: a client of Google's writes in another way."""
    return paths.replace("_", "").lower()


def speaks(back: str, stream: bool, response: Response = PLAIN) -> Says:
    dialect = DIALECTS[back]
    return Says([streamed(dialect, response)]) if stream else said(whole(dialect, response))


@streaming
@pytest.mark.parametrize(("who", "back"), [(who, back) for who, (_, _, most) in ASKED.items() for back in most])
async def test_case_057_what_was_left_out_is_in_one_header(tmp_path: Path, who: str, back: str, stream: bool) -> None:
    front, wishes, missing = ASKED[who]
    house = House(tmp_path, speaks(back, stream))
    reply = await house.say(front, back, stream=stream, **wishes)
    assert reply.status == 200, reply
    told = plain(reply.headers["x-dragoman-lost"])
    for path in missing[back]:
        assert plain(path).rpartition(".")[2] in told, (path, told)
    sent = json.dumps(house.script.last)
    assert "x_new" not in sent and "xNew" not in sent


@pytest.mark.parametrize(("who", "back"), [(who, back) for who, (_, _, most) in ASKED.items() for back in most])
async def test_case_057_in_strict_mode_it_is_refused_by_name(tmp_path: Path, who: str, back: str) -> None:
    front, wishes, _ = ASKED[who]
    house = House(tmp_path, speaks(back, False))
    left_out = (await house.say(front, back, **wishes)).headers["x-dragoman-lost"]
    reply = await house.say(front, back, headers={"x-dragoman-strict": "true"}, **wishes)
    assert reply.status == 400, reply
    assert front.error(reply)[2].partition(":")[0] in left_out
    assert len(house.script.asked) == 1, "nothing is asked, so nothing is paid for"


# -- 58: several answers, probabilities, seeds --------------------------------------------------------------


def several(front: Chat, count: int) -> dict[str, Any]:
    return {"generationConfig": {"candidateCount": count}} if front is CONTENTS else {"n": count}


@streaming
@pytest.mark.parametrize("front", [OPENAI, CONTENTS], ids=front_id)
@pytest.mark.parametrize("back", HOUSES)
async def test_case_058_never_one_answer_for_two(tmp_path: Path, front: Chat, back: str, stream: bool) -> None:
    house = House(tmp_path, speaks(back, stream))
    reply = await house.say(front, back, stream=stream, **several(front, 2))
    assert reply.status == 200, reply
    found = [event.json for event in reply.events if event.data != "[DONE]"] if stream else [reply.json]
    name = "candidates" if front is CONTENTS else "choices"
    numbers = {one.get("index", 0) for wire in found for one in wire.get(name, ())}
    if len(house.script.asked) == 1:  # the provider was asked for two itself
        assert any(word in json.dumps(house.script.last) for word in ('"n":2', '"n": 2', '"candidateCount": 2'))
    else:
        assert len(house.script.asked) == 2 and numbers == {0, 1}


@pytest.mark.parametrize("front", [OPENAI, ITEMS, CONTENTS], ids=front_id)
@pytest.mark.parametrize("back", ["messages"])
async def test_case_058_probabilities_seeds_and_biases_are_reported(tmp_path: Path, front: Chat, back: str) -> None:
    wishes: dict[str, dict[str, Any]] = {
        "openai.chat": {"logprobs": True, "seed": 7, "logit_bias": {"5": 1}},
        "openai.responses": {"include": ["message.output_text.logprobs"], "top_logprobs": 2},
        "gemini": {"generationConfig": {"responseLogprobs": True, "seed": 7}},
    }
    house = House(tmp_path, speaks(back, False))
    reply = await house.say(front, back, **wishes[front.name])
    told = plain(reply.headers["x-dragoman-lost"])
    assert "logprobs" in told.lower()
    assert ("seed" in told) == ("seed" in json.dumps(wishes[front.name]))
    assert ("logitbias" in told) == ("logit_bias" in wishes[front.name])
