"""Seed 002, line by line (contract 2.4): the app API, its stream, its errors, its list of models."""

import json
import re
import socket
from typing import Any

import pytest

from clients import APP, wanted
from gateway import SANDBOX, Gateway, House, free_port, over
from upstream import Upstream
from upstream.model import REASONING

SEED = {
    "systemPrompt": "You are a helpful assistant.",
    "messages": [{"id": "msg_001", "role": "user", "content": "Hello!", "timestamp": "2026-03-05T10:00:00.000Z"}],
    "stream": True,
    "temperature": 0.7,
    "maxTokens": 2048,
    "thinkingEnabled": False,
}


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in SEED.items() if name not in names}


def test_002_1_the_body_of_the_seed(gateway: Gateway) -> None:
    answer = gateway.post("/api/generate", SEED)
    assert answer.status == 200, answer
    said = APP.read(answer)
    assert said.text
    if gateway.upstream is not None:
        assert said.text == "You said: Hello! I heard it."
        asked = wanted(gateway.upstream.dialect, gateway.upstream.last)
        assert asked.system == "You are a helpful assistant."
        assert asked.turns == [("user", "Hello!")]
        assert (asked.temperature, asked.max_tokens, asked.stream) == (0.7, 2048, True)


def test_002_1_only_two_fields_are_required(gateway: Gateway) -> None:
    answer = gateway.post("/api/generate", {"systemPrompt": SEED["systemPrompt"], "messages": SEED["messages"]})
    assert answer.media_type == "application/json", "stream is false by default"
    assert APP.read(answer).text
    if gateway.upstream is not None:
        asked = wanted(gateway.upstream.dialect, gateway.upstream.last)
        assert asked.temperature is None and asked.stream is False


def test_002_2_ids_and_timestamps_stay_here(relay: Gateway) -> None:
    body = without("stream") | {"clientVersion": "9.9.9"}
    body["messages"] = [{**SEED["messages"][0], "pinned": True}]  # type: ignore[index, dict-item]
    answer = relay.post("/api/generate", body)
    assert answer.status == 200, answer
    assert relay.upstream is not None
    sent = relay.upstream.last.raw.decode()
    for word in ("msg_001", "timestamp", "2026-03-05", "pinned", "clientVersion"):
        assert word not in sent


def test_002_2_a_model_and_a_provider(house: House) -> None:
    for kind, upstream in house.upstreams.items():
        before = len(upstream.journal)
        answer = house.gateway.post("/api/generate", {**without("stream"), "model": "my-model", "provider": kind})
        assert answer.status == 200, answer
        assert len(upstream.journal) == before + 1
        assert wanted(kind, upstream.last).model == "my-model"
    answer = house.gateway.post("/api/generate", {**without("stream"), "model": "my-model", "provider": "nobody"})
    assert answer.status == 404, answer
    APP.error(answer)


def test_002_2_without_a_model_the_default_one(relay: Gateway) -> None:
    assert relay.upstream is not None
    assert relay.post("/api/generate", without("stream")).status == 200
    assert wanted(relay.upstream.dialect, relay.upstream.last).model == "gemini-2.5-flash"


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (without("systemPrompt"), "systemPrompt"),
        (without("messages"), "messages"),
        ({**SEED, "systemPrompt": 7}, "systemPrompt"),
        ({**SEED, "systemPrompt": None}, "systemPrompt"),
        ({**SEED, "messages": "Hello!"}, "messages"),
        ({**SEED, "messages": ["Hello!"]}, "messages[0]"),
        ({**SEED, "messages": [{"role": "nobody", "content": "x"}]}, "messages[0].role"),
        ({**SEED, "messages": [{"content": "x"}]}, "messages[0].role"),
        ({**SEED, "messages": [{"role": "user", "content": {"a": 1}}]}, "messages[0].content"),
        ({**SEED, "messages": [{"role": "user"}]}, "messages[0].content"),
        ({**SEED, "stream": "yes"}, "stream"),
        ({**SEED, "temperature": "warm"}, "temperature"),
        ({**SEED, "temperature": -1}, "temperature"),
        ({**SEED, "maxTokens": 0}, "maxTokens"),
        ({**SEED, "maxTokens": 1.5}, "maxTokens"),
        ({**SEED, "thinkingEnabled": "no"}, "thinkingEnabled"),
        ({**SEED, "model": 4}, "model"),
        ({**SEED, "provider": 4}, "provider"),
        ([SEED], ""),
        ("Hello!", ""),
    ],
    ids=str,
)
def test_002_3_validation_names_the_field(gateway: Gateway, body: Any, named: str) -> None:
    answer = gateway.post("/api/generate", body)
    assert answer.status == 400, answer
    assert named in APP.error(answer)[2]


def test_002_4_the_stream(gateway: Gateway) -> None:
    answer = gateway.post("/api/generate", SEED)
    lines = answer.body.decode().split("\n\n")
    assert lines[-2:] == ["data: [DONE]", ""]
    assert len(lines) > 4
    for line in lines[:-2]:
        assert line.startswith('data: {"content":"'), line  # compact, as the seed prints it
        assert set(json.loads(line.removeprefix("data: "))) == {"content"}


@pytest.mark.parametrize("stream", [True, False])
def test_002_4_thoughts_are_no_content(gateway: Gateway, stream: bool) -> None:
    answer = gateway.post(
        "/api/generate", {**without("temperature"), "maxTokens": 8000, "thinkingEnabled": True, "stream": stream}
    )
    assert answer.status == 200, answer
    text = APP.read(answer).text  # nothing but content in the events: the reader looks
    assert text
    if gateway.upstream is not None:
        assert text == "You said: Hello! I heard it."
        assert REASONING not in answer.body.decode()


def test_002_5_an_error_in_the_stream(relay: Gateway) -> None:
    answer = relay.post("/api/generate", {**SEED, "model": "midstream-error"})
    assert answer.status == 200, answer
    message = APP.broken(answer.events)
    assert re.match(r"Provider returned 5\d\d: .", message), message
    assert len(answer.events) > 2


def test_002_5_a_provider_that_refuses_from_the_start(relay: Gateway) -> None:
    for stream in (True, False):
        answer = relay.post("/api/generate", {**SEED, "model": "error-429", "stream": stream})
        assert answer.status == 429, answer
        assert APP.error(answer)[2].startswith("Provider returned 429: ")


def test_002_6_the_seeds_own_reader(gateway: Gateway) -> None:
    """It parses every chunk of the network by itself, line by line, without a buffer."""
    text, done = "", False
    for chunk in gateway.chunks("/api/generate", SEED):
        for line in chunk.decode().split("\n"):  # a character cut in two would raise here
            if line.startswith("data: "):
                if line[6:] == "[DONE]":
                    done = True
                    break
                text += json.loads(line[6:])["content"]
    assert done and text == APP.read(gateway.post("/api/generate", SEED)).text


def test_002_7_the_whole_answer(gateway: Gateway) -> None:
    answer = gateway.post("/api/generate", {**SEED, "stream": False})
    assert answer.status == 200
    assert set(answer.json) == {"ok", "data"} and answer.json["ok"] is True
    assert set(answer.json["data"]) == {"content"} and answer.json["data"]["content"]


@pytest.mark.parametrize("name", ["openai", "anthropic", "gemini", "openai-custom"])
def test_002_8_models_of_a_provider(house: House, name: str) -> None:
    answer = house.gateway.get(f"/api/generate/models/{name}")
    assert answer.status == 200, answer
    assert set(answer.json) == {"ok", "data"} and answer.json["ok"] is True
    assert answer.json["data"]
    for model in answer.json["data"]:
        assert set(model) == {"id", "name"} and model["id"] and model["name"]
    family = {"openai": "gpt", "anthropic": "claude", "gemini": "gemini"}[name.removesuffix("-custom")]
    assert any(family in model["id"] for model in answer.json["data"])


def test_002_8_models_for_people(house: House) -> None:
    names = {model["id"]: model["name"] for model in house.gateway.get("/api/generate/models/openai").json["data"]}
    assert names["gpt-4o-mini"] == "GPT-4o mini" or names["gpt-4o-mini"] == "GPT-4o Mini"


@pytest.mark.parametrize("name", ["nobody", "openai2", "sandbox"])
def test_002_8_an_unknown_provider_is_404(house: House, name: str) -> None:
    answer = house.gateway.get(f"/api/generate/models/{name}")
    assert answer.status == 404, answer
    APP.error(answer)


@pytest.mark.parametrize("model", ["gemini-2.5-flash", "claude-sonnet-4-5", "gpt-5"])
@pytest.mark.parametrize("on", [True, False])
def test_002_9_thinking_on_and_off(house: House, model: str, on: bool) -> None:
    body = {**without("temperature", "maxTokens", "stream"), "thinkingEnabled": on, "model": model}
    answer = house.gateway.post("/api/generate", body)
    assert answer.status == 200, answer
    kind = answer.headers["x-dragoman-provider"]
    sent = house.upstreams[kind].last.json
    match kind:
        case "openai":
            effort = sent.get("reasoning_effort")
            assert effort in (("low", "medium", "high") if on else (None, "none", "minimal"))
        case "anthropic":
            thinking = sent.get("thinking", {"type": "disabled"})
            assert thinking["type"] == ("enabled" if on else "disabled")
            assert not on or 1024 <= thinking["budget_tokens"] < sent["max_tokens"]
        case "gemini":
            config = sent.get("generationConfig", {}).get("thinkingConfig", {})
            assert (config.get("thinkingBudget") != 0) if on else (config.get("thinkingBudget") == 0), sent
            assert not on or config, sent


def test_002_9_no_temperature_for_a_thinking_claude(over_anthropic: Gateway) -> None:
    body = {**without("stream"), "thinkingEnabled": True, "model": "claude-sonnet-4-5"}
    answer = over_anthropic.post("/api/generate", body)
    assert answer.status == 200, answer
    assert over_anthropic.upstream is not None
    assert over_anthropic.upstream.last.json.get("temperature") in (None, 1)
    assert "temperature" in answer.headers["x-dragoman-lost"]
    strict = over_anthropic.post("/api/generate", body, {"x-dragoman-strict": "true"})
    assert strict.status == 400 and "temperature" in APP.error(strict)[2]


# -- 002-10: browsers ------------------------------------------------------------------------------

ORIGIN = "https://app.example"
ASKING = {
    "origin": ORIGIN,
    "access-control-request-method": "POST",
    "access-control-request-headers": "content-type, authorization",
}


@pytest.mark.parametrize(("allowed", "said"), [(f'"{ORIGIN}", "https://other.example"', ORIGIN), ('"*"', "*")])
def test_002_10_allowed_origins(allowed: str, said: str) -> None:
    with Gateway(SANDBOX.replace("[server]", f"[server]\ncors_origins = [{allowed}]")) as gateway:
        before = gateway.call("OPTIONS", "/api/generate", headers=ASKING, key=None)
        assert before.status in (200, 204), before
        assert before.headers["access-control-allow-origin"] == said
        assert "POST" in before.headers["access-control-allow-methods"]
        named = before.headers["access-control-allow-headers"].lower()
        assert named == "*" or {"content-type", "authorization"} <= {name.strip() for name in named.split(",")}
        for body in (SEED, {**SEED, "messages": 1}):
            answer = gateway.post("/api/generate", body, {"origin": ORIGIN})
            assert answer.headers["access-control-allow-origin"] == said, "errors must be readable too"
        assert (
            gateway.post("/api/generate", SEED, {"origin": ORIGIN}, key="sk-wrong").headers[
                "access-control-allow-origin"
            ]
            == said
        )
        if said != "*":
            stranger = gateway.post("/api/generate", SEED, {"origin": "https://evil.example"})
            assert "access-control-allow-origin" not in stranger.headers


def test_002_10_no_origin_unless_told(sandbox: Gateway) -> None:
    answer = sandbox.call("OPTIONS", "/api/generate", headers=ASKING, key=None)
    assert "access-control-allow-origin" not in answer.headers
    assert "access-control-allow-origin" not in sandbox.post("/api/generate", SEED, {"origin": ORIGIN}).headers


def test_a_provider_that_is_not_there() -> None:
    """Nobody listens: a 502 or 503 in the caller's dialect, at once, and the gateway stays."""
    with Upstream("openai") as upstream:
        config = over(upstream).replace(upstream.url, f"http://127.0.0.1:{free_port()}")
    with Gateway(config) as gateway:
        answer = gateway.post("/api/generate", SEED)
        assert answer.status in (502, 503), answer
        assert "retry-after" in answer.headers
        APP.error(answer)
        assert gateway.get("/health").status == 200


def test_a_client_may_keep_its_connection(sandbox: Gateway) -> None:
    """Several requests on one connection, a stream among them."""
    body = json.dumps(SEED).encode()
    head = f"POST /api/generate HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {sandbox.key}\r\ncontent-length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", sandbox.port), 10) as connection, connection.makefile("rb") as reader:
        for _ in range(3):
            connection.sendall(head.encode() + body)
            assert b" 200 " in reader.readline()
            while reader.readline().strip():
                pass
            seen = b""
            while size := int(reader.readline(), 16):
                seen += reader.read(size)
                reader.readline()
            reader.readline()
            assert seen.endswith(b"data: [DONE]\n\n")
