"""OpenAI Responses from end to end: its clients over every provider, kept responses, and other clients over a provider that
is asked in Responses. It knows the wire formats and nothing of the gateway's code."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from clients import CHAT, CITY, CONTENTS, DATA_URL, MESSAGES, RESPONSES, VENDORS, Chat, Said, front_id, wanted
from gateway import MODEL, OTHER_KEY, Answer, Gateway, checked, provider, server
from upstream import Upstream, anthropic, gemini, openai
from upstream.model import INPUT, OUTPUT, PNG, REASONING
from upstream.responses import SEALED

PATH = RESPONSES.path()
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


def ask(gateway: Gateway, body: dict[str, Any], headers: dict[str, str] | None = None, **rest: Any) -> dict[str, Any]:
    """The response, whole, whose form is checked."""
    answer = gateway.post(PATH, body, headers, **rest)
    assert answer.status == 200, answer
    assert (answer.media_type == "text/event-stream") is bool(body.get("stream")), answer
    return RESPONSES.response(answer)


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def native(gateway: Gateway) -> bool:
    """Whether the provider was asked in Responses."""
    return gateway.upstream is not None and gateway.upstream.last.path == PATH


def sent(gateway: Gateway) -> str:
    assert gateway.upstream is not None
    return gateway.upstream.last.raw.decode()


def calls(response: dict[str, Any]) -> list[dict[str, Any]]:
    return [item for item in response["output"] if item["type"] == "function_call"]


def results(response: dict[str, Any], text: str = "21C") -> list[dict[str, Any]]:
    """What the tools say that a response calls."""
    assert calls(response), response
    return [
        {"type": "function_call_output", "call_id": call["call_id"], "output": f"{text} {call['name']}"}
        for call in calls(response)
    ]


# -- answers -----------------------------------------------------------------------------


def test_text(gateway: Gateway, stream: bool) -> None:
    response = ask(gateway, RESPONSES.body("Is it warm?", stream=stream, instructions="Be brief.", temperature=0.5))
    said = RESPONSES.of(response)
    assert said.text and said.stop == "completed" and said.model == MODEL
    assert [item["type"] for item in response["output"]] == ["message"]
    assert [part["type"] for part in response["output"][0]["content"]] == ["output_text"], "one text in pieces"
    if gateway.upstream is not None:
        assert said.text == "You said: Is it warm? I heard it."
        assert (said.input, said.output) == (INPUT, OUTPUT)
        asked = wanted(gateway.upstream.dialect, gateway.upstream.last)
        assert (asked.system, asked.turns, asked.temperature) == ("Be brief.", [("user", "Is it warm?")], 0.5)
        assert asked.stream is stream


def test_the_answer_repeats_the_request(gateway: Gateway, stream: bool) -> None:
    """Programs read them from the answer: what was asked, and with what."""
    more = {"metadata": {"k": "v"}, "temperature": 0.25, "max_output_tokens": 200, "instructions": "Be brief."}
    response = ask(gateway, RESPONSES.body(stream=stream, **more, **RESPONSES.tools("get_weather")))
    assert {name: response[name] for name in more} == more
    assert [tool["name"] for tool in response["tools"]] == ["get_weather"]
    assert response["tool_choice"] == "auto" and response["previous_response_id"] is None


def test_the_roles_of_a_conversation(relay: Gateway, stream: bool) -> None:
    items = [
        {"role": "developer", "content": "Be kind."},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "One"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Two"}]},
        user("Three"),
    ]
    response = ask(relay, RESPONSES.body(stream=stream) | {"input": items})
    assert RESPONSES.of(response).text == "You said: Three I heard it."
    assert relay.upstream is not None
    asked = wanted(relay.upstream.dialect, relay.upstream.last)
    assert asked.turns == [("user", "One"), ("assistant", "Two"), ("user", "Three")]
    assert "Be kind." in sent(relay)


def test_an_answer_that_was_cut(relay: Gateway, stream: bool) -> None:
    response = ask(relay, RESPONSES.body("One two three four five", stream=stream, max_output_tokens=16))
    if native(relay):
        assert response["status"] == "incomplete" and RESPONSES.of(response).stop == "max_output_tokens"
    assert wanted(relay.upstream.dialect, relay.upstream.last).max_tokens == 16  # type: ignore[union-attr]


def test_an_answer_that_is_forbidden(relay: Gateway, stream: bool) -> None:
    said = RESPONSES.of(ask(relay, RESPONSES.body("Say something forbidden", stream=stream)))
    assert said.stop == "content_filter"


def test_an_answer_that_is_cut_short_by_another_dialect(over_openai: Gateway, stream: bool) -> None:
    """OpenAI's own least limit is 16; others take less, and so does a client."""
    said = RESPONSES.of(ask(over_openai, RESPONSES.body(stream=stream, max_output_tokens=3)))
    assert said.stop == "max_output_tokens" and len(said.text.split()) == 3


@pytest.mark.parametrize("content", ["data", "file"])
def test_media_in(relay: Gateway, content: str, stream: bool) -> None:
    pdf = "data:application/pdf;base64,JVBERi0xLjQKJSVFT0Y="
    part = {
        "data": {"type": "input_image", "image_url": DATA_URL, "detail": "auto"},
        "file": {"type": "input_file", "filename": "a.pdf", "file_data": pdf},
    }[content]
    message = {"role": "user", "content": [{"type": "input_text", "text": "What?"}, part]}
    assert ask(relay, RESPONSES.body(stream=stream) | {"input": [message]})["output"]
    assert {"data": PNG, "file": "JVBERi0xLjQKJSVFT0Y="}[content] in sent(relay)


FORM = {**CITY, "additionalProperties": False}


@pytest.mark.parametrize("strict", [True, False])
def test_structured(gateway: Gateway, stream: bool, strict: bool) -> None:
    form = {"type": "json_schema", "name": "place", "schema": FORM, "strict": strict}
    response = ask(gateway, RESPONSES.body("Where is the tower?", stream=stream) | {"text": {"format": form}})
    found = json.loads(RESPONSES.of(response).text)
    assert set(found) == {"city"} and isinstance(found["city"], str)
    assert response["text"]["format"]["name"] == "place" and response["text"]["format"]["schema"] == FORM


def test_any_json(gateway: Gateway, stream: bool) -> None:
    body = RESPONSES.body("A JSON object, please", stream=stream) | {"text": {"format": {"type": "json_object"}}}
    assert isinstance(json.loads(RESPONSES.of(ask(gateway, body)).text), dict)


# -- tools -------------------------------------------------------------------------------


@pytest.mark.parametrize("names", [("get_weather",), ("get_weather", "get_time")], ids=["one", "two"])
def test_tools_there_and_back(gateway: Gateway, stream: bool, names: tuple[str, ...]) -> None:
    """The client keeps the conversation itself and sends it whole, every item as it came."""
    body = RESPONSES.body("Look at both", stream=stream, store=False, **RESPONSES.tools(*names))
    response = ask(gateway, body)
    called = calls(response)
    if gateway.upstream is not None:
        assert [call["name"] for call in called] == list(names)
    ids = [call["call_id"] for call in called]
    assert len(set(ids)) == len(ids) and all(len(id) <= 64 for id in ids)
    assert all(isinstance(json.loads(call["arguments"]), dict) for call in called)
    again = ask(gateway, body | {"input": [user("Look at both"), *response["output"], *results(response)]})
    text = RESPONSES.of(again).text
    assert not calls(again) and "21C" in text, text
    if gateway.upstream is not None:
        assert all(f"21C {name}" in text for name in names)


@pytest.mark.parametrize(
    "choice",
    [
        "required",
        {"type": "function", "name": "get_time"},
        {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "get_time"}]},
    ],
    ids=["required", "named", "allowed"],
)
def test_a_tool_that_must_be_called(gateway: Gateway, stream: bool, choice: Any) -> None:
    tools = RESPONSES.tools("get_weather", "get_time")
    response = ask(gateway, RESPONSES.body("Hello", stream=stream, tool_choice=choice, **tools))
    [call] = calls(response)
    if choice != "required":
        assert call["name"] == "get_time"
    assert response["tool_choice"] == choice


def test_a_tool_that_must_not_be_called(gateway: Gateway, stream: bool) -> None:
    tools = RESPONSES.tools("get_weather")
    response = ask(gateway, RESPONSES.body("Weather?", stream=stream, tool_choice="none", **tools))
    assert not calls(response) and RESPONSES.of(response).text


def test_words_before_a_call(relay: Gateway, stream: bool) -> None:
    response = ask(relay, RESPONSES.body("Weather? say it first", stream=stream, **RESPONSES.tools("get_weather")))
    assert [item["type"] for item in response["output"]] == ["message", "function_call"]
    assert RESPONSES.of(response).text == "Let me look."


def test_an_image_as_a_tools_result(relay: Gateway, stream: bool) -> None:
    body = RESPONSES.body("Look", stream=stream, **RESPONSES.tools("get_weather"))
    response = ask(relay, body)
    [result] = results(response)
    result["output"] = [{"type": "input_text", "text": "see"}, {"type": "input_image", "image_url": DATA_URL}]
    assert ask(relay, body | {"input": [user("Look"), *response["output"], result]})["output"]
    assert PNG in sent(relay)


def test_a_result_of_a_call_nobody_made(gateway: Gateway) -> None:
    """Refused by whoever it is that minds; never an error of the gateway's own."""
    result = {"type": "function_call_output", "call_id": "call_nobody", "output": "21C"}
    answer = gateway.post(PATH, RESPONSES.body() | {"input": [user("Hi"), result]})
    if gateway.upstream is None or answer.status == 200:
        assert answer.status == 200 and RESPONSES.read(answer).text, answer
    else:
        assert answer.status == 400 and RESPONSES.error(answer)[0] == "invalid_request_error", answer


# -- reasoning ---------------------------------------------------------------------------

SIGNED = {"anthropic": anthropic.SIGNATURE, "gemini": gemini.SIGNATURE}


def signature_of(gateway: Gateway) -> str | None:
    """What a provider signs its thoughts with; None where it does not."""
    if gateway.upstream is None:
        return None
    return SEALED if native(gateway) else SIGNED.get(gateway.upstream.dialect)


def test_reasoning_is_told_from_text(gateway: Gateway, stream: bool) -> None:
    response = ask(gateway, RESPONSES.body(model="gpt-5", stream=stream) | RESPONSES.thinking())
    said = RESPONSES.of(response)
    assert said.reasoning and said.text and said.reasoning not in said.text
    assert [item["type"] for item in response["output"]] == ["reasoning", "message"]
    assert gateway.upstream is None or said.reasoning == REASONING


@pytest.mark.parametrize("keeping", [False, True], ids=["resent", "gone on from"])
def test_reasoning_goes_back_to_who_signed_it(relay: Gateway, stream: bool, keeping: bool) -> None:
    """cases.md 1: a turn that thought and called a tool is refused by its provider without the signature."""
    more = RESPONSES.thinking() | RESPONSES.tools("get_weather")
    body = RESPONSES.body("Weather?", model="gpt-5", stream=stream, store=keeping) | more
    response = ask(relay, body)
    if relay.upstream is not None and relay.upstream.dialect != "gemini" and signature_of(relay):
        assert all(item["encrypted_content"] for item in response["output"] if item["type"] == "reasoning")
    if keeping:
        follow = {"previous_response_id": response["id"], "input": results(response)}
    else:
        follow = {"input": [user("Weather?"), *response["output"], *results(response)]}
    again = ask(relay, body | follow)
    assert "21C" in RESPONSES.of(again).text
    if (signature := signature_of(relay)) is not None and not (native(relay) and keeping):
        assert signature in sent(relay), "the signature is lost"
    if not native(relay):
        assert "dragoman:" not in sent(relay), "our own seal was shown to a provider"


@pytest.mark.parametrize(("home", "abroad"), [(a, b) for a in RELAYS for b in RELAYS if a != b])
def test_thoughts_of_another_provider_are_left_out(
    request: pytest.FixtureRequest, home: str, abroad: str, stream: bool
) -> None:
    """A conversation that moves from one provider to the next: a signature is worth something to its issuer only."""
    there: Gateway = request.getfixturevalue(home)
    relay: Gateway = request.getfixturevalue(abroad)
    body = RESPONSES.body("Weather?", model="gpt-5", stream=stream, store=False)
    body |= RESPONSES.thinking() | RESPONSES.tools("get_weather")
    response = ask(there, body)
    again = ask(relay, body | {"input": [user("Weather?"), *response["output"], *results(response)]})
    assert "21C" in RESPONSES.of(again).text
    assert "dragoman:" not in sent(relay)
    foreign = signature_of(there)
    assert foreign is None or foreign not in sent(relay)


# -- going on from kept responses ----------------------------------------------------------------


def follow(gateway: Gateway, before: dict[str, Any], input: Any, stream: bool, **more: Any) -> dict[str, Any]:
    body = RESPONSES.body(stream=stream, previous_response_id=before["id"], **more) | {"input": input}
    response = ask(gateway, body)
    assert response["previous_response_id"] == before["id"]
    assert response["id"] != before["id"]
    return response


def test_two_turns_back(gateway: Gateway, stream: bool) -> None:
    first = ask(gateway, RESPONSES.body("I am Ann.", stream=stream, instructions="Be a bird."))
    second = follow(gateway, first, "And you?", stream)
    third = follow(gateway, second, [user("Who am I?")], stream)
    if gateway.upstream is None:
        assert "5 messages" in RESPONSES.of(third).text
        return
    if native(gateway):
        assert gateway.upstream.last.json["previous_response_id"] == second["id"]
        assert "Ann" not in sent(gateway), "the provider has it already"
        return
    heard = "You said: {} I heard it."
    assert wanted(gateway.upstream.dialect, gateway.upstream.last).turns == [
        ("user", "I am Ann."),
        ("assistant", heard.format("I am Ann.")),
        ("user", "And you?"),
        ("assistant", heard.format("And you?")),
        ("user", "Who am I?"),
    ]
    assert "Be a bird." not in sent(gateway), "instructions are those of the new request only"


def test_two_ways_on_from_one_response(relay: Gateway, stream: bool) -> None:
    first = ask(relay, RESPONSES.body("One", stream=stream))
    follow(relay, first, "Left", stream)
    follow(relay, first, "Right", stream)
    assert "Left" not in sent(relay)


@pytest.mark.parametrize("names", [("get_weather",), ("get_weather", "get_time")], ids=["one", "two"])
def test_across_a_tools_call(gateway: Gateway, stream: bool, names: tuple[str, ...]) -> None:
    more = RESPONSES.tools(*names)
    first = ask(gateway, RESPONSES.body("Look at both", stream=stream, **more))
    second = follow(gateway, first, results(first), stream, **more)
    assert "21C" in RESPONSES.of(second).text
    third = follow(gateway, second, "Thank you.", stream)
    assert RESPONSES.of(third).text and not calls(third)
    if gateway.upstream is not None and not native(gateway):
        assert all(f"21C {name}" in sent(gateway) for name in names), "the tools' results are forgotten"
        assert "Thank you." in RESPONSES.of(third).text


def test_nothing_is_lost_by_going_on(relay: Gateway) -> None:
    first = ask(relay, RESPONSES.body("One"))
    strict = {"x-dragoman-strict": "true"}
    assert ask(relay, RESPONSES.body("Two", previous_response_id=first["id"]), strict)["output"]


def test_going_on_with_another_model(gateway: Gateway, stream: bool) -> None:
    first = ask(gateway, RESPONSES.body("One", model="gpt-5", stream=stream))
    assert follow(gateway, first, "Two", stream, model="gpt-4o-mini")["model"] == "gpt-4o-mini"


@pytest.mark.parametrize("kept", [True, None, False])
def test_what_is_kept(gateway: Gateway, stream: bool, kept: bool | None) -> None:
    """All is kept but what was asked not to be, and it is what was answered."""
    body = RESPONSES.body("One", stream=stream) | ({} if kept is None else {"store": kept})
    response = ask(gateway, body)
    assert response["store"] is (kept is not False)
    found = gateway.get(f"{PATH}/{response['id']}")
    if kept is False:
        assert found.status == 404, found
        RESPONSES.error(found)
        answer = gateway.post(PATH, RESPONSES.body("Two", previous_response_id=response["id"]))
        check_unknown(answer, response["id"])
        return
    assert found.status == 200, found
    assert found.json == response


def check_unknown(answer: Answer, id: str) -> None:
    assert answer.status == 400 and answer.media_type == "application/json", answer
    error = answer.json["error"]
    assert (error["type"], error["code"]) == ("invalid_request_error", "previous_response_not_found")
    assert error["param"] == "previous_response_id" and id in error["message"]


@pytest.mark.parametrize("id", ["resp_nobody", "resp_" + "0" * 32])
def test_an_unknown_response(gateway: Gateway, stream: bool, id: str) -> None:
    check_unknown(gateway.post(PATH, RESPONSES.body(stream=stream, previous_response_id=id)), id)
    assert gateway.get(f"{PATH}/{id}").status == 404


@pytest.mark.parametrize("id", [7, ["resp_1"], {"id": "resp_1"}, True, ""])
def test_an_id_that_is_none(gateway: Gateway, id: Any) -> None:
    answer = gateway.post(PATH, RESPONSES.body(previous_response_id=id))
    assert answer.status == 400, answer
    assert RESPONSES.error(answer)[0] == "invalid_request_error"
    assert answer.json["error"]["param"] == "previous_response_id"


def test_a_response_is_its_owners(gateway: Gateway) -> None:
    response = ask(gateway, RESPONSES.body("My secret is green."))
    id = response["id"]
    for method, path in (("GET", ""), ("GET", "/input_items"), ("DELETE", "")):
        answer = gateway.call(method, f"{PATH}/{id}{path}", key=OTHER_KEY)
        assert answer.status == 404, answer
        RESPONSES.error(answer)
    check_unknown(gateway.post(PATH, RESPONSES.body("What is it?", previous_response_id=id), key=OTHER_KEY), id)
    assert gateway.get(f"{PATH}/{id}").status == 200


def test_a_response_is_deleted(gateway: Gateway, stream: bool) -> None:
    id = ask(gateway, RESPONSES.body(stream=stream))["id"]
    answer = gateway.call("DELETE", f"{PATH}/{id}")
    assert answer.status == 200 and answer.json["id"] == id and answer.json["deleted"] is True, answer
    assert gateway.get(f"{PATH}/{id}").status == 404
    assert gateway.get(f"{PATH}/{id}/input_items").status == 404
    assert gateway.call("DELETE", f"{PATH}/{id}").status == 404
    check_unknown(gateway.post(PATH, RESPONSES.body("Two", previous_response_id=id)), id)


def test_what_led_to_a_response(gateway: Gateway, stream: bool) -> None:
    first = ask(gateway, RESPONSES.body("One", stream=stream))
    body = RESPONSES.body(stream=stream, previous_response_id=first["id"])
    second = ask(gateway, body | {"input": [user("Two"), user("Three")]})
    found = gateway.get(f"{PATH}/{second['id']}/input_items")
    assert found.status == 200 and found.json["object"] == "list", found
    items = found.json["data"]
    assert len({item["id"] for item in items}) == 4 and all(item["type"] == "message" for item in items)
    texts = [part["text"] for item in items for part in item["content"]]
    assert texts == ["Three", "Two", RESPONSES.of(first).text, "One"], "newest first"
    assert (found.json["first_id"], found.json["last_id"]) == (items[0]["id"], items[-1]["id"])
    assert found.json["has_more"] is False
    assert gateway.get(f"{PATH}/{second['id']}/input_items").json == found.json, "ids that change are none"


def test_what_led_to_a_response_page_by_page(sandbox: Gateway) -> None:
    items = [user(word) for word in ("One", "Two", "Three")]
    path = f"{PATH}/{ask(sandbox, RESPONSES.body() | {'input': items})['id']}/input_items"

    def texts(query: str) -> tuple[list[str], bool]:
        found = sandbox.get(f"{path}?{query}").json
        return [item["content"][0]["text"] for item in found["data"]], found["has_more"]

    assert texts("order=asc") == (["One", "Two", "Three"], False)
    assert texts("order=desc&limit=2") == (["Three", "Two"], True)
    last = sandbox.get(f"{path}?limit=2").json["last_id"]
    assert texts(f"limit=2&after={last}") == (["One"], False)


def test_a_stream_that_broke_off_is_not_kept(relay: Gateway) -> None:
    answer = relay.post(PATH, RESPONSES.body(model="ends", stream=True))
    id = answer.events[0].json["response"]["id"]
    assert relay.get(f"{PATH}/{id}").status == 404
    check_unknown(relay.post(PATH, RESPONSES.body("Two", model="gpt-5", previous_response_id=id)), id)


# -- counting ------------------------------------------------------------------------------


def test_counting_tokens(gateway: Gateway) -> None:
    body = RESPONSES.body("Hello, how are you?", instructions="Be brief.", **RESPONSES.tools("get_weather"))
    answer = gateway.post(f"{PATH}/input_tokens", body)
    assert answer.status == 200, answer
    assert answer.json["object"] == "response.input_tokens"
    assert type(answer.json["input_tokens"]) is int and answer.json["input_tokens"] > 0
    longer = gateway.post(f"{PATH}/input_tokens", body | {"input": "Hello, how are you? " * 50})
    if "x-dragoman-token-count" in answer.headers:
        assert longer.json["input_tokens"] > answer.json["input_tokens"] + 100
    else:
        assert answer.json["input_tokens"] == INPUT, "the provider's own count"
    counting = gateway.upstream is not None and not gateway.config.count('api = "chat"')  # type: ignore[union-attr]
    assert ("x-dragoman-token-count" not in answer.headers) == counting


def test_counting_what_goes_on(gateway: Gateway) -> None:
    """What a response goes on from is paid for too."""
    first = ask(gateway, RESPONSES.body("Hello, how are you? " * 50))
    answer = gateway.post(f"{PATH}/input_tokens", RESPONSES.body("Two", previous_response_id=first["id"]))
    assert answer.status == 200, answer
    if "x-dragoman-token-count" in answer.headers:
        assert answer.json["input_tokens"] > 200
    unknown = gateway.post(f"{PATH}/input_tokens", RESPONSES.body("Two", previous_response_id="resp_nobody"))
    check_unknown(unknown, "resp_nobody")


@pytest.mark.parametrize("body", [{}, {"input": "Hi"}, {"model": MODEL, "input": 7}])
def test_counting_nothing(gateway: Gateway, body: dict[str, Any]) -> None:
    answer = gateway.post(f"{PATH}/input_tokens", body)
    assert answer.status == 400, answer
    RESPONSES.error(answer)


# -- errors --------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 429, 500, 503, 529])
def test_a_providers_error(relay: Gateway, stream: bool, status: int) -> None:
    model = f"error-{status}"
    answer = relay.post(PATH, RESPONSES.body(model=model, stream=stream))
    assert answer.status in {401: {502, 503}, 403: {502, 503}, 529: {529, 503}}.get(status, {status}), answer
    assert relay.upstream is not None
    body = {"openai": openai, "anthropic": anthropic, "gemini": gemini}[relay.upstream.dialect].ERRORS[status, ""][1]
    assert str(body["error"]["message"]).strip() in RESPONSES.error(answer)[2]
    if status == 429:
        assert answer.headers["retry-after"] == "7"


def test_a_context_that_is_too_long(relay: Gateway, stream: bool) -> None:
    answer = relay.post(PATH, RESPONSES.body(model="error-400-context", stream=stream))
    assert answer.status == 400 and RESPONSES.error(answer)[1] == "context_length_exceeded", answer


@pytest.mark.parametrize("model", ["html-502", "html-200", "empty-200", "empty-503", "cut"])
def test_an_answer_that_is_none(relay: Gateway, model: str) -> None:
    answer = relay.post(PATH, RESPONSES.body(model=model))
    assert answer.status in (502, 503), answer
    assert "<html" not in RESPONSES.error(answer)[2]


@pytest.mark.parametrize("model", ["midstream-error", "cut", "ends"])
def test_a_stream_that_breaks_off(relay: Gateway, model: str) -> None:
    answer = relay.post(PATH, RESPONSES.body(model=model, stream=True))
    assert answer.status == 200 and len(answer.events) > 4, answer
    message = RESPONSES.broken(answer.events)
    assert message and answer.events[0].json["response"]["model"] == model
    assert {event.json["response"]["model"] for event in answer.events if "response" in event.json} == {model}


def test_a_stream_of_the_sandbox_that_breaks_off(sandbox: Gateway) -> None:
    answer = sandbox.post(PATH, RESPONSES.body(model="sandbox/cut", stream=True))
    assert answer.status == 200, answer
    RESPONSES.broken(answer.events)


def test_an_error_before_the_first_word_is_a_status(relay: Gateway) -> None:
    answer = relay.post(PATH, RESPONSES.body(model="error-first", stream=True))
    assert answer.status >= 500, answer
    RESPONSES.error(answer)


BAD: tuple[tuple[dict[str, Any], str], ...] = (
    ({"model": None}, "model"),
    ({"model": 7}, "model"),
    ({"stream": "yes"}, "stream"),
    ({"input": 7}, "input"),
    ({"input": [7]}, "input[0]"),
    ({"input": [{"role": "nobody", "content": "x"}]}, "input[0]"),
    ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "input[0].content[0]"),
    ({"input": [{"type": "function_call", "call_id": "c"}]}, "input[0]"),
    ({"tools": [{"type": "function"}]}, "tools[0]"),
    ({"tools": 7}, "tools"),
    ({"temperature": "warm"}, "temperature"),
    ({"max_output_tokens": "many"}, "max_output_tokens"),
    ({"reasoning": "much"}, "reasoning"),
    ({"text": {"format": {"type": "json_schema"}}}, "text.format"),
)


@pytest.mark.parametrize(("change", "path"), BAD, ids=lambda value: json.dumps(value)[:60])
@pytest.mark.parametrize("name", ["sandbox", "over_anthropic", "over_openai", "over_gemini"])
def test_a_bad_request(request: pytest.FixtureRequest, name: str, change: dict[str, Any], path: str) -> None:
    gateway: Gateway = request.getfixturevalue(name)
    answer = gateway.post(PATH, RESPONSES.body() | change)
    assert answer.status == 400, answer
    type_, _, message = RESPONSES.error(answer)
    assert type_ == "invalid_request_error" and path in message


@pytest.mark.parametrize("name", NATIVE)
@pytest.mark.parametrize(("change", "path"), BAD, ids=lambda value: json.dumps(value)[:60])
def test_a_bad_request_that_passes(
    request: pytest.FixtureRequest, name: str, change: dict[str, Any], path: str
) -> None:
    """Where the provider speaks Responses itself, it may be the one who refuses."""
    answer = request.getfixturevalue(name).post(PATH, RESPONSES.body() | change)
    assert answer.status == 400, answer
    RESPONSES.error(answer)


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b"null"])
def test_a_body_that_is_none(gateway: Gateway, raw: bytes) -> None:
    answer = gateway.call("POST", PATH, body=raw)
    assert answer.status == 400, answer
    RESPONSES.error(answer)


@pytest.mark.parametrize(("method", "path"), [("POST", ""), ("POST", "/input_tokens"), ("GET", "/resp_1")])
def test_a_wrong_key(gateway: Gateway, method: str, path: str) -> None:
    for key in ("sk-wrong", None):
        answer = gateway.call(method, PATH + path, RESPONSES.body() if method == "POST" else None, key=key)
        assert answer.status == 401, answer
        RESPONSES.error(answer)


@pytest.mark.parametrize("path", [PATH, f"{PATH}/input_tokens"])
def test_a_method_that_is_not_served(sandbox: Gateway, path: str) -> None:
    answer = sandbox.call("PUT", path, RESPONSES.body())
    assert answer.status == 405, answer
    RESPONSES.error(answer)


FOREIGN: dict[str, dict[str, Any]] = {
    "prompt": {"prompt": {"id": "pmpt_1"}},
    "reference": {"input": [{"role": "user", "content": "Hi"}, {"type": "item_reference", "id": "msg_1"}]},
    "search": {"tools": [{"type": "file_search", "vector_store_ids": ["vs_1"]}]},
    "file": {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "file-1"}]}]},
}


@pytest.mark.parametrize("case", FOREIGN)
@pytest.mark.parametrize("name", ["over_openai", "over_anthropic", "over_gemini"])
def test_what_only_openai_has_is_not_passed_over(request: pytest.FixtureRequest, name: str, case: str) -> None:
    """Without it the answer would be another one."""
    answer = request.getfixturevalue(name).post(PATH, RESPONSES.body() | FOREIGN[case])
    assert answer.status == 400, answer
    assert RESPONSES.error(answer)[0] == "invalid_request_error"


@pytest.mark.parametrize(
    ("name", "told"), [("over_openai", "service_tier"), ("over_anthropic", ""), ("over_gemini", "serviceTier")]
)
def test_what_changes_no_word_is_told_or_reported(request: pytest.FixtureRequest, name: str, told: str) -> None:
    gateway: Gateway = request.getfixturevalue(name)
    answer = gateway.post(PATH, RESPONSES.body(service_tier="flex"))
    assert RESPONSES.response(answer)["status"] == "completed"
    assert gateway.upstream is not None
    if told:
        assert gateway.upstream.last.json[told] == "flex"
    else:
        assert "service_tier" in {loss.split()[0] for loss in answer.headers["x-dragoman-lost"].split(", ")}


# -- the same under other paths ----------------------------------------------------------------


def test_under_the_alias(gateway: Gateway, stream: bool) -> None:
    answer = gateway.post(f"/api{PATH}", RESPONSES.body("One", stream=stream))
    assert answer.status == 200, answer
    first = RESPONSES.response(answer)
    assert gateway.get(f"/api{PATH}/{first['id']}").json == first
    assert gateway.get(f"/api{PATH}/{first['id']}/input_items").json["data"]
    again = gateway.post(f"/api{PATH}", RESPONSES.body("Two", stream=stream, previous_response_id=first["id"]))
    assert RESPONSES.read(again).text
    assert gateway.post(f"/api{PATH}/input_tokens", RESPONSES.body()).json["input_tokens"] > 0
    assert gateway.call("DELETE", f"/api{PATH}/{first['id']}").status == 200
    wrong = gateway.post(f"/api{PATH}", {"model": MODEL, "input": 7})
    assert wrong.status == 400 and RESPONSES.error(wrong)


# -- passing through -----------------------------------------------------------------------------

ODD = '{"ratio": 1.50, "big": 12345678901234567890, "zeta": "\\u00e9\\/", "alpha": [1.0, {"deep": -0.0}]}'
RICH: dict[str, Any] = {
    "x_new": "@odd@",
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "Weather?", "x_new": "@odd@"}], "x_new": "@odd@"},
        {"type": "function_call", "call_id": "c1", "name": "get_weather", "arguments": '{"city" : "Paris"}'},
        {"type": "function_call_output", "call_id": "c1", "output": "21C", "x_new": "@odd@"},
        {"role": "user", "content": "And now?"},
    ],
    "tools": [{"type": "function", "name": "get_weather", "parameters": CITY, "strict": False, "x_new": "@odd@"}],
    "temperature": 1,
    "model": "gpt-5",
    "reasoning": {"effort": "low", "summary": "auto", "x_new": "@odd@"},
    "text": {"format": {"type": "text", "x_new": "@odd@"}, "verbosity": "low"},
    "metadata": {"k": "v"},
    "top_p": 1.0,
}


def tokens(text: str | bytes) -> Any:
    """JSON with key order and number spelling kept."""
    return json.loads(text, object_pairs_hook=list, parse_float=str, parse_int=str)


def renamed(value: Any, model: str) -> Any:
    if isinstance(value, list):
        return [renamed(inner, model) for inner in value]
    if isinstance(value, tuple):
        named = value[0] == "model" and isinstance(value[1], str)
        return (value[0], model if named else renamed(value[1], model))
    return value


@pytest.fixture(params=NATIVE)
def passing(request: pytest.FixtureRequest) -> Gateway:
    found: Gateway = request.getfixturevalue(request.param)
    return found


def test_a_request_passes_as_it_is(passing: Gateway, stream: bool) -> None:
    text = json.dumps(RICH | ({"stream": True} if stream else {})).replace('"@odd@"', ODD)
    answer = passing.call("POST", PATH, body=text.encode())
    assert answer.status == 200, answer
    assert passing.upstream is not None and passing.upstream.last.path == PATH
    assert sent(passing) == text


def test_an_answer_passes_as_it_is(passing: Gateway) -> None:
    answer = passing.post(PATH, RICH | {"x_new": 1, "model": "gpt-5"})
    assert answer.status == 200 and passing.upstream is not None, answer
    [told] = passing.upstream.last.sent
    assert tokens(answer.body) == renamed(tokens(told), "gpt-5") != tokens(told)
    assert answer.body.count(b"1.50") == told.count(b"1.50") > 3


def test_a_stream_passes_as_it_is(passing: Gateway) -> None:
    answer = passing.post(PATH, RICH | {"stream": True})
    assert answer.status == 200 and passing.upstream is not None, answer
    frames = [frame.decode().strip().split("\ndata: ", 1) for frame in passing.upstream.last.sent]
    assert [event.name for event in answer.events] == [head.removeprefix("event: ") for head, _ in frames]
    for event, (_, told) in zip(answer.events, frames, strict=True):
        assert tokens(event.data) == renamed(tokens(told), "gpt-5")
        assert event.data.count("1.50") == told.count("1.50") > 0


def test_an_item_is_its_owners(passing: Gateway, stream: bool) -> None:
    """A provider knows all clients by one key: what it keeps of one may not be called up by another."""
    item = ask(passing, RESPONSES.body("My secret is green.", stream=stream))["output"][0]
    body = RESPONSES.body() | {"input": [{"type": "item_reference", "id": item["id"]}, user("What is it?")]}
    foreign = passing.post(PATH, body, key=OTHER_KEY)
    assert foreign.status in (400, 404), foreign
    RESPONSES.error(foreign)


def test_a_kept_answer_is_the_providers_own(passing: Gateway, stream: bool) -> None:
    response = ask(passing, RICH | {"stream": stream})
    kept = passing.get(f"{PATH}/{response['id']}")
    assert kept.json == response and kept.json["x_upstream"]["deep"] == {"zeta": 1, "alpha": 2}
    assert kept.json["model"] == "gpt-5", "the name the client knows"


@pytest.mark.parametrize("case", ["400", "404", "429", "500"])
def test_an_error_passes_as_it_is(passing: Gateway, stream: bool, case: str) -> None:
    answer = passing.post(PATH, RESPONSES.body(model=f"error-{case}", stream=stream))
    assert (answer.status, answer.json) == (int(case), openai.ERRORS[int(case), ""][1])


def test_tools_of_the_providers_own_pass(passing: Gateway) -> None:
    """What the gateway knows nothing of is the provider's to refuse."""
    answer = passing.post(PATH, RESPONSES.body(tools=[{"type": "hammer", "weight": 7}]))
    assert answer.status == 400 and "hammer" in RESPONSES.error(answer)[2], answer


# -- other clients over a provider that is asked in Responses --------------------------------------


def told(gateway: Gateway, front: Chat, body: dict[str, Any], stream: bool, model: str = MODEL) -> Said:
    answer = gateway.post(front.path(model, stream), body, front.headers)
    assert answer.status == 200, answer
    return front.read(answer)


@pytest.mark.parametrize("front", VENDORS, ids=front_id)
def test_others_text(over_responses: Gateway, front: Chat, stream: bool) -> None:
    said = told(over_responses, front, front.body("Is it warm?", stream=stream), stream)
    assert said.text == "You said: Is it warm? I heard it." and said.stop == front.stops["stop"]
    assert said.model == MODEL
    asked = over_responses.upstream.last  # type: ignore[union-attr]
    assert asked.path == PATH and asked.json["store"] is False, "nobody asked that it be kept"
    if not (front is CHAT and stream):
        assert (said.input, said.output) == (INPUT, OUTPUT)


@pytest.mark.parametrize("thinking", [False, True])
@pytest.mark.parametrize("front", VENDORS, ids=front_id)
def test_others_tools(over_responses: Gateway, front: Chat, stream: bool, thinking: bool) -> None:
    more = front.tools("get_weather", "get_time") | (front.thinking() if thinking else {})
    body = front.body("Look at both", model="gpt-5", stream=stream) | more
    said = told(over_responses, front, body, stream, "gpt-5")
    assert said.calls == [("get_weather", {"city": "Paris"}), ("get_time", {"zone": "some zone"})]
    assert said.stop == front.stops["tool_calls"]
    assert said.reasoning == (REASONING if thinking else "")


HISTORY: dict[str, dict[str, Any]] = {
    "openai.chat": {
        "messages": [
            {"role": "user", "content": "Weather?"},
            {
                "role": "assistant",
                "content": "Let me look.",
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "call_1", "content": "21C"},
        ]
    },
    "anthropic": {
        "messages": [
            {"role": "user", "content": "Weather?"},
            {
                "role": "assistant",
                "content": [
                    {"type": "text", "text": "Let me look."},
                    {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Paris"}},
                ],
            },
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "21C"}]},
        ]
    },
    "gemini": {
        "contents": [
            {"role": "user", "parts": [{"text": "Weather?"}]},
            {
                "role": "model",
                "parts": [
                    {"text": "Let me look."},
                    {"functionCall": {"name": "get_weather", "args": {"city": "Paris"}}},
                ],
            },
            {"role": "user", "parts": [{"functionResponse": {"name": "get_weather", "response": {"result": "21C"}}}]},
        ]
    },
}


@pytest.mark.parametrize("front", VENDORS, ids=front_id)
def test_others_history(over_responses: Gateway, front: Chat, stream: bool) -> None:
    body = front.body(stream=stream) | HISTORY[front.name] | front.tools("get_weather")
    said = told(over_responses, front, body, stream)
    assert said.text.startswith("The tool says: ") and "21C" in said.text
    kinds = [item["type"] for item in over_responses.upstream.last.json["input"]]  # type: ignore[union-attr]
    assert kinds == ["message", "message", "function_call", "function_call_output"]


IMAGE: dict[str, dict[str, Any]] = {
    "openai.chat": {
        "messages": [
            {
                "role": "user",
                "content": [{"type": "text", "text": "What?"}, {"type": "image_url", "image_url": {"url": DATA_URL}}],
            }
        ]
    },
    "anthropic": {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What?"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
                ],
            }
        ]
    },
    "gemini": {
        "contents": [
            {"role": "user", "parts": [{"text": "What?"}, {"inlineData": {"mimeType": "image/png", "data": PNG}}]}
        ]
    },
}


@pytest.mark.parametrize("front", VENDORS, ids=front_id)
def test_others_images(over_responses: Gateway, front: Chat, stream: bool) -> None:
    assert told(over_responses, front, front.body(stream=stream) | IMAGE[front.name], stream).text
    assert PNG in sent(over_responses)


FORMED: dict[str, dict[str, Any]] = {
    "openai.chat": {
        "response_format": {"type": "json_schema", "json_schema": {"name": "place", "schema": FORM, "strict": True}}
    },
    "anthropic": {"output_config": {"format": {"type": "json_schema", "schema": FORM}}},
    "gemini": {"generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": FORM}},
}


@pytest.mark.parametrize("front", VENDORS, ids=front_id)
def test_others_structured(over_responses: Gateway, front: Chat, stream: bool) -> None:
    said = told(over_responses, front, front.body(stream=stream) | FORMED[front.name], stream)
    assert json.loads(said.text) == {"city": "Paris"}
    assert over_responses.upstream.last.json["text"]["format"]["type"] == "json_schema"  # type: ignore[union-attr]


def test_a_thought_comes_home_through_another_dialect(over_responses: Gateway, stream: bool) -> None:
    """An Anthropic client gives thoughts back as they came, and what OpenAI sealed goes to OpenAI again."""
    more = MESSAGES.thinking() | MESSAGES.tools("get_weather")
    answer = over_responses.post(MESSAGES.path(), MESSAGES.body("Weather?", model="gpt-5") | more, MESSAGES.headers)
    assert answer.status == 200, answer
    blocks = answer.json["content"]
    assert [block["type"] for block in blocks] == ["thinking", "tool_use"]
    result = {"type": "tool_result", "tool_use_id": blocks[1]["id"], "content": "21C"}
    turns = [user("Weather?"), {"role": "assistant", "content": blocks}, {"role": "user", "content": [result]}]
    body = MESSAGES.body(model="gpt-5", stream=stream) | more | {"messages": turns}
    assert "21C" in told(over_responses, MESSAGES, body, stream).text
    assert SEALED in sent(over_responses)


def test_a_thought_comes_home_that_a_dialect_cannot_carry(over_responses: Gateway, stream: bool) -> None:
    """Chat has no place for it: the gateway recalls it by the call's id."""
    more = {"reasoning_effort": "low"} | CHAT.tools("get_weather")
    answer = over_responses.post(CHAT.path(), CHAT.body("Weather?", model="gpt-5") | more)
    assert answer.status == 200, answer
    message = answer.json["choices"][0]["message"]
    [call] = message["tool_calls"]
    result = {"role": "tool", "tool_call_id": call["id"], "content": "21C"}
    body = CHAT.body(model="gpt-5", stream=stream) | more | {"messages": [user("Weather?"), message, result]}
    assert "21C" in told(over_responses, CHAT, body, stream).text
    assert SEALED in sent(over_responses)


@pytest.mark.parametrize("status", [400, 404, 413, 429, 500])
@pytest.mark.parametrize("front", VENDORS, ids=front_id)
def test_others_errors(over_responses: Gateway, front: Chat, stream: bool, status: int) -> None:
    model = f"error-{status}"
    answer = over_responses.post(front.path(model, stream), front.body(model=model, stream=stream), front.headers)
    assert answer.status == status, answer
    assert openai.ERRORS[status, ""][1]["error"]["message"] in front.error(answer)[2]


@pytest.mark.parametrize("model", ["midstream-error", "cut", "ends"])
@pytest.mark.parametrize("front", VENDORS, ids=front_id)
def test_others_streams_that_break_off(over_responses: Gateway, front: Chat, model: str) -> None:
    answer = over_responses.post(front.path(model, True), front.body(model=model, stream=True), front.headers)
    assert answer.status == 200 and len(answer.events) > 2, answer
    front.broken(answer.events)


@pytest.mark.parametrize("front", VENDORS, ids=front_id)
def test_others_an_error_before_the_first_word(over_responses: Gateway, front: Chat) -> None:
    body = front.body(model="error-first", stream=True)
    answer = over_responses.post(front.path("error-first", True), body, front.headers)
    assert answer.status >= 500, answer
    front.error(answer)


@pytest.mark.parametrize("front", VENDORS, ids=front_id)
def test_others_forbidden(over_responses: Gateway, front: Chat, stream: bool) -> None:
    said = told(over_responses, front, front.body("Say something forbidden", stream=stream), stream)
    assert said.stop == front.stops["content_filter"]


# -- a provider that has both ------------------------------------------------------------------------


@pytest.mark.parametrize("thinking", [False, True], ids=["plain", "thinking"])
@pytest.mark.parametrize("front", [*VENDORS, RESPONSES], ids=front_id)
def test_a_provider_that_has_both(over_auto: Gateway, front: Chat, stream: bool, thinking: bool) -> None:
    """Each client in its own of the two; another's in Responses where it wants thoughts, which chat does not show."""
    body = front.body(model="gpt-5", stream=stream) | (front.thinking() if thinking else {})
    assert told(over_auto, front, body, stream, "gpt-5").text
    other = front is RESPONSES or (thinking and front is not CHAT)
    assert over_auto.upstream is not None
    assert over_auto.upstream.last.path == (PATH if other else CHAT.path())


def test_thinking_that_is_turned_off_is_none(over_auto: Gateway) -> None:
    assert over_auto.upstream is not None
    told(over_auto, MESSAGES, MESSAGES.body(thinking={"type": "disabled"}), False)
    assert over_auto.upstream.last.path == CHAT.path()
    config = {"generationConfig": {"thinkingConfig": {"thinkingBudget": 0}}}
    told(over_auto, CONTENTS, CONTENTS.body() | config, False)
    assert over_auto.upstream.last.path == CHAT.path()


def test_a_chat_client_passes_through(over_auto: Gateway) -> None:
    text = json.dumps(CHAT.body() | {"x_new": 1, "reasoning_effort": "low", "top_p": 1.0})
    answer = over_auto.call("POST", CHAT.path(), body=text.encode())
    assert answer.status == 200 and sent(over_auto) == text, answer


def test_going_on_where_the_provider_keeps_it_too(over_auto: Gateway, stream: bool) -> None:
    first = ask(over_auto, RESPONSES.body("One", stream=stream))
    second = follow(over_auto, first, "Two", stream)
    assert over_auto.upstream is not None
    assert over_auto.upstream.last.json["previous_response_id"] == first["id"]
    assert RESPONSES.of(second).text == "You said: Two I heard it."


# -- a conversation that moves --------------------------------------------------------------------------

HOMES = ("anthropic/claude-sonnet-4-5", "google/gemini-2.5-flash", "native/gpt-5", "chat/gpt-5", "sandbox/any")
KINDS = {"anthropic": "anthropic", "google": "gemini", "native": "openai", "chat": "openai"}


@pytest.fixture(scope="module")
def moving() -> Iterator[tuple[Gateway, dict[str, Upstream]]]:
    """One gateway before all of them: OpenAI twice, asked in Responses and in chat."""
    with ExitStack() as stack:
        ups = {name: stack.enter_context(Upstream(kind)) for name, kind in KINDS.items()}
        more = {"native": ['api = "responses"']}
        tables = [provider(kind, ups[name].url, name, *more.get(name, [])) for name, kind in KINDS.items()]
        config = "\n".join([server(), *tables, "[providers.sandbox]", 'kind = "sandbox"', "pace = 0.0", ""])
        for gateway in checked(Gateway(config)):
            yield gateway, ups


@pytest.mark.parametrize("second", HOMES)
@pytest.mark.parametrize("first", HOMES)
def test_a_conversation_moves(
    moving: tuple[Gateway, dict[str, Upstream]], first: str, second: str, stream: bool
) -> None:
    """A call by one provider, its result to another, and both heard of by the first again."""
    gateway, ups = moving
    more = RESPONSES.thinking() | RESPONSES.tools("get_weather")
    one = ask(gateway, RESPONSES.body("I am Ann. Weather?", model=first, stream=stream) | more)
    two = follow(gateway, one, results(one), stream, model=second, **more)
    assert "21C" in RESPONSES.of(two).text
    last = follow(gateway, two, "And I am?", stream, model=first)
    assert RESPONSES.of(last).text and not calls(last)
    for model in (second, first):
        if (up := ups.get(model.partition("/")[0])) is None:
            continue
        raw = up.last.raw.decode()
        assert "dragoman:" not in raw
        if "previous_response_id" not in up.last.json:
            assert "I am Ann." in raw and "21C" in raw, "what came before is forgotten"
    if first != second and first.startswith("native"):
        assert "previous_response_id" not in ups["native"].last.json, "the provider knows nothing of what came between"


def test_who_leaves_leaves_nothing_behind(over_anthropic: Gateway) -> None:
    """A client that hangs up within a stream: nobody was promised that the response is kept."""
    body = json.dumps(RESPONSES.body(model="slow", stream=True)).encode()
    connection, response = over_anthropic.open("POST", PATH, body)
    first = response.readline() + response.readline()
    id = json.loads(first.decode().split("data: ", 1)[1])["response"]["id"]
    response.close()
    connection.close()
    assert over_anthropic.upstream is not None and over_anthropic.upstream.last.left.wait(10)
    assert over_anthropic.get(f"{PATH}/{id}").status == 404
