"""Bytes to frames and frames to bytes: server-sent events both ways, and Gemini's streamed JSON array.

It knows no socket and no JSON: a frame's data is bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from msgspec import Struct

from dragoman.core.errors import GatewayError, Kind

BOM = b"\xef\xbb\xbf"
LIMIT = 16 << 20  # bytes of one event: an image in base64 fits


class Frame(Struct, frozen=True):
    data: bytes
    event: str = ""


class FrameReader(Protocol):
    """Bytes in, however they were cut; whole frames out."""

    def feed(self, data: bytes) -> Iterator[Frame]: ...
    def close(self) -> Iterator[Frame]: ...


class Reader:
    """Bytes in, however they were cut; whole server-sent events out.

    Only LF, CRLF and CR end a line (never U+2028 and its kin, which JSON may hold unescaped).
    Comments, ids and retry hints are read over. The end of the stream flushes a last event
    whose blank line is missing.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._rest: list[bytes] = []  # an unfinished line, in pieces, so that a 16 MB line costs no copies
        self._size = 0
        self._data: list[bytes] = []
        self._event = ""
        self._first = True
        self._cr = False  # the last byte was a CR: a LF that follows belongs to it

    def feed(self, data: bytes) -> Iterator[Frame]:
        if self._cr and data:
            self._cr = False
            if data[:1] == b"\n":
                data = data[1:]
        if not data:
            return
        self._cr = data[-1:] == b"\r"
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = data.split(b"\n")
        if len(lines) == 1:
            self._keep(data)
            return
        self._rest.append(lines[0])
        lines[0] = b"".join(self._rest)
        self._rest, self._size = [], sum(map(len, self._data))
        last = lines.pop()
        if last:
            self._keep(last)
        for line in lines:
            if frame := self._line(line):
                yield frame

    def close(self) -> Iterator[Frame]:
        self._cr = False
        yield from self.feed(b"\n\n")

    def _keep(self, piece: bytes) -> None:
        self._rest.append(piece)
        self._size += len(piece)
        if self._size > self._limit:
            raise GatewayError(Kind.UPSTREAM, "an event of the provider's stream grew past the limit")

    def _line(self, line: bytes) -> Frame | None:
        if self._first:
            self._first = False
            line = line.removeprefix(BOM)
        if not line:
            data, event = self._data, self._event
            self._data, self._event, self._size = [], "", 0
            return Frame(data[0] if len(data) == 1 else b"\n".join(data), event) if data else None
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
            self._size += len(value)
            if self._size > self._limit:
                raise GatewayError(Kind.UPSTREAM, "an event of the provider's stream grew past the limit")
        elif name == b"event":
            self._event = value.removeprefix(b" ").decode("utf-8", "replace")
        return None


class Writer(Protocol):
    """Frames to the bytes of one stream."""

    media_type: str

    def write(self, frame: Frame) -> bytes: ...
    def keep_alive(self) -> bytes: ...
    def close(self) -> bytes: ...


class SseWriter:
    """One event per write, `data: ` with one space, no BOM, no multi-line JSON (contract S-7)."""

    media_type = "text/event-stream; charset=utf-8"

    def write(self, frame: Frame) -> bytes:
        data = frame.data
        if b"\n" in data:  # of several data lines: in JSON only white space may hold one
            data = data.replace(b"\n", b" ")
        if frame.event:
            return b"event: %b\ndata: %b\n\n" % (frame.event.encode(), data)
        return b"data: %b\n\n" % data

    def keep_alive(self) -> bytes:
        return b"\n"  # a bare line: comments break google-genai (clients.md 1.8)

    def close(self) -> bytes:
        return b""


class ArrayWriter:
    """Gemini's streamGenerateContent without alt=sse: a JSON array that arrives element by element."""

    media_type = "application/json"

    def __init__(self) -> None:
        self._any = False

    def write(self, frame: Frame) -> bytes:
        head = b",\r\n" if self._any else b"["
        self._any = True
        return head + frame.data

    def keep_alive(self) -> bytes:
        return b"\n"

    def close(self) -> bytes:
        return b"]" if self._any else b"[]"
