"""A real inference server behind the gateway: llama.cpp's own, on a tiny model that speaks at random. What it says means
nothing, so what is tested is form: its streams, counts, stops and tool calls are a real server's.

$DRAGOMAN_LLAMA names its address; with DRAGOMAN_LLAMA_START=1 or CI=true the recordings' own script starts one.
"""

import os
import subprocess
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from clients import CHAT, CONTENTS, FRONTS, MESSAGES, VENDORS, Chat, front_id
from gateway import Answer, Gateway, server
from traffic import corpus

HERE = "http://127.0.0.1:8091"
SERVED = "tiny-markov"


def alive(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture(scope="session")
def llama() -> Iterator[str]:
    """The address of a running server; one that was started here is stopped here."""
    if url := os.environ.get("DRAGOMAN_LLAMA"):
        assert alive(url), f"DRAGOMAN_LLAMA={url} does not answer"
        yield url
        return
    if os.environ.get("DRAGOMAN_LLAMA_START") != "1" and os.environ.get("CI") != "true":
        pytest.skip("no llama.cpp: name one in DRAGOMAN_LLAMA, or set DRAGOMAN_LLAMA_START=1 to start one")
    folder, _ = corpus()
    script = folder / "start_upstreams.sh" if folder else None
    if script is None or not script.is_file():
        pytest.skip("no script beside the recordings that would start llama.cpp")
    if alive(HERE):
        yield HERE
        return
    started = subprocess.run(
        ["bash", script, "start", "llama"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=180,
        check=False,
    )
    if started.returncode != 0 or not alive(HERE):
        pytest.skip(f"llama.cpp did not start: {started.stdout[-300:]!r}")
    try:
        yield HERE
    finally:
        subprocess.run(["bash", script, "stop", "llama"], stdin=subprocess.DEVNULL, timeout=30, check=False)


@pytest.fixture(scope="module", params=["openai-compatible", "llamacpp"])
def tiny(request: pytest.FixtureRequest, llama: str) -> Iterator[Gateway]:
    """The gateway over it, as any server of that dialect and as the catalogue knows it."""
    config = f'default_model = "{SERVED}"\n{server()}\n[providers.tiny]\nkind = "{request.param}"\nbase_url = "{llama}/v1"\nkeys = ["none"]\nmodels = ["{SERVED}"]\n'
    with Gateway(config) as gateway:
        yield gateway
        assert "Traceback" not in gateway.output, gateway.output[-3000:]


def ask(gateway: Gateway, path: str, body: dict[str, Any]) -> Answer:
    """Asks again where the model, which speaks at random, wrote what its own server then could not read."""
    for _ in range(5):
        answer = gateway.post(path, body, timeout=60)
        if b"does not match the expected" not in answer.body:
            break
    return answer


def asked(front: Chat, text: str = "hello world", *, stream: bool, **more: Any) -> dict[str, Any]:
    """The model may spend its whole limit on thoughts: a client that is shown none unasked asks for them."""
    if front is MESSAGES:
        more = {"thinking": {"type": "adaptive"}, **more}
    thoughts = {"maxOutputTokens": 24, "thinkingConfig": {"includeThoughts": True}}
    limit = front.limit(24) if front is not CONTENTS else {"generationConfig": thoughts}
    return {**front.body(text, SERVED, stream), **limit, **more}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("front", FRONTS, ids=front_id)
def test_a_chat_in_every_dialect(tiny: Gateway, front: Chat, stream: bool) -> None:
    answer = ask(tiny, front.path(SERVED, stream), asked(front, stream=stream))
    assert answer.status == 200, answer
    assert answer.headers["x-dragoman-provider"] == "tiny" and answer.headers["x-dragoman-model"] == SERVED
    said = front.read(answer)
    if front in VENDORS:
        assert said.text or said.reasoning or said.calls
        assert said.stop in front.stops.values()
        assert said.model == SERVED
    if front in VENDORS and not (front is CHAT and stream):
        assert said.input and said.output is not None and 0 < said.output <= 24


def test_usage_of_a_stream(tiny: Gateway) -> None:
    said = CHAT.read(ask(tiny, CHAT.path(), asked(CHAT, stream=True, stream_options={"include_usage": True})))
    assert said.input and said.output and said.output <= 24


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("front", VENDORS, ids=front_id)
def test_tools_in_every_dialect(tiny: Gateway, front: Chat, stream: bool) -> None:
    """Forced, so that even this model calls: the name is right and the arguments are JSON, whatever they hold."""
    choice: dict[str, Any] = {
        "openai.chat": {"tool_choice": "required"},
        "anthropic": {"tool_choice": {"type": "any"}},
        "gemini": {"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}},
    }[front.name]
    limit = front.limit(400) if front is not CONTENTS else {"generationConfig": {"maxOutputTokens": 400}}
    body = {**front.body("What is the weather?", SERVED, stream), **front.tools("get_weather"), **choice, **limit}
    answer = ask(tiny, front.path(SERVED, stream), body)
    assert answer.status == 200, answer
    said = front.read(answer)
    if said.stop == front.stops["length"]:
        return  # it talked to its limit inside a string
    assert said.calls and all(name == "get_weather" and isinstance(given, dict) for name, given in said.calls)
    assert said.stop == front.stops["tool_calls"]


@pytest.mark.parametrize("front", VENDORS, ids=front_id)
def test_a_tools_result_in_every_dialect(tiny: Gateway, front: Chat) -> None:
    silent: dict[str, dict[str, Any]] = {  # no second call, which would end at the limit inside its arguments
        "openai.chat": {"tool_choice": "none"},
        "anthropic": {"tool_choice": {"type": "none"}},
        "gemini": {"toolConfig": {"functionCallingConfig": {"mode": "NONE"}}},
    }
    messages: dict[str, dict[str, Any]] = {
        "openai.chat": {
            "messages": [
                {"role": "user", "content": "Weather?"},
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [
                        {
                            "id": "c1",
                            "type": "function",
                            "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'},
                        }
                    ],
                },
                {"role": "tool", "tool_call_id": "c1", "content": "21C"},
            ]
        },
        "anthropic": {
            "messages": [
                {"role": "user", "content": "Weather?"},
                {
                    "role": "assistant",
                    "content": [{"type": "tool_use", "id": "c1", "name": "get_weather", "input": {"city": "Paris"}}],
                },
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "21C"}]},
            ]
        },
        "gemini": {
            "contents": [
                {"role": "user", "parts": [{"text": "Weather?"}]},
                {"role": "model", "parts": [{"functionCall": {"name": "get_weather", "args": {"city": "Paris"}}}]},
                {
                    "role": "user",
                    "parts": [{"functionResponse": {"name": "get_weather", "response": {"result": "21C"}}}],
                },
            ]
        },
    }
    tools = {**front.tools("get_weather"), **silent[front.name]}
    answer = ask(tiny, front.path(SERVED), {**asked(front, stream=False), **messages[front.name], **tools})
    assert answer.status == 200, answer
    assert front.read(answer).stop in front.stops.values()


def test_its_own_errors_come_through(tiny: Gateway) -> None:
    """Its context is limited: a text beyond it is refused by the server itself, and every dialect can tell why."""
    text = "word " * 200_000
    for front in VENDORS:
        answer = tiny.post(front.path(SERVED), asked(front, text, stream=False), timeout=60)
        assert answer.status == 400, answer
        if front is not CHAT:
            assert "98304" in front.error(answer)[2]
            continue
        error = answer.json["error"]
        assert "98304" in error["message"] and error["n_ctx"] == 98304, "its own fields come too"
        assert isinstance(error["code"], str), "it says 400, but to a client of this dialect a code is a word"


def test_counting_where_the_server_can(tiny: Gateway) -> None:
    answer = tiny.post(
        "/v1/messages/count_tokens", {"model": SERVED, "messages": [{"role": "user", "content": "hello world"}]}
    )
    assert answer.status == 200 and answer.json["input_tokens"] > 0
