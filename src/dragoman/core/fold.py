"""Events to responses and back: `fold(unfold(r)) == r` for every response.

It knows only the interlingua; which dialect the events came from makes no difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from msgspec.structs import replace

from dragoman.core.ir import (
    AnyPart,
    Base64,
    Citation,
    Event,
    Extra,
    Finish,
    Media,
    PartDelta,
    PartEnd,
    PartStart,
    Reasoning,
    Refusal,
    Response,
    Signature,
    Start,
    Stop,
    Text,
    Token,
    ToolCall,
    Usage,
)


def grow(part: AnyPart, more: str) -> AnyPart:
    """The part with more of its text (or JSON, or base64). Raises TypeError for a part that cannot grow."""
    match part:
        case Text() | Refusal() | Reasoning():
            return replace(part, text=part.text + more)
        case ToolCall():
            return replace(part, arguments=part.arguments + more)
        case Media(source=Base64(data)):
            return replace(part, source=Base64(data + more))
        case _:
            raise TypeError(f"a {type(part).__name__} does not grow")


@dataclass
class _Growing:
    part: AnyPart
    text: list[str] = field(default_factory=list)
    citations: list[Citation] = field(default_factory=list)
    logprobs: list[Token] = field(default_factory=list)
    signature: Signature | None = None

    def done(self) -> AnyPart:
        part = grow(self.part, "".join(self.text)) if self.text else self.part
        if self.signature:
            part = replace(part, signature=self.signature)
        if self.citations and isinstance(part, Text):
            part = replace(part, citations=(*part.citations, *self.citations))
        if self.logprobs and isinstance(part, Text):
            part = replace(part, logprobs=(*part.logprobs, *self.logprobs))
        return part


@dataclass
class Fold:
    """Takes the events of one answer and holds the response they add up to, so far."""

    start: Start | None = None
    stop: Stop = Stop()
    usage: Usage = Usage()
    extra: Extra = field(default_factory=dict)
    finished: bool = False
    _parts: dict[int, _Growing] = field(default_factory=dict)

    def feed(self, event: Event) -> None:
        match event:
            case PartDelta(index, text, signature, citations, logprobs):
                growing = self._parts[index]
                if text:
                    growing.text.append(text)
                growing.citations.extend(citations)
                growing.logprobs.extend(logprobs)
                growing.signature = signature or growing.signature
            case PartStart(index, part):
                self._parts[index] = _Growing(part)
            case Start():
                self.start, self.usage = event, event.usage
            case Finish():
                self.stop, self.usage, self.extra, self.finished = event.stop, event.usage, event.extra, True
            case _:
                pass

    @property
    def live(self) -> bool:
        """Whether anything of content has come: before that, another provider may still be asked."""
        return bool(self._parts) or self.finished

    def response(self) -> Response:
        start = self.start or Start(origin="", id="", model="")
        return Response(
            origin=start.origin,
            id=start.id,
            model=start.model,
            stop=self.stop,
            usage=self.usage,
            parts=tuple(growing.done() for _, growing in sorted(self._parts.items())),
            extra={**start.extra, **self.extra},
        )


def weighed(out: list[Event], index: int, tokens: tuple[Token, ...]) -> None:
    """Adds the probabilities of a part's newest tokens to what is told already: they go with their text."""
    last = out[-1] if out else None
    if isinstance(last, PartDelta) and last.index == index and not last.logprobs:
        out[-1] = replace(last, logprobs=tokens)
    else:
        out.append(PartDelta(index, logprobs=tokens))


def fold(events: Iterable[Event]) -> Response:
    folding = Fold()
    for event in events:
        folding.feed(event)
    return folding.response()


def whole(index: int, part: AnyPart) -> Iterator[Event]:
    """The events of a part that is known at once: born empty, grown in one delta."""
    empty: AnyPart
    match part:
        case Text(text=text):
            empty = replace(part, text="", signature=None, citations=(), logprobs=())
        case Refusal(text=text) | Reasoning(text=text):
            empty = replace(part, text="", signature=None)
        case ToolCall(arguments=text):
            empty = replace(part, arguments="", signature=None)
        case _:
            yield PartStart(index, part)
            yield PartEnd(index)
            return
    yield PartStart(index, empty)
    citations, logprobs = (part.citations, part.logprobs) if isinstance(part, Text) else ((), ())
    if text or part.signature or citations or logprobs:
        yield PartDelta(index, text, part.signature, citations, logprobs)
    yield PartEnd(index)


def unfold(response: Response) -> Iterator[Event]:
    yield Start(origin=response.origin, id=response.id, model=response.model, usage=response.usage)
    for index, part in enumerate(response.parts):
        yield from whole(index, part)
    yield Finish(stop=response.stop, usage=response.usage, extra=response.extra)


@dataclass
class Sequence:
    """Lets one part be open at a time, for dialects that cannot interleave.

    Events of the open part pass through; those of later parts wait for their turn.
    """

    _open: int | None = None
    _waiting: dict[int, list[Event]] = field(default_factory=dict)

    def feed(self, event: Event) -> Iterator[Event]:
        match event:
            case PartStart(index=index) | PartDelta(index=index) | PartEnd(index=index):
                if self._open is None:
                    self._open = index
                if index != self._open:
                    self._waiting.setdefault(index, []).append(event)
                    return
                yield event
                if isinstance(event, PartEnd):
                    yield from self._next()
            case Finish():
                yield from self._drain()
                yield event
            case _:
                yield event

    def _next(self) -> Iterator[Event]:
        self._open = None
        while self._waiting and self._open is None:
            index = min(self._waiting)
            events = self._waiting.pop(index)
            yield from events
            if not isinstance(events[-1], PartEnd):
                self._open = index

    def _drain(self) -> Iterator[Event]:
        while self._open is not None:
            yield PartEnd(self._open)
            yield from self._next()
