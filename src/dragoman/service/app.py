"""The application: the list of layers, and the way from an ASGI request to a Call and from a Reply back.

It knows no dialect but by its name, and no provider.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from dragoman.core.errors import GatewayError, Kind
from dragoman.dialects import CODECS
from dragoman.service import compaction, conversations, exchange, info, responses, side, warm, websocket
from dragoman.service.auth import authenticated, offered
from dragoman.service.call import Call, Handler, Reply, stack
from dragoman.service.gateway import Gateway, dumps
from dragoman.service.routes import ROUTES, dialect_of, find, opened
from dragoman.service.wire import with_losses

__all__ = ["ROUTES", "Application"]

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

log = logging.getLogger("dragoman")
BODY_DEADLINE, BODY_PACE = 30.0, 256 << 10  # seconds for a body, and bytes a second beyond them
SILENCE = 15.0  # seconds without a byte after which a stream says that it lives

ENDPOINTS: Mapping[str, Callable[[Gateway, Call], Awaitable[Reply]]] = {
    "chat": exchange.chat,
    "operate": side.operate,
    "models": info.models,
    "model": info.model,
    "provider_models": info.provider_models,
    "health": info.health,
    "ready": info.ready,
    "root": info.root,
    "help": info.help,
    "examples": info.examples,
    "openapi": info.openapi,
    "response": responses.read,
    "response_items": responses.read_items,
    "delete_response": responses.delete,
    "cancel_response": responses.cancel,
    "compact": compaction.compact,
    "create_conversation": conversations.create,
    "conversation": conversations.read,
    "update_conversation": conversations.update,
    "delete_conversation": conversations.delete,
    "items": conversations.read_items,
    "add_items": conversations.add_items,
    "item": conversations.read_item,
    "delete_item": conversations.delete_item,
    "upgrade": websocket.upgrade,
    "warm_up": warm.warm_up,
}


class Application:
    """The ASGI application of one gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.origins = frozenset(gateway.settings.server.cors_origins)
        self.handler = stack(
            answer_errors,
            authenticated(tuple(gateway.settings.server.api_keys), self.origins),
            innermost=self._endpoint,
        )

    async def _endpoint(self, call: Call) -> Reply:
        reply = await ENDPOINTS[call.route.endpoint](self.gateway, call)
        reply.headers = {**with_losses(reply.headers, call), **call.served}
        return reply

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "http":
                await self._http(scope, receive, send)
            case "lifespan":
                await self._lifespan(receive, send)
            case "websocket":
                await self._websocket(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.gateway.upstream.close()
                await self.gateway.store.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        request_id = self.gateway.new_id("req_")
        out = Outlet(send, request_id, self._cors(headers), head=scope["method"] == "HEAD")
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await out.reply(Reply(status=204, media_type=""))
            return
        client = Client(receive, self.gateway.settings.server.body_limit, headers)
        try:
            reply = await self._answer(scope, headers, request_id, client.read)
            if client.unread and scope["method"] not in ("GET", "HEAD"):
                reply.headers["connection"] = "close"  # what is still on its way is not taken in
            await out.reply(reply)
        except asyncio.CancelledError:
            if not client.gone:
                raise
            task = asyncio.current_task()
            if task is not None:
                task.uncancel()
        except GatewayError as error:  # a binary answer broke off: the connection is cut, not completed
            log.warning("request %s broke off: %s", request_id, error.message)
        finally:
            client.close()

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The handshake is a call like any other, and each request on the socket that it opens is one again."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        request_id = self.gateway.new_id("req_")
        await receive()
        reply = await self._answer({**scope, "method": "GET"}, headers, request_id, nothing)
        if reply.status != websocket.SWITCHING:
            await Outlet(denying(send), request_id, {}, head=False).reply(reply)
            return
        await send({"type": "websocket.accept", "headers": [(b"x-request-id", request_id.encode())]})

        def make(read: Callable[[], Awaitable[bytes]]) -> Call:
            return self._call({**scope, "method": "POST"}, headers, self.gateway.new_id("req_"), read)

        with contextlib.suppress(OSError):  # the client has gone
            await websocket.Socket(self.handler, make, receive, send).converse()

    async def _answer(
        self, scope: Scope, headers: Mapping[str, str], request_id: str, read: Callable[[], Awaitable[bytes]]
    ) -> Reply:
        try:
            call = self._call(scope, headers, request_id, read)
        except GatewayError as error:
            if headers.get("upgrade", "").lower() == "websocket":
                error.status = 426  # Codex falls back at once; any other status costs it 7 tries (clients.md 1.7)
            return refused(error, dialect_of(scope["path"], headers, queried(scope)), request_id)
        return await self.handler(call)

    def _call(
        self, scope: Scope, headers: Mapping[str, str], request_id: str, read: Callable[[], Awaitable[bytes]]
    ) -> Call:
        """Raises GatewayError where there is no such route."""
        path: str = scope["path"]
        query = queried(scope)
        dialect = dialect_of(path, headers, query)
        key = offered(headers, query)
        found = find(scope["method"], path)
        return Call(
            id=request_id,
            route=found.route,
            dialect=found.route.dialect or dialect,
            method=scope["method"],
            path=path,
            params=found.params,
            query=query,
            headers=headers,
            read=opened(read, found.params.get("model")) if found.route.enveloped else read,
            offered_key=key,
            provider=found.provider or headers.get("x-dragoman-provider") or headers.get("model-provider"),
        )

    def _cors(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Only what the settings allow; a browser elsewhere gets no header and stops by itself (002-10)."""
        origin = headers.get("origin")
        if origin is None or not ("*" in self.origins or origin in self.origins):
            return {}
        return {
            "access-control-allow-origin": "*" if "*" in self.origins else origin,
            "access-control-allow-methods": "GET, POST, DELETE, OPTIONS",
            "access-control-allow-headers": headers.get("access-control-request-headers", "*"),
            "access-control-expose-headers": "x-request-id, x-dragoman-provider, x-dragoman-model, x-dragoman-lost",
            "access-control-max-age": "600",
            "vary": "origin",
        }


async def nothing() -> bytes:
    """The body of a handshake."""
    return b""


def queried(scope: Scope) -> dict[str, str]:
    return dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))


def denying(send: Send) -> Send:
    """What a handshake is refused with: an HTTP answer."""

    async def deny(message: MutableMapping[str, Any]) -> None:
        await send({**message, "type": message["type"].replace("http.", "websocket.http.", 1)})

    return deny


def answer_errors(inner: Handler) -> Handler:
    """Whatever is raised below becomes an error of the caller's dialect."""

    async def handler(call: Call) -> Reply:
        try:
            return await inner(call)
        except GatewayError as error:
            return refused(error, call.dialect, call.id, call.served)
        except Exception:
            log.exception("request %s failed", call.id)
            failure = GatewayError(Kind.INTERNAL, f"Internal server error, try again later (request {call.id})")
            return refused(failure, call.dialect, call.id, call.served)

    return handler


def refused(error: GatewayError, dialect: str, request_id: str, served: Mapping[str, str] | None = None) -> Reply:
    status, wire = CODECS[dialect].encode_error(error, request_id)
    if error.said and error.said[0] == dialect and error.status:
        status, wire = error.status, own_words(error.said[1], wire)
    headers = dict(served or {})
    if error.retry_after is not None:
        headers["retry-after"] = str(max(0, round(error.retry_after + 0.499)))
    elif status == 429 or status >= 500:
        headers["retry-after"] = "1"  # Codex gives up on a 429 without it (clients.md 1.10)
    if error.spent:  # SDKs that would try twice more do not (reliability.md 2.2)
        headers["x-should-retry"] = "false"
    if error.kind is Kind.AUTHENTICATION:
        headers["www-authenticate"] = "Bearer"
    return Reply(status=status, body=dumps(wire), headers=headers)


def own_words(said: dict[str, Any], ours: dict[str, Any]) -> dict[str, Any]:
    """A provider's own error body, but for the id of the request, for whose account it was (OpenRouter tells it), and
    for a code that is no word (llama.cpp writes 400)."""
    wire = {name: value for name, value in said.items() if name != "user_id"}
    if "request_id" in said and "request_id" in ours:
        wire["request_id"] = ours["request_id"]
    inner, code = wire.get("error"), ours.get("error", {}).get("code")
    if isinstance(inner, dict) and type(inner.get("code")) is int and type(code) is not int:
        wire = wire | {"error": inner | {"code": code or str(inner["code"])}}
    return wire


class Client:
    """The client's end of one request: its body, and whether it is still there.

    Once the body is read, a watcher waits for the client to leave and then cancels the request (contract 001-22).
    """

    def __init__(self, receive: Receive, limit: int, headers: Mapping[str, str]) -> None:
        self._receive, self._limit = receive, limit
        self._length = headers.get("content-length", "")
        self._encoding = headers.get("content-encoding", "identity")
        self._watcher: asyncio.Task[None] | None = None
        self._body: bytes | None = None
        self.gone = False

    @property
    def unread(self) -> bool:
        return self._body is None

    async def read(self) -> bytes:
        if self._body is None:
            length = int(self._length) if self._length.isdigit() else self._limit
            try:
                async with asyncio.timeout(BODY_DEADLINE + length / BODY_PACE):
                    self._body = await self._read()
            except TimeoutError:
                message = "the body did not arrive in time"
                raise GatewayError(Kind.INVALID_REQUEST, message, code="body_timeout", status=408) from None
            task = asyncio.current_task()
            if task is not None:
                self._watcher = asyncio.ensure_future(self._watch(task))
        return self._body

    async def _read(self) -> bytes:
        if self._encoding.lower() not in ("identity", ""):
            why = f"content-encoding {self._encoding[:40]} is not read; send the body uncompressed"
            raise GatewayError(Kind.MEDIA_TYPE, why)
        if self._length.isdigit() and int(self._length) > self._limit:
            raise self._too_large()
        pieces: list[bytes] = []
        size, more = 0, True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self.gone = True
                raise asyncio.CancelledError
            piece = message.get("body", b"")
            size += len(piece)
            if size > self._limit:
                raise self._too_large()
            pieces.append(piece)
            more = message.get("more_body", False)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _too_large(self) -> GatewayError:
        return GatewayError(Kind.TOO_LARGE, f"the body is larger than {self._limit} bytes")

    async def _watch(self, task: asyncio.Task[Any]) -> None:
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self.gone = True
                task.cancel()
                return

    def close(self) -> None:
        if self._watcher is not None:
            self._watcher.cancel()


class Outlet:
    """The way back to one client: head, body or stream, and signs of life while a stream is silent."""

    def __init__(self, send: Send, request_id: str, headers: dict[str, str], *, head: bool) -> None:
        self._send, self._id, self._headers, self._head = send, request_id, headers, head
        self._lock = asyncio.Lock()
        self._last = 0.0

    async def reply(self, reply: Reply) -> None:
        body = reply.body
        headers = {"x-request-id": self._id, **self._headers, **reply.headers}
        if isinstance(body, bytes):
            if reply.media_type:
                headers |= {"content-type": reply.media_type, "content-length": str(len(body))}
            await self._begin(reply.status, headers)
            await self._send({"type": "http.response.body", "body": b"" if self._head else body})
            return
        headers |= {"content-type": reply.media_type, "cache-control": "no-cache", "x-accel-buffering": "no"}
        async with contextlib.aclosing(body):
            await self._begin(reply.status, headers)
            beating = asyncio.ensure_future(self._beat(reply.keep_alive)) if reply.keep_alive else None
            try:
                async for piece in body:
                    await self._write(piece)
                async with self._lock:
                    await self._send({"type": "http.response.body", "body": b""})
            finally:
                if beating is not None:
                    beating.cancel()

    async def _begin(self, status: int, headers: Mapping[str, str]) -> None:
        pairs = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": pairs})

    async def _write(self, piece: bytes) -> None:
        async with self._lock:
            self._last = asyncio.get_running_loop().time()
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})

    async def _beat(self, keep_alive: bytes) -> None:
        loop = asyncio.get_running_loop()
        self._last = loop.time()
        while True:
            await asyncio.sleep(max(0.1, self._last + SILENCE - loop.time()))
            if loop.time() - self._last >= SILENCE:
                await self._write(keep_alive)
