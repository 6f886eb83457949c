"""The store in one SQLite file: a single thread owns the connection, and writes that wait are committed together.

It knows SQL and files, not what is kept in them.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from dragoman.store.store import Shelf, StoreError

T = TypeVar("T")
Clock: TypeAlias = Callable[[], float]
Job: TypeAlias = tuple[Callable[[sqlite3.Connection], Any], "Future[Any]"]

TOGETHER = 512  # jobs in one transaction at most
SWEEP = 256  # writes between two removals of what has expired

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """create table kept (
            kind text not null, owner text not null, key text not null,
            value blob not null, born real not null, expires real not null,
            primary key (kind, owner, key)
        ) without rowid""",
        "create index kept_by_age on kept (kind, owner, born)",
        "create index kept_by_end on kept (expires)",
    ),
)
"""Forward only; the file's user_version is how many of them it has seen."""


class SqliteStore:
    """Entries in a file, or in memory where the path is None. Opened, and its folder made, when first used."""

    def __init__(self, path: Path | None, clock: Clock) -> None:
        self._path, self._clock = path, clock
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._writes = 0

    async def put(self, shelf: Shelf, owner: str, key: str, value: bytes) -> None:
        now = self._clock()

        def job(database: sqlite3.Connection) -> None:
            self._write(database, shelf, (owner, key, value), now)

        await self._done(job)

    def _write(self, database: sqlite3.Connection, shelf: Shelf, entry: tuple[str, str, bytes], now: float) -> None:
        owner = entry[0]
        row = (shelf.kind, *entry, now, now + shelf.lifetime)
        database.execute("insert or replace into kept values (?, ?, ?, ?, ?, ?)", row)
        self._writes += 1
        if self._writes % SWEEP == 1:
            database.execute("delete from kept where expires <= ?", (now,))
        spare = "select count(*) from kept where kind = ? and owner = ?"
        extra = database.execute(spare, (shelf.kind, owner)).fetchone()[0] - shelf.most
        if extra > 0:
            database.execute(
                "delete from kept where kind = ?1 and owner = ?2 and key in"
                " (select key from kept where kind = ?1 and owner = ?2 order by born limit ?3)",
                (shelf.kind, owner, extra),
            )

    async def get(self, shelf: Shelf, owner: str, key: str) -> bytes | None:
        now = self._clock()

        def job(database: sqlite3.Connection) -> bytes | None:
            return _found(database, (shelf.kind, owner, key, now))

        return await self._done(job)

    async def update(
        self, shelf: Shelf, owner: str, key: str, change: Callable[[bytes | None], bytes | None]
    ) -> bytes | None:
        now = self._clock()

        def job(database: sqlite3.Connection) -> bytes | Exception | None:
            before = _found(database, (shelf.kind, owner, key, now))
            try:
                after = change(before)
            except Exception as error:  # the caller's own; what others have in this transaction stands
                return error
            if after is None:
                return before
            self._write(database, shelf, (owner, key, after), now)
            return after

        result = await self._done(job)
        if isinstance(result, Exception):
            raise result
        return result

    async def delete(self, shelf: Shelf, owner: str, key: str) -> bool:
        def job(database: sqlite3.Connection) -> bool:
            remove = "delete from kept where kind = ? and owner = ? and key = ?"
            return database.execute(remove, (shelf.kind, owner, key)).rowcount > 0

        return await self._done(job)

    async def close(self) -> None:
        if self._thread is not None:
            self._jobs.put(None)
            await asyncio.to_thread(self._thread.join)
            self._thread = None

    async def _done(self, job: Callable[[sqlite3.Connection], T]) -> T:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="dragoman-store", daemon=True)
            self._thread.start()
        future: Future[T] = Future()
        self._jobs.put((job, future))
        try:
            return await asyncio.wrap_future(future)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(str(error)) from error

    # -- the thread ------------------------------------------------------------

    def _work(self) -> None:
        database: sqlite3.Connection | None = None
        try:
            while (first := self._jobs.get()) is not None:
                jobs, ending = self._waiting(first)
                try:
                    if database is None:
                        database = self._open()
                except (sqlite3.Error, OSError) as error:
                    for _, future in jobs:
                        _tell(future, error)
                else:
                    _together(database, jobs)
                if ending:
                    return
        finally:
            if database is not None:
                database.close()

    def _waiting(self, first: Job) -> tuple[list[Job], bool]:
        """The job at hand and those that queue behind it, and whether the end was among them."""
        jobs = [first]
        with contextlib.suppress(queue.Empty):
            while len(jobs) < TOGETHER:
                job = self._jobs.get_nowait()
                if job is None:
                    return jobs, True
                jobs.append(job)
        return jobs, False

    def _open(self) -> sqlite3.Connection:
        if self._path is not None:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._path.touch(mode=0o600)
        database = sqlite3.connect(self._path or ":memory:", isolation_level=None, timeout=10)
        database.execute("pragma journal_mode = wal")
        database.execute("pragma synchronous = full")
        _migrate(database)
        return database


def _found(database: sqlite3.Connection, entry: tuple[str, str, str, float]) -> bytes | None:
    find = "select value from kept where kind = ? and owner = ? and key = ? and expires > ?"
    row = database.execute(find, entry).fetchone()
    return row[0] if row else None


def _migrate(database: sqlite3.Connection) -> None:
    database.execute("begin immediate")
    try:
        seen: int = database.execute("pragma user_version").fetchone()[0]
        if seen > len(MIGRATIONS):
            raise sqlite3.DatabaseError(f"written by a newer Dragoman (schema {seen}, known {len(MIGRATIONS)})")
        for statements in MIGRATIONS[seen:]:
            for statement in statements:
                database.execute(statement)
        database.execute(f"pragma user_version = {len(MIGRATIONS):d}")
        database.execute("commit")
    except BaseException:
        database.execute("rollback")
        raise


def _together(database: sqlite3.Connection, jobs: list[Job]) -> None:
    """All jobs in one transaction; each is told its result only once that is on disk."""
    results: list[tuple[Future[Any], Any]] = []
    try:
        database.execute("begin immediate")
        for job, future in jobs:
            results.append((future, job(database)))
        database.execute("commit")
    except (sqlite3.Error, OSError) as error:
        with contextlib.suppress(sqlite3.Error):
            database.execute("rollback")
        for _, future in jobs:
            _tell(future, error)
        return
    for future, result in results:
        if future.set_running_or_notify_cancel():
            future.set_result(result)


def _tell(future: Future[Any], error: Exception) -> None:
    if future.set_running_or_notify_cancel():
        future.set_exception(error)
