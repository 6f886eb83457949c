"""A conversation made short: by the provider that can, else by a summary that is sealed in the item itself and understood by
every provider after it. It knows the wire format, and the pure functions that seal."""

import base64
import json
from typing import Any

import pytest

from clients import RESPONSES, wanted
from dragoman.core.codec import Context
from dragoman.core.errors import GatewayError
from dragoman.core.ir import Text
from dragoman.core.profile import Profile
from dragoman.dialects import CODECS
from dragoman.dialects.openai_responses import compaction
from gateway import MODEL, OTHER_KEY, Answer, Gateway, over
from traffic import Exchange, exchanges
from upstream import Upstream
from upstream.model import INPUT, OUTPUT
from upstream.responses import SEALED as OPENAIS

PATH = RESPONSES.path()
FOREIGN = ("over_openai", "over_anthropic", "over_gemini")
CODEC = CODECS["openai.responses"]
TRIGGER = {"type": "compaction_trigger"}


@pytest.fixture(params=("sandbox", *FOREIGN))
def gateway(request: pytest.FixtureRequest) -> Gateway:
    found: Gateway = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=FOREIGN)
def relay(request: pytest.FixtureRequest) -> Gateway:
    found: Gateway = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def stream(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def ask(gateway: Gateway, input: Any, **more: Any) -> dict[str, Any]:
    answer = gateway.post(PATH, {"model": MODEL, "input": input, "store": False, **more})
    assert answer.status == 200, answer
    return RESPONSES.response(answer)


def refused(answer: Answer, status: int, param: str | None = None) -> str:
    assert answer.status == status, answer
    assert param is None or answer.json["error"]["param"] == param, answer
    return RESPONSES.error(answer)[2]


def sent(gateway: Gateway) -> str:
    assert gateway.upstream is not None
    return gateway.upstream.last.raw.decode()


def opened(item: dict[str, Any]) -> str:
    assert item["type"] == "compaction" and item["encrypted_content"].startswith("dragoman:compaction:"), item
    return base64.urlsafe_b64decode(item["encrypted_content"].removeprefix("dragoman:compaction:")).decode()


# -- asked for in a request: as Codex does ------------------------------------------------


HISTORY = [
    user("Look at the tower"),
    {"type": "function_call", "call_id": "c1", "name": "get_weather", "arguments": '{"city":"Paris"}'},
    {"type": "function_call_output", "call_id": "c1", "output": "21C"},
    {"role": "assistant", "content": [{"type": "output_text", "text": "It is warm."}]},
]


def test_a_trigger_is_answered_by_one_item(gateway: Gateway, stream: bool) -> None:
    """clients.md 3.2: exactly one item of type compaction, or Codex gives up; and usage that is true."""
    more = RESPONSES.tools("get_weather") | {"instructions": "Be a bird."}
    response = ask(gateway, [*HISTORY, TRIGGER], stream=stream, **more)
    [item] = response["output"]
    assert set(item) == {"type", "id", "encrypted_content"} and item["id"].startswith("cmp_")
    assert response["status"] == "completed" and response["instructions"] == "Be a bird."
    summary = opened(item)
    if gateway.upstream is None:
        assert summary and response["usage"]["output_tokens"] > 0
        return
    said = RESPONSES.of(response)
    assert (said.input, said.output) == (INPUT, OUTPUT), "what the summary cost"
    assert "Sum up this conversation" in summary, "the scripted model repeats what it was asked"
    request = wanted(gateway.upstream.dialect, gateway.upstream.last)
    assert request.system == "Be a bird." and not request.stream
    assert [role for role, _ in request.turns][-1] == "user" and "Sum up" in request.turns[-1][1]
    assert "get_weather" in sent(gateway) and "compaction_trigger" not in sent(gateway)


@pytest.mark.parametrize("abroad", ["over_responses", *FOREIGN])
@pytest.mark.parametrize("home", FOREIGN)
def test_a_summary_is_understood_by_every_provider(
    request: pytest.FixtureRequest, home: str, abroad: str, stream: bool
) -> None:
    """In plain words and never sealed; also by a gateway that has never seen it, for all of it stands in the item."""
    [item] = ask(request.getfixturevalue(home), [*HISTORY, TRIGGER], **RESPONSES.tools("get_weather"))["output"]
    relay: Gateway = request.getfixturevalue(abroad)
    response = ask(relay, [user("Look at the tower"), item, user("And now?")], stream=stream)
    assert RESPONSES.of(response).text.endswith("And now? I heard it.")
    text = json.loads(json.dumps(sent(relay)))
    assert "stands in its place" in text and "dragoman:" not in text and "compaction" not in text


def test_a_summary_of_a_summary(relay: Gateway) -> None:
    [first] = ask(relay, [*HISTORY, TRIGGER], **RESPONSES.tools("get_weather"))["output"]
    [second] = ask(relay, [first, user("More"), TRIGGER])["output"]
    assert second["id"] != first["id"] and opened(second)
    assert "More" in sent(relay) and "stands in its place" in sent(relay)


def test_going_on_from_a_compacted_response(relay: Gateway, stream: bool) -> None:
    """What was summed up is not sent again beside its summary."""
    first = ask(relay, "I am Ann.", stream=stream, store=True)
    second = ask(relay, [TRIGGER], stream=stream, store=True, previous_response_id=first["id"])
    assert "Ann" in sent(relay) and second["previous_response_id"] == first["id"]
    assert relay.get(f"{PATH}/{second['id']}").json == second
    third = ask(relay, "Who am I?", stream=stream, store=True, previous_response_id=second["id"])
    assert "stands in its place" in sent(relay) and "I am Ann." not in sent(relay)
    ask(relay, "And you?", stream=stream, previous_response_id=third["id"])
    assert "Who am I?" in sent(relay) and "I am Ann." not in sent(relay)


def test_the_form_of_the_answer_is_not_that_of_the_summary(relay: Gateway, stream: bool) -> None:
    form = {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object", "properties": {}}}}
    more = {"text": form, "max_output_tokens": 16, "tool_choice": "required", **RESPONSES.tools("get_weather")}
    response = ask(relay, [user("Hi"), TRIGGER], stream=stream, **more)
    assert not opened(response["output"][0]).startswith("{")
    assert response["max_output_tokens"] == 16 and response["tool_choice"] == "required", "what the client asked"


def test_strict_takes_no_summary_for_a_compaction(relay: Gateway, stream: bool) -> None:
    body = {"model": MODEL, "input": [user("Hi"), TRIGGER], "stream": stream}
    refused(relay.post(PATH, body, {"x-dragoman-strict": "true"}), 400)
    answer = relay.post(PATH, body)
    assert answer.status == 200 and "input.compaction_trigger (emulated)" in answer.headers["x-dragoman-lost"]


@pytest.mark.parametrize("model", ["error-400", "error-429", "error-500", "html-200", "cut"])
def test_no_summary_is_an_error(relay: Gateway, stream: bool, model: str) -> None:
    answer = relay.post(PATH, {"model": model, "input": [user("Hi"), TRIGGER], "stream": stream})
    assert answer.status >= 400, answer
    assert RESPONSES.error(answer)


@pytest.mark.parametrize("name", ["over_anthropic", "over_gemini"])
def test_a_summary_that_was_withheld_is_an_error(request: pytest.FixtureRequest, name: str, stream: bool) -> None:
    body = {"model": MODEL, "input": [user("something forbidden"), TRIGGER], "stream": stream}
    answer = request.getfixturevalue(name).post(PATH, body)
    assert answer.status == 502 and RESPONSES.error(answer)[1] == "compaction_failed", answer


# -- where the provider has it ----------------------------------------------------------------


def test_a_provider_that_can_is_left_to_it(over_responses: Gateway, stream: bool) -> None:
    response = ask(over_responses, [*HISTORY[:1], TRIGGER], stream=stream)
    assert over_responses.upstream is not None
    assert over_responses.upstream.last.json["input"] == [*HISTORY[:1], TRIGGER]
    [item] = response["output"]
    assert item["type"] == "compaction" and item["encrypted_content"].startswith(OPENAIS)
    again = ask(over_responses, [item, user("And now?")], stream=stream)
    assert RESPONSES.of(again).text
    assert over_responses.upstream.last.json["input"][0] == item, "it went home as it came"


def test_what_only_its_maker_can_open_goes_to_nobody_else(
    over_responses: Gateway, relay: Gateway, stream: bool
) -> None:
    [item] = ask(over_responses, [user("Hi"), TRIGGER])["output"]
    answer = relay.post(PATH, {"model": MODEL, "input": [item, user("And now?")], "stream": stream})
    assert "OpenAI" in refused(answer, 400, "input[0]")


def test_a_model_that_cannot_at_a_provider_that_speaks_it() -> None:
    with Upstream("openai") as upstream:
        config = over(upstream, api="responses").replace(
            'api = "responses"', 'api = "responses"\nprofile = { compaction = false }'
        )
        with Gateway(config, upstream=upstream) as gateway:
            [item] = ask(gateway, [user("Hi"), TRIGGER])["output"]
            assert opened(item) and "compaction_trigger" not in sent(gateway)
            assert gateway.post(f"{PATH}/compact", {"model": MODEL, "input": "Hi"}).status == 200
            assert upstream.last.path == PATH


# -- POST /v1/responses/compact -----------------------------------------------------------------


def compact(gateway: Gateway, **body: Any) -> dict[str, Any]:
    answer = gateway.post(f"{PATH}/compact", {"model": MODEL, **body})
    assert answer.status == 200, answer
    told: dict[str, Any] = answer.json
    assert told["object"] == "response.compaction" and told["id"].startswith("resp_") and told["created_at"] > 0
    assert [item["type"] for item in told["output"]].count("compaction") == 1
    assert told["output"][-1]["type"] == "compaction"
    assert told["usage"]["total_tokens"] == told["usage"]["input_tokens"] + told["usage"]["output_tokens"] > 0
    return told


def shape(value: Any) -> Any:
    """The members of an object, and their types, at every depth."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    return [shape(inner) for inner in value] if isinstance(value, list) else type(value).__name__


@pytest.mark.parametrize("recorded", exchanges("openai.compact"))
def test_it_answers_as_the_recorded_one_did(gateway: Gateway, recorded: Exchange) -> None:
    told = compact(gateway, **{name: value for name, value in recorded.request.items() if name != "model"})
    theirs, mine = shape(recorded.response), shape(told)
    mine["usage"]["input_tokens_details"].pop("cache_write_tokens", None)
    mine["usage"].pop("x_upstream", None)
    assert mine == theirs
    texts = [item["content"][0]["text"] for item in told["output"][:-1]]
    assert texts == ["What is 2+2?", "And 3+3?"], "what the user said stays as it was"


def test_a_compacted_conversation_goes_on(gateway: Gateway, stream: bool) -> None:
    told = compact(gateway, input=[user("I am Ann."), {"role": "assistant", "content": "Hello Ann."}])
    response = ask(gateway, [*told["output"], user("Who am I?")], stream=stream)
    assert RESPONSES.of(response).text
    if gateway.upstream is not None:
        assert "I am Ann." in sent(gateway) and "stands in its place" in sent(gateway)


def test_compacting_a_kept_response(gateway: Gateway) -> None:
    first = ask(gateway, "I am Ann.", store=True)
    told = compact(gateway, previous_response_id=first["id"])
    assert told["output"][0]["content"][0]["text"] == "I am Ann."
    refused(gateway.post(f"{PATH}/compact", {"model": MODEL, "previous_response_id": first["id"]}, key=OTHER_KEY), 400)


def test_it_is_passed_to_the_provider_that_has_it(over_responses: Gateway) -> None:
    assert over_responses.upstream is not None
    first = ask(over_responses, "I am Ann.", store=True)
    told = compact(over_responses, previous_response_id=first["id"], instructions="Be brief.")
    assert over_responses.upstream.last.path == f"{PATH}/compact"
    assert over_responses.upstream.last.json["previous_response_id"] == first["id"]
    assert told["output"][-1]["encrypted_content"].startswith(OPENAIS) and told["output"][0]["content"] == "I am Ann."


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "model"),
        ({"model": 7}, "model"),
        ({"model": MODEL}, "input"),
        ({"model": MODEL, "input": []}, "input"),
        ({"model": MODEL, "input": 7}, "input"),
        ({"model": MODEL, "input": [{"role": "nobody", "content": "x"}]}, "input[0].role"),
        ({"model": MODEL, "previous_response_id": "resp_nobody"}, "previous_response_id"),
    ],
)
@pytest.mark.parametrize("name", ["sandbox", "over_anthropic", "over_responses"])
def test_what_cannot_be_compacted(request: pytest.FixtureRequest, name: str, body: dict[str, Any], param: str) -> None:
    refused(request.getfixturevalue(name).post(f"{PATH}/compact", body), 400, param)


@pytest.mark.parametrize("status", [400, 404, 429, 500])
@pytest.mark.parametrize("name", ["over_responses", *FOREIGN])
def test_a_providers_error(request: pytest.FixtureRequest, name: str, status: int) -> None:
    answer = request.getfixturevalue(name).post(f"{PATH}/compact", {"model": f"error-{status}", "input": "Hi"})
    refused(answer, status)


# -- the seal -------------------------------------------------------------------------------------


@pytest.mark.parametrize("summary", ["x", "Grüße \U0001f600", "a" * 100_000, "\ud800", "dragoman:compaction:"])
def test_what_is_sealed_can_be_opened(summary: str) -> None:
    item = compaction.sealed(summary, "cmp_1")
    assert compaction.opened(item) == compaction.TOLD + summary
    request = CODEC.decode_request({"model": "m", "input": [item]}, Context())
    assert [part for message in request.messages for part in message.parts] == [Text(text=compaction.TOLD + summary)]


@pytest.mark.parametrize("seal", ["dragoman:compaction:!", "dragoman:compaction:YQ=", "dragoman:compaction:_w=="])
def test_a_broken_seal_is_named(seal: str) -> None:
    with pytest.raises(GatewayError) as caught:
        CODEC.decode_request({"model": "m", "input": [{"type": "compaction", "encrypted_content": seal}]}, Context())
    assert caught.value.param == "input[0].encrypted_content"


@pytest.mark.parametrize("item", [{"type": "compaction"}, {"type": "compaction", "encrypted_content": 7}])
def test_what_is_not_ours_stays_as_it_is(item: dict[str, Any]) -> None:
    request = CODEC.decode_request({"model": "m", "input": [item]}, Context())
    assert CODEC.encode_request(request, Context(model="m"))["input"] == [item]


def test_a_summary_on_its_way_home_is_told_in_words() -> None:
    item = compaction.sealed("Ann is here.", "cmp_1")
    thought = {"type": "reasoning", "summary": [], "encrypted_content": "dragoman:anthropic:x"}
    raw = json.dumps({"model": "m", "input": [item, thought, user("Hi")]}).encode()
    told = json.loads(CODEC.edit_request(raw, "m", False, Profile()))["input"]
    assert told == [compaction.message(compaction.TOLD + "Ann is here."), user("Hi")]


@pytest.mark.parametrize("seal", ["gAAAAx", "dragoman:azure:gAAAAx"])
@pytest.mark.parametrize("issuer", [None, "azure", "xai"])
def test_a_compaction_goes_home_or_nowhere(seal: str, issuer: str | None) -> None:
    """Left out without a word it would take the whole conversation with it."""
    raw = json.dumps({"model": "m", "input": [user("Hi"), {"type": "compaction", "encrypted_content": seal}]}).encode()
    profile = Profile(issuer=issuer)
    if (seal[:8] == "dragoman") == (issuer == "azure") and issuer != "xai":
        assert json.loads(CODEC.edit_request(raw, "m", False, profile))["input"][1]["encrypted_content"] == "gAAAAx"
        return
    with pytest.raises(GatewayError) as caught:
        CODEC.edit_request(raw, "m", False, profile)
    assert caught.value.param == "input[1]"


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"status": "completed", "output": []},
        {"status": "completed", "output": 7},
        {"status": "completed", "output": [{"type": "message", "content": [{"type": "output_text", "text": " "}]}]},
        {"status": "completed", "output": [{"type": "message", "content": "x"}, 7, {"type": "function_call"}]},
        {"status": "incomplete", "output": [{"type": "message", "content": [{"type": "output_text", "text": "x"}]}]},
    ],
)
def test_an_answer_without_a_whole_summary(answer: dict[str, Any]) -> None:
    with pytest.raises(GatewayError) as caught:
        compaction.compacted(answer, str)
    assert caught.value.code == "compaction_failed" and caught.value.status == 502


def test_a_wish_asks_no_tool() -> None:
    tools = [{"type": "function", "name": "f"}]
    assert compaction.wish({"input": "Hi", "tools": tools, "tool_choice": "required"})["tool_choice"] == "none"
    assert "tool_choice" not in compaction.wish({"input": "Hi", "tool_choice": "auto"})
    lite = {"type": "additional_tools", "role": "developer", "tools": tools}
    assert compaction.wish({"input": [lite, TRIGGER]})["tool_choice"] == "none"
    assert compaction.wish({"input": [lite, TRIGGER]})["input"][0] == lite
