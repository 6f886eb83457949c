"""The sandbox's lines as a stream: cut to the limits of the request, and with a time to wait before each event.

It knows the grammar of core/ir.py and nothing of what the lines say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from dragoman.core.ir import (
    Event,
    Finish,
    Media,
    PartDelta,
    PartEnd,
    PartStart,
    Reasoning,
    Sampling,
    Start,
    Stop,
    Text,
    ToolCall,
    Usage,
)
from dragoman.providers.sandbox.compose import Line
from dragoman.providers.sandbox.faults import cut_short
from dragoman.providers.sandbox.tokens import pieces

FIRST, SLOW_FIRST, SLOW_NEXT = 0.15, 10.0, 0.5  # seconds
QUICKEST, SPREAD = 0.010, 0.011
MOST, SLOW_MOST = 100, 12  # deltas of an answer; a longer one comes in longer pieces
CALL_TOKENS = 8  # of a call, beside its name and arguments


@dataclass
class Limited:
    """The lines that fit the limits, as pieces, and why they end."""

    lines: list[tuple[Line, list[str]]] = field(default_factory=list)
    stop: Stop = Stop()
    output: int = 0
    reasoning: int = 0
    image: int = 0
    audio: int = 0

    def usage(self, tokens: int) -> Usage:
        return Usage(
            input=tokens,
            output=self.output,
            reasoning=self.reasoning,
            output_image=self.image,
            output_audio=self.audio,
        )


def limited(lines: Iterable[Line], sampling: Sampling) -> Limited:
    """Cuts the answer before a stop sequence, and after so many tokens; a call is whole or not at all."""
    done = Limited()
    left = sampling.max_tokens if sampling.max_tokens is not None else 1 << 60
    for line in lines:
        if done.stop.reason == "length" or done.stop.sequence is not None:
            break
        match line.part:
            case Media(media_type=kind):
                done.lines.append((line, []))
                done.output += line.tokens
                done.image += line.tokens if kind.startswith("image/") else 0
                done.audio += line.tokens if kind.startswith("audio/") else 0
            case ToolCall(name=name):
                cost = len(pieces(name + line.text)) + CALL_TOKENS
                if cost > left - done.output:
                    done.stop = Stop("length")
                else:
                    done.lines.append((line, pieces(line.text)))
                    done.output += cost
                    done.stop = Stop("tool_calls")
            case _:
                _grow(done, line, sampling, left)
    return done


def _grow(done: Limited, line: Line, sampling: Sampling, left: int) -> None:
    """Takes as much of a text as the limits let it be."""
    sequence = None
    if isinstance(line.part, Text):
        text, sequence = before(line.text, sampling.stop)
        line = replace(line, text=text)
    found = pieces(line.text)
    room = left - done.output
    if max(len(found), line.tokens) > room:
        found = found[: max(0, room)]
        done.stop = Stop("length")
        line = replace(line, signature=None)
    elif sequence is not None:
        done.stop = Stop("stop", sequence=sequence)
    count = min(max(len(found), line.tokens), max(0, room))
    done.output += count
    done.reasoning += count if isinstance(line.part, Reasoning) else 0
    if found or line.signature is not None:
        done.lines.append((line, found))


def before(text: str, sequences: tuple[str, ...]) -> tuple[str, str | None]:
    """The text before the first of the sequences, and which one it is."""
    places = [(text.find(sequence), sequence) for sequence in sequences if sequence and sequence in text]
    at, sequence = min(places, key=lambda place: (place[0], -len(place[1])), default=(len(text), None))
    return text[:at], sequence


def streamed(done: Limited, start: Start, slow: bool = False) -> Iterator[tuple[float, Event]]:
    """The events, each with the seconds before it."""
    most = SLOW_MOST if slow else MOST
    total = sum(len(found) for _, found in done.lines)
    group = max(1, -(-total // most))
    waited = 0

    def wait(delta: bool = False) -> float:
        nonlocal waited
        if slow:
            return SLOW_NEXT
        waited += delta
        return QUICKEST + (7 * waited % 11) / 11 * SPREAD if delta else 0.0

    yield (SLOW_FIRST if slow else FIRST), start
    for index, (line, found) in enumerate(done.lines):
        yield wait(), PartStart(index, line.part)
        for at in range(0, len(found), group):
            yield wait(delta=True), PartDelta(index, "".join(found[at : at + group]))
        if line.signature is not None:
            yield wait(), PartDelta(index, signature=line.signature)
        yield wait(), PartEnd(index)
    yield wait(), Finish(done.stop, done.usage(start.usage.input))


def broken(events: Iterable[tuple[float, Event]]) -> Iterator[tuple[float, Event]]:
    """Half of an answer, and then an error."""
    known = list(events)
    yield from known[: max(1, len(known) // 2)]
    raise cut_short()
