"""Responses, front and back: the laws, over recordings and over JSON gone wrong, and the cases that are its own."""

from __future__ import annotations

import copy
import json
from typing import Any

import openai
import pytest
from msgspec.structs import replace
from openai.types.responses import Response as Sdk
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

import laws
from dragoman.core.codec import Codec, asks_nothing
from dragoman.core.errors import GatewayError, Kind
from dragoman.core.fold import fold, unfold
from dragoman.core.framing import Frame, Reader
from dragoman.core.ir import (
    Event,
    Media,
    Request,
    Response,
    Start,
    Text,
    ToolCall,
    ToolResult,
)
from dragoman.core.profile import Profile
from dragoman.core.translate import Pipe
from dragoman.dialects import CODECS
from dragoman.dialects.openai_responses import OpenAIResponses
from mutations import mutations, only_refusals
from traffic import Exchange, exchanges

CODEC = OpenAIResponses()
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
DATA = f"data:image/png;base64,{PNG}"
SCHEMA = {"type": "object", "properties": {"at": {"type": "integer"}}, "required": ["at"]}

RICH: dict[str, Any] = {
    "model": "gpt-5",
    "instructions": "Be brief.",
    "input": [
        {"role": "developer", "content": "And kind.", "id": "msg_0"},
        {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "And true."}]},
        {
            "type": "additional_tools",
            "role": "developer",
            "tools": [
                {
                    "type": "namespace",
                    "name": "functions",
                    "tools": [
                        {"type": "custom", "name": "exec", "format": {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"}},
                        {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}},
                    ],
                }
            ],
        },
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "What is this?", "prompt_cache_breakpoint": {"mode": "explicit"}},
                {"type": "text", "text": "And this?"},
                {"type": "input_image", "image_url": DATA, "detail": "low"},
                {"type": "input_image", "image_url": "https://example.com/cat.gif", "detail": "auto"},
                {"type": "input_image", "file_id": "file-0"},
                {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="},
                {"type": "input_file", "file_data": DATA},
                {"type": "input_file", "filename": "b.pdf", "file_data": "JVBERi0="},
                {"type": "input_file", "file_url": "https://example.com/a.pdf"},
                {"type": "input_file", "file_id": "file-1"},
                {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
                {"type": "from_tomorrow", "payload": {"deep": [1]}},
            ],
        },
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "A cat?"}, {"type": "summary_text", "text": "A cat."}],
            "encrypted_content": "gAAAA",
            "content": None,
        },
        {
            "type": "reasoning",
            "id": "rs_2",
            "summary": [],
            "content": [{"type": "reasoning_text", "text": "Hm."}],
            "encrypted_content": None,
            "status": "completed",
        },
        {
            "type": "message",
            "role": "assistant",
            "id": "msg_1",
            "status": "completed",
            "phase": "commentary",
            "content": [
                {
                    "type": "output_text",
                    "text": "Let me look.",
                    "annotations": [
                        {"type": "url_citation", "url": "https://e.com", "title": "T", "start_index": 0, "end_index": 3},
                        {"type": "file_citation", "file_id": "file-1", "filename": "a.pdf", "index": 3},
                    ],
                    "logprobs": [],
                },
                {"type": "output_text", "text": "There."},
                {"type": "refusal", "refusal": "No more."},
            ],
        },
        {"role": "assistant", "content": "Plain."},
        {"role": "assistant", "content": [{"type": "text", "text": "As Anthropic writes it."}]},
        {"type": "message", "role": "assistant", "content": []},
        {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "look", "arguments": '{"at": 1}', "status": "completed"},
        {"type": "function_call", "call_id": "call_2", "name": "now", "arguments": ""},
        {"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_3", "name": "write", "input": 'say "hi"\n', "namespace": "x"},
        {"type": "function_call_output", "call_id": "call_1", "output": "A cat.", "id": "fco_1"},
        {
            "type": "function_call_output",
            "call_id": "call_2",
            "output": [
                {"type": "input_text", "text": "12:00"},
                {"type": "input_image", "image_url": DATA, "detail": "high"},
                {"type": "input_file", "filename": "c.txt", "file_data": "data:text/plain;base64,SGk="},
            ],
        },
        {"type": "custom_tool_call_output", "call_id": "call_3", "output": [{"type": "input_text", "text": "done"}]},
        {"type": "function_call", "call_id": "call_4", "name": "now", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_4", "output": ""},
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "cat"}},
        {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": PNG, "output_format": "png"},
        {"type": "image_generation_call", "id": "ig_2", "status": "failed", "result": None},
        {"type": "mcp_call", "id": "mcp_1", "name": "n", "server_label": "s", "arguments": "{}", "output": None},
        {"type": "from_tomorrow", "payload": {"deep": [1]}},
        {"type": "local_shell_call_output", "id": "l", "output": "x"},
        {"type": "compaction", "id": "cmp_1", "encrypted_content": "gBBBB"},
        {"type": "item_reference", "id": "msg_9"},
        {"role": "user", "content": "Thanks."},
        {"role": "user", "content": ""},
    ],
    "tools": [
        {"type": "function", "name": "look", "description": "Looks.", "strict": True, "parameters": SCHEMA},
        {"type": "function", "name": "now", "parameters": None, "strict": None, "defer_loading": True},
        {"type": "custom", "name": "write", "description": "Writes.", "format": {"type": "text"}},
        {"type": "web_search", "search_context_size": "low", "user_location": {"type": "approximate", "city": "London"}},
        {"type": "mcp", "server_label": "s", "server_url": "https://e.com", "headers": {"a": "b"}, "require_approval": "never"},
    ],
    "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "look"}, {"type": "web_search"}]},
    "parallel_tool_calls": False,
    "text": {
        "format": {"type": "json_schema", "name": "answer", "description": "D", "strict": True, "schema": SCHEMA},
        "verbosity": "low",
    },
    "reasoning": {"effort": "high", "summary": "auto", "context": "all_turns"},
    "max_output_tokens": 100,
    "max_tool_calls": 3,
    "temperature": 0.5,
    "top_p": 1,
    "top_logprobs": 3,
    "stream": True,
    "stream_options": {"include_obfuscation": False},
    "include": ["reasoning.encrypted_content", "message.output_text.logprobs"],
    "store": False,
    "background": False,
    "previous_response_id": "resp_0",
    "conversation": {"id": "conv_1"},
    "prompt": {"id": "pmpt_1", "version": "2", "variables": {"a": {"type": "input_text", "text": "b"}}},
    "prompt_cache_key": "k",
    "prompt_cache_retention": "24h",
    "prompt_cache_options": {"mode": "auto"},
    "context_management": [{"type": "compaction", "compact_threshold": 1000}],
    "client_metadata": {"a": "b", "deep": {"c": 1}},
    "metadata": {"case": "rich"},
    "truncation": "auto",
    "service_tier": "flex",
    "safety_identifier": "s",
    "moderation": {"model": "omni"},
    "user": "u-1",
}  # fmt: skip

MAPS = {("metadata",): "a map of strings: an object in it is refused"}

SIMPLE: list[dict[str, Any]] = [
    {"input": "Hi"},
    {"model": "m", "input": ""},
    {"model": "m", "input": "Hi", "instructions": "", "stream": False, "store": True, "reasoning": {"effort": None, "summary": None}},
    {"model": "m", "input": "Hi", "instructions": None, "tools": [], "tool_choice": "required", "text": {"verbosity": "high"}},
    {"model": "m", "input": "Hi", "text": {"format": {"type": "text"}}, "reasoning": {"effort": "from_tomorrow"}},
    {"model": "m", "input": "Hi", "text": {"format": {"type": "json_object"}}, "conversation": "conv_1", "background": True},
    {"model": "m", "input": "Hi", "text": {"format": {"type": "json_schema", "name": "n"}}, "reasoning": {"effort": "none"}},
    {"model": "m", "input": [], "previous_response_id": "resp_1", "include": []},
    {"model": "m", "previous_response_id": "resp_1", "include": ["reasoning.encrypted_content"]},
    {"model": "m", "input": [{"role": "user", "content": []}], "tool_choice": {"type": "function", "name": "f"}},
    {"model": "m", "input": [{"role": "user", "content": "Hi"}], "tool_choice": {"type": "web_search"}, "top_logprobs": 0},
    {"model": "m", "input": [{"role": "assistant", "content": ""}, {"role": "assistant", "content": "x"}]},
    {
        "model": "m",
        "input": [{"type": "message", "role": "user", "content": "Hi"}],
        "tools": [
            {"type": "function", "name": "f", "parameters": SCHEMA},
            {
                "type": "namespace",
                "name": "ns",
                "description": "D",
                "tools": [
                    {"type": "function", "name": "f", "parameters": {}},
                    {"type": "function", "name": "g", "strict": False},
                    {"type": "custom", "name": "h"},
                ],
            },
            {"type": "local_shell"},
        ],
        "tool_choice": {"type": "custom", "name": "h"},
    },
]  # fmt: skip


# -- the injection law, first -----------------------------------------------------


@pytest.mark.parametrize("path", [p for p in laws.objects(RICH) if p not in MAPS], ids=str)
def test_an_unknown_field_comes_home(path: tuple[str | int, ...]) -> None:
    laws.unknown_field_comes_home(CODEC, RICH, path)


@pytest.mark.parametrize("i", range(len(SIMPLE)))
def test_an_unknown_field_comes_home_from_everywhere(i: int) -> None:
    for path in laws.objects(SIMPLE[i]):
        laws.unknown_field_comes_home(CODEC, SIMPLE[i], path)


@pytest.mark.parametrize("path", MAPS)
def test_maps_refuse_an_object(path: tuple[str | int, ...]) -> None:
    with pytest.raises(GatewayError) as caught:
        CODEC.decode_request(laws.injected(RICH, path), laws.context())
    assert caught.value.param == f"{path[0]}.x_new"


# -- requests ------------------------------------------------------------------------


@pytest.mark.parametrize("wire", [RICH, *SIMPLE], ids=lambda wire: ",".join(list(wire)[2:])[:40])
def test_a_request_comes_home(wire: dict[str, Any]) -> None:
    laws.request_comes_home(CODEC, wire)


RECORDED = [p for p in exchanges() if p.values[0] is None or "responses" in p.values[0].api]
REQUESTS = [p for p in RECORDED if p.values[0] is None or isinstance(p.values[0].request, dict)]
ANSWERS = [p for p in RECORDED if p.values[0] is None or (p.values[0].response and p.values[0].status == 200)]
STREAMS = [p for p in RECORDED if p.values[0] is None or (p.values[0].sse and p.values[0].status == 200)]


@pytest.mark.parametrize("case", REQUESTS)
def test_a_recorded_request_comes_home(case: Exchange) -> None:
    laws.request_comes_home(CODEC, case.request)


ABROAD = copy.deepcopy(RICH)
ABROAD["input"][3]["content"] = ABROAD["input"][3]["content"][:4]
ABROAD["input"] = [
    item
    for item in ABROAD["input"]
    if item.get("type") not in ("local_shell_call_output", "compaction", "item_reference")
]
ABROAD["tools"] = ABROAD["tools"][:3]
ABROAD["tool_choice"]["tools"].pop()
"""The rich request without the parts, items and tools that no other provider can have."""


def test_a_request_abroad_and_back() -> None:
    """Written for a provider by a client of another dialect, the conversation is the same; what it lost is reported."""
    here = replace(CODEC.decode_request(ABROAD, laws.context()), origin="elsewhere")
    ctx = laws.context(model="m")
    wire = json.loads(json.dumps(CODEC.encode_request(here, ctx)))
    there = CODEC.decode_request(wire, laws.context())
    assert there.model == "m"
    assert there.sampling == here.sampling
    assert [tool.name for tool in there.tools] == [tool.name for tool in here.tools]
    assert there.tool_choice == here.tool_choice
    assert there.format is not None and here.format is not None
    assert there.format.schema == here.format.schema
    assert there.thinking == here.thinking

    def calls(request: Request) -> list[Any]:
        return [
            (p.id, p.name, json.loads(p.arguments or "{}"))
            for m in request.messages for p in m.parts if isinstance(p, ToolCall)
        ]  # fmt: skip

    assert calls(here) == calls(there)
    assert wire["store"] is False
    assert wire["include"] == ["reasoning.encrypted_content"]
    lost = {loss.path for loss in ctx.losses}
    assert {"metadata", "prompt", "previous_response_id", "conversation", "max_tool_calls"} <= lost
    assert not {"store", "prompt_cache_key", "client_metadata", "background"} & lost
    assert not any("\0" in path for path in lost)


QUIRKS = Profile(
    json_schema=False,
    efforts=("low", "high"),
    max_tokens_limit=9,
    sampling=False,
    parallel_tool_calls=False,
    tool_choice_required=False,
    strict_tools=False,
    developer_role=True,
)


def test_requests_gone_wrong() -> None:
    """Any JSON at any place is read, or refused by its path; and what was read can be written, at home and abroad."""

    def read(wire: Any) -> None:
        try:
            request = CODEC.decode_request(wire, laws.context())
        except GatewayError as error:
            if not error.param and wire.__class__ is dict:
                pytest.fail(f"{error.message} names {error.param}")
            raise
        for profile in (Profile(), Profile(repair=True), QUIRKS):
            json.dumps(CODEC.encode_request(request, laws.context(profile=profile)))  # it never fails at home
        for profile in (Profile(), QUIRKS):
            try:
                back = CODEC.encode_request(replace(request, origin="elsewhere"), laws.context(profile=profile))
            except GatewayError as error:
                if not error.param:
                    pytest.fail(error.message)
            else:
                json.dumps(back)
        for response in (Response(origin="elsewhere", id="", model="m", parts=(Text(text="Hi"),)),):
            json.dumps(CODEC.encode_response(response, laws.context(request=request)))

    assert only_refusals(read, ABROAD) > 1000
    assert only_refusals(read, RICH) > 1000
    assert sum(only_refusals(read, wire) for wire in SIMPLE) > 100


def test_nulls_and_empties_come_home() -> None:
    """Every null, [] or {} that is taken for absent goes home as it was."""
    for where, wire in mutations(RICH):
        if not where.endswith(("=None", "=[]", "={}")):
            continue
        try:
            CODEC.decode_request(wire, laws.context())
        except GatewayError:
            continue
        try:
            laws.request_comes_home(CODEC, wire)
        except AssertionError:
            pytest.fail(where)


# -- answers -----------------------------------------------------------------------------


def without_null(wire: Any) -> Any:
    if isinstance(wire, dict):
        return {name: without_null(value) for name, value in wire.items() if value is not None}
    return [without_null(value) for value in wire] if isinstance(wire, list) else wire


def differences(a: Any, b: Any, path: str = "") -> set[str]:
    """Where two JSON values differ."""
    if isinstance(a, dict) and isinstance(b, dict):
        return {
            p
            for name in a.keys() | b.keys()
            for p in differences(a.get(name), b.get(name), f"{path}.{name}".lstrip("."))
        }
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return {p for i, (x, y) in enumerate(zip(a, b, strict=True)) for p in differences(x, y, f"{path}[{i}]")}
    return set() if a == b else {path}


CHANGED: dict[str, tuple[set[str], str]] = {
    "llamacpp.responses/text/responses_api": ({"usage.output_tokens_details"}, "left out by llama.cpp; clients read it (case 122)"),
    "mistralrs.responses/text/responses_api_multi_turn": (
        {"usage.input_tokens_details", "usage.output_tokens_details"}, "left out by mistral.rs; clients read it (case 122)"),
}  # fmt: skip
"""Answers that do not come home as they were: file -> where, and why. Exactly these differences, no others."""


@pytest.mark.parametrize("case", ANSWERS)
def test_a_recorded_answer_comes_home(case: Exchange) -> None:
    before = copy.deepcopy(case.response)
    response = CODEC.decode_response(case.response, laws.context())
    assert case.response == before, "decoding changed its input"
    laws.folds_back(response)
    ctx = laws.context()
    back = json.loads(json.dumps(CODEC.encode_response(response, ctx)))
    expected = next((where for name, (where, _) in CHANGED.items() if case.file.startswith(name)), set())
    assert differences(without_null(case.response), without_null(back)) == expected
    assert ctx.losses == []


def test_every_exception_is_of_a_recording(traffic: Any) -> None:
    files = [p.values[0].file for p in ANSWERS]
    assert [name for name in CHANGED if not any(file.startswith(name) for file in files)] == []
    assert all(len(reason.split()) > 2 for _, reason in CHANGED.values())


@pytest.mark.parametrize("case", ANSWERS)
def test_a_recorded_answer_abroad(case: Exchange) -> None:
    """To a client of this dialect from a provider of another: the gist is the same, and the shape is OpenAI's."""
    here = CODEC.decode_response(case.response, laws.context())
    ctx = laws.context(model="asked")
    wire = json.loads(json.dumps(CODEC.encode_response(replace(here, origin="elsewhere"), ctx)))
    assert laws.gist(CODEC.decode_response(wire, laws.context())) == laws.gist(here)
    is_a_response(wire)
    assert wire["model"] == "asked"
    assert not any("\0" in loss.path for loss in ctx.losses)
    top = {name for name, value in here.extra.items() if not asks_nothing(name, value)}
    assert top <= {loss.path for loss in ctx.losses}


def is_a_response(wire: dict[str, Any]) -> None:
    """What the official type asks of an answer (cases 117, 122)."""
    required = {"id", "object", "created_at", "status", "model", "output", "usage", "error", "incomplete_details"}
    required |= {
        "instructions",
        "metadata",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "temperature",
        "top_p",
        "text",
    }
    assert required <= wire.keys(), required - wire.keys()
    assert wire["object"] == "response"
    ids = [item["id"] for item in wire["output"]]
    assert len(set(ids)) == len(ids)
    assert not {item["call_id"] for item in wire["output"] if "call_id" in item} & set(ids)
    if wire["usage"] is not None:
        usage = wire["usage"]
        assert type(usage["input_tokens_details"]["cached_tokens"]) is int
        assert type(usage["output_tokens_details"]["reasoning_tokens"]) is int
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    parsed = Sdk.model_validate(wire)
    assert parsed.id == wire["id"]


# -- streams --------------------------------------------------------------------------------

FAILING = "openai.responses/error-stream/"
EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


class Chain:
    """The state machine of the event chain (cases 117-122): it is fed every event, and holds what they add up to."""

    def __init__(self) -> None:
        self.number = -1
        self.response: dict[str, Any] | None = None
        self.open: dict[int, dict[str, Any]] = {}  # output_index -> item as added
        self.done: list[dict[str, Any]] = []
        self.contents: dict[tuple[int, str, int], dict[str, Any]] = {}  # open content parts, and summaries
        self.closed: dict[int, list[dict[str, Any]]] = {}
        self.grown: dict[tuple[int, str, int], str] = {}
        self.ended: dict[int, int] = {}  # calls whose arguments are done
        self.over = ""

    def feed(self, frame: Frame, *, at_home: bool = False) -> None:
        wire = json.loads(frame.data)
        kind = wire["type"]
        assert frame.event == kind
        assert not self.over, f"{kind} after {self.over}"
        assert wire["sequence_number"] == self.number + 1
        self.number += 1
        if kind.startswith("response.") and not at_home:
            EVENT.validate_python(wire)
        if "response" in wire:
            self.lifecycle(kind, wire["response"])
            return
        assert self.response is not None, "the first event is response.created"
        if kind == "error":
            self.over = kind
            return
        at = wire["output_index"]
        if kind == "response.output_item.added":
            assert at == len(self.done) + len(self.open), "indexes count up"
            assert wire["item"].get("status") in (None, "in_progress") or at_home
            self.open[at] = wire["item"]
            self.closed[at] = []
            return
        item = self.open[at]
        if kind == "response.output_item.done":
            self.item_done(at, item, wire["item"])
            return
        assert wire["item_id"] == item["id"]
        self.inner(kind, at, item, wire)

    def lifecycle(self, kind: str, response: dict[str, Any]) -> None:
        if self.response is None:
            assert kind == "response.created"
            self.response = response
        assert (response["id"], response["model"]) == (self.response["id"], self.response["model"])
        if kind in ("response.created", "response.in_progress"):
            assert response["status"] == "in_progress"
            assert response["output"] == []
            return
        assert kind == f"response.{response['status']}"
        assert response["output"] == self.done, "the answer is the items that were done"
        if kind != "response.failed":
            assert not self.open
            assert not self.contents
            self.over = kind

    def inner(self, kind: str, at: int, item: dict[str, Any], wire: dict[str, Any]) -> None:
        of = {"message": ("output_text", "refusal", "content_part"), "reasoning": ("reasoning_", "content_part")}
        of |= {"function_call": ("function_call_arguments",), "custom_tool_call": ("custom_tool_call_input",)}
        assert kind.removeprefix("response.").startswith(of.get(item["type"], (item["type"],))), kind
        if "arguments" in kind or "input" in kind:
            assert at not in self.ended, f"{kind} after its end"
            key = (at, "call", 0)
            if kind.endswith(".done"):
                self.ended[at] = 1
                assert wire.get("arguments", wire.get("input")) == self.grown.pop(key, "")
            else:
                self.grown[key] = self.grown.get(key, "") + wire["delta"]
            return
        where = "summary_index" if "summary" in kind else "content_index"
        if where not in wire:
            return  # of a picture
        key = (at, where, wire[where])
        if kind.endswith("part.added"):
            assert key not in self.contents
            assert wire[where] == len(self.closed[at]), "indexes count up"
            self.contents[key] = wire["part"]
            self.grown[key] = ""
        elif kind.endswith("part.done"):
            self.part_done(key, wire["part"])
        elif kind.endswith(".delta"):
            assert key in self.contents
            assert wire["delta"]
            self.grown[key] += wire["delta"]
        elif kind.endswith(".annotation.added"):
            assert len(self.contents[key]["annotations"]) == wire["annotation_index"]
            self.contents[key]["annotations"].append(wire["annotation"])
        else:
            assert wire.get("text", wire.get("refusal")) == self.grown[key]

    def part_done(self, key: tuple[int, str, int], part: dict[str, Any]) -> None:
        begun = self.contents.pop(key)
        assert part["type"] == begun["type"]
        text = part.get("text", part.get("refusal"))
        assert text == self.grown.pop(key)
        assert part.get("annotations", []) == begun.get("annotations", [])
        assert text or part.get("annotations") or key[1] != "content_index", "a part that holds nothing"
        self.closed[key[0]].append(part)

    def item_done(self, at: int, begun: dict[str, Any], item: dict[str, Any]) -> None:
        del self.open[at]
        assert at == len(self.done)
        assert (item.get("id"), item["type"]) == (begun.get("id"), begun["type"])
        if item["type"] == "message":
            assert item["content"] == self.closed[at]
        if item["type"] == "reasoning":
            assert (item.get("content") or item["summary"]) == self.closed[at]
        if item["type"] in ("function_call", "custom_tool_call"):
            assert at in self.ended
            assert (item["call_id"], item["name"]) == (begun["call_id"], begun["name"])
        self.done.append(item)


def chained(frames: list[Frame], *, at_home: bool = False) -> Chain:
    chain = Chain()
    for frame in frames:
        chain.feed(frame, at_home=at_home)
    return chain


def accumulated(frames: list[Frame]) -> Any:
    """What openai-python adds the events up to; it raises where they do not fit together."""
    from openai.lib.streaming.responses._responses import ResponseStreamState

    state: Any = ResponseStreamState(input_tools=[], text_format=openai.NOT_GIVEN)
    for frame in frames:
        state.handle_event(EVENT.validate_python(json.loads(frame.data)))
    return state._completed_response


def well_rendered(found: list[Event], *, model: str = "asked") -> Response:
    """The events, as a client gets them from a provider of another dialect: chain, SDK and whole answer agree."""
    start = found[0]
    assert isinstance(start, Start)
    frames = laws.render(CODEC, [replace(start, origin="elsewhere"), *found[1:]], model=model)
    chain = chained(frames)
    assert chain.over in ("response.completed", "response.incomplete")
    last = json.loads(frames[-1].data)["response"]
    is_a_response(last)
    sdk = accumulated(frames)
    there = laws.reread(CODEC, frames)
    whole = CODEC.decode_response(last, laws.context())
    assert laws.gist(whole) == laws.gist(there)
    assert (sdk is None) is (chain.over == "response.incomplete")
    if sdk is not None:
        assert sdk.output_text == "".join(part.text for part in there.parts if isinstance(part, Text))
    plain = CODEC.encode_response(replace(fold(found), origin="elsewhere"), laws.context(model=model))
    assert nameless(json.loads(json.dumps(plain))) == nameless(last), "streamed or whole is the same answer"
    return there


def nameless(wire: dict[str, Any]) -> dict[str, Any]:
    """An answer without the ids that are made anew."""
    output = [{name: value for name, value in item.items() if name != "id"} for item in wire["output"]]
    for item in output:
        for content in item.get("content") or ():
            content.setdefault("logprobs", [])
            content.setdefault("annotations", [])
    return {**wire, "id": "", "output": output}


@pytest.mark.parametrize("case", STREAMS)
def test_a_recorded_stream(case: Exchange) -> None:
    data = case.sse or b""
    if case.file.startswith(FAILING):
        with pytest.raises(GatewayError) as caught:
            laws.events(CODEC, data)
        assert caught.value.kind is (Kind.RATE_LIMIT if "rate-limited" in case.file else Kind.UPSTREAM)
        return
    if len(data) < 300_000:
        laws.cut_anywhere(CODEC, data)
    found = laws.events(CODEC, data)
    laws.grammar(found)
    response = fold(found)
    laws.folds_back(response)
    home = laws.render(CODEC, found)
    assert laws.gist(laws.reread(CODEC, home)) == laws.gist(response)
    chained(home, at_home=True)
    assert laws.gist(well_rendered(found)) == laws.gist(response)


@pytest.mark.parametrize("case", STREAMS)
def test_a_recorded_stream_is_its_whole_answer(case: Exchange) -> None:
    """What the deltas add up to is what the last event holds."""
    if case.file.startswith(FAILING):
        return
    frames = [*(reader := Reader()).feed(case.sse or b""), *reader.close()]
    last = next(json.loads(f.data) for f in reversed(frames) if f.data != b"[DONE]")
    streamed = fold(laws.events(CODEC, case.sse or b""))
    if not last["response"]["output"]:
        return
    whole = CODEC.decode_response(last["response"], laws.context())
    assert laws.gist(streamed) == laws.gist(whole)
    kinds = [type(part).__name__ for part in whole.parts]
    assert [type(part).__name__ for part in streamed.parts] == kinds


@pytest.mark.parametrize("case", ANSWERS)
def test_a_recorded_answer_streamed(case: Exchange) -> None:
    response = CODEC.decode_response(case.response, laws.context())
    assert laws.gist(well_rendered(list(unfold(response)))) == laws.gist(response)
    home = laws.render(CODEC, unfold(response))
    chained(home, at_home=True)
    assert laws.gist(laws.reread(CODEC, home)) == laws.gist(response)


# -- in other dialects ----------------------------------------------------------------------

OTHERS: list[Codec] = [CODECS[name] for name in ("openai.chat", "anthropic", "gemini")]
NAMES = [codec.dialect for codec in OTHERS]


def same(there: Response, here: Response, front: Codec) -> None:
    """The same gist; Anthropic has no media in answers, so there they stand in the text, after the loss is told."""
    mine, theirs = laws.gist(here), laws.gist(there)
    if front.dialect == "anthropic" and any(isinstance(part, Media) for part in here.parts):
        assert mine.pop("text") in theirs.pop("text")
    if front.dialect == "gemini":  # a call is said whole there: one that was cut in the middle cannot be
        mine["calls"] = [call for call in mine["calls"] if not isinstance(call[1], str)]
    assert theirs == mine


@pytest.mark.parametrize("front", OTHERS, ids=NAMES)
@pytest.mark.parametrize("case", STREAMS)
def test_a_stream_in_another_dialect(case: Exchange, front: Codec) -> None:
    if case.file.startswith(FAILING):
        return
    pipe = Pipe(CODEC.decoder(laws.context()), front.encoder(laws.context()))
    frames = [*pipe.feed(case.sse or b""), *pipe.close()]
    same(laws.reread(front, frames), pipe.fold.response(), front)


@pytest.mark.parametrize("front", OTHERS, ids=NAMES)
@pytest.mark.parametrize("case", ANSWERS)
def test_an_answer_in_another_dialect(case: Exchange, front: Codec) -> None:
    here = CODEC.decode_response(case.response, laws.context())
    wire = json.loads(json.dumps(front.encode_response(here, laws.context())))
    same(front.decode_response(wire, laws.context()), here, front)


def dialect_of(case: Exchange) -> str | None:
    """The dialect an exchange was recorded in, by its api; None for what is not one of the others."""
    provider, _, surface = case.api.partition(".")
    if surface in ("chat", "openai_chat") and provider != "anthropic-compat":
        return "openai.chat"
    known = {
        "anthropic": ("anthropic.messages", "vertex.anthropic", "vertex.anthropic_stream", "pydantic-gw.anthropic_messages"),
        "gemini": ("gemini.generate", "gemini.stream", "vertex.generate", "vertex.stream", "pydantic-gw.vertex_generate"),
    }  # fmt: skip
    return next((dialect for dialect, apis in known.items() if case.api in apis), None)


THEIRS = [p for p in exchanges() if p.values[0] is None or (dialect_of(p.values[0]) and p.values[0].status < 300)]

BROKEN: dict[str, str] = {
    "gemini.stream/image-in/imageConfigParam-followup-response-streaming": "the model gave no image: NO_IMAGE",
    "groq.chat/error-stream/test_tool_use_failed_error_streaming_with_text": "an error event ends it",
}
"""Recordings of others that are no answer, each with its reason."""


@pytest.mark.parametrize("case", [p for p in THEIRS if p.values[0] is None or p.values[0].sse])
def test_their_streams_here(case: Exchange) -> None:
    """What another provider streamed, a client of Responses hears whole: chain, SDK and gist."""
    back = CODECS[dialect_of(case) or ""]
    try:
        found = laws.events(back, case.sse or b"")
    except GatewayError as error:
        if case.id not in BROKEN:
            pytest.fail(error.message)
        return
    assert case.id not in BROKEN, "stale"
    there = well_rendered(found)
    assert told(there) == told(fold(found))


@pytest.mark.parametrize("case", [p for p in THEIRS if p.values[0] is None or isinstance(p.values[0].response, dict)])
def test_their_answers_here(case: Exchange) -> None:
    back = CODECS[dialect_of(case) or ""]
    try:
        here = back.decode_response(case.response, laws.context())
    except GatewayError as error:
        pytest.skip(f"the recording itself is an error: {error.message}")
    assert told(well_rendered(list(unfold(here)))) == told(here)


def told(response: Response) -> dict[str, Any]:
    """The gist, and the pictures."""
    pictures = [
        part.source for part in response.parts if isinstance(part, Media) and part.media_type.startswith("image/")
    ]
    return laws.gist(response) | {"pictures": pictures}


# -- requests of others, and for others --------------------------------------------------------


def request_gist(request: Request) -> dict[str, Any]:
    """What must survive a request's journey: who said what, which tools were called with what, and what came back."""
    said: list[tuple[str, str]] = []
    calls, results = [], []
    for message in request.messages:
        for part in message.parts:
            match part:
                case Text(text=text) if text.strip():
                    said.append((message.role, text))
                case ToolCall(name=name, arguments=arguments, server=False):
                    calls.append((name, json.loads(arguments or "{}")))
                case ToolResult(content=content, server=False):
                    results.append("".join(p.text for p in content if isinstance(p, Text)))
                case _:
                    pass
    return {
        "said": ["".join(text for role, text in said if role == who) for who in ("system", "user", "assistant")],
        "calls": calls,
        "results": results,
        "tools": [tool.name for tool in request.tools if not tool.server],
    }


def crosses(home: Codec, front: Codec, wire: Any) -> None:
    """Abroad it says the same, or the difference is a reported loss, or a clear refusal."""
    here = home.decode_request(wire, laws.context())
    ctx = laws.context(model="m")
    try:
        written = json.loads(json.dumps(front.encode_request(here, ctx)))
    except GatewayError as error:
        if not error.param:
            pytest.fail(error.message)
        return
    mine, theirs = request_gist(here), request_gist(front.decode_request(written, laws.context()))
    different = {key for key in mine if mine[key] != theirs[key]}
    assert not different or ctx.losses, (different, {k: (mine[k], theirs[k]) for k in different})
    assert not {"tools", "calls"} & different, {k: (mine[k], theirs[k]) for k in different}


@pytest.mark.parametrize("front", OTHERS, ids=NAMES)
@pytest.mark.parametrize("case", [p for p in REQUESTS if p.values[0] is None or p.values[0].status < 300])
def test_a_request_in_another_dialect(case: Exchange, front: Codec) -> None:
    crosses(CODEC, front, case.request)


@pytest.mark.parametrize("case", [p for p in THEIRS if p.values[0] is None or isinstance(p.values[0].request, dict)])
def test_their_requests_here(case: Exchange) -> None:
    crosses(CODECS[dialect_of(case) or ""], CODEC, case.request)
