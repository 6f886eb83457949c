"""Seed 004, line by line (contract 2.6): /api/v1, defaults, aliases for the SDKs, codes, descriptions."""

from typing import Any

import pytest

from clients import CHAT, RESPONSES, SMALL, wanted
from gateway import Gateway, House, over, provider, server
from upstream import Upstream

MESSAGES = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "Hello, how are you?"},
]
POEM = [{"role": "user", "content": "Write a poem about coding"}]


def test_004_1_basic_chat(gateway: Gateway) -> None:
    answer = gateway.post("/api/v1/chat", {"messages": MESSAGES, "model": "gemini-2.5-flash"})
    assert answer.status == 200 and answer.media_type == "application/json"
    said = CHAT.read(answer)
    assert said.text and said.stop == "stop" and said.model == "gemini-2.5-flash"


def test_004_1_streaming(gateway: Gateway) -> None:
    answer = gateway.post("/api/v1/chat", {"messages": POEM, "model": "gemini-2.5-flash", "stream": True})
    said = CHAT.read(answer)
    assert said.text and said.model == "gemini-2.5-flash"


@pytest.mark.parametrize("stream", [False, True, None])
def test_004_2_defaults(gateway: Gateway, stream: bool | None) -> None:
    answer = gateway.post("/api/v1/chat", {"messages": POEM} | ({} if stream is None else {"stream": stream}))
    assert answer.status == 200, answer
    said = CHAT.read(answer)
    assert said.text and said.model == "gemini-2.5-flash"
    if gateway.upstream is not None:
        asked = wanted(gateway.upstream.dialect, gateway.upstream.last)
        assert (asked.model, asked.max_tokens, asked.temperature) == ("gemini-2.5-flash", 4096, None)
        assert asked.stream is bool(stream)


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_004_2_what_is_said_stands(relay: Gateway, name: str) -> None:
    body = {"messages": POEM, "model": "gpt-4o-mini", name: 55, "temperature": 0}
    assert relay.post("/api/v1/chat", body).status == 200
    assert relay.upstream is not None
    asked = wanted(relay.upstream.dialect, relay.upstream.last)
    assert (asked.model, asked.max_tokens, asked.temperature) == ("gpt-4o-mini", 55, 0)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/v1/chat/completions"])
def test_004_2_the_default_is_for_the_quick_start_only(over_openai: Gateway, path: str) -> None:
    assert over_openai.post(path, CHAT.body()).status == 200
    assert over_openai.upstream is not None
    assert wanted("openai", over_openai.upstream.last).max_tokens is None
    missing = over_openai.post(path, {"messages": POEM})
    assert missing.status == 400 and "model" in CHAT.error(missing)[2]


@pytest.mark.parametrize(
    ("name", "value"),
    [("temperature", 2.5), ("temperature", "1"), ("max_tokens", 0), ("messages", None), ("stream", "no")],
)
def test_004_2_ranges(gateway: Gateway, name: str, value: Any) -> None:
    answer = gateway.post("/api/v1/chat", {"messages": POEM, name: value})
    assert answer.status == 400, answer
    assert name in CHAT.error(answer)[2]


def test_004_2_defaults_are_settings() -> None:
    with Upstream("openai") as upstream:
        config = over(upstream).replace(
            'default_model = "gemini-2.5-flash"', 'default_model = "my-model"\ndefault_max_tokens = 77'
        )
        with Gateway(config) as gateway:
            answer = gateway.post("/api/v1/chat", {"messages": POEM})
            assert CHAT.read(answer).model == "my-model"
            asked = wanted("openai", upstream.last)
            assert (asked.model, asked.max_tokens) == ("my-model", 77)


def test_004_2_a_default_nobody_serves_gives_way_to_the_first_model() -> None:
    with Upstream("openai") as upstream:
        config = (
            'default_model = "gemini-2.5-flash"\n'
            + server()
            + provider("openai", upstream.url, "", 'models = ["gpt-4o-mini", "gpt-5"]')
        )
        with Gateway(config) as gateway:
            answer = gateway.post("/api/v1/chat", {"messages": POEM})
            assert answer.status == 200, answer
            assert wanted("openai", upstream.last).model == "gpt-4o-mini" == CHAT.read(answer).model
            named = gateway.post("/api/v1/chat", {"messages": POEM, "model": "gemini-2.5-flash"})
            assert named.status == 404, "who names a model gets that model or none"


@pytest.mark.parametrize(
    ("path", "body"),
    [("/v1/chat/completions", CHAT.body()), *((path, body) for path, front, body in SMALL if front is CHAT)],
)
def test_004_3_the_sdks_paths(sandbox: Gateway, path: str, body: dict[str, Any]) -> None:
    direct, alias = sandbox.post(path, body), sandbox.post(f"/api{path}", body)
    assert direct.status == alias.status == 200, alias
    assert direct.media_type == alias.media_type
    if direct.media_type == "application/json":
        assert set(direct.json) == set(alias.json)


def test_004_3_streaming_and_functions(gateway: Gateway) -> None:
    body = {**CHAT.body("What is the weather?", stream=True), **CHAT.tools("get_weather")}
    said = CHAT.read(gateway.post("/api/v1/chat/completions", body))
    assert said.stop == "tool_calls" and said.calls[0][0] == "get_weather"
    quick = CHAT.read(gateway.post("/api/v1/chat", body))
    assert quick.stop == "tool_calls" and quick.calls[0][0] == "get_weather"


@pytest.mark.parametrize("stream", [False, True])
def test_004_3_responses(gateway: Gateway, stream: bool) -> None:
    body = {**RESPONSES.body("What is the weather?", stream=stream), **RESPONSES.tools("get_weather")}
    answer = gateway.post("/api/v1/responses", body)
    assert answer.status == 200, answer
    said = RESPONSES.read(answer)
    assert said.calls[0][0] == "get_weather"
    assert gateway.get(f"/api/v1/responses/{said.id}").json["id"] == said.id


def test_004_3_models(gateway: Gateway) -> None:
    assert gateway.get("/api/v1/models").json == gateway.get("/v1/models").json
    assert gateway.get("/api/v1/models/gemini-2.5-flash").json["id"] == "gemini-2.5-flash"


def test_004_4_the_answer(gateway: Gateway) -> None:
    body = gateway.post("/api/v1/chat", {"messages": MESSAGES, "model": "gemini-2.5-flash"}).json
    assert body["id"].startswith("chatcmpl-") and body["object"] == "chat.completion"
    assert body["choices"][0]["message"]["role"] == "assistant" and body["choices"][0]["finish_reason"] == "stop"
    usage = body["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > 0


def test_004_5_codes(sandbox: Gateway, relay: Gateway) -> None:
    assert relay.post("/api/v1/chat", {"messages": "none"}).status == 400
    assert relay.post("/api/v1/chat", {"messages": POEM}, key="sk-wrong").status == 401
    assert relay.post("/api/v1/chat", {"messages": POEM}, key=None).status == 401
    for status in (429, 500):
        for gateway, model in ((relay, f"error-{status}"), (sandbox, f"sandbox/error-{status}")):
            answer = gateway.post("/api/v1/chat", {"messages": POEM, "model": model})
            assert answer.status == status, answer
            CHAT.error(answer)


def test_004_6_models_have_descriptions(sandbox: Gateway, house: House) -> None:
    for gateway in (sandbox, house.gateway):
        models = {model["name"]: model for model in gateway.get("/v1beta/models").json["models"]}
        for name in ("gemini-2.5-flash", "gemini-2.0-flash", "gpt-4o-mini"):
            assert len(models[f"models/{name}"]["description"].split()) >= 2, name
