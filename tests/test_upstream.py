"""The door outward, against servers that misbehave: unreachable, silent, stale, broken off, endless."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from dragoman.core.errors import GatewayError, Kind
from dragoman.providers import upstream
from dragoman.providers.upstream import HttpUpstream, Outgoing

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


@asynccontextmanager
async def serving(talk: Talk) -> AsyncIterator[str]:
    async def spoken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(spoken, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()


@pytest.fixture
async def out() -> AsyncIterator[HttpUpstream]:
    door = HttpUpstream()
    yield door
    await door.close()


async def head_read(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


async def refused(door: HttpUpstream, url: str, **more: float) -> GatewayError:
    async def read() -> None:
        incoming = await door.send(Outgoing(url, {}, b"{}", **more))  # type: ignore[arg-type]
        try:
            await incoming.read()
        finally:
            await incoming.close()

    with pytest.raises(GatewayError) as caught:
        await read()
    return caught.value


async def test_nobody_listens(out: HttpUpstream) -> None:
    async with serving(lambda reader, writer: asyncio.sleep(0)) as url:
        pass
    error = await refused(out, url)
    assert (error.kind, error.code, error.status) == (Kind.UPSTREAM, "upstream_unreachable", 503)


async def test_no_answer_in_time(out: HttpUpstream) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(5)

    async with serving(talk) as url:
        error = await refused(out, url, timeout=0.2)
    assert (error.kind, error.code) == (Kind.TIMEOUT, "upstream_timeout")


async def test_silence_in_the_middle(out: HttpUpstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream, "IDLE", 0.2)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_read(reader)
        writer.write(HEAD + b"5\r\ndata:\r\n")
        await asyncio.sleep(5)

    async with serving(talk) as url:
        error = await refused(out, url)
    assert error.kind is Kind.TIMEOUT
    assert "silent" in error.message


@pytest.mark.parametrize("said", [b"", b"5\r\ndata:\r\n", b"5\r\nda"])
async def test_an_answer_that_breaks_off(out: HttpUpstream, said: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_read(reader)
        writer.write(HEAD + said)
        await writer.drain()

    async with serving(talk) as url:
        error = await refused(out, url)
    assert (error.kind, error.code) == (Kind.UPSTREAM, "upstream_truncated")


async def test_a_stale_connection_is_replaced_and_a_fresh_one_is_not(out: HttpUpstream) -> None:
    requests: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await head_read(reader))
        await reader.readexactly(2)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        await head_read(reader)  # the next request on this connection finds nobody at home

    async with serving(talk) as url:
        for _ in range(2):
            incoming = await out.send(Outgoing(url, {}, b"{}"))
            assert await incoming.read() == b"{}"
            await incoming.close()
    assert len(requests) == 2

    async def dumb(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await head_read(reader))

    async with serving(dumb) as url:
        error = await refused(out, url)
    assert error.code == "upstream_closed"
    assert len(requests) == 3, "a fresh connection may have carried it: nothing is sent twice"


async def test_an_endless_answer_is_cut(out: HttpUpstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream, "LIMIT", 1 << 20)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_read(reader)
        writer.write(HEAD)
        for _ in range(64):
            writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
            await writer.drain()

    async with serving(talk) as url:
        error = await refused(out, url)
    assert "past the limit" in error.message


async def test_a_redirect_is_not_followed_and_no_header_is_added(out: HttpUpstream) -> None:
    heads: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await head_read(reader))
        writer.write(
            b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\nset-cookie: a=b\r\ncontent-length: 0\r\n\r\n"
        )

    async with serving(talk) as url:
        for _ in range(2):
            incoming = await out.send(Outgoing(url, {"authorization": "Bearer k"}, b"{}"))
            assert incoming.status == 302
            await incoming.close()
    names = {line.split(b":")[0].lower() for head in heads for line in head.split(b"\r\n")[1:] if line}
    assert names == {b"host", b"authorization", b"user-agent", b"accept-encoding", b"content-length"}
