"""Some of cases 4 to 46 as they are met with the whole service: time, headers, statuses, second targets, the app API."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cases.histories import history
from cases.inside import BACKS, FRONTS, MODELS, House, Says, event
from cases.inside import sse as says
from cases.inside import whole as said
from cases.wires import ANTHROPIC, CHAT, DONE, GEMINI, RESPONSES, answer, chunk, sse, streamed, whole
from clients import APP, CONTENTS, MESSAGES, Chat, front_id
from clients import CHAT as OPENAI
from clients import RESPONSES as ITEMS
from dragoman.core.ir import Reasoning, Text, Usage
from dragoman.service import app, exchange

DIALECTS = {"chat": CHAT, "messages": ANTHROPIC, "contents": GEMINI, "responses": RESPONSES}
HOMES = {OPENAI: "chat", MESSAGES: "messages", CONTENTS: "contents", ITEMS: "responses"}
each_client = pytest.mark.parametrize("front", FRONTS, ids=front_id)
each_back = pytest.mark.parametrize("back", BACKS)
ABROAD = [pytest.param(f, b, id=f"{f.name}-{b}") for f in FRONTS for b in BACKS if HOMES[f] != b]
"""In its own dialect a request goes as it is."""
streaming = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
HELLO = answer(Text(text="Hello"), usage=Usage(input=812, output=9, cache_read=700))


def speaks(back: str, stream: bool) -> Says:
    return Says([streamed(DIALECTS[back], HELLO)]) if stream else said(whole(DIALECTS[back], HELLO))


# -- 15, 20, 22: from the first event to the last -------------------------------------------------


@each_client
@pytest.mark.parametrize("end", [(DONE,), ()], ids=["done", "closed"])
async def test_case_015_a_client_gets_its_last_events_without_usage(
    tmp_path: Path, front: Chat, end: tuple[Any, ...]
) -> None:
    data = sse(chunk({"role": "assistant", "content": ""}), chunk({"content": "Hello"}), chunk({}, "stop"), *end)
    house = House(tmp_path, Says([data[i : i + 13] for i in range(0, len(data), 13)]))
    reply = await house.say(front, "chat", stream=True)
    if front is OPENAI:  # the provider's own stream: it ends as the provider ends it
        assert reply.body.count(b'"finish_reason": "stop"') == 1
    else:
        seen = front.read(reply)
        assert (seen.text, seen.stop, seen.output) == ("Hello", front.stops["stop"], 0)
    assert house.script.last["stream_options"] == {"include_usage": True}, "asked for, whoever asks"


@each_client
async def test_case_020_azures_prelude_is_no_answer(tmp_path: Path, front: Chat) -> None:
    prelude = {
        "id": "",
        "object": "",
        "created": 0,
        "model": "",
        "prompt_filter_results": [{"prompt_index": 0}],
        "choices": [],
    }
    told = [
        prelude,
        chunk({"content": "Hello"}),
        chunk({}, "stop"),
        chunk(None, usage={"prompt_tokens": 3, "completion_tokens": 2}),
        DONE,
    ]
    house = House(tmp_path, Says([sse(*told)]))
    reply = await house.say(front, "chat", stream=True)
    assert reply.status == 200
    assert b"Hello" in reply.body
    if front is not OPENAI:
        seen = front.read(reply)
        assert (seen.text, seen.input, seen.output) == ("Hello", 3, 2)
        assert seen.model == "chat/gpt-4.1", "named as the client named it"


@each_client
@each_back
@streaming
async def test_case_022_what_was_cached_is_counted_once(tmp_path: Path, front: Chat, back: str, stream: bool) -> None:
    more = {"stream_options": {"include_usage": True}} if front is OPENAI and stream else {}
    reply = await House(tmp_path, speaks(back, stream)).say(front, back, stream=stream, **more)
    seen = front.read(reply)
    assert (seen.text, seen.input, seen.output) == ("Hello", 812, 9)


# -- 4, 17, 37 in the app API ----------------------------------------------------------------------------------


@each_back
async def test_case_004_pages_get_every_word_and_no_thought(tmp_path: Path, back: str) -> None:
    told = answer(Reasoning(text="A"), Text(text="B"), Text(text="C"))
    for pieces in (1, 10**6):
        data = streamed(DIALECTS[back], told)
        house = House(tmp_path, Says([data[i : i + pieces] for i in range(0, len(data), pieces)]))
        assert APP.read(await house.say(APP, back, stream=True)).text == "BC"
    assert APP.read(await House(tmp_path, said(whole(DIALECTS[back], told))).say(APP, back)).text == "BC"


@each_back
async def test_case_017_a_page_is_told_that_its_answer_was_cut(tmp_path: Path, back: str) -> None:
    data = streamed(DIALECTS[back], HELLO)
    at = data.index(b"Hello")
    cut = data[: data.index(b"\n\n", at) + 2]
    reply = await House(tmp_path, Says([cut])).say(APP, back, stream=True)
    assert b"Hello" in reply.body and b"[DONE]" not in reply.body
    assert APP.broken(reply.events)


async def test_case_037_a_page_is_told_of_an_error_in_the_middle(tmp_path: Path) -> None:
    reply = await House(tmp_path, says(BEGUN, OVERLOADED)).say(APP, "messages", stream=True)
    assert reply.status in (503, 529) and "Overloaded" in APP.error(reply)[2]
    reply = await House(tmp_path, says(BEGUN, *WORD, OVERLOADED)).say(APP, "messages", stream=True)
    assert reply.status == 200 and "Overloaded" in APP.broken(reply.events)


# -- 23: signs of life ---------------------------------------------------------------------------------

QUIET: dict[str, bytes] = {  # what each provider sends while it thinks
    "messages": b'event: ping\ndata: {"type": "ping"}\n\n', "chat": b": OPENROUTER PROCESSING\n\n", "contents": b"\n\n", "responses": b": ping\n\n",
}  # fmt: skip
ALIVE = {OPENAI: b"\n", ITEMS: b"\n", CONTENTS: b"\n", MESSAGES: b'event: ping\ndata: {"type": "ping"}\n\n'}
"""No comments: google-genai cannot read them. A bare line is read over by all."""


@each_client
@each_back
async def test_case_023_a_client_hears_something_while_the_provider_thinks(
    tmp_path: Path, front: Chat, back: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the provider sends meanwhile: nothing, comments, or pings of its own."""
    monkeypatch.setattr(exchange, "PATIENCE", 0.03)
    monkeypatch.setattr(app, "SILENCE", 0.06)
    data = streamed(DIALECTS[back], HELLO)
    for script in ([0.25, data], [QUIET[back], 0.13, QUIET[back], 0.13, data]):
        reply = await House(tmp_path, Says(list(script))).say(front, back, stream=True)
        assert reply.status == 200
        before, _, _ = reply.body.partition(b"Hello")
        head = before if front is MESSAGES else before[: before.find(b"data:")]
        assert ALIVE[front] in head, "no sign before the first word"
        told = reply.body.replace(ALIVE[MESSAGES], b"")  # SDKs pass over pings
        assert front.read(replace(reply, body=told)).text == "Hello"


# -- 37: an error in the stream, and another target ---------------------------------------------------------

TWO = """
[models."either"]
targets = ["messages/claude-sonnet-4-5", "chat/gpt-4.1"]
"""
BEGUN = {"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant", "model": "c", "content": [],
                                              "stop_reason": None, "usage": {"input_tokens": 1, "output_tokens": 1}}}  # fmt: skip
WORD = [{"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}}]  # fmt: skip
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


@each_client
async def test_case_037_another_target_is_asked_before_any_content(tmp_path: Path, front: Chat) -> None:
    house = House(tmp_path, says(BEGUN, OVERLOADED), speaks("chat", True), more=TWO)
    reply = await house.ask(front.path("either", True), front.body("Hi", "either", True), front.headers)
    assert reply.status == 200
    assert front.read(reply).text == "Hello"
    assert [request.url.split("/")[2] for request in house.script.asked] == ["messages.test", "chat.test"]


@each_client
async def test_case_037_and_none_after_it(tmp_path: Path, front: Chat) -> None:
    house = House(tmp_path, says(BEGUN, *WORD, OVERLOADED), speaks("chat", True), more=TWO)
    reply = await house.ask(front.path("either", True), front.body("Hi", "either", True), front.headers)
    assert len(house.script.asked) == 1
    if front is MESSAGES:
        assert reply.body.endswith(event(OVERLOADED))
    else:
        assert front.broken(reply.events) == "Overloaded"


# -- 40: strict clients, 46: a limit for everybody ------------------------------------------------------------


@pytest.mark.parametrize("turns", [
    [("said", None, ("call_17", "f", "{}")), ("user", "go")], [("result", "call_17", "forty-two"), ("user", "go")],
], ids=["a call alone", "a result alone"])  # fmt: skip
@pytest.mark.parametrize(("front", "back"), ABROAD)
async def test_case_040_in_strict_mode_nothing_is_mended(
    tmp_path: Path, front: Chat, back: str, turns: list[Any]
) -> None:
    model = f"{back}/{MODELS[back]}"
    body = history(front.name, ("user", "Hi"), *turns)
    body = body if front is CONTENTS else body | {"model": model}
    house = House(tmp_path, speaks(back, False))
    reply = await house.ask(front.path(model), body, {**front.headers, "x-dragoman-strict": "true"})
    assert reply.status == 400, reply
    assert "call_17" in front.error(reply)[2], "the client is told which one it was"
    assert house.script.asked == []
    assert (await house.ask(front.path(model), body, front.headers)).status == 200


LIMITED: dict[str, list[tuple[dict[str, Any], int, bool]]] = {  # what is wished for, what is asked, and whether that is less
    "openai.chat": [({}, 64000, False), ({"max_completion_tokens": 50, "max_tokens": 70}, 50, False), ({"max_tokens": 70}, 70, False),
                    ({"max_tokens": 10**6}, 64000, True)],
    "openai.responses": [({}, 64000, False), ({"max_output_tokens": 50}, 50, False), ({"max_output_tokens": 10**6}, 64000, True)],
    "gemini": [({}, 64000, False), ({"generationConfig": {"maxOutputTokens": 50}}, 50, False),
               ({"generationConfig": {"maxOutputTokens": 10**6}}, 64000, True)],
}  # fmt: skip


@pytest.mark.parametrize("front", [OPENAI, ITEMS, CONTENTS], ids=front_id)
async def test_case_046_claude_always_gets_a_limit_it_takes(tmp_path: Path, front: Chat) -> None:
    """The client's, or the model's own: a smaller one would cut answers that nobody asked to be cut."""
    house = House(tmp_path, speaks("messages", False))
    for wish, limit, less in LIMITED[front.name]:
        reply = await house.say(front, "messages", **wish)
        assert reply.status == 200, reply
        assert house.script.last["max_tokens"] == limit
        assert ("(clamped)" in reply.headers.get("x-dragoman-lost", "")) == less, "a clamp is told"
