"""The whole service in process, over a scripted way outward: what a client of any dialect gets for what providers say.

It opens no socket; a provider's answer is bytes, and pauses, that a test wrote down.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from clients import CHAT, CONTENTS, MESSAGES, RESPONSES, Chat
from dragoman.config import load
from dragoman.core.errors import GatewayError
from dragoman.providers.catalog import providers_on
from dragoman.providers.models import Models
from dragoman.providers.upstream import Outgoing, Upstream
from dragoman.service.app import Application
from dragoman.service.gateway import Gateway
from dragoman.store.sqlite import SqliteStore
from dragoman.store.store import Store
from gateway import Answer

FRONTS: tuple[Chat, ...] = (CHAT, MESSAGES, CONTENTS, RESPONSES)
BACKS = ("chat", "messages", "contents", "responses")
"""The providers of the house, by the dialect they are spoken to in."""
SAME = dict(zip(BACKS, (CHAT, MESSAGES, CONTENTS, RESPONSES), strict=True))
MODELS = {"chat": "gpt-4.1", "messages": "claude-sonnet-4-5", "contents": "gemini-2.5-flash", "responses": "gpt-4.1"}

CONFIG = """
[providers.chat]
kind = "openai"
base_url = "http://chat.test/v1"
api = "chat"
keys = ["key-of-chat"]
models = ["*"]
[providers.responses]
kind = "openai"
base_url = "http://responses.test/v1"
api = "responses"
keys = ["key-of-responses"]
models = ["*"]
[providers.messages]
kind = "anthropic"
base_url = "http://messages.test/v1"
keys = ["key-of-messages"]
models = ["*"]
[providers.contents]
kind = "gemini"
base_url = "http://contents.test/v1beta"
keys = ["key-of-contents"]
models = ["*"]
[server]
host = "127.0.0.1"
"""


@dataclass
class Says:
    """One answer of a provider: its pieces, with a pause where there is a number, and an error where it breaks off."""

    script: list[bytes | float | GatewayError]
    status: int = 200
    media_type: str = "text/event-stream"
    headers: Mapping[str, str] = field(default_factory=dict)


def whole(body: Any, status: int = 200, **headers: str) -> Says:
    """An answer in one JSON body (bytes: as they are)."""
    data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return Says([data], status, "application/json", headers)


def sse(*events: Any, cut: int = 0) -> Says:
    """An answer as server-sent events, each named by its `type` if it has one; `cut`: in pieces of so many bytes."""
    data = b"".join(map(event, events))
    return Says([data[i : i + cut] for i in range(0, len(data), cut)] if cut else [data])


def event(wire: Any) -> bytes:
    if isinstance(wire, bytes):
        return wire
    name = f"event: {wire['type']}\n" if isinstance(wire, dict) and isinstance(wire.get("type"), str) else ""
    return f"{name}data: {json.dumps(wire, ensure_ascii=False)}\n\n".encode()


class _Incoming:
    def __init__(self, says: Says) -> None:
        self.status, self._script = says.status, says.script
        self.headers = {"content-type": says.media_type, **says.headers}

    async def chunks(self) -> AsyncIterator[bytes]:
        for line in self._script:
            if isinstance(line, GatewayError):
                raise line
            if isinstance(line, float):
                await asyncio.sleep(line)
            else:
                yield line

    async def read(self) -> bytes:
        return b"".join([chunk async for chunk in self.chunks()])

    async def close(self) -> None:
        pass


class Script:
    """Every provider at once: says its lines in order, the last one again and again, and keeps what it was asked."""

    def __init__(self, *lines: Says | GatewayError) -> None:
        self.lines, self.asked = list(lines), list[Outgoing]()

    async def send(self, request: Outgoing) -> _Incoming:
        self.asked.append(request)
        line = self.lines.pop(0) if len(self.lines) > 1 else self.lines[0]
        if isinstance(line, GatewayError):
            raise line
        return _Incoming(line)

    async def close(self) -> None:
        pass

    @property
    def last(self) -> Any:
        """The body it was asked last."""
        return json.loads(self.asked[-1].body or b"null")


class House:
    """The gateway with a provider for each dialect, all of them scripted; `more` is further configuration."""

    def __init__(
        self, folder: Path, *lines: Says | GatewayError,
        more: str = "", store: Store | None = None, upstream: Upstream | None = None, url: str = "",
    ) -> None:  # fmt: skip
        """`upstream` and `url`: a real way outward, and where it leads, in place of a script."""
        file = folder / "dragoman.toml"
        file.write_text((re.sub(r"http://\w+\.test", url, CONFIG) if url else CONFIG) + more)
        settings = load(file, {}, {})
        providers = providers_on(settings, {})
        self.script = Script(*lines)
        self.store = store or SqliteStore(None, lambda: 0.0)
        gateway = Gateway(settings, providers, Models(settings, providers), upstream or self.script, self.store)
        gateway.chance = lambda: 0.0  # what back-off lasts, test_router shows
        self.application = Application(gateway)
        self.pieces: list[bytes] = []
        """The last answer as it was written, piece by piece."""

    async def ask(self, path: str, body: Any, headers: Mapping[str, str] | None = None) -> Answer:
        """The gateway's answer to a POST; the path may be written with any characters."""
        raw, given = body if isinstance(body, bytes) else json.dumps(body).encode(), headers or {}
        bare, _, query = path.partition("?")
        scope = {
            "type": "http", "method": "POST", "path": unquote(bare), "query_string": query.encode(),
            "headers": [(b"host", b"localhost"), *((n.lower().encode(), v.encode()) for n, v in given.items())],
        }  # fmt: skip
        waiting, told = [{"type": "http.request", "body": raw, "more_body": False}], list[Mapping[str, Any]]()

        async def receive() -> Any:
            if not waiting:
                await asyncio.Event().wait()
            return waiting.pop()

        async def send(message: Mapping[str, Any]) -> None:
            told.append(message)
            if message.get("body"):
                self.pieces.append(message["body"])

        self.pieces = []

        await self.application(scope, receive, send)
        fields = {name.decode().lower(): value.decode("latin-1") for name, value in told[0]["headers"]}
        return Answer(told[0]["status"], fields, b"".join(message.get("body", b"") for message in told[1:]))

    async def say(
        self, front: Chat, back: str, text: str = "Hi", stream: bool = False, *,
        model: str = "", headers: Mapping[str, str] | None = None, **more: Any,
    ) -> Answer:  # fmt: skip
        """A plain chat of one client with one provider."""
        name = f"{back}/{model or MODELS[back]}"
        return await self.ask(
            front.path(name, stream), front.body(text, name, stream, **more), {**front.headers, **(headers or {})}
        )
