"""The laws every dialect keeps, as functions a test calls with a codec and some bytes. It knows no dialect by name."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from dragoman.core.codec import Codec, Context
from dragoman.core.fold import fold, unfold
from dragoman.core.framing import Frame, Reader
from dragoman.core.ir import (
    Event,
    Finish,
    PartDelta,
    PartEnd,
    PartStart,
    Reasoning,
    Refusal,
    Request,
    Response,
    Start,
    Text,
    ToolCall,
)


def context(**fields: Any) -> Context:
    """A Context whose ids count up and whose clock stands still."""
    made: list[str] = []

    def new_id(prefix: str) -> str:
        made.append(prefix)
        return f"{prefix}{len(made):04d}"

    return Context(**({"now": lambda: 1_700_000_000, "new_id": new_id} | fields))


def events(codec: Codec, data: bytes, pieces: Iterable[bytes] | None = None) -> list[Event]:
    """All events of one provider stream, fed whole or in the given pieces."""
    reader, decoder, out = Reader(), codec.decoder(context()), list[Event]()
    for piece in pieces if pieces is not None else [data]:
        for frame in reader.feed(piece):
            out += decoder.feed(frame)
    for frame in reader.close():
        out += decoder.feed(frame)
    return out + list(decoder.close())


def cut_anywhere(codec: Codec, data: bytes) -> None:
    """A stream cut at every byte is the stream uncut."""
    assert events(codec, data, (data[i : i + 1] for i in range(len(data)))) == events(codec, data)


def grammar(found: list[Event]) -> None:
    """Start (PartStart PartDelta* PartEnd)* Finish; parts are born empty and closed once."""
    assert isinstance(found[0], Start), found[:1]
    assert isinstance(found[-1], Finish), found[-1:]
    assert sum(isinstance(e, Start | Finish) for e in found) == 2
    opened: set[int] = set()
    seen: set[int] = set()
    for event in found:
        match event:
            case PartStart(index, part):
                assert index not in seen, f"part {index} began twice"
                seen.add(index)
                opened.add(index)
                assert not getattr(part, "text", "") and not getattr(part, "arguments", ""), f"{part} is not born empty"
            case PartDelta(index):
                assert index in opened, f"{event} is of no open part"
            case PartEnd(index):
                opened.remove(index)
            case _:
                pass
    assert not opened, f"parts {opened} never ended"


def folds_back(response: Response) -> None:
    """A response is the fold of its own stream."""
    grammar(list(unfold(response)))
    assert fold(unfold(response)) == response


def request_comes_home(codec: Codec, wire: dict[str, Any], plain: Callable[[Any], Any] = lambda x: x) -> Request:
    """A request decoded and encoded in the same dialect is the same JSON, and nothing is lost.

    `plain` normalises spellings the dialect holds equal (applied to both sides).
    """
    before = copy.deepcopy(wire)
    ctx = context()
    request = codec.decode_request(wire, context())
    back = codec.encode_request(request, ctx)
    assert wire == before, "decoding changed its input"
    assert plain(json.loads(json.dumps(back))) == plain(wire)
    assert ctx.losses == []
    return request


def objects(wire: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The path of every object in a JSON value."""
    if isinstance(wire, dict):
        yield path
        for name, value in wire.items():
            yield from objects(value, (*path, name))
    elif isinstance(wire, list):
        for i, value in enumerate(wire):
            yield from objects(value, (*path, i))


def injected(wire: Any, path: tuple[str | int, ...]) -> Any:
    """The value with an unknown field in the object at path."""
    wire = copy.deepcopy(wire)
    at = wire
    for step in path:
        at = at[step]
    at["x_new"] = {"deep": [1, 2.5]}
    return wire


def unknown_field_comes_home(codec: Codec, wire: dict[str, Any], path: tuple[str | int, ...], **plain: Any) -> None:
    """The injection law: an unknown field in any object of a request survives the trip home."""
    request_comes_home(codec, injected(wire, path), **plain)


def render(codec: Codec, found: Iterable[Event], **fields: Any) -> list[Frame]:
    """The frames a client of the codec's dialect gets for some events."""
    encoder = codec.encoder(context(**fields))
    return [frame for event in found for frame in encoder.feed(event)]


def reread(codec: Codec, frames: Iterable[Frame]) -> Response:
    """What a client of the codec's dialect understands of those frames."""
    decoder = codec.decoder(context())
    found = [event for frame in frames for event in decoder.feed(frame)] + list(decoder.close())
    grammar(found)
    return fold(found)


def read_arguments(text: str) -> Any:
    """Arguments as a value; as text where the answer was cut in the middle of them."""
    try:
        return json.loads(text or "{}")
    except ValueError:
        return text


def gist(response: Response) -> dict[str, Any]:
    """What must survive every translation: text (a refusal is one), reasoning, calls, stop reason, counts."""
    calls = [p for p in response.parts if isinstance(p, ToolCall) and not p.server]
    return {
        "text": "".join(p.text for p in response.parts if isinstance(p, Text | Refusal)),
        "reasoning": "".join(p.text for p in response.parts if isinstance(p, Reasoning)),
        "calls": [(p.name, read_arguments(p.arguments)) for p in calls],
        "stop": response.stop.reason,
        "usage": (response.usage.input, response.usage.output),
    }
