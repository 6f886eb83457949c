"""Kept responses, read again and forgotten: as streams, page by page, here and at the provider that keeps them too. It
knows the wire format and nothing of the gateway's code."""

import json
from typing import Any

import openai
import pytest

from clients import RESPONSES
from gateway import KEY, MODEL, OTHER_KEY, Answer, Gateway

PATH = RESPONSES.path()
RELAYS = ("over_openai", "over_responses", "over_anthropic", "over_gemini")


@pytest.fixture(params=("sandbox", *RELAYS))
def gateway(request: pytest.FixtureRequest) -> Gateway:
    found: Gateway = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def stream(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def ask(gateway: Gateway, body: dict[str, Any]) -> dict[str, Any]:
    answer = gateway.post(PATH, body)
    assert answer.status == 200, answer
    return RESPONSES.response(answer)


def refused(answer: Answer, status: int, param: str | None = None) -> str:
    assert answer.status == status, answer
    RESPONSES.error(answer)
    assert param is None or answer.json["error"]["param"] == param, answer
    return str(answer.json["error"]["code"])


# -- as a stream -----------------------------------------------------------------------


@pytest.mark.parametrize("tools", [(), ("get_weather", "get_time")], ids=["text", "calls"])
def test_a_kept_response_is_told_again(gateway: Gateway, stream: bool, tools: tuple[str, ...]) -> None:
    """The same events' ids, numbers from 0, and at the end the very response that was kept."""
    more = RESPONSES.tools(*tools) if tools else {}
    response = ask(
        gateway, RESPONSES.body("Look at both", model="gpt-5", stream=stream, **RESPONSES.thinking(), **more)
    )
    answer = gateway.get(f"{PATH}/{response['id']}?stream=true")
    assert answer.status == 200 and answer.media_type == "text/event-stream", answer
    assert RESPONSES.response(answer) == response


def test_a_cut_response_is_told_again_as_cut(over_responses: Gateway, stream: bool) -> None:
    response = ask(over_responses, RESPONSES.body("One two three four five", stream=stream, max_output_tokens=16))
    assert response["status"] == "incomplete"
    answer = over_responses.get(f"{PATH}/{response['id']}?stream=true")
    assert answer.events[-1].name == "response.incomplete"
    assert RESPONSES.response(answer) == response


def test_a_stream_goes_on_after_a_number(sandbox: Gateway) -> None:
    id = ask(sandbox, RESPONSES.body())["id"]
    whole = sandbox.get(f"{PATH}/{id}?stream=true").events
    rest = sandbox.get(f"{PATH}/{id}?stream=true&starting_after=3").events
    assert rest == whole[4:] and rest[0].json["sequence_number"] == 4
    assert sandbox.get(f"{PATH}/{id}?stream=true&starting_after={len(whole)}").events == []


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("stream=perhaps", "stream"),
        ("starting_after=2", "starting_after"),
        ("stream=true&starting_after=-1", "starting_after"),
        ("stream=true&starting_after=x", "starting_after"),
        ("include=everything", "include"),
    ],
)
def test_a_query_that_cannot_be_meant(sandbox: Gateway, query: str, param: str) -> None:
    id = ask(sandbox, RESPONSES.body())["id"]
    refused(sandbox.get(f"{PATH}/{id}?{query}"), 400, param)


def test_include_is_taken_where_it_is_known(sandbox: Gateway) -> None:
    response = ask(sandbox, RESPONSES.body())
    for query in ("include=reasoning.encrypted_content", "include[]=message.output_text.logprobs", "stream=false"):
        assert sandbox.get(f"{PATH}/{response['id']}?{query}").json == response
        assert sandbox.get(f"{PATH}/{response['id']}/input_items?{query}").status == 200


def test_openais_own_sdk(gateway: Gateway) -> None:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0) as ai:
        made = ai.responses.create(model=MODEL, input="Is it warm?")
        events = list(ai.responses.retrieve(made.id, stream=True))
        assert events[0].type == "response.created" and events[-1].type == "response.completed"
        assert events[-1].response.output_text == made.output_text
        rest = list(ai.responses.retrieve(made.id, stream=True, starting_after=2))
        assert [event.sequence_number for event in rest] == [event.sequence_number for event in events[3:]]
        with ai.responses.stream(response_id=made.id) as stream:
            assert stream.get_final_response().output_text == made.output_text
        short = ai.responses.compact(model=MODEL, previous_response_id=made.id)
        assert [item.type for item in short.output] == ["message", "compaction"] and short.usage.total_tokens > 0
        with pytest.raises(openai.BadRequestError):
            ai.responses.cancel(made.id)
        ai.responses.delete(made.id)
        with pytest.raises(openai.NotFoundError):
            ai.responses.retrieve(made.id)


# -- its input ----------------------------------------------------------------------------


def test_a_page_after_an_item_nobody_knows(sandbox: Gateway) -> None:
    id = ask(sandbox, RESPONSES.body())["id"]
    refused(sandbox.get(f"{PATH}/{id}/input_items?after=msg_nobody"), 400, "after")


def test_items_of_one_id_are_told_apart(sandbox: Gateway) -> None:
    """A client may have sent one item twice; a list whose ids repeat could not be paged."""
    item = {"type": "message", "id": "msg_1", "role": "user", "content": "Hi"}
    id = ask(sandbox, RESPONSES.body() | {"input": [item, item, {"role": "user", "content": "Ho", "id": ""}]})["id"]
    found = sandbox.get(f"{PATH}/{id}/input_items?order=asc").json["data"]
    assert [one["content"][0]["text"] for one in found] == ["Hi", "Hi", "Ho"]
    assert found[0]["id"] == "msg_1" and len({one["id"] for one in found}) == 3 and all(one["id"] for one in found)


# -- named in their place -----------------------------------------------------------------


def reference(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "item_reference", "id": item["id"]}


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def test_items_are_named_in_their_place(gateway: Gateway, stream: bool) -> None:
    """As Vercel's AI SDK does wherever `store` is not false: its history holds names of what was answered."""
    more = RESPONSES.thinking() | RESPONSES.tools("get_weather") | {"model": "gpt-5", "stream": stream}
    first = ask(gateway, RESPONSES.body("Weather?", **more))
    [call] = [item for item in first["output"] if item["type"] == "function_call"]
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "21C"}
    history = [user("Weather?"), *(reference(item) for item in first["output"]), result]
    second = ask(gateway, RESPONSES.body(**more) | {"input": history})
    assert "21C" in RESPONSES.of(second).text
    history += [*(reference(item) for item in second["output"]), user("Thank you.")]
    third = ask(gateway, RESPONSES.body(stream=stream) | {"input": history})
    assert RESPONSES.of(third).text
    if gateway.upstream is None:
        return
    sent = gateway.upstream.last.json
    if gateway.upstream.last.path == PATH:
        assert sent["input"] == history, "its own items are left to the provider"
    else:
        assert "item_reference" not in json.dumps(sent) and "The tool says: 21C" in json.dumps(sent)
    follow = RESPONSES.body("And you?", stream=stream, previous_response_id=third["id"])
    assert "21C" in json.dumps(gateway.get(f"{PATH}/{ask(gateway, follow)['id']}/input_items?limit=100").json)


def test_items_are_their_owners_and_go_with_their_response(gateway: Gateway) -> None:
    first = ask(gateway, RESPONSES.body("My secret is green."))
    body = RESPONSES.body() | {"input": [reference(first["output"][-1]), user("What is it?")]}
    assert gateway.post(PATH, body).status == 200
    refused(gateway.post(PATH, body, key=OTHER_KEY), 400, "input[0]")
    for shape in ({}, {"type": None}, {"role": "user"}, {"content": []}):  # OpenAI takes the type as said
        untyped = RESPONSES.body() | {"input": [{"id": first["output"][-1]["id"], **shape}, user("What is it?")]}
        refused(gateway.post(PATH, untyped, key=OTHER_KEY), 400, "input[0]")
    assert gateway.call("DELETE", f"{PATH}/{first['id']}").status == 200
    refused(gateway.post(PATH, body), 400, "input[0]")


def test_items_of_what_was_not_kept_are_unknown(gateway: Gateway) -> None:
    first = ask(gateway, RESPONSES.body(store=False))
    body = RESPONSES.body() | {"input": [reference(first["output"][-1]), user("Hi")]}
    refused(gateway.post(PATH, body), 400, "input[0]")


@pytest.mark.parametrize("id", [None, 7, "", [], "msg_nobody"])
def test_names_of_nothing(gateway: Gateway, id: Any) -> None:
    body = RESPONSES.body() | {"input": [{"type": "item_reference", "id": id}, user("Hi")]}
    refused(gateway.post(PATH, body), 400, "input[0]")


# -- forgotten ------------------------------------------------------------------------------


def test_what_a_provider_keeps_is_forgotten_there_too(over_responses: Gateway, stream: bool) -> None:
    upstream = over_responses.upstream
    assert upstream is not None
    id = ask(over_responses, RESPONSES.body(stream=stream))["id"]
    assert id in upstream.kept
    assert over_responses.call("DELETE", f"{PATH}/{id}", key=OTHER_KEY).status == 404
    assert id in upstream.kept, "another key's"
    answer = over_responses.call("DELETE", f"{PATH}/{id}")
    assert answer.status == 200 and answer.json == {"id": id, "object": "response", "deleted": True}, answer
    assert id not in upstream.kept
    assert (upstream.last.method, upstream.last.path, upstream.last.raw) == ("DELETE", f"{PATH}/{id}", b"")


def test_what_the_provider_has_forgotten_already_can_be_forgotten(over_responses: Gateway) -> None:
    assert over_responses.upstream is not None
    id = ask(over_responses, RESPONSES.body())["id"]
    del over_responses.upstream.kept[id]
    assert over_responses.call("DELETE", f"{PATH}/{id}").status == 200
    assert over_responses.get(f"{PATH}/{id}").status == 404


def test_a_foreign_provider_is_not_told(over_anthropic: Gateway) -> None:
    assert over_anthropic.upstream is not None
    id = ask(over_anthropic, RESPONSES.body())["id"]
    asked = len(over_anthropic.upstream.journal)
    assert over_anthropic.call("DELETE", f"{PATH}/{id}").status == 200
    assert len(over_anthropic.upstream.journal) == asked


# -- in the background -------------------------------------------------------------------


def test_nothing_is_made_in_the_background(gateway: Gateway, stream: bool) -> None:
    answer = gateway.post(PATH, RESPONSES.body(stream=stream, background=True))
    assert refused(answer, 400, "background") == "background_not_supported"
    assert ask(gateway, RESPONSES.body(stream=stream, background=False))["output"]


def test_nothing_can_be_cancelled(gateway: Gateway) -> None:
    id = ask(gateway, RESPONSES.body())["id"]
    refused(gateway.post(f"{PATH}/{id}/cancel", {}), 400)
    refused(gateway.post(f"{PATH}/resp_nobody/cancel", {}), 404)
    refused(gateway.post(f"{PATH}/{id}/cancel", {}, key=OTHER_KEY), 404)
    assert json.loads(gateway.get(f"{PATH}/{id}").body)["status"] == "completed"
