"""Every stream that a front dialect encodes in any test is read by its validator as it comes. It knows no test.

A pytest plugin: it wraps the encoders of all dialects for the session.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatch
from typing import Any

import pytest

from dragoman.core.codec import Codec, Context, Encoder
from dragoman.core.errors import GatewayError
from dragoman.core.framing import Frame
from dragoman.core.ir import Event, Finish, Start
from dragoman.dialects import CODECS
from validators import VALIDATORS, Validator

EXCUSED: tuple[tuple[str, str, str], ...] = (
    ("test_002_5_an_error_in_mid_stream", "last", "it asks one encoder for two errors"),
    ("*openai-image-generation-tool.1*", "media", "the recorder cut the image"),
    ("test_case_034_stop_reasons_there_and_back", "stop-calls", "a reason without a call, to see its word"),
    ("test_*gone_wrong*", "*", "odd values of a provider's go home"),
    ("test_no_stream_breaks_the_back", "*", "the same"),
    ("test_an_odd_*", "*", "the same"),
)
"""Tests whose streams break a rule with reason: (name, rule, why)."""
running = ""  # the name of the test


class Watched:
    """An encoder whose frames go past the validator of its dialect; a fault fails the test.

    An answer on its way home repeats what its provider said, so the rules about that are not asked there.
    """

    def __init__(self, encoder: Encoder, validator: Validator, ctx: Context) -> None:
        self._encoder, self._validator, self._ctx = encoder, validator, ctx
        validator.first = ctx.choice
        self._home = False

    def feed(self, event: Event) -> Iterator[Frame]:
        if isinstance(event, Start):
            self._home = event.origin == self._validator.dialect
        frames = self._read(self._encoder.feed(event))
        if isinstance(event, Finish) and self._ctx.last:
            self._close()
        return frames

    def fail(self, error: GatewayError) -> Iterator[Frame]:
        frames = self._read(self._encoder.fail(error))
        self._close()
        return frames

    def follow(self, frame: Frame) -> None:
        """The provider's own frames keep its own rules; what we add must be right as what follows them."""
        self._encoder.follow(frame)
        self._validator.feed(frame.data, frame.event)
        self._validator.faults.clear()

    def ping(self) -> Frame | None:
        return self._encoder.ping()

    def _read(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        found = list(frames)
        for frame in found:
            self._validator.feed(frame.data, frame.event)
        self._judge()
        return iter(found)

    def _close(self) -> None:
        self._validator.close()
        self._judge()

    def _judge(self) -> None:
        excused = {rule for name, rule, _ in EXCUSED if fnmatch(running, name)}
        if self._home:
            excused |= self._validator.ECHOES
        faults = [fault for fault in self._validator.faults if not {"*", fault.rule} & excused]
        assert not faults, f"a stream of {self._validator.dialect} breaks its rules:\n" + "\n".join(
            map(str, faults[:5])
        )


def watched(make: Callable[[Any, Context], Encoder]) -> Callable[[Any, Context], Watched]:
    def encoder(codec: Codec, ctx: Context) -> Watched:
        return Watched(make(codec, ctx), VALIDATORS[codec.dialect](), ctx)

    return encoder


@pytest.fixture(scope="session", autouse=True)
def streams_are_watched() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for dialect in VALIDATORS:
            kind = type(CODECS[dialect])
            patch.setattr(kind, "encoder", watched(kind.encoder))
        yield


@pytest.fixture(autouse=True)
def the_running_test(request: pytest.FixtureRequest) -> None:
    global running
    running = request.node.name
