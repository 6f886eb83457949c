"""The service in process, over a scripted way outward: what time and a client that leaves do to a stream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from dragoman.config import load
from dragoman.providers.catalog import providers_on
from dragoman.providers.models import Models
from dragoman.providers.upstream import Outgoing
from dragoman.service import app, exchange
from dragoman.service.app import Application
from dragoman.service.gateway import Gateway
from dragoman.store.sqlite import SqliteStore

WORD = b'data: {"id":"c","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n'
END = b'data: {"id":"c","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
Script = list[bytes | float]


class Scripted:
    """An upstream that says its lines, pausing where the script has a number."""

    def __init__(self, script: Script) -> None:
        self.script, self.closed, self.asked = script, asyncio.Event(), list[Outgoing]()
        self.status, self.headers = 200, {"content-type": "text/event-stream"}

    async def send(self, request: Outgoing) -> Scripted:
        self.asked.append(request)
        return self

    async def chunks(self) -> AsyncIterator[bytes]:
        for line in self.script:
            if isinstance(line, float):
                await asyncio.sleep(line)
            else:
                yield line

    async def read(self) -> bytes:
        return b"".join([chunk async for chunk in self.chunks()])

    async def close(self) -> None:
        self.closed.set()


class Caller:
    """One ASGI request and what came back; `leave` hangs up."""

    def __init__(self, body: Mapping[str, Any], path: str) -> None:
        self.scope = {
            "type": "http", "method": "POST", "path": path, "query_string": b"",
            "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")],
        }  # fmt: skip
        self._body, self._left = json.dumps(body).encode(), asyncio.Event()
        self.status, self.pieces, self.done = 0, list[bytes](), False

    async def receive(self) -> dict[str, Any]:
        if self._body:
            body, self._body = self._body, b""
            return {"type": "http.request", "body": body, "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            return
        self.pieces.append(message.get("body", b""))
        self.done = not message.get("more_body", False)

    def leave(self) -> None:
        self._left.set()


def application(upstream: Scripted, key: str = "sk-test") -> Application:
    settings = load(None, {"OPENAI_API_KEY": key}, {})
    providers = providers_on(settings, {"OPENAI_API_KEY": key})
    return Application(
        Gateway(settings, providers, Models(settings, providers), upstream, SqliteStore(None, lambda: 0.0))
    )


PATHS = {"/v1/chat/completions": b"\n", "/v1/messages": b'event: ping\ndata: {"type": "ping"}\n\n'}
BODY = {"model": "gpt-4o", "max_tokens": 10, "stream": True, "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "PATIENCE", 0.1)
    monkeypatch.setattr(app, "SILENCE", 0.15)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.usefixtures("hasty")
async def test_a_silent_provider_does_not_leave_the_client_without_a_sign(path: str) -> None:
    """case_023: bytes keep coming while the provider thinks, and the answer is whole at its end."""
    upstream = Scripted([0.6, WORD, 0.4, END])
    caller = Caller(BODY, path)
    answering = asyncio.ensure_future(application(upstream)(caller.scope, caller.receive, caller.send))
    await asyncio.sleep(0.4)
    assert caller.status == 200
    assert caller.pieces.count(PATHS[path]) >= 1, "no sign of life before the first word"
    before = len(caller.pieces)
    await answering
    assert caller.pieces[before:].count(PATHS[path]) >= 1, "none between the words"
    assert caller.done
    assert b"hi" in b"".join(caller.pieces)
    assert upstream.closed.is_set()


@pytest.mark.usefixtures("hasty")
async def test_what_fails_after_that_is_told_in_the_stream() -> None:
    upstream = Scripted([0.3, b'data: {"error":{"message":"too busy","type":"server_error"}}\n\n'])
    caller = Caller(BODY, "/v1/messages")
    await application(upstream)(caller.scope, caller.receive, caller.send)
    assert caller.status == 200
    assert b"event: error" in caller.pieces[-2] and b"too busy" in caller.pieces[-2]


async def test_what_fails_before_that_is_a_status() -> None:
    caller = Caller(BODY, "/v1/messages")
    upstream = Scripted([b'data: {"error":{"message":"too busy","type":"server_error"}}\n\n'])
    await application(upstream)(caller.scope, caller.receive, caller.send)
    assert caller.status >= 500
    assert json.loads(b"".join(caller.pieces))["type"] == "error"
    assert upstream.closed.is_set()


MOMENTS: dict[str, Script] = {
    "before the first byte": [30.0],
    "while it is begun but silent": [b": hello\n\n", 30.0],
    "in the middle": [WORD, 30.0],
    "in a flood": [WORD * 100, *([0.001, WORD] * 10000)],
}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("path", PATHS)
async def test_a_client_that_leaves_ends_the_call(path: str, stream: bool, moment: str) -> None:
    """O3: the provider's connection is closed at once, whatever the moment."""
    upstream = Scripted(MOMENTS[moment])
    caller = Caller({**BODY, "stream": stream}, path)
    answering = asyncio.ensure_future(application(upstream)(caller.scope, caller.receive, caller.send))
    await asyncio.sleep(0.1)
    assert not answering.done()
    caller.leave()
    async with asyncio.timeout(1):
        await answering
        await upstream.closed.wait()
    assert not caller.done


async def test_fifty_streams_at_once_say_what_each_would_alone() -> None:
    """case_025: nothing is shared between requests."""

    def script(n: int, pause: bool) -> Script:
        words = [WORD.replace(b'"hi"', b'"%d-%d"' % (n, i)) for i in range(20)]
        return [line for word in words for line in ((0.001, word) if pause else (word,))] + [END]

    async def said(n: int, pause: bool) -> list[str]:
        caller = Caller(BODY, "/v1/messages")
        await application(Scripted(script(n, pause)))(caller.scope, caller.receive, caller.send)
        events = [json.loads(line[6:]) for line in b"".join(caller.pieces).split(b"\n") if line.startswith(b"data: ")]
        return [event["delta"]["text"] for event in events if event["type"] == "content_block_delta"]

    together = await asyncio.gather(*(said(n, True) for n in range(50)))
    assert list(together) == [await said(n, False) for n in range(50)]
    assert together[7][:2] == ["7-0", "7-1"]


LOCAL: dict[str, tuple[dict[str, str], int]] = {
    "a program": ({"host": "localhost:3000"}, 200),
    "another loopback address": ({"host": "127.0.0.2:3000"}, 200),
    "a page of this machine": (
        {"host": "localhost", "origin": "http://localhost:5173", "sec-fetch-site": "same-site"},
        200,
    ),
    "a page of elsewhere": (
        {"host": "localhost", "origin": "https://evil.example", "sec-fetch-site": "cross-site"},
        403,
    ),
    "one that hides its origin": ({"host": "localhost", "sec-fetch-site": "cross-site"}, 403),
    "a sandboxed frame": ({"host": "localhost", "origin": "null"}, 403),
    "a rebound name": ({"host": "evil.example"}, 403),
    "a name that looks like an address": ({"host": "127.0.0.1.evil.example"}, 403),
}


@pytest.mark.parametrize("who", LOCAL)
async def test_without_a_key_only_this_machine_is_served(who: str) -> None:
    headers, status = LOCAL[who]
    caller = Caller({**BODY, "stream": True}, "/v1/messages")
    caller.scope["headers"] = [(name.encode(), value.encode()) for name, value in headers.items()]
    upstream = Scripted([WORD, END])
    await application(upstream)(caller.scope, caller.receive, caller.send)
    assert caller.status == status
    assert bool(upstream.asked) == (status == 200)


MANY: dict[str, tuple[str, dict[str, Any]]] = {
    "messages": ("/v1/messages", {**BODY, "messages": [{"role": "user", "content": "x"}] * 5000}),
    "values": ("/v1/messages", {**BODY, "metadata": {"x": [1] * 500_000}}),
    "depth": ("/v1/messages", {**BODY, "metadata": json.loads("[" * 200 + "]" * 200)}),
    "inputs": ("/v1/embeddings", {"model": "text-embedding-3-small", "input": ["x"] * 3000}),
}


@pytest.mark.parametrize("what", MANY)
async def test_too_many(what: str) -> None:
    path, body = MANY[what]
    caller, upstream = Caller(body, path), Scripted([])
    await application(upstream)(caller.scope, caller.receive, caller.send)
    assert caller.status == 400
    assert not upstream.asked


ERRORS: dict[str, bytes] = {
    "its own words": b'{"error":{"message":"too busy","type":"server_error","x_new":{"a":1.50}}}',
    "with our key": b'{"error":{"message":"key sk-test-secret-key is too busy","x":"sk-test-secret-key"}}',
    "with our key, escaped": b'{"error":{"message":"key sk\\u002dtest-secret-key is too busy"}}',
}


@pytest.mark.parametrize("said", ERRORS)
async def test_a_providers_error_in_the_middle(said: str) -> None:
    """To a client of its dialect it goes as it came, unless it repeats a secret."""
    upstream = Scripted([WORD, b"data: " + ERRORS[said] + b"\n\n"])
    caller = Caller(BODY, "/v1/chat/completions")
    await application(upstream, "sk-test-secret-key")(caller.scope, caller.receive, caller.send)
    body = b"".join(caller.pieces)
    assert b"too busy" in body
    assert b"secret-key" not in body
    assert (ERRORS[said] in body) == (said == "its own words")


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/embeddings", "/v1/images/generations"])
async def test_an_error_with_status_200_is_an_error(path: str) -> None:
    """Relays tell it so; the same bytes handed on would look like an answer to a program."""
    upstream = Scripted([b'{"error":{"message":"too busy","type":"server_error"}}'])
    upstream.headers = {"content-type": "application/json"}
    bodies = {"/v1/embeddings": {"model": "text-embedding-3-small", "input": "x"}}
    bodies["/v1/images/generations"] = {"model": "gpt-image-1", "prompt": "x"}
    caller = Caller(bodies.get(path, {**BODY, "stream": False}), path)
    await application(upstream)(caller.scope, caller.receive, caller.send)
    assert caller.status >= 500
    assert json.loads(b"".join(caller.pieces))["error"]["message"] == "too busy"
