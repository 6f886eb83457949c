"""Cases 27 to 37: what providers of Anthropic's dialect and others say, for clients of Chat Completions and all the rest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cases.inside import BACKS as HOUSES
from cases.inside import FRONTS as CLIENTS
from cases.inside import House, event
from cases.inside import sse as says
from cases.inside import whole as said
from cases.wires import (
    ABROAD,
    ANTHROPIC,
    BACKS,
    BEDROCK,
    CHAT,
    DONE,
    FRONTS,
    GEMINI,
    PAIRS,
    RESPONSES,
    Seen,
    answer,
    answers,
    asks,
    chunk,
    converse,
    hears,
    sse,
    streamed,
    whole,
)
from clients import CHAT as OPENAI
from clients import CONTENTS, MESSAGES, Chat, front_id
from clients import RESPONSES as ITEMS
from dragoman.core.errors import GatewayError, Kind
from dragoman.core.ir import Reasoning, Text, ToolCall, Usage
from dragoman.dialects import CODECS
from gateway import Answer
from upstream.gemini import SIGNATURE

fronts = pytest.mark.parametrize("front", FRONTS)
backs = pytest.mark.parametrize("back", [*BACKS, BEDROCK])
each_client = pytest.mark.parametrize("front", CLIENTS, ids=front_id)
streaming = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


# -- a provider of Anthropic's dialect ---------------------------------------------------------


def begin(**usage: Any) -> dict[str, Any]:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "c", "content": [], "stop_reason": None}
    return {"type": "message_start", "message": message | {"usage": {"input_tokens": 1, "output_tokens": 1} | usage}}


def block(n: int, start: dict[str, Any], *deltas: dict[str, Any]) -> list[Any]:
    grown = [{"type": "content_block_delta", "index": n, "delta": delta} for delta in deltas]
    end = {"type": "content_block_stop", "index": n}
    return [{"type": "content_block_start", "index": n, "content_block": start}, *grown, end]


def text(n: int, said: str) -> list[Any]:
    return block(n, {"type": "text", "text": ""}, {"type": "text_delta", "text": said})


def use(n: int, id: str, name: str, *fragments: str) -> list[Any]:
    deltas = [{"type": "input_json_delta", "partial_json": fragment} for fragment in fragments]
    return block(n, {"type": "tool_use", "id": id, "name": name, "input": {}}, *deltas)


def end(reason: Any = "end_turn", **usage: Any) -> list[Any]:
    delta = {"stop_reason": reason, "stop_sequence": None}
    return [{"type": "message_delta", "delta": delta, "usage": {"output_tokens": 4} | usage}, {"type": "message_stop"}]


def message(*content: Any, reason: Any = "end_turn", **usage: Any) -> dict[str, Any]:
    used = {"input_tokens": 1, "output_tokens": 4} | usage
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "c", "stop_sequence": None}
    return head | {"content": list(content), "stop_reason": reason, "usage": used}


def deltas(wires: list[Any]) -> list[Any]:
    return [choice["delta"] for wire in wires if wire != DONE for choice in wire["choices"]]


# -- calls and chunks ------------------------------------------------------------------------------


def test_case_027_calls_are_numbered_by_themselves() -> None:
    data = sse(
        begin(), *text(0, "Hi"), *use(1, "t1", "f", '{"a"', ":1}"), *use(2, "t2", "g", '{"b":2}'), *end("tool_use")
    )
    told = [call for delta in deltas(hears(CHAT, ANTHROPIC, data).wires) for call in delta.get("tool_calls", ())]
    assert told == [
        {"index": 0, "id": "t1", "type": "function", "function": {"name": "f", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"a"'}},
        {"index": 0, "function": {"arguments": ":1}"}},
        {"index": 1, "id": "t2", "type": "function", "function": {"name": "g", "arguments": ""}},
        {"index": 1, "function": {"arguments": '{"b":2}'}},
    ]


@backs
def test_case_027_whatever_stands_between_the_calls(back: str) -> None:
    one, two = ToolCall(id="a", name="f", arguments='{"a":1}'), ToolCall(id="b", name="g", arguments='{"b":2}')
    parts = (Reasoning(text="R"), Text(text="x"), one, Text(text="y"), two)
    told = [call for delta in deltas(hears(CHAT, back, streamed(back, answer(*parts, stop="tool_calls"))).wires)
            for call in delta.get("tool_calls", ())]  # fmt: skip
    opened = [call for call in told if "id" in call]
    assert [(call["index"], call["function"]) for call in opened] == [
        (0, {"name": "f", "arguments": ""}), (1, {"name": "g", "arguments": ""}),
    ]  # fmt: skip
    assert {call["index"] for call in told} == {0, 1}


AROUND = [pair for pair in PAIRS if pair != (RESPONSES, RESPONSES)]  # where an item goes as it came
EMPTY = {
    ANTHROPIC: [
        sse(begin(), *use(0, "toolu_1", "now"), *end("tool_use")),
        sse(begin(), *use(0, "toolu_1", "now", ""), *end("tool_use")),
        sse(begin(), *block(0, {"type": "tool_use", "id": "toolu_1", "name": "now"}), *end("tool_use")),
        sse(begin(), *block(0, {"type": "tool_use", "id": "toolu_1", "name": "now", "input": None}), *end("tool_use")),
    ],
    CHAT: [
        sse(chunk({"tool_calls": [{"index": 0, "id": "toolu_1", "function": {"name": "now"} | given}]}), chunk({}, "tool_calls"))
        for given in ({}, {"arguments": ""}, {"arguments": None}, {"arguments": "null"}, {"arguments": {}})
    ],
    RESPONSES: [
        sse({"type": "response.output_item.done", "output_index": 0,
             "item": {"type": "function_call", "id": "fc", "call_id": "toolu_1", "name": "now"} | given},
            {"type": "response.completed", "response": {"id": "r", "status": "completed"}})
        for given in ({}, {"arguments": ""}, {"arguments": None}, {"arguments": "{}"})
    ],
    GEMINI: [
        sse({"candidates": [{"content": {"parts": [{"functionCall": {"id": "toolu_1", "name": "now"} | given}]}, "finishReason": "STOP"}]})
        for given in ({}, {"args": {}}, {"args": None})
    ],
    BEDROCK: [
        converse(("messageStart", {"role": "assistant"}),
                 ("contentBlockStart", {"start": {"toolUse": {"toolUseId": "toolu_1", "name": "now"}}, "contentBlockIndex": 0}),
                 *[("contentBlockDelta", {"delta": {"toolUse": {"input": text}}, "contentBlockIndex": 0}) for text in given],
                 ("contentBlockStop", {"contentBlockIndex": 0}), ("messageStop", {"stopReason": "tool_use"}),
                 ("metadata", {"usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}}))
        for given in ((), ("",), ("{}",))
    ],
}  # fmt: skip


@pytest.mark.parametrize(("front", "back"), AROUND)
def test_case_028_a_call_without_arguments_has_an_empty_object(front: str, back: str) -> None:
    for data in EMPTY[back]:
        seen = hears(front, back, data)
        assert (seen.calls, seen.stop) == ([("toolu_1", "now", "{}")], "tool_calls"), data
    seen, _ = answers(front, back, whole(back, answer(ToolCall(id="toolu_1", name="now"), stop="tool_calls")))
    assert [(name, json.loads(arguments)) for _, name, arguments in seen.calls] == [("now", {})]


HISTORIES: dict[str, list[dict[str, Any]]] = {
    CHAT: [
        {"messages": [{"role": "user", "content": "Hi"},
                      {"role": "assistant", "tool_calls": [{"id": "t1", "type": "function", "function": {"name": "now"} | given}]},
                      {"role": "tool", "tool_call_id": "t1", "content": "9"}]}
        for given in ({}, {"arguments": ""}, {"arguments": None}, {"arguments": "{}"})
    ],
    ANTHROPIC: [
        {"max_tokens": 9, "messages": [{"role": "user", "content": "Hi"},
                                       {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "now"} | given]},
                                       {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "9"}]}]}
        for given in ({"input": {}}, {"input": None})
    ],
    RESPONSES: [
        {"input": [{"role": "user", "content": "Hi"}, {"type": "function_call", "call_id": "t1", "name": "now"} | given,
                   {"type": "function_call_output", "call_id": "t1", "output": "9"}]}
        for given in ({"arguments": ""}, {"arguments": "{}"})
    ],
    GEMINI: [
        {"contents": [{"role": "user", "parts": [{"text": "Hi"}]},
                      {"role": "model", "parts": [{"functionCall": {"id": "t1", "name": "now"} | given}]},
                      {"role": "user", "parts": [{"functionResponse": {"id": "t1", "name": "now", "response": {"result": "9"}}}]}]}
        for given in ({}, {"args": {}}, {"args": None})
    ],
}  # fmt: skip


@pytest.mark.parametrize(("front", "back"), [pair for pair in ABROAD if pair[1] != BEDROCK])
def test_case_028_nor_in_what_a_provider_is_asked(front: str, back: str) -> None:
    for history in HISTORIES[front]:
        wire, _ = asks(front, back, {"model": "m"} | history)
        match back:
            case "openai.chat":
                assert wire["messages"][1]["tool_calls"][0]["function"] == {"name": "now", "arguments": "{}"}
            case "openai.responses":
                assert wire["input"][1]["arguments"] == "{}"
            case "anthropic":
                assert wire["messages"][1]["content"][0]["input"] == {}
            case _:
                assert wire["contents"][1]["parts"][0]["functionCall"].get("args", {}) == {}


MANY = answer(
    Reasoning(text="R"),
    Text(text="x"),
    ToolCall(id="a", name="f", arguments="{}"),
    stop="tool_calls",
    usage=Usage(input=3, output=2),
)


@backs
def test_case_029_the_role_is_said_once_and_first(back: str) -> None:
    for response in (MANY, answer(), answer(Text(text="x"))):
        told = deltas(hears(CHAT, back, streamed(back, response)).wires)
        assert told[0]["role"] == "assistant"
        assert all("role" not in delta for delta in told[1:])


def test_case_029_also_where_the_server_says_it_in_every_chunk() -> None:
    role = {"role": "assistant"}
    data = sse(*(chunk(role | {"content": word}) for word in "abc"), chunk(role, "stop"), DONE)
    told = deltas(hears(CHAT, CHAT, data).wires)
    assert [delta.get("role") for delta in told] == ["assistant", *[None] * (len(told) - 1)]
    assert hears(ANTHROPIC, CHAT, data).text == "abc"


@backs
def test_case_030_every_chunk_has_choices_and_a_finish_reason(back: str) -> None:
    wires = hears(CHAT, back, streamed(back, MANY)).wires[:-1]
    *told, last, usage = wires
    assert (usage["choices"], usage["usage"]["total_tokens"]) == ([], 5)
    assert [wire["choices"][0]["finish_reason"] for wire in told] == [None] * len(told)
    assert last["choices"][0]["finish_reason"] == "tool_calls"


@fronts
@pytest.mark.parametrize(
    "odd", [{"choices": None}, {"choices": []}, {}, {"choices": [None]}, {"choices": {}}, {"choices": [{}]}]
)
def test_case_030_chunks_without_choices_are_no_end(front: str, odd: dict[str, Any]) -> None:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    seen = hears(
        front,
        CHAT,
        sse(head | odd, chunk({"content": "a"}), head | odd, chunk({"content": "b"}, "stop"), head | odd, DONE),
    )
    assert (seen.text, seen.stop) == ("ab", "stop")
    with pytest.raises(GatewayError) as caught:
        answers(front, CHAT, head | ({"choices": None} if odd == {"choices": [{}]} else odd))
    assert caught.value.kind is Kind.UPSTREAM


# -- counts ------------------------------------------------------------------------------------------

CACHED = {"input_tokens": 13, "cache_read_input_tokens": 22000, "cache_creation_input_tokens": 31, "output_tokens": 1}


def counted(first: dict[str, Any], last: dict[str, Any]) -> bytes:
    return sse(begin(**first), *text(0, "x"), *end(**last))


@fronts
def test_case_031_cached_tokens_are_counted_once(front: str) -> None:
    seen = hears(front, ANTHROPIC, counted(CACHED, {"output_tokens": 4}))
    assert seen.usage == (22044, 4, 22000)
    body = message({"type": "text", "text": "x"}, **(CACHED | {"output_tokens": 4}))
    assert answers(front, ANTHROPIC, body)[0].usage == (22044, 4, 22000)
    if front == CHAT:
        usage = seen.wires[-2]["usage"]
        assert {name: usage[name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")} == {
            "prompt_tokens": 22044, "completion_tokens": 4, "total_tokens": 22048,
        }  # fmt: skip
        assert usage["prompt_tokens_details"]["cached_tokens"] == 22000


@fronts
def test_case_032_counts_that_are_repeated_are_not_added(front: str) -> None:
    again = CACHED | {"output_tokens": 4}
    assert hears(front, ANTHROPIC, counted(CACHED, again)).usage == (22044, 4, 22000)
    twice = sse(begin(**CACHED), *text(0, "x"), end(None, **(again | {"output_tokens": 2}))[0], *end(**again))
    assert hears(front, ANTHROPIC, twice).usage == (22044, 4, 22000)
    grown = again | {"input_tokens": 20}  # server tools read more on the way: the last count is the whole
    assert hears(front, ANTHROPIC, counted(CACHED, grown)).usage == (22051, 4, 22000)


@fronts
def test_case_033_counts_that_come_at_the_end_only(front: str) -> None:
    none = {"input_tokens": 0, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0, "output_tokens": 0}
    late = {"input_tokens": 50, "cache_read_input_tokens": 20, "output_tokens": 9}
    for first in (none, {"input_tokens": None, "output_tokens": None}):
        assert hears(front, ANTHROPIC, counted(first, late)).usage == (70, 9, 20)
    bare = begin()
    del bare["message"]["usage"]
    assert hears(front, ANTHROPIC, sse(bare, *text(0, "x"), *end(**late))).usage == (70, 9, 20)


# -- why it ended ----------------------------------------------------------------------------------------

REASONS = {
    "end_turn": ("stop", None), "stop_sequence": ("stop", None), "max_tokens": ("length", None), "refusal": ("content_filter", None),
    "sensitive": ("content_filter", "sensitive"), "model_context_window_exceeded": ("length", "model_context_window_exceeded"),
    "pause_turn": ("stop", "pause_turn"), "from_tomorrow": ("stop", "from_tomorrow"),
}  # fmt: skip


@pytest.mark.parametrize("raw", REASONS)
def test_case_034_why_it_ended_in_openais_words(raw: str) -> None:
    finish, native = REASONS[raw]
    streamed_ = hears(CHAT, ANTHROPIC, sse(begin(), *text(0, "x"), *end(raw))).wires[-3]["choices"][0]
    _, wire = answers(CHAT, ANTHROPIC, message({"type": "text", "text": "x"}, reason=raw))
    for choice in (streamed_, wire["choices"][0]):
        assert (choice["finish_reason"], choice.get("native_finish_reason")) == (finish, native)


@pytest.mark.parametrize("front", [CHAT, RESPONSES, GEMINI])
@pytest.mark.parametrize("raw", REASONS)
def test_case_034_and_in_those_of_all_others(front: str, raw: str) -> None:
    assert hears(front, ANTHROPIC, sse(begin(), *text(0, "x"), *end(raw))).stop == REASONS[raw][0]
    assert answers(front, ANTHROPIC, message({"type": "text", "text": "x"}, reason=raw))[0].stop == REASONS[raw][0]
    called = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
    assert answers(front, ANTHROPIC, message(called, reason="tool_use"))[0].stop == "tool_calls"
    assert hears(front, ANTHROPIC, sse(begin(), *use(0, "t", "f"), *end("tool_use"))).stop == "tool_calls"


GOOGLES = {
    "STOP": None,
    "MAX_TOKENS": None,
    "SAFETY": None,
    "SPII": "",
    "PROHIBITED_CONTENT": "",
}
"""What is no word for an end, but for an answer given up, is an error in every dialect (case 94)."""


@pytest.mark.parametrize("raw", GOOGLES)
def test_case_034_the_words_of_other_providers_are_kept_too(raw: str) -> None:
    google = {"candidates": [{"content": {"parts": [{"text": "x"}]}, "finishReason": raw}]}
    choice = hears(CHAT, GEMINI, sse(google)).wires[-3]["choices"][0]
    assert choice.get("native_finish_reason", None) == (None if GOOGLES[raw] is None else raw)
    assert choice["finish_reason"] in ("stop", "length", "content_filter")


# -- thoughts that come back ---------------------------------------------------------------------------------

SIGNED = [
    {"type": "thinking", "thinking": "first", "signature": "sig-1"},
    {"type": "thinking", "thinking": "", "signature": "sig-2"},  # withheld: its signature is all there is
    {"type": "redacted_thinking", "data": "redacted-3"},
    {"type": "text", "text": "I look."},
    {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Paris"}},
]


def thinking_stream() -> Any:
    wires = [begin()]
    for n, each in enumerate(SIGNED):
        match each["type"]:
            case "thinking":
                grown = [{"type": "thinking_delta", "thinking": letter} for letter in each["thinking"]]
                seal = {"type": "signature_delta", "signature": each["signature"]}
                wires += block(n, {"type": "thinking", "thinking": "", "signature": ""}, *grown, seal)
            case "text":
                wires += text(n, each["text"])
            case "tool_use":
                wires += use(n, each["id"], each["name"], '{"city":', '"Paris"}')
            case _:
                wires += block(n, each)
    return says(*wires, *end("tool_use"), cut=7)


def replayed(front: Chat, reply: Answer, faithful: bool) -> dict[str, Any]:
    """The next request of a client that sends back all it got, or only what its dialect has had from the beginning."""
    path = {
        "openai.chat": from_chat,
        "anthropic": from_messages,
        "gemini": from_contents,
        "openai.responses": from_items,
    }
    return path[front.name](reply, faithful)


def from_chat(reply: Answer, faithful: bool) -> dict[str, Any]:
    turn: dict[str, Any] = {
        "role": "assistant",
        "content": "",
        "reasoning_content": "",
        "reasoning_details": [],
        "tool_calls": [],
    }
    if reply.media_type == "text/event-stream":
        for delta in deltas([one.json for one in reply.events[:-1]]):
            for name in ("content", "reasoning_content", "reasoning_details"):
                turn[name] += delta.get(name) or type(turn[name])()
            for call in delta.get("tool_calls", ()):
                if "id" in call:
                    turn["tool_calls"].append(
                        {"id": call["id"], "type": "function", "function": dict(call["function"])}
                    )
                else:
                    turn["tool_calls"][call["index"]]["function"]["arguments"] += call["function"]["arguments"]
    else:
        turn = reply.json["choices"][0]["message"]
    if not faithful:
        turn = {name: turn[name] for name in ("role", "content", "tool_calls")}
    result = {"role": "tool", "tool_call_id": turn["tool_calls"][0]["id"], "content": "21C"}
    return {"messages": [{"role": "user", "content": "Hi"}, turn, result]}


def from_messages(reply: Answer, faithful: bool) -> dict[str, Any]:
    if reply.media_type == "text/event-stream":
        content: list[dict[str, Any]] = []
        for wire in (one.json for one in reply.events):
            if wire["type"] == "content_block_start":
                content.append(dict(wire["content_block"]))
            elif wire["type"] == "content_block_delta":
                for name, value in wire["delta"].items():
                    if name != "type":
                        content[-1][name] = content[-1].get(name, "") + value
        for each in content:
            if "partial_json" in each:
                each["input"] = json.loads(each.pop("partial_json"))
    else:
        content = reply.json["content"]
    if not faithful:
        content = [each for each in content if "thinking" not in each["type"]]
    result = {"type": "tool_result", "tool_use_id": content[-1]["id"], "content": "21C"}
    return {
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": content},
            {"role": "user", "content": [result]},
        ]
    }


def from_contents(reply: Answer, faithful: bool) -> dict[str, Any]:
    found = [one.json for one in reply.events] if reply.media_type == "text/event-stream" else [reply.json]
    parts = [
        part
        for wire in found
        for part in wire["candidates"][0].get("content", {}).get("parts", ())
        if part.get("text") != ""
    ]
    if not faithful:
        parts = [part for part in parts if not part.get("thought")]
    call = parts[-1]["functionCall"]
    result = {"functionResponse": {"id": call.get("id"), "name": call["name"], "response": {"result": "21C"}}}
    turns = [("user", [{"text": "Hi"}]), ("model", parts), ("user", [result])]
    return {"contents": [{"role": role, "parts": parts} for role, parts in turns]}


def from_items(reply: Answer, faithful: bool) -> dict[str, Any]:
    response = reply.events[-1].json["response"] if reply.media_type == "text/event-stream" else reply.json
    output = [item for item in response["output"] if faithful or item["type"] != "reasoning"]
    result = {"type": "function_call_output", "call_id": output[-1]["call_id"], "output": "21C"}
    return {"input": [{"role": "user", "content": "Hi"}, *output, result], "store": False}


async def two_turns(house: House, next_house: House, front: Chat, stream: bool, faithful: bool) -> dict[str, Any]:
    """What Anthropic is asked in the second turn of a client that uses a tool and thinks."""
    more = front.tools("get_weather") | front.thinking()
    reply = await house.say(front, "messages", stream=stream, **more)
    assert reply.status == 200, reply
    model = "messages/claude-sonnet-4-5"
    body = {"model": model} | {
        name: value for name, value in front.body("Hi", model, stream).items() if name == "max_tokens"
    }
    body |= more | replayed(front, reply, faithful)
    reply = await next_house.ask(front.path(model, False), body, front.headers)
    assert reply.status == 200, reply
    return dict(next_house.script.last)


@each_client
@streaming
@pytest.mark.parametrize("faithful", [True, False], ids=["all", "bare"])
async def test_case_035_signed_thoughts_go_back_as_they_came(
    tmp_path: Path, front: Chat, stream: bool, faithful: bool
) -> None:
    """In the client's own carrier where it has one and sends it back, else from the gateway's memory."""
    first = thinking_stream() if stream else said(message(*SIGNED, reason="tool_use"))
    house = House(tmp_path, first, said(message({"type": "text", "text": "Done."})))
    asked = await two_turns(house, house, front, stream, faithful)
    if front is MESSAGES and not faithful:  # a client of the same dialect is taken at its word
        assert asked["messages"][1]["content"] == SIGNED[3:]
        return
    assert asked["messages"][1]["content"] == SIGNED
    assert asked["thinking"]["type"] == "enabled"


@each_client
@streaming
async def test_case_035_a_carrier_needs_no_memory(tmp_path: Path, front: Chat, stream: bool) -> None:
    first = thinking_stream() if stream else said(message(*SIGNED, reason="tool_use"))
    another = House(tmp_path, said(message({"type": "text", "text": "Done."})))
    asked = await two_turns(House(tmp_path, first), another, front, stream, True)
    found = asked["messages"][1]["content"]
    if front is CONTENTS:  # its slot for signatures is Google's alone
        assert [each["type"] for each in found] == ["text", "tool_use"]
    else:
        assert found == SIGNED


@each_client
@streaming
async def test_case_035_what_cannot_be_restored_is_not_sent_unsigned(tmp_path: Path, front: Chat, stream: bool) -> None:
    first = thinking_stream() if stream else said(message(*SIGNED, reason="tool_use"))
    another = House(tmp_path, said(message({"type": "text", "text": "Done."})))
    asked = await two_turns(House(tmp_path, first), another, front, stream, False)
    assert [each["type"] for each in asked["messages"][1]["content"]] == ["text", "tool_use"]
    if front is not MESSAGES:  # a client of the same dialect is taken at its word
        assert "thinking" not in asked


HIDDEN = message({"type": "redacted_thinking", "data": "redacted-3"}, {"type": "text", "text": "x"})


@fronts
@streaming
def test_case_036_what_is_redacted_is_carried_and_not_shown(front: str, stream: bool) -> None:
    data = sse(begin(), *block(0, HIDDEN["content"][0]), *text(1, "x"), *end())
    seen: Seen
    if stream:
        seen = hears(front, ANTHROPIC, data)
        told: Any = seen.wires
    else:
        seen, told = answers(front, ANTHROPIC, HIDDEN)
    assert (seen.text, seen.reasoning) == ("x", "")
    raw = json.dumps(told)
    match front:
        case "openai.chat":
            message_ = (
                told["choices"][0]["message"]
                if not stream
                else next(d for d in deltas(told) if "reasoning_details" in d)
            )
            [detail] = message_["reasoning_details"]
            assert (detail["type"], detail["data"]) == ("reasoning.encrypted", "redacted-3")
            assert not message_.get("reasoning_content")
        case "openai.responses":
            response = told[-1]["response"] if stream else told
            item = response["output"][0]
            assert (item["type"], item["summary"]) == ("reasoning", [])
            assert item["encrypted_content"].endswith("redacted-3")
        case "anthropic":
            assert '"redacted_thinking"' in raw and raw.count("redacted-3") == 1
        case _:
            assert "redacted-3" not in raw  # its slot for signatures is Google's alone: the gateway remembers it
            parts = [p for w in (told if stream else [told]) for c in w["candidates"] for p in c["content"]["parts"]]
            assert all(isinstance(part.get("text"), str) for part in parts)


def test_case_036_a_thought_of_googles_without_text_keeps_its_text_field() -> None:
    """Google answers 500 to a part that has a signature and nothing else."""
    signed = {"text": "", "thought": True, "thoughtSignature": SIGNATURE}
    history = {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}, {"role": "model", "parts": [signed, {"text": "x"}]},
                            {"role": "user", "parts": [{"text": "and"}]}]}  # fmt: skip
    wire, _ = asks(GEMINI, GEMINI, history)
    assert wire["contents"][1]["parts"][0]["text"] == ""
    codec = CODECS[GEMINI]
    thoughts = {"candidates": [{"content": {"parts": [signed, {"text": "x"}]}, "finishReason": "STOP"}]}
    for front in (CHAT, RESPONSES):
        _, told = answers(front, GEMINI, thoughts)
        turn = [told["choices"][0]["message"]] if front == CHAT else told["output"]
        name = "messages" if front == CHAT else "input"
        sent, _ = asks(
            front,
            GEMINI,
            {"model": "m", name: [{"role": "user", "content": "Hi"}, *turn, {"role": "user", "content": "go"}]},
        )
        signatures = [part for part in sent["contents"][1]["parts"] if part.get("thoughtSignature")]
        assert signatures and all(isinstance(part.get("text"), str) for part in signatures), (front, sent)
    assert codec.dialect == GEMINI


# -- an error in the middle --------------------------------------------------------------------------------------

OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
RESPONSE: dict[str, Any] = {
    "id": "resp_1", "object": "response", "created_at": 1, "status": "in_progress", "error": None, "incomplete_details": None,
    "instructions": None, "metadata": {}, "model": "m", "output": [], "parallel_tool_calls": True, "temperature": 1.0,
    "tool_choice": "auto", "tools": [], "top_p": 1.0, "usage": None,
}  # fmt: skip
BROKEN = {
    "messages": ([begin()], text(0, "Hello")[:2], OVERLOADED),
    "chat": ([chunk({"role": "assistant", "content": ""})], [chunk({"content": "Hello"})],
             {"error": {"message": "Overloaded", "type": "overloaded_error", "code": 503}}),
    "contents": ([], [{"candidates": [{"content": {"parts": [{"text": "Hello"}]}}], "modelVersion": "g"}],
                 {"error": {"code": 503, "message": "Overloaded", "status": "UNAVAILABLE"}}),
    "responses": (
        [{"type": "response.created", "sequence_number": 0, "response": RESPONSE}],
        [{"type": "response.output_item.added", "sequence_number": 1, "output_index": 0,
          "item": {"type": "message", "id": "i", "role": "assistant", "status": "in_progress", "content": []}},
         {"type": "response.content_part.added", "sequence_number": 2, "output_index": 0, "content_index": 0, "item_id": "i",
          "part": {"type": "output_text", "text": "", "annotations": [], "logprobs": []}},
         {"type": "response.output_text.delta", "sequence_number": 3, "output_index": 0, "content_index": 0, "item_id": "i",
          "delta": "Hello", "logprobs": []}],
        {"type": "response.failed", "sequence_number": 4, "response": RESPONSE | {
            "status": "failed", "error": {"code": "server_is_overloaded", "message": "Overloaded"}}},
    ),
}  # fmt: skip
BUSY = (503, 529)


def is_home(front: Chat, back: str) -> bool:
    return {OPENAI: "chat", MESSAGES: "messages", CONTENTS: "contents", ITEMS: "responses"}[front] == back


@each_client
@pytest.mark.parametrize("back", HOUSES)
@pytest.mark.parametrize("stream", [True, False])
async def test_case_037_an_error_before_any_content_is_a_status(
    tmp_path: Path, front: Chat, back: str, stream: bool
) -> None:
    before, _, error = BROKEN[back]
    house = House(tmp_path, says(*before, error, cut=5))
    reply = await house.say(front, back, stream=stream)
    assert "Overloaded" in front.error(reply)[2]
    assert reply.status in BUSY, reply


@each_client
@pytest.mark.parametrize("back", HOUSES)
async def test_case_037_an_error_after_content_ends_the_stream_with_one(tmp_path: Path, front: Chat, back: str) -> None:
    before, content, error = BROKEN[back]
    house = House(tmp_path, says(*before, *content, error, cut=9))
    reply = await house.say(front, back, stream=True)
    assert reply.status == 200
    assert b"Hello" in reply.body and b"[DONE]" not in reply.body
    assert len(house.script.asked) == 1, "nothing that was told is asked for again"
    if is_home(front, back):
        assert b"Overloaded" in reply.body.replace(event(error), b"Overloaded", 1)
    else:
        assert "Overloaded" in front.broken(reply.events)
    if front is OPENAI and back == "messages":
        wanted = {"message": "Overloaded", "type": "server_error", "param": None, "code": "overloaded_error"}
        assert reply.events[-1].json["error"] == wanted
