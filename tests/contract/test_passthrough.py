"""Where client and provider speak the same dialect nothing is read that need not be: unknown fields survive at every depth,
numbers keep their spelling, keys their order. Where they differ, what cannot be carried is reported."""

import json
import re
from typing import Any

import pytest

from clients import CHAT, CONTENTS, MESSAGES, VENDORS, Chat, front_id
from gateway import Answer, Gateway
from upstream import DIALECTS, Entry
from upstream.model import NEW

PAIRS = [(CHAT, "over_openai"), (MESSAGES, "over_anthropic"), (CONTENTS, "over_gemini")]


@pytest.fixture(params=PAIRS, ids=lambda pair: pair[0].name)
def same(request: pytest.FixtureRequest) -> tuple[Chat, Gateway]:
    front, name = request.param
    return front, request.getfixturevalue(name)


def tokens(text: str | bytes) -> Any:
    """JSON with key order and number spelling kept."""
    return json.loads(text, object_pairs_hook=list, parse_float=str, parse_int=str)


ODD = (
    '{"ratio": 1.50, "big": 12345678901234567890, "tiny": 1e-07, "zeta": "\\u00e9\\/", "alpha": [1.0, {"deep": -0.0}]}'
)
"""What a parser would not write back as it was."""


def odd(body: dict[str, Any]) -> str:
    """The body as text, with an unknown field in each of its objects but for those whose names are the user's own."""

    def walk(value: Any, name: str) -> Any:
        if isinstance(value, list):
            return [walk(inner, name) for inner in value]
        if not isinstance(value, dict):
            return value
        inner = {key: walk(found, key) for key, found in value.items()}
        return (
            inner
            if name in ("properties", "city", "args", "response", "parameters", "input_schema", "input", "metadata")
            else {**inner, "x_new": "@odd@"}
        )

    return json.dumps(walk(body, "")).replace('"@odd@"', ODD)


RICH: dict[str, dict[str, Any]] = {
    "openai.chat": {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Weather?"}]},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "get_weather", "arguments": '{"city" : "Paris"}'},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "call_1", "content": "21C"},
            {"role": "user", "content": "And now?", "name": "ann"},
        ],
        "temperature": 1,
        "top_p": 1.0,
        "model": "gpt-5",
        "max_tokens": 100,
        "metadata": {"k": "v"},
        "response_format": {"type": "text"},
        **CHAT.tools("get_weather"),
        "user": "u1",
    },
    "anthropic": {
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Weather?", "cache_control": {"type": "ephemeral"}}]},
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Paris"}}],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "21C"}]},
                    {"type": "text", "text": "And now?"},
                ],
            },
        ],
        "system": [{"type": "text", "text": "Be brief."}],
        "temperature": 1,
        "model": "claude-sonnet-4-5",
        "max_tokens": 100,
        "metadata": {"user_id": "u1"},
        **MESSAGES.tools("get_weather"),
    },
    "gemini": {
        "contents": [
            {"role": "user", "parts": [{"text": "Weather?"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "get_weather", "args": {"city": "Paris"}}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "get_weather", "response": {"result": "21C"}}}]},
        ],
        "generationConfig": {"temperature": 1, "topP": 1.0, "thinkingConfig": {"includeThoughts": False}},
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
        "tools": [
            {
                "functionDeclarations": [
                    {
                        "name": "get_weather",
                        "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}},
                    }
                ]
            }
        ],
    },
}


def send(gateway: Gateway, front: Chat, text: str, model: str, stream: bool) -> tuple[Answer, Entry]:
    if front is not CONTENTS and stream:
        text = text[:-1] + ', "stream": true}'
    assert gateway.upstream is not None
    answer = gateway.call("POST", front.path(model, stream), body=text.encode(), headers=front.headers)
    assert answer.status == 200, answer
    return answer, gateway.upstream.last


@pytest.mark.parametrize("stream", [False, True])
def test_a_request_passes_as_it_is(same: tuple[Chat, Gateway], stream: bool) -> None:
    front, gateway = same
    text = odd(RICH[front.name])
    assert text.count("1.50") > 8
    _, asked = send(gateway, front, text, "gpt-5", stream)
    got = tokens(asked.raw)
    if front is CHAT and stream:  # the one thing the gateway asks for by itself: usage at the end
        assert ["stream_options", [("include_usage", True)]] in [list(pair) for pair in got]
        got = [pair for pair in got if pair[0] != "stream_options"]
    expected = tokens(text) + ([("stream", True)] if stream and front is not CONTENTS else [])
    assert got == expected
    raw = asked.raw.decode()
    assert raw.count(ODD) == text.count(ODD), "the spelling has changed"


def test_an_answer_passes_as_it_is(same: tuple[Chat, Gateway]) -> None:
    front, gateway = same
    answer, asked = send(gateway, front, json.dumps(RICH[front.name]), "gpt-5", False)
    assert tokens(answer.body) == renamed(front, tokens(asked.sent[0]), RICH[front.name].get("model", "gpt-5"))
    assert answer.body.count(b"1.50") == asked.sent[0].count(b"1.50") > 2


def test_a_stream_passes_as_it_is(same: tuple[Chat, Gateway]) -> None:
    front, gateway = same
    model = RICH[front.name].get("model", "gpt-5")
    answer, asked = send(gateway, front, json.dumps(RICH[front.name]), "gpt-5", True)
    frames = [frame.decode().replace("\r\n", "\n").strip().split("data: ", 1) for frame in asked.sent]
    expected = [(head.removeprefix("event: ").strip(), data) for head, data in frames if '"choices":[]' not in data]
    got = [(event.name, event.data) for event in answer.events]
    assert [name for name, _ in got] == [name for name, _ in expected]
    for (_, data), (_, sent) in zip(got, expected, strict=True):
        if sent == "[DONE]":
            assert data == sent
            continue
        assert tokens(data) == renamed(front, tokens(sent), model)
        assert data.count("1.50") == sent.count("1.50")
    front.read(answer)


def renamed(front: Chat, body: Any, model: str) -> Any:
    """The provider's answer with the model named as the client named it."""
    key = "modelVersion" if front is CONTENTS else "model"

    def walk(value: Any) -> Any:
        if isinstance(value, list):
            return [walk(inner) for inner in value]
        if isinstance(value, tuple):
            return (value[0], model) if value[0] == key and isinstance(value[1], str) else (value[0], walk(value[1]))
        return value

    return walk(body)


@pytest.mark.parametrize("case", ["400", "404", "429", "500"])
def test_an_error_passes_as_it_is(same: tuple[Chat, Gateway], case: str) -> None:
    """What stands beside the message is for programs: Google's RetryInfo, Anthropic's details, tomorrow's fields."""
    front, gateway = same
    assert gateway.upstream is not None
    answer = gateway.post(front.path(f"error-{case}"), front.body(model=f"error-{case}"), front.headers)
    sent = DIALECTS[gateway.upstream.dialect].ERRORS[int(case), ""][1]
    assert answer.status == int(case)
    assert {**answer.json, "request_id": 0} == {**sent, "request_id": 0}


def test_an_error_with_details_passes_as_it_is(over_anthropic: Gateway) -> None:
    """clients.md 1.5: an SDK looks into them and sends the whole conversation; without them it gives up."""
    answer = over_anthropic.post(MESSAGES.path(), {**MESSAGES.body(), "thread": {"type": "create"}}, MESSAGES.headers)
    assert answer.status == 400, answer
    assert answer.json["error"]["details"] == {"error_code": "thread_unsupported_request", "unsupported": ["thread"]}


def test_a_client_that_asks_for_usage_gets_the_chunk(over_openai: Gateway) -> None:
    text = json.dumps({**RICH["openai.chat"], "stream_options": {"include_usage": True, "x_new": 1}})
    answer, asked = send(over_openai, CHAT, text, "gpt-5", True)
    assert asked.json["stream_options"] == {"include_usage": True, "x_new": 1}
    assert len(answer.events) == len(asked.sent)
    assert answer.events[-2].json["choices"] == [] and answer.events[-2].json["usage"]["x_upstream"]["ratio"] == 1.5


def test_a_client_that_wants_no_usage_gets_none(over_openai: Gateway) -> None:
    text = json.dumps({**RICH["openai.chat"], "stream_options": {"include_usage": False}})
    answer, _ = send(over_openai, CHAT, text, "gpt-5", True)
    assert all(event.json["choices"] for event in answer.events[:-1])
    assert answer.events[-1].data == "[DONE]"


def test_headers_of_limits_reach_a_client_of_the_same_dialect(over_openai: Gateway, over_anthropic: Gateway) -> None:
    answer = over_openai.post(CHAT.path(), CHAT.body())
    assert answer.headers["x-ratelimit-remaining-requests"] == "499"
    assert answer.headers["x-request-id"] != "req_up000000000000000000000000000001", "the id is the gateway's own"
    answer = over_anthropic.post(MESSAGES.path(), MESSAGES.body())
    assert answer.headers["anthropic-ratelimit-requests-remaining"] == "19999"


def test_betas_reach_a_provider_of_the_same_dialect_only(over_anthropic: Gateway, over_openai: Gateway) -> None:
    headers = {
        "anthropic-version": "2023-06-01",
        "anthropic-beta": "interleaved-thinking-2025-05-14,context-management-2025-06-27",
    }
    assert over_anthropic.post("/v1/messages?beta=true", MESSAGES.body(), headers).status == 200
    assert over_anthropic.upstream is not None and over_openai.upstream is not None
    assert over_anthropic.upstream.last.headers["anthropic-beta"] == headers["anthropic-beta"]
    assert over_openai.post("/v1/messages?beta=true", MESSAGES.body(), headers).status == 200
    assert not any("anthropic" in name for name in over_openai.upstream.last.headers)


@pytest.mark.parametrize("name", ["cookie", "x-forwarded-for", "user-agent", "x-api-key", "referer", "origin"])
def test_a_clients_headers_stay_here(relay: Gateway, name: str) -> None:
    relay.post(CHAT.path(), CHAT.body(), {name: "the-clients-own-value"})
    assert relay.upstream is not None
    assert "the-clients-own-value" not in str(relay.upstream.last.headers)


# -- between two dialects ------------------------------------------------------------------------


def translated() -> list[Any]:
    kinds = {"openai": CHAT, "anthropic": MESSAGES, "gemini": CONTENTS}
    return [
        pytest.param(front, kind, id=f"{front.name}-{kind}")
        for front in VENDORS
        for kind in kinds
        if kinds[kind] is not front
    ]


@pytest.mark.parametrize(("front", "kind"), translated())
def test_what_cannot_be_carried_is_reported(request: pytest.FixtureRequest, front: Chat, kind: str) -> None:
    gateway: Gateway = request.getfixturevalue(f"over_{kind}")
    assert gateway.upstream is not None
    body = {**front.body(), "x_new": {"deep": 1}}
    answer = gateway.post(front.path(), body, front.headers)
    assert answer.status == 200, answer
    assert "x_new" in answer.headers["x-dragoman-lost"]
    assert "x_new" not in gateway.upstream.last.raw.decode()
    strict = gateway.post(front.path(), body, {**front.headers, "x-dragoman-strict": "true"})
    assert strict.status == 400, strict
    assert "x_new" in front.error(strict)[2]


@pytest.mark.parametrize(("front", "kind"), translated())
def test_nothing_is_reported_where_nothing_is_lost(request: pytest.FixtureRequest, front: Chat, kind: str) -> None:
    gateway: Gateway = request.getfixturevalue(f"over_{kind}")
    answer = gateway.post(front.path(), front.body(), {**front.headers, "x-dragoman-strict": "true"})
    assert answer.status == 200, answer


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("front", "kind"), translated())
def test_a_foreign_providers_fields_stay_behind(
    request: pytest.FixtureRequest, front: Chat, kind: str, stream: bool
) -> None:
    """A client of another dialect sees only what its own dialect has."""
    gateway: Gateway = request.getfixturevalue(f"over_{kind}")
    answer = gateway.post(front.path(stream=stream), front.body(stream=stream), front.headers)
    text = answer.body.decode()
    assert "x_upstream" not in text and str(NEW["note"]) not in text
    foreign = {
        "openai": r"chatcmpl-Up|system_fingerprint",
        "anthropic": r"msg_Up|service_tier",
        "gemini": r"avgLogprobs|responseId\": ?\"up\d",
    }[kind]
    assert not re.search(foreign, text)


@pytest.mark.parametrize("front", VENDORS, ids=front_id)
def test_the_same_history_makes_the_same_bytes(relay: Gateway, front: Chat) -> None:
    """A provider's prompt cache lives on it: what was sent once is sent again as the beginning of what follows."""
    assert relay.upstream is not None
    body = {**front.body("Weather?"), **front.tools("get_weather", "get_time")}
    relay.post(front.path(), body, front.headers)
    first = relay.upstream.last.raw
    relay.post(front.path(), body, front.headers)
    assert relay.upstream.last.raw == first
