"""Two codecs back to back (Pipe), or one that only listens (Tap): upstream bytes in, client frames out.

No sockets: both can be fed one byte at a time. They know no dialect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from dragoman.core.codec import Decoder, Encoder
from dragoman.core.errors import GatewayError, Kind
from dragoman.core.eventstream import MEDIA_TYPE, AnswerReader
from dragoman.core.fold import Fold
from dragoman.core.framing import Frame, FrameReader, Reader
from dragoman.core.ir import Event, Finish, PartDelta, PartEnd, PartStart, Reasoning, Stop

READERS: dict[str, Callable[[], FrameReader]] = {"text/event-stream": Reader, MEDIA_TYPE: AnswerReader}
"""What reads an answer that streams, by its media type; an answer of any other type is whole."""


def reader_for(content_type: str) -> FrameReader | None:
    """Who reads an answer of this type as a stream; None: it is none."""
    reader = READERS.get(content_type.partition(";")[0].strip().lower())
    return reader() if reader else None


class Telling(Protocol):
    """A stream to the client, whatever it is made of."""

    fold: Fold  # the answer so far: usage for the ledger, and whether content has come

    def fail(self, error: GatewayError) -> Iterator[Frame]: ...


class Stream(Telling, Protocol):
    """What the service drives: feed it the provider's bytes, send on what it yields."""

    def feed(self, data: bytes) -> Iterator[Frame]: ...
    def close(self) -> Iterator[Frame]: ...


def whole(stop: Stop) -> None:
    """Raises GatewayError for an answer that its model or its provider gave up: no dialect has a word for that, and
    "stop" would be a lie (case 94)."""
    if stop.reason == "error":
        word = stop.raw or "error"
        raise GatewayError(Kind.UPSTREAM, f"the provider gave up its answer: {word}", code=word.lower())


def is_json(data: bytes) -> bool:
    try:
        msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


@dataclass
class Pipe:
    """Decoder, fold and encoder in a row: every event of the provider's stream becomes the client's frames."""

    decoder: Decoder
    encoder: Encoder
    shows_reasoning: bool = True  # False: thoughts are folded, for who recalls them, and not told
    reader: FrameReader = field(default_factory=Reader)
    fold: Fold = field(default_factory=Fold)
    _hidden: set[int] = field(default_factory=set)

    def feed(self, data: bytes) -> Iterator[Frame]:
        for frame in self.reader.feed(data):
            yield from self.events(self.decoder.feed(frame))

    def close(self) -> Iterator[Frame]:
        for frame in self.reader.close():
            yield from self.events(self.decoder.feed(frame))
        yield from self.events(self.decoder.close())

    def events(self, events: Iterable[Event]) -> Iterator[Frame]:
        for event in events:
            self.fold.feed(event)
            if isinstance(event, Finish):
                whole(event.stop)
            if self.shows_reasoning or not self._hides(event):
                yield from self.encoder.feed(event)

    def _hides(self, event: Event) -> bool:
        match event:
            case PartStart(index, Reasoning()):
                self._hidden.add(index)
                return True
            case PartDelta(index=index) | PartEnd(index=index):
                return index in self._hidden
            case _:
                return False

    def fail(self, error: GatewayError) -> Iterator[Frame]:
        yield from self.encoder.fail(error)


@dataclass
class Tap:
    """Passthrough: the provider's own frames go on, edited at most in the model's name, while a decoder reads a copy.

    A frame the decoder cannot read still goes on, so that a new event type never breaks a client of the same dialect.
    """

    decoder: Decoder
    encoder: Encoder  # only for the error frames of a stream that breaks
    edit: Callable[[Frame], Frame | None]  # None: the frame is ours, not the client's
    own_errors: bool = True  # False where SDKs need more than the one event a provider sends (Responses)
    reader: FrameReader = field(default_factory=Reader)
    fold: Fold = field(default_factory=Fold)

    def feed(self, data: bytes) -> Iterator[Frame]:
        for frame in self.reader.feed(data):
            yield from self._pass(frame)

    def close(self) -> Iterator[Frame]:
        for frame in self.reader.close():
            yield from self._pass(frame)
        for event in self.decoder.close():
            self.fold.feed(event)

    def _pass(self, frame: Frame) -> Iterator[Frame]:
        try:
            for event in self.decoder.feed(frame):
                self.fold.feed(event)
        except GatewayError as error:
            if is_json(frame.data):  # else it is no word of anybody's, but half a word
                error.event = frame.event, frame.data
            raise
        edited = self.edit(frame)
        if edited is not None:
            self.encoder.follow(edited)
            yield edited

    def fail(self, error: GatewayError) -> Iterator[Frame]:
        """The provider's own error event as it came, else one of ours."""
        if error.event is not None and self.own_errors:
            yield Frame(error.event[1], error.event[0])
        else:
            yield from self.encoder.fail(error)
