"""uvicorn's HTTP protocol with limits it lacks: sizes and counts of the head, one Host, and a deadline for it.

It reads no body. What it refuses never reaches the application, and the connection is closed.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from dragoman.config import Server
from dragoman.core.errors import GatewayError, Kind
from dragoman.dialects import CODECS
from dragoman.service.gateway import dumps, made_id
from dragoman.service.routes import dialect_of

URL_LIMIT = 8 << 10  # bytes
HEAD_LIMIT = 32 << 10  # bytes of all header names and values
HEADER_COUNT = 100
HEAD_DEADLINE = 10.0  # seconds from the connection's start, or the request's first byte, to the end of its head


class Refused(Exception):
    """A request head that is not served."""


class GuardedProtocol(HttpToolsProtocol):
    _status = HTTPStatus.BAD_REQUEST
    _deadline: asyncio.TimerHandle | None = None
    _size = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_here()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_DEADLINE, self._too_slow)

    def _head_is_here(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._size = 0
        self._await_head()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > URL_LIMIT:
            self._refuse(HTTPStatus.REQUEST_URI_TOO_LONG)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._size += len(name) + len(value)
        if self._size > HEAD_LIMIT or len(self.headers) >= HEADER_COUNT:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._head_is_here()
        version = self.parser.get_http_version()
        names = [name for name, _ in self.headers]
        hosts = names.count(b"host")
        if version not in ("1.0", "1.1") or hosts > 1 or (hosts == 0 and version == "1.1"):
            self._refuse(HTTPStatus.BAD_REQUEST)
        if b"transfer-encoding" in names and (version == "1.0" or b"content-length" in names):
            self._refuse(HTTPStatus.BAD_REQUEST)  # two readings of one body: the way requests are smuggled
        super().on_headers_complete()

    def _unsupported_upgrade_warning(self) -> None:
        """Codex asks for a WebSocket at every start: no news."""

    def _refuse(self, status: HTTPStatus) -> None:
        self._status = status
        raise Refused(status.phrase)

    def send_400_response(self, msg: str) -> None:
        path = getattr(self, "url", b"").decode("latin-1").partition("?")[0]
        request_id = made_id("req_")
        error = GatewayError(Kind.INVALID_REQUEST, msg or self._status.phrase, status=self._status.value)
        status, wire = CODECS[dialect_of(path, {}, {})].encode_error(error, request_id)
        body = dumps(wire)
        head = f"HTTP/1.1 {status} {self._status.phrase}\r\nx-request-id: {request_id}\r\n"
        head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        self.transport.write(head.encode() + body)
        self.transport.close()


def options(server: Server) -> dict[str, Any]:
    """What uvicorn is told beside the application."""
    return {
        "http": GuardedProtocol,
        "loop": "uvloop",
        "access_log": False,
        "log_level": "warning",
        "server_header": False,
        "timeout_keep_alive": 75,
        "lifespan": "on",
        "ws": "wsproto" if server.websocket else "none",
        "ws_max_size": server.body_limit,
        "ws_per_message_deflate": False,  # a frame is measured only once it is inflated
    }
