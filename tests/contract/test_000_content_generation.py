"""Seed 000, line by line (contract 2.2): the OpenAI, Gemini and Claude compatible interfaces, health, help, providers."""

import json
import re
import shlex
import socket
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

import pytest

from clients import CHAT, CONTENTS, FRONTS, MESSAGES, Chat, front_id, wanted
from gateway import BASE, KEY, MODEL, UPSTREAM_KEY, Answer, Gateway, House, provider, server
from upstream import Upstream
from upstream.model import INPUT, OUTPUT

SPRING = "Hello, can you write a poem about spring for me?"
SYSTEM = "You are a helpful AI assistant."
OPENAI = {
    "model": "gemini-2.5-flash",
    "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": SPRING}],
    "max_tokens": 100,
    "temperature": 0.7,
}
GEMINI = {
    "contents": [{"role": "user", "parts": [{"text": SPRING}]}],
    "generationConfig": {"maxOutputTokens": 100, "temperature": 0.7, "topP": 0.9},
    "systemInstruction": {"parts": [{"text": SYSTEM}]},
}
CLAUDE = {
    "model": "claude-3-5-sonnet-20241022",
    "messages": [{"role": "user", "content": SPRING}],
    "system": SYSTEM,
    "max_tokens": 100,
    "temperature": 0.7,
    "stream": True,
}


def check_asked(gateway: Gateway, answer: Answer, *, stream: bool, top_p: float | None = None) -> None:
    """What the provider was asked is what the seed's client asked. (Claude takes temperature or top_p, not both: that is
    reported then.)"""
    if gateway.upstream is None:
        return
    asked = wanted(gateway.upstream.dialect, gateway.upstream.last)
    assert asked.system == SYSTEM
    assert asked.turns == [("user", SPRING)]
    assert (asked.max_tokens, asked.temperature, asked.stream) == (100, 0.7, stream)
    if top_p and gateway.upstream.dialect == "anthropic" and asked.top_p is None:
        assert "top_p" in answer.headers["x-dragoman-lost"]
    else:
        assert asked.top_p == top_p


# -- the OpenAI interface ---------------------------------------------------------------


@pytest.mark.parametrize("model", ["gemini-2.5-flash", "claude-3-5-sonnet-20241022", "gpt-3.5-turbo"])
@pytest.mark.parametrize("stream", [True, False, None])
def test_000_1_a_chat_with_a_system_message(gateway: Gateway, model: str, stream: bool | None) -> None:
    body = {**OPENAI, "model": model} | ({} if stream is None else {"stream": stream})
    answer = gateway.post("/v1/chat/completions", body)
    assert answer.status == 200, answer
    said = CHAT.read(answer)
    assert said.text and said.stop == "stop" and said.model == model
    check_asked(gateway, answer, stream=stream is True)
    if gateway.upstream is not None:
        assert said.text == f"You said: {SPRING} I heard it."


MESSAGE_FIELDS = {"refusal", "annotations", "reasoning_content", "images", "x_upstream"}  # that OpenAI and its kin add


def test_000_2_the_body_of_an_answer(gateway: Gateway) -> None:
    answer = gateway.post("/v1/chat/completions", OPENAI)
    assert answer.media_type == "application/json"
    body = answer.json
    assert {"id", "object", "created", "model", "choices", "usage"} <= set(body)
    assert set(body) <= {
        "id",
        "object",
        "created",
        "model",
        "choices",
        "usage",
        "service_tier",
        "system_fingerprint",
        "x_upstream",
    }
    assert re.fullmatch(r"chatcmpl-[\w-]{8,}", body["id"])
    assert body["object"] == "chat.completion"
    assert type(body["created"]) is int and body["created"] > 1_700_000_000
    assert body["model"] == "gemini-2.5-flash"
    [choice] = body["choices"]
    assert (
        {"index", "message", "finish_reason"}
        <= set(choice)
        <= {"index", "message", "finish_reason", "logprobs", "x_upstream"}
    )
    assert (choice["index"], choice["finish_reason"]) == (0, "stop")
    message = choice["message"]
    assert {"role", "content"} <= set(message) <= {"role", "content", *MESSAGE_FIELDS}
    assert message["role"] == "assistant" and message["content"]
    usage = body["usage"]
    assert {"prompt_tokens", "completion_tokens", "total_tokens"} <= set(usage)
    if gateway.upstream is not None:
        counted = (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"])
        assert counted == (INPUT, OUTPUT, INPUT + OUTPUT)


def test_000_3_the_chunks_of_a_stream(gateway: Gateway) -> None:
    answer = gateway.post("/v1/chat/completions", {**OPENAI, "stream": True})
    assert answer.events[-1].data == "[DONE]"
    assert not any(event.name for event in answer.events)
    chunks = [event.json for event in answer.events[:-1]]
    [identity] = {chunk["id"] for chunk in chunks}
    assert re.fullmatch(r"chatcmpl-[\w-]{8,}", identity)
    [created] = {chunk["created"] for chunk in chunks}
    assert type(created) is int and created > 1_700_000_000
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert {chunk["model"] for chunk in chunks} == {"gemini-2.5-flash"}
    for number, chunk in enumerate(chunks):
        [choice] = chunk[
            "choices"
        ]  # a client that reads choices[0] of each chunk must not fall: nobody asked for usage
        assert choice["index"] == 0
        last = number == len(chunks) - 1
        assert choice["finish_reason"] == ("stop" if last else None)
        assert ("role" in choice["delta"]) == (number == 0)
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    texts = [chunk["choices"][0]["delta"].get("content") for chunk in chunks]
    assert len([text for text in texts if text]) > 2, "a stream in one piece is no stream"


# -- the Gemini interface ------------------------------------------------------------------


def check_candidate(found: dict[str, object], text: str) -> None:
    [candidate] = found["candidates"]  # type: ignore[misc]
    assert candidate["content"]["role"] == "model"
    assert "".join(part["text"] for part in candidate["content"]["parts"]) == text
    assert candidate["finishReason"] == "STOP"
    assert candidate.get("index", 0) == 0


@pytest.mark.parametrize("model", ["gemini-2.5-flash", "gpt-3.5-turbo"])
def test_000_4_generate_content(gateway: Gateway, model: str) -> None:
    answer = gateway.post(f"/v1beta/models/{model}:generateContent", GEMINI)
    assert answer.status == 200, answer
    said = CONTENTS.read(answer)
    check_candidate(answer.json, said.text)
    assert answer.json["modelVersion"] == model
    usage = answer.json["usageMetadata"]
    counts = {name: usage[name] for name in ("promptTokenCount", "candidatesTokenCount", "totalTokenCount")}
    assert all(type(count) is int and count > 0 for count in counts.values())
    check_asked(gateway, answer, stream=False, top_p=0.9)


def test_000_5_a_stream_without_alt_is_an_array(gateway: Gateway) -> None:
    answer = gateway.post("/v1beta/models/gemini-2.5-flash:streamGenerateContent", GEMINI)
    assert answer.status == 200, answer
    assert answer.media_type == "application/json"
    assert isinstance(answer.json, list) and len(answer.json) > 2
    check_stream(answer, answer.json)
    check_asked(gateway, answer, stream=True, top_p=0.9)


@pytest.mark.parametrize(
    ("query", "headers"), [("?alt=sse", {}), ("", {"accept": "text/event-stream"}), ("?alt=sse", {"accept": "*/*"})]
)
def test_000_5_a_stream_of_events(gateway: Gateway, query: str, headers: dict[str, str]) -> None:
    answer = gateway.post(f"/v1beta/models/gemini-2.5-flash:streamGenerateContent{query}", GEMINI, headers)
    assert answer.status == 200, answer
    assert "[DONE]" not in answer.body.decode()
    check_stream(answer, [event.json for event in answer.events])


def check_stream(answer: Answer, chunks: list[dict[str, object]]) -> None:
    said = CONTENTS.read(answer)
    assert said.text and said.stop == "STOP" and said.input and said.output
    assert {chunk["modelVersion"] for chunk in chunks} == {"gemini-2.5-flash"}
    assert len({chunk["responseId"] for chunk in chunks}) == 1


def test_000_5_the_array_arrives_element_by_element(relay: Gateway) -> None:
    started = time.monotonic()
    connection, response = relay.open("POST", "/v1beta/models/slow:streamGenerateContent", json.dumps(GEMINI).encode())
    try:
        seen = response.read1(65536)
        while b'"text"' not in seen:
            seen += response.read1(65536)
        assert time.monotonic() - started < 2, "the array was held back"
        assert seen.lstrip().startswith(b"[{")
    finally:
        response.close()
        connection.close()


# -- the Claude interface ---------------------------------------------------------------------


@pytest.mark.parametrize("headers", [{}, {"anthropic-version": "2023-06-01"}, {"anthropic-version": "2026-10-21"}])
def test_000_6_messages_with_and_without_a_version(gateway: Gateway, headers: dict[str, str]) -> None:
    answer = gateway.post("/v1/messages", CLAUDE, headers)
    assert answer.status == 200, answer
    said = MESSAGES.read(answer)
    assert said.text and said.stop == "end_turn" and said.model == "claude-3-5-sonnet-20241022"
    check_asked(gateway, answer, stream=True)


# -- models, health ------------------------------------------------------------------------------


def test_000_7_models_as_openai_lists_them(gateway: Gateway) -> None:
    answer = gateway.get("/v1/models")
    assert answer.status == 200 and answer.json["object"] == "list"
    models = answer.json["data"]
    assert models
    for model in models:
        assert model["object"] == "model" and model["id"] and model["owned_by"] and type(model["created"]) is int
    assert len({model["id"] for model in models}) == len(models), "a model stands twice"
    one = gateway.get(f"/v1/models/{models[0]['id']}")
    assert one.status == 200 and one.json["id"] == models[0]["id"]


def test_000_7_models_as_gemini_lists_them(gateway: Gateway) -> None:
    answer = gateway.get("/v1beta/models")
    assert answer.status == 200 and set(answer.json) <= {"models", "nextPageToken"}
    models = answer.json["models"]
    assert models
    for model in models:
        assert model["name"].startswith("models/")
        assert model["supportedGenerationMethods"] and set(model["supportedGenerationMethods"]) <= {
            "generateContent", "streamGenerateContent", "countTokens", "embedContent", "batchEmbedContents", "predict"
        }  # fmt: skip
    one = gateway.get(f"/v1beta/{models[0]['name']}")
    assert one.status == 200 and one.json["name"] == models[0]["name"]


def test_000_7_models_as_anthropic_lists_them(gateway: Gateway) -> None:
    """clients.md 1.1: three clients ask for one path; the header tells whose they are."""
    answer = gateway.get("/v1/models", {"anthropic-version": "2023-06-01"})
    assert answer.status == 200, answer
    found = answer.json
    assert found["data"] and found["has_more"] is False
    assert (found["first_id"], found["last_id"]) == (found["data"][0]["id"], found["data"][-1]["id"])
    for model in found["data"]:
        assert model["type"] == "model" and model["id"] and model["display_name"]
        assert datetime.fromisoformat(model["created_at"].replace("Z", "+00:00"))
    google = gateway.get("/v1/models", {"x-goog-api-key": KEY}, key=None)
    assert [model["name"] for model in google.json["models"]] == [f"models/{model['id']}" for model in found["data"]]


def test_000_7_an_unknown_model_is_404_in_the_list(house: House) -> None:
    for path, headers, front in (
        ("/v1/models/no-such-model", {}, CHAT),
        ("/v1/models/no-such-model", {"anthropic-version": "2023-06-01"}, MESSAGES),
        ("/v1beta/models/no-such-model", {}, CONTENTS),
    ):
        answer = house.gateway.get(path, headers)
        assert answer.status == 404, answer
        front.error(answer)


@pytest.mark.parametrize("key", [None, KEY])
def test_000_8_health(gateway: Gateway, key: str | None) -> None:
    answer = gateway.get("/health", key=key)
    assert answer.status == 200
    assert set(answer.json) == {"status", "timestamp", "provider"}
    assert answer.json["status"] == "healthy"
    assert answer.json["provider"] == ("sandbox" if gateway.upstream is None else gateway.upstream.dialect)
    age = datetime.now().astimezone() - datetime.fromisoformat(answer.json["timestamp"].replace("Z", "+00:00"))
    assert abs(age.total_seconds()) < 60


# -- a provider for one request ---------------------------------------------------------------------


@pytest.mark.parametrize("header", ["model-provider", "x-dragoman-provider"])
@pytest.mark.parametrize("kind", ["openai", "anthropic", "gemini"])
@pytest.mark.parametrize("front", FRONTS, ids=front_id)
def test_000_9_a_provider_by_header(house: House, front: Chat, kind: str, header: str) -> None:
    upstream = house.upstreams[kind]
    before = len(upstream.journal)
    answer = house.gateway.post(front.path("gpt-5"), front.body(model="gpt-5"), {header: kind})
    assert answer.status == 200, answer
    assert len(upstream.journal) == before + 1
    assert wanted(kind, upstream.last).model == "gpt-5"
    assert (answer.headers["x-dragoman-provider"], answer.headers["x-dragoman-model"]) == (kind, "gpt-5")


@pytest.mark.parametrize("kind", ["openai", "anthropic", "gemini"])
@pytest.mark.parametrize("front", FRONTS, ids=front_id)
def test_000_9_a_provider_by_the_first_segment(house: House, front: Chat, kind: str) -> None:
    upstream = house.upstreams[kind]
    before = len(upstream.journal)
    answer = house.gateway.post(f"/{kind}{front.path('gpt-5', stream=True)}", front.body(model="gpt-5", stream=True))
    assert answer.status == 200, answer
    assert front.read(answer).text
    assert len(upstream.journal) == before + 1
    assert answer.headers["x-dragoman-provider"] == kind


def test_000_9_a_provider_by_its_own_name(house: House) -> None:
    """The seed's own example: several providers of one kind."""
    for path, headers in (
        ("/openai-custom/v1/chat/completions", {}),
        ("/v1/chat/completions", {"model-provider": "openai-custom"}),
    ):
        answer = house.gateway.post(path, CHAT.body(model="gpt-5"), headers)
        assert answer.status == 200, answer
        assert answer.headers["x-dragoman-provider"] == "openai-custom"


def test_000_9_the_models_of_one_provider(house: House) -> None:
    everything = {model["id"] for model in house.gateway.get("/v1/models").json["data"]}
    some = {model["id"] for model in house.gateway.get("/anthropic/v1/models").json["data"]}
    assert (
        some
        and some < everything
        and any("claude" in name for name in some)
        and not any("gpt" in name for name in some)
    )


@pytest.mark.parametrize("front", FRONTS, ids=front_id)
def test_000_9_an_unknown_provider_is_404(house: House, front: Chat) -> None:
    by_segment = house.gateway.post(f"/nobody{front.path()}", front.body())
    by_header = house.gateway.post(front.path(), front.body(), {"model-provider": "nobody"})
    for answer in (by_segment, by_header):
        assert answer.status == 404, answer
        assert "nobody" in front.error(answer)[2]


# -- flags, help, proxy ---------------------------------------------------------------------------------


def test_000_15_flags_instead_of_a_file() -> None:
    with Upstream("openai") as openai, Upstream("anthropic") as claude:
        flags = (
            *("--api-key", KEY, "--model-provider", "claude"),
            *("--openai-api-key", UPSTREAM_KEY, "--openai-base-url", openai.url + BASE["openai"]),
            *("--claude-api-key", UPSTREAM_KEY, "--claude-base-url", claude.url + BASE["anthropic"]),
        )
        with Gateway(None, *flags) as gateway:
            assert gateway.post(CHAT.path(), CHAT.body(), key="sk-wrong").status == 401
            for model, upstream in (
                ("gpt-4o-mini", openai),
                ("claude-3-5-sonnet-20241022", claude),
                ("some-other-model", claude),
            ):
                before = len(upstream.journal)
                answer = gateway.post(CHAT.path(), CHAT.body(model=model))
                assert answer.status == 200, answer
                assert len(upstream.journal) == before + 1, model


def test_000_15_flags_win_over_the_file() -> None:
    config = server() + '[providers.sandbox]\nkind = "sandbox"\npace = 0.0\n'
    with Gateway(config, "--api-key", "sk-from-the-flag", key="sk-from-the-flag") as gateway:
        assert gateway.post(CHAT.path(), CHAT.body()).status == 200
        assert gateway.post(CHAT.path(), CHAT.body(), key=KEY).status == 401


def test_000_17_help_lists_every_endpoint(sandbox: Gateway) -> None:
    answer = sandbox.get("/api/help")
    assert answer.status == 200
    listed = {(line["method"], line["path"]) for line in answer.json["endpoints"]}
    for method, path in (
        ("POST", "/v1/chat/completions"),
        ("POST", "/v1/messages"),
        ("POST", "/v1beta/models/{model}:generateContent"),
        ("POST", "/v1beta/models/{model}:streamGenerateContent"),
        ("POST", "/v1beta/models/{model}:predict"),
        ("POST", "/v1beta/models/{model}:batchEmbedContents"),
        ("POST", "/api/generate"),
        ("POST", "/api/v1/chat"),
        ("GET", "/v1/models"),
        ("GET", "/health"),
    ):
        assert (method, path) in listed
    assert all(line["summary"] for line in answer.json["endpoints"])


def curls(gateway: Gateway) -> Iterator[str]:
    for line in gateway.get("/api/example").json["examples"]:
        yield line["curl"]


def test_000_17_every_example_works_as_it_is_printed(gateway: Gateway) -> None:
    """With the sandbox each is a 200; with a provider, that or an honest no."""
    seen = 0
    for line in curls(gateway):
        assert (
            "DRAGOMAN_API_KEY" in line or any(path in line for path in ("/health", "/ready")) or line.endswith("/")
        ), line
        words = shlex.split(line.replace("$DRAGOMAN_API_KEY", KEY))
        assert words[0] == "curl"
        url = next(word for word in words[1:] if word.startswith(gateway.url))
        headers = dict(word.split(": ", 1) for flag, word in pairwise(words) if flag == "-H")
        body = next((word for flag, word in pairwise(words) if flag == "-d"), None)
        method = "POST" if body is not None else "GET"
        answer = gateway.call(
            method, url.removeprefix(gateway.url) or "/", headers=headers, body=body and body.encode(), key=None
        )
        able = gateway.upstream is None
        assert answer.status == 200 or (not able and answer.status in (400, 404)), (line, answer)
        seen += 1
    assert seen > 15


class Proxy:
    """A forward proxy that answers by itself and remembers the first lines it read."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self) -> None:
        body = json.dumps({"id": "chatcmpl-proxied", "object": "chat.completion", "created": 1, "model": "gpt-5", "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "through the proxy"}, "finish_reason": "stop"}
        ]}).encode()  # fmt: skip
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as reader:
                self.lines.append(reader.readline().decode().strip())
                length = 0
                while line := reader.readline().strip().lower():
                    if line.startswith(b"content-length:"):
                        length = int(line.partition(b":")[2])
                reader.read(length)
                head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
                connection.sendall(head.encode() + body)


def test_000_19_a_proxy_for_one_provider() -> None:
    proxy = Proxy()
    proxy.thread.start()
    try:
        config = server() + provider("openai", "http://provider.invalid", "", f'proxy = "{proxy.url}"')
        with Gateway(config) as gateway:
            answer = gateway.post(CHAT.path("gpt-5"), CHAT.body(model="gpt-5"))
            assert answer.status == 200, answer
            assert CHAT.read(answer).text == "through the proxy"
        assert proxy.lines == ["POST http://provider.invalid/v1/chat/completions HTTP/1.1"]
    finally:
        proxy.socket.shutdown(socket.SHUT_RDWR)
        proxy.socket.close()
        proxy.thread.join(5)


def test_the_default_model_is_one_of_the_list(gateway: Gateway) -> None:
    assert gateway.get(f"/v1/models/{MODEL}").status == 200
