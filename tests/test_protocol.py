"""What the guarded protocol refuses before any route sees it; raw bytes over loopback."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn

from dragoman.config import Server
from dragoman.service import protocol


async def app(scope: dict[str, object], receive: object, send: object) -> None:
    if scope["type"] == "lifespan":
        raise RuntimeError("not spoken here")
    body, more = b"", True
    while more:
        message = await receive()  # type: ignore[operator]
        body += message.get("body", b"")
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})  # type: ignore[operator]
    await send({"type": "http.response.body", "body": b"ok"})  # type: ignore[operator]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    listening = socket.create_server(("127.0.0.1", 0))
    options = protocol.options(Server()) | {"lifespan": "off", "log_level": "critical", "loop": "asyncio"}
    server = uvicorn.Server(uvicorn.Config(app, **options))  # type: ignore[arg-type]
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])), daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    yield listening.getsockname()[1]
    server.should_exit = True
    thread.join(10)


def speak(port: int, data: bytes) -> bytes:
    """Everything the server says to some bytes, until it closes or falls silent."""
    with socket.create_connection(("127.0.0.1", port), timeout=3) as client:
        client.sendall(data)
        answer = b""
        client.settimeout(0.5)
        try:
            while piece := client.recv(65536):
                answer += piece
        except TimeoutError:
            pass
        return answer


SERVED = [
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
]


@pytest.mark.parametrize("data", SERVED)
def test_served(port: int, data: bytes) -> None:
    assert speak(port, data).split(b" ")[1] == b"200"


REFUSED = {
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    "two readings of the body": (
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "chunks before they were invented": (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "a version to come": (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 400),
    "a long address": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    "a long header": (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 40000 + b"\r\n\r\n", 431),
    "many headers": (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: a\r\n" * 200 + b"\r\n", 431),
    "noise": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "a bad length": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -2\r\n\r\n{}", 400),
    "two lengths": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_and_closed(port: int, name: str) -> None:
    data, status = REFUSED[name]
    answer = speak(port, data + b"GET /second HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer.split(b" ")[1] == b"%d" % status
    assert answer.count(b"HTTP/1.1 ") == 1, "the second request was answered"
    assert b"connection: close" in answer
    assert b"x-request-id: req_" in answer


def test_a_refusal_is_in_the_dialect_of_the_path(port: int) -> None:
    answer = speak(port, b"POST /v1/messages HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 40000 + b"\r\n\r\n")
    assert b'{"type":"error","error":{"type":"invalid_request_error"' in answer
    answer = speak(port, b"POST /v1beta/models/m:countTokens HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
    assert b'"status":"INVALID_ARGUMENT"' in answer


def test_a_head_that_never_ends_is_cut(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_DEADLINE", 0.2)
    with socket.create_connection(("127.0.0.1", port), timeout=3) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n")
        began = time.monotonic()
        assert client.recv(100) == b""
        assert time.monotonic() - began < 2
