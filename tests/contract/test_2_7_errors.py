"""Errors and broken streams (contract 2.7): each in the caller's own shape, whoever it comes from and wherever it happens."""

import gzip
import json
import re
import socket
import threading
import time
from typing import Any

import pytest

from clients import APP, CHAT, CONTENTS, FRONTS, MESSAGES, Chat, front_id, posts
from gateway import KEY, Answer, Gateway, House, events, free_port, over, provider
from upstream import DIALECTS, Upstream

STATUSES = (400, 401, 403, 404, 413, 429, 500, 503, 529)
EXPECTED = {401: {502, 503}, 403: {502, 503}, 529: {529, 503}}
"""A provider's status is kept, but for two: who refuses the gateway's own key does not refuse the client's."""


def post_id(found: Any) -> str:
    return found[0] if isinstance(found, tuple) else ""


def upstream_message(kind: str, status: int, case: str = "") -> str:
    body = DIALECTS[kind].ERRORS[status, case][1]
    return str(body["error"]["message"]).strip()


def check_identified(answer: Answer) -> None:
    assert re.fullmatch(r"[\w-]{8,}", answer.headers["x-request-id"]), answer


# -- what a provider says -----------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("front", FRONTS, ids=front_id)
def test_2_7_a_providers_error(relay: Gateway, front: Chat, status: int, stream: bool) -> None:
    assert relay.upstream is not None
    model = f"error-{status}"
    answer = relay.post(front.path(model, stream), front.body(model=model, stream=stream), front.headers)
    assert answer.status in EXPECTED.get(status, {status}), answer
    message = front.error(answer)[2]
    assert upstream_message(relay.upstream.dialect, status) in message, "the provider's own words are gone"
    check_identified(answer)
    assert (answer.headers["x-dragoman-provider"], answer.headers["x-dragoman-model"]) == (
        relay.upstream.dialect,
        model,
    )
    if answer.status == 429 or answer.status >= 500:
        assert int(answer.headers["retry-after"]) >= 0
    if status == 429:
        assert 1 <= int(answer.headers["retry-after"]) <= 7, "the provider's own hint, or what is left of it"


@pytest.mark.parametrize("front", FRONTS, ids=front_id)
def test_2_7_a_limit_without_a_hint(relay: Gateway, front: Chat) -> None:
    answer = relay.post(front.path("error-429-bare"), front.body(model="error-429-bare"))
    assert answer.status == 429 and int(answer.headers["retry-after"]) >= 1
    front.error(answer)


@pytest.mark.parametrize("front", FRONTS, ids=front_id)
def test_2_7_a_context_that_is_too_long(relay: Gateway, front: Chat) -> None:
    """cases.md 136: agents shorten their history when they recognise this error, each by its own sign."""
    answer = relay.post(front.path("error-400-context"), front.body(model="error-400-context"))
    assert answer.status == 400, answer
    _, code, message = front.error(answer)
    if front is CHAT:
        assert code == "context_length_exceeded"
    if front is MESSAGES:
        assert message.startswith("prompt is too long"), message
    assert len(re.findall(r"\d{6,}", message)) >= 2, f"how long it was and might have been: {message}"


def test_2_7_a_quota_that_is_used_up(over_openai: Gateway) -> None:
    answer = over_openai.post(CHAT.path(), CHAT.body(model="error-429-quota"))
    assert answer.status == 429 and CHAT.error(answer)[1] == "insufficient_quota"
    assert over_openai.post(MESSAGES.path(), MESSAGES.body(model="error-429-quota")).status == 429


def test_2_7_a_bad_key_that_google_calls_a_bad_request(over_gemini: Gateway) -> None:
    """Google answers 400 INVALID_ARGUMENT for its key; that is no fault of the client's request."""
    for front in FRONTS:
        answer = over_gemini.post(front.path("error-400-key"), front.body(model="error-400-key"))
        assert answer.status in (502, 503), answer
        front.error(answer)


@pytest.mark.parametrize("model", ["html-502", "html-200", "empty-200", "empty-503", "html-404"])
@pytest.mark.parametrize("front", FRONTS, ids=front_id)
def test_2_7_an_answer_that_is_no_json(relay: Gateway, front: Chat, model: str) -> None:
    answer = relay.post(front.path(model), front.body(model=model), front.headers)
    status = int(model.partition("-")[2])
    assert answer.status == (502 if status == 200 else status), answer
    assert "<html" not in front.error(answer)[2]


@pytest.mark.parametrize("front", FRONTS, ids=front_id)
def test_2_7_an_answer_cut_in_half(relay: Gateway, front: Chat) -> None:
    answer = relay.post(front.path("cut"), front.body(model="cut"))
    assert answer.status in (502, 503), answer
    front.error(answer)


@pytest.mark.parametrize("kind", ["openai", "anthropic", "gemini"])
def test_2_7_a_provider_that_cannot_be_reached(kind: str) -> None:
    with Upstream(kind) as upstream:
        config = over(upstream).replace(upstream.url, f"http://127.0.0.1:{free_port()}")
    with Gateway(config) as gateway:
        for front in FRONTS:
            for stream in (False, True):
                started = time.monotonic()
                answer = gateway.post(front.path(stream=stream), front.body(stream=stream), front.headers)
                assert answer.status in (502, 503), answer
                assert time.monotonic() - started < 5
                message = front.error(answer)[2]
                assert "127.0.0.1" not in message and "errno" not in message.lower(), "the inside of the house is shown"
                assert "retry-after" in answer.headers


class Forgetful:
    """A server that answers one request on a connection, keeps it open, and drops it when a second one comes."""

    def __init__(self) -> None:
        self.seen = 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as reader:
                self._request(reader)
                message = {"role": "assistant", "content": f"Answer {self.seen}"}
                choice = {"index": 0, "message": message, "finish_reason": "stop"}
                body = json.dumps(
                    {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
                )
                head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
                connection.sendall((head + body).encode())
                self._request(reader)

    def _request(self, reader: Any) -> None:
        length = 0
        if reader.readline():
            self.seen += 1
        while line := reader.readline().strip().lower():
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        reader.read(length)


def test_2_7_a_connection_that_went_stale() -> None:
    """A kept connection that the provider drops unanswered is nobody's failure: the request goes out again on a new one."""
    forgetful = Forgetful()
    forgetful.thread.start()
    try:
        config = f'[server]\napi_keys = ["{KEY}"]\n' + provider("openai", forgetful.url, "", 'models = ["*"]')
        with Gateway(config) as gateway:
            for _ in range(4):
                answer = gateway.post(CHAT.path(), CHAT.body())
                assert answer.status == 200, answer
    finally:
        forgetful.socket.shutdown(socket.SHUT_RDWR)
        forgetful.socket.close()
        forgetful.thread.join(5)


# -- streams that break -----------------------------------------------------------------------


@pytest.mark.parametrize("model", ["midstream-error", "cut", "ends"])
@pytest.mark.parametrize("front", FRONTS, ids=front_id)
def test_2_7_a_stream_that_breaks_says_so(relay: Gateway, front: Chat, model: str) -> None:
    """Neither a silent end nor a made-up one: an error in the dialect's own form, after what came before it."""
    answer = relay.post(front.path(model, stream=True), front.body(model=model, stream=True), front.headers)
    assert answer.status == 200, answer
    assert len(answer.events) > 2, "what came before the break was thrown away"
    front.broken(answer.events)


@pytest.mark.parametrize("model", ["midstream-error", "cut", "ends"])
def test_2_7_an_array_that_breaks_says_so(relay: Gateway, model: str) -> None:
    answer = relay.post(f"/v1beta/models/{model}:streamGenerateContent", CONTENTS.body())
    assert answer.status == 200 and answer.media_type == "application/json"
    assert set(answer.json[-1]) == {"error"}
    CONTENTS.error_object(answer.json[-1]["error"])
    assert all("candidates" in chunk for chunk in answer.json[:-1]) and len(answer.json) > 2


@pytest.mark.parametrize("front", FRONTS, ids=front_id)
def test_2_7_an_error_before_the_first_word_is_a_status(relay: Gateway, front: Chat) -> None:
    """cases.md 135: a stream that begins with an error is no 200."""
    answer = relay.post(
        front.path("error-first", stream=True), front.body(model="error-first", stream=True), front.headers
    )
    assert answer.status >= 500, answer
    front.error(answer)


# -- what the gateway itself refuses -------------------------------------------------------------


BROKEN_BODIES = {
    "empty": b"",
    "half": b'{"model": "gemini-2.5-flash", "messages": [',
    "words": b"model=gemini&prompt=hello",
    "latin": b'{"model": "\xff\xfe"}',
    "trailing": b'{"model": "m"} extra',
    "nan": b'{"model": "m", "temperature": NaN}',
    "array": b"[]",
    "string": b'"hello"',
    "number": b"1",
    "null": b"null",
    "true": b"true",
}


@pytest.mark.parametrize("body", BROKEN_BODIES.values(), ids=list(BROKEN_BODIES))
@pytest.mark.parametrize(("path", "front", "good"), list(posts()), ids=post_id)
def test_2_7_a_body_that_is_no_object(sandbox: Gateway, path: str, front: Chat, good: Any, body: bytes) -> None:
    answer = sandbox.call("POST", path, body=body, headers=front.headers)
    assert answer.status == 400, answer
    front.error(answer)
    check_identified(answer)


@pytest.mark.parametrize("front", FRONTS, ids=front_id)
def test_2_7_an_unknown_model(house: House, front: Chat) -> None:
    for stream in (False, True):
        answer = house.gateway.post(
            front.path("no-such-model", stream), front.body(model="no-such-model", stream=stream)
        )
        assert answer.status == 404, answer
        _, code, message = front.error(answer)
        assert "no-such-model" in message
        assert code == ("model_not_found" if front is CHAT else None)


@pytest.mark.parametrize(("path", "front", "body"), list(posts()), ids=post_id)
def test_2_7_a_model_nobody_serves_on_every_route(house: House, path: str, front: Chat, body: dict[str, Any]) -> None:
    where = re.sub(r"models/[^:]+:", "models/no-such-model:", path)
    if "requests" in body:
        body = {"requests": [{**request, "model": "models/no-such-model"} for request in body["requests"]]}
    if where == path:
        body = {**body, "model": "no-such-model"}
    answer = house.gateway.post(where, body)
    assert answer.status == 404, answer
    assert "no-such-model" in front.error(answer)[2]


@pytest.mark.parametrize(
    ("path", "front"),
    [
        ("/v1/chat/completion", CHAT),
        ("/v1/complete", CHAT),
        ("/v2/chat/completions", CHAT),
        ("/nothing/here", CHAT),
        ("/v1/messages/batches", MESSAGES),
        ("/v1beta/models/gemini-2.5-flash:doSomething", CONTENTS),
        ("/v1beta/cachedContents", CONTENTS),
        ("/api/generate/everything", APP),
    ],
)
def test_2_7_an_unknown_route(sandbox: Gateway, path: str, front: Chat) -> None:
    answer = sandbox.post(path, CHAT.body())
    assert answer.status == 404, answer
    front.error(answer)
    check_identified(answer)


@pytest.mark.parametrize(("path", "front", "body"), list(posts()), ids=post_id)
@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_2_7_a_wrong_method(sandbox: Gateway, path: str, front: Chat, body: Any, method: str) -> None:
    answer = sandbox.call(method, path)
    assert answer.status == 405, answer
    assert "POST" in answer.headers.get("allow", "") + front.error(answer)[2]
    check_identified(answer)


@pytest.mark.parametrize(
    ("path", "front"), [("/v1/models", CHAT), ("/v1beta/models", CONTENTS), ("/health", CHAT), ("/api/help", CHAT)]
)
def test_2_7_a_wrong_method_where_something_is_read(sandbox: Gateway, path: str, front: Chat) -> None:
    for method in ("DELETE", "PUT"):
        answer = sandbox.call(method, path)
        assert answer.status == 405, answer
        front.error(answer)


def test_2_7_head_is_a_get_without_a_body(sandbox: Gateway) -> None:
    for path in ("/", "/health", "/v1/models"):
        answer = sandbox.call("HEAD", path)
        assert answer.status == 200 and answer.body == b"", answer


@pytest.mark.parametrize("front", FRONTS, ids=front_id)
def test_2_7_a_body_that_is_too_large(front: Chat) -> None:
    config = f'[server]\napi_keys = ["{KEY}"]\nbody_limit = 20000\n[providers.sandbox]\nkind = "sandbox"\npace = 0.0\n'
    with Gateway(config) as gateway:
        answer = gateway.post(front.path(), front.body("x" * 30_000))
        assert answer.status == 413, answer
        front.error(answer)
        assert gateway.post(front.path(), front.body("x" * 10_000)).status == 200


@pytest.mark.parametrize("front", FRONTS, ids=front_id)
def test_2_7_a_body_that_is_packed(sandbox: Gateway, front: Chat) -> None:
    packed = gzip.compress(json.dumps(front.body()).encode())
    answer = sandbox.call("POST", front.path(), body=packed, headers={"content-encoding": "gzip"})
    assert answer.status == 415, answer
    front.error(answer)


@pytest.mark.parametrize(
    "media_type", ["application/json; charset=utf-8", "text/plain", "application/x-www-form-urlencoded", ""]
)
def test_2_7_the_content_type_is_not_asked_for(sandbox: Gateway, media_type: str) -> None:
    """Half of all hand-written clients send none, or curl's own."""
    answer = sandbox.post(CHAT.path(), CHAT.body(), {"content-type": media_type})
    assert answer.status == 200, answer


# -- what the sandbox misdoes on request -------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 429, 500, 503, 529])
@pytest.mark.parametrize("front", FRONTS, ids=front_id)
def test_2_7_errors_of_the_sandbox(sandbox: Gateway, front: Chat, status: int) -> None:
    for stream in (False, True):
        model = f"sandbox/error-{status}"
        answer = sandbox.post(front.path(model, stream), front.body(model=model, stream=stream))
        assert answer.status in ({status} | EXPECTED.get(status, set())), answer
        front.error(answer)


@pytest.mark.parametrize("front", FRONTS, ids=front_id)
def test_2_7_a_sandbox_that_breaks_off(sandbox: Gateway, front: Chat) -> None:
    answer = sandbox.post(front.path("sandbox/cut", stream=True), front.body(model="sandbox/cut", stream=True))
    assert answer.status == 200, answer
    front.broken(answer.events)


# -- every answer has an id -----------------------------------------------------------------------------


def test_2_7_every_answer_has_an_id_of_its_own(gateway: Gateway) -> None:
    answers = [
        gateway.post(CHAT.path(), CHAT.body()),
        gateway.post(CHAT.path(), CHAT.body(stream=True)),
        gateway.post(MESSAGES.path(), MESSAGES.body()),
        gateway.post(CONTENTS.path(), CONTENTS.body()),
        gateway.post(APP.path(), APP.body()),
        gateway.post(CHAT.path(), {}),
        gateway.post(CHAT.path(), CHAT.body(), key=None),
        gateway.post("/nowhere", {}),
        gateway.get("/v1/models"),
        gateway.get("/health"),
    ]
    for answer in answers:
        check_identified(answer)
    assert len({answer.headers["x-request-id"] for answer in answers}) == len(answers)
    for answer in answers[:5]:
        assert answer.headers["x-dragoman-provider"] == (gateway.upstream.dialect if gateway.upstream else "sandbox")
        assert answer.headers["x-dragoman-model"] == "gemini-2.5-flash"


def test_2_7_an_id_in_the_error_is_the_one_in_the_header(relay: Gateway) -> None:
    answer = relay.post(MESSAGES.path(), MESSAGES.body(model="error-500"), MESSAGES.headers)
    assert answer.json["request_id"] == answer.headers["x-request-id"]


def test_the_event_reader_sees() -> None:
    """The strict reader of these tests is itself tried."""
    assert [event.data for event in events(b"data: a\n\n\nevent: e\ndata: b\n\n: note\n\n")] == ["a", "b"]
    for bad in (b"data: a\n", b"data:a\n\n", b"data: a\r\n\r\n", b"data: a\ndata: b\n\n", b"\xef\xbb\xbfdata: a\n\n"):
        with pytest.raises(AssertionError):
            events(bad)
