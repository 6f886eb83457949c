"""The one door outward: sends a request to a provider and hands back its answer as it comes.

It knows HTTP and nothing of dialects. It is the only file that opens a connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Protocol

import aiohttp
from yarl import URL

from dragoman import __version__
from dragoman.core.errors import GatewayError, Kind

LIMIT = 256 << 20  # decompressed bytes of one answer (reliability.md 2.10)
IDLE = 60.0  # seconds of silence that end an answer that has begun


@dataclass(frozen=True)
class Outgoing:
    """A request to a provider. `timeout`: seconds until its answer begins; `connect_timeout`: until it is connected."""

    url: str
    headers: Mapping[str, str]
    body: bytes | None
    method: str = "POST"
    timeout: float = 600.0
    connect_timeout: float = 5.0
    proxy: str | None = None


class Incoming(Protocol):
    """A provider's answer. Whoever got it closes it, always."""

    status: int
    headers: Mapping[str, str]  # names in lower case

    async def read(self) -> bytes:
        """The whole body. Raises GatewayError where it breaks off or grows past the limit."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises GatewayError where it breaks off, stalls or grows past the limit."""
        ...

    async def close(self) -> None: ...


class Upstream(Protocol):
    async def send(self, request: Outgoing) -> Incoming:
        """Raises GatewayError: UPSTREAM where the provider cannot be reached, TIMEOUT where it does not answer."""
        ...

    async def close(self) -> None: ...


@dataclass
class _Answer:
    response: aiohttp.ClientResponse
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)

    async def read(self) -> bytes:
        return b"".join([chunk async for chunk in self.chunks()])

    async def chunks(self) -> AsyncIterator[bytes]:
        size = 0
        try:
            while chunk := await self._next():
                size += len(chunk)
                if size > LIMIT:
                    raise GatewayError(Kind.UPSTREAM, "the provider's answer grew past the limit")
                yield chunk
        except TimeoutError as error:
            message = f"the provider fell silent for {IDLE:g} seconds in the middle of its answer"
            raise GatewayError(Kind.TIMEOUT, message, code="upstream_timeout") from error
        except aiohttp.ClientError as error:
            message = "the provider's answer broke off before its end"
            raise GatewayError(Kind.UPSTREAM, message, code="upstream_truncated") from error

    async def _next(self) -> bytes:
        async with asyncio.timeout(IDLE):
            return await self.response.content.readany()

    async def close(self) -> None:
        if self.response.content.is_eof():
            self.response.release()  # the connection is clean and may serve again
        else:
            self.response.close()


@dataclass
class _Way:
    """Whether a request went out on a connection that had served before."""

    reused: bool = False


async def _reused(_session: object, context: SimpleNamespace, _params: object) -> None:
    context.trace_request_ctx.reused = True


class HttpUpstream:
    """aiohttp's client, with its own redirects, cookies, proxies of the environment and retries switched off."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            trace = aiohttp.TraceConfig()
            trace.on_connection_reuseconn.append(_reused)
            self._session = aiohttp.ClientSession(
                trace_configs=[trace],
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30, ttl_dns_cache=60),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("User-Agent", "Accept", "Content-Type"),
                headers={"user-agent": f"dragoman/{__version__}", "accept-encoding": "identity"},
                read_bufsize=1 << 18,
            )
        return self._session

    async def send(self, request: Outgoing) -> Incoming:
        """A kept connection that the provider has closed meanwhile carried nothing: another is taken, at most twice."""
        for last in (False, False, True):
            way = _Way()
            try:
                return await self._sent(request, way)
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
                if last or not way.reused:
                    message = "the provider closed the connection without an answer"
                    raise GatewayError(Kind.UPSTREAM, message, code="upstream_closed", status=503) from error
        raise AssertionError("not reached")

    async def _sent(self, request: Outgoing, way: _Way) -> Incoming:
        clock = aiohttp.ClientTimeout(total=None, sock_connect=request.connect_timeout, sock_read=request.timeout)
        try:
            response = await self._open().request(
                request.method,
                URL(request.url, encoded=request.url.isascii()),  # spelled as it is signed: `%3A` stays `%3A`
                data=request.body,
                headers=request.headers,
                proxy=request.proxy,
                timeout=clock,
                allow_redirects=False,
                trace_request_ctx=way,
            )
        except (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError) as error:
            message = "the provider could not be reached"
            raise GatewayError(Kind.UPSTREAM, message, code="upstream_unreachable", status=503) from error
        except aiohttp.ClientResponseError as error:
            message = f"the provider's answer cannot be read: {error.message[:200].strip()}"
            raise GatewayError(Kind.UPSTREAM, message, code="upstream_invalid_response", status=502) from error
        except TimeoutError as error:
            message = f"the provider did not answer within {request.timeout:g} seconds"
            raise GatewayError(Kind.TIMEOUT, message, code="upstream_timeout") from error
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            raise
        except (aiohttp.ClientError, asyncio.IncompleteReadError, OSError, ValueError) as error:
            message = "the provider closed the connection without an answer"
            raise GatewayError(Kind.UPSTREAM, message, code="upstream_closed", status=503) from error
        headers = {name.lower(): value for name, value in response.headers.items()}
        return _Answer(response, response.status, headers)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None
