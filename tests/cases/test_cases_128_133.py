"""Cases 128 to 133: streams that are cut, split, framed in every legal way, compressed; and the headers around them."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.cases.answers import answer, frames, said
from tests.cases.inside import BACKS, FRONTS, MODELS, SAME, House, Says, sse, whole

from clients import CHAT, CONTENTS, MESSAGES, RESPONSES, Chat, front_id
from dragoman.core.errors import GatewayError, Kind
from dragoman.providers.upstream import HttpUpstream
from upstream.model import Turn

STREAM = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
EACH_FRONT = pytest.mark.parametrize("front", FRONTS, ids=front_id)
EACH_BACK = pytest.mark.parametrize("back", BACKS)
TOLD = Turn(reasoning="Hm.", text="I look at it.", calls=[("get_weather", {"city": "Paris"})], stop="tool_calls")
AFTER_THE_END = {"chat": 3, "messages": 1, "contents": 1, "responses": 1}
"""How many frames the end of a stream takes: why it ended, usage, [DONE]; one in the other dialects."""


async def asked(house: House, front: Chat, back: str, stream: bool) -> Any:
    model = f"{back}/{MODELS[back]}"
    body = front.body("Hi", model, stream) | front.tools("get_weather") | front.thinking()
    return await house.ask(front.path(model, stream), body, front.headers)


# -- 128: cut off ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["it ends", "the connection breaks"])
@EACH_BACK
@EACH_FRONT
async def test_case_128_a_stream_that_is_cut_is_an_error_wherever_it_was_cut(
    tmp_path: Path, front: Chat, back: str, how: str
) -> None:
    """Never a stop that the model did not say, and never a clean end."""
    full = frames(back, TOLD)
    told = 0
    after = AFTER_THE_END[back] + (front is SAME[back] is MESSAGES)  # its own message_delta has gone on by then
    for cut in range(len(full) - after + 1):
        script: list[bytes | float | GatewayError] = [*full[:cut]]
        if how == "the connection breaks":
            script.append(GatewayError(Kind.UPSTREAM, "the provider's answer broke off", code="upstream_truncated"))
        reply = await asked(House(tmp_path, Says(script)), front, back, True)
        if reply.status == 200:
            assert front.broken(reply.events), cut
            told += 1
        else:
            assert reply.status == 502, reply
            assert front.error(reply)
    assert told > len(full) // 2


@EACH_BACK
@EACH_FRONT
async def test_case_128_half_an_answer_is_none(tmp_path: Path, front: Chat, back: str) -> None:
    """JSON that breaks off with status 200, and a body that is shorter than it was to be."""
    data = json.dumps(said(back, TOLD)).encode()
    broken = GatewayError(Kind.UPSTREAM, "the provider's answer broke off", code="upstream_truncated")
    for script in ([data[: len(data) // 2]], [b""], [data[:50], broken]):
        house = House(tmp_path, Says([*script], media_type="application/json"))
        reply = await asked(house, front, back, False)
        assert reply.status == 502, reply
        assert front.error(reply)


@EACH_FRONT
async def test_case_128_an_event_cut_in_the_middle_is_not_told(tmp_path: Path, front: Chat) -> None:
    for back in BACKS:
        full = b"".join(frames(back, TOLD))
        cut = full[: len(full) * 2 // 3]
        reply = await asked(House(tmp_path, Says([cut])), front, back, True)
        assert reply.status == 502 or front.broken(reply.events)


# -- 129, 130: characters -------------------------------------------------------------------------------------------------

SCRIPTS = "안녕 中文 🙂👩‍👩‍👧 é ü"
SEPARATORS = "a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg\x1dh\x1ei"


@pytest.mark.parametrize("cut", [1, 2, 3, 5, 1000])
@EACH_BACK
@EACH_FRONT
async def test_case_129_characters_survive_every_cut(tmp_path: Path, front: Chat, back: str, cut: int) -> None:
    data = b"".join(frames(back, Turn(text=SCRIPTS)))
    assert "안녕".encode() in data or "안".encode() in data, "unescaped"
    house = House(tmp_path, sse(data, cut=cut))
    assert front.read(await house.say(front, back, stream=True)).text == SCRIPTS


@EACH_BACK
@EACH_FRONT
async def test_case_129_halves_of_a_character_in_two_events_are_one(tmp_path: Path, front: Chat, back: str) -> None:
    """As providers write them that count in UTF-16; in one body such a half stands for nothing, and harms nothing."""
    text = b'"XYZ"'
    told = []
    for frame in frames(back, Turn(text="XYZ")):
        if text in frame and (back != "responses" or b"output_text.delta" in frame):
            told += [frame.replace(text, rb'"a\ud83d"'), frame.replace(text, rb'"\ude00b"')]
        else:
            told.append(frame.replace(text, rb'"a\ud83d\ude00b"'))
    house = House(tmp_path, sse(*told))
    if front is not SAME[back]:
        assert front.read(await house.say(front, back, stream=True)).text == "a😀b"
    else:  # its own bytes
        reply = await house.say(front, back, stream=True)
        assert rb"a\ud83d" in reply.body and rb"\ude00b" in reply.body
    alone = json.dumps(said(back, Turn(text="XYZ"))).encode().replace(text, rb'"a\udc00b"')
    if front is not SAME[back]:
        assert front.read(await House(tmp_path, whole(alone)).say(front, back)).text == "a\ufffdb"


@pytest.mark.parametrize("cut", [0, 1])
@EACH_BACK
@EACH_FRONT
async def test_case_130_only_line_feeds_end_lines(tmp_path: Path, front: Chat, back: str, cut: int) -> None:
    """Not the three that JSON may hold unescaped, nor those that it must escape."""
    raw = "a\u2028b\u2029c\u0085d"
    data = b"".join(frames(back, Turn(text="SEP"))).replace(b"SEP", raw.encode())
    assert front.read(await House(tmp_path, sse(data, cut=cut)).say(front, back, stream=True)).text == raw
    escaped = House(tmp_path, answer(back, Turn(text=SEPARATORS), True))
    assert front.read(await escaped.say(front, back, stream=True)).text == SEPARATORS


# -- 131: the grammar of events -------------------------------------------------------------------------------------------


def fields(frame: bytes) -> tuple[bytes, bytes]:
    """(event, data) of a frame."""
    event = data = b""
    for line in frame.splitlines():
        name, _, value = line.partition(b":")
        event, data = (value.strip(), data) if name == b"event" else (event, value[1:] if name == b"data" else data)
    return event, data


def spelled(frame: bytes, how: str) -> bytes:
    event, data = fields(frame)
    named = b"event: %b\n" % event if event else b""
    match how:
        case "no space":
            return (b"event:%b\n" % event if event else b"") + b"data:%b\n\n" % data
        case "CRLF":
            return (named + b"data: %b\n\n" % data).replace(b"\n", b"\r\n")
        case "CR":
            return (named + b"data: %b\n\n" % data).replace(b"\n", b"\r")
        case "comments":
            return b": hello\n%b:\ndata: %b\n: x\n\n:\n\n" % (named, data)
        case "event after data":
            return b"data: %b\n%b\n" % (data, named)
        case "two data lines" if b'", "' in data or b'","' in data:
            at = data.index(b'",') + 2
            return named + b"data: %b\ndata: %b\n\n" % (data[:at], data[at:])
        case "ids and retries":
            return b"id: 7\nretry: 1000\nunknown: x\nbare\n" + named + b"data: %b\n\n" % data
        case "many blank lines":
            return b"\n\n\n" + named + b"data: %b\n\n\n\n" % data
        case "spaces after done" if data == b"[DONE]":
            return b"data: [DONE]  \n\n"
    return named + b"data: %b\n\n" % data


GRAMMAR = [
    "no space", "CRLF", "CR", "comments", "event after data", "two data lines", "ids and retries", "many blank lines",
    "spaces after done", "BOM", "no blank line at the end",
]  # fmt: skip


@pytest.mark.parametrize("cut", [0, 1, 3])
@pytest.mark.parametrize("how", GRAMMAR)
@EACH_BACK
async def test_case_131_events_however_they_are_spelled(tmp_path: Path, back: str, how: str, cut: int) -> None:
    data = b"".join(spelled(frame, how) for frame in frames(back, TOLD))
    if how == "BOM":
        data = b"\xef\xbb\xbf" + data
    if how == "no blank line at the end":
        data = data.rstrip(b"\r\n")
    for front in FRONTS:
        told = front.read(await asked(House(tmp_path, sse(data, cut=cut)), front, back, True))
        assert (told.text, told.calls) == (TOLD.text, TOLD.calls), front.name


@EACH_BACK
async def test_case_131_two_events_in_one_piece_and_one_of_five_megabytes(tmp_path: Path, back: str) -> None:
    data = b"".join(frames(back, TOLD))
    huge = "x" * 5_000_000
    for front in FRONTS:
        assert front.read(await asked(House(tmp_path, Says([data])), front, back, True)).calls == TOLD.calls
    big = data.replace(b'"Paris', b'"' + huge.encode(), 1) if back == "contents" else data
    if back == "contents":
        told = CHAT.read(await asked(House(tmp_path, sse(big, cut=65536)), CHAT, back, True))
        assert told.calls == [("get_weather", {"city": huge})]


@EACH_BACK
@EACH_FRONT
async def test_case_131_what_is_written_is_one_event_each(tmp_path: Path, front: Chat, back: str) -> None:
    """Named for Anthropic's clients and Responses', unnamed for the others; each sent as soon as it is there."""
    house = House(tmp_path, answer(back, TOLD, True))
    reply = await asked(house, front, back, True)
    assert len(house.pieces) == len(reply.events) > 3
    assert all(piece.endswith(b"\n\n") for piece in house.pieces)
    assert all(bool(event.name) == (front in (MESSAGES, RESPONSES)) for event in reply.events)


# -- 132: compression and stale headers --------------------------------------------------------------------------------------

STALE = {"connection": "close", "set-cookie": "sid=secret", "server": "upstream", "via": "1.1 proxy", "alt-svc": "h3"}
ENCODINGS = {"gzip": gzip.compress, "deflate": zlib.compress, "identity": bytes}
Answered = tuple[int, str, bytes]


@asynccontextmanager
async def serving(status: int, media_type: str, body: bytes, encoding: str, seen: list[bytes]) -> AsyncIterator[str]:
    """A provider on a socket that compresses whatever it was asked for."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        head = {"content-type": media_type, "content-length": str(len(body)), **STALE}
        head |= {"content-encoding": encoding} if encoding != "identity" else {}
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        writer.write(f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


NEVER = {"content-encoding", "transfer-encoding", "set-cookie", "via", "alt-svc", "keep-alive", "server", "connection"}


@pytest.mark.parametrize("encoding", ENCODINGS)
@STREAM
@EACH_BACK
async def test_case_132_compressed_answers_are_read_and_their_headers_stay_behind(
    tmp_path: Path, back: str, stream: bool, encoding: str
) -> None:
    says = answer(back, TOLD, stream)
    data = ENCODINGS[encoding](b"".join(line for line in says.script if isinstance(line, bytes)))
    seen: list[bytes] = []
    door = HttpUpstream()
    async with serving(200, says.media_type, data, encoding, seen) as url:
        house = House(tmp_path, whole({}), upstream=door, url=url)
        for front in (SAME[back], CHAT, MESSAGES):
            reply = await asked(house, front, back, stream)
            assert reply.status == 200, reply
            assert front.read(reply).calls == TOLD.calls
            assert not NEVER & set(reply.headers)
            if "content-length" in reply.headers:
                assert int(reply.headers["content-length"]) == len(reply.body)
    await door.close()
    assert all(b"accept-encoding: identity" in head.lower() for head in seen)


@pytest.mark.parametrize("encoding", ENCODINGS)
@EACH_BACK
async def test_case_132_errors_too(tmp_path: Path, back: str, encoding: str) -> None:
    error = {"error": {"type": "rate_limit_error", "message": "slow down", "code": 429, "status": "RESOURCE_EXHAUSTED"}}
    data = ENCODINGS[encoding](json.dumps({"type": "error"} | error if back == "messages" else error).encode())
    door = HttpUpstream()
    async with serving(429, "application/json", data, encoding, []) as url:
        house = House(tmp_path, whole({}), upstream=door, url=url)
        for front in (SAME[back], CHAT, MESSAGES):
            reply = await asked(house, front, back, True)
            assert reply.status == 429, reply
            assert "slow down" in reply.body.decode()
            assert not NEVER & set(reply.headers)
            assert int(reply.headers["content-length"]) == len(reply.body)
    await door.close()


@pytest.mark.parametrize("encoding", ["br", "zstd", "unheard-of"])
async def test_case_132_what_cannot_be_read_is_said_to_be_so(tmp_path: Path, encoding: str) -> None:
    """A provider that compresses against the request, in a way that is not installed here."""
    door = HttpUpstream()
    async with serving(200, "application/json", b"\x0b\x02\x80garbage", encoding, []) as url:
        house = House(tmp_path, whole({}), upstream=door, url=url)
        reply = await asked(house, MESSAGES, "chat", False)
    await door.close()
    assert reply.status == 502, reply
    assert MESSAGES.error(reply)[2]


# -- 133: headers for what stands between ------------------------------------------------------------------------------------


@EACH_BACK
@EACH_FRONT
async def test_case_133_a_stream_says_that_it_is_one(tmp_path: Path, front: Chat, back: str) -> None:
    reply = await asked(House(tmp_path, answer(back, TOLD, True)), front, back, True)
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert reply.headers["cache-control"] == "no-cache"
    assert reply.headers["x-accel-buffering"] == "no"
    assert "content-length" not in reply.headers


@EACH_BACK
async def test_case_133_the_first_word_is_not_held_back(tmp_path: Path, back: str) -> None:
    """What comes before content waits for it, to become a status where it fails; content goes on at once."""
    full = frames(back, Turn(text="La la la."))
    house = House(tmp_path, Says([b"".join(full[:-2]), 30.0, b"".join(full[-2:])]))
    asking = asyncio.ensure_future(house.say(SAME[back], back, stream=True))
    for _ in range(200):
        await asyncio.sleep(0.01)
        if house.pieces:
            break
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert b"La " in b"".join(house.pieces)
    assert CONTENTS in FRONTS
