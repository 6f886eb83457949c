"""Several answers to one request, by as many calls of the provider at once (`n`, `candidateCount`).

It knows no dialect, and what a call is only as a stream of events. One that fails ends them all.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from dragoman.core.codec import Context, Wire
from dragoman.core.errors import invalid
from dragoman.core.fold import fold
from dragoman.core.ir import Event, Response
from dragoman.dialects import SEVERAL
from dragoman.providers.upstream import Incoming

MOST = 8  # calls for one request
AHEAD = 64  # events that may wait to be told

T = TypeVar("T")


@dataclass
class Source:
    """One answer that is under way."""

    events: AsyncGenerator[Event, None]
    ctx: Context  # of the back
    incoming: Incoming | None = None  # closed with it, even where no event was ever read

    async def response(self) -> Response:
        try:
            return fold([event async for event in self.events])
        finally:
            await asyncio.shield(self.close())

    async def close(self) -> None:
        await self.events.aclose()
        if self.incoming is not None:
            await self.incoming.close()


def within(dialect: str, count: int, most: int = MOST) -> None:
    """Raises GatewayError(INVALID_REQUEST), at the place of the wish, for more answers than are given."""
    if count > most:
        given = f"at most {most} answers are" if most > 1 else "one answer is"
        raise invalid(SEVERAL[dialect].wish, f"{given} given to a request by this model, not {count}")


def joined(dialect: str, wires: Sequence[Wire]) -> Wire:
    """Whole answers as one; all but the answers themselves is the first one's."""
    place = SEVERAL[dialect].place
    return {**wires[0], place: [one for wire in wires for one in wire.get(place, ())]}


async def together(calls: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """What all of them return; the first error, once the rest has been ended."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        for done in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(done, Source):
                await done.close()
        raise


async def merged(sources: Sequence[Source]) -> AsyncGenerator[tuple[int, Event], None]:
    """The events of all sources as they come, each with the number of its source; the first error of any."""
    ready: asyncio.Queue[tuple[int, Event | BaseException | None]] = asyncio.Queue(AHEAD)

    async def told(number: int, source: Source) -> None:
        try:
            async for event in source.events:
                await ready.put((number, event))
            await ready.put((number, None))
        except Exception as error:
            await ready.put((number, error))

    tasks = [asyncio.ensure_future(told(i, source)) for i, source in enumerate(sources)]
    open = len(tasks)
    try:
        while open:
            number, event = await ready.get()
            if isinstance(event, BaseException):
                raise event
            if event is None:
                open -= 1
            else:
                yield number, event
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.shield(closed(sources))


async def closed(sources: Sequence[Source]) -> None:
    for source in sources:
        await source.close()
