"""What a dialect is: one codec, used as the front door and as the back door; and the tools all codecs share.

Pure: no IO, no clock, no ids of its own. It knows no dialect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeVar

import msgspec

from dragoman.core.errors import GatewayError, Kind, invalid
from dragoman.core.framing import Frame
from dragoman.core.ir import Event, Extra, Json, Request, Response
from dragoman.core.media import Binary, Model, Operation
from dragoman.core.profile import Profile

Wire: TypeAlias = dict[str, Any]
T = TypeVar("T")


class Loss(NamedTuple):
    """Something of the request or the answer that was not carried as it was."""

    path: str  # in the terms of the interlingua: messages[0].parts[1].cache
    reason: str
    what: str = "dropped"  # | "clamped" | "emulated"


@dataclass
class Context:
    """All that a codec may need from outside, for one attempt at one request: names, clock, quirks, losses.

    The same Context goes through encode_request and then decoder / decode_response of the back,
    and another through encoder / encode_response of the front.
    """

    profile: Profile = Profile()
    model: str = ""
    """Back: the deployment's model id, for the request. Front: the name the client asked for, for the answer."""
    now: Callable[[], int] = lambda: 0
    new_id: Callable[[str], str] = lambda prefix: prefix + "0"
    request: Any = None
    """Front: what the client asked, where the answer's form depends on it. Back: the request that was encoded."""
    losses: list[Loss] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)
    """Tool names and ids that had to be spelled otherwise for this provider: its spelling -> the client's."""
    respelled: dict[str, Any] = field(default_factory=dict)
    """Tools whose values look otherwise here than the client asked for, by its name for them ("" is the answer's own
    format): what `core.schema_back` needs to restore them."""
    moved: dict[int, Any] = field(default_factory=dict)
    """Messages that were encoded with other parts than theirs, by number: those parts, or None where their numbers tell
    nothing. For who leads a path back to the caller's own (`core.places`)."""
    grown: int = 0
    """By how many schemas the request's JSON Schemas have grown, where references had to be replaced."""
    choice: int = 0
    """Front: which of several answers to one request this is."""
    answer_id: str = ""
    """Front: the id of the whole, where several answers are told as one; "" where each answer has its own."""
    last: bool = True
    """Front: whether a stream ends with this answer; False while another is still being told in it."""
    at_home: bool = False
    """Whether leftovers go back where they came from; set by the codec that encodes (`ctx.going`)."""

    def going(self, origin: str, dialect: str) -> None:
        """Said once by an encoder at the start: where the value came from, and where it goes."""
        self.at_home = origin == dialect
        self.origin = origin

    origin: str = ""
    _told: set[Loss] = field(default_factory=set)  # a body of a megabyte may lose ten thousand things

    def lose(self, path: str, reason: str, what: str = "dropped") -> None:
        loss = Loss(path, reason, what)
        if loss not in self._told:
            self._told.add(loss)
            self.losses.append(loss)

    def carry(self, wire: Wire, extra: Extra, path: str) -> Wire:
        """The wire object with the node's leftovers if those go home; else they are reported lost.

        Empty leftovers (null, [], {}) and quiet ones ask for nothing, so nothing is lost with them. Raises
        GatewayError(INVALID_REQUEST) for a vital one.
        """
        if not extra:
            return wire
        if self.at_home:
            return merge(wire, extra)
        for name, value in extra.items():
            if name[:1] == VITAL:
                name = name[1:]
                raise invalid(f"{path}.{name}" if path else name, f"only providers of {self.origin} can look this up")
            if not asks_nothing(name, value):
                self.lose(f"{path}.{name}" if path else name, f"{self.origin} only")
        return wire

    def original(self, name: str) -> str:
        """The client's own spelling of a tool name or id."""
        return self.renamed.get(name, name)


QUIET = "\0"
"""A leftover under a name that begins so asks for nothing: a default said aloud, or how the origin spelled what the
neutral form carries. It goes home under the rest of the name, and is no loss abroad. A quiet null says that the origin
wrote nothing there, so nothing is written."""


VITAL = "\1"
"""A leftover under a name that begins so stands for a part of what is asked, kept where only the origin can look it up:
without it an answer would be wrong, so abroad the request is refused. It goes home under the rest of the name."""


def asks_nothing(name: str, value: Json, depth: int = 8) -> bool:
    """Whether nothing is lost with a leftover: it is quiet, null, empty, or holds only such."""
    if name[:1] == QUIET or value is None or value == [] or value == {}:
        return True
    if depth == 0:
        return False
    if type(value) is list:
        return all(asks_nothing("", inner, depth - 1) for inner in value)
    return type(value) is dict and all(asks_nothing(n, v, depth - 1) for n, v in value.items())


def merge(wire: Wire, extra: Extra, depth: int = 16) -> Wire:
    """Leftovers mirror the nesting they were found in; what the codec wrote stands."""
    for found, value in extra.items():
        name = found
        if found[:1] == QUIET:
            name = found[1:]
            if value is None:
                continue
        elif found[:1] == VITAL:
            name = found[1:]
        mine = wire.get(name)
        if depth > 0 and type(value) is dict and (mine is None or type(mine) is dict):
            wire[name] = merge(dict(mine or ()), value, depth - 1)
        elif mine is None:
            wire[name] = {n.removeprefix(QUIET): v for n, v in value.items()} if type(value) is dict else value
    return wire


def without_first(extra: Extra, place: str, name: str) -> Extra:
    """The leftovers of an answer that came whole and is told in a stream, without a spelling of its first choice whose
    meaning was told with the text."""
    left = extra.get(place)
    if not isinstance(left, list) or not left or not isinstance(left[0], dict) or QUIET + name not in left[0]:
        return extra
    first = {other: value for other, value in left[0].items() if other != QUIET + name}
    return extra | {place: [first, *left[1:]]}


def clean(wire: Wire) -> Wire:
    """Without the members that are None: an absent wish is not written."""
    return {name: value for name, value in wire.items() if value is not None}


class Decoder(Protocol):
    """Back: one stream's frames to events. State lives here, for one answer only.

    Raises GatewayError for an error the provider sends in its stream, and from `close` when the stream
    ended without the dialect's terminal event (kind UPSTREAM, code "upstream_truncated").
    """

    def feed(self, frame: Frame) -> Iterator[Event]: ...
    def close(self) -> Iterator[Event]: ...


class Encoder(Protocol):
    """Front: events to one stream's frames."""

    def feed(self, event: Event) -> Iterator[Frame]: ...
    def fail(self, error: GatewayError) -> Iterator[Frame]:
        """The frames that tell the client of a failure in mid-stream (reliability.md 2.4); nothing follows them."""
        ...

    def follow(self, frame: Frame) -> None:
        """Passthrough: a frame of the provider's own has gone to the client; what `fail` must know of it is noted."""
        ...

    def ping(self) -> Frame | None:
        """A keep-alive this dialect's clients tolerate as an event; None: a bare blank line will do."""
        ...


class Codec(Protocol):
    """One per dialect, the same object at the front and at the back; without state.

    decode_request raises GatewayError(INVALID_REQUEST) whose message and param name the offending field's path.
    """

    dialect: str

    def decode_request(self, wire: Wire, ctx: Context) -> Request: ...  # front
    def encode_request(self, request: Request, ctx: Context) -> Wire: ...  # back
    def decode_response(self, wire: Wire, ctx: Context) -> Response: ...  # back
    def encode_response(self, response: Response, ctx: Context) -> Wire: ...  # front
    def decoder(self, ctx: Context) -> Decoder: ...  # back
    def encoder(self, ctx: Context) -> Encoder: ...  # front
    def decode_error(self, status: int, wire: Json, headers: Mapping[str, str]) -> GatewayError: ...  # back
    def encode_error(self, error: GatewayError, request_id: str) -> tuple[int, Wire]: ...  # front
    def shows_reasoning(self, request: Request) -> bool:
        """Front: whether an answer to this request may hold thoughts; some clients break on ones they did not ask."""
        ...

    def path(self, model: str, stream: bool) -> str:
        """Where the chat operation is served, below the provider's base URL (percent-encoded where need be)."""
        ...

    def edit_request(self, raw: bytes, model: str, stream: bool, profile: Profile) -> bytes:
        """Passthrough: the client's own bytes with the few members that must differ; all else byte for byte."""
        ...

    def rename_response(self, raw: bytes, model: str) -> bytes:
        """Passthrough: the provider's own bytes with the model named as the client asked for it."""
        ...

    def rename_frame(self, frame: Frame, model: str) -> Frame:
        """The same for one frame of a stream."""
        ...

    def encode_model(self, model: Model) -> Wire: ...  # front: GET .../models/{id}
    def encode_models(self, models: tuple[Model, ...]) -> Wire: ...  # front: GET .../models
    def decode_models(self, wire: Wire, provider: str) -> tuple[Model, ...]: ...  # back


class MediaCodec(Protocol):
    """A small operation of one dialect (embed, image, speech, count): a request, an answer, no stream.

    The neutral values are those of core.media (for "count", the request is a chat Request).
    """

    dialect: str
    operation: Operation

    def decode_request(self, wire: Wire, ctx: Context) -> Any: ...  # front
    def encode_request(self, request: Any, ctx: Context) -> Wire: ...  # back
    def decode_response(self, wire: Wire | Binary, ctx: Context) -> Any: ...  # back
    def encode_response(self, response: Any, ctx: Context) -> Wire | Binary: ...  # front
    def path(self, request: Any, model: str) -> str: ...


class Fields:
    """Takes fields out of a wire object; what nobody took is `rest`.

    A field that is null or an empty container is read as absent and left in `rest`, so that it goes home as it was.
    Errors name the path: `messages[2].content[0].type: expected a string`.
    """

    __slots__ = ("_inner", "_rest", "path")

    def __init__(self, wire: Json, path: str = "") -> None:
        if not isinstance(wire, dict):
            raise invalid(path or "body", f"expected an object, got {name_of(wire)}")
        self._rest: Wire = dict(wire)
        self._inner: list[tuple[str, Fields]] | None = None
        self.path = path

    @property
    def rest(self) -> Wire:
        if self._inner:
            for name, inner in self._inner:
                if rest := inner.rest:
                    self._rest[name] = rest
            self._inner = None
        return self._rest

    def at(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def __contains__(self, name: str) -> bool:
        """Whether the field is there with something in it."""
        value = self._rest.get(name)
        return value is not None and value != [] and value != {}

    def peek(self, name: str) -> Json:
        return self._rest.get(name)

    def any(self, name: str) -> Json:
        """Whatever is there, of any type, taken; None if absent."""
        return self._rest.pop(name, None)

    def quiet(self, name: str, value: Json) -> None:
        """Leaves a spelling over for the trip home, which no other dialect misses."""
        self._rest[QUIET + name] = value

    def vital(self, name: str) -> None:
        """Leaves a field over without which no other provider can answer rightly."""
        if self._rest.get(name):
            self._rest[VITAL + name] = self._rest.pop(name)

    def take(self, name: str, kind: type[T]) -> T | None:
        """The field, if it is there and not null; raises where it is of another type (an int passes as a float)."""
        value = self._rest.get(name)
        if value is None:
            return None
        checked = self._checked(name, value, kind)
        if value != [] and value != {}:
            del self._rest[name]
        return checked

    def keep(self, name: str, kind: type[T]) -> T | None:
        """Checks the type of a field that is left in `rest`: known, but with no neutral name."""
        value = self._rest.get(name)
        return None if value is None else self._checked(name, value, kind)

    def need(self, name: str, kind: type[T]) -> T:
        """The field, which must be there and not null."""
        value = self._rest.pop(name, None)
        if value is None:
            raise invalid(self.at(name), "required")
        return self._checked(name, value, kind)

    def between(self, name: str, low: float, high: float) -> float | None:
        """A number in a range, ends included."""
        value = self.take(name, float)
        if value is not None and not low <= value <= high:
            raise invalid(self.at(name), f"must be between {low:g} and {high:g}, got {value:g}")
        return value

    def count(self, name: str, least: int = 1) -> int | None:
        """A whole number that is not smaller than `least`."""
        value = self.take(name, int)
        if value is not None and value < least:
            raise invalid(self.at(name), f"must be at least {least}, got {value}")
        return value

    def choice(self, name: str, words: Mapping[str, T]) -> T | None:
        """One of the known words, translated."""
        value = self.take(name, str)
        if value is None:
            return None
        if value not in words:
            raise invalid(self.at(name), f"{value!r:.60} is not one of {', '.join(words)}")
        return words[value]

    def sub(self, name: str) -> Fields:
        """A nested object that must be there; what nobody takes from it is left over here, under its name."""
        if self._rest.get(name) is None:
            raise invalid(self.at(name), "required")
        inner = Fields(self._rest.pop(name), self.at(name))
        self._inner = [*(self._inner or ()), (name, inner)]
        return inner

    def maybe(self, name: str) -> Fields | None:
        """A nested object, if it is there with something in it."""
        value = self._rest.get(name)
        if value is None or value == {}:
            return None
        return self.sub(name)

    def items(self, name: str) -> list[tuple[Json, str]]:
        """The elements of an array with the path of each; empty if absent."""
        values: list[Json] | None = self.take(name, list)
        return [(value, f"{self.at(name)}[{i}]") for i, value in enumerate(values or ())]

    def strings(self, name: str) -> tuple[str, ...]:
        for value, path in (found := self.items(name)):
            if not isinstance(value, str):
                raise invalid(path, f"expected a string, got {name_of(value)}")
        return tuple(value for value, _ in found)

    def _checked(self, name: str, value: Json, kind: type[T]) -> T:
        if type(value) is kind:
            return value
        if kind is float and type(value) is int:
            try:
                return float(value)  # type: ignore[return-value]
            except OverflowError:
                raise invalid(self.at(name), "the number is too large") from None
        raise invalid(self.at(name), f"expected {NAMES[kind]}, got {name_of(value)}")


NAMES: dict[type, str] = {
    str: "a string",
    int: "an integer",
    float: "a number",
    bool: "a boolean",
    list: "an array",
    dict: "an object",
    type(None): "null",
}


def name_of(value: Json) -> str:
    """The JSON word for a value's type."""
    return NAMES.get(type(value), "something else")


def json_object(text: str, path: str) -> Wire:
    """Tool arguments as an object; "" is {}. Raises where they are no JSON object."""
    try:
        value = msgspec.json.decode(text or "{}")
    except (msgspec.DecodeError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise invalid(path, "tool arguments must be a JSON object")
    return value


def dumps(value: Json) -> str:
    """JSON text: no spaces, no escapes that are not needed, key order kept."""
    return msgspec.json.encode(value).decode()


def rewrite(raw: bytes, **changes: Json) -> bytes:
    """The same JSON object with some top-level members replaced (None: removed), the rest byte for byte.

    Where nothing differs, the very bytes that came.
    Raises GatewayError(INVALID_REQUEST) where raw is not a JSON object.
    """
    members = raw_members(raw)
    differs = False
    for name, value in changes.items():
        if value is None:
            differs |= members.pop(name, None) is not None
            continue
        wanted = bytes(value) if isinstance(value, msgspec.Raw) else msgspec.json.encode(value)
        if name not in members or bytes(members[name]) != wanted:
            members[name] = msgspec.Raw(wanted)
            differs = True
        differs |= raw.count(b'"%b"' % name.encode()) > 1  # said twice, perhaps: the next reader may take the first
    return msgspec.json.encode(members) if differs else raw


_raw_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


def raw_members(raw: bytes) -> dict[str, msgspec.Raw]:
    try:
        return _raw_members.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise GatewayError(Kind.INVALID_REQUEST, "the body is not a JSON object") from None
