"""Seed 003, line by line (contract 2.5): keys, model ids, parameters, roles, stop reasons, the end of a stream, usage."""

import re
from typing import Any

import pytest

from clients import CHAT, CONTENTS, FRONTS, MESSAGES, VENDORS, Chat, front_id, wanted
from gateway import Gateway, House
from upstream.model import INPUT, OUTPUT, THOUGHT


def chat(model: str = "gemini-2.5-flash", **more: Any) -> dict[str, Any]:
    return CHAT.body("Explain the history of artificial intelligence.", model, **more)


@pytest.mark.parametrize(
    "path", ["/v1/chat/completions", "/api/v1/chat", "/api/v1/chat/completions", "/v1/embeddings", "/v1/models"]
)
def test_003_1_the_error_for_a_wrong_key(gateway: Gateway, path: str) -> None:
    answer = gateway.call("GET" if path == "/v1/models" else "POST", path, chat(), key="sk-wrong")
    assert answer.status == 401
    expected = {
        "error": {"message": "Invalid API key provided", "type": "invalid_request_error", "code": "invalid_api_key"}
    }
    error = answer.json["error"]
    assert {"error": {name: error[name] for name in error if name != "param"}} == expected
    assert error.get("param") is None


IDS = (
    "claude-sonnet-4-5@20250929",
    "claude-3-5-haiku@20241022",
    "deepseek-ai/deepseek-r1-0528-maas",
    "a:b/c@d:e",
    "models/x",
    "Ünïcode/模型",
)


@pytest.mark.parametrize("model", IDS)
@pytest.mark.parametrize("front", FRONTS, ids=front_id)
def test_003_2_any_id_is_a_models_name(gateway: Gateway, front: Chat, model: str) -> None:
    answer = gateway.post(front.path(model), front.body(model=model))
    assert answer.status == 200, answer
    assert front.read(answer).model in (model, None)
    if gateway.upstream is not None:
        asked = wanted(gateway.upstream.dialect, gateway.upstream.last).model
        model = model.removeprefix("models/")  # Google's own prefix, which its SDK puts before any name
        assert re.sub("[-@]", "", asked) == re.sub("[-@]", "", model), "a date may be spelled as the provider does"


@pytest.mark.parametrize("quoted", ["claude-sonnet-4-5%4020250929", "deepseek-ai%2Fdeepseek-r1", "a%3Ab"])
def test_003_2_ids_may_be_percent_encoded(sandbox: Gateway, quoted: str) -> None:
    connection, response = sandbox.open(
        "POST", f"/v1beta/models/{quoted}:generateContent", b'{"contents":[{"parts":[{"text":"Hi"}]}]}'
    )
    try:
        assert response.status == 200
    finally:
        response.close()
        connection.close()


FAMILIES = {
    "claude-sonnet-4-5": ("claude-sonnet-4-5", "claude-sonnet-4-5@20250929", "claude-sonnet-4-5-20250929"),
    "claude-opus-4-1": ("claude-opus-4-1", "claude-opus-4-1@20250805", "claude-opus-4-1-20250805"),
    "claude-sonnet-4": ("claude-sonnet-4", "claude-sonnet-4@20250514", "claude-sonnet-4-20250514"),
    "claude-3-5-haiku": ("claude-3-5-haiku", "claude-3-5-haiku@20241022", "claude-3-5-haiku-20241022"),
    "claude-3-haiku": ("claude-3-haiku", "claude-3-haiku@20240307", "claude-3-haiku-20240307"),
    "claude-3-7-sonnet": ("claude-3-7-sonnet",),
    "claude-opus-4": ("claude-opus-4",),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_003_2_one_model_under_its_several_names(house: House, family: str) -> None:
    """With nothing configured but Anthropic's key, the seed's names lead to what Anthropic calls them."""
    for name in FAMILIES[family]:
        answer = house.gateway.post(CHAT.path(), chat(name))
        assert answer.status == 200, answer
        assert answer.headers["x-dragoman-provider"] == "anthropic"
        assert answer.json["model"] == name
        sent = house.upstreams["anthropic"].last.json["model"]
        assert "@" not in sent and sent.startswith(family), sent
        if name != family:
            assert sent == name.replace("@", "-"), sent


@pytest.mark.parametrize(
    "model", ["gemini-2.5-pro", "gemini-2.5-flash-lite", "gemini-2.0-flash", "gpt-4o-mini", "gpt-3.5-turbo"]
)
def test_003_2_names_lead_to_their_vendor(house: House, model: str) -> None:
    answer = house.gateway.post(CHAT.path(), chat(model))
    assert answer.status == 200, answer
    assert answer.headers["x-dragoman-provider"] == ("gemini" if "gemini" in model else "openai")


OUT_OF_RANGE = [
    *(("temperature", value) for value in (-0.1, 2.1, 1e9, "0.7", True, [])),
    *(("top_p", value) for value in (-0.1, 1.1, "1", {})),
    *(("presence_penalty", value) for value in (-2.1, 2.1, "x")),
    *(("frequency_penalty", value) for value in (-2.1, 2.1, False)),
    *(("max_tokens", value) for value in (0, -5, 1.5, "100", [1])),
    *(("stream", value) for value in ("true", 1, [])),
    *(("stop", value) for value in (7, {"a": 1}, [1], [["x"]])),
    *(("user", value) for value in (7, {}, ["u"])),
    *(
        ("messages", value)
        for value in (None, "Hello", {}, [], ["Hello"], [{"role": "user"}], [{"role": 7, "content": "x"}])
    ),
    *(("model", value) for value in (7, ["gpt-5"], {})),
]


@pytest.mark.parametrize(("name", "value"), OUT_OF_RANGE, ids=str)
def test_003_3_what_is_out_of_range_is_named(
    sandbox: Gateway, over_anthropic: Gateway, over_gemini: Gateway, name: str, value: Any
) -> None:
    for gateway in (sandbox, over_anthropic, over_gemini):
        if value == {} and name == "user":
            continue
        answer = gateway.post(CHAT.path(), {**chat(), name: value})
        assert answer.status == 400, answer
        assert name in CHAT.error(answer)[2]
        assert (answer.json["error"].get("param") or name).startswith(name)


@pytest.mark.parametrize(
    ("name", "value"), [("temperature", 2.1), ("max_tokens", 0), ("messages", [{"role": "user"}]), ("stop", 7)]
)
def test_003_3_the_same_where_bytes_pass_through(over_openai: Gateway, name: str, value: Any) -> None:
    answer = over_openai.post(CHAT.path(), {**chat(), name: value})
    assert answer.status == 400, answer
    assert name.split("[")[0] in CHAT.error(answer)[2] or name in str(answer.json["error"].get("param"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", 0),
        ("temperature", 2),
        ("top_p", 0),
        ("top_p", 1),
        ("presence_penalty", -2),
        ("frequency_penalty", 2),
        ("max_tokens", 1),
    ],
)
def test_003_3_the_ends_of_a_range_belong_to_it(gateway: Gateway, name: str, value: float) -> None:
    answer = gateway.post(CHAT.path(), {**chat(), name: value})
    assert answer.status == 200, answer


def test_003_3_defaults_are_for_the_provider_to_set(relay: Gateway) -> None:
    assert relay.post(CHAT.path(), chat()).status == 200
    assert relay.upstream is not None
    asked = wanted(relay.upstream.dialect, relay.upstream.last)
    assert (asked.temperature, asked.top_p, asked.stop) == (None, None, ())
    sent = relay.upstream.last.raw.decode()
    assert "penalty" not in sent and "Penalty" not in sent
    assert (asked.max_tokens is not None) == (relay.upstream.dialect == "anthropic"), "only where it is required"


@pytest.mark.parametrize(("stop", "sent"), [("END", ("END",)), (["END", "STOP"], ("END", "STOP")), (["END"], ("END",))])
def test_003_3_stop_as_a_string_and_as_an_array(relay: Gateway, stop: Any, sent: tuple[str, ...]) -> None:
    assert relay.post(CHAT.path(), chat(stop=stop)).status == 200
    assert relay.upstream is not None
    assert wanted(relay.upstream.dialect, relay.upstream.last).stop == sent


HISTORY = [
    {"role": "system", "content": "You are a helpful AI assistant."},
    {"role": "user", "content": "What is machine learning?"},
    {"role": "assistant", "content": "Machine learning is a branch of artificial intelligence..."},
    {"role": "user", "content": "What are its applications?"},
]


def test_003_4_parts_and_tools(gateway: Gateway) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'}}
    messages = [
        {"role": "system", "content": [{"type": "text", "text": "Be brief."}]},
        {"role": "user", "content": [{"type": "text", "text": "The weather"}, {"type": "text", "text": "in Paris?"}]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "21 degrees"},
    ]
    answer = gateway.post(CHAT.path(), {"model": "gemini-2.5-flash", "messages": messages, **CHAT.tools("get_weather")})
    assert answer.status == 200, answer
    said = CHAT.read(answer)
    assert "21 degrees" in said.text and said.stop == "stop"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("front", VENDORS, ids=front_id)
def test_003_4_function_calling(gateway: Gateway, front: Chat, stream: bool) -> None:
    answer = gateway.post(
        front.path(stream=stream),
        {**front.body("What is the weather in Paris?", stream=stream), **front.tools("get_weather")},
    )
    assert answer.status == 200, answer
    said = front.read(answer)
    assert [name for name, _ in said.calls] == ["get_weather"]
    assert isinstance(said.calls[0][1]["city"], str)
    assert said.stop == front.stops["tool_calls"]
    if gateway.upstream is not None:
        assert said.calls == [("get_weather", {"city": "Paris"})]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("front", VENDORS, ids=front_id)
def test_003_4_two_calls_at_once(relay: Gateway, front: Chat, stream: bool) -> None:
    body = {**front.body("Weather and time, both", stream=stream), **front.tools("get_weather", "get_time")}
    said = front.read(relay.post(front.path(stream=stream), body))
    assert said.calls == [("get_weather", {"city": "Paris"}), ("get_time", {"zone": "some zone"})]
    assert said.stop == front.stops["tool_calls"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("front", VENDORS, ids=front_id)
def test_003_4_text_before_a_call(relay: Gateway, front: Chat, stream: bool) -> None:
    body = {**front.body("The weather, but say it first", stream=stream), **front.tools("get_weather")}
    said = front.read(relay.post(front.path(stream=stream), body))
    assert said.text == "Let me look." and said.calls == [("get_weather", {"city": "Paris"})]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("text", "more", "reason"),
    [
        ("Hello", {}, "stop"),
        ("Hello", {"max_tokens": 2}, "length"),
        ("Tell me something forbidden", {}, "content_filter"),
        ("Hello", {"stop": ["heard"]}, "stop"),
    ],
    ids=["stop", "length", "content_filter", "sequence"],
)
def test_003_5_stop_reasons(relay: Gateway, text: str, more: dict[str, Any], reason: str, stream: bool) -> None:
    said = CHAT.read(relay.post(CHAT.path(), CHAT.body(text, stream=stream, **more)))
    assert said.stop == reason
    assert (said.text == "") == (reason == "content_filter")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("front", [MESSAGES, CONTENTS], ids=front_id)
def test_003_5_stop_reasons_in_the_other_dialects(relay: Gateway, front: Chat, stream: bool) -> None:
    for text, reason in (("Hello", "stop"), ("Tell me something forbidden", "content_filter")):
        said = front.read(relay.post(front.path(stream=stream), front.body(text, stream=stream)))
        assert said.stop == front.stops[reason]
    limited = {**front.body("Hello", stream=stream), **front.limit(2)}
    assert front.read(relay.post(front.path(stream=stream), limited)).stop == front.stops["length"]


def test_003_5_the_sandbox_keeps_to_its_limit(sandbox: Gateway) -> None:
    said = CHAT.read(sandbox.post(CHAT.path(), chat(max_tokens=2)))
    assert said.stop == "length" and said.text
    assert said.output is not None and said.output <= 2


def test_003_6_the_end_of_a_stream(gateway: Gateway) -> None:
    answer = gateway.post(CHAT.path(), chat("gemini-2.5-flash", stream=True))
    assert answer.body.endswith(b"data: [DONE]\n\n")
    assert {event.json["model"] for event in answer.events[:-1]} == {"gemini-2.5-flash"}


def test_003_7_history_is_taken_as_it_is(gateway: Gateway) -> None:
    answer = gateway.post(CHAT.path(), {"model": "gemini-2.5-flash", "messages": HISTORY})
    assert answer.status == 200, answer
    if gateway.upstream is not None:
        asked = wanted(gateway.upstream.dialect, gateway.upstream.last)
        assert asked.system == HISTORY[0]["content"]
        assert asked.turns == [(turn["role"], turn["content"]) for turn in HISTORY[1:]]


@pytest.mark.parametrize("stream", [False, True])
def test_003_11_thoughts_count_as_completion(relay: Gateway, stream: bool) -> None:
    body = chat(
        reasoning_effort="low", stream=stream, **({"stream_options": {"include_usage": True}} if stream else {})
    )
    answer = relay.post(CHAT.path(), body)
    usage = answer.events[-2].json["usage"] if stream else answer.json["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (
        INPUT,
        OUTPUT,
        INPUT + OUTPUT,
    )
    assert usage["completion_tokens_details"]["reasoning_tokens"] == THOUGHT
    assert usage["prompt_tokens_details"]["cached_tokens"] == 4


@pytest.mark.parametrize("stream", [False, True])
def test_003_11_the_same_counts_in_every_dialect(relay: Gateway, stream: bool) -> None:
    """Anthropic counts what came from a cache apart; Gemini counts thoughts apart; the sums agree."""
    for front in (MESSAGES, CONTENTS):
        said = front.read(relay.post(front.path(stream=stream), {**front.body(stream=stream), **front.thinking()}))
        assert (said.input, said.output) == (INPUT, OUTPUT), front.name
