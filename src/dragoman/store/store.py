"""The store's protocol: values that belong to one caller, under a kind and a key, for a while.

It knows neither what the values mean nor where they are kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct


class Shelf(Struct, frozen=True):
    """A kind of thing that is remembered, and how much of it for how long."""

    kind: str
    lifetime: float  # seconds
    most: int  # entries of one owner; the oldest go first


class Store(Protocol):
    """Each entry belongs to one owner: nobody reads another's. Raises StoreError where it cannot be reached."""

    async def put(self, shelf: Shelf, owner: str, key: str, value: bytes) -> None: ...
    async def get(self, shelf: Shelf, owner: str, key: str) -> bytes | None: ...
    async def update(
        self, shelf: Shelf, owner: str, key: str, change: Callable[[bytes | None], bytes | None]
    ) -> bytes | None:
        """What stands there after one step that no other write comes between: what `change` makes of what stood there
        (None: nothing). Where it makes None of it, all stays as it is."""
        ...

    async def delete(self, shelf: Shelf, owner: str, key: str) -> bool: ...
    async def close(self) -> None: ...


class StoreError(Exception):
    """The store cannot be read or written now."""
