"""Cases 114 to 127: the Responses API as Codex and the Agents SDK read it, over every provider, and as a provider."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from tests import laws
from tests.cases.answers import answer, said
from tests.cases.inside import BACKS, FRONTS, MODELS, SAME, House, sse, whole
from tests.cases.test_cases_084_096 import chunk as google
from tests.cases.test_cases_084_096 import wires_of

from clients import CHAT, RESPONSES, Chat, front_id
from dragoman.dialects import CODECS
from dragoman.store.sqlite import SqliteStore
from upstream import responses
from upstream.model import INPUT, OUTPUT, Turn

STREAM = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
EACH_FRONT = pytest.mark.parametrize("front", FRONTS, ids=front_id)
EACH_BACK = pytest.mark.parametrize("back", BACKS)
OTHERS = pytest.mark.parametrize("back", [back for back in BACKS if back != "responses"])
ABROAD = pytest.mark.parametrize("front", [f for f in FRONTS if f is not RESPONSES], ids=front_id)

BOTH = [("get_weather", {"city": "Paris"}), ("get_time", {})]
RICH = Turn(reasoning="Hm, let me see.", text="I'm happy to look.", calls=BOTH, stop="tool_calls")
DIALECT = {"chat": "openai.chat", "messages": "anthropic", "contents": "gemini", "responses": "openai.responses"}


async def heard(tmp_path: Path, front: Chat, back: str, turn: Turn, stream: bool, **more: Any) -> Any:
    house = House(tmp_path, answer(back, turn, stream))
    model = f"{back}/{MODELS[back]}"
    body = front.body("Hi", model, stream) | front.tools("get_weather", "get_time") | front.thinking() | more
    reply = await house.ask(front.path(model, stream), body, front.headers)
    assert reply.status == 200, reply
    return reply


def last_of(reply: Any) -> Any:
    return wires_of(reply)[-1]["response"] if reply.media_type == "text/event-stream" else reply.json


# -- 114 to 118: the chain of events --------------------------------------------------------------------------------------


@ABROAD
async def test_case_114_calls_are_counted_by_themselves(tmp_path: Path, front: Chat) -> None:
    """A thought and a message stand before them, so that their places are 2 and 3."""
    reply = await heard(tmp_path, front, "responses", RICH, True)
    assert front.read(reply).calls == BOTH
    if front is CHAT:
        deltas = [
            c for wire in wires_of(reply) for choice in wire["choices"] for c in choice["delta"].get("tool_calls", ())
        ]
        assert [delta["index"] for delta in deltas if "id" in delta] == [0, 1]


@STREAM
@EACH_BACK
async def test_case_115_no_character_is_lost(tmp_path: Path, back: str, stream: bool) -> None:
    reply = await heard(tmp_path, RESPONSES, back, RICH, stream)
    [item] = [item for item in last_of(reply)["output"] if item["type"] == "message"]
    assert item["content"][0]["text"] == RICH.text
    if stream:
        wires = wires_of(reply)
        assert "".join(w["delta"] for w in wires if w["type"] == "response.output_text.delta") == RICH.text
        assert [w["text"] for w in wires if w["type"] == "response.output_text.done"] == [RICH.text]
        assert [w["part"]["text"] for w in wires if w["type"] == "response.content_part.done"] == [RICH.text]


@EACH_FRONT
@pytest.mark.parametrize("cut", [0, 1, 100])
async def test_case_116_what_was_streamed_is_not_told_again_at_the_end(tmp_path: Path, front: Chat, cut: int) -> None:
    """Deltas, and all of it again in each `done` and in `completed`; or only there."""
    told = responses.told({"model": "gpt-4.1", "reasoning": {"summary": "auto"}}, RICH)
    events = responses.events(told)
    silent = [event for event in events if not event["type"].endswith(".delta")]
    only_the_end = [events[0], events[-1]]
    for wires in (events, silent, only_the_end):
        house = House(tmp_path, sse(*wires, cut=cut))
        model = "responses/gpt-4.1"
        body = front.body("Hi", model, True) | front.tools("get_weather", "get_time") | front.thinking()
        reply = await house.ask(front.path(model, True), body, front.headers)
        if front is RESPONSES and wires is not events:
            continue  # the provider's own bytes
        found = front.read(reply)
        assert (found.text, found.reasoning, found.calls) == (RICH.text, RICH.reasoning, BOTH)


@EACH_BACK
async def test_case_117_each_item_has_one_id_and_one_place(tmp_path: Path, back: str) -> None:
    wires = wires_of(await heard(tmp_path, RESPONSES, back, RICH, True))
    assert [wire["sequence_number"] for wire in wires] == list(range(len(wires)))
    places: dict[int, set[str]] = {}
    for wire in wires:
        if "output_index" in wire:
            places.setdefault(wire["output_index"], set()).add(wire.get("item_id") or wire["item"]["id"])
    output = wires[-1]["response"]["output"]
    assert places == {n: {item["id"]} for n, item in enumerate(output)}
    calls = [item for item in output if item["type"] == "function_call"]
    assert [(call["name"], json.loads(call["arguments"])) for call in calls] == BOTH
    assert len({call["call_id"] for call in calls} | {call["id"] for call in calls}) == 4
    begun = [w["item"] for w in wires if w["type"] == "response.output_item.added"]
    assert [item.get("call_id") for item in begun] == [item.get("call_id") for item in output]


ITEM = {
    "reasoning": ["output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta",
                  "reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done"],
    "message": ["output_item.added", "content_part.added", "output_text.delta", "output_text.done",
                "content_part.done", "output_item.done"],
    "call": ["output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done"],
}  # fmt: skip


@EACH_BACK
async def test_case_118_the_whole_chain_once_and_in_order(tmp_path: Path, back: str) -> None:
    wires = wires_of(await heard(tmp_path, RESPONSES, back, RICH, True))
    kinds = [kind for kind, _ in groupby(wire["type"].removeprefix("response.") for wire in wires)]
    assert kinds == [
        "created",
        "in_progress",
        *ITEM["reasoning"],
        *ITEM["message"],
        *ITEM["call"],
        *ITEM["call"],
        "completed",
    ]
    calls = [w for w in wires if w["type"].startswith("response.function_call_arguments.done")]
    assert [json.loads(wire["arguments"]) for wire in calls] == [arguments for _, arguments in BOTH]
    for wire in wires:
        if wire["type"] == "response.output_item.added" and wire["item"]["type"] == "function_call":
            assert (wire["item"]["arguments"], wire["item"]["status"]) == ("", "in_progress")
        if wire["type"] == "response.output_item.done" and wire["item"]["type"] == "function_call":
            assert wire["item"]["status"] == "completed"
            assert wire["item"]["arguments"], "empty arguments are {}"


CHAIN: dict[str, list[dict[str, Any]]] = {
    "no arguments at all": [{"name": "f", "id": "c1"}],
    "arguments that are null": [{"name": "f", "id": "c1", "arguments": None}],
    "one empty piece": [{"name": "f", "id": "c1", "arguments": ""}, {"arguments": ""}],
    "the name again in each": [
        {"name": "f", "id": "c1", "arguments": "{"},
        {"name": "f", "id": "c1", "arguments": "}"},
    ],
}


@pytest.mark.parametrize("how", CHAIN)
async def test_case_118_a_call_without_arguments_is_told_once(tmp_path: Path, how: str) -> None:
    def delta(of: dict[str, Any]) -> dict[str, Any]:
        function = {name: value for name, value in of.items() if name != "id"}
        return {"tool_calls": [{"index": 0, "id": of.get("id"), "type": "function", "function": function}]}

    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    chunks = [head | {"choices": [{"index": 0, "delta": delta(of), "finish_reason": None}]} for of in CHAIN[how]]
    end = head | {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
    house = House(tmp_path, sse(*chunks, end, b"data: [DONE]\n\n"))
    wires = wires_of(await house.say(RESPONSES, "chat", stream=True))
    assert [w["arguments"] for w in wires if w["type"] == "response.function_call_arguments.done"] == ["{}"]
    done = [w["item"] for w in wires if w["type"] == "response.output_item.done"]
    assert [(item["type"], item["name"], item["arguments"]) for item in done] == [("function_call", "f", "{}")]


# -- 119 to 122: how it ends ------------------------------------------------------------------------------------------------

OVER = ("response.completed", "response.incomplete", "response.failed")


@pytest.mark.parametrize("stop", ["stop", "length", "content_filter"])
@EACH_BACK
async def test_case_119_exactly_one_terminal_event(tmp_path: Path, back: str, stop: str) -> None:
    reply = await heard(tmp_path, RESPONSES, back, Turn(text="So", stop=stop), True)
    kinds = [wire["type"] for wire in wires_of(reply)]
    assert [kind for kind in kinds if kind in OVER] == [kinds[-1]]


@EACH_BACK
async def test_case_119_also_where_the_provider_just_ends(tmp_path: Path, back: str) -> None:
    full = [line for line in answer(back, Turn(text="La la la. " * 8), True).script if isinstance(line, bytes)]
    pieces = b"".join(full).split(b"\n\n" if back != "contents" else b"\r\n\r\n")
    mark = b"\r\n\r\n" if back == "contents" else b"\n\n"
    cut = mark.join(pieces[: len(pieces) // 2]) + mark
    house = House(tmp_path, sse(cut))
    reply = await house.say(RESPONSES, back, stream=True)
    assert RESPONSES.broken(reply.events)


@STREAM
@EACH_BACK
async def test_case_120_the_answer_holds_what_was_told(tmp_path: Path, back: str, stream: bool) -> None:
    reply = await heard(tmp_path, RESPONSES, back, RICH, stream)
    output = last_of(reply)["output"]
    assert [item["type"] for item in output] == ["reasoning", "message", "function_call", "function_call"]
    if stream:
        assert output == [w["item"] for w in wires_of(reply) if w["type"] == "response.output_item.done"]


@EACH_FRONT
async def test_case_120_though_the_providers_own_list_is_empty(tmp_path: Path, front: Chat) -> None:
    events = responses.events(responses.told({"model": "gpt-4.1", "reasoning": {"summary": "auto"}}, RICH))
    events[-1] = events[-1] | {"response": events[-1]["response"] | {"output": []}}
    house = House(tmp_path, sse(*events))
    model = "responses/gpt-4.1"
    body = front.body("Hi", model, True) | front.tools("get_weather", "get_time") | front.thinking()
    reply = await house.ask(front.path(model, True), body, front.headers)
    if front is not RESPONSES:  # the provider's own bytes
        assert front.read(reply).calls == BOTH


@STREAM
@pytest.mark.parametrize("stop", ["length", "content_filter"])
@EACH_BACK
async def test_case_121_what_was_cut_is_incomplete(tmp_path: Path, back: str, stop: str, stream: bool) -> None:
    reply = await heard(tmp_path, RESPONSES, back, Turn(text="So", stop=stop), stream)
    response = last_of(reply)
    reason = "max_output_tokens" if stop == "length" else "content_filter"
    assert (response["status"], response["incomplete_details"]) == ("incomplete", {"reason": reason})
    assert [item["status"] for item in response["output"]] == ["incomplete"]
    assert response["usage"]["total_tokens"] == INPUT + OUTPUT


async def test_case_121_a_call_that_was_cut_is_not_complete(tmp_path: Path) -> None:
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"city": "Par'}}
    wires = [head | {"choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}]},
             head | {"choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]}]  # fmt: skip
    for says, stream in (
        (sse(*wires, b"data: [DONE]\n\n"), True),
        (
            whole(
                {"id": "c", "model": "m", "choices": [{"message": {"tool_calls": [call]}, "finish_reason": "length"}]}
            ),
            False,
        ),
    ):
        reply = await House(tmp_path, says).say(RESPONSES, "chat", stream=stream)
        response = last_of(reply)
        assert response["status"] == "incomplete"
        [item] = response["output"]
        assert (item["type"], item["status"], item["arguments"]) == ("function_call", "incomplete", '{"city": "Par')


@STREAM
@EACH_BACK
@pytest.mark.parametrize("counted", [True, False], ids=["counted", "uncounted"])
async def test_case_122_usage_has_all_its_details(tmp_path: Path, back: str, stream: bool, counted: bool) -> None:
    if counted:
        usage = last_of(await heard(tmp_path, RESPONSES, back, Turn(text="So"), stream))["usage"]
    elif back != "contents":
        return
    else:
        bare = google({"text": "So"}, stop="STOP")
        del bare["usageMetadata"]
        house = House(tmp_path, sse(bare) if stream else whole(bare))
        usage = last_of(await house.say(RESPONSES, back, stream=stream))["usage"]
    assert {"input_tokens", "input_tokens_details", "output_tokens", "output_tokens_details", "total_tokens"} <= set(
        usage
    )
    assert type(usage["input_tokens_details"]["cached_tokens"]) is int
    assert type(usage["output_tokens_details"]["reasoning_tokens"]) is int
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert usage["total_tokens"] == (INPUT + OUTPUT if counted else 0)


# -- 123 to 125: items --------------------------------------------------------------------------------------------------------

PIXEL = "data:image/png;base64,iVBORw0KGgo="
OUTPUTS: list[tuple[Any, str]] = [
    ("21C", "21C"),
    ('{"t": 21}', '{"t": 21}'),
    ("", ""),
    ([{"type": "input_text", "text": "21C"}], "21C"),
    ([{"type": "input_text", "text": "one"}, {"type": "input_text", "text": "two"}], "two"),
    ([{"type": "input_text", "text": "a map"}, {"type": "input_image", "image_url": PIXEL}], "a map"),
]


@pytest.mark.parametrize(("output", "text"), OUTPUTS, ids=[json.dumps(output)[:40] for output, _ in OUTPUTS])
@EACH_BACK
async def test_case_123_results_of_every_form_arrive(tmp_path: Path, back: str, output: Any, text: str) -> None:
    house = House(tmp_path, whole(said(back, Turn(text="So"))))
    call = {"type": "function_call", "call_id": "c1", "name": "get_weather", "arguments": '{"city":"Paris"}'}
    items = [
        {"role": "user", "content": "Hi"},
        call,
        {"type": "function_call_output", "call_id": "c1", "output": output},
    ]
    body = {"model": f"{back}/{MODELS[back]}", "input": items, **RESPONSES.tools("get_weather")}
    reply = await house.ask("/v1/responses", body)
    assert reply.status == 200, reply
    sent = house.script.last
    if back == "responses":
        assert sent["input"] == items
        return
    assert (
        json.dumps(text)[1:-1] in json.dumps(sent)
        or json.loads(text or "{}") == sent["contents"][2]["parts"][0]["functionResponse"]["response"]
    )
    if "a map" in text:
        assert "iVBORw0KGgo=" in json.dumps(sent), "the picture too"
    if back == "chat" and isinstance(output, str):
        assert [m["content"] for m in sent["messages"] if m["role"] == "tool"] == [output]


THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}],
           "encrypted_content": "gAAAA/odd+bytes==", "x_new": {"b": 1.5, "a": None}}  # fmt: skip
CALL = {"type": "function_call", "call_id": "c1", "name": "get_weather", "arguments": '{"city": "Paris"}', "id": "fc_1"}


async def test_case_124_a_thought_is_passed_byte_for_byte(tmp_path: Path) -> None:
    house = House(tmp_path, whole(said("responses", Turn(text="So"))))
    items = [
        {"role": "user", "content": "Hi"},
        THOUGHT,
        CALL,
        {"type": "function_call_output", "call_id": "c1", "output": "x"},
    ]
    body = {"model": "responses/gpt-5", "input": items, "store": False, "include": ["reasoning.encrypted_content"]}
    raw = json.dumps(body).encode()
    assert (await house.ask("/v1/responses", raw)).status == 200
    sent = house.script.asked[-1].body or b""
    assert json.dumps(THOUGHT).encode() in sent
    assert house.script.last["include"] == ["reasoning.encrypted_content"]
    assert house.script.last["store"] is False


@STREAM
@OTHERS
async def test_case_124_a_thought_of_another_house_stays_away_and_comes_home(
    tmp_path: Path, back: str, stream: bool
) -> None:
    """What another provider thought goes back to it in Responses' own slot, and never to OpenAI."""
    store = SqliteStore(None, lambda: 0.0)
    house = House(tmp_path, answer(back, RICH, stream), store=store)
    model = f"{back}/{MODELS[back]}"
    asked = RESPONSES.body("Hi", model, stream) | RESPONSES.tools("get_weather", "get_time") | RESPONSES.thinking()
    first = last_of(await house.ask("/v1/responses", asked))
    results = [{"type": "function_call_output", "call_id": item["call_id"], "output": "x"}
               for item in first["output"] if item["type"] == "function_call"]  # fmt: skip
    items = [{"role": "user", "content": "Hi"}, *first["output"], *results]
    house.script.lines[:] = [whole(said("responses", Turn(text="So")))]
    reply = await house.ask("/v1/responses", asked | {"model": "responses/gpt-5", "input": items, "stream": False})
    assert reply.status == 200, reply
    assert "encrypted_content" not in json.dumps(house.script.last["input"]), "it would be refused"
    house.script.lines[:] = [whole(said(back, Turn(text="So")))]
    reply = await house.ask("/v1/responses", asked | {"input": items, "stream": False})
    assert reply.status == 200, reply
    if back in ("messages", "contents"):
        [seal] = {"messages": ["signed by the scripted anthropic"], "contents": ["thoughtSignature"]}[back]
        sent = json.dumps(house.script.last)
        assert ("signature" in sent) if back == "messages" else (seal in sent)
    await store.close()


UNREADABLE = [
    {"message": "The encrypted content gAAA... could not be verified.", "type": "invalid_request_error", "param": None,
     "code": "invalid_encrypted_content"},
    {"message": "Item with id 'rs_1' not found. Items are not persisted when `store` is set to false.",
     "type": "invalid_request_error", "param": "input", "code": None},
]  # fmt: skip


@STREAM
@pytest.mark.parametrize("error", UNREADABLE, ids=["encrypted", "not kept"])
async def test_case_124_what_another_account_thought_is_dropped_and_told(
    tmp_path: Path, error: dict[str, Any], stream: bool
) -> None:
    """A fallback to another key, or a restart with one: the conversation goes on without the thought."""
    house = House(tmp_path, whole({"error": error}, 400), answer("responses", Turn(text="So"), stream))
    items = [
        {"role": "user", "content": "Hi"},
        THOUGHT,
        CALL,
        {"type": "function_call_output", "call_id": "c1", "output": "x"},
    ]
    body = {"model": "responses/gpt-5", "input": items, "store": False, "include": ["reasoning.encrypted_content"]}
    reply = await house.ask("/v1/responses", body | {"stream": stream})
    assert reply.status == 200, reply
    assert RESPONSES.read(reply).text == "So"
    assert "reasoning (dropped)" in reply.headers["x-dragoman-lost"]
    assert len(house.script.asked) == 2
    sent = house.script.last
    assert [item for item in sent["input"] if item.get("type") == "reasoning"] == []
    assert [item for item in sent["input"] if item.get("type") != "reasoning"] == [items[0], *items[2:]]
    assert (sent["store"], sent["include"]) == (False, body["include"])
    stays = House(tmp_path, whole({"error": error}, 400))
    assert (await stays.ask("/v1/responses", body)).status == 400, "twice is enough"
    assert len(stays.script.asked) == 2


BARE: list[tuple[Any, list[tuple[str, str]]]] = [
    ("hi", [("user", "hi")]),
    ([{"role": "user", "content": "hi"}], [("user", "hi")]),
    ([{"role": "user", "content": [{"type": "text", "text": "hi"}]}], [("user", "hi")]),
    ([{"role": "user", "content": "a"}, {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "x"}]},
      {"role": "user", "content": "b"}], [("user", "a"), ("assistant", "x"), ("user", "b")]),
    ([{"type": "message", "role": "user", "content": "hi", "id": None, "status": None}], [("user", "hi")]),
]  # fmt: skip


@pytest.mark.parametrize(("input", "turns"), BARE)
@OTHERS
async def test_case_125_items_may_be_bare(tmp_path: Path, back: str, input: Any, turns: list[tuple[str, str]]) -> None:
    house = House(tmp_path, whole(said(back, Turn(text="So"))))
    reply = await house.ask("/v1/responses", {"model": f"{back}/{MODELS[back]}", "input": input})
    assert reply.status == 200, reply
    text = json.dumps(house.script.last)
    positions = [text.index(f'"{words}"') for _, words in turns]
    assert positions == sorted(positions)


# -- 126, 127: Codex ------------------------------------------------------------------------------------------------------------

GRAMMAR = {"type": "grammar", "syntax": "lark", "definition": "start: patch"}
CODEX = [
    {"type": "custom", "name": "apply_patch", "description": "Edits files.", "format": GRAMMAR},
    {"type": "function", "name": "get_time", "parameters": {"type": "object", "properties": {}}, "strict": False},
    {"type": "namespace", "name": "ns", "description": "D", "tools": [
        {"type": "function", "name": "get_time", "parameters": {"type": "object", "properties": {"old": {}}}},
        {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}]},
]  # fmt: skip
PATCH = '*** Begin Patch\n+say "hi"\n*** End Patch'


@STREAM
@OTHERS
async def test_case_126_free_text_tools_over_every_provider(tmp_path: Path, back: str, stream: bool) -> None:
    """One string is the argument there; here it is the input, streamed under its own events."""
    turn = Turn(calls=[("apply_patch", {"input": PATCH})], stop="tool_calls")
    house = House(tmp_path, answer(back, turn, stream))
    items = [{"role": "user", "content": "Go"},
             {"type": "custom_tool_call", "call_id": "c0", "name": "apply_patch", "input": "old"},
             {"type": "custom_tool_call_output", "call_id": "c0", "output": "Done."}]  # fmt: skip
    body = {"model": f"{back}/{MODELS[back]}", "input": items, "tools": CODEX, "stream": stream}
    reply = await house.ask("/v1/responses", body)
    assert reply.status == 200, reply
    sent = json.dumps(house.script.last)
    assert sent.count('"get_time"') == 1, "the direct tool stands for both"
    assert "old" in sent and "Done." in sent
    [item] = last_of(reply)["output"]
    assert (item["type"], item["name"], item["input"]) == ("custom_tool_call", "apply_patch", PATCH)
    if stream:
        wires = wires_of(reply)
        assert "".join(w["delta"] for w in wires if w["type"] == "response.custom_tool_call_input.delta") == PATCH
        assert [w["input"] for w in wires if w["type"] == "response.custom_tool_call_input.done"] == [PATCH]
        assert not [w for w in wires if "function_call_arguments" in w["type"]]


@OTHERS
async def test_case_126_a_tool_that_only_openai_runs_is_left_out_or_refused(tmp_path: Path, back: str) -> None:
    house = House(tmp_path, whole(said(back, Turn(text="So"))))
    model = f"{back}/{MODELS[back]}"
    shell = {"type": "local_shell"}
    beside = await house.ask("/v1/responses", {"model": model, "input": "Go", "tools": [shell, CODEX[1]]})
    assert beside.status == 200, beside
    assert "tools[0] (dropped)" in beside.headers["x-dragoman-lost"]
    alone = await house.ask("/v1/responses", {"model": model, "input": "Go", "tools": [shell]})
    assert alone.status == 400
    assert alone.json["error"]["param"].startswith("tools[0]")


FORMAT = {"type": "json_schema", "name": "city", "strict": True, "schema": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}}  # fmt: skip


@OTHERS
async def test_case_127_instructions_limits_and_forms(tmp_path: Path, back: str) -> None:
    house = House(tmp_path, whole(said(back, Turn(text='{"city":"Paris"}'))))
    model = f"{back}/{MODELS[back]}"
    body = {
        "model": model,
        "input": "Where?",
        "instructions": None,
        "max_output_tokens": 77,
        "text": {"format": FORMAT},
    }
    reply = await house.ask("/v1/responses", body)
    assert reply.status == 200, reply
    sent = json.dumps(house.script.last)
    assert "77" in sent and '"city"' in sent
    assert not [w for w in ("system", "systemInstruction") if house.script.last.get(w)] or back == "messages"
    assert json.loads(RESPONSES.read(reply).text) == {"city": "Paris"}
    assert (await house.ask("/v1/responses", body | {"instructions": "Be brief."})).status == 200
    assert "Be brief." in json.dumps(house.script.last)


@EACH_BACK
async def test_case_127_a_response_goes_on_or_is_refused_never_forgotten(tmp_path: Path, back: str) -> None:
    house = House(tmp_path, whole(said(back, Turn(text="I am Bob."))))
    model = f"{back}/{MODELS[back]}"
    unknown = await house.ask(
        "/v1/responses", {"model": model, "input": "Who?", "previous_response_id": "resp_unknown"}
    )
    if back == "responses":
        assert house.script.last["previous_response_id"] == "resp_unknown"  # which OpenAI alone can know
        return
    assert unknown.status in (400, 404)
    assert unknown.json["error"]["code"] == "previous_response_not_found"
    first = await house.ask("/v1/responses", {"model": model, "input": "Your name?"})
    follow = {"model": model, "input": "Again?", "previous_response_id": first.json["id"]}
    assert (await house.ask("/v1/responses", follow)).status == 200
    sent = json.dumps(house.script.last)
    places = [sent.index(words) for words in ("Your name?", "I am Bob.", "Again?")]
    assert places == sorted(places)


@EACH_FRONT
def test_case_127_the_form_of_the_answer_in_every_dialect(front: Chat) -> None:
    schema = FORMAT["schema"]
    forms = {
        "openai.chat": {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "city", "strict": True, "schema": schema},
            }
        },
        "anthropic": {"output_config": {"format": {"type": "json_schema", "schema": schema}}},
        "gemini": {"generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": schema}},
        "openai.responses": {"text": {"format": FORMAT}},
    }
    request = CODECS[front.name].decode_request(front.body("Where?", "m") | forms[front.name], laws.context())
    for back in BACKS:
        sent = CODECS[DIALECT[back]].encode_request(request, laws.context(request=request, model=MODELS[back]))
        assert '"city"' in json.dumps(sent), back
    assert SAME["responses"] is RESPONSES
