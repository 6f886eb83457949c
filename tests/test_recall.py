"""Reasoning comes back whole: by a call's id, by a text, to its owner only, in its place."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from msgspec.structs import replace

import upstream.anthropic
import upstream.gemini
from clients import CHAT, CONTENTS
from dragoman.core.ir import AnyPart, Message, Reasoning, Request, Response, Signature, Text, ToolCall, ToolResult
from dragoman.service.recall import recalled, remember
from dragoman.store.sqlite import SqliteStore
from dragoman.store.store import Shelf, StoreError
from gateway import Gateway

G, A = Signature("google", "g-sig"), Signature("anthropic", "a-sig")


def response(*parts: AnyPart) -> Response:
    return Response(origin="x", id="r", model="m", parts=parts)


def request(*parts: AnyPart) -> Request:
    turn = Message(role="assistant", parts=parts)
    result = Message(role="user", parts=(ToolResult(call_id="c1"),))
    return Request(
        origin="openai.chat", model="m", messages=(Message(role="user", parts=(Text(text="hi"),)), turn, result)
    )


ASKED = Request(origin="openai.chat", model="m", messages=(Message(role="user", parts=(Text(text="hi"),)),))
"""What the answer answered."""


@pytest.fixture
def store() -> SqliteStore:
    return SqliteStore(None, lambda: 0.0)


CASES: list[tuple[str, tuple[AnyPart, ...], tuple[AnyPart, ...], tuple[AnyPart, ...]]] = [
    # name, what the model said, what the client brings back, what the model is owed
    (
        "a signature on a call (84)",
        (ToolCall(id="c1", name="f", arguments="{}", signature=G), ToolCall(id="c2", name="g", arguments="{}")),
        (ToolCall(id="c1", name="f", arguments="{}"), ToolCall(id="c2", name="g", arguments="{}")),
        (ToolCall(id="c1", name="f", arguments="{}", signature=G), ToolCall(id="c2", name="g", arguments="{}")),
    ),
    (
        "two thoughts, in order, before text and call (35)",
        (
            Reasoning(text="one", signature=A),
            Reasoning(signature=A, redacted=True),
            Text(text="I look"),
            Reasoning(text="two", signature=A),
            ToolCall(id="c1", name="f", arguments='{"a":1}'),
        ),
        (Reasoning(text="onetwo"), Text(text="I look"), ToolCall(id="c1", name="f", arguments='{"a":1}')),
        (
            Reasoning(text="one", signature=A),
            Reasoning(signature=A, redacted=True),
            Text(text="I look"),
            Reasoning(text="two", signature=A),
            ToolCall(id="c1", name="f", arguments='{"a":1}'),
        ),
    ),
    (
        "by the text alone",
        (Reasoning(text="hm", signature=A), Text(text="Paris.")),
        (Text(text="Paris."),),
        (Reasoning(text="hm", signature=A), Text(text="Paris.")),
    ),
    (
        "unsigned reasoning too (77)",
        (Reasoning(text="hm"), ToolCall(id="c1", name="f", arguments="{}")),
        (ToolCall(id="c1", name="f", arguments="{}"),),
        (Reasoning(text="hm"), ToolCall(id="c1", name="f", arguments="{}")),
    ),
    (
        "a signature on a text (88)",
        (Text(text="Paris.", signature=G),),
        (Text(text="Paris."),),
        (Text(text="Paris.", signature=G),),
    ),
    (
        "what the client signed itself stands",
        (Reasoning(text="hm", signature=A), ToolCall(id="c1", name="f", arguments="{}")),
        (Reasoning(text="hm!", signature=Signature("anthropic", "its own")), ToolCall(id="c1", name="f")),
        (Reasoning(text="hm!", signature=Signature("anthropic", "its own")), ToolCall(id="c1", name="f")),
    ),
    (
        "by the call alone, though its id was lost on the way (77)",
        (Reasoning(text="hm", signature=A), ToolCall(id="c1", name="f", arguments='{"a": 1, "b": [2]}', signature=G)),
        (ToolCall(id="call_1_0", name="f", arguments='{"b":[2],"a":1}'),),
        (
            Reasoning(text="hm", signature=A),
            ToolCall(id="call_1_0", name="f", arguments='{"b":[2],"a":1}', signature=G),
        ),
    ),
    (
        "another call is another answer",
        (Reasoning(text="hm", signature=A), ToolCall(id="c1", name="f", arguments="{}")),
        (ToolCall(id="c9", name="f", arguments='{"other":1}'),),
        (ToolCall(id="c9", name="f", arguments='{"other":1}'),),
    ),
]


@pytest.mark.parametrize(("was", "brought", "owed"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
async def test_recalled(
    store: SqliteStore, was: tuple[AnyPart, ...], brought: tuple[AnyPart, ...], owed: tuple[AnyPart, ...]
) -> None:
    await remember(store, "me", response(*was), ASKED)
    found = await recalled(store, "me", request(*brought))
    assert found.messages[1].parts == owed
    assert found.messages[0] == request().messages[0]
    theirs = await recalled(store, "you", request(*brought))
    assert theirs.messages[1].parts == brought, "nobody recalls what is another's"
    await store.close()


async def test_the_same_words_in_another_conversation_are_another_turn(store: SqliteStore) -> None:
    """Programs with many users behind one key: what was thought for one is not told to the model of another."""
    await remember(store, "me", response(Reasoning(text="of Ann", signature=A), Text(text="Paris.")), ASKED)
    said = request(Text(text="Paris."))
    other = Message(role="user", parts=(Text(text="I am Bob. hi"),))
    elsewhere = replace(said, messages=(other, *said.messages[1:]))
    assert await recalled(store, "me", elsewhere) == elsewhere
    assert await recalled(store, "me", said) != said
    await store.close()


async def test_the_same_call_in_another_conversation_is_another_turn(store: SqliteStore) -> None:
    """Kimi's ids count the calls of one conversation, and begin anew in the next."""
    call = ToolCall(id="functions.weather:0", name="weather", arguments="{}")
    other = replace(ASKED, messages=(Message(role="user", parts=(Text(text="something else"),)),))
    await remember(store, "key-1", response(Reasoning(text="mine", signature=A), call), ASKED)
    await remember(store, "key-1", response(Reasoning(text="another's", signature=A), call), other)
    again = await recalled(store, "key-1", request(call))
    assert again.messages[1].parts == (Reasoning(text="mine", signature=A), call)


async def test_a_turn_of_very_many_calls_is_not_looked_for_by_each(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    get = store.get

    async def counted(shelf: Shelf, owner: str, key: str) -> bytes | None:
        looked.append(key)
        return await get(shelf, owner, key)

    monkeypatch.setattr(store, "get", counted)
    asked = request(*(ToolCall(id=f"c{n}", name="f", arguments="{}") for n in range(5000)))
    assert await recalled(store, "key-1", asked) == asked
    assert len(looked) < 20


async def test_nothing_is_kept_of_an_answer_without_reasoning(store: SqliteStore) -> None:
    await remember(store, "me", response(Text(text="Paris."), ToolCall(id="c1", name="f")), ASKED)
    assert await store.get(Shelf("recall", 1, 1), "me", "call c1") is None
    await store.close()


async def test_a_store_that_fails_loses_no_answer() -> None:
    class Broken(SqliteStore):
        async def put(self, *_: object) -> None:
            raise StoreError("disk full")

        async def get(self, *_: object) -> bytes:
            raise StoreError("disk full")

    store = Broken(None, lambda: 0.0)
    await remember(store, "me", response(Reasoning(text="hm", signature=A), Text(text="x")), ASKED)
    asked = request(Text(text="x"))
    assert await recalled(store, "me", asked) == asked


# -- through the running gateway, with a client that brings back only what its dialect has by rights ------------------


def bare_turn(gateway: Gateway, stream: bool) -> tuple[dict[str, Any], str]:
    """One tool turn of an OpenAI client; the assistant's message as a strict SDK would send it back, and its call's id."""
    body = {**CHAT.body("What is the weather in Paris?", stream=stream), **CHAT.tools("get_weather"), **CHAT.thinking()}
    answer = gateway.post(CHAT.path(), body)
    assert answer.status == 200, answer
    said = CHAT.read_stream(answer.events) if stream else CHAT.read(answer)
    ((name, arguments),) = said.calls
    (id,) = set(re.findall(r'"tool_calls":\[\{(?:"index":0,)?"id":"([^"]+)"', answer.body.decode()))
    function = {"name": name, "arguments": json.dumps(arguments)}
    message = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": id, "type": "function", "function": function}],
    }
    result = {"role": "tool", "tool_call_id": id, "content": "21C"}
    follow = {**body, "messages": [*body["messages"], message, result], "stream": False}
    return follow, id


@pytest.mark.parametrize("stream", [False, True])
def test_gemini_gets_its_signature_back(over_gemini: Gateway, stream: bool) -> None:
    follow, _ = bare_turn(over_gemini, stream)
    assert over_gemini.post(CHAT.path(), follow).status == 200
    assert over_gemini.upstream is not None
    parts = [part for content in over_gemini.upstream.last.json["contents"] for part in content["parts"]]
    assert [part["thoughtSignature"] for part in parts if "functionCall" in part] == [upstream.gemini.SIGNATURE]


@pytest.mark.parametrize("stream", [False, True])
def test_claude_gets_its_thoughts_back(over_anthropic: Gateway, stream: bool) -> None:
    follow, call = bare_turn(over_anthropic, stream)
    assert over_anthropic.post(CHAT.path(), follow).status == 200
    assert over_anthropic.upstream is not None
    turn = over_anthropic.upstream.last.json["messages"][1]
    assert turn["content"][0]["type"] == "thinking"
    assert turn["content"][0]["signature"] == upstream.anthropic.SIGNATURE
    assert turn["content"][-1]["id"] == call


@pytest.mark.parametrize("sentinel", ["skip_thought_signature_validator", "context_engineering_is_the_way_to_go"])
def test_claude_gets_its_thoughts_back_from_gemini_cli(over_anthropic: Gateway, sentinel: str) -> None:
    """It drops thoughts, and writes Google's word for "none" on a call that came without a signature."""
    config = CONTENTS.thinking()
    body = {**CONTENTS.body("What is the weather in Paris?"), **CONTENTS.tools("get_weather"), **config}
    answer = over_anthropic.post(CONTENTS.path(), body)
    assert answer.status == 200, answer
    parts = [part for part in answer.json["candidates"][0]["content"]["parts"] if "functionCall" in part]
    called = [part | {"thoughtSignature": sentinel} for part in parts]
    results = [{"functionResponse": part["functionCall"] | {"response": {"output": "21C"}}} for part in parts]
    for result in results:
        result["functionResponse"].pop("args")
    turns = [{"role": "model", "parts": called}, {"role": "user", "parts": results}]
    assert over_anthropic.post(CONTENTS.path(), body | {"contents": [*body["contents"], *turns]}).status == 200
    assert over_anthropic.upstream is not None
    sent = over_anthropic.upstream.last.json
    assert sent["thinking"]["type"] == "enabled"
    assert sent["messages"][1]["content"][0]["signature"] == upstream.anthropic.SIGNATURE
    assert sentinel not in json.dumps(sent)
