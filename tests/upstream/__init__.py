"""A scripted upstream: a server on loopback that speaks like one of the real providers, and remembers what it was asked.

It knows nothing of the gateway. How a model answers is in `model`, how a provider writes it in `openai`, `anthropic`
and `gemini`. What its real counterpart refuses is refused here too, so that a bad translation is seen; a field whose
name begins with `x_` stands for what the provider will know tomorrow and is taken everywhere.

The model's name is the script: `error-<status>[-<case>]` answers the provider's own error, `midstream-error` breaks a
stream with one, `error-first` begins it with one, `cut` closes the connection in the middle, `ends` ends the stream early without a word, `html-502` and
`html-200` answer a page, `slow` takes its time for each piece and `late` before the first. Anything else is a good model.
"""

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType, TracebackType
from typing import Any, Self

from aiohttp import web

from upstream import anthropic, gemini, openai
from upstream.model import dumps
from upstream.strict import Refused

KEY = "sk-upstream-0123456789abcdef"
DIALECTS: dict[str, ModuleType] = {"openai": openai, "anthropic": anthropic, "gemini": gemini}

PAGE = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1><hr>nginx</body></html>"


@dataclass
class Entry:
    """One request that arrived."""

    method: str
    path: str  # as it was written, percent-encoding and all
    query: Mapping[str, str]
    headers: Mapping[str, str]  # names in lower case
    raw: bytes
    json: Any
    at: float = field(default_factory=time.monotonic)
    status: int = 0  # answered with
    sent: list[bytes] = field(default_factory=list)  # the body of the answer, or the pieces of a stream
    left: threading.Event = field(default_factory=threading.Event)  # set when the client was gone before the end
    done: threading.Event = field(default_factory=threading.Event)  # set when the exchange is over, either way
    over: float = 0.0


class Upstream:
    """`with Upstream("openai") as up:` - up.url is its address, up.journal what it was asked."""

    def __init__(self, dialect: str, key: str = KEY) -> None:
        self.dialect, self.key = dialect, key
        self.wire = DIALECTS[dialect]
        self.journal: list[Entry] = []
        self.kept: dict[str, list[Any]] = {}  # all that led to a response, and itself, by its id
        self.url = ""
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=f"upstream-{dialect}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the scripted upstream did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    @property
    def last(self) -> Entry:
        return self.journal[-1]

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        app = web.Application(client_max_size=256 << 20)
        app.router.add_route("*", "/{tail:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.2)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = "http://{}:{}".format(*runner.addresses[0])
        self._ready.set()
        await self._stop.wait()
        await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            body = None
        headers = {name.lower(): value for name, value in request.headers.items()}
        entry = Entry(request.method, request.raw_path.partition("?")[0], dict(request.query), headers, raw, body)
        self.journal.append(entry)
        try:
            reply = await Answer(self, request, entry).give()
            entry.status = reply.status
        except (asyncio.CancelledError, ConnectionError):
            entry.left.set()
            raise
        finally:
            entry.over = time.monotonic()
            entry.done.set()
        return reply


class Answer:
    """One exchange: what the dialects use to write their answers."""

    def __init__(self, server: Upstream, request: web.Request, entry: Entry) -> None:
        self.server, self.request, self.entry, self.wire = server, request, entry, server.wire
        self.script = ""  # the model's name

    async def give(self) -> web.StreamResponse:
        try:
            if self.entry.method == "POST" and not isinstance(self.entry.json, dict):
                raise Refused(400, "We could not parse the JSON body of your request.")
            self.wire.authenticate(self.entry, self.server.key)
            return await self.wire.answer(self)
        except Refused as refused:
            return self.json(self.wire.error(refused), refused.status)
        except (KeyError, TypeError, AttributeError, IndexError) as malformed:
            return self.json(self.wire.error(Refused(400, f"malformed: {malformed!r}")), 400)

    # -- scripts ---------------------------------------------------------------

    def scripted(self, model: str) -> web.StreamResponse | None:
        """The answer the model's name asks for, where it is not the model's own."""
        self.script = model
        word, _, rest = model.partition("-")
        if word == "html":
            return web.Response(status=int(rest), text=PAGE, content_type="text/html")
        if word == "empty":
            return web.Response(status=int(rest), content_type="application/json")
        if word != "error" or rest == "first":
            return None
        status, _, case = rest.partition("-")
        headers, body = self.wire.ERRORS[(int(status), case)]
        return web.Response(status=int(status), text=dumps(body), content_type="application/json", headers=headers)

    # -- ways to answer ----------------------------------------------------------

    def json(self, body: Any, status: int = 200, indent: int | None = 2) -> web.Response:
        headers = self.wire.HEADERS if status == 200 else {}
        text = dumps(body, indent=indent)
        self.entry.sent.append(text.encode())
        return web.Response(status=status, text=text, content_type="application/json", headers=headers)

    def binary(self, data: bytes, media_type: str) -> web.Response:
        return web.Response(body=data, content_type=media_type, headers=self.wire.HEADERS)

    async def whole(self, body: Any) -> web.StreamResponse:
        """An answer in one piece, late or cut where the script says so."""
        if self.script == "slow" or self.script == "late":
            await asyncio.sleep(6 if self.script == "slow" else 2)
        if self.script != "cut":
            return self.json(body)
        text = dumps(body, indent=2).encode()
        reply = web.StreamResponse(headers={"content-type": "application/json", "content-length": str(len(text))})
        await reply.prepare(self.request)
        await reply.write(text[: len(text) // 2])
        return self._drop(reply)

    async def stream(
        self, frames: list[bytes], media_type: str, error: bytes, edges: tuple[bytes, bytes, bytes] = (b"", b"", b"")
    ) -> web.StreamResponse:
        """A streamed answer: `frames` one write each; `edges` stand before, between and after them."""
        script = self.script
        reply = web.StreamResponse(
            headers={"content-type": media_type, "cache-control": "no-cache", **self.wire.HEADERS}
        )
        await reply.prepare(self.request)
        head, between, tail = edges
        if script == "late":
            await asyncio.sleep(2)
        middle = max(self.wire.PREAMBLE + 2, len(frames) // 2)
        for number, frame in enumerate(frames):
            if number == middle and script == "midstream-error":
                await reply.write(between + error)
                break
            if number == middle and script == "cut":
                return self._drop(reply)
            if number == middle and script == "ends":
                break
            if number == 0 and script == "error-first":
                await reply.write(head + error)
                break
            self.entry.sent.append(frame)
            await reply.write((between if number else head) + frame)
            if script == "slow" and number >= self.wire.PREAMBLE:
                await asyncio.sleep(0.15)
        if tail and script not in ("ends",):
            await reply.write(tail)
        await reply.write_eof()
        return reply

    def _drop(self, reply: web.StreamResponse) -> web.StreamResponse:
        transport = self.request.transport
        if transport is not None:
            transport.abort() if hasattr(transport, "abort") else transport.close()
        return reply


Handler = Callable[[Answer], Awaitable[web.StreamResponse]]
