"""What several seeds demand (contract 2.1): keys, models, errors, framing, usage."""

import os
import re
import subprocess
import sys
from typing import Any

import pytest

from clients import APP, CHAT, CONTENTS, FRONTS, MESSAGES, SMALL, VENDORS, Chat, front_id, posts
from gateway import KEY, OTHER_KEY, SANDBOX, Gateway
from upstream.model import INPUT, OUTPUT

WAYS = ("authorization", "x-api-key", "x-goog-api-key", "key")
GETS = (
    "/v1/models",
    "/v1/models/gemini-2.5-flash",
    "/v1beta/models",
    "/v1beta/models/gemini-2.5-flash",
    "/api/help",
    "/api/example",
)
SEED_MODELS = (
    "gemini-2.5-flash",
    "claude-3-5-sonnet-20241022",
    "gpt-3.5-turbo",
    "gemini-2.5-flash-lite",
    "claude-sonnet-4-5@20250929",
    "claude-3-haiku@20240307",
    "gemini-2.5-pro",
    "deepseek-ai/deepseek-r1-0528-maas",
    "gpt-4o-mini",
)


def keyed(way: str, key: str, path: str) -> tuple[str, dict[str, str]]:
    """A path and headers that bring a key in one of the four ways."""
    if way == "key":
        return f"{path}{'&' if '?' in path else '?'}key={key}", {}
    return path, {way: f"Bearer {key}" if way == "authorization" else key}


def post_id(found: Any) -> str:
    return found[0] if isinstance(found, tuple) else ""


# -- S-1, S-3: where it listens, with which keys ---------------------------------------


def test_s_1_host_and_port_come_from_the_settings() -> None:
    with Gateway(SANDBOX.replace("[server]", '[server]\nhost = "127.0.0.1"\nport = PORT')) as gateway:
        assert "--port" not in gateway.flags
        assert gateway.post(CHAT.path(), CHAT.body()).status == 200


def test_s_1_it_says_where_it_listens(sandbox: Gateway) -> None:
    assert re.search(rf"http://(localhost|127\.0\.0\.1):{sandbox.port}\b", sandbox.output), sandbox.output


@pytest.mark.parametrize("key", [KEY, OTHER_KEY])
def test_s_3_several_keys_at_once(gateway: Gateway, key: str) -> None:
    assert gateway.post(CHAT.path(), CHAT.body(), key=key).status == 200


def test_s_3_keys_from_the_environment() -> None:
    config = '[providers.sandbox]\nkind = "sandbox"\npace = 0.0\n'
    with Gateway(config, env={"DRAGOMAN_API_KEYS": "your-api-key-1,your-api-key-2"}) as gateway:
        for key, status in (("your-api-key-1", 200), ("your-api-key-2", 200), ("your-api-key-3", 401), ("", 401)):
            assert gateway.post(CHAT.path(), CHAT.body(), key=key or None).status == status, key


def test_s_3_no_key_that_everybody_knows() -> None:
    """Reachable from elsewhere and without a key in its settings, it refuses to start, and says what to do."""
    command = [sys.executable, "-m", "dragoman", "serve", "--host", "0.0.0.0", "--port", "0"]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", "src")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2
    assert "no key is set" in done.stderr
    assert "DRAGOMAN_API_KEYS" in done.stderr


# -- S-2: the same key, four ways, on every route -----------------------------------------


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("path", "front", "body"), list(posts()), ids=post_id)
def test_s_2_a_key_four_ways_on_every_post(sandbox: Gateway, path: str, front: Chat, body: Any, way: str) -> None:
    where, headers = keyed(way, KEY, path)
    answer = sandbox.post(where, body, headers, key=None)
    assert answer.status == 200, answer
    where, headers = keyed(way, "sk-wrong", path)
    answer = sandbox.post(where, body, headers, key=None)
    assert answer.status == 401, answer
    front.error(answer)
    assert "sk-wrong" not in answer.body.decode()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("path", GETS)
def test_s_2_a_key_four_ways_on_every_get(sandbox: Gateway, path: str, way: str) -> None:
    where, headers = keyed(way, KEY, path)
    assert sandbox.get(where, headers, key=None).status == 200
    where, headers = keyed(way, "sk-wrong", path)
    answer = sandbox.get(where, headers, key=None)
    assert answer.status == 401, answer
    google = "v1beta" in path or (path.startswith("/v1/models") and way in ("x-goog-api-key", "key"))
    (CONTENTS if google else CHAT).error(answer)


@pytest.mark.parametrize(("path", "front", "body"), list(posts()), ids=post_id)
def test_s_2_no_key_is_401_before_the_body_is_read(sandbox: Gateway, path: str, front: Chat, body: Any) -> None:
    answer = sandbox.call("POST", path, body=b"not even JSON", key=None)
    assert answer.status == 401, answer
    front.error(answer)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("front", FRONTS, ids=front_id)
def test_s_2_the_clients_key_goes_no_further(relay: Gateway, front: Chat, way: str) -> None:
    assert relay.upstream is not None
    path, headers = keyed(way, KEY, front.path())
    answer = relay.post(path, front.body(), {**headers, **front.headers}, key=None)
    assert answer.status == 200, answer
    asked = relay.upstream.last
    assert KEY not in str(asked), "the provider was told the client's key"
    assert "key" not in asked.query
    assert KEY not in relay.output


@pytest.mark.parametrize("front", FRONTS, ids=front_id)
def test_s_2_the_gateways_key_comes_nowhere(relay: Gateway, front: Chat) -> None:
    """The provider's key is in no answer, also where the provider repeats it, and not in the output."""
    assert relay.upstream is not None
    for model in ("gemini-2.5-flash", "error-401", "error-500", "html-502"):
        answer = relay.post(front.path(model), front.body(model=model))
        assert relay.upstream.key not in str(answer.headers) + answer.body.decode()
    assert relay.upstream.key not in relay.output


# -- S-4 ------------------------------------------------------------------------------------


@pytest.mark.parametrize("front", FRONTS, ids=front_id)
@pytest.mark.parametrize("model", SEED_MODELS)
def test_s_4_any_model_on_any_dialect(gateway: Gateway, front: Chat, model: str) -> None:
    answer = gateway.post(front.path(model), front.body(model=model))
    assert answer.status == 200, answer
    said = front.read(answer)
    assert said.text
    assert said.model == (None if front is APP else model)


# -- S-5, S-6 (each shape and each status of providers: test_2_7_errors.py) -------------------


@pytest.mark.parametrize("front", FRONTS, ids=front_id)
def test_s_5_errors_come_in_the_callers_dialect(gateway: Gateway, front: Chat) -> None:
    answer = gateway.call("POST", front.path(), body=b'{"messages": 1', headers=front.headers)
    assert answer.status == 400, answer
    front.error(answer)


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize("front", FRONTS, ids=front_id)
def test_s_6_what_may_be_tried_again_says_when(gateway: Gateway, front: Chat, status: int) -> None:
    model = f"sandbox/error-{status}" if gateway.upstream is None else f"error-{status}"
    answer = gateway.post(front.path(model), front.body(model=model))
    assert answer.status == status, answer
    front.error(answer)
    assert re.fullmatch(r"\d+", answer.headers.get("retry-after", "")), answer


# -- S-7: framing ------------------------------------------------------------------------------


@pytest.mark.parametrize("front", FRONTS, ids=front_id)
def test_s_7_server_sent_events(gateway: Gateway, front: Chat) -> None:
    answer = gateway.post(front.path(stream=True), front.body(stream=True))
    assert answer.status == 200, answer
    assert answer.headers["content-type"].replace(" ", "").lower() in (
        "text/event-stream",
        "text/event-stream;charset=utf-8",
    )
    assert "no-cache" in answer.headers["cache-control"]
    assert "content-encoding" not in answer.headers and "content-length" not in answer.headers
    said = front.read(answer)  # the reader is strict about every line
    assert said.text and len(answer.events) > 3


@pytest.mark.parametrize("front", FRONTS, ids=front_id)
def test_s_7_one_event_a_write(gateway: Gateway, front: Chat) -> None:
    """The seeds' own client parses each network chunk by itself (002-6): a chunk is whole events, here just one."""
    for piece in gateway.chunks(front.path(stream=True), front.body(stream=True)):
        text = piece.decode()
        assert text.endswith("\n\n") or not text.strip(), text
        assert text.count("\n\n") <= 1, text
        assert text.lstrip("\n").startswith(("data: ", "event: ")) or not text.strip(), text


# -- S-8: usage -----------------------------------------------------------------------------------


@pytest.mark.parametrize("front", VENDORS, ids=front_id)
def test_s_8_usage_of_a_whole_answer(gateway: Gateway, front: Chat) -> None:
    said = front.read(gateway.post(front.path(), front.body()))
    assert said.input and said.output
    if gateway.upstream is not None:
        assert (said.input, said.output) == (INPUT, OUTPUT)


@pytest.mark.parametrize("front", VENDORS, ids=front_id)
def test_s_8_usage_at_the_end_of_a_stream(gateway: Gateway, front: Chat) -> None:
    more = {"stream_options": {"include_usage": True}} if front is CHAT else {}
    answer = gateway.post(front.path(stream=True), front.body(stream=True, **more))
    said = front.read(answer)
    assert said.input and said.output
    if gateway.upstream is not None:
        assert (said.input, said.output) == (INPUT, OUTPUT)
    last = {CHAT: -2, MESSAGES: -2, CONTENTS: -1}[front]
    assert {CHAT: "usage", MESSAGES: "usage", CONTENTS: "usageMetadata"}[front] in answer.events[last].json


@pytest.mark.parametrize("path", ["/v1/embeddings", "/v1/images/generations"])
def test_s_8_usage_of_the_small_operations(sandbox: Gateway, path: str) -> None:
    body = next(body for where, _, body in SMALL if where == path)
    usage = sandbox.post(path, body).json["usage"]
    assert usage["total_tokens"] > 0


def test_keys_are_told_apart_from_their_beginnings(sandbox: Gateway) -> None:
    """A key is compared as a whole."""
    for key in (KEY[:-1], KEY + "x", KEY.upper(), " " + KEY[1:]):
        assert sandbox.post(CHAT.path(), CHAT.body(), key=key).status == 401, key
