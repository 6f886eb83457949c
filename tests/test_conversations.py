"""Conversations that the gateway keeps: over every provider, item by item, and where several things happen at once. It knows
the wire format, and of the gateway's code the pure values."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest

from clients import RESPONSES, wanted
from dragoman.dialects import TALKS
from gateway import KEY, MODEL, OTHER_KEY, Answer, Gateway, over
from upstream import Upstream

PATH, RESPONSE = "/v1/conversations", RESPONSES.path()
RELAYS = ("over_openai", "over_responses", "over_anthropic", "over_gemini")
NATIVE = ("over_responses", "over_auto")


@pytest.fixture(params=("sandbox", *RELAYS))
def gateway(request: pytest.FixtureRequest) -> Gateway:
    found: Gateway = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=RELAYS)
def relay(request: pytest.FixtureRequest) -> Gateway:
    found: Gateway = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def stream(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def begun(gateway: Gateway, *items: dict[str, Any], **metadata: str) -> str:
    answer = gateway.post(PATH, {"items": list(items), "metadata": metadata})
    assert answer.status == 200, answer
    told = answer.json
    assert set(told) == {"id", "object", "created_at", "metadata"} and told["object"] == "conversation"
    assert told["id"].startswith("conv_") and abs(told["created_at"] - time.time()) < 60
    assert told["metadata"] == metadata
    return str(told["id"])


def ask(gateway: Gateway, id: Any, text: str | list[Any], **more: Any) -> dict[str, Any]:
    answer = gateway.post(RESPONSE, {"model": MODEL, "input": text, "conversation": id, **more})
    assert answer.status == 200, answer
    return RESPONSES.response(answer)


def items(gateway: Gateway, id: str, query: str = "order=asc&limit=100") -> list[dict[str, Any]]:
    answer = gateway.get(f"{PATH}/{id}/items?{query}")
    assert answer.status == 200 and answer.json["object"] == "list", answer
    found: list[dict[str, Any]] = answer.json["data"]
    return found


def texts(gateway: Gateway, id: str) -> list[str]:
    return [part["text"] for item in items(gateway, id) for part in item.get("content") or ()]


def refused(answer: Answer, status: int, param: str | None = None) -> str | None:
    assert answer.status == status, answer
    assert param is None or answer.json["error"]["param"] == param, answer
    return RESPONSES.error(answer)[1]


# -- in requests ------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [str, lambda id: {"id": id}], ids=["id", "object"])
def test_a_conversation_goes_on(gateway: Gateway, stream: bool, form: Any) -> None:
    id = begun(gateway, user("I am Ann."))
    first = ask(gateway, form(id), "And you?", stream=stream)
    second = ask(gateway, form(id), [user("Who am I?")], stream=stream)
    assert first["conversation"] == second["conversation"] == {"id": id}
    assert first["previous_response_id"] is None
    heard = [RESPONSES.of(one).text for one in (first, second)]
    assert texts(gateway, id) == ["I am Ann.", "And you?", heard[0], "Who am I?", heard[1]]
    if gateway.upstream is None:
        assert "4 messages" in heard[1]
        return
    if gateway.upstream.last.path != RESPONSE:
        asked = wanted(gateway.upstream.dialect, gateway.upstream.last)
        assert [role for role, _ in asked.turns][-2:] == ["assistant", "user"]
    sent = gateway.upstream.last.raw.decode()
    assert all(word in sent for word in ("I am Ann.", "And you?", "Who am I?")) and id not in sent


def test_every_event_names_the_conversation(gateway: Gateway) -> None:
    id = begun(gateway)
    answer = gateway.post(RESPONSE, {"model": MODEL, "input": "Hi", "conversation": id, "stream": True})
    told = [event.json["response"] for event in answer.events if "response" in event.json]
    assert len(told) == 3 and all(one["conversation"] == {"id": id} for one in told)


def test_across_a_tools_call_with_thoughts(relay: Gateway, stream: bool) -> None:
    id = begun(relay)
    more = RESPONSES.tools("get_weather") | RESPONSES.thinking() | {"model": "gpt-5", "stream": stream}
    first = ask(relay, id, "Weather?", **more)
    [call] = [item for item in first["output"] if item["type"] == "function_call"]
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "21C"}
    assert "21C" in RESPONSES.of(ask(relay, id, [result], **more)).text
    kinds = [item["type"] for item in items(relay, id) if item["type"] != "reasoning"]
    assert kinds == ["message", "function_call", "function_call_output", "message"]


@pytest.mark.parametrize("store", [True, False])
def test_it_grows_whether_the_response_is_stored_or_not(gateway: Gateway, stream: bool, store: bool) -> None:
    id = begun(gateway)
    response = ask(gateway, id, "Hi", stream=stream, store=store)
    assert len(items(gateway, id)) == 2
    assert gateway.get(f"{RESPONSE}/{response['id']}").status == (200 if store else 404)


def test_a_native_provider_keeps_no_conversation(over_responses: Gateway, stream: bool) -> None:
    """It is told all that was said, and no id of a conversation that it does not have."""
    assert over_responses.upstream is not None
    id = begun(over_responses, user("I am Ann."))
    first = ask(over_responses, id, "Hi", stream=stream)
    assert "conversation" not in over_responses.upstream.last.json
    more = {"model": MODEL, "input": "Two", "previous_response_id": first["id"], "stream": stream}
    second = RESPONSES.response(over_responses.post(RESPONSE, more))
    assert second["previous_response_id"] == first["id"] and "conversation" not in second
    assert len(items(over_responses, id)) == 3, "going on from its response is another way on"


def test_a_native_provider_that_is_asked_anew(stream: bool) -> None:
    """Whose requests are written afresh, and who is told of no conversation either."""
    with Upstream("openai") as upstream:
        config = over(upstream, api="responses")
        config = config.replace('api = "responses"', 'api = "responses"\nprofile = { repair = true }')
        with Gateway(config, upstream=upstream) as gateway:
            id = begun(gateway, user("I am Ann."))
            response = ask(gateway, id, "Who am I?", stream=stream)
            assert response["conversation"] == {"id": id}
            assert "conversation" not in upstream.last.json and "I am Ann." in upstream.last.raw.decode()
            first = ask(gateway, None, "One", stream=stream)
            second = ask(gateway, None, "Two", stream=stream, previous_response_id=first["id"])
            assert second["previous_response_id"] == first["id"] == upstream.last.json["previous_response_id"]


@pytest.mark.parametrize("name", RELAYS)
def test_it_moves_from_one_provider_to_another(request: pytest.FixtureRequest, name: str) -> None:
    """Each gateway keeps its own: here the items are carried over, ids and all, as a client may."""
    home: Gateway = request.getfixturevalue("over_anthropic")
    id = begun(home)
    more = RESPONSES.tools("get_weather") | RESPONSES.thinking() | {"model": "gpt-5"}
    first = ask(home, id, "Weather?", **more)
    [call] = [item for item in first["output"] if item["type"] == "function_call"]
    ask(home, id, [{"type": "function_call_output", "call_id": call["call_id"], "output": "21C"}], **more)
    abroad: Gateway = request.getfixturevalue(name)
    there = begun(abroad, *items(home, id))
    assert RESPONSES.of(ask(abroad, there, "And now?")).text.endswith("And now? I heard it.")


def test_compaction_in_a_conversation(over_anthropic: Gateway) -> None:
    id = begun(over_anthropic, user("I am Ann."))
    ask(over_anthropic, id, [{"type": "compaction_trigger"}])
    ask(over_anthropic, id, "Who am I?")
    assert over_anthropic.upstream is not None
    sent = over_anthropic.upstream.last.raw.decode()
    assert "stands in its place" in sent and sent.count("I am Ann.") == 1, "only in the summary"


def test_counting_in_a_conversation(sandbox: Gateway) -> None:
    id = begun(sandbox, user("Hello, how are you? " * 50))
    body = {"model": MODEL, "input": "Hi"}
    alone = sandbox.post(f"{RESPONSE}/input_tokens", body).json["input_tokens"]
    assert sandbox.post(f"{RESPONSE}/input_tokens", body | {"conversation": id}).json["input_tokens"] > alone + 100
    assert len(items(sandbox, id)) == 1


@pytest.mark.parametrize("name", ["sandbox", "over_anthropic", *NATIVE])
def test_ids_that_cannot_be_meant(request: pytest.FixtureRequest, name: str, stream: bool) -> None:
    gateway: Gateway = request.getfixturevalue(name)
    body = RESPONSES.body(stream=stream)
    assert refused(gateway.post(RESPONSE, body | {"conversation": "conv_nobody"}), 404) == "conversation_not_found"
    for given in (7, "", {}, {"id": 7}, {"id": ""}, [], True):
        refused(gateway.post(RESPONSE, body | {"conversation": given}), 400, "conversation")
    assert gateway.post(RESPONSE, body | {"conversation": None}).status == 200
    id, before = begun(gateway), RESPONSES.response(gateway.post(RESPONSE, body))
    answer = gateway.post(RESPONSE, body | {"conversation": id, "previous_response_id": before["id"]})
    assert refused(answer, 400) == "mutually_exclusive_parameters"
    assert items(gateway, id) == []


# -- its own API --------------------------------------------------------------------------------


def test_it_is_read_changed_and_forgotten(sandbox: Gateway) -> None:
    id = begun(sandbox, topic="demo")
    assert sandbox.get(f"{PATH}/{id}").json["metadata"] == {"topic": "demo"}
    changed = sandbox.post(f"{PATH}/{id}", {"metadata": {"topic": "other", "more": "x"}})
    assert changed.status == 200 and changed.json["metadata"] == {"topic": "other", "more": "x"}
    assert sandbox.get(f"{PATH}/{id}").json == changed.json
    deleted = sandbox.call("DELETE", f"{PATH}/{id}")
    assert deleted.json == {"id": id, "object": "conversation.deleted", "deleted": True}
    for method, path, body in (
        ("GET", "", None),
        ("POST", "", {"metadata": {}}),
        ("DELETE", "", None),
        ("GET", "/items", None),
        ("POST", "/items", {"items": [user("x")]}),
        ("GET", "/items/msg_1", None),
        ("DELETE", "/items/msg_1", None),
    ):
        assert refused(sandbox.call(method, f"{PATH}/{id}{path}", body), 404) == "conversation_not_found"
    refused(sandbox.post(RESPONSE, RESPONSES.body(conversation=id)), 404)


def test_one_can_be_begun_without_a_word(sandbox: Gateway) -> None:
    for body in (b"", b"{}", b'{"items":null,"metadata":null}'):
        answer = sandbox.call("POST", PATH, body=body)
        assert answer.status == 200 and answer.json["metadata"] == {}, answer


def test_items_one_by_one(sandbox: Gateway) -> None:
    id = begun(sandbox, user("One"))
    answer = sandbox.post(f"{PATH}/{id}/items", {"items": [user("Two"), user("Three")]})
    added = answer.json["data"]
    assert [item["content"][0]["text"] for item in added] == ["Two", "Three"] and answer.json["has_more"] is False
    assert (answer.json["first_id"], answer.json["last_id"]) == (added[0]["id"], added[1]["id"])
    assert texts(sandbox, id) == ["One", "Two", "Three"]
    assert [item["id"] for item in items(sandbox, id, "limit=2")] == [added[1]["id"], added[0]["id"]]
    page = sandbox.get(f"{PATH}/{id}/items?limit=1&after={added[1]['id']}").json
    assert page["data"] == [added[0]] and page["has_more"] is True
    assert sandbox.get(f"{PATH}/{id}/items/{added[0]['id']}").json == added[0]
    gone = sandbox.call("DELETE", f"{PATH}/{id}/items/{added[0]['id']}")
    assert gone.status == 200 and gone.json["object"] == "conversation" and gone.json["id"] == id
    assert texts(sandbox, id) == ["One", "Three"]
    for method in ("GET", "DELETE"):
        assert refused(sandbox.call(method, f"{PATH}/{id}/items/{added[0]['id']}"), 404) == "item_not_found"
    refused(sandbox.get(f"{PATH}/{id}/items?after=msg_nobody"), 400, "after")
    refused(sandbox.get(f"{PATH}/{id}/items?order=up"), 400, "order")
    refused(sandbox.get(f"{PATH}/{id}/items?limit=0"), 400, "limit")


def test_no_two_items_have_one_id(sandbox: Gateway) -> None:
    id = begun(sandbox, user("One") | {"id": "msg_1"}, user("Two") | {"id": "msg_1"})
    sandbox.post(f"{PATH}/{id}/items", {"items": [user("Three") | {"id": "msg_1"}]})
    ids = [item["id"] for item in items(sandbox, id)]
    assert ids[0] == "msg_1" and len(set(ids)) == 3


BAD: tuple[tuple[dict[str, Any], str], ...] = (
    ({"items": 7}, "items"),
    ({"items": [7]}, "items[0]"),
    ({"items": [user("x"), {"role": "nobody", "content": "x"}]}, "items[1].role"),
    ({"items": [{"type": "function_call", "name": "f"}]}, "items[0].call_id"),
    ({"items": [{"type": "item_reference", "id": "msg_1"}]}, "items[0].type"),
    ({"items": [{"type": "compaction_trigger"}]}, "items[0].type"),
    ({"items": [{"role": "user", "content": [{"type": "input_text"}]}]}, "items[0].content[0].text"),
    ({"items": [user("x")] * 21}, "items"),
)
METADATA: tuple[Any, ...] = (7, [], {"k": 1}, {"k" * 65: "v"}, {"k": "v" * 513}, {str(n): "v" for n in range(17)})


@pytest.mark.parametrize(("body", "param"), BAD, ids=lambda value: json.dumps(value)[:60])
def test_items_that_are_none(sandbox: Gateway, body: dict[str, Any], param: str) -> None:
    refused(sandbox.post(PATH, body), 400, param)
    id = begun(sandbox)
    refused(sandbox.post(f"{PATH}/{id}/items", body), 400, param)
    refused(sandbox.post(f"{PATH}/{id}/items", {}), 400, "items")
    assert items(sandbox, id) == []


@pytest.mark.parametrize("metadata", METADATA, ids=lambda value: json.dumps(value)[:30])
def test_metadata_that_is_none(sandbox: Gateway, metadata: Any) -> None:
    refused(sandbox.post(PATH, {"metadata": metadata}), 400, "metadata")
    id = begun(sandbox, k="v")
    refused(sandbox.post(f"{PATH}/{id}", {"metadata": metadata}), 400, "metadata")
    refused(sandbox.post(f"{PATH}/{id}", {}), 400, "metadata")
    assert sandbox.get(f"{PATH}/{id}").json["metadata"] == {"k": "v"}


def test_it_is_its_owners(gateway: Gateway) -> None:
    id = begun(gateway, user("My secret is green."))
    item = items(gateway, id)[0]["id"]
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/items"), ("GET", f"/items/{item}")):
        refused(gateway.call(method, f"{PATH}/{id}{path}", key=OTHER_KEY), 404)
    refused(gateway.post(f"{PATH}/{id}/items", {"items": [user("x")]}, key=OTHER_KEY), 404)
    refused(gateway.post(RESPONSE, RESPONSES.body("What is it?", conversation=id), key=OTHER_KEY), 404)
    assert gateway.call("GET", f"{PATH}/{id}", key=None).status == 401
    assert len(items(gateway, id)) == 1


def test_under_the_alias_and_with_openais_own_sdk(over_anthropic: Gateway) -> None:
    with openai.OpenAI(base_url=f"{over_anthropic.url}/api/v1", api_key=KEY, max_retries=0) as ai:
        talk = ai.conversations.create(metadata={"k": "v"}, items=[{"role": "user", "content": "I am Ann."}])
        told = ai.responses.create(model=MODEL, input="Who am I?", conversation=talk.id)
        assert told.conversation is not None and told.conversation.id == talk.id
        found = list(ai.conversations.items.list(talk.id, order="asc", limit=1))
        assert [item.type for item in found] == ["message"] * 3
        assert found[1].id and ai.conversations.items.retrieve(found[1].id, conversation_id=talk.id).id == found[1].id
        ai.conversations.items.create(talk.id, items=[{"role": "user", "content": "More"}])
        ai.conversations.items.delete(found[0].id, conversation_id=talk.id)
        assert ai.conversations.update(talk.id, metadata={"k": "w"}).metadata == {"k": "w"}
        assert len(list(ai.conversations.items.list(talk.id))) == 3
        assert ai.conversations.delete(talk.id).deleted
        with pytest.raises(openai.NotFoundError):
            ai.conversations.retrieve(talk.id)


# -- several things at once -----------------------------------------------------------------------


def test_answers_that_end_at_once_all_stay(relay: Gateway, stream: bool) -> None:
    """Each exchange stands whole and in one piece, in the order in which they ended."""
    id = begun(relay)
    words = [f"word{n}" for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda word: ask(relay, id, word, stream=stream), words))
    found = items(relay, id)
    assert len(found) == 16 and len({item["id"] for item in found}) == 16
    said = texts(relay, id)
    assert sorted(said[::2]) == words
    for asked, heard in zip(said[::2], said[1::2], strict=True):
        assert heard.endswith(f"{asked} I heard it.")
    assert {one["output"][-1]["id"] for one in told} == {item["id"] for item in found[1::2]}


def test_a_conversation_deleted_under_an_answer_stays_so(over_openai: Gateway) -> None:
    id = begun(over_openai)
    connection, response = over_openai.open(
        "POST",
        RESPONSE,
        json.dumps({"model": "slow", "input": "Hi", "conversation": id, "stream": True}).encode(),
    )
    try:
        assert response.status == 200 and response.readline()
        assert over_openai.call("DELETE", f"{PATH}/{id}").status == 200
        assert b"response.completed" in response.read(), "the answer is given all the same"
    finally:
        response.close()
        connection.close()
    assert over_openai.get(f"{PATH}/{id}").status == 404


def test_a_client_that_leaves_adds_nothing(over_openai: Gateway) -> None:
    id = begun(over_openai)
    assert over_openai.upstream is not None
    body = {"model": "slow", "input": "Hi", "conversation": id, "stream": True}
    connection, response = over_openai.open("POST", RESPONSE, json.dumps(body).encode())
    assert response.readline()
    response.close()
    connection.close()
    assert over_openai.upstream.last.left.wait(5)
    assert items(over_openai, id) == []


@pytest.mark.parametrize("model", ["midstream-error", "cut", "ends", "error-500"])
def test_an_answer_that_broke_off_adds_nothing(relay: Gateway, stream: bool, model: str) -> None:
    id = begun(relay)
    body = {"model": model, "input": "Hi", "conversation": id, "stream": stream}
    answer = relay.post(RESPONSE, body)
    if not stream and model in ("midstream-error", "ends"):
        assert answer.status == 200 and len(items(relay, id)) == 2, "only streams break off so"
        return
    assert items(relay, id) == []


def test_items_added_under_an_answer_stay(over_openai: Gateway) -> None:
    id = begun(over_openai)
    asking = threading.Thread(target=lambda: ask(over_openai, id, "Hi", model="late"))
    asking.start()
    time.sleep(0.5)
    assert over_openai.post(f"{PATH}/{id}/items", {"items": [user("Meanwhile")]}).status == 200
    asking.join(20)
    assert texts(over_openai, id)[:2] == ["Meanwhile", "Hi"] and len(items(over_openai, id)) == 3


# -- as values ---------------------------------------------------------------------------------------


def test_items_stay_as_they_came() -> None:
    conversation = TALKS.Conversation(1, {"k": "v"})
    odd = {"type": "reasoning", "id": "rs_1", "summary": [], "x_new": 12345678901234567890}
    grown = TALKS.decode(TALKS.encode(TALKS.with_items(conversation, [odd], str)))
    assert TALKS.said(grown) == [odd] and grown.ids == ["rs_1"]
    assert TALKS.without_item(grown, "rs_1").items == [] and TALKS.without_item(grown, "x") == grown
