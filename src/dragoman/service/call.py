"""A client's call and the reply to it, as the layers see them. It knows no dialect and no socket."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from msgspec import Struct

from dragoman.core.codec import Loss
from dragoman.core.media import Operation


class Route(Struct, frozen=True, kw_only=True):
    """One line of the route table. `{model}` in a path matches anything, slashes and colons too."""

    method: str
    path: str
    endpoint: str  # the name of the function that answers, in service.app's table
    dialect: str = "openai.chat"  # of the answer and its errors; "" where the headers tell
    operation: Operation | None = None
    codec: str = ""  # which codec of (dialect, operation), where there are two
    stream: bool | None = None  # where the path says it (Gemini)
    defaults: bool = False  # model and limit may be missing: the gateway's defaults apply (contract 004-2)
    enveloped: bool = False  # a cloud's path: it names the model, and the body may hold what only the cloud reads
    framing: str = ""  # how a stream is written, where not as server-sent events: Amazon's "events", or in "chunks"
    public: bool = False  # answered without a key
    summary: str = ""
    example: str = ""  # a request body, as JSON


class Principal(Struct, frozen=True):
    """Who is calling: the name of the virtual key, never the key."""

    name: str


@dataclass
class Call:
    id: str
    route: Route
    dialect: str
    method: str
    path: str
    params: Mapping[str, str]
    query: Mapping[str, str]  # without the key
    headers: Mapping[str, str]  # names in lower case
    read: Callable[[], Awaitable[bytes]]  # the body, once; refused where it is too large
    offered_key: str | None = None
    provider: str | None = None  # asked for by header or by the first segment of the path
    principal: Principal | None = None
    model: str = ""  # as the client named it
    memory: Any = None  # what the requests of one socket go on from, where nothing else keeps it
    served: Mapping[str, str] = field(default_factory=dict)  # headers that name who was asked last
    losses: list[Loss] = field(default_factory=list)  # what the cloud that was asked last does not take

    @property
    def owner(self) -> str:
        """Whose all is that this call leaves behind."""
        return self.principal.name if self.principal else ""


Body: TypeAlias = bytes | AsyncGenerator[bytes, None]


@dataclass
class Reply:
    status: int = 200
    body: Body = b""
    media_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    keep_alive: bytes = b""  # what may be sent while a streamed body is silent


Handler: TypeAlias = Callable[[Call], Awaitable[Reply]]
Layer: TypeAlias = Callable[[Handler], Handler]


def stack(*layers: Layer, innermost: Handler) -> Handler:
    """One callable, layers around it, outermost first."""
    handler = innermost
    for layer in reversed(layers):
        handler = layer(handler)
    return handler
