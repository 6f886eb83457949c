"""Characters cut in two, as JSON tells them."""

from __future__ import annotations

import pytest

from dragoman.core.halves import Halves

STREAMS: list[tuple[list[bytes], list[object]]] = [
    ([rb'{"t":"a\ud83d"}', rb'{"t":"\ude00b"}'], [{"t": "a"}, {"t": "😀b"}]),
    ([rb'{"t":"\uD83D"}', rb'{"t":"\uDE00"}'], [{"t": ""}, {"t": "😀"}]),
    ([rb'{"t":"a\ud83d", "n":1}', rb'{"n":2}', rb'{"t":"\ude00"}'], [{"t": "a", "n": 1}, {"n": 2}, {"t": "😀"}]),
    ([rb'{"t":"a\udc00b"}'], [{"t": "a\ufffdb"}]),
    ([rb'{"t":"a\ud83db"}'], [{"t": "a\ufffdb"}]),
    ([rb'{"t":"\\ud83d"}'], [{"t": "\\ud83d"}]),
    ([rb'{"t":"\\\ud83d"}', rb'{"t":"\ude00"}'], [{"t": "\\"}, {"t": "😀"}]),
    ([rb'{"t":"\ud83d\ude00"}'], [{"t": "😀"}]),
    ([rb'{"t":"\ud83d"}', rb'{"t":"\ud83d"}', rb'{"t":"\ude00"}'], [{"t": ""}, {"t": ""}, {"t": "😀"}]),
]


@pytest.mark.parametrize(("events", "read"), STREAMS)
def test_halves_are_joined_over_events(events: list[bytes], read: list[object]) -> None:
    halves = Halves()
    assert [halves.read(event) for event in events] == read


@pytest.mark.parametrize("data", [b"", b"{", b"nonsense", b'{"a":"\xff"}', b"[" * 100_000])
def test_what_is_no_json_is_said_to_be_so(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        Halves().read(data)
