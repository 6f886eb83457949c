"""The store: what is put is found again, by its owner, for its time, within its bounds, after a restart."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from pathlib import Path

import pytest

from dragoman.store.sqlite import MIGRATIONS, SqliteStore
from dragoman.store.store import Shelf, StoreError

SHELF = Shelf("test", lifetime=100, most=5)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(params=["memory", "file"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path / "data" / "dragoman.db" if request.param == "file" else None


async def test_what_is_put_is_found(path: Path | None) -> None:
    store = SqliteStore(path, Clock())
    await store.put(SHELF, "a", "k", b"one")
    await store.put(SHELF, "a", "k", b"two")
    assert await store.get(SHELF, "a", "k") == b"two"
    assert await store.get(SHELF, "b", "k") is None, "another owner's"
    assert await store.get(Shelf("other", 100, 5), "a", "k") is None, "of another kind"
    assert await store.delete(SHELF, "b", "k") is False
    assert await store.delete(SHELF, "a", "k") is True
    assert await store.get(SHELF, "a", "k") is None
    await store.close()


async def test_a_change_is_one_step(path: Path | None) -> None:
    """Those that come at once come one after the other, and none is lost."""
    store = SqliteStore(path, Clock())
    assert await store.update(SHELF, "a", "k", lambda before: b"" if before is None else None) == b""
    await asyncio.gather(*(store.update(SHELF, "a", "k", lambda before, n=n: before + b"%d" % n) for n in range(9)))
    assert await store.get(SHELF, "a", "k") == b"012345678"
    assert await store.update(SHELF, "a", "k", lambda before: None) == b"012345678", "as it was"
    assert await store.update(SHELF, "b", "k", lambda before: before) is None, "another owner's"
    assert await store.get(SHELF, "b", "k") is None
    await store.close()


async def test_a_change_that_fails_is_its_makers_alone(path: Path | None) -> None:
    def broken(before: bytes | None) -> bytes:
        raise ValueError("no")

    store = SqliteStore(path, Clock())
    results = await asyncio.gather(
        store.put(SHELF, "a", "1", b"one"),
        store.update(SHELF, "a", "2", broken),
        store.put(SHELF, "a", "3", b"three"),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [type(None), ValueError, type(None)]
    assert (await store.get(SHELF, "a", "1"), await store.get(SHELF, "a", "3")) == (b"one", b"three")
    await store.close()


async def test_it_is_forgotten_in_time(path: Path | None) -> None:
    clock = Clock()
    store = SqliteStore(path, clock)
    await store.put(SHELF, "a", "k", b"one")
    clock.now += 99
    assert await store.get(SHELF, "a", "k") == b"one"
    clock.now += 1
    assert await store.get(SHELF, "a", "k") is None
    await store.close()


async def test_the_oldest_go_first_and_only_the_owners(path: Path | None) -> None:
    clock = Clock()
    store = SqliteStore(path, clock)
    await store.put(SHELF, "b", "0", b"theirs")
    for i in range(8):
        clock.now += 1
        await store.put(SHELF, "a", str(i), b"x")
    found = [i for i in range(8) if await store.get(SHELF, "a", str(i))]
    assert found == [3, 4, 5, 6, 7]
    assert await store.get(SHELF, "b", "0") == b"theirs"
    await store.close()


async def test_it_survives_a_restart_and_nobody_else_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "data" / "dragoman.db"
    store = SqliteStore(path, Clock())
    await asyncio.gather(*(store.put(Shelf("test", 100, 1000), "a", str(i), bytes([i])) for i in range(100)))
    await store.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    again = SqliteStore(path, Clock())
    assert [await again.get(SHELF, "a", str(i)) for i in range(100)] == [bytes([i]) for i in range(100)]
    await again.close()


async def test_two_stores_on_one_file(tmp_path: Path) -> None:
    one, two = (SqliteStore(tmp_path / "dragoman.db", Clock()) for _ in range(2))
    shelf = Shelf("test", 100, 1000)
    await asyncio.gather(
        *(store.put(shelf, "a", f"{i}{n}", b"x") for i in range(50) for n, store in enumerate((one, two)))
    )
    assert await one.get(shelf, "a", "491") == b"x"
    assert await two.get(shelf, "a", "490") == b"x"
    await one.close()
    await two.close()


async def test_a_store_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    store = SqliteStore(tmp_path / "file" / "dragoman.db", Clock())
    with pytest.raises(StoreError):
        await store.put(SHELF, "a", "k", b"x")
    await store.close()


async def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "dragoman.db"
    with sqlite3.connect(path) as database:
        database.execute(f"pragma user_version = {len(MIGRATIONS) + 1}")
    database.close()
    store = SqliteStore(path, Clock())
    with pytest.raises(StoreError, match="newer"):
        await store.get(SHELF, "a", "k")
    await store.close()


async def test_one_bad_job_does_not_end_the_thread() -> None:
    store = SqliteStore(None, Clock())
    with pytest.raises(StoreError):
        await store.put(SHELF, None, "k", b"x")  # type: ignore[arg-type]
    await store.put(SHELF, "a", "k", b"x")
    assert await store.get(SHELF, "a", "k") == b"x"
    await store.close()
