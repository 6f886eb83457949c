"""Cases 59 to 68: what Claude Code and others send, asked of providers that never heard of it."""

from __future__ import annotations

import base64
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import laws
from cases.histories import calls, history, results, texts
from cases.inside import FRONTS as CLIENTS
from cases.inside import House
from cases.inside import sse as says
from cases.inside import whole as said
from cases.wires import (
    ABROAD,
    ANTHROPIC,
    BACKS,
    CHAT,
    GEMINI,
    PNG,
    RESPONSES,
    answer,
    answers,
    asks,
    hears,
    lost,
    streamed,
    translated,
    tried,
    whole,
)
from clients import MESSAGES, Chat, front_id
from dragoman.core.errors import Kind
from dragoman.core.ir import Reasoning, Signature, Text, ToolCall
from dragoman.core.profile import Profile
from dragoman.dialects import CODECS
from gateway import Answer

ELSEWHERE = (CHAT, RESPONSES, GEMINI)
elsewhere = pytest.mark.parametrize("back", ELSEWHERE)
abroad = pytest.mark.parametrize(("front", "back"), ABROAD)
streaming = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
DATA = f"data:image/png;base64,{PNG}"
USER = ("user", "Hi")


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def asked(*turns: Any, **more: Any) -> dict[str, Any]:
    """A request of Anthropic's, of turns that alternate, the user's first."""
    messages = [{"role": ("user", "assistant")[n % 2], "content": content} for n, content in enumerate(turns)]
    tools = [{"name": name, "input_schema": {"type": "object"}} for name in ("read", "look")]
    return {"model": "m", "max_tokens": 99, "messages": messages, "tools": tools} | more


def use(id: str, name: str = "read", input: Any = None) -> dict[str, Any]:
    return {"type": "tool_use", "id": id, "name": name, "input": {} if input is None else input}


def result(id: str, *content: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": id, "content": list(content)}


# -- 59, 60: what a tool has seen ------------------------------------------------------------------

PICTURE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
SEEN = asked(
    "Look", [use("t1"), use("t2", "look")], [result("t1", text("ok"), PICTURE), result("t2", PICTURE), text("go on")]
)


def test_case_059_pictures_of_a_result_in_chat() -> None:
    wire, _ = asks(ANTHROPIC, CHAT, SEEN)
    assert [m["role"] for m in wire["messages"]] == ["user", "assistant", "tool", "tool", "user"]
    one, two, shown = wire["messages"][2:]
    assert (one["content"], two["content"]) == ("ok", "")
    image = {"type": "image_url", "image_url": {"url": DATA}}
    labels = [part["text"] for part in shown["content"] if part["type"] == "text"]
    assert shown["content"].count(image) == 2
    assert "t1" in labels[0] and "t2" in labels[1] and labels[2] == "go on"


def test_case_059_in_responses_they_are_in_the_result() -> None:
    wire, ctx = asks(ANTHROPIC, RESPONSES, SEEN)
    one, two = (item["output"] for item in wire["input"] if item["type"] == "function_call_output")
    image = {"type": "input_image", "image_url": DATA}
    assert one == [{"type": "input_text", "text": "ok"}, image]
    assert two == [image]
    assert lost(ctx) == set()


def test_case_059_in_gemini_they_stand_beside_it() -> None:
    parts = asks(ANTHROPIC, GEMINI, SEEN)[0]["contents"][2]["parts"]
    blob = {"inlineData": {"mimeType": "image/png", "data": PNG}}
    kinds = [next(iter(part)) if part != blob else "blob" for part in parts]
    assert kinds == ["functionResponse", "blob", "functionResponse", "blob", "text"]


@pytest.mark.parametrize("back", [CHAT, ANTHROPIC, GEMINI])
def test_case_059_from_responses_too(back: str) -> None:
    given = history(RESPONSES, USER, ("said", None, ("a", "f", "{}")), ("result", "a", "ok"))
    given["input"][-1]["output"] = [{"type": "input_text", "text": "ok"}, {"type": "input_image", "image_url": DATA}]
    assert PNG in json.dumps(asks(RESPONSES, back, given)[0])


PDF = base64.b64encode(b"%PDF-1.4").decode()
DOCUMENT = {
    "type": "document",
    "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
    "title": "a.pdf",
}
SOURCES: dict[str, dict[str, Any]] = {
    "base64": DOCUMENT["source"], "url": {"type": "url", "url": "https://example.com/a.pdf"},
    "text": {"type": "text", "media_type": "text/plain", "data": "plain words"}, "file": {"type": "file", "file_id": "file_1"},
    "content": {"type": "content", "content": [text("plain words")]},
}  # fmt: skip


def test_case_060_a_document_in_each_ones_words() -> None:
    given = asked([DOCUMENT, text("Read")], [use("t1")], [result("t1", DOCUMENT)])
    url = f"data:application/pdf;base64,{PDF}"
    file = {"type": "file", "file": {"filename": "a.pdf", "file_data": url}}
    wire, _ = asks(ANTHROPIC, CHAT, given)
    assert wire["messages"][0]["content"][0] == file
    assert file in wire["messages"][-1]["content"] and wire["messages"][-1]["role"] == "user"
    wire, _ = asks(ANTHROPIC, RESPONSES, given)
    file = {"type": "input_file", "filename": "a.pdf", "file_data": url}
    assert wire["input"][0]["content"][0] == file == wire["input"][-1]["output"][0]
    wire, _ = asks(ANTHROPIC, GEMINI, given)
    blob = {"inlineData": {"mimeType": "application/pdf", "data": PDF}}
    assert blob in wire["contents"][0]["parts"] and blob in wire["contents"][2]["parts"]


@elsewhere
@pytest.mark.parametrize("inside", [False, True], ids=["asked", "found"])
@pytest.mark.parametrize("source", SOURCES)
def test_case_060_every_source_is_carried_or_refused(back: str, source: str, inside: bool) -> None:
    document = DOCUMENT | {"source": SOURCES[source]}
    given = asked("Look", [use("t1")], [result("t1", document)]) if inside else asked([document, text("Read")])
    wire, _, error = tried(ANTHROPIC, back, given)
    if error is not None:
        assert error.kind is Kind.INVALID_REQUEST and error.param and "parts" in error.param
        assert source in ("url", "file"), "words and bytes can be told to anybody"
        return
    raw, words = json.dumps(wire), ("plain words", base64.b64encode(b"plain words").decode())
    assert any(each in raw for each in {"base64": (PDF,), "url": ("https://example.com/a.pdf",)}.get(source, words))


# -- 61 to 63: turns of the assistant -------------------------------------------------------------------


@abroad
def test_case_061_text_beside_a_call_is_kept(front: str, back: str) -> None:
    wire, _ = asks(
        front, back, history(front, USER, ("said", "I will look", ("a", "f", '{"a":1}')), ("result", "a", "1"))
    )
    assert texts(back, wire, "assistant") == ["I will look"]
    assert calls(back, wire) == [("a", "f", {"a": 1})]
    if back == CHAT:
        assert wire["messages"][1]["content"] == "I will look" and wire["messages"][1]["tool_calls"]


MIXED = [text("A"), use("t1"), text("B"), use("t2", "look"), text("C")]


@elsewhere
def test_case_062_texts_around_calls_do_not_part_them_from_their_results(back: str) -> None:
    wire, _ = asks(ANTHROPIC, back, asked("Look", MIXED, [result("t1", text("1")), result("t2", text("2"))]))
    assert results(back, wire) == [("t1", "1"), ("t2", "2")]
    assert "".join(texts(back, wire, "assistant")) == "ABC"


def test_case_062_the_order_that_anthropic_wants() -> None:
    call = {"type": "function_call", "call_id": "t1", "name": "f", "arguments": "{}"}
    given = {"model": "m", "input": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "A"}, call,
                                     {"role": "assistant", "content": "B"}, {"type": "function_call_output", "call_id": "t1", "output": "1"}],
             "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}]}  # fmt: skip
    wire, _ = asks(RESPONSES, ANTHROPIC, given)
    assert [block["type"] for block in wire["messages"][1]["content"]] == ["text", "text", "tool_use"]
    wire, _ = translated(RESPONSES, "bedrock.converse", given)
    assert ["toolUse" in block for block in wire["messages"][1]["content"]][-1]


@pytest.mark.parametrize(("front", "back"), [pair for pair in ABROAD if CHAT not in pair])  # where they have no order
def test_case_062_clients_get_the_order_of_the_answer(front: str, back: str) -> None:
    said = answer(Text(text="A"), ToolCall(id="a", name="f", arguments="{}"), Text(text="B"), stop="tool_calls")
    seen = hears(front, back, streamed(back, said))
    assert seen.order == ["text", "call", "text"]
    _, wire = answers(front, back, whole(back, said))
    raw = json.dumps(wire)
    assert raw.index('"A"') < raw.index('"f"') < raw.index('"B"')


@pytest.mark.parametrize(
    ("input", "arguments"), [([1, 2], "[1,2]"), ("x", '"x"'), (None, "{}"), (7, "7"), ({"a": [1]}, '{"a":[1]}')]
)
@pytest.mark.parametrize("back", [CHAT, RESPONSES])
def test_case_063_an_input_of_any_kind_is_json(back: str, input: Any, arguments: str) -> None:
    block = {"type": "tool_use", "id": "t1", "name": "read", "input": input}
    wire, _ = asks(ANTHROPIC, back, asked("Look", [block], [result("t1", text("1"))]))
    sent = wire["messages"][1]["tool_calls"][0]["function"] if back == CHAT else wire["input"][1]
    assert sent["arguments"] == arguments


@pytest.mark.parametrize("arguments", ["[1,2]", '"x"', '{"a":', "null", "nonsense"])
@pytest.mark.parametrize("front", [CHAT, RESPONSES])
def test_case_063_arguments_of_any_kind_do_not_stop_a_conversation(front: str, arguments: str) -> None:
    """Models write such things; the call stands in the history for good."""
    given = history(front, USER, ("said", None, ("a", "f", arguments)), ("result", "a", "1"))
    for back in BACKS:
        if back != front:
            wire, _ = asks(front, back, given)
            assert [id for id, _ in results(back, wire)] == ["a"]
    content = translated(front, "bedrock.converse", given)[0]["messages"][1]["content"]
    assert isinstance(content[0]["toolUse"]["input"], dict)


# -- 64, 65: thoughts ------------------------------------------------------------------------------------


@pytest.mark.parametrize("back", [CHAT, RESPONSES, GEMINI])
@pytest.mark.parametrize("signature", ["", "c2lnbmVk", None])
def test_case_064_thoughts_are_never_told_as_text(back: str, signature: str | None) -> None:
    thought = {"type": "thinking", "thinking": "secret"} | ({} if signature is None else {"signature": signature})
    wire, _ = asks(ANTHROPIC, back, asked("Hi", [thought, text("So")], "and?"))
    assert "secret" not in json.dumps(wire)
    assert texts(back, wire, "assistant") == ["So"]


@pytest.mark.parametrize("front", [CHAT, RESPONSES])
def test_case_064_openais_own_goes_back_as_a_reasoning_item(front: str) -> None:
    sealed = Reasoning(text="sum", summary=True, signature=Signature("openai", "gAAA"))
    _, told = answers(front, RESPONSES, whole(RESPONSES, answer(sealed, Text(text="So"), origin=RESPONSES)), read=False)
    turn = [told["choices"][0]["message"]] if front == CHAT else told["output"]
    question = [{"role": "user", "content": "Hi"}, *turn, {"role": "user", "content": "and?"}]
    given = {"model": "m", ("messages" if front == CHAT else "input"): question}
    wire, _ = translated(front, RESPONSES, given)
    item = wire["input"][1]
    assert (item["type"], item["encrypted_content"]) == ("reasoning", "gAAA")
    assert [part["text"] for part in item["summary"]] == ["sum"]


SUMMARY = ["**One**", "**Two**", "**Three**"]
THINKS: list[Any] = [
    {"type": "reasoning", "id": "rs_1", "encrypted_content": "gAAA", "summary": [{"type": "summary_text", "text": part} for part in SUMMARY]},
    {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "get_weather", "arguments": '{"city":"Paris"}', "status": "completed"},
]  # fmt: skip


def thinking(stream: bool) -> Any:
    """One reasoning item of three parts, and a call; the seal comes at the item's end."""
    head = {"id": "resp_1", "object": "response", "model": "gpt-5", "status": "completed", "output": THINKS, "error": None,
            "incomplete_details": None, "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}}  # fmt: skip
    if not stream:
        return said(head)
    events: list[Any] = [{"type": "response.created", "response": head | {"status": "in_progress", "output": []}}]
    events.append(
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": THINKS[0] | {"summary": [], "encrypted_content": "early"},
        }
    )
    for n, part in enumerate(SUMMARY):
        at = {"output_index": 0, "item_id": "rs_1", "summary_index": n}
        events += [{"type": "response.reasoning_summary_text.delta", "delta": letter, **at} for letter in part]
        events.append({"type": "response.reasoning_summary_text.done", "text": part, **at})
    events += [{"type": "response.output_item.done", "output_index": n, "item": item} for n, item in enumerate(THINKS)]
    return says(*events, {"type": "response.completed", "response": head}, cut=11)


def blocks_of(reply: Answer) -> list[Any]:
    """The blocks of Anthropic's answer, as its SDK adds them up."""
    if reply.media_type != "text/event-stream":
        return list(reply.json["content"])
    found: list[Any] = []
    for wire in (event.json for event in reply.events):
        if wire["type"] == "content_block_start":
            found.append(dict(wire["content_block"]))
        elif wire["type"] == "content_block_delta":
            for name, value in wire["delta"].items():
                found[-1][name] = found[-1].get(name, "") + value if name != "type" else found[-1]["type"]
    for block in found:
        if "partial_json" in block:
            block["input"] = json.loads(block.pop("partial_json"))
    return found


@streaming
async def test_case_065_thinking_is_asked_for_told_and_brought_back(tmp_path: Path, stream: bool) -> None:
    house = House(tmp_path, thinking(stream), said(THERE))
    wishes = MESSAGES.tools("get_weather") | {
        "thinking": {"type": "enabled", "budget_tokens": 2048},
        "max_tokens": 9000,
    }
    reply = await house.say(MESSAGES, "responses", stream=stream, model="gpt-5", **wishes)
    assert reply.status == 200, reply
    sent = house.script.last
    assert sent["reasoning"]["summary"] == "auto" and sent["reasoning"]["effort"] in ("low", "medium")
    assert "reasoning.encrypted_content" in sent["include"]
    thought, call = blocks_of(reply)  # one block for the item, not one for each part of its summary
    assert thought["type"] == "thinking"
    assert all(part in thought["thinking"] for part in SUMMARY)
    back = {"type": "tool_result", "tool_use_id": call["id"], "content": "21C"}
    turns = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [thought, call]},
        {"role": "user", "content": [back]},
    ]
    reply = await house.ask("/v1/messages", wishes | {"model": "responses/gpt-5", "messages": turns}, MESSAGES.headers)
    assert reply.status == 200, reply
    items = [item for item in house.script.last["input"] if item.get("type") == "reasoning"]
    assert [item["encrypted_content"] for item in items] == ["gAAA"], "the seal of the item's end"


THERE = {"id": "resp_2", "object": "response", "model": "gpt-5", "status": "completed", "error": None, "incomplete_details": None,
         "output": [{"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
                     "content": [{"type": "output_text", "text": "Mild.", "annotations": []}]}],
         "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}}  # fmt: skip

AUTO = """
[providers.both]
kind = "openai"
base_url = "http://both.test/v1"
api = "auto"
keys = ["key-of-both"]
models = ["*"]
"""


async def test_case_065_who_asks_for_thoughts_is_served_where_they_are_told(tmp_path: Path) -> None:
    house = House(tmp_path, said(THERE), more=AUTO)
    body = MESSAGES.body(model="both/gpt-5", thinking={"type": "enabled", "budget_tokens": 2048}, max_tokens=9000)
    reply = await house.ask("/v1/messages", body, MESSAGES.headers)
    assert reply.status == 200, reply
    assert house.script.asked[-1].url.endswith("/responses")
    assert house.script.last["reasoning"]["summary"] == "auto"


# -- 66, 67, 68: prompts that caches know again ----------------------------------------------------------------


@elsewhere
def test_case_066_a_system_prompt_in_either_form(back: str) -> None:
    one, two = (asks(ANTHROPIC, back, asked("Hi", system=system))[0] for system in ("S", [text("S")]))
    assert one == two and "S" in json.dumps(one)
    both = json.dumps(asks(ANTHROPIC, back, asked("Hi", system=[text("S1"), text("S2")]))[0])
    assert both.index("S1") < both.index("S2")
    empty = [asks(ANTHROPIC, back, asked("Hi", system=system))[0] for system in ("", [], [text("")])]
    assert empty[0] == empty[1] == empty[2] == asks(ANTHROPIC, back, asked("Hi"))[0]


@pytest.mark.parametrize("back", [CHAT, RESPONSES, ANTHROPIC])
def test_case_066_googles_too(back: str) -> None:
    forms: tuple[dict[str, Any], ...] = ({"parts": [{"text": "S"}]}, {"role": "user", "parts": [{"text": "S"}]})
    one, two = (asks(GEMINI, back, history(GEMINI, USER, systemInstruction=form))[0] for form in forms)
    assert one == two and '"S"' in json.dumps(one)


@pytest.mark.parametrize("back", [CHAT, RESPONSES, ANTHROPIC])
def test_case_066_a_picture_in_it_is_kept(back: str) -> None:
    parts = [{"text": "S"}, {"inlineData": {"mimeType": "image/png", "data": PNG}}]
    wire, ctx = asks(GEMINI, back, history(GEMINI, USER, systemInstruction={"parts": parts}))
    assert PNG in json.dumps(wire) and '"S"' in json.dumps(wire)
    assert {what for _, what in lost(ctx)} <= {"emulated"}


LINE = "x-anthropic-billing-header: cc_version=2.1.117.48f; cc_entrypoint=cli; cch={cch};"


def attributed(form: str, cch: str) -> Any:
    line = LINE.format(cch=cch)
    if form == "string":
        return f"{line}\nYou are Claude Code"
    return [text(line), text("You are Claude Code") | {"cache_control": {"type": "ephemeral"}}]


@pytest.mark.parametrize("back", [*ELSEWHERE, "bedrock.converse"])
@pytest.mark.parametrize("form", ["string", "array"])
def test_case_067_the_attribution_line_reaches_no_other_provider(back: str, form: str) -> None:
    one, two = (translated(ANTHROPIC, back, asked("Hi", system=attributed(form, cch)))[0] for cch in ("71fea", "00000"))
    assert json.dumps(one) == json.dumps(two), "the same bytes, or no cache knows them again"
    assert "billing" not in json.dumps(one) and "You are Claude Code" in json.dumps(one)


@pytest.mark.parametrize("form", ["string", "array"])
async def test_case_067_anthropic_itself_gets_it_untouched(tmp_path: Path, form: str) -> None:
    house = House(tmp_path, said(whole(ANTHROPIC, answer(Text(text="x")))))
    for cch in ("71fea", "00000"):
        body = MESSAGES.body(model="messages/claude-sonnet-4-5", system=attributed(form, cch))
        assert (await house.ask("/v1/messages", body, MESSAGES.headers)).status == 200
        assert house.script.last["system"] == body["system"]
    laws.request_comes_home(CODECS[ANTHROPIC], asked("Hi", system=attributed(form, "71fea")))


@elsewhere
def test_case_067_the_prefix_of_a_conversation_that_grows_is_the_same(back: str) -> None:
    turns: list[Any] = ["Hi", [text("A"), use("t1")], [result("t1", text("1"), PICTURE)], [text("B")], "and?"]
    name = {CHAT: "messages", RESPONSES: "input", GEMINI: "contents"}[back]
    wires = [asks(ANTHROPIC, back, asked(*turns[:n], system=attributed("array", str(n))))[0] for n in (1, 3, 5)]
    for short, long in pairwise(wires):
        assert long[name][: len(short[name])] == short[name]
        assert {key: value for key, value in long.items() if key != name} == {
            key: value for key, value in short.items() if key != name
        }


WHO = "user_ab12_account__session_0b5c1c3e-6a5b-4f0e-9d0c-000000000001"


@pytest.mark.parametrize("front", CLIENTS, ids=front_id)
@pytest.mark.parametrize("back", ["chat", "responses", "messages", "contents"])
async def test_case_068_nothing_that_a_provider_is_sent_is_random(tmp_path: Path, front: Chat, back: str) -> None:
    """Two times the same question is two times the same bytes: what a cache goes by above all."""
    dialect = {"chat": CHAT, "responses": RESPONSES, "messages": ANTHROPIC, "contents": GEMINI}[back]
    house = House(tmp_path, said(whole(dialect, answer(Text(text="x")))))
    more = {"metadata": {"user_id": WHO}} if front is MESSAGES else {}
    for _ in range(2):
        assert (await house.say(front, back, **front.tools("get_weather"), **more)).status == 200
    first, second = (request.body for request in house.script.asked)
    assert first == second


@pytest.mark.parametrize("back", ["chat", "responses"])
async def test_case_068_a_session_has_one_name_and_another_has_another(tmp_path: Path, back: str) -> None:
    dialect = {"chat": CHAT, "responses": RESPONSES}[back]
    house = House(tmp_path, said(whole(dialect, answer(Text(text="x")))))
    names = []
    for user in (WHO, WHO, WHO[:-1] + "2"):
        for words in ("Hi", "and?"):
            reply = await house.say(MESSAGES, back, words, metadata={"user_id": user})
            assert reply.status == 200, reply
            sent = house.script.last
            names.append(sent.get("prompt_cache_key") or sent.get("safety_identifier") or sent.get("user"))
    assert all(names) and len(set(names[:4])) == 1 and len(set(names)) == 2


@pytest.mark.parametrize(("front", "back"), [(CHAT, RESPONSES), (RESPONSES, CHAT)])
def test_case_068_the_clients_own_key_is_kept(front: str, back: str) -> None:
    given = history(front, USER, prompt_cache_key="session-1", safety_identifier="who")
    wire, ctx = asks(front, back, given)
    assert (wire["prompt_cache_key"], wire["safety_identifier"]) == ("session-1", "who")
    assert lost(ctx) == set()


def test_case_068_at_home_too() -> None:
    raw = json.dumps(QUESTION | {"prompt_cache_key": "session-1", "user": "u"}).encode()
    for front in (CHAT, RESPONSES):
        edited = json.loads(CODECS[front].edit_request(raw, "m", False, Profile()))
        assert (edited["prompt_cache_key"], edited["user"]) == ("session-1", "u")


QUESTION = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "input": "Hi"}
