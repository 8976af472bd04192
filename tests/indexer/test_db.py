"""The one writer, the readers, and what is left after the worst."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from patience import PATIENCE
from timbred_indexer.db import Database, current_seq, next_seq
from timbred_indexer.errors import StorageError, UnavailableError


def put(key: str) -> Callable[[sqlite3.Connection], None]:
    def task(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO meta VALUES (?, 1)", (key,))

    return task


def keys(connection: sqlite3.Connection) -> set[str]:
    """What :func:`put` wrote: it writes 1."""
    return {row[0] for row in connection.execute("SELECT key FROM meta WHERE value = 1")}


class Held:
    """A task that keeps the writer until :meth:`release`, so that others queue up behind it."""

    def __init__(self) -> None:
        self._reached, self._released = threading.Event(), threading.Event()

    def __call__(self, _: sqlite3.Connection) -> None:
        self._reached.set()
        assert self._released.wait(PATIENCE)

    async def reached(self) -> None:
        assert await asyncio.to_thread(self._reached.wait, PATIENCE)

    def release(self) -> None:
        self._released.set()


async def queue_behind(db: Database, *tasks: Callable[[sqlite3.Connection], object]) -> list[object]:
    """Runs the tasks as one group; gives their results or errors."""
    held = Held()
    first = asyncio.create_task(db.write(held))
    await held.reached()
    waiting = [asyncio.create_task(db.write(task)) for task in tasks]
    await asyncio.sleep(0)
    held.release()
    await first
    return await asyncio.gather(*waiting, return_exceptions=True)


def fill_the_disk(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO sound SELECT NULL, zeroblob(1e6), 1, 1, 1, '', 0, '', 1")


async def limit_pages(db: Database, spare: int) -> None:
    def limit(connection: sqlite3.Connection) -> None:
        pages: int = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + spare}")

    await db.write(limit)


def code_of(outcome: object) -> str | None:
    return outcome.code if isinstance(outcome, StorageError) else None


async def test_a_write_gives_its_result_and_is_read_back(db: Database) -> None:
    assert await db.write(lambda connection: (put("a")(connection), 5)[1]) == 5
    assert await db.read(keys) == {"a"}


async def test_writes_that_wait_share_one_commit(db: Database) -> None:
    commits: list[int] = []
    db.on_commit = lambda: commits.append(1)
    await queue_behind(db, put("a"), put("b"), put("c"))
    assert (len(commits), await db.read(keys)) == (2, {"a", "b", "c"})


async def test_a_task_that_fails_does_not_hurt_its_neighbours(db: Database) -> None:
    def fail(connection: sqlite3.Connection) -> None:
        put("half")(connection)
        raise KeyError("mine")

    outcomes = await queue_behind(db, put("a"), fail, put("a"), put("b"))
    assert [type(outcome) for outcome in outcomes] == [type(None), KeyError, StorageError, type(None)]
    assert await db.read(keys) == {"a", "b"}


async def test_a_write_cancelled_while_it_waits_is_not_run_and_the_writer_lives(db: Database) -> None:
    held = Held()
    first = asyncio.create_task(db.write(held))
    await held.reached()
    second = asyncio.create_task(db.write(put("a")))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.wait([second])
    held.release()
    await first
    await db.write(put("b"))
    assert await db.read(keys) == {"b"}


async def test_a_full_disk_is_said_and_loses_nothing_that_was_acknowledged(db: Database) -> None:
    await db.write(put("before"))
    await limit_pages(db, spare=2)
    with pytest.raises(StorageError) as caught:
        await db.write(fill_the_disk)
    assert caught.value.code == "disk_full"
    await limit_pages(db, spare=1000)
    await db.write(put("after"))
    assert await db.read(keys) == {"before", "after"}


async def test_those_who_share_a_commit_with_a_full_disk_are_told_the_truth(db: Database) -> None:
    await limit_pages(db, spare=2)
    outcomes = await queue_behind(db, put("a"), fill_the_disk, put("b"))
    assert code_of(outcomes[1]) == "disk_full"
    kept = {key for key, outcome in zip("a-b", outcomes, strict=True) if outcome is None}
    assert await db.read(keys) == kept
    assert {code_of(outcome) for outcome in outcomes} <= {None, "disk_full"}


async def test_a_commit_that_cannot_be_made_is_said_to_all_who_share_it_and_to_nobody_else(db: Database) -> None:
    def break_the_transaction(connection: sqlite3.Connection) -> None:
        connection.execute("ROLLBACK")

    outcomes = await queue_behind(db, put("a"), break_the_transaction, put("b"))
    assert [type(outcome) for outcome in outcomes] == [StorageError] * 3
    await db.write(put("c"))
    assert await db.read(keys) == {"c"}


async def test_a_read_sees_one_state_while_others_write(db: Database) -> None:
    loop = asyncio.get_running_loop()

    def look_twice(connection: sqlite3.Connection) -> tuple[set[str], set[str]]:
        before = keys(connection)
        asyncio.run_coroutine_threadsafe(db.write(put("a")), loop).result(PATIENCE)
        return before, keys(connection)

    assert await db.read(look_twice) == (set(), set())
    assert await db.read(keys) == {"a"}


async def test_a_read_cannot_write(db: Database) -> None:
    with pytest.raises(StorageError):
        await db.read(put("a"))
    assert await db.read(keys) == set()


async def test_the_clock_only_goes_forward(db: Database) -> None:
    first = await db.write(next_seq)
    assert await db.write(next_seq) == first + 1 == await db.read(current_seq)


async def test_closing_finishes_what_was_queued_and_refuses_what_comes_later(db: Database) -> None:
    held = Held()
    first = asyncio.create_task(db.write(held))
    await held.reached()
    second = asyncio.create_task(db.write(put("a")))
    await asyncio.sleep(0)
    closing = asyncio.create_task(asyncio.to_thread(db.close))
    held.release()
    await asyncio.gather(first, second, closing)
    await asyncio.to_thread(db.close)
    for call in (db.write(keys), db.read(keys)):
        with pytest.raises(UnavailableError):
            await call


def test_nobody_else_may_read_the_database(tmp_path: Path) -> None:
    old = os.umask(0o022)
    db = Database.open(str(tmp_path / "metadata.db"))
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    db.close()
    os.umask(old)
    assert modes == {"metadata.db": 0o600, "metadata.db-wal": 0o600, "metadata.db-shm": 0o600}


def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "metadata.db"
    path.write_bytes(b"dear diary" * 1000)
    with pytest.raises(StorageError) as caught:
        Database.open(str(path))
    assert (caught.value.code, path.read_bytes()) == ("database_corrupt", b"dear diary" * 1000)


@pytest.mark.parametrize("path", ["/nonexistent/metadata.db", "/dev"])
def test_a_place_where_no_database_can_be_is_a_storage_error(path: str) -> None:
    with pytest.raises(StorageError):
        Database.open(path)


WRITES_FOR_EVER = """
import asyncio, sys
from timbred_indexer.db import Database, next_seq

async def main():
    db = Database.open(sys.argv[1])
    while True:
        print(await db.write(next_seq), flush=True)

asyncio.run(main())
"""


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    path = str(tmp_path / "metadata.db")
    with subprocess.Popen([sys.executable, "-c", WRITES_FOR_EVER, path], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        for _ in range(20):
            child.stdout.readline()
        child.kill()
        acknowledged = [20, *map(int, child.stdout.read().split(b"\n")[:-1])][-1]
    db = Database.open(path)
    try:
        assert db.read_here(current_seq) >= acknowledged
    finally:
        db.close()
