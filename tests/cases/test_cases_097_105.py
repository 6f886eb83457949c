"""Cases 101 to 105, the end of 56, and O32, between every two dialects: what a schema, a number, an empty part, a hidden
thought and a count become. The schemas themselves (43, 44, 97 to 100) are in test_schema and test_schema_service."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.cases.answers import answer
from tests.cases.inside import BACKS, FRONTS, MODELS, SAME, House, Says, sse, whole

from clients import CHAT, CONTENTS, MESSAGES, RESPONSES, Chat, front_id
from upstream.model import Turn

STREAM = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
PAIRS = pytest.mark.parametrize(
    ("front", "back"),
    [(front, back) for front in FRONTS for back in BACKS],
    ids=lambda value: value if isinstance(value, str) else front_id(value),
)
ABROAD = pytest.mark.parametrize(
    ("front", "back"),
    [(front, back) for front in FRONTS for back in BACKS if SAME[back] is not front],
    ids=lambda value: value if isinstance(value, str) else front_id(value),
)
CONVERSATION = {"openai.chat": "messages", "anthropic": "messages", "gemini": "contents", "openai.responses": "input"}
FOREIGN = pytest.mark.parametrize("front", [CHAT, MESSAGES, RESPONSES], ids=front_id)
"""Those who are abroad at Gemini."""


# -- how each client tells of earlier turns -----------------------------------------------------------------


def told(front: Chat, *turns: tuple[str, str]) -> dict[str, Any]:
    """The member of a body that holds a conversation of texts."""
    if front is CONTENTS:
        return {"contents": [{"role": {"assistant": "model"}.get(w, w), "parts": [{"text": t}]} for w, t in turns]}
    return {"input" if front is RESPONSES else "messages": [{"role": who, "content": text} for who, text in turns]}


def called(front: Chat, name: str, arguments: str) -> dict[str, Any]:
    """The member of a body that holds a question, a call, and its result. The arguments are spliced in as they are."""
    wire: Any = "@arguments@"
    match front.name:
        case "openai.chat":
            call = {"id": "c1", "type": "function", "function": {"name": name, "arguments": arguments}}
            turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": None, "tool_calls": [call]}]
            return {"messages": [*turns, {"role": "tool", "tool_call_id": "c1", "content": "found"}]}
        case "openai.responses":
            call = {"type": "function_call", "call_id": "c1", "name": name, "arguments": arguments}
            return {"input": [{"role": "user", "content": "Hi"}, call,
                              {"type": "function_call_output", "call_id": "c1", "output": "found"}]}  # fmt: skip
        case "anthropic":
            call = {"type": "tool_use", "id": "c1", "name": name, "input": wire}
            result = {"type": "tool_result", "tool_use_id": "c1", "content": "found"}
            return {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": [call]},
                                 {"role": "user", "content": [result]}]}  # fmt: skip
    result = {"functionResponse": {"name": name, "response": {"result": "found"}}}
    return {"contents": [{"role": "user", "parts": [{"text": "Hi"}]},
                         {"role": "model", "parts": [{"functionCall": {"name": name, "args": wire}}]},
                         {"role": "user", "parts": [result]}]}  # fmt: skip


def turns_of(back: str, body: Any) -> list[tuple[str, str]]:
    """Who says what, as a provider was asked."""
    found = body.get("contents") or body.get("messages") or body["input"]
    words = {"model": "assistant", "developer": "system"}
    out = []
    for turn in found:
        content = turn.get("parts", turn.get("content"))
        parts = [{"text": content}] if isinstance(content, str) else content or []
        role = turn.get("role", "")
        out.append((words.get(role, role), " ".join(part["text"] for part in parts if "text" in part)))
    return out


# -- 56 -------------------------------------------------------------------------------------------------------

FORM = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
LIST = {"type": "array", "items": FORM}
FIND = {"type": "object", "properties": {"q": {"type": "string"}, "limit": {"type": "integer"}}, "required": ["q"]}


def form(front: Chat, schema: Any) -> dict[str, Any]:
    match front.name:
        case "openai.chat":
            return {"response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}}
        case "openai.responses":
            return {"text": {"format": {"type": "json_schema", "name": "answer", "schema": schema}}}
        case "anthropic":
            return {"output_config": {"format": {"type": "json_schema", "schema": schema}}}
    return {"generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": schema}}


def tool(front: Chat, name: str, schema: Any, strict: bool | None = None) -> dict[str, Any]:
    more = {} if strict is None else {"strict": strict}
    match front.name:
        case "openai.chat":
            return {"tools": [{"type": "function", "function": {"name": name, "parameters": schema, **more}}]}
        case "openai.responses":
            return {"tools": [{"type": "function", "name": name, "parameters": schema, **more}]}
        case "anthropic":
            return {"tools": [{"name": name, "input_schema": schema, **more}]}
    return {"tools": [{"functionDeclarations": [{"name": name, "parametersJsonSchema": schema}]}]}


async def ask(house: House, front: Chat, back: str, stream: bool, model: str = "", **more: Any) -> Any:
    name = f"{back}/{model or MODELS[back]}"
    body = front.body("Hi", name, stream) | more
    reply = await house.ask(front.path(name, stream), body, front.headers)
    assert reply.status == 200, reply
    return reply


@STREAM
@FOREIGN
async def test_case_056_an_answer_asked_for_in_words_comes_without_a_fence(
    tmp_path: Path, front: Chat, stream: bool
) -> None:
    """Gemini 2.5 takes no form beside tools: the model is asked in words, and writes Markdown as models do."""
    house = House(tmp_path, answer("contents", Turn(text='```json\n{"n": 1}\n```'), stream))
    reply = await ask(house, front, "contents", stream, **form(front, FORM), **tool(front, "find", FIND))
    assert "JSON Schema" in json.dumps(house.script.last["systemInstruction"])
    assert front.read(reply).text == '{"n": 1}' and front.read(reply).calls == []


@STREAM
@pytest.mark.parametrize("front", [MESSAGES, CONTENTS, RESPONSES], ids=front_id)
async def test_case_056_no_wrapper_is_seen_and_text_comes_in_pieces(tmp_path: Path, front: Chat, stream: bool) -> None:
    """OpenAI holds an answer to an object only: a list is asked for in one, and comes back as itself, piece by piece."""
    items = ", ".join(f'{{"n": {n}}}' for n in range(9))
    house = House(tmp_path, answer("chat", Turn(text=f'{{"value": [{items}]}}'), stream))
    reply = await ask(house, front, "chat", stream, **form(front, LIST))
    schema = house.script.last["response_format"]["json_schema"]["schema"]
    assert list(schema["properties"]) == ["value"] and schema["required"] == ["value"]
    assert front.read(reply).text == f"[{items}]"
    if stream:
        assert sum(b'"n' in block for block in reply.body.split(b"\n\n")) > 5, "it was held to the end"


@STREAM
@pytest.mark.parametrize(("front", "back"), [(CHAT, "responses"), (RESPONSES, "chat"), (MESSAGES, "chat")])
async def test_a_null_for_what_was_optional_is_left_out(tmp_path: Path, front: Chat, back: str, stream: bool) -> None:
    """OpenAI's strict mode knows no optional members: they are asked for as nullable, and their nulls dropped."""
    call = ("find", {"q": "x", "limit": None})
    house = House(tmp_path, answer(back, Turn(calls=[call], stop="tool_calls"), stream))
    strict = FIND | {"additionalProperties": False}
    reply = await ask(house, front, back, stream, **tool(front, "find", strict, strict=True))
    [sent] = house.script.last["tools"]
    sent = sent.get("function", sent)
    assert sent["strict"] is True and sent["parameters"]["required"] == ["q", "limit"]
    assert front.read(reply).calls == [("find", {"q": "x"})]


@STREAM
@pytest.mark.parametrize("back", ["chat", "responses"])
@pytest.mark.parametrize("front", [MESSAGES, CONTENTS], ids=front_id)
async def test_case_056_a_form_that_was_enforced_is_enforced_elsewhere(
    tmp_path: Path, front: Chat, back: str, stream: bool
) -> None:
    """Anthropic and Google hold every answer to its form, OpenAI if it is told to: then what was optional may be null."""
    house = House(tmp_path, answer(back, Turn(text='{"n": 1, "m": null}'), stream))
    schema = FORM | {"properties": FORM["properties"] | {"m": {"type": "string"}}}
    reply = await ask(house, front, back, stream, **form(front, schema))
    sent = house.script.last
    sent = sent["text"]["format"] if back == "responses" else sent["response_format"]["json_schema"]
    assert sent["strict"] is True and sent["schema"]["required"] == ["n", "m"]
    assert front.read(reply).text == '{"n": 1}'
    free = {"type": "object", "properties": {"m": {"type": "object", "additionalProperties": {"type": "string"}}}}
    reply = await ask(house, front, back, stream, **form(front, free))
    sent = house.script.last
    sent = sent["text"]["format"] if back == "responses" else sent["response_format"]["json_schema"]
    assert not sent.get("strict") and "strict (dropped)" in reply.headers["x-dragoman-lost"]


# -- 101 --------------------------------------------------------------------------------------------------------

LARGE = '{"zeta": 12345678901234567890, "id": 9007199254740993, "s": "<a&b>\\u00e9", "alpha": 1.10}'


@STREAM
@PAIRS
async def test_case_101_numbers_letters_and_order_of_arguments_stay(
    tmp_path: Path, front: Chat, back: str, stream: bool
) -> None:
    house = House(tmp_path, answer(back, Turn(calls=[("find", json.loads(LARGE))], stop="tool_calls"), stream))
    body = front.body("Hi", f"{back}/{MODELS[back]}", stream) | called(front, "find", LARGE)
    body |= tool(front, "find", {"type": "object"})
    raw = json.dumps(body).replace('"@arguments@"', LARGE).encode()
    reply = await house.ask(front.path(f"{back}/{MODELS[back]}", stream), raw, front.headers)
    assert reply.status == 200, reply
    sent = house.script.asked[-1].body
    assert sent is not None
    for data in (sent, reply.body)[: 1 if stream else 2]:  # the earlier call on its way out, the new one on its way in
        assert b"12345678901234567890" in data and b"9007199254740993" in data and b"<a&b>" in data
        assert b"u003c" not in data and b"E+" not in data and b"e+" not in data
    [(_, arguments)] = front.read(reply).calls
    assert arguments == json.loads(LARGE) and list(arguments) == ["zeta", "id", "s", "alpha"]


# -- 102, 103 -----------------------------------------------------------------------------------------------------


@ABROAD
async def test_case_102_a_user_speaks_first_and_an_answer_may_be_begun(tmp_path: Path, front: Chat, back: str) -> None:
    """Where the API wants a user's turn first one is put there, and told; the beginning of an answer stays the last."""
    house = House(tmp_path, answer(back, Turn(text="D"), False))
    turns = (("assistant", "A"), ("user", "B"), ("assistant", "C"))
    reply = await ask(house, front, back, False, **told(front, *turns))
    found = turns_of(back, house.script.last)
    assert found[-3:] == list(turns)
    lost = reply.headers["x-dragoman-lost"]
    if back in ("messages", "contents"):
        assert len(found) == 4 and found[0][0] == "user" and found[0][1]
        assert f"{CONVERSATION[front.name]} (emulated)" in lost
    else:
        assert len(found) == 3


@pytest.mark.parametrize(
    ("front", "back", "model"),
    [(CHAT, "messages", "claude-opus-4-6"), (RESPONSES, "messages", "claude-sonnet-4-6"),
     (CONTENTS, "messages", "claude-opus-4-7"), (CHAT, "contents", "gemini-3.6-flash"),
     (MESSAGES, "contents", "gemini-3.5-flash-lite")],
    ids=lambda value: value if isinstance(value, str) else front_id(value),
)  # fmt: skip
async def test_case_102_models_that_begin_their_own_answers_are_asked_to_go_on(
    tmp_path: Path, front: Chat, back: str, model: str
) -> None:
    """Claude since 4.6 and Gemini since 3.6 refuse a conversation that ends with their own turn."""
    house = House(tmp_path, answer(back, Turn(text="D"), False))
    reply = await ask(house, front, back, False, model, **told(front, ("user", "B"), ("assistant", "C")))
    found = turns_of(back, house.script.last)
    assert found[:2] == [("user", "B"), ("assistant", "C")]
    assert [who for who, _ in found[2:]] == ["user"] and "Go on" in found[2][1]
    assert f"{CONVERSATION[front.name]}[1] (emulated)" in reply.headers["x-dragoman-lost"]


@ABROAD
async def test_case_103_empty_parts_and_turns_are_left_out(tmp_path: Path, front: Chat, back: str) -> None:
    """Anthropic refuses empty texts, Google parts that hold nothing; what is not empty beside them stays."""
    house = House(tmp_path, answer(back, Turn(text="D"), False))
    many = told(front, ("user", "A"), ("assistant", ""), ("user", "B"))
    if front is CONTENTS:
        many["contents"].append({"role": "user", "parts": [{"text": ""}, {"text": "C"}, {"text": ""}]})
    else:
        kind = {"type": "input_text" if front is RESPONSES else "text"}
        content = [kind | {"text": text} for text in ("", "C", "")]
        many["input" if front is RESPONSES else "messages"].append({"role": "user", "content": content})
    await ask(house, front, back, False, **many)
    sent = house.script.last
    said = " ".join(text for _, text in turns_of(back, sent)).split()
    assert [word for word in said if word in "ABC"] == ["A", "B", "C"]
    assert '"text": ""' not in json.dumps(sent) and '"parts": []' not in json.dumps(sent)
    assert '"content": ""' not in json.dumps(sent) and '"content": []' not in json.dumps(sent)


# -- 104, 105 -------------------------------------------------------------------------------------------------------

USAGE = {
    "promptTokenCount": 11125,
    "cachedContentTokenCount": 7441,
    "candidatesTokenCount": 20,
    "thoughtsTokenCount": 409,
    "totalTokenCount": 11554,
}


def thinker(stream: bool, usage: dict[str, int], thought: bool = True) -> Says:
    """Gemini's answer with a thought before its text."""
    parts = [{"text": "plan the answer", "thought": True}] if thought else []
    done = {"candidates": [{"content": {"role": "model", "parts": [*parts, {"text": "Hello."}]}, "finishReason": "STOP",
                            "index": 0}], "usageMetadata": usage, "modelVersion": "g", "responseId": "r"}  # fmt: skip
    if not stream:
        return whole(done)
    begun = [{"candidates": [{"content": {"role": "model", "parts": [part]}, "index": 0}]} for part in parts]
    done["candidates"] = [{"content": {"role": "model", "parts": [{"text": "Hello."}]}, "finishReason": "STOP"}]
    return sse(*begun, done)


@STREAM
@pytest.mark.parametrize("front", FRONTS, ids=front_id)
async def test_case_104_thoughts_are_no_text(tmp_path: Path, front: Chat, stream: bool) -> None:
    house = House(tmp_path, thinker(stream, USAGE))
    reply = await ask(house, front, "contents", stream, **front.thinking())
    said = front.read(reply)
    assert said.text == "Hello." and said.reasoning == "plan the answer"


@pytest.mark.parametrize("back", ["chat", "messages", "responses"])
async def test_case_104_hidden_thoughts_go_to_nobody_else(tmp_path: Path, back: str) -> None:
    house = House(tmp_path, answer(back, Turn(text="D"), False))
    hidden = {"text": "a hidden plan", "thought": True, "thoughtSignature": "c2VjcmV0"}
    model = {"role": "model", "parts": [hidden, {"text": "A"}]}
    contents = [{"role": "user", "parts": [{"text": "Q"}]}, model, {"role": "user", "parts": [{"text": "B"}]}]
    reply = await ask(house, CONTENTS, back, False, contents=contents)
    sent = json.dumps(house.script.last)
    assert "hidden" not in sent and "c2VjcmV0" not in sent
    assert turns_of(back, house.script.last) == [("user", "Q"), ("assistant", "A"), ("user", "B")]
    assert re.search(r"contents\[1\](\.parts\[0\])?(\.reasoning)? \(dropped", reply.headers["x-dragoman-lost"])


@STREAM
@pytest.mark.parametrize("front", [CHAT, MESSAGES, RESPONSES], ids=front_id)
async def test_case_105_counts_of_thoughts_and_of_what_was_cached(tmp_path: Path, front: Chat, stream: bool) -> None:
    house = House(tmp_path, thinker(stream, USAGE))
    options = {"stream_options": {"include_usage": True}} if front is CHAT and stream else {}
    said = front.read(await ask(house, front, "contents", stream, **options))
    assert (said.input, said.output) == (11125, 429)
    raw = usage_of(front, await ask(house, front, "contents", stream, **options))
    match front.name:
        case "openai.chat":
            assert raw["total_tokens"] == 11554 and raw["prompt_tokens_details"]["cached_tokens"] == 7441
            assert raw["completion_tokens_details"]["reasoning_tokens"] == 409
        case "anthropic":
            assert (raw["input_tokens"], raw["cache_read_input_tokens"], raw["output_tokens"]) == (3684, 7441, 429)
        case _:
            assert raw["total_tokens"] == 11554 and raw["input_tokens_details"]["cached_tokens"] == 7441
            assert raw["output_tokens_details"]["reasoning_tokens"] == 409
    bare = {"promptTokenCount": 10, "toolUsePromptTokenCount": 5, "totalTokenCount": 15}
    house = House(tmp_path, thinker(stream, bare, thought=False))
    said = front.read(await ask(house, front, "contents", stream, **options))
    assert (said.input, said.output) == (15, 0), "nothing said of the answer is 0; what tools fetched was read too"


def usage_of(front: Chat, reply: Any) -> Any:
    """What a client is told last of the tokens, over all events."""
    if reply.media_type != "text/event-stream":
        return reply.json["usage"]
    found: dict[str, Any] = {}
    for event in reply.events:
        if event.data == "[DONE]":
            continue
        for wire in (event.json, event.json.get("message") or {}, event.json.get("response") or {}):
            found |= {name: value for name, value in (wire.get("usage") or {}).items() if value is not None}
    return found


# -- O32 --------------------------------------------------------------------------------------------------------------


@PAIRS
async def test_o32_the_same_request_is_the_same_bytes(tmp_path: Path, front: Chat, back: str) -> None:
    """A provider's cache of prompts lives on it: neither tools nor names nor ids may move between two requests."""
    house = House(tmp_path, answer(back, Turn(text="D"), False))
    named = {f"files.read:{n}": FIND | {"title": str(n)} for n in range(12)}
    tools: list[Any] = []
    for name, schema in named.items():
        tools += tool(front, name if front is not CONTENTS else name.replace(":", "."), schema)["tools"]
    body = front.body("Hi", f"{back}/{MODELS[back]}") | {"tools": tools}
    body |= called(front, "files.read:3".replace(":", "." if front is CONTENTS else ":"), LARGE)
    raw = json.dumps(body).replace('"@arguments@"', LARGE).encode()
    seen = set()
    for _ in range(3):
        reply = await house.ask(front.path(f"{back}/{MODELS[back]}"), raw, front.headers)
        assert reply.status == 200, reply
        seen.add(house.script.asked[-1].body)
    assert len(seen) == 1
    order = [json.dumps(house.script.last).index(f'"title": "{n}"') for n in range(12)]
    assert order == sorted(order), "tools are told in the client's order"
