"""Cases 84 to 96: Gemini behind every client: signatures, calls and their results, and how an answer ends."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests import laws
from tests.cases.answers import answer, said
from tests.cases.inside import BACKS, FRONTS, MODELS, SAME, House, Says, event, sse, whole
from tests.cases.test_cases_069_083 import rebuilt

from clients import CHAT, CONTENTS, MESSAGES, RESPONSES, Chat, front_id
from dragoman.core.fold import fold
from dragoman.core.profile import Profile
from dragoman.dialects import CODECS
from dragoman.store.sqlite import SqliteStore
from upstream import anthropic, gemini, responses
from upstream.model import Turn

STREAM = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
EACH_FRONT = pytest.mark.parametrize("front", FRONTS, ids=front_id)
ABROAD = pytest.mark.parametrize("front", [f for f in FRONTS if f is not CONTENTS], ids=front_id)
GEMINI = CODECS["gemini"]
SIGNATURE = "EqQBCqEB" + "AbCd+/09" * 40 + "=="
SENTINEL = "skip_thought_signature_validator"
SONG = Turn(text="La la la.")


def chunk(*parts: Any, stop: str | None = None, **more: Any) -> dict[str, Any]:
    """One of Google's chunks, which may be the whole answer."""
    candidate: dict[str, Any] = {"content": {"parts": list(parts), "role": "model"} if parts else {}, "index": 0}
    candidate |= {"finishReason": stop} if stop else {}
    usage = {"promptTokenCount": 3, "candidatesTokenCount": 4, "totalTokenCount": 7}
    return {"candidates": [candidate | more], "usageMetadata": usage, "modelVersion": "gemini-x", "responseId": "r-1"}


def call(name: str, args: Any = None, signature: str | None = None, **more: Any) -> dict[str, Any]:
    part: dict[str, Any] = {"functionCall": {"name": name, "args": args or {}, **more}}
    return part | ({"thoughtSignature": signature} if signature else {})


def told(stream: bool, *parts: Any, stop: str = "STOP", cut: int = 0) -> Says:
    """An answer of Gemini's, one part in each chunk, and an empty text in the last (as recorded)."""
    if not stream:
        return whole(chunk(*parts, stop=stop))
    return sse(*map(chunk, parts), chunk({"text": ""}, stop=stop), cut=cut)


# -- one conversation, as each client tells it --------------------------------------------------------------------------


def opened(front: Chat, model: str, stream: bool, *tools: str, thinking: bool = True) -> dict[str, Any]:
    return front.body("Weather?", model, stream) | front.tools(*tools) | (front.thinking() if thinking else {})


def calls_in(front: Chat, first: Any) -> list[tuple[str, str, Any]]:
    """(id, name, arguments) of the calls in a whole answer."""
    if front is CHAT:
        calls = first["choices"][0]["message"]["tool_calls"]
        return [(c["id"], c["function"]["name"], json.loads(c["function"]["arguments"])) for c in calls]
    if front is MESSAGES:
        return [(b["id"], b["name"], b["input"]) for b in first["content"] if b["type"] == "tool_use"]
    if front is CONTENTS:
        parts = first["candidates"][0]["content"]["parts"]
        found = [part["functionCall"] for part in parts if "functionCall" in part]
        return [(c.get("id", ""), c["name"], c.get("args", {})) for c in found]
    items = [item for item in first["output"] if item["type"] == "function_call"]
    return [(item["call_id"], item["name"], json.loads(item["arguments"])) for item in items]


def follow(front: Chat, asked: dict[str, Any], first: Any, results: dict[str, str], *, bare: bool) -> dict[str, Any]:
    """The next request, with the results by call id in their order. `bare`: nothing of the answer but what every
    client of the dialect keeps."""
    asked = {name: value for name, value in asked.items() if name != "stream"}
    calls = calls_in(front, first)
    if front is CHAT:
        said_: dict[str, Any] = first["choices"][0]["message"]
        if bare:
            kept = [
                {"id": i, "type": "function", "function": {"name": n, "arguments": json.dumps(a)}} for i, n, a in calls
            ]
            said_ = {"role": "assistant", "content": None, "tool_calls": kept}
        tools = [{"role": "tool", "tool_call_id": i, "content": text} for i, text in results.items()]
        return asked | {"messages": [*asked["messages"], said_, *tools]}
    if front is MESSAGES:
        content: list[Any] = first["content"]
        if bare:
            content = [{"type": "tool_use", "id": i, "name": n, "input": a} for i, n, a in calls]
        given = [{"type": "tool_result", "tool_use_id": i, "content": text} for i, text in results.items()]
        turns = [{"role": "assistant", "content": content}, {"role": "user", "content": given}]
        return asked | {"messages": [*asked["messages"], *turns]}
    if front is CONTENTS:
        names = {i: n for i, n, _ in calls}
        parts = [
            {"functionResponse": {"id": i, "name": names[i], "response": {"result": t}}} for i, t in results.items()
        ]
        content = first["candidates"][0]["content"]
        return asked | {"contents": [*asked["contents"], content, {"role": "user", "parts": parts}]}
    items: list[Any] = first["output"]
    if bare:
        items = [{"type": "function_call", "call_id": i, "name": n, "arguments": json.dumps(a)} for i, n, a in calls]
    outputs = [{"type": "function_call_output", "call_id": i, "output": text} for i, text in results.items()]
    return asked | {"input": [{"role": "user", "content": asked["input"]}, *items, *outputs]}


async def two_turns(
    house: House, front: Chat, stream: bool, *, bare: bool, again: str = "", back: str = "contents"
) -> Any:
    """What the second provider is sent: the same as the first one unless `again` names another."""
    model = f"{back}/{MODELS[back]}"
    asked = opened(front, model, stream, "get_weather", "get_time")
    reply = await house.ask(front.path(model, stream), asked, front.headers)
    assert reply.status == 200, reply
    first = rebuilt(front, reply)
    results = {id: f"result of {name} {n}" for n, (id, name, _) in enumerate(calls_in(front, first))}
    second = f"{again}/{MODELS[again]}" if again else model
    body = follow(front, asked, first, results, bare=bare)
    body |= {"model": second} if "model" in body else {}
    reply = await house.ask(front.path(second), body, front.headers)
    assert reply.status == 200, reply
    return house.script.last


def model_parts(sent: Any) -> list[Any]:
    return [part for content in sent["contents"] if content["role"] == "model" for part in content["parts"]]


# -- 84 to 88: signatures -------------------------------------------------------------------------------------------------

PLAN = {"text": "I need both.", "thought": True}
PAIR = (call("get_weather", {"city": "Paris"}, SIGNATURE), call("get_time", {"zone": "CET"}))


@STREAM
@pytest.mark.parametrize("bare", [False, True], ids=["all", "bare"])
@EACH_FRONT
async def test_case_084_the_signature_is_on_its_call_again(
    tmp_path: Path, front: Chat, stream: bool, bare: bool
) -> None:
    house = House(tmp_path, told(stream, PLAN, *PAIR), whole(said("contents", SONG)))
    sent = await two_turns(house, front, stream, bare=bare)
    calls = [part for part in model_parts(sent) if "functionCall" in part]
    assert [part["functionCall"]["name"] for part in calls] == ["get_weather", "get_time"]
    assert [part.get("thoughtSignature") for part in calls] == [SIGNATURE, None]


@ABROAD
async def test_case_084_also_after_a_restart(tmp_path: Path, front: Chat) -> None:
    file = tmp_path / "store.db"
    one = House(tmp_path, told(True, PLAN, *PAIR), store=SqliteStore(file, lambda: 0.0))
    model = f"contents/{MODELS['contents']}"
    asked = opened(front, model, True, "get_weather", "get_time")
    first = rebuilt(front, await one.ask(front.path(model, True), asked, front.headers))
    await one.store.close()
    two = House(tmp_path, whole(said("contents", SONG)), store=SqliteStore(file, lambda: 0.0))
    results = {id: "r" for id, _, _ in calls_in(front, first)}
    await two.ask(front.path(model), follow(front, asked, first, results, bare=True), front.headers)
    calls = [part for part in model_parts(two.script.last) if "functionCall" in part]
    assert [part.get("thoughtSignature") for part in calls] == [SIGNATURE, None]
    await two.store.close()


@ABROAD
async def test_case_084_what_nobody_remembers_has_a_stand_in_on_the_first_call_alone(
    tmp_path: Path, front: Chat
) -> None:
    more = '[providers.contents.profile]\nthinking = "level"\n'
    house = House(tmp_path, whole(said("contents", SONG)), more=more)
    calls = [("id-1", "get_weather", {"city": "Paris"}), ("id-2", "get_time", {"zone": "CET"})]
    first = {
        CHAT.name: {"choices": [{"message": {"tool_calls": [
            {"id": i, "function": {"name": n, "arguments": json.dumps(a)}} for i, n, a in calls]}}]},
        MESSAGES.name: {"content": [{"type": "tool_use", "id": i, "name": n, "input": a} for i, n, a in calls]},
        RESPONSES.name: {"output": [
            {"type": "function_call", "call_id": i, "name": n, "arguments": json.dumps(a)} for i, n, a in calls]},
    }[front.name]  # fmt: skip
    model = "contents/gemini-3-pro-preview"
    asked = opened(front, model, False, "get_weather", "get_time")
    body = follow(front, asked, first, {"id-1": "a", "id-2": "b"}, bare=True)
    reply = await house.ask(front.path(model), body, front.headers)
    assert reply.status == 200, reply
    sent = [part.get("thoughtSignature") for part in model_parts(house.script.last) if "functionCall" in part]
    assert sent == [SENTINEL, None]


@STREAM
@pytest.mark.parametrize("again", ["chat", "messages", "responses", "contents"])
@ABROAD
async def test_case_085_ids_are_short_and_clean_and_the_next_provider_gets_them(
    tmp_path: Path, front: Chat, again: str, stream: bool
) -> None:
    house = House(tmp_path, told(stream, *PAIR), whole(said(again, SONG)))
    model = f"contents/{MODELS['contents']}"
    asked = opened(front, model, stream, "get_weather", "get_time", thinking=False)
    first = rebuilt(front, await house.ask(front.path(model, stream), asked, front.headers))
    ids = [id for id, _, _ in calls_in(front, first)]
    assert len(set(ids)) == 2
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,40}", id) for id in ids)
    assert not any(SIGNATURE[i : i + 12] in id for id in ids for i in range(0, len(SIGNATURE), 12))
    other = f"{again}/{MODELS[again]}"
    body = follow(front, asked, first, dict.fromkeys(ids, "r"), bare=True) | {"model": other}
    reply = await house.ask(front.path(other), body, front.headers)
    assert reply.status == 200, reply
    text = json.dumps(house.script.last)
    if again != "contents":
        assert SIGNATURE not in text
        assert all(text.count(f'"{id}"') == 2 for id in ids), "on the call and on its result"


@STREAM
@EACH_FRONT
async def test_case_086_siblings_stay_as_they_were(tmp_path: Path, front: Chat, stream: bool) -> None:
    calls = (
        call("get_weather", {"city": "Paris"}, "sig-1"),
        call("get_time", {"zone": "a"}),
        call("get_time", {"zone": "b"}, "sig-3"),
    )
    house = House(tmp_path, told(stream, *calls), whole(said("contents", SONG)))
    sent = await two_turns(house, front, stream, bare=front is not CONTENTS)
    assert [part.get("thoughtSignature") for part in model_parts(sent)] == ["sig-1", None, "sig-3"]
    assert SENTINEL not in json.dumps(sent)


SEALS = {"messages": anthropic.SIGNATURE, "contents": gemini.SIGNATURE, "responses": responses.SEALED}
"""What each provider signs with."""
THOUGHT_OF_IT = Turn(
    reasoning="Hm.", calls=[("get_weather", {"city": "Paris"}), ("get_time", {"zone": "CET"})], stop="tool_calls"
)


@STREAM
@pytest.mark.parametrize("again", BACKS)
@pytest.mark.parametrize("back", SEALS)
@EACH_FRONT
async def test_case_087_a_signature_goes_to_its_issuer_and_to_nobody_else(
    tmp_path: Path, front: Chat, back: str, again: str, stream: bool
) -> None:
    house = House(tmp_path, answer(back, THOUGHT_OF_IT, stream), whole(said(again, SONG)))
    sent = await two_turns(house, front, stream, bare=False, again=again, back=back)
    text = json.dumps(sent)
    if back == again:
        assert SEALS[back] in text
    assert not [name for name, seal in SEALS.items() if seal in text and name != again]


@ABROAD
@STREAM
async def test_case_088_a_late_signature_opens_nothing(tmp_path: Path, front: Chat, stream: bool) -> None:
    parts = ({"text": "thinking text", "thought": True}, {"text": "", "thoughtSignature": SIGNATURE})
    says = sse(chunk(parts[0]), chunk(parts[1], stop="STOP")) if stream else whole(chunk(*parts, stop="STOP"))
    house = House(tmp_path, says)
    model = f"contents/{MODELS['contents']}"
    reply = await house.ask(front.path(model, stream), opened(front, model, stream), front.headers)
    heard = front.read(reply)
    assert (heard.reasoning, heard.text) == ("thinking text", "")
    first = rebuilt(front, reply)
    if front is MESSAGES:
        assert [block["type"] for block in first["content"]] == ["thinking"]
    if front is RESPONSES:
        assert [item["type"] for item in first["output"]] == ["reasoning"]


# -- 89: a chunk in pieces ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [1, 61, 4096, 65536])
@EACH_FRONT
async def test_case_089_a_huge_signature_in_many_pieces(tmp_path: Path, front: Chat, cut: int) -> None:
    huge = "Ab+/" * (20_000 if cut > 1 else 500)
    parts = ({"text": "plan", "thought": True}, call("get_weather", {"city": "Paris"}, huge))
    house = House(tmp_path, told(True, *parts, cut=cut))
    model = f"contents/{MODELS['contents']}"
    reply = await house.ask(front.path(model, True), opened(front, model, True, "get_weather"), front.headers)
    heard = front.read(reply)
    assert (heard.reasoning, heard.calls) == ("plan", [("get_weather", {"city": "Paris"})])
    if front is not CONTENTS:
        assert b"functionCall" not in reply.body, "Google's own bytes"


@EACH_FRONT
async def test_case_089_half_a_chunk_at_the_end_is_an_error(tmp_path: Path, front: Chat) -> None:
    data = event(chunk({"text": "Let me see."})) + event(chunk(call("f", {}, SIGNATURE), stop="STOP"))[:-120]
    house = House(tmp_path, Says([data]))
    reply = await house.say(front, "contents", stream=True)
    assert front.broken(reply.events)
    if front is not CONTENTS:
        assert b"thoughtSignature" not in reply.body


# -- 90, 93: when and why it ends -----------------------------------------------------------------------------------------


def ends(front: Chat, wires: list[Any]) -> list[Any]:
    """What each event of a stream says of the end; None where it says nothing."""
    match front.name:
        case "openai.chat":
            return [choice["finish_reason"] for wire in wires for choice in wire["choices"]]
        case "anthropic":
            return [wire["delta"]["stop_reason"] if wire["type"] == "message_delta" else None for wire in wires]
        case "gemini":
            return [wire["candidates"][0].get("finishReason") for wire in wires]
    over = ("response.completed", "response.incomplete")
    return [wire["type"] if wire["type"] in over else None for wire in wires]


def wires_of(reply: Any) -> list[Any]:
    return [each.json for each in reply.events if each.data != "[DONE]"]


@EACH_FRONT
async def test_case_090_calls_are_why_it_ended_though_it_says_stop(tmp_path: Path, front: Chat) -> None:
    house = House(tmp_path, told(True, {"text": "I look."}, call("get_weather", {"city": "Paris"})))
    model = f"contents/{MODELS['contents']}"
    reply = await house.ask(front.path(model, True), opened(front, model, True, "get_weather"), front.headers)
    found = ends(front, wires_of(reply))
    if front is MESSAGES:
        assert found.pop() is None, "message_stop says no more"
    *before, last = found
    assert not any(before)
    assert last in (front.stops["tool_calls"], "response.completed")
    assert front.read(reply).calls == [("get_weather", {"city": "Paris"})]


@STREAM
@EACH_FRONT
@pytest.mark.parametrize("every", [False, True], ids=["at the end", "in every chunk"])
async def test_case_093_the_end_is_where_it_is(tmp_path: Path, front: Chat, stream: bool, every: bool) -> None:
    """Google says why once; its older models said STOP in every chunk, and the stream went on."""
    words = ["One ", "two ", "three."]
    if stream:
        stops = ["STOP"] * 3 if every else [None, None, "STOP"]
        house = House(tmp_path, sse(*(chunk({"text": w}, stop=s) for w, s in zip(words, stops, strict=True))))
    else:
        house = House(tmp_path, told(False, *({"text": word} for word in words)))
    reply = await house.say(front, "contents", stream=stream)
    if front is CONTENTS and stream and every:
        return  # its own bytes, as they came
    heard = front.read(reply)
    assert (heard.text, heard.stop) == ("One two three.", front.stops["stop"])
    if stream:
        found = [end for end in ends(front, wires_of(reply)) if end]
        assert len(found) == 1


@EACH_FRONT
async def test_case_093_without_a_finish_reason_nothing_has_ended(tmp_path: Path, front: Chat) -> None:
    for says, stream in (
        (sse(chunk({"text": "One"}), chunk({"text": " two"})), True),
        (whole(chunk({"text": "One"})), False),
    ):
        house = House(tmp_path, says)
        reply = await house.say(front, "contents", stream=stream)
        if stream:
            assert front.broken(reply.events)
        else:
            assert reply.status == 502, reply
            assert "too soon" in front.error(reply)[2]


# -- 94, 95: answers that are none ----------------------------------------------------------------------------------------

GIVEN_UP = ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "OTHER", "TOO_MANY_TOOL_CALLS", "A_WORD_OF_TOMORROW"]
NOTHING: dict[str, Any] = {
    "no content": {"candidates": [{"content": {}}]},
    "an empty candidate": {"candidates": [{}]},
    "a null candidate": {"candidates": [None]},
    "null content": {"candidates": [{"content": None, "finishReason": None}]},
    "no candidates": {"candidates": []},
    "usage alone": {"usageMetadata": {"promptTokenCount": 3}},
}


@STREAM
@pytest.mark.parametrize("word", GIVEN_UP)
@EACH_FRONT
async def test_case_094_a_failure_is_no_success(tmp_path: Path, front: Chat, word: str, stream: bool) -> None:
    empty = {"candidates": [{"content": {}, "finishReason": word, "finishMessage": "Malformed: print("}]}
    house = House(tmp_path, sse(empty) if stream else whole(empty))
    reply = await house.say(front, "contents", stream=stream)
    assert reply.status == 502, reply
    assert "Malformed: print(" in front.error(reply)[2]


@STREAM
@pytest.mark.parametrize("word", GIVEN_UP)
@ABROAD
async def test_case_094_nor_after_content(tmp_path: Path, front: Chat, word: str, stream: bool) -> None:
    house = House(tmp_path, told(stream, {"text": "I call it now."}, stop=word))
    reply = await house.say(front, "contents", stream=stream)
    if stream:
        assert word in front.broken(reply.events)
    else:
        assert reply.status == 502, reply
        assert word in front.error(reply)[2]


@STREAM
@pytest.mark.parametrize("what", NOTHING)
@EACH_FRONT
async def test_case_094_nor_is_nothing(tmp_path: Path, front: Chat, what: str, stream: bool) -> None:
    house = House(tmp_path, sse(NOTHING[what]) if stream else whole(NOTHING[what]))
    reply = await house.say(front, "contents", stream=stream)
    assert reply.status == 502, reply
    assert front.error(reply)[2]


REASONS = {
    "STOP": "stop", "MAX_TOKENS": "length", "SAFETY": "content_filter", "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter", "PROHIBITED_CONTENT": "content_filter", "SPII": "content_filter",
    "IMAGE_SAFETY": "content_filter",
}  # fmt: skip


@STREAM
@pytest.mark.parametrize("word", REASONS)
@ABROAD
async def test_case_094_why_it_ended_in_each_dialect(tmp_path: Path, front: Chat, word: str, stream: bool) -> None:
    house = House(tmp_path, told(stream, {"text": "So"}, stop=word))
    heard = front.read(await house.say(front, "contents", stream=stream))
    assert (heard.text, heard.stop) == ("So", front.stops[REASONS[word]])


@STREAM
@EACH_FRONT
async def test_case_095_a_blocked_prompt_is_a_refusal(tmp_path: Path, front: Chat, stream: bool) -> None:
    wire = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 7, "totalTokenCount": 7}}
    house = House(tmp_path, sse(wire) if stream else whole(wire))
    reply = await house.say(front, "contents", stream=stream)
    assert reply.status == 200, reply
    if front is CONTENTS:  # as it came
        assert (wires_of(reply) if stream else [reply.json])[0] == wire
        return
    heard = front.read(reply)
    assert (heard.text, heard.calls, heard.stop) == ("", [], front.stops["content_filter"])
    if heard.input is not None:
        assert (heard.input, heard.output) == (7, 0)
    if front is CHAT and not stream:
        assert reply.json["choices"][0]["message"]["content"] in ("", None)
    if front is RESPONSES:
        last = wires_of(reply)[-1]["response"] if stream else reply.json
        assert (last["status"], last["incomplete_details"]) == ("incomplete", {"reason": "content_filter"})


# -- 91, 92: results ------------------------------------------------------------------------------------------------------


def history(front: Chat) -> dict[str, Any]:
    """f(id1), f(id2), g(id3) were called at once; the results arrive as id3, id1, id2, and say no name."""
    calls = [("id1", "get_weather", {"city": "a"}), ("id2", "get_weather", {"city": "b"}), ("id3", "get_time", {})]
    first = {
        CHAT.name: {"choices": [{"message": {"tool_calls": [
            {"id": i, "function": {"name": n, "arguments": json.dumps(a)}} for i, n, a in calls]}}]},
        MESSAGES.name: {"content": [{"type": "tool_use", "id": i, "name": n, "input": a} for i, n, a in calls]},
        CONTENTS.name: {"candidates": [{"content": {"role": "model", "parts": [call(n, a, id=i) for i, n, a in calls]}}]},
        RESPONSES.name: {"output": [
            {"type": "function_call", "call_id": i, "name": n, "arguments": json.dumps(a)} for i, n, a in calls]},
    }[front.name]  # fmt: skip
    results = {"id3": "three", "id1": "one", "id2": "two"}
    return follow(front, opened(front, "m", False, "get_weather", "get_time"), first, results, bare=True)


@EACH_FRONT
@pytest.mark.parametrize("ids", [True, False], ids=["with ids", "without"])
def test_case_091_results_are_one_turn_in_the_order_of_their_calls(front: Chat, ids: bool) -> None:
    request = CODECS[front.name].decode_request(history(front), laws.context())
    wire = GEMINI.encode_request(request, laws.context(profile=Profile(call_ids=ids)))
    assert [content["role"] for content in wire["contents"]] == ["user", "model", "user"]
    if front is CONTENTS:
        return  # at home, in the client's own order
    given = [part["functionResponse"] for part in wire["contents"][2]["parts"]]
    found = [(each["name"], each["response"]["result"], each.get("id")) for each in given]
    names = [("get_weather", "one", "id1"), ("get_weather", "two", "id2"), ("get_time", "three", "id3")]
    assert found == [(name, text, id if ids else None) for name, text, id in names]


CONTENT: list[tuple[str, dict[str, Any]]] = [
    ("72F", {"result": "72F"}), ("[1,2]", {"result": "[1,2]"}), ("{not json", {"result": "{not json"}),
    ("", {"result": ""}), ("null", {"result": "null"}), ('"x"', {"result": '"x"'}), ("{}", {}),
    ('{"t": 72, "n": null, "big": 12345678901234567890}', {"t": 72, "n": None, "big": 12345678901234567890}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "response"), CONTENT, ids=[text for text, _ in CONTENT])
@ABROAD
def test_case_092_whatever_a_tool_says_is_an_object(front: Chat, text: str, response: dict[str, Any]) -> None:
    calls = [("id1", "get_weather", {"city": "a"})]
    first = {
        CHAT.name: {"choices": [{"message": {"tool_calls": [
            {"id": i, "function": {"name": n, "arguments": json.dumps(a)}} for i, n, a in calls]}}]},
        MESSAGES.name: {"content": [{"type": "tool_use", "id": i, "name": n, "input": a} for i, n, a in calls]},
        RESPONSES.name: {"output": [
            {"type": "function_call", "call_id": i, "name": n, "arguments": json.dumps(a)} for i, n, a in calls]},
    }[front.name]  # fmt: skip
    parted = {"chat": "text", "anthropic": "text", "openai.responses": "input_text"}
    body = follow(front, opened(front, "m", False, "get_weather"), first, {"id1": text}, bare=True)
    for parts in (False, True):
        if parts:
            holder = (body.get("messages") or body.get("input"))[-1]
            holder = holder["content"][0] if front is MESSAGES else holder
            name = "output" if front is RESPONSES else "content"
            holder[name] = [{"type": parted.get(front.name, "text"), "text": text}]
        wire = GEMINI.encode_request(CODECS[front.name].decode_request(body, laws.context()), laws.context())
        [part] = wire["contents"][2]["parts"]
        assert part["functionResponse"]["response"] == response


# -- 96: the order of calls -----------------------------------------------------------------------------------------------

TWICE = (
    call("get_weather", {"city": "a", "n": [1, {"x": None}]}),
    call("get_weather", {"city": "b"}),
    call("get_time"),
)


@pytest.mark.parametrize("together", [True, False], ids=["in one chunk", "in one each"])
@EACH_FRONT
async def test_case_096_calls_are_numbered_and_have_ids(tmp_path: Path, front: Chat, together: bool) -> None:
    chunks = (chunk(*TWICE), chunk({"text": ""}, stop="STOP")) if together else (*map(chunk, TWICE), chunk(stop="STOP"))
    model = f"contents/{MODELS['contents']}"
    for says, stream in ((sse(*chunks), True), (whole(chunk(*TWICE, stop="STOP")), False)):
        house = House(tmp_path, says)
        reply = await house.ask(
            front.path(model, stream), opened(front, model, stream, "get_weather", "get_time"), front.headers
        )
        heard = front.read(reply)
        assert heard.calls == [(part["functionCall"]["name"], part["functionCall"]["args"]) for part in TWICE]
        if front is CONTENTS:
            continue
        found = calls_in(front, rebuilt(front, reply))
        assert len({id for id, _, _ in found}) == 3
        assert all(len(id) > 2 for id, _, _ in found)
    if front is CHAT:
        deltas = [c for wire in wires_of(await House(tmp_path, sse(*chunks)).say(CHAT, "contents", stream=True))
                  for choice in wire["choices"] for c in choice["delta"].get("tool_calls", ())]  # fmt: skip
        assert [delta["index"] for delta in deltas if "id" in delta] == [0, 1, 2]
        texts = ["".join(d["function"].get("arguments", "") for d in deltas if d["index"] == i) for i in range(3)]
        assert [json.loads(text) for text in texts] == [part["functionCall"]["args"] for part in TWICE]


def test_case_096_at_any_cut() -> None:
    data = b"".join(map(event, (chunk(*TWICE), chunk({"text": ""}, stop="STOP"))))
    laws.cut_anywhere(GEMINI, data)
    assert len(laws.gist(fold(laws.events(GEMINI, data)))["calls"]) == len(TWICE)
    assert SAME["contents"] is CONTENTS


@STREAM
@pytest.mark.parametrize("back", ["messages", "responses"])
async def test_case_087_a_thought_comes_home_though_the_client_keeps_no_ids(
    tmp_path: Path, back: str, stream: bool
) -> None:
    """As opencode and pi speak Gemini; also where the second turn asks for no thinking."""
    model = f"{back}/{MODELS[back]}"
    for config in ({"thinkingConfig": {"includeThoughts": True, "thinkingBudget": 2048}}, {}):
        house = House(tmp_path, answer(back, THOUGHT_OF_IT, stream), whole(said(back, SONG)))
        asked = opened(CONTENTS, model, stream, "get_weather", "get_time")
        first = rebuilt(CONTENTS, await house.ask(CONTENTS.path(model, stream), asked))
        results = dict.fromkeys((id for id, _, _ in calls_in(CONTENTS, first)), "x")
        body = json.loads(json.dumps(follow(CONTENTS, asked, first, results, bare=False)))
        for part in (part for content in body["contents"] for part in content["parts"]):
            for name in ("functionCall", "functionResponse"):
                part.get(name, {}).pop("id", None)
            part.pop("thoughtSignature", None)
        reply = await house.ask(CONTENTS.path(model), body | {"generationConfig": config})
        assert reply.status == 200, reply
        assert SEALS[back] in json.dumps(house.script.last)
