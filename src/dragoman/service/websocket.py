"""Responses over a WebSocket: each `response.create` is a call of its own, whose events go back as text frames.

It knows neither dialects nor providers: a call takes the way that every call takes, through all layers. What the
socket's responses have to be gone on from, they leave in the memory that goes with each call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import aclosing
from typing import Any, TypeAlias

import msgspec

from dragoman.core.codec import Wire
from dragoman.core.errors import GatewayError, Kind, invalid
from dragoman.core.framing import Reader
from dragoman.service.call import Call, Handler, Reply, Route
from dragoman.service.conversation import Memory
from dragoman.service.gateway import Gateway, dumps, json_body

Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Making: TypeAlias = Callable[[Callable[[], Awaitable[bytes]]], Call]

IDLE = 600.0  # seconds without a request, after which the socket is closed
LIFETIME = 3600.0  # seconds after which no request is begun any more, as at OpenAI
WAITING = 4  # requests that may wait for the one that is being answered
EVENT = 64 << 20  # bytes of one event
SWITCHING = 101
WARM_UP = Route(method="POST", path="/v1/responses", endpoint="warm_up", dialect="openai.responses", operation="chat")
"""`generate: false`: nothing is asked of a model."""
CLOSED_IDLE, CLOSED_OLD = 1001, 1000


async def upgrade(gateway: Gateway, call: Call) -> Reply:
    """GET /v1/responses: the handshake, which all layers see; 426 where it is switched off."""
    if call.headers.get("upgrade", "").lower() != "websocket":
        message = "GET opens a WebSocket here and nothing else; use POST"
        raise GatewayError(Kind.METHOD, message, code="method_not_allowed")
    if gateway.settings.server.websocket:
        return Reply(status=SWITCHING)
    message = "this gateway opens no WebSocket; use POST"
    raise GatewayError(Kind.METHOD, message, code="upgrade_required", status=426)


class Socket:
    """One open WebSocket. `make` makes the call of a request from what reads its body."""

    def __init__(self, handler: Handler, make: Making, receive: Receive, send: Send) -> None:
        self._handler, self._make, self._receive, self._send = handler, make, receive, send
        self._waiting: asyncio.Queue[str] = asyncio.Queue(WAITING)
        self._memory = Memory()
        self._born = asyncio.get_running_loop().time()

    async def converse(self) -> None:
        """Until either side closes. A client that leaves ends the answer it was waiting for."""
        tasks = [asyncio.ensure_future(part) for part in (self._listen(), self._answer_all())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()  # an error of the gateway's own is not passed over

    async def _listen(self) -> None:
        while (message := await self._receive())["type"] != "websocket.disconnect":
            await self._heard(message.get("text"))

    async def _heard(self, text: str | None) -> None:
        if text is None:
            await self._refuse(invalid("", "expected a text frame that holds JSON", code="invalid_json"))
        elif self._waiting.full():
            message = f"one response is made at a time, and {WAITING} wait already"
            await self._refuse(GatewayError(Kind.RATE_LIMIT, message, code="too_many_waiting", status=429))
        else:
            self._waiting.put_nowait(text)

    async def _answer_all(self) -> None:
        """The requests, one after the other."""
        while True:
            try:
                async with asyncio.timeout(IDLE):
                    text = await self._waiting.get()
            except TimeoutError:
                await self._send({"type": "websocket.close", "code": CLOSED_IDLE, "reason": "idle"})
                return
            if asyncio.get_running_loop().time() - self._born > LIFETIME:
                message = f"a WebSocket serves for {LIFETIME / 60:g} minutes; open a new one"
                await self._refuse(invalid("", message, code="websocket_connection_limit_reached"))
                await self._send({"type": "websocket.close", "code": CLOSED_OLD, "reason": "too old"})
                return
            await self._answer(text)

    async def _answer(self, text: str) -> None:
        try:
            call = self._asked(text)
        except GatewayError as error:
            await self._refuse(error)
            return
        reply = await self._handler(call)
        if isinstance(reply.body, bytes):
            headers = {"x-request-id": call.id, **reply.headers}
            await self._tell(failure(reply.status, json_body(reply.body, answer=True), headers))
            return
        reader = Reader(EVENT)
        async with aclosing(reply.body) as pieces:
            async for piece in pieces:
                try:
                    frames = list(reader.feed(piece))
                except GatewayError as error:  # an event too large to be one message
                    await self._refuse(error)
                    return
                for frame in frames:
                    await self._send({"type": "websocket.send", "text": frame.data.decode()})

    def _asked(self, text: str) -> Call:
        """The call that a frame stands for. Raises GatewayError for a frame that is none."""
        wire = json_body(text.encode())
        if (kind := wire.pop("type", None)) != "response.create":
            raise invalid("type", f"{kind!r:.60} is not understood here; only response.create is")
        if wire.get("stream_id") is not None:
            raise invalid("stream_id", "one response is made at a time on a socket; open another for the next")
        generate = wire.pop("generate", True)
        if not isinstance(generate, bool):
            raise invalid("generate", "expected a boolean")
        body = dumps(wire | {"stream": True})

        async def read() -> bytes:
            return body

        call = self._make(read)
        call.memory = self._memory
        if not generate:
            call.route = WARM_UP
        return call

    async def _refuse(self, error: GatewayError) -> None:
        said = {"type": "invalid_request_error", "code": error.code, "message": error.message, "param": error.param}
        await self._tell(failure(error.status or 400, {"error": said}, {}))

    async def _tell(self, wire: Wire) -> None:
        await self._send({"type": "websocket.send", "text": msgspec.json.encode(wire).decode()})


def failure(status: int, wire: Wire, headers: dict[str, str]) -> Wire:
    """An error as OpenAI tells it over a socket: with the status and the headers that a plain answer would have had."""
    told = {name: value for name, value in headers.items() if name.startswith(("retry-after", "x-"))}
    return {"type": "error", "status": status, "error": wire.get("error"), "headers": told}
