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
from dragoman.core.codec import Context, asks_nothing
from dragoman.core.errors import GatewayError, Kind
from dragoman.core.fold import fold, unfold
from dragoman.core.framing import Frame, Reader
from dragoman.core.ir import (
    Base64,
    Citation,
    Event,
    Finish,
    Media,
    Message,
    Opaque,
    PartDelta,
    PartEnd,
    PartStart,
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
    ToolResult,
    Usage,
)
from dragoman.core.profile import Profile
from dragoman.core.translate import Pipe
from dragoman.dialects import CODECS
from dragoman.dialects.openai_responses import OpenAIResponses
from mutations import mutations, only_refusals
from recorded import dialect_of
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
    assert there.format.schema == here.format.schema | {"additionalProperties": False}, "it is strict"
    assert there.thinking == here.thinking

    def calls(request: Request) -> list[Any]:
        return [
            (p.id, p.name, json.loads(p.arguments or "{}"))
            for m in request.messages for p in m.parts if isinstance(p, ToolCall)
        ]  # fmt: skip

    assert calls(here) == calls(there)
    assert wire["store"] is False
    assert wire["include"] == ["reasoning.encrypted_content", "message.output_text.logprobs"]
    lost = {loss.path for loss in ctx.losses}
    assert wire["metadata"] == there.terms.metadata != {} and "metadata" not in lost
    assert {"prompt", "previous_response_id", "conversation", "max_tool_calls"} <= lost
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

    fuzzed = {**ABROAD, "input": [*ABROAD["input"][:10], *ABROAD["input"][12:17], RICH["input"][-3]]}
    assert only_refusals(read, fuzzed) > 1000
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
        if kind.startswith("response.") and kind != "response.failed" and not at_home:  # whose codes are many
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

THEIRS = [
    p
    for p in exchanges()
    if p.values[0] is None or (dialect_of(p.values[0]) not in (None, CODEC.dialect) and p.values[0].status < 300)
]

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


# -- answers and events gone wrong ----------------------------------------------------------------

USAGE = {
    "input_tokens": 10,
    "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 1},
    "output_tokens": 5,
    "output_tokens_details": {"reasoning_tokens": 2},
    "total_tokens": 15,
    "cost": 0.1,
}
ITEMS: list[dict[str, Any]] = [
    {**RICH["input"][4], "status": "completed"},
    RICH["input"][5],
    RICH["input"][6],
    RICH["input"][10],
    RICH["input"][12],
    {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "cat"}},
    {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": PNG, "output_format": "webp"},
]
ANSWER: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "status": "completed",
    "model": "m",
    "error": None,
    "incomplete_details": None,
    "output": ITEMS,
    "usage": USAGE,
    "metadata": {},
    "x_new": {"deep": [1]},
}


def test_answers_gone_wrong() -> None:
    """A provider's odd field is passed over; where nothing can be read, that is the provider's failure."""

    def read(wire: Any) -> None:
        response = CODEC.decode_response(wire, laws.context())
        laws.folds_back(response)
        for told in (response, replace(response, origin="elsewhere")):
            json.dumps(CODEC.encode_response(told, laws.context()))
            laws.reread(CODEC, laws.render(CODEC, unfold(told)))

    assert 30 < only_refusals(read, ANSWER, Kind.UPSTREAM) < 400
    read(ANSWER)


HEAD = {name: value for name, value in ANSWER.items() if name not in ("output", "usage")}
STARTED = {**HEAD, "status": "in_progress", "output": [], "usage": None}
PART = {
    "type": "output_text",
    "text": "Let me look.",
    "annotations": ITEMS[2]["content"][0]["annotations"],
    "logprobs": [],
}
FEED: list[dict[str, Any]] = [
    {"type": "response.created", "response": STARTED},
    {"type": "response.output_item.added", "output_index": 0, "item": {"type": "reasoning", "id": "rs_1", "summary": []}},
    {"type": "response.reasoning_summary_part.added", "item_id": "rs_1", "output_index": 0, "summary_index": 0, "part": {"type": "summary_text", "text": ""}},
    {"type": "response.reasoning_summary_text.delta", "item_id": "rs_1", "output_index": 0, "summary_index": 0, "delta": "A cat?"},
    {"type": "response.reasoning_summary_text.done", "item_id": "rs_1", "output_index": 0, "summary_index": 0, "text": "A cat?"},
    {"type": "response.reasoning_summary_text.delta", "item_id": "rs_1", "output_index": 0, "summary_index": 1, "delta": "A cat."},
    {"type": "response.output_item.done", "output_index": 0, "item": ITEMS[0]},
    {"type": "response.output_item.added", "output_index": 1, "item": {"type": "message", "id": "msg_1", "role": "assistant", "content": []}},
    {"type": "response.content_part.added", "item_id": "msg_1", "output_index": 1, "content_index": 0, "part": {"type": "output_text", "text": ""}},
    {"type": "response.output_text.delta", "item_id": "msg_1", "output_index": 1, "content_index": 0, "delta": "Let me", "logprobs": [{"token": "x"}]},
    {"type": "response.output_text.annotation.added", "item_id": "msg_1", "output_index": 1, "content_index": 0, "annotation": PART["annotations"][0]},
    {"type": "response.output_text.done", "item_id": "msg_1", "output_index": 1, "content_index": 0, "text": "Let me look."},
    {"type": "response.content_part.done", "item_id": "msg_1", "output_index": 1, "content_index": 0, "part": PART},
    {"type": "response.output_item.done", "output_index": 1, "item": ITEMS[2]},
    {"type": "response.output_item.added", "output_index": 2, "item": {**ITEMS[3], "arguments": ""}},
    {"type": "response.function_call_arguments.delta", "item_id": "fc_1", "output_index": 2, "delta": '{"at"'},
    {"type": "response.function_call_arguments.done", "item_id": "fc_1", "output_index": 2, "arguments": '{"at": 1}'},
    {"type": "response.output_item.done", "output_index": 2, "item": ITEMS[3]},
    {"type": "response.output_item.added", "output_index": 3, "item": {**ITEMS[4], "input": ""}},
    {"type": "response.custom_tool_call_input.delta", "item_id": "ctc_1", "output_index": 3, "delta": 'say "'},
    {"type": "response.custom_tool_call_input.done", "item_id": "ctc_1", "output_index": 3, "input": 'say "hi"\n'},
    {"type": "response.output_item.done", "output_index": 3, "item": ITEMS[4]},
    {"type": "response.output_item.done", "output_index": 4, "item": ITEMS[5]},
    {"type": "response.output_item.done", "output_index": 5, "item": ITEMS[6]},
    {"type": "response.refusal.delta", "item_id": "msg_2", "output_index": 6, "content_index": 0, "delta": "No."},
    {"type": "response.completed", "response": {**ANSWER, "output": []}},
]  # fmt: skip


@pytest.mark.parametrize("i", range(len(FEED)))
def test_events_gone_wrong(i: int) -> None:
    failed = 0
    for where, changed in mutations(FEED[i]):
        decoder = CODEC.decoder(laws.context())
        feed = [changed if j == i else wire for j, wire in enumerate(FEED)]
        try:
            found = [event for wire in feed for event in decoder.feed(Frame(json.dumps(wire).encode()))]
            found += decoder.close()
        except GatewayError as error:
            failed += 1
            if error.kind is not Kind.UPSTREAM:
                pytest.fail(f"{where}: {error.kind}")
            continue
        except Exception as error:
            pytest.fail(f"{where}: {type(error).__name__}: {error}")
        try:
            laws.grammar(found)
            start = found[0]
            assert isinstance(start, Start)
            for origin in (start.origin, "elsewhere"):
                frames = laws.render(CODEC, [replace(start, origin=origin), *found[1:]])
                chained(frames, at_home=True)
                laws.reread(CODEC, frames)
        except AssertionError as error:
            raise AssertionError(where) from error
    assert failed < 60  # most of them where the terminal event is lost


# -- streams of odd servers ---------------------------------------------------------------------


def stream(*wires: dict[str, Any]) -> bytes:
    return b"".join(b"event: %b\ndata: %b\n\n" % (w["type"].encode(), json.dumps(w).encode()) for w in wires)


def completed(*output: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "response.completed", "response": {**HEAD, "output": list(output), "usage": USAGE, **more}}


CREATED = {"type": "response.created", "response": STARTED}


def read(*wires: dict[str, Any]) -> Response:
    found = laws.events(CODEC, stream(*wires))
    laws.grammar(found)
    return fold(found)


def message(text: str, id: str = "msg_1") -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"type": "message", "id": id, "role": "assistant", "status": "completed", "content": content}


def delta(text: str, **at: Any) -> dict[str, Any]:
    return {"type": "response.output_text.delta", "delta": text, **at}


def call(n: int, **more: Any) -> dict[str, Any]:
    own = {"id": f"fc_{n}", "call_id": f"call_{n}", "name": "f", "arguments": f'{{"a":{n}}}', "status": "completed"}
    return {"type": "function_call", **own, **more}


def test_llamacpp_sends_no_content_index() -> None:
    here = read(
        CREATED,
        {"type": "response.output_item.added", "item": {"type": "message", "id": "msg_1", "content": []}},
        {"type": "response.content_part.added", "item_id": "msg_1", "part": {"type": "output_text", "text": ""}},
        delta("He", item_id="msg_1"),
        delta("llo", item_id="msg_1"),
        {"type": "response.output_text.done", "item_id": "msg_1", "text": "Hello"},
        {"type": "response.content_part.done", "item_id": "msg_1", "part": {"type": "output_text", "text": "Hello"}},
        {"type": "response.output_item.done", "item": message("Hello")},
        completed(message("Hello")),
    )
    assert laws.gist(here)["text"] == "Hello"
    assert len(here.parts) == 1


@pytest.mark.parametrize(
    "wires",
    [
        [
            {
                "type": "response.output_text.done",
                "output_index": 0,
                "content_index": 0,
                "item_id": "msg_1",
                "text": "Hello",
            }
        ],
        [{"type": "response.output_item.done", "output_index": 0, "item": message("Hello")}],
        [
            delta("Hel", output_index=0),
            {"type": "response.output_item.done", "output_index": 0, "item": message("Hello")},
        ],
        [delta("Hello", output_index=0)],
        [delta("Hello")],
        [],
    ],
)
@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("created", [True, False])
def test_a_text_is_told_once_however_it_comes(wires: list[dict[str, Any]], listed: bool, created: bool) -> None:
    """In deltas, in done events, at the end only, or in all of them (case 116); without the first event, too."""
    if not wires and not listed:
        return
    here = read(*([CREATED] if created else []), *wires, completed(*([message("Hello")] if listed else [])))
    assert [part.text for part in here.parts if isinstance(part, Text)] == ["Hello"]
    assert here.stop == Stop("stop", "completed")
    assert here.usage.input == 10


def test_summary_parts_are_paragraphs_of_one_thought() -> None:
    """And what is encrypted anew in the last event is no second thought."""
    item = {**ITEMS[0], "encrypted_content": "gNEW"}
    here = read(*FEED[:7], completed(item))
    [thought] = [part for part in here.parts if isinstance(part, Reasoning)]
    assert thought.text == "A cat?\n\nA cat."
    assert thought.signature == Signature("openai", "gAAAA")
    assert thought.summary


def test_a_thought_in_its_own_words() -> None:
    item = {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]}
    deltas = [
        {"type": "response.reasoning_text.delta", "output_index": 0, "content_index": 0, "delta": each}
        for each in ("H", "m.")
    ]
    for wires in (
        [],
        deltas,
        [{"type": "response.reasoning_text.done", "output_index": 0, "content_index": 0, "text": "Hm."}],
    ):
        here = read(
            CREATED, *wires, {"type": "response.output_item.done", "output_index": 0, "item": item}, completed(item)
        )
        assert [(part.text, part.summary) for part in here.parts if isinstance(part, Reasoning)] == [("Hm.", False)]


def test_parallel_calls_may_interleave() -> None:
    added = [{"type": "response.output_item.added", "output_index": n, "item": call(n, arguments="")} for n in (0, 1)]
    pieces = [
        {"type": "response.function_call_arguments.delta", "output_index": n, "item_id": f"fc_{n}", "delta": text}
        for n, text in ((0, '{"a"'), (1, '{"a":'), (0, ":0}"), (1, "1}"))
    ]
    done = [{"type": "response.output_item.done", "output_index": n, "item": call(n)} for n in (1, 0)]
    found = laws.events(CODEC, stream(CREATED, *added, *pieces, *done, completed(call(0), call(1))))
    laws.grammar(found)
    assert laws.gist(fold(found))["calls"] == [("f", {"a": 0}), ("f", {"a": 1})]
    assert laws.gist(well_rendered(found))["calls"] == [("f", {"a": 0}), ("f", {"a": 1})]


def test_ids_may_change_between_events() -> None:
    """Copilot gives an item another id in each event: its place tells which it is."""
    here = read(
        CREATED,
        {"type": "response.output_item.added", "output_index": 0, "item": call(0, arguments="", id="a")},
        {"type": "response.function_call_arguments.delta", "output_index": 0, "item_id": "b", "delta": '{"a":0}'},
        {"type": "response.output_item.done", "output_index": 0, "item": call(0, id="c")},
        completed(call(0, id="d")),
    )
    assert laws.gist(here)["calls"] == [("f", {"a": 0})]


@pytest.mark.parametrize(
    ("wire", "kind", "code"),
    [
        ({"type": "response.failed", "response": {"error": {"code": "rate_limit_exceeded", "message": "M"}}}, Kind.RATE_LIMIT, "rate_limit_exceeded"),
        ({"type": "response.failed", "response": {"error": {"code": "server_error", "message": "M"}}}, Kind.UPSTREAM, "server_error"),
        ({"type": "response.failed", "response": {}}, Kind.UPSTREAM, None),
        ({"type": "error", "code": "context_length_exceeded", "message": "M", "param": None}, Kind.CONTEXT_LENGTH, "context_length_exceeded"),
        ({"type": "error", "error": {"type": "invalid_request_error", "code": None, "message": "M"}}, Kind.INVALID_REQUEST, None),
    ],
)  # fmt: skip
def test_a_stream_that_fails(wire: dict[str, Any], kind: Kind, code: str | None) -> None:
    with pytest.raises(GatewayError) as caught:
        read(CREATED, delta("He", output_index=0), wire)
    assert (caught.value.kind, caught.value.code) == (kind, code)


@pytest.mark.parametrize(
    ("status", "details", "reason", "raw"),
    [
        ("completed", None, "stop", "completed"),
        ("incomplete", {"reason": "max_output_tokens"}, "length", "max_output_tokens"),
        ("incomplete", {"reason": "content_filter"}, "content_filter", "content_filter"),
        ("incomplete", {"reason": "new"}, "error", "new"),
        ("incomplete", None, "error", "incomplete"),
    ],
)
def test_why_it_ended(status: str, details: Any, reason: str, raw: str) -> None:
    ended = {"status": status, "incomplete_details": details}
    whole = CODEC.decode_response({**ANSWER, "output": [message("x")], **ended}, laws.context())
    streamed = read(CREATED, {**completed(message("x"), **ended), "type": f"response.{status}"})
    assert whole.stop == streamed.stop == Stop(reason, raw)  # type: ignore[arg-type]


# -- cases ------------------------------------------------------------------------------------------


def ask(*messages: Message, **more: Any) -> Request:
    return Request(origin="elsewhere", model="m", messages=messages, **more)


def written(request: Request, **fields: Any) -> tuple[dict[str, Any], Context]:
    ctx = laws.context(**fields)
    return json.loads(json.dumps(CODEC.encode_request(request, ctx))), ctx


def user(*parts: Any) -> Message:
    return Message(role="user", parts=parts)


def assistant(*parts: Any) -> Message:
    return Message(role="assistant", parts=parts)


def answered(*parts: Any, stop: Stop | None = None, request: Request | None = None) -> Response:
    return Response(
        origin="elsewhere", id="x", model="m", parts=parts, stop=stop or Stop(), usage=Usage(input=7, output=3)
    )


def rendered(response: Response, request: Request | None = None) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The events a client gets, and the whole answer; which are the same."""
    frames = laws.render(CODEC, unfold(response), request=request)
    chained(frames)
    wires = [json.loads(frame.data) for frame in frames]
    whole = json.loads(json.dumps(CODEC.encode_response(response, laws.context(request=request))))
    assert nameless(whole) == nameless(wires[-1]["response"])
    return wires, whole


def kinds(wires: list[dict[str, Any]]) -> list[str]:
    return [wire["type"].removeprefix("response.") for wire in wires]


@pytest.mark.parametrize("redacted", [True, False])
def test_case_036_a_redacted_thought_is_an_encrypted_item(redacted: bool) -> None:
    """The slot for what is encrypted holds others' proofs too, with the issuer's name; they go back to nobody else."""
    thought = Reasoning(text="", redacted=redacted, signature=Signature("anthropic", "EqQB:x"))
    _, whole = rendered(answered(thought, Text(text="Hi")))
    item = whole["output"][0]
    assert item["type"] == "reasoning"
    assert item["summary"] == []
    assert item["encrypted_content"].endswith("EqQB:x")
    history = {"model": "m", "input": [{"role": "user", "content": "Hi"}, *whole["output"]]}
    back = CODEC.decode_request(history, laws.context())
    again = back.messages[1].parts[0]
    assert isinstance(again, Reasoning)
    assert (again.signature, again.redacted) == (thought.signature, redacted)
    wire, ctx = written(replace(back, origin="elsewhere"))
    assert not any(item["type"] == "reasoning" for item in wire["input"])
    assert "messages[1].parts[0]" in {loss.path for loss in ctx.losses}
    edited = json.loads(CODEC.edit_request(json.dumps(history).encode(), "m", False, Profile()))
    assert edited["input"] == [history["input"][0], history["input"][2]]


def test_case_059_images_in_results() -> None:
    result = ToolResult(call_id="t1", content=(Text(text="ok"), Media(media_type="image/png", source=Base64(PNG))))
    request = ask(user(Text(text="Look")), assistant(ToolCall(id="t1", name="f", arguments="{}")), user(result))
    wire, ctx = written(request)
    assert wire["input"][-1] == {
        "type": "function_call_output",
        "call_id": "t1",
        "output": [{"type": "input_text", "text": "ok"}, {"type": "input_image", "image_url": DATA}],
    }
    assert ctx.losses == []


def test_case_060_documents() -> None:
    pdf = Media(media_type="application/pdf", source=Base64("JVBERi0="), name="a.pdf")
    request = ask(user(pdf), assistant(ToolCall(id="t", name="f")), user(ToolResult(call_id="t", content=(pdf,))))
    wire, _ = written(request)
    file = {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}
    assert wire["input"][0]["content"] == [file]
    assert wire["input"][2]["output"] == [file]
    film = Media(media_type="video/mp4", source=Base64("AAAA"))
    with pytest.raises(GatewayError) as caught:
        written(ask(user(film)))
    assert caught.value.param == "messages[0].parts[0]"


def test_case_064_a_thought_is_never_replayed_as_text() -> None:
    unsigned, signed = Reasoning(text="secret"), Reasoning(text="sum", signature=Signature("openai", "gAAA"))
    wire, ctx = written(ask(user(Text(text="Hi")), assistant(unsigned, signed, Text(text="So"))))
    assert "secret" not in json.dumps(wire)
    assert wire["input"][1] == {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "sum"}],
        "encrypted_content": "gAAA",
    }
    assert [loss.path for loss in ctx.losses] == ["messages[1].parts[0]"]


def test_case_065_thinking_is_asked_for_and_shown() -> None:
    wire, _ = written(ask(user(Text(text="Hi")), thinking=Thinking(budget=10000)))
    assert wire["reasoning"] == {"effort": "medium", "summary": "auto"}
    assert wire["include"] == ["reasoning.encrypted_content"]
    hidden, _ = written(ask(user(Text(text="Hi")), thinking=Thinking(effort="low", visible=False)))
    assert hidden["reasoning"] == {"effort": "low"}
    off, _ = written(ask(user(Text(text="Hi")), thinking=Thinking(effort="none")))
    assert off["reasoning"] == {"effort": "none"}
    assert "include" not in off


@pytest.mark.parametrize("length", [40, 64, 65, 300])
def test_case_070_long_ids(length: int) -> None:
    id = "x" * length
    request = ask(assistant(ToolCall(id=id, name="f")), user(ToolResult(call_id=id)))
    wire, ctx = written(request)
    sent = wire["input"][0]["call_id"]
    assert sent == wire["input"][1]["call_id"]
    assert len(sent) <= 64
    assert ctx.original(sent) == id
    assert (sent == id) is (length <= 64)


def test_case_071_names_are_spelled_as_the_provider_takes_them() -> None:
    tools = tuple(Tool(name=name, parameters=SCHEMA) for name in ("mcp__srv/do@x", "mcp__srv.do.x", "y" * 80))
    ctx = laws.context()
    wire = CODEC.encode_request(ask(user(Text(text="Hi")), tools=tools), ctx)
    names = [tool["name"] for tool in wire["tools"]]
    assert len(set(names)) == 3
    assert all(len(name) <= 64 and name.replace("_", "").isalnum() for name in names)
    back = CODEC.decode_response({**ANSWER, "output": [call(1, name=names[0])]}, ctx)
    assert laws.gist(back)["calls"] == [("mcp__srv/do@x", {"a": 1})]
    decoder = CODEC.decoder(ctx)
    wires = [{"type": "response.output_item.done", "output_index": 0, "item": call(1, name=names[2])}, completed()]
    found = [event for each in wires for event in decoder.feed(Frame(json.dumps(each).encode()))]
    assert laws.gist(fold(found))["calls"] == [("y" * 80, {"a": 1})]


def test_case_077_reasoning_comes_home_by_its_call() -> None:
    """A thought stands before its call in the same message, so that a provider that wants it back can have it."""
    wire = {
        "model": "m",
        "input": [RICH["input"][5], call(1), {"type": "function_call_output", "call_id": "call_1", "output": "x"}],
    }
    request = CODEC.decode_request(wire, laws.context())
    assert [type(part) for part in request.messages[0].parts] == [Reasoning, ToolCall]
    chat = CODECS["openai.chat"].encode_request(request, laws.context(profile=Profile(send_reasoning="field")))
    assert chat["messages"][0]["reasoning_content"] == "Hm."


def test_case_081_calls_made_together_are_one_message() -> None:
    results = [{"type": "function_call_output", "call_id": f"call_{n}", "output": "x"} for n in (0, 1)]
    request = CODEC.decode_request({"model": "m", "input": [call(0), call(1), *results]}, laws.context())
    assert [message.role for message in request.messages] == ["assistant", "user", "user"]
    chat = CODECS["openai.chat"].encode_request(request, laws.context())
    assert [message["role"] for message in chat["messages"]] == ["assistant", "tool", "tool"]
    assert [each["id"] for each in chat["messages"][0]["tool_calls"]] == ["call_0", "call_1"]


def test_case_090_calls_are_why_the_turn_ended() -> None:
    assert CODEC.decode_response({**ANSWER, "output": [call(1)]}, laws.context()).stop.reason == "tool_calls"
    assert read(CREATED, completed(call(1))).stop.reason == "tool_calls"


def test_case_095_a_blocked_prompt_is_incomplete() -> None:
    wires, whole = rendered(answered(stop=Stop("content_filter")))
    assert kinds(wires) == ["created", "in_progress", "incomplete"]
    assert whole["status"] == "incomplete"
    assert whole["incomplete_details"] == {"reason": "content_filter"}
    assert whole["output"] == []


def test_case_109_pictures() -> None:
    wires, whole = rendered(answered(Text(text="Look"), Media(media_type="image/png", source=Base64(PNG))))
    item = whole["output"][1]
    assert (item["type"], item["result"], item["status"]) == ("image_generation_call", PNG, "completed")
    assert kinds(wires)[-5:] == [
        "output_item.added",
        "image_generation_call.in_progress",
        "image_generation_call.completed",
        "output_item.done",
        "completed",
    ]


def test_case_114_calls_are_counted_by_themselves() -> None:
    items = [{"type": "reasoning", "id": "rs_1", "summary": []}, message("Hi"), call(0), call(1)]
    done = [{"type": "response.output_item.done", "output_index": n, "item": item} for n, item in enumerate(items)]
    pipe = Pipe(CODEC.decoder(laws.context()), CODECS["openai.chat"].encoder(laws.context()))
    frames = [*pipe.feed(stream(CREATED, *done, completed(*items))), *pipe.close()]
    chunks = [json.loads(frame.data) for frame in frames if frame.data != b"[DONE]"]
    calls = [each for chunk in chunks for choice in chunk["choices"] for each in choice["delta"].get("tool_calls", ())]
    assert [(each["index"], each["id"]) for each in calls if "id" in each] == [(0, "call_0"), (1, "call_1")]


def test_case_115_no_character_is_lost() -> None:
    wires, whole = rendered(answered(Text(text="I'm happy")))
    text = "".join(wire["delta"] for wire in wires if wire["type"] == "response.output_text.delta")
    [done] = [wire["text"] for wire in wires if wire["type"] == "response.output_text.done"]
    assert text == done == whole["output"][0]["content"][0]["text"] == "I'm happy"


def test_case_116_nothing_is_told_twice() -> None:
    here = read(*FEED)
    assert laws.gist(here) == {
        "text": "Let me look.There.No more.No.",  # the second and third were told at the item's end only
        "reasoning": "A cat?\n\nA cat.",
        "calls": [("look", {"at": 1}), ("write", {"input": 'say "hi"\n'})],
        "stop": "tool_calls",
        "usage": (10, 5),
    }


def test_case_117_and_118_the_chain() -> None:
    """Of a thought, a text, a call and a call without arguments; ids and places are checked by the chain itself."""
    parts = (
        Reasoning(text="Hm"),
        Text(text="Hi"),
        ToolCall(id="a", name="f", arguments='{"a":1}'),
        ToolCall(id="b", name="g"),
    )
    wires, whole = rendered(answered(*parts, stop=Stop("tool_calls")))
    assert kinds(wires) == [
        "created", "in_progress",
        "output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta", "reasoning_summary_text.done",
        "reasoning_summary_part.done", "output_item.done",
        "output_item.added", "content_part.added", "output_text.delta", "output_text.done", "content_part.done", "output_item.done",
        "output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done",
        "output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done",
        "completed",
    ]  # fmt: skip
    assert [wire["sequence_number"] for wire in wires] == list(range(len(wires)))
    added = [wire["item"] for wire in wires if wire["type"] == "response.output_item.added"]
    assert (added[2]["arguments"], added[2]["status"]) == ("", "in_progress")
    assert whole["output"][3]["arguments"] == "{}"
    assert [item["id"][:3] for item in whole["output"]] == ["rs_", "msg", "fc_", "fc_"]
    assert [item.get("call_id") for item in whole["output"]] == [None, None, "a", "b"]


def test_case_119_one_terminal_event_always() -> None:
    for reason in ("stop", "length", "tool_calls", "content_filter", "error"):
        wires, _ = rendered(answered(Text(text="Hi"), stop=Stop(reason)))  # type: ignore[arg-type]
        assert (
            sum(wire["type"] in ("response.completed", "response.incomplete", "response.failed") for wire in wires) == 1
        )


def test_case_120_the_answer_holds_the_items() -> None:
    wires, _ = rendered(answered(Text(text="Hi"), ToolCall(id="a", name="f")))
    done = [wire["item"] for wire in wires if wire["type"] == "response.output_item.done"]
    assert wires[-1]["response"]["output"] == done
    found = laws.events(
        CODEC,
        stream(CREATED, {"type": "response.output_item.done", "output_index": 0, "item": message("Hi")}, completed()),
    )
    last = json.loads(laws.render(CODEC, found)[-1].data)
    assert last["response"]["output"] == [
        message("Hi") | {"content": [{**message("Hi")["content"][0], "logprobs": []}]}
    ]


def test_case_121_what_was_cut_is_incomplete() -> None:
    cut = ToolCall(id="b", name="f", arguments='{"a":')
    wires, whole = rendered(answered(Text(text="Hi"), cut, stop=Stop("length")))
    assert wires[-1]["type"] == "response.incomplete"
    assert whole["incomplete_details"] == {"reason": "max_output_tokens"}
    assert [item["status"] for item in whole["output"]] == ["completed", "incomplete"]
    assert whole["output"][1]["arguments"] == '{"a":'
    assert whole["usage"]["total_tokens"] == 10


def test_case_122_usage_has_its_details() -> None:
    _, whole = rendered(answered(Text(text="Hi")))
    assert whole["usage"] == {
        "input_tokens": 7,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 3,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 10,
    }


@pytest.mark.parametrize(
    "output", ["x", '{"a": 1}', "", [], [{"type": "input_text", "text": "x"}], RICH["input"][14]["output"]]
)
def test_case_123_results_keep_their_form(output: Any) -> None:
    wire = {"model": "m", "input": [call(1), {"type": "function_call_output", "call_id": "call_1", "output": output}]}
    laws.request_comes_home(CODEC, wire)


@pytest.mark.parametrize("name", [None, "sleep"])
@pytest.mark.parametrize("output", ["x", [{"type": "input_text", "text": "x"}]])
def test_what_a_tool_says_unasked(name: str | None, output: Any) -> None:
    """The specification has no call_id among what a result must have: Codex's tools may speak up by themselves."""
    item = {"type": "function_call_output", "call_id": None, "name": name, "output": output, "x_new": 1}
    request = laws.request_comes_home(CODEC, {"model": "m", "input": [{"role": "user", "content": "Hi"}, item]})
    assert CODEC.encode_request(request, Context(model="m"))["input"][1] == item
    for dialect in ("openai.chat", "anthropic", "gemini"):
        ctx = Context(model="m")
        told = json.dumps(CODECS[dialect].encode_request(replace(request, model="m"), ctx))
        assert f"[output of {'the tool sleep' if name else 'a tool'}]:" in told and '"x"' in told
        assert any("x_new" in loss.path for loss in ctx.losses)
    with pytest.raises(GatewayError, match=r"input\[0\].call_id"):
        CODEC.decode_request({"model": "m", "input": [item | {"type": "custom_tool_call_output"}]}, Context())


def test_case_124_a_thought_goes_home_byte_for_byte() -> None:
    item = {**RICH["input"][4], "x_new": 1}
    wire = {"model": "m", "input": [item, call(1)], "store": False, "include": ["reasoning.encrypted_content"]}
    request = laws.request_comes_home(CODEC, wire)
    assert json.dumps(CODEC.encode_request(request, laws.context())["input"][0], sort_keys=True) == json.dumps(
        item, sort_keys=True
    )


@pytest.mark.parametrize(
    ("input", "said"),
    [
        ("hi", [("user", "hi")]),
        ([{"role": "user", "content": "hi"}], [("user", "hi")]),
        (
            [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "x"}]}],
            [("assistant", "x")],
        ),
        ([{"role": "user", "content": [{"type": "text", "text": "hi"}]}], [("user", "hi")]),
    ],
)
def test_case_125_items_without_type_or_id(input: Any, said: Any) -> None:
    request = CODEC.decode_request({"model": "m", "input": input}, laws.context())
    assert [(m.role, "".join(p.text for p in m.parts if isinstance(p, Text))) for m in request.messages] == said


CODEX: dict[str, Any] = {
    "model": "m",
    "input": [
        {
            "type": "additional_tools",
            "role": "developer",
            "tools": [
                {
                    "type": "namespace",
                    "name": "functions",
                    "description": "D",
                    "tools": [
                        {"type": "custom", "name": "exec", "description": "Runs.", "format": {"type": "grammar", "syntax": "lark", "definition": "start: X"}},
                        {"type": "function", "name": "look", "parameters": SCHEMA},
                        {"type": "function", "name": "wait", "parameters": SCHEMA, "strict": False},
                        {"type": "function", "name": "wait", "parameters": {}},
                    ],
                }
            ],
        },
        {"role": "user", "content": "Go"},
        {"type": "custom_tool_call", "call_id": "c1", "name": "exec", "namespace": "functions", "input": "ls"},
        {"type": "custom_tool_call_output", "call_id": "c1", "output": [{"type": "input_text", "text": "a"}]},
    ],
    "tools": [{"type": "function", "name": "look", "description": "Direct.", "parameters": SCHEMA}],
}  # fmt: skip


def test_case_126_codex_tools_abroad() -> None:
    """Each tool once, a direct one before one of a namespace; free text as a function with one string; and back."""
    laws.request_comes_home(CODEC, CODEX)
    request = CODEC.decode_request(CODEX, laws.context())
    chat = CODECS["openai.chat"].encode_request(request, laws.context())
    functions = {tool["function"]["name"]: tool["function"] for tool in chat["tools"]}
    assert [tool["function"]["name"] for tool in chat["tools"]] == ["look", "exec", "wait"]
    assert functions["look"]["description"] == "Direct."
    assert list(functions["exec"]["parameters"]["properties"]) == ["input"]
    assert "start: X" in functions["exec"]["description"]
    assert [message["role"] for message in chat["messages"]] == ["user", "assistant", "tool"]
    assert json.loads(chat["messages"][1]["tool_calls"][0]["function"]["arguments"]) == {"input": "ls"}
    parts = (
        ToolCall(id="a", name="exec", arguments='{"input":"say \\"hi\\""}'),
        ToolCall(id="b", name="wait", arguments="{}"),
    )
    wires, whole = rendered(answered(*parts, stop=Stop("tool_calls")), request)
    custom, function = whole["output"]
    assert (custom["type"], custom["input"], custom["namespace"]) == ("custom_tool_call", 'say "hi"', "functions")
    assert (function["type"], function["namespace"]) == ("function_call", "functions")
    assert kinds(wires)[2:6] == [
        "output_item.added",
        "custom_tool_call_input.delta",
        "custom_tool_call_input.done",
        "output_item.done",
    ]
    assert [wire["delta"] for wire in wires if "custom_tool_call_input.delta" in wire["type"]] == ['say "hi"']


@pytest.mark.parametrize(
    ("arguments", "input"),
    [("", ""), ("{}", ""), ('{"input":"x"}', "x"), ('{"a":1}', '{"a":1}'), ("ls", "ls"), ("[1]", "[1]")],
)
def test_case_126_whatever_the_model_wrote_is_the_input(arguments: str, input: str) -> None:
    request = CODEC.decode_request(CODEX, laws.context())
    _, whole = rendered(answered(ToolCall(id="a", name="exec", arguments=arguments)), request)
    assert whole["output"][0]["input"] == input


def test_case_127_instructions_and_forms() -> None:
    assert laws.request_comes_home(CODEC, {"model": "m", "input": "x", "instructions": None}).messages[0].role == "user"
    wire = {
        "model": "m",
        "input": "x",
        "instructions": "I",
        "max_output_tokens": 20,
        "truncation": "auto",
        "text": {"format": RICH["text"]["format"]},
    }
    request = laws.request_comes_home(CODEC, wire)
    ctx = laws.context()
    chat = CODECS["openai.chat"].encode_request(request, ctx)
    assert chat["messages"] == [{"role": "system", "content": "I"}, {"role": "user", "content": "x"}]
    assert chat["response_format"]["json_schema"]["schema"] == SCHEMA | {"additionalProperties": False}
    assert chat["max_tokens"] == 20
    assert [loss.path for loss in ctx.losses] == ["truncation"]
    gemini = CODECS["gemini"].encode_request(request, laws.context())
    assert any("chema" in name for name in gemini["generationConfig"])
    kept = CODEC.decode_request({**wire, "previous_response_id": "resp_1"}, laws.context())
    assert kept.extra["previous_response_id"] == "resp_1"


@pytest.mark.parametrize("at", range(1, len(FEED)))
def test_case_128_a_cut_stream_is_an_error(at: int) -> None:
    with pytest.raises(GatewayError) as caught:
        laws.events(CODEC, stream(*FEED[:at]))
    assert (caught.value.kind, caught.value.code) == (Kind.UPSTREAM, "upstream_truncated")


# -- failures --------------------------------------------------------------------------------------------


def test_a_failure_in_mid_stream() -> None:
    """As reliability.md 2.4 has it: the failed answer under the same id, then the error in the form SDKs raise at."""
    encoder = CODEC.encoder(laws.context(model="asked"))
    events = [Start(origin="elsewhere", id="x", model="m"), PartStart(0, Text(text="")), PartDelta(0, "Hi")]
    begun = [frame for event in events for frame in encoder.feed(event)]
    frames = [*begun, *encoder.fail(GatewayError(Kind.OVERLOADED, "busy"))]
    chain = chained(frames)
    assert chain.over == "error"
    created, failed, error = (json.loads(frame.data) for frame in (frames[0], *frames[-2:]))
    assert failed["type"] == "response.failed"
    assert failed["response"]["id"] == created["response"]["id"]
    assert failed["response"]["error"] == {"code": "overloaded_error", "message": "busy"}
    assert error == {
        "type": "error",
        "sequence_number": len(frames) - 1,
        "code": "overloaded_error",
        "message": "busy",
        "param": None,
        "error": {"type": "server_error", "code": "overloaded_error", "message": "busy", "param": None},
    }
    [lone] = CODEC.encoder(laws.context()).fail(GatewayError(Kind.TIMEOUT, "late"))
    assert json.loads(lone.data)["error"]["code"] == "upstream_timeout"


@pytest.mark.parametrize("kind", Kind)
def test_errors_come_home(kind: Kind) -> None:
    status, wire = CODEC.encode_error(GatewayError(kind, "M", param="input"), "req_1")
    assert set(wire["error"]) == {"message", "type", "param", "code"}
    back = CODEC.decode_error(status, wire, {"retry-after": "3"})
    same = {Kind.INTERNAL: Kind.UPSTREAM}
    assert back.kind in (kind, same.get(kind))
    assert (back.message, back.param, back.retry_after) == ("M", "input", 3.0)


@pytest.mark.parametrize("case", [p for p in RECORDED if p.values[0] is None or p.values[0].status >= 400])
def test_recorded_errors(case: Exchange) -> None:
    error = CODEC.decode_error(case.status, case.response, {})
    assert error.message == case.response["error"]["message"]
    assert error.kind is (Kind.NOT_FOUND if "model_not_found" in str(case.response) else Kind.INVALID_REQUEST)
    assert CODEC.encode_error(error, "")[1]["error"]["param"] == case.response["error"]["param"]


@pytest.mark.parametrize(
    "wire", [None, "", "<html>502</html>", [], [1], {}, {"error": None}, {"error": "x"}, {"error": {"code": 1}}, 7]
)
def test_odd_errors(wire: Any) -> None:
    assert CODEC.decode_error(502, wire, {}).kind is Kind.UPSTREAM


@pytest.mark.parametrize(
    ("wire", "path"),
    [
        ({}, "input"),
        ({"input": 1}, "input"),
        ({"input": [{"role": "user"}]}, "input[0].content"),
        ({"input": [{"type": "function_call", "name": "f"}]}, "input[0].call_id"),
        ({"input": [{"type": "function_call_output", "call_id": "a"}]}, "input[0].output"),
        ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "input[0].content[0].text"),
        ({"input": [{"role": "critic", "content": "x"}]}, "input[0].role"),
        ({"input": "x", "instructions": []}, "instructions"),
        ({"input": "x", "temperature": 3}, "temperature"),
        ({"input": "x", "text": {"format": {"type": "json_schema"}}}, "text.format.name"),
        ({"input": "x", "reasoning": {"effort": 1}}, "reasoning.effort"),
        ({"input": "x", "include": [1]}, "include[0]"),
        ({"input": "x", "tools": [{"type": "namespace", "name": "n", "tools": [{"type": "function"}]}]}, "tools[0].tools[0].name"),
        ({"input": "x", "tool_choice": "some"}, "tool_choice"),
        ({"input": "x", "previous_response_id": 1}, "previous_response_id"),
    ],
)  # fmt: skip
def test_mistakes_are_named(wire: dict[str, Any], path: str) -> None:
    with pytest.raises(GatewayError) as caught:
        CODEC.decode_request({"model": "m", **wire}, laws.context())
    assert caught.value.kind is Kind.INVALID_REQUEST
    assert caught.value.param == path
    assert path in caught.value.message


# -- settings abroad -----------------------------------------------------------------------------------


def test_settings_for_a_provider() -> None:
    tools = (Tool(name="f", parameters=SCHEMA), Tool(name="g", strict=True, parameters=None))
    sampling = Sampling(max_tokens=1, temperature=0.5, top_k=4, stop=("END",), seed=1)
    request = ask(
        Message(role="system", parts=(Text(text="A"),)),
        Message(role="system", parts=(Text(text="B"),)),
        user(Text(text="Hi")),
        Message(role="system", parts=(Text(text="C"),)),
        tools=tools,
        sampling=sampling,
        stream=True,
        user="u" * 70,
    )
    wire, ctx = written(request, profile=Profile(developer_role=True))
    assert wire["instructions"] == "A\n\nB"
    assert [item["role"] for item in wire["input"]] == ["user", "developer"]
    assert [tool["strict"] for tool in wire["tools"]] == [False, True]
    closed = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    assert wire["tools"][1]["parameters"] == closed
    assert (wire["stream"], wire["store"], wire["max_output_tokens"], len(wire["user"])) == (True, False, 16, 64)
    assert {loss.path for loss in ctx.losses} == {
        "sampling.top_k",
        "sampling.stop",
        "sampling.seed",
        "sampling.max_tokens",
        "user",
    }


def test_what_has_no_call_or_result_is_mended() -> None:
    request = ask(
        assistant(ToolCall(id="a", name="f"), ToolCall(id="b", name="f")),
        user(
            ToolResult(call_id="b", content=(Text(text="x"),), is_error=True),
            ToolResult(call_id="z", content=(Text(text="y"),)),
        ),
    )
    wire, ctx = written(request)
    assert [(item["type"], item.get("call_id"), item.get("output")) for item in wire["input"][2:]] == [
        ("function_call_output", "b", "Error: x"),
        ("function_call_output", "a", "[no result recorded]"),
        ("message", None, None),
    ]
    assert len(ctx.losses) == 3


def test_a_request_is_echoed() -> None:
    request = CODEC.decode_request(
        CODEX | {"instructions": "I", "temperature": 0.3, "metadata": {"a": "b"}, "tool_choice": "required"},
        laws.context(),
    )
    _, whole = rendered(answered(Text(text="Hi")), request)
    assert whole["tools"] == CODEX["tools"]
    assert (whole["instructions"], whole["temperature"], whole["metadata"], whole["tool_choice"]) == (
        "I",
        0.3,
        {"a": "b"},
        "required",
    )


def test_texts_that_follow_each_other_are_one_message() -> None:
    cited = Text(text="b", citations=(Citation(url="https://e.com", title="T"), Citation(cited_text="c")))
    ctx = laws.context()
    response = answered(Text(text="a"), cited, Text(text=""), Refusal(text="no"), Opaque(kind="x", raw={}))
    whole = CODEC.encode_response(response, ctx)
    assert [content["type"] for content in whole["output"][0]["content"]] == ["output_text", "output_text", "refusal"]
    [note] = whole["output"][0]["content"][1]["annotations"]
    assert (note["url"], note["start_index"], note["end_index"]) == ("https://e.com", 0, 1)
    assert {loss.path for loss in ctx.losses} == {"parts[1].citations", "parts[4]"}
    rendered(response)


def test_parts_may_interleave() -> None:
    events: list[Event] = [
        Start(origin="elsewhere", id="x", model="m"),
        PartStart(0, ToolCall(id="a", name="f")),
        PartStart(1, ToolCall(id="b", name="g")),
        PartDelta(1, '{"b":'),
        PartDelta(0, "{}"),
        PartDelta(1, "1}"),
        PartEnd(0),
        PartEnd(1),
        Finish(stop=Stop("tool_calls")),
    ]
    assert laws.gist(well_rendered(events))["calls"] == [("f", {}), ("g", {"b": 1})]


# -- passing through ------------------------------------------------------------------------------------


def test_edits_in_passing() -> None:
    raw = b'{"model": "a", "input": "x",  "temperature": 1.0}'
    assert CODEC.edit_request(raw, "a", False, Profile()) == raw
    assert json.loads(CODEC.edit_request(raw, "b", True, Profile())) == {
        "model": "b",
        "input": "x",
        "temperature": 1.0,
        "stream": True,
    }
    assert b'"temperature":1.0' in CODEC.edit_request(raw, "b", True, Profile())
    assert CODEC.path("m", stream=True) == "/responses"


def test_names_in_passing() -> None:
    whole = json.dumps(ANSWER).encode()
    assert json.loads(CODEC.rename_response(whole, "asked")) == ANSWER | {"model": "asked"}
    frame = Frame(json.dumps(completed(message('"response" "model"'))).encode(), "response.completed")
    renamed = CODEC.rename_frame(frame, "asked")
    assert renamed.event == frame.event
    assert json.loads(renamed.data) == completed(message('"response" "model"'), model="asked")
    for data in (
        b"[DONE]",
        b'{"type":"x","delta":"\\"response\\" \\"model\\""}',
        b'{"response":1,"model":"m"}',
        b'{"response":{"model":',
    ):
        assert CODEC.rename_frame(Frame(data), "asked").data == data


def test_models() -> None:
    rows = {"data": [{"id": "a", "created": 1, "context_length": 5}, {"id": 1}, 7]}
    models = CODEC.decode_models(rows, "p")
    assert [(model.id, model.created, model.context_window) for model in models] == [("a", 1, 5)]
    told = CODEC.encode_models(models)
    assert told["object"] == "list"
    assert told["data"][0] | {"id": "a", "object": "model", "created": 1, "owned_by": "p"} == told["data"][0]


# -- nothing in silence -------------------------------------------------------------------------------------

PLANT = {"x_new": "planted"}


@pytest.mark.parametrize(
    ("path", "request_"),
    [
        ("x_new", ask(user(Text(text="Hi")), extra=PLANT)),
        ("messages[0].x_new", ask(Message(role="user", parts=(Text(text="Hi"),), extra=PLANT))),
        ("messages[0].x_new", ask(Message(role="system", parts=(Text(text="Hi"),), extra=PLANT))),
        ("messages[0].name", ask(Message(role="user", parts=(Text(text="Hi"),), name="planted"))),
        ("messages[0].parts[0].x_new", ask(user(Text(text="Hi", extra=PLANT)))),
        ("messages[0].parts[0].x_new", ask(Message(role="system", parts=(Text(text="Hi", extra=PLANT),)))),
        ("messages[0].parts[0].signature", ask(user(Text(text="Hi", signature=Signature("google", "planted"))))),
        ("messages[0].parts[0].citations", ask(user(Text(text="Hi", citations=(Citation(url="planted"),))))),
        ("messages[0].parts[0].name", ask(user(Media(media_type="image/png", source=Base64(PNG), name="planted")))),
        ("messages[0].parts[0].x_new", ask(assistant(ToolCall(id="a", name="f", extra=PLANT)))),
        ("messages[0].parts[0].signature", ask(assistant(ToolCall(id="a", name="f", signature=Signature("google", "planted"))))),
        ("messages[0].parts[0]", ask(assistant(ToolCall(id="a", name="planted", server=True)))),
        ("messages[0].parts[0]", ask(assistant(Opaque(kind="planted", raw={})))),
        ("messages[0].parts[0].x_new", ask(user(ToolResult(call_id="a", extra=PLANT)))),
        ("messages[0].parts[0]", ask(assistant(Reasoning(text="planted")))),
        ("tools.f.x_new", ask(user(Text(text="Hi")), tools=(Tool(name="f", extra=PLANT),))),
        ("thinking.x_new", ask(user(Text(text="Hi")), thinking=Thinking(effort="low", extra=PLANT))),
        ("modalities", ask(user(Text(text="Hi")), modalities=("image",))),
        *[(f"sampling.{name}", ask(user(Text(text="Hi")), sampling=Sampling(**{name: 1}))) for name in ("top_k", "seed", "presence_penalty", "frequency_penalty")],
    ],
)  # fmt: skip
def test_what_a_question_loses_is_told(path: str, request_: Request) -> None:
    wire, ctx = written(request_)
    assert "planted" not in json.dumps(wire)
    assert path in {loss.path for loss in ctx.losses}


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("parts[0].x_new", Text(text="Hi", extra=PLANT)),
        ("parts[0].signature", Text(text="Hi", signature=Signature("google", "planted"))),
        ("parts[0].signature", ToolCall(id="a", name="f", signature=Signature("google", "planted"))),
        ("parts[0].x_new", ToolCall(id="a", name="f", extra=PLANT)),
        ("parts[0]", ToolCall(id="a", name="planted", server=True)),
        ("parts[0]", Media(media_type="audio/wav", source=Base64("planted"))),
        ("parts[0].citations", Text(text="Hi", citations=(Citation(url="u", cited_text="planted"),))),
        ("parts[0].citations.x_new", Text(text="Hi", citations=(Citation(url="u", extra=PLANT),))),
    ],
)
def test_what_an_answer_loses_is_told(path: str, part: Any) -> None:
    response = answered(part)
    whole, streamed = laws.context(), laws.context()
    encoder = CODEC.encoder(streamed)
    frames = [frame for event in unfold(response) for frame in encoder.feed(event)]
    for ctx, said in ((whole, json.dumps(CODEC.encode_response(response, whole))), (streamed, str(frames))):
        assert "planted" not in said
        assert path in {loss.path for loss in ctx.losses}


# -- the measure itself ---------------------------------------------------------------------------------------


def renumbered(frames: list[Frame]) -> list[Frame]:
    wires = [json.loads(frame.data) | {"sequence_number": n} for n, frame in enumerate(frames)]
    return [Frame(json.dumps(wire).encode(), wire["type"]) for wire in wires]


def test_the_chain_sees_what_is_missing_or_told_twice() -> None:
    cited = Text(text="Hi", citations=(Citation(url="https://e.com"),))
    parts = (Reasoning(text="Hm"), cited, Refusal(text="no"), ToolCall(id="a", name="f", arguments="{}"))
    frames = laws.render(CODEC, unfold(answered(*parts)))
    assert chained(frames).over == "response.completed"
    for i, frame in enumerate(frames):
        if frame.event == "response.in_progress":
            continue  # clients do without
        for wrong in ([*frames[:i], *frames[i + 1 :]], [*frames[: i + 1], frame, *frames[i + 1 :]]):
            if (
                frame.event.endswith(("_text.done", "refusal.done", "response.created"))
                and len(wrong) >= len(frames) - 1
            ):
                continue  # those only repeat what was told
            try:
                over = chained(renumbered(wrong)).over
            except (AssertionError, KeyError):
                continue
            assert not over, f"{frame.event} {'removed' if len(wrong) < len(frames) else 'twice'}"
