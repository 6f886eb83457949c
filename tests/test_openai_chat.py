"""Chat Completions, front and back: the laws, over recordings and over JSON gone wrong. Cases have their own file."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from msgspec.structs import replace

import laws
from dragoman.core.codec import asks_nothing
from dragoman.core.errors import GatewayError, Kind
from dragoman.core.fold import fold, unfold
from dragoman.core.framing import Frame
from dragoman.core.ir import Start, Text, ToolCall
from dragoman.core.profile import Profile
from dragoman.dialects.openai_chat import OpenAIChat
from mutations import mutations, only_refusals
from traffic import Exchange, exchanges

CODEC = OpenAIChat()
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
DATA = f"data:image/png;base64,{PNG}"

RICH: dict[str, Any] = {
    "model": "gpt-5",
    "messages": [
        {
            "role": "system",
            "content": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        },
        {"role": "system", "content": "And kind.", "name": "manner", "cache_control": {"type": "ephemeral"}},
        {
            "role": "user",
            "name": "anna",
            "content": [
                {"type": "text", "text": "What is this?", "prompt_cache_breakpoint": {"mode": "explicit"}},
                {"type": "image_url", "image_url": {"url": DATA, "detail": "low"}},
                {"type": "image_url", "image_url": {"url": "https://example.com/cat.gif", "detail": "auto"}},
                {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}},
                {"type": "file", "file": {"file_id": "file-1"}},
                {"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}},
                {"type": "document_url", "document_url": "https://example.com/b.pdf", "document_name": "b.pdf"},
                {"type": "from_tomorrow", "payload": {"deep": [1]}},
            ],
        },
        {
            "role": "assistant",
            "content": "Let me look.",
            "reasoning_content": "A cat?",
            "reasoning_details": [
                {
                    "type": "reasoning.text",
                    "text": "A cat?",
                    "signature": "sig",
                    "format": "anthropic-claude-v1",
                    "index": 0,
                }
            ],
            "annotations": [
                {
                    "type": "url_citation",
                    "url_citation": {"url": "https://e.com", "title": "T", "start_index": 0, "end_index": 3},
                },
                {"type": "file", "file": {"name": "a.pdf", "hash": "0"}},
            ],
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "look", "arguments": '{"at": 1}'},
                    "extra_content": {"google": {"thought_signature": "CsY="}},
                },
                {"id": "call_2", "type": "function", "function": {"name": "now", "arguments": ""}},
                {"id": "call_3", "type": "custom", "custom": {"name": "write", "input": 'say "hi"'}},
            ],
        },
        {
            "role": "tool",
            "tool_call_id": "call_1",
            "content": [{"type": "text", "text": "A cat."}, {"type": "text", "text": "Grey."}],
        },
        {"role": "tool", "tool_call_id": "call_2", "content": "12:00"},
        {"role": "tool", "tool_call_id": "call_3", "content": ""},
        {"role": "assistant", "content": None, "refusal": "No.", "audio": {"id": "audio_1"}},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "Never."}]},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}], "closed": True},
                {"type": "text", "text": "Ha"},
            ],
        },
        {
            "role": "assistant",
            "content": f"Look: ![Generated Image]({DATA})",
            "images": [{"type": "image_url", "image_url": {"url": DATA}, "index": 0}],
        },
        {"role": "assistant", "content": "", "function_call": {"name": "old", "arguments": "{}"}},
        {"role": "function", "name": "old", "content": "done"},
        {"role": "user", "content": "Thanks."},
    ],
    "tools": [
        {
            "type": "function",
            "cache_control": {"type": "ephemeral"},
            "function": {
                "name": "look",
                "description": "Looks.",
                "strict": True,
                "parameters": {"type": "object", "properties": {"at": {"type": "integer"}}, "required": ["at"]},
            },
        },
        {"type": "function", "function": {"name": "now"}},
        {
            "type": "custom",
            "custom": {
                "name": "write",
                "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "x"}},
            },
        },
        {"type": "openrouter:advisor", "parameters": {"model": "x"}},
    ],
    "tool_choice": {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "look"}}]},
    },
    "parallel_tool_calls": False,
    "response_format": {
        "type": "json_schema",
        "json_schema": {
            "name": "answer",
            "description": "D",
            "strict": True,
            "schema": {"type": "object", "properties": {}},
        },
    },
    "reasoning": {"max_tokens": 2000, "exclude": False},
    "modalities": ["text", "audio"],
    "audio": {"voice": {"id": "voice_1"}, "format": "mp3"},
    "max_tokens": 99,
    "max_completion_tokens": 100,
    "temperature": 0.5,
    "top_p": 1,
    "top_k": 40,
    "stop": "END",
    "seed": 7,
    "presence_penalty": -2,
    "frequency_penalty": 1.5,
    "stream": True,
    "stream_options": {"include_usage": True, "include_obfuscation": False},
    "user": "u-1",
    "n": 2,
    "logprobs": True,
    "top_logprobs": 3,
    "logit_bias": {"50256": -100},
    "metadata": {"case": "rich"},
    "store": False,
    "service_tier": "flex",
    "prediction": {"type": "content", "content": [{"type": "text", "text": "So"}]},
    "web_search_options": {
        "search_context_size": "low",
        "user_location": {"type": "approximate", "approximate": {"country": "GB", "city": "London"}},
    },
    "moderation": {"model": "omni"},
    "verbosity": "low",
    "prompt_cache_key": "k",
    "prompt_cache_options": {"mode": "auto"},
    "safety_identifier": "s",
    "provider": {"order": ["x"], "allow_fallbacks": False},
}

MAPS = {
    ("logit_bias",): "a map of token ids to numbers: an object in it is refused",
    ("metadata",): "a map of strings: an object in it is refused",
}

SIMPLE: list[dict[str, Any]] = [
    {"messages": [{"role": "user", "content": "Hi"}]},
    {
        "model": "m",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
        "stop": ["a", "b"],
        "stream": False,
    },
    {
        "model": "m",
        "messages": [{"role": "user", "content": ""}],
        "tool_choice": "auto",
        "n": 1,
        "logprobs": False,
        "store": False,
    },
    {
        "model": "m",
        "messages": [{"role": "assistant", "content": None}],
        "response_format": {"type": "text"},
        "max_completion_tokens": 5,
    },
    {
        "model": "m",
        "messages": [{"role": "user", "content": "x"}],
        "response_format": {"type": "json_object", "schema": {"type": "object"}},
    },
    {"model": "m", "messages": [{"role": "user", "content": "x"}], "response_format": {"type": "regex", "value": "a+"}},
    {
        "model": "m",
        "messages": [{"role": "user", "content": "x"}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "n"}},
    },
    {
        "model": "m",
        "messages": [{"role": "user", "content": "x"}],
        "reasoning_effort": "default",
        "thinking": {"type": "enabled", "budget_tokens": 5},
    },
    {"model": "m", "messages": [{"role": "user", "content": "x"}], "reasoning_effort": "xhigh", "tool_choice": "none"},
    {"model": "m", "messages": [{"role": "user", "content": "x"}], "reasoning": {"effort": "low", "enabled": True}},
    {
        "model": "m",
        "messages": [
            {
                "role": "assistant",
                "tool_calls": [{"id": "", "type": "function", "function": {"name": "f", "arguments": "null"}}],
            },
            {"role": "tool", "tool_call_id": "", "content": "x"},
        ],
    },
    {
        "model": "m",
        "messages": [
            {"role": "user", "content": "x"},
            {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": '{"a":1}'}},
            {"role": "function", "name": "f", "content": "y"},
        ],
        "functions": [
            {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}},
            {"name": "g"},
        ],
        "function_call": {"name": "f"},
    },
    {
        "model": "m",
        "messages": [
            {
                "role": "assistant",
                "extra_content": {"google": {"thought": True, "thought_signature": "s"}},
                "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
            }
        ],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
    },
    {
        "model": "m",
        "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "https://e.com/a.png"}]}],
    },
]


def plain(wire: Any) -> Any:
    """Two spellings the default profile changes at home: usage is always asked for, and only OpenAI knows developers."""
    wire = copy.deepcopy(wire)
    if wire.get("stream"):
        wire.setdefault("stream_options", {})["include_usage"] = True
    for message in wire["messages"]:
        if message.get("role") == "developer":
            message["role"] = "system"
    return wire


# -- the injection law, first -----------------------------------------------------


@pytest.mark.parametrize("path", [p for p in laws.objects(RICH) if p not in MAPS], ids=str)
def test_an_unknown_field_comes_home(path: tuple[str | int, ...]) -> None:
    laws.unknown_field_comes_home(CODEC, RICH, path, plain=plain)


@pytest.mark.parametrize("i", range(len(SIMPLE)))
def test_an_unknown_field_comes_home_from_everywhere(i: int) -> None:
    for path in laws.objects(SIMPLE[i]):
        if path[:1] != ("functions",):  # kept whole
            laws.unknown_field_comes_home(CODEC, SIMPLE[i], path, plain=plain)


@pytest.mark.parametrize("path", MAPS)
def test_maps_refuse_an_object(path: tuple[str | int, ...]) -> None:
    with pytest.raises(GatewayError) as caught:
        CODEC.decode_request(laws.injected(RICH, path), laws.context())
    assert caught.value.param == f"{path[0]}.x_new"


# -- requests ------------------------------------------------------------------------


@pytest.mark.parametrize("wire", [RICH, *SIMPLE], ids=lambda wire: ",".join(list(wire)[2:])[:40])
def test_a_request_comes_home(wire: dict[str, Any]) -> None:
    laws.request_comes_home(CODEC, wire, plain)


CHATS = ("openai.chat", "gemini.openai_chat", "pydantic-gw.openai_chat", "pydantic-gw.groq_chat")


def is_chat(case: Exchange | None) -> bool:
    return case is None or case.api.endswith(".chat") or case.api in CHATS


RECORDED = [p for p in exchanges() if is_chat(p.values[0])]
REQUESTS = [p for p in RECORDED if p.values[0] is None or isinstance(p.values[0].request, dict)]
ANSWERS = [p for p in RECORDED if p.values[0] is None or (p.values[0].response and p.values[0].status == 200)]
STREAMS = [p for p in RECORDED if p.values[0] is None or (p.values[0].sse and p.values[0].status == 200)]


@pytest.mark.parametrize("case", REQUESTS)
def test_a_recorded_request_comes_home(case: Exchange) -> None:
    if case.file.startswith("openai.chat/error/chat-no-messages"):
        with pytest.raises(GatewayError, match="messages"):  # OpenAI refused it too
            CODEC.decode_request(case.request, laws.context())
        return
    laws.request_comes_home(CODEC, case.request, plain)


ABROAD = copy.deepcopy(RICH)
ABROAD["messages"][2]["content"] = ABROAD["messages"][2]["content"][:5]
ABROAD["tools"] = ABROAD["tools"][:2]
"""The rich request without the parts and tools that no other provider can have."""


def test_a_request_abroad_and_back() -> None:
    """Written for a provider by a client of another dialect, the conversation is the same; what it lost is reported."""
    here = replace(CODEC.decode_request(ABROAD, laws.context()), origin="elsewhere")
    ctx = laws.context(model="m", profile=Profile(send_reasoning="details", cache_control=True))
    wire = json.loads(json.dumps(CODEC.encode_request(here, ctx)))
    there = CODEC.decode_request(wire, laws.context())
    assert there.model == "m"
    assert there.sampling == replace(here.sampling, top_k=None)
    assert [tool.name for tool in there.tools] == ["look"]  # tool_choice allows no other
    assert there.format is not None and here.format is not None
    assert there.format.schema == here.format.schema | {"additionalProperties": False, "required": []}, "it is strict"
    calls = [
        [
            (p.id, p.name, json.loads(p.arguments or "{}"))
            for m in r.messages
            for p in m.parts
            if isinstance(p, ToolCall)
        ]
        for r in (here, there)
    ]
    assert calls[0] == calls[1]
    lost = {loss.path for loss in ctx.losses}
    assert (wire["n"], there.choices, wire["logprobs"], there.logprobs) == (2, 2, True, 3)
    assert wire["metadata"] == there.terms.metadata != {} and "metadata" not in lost
    assert {"logit_bias", "tool_choice.allowed", "sampling.top_k", "thinking.budget"} <= lost
    assert (
        not {"store", "stop", "max_tokens", "messages[1].role", "tool_choice"} & lost
    )  # said in other words, or nothing
    assert not any("\0" in path for path in lost)


QUIRKS = Profile(
    send_reasoning="field",
    tool_id="[a-z0-9]{9}",
    json_schema=False,
    efforts=("low", "high"),
    max_tokens_limit=9,
    sampling=False,
    parallel_tool_calls=False,
    tool_choice_required=False,
    json_and_tools=False,
)


def test_requests_gone_wrong() -> None:
    """Any JSON at any place is read, or refused by its path; and what was read can be written, at home and abroad."""

    def read(wire: Any) -> None:
        try:
            request = CODEC.decode_request(wire, laws.context())
        except GatewayError as error:
            if not error.param or error.param not in error.message:
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

    assert only_refusals(read, ABROAD) > 1000
    assert all(only_refusals(read, wire) > 10 for wire in SIMPLE)


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
    "azure.chat/content-filter/test_chat_content_filtering": ({"choices[0].message"}, "left out by Azure; every client reads it"),
    "copilot.chat/tools/extractor_smoke": ({"created", "object"}, "left out by Copilot"),
    "copilot.chat/parallel-tools/batch_multi_extract_chain": ({"created", "object"}, "left out by Copilot"),
    "gemini.openai_chat/thinking-tools/test_compatible_api_with_tool_calls_without_id.881c55": (
        {"usage.completion_tokens", "usage.completion_tokens_details"}, "thoughts counted in the total only"),
    "gemini.openai_chat/thinking-tools/test_compatible_api_with_tool_calls_without_id.eb810b": (
        {"usage.completion_tokens", "usage.completion_tokens_details", "choices[0].message.tool_calls[0].id"}, "and a call without an id"),
    "mistral.chat/audio-in/chat_audio_models_mistral_voxtral-small": ({"usage.prompt_tokens"}, "sound counted beside the prompt"),
    "moonshot.chat/thinking/moonshotai-reasoning": ({"usage.cached_tokens", "usage.prompt_tokens_details"}, "cached_tokens where OpenAI has it"),
    "snowflake.chat/logprobs/test_snowflake_llama": ({"id", "choices[0].finish_reason"}, "empty strings where clients look"),
    "snowflake.chat/tools/test_snowflake_tool_calling": ({"id", "choices[0].finish_reason"}, "empty strings where clients look"),
    "xai.chat/thinking-tools/TestOpenAICompatObjectGeneration-xai": ({"usage.completion_tokens"}, "reasoning counted beside the completion"),
    "xai.chat/thinking/xai-text": ({"usage.completion_tokens"}, "reasoning counted beside the completion"),
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
    """To a client of this dialect from a provider of another: the gist is the same, and the shape is the seed's."""
    here = CODEC.decode_response(case.response, laws.context())
    ctx = laws.context(model="asked")
    wire = json.loads(json.dumps(CODEC.encode_response(replace(here, origin="elsewhere"), ctx)))
    assert laws.gist(CODEC.decode_response(wire, laws.context())) == laws.gist(here)
    assert list(wire) == ["id", "object", "created", "model", "choices", "usage"]
    assert wire["model"] == "asked"
    [choice] = wire["choices"]
    weighed = any(part.logprobs for part in here.parts if isinstance(part, Text))
    assert list(choice) == ["index", "message", "finish_reason", *(["logprobs"] if weighed else [])]
    assert not any("\0" in loss.path for loss in ctx.losses)
    top = {name for name, value in here.extra.items() if not asks_nothing(name, value)}
    assert top - {"choices"} <= {loss.path for loss in ctx.losses}


MESSAGE: dict[str, Any] = {
    "role": "assistant",
    "content": [{"type": "thinking", "thinking": [{"type": "text", "text": "a"}]}, {"type": "text", "text": "b"}],
    "reasoning": "r",
    "reasoning_content": "r",
    "reasoning_details": [
        {"type": "reasoning.text", "text": "r", "signature": "s", "format": "anthropic-claude-v1"},
        {"type": "reasoning.encrypted", "data": "d", "format": "openai-responses-v1"},
        {"type": "reasoning.encrypted", "data": "d", "format": "anthropic-claude-v1"},
        {"type": "reasoning.summary", "summary": "d", "format": "openai-responses-v1"},
    ],
    "refusal": "no",
    "annotations": [
        {"type": "url_citation", "url_citation": {"url": "u", "title": "t", "start_index": 0, "end_index": 1}},
        {"type": "file"},
    ],
    "images": [{"type": "image_url", "image_url": {"url": DATA}}],
    "audio": {"id": "a", "data": "AAAA", "transcript": "t", "expires_at": 1},
    "tool_calls": [
        {
            "id": "c",
            "type": "function",
            "function": {"name": "f", "arguments": "{}"},
            "extra_content": {"google": {"thought_signature": "x"}},
        },
        {"id": "d", "type": "custom", "custom": {"name": "g", "input": "x"}},
    ],
    "function_call": {"name": "h", "arguments": ""},
    "extra_content": {"google": {"thought_signature": "x"}},
}
USAGE = {
    "prompt_tokens": 10,
    "completion_tokens": 5,
    "total_tokens": 15,
    "prompt_tokens_details": {"cached_tokens": 3, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 2},
    "cost": 0.1,
}
ANSWER: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "usage": USAGE,
    "choices": [
        {
            "index": 0,
            "finish_reason": "tool_calls",
            "logprobs": {"content": []},
            "stop_reason": "x",
            "message": MESSAGE,
        },
        {"index": 1, "finish_reason": "stop", "message": {"role": "assistant", "content": "2"}},
    ],
}


def test_answers_gone_wrong() -> None:
    """A provider's odd field is passed over; where nothing can be read, that is the provider's failure."""

    def read(wire: Any) -> None:
        response = CODEC.decode_response(wire, laws.context())
        laws.folds_back(response)
        for told in (response, replace(response, origin="elsewhere")):
            json.dumps(CODEC.encode_response(told, laws.context()))
            laws.reread(CODEC, laws.render(CODEC, unfold(told)))

    assert 30 < only_refusals(read, ANSWER, Kind.UPSTREAM) < 300
    read(ANSWER)


# -- streams --------------------------------------------------------------------------------

CUT = "llamacpp.chat/tools-stream/streaming_tool_call_cut_mid_arguments"
"""The one recorded stream whose arguments are no JSON: the limit cut them."""


@pytest.mark.parametrize("case", STREAMS)
def test_a_recorded_stream(case: Exchange) -> None:
    data = case.sse or b""
    if case.file.startswith("groq.chat/error-stream"):
        with pytest.raises(GatewayError) as caught:
            laws.events(CODEC, data)
        assert caught.value.kind is Kind.UPSTREAM
        assert caught.value.status == 400
        return
    laws.cut_anywhere(CODEC, data)
    found = laws.events(CODEC, data)
    laws.grammar(found)
    response = fold(found)
    laws.folds_back(response)
    start = found[0]
    assert isinstance(start, Start)
    for origin in (start.origin, "elsewhere"):
        frames = laws.render(CODEC, [replace(start, origin=origin), *found[1:]])
        assert laws.gist(laws.reread(CODEC, frames)) == laws.gist(response)
        calls = chunks_are_well_formed(frames)
        if case.file.startswith(CUT):
            assert response.stop.reason == "length"
            assert not calls[0].endswith("}")
        else:
            assert all(isinstance(json.loads(arguments), dict) for arguments in calls)


def chunks_are_well_formed(frames: list[Frame]) -> list[str]:
    """What every client counts on (contract 000-3, cases 29, 30); the arguments of each call are returned."""
    assert frames[-1].data == b"[DONE]"
    chunks = [json.loads(frame.data) for frame in frames[:-1]]
    assert len({(chunk["id"], chunk["model"], chunk["created"]) for chunk in chunks}) == 1
    assert all(chunk["object"] == "chat.completion.chunk" for chunk in chunks)
    *told, last = [choice for chunk in chunks for choice in chunk["choices"]]
    assert told[0]["delta"] == {"role": "assistant", "content": ""}
    assert not any("role" in choice["delta"] for choice in [*told[1:], last])
    assert all(choice["finish_reason"] is None and choice["delta"] for choice in told)
    assert last["finish_reason"]
    assert chunks[-1]["choices"] == []
    assert (
        chunks[-1]["usage"]["total_tokens"]
        == chunks[-1]["usage"]["prompt_tokens"] + chunks[-1]["usage"]["completion_tokens"]
    )
    opened: dict[int, str] = {}
    for call in (call for choice in told for call in choice["delta"].get("tool_calls", ())):
        if "id" in call:
            assert call["index"] == len(opened)
            opened[call["index"]] = ""
            assert call["function"]["arguments"] == ""
        opened[call["index"]] += call.get("function", {}).get("arguments", "")
    return list(opened.values())


HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
CHUNKS: list[Any] = [
    {**HEAD, "choices": [{"index": 0, "delta": {name: value}, "finish_reason": None}], "usage": None}
    for name, value in MESSAGE.items()
]
CHUNKS += [
    {
        **HEAD,
        "choices": [
            {
                "index": 0,
                "delta": {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}]},
            }
        ],
    },
    {
        **HEAD,
        "choices": [
            {"index": 0, "message": {}, "finish_reason": "stop", "logprobs": {"content": [1]}, "stop_reason": "x"}
        ],
        "x_groq": {"usage": USAGE},
    },
    {**HEAD, "choices": [], "usage": USAGE},
]


@pytest.mark.parametrize("i", range(len(CHUNKS)))
def test_chunks_gone_wrong(i: int) -> None:
    failed = 0
    for where, changed in mutations(CHUNKS[i]):
        decoder = CODEC.decoder(laws.context())
        try:
            found = [
                event
                for j, chunk in enumerate(CHUNKS)
                for event in decoder.feed(Frame(json.dumps(changed if j == i else chunk).encode()))
            ]
            found += decoder.close()
        except GatewayError as error:
            failed += 1
            if error.kind is not Kind.UPSTREAM:
                pytest.fail(f"{where}: {error.kind}")
            continue
        laws.grammar(found)
        start = found[0]
        assert isinstance(start, Start)
        for origin in (start.origin, "elsewhere"):
            laws.reread(CODEC, laws.render(CODEC, [replace(start, origin=origin), *found[1:]]))
    assert failed < 120  # most of them where the one finish_reason is lost
