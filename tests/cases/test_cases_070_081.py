"""Cases 70, 71, 74, 76, 77 and 81: names and ids on their way, counted tokens, searches, and thoughts that are owed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests import laws
from tests.cases.answers import answer, said
from tests.cases.inside import BACKS, FRONTS, MODELS, SAME, House, sse, whole
from tests.cases.test_cases_069_083 import chunk, message, rebuilt
from tests.cases.test_cases_084_096 import calls_in, follow, opened
from tests.cases.test_cases_101_113 import arguments_in

from clients import CHAT, CONTENTS, MESSAGES, RESPONSES, Chat, front_id
from dragoman.core.profile import Profile
from dragoman.dialects import CODECS
from upstream.model import Turn

STREAM = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
EACH_FRONT = pytest.mark.parametrize("front", FRONTS, ids=front_id)
EACH_BACK = pytest.mark.parametrize("back", BACKS)
SONG = Turn(text="La la la.")


def called(front: Chat, calls: list[tuple[str, str, Any]]) -> Any:
    """A whole answer with these calls (id, name, arguments), as the front's client got it."""
    match front.name:
        case "openai.chat":
            found = [
                {"id": i, "type": "function", "function": {"name": n, "arguments": json.dumps(a)}} for i, n, a in calls
            ]
            return {"choices": [{"message": {"role": "assistant", "content": None, "tool_calls": found}}]}
        case "anthropic":
            return {"content": [{"type": "tool_use", "id": i, "name": n, "input": a} for i, n, a in calls]}
        case "gemini":
            parts = [{"functionCall": {"id": i, "name": n, "args": a}} for i, n, a in calls]
            return {"candidates": [{"content": {"role": "model", "parts": parts}}]}
    return {"output": [
        {"type": "function_call", "call_id": i, "name": n, "arguments": json.dumps(a)} for i, n, a in calls]}  # fmt: skip


def ids_in(back: str, wire: Any) -> tuple[list[str], list[str]]:
    """The ids of calls, and those of results, as they are sent."""
    match back:
        case "chat":
            calls = [c["id"] for m in wire["messages"] for c in m.get("tool_calls") or ()]
            return calls, [m["tool_call_id"] for m in wire["messages"] if m["role"] == "tool"]
        case "messages":
            blocks = [b for m in wire["messages"] for b in m["content"] if isinstance(b, dict)]
            return [b["id"] for b in blocks if b["type"] == "tool_use"], [
                b["tool_use_id"] for b in blocks if b["type"] == "tool_result"
            ]
        case "responses":
            items = [item for item in wire["input"] if "call_id" in item]
            return [i["call_id"] for i in items if "name" in i], [i["call_id"] for i in items if "name" not in i]
    parts = [p for c in wire["contents"] for p in c["parts"]]
    calls = [p["functionCall"]["id"] for p in parts if "functionCall" in p]
    return calls, [p["functionResponse"]["id"] for p in parts if "functionResponse" in p]


LONGEST = {"chat": 40, "messages": 64, "responses": 64, "contents": 10_000}
IDS = ["call_short", "a" * 46, "b" * 64, "c" * 65, "d" * 300, "fs.readFile:0", "toolu_ü/é"]


@EACH_BACK
@EACH_FRONT
async def test_case_070_ids_fit_the_next_provider(tmp_path: Path, front: Chat, back: str) -> None:
    """The same in call and result, the same every time, no two alike, and untouched where they fit."""
    if front is SAME[back]:
        return  # a provider's own ids go home as they came
    house = House(tmp_path, whole(said(back, SONG)))
    model = f"{back}/{MODELS[back]}"
    asked = opened(front, model, False, "get_weather", thinking=False)
    first = called(front, [(id, "get_weather", {"city": "Paris"}) for id in IDS])
    body = follow(front, asked, first, dict.fromkeys(IDS, "21C"), bare=True)
    seen = []
    for _ in range(2):
        reply = await house.ask(front.path(model), body, front.headers)
        assert reply.status == 200, reply
        calls, results = ids_in(back, house.script.last)
        assert calls == results
        assert len(set(calls)) == len(IDS)
        assert max(map(len, calls)) <= LONGEST[back]
        assert calls[0] == "call_short"
        if back == "messages":
            assert all(re.fullmatch(r"[A-Za-z0-9_-]+", id) for id in calls)
        seen.append(calls)
    assert seen[0] == seen[1]


# -- 71: names ------------------------------------------------------------------------------------------------------------

NAMES = ["mcp__srv/do@x", "mcp__srv_do_x", "mcp__srv.do.x", "m" * 80, "9lives", "ü"]
LEGAL = {"chat": r"[a-zA-Z0-9_-]{1,64}", "messages": r"[a-zA-Z0-9_-]{1,64}", "responses": r"[a-zA-Z0-9_-]{1,64}",
         "contents": r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}"}  # fmt: skip


def naming(front: Chat, model: str, stream: bool) -> dict[str, Any]:
    schema = {"type": "object", "properties": {}}
    body = front.body("Go", model, stream)
    match front.name:
        case "openai.chat":
            tools: Any = [{"type": "function", "function": {"name": name, "parameters": schema}} for name in NAMES]
            return body | {"tools": tools, "tool_choice": {"type": "function", "function": {"name": NAMES[0]}}}
        case "anthropic":
            tools = [{"name": name, "input_schema": schema} for name in NAMES]
            return body | {"tools": tools, "tool_choice": {"type": "tool", "name": NAMES[0]}}
        case "gemini":
            calling = {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": [NAMES[0]]}}
            tools = [{"functionDeclarations": [{"name": name, "parametersJsonSchema": schema} for name in NAMES]}]
            return body | {"tools": tools, "toolConfig": calling}
    tools = [{"type": "function", "name": name, "parameters": schema} for name in NAMES]
    return body | {"tools": tools, "tool_choice": {"type": "function", "name": NAMES[0]}}


def names_in(back: str, wire: Any) -> list[str]:
    match back:
        case "chat":
            return [tool["function"]["name"] for tool in wire["tools"]]
        case "contents":
            return [one["name"] for tool in wire["tools"] for one in tool["functionDeclarations"]]
    return [tool["name"] for tool in wire["tools"]]


@STREAM
@EACH_BACK
@EACH_FRONT
async def test_case_071_names_are_respelled_and_come_back(tmp_path: Path, front: Chat, back: str, stream: bool) -> None:
    if front is SAME[back]:
        return
    house = House(tmp_path, whole(said(back, SONG)))
    model = f"{back}/{MODELS[back]}"
    asked = naming(front, model, stream)
    history = follow(front, asked, called(front, [("id-1", NAMES[3], {})]), {"id-1": "x"}, bare=True)
    history |= {"stream": True} if stream and front is not CONTENTS else {}
    reply = await house.ask(
        front.path(model), history | ({"stream": False} if "stream" in history else {}), front.headers
    )
    assert reply.status == 200, reply
    sent = house.script.last
    spelled = names_in(back, sent)
    assert len(set(spelled)) == len(NAMES)
    assert all(re.fullmatch(LEGAL[back], name) for name in spelled)
    text = json.dumps({name: value for name, value in sent.items() if name != "tools"})
    assert spelled[0] in text, "as it is forced"
    assert spelled[3] in text, "as it was called"
    turn = Turn(calls=[(name, {}) for name in spelled], stop="tool_calls")
    house.script.lines[:] = [answer(back, turn, stream)]
    reply = await house.ask(front.path(model, stream), history, front.headers)
    assert [name for name, _ in front.read(reply).calls] == NAMES


# -- 74: counting -----------------------------------------------------------------------------------------------------------

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
LONG = "The quick brown fox jumps over the lazy dog. " * 100
COUNTED: dict[str, Any] = {
    "system": [{"type": "text", "text": LONG, "cache_control": {"type": "ephemeral"}}],
    "tools": [{"name": "look", "description": LONG, "input_schema": {"type": "object", "properties": {"a": {"type": "string"}}}}],
    "messages": [
        {"role": "user", "content": [
            {"type": "text", "text": "What is it?"},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}]},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
            {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"a": "b"}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": [
            {"type": "text", "text": LONG},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}]}]},
    ],
    "thinking": {"type": "enabled", "budget_tokens": 2000},
}  # fmt: skip


@EACH_BACK
async def test_case_074_tokens_are_counted_for_every_provider(tmp_path: Path, back: str) -> None:
    """System, tools, results and pictures with the rest: by the provider where it counts, else by a labelled estimate."""
    counts = {
        "messages": {"input_tokens": 3210},
        "contents": {"totalTokens": 3210},
        "responses": {"input_tokens": 3210},
    }
    house = House(tmp_path, whole(counts.get(back, {})))
    body = COUNTED | {"model": f"{back}/{MODELS[back]}"}
    reply = await house.ask("/v1/messages/count_tokens?beta=true", body, MESSAGES.headers)
    assert reply.status == 200, reply
    assert set(reply.json) == {"input_tokens"}
    if back in counts:
        assert reply.json["input_tokens"] == 3210
        assert "x-dragoman-token-count" not in reply.headers
    else:
        assert 2500 < reply.json["input_tokens"] < 6000, "three thousand words, two small pictures"
        assert reply.headers["x-dragoman-token-count"] == "estimate"
        less = {name: value for name, value in body.items() if name not in ("system", "tools")}
        fewer = await house.ask("/v1/messages/count_tokens", less, MESSAGES.headers)
        assert reply.json["input_tokens"] - fewer.json["input_tokens"] > 1500, "system and tools count"


# -- 76: searches -------------------------------------------------------------------------------------------------------------

SEARCH = {"type": "web_search_20250305", "name": "web_search", "max_uses": 5}
SEARCHED: dict[str, Any] = {
    "messages": [
        {"role": "user", "content": "Who won?"},
        {"role": "assistant", "content": [
            {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "winner 2026"}},
            {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [
                {"type": "web_search_result", "url": "https://a.example/1", "title": "The winner", "encrypted_content": "ENC",
                 "page_age": None}]},
            {"type": "text", "text": "Team A won."}]},
        {"role": "user", "content": "Sure?"},
    ],
}  # fmt: skip


@EACH_BACK
async def test_case_076_a_search_is_the_providers_own_or_refused(tmp_path: Path, back: str) -> None:
    house = House(tmp_path, whole(said(back, SONG)))
    body = MESSAGES.body("Who won?", f"{back}/{MODELS[back]}") | {"tools": [SEARCH]}
    reply = await house.ask("/v1/messages", body, MESSAGES.headers)
    if back == "chat":
        assert reply.status == 400, reply
        assert not house.script.asked
        return
    assert reply.status == 200, reply
    tools = json.dumps(house.script.last["tools"])
    assert {"messages": "web_search_20250305", "responses": '"web_search"', "contents": "googleSearch"}[back] in tools


@EACH_BACK
async def test_case_076_searches_of_a_history_are_words_elsewhere(tmp_path: Path, back: str) -> None:
    house = House(tmp_path, whole(said(back, SONG)))
    body = SEARCHED | {"model": f"{back}/{MODELS[back]}", "max_tokens": 100}
    reply = await house.ask("/v1/messages", body, MESSAGES.headers)
    assert reply.status == 200, reply
    sent = json.dumps(house.script.last)
    assert "Team A won." in sent
    if back == "messages":
        assert house.script.last["messages"] == SEARCHED["messages"]
    else:
        assert "srvtoolu_1" not in sent and "ENC" not in sent
        assert "messages[1] (emulated)" in reply.headers["x-dragoman-lost"]
        assert "winner 2026" in sent and "https://a.example/1" in sent, "what was searched and found"


ITEMS = [
    {"role": "user", "content": "Who won?"},
    {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {
        "type": "search", "query": "winner 2026", "sources": [{"type": "url", "url": "https://a.example/1"}]}},
    {"role": "assistant", "content": "Team A won."},
    {"role": "user", "content": "Sure?"},
]  # fmt: skip


@EACH_BACK
async def test_case_076_openais_searches_too(tmp_path: Path, back: str) -> None:
    house = House(tmp_path, whole(said(back, SONG)))
    reply = await house.ask("/v1/responses", {"model": f"{back}/{MODELS[back]}", "input": ITEMS})
    assert reply.status == 200, reply
    sent = json.dumps(house.script.last)
    assert all(words in sent for words in ("Who won?", "winner 2026", "https://a.example/1", "Team A won.", "Sure?"))
    assert ("ws_1" in sent) == (back == "responses")


# -- 77: thoughts that must come back -------------------------------------------------------------------------------------------

DEEP = '[providers.deep]\nkind = "deepseek"\nkeys = ["k"]\nbase_url = "http://deep.test"\n'
CALL = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'}}


def thought(stream: bool, text: str | None) -> Any:
    if not stream:
        return whole(message("", reasoning_content=text, tool_calls=[CALL]))
    words = [
        chunk({"role": "assistant", "content": None, "reasoning_content": word}) for word in (text or "").split("|")
    ]
    calls = chunk({"tool_calls": [{"index": 0, **CALL}]})
    return sse(*words, calls, chunk(finish="tool_calls"), b"data: [DONE]\n\n")


@STREAM
@pytest.mark.parametrize("model", ["deepseek-v4-pro", "deepseek-reasoner"])
@EACH_FRONT
async def test_case_077_a_thought_is_refilled_whoever_forgot_it(
    tmp_path: Path, front: Chat, model: str, stream: bool
) -> None:
    """Also for clients of its own dialect that drop the field, and though no thinking was asked for."""
    house = House(tmp_path, thought(stream, "I need the weather."), whole(message("21")), more=DEEP)
    name = f"deep/{model}"
    asked = opened(front, name, stream, "get_weather", thinking=False)
    first = rebuilt(front, await house.ask(front.path(name, stream), asked, front.headers))
    [(id, _, _)] = calls_in(front, first)
    bare = follow(front, asked, first, {id: "21C"}, bare=True)
    reply = await house.ask(front.path(name), bare, front.headers)
    assert reply.status == 200, reply
    [turn] = [turn for turn in house.script.last["messages"] if turn["role"] == "assistant"]
    assert turn["reasoning_content"] == "I need the weather."
    assert turn["tool_calls"][0]["id"] == "call_1"


@EACH_FRONT
async def test_case_077_what_nobody_knows_is_an_empty_field(tmp_path: Path, front: Chat) -> None:
    house = House(tmp_path, whole(message("21")), more=DEEP)
    asked = opened(front, "deep/deepseek-v4-pro", False, "get_weather", thinking=False)
    first = called(front, [("call_9", "get_weather", {"city": "Paris"})])
    body = follow(front, asked, first, {"call_9": "21C"}, bare=True)
    reply = await house.ask(front.path("deep/deepseek-v4-pro"), body, front.headers)
    assert reply.status == 200, reply
    [turn] = [turn for turn in house.script.last["messages"] if turn["role"] == "assistant"]
    assert turn["reasoning_content"] == ""


async def test_case_077_thoughts_of_an_anthropic_client_are_the_field(tmp_path: Path) -> None:
    house = House(tmp_path, whole(message("21")), more=DEEP)
    body = opened(MESSAGES, "deep/deepseek-v4-pro", False, "get_weather", thinking=False)
    said_ = [
        {"type": "thinking", "thinking": "Mine.", "signature": ""},
        {"type": "tool_use", "id": "t1", "name": "get_weather", "input": {}},
    ]
    result = [{"type": "tool_result", "tool_use_id": "t1", "content": "21C"}]
    body["messages"] += [{"role": "assistant", "content": said_}, {"role": "user", "content": result}]
    assert (await house.ask("/v1/messages", body, MESSAGES.headers)).status == 200
    [turn] = [turn for turn in house.script.last["messages"] if turn["role"] == "assistant"]
    assert turn["reasoning_content"] == "Mine."


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning", "reasoning_details"])
async def test_case_077_a_server_that_refuses_thoughts_gets_none(tmp_path: Path, name: str) -> None:
    house = House(tmp_path, whole(said("chat", SONG)))
    value: Any = [{"type": "reasoning.text", "text": "Hm.", "index": 0}] if name == "reasoning_details" else "Hm."
    turns = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Yo", name: value},
        {"role": "user", "content": "So?"},
    ]
    reply = await house.ask("/v1/chat/completions", {"model": "chat/gpt-4.1", "messages": turns})
    assert reply.status == 200, reply
    assert house.script.last["messages"] == [*turns[:1], {"role": "assistant", "content": "Yo"}, *turns[2:]]
    plain = json.dumps({"model": "chat/gpt-4.1", "messages": turns[:1], "x": 1.50}).encode()
    assert (await house.ask("/v1/chat/completions", plain)).status == 200
    assert house.script.last == {"model": "gpt-4.1", "messages": turns[:1], "x": 1.5}, "all else passes"


# -- 81: calls made together ------------------------------------------------------------------------------------------------------


@EACH_BACK
async def test_case_081_calls_made_together_are_one_turn(tmp_path: Path, back: str) -> None:
    house = House(tmp_path, whole(said(back, SONG)))
    calls = [
        {"type": "function_call", "call_id": i, "name": "get_weather", "arguments": json.dumps({"city": i})}
        for i in "ab"
    ]
    results = [{"type": "function_call_output", "call_id": i, "output": f"of {i}"} for i in "ab"]
    items = [{"role": "user", "content": "Go"}, *calls, *results]
    body = {"model": f"{back}/{MODELS[back]}", "input": items, **RESPONSES.tools("get_weather")}
    reply = await house.ask("/v1/responses", body)
    assert reply.status == 200, reply
    sent = house.script.last
    assert arguments_in(back, sent) == [{"city": "a"}, {"city": "b"}]
    match back:
        case "chat":
            assert [m["role"] for m in sent["messages"]] == ["user", "assistant", "tool", "tool"]
            assert [m["tool_call_id"] for m in sent["messages"][2:]] == ["a", "b"]
        case "messages":
            assert [m["role"] for m in sent["messages"]] == ["user", "assistant", "user"]
            assert [b["type"] for b in sent["messages"][2]["content"]] == ["tool_result", "tool_result"]
        case "contents":
            assert [c["role"] for c in sent["contents"]] == ["user", "model", "user"]
    assert CODECS[CHAT.name].dialect == "openai.chat" and laws.context(profile=Profile()).losses == []
