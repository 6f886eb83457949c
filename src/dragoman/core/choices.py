"""Several answers to one request, each of them a Response, told as one: whole, or as streams side by side.

It knows no dialect, and not where the answers come from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec
from msgspec.structs import replace

from dragoman.core.codec import Context, Encoder
from dragoman.core.errors import GatewayError
from dragoman.core.fold import Fold
from dragoman.core.framing import Frame
from dragoman.core.ir import Event, Finish, PartDelta, PartEnd, PartStart, Request, Start, Usage

APART = 1 << 20  # between the indexes of one answer's parts and those of the next, in the fold of all


def one_answer(request: Request, ctx: Context) -> None:
    """Said by dialects whose requests are answered once: who wants several answers asks as often."""
    if request.choices > 1:
        ctx.lose("choices", "a request is answered once here")


def apart(request: Request) -> Iterator[Request]:
    """A request for each answer: with a seed, one of its own, or all answers were the same."""
    for i in range(request.choices):
        seed = request.sampling.seed
        sampling = replace(request.sampling, seed=None if seed is None else seed + i)
        yield replace(request, choices=1, sampling=sampling)


def total(usages: Iterable[Usage]) -> Usage:
    """What all calls took together: each of them read the prompt, and each is billed for it."""
    sums = {name: 0 for name in Usage.__struct_fields__ if name != "extra"}
    for usage in usages:
        for name in sums:
            sums[name] += getattr(usage, name)
    return msgspec.convert(sums, Usage)


@dataclass
class Choices:
    """An encoder for each answer, all writing into one stream. The last to end closes it, with what all took."""

    encoders: Sequence[Encoder]
    contexts: Sequence[Context]  # of the encoders
    fold: Fold = field(default_factory=Fold)  # of all answers in a row
    _usages: list[Usage] = field(default_factory=list)

    def tell(self, choice: int, event: Event) -> Iterator[Frame]:
        match event:
            case Start() if self.fold.start is None:
                self.fold.feed(event)
            case PartStart(index) | PartDelta(index) | PartEnd(index):
                self.fold.feed(replace(event, index=index + choice * APART))
            case Finish(usage=usage):
                self._usages.append(usage)
                event = replace(event, usage=total(self._usages))
                last = len(self._usages) == len(self.encoders)
                self.contexts[choice].last = last
                if last:
                    self.fold.feed(event)
            case _:
                pass
        yield from self.encoders[choice].feed(event)

    def fail(self, error: GatewayError) -> Iterator[Frame]:
        yield from self.encoders[0].fail(error)
