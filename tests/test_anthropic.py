"""Anthropic Messages keeps the laws of every dialect, and the numbered cases of other gateways' failures (cases.md).

It reads recordings; of other dialects it knows nothing: what comes from elsewhere is written in neutral form.
"""

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

import laws
from dragoman.core.codec import Context
from dragoman.core.errors import GatewayError, Kind
from dragoman.core.fold import fold, unfold
from dragoman.core.framing import Frame
from dragoman.core.ir import (
    Base64,
    Cache,
    Citation,
    Event,
    FileId,
    Finish,
    Format,
    Media,
    Message,
    Opaque,
    PartDelta,
    PartEnd,
    PartStart,
    Ping,
    Reasoning,
    Refusal,
    Request,
    Response,
    Sampling,
    Signature,
    Start,
    Stop,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Url,
    Usage,
)
from dragoman.core.media import CountResponse, Model
from dragoman.core.profile import Profile
from dragoman.core.translate import Pipe
from dragoman.dialects.anthropic import Anthropic, AnthropicCount
from traffic import Exchange, exchanges

A = Anthropic()
COUNT = AnthropicCount()
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYPgPAAEDAQAIicLsAAAAAElFTkSuQmCC"

RICH: dict[str, Any] = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 2048,
    "temperature": 0.5,
    "top_p": 0.9,
    "top_k": 40,
    "stream": False,
    "stop_sequences": ["END"],
    "service_tier": "auto",
    "container": {"id": "c_1", "skills": [{"type": "anthropic", "skill_id": "pdf"}]},
    "cache_control": {"type": "ephemeral"},
    "metadata": {"user_id": '{"device_id":"d","session_id":"s"}'},
    "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
    "thread": {"type": "create"},
    "mcp_servers": [{"type": "url", "name": "files", "url": "https://mcp.example"}],
    "betas": ["effort-2025-11-24"],
    "inference_geo": "global",
    "thinking": {"type": "enabled", "budget_tokens": 1024, "display": "summarized"},
    "output_config": {
        "effort": "high",
        "format": {"type": "json_schema", "schema": {"type": "object", "properties": {"n": {"type": "integer"}}}},
        "task_budget": {"type": "tokens", "total": 20000},
    },
    "tool_choice": {"type": "tool", "name": "read", "disable_parallel_tool_use": True},
    "tools": [
        {
            "name": "read",
            "description": "Reads a file",
            "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
            "cache_control": {"type": "ephemeral", "ttl": "1h"},
            "eager_input_streaming": True,
            "input_examples": [{"path": "a.txt"}],
        },
        {"type": "custom", "name": "now", "input_schema": {"type": "object"}, "strict": True, "defer_loading": True},
        {"type": "web_search_20250305", "name": "web_search", "user_location": {"type": "approximate", "city": "Rome"}},
        {"type": "mcp_toolset", "mcp_server_name": "files", "default_config": {"enabled": True}},
    ],
    "system": [
        {"type": "text", "text": "Be brief."},
        {"type": "text", "text": "Cite.", "cache_control": {"type": "ephemeral", "scope": "global"}},
    ],
    "messages": [
        {"role": "user", "content": "hello"},
        {"role": "system", "content": "It is Monday."},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
                {"type": "redacted_thinking", "data": "b3BhcXVl"},
                {
                    "type": "text",
                    "text": "I will look.",
                    "citations": [
                        {
                            "type": "web_search_result_location",
                            "cited_text": "x",
                            "url": "https://a.example",
                            "title": "A",
                            "encrypted_index": "e",
                        }
                    ],
                },
                {
                    "type": "tool_use",
                    "id": "toolu_1",
                    "name": "read",
                    "input": {"z": 1, "path": "a.png", "deep": {"er": [1.5, None]}},
                    "caller": {"type": "direct"},
                    "cache_control": {"type": "ephemeral"},
                },
                {"type": "tool_use", "id": "toolu_2", "name": "now", "input": {}},
                {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}},
                {
                    "type": "web_search_tool_result",
                    "tool_use_id": "srvtoolu_1",
                    "content": [{"type": "web_search_result", "url": "https://a.example", "encrypted_content": "e"}],
                },
                {"type": "mcp_tool_use", "id": "mcptoolu_1", "name": "ls", "server_name": "files", "input": {"p": "/"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_1",
                    "is_error": False,
                    "content": [
                        {"type": "text", "text": "an image:"},
                        {"type": "image", "source": {"data": PNG, "media_type": "image/png", "type": "base64"}},
                        {"type": "document", "source": {"type": "url", "url": "https://a.example/b.pdf"}},
                        {"type": "tool_reference", "tool_name": "now"},
                    ],
                    "cache_control": {"type": "ephemeral", "ttl": "5m"},
                },
                {"type": "tool_result", "tool_use_id": "toolu_2", "content": "noon", "is_error": True},
                {"type": "image", "source": {"type": "url", "url": "https://a.example/c.webp"}},
                {"type": "image", "source": {"type": "file", "file_id": "file_1"}},
                {
                    "type": "document",
                    "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
                    "title": "a.pdf",
                    "context": "c",
                    "citations": {"enabled": True},
                },
                {
                    "type": "document",
                    "source": {"type": "text", "media_type": "text/plain", "data": "grüße"},
                    "title": "notes",
                },
                {
                    "type": "document",
                    "source": {
                        "type": "content",
                        "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
                    },
                },
                {"type": "document", "source": {"type": "file", "file_id": "file_2"}},
                {
                    "type": "search_result",
                    "source": "https://a.example",
                    "title": "A",
                    "content": [{"type": "text", "text": "found"}],
                    "citations": {"enabled": True},
                },
                {"type": "container_upload", "file_id": "file_3"},
                {"type": "new_block", "of": {"tomorrow": True}},
                {"type": "text", "text": "go on", "cache_control": {"type": "ephemeral"}},
            ],
        },
    ],
}


@pytest.mark.parametrize("path", list(laws.objects(RICH)), ids=lambda path: ".".join(map(str, path)) or "body")
def test_an_unknown_field_anywhere_comes_home(path: tuple[str | int, ...]) -> None:
    laws.unknown_field_comes_home(A, RICH, path)


# -- requests at home ------------------------------------------------------------


def body(**fields: Any) -> dict[str, Any]:
    return {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": "hi"}]} | fields


def said(*blocks: Any, role: str = "user") -> dict[str, Any]:
    return body(messages=[{"role": role, "content": list(blocks)}])


SPELLINGS: dict[str, dict[str, Any]] = {
    "system as a string": body(system="Be brief."),
    "system as blocks": body(system=[{"type": "text", "text": "Be brief."}]),
    "empty system": body(system=""),
    "no system": body(system=[]),
    "null system": body(system=None),
    "system among the messages": body(messages=[{"role": "system", "content": "S"}, {"role": "user", "content": "hi"}]),
    "both systems": body(system="T", messages=[{"role": "system", "content": [{"type": "text", "text": "S"}]}]),
    "content as blocks": said({"type": "text", "text": "hi"}),
    "content empty": said(),
    "text with null citations": said({"type": "text", "text": "hi", "citations": None}),
    "cache_control null": said({"type": "text", "text": "hi", "cache_control": None}),
    "cache_control of a new kind": said({"type": "text", "text": "hi", "cache_control": {"type": "eternal", "n": 1}}),
    "cache ttl of tomorrow": said({"type": "text", "text": "hi", "cache_control": {"type": "ephemeral", "ttl": "1d"}}),
    "stream true": body(stream=True),
    "stream null": body(stream=None),
    "empty lists": body(tools=[], stop_sequences=[], mcp_servers=[], metadata={}, tool_choice=None),
    "user null": body(metadata={"user_id": None, "other": 1}),
    "choice auto": body(tools=[{"name": "f", "input_schema": {"type": "object"}}], tool_choice={"type": "auto"}),
    "choice none": body(tools=[{"name": "f", "input_schema": {}}], tool_choice={"type": "none"}),
    "choice any, parallel": body(tool_choice={"type": "any", "disable_parallel_tool_use": False}),
    "choice auto, serial": body(tool_choice={"type": "auto", "disable_parallel_tool_use": True}),
    "choice auto, with more": body(tool_choice={"type": "auto", "x": 1}),
    "thinking off": body(thinking={"type": "disabled"}),
    "thinking off, with effort": body(thinking={"type": "disabled"}, output_config={"effort": "high"}),
    "thinking adaptive": body(thinking={"type": "adaptive"}),
    "thinking adaptive, hidden, with effort": body(
        thinking={"type": "adaptive", "display": "omitted"}, output_config={"effort": "max"}
    ),
    "thinking of another display": body(thinking={"type": "adaptive", "display": "verbatim"}),
    "thinking without a budget": body(thinking={"type": "enabled"}),
    "thinking auto": body(thinking={"type": "auto"}),
    "budget above the limit (interleaved)": body(thinking={"type": "enabled", "budget_tokens": 4096}),
    "effort alone": body(output_config={"effort": "xhigh"}),
    "effort of tomorrow": body(output_config={"effort": "heroic"}),
    "null format": body(output_config={"format": None}),
    "legacy format": body(output_format={"type": "json_schema", "schema": {"type": "object"}}),
    "format of another type": body(output_config={"format": {"type": "grammar", "lark": "x"}}),
    "call with empty input": said({"type": "tool_use", "id": "t", "name": "f", "input": {}}, role="assistant"),
    "call with a list": said({"type": "tool_use", "id": "t", "name": "f", "input": [1, 2]}, role="assistant"),
    "call with a text": said({"type": "tool_use", "id": "t", "name": "f", "input": "x"}, role="assistant"),
    "result as a string": said({"type": "tool_result", "tool_use_id": "t", "content": "x"}),
    "result as an empty string": said({"type": "tool_result", "tool_use_id": "t", "content": ""}),
    "result as a block": said({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "x"}]}),
    "result empty": said({"type": "tool_result", "tool_use_id": "t", "content": []}),
    "result null": said({"type": "tool_result", "tool_use_id": "t", "content": None}),
    "result absent": said({"type": "tool_result", "tool_use_id": "t"}),
    "result not wrong": said({"type": "tool_result", "tool_use_id": "t", "is_error": False}),
    "thought without text": said({"type": "thinking", "thinking": "", "signature": "s"}, role="assistant"),
    "image by a data URL": said({"type": "image", "source": {"type": "url", "url": "data:image/png;base64,AA=="}}),
    "image by an odd data URL": said({"type": "image", "source": {"type": "url", "url": "DATA:;base64,AA=="}}),
    "text document in base64": said(
        {"type": "document", "source": {"type": "base64", "media_type": "text/plain", "data": "aGk="}}
    ),
    "image in a document": said(
        {"type": "document", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
    ),
    "text in an image": said(
        {"type": "image", "source": {"type": "base64", "media_type": "text/plain", "data": "aGk="}}
    ),
    "document of one text": said({"type": "document", "source": {"type": "content", "content": "abc"}}),
    "document of an image": said(
        {"type": "document", "source": {"type": "content", "content": [{"type": "image", "source": {}}]}}
    ),
    "source of tomorrow": said({"type": "image", "source": {"type": "hologram", "id": 1}}),
    "search result that is none": said({"type": "search_result", "source": 1, "title": None, "content": "x"}),
    "compaction": said({"type": "compaction", "content": "all before"}, role="assistant"),
    "compaction, encrypted": said({"type": "compaction", "content": None, "encrypted_content": "e"}, role="assistant"),
    "tool of null type": body(tools=[{"type": None, "name": "f", "input_schema": {"type": "object"}}]),
    "tool without a schema": body(tools=[{"name": "f"}]),
    "server tool with a null name": body(tools=[{"type": "x_20300101", "name": None}]),
    "max_tokens 0 fills the cache": body(max_tokens=0),
    "attribution": body(
        system=[{"type": "text", "text": "x-anthropic-billing-header: cch=1;"}, {"type": "text", "text": "S"}]
    ),
    "attribution in a string": body(system="x-anthropic-billing-header: cch=1;\nS"),
    "attribution alone": body(system=[{"type": "text", "text": "x-anthropic-billing-header: cch=1;"}]),
    "attribution alone in a string": body(system="x-anthropic-billing-header: cch=1;"),
    "a body of Google's or Amazon's": {
        k: v for k, v in body(anthropic_version="vertex-2023-10-16").items() if k != "model"
    },
    "rich": RICH,
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_every_spelling_comes_home_as_it_was(name: str) -> None:
    wire = SPELLINGS[name]
    laws.request_comes_home(A, wire)
    assert (
        list(A.encode_request(A.decode_request(wire, laws.context()), laws.context())["messages"]) == wire["messages"]
    )


def test_key_order_of_tool_input_comes_home() -> None:
    wire = said(
        {"type": "tool_use", "id": "t", "name": "f", "input": {"b": {"d": 1, "c": 2}, "a": 1}}, role="assistant"
    )
    back = A.encode_request(A.decode_request(wire, laws.context()), laws.context())
    assert json.dumps(back["messages"][0]["content"][0]["input"]) == '{"b": {"d": 1, "c": 2}, "a": 1}'


def is_ours(case: Exchange) -> bool:
    """A Messages body: under other names at Google and Amazon, where the model is in the path."""
    request = case.request
    return (
        isinstance(request, dict) and "messages" in request and ("anthropic_version" in request or "model" in request)
    )


REQUESTS = [
    parameter
    for parameter in exchanges(
        ("anthropic.messages", "anthropic.count_tokens", "vertex.anthropic", "bedrock.invoke", "pydantic-gw.anthropic")
    )
    if parameter.values[0] is None or is_ours(parameter.values[0])
]


@pytest.mark.parametrize("case", REQUESTS)
def test_recorded_requests_come_home(case: Exchange) -> None:
    codec: Any = COUNT if case.api == "anthropic.count_tokens" else A
    laws.request_comes_home(codec, case.request)


# -- answers at home ---------------------------------------------------------------

API = ("anthropic.messages", "vertex.anthropic", "bedrock.invoke", "pydantic-gw.anthropic")
ANSWERS = [
    parameter
    for parameter in exchanges(API)
    if parameter.values[0] is None
    or (isinstance(parameter.values[0].response, dict) and parameter.values[0].response.get("type") == "message")
]
STREAMS = [
    parameter
    for parameter in exchanges(API)
    if parameter.values[0] is None
    or parameter.values[0].sse is not None
    or parameter.values[0].record["response"].get("events")
]
ADDED = {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}

# Recordings that do not come home as they were, and why. One that does is an error.
NOT_HOME = {
    "anthropic.messages/max-tokens/anthropic-advisor-stop-reasons": "its usage leaves out the counts of the cache, which we always write",
    "anthropic.messages/image-in/test_anthropic_multi_modal_legacy": "an answer of 2024: its usage knows no cache counts yet",
}


@pytest.mark.parametrize("case", ANSWERS)
def test_recorded_answers_come_home(case: Exchange) -> None:
    ctx = laws.context()
    response = A.decode_response(case.response, laws.context())
    laws.folds_back(response)
    back = json.loads(json.dumps(A.encode_response(response, ctx)))
    assert ctx.losses == []
    if case.id in NOT_HOME:
        assert back != case.response, "it does come home: strike it off the list"
        case.response["usage"] = ADDED | case.response["usage"]
    assert back == case.response


def test_the_list_of_exceptions_is_not_stale() -> None:
    found = {parameter.id for parameter in ANSWERS}
    assert [name for name, reason in NOT_HOME.items() if len(reason.split()) < 5] == []
    assert found == {"no-recordings"} or set(NOT_HOME) <= found


# -- streams at home ----------------------------------------------------------------


def sse(case: Exchange) -> bytes:
    """The stream as server-sent events, also where Amazon wrapped it in its own frames."""
    if case.sse is not None:
        return case.sse
    wires = [event["payload_decoded"] for event in case.record["response"]["events"]]
    return stream(*wires)


def stream(*wires: dict[str, Any]) -> bytes:
    return b"".join(b"event: %b\ndata: %b\n\n" % (named(wire), json.dumps(wire).encode()) for wire in wires)


def named(wire: Any) -> bytes:
    kind = wire.get("type") if isinstance(wire, dict) else None
    return kind.encode("ascii", "replace") if isinstance(kind, str) else b"x"


READABLE = [p for p in STREAMS if p.values[0] is None or b"outputText" not in sse(p.values[0])]


@pytest.mark.parametrize("case", READABLE)
def test_recorded_streams_keep_the_laws(case: Exchange) -> None:
    data = sse(case)
    found = laws.events(A, data)
    laws.grammar(found)
    laws.folds_back(fold(found))
    if len(data) < 20_000:
        laws.cut_anywhere(A, data)


@pytest.mark.parametrize("case", READABLE)
def test_recorded_streams_are_rendered_as_they_are_read(case: Exchange) -> None:
    found = laws.events(A, sse(case))
    frames = laws.render(A, found)
    response, again = fold(found), laws.reread(A, frames)
    assert again == response, "at home nothing is lost: signatures, redacted blocks, blocks of kinds we do not know"
    assert laws.gist(again) == laws.gist(response)
    obeys(frames)


@pytest.mark.parametrize("case", READABLE)
def test_recorded_streams_reach_an_sdk_that_thinks_they_came_from_elsewhere(case: Exchange) -> None:
    """The same events as another provider's: no signature survives, and yet the order of events is kept."""
    found = [
        replace(event, origin="elsewhere") if isinstance(event, Start) else event for event in laws.events(A, sse(case))
    ]
    frames = laws.render(A, found, model="asked-for")
    obeys(frames)
    assert laws.gist(laws.reread(A, frames)) == laws.gist(fold(found))
    assert data(frames[0])["message"]["model"] == "asked-for"


def data(frame: Frame) -> dict[str, Any]:
    wire = json.loads(frame.data)
    assert wire["type"] == frame.event
    return wire


def obeys(frames: list[Frame]) -> None:
    """The order of Anthropic's events: cases 1, 2, 5, 12, 16, 19 and 24, for any stream."""
    wires = [data(frame) for frame in frames if frame.event != "ping"]
    assert [w["type"] for w in wires[-2:]] == ["message_delta", "message_stop"]
    assert wires[0]["type"] == "message_start" and wires[0]["message"]["content"] == []
    assert wires[0]["message"]["usage"].keys() >= {"input_tokens", "output_tokens"}
    assert wires[-2]["usage"].keys() >= {"input_tokens", "output_tokens", "cache_read_input_tokens"}
    of = {"text_delta": "text", "citations_delta": "text", "thinking_delta": "thinking", "signature_delta": "thinking"}
    current, count, deltas = None, 0, 0
    for wire in wires[1:-2]:
        match wire["type"]:
            case "content_block_start":
                assert current is None and wire["index"] == count, "one block at a time, without a gap"
                current, deltas = wire["content_block"], 0
                if current["type"] in ("text", "thinking", "tool_use"):
                    assert not current.get("text") and not current.get("thinking") and not current.get("input")
                assert current["type"] != "thinking" or current["signature"] == ""
            case "content_block_delta":
                assert current is not None and wire["index"] == count
                assert of.get(wire["delta"]["type"], current["type"]) == current["type"]
                deltas += 1
            case "content_block_stop":
                assert current is not None and wire["index"] == count
                assert deltas or current["type"] not in ("text", "thinking"), "an empty block"
                current, count = None, count + 1
            case other:
                raise AssertionError(f"{other} in the middle of a stream")
    assert current is None


# -- bad input ------------------------------------------------------------------------

BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"messages": []}, "model", "required"),
    (body(model=""), "model", "must not be empty"),
    (body(model=5), "model", "expected a string, got an integer"),
    ({"model": "m", "messages": []}, "max_tokens", "required"),
    (body(max_tokens=-1), "max_tokens", "must be at least 0"),
    (body(max_tokens="9"), "max_tokens", "expected an integer, got a string"),
    (body(max_tokens=True), "max_tokens", "expected an integer, got a boolean"),
    (body(temperature=1.5), "temperature", "between 0 and 1"),
    (body(top_p=-0.1), "top_p", "between 0 and 1"),
    (body(top_k=-1), "top_k", "at least 0"),
    (body(stop_sequences=["a", 1]), "stop_sequences[1]", "expected a string"),
    (body(stream="yes"), "stream", "expected a boolean"),
    (body(messages=[]), "messages", "at least one"),
    (body(messages="hi"), "messages", "expected an array"),
    (body(messages=["hi"]), "messages[0]", "expected an object, got a string"),
    (body(messages=[{"role": "tool", "content": "x"}]), "messages[0].role", "'tool' is not one of user, assistant"),
    (body(messages=[{"content": "x"}]), "messages[0].role", "required"),
    (body(messages=[{"role": "user"}]), "messages[0].content", "required"),
    (body(messages=[{"role": "user", "content": 5}]), "messages[0].content", "expected a string or an array"),
    (said("hi"), "messages[0].content[0]", "expected an object, got a string"),
    (said({"text": "hi"}), "messages[0].content[0].type", "required"),
    (said({"type": "text"}), "messages[0].content[0].text", "required"),
    (said({"type": "text", "text": "x", "citations": [5]}), "messages[0].content[0].citations[0]", "an object"),
    (said({"type": "image"}), "messages[0].content[0].source", "required"),
    (said({"type": "image", "source": {"type": "base64", "data": ""}}), "messages[0].content[0].source.media_type", ""),
    (said({"type": "tool_use", "id": "a", "input": {}}), "messages[0].content[0].name", "required"),
    (said({"type": "tool_result", "content": "x"}), "messages[0].content[0].tool_use_id", "required"),
    (
        said({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": 1}]}),
        "messages[0].content[0].content[0].text",
        "expected a string",
    ),
    (said({"type": "text", "text": "x", "cache_control": "yes"}), "messages[0].content[0].cache_control", "object"),
    (body(system=5), "system", "expected a string or an array of blocks"),
    (body(system=[{"type": "text", "text": 5}]), "system[0].text", "expected a string"),
    (body(tools={}, tool_choice="auto"), "tool_choice", "expected an object"),
    (body(tool_choice={"type": "some"}), "tool_choice.type", "'some' is not one of auto, any, tool, none"),
    (body(tool_choice={"type": "tool"}), "tool_choice.name", "required"),
    (body(tools=[{"input_schema": {}}]), "tools[0].name", "required"),
    (body(tools=[{"name": "f", "input_schema": "x"}]), "tools[0].input_schema", "expected an object"),
    (body(thinking={"type": "enabled", "budget_tokens": 0}), "thinking.budget_tokens", "at least 1"),
    (body(thinking={"type": "hard"}), "thinking.type", "is not one of enabled, adaptive, disabled"),
    (body(thinking=True), "thinking", "expected an object"),
    (body(output_config={"effort": 5}), "output_config.effort", "expected a string"),
    (body(output_config={"format": {"type": "json_schema"}}), "output_config.format.schema", "required"),
    (body(output_config={"format": {"schema": {}}}), "output_config.format.type", "required"),
    (body(metadata={"user_id": 5}), "metadata.user_id", "expected a string"),
    (body(service_tier=1), "service_tier", "expected a string"),
    (body(container=1), "container", "expected a string or an object"),
    (body(mcp_servers={"a": 1}), "mcp_servers", "expected an array"),
]


@pytest.mark.parametrize(("wire", "path", "why"), BAD, ids=[f"{path}-{i}" for i, (_, path, _) in enumerate(BAD)])
def test_a_mistake_is_named_by_its_path(wire: dict[str, Any], path: str, why: str) -> None:
    with pytest.raises(GatewayError) as caught:
        A.decode_request(wire, laws.context())
    assert (caught.value.kind, caught.value.param) == (Kind.INVALID_REQUEST, path)
    assert caught.value.message.startswith(f"{path}: ") and why in caught.value.message


DEEP: Any = []
for _ in range(5000):
    DEEP = [DEEP]
WRONG: list[Any] = [
    None, True, 0, -1, 1.5, 10**30, "", "x", "\ud83d", [], {}, [None], ["x"], [[]], [{}], {"type": "text"}, {"x": {"y": []}}, {"type": []}, DEEP,
]  # fmt: skip


def places(wire: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value."""
    if path:
        yield path
    for step in wire if isinstance(wire, dict) else range(len(wire)) if isinstance(wire, list) else ():
        yield from places(wire[step], (*path, step))


def mutated(wire: Any, path: tuple[Any, ...], value: Any) -> Any:
    wire = copy.deepcopy(wire)
    at = wire
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return wire


def tried(act: Any, *args: Any) -> tuple[Any, GatewayError | None]:
    """What came of it: a value, or the one error that may come."""
    try:
        return act(*args), None
    except GatewayError as error:
        return None, error


def attempt(wire: Any, codec: Any = A) -> Request | None:
    """Decodes; the only way to fail is to name a place."""
    request, error = tried(codec.decode_request, wire, laws.context())
    if error:
        assert error.kind is Kind.INVALID_REQUEST
        assert error.param and error.message.startswith(error.param)
    return request


@pytest.mark.parametrize("path", list(places(RICH)), ids=lambda path: ".".join(map(str, path)))
def test_any_json_at_any_place_is_taken_or_named(path: tuple[Any, ...]) -> None:
    for value in WRONG:
        request = attempt(mutated(RICH, path, value))
        if request is None:
            continue
        A.encode_request(request, laws.context())
        for profile in (
            Profile(),
            Profile(thinking="adaptive", json_schema=False),
            Profile(thinking="none", sampling=False),
        ):
            foreign = replace(request, origin="elsewhere")
            _, error = tried(A.encode_request, foreign, laws.context(profile=profile))
            assert error is None or (error.kind is Kind.INVALID_REQUEST and error.param)


def test_many_mistakes_at_once_are_taken_or_named() -> None:
    chance = random.Random(7)
    for _ in range(400):
        wire = RICH
        for path in chance.sample(list(places(RICH)), 4):
            try:
                wire = mutated(wire, path, chance.choice(WRONG[:-1]))
            except (KeyError, IndexError, TypeError):
                continue  # an earlier mutation removed the place
        for codec in (A, COUNT):
            if request := attempt(wire, codec):
                codec.encode_request(request, laws.context())


ANSWER: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-x",
    "content": [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "d"},
        {
            "type": "text",
            "text": "a",
            "citations": [{"type": "char_location", "cited_text": "a", "document_title": "t"}],
        },
        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}, "caller": {"type": "direct"}},
        {"type": "server_tool_use", "id": "srv", "name": "web_search", "input": {}},
        {"type": "web_search_tool_result", "tool_use_id": "srv", "content": []},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 3,
        "cache_creation_input_tokens": 2,
        "cache_read_input_tokens": 1,
        "cache_creation": {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 1},
        "output_tokens": 4,
        "output_tokens_details": {"thinking_tokens": 2},
        "service_tier": "standard",
    },
}


@pytest.mark.parametrize("path", list(places(ANSWER)), ids=lambda path: ".".join(map(str, path)))
def test_an_odd_answer_is_read_or_refused_as_the_providers_fault(path: tuple[Any, ...]) -> None:
    for value in WRONG:
        response, error = tried(A.decode_response, mutated(ANSWER, path, value), laws.context())
        assert error is None or error.kind is Kind.UPSTREAM
        if response is None:
            continue
        for origin in ("anthropic", "elsewhere"):
            A.encode_response(replace(response, origin=origin), laws.context())
            frames, error = tried(laws.render, A, unfold(replace(response, origin=origin)))
            if error:
                assert value is DEEP and error.kind is Kind.UPSTREAM
            else:
                obeys(frames)


WIRES: list[dict[str, Any]] = [
    {"type": "message_start", "message": ANSWER | {"content": []}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "s"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "a"}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "citations_delta", "citation": {"url": "u"}}},
    {"type": "content_block_stop", "index": 1},
    {
        "type": "content_block_start",
        "index": 2,
        "content_block": {"type": "tool_use", "id": "t", "name": "f", "input": {}},
    },
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": '{"a":1}'}},
    {"type": "content_block_stop", "index": 2},
    {"type": "content_block_start", "index": 3, "content_block": {"type": "compaction", "content": None}},
    {"type": "content_block_delta", "index": 3, "delta": {"type": "compaction_delta", "content": "c"}},
    {"type": "content_block_stop", "index": 3},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "tool_use", "stop_sequence": None},
        "usage": {"output_tokens": 9},
    },
    {"type": "message_stop"},
]


@pytest.mark.parametrize("path", list(places(WIRES)), ids=lambda path: ".".join(map(str, path)))
def test_an_odd_stream_is_read_or_refused_as_the_providers_fault(path: tuple[Any, ...]) -> None:
    for value in WRONG:
        if value is DEEP:
            continue  # json.dumps cannot write it: see below
        wires = mutated(WIRES, path, value)
        found, error = tried(laws.events, A, stream(*wires))
        assert error is None or error.kind is Kind.UPSTREAM
        if error is None:
            laws.grammar(found)
            obeys(laws.render(A, found))


@pytest.mark.parametrize("depth", [500, 990, 5000])
def test_a_frame_nested_without_end_is_the_providers_fault(depth: int) -> None:
    for wire in (WIRES[1], WIRES[6], WIRES[12]):
        for name in ("of", "content_block", "delta", "type", "content"):
            deep = json.dumps(wire | {name: "DEEP"}).replace('"DEEP"', "[" * depth + "]" * depth)
            raw = stream(*WIRES[:5]) + f"data: {deep}\n\n".encode() + stream(*WIRES[-2:])
            found, error = tried(laws.events, A, raw)
            if error is None:
                _, error = tried(laws.render, A, found)
            assert error is None or error.kind is Kind.UPSTREAM


# -- questions from elsewhere ------------------------------------------------------------


def user(*parts: Any) -> Message:
    return Message(role="user", parts=tuple(Text(text=part) if isinstance(part, str) else part for part in parts))


def assistant(*parts: Any) -> Message:
    return replace(user(*parts), role="assistant")


def system(*parts: Any) -> Message:
    return replace(user(*parts), role="system")


def call(id: str, name: str = "f", arguments: str = "{}") -> ToolCall:
    return ToolCall(id=id, name=name, arguments=arguments)


def result(id: str, *parts: Any) -> ToolResult:
    return ToolResult(call_id=id, content=user(*parts).parts)


TOOL = Tool(name="f", parameters={"type": "object", "properties": {"x": {"type": "integer"}}})


def asked(*messages: Message, **fields: Any) -> Request:
    given: dict[str, Any] = {"origin": "elsewhere", "model": "m", "messages": messages or (user("hi"),)}
    return Request(**(given | fields))


def sent(request: Request, **fields: Any) -> tuple[dict[str, Any], Context]:
    """What goes to the provider, as JSON, and the context with its losses."""
    ctx = laws.context(**fields)
    return json.loads(json.dumps(A.encode_request(request, ctx))), ctx


def lost(ctx: Context) -> dict[str, str]:
    return {loss.path: loss.what for loss in ctx.losses}


def turns(*messages: Message, **fields: Any) -> tuple[list[Any], Context]:
    wire, ctx = sent(asked(*messages, **({"tools": (TOOL,)} | fields)))
    return [(turn["role"], turn["content"]) for turn in wire["messages"]], ctx


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def use(id: str, name: str = "f", input: Any = None) -> dict[str, Any]:
    return {"type": "tool_use", "id": id, "name": name, "input": input or {}}


def outcome(id: str, *said: str) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": id} | ({"content": [text(one) for one in said]} if said else {})


def test_the_plainest_question() -> None:
    wire, ctx = sent(asked(), model="claude-x")
    assert wire == {"model": "claude-x", "max_tokens": 4096, "messages": [{"role": "user", "content": [text("hi")]}]}
    assert ctx.losses == []


def test_the_same_history_gives_the_same_bytes_and_extends_them() -> None:
    history = [system("S"), user("a"), assistant("b", call("x/1", "g.h")), user(result("x/1", "r")), user("c")]
    first, _ = sent(asked(*history[:2], tools=(TOOL,)))
    second, _ = sent(asked(*history, tools=(TOOL,)))
    assert second["messages"][:1] == first["messages"] and second["system"] == first["system"]
    assert second == sent(asked(*history, tools=(TOOL,)))[0]


def test_case_038_parallel_results_share_one_turn() -> None:
    found, ctx = turns(
        user("u"), assistant(call("a"), call("b")), user(result("a", "1")), user(result("b", "2")), user("go")
    )
    assert found == [
        ("user", [text("u")]),
        ("assistant", [use("a"), use("b")]),
        ("user", [outcome("a", "1"), outcome("b", "2"), text("go")]),
    ]
    assert ctx.losses == []


def test_case_039_results_come_before_text() -> None:
    found, _ = turns(user("u"), assistant(call("a")), user("a reminder"), user(result("a", "1"), "more"))
    assert found[2] == ("user", [outcome("a", "1"), text("a reminder"), text("more")])


def test_case_040a_a_call_without_result_gets_an_error_as_one() -> None:
    none = outcome("a") | {"content": "[no result recorded]", "is_error": True}
    found, ctx = turns(user("u"), assistant(call("a"), call("b")), user(result("b", "2"), "go"))
    assert found[2] == ("user", [outcome("b", "2"), none, text("go")])
    assert lost(ctx) == {"messages[2]": "emulated"}
    found, _ = turns(user("u"), assistant(call("a")))
    assert found[2] == ("user", [none])
    found, _ = turns(user("u"), assistant(call("a")), user("never mind"))
    assert found[2] == ("user", [none, text("never mind")])


def test_case_040b_a_result_without_call_becomes_text() -> None:
    image = Media(media_type="image/png", source=Base64(PNG))
    found, ctx = turns(user(result("gone", "42", image), "go"))
    assert found[0][1][0] == text("[tool result for gone]: 42")
    assert [block["type"] for block in found[0][1]] == ["text", "image", "text"]
    assert lost(ctx) == {"messages[0]": "emulated"}


def test_case_040c_calls_without_tools_name_them_and_forbid_them() -> None:
    wire, ctx = sent(asked(user("u"), assistant(call("a", "g")), user(result("a", "1"))))
    assert wire["tools"] == [{"name": "g", "input_schema": {"type": "object", "properties": {}}}]
    assert wire["tool_choice"] == {"type": "none"}
    assert lost(ctx) == {"tools": "emulated"}


def test_case_041_of_two_results_the_last_counts() -> None:
    found, ctx = turns(
        user("u"), assistant(call("a"), call("b")), user(result("a", "old"), result("b", "2"), result("a", "new"))
    )
    assert found[2] == ("user", [outcome("a", "new"), outcome("b", "2")])
    assert lost(ctx) == {"messages[2]": "emulated"}


def test_ids_used_again_are_told_apart() -> None:
    """Some servers number their calls anew in each answer; the API takes an id once."""
    history = [
        user("u"),
        assistant(call("c0")),
        user(result("c0", "1")),
        assistant(call("c0")),
        user(result("c0", "2")),
    ]
    found, _ = turns(*history)
    ids = [block["id"] for _, blocks in found for block in blocks if block["type"] == "tool_use"]
    assert ids[0] == "c0" and ids[1] != "c0"
    assert found[4] == ("user", [outcome(ids[1], "2")])
    found, ctx = turns(
        user("u"), assistant(call("c0", "f"), call("c0", "f")), user(result("c0", "1"), result("c0", "2"))
    )
    assert [block["content"] for block in found[2][1]] == [[text("1")], [text("2")]] and ctx.losses == []


def test_case_042_and_070_ids_are_respelled_and_come_back() -> None:
    odd, long = "fs.readFile:0", "x" * 300
    found, ctx = turns(user("u"), assistant(call(odd), call(long)), user(result(odd, "1"), result(long, "2")))
    ids = [block["id"] for block in found[1][1]]
    assert [block["tool_use_id"] for block in found[2][1]] == ids
    assert all(len(id) <= 64 and id.replace("_", "").replace("-", "").isalnum() for id in ids)
    assert [ctx.original(id) for id in ids] == [odd, long]
    assert ctx.losses == []


def test_case_071_names_are_respelled_everywhere_and_come_back() -> None:
    names = ["mcp__srv/do@x", "mcp__srv_do@x", "n" * 80]
    request = asked(
        user("u"), assistant(call("a", names[0])), user(result("a", "1")),
        tools=tuple(Tool(name=name) for name in names), tool_choice=ToolChoice("tool", names[2]),
    )  # fmt: skip
    wire, ctx = sent(request)
    spelled = [tool["name"] for tool in wire["tools"]]
    assert len(set(spelled)) == 3 and all(len(name) <= 64 for name in spelled)
    assert wire["messages"][1]["content"][0]["name"] == spelled[0]
    assert wire["tool_choice"] == {"type": "tool", "name": spelled[2]}
    content = [{"type": "tool_use", "id": "t", "name": spelled[0], "input": {}}]
    [part] = A.decode_response(ANSWER | {"content": content}, ctx).parts
    assert isinstance(part, ToolCall) and part.name == names[0]
    decoder = A.decoder(ctx)
    [start] = [
        event
        for wire in (WIRES[0], WIRES[9] | {"content_block": content[0]})
        for event in decoder.feed(Frame(json.dumps(wire).encode()))
        if isinstance(event, PartStart)
    ]
    assert isinstance(start.part, ToolCall) and start.part.name == names[0]


@pytest.mark.parametrize("parameters", [None, {}, {"type": "object"}, {"type": "object", "properties": None}])
def test_case_043_a_tool_without_parameters(parameters: Any) -> None:
    wire, ctx = sent(asked(tools=(Tool(name="now", parameters=parameters),)))
    assert wire["tools"] == [{"name": "now", "input_schema": {"type": "object", "properties": {}}}]
    assert ctx.losses == []


def object_of(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required}


def test_case_044_a_schema_whose_root_is_no_object() -> None:
    string, number = {"type": "string"}, {"type": "number"}

    def schema(parameters: Any) -> tuple[Any, dict[str, str]]:
        wire, ctx = sent(asked(tools=(Tool(name="f", parameters=parameters),)))
        return wire["tools"][0]["input_schema"], lost(ctx)

    either, what = schema({"anyOf": [object_of(["a", "k"], a=string, k=string), object_of(["k"], b=number, k=number)]})
    assert either["type"] == "object" and either["required"] == ["k"]
    assert either["properties"] == {"a": string, "k": {"anyOf": [string, number]}, "b": number}
    assert '[["a","k"],["k","b?"]]' in either["description"] and "anyOf" not in either
    assert what == {"tools[0].parameters.anyOf": "emulated"}
    both, _ = schema({"allOf": [object_of(["a"], a=string), object_of(["b"], b=number)], "description": "D"})
    assert both == object_of(["a", "b"], a=string, b=number) | {"description": "D"}
    root, _ = schema({"$ref": "#/$defs/P", "$defs": {"P": object_of(["a"], a=string)}})
    assert root == object_of(["a"], a=string)
    union, _ = schema({"anyOf": [{"$ref": "#/$defs/P"}], "$defs": {"P": object_of(["a"], a=string)}})
    assert union["properties"] == {"a": string}
    wrapped, what = schema({"type": "array", "items": string})
    assert wrapped == object_of(["value"], value={"type": "array", "items": string})
    assert what == {}, "its values come back unwrapped"
    capitals, what = schema(
        {"type": "OBJECT", "properties": {"type": {"type": "ARRAY", "items": {"anyOf": [{"type": "STRING"}, 5]}}}}
    )
    assert capitals["properties"] == {"type": {"type": "array", "items": {"anyOf": [string, {}]}}}
    assert what == {"tools[0].parameters.properties.type.items.anyOf[1]": "dropped"}
    described, _ = schema(
        {"description": "D", "oneOf": [object_of(["a"], a=string), {"type": "null"}, 5], "required": ["k"]}
    )
    assert described["required"] == ["k"] and described["description"].startswith("D\n\nGive the fields")
    one, what = schema({"description": "D", "oneOf": [object_of(["a"], a=string), {"type": "null"}], "required": ["k"]})
    assert one["required"] == ["k", "a"] and one["description"] == "D" and what == {}
    three, _ = schema(
        {"anyOf": [object_of([], a=string), object_of([], a=number), object_of([], a=string), {"required": 5}]}
    )
    assert three["properties"] == {"a": {"anyOf": [string, number]}} and "required" not in three
    for odd in ({"$ref": "#/$defs/None"}, {"$ref": 5}, {"$ref": "#"}, {"anyOf": [], "properties": []}):
        assert schema(odd)[0]["type"] == "object"
    assert schema({"type": ["object", "null"]})[0] == {"type": "object", "properties": {}}


def test_case_045_tools_that_run_elsewhere() -> None:
    wire, ctx = sent(asked(tools=(Tool(name="googleSearch", server="googleSearch"),)))
    assert wire["tools"] == [{"type": "web_search_20250305", "name": "web_search"}]
    assert lost(ctx) == {"tools[0]": "emulated"}
    with pytest.raises(GatewayError, match=r"tools\[0\]: image_generation is run by providers of elsewhere only"):
        sent(asked(tools=(Tool(name="image_generation", server="image_generation"),)))


@pytest.mark.parametrize(
    ("wish", "profile", "limit", "what"),
    [
        (None, Profile(), 4096, {}),
        (None, Profile(max_tokens=8192), 8192, {}),
        (None, Profile(max_tokens=8192, max_tokens_limit=5000), 5000, {}),
        (300, Profile(max_tokens=8192), 300, {}),
        (32000, Profile(max_tokens_limit=8192), 8192, {"sampling.max_tokens": "clamped"}),
    ],
)
def test_case_046_and_075_max_tokens_is_always_there(
    wish: Any, profile: Profile, limit: int, what: dict[str, str]
) -> None:
    wire, ctx = sent(asked(sampling=Sampling(max_tokens=wish)), profile=profile)
    assert wire["max_tokens"] == limit
    assert lost(ctx) == what
    if wish:
        own = A.decode_request(body(max_tokens=wish), laws.context())
        assert sent(own, profile=profile)[0]["max_tokens"] == limit


def test_case_047_empty_texts_are_left_out() -> None:
    found, _ = turns(user("u", "", " \n"), assistant("", call("a")), user(result("a", "")), assistant(""), user("v"))
    assert found == [("user", [text("u")]), ("assistant", [use("a")]), ("user", [outcome("a"), text("v")])]


def test_case_048_system_messages_anywhere() -> None:
    cached = Text(text="S2", cache=Cache())
    wire, ctx = sent(asked(system("S1"), system(cached), user("U"), system("D"), assistant("A"), user("V")))
    assert wire["system"] == [text("S1"), text("S2") | {"cache_control": {"type": "ephemeral"}}]
    assert [turn["role"] for turn in wire["messages"]] == ["user", "assistant", "user"]
    assert wire["messages"][0]["content"] == [text("U"), text("D")]
    assert lost(ctx) == {"messages[3]": "emulated"}
    wire, ctx = sent(asked(system("only this")))
    assert wire["system"] == [text("only this")] and [turn["role"] for turn in wire["messages"]] == ["user"]
    assert lost(ctx) == {"messages": "emulated"}


def test_case_049_turns_of_one_role_are_merged() -> None:
    cached = Text(text="b", cache=Cache(ttl="1h"))
    found, _ = turns(user("a"), user(cached), assistant("c"), assistant("d"), user("e"))
    assert found == [
        ("user", [text("a"), text("b") | {"cache_control": {"type": "ephemeral", "ttl": "1h"}}]),
        ("assistant", [text("c"), text("d")]),
        ("user", [text("e")]),
    ]


def test_case_050_sampling_within_what_the_api_takes() -> None:
    wire, ctx = sent(asked(sampling=Sampling(temperature=1.7)))
    assert wire["temperature"] == 1.0 and lost(ctx) == {"sampling.temperature": "clamped"}
    both = asked(sampling=Sampling(temperature=0.2, top_p=0.9, top_k=5))
    wire, ctx = sent(both)
    assert (wire["temperature"], wire["top_p"], wire["top_k"]) == (0.2, 0.9, 5) and ctx.losses == []
    wire, ctx = sent(both, profile=Profile(top_p_beside_temperature=False))
    assert (wire["temperature"], wire["top_k"]) == (0.2, 5) and "top_p" not in wire
    assert lost(ctx) == {"sampling.top_p": "dropped"}
    wire, ctx = sent(
        asked(sampling=Sampling(temperature=0.2, top_p=1.0)), profile=Profile(top_p_beside_temperature=False)
    )
    assert "top_p" not in wire and ctx.losses == []
    sampling = Sampling(temperature=0.2, top_p=0.9, top_k=5, max_tokens=9000)
    for fields in ({"thinking": Thinking(effort="low")}, {}):
        profile = Profile() if fields else Profile(sampling=False)
        wire, ctx = sent(asked(sampling=sampling, **fields), profile=profile)
        assert wire.keys().isdisjoint({"temperature", "top_p", "top_k"})
        assert lost(ctx) == {f"sampling.{name}": "dropped" for name in ("temperature", "top_p", "top_k")}
    own = A.decode_request(body(temperature=0.2, top_k=3), laws.context())
    wire, ctx = sent(own, profile=Profile(sampling=False))
    assert "temperature" not in wire and set(lost(ctx)) == {"sampling.temperature", "sampling.top_k"}


@pytest.mark.parametrize(
    ("thinking", "limit", "profile", "budget", "max_tokens", "what"),
    [
        (Thinking(budget=500), 400, Profile(), 1024, 1424, {"thinking.budget": "clamped", "sampling.max_tokens": "emulated"}),
        (Thinking(budget=2000), 2000, Profile(), 2000, 4000, {"sampling.max_tokens": "emulated"}),
        (Thinking(budget=2000), 9000, Profile(), 2000, 9000, {}),
        (Thinking(budget=2000), None, Profile(), 2000, 6096, {}),
        (Thinking(effort="high"), 4000, Profile(), 3000, 4000, {}),
        (Thinking(effort="high"), 50000, Profile(), 16384, 50000, {}),
        (Thinking(effort="minimal"), 300, Profile(), 1024, 1324, {"sampling.max_tokens": "emulated"}),
        (Thinking(budget=-1), None, Profile(), 8192, 12288, {}),
        (Thinking(), None, Profile(), 8192, 12288, {}),
        (Thinking(budget=9000), 9000, Profile(max_tokens_limit=8000), 6000, 8000,
         {"thinking.budget": "clamped", "sampling.max_tokens": "clamped"}),
        (Thinking(budget=9000), 900, Profile(max_tokens_limit=1000), None, 1000, {"thinking": "dropped", "thinking.budget": "clamped"}),
    ],
)  # fmt: skip
def test_case_051_a_budget_fits_its_limit(
    thinking: Thinking, limit: Any, profile: Profile, budget: Any, max_tokens: int, what: dict[str, str]
) -> None:
    wire, ctx = sent(asked(thinking=thinking, sampling=Sampling(max_tokens=limit)), profile=profile)
    assert wire.get("thinking") == (budget and {"type": "enabled", "budget_tokens": budget})
    assert wire["max_tokens"] == max_tokens
    assert lost(ctx) == what


def test_case_051_a_budget_too_small_is_raised_also_at_home() -> None:
    own = A.decode_request(body(max_tokens=400, thinking={"type": "enabled", "budget_tokens": 500}), laws.context())
    wire, ctx = sent(own)
    assert wire["thinking"]["budget_tokens"] == 1024 < wire["max_tokens"]
    assert lost(ctx) == {"thinking.budget": "clamped", "sampling.max_tokens": "emulated"}


ADAPTIVE = Profile(thinking="adaptive", efforts=("low", "medium", "high"))


@pytest.mark.parametrize(
    ("thinking", "effort", "what"),
    [
        (Thinking(), None, {}),
        (Thinking(effort="medium"), "medium", {}),
        (Thinking(effort="minimal"), "low", {"thinking.effort": "clamped"}),
        (Thinking(effort="xhigh"), "high", {"thinking.effort": "clamped"}),
        (Thinking(budget=20000), "high", {"thinking.budget": "emulated"}),
        (Thinking(budget=-1), None, {}),
    ],
)
def test_case_052_effort_is_the_one_knob_where_it_is_known(
    thinking: Thinking, effort: Any, what: dict[str, str]
) -> None:
    wire, ctx = sent(asked(thinking=thinking), profile=ADAPTIVE)
    assert wire["thinking"] == {"type": "adaptive"}
    assert wire.get("output_config") == (effort and {"effort": effort})
    assert lost(ctx) == what


def test_thinking_off_and_models_that_do_not_think() -> None:
    assert sent(asked(thinking=Thinking(effort="none")))[0]["thinking"] == {"type": "disabled"}
    assert sent(asked(thinking=Thinking(budget=0)))[0]["thinking"] == {"type": "disabled"}
    never = Profile(thinking="none")
    assert "thinking" not in sent(asked(thinking=Thinking(effort="none")), profile=never)[0]
    wire, ctx = sent(asked(thinking=Thinking(effort="high")), profile=never)
    assert "thinking" not in wire and lost(ctx) == {"thinking": "dropped"}


def test_thoughts_are_shown_or_hidden_as_asked() -> None:
    for visible, display in ((True, "summarized"), (False, "omitted")):
        thinking = Thinking(effort="high", visible=visible)
        assert sent(asked(thinking=thinking), profile=ADAPTIVE)[0]["thinking"]["display"] == display
        assert sent(asked(thinking=thinking))[0]["thinking"]["display"] == display


def test_a_model_is_told_to_think_in_its_own_way_also_at_home() -> None:
    enabled = A.decode_request(body(thinking={"type": "enabled", "budget_tokens": 20000}), laws.context())
    wire, ctx = sent(enabled, profile=Profile(thinking="adaptive"))
    assert wire["thinking"] == {"type": "adaptive"} and wire["output_config"] == {"effort": "high"}
    assert lost(ctx) == {"thinking.budget": "emulated"}
    adaptive = A.decode_request(
        body(max_tokens=64000, thinking={"type": "adaptive"}, output_config={"effort": "high"}), laws.context()
    )
    wire, _ = sent(adaptive, profile=Profile(thinking="budget"))
    assert wire["thinking"] == {"type": "enabled", "budget_tokens": 16384} and "output_config" not in wire
    wire, ctx = sent(adaptive, profile=Profile(thinking="none"))
    assert "thinking" not in wire and "output_config" not in wire and lost(ctx) == {"thinking": "dropped"}


def test_thinking_gives_way_to_a_beginning_of_the_answer() -> None:
    wire, ctx = sent(asked(user("u"), assistant("So"), thinking=Thinking(effort="high")))
    assert "thinking" not in wire and lost(ctx) == {"thinking": "dropped"}


def test_settings_that_do_nothing_are_left_out() -> None:
    wire, ctx = sent(asked(sampling=Sampling(top_k=0, temperature=1.0)))
    assert "top_k" not in wire and wire["temperature"] == 1.0 and ctx.losses == []


def test_thinking_gives_way_to_a_tool_that_must_be_called() -> None:
    for choice in (ToolChoice("required"), ToolChoice("tool", "f")):
        wire, ctx = sent(asked(thinking=Thinking(effort="high"), tools=(TOOL,), tool_choice=choice))
        assert "thinking" not in wire and wire["tool_choice"]["type"] in ("any", "tool")
        assert lost(ctx) == {"thinking": "dropped"}


def test_case_053_stop_sequences() -> None:
    wire, ctx = sent(asked(sampling=Sampling(stop=("X", " ", "\n", "Y"))))
    assert wire["stop_sequences"] == ["X", "Y"] and lost(ctx) == {"sampling.stop": "dropped"}


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        (ToolChoice(), None),
        (ToolChoice("auto", parallel=True), None),
        (ToolChoice("auto", parallel=False), {"type": "auto", "disable_parallel_tool_use": True}),
        (ToolChoice("required"), {"type": "any"}),
        (ToolChoice("required", parallel=False), {"type": "any", "disable_parallel_tool_use": True}),
        (ToolChoice("none", parallel=False), {"type": "none"}),
        (ToolChoice("tool", "f"), {"type": "tool", "name": "f"}),
    ],
)
def test_case_054_tool_choice(choice: ToolChoice, wire: Any) -> None:
    assert sent(asked(tools=(TOOL,), tool_choice=choice))[0].get("tool_choice") == wire
    without, ctx = sent(asked(tool_choice=choice))
    assert "tool_choice" not in without
    assert lost(ctx) == ({"tool_choice": "dropped"} if choice.mode in ("required", "tool") else {})


def test_case_054_allowed_tools_are_the_only_ones_sent() -> None:
    tools = (TOOL, Tool(name="g.h"), Tool(name="i"))
    wire, ctx = sent(asked(tools=tools, tool_choice=ToolChoice("required", allowed=("g.h", "f"))))
    assert [ctx.original(tool["name"]) for tool in wire["tools"]] == ["f", "g.h"]
    assert lost(ctx) == {"tool_choice.allowed": "emulated"}


def test_case_055_cache_marks_everywhere_and_at_most_four() -> None:
    cache = Cache()
    mark = {"cache_control": {"type": "ephemeral"}}
    request = asked(
        system(Text(text="s", cache=cache)),
        user(Text(text="u", cache=cache)),
        assistant(replace(call("a"), cache=cache)),
        user(replace(result("a", "1"), cache=cache)),
        tools=(replace(TOOL, cache=cache),),
    )
    wire, ctx = sent(request)
    [u], [a], [r] = (turn["content"] for turn in wire["messages"])
    assert (wire["system"], u, a, r) == (
        [text("s") | mark],
        text("u") | mark,
        use("a") | mark,
        outcome("a", "1") | mark,
    )
    assert "cache_control" not in wire["tools"][0] and lost(ctx) == {"cache": "clamped"}


def test_case_056_a_format_is_enforced_and_its_schema_closed() -> None:
    schema = {
        "type": "object",
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "properties": {
            "n": {"type": "integer", "minimum": 1, "description": "a number"},
            "when": {"type": "string", "format": "date"},
            "tags": {"type": "array", "items": {"type": "object", "properties": {}}, "minItems": 1, "maxItems": 3},
            "minimum": {"oneOf": [{"type": "string", "format": "color"}, {"type": "null"}]},
        },
        "required": ["n"],
    }
    wire, ctx = sent(asked(format=Format(schema=schema, description="An answer")))
    assert wire["output_config"] == {
        "format": {
            "type": "json_schema",
            "schema": {
                "type": "object",
                "description": "An answer",
                "properties": {
                    "n": {"type": "integer", "description": "a number\n\n{minimum: 1}"},
                    "when": {"type": "string", "format": "date"},
                    "tags": {
                        "type": "array",
                        "items": {"type": "object", "properties": {}, "additionalProperties": False},
                        "minItems": 1,
                        "description": "{maxItems: 3}",
                    },
                    "minimum": {"anyOf": [{"type": "string", "description": '{format: "color"}'}, {"type": "null"}]},
                },
                "required": ["n"],
                "additionalProperties": False,
            },
        }
    }
    assert lost(ctx) == {
        "format.schema.properties.n.minimum": "emulated",
        "format.schema.properties.tags.maxItems": "emulated",
        "format.schema.properties.minimum.anyOf[0].format": "emulated",
    }
    assert "system" not in wire and "tools" not in wire
    closed = {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    wire, ctx = sent(asked(format=Format(schema=closed)))
    assert wire["output_config"]["format"]["schema"] == closed and ctx.losses == []
    shared = closed | {
        "properties": {"a": {"$ref": "#/$defs/N"}, "b": {"$ref": "#/$defs/N"}},
        "$defs": {"N": {"type": "null"}},
    }
    assert sent(asked(format=Format(schema=shared)))[0]["output_config"]["format"]["schema"] == shared


def nested(schema: Any, depth: int) -> Any:
    for _ in range(depth):
        schema = {"type": "object", "properties": {"p": schema}}
    return schema


def test_a_schema_nested_without_end_is_cut_or_refused() -> None:
    for depth in (80, 5000):
        strict = Tool(name="f", strict=True, parameters=nested({}, depth))
        for fields in ({"format": Format(schema=nested({}, depth))}, {"tools": (strict,)}):
            _, error = tried(A.encode_request, asked(**fields), laws.context())
            assert error is None or error.kind is Kind.INVALID_REQUEST
    deep = nested({"minimum": DEEP}, 1)
    for fields in ({"format": Format(schema=deep)}, {"tools": (Tool(name="f", strict=True, parameters=deep),)}):
        _, error = tried(A.encode_request, asked(**fields), laws.context())
        assert error is not None and error.param in ("format.schema", "tools[0].parameters")


def test_case_056_what_cannot_be_enforced_is_asked_for() -> None:
    one = {"type": "array", "items": {"$ref": "#/$defs/N"}}
    other = {"anyOf": [{"$ref": "#/$defs/M"}, {"type": "null"}]}
    tree = {"type": "object", "properties": {"t": {"$ref": "#/$defs/N"}}, "$defs": {"M": one, "N": other}}
    for format, profile, words in (
        (Format(), Profile(), "one valid JSON object"),
        (Format(schema=tree), Profile(), '"$ref":"#/$defs/N"'),
        (Format(schema={"type": "object"}), Profile(json_schema=False), '{"type":"object"}'),
    ):
        wire, ctx = sent(asked(system("S"), user("u"), format=format), profile=profile)
        assert "output_config" not in wire and wire["system"][0] == text("S")
        assert words in wire["system"][1]["text"]
        assert list(lost(ctx).values()) == ["emulated"]


def test_strict_tools_are_held_to_what_can_be_enforced() -> None:
    strict = Tool(name="f", strict=True, parameters=object_of(["x"], x={"type": "integer", "minimum": 0}))
    wire, ctx = sent(asked(tools=(strict,)))
    assert wire["tools"][0]["strict"] is True and lost(ctx) == {"tools[0].parameters.properties.x.minimum": "emulated"}
    assert wire["tools"][0]["input_schema"]["properties"]["x"] == {"type": "integer", "description": "{minimum: 0}"}
    wire, ctx = sent(asked(tools=(strict,)), profile=Profile(strict_tools=False))
    assert wire["tools"][0] == {"name": "f", "input_schema": strict.parameters}
    assert lost(ctx) == {"tools[0].strict": "dropped"}


def test_case_057_and_058_settings_without_equal_are_reported() -> None:
    request = asked(
        replace(user("hi"), name="bob", extra={"weight": 1}),
        sampling=Sampling(seed=7, presence_penalty=0.5, frequency_penalty=0.0),
        modalities=("text", "image"),
        user="u" * 600,
        extra={"logit_bias": {"5": 1}, "n": None, "store": False},
    )
    wire, ctx = sent(request)
    assert len(wire["metadata"]["user_id"]) <= 512
    assert lost(ctx) == {
        "messages[0].name": "dropped",
        "messages[0].weight": "dropped",
        "sampling.seed": "dropped",
        "sampling.presence_penalty": "dropped",
        "modalities": "dropped",
        "user": "clamped",
        "logit_bias": "dropped",
        "store": "dropped",
    }
    with pytest.raises(GatewayError, match="modalities: this provider answers in text only, not with audio"):
        sent(asked(modalities=("audio",)))


def test_case_062_calls_end_an_assistant_turn() -> None:
    found, _ = turns(user("u"), assistant("A", call("a"), "B"), user(result("a", "1")))
    assert found[1] == ("assistant", [text("A"), text("B"), use("a")])
    own = said(text("A"), use("a"), text("B"), role="assistant")
    assert sent(A.decode_request(own, laws.context()))[0]["messages"] == own["messages"]


@pytest.mark.parametrize("arguments", ["[1,2]", '"x"', '{"a":', "null"])
def test_case_063_arguments_that_are_no_object_do_not_stop_a_conversation(arguments: str) -> None:
    found, ctx = turns(user("u"), assistant(call("a", arguments=arguments)), user(result("a", "1")))
    assert found[1] == ("assistant", [use("a", input={"arguments": arguments})])
    assert lost(ctx) == {"messages[1].parts[0].arguments": "emulated"}


@pytest.mark.parametrize(("input", "arguments"), [([1, 2], "[1,2]"), ("x", '"x"'), (None, ""), ({}, "{}")])
def test_case_063_input_of_any_type_is_valid_json_as_arguments(input: Any, arguments: str) -> None:
    wire = said({"type": "tool_use", "id": "t", "name": "f", "input": input}, role="assistant")
    [part] = A.decode_request(wire, laws.context()).messages[0].parts
    assert isinstance(part, ToolCall) and part.arguments == arguments


def test_case_066_both_forms_of_system_mean_the_same() -> None:
    plain, blocks = (A.decode_request(body(system=s), laws.context()) for s in ("S", [text("S")]))
    assert [m.parts for m in plain.messages] == [m.parts for m in blocks.messages]


@pytest.mark.parametrize(
    "system",
    [
        [text("x-anthropic-billing-header: cc_version=2.1; cch=71fea;"), text("You are")],
        "x-anthropic-billing-header: cc_version=2.1; cch=71fea;\nYou are",
    ],
)
def test_case_067_the_attribution_line_stays_at_home(system: Any) -> None:
    first, second = (
        A.decode_request(json.loads(json.dumps(body(system=system)).replace("71fea", cch)), laws.context())
        for cch in ("71fea", "00000")
    )
    assert [m.parts for m in first.messages] == [m.parts for m in second.messages]
    assert first.messages[0].parts == (Text(text="You are"),)
    wire, ctx = sent(replace(first, origin="elsewhere"))
    assert wire["system"] == [text("You are")] and lost(ctx) == {"messages[0].x-anthropic-billing-header": "dropped"}


def test_a_system_prompt_put_before_the_clients_own_goes_first() -> None:
    ours = system("House rules.")
    for prompt, blocks in (
        ("S", [text("House rules."), text("S")]),
        ([text("S")], [text("House rules."), text("S")]),
        (
            "x-anthropic-billing-header: a;\nS",
            [text("House rules."), text("x-anthropic-billing-header: a;"), text("S")],
        ),
    ):
        request = A.decode_request(body(system=prompt), laws.context())
        wire, ctx = sent(replace(request, messages=(ours, *request.messages)))
        assert wire["system"] == blocks and ctx.losses == []


def test_case_072_fields_of_one_client_come_home_and_are_reported_elsewhere() -> None:
    request = A.decode_request(RICH, laws.context())
    names = {"context_management", "thread", "mcp_servers", "container", "betas", "cache_control"}
    assert names <= set(request.extra)
    assert "\0service_tier" in request.extra, "auto is what happens anyway"
    request = replace(request, origin="elsewhere", tools=request.tools[:2], thinking=None)
    messages = [m for m in request.messages if not any(isinstance(p, Media) for p in m.parts)]
    _, ctx = sent(replace(request, messages=tuple(messages)))
    assert names <= set(lost(ctx))


def test_case_074_tokens_are_counted_without_a_limit() -> None:
    wire = {"model": "m", "system": [text("S")], "tools": [], "messages": [{"role": "user", "content": "hi"}]}
    laws.request_comes_home(COUNT, wire)  # type: ignore[arg-type]
    request = COUNT.decode_request(wire, laws.context())
    foreign = replace(request, origin="elsewhere", stream=True, sampling=Sampling(max_tokens=5, temperature=0.1))
    sent_to = COUNT.encode_request(foreign, laws.context(model="claude-x"))
    assert sent_to == {
        "model": "claude-x",
        "system": [text("S")],
        "messages": [{"role": "user", "content": [text("hi")]}],
    }
    answer = COUNT.decode_response(
        {"input_tokens": 14, "context_management": {"original_input_tokens": 20}}, laws.context()
    )
    assert answer.tokens == 14
    assert COUNT.encode_response(answer, laws.context())["context_management"] == {"original_input_tokens": 20}
    assert COUNT.encode_response(CountResponse(9, extra={"x": 1}), laws.context()) == {"input_tokens": 9}
    assert COUNT.path(request, "m") == "/v1/messages/count_tokens"
    for odd in ({"tokens": 5}, {"input_tokens": "5"}, [], None):
        with pytest.raises(GatewayError):
            COUNT.decode_response(odd, laws.context())  # type: ignore[arg-type]


def test_case_087_only_our_signatures_are_sent() -> None:
    mine, theirs = Signature("anthropic", "s"), Signature("google", "g")
    found, ctx = turns(
        user("u"),
        assistant(
            Reasoning(text="a", signature=mine),
            Reasoning(redacted=True, signature=mine),
            Reasoning(text="b", signature=theirs),
            Reasoning(text="c"),
            Text(text="t", signature=theirs),
        ),
        user("v"),
    )
    assert found[1][1] == [
        {"type": "thinking", "thinking": "a", "signature": "s"},
        {"type": "redacted_thinking", "data": "s"},
        text("t"),
    ]
    dropped = {"messages[1].parts[2]", "messages[1].parts[3]"}
    assert set(lost(ctx)) == dropped | {"messages[1].parts[2].signature", "messages[1].parts[4].signature"}


def test_case_035_a_turn_in_progress_without_signed_thoughts_goes_on_without_thinking() -> None:
    history = (user("u"), assistant(Reasoning(text="t"), call("a")), user(result("a", "1")))
    request = asked(*history, tools=(TOOL,), thinking=Thinking(budget=2048), sampling=Sampling(max_tokens=9000))
    wire, ctx = sent(request)
    assert "thinking" not in wire and lost(ctx)["thinking"] == "dropped"
    assert "thinking" in sent(replace(request, messages=(*history, assistant("done"), user("next"))))[0]
    assert "thinking" in sent(request, profile=ADAPTIVE)[0], "adaptive models ask for no such order"
    signed = replace(history[1], parts=(Reasoning(text="t", signature=Signature("anthropic", "s")), call("a")))
    assert "thinking" in sent(replace(request, messages=(history[0], signed, history[2])))[0]


def test_case_102_a_beginning_of_the_answer_is_kept_and_a_user_comes_first() -> None:
    found, _ = turns(user("u"), assistant("The answer is ("), tools=())
    assert found[-1] == ("assistant", [text("The answer is (")])
    found, _ = turns(user("u"), assistant("So: \n"), tools=())
    assert found[-1] == ("assistant", [text("So:")])
    found, ctx = turns(assistant("Hello, I am"), user("u"), tools=())
    assert [role for role, _ in found] == ["user", "assistant", "user"] and lost(ctx) == {"messages": "emulated"}


MEDIA: list[tuple[Media, Any]] = [
    (
        Media(media_type="image/jpg", source=Base64("/9j/")),
        {"type": "base64", "media_type": "image/jpeg", "data": "/9j/"},
    ),
    (Media(media_type="image/*", source=Base64(PNG)), {"type": "base64", "media_type": "image/png", "data": PNG}),
    (Media(media_type="image/jpeg", source=Base64(PNG)), {"type": "base64", "media_type": "image/png", "data": PNG}),
    (
        Media(media_type="image/gif", source=Base64("AA==")),
        {"type": "base64", "media_type": "image/gif", "data": "AA=="},
    ),
    (Media(media_type="image/*", source=Url("https://a/b")), {"type": "url", "url": "https://a/b"}),
    (Media(media_type="image/*", source=FileId("anthropic", "f")), {"type": "file", "file_id": "f"}),
    (
        Media(media_type="application/pdf", source=Base64("JVBE")),
        {"type": "base64", "media_type": "application/pdf", "data": "JVBE"},
    ),
    (Media(media_type="application/pdf", source=Url("https://a/b.pdf")), {"type": "url", "url": "https://a/b.pdf"}),
    (
        Media(media_type="text/csv; charset=utf-8", source=Base64("YSxi"), name="t.csv"),
        {"type": "text", "media_type": "text/plain", "data": "a,b"},
    ),
]


@pytest.mark.parametrize(("media", "source"), MEDIA)
def test_case_059_and_060_media_in_questions_and_results(media: Media, source: Any) -> None:
    block = {"type": "image" if media.media_type.startswith("image/") else "document", "source": source}
    block |= {"title": media.name} if media.name else {}
    found, ctx = turns(user(media), assistant(call("a")), user(result("a", "see:", media)))
    assert found[0][1] == [block]
    assert found[2][1] == [outcome("a", "see:") | {"content": [text("see:"), block]}]
    assert ctx.losses == []


@pytest.mark.parametrize(
    "media",
    [
        Media(media_type="audio/wav", source=Base64("AA==")),
        Media(media_type="video/mp4", source=Url("https://a/b.mp4")),
        Media(media_type="image/bmp", source=Base64("AA==")),
        Media(media_type="image/*", source=Base64("AA==")),
        Media(media_type="image/png", source=Url("gs://b/c")),
        Media(media_type="application/pdf", source=FileId("openai", "file-1")),
        Media(media_type="text/plain", source=Base64("/w==")),
        Media(media_type="application/zip", source=Base64("AA==")),
    ],
)
def test_case_110_media_the_model_would_miss_are_refused_by_their_path(media: Media) -> None:
    for message, at in ((user("x", media), "[1]"), (user(result("a", media)), "[0].content[0]")):
        with pytest.raises(GatewayError) as caught:
            turns(user("u"), assistant(call("a")), message)
        assert (caught.value.kind, caught.value.param) == (Kind.INVALID_REQUEST, f"messages[2].content{at}")


def test_media_where_none_may_stand_move_to_the_users_turn() -> None:
    image = Media(media_type="image/png", source=Base64(PNG))
    found, ctx = turns(user("draw"), assistant("here", image), user("bigger"))
    assert [block["type"] for block in found[2][1]] == ["image", "text"] and found[1][1] == [text("here")]
    assert lost(ctx) == {"messages[1].parts[1]": "emulated"}


def test_a_result_among_the_assistants_words_moves_too() -> None:
    found, ctx = turns(user("u"), assistant(call("a"), result("a", "1")), user("v"))
    assert found[1:] == [("assistant", [use("a")]), ("user", [outcome("a", "1"), text("v")])]
    assert lost(ctx) == {"messages[1].parts[1]": "emulated"}
    image = Media(media_type="image/png", source=Base64(PNG))
    found, _ = turns(system("S", image), tools=())
    assert [block["type"] for block in found[0][1]] == ["image"]


def test_a_call_without_a_name_has_one_here() -> None:
    found, ctx = turns(user("u"), assistant(call("", "")), user(result("", "1")))
    assert found[1][1] == [use("tool", "tool")] and ctx.renamed == {}


def test_parts_without_a_form_here_are_reported() -> None:
    found, ctx = turns(
        user("u", Opaque(kind="x", raw={})),
        assistant(Refusal(text="no"), Text(text="t", citations=(Citation(url="u"),)), replace(call("s"), server=True)),
    )
    assert found[1][1] == [text("no"), text("t")]
    assert lost(ctx) == {
        "messages[0].parts[1]": "dropped",
        "messages[1].parts[1].citations": "dropped",
        "messages[1].parts[2]": "dropped",
    }


def test_case_101_numbers_and_characters_of_arguments_are_kept() -> None:
    arguments = '{"id":12345678901234567890,"s":"<a&b> ü","f":1.10,"z":0,"a":1}'
    found, _ = turns(user("u"), assistant(call("a", arguments=arguments)), user(result("a", "1")))
    assert found[1][1][0]["input"]["id"] == 12345678901234567890
    assert list(found[1][1][0]["input"]) == ["id", "s", "f", "z", "a"]
    wire = said({"type": "tool_use", "id": "t", "name": "f", "input": json.loads(arguments)}, role="assistant")
    [part] = A.decode_request(wire, laws.context()).messages[0].parts
    assert isinstance(part, ToolCall) and '"id":12345678901234567890,"s":"<a&b> ü"' in part.arguments


# -- answers from elsewhere ------------------------------------------------------------------


def answer(*parts: Any, **fields: Any) -> Response:
    given = {"origin": "elsewhere", "id": "chatcmpl-1", "model": "m", "parts": user(*parts).parts}
    return Response(**(given | fields))


def shown(response: Response, **fields: Any) -> tuple[dict[str, Any], Context]:
    """The whole answer; the stream of the same answer must hold the same blocks."""
    ctx = laws.context(**fields)
    wire = json.loads(json.dumps(A.encode_response(response, ctx)))
    frames = laws.render(A, unfold(response), **fields)
    obeys(frames)
    streamed = laws.reread(A, frames)
    again = A.decode_response(wire, laws.context())
    assert [replace(part, extra={}) for part in streamed.parts] == [replace(part, extra={}) for part in again.parts]
    assert streamed.usage == again.usage and streamed.stop == again.stop
    return wire, ctx


def test_the_plainest_answer_has_all_fields() -> None:
    wire, ctx = shown(answer("hello", usage=Usage(input=812, output=9, cache_read=700)), model="asked-for")
    assert wire == {
        "id": "msg_0001",
        "type": "message",
        "role": "assistant",
        "model": "asked-for",
        "content": [text("hello")],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 112,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 700,
            "output_tokens": 9,
        },
    }
    assert ctx.losses == []


def test_case_003_reasoning_is_shown_with_a_signature_of_none() -> None:
    wire, _ = shown(answer(Reasoning(text="2+2"), "4"))
    assert wire["content"] == [{"type": "thinking", "thinking": "2+2", "signature": ""}, text("4")]


def test_case_085_to_088_foreign_signatures_stay_away() -> None:
    google = Signature("google", "g")
    wire, ctx = shown(
        answer(
            Reasoning(text="t", signature=google),
            Reasoning(signature=google),
            Reasoning(redacted=True, signature=google),
            Text(text="x", signature=google),
            replace(call("a"), signature=google),
        )
    )
    assert [block["type"] for block in wire["content"]] == ["thinking", "text", "tool_use"]
    assert (
        "g" not in json.dumps([block.get("signature") for block in wire["content"]]) and wire["content"][2]["id"] == "a"
    )
    assert set(lost(ctx)) == {f"parts[{i}].signature" for i in range(5)}


def test_our_own_signature_by_way_of_another_dialect_is_given_back() -> None:
    mine = Signature("anthropic", "s")
    wire, _ = shown(
        answer(Reasoning(text="t", signature=mine), Reasoning(redacted=True, signature=mine), Reasoning(signature=mine))
    )
    assert wire["content"] == [
        {"type": "thinking", "thinking": "t", "signature": "s"},
        {"type": "redacted_thinking", "data": "s"},
        {"type": "thinking", "thinking": "", "signature": "s"},
    ]


def test_case_026_an_empty_answer_has_no_blocks() -> None:
    for response in (answer(), answer(""), answer(Refusal(text=""), Reasoning())):
        assert shown(response)[0]["content"] == []


def test_case_034_stop_reasons_there_and_back() -> None:
    for raw, reason in (
        ("end_turn", "stop"), ("stop_sequence", "stop"), ("max_tokens", "length"), ("refusal", "content_filter"),
        ("sensitive", "content_filter"), ("model_context_window_exceeded", "length"), ("pause_turn", "stop"), ("new", "stop"),
    ):  # fmt: skip
        response = A.decode_response(ANSWER | {"content": [text("x")], "stop_reason": raw}, laws.context())
        assert (response.stop.reason, response.stop.raw) == (reason, raw)
        assert shown(response)[0]["stop_reason"] == raw
    for reason, raw in (
        ("stop", "end_turn"),
        ("length", "max_tokens"),
        ("tool_calls", "tool_use"),
        ("content_filter", "refusal"),
    ):
        foreign = Stop(reason, raw="SOMETHING_ELSE")  # type: ignore[arg-type]
        assert shown(answer("x", stop=foreign))[0]["stop_reason"] == raw
    wire, _ = shown(answer("x", stop=Stop("stop", "stop", "END")))
    assert (wire["stop_reason"], wire["stop_sequence"]) == ("stop_sequence", "END")


def test_calls_after_a_plain_stop_are_calls() -> None:
    for raw, reason in (
        ("end_turn", "tool_calls"),
        (None, "tool_calls"),
        ("max_tokens", "length"),
        ("pause_turn", "stop"),
    ):
        assert A.decode_response(ANSWER | {"stop_reason": raw}, laws.context()).stop.reason == reason
    wires = [*WIRES[:-2], {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}, WIRES[-1]]
    assert fold(laws.events(A, stream(*wires))).stop == Stop("tool_calls", "end_turn")


def test_case_105_counts_are_split_and_joined() -> None:
    usage = Usage(input=11125, output=429, cache_read=7441, cache_write=1000, cache_write_1h=600, reasoning=409)
    wire, _ = shown(answer("x", usage=usage))
    assert wire["usage"] == {
        "input_tokens": 2684,
        "cache_creation_input_tokens": 1000,
        "cache_read_input_tokens": 7441,
        "output_tokens": 429,
        "cache_creation": {"ephemeral_5m_input_tokens": 400, "ephemeral_1h_input_tokens": 600},
        "output_tokens_details": {"thinking_tokens": 409},
    }
    again = A.decode_response(ANSWER | {"usage": wire["usage"]}, laws.context()).usage
    assert replace(again, extra={}) == usage
    counted = {"input_tokens": 1, "cache_creation": {"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 2}}
    short = A.decode_response(ANSWER | {"usage": counted}, laws.context()).usage
    assert (short.input, short.cache_write, short.cache_write_1h) == (7, 6, 2)


def test_case_109_images_and_sounds_are_links_in_markdown() -> None:
    image = Media(media_type="image/png", source=Base64(PNG))
    sound = Media(media_type="audio/wav", source=Base64("AA=="))
    wire, ctx = shown(answer("see", image, sound, Media(media_type="image/*", source=Url("https://a/b"))))
    assert [block["text"] for block in wire["content"]] == [
        "see",
        f"![Generated Image](data:image/png;base64,{PNG})",
        "[Generated Audio](data:audio/wav;base64,AA==)",
        "![Generated Image](https://a/b)",
    ]
    assert set(lost(ctx).values()) == {"emulated"}
    kept = Media(media_type="video/mp4", source=FileId("google", "files/1"))
    assert shown(answer(kept))[0]["content"] == [text("[Generated Video](files/1)")]


def test_a_refusal_of_our_own_is_text() -> None:
    """No answer is decoded to one; a layer in between may refuse in the provider's place."""
    assert shown(answer(Refusal(text="no"), origin="anthropic"))[0]["content"] == [text("no")]


def test_an_image_that_grows_is_shown_when_it_is_whole() -> None:
    image = Media(media_type="image/png", source=Base64(""))
    frames = laws.render(
        A,
        [
            Start("elsewhere", "i", "m"),
            PartStart(0, image),
            PartDelta(0, "ab"),
            PartDelta(0, "cd"),
            PartEnd(0),
            Finish(),
        ],
    )
    obeys(frames)
    [part] = laws.reread(A, frames).parts
    assert isinstance(part, Text) and part.text == "![Generated Image](data:image/png;base64,abcd)"


def test_refusals_citations_and_what_ran_elsewhere() -> None:
    cited = Text(
        text="t", citations=(Citation(url="https://a", title="A", cited_text="c", start=0), Citation(title="no url"))
    )
    wire, ctx = shown(
        answer(Refusal(text="no"), cited, replace(call("s"), server=True), Opaque(kind="k", raw={"type": "k"}))
    )
    location = {
        "type": "web_search_result_location",
        "cited_text": "c",
        "url": "https://a",
        "title": "A",
        "encrypted_index": "",
    }
    assert wire["content"] == [text("no"), text("t") | {"citations": [location]}]
    assert set(lost(ctx)) == {"parts[1].citations", "parts[2]", "parts[3]"}


def test_an_error_in_a_200_is_an_error() -> None:
    for odd in ([], None, "x", {}, {"content": "x"}):
        with pytest.raises(GatewayError, match="is not a message"):
            A.decode_response(odd, laws.context())  # type: ignore[arg-type]
    for wire in (
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
        {"error": {"type": "overloaded_error"}},
    ):
        with pytest.raises(GatewayError) as caught:
            A.decode_response(wire, laws.context())
        assert caught.value.kind is Kind.OVERLOADED


# -- streams for our clients (cases 1 to 26) ---------------------------------------------------


def told(*events: Event, origin: str = "elsewhere", **fields: Any) -> list[dict[str, Any]]:
    """The frames for some parts, without the first and the last two."""
    frames = laws.render(A, [Start(origin, "i", "m"), *events, Finish()], **fields)
    obeys(frames)
    return [data(frame) for frame in frames if frame.event != "ping"][1:-2]


def start(index: int, **block: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: int, type: str, **fields: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": type, **fields}}


def stop(index: int) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def test_case_001_002_004_no_empty_block_and_no_lost_token() -> None:
    """A decoder may open a text before it knows better, and a reasoning part among texts."""
    found = told(
        PartStart(0, Text(text="")),
        PartStart(1, Reasoning()),
        PartDelta(1, "A"),
        PartEnd(0),
        PartEnd(1),
        PartStart(2, Text(text="")),
        PartDelta(2, "B"),
        PartDelta(2, ""),
        PartDelta(2, "C"),
        PartEnd(2),
    )
    assert found == [
        start(0, type="thinking", thinking="", signature=""), delta(0, "thinking_delta", thinking="A"), stop(0),
        start(1, type="text", text=""), delta(1, "text_delta", text="B"), delta(1, "text_delta", text="C"), stop(1),
    ]  # fmt: skip


def test_case_007_a_whole_call_in_one_piece() -> None:
    found = told(PartStart(0, call("c1", "add", "")), PartDelta(0, '{"a":17,"b":25}'), PartEnd(0))
    assert found == [
        start(0, type="tool_use", id="c1", name="add", input={}),
        delta(0, "input_json_delta", partial_json='{"a":17,"b":25}'),
        stop(0),
    ]


def test_case_012_and_024_interleaved_calls_take_turns() -> None:
    found = told(
        PartStart(0, call("a", "f", "")), PartStart(1, call("b", "g", "")),
        PartDelta(0, '{"a"'), PartDelta(1, '{"b"'), PartDelta(0, ":1}"), PartDelta(1, ":2}"),
        PartEnd(0), PartEnd(1),
    )  # fmt: skip
    assert found == [
        start(0, type="tool_use", id="a", name="f", input={}),
        delta(0, "input_json_delta", partial_json='{"a"'),
        delta(0, "input_json_delta", partial_json=":1}"),
        stop(0),
        start(1, type="tool_use", id="b", name="g", input={}),
        delta(1, "input_json_delta", partial_json='{"b"'),
        delta(1, "input_json_delta", partial_json=":2}"),
        stop(1),
    ]


def test_case_015_to_019_the_end_comes_once() -> None:
    encoder = A.encoder(laws.context())
    frames = [
        f
        for e in (Start("x", "i", "m"), PartStart(0, Text(text="")), PartDelta(0, "a"), Finish())
        for f in encoder.feed(e)
    ]
    obeys(frames)
    for late in (Finish(), Ping(), PartStart(1, Text(text="")), PartDelta(0, "b"), PartEnd(0)):
        assert list(encoder.feed(late)) == []
    assert list(encoder.fail(GatewayError(Kind.UPSTREAM, "late"))) == []


def test_case_022_the_last_counts_are_whole() -> None:
    frames = laws.render(
        A,
        [Start("x", "i", "m"), Finish(usage=Usage(input=812, output=9, cache_read=700)), Finish(usage=Usage(input=1))],
    )
    assert [frame.event for frame in frames] == ["message_start", "message_delta", "message_stop"]
    assert data(frames[1])["usage"] == {
        "input_tokens": 112,
        "cache_read_input_tokens": 700,
        "cache_creation_input_tokens": 0,
        "output_tokens": 9,
    }


def test_case_023_signs_of_life() -> None:
    encoder = A.encoder(laws.context())
    assert encoder.ping() == Frame(b'{"type": "ping"}', "ping")
    assert list(encoder.feed(Ping())) == [encoder.ping()]


def test_case_025_streams_do_not_share_anything() -> None:
    def events(i: int) -> list[Event]:
        parts = [Reasoning(text=f"r{i}"), Text(text=f"t{i}"), call(f"c{i}", f"f{i}", f'{{"i":{i}}}')]
        return list(
            unfold(Response(origin="elsewhere", id=str(i), model="m", parts=tuple(parts), usage=Usage(output=i)))
        )

    serial = [laws.render(A, events(i)) for i in range(50)]
    encoders = [A.encoder(laws.context()) for _ in range(50)]
    mixed: list[list[Frame]] = [[] for _ in range(50)]
    for step in range(len(events(0))):
        for i, encoder in enumerate(encoders):
            mixed[i] += encoder.feed(events(i)[step])
    assert mixed == serial


def test_signatures_stand_before_the_end_of_their_block() -> None:
    mine = Signature("anthropic", "s")
    found = told(
        PartStart(0, Reasoning()), PartDelta(0, "a"), PartDelta(0, signature=mine), PartEnd(0),
        PartStart(1, Reasoning()), PartDelta(1, signature=mine), PartEnd(1),
        PartStart(2, Reasoning(redacted=True)), PartDelta(2, signature=mine), PartEnd(2),
    )  # fmt: skip
    assert found == [
        start(0, type="thinking", thinking="", signature=""), delta(0, "thinking_delta", thinking="a"),
        delta(0, "signature_delta", signature="s"), stop(0),
        start(1, type="thinking", thinking="", signature=""), delta(1, "signature_delta", signature="s"), stop(1),
        start(2, type="redacted_thinking", data="s"), stop(2),
    ]  # fmt: skip


def test_half_a_character_from_a_decoder_is_no_end_of_the_stream() -> None:
    found = told(PartStart(0, Text(text="")), PartDelta(0, "a\ud83d"), PartEnd(0))
    assert found[1] == delta(0, "text_delta", text="a\ufffd")


# -- streams of our providers (cases 31 to 37) ---------------------------------------------------


def read(*wires: dict[str, Any]) -> Response:
    found = laws.events(A, stream(*wires))
    laws.grammar(found)
    return fold(found)


def usage_of(first: dict[str, Any], last: dict[str, Any] | None) -> Usage:
    message = {"type": "message_start", "message": {"id": "m", "model": "x", "content": [], "usage": first}}
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}} | (
        {"usage": last} if last is not None else {}
    )
    return replace(read(message, end, {"type": "message_stop"}).usage, extra={})


@pytest.mark.parametrize(
    ("first", "last", "usage"),
    [
        (
            {
                "input_tokens": 13,
                "cache_read_input_tokens": 22000,
                "cache_creation_input_tokens": 31,
                "output_tokens": 1,
            },
            {"output_tokens": 4},
            Usage(input=22044, output=4, cache_read=22000, cache_write=31),
        ),
        (
            {"input_tokens": 13, "cache_read_input_tokens": 5, "output_tokens": 1},
            {"input_tokens": 13, "cache_read_input_tokens": 5, "output_tokens": 4},
            Usage(input=18, output=4, cache_read=5),
        ),
        (
            {"input_tokens": 0, "output_tokens": 0},
            {"input_tokens": 50, "cache_read_input_tokens": 20, "output_tokens": 9},
            Usage(input=70, output=9, cache_read=20),
        ),
        ({"input_tokens": 9, "output_tokens": 1}, {"input_tokens": 0, "output_tokens": 4}, Usage(input=9, output=4)),
        ({"input_tokens": 9, "output_tokens": 1}, None, Usage(input=9, output=1)),
        ({"input_tokens": 9, "output_tokens": 1}, {"input_tokens": None, "output_tokens": 2}, Usage(input=9, output=2)),
    ],
    ids=["031 cached", "032 repeated", "033 only at the end", "only the answer at the end", "never again", "null"],
)
def test_case_031_to_033_the_last_count_counts(first: dict[str, Any], last: dict[str, Any], usage: Usage) -> None:
    assert usage_of(first, last) == usage


def test_case_035_and_036_blocks_of_thought_stay_apart_and_whole() -> None:
    thought = {"type": "thinking", "thinking": "", "signature": ""}
    response = read(
        WIRES[0],
        start(0, **thought), delta(0, "thinking_delta", thinking="a"), delta(0, "signature_delta", signature="s1"), stop(0),
        start(1, **thought), delta(1, "signature_delta", signature="s2"), stop(1),
        start(2, type="redacted_thinking", data="d"), stop(2),
        start(3, type="tool_use", id="t", name="f", input={}), stop(3),
        *WIRES[-2:],
    )  # fmt: skip
    assert response.parts == (
        Reasoning(text="a", signature=Signature("anthropic", "s1")),
        Reasoning(signature=Signature("anthropic", "s2")),
        Reasoning(redacted=True, signature=Signature("anthropic", "d")),
        ToolCall(id="t", name="f"),
    )


def test_case_037_an_error_in_the_stream_is_raised_and_told() -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    with pytest.raises(GatewayError) as caught:
        laws.events(A, stream(*WIRES[:3], error))
    assert (caught.value.kind, caught.value.message) == (Kind.OVERLOADED, "Overloaded")
    encoder = A.encoder(laws.context())
    list(encoder.feed(Start("x", "i", "m")))
    [frame] = encoder.fail(caught.value)
    assert (frame.event, data(frame)) == ("error", error)
    assert list(encoder.feed(Finish())) == [] == list(encoder.fail(caught.value))
    nameless = Frame(b'{"error":{"message":"no","type":"rate_limit_error"}}', "error")
    with pytest.raises(GatewayError, match="no"):
        list(A.decoder(laws.context()).feed(nameless))


def test_case_128_a_stream_that_ends_before_its_answer_is_cut_off() -> None:
    for cut in range(len(WIRES) - 1):
        with pytest.raises(GatewayError) as caught:
            laws.events(A, stream(*WIRES[:cut]))
        assert (caught.value.kind, caught.value.code) == (Kind.UPSTREAM, "upstream_truncated")


def test_late_frames_are_not_read() -> None:
    late = [*WIRES, WIRES[6], {"type": "error", "error": {"type": "api_error", "message": "late"}}]
    found = laws.events(A, stream(*late) + b"data: [DONE]\n\ndata: {not json\n\n")
    laws.grammar(found)
    assert fold(found) == fold(laws.events(A, stream(*WIRES)))


def test_a_frame_that_is_not_json_is_the_providers_fault() -> None:
    with pytest.raises(GatewayError) as caught:
        laws.events(A, stream(*WIRES[:6]) + b'data: {"type":"content_block_delta","ind\n\n')
    assert caught.value.code == "upstream_invalid_response"
    done = stream(*WIRES[:-1]) + b"data: [DONE]\n\n" + stream(WIRES[-1])
    assert fold(laws.events(A, done)) == fold(laws.events(A, stream(*WIRES)))


def test_a_call_born_whole_keeps_its_input_and_deltas_outdo_it() -> None:
    born = start(0, type="tool_use", id="t", name="f", input={"player": "one"})
    [part] = read(WIRES[0], born, stop(0), *WIRES[-2:]).parts
    assert isinstance(part, ToolCall) and part.arguments == '{"player":"one"}'
    pieces = [delta(0, "input_json_delta", partial_json=piece) for piece in ("", '{"player":', '"two"}')]
    [part] = read(WIRES[0], born, *pieces, stop(0), *WIRES[-2:]).parts
    assert isinstance(part, ToolCall) and part.arguments == '{"player":"two"}'


def test_what_servers_beside_the_api_leave_out() -> None:
    """No message_start, no content_block_start, no content_block_stop, text in the start, no id for a call."""
    response = read(
        delta(0, "thinking_delta", thinking="t"),
        start(1, type="text", text="a"),
        delta(1, "text_delta", text="b"),
        start(2, type="tool_use", name="f", input={}),
        delta(5, "input_json_delta", partial_json="{}"),
        {"type": "message_stop"},
    )
    assert response.parts == (Reasoning(text="t"), Text(text="ab"), ToolCall(id="toolu_0002", name="f"))
    assert response.stop == Stop("tool_calls") and response.id == "msg_0001"


def test_a_second_message_start_goes_on_with_the_same_answer() -> None:
    """A fallback on the provider's side (documented for 2026): its blocks are numbered from 0 again."""
    response = read(
        WIRES[0], start(0, type="text", text=""), delta(0, "text_delta", text="a"),
        WIRES[0] | {"message": {"id": "msg_2", "model": "other", "usage": {"input_tokens": 7, "output_tokens": 1}}},
        start(0, type="text", text=""), delta(0, "text_delta", text="b"), stop(0),
        *WIRES[-2:],
    )  # fmt: skip
    assert (response.id, [part.text for part in response.parts if isinstance(part, Text)]) == ("msg_1", ["a", "b"])


def test_blocks_and_deltas_of_tomorrow() -> None:
    response = read(
        WIRES[0],
        {"type": "new_event", "index": 0},
        start(0, type="text", text=""),
        delta(0, "text_delta", text="a"),
        delta(0, "new_delta", text="b"),
        stop(0),
        start(1, type="new_block", said="", of={"a": 1}),
        delta(1, "new_block_delta", said="x", of=None),
        delta(1, "new_block_delta", said="y"),
        stop(1),
        start(2, type="mcp_tool_use", id="m", name="ls", server_name="s", input={}),
        delta(2, "input_json_delta", partial_json='{"p":1}'),
        stop(2),
        *WIRES[-2:],
    )
    assert response.parts == (
        Text(text="a"),
        Opaque(kind="new_block", raw={"type": "new_block", "said": "xy", "of": None}),
        ToolCall(
            id="m", name="ls", arguments='{"p":1}', server=True, extra={"type": "mcp_tool_use", "server_name": "s"}
        ),
    )


def test_case_129_half_characters_in_two_deltas_become_one() -> None:
    wires = [
        WIRES[0],
        start(0, type="text", text=""),
        delta(0, "text_delta", text="a\ud83d"),
        delta(0, "text_delta", text="\ude00b"),
    ]
    wires += [delta(0, "text_delta", text="c\udc00"), stop(0), *WIRES[-2:]]
    [part] = read(*wires).parts
    assert isinstance(part, Text) and part.text == "a\U0001f600bc\ufffd"


def test_a_whole_message_as_one_event() -> None:
    response = read(ANSWER)
    assert response == replace(A.decode_response(ANSWER, laws.context()))


# -- errors ------------------------------------------------------------------------------------

SAYS = [
    (400, "invalid_request_error", "max_tokens: required", Kind.INVALID_REQUEST),
    (400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum", Kind.CONTEXT_LENGTH),
    (
        400,
        "invalid_request_error",
        "input length and `max_tokens` exceed context limit: 1 + 2 > 3",
        Kind.CONTEXT_LENGTH,
    ),
    (400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API.", Kind.QUOTA),
    (400, "invalid_request_error", "Output blocked by content filtering policy", Kind.CONTENT_POLICY),
    (401, "authentication_error", "invalid x-api-key", Kind.AUTHENTICATION),
    (402, "billing_error", "pay", Kind.QUOTA),
    (403, "permission_error", "no", Kind.PERMISSION),
    (404, "not_found_error", "model: x", Kind.NOT_FOUND),
    (413, "request_too_large", "big", Kind.TOO_LARGE),
    (413, "invalid_request_error", "Prompt is too long", Kind.CONTEXT_LENGTH),
    (429, "rate_limit_error", "slow down", Kind.RATE_LIMIT),
    (500, "api_error", "oops", Kind.UPSTREAM),
    (504, "timeout_error", "late", Kind.TIMEOUT),
    (529, "overloaded_error", "Overloaded", Kind.OVERLOADED),
    (529, "api_error", "x", Kind.OVERLOADED),
    (503, "unheard_of", "x", Kind.OVERLOADED),
    (0, "overloaded_error", "Overloaded", Kind.OVERLOADED),
    (0, "unheard_of", "x", Kind.UPSTREAM),
    (418, "unheard_of", "x", Kind.INVALID_REQUEST),
    (502, "unheard_of", "x", Kind.UPSTREAM),
]


@pytest.mark.parametrize(("status", "word", "message", "kind"), SAYS)
def test_errors_are_understood(status: int, word: str, message: str, kind: Kind) -> None:
    wire = {"type": "error", "error": {"type": word, "message": message, "details": None}, "request_id": "req_1"}
    error = A.decode_error(status, wire, {"retry-after": "3"})
    assert (error.kind, error.message, error.retry_after, error.status) == (kind, message, 3.0, status or None)


@pytest.mark.parametrize(
    "wire",
    [
        None,
        "",
        "<html>Bad gateway</html>",
        [],
        [5],
        5,
        {},
        {"error": None},
        {"error": 5},
        {"error": []},
        [{"error": {"message": 5}}],
    ],
)
def test_errors_in_any_form_are_understood(wire: Any) -> None:
    error = A.decode_error(502, wire, {})
    assert (error.kind, error.message) == (Kind.UPSTREAM, "the provider answered with status 502")


def test_errors_of_other_shapes_keep_their_words() -> None:
    assert A.decode_error(400, {"message": "The provided model identifier is invalid."}, {}).message.startswith(
        "The provided"
    )
    assert A.decode_error(404, {"detail": "Not Found"}, {}).message == "Not Found"
    assert A.decode_error(500, {"error": "it broke"}, {}).message == "it broke"
    assert A.decode_error(503, "upstream connect error", {}).message == "upstream connect error"
    array = A.decode_error(429, [{"error": {"code": 429, "message": "quota", "status": "RESOURCE_EXHAUSTED"}}], {})
    assert (array.kind, array.message) == (Kind.RATE_LIMIT, "quota")
    assert A.decode_error(429, {"error": {"code": "insufficient_quota", "message": "m"}}, {}).kind is Kind.QUOTA


@pytest.mark.parametrize(
    ("headers", "wait"),
    [({}, None), ({"retry-after": "1.5"}, 1.5), ({"retry-after-ms": "250"}, 0.25), ({"retry-after-ms": "x", "retry-after": "2"}, 2.0),
     ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None), ({"retry-after": "-5"}, None), ({"retry-after": "nan"}, None),
     ({"retry-after": "inf"}, None)],
)  # fmt: skip
def test_how_long_to_wait(headers: dict[str, str], wait: float | None) -> None:
    assert A.decode_error(429, {}, headers).retry_after == wait


@pytest.mark.parametrize("kind", Kind)
def test_case_134_every_error_has_our_shape(kind: Kind) -> None:
    status, wire = A.encode_error(GatewayError(kind, "why"), "req_1")
    assert 400 <= status <= 529
    assert wire.keys() == {"type", "error", "request_id"} and (wire["type"], wire["request_id"]) == ("error", "req_1")
    assert wire["error"]["message"].endswith("why")
    known = {error[1] for error in SAYS} - {"unheard_of"}
    assert wire["error"]["type"] in known
    again = A.decode_error(status, wire, {})
    if kind not in (Kind.QUOTA, Kind.INTERNAL, Kind.CONTENT_POLICY):  # told as a 429, an api_error, a bad request
        assert again.kind is kind


def test_the_providers_status_is_kept_if_it_is_one() -> None:
    assert A.encode_error(GatewayError(Kind.OVERLOADED, "x", status=503), "r")[0] == 503
    assert A.encode_error(GatewayError(Kind.OVERLOADED, "x", status=200), "r")[0] == 529
    status, wire = A.encode_error(GatewayError(Kind.QUOTA, "x", status=402), "r")
    assert (status, wire["error"]["type"]) == (402, "billing_error")


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("prompt is too long: 5 tokens > 4 maximum", "prompt is too long: 5 tokens > 4 maximum"),
        (
            "maximum context length is 128000 tokens. However, your messages resulted in 130,512 tokens",
            "prompt is too long: 130512 tokens > 128000 maximum (maximum context length is 128000 tokens. "
            "However, your messages resulted in 130,512 tokens)",
        ),
        ("too many tokens", "prompt is too long: too many tokens"),
    ],
)
def test_case_136_claude_code_sees_that_the_context_is_full(message: str, said: str) -> None:
    _, wire = A.encode_error(GatewayError(Kind.CONTEXT_LENGTH, message), "r")
    assert wire["error"] == {"type": "invalid_request_error", "message": said}
    [frame] = A.encoder(laws.context()).fail(GatewayError(Kind.CONTEXT_LENGTH, message))
    assert data(frame)["error"]["message"] == said


def test_a_thread_that_is_not_kept_is_refused_so_that_sdks_understand() -> None:
    error = GatewayError(Kind.INVALID_REQUEST, "no threads", param="thread", code="thread_unsupported_request")
    status, wire = A.encode_error(error, "r")
    assert status == 400
    assert wire["error"]["details"] == {"error_code": "thread_unsupported_request", "unsupported": ["thread"]}
    assert A.encode_error(A.decode_error(400, wire, {}), "r") == (400, wire), "nor is it lost on its way through"


ERRORS = [
    p
    for p in exchanges(("anthropic.", "bedrock.invoke"), kind="error")
    if p.values[0] is None or p.values[0].status >= 400
]


@pytest.mark.parametrize("case", ERRORS)
def test_recorded_errors_are_understood(case: Exchange) -> None:
    error = A.decode_error(case.status, case.response, {})
    message = case.response.get("message") or case.response["error"]["message"]
    assert error.message == message
    assert error.kind is {400: Kind.INVALID_REQUEST, 401: Kind.AUTHENTICATION, 404: Kind.NOT_FOUND}[case.status]


# -- models, raw bytes ---------------------------------------------------------------------------


@pytest.mark.parametrize("case", exchanges("anthropic.models", kind="models"))
def test_recorded_models_come_home(case: Exchange) -> None:
    models = A.decode_models(case.response, "anthropic")
    assert len(models) == len(case.response["data"]) and models[0].provider == "anthropic"
    ours = A.encode_models(models)
    theirs = [
        {name: entry[name] for name in mine} for mine, entry in zip(ours["data"], case.response["data"], strict=True)
    ]
    assert ours["data"] == theirs
    assert (ours["first_id"], ours["last_id"]) == (case.response["first_id"], case.response["last_id"])


def test_models_of_elsewhere_and_odd_lists() -> None:
    assert A.encode_models(()) == {"data": [], "has_more": False, "first_id": None, "last_id": None}
    model = Model(id="gpt-5", provider="openai", created=1_700_000_000, context_window=9, max_tokens=4)
    assert A.encode_model(model) == {
        "type": "model",
        "id": "gpt-5",
        "display_name": "gpt-5",
        "created_at": "2023-11-14T22:13:20Z",
        "max_input_tokens": 9,
        "max_tokens": 4,
    }
    odd = {"data": [5, {}, {"id": 5}, {"id": "a", "created_at": "soon", "display_name": [], "max_tokens": "x"}]}
    assert A.decode_models(odd, "p") == (Model(id="a", provider="p"),)
    for wire in (None, [], {}, {"data": "x"}):
        with pytest.raises(GatewayError) as caught:
            A.decode_models(wire, "p")  # type: ignore[arg-type]
        assert caught.value.kind is Kind.UPSTREAM


@pytest.mark.parametrize(
    "seconds",
    [0, 1, 951_782_399, 951_782_400, 951_868_800, 1_709_164_800, 1_735_689_599, 4_102_444_800, 13_569_465_600],
)
def test_dates_are_those_of_the_calendar(seconds: int) -> None:
    from datetime import UTC, datetime

    written = A.encode_model(Model(id="m", provider="p", created=seconds))["created_at"]
    assert written == datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert A.decode_models({"data": [{"id": "m", "created_at": written}]}, "p")[0].created == seconds


def test_a_request_passes_through_but_for_its_model() -> None:
    raw = b'{"model": "claude-fast",\n "max_tokens":1.0, "temperature": 1E0, "x": {"deep" : [1e400]}, "stream" : true}'
    assert A.edit_request(raw, "claude-x", True, Profile()) == (
        b'{"model":"claude-x","max_tokens":1.0,"temperature":1E0,"x":{"deep" : [1e400]},"stream":true}'
    )
    assert json.loads(A.edit_request(b'{"model":"m"}', "n", False, Profile())) == {"model": "n"}
    assert json.loads(A.edit_request(b'{"model":"m"}', "n", True, Profile())) == {"model": "n", "stream": True}
    assert json.loads(A.edit_request(b'{"stream":true}', "n", False, Profile())) == {"model": "n", "stream": False}
    for odd in (b"[1]", b"", b"null", b'{"a":'):
        with pytest.raises(GatewayError):
            A.edit_request(odd, "m", True, Profile())


def test_thoughts_of_other_models_do_not_pass_through() -> None:
    """A conversation that another vendor's model answered for a while: our encoder had no signature to write."""
    ours = {"type": "thinking", "thinking": "a", "signature": "s"}
    theirs = {"type": "thinking", "thinking": "b", "signature": ""}
    history = [
        {"role": "user", "content": "u"},
        {"role": "assistant", "content": [ours, theirs, text("t")]},
        {"role": "assistant", "content": [theirs]},
        {"role": "user", "content": [outcome("x") | {"content": [{"type": "x", "signature": ""}]}]},
    ]
    raw = json.dumps(body(messages=history)).encode()
    edited = json.loads(A.edit_request(raw, "m", False, Profile()))
    assert edited["messages"] == [history[0], {"role": "assistant", "content": [ours, text("t")]}, history[3]]
    wire, ctx = sent(A.decode_request(body(messages=history), laws.context()))
    assert wire["messages"][1]["content"] == [ours, text("t")]
    assert set(lost(ctx)) == {"messages[1].parts[1]", "messages[2].parts[0]"}
    deep = b'{"messages":%b,"x":{"signature":""}}' % (b"[" * 5000 + b"]" * 5000)
    edited, error = tried(A.edit_request, deep, "m", False, Profile())
    assert error is not None or b"[" * 5000 in edited
    for odd in (b'{"messages":5,"x":{"signature":""}}', b'{"messages":[5,{"content":[{"signature":""}]}]}'):
        assert json.loads(A.edit_request(odd, "m", False, Profile()))["messages"] == json.loads(odd)["messages"]


def test_an_answer_passes_through_but_for_its_model() -> None:
    raw = b'{"id": "msg_1", "model": "claude-x", "usage" : {"input_tokens": 1.0}}'
    assert A.rename_response(raw, "fast") == b'{"id":"msg_1","model":"fast","usage":{"input_tokens": 1.0}}'
    for odd in (b'{"type":"error"}', b"[]", b"<html>"):
        assert A.rename_response(odd, "fast") == odd
    start = Frame(b'{"message": {"model" : "claude-x", "id":"1"}, "type":"message_start"}', "message_start")
    assert A.rename_frame(start, "fast").data == b'{"message":{"model":"fast","id":"1"},"type":"message_start"}'
    said = Frame(
        b'{"type":"content_block_delta","delta":{"type":"text_delta","text":"message_start"}}', "content_block_delta"
    )
    for other in (said, Frame(b"message_start"), Frame(b'{"type":"message_start"}'), Frame(b'{"type":"ping"}', "ping")):
        assert A.rename_frame(other, "fast") is other or A.rename_frame(other, "fast").data == other.data


def test_the_path() -> None:
    assert (A.dialect, A.path("m", True)) == ("anthropic", "/v1/messages")
    assert (COUNT.dialect, COUNT.operation) == ("anthropic", "count")


def test_a_pipe_of_twice_the_same_dialect_tells_the_same_story() -> None:
    pipe = Pipe(A.decoder(laws.context()), A.encoder(laws.context()))
    raw = stream(*WIRES)
    frames = [frame for i in range(len(raw)) for frame in pipe.feed(raw[i : i + 1])] + list(pipe.close())
    obeys(frames)
    assert laws.reread(A, frames) == pipe.fold.response()
