"""Server-sent events: every shape of cases.md 129-131, cut at every byte."""

from __future__ import annotations

import pytest

from dragoman.core.errors import GatewayError
from dragoman.core.framing import ArrayWriter, Frame, Reader, SseWriter

SHAPES: list[tuple[str, bytes, list[Frame]]] = [
    ("with a space", b"data: {}\n\n", [Frame(b"{}")]),
    ("without a space", b"data:{}\n\n", [Frame(b"{}")]),
    ("two spaces keep one", b"data:  x\n\n", [Frame(b" x")]),
    ("crlf", b"data: a\r\n\r\ndata: b\r\n\r\n", [Frame(b"a"), Frame(b"b")]),
    ("lone cr", b"data: a\r\rdata: b\r\r", [Frame(b"a"), Frame(b"b")]),
    ("mixed newlines", b"data: a\r\n\ndata: b\n\r\n", [Frame(b"a"), Frame(b"b")]),
    ("comments", b": OPENROUTER PROCESSING\n\ndata: a\n\n: bye\n\n", [Frame(b"a")]),
    ("event before data", b"event: ping\ndata: {}\n\n", [Frame(b"{}", "ping")]),
    ("event after data", b"data: {}\nevent: ping\n\n", [Frame(b"{}", "ping")]),
    ("two data lines", b'data: {"a":\ndata: 1}\n\n', [Frame(b'{"a":\n1}')]),
    ("id and retry", b"id: 7\nretry: 10\ndata: a\n\n", [Frame(b"a")]),
    ("byte order mark", b"\xef\xbb\xbfdata: a\n\n", [Frame(b"a")]),
    ("no blank line at the end", b"data: a\n\ndata: b", [Frame(b"a"), Frame(b"b")]),
    ("blank lines only", b"\n\n\r\n", []),
    ("an event without data", b"event: x\n\ndata: a\n\n", [Frame(b"a")]),
    ("done with spaces after it", b"data: [DONE]  \n\n", [Frame(b"[DONE]  ")]),
    ("unicode separators", 'data: "a\u2028b\u0085c\x0bd"\n\n'.encode(), [Frame('"a\u2028b\u0085c\x0bd"'.encode())]),
    ("letters of three and four bytes", "data: 안녕中🙂\n\n".encode(), [Frame("안녕中🙂".encode())]),
    ("a field of another name", b"datum: x\ndata: a\n\n", [Frame(b"a")]),
    ("a line without a colon", b"data\ndata: a\n\n", [Frame(b"\na")]),
]


def read(data: bytes, size: int) -> list[Frame]:
    reader = Reader()
    frames = [frame for i in range(0, len(data), size) for frame in reader.feed(data[i : i + size])]
    return frames + list(reader.close())


@pytest.mark.parametrize(("data", "frames"), [shape[1:] for shape in SHAPES], ids=[shape[0] for shape in SHAPES])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1 << 20])
def test_every_shape_at_every_cut(data: bytes, frames: list[Frame], size: int) -> None:
    assert read(data, size) == frames


def test_a_large_event_comes_whole() -> None:
    image = b"A" * (5 << 20)
    assert read(b"data: " + image + b"\n\n", 1 << 16) == [Frame(image)]


@pytest.mark.parametrize("end", [b"", b"\n"], ids=["one line", "many lines"])
def test_an_event_past_the_limit_is_refused(end: bytes) -> None:
    reader = Reader(limit=1000)

    def feed() -> None:
        for _ in range(1001):
            list(reader.feed(b"data: x" + end))

    with pytest.raises(GatewayError, match="past the limit"):
        feed()


def test_what_the_writer_writes_the_reader_reads() -> None:
    frames = [Frame(b'{"a":1}'), Frame(b"{}", "message_stop")]
    writer = SseWriter()
    data = b"".join(writer.write(frame) for frame in frames) + writer.keep_alive() + writer.close()
    assert read(data, 1) == frames
    assert data.startswith(b'data: {"a":1}\n\nevent: message_stop\ndata: {}\n\n')


def test_the_array_is_json_at_its_end() -> None:
    writer = ArrayWriter()
    pieces = [writer.write(Frame(b'{"a":1}')), writer.keep_alive(), writer.write(Frame(b'{"b":2}')), writer.close()]
    assert b"".join(pieces) == b'[{"a":1}\n,\r\n{"b":2}]'
    assert ArrayWriter().close() == b"[]"
